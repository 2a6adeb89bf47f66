"""The ring: sums of 64-bit words that are compared with ``==`` and never with a tolerance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from holter.algebra import ring

MODULUS = 2**64
words = st.integers(0, MODULUS - 1)


def _vectors(count: int, length: int) -> st.SearchStrategy[list[ring.Words]]:
    one = arrays(np.uint64, length, elements=words)
    return st.lists(one, min_size=count, max_size=count)


@given(st.integers(0, 6), st.integers(0, 5), st.data())
@settings(deadline=None)
def test_a_sum_is_the_sum_of_big_integers_modulo_two_to_the_64(
    count: int, length: int, data: st.DataObject
) -> None:
    vectors = data.draw(_vectors(count, length))
    expected = [sum(int(v[i]) for v in vectors) % MODULUS for i in range(length)]
    assert ring.total(vectors, length).tolist() == expected


@given(_vectors(4, 3), st.permutations(range(4)))
@settings(deadline=None)
def test_a_sum_does_not_depend_on_who_comes_first(
    vectors: list[ring.Words], order: list[int]
) -> None:
    reordered = [vectors[i] for i in order]
    assert np.array_equal(ring.total(vectors, 3), ring.total(reordered, 3))


def test_the_largest_word_plus_one_is_zero() -> None:
    top = np.array([MODULUS - 1], dtype=np.uint64)
    assert ring.total([top, np.array([1], dtype=np.uint64)], 1).tolist() == [0]


def test_the_empty_sum_is_zero_and_has_the_length_asked_for() -> None:
    empty = ring.total([], 3)
    assert empty.dtype == np.uint64
    assert empty.tolist() == ring.zeros(3).tolist() == [0, 0, 0]


def test_summing_leaves_the_addends_as_they_were() -> None:
    one, other = np.arange(3, dtype=np.uint64), np.arange(3, dtype=np.uint64)
    ring.total([one, other], 3)
    assert one.tolist() == other.tolist() == [0, 1, 2]


@pytest.mark.parametrize("shape", [(2,), (4,), (0,), (3, 1), (1, 3)])
def test_a_vector_of_another_length_is_refused_and_not_broadcast(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="in a sum of 3"):
        ring.total([ring.zeros(3), np.zeros(shape, dtype=np.uint64)], 3)


@given(arrays(np.uint64, st.integers(0, 9), elements=words))
@settings(deadline=None)
def test_words_survive_the_trip_through_bytes(vector: ring.Words) -> None:
    data = ring.to_bytes(vector)
    assert len(data) == ring.WORD_BYTES * len(vector)
    assert np.array_equal(ring.from_bytes(data), vector)


def test_the_low_byte_of_a_word_travels_first() -> None:
    assert ring.to_bytes(np.array([0x0102], dtype=np.uint64)) == b"\x02\x01" + bytes(6)
    assert ring.from_bytes(b"\x01" + bytes(7)).tolist() == [1]


@pytest.mark.parametrize("length", [1, 7, 9, 15])
def test_half_a_word_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="not a whole number of 64-bit words"):
        ring.from_bytes(bytes(length))


def test_words_read_from_bytes_may_be_added_to() -> None:
    vector = ring.from_bytes(bytes(16))
    vector += np.uint64(1)
    assert vector.tolist() == [1, 1]
