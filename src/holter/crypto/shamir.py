"""Shamir's sharing of 32-byte secrets over GF(2^31 - 1).

A secret is 16 limbs of 16 bits; each limb has its own polynomial, so a share is 16 field
elements of 32 bits, 64 bytes. Any ``threshold`` shares give the secret, fewer tell
nothing. Not here: who lied when shares disagree (``secagg.recovery`` holds each share
against its tag).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from holter.algebra import field

SECRET_BYTES = 32
LIMBS = 16  # of 16 bits: a limb is below the field's 2^31 - 1
HOLDER_LIMIT = 1 << 16  # roster indices are 16 bits wherever they are written
SHARE_BYTES = 4 * LIMBS


class BadShares(ValueError):
    """Shares that do not fit together: wrong form or index, or no such secret."""


def random_bytes_needed(secrets: int, threshold: int) -> int:
    """Random bytes for ``split``: uniform coefficients of ``secrets`` * 16 polynomials."""
    return field.uniform_bytes(secrets * LIMBS * (threshold - 1))


def split(
    secrets: Sequence[bytes], holders: Sequence[int], threshold: int, *, random: bytes
) -> list[list[bytes]]:
    """Shares of each secret for each holder: result[s][h], 64 bytes.

    secrets: 32 bytes each. holders: roster indices >= 0, distinct; a share is taken at
    x = index + 1, so x = 0, the secret itself, is never handed out. random: exactly
    ``random_bytes_needed(len(secrets), threshold)`` bytes, used once.
    """
    if not 1 <= threshold <= len(holders):
        raise ValueError(f"a threshold of {threshold} with {len(holders)} holders")
    if len(random) != random_bytes_needed(len(secrets), threshold):
        raise ValueError("the wrong number of random bytes")
    if any(len(secret) != SECRET_BYTES for secret in secrets):
        raise ValueError(f"a secret has {SECRET_BYTES} bytes")
    if len(set(holders)) != len(holders) or not all(0 <= h < HOLDER_LIMIT for h in holders):
        raise ValueError("holders are distinct roster indices")
    limbs = np.concatenate([np.frombuffer(secret, dtype="<u2") for secret in secrets])
    count = len(limbs)
    upper = field.uniform(random, count * (threshold - 1)).reshape(threshold - 1, count)
    coefficients = np.vstack([limbs.astype(np.uint64).reshape(1, -1), upper])
    values = field.evaluate(coefficients, np.asarray(holders, dtype=np.uint64) + np.uint64(1))
    shares = values.astype("<u4").reshape(len(holders), len(secrets), LIMBS)
    return [[shares[h, s].tobytes() for h in range(len(holders))] for s in range(len(secrets))]


def in_field(share: bytes) -> bool:
    """Whether every value of a share is one that ``split`` could have made."""
    values = np.frombuffer(share, dtype="<u4")
    return len(share) == SHARE_BYTES and bool(np.all(values < field.PRIME))


def recover(shares: Sequence[tuple[int, bytes]]) -> bytes:
    """The secret from (holder index, share) pairs, exactly ``threshold`` of them.

    Raises BadShares where a share has the wrong form, an index stands twice or is none, or
    the limbs are out of range (some share is wrong; the range check alone cannot say which).
    """
    secret = recover_many([shares])[0]
    if secret is None:
        raise BadShares("the shares do not belong to one secret")
    return secret


def recover_many(dealt: Sequence[Sequence[tuple[int, bytes]]]) -> list[bytes | None]:
    """Many secrets at once, each from the same number of (holder index, share) pairs.

    None stands for a secret whose shares do not fit each other or leave the field. Raises
    BadShares for shares of the wrong form, or an index that stands twice or is none.
    """
    if not dealt or not dealt[0]:
        raise BadShares("no shares at all")
    count = len(dealt[0])
    if any(len(shares) != count for shares in dealt):
        raise BadShares("secrets with different numbers of shares")
    points, joined = [], []
    for shares in dealt:
        for index, share in shares:
            if not 0 <= index < HOLDER_LIMIT:
                raise BadShares("a share of someone who cannot be on a roster")
            if len(share) != SHARE_BYTES:
                raise BadShares("a share of the wrong length")
            points.append(index + 1)
            joined.append(share)
    values = np.frombuffer(b"".join(joined), dtype="<u4").astype(np.uint64)
    values = values.reshape(len(dealt), count, LIMBS)
    try:
        weights = field.weights_at_zero(np.array(points, dtype=np.uint64).reshape(-1, count))
    except ValueError:
        raise BadShares("two shares bear the same index") from None
    in_field = (values < field.PRIME).all(axis=(1, 2))
    limbs = field.combine(weights, values % field.PRIME)
    sound = np.asarray(in_field & (limbs < 1 << 16).all(axis=1))
    secrets = limbs.astype("<u2")
    return [row.tobytes() if good else None for row, good in zip(secrets, sound, strict=True)]
