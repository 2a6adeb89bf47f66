"""The server's step: the mean update of a round moves the global model. Numpy alone.

Source: Reddi et al. 2021, "Adaptive Federated Optimization", Algorithm 2 (FedAvgM, FedAdam);
averaging is momentum 0 and step 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]
Wide = npt.NDArray[np.float64]

_ADAM_BETA2, _ADAM_SMALL = 0.99, 1e-3  # of FedAdam, Reddi et al. 2021 section 5


@dataclass(frozen=True)
class ServerOptimizer:
    """Which rule: "average", "momentum" or "adam", with its step and momentum."""

    name: str
    learning_rate: float
    momentum: float


@dataclass(frozen=True)
class ServerState:
    """What the rule remembers between rounds: shape (d,) each, float64, and the step's number."""

    first: Wide
    second: Wide
    steps: int


def fresh(size: int) -> ServerState:
    """Before the first round."""
    return ServerState(np.zeros(size), np.zeros(size), 0)


def step(
    rule: ServerOptimizer, state: ServerState, parameters: Vector, mean: Wide
) -> tuple[ServerState, Vector]:
    """The next state and model. mean: shape (d,), new minus old, averaged over survivors."""
    steps = state.steps + 1
    if rule.name == "average":
        move = mean
        following = ServerState(state.first, state.second, steps)
    elif rule.name == "momentum":
        move = rule.momentum * state.first + mean
        following = ServerState(move, state.second, steps)
    elif rule.name == "adam":
        first = rule.momentum * state.first + (1 - rule.momentum) * mean
        second = _ADAM_BETA2 * state.second + (1 - _ADAM_BETA2) * mean**2
        move = first / (np.sqrt(second) + _ADAM_SMALL)
        following = ServerState(first, second, steps)
    else:
        raise ValueError(f"no server optimizer is called {rule.name!r}")
    moved: Vector = (parameters + rule.learning_rate * move).astype(np.float32)
    return following, moved
