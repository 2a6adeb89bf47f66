"""Clipping: as reals before rounding, as integers after it; the integers are what counts."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from holter.algebra.fixedpoint import round_stochastically, rounding_bytes
from holter.privacy.clipping import NotFinite, bound_integers, bound_norm, target_norm

# Updates are differences of float32 parameters: every float32 there is, subnormal ones too.
floats32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
updates = st.lists(floats32, min_size=1, max_size=12)
limits = st.floats(1e-3, 1e6)
EXTREMES = [0, 1, -1, 2**16, -(2**16), 2**16 - 1, 2**31 - 1, -(2**31) + 1]
integers = st.lists(
    st.sampled_from(EXTREMES) | st.integers(-(2**31) + 1, 2**31 - 1), min_size=1, max_size=12
)


def _norm(values: list[float]) -> Fraction:
    """The L2 norm to 100 digits or so: squares are exact, the root is an integer one."""
    square = sum((Fraction(v) ** 2 for v in values), Fraction(0))
    shift = 10**400
    return Fraction(math.isqrt(int(square * shift)), math.isqrt(shift))


@given(updates, limits)
@example([3.4e38] * 12, 1.0)
@example([1.4e-45, -1.4e-45], 1.0)
@settings(deadline=None)
def test_the_norm_of_a_clipped_update_is_at_most_the_limit(
    update: list[float], limit: float
) -> None:
    clipped = bound_norm(np.array(update), limit, normalise=False)
    assert _norm(clipped.tolist()) <= Fraction(limit) * (1 + Fraction(1, 10**12))


@given(updates.filter(any), limits)
@example([3.4e38] * 12, 1.0)
@example([1.4e-45, 0.0, -1.4e-45], 1.0)
@settings(deadline=None)
def test_a_normalised_update_has_exactly_the_limit_as_its_norm(
    update: list[float], limit: float
) -> None:
    normalised = bound_norm(np.array(update), limit, normalise=True)
    assert float(_norm(normalised.tolist())) == pytest.approx(limit, rel=1e-12)


@given(updates, limits, st.booleans())
@settings(deadline=None)
def test_clipping_keeps_the_direction(update: list[float], limit: float, normalise: bool) -> None:
    before = np.array(update)
    after = bound_norm(before, limit, normalise=normalise)
    largest = int(np.argmax(np.abs(before)))
    if before[largest]:
        factor = after[largest] / before[largest]
        assert factor > 0
        assert np.allclose(after, before * factor, rtol=1e-12, atol=0)


@given(updates, st.floats(1e-3, 1e3))
@settings(deadline=None)
def test_an_update_within_the_limit_is_unchanged(update: list[float], spare: float) -> None:
    before = np.array(update)
    limit = float(np.linalg.norm(before)) * (1 + spare) + 1e-30
    assert bound_norm(before, limit, normalise=False).tobytes() == before.tobytes()


@pytest.mark.parametrize("normalise", [False, True])
def test_zero_stays_zero(normalise: bool) -> None:
    assert bound_norm(np.zeros(5), 1.0, normalise=normalise).tolist() == [0.0] * 5
    assert bound_norm(np.zeros(0), 1.0, normalise=normalise).tolist() == []


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_update_that_is_not_finite_is_refused(bad: float, normalise: bool) -> None:
    with pytest.raises(NotFinite):
        bound_norm(np.array([0.0, bad, 1.0]), 1.0, normalise=normalise)


@pytest.mark.parametrize("limit", [1e-300, 1.0, 1e300, np.inf])
def test_clipping_leaves_the_smallest_updates_alone(limit: float) -> None:
    update = np.array([5e-324, 0.0])
    assert np.array_equal(bound_norm(update, limit, normalise=False), update)


@pytest.mark.parametrize("update", [[1.7e308] * 4, [5e-324, 0.0], [1e-310, 1e-310]])
def test_normalising_holds_for_every_finite_double(update: list[float]) -> None:
    normalised = bound_norm(np.array(update), 1.0, normalise=True)
    assert float(_norm(normalised.tolist())) == pytest.approx(1.0, rel=1e-9)


@given(integers, st.integers(0, 2**31))
@example([2**31 - 1] * 12, 1)
@example([1] * 12, 3)
@example([1, 0, 0], 0)
@settings(deadline=None, max_examples=400)
def test_the_integer_norm_is_at_most_the_limit_exactly(values: list[int], limit: int) -> None:
    clipped = bound_integers(np.array(values, dtype=np.int64), limit).tolist()
    assert sum(v * v for v in clipped) <= limit**2


@given(integers, st.integers(0, 2**31))
@settings(deadline=None, max_examples=200)
def test_no_integer_grows_or_changes_its_sign(values: list[int], limit: int) -> None:
    clipped = bound_integers(np.array(values, dtype=np.int64), limit).tolist()
    for before, after in zip(values, clipped, strict=True):
        assert min(before, 0) <= after <= max(before, 0)


@given(integers)
@settings(deadline=None)
def test_integers_within_the_limit_are_unchanged_to_the_last_square(values: list[int]) -> None:
    square = sum(v * v for v in values)
    enough = math.isqrt(square - 1) + 1 if square else 0  # least D with D^2 >= the square
    array = np.array(values, dtype=np.int64)
    assert bound_integers(array, enough).tolist() == values
    if enough:
        shorter = bound_integers(array, enough - 1).tolist()
        assert sum(v * v for v in shorter) <= (enough - 1) ** 2


def test_integers_are_truncated_towards_zero_and_not_rounded() -> None:
    """10 and 4 at norm 10 become 9.28 and 3.71; (9, 4) would fit too, but is rounded up."""
    for sign in (1, -1):
        assert bound_integers(sign * np.array([10, 4]), 10).tolist() == [sign * 9, sign * 3]


def test_clipping_integers_loses_little_more_than_it_must() -> None:
    values = np.random.default_rng(2).integers(-5000, 5000, size=2000)
    limit = 100_000
    clipped = bound_integers(values, limit)
    assert limit * 0.99 < np.linalg.norm(clipped) <= limit


def test_a_long_vector_of_large_integers_is_summed_without_overflow() -> None:
    values = np.full(50_000, 2**31 - 1, dtype=np.int64)
    assert (bound_integers(values, 1000) == 0).sum() + 1000**2 >= 50_000
    assert int((bound_integers(values, 10**6) ** 2).sum()) <= 10**12


@pytest.mark.parametrize(("limit", "coordinates"), [(286, 2000), (508, 50_000), (9100, 50_000)])
def test_rounding_after_the_clip_almost_never_needs_the_integer_check(
    limit: int, coordinates: int
) -> None:
    dice = np.random.default_rng(limit)
    aim = target_norm(limit, coordinates)
    exceeded = 0
    for _ in range(60):
        update = bound_norm(dice.normal(size=coordinates), aim, normalise=True)
        integers = round_stochastically(update, 1.0, random=dice.bytes(rounding_bytes(coordinates)))
        exceeded += int((integers**2).sum()) > limit**2
    assert exceeded == 0


def test_where_rounding_alone_would_fill_the_norm_nothing_is_left() -> None:
    assert target_norm(10, 50_000) == 0.0
    assert target_norm(1000, 400) == math.sqrt(10**6 - 100 - 5000 - 160)
