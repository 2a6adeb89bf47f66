"""Fields: a decoded message is taken apart once, and the field that is wrong is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holter.wire.cbor import Malformed, Value, encode
from holter.wire.fields import Fields


def _one(value: Value) -> Fields:
    return Fields([value], "greeting", 1)


def test_fields_are_read_in_order() -> None:
    fields = Fields(["x", 7, b"ab", b"abc", [b"d", b""]], "greeting", 5)
    assert fields.text(8) == "x"
    assert fields.uint(100) == 7
    assert fields.octets(2) == b"ab"
    assert fields.blob(5) == b"abc"
    assert fields.blobs(2, 1) == (b"d", b"")


@pytest.mark.parametrize("value", [None, 3, "abc", b"abc", {0: 1, 1: 2, 2: 3}, [], [1, 2], [1] * 4])
def test_a_message_is_an_array_of_so_many_fields(value: Value) -> None:
    with pytest.raises(Malformed, match="greeting: an array of 3 fields was expected"):
        Fields(value, "greeting", 3)


def test_bytes_are_decoded_strictly() -> None:
    assert Fields.of(encode([5]), "greeting", 1, limit_bytes=2).uint(6) == 5
    with pytest.raises(Malformed, match="after the end"):
        Fields.of(encode([5]) + b"\x00", "greeting", 1, limit_bytes=99)


def test_a_message_beyond_its_limit_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(Malformed, match="greeting: 5 bytes, at most 4 are accepted"):
        Fields.of(b"\xff" * 5, "greeting", 1, limit_bytes=4)


@pytest.mark.parametrize("value", [0, 9])
def test_integers_from_0_to_below_the_bound_are_taken(value: int) -> None:
    assert _one(value).uint(10) == value


@pytest.mark.parametrize("value", [-1, 10, 2**64 - 1, True, False, None, "1", b"\x01", [1]])
def test_anything_else_is_no_such_integer(value: Value) -> None:
    with pytest.raises(Malformed, match="field 1 must be an integer from 0 to 9"):
        _one(value).uint(10)


@pytest.mark.parametrize("value", [b"", b"abc", b"abcde", "abcd", None, 4, [1, 2, 3, 4]])
def test_octets_have_exactly_their_length(value: Value) -> None:
    assert _one(b"abcd").octets(4) == b"abcd"
    with pytest.raises(Malformed, match="field 1 must be 4 bytes"):
        _one(value).octets(4)


@pytest.mark.parametrize("value", [b"abcde", "abcd", None, 4])
def test_a_blob_has_at_most_its_length(value: Value) -> None:
    assert _one(b"").blob(4) == b""
    assert _one(b"abcd").blob(4) == b"abcd"
    with pytest.raises(Malformed, match="field 1 must be at most 4 bytes"):
        _one(value).blob(4)


@pytest.mark.parametrize("value", ["abcde", b"abcd", None, 4])
def test_text_has_at_most_so_many_characters(value: Value) -> None:
    assert _one("").text(4) == ""
    assert _one("äöü水").text(4) == "äöü水"
    with pytest.raises(Malformed, match="field 1 must be text of at most 4 characters"):
        _one(value).text(4)


@pytest.mark.parametrize("value", [[b"a", b"b", b"c"], b"a", None, {0: b"a"}])
def test_an_array_of_blobs_has_at_most_so_many_entries(value: Value) -> None:
    with pytest.raises(Malformed, match="field 1 must be an array of at most 2 byte strings"):
        _one(value).blobs(2, 4)


@pytest.mark.parametrize("entry", ["a", b"abcde", None, [b"a"]])
def test_every_entry_of_an_array_of_blobs_is_checked(entry: Value) -> None:
    assert _one([]).blobs(2, 4) == ()
    with pytest.raises(Malformed, match="byte strings of at most 4 bytes"):
        _one([b"a", entry]).blobs(2, 4)


@pytest.mark.parametrize(
    "read", [lambda f: f.uint(1), lambda f: f.octets(1), lambda f: f.blob(1), lambda f: f.text(1)]
)
def test_the_wrong_field_is_named_by_its_place(read: Callable[[Fields], object]) -> None:
    fields = Fields([0, 0, [], 0], "greeting", 4)
    fields.uint(1), fields.uint(1)
    with pytest.raises(Malformed, match="greeting: field 3 must be"):
        read(fields)
