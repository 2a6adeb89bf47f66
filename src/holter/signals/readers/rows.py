"""Rows that a reader finds one by one -> the slow channels of one recording in the making.

For readers that stream a file: heart rates, steps and stages come mixed, each with its own time.
Nothing is held but numbers, 26 bytes a row, and how often something was left out. Readers of
tables, which have whole columns at once, use ``rows_by_person``.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered

MOST_ROWS = 10_000_000  # of one channel: 260 MB while reading, four times that while sorting


@dataclass
class _Column:
    """One channel in the making."""

    kind: str
    time_ns: array[int] = field(default_factory=lambda: array("q"))
    until_ns: array[int] = field(default_factory=lambda: array("q"))
    value: array[float] = field(default_factory=lambda: array("d"))
    offset_minutes: array[int] = field(default_factory=lambda: array("h"))


class Rows:
    """The channels of one source, by name, and what was left out of them.

    most: rows of one channel. ``odd``: what was left out -> how often.
    """

    def __init__(self, most: int = MOST_ROWS) -> None:
        self.odd: dict[str, int] = {}
        self._most = most
        self._columns: dict[str, _Column] = {}

    def add(
        self,
        kind: str,
        time_ns: int,
        until_ns: int,
        value: float,
        offset_minutes: int = 0,
        name: str | None = None,
    ) -> None:
        """A row of the channel ``name`` (default: the kind). Raises DataError beyond ``most``."""
        column = self._columns.get(name or kind)
        if column is None:
            column = self._columns[name or kind] = _Column(kind)
        if len(column.time_ns) >= self._most:
            raise DataError(
                f"more than {self._most:,} rows of {kind}: export a shorter time and read again"
            )
        column.time_ns.append(time_ns)
        column.until_ns.append(until_ns)
        column.value.append(value)
        column.offset_minutes.append(offset_minutes)

    def count(self, what: str, times: int = 1) -> None:
        """Add to the count of an oddity."""
        if times:
            self.odd[what] = self.odd.get(what, 0) + times

    def pour(self, into: Gathered, names: Mapping[str, Sequence[str]] | None = None) -> None:
        """Give all to ``into``, in order of the names; the rows are let go one by one.

        names: of categories, by channel.
        """
        for name in sorted(self._columns):
            column = self._columns.pop(name)
            into.series(
                column.kind,
                np.frombuffer(column.time_ns, dtype=np.int64),
                np.frombuffer(column.value, dtype=np.float64),
                until_ns=np.frombuffer(column.until_ns, dtype=np.int64),
                offset_minutes=np.frombuffer(column.offset_minutes, dtype=np.int16),
                names=(names or {}).get(name, ()),
                name=name,
            )
        for what, count in self.odd.items():
            into.note(what, count)
