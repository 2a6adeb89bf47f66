"""The words of a mapping, which says what the columns of a table are, and their checks.

A mapping is a plain dictionary, as a TOML file gives it. ``read_mapping`` checks its words and
makes a ``MappedTable`` of them; ``mapped`` reads tables by it.

    kind = "csv"                    # csv, parquet or npz; left out: told by the content
    files = "*.csv"                 # which files of a folder, a pattern; left out: all that fit
    source = "my logger"            # what it is, in words; device_class = "watch"
    delimiter = ";"  decimal = ","  encoding = "cp1252"  skip_rows = 1
    header = ["t", "x", "y", "z"]   # names of the columns where the file has none
    zone = "Europe/Berlin"          # of wall-clock times
    start = "2026-03-01T08:00:00Z"  # of the first row, where there is no column of times
    lists = true                    # until and value hold lists: [60,60],[71,72]
    [time]                          # column = "t", or columns = ["date", "time"] joined by a blank
    as = "iso"                      # iso, s, ms, us, ns (since 1970), or a strptime pattern
    utc = true                      # the times are UTC; a zone or an offset only says which day
    [until]                         # column and as; or column and unit = "min", a duration;
                                    # or seconds = 60; or days = 1, to the next midnights
    [offset]                        # column = "tz": UTC+0200, +02:00 or an IANA name
    [person]                        # column = "subject", or file = true: one person a file
    [[channels]]
    kind = "heart_rate"             # of ``kinds``
    column = "hr"                   # a list: the first of these names that is there
    columns = ["x", "y", "z"]       # several axes; axes = ["x", "y", "z"] names them
    name = "heart_rate:rest"  unit = "bpm"  scale = 0.1  missing = ["-1", "255"]
    unit_column = "unit"            # the unit is said row by row
    names = { 0 = "wake", 1 = "asleep" }   # of a category; names = "cells": as they are written
    only = { source = "rest" }      # rows whose column says so; a list: one of these
    add_up = true                   # the columns are parts of one value
    stamped = true                  # fast: its stamps say the rate
    rate_hz = 50.0                  # fast: stamps are coarse, rows come at this rate
    optional = true                 # no fault where the file has no such column

A wrong word is named together with the nearest that exists. What a column holds is no matter of
this module: cells that do not fit are counted where they are read.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holter.signals.errors import DataError
from holter.signals.kinds import KINDS, conversion

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "ascii", "latin-1", "iso-8859-1", "iso-8859-2",
    "iso-8859-15", "cp1250", "cp1251", "cp1252", "shift_jis", "euc_kr", "gb18030", "big5")  # fmt: skip
DURATION_S = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
DEVICE_CLASSES = ("band", "watch", "ring", "research wrist", "chest strap", "phone", "laboratory", "")  # fmt: skip

_TOP = {"kind": str, "files": str, "source": str, "device_class": str, "delimiter": str,
    "decimal": str, "encoding": str, "skip_rows": int, "header": list, "zone": str, "start": str,
    "lists": bool, "time": dict, "until": dict, "offset": dict, "person": dict, "channels": list}  # fmt: skip
_PARTS: Mapping[str, Mapping[str, Any]] = {
    "time": {"column": (str, list), "columns": list, "as": str, "utc": bool},
    "until": {"column": (str, list), "columns": list, "as": str, "unit": str,
              "seconds": (int, float), "days": int},
    "offset": {"column": (str, list)},
    "person": {"column": (str, list), "file": bool},
    "channels": {"kind": str, "column": (str, list), "columns": list, "axes": list, "name": str,
                 "unit": str, "unit_column": str, "scale": (int, float), "missing": list,
                 "names": (dict, str), "only": dict, "add_up": bool, "stamped": bool, "rate_hz": (int, float),
                 "optional": bool},
}  # fmt: skip


@dataclass(frozen=True)
class MappedChannel:
    """What a mapping says of one channel; ``columns`` holds, for each axis, its possible names."""

    kind: str
    columns: tuple[tuple[str, ...], ...]
    axes: tuple[str, ...]
    label: str
    unit: str | None
    unit_column: str | None
    scale: float
    missing: frozenset[str]
    names: Mapping[str, str] | str | None
    only: Mapping[str, frozenset[str]]
    add_up: bool
    stamped: bool
    rate_hz: float | None
    optional: bool


@dataclass(frozen=True)
class MappedTable:
    """A mapping that was checked. Columns are given as their possible names, first one first."""

    words: Mapping[str, Any]
    channels: tuple[MappedChannel, ...]

    def columns(self, part: str) -> tuple[tuple[str, ...], ...]:
        """Columns of time, until, offset or person; none where the mapping names none."""
        said = self.words.get(part, {})
        if "columns" in said:
            return tuple((str(name),) for name in said["columns"])
        return (_several(said["column"]),) if "column" in said else ()

    def missing_column(self, header: Sequence[str]) -> str | None:
        """A column that must be there and is not."""
        there = set(header)
        needed = [names for part in _PARTS if part != "channels" for names in self.columns(part)]
        needed += [names for c in self.channels if not c.optional for names in c.columns]
        needed += [(name,) for c in self.channels if not c.optional for name in
                   (*c.only, *([c.unit_column] if c.unit_column else []))]  # fmt: skip
        lacking = [names[0] for names in needed if not there.intersection(names)]
        if lacking:
            return lacking[0]
        usable = any(all(there.intersection(n) for n in c.columns) for c in self.channels)
        return None if usable else self.channels[0].columns[0][0]


def all_columns(table: MappedTable) -> Iterator[tuple[str, ...]]:
    """The possible names of each column that a mapping speaks of."""
    for part in ("time", "until", "offset", "person"):
        yield from table.columns(part)
    for channel in table.channels:
        yield from channel.columns
        yield tuple(channel.only)
        if channel.unit_column:
            yield (channel.unit_column,)


def read_mapping(raw: Mapping[str, Any]) -> MappedTable:
    """A mapping's words -> what they mean. Raises DataError naming a wrong word and the nearest."""
    words = _checked(raw, _TOP, "the mapping")
    for part in ("time", "until", "offset", "person"):
        if part in words:
            _checked(words[part], _PARTS[part], part)
    choices = {"kind": ("csv", "parquet", "npz"), "device_class": DEVICE_CLASSES,
               "decimal": (".", ","), "encoding": ENCODINGS}  # fmt: skip
    for word, allowed in choices.items():
        if word in words and words[word] not in allowed:
            raise DataError(
                f"mapping: {word} = {words[word]!r} must be one of {', '.join(allowed)}"
            )
    delimiter = words.get("delimiter", ",")
    if len(delimiter) != 1 or delimiter in '"\r\n' or delimiter == words.get("decimal", "."):
        raise DataError(f"mapping: delimiter = {delimiter!r} must be one character of its own")
    if not 0 <= words.get("skip_rows", 0) <= 10_000:
        raise DataError("mapping: skip_rows must lie between 0 and 10,000")
    until = words.get("until", {})
    if until and sum(w in until for w in ("column", "columns", "seconds", "days")) != 1:
        raise DataError("mapping: until needs one of column, columns, seconds, days")
    if until.get("unit", "s") not in DURATION_S:
        raise DataError(f"mapping: until.unit must be one of {', '.join(DURATION_S)}")
    if words.get("lists") and ("unit" not in until or "column" not in until):
        raise DataError(
            "mapping: lists needs until with a column and a unit: how long each value is"
        )
    if "time" in words and ("column" in words["time"]) == ("columns" in words["time"]):
        raise DataError("mapping: time needs either column or columns")
    channels = tuple(_channel(c, n) for n, c in enumerate(words.get("channels", ()), start=1))
    if not channels:
        raise DataError("mapping: it needs at least one [[channels]]")
    if "time" not in words and not ("start" in words and all(c.rate_hz for c in channels)):
        raise DataError("mapping: name a column of times, or start and each channel's rate_hz")
    return MappedTable(words, channels)


def _channel(raw: Any, number: int) -> MappedChannel:
    said = _checked(raw, _PARTS["channels"], f"channel {number}")
    kind = said.get("kind", "")
    if kind not in KINDS:
        raise DataError(
            f"mapping: channel {number} is of no known kind ({kind!r}){nearest(kind, KINDS)}"
        )
    if ("column" in said) == ("columns" in said):
        raise DataError(f"mapping: channel {number} ({kind}) needs either column or columns")
    columns = (
        (_several(said["column"]),)
        if "column" in said
        else tuple((str(name),) for name in said["columns"])
    )
    default = ("x", "y", "z") if len(columns) == 3 else tuple(map(str, range(len(columns))))
    add_up = bool(said.get("add_up", False))
    axes = tuple(map(str, said.get("axes", default if len(columns) > 1 and not add_up else ("",))))
    rate = said.get("rate_hz")
    if rate is not None and not 0 < rate < 1e6:
        raise DataError(f"mapping: channel {number} ({kind}) needs a rate_hz above 0")
    fast = said.get("stamped", False) or rate is not None
    if not fast and len(axes) > 1:
        raise DataError(f"mapping: channel {number} ({kind}) has axes: say stamped or rate_hz")
    if "unit" in said:
        conversion(kind, said["unit"])
    names = said.get("names")
    if names is not None and (fast or KINDS[kind].unit):
        raise DataError(f"mapping: channel {number} ({kind}) is no category: leave out names")
    if names is not None and "scale" in said:
        raise DataError(f"mapping: channel {number} ({kind}) is a category: leave out scale")
    if isinstance(names, str) and (names != "cells" or KINDS[kind].names):
        raise DataError(f"mapping: channel {number} ({kind}): names must be a table of cells")
    if isinstance(names, Mapping):
        for name in names.values():
            if KINDS[kind].names and name not in KINDS[kind].names:
                raise DataError(
                    f"mapping: {kind} has no {name!r}{nearest(str(name), KINDS[kind].names)}"
                )
    return MappedChannel(
        kind,
        columns,
        axes,
        said.get("name", kind),
        said.get("unit"),
        said.get("unit_column"),
        float(said.get("scale", 1.0)),
        frozenset(str(m).strip().lower() for m in said.get("missing", ())),
        {str(k).strip(): str(v) for k, v in names.items()} if isinstance(names, Mapping) else names,
        {str(k): frozenset(_several(v)) for k, v in said.get("only", {}).items()},
        add_up,
        bool(said.get("stamped", False)),
        float(rate) if rate is not None else None,
        bool(said.get("optional", False)),
    )


def _checked(raw: Any, allowed: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise DataError(f"mapping: {where} must be a table of words")
    for word, value in raw.items():
        if word not in allowed:
            raise DataError(
                f"mapping: {where} has no word {str(word)[:40]!r}{nearest(str(word), allowed)}"
            )
        right = allowed[word]
        is_bool = isinstance(value, bool) and right is not bool
        if is_bool or not isinstance(value, right):
            raise DataError(f"mapping: {word} in {where} has a value of the wrong type")
    return raw


def nearest(word: str, allowed: Any) -> str:
    """The end of a message about a wrong word: which one it may have been meant for."""
    close = difflib.get_close_matches(word, list(allowed), n=1, cutoff=0.0)
    return f"; the nearest is {close[0]!r}" if close else ""


def _several(names: Any) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(map(str, names))
