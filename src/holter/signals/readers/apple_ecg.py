"""The electrocardiograms beside an export of Apple Health: one CSV file each.

Its first lines are in the phone's language, so each is known by its value; then come the
samples, one a line. Read in order: ``is_ecg``, ``add_ecgs``, ``_ecg`` (one file).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.readers.apple_types import STAMP
from holter.signals.readers.files import Files, head, text
from holter.signals.readers.times import NO_TIME, iso

_MOST_ECG_BYTES = 1 << 24  # one has 30 s, about 150 KB
_HERTZ = re.compile(
    r"(\d{1,5}(?:[.,]\d{1,6})?) ?(?:hertz|hz|hercios|герц|赫兹|赫茲|ヘルツ|헤르츠)", re.I
)
_VOLTS = {"µV": "uV", "μV": "uV", "uV": "uV", "mV": "mV", "V": "V"}  # micro sign, Greek mu, plain


def is_ecg(files: Files, name: str) -> bool:
    """Whether the first lines tell a moment, a rate and a unit."""
    first = head(files, name, 2048).decode("utf-8-sig", "ignore")  # the last letter may be cut
    return None not in _facts(first.splitlines())


def add_ecgs(gathered: Gathered, files: Files, names: Sequence[str]) -> None:
    """All electrocardiograms of an export into the recording of its watch."""
    parts: dict[str, list[tuple[int, float, npt.NDArray[np.float64]]]] = {}
    broken = 0
    for name in names:
        try:
            start_ns, rate, unit, values = _ecg(files, name)
        except DataError:
            broken += 1
            continue
        parts.setdefault(unit, []).append((start_ns, rate, np.array(values)))
    gathered.note("electrocardiograms that are damaged, left out", broken)
    for number, (unit, blocks) in enumerate(sorted(parts.items())):
        gathered.blocks("ecg", blocks, unit=unit, name=f"ecg:{number + 1}" if number else "ecg")


def _ecg(files: Files, name: str) -> tuple[int, float, str, list[float]]:
    """(start in UTC nanoseconds, rate in Hz, unit, values) of one electrocardiogram.

    The lines with the wearer's name and birth date are passed over. Raises DataError.
    """
    lines = text(files, name, _MOST_ECG_BYTES).splitlines()
    start_ns, rate, unit = _facts(lines)
    if start_ns is None or rate is None or unit is None:
        raise DataError(f"{name} is not an electrocardiogram of Apple Health")
    values = []
    for line in lines:
        words = line.strip().strip('"')
        if words[:1].isdigit() or (words[:1] == "-" and words[1:2].isdigit()):
            try:
                values.append(float(words.replace(",", ".")))
            except ValueError:
                values.append(float("nan"))
    return start_ns, rate, unit, values


def _facts(lines: Sequence[str]) -> tuple[int | None, float | None, str | None]:
    """Start in UTC nanoseconds, rate in Hz and unit, each known by its value; None: not there."""
    start_ns, rate, unit = None, None, None
    for line in lines[:20]:
        value = line.partition(",")[2].strip().strip('"')
        if STAMP.fullmatch(value):
            moment = iso(value)
            start_ns = NO_TIME if moment is None else moment[0]  # NO_TIME is left out and counted
        elif found := _HERTZ.fullmatch(value):
            rate = float(found[1].replace(",", "."))
        elif value in _VOLTS:
            unit = _VOLTS[value]
    return start_ns, rate, unit
