"""What was done, and what it amounts to: rho of zero-concentrated DP, then (epsilon, delta).

Two paths to every number. ``epsilon_rdp`` is dp-accounting's Renyi accountant and is the
number that is reported, because for sums of noise shares on a lattice only the Renyi bound
is proved. ``epsilon_exact`` is our closed form for a Gaussian of the same rho and stands
beside it. Always epsilon_exact <= epsilon_rdp, and a report checks that.

Sources: Bun and Steinke 2016 (zCDP); Balle and Wang 2018 (exact Gaussian); Kairouz, Liu,
Steinke 2021, arXiv 2102.06387, Theorem 1 (sums of discrete Gaussian shares).
"""

from __future__ import annotations

import math

RHO_UNITS = 10**9  # charges are integers of 1e-9 rho: they add up without drift


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


def epsilon_rdp(rho: float, delta: float) -> float:
    """(epsilon, delta) of ``rho``-zCDP by Renyi conversion; dp-accounting, its default orders."""
    # Imported here: it takes a second, and most commands never ask for an epsilon.
    from dp_accounting import dp_event, rdp

    accountant = rdp.RdpAccountant()
    accountant.compose(dp_event.ZCDpEvent(rho))
    return float(accountant.get_epsilon(delta))


def epsilon_exact(rho: float, delta: float) -> float:
    """(epsilon, delta) of a Gaussian with this rho, exactly (Balle and Wang 2018, Theorem 8).

    delta(eps) = Phi(mu/2 - eps/mu) - e^eps Phi(-mu/2 - eps/mu), mu = sqrt(2 rho), solved
    for eps to a relative 1e-12 from above.
    """
    from scipy.special import log_ndtr

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
    """The largest rho whose reported epsilon stays at or below ``epsilon``.

    Guarantees: epsilon_rdp(result, delta) <= epsilon. Edges: an epsilon that even rho -> 0
    does not reach at this delta -> ValueError.
    """
    low, high = 0.0, 1.0
    while epsilon_rdp(high, delta) <= epsilon:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if epsilon_rdp(middle, delta) <= epsilon else (low, middle)
    if low == 0.0 or epsilon_rdp(low, delta) > epsilon:
        raise ValueError(f"no noise gives epsilon {epsilon:g} at delta {delta:g}")
    return low


def to_units(rho: float) -> int:
    """A charge in integers of 1e-9 rho, rounded up: never less than what was spent."""
    return math.ceil(rho * RHO_UNITS)
