"""sleep-accel: stages of sleep of 31 people, from a watch's heart rate and motion.

Published layout: ``heart_rate/ID_heartrate.txt`` («seconds,bpm»), ``motion/ID_acceleration.txt``
(seconds and three axes in g, divided by blanks), ``labels/ID_labeled_sleep.txt`` (seconds and
stage, every 30 s) and ``steps/``, which is not needed. Stages: 0 wake, 1 to 4 N1 to N4, 5 REM; -1
is not scored and left out. All files count seconds from the beginning of the scored night.

An epoch of 30 s comes with the ten minutes around it, so that neighbours share 95 % of their
input: split people, never epochs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from holter.signals.columns import Columns
from holter.signals.readers.files import Files
from holter.signals.sets.layout import (
    Archive,
    Note,
    Numbers,
    PublishedSet,
    absent,
    believed,
    blocks,
    found,
    numbers,
    stacked,
)

EPOCH_SECONDS = 30.0
AROUND_SECONDS = 600.0  # centred on the epoch
STEP_SECONDS = 5.0
NEAR_SECONDS = 60.0  # a heart rate farther away says nothing
NO_HEART_RATE = -1
_STAGES = (0, 1, 2, 3, 4, 5)
_NOT_SCORED = -1
_MOST_SECONDS = 1e8  # the watch was worn for days before the night
_NIGHT_SECONDS = 86_400.0
_FEWEST_MOTIONS = 30  # of one slot of 30 s: one a second


def prepare(files: Files, note: Note) -> Columns:
    """Epochs of 30 s of everyone who has a heart rate and labels.

    hr_x10: (n, 120), int16, heart rate times ten every 5 s, -1 where no sample is within 60 s.
    stage: 0 to 5. subject: the number in the file names. t: seconds since the first epoch.
    motion: (n, 20), g, spread of the acceleration's magnitude in each 30 s of the same ten
    minutes, NaN where there are too few samples; only if there is a folder motion.
    """
    hearts = found(files, r"heart_rate/(\d{1,9})_heartrate\.txt")
    labels = found(files, r"labels/(\d{1,9})_labeled_sleep\.txt")
    motions = found(files, r"motion/(\d{1,9})_acceleration\.txt")
    if not hearts:
        raise absent(files, "heart_rate/ID_heartrate.txt")
    if not labels:
        raise absent(files, "labels/ID_labeled_sleep.txt")
    note("people without labels, left out", len(set(hearts) - set(labels)))
    note("people without a heart rate, left out", len(set(labels) - set(hearts)))
    both = sorted(set(hearts) & set(labels), key=lambda key: int(key[0]))
    if motions:
        note("people without motion", len(set(both) - set(motions)))
    parts = []
    for key in both:
        starts, stages = _epochs(files, labels[key], note)
        part: dict[str, npt.NDArray[Any]] = {
            "hr_x10": _heart_rate(files, hearts[key], starts, note),
            "stage": stages,
            "subject": np.full(len(starts), int(key[0]), dtype=np.int32),
            "t": starts - starts[:1],
        }
        if motions:
            part["motion"] = _motion(files, motions.get(key), starts, note)
        parts.append(part)
    if not parts:
        raise absent(files, "person with both heart rate and labels")
    return stacked(parts, "sleep-accel")


def _epochs(files: Files, name: str, note: Note) -> tuple[Numbers, npt.NDArray[np.int8]]:
    """Starts and stages of scored epochs, in order of time."""
    rows, odd = numbers(files, name, 2)
    note("lines of labels that are not two numbers, left out", int(odd.sum()))
    rows = rows[~odd & (np.abs(rows) < _MOST_SECONDS).all(axis=1)]
    known = np.isin(rows[:, 1], _STAGES)
    strange = ~known & (rows[:, 1] != _NOT_SCORED)
    note("epochs with a stage that is not published, left out", int(strange.sum()))
    note("epochs that are not scored, left out", int((rows[:, 1] == _NOT_SCORED).sum()))
    rows = rows[known]
    late = rows[:, 0] > rows[:1, 0] + _NIGHT_SECONDS if len(rows) else known[:0]
    note("epochs more than a day after the first, left out", int(late.sum()))
    rows = rows[~late]
    starts, first = np.unique(rows[:, 0], return_index=True)
    note("epochs there twice, the first kept", len(rows) - len(starts))
    return starts, rows[first, 1].astype(np.int8)


def _heart_rate(files: Files, name: str, starts: Numbers, note: Note) -> npt.NDArray[np.int16]:
    """Interpolated every 5 s over the ten minutes around each epoch; (n, 120), times ten."""
    rows, odd = numbers(files, name, 2, ",")
    note("lines of heart rate that are not two numbers, left out", int(odd.sum()))
    values = believed(rows[:, 1], "heart_rate", note)
    use = (np.abs(rows[:, 0]) < _MOST_SECONDS) & np.isfinite(values)
    times, kept = np.unique(rows[use, 0], return_index=True)
    note("heart rates at the time of another, left out", int(use.sum()) - len(times))
    count = int(AROUND_SECONDS / STEP_SECONDS)
    middle = starts[:, np.newaxis] + (EPOCH_SECONDS - AROUND_SECONDS) / 2
    grid = middle + np.arange(count) * STEP_SECONDS
    if not len(times):
        return np.full(grid.shape, NO_HEART_RATE, dtype=np.int16)
    after = np.searchsorted(times, grid)
    nearest = np.minimum(
        np.abs(grid - times[np.maximum(after - 1, 0)]),
        np.abs(grid - times[np.minimum(after, len(times) - 1)]),
    )
    between = np.interp(grid, times, values[use][kept])
    known = np.where(nearest <= NEAR_SECONDS, np.round(between * 10), NO_HEART_RATE)
    return known.astype(np.int16)


def _motion(files: Files, name: str | None, starts: Numbers, note: Note) -> npt.NDArray[np.float32]:
    """Spread of the magnitude in the 20 slots of 30 s around each epoch; (n, 20), g.

    The slots are counted from the first epoch on, so the file is read once and never held.
    """
    count = int(AROUND_SECONDS / EPOCH_SECONDS)
    if name is None or not len(starts):
        return np.full((len(starts), count), np.nan, dtype=np.float32)
    offset = np.round((starts - starts[0]) / EPOCH_SECONDS).astype(np.int64)
    slots = int(offset[-1]) + count + 1
    origin = starts[0] + (EPOCH_SECONDS - AROUND_SECONDS) / 2
    sums = np.zeros((3, slots))  # how many, their sum, the sum of their squares
    odd = 0
    for rows, bad in blocks(files, name, 4):
        odd += int(bad.sum())
        magnitude = np.linalg.norm(believed(rows[:, 1:], "acceleration", note), axis=1)
        slot = np.floor((rows[:, 0] - origin) / EPOCH_SECONDS)
        use = np.isfinite(magnitude) & (slot >= 0) & (slot < slots)
        where = slot[use].astype(np.int64)
        away = magnitude[use].astype(np.float64) - 1.0  # near 0, so that squares keep their digits
        for row, weights in enumerate((np.ones(len(away)), away, away * away)):
            sums[row] += np.bincount(where, weights, minlength=slots)
    note("lines of motion that are not four numbers, left out", odd)
    many = np.maximum(sums[0], 1)
    spread = np.sqrt(np.maximum(sums[2] / many - (sums[1] / many) ** 2, 0))
    spread[sums[0] < _FEWEST_MOTIONS] = np.nan
    windows: npt.NDArray[np.float64] = spread[offset[:, np.newaxis] + np.arange(count)]
    return windows.astype(np.float32)


SLEEP_ACCEL = PublishedSet(
    name="sleep-accel",
    title="Motion and heart rate from a wrist-worn wearable and labeled sleep from polysomnography",
    task="sleep-stages",
    where="PhysioNet sleep-accel 1.0.0, doi:10.13026/hmhs-py35",
    licence="Open Data Commons Attribution Licence 1.0 (ODC-By 1.0)",
    citation=(
        "Walch, Huang, Forger, Goldstein: Sleep stage prediction with raw acceleration and "
        "photoplethysmography heart rate data derived from a consumer wearable device, Sleep "
        "42(12), zsz180, 2019; and Goldberger et al., Circulation 101(23), 2000, for PhysioNet"
    ),
    fetch=(
        "Open physionet.org/content/sleep-accel/1.0.0 and press Download the ZIP file.\n"
        "Unfold it, or name the zip itself. The folder with heart_rate, labels and motion is read.\n"
        "Without the folder motion, which is by far the largest, everything else works."
    ),
    archives=(
        Archive(
            "motion-and-heart-rate-from-a-wrist-worn-wearable-and-labeled-sleep-from-"
            "polysomnography-1.0.0.zip",
            None,
            None,
            None,
        ),
    ),
    people=31,
    prepare=prepare,
    study="""\
[data]
source = "npz"
path = "windows.npz"
person = "subject"
label = "stage"
time = "t"
missing = "mask"
missing_values = [-1]      # no heart rate within 60 s
normalise = "person"
extra = ["statistics", "hours"]
context = [10, 20, 40, 60, 90, 120]  # epochs of 30 s: up to an hour each side

[data.labels]
wake = [0]
NREM = [1, 2, 3, 4]
REM = [5]

[[data.signals]]           # heart rate every 30 s of the ten minutes around the epoch
array = "hr_x10"
scale = 0.1
samples = 20

[[data.signals]]           # and how much it moves within each 30 s
array = "hr_x10"
scale = 0.1
samples = 20
pool = "std"

# With the folder motion there is one more: array = "motion", 20 samples, g.
""",
)
