"""The server's step, against the formulas of Reddi et al. 2021, Algorithm 2."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holter.learning.server_optimizer import ServerOptimizer, fresh, step

START = np.array([1.0, -2.0, 0.5], dtype=np.float32)
MEANS = [np.array(m) for m in ([0.5, 0.25, -1.0], [0.5, -0.25, 0.0], [-1.0, 0.0, 2.0])]


def _run(rule: ServerOptimizer) -> list[np.ndarray]:
    state, parameters, seen = fresh(3), START, []
    for mean in MEANS:
        state, parameters = step(rule, state, parameters, mean)
        seen.append(parameters)
    assert state.steps == len(MEANS)
    return seen


@pytest.mark.parametrize("learning_rate", [1.0, 0.5])
def test_averaging_adds_the_mean_update(learning_rate: float) -> None:
    expected = START.astype(float)
    for seen, mean in zip(_run(ServerOptimizer("average", learning_rate, 0.9)), MEANS, strict=True):
        expected = expected + learning_rate * mean
        assert seen.dtype == np.float32
        assert seen == pytest.approx(expected, abs=1e-6)


def test_averaging_with_step_one_is_the_mean_of_the_clients_models() -> None:
    clients = np.array([[2.0, 0.0, 1.0], [0.0, -1.0, 3.0]], dtype=np.float32)
    mean = (clients - START).astype(float).mean(axis=0)
    _, moved = step(ServerOptimizer("average", 1.0, 0.0), fresh(3), START, mean)
    assert moved == pytest.approx(clients.mean(axis=0))


def test_momentum_adds_up_what_went_before() -> None:
    expected, velocity = START.astype(float), np.zeros(3)
    for seen, mean in zip(_run(ServerOptimizer("momentum", 0.5, 0.9)), MEANS, strict=True):
        velocity = 0.9 * velocity + mean
        expected = expected + 0.5 * velocity
        assert seen == pytest.approx(expected, abs=1e-6)


def test_adam_divides_by_the_root_of_the_mean_square_without_bias_correction() -> None:
    expected, first, second = START.astype(float), np.zeros(3), np.zeros(3)
    for seen, mean in zip(_run(ServerOptimizer("adam", 0.01, 0.9)), MEANS, strict=True):
        first = 0.9 * first + 0.1 * mean
        second = 0.99 * second + 0.01 * mean * mean
        expected = expected + 0.01 * first / (np.sqrt(second) + 1e-3)
        assert seen == pytest.approx(expected, abs=1e-6)


@given(st.lists(st.floats(-10, 10), min_size=3, max_size=3))
def test_momentum_nought_and_step_one_is_averaging_to_the_last_bit(mean: list[float]) -> None:
    update = np.array(mean)
    _, averaged = step(ServerOptimizer("average", 1.0, 0.0), fresh(3), START, update)
    _, moved = step(ServerOptimizer("momentum", 1.0, 0.0), fresh(3), START, update)
    assert averaged.tobytes() == moved.tobytes()


@pytest.mark.parametrize("name", ["average", "momentum", "adam"])
def test_a_mean_of_nothing_moves_nothing_at_first(name: str) -> None:
    _, moved = step(ServerOptimizer(name, 1.0, 0.9), fresh(3), START, np.zeros(3))
    assert moved.tobytes() == START.tobytes()


@pytest.mark.parametrize("name", ["average", "momentum", "adam"])
def test_a_step_changes_neither_the_old_state_nor_the_old_model(name: str) -> None:
    rule = ServerOptimizer(name, 0.5, 0.9)
    state, parameters = step(rule, fresh(3), START, MEANS[0])
    kept = (state.first.tobytes(), state.second.tobytes(), state.steps, parameters.tobytes())
    once = step(rule, state, parameters, MEANS[1])[1]
    again = step(rule, state, parameters, MEANS[1])[1]
    assert once.tobytes() == again.tobytes()
    assert kept == (
        state.first.tobytes(),
        state.second.tobytes(),
        state.steps,
        parameters.tobytes(),
    )


def test_a_rule_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError):
        step(ServerOptimizer("momentun", 1.0, 0.9), fresh(3), START, MEANS[0])
