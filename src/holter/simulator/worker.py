"""The training process: reads its people once, then trains whoever it is told. See ``workers``.

Run as ``python -m holter.simulator.worker`` by the simulator only. It ends when its input ends,
so it never outlives a simulator that was killed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from holter.learning.client_update import Learner, LocalTraining, Prepared
from holter.rounds.study import Study
from holter.signals.windows import InputShape
from holter.simulator import frames
from holter.simulator.jobs import Job, do, stacked
from holter.simulator.participants import module_of


def main() -> None:
    """Serve until the input ends."""
    torch.set_num_threads(1)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever a user's model prints must not reach the frames
    try:
        head, body = frames.read(requests)
        sys.path[:] = head["path"]
        study, shape = Study.parse(head["study"]), InputShape(**head["shape"])
        learner = Learner(module_of(study, shape), shape.classes)
        people = dict(_people(head, body))
        while True:
            head, body = frames.read(requests)
            how = LocalTraining(**head["job"].pop("how"))
            job = Job(**head["job"], how=how)
            start = np.frombuffer(body, dtype=np.float32)
            vectors = []
            for device in head["devices"]:
                whole, earlier = people[device]
                windows = whole if job.on_all_windows else earlier
                vectors.append(do(job, learner, windows, start, device))
            frames.write(answers, {}, stacked(vectors))
    except frames.Closed:
        return


def _people(head: dict[str, Any], body: bytes) -> Iterator[tuple[int, tuple[Prepared, Prepared]]]:
    """Person -> (whole, earlier), in the order in which ``workers`` wrote them."""
    position = 0

    def take(count: int) -> Prepared:
        nonlocal position
        parts = []
        for size, kind in zip(head["sizes"], (np.float32, np.float32, np.int64), strict=True):
            length = count * int(np.prod(size, dtype=np.int64))
            array = np.frombuffer(body, dtype=kind, count=length, offset=position).copy()
            parts.append(torch.from_numpy(array.reshape(count, *size)))
            position += array.nbytes
        return Prepared(*parts)

    for person, whole, earlier in head["people"]:
        yield person, (take(whole), take(earlier))


if __name__ == "__main__":
    main()
