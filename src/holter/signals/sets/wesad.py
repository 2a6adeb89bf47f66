"""WESAD: baseline, stress and amusement of 15 people, from a wristband (Empatica E4).

Published layout: ``S2/S2.pkl`` .. ``S17/S17.pkl``, pickles of Python 2 (read by ``arrays_only``,
never unpickled), beside ``S2_quest.csv`` and other files that are not needed. A file holds signals
of chest and wrist that begin at the same moment, and a label 700 times a second. Only the wrist is
kept. Windows of 30 s do not overlap and hold one condition each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from holter.signals.columns import Columns
from holter.signals.errors import DataError
from holter.signals.features.beats import beat_times, rr_intervals
from holter.signals.readers.files import Files
from holter.signals.recording import SECOND_NS, Segment, Waveform
from holter.signals.sets import arrays_only
from holter.signals.sets.layout import (
    Archive,
    Note,
    PublishedSet,
    absent,
    believed,
    found,
    labels_of,
    runs,
    stacked,
)

SECONDS = 30  # of a window
LABEL_HZ = 700
ACC_HZ, BVP_HZ, EDA_HZ, TEMP_HZ = 32, 64, 4, 4  # of the wristband, synchronised by the publisher
CONDITIONS = {1: "baseline", 2: "stress", 3: "amusement"}
_LEFT_OUT = (0, 4, 5, 6, 7)  # between conditions, meditation, and three «to be ignored»
_AROUND_SECONDS = 5.0  # each side, of a heart rate
_COUNTS_A_G = 64.0  # the wristband's unit is 1/64 g


def prepare(files: Files, note: Note) -> Columns:
    """Windows of 30 s of everyone whose pickle is there.

    bvp: (n, 1920), the device's unit. heart_rate: (n, 30), bpm, from the beats in bvp, NaN where
    there are none to believe. acc: (n, 960), g, magnitude. eda: (n, 120), uS. temp:
    (n, 120), degC. condition: baseline, stress or amusement. subject: as published (S2). t:
    seconds since the recording began.
    """
    return stacked(
        [_windows(record, name, who, note) for who, name, record in people(files, note)], "WESAD"
    )


def people(files: Files, note: Note) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(person, file, its dictionary) of every S*/S*.pkl, one at a time: each needs about 1 GB."""
    folders = {key[0] for key in found(files, r"(S\d+)/(S\d+[^/]*)")}
    pickles = {
        key[0]: name
        for key, name in found(files, r"(S\d+)/(S\d+)\.pkl").items()
        if key[0] == key[1]
    }
    if not pickles:
        raise absent(files, "S2/S2.pkl")
    note("people without their pickle, left out", len(folders - set(pickles)))
    for who in sorted(pickles, key=lambda who: int(who[1:])):
        record = arrays_only.read(files, pickles[who])
        if arrays_only.word(record, pickles[who], "subject") != who:
            raise DataError(f"{pickles[who]} says that it is of another person: fetch it again")
        yield who, pickles[who], record


def in_g(stored: npt.NDArray[Any], name: str) -> npt.NDArray[np.float64]:
    """Acceleration of the wristband -> g. The publishers stored it in g or in 1/64 g.

    Which, gravity tells: over a recording the usual magnitude is that of the earth's.
    """
    values = stored.astype(np.float64)
    with np.errstate(over="ignore"):
        magnitude = np.linalg.norm(values, axis=1)
    there = magnitude[np.isfinite(magnitude)]
    usual = float(np.median(there)) if len(there) else 0.0
    if 0.5 < usual < 2:
        return values
    if 0.5 < usual / _COUNTS_A_G < 2:
        return values / _COUNTS_A_G
    raise DataError(f"{name}: the wrist's acceleration ({usual:.3g}) is neither in g nor in 1/64 g")


def cut(
    values: npt.NDArray[Any], begins: npt.NDArray[np.float64], rate_hz: int, seconds: int
) -> npt.NDArray[Any]:
    """Windows (n, seconds * rate, ...) of a signal; each begins at the nearest sample."""
    first = np.round(begins * rate_hz).astype(np.int64)
    windows: npt.NDArray[Any] = values[first[:, np.newaxis] + np.arange(seconds * rate_hz)]
    return windows


def heart_rate(bvp: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Heart rate of each second of a pulse wave at 64 Hz: the median interval within 5 s of it.

    Only intervals that ``features.beats`` believes count; NaN with fewer than two of them.
    """
    wave = Waveform("ppg", ("",), (Segment(0, float(BVP_HZ), bvp[:, np.newaxis]),))
    intervals = rr_intervals(beat_times(wave))
    at, seconds = intervals.time_ns[intervals.good] / SECOND_NS, intervals.seconds[intervals.good]
    middle = np.arange(len(bvp) // BVP_HZ) + 0.5
    first = np.searchsorted(at, middle - _AROUND_SECONDS)
    last = np.searchsorted(at, middle + _AROUND_SECONDS)
    rates = [
        60.0 / float(np.median(seconds[a:b])) if b - a >= 2 else np.nan
        for a, b in zip(first.tolist(), last.tolist(), strict=True)
    ]
    return np.array(rates, dtype=np.float32)


def _windows(
    record: Mapping[str, Any], name: str, who: str, note: Note
) -> dict[str, npt.NDArray[Any]]:
    """Windows of one person."""
    label = labels_of(arrays_only.array(record, name, "label", columns=1)[:, 0])
    stored = {
        what: arrays_only.array(record, name, "signal", "wrist", what, columns=columns)
        for what, columns in (("ACC", 3), ("BVP", 1), ("EDA", 1), ("TEMP", 1))
    }
    motion = believed(in_g(stored["ACC"], name), "acceleration", note)
    signals = {  # (samples, rate)
        "acc": (np.linalg.norm(motion, axis=1), ACC_HZ),
        "bvp": (believed(stored["BVP"][:, 0], "ppg", note), BVP_HZ),
        "eda": (believed(stored["EDA"][:, 0], "eda", note), EDA_HZ),
        "temp": (believed(stored["TEMP"][:, 0], "skin_temperature", note), TEMP_HZ),
    }
    signals["heart_rate"] = heart_rate(signals["bvp"][0]), 1
    begins: list[float] = []
    conditions: list[str] = []
    unknown = 0
    for start, stop in runs(label):
        if int(label[start]) in CONDITIONS:
            count = (stop - start) // (SECONDS * LABEL_HZ)
            begins += [start / LABEL_HZ + SECONDS * window for window in range(count)]
            conditions += [CONDITIONS[int(label[start])]] * count
        elif int(label[start]) not in _LEFT_OUT:
            unknown += stop - start
    note("labels that are not published, left out", unknown)
    ends = min(len(values) / rate for values, rate in signals.values())
    at = np.array(begins, dtype=np.float64)
    whole = at + SECONDS <= ends
    note("windows after the end of a signal, left out", int((~whole).sum()))
    part: dict[str, npt.NDArray[Any]] = {
        what: cut(values, at[whole], rate, SECONDS).astype(np.float32)
        for what, (values, rate) in signals.items()
    }
    part["condition"] = np.array(conditions, dtype="<U9")[whole]
    part["subject"] = np.full(int(whole.sum()), who, dtype="<U8")
    part["t"] = at[whole]
    return part


WESAD = PublishedSet(
    name="wesad",
    title="WESAD, wearable stress and affect detection (wrist)",
    task="stress",
    where="UCI Machine Learning Repository, data set 465, doi:10.24432/C57K5T",
    licence="CC BY 4.0 at UCI; read the readme inside before any commercial use",
    citation=(
        "Schmidt, Reiss, Duerichen, Marberger, Van Laerhoven: Introducing WESAD, a multimodal "
        "dataset for wearable stress and affect detection, ICMI 2018, doi:10.1145/3242969.3242985"
    ),
    fetch=(
        "Open data set 465 at archive.ics.uci.edu; what it offers holds a link to the authors'\n"
        "page at the University of Siegen, where WESAD.zip is (a few gigabytes).\n"
        "Unfold it, or name the zip itself. The folder WESAD with S2, S3, ... is what is read."
    ),
    archives=(Archive("WESAD.zip", None, None, None),),
    people=15,
    prepare=prepare,
    study="""\
[data]
source = "npz"
path = "windows.npz"
person = "subject"
label = "condition"
time = "t"                 # for the order of windows only
normalise = "person"
missing = "mask"

[data.labels]
rest = ["baseline", "amusement"]
stress = ["stress"]

# All signals at one sample a second; of the fast ones the spread within a second is kept.

[[data.signals]]
array = "bvp"
scale = 0.01
samples = 30
pool = "std"

[[data.signals]]
array = "heart_rate"       # bpm, from the pulse wave; one a second
scale = 0.01

[[data.signals]]
array = "acc"              # g, magnitude
samples = 30
pool = "std"

[[data.signals]]
array = "eda"              # uS
samples = 30

[[data.signals]]
array = "temp"             # degC
samples = 30
""",
)
