"""The accountant: what was done, in rho, and what that amounts to in (epsilon, delta)."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import log_ndtr

from holter.privacy.accountant import (
    RHO_UNITS,
    epsilon_exact,
    epsilon_rdp,
    rho_for_epsilon,
    rho_of_shares,
    share_penalty,
    to_units,
)

rhos = st.floats(-6, 2.5).map(lambda power: 10.0**power)
deltas = st.floats(-12, -2).map(lambda power: 10.0**power)
lightly = settings(deadline=None, max_examples=60)


def _delta_of_a_gaussian(epsilon: float, rho: float) -> float:
    mu = math.sqrt(2 * rho)
    reached = math.exp(float(log_ndtr(mu / 2 - epsilon / mu)))
    return reached - math.exp(epsilon + float(log_ndtr(-mu / 2 - epsilon / mu)))


@given(rhos, deltas)
@lightly
def test_the_exact_epsilon_is_never_above_the_renyi_one(rho: float, delta: float) -> None:
    assert 0 <= epsilon_exact(rho, delta) <= epsilon_rdp(rho, delta)


@pytest.mark.parametrize(("rho", "delta"), [(0.5, 1e-5), (0.05, 1e-6), (2.0, 1e-6)])
def test_numerical_composition_lies_between_the_exact_and_the_renyi_epsilon(
    rho: float, delta: float
) -> None:
    from dp_accounting import dp_event, pld

    accountant = pld.PLDAccountant(value_discretization_interval=1e-3)
    accountant.compose(dp_event.GaussianDpEvent(1 / math.sqrt(2 * rho)))
    between = accountant.get_epsilon(delta)
    assert epsilon_exact(rho, delta) * (1 - 1e-9) <= between <= epsilon_rdp(rho, delta)


@given(rhos, deltas)
@lightly
def test_the_renyi_epsilon_is_below_the_textbook_conversion(rho: float, delta: float) -> None:
    """Bun and Steinke 2016: rho + 2 sqrt(rho ln(1/delta)); orders on a grid cost a little."""
    textbook = rho + 2 * math.sqrt(rho * math.log(1 / delta))
    if 1e-3 < rho < 10:  # outside, the library's orders end before the best one
        assert epsilon_rdp(rho, delta) <= textbook * 1.005


@given(rhos, deltas, st.floats(1.001, 4))
@lightly
def test_more_rho_never_costs_less_epsilon(rho: float, delta: float, factor: float) -> None:
    assert epsilon_exact(rho, delta) <= epsilon_exact(rho * factor, delta)
    assert epsilon_rdp(rho, delta) <= epsilon_rdp(rho * factor, delta)


@given(rhos, deltas, st.floats(1.001, 1000))
@lightly
def test_a_smaller_delta_never_costs_less_epsilon(rho: float, delta: float, factor: float) -> None:
    assert epsilon_exact(rho, delta) <= epsilon_exact(rho, delta / factor)
    assert epsilon_rdp(rho, delta) <= epsilon_rdp(rho, delta / factor)


@given(rhos, deltas)
@lightly
def test_the_exact_epsilon_solves_the_equation_of_balle_and_wang(rho: float, delta: float) -> None:
    epsilon = epsilon_exact(rho, delta)
    reached = _delta_of_a_gaussian(epsilon, rho) if epsilon else delta
    assert reached == pytest.approx(delta, rel=1e-6, abs=1e-15)


def test_a_rho_too_small_to_reach_delta_costs_no_epsilon_at_all() -> None:
    assert epsilon_exact(1e-12, 1e-3) == 0.0


def test_nothing_spent_is_epsilon_nought_on_both_paths() -> None:
    assert epsilon_rdp(0.0, 1e-6) == epsilon_exact(0.0, 1e-6) == 0.0


@given(st.floats(0.02, 60), deltas)
@settings(deadline=None, max_examples=25)
def test_the_rho_for_an_epsilon_stays_within_it_and_a_little_more_would_not(
    epsilon: float, delta: float
) -> None:
    rho = rho_for_epsilon(epsilon, delta)
    assert epsilon_rdp(rho, delta) <= epsilon < epsilon_rdp(rho * (1 + 1e-9), delta)


@pytest.mark.parametrize("epsilon", [-1e-9, -1.0])
def test_an_epsilon_that_no_noise_reaches_is_refused(epsilon: float) -> None:
    with pytest.raises(ValueError, match="no noise gives epsilon"):
        rho_for_epsilon(epsilon, 1e-6)


@given(st.floats(1, 1e5), st.integers(64, 4096**2), st.integers(1, 300), st.integers(1, 100_000))
@lightly
def test_many_wide_shares_cost_what_one_gaussian_of_their_total_variance_costs(
    norm: float, variance: int, shares: int, coordinates: int
) -> None:
    rho = rho_of_shares(norm, variance, shares, coordinates)
    assert rho == pytest.approx(norm**2 / (2 * shares * variance), rel=1e-9)


@given(st.integers(1, 8), st.integers(1, 40), st.integers(1, 5000))
@lightly
def test_narrow_shares_cost_more_than_a_gaussian_and_never_less(
    variance: int, shares: int, coordinates: int
) -> None:
    rho = rho_of_shares(10.0, variance, shares, coordinates)
    assert rho >= 100 / (2 * shares * variance) * (1 - 1e-12)


@given(st.floats(1, 1e4), st.integers(1, 1000), st.integers(2, 100), st.integers(1, 5000))
@lightly
def test_one_share_less_never_costs_less(
    norm: float, variance: int, shares: int, coordinates: int
) -> None:
    fewer = rho_of_shares(norm, variance, shares - 1, coordinates)
    # A single share is a discrete Gaussian itself and pays no penalty, so it is compared without.
    penalty = share_penalty(variance, shares) * coordinates
    assert fewer + penalty >= rho_of_shares(norm, variance, shares, coordinates) * (1 - 1e-12)


def test_the_penalty_of_shares_is_the_sum_of_the_paper() -> None:
    expected = 10 * (
        math.exp(-2 * math.pi**2 * 0.25 * 1 / 2)
        + math.exp(-2 * math.pi**2 * 0.25 * 2 / 3)
        + math.exp(-2 * math.pi**2 * 0.25 * 3 / 4)
    )
    assert share_penalty(0.25, 4) == pytest.approx(expected, rel=1e-12)


def test_one_share_pays_no_penalty_and_from_sigma_3_on_nobody_does() -> None:
    assert share_penalty(1, 1) == 0.0
    assert share_penalty(9, 1000) * 50_000 < 1e-30


def test_the_smaller_of_the_two_bounds_of_the_theorem_is_taken() -> None:
    norm, variance, shares = 10.0, 1.0, 5
    tau = share_penalty(variance, shares)
    for coordinates in (1, 10**12):
        first = math.sqrt(norm**2 / (shares * variance) + tau * coordinates / 2)
        second = norm / math.sqrt(shares * variance) + tau * math.sqrt(coordinates)
        rho = rho_of_shares(norm, variance, shares, coordinates)
        assert rho == pytest.approx(min(first, second) ** 2 / 2, rel=1e-12)


@given(st.floats(0, 1e6))
@example(1e-9)
@example(1e-30)
@example(0.3)
def test_a_charge_is_rounded_up_and_by_less_than_one_unit(rho: float) -> None:
    units = to_units(rho)
    # The product rho * 10^9 is a double, so the last bit of it may be missing.
    spent = Fraction(rho) * RHO_UNITS
    assert isinstance(units, int)
    assert spent * (1 - Fraction(1, 2**52)) <= units < spent * (1 + Fraction(1, 2**52)) + 1
