"""Fitbit's account archive and Google Takeout: JSON files a day or a month, CSV files beside them.

All Fitbit files of an export are one group and one person: of a folder, with the folders that
the archive itself makes in it. A file is told by its content: heart rate has «bpm», sleep has
«levels», resting heart rate an «error»; a bare time and value is told apart by the name of the
file (steps, calories, ...). The CSV files are in ``mappings/fitbit.toml``.

What is assumed, for the archive does not say it:
  - Heart rate, steps, calories, distance and altitude are stamped in UTC (MM/DD/YY HH:MM:SS), one
    row a minute but for heart rate. A file whose rows are all at midnight holds local days.
  - Sleep, resting heart rate and the minutes of a day are wall-clock times of the wearer:
    Options.zone says of where. Without it they are kept as they are, hours away from the heart
    rate where the wearer did not live on UTC; the recording's zone is then "", and it is counted.
  - Distances are centimetres; altitude is climbed in steps of 10 feet, one floor each.
  - Confidence 0 means that the pulse was not measured: masked and counted. Restless minutes of
    classic sleep are wake, as Fitbit's own totals count them. Short wakes lie over the stages.

A damaged JSON file does not spoil the archive: it is left out, counted and named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.kinds import SLEEP_STAGES
from holter.signals.readers.doubtful_dates import NO_DAY, days_of
from holter.signals.readers.files import Files, head, text
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.mapped import add_file
from holter.signals.readers.rows_by_person import RowsByPerson
from holter.signals.readers.time_columns import instants
from holter.signals.readers.times import MINUTE_NS, NO_TIME, in_zone, offsets_in, unheard
from holter.signals.readers.vendor import by_folder, table_of, vendor
from holter.signals.recording import DAY_NS, SECOND_NS, Recording

MOST_JSON_BYTES = 64 << 20  # a month of minutes has 4 MB, a day of heart rate 2 MB
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_MINUTES: Mapping[str, tuple[str, str, float]] = {  # name of the file: kind, channel, factor
    "steps": ("steps", "steps", 1.0),
    "calories": ("energy", "energy", 1.0),
    "distance": ("distance", "distance", 0.01),
    "altitude": ("floors", "floors", 0.1),
}
_DAYS = {
    "sedentary_minutes": ("sedentary_minutes", "sedentary_minutes"),
    "lightly_active_minutes": ("active_minutes", "active_minutes:light"),
    "moderately_active_minutes": ("active_minutes", "active_minutes:moderate"),
    "very_active_minutes": ("active_minutes", "active_minutes:very"),
}
_STAGE = {
    "wake": SLEEP_STAGES.index("wake"),
    "awake": SLEEP_STAGES.index("wake"),
    "restless": SLEEP_STAGES.index("wake"),
    "light": SLEEP_STAGES.index("light"),
    "deep": SLEEP_STAGES.index("deep"),
    "rem": SLEEP_STAGES.index("REM"),
    "asleep": SLEEP_STAGES.index("asleep"),
}
_BARE = re.compile(rb'"dateTime"\s*:\s*"[^"]{8,30}"\s*,\s*"value"\s*:\s*"?-?[0-9.]+')
_PULSE = re.compile(rb'"dateTime"\s*:.{1,60}?"value"\s*:\s*\{\s*"bpm"', re.DOTALL)
_RESTING = re.compile(rb'"dateTime"\s*:.{1,60}?"value"\s*:\s*\{[^}]*"error"', re.DOTALL)
_SHORT_STAMP = re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d")
_FOLDERS = frozenset({"Global Export Data", "Physical Activity", "Heart Rate", "Sleep", "Sleep Score",
    "Heart Rate Variability", "Oxygen Saturation (SpO2)", "Temperature", "Stress", "user-site-export"})  # fmt: skip
_PIVOT_YEAR = 80  # 80 to 99 are of the last century: archives that were made anonymous


def kind_of(files: Files, name: str) -> str | None:
    """Which kind of Fitbit JSON a file is, by its content; None: none."""
    start = head(files, name).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith(b"["):
        return None
    if b'"logId"' in start and b'"dateOfSleep"' in start:
        return "sleep"
    if _PULSE.search(start):
        return "heart_rate"
    if _RESTING.search(start):
        return "resting_heart_rate"
    if _BARE.search(start):
        return _bare_kind(name)
    return None


def _bare_kind(name: str) -> str | None:
    base = name.rsplit("/", 1)[-1].lower()
    kinds = (k for k in (*_MINUTES, *_DAYS) if re.match(rf"{k}[-_. ]", base))
    return next(kinds, None)


def _claims(files: Files, names: Sequence[str]) -> Sequence[Group]:
    tables = vendor("fitbit").tables
    found = [n for n in names if kind_of(files, n) or table_of(files, n, tables) is not None]
    return by_folder(found, lambda folder: folder in _FOLDERS or folder.endswith("_GoogleData"))


def _read(files: Files, names: Group, options: Options) -> list[Recording]:
    rows = RowsByPerson()
    nights: dict[tuple[object, str], Mapping[str, Any]] = {}
    tables = vendor("fitbit").tables
    damaged: list[str] = []
    for name in names:
        kind = kind_of(files, name)
        if kind is None:
            table = table_of(files, name, tables)
            if table is None:
                raise DataError(f"{name}: no longer a file of Fitbit's archive")
            add_file(rows, files, name, table.mapping, options)
            continue
        entries = _entries(files, name, rows)
        if entries is None:
            damaged.append(name)
            continue
        if kind == "sleep":
            for log in entries:
                key = log.get("logId"), str(log.get("startTime"))
                rows.note("sleep logs there twice, the last one kept", int(key in nights))
                nights[key] = log
        elif kind == "heart_rate":
            _add_heart_rate(rows, entries, options)
        elif kind == "resting_heart_rate":
            _add_resting(rows, entries, options)
        else:
            _add_bare(rows, kind, entries, options)
    if damaged:
        if len(damaged) == len(names):
            more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
            raise DataError(f"{damaged[0]}{more}: damaged, cut off or too large: export again")
        rows.note("files that are damaged, cut off or too large, left out", len(damaged))
    _add_nights(rows, list(nights.values()), options)
    (made,) = rows.gathered("Fitbit account archive", "band", rows.zone(options.zone))
    return [made.recording()]


def _entries(files: Files, name: str, rows: RowsByPerson) -> list[Mapping[str, Any]] | None:
    """The objects of a JSON list; None where it cannot be read."""
    try:
        found: list[Any] = json.loads(text(files, name, MOST_JSON_BYTES))  # it begins with «[»
    except (ValueError, RecursionError):  # DataError of ``text`` and of a zip among them
        return None
    entries: list[Mapping[str, Any]] = [e for e in found if isinstance(e, dict)]
    rows.note("entries that are no objects, left out", len(found) - len(entries))
    return entries


def _add_heart_rate(
    rows: RowsByPerson, entries: Sequence[Mapping[str, Any]], options: Options
) -> None:
    values = [e.get("value") for e in entries]
    pairs = [v if isinstance(v, dict) else {} for v in values]
    beats = _numbers([p.get("bpm") for p in pairs])
    confidence = _numbers([p.get("confidence", 1) for p in pairs])
    rows.note("entries without a number, masked", int(np.isnan(beats).sum()), "heart_rate")
    unsure = confidence == 0
    rows.note("pulse not measured (confidence 0), masked", int(unsure.sum()), "heart_rate")
    time = _stamps(entries)
    rows.slow(
        "", "heart_rate", "heart_rate", time, time, np.where(unsure, np.nan, beats),
        offsets_in(time, options.zone),
    )  # fmt: skip


def _add_bare(
    rows: RowsByPerson, kind: str, entries: Sequence[Mapping[str, Any]], options: Options
) -> None:
    value = _numbers([e.get("value") for e in entries])
    time = _stamps(entries)
    known = time != NO_TIME
    midnights = known.any() and not (time[known] % DAY_NS).any()
    if kind in _DAYS:
        measured, label = _DAYS[kind]
        factor = 1.0
    else:
        measured, label, factor = _MINUTES[kind]
    by_day = kind in _DAYS or (midnights and known.sum() > 1)
    label += ":day" if by_day and kind in _MINUTES else ""
    rows.note("entries without a number, masked", int(np.isnan(value).sum()), label)
    if by_day:
        _add_days(rows, label, measured, time, value * factor, options)
        return
    until = np.where(known, time + MINUTE_NS, NO_TIME)
    rows.slow("", label, measured, time, until, value * factor, offsets_in(time, options.zone))


def _add_resting(
    rows: RowsByPerson, entries: Sequence[Mapping[str, Any]], options: Options
) -> None:
    pairs = [e["value"] if isinstance(e.get("value"), dict) else {} for e in entries]
    value = _numbers([p.get("value") for p in pairs])
    none = value == 0  # Fitbit writes 0 for a day on which it has none
    rows.note("days without a resting heart rate, left out", int(none.sum()), "resting_heart_rate")
    time = _stamps(entries)
    _add_days(rows, "resting_heart_rate", "resting_heart_rate", time[~none], value[~none], options)


def _add_days(
    rows: RowsByPerson, label: str, kind: str, wall: Integers, value: Floats, options: Options
) -> None:
    """Values of local days, each until the next midnight."""
    known = wall != NO_TIME
    time, away = in_zone(wall, options.zone, rows.note)
    until, _ = in_zone(np.where(known, wall + DAY_NS, NO_TIME), options.zone, unheard)
    rows.slow("", label, kind, np.where(known, time, NO_TIME), until, value, away)


def _add_nights(rows: RowsByPerson, logs: Sequence[Mapping[str, Any]], options: Options) -> None:
    """Sleep logs: stages with the short wakes over them, and what the log says of the night."""
    if not logs:
        return
    begin = _walls([log.get("startTime") for log in logs], options, rows)
    end = _walls([log.get("endTime") for log in logs], options, rows)
    for label, key in (("sleep_duration", "minutesAsleep"), ("time_in_bed", "timeInBed")):
        value = _numbers([log.get(key) for log in logs])
        there = ~np.isnan(value)
        rows.slow("", label, label, begin[0][there], end[0][there], value[there], begin[1][there])
    for log in logs:
        levels = log.get("levels")
        if not isinstance(levels, dict):
            rows.note("sleep logs without stages", 1, "sleep_stage")
            continue
        parts = [_segments(levels.get(part), options, rows) for part in ("data", "shortData")]
        time, until, stage = _painted(parts)
        away = offsets_in(time, options.zone)
        rows.slow("", "sleep_stage", "sleep_stage", time, until, stage, away)


def _segments(said: Any, options: Options, rows: RowsByPerson) -> tuple[Integers, Integers, Floats]:
    """(from, until, stage) of the pieces of a night; unreadable ones left out and counted."""
    pieces = [p for p in said if isinstance(p, dict)] if isinstance(said, list) else []
    time, _ = _walls([p.get("dateTime") for p in pieces], options, rows)
    seconds = _numbers([p.get("seconds") for p in pieces])
    stage = np.array([_STAGE.get(str(p.get("level")).lower(), -1) for p in pieces], np.float64)
    good = (time != NO_TIME) & (seconds > 0) & (seconds <= 86_400) & (stage >= 0)
    rows.note("pieces of sleep that cannot be read, left out", int((~good).sum()), "sleep_stage")
    lasting = np.where(good, seconds, 0.0)[good].astype(np.int64) * SECOND_NS
    return time[good], time[good] + lasting, stage[good]


def _painted(
    layers: Iterable[tuple[Integers, Integers, Floats]],
) -> tuple[Integers, Integers, Floats]:
    """Spans of several layers, later over earlier -> spans that do not overlap; gaps stay gaps."""
    starts, ends, stages = (np.concatenate(parts) for parts in zip(*layers, strict=True))
    edges = np.unique(np.concatenate([starts, ends]))
    paint = np.full(max(len(edges) - 1, 0), np.nan)
    for start, end, stage in zip(starts, ends, stages, strict=True):
        paint[np.searchsorted(edges, start) : np.searchsorted(edges, end)] = stage
    change = np.flatnonzero(~(paint[1:] == paint[:-1])) + 1
    first = np.concatenate([[0], change]).astype(int) if len(paint) else np.zeros(0, int)
    last = np.concatenate([change, [len(paint)]]).astype(int) if len(paint) else np.zeros(0, int)
    there = ~np.isnan(paint[first])
    return edges[first][there], edges[last][there], paint[first][there]


def _walls(
    said: Sequence[Any], options: Options, rows: RowsByPerson
) -> tuple[Integers, npt.NDArray[np.int16]]:
    cells = [str(s) if isinstance(s, str) else "" for s in said]
    return instants(cells, "iso", zone=options.zone, note=rows.note)


def _stamps(entries: Sequence[Mapping[str, Any]]) -> Integers:
    """MM/DD/YY HH:MM:SS, or ISO 8601, as if UTC; NO_TIME where it is neither."""
    texts = [str(e.get("dateTime", "")) for e in entries]
    short = np.array([bool(_SHORT_STAMP.fullmatch(t)) and t.isascii() for t in texts], dtype=bool)
    out = np.full(len(texts), NO_TIME, dtype=np.int64)
    if short.any():
        plain = np.array([t for t, s in zip(texts, short, strict=True) if s], dtype="S17")
        digits = plain.view(np.uint8).reshape(-1, 17).astype(np.int64) - ord("0")
        month, day, year, hour, minute, second = (
            digits[:, at] * 10 + digits[:, at + 1] for at in (0, 3, 6, 9, 12, 15)
        )
        year = np.where(year < _PIVOT_YEAR, 2000 + year, 1900 + year)
        days = days_of(year, month, day)
        good = (days != NO_DAY) & (hour < 24) & (minute < 60) & (second < 60)
        of_day = hour * 3600 + minute * 60 + second
        out[short] = np.where(good, days * DAY_NS + of_day * SECOND_NS, NO_TIME)
    if not short.all():
        others = [t for t, s in zip(texts, short, strict=True) if not s]
        out[~short], _ = instants(others, "iso", zone=None, utc=True, note=unheard)
    return out


def _numbers(values: Sequence[Any]) -> npt.NDArray[np.float64]:
    """Numbers as JSON holds them, or as text; NaN for anything else."""
    out = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            continue
        try:
            number = float(value)
        except (ValueError, OverflowError):
            continue
        if np.isfinite(number):
            out[row] = number
    return out


FORMAT = Format("fitbit-archive", "Fitbit account archive (JSON and CSV)", _claims, _read)
