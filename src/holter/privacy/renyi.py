"""Sums of noise shares on the integers, as curves of Renyi divergence over orders.

``discrete_gaussian_sum`` is what devices add; ``skellam_sum`` stands beside it for comparison
and no device samples it. Both take the L2 bound of a contribution as an argument: the product
passes its exact integer clip D, a scheme that rounds without checking passes a larger bound.
``epsilon_of_curve`` composes rounds, which add up order by order, and converts once.

Sources: Kairouz, Liu, Steinke 2021, arXiv 2102.06387, Proposition 14; Agarwal, Kairouz, Liu
2021, arXiv 2110.04995, Theorem 3.1 and its corollary for vectors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from holter.privacy.accountant import rho_of_shares
from holter.privacy.events import epsilon_at_orders

INTEGER_ORDERS = (*range(2, 129), 256)  # the Skellam bound is stated for integer orders alone


@dataclass(frozen=True)
class Curve:
    """Renyi divergence (at most), in nats, at each order. Both: the same length, not empty."""

    orders: tuple[int, ...]
    divergences: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.orders or len(self.orders) != len(self.divergences):
            raise ValueError("a curve has one divergence for each of its orders")
        if any(order != int(order) or order < 2 for order in self.orders):
            raise ValueError("orders are integers from 2 on")
        if not all(0 <= divergence < math.inf for divergence in self.divergences):
            raise ValueError("divergences are finite and never below 0")


def discrete_gaussian_sum(
    norm_limit: float,
    variance: float,
    shares: int,
    coordinates: int,
    orders: tuple[int, ...] = INTEGER_ORDERS,
) -> Curve:
    """One sum covered by ``shares`` discrete Gaussian shares: order times rho.

    norm_limit: L2 bound of one contribution, grid steps. variance: of one share, grid steps
    squared. coordinates: length d. Source: 2102.06387, Proposition 14 (``rho_of_shares``).
    """
    rho = rho_of_shares(norm_limit, variance, shares, coordinates)
    return Curve(orders, tuple(order * rho for order in orders))


def skellam_sum(
    norm_limit: float,
    variance: float,
    shares: int,
    coordinates: int,
    orders: tuple[int, ...] = INTEGER_ORDERS,
) -> Curve:
    """One sum covered by ``shares`` symmetric Skellam shares of ``variance`` each.

    Skellam is closed under addition, so only mu = shares * variance counts. With D2 the L2
    bound and D1 = D2 min(sqrt(d), D2) the L1 bound of an integer vector under it:
    a D2^2 / (2 mu) + min(((2a - 1) D2^2 + 6 D1) / (4 mu^2), 3 D1 / (2 mu)) at order a.
    Units as in ``discrete_gaussian_sum``. Source: 2110.04995, Theorem 3.1.
    """
    total = shares * variance
    if not total > 0:
        raise ValueError("a sum without noise has no Renyi bound")
    square = norm_limit**2
    absolute = norm_limit * min(math.sqrt(coordinates), norm_limit)

    def divergence(order: int) -> float:
        fine = ((2 * order - 1) * square + 6 * absolute) / (4 * total**2)
        coarse = 3 * absolute / (2 * total)
        return order * square / (2 * total) + min(fine, coarse)

    return Curve(orders, tuple(divergence(order) for order in orders))


def epsilon_of_curve(curve: Curve, delta: float, *, rounds: int = 1) -> float:
    """(epsilon, delta) of ``rounds`` independent sums with this curve, at its orders alone."""
    if rounds < 1:
        raise ValueError("at least one round is accounted for")
    composed = [rounds * divergence for divergence in curve.divergences]
    return epsilon_at_orders(curve.orders, composed, delta)
