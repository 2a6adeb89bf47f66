"""From a promise to integers: lane, grid and noise share, as privacy.md section 8 has them."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.algebra import lanes, ring
from holter.privacy import matrix
from holter.privacy.calibration import (
    LEAST_KEEP,
    LEAST_SIGMA,
    Grid,
    OutOfReach,
    correlated_grid,
    noise_deviation,
    noiseless_grid,
    noisy_grid,
    rho_per_participation,
    signal_to_noise,
)
from holter.privacy.clipping import target_norm
from holter.privacy.discrete_gaussian import LARGEST_SIGMA
from holter.simulator.dice import SeededSource


def _honest(cohort: int) -> int:
    """Survivors' floor of 80 % less colluders of 5 %."""
    return math.ceil(0.8 * cohort) - cohort // 20


def _grid(cohort: int, multiplier: float, coordinates: int, clip: float = 1.0) -> Grid:
    return noisy_grid(
        clip=clip,
        noise_multiplier=multiplier,
        largest_sum=cohort,
        honest_shares=_honest(cohort),
        coordinates=coordinates,
    )


def _tail(coordinates: int) -> float:
    return NormalDist().inv_cdf(1 - 2.0**-21 / coordinates)


def _fits(norm: int, bits: int, cohort: int, multiplier: float, coordinates: int) -> bool:
    sigma = multiplier * norm / math.sqrt(_honest(cohort))
    largest = cohort * norm + _tail(coordinates) * sigma * math.sqrt(cohort)
    return largest < 2 ** (bits - 1) and sigma <= LARGEST_SIGMA - 1  # room to round up in


def _largest_norm(bits: int, cohort: int, multiplier: float, coordinates: int) -> int:
    low, high = 0, 2**31
    while high - low > 1:
        middle = (low + high) // 2
        fits = _fits(middle, bits, cohort, multiplier, coordinates)
        low, high = (middle, high) if fits else (low, middle)
    return low


def _clear_grid(cohort: int, multiplier: float, coordinates: int) -> tuple[int, int] | None:
    """(lane bits, D) by the words of the rule: lanes in order, D by bisection."""
    for bits in (16, 21, 32):
        low = _largest_norm(bits, cohort, multiplier, coordinates)
        sigma = multiplier * low / math.sqrt(_honest(cohort))
        if sigma >= LEAST_SIGMA and target_norm(low, coordinates) >= LEAST_KEEP * low:
            return bits, low
    return None


@pytest.mark.parametrize(
    ("cohort", "multiplier", "coordinates", "bits", "norm", "keep"),
    [
        (100, 2, 2_000, 16, 286, 0.99),
        (100, 2, 5_000, 16, 286, 0.98),
        (100, 2, 15_000, 16, 286, 0.96),
        (100, 2, 50_000, 21, 9_100, 1.0),
        (100, 8, 2_000, 16, 205, 0.98),
        (100, 8, 5_000, 16, 205, 0.97),
        (100, 8, 15_000, 21, 4_434, 1.0),
        (100, 8, 50_000, 21, 4_434, 1.0),
        (100, 20, 2_000, 16, 131, 0.96),
        (100, 20, 5_000, 21, 1_773, 1.0),
        (100, 20, 50_000, 21, 1_773, 1.0),
        (1000, 2, 2_000, 21, 1_033, 0.997),
        (1000, 2, 50_000, 21, 1_033, 0.991),
        (1000, 20, 50_000, 21, 907, 0.988),
        (2048, 2, 2_000, 21, 508, 0.993),
        (2048, 2, 50_000, 21, 508, 0.967),
        (2048, 20, 50_000, 21, 475, 0.962),
    ],
)
def test_the_table_of_the_design_comes_out(
    cohort: int, multiplier: float, coordinates: int, bits: int, norm: int, keep: float
) -> None:
    grid = _grid(cohort, multiplier, coordinates)
    assert grid.lane_bits == bits
    assert grid.norm_limit == pytest.approx(norm, rel=0.025)  # one D stands for several d there
    assert target_norm(grid.norm_limit, coordinates) / grid.norm_limit == pytest.approx(
        keep, abs=0.006
    )


@pytest.mark.parametrize(
    ("multiplier", "coordinates", "keep"),
    [
        (2, 50_000, 0.90),
        (8, 15_000, 0.93),
        (8, 50_000, 0.79),
        (20, 5_000, 0.93),
        (20, 15_000, 0.83),
    ],
)
def test_where_16_bits_would_keep_less_than_95_percent_the_wider_lane_is_taken(
    multiplier: float, coordinates: int, keep: float
) -> None:
    norm = _largest_norm(16, 100, multiplier, coordinates)
    assert target_norm(norm, coordinates) / norm == pytest.approx(keep, abs=0.02)
    assert _grid(100, multiplier, coordinates).lane_bits == 21


cohorts, sizes = st.integers(20, 2048), st.integers(100, 60_000)
multipliers = st.floats(0.3, 25)


@given(cohorts, multipliers, sizes)
@settings(deadline=None, max_examples=150)
def test_the_grid_is_that_of_the_rule_read_slowly(
    cohort: int, multiplier: float, coordinates: int
) -> None:
    expected = _clear_grid(cohort, multiplier, coordinates)
    if expected is None:
        return  # at the very edge of what is possible the two may differ by one grid step
    bits, norm = expected
    try:
        grid = _grid(cohort, multiplier, coordinates)
    except OutOfReach:
        sigma = multiplier * norm / math.sqrt(_honest(cohort))
        keep = target_norm(norm - 2, coordinates) / norm
        assert sigma < LEAST_SIGMA * (1 + 3 / norm) or keep < LEAST_KEEP * (1 + 3 / norm)
        return
    if grid.lane_bits == bits:
        assert norm - 2 <= grid.norm_limit <= norm
    else:
        assert target_norm(norm - 2, coordinates) < LEAST_KEEP * norm


@given(cohorts, multipliers, sizes, st.floats(0.01, 100))
@settings(deadline=None, max_examples=150)
def test_every_grid_keeps_its_promises(
    cohort: int, multiplier: float, coordinates: int, clip: float
) -> None:
    try:
        grid = _grid(cohort, multiplier, coordinates, clip)
    except OutOfReach:
        return
    sigma = math.sqrt(grid.share_variance)
    assert LEAST_SIGMA <= sigma <= LARGEST_SIGMA
    largest = cohort * grid.norm_limit + _tail(coordinates) * sigma * math.sqrt(cohort)
    assert largest < 2 ** (grid.lane_bits - 1)
    assert target_norm(grid.norm_limit, coordinates) >= LEAST_KEEP * grid.norm_limit
    assert grid.scale == pytest.approx(grid.norm_limit / clip)
    assert grid.coordinate_limit == grid.norm_limit
    # The shares of the honest alone carry the whole noise, rounded up.
    carried = _honest(cohort) * grid.share_variance
    assert carried >= (multiplier * grid.norm_limit) ** 2 * (1 - 1e-12)
    rho = rho_per_participation(grid, honest_shares=_honest(cohort), coordinates=coordinates)
    assert 0.97 / (2 * multiplier**2) < rho <= (1 + 1e-12) / (2 * multiplier**2)


@pytest.mark.parametrize(("cohort", "multiplier"), [(100, 2.0), (100, 20.0), (60, 5.0)])
def test_no_lane_wraps_when_everyone_pushes_one_coordinate_as_far_as_the_clip_lets(
    cohort: int, multiplier: float
) -> None:
    coordinates = 2000
    grid = _grid(cohort, multiplier, coordinates)
    trials = 9_000
    noise = [
        SeededSource(bytes([1, device]) + bytes(30)).discrete_gaussian(grid.share_variance, trials)
        for device in range(cohort)
    ]
    packed = [lanes.pack(grid.norm_limit + share, grid.lane_bits) for share in noise]
    summed = ring.total(packed, lanes.words_needed(trials, grid.lane_bits))
    read = lanes.unpack(summed, trials, grid.lane_bits)
    total = np.sum(noise, axis=0)
    assert np.array_equal(read, cohort * grid.norm_limit + total)
    # The tail behind the rule is the Gaussian one: as many beyond 2.5 sigma as it has.
    beyond = int((total > 2.5 * math.sqrt(cohort * grid.share_variance)).sum())
    expected = trials * (1 - NormalDist().cdf(2.5))
    assert abs(beyond - expected) < 4 * math.sqrt(expected)


@pytest.mark.parametrize(
    ("multiplier", "cohort", "coordinates"), [(1000.0, 100, 50_000), (150.0, 20, 2_000)]
)
def test_a_sum_that_no_lane_carries_is_refused_and_told_what_would_help(
    multiplier: float, cohort: int, coordinates: int
) -> None:
    with pytest.raises(OutOfReach, match="use fewer parameters, a larger survivors_floor or"):
        _grid(cohort, multiplier, coordinates)


@given(st.integers(1, 100_000))
def test_without_noise_the_largest_sum_still_fits_32_bits(largest_sum: int) -> None:
    grid = noiseless_grid(largest_sum)
    assert (grid.lane_bits, grid.norm_limit, grid.share_variance) == (32, None, 0)
    assert largest_sum * grid.coordinate_limit < 2**31
    assert grid.coordinate_limit == pytest.approx(8.0 * grid.scale)


def test_a_grid_without_noise_has_no_rho_and_no_noise_in_the_forecast() -> None:
    grid = noiseless_grid(100)
    with pytest.raises(ValueError, match="without noise"):
        rho_per_participation(grid, honest_shares=75, coordinates=10)
    assert signal_to_noise(grid, survivors=80, coordinates=10) == math.inf


def test_the_forecast_is_the_aligned_signal_over_the_norm_of_the_noise() -> None:
    grid = _grid(100, 2.0, 2000)
    forecast = signal_to_noise(grid, survivors=100, coordinates=2000)
    keep = target_norm(grid.norm_limit, 2000) / grid.norm_limit
    assert forecast == pytest.approx(keep * 100 / (2 * math.sqrt(100 / 75) * math.sqrt(2000)), 0.01)
    noise = sum(
        SeededSource(bytes([2, n]) + bytes(30)).discrete_gaussian(grid.share_variance, 2000)
        for n in range(100)
    )
    measured = 100 * target_norm(grid.norm_limit, 2000) / np.linalg.norm(noise)
    assert forecast == pytest.approx(measured, rel=0.05)


def _row_grid(cohort: int, multiplier: float, coordinates: int, bands: int) -> Grid:
    return correlated_grid(
        clip=1.0,
        noise_multiplier=multiplier,
        largest_sum=cohort,
        coordinates=coordinates,
        bands=bands,
    )


@given(cohorts, multipliers, sizes, st.integers(1, 60))
@settings(deadline=None, max_examples=150)
def test_every_correlated_grid_keeps_its_promises(
    cohort: int, multiplier: float, coordinates: int, bands: int
) -> None:
    grid = _row_grid(cohort, multiplier, coordinates, bands)
    norm = grid.norm_limit
    assert norm is not None and (grid.share_variance, grid.central_variance) == (0, 0)
    # The lane holds a sum of any contributions, with certainty: the noise is not in it.
    assert cohort * norm <= 2 ** (grid.lane_bits - 1) - 1
    assert target_norm(norm, coordinates) >= LEAST_KEEP * norm
    for narrower in (bits for bits in (16, 21) if bits < grid.lane_bits):
        largest = min((2 ** (narrower - 1) - 1) // cohort, 2**16)
        assert target_norm(largest, coordinates) < LEAST_KEEP * largest
    assert noise_deviation(grid, survivors=1) == pytest.approx(multiplier * norm)
    assert noise_deviation(grid, survivors=cohort) == noise_deviation(grid, survivors=1)
    rho = rho_per_participation(grid, honest_shares=1, coordinates=coordinates, bands=bands)
    wanted = matrix.square_of(bands) / (2 * multiplier**2)
    assert wanted * (1 - 1e-6) < rho <= wanted * (1 + 1e-12)


def test_a_correlated_grid_that_no_lane_or_sampler_carries_is_refused() -> None:
    with pytest.raises(OutOfReach, match="fewer parameters or a smaller cohort"):
        _row_grid(2**31, 1.0, 1000, 4)
    for much in (1e8, 1e300):
        with pytest.raises(OutOfReach, match="no sampler"):
            _row_grid(100, much, 1000, 4)


def test_the_noise_of_a_sum_counts_every_draw_that_is_in_it() -> None:
    shares = _grid(100, 2.0, 2000)
    whole = noisy_grid(
        clip=1.0, noise_multiplier=2.0, largest_sum=100, honest_shares=None, coordinates=2000
    )
    assert noise_deviation(shares, survivors=90) ** 2 == pytest.approx(90 * shares.share_variance)
    # Helper and leader each add all of it, however many survive.
    for survivors in (80, 100):
        found = noise_deviation(whole, survivors=survivors) ** 2
        assert found == pytest.approx(2 * whole.central_variance)
    assert whole.norm_limit is not None
    assert whole.central_variance == math.ceil((2.0 * whole.norm_limit) ** 2)


def test_the_forecast_counts_what_the_update_shares_and_what_correlation_gains() -> None:
    grid = _row_grid(100, 2.0, 2000, 10)
    plain = signal_to_noise(grid, survivors=100, coordinates=2000)
    gained = signal_to_noise(grid, survivors=100, coordinates=2000, equivalent=0.5)
    shared = signal_to_noise(grid, survivors=100, coordinates=2000, update_share=0.81)
    assert gained == pytest.approx(2 * plain) and shared == pytest.approx(0.9 * plain)
