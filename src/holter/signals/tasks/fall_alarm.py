"""Falls among daily life, scored as a wearer feels it: false alarms an hour, and falls missed.

The alarm that is scored looks once every 2.56 s: at the window around the highest acceleration of
that time, moved on to a higher one if that is in the window. Falls and daily life are cut by this
one rule, so where the peak stands in a window tells nothing. Looks that follow one another may
see the same jolt, and each counts as an alarm of its own. A fall while nothing was recorded is not in the score.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from holter.signals.prepare import Recorded
from holter.signals.recording import SECOND_NS, Recording, Times
from holter.signals.resampling import Grid
from holter.signals.tasks.activity import RATE_HZ, SAMPLES, acceleration_grids
from holter.signals.tasks.cutting import Floats, Labels, kept, labels_of, recorded
from holter.signals.tasks.task import Need, Published, Task

_FALLS: Mapping[str, tuple[str, ...]] = {
    "fall": ("falling", *(f"F{number:02d}" for number in range(1, 16))),
}
_HALF_NS = round(SAMPLES / 2 / RATE_HZ * SECOND_NS)
_MOST_CLIMBS = 30  # each leads to a higher sample; more than a few happen on slopes alone
_MARK_NS = 2 * SECOND_NS  # a fall that is marked as a moment hit the ground about then


class FallAlarm(Task):
    """Fall or daily life, from three axes of acceleration at 50 Hz."""

    name = "fall-alarm"
    about = "falls among daily life: false alarms an hour and falls missed"
    inputs = "acceleration of waist, wrist or phone"
    labels = "labelled falls; every other labelled span is daily life"
    label_kinds = ("activity",)
    classes = ("daily", "fall")
    needs = (Need("acceleration", 20.0, fast=True),)
    channels = ("acceleration x", "acceleration y", "acceleration z")
    samples = SAMPLES
    rate_hz = RATE_HZ
    window_seconds = SAMPLES / RATE_HZ
    sets = ("sisfall",)
    published = (
        Published(
            "fall or daily in SisFall, macro-F1", ".993", "trees, pooled; near ceiling, so the "
            "false alarms an hour on daily trials are what tells"
        ),
    )  # fmt: skip
    alarm = "fall"

    def cut(self, recording: Recording) -> Recorded:
        """Of every 2.56 s of daily life the window around its peak; of each fall one as well."""
        grids = acceleration_grids(recording)
        spans = labels_of(recording, ("activity",), _FALLS, moments_last=False).united()
        falls = spans.y == 0
        begin, end = _fall_spans(spans.start_ns[falls], spans.end_ns[falls])
        other = Labels(spans.start_ns[~falls], spans.end_ns[~falls], np.zeros_like(spans.y[~falls]))
        daily_start, daily_x = _daily(grids)
        y = other.at(daily_start, daily_start + 2 * _HALF_NS)  # 0 where it is daily life
        for first, last in zip(begin.tolist(), end.tolist(), strict=True):
            near = (daily_start + 2 * _HALF_NS > first - _HALF_NS) & (daily_start < last + _HALF_NS)
            y[near] = -1
        fall_start, fall_x = _impacts(grids, begin, end)
        x = np.concatenate([daily_x, fall_x])
        y = np.concatenate([y, np.ones(len(fall_x), dtype=np.int64)])
        y[~kept(x)] = -1
        return recorded(recording, np.concatenate([daily_start, fall_start]), x, y)


def _fall_spans(begin: Times, end: Times) -> tuple[Times, Times]:
    """Spans of falls; a moment becomes a span around it."""
    mark = begin == end
    return np.where(mark, begin - _MARK_NS, begin), np.where(mark, end + _MARK_NS, end)


def _size(grid: Grid) -> npt.NDArray[np.float32]:
    """Length of the acceleration, below any real one where it is missing."""
    length = np.linalg.norm(grid.values, axis=1)
    return np.where(np.isnan(length), np.float32(-1.0), length)


def _around(grid: Grid, peak: npt.NDArray[np.int64]) -> tuple[Times, Floats]:
    """Windows with the highest sample about ``peak`` in the middle, moved inwards at the ends."""
    size = _size(grid)
    for _ in range(_MOST_CLIMBS):
        near = np.clip(peak[:, None] + np.arange(-SAMPLES // 2, SAMPLES // 2), 0, len(size) - 1)
        place = size[near].argmax(axis=1)
        higher = size[near[np.arange(len(peak)), place]] > size[peak]
        if not higher.any():
            break
        peak = np.where(higher, near[np.arange(len(peak)), place], peak)
    first = np.clip(peak - SAMPLES // 2, 0, len(grid.values) - SAMPLES)
    windows = grid.values[first[:, None] + np.arange(SAMPLES)].transpose(0, 2, 1)
    return grid.start_ns + np.rint(first / RATE_HZ * SECOND_NS).astype(np.int64), windows


def _daily(grids: list[Grid]) -> tuple[Times, Floats]:
    """One window for each 2.56 s of each stretch: starts (n,), (n, 3, 128)."""
    starts, parts = [], []
    for grid in grids:
        count = len(grid.values) // SAMPLES
        size = _size(grid)[: count * SAMPLES].reshape(count, SAMPLES)
        peak = np.arange(count) * SAMPLES + size.argmax(axis=1)
        start, windows = _around(grid, peak)
        starts.append(start)
        parts.append(windows)
    return np.concatenate(starts), np.concatenate(parts)


def _impacts(grids: list[Grid], begins: Times, ends: Times) -> tuple[Times, Floats]:
    """Of each fall the window around its highest acceleration: starts (n,), (n, 3, 128)."""
    starts, windows = [np.zeros(0, dtype=np.int64)], [np.zeros((0, 3, SAMPLES), np.float32)]
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        best: tuple[float, Times, Floats] | None = None
        for grid in grids:
            first, last = (
                int(
                    np.clip(
                        round((edge - grid.start_ns) / SECOND_NS * RATE_HZ), 0, len(grid.values)
                    )
                )
                for edge in (begin, end)
            )
            if last <= first:
                continue
            size = _size(grid)[first:last]
            if size.max() > (best[0] if best else 0.0):
                best = (float(size.max()), *_around(grid, np.array([first + int(size.argmax())])))
        if best is not None:
            starts.append(best[1])
            windows.append(best[2])
    return np.concatenate(starts), np.concatenate(windows)
