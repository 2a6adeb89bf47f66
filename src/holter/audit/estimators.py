"""From counts and scores to statements that hold: tail probabilities, and lower bounds on epsilon.

A *lower bound* here is true with the stated confidence for every mechanism and every score: the
threshold is fixed before the scores that it is judged on are seen, and both error rates are
bounded by Clopper and Pearson's exact intervals. Choosing the best of many thresholds on the same
scores, without paying for it, is the common mistake.

Under mu-Gaussian DP every test has z(TPR) - z(FPR) <= mu (Dong, Roth, Su 2022, arXiv 1905.02383,
section 2), so bounds on the two rates bound mu; epsilon at a delta follows exactly.
Only for an *estimate* is the shape of the scores assumed, and it is called so.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, chdtr, chdtrc, ndtri, stdtr

from holter.privacy.accountant import epsilon_exact

Floats = npt.NDArray[np.float64]


def lower_rate(successes: npt.ArrayLike, trials: int, alpha: float) -> Floats:
    """Below the true rate with probability 1 - alpha. Source: Clopper and Pearson 1934."""
    k = np.asarray(successes, dtype=np.float64)
    result: Floats = np.where(k > 0, betaincinv(np.maximum(k, 1), trials - k + 1, alpha), 0.0)
    return result


def upper_rate(successes: npt.ArrayLike, trials: int, alpha: float) -> Floats:
    """Above the true rate with probability 1 - alpha."""
    k = np.asarray(successes, dtype=np.float64)
    last = np.maximum(trials - k, 1)
    result: Floats = np.where(k < trials, betaincinv(k + 1, last, 1 - alpha), 1.0)
    return result


def mu_lower_bound(
    hits: npt.ArrayLike, inside: int, alarms: npt.ArrayLike, outside: int, *, confidence: float
) -> Floats:
    """A mu that the mechanism has at least, if its scores are a mu-Gaussian mechanism's.

    hits: of ``inside`` scores with the canary, how many lie above the threshold; alarms: of
    ``outside`` without. Both error rates share the risk evenly. Edges: never below 0.
    """
    alpha = (1 - confidence) / 2
    found = ndtri(lower_rate(hits, inside, alpha)) - ndtri(upper_rate(alarms, outside, alpha))
    return np.maximum(found, 0.0)


def epsilon_lower_bound(
    hits: int, inside: int, alarms: int, outside: int, *, delta: float, confidence: float
) -> float:
    """The same without any shape: TPR <= e^eps FPR + delta. Weaker, and true of every mechanism."""
    alpha = (1 - confidence) / 2
    most, least = lower_rate(hits, inside, alpha), upper_rate(alarms, outside, alpha)
    if most <= delta:
        return 0.0
    return max(0.0, math.log((float(most) - delta) / float(least)))


def epsilon_of_mu(mu: float, delta: float) -> float:
    """epsilon of a mu-Gaussian mechanism at delta, exactly."""
    return epsilon_exact(mu**2 / 2, delta)


def mu_estimate(inside: Floats, outside: Floats) -> tuple[float, float]:
    """(mu, its standard error) of scores taken for two normals of one width. An estimate.

    Source: Andrew et al. 2023, arXiv 2302.03098, Algorithm 1, with both widths measured.
    """
    n, m = len(inside), len(outside)
    within = np.sum((inside - inside.mean()) ** 2) + np.sum((outside - outside.mean()) ** 2)
    mu = float(inside.mean() - outside.mean()) / math.sqrt(within / (n + m - 2))
    return mu, math.sqrt(1 / n + 1 / m + mu**2 / (2 * (n + m - 2)))


def square_tail(ratio: float, count: int) -> float:
    """Two-sided probability of a mean square of ``ratio`` over ``count`` standard normals."""
    total = ratio * count
    return float(min(1.0, 2 * min(chdtr(count, total), chdtrc(count, total))))


def square_shortfall(ratio: float, count: int) -> float:
    """Probability of a mean square of at most ``ratio``."""
    return float(chdtr(count, ratio * count))


def fit_tail(observed: Floats, expected: Floats) -> float:
    """Pearson's chi-square of counts against expected counts of the same total."""
    statistic = float(np.sum((observed - expected) ** 2 / expected))
    return float(chdtrc(len(expected) - 1, statistic))


def correlation_tail(correlation: npt.ArrayLike, count: int) -> Floats:
    """Two-sided probability of a correlation about zero of two white vectors of ``count``."""
    r = np.clip(np.abs(np.asarray(correlation, dtype=np.float64)), 0.0, 1.0)
    with np.errstate(divide="ignore"):
        t = r * math.sqrt(max(count - 1, 1)) / np.sqrt(1 - r**2)
    result: Floats = 2 * stdtr(max(count - 1, 1), -t)
    return result
