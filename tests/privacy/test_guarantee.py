"""What can be promised, in full or not at all."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holter.privacy.guarantee import (
    ADJACENCY,
    ADVERSARY,
    EXACT,
    RENYI,
    UNIT,
    Guarantee,
    NoGuarantee,
    advantage,
)

SOUND = Guarantee(
    epsilon=4.0,
    method=RENYI,
    epsilon_exact=3.7,
    epsilon_renyi=4.0,
    delta=1e-6,
    rho=0.31,
    unit=UNIT,
    adjacency=ADJACENCY,
    adversary=ADVERSARY,
    assumptions=("at least 75 of 80 survivors are honest",),
)


@pytest.mark.parametrize("field", ["unit", "adjacency", "adversary"])
def test_a_guarantee_cannot_be_built_without_saying_for_whom_and_against_whom(field: str) -> None:
    with pytest.raises(ValueError, match="names its unit, adjacency, adversary and assumptions"):
        replace(SOUND, **{field: ""})


def test_a_guarantee_cannot_be_built_without_assumptions() -> None:
    with pytest.raises(ValueError, match="assumptions"):
        replace(SOUND, assumptions=())


def test_no_field_of_a_guarantee_has_a_default() -> None:
    with pytest.raises(TypeError, match="adversary"):
        Guarantee(4.0, RENYI, 3.7, 4.0, 1e-6, 0.31, UNIT, ADJACENCY)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "changed",
    [
        {"epsilon": 0.0},
        {"epsilon": -1.0},
        {"epsilon": math.nan},
        {"delta": 0.0},
        {"delta": 1.0},
        {"delta": -1e-6},
        {"delta": math.nan},
    ],
)
def test_an_epsilon_or_delta_that_means_nothing_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="epsilon must be above 0 and delta between 0 and 1"):
        replace(SOUND, **changed)


@pytest.mark.parametrize(
    "changed", [{"epsilon_exact": 4.1}, {"epsilon_exact": -1.0}, {"rho": -1.0}, {"rho": math.nan}]
)
def test_an_exact_epsilon_above_the_reported_one_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        replace(SOUND, **changed)


def test_the_reported_number_is_the_one_that_its_method_gives() -> None:
    assert replace(SOUND, epsilon=3.7, method=EXACT).epsilon == 3.7
    for changed in ({"method": EXACT}, {"epsilon": 3.7}, {"method": "a wish"}):
        with pytest.raises(ValueError, match="method"):
            replace(SOUND, **changed)  # type: ignore[arg-type]


def test_a_guarantee_cannot_be_changed_afterwards() -> None:
    with pytest.raises(FrozenInstanceError):
        SOUND.epsilon = 1.0  # type: ignore[misc]


def test_the_paragraph_names_everything_that_the_number_rests_on() -> None:
    words = SOUND.in_words()
    for part in ("4.00", "1e-06", UNIT, ADJACENCY, ADVERSARY, "98.20%", "No amplification"):
        assert part in words


def test_a_simulation_has_no_guarantee_by_type() -> None:
    simulated = NoGuarantee("nobody in this run exists", would_be=SOUND)
    assert not isinstance(simulated, Guarantee)
    assert not hasattr(simulated, "epsilon")
    assert simulated.would_be is SOUND


@given(st.floats(0, 2000), st.floats(0, 1))
def test_a_guess_is_right_between_half_of_the_time_and_always(epsilon: float, delta: float) -> None:
    assert 0.5 <= advantage(epsilon, delta) <= 1.0


@given(st.floats(0, 30), st.floats(0, 0.1), st.floats(0, 5))
def test_a_larger_epsilon_never_makes_guessing_harder(
    epsilon: float, delta: float, more: float
) -> None:
    assert advantage(epsilon, delta) <= advantage(epsilon + more, delta)


@given(st.floats(0, 30), st.floats(0, 0.1))
def test_the_chance_covers_the_best_guess_that_the_definition_allows(
    epsilon: float, delta: float
) -> None:
    """From P <= e^eps Q + delta both ways: best guess (e^eps + delta) / (1 + e^eps)."""
    best = (math.exp(epsilon) + delta) / (1 + math.exp(epsilon))
    assert advantage(epsilon, delta) >= best - 1e-15


def test_without_any_leak_a_guess_is_a_coin_and_with_a_huge_epsilon_it_is_certain() -> None:
    assert advantage(0.0, 0.0) == 0.5
    assert advantage(1e9, 1e-6) == 1.0
