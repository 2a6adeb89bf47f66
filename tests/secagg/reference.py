"""The arithmetic of one session a second time, slowly: no numpy and nothing of ``holter``.

Python integers, ``hashlib``, ``hmac`` and one block cipher, written from the formulas of the
protocol. ``test_vectors`` holds the vectors on file against it.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

P25519, P31 = 2**255 - 19, 2**31 - 1
LABEL = b"holter/secagg/1/"


def x25519(private: bytes, public: bytes) -> bytes:
    """RFC 7748 section 5, the Montgomery ladder."""
    k = int.from_bytes(private, "little") & ~7 & ~(1 << 255) | 1 << 254
    u = int.from_bytes(public, "little") % (1 << 255)
    x2, z2, x3, z3 = 1, 0, u, 1
    for bit in range(254, -1, -1):
        if k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a, b * b, d * a, c * b
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P25519, u * (da - cb) ** 2 % P25519
        x2, z2 = aa * bb % P25519, e * (aa + 121665 * e) % P25519
        if k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, -1, P25519) % P25519).to_bytes(32, "little")


def public_of(private: bytes) -> bytes:
    return x25519(private, b"\x09" + bytes(31))


def mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """RFC 5869, one block."""
    return mac(mac(salt, secret), info + b"\x01")


def stream(key: bytes, length: int) -> bytes:
    """AES-256 in counter mode from zero, one block at a time."""
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    count = -(-length // 16)
    return b"".join(block.update(i.to_bytes(16, "big")) for i in range(count))[:length]


def words(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data), 8)]


def mask(seed: bytes, kind: bytes, count: int) -> list[int]:
    key = mac(seed, LABEL + b"mask" + kind + b"\x00\x00" + b"\x01")
    return words(stream(key, 8 * count))


def elements(random: bytes, count: int) -> list[int]:
    """Field elements out of random bytes, 31 bits at a time, p itself rejected."""
    draws = [int.from_bytes(random[i : i + 4], "little") & P31 for i in range(0, len(random), 4)]
    return [draw for draw in draws if draw != P31][:count]


def shares_of(secrets: list[bytes], x: int, threshold: int, random: bytes) -> list[bytes]:
    """The shares of one holder: each 16-bit limb has its own polynomial."""
    limbs = [
        int.from_bytes(secret[i : i + 2], "little") for secret in secrets for i in range(0, 32, 2)
    ]
    drawn = elements(random, len(limbs) * (threshold - 1))
    values = []
    for place, limb in enumerate(limbs):
        upper = drawn[place :: len(limbs)]
        values.append((limb + sum(a * x ** (k + 1) for k, a in enumerate(upper))) % P31)
    joined = b"".join(value.to_bytes(4, "little") for value in values)
    return [joined[i : i + 64] for i in range(0, len(joined), 64)]


def secret_of(shares: dict[int, bytes]) -> bytes:
    """Lagrange's interpolation at zero."""
    out = b""
    for at in range(0, 64, 4):
        limb = 0
        for x, share in shares.items():
            weight = int.from_bytes(share[at : at + 4], "little")
            for other in shares:
                if other != x:
                    weight = weight * other * pow(other - x, -1, P31) % P31
            limb += weight
        out += (limb % P31).to_bytes(2, "little")
    return out


def end(index: int) -> bytes:
    return index.to_bytes(2, "big")
