"""HPKE (RFC 9180) in base mode a second time, slowly: no numpy and nothing of ``holter``.

Python integers, ``hashlib``, ``hmac`` and one block cipher, written from the texts: X25519 from
RFC 7748, HKDF from RFC 5869, AES-GCM from NIST SP 800-38D, the rest from RFC 9180.
``tests/crypto/test_hpke`` holds it against the published vectors, and our wrapper against it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

P25519 = 2**255 - 19
KEM_X25519, KEM_MLKEM768_X25519 = 0x0020, 0x647A  # RFC 9180 section 7.1; draft-ietf-hpke-pq
KDF_HKDF_SHA256 = 0x0001  # section 7.2
AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305 = 0x0001, 0x0002, 0x0003  # section 7.3
KEY_BYTES = {AES_128_GCM: 16, AES_256_GCM: 32, CHACHA20_POLY1305: 32}
ENCAPSULATED_BYTES = 32  # of X25519


# X25519, RFC 7748 section 5


def x25519(private: bytes, public: bytes) -> bytes:
    """The Montgomery ladder; refuses the all-zero result (RFC 9180 section 7.1.4)."""
    k = int.from_bytes(private, "little") & ~7 & ~(1 << 255) | 1 << 254
    u = int.from_bytes(public, "little") % (1 << 255) % P25519
    here, there = (1, 0), (u, 1)  # k * P and (k + 1) * P, each as x / z
    for bit in range(254, -1, -1):
        if k >> bit & 1:
            here, there = there, here
        here, there = double(here), add(here, there, u)
        if k >> bit & 1:
            here, there = there, here
    result = here[0] * pow(here[1], P25519 - 2, P25519) % P25519
    if result == 0:
        raise ValueError("a point of low order")
    return result.to_bytes(32, "little")


def double(point: tuple[int, int]) -> tuple[int, int]:
    x, z = point
    plus, minus = (x + z) ** 2, (x - z) ** 2
    four_xz = plus - minus
    return plus * minus % P25519, four_xz * (plus + 121665 * four_xz) % P25519


def add(one: tuple[int, int], other: tuple[int, int], difference: int) -> tuple[int, int]:
    """The sum of two points whose difference has this x coordinate."""
    cross = (one[0] - one[1]) * (other[0] + other[1])
    back = (one[0] + one[1]) * (other[0] - other[1])
    return (cross + back) ** 2 % P25519, difference * (cross - back) ** 2 % P25519


def public_of(private: bytes) -> bytes:
    return x25519(private, b"\x09" + bytes(31))


# HKDF-SHA256 with labels, RFC 5869 and RFC 9180 section 4


def extract(salt: bytes, secret: bytes) -> bytes:
    return hmac.new(salt, secret, hashlib.sha256).digest()


def expand(key: bytes, info: bytes, length: int) -> bytes:
    out = block = b""
    counter = 1
    while len(out) < length:
        block = hmac.new(key, block + info + bytes([counter]), hashlib.sha256).digest()
        out += block
        counter += 1
    return out[:length]


def labeled_extract(suite: bytes, salt: bytes, label: bytes, secret: bytes) -> bytes:
    return extract(salt, b"HPKE-v1" + suite + label + secret)


def labeled_expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return expand(key, two(length) + b"HPKE-v1" + suite + label + info, length)


def two(number: int) -> bytes:
    return number.to_bytes(2, "big")


# DHKEM(X25519, HKDF-SHA256), RFC 9180 section 4.1


def extract_and_expand(exchanged: bytes, context: bytes) -> bytes:
    suite = b"KEM" + two(KEM_X25519)
    key = labeled_extract(suite, b"", b"eae_prk", exchanged)
    return labeled_expand(suite, key, b"shared_secret", context, 32)


def encapsulate(public: bytes, ephemeral: bytes) -> tuple[bytes, bytes]:
    """The shared secret and the encapsulated key, from a given ephemeral private key."""
    encapsulated = public_of(ephemeral)
    exchanged = x25519(ephemeral, public)
    return extract_and_expand(exchanged, encapsulated + public), encapsulated


def decapsulate(encapsulated: bytes, private: bytes) -> bytes:
    exchanged = x25519(private, encapsulated)
    return extract_and_expand(exchanged, encapsulated + public_of(private))


# The key schedule of base mode, RFC 9180 section 5.1, and its context, section 5.2


class Context(NamedTuple):
    """What both sides hold after setup."""

    key: bytes
    base_nonce: bytes
    exporter_secret: bytes

    def nonce(self, sequence: int) -> bytes:
        return (int.from_bytes(self.base_nonce, "big") ^ sequence).to_bytes(12, "big")

    def seal(self, plaintext: bytes, *, aad: bytes = b"", sequence: int = 0) -> bytes:
        return gcm_seal(self.key, self.nonce(sequence), plaintext, aad)

    def open(self, ciphertext: bytes, *, aad: bytes = b"", sequence: int = 0) -> bytes:
        return gcm_open(self.key, self.nonce(sequence), ciphertext, aad)


def key_schedule(secret: bytes, info: bytes, *, kem: int, aead: int) -> Context:
    suite = b"HPKE" + two(kem) + two(KDF_HKDF_SHA256) + two(aead)
    identity_hash = labeled_extract(suite, b"", b"psk_id_hash", b"")
    info_hash = labeled_extract(suite, b"", b"info_hash", info)
    context = b"\x00" + identity_hash + info_hash  # mode_base
    root = labeled_extract(suite, secret, b"secret", b"")
    return Context(
        key=labeled_expand(suite, root, b"key", context, KEY_BYTES[aead]),
        base_nonce=labeled_expand(suite, root, b"base_nonce", context, 12),
        exporter_secret=labeled_expand(suite, root, b"exp", context, 32),
    )


def setup_base_sender(
    public: bytes, info: bytes, *, ephemeral: bytes, aead: int = AES_256_GCM
) -> tuple[bytes, Context]:
    secret, encapsulated = encapsulate(public, ephemeral)
    return encapsulated, key_schedule(secret, info, kem=KEM_X25519, aead=aead)


def setup_base_receiver(
    encapsulated: bytes, private: bytes, info: bytes, *, aead: int = AES_256_GCM
) -> Context:
    secret = decapsulate(encapsulated, private)
    return key_schedule(secret, info, kem=KEM_X25519, aead=aead)


# Single-shot, RFC 9180 section 6.1, the encapsulated key in front


def seal(
    public: bytes, plaintext: bytes, *, info: bytes, ephemeral: bytes, aad: bytes = b""
) -> bytes:
    encapsulated, context = setup_base_sender(public, info, ephemeral=ephemeral)
    return encapsulated + context.seal(plaintext, aad=aad)


def open_sealed(sealed: bytes, private: bytes, *, info: bytes, aad: bytes = b"") -> bytes:
    encapsulated, ciphertext = sealed[:ENCAPSULATED_BYTES], sealed[ENCAPSULATED_BYTES:]
    return setup_base_receiver(encapsulated, private, info).open(ciphertext, aad=aad)


# AES-GCM with a nonce of 96 bits, NIST SP 800-38D sections 6 and 7


def block_cipher(key: bytes, block: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


def multiply(x: int, y: int) -> int:
    """Algorithm 1: the product of two blocks, whose leftmost bit is the constant term."""
    product = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            product ^= y
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return product


def ghash(subkey: int, data: bytes) -> int:
    """Algorithm 2; ``data`` is whole blocks."""
    state = 0
    for start in range(0, len(data), 16):
        state = multiply(state ^ int.from_bytes(data[start : start + 16], "big"), subkey)
    return state


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 16)


def tag_of(key: bytes, nonce: bytes, ciphertext: bytes, aad: bytes) -> bytes:
    lengths = (8 * len(aad)).to_bytes(8, "big") + (8 * len(ciphertext)).to_bytes(8, "big")
    subkey = int.from_bytes(block_cipher(key, bytes(16)), "big")
    state = ghash(subkey, padded(aad) + padded(ciphertext) + lengths)
    mask = int.from_bytes(block_cipher(key, nonce + (1).to_bytes(4, "big")), "big")
    return (state ^ mask).to_bytes(16, "big")


def counted(key: bytes, nonce: bytes, data: bytes) -> bytes:
    """Counter mode from 2 on; its own inverse."""
    count = len(padded(data)) // 16
    stream = b"".join(block_cipher(key, nonce + (2 + i).to_bytes(4, "big")) for i in range(count))
    return bytes(a ^ b for a, b in zip(data, stream))


def gcm_seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    ciphertext = counted(key, nonce, plaintext)
    return ciphertext + tag_of(key, nonce, ciphertext, aad)


def gcm_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    ciphertext, tag = sealed[:-16], sealed[-16:]
    if tag != tag_of(key, nonce, ciphertext, aad):
        raise ValueError("a tag that is not the tag of this ciphertext")
    return counted(key, nonce, ciphertext)
