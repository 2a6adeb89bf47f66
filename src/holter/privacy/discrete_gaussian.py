"""The exact discrete Gaussian, from uniform bytes alone: no floats, no rounding, no seed.

P[X = x] is proportional to exp(-x^2 / (2 sigma^2)) over the integers. Every comparison is
between integers drawn by rejection, so the distribution is exact; floating-point samplers
leak through their low bits (Mironov 2012).

Source: Canonne, Kamath, Steinke 2020 (arXiv 2004.00010), Algorithms 1 to 3, vectorised:
each loop of the paper becomes a mask over the samples that are still undecided.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from holter.privacy.source import Integers

Booleans = npt.NDArray[np.bool_]
Read = Callable[[int], bytes]
"""n -> n uniform, independent bytes."""

LARGEST_SIGMA = 4096  # grid steps: beyond, the acceptance test would leave int64
_OVERDRAW = 1.12  # candidates drawn per sample still missing; few rounds, little waste


def sample(variance: int, count: int, read: Read) -> Integers:
    """``count`` exact samples with sigma^2 = ``variance``, an integer >= 1 (grid steps squared).

    Raises ValueError beyond LARGEST_SIGMA. Time depends on the magnitudes drawn, so the
    whole vector is drawn before a device speaks to anyone.
    """
    if not 1 <= variance <= LARGEST_SIGMA**2:
        raise ValueError(f"a variance from 1 to {LARGEST_SIGMA}^2 grid steps is needed")
    scale = math.isqrt(variance) + 1
    kept: list[Integers] = []
    missing = count
    while missing > 0:
        candidates = _discrete_laplace(scale, int(missing * 1.5) + 16, read)
        accepted = candidates[_accept(candidates, variance, scale, read)][:missing]
        kept.append(accepted)
        missing -= len(accepted)
    return np.concatenate(kept) if kept else np.zeros(0, dtype=np.int64)


def _accept(candidates: Integers, variance: int, scale: int, read: Read) -> Booleans:
    """Keep with probability exp(-(|y| - sigma^2/t)^2 / (2 sigma^2)), as integers over 2 s^2 t^2.

    Up to 176 scales, |y| t stays below 2^31.5 at the largest sigma and its square below 2^63.
    A candidate beyond (probability e^-176) is refused: the only departure from exactness.
    """
    far = np.abs(candidates) > 176 * scale
    distance = np.abs(np.where(far, 0, candidates)) * scale - variance
    numerator = distance * distance
    return _bernoulli_exp(numerator, 2 * variance * scale * scale, read) & ~far


def _discrete_laplace(scale: int, count: int, read: Read) -> Integers:
    """Samples with P[X = x] proportional to exp(-|x|/scale). Source: Algorithm 2."""
    kept: list[Integers] = []
    missing = count
    while missing > 0:
        # u uniform below scale is kept with probability e^(-u/scale), on average 63 %; a zero
        # with a minus sign is rejected too.
        draws = int(missing * _OVERDRAW / 0.62) + 16
        offset = _uniform_below(scale, draws, read)
        offset = offset[_bernoulli_exp(offset, scale, read)]
        magnitude = offset + scale * _geometric(len(offset), read)
        negative = np.frombuffer(read(len(magnitude)), dtype=np.uint8) & 1 == 1
        proper = ~(negative & (magnitude == 0))
        signed = np.where(negative, -magnitude, magnitude)[proper][:missing]
        kept.append(signed)
        missing -= len(signed)
    return np.concatenate(kept)


def _geometric(count: int, read: Read) -> Integers:
    """How often Bernoulli(1/e) succeeds before it fails."""
    successes = np.zeros(count, dtype=np.int64)
    running = np.arange(count)
    while len(running):
        running = running[_bernoulli_inverse_e(len(running), read)]
        successes[running] += 1
    return successes


def _bernoulli_exp(numerator: Integers, denominator: int, read: Read) -> Booleans:
    """True with probability exp(-numerator/denominator), exactly. Source: Algorithm 1."""
    whole, rest = np.divmod(numerator, denominator)
    result = _bernoulli_exp_below_one(rest, denominator, read)
    # Each whole unit of the exponent is one more Bernoulli(1/e) that has to succeed.
    waiting = np.flatnonzero(result & (whole > 0))
    left = whole[waiting]
    while len(waiting):
        succeeded = _bernoulli_inverse_e(len(waiting), read)
        result[waiting[~succeeded]] = False
        left = left - 1
        keep = succeeded & (left > 0)
        waiting, left = waiting[keep], left[keep]
    return result


def _bernoulli_inverse_e(count: int, read: Read) -> Booleans:
    return _bernoulli_exp_below_one(np.ones(count, dtype=np.int64), 1, read)


def _bernoulli_exp_below_one(numerator: Integers, denominator: int, read: Read) -> Booleans:
    """exp(-a/b) for 0 <= a <= b: the parity of the first failing Bernoulli(a / (b k)), k = 1, 2, ...

    b k stays below 2^55 * k, and the loop ends below k = 60 with probability 1 - 2^-270.
    """
    odd = np.zeros(len(numerator), dtype=bool)
    running = np.arange(len(numerator))
    k = 1
    while len(running):
        succeeded = _uniform_below(denominator * k, len(running), read) < numerator[running]
        odd[running[~succeeded]] = k % 2 == 1
        running = running[succeeded]
        k += 1
    return odd


def _uniform_below(bound: int, count: int, read: Read) -> Integers:
    """Uniform integers in [0, bound), bound < 2^62, by rejection from the next power of two."""
    bits = max((bound - 1).bit_length(), 1)
    width = 2 if bits <= 16 else 4 if bits <= 32 else 8
    mask = (1 << bits) - 1
    result = np.empty(count, dtype=np.int64)
    filled = 0
    while filled < count:
        wanted = int((count - filled) * (mask + 1) / bound * 1.05) + 8
        draws = np.frombuffer(read(wanted * width), dtype=f"<u{width}") & np.array(
            mask, dtype=f"<u{width}"
        )
        draws = draws[draws < bound][: count - filled]
        result[filled : filled + len(draws)] = draws
        filled += len(draws)
    return result
