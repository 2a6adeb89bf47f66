"""The prime field of Shamir's shares: integers modulo p = 2^31 - 1, vectorised.

A product of two elements stays below 2^62 and fits uint64; a sum of more than four
products does not. So every function reduces after each product, and nothing here is a
plain matrix product followed by one ``%``.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

PRIME = 2**31 - 1  # a Mersenne prime: two elements multiply inside 64 bits
POINT_LIMIT = 1 << 16  # points are roster indices plus one

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
    """Lagrange weights: value at 0 = sum of weights * values at ``points``, row by row.

    points: shape (b, t), each row distinct, from 1 to 2^16; otherwise ValueError. Returns shape
    (b, t). Differences of points are roster distances, so their inverses come from one table.
    """
    ordered = np.sort(points, axis=1)
    if points.size and (ordered[:, :1].min() == 0 or ordered.max() > POINT_LIMIT):
        raise ValueError(f"interpolation needs points from 1 to {POINT_LIMIT}")
    if np.any(ordered[:, 1:] == ordered[:, :-1]):
        raise ValueError("interpolation needs distinct points")
    at = points.astype(np.int64)
    inverses = _inverses(int(at.max()) + 1 if at.size else 1)
    weights = np.ones(points.shape, dtype=np.uint64)
    for other in range(points.shape[1]):
        # Times x_other / (x_other - x_i), for every i but ``other`` itself.
        factor = inverses[at[:, other : other + 1] - at] * points[:, other : other + 1] % PRIME
        factor[:, other] = 1
        weights = weights * factor % PRIME
    return weights


@functools.lru_cache(maxsize=4)
def _inverses(limit: int) -> Elements:
    """1/d for d in (-limit, limit), at index d (negative ones from the end); 1/0 stands as 0."""
    table = [0, 1]
    for d in range(2, limit):
        table.append((PRIME - PRIME // d) * table[PRIME % d] % PRIME)
    table = table[:limit]
    return np.array(table + [PRIME - value for value in table[:0:-1]], dtype=np.uint64)


def combine(weights: Elements, values: Elements) -> Elements:
    """Sum over i of weights[b, i] * values[b, i, :] modulo p. values: (b, t, k). Returns (b, k)."""
    products = weights[:, :, None] * values % PRIME
    # Below 2^31 each, so 2^33 of them would fit: one reduction at the end is enough here.
    result: Elements = products.sum(axis=1, dtype=np.uint64) % PRIME
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
