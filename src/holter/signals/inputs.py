"""Recorded windows -> what a model is shown: scaled and enriched, on the device.

Everything here uses one person's own recordings and public constants, never anyone else's
and never a label. Two arguments keep a person's earlier and later windows apart. ``reference``
says which windows the statistics may come from: all of them for a new person as a whole; the
earlier ones alone where later windows are the test, since a device has only its past, and the
test half must not scale itself. ``within`` says which windows may be looked at from beside one
another (context, rhythm): those of the same part, so that nothing reaches over the seam.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.prepare import Recorded
from holter.signals.windows import Examples

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

EXTRAS = {
    "rr-ratios": "heartbeat intervals relative to the person's median and to those around",
    "median-window": "each window's difference from the person's median window, and likeness to it",
    "statistics": "mean, spread, extremes, course and roughness of each channel",
    "hours": "hours since the person's first window",
}
_LIMIT = 8.0  # standard deviations, or public units: what is farther out is held there
_FARTHEST = 1e6  # of any unit: beyond, squares would leave float32
_NEIGHBOURS = 4  # beats each side of a heartbeat whose intervals are given one by one
_RHYTHM = 20  # beats each side whose median interval is the rhythm of the moment
_QUARTERS = 4  # parts of a window whose means and spreads tell its course
_SMALL = 0.01  # added before a logarithm, in standard deviations or public units


@dataclass(frozen=True)
class Inputs:
    """The study's words: normalise none, person or both; missing; extras; context offsets."""

    normalise: str
    missing: str
    extra: tuple[str, ...]
    context: tuple[int, ...]

    @property
    def personal(self) -> bool:
        """Whether any input depends on statistics of the person's reference windows."""
        own = {"median-window", "rr-ratios"} & set(self.extra)
        return (
            self.normalise != "none" or bool(self.context) or self.missing != "error" or bool(own)
        )

    def __post_init__(self) -> None:
        for name in self.extra:
            if name not in EXTRAS:
                raise DataError(
                    f"data.extra = {name!r} is not known; it is one of: " + ", ".join(EXTRAS)
                )
        if any(offset < 1 for offset in self.context):
            raise DataError("data.context lists offsets of 1 and more; both directions are meant")


def examples(
    person: Recorded, how: Inputs, reference: Rows | None = None, within: Rows | None = None
) -> Examples:
    """A person's windows as the model sees them.

    reference: rows for the person's statistics (default: all). within: rows that are made, in
    order, and the only ones whose neighbours are looked at (default: all).
    Guarantees: finite values for every finite or missing input; with ``within``, no bit depends
    on a row that is in neither.
    """
    rows = np.arange(len(person.y)) if reference is None else reference
    part = np.arange(len(person.y)) if within is None else within
    beside = Beside(len(person.y), part)
    middle, spread = _statistics(person.x, rows)
    typical = _typical(person.x, middle, spread, rows) if "median-window" in how.extra else None
    whole = within is None
    stored = person.x if whole else person.x[part]
    measured = ~np.isnan(stored)
    held = np.clip(np.where(measured, stored, middle), -_FARTHEST, _FARTHEST)
    own = np.clip((held - middle) / spread, -_LIMIT, _LIMIT)
    if how.normalise == "none":
        x = held
    elif how.normalise == "person":
        x = own
    else:
        # Units beside personal ones; arcsinh tames counts and powers of any size.
        x = np.concatenate([own, np.arcsinh(held)], axis=1)
    extras = [person.given if whole else person.given[part]]
    if "statistics" in how.extra:
        extras.append(_window_statistics(x))
    if typical is not None:
        difference, likeness = _against_median(own, typical)
        x = np.concatenate([x, difference], axis=1)
        extras.append(likeness)
    if "rr-ratios" in how.extra:
        if person.rr is None:
            raise DataError("data.extra rr-ratios needs heartbeat intervals: set data.rr")
        extras.append(_rr_ratios(person.rr, rows, beside))
    if "hours" in how.extra:
        hours = person.seconds[part] / 3600.0 / 8.0
        extras.append(hours.reshape(-1, 1).astype(np.float32))
    if how.context:
        extras.append(_context(own, how.context, beside))
    if how.missing == "mask":
        x = np.concatenate([x, measured], axis=1)
    return Examples(
        np.ascontiguousarray(x, dtype=np.float32),
        np.concatenate(extras, axis=1).astype(np.float32),
        person.y if whole else person.y[part],
    )


class Beside:
    """Which of the rows that are made stands a number of places before or after each of them.

    Beyond the ends of the recording its first or last row stands in, as before; a place that
    belongs to another part counts as the row itself: there is nothing there to be seen.
    """

    def __init__(self, count: int, part: Rows) -> None:
        self.made = part
        self._where = np.full(count, -1, dtype=np.int64)
        self._where[part] = np.arange(len(part))
        self._last = count - 1

    def rows(self, offset: int) -> Rows:
        """For each made row, the made row ``offset`` places on, shape (n,)."""
        place = self._where[np.clip(self.made + offset, 0, self._last)]
        return np.where(place < 0, np.arange(len(self.made)), place)


def _statistics(x: Floats, rows: Rows) -> tuple[Floats, Floats]:
    """Median and standard deviation of each channel over measured samples: (1, channels, 1)."""
    channels = x.shape[1]
    middle, spread = np.zeros(channels), np.ones(channels)
    for channel in range(channels):
        values = x[rows, channel]
        values = values[~np.isnan(values)]
        if len(values):
            middle[channel] = np.median(values)
            deviation = float(values.std(dtype=np.float64))
            spread[channel] = deviation if deviation > 1e-6 else 1.0
    shape = (1, channels, 1)
    return middle.reshape(shape).astype(np.float32), spread.reshape(shape).astype(np.float32)


def _window_statistics(x: Floats) -> Floats:
    """(n, 15 * channels) of windows of 4 samples and more, else (n, 7 * channels).

    Mean, log spread, highest, lowest, range, slope and log roughness; then the means and log
    spreads of the window's quarters against its own, which tell a fall from a rise.
    """
    samples = x.shape[2]
    time = np.linspace(-1, 1, samples, dtype=np.float32) if samples > 1 else np.zeros(1)
    mean, spread, highest, lowest = x.mean(axis=2), _log_spread(x), x.max(axis=2), x.min(axis=2)
    parts = [
        mean,
        spread,
        highest / 4,
        lowest / 4,
        (highest - lowest) / 4,
        3 * (x * time).mean(axis=2),
        _log_roughness(x),
    ]
    if samples >= _QUARTERS:
        for quarter in np.array_split(x, _QUARTERS, axis=2):
            parts += [quarter.mean(axis=2) - mean, _log_spread(quarter) - spread]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _log_spread(x: Floats) -> Floats:
    """(n, channels): log standard deviation over a window's samples."""
    result: Floats = np.log(x.std(axis=2) + np.float32(_SMALL))
    return result


def _log_roughness(x: Floats) -> Floats:
    """(n, channels): half the log of the mean step from sample to sample; 0 steps if only one."""
    steps = np.diff(x, axis=2) if x.shape[2] > 1 else np.zeros_like(x)
    result: Floats = np.log(np.abs(steps).mean(axis=2) + np.float32(_SMALL)) / 2
    return result


def _typical(x: Floats, middle: Floats, spread: Floats, rows: Rows) -> Floats:
    """The person's median window, scaled: shape (1, channels, samples); 0 without any row."""
    if not len(rows):
        return np.zeros((1, *x.shape[1:]), dtype=np.float32)
    held = np.clip(np.where(np.isnan(x[rows]), middle, x[rows]), -_FARTHEST, _FARTHEST)
    own = np.clip((held - middle) / spread, -_LIMIT, _LIMIT)
    found: Floats = np.median(own, axis=0, keepdims=True)
    return found


def _against_median(own: Floats, typical: Floats) -> tuple[Floats, Floats]:
    """Difference from the person's median window, and (n, 3 * channels) of likeness."""
    difference = own - typical
    centred = own - own.mean(axis=2, keepdims=True)
    reference = typical - typical.mean(axis=2, keepdims=True)
    norms = np.linalg.norm(centred, axis=2) * np.linalg.norm(reference, axis=2)
    correlation = (centred * reference).sum(axis=2) / np.maximum(norms, 1e-6)
    size = np.log(difference.std(axis=2) + 0.01)
    farthest = np.abs(difference).max(axis=2) / 4
    likeness = np.concatenate([correlation, size, farthest], axis=1)
    return difference.astype(np.float32), likeness.astype(np.float32)


def _rr_ratios(rr: Floats, rows: Rows, beside: Beside) -> Floats:
    """(n, 9 + 2 * 4): log intervals against the person's median, the rhythm and one another.

    The rhythm of the moment is the median over the beats around, so that a heart that beats
    faster for a while does not look early at every beat; how far intervals stray from it
    tells an irregular rhythm from a single early beat. An interval that is missing (record
    ends) counts as the person's median: a ratio of 1, log 0.
    """
    known = rr[rows][np.isfinite(rr[rows]) & (rr[rows] > 0)]
    median = float(np.median(known)) if len(known) else 1.0
    filled = np.where(np.isfinite(rr) & (rr > 0), rr, median)
    filled = filled[beside.made]
    before, after = np.log(filled[:, 0] / median), np.log(filled[:, 1] / median)
    near = [offset for offset in range(-_NEIGHBOURS, _NEIGHBOURS + 1) if offset]
    around = [before[beside.rows(offset)] for offset in near]
    local = np.mean(around, axis=0)
    wide = np.stack([before[beside.rows(offset)] for offset in range(-_RHYTHM, _RHYTHM + 1)])
    rhythm = np.median(wide, axis=0)
    straying = np.log(np.abs(wide - rhythm).mean(axis=0) + 2 * _SMALL) / 3
    columns = [
        before,
        after,
        before - after,
        before - local,
        after - local,
        before - rhythm,
        after - rhythm,
        straying,
        before[beside.rows(1)] - before,
        *around,
    ]
    return (3 * np.stack(columns, axis=1)).astype(np.float32)


def _context(own: Floats, offsets: tuple[int, ...], beside: Beside) -> Floats:
    """(n, 6 * offsets * channels): mean, log spread and roughness of windows ``offset`` away.

    Beyond the ends the first or last window stands in. Later windows are used too, so this
    suits what is scored after the fact (a night in the morning), not an alarm.
    """
    about = np.concatenate([own.mean(axis=2), _log_spread(own) / 2, _log_roughness(own)], axis=1)
    parts = [about[beside.rows(sign * offset)] for offset in offsets for sign in (-1, 1)]
    return np.concatenate(parts, axis=1).astype(np.float32)
