"""ActiGraph CSV: the export of ActiLife, with counts of epochs or raw acceleration.

The header says when the recording began, how long an epoch is and, by its mode, which columns
there are where they have no names. Whether day or month comes first is told by what the header
says of its dates and by the dates themselves (a 23 is no month; a recording is downloaded after
it began). Where the two disagree the dates win and it is noted; where nothing tells, nothing is
guessed. Postures are not read.

ActiLife may end its stamps in Z though they are of the same local clock as the header, which
names no zone: the sample's first stamp, 15:00:00Z, is its header's start, 15:00:00. Where the
two are equal the stamps are local times, else they are UTC; either is noted.

Read ``_read`` first; cells, clocks and epochs are in ``epoch_tables``.
"""

from __future__ import annotations

import itertools
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.readers.epoch_tables import (
    MOST_BYTES,
    Epochs,
    Stamps,
    Values,
    clock_of,
    day_of,
    even,
    first_lines,
    lines_of,
    midnight,
    number,
    orders_of,
    plain,
    rows_of,
    to_utc,
)
from holter.signals.readers.files import Files, head, whole
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.times import NO_TIME
from holter.signals.recording import SECOND_NS, Recording, Times

_MODE = (  # bits of the mode, in the order of the columns they add; the first axis is always there
    (4, ("axis2",)), (8, ("axis3",)), (1, ("steps",)), (2, ("hr",)), (16, ("lux",)),
    (32, ("off", "standing", "sitting", "lying")),
)  # fmt: skip
_COLUMNS = tuple(  # how a column's name begins -> what it is here
    (re.compile(pattern), what)
    for pattern, what in (
        (r"time ?stamp|date ?time$", "stamp"), (r"date$", "date"), (r"time$|epoch$", "time"),
        (r"accelerometer x$", "x"), (r"accelerometer y$", "y"), (r"accelerometer z$", "z"),
        (r"axis ?1$|activity$", "axis1"), (r"axis ?2$|activity \(horizontal\)$", "axis2"),
        (r"axis ?3$|3rd axis$", "axis3"), (r"vm$|vector magnitude$", "magnitude"),
        (r"steps$", "steps"), (r"hr$|heart rate$", "hr"), (r"lux$", "lux"),
        (r"incl\w* ?off$", "off"),
    )
)  # fmt: skip


def _claims(files: Files, names: Sequence[str]) -> list[Group]:
    return [(name,) for name in names if _is_actigraph(files, name)]


def _is_actigraph(files: Files, name: str) -> bool:
    if head(files, name, 5).strip(b'\xef\xbb\xbf\xff\xfe\0"')[:1] != b"-":
        return False
    first = (first_lines(files, name) or [""])[0].lower()
    return "file created by" in first and "actigraph" in first


def _read(files: Files, group: Group, options: Options) -> list[Recording]:
    """One export -> one recording. Raises DataError."""
    name = group[0]
    lines = lines_of(whole(files, name, MOST_BYTES))
    header = _header(lines, name)
    first = next(lines, "")
    model = re.search(r"actigraph ([\w.+-]{1,16})", header[0], re.IGNORECASE)
    gathered = Gathered(
        f"ActiGraph CSV ({model[1]})" if model else "ActiGraph CSV", "research wrist"
    )
    delimiter = next((sign for sign in ";\t" if sign in first), ",")
    columns, titled = _columns(header, first, delimiter)
    body = lines if titled else itertools.chain([first], lines)
    cells, stamps, utc, odd = _cells(body, delimiter, columns)
    gathered.note("rows that are no row of this table, left out", odd)
    if not len(cells):
        raise DataError(f"{name} has a header and no data: export it again")
    order = _stated_order(header, gathered, name)
    start = _header_moment(header, order, name)
    lasts = clock_of(_said(header, r"(?:epoch|cycle) period[^\d]*\)?"))
    rate = re.search(r" at (\d{1,4}) ?hz", header[0].lower())
    if {"x", "y", "z"} <= set(columns):
        if rate is None or int(rate[1]) == 0:
            raise DataError(f"{name} states no sampling rate: export it with its header")
        began, _ = to_utc(np.array([start]), None, gathered, options)
        values = cells[:, [columns.index(axis) for axis in "xyz"]]
        hertz = float(rate[1])
        gathered.blocks(
            "acceleration", [(int(began[0]), hertz, values)], axes="xyz", nominal_rate_hz=hertz
        )
        return [gathered.recording()]
    if not lasts:
        raise DataError(f"{name} states no length of its epochs: export it with its header")
    if len(stamps):
        iso = re.match(r"\d{4}-", next(iter(stamps.days)))
        wall = stamps.wall("ymd" if iso else order)
    else:
        wall = even(start, lasts, len(cells), name)
    utc = utc and not _begins_at(wall, start, gathered)
    gathered.note("stamps in UTC beside a start without a zone, read as UTC", utc)
    times, away = to_utc(wall, 0 if utc else None, gathered, options)
    _add_counts(Epochs(gathered, times, lasts, away), columns, cells)
    return [gathered.recording()]


def _header(lines: Iterator[str], name: str) -> list[str]:
    """The lines before the second row of dashes. Raises DataError where they do not end."""
    header: list[str] = []
    for line in itertools.islice(lines, 30):
        if header and line.strip("\"' ").startswith("-----"):
            return header
        header.append(line.rstrip("\n"))
    raise DataError(f"{name} ends within its header: export it again")


def _begins_at(wall: Times, start: int, gathered: Gathered) -> bool:
    """Whether stamps that claim UTC are of the header's local clock; noted where they are."""
    given = wall[wall != NO_TIME]
    same = len(given) > 0 and int(given[0]) == start
    gathered.note("stamps marked as UTC that begin as the local start, read as local", same)
    return same


def _columns(header: Sequence[str], first: str, delimiter: str) -> tuple[list[str], bool]:
    """What each column is, and whether the first row named them, not the mode in the header."""
    cells = next(rows_of([first], delimiter), [])
    if re.search(r"axis|activity|vector|\bvm\b|accelerometer", first.lower()):
        found: list[str] = []
        for place, title in enumerate(plain(cell) for cell in cells):
            known = next((what for pattern, what in _COLUMNS if pattern.match(title)), "")
            found.append(known if known not in found else f"?{place}")
        return found, True
    stated = re.search(r"mode\s*=\s*(\d{1,3})", " ".join(header).lower())
    mode = int(stated[1]) if stated else 12
    columns = ["axis1"]
    for bit, added in _MODE:
        columns += added if mode & bit else ()
    if len(cells) < len(columns):
        columns = columns[:1] if len(cells) < 3 else ["axis1", "axis2", "axis3"]
    return columns, False


def _cells(
    body: Iterable[str], delimiter: str, columns: Sequence[str]
) -> tuple[Values, Stamps, bool, int]:
    """(numbers, stamps, whether they say UTC, odd rows); a stamp is parted at its T or blank."""
    at = {what: place for place, what in enumerate(columns) if what}
    numbers, stamps, utc, odd = array("d"), Stamps(), False, 0
    for row in rows_of(body, delimiter):
        if len(row) < len(columns):
            odd += bool("".join(row).strip())
            continue
        numbers.extend(number(cell) for cell in row[: len(columns)])
        if "stamp" in at:
            day, _, clock = row[at["stamp"]].strip().replace("T", " ").partition(" ")
            utc = utc or clock.endswith("Z")
            stamps.add(day, clock.rstrip("Z"))
        elif "date" in at and "time" in at:
            stamps.add(row[at["date"]], row[at["time"]])
    return np.array(numbers).reshape(-1, len(columns)), stamps, utc, odd


def _said(header: Sequence[str], words: str) -> str:
    """What a line of the header says after ``words``, without the cells that pad it."""
    for line in header[1:]:
        if found := re.match(rf"\"?{words}\s*:?\s*(.*)", line, re.IGNORECASE):
            return re.sub(r"[,;\"\t]+$", "", found[1]).strip()
    return ""


def _stated_order(header: Sequence[str], gathered: Gathered, name: str) -> str:
    """The order of day and month in the header's dates. Raises DataError where nothing tells."""
    start, taken = _said(header, "start date"), _said(header, "download date")
    possible = orders_of([text for text in (start, taken) if text])
    if len(possible) == 2 and start and taken:  # a recording is downloaded after it began
        later = [o for o in possible if _days_between(start, taken, o) >= 0]
        possible = later or possible
    if not possible:
        raise DataError(f"{name} states no date that can be read: export it with its header")
    stated = re.search(r"date format (\S+)", header[0])
    letters = "".join(dict.fromkeys(re.sub(r"[^mdy]", "", stated[1].lower()))) if stated else ""
    if letters in possible:
        return letters
    if len(possible) > 1:
        raise DataError(f"{name}: {start} is the month or the day first? Export it year first")
    gathered.note(
        "dates in another order than the header says, read as they must be", bool(letters)
    )
    return possible[0]


def _days_between(start: str, end: str, order: str) -> int:
    first, last = day_of(start, order), day_of(end, order)
    return (last - first).days if first and last else 0


def _header_moment(header: Sequence[str], order: str, name: str) -> int:
    day, clock = day_of(_said(header, "start date"), order), clock_of(_said(header, "start time"))
    if day is None or clock is None:
        raise DataError(f"{name} does not say when it begins: export it with its header")
    return midnight(day) + clock


def _add_counts(epochs: Epochs, columns: Sequence[str], cells: Values) -> None:
    """Counts of each axis, steps, light and wear."""
    at: Mapping[str, Values] = {what: cells[:, place] for place, what in enumerate(columns) if what}
    for what in ("axis1", "axis2", "axis3", "magnitude"):
        if what in at:
            epochs.add("activity_count", at[what], f"activity_count:{what}")
    if "steps" in at:
        epochs.add("steps", at["steps"])
    if "hr" in at:  # 0 while no strap was heard
        epochs.add("heart_rate", np.where(at["hr"] == 0, np.nan, at["hr"]))
    if "lux" in at:
        epochs.add("light", at["lux"])
    if "off" in at:  # seconds of the epoch that the device believes to be off the body
        off = at["off"]
        worn = np.where(off * 2 >= epochs.lasts / SECOND_NS, 0.0, 1.0)
        epochs.add("worn", np.where(np.isnan(off), np.nan, worn))


FORMAT = Format("actigraph-csv", "ActiGraph CSV", _claims, _read)
