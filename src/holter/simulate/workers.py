"""Processes that train devices, one thread each, kept for the whole run.

A worker inherits everyone's windows when it is forked, so only parameters travel: raw
float32 bytes after a line of JSON, no pickle. The same seed gives the same updates for any
number of workers, because each device's training depends on nothing but its own numbers.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from holter.learning.client_update import Batches, Learner, LocalTraining
from holter.learning.model import Vector
from holter.simulate.dice import generator
from holter.simulate.participants import Participant


@dataclass(frozen=True)
class Job:
    """One kind of training for some devices, from one start.

    kind: "update" (all windows), "local" or "fit" (earlier windows). steps or epochs.
    """

    kind: str
    seed: int
    fold: int
    round: int
    steps: int | None
    epochs: int | None
    batch: int
    how: LocalTraining


class WorkerDied(RuntimeError):
    """A training process ended by itself: out of memory, or ended from outside."""


class Workers:
    """``train`` gives each device's new parameters. Use as a context manager."""

    def __init__(self, learner: Learner, people: Sequence[Participant], count: int) -> None:
        self._learner, self._people = learner, people
        self._pipes: list[Connection] = []
        self._processes: list[Any] = []
        # Forking shares the windows without a copy; where there is no fork, train in place.
        if count > 1 and "fork" in multiprocessing.get_all_start_methods():
            context = multiprocessing.get_context("fork")
            for _ in range(count):
                ours, theirs = context.Pipe()
                process = context.Process(target=self._serve, args=(theirs, ours), daemon=True)
                process.start()
                theirs.close()
                self._pipes.append(ours)
                self._processes.append(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(timeout=10)
            if process.is_alive():
                process.terminate()

    def train(self, job: Job, start: Vector, devices: Sequence[int]) -> Mapping[int, Vector]:
        """New parameters of each device, shape (d,), float32. Raises WorkerDied."""
        if not self._pipes:
            return {device: self._one(job, start, device) for device in devices}
        shares = [list(devices[i :: len(self._pipes)]) for i in range(len(self._pipes))]
        results: dict[int, Vector] = {}
        try:
            for pipe, share in zip(self._pipes, shares, strict=True):
                pipe.send_bytes(_pack(job, share, start))
            for pipe, share in zip(self._pipes, shares, strict=True):
                rows = np.frombuffer(pipe.recv_bytes(), dtype=np.float32)
                vectors = rows.reshape(len(share), len(start)) if share else []
                results.update(zip(share, vectors, strict=True))
        except (EOFError, OSError):
            raise WorkerDied(
                "a training process ended unexpectedly (often: out of memory); "
                "lower simulation.workers and resume"
            ) from None
        return results

    def _serve(self, pipe: Connection, parents: Connection) -> None:
        parents.close()
        # Ctrl-C reaches the whole group of processes; the parent decides what to do with it.
        import signal

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            try:
                job, devices, start = _unpack(pipe.recv_bytes())
            except (EOFError, OSError):
                os._exit(0)
            vectors = [self._one(job, start, device) for device in devices]
            pipe.send_bytes(b"".join(vector.tobytes() for vector in vectors))

    def _one(self, job: Job, start: Vector, device: int) -> Vector:
        person = self._people[device]
        windows = person.whole if job.kind == "update" else person.earlier
        if not len(windows):
            return start.copy()
        dice = generator(job.seed, job.kind, job.fold, job.round, device)
        chosen = batches(len(windows), job, dice)
        return self._learner.train(start, windows, chosen, job.how)


def batches(windows: int, job: Job, dice: np.random.Generator) -> Batches:
    """Rows of each step: shape (steps, batch); every window once before any comes again."""
    batch = min(job.batch, windows)
    per_epoch = -(-windows // batch)
    steps = job.steps if job.steps is not None else per_epoch * (job.epochs or 1)
    orders = [dice.permutation(windows) for _ in range(-(-steps * batch // windows))]
    rows: npt.NDArray[np.int64] = np.concatenate(orders)[: steps * batch]
    return rows.reshape(steps, batch)


def _pack(job: Job, devices: Sequence[int], start: Vector) -> bytes:
    fields = {**vars(job), "how": vars(job.how), "devices": list(devices)}
    return json.dumps(fields).encode() + b"\n" + start.tobytes()


def _unpack(data: bytes) -> tuple[Job, list[int], Vector]:
    head, _, body = data.partition(b"\n")
    fields = json.loads(head)
    devices = fields.pop("devices")
    how = LocalTraining(**fields.pop("how"))
    return Job(**fields, how=how), devices, np.frombuffer(body, dtype=np.float32)
