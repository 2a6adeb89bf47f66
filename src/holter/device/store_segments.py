"""Fast samples of a store: the table ``fast``, segments of waveforms in compressed parts.

A sample is known where an earlier segment covers its time, less half a step; so equal rates on one
grid are cut to the sample. What remains becomes segments of their own. Read again, segments that
follow one another within half a step at the same rate are one.
"""

from __future__ import annotations

import math
import sqlite3
import zlib
from bisect import bisect_right, insort

import numpy as np
import numpy.typing as npt

from holter.signals.recording import SECOND_NS, Segment, Waveform

PART_SAMPLES = 65_536  # read whole where one sample is wanted: 0.8 MB of three axes
_ALIGNED = 0.01  # of a step: grids that differ by less are one grid

Values = npt.NDArray[np.float32]


class Damaged(ValueError):
    """A part that does not unpack to the samples that its row states."""


def add_segments(db: sqlite3.Connection, key: int, waveform: Waveform) -> tuple[int, int, int]:
    """What of a channel is new, written: (new, known, known with another value), in samples."""
    held = held_segments(db, key)
    taken = {start for start, _, _ in held}
    new = known = differing = 0
    for segment in waveform.segments:
        step = SECOND_NS / segment.rate_hz
        free = 0  # the first sample of which it is not yet known whether it is known
        begin = max(bisect_right(held, segment.start_ns, key=lambda h: h[0]) - 1, 0)
        fresh: list[tuple[int, int]] = []
        for start, rate, samples in held[begin:]:
            if start >= segment.end_ns:
                break
            end = start + round(samples * SECOND_NS / rate)
            low = max(free, math.ceil((start - segment.start_ns) / step - 0.5))
            high = min(math.ceil((end - segment.start_ns) / step - 0.5), len(segment.values))
            if high <= low:
                continue
            fresh.append((free, low))
            known += high - low
            differing += _differing(db, key, (start, rate), segment, low, high)
            free = high
        for low, high in [*fresh, (free, len(segment.values))]:
            if high > low:
                start = segment.start_ns + round(low * step)
                while start in taken:
                    start += 1  # a shorter step than half of ours covers none of our samples
                _write(db, key, start, segment.rate_hz, segment.values[low:high])
                insort(held, (start, segment.rate_hz, high - low))
                taken.add(start)
                new += high - low
    return new, known, differing


def held_segments(db: sqlite3.Connection, key: int) -> list[tuple[int, float, int]]:
    """(start, rate, samples) of each segment of a channel, in order of time."""
    return db.execute(
        "SELECT start_ns, MAX(rate_hz), SUM(samples) FROM fast WHERE channel = ? "
        "GROUP BY start_ns ORDER BY start_ns",
        (key,),
    ).fetchall()


def segments(
    db: sqlite3.Connection, key: int, start_ns: int, end_ns: int, axes: int
) -> tuple[Segment, ...]:
    """The samples from ``start_ns`` to ``end_ns`` (excluded). Raises Damaged."""
    found: list[tuple[int, float, list[Values]]] = []
    end = start_ns
    for start, rate, samples in held_segments(db, key):
        step = SECOND_NS / rate
        low = max(0, math.ceil((start_ns - start) / step - 1e-6))
        high = min(samples, math.ceil((end_ns - start) / step - 1e-6))
        if high <= low:
            continue
        values = _samples(db, key, start, low, high, axes)
        first = start + round(low * step)
        if found and found[-1][1] == rate and abs(first - end) <= step / 2:
            found[-1][2].append(values)
        else:
            found.append((first, rate, [values]))
        end = start + round(high * step)
    return tuple(Segment(s, rate, np.concatenate(parts)) for s, rate, parts in found)


def _write(db: sqlite3.Connection, key: int, start: int, rate: float, values: Values) -> None:
    for first in range(0, len(values), PART_SAMPLES):
        part = np.ascontiguousarray(values[first : first + PART_SAMPLES], dtype="<f4")
        db.execute(
            "INSERT INTO fast VALUES (?, ?, ?, ?, ?, ?)",
            (key, start, first, len(part), rate, zlib.compress(part.tobytes(), 1)),
        )


def _differing(
    db: sqlite3.Connection,
    key: int,
    held: tuple[int, float],
    segment: Segment,
    low: int,
    high: int,
) -> int:
    """Samples low..high of ``segment`` that differ from those held; 0 where grids differ."""
    start, rate = held
    away = (segment.start_ns - start) * rate / SECOND_NS
    if rate != segment.rate_hz or abs(away - round(away)) > _ALIGNED:
        return 0
    here, axes = round(away), segment.values.shape[1]
    values = _samples(db, key, start, low + here, high + here, axes)
    new = segment.values[low : low + len(values)]
    same = (new == values) | (np.isnan(new) & np.isnan(values))
    return int((~same.all(axis=1)).sum())


def _samples(
    db: sqlite3.Connection, key: int, start: int, low: int, high: int, axes: int
) -> Values:
    """Samples low..high of one segment. Raises Damaged."""
    parts = []
    for first, samples, data in db.execute(
        "SELECT first, samples, data FROM fast WHERE channel = ? AND start_ns = ? "
        "AND first > ? AND first < ? ORDER BY first",
        (key, start, low - PART_SAMPLES, high),
    ):
        whole = zlib.decompressobj()
        try:
            plain = whole.decompress(data, 4 * axes * samples + 1)
        except zlib.error:
            plain = b""
        if len(plain) != 4 * axes * samples:
            raise Damaged
        values = np.frombuffer(plain, dtype="<f4").reshape(samples, axes)
        parts.append(values[max(low - first, 0) : high - first])
    return np.concatenate(parts).astype(np.float32, copy=False)
