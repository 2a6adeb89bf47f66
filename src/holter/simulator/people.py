"""The people of a study: read from a file where it lies, or synthetic ones made here.

The only place of the simulator that opens recordings. They are read, never copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from holter.rounds.study import Study
from holter.rounds.tables import DataTable, StudyError
from holter.signals import prepare, readers
from holter.signals.inputs import Inputs
from holter.signals.prepare import Mapped, Recorded, Signal
from holter.signals.readers import DataError
from holter.simulator.wearers import SYNTHETIC_TASKS, wearer


@dataclass(frozen=True)
class People:
    """Everyone of a study, in a fixed order, and what their windows are labelled with."""

    recorded: tuple[Recorded, ...]
    classes: tuple[str, ...]
    synthetic: bool


def load(study: Study, data_root: Path, file: Path | None = None) -> People:
    """The study's people; with ``file`` those of another file of the same layout.

    Raises DataError or StudyError.
    """
    data = study.data
    if data.source == "synthetic" and file is None:
        return _synthetic(study)
    if data.source == "synthetic":
        raise StudyError(
            "this study is on synthetic people and says nothing of a file's layout; "
            "evaluate a run whose [data] names a file"
        )
    path = file if file is not None else data_root / str(data.path)
    try:
        with path.open("rb") as stream:
            columns = readers.read(data.source, stream)
    except FileNotFoundError:
        raise DataError(
            f"there is no file {path}; name the data root with --data or HOLTER_DATA"
        ) from None
    except (IsADirectoryError, PermissionError) as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    recorded, classes = prepare.people(columns, _mapped(data))
    return People(tuple(recorded), classes, synthetic=False)


def inputs_of(data: DataTable) -> Inputs:
    """How windows are scaled and enriched on the device."""
    return Inputs(data.normalise, data.missing, data.extra, data.context)


def _mapped(data: DataTable) -> Mapped:
    return Mapped(
        signals=tuple(
            Signal(s.array, s.kind, s.channels, s.scale, s.offset, s.samples, s.pool)
            for s in data.signals
        ),
        columns=data.columns,
        person=data.person,
        label=data.label,
        label_names=data.label_names,
        time=data.time,
        labels=data.labels,
        leave_out=data.leave_out,
        leave_out_people=data.leave_out_people,
        missing=data.missing,
        missing_values=data.missing_values,
        rr=data.rr if "rr-ratios" in data.extra else None,
    )


def _synthetic(study: Study) -> People:
    task = SYNTHETIC_TASKS.get(study.study.task)
    if task is None:
        raise StudyError(
            f"no synthetic people do the task {study.study.task!r}; "
            "it is one of: " + ", ".join(SYNTHETIC_TASKS)
        )
    data, recorded = study.data, []
    for index in range(data.people):
        person = wearer(task.name, seed=study.study.seed, index=index, windows=data.windows)
        windows = person.examples
        seconds = np.arange(len(windows), dtype=np.float64)
        recorded.append(Recorded(windows.x, windows.y, seconds, None, windows.extra, person.strata))
    return People(tuple(recorded), task.classes, synthetic=True)
