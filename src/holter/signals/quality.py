"""What of a recording is usable, channel by channel: shares, spans, masks, a masked copy.

Four reasons why a moment is not usable, in the order in which ``Usable`` tells them: a gap (no
sample, or one that the reader masked), non-wear (``wear``), saturation and artefact (both by the
rules of ``artefacts``). Read in order: ``usable``, ``masks``, then how masks are made (of fast
channels, of slow ones) and told as shares and spans.

A heart whose beats differ in shape can still fail: ``masks`` tells the reasons apart, so a task
on arrhythmia may leave artefacts in. Fast channels are worked on a million samples at a time; a
mask takes one byte a sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from holter.signals.artefacts import (
    BEATING,
    doubtful_beats,
    eda_faults,
    flat_lines,
    heart_jumps,
    saturated,
    spikes,
)
from holter.signals.kinds import KINDS
from holter.signals.recording import SECOND_NS, Channel, Recording, Segment, Series, Waveform
from holter.signals.resampling import united
from holter.signals.wear import Spans, non_wear

MISSING, NON_WEAR, SATURATED, ARTEFACT = 1, 2, 4, 8  # bits of a mask
_WHAT = {MISSING: "gap", NON_WEAR: "non-wear", SATURATED: "saturated", ARTEFACT: "artefact"}

_CHUNK = 1 << 20  # samples
_GAP_STEPS = 5.0  # of a slow channel's usual long step (its 90th percentile)
_NEAR_NS = SECOND_NS  # spans of one reason that are nearer than this are told as one

Bits = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Mask:
    """Why samples of a segment (or rows of a slow channel) are not usable; shape (n,)."""

    bits: Bits

    @property
    def any(self) -> Flags:
        """Not usable, for any reason."""
        return np.asarray(self.bits != 0)

    def of(self, reason: int) -> Flags:
        """Not usable for MISSING, NON_WEAR, SATURATED or ARTEFACT."""
        return np.asarray((self.bits & reason) != 0)


@dataclass(frozen=True)
class Span:
    """A stretch that is not usable. what: gap, non-wear, saturated or artefact."""

    what: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class Usable:
    """Shares, 0 to 1, of the time from a channel's first to its last sample.

    share: usable. The other shares may overlap one another. spans: in order of time.
    """

    share: float
    gaps_share: float
    non_wear_share: float
    saturated_share: float
    artefact_share: float
    spans: tuple[Span, ...]


def usable(recording: Recording) -> Mapping[str, Usable]:
    """What of each channel is usable. A channel of no length (one row) is judged by that row."""
    found = masks(recording)
    return {
        name: (_of_waveform if isinstance(channel, Waveform) else _of_series)(channel, found[name])
        for name, channel in recording.channels.items()
    }


def masked(recording: Recording) -> Recording:
    """The recording with NaN in place of every sample and row that is not usable."""
    found = masks(recording)
    return replace(
        recording,
        channels={
            name: _masked(channel, found[name]) for name, channel in recording.channels.items()
        },
    )


def masks(recording: Recording) -> Mapping[str, tuple[Mask, ...]]:
    """By channel: one mask a segment; of a slow channel one mask of its rows."""
    away = non_wear(recording)
    return {
        name: (
            tuple(Mask(bits) for bits in _waveform_bits(channel, away, recording))
            if isinstance(channel, Waveform)
            else (Mask(_series_bits(channel, away)),)
        )
        for name, channel in recording.channels.items()
    }


def _masked(channel: Channel, found: tuple[Mask, ...]) -> Channel:
    if isinstance(channel, Series):
        return replace(channel, value=np.where(found[0].any, np.nan, channel.value))
    segments = [
        replace(s, values=np.where(m.any[:, None], np.float32(np.nan), s.values))
        if m.bits.any()
        else s
        for s, m in zip(channel.segments, found, strict=True)
    ]
    return replace(channel, segments=tuple(segments))


# --- masks of fast channels


def _waveform_bits(wave: Waveform, away: Spans, recording: Recording) -> list[Bits]:
    result = []
    for segment in wave.segments:
        bits = np.zeros(len(segment.values), dtype=np.uint8)
        for low, high, part in _parts(segment):  # one sample more at each side
            inner = slice(low - max(0, low - 1), low - max(0, low - 1) + high - low)
            missing: Flags = np.any(np.isnan(part), axis=1)
            bits[low:high] |= MISSING * missing[inner].astype(np.uint8)
            if wave.limits is not None:
                full = saturated(part, wave.limits)[inner]
                bits[low:high] |= SATURATED * full.astype(np.uint8)
            far = spikes(part, wave.kind, segment.rate_hz)[inner]
            bits[low:high] |= ARTEFACT * far.astype(np.uint8)
        for start, end in away.tolist():
            low, high = _rows(segment, start, end)
            bits[low:high] |= NON_WEAR
        if wave.kind in BEATING:
            _mark(bits, flat_lines(segment))
        if wave.kind == "eda":
            _mark(bits, eda_faults(segment, recording))
        result.append(bits)
    if wave.kind in BEATING:
        for segment, bits in zip(wave.segments, result, strict=True):
            # Beats are sought in what is left, so that one fault does not hide its neighbours.
            values = np.where((bits & (MISSING | SATURATED | ARTEFACT))[:, None] != 0,
                              np.float32(np.nan), segment.values)  # fmt: skip
            _mark(bits, doubtful_beats(replace(segment, values=values), wave))
    return result


def _mark(bits: Bits, spans: list[tuple[int, int]]) -> None:
    for low, high in spans:
        bits[low:high] |= ARTEFACT


def _parts(segment: Segment) -> Iterator[tuple[int, int, npt.NDArray[np.float32]]]:
    """(low, high, samples low - 1 to high + 1) of chunks."""
    n = len(segment.values)
    for low in range(0, n, _CHUNK):
        high = min(low + _CHUNK, n)
        yield low, high, segment.values[max(0, low - 1) : high + 1]


def _rows(segment: Segment, start_ns: int, end_ns: int) -> tuple[int, int]:
    """Rows of a segment within a span."""
    rate = segment.rate_hz / SECOND_NS
    low = int(np.ceil((start_ns - segment.start_ns) * rate - 1e-6))
    high = int(np.ceil((end_ns - segment.start_ns) * rate - 1e-6))
    n = len(segment.values)
    return min(max(low, 0), n), min(max(high, 0), n)


# --- slow channels


def _series_bits(series: Series, away: Spans) -> Bits:
    bits = np.where(np.isnan(series.value), MISSING, 0).astype(np.uint8)
    if series.kind != "worn" and len(away):
        middle = series.time_ns + (series.until_ns - series.time_ns) // 2
        row = np.searchsorted(away[:, 0], middle, side="right") - 1
        inside = (row >= 0) & (middle < away[np.maximum(row, 0), 1])
        bits[inside] |= NON_WEAR
    if series.kind == "heart_rate":
        bits |= ARTEFACT * heart_jumps(series).astype(np.uint8)
    return bits


def _of_series(channel: Channel, found: tuple[Mask, ...]) -> Usable:
    """A row stands for its own span, or until the next row, but not longer than a usual step."""
    assert isinstance(channel, Series)
    time, until = channel.time_ns, channel.until_ns
    bits = found[0].bits
    categories = bool(KINDS[channel.kind].names or channel.names)
    steps = np.diff(time)
    rising = steps[steps > 0]
    start, end = channel.span_ns
    if end <= start or not len(rising):
        now = np.arange(len(bits), dtype=np.int64)  # as if each row lasted equally long
        return replace(_told(0, len(bits), np.stack([now, now + 1], axis=1), bits, []), spans=())
    longest = int(_GAP_STEPS * float(np.percentile(rising, 90)))
    free = categories or KINDS[channel.kind].counts_over_time  # no rows there: nothing happened
    following = np.append(time[1:], end)
    reach = np.maximum(until, following if free else np.minimum(following, time + longest))
    reach = np.minimum(reach, np.maximum(following, time))  # where rows overlap, the later one
    edges = np.stack([time, np.maximum(reach, time)], axis=1)
    lost = [Span("gap", int(a), int(b)) for a, b in zip(reach, following, strict=True) if b > a]
    return _told(start, end, edges, bits, lost)


# --- telling


def _of_waveform(channel: Channel, found: tuple[Mask, ...]) -> Usable:
    assert isinstance(channel, Waveform)
    start, end = channel.span_ns
    edges, bits = [np.zeros((0, 2), dtype=np.int64)], [np.zeros(0, dtype=np.uint8)]
    lost: list[Span] = []
    for segment, mask in zip(channel.segments, found, strict=True):
        changes = np.flatnonzero(np.diff(mask.bits)) + 1
        firsts = np.concatenate([[0], changes, [len(mask.bits)]])
        at = segment.start_ns + np.round(firsts * (SECOND_NS / segment.rate_hz)).astype(np.int64)
        edges.append(np.stack([at[:-1], at[1:]], axis=1))
        bits.append(mask.bits[firsts[:-1]])
    for before, after in zip(channel.segments, channel.segments[1:], strict=False):
        if (after.start_ns - before.end_ns) * before.rate_hz > SECOND_NS:
            lost.append(Span("gap", before.end_ns, after.start_ns))
    return _told(start, end, np.concatenate(edges), np.concatenate(bits), lost)


def _told(start: int, end: int, edges: Spans, bits: Bits, lost: list[Span]) -> Usable:
    """Shares and spans from stretches of one mask each and the gaps between them."""
    if end <= start:
        return Usable(0.0, 0.0, 0.0, 0.0, 0.0, ())
    length = (edges[:, 1] - edges[:, 0]).astype(np.float64)
    whole = float(end - start)
    gaps = sum(span.end_ns - span.start_ns for span in lost)
    shares = {r: float(length[(bits & r) != 0].sum()) / whole for r in _WHAT}
    good = float(length[bits == 0].sum()) / whole
    spans = list(lost)
    for reason, what in _WHAT.items():
        rows = edges[(bits & reason) != 0]
        if len(rows):
            time, until = united(rows[:, 0], rows[:, 1] + _NEAR_NS)
            spans += [
                Span(what, a, b - _NEAR_NS)
                for a, b in zip(time.tolist(), until.tolist(), strict=True)
            ]
    return Usable(
        share=min(good, 1.0),
        gaps_share=min(shares[MISSING] + gaps / whole, 1.0),
        non_wear_share=min(shares[NON_WEAR], 1.0),
        saturated_share=min(shares[SATURATED], 1.0),
        artefact_share=min(shares[ARTEFACT], 1.0),
        spans=tuple(sorted(spans, key=lambda span: (span.start_ns, span.end_ns))),
    )
