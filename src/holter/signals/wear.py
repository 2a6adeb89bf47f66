"""When a device was not on a body: spans of time, from whatever the recording tells.

    worn channel       what the device's own sensor says; where it speaks, it has the last word
    acceleration       van Hees et al., PLoS ONE 6 (2011) e22922 and 8 (2013) e61691: each 15 minutes
                       is judged by the 60 around it; non-wear when on two of three axes (or on all
                       of fewer) the standard deviation is under 13 mg and the range under 50 mg
    skin temperature   under 25 degC while the acceleration is still, in blocks of 7.5 minutes
    heart rate         none for an hour from a device that gives one at least every 15 minutes, and
                       nothing moves meanwhile

A recording shorter than an hour is one window as a whole; shorter than 15 minutes, acceleration
alone says nothing: people sit still. The same holds for windows of which less than half was
measured. A watch on a person in deep sleep still moves with breath and pulse; a device that lies
in a moving car looks worn. Memory: one block of 7.5 minutes at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holter.signals.recording import SECOND_NS, Recording, Series, Times, Waveform
from holter.signals.resampling import united

BLOCK_NS = 450 * SECOND_NS  # half of a step of 15 minutes, so that windows of 60 are centred on it
_WINDOW_BLOCKS, _STEP_BLOCKS = 8, 2  # 60 and 15 minutes
_LEAST_SECONDS = 900.0  # of a recording, for acceleration to say anything
_STILL_SD_G, _STILL_RANGE_G = 0.013, 0.050  # van Hees et al.
COLD_DEGC = 25.0  # skin under a strap is warmer, also in a cool room
_NO_HEART_NS = 3600 * SECOND_NS
_USUAL_HEART_NS = 900 * SECOND_NS
_MOST_BLOCKS = 1_000_000  # 14 years

Spans = npt.NDArray[np.int64]
"""Shape (n, 2): starts and ends, in order, apart."""
Floats = npt.NDArray[np.float64]


def non_wear(recording: Recording) -> Spans:
    """Spans in which the device was not worn, in order and apart; shape (0, 2) if none is seen."""
    blocks = [_Blocks.of(w) for w in recording.of_kind("acceleration") if isinstance(w, Waveform)]
    found = [
        *(b.lying() for b in blocks if b is not None),
        *(_cold(recording, b) for b in blocks if b is not None),
        _without_heart(recording, [b for b in blocks if b is not None]),
    ]
    away = _union(found)
    for channel in recording.of_kind("worn"):
        if isinstance(channel, Series) and len(channel.time_ns):
            on, off = _worn(channel, recording.span_ns[1])
            away = _union([_without(away, on), off])
    return away


@dataclass(frozen=True)
class _Blocks:
    """Acceleration in blocks of 7.5 minutes: per axis how many samples, and their spread."""

    start_ns: int
    seconds: float
    whole: float  # samples of a full block
    count: Floats  # (blocks, axes)
    total: Floats
    squares: Floats
    lowest: Floats
    highest: Floats

    @classmethod
    def of(cls, wave: Waveform) -> _Blocks | None:
        """None without samples."""
        start, end = wave.span_ns
        number = -((start - end) // BLOCK_NS)
        if number <= 0 or number > _MOST_BLOCKS:
            return None
        shape = (number, len(wave.axes))
        count, total, squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        lowest, highest = np.full(shape, np.inf), np.full(shape, -np.inf)
        for segment in wave.segments:
            offset = segment.start_ns - start
            rate = segment.rate_hz / SECOND_NS
            first, last = offset // BLOCK_NS, (segment.end_ns - start - 1) // BLOCK_NS
            for block in range(int(first), min(int(last), number - 1) + 1):
                low = max(0, int(np.ceil((block * BLOCK_NS - offset) * rate - 1e-6)))
                high = int(np.ceil(((block + 1) * BLOCK_NS - offset) * rate - 1e-6))
                part = segment.values[low:high].astype(np.float64)
                known = ~np.isnan(part)
                if not known.any():
                    continue
                there = np.where(known, part, 0.0)
                count[block] += known.sum(axis=0)
                total[block] += there.sum(axis=0)
                squares[block] += (there**2).sum(axis=0)
                lowest[block] = np.minimum(lowest[block], np.where(known, part, np.inf).min(axis=0))
                highest[block] = np.maximum(
                    highest[block], np.where(known, part, -np.inf).max(axis=0)
                )
        whole = wave.rate_hz * BLOCK_NS / SECOND_NS
        seconds = (end - start) / SECOND_NS
        return cls(start, seconds, whole, count, total, squares, lowest, highest)

    def still(self, first: int, last: int) -> bool | None:
        """Whether nothing moves in blocks [first, last); None if less than half was measured."""
        rows = slice(max(0, first), min(last, len(self.count)))
        samples = self.count[rows].sum(axis=0)
        length = min(self.seconds, (rows.stop - rows.start) * BLOCK_NS / SECOND_NS)
        if samples.max() < 0.5 * self.whole * length * SECOND_NS / BLOCK_NS:
            return None
        n = np.maximum(samples, 1)
        mean = self.total[rows].sum(axis=0) / n
        spread = np.sqrt(np.maximum(self.squares[rows].sum(axis=0) / n - mean**2, 0.0))
        width = self.highest[rows].max(axis=0) - self.lowest[rows].min(axis=0)
        quiet = (samples > 0) & (spread < _STILL_SD_G) & (width < _STILL_RANGE_G)
        return bool(quiet.sum() >= min(2, len(quiet)))

    def lying(self) -> Spans:
        """Non-wear by acceleration alone."""
        if self.seconds < _LEAST_SECONDS:
            return _none()
        steps = -(-len(self.count) // _STEP_BLOCKS)
        if self.seconds < _WINDOW_BLOCKS * BLOCK_NS / SECOND_NS:
            verdicts = [bool(self.still(0, len(self.count)))] * steps
        else:
            side = (_WINDOW_BLOCKS - _STEP_BLOCKS) // 2
            last = len(self.count) - _WINDOW_BLOCKS
            # At the ends the window is moved inwards, so that it is always of 60 minutes.
            starts = [min(max(0, step * _STEP_BLOCKS - side), last) for step in range(steps)]
            verdicts = [bool(self.still(at, at + _WINDOW_BLOCKS)) for at in starts]
        return self.spans(np.repeat(verdicts, _STEP_BLOCKS)[: len(self.count)])

    def spans(self, chosen: npt.NDArray[np.bool_]) -> Spans:
        """Blocks that are chosen, as spans."""
        at = self.start_ns + np.flatnonzero(chosen) * BLOCK_NS
        end = self.start_ns + round(self.seconds * SECOND_NS)
        return np.stack([at, np.minimum(at + BLOCK_NS, end)], axis=1)


def _cold(recording: Recording, blocks: _Blocks) -> Spans:
    """Blocks in which nothing moves and the temperature is that of a room."""
    chosen = np.zeros(len(blocks.count), dtype=bool)
    for channel in recording.of_kind("skin_temperature"):
        for time, value in _values(channel):
            block = (time - blocks.start_ns) // BLOCK_NS
            good = ~np.isnan(value) & (block >= 0) & (block < len(chosen))
            block, value = block[good], value[good]
            count = np.bincount(block, minlength=len(chosen))
            total = np.bincount(block, value, len(chosen))
            chosen |= (count > 0) & (total < COLD_DEGC * count)
    for at in np.flatnonzero(chosen).tolist():
        chosen[at] = blocks.still(at, at + 1) is True
    return blocks.spans(chosen)


def _values(channel: Waveform | Series) -> list[tuple[Times, Floats]]:
    """(times, values) of a slow channel, whichever shape it has."""
    if isinstance(channel, Series):
        return [(channel.time_ns, channel.value)]
    return [
        (
            s.start_ns + np.round(np.arange(len(s.values)) * (SECOND_NS / s.rate_hz)).astype(np.int64),
            s.values[:, 0].astype(np.float64),
        )
        for s in channel.segments
    ]  # fmt: skip


def _without_heart(recording: Recording, blocks: list[_Blocks]) -> Spans:
    """Long silences of a heart rate that is otherwise there, in which nothing moves."""
    found: list[tuple[int, int]] = []
    for channel in recording.of_kind("heart_rate"):
        if not isinstance(channel, Series):
            continue
        time = channel.time_ns[~np.isnan(channel.value)]
        steps = np.diff(time)
        if len(time) < 10 or np.median(steps) > _USUAL_HEART_NS:
            continue
        for row in np.flatnonzero(steps >= _NO_HEART_NS):
            # The last rate stands for its own moment alone: the silence begins after it.
            start, end = int(time[row]) + SECOND_NS, int(time[row + 1])
            if not _moves(recording, blocks, start, end):
                found.append((start, end))
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _moves(recording: Recording, blocks: list[_Blocks], start: int, end: int) -> bool:
    """Whether acceleration or steps show a wearer within a span; False where nothing tells."""
    for block in blocks:
        # Whole blocks inside: the edges hold the taking off and the putting on.
        first = -((block.start_ns - start) // BLOCK_NS)
        last = (end - block.start_ns) // BLOCK_NS
        for at in range(max(0, first), min(last, len(block.count))):
            if block.still(at, at + 1) is False:
                return True
    for channel in recording.of_kind("steps"):
        if isinstance(channel, Series):
            inside = (channel.time_ns >= start) & (channel.until_ns <= end)
            if (channel.value[inside] > 0).any():
                return True
    return False


def _worn(channel: Series, end_ns: int) -> tuple[Spans, Spans]:
    """(on, off) of a channel that says so; a row that is a moment holds until the next row."""
    after = np.append(channel.time_ns[1:], max(end_ns, int(channel.time_ns[-1])))
    until = np.where(channel.until_ns > channel.time_ns, channel.until_ns, after)
    rows = np.stack([channel.time_ns, until], axis=1)
    return rows[channel.value == 1], rows[channel.value == 0]


def _none() -> Spans:
    return np.zeros((0, 2), dtype=np.int64)


def _union(spans: list[Spans]) -> Spans:
    rows = np.concatenate([_none(), *spans])
    rows = rows[rows[:, 1] > rows[:, 0]]
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    time, until = united(rows[:, 0], rows[:, 1])
    return np.stack([time, until], axis=1)


def _without(spans: Spans, taken: Spans) -> Spans:
    """Spans less those that are taken."""
    taken = _union([taken])
    kept: list[tuple[int, int]] = []
    for start, end in spans.tolist():
        near = taken[(taken[:, 1] > start) & (taken[:, 0] < end)]
        for low, high in near.tolist():
            kept.append((start, min(low, end)))
            start = max(start, high)
        kept.append((start, end))
    rows = np.array(kept, dtype=np.int64).reshape(-1, 2)
    return rows[rows[:, 1] > rows[:, 0]]
