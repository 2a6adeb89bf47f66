"""Canaries, inversion and membership: what they find where there is something, and where not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from holter.audit.canaries import canary_game, one_shot
from holter.audit.inversion import finding, inversion
from holter.audit.membership import Losses, advantage_ceiling, membership
from holter.audit.pipe import Pipe
from holter.audit.zero_rounds import collect
from holter.rounds import pipeline
from tests.audit.conftest import PlanOf, seeded


@pytest.mark.parametrize(
    "overrides",
    [(), ("privacy.mode=central", 'aggregation.protocol="secagg"', "cohort.min_separation=3")],
)
def test_canaries_find_most_of_the_claimed_epsilon_and_not_more(
    plan_of: PlanOf, overrides: tuple[str, ...]
) -> None:
    pipe = Pipe(plan_of("privacy.noise_multiplier=1", *overrides, parameters=5000))
    noise = collect(pipe, source_of=seeded(2), rounds=8, survivors=pipe.floor)
    game = canary_game(pipe, noise, source_of=seeded(3))
    assert game.passed and game.numbers["games"] == 40_000
    assert game.claim is not None and game.bound is not None
    assert 0.85 * game.claim < game.bound <= game.claim
    assert 0 < game.numbers["epsilon_any_mechanism"] < game.claim
    guess = one_shot(pipe, noise, source_of=seeded(4))
    assert guess.passed and "estimate, not a bound" in guess.what
    if not overrides:  # else one row alone holds a part of a participation
        assert guess.bound == pytest.approx(game.claim, rel=0.35)


def test_a_canary_is_judged_by_the_price_of_one_participation(plan_of: PlanOf) -> None:
    plan = plan_of()
    pipe = Pipe(plan)
    assert pipe.rho == plan.rho_per_participation
    noise = collect(pipe, source_of=seeded(2), rounds=2, survivors=pipe.floor)
    found = canary_game(pipe, noise, source_of=seeded(3))
    assert found.numbers["mu_claimed"] == math.sqrt(2 * plan.rho_per_participation)


def test_a_raw_update_gives_its_window_away_and_the_noised_sum_what_guesses_do() -> None:
    result = inversion(pipeline.contribution, source_of=seeded(5))
    raw, summed, noised = result.arms
    assert raw.cosine > 0.999
    assert 0.25 < summed.cosine < 0.95 and summed.cosine > result.mean_cosine_of_sum
    assert noised.cosine < 0.3 and result.random_cosine < 0.3
    assert finding(result).passed
    for arm in result.arms:
        assert np.linalg.norm(arm.window) == pytest.approx(1)
        assert np.dot(arm.window, result.window) == pytest.approx(arm.cosine)


def test_a_sum_with_hardly_any_noise_gives_windows_away() -> None:
    leaky = inversion(pipeline.contribution, source_of=seeded(5), noise_multiplier=0.002)
    assert not finding(leaky).passed


def test_membership_compares_the_advantage_with_what_is_allowed() -> None:
    dice = np.random.default_rng(6)
    alike = Losses(dice.normal(size=300), dice.normal(size=300))
    found = membership(alike, epsilon=1.0, delta=1e-6)
    assert found.passed and "smoke test" in found.what
    assert found.numbers["auc_low"] < 0.5 < found.numbers["auc_high"]
    leaking = Losses(dice.normal(-3, 1, size=300), dice.normal(size=300))
    assert not membership(leaking, epsilon=1.0, delta=1e-6).passed
    assert membership(leaking, epsilon=12.0, delta=1e-6).passed  # weak, but allowed
    assert membership(leaking, epsilon=1.0, delta=1e-6).numbers["auc"] > 0.95


def test_equal_losses_tell_nothing_and_missing_ones_are_refused() -> None:
    same = Losses(np.ones(5), np.ones(7))
    found = membership(same, epsilon=1.0, delta=1e-6)
    assert found.numbers["auc"] == 0.5 and found.bound == 0
    with pytest.raises(ValueError, match="each person"):
        Losses(np.ones(0), np.ones(3))
    with pytest.raises(ValueError, match="each person"):
        Losses(np.array([np.nan]), np.ones(3))


def test_intervals_of_membership_hold_the_truth_as_often_as_they_say() -> None:
    dice = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        losses = Losses(dice.normal(-1, 1, size=60), dice.normal(0, 1, size=40))
        numbers = membership(losses, epsilon=1.0, delta=1e-6).numbers
        auc = 0.76025  # Phi(1 / sqrt 2)
        held += numbers["auc_low"] <= auc <= numbers["auc_high"]
        assert numbers["advantage_low"] <= 0.38292 <= numbers["advantage_high"]
    assert held >= 0.95 * 400


def test_the_ceiling_of_an_advantage_grows_from_delta_to_one() -> None:
    assert advantage_ceiling(0.0, 1e-3) == pytest.approx(1e-3)
    assert advantage_ceiling(math.log(3), 0.0) == pytest.approx(0.5)
    assert advantage_ceiling(1e9, 1e-6) == 1
