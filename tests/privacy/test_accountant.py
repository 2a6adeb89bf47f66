"""The accountant: what was done, in rho, and what that amounts to in (epsilon, delta)."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from dp_accounting import dp_event
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import log_ndtr
from scipy.stats import norm
from tests.privacy import reference_forms as forms

from holter.privacy import renyi
from holter.privacy.accountant import (
    LARGEST_PLD_EPSILON,
    LEAST_PLD_DELTA,
    ORDER_TOLERANCE,
    RHO_UNITS,
    Epsilons,
    OrderBroken,
    compose,
    epsilon_exact,
    epsilon_pld,
    epsilon_rdp,
    epsilons,
    rho_for_epsilon,
    rho_for_exact_epsilon,
    rho_of_shares,
    share_penalty,
    to_units,
)
from holter.privacy.events import (
    Adjacency,
    Method,
    NotAccountable,
    epsilon_at_orders,
    epsilon_of_event,
    fixed_size_gaussian,
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


@given(rhos, deltas)
@settings(deadline=None, max_examples=30)
def test_three_paths_to_one_epsilon_keep_their_order_and_two_of_them_agree(
    rho: float, delta: float
) -> None:
    found = epsilons(rho, delta)
    assert found == Epsilons(
        epsilon_exact(rho, delta), epsilon_pld(rho, delta), epsilon_rdp(rho, delta)
    )
    assert found.exact * (1 - 1e-6) <= found.pld <= found.rdp
    if found.exact > 1e-3:
        assert found.pld <= found.exact * (1 + 2e-5)


@pytest.mark.parametrize(
    "paths",
    [(1.0, 0.9, 1.2), (1.0, 1.3, 1.2), (-0.1, 1.0, 1.2), (math.nan, 1.0, 1.2), (1.0, math.nan, 2)],
)
def test_epsilons_in_another_order_are_never_reported(paths: tuple[float, float, float]) -> None:
    with pytest.raises(OrderBroken, match="each must be at most the next"):
        Epsilons(*paths)


def test_the_order_may_be_broken_by_less_than_the_tolerance_and_no_more() -> None:
    Epsilons(1.0, 1.0 - 0.9 * ORDER_TOLERANCE, 1.0 - 1.5 * ORDER_TOLERANCE)
    with pytest.raises(OrderBroken):
        Epsilons(1.0, 1.0 - 1.1 * ORDER_TOLERANCE, 2.0)
    with pytest.raises(OrderBroken):
        Epsilons(1.0, 2.0, 2.0 * (1 - 1.1 * ORDER_TOLERANCE))


@pytest.mark.parametrize(("rho", "delta"), [(600.0, 1e-6), (0.5, 1e-16)])
def test_where_numerical_composition_ends_it_is_refused_and_not_infinite(
    rho: float, delta: float
) -> None:
    assert delta < LEAST_PLD_DELTA or epsilon_exact(rho, delta) > LARGEST_PLD_EPSILON
    with pytest.raises(NotAccountable, match="choose a delta"):
        epsilons(rho, delta)


@pytest.mark.parametrize("delta", [0.0, 1.0, -1e-6, 2.0, math.nan])
@pytest.mark.parametrize("path", [epsilon_exact, epsilon_pld, epsilon_rdp, rho_for_epsilon])
def test_a_delta_that_is_no_probability_is_refused_by_every_path(
    path: Callable[[float, float], float], delta: float
) -> None:
    with pytest.raises(ValueError, match="delta must lie between"):
        path(1.0, delta)


@given(st.lists(st.floats(1e-4, 0.5), min_size=2, max_size=5), st.floats(-10, -4))
@settings(deadline=None, max_examples=40)
def test_composing_costs_less_than_adding_epsilons_and_more_than_the_dearest_task(
    spent: list[float], power: float
) -> None:
    delta, whole = 10.0**power, compose(spent)
    assert whole == pytest.approx(sum(spent), rel=1e-12)
    assert compose(reversed(spent)) == whole
    for path in (epsilon_exact, epsilon_rdp):
        assert path(max(spent), delta) < path(whole, delta)
    naive = sum(epsilon_exact(rho, delta / len(spent)) for rho in spent)
    assert epsilon_exact(whole, delta) < naive


def test_nothing_done_composes_to_nothing() -> None:
    assert compose([]) == 0.0


@pytest.mark.parametrize("charge", [-1e-12, math.inf, math.nan])
def test_a_refund_and_a_charge_without_end_are_refused(charge: float) -> None:
    with pytest.raises(ValueError, match="never below 0"):
        compose([0.1, charge])


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
    assert epsilons(0.0, 1e-6) == Epsilons(0.0, 0.0, 0.0)


@given(st.floats(0.02, 60), deltas)
@settings(deadline=None, max_examples=25)
def test_the_rho_for_an_epsilon_stays_within_it_and_a_little_more_would_not(
    epsilon: float, delta: float
) -> None:
    rho = rho_for_epsilon(epsilon, delta)
    assert epsilon_rdp(rho, delta) <= epsilon < epsilon_rdp(rho * (1 + 1e-9), delta)


@given(st.floats(0.02, 600), deltas)
@settings(deadline=None, max_examples=40)
def test_the_rho_for_an_exact_epsilon_stays_within_it_and_a_little_more_would_not(
    epsilon: float, delta: float
) -> None:
    rho = rho_for_exact_epsilon(epsilon, delta)
    assert epsilon_exact(rho, delta) <= epsilon < epsilon_exact(rho * (1 + 1e-9), delta)
    assert rho >= rho_for_epsilon(epsilon, delta)


@pytest.mark.parametrize("solve", [rho_for_epsilon, rho_for_exact_epsilon])
@pytest.mark.parametrize("epsilon", [-1e-9, -1.0])
def test_an_epsilon_that_no_noise_reaches_is_refused(
    solve: Callable[[float, float], float], epsilon: float
) -> None:
    with pytest.raises(ValueError, match="no noise gives epsilon"):
        solve(epsilon, 1e-6)


@pytest.mark.parametrize("solve", [rho_for_epsilon, rho_for_exact_epsilon])
@pytest.mark.parametrize("epsilon", [math.inf, math.nan])
def test_an_epsilon_without_end_is_refused(
    solve: Callable[[float, float], float], epsilon: float
) -> None:
    with pytest.raises(ValueError, match="is finite"):
        solve(epsilon, 1e-6)


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


def _sampled(
    rate: float, multiplier: float, rounds: int, delta: float, adjacency: Adjacency
) -> float:
    once = dp_event.PoissonSampledDpEvent(rate, dp_event.GaussianDpEvent(multiplier))
    event = dp_event.SelfComposedDpEvent(once, rounds)
    return epsilon_of_event(event, delta, adjacency=adjacency, method=Method.PLD, loss_step=1e-3)


@pytest.mark.parametrize("rate", [0.02, 0.2])
@pytest.mark.parametrize("multiplier", [1.0, 4.0])
def test_a_sampled_cohort_costs_more_with_rate_rounds_less_noise_less_delta_and_replacement(
    rate: float, multiplier: float
) -> None:
    added = Adjacency.ADD_OR_REMOVE
    base = _sampled(rate, multiplier, 50, 1e-6, added)
    assert base < _sampled(1.5 * rate, multiplier, 50, 1e-6, added)
    assert base < _sampled(rate, multiplier / 1.5, 50, 1e-6, added)
    assert base < _sampled(rate, multiplier, 75, 1e-6, added)
    assert base < _sampled(rate, multiplier, 50, 1e-7, added)
    assert base < _sampled(rate, multiplier, 50, 1e-6, Adjacency.REPLACE)


@pytest.mark.parametrize("multiplier", [1.5, 3.0, 20.0])
def test_replacing_a_person_costs_as_much_as_a_doubled_norm_and_never_less_than_adding_one(
    multiplier: float,
) -> None:
    def cost(adjacency: Adjacency, of: float) -> float:
        event = dp_event.GaussianDpEvent(of)
        return epsilon_of_event(event, 1e-6, adjacency=adjacency, method=Method.PLD, loss_step=1e-3)

    added = cost(Adjacency.ADD_OR_REMOVE, multiplier)
    replaced = cost(Adjacency.REPLACE, multiplier)
    assert replaced > added == cost(Adjacency.ZERO_OUT, multiplier)
    assert replaced == pytest.approx(cost(Adjacency.ADD_OR_REMOVE, multiplier / 2), rel=1e-6)


@pytest.mark.parametrize(
    "event",
    [
        dp_event.GaussianDpEvent(4.0),
        dp_event.LaplaceDpEvent(2.0),
        dp_event.SelfComposedDpEvent(dp_event.GaussianDpEvent(4.0), 16),
        dp_event.ComposedDpEvent([dp_event.ZCDpEvent(0.1), dp_event.GaussianDpEvent(4.0)]),
    ],
)
def test_renyi_under_replacement_is_refused_where_the_library_would_halve_the_loss(
    event: Any,
) -> None:
    with pytest.raises(NotAccountable, match="half of the loss"):
        epsilon_of_event(event, 1e-6, adjacency=Adjacency.REPLACE, method=Method.RENYI)


def _least_epsilon_of_a_fixed_size_cohort(share: float, multiplier: float, delta: float) -> float:
    """Two neighbours in which all others send nothing, and one sends +1 or -1: one round."""
    x = np.linspace(-1 - 12 * multiplier, 1 + 12 * multiplier, 200_001)
    at_rest = (1 - share) * norm.pdf(x, 0, multiplier)
    plus = at_rest + share * norm.pdf(x, 1, multiplier)
    minus = at_rest + share * norm.pdf(x, -1, multiplier)
    low, high = 0.0, 60.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        over = np.maximum(plus - math.exp(middle) * minus, 0).sum() * (x[1] - x[0])
        low, high = (middle, high) if over > delta else (low, middle)
    return low


@pytest.mark.parametrize("cohort", [50, 100, 500, 900, 999])
@pytest.mark.parametrize("multiplier", [1.0, 2.0, 4.0])
def test_the_epsilon_of_a_fixed_size_cohort_is_never_below_that_of_a_worst_pair(
    cohort: int, multiplier: float
) -> None:
    def cost(event: Any) -> float:
        return epsilon_of_event(event, 1e-6, adjacency=Adjacency.REPLACE, method=Method.RENYI)

    least = _least_epsilon_of_a_fixed_size_cohort(cohort / 1000, multiplier, 1e-6)
    assert cost(fixed_size_gaussian(1000, cohort, multiplier)) >= least
    if cohort >= 500:  # and why the multiplier is halved: the library's own reading lies below
        over_the_clip = dp_event.SampledWithoutReplacementDpEvent(
            1000, cohort, dp_event.GaussianDpEvent(multiplier)
        )
        assert cost(over_the_clip) < least


def _nested(event: Any) -> list[Any]:
    plain = dp_event.GaussianDpEvent(5.0)
    return [
        event,
        dp_event.SelfComposedDpEvent(event, 20),
        dp_event.ComposedDpEvent([plain, dp_event.SelfComposedDpEvent(event, 3)]),
    ]


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("adjacency", [Adjacency.ADD_OR_REMOVE, Adjacency.ZERO_OUT])
@pytest.mark.parametrize("depth", range(3))
def test_a_cohort_of_fixed_size_is_refused_where_only_poisson_sampling_has_a_bound(
    depth: int, adjacency: Adjacency, method: Method
) -> None:
    fixed = dp_event.SampledWithoutReplacementDpEvent(1000, 50, dp_event.GaussianDpEvent(2.0))
    with pytest.raises(NotAccountable, match="never another sampling"):
        epsilon_of_event(_nested(fixed)[depth], 1e-6, adjacency=adjacency, method=method)


def test_a_cohort_of_fixed_size_costs_more_than_the_poisson_formula_would_say() -> None:
    event = dp_event.SelfComposedDpEvent(fixed_size_gaussian(1000, 50, 2.0), 50)
    cost = epsilon_of_event(event, 1e-6, adjacency=Adjacency.REPLACE, method=Method.RENYI)
    for adjacency in (Adjacency.ADD_OR_REMOVE, Adjacency.REPLACE):
        assert cost > _sampled(0.05, 2.0, 50, 1e-6, adjacency)


def test_no_noise_costs_an_epsilon_without_end() -> None:
    event = dp_event.NonPrivateDpEvent()
    for method in Method:
        for adjacency in Adjacency:
            cost = epsilon_of_event(event, 1e-6, adjacency=adjacency, method=method)
            assert cost == math.inf


shifts = st.integers(1, 6)
orders = st.integers(2, 20)


@given(st.floats(1, 40), shifts, orders)
@settings(deadline=None, max_examples=40)
def test_the_bound_of_skellam_noise_is_above_its_true_divergence(
    variance: float, shift: int, order: int
) -> None:
    curve = renyi.skellam_sum(shift, variance, 1, 1)
    true = forms.renyi_divergence(forms.skellam(variance), shift, order)
    assert true <= curve.divergences[curve.orders.index(order)] * (1 + 1e-9)


@given(st.floats(0.4, 3), st.integers(1, 12), shifts, orders)
@settings(deadline=None, max_examples=40)
def test_the_bound_of_a_sum_of_discrete_gaussians_is_above_its_true_divergence(
    sigma: float, draws: int, shift: int, order: int
) -> None:
    curve = renyi.discrete_gaussian_sum(shift, sigma**2, draws, 1)
    noise = forms.discrete_gaussian_sum(sigma, draws)
    true = forms.renyi_divergence(noise, shift, order)
    assert true <= curve.divergences[curve.orders.index(order)] * (1 + 1e-9)


@given(st.floats(0.5, 50), st.floats(1, 400), st.integers(1, 500), st.integers(1, 10**6))
@lightly
def test_skellam_shares_cost_more_than_a_gaussian_and_only_their_total_counts(
    norm: float, variance: float, shares: int, coordinates: int
) -> None:
    curve = renyi.skellam_sum(norm, variance, shares, coordinates)
    together = renyi.skellam_sum(norm, variance * shares, 1, coordinates)
    assert curve.divergences == pytest.approx(together.divergences, rel=1e-12)
    for order, divergence in zip(curve.orders, curve.divergences, strict=True):
        assert divergence >= order * norm**2 / (2 * shares * variance) * (1 - 1e-12)


def test_rounds_of_a_curve_add_up_and_more_of_them_cost_more() -> None:
    curve = renyi.discrete_gaussian_sum(10.0, 400.0, 5, 1000)
    ten = renyi.epsilon_of_curve(curve, 1e-6, rounds=10)
    composed = [10 * divergence for divergence in curve.divergences]
    assert ten == epsilon_at_orders(curve.orders, composed, 1e-6)
    assert renyi.epsilon_of_curve(curve, 1e-6) < ten
    assert ten >= epsilon_rdp(10 * rho_of_shares(10.0, 400.0, 5, 1000), 1e-6)


def test_a_curve_that_says_too_little_or_the_impossible_is_refused() -> None:
    for orders_given, divergences in (((), ()), ((2, 3), (0.1,)), ((1,), (0.1,)), ((2,), (-0.1,))):
        with pytest.raises(ValueError):
            renyi.Curve(orders_given, divergences)
    with pytest.raises(ValueError, match="without noise"):
        renyi.skellam_sum(1.0, 0.0, 10, 1)
    with pytest.raises(ValueError, match="at least one round"):
        renyi.epsilon_of_curve(renyi.skellam_sum(1.0, 4.0, 10, 1), 1e-6, rounds=0)


def test_the_bound_of_skellam_noise_takes_the_smaller_of_its_two_corrections() -> None:
    """By hand, D1 = D2 = 1: 10 / 1 + min(25 / 1, 3 / 1), and 2 / 200 + min(9 / 40000, 3 / 200)."""
    narrow, wide = renyi.skellam_sum(1.0, 0.5, 1, 1), renyi.skellam_sum(1.0, 100.0, 1, 1)
    assert narrow.divergences[narrow.orders.index(10)] == pytest.approx(13.0, rel=1e-12)
    assert wide.divergences[wide.orders.index(2)] == pytest.approx(0.010225, rel=1e-12)
