"""Dates that can be read two ways, told apart by evidence.

04/05/2016 is 5 April or 4 May. A table that was saved again by a spreadsheet may hold both
orders, so each *style* of a file (separator, form of the time of day, leading zeros) is decided
by itself. The evidence: a field above 12; how far one person's rows travel from day to day in
the order of the file; where the dates of the other files lie. Where it does not decide, the
dates are refused, not guessed.

Read in order: ``DateTexts`` (texts taken apart), ``resolve`` (all columns of an export at once),
``_decide`` (the evidence for one style of one file). Times whose form is known are read by
``time_columns``; zones and clocks that change are left to ``times``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.readers.times import NO_TIME
from holter.signals.recording import DAY_NS, SECOND_NS

Integers = npt.NDArray[np.int64]
Rows = npt.NDArray[np.bool_]
Style = tuple[str, str, str]  # separator, form of the time of day, leading zeros

NO_DAY = np.iinfo(np.int32).min
_NEAR_DAYS = 31  # how far from certain dates of the same export a date may lie
_CLEAR = 2  # times as good: then one reading is preferred to the other
_REMEMBERED = 200_000  # texts; a table of seconds has 86,400 times of day
_DATE = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})")
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:\s*([AaPp])\.?[Mm]\.?)?")


@dataclass
class DateTexts:
    """A column of date texts, taken apart: add texts in the order of the file, then ``resolve``."""

    styles: list[Style] = field(default_factory=list)
    _parts: list[npt.NDArray[np.int32]] = field(default_factory=list)
    _days: dict[str, tuple[int, int, int, str, str] | None] = field(default_factory=dict)
    _clocks: dict[str, tuple[int, str] | None] = field(default_factory=dict)

    def add(self, texts: Sequence[str]) -> None:
        """More texts; one that is no date keeps its row and has no style."""
        rows = np.full((len(texts), 5), -1, dtype=np.int32)
        for row, text in enumerate(texts):
            date, _, clock = text.strip().replace("T", " ", 1).partition(" ")
            fields, time = self._day(date), self._clock(clock.strip())
            if fields is None or time is None:
                continue
            style = (fields[3], time[1], fields[4])
            if style not in self.styles:
                self.styles.append(style)
            rows[row] = (*fields[:3], time[0], self.styles.index(style))
        self._parts.append(rows)

    @property
    def fields(self) -> npt.NDArray[np.int32]:
        """Shape (n, 5): first and second field, year, second of the day, style (-1: no date)."""
        return np.concatenate(self._parts) if self._parts else np.zeros((0, 5), np.int32)

    def _day(self, text: str) -> tuple[int, int, int, str, str] | None:
        if text not in self._days:
            if len(self._days) > _REMEMBERED:
                self._days.clear()
            found, iso = _DATE.fullmatch(text), _ISO_DATE.fullmatch(text)
            if iso:  # year first: month and day are in that order, everywhere
                self._days[text] = (int(iso[2]), int(iso[3]), int(iso[1]), "-", "year first")
            elif found:
                both = found[1], found[3]
                zeros = "zeros" if any(f[0] == "0" for f in both) else "plain"
                self._days[text] = (int(both[0]), int(both[1]), int(found[4]), found[2], zeros)
            else:
                self._days[text] = None
        return self._days[text]

    def _clock(self, text: str) -> tuple[int, str] | None:
        if text not in self._clocks:
            if len(self._clocks) > _REMEMBERED:
                self._clocks.clear()
            self._clocks[text] = _second_of_day(text)
        return self._clocks[text]


def _second_of_day(text: str) -> tuple[int, str] | None:
    """(second of the day, its form) of 1:08, 13:08:52 or 1:08:52 PM; midnight where empty."""
    if not text:
        return 0, ""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if found[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[4] in "pP" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    return hour * 3600 + minute * 60 + second, f"{'s' if found[3] else 'm'}{'h' * bool(found[4])}"


@dataclass(frozen=True)
class Resolved:
    """A column of dates, read. day: since 1970, NO_DAY where there is none; second: of the day.

    notes: (what was assumed, which rows it was assumed for).
    """

    day: Integers
    second: Integers
    notes: tuple[tuple[str, Rows], ...]

    @property
    def wall_ns(self) -> Integers:
        """The wall-clock times, as if they were UTC; NO_TIME where there is none."""
        good = self.day != NO_DAY
        return np.where(good, self.day * DAY_NS + self.second * SECOND_NS, NO_TIME)


@dataclass
class _Column:
    """One file's dates in the making."""

    name: str
    people: Integers
    readings: tuple[Integers, Integers]  # month first, day first
    style: Integers
    second: Integers
    day: Integers
    order: Integers  # rows by person, each person's in the order of the file
    notes: list[tuple[str, Rows]] = field(default_factory=list)

    def travelled(self, day: Integers, kept: npt.NDArray[np.bool_]) -> int:
        """Days from row to row, of all people, over the rows that are kept."""
        rows = self.order[kept[self.order]]
        steps = np.abs(np.diff(day[rows]))
        return int(steps[np.diff(self.people[rows]) == 0].sum())


def resolve(
    columns: Mapping[str, tuple[DateTexts, Integers]], usual: Collection[Style] = ()
) -> dict[str, Resolved]:
    """Columns (by file: texts, whose row it is) -> days, with what was assumed.

    usual: styles in which the source itself writes the month first; they say so where nothing
    else decides. Raises DataError where dates can be read two ways and nothing decides.
    """
    made = [_column(name, texts, people) for name, (texts, people) in columns.items()]
    open_groups = [
        (column, code, columns[column.name][0].styles[code])
        for column in made
        for code in np.unique(column.style[(column.day == NO_DAY) & (column.style >= 0)]).tolist()
    ]
    # The firmest groups first: each one that is decided is evidence for the others.
    for trust_usual in (False, True):
        progress = True
        while progress and open_groups:
            left = [group for group in open_groups if not _decide(*group, made, usual, trust_usual)]
            progress = len(left) < len(open_groups)
            open_groups = left
    if open_groups:
        column, code, style = open_groups[0]
        row = int(np.flatnonzero((column.style == code) & (column.day == NO_DAY))[0])
        fields = columns[column.name][0].fields[row]
        raise DataError(
            f"{column.name}: {fields[0]:02d}{style[0]}{fields[1]:02d}{style[0]}{fields[2]} can be "
            "read month first or day first and nothing in the export decides: write the dates as "
            "year-month-day"
        )
    return {c.name: Resolved(c.day, c.second, tuple(c.notes)) for c in made}


def _column(name: str, texts: DateTexts, people: Integers) -> _Column:
    fields = texts.fields.astype(np.int64)
    first, second, year, clock, style = fields.T
    month_first, day_first = days_of(year, first, second), days_of(year, second, first)
    certain = (month_first == day_first) | (month_first == NO_DAY) | (day_first == NO_DAY)
    for code, (_, _, zeros) in enumerate(texts.styles):
        if zeros == "year first":
            day_first = np.where(style == code, month_first, day_first)
            certain |= style == code
    certain &= style >= 0
    day = np.where(certain, np.maximum(month_first, day_first), NO_DAY)
    order = np.argsort(people, kind="stable")
    made = _Column(name, people, (month_first, day_first), style, clock, day, order)
    unread = (style < 0) | (certain & (day == NO_DAY))
    if unread.any():
        made.notes.append(("rows whose date cannot be read, left out", unread))
    made.style = np.where(certain & (day == NO_DAY), -1, style)
    return made


def _decide(
    column: _Column,
    code: int,
    style: Style,
    made: Sequence[_Column],
    usual: Collection[Style],
    trust_usual: bool,
) -> bool:
    """Read the doubtful rows of one style of one file, if the evidence is clear."""
    rows = (column.style == code) & (column.day == NO_DAY)
    firm = np.concatenate([c.day[c.day != NO_DAY] for c in made])
    kept = rows | (column.day != NO_DAY)
    outside, travelled = [], []
    for reading in column.readings:
        travelled.append(column.travelled(np.where(rows, reading, column.day), kept))
        far = (reading < firm.min() - _NEAR_DAYS) | (reading > firm.max() + _NEAR_DAYS) \
            if len(firm) else np.zeros(len(reading), bool)  # fmt: skip
        outside.append(int((far & rows).sum()))
    verdicts = {_clearly_less(*outside), _clearly_less(*travelled)} - {None}
    why = "by the order of the days and the other dates of the export"
    if len(verdicts) > 1:
        return False
    if not verdicts:
        sure = (column.style == code) & (column.day != NO_DAY)
        seen = {o for o in (0, 1) if (sure & (column.day == column.readings[o])
                & (column.readings[0] != column.readings[1])).any()}  # fmt: skip
        if len(seen) == 1:
            verdicts, why = set(seen), "as others of the same style, which have a field above 12"
        elif trust_usual and style in usual and not seen:
            verdicts, why = {0}, "as the source writes them; nothing else decides"
        else:
            return False
    (chosen,) = verdicts
    assert chosen is not None
    column.day = np.where(rows, column.readings[chosen], column.day)
    order = ("month first", "day first")[chosen]
    column.notes.append((f"dates that can be read two ways, read {order} {why}", rows))
    return True


def _clearly_less(month_first: int, day_first: int) -> int | None:
    """0 or 1: the reading that costs clearly less; None: neither."""
    if month_first * _CLEAR <= day_first and month_first < day_first:
        return 0
    if day_first * _CLEAR <= month_first and day_first < month_first:
        return 1
    return None


def days_of(year: Integers, month: Integers, day: Integers) -> Integers:
    """Days since 1970; NO_DAY where there is no such day."""
    good = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (year >= 1)
    months = np.where(good, (year - 1970) * 12 + month - 1, 0)
    start = months.astype("datetime64[M]").astype("datetime64[D]")
    days = start + np.where(good, day - 1, 0)
    good &= days.astype("datetime64[M]") == months.astype("datetime64[M]")
    return np.where(good, days.astype(np.int64), NO_DAY)
