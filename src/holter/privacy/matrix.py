"""How noise of successive rounds is correlated, what that costs, and what it gains.

Running sums of rounds are what a model is made of. With C a lower triangular Toeplitz matrix,
publishing C^-1 (C x + Z) instead of x + Z lets each round take back part of the noise of the
rounds before it. C here is the square root of the matrix of running sums, cut after ``bands``
diagonals: row t reaches back over rounds t - bands + 1 to t, so a device that stays away for
``bands`` rounds meets each row once at most, and its participations add up like strangers.

Read ``square_root`` (the strategy), ``sensitivity_square`` (its price), ``errors`` (its gain).
The sums themselves are ``correlated``'s. Coefficients come in two forms: reals, and the
integers of ``on_grid``, which are what is really used and what a price is computed from.

Sources: Kalinin and Lampert 2024, arXiv 2405.13763 (banded square root, in closed form);
Choquette-Choo et al. 2023, arXiv 2306.08153 (banded matrices, a separation of the bands or more).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# 12 bits move the root mean square error at equal privacy by less than 3 in 100 000 (tests), and
# leave a row of sums of 2^31 far below the 2^53 up to which a float holds every integer.
COEFFICIENT_BITS = 12


def square_root(bands: int) -> Floats:
    """First column of C: c_j = binom(2j, j) / 4^j, shape (bands,), from c_0 = 1 falling.

    One band is independent noise. Raises ValueError below one band.
    """
    if bands < 1:
        raise ValueError("a strategy has one band at least")
    j = np.arange(1, bands)
    return np.concatenate([[1.0], np.cumprod((2 * j - 1) / (2 * j))])


def on_grid(coefficients: Floats, bits: int = COEFFICIENT_BITS) -> tuple[int, ...]:
    """The nearest integers of 2^-bits. Guarantees: c_0 becomes 2^bits exactly.

    coefficients: shape (bands,), c_0 = 1. Rounding keeps a falling sequence from rising, so its
    inverse stays bounded (``correlated``). A price is that of the result. Raises ValueError.
    """
    if len(coefficients) == 0 or coefficients[0] != 1:
        raise ValueError("a strategy begins with c_0 = 1")
    return tuple(int(c) for c in np.rint(np.ldexp(coefficients, bits)))


@overload
def column_square(coefficients: Sequence[int]) -> int: ...
@overload
def column_square(coefficients: Floats) -> float: ...
def column_square(coefficients: Sequence[int] | Floats) -> float:
    """Sum of c_j^2: the squared norm of a column that does not run out of rounds.

    Of ``on_grid``'s integers it is exact, in units of 4^-bits.
    """
    return sum(c * c for c in _numbers(coefficients))


def square_of(bands: int) -> float:
    """Sum of c_j^2 of the banded square root on the grid: what one participation costs, where
    one under independent noise of the same multiplier costs 1. Exact.
    """
    return math.ldexp(column_square(on_grid(square_root(bands))), -2 * COEFFICIENT_BITS)


@overload
def sensitivity_square(
    coefficients: Sequence[int], rounds: int, min_separation: int, participations: int
) -> int: ...
@overload
def sensitivity_square(
    coefficients: Floats, rounds: int, min_separation: int, participations: int
) -> float: ...
def sensitivity_square(
    coefficients: Sequence[int] | Floats, rounds: int, min_separation: int, participations: int
) -> float:
    """S^2: the largest squared change of C x by one device whose updates have norm 1.

    The device takes part at most ``participations`` times, each at least ``min_separation``
    rounds after the last. Then no two of its columns share a row, and squared norms add. A
    column is the longer the earlier it begins, so the worst device begins in round 0 and comes
    as often as it may: the value is attained. Of integers it is exact, in units of 4^-bits.

    Raises ValueError where min_separation is below the bands: columns then overlap, and the sum
    of their norms would promise too much (40 % too much for 3 bands and a separation of 2).
    """
    numbers = _numbers(coefficients)
    if min_separation < len(numbers):
        raise ValueError(
            f"{len(numbers)} bands need {len(numbers)} rounds between participations, "
            f"not {min_separation}"
        )
    if rounds < 1 or participations < 1:
        raise ValueError("a sensitivity needs one round and one participation at least")
    starts = range(0, rounds, min_separation)[:participations]
    return sum(sum(c * c for c in numbers[: rounds - start]) for start in starts)


@dataclass(frozen=True)
class Errors:
    """Variance of running sums, in units of the variance of a row of Z: mean and largest."""

    mean: float
    largest: float


def errors(coefficients: Floats, rounds: int) -> Errors:
    """Over the running sums after 1, 2, ... ``rounds`` rounds. Independent noise: (n + 1)/2 and n.

    The noise of the sum after t rounds is row t of A C^-1 Z, with A the matrix of running sums;
    its variance is the sum of the first t squares of the first column of A C^-1.
    """
    sums = np.cumsum(_inverse_column(coefficients, rounds))
    variances = np.cumsum(sums**2)
    return Errors(float(variances.mean()), float(variances[-1]))


def equivalent_multiplier(coefficients: Floats, rounds: int) -> float:
    """r: correlated noise of multiplier z hurts running sums as independent noise of z r does.

    Both in root mean square over ``rounds`` rounds; below 1, at unequal prices (``square_of``).
    """
    return math.sqrt(errors(coefficients, rounds).mean / ((rounds + 1) / 2))


def largest_prefix_noise(bins: int) -> float:
    """Deviation of the noisiest point of a distribution function over ``bins`` bins.

    In units of the deviation that an answer of norm 1 needs. A device in bin j sends column j
    of the full square root in place of a one; the same matrix is applied to the sum. Column
    norm and row norm are the same, and their product is the sum of c_j^2: 2.39 for 64 bins,
    where the running sum of a plain histogram has sqrt(64).
    """
    return column_square(square_root(bins))


def _inverse_column(coefficients: Floats, rounds: int) -> Floats:
    """First column of C^-1, by forward substitution: C times it is 1, 0, 0, ..."""
    if rounds < 1:
        raise ValueError("errors are of one round at least")
    backwards = coefficients[:0:-1]  # c_(b-1) ... c_1
    reach = len(backwards)
    padded = np.zeros(reach + rounds)
    padded[reach] = 1 / coefficients[0]
    for t in range(1, rounds):
        padded[reach + t] = -(backwards @ padded[t : reach + t]) / coefficients[0]
    return padded[reach:]


def _numbers(coefficients: Sequence[int] | Floats) -> list[int] | list[float]:
    """Python numbers, so that integers stay exact and nothing wraps."""
    if isinstance(coefficients, np.ndarray):
        return [float(c) for c in coefficients]
    return list(coefficients)
