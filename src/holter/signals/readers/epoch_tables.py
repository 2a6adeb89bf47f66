"""What the text exports of actigraphs share: cells, dates, times of day, and even epochs.

They give counts of even epochs, and the clock of the device: local time of the computer that
set it up, which runs on when clocks change. So one offset holds for a whole recording: the one
that the file states, or that of the holder's zone at its start.

Read in order: ``rows_of`` (lines -> cells), ``Stamps`` (dates and times of day in little memory),
``to_utc`` (the device's clock -> UTC), ``Epochs`` (columns -> channels). Which number of a date
is the month is decided by the formats, with ``orders_of``: nothing is guessed. Formats:
``actigraph_csv``, ``actiwatch``.
"""

from __future__ import annotations

import csv
import datetime
import io
import itertools
import re
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.readers.accelerometer import fixed_zone
from holter.signals.readers.files import Files, head
from holter.signals.readers.formats import Options
from holter.signals.readers.times import NO_TIME, local, nanoseconds
from holter.signals.recording import LATEST_NS, SECOND_NS, Times

MOST_BYTES = 128 * 1024 * 1024  # a month of seconds is 90 MB
MOST_ROWS = 10_000_000  # four months of seconds
_MOST_CELLS = 64  # of a row; Actiware pads its rows to 43

Values = npt.NDArray[np.float64]

DATE = re.compile(r"\s*(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})\.?\s*$")
CLOCK = re.compile(r"\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,6}))?)?\s*([AaPp]\.?[Mm]\.?)?\s*$")
_NUMBER = re.compile(r"\s*[+-]?\d{1,15}(?:[.,]\d{1,15})?\s*$")


def _encoding(data: bytes) -> str:
    """UTF-16 or UTF-8 by their marks, else UTF-8 if it is, else what Windows wrote in the West."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def lines_of(data: bytes) -> Iterator[str]:
    """Lines, one at a time: together they would take many times the file's size."""
    return io.TextIOWrapper(io.BytesIO(data), encoding=_encoding(data), errors="replace")


def first_lines(files: Files, name: str) -> list[str]:
    """The first lines as far as they tell a format."""
    return list(itertools.islice(lines_of(head(files, name)), 12))


def rows_of(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Rows of cells. Raises DataError where quotes never end."""
    try:
        for count, row in enumerate(csv.reader(lines, delimiter=delimiter)):
            if count > MOST_ROWS:
                raise DataError(f"the table has more than {MOST_ROWS:,} rows: export less of it")
            yield row[:_MOST_CELLS]
    except csv.Error as error:
        raise DataError(f"the table is damaged: {error}") from None


def number(cell: str) -> float:
    """A number with a point or a comma; NaN for anything else."""
    return float(cell.replace(",", ".")) if _NUMBER.match(cell) else float("nan")


def plain(cell: str) -> str:
    """Lower case without accents."""
    apart = unicodedata.normalize("NFKD", cell.strip().lower())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def day_of(cell: str, order: str) -> datetime.date | None:
    """A date whose parts come in the order "mdy", "dmy" or "ymd"; None if it cannot be one."""
    found = DATE.match(cell)
    if found is None:
        return None
    part = dict(zip(order, (int(found[1]), int(found[2]), int(found[3])), strict=True))
    year = part["y"] + 2000 if part["y"] < 100 else part["y"]
    try:
        return datetime.date(year, part["m"], part["d"])
    except ValueError:
        return None


def clock_of(cell: str) -> int | None:
    """Nanoseconds since midnight; None if it is no time of day."""
    found = CLOCK.match(cell)
    if found is None:
        return None
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if found[5]:
        hour = hour % 12 + (12 if found[5][0] in "Pp" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    fraction = int((found[4] or "").ljust(6, "0")) * 1000
    return (hour * 3600 + minute * 60 + second) * SECOND_NS + fraction


def midnight(day: datetime.date) -> int:
    """Nanoseconds at which a day begins, as if the clock showed UTC."""
    return nanoseconds(datetime.datetime(day.year, day.month, day.day))


def orders_of(dates: Sequence[str]) -> list[str]:
    """The orders of day, month and year that make a date of every text."""
    if dates and re.match(r"\s*\d{3,4}", dates[0]):
        return ["ymd"] if all(day_of(text, "ymd") for text in dates) else []
    return [order for order in ("mdy", "dmy") if all(day_of(text, order) for text in dates)]


class Stamps:
    """Dates and times of day, row by row, in little memory."""

    def __init__(self) -> None:
        self.days: dict[str, int] = {}  # each text once, and its number
        self._day_of = array("l")
        self._within = array("q")

    def __len__(self) -> int:
        return len(self._day_of)

    def add(self, date: str, clock: str) -> None:
        """One row."""
        within = clock_of(clock)
        self._day_of.append(self.days.setdefault(date.strip(), len(self.days)))
        self._within.append(NO_TIME if within is None else within)

    def wall(self, order: str) -> Times:
        """Nanoseconds on the device's clock, as if it showed UTC; NO_TIME where a row has none."""
        days = [day_of(text, order) for text in self.days]
        midnights = [
            NO_TIME if day is None or not 1900 < day.year < 2200 else midnight(day) for day in days
        ]
        begin = np.array(midnights, dtype=np.int64)[np.array(self._day_of, dtype=np.int64)]
        within = np.array(self._within, dtype=np.int64)
        lost = (begin == NO_TIME) | (within == NO_TIME)
        return np.where(lost, NO_TIME, np.where(lost, 0, begin) + np.where(lost, 0, within))


def to_utc(
    wall: Times, away: int | None, gathered: Gathered, options: Options
) -> tuple[Times, int]:
    """The device's clock -> (UTC, minutes that it was ahead); sets the recording's zone."""
    given = wall[wall != NO_TIME]
    if away is None and options.zone is not None and len(given):
        start = datetime.datetime(1970, 1, 1) + datetime.timedelta(
            seconds=int(given[0] // SECOND_NS)
        )
        _, offsets = local([start], options.zone, gathered.note)
        away = int(offsets[0])
    if away is None:
        return wall, 0
    gathered.zone = options.zone or fixed_zone(away)
    return np.where(wall == NO_TIME, NO_TIME, wall - away * 60 * SECOND_NS), away


def even(start: int, lasts: int, count: int, name: str) -> Times:
    """When each of ``count`` epochs began. Raises DataError if they outlast a person."""
    if lasts * count > LATEST_NS:
        raise DataError(f"{name} lasts longer than anyone wears a device: its header is damaged")
    return start + lasts * np.arange(count, dtype=np.int64)


@dataclass
class Epochs:
    """Epochs as they are gathered: when each began, and how long one lasts."""

    gathered: Gathered
    times: Times
    lasts: int
    away: int

    def add(
        self, kind: str, values: Values, name: str | None = None, names: Sequence[str] = ()
    ) -> None:
        """A channel of epochs; those without a value are left out and counted."""
        label = name or kind
        known = ~np.isnan(values)
        self.gathered.note("epochs without a value, left out", int((~known).sum()), label)
        times = self.times[known]
        until = np.where(times == NO_TIME, NO_TIME, times + self.lasts)
        self.gathered.series(
            kind,
            times,
            values[known],
            until_ns=until,
            offset_minutes=self.away,
            names=names,
            name=name,
        )
