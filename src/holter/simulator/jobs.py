"""What a training process is asked to do for one device, and doing it.

Each device's training depends on its own numbers alone (seed, kind, fold, round, device), so
the same seed gives the same updates whichever process does the work, and however many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holter.learning.client_update import Batches, Learner, LocalTraining, Prepared
from holter.learning.model import Vector
from holter.simulator.dice import generator


@dataclass(frozen=True)
class Job:
    """One kind of training, from one start.

    kind: "update" (all windows), "local" or "fit" (earlier windows). Either steps or epochs.
    """

    kind: str
    seed: int
    fold: int
    round: int
    steps: int | None
    epochs: int | None
    batch: int
    how: LocalTraining

    @property
    def on_all_windows(self) -> bool:
        """Whether the person's whole recording trains, or only the earlier part."""
        return self.kind == "update"


def do(job: Job, learner: Learner, windows: Prepared, start: Vector, device: int) -> Vector:
    """New parameters of one device: shape (d,), float32. Without windows: those of the start."""
    if not len(windows):
        return start.copy()
    dice = generator(job.seed, job.kind, job.fold, job.round, device)
    return learner.train(start, windows, batches(len(windows), job, dice), job.how)


def batches(windows: int, job: Job, dice: np.random.Generator) -> Batches:
    """Rows of each step: shape (steps, batch); every window once before any comes again."""
    batch = min(job.batch, windows)
    per_epoch = -(-windows // batch)
    steps = job.steps if job.steps is not None else per_epoch * (job.epochs or 1)
    orders = [dice.permutation(windows) for _ in range(-(-steps * batch // windows))]
    rows: npt.NDArray[np.int64] = np.concatenate(orders)[: steps * batch]
    return rows.reshape(steps, batch)


def stacked(vectors: Sequence[Vector]) -> bytes:
    """Vectors one behind the other, float32."""
    return b"".join(vector.tobytes() for vector in vectors)
