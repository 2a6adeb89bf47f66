"""Is a graph safe enough? The bounds on a union of random cycles that every device checks.

A graph fails if it leaks or if it is stuck. It leaks if removing the corrupt and the dropped
clients leaves a set of honest ones with no edge to the rest (``log2_separate``) whose sum the
server can open as well (``log2_open``); ``log2_leak`` bounds the chance of any such set. It is
stuck if some survivor has fewer live neighbours than shares are needed (``log2_stuck``).

Letters as in the source: n clients on the roster, c of them corrupt, e dropped, d = c + e
removed; H cycles; t shares open a secret; s honest clients in a set. Everything is log2 of a
probability: factorials are rounded once from exact integers, sums have positive terms only,
and the error stays below a millionth of a bit (``SLACK``).

Source: design of the protocol, section 1.2 and Appendix A.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from holter.secagg.graph import COMPLETE_LIMIT

SIGMA = 80  # a leak: 2^-40 against a server that tries 2^40 rosters
ETA = 20  # one session in a million is stuck although no more than planned dropped out
SLACK = 2.0**-20  # bits: above the rounding error of any sum below, so two machines agree
_UNSEEN = -512.0  # log2: no plan asks for so little, so such a set needs no second bound

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


def quorum(size: int, colluders: int) -> int:
    """Endorsements that make a quorum: floor((n + c)/2) + 1.

    Two sets of that size share more than ``colluders`` clients, so at least one honest client
    is in both and would have refused the second.
    """
    return (size + colluders) // 2 + 1


def cycle_limit(size: int) -> int:
    """The most cycles worth a check: n cycles already join 86 in 100 of all pairs."""
    return size


def fewest_survivors(size: int, colluders: int) -> int:
    """Those a sum needs: a quorum; one more on the complete graph, where they hold the shares."""
    return quorum(size, colluders) + (size <= COMPLETE_LIMIT)


@lru_cache(maxsize=256)
def accepts(
    size: int,
    colluders: int,
    dropouts: int,
    cycles: int,
    threshold: int,
    *,
    sigma: float = SIGMA,
    eta: float = ETA,
) -> bool:
    """Whether a device goes along with (H, t) = (cycles, threshold) for this roster.

    size: 2 or more clients. colluders, dropouts: how many of them the plan bears. cycles,
    threshold: what the coordinator named. sigma, eta: a leak has probability at most
    2^-sigma, a stuck session 2^-eta. Anything unfit is False. Source: Appendix A (3); on the
    complete graph there are no cycles and t is the quorum.
    """
    few = size - dropouts < fewest_survivors(size, colluders)
    if few or size < 2 or min(colluders, dropouts) < 0:
        return False
    if size <= COMPLETE_LIMIT:
        return cycles == 0 and threshold == quorum(size, colluders)
    if not (1 <= cycles <= cycle_limit(size) and 1 <= threshold < size):
        return False
    stuck = log2_stuck(size, dropouts, threshold, degrees(size, cycles))
    return stuck <= -eta and log2_leak(size, colluders, dropouts, cycles, threshold) <= -sigma


def log2_leak(size: int, colluders: int, dropouts: int, cycles: int, threshold: int) -> float:
    """Bound on the chance that any set of honest clients is cut off and opened.

    open(1) + sum over s = 2..floor((n - d)/2) of min(open(s), sep(s)): Appendix A (3), the
    column "all sets together".
    """
    terms = log2_separate(size, colluders + dropouts, cycles)[1:]
    for place in np.flatnonzero(terms > _UNSEEN):  # in the others open(s) could not be seen
        opened = log2_open(size, colluders, cycles, threshold, int(place) + 2)
        terms[place] = min(terms[place], opened)
    alone = log2_open(size, colluders, cycles, threshold, 1)
    return _log2_sum(np.append(terms, alone))


def separation_start(size: int, removed: int, cycles: int, *, sigma: float = SIGMA) -> int:
    """S_min: from this s on, sep alone is within the bound: sum of sep(s') over s' >= s.

    Smaller sets can be cut off by a server that chooses who drops out, but stay closed; a
    plan that wants its noise to hold against that counts S_min - 1 shares less.
    """
    cut = log2_separate(size, removed, cycles)
    # in units of the bound, and cut short far above it, so that nothing overflows
    from_here = np.cumsum(np.exp2(np.minimum(cut + sigma, 1000.0))[::-1])
    return 1 + int(np.count_nonzero(from_here > 1.0))


def log2_separate(size: int, removed: int, cycles: int) -> Floats:
    """sep(s) for s = 1..floor((n - d)/2): some set of s has no edge to the rest in any cycle.

    C(n, s) C(n - s, d) P^H, a union bound over every set and every choice of the removed;
    fewer removed only make it harder. Source: Appendix A (1).
    """
    log = _log2_factorials(size)
    s = np.arange(1, (size - removed) // 2 + 1)
    choices: Floats = log[size] - log[s] - log[removed] - log[size - s - removed]
    return choices + cycles * log2_apart(size, removed)


@lru_cache(maxsize=64)
def log2_apart(size: int, removed: int) -> Floats:
    """P(n, s, d) for s = 1..floor((n - d)/2): one random cycle has no edge from S to R.

    S, R: s and r = n - s - d clients, D the d removed. Each gap between members of D holds
    only S or only R, so P = [sum over j = 1..min(d, s) of C(d, j) C(s - 1, j - 1)
    C(r + d - j - 1, r)] / [(n - 1)! / (s! r! (d - 1)!)]. Source: Appendix A (1).
    """
    log = _log2_factorials(size)
    result = np.full((size - removed) // 2, -math.inf)
    every_j = np.arange(1, removed)  # j = d would leave no gap for R, which is never empty
    fixed = -log[every_j] - log[removed - every_j] - log[every_j - 1] - log[removed - 1 - every_j]
    for s in range(1, len(result) + 1 if removed > 1 else 1):
        most = min(removed - 1, s)
        # log[s - j] and log[n - s - j - 1] for j = 1..most, as slices read backwards
        terms = fixed[:most] - log[s - most : s][::-1]
        terms += log[size - s - most - 1 : size - s - 1][::-1]
        # d! (s - 1)! / r! from the binomials, s! r! (d - 1)! / (n - 1)! from the denominator
        factor = log[removed] + log[s - 1] + log[s] + log[removed - 1] - log[size - 1]
        result[s - 1] = factor + _log2_sum(terms)
    result.flags.writeable = False
    return result


def log2_open(size: int, colluders: int, cycles: int, threshold: int, s: int) -> float:
    """open(s): some set of s honest clients lets one of its secrets be opened.

    s: 1..floor((n - d)/2). That takes t shares, at most s - 1 of them from the set and the
    others from the corrupt. One client: an exact hypergeometric tail. More: each of s clients
    needs t - s + 1 corrupt neighbours; a binomial bounds the edges. Source: Appendix A (2).
    """
    log, others = _log2_factorials(size), size - 1
    if s == 1:
        drawn = min(2 * cycles, others)  # merged edges only lower it
        x = np.arange(max(threshold, drawn + colluders - others), min(drawn, colluders) + 1)
        return math.log2(size) + _log2_sum(_log2_hypergeometric(log, others, colluders, drawn, x))
    every = float(log[size] - log[s] - log[size - s])
    if s > threshold:
        return every
    corrupt = colluders / (size - 2 * s) if colluders else 0.0
    return every + _log2_binomial_tail(2 * cycles * s, corrupt, s * (threshold - s + 1))


def log2_stuck(size: int, dropouts: int, threshold: int, degree_chances: Floats) -> float:
    """Bound on the chance that some survivor has fewer than t live neighbours.

    n P[live < t], live ~ Hyp(n - 1, n - e - 1, degree): Appendix A (3). degree_chances: as
    ``degrees`` gives them. P[live < t | degree D] is summed over the moment at which the
    t-th live neighbour comes, D or later: positive terms only, so nothing cancels.
    """
    others, live = size - 1, size - 1 - dropouts
    if threshold > live:
        return math.log2(size)
    log, x = _log2_factorials(size), threshold - 1
    drawn = np.arange(x, x + dropouts + 1)  # until then: x live and the rest dropped
    so_far = _log2_hypergeometric(log, others, live, drawn, x)
    comes_next = np.exp2(so_far) * (live - x) / (others - drawn)
    not_yet = np.zeros(size)
    not_yet[x : x + dropouts + 1] = np.cumsum(comes_next[::-1])[::-1]
    not_yet[:threshold] = 1.0
    chance = float(degree_chances @ not_yet)
    return math.log2(size) + math.log2(chance) if chance else -math.inf


def degrees(size: int, cycles: int) -> Floats:
    """P[degree = k] for k = 0..n - 1 of one client in the union of ``cycles`` cycles."""
    chances: Floats = np.eye(1, size)[0]  # none, for certain
    for _ in range(cycles):
        chances = one_cycle_more(chances)
    return chances


def one_cycle_more(chances: Floats) -> Floats:
    """``degrees`` after one more cycle, whose two neighbours are new or known already.

    With D known of N = n - 1: P[+0] = D(D - 1)/(N(N - 1)), P[+1] = 2D(N - D)/(N(N - 1)).
    """
    none, one, two = _new_neighbours(len(chances))
    result = chances * none
    result[1:] += (chances * one)[:-1]
    result[2:] += (chances * two)[:-2]
    return result


@lru_cache(maxsize=16)
def _new_neighbours(size: int) -> tuple[Floats, Floats, Floats]:
    known = np.arange(size, dtype=np.float64)
    new, pairs = size - 1 - known, (size - 1.0) * (size - 2.0)
    return known * (known - 1) / pairs, 2 * known * new / pairs, new * (new - 1) / pairs


def _log2_hypergeometric(
    log: Floats, size: int, marked: int, drawn: int | Counts, x: int | Counts
) -> Floats:
    """log2 P[x marked among ``drawn``] of ``size`` with ``marked`` marked; x must be possible."""
    ways = log[marked] - log[x] - log[marked - x]
    ways = ways + log[size - marked] - log[drawn - x] - log[size - marked - drawn + x]
    result: Floats = ways - (log[size] - log[drawn] - log[size - drawn])
    return result


def _log2_binomial_tail(trials: int, chance: float, least: int) -> float:
    """log2 P[Bin(trials, chance) >= least]; 0 where ``least`` is not above the mean."""
    if least <= trials * chance:
        return 0.0
    if least > trials or not chance:
        return -math.inf
    nats = math.lgamma(trials + 1) - math.lgamma(least + 1) - math.lgamma(trials - least + 1)
    nats += least * math.log(chance) + (trials - least) * math.log1p(-chance)
    # terms relative to the first; Hoeffding: what lies 6 sqrt(N) beyond is below e^-72 of it
    count = min(trials - least, 6 * math.isqrt(trials) + 10)
    x = np.arange(least, least + count, dtype=np.float64)
    ratios = np.cumprod((trials - x) / (x + 1) * (chance / (1 - chance)))
    return (nats + math.log1p(float(ratios.sum()))) / math.log(2)


def _log2_sum(terms: Floats) -> float:
    top = float(terms.max(initial=-math.inf))
    return top + math.log2(float(np.exp2(terms - top).sum())) if top > -math.inf else top


@lru_cache(maxsize=16)
def _log2_factorials(largest: int) -> Floats:
    """log2 k! for k = 0..largest, each rounded once from the exact integer."""
    exact, result = 1, np.zeros(largest + 1)
    for k in range(2, largest + 1):
        exact *= k
        result[k] = math.log2(exact)
    result.flags.writeable = False
    return result
