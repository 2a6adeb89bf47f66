"""X25519 and Ed25519, which section 1 and section 3 of docs/protocol.md name, by our own arithmetic.

Nothing here runs in constant time: this is a second opinion for tests, not for a device.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache


class Refused(ValueError):
    """Something received, or asked for, breaks a rule of docs/protocol.md."""


def require(holds: bool, reason: str) -> None:
    if not holds:
        raise Refused(reason)


# X25519, RFC 7748 section 5

P = 2**255 - 19
NINE = (9).to_bytes(32, "little")
# Every u of order 1, 2, 4 or 8 on the curve or its twist: the answer to all of them is zero.
LOW_ORDER = {
    0,
    1,
    P - 1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
}


def decode_u(public: bytes) -> int:
    require(len(public) == 32, "an X25519 key has 32 bytes")
    return (int.from_bytes(public, "little") & (2**255 - 1)) % P


def low_order(public: bytes) -> bool:
    return decode_u(public) in LOW_ORDER


def x25519(private: bytes, public: bytes = NINE) -> bytes:
    require(len(private) == 32, "an X25519 private key has 32 bytes")
    k = int.from_bytes(private, "little") & ~7 & (2**254 - 1) | 2**254
    x1 = decode_u(public)
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % P, b * b % P, d * a % P, c * b % P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, x1 * ((da - cb) ** 2 % P) % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


# Ed25519, RFC 8032, in extended coordinates (X, Y, Z, T): x = X/Z, y = Y/Z, xy = T/Z

Point = tuple[int, int, int, int]
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
ZERO: Point = (0, 1, 1, 0)


def _add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * D * p[3] * q[3] % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _double(p: Point) -> Point:
    a, b = p[0] * p[0] % P, p[1] * p[1] % P
    h = a + b
    e, g = h - (p[0] + p[1]) ** 2 % P, a - b
    f = 2 * p[2] * p[2] + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def _multiples(p: Point) -> list[Point]:
    """0, p, 2p, .. 15p."""
    out = [ZERO]
    for _ in range(15):
        out.append(_add(out[-1], p))
    return out


def _times(k: int, p: Point) -> Point:
    table, out = _multiples(p), ZERO
    for shift in range(252, -1, -4):
        out = _double(_double(_double(_double(out))))
        out = _add(out, table[k >> shift & 15])
    return out


@lru_cache(maxsize=1)
def _base_table() -> list[list[Point]]:
    """Row i: the multiples 0 .. 15 of 16^i B."""
    y = 4 * pow(5, -1, P) % P
    point, rows = _decompress(y.to_bytes(32, "little")), []
    for _ in range(64):
        rows.append(_multiples(point))
        point = _add(rows[-1][15], point)
    return rows


def _times_base(k: int) -> Point:
    out = ZERO
    for i, row in enumerate(_base_table()):
        out = _add(out, row[k >> 4 * i & 15])
    return out


def _compress(p: Point) -> bytes:
    inverse = pow(p[2], -1, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


@lru_cache(maxsize=4096)
def _decompress(data: bytes) -> Point:
    require(len(data) == 32, "an Ed25519 point has 32 bytes")
    y, sign = int.from_bytes(data, "little") & (2**255 - 1), data[31] >> 7
    require(y < P, "an Ed25519 point out of range")
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * ROOT_OF_MINUS_ONE % P
    require(v * x * x % P == u, "not a point of Ed25519")
    require(not (x == 0 and sign), "a sign without an x")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


@lru_cache(maxsize=1024)
def _secret(private: bytes) -> tuple[int, bytes, bytes]:
    """The scalar, the prefix and the public key of a 32-byte private key."""
    require(len(private) == 32, "an Ed25519 private key has 32 bytes")
    h = hashlib.sha512(private).digest()
    a = int.from_bytes(h[:32], "little") & ~7 & (2**254 - 1) | 2**254
    return a, h[32:], _compress(_times_base(a))


def _scalar(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % L


def ed25519_public(private: bytes) -> bytes:
    return _secret(private)[2]


def ed25519_sign(private: bytes, message: bytes) -> bytes:
    a, prefix, public = _secret(private)
    r = _scalar(prefix, message)
    point = _compress(_times_base(r))
    s = (r + _scalar(point, public, message) * a) % L
    return point + s.to_bytes(32, "little")


@lru_cache(maxsize=1 << 14)  # everyone on a roster checks the same credentials
def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Without the cofactor: R must be, byte for byte, the encoding of sB - kA."""
    if len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    try:
        x, y, z, t = _decompress(public)
    except Refused:
        return False
    if s >= L:
        return False
    k = _scalar(signature[:32], public, message)
    return _compress(_add(_times_base(s), _times(k, (-x, y, z, -t)))) == signature[:32]
