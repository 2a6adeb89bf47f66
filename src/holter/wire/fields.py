"""Taking a decoded message apart: every field is checked once, by name, where it is read.

>>> fields = Fields(["x", 7], "greeting", 2)
>>> fields.text(8), fields.uint(100)
('x', 7)
"""

from __future__ import annotations

from holter.wire.cbor import Malformed, Value, decode


class Fields:
    """Reads the fields of an array in order. Every error is Malformed and names the message."""

    def __init__(self, value: Value, name: str, count: int) -> None:
        if not isinstance(value, list) or len(value) != count:
            raise Malformed(f"{name}: an array of {count} fields was expected")
        self._items = value
        self._name = name
        self._next = 0

    @classmethod
    def of(cls, data: bytes, name: str, count: int, *, limit_bytes: int) -> Fields:
        """Decode ``data`` (at most ``limit_bytes``) as an array of ``count`` fields."""
        if len(data) > limit_bytes:
            raise Malformed(f"{name}: {len(data)} bytes, at most {limit_bytes} are accepted")
        return cls(decode(data), name, count)

    def _take(self) -> Value:
        item = self._items[self._next]
        self._next += 1
        return item

    def _wrong(self, expected: str) -> Malformed:
        return Malformed(f"{self._name}: field {self._next} must be {expected}")

    def uint(self, below: int) -> int:
        """An integer in [0, below)."""
        item = self._take()
        if isinstance(item, bool) or not isinstance(item, int) or not 0 <= item < below:
            raise self._wrong(f"an integer from 0 to {below - 1}")
        return item

    def uints(self, count: int, below: int) -> tuple[int, ...]:
        """An array of exactly ``count`` integers in [0, below)."""
        item = self._take()
        if not isinstance(item, list) or len(item) != count:
            raise self._wrong(f"an array of {count} integers")
        inner = Fields(item, self._name, count)
        return tuple(inner.uint(below) for _ in range(count))

    def octets(self, length: int) -> bytes:
        """A byte string of exactly ``length`` bytes."""
        item = self._take()
        if not isinstance(item, bytes) or len(item) != length:
            raise self._wrong(f"{length} bytes")
        return item

    def blob(self, limit: int) -> bytes:
        """A byte string of at most ``limit`` bytes."""
        item = self._take()
        if not isinstance(item, bytes) or len(item) > limit:
            raise self._wrong(f"at most {limit} bytes")
        return item

    def text(self, limit: int) -> str:
        """Text of at most ``limit`` characters."""
        item = self._take()
        if not isinstance(item, str) or len(item) > limit:
            raise self._wrong(f"text of at most {limit} characters")
        return item

    def blobs(self, count_limit: int, limit: int) -> tuple[bytes, ...]:
        """An array of at most ``count_limit`` byte strings of at most ``limit`` bytes each."""
        item = self._take()
        if not isinstance(item, list) or len(item) > count_limit:
            raise self._wrong(f"an array of at most {count_limit} byte strings")
        out = []
        for entry in item:
            if not isinstance(entry, bytes) or len(entry) > limit:
                raise self._wrong(f"an array of byte strings of at most {limit} bytes")
            out.append(entry)
        return tuple(out)
