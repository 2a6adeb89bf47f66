"""Slow rows of a store: the table ``slow``, and what happens to a value that comes again.

A row is known where the channel has the same value for the same time and until. Several values of
one moment are kept where they came in one import: ``place`` tells them apart. Another value for a
moment of an *earlier* import:

- **Sums** (``Kind.counts_over_time``: steps, energy). A sum only grows while its interval goes on,
  and a phone that is exported at noon tells half a day. So the larger value takes the place of
  the smaller, and a row that begins at the same moment and ends later takes the place of the
  shorter, if nothing else begins within it (a day's row and a minute's are two rows). That row has
  *grown*. The smaller and the shorter one are conflicts when they come later: nothing changes,
  so the order of imports does not matter. A row without a value is less than any. Where several
  values share a time and until, here or there, no one can say which is which, and the next rule
  holds.
- **All others**: the first is kept, so that what was learnt from can be found again.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holter.signals.kinds import KINDS
from holter.signals.recording import Series, Times

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Rows in order of time, until and value; each column of shape (n,), as in ``Series``."""

    time: Times
    until: Times
    value: npt.NDArray[np.float64]
    offset: npt.NDArray[np.int16]

    @classmethod
    def of(cls, series: Series) -> Rows:
        """The rows of a channel, put in order."""
        order = np.lexsort((series.value, series.until_ns, series.time_ns))
        time, until = series.time_ns[order], series.until_ns[order]
        return cls(time, until, series.value[order], series.offset_minutes[order])

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True)
class Brought:
    """How many rows of an import were new, grown, known, or in conflict with what is held."""

    new: int = 0
    grown: int = 0
    known: int = 0
    conflicts: int = 0


def add_rows(db: sqlite3.Connection, key: int, series: Series) -> Brought:
    """What of a channel is new or has grown, written."""
    if not len(series.time_ns):
        return Brought()
    rows, sums = Rows.of(series), KINDS[series.kind].counts_over_time
    longest = int((rows.until - rows.time).max())
    (before,) = db.execute("SELECT longest_ns FROM channel WHERE id = ?", (key,)).fetchone()
    ahead = max(longest, before) if sums else 0  # a sum may be compared with all that it covers
    held = read_rows(db, key, int(rows.time[0]), int(rows.time[-1]) + 1 + ahead, 0)
    moment = _numbered((held.time, rows.time), (held.until, rows.until))
    exact = _numbered(moment, (_bits(held.value), _bits(rows.value)))
    there = np.isin(moment[1], moment[0])
    known = there & np.isin(exact[1], exact[0])
    grown = conflicts = np.zeros(len(rows), dtype=bool)
    if sums:
        grown, conflicts, replaced = _grown(held, rows, moment)
        db.executemany(
            f"DELETE FROM slow WHERE channel = {key} AND time_ns = ? AND until_ns = ?",
            zip(rows.time[grown].tolist(), replaced[grown].tolist()),
        )
    conflicts = conflicts | (there & ~known & ~grown)
    fresh = ~there & ~grown & ~conflicts
    _write(db, key, rows, _places(moment[1]), fresh | grown)
    db.execute("UPDATE channel SET longest_ns = MAX(longest_ns, ?) WHERE id = ?", (longest, key))
    return Brought(*(int(which.sum()) for which in (fresh, grown, known, conflicts)))


def read_rows(db: sqlite3.Connection, key: int, start_ns: int, end_ns: int, longest: int) -> Rows:
    """The rows from ``start_ns`` to ``end_ns`` (excluded), and spans that reach into that time.

    longest: of the channel's rows, in nanoseconds; with 0 rows that begin earlier are left out.
    """
    cursor = db.execute(
        "SELECT time_ns, until_ns, value, offset_minutes FROM slow WHERE channel = ? "
        "AND time_ns >= ? AND time_ns < ? AND (time_ns >= ? OR until_ns > ?) "
        "ORDER BY time_ns, until_ns, place",
        (key, start_ns - longest, end_ns, start_ns, start_ns),
    )
    parts = []
    while rows := cursor.fetchmany(100_000):
        parts.append([np.array(column) for column in zip(*rows)][:2])
        parts[-1].append(np.array([row[2] for row in rows], dtype=np.float64))
        parts[-1].append(np.array([row[3] for row in rows], dtype=np.int16))
    kinds = (np.int64, np.int64, np.float64, np.int16)
    empty = [np.zeros(0, dtype=kind) for kind in kinds]
    return Rows(*(np.concatenate(column) for column in zip(empty, *parts)))


def renamed(series: Series, names: Sequence[str]) -> Series:
    """Its categories numbered as the store numbers them."""
    if not series.names or tuple(names[: len(series.names)]) == series.names:
        return series
    numbers = np.array([*(names.index(name) for name in series.names), np.nan])
    index = np.where(np.isnan(series.value), -1, series.value).astype(np.int64)
    return Series(
        series.kind, series.time_ns, series.until_ns, numbers[index], series.offset_minutes
    )


def _grown(held: Rows, rows: Rows, moment: tuple[Numbers, Numbers]) -> tuple[Flags, Flags, Times]:
    """Of each new row: whether it takes a held one's place, whether it yields, and whose until.

    Two rows are one sum where each is the only one of its time and until; or, of different
    untils, the only one of its time, with nothing that begins within the longer.
    """
    mine, theirs = _lone_pairs(moment[1], moment[0])
    start = _numbered((held.time, rows.time))
    alone, other = _lone_pairs(start[1], start[0])
    begun = np.unique(np.concatenate([held.time, rows.time]))
    longer = np.maximum(rows.until[alone], held.until[other])
    within = np.searchsorted(begun, longer) - np.searchsorted(begun, rows.time[alone], "right")
    partial = (rows.until[alone] != held.until[other]) & (within <= 0)
    mine = np.concatenate([mine, alone[partial]])
    theirs = np.concatenate([theirs, other[partial]])

    new, old = rows.value[mine], held.value[theirs]
    later = rows.until[mine] - held.until[theirs]
    told, told_before = ~np.isnan(new), ~np.isnan(old)
    same = (later == 0) & ((new == old) | ~(told | told_before))
    more = np.where(later == 0, new > old, later > 0)
    more = np.where(told == told_before, more, told)
    grown, yields = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    until = rows.until.copy()
    grown[mine], yields[mine] = more & ~same, ~more & ~same
    until[mine] = held.until[theirs]
    return grown, yields, until


def _lone_pairs(mine: Numbers, theirs: Numbers) -> tuple[Numbers, Numbers]:
    """Rows of two tables with equal numbers, where the number is there once in each: their places."""
    number, place, count = np.unique(mine, return_index=True, return_counts=True)
    others, other_place, other_count = np.unique(theirs, return_index=True, return_counts=True)
    number, place = number[count == 1], place[count == 1]
    others, other_place = others[other_count == 1], other_place[other_count == 1]
    _, here, there = np.intersect1d(number, others, assume_unique=True, return_indices=True)
    return place[here], other_place[there]


def _places(moment: Numbers) -> Numbers:
    """0, 1, 2 .. among rows of one moment; rows of one moment lie side by side."""
    begins = np.flatnonzero(np.diff(moment, prepend=moment[0] - 1))
    places: Numbers = np.arange(len(moment)) - np.repeat(begins, np.diff([*begins, len(moment)]))
    return places


def _write(db: sqlite3.Connection, key: int, rows: Rows, place: Numbers, which: Flags) -> None:
    db.executemany(
        f"INSERT INTO slow VALUES ({key}, ?, ?, ?, ?, ?)",  # a whole number of ours
        zip(
            rows.time[which].tolist(),
            rows.until[which].tolist(),
            place[which].tolist(),
            (None if math.isnan(v) else v for v in rows.value[which].tolist()),
            rows.offset[which].tolist(),
        ),
    )


def _bits(value: npt.NDArray[np.float64]) -> Numbers:
    """Equal values have equal bits: one zero and one NaN."""
    plain = np.where(np.isnan(value), np.nan, value + 0.0)
    return plain.view(np.int64)


def _numbered(*columns: tuple[Numbers, Numbers]) -> tuple[Numbers, Numbers]:
    """Rows of two tables -> numbers, equal where all columns are equal, in the rows' order."""
    here = len(columns[0][0])
    total = np.zeros(here + len(columns[0][1]), dtype=np.int64)
    for column in columns:
        _, number = np.unique(np.concatenate(column), return_inverse=True)
        _, total = np.unique(total * (number.max(initial=0) + 1) + number, return_inverse=True)
    return total[:here], total[here:]
