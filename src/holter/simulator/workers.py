"""Processes that train devices, one thread each, kept for the whole run.

They are started as programs of their own (``worker``), not forked: a fork of a process that
has used torch with several threads, as a notebook has, can hang for ever. Windows go to
them once, through a pipe; after that only parameters travel.
"""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from torch import Tensor

from holter.learning.client_update import Learner, Prepared
from holter.learning.model import Vector
from holter.rounds.study import Study
from holter.signals.windows import InputShape
from holter.simulator import frames
from holter.simulator.jobs import Job, do
from holter.simulator.participants import Participant
from holter.simulator.store import study_text

PATIENCE_SECONDS = 3600.0  # for one round's answers; a process that takes longer is given up


class WorkerDied(RuntimeError):
    """A training process ended by itself, or gave no answer within PATIENCE_SECONDS."""


class Workers:
    """``train`` gives each device's new parameters. Use as a context manager.

    With a count of 1 everything is trained in this process.
    """

    def __init__(self, count: int) -> None:
        command = [sys.executable, "-m", "holter.simulator.worker"]
        self._processes = [
            # A session of its own: Ctrl-C is for the parent, which closes the pipe.
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
            for _ in range(count if count > 1 else 0)
        ]

    def brief(
        self, study: Study, shape: InputShape, learner: Learner, people: Sequence[Participant]
    ) -> None:
        """Tell the processes the study and everyone's windows, before the first ``train``."""
        self._learner, self._people = learner, people
        for number, process in enumerate(self._processes):
            head: dict[str, Any] = {
                "path": sys.path,
                "study": study_text(study).decode(),
                "shape": asdict(shape),
            }
            mine = range(number, len(people), len(self._processes))
            windows = [(p, people[p].whole, people[p].earlier) for p in mine]
            head["people"] = [[p, len(whole), len(earlier)] for p, whole, earlier in windows]
            head["sizes"] = [list(part.shape[1:]) for part in _parts(people[0].whole)]
            body = b"".join(
                part.numpy().tobytes()
                for _, whole, earlier in windows
                for part in (*_parts(whole), *_parts(earlier))
            )
            _send(process, head, body)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.kill() if kind is not None else _stdin(process).close()
        for process in self._processes:
            process.wait(timeout=60)
            if process.stdout is not None:
                process.stdout.close()

    def train(self, job: Job, start: Vector, devices: Sequence[int]) -> Mapping[int, Vector]:
        """New parameters of each device, shape (d,), float32. Raises WorkerDied."""
        if not self._processes:
            return {d: do(job, self._learner, self._windows(job, d), start, d) for d in devices}
        count = len(self._processes)
        shares = [[d for d in devices if d % count == number] for number in range(count)]
        for process, share in zip(self._processes, shares, strict=True):
            _send(process, {"job": asdict(job), "devices": share}, start.tobytes())
        results: dict[int, Vector] = {}
        for process, share in zip(self._processes, shares, strict=True):
            rows = np.frombuffer(_answer(process), dtype=np.float32)
            results.update(zip(share, rows.reshape(len(share), -1) if share else [], strict=True))
        return results

    def measure(self, model: Vector, devices: Sequence[int]) -> Mapping[int, tuple[float, ...]]:
        """``joint.MEASURES`` of the model on each device's own windows, in this process."""
        return {d: self._learner.measures(model, self._people[d].whole) for d in devices}

    def _windows(self, job: Job, device: int) -> Prepared:
        person = self._people[device]
        return person.whole if job.on_all_windows else person.earlier


def _parts(windows: Prepared) -> tuple[Tensor, Tensor, Tensor]:
    return windows.x, windows.extra, windows.y


def _stdin(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin


def _send(process: subprocess.Popen[bytes], head: dict[str, object], body: bytes) -> None:
    try:
        frames.write(_stdin(process), head, body)
    except frames.Closed:
        raise _died(process) from None


def _answer(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE_SECONDS)
    if not ready:
        raise WorkerDied(f"a training process gave no answer in {PATIENCE_SECONDS:.0f} s")
    try:
        return frames.read(process.stdout)[1]
    except frames.Closed:
        raise _died(process) from None


def _died(process: subprocess.Popen[bytes]) -> WorkerDied:
    return WorkerDied(
        f"a training process ended with code {process.wait(timeout=60)} (often: out of memory); "
        "set simulation.workers = 1 to train in this process, and go on with --resume"
    )
