"""Text files of four published data sets: SisFall, HMP, Walch's sleep study and WISDM's features.

None has a header, so the rows themselves tell what a file is; its name adds who it was and what
they did. Files of one person are one recording; Walch's ids only within one folder tree.

- SisFall: nine columns of raw readings at 200 Hz from a belt, «;» at the end. Two accelerometers
  and a gyroscope, of which the set's own description gives ranges and resolutions.
- HMP: three codes of 0 to 63 a row, -1.5 to +1.5 g, 32 Hz at the wrist.
- Walch: seconds since the night's start and heart rate; and stages of sleep, 30 s a row.
- WISDM: a table of features of 10 s each. No recording can be got back from it.

SisFall and Walch state no dates. Their recordings begin on 1 January 2000, which is noted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError, Unsupported
from holter.signals.gathering import Gathered
from holter.signals.kinds import SLEEP_STAGES
from holter.signals.readers.files import Files, head, whole
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.times import local, parsed
from holter.signals.recording import SECOND_NS, Recording

_MOST_BYTES = 8 * 1024 * 1024  # the longest trial has 1 MB; rows take many times their letters
_NO_DATE_NS = 946_684_800 * SECOND_NS  # 2000-01-01
_MINUTE_NS = 60 * SECOND_NS
_ENOUGH_ROWS = 8  # to tell a format by; the shortest trials have a hundred

Values = npt.NDArray[np.float64]
Block = tuple[int, float, npt.NDArray[np.floating]]
_NUMBER = re.compile(r"\s*-?\d{1,9}(?:\.\d{1,18})?\s*$")


def _numbers(line: str, separator: str | None, columns: int) -> list[float] | None:
    """The numbers of a row; None if it is no such row."""
    cells = line.strip().rstrip(";").split(separator)
    if len(cells) != columns or not all(_NUMBER.match(cell) for cell in cells):
        return None
    return [float(cell) for cell in cells]


def _first_rows(files: Files, name: str, most: int = 40) -> list[str]:
    """The first whole lines of a file of plain letters; none of any other file."""
    data = head(files, name, 2048)
    if not data or data[0] not in b" -0123456789" or not data.isascii():
        return []
    lines = data.decode("ascii").splitlines()
    return (lines[:-1] if len(data) == 2048 else lines)[:most]


def _grouped(names: Sequence[str], who: Callable[[str], str]) -> list[Group]:
    """Files of one person together; those that name none by themselves."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(who(name) or f"?{name}", []).append(name)
    return [tuple(group) for group in groups.values()]


def _table(
    files: Files, name: str, separator: str | None, columns: int, gathered: Gathered
) -> Values:
    """All rows; one that is no row of this table still stands for a sample and is masked."""
    text = whole(files, name, _MOST_BYTES).decode("ascii", errors="replace")
    lines = text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    values = np.full((len(lines), columns), np.nan)
    odd = 0
    for row, line in enumerate(lines):
        numbers = _numbers(line, separator, columns)
        if numbers is None:
            odd += 1
        else:
            values[row] = numbers
    gathered.note("rows that are no row of this table, masked", odd)
    return values


def _stem(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0]


# ---------------------------------------------------------------------------------------- SisFall

_SISFALL_HZ = 200.0
_SISFALL_NAME = re.compile(r"([DF]\d{2})_(S[AE]\d{2})_R\d{2}$")
_SISFALL_CODES = (
    *(f"D{code:02}" for code in range(1, 20)),  # daily life
    *(f"F{code:02}" for code in range(1, 16)),  # falls
)
_SISFALL_SENSORS = (  # channel, kind, range either way, bits: full scale is 2 x range
    ("acceleration", "acceleration", 16.0, 13),  # ADXL345, which no fall saturates
    ("gyroscope", "gyroscope", 2000.0, 16),  # ITG3200
    ("acceleration:mma8451q", "acceleration", 8.0, 14),
)


def _claim_sisfall(files: Files, names: Sequence[str]) -> list[Group]:
    def fits(name: str) -> bool:
        rows = _first_rows(files, name)
        return len(rows) >= _ENOUGH_ROWS and all(
            row.rstrip().endswith(";") and _numbers(row, ",", 9) for row in rows
        )

    return _grouped([name for name in names if fits(name)], _sisfall_person)


def _sisfall_person(name: str) -> str:
    found = _SISFALL_NAME.match(_stem(name))
    return found[2] if found else ""


def _read_sisfall(files: Files, group: Group, options: Options) -> list[Recording]:
    """The trials of one person, one after another with pauses between. Raises DataError."""
    gathered = Gathered("SisFall", "", "UTC", _sisfall_person(group[0]))
    blocks: dict[str, list[Block]] = {channel: [] for channel, *_ in _SISFALL_SENSORS}
    labels: list[tuple[int, int, int]] = []
    start = _NO_DATE_NS
    for name in group:
        raw = _table(files, name, ",", 9, gathered)
        for place, (channel, _, most, bits) in enumerate(_SISFALL_SENSORS):
            values = raw[:, 3 * place : 3 * place + 3] * (2 * most / 2**bits)
            blocks[channel].append((start, _SISFALL_HZ, values))
        end = start + round(len(raw) * SECOND_NS / _SISFALL_HZ)
        found = _SISFALL_NAME.match(_stem(name))
        if found and found[1] in _SISFALL_CODES:
            labels.append((start, end, _SISFALL_CODES.index(found[1])))
        start = (end // _MINUTE_NS + 2) * _MINUTE_NS
    gathered.note("trials without a date, laid one after another from 2000-01-01", len(group))
    gathered.note("trials whose names tell no activity", len(group) - len(labels))
    for channel, kind, most, _ in _SISFALL_SENSORS:
        gathered.blocks(
            kind,
            blocks[channel],
            axes="xyz",
            nominal_rate_hz=_SISFALL_HZ,
            limits=(-most, most),
            name=channel,
        )
    _add_labels(gathered, labels, _SISFALL_CODES, 0)
    return [gathered.recording()]


def _add_labels(
    gathered: Gathered, labels: Sequence[tuple[int, int, int]], names: Sequence[str], away: int
) -> None:
    gathered.series(
        "activity",
        [start for start, _, _ in labels],
        [which for _, _, which in labels],
        until_ns=[end for _, end, _ in labels],
        offset_minutes=away,
        names=names,
    )


# -------------------------------------------------------------------------------------------- HMP

_HMP_HZ = 32.0
_HMP_HIGHEST = 63
_HMP_NAME = re.compile(
    r"Accelerometer-(\d{4}-\d{2}-\d{2}-\d{2}-\d{2}-\d{2})-([a-z_]{1,40})-([fm]\d{1,3})$"
)
_HMP_ACTIVITIES = (
    "brush_teeth",
    "climb_stairs",
    "comb_hair",
    "descend_stairs",
    "drink_glass",
    "eat_meat",
    "eat_soup",
    "getup_bed",
    "liedown_bed",
    "pour_water",
    "sitdown_chair",
    "standup_chair",
    "use_telephone",
    "walk",
)


def _claim_hmp(files: Files, names: Sequence[str]) -> list[Group]:
    def fits(name: str) -> bool:
        rows = [_numbers(row, None, 3) for row in _first_rows(files, name)]
        return len(rows) >= _ENOUGH_ROWS and all(
            row and all(0 <= code <= _HMP_HIGHEST and code == int(code) for code in row)
            for row in rows
        )

    return _grouped([name for name in names if fits(name)], _hmp_person)


def _hmp_person(name: str) -> str:
    found = _HMP_NAME.match(_stem(name))
    return found[3] if found else ""


def _read_hmp(files: Files, group: Group, options: Options) -> list[Recording]:
    """The trials of one person, at the times that their names tell. Raises DataError."""
    gathered = Gathered("HMP", "research wrist", "", _hmp_person(group[0]))
    named = [_HMP_NAME.match(_stem(name)) for name in group]
    moments = parsed([found[1] if found else "" for found in named], "%Y-%m-%d-%H-%M-%S")
    undated = [place for place, moment in enumerate(moments) if moment is None]
    times, offsets = local(moments, options.zone, gathered.note)
    if options.zone is not None:
        gathered.zone = options.zone
    times[undated] = _NO_DATE_NS
    gathered.note("trials without a date, put at 2000-01-01", len(undated))
    blocks: list[Block] = []
    labels: list[tuple[int, int, int]] = []
    for name, found, start in zip(group, named, times.tolist(), strict=True):
        raw = _table(files, name, None, 3, gathered)
        outside = (raw < 0) | (raw > _HMP_HIGHEST)
        gathered.note("codes outside 0 to 63, masked", int(outside.sum()), "acceleration")
        raw[outside] = np.nan
        blocks.append((start, _HMP_HZ, -1.5 + raw / _HMP_HIGHEST * 3.0))
        if found and found[2] in _HMP_ACTIVITIES:
            end = start + round(len(raw) * SECOND_NS / _HMP_HZ)
            labels.append((start, end, _HMP_ACTIVITIES.index(found[2])))
    gathered.note("trials whose names tell no activity", len(group) - len(labels))
    gathered.blocks("acceleration", blocks, axes="xyz", nominal_rate_hz=_HMP_HZ, limits=(-1.5, 1.5))
    _add_labels(gathered, labels, _HMP_ACTIVITIES, int(offsets[0]))
    return [gathered.recording()]


# ------------------------------------------------------------------------------------------ Walch

_EPOCH_S = 30
_WALCH_FOLDERS = ("heart_rate", "labels")  # side by side, each with a file of every person
_STAGES = {0: "wake", 1: "N1", 2: "N2", 3: "deep", 4: "deep", 5: "REM"}  # 3 and 4 before 2007


def _walch_part(files: Files, name: str) -> str:
    """ "stages", "rate" or "", by the first rows."""
    lines = _first_rows(files, name)
    separator = "," if lines and "," in lines[0] else None
    found = [_numbers(line, separator, 2) for line in lines]
    rows = np.array([row for row in found if row is not None])
    if len(rows) < _ENOUGH_ROWS or len(rows) < len(found):
        return ""
    seconds, second = rows[:, 0], rows[:, 1]
    steps = np.diff(seconds)
    if seconds[0] == 0 and (steps == _EPOCH_S).all() and np.isin(second, range(-1, 6)).all():
        return "stages"
    irregular = (steps >= 0).all() and (seconds != np.round(seconds)).any()
    return "rate" if irregular and ((second >= 20) & (second <= 260)).all() else ""


def _walch_person(name: str) -> str:
    found = re.match(r"(\d{1,12})_", _stem(name))
    return found[1] if found else ""


def _walch_place(name: str) -> str:
    """Whose file it is: the id, and the folder that holds the set's own folders."""
    *folders, _ = name.split("/")
    if folders and folders[-1].lower() in _WALCH_FOLDERS:
        folders.pop()
    person = _walch_person(name)
    return person and "/".join((*folders, person))


def _claim_walch(files: Files, names: Sequence[str]) -> list[Group]:
    return _grouped([name for name in names if _walch_part(files, name)], _walch_place)


def _read_walch(files: Files, group: Group, options: Options) -> list[Recording]:
    """Heart rate and stages of one person. Raises DataError."""
    gathered = Gathered("Walch sleep study", "watch", "UTC", _walch_person(group[0]))
    gathered.note("files without a date, whose night begins at 2000-01-01", len(group))
    tables: dict[str, list[Values]] = {"rate": [], "stages": []}
    for name in group:
        part = _walch_part(files, name)
        if not part:
            raise DataError(f"{name} holds neither heart rates nor stages of sleep as named")
        separator = "," if b"," in head(files, name, 200) else None
        tables[part].append(_table(files, name, separator, 2, gathered))
    for part, parts in tables.items():
        if not parts:
            continue
        rows = np.concatenate(parts)
        rows = rows[~np.isnan(rows).any(axis=1)]
        times = _NO_DATE_NS + np.round(rows[:, 0] * SECOND_NS).astype(np.int64)
        if part == "rate":
            gathered.series("heart_rate", times, rows[:, 1])
            continue
        scored = np.isin(rows[:, 1], list(_STAGES))
        gathered.note("epochs without a stage, left out", int((~scored).sum()), "sleep_stage")
        stages = [SLEEP_STAGES.index(_STAGES[int(code)]) for code in rows[scored, 1]]
        until = times[scored] + _EPOCH_S * SECOND_NS
        gathered.series("sleep_stage", times[scored], stages, until_ns=until)
    return [gathered.recording()]


# ------------------------------------------------------------------------------------------ WISDM

_NO_RECORDING = (
    "it is a table of features, not a recording; name it as the feature table of a study"
)


def _claim_arff(files: Files, names: Sequence[str]) -> list[Group]:
    def fits(name: str) -> bool:
        first = head(files, name).lower()
        return b"@relation" in first and b"@attribute" in first

    return [(name,) for name in names if fits(name)]


def _read_arff(files: Files, group: Group, options: Options) -> list[Recording]:
    raise Unsupported(f"{group[0]}: {_NO_RECORDING}")


SISFALL = Format("sisfall", "SisFall trials", _claim_sisfall, _read_sisfall)
HMP = Format("hmp", "HMP wrist trials", _claim_hmp, _read_hmp)
WALCH = Format("walch", "Walch sleep study, text", _claim_walch, _read_walch)
WISDM = Format("wisdm-arff", "WISDM features", _claim_arff, _read_arff, unsupported=_NO_RECORDING)
FORMATS = (SISFALL, HMP, WALCH, WISDM)
