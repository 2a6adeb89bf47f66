"""Google's parameter finder for the Harary ring, ported: a cross-check, not what we build.

The ring is what the design decided against (a server that chooses the drop-outs cuts it with
two runs of k/2 neighbours); its published check rows are still the only numbers of others
that our tails can be held against.

Source: design of the protocol, section 1.1 and Appendix A, first part.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def ring_neighbours(
    size: int,
    gamma: Fraction,
    delta: Fraction,
    *,
    semi_malicious: bool,
    sigma: int = 40,
    eta: int = 30,
) -> tuple[int, int] | None:
    """(k, t): the fewest neighbours of a ring and the smallest threshold; None if none do.

    gamma, delta: shares of corrupt and of dropped clients, exact. semi_malicious: t above
    (k + corrupt neighbours)/2. sigma, eta: 2^-sigma for a leak, 2^-eta for a stuck session.
    """
    corrupt, surviving = math.floor(gamma * size), math.ceil((1 - delta) * size)
    removed = corrupt + math.floor(delta * size)
    log = np.array([math.lgamma(k + 1) for k in range(size + 1)]) / math.log(2)
    for k in range(2, size, 2):
        if _disconnection(log, size, k, removed) >= -(sigma + 1):
            continue
        above = _log2_tails(_hypergeometric(log, size, corrupt, k)[::-1])[::-1]  # P[X >= x]
        allowed = -(sigma + 1) - math.log2(size)
        # smallest x with P[X > x] within what is allowed
        t1 = int(np.count_nonzero(above > allowed)) - 1
        if semi_malicious:
            t1 = math.ceil((t1 + k - Fraction(5, 4)) / 2)
        below = _log2_tails(_hypergeometric(log, size, surviving, k))  # P[X <= x]
        # largest y with P[X < y] within what is allowed
        t2 = int(np.count_nonzero(below <= -eta - math.log2(size)))
        if t2 > t1:
            return k, t1 + 1
    return None


def _disconnection(log: Floats, size: int, k: int, removed: int) -> float:
    """log2 of a bound on the chance that the removed hold two runs of k/2 ring neighbours."""
    if k > removed or size - k - 1 < 1:
        return -math.inf
    choices = math.log2(size * (size - k - 1) / 2)
    return float(choices + log[removed] + log[size - k] - log[size] - log[removed - k])


def _hypergeometric(log: Floats, size: int, marked: int, k: int) -> Floats:
    """log2 P[X = x] for x = 0..k marked among k drawn."""
    x = np.arange(k + 1)
    possible = (x <= marked) & (k - x <= size - marked)
    result = np.full(k + 1, -np.inf)
    x = x[possible]
    result[possible] = log[marked] - log[x] - log[marked - x]
    result[possible] += log[size - marked] - log[k - x] - log[size - marked - k + x]
    result[possible] -= log[size] - log[k] - log[size - k]
    return result


def _log2_tails(terms: Floats) -> Floats:
    """log2 of the running sums of 2^term."""
    return np.logaddexp2.accumulate(terms)
