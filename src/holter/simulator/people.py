"""The people of a study: synthetic ones made here, or windows and recordings of real ones.

    synthetic   -> wearers, and the task's own cut
    npz, csv .. -> columns -> prepare: windows that come ready-made
    recordings  -> a reader that the caller brings -> the task's cut, person by person

Files of windows are read where they lie, never copied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from holter.rounds.study import Study
from holter.rounds.tables import DataTable, StudyError
from holter.signals import columns as stored
from holter.signals import prepare
from holter.signals.errors import DataError
from holter.signals.inputs import Inputs
from holter.signals.prepare import Mapped, Recorded, Signal
from holter.signals.recording import SECOND_NS, Recording
from holter.signals.splits import random_windows_that_leak
from holter.signals.tasks import Task, task_of
from holter.simulator.dice import generator
from holter.simulator.wearers import Knobs, recorded_wearer

_TWICE = "windows at a time that another recording of the person covers"
_SLACK_NS = 1000  # windows that follow one another may be rounded to begin this much early

ReadRecordings = Callable[[Path, DataTable, Path], Iterable[tuple[str, Recording]]]
"""(folder, the study's words, data root) -> (person, recording), several of one person allowed."""


@dataclass(frozen=True)
class People:
    """Everyone of a study, in a fixed order, and what their windows are labelled with.

    left_out: why, with counts: recordings that could not be cut for the task, and windows at a
    time that another recording of the person covers. without_windows: people of whom none is left.
    """

    recorded: tuple[Recorded, ...]
    classes: tuple[str, ...]
    synthetic: bool
    left_out: tuple[tuple[str, int], ...] = ()
    without_windows: int = 0


def load(
    study: Study,
    data_root: Path,
    file: Path | None = None,
    read_recordings: ReadRecordings | None = None,
) -> People:
    """The study's people; with ``file`` those of another file of the same layout.

    A study on synthetic people has no layout: its ``file`` is recordings that its task cuts, so
    that what was learnt from people who do not exist can be tested on people who do.

    read_recordings: opens exports and stores, for data.source = "recordings".
    Raises DataError or StudyError.
    """
    data = study.data
    if data.source == "synthetic" and file is None:
        return _synthetic(study)
    path = file if file is not None else data_root / str(data.path)
    if data.source in ("recordings", "synthetic"):
        if read_recordings is None:
            raise StudyError(
                'data.source = "recordings" needs a reader of recordings: run the study with '
                "holter.simulate"
            )
        return _cut(study, read_recordings(path, data, data_root), least=2 if file is None else 1)
    try:
        with path.open("rb") as stream:
            columns = stored.read(data.source, stream)
    except FileNotFoundError:
        raise DataError(
            f"there is no file {path}; name the data root with --data or HOLTER_DATA"
        ) from None
    except (IsADirectoryError, PermissionError) as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    recorded, classes = prepare.people(columns, _mapped(data))
    return People(tuple(recorded), classes, synthetic=False)


def leaking(people: People, share: float, seed: int) -> People:
    """Everyone twice, as two halves of their windows at random: those to train on, then the tests.

    For ``evaluation.split = "random-windows-that-leak"`` and nothing else. Who has too few windows
    for a second half is trained on only. Raises DataError where that is everyone.
    """
    trained, tested = [], []
    for number, person in enumerate(people.recorded):
        order = generator(seed, "leak", number).permutation(len(person.y))
        train, test = random_windows_that_leak(order, share)
        trained.append(person.take(train))
        if len(test):
            tested.append(person.take(test))
    if not tested:
        raise DataError(
            f"nobody has enough windows to test on {share:.0%} of them: raise evaluation.share"
        )
    return replace(people, recorded=(*trained, *tested))


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
    """The words about a file's labels do not apply: synthetic people have the task's classes."""
    task, data = task_of(study.study.task), study.data
    knobs = Knobs(data.label_skew, data.device_shift, data.label_noise)
    recorded = []
    for index in range(data.people):
        person = recorded_wearer(
            task, seed=study.study.seed, index=index, windows=data.windows, knobs=knobs
        )
        if data.missing == "error":  # their devices lose samples as real ones do
            person = person.take(np.flatnonzero(~np.isnan(person.x).any(axis=(1, 2))))
        if len(person.y):
            recorded.append(person)
    gone = data.people - len(recorded)
    return People(tuple(recorded), task.classes, synthetic=True, without_windows=gone)


def _cut(study: Study, found: Iterable[tuple[str, Recording]], *, least: int) -> People:
    """Every person's recordings, cut by the task and joined; who has no window is counted.

    least: people there must be, 1 where others than the study's are tested.
    """
    task, data = task_of(study.study.task), study.data
    absent = {str(name) for name in data.leave_out_people}
    mine: dict[str, list[Recorded]] = {}
    reasons: dict[str, int] = {}
    synthetic = False
    for person, recording in found:
        if person in absent:
            continue
        why = _cut_one(task, recording, mine.setdefault(person, []))
        if why is not None:
            reasons[why] = reasons.get(why, 0) + 1
        synthetic |= recording.source.startswith("synthetic")
    people = []
    for name, parts in sorted(mine.items()):
        if parts:
            joined, twice = _joined(name, parts, task)
            people.append(joined)
            if twice:
                reasons[_TWICE] = reasons.get(_TWICE, 0) + twice
    if len(people) < least:
        why = "; ".join(f"{reason} ({count})" for reason, count in sorted(reasons.items()))
        raise DataError(
            f"the task {task.name} finds windows of {len(people)} people in these recordings, and "
            f"needs {least} or more{': ' + why if why else ''}"
        )
    recorded, classes = people, task.classes
    if data.source == "recordings":  # else the words are about a file of windows
        recorded, classes = prepare.regrouped(
            people, task.classes, data.labels, data.leave_out, one_class=least == 1
        )
    if len(recorded) < least:
        raise DataError(
            f"data.leave_out leaves windows of {len(recorded)} people, and {least} or more are needed"
        )
    if data.missing == "error" and any(np.isnan(person.x).any() for person in recorded):
        raise DataError("windows have gaps: set data.missing to person-mean or mask")
    left_out, gone = tuple(sorted(reasons.items())), len(mine) - len(recorded)
    return People(tuple(recorded), classes, synthetic, left_out, gone)


def _cut_one(task: Task, recording: Recording, into: list[Recorded]) -> str | None:
    """Add the windows of one recording; why there are none, or None."""
    why = task.why_not(recording)
    if why is not None:
        return why
    try:
        into.append(task.cut(recording))
    except DataError as error:
        return str(error)
    return None


def _joined(name: str, parts: Sequence[Recorded], task: Task) -> tuple[Recorded, int]:
    """One person's windows of several recordings in order of time, and how many are left out.

    A watch and a ring of one night record the same minutes. A moment belongs to the fullest
    recording that has it, for a minute that was both trained and tested on would leak. Raises
    DataError where a task of the user's own does not say when its windows begin.
    """
    if len(parts) == 1:
        return replace(parts[0], name=name), 0
    if not all(part.begin_ns for part in parts):
        raise DataError(
            f"the task {task.name} does not say when the windows of a recording begin, so several "
            "recordings of a person cannot be joined: let cut end in holter.signals.tasks.cutting"
            ".recorded"
        )
    apart = round(task.window_seconds * SECOND_NS) - _SLACK_NS
    taken = np.zeros(0, dtype=np.int64)
    kept, twice = [], 0
    for part in sorted(parts, key=_fullest_first):
        at_ns = part.begin_ns + np.rint(part.seconds * SECOND_NS).astype(np.int64)
        # Near: as many moments are taken up to `apart` after a window as up to `apart` before it.
        before, after = np.searchsorted(taken, [at_ns - apart, at_ns + apart], side="right")
        rows = np.flatnonzero(before == after)
        twice += len(at_ns) - len(rows)
        taken = np.sort(np.concatenate([taken, at_ns[rows]]))
        kept.append((at_ns[rows], part.take(rows)))
    at_ns = np.concatenate([moments for moments, _ in kept])
    order = np.argsort(at_ns, kind="stable")
    first = int(at_ns[order[0]])
    windows = [part for _, part in kept]
    rr = [part.rr for part in windows if part.rr is not None]
    everything = Recorded(
        np.concatenate([part.x for part in windows]),
        np.concatenate([part.y for part in windows]),
        (at_ns - first) / SECOND_NS,
        np.concatenate(rr) if len(rr) == len(windows) else None,
        np.concatenate([part.given for part in windows]),
        name=name,
        begin_ns=first,
    )
    return everything.take(order), twice


def _fullest_first(part: Recorded) -> tuple[int, int, bytes]:
    """Most windows, then earliest; the digest only so that the order of reading never matters."""
    content = hashlib.sha256(np.ascontiguousarray(part.x).data)
    content.update(np.ascontiguousarray(part.y).data)
    return -len(part.y), part.begin_ns, content.digest()
