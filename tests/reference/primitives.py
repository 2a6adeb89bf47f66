"""The algorithms that section 1 of docs/protocol.md names, written slowly and to be read.

Only the AES block cipher comes from a library; the two curves are in curves.py.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.reference.curves import (
    Refused,
    ed25519_public,
    ed25519_sign,
    ed25519_verify,
    low_order,
    require,
    x25519,
)

__all__ = [
    "Refused",
    "ctr_stream",
    "ed25519_public",
    "ed25519_sign",
    "ed25519_verify",
    "expand",
    "extract",
    "gcm_open",
    "gcm_seal",
    "hkdf",
    "low_order",
    "prg",
    "require",
    "sha256",
    "unwords",
    "words",
    "x25519",
]


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


# HKDF-SHA256, RFC 5869


def expand(key: bytes, info: bytes, length: int = 32) -> bytes:
    out, block, count = b"", b"", 1
    while len(out) < length:
        block = hmac.digest(key, block + info + bytes([count]), "sha256")
        out, count = out + block, count + 1
    return out[:length]


def extract(salt: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), ikm, "sha256")


def hkdf(salt: bytes, ikm: bytes, info: bytes, length: int = 32) -> bytes:
    return expand(extract(salt, ikm), info, length)


# AES-256: counter mode (SP 800-38A) and GCM (SP 800-38D)


def _blocks(key: bytes, blocks: bytes) -> bytes:
    require(len(key) == 32, "an AES-256 key has 32 bytes")
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(blocks)


def ctr_stream(key: bytes, length: int, first: int = 0) -> bytes:
    """`length` bytes of key stream; the counter block is one 128-bit number from `first` on."""
    counters = b"".join((first + i).to_bytes(16, "big") for i in range(-(-length // 16)))
    return _blocks(key, counters)[:length]


def words(data: bytes) -> list[int]:
    """Words of 8 bytes, little-endian."""
    require(len(data) % 8 == 0, "not a whole number of words")
    return [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data), 8)]


def unwords(values: list[int]) -> bytes:
    return b"".join((v % 2**64).to_bytes(8, "little") for v in values)


def prg(key: bytes, count: int) -> list[int]:
    return words(ctr_stream(key, 8 * count))


def _gf128(x: int, y: int) -> int:
    """The product of SP 800-38D section 6.3; the leftmost bit is the coefficient of 1."""
    z = 0
    for i in range(127, -1, -1):
        if x >> i & 1:
            z ^= y
        y = y >> 1 ^ 0xE1 << 120 if y & 1 else y >> 1
    return z


def _tag(key: bytes, nonce: bytes, aad: bytes, sealed: bytes) -> bytes:
    h = int.from_bytes(_blocks(key, bytes(16)), "big")
    padded = aad + bytes(-len(aad) % 16) + sealed + bytes(-len(sealed) % 16)
    padded += (8 * len(aad)).to_bytes(8, "big") + (8 * len(sealed)).to_bytes(8, "big")
    y = 0
    for i in range(0, len(padded), 16):
        y = _gf128(y ^ int.from_bytes(padded[i : i + 16], "big"), h)
    mask = _blocks(key, nonce + bytes([0, 0, 0, 1]))
    return (y ^ int.from_bytes(mask, "big")).to_bytes(16, "big")


def _gcm_stream(key: bytes, nonce: bytes, data: bytes) -> bytes:
    require(len(nonce) == 12, "a GCM nonce has 12 bytes")
    stream = ctr_stream(key, len(data), int.from_bytes(nonce + bytes([0, 0, 0, 2]), "big"))
    return bytes(a ^ b for a, b in zip(data, stream))


def gcm_seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    sealed = _gcm_stream(key, nonce, plaintext)
    return sealed + _tag(key, nonce, aad, sealed)


def gcm_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    require(len(sealed) >= 16, "shorter than a GCM tag")
    require(_tag(key, nonce, aad, sealed[:-16]) == sealed[-16:], "a seal that does not open")
    return _gcm_stream(key, nonce, sealed[:-16])
