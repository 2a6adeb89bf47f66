"""A clip that follows a quantile: the published trajectory, and what the indicator costs."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holter.privacy.adaptive_clip import (
    following_rate,
    indicator_noise,
    indicator_share,
    next_clip,
    update_multiplier,
)

LOGNORMAL = NormalDist()  # of the logarithm of an update's norm


def _followed(quantile: float, rounds: int, clip: float = 0.1) -> float:
    for _ in range(rounds):
        below = LOGNORMAL.cdf(math.log(clip))
        clip = next_clip(clip, below, quantile=quantile, rate=0.2)
    return clip


@pytest.mark.parametrize(
    ("quantile", "rounds", "clip"),
    [(0.5, 10, 0.25333), (0.5, 50, 0.94279), (0.5, 100, 0.99908), (0.8, 2000, 2.32013)],
)
def test_the_clip_of_lognormal_norms_takes_the_path_of_the_design(
    quantile: float, rounds: int, clip: float
) -> None:
    assert _followed(quantile, rounds) == pytest.approx(clip, abs=5e-6)


@given(st.floats(0.05, 0.95), st.floats(-3, 3))
def test_the_clip_ends_at_the_quantile_wherever_it_begins(quantile: float, start: float) -> None:
    wanted = math.exp(LOGNORMAL.inv_cdf(quantile))
    assert _followed(quantile, 1000, clip=math.exp(start)) == pytest.approx(wanted, rel=1e-3)


@given(st.floats(1e-3, 1e3), st.floats(allow_nan=False), st.floats(0.01, 1), st.floats(0.1, 0.9))
def test_no_noise_moves_a_clip_by_more_than_four_e_foldings_in_a_round(
    clip: float, below: float, rate: float, quantile: float
) -> None:
    moved = next_clip(clip, below, quantile=quantile, rate=rate) / clip
    assert math.exp(-4) * (1 - 1e-12) <= moved <= math.exp(4) * (1 + 1e-12)
    if abs(below) < 1:
        assert moved == pytest.approx(math.exp(-rate * (below - quantile)))


@given(st.floats(0.01, 300), st.integers(2, 3000))
def test_the_indicator_gets_what_it_needs_or_the_clip_stays_fixed(z: float, cohort: int) -> None:
    sigma_b = indicator_noise(z, cohort)
    if sigma_b is None:
        assert max(cohort / 20, 2 * z) > cohort / 4
        return
    assert sigma_b == max(cohort / 20, 2 * z) <= cohort / 4
    grown = update_multiplier(z, sigma_b) / z
    assert 1 <= grown <= 1.0328  # 4 / sqrt(15): the 3.3 % of the design
    # Both ways of saying it agree: the update has what the indicator leaves of the norm.
    assert grown == pytest.approx((1 - indicator_share(z, sigma_b)) ** -0.5)


def test_the_numbers_of_the_design_come_out() -> None:
    assert update_multiplier(1.0, 5.0) == pytest.approx(1.0050, abs=5e-5)
    assert update_multiplier(8.0, 50.0) == pytest.approx(8.0257, abs=5e-5)
    assert update_multiplier(10.0, 20.0) / 10 == pytest.approx(4 / math.sqrt(15))
    assert indicator_noise(12.5, 100) == 25 and indicator_noise(12.6, 100) is None


def test_an_indicator_that_would_leave_the_update_no_room_is_refused() -> None:
    for sigma_b in (5.0, 4.9):
        with pytest.raises(ValueError, match="half the noise multiplier"):
            update_multiplier(10.0, sigma_b)


def test_the_rate_shrinks_as_much_as_the_noise_had_to_grow() -> None:
    assert following_rate(0.2, 100, 5.0) == 0.2
    assert following_rate(0.2, 100, 20.0) == pytest.approx(0.05)
    assert following_rate(0.2, 400, 5.0) == 0.2  # never faster than asked


@pytest.mark.parametrize("multiplier", [0.5, 8.0])
def test_under_its_noise_the_clip_still_finds_the_quantile(multiplier: float) -> None:
    dice, cohort, clip = np.random.default_rng(5), 100, 0.1
    sigma_b = indicator_noise(multiplier, cohort)
    assert sigma_b is not None
    rate = following_rate(0.2, cohort, sigma_b)
    path = []
    for _ in range(1500):
        bits = (np.exp(dice.normal(size=cohort)) <= clip) - 0.5
        noised = (bits.sum() + dice.normal() * sigma_b) / cohort + 0.5
        clip = next_clip(clip, noised, quantile=0.5, rate=rate)
        path.append(math.log(clip))
    late = np.array(path[500:])
    assert abs(late.mean()) < 0.1 and np.abs(late).max() < 0.5
