"""Where the rows of a mapped table end: ends, durations, days, and lists of durations.

Part of ``mapped``: ``ends`` for one row a value, ``from_lists`` where one row holds lists of
durations and values. ``found_in`` and ``joined`` find the cells of a column by its names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from holter.signals.readers.mapping_words import DURATION_S, MappedTable
from holter.signals.readers.rows_by_person import RowsOfOne
from holter.signals.readers.tables import Cells, Chunk, Floats, numbers
from holter.signals.readers.time_columns import instants
from holter.signals.readers.times import MINUTE_NS, NO_TIME, Integers, Minutes, in_zone, unheard
from holter.signals.recording import DAY_NS, SECOND_NS

_LIST = re.compile(r"\[[^\[\]]*\]")


def found_in(chunk: Chunk, names: Sequence[str]) -> str | None:
    """The first of the names of a column that is there."""
    return next((name for name in names if name in chunk), None)


def joined(chunk: Chunk, columns: Sequence[Sequence[str]]) -> Cells:
    """One column, or several whose texts are joined by a blank."""
    cells = [chunk[found_in(chunk, names) or ""] for names in columns]
    if len(cells) == 1:
        return cells[0]
    return [" ".join(str(c).strip() for c in row) for row in zip(*cells, strict=True)]


def ends(
    chunk: Chunk, table: MappedTable, time: Integers, away: Minutes,
    zone: str | None, offset_cells: Sequence[str] | None, rows: RowsOfOne,
) -> tuple[Integers, list[str] | None]:  # fmt: skip
    """Where each row ends, and the cells of durations where they are lists."""
    said = table.words.get("until", {})
    known = time != NO_TIME
    if "seconds" in said:
        return np.where(known, time + round(said["seconds"] * SECOND_NS), NO_TIME), None
    if "days" in said:
        # a day on which clocks change has 23 or 25 hours where the times are wall-clock times
        shift = away.astype(np.int64) * MINUTE_NS
        wall = np.where(known, time + shift, NO_TIME)
        end = np.where(known, wall + said["days"] * DAY_NS, NO_TIME)
        begun, _ = in_zone(wall, zone, unheard)
        ended, _ = in_zone(end, zone, unheard)
        return np.where(known, np.where(begun == time, ended, end - shift), NO_TIME), None
    names = table.columns("until")
    if not names or not all(found_in(chunk, n) for n in names):
        return time, None
    cells = joined(chunk, names)
    if table.words.get("lists"):
        return time, [str(c) for c in cells]
    if "unit" in said:
        seconds, odd = numbers(cells, table.words.get("decimal", "."))
        rows.note("durations that are no numbers, rows taken as moments", odd)
        lasting = np.nan_to_num(seconds * DURATION_S[said["unit"]])
        good = known & (np.abs(lasting) < 1e9)
        return np.where(good, time + np.round(np.where(good, lasting, 0) * SECOND_NS).astype(np.int64), time), None  # fmt: skip
    time_said = table.words.get("time", {})
    form = said.get("as", time_said.get("as", "iso"))
    until, _ = instants(cells, form, zone=zone, offsets=offset_cells,
                        utc=bool(time_said.get("utc", False)), note=unheard)  # fmt: skip
    open_end = known & (until == NO_TIME)
    rows.note("rows without an end, taken as moments", int(open_end.sum()))
    return np.where(open_end, time, until), None


def from_lists(
    rows: RowsOfOne,
    label: str,
    values: Cells,
    spread: Sequence[str],
    time: Integers,
    table: MappedTable,
) -> tuple[npt.NDArray[Any], Integers, Integers, Floats]:
    """Rows that hold lists of durations and values -> one row a value."""
    unit = DURATION_S[table.words["until"]["unit"]]
    where, times, untils, found = [], [], [], []
    odd = 0
    for row, (value_cell, duration_cell) in enumerate(zip(values, spread, strict=True)):
        value, duration = _list(str(value_cell)), _list(duration_cell)
        if value is None or duration is None or len(value) != len(duration) or time[row] == NO_TIME:
            odd += 1
            continue
        lasting = np.round(np.array(duration, dtype=np.float64) * unit * SECOND_NS)
        if not len(lasting) or not (np.abs(lasting) < DAY_NS * 366).all():
            odd += 1
            continue
        until = time[row] + np.cumsum(lasting.astype(np.int64))
        where.append(np.full(len(until), row))
        times.append(until - lasting.astype(np.int64))
        untils.append(until)
        found.append(np.array(value, dtype=np.float64))
    rows.note("rows whose lists of durations and values do not fit, left out", odd, label)
    if not where:
        return np.zeros(0, int), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    return (np.concatenate(where), np.concatenate(times), np.concatenate(untils),
            np.concatenate(found))  # fmt: skip


def _list(cell: str) -> list[float] | None:
    if not _LIST.fullmatch(cell.strip()):
        return None
    values, odd = numbers([part for part in cell.strip()[1:-1].split(",") if part.strip()])
    return None if odd else values.tolist()
