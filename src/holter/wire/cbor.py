"""Deterministic CBOR, a small strict profile: what devices and coordinator speak.

Values: integers in [-2^64, 2^64), bytes, text, arrays, maps, booleans and null (RFC 8949
section 3), encoded deterministically (section 4.2: shortest heads, definite lengths,
map keys sorted by their encoding). There are no tags, floats, bignums or indefinite
lengths. The decoder accepts exactly what the encoder writes: one value, no trailing
bytes, no duplicate keys, no longer form of anything, so equal values have equal bytes and
a signature over bytes is a signature over the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Value: TypeAlias = (
    "int | bytes | str | bool | list[Value] | tuple[Value, ...] | Mapping[Key, Value] | None"
)
Key: TypeAlias = "int | str"

MAX_DEPTH = 16  # arrays and maps inside one another; our deepest message has 4
UINT, NINT, BYTES, TEXT, ARRAY, MAP, SIMPLE = 0, 1, 2, 3, 4, 5, 7  # RFC 8949 section 3.1
_BYTES_24, _SHORTEST = bytes([BYTES << 5 | 24]), bytes([24])  # a length in one byte, 24 and up
FALSE, TRUE, NULL = 20, 21, 22  # RFC 8949 section 3.3


class Malformed(ValueError):
    """Bytes that are not a value of this profile. Nothing was changed by reading them."""


def encode(value: Value) -> bytes:
    """Value -> its one encoding. Errors: a type or integer outside the profile -> TypeError."""
    parts: list[bytes] = []
    _encode(value, parts, 0)
    return b"".join(parts)


def byte_string(data: bytes) -> bytes:
    """``encode(data)`` of a byte string, without the detour for what is put together by hand."""
    return _head(BYTES, len(data)) + data


def decode(data: bytes) -> Value:
    """Bytes -> value. Guarantees: encode(decode(data)) == data. Raises Malformed."""
    value, end = _decode(data, 0, 0)
    if end != len(data):
        raise Malformed(f"{len(data) - end} bytes after the end of the value")
    return value


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for additional, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * width):
            return bytes([major << 5 | additional]) + argument.to_bytes(width, "big")
    raise TypeError("integers beyond 64 bits are not in the profile")


def _encode(value: Value, parts: list[bytes], depth: int) -> None:
    if depth >= MAX_DEPTH and isinstance(value, list | tuple | Mapping):
        raise TypeError(f"values nested deeper than {MAX_DEPTH} are not in the profile")
    match value:
        case None:
            parts.append(bytes([SIMPLE << 5 | NULL]))
        case bool():
            parts.append(bytes([SIMPLE << 5 | (TRUE if value else FALSE)]))
        case int():
            parts.append(_head(UINT, value) if value >= 0 else _head(NINT, -1 - value))
        case bytes():
            parts += (_head(BYTES, len(value)), value)
        case str():
            try:
                text = value.encode("utf-8")
            except UnicodeEncodeError:
                raise TypeError("half a surrogate pair is not text") from None
            parts += (_head(TEXT, len(text)), text)
        case list() | tuple():
            parts.append(_head(ARRAY, len(value)))
            for item in value:
                _encode(item, parts, depth + 1)
        case Mapping():
            parts.append(_head(MAP, len(value)))
            if any(isinstance(k, bool) or not isinstance(k, int | str) for k in value):
                raise TypeError("a map key must be an integer or text")
            for key, entry in sorted((encode(k), v) for k, v in value.items()):
                parts.append(key)
                _encode(entry, parts, depth + 1)
        case _:
            raise TypeError(f"{type(value).__name__} is not in the profile")


def _argument(data: bytes, at: int) -> tuple[int, int, int]:
    """(major type, argument, next position) of the head at ``at``."""
    if at >= len(data):
        raise Malformed("the bytes end in the middle of a value")
    major, additional = data[at] >> 5, data[at] & 31
    at += 1
    if additional < 24:
        return major, additional, at
    if additional > 27:
        raise Malformed("indefinite lengths and reserved heads are not allowed")
    width = 1 << (additional - 24)
    argument = int.from_bytes(data[at : at + width], "big")
    if at + width > len(data):
        raise Malformed("the bytes end in the middle of a head")
    if major != SIMPLE and argument < (24 if width == 1 else 1 << (4 * width)):
        raise Malformed("a number is not written in its shortest form")
    if major == SIMPLE:
        raise Malformed("floats and other simple values are not allowed")
    return major, argument, at + width


def _decode(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    if data[at : at + 1] == _BYTES_24 and data[at + 1 : at + 2] >= _SHORTEST:
        # Byte strings of 24 to 255 bytes: keys, hashes, signatures, most of what is read.
        end = at + 2 + data[at + 1]
        if end > len(data):
            raise Malformed("a string is longer than the message")
        return data[at + 2 : end], end
    major, argument, at = _argument(data, at)
    if depth >= MAX_DEPTH and major in (ARRAY, MAP):
        raise Malformed(f"values nested deeper than {MAX_DEPTH}")
    if major == UINT:
        return argument, at
    if major == NINT:
        return -1 - argument, at
    if major in (BYTES, TEXT):
        end = at + argument
        if end > len(data):
            raise Malformed("a string is longer than the message")
        raw = data[at:end]
        if major == BYTES:
            return raw, end
        try:
            return raw.decode("utf-8"), end
        except UnicodeDecodeError:
            raise Malformed("text that is not UTF-8") from None
    if major == ARRAY:
        if argument > len(data) - at:
            raise Malformed("an array is longer than the message")
        items: list[Value] = []
        for _ in range(argument):
            item, at = _decode(data, at, depth + 1)
            items.append(item)
        return items, at
    if major == MAP:
        return _decode_map(data, at, argument, depth)
    if major == SIMPLE and argument in (FALSE, TRUE, NULL):
        return {FALSE: False, TRUE: True, NULL: None}[argument], at
    raise Malformed("tags, floats and undefined values are not allowed")


def _decode_map(data: bytes, at: int, count: int, depth: int) -> tuple[Value, int]:
    if count > (len(data) - at) // 2:
        raise Malformed("a map is longer than the message")
    result: dict[Key, Value] = {}
    previous = b""
    for _ in range(count):
        start = at
        key, at = _decode(data, at, depth + 1)
        if isinstance(key, bool) or not isinstance(key, int | str):
            raise Malformed("a map key is neither an integer nor text")
        if data[start:at] <= previous:
            raise Malformed("map keys are not in order, or one stands twice")
        previous = data[start:at]
        result[key], at = _decode(data, at, depth + 1)
    return result, at
