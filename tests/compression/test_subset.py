"""Shared-seed subsets: everyone sends the same coordinates, and sums stay sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.compression import subset

seeds = st.binary(min_size=32, max_size=32)
sizes = st.integers(1, 200)
shares = st.floats(0.001, 1.0)


def _seed(number: int) -> bytes:
    return number.to_bytes(32, "big")


@given(sizes, shares, seeds)
@settings(deadline=None)
def test_the_chosen_coordinates_are_distinct_in_order_and_as_many_as_promised(
    coordinates: int, share: float, seed: bytes
) -> None:
    chosen = subset.chosen(coordinates, share, seed)
    assert len(chosen) == subset.size(coordinates, share)
    assert (np.diff(chosen) > 0).all()
    assert 0 <= chosen[0] and chosen[-1] < coordinates


@given(sizes, shares, seeds)
@settings(deadline=None)
def test_the_seed_alone_determines_the_choice(coordinates: int, share: float, seed: bytes) -> None:
    once, again = (subset.chosen(coordinates, share, seed) for _ in range(2))
    assert np.array_equal(once, again)


def test_another_seed_chooses_otherwise() -> None:
    choices = {subset.chosen(1000, 0.5, _seed(n)).tobytes() for n in range(50)}
    assert len(choices) == 50


@pytest.mark.parametrize(
    ("coordinates", "share", "expected"),
    [(10, 0.5, 5), (10, 1.0, 10), (10, 0.01, 1), (1, 0.3, 1), (1000, 0.25, 250)],
)
def test_at_least_one_coordinate_is_sent(coordinates: int, share: float, expected: int) -> None:
    assert subset.size(coordinates, share) == expected


def test_the_whole_vector_is_sent_in_its_own_order_whatever_the_seed() -> None:
    assert subset.chosen(7, 1.0, _seed(1)).tolist() == list(range(7))


def test_every_coordinate_is_chosen_equally_often() -> None:
    rounds, coordinates = 4000, 20
    counts = np.zeros(coordinates)
    for number in range(rounds):
        counts[subset.chosen(coordinates, 0.25, _seed(number))] += 1
    expected = rounds * 0.25
    # Without replacement the statistic shrinks by (1 - share) and has 19 degrees of freedom.
    statistic = ((counts - expected) ** 2 / expected).sum() / 0.75 * (coordinates - 1) / coordinates
    assert statistic < 45  # p < 7e-4


def test_every_pair_of_coordinates_is_chosen_equally_often() -> None:
    rounds, coordinates = 6000, 6
    together = np.zeros((coordinates, coordinates))
    for number in range(rounds):
        chosen = subset.chosen(coordinates, 0.5, _seed(10**6 + number))
        together[np.ix_(chosen, chosen)] += 1
    pairs = together[np.triu_indices(coordinates, 1)]
    expected = rounds * 3 * 2 / (coordinates * (coordinates - 1))
    assert np.abs(pairs - expected).max() < 4.5 * np.sqrt(expected * 0.8)


@given(sizes, shares, seeds, st.integers(0, 99))
@settings(deadline=None)
def test_restoring_a_sum_is_summing_what_was_restored(
    coordinates: int, share: float, seed: bytes, draw: int
) -> None:
    count = subset.size(coordinates, share)
    # Whole numbers, so that the order of additions cannot show.
    one, other = np.random.default_rng(draw).integers(-1000, 1000, size=(2, count)).astype(float)
    apart = subset.restore(one, coordinates, share, seed) + subset.restore(
        other, coordinates, share, seed
    )
    together = subset.restore(one + other, coordinates, share, seed)
    assert together.tobytes() == (apart + 0.0).tobytes()


@given(sizes, shares, seeds)
@settings(deadline=None)
def test_sent_coordinates_stand_in_their_places_and_the_rest_is_zero(
    coordinates: int, share: float, seed: bytes
) -> None:
    update = np.arange(1.0, coordinates + 1)
    chosen = subset.chosen(coordinates, share, seed)
    full = subset.restore(update[chosen], coordinates, share, seed)
    expected = np.zeros(coordinates)
    expected[chosen] = update[chosen]
    assert full.dtype == np.float64
    assert full.tolist() == expected.tolist()


def test_what_is_sent_is_never_scaled_up_so_the_norm_cannot_grow() -> None:
    update = np.random.default_rng(1).normal(size=400)
    chosen = subset.chosen(400, 0.1, _seed(3))
    assert np.linalg.norm(update[chosen]) <= np.linalg.norm(update)
    assert np.linalg.norm(subset.restore(update[chosen], 400, 0.1, _seed(3))) == pytest.approx(
        np.linalg.norm(update[chosen])
    )


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_seed_that_is_not_32_bytes_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        subset.chosen(10, 0.5, bytes(length))


def test_values_of_another_number_than_were_sent_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        subset.restore(np.zeros(4), 10, 0.5, _seed(0))
