"""Section 1 of docs/protocol.md, "Shamir": dealing secrets of 32 bytes and recovering them.

The field has p = 2^31 - 1 elements; a secret is 16 limbs of 16 bits, a share of it 16 field
elements. All secrets dealt together draw their coefficients from one string of random bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.reference.primitives import require

FIELD = 2**31 - 1
LIMBS = 16


def draw(random: bytes, count: int) -> list[int]:
    """`count` field elements: 4 bytes each, top bit cleared, p itself skipped."""
    out: list[int] = []
    for at in range(0, len(random) - 3, 4):
        if len(out) == count:
            break
        value = int.from_bytes(random[at : at + 4], "little") & 0x7FFFFFFF
        if value != FIELD:
            out.append(value)
    require(len(out) == count, "too few random bytes for the coefficients")
    return out


def limbs(secret: bytes) -> list[int]:
    require(len(secret) == 2 * LIMBS, "a secret has 32 bytes")
    return [int.from_bytes(secret[i : i + 2], "little") for i in range(0, 2 * LIMBS, 2)]


def deal(
    secrets: Sequence[bytes], threshold: int, random: bytes, holders: Iterable[int]
) -> dict[int, list[bytes]]:
    """For each holder its shares, 64 bytes each, one for each secret."""
    require(threshold >= 1, "a threshold below 1")
    constants = [limb for secret in secrets for limb in limbs(secret)]
    drawn = draw(random, (threshold - 1) * len(constants))
    # row by row: row r holds the coefficients of degree r for all limbs
    rows = [constants]
    rows += [drawn[at : at + len(constants)] for at in range(0, len(drawn), len(constants))]
    out = {}
    for holder in holders:
        x = holder + 1
        values = [
            sum(row[i] * pow(x, degree, FIELD) for degree, row in enumerate(rows)) % FIELD
            for i in range(len(constants))
        ]
        joined = b"".join(v.to_bytes(4, "little") for v in values)
        out[holder] = [joined[at : at + 64] for at in range(0, len(joined), 64)]
    return out


def values_of(share: bytes) -> list[int]:
    require(len(share) == 4 * LIMBS, "a share has 64 bytes")
    values = [int.from_bytes(share[i : i + 4], "little") for i in range(0, 4 * LIMBS, 4)]
    require(all(v < FIELD for v in values), "a share with a value of p or more")
    return values


def in_field(share: bytes) -> bool:
    """Whether every value of a share is below p."""
    return all(int.from_bytes(share[k : k + 4], "little") < 2**31 - 1 for k in range(0, 64, 4))


def recover(shares: Mapping[int, bytes]) -> bytes:
    """The secret behind exactly as many shares as its threshold says, by holder."""
    require(len(shares) > 0, "no shares")
    points = [(holder + 1, values_of(share)) for holder, share in shares.items()]
    secret = [0] * LIMBS
    for x, values in points:
        # the Lagrange polynomial of x, at 0
        above, below = 1, 1
        for other, _ in points:
            if other != x:
                above, below = above * other % FIELD, below * (other - x) % FIELD
        weight = above * pow(below, -1, FIELD) % FIELD
        secret = [(s + weight * v) % FIELD for s, v in zip(secret, values)]
    require(all(limb < 1 << 16 for limb in secret), "a recovered limb of 2^16 or more")
    return b"".join(limb.to_bytes(2, "little") for limb in secret)
