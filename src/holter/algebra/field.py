"""The prime field of Shamir's shares: integers modulo p = 2^31 - 1, vectorised.

A product of two elements stays below 2^62 and fits uint64; a sum of more than four
products does not. So every function reduces after each product, and nothing here is a
plain matrix product followed by one ``%``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

PRIME = 2**31 - 1  # a Mersenne prime: two elements multiply inside 64 bits

Elements = npt.NDArray[np.uint64]  # every entry in [0, PRIME)


def evaluate(coefficients: Elements, points: Elements) -> Elements:
    """Polynomials at points by Horner's rule.

    coefficients: shape (degree + 1, k), constant term first. points: shape (n,).
    Returns shape (n, k).
    """
    at = points.astype(np.uint64).reshape(-1, 1)
    result = np.zeros((len(points), coefficients.shape[1]), dtype=np.uint64)
    for row in coefficients[::-1]:
        result = (result * at + row) % PRIME
    return result


def weights_at_zero(points: Elements) -> Elements:
    """Lagrange weights: value at 0 = sum of weights * values at ``points``.

    points: shape (t,), distinct and non-zero; otherwise ValueError. Returns shape (t,).
    """
    distinct = np.unique(points)
    if len(distinct) != len(points) or (len(distinct) and distinct[0] == 0):
        raise ValueError("interpolation needs distinct, non-zero points")
    at = points.astype(np.uint64)
    numerator = np.ones(len(at), dtype=np.uint64)
    denominator = np.ones(len(at), dtype=np.uint64)
    for index, point in enumerate(at):
        others = np.ones(len(at), dtype=bool)
        others[index] = False
        numerator[others] = numerator[others] * point % PRIME
        difference = (point + np.uint64(PRIME) - at[others]) % PRIME
        denominator[others] = denominator[others] * difference % PRIME
    inverse: Elements = np.array([pow(int(d), -1, PRIME) for d in denominator], dtype=np.uint64)
    return numerator * inverse % PRIME


def combine(weights: Elements, values: Elements) -> Elements:
    """Sum over i of weights[i] * values[i, :] modulo p. values: (t, k). Returns (k,)."""
    products = weights.astype(np.uint64).reshape(-1, 1) * values.astype(np.uint64) % PRIME
    # Below 2^31 each, so 2^33 of them would fit: one reduction at the end is enough here.
    result: Elements = products.sum(axis=0, dtype=np.uint64) % PRIME
    return result


def uniform(random: bytes, count: int) -> Elements:
    """``count`` uniform elements from ``uniform_bytes(count)`` random bytes.

    31 bits at a time; the one value that is p itself is rejected, so there is no bias.
    """
    draws = np.frombuffer(random, dtype="<u4") & np.uint32(PRIME)
    kept = draws[draws != PRIME]
    if len(kept) < count:
        raise ValueError(f"{len(random)} random bytes are too few for {count} field elements")
    result: Elements = kept[:count].astype(np.uint64)
    return result


def uniform_bytes(count: int) -> int:
    """Bytes that ``uniform`` needs: 4 an element and 16 spare draws.

    A draw is rejected with probability 2^-31, so 17 rejections among 2^20 draws happen
    with probability below 2^-150.
    """
    return 4 * (count + 16)
