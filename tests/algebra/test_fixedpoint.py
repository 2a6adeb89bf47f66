"""Fixed point: reals on a grid, rounded to a neighbour without bias."""

from __future__ import annotations

import math
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.algebra.fixedpoint import (
    GRID_LIMIT,
    OffGrid,
    round_stochastically,
    rounding_bytes,
    to_reals,
)

on_grid = st.floats(-(2.0**30), 2.0**30, allow_subnormal=True)


def _draw(value: int) -> bytes:
    return value.to_bytes(4, "little")


@given(st.lists(on_grid, max_size=8), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_a_value_is_rounded_to_one_of_its_two_neighbours(values: list[float], dice: Random) -> None:
    random = dice.randbytes(rounding_bytes(len(values)))
    rounded = round_stochastically(np.array(values), 1.0, random=random)
    assert rounded.dtype == np.int64
    for value, result in zip(values, rounded.tolist(), strict=True):
        assert math.floor(value) <= result <= math.ceil(value)


@given(st.integers(-(2**30), 2**30), st.integers(0, 2**32 - 1))
def test_a_value_on_the_grid_stays_where_it_is(value: int, draw: int) -> None:
    assert round_stochastically(np.array([float(value)]), 1.0, random=_draw(draw)).tolist() == [
        value
    ]


@given(on_grid)
def test_the_share_of_draws_that_round_up_is_the_fraction_to_32_bits(value: float) -> None:
    """Exactly: a draw rounds up if and only if it lies below fraction * 2^32."""
    floor = math.floor(value)
    ups = math.ceil((Fraction(value) - floor) * 2**32)  # this many of the 2^32 draws round up
    if ups:
        up = round_stochastically(np.array([value]), 1.0, random=_draw(ups - 1))
        assert up.tolist() == [floor + 1]
    if ups < 2**32:
        down = round_stochastically(np.array([value]), 1.0, random=_draw(ups))
        # A fraction too close to one for a double is a whole step; both are within 2^-32.
        assert down.tolist() == [floor] or Fraction(value) - floor > 1 - Fraction(1, 2**32)


@pytest.mark.parametrize("value", [0.25, -0.25, 3.7, -3.7, 1e-3, 0.5])
def test_the_mean_of_many_roundings_is_the_value(value: float) -> None:
    count = 200_000
    random = np.random.default_rng(11).bytes(rounding_bytes(count))
    rounded = round_stochastically(np.full(count, value), 1.0, random=random)
    standard_error = 0.5 / math.sqrt(count)
    assert abs(rounded.mean() - value) < 5 * standard_error


def test_values_are_multiplied_by_the_scale_before_rounding() -> None:
    rounded = round_stochastically(np.array([0.5, -1.25]), 8.0, random=bytes(8))
    assert rounded.tolist() == [4, -10]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused(bad: float) -> None:
    with pytest.raises(OffGrid, match="NaN or infinite"):
        round_stochastically(np.array([0.0, bad]), 1.0, random=bytes(8))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_value_that_leaves_the_grid_is_refused_and_told_to_be_clipped(sign: float) -> None:
    with pytest.raises(OffGrid, match="clip it first"):
        round_stochastically(np.array([sign * GRID_LIMIT]), 1.0, random=bytes(4))
    with pytest.raises(OffGrid, match="clip it first"):
        round_stochastically(np.array([sign * GRID_LIMIT / 1024]), 1024.0, random=bytes(4))


def test_a_value_whose_scaling_overflows_is_refused_without_a_warning() -> None:
    with pytest.raises(OffGrid):
        round_stochastically(np.array([1e308]), 1e10, random=bytes(4))


@pytest.mark.parametrize("length", [0, 4, 7, 9, 12])
def test_too_few_or_too_many_random_bytes_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match="random bytes for 2 coordinates"):
        round_stochastically(np.zeros(2), 1.0, random=bytes(length))


@given(st.lists(st.integers(-(2**31), 2**31), max_size=8), st.integers(0, 20))
def test_grid_steps_become_reals_by_division(steps: list[int], power: int) -> None:
    scale = float(2**power)
    reals = to_reals(np.array(steps, dtype=np.int64), scale)
    assert reals.dtype == np.float64
    assert reals.tolist() == [step / scale for step in steps]


def test_an_empty_update_stays_empty() -> None:
    assert len(round_stochastically(np.zeros(0), 3.0, random=b"")) == 0
