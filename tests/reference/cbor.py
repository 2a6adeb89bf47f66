"""The deterministic CBOR of section 1 of docs/protocol.md ("CBOR"), and nothing beside it.

Every value has one encoding. What is not that encoding is refused, so that equal values have
equal bytes and the hash of an encoding is the hash of a value.
"""

from __future__ import annotations

from typing import Any

from tests.reference.primitives import require

DEEPEST = 16  # arrays and maps inside one another; the outermost is the first


def _head(major: int, value: int) -> bytes:
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 24:
            return bytes([major << 5 | value])
        if value < 1 << 8 * size:
            return bytes([major << 5 | code]) + value.to_bytes(size, "big")
    require(False, "an integer beyond 64 bits")
    raise AssertionError


def encode(value: Any, depth: int = 0) -> bytes:
    """Types are compared exactly: True is no integer and a bytearray no byte string."""
    if value is None or type(value) is bool:
        return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[value]
    if type(value) is int:
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if type(value) is bytes:
        return _head(2, len(value)) + value
    if type(value) is str:
        try:
            text = value.encode()
        except UnicodeEncodeError:
            require(False, "text that is not UTF-8")
        return _head(3, len(text)) + text
    require(depth < DEEPEST, "nested too deeply")
    if type(value) is list:
        return _head(4, len(value)) + b"".join(encode(v, depth + 1) for v in value)
    require(type(value) is dict, "a type that has no encoding")
    require(all(type(k) in (int, str) for k in value), "a map key that is no integer or text")
    pairs = sorted((encode(k), encode(v, depth + 1)) for k, v in value.items())
    return _head(5, len(pairs)) + b"".join(k + v for k, v in pairs)


def decode(data: bytes) -> Any:
    require(type(data) is bytes, "not a byte string")
    value, end = _item(data, 0, 0)
    require(end == len(data), "trailing bytes")
    return value


def _argument(data: bytes, at: int) -> tuple[int, int]:
    """The number in the head at `at`, and where the head ends."""
    low = data[at] & 31
    if low < 24:
        return low, at + 1
    require(low < 28, "an indefinite length or a reserved head")
    size = 1 << low - 24
    require(at + 1 + size <= len(data), "cut off")
    value = int.from_bytes(data[at + 1 : at + 1 + size], "big")
    shortest = 24 if size == 1 else 1 << 4 * size  # below this the next shorter head serves
    require(value >= shortest, "a head longer than needed")
    return value, at + 1 + size


def _item(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    require(at < len(data), "cut off")
    major = data[at] >> 5
    if major == 7:
        require(data[at] in (0xF4, 0xF5, 0xF6), "a float or another simple value")
        return {0xF4: False, 0xF5: True, 0xF6: None}[data[at]], at + 1
    require(major != 6, "a tag")
    number, at = _argument(data, at)
    if major in (0, 1):
        return (number if major == 0 else -1 - number), at
    if major in (2, 3):
        require(number <= len(data) - at, "cut off")
        body, at = data[at : at + number], at + number
        if major == 2:
            return body, at
        try:
            return body.decode(), at
        except UnicodeDecodeError:
            require(False, "text that is not UTF-8")
    require(depth < DEEPEST, "nested too deeply")
    if major == 4:
        items = []
        for _ in range(number):  # a false length runs out of bytes at once
            item, at = _item(data, at, depth + 1)
            items.append(item)
        return items, at
    pairs: dict[int | str, Any] = {}
    last = b""
    for _ in range(number):
        start = at
        key, at = _item(data, at, depth + 1)
        require(type(key) in (int, str), "a map key that is no integer or text")
        require(last < data[start:at], "map keys not ascending")
        last = data[start:at]
        pairs[key], at = _item(data, at, depth + 1)
    return pairs, at


def fields(data: bytes, *types: type) -> list[Any]:
    """The items of an encoded array that has exactly these types."""
    value = decode(data)
    require(type(value) is list and len(value) == len(types), "not the array expected")
    require(all(type(v) is t for v, t in zip(value, types)), "an item of another type")
    return list(value)
