"""Training on one device: parameters and a person's windows in, new parameters out.

The optimiser's state is fresh each time, so nothing but the model passes between rounds.
All parameters live in one flat buffer and all gradients in another; a step is then a
handful of operations however many layers there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from holter.learning.model import Vector, prepare
from holter.signals.windows import Examples

Batches = npt.NDArray[np.int64]
"""Rows of the person's windows for each step: shape (steps, batch)."""

_MOMENTUM = 0.9
_ADAM = (0.9, 0.99, 1e-8)  # betas and epsilon; the shorter memory suits a few dozen steps


@dataclass(frozen=True)
class LocalTraining:
    """How a device trains: "sgd", "momentum" or "adam", its rate, weights, smoothing of labels."""

    optimiser: str
    learning_rate: float
    class_weights: float
    label_smoothing: float


@dataclass(frozen=True)
class Prepared:
    """A person's windows as the model takes them; features that are fixed are computed once."""

    x: Tensor
    extra: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: npt.NDArray[np.int64]) -> Prepared:
        """The chosen windows."""
        index = torch.from_numpy(rows)
        return Prepared(self.x[index], self.extra[index], self.y[index])


_GATHERED = 4096  # windows copied out at once: one gather for many steps, and bounded memory


def _steps(windows: Prepared, batches: Batches) -> Iterator[Prepared]:
    """The windows of each step. Many steps are gathered at once, which is what costs."""
    size = batches.shape[1]
    for start in range(0, len(batches), max(1, _GATHERED // size)):
        rows = batches[start : start + max(1, _GATHERED // size)]
        several = windows.take(rows.reshape(-1))
        for first in range(0, rows.size, size):
            last = first + size
            yield Prepared(several.x[first:last], several.extra[first:last], several.y[first:last])


def _groups(people: Iterable[Examples]) -> Iterator[list[Examples]]:
    """People in groups of about _GATHERED windows, in their order."""
    group: list[Examples] = []
    for one in people:
        group.append(one)
        if sum(map(len, group)) >= _GATHERED:
            yield group
            group = []
    if group:
        yield group


class Learner:
    """A module with flat parameters and gradients. One at a time trains; not thread-safe."""

    def __init__(self, module: nn.Module, classes: int) -> None:
        self._module = module
        self._classes = classes
        trained = [p for p in module.parameters() if p.requires_grad]
        self._flat = torch.cat([p.detach().reshape(-1) for p in trained]).clone()
        self._gradient = torch.zeros_like(self._flat)
        start = 0
        for parameter in trained:
            end = start + parameter.numel()
            parameter.data = self._flat[start:end].view(parameter.shape)
            parameter.grad = self._gradient[start:end].view(parameter.shape)
            start = end

    def prepared(self, examples: Examples) -> Prepared:
        """Examples -> tensors the model takes."""
        return self.prepared_all([examples])[0]

    def prepared_all(self, people: Iterable[Examples]) -> list[Prepared]:
        """Examples -> tensors the model takes, person by person, computed many at a time."""
        found: list[Prepared] = []
        for group in _groups(people):
            x, extra = prepare(
                self._module,
                torch.from_numpy(np.concatenate([one.x for one in group])),
                torch.from_numpy(np.concatenate([one.extra for one in group])),
            )
            y = torch.from_numpy(np.concatenate([one.y for one in group]))
            sizes = [len(one) for one in group]
            parts = [torch.split(tensor, sizes) for tensor in (x, extra, y)]
            found += [Prepared(*tensors) for tensors in zip(*parts, strict=True)]
        return found

    def train(
        self, start: Vector, windows: Prepared, batches: Batches, how: LocalTraining
    ) -> Vector:
        """Parameters after ``len(batches)`` steps from ``start``: shape (d,), float32, a copy.

        The result is the same on every machine with the same torch and one thread.
        """
        self._module.train()
        self._flat.numpy()[:] = start
        weight = self._weights(windows.y, how.class_weights)
        first = torch.zeros_like(self._flat)
        second = torch.zeros_like(self._flat)
        for number, step in enumerate(_steps(windows, batches), start=1):
            self._gradient.zero_()
            loss = nn.functional.cross_entropy(
                self._module(step.x, step.extra),
                step.y,
                weight=weight,
                label_smoothing=how.label_smoothing,
            )
            loss.backward()  # type: ignore[no-untyped-call]
            with torch.no_grad():
                if how.optimiser == "sgd":
                    self._flat.add_(self._gradient, alpha=-how.learning_rate)
                elif how.optimiser == "momentum":
                    first.mul_(_MOMENTUM).add_(self._gradient)
                    self._flat.add_(first, alpha=-how.learning_rate)
                elif how.optimiser == "adam":
                    self._adam(first, second, number, how.learning_rate)
                else:
                    raise ValueError(f"no optimiser is called {how.optimiser!r}")
        result: Vector = self._flat.numpy().copy()
        return result

    def _adam(self, first: Tensor, second: Tensor, number: int, learning_rate: float) -> None:
        """One step of Adam (Kingma and Ba 2015) on the flat buffers."""
        beta1, beta2, small = _ADAM
        first.lerp_(self._gradient, 1 - beta1)
        second.mul_(beta2).addcmul_(self._gradient, self._gradient, value=1 - beta2)
        scale = (1 - beta2**number) ** 0.5
        step = learning_rate * scale / (1 - beta1**number)
        self._flat.addcdiv_(first, second.sqrt().add_(small * scale), value=-step)

    def _weights(self, y: Tensor, power: float) -> Tensor | None:
        """Frequency of a class on this device to minus ``power``, mean 1 over its windows."""
        if power == 0:
            return None
        counts = torch.bincount(y, minlength=self._classes).double()
        weight = torch.where(counts > 0, counts.clamp(min=1) ** -power, 0.0)
        return (weight * counts.sum() / (weight * counts).sum()).float()

    def measures(self, parameters: Vector, windows: Prepared) -> tuple[float, float]:
        """(accuracy, loss) of the model with these parameters, each from 0 to 1; (0, 1) without
        windows. The loss is the mean cross-entropy in units of twice that of guessing, at most 1.
        """
        if not len(windows):
            return 0.0, 1.0
        logits = torch.from_numpy(self.logits(parameters, windows))
        right = (logits.argmax(dim=1) == windows.y).double().mean().item()
        loss = nn.functional.cross_entropy(logits, windows.y).item()
        return right, min(loss / (2 * math.log(self._classes)), 1.0)

    def logits(self, parameters: Vector, windows: Prepared) -> npt.NDArray[np.float32]:
        """Answers of the model with these parameters: shape (n, classes), float32."""
        self._module.eval()
        self._flat.numpy()[:] = parameters
        with torch.no_grad():
            result: npt.NDArray[np.float32] = self._module(windows.x, windows.extra).numpy().copy()
        return result
