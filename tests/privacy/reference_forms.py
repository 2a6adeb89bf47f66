"""Closed forms and exact distributions that only the reference numbers need.

The product offers none of these as a promise; they are the second path beside it. Everything is
written from the formula in the source named with it, without the accountant under test.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from scipy.special import ive

Floats = npt.NDArray[np.float64]

TAIL_DEVIATIONS = 40  # of a single draw; a double holds nothing further out


def discrete_gaussian_sum(sigma: float, draws: int) -> Floats:
    """P of the sum of ``draws`` discrete Gaussians of parameter sigma, from -h to h, odd length."""
    half = math.ceil(TAIL_DEVIATIONS * sigma)
    x = np.arange(-half, half + 1, dtype=np.float64)
    single = np.exp(-(x**2) / (2 * sigma**2))
    single /= single.sum()
    total = np.ones(1)
    for _ in range(draws):
        total = np.convolve(total, single)
    return total


def skellam(variance: float) -> Floats:
    """P of the symmetric Skellam distribution: e^-mu I_x(mu), from -h to h."""
    half = math.ceil(TAIL_DEVIATIONS * math.sqrt(variance))
    return np.asarray(ive(np.abs(np.arange(-half, half + 1)), variance), dtype=np.float64)


def hockey_stick_epsilon(noise: Floats, shift: int, delta: float) -> float:
    """The exact epsilon of integers plus this noise, where one person moves the value by shift.

    Solves sum of max(P - e^eps Q, 0) = delta, the larger of both directions, by bisection.
    """
    there, here = _worlds(noise, shift)

    def excess(epsilon: float) -> float:
        factor = math.exp(epsilon)
        one = np.maximum(here - factor * there, 0).sum()
        other = np.maximum(there - factor * here, 0).sum()
        return float(max(one, other)) - delta

    low, high = 0.0, 100.0
    assert excess(high) < 0 < excess(low)
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return high


def renyi_divergence(noise: Floats, shift: int, order: int) -> float:
    """D_order between noise and noise moved by shift: log(sum of P^a Q^(1-a)) / (a - 1)."""
    there, here = _worlds(noise, shift)
    both = (here > 1e-290) & (there > 1e-290)  # the rest weighs nothing at the orders in use
    logs = order * np.log(here[both]) + (1 - order) * np.log(there[both])
    largest = logs.max()
    return float(largest + math.log(np.exp(logs - largest).sum())) / (order - 1)


def _worlds(noise: Floats, shift: int) -> tuple[Floats, Floats]:
    nothing = np.zeros(shift)
    return np.concatenate([nothing, noise]), np.concatenate([noise, nothing])


def norm_after_rounding(scale: float, coordinates: int, beta: float) -> float:
    """L2 bound, grid steps, of a clip of 1 after conditional rounding that succeeds with 1 - beta.

    Source: 2102.06387, Proposition 22.
    """
    root = math.sqrt(coordinates)
    slack = math.sqrt(2 * math.log(1 / beta)) * (scale + root / 2)
    return min(scale + root, math.sqrt(scale**2 + coordinates / 4 + slack))


def shuffled_epsilon(local: float, clients: int, delta: float) -> float:
    """Of ``clients`` shuffled answers, each with the local epsilon. Source: 2012.12803, Theorem 3.1."""
    if local > math.log(clients / (16 * math.log(2 / delta))):
        raise ValueError("too few clients for this bound")
    grown = math.exp(local)
    blanket = 8 * math.sqrt(grown * math.log(4 / delta)) / math.sqrt(clients) + 8 * grown / clients
    return math.log1p((grown - 1) / (grown + 1) * blanket)


def tree_height(steps: int) -> int:
    """Nodes of a binary tree over ``steps`` leaves that one leaf touches."""
    return steps.bit_length()


def removable_noise(clients: int, tolerated: int) -> list[Fraction]:
    """Variances of the components that each client adds, in units of the target.

    1/n, then 1/(n-k) - 1/(n-k+1) for k = 1..tolerated. Source: 2209.12528, section 3.
    """
    later = (
        Fraction(1, clients - k) - Fraction(1, clients - k + 1) for k in range(1, tolerated + 1)
    )
    return [Fraction(1, clients), *later]


def remaining_noise(clients: int, tolerated: int, dropped: int) -> Fraction:
    """Variance of the sum after ``dropped`` left and survivors took components beyond that off."""
    kept = removable_noise(clients, tolerated)[: dropped + 1]
    return (clients - dropped) * sum(kept, Fraction(0))


def ring_bits_at_worst(clients: int, scale: float, coordinates: int, multiplier: float) -> float:
    """Bits of a lane that no sum leaves, without rotation and with 8 sigma of noise; clip 1."""
    return math.log2(2 * (clients * (scale + math.sqrt(coordinates)) + 8 * multiplier * scale))


def ring_bits_rotated(clients: int, scale: float, coordinates: int, multiplier: float) -> float:
    """Bits of a lane for 6 sigma of a rotated, rounded and noised sum; clip 1."""
    variance = (clients * scale) ** 2 / coordinates + clients / 4 + (multiplier * scale) ** 2
    return math.log2(12 * math.sqrt(variance))


def randomised_response_epsilon(noise: float, options: int) -> float:
    """Pure epsilon of answering at random, evenly over all options, with probability noise."""
    return math.log((1 - noise + noise / options) / (noise / options))
