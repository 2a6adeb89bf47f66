"""PPG-DaLiA: eight activities of 15 people, from a wristband (Empatica E4) and a chest strap.

Published layout: ``PPG_FieldStudy/S1/S1.pkl`` .. ``S15/S15.pkl``, pickles of Python 2 (read by
``arrays_only``, never unpickled). A file holds signals of chest and wrist that begin at the same
moment, the activity four times a second, and as ``label`` the heart rate from the chest's ECG in
windows of 8 s, each 2 s after the one before. Every fourth of these windows is kept, so that
windows do not overlap, if it holds one activity. Activity 0, between activities, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from holter.signals.columns import Columns
from holter.signals.readers.files import Files
from holter.signals.sets import arrays_only
from holter.signals.sets.layout import (
    Archive,
    Note,
    PublishedSet,
    believed,
    labels_of,
    stacked,
)
from holter.signals.sets.wesad import ACC_HZ, BVP_HZ, cut, in_g, people

SECONDS = 8  # of a window
SHIFT_SECONDS = 2  # between two heart rates
ACTIVITY_HZ = 4
ACTIVITIES = {
    1: "sitting",
    2: "stairs",
    3: "table soccer",
    4: "cycling",
    5: "driving",
    6: "lunch",
    7: "walking",
    8: "working",
}


def prepare(files: Files, note: Note) -> Columns:
    """Windows of 8 s, without overlap, of everyone whose pickle is there.

    acc: (n, 3, 256), g. bvp: (n, 512), the device's unit. heart_rate: (n, 1), bpm, from the
    chest's ECG. activity: names. subject: as published (S1). t: seconds since the recording began.
    """
    return stacked(
        [_windows(record, name, who, note) for who, name, record in people(files, note)],
        "PPG-DaLiA",
    )


def _windows(
    record: Mapping[str, Any], name: str, who: str, note: Note
) -> dict[str, npt.NDArray[Any]]:
    """Windows of one person."""
    activity = labels_of(arrays_only.array(record, name, "activity", columns=1)[:, 0])
    heart_rate = arrays_only.array(record, name, "label", columns=1)[:, 0]
    bvp = arrays_only.array(record, name, "signal", "wrist", "BVP", columns=1)[:, 0]
    acc = arrays_only.array(record, name, "signal", "wrist", "ACC", columns=3)
    kept = np.arange(0, len(heart_rate), SECONDS // SHIFT_SECONDS)
    begins = (kept * SHIFT_SECONDS).astype(np.float64)
    ends = min(len(activity) / ACTIVITY_HZ, len(bvp) / BVP_HZ, len(acc) / ACC_HZ)
    whole = begins + SECONDS <= ends
    note("windows after the end of a signal, left out", int((~whole).sum()))
    kept, begins = kept[whole], begins[whole]
    doing = cut(activity, begins, ACTIVITY_HZ, SECONDS)
    first = doing[:, 0]
    single = (doing == doing[:, :1]).all(axis=1)
    note("windows of more than one activity, left out", int((~single).sum()))
    known = np.isin(first, list(ACTIVITIES))
    note(
        "windows of an activity without a name, left out",
        int((single & ~known & (first != 0)).sum()),
    )
    use = single & known
    kept, begins, first = kept[use], begins[use], first[use]
    motion = believed(in_g(acc, name), "acceleration", note)
    pulse = believed(bvp, "ppg", note)
    return {
        "acc": cut(motion, begins, ACC_HZ, SECONDS).transpose(0, 2, 1),
        "bvp": cut(pulse, begins, BVP_HZ, SECONDS),
        "heart_rate": believed(heart_rate[kept, np.newaxis], "heart_rate", note),
        "activity": np.array([ACTIVITIES[int(number)] for number in first], dtype="<U12"),
        "subject": np.full(len(first), who, dtype="<U8"),
        "t": begins,
    }


PPG_DALIA = PublishedSet(
    name="ppg-dalia",
    title="PPG-DaLiA, wrist pulse wave in daily life activities",
    task="activity",
    where="UCI Machine Learning Repository, data set 495, doi:10.24432/C53890",
    licence="CC BY 4.0 at UCI; read the readme inside before any commercial use",
    citation=(
        "Reiss, Indlekofer, Schmidt, Van Laerhoven: Deep PPG: large-scale heart rate estimation "
        "with convolutional neural networks, Sensors 19(14), 3079, 2019, doi:10.3390/s19143079"
    ),
    fetch=(
        "Open data set 495 at archive.ics.uci.edu and press Download (2.9 GB).\n"
        "Unfold the archive; in it lies data.zip (24 GB unfolded): unfold that as well, or name it.\n"
        "The folder PPG_FieldStudy with S1, S2, ... is what is read."
    ),
    archives=(
        Archive(
            "ppg+dalia.zip",
            2_865_111_320,
            "5772387956e34e2e2dc4c2ddbeb98cb70569d5112fa4c13ee98a17680b84a1f3",
            None,
            "several people who fetched it and wrote it down; none was found at UCI",
        ),
    ),
    people=15,
    prepare=prepare,
    study="""\
[data]
source = "npz"
path = "windows.npz"
person = "subject"
label = "activity"
time = "t"
missing = "mask"

[[data.signals]]
array = "acc"              # g
samples = 128

[[data.signals]]
array = "heart_rate"
scale = 0.01               # bpm / 100, so that all channels are about 1
samples = 128
""",
)
