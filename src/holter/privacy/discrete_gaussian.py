"""The exact discrete Gaussian, from uniform bytes alone: no floats, no rounding, no seed.

P[X = x] is proportional to exp(-x^2 / (2 sigma^2)) over the integers. Every comparison is
between integers drawn by rejection, so the distribution is exact; floating-point samplers
leak through their low bits (Mironov 2012).

Source: Canonne, Kamath, Steinke 2020 (arXiv 2004.00010), Algorithms 1 to 3, vectorised:
each loop of the paper becomes a mask over the samples that are still undecided.

A device's share stays below LARGEST_SIGMA, where 64 bits hold every comparison. A server's
correlated noise lies on a finer lattice and needs more: up to LARGEST_WIDE_SIGMA only the last
test, whose integers have up to 175 bits, is done by Python's integers. ``laplace`` and
``bernoulli_exp`` are also what ``local_answers`` is made of.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from holter.privacy.source import Integers

Booleans = npt.NDArray[np.bool_]
Wide = npt.NDArray[np.object_]
"""Python's integers, so that nothing wraps."""
Read = Callable[[int], bytes]
"""n -> n uniform, independent bytes."""

LARGEST_SIGMA = 4096  # steps: beyond, the acceptance test would leave int64
LARGEST_WIDE_SIGMA = 2**40  # steps: a candidate stays below 2^48, its coins' bounds below 2^62
LARGEST_SCALE = LARGEST_WIDE_SIGMA + 1  # of the Laplace distribution, for the same reason
LARGEST_DENOMINATOR = 2**50  # of an exponent: a coin's bounds stay below 2^62 for 2^12 throws
_FAR = 176  # scales: e^-176 is 2^-254
_DIGIT_BITS = 61  # of a wide coin that are looked at first
_OVERDRAW = 1.12  # candidates drawn per sample still missing; few rounds, little waste


def sample(variance: int, count: int, read: Read) -> Integers:
    """``count`` exact samples with sigma^2 = ``variance``, an integer >= 1 (steps squared).

    shape (count,), int64. Raises ValueError beyond LARGEST_WIDE_SIGMA; beyond LARGEST_SIGMA it
    takes two to three times as long. Time depends on the magnitudes drawn, so the whole vector is
    drawn before a device speaks to anyone.
    """
    if not 1 <= variance <= LARGEST_WIDE_SIGMA**2:
        raise ValueError(f"a variance from 1 to {LARGEST_WIDE_SIGMA}^2 steps is needed")
    accept = _accept if variance <= LARGEST_SIGMA**2 else _accept_wide
    scale = math.isqrt(variance) + 1
    kept: list[Integers] = []
    missing = count
    while missing > 0:
        candidates = laplace(scale, int(missing * 1.5) + 16, read)
        accepted = candidates[accept(candidates, variance, scale, read)][:missing]
        kept.append(accepted)
        missing -= len(accepted)
    return np.concatenate(kept) if kept else np.zeros(0, dtype=np.int64)


def _accept(candidates: Integers, variance: int, scale: int, read: Read) -> Booleans:
    """Keep with probability exp(-(|y| - sigma^2/t)^2 / (2 sigma^2)), as integers over 2 s^2 t^2.

    Up to 176 scales, |y| t stays below 2^31.5 at the largest sigma and its square below 2^63.
    A candidate beyond (probability e^-176) is refused: the only departure from exactness.
    """
    far = np.abs(candidates) > _FAR * scale
    distance = np.abs(np.where(far, 0, candidates)) * scale - variance
    numerator = distance * distance
    return bernoulli_exp(numerator, 2 * variance * scale * scale, read) & ~far


def _accept_wide(candidates: Integers, variance: int, scale: int, read: Read) -> Booleans:
    """``_accept`` with Python's integers, where 64 bits would not do."""
    far = np.abs(candidates) > _FAR * scale
    distance = np.abs(np.where(far, 0, candidates)).astype(object) * scale - variance
    denominator = 2 * variance * scale * scale
    numerator = distance * distance
    whole = (numerator // denominator).astype(np.int64)
    result = _wide_bernoulli_exp_below_one(numerator % denominator, denominator, read)
    return _all_units_too(result, whole, read) & ~far


def laplace(scale: int, count: int, read: Read, divisor: int = 1) -> Integers:
    """``count`` exact samples with P[X = x] proportional to exp(-|x| divisor / scale).

    scale: from 1 to LARGEST_SCALE. divisor: >= 1. shape (count,), int64. Raises ValueError.
    Source: Algorithm 2.
    """
    if not 1 <= scale <= LARGEST_SCALE or divisor < 1:
        raise ValueError(f"a scale from 1 to {LARGEST_SCALE} and a divisor from 1 are needed")
    kept: list[Integers] = []
    missing = count
    while missing > 0:
        # u uniform below scale is kept with probability e^(-u/scale), on average 63 %; a zero
        # with a minus sign is rejected too.
        draws = int(missing * _OVERDRAW / 0.62) + 16
        offset = _uniform_below(scale, draws, read)
        offset = offset[bernoulli_exp(offset, scale, read)]
        magnitude = (offset + scale * _geometric(len(offset), read)) // divisor
        negative = np.frombuffer(read(len(magnitude)), dtype=np.uint8) & 1 == 1
        proper = ~(negative & (magnitude == 0))
        signed = np.where(negative, -magnitude, magnitude)[proper][:missing]
        kept.append(signed)
        missing -= len(signed)
    return np.concatenate(kept) if kept else np.zeros(0, dtype=np.int64)


def _geometric(count: int, read: Read) -> Integers:
    """How often Bernoulli(1/e) succeeds before it fails."""
    successes = np.zeros(count, dtype=np.int64)
    running = np.arange(count)
    while len(running):
        running = running[_bernoulli_inverse_e(len(running), read)]
        successes[running] += 1
    return successes


def bernoulli_exp(numerator: Integers, denominator: int, read: Read) -> Booleans:
    """True with probability exp(-numerator/denominator), exactly. Source: Algorithm 1.

    numerator: shape (n,), int64, >= 0. denominator: from 1 to LARGEST_DENOMINATOR.
    Raises ValueError.
    """
    if not 1 <= denominator <= LARGEST_DENOMINATOR:
        raise ValueError(f"a denominator from 1 to {LARGEST_DENOMINATOR} is needed")
    whole, rest = np.divmod(numerator, denominator)
    return _all_units_too(_bernoulli_exp_below_one(rest, denominator, read), whole, read)


def _all_units_too(result: Booleans, whole: Integers, read: Read) -> Booleans:
    """``result`` where it also survives one Bernoulli(1/e) for each whole unit of the exponent."""
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


def _wide_bernoulli_exp_below_one(numerator: Wide, denominator: int, read: Read) -> Booleans:
    """``_bernoulli_exp_below_one`` for Python's integers, 0 <= a < b of any size."""
    odd = np.zeros(len(numerator), dtype=bool)
    running = np.arange(len(numerator))
    k = 1
    while len(running):
        succeeded = _wide_bernoulli(numerator[running], denominator * k, read)
        odd[running[~succeeded]] = k % 2 == 1
        running = running[succeeded]
        k += 1
    return odd


def _wide_bernoulli(numerator: Wide, denominator: int, read: Read) -> Booleans:
    """True with probability a / b exactly, 0 <= a < b: a uniform real below a / b, digit by digit.

    A digit below that of a / b decides for true, one above for false, an equal one (2^-61) asks
    for the next; a fraction that ends is no digit's equal for ever, since zeros follow.
    """
    result = np.zeros(len(numerator), dtype=bool)
    tied, rest = np.arange(len(numerator)), numerator
    while len(tied):
        shifted = rest << _DIGIT_BITS
        digit = (shifted // denominator).astype(np.int64)
        drawn = _uniform_below(1 << _DIGIT_BITS, len(tied), read)
        result[tied] = drawn < digit
        same = drawn == digit
        tied, rest = tied[same], shifted[same] % denominator
    return result


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
