"""UCI HAR: six activities of 30 people with a phone at the waist, windows as published.

The publisher cut the windows: 128 samples at 50 Hz, each sharing half with the next. Train and
test are put together, because a study splits people anew. The set has no times: the order of
its lines is the order of a person's windows.

Published layout: ``{train,test}/Inertial Signals/{body_acc,body_gyro,total_acc}_{x,y,z}_*.txt``
(a window a line), ``y_*.txt``, ``subject_*.txt``, ``X_*.txt`` (561 features, optional here), and
``activity_labels.txt``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from holter.signals.columns import Columns
from holter.signals.errors import DataError
from holter.signals.readers.files import Files, text
from holter.signals.sets.layout import (
    Archive,
    Note,
    PublishedSet,
    absent,
    believed,
    found,
    labels_of,
    numbers,
    stacked,
)

SAMPLES = 128  # of a window, at 50 Hz
FEATURES = 561  # of the publisher, scaled to [-1, 1] over all people
_PARTS = ("train", "test")
_SIGNALS = {  # array: (file, kind, unit as published)
    "body_acc": ("body_acc", "acceleration", "g"),
    "gyro": ("body_gyro", "gyroscope", "rad/s"),
    "total_acc": ("total_acc", "acceleration", "g"),
}
_MOST_NAMES_BYTES = 64 * 1024


def prepare(files: Files, note: Note) -> Columns:
    """Windows of train and test together.

    body_acc, total_acc: (n, 3, 128), g. gyro: (n, 3, 128), rad/s. activity: names. subject: whole
    numbers. features: (n, 561), where X_train.txt and X_test.txt are there.
    """
    axes = found(
        files,
        r"(train|test)/Inertial Signals/(body_acc|body_gyro|total_acc)_([xyz])_(train|test)\.txt",
    )
    tables = found(files, r"(train|test)/(X|y|subject)_(train|test)\.txt")
    if not axes and not tables:
        raise absent(files, "train/Inertial Signals/body_acc_x_train.txt")
    names = _names(files)
    with_features = all((part, "X", part) in tables for part in _PARTS)
    parts = [_part(files, part, axes, tables, names, with_features, note) for part in _PARTS]
    both = np.intersect1d(parts[0]["subject"], parts[1]["subject"])
    note("people who are in train and in test, put together", len(both))
    return stacked(parts, "UCI HAR")


def _names(files: Files) -> dict[int, str]:
    """Names of the labels, by number."""
    lists = found(files, r"activity_labels\.txt")
    if not lists:
        raise absent(files, "activity_labels.txt")
    name = lists[()]
    names: dict[int, str] = {}
    for line in text(files, name, _MOST_NAMES_BYTES).splitlines():
        words = line.split()
        if len(words) == 2 and words[0].isdecimal() and len(words[0]) < 4:
            names[int(words[0])] = words[1]
        elif words:
            raise DataError(f"{name} has a line that is no number and name: it is not as published")
    return names


def _part(
    files: Files,
    part: str,
    axes: dict[tuple[str, ...], str],
    tables: dict[tuple[str, ...], str],
    names: dict[int, str],
    with_features: bool,
    note: Note,
) -> dict[str, npt.NDArray[Any]]:
    """Windows of train or of test. A line that is odd in any file costs its window."""
    read: dict[str, npt.NDArray[np.float64]] = {}
    counts: dict[str, int] = {}
    odd: list[npt.NDArray[np.bool_]] = []

    def add(name: str, columns: int) -> npt.NDArray[np.float64]:
        rows, bad = numbers(files, name, columns)
        counts[name] = len(rows)
        if len(set(counts.values())) > 1:
            shown = ", ".join(f"{n}: {c}" for n, c in list(counts.items())[-2:])
            raise DataError(f"the files have unequal lines ({shown}): unfold the archive again")
        odd.append(bad)
        return rows

    for kind in ("y", "subject", "X") if with_features else ("y", "subject"):
        if (part, kind, part) not in tables:
            raise absent(files, f"{part}/{kind}_{part}.txt")
        read[kind] = add(tables[part, kind, part], FEATURES if kind == "X" else 1)
    windows: dict[str, npt.NDArray[np.float32]] = {}
    for array, (file, kind, unit) in _SIGNALS.items():
        stored = np.zeros((len(read["y"]), 3, SAMPLES), dtype=np.float32)
        for axis, letter in enumerate("xyz"):
            if (part, file, letter, part) not in axes:
                raise absent(files, f"{part}/Inertial Signals/{file}_{letter}_{part}.txt")
            rows = add(axes[part, file, letter, part], SAMPLES)
            stored[:, axis] = believed(rows, kind, note, unit=unit, kept=True)
        windows[array] = stored
    bad = np.logical_or.reduce(odd)
    note("windows with a line that is not as published, left out", int(bad.sum()))
    label, subject = read["y"][:, 0], read["subject"][:, 0]
    unnamed = ~bad & ~np.isin(label, list(names))
    note("windows whose label has no name, left out", int(unnamed.sum()))
    nobody = ~bad & ~unnamed & (labels_of(subject) < 1)
    note("windows of nobody, left out", int(nobody.sum()))
    keep = ~(bad | unnamed | nobody)
    columns: dict[str, npt.NDArray[Any]] = {name: array[keep] for name, array in windows.items()}
    columns["subject"] = subject[keep].astype(np.int64)
    columns["activity"] = np.array([names[int(number)] for number in label[keep]], dtype=np.str_)
    if with_features:
        features = read["X"][keep]
        beyond = np.abs(features) > 1.001  # as published, but for the last digit
        note("features beyond -1 and 1, masked", int(beyond.sum()))
        columns["features"] = np.where(beyond, np.nan, features).astype(np.float32)
    return columns


UCI_HAR = PublishedSet(
    name="uci-har",
    title="Human Activity Recognition Using Smartphones",
    task="activity",
    where="UCI Machine Learning Repository, data set 240, doi:10.24432/C54S4K",
    licence="CC BY 4.0 at UCI; the readme inside adds that commercial use is prohibited",
    citation=(
        "Anguita, Ghio, Oneto, Parra, Reyes-Ortiz: A public domain dataset for human activity "
        "recognition using smartphones, ESANN 2013"
    ),
    fetch=(
        "Open data set 240 at archive.ics.uci.edu and press Download.\n"
        "Unfold the archive; in it lies UCI HAR Dataset.zip: unfold that as well, or name it.\n"
        "The folder UCI HAR Dataset with train and test in it is what is read."
    ),
    archives=(
        Archive(
            "human+activity+recognition+using+smartphones.zip",
            61_005_872,
            "c00b803081a5c797cd5e4b83700a9810b38d53d9d84e01917e090e1fdbc81031",
            None,
            "several people who fetched it and wrote it down; none was found at UCI",
        ),
        Archive(
            "UCI HAR Dataset.zip",
            60_999_314,
            "2045e435c955214b38145fb5fa00776c72814f01b203fec405152dac7d5bfeb0",
            None,
            "several people who fetched it and wrote it down; none was found at UCI",
        ),
    ),
    people=30,
    prepare=prepare,
    study="""\
[data]
source = "npz"
path = "windows.npz"
person = "subject"
label = "activity"

[[data.signals]]
array = "total_acc"        # g, gravity included

[[data.signals]]
array = "body_acc"         # g, without gravity

[[data.signals]]
array = "gyro"             # rad/s
""",
)
