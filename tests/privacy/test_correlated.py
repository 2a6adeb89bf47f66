"""Correlated noise in integers: what it adds, what it depends on, what one device can change."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.crypto.prg import Stream as Bytes
from holter.privacy.correlated import (
    LARGEST_NOISE,
    LARGEST_SUM,
    Stream,
    release,
    restored,
    rho_per_participation,
)
from holter.privacy.discrete_gaussian import LARGEST_WIDE_SIGMA, sample
from holter.privacy.matrix import COEFFICIENT_BITS, on_grid, square_root
from holter.privacy.source import Integers

Floats = npt.NDArray[np.float64]
UNIT = 2**COEFFICIENT_BITS  # finer units in a grid step


def _strategy(bands: int) -> tuple[int, ...]:
    return on_grid(square_root(bands))


def _toeplitz(coefficients: tuple[int, ...], rounds: int) -> Floats:
    """C in grid steps."""
    result = np.zeros((rounds, rounds))
    for j, c in enumerate(coefficients[:rounds]):
        result += c / UNIT * np.eye(rounds, k=-j)
    return result


def _run(coefficients: tuple[int, ...], sums: Integers, noise: Integers) -> Floats:
    """Estimates of all rounds: one row each."""
    stream, estimates = Stream(coefficients), []
    for total, fresh in zip(sums, noise, strict=True):
        stream, estimate = release(stream, total, fresh)
        estimates.append(estimate)
    return np.stack(estimates)


def _some_sums(rounds: int, size: int, seed: int = 1) -> Integers:
    return np.random.default_rng(seed).integers(-(10**6), 10**6, (rounds, size))


def _gaussians(variance: int, rounds: int, size: int) -> Integers:
    read = Bytes(variance.to_bytes(32, "big")).read
    return np.stack([sample(variance, size, read) for _ in range(rounds)])


@pytest.mark.parametrize("bands", [1, 2, 7, 40])
def test_without_noise_the_estimates_are_the_sums_to_the_last_bit(bands: int) -> None:
    sums = np.random.default_rng(0).integers(-LARGEST_SUM, LARGEST_SUM + 1, (60, 20))
    assert np.array_equal(_run(_strategy(bands), sums, np.zeros_like(sums)), sums)


def test_estimates_are_the_inverse_of_the_strategy_applied_to_noisy_rows() -> None:
    coefficients, rounds = _strategy(5), 23
    sums, noise = _some_sums(rounds, 8), _some_sums(rounds, 8, seed=2)
    rows = _toeplitz(coefficients, rounds) @ sums + noise / UNIT
    expected = np.linalg.solve(_toeplitz(coefficients, rounds), rows)
    assert np.allclose(_run(coefficients, sums, noise), expected, rtol=0, atol=1e-6)


def test_residuals_have_the_covariance_of_the_inverse_strategy() -> None:
    coefficients, rounds, size = _strategy(4), 7, 20_000
    variance = (30 * UNIT) ** 2
    sums = _some_sums(rounds, size)
    residuals = _run(coefficients, sums, _gaussians(variance, rounds, size)) - sums
    inverse = np.linalg.inv(_toeplitz(coefficients, rounds))
    expected = 30**2 * inverse @ inverse.T
    deviations = np.sqrt(np.diag(expected))
    tolerance = 5 * np.outer(deviations, deviations) / math.sqrt(size)
    assert np.all(np.abs(residuals @ residuals.T / size - expected) < tolerance)
    off = expected[1, 0] / deviations[1] / deviations[0]
    assert off < -0.3, "noise of a round takes back noise of the one before"


def test_the_strategy_applied_to_residuals_gives_the_white_noise_back() -> None:
    coefficients, rounds, size = _strategy(6), 12, 20_000
    noise = _gaussians((20 * UNIT) ** 2, rounds, size)
    sums = _some_sums(rounds, size)
    white = _toeplitz(coefficients, rounds) @ (_run(coefficients, sums, noise) - sums)
    assert np.allclose(white * UNIT, noise, rtol=0, atol=0.1)
    correlations = np.corrcoef(white)[np.triu_indices(rounds, 1)]
    assert np.max(np.abs(correlations)) < 5 / math.sqrt(size)


def test_running_sums_are_less_noisy_than_under_independent_noise() -> None:
    rounds, size, variance = 40, 2_000, (10 * UNIT) ** 2
    noise, sums = _gaussians(variance, rounds, size), np.zeros((rounds, size), dtype=np.int64)
    last = [float(_run(_strategy(bands), sums, noise).sum(axis=0).std()) for bands in (1, 20)]
    assert last[0] == pytest.approx(10 * math.sqrt(rounds), rel=0.08)
    assert last[1] < last[0] / 3


def test_estimates_depend_on_sums_only_through_the_noisy_rows() -> None:
    """Other sums with other noise that give the same y give the same estimates, to the bit."""
    coefficients, rounds = _strategy(5), 20
    sums, other = _some_sums(rounds, 6), _some_sums(rounds, 6, seed=3)
    noise = _some_sums(rounds, 6, seed=4)
    difference = sums - other
    moved = noise.copy()
    for j, c in enumerate(coefficients):
        moved[j:] += c * difference[: rounds - j]
    assert not np.array_equal(moved, noise)
    assert np.array_equal(_run(coefficients, sums, noise), _run(coefficients, other, moved))


@pytest.mark.parametrize("abandoned", [(), (4,), (3, 5)])
def test_a_device_that_stays_away_for_the_bands_meets_each_row_once_abandoned_rounds_counted(
    abandoned: tuple[int, ...],
) -> None:
    """Rows change by c_j times its update, in the bands rows from its round on and nowhere else."""
    bands, rounds = 4, 12
    coefficients = _strategy(bands)
    sums = _some_sums(rounds, 3)
    sums[list(abandoned)] = 0
    update = np.array([3, -4, 12])  # norm 13
    with_device = sums.copy()
    for taken in (2, 2 + bands):
        with_device[taken] += update
    noise = _some_sums(rounds, 3, seed=5)
    change = _run(coefficients, with_device, noise) - _run(coefficients, sums, noise)
    rows = np.rint(_toeplitz(coefficients, rounds) @ change * UNIT).astype(int)
    expected = np.zeros((rounds, 3), dtype=int)
    for taken in (2, 2 + bands):
        for j, c in enumerate(coefficients):
            expected[taken + j] += c * update
    assert np.array_equal(rows, expected)
    variance = 10**12
    spent = Fraction(int((rows**2).sum()), 2 * variance)
    assert spent == pytest.approx(2 * rho_per_participation(13, coefficients, variance), rel=1e-15)


def test_an_abandoned_round_has_a_row_and_noise_of_its_own() -> None:
    coefficients, rounds, size = _strategy(3), 6, 5_000
    noise = _gaussians((15 * UNIT) ** 2, rounds, size)
    sums = _some_sums(rounds, size)
    sums[2] = 0
    estimates = _run(coefficients, sums, noise)
    inverse = np.linalg.inv(_toeplitz(coefficients, rounds))
    assert np.allclose(estimates - sums, inverse @ noise / UNIT, rtol=0, atol=1e-6)
    assert estimates[2].std() > 15 * 0.95


def test_rho_is_that_of_the_squared_column_and_is_never_rounded_down() -> None:
    assert rho_per_participation(3, (UNIT,), UNIT**2) == 4.5
    for bands, norm_limit, variance in ((20, 65_536, 7**30), (400, 1_001, 3**41), (1, 1, 3)):
        coefficients = _strategy(bands)
        exact = Fraction(norm_limit**2 * sum(c * c for c in coefficients), 2 * variance)
        found = rho_per_participation(norm_limit, coefficients, variance)
        assert exact <= Fraction(found) <= exact * (1 + Fraction(1, 2**51))
    with pytest.raises(ValueError, match="a price needs"):
        rho_per_participation(3, (UNIT,), 0)


def test_two_thousand_rounds_under_four_hundred_bands_do_not_drift() -> None:
    """Float errors of the estimates stay where they were, and so does the noise itself."""
    coefficients, rounds = _strategy(400), 2000
    generator = np.random.default_rng(7)
    sums = generator.integers(-(2**20), 2**20, (rounds, 2))
    noise = np.rint(generator.normal(0, 1000 * UNIT, (rounds, 2))).astype(np.int64)
    residuals = _run(coefficients, sums, noise) - sums
    back = np.stack([np.convolve(column, coefficients)[:rounds] for column in residuals.T], axis=1)
    assert np.max(np.abs(back - noise)) < 1e-3, "in units of 2^-12 grid steps"
    # Independent noise would wander off to 1000 sqrt(2000) = 44 721 grid steps.
    assert np.max(np.abs(np.cumsum(residuals, axis=0))) < 25_000
    assert residuals[-400:].std() == pytest.approx(residuals[:400].std(), rel=0.15)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(0, 12), st.integers(0, 2**32 - 1))
def test_a_stream_restored_from_its_arrays_goes_on_as_if_nothing_had_happened(
    bands: int, before: int, seed: int
) -> None:
    coefficients = _strategy(bands)
    sums, noise = _some_sums(before + 3, 4, seed), _some_sums(before + 3, 4, seed + 1)
    stream = Stream(coefficients)
    for t in range(before):
        stream, _ = release(stream, sums[t], noise[t])
    again = restored(coefficients, *stream.arrays())
    for t in range(before, before + 3):
        stream, expected = release(stream, sums[t], noise[t])
        again, found = release(again, sums[t], noise[t])
        assert np.array_equal(found, expected)
    assert len(stream.sums) == len(stream.estimates) == min(before + 3, bands - 1)


def test_releasing_leaves_the_stream_and_its_inputs_as_they_were() -> None:
    stream = Stream(_strategy(3))
    total, noise = np.array([5, -6]), np.array([7, 8])
    after, first = release(stream, total, noise)
    _, second = release(stream, total, noise)
    assert np.array_equal(first, second)
    assert (total.tolist(), noise.tolist()) == ([5, -6], [7, 8])
    total[:] = 0  # the caller may wipe its sum
    assert after.sums[0].tolist() == [5, -6]


def test_the_largest_sums_and_noise_meet_no_overflow() -> None:
    coefficients = (UNIT,) + (UNIT - 1,) * 254  # hardly less than LARGEST_COEFFICIENTS
    rounds = 300
    sums = np.full((rounds, 1), LARGEST_SUM)
    noise = np.full((rounds, 1), LARGEST_NOISE)
    assert 176 * (LARGEST_WIDE_SIGMA + 1) < LARGEST_NOISE
    estimates = _run(coefficients, sums, noise)
    row = sum(coefficients) * LARGEST_SUM + LARGEST_NOISE  # as Python's integers
    recovered = float(np.dot(coefficients, estimates[: -len(coefficients) - 1 : -1, 0]))
    assert recovered == pytest.approx(row, rel=1e-12)


def test_values_beyond_the_proved_range_are_refused() -> None:
    stream = Stream(_strategy(2))
    zeros, one = np.zeros(2, dtype=np.int64), np.array([1, 0])
    for total, noise in (
        ((LARGEST_SUM + 1) * one, zeros),
        (-(LARGEST_SUM + 1) * one, zeros),
        (np.iinfo(np.int64).min * one, zeros),
        (zeros, (LARGEST_NOISE + 1) * one),
        (zeros, np.iinfo(np.int64).min * one),
    ):
        with pytest.raises(ValueError, match="larger than any lane or sampler"):
            release(stream, total, noise)


def test_vectors_of_other_lengths_and_types_are_refused() -> None:
    stream, _ = release(Stream(_strategy(2)), np.array([1, 2]), np.array([3, 4]))
    short, pair = np.array([1]), np.array([1, 2])
    for total, noise in ((short, short), (pair, short), (pair[None], pair[None])):
        with pytest.raises(ValueError, match="one length"):
            release(stream, total, noise)
    for total, noise in ((pair.astype(float), pair), (pair, pair.astype(np.int32))):
        with pytest.raises(ValueError, match="int64"):
            release(stream, total, noise)


@pytest.mark.parametrize(
    "coefficients",
    [(), (1,), (UNIT, UNIT), (UNIT, 5, 6), (UNIT, -1), (UNIT, UNIT - 1) + (UNIT - 2,) * 400],
)
def test_coefficients_whose_inverse_could_grow_are_refused(coefficients: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="coefficients"):
        Stream(coefficients)


def test_arrays_that_no_stream_had_are_refused() -> None:
    coefficients = _strategy(3)
    sums, estimates = np.zeros((2, 4), dtype=np.int64), np.zeros((2, 4))
    assert len(restored(coefficients, sums, estimates).sums) == 2
    for wrong_sums, wrong_estimates in (
        (sums[:1], estimates),
        (sums.astype(np.int32), estimates),
        (sums[0], estimates[0]),
        (np.zeros((3, 4), dtype=np.int64), np.zeros((3, 4))),
        (sums + np.iinfo(np.int64).min, estimates),
        (sums, estimates * math.nan),
    ):
        with pytest.raises(ValueError, match=r"sums|sum or an estimate|holds"):
            restored(coefficients, wrong_sums, wrong_estimates)
