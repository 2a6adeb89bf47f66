"""PAMAP2: 18 activities of nine people with three motion sensors and a chest strap.

Published layout: ``Protocol/subject101.dat`` .. ``subject109.dat`` and ``Optional/``, lines of 54
numbers divided by blanks: seconds, activity, heart rate, then 17 columns each of hand, chest and
ankle (temperature, acceleration up to 16 g, acceleration up to 6 g, turning rate, magnetic field,
orientation). Sensors drop out: their columns are NaN. Activity 0 is the time between activities
and is left out.

The 100 Hz samples are brought to an even grid by their own time stamps, passed through a low-pass
filter and halved to 50 Hz. A gap of more than 50 ms stays a gap: in one sensor it is NaN, in the
time stamps it ends the stretch. Windows do not overlap and hold one activity each.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from holter.signals.columns import Columns
from holter.signals.errors import DataError
from holter.signals.readers.files import Files
from holter.signals.recording import Segment, Waveform
from holter.signals.resampling import resampled
from holter.signals.sets.layout import (
    Archive,
    Note,
    Numbers,
    PublishedSet,
    absent,
    believed,
    blocks,
    found,
    runs,
    stacked,
)

COLUMNS = 54
STORED_HZ = 100.0
RATE_HZ = 50.0
SAMPLES = 128  # of a window: 2.56 s
HEART_RATES = 4  # of a window, each held from the latest before it
OPTIONAL_LATER_SECONDS = 100_000.0  # the optional session has a clock of its own: it came later

_GAP_SECONDS = 0.05
_MOST_SECONDS = 1e6  # of the file's clock; published sessions take at most two hours
_HOLD_SECONDS = 5.0  # the strap sends about nine times a second
_PLACES = ("hand", "chest", "ankle")
_KEPT = [0, 1, 2, *(3 + 17 * place + n for place in range(3) for n in (1, 2, 3, 7, 8, 9))]
ACTIVITIES = {
    1: "lying",
    2: "sitting",
    3: "standing",
    4: "walking",
    5: "running",
    6: "cycling",
    7: "nordic walking",
    9: "watching TV",
    10: "computer work",
    11: "car driving",
    12: "ascending stairs",
    13: "descending stairs",
    16: "vacuum cleaning",
    17: "ironing",
    18: "folding laundry",
    19: "house cleaning",
    20: "playing soccer",
    24: "rope jumping",
}


def prepare(files: Files, note: Note, *, optional: bool = False) -> Columns:
    """Windows of 2.56 s at 50 Hz, without overlap.

    hand_acc, chest_acc, ankle_acc: (n, 3, 128), g. hand_gyro, ...: (n, 3, 128), rad/s.
    heart_rate: (n, 4), bpm. NaN where a sensor had dropped out. activity: names. subject: whole
    numbers. t: seconds of the file's own clock at the window's start. optional: the optional
    session too, its times moved behind those of the protocol.
    """
    sessions = found(files, r"(Protocol|Optional)/subject(\d{3})\.dat")
    wanted = [key for key in sessions if optional or key[0] == "Protocol"]
    if not wanted:
        raise absent(files, "Protocol/subject101.dat")
    note("files of the optional session, not asked for", len(sessions) - len(wanted))
    parts = [
        _session(files, sessions[key], int(key[1]), key[0] == "Optional", note)
        for key in sorted(wanted, key=lambda key: (key[1], key[0] == "Optional"))
    ]
    return stacked(parts, "PAMAP2")


def _session(
    files: Files, name: str, person: int, later: bool, note: Note
) -> dict[str, npt.NDArray[Any]]:
    """Windows of one file."""
    rows = _rows(files, name, note)
    seconds, heart_rate = rows[:, 0], believed(rows[:, 2], "heart_rate", note)
    activity = rows[:, 1].astype(np.int64)
    motion = _motion(rows[:, 3:], note)
    steps = np.diff(seconds)
    usual = float(np.median(steps)) if len(steps) else 1 / STORED_HZ
    if not 0.8 / STORED_HZ < usual < 1.25 / STORED_HZ:
        raise DataError(f"{name} steps by {usual:.4g} s; PAMAP2 is published at 100 Hz")
    note("places where the clock is set back or stands still", int((steps <= 0).sum()))
    note("gaps in the time stamps", int((steps > _GAP_SECONDS).sum()))
    breaks = np.flatnonzero((steps <= 0) | (steps > _GAP_SECONDS)) + 1
    parts: list[dict[str, npt.NDArray[Any]]] = []
    short = unknown = 0
    for start, stop in runs(activity, breaks.tolist()):
        if activity[start] not in ACTIVITIES:
            unknown += (stop - start) if activity[start] != 0 else 0
            continue
        even = halved(seconds[start:stop], motion[start:stop])
        count = len(even) // SAMPLES
        short += len(even) - count * SAMPLES
        if not count:
            continue
        windows = even[: count * SAMPLES].reshape(count, SAMPLES, len(_PLACES), 2, 3)
        begins = seconds[start] + np.arange(count) * SAMPLES / RATE_HZ
        part: dict[str, npt.NDArray[Any]] = {
            f"{place}_{what}": windows[:, :, index, which].transpose(0, 2, 1)
            for index, place in enumerate(_PLACES)
            for which, what in enumerate(("acc", "gyro"))
        }
        part["heart_rate"] = _held(seconds, heart_rate, begins)
        part["activity"] = np.full(count, ACTIVITIES[int(activity[start])], dtype="<U20")
        part["subject"] = np.full(count, person, dtype=np.int64)
        part["t"] = begins + (OPTIONAL_LATER_SECONDS if later else 0.0)
        parts.append(part)
    note("samples of an activity without a name, left out", unknown)
    note("samples at the end of a stretch, shorter than a window, left out", short)
    if not parts:
        note("files without a whole window", 1)
        return _nothing()
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _rows(files: Files, name: str, note: Note) -> Numbers:
    """The kept columns of lines that say when and what. Bounded: a third of the file is kept."""
    kept, odd = [], 0
    for block, bad in blocks(files, name, COLUMNS):
        odd += int(bad.sum())
        kept.append(block[~bad][:, _KEPT])
    rows = np.concatenate(kept) if kept else np.zeros((0, len(_KEPT)))
    if not len(rows):
        raise DataError(f"{name} has no line of {COLUMNS} numbers: it is not as published")
    note(f"lines that are not {COLUMNS} numbers, left out", odd)
    dated = (np.abs(rows[:, 0]) < _MOST_SECONDS) & (np.abs(rows[:, 1]) < 1000)
    note("lines without a time or an activity, left out", int((~dated).sum()))
    rows = rows[dated]
    if not len(rows):
        raise DataError(f"{name} has no line with a time and an activity: it is not as published")
    return rows


def _motion(stored: Numbers, note: Note) -> npt.NDArray[np.float32]:
    """(n, 18) as stored -> the same in g and rad/s, impossible values NaN."""
    sensors = stored.reshape(len(stored), len(_PLACES), 2, 3)
    motion = np.empty(sensors.shape, dtype=np.float32)
    motion[:, :, 0] = believed(sensors[:, :, 0], "acceleration", note, unit="m/s2")
    motion[:, :, 1] = believed(sensors[:, :, 1], "gyroscope", note, unit="rad/s", kept=True)
    return motion.reshape(len(stored), -1)


def halved(seconds: Numbers, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Samples at about 100 Hz, (n, k) -> 50 Hz on an even grid from the first one, filtered.

    seconds: ascending, without gaps. What is farther than 25 ms from any sample is a gap.
    """
    count = int(np.floor((seconds[-1] - seconds[0]) * STORED_HZ + 1e-6)) + 1
    grid = seconds[0] + np.arange(count) / STORED_HZ
    even = np.full((count, values.shape[1]), np.nan, dtype=np.float32)
    for column in range(values.shape[1]):
        there = np.isfinite(values[:, column])
        times = seconds[there]
        if not len(times):
            continue
        after = np.searchsorted(times, grid)
        nearest = np.minimum(
            np.abs(grid - times[np.maximum(after - 1, 0)]),
            np.abs(grid - times[np.minimum(after, len(times) - 1)]),
        )
        known = nearest <= _GAP_SECONDS / 2
        even[known, column] = np.interp(grid[known], times, values[there, column])
    axes = tuple(str(column) for column in range(values.shape[1]))
    stretch = Waveform("acceleration", axes, (Segment(0, STORED_HZ, even),))
    return resampled(stretch, RATE_HZ).values


def _held(
    seconds: Numbers, heart_rate: npt.NDArray[np.float32], begins: Numbers
) -> npt.NDArray[np.float32]:
    """The latest heart rate at the end of each quarter of a window; NaN if older than 5 s."""
    quarters = np.arange(1, HEART_RATES + 1) * (SAMPLES / RATE_HZ / HEART_RATES)
    moments = begins[:, np.newaxis] + quarters
    order = np.argsort(seconds, kind="stable")
    order = order[np.isfinite(heart_rate[order])]
    if not len(order):
        return np.full(moments.shape, np.nan, dtype=np.float32)
    times = seconds[order]
    last = np.searchsorted(times, moments, side="right") - 1
    age = moments - times[np.maximum(last, 0)]
    known = (last >= 0) & (age <= _HOLD_SECONDS)
    return np.where(known, heart_rate[order][np.maximum(last, 0)], np.nan).astype(np.float32)


def _nothing() -> dict[str, npt.NDArray[Any]]:
    part: dict[str, npt.NDArray[Any]] = {
        f"{place}_{what}": np.zeros((0, 3, SAMPLES), dtype=np.float32)
        for place in _PLACES
        for what in ("acc", "gyro")
    }
    part["heart_rate"] = np.zeros((0, HEART_RATES), dtype=np.float32)
    part["activity"] = np.zeros(0, dtype="<U20")
    part["subject"] = np.zeros(0, dtype=np.int64)
    part["t"] = np.zeros(0)
    return part


PAMAP2 = PublishedSet(
    name="pamap2",
    title="PAMAP2 Physical Activity Monitoring, protocol session",
    task="activity",
    where="UCI Machine Learning Repository, data set 231, doi:10.24432/C5NW2H",
    licence="CC BY 4.0 at UCI",
    citation=(
        "Reiss, Stricker: Introducing a new benchmarked dataset for activity monitoring, ISWC 2012"
    ),
    fetch=(
        "Open data set 231 at archive.ics.uci.edu and press Download (about 690 MB).\n"
        "Unfold the archive; in it lies PAMAP2_Dataset.zip: unfold that as well, or name it.\n"
        "The folder PAMAP2_Dataset with Protocol and Optional in it is what is read."
    ),
    archives=(
        Archive("pamap2+physical+activity+monitoring.zip", None, None, None),
        Archive("PAMAP2_Dataset.zip", None, None, None),
    ),
    people=9,
    prepare=prepare,
    study="""\
[data]
source = "npz"
path = "windows.npz"
person = "subject"
label = "activity"
time = "t"
missing = "mask"           # sensors drop out

[[data.signals]]
array = "hand_acc"         # g

[[data.signals]]
array = "hand_gyro"        # rad/s

[[data.signals]]
array = "chest_acc"

[[data.signals]]
array = "ankle_acc"

[[data.signals]]
array = "heart_rate"
scale = 0.01               # bpm / 100, so that all channels are about 1
samples = 128
""",
)
PAMAP2_OPTIONAL = dataclasses.replace(
    PAMAP2,
    name="pamap2-optional",
    title="PAMAP2 Physical Activity Monitoring, protocol and optional sessions",
    prepare=partial(prepare, optional=True),
)
