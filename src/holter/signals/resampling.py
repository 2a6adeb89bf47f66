"""Channels -> values on one even grid of time, or per interval; gaps stay gaps.

``resampled`` for fast channels; ``held``, ``interpolated``, ``summed`` and ``shares`` for slow
ones. Nothing is invented: where a source is silent the answer is NaN (or a share of 0).

Fast channels. Going down in rate, each segment is low-passed first (zero phase: a symmetric FIR
filter, its delay taken out; Hamming window, half its height at 0.45 of the new rate), then read
at the grid's moments by linear interpolation. Going up or staying, it is linear interpolation
alone. The filter's edge rule: near the ends of a segment and near masked samples the weights that
are left are scaled to sum to one, so a constant stays constant and no edge leaks in from a gap;
a masked sample stays NaN, and so does a sample with less than 0.3 of the weights on real samples.
A moment of the grid is NaN when one of its two neighbours is. A segment answers from half a
sample before its first sample to the end of its last one (``end_ns``); there the ends are held.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.recording import SECOND_NS, Series, Times, Waveform

MOST_GRID_VALUES = 200_000_000  # 800 MB of float32: 18 days of three axes at 42 Hz
_CUTOFF = 0.45  # of the new rate: leaves a tenth of its band to the filter's slope
_SAME_RATE = 0.99  # of the own rate: clocks run fast and slow, and nothing folds over for that
_TAPS_A_STEP = 16  # taps per ratio of rates: the stop band begins at 0.55 of the new rate
_MOST_RATIO = 100_000  # of rates: 1.6 million taps
_LEAST_WEIGHT = 0.3  # of a filter's weights that must lie on real samples
_CHUNK = 1 << 20  # samples of a segment worked on at once

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """Values at ``start_ns + i / rate_hz`` seconds: shape (n, axes), float32, NaN in gaps."""

    start_ns: int
    rate_hz: float
    values: npt.NDArray[np.float32]

    @property
    def time_ns(self) -> Times:
        """The moments, shape (n,), int64."""
        return grid_times(self.start_ns, self.rate_hz, len(self.values))


def grid_times(start_ns: int, rate_hz: float, count: int) -> Times:
    """Moments of an even grid, each rounded to the nanosecond by itself: errors do not add up."""
    return start_ns + np.round(np.arange(count) * (SECOND_NS / rate_hz)).astype(np.int64)


def resampled(
    waveform: Waveform, rate_hz: float, *, start_ns: int | None = None, end_ns: int | None = None
) -> Grid:
    """A fast channel on one even grid from ``start_ns`` up to and without ``end_ns``.

    Default: the channel's own span. Guarantees: a constant stays constant; a gap of more than
    two samples holds NaN; segments are never joined. Raises DataError for a rate that is not
    positive and for a grid of more than 200 million values.
    """
    if not 0 < rate_hz < 1e6:
        raise DataError(f"a grid of {rate_hz} Hz is not possible: name a rate above 0")
    first, last = waveform.span_ns
    first = first if start_ns is None else start_ns
    last = last if end_ns is None else end_ns
    exact = (last - first) * rate_hz / SECOND_NS
    count = max(0, int(np.ceil(exact - 1e-6)))
    axes = len(waveform.axes)
    if count * axes > MOST_GRID_VALUES:
        raise DataError(
            f"a grid of {count:,} rows and {axes} axes is more than {MOST_GRID_VALUES:,} values: "
            "cut the recording or lower the rate"
        )
    values = np.full((count, axes), np.nan, dtype=np.float32)
    for segment in waveform.segments:
        n, own = len(segment.values), segment.rate_hz
        if own > _MOST_RATIO * rate_hz:
            raise DataError(f"from {own:g} to {rate_hz:g} Hz is too far: take means instead")
        taps = _low_pass(own, rate_hz) if rate_hz < own * _SAME_RATE else None
        # Rows of the grid that this segment answers for.
        offset = (first - segment.start_ns) / SECOND_NS
        begin = max(0, int(np.ceil((-0.5 / own - offset) * rate_hz)))
        end = min(count, int(np.ceil((n / own - offset) * rate_hz - 1e-6)))
        rows = min(_CHUNK, max(1, int(_CHUNK * rate_hz / own)))
        for low in range(begin, end, rows):
            high = min(low + rows, end)
            at = np.clip((offset + np.arange(low, high) / rate_hz) * own, 0, n - 1)
            values[low:high] = _read(segment.values, at, taps)
    return Grid(int(first), float(rate_hz), values)


def held(series: Series, time_ns: Times, longest_seconds: float) -> Floats:
    """At each moment the value of the last row not older than ``longest_seconds``, else NaN.

    A row that lasts (``until_ns``) grows old from its end. A masked value counts as a row: NaN.
    Of rows that begin together the last in order speaks. time_ns: any order, shape (n,).
    """
    result = np.full(len(time_ns), np.nan)
    if not len(series.time_ns):
        return result
    row = np.searchsorted(series.time_ns, time_ns, side="right") - 1
    known = row >= 0
    age = np.asarray(time_ns)[known] - series.until_ns[row[known]]
    fresh = age <= longest_seconds * SECOND_NS
    result[known] = np.where(fresh, series.value[row[known]], np.nan)
    return result


def interpolated(series: Series, time_ns: Times, longest_seconds: float) -> Floats:
    """At each moment the line between two rows that are at most ``longest_seconds`` apart.

    A row that lasts stands at its middle, as the mean of a minute does. Elsewhere NaN: before the first row, after the last, in longer gaps. Masked rows are passed
    over, so a masked row does not shorten a gap. Of rows at one time the last in order speaks.
    """
    measured = ~np.isnan(series.value)
    time, value = series.time_ns[measured], series.value[measured]
    lasts = (series.until_ns[measured] - time) // 2
    if lasts.any():
        order = np.argsort(time + lasts, kind="stable")
        time, value = (time + lasts)[order], value[order]
    if len(time) > 1:
        alone = np.concatenate([np.diff(time) > 0, [True]])
        time, value = time[alone], value[alone]
    at = np.asarray(time_ns, dtype=np.int64)
    result = np.full(len(at), np.nan)
    if not len(time):
        return result
    right = np.searchsorted(time, at, side="left")
    exact = (right < len(time)) & (time[np.minimum(right, len(time) - 1)] == at)
    result[exact] = value[right[exact]]
    between = (right > 0) & (right < len(time)) & ~exact
    after = right[between]
    gap = (time[after] - time[after - 1]).astype(np.float64)
    share = (at[between] - time[after - 1]) / gap
    line = value[after - 1] * (1 - share) + value[after] * share
    result[between] = np.where(gap <= longest_seconds * SECOND_NS, line, np.nan)
    return result


def summed(series: Series, edges_ns: Times) -> Floats:
    """Counts of each interval between edges, shape (len(edges) - 1,), a row's by its overlap.

    A row of 100 steps that lies half in an interval gives it 50; a row that is a moment falls
    into the interval that begins at or before it. Masked rows are passed over. An interval that
    no row touches is NaN, not 0: nothing is known of it. Edges must rise.
    """
    _rising(edges_ns)
    measured = ~np.isnan(series.value)
    time, until = series.time_ns[measured], series.until_ns[measured]
    value = series.value[measured]
    total, touched = _spread(time, until, value, edges_ns)
    return np.where(touched, total, np.nan)


def shares(series: Series, edges_ns: Times) -> Floats:
    """Share of each interval that each category covers: shape (len(edges) - 1, len(names)).

    Rows of one category that overlap are counted once; of two categories each counts. Rows that
    are moments cover nothing. What no row covers is missing from the sum of 1. Edges must rise.
    """
    _rising(edges_ns)
    if not series.names:
        raise DataError(f"{series.kind} has no categories to take shares of")
    result = np.zeros((max(len(edges_ns) - 1, 0), len(series.names)))
    length = np.diff(edges_ns).astype(np.float64)
    for category in range(len(series.names)):
        rows = series.value == category
        time, until = united(series.time_ns[rows], series.until_ns[rows])
        spans = (until - time).astype(np.float64)
        result[:, category] = _spread(time, until, spans, edges_ns)[0] / length
    return np.clip(result, 0.0, 1.0)


def united(time_ns: Times, until_ns: Times) -> tuple[Times, Times]:
    """Spans that overlap or touch, as one. time_ns: in order."""
    if not len(time_ns):
        return time_ns, until_ns
    reached = np.maximum.accumulate(until_ns)
    begins = np.concatenate([[True], time_ns[1:] > reached[:-1]])
    firsts = np.flatnonzero(begins)
    lasts = np.concatenate([firsts[1:] - 1, [len(time_ns) - 1]])
    return time_ns[firsts], reached[lasts]


def _rising(edges_ns: Times) -> None:
    if np.any(np.diff(edges_ns) <= 0):
        raise DataError("the edges of intervals must rise")


def _spread(
    time: Times, until: Times, value: Floats, edges: Times
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Values spread over intervals by overlap, and which intervals any row touches.

    The sum up to a moment is piecewise linear in it: it rises by ``value`` between a row's
    ``time`` and ``until``. Its differences at the edges are the answer, in O(rows + edges).
    """
    edges = np.asarray(edges, dtype=np.int64)
    count = max(len(edges) - 1, 0)
    if not len(time) or not count:
        return np.zeros(count), np.zeros(count, dtype=bool)
    # Only rows that reach into the range, in seconds since the first edge: exact enough.
    near = (until >= edges[0]) & (time < edges[-1])
    time, until, value = time[near], until[near], value[near]
    moment = until == time
    total = np.zeros(count)
    touched = np.zeros(count, dtype=bool)
    at = np.searchsorted(edges, time[moment], side="right") - 1
    inside = (at >= 0) & (at < count)
    np.add.at(total, at[inside], value[moment][inside])
    touched[at[inside]] = True
    begin = (time[~moment] - edges[0]) / SECOND_NS
    end = (until[~moment] - edges[0]) / SECOND_NS
    slope = value[~moment] / (end - begin)
    where = (edges - edges[0]) / SECOND_NS
    # Row by row into the first and last interval, and by slope into those wholly inside.
    low = np.clip(np.searchsorted(where, begin, side="right") - 1, 0, count - 1)
    high = np.clip(np.searchsorted(where, end, side="left") - 1, 0, count - 1)
    first = np.minimum(end, where[low + 1]) - np.maximum(begin, where[low])
    good = first > 0
    np.add.at(total, low[good], (slope * first)[good])
    more = (high > low) & good
    last = np.minimum(end, where[high + 1]) - where[high]
    np.add.at(total, high[more], (slope * last)[more])
    change = np.zeros(count + 1)
    whole = more & (high > low + 1)
    np.add.at(change, low[whole] + 1, slope[whole])
    np.add.at(change, high[whole], -slope[whole])
    covered = np.zeros(count + 1, dtype=np.int64)
    np.add.at(covered, low[good], 1)
    np.add.at(covered, high[good] + 1, -1)
    inside_count = np.zeros(count + 1, dtype=np.int64)
    np.add.at(inside_count, low[whole] + 1, 1)
    np.add.at(inside_count, high[whole], -1)
    wholly = np.cumsum(inside_count)[:-1] > 0  # so that rounding of sums leaves no dust behind
    total += np.where(wholly, np.cumsum(change)[:-1], 0.0) * np.diff(where)
    return total, touched | (np.cumsum(covered)[:-1] > 0)


def _low_pass(own_hz: float, rate_hz: float) -> Floats:
    """Weights of a symmetric FIR filter, an odd number, that sum to one."""
    from scipy import signal  # takes a second to load: not before it is needed

    half = int(np.ceil(_TAPS_A_STEP * own_hz / rate_hz / 2))
    weights = signal.firwin(2 * half + 1, _CUTOFF * rate_hz, fs=own_hz, window="hamming")
    return np.asarray(weights, dtype=np.float64)


def _read(
    values: npt.NDArray[np.float32], at: Floats, taps: Floats | None
) -> npt.NDArray[np.float32]:
    """Values of one segment at positions ``at`` (samples, rising, within it), filtered first."""
    from scipy import signal  # takes a second to load: not before it is needed

    half = 0 if taps is None else len(taps) // 2
    low = max(0, int(at[0]) - half)
    high = min(len(values), int(np.ceil(at[-1])) + half + 1)
    part = values[low:high].astype(np.float64)
    if taps is not None:
        measured = ~np.isnan(part)
        smooth = signal.oaconvolve(np.where(measured, part, 0.0), taps[:, None], "same", axes=0)
        if measured.all() and len(part) > 4 * half:
            weight = np.ones((len(part), 1))
            sums = np.cumsum(taps)
            weight[:half, 0], weight[-half:, 0] = sums[half:-1], sums[half:-1][::-1]
        else:
            weight = signal.oaconvolve(measured.astype(np.float64), taps[:, None], "same", axes=0)
        enough = measured & (weight > _LEAST_WEIGHT)
        part = np.where(enough, smooth / np.where(enough, weight, 1.0), np.nan)
    before = np.floor(at).astype(np.int64) - low
    after = np.minimum(before + 1, len(part) - 1)
    share = (at - low - before)[:, None]
    # A neighbour with no weight does not matter, even if it is NaN.
    left = np.where(share < 1 - 1e-6, part[before] * (1 - share), 0.0)
    right = np.where(share > 1e-6, part[after] * share, 0.0)
    return np.asarray(left + right, dtype=np.float32)
