"""Any table, by a mapping that says what its columns are: CSV, Parquet or NPZ.

The words of a mapping are in ``mapping_words``, the files and their cells in ``tables``. Here
chunks of columns become rows of channels. Read in order: ``FORMAT``, ``add_file`` (one table),
``add_chunk`` (whose rows they are), ``_add_person`` (their times; ends are in ``mapped_spans``),
``_add_channel`` (values).

An empty cell is no value. A cell that is no number, a row with too few cells, a unit that nobody
knows: masked or left out, and counted by person. ``vendor`` finds mappings by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.kinds import KINDS, conversion
from holter.signals.readers.files import Files, head
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.mapped_spans import ends, found_in, from_lists, joined
from holter.signals.readers.mapping_words import (
    MappedChannel,
    MappedTable,
    all_columns,
    nearest,
    read_mapping,
)
from holter.signals.readers.rows_by_person import RowsByPerson, RowsOfOne
from holter.signals.readers.tables import (
    NOTHING,
    Cells,
    Chunk,
    Floats,
    coded,
    csv_chunks,
    marked,
    npz_chunks,
    numbers,
    parquet_chunks,
)
from holter.signals.readers.time_columns import EPOCHS, instants
from holter.signals.readers.times import NO_TIME, Integers, Minutes
from holter.signals.recording import SECOND_NS, Recording

_PARQUET, _ZIP = b"PAR1", b"PK\x03\x04"
_COMMA = re.compile(r"[+-]?\d+,\d+")


@dataclass(frozen=True)
class _Piece:
    """A chunk of a table, of one person, with its rows' times and ends.

    spread: cells of durations, where a row holds lists.
    """

    chunk: Chunk
    table: MappedTable
    time: Integers
    away: Minutes
    until: Integers
    spread: list[str] | None


def add_chunk(
    rows: RowsByPerson, chunk: Chunk, table: MappedTable, options: Options, file: str, at_row: int
) -> int:
    """One piece of a table into ``rows``; returns how many rows it had."""
    lengths = {len(chunk[n]) for names in all_columns(table) for n in names if n in chunk}
    count = max(lengths, default=0)
    if len(lengths) > 1:
        raise DataError(f"{file}: the columns of the mapping are not equally long")
    if not count:
        return 0
    people, person = _people(chunk, table, file, count)
    order = np.argsort(person, kind="stable")
    timed = False
    for name, mine in zip(
        people, np.split(order, np.cumsum(np.bincount(person))[:-1]), strict=True
    ):
        part = chunk if len(people) == 1 else _rows_of(chunk, table, mine)
        timed |= _add_person(rows.of(name), part, table, options, at_row + mine)
    if at_row == 0 and not timed and "time" in table.words and "offset" not in table.words:
        form = table.words["time"].get("as", "iso")
        raise DataError(
            f"{file}: no cell of its column of times fits as = {form!r}: write iso, s, ms, us, "
            "ns or a pattern such as %d.%m.%Y %H:%M"
        )
    return count


def _rows_of(chunk: Chunk, table: MappedTable, rows: npt.NDArray[np.intp]) -> Chunk:
    """The columns of the mapping, of some rows only."""
    wanted = {n for names in all_columns(table) for n in names if n in chunk}
    where = rows.tolist()
    return {
        n: cells[rows] if isinstance(cells, np.ndarray) else [cells[i] for i in where]
        for n, cells in chunk.items()
        if n in wanted
    }


def _add_person(
    rows: RowsOfOne,
    chunk: Chunk,
    table: MappedTable,
    options: Options,
    index: npt.NDArray[np.intp],
) -> bool:
    """One person's rows of a chunk, ``index`` their numbers in the file; whether any has a time."""
    zone = table.words.get("zone") or options.zone
    offsets = joined(chunk, table.columns("offset")) if "offset" in table.words else None
    offset_cells = None if offsets is None else [str(cell) for cell in offsets]
    if "time" in table.words:
        time, away = _times(rows, chunk, table, zone, offset_cells)
    else:
        time, away = _counted_times(rows, table, zone, index)
    until, spread = ends(chunk, table, time, away, zone, offset_cells, rows)
    piece = _Piece(chunk, table, time, away, until, spread)
    for channel in table.channels:
        if _is_there(channel, chunk):  # if not, it is optional: the header was looked at
            _add_channel(rows, piece, channel)
    return bool((time != NO_TIME).any())


def _times(
    rows: RowsOfOne,
    chunk: Chunk,
    table: MappedTable,
    zone: str | None,
    offset_cells: Sequence[str] | None,
) -> tuple[Integers, Minutes]:
    said = table.words["time"]
    cells, form = joined(chunk, table.columns("time")), said.get("as", "iso")
    is_utc_stamp = isinstance(cells, np.ndarray) and cells.dtype == np.int64
    form = "ns" if is_utc_stamp and form not in EPOCHS else form
    utc = bool(said.get("utc", False))
    return instants(cells, form, zone=zone, offsets=offset_cells, utc=utc, note=rows.note)


def _counted_times(
    rows: RowsOfOne, table: MappedTable, zone: str | None, index: npt.NDArray[np.intp]
) -> tuple[Integers, Minutes]:
    """Where there is no column of times: from the start that is said, at the rate that is said."""
    begin, offset = instants([table.words["start"]], "iso", zone=zone, note=rows.note)
    if begin[0] == NO_TIME:
        raise DataError("mapping: start is no ISO 8601 time such as 2026-03-01T08:00:00Z")
    rate = table.channels[0].rate_hz or 1.0
    time = begin[0] + np.round(index.astype(np.float64) * SECOND_NS / rate).astype(np.int64)
    return time, np.broadcast_to(offset, time.shape)


def _people(
    chunk: Chunk, table: MappedTable, file: str, count: int
) -> tuple[list[str], npt.NDArray[np.intp]]:
    """The people of a chunk, and of each row whose it is."""
    if table.words.get("person", {}).get("file"):
        return [file.rsplit("/", 1)[-1].partition(".")[0]], np.zeros(count, np.intp)
    if not table.columns("person"):
        return [""], np.zeros(count, np.intp)
    return coded([str(cell).strip() for cell in joined(chunk, table.columns("person"))])


def _is_there(channel: MappedChannel, chunk: Chunk) -> bool:
    also = (*channel.only, *([channel.unit_column] if channel.unit_column else []))
    return all(found_in(chunk, names) for names in channel.columns) and all(
        column in chunk for column in also
    )


def _add_channel(rows: RowsOfOne, piece: _Piece, channel: MappedChannel) -> None:
    time, until, parts = piece.time, piece.until, _parts(piece, channel)
    where = np.arange(len(time))  # the rows of the chunk that the values are of
    keep = np.ones(len(time), dtype=bool)
    for column, texts in channel.only.items():
        keep &= np.array([str(cell).strip() in texts for cell in piece.chunk[column]])
    if piece.spread is not None:
        where, time, until, flat = from_lists(
            rows, channel.label, parts[0], piece.spread, time, piece.table
        )
        keep = keep[where]
        _note_marks(rows, channel, marked(flat, channel.missing) & keep)
        flat, _ = numbers(flat, missing=channel.missing)
        value = flat.reshape(-1, 1)
        if channel.names is not None:  # 2.0 is the category that is written 2
            texts_of = ["" if np.isnan(v) else f"{v:g}" for v in flat]
            value = _categories(rows, channel, texts_of).reshape(-1, 1)
    elif channel.names is not None:
        value = _categories(rows, channel, parts[0]).reshape(-1, 1)
        _note_marks(rows, channel, marked(parts[0], channel.missing).reshape(-1) & keep)
    else:
        value = _numbers(rows, piece, channel, keep)
    value = value * channel.scale
    if channel.unit_column and channel.unit_column in piece.chunk:
        units = [str(cell).strip() for cell in piece.chunk[channel.unit_column]]
        value = _by_unit(rows, channel, value, [units[i] for i in where])
    elif channel.unit is not None:
        multiply, add = conversion(channel.kind, channel.unit)
        value = value * multiply + add
    fast = channel.stamped or channel.rate_hz is not None
    if not fast and piece.spread is None:  # an empty cell of a slow channel is no row
        keep &= ~_empty(parts[0], value)
    if fast and keep.any():
        rows.fast(channel, time[keep], value[keep])
    elif keep.any():
        away = piece.away[where][keep]
        rows.slow(channel.label, channel.kind, time[keep], until[keep], value[keep, 0], away)


def _note_marks(rows: RowsOfOne, channel: MappedChannel, marks: npt.NDArray[np.bool_]) -> None:
    rows.note("values that mean not measured, masked", int(marks.sum()), channel.label)


def _parts(piece: _Piece, channel: MappedChannel) -> list[Cells]:
    return [piece.chunk[found_in(piece.chunk, names) or ""] for names in channel.columns]


def _numbers(
    rows: RowsOfOne, piece: _Piece, channel: MappedChannel, keep: npt.NDArray[np.bool_]
) -> Floats:
    """The values of a channel as they are written, shape (n, axes)."""
    label, decimal = channel.label, piece.table.words.get("decimal", ".")
    columns = []
    for part in _parts(piece, channel):
        flat = part.reshape(-1) if isinstance(part, np.ndarray) else part
        found, odd = numbers(flat, decimal, channel.missing)
        rows.note("cells that are no numbers, masked", odd, label)
        if channel.missing:
            marks = marked(flat, channel.missing).reshape(len(part), -1)
            _note_marks(rows, channel, marks & keep[:, None])
        if decimal == "." and odd * 2 > len(flat) and not isinstance(flat, np.ndarray):
            if sum(bool(_COMMA.fullmatch(cell.strip())) for cell in flat) * 2 > odd:
                raise DataError(f'{label}: numbers have a comma: say decimal = "," in a mapping')
        columns.append(found.reshape(len(part), -1))
    value = np.concatenate(columns, axis=1)
    if channel.add_up:
        value = value.sum(axis=1, keepdims=True)
    if value.shape[1] != len(channel.axes):
        raise DataError(f"mapping: {label} has {value.shape[1]} axes; name them with axes")
    return value


def _empty(part: Cells, value: Floats) -> npt.NDArray[np.bool_]:
    if isinstance(part, np.ndarray):
        first = part.reshape(len(part), -1)[:, 0]
        return np.isnan(first) if first.dtype.kind == "f" else np.isnan(value[:, 0])
    return np.array([cell.strip().lower() in NOTHING for cell in part], dtype=bool)


def _categories(rows: RowsOfOne, channel: MappedChannel, cells: Cells) -> Floats:
    names, fixed = channel.names, KINDS[channel.kind].names
    out, unknown = np.full(len(cells), np.nan), 0
    for row, raw in enumerate(cells):
        text = str(raw).strip()
        if text.lower() in NOTHING or text.lower() in channel.missing:
            continue
        name = text[:80] if isinstance(names, str) or names is None else names.get(text)
        index = None
        if name is not None:
            index = fixed.index(name) if fixed else rows.name_index(channel.label, name)
        if index is None:
            unknown += 1
        else:
            out[row] = index
    rows.note("categories that the mapping does not name, masked", unknown, channel.label)
    return out


def _by_unit(
    rows: RowsOfOne, channel: MappedChannel, value: Floats, units: Sequence[str]
) -> Floats:
    out = np.full(value.shape, np.nan)
    known, codes = coded(units)
    unknown = 0
    for code, unit in enumerate(known):
        mine = codes == code
        try:
            multiply, add = conversion(channel.kind, unit)
        except DataError:
            unknown += int(mine.sum())
            continue
        out[mine] = value[mine] * multiply + add
    rows.note(
        "values in a unit that cannot be brought to the kind's, masked", unknown, channel.label
    )
    return out


def add_file(
    rows: RowsByPerson, files: Files, name: str, table: MappedTable, options: Options
) -> None:
    """All of one file into ``rows``. Raises DataError where a column of the mapping is missing."""
    kind = table.words.get("kind") or kind_of(files, name) or "csv"
    wanted = {n for names in all_columns(table) for n in names}
    if kind == "parquet":
        chunks = parquet_chunks(files, name, wanted)
    elif kind == "npz":
        chunks = npz_chunks(files, name)
    else:
        chunks = csv_chunks(files, name, table.words, rows.note)
    at_row, first = 0, True
    for chunk in chunks:
        if first:
            lacking = table.missing_column(list(chunk))
            if lacking is not None:
                raise DataError(f"{name} has no column {lacking!r}{nearest(lacking, chunk)}")
            first = False
        at_row += add_chunk(rows, chunk, table, options, name, at_row)


def kind_of(files: Files, name: str) -> str | None:
    """A table's kind: csv, parquet or npz, by the content; None of a zip that holds something else."""
    start = head(files, name, 512)
    if start[:4] == _PARQUET:
        return "parquet"
    if start[:4] != _ZIP:
        return "csv"
    first = start[30 : 30 + int.from_bytes(start[26:28], "little")]  # the name of its first file
    return "npz" if first.endswith(b".npy") else None


def _read(files: Files, names: Group, options: Options) -> list[Recording]:
    if options.mapping is None:
        raise DataError(f"{names[0]}: a table of your own is read with --mapping")
    table = read_mapping(options.mapping)
    rows = RowsByPerson()
    for name in names:
        add_file(rows, files, name, table, options)
    said = table.words
    zone = rows.zone(said.get("zone") or options.zone)
    made = rows.gathered(said.get("source", "table"), said.get("device_class", ""), zone)
    return [out.recording() for out in made]


def _claims_nothing(files: Files, names: Sequence[str]) -> Sequence[Group]:
    return []


FORMAT = Format("mapped", "table of your own (CSV, Parquet, NPZ)", _claims_nothing, _read)
"""Without a mapping nothing is such a table; with one, ``recognise`` tells which are."""
