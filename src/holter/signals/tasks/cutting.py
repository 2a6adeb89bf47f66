"""Even windows with one label each: what every task that cuts a recording shares.

A label belongs to a window that it covers for nine tenths or more; a window across a change of
label has none and is left out. A window that misses more than a fifth of any channel is left
out too, so that two moments that were long apart do not stand beside one another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.prepare import Recorded
from holter.signals.recording import SECOND_NS, Recording, Series, Times

_TWO = -2  # while counting: more than one class covers a window
COVERED = 0.9  # share of a window that its label must cover; as in the sets of docs/results.md
LONGEST_MOMENT_NS = 3600 * SECOND_NS  # a mark in a diary says nothing of later hours
MOST_MISSING = 0.2  # share of samples that may be missing in a window that is kept

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Labels:
    """Labelled spans in order of time: start_ns, end_ns, y, each of shape (n,)."""

    start_ns: Times
    end_ns: Times
    y: npt.NDArray[np.int64]

    def at(self, start_ns: Times, end_ns: Times) -> npt.NDArray[np.int64]:
        """The class that covers each of these windows for ``COVERED`` or more; else -1.

        Also -1 where two classes do: then nobody knows which it was.
        """
        found = np.full(len(start_ns), -1, dtype=np.int64)
        for label in np.unique(self.y[self.y >= 0]):
            mine = self.y == label
            covered = _covered(self.start_ns[mine], self.end_ns[mine], start_ns, end_ns)
            hit = covered >= COVERED * (end_ns - start_ns)
            found[hit] = np.where(found[hit] == -1, label, _TWO)
        found[found == _TWO] = -1
        return found

    def united(self) -> Labels:
        """Spans of one label that touch or overlap as one: a diary may begin anew each minute."""
        if not len(self.y):
            return self
        parts = []
        for label in np.unique(self.y):
            mine = self.y == label
            begins, ends = _united(self.start_ns[mine], self.end_ns[mine])
            parts.append((begins, ends, np.full(len(begins), label, dtype=np.int64)))
        start, end, y = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(start, kind="stable")
        return Labels(start[order], end[order], y[order])


def labels_of(
    recording: Recording,
    kinds: Sequence[str],
    classes: Mapping[str, Sequence[str]],
    *,
    moments_last: bool = True,
) -> Labels:
    """Spans of the recording's label series, renamed to classes; other labels are -1.

    classes: class name -> labels that mean it, in any case. Where all rows are moments, a label
    lasts to the next one, for an hour at most, if ``moments_last``; beside spans a moment covers
    nothing. Raises DataError where there is no such series at all.
    """
    number = {
        alias.casefold(): index
        for index, (name, others) in enumerate(classes.items())
        for alias in (name, *others)
    }
    parts = []
    for kind in kinds:
        for channel in recording.of_kind(kind):
            if isinstance(channel, Series) and len(channel.time_ns):
                parts.append(_spans(channel, number, moments_last))
    if not parts:
        raise DataError(f"the recording has no labels: no channel {' or '.join(kinds)}")
    start, end, y = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(start, kind="stable")
    return Labels(start[order], end[order], y[order])


def _spans(
    channel: Series, number: Mapping[str, int], moments_last: bool
) -> tuple[Times, Times, npt.NDArray[np.int64]]:
    table = np.array([number.get(name.casefold(), -1) for name in channel.names], dtype=np.int64)
    known = ~np.isnan(channel.value) & (len(table) > 0)
    y = table[channel.value[known].astype(np.int64)] if known.any() else np.zeros(0, np.int64)
    start, end = channel.time_ns, channel.until_ns
    if moments_last and (end == start).all():
        following = np.append(start[1:], start[-1:])  # nobody says when the last one ends
        end = np.minimum(following, start + LONGEST_MOMENT_NS)
    return start[known], end[known], y


def _covered(start: Times, end: Times, window_start: Times, window_end: Times) -> Times:
    """Nanoseconds of each window that lie in the spans, which are in order of time.

    Spans that overlap are united first, so nothing counts twice.
    """
    if not len(start):
        return np.zeros(len(window_start), dtype=np.int64)
    begins, ends = _united(start, end)
    before = np.concatenate([[0], np.cumsum(ends - begins)])

    def up_to(moment: Times) -> Times:
        place = np.searchsorted(begins, moment, side="right")
        inside = np.where(
            place > 0, np.minimum(moment, ends[np.maximum(place - 1, 0)]) - begins[place - 1], 0
        )
        return np.asarray(before[np.maximum(place - 1, 0)] + np.maximum(inside, 0))

    return up_to(window_end) - up_to(window_start)


def _united(start: Times, end: Times) -> tuple[Times, Times]:
    """Spans in order of start, one or more -> begins and ends of what they cover together."""
    latest = np.maximum.accumulate(end)
    fresh = np.concatenate([[True], start[1:] > latest[:-1]])
    return start[fresh], latest[np.append(np.flatnonzero(fresh)[1:] - 1, len(end) - 1)]


def kept(x: Floats) -> npt.NDArray[np.bool_]:
    """Which windows, shape (n, channels, samples), miss few enough samples in every channel."""
    found: npt.NDArray[np.bool_] = (np.isnan(x).mean(axis=2) <= MOST_MISSING).all(axis=1)
    return found


def recorded(
    recording: Recording,
    start_ns: Times,
    x: Floats,
    y: npt.NDArray[np.int64],
    *,
    given: Floats | None = None,
    rr: Floats | None = None,
) -> Recorded:
    """Windows with a label, in order of time, as a person's. Raises DataError if none is left."""
    rows = np.flatnonzero(y >= 0)
    rows = rows[np.argsort(start_ns[rows], kind="stable")]
    if not len(rows):
        raise DataError("no window of the recording has a label of this task")
    seconds = (start_ns[rows] - start_ns[rows[0]]) / SECOND_NS
    beside = np.zeros((len(y), 0), dtype=np.float32) if given is None else given
    return Recorded(
        np.ascontiguousarray(x[rows], dtype=np.float32),
        y[rows],
        seconds,
        None if rr is None else rr[rows],
        beside[rows],
        name=recording.person,
        begin_ns=int(start_ns[rows[0]]),
    )
