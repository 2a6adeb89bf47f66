"""Lower bounds that are below the truth, and close to it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtr

from holter.audit.estimators import (
    correlation_tail,
    epsilon_lower_bound,
    epsilon_of_mu,
    lower_rate,
    mu_estimate,
    mu_lower_bound,
    square_tail,
    upper_rate,
)

GAMES = 20_000
DELTA = 1e-5


@pytest.mark.parametrize(("sigma", "truth"), [(0.5, 10.0), (1.0, 4.38), (2.0, 1.99), (4.0, 0.93)])
def test_the_bound_on_epsilon_is_below_the_truth_of_a_gaussian_and_close_to_it(
    sigma: float, truth: float
) -> None:
    mu = 1 / sigma
    assert epsilon_of_mu(mu, DELTA) == pytest.approx(truth, rel=0.005)
    dice = np.random.default_rng(int(10 * sigma))
    repeats = 50_000
    hits = dice.binomial(GAMES, ndtr(mu / 2), size=repeats)
    alarms = dice.binomial(GAMES, ndtr(-mu / 2), size=repeats)
    found = mu_lower_bound(hits, GAMES, alarms, GAMES, confidence=0.999)
    assert np.mean(found > mu) <= 0.001
    typical = epsilon_of_mu(float(np.median(found)), DELTA)
    assert typical > {0.5: 0.93, 1.0: 0.90, 2.0: 0.86, 4.0: 0.72}[sigma] * truth


@pytest.mark.parametrize("rate", [0.0001, 0.01, 0.5, 0.99])
def test_an_exact_interval_misses_the_rate_no_more_often_than_it_says(rate: float) -> None:
    counts = np.random.default_rng(3).binomial(1000, rate, size=100_000)
    assert np.mean(lower_rate(counts, 1000, 0.01) > rate) <= 0.011
    assert np.mean(upper_rate(counts, 1000, 0.01) < rate) <= 0.011


def test_rates_of_none_and_all_have_their_exact_bounds() -> None:
    assert lower_rate(0, 50, 0.01) == 0 and upper_rate(50, 50, 0.01) == 1
    assert upper_rate(0, 50, 0.01) == pytest.approx(1 - 0.01 ** (1 / 50))
    assert lower_rate(50, 50, 0.01) == pytest.approx(0.01 ** (1 / 50))


def test_the_bound_without_a_shape_holds_for_randomised_response() -> None:
    epsilon = 1.5
    right = math.exp(epsilon) / (1 + math.exp(epsilon))
    dice = np.random.default_rng(4)
    bounds = [
        epsilon_lower_bound(
            int(dice.binomial(GAMES, right)), GAMES, int(dice.binomial(GAMES, 1 - right)), GAMES,
            delta=0.0, confidence=0.999,
        )
        for _ in range(500)
    ]  # fmt: skip
    assert max(bounds) <= epsilon and np.median(bounds) > 1.4


def test_a_mechanism_that_tells_nothing_has_the_bound_zero() -> None:
    assert mu_lower_bound(500, 1000, 500, 1000, confidence=0.999) == 0
    assert epsilon_lower_bound(500, 1000, 500, 1000, delta=DELTA, confidence=0.999) == 0


def test_the_estimate_is_right_on_average_and_knows_its_error() -> None:
    dice = np.random.default_rng(5)
    found = [mu_estimate(dice.normal(1, 2, 500), dice.normal(0, 2, 500)) for _ in range(2000)]
    values = np.array([mu for mu, _ in found])
    assert values.mean() == pytest.approx(0.5, abs=0.005)
    assert values.std() == pytest.approx(np.mean([error for _, error in found]), rel=0.06)


def test_tails_are_probabilities_of_what_they_say() -> None:
    dice = np.random.default_rng(6)
    squares = np.mean(dice.normal(size=(4000, 100)) ** 2, axis=1)
    assert np.mean([square_tail(s, 100) < 0.1 for s in squares]) == pytest.approx(0.1, abs=0.02)
    a, b = dice.normal(size=(2, 4000, 30))
    r = np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert np.mean(correlation_tail(r, 30) < 0.1) == pytest.approx(0.1, abs=0.02)
    assert correlation_tail(1.0, 30) == 0 and square_tail(1.0, 10**6) > 0.9
