"""The prime field of Shamir's shares, held against Python's own integers and ``pow``."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.algebra import field
from holter.algebra.field import PRIME

elements = st.integers(0, PRIME - 1)
points = st.lists(st.integers(1, PRIME - 1), min_size=1, max_size=7, unique=True)


def _array(values: list[int] | list[list[int]]) -> field.Elements:
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
    assert field.combine(many, many.reshape(-1, 1)).tolist() == [5000 * (PRIME - 1) ** 2 % PRIME]


@given(points)
@settings(deadline=None)
def test_weights_at_zero_are_lagranges(at: list[int]) -> None:
    expected = [_lagrange_at_zero(at, index) for index in range(len(at))]
    assert field.weights_at_zero(_array(at)).tolist() == expected


@given(points, st.data())
@settings(deadline=None)
def test_the_constant_term_comes_back_from_as_many_points_as_coefficients(
    at: list[int], data: st.DataObject
) -> None:
    row = st.lists(elements, min_size=2, max_size=2)
    coefficients = data.draw(st.lists(row, min_size=len(at), max_size=len(at)))
    values = field.evaluate(_array(coefficients), _array(at))
    assert field.combine(field.weights_at_zero(_array(at)), values).tolist() == coefficients[0]


def test_one_point_too_few_says_nothing_about_the_constant_term() -> None:
    """Two points of a parabola fit any constant term: each gives another third coefficient."""
    at = _array([1, 2])
    for secret in (0, 1, 12345, PRIME - 1):
        # a + b x + c x^2 through (1, 10) and (2, 20): b = 10 - 3 a / 2 ... solved modulo p.
        half = pow(2, -1, PRIME)
        c = (20 - 2 * 10 + secret) * half % PRIME
        b = (10 - secret - c) % PRIME
        assert field.evaluate(_array([[secret], [b], [c]]), at)[:, 0].tolist() == [10, 20]


@pytest.mark.parametrize("at", [[0], [0, 1], [3, 3], [1, 2, 1]])
def test_points_that_are_zero_or_repeated_are_refused(at: list[int]) -> None:
    with pytest.raises(ValueError, match="distinct, non-zero"):
        field.weights_at_zero(_array(at))


@given(st.lists(st.tuples(elements, elements), min_size=1, max_size=30))
def test_combining_is_the_sum_of_products_modulo_p(pairs: list[tuple[int, int]]) -> None:
    weights, values = _array([w for w, _ in pairs]), _array([[v] for _, v in pairs])
    assert field.combine(weights, values).tolist() == [sum(w * v for w, v in pairs) % PRIME]


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
