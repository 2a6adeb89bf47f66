"""Answers of one device that need nobody's trust: the noise is in the single answer.

Randomised response for a choice among a few options, discrete Laplace noise for an integer.
Neighbours here are any two answers of the same device, so the promise holds against whoever
sees the answer, the server included. It is dear: a share out of n answers is off by about
1/(epsilon sqrt(n)), where a sum with noise in it is off by 1/(epsilon n). Both are exact on
integers: epsilon is a fraction, and no probability is ever rounded. What they cost enters a
ledger as ``rho_of``.

A device answers a question once. Asked again, it repeats its answer or stays silent: fresh
noise on the same answer would cost the same again.

Sources: Warner 1965 and Kairouz, Oh, Viswanath 2014, arXiv 1407.1338 (randomised
response); Ghosh, Roughgarden, Sundararajan 2009, arXiv 0811.2841 (discrete Laplace); Canonne,
Kamath, Steinke 2020, arXiv 2004.00010, Algorithms 1 and 2 (exact coins); Bun and Steinke 2016,
arXiv 1605.02065, Proposition 1.4 (what a pure epsilon is in rho).
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from holter.privacy.discrete_gaussian import LARGEST_SCALE, Read, bernoulli_exp, laplace
from holter.privacy.source import Integers

LARGEST_OPTIONS = 1 << 10  # beyond, hardly an answer would be true at an epsilon worth having
LARGEST_EPSILON = 64  # e^64: from here on an answer is as good as bare
LARGEST_DENOMINATOR = 1 << 20  # of an epsilon: a millionth is finer than anybody means
_TRIES = 8  # drawn at a time, whatever the answer is


def randomised_response(answer: int, options: int, epsilon: Fraction, read: Read) -> int:
    """The answer with probability e^epsilon / (e^epsilon + options - 1), else any other, evenly.

    answer: from 0 to options - 1. Guarantees: for any two answers and any result, the
    probabilities differ by a factor of at most e^epsilon, and exactly that. A uniform
    candidate is kept if it is the answer, and with probability exp(-epsilon) if it is not; the
    coin is thrown in either case, and how often has to be drawn does not depend on the
    answer. A device without an answer needs an option for that. Raises ValueError.
    """
    _check(options, epsilon)
    if not 0 <= answer < options:
        raise ValueError(f"an answer from 0 to {options - 1} is needed")
    while True:
        candidates = _candidates(options, read)
        exponents = np.full(_TRIES, epsilon.numerator)
        coins = bernoulli_exp(exponents, epsilon.denominator, read)
        kept = candidates[coins | (candidates == answer)]
        if len(kept):
            return int(kept[0])


def truth_probability(options: int, epsilon: Fraction) -> float:
    """How likely ``randomised_response`` returns the answer itself."""
    _check(options, epsilon)
    return 1 / (1 + (options - 1) * math.exp(-epsilon))


def debias_counts(counts: Integers, epsilon: Fraction) -> npt.NDArray[np.float64]:
    """Unbiased estimates of how many devices held each answer, from how many gave it.

    counts: shape (options,), int64, >= 0. Result: same shape; adds up to the same total, and
    noise may carry an estimate below 0 or above it. Raises ValueError.
    """
    if counts.ndim != 1 or np.any(counts < 0):
        raise ValueError("counts are one number from 0 for each option")
    truth = truth_probability(len(counts), epsilon)
    other = (1 - truth) / (len(counts) - 1)
    return np.asarray((counts - counts.sum() * other) / (truth - other), dtype=np.float64)


def discrete_laplace(value: int, sensitivity: int, epsilon: Fraction, read: Read) -> int:
    """``value`` plus noise with P[X = x] proportional to exp(-epsilon |x| / sensitivity).

    sensitivity: the largest difference between two values that the device could hold; the
    caller clamps. Guarantees: for two such values and any result, the probabilities differ by
    a factor of at most e^epsilon. Raises ValueError.
    """
    _check(2, epsilon)
    scale = sensitivity * epsilon.denominator
    if not 1 <= scale <= LARGEST_SCALE:
        raise ValueError("sensitivity must be positive, and epsilon's denominator small beside it")
    return value + int(laplace(scale, 1, read, divisor=epsilon.numerator)[0])


def rho_of(epsilon: Fraction) -> float:
    """epsilon^2 / 2: what an answer costs in rho of zero-concentrated DP, rounded up."""
    _check(2, epsilon)
    exact = epsilon**2 / 2
    nearest = float(exact)
    return nearest if nearest >= exact else math.nextafter(nearest, math.inf)


def _candidates(options: int, read: Read) -> Integers:
    """``_TRIES`` uniform options, by rejection from 32 bits."""
    whole = (1 << 32) // options * options
    kept = np.zeros(0, dtype=np.int64)
    while len(kept) < _TRIES:
        words = np.frombuffer(read(4 * _TRIES), dtype="<u4").astype(np.int64)
        kept = np.concatenate([kept, words[words < whole] % options])
    return kept[:_TRIES]


def _check(options: int, epsilon: Fraction) -> None:
    if not 2 <= options <= LARGEST_OPTIONS:
        raise ValueError(f"from 2 to {LARGEST_OPTIONS} options are needed")
    if not 0 < epsilon <= LARGEST_EPSILON or epsilon.denominator > LARGEST_DENOMINATOR:
        raise ValueError(
            f"epsilon must be a fraction above 0, at most {LARGEST_EPSILON}, with a denominator of "
            f"at most {LARGEST_DENOMINATOR}"
        )
