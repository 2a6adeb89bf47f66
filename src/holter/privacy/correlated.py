"""The server's correlated noise, in exact integers, as values. Mode central under secure sums.

Each round the server opens the integer sum x_t of a round and forms, in units of
2^-COEFFICIENT_BITS grid steps,

    y_t = c_0 x_t + c_1 x_(t-1) + ... + c_(b-1) x_(t-b+1) + Z_t

with the integers c of ``matrix.on_grid`` and a fresh vector Z_t of exact discrete Gaussians.
It publishes the estimate of x_t that follows from y_t and earlier estimates (C^-1 y). Reals
appear in that step alone, after the noise, so no rounding touches the promise. The noise is on
the finer units because C x is: on whole grid steps the fraction of y would show what x was.

The row is the number of the round. **An abandoned round enters as a zero sum with its own
noise**, so that ``bands`` rounds between two participations are ``bands`` rows between them.
Its estimate is applied like any other: it takes back noise of earlier rounds, and later rounds
take back its own.

Why later inputs may depend on what was published: given the transcript so far, the two worlds
of one device agree on everything but the device's own updates, and of these only one lies
within the last b rounds (at least b rounds are between any two). If it was j rounds ago, row t
differs by c_j times a vector of norm D at most, and since rows of Z are independent of one
another and of the past, releasing it costs (c_j D)^2 / (2 sigma^2) of zero-concentrated DP
whatever was published before. Rows compose adaptively, and over the b rows that one
participation reaches they add up to ``rho_per_participation``; participations add.

The sums are secret as long as a Stream holds them: whoever has them and y has the noise. A
checkpoint of ``arrays`` is as secret; the estimates are public.

Sources: Canonne, Kamath, Steinke 2020, arXiv 2004.00010, section 2.1 (a discrete Gaussian that
is shifted by integers costs what a Gaussian does); Denisov et al. 2022, arXiv
2202.08312, Theorem 2.1 (adaptive inputs); ``matrix`` for C.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from holter.privacy import matrix
from holter.privacy.source import Integers

Floats = npt.NDArray[np.float64]

LARGEST_SUM = 2**31  # grid steps: no lane is wider than 32 bits
LARGEST_NOISE = 2**48  # finer units: 256 of the largest deviation that the sampler knows
LARGEST_COEFFICIENTS = 2**20  # sum over the bands, finer units: some 50 000 bands
# Together they keep |y| below 2^31 2^20 + 2^48 < 2^53: exact in int64 and in float64.


@dataclass(frozen=True)
class Stream:
    """What the next round needs of the last bands - 1, newest first.

    coefficients: on the grid, shape (bands,). sums: x of each round, int64, grid steps, secret.
    estimates: of the same rounds, float64, grid steps, public. A coefficient sequence that
    rises, or is negative, is refused: where it falls from its first step on, the inverse is
    bounded (Enestrom and Kakeya), so errors of floats and noise do not build up.
    """

    coefficients: tuple[int, ...]
    sums: tuple[Integers, ...] = ()
    estimates: tuple[Floats, ...] = ()

    def __post_init__(self) -> None:
        c = self.coefficients
        if not c or c[0] != 2**matrix.COEFFICIENT_BITS:
            raise ValueError(f"coefficients on the grid begin with 2^{matrix.COEFFICIENT_BITS}")
        if min(c) < 0 or any(later > earlier for earlier, later in pairwise(c)):
            raise ValueError("coefficients fall from the first to the last and stay above zero")
        if c[1:2] == c[:1] or sum(c) > LARGEST_COEFFICIENTS:
            raise ValueError("coefficients must fall at once and soon: running sums would grow")
        if len(self.sums) != len(self.estimates) or len(self.sums) >= len(c):
            raise ValueError("a stream holds a sum and an estimate of each of bands - 1 rounds")
        if len({past.shape for past in (*self.sums, *self.estimates)}) > 1:
            raise ValueError("sums of different lengths do not belong to one stream")

    def arrays(self) -> tuple[Integers, Floats]:
        """(sums, estimates), shapes (r, d), newest first: what a checkpoint holds. Secret."""
        if not self.sums:
            return np.zeros((0, 0), dtype=np.int64), np.zeros((0, 0))
        return np.stack(self.sums), np.stack(self.estimates)


def restored(coefficients: tuple[int, ...], sums: Integers, estimates: Floats) -> Stream:
    """The stream whose ``arrays`` these are. Raises ValueError where they cannot be."""
    if sums.dtype != np.int64 or estimates.dtype != np.float64:
        raise ValueError("sums are int64 and estimates float64")
    if sums.ndim != 2 or sums.shape != estimates.shape:
        raise ValueError("sums and estimates have one row for each round")
    if not _within(sums, LARGEST_SUM) or not np.all(np.isfinite(estimates)):
        raise ValueError("a sum or an estimate that no round can have had")
    return Stream(coefficients, tuple(sums), tuple(estimates))


def release(stream: Stream, total: Integers, noise: Integers) -> tuple[Stream, Floats]:
    """(the stream after this round, the estimate to publish: shape (d,), float64, grid steps).

    total: the opened sum, int64, |x| <= LARGEST_SUM; zeros for an abandoned round. noise: fresh
    exact discrete Gaussians of the plan's variance, int64, finer units, used here once.
    Guarantees: the estimate is a function of y_0 ... y_t alone; with zero noise in all rounds
    it is ``total`` exactly. Raises ValueError for shapes that differ and values out of range.
    """
    shapes = {total.shape, noise.shape, *(past.shape for past in stream.sums)}
    if len(shapes) > 1 or total.ndim != 1:
        raise ValueError("the sum, its noise and earlier sums must have one length")
    if total.dtype != np.int64 or noise.dtype != np.int64:
        raise ValueError("the sum and its noise must be int64")
    if not (_within(total, LARGEST_SUM) and _within(noise, LARGEST_NOISE)):
        raise ValueError("a sum or its noise is larger than any lane or sampler gives")
    row = noise + stream.coefficients[0] * total
    for coefficient, past in zip(stream.coefficients[1:], stream.sums, strict=False):
        row += coefficient * past
    estimate = _solved(row, stream)
    kept = len(stream.coefficients) - 1
    return (
        Stream(
            stream.coefficients,
            (total.copy(), *stream.sums)[:kept],
            (estimate, *stream.estimates)[:kept],
        ),
        estimate,
    )


def _solved(row: Integers, stream: Stream) -> Floats:
    """Forward substitution of one row, over earlier estimates and never over sums."""
    left = row.astype(np.float64)
    for coefficient, past in zip(stream.coefficients[1:], stream.estimates, strict=False):
        left -= coefficient * past
    return left / stream.coefficients[0]


def rho_per_participation(norm_limit: int, coefficients: Sequence[int], variance: int) -> float:
    """rho of one participation: D^2 times the sum of c_j^2 over twice the variance of a row.

    norm_limit: D, grid steps. coefficients: on the grid. variance: of Z, finer units squared.
    Computed as a fraction and rounded up, never down. Valid only where the device's
    participations are at least ``len(coefficients)`` rounds apart.
    """
    if norm_limit < 0 or variance < 1:
        raise ValueError("a price needs a norm limit from 0 and a variance from 1")
    exact = Fraction(norm_limit**2 * matrix.column_square(coefficients), 2 * variance)
    nearest = float(exact)
    return nearest if nearest >= exact else math.nextafter(nearest, math.inf)


def _within(values: Integers, limit: int) -> bool:
    return bool(np.all((values >= -limit) & (values <= limit)))
