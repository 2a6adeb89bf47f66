"""A true message spoilt in every systematic way: its bytes, its signature, its fields.

Every variant has a name that says what was done. Nothing here knows what a message means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from holter.crypto.signature import SigningKey, payload_of
from holter.wire.cbor import Value, decode, encode

Variant = tuple[str, bytes]


@dataclass(frozen=True)
class Seal:
    """How a message is signed. where: field of the message that holds the signed object, or None
    where the message is one. other_key, other_label, other_bound: what it is not signed with.
    """

    where: int | None
    key: SigningKey
    label: bytes
    bound: bytes
    other_key: SigningKey
    other_label: bytes
    other_bound: bytes

    def object_in(self, message: bytes) -> bytes:
        if self.where is None:
            return message
        found = fields_of(message)[self.where]
        assert isinstance(found, bytes)
        return found

    def put(self, message: bytes, signed: bytes) -> bytes:
        """The message with another signed object."""
        if self.where is None:
            return signed
        return encode(replaced(fields_of(message), self.where, signed))

    def sign(self, message: bytes, payload: bytes) -> bytes:
        """The message with another payload, truly signed."""
        return self.put(message, self.key.sign(payload, context=self.label + self.bound))


def fields_of(data: bytes) -> list[Value]:
    found = decode(data)
    assert isinstance(found, list)
    return found


def replaced(fields: list[Value], place: int, value: Value) -> list[Value]:
    return [*fields[:place], value, *fields[place + 1 :]]


def bytewise(data: bytes) -> Iterator[Variant]:
    """Too short, too long, and written as no encoder writes it."""
    head, rest = data[0], data[1:]
    yield "empty", b""
    yield "cut by one byte", data[:-1]
    yield "cut in half", data[: len(data) // 2]
    yield "one byte more", data + b"\x00"
    yield "twice", data + data
    yield "a head longer than needed", bytes([0x98, head & 31]) + rest
    yield "an array without a length", b"\x9f" + rest + b"\xff"
    yield "under a tag", b"\xc6" + data
    yield "within an array", b"\x81" + data


def fieldwise(data: bytes) -> Iterator[Variant]:
    """A field less, a field more, and fields of another type."""
    fields = fields_of(data)
    yield "no fields", encode([])
    yield "the last field missing", encode(fields[:-1])
    yield "a field more", encode([*fields, b""])
    yield "a map", encode(dict(enumerate(fields)))
    for place, field in enumerate(fields):
        name = f"field {place}"
        yield f"{name} null", encode(replaced(fields, place, None))
        if isinstance(field, bytes):
            yield f"{name} as text", encode(replaced(fields, place, "x" * len(field)))
        if isinstance(field, int):
            yield f"{name} negative", encode(replaced(fields, place, -1 - field))
            yield f"{name} as bytes", encode(replaced(fields, place, bytes([field])))


def lengthwise(data: bytes) -> Iterator[Variant]:
    """Byte strings one shorter and one longer; no variant of a string that may have any length."""
    fields = fields_of(data)
    for place, field in enumerate(fields):
        if isinstance(field, bytes):
            if field:
                yield f"field {place} a byte shorter", encode(replaced(fields, place, field[:-1]))
            longer = encode(replaced(fields, place, field + b"\x00"))
            yield f"field {place} a byte longer", longer


def signaturewise(message: bytes, seal: Seal) -> Iterator[Variant]:
    """Signed by another, for another session or purpose, or with another header."""
    signed = seal.object_in(message)
    protected, _, payload, signature = fields_of(signed)
    assert isinstance(protected, bytes) and isinstance(signature, bytes)
    assert isinstance(payload, bytes)
    context = seal.label + seal.bound
    flipped = signature[:-1] + bytes([signature[-1] ^ 1])
    spoilt = payload[:-1] + bytes([payload[-1] ^ 1])
    theirs = fields_of(seal.other_key.sign(payload, context=context))
    other_algorithm = encode({1: -7, 4: protected[-8:]})
    variants: list[tuple[str, bytes]] = [
        ("signed by another", seal.other_key.sign(payload, context=context)),
        ("signed by another under this key id", encode([protected, {}, payload, theirs[3]])),
        ("signed for another session", resigned(seal, payload, bound=seal.other_bound)),
        ("signed for another purpose", resigned(seal, payload, label=seal.other_label)),
        ("a damaged signature", encode([protected, {}, payload, flipped])),
        ("a signature cut by one byte", encode([protected, {}, payload, signature[:-1]])),
        ("no signature", encode([protected, {}, payload, b""])),
        ("a damaged payload", encode([protected, {}, spoilt, signature])),
        ("another algorithm named", encode([other_algorithm, {}, payload, signature])),
        ("no protected header", encode([b"", {}, payload, signature])),
        ("an unprotected header", encode([protected, {1: -8}, payload, signature])),
        ("the tag of COSE_Sign1", b"\xd2" + signed),
    ]
    for name, variant in variants:
        yield name, seal.put(message, variant)


def resigned(
    seal: Seal, payload: bytes, *, label: bytes | None = None, bound: bytes | None = None
) -> bytes:
    label = seal.label if label is None else label
    bound = seal.bound if bound is None else bound
    return seal.key.sign(payload, context=label + bound)


def payloadwise(message: bytes, seal: Seal) -> Iterator[Variant]:
    """Payloads that are malformed, truly signed."""
    payload = payload_of(seal.object_in(message))
    ways = (bytewise, fieldwise, lengthwise)
    for name, variant in (each for way in ways for each in way(payload)):
        if name != "within an array" or len(fields_of(payload)) > 1:
            yield f"payload: {name}", seal.sign(message, variant)


def everyway(message: bytes, seal: Seal | None) -> Iterator[Variant]:
    """All of these. ``seal`` is None where nothing is signed."""
    yield from bytewise(message)
    yield from fieldwise(message)
    if seal is not None:
        yield from signaturewise(message, seal)
        yield from payloadwise(message, seal)
