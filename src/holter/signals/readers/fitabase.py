"""Fitabase exports: CSV tables with an Id column, several people in one file.

The tables of a folder are one group; each person becomes one recording, with the channels of all
tables. Layout: Fitabase's data dictionary, and the public set of Furberg et al. 2016 (Zenodo
53894), whose tables often went through a spreadsheet, so that dates come in several forms, month
first and day first: ``doubtful_dates`` decides by evidence, and every assumption is a finding.

Times are wall-clock times of the wearer; Options.zone says of where, without it the zone is "".
Distances are kilometres, as Fitabase writes them whatever the wearer's own unit. Not read: the
columns that follow from others (averages, parts of a distance, METs, pounds beside kilograms).
Two rows of one person and day are both kept and counted, for adding them would count twice.
Oddities are counted for the person whose rows they are about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.kinds import SLEEP_STAGES, conversion
from holter.signals.readers.doubtful_dates import NO_DAY, DateTexts, Resolved, Style, resolve
from holter.signals.readers.files import Files, head
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.rows_by_person import RowsByPerson, RowsOfOne
from holter.signals.readers.tables import Cells, csv_chunks, numbers
from holter.signals.readers.times import MINUTE_NS, NO_TIME, in_zone, unheard
from holter.signals.readers.vendor import by_folder
from holter.signals.recording import DAY_NS, Recording

_NO_PERSON = -1
_SHORTENED = re.compile(r"\d([.,]\d+)?[eE]\+?\d+")
_Number = TypeVar("_Number", np.int64, np.float64)
# How Fitabase itself writes dates, month first: 4/12/2016 and 4/12/2016 1:00:00 AM.
_GENUINE: frozenset[Style] = frozenset(("/", clock, "plain") for clock in ("", "sh"))
_WAKE, _ASLEEP = SLEEP_STAGES.index("wake"), SLEEP_STAGES.index("asleep")
# Fitabase: 1 asleep, 2 restless, 3 awake. Fitbit's own totals count restless minutes as awake.
_MINUTE_SLEEP = {1: _ASLEEP, 2: _WAKE, 3: _WAKE}


@dataclass(frozen=True)
class _Table:
    """One kind of table: its time column, how long a row lasts, columns -> (kind, name, unit).

    title: for findings, which hold no names of files, for those may name people. wide: the columns are prefixes of sixty, one a minute. also: one more column that tells it.
    """

    title: str
    time: str
    lasts_ns: int
    columns: Mapping[str, tuple[str, str, str | None]]
    wide: bool = False
    optional: tuple[str, ...] = ()
    also: str = "Id"


_TABLES = (
    _Table(
        "daily activity table",
        "ActivityDate",
        DAY_NS,
        {
            "TotalSteps": ("steps", "steps:day", None),
            "TotalDistance": ("distance", "distance:day", "km"),
            "Calories": ("energy", "energy:day", None),
            "VeryActiveMinutes": ("active_minutes", "active_minutes:very", None),
            "FairlyActiveMinutes": ("active_minutes", "active_minutes:moderate", None),
            "LightlyActiveMinutes": ("active_minutes", "active_minutes:light", None),
            "SedentaryMinutes": ("sedentary_minutes", "sedentary_minutes", None),
        },
    ),
    _Table(
        "hourly steps table",
        "ActivityHour",
        60 * MINUTE_NS,
        {"StepTotal": ("steps", "steps:hour", None)},
    ),
    _Table(
        "hourly energy table",
        "ActivityHour",
        60 * MINUTE_NS,
        {"Calories": ("energy", "energy:hour", None)},
    ),
    _Table(
        "hourly intensity table",
        "ActivityHour",
        60 * MINUTE_NS,
        {"TotalIntensity": ("activity_intensity", "activity_intensity:hour", None)},
    ),
    _Table(
        "steps by minute table",
        "ActivityHour",
        MINUTE_NS,
        {"Steps": ("steps", "steps", None)},
        True,
    ),
    _Table(
        "intensity by minute table",
        "ActivityHour",
        MINUTE_NS,
        {"Intensity": ("activity_intensity", "activity_intensity", None)},
        True,
    ),
    _Table(
        "energy by minute table",
        "ActivityHour",
        MINUTE_NS,
        {"Calories": ("energy", "energy", None)},
        True,
    ),
    _Table(
        "steps by minute table", "ActivityMinute", MINUTE_NS, {"Steps": ("steps", "steps", None)}
    ),
    _Table(
        "intensity by minute table",
        "ActivityMinute",
        MINUTE_NS,
        {"Intensity": ("activity_intensity", "activity_intensity", None)},
    ),
    _Table(
        "energy by minute table",
        "ActivityMinute",
        MINUTE_NS,
        {"Calories": ("energy", "energy", None)},
    ),
    _Table(
        "sleep by minute table",
        "date",
        MINUTE_NS,
        {"value": ("sleep_stage", "sleep_stage", None)},
        also="logId",
    ),
    _Table("heart rate table", "Time", 0, {"Value": ("heart_rate", "heart_rate", None)}),
    _Table(
        "sleep by day table",
        "SleepDay",
        DAY_NS,
        {
            "TotalMinutesAsleep": ("sleep_duration", "sleep_duration", None),
            "TotalTimeInBed": ("time_in_bed", "time_in_bed", None),
        },
    ),
    _Table(
        "weight table",
        "Date",
        0,
        {
            "WeightKg": ("weight", "weight", None),
            "Fat": ("body_fat", "body_fat", None),
            "BMI": ("bmi", "bmi", None),
        },
        optional=("Fat", "BMI"),
    ),
)
_ORDER = ("steps", "steps:hour", "steps:day", "energy", "energy:hour", "energy:day",
    "activity_intensity", "activity_intensity:hour")  # fmt: skip
# finest first, for a reader that takes the first channel of a kind


@dataclass
class _Content:
    """One file: dates, whose row it is, and a column of numbers for each channel."""

    kind: _Table
    dates: DateTexts = field(default_factory=DateTexts)
    people: list[npt.NDArray[np.int64]] = field(default_factory=list)
    values: dict[str, list[npt.NDArray[np.float64]]] = field(default_factory=dict)


def _table_of(header: Sequence[str]) -> _Table | None:
    """The kind of table that a header is of, if any."""
    there = set(header)
    if "Id" not in there:
        return None
    for table in _TABLES:
        needed = [
            column + suffix
            for column in table.columns
            if column not in table.optional
            for suffix in (("00", "30", "59") if table.wide else ("",))
        ]
        if there.issuperset([table.time, table.also, *needed]):
            return table
    return None


def _claims(files: Files, names: Sequence[str]) -> Sequence[Group]:
    found = []
    for name in names:
        start = head(files, name)
        text = start.decode("utf-16" if start[:1] in (b"\xff", b"\xfe") else "utf-8-sig", "ignore")
        first = text.lstrip().partition("\n")[0]
        if _table_of([cell.strip().strip('"') for cell in first.strip().split(",")]):
            found.append(name)
    return by_folder(found)


def _read(files: Files, names: Group, options: Options) -> list[Recording]:
    rows = RowsByPerson()
    people: dict[str, int] = {}
    contents = {}
    for name in names:
        content = _content(files, name, people, rows)
        if content is not None:
            contents[name] = content
    resolved = resolve(
        {n: (c.dates, _joined(c.people)) for n, c in contents.items()}, usual=_GENUINE
    )
    by_number = list(people)
    for name, content in contents.items():
        dates = resolved[name]
        for what, where in dates.notes:
            for person, count in _by_person(_joined(content.people)[where], by_number):
                rows.note(f"{content.kind.title}: {what}", count, person=person)
        _add(rows, content, dates, by_number, options.zone)
    if not contents or not by_number:
        raise DataError(f"{names[0]}: a Fitabase table without any row: export it again")
    made = rows.gathered("Fitabase", "band", options.zone or "")
    return [_finest_first(out).recording() for out in made]


def _content(
    files: Files, name: str, people: dict[str, int], rows: RowsByPerson
) -> _Content | None:
    """One file's columns, in the order of the file."""
    content: _Content | None = None
    for chunk in csv_chunks(files, name, {}, rows.note):
        if content is None:
            table = _table_of(list(chunk))
            if table is None:
                raise DataError(f"{name}: its header is no longer that of a Fitabase table")
            content = _Content(table)
        texts = [str(cell) for cell in chunk[content.kind.time]]
        content.dates.add(texts)
        ids = [str(cell).strip() for cell in chunk["Id"]]
        if any(_SHORTENED.fullmatch(one) for one in ids):
            raise DataError(
                f"{name}: a spreadsheet has shortened the ids (1.5E+09), so that people cannot be "
                "told apart: export it again"
            )
        rows.note("rows without a person, left out", sum(not one for one in ids))
        content.people.append(
            np.array(
                [people.setdefault(i, len(people)) if i else _NO_PERSON for i in ids], np.int64
            )
        )
        for column in content.kind.columns:
            if content.kind.wide:
                minutes = [
                    _numbers(rows, chunk[f"{column}{m:02d}"], content.kind.columns[column][1], ids)
                    for m in range(60)
                    if f"{column}{m:02d}" in chunk
                ]
                if len(minutes) != 60:
                    raise DataError(f"{name}: a table of minutes without all sixty columns")
                content.values.setdefault(column, []).append(np.stack(minutes, axis=1))
            elif column in chunk:
                values = _numbers(rows, chunk[column], content.kind.columns[column][1], ids)
                content.values.setdefault(column, []).append(values)
        if "WeightPounds" in chunk and "WeightKg" in chunk:
            _compare_pounds(rows, content.values["WeightKg"][-1], chunk["WeightPounds"], ids)
    return content


def _by_person(owner: npt.NDArray[np.int64], people: Sequence[str]) -> Iterator[tuple[str, int]]:
    """How many of some rows are whose; rows of nobody were counted when they were left out."""
    numbers_of, counts = np.unique(owner[owner != _NO_PERSON], return_counts=True)
    for number, count in zip(numbers_of.tolist(), counts.tolist(), strict=True):
        yield people[number], count


def _numbers(
    rows: RowsByPerson, cells: Cells, label: str, ids: Sequence[str]
) -> npt.NDArray[np.float64]:
    values, odd = numbers(cells)
    if odd:  # looked at again, one by one: whose they are
        for row in np.flatnonzero(np.isnan(values)).tolist():
            _, one = numbers([str(cells[row])])
            rows.note("cells that are no numbers, left out", one, label, ids[row] or None)
    return values


def _compare_pounds(
    rows: RowsByPerson, kilograms: npt.NDArray[np.float64], cells: Cells, ids: Sequence[str]
) -> None:
    """A weight that says different things in its two columns is not believed."""
    pounds, _ = numbers(cells)
    multiply, _ = conversion("weight", "lb")
    apart = np.abs(pounds * multiply - kilograms) > 0.01 * np.abs(kilograms) + 0.05
    for row in np.flatnonzero(apart).tolist():
        rows.note("weights whose kilograms and pounds disagree, left out", 1, "weight",
                  ids[row] or None)  # fmt: skip
    kilograms[apart] = np.nan


def _add(
    rows: RowsByPerson,
    content: _Content,
    dates: Resolved,
    people: Sequence[str],
    zone: str | None,
) -> None:
    """A file's rows to the people they are of, with their wall-clock times in the zone."""
    table, owner = content.kind, _joined(content.people)
    wall = dates.wall_ns
    if table.lasts_ns == DAY_NS:
        _note_days(rows, owner, dates, content, people)
    for number in np.unique(owner[owner != _NO_PERSON]).tolist():
        mine = np.flatnonzero((owner == number) & (dates.day != NO_DAY))
        of_one = rows.of(people[number])
        moment = wall[mine]
        if table.wide:  # a row is an hour
            moment = (moment[:, None] + np.arange(60) * MINUTE_NS).reshape(-1)
        time, until, away = _in_zone(moment, table.lasts_ns, zone, of_one)
        for column, (kind, label, unit) in table.columns.items():
            if column not in content.values:
                continue
            value = _joined(content.values[column])[mine].reshape(-1)
            if kind == "sleep_stage":
                value = _stages(of_one, value)
            multiply, add = conversion(kind, unit) if unit else (1.0, 0.0)
            there = ~np.isnan(value)  # an empty cell is no row, nor is one that was left out above
            value = value[there] * multiply + add
            of_one.slow(label, kind, time[there], until[there], value, away[there])


def _in_zone(
    wall: npt.NDArray[np.int64], lasts_ns: int, zone: str | None, rows: RowsOfOne
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int16]]:
    """Wall-clock times and how long -> UTC from and until; a day ends at the next midnight."""
    time, away = in_zone(wall, zone, rows.note)
    if lasts_ns == DAY_NS:
        until, _ = in_zone(wall + lasts_ns, zone, unheard)
    else:
        until = np.where(time == NO_TIME, NO_TIME, time + lasts_ns)
    return time, until, away


def _stages(rows: RowsOfOne, value: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    out = np.full(len(value), np.nan)
    for stage, index in _MINUTE_SLEEP.items():
        out[value == stage] = index
    rows.note("stages that Fitabase does not name, left out",
              int((np.isnan(out) & ~np.isnan(value)).sum()), "sleep_stage")  # fmt: skip
    return out


def _note_days(
    rows: RowsByPerson,
    owner: npt.NDArray[np.int64],
    dates: Resolved,
    content: _Content,
    people: Sequence[str],
) -> None:
    """Count the days of a person that have more than one row, unless the rows are the same."""
    columns = [_joined(parts) for parts in content.values.values()]
    keys = np.stack([owner, dates.day], axis=1)
    good = (owner != _NO_PERSON) & (dates.day != NO_DAY)
    full = np.column_stack([keys, *columns])[good]
    different = np.unique(np.nan_to_num(full, nan=-1.0), axis=0)
    days, times = np.unique(different[:, :2], axis=0, return_counts=True)
    what = f"{content.kind.title}: days with several rows that differ, all kept"
    for person, count in _by_person(days[times > 1, 0].astype(np.int64), people):
        rows.note(what, count, person=person)


def _joined(parts: Sequence[npt.NDArray[_Number]]) -> npt.NDArray[_Number]:
    return np.concatenate(parts)


def _finest_first(out: Gathered) -> Gathered:
    ranked: Iterator[str] = (n for n in _ORDER if n in out.channels)
    first = {name: out.channels[name] for name in ranked}
    out.channels = {**first, **{n: c for n, c in out.channels.items() if n not in first}}
    return out


FORMAT = Format("fitabase", "Fitabase export (Fitbit)", _claims, _read)
