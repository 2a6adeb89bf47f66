"""Columns of rows on their way to ``gathering``, by person and channel.

For readers whose files are tables: they hand over arrays, often of several people and many files,
and ``RowsByPerson.gathered`` makes one recording in the making of each person. Readers that find
their rows one by one use ``rows``.

What was odd counts for the person whose rows it is about. What belongs to nobody, as a damaged
line that does not say whose it was, counts once: for the first person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.readers.mapping_words import MappedChannel
from holter.signals.readers.tables import MOST_VALUES
from holter.signals.readers.times import NO_TIME, WALL_CLOCK
from holter.signals.recording import SECOND_NS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_MOST_NAMES = 255  # of one category


@dataclass
class RowsByPerson:
    """Rows of many files on their way to ``gathering``, by person and channel."""

    notes: dict[tuple[str, str, str | None], int] = field(default_factory=dict)
    _slow: dict[str, dict[str, list[tuple[Any, ...]]]] = field(default_factory=dict)
    _fast: dict[str, dict[str, list[tuple[Any, ...]]]] = field(default_factory=dict)
    _about: dict[str, tuple[str, MappedChannel | None]] = field(default_factory=dict)
    _names: dict[str, list[str]] = field(default_factory=dict)
    _values: int = 0

    def note(self, what: str, count: int, channel: str = "", person: str | None = None) -> None:
        """Add to the count of an oddity; person: whose rows it is about, None where unknown."""
        if count:
            key = what, channel, person
            self.notes[key] = self.notes.get(key, 0) + int(count)

    def of(self, person: str) -> RowsOfOne:
        """One person's part."""
        return RowsOfOne(self, person)

    def slow(
        self, person: str, label: str, kind: str, time: Integers, until: Integers, value: Floats,
        offset: npt.NDArray[np.int16],
    ) -> None:  # fmt: skip
        """Rows of a slow channel, values in the kind's unit."""
        self._count(label, kind, None, len(value))
        self._slow.setdefault(person, {}).setdefault(label, []).append((time, until, value, offset))

    def fast(self, person: str, channel: MappedChannel, time: Integers, value: Floats) -> None:
        """Samples of a fast channel, shape (n, axes), in the kind's unit."""
        self._count(channel.label, channel.kind, channel, value.size)
        self._fast.setdefault(person, {}).setdefault(channel.label, []).append((time, value))

    def name_index(self, label: str, name: str) -> int | None:
        """The number of a category's name; None when there are too many."""
        names = self._names.setdefault(label, [])
        if name not in names:
            if len(names) >= _MOST_NAMES:
                return None
            names.append(name)
        return names.index(name)

    def zone(self, named: str | None) -> str:
        """The zone of the recordings: as named; "" if any time was a wall-clock time; else UTC."""
        return named or ("" if any(what == WALL_CLOCK for what, _, _ in self.notes) else "UTC")

    def gathered(self, source: str, device_class: str, zone: str) -> list[Gathered]:
        """One recording in the making for each person, in order of their names."""
        made = []
        people = sorted({*self._slow, *self._fast}) or [""]
        notes = self._notes_of(people)
        for person in people:
            out = Gathered(source, device_class, zone, person)
            for label, parts in self._slow.get(person, {}).items():
                time, until, value, offset = (np.concatenate(p) for p in zip(*parts, strict=True))
                names = self._names.get(label, ())
                kind = self._about[label][0]
                out.series(kind, time, value, until_ns=until, offset_minutes=offset, names=names,
                           name=label)  # fmt: skip
            for label, parts in self._fast.get(person, {}).items():
                time, value = (np.concatenate(p) for p in zip(*parts, strict=True))
                kind, channel = self._about[label]
                assert channel is not None
                if channel.rate_hz is None:
                    out.stamped(kind, time, value, axes=channel.axes, name=label)
                else:
                    _at_rate(out, channel, time, value)
            for (what, channel_name), count in notes[person].items():
                out.note(what, count, channel_name)
            made.append(out)
        return made

    def _notes_of(self, people: Sequence[str]) -> dict[str, dict[tuple[str, str], int]]:
        """Oddities by person; those of nobody, or of one without any row left, are the first's."""
        notes: dict[str, dict[tuple[str, str], int]] = {person: {} for person in people}
        for (what, channel, whose), count in self.notes.items():
            mine = notes[whose if whose is not None and whose in notes else people[0]]
            mine[what, channel] = mine.get((what, channel), 0) + count
        return notes

    def _count(self, label: str, kind: str, channel: MappedChannel | None, values: int) -> None:
        known, first = self._about.setdefault(label, (kind, channel))
        same = first is channel is None or (
            first is not None
            and channel is not None
            and (first.axes, first.rate_hz) == (channel.axes, channel.rate_hz)
        )
        if known != kind or not same:
            raise DataError(f"mapping: two different channels are called {label}: give one a name")
        self._values += values
        if self._values > MOST_VALUES:
            raise DataError(f"more than {MOST_VALUES:,} values at once: read fewer files together")


@dataclass(frozen=True)
class RowsOfOne:
    """One person's part of ``rows``: what is odd in it counts for that person alone."""

    rows: RowsByPerson
    person: str

    def note(self, what: str, count: int, channel: str = "") -> None:
        """Add to the count of an oddity."""
        self.rows.note(what, count, channel, self.person)

    def slow(
        self, label: str, kind: str, time: Integers, until: Integers, value: Floats,
        offset: npt.NDArray[np.int16],
    ) -> None:  # fmt: skip
        """Rows of a slow channel, values in the kind's unit."""
        self.rows.slow(self.person, label, kind, time, until, value, offset)

    def fast(self, channel: MappedChannel, time: Integers, value: Floats) -> None:
        """Samples of a fast channel, shape (n, axes), in the kind's unit."""
        self.rows.fast(self.person, channel, time, value)

    def name_index(self, label: str, name: str) -> int | None:
        """The number of a category's name; None when there are too many."""
        return self.rows.name_index(label, name)


def _at_rate(out: Gathered, channel: MappedChannel, time: Integers, value: Floats) -> None:
    """Samples whose stamps are too coarse to order them: stretches at a rate, gaps as gaps.

    Within a stretch the rate is what the stamps show, once they span a hundred times their own
    coarseness; before that it is the rate that the mapping says.
    """
    assert channel.rate_hz is not None
    good = time != NO_TIME
    out.note("samples with an impossible time, left out", int((~good).sum()), channel.label)
    time, value = time[good], value[good]
    steps = np.diff(time)
    coarse = float(steps[steps > 0].min()) if (steps > 0).any() else SECOND_NS / channel.rate_hz
    ends = (
        np.flatnonzero((steps < 0) | (steps > 1.5 * max(coarse, SECOND_NS / channel.rate_hz))) + 1
    )
    blocks, other = [], 0
    for rows in np.split(np.arange(len(time)), ends):
        if not len(rows):
            continue
        span = float(time[rows[-1]] - time[rows[0]])
        rate = channel.rate_hz
        if span > 100 * coarse:
            # the last stamp's samples are not all there, so measure up to where it begins
            before = int((time[rows] < time[rows[-1]]).sum())
            rate = before * SECOND_NS / span
            other += abs(rate / channel.rate_hz - 1) > 0.05
        blocks.append((int(time[rows[0]]), rate, value[rows]))
    out.note("stretches whose stamps show another rate than rate_hz, read at theirs", other,
             channel.label)  # fmt: skip
    out.blocks(channel.kind, blocks, axes=channel.axes, nominal_rate_hz=channel.rate_hz,
               name=channel.label)  # fmt: skip
