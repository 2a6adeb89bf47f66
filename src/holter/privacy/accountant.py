"""What was done, and what it amounts to: rho of zero-concentrated DP, then (epsilon, delta).

Charges of rho add up over rounds and tasks (``compose``) and are converted once. Three paths
lead to the epsilon of a rho, and ``epsilons`` returns them together or raises:

- ``epsilon_exact``: our closed form for a Gaussian of this rho. Reported where the noise is one
  Gaussian over all rounds (mode central).
- ``epsilon_pld``: the same Gaussian by dp-accounting's numerical composition, from above.
- ``epsilon_rdp``: dp-accounting's Renyi conversion. Reported for sums of noise shares on a
  lattice (mode distributed), for which only the Renyi bound is proved.

Always exact <= PLD <= RDP. ``events`` holds the library, ``renyi`` the curves of noise shares.

Sources: Bun and Steinke 2016 (zCDP); Balle and Wang 2018 (exact Gaussian); Kairouz, Liu,
Steinke 2021, arXiv 2102.06387, Theorem 1 (sums of discrete Gaussian shares).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from holter.privacy.events import (
    Adjacency,
    Method,
    NotAccountable,
    check_delta,
    epsilon_of_event,
    gaussian,
    zero_concentrated,
)

RHO_UNITS = 10**9  # charges are integers of 1e-9 rho: they add up without drift
ORDER_TOLERANCE = 1e-6  # relative: floats of three paths may differ by this and keep their order
LEAST_PLD_DELTA = 1e-12  # the library drops tails of about 1e-15
LARGEST_PLD_EPSILON = 700.0  # it sums e^epsilon, which leaves a double from 709 on
_LOSS_STEPS = 1000  # of a privacy loss per standard deviation: 1e-5 of epsilon, in milliseconds
_LEAST_RHO = 2.0**-60  # a billionth of the smallest charge; below, nothing can be taught
_BISECTIONS = 52  # as many as a double has binary places


class OrderBroken(ValueError):
    """Three paths to one epsilon contradict each other: one of them is wrong, report none."""


@dataclass(frozen=True)
class Epsilons:
    """One Gaussian's epsilon by three paths. exact <= pld <= rdp, to a relative ORDER_TOLERANCE.

    Raises OrderBroken where they are in another order, below 0 or not a number.
    """

    exact: float
    pld: float
    rdp: float

    def __post_init__(self) -> None:
        least = 1 - ORDER_TOLERANCE
        if not (0 <= self.exact * least <= self.pld and self.pld * least <= self.rdp):
            raise OrderBroken(
                f"epsilon is {self.exact:.9g} exactly, {self.pld:.9g} by privacy loss and "
                f"{self.rdp:.9g} by Renyi conversion; each must be at most the next"
            )


def rho_of_shares(norm_limit: float, variance: float, shares: int, coordinates: int) -> float:
    """rho of one participation: ``shares`` discrete Gaussian shares cover a vector of norm D.

    norm_limit: D, grid steps. variance: of one share, grid steps squared. shares: honest
    shares in the sum (survivors' floor less colluders). coordinates: length d.
    Source: 2102.06387 Theorem 1: rho = eps^2 / 2 with
    eps = min(sqrt(D^2/(n s^2) + tau d / 2), D/(sqrt(n) s) + tau sqrt(d)).
    """
    tau = share_penalty(variance, shares)
    ratio = norm_limit**2 / (shares * variance)
    first = math.sqrt(ratio + tau * coordinates / 2)
    second = math.sqrt(ratio) + tau * math.sqrt(coordinates)
    return min(first, second) ** 2 / 2


def share_penalty(variance: float, shares: int) -> float:
    """tau: how far a sum of discrete Gaussians is from a discrete Gaussian. Nil from sigma 3 on.

    tau = 10 * sum over k = 1..n-1 of exp(-2 pi^2 s^2 k / (k + 1)).
    """
    return 10 * sum(math.exp(-2 * math.pi**2 * variance * k / (k + 1)) for k in range(1, shares))


def compose(rhos: Iterable[float]) -> float:
    """rho of everything done to one device, over rounds and tasks: the sum. Nothing done: 0.0.

    Raises ValueError for a rho below 0, which would be a refund, or not finite.
    Source: Bun and Steinke 2016, Lemma 1.7.
    """
    spent = list(rhos)
    if not all(0 <= rho < math.inf for rho in spent):
        raise ValueError("a charge of rho is finite and never below 0")
    return math.fsum(spent)


def epsilons(rho: float, delta: float) -> Epsilons:
    """The epsilon of a Gaussian of this rho by all three paths.

    Raises OrderBroken, and NotAccountable outside the range of ``epsilon_pld``.
    """
    return Epsilons(epsilon_exact(rho, delta), epsilon_pld(rho, delta), epsilon_rdp(rho, delta))


def epsilon_rdp(rho: float, delta: float) -> float:
    """(epsilon, delta) of ``rho``-zCDP by Renyi conversion; dp-accounting, its default orders."""
    # A rho is already of its adjacency; the library reads no more into it.
    return epsilon_of_event(
        zero_concentrated(rho), delta, adjacency=Adjacency.ZERO_OUT, method=Method.RENYI
    )


def epsilon_pld(rho: float, delta: float) -> float:
    """(epsilon, delta) of a Gaussian with this rho by its privacy loss distribution, from above.

    Guarantees: never below epsilon_exact by more than a relative 1e-6, and above it by at most
    2e-5, relative, from an epsilon of 1e-3 on. Raises NotAccountable beyond what the library
    computes in doubles: a delta below LEAST_PLD_DELTA, an epsilon above LARGEST_PLD_EPSILON.
    """
    check_delta(delta)
    if rho == 0:
        return 0.0
    # Asked of the closed form beforehand: the library answers infinity here, or drifts by one.
    if delta < LEAST_PLD_DELTA or epsilon_exact(rho, delta) > LARGEST_PLD_EPSILON:
        raise NotAccountable(
            f"no privacy loss distribution reaches rho {rho:g} at delta {delta:g}: choose a delta "
            f"of {LEAST_PLD_DELTA:g} or more and an epsilon of {LARGEST_PLD_EPSILON:g} or less"
        )
    deviation = math.sqrt(2 * rho)  # of the privacy loss, and the inverse of the noise multiplier
    return epsilon_of_event(
        gaussian(1 / deviation),
        delta,
        adjacency=Adjacency.ZERO_OUT,
        method=Method.PLD,
        # A fixed step would be too coarse for a small rho and take minutes for a large one.
        loss_step=deviation / _LOSS_STEPS,
    )


def epsilon_exact(rho: float, delta: float) -> float:
    """(epsilon, delta) of a Gaussian with this rho, exactly (Balle and Wang 2018, Theorem 8).

    delta(eps) = Phi(mu/2 - eps/mu) - e^eps Phi(-mu/2 - eps/mu), mu = sqrt(2 rho), solved
    for eps to a relative 1e-12 from above.
    """
    from scipy.special import log_ndtr

    check_delta(delta)
    if rho == 0:
        return 0.0
    mu = math.sqrt(2 * rho)

    def excess(epsilon: float) -> float:
        first = float(log_ndtr(mu / 2 - epsilon / mu))
        second = epsilon + float(log_ndtr(-mu / 2 - epsilon / mu))
        return math.exp(first) - math.exp(min(second, first)) - delta

    low, high = 0.0, 1.0
    if excess(0.0) <= 0:
        return 0.0
    while excess(high) > 0:
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return high


def rho_for_epsilon(epsilon: float, delta: float) -> float:
    """The largest rho whose epsilon by Renyi conversion stays at or below ``epsilon``.

    Guarantees: epsilon_rdp(result, delta) <= epsilon. Edges: an epsilon that even rho -> 0
    does not reach at this delta, or one that is not finite -> ValueError.
    """
    return _largest_rho(epsilon_rdp, epsilon, delta)


def rho_for_exact_epsilon(epsilon: float, delta: float) -> float:
    """The largest rho whose exact Gaussian epsilon stays at or below ``epsilon``.

    Guarantees: epsilon_exact(result, delta) <= epsilon, and the result is never below
    rho_for_epsilon, up to the accuracy of either. Edges: as there.
    """
    return _largest_rho(epsilon_exact, epsilon, delta)


def to_units(rho: float) -> int:
    """A charge in integers of 1e-9 rho, rounded up: never less than what was spent."""
    return math.ceil(rho * RHO_UNITS)


def _largest_rho(
    epsilon_of: Callable[[float, float], float], epsilon: float, delta: float
) -> float:
    """Bisection to the last place; what is returned was tested, so a target is never exceeded."""
    if not math.isfinite(epsilon):
        raise ValueError("an epsilon to aim for is finite")
    low = 1.0
    while epsilon_of(low, delta) > epsilon:
        low /= 2
        if low < _LEAST_RHO:
            raise ValueError(f"no noise gives epsilon {epsilon:g} at delta {delta:g}")
    high = 2 * low
    while epsilon_of(high, delta) <= epsilon:
        low, high = high, 2 * high
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if epsilon_of(middle, delta) <= epsilon else (low, middle)
    return low
