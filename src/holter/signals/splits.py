"""Who is new, and which windows come later. People are split, never windows.

Three questions, kept apart: does it work for people it never saw (new people, all their
windows); is it better for a person once fitted to them (their later windows, after fitting
on earlier ones); and is that because of the fitting (the same later windows, without it).

A fourth way of splitting answers none of them and is here under a name that says so.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


def new_people(order: Rows, share: float) -> Rows:
    """The new people: the first ``share`` of a random ``order`` of all, at least one, sorted."""
    count = min(max(1, round(len(order) * share)), len(order) - 1)
    return np.sort(order[:count])


def folds(order: Rows, count: int) -> list[Rows]:
    """``count`` groups of people of nearly equal size; each person is in exactly one."""
    return [np.sort(order[start::count]) for start in range(count)]


def earlier_and_later(
    y: npt.NDArray[np.int64],
    *,
    earlier_share: float,
    gap: int,
    per_class: bool,
    seconds: npt.NDArray[np.float64] | None = None,
    reach_seconds: float = 0.0,
) -> tuple[Rows, Rows]:
    """Rows of one person's earlier and later windows; windows are in order of time.

    per_class: the first ``earlier_share`` of each class in time, so that both parts hold
    every class; else the first part of the whole. ``gap``: later windows fewer than this many
    places (plus one) from an earlier one are left out, so that overlapping windows do not
    stand on both sides; so are those nearer in time than ``reach_seconds`` (seconds: when each
    window was, shape (n,)), where windows are known to overlap.
    """
    earlier = np.zeros(len(y), dtype=bool)
    if per_class:
        for label in np.unique(y):
            rows = np.flatnonzero(y == label)
            earlier[rows[: round(len(rows) * earlier_share)]] = True
    else:
        earlier[: round(len(y) * earlier_share)] = True
    near = np.zeros(len(y), dtype=bool)
    places = np.flatnonzero(earlier)
    for shift in range(-gap, gap + 1):
        moved = places + shift
        near[moved[(moved >= 0) & (moved < len(y))]] = True
    if seconds is not None and reach_seconds > 0 and len(places):
        times = np.sort(seconds[places])
        after = np.searchsorted(times, seconds)
        before = seconds - times[np.maximum(after - 1, 0)]
        ahead = times[np.minimum(after, len(times) - 1)] - seconds
        near |= (after > 0) & (before < reach_seconds)
        near |= (after < len(times)) & (ahead < reach_seconds)
    return places, np.flatnonzero(~earlier & ~near)


def random_windows_that_leak(order: Rows, share: float) -> tuple[Rows, Rows]:
    """One person's windows at random: (trained on, tested on). It measures memory.

    Windows of one person resemble one another, above all those beside each other in time, so a
    model that remembers the one knows the other. For showing what that is worth, and for nothing
    else. order: a random order of all the person's windows. Edges: a single window is trained on.
    """
    count = min(round(len(order) * share), len(order) - 1)
    return np.sort(order[count:]), np.sort(order[:count])
