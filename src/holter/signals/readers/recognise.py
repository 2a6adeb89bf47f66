"""Which formats a file, a folder or a zip holds: told by content, never by a name alone.

A table of the holder's own is what their mapping fits: ``unfit`` says why a file is none.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from holter.signals.errors import DataError, Unsupported
from holter.signals.readers import mapped
from holter.signals.readers.catalogue import FORMATS
from holter.signals.readers.files import Files
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.mapped import kind_of
from holter.signals.readers.mapping_words import MappedTable, nearest, read_mapping
from holter.signals.readers.tables import (
    DamagedPacking,
    csv_start,
    npz_columns,
    numbers,
    parquet_chunks,
)
from holter.signals.recording import Recording


@dataclass(frozen=True)
class Found:
    """A group of files and its format; ``format`` is None where no format claims the file."""

    format: Format | None
    names: Group


def recognise(files: Files, options: Options) -> list[Found]:
    """Every file in exactly one group, in the order of the formats; unclaimed ones at the end.

    A mapping in ``options`` claims the tables that it fits, before all others, and nothing else:
    what lies beside them is told by its content as ever. Raises DataError for a wrong mapping.
    """
    left = list(files.names)
    found: list[Found] = []
    own = [] if options.mapping is None else [_fitting(options.mapping)]
    for form in (*own, *FORMATS):
        groups = form.claims(files, left)
        taken = {name for names in groups for name in names}
        found += [Found(form, tuple(names)) for names in groups]
        left = [name for name in left if name not in taken]
    return found + [Found(None, (name,)) for name in left]


def read(files: Files, found: Found, options: Options) -> list[Recording]:
    """The recordings of one group. Raises DataError; Unsupported where holter does not read it."""
    if found.format is None:
        name = found.names[0]
        if options.mapping is not None:
            why = unfit(files, name, read_mapping(options.mapping))
            raise DataError(
                f"{name}: not a format that holter knows, and the mapping does not fit it: {why}"
            )
        raise Unsupported(
            f"{name}: not a format that holter knows; a table of your own is read "
            "with --mapping (see docs/formats.md)"
        )
    if found.format.unsupported is not None:
        raise Unsupported(f"{found.format.title} is not read: {found.format.unsupported}")
    recordings = found.format.read(files, found.names, options)
    if not recordings:
        raise DataError(f"{found.names[0]}: {found.format.title} without any recording in it")
    return recordings


def _fitting(mapping: Mapping[str, Any]) -> Format:
    """The format of the tables that a mapping fits. Raises DataError for a wrong mapping."""
    return replace(mapped.FORMAT, claims=partial(_claims, read_mapping(mapping)))


def _claims(table: MappedTable, files: Files, names: Sequence[str]) -> Sequence[Group]:
    """The tables that the mapping fits. Those of a folder are one group: a person's days often
    lie in many files. Where the table names its people, so are all; else each file outside of
    folders stands for itself.
    """
    found = [name for name in names if not unfit(files, name, table)]
    if "person" in table.words:
        return [tuple(found)] if found else []
    groups: dict[str, list[str]] = {}
    for name in found:
        groups.setdefault(name.rpartition("/")[0] or name, []).append(name)
    return [tuple(group) for group in groups.values()]


def unfit(files: Files, name: str, table: MappedTable) -> str:
    """Why a file is no table that the mapping fits; "" of one that it fits or that is damaged."""
    pattern, kind = table.words.get("files", "*"), kind_of(files, name)
    if not fnmatch.fnmatchcase(name.rsplit("/", 1)[-1], pattern):
        return f"its name is not one of files = {pattern!r}"
    wanted = table.words.get("kind", kind)
    if kind is None or kind != wanted:
        return f"it is no {wanted or 'table'}"
    try:
        if kind == "csv":
            return _unfit_rows(csv_start(files, name, table.words), table)
        columns = npz_columns(files, name) if kind == "npz" else _parquet_columns(files, name)
    except DamagedPacking:
        return ""
    except DataError:
        return "it is no text of rows" if kind == "csv" else ""
    return _lacking(columns, table)


def _parquet_columns(files: Files, name: str) -> list[str]:
    return list(next(parquet_chunks(files, name, set())))


def _unfit_rows(start: Sequence[Sequence[str]], table: MappedTable) -> str:
    """Why a text of rows is none that the mapping fits, by its header or, without one, its rows."""
    if not start:
        return "it is empty"
    header, *rows = start
    if lacking := _lacking(header, table):
        return lacking
    if "header" not in table.words:
        return ""
    full = [row for row in rows if len(row) == len(header)]
    if not full or len(full) * 2 < len(rows):
        return f"its rows have not the {len(header)} cells of the mapping's header"
    decimal = table.words.get("decimal", ".")
    for channel in table.channels:
        if channel.optional or channel.names is not None or table.words.get("lists"):
            continue
        for names in channel.columns:
            place = next(header.index(n) for n in names if n in header)
            values, odd = numbers([row[place] for row in full], decimal, channel.missing)
            if odd and np.isnan(values).all():
                return f"its column {header[place]!r} holds no number"
    return ""


def _lacking(columns: Sequence[str], table: MappedTable) -> str:
    lacking = table.missing_column(columns)
    return "" if lacking is None else f"it has no column {lacking!r}{nearest(lacking, columns)}"
