"""Exports of the Actiwatch: CSV of the program Actiware, and the older AWD text.

Actiware states its offset from UTC, but not the order of day and month: of the orders that its
dates allow the one is taken in which the epochs follow one another best, and where nothing tells
nothing is guessed. The scores and intervals that it sums up are not read. AWD names its months
and gives a code for the length of an epoch.

Read in order: ``_read_actiware``, ``_read_awd``; cells, clocks and epochs are in
``epoch_tables``.
"""

from __future__ import annotations

import datetime
import itertools
import re
from array import array
from collections.abc import Sequence

import numpy as np

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.kinds import SLEEP_STAGES
from holter.signals.readers.epoch_tables import (
    CLOCK,
    DATE,
    MOST_BYTES,
    MOST_ROWS,
    Epochs,
    Stamps,
    Values,
    clock_of,
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

_MONTHS = (  # of AWD files, in the languages of the program; accents fall off first
    ("jan", "ene", "gen"), ("feb", "fev"), ("mar", "mrt", "maa"), ("apr", "avr", "abr"),
    ("may", "mai", "mei", "mag"), ("jun", "jui", "giu"), ("jul", "lug"), ("aug", "aou", "ago"),
    ("sep", "set"), ("oct", "okt", "ott", "out"), ("nov",), ("dec", "dez", "dic"),
)  # fmt: skip


_ACTIWARE = (  # English and Dutch exports were seen; the other words are of the same program
    (re.compile(r"(activity|activiteit|aktivitat|activite|actividad)$"), "activity"),
    (re.compile(r".*(wrist|pols\b|handgelenk|poignet|muneca)"), "off"),
    (re.compile(r"(white light|wit licht|weisses licht|lumiere blanche|luz blanca)$"), "light"),
    (re.compile(r"(sleep/wake|slapen/waken|schlaf/wach|sommeil/eveil|sueno/vigilia)$"), "sleep"),
    (re.compile(r"(marker|markering|markierung|marqueur|marcador)$"), "marker"),
)
_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})$")


def _claim_actiware(files: Files, names: Sequence[str]) -> list[Group]:
    return [(name,) for name in names if _is_actiware(files, name)]


def _is_actiware(files: Files, name: str) -> bool:
    start = head(files, name, 200).lower()
    if b"a\0c\0t\0i\0w\0" not in start and b"actiw" not in start:
        return False
    return "actiware" in (first_lines(files, name) or [""])[0].lower()


def _read_actiware(files: Files, group: Group, options: Options) -> list[Recording]:
    """One export -> one recording. Raises DataError."""
    name = group[0]
    data = whole(files, name, MOST_BYTES)
    top = "".join(itertools.islice(lines_of(data[:8192]), 40))
    delimiter = max(",;\t", key=top.count)
    columns: list[str] = []
    away: int | None = None
    stamps, numbers, odd = Stamps(), array("d"), 0
    for row in rows_of(lines_of(data), delimiter):
        if len(row) < 3:
            continue
        if row[0].strip().isdigit() and DATE.match(row[1]) and CLOCK.match(row[2]):
            if "activity" not in columns:
                continue  # the list of marks that stands before the epochs
            if len(row) < len(columns):
                odd += 1
                continue
            stamps.add(row[1], row[2])
            numbers.extend(number(cell) for cell in row[: len(columns)])
        elif not len(stamps):
            if found := _OFFSET.match(row[1].strip()):
                ahead = int(found[2]) * 60 + int(found[3])
                away = -ahead if found[1] == "-" else ahead
            if sum(bool(cell.strip()) for cell in row) >= 4:
                columns = _titled([plain(cell) for cell in row])
        else:
            odd += bool("".join(row).strip())
    if not len(stamps):
        raise DataError(
            f"{name} has no list of epochs that holter understands: export it with its epochs, "
            "in English"
        )
    gathered = Gathered("Actiware CSV", "research wrist")
    gathered.note("rows that are no row of this table, left out", odd)
    wall = _ordered_wall(stamps, name)
    steps = np.diff(wall[wall != NO_TIME])
    steps = steps[steps > 0]
    if not len(steps):
        raise DataError(f"{name} has fewer than two epochs: export a longer span")
    times, away = to_utc(wall, away, gathered, options)
    epochs = Epochs(gathered, times, int(np.median(steps)), away)
    _add_actiware(epochs, columns, np.array(numbers).reshape(-1, len(columns)))
    return [gathered.recording()]


def _titled(titles: Sequence[str]) -> list[str]:
    """What each column is, up to the last that has a title."""
    found: list[str] = []
    for title in titles:
        known = next((what for pattern, what in _ACTIWARE if pattern.match(title)), "")
        found.append(known if known not in found else "")
    used = [place for place, title in enumerate(titles) if title]
    return found[: used[-1] + 1] if used else []


def _ordered_wall(stamps: Stamps, name: str) -> Times:
    """Times by the order of day and month in which the epochs follow one another best."""
    readable = [text for text in stamps.days if orders_of([text])]
    possible = orders_of(readable) if readable else []
    if not possible:
        raise DataError(f"{name}: its dates are of more than one kind: export it again")
    walls = [stamps.wall(order) for order in possible]
    if len(walls) == 1:
        return walls[0]
    if len(readable) < 2:
        raise DataError(
            f"{name}: {readable[0]} is the month or the day first? Export it year first"
        )
    spans = [int(np.abs(np.diff(wall[wall != NO_TIME])).max(initial=0)) for wall in walls]
    return walls[int(np.argmin(spans))]


def _add_actiware(epochs: Epochs, columns: Sequence[str], cells: Values) -> None:
    at = {what: cells[:, place] for place, what in enumerate(columns) if what}
    epochs.add("activity_count", at["activity"])
    if "light" in at:
        epochs.add("light", at["light"])
    if "off" in at:  # 1 where it was not worn
        off = at["off"]
        epochs.add("worn", np.where(np.isin(off, (0, 1)), 1 - off, np.nan))
    if "sleep" in at:  # the program's own score
        score = at["sleep"]
        wake, asleep = SLEEP_STAGES.index("wake"), SLEEP_STAGES.index("asleep")
        stage = np.where(score == 1, wake, np.where(score == 0, asleep, np.nan))
        epochs.add("sleep_stage", stage)
    if "marker" in at and (at["marker"] == 1).any():
        pressed = at["marker"] == 1
        epochs.gathered.series(
            "event",
            epochs.times[pressed],
            np.zeros(int(pressed.sum())),
            offset_minutes=epochs.away,
            names=("marker",),
        )


# --------------------------------------------------------------------------------- Actiwatch AWD

_EPOCH_SECONDS = {"1": 15, "2": 30, "4": 60, "8": 120, "20": 300, "81": 2, "C1": 5, "C2": 10}
_AWD_ROW = re.compile(r"\s*(\d{1,9})\s*(?:,\s*(\d{1,9}(?:[.,]\d{1,6})?))?\s*(M)?\s*$")


def _claim_awd(files: Files, names: Sequence[str]) -> list[Group]:
    return [(name,) for name in names if _is_awd(files, name)]


def _is_awd(files: Files, name: str) -> bool:
    if b":" not in (start := head(files, name, 300)) or b"\0" in start:
        return False
    lines = first_lines(files, name)
    return (
        len(lines) >= 8
        and lines[3].strip() in _EPOCH_SECONDS
        and clock_of(lines[2]) is not None
        and _named_day(lines[1]) is not None
        and _AWD_ROW.match(lines[7]) is not None
    )


def _named_day(text: str) -> datetime.date | None:
    """A date such as 01-Oct-2009."""
    found = re.match(r"\s*(\d{1,2})[-. ]([a-z]{3,9})\.?[-. ](\d{4})\s*$", plain(text))
    if found is None:
        return None
    month = next((at for at, names in enumerate(_MONTHS, 1) if found[2].startswith(names)), 0)
    if found[2].startswith("juil"):  # French: juin is June, juillet is July
        month = 7
    try:
        return datetime.date(int(found[3]), month, int(found[1]))
    except ValueError:
        return None


def _read_awd(files: Files, group: Group, options: Options) -> list[Recording]:
    """One file -> one recording. Raises DataError."""
    name = group[0]
    lines = lines_of(whole(files, name, MOST_BYTES))
    top = list(itertools.islice(lines, 7))
    day = _named_day(top[1]) if len(top) == 7 else None
    clock = clock_of(top[2]) if day else None
    seconds = _EPOCH_SECONDS.get(top[3].strip()) if day else None
    if day is None or clock is None or seconds is None or not 1900 < day.year < 2200:
        raise DataError(f"{name} does not say when it begins: its first seven lines are damaged")
    gathered = Gathered("Actiwatch AWD", "research wrist")
    counts, light, marks, blank, odd = array("d"), array("d"), array("b"), 0, 0
    for line in lines:  # an odd row still stands for an epoch; blank ones at the end do not
        if not line.strip():
            blank += 1
            continue
        found = _AWD_ROW.match(line)
        odd += blank + (found is None)
        for column in (counts, light):
            column.extend(itertools.repeat(float("nan"), blank))
        marks.extend(itertools.repeat(0, blank))
        blank = 0
        counts.append(float(found[1]) if found else float("nan"))
        light.append(number(found[2] or "") if found else float("nan"))
        marks.append(found is not None and found[3] is not None)
        if len(counts) > MOST_ROWS:
            raise DataError(f"{name} has more than {MOST_ROWS:,} rows: export less of it")
    gathered.note("rows that are no row of this table, masked", odd)
    marked = np.array(marks, dtype=bool)
    wall = even(midnight(day) + clock, seconds * SECOND_NS, len(counts), name)
    times, away = to_utc(wall, None, gathered, options)
    epochs = Epochs(gathered, times, seconds * SECOND_NS, away)
    epochs.add("activity_count", np.array(counts))
    if not np.isnan(light).all():
        epochs.add("light", np.array(light))
    gathered.series(
        "event", times[marked], np.zeros(int(marked.sum())), offset_minutes=away, names=("marker",)
    )
    return [gathered.recording()]


ACTIWARE = Format("actiware-csv", "Actiware CSV", _claim_actiware, _read_actiware)
AWD = Format("awd", "Actiwatch AWD", _claim_awd, _read_awd)
FORMATS = (ACTIWARE, AWD)
