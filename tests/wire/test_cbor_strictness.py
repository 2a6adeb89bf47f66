"""CBOR, reading: exactly what the encoder writes is accepted, and nothing else."""

from __future__ import annotations

import tracemalloc

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from holter.wire.cbor import MAX_DEPTH, Malformed, Value, decode, encode


def _refused(text: str, because: str) -> None:
    with pytest.raises(Malformed, match=because):
        decode(bytes.fromhex(text))


@pytest.mark.parametrize("after", ["00", "f6", "ff", "0000"])
def test_bytes_after_the_value_are_refused(after: str) -> None:
    _refused("8101" + after, "after the end of the value")


@pytest.mark.parametrize("data", ["", "18", "19ff", "1a000000", "43aabb", "6261", "8201", "a101"])
def test_a_value_that_ends_too_early_is_refused(data: str) -> None:
    _refused(data, "end in the middle|longer than the message")


@pytest.mark.parametrize(
    "data",
    ["1800", "1817", "1900ff", "190017", "1a0000ffff", "1b00000000ffffffff", "3817", "390000"],
)
def test_a_number_longer_than_need_be_is_refused(data: str) -> None:
    _refused(data, "shortest form")


@pytest.mark.parametrize("data", ["580161", "780161", "980101", "b8010101", "590001ff"])
def test_a_length_longer_than_need_be_is_refused(data: str) -> None:
    _refused(data, "shortest form")


@pytest.mark.parametrize("data", ["5f4101ff", "7f6161ff", "9f01ff", "bf0102ff", "1f", "3f", "ff"])
def test_indefinite_lengths_are_refused(data: str) -> None:
    _refused(data, "indefinite lengths")


@pytest.mark.parametrize("additional", [28, 29, 30])
@pytest.mark.parametrize("major", range(8))
def test_reserved_heads_are_refused(major: int, additional: int) -> None:
    _refused(bytes([major << 5 | additional]).hex() + "00" * 8, "reserved heads")


@pytest.mark.parametrize(
    "value",
    [cbor2.CBORTag(0, "2026-11-23T00:00:00Z"), cbor2.CBORTag(1, 1), cbor2.CBORTag(55799, 1)],
)
def test_tags_are_refused(value: object) -> None:
    _refused(cbor2.dumps(value).hex(), "tags")


@pytest.mark.parametrize("pattern", ["a+", "(", "(" * 50, "(a+)+$"])
def test_tag_35_a_regular_expression_is_refused_and_never_compiled(pattern: str) -> None:
    _refused(cbor2.dumps(cbor2.CBORTag(35, pattern)).hex(), "tags")


@pytest.mark.parametrize("number", [2**64, -(2**64) - 1])
def test_bignums_are_refused(number: int) -> None:
    _refused(cbor2.dumps(number).hex(), "tags")


@pytest.mark.parametrize("data", ["f90000", "f97e00", "fa3f800000", "fb3ff0000000000000"])
def test_floats_are_refused(data: str) -> None:
    _refused(data, "floats")


@pytest.mark.parametrize("data", ["f7", "e0", "f3", "f818", "f814", "f8ff"])
def test_undefined_and_other_simple_values_are_refused(data: str) -> None:
    _refused(data, "not allowed")


def test_one_key_twice_is_refused() -> None:
    _refused("a201010102", "stands twice")
    _refused("a2616101616102", "stands twice")


@pytest.mark.parametrize("data", ["a202010101", "a2616201616101", "a26161010101"])
def test_keys_out_of_order_are_refused(data: str) -> None:
    _refused(data, "not in order")


@pytest.mark.parametrize("key", ["4161", "f5", "f6", "80", "a0", "8101"])
def test_a_key_that_is_neither_integer_nor_text_is_refused(key: str) -> None:
    _refused("a1" + key + "01", "neither an integer nor text")


@pytest.mark.parametrize("text", ["ff", "c3", "c080", "eda080", "f4908080", "e0809f"])
def test_text_that_is_not_utf_8_is_refused(text: str) -> None:
    _refused(bytes([0x60 | len(text) // 2]).hex() + text, "not UTF-8")


@pytest.mark.parametrize("opening", [b"\x81", b"\xa1\x00"])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 100_000])
def test_deep_nesting_is_refused_before_the_stack_is_full(opening: bytes, depth: int) -> None:
    with pytest.raises(Malformed, match="nested deeper"):
        decode(opening * depth + b"\x00")


def test_deep_nesting_in_a_key_is_refused() -> None:
    with pytest.raises(Malformed, match="nested deeper"):
        decode(b"\xa1" * 100_000)


@pytest.mark.parametrize("major", [2, 3, 4, 5])
@pytest.mark.parametrize("length", [2**20, 2**32, 2**63, 2**64 - 1])
def test_a_huge_declared_length_is_refused_without_making_room_for_it(
    major: int, length: int
) -> None:
    head = encode(length)
    data = bytes([head[0] | major << 5]) + head[1:] + bytes(64)
    tracemalloc.start()
    try:
        with pytest.raises(Malformed, match="longer than the message"):
            decode(data)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_arrays_that_each_declare_the_rest_of_the_message_are_refused_cheaply() -> None:
    data = b"".join(b"\x99" + (60_000).to_bytes(2, "big") for _ in range(MAX_DEPTH)) + bytes(60_000)
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            decode(data)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


def _read(data: bytes) -> Value | Malformed:
    try:
        return decode(data)
    except Malformed as refusal:
        return refusal


# Heads are drawn more often than chance would have them, so that a good part is accepted.
heads = st.sampled_from([bytes([b]) for b in (*range(4), 0x18, 0x20, 0x41, 0x61, 0x81, 0xA1, 0xF5)])


@given(st.binary(max_size=40) | st.lists(heads | st.binary(max_size=2), max_size=12).map(b"".join))
@example(b"\xa1\x00\x81\x00")
@settings(deadline=None, max_examples=1500)
def test_any_bytes_are_either_malformed_or_the_one_encoding_of_their_value(data: bytes) -> None:
    value = _read(data)
    assert isinstance(value, Malformed) or encode(value) == data


atoms = st.none() | st.booleans() | st.integers(-300, 300) | st.text(max_size=3) | st.binary()
trees = st.recursive(
    atoms, lambda inner: st.lists(inner) | st.dictionaries(st.integers(0, 300), inner), max_leaves=9
)


@given(trees, st.data())
@settings(deadline=None, max_examples=250)
def test_an_encoding_with_one_byte_changed_is_malformed_or_says_something_else(
    value: Value, data: st.DataObject
) -> None:
    written = bytearray(encode(value))
    place = data.draw(st.integers(0, len(written) - 1))
    written[place] ^= data.draw(st.integers(1, 255))
    read = _read(bytes(written))
    assert isinstance(read, Malformed) or encode(read) == bytes(written) != encode(value)
