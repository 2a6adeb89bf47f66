"""The prime field of Shamir's shares, held against Python's own integers and ``pow``."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.algebra import field
from holter.algebra.field import POINT_LIMIT, PRIME

elements = st.integers(0, PRIME - 1)
points = st.lists(st.integers(1, POINT_LIMIT), min_size=1, max_size=7, unique=True)
batches = st.integers(1, 5).flatmap(
    lambda t: st.lists(
        st.lists(st.integers(1, POINT_LIMIT), min_size=t, max_size=t, unique=True),
        min_size=1,
        max_size=4,
    )
)


def _array(values: object) -> field.Elements:
    return np.array(values, dtype=np.uint64)


def _value_at(coefficients: list[int], point: int) -> int:
    return sum(c * pow(point, power, PRIME) for power, c in enumerate(coefficients)) % PRIME


def _lagrange_at_zero(at: list[int], index: int) -> int:
    weight = 1
    for other, point in enumerate(at):
        if other != index:
            weight = weight * point * pow(point - at[index], -1, PRIME) % PRIME
    return weight


def test_the_prime_is_the_mersenne_prime_of_31_bits() -> None:
    assert PRIME == 2**31 - 1
    assert all(pow(base, PRIME - 1, PRIME) == 1 for base in (2, 3, 5, 7, 11))


@given(st.lists(elements, min_size=1, max_size=6), st.lists(elements, min_size=1, max_size=6))
@settings(deadline=None)
def test_horner_agrees_with_powers_of_the_point(coefficients: list[int], at: list[int]) -> None:
    rows = _array([[c, (c + 1) % PRIME] for c in coefficients])
    values = field.evaluate(rows, _array(at))
    following = [(c + 1) % PRIME for c in coefficients]
    assert values[:, 0].tolist() == [_value_at(coefficients, point) for point in at]
    assert values[:, 1].tolist() == [_value_at(following, point) for point in at]


def test_the_largest_elements_do_not_overflow() -> None:
    top = [PRIME - 1] * 40
    values = field.evaluate(_array([[c] for c in top]), _array([PRIME - 1, PRIME - 2]))
    assert values[:, 0].tolist() == [_value_at(top, PRIME - 1), _value_at(top, PRIME - 2)]
    many = _array([PRIME - 1] * 5000)
    combined = field.combine(many.reshape(1, -1), many.reshape(1, -1, 1))
    assert combined.tolist() == [[5000 * (PRIME - 1) ** 2 % PRIME]]


@given(batches)
@settings(deadline=None)
def test_weights_at_zero_are_lagranges_row_by_row(batch: list[list[int]]) -> None:
    expected = [[_lagrange_at_zero(at, index) for index in range(len(at))] for at in batch]
    assert field.weights_at_zero(_array(batch)).tolist() == expected


def test_weights_reach_to_the_last_point_of_a_roster_and_no_further() -> None:
    ends = [POINT_LIMIT, 1, POINT_LIMIT - 1]
    expected = [_lagrange_at_zero(ends, index) for index in range(3)]
    assert field.weights_at_zero(_array([ends])).tolist() == [expected]
    with pytest.raises(ValueError, match="points from 1 to 65536"):
        field.weights_at_zero(_array([[1, POINT_LIMIT + 1]]))


@given(points, st.data())
@settings(deadline=None)
def test_the_constant_term_comes_back_from_as_many_points_as_coefficients(
    at: list[int], data: st.DataObject
) -> None:
    row = st.lists(elements, min_size=2, max_size=2)
    coefficients = data.draw(st.lists(row, min_size=len(at), max_size=len(at)))
    values = field.evaluate(_array(coefficients), _array(at))
    weights = field.weights_at_zero(_array([at]))
    assert field.combine(weights, values[None, :, :]).tolist() == [coefficients[0]]


def test_one_point_too_few_says_nothing_about_the_constant_term() -> None:
    """Two points of a parabola fit any constant term: each gives another third coefficient."""
    at = _array([1, 2])
    for secret in (0, 1, 12345, PRIME - 1):
        # a + b x + c x^2 through (1, 10) and (2, 20): b = 10 - 3 a / 2 ... solved modulo p.
        half = pow(2, -1, PRIME)
        c = (20 - 2 * 10 + secret) * half % PRIME
        b = (10 - secret - c) % PRIME
        assert field.evaluate(_array([[secret], [b], [c]]), at)[:, 0].tolist() == [10, 20]


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ([[0]], "points from 1"),
        ([[0, 1]], "points from 1"),
        ([[1, 2], [3, 0]], "points from 1"),
        ([[3, 3]], "distinct"),
        ([[1, 2, 1]], "distinct"),
        ([[1, 2], [7, 7]], "distinct"),
    ],
)
def test_points_that_are_zero_or_repeated_are_refused_in_any_row(
    at: list[list[int]], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        field.weights_at_zero(_array(at))


rows = st.tuples(st.integers(1, 3), st.integers(1, 12)).flatmap(
    lambda shape: st.lists(
        st.lists(st.tuples(elements, elements), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)


@given(rows)
@settings(deadline=None)
def test_combining_is_the_sum_of_products_modulo_p_row_by_row(
    batch: list[list[tuple[int, int]]],
) -> None:
    weights = _array([[w for w, _ in row] for row in batch])
    values = _array([[[v] for _, v in row] for row in batch])
    expected = [[sum(w * v for w, v in row) % PRIME] for row in batch]
    assert field.combine(weights, values).tolist() == expected


def _random(draws: list[int], count: int) -> bytes:
    spare = field.uniform_bytes(count) // 4 - len(draws)
    return np.array(draws + [7] * spare, dtype="<u4").tobytes()


def test_a_draw_that_is_p_is_rejected_and_the_next_one_taken() -> None:
    assert field.uniform(_random([PRIME, 5, PRIME, 6], 2), 2).tolist() == [5, 6]


def test_zero_and_the_largest_element_are_kept() -> None:
    assert field.uniform(_random([0, PRIME - 1], 2), 2).tolist() == [0, PRIME - 1]


def test_only_31_bits_of_a_draw_count() -> None:
    assert field.uniform(_random([2**31 + 5, 2**32 - 1, 6], 2), 2).tolist() == [5, 6]


def test_nothing_but_rejected_draws_is_an_error_and_not_a_short_answer() -> None:
    with pytest.raises(ValueError, match="too few for 3 field elements"):
        field.uniform(b"\xff" * field.uniform_bytes(3), 3)


def test_uniform_elements_fill_the_field_evenly() -> None:
    count = 160_000
    drawn = field.uniform(np.random.default_rng(3).bytes(field.uniform_bytes(count)), count)
    assert drawn.dtype == np.uint64 and drawn.max() < PRIME
    boxes = np.bincount((drawn * np.uint64(16) // np.uint64(PRIME)).astype(np.int64), minlength=16)
    assert ((boxes - 10_000) ** 2 / 10_000).sum() < 40  # 15 degrees of freedom, p < 5e-4
