"""What a reader found, row by row or block by block -> channels in order, with oddities counted.

Every reader ends here, so that all formats treat a clock that jumps, a row that is there twice,
a unit that differs and a value that nobody can have in the same way: masked or left out, and
counted. Nothing is repaired in silence and nothing is guessed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.kinds import KINDS, conversion
from holter.signals.recording import (
    EARLIEST_NS,
    LATEST_NS,
    SECOND_NS,
    Channel,
    Finding,
    Recording,
    Series,
    Waveform,
)
from holter.signals.stretches import TOGETHER, Stretch, apart_from_earlier, evenly, times_of

_BREAK = 1.5  # usual steps: a longer one between two samples is a gap, not a late sample
_BURSTS = 0.02  # share of steps that must be long before they count as bursts and not as gaps
_LONGEST_BURST_NS = SECOND_NS
_SHUFFLED = 0.01  # more steps back than this share: rows in no order, not a clock that was set
_AT_ONCE = 1 << 20  # rows
_MOST_OFFSET_MINUTES = 18 * 60  # no zone is farther from UTC


@dataclass
class Gathered:
    """A recording in the making: channels and findings are added, then ``recording`` ends it."""

    source: str
    device_class: str = ""
    zone: str = ""
    person: str = field(default="", repr=False)
    channels: dict[str, Channel] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def note(self, what: str, count: int, channel: str = "") -> None:
        """Remember an oddity, unless its count is 0."""
        if count:
            self.findings.append(Finding(what, int(count), channel))

    def series(
        self,
        kind: str,
        time_ns: npt.ArrayLike,
        value: npt.ArrayLike,
        *,
        until_ns: npt.ArrayLike | None = None,
        unit: str | None = None,
        offset_minutes: npt.ArrayLike = 0,
        names: Sequence[str] = (),
        name: str | None = None,
    ) -> None:
        """Add a slow channel from rows in any order. No rows: no channel.

        value: in ``unit`` (default: the kind's); NaN where the source has none. Left out, with a
        count: rows with impossible times, rows that end before they begin, rows that are there
        twice. Masked (NaN), with a count: values outside the kind's limits.
        """
        label = name or kind
        about = KINDS[kind]
        time = times_of(time_ns)
        until = time if until_ns is None else times_of(until_ns)
        multiply, add = conversion(kind, unit) if unit is not None else (1.0, 0.0)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is masked below
            values = np.asarray(value, dtype=np.float64).reshape(-1) * multiply + add
        away = np.asarray(offset_minutes).reshape(-1)
        if not len(time) == len(until) == len(values) or len(away) not in (1, len(time)):
            raise DataError(f"{label}: times and values are not equally many")
        odd = np.abs(away) > _MOST_OFFSET_MINUTES
        self.note("impossible offsets from UTC, taken as 0", int(odd.sum()), label)
        offset = np.broadcast_to(np.where(odd, 0, away).astype(np.int16), time.shape)
        good = (time >= EARLIEST_NS) & (time <= LATEST_NS) & (until <= LATEST_NS)
        self.note("rows with an impossible time, left out", int((~good).sum()), label)
        backwards = good & (until < time)
        self.note("rows that end before they begin, left out", int(backwards.sum()), label)
        good &= ~backwards
        time, until, values, offset = time[good], until[good], values[good], offset[good]
        self.note("rows out of order, sorted", int((np.diff(time) < 0).sum()), label)
        order = np.lexsort((values, until, time))
        time, until, values, offset = time[order], until[order], values[order], offset[order]
        if len(time) > 1:
            same = (np.diff(time) == 0) & (np.diff(until) == 0)
            same &= (values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))
            keep = np.concatenate([[True], ~same])
            self.note("rows there twice, left out", int((~keep).sum()), label)
            time, until, values, offset = time[keep], until[keep], values[keep], offset[keep]
        highest = len(names) - 1 if names else about.highest
        wrong = ~np.isnan(values) & ~((values >= about.lowest) & (values <= highest))
        if names or about.names:  # between two names there is nothing
            wrong |= ~np.isnan(values) & (values != np.floor(values))
        self.note("impossible values, masked", int(wrong.sum()), label)
        values = np.where(wrong, np.nan, values)
        if len(time):
            self._add(label, Series(kind, time, until, values, offset, tuple(names) or about.names))

    def blocks(
        self,
        kind: str,
        parts: Sequence[tuple[int, float, npt.NDArray[np.floating]]],
        *,
        axes: Sequence[str] = ("",),
        unit: str | None = None,
        nominal_rate_hz: float | None = None,
        limits: tuple[float, float] | None = None,
        name: str | None = None,
    ) -> None:
        """Add a fast channel from blocks (start_ns, rate_hz, values of shape (n,) or (n, axes)).

        For sources that state a start and a rate. Blocks that follow one another within half a
        sample become one segment, at the rate that their starts show where that is within 0.1 %
        of the stated one. Left out, with a count: samples that overlap earlier ones.
        """
        label = name or kind
        pieces = [p for p in parts if len(p[2])]
        back = sum(int(b[0]) < int(a[0]) for a, b in itertools.pairwise(pieces))
        self.note("blocks out of order, sorted", back, label)
        pieces.sort(key=lambda p: p[0])  # the clock may have been set back between two blocks
        stretches: list[Stretch] = []
        overlap = impossible = 0
        for first, rate, raw in pieces:
            start = int(first)
            if not (EARLIEST_NS <= start <= LATEST_NS) or not 0 < rate < 1e6:
                self.note("samples with an impossible time or rate, left out", len(raw), label)
                continue
            values, wrong = self._possible(kind, unit, raw, len(axes))
            impossible += wrong
            if stretches:
                # Of two rates the faster one says what half a sample is: no sample may come
                # before the last of the block before it.
                early = (stretches[-1].end_ns - start) / SECOND_NS
                slack = TOGETHER / max(rate, stretches[-1].rate_hz)
                skip = math.ceil((early - slack) * rate - 1e-6) if early > slack else 0
                if skip > 0:
                    overlap += min(skip, len(values))
                    values = values[skip:]
                    start += round(skip * SECOND_NS / rate)
                if not len(values):
                    continue
                if stretches[-1].follows(start, rate):
                    stretches[-1].add(start, values)
                    continue
            stretches.append(Stretch(float(rate), start, start, [values]))
        self.note("samples that overlap earlier ones, left out", overlap, label)
        self.note("impossible values, masked", impossible, label)
        if stretches:
            segments = tuple(each.segment() for each in stretches)
            self._add(label, Waveform(kind, tuple(axes), segments, nominal_rate_hz, limits))

    def stamped(
        self,
        kind: str,
        time_ns: npt.ArrayLike,
        value: npt.NDArray[np.floating],
        *,
        axes: Sequence[str] = ("",),
        unit: str | None = None,
        nominal_rate_hz: float | None = None,
        limits: tuple[float, float] | None = None,
        name: str | None = None,
    ) -> None:
        """Add a fast channel from time-stamped samples: the stamps say the rate, not the label.

        The usual step is the median of the stamps' steps. A step of more than 1.5 usual ones
        ends a segment, and so does a clock that is set back. Where longer steps below a second
        are common (one in fifty), stamps come in bursts, as packets of a radio do, and the long
        steps are usual as well. Within a segment the samples are
        brought to an even rate by linear interpolation at their own mean rate.
        """
        label = name or kind
        time = times_of(time_ns)
        if len(time) != len(value):
            raise DataError(f"{label}: times and values are not equally many")
        good = (time >= EARLIEST_NS) & (time <= LATEST_NS)
        self.note("samples with an impossible time, left out", int((~good).sum()), label)
        if not good.any():
            return
        raw = np.asarray(value)
        if not good.all():  # a week at 100 Hz is 60 million rows: no copy without need
            time, raw = time[good], raw[good]
        values, impossible = self._possible(kind, unit, raw, len(axes))
        self.note("impossible values, masked", impossible, label)
        back = int((time[1:] < time[:-1]).sum())
        passes = np.zeros(len(time) if back else 0, dtype=np.int64)
        if back > max(1, _SHUFFLED * len(time)):
            self.note("samples out of order, sorted", back, label)
        else:
            self.note("places where the clock is set back", back, label)
            passes[1:] = np.cumsum(np.diff(time) < 0) if back else 0
        if back:
            order = np.argsort(time, kind="stable")
            time, values, passes = time[order], values[order], passes[order]
        fresh = np.concatenate([[True], time[1:] > time[:-1]])
        if not fresh.all():
            self.note("samples at the time of another, left out", int((~fresh).sum()), label)
            time, values, passes = time[fresh], values[fresh], passes[fresh[: len(passes)]]
        if passes.any():
            apart = apart_from_earlier(time, passes)
            self.note("samples that overlap earlier ones, left out", int((~apart).sum()), label)
            time, values, passes = time[apart], values[apart], passes[apart]
        if len(time) < 2:
            self.note("samples too few for a rate, left out", len(time), label)
            return
        steps = np.diff(time)
        usual = float(np.median(steps))
        common = float(np.quantile(steps, 1 - _BURSTS))
        bursts = _BREAK * usual < common < _LONGEST_BURST_NS
        longest = _BREAK * (common if bursts else usual)
        apart = steps > longest
        apart[: len(passes)] |= np.diff(passes) != 0 if len(passes) else False
        ends = np.flatnonzero(apart) + 1
        edges = np.concatenate([[0], ends, [len(time)]])
        segments, single = [], 0
        for first, last in itertools.pairwise(edges.tolist()):
            if last - first < 2:
                single += last - first
                continue
            segments.append(evenly(time[first:last], values[first:last], bursts=bursts))
        self.note("samples alone between two gaps, left out", single, label)
        if segments:
            self._add(label, Waveform(kind, tuple(axes), tuple(segments), nominal_rate_hz, limits))

    def recording(self) -> Recording:
        """The finished recording. Raises DataError if it has no channel at all."""
        if not self.channels:
            why = "; ".join(f"{f.what} ({f.count})" for f in self.findings[:3])
            raise DataError(
                f"{self.source}: nothing that holter reads is in it" + (f": {why}" if why else "")
            )
        return Recording(
            self.source,
            self.device_class,
            self.zone,
            dict(self.channels),
            tuple(self.findings),
            self.person,
        )

    def _possible(
        self, kind: str, unit: str | None, raw: npt.NDArray[np.floating], axes: int
    ) -> tuple[npt.NDArray[np.float32], int]:
        """Values in the kind's unit, (n, axes), float32, impossible ones NaN, and how many."""
        multiply, add = conversion(kind, unit) if unit is not None else (1.0, 0.0)
        shaped = np.asarray(raw)
        shaped = shaped.reshape(-1, 1) if shaped.ndim == 1 else shaped
        if shaped.ndim != 2 or shaped.shape[1] != axes:
            raise DataError(f"{kind}: values of shape {shaped.shape} where {axes} axes are named")
        about = KINDS[kind]
        as_given = shaped.dtype == np.float32 and (multiply, add) == (1.0, 0.0)
        if as_given and not _beyond(shaped, about.lowest, about.highest):
            return shaped, 0
        values = np.empty(shaped.shape, dtype=np.float32)
        masked = 0
        for low in range(0, len(shaped), _AT_ONCE):  # a week at 100 Hz has 60 million rows
            with np.errstate(over="ignore", invalid="ignore"):  # what overflows is masked
                part = shaped[low : low + _AT_ONCE].astype(np.float64) * multiply + add
            wrong = ~np.isnan(part) & ~((part >= about.lowest) & (part <= about.highest))
            masked += int(wrong.sum())
            values[low : low + _AT_ONCE] = np.where(wrong, np.nan, part)
        return values, masked

    def _add(self, label: str, channel: Channel) -> None:
        if label in self.channels:
            raise DataError(f"two channels are called {label}")
        self.channels[label] = channel


def _beyond(values: npt.NDArray[np.floating], lowest: float, highest: float) -> bool:
    """Whether any value lies outside; NaN does not."""
    parts = (values[low : low + _AT_ONCE] for low in range(0, len(values), _AT_ONCE))
    return any(bool(((part < lowest) | (part > highest)).any()) for part in parts)
