"""CBOR, writing and reading back: one value, one encoding, and it is the canonical one."""

from __future__ import annotations

import enum
from collections import OrderedDict
from random import Random
from types import MappingProxyType

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.wire.cbor import MAX_DEPTH, Malformed, Value, byte_string, decode, encode

integers = st.integers(-(2**64), 2**64 - 1)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
atoms = st.none() | st.booleans() | integers | texts | st.binary(max_size=300)


def _values(keys: st.SearchStrategy[int | str]) -> st.SearchStrategy[Value]:
    return st.recursive(
        atoms,
        lambda inner: st.lists(inner, max_size=30) | st.dictionaries(keys, inner, max_size=30),
        max_leaves=60,
    )


any_key = integers | texts
values = _values(any_key)
# cbor2 sorts keys by length first (RFC 7049), we by bytes alone (RFC 8949). Among keys of
# one kind and one length both orders are the same.
alike = _values(st.integers(0, 23)) | _values(st.text("abcdef", min_size=2, max_size=2))


def _nested(depth: int) -> Value:
    value: Value = 1
    for _ in range(depth):
        value = [value]
    return value


@given(alike)
@settings(deadline=None)
def test_the_encoding_is_the_canonical_one_of_cbor2(value: Value) -> None:
    assert encode(value) == cbor2.dumps(value, canonical=True)


@given(values)
@settings(deadline=None)
def test_every_value_comes_back(value: Value) -> None:
    assert decode(encode(value)) == value


@given(values)
@settings(deadline=None)
def test_cbor2_reads_what_we_write(value: Value) -> None:
    assert cbor2.loads(encode(value)) == value


@given(st.dictionaries(any_key, atoms, max_size=12), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_in_which_a_map_was_filled_does_not_show(
    value: dict[int | str, Value], dice: Random
) -> None:
    items = list(value.items())
    dice.shuffle(items)
    assert encode(OrderedDict(items)) == encode(value)


def test_map_keys_are_sorted_by_their_encoding_and_not_by_their_length_first() -> None:
    """RFC 8949 section 4.2.1: 10, 100, -1, "z", "aa", in this order."""
    written = encode({"aa": 5, "z": 4, -1: 3, 100: 2, 10: 1})
    assert written.hex() == "a50a011864022003617a0462616105"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (255, "18ff"),
        (256, "190100"),
        (65535, "19ffff"),
        (65536, "1a00010000"),
        (2**32 - 1, "1affffffff"),
        (2**32, "1b0000000100000000"),
        (2**64 - 1, "1bffffffffffffffff"),
        (-1, "20"),
        (-24, "37"),
        (-25, "3818"),
        (-(2**64), "3bffffffffffffffff"),
        (b"", "40"),
        (b"\x01\x02", "420102"),
        ("", "60"),
        ("ü水", "65c3bce6b0b4"),
        ([], "80"),
        ((1, [2, 3]), "8201820203"),
        ({}, "a0"),
        ({"a": 1, "b": [2, 3]}, "a26161016162820203"),
        (False, "f4"),
        (True, "f5"),
        (None, "f6"),
    ],
)
def test_the_examples_of_rfc_8949_appendix_a(value: Value, expected: str) -> None:
    assert encode(value).hex() == expected


@pytest.mark.parametrize("length", [23, 24, 255, 256, 65535, 65536])
def test_strings_and_arrays_have_the_shortest_head_that_holds_their_length(length: int) -> None:
    for value in (bytes(length), "x" * length, [0] * length):
        written = encode(value)
        assert written == cbor2.dumps(value, canonical=True)
        assert decode(written) == value


def test_tuples_and_other_mappings_come_back_as_lists_and_dictionaries() -> None:
    assert decode(encode((1, (2,)))) == [1, [2]]
    assert decode(encode(MappingProxyType({"a": ()}))) == {"a": []}


def test_truth_values_and_numbers_do_not_become_one_another() -> None:
    assert decode(encode([True, 1, False, 0])) == [True, 1, False, 0]
    assert [type(item) for item in decode(encode([True, 1]))] == [bool, int]


@pytest.mark.parametrize("number", [2**64, -(2**64) - 1, 10**30])
def test_an_integer_beyond_64_bits_is_not_written_as_a_bignum(number: int) -> None:
    with pytest.raises(TypeError, match="beyond 64 bits"):
        encode(number)


@pytest.mark.parametrize(
    "value", [1.0, float("nan"), {1, 2}, object(), bytearray(b"x"), 1j, enum.Enum("E", "a")]
)
def test_a_type_outside_the_profile_is_not_written(value: object) -> None:
    with pytest.raises(TypeError, match="not in the profile"):
        encode([value])  # type: ignore[list-item]


def test_values_nested_as_deep_as_the_limit_come_back() -> None:
    assert decode(encode(_nested(MAX_DEPTH))) == _nested(MAX_DEPTH)
    with pytest.raises(Malformed, match="nested deeper"):
        decode(b"\x81" * (MAX_DEPTH + 1) + b"\x01")


@pytest.mark.parametrize("key", [True, None, b"k", (1, 2)])
def test_a_map_key_that_the_decoder_refuses_is_not_written(key: object) -> None:
    with pytest.raises(TypeError):
        encode({key: 1})  # type: ignore[dict-item]


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 5000])
def test_a_value_nested_deeper_than_the_decoder_reads_is_not_written(depth: int) -> None:
    with pytest.raises(TypeError):
        encode(_nested(depth))


def test_half_a_surrogate_pair_is_not_text() -> None:
    with pytest.raises(TypeError):
        encode("\ud800")


@given(st.binary(max_size=300))
def test_a_byte_string_put_together_by_hand_is_the_encoding(data: bytes) -> None:
    assert byte_string(data) == encode(data)
