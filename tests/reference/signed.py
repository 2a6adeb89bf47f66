"""Section 1 of docs/protocol.md: signed objects, bitmaps, Merkle roots and hashes of sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.reference import cbor
from tests.reference.primitives import (
    ed25519_public,
    ed25519_sign,
    ed25519_verify,
    require,
    sha256,
)


def u8(x: int) -> bytes:
    return x.to_bytes(1, "big")


def u16(x: int) -> bytes:
    return x.to_bytes(2, "big")


def u32(x: int) -> bytes:
    return x.to_bytes(4, "big")


def label(name: str) -> bytes:
    """A label of the five messages; those of one upload are in upload.py."""
    return b"holter/secagg/1/" + name.encode()


def protected(public: bytes) -> bytes:
    return cbor.encode({1: -8, 4: sha256(public)[:8]})


def to_be_signed(public: bytes, name: bytes, bound: bytes, payload: bytes) -> bytes:
    return cbor.encode(["Signature1", protected(public), name + bound, payload])


def sign(private: bytes, name: bytes, bound: bytes, payload: bytes) -> bytes:
    public = ed25519_public(private)
    signature = ed25519_sign(private, to_be_signed(public, name, bound, payload))
    return cbor.encode([protected(public), {}, payload, signature])


def signature_of(data: bytes) -> bytes:
    """The bare signature of an object that was verified before."""
    return bytes(cbor.fields(data, bytes, dict, bytes, bytes)[3])


def holds(public: bytes, name: bytes, bound: bytes, payload: bytes, signature: bytes) -> bool:
    """Whether a bare signature is one over this payload."""
    return ed25519_verify(public, to_be_signed(public, name, bound, payload), signature)


def verify(public: bytes, name: bytes, bound: bytes, data: bytes) -> bytes:
    """The payload, if this is an object that the holder of `public` signed for that purpose."""
    header, unprotected, payload, signature = cbor.fields(data, bytes, dict, bytes, bytes)
    require(header == protected(public), "another protected header")
    require(unprotected == {}, "an unprotected header")
    require(holds(public, name, bound, payload, signature), "a false signature")
    return bytes(payload)


def bitmap(members: Iterable[int], n: int) -> bytes:
    out = bytearray(-(-n // 8))
    for i in members:
        require(0 <= i < n, "a member beyond the bitmap")
        out[i // 8] |= 1 << i % 8
    return bytes(out)


def members(data: bytes, n: int) -> list[int]:
    """The members in ascending order."""
    require(len(data) == -(-n // 8), "a bitmap of another length")
    out = [i for i in range(8 * len(data)) if data[i // 8] >> i % 8 & 1]
    require(not out or out[-1] < n, "a bit beyond the bitmap")
    return out


def set_hash(sid: bytes, who: Iterable[int], n: int) -> bytes:
    return sha256(label("set") + sid + bitmap(who, n))


def merkle(leaves: Sequence[bytes]) -> bytes:
    require(len(leaves) > 0, "no leaves")
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\x01" + merkle(leaves[:k]) + merkle(leaves[k:]))


def pieces(data: bytes, size: int) -> list[bytes]:
    """A joined byte string, cut into pieces of one size."""
    require(len(data) % size == 0, "not a whole number of pieces")
    return [data[i : i + size] for i in range(0, len(data), size)]
