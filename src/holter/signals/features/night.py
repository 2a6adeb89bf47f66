"""The context of an epoch of sleep: what a single epoch does not show.

Heart rate relative to the person's own, its roughness, movement around, hours since the start,
the time of day. After the inputs of Walch et al., Sleep 42 (2019) zsz180, who used heart rate,
movement and a clock proxy from a wrist. Everything is of one person, from their own night, and
uses no label. All arrays are per epoch, shape (n,), float64, NaN where unknown; windows are
centred, in epochs of even length. ``past_only`` is what a device can know while the night runs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.recording import DAY_NS, SECOND_NS, Times

Floats = npt.NDArray[np.float64]

_LEAST_SPREAD_BPM = 1.0  # below, the spread is the resolution of the device
_COLDEST_HOUR = 5.0  # of the body, about two hours before waking: where the clock proxy is lowest
_AROUND = 1_000_000  # numbers of a rolling window held at once


def relative(heart_rate: npt.ArrayLike, *, past_only: bool = False) -> Floats:
    """(rate - personal median) / personal spread, without unit.

    Spread: half the distance of the 16th and 84th percentile, at least 1 bpm. past_only: median
    and spread of this and earlier epochs alone (NaN until there are 10).
    """
    rate = np.asarray(heart_rate, dtype=np.float64)
    if not past_only:
        known = rate[~np.isnan(rate)]
        if not len(known):
            return np.full(rate.shape, np.nan)
        low, middle, high = np.percentile(known, [16, 50, 84])
        return np.asarray((rate - middle) / max((high - low) / 2, _LEAST_SPREAD_BPM))
    result = np.full(rate.shape, np.nan)
    seen: Floats = np.zeros(0)
    for row, value in enumerate(rate.tolist()):
        if np.isnan(value):
            continue
        seen = np.insert(seen, np.searchsorted(seen, value), value)
        if len(seen) >= 10:
            place = np.arange(len(seen))
            low, middle, high = np.interp(np.array([0.16, 0.5, 0.84]) * place[-1], place, seen)
            result[row] = (value - middle) / max((high - low) / 2, _LEAST_SPREAD_BPM)
    return result


def rolling_median(values: npt.ArrayLike, each_side: int) -> Floats:
    """Median of the known values within ``each_side`` epochs; NaN where none is known."""
    _even_side(each_side)
    x = np.asarray(values, dtype=np.float64)
    result = np.full(x.shape, np.nan)
    padded = np.pad(x, each_side, constant_values=np.nan)
    width = 2 * each_side + 1
    rows = max(1, _AROUND // width)
    for low in range(0, len(x), rows):
        high = min(low + rows, len(x))
        windows = np.lib.stride_tricks.sliding_window_view(padded[low : high + width - 1], width)
        some = ~np.isnan(windows).all(axis=1)
        result[low:high][some] = np.nanmedian(windows[some], axis=1)
    return result


def smoothed(values: npt.ArrayLike, each_side: int) -> Floats:
    """Mean of the known values within ``each_side`` epochs; NaN where none is known.

    For counts too: movement in the minutes around tells more than that of the epoch.
    """
    _even_side(each_side)
    x = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(x)
    total = _window_sums(np.where(known, x, 0.0), each_side)
    count = _window_sums(known.astype(np.float64), each_side)
    return np.where(count > 0.5, total / np.maximum(count, 1.0), np.nan)


def roughness(values: npt.ArrayLike, each_side: int) -> Floats:
    """Mean |step| between neighbouring known epochs within ``each_side``: REM is rough, N3 even."""
    x = np.asarray(values, dtype=np.float64)
    steps = np.full(x.shape, np.nan)
    steps[1:] = np.abs(np.diff(x))
    return smoothed(steps, each_side)


def hours_since(time_ns: Times, start_ns: int) -> Floats:
    """Hours from ``start_ns`` (start of the recording, lights out or sleep onset); may be < 0."""
    return np.asarray((np.asarray(time_ns, dtype=np.int64) - start_ns) / (3600.0 * SECOND_NS))


def onset(time_ns: Times, asleep: npt.ArrayLike, lasting: int = 10) -> int | None:
    """When the first ``lasting`` epochs of sleep in a row begin; None without such.

    asleep: true, false, as a source or a model says per epoch.
    """
    if lasting < 1:
        raise DataError("sleep onset needs one epoch or more in a row")
    row = np.asarray(asleep, dtype=bool)
    if len(row) < lasting:
        return None
    runs = np.lib.stride_tricks.sliding_window_view(row, lasting).all(axis=1)
    return int(time_ns[np.argmax(runs)]) if runs.any() else None


def clock_proxy(time_ns: Times, offset_minutes: npt.ArrayLike = 0) -> tuple[Floats, Floats]:
    """(cosine, sine) of the local time of day; the cosine is lowest, -1, at five in the morning.

    A stand-in for the body's clock that needs no history, simpler than the clock proxies of
    Walch et al. Wrong for people who work at night.
    """
    local = np.asarray(time_ns, dtype=np.int64) + (
        np.asarray(offset_minutes, dtype=np.int64) * 60 * SECOND_NS
    )
    hour = (local % DAY_NS) / (3600.0 * SECOND_NS)
    angle = (hour - _COLDEST_HOUR) * (2 * np.pi / 24.0)
    return np.asarray(-np.cos(angle)), np.asarray(-np.sin(angle))


def _even_side(each_side: int) -> None:
    if each_side < 0:
        raise DataError("a window reaches 0 epochs or more to each side")


def _window_sums(x: Floats, each_side: int) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(x)])
    rows = np.arange(len(x))
    high = np.minimum(rows + each_side + 1, len(x))
    return np.asarray(total[high] - total[np.maximum(rows - each_side, 0)])
