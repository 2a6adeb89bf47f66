"""Lanes: small signed integers side by side in a word, added without unpacking.

Everything is held against Python's big integers, which know nothing of words or borrows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.algebra import lanes, ring

WIDTHS = tuple(lanes.LANES_BY_BITS)
widths = st.sampled_from(WIDTHS)


def _word_by_definition(values: list[int], bits: int) -> int:
    return sum(value << (bits * lane) for lane, value in enumerate(values)) % 2**64


def _signed(value: int, bits: int) -> int:
    return (value + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


def _int64(values: list[int]) -> npt.NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


@st.composite
def fitting(draw: st.DrawFn, addends: int = 1) -> tuple[int, list[list[int]]]:
    """A lane width and rows of integers; every sum over the rows stays inside its lane."""
    bits = draw(widths)
    low, high = -(2 ** (bits - 1) // addends), (2 ** (bits - 1) - 1) // addends
    extremes = st.sampled_from([low, -1, 0, 1, high])
    count = draw(st.integers(1, 9))
    row = st.lists(extremes | st.integers(low, high), min_size=count, max_size=count)
    return bits, draw(st.lists(row, min_size=addends, max_size=addends))


@given(fitting())
@settings(deadline=None)
def test_unpacking_undoes_packing(case: tuple[int, list[list[int]]]) -> None:
    bits, [values] = case
    packed = lanes.pack(_int64(values), bits)
    assert lanes.unpack(packed, len(values), bits).tolist() == values


@pytest.mark.parametrize("bits", WIDTHS)
def test_every_mixture_of_extremes_survives(bits: int) -> None:
    extremes = [-(2 ** (bits - 1)), -1, 0, 1, 2 ** (bits - 1) - 1]
    mixtures = np.array(np.meshgrid(*[extremes] * lanes.LANES_BY_BITS[bits])).T.reshape(-1)
    packed = lanes.pack(mixtures, bits)
    assert np.array_equal(lanes.unpack(packed, len(mixtures), bits), mixtures)


@given(widths, st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=9))
@settings(deadline=None)
def test_a_word_is_the_weighted_sum_of_its_lanes_for_any_integer(
    bits: int, values: list[int]
) -> None:
    width = lanes.LANES_BY_BITS[bits]
    padded = values + [0] * (-len(values) % width)
    rows = [padded[start : start + width] for start in range(0, len(padded), width)]
    expected = [_word_by_definition(row, bits) for row in rows]
    assert lanes.pack(_int64(values), bits).tolist() == expected


@given(fitting(addends=3))
@settings(deadline=None)
def test_the_sum_of_packed_words_is_the_packed_sum(case: tuple[int, list[list[int]]]) -> None:
    bits, rows = case
    packed = [lanes.pack(_int64(row), bits) for row in rows]
    summed = ring.total(packed, lanes.words_needed(len(rows[0]), bits))
    expected = [sum(column) for column in zip(*rows, strict=True)]
    assert np.array_equal(summed, lanes.pack(_int64(expected), bits))
    assert lanes.unpack(summed, len(expected), bits).tolist() == expected


@pytest.mark.parametrize("bits", WIDTHS)
def test_a_borrow_from_the_upper_neighbour_is_given_back(bits: int) -> None:
    values = [-1] + [0] * (lanes.LANES_BY_BITS[bits] - 1)
    packed = lanes.pack(_int64(values), bits)
    assert packed.tolist() == [2**64 - 1]  # the borrow runs through every lane above
    assert lanes.unpack(packed, len(values), bits).tolist() == values


@pytest.mark.parametrize("bits", WIDTHS)
def test_a_thousand_signed_contributions_add_up_lane_by_lane(bits: int) -> None:
    dice = np.random.default_rng(5)
    limit = (2 ** (bits - 1) - 1) // 1000
    values = dice.integers(-limit, limit + 1, size=(1000, 50))
    summed = ring.total([lanes.pack(row, bits) for row in values], lanes.words_needed(50, bits))
    assert np.array_equal(lanes.unpack(summed, 50, bits), values.sum(axis=0))


@given(widths, st.data())
@settings(deadline=None)
def test_a_lane_that_wraps_disturbs_only_itself_and_its_upper_neighbour(
    bits: int, data: st.DataObject
) -> None:
    width = lanes.LANES_BY_BITS[bits]
    half = 2 ** (bits - 1)
    # The others keep one step of room, which is what a wrap takes from the neighbour.
    quiet = st.integers(-half + 1, half - 2)
    values = data.draw(st.lists(quiet, min_size=2 * width, max_size=2 * width))
    place = data.draw(st.integers(0, 2 * width - 1))
    wrapped = data.draw(st.integers(half, 2 * half - 1) | st.integers(-2 * half, -half - 1))
    values[place] = wrapped
    read = lanes.unpack(lanes.pack(_int64(values), bits), len(values), bits).tolist()
    expected = list(values)
    expected[place] = _signed(wrapped, bits)
    if place % width < width - 1:
        expected[place + 1] += 1 if wrapped > 0 else -1
    assert read == expected


@given(st.lists(st.integers(-(2**20), 2**20 - 1), min_size=3, max_size=3))
@settings(deadline=None)
def test_the_64th_bit_above_three_lanes_of_21_is_ignored(values: list[int]) -> None:
    word = lanes.pack(_int64(values), 21) ^ np.uint64(2**63)
    assert lanes.unpack(word, 3, 21).tolist() == values


@pytest.mark.parametrize(
    ("coordinates", "bits", "expected"),
    [
        (0, 16, 0),
        (1, 16, 1),
        (4, 16, 1),
        (5, 16, 2),
        (3, 21, 1),
        (4, 21, 2),
        (2, 32, 1),
        (3, 32, 2),
    ],
)
def test_words_are_counted_with_the_last_one_rounded_up(
    coordinates: int, bits: int, expected: int
) -> None:
    assert lanes.words_needed(coordinates, bits) == expected
    assert len(lanes.pack(np.zeros(coordinates, dtype=np.int64), bits)) == expected


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("off", [-1, 1])
def test_a_wrong_number_of_words_is_refused(bits: int, off: int) -> None:
    words = ring.zeros(lanes.words_needed(10, bits) + off)
    with pytest.raises(ValueError, match="cannot hold 10 lanes"):
        lanes.unpack(words, 10, bits)


def test_reading_the_lanes_leaves_the_words_as_they_were() -> None:
    words = lanes.pack(_int64([-5, 7, -9, 11]), 16)
    before = words.copy()
    lanes.unpack(words, 4, 16)
    assert np.array_equal(words, before)
