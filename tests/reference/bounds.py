"""Appendix A of docs/protocol.md: whether a device accepts (cycles, threshold).

Hypergeometric tails are computed exactly, in integers; the law of the degree in floats. The sum
over s of condition (1) runs over terms as small as 2^-10000, so it is taken in logarithms (base
e). Every term is positive, nothing cancels, and the error stays below a billionth of a term.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from math import comb

from tests.reference.graph import COMPLETE

NEVER = -math.inf


def quorum(n: int, colluders: int) -> int:
    return (n + colluders) // 2 + 1


@lru_cache(maxsize=4)
def _log_factorials(most: int) -> list[float]:
    out = [0.0]
    for i in range(1, most + 1):
        out.append(out[-1] + math.log(i))
    return out


def _log_sum(terms: Iterable[float]) -> float:
    found = [t for t in terms if t != NEVER]
    if not found:
        return NEVER
    top = max(found)
    return top + math.log(math.fsum(math.exp(t - top) for t in found))


def hypergeometric_tail(population: int, marked: int, drawn: int, least: int) -> Fraction:
    """Pr[Hyp(population, marked, drawn) >= least]."""
    ways = sum(
        comb(marked, k) * comb(population - marked, drawn - k)
        for k in range(max(least, 0), min(marked, drawn) + 1)
    )
    return Fraction(ways, comb(population, drawn))


def log_binomial_tail(trials: int, p: Fraction, least: int) -> float:
    """log Pr[Bin(trials, p) >= least]."""
    if least <= 0 or p >= 1:
        return 0.0 if least <= trials else NEVER
    if least > trials or p <= 0:
        return NEVER
    yes, no = math.log(p), math.log1p(-float(p))
    f = _log_factorials(1 << trials.bit_length())
    terms, top, mode = [], NEVER, float(trials * p) + 1
    for k in range(least, trials + 1):
        term = f[trials] - f[k] - f[trials - k] + k * yes + (trials - k) * no
        terms.append(term)
        top = max(top, term)
        if k > mode and term < top - 60:
            break  # past the mode each term is smaller than the one before
    return min(_log_sum(terms), 0.0)


def log_separated(n: int, d: int, h: int, s: int) -> float:
    """log sep(s). Where nobody is corrupt or dropped (d = 0) a cycle cannot be cut: P(s) = 0."""
    if d == 0:
        return NEVER
    f = _log_factorials(n)

    def choose(a: int, b: int) -> float:
        return f[a] - f[b] - f[a - b] if 0 <= b <= a else NEVER

    ways = _log_sum(
        choose(d, j) + choose(s - 1, j - 1) + choose(n - s - 1 - j, n - s - d)
        for j in range(1, min(d, s) + 1)
    )
    arrangements = f[n - 1] - f[s] - f[n - s - d] - f[d - 1]
    return choose(n, s) + choose(n - s, d) + h * (ways - arrangements)


def log_opened(n: int, c: int, h: int, t: int, s: int) -> float:
    """log open(s) for s >= 2."""
    p = Fraction(c, n - 2 * s) if c else Fraction(0)
    return math.log(comb(n, s)) + log_binomial_tail(2 * h * s, p, s * (t - s + 1))


def private(n: int, c: int, e: int, h: int, t: int, sigma: int) -> bool:
    """Condition (1)."""
    first = n * hypergeometric_tail(n - 1, c, min(2 * h, n - 1), t)
    if first > Fraction(1, 2**sigma):
        return False
    d = c + e
    rest = _log_sum(
        min(log_opened(n, c, h, t, s), log_separated(n, d, h, s))
        for s in range(2, (n - d) // 2 + 1)
    )
    log_first = math.log(first.numerator) - math.log(first.denominator) if first else NEVER
    return _log_sum([log_first, rest]) <= -sigma * math.log(2)


def degree_law(n: int, h: int) -> dict[int, float]:
    """How many neighbours one client has after h cycles."""
    others = n - 1
    law = {0: 1.0}
    for _ in range(h):
        after: dict[int, float] = {}
        for d, chance in law.items():
            free = others - d
            for more, ways in ((0, d * (d - 1)), (1, 2 * d * free), (2, free * (free - 1))):
                if ways:
                    part = chance * ways / (others * (others - 1))
                    after[d + more] = after.get(d + more, 0.0) + part
        law = after
    return law


def live(n: int, e: int, h: int, t: int, eta: int) -> bool:
    """Condition (2)."""
    short = Fraction(0)
    for degree, chance in degree_law(n, h).items():
        if chance > 1e-40:  # the others together are far below any 2^-eta
            enough = hypergeometric_tail(n - 1, n - e - 1, degree, t)
            short += Fraction(chance) * (1 - enough)
    return n * short <= Fraction(1, 2**eta)


def accepts(n: int, c: int, e: int, cycles: int, threshold: int, sigma: int, eta: int) -> bool:
    """Whether a device may go on with this graph and threshold."""
    if n < 2 or c < 0 or e < 0:
        return False
    q = quorum(n, c)
    if n <= COMPLETE:
        return cycles == 0 and threshold == q and n - e >= threshold + 1
    # More cycles than clients are no use to anyone and cost a device minutes to judge.
    if not 0 < cycles <= n or not 0 < threshold < n or c > n - 1:
        return False
    if n - e < q:
        return False
    return live(n, e, cycles, threshold, eta) and private(n, c, e, cycles, threshold, sigma)
