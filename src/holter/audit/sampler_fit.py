"""Whether draws follow the discrete Gaussian: chi-square against its probabilities.

Twice: over stretches of values, which shows a wrong shape or tail, and over remainders, which shows
a fault in low bits that a histogram smooths away.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from holter.audit.estimators import fit_tail
from holter.audit.finding import FALSE_ALARM, Finding
from holter.audit.pipe import Floats
from holter.privacy.source import Integers

DRAWS = 200_000
_STRETCHES = 200
_REMAINDERS = 16
_EXACT_SIGMA = 5000  # beyond, stretches are integrated: the lattice is finer than 1e-7 there


def sampler_fit(draws: Integers, variance: int) -> Finding:
    """draws: any shape, int64, independent, said to have ``variance``; DRAWS of them are used."""
    values = draws.reshape(-1)[:DRAWS]
    sigma = math.sqrt(variance)
    edges, chances = _stretches(sigma)
    inside = np.searchsorted(edges, values, side="right")
    counts = np.bincount(inside, minlength=len(chances)).astype(np.float64)
    shape = fit_tail(counts, chances * len(values))
    modulus = min(_REMAINDERS, max(2, int(sigma)))
    remainders = np.bincount(values % modulus, minlength=modulus).astype(np.float64)
    low = fit_tail(remainders, _remainder_chances(sigma, modulus) * len(values))
    return Finding(
        name="sampler_fit",
        passed=min(shape, low) >= FALSE_ALARM,
        what=(
            f"{len(values):,} draws fit the discrete Gaussian of sigma {sigma:.4g}: p = {shape:.2g} "
            f"over {len(chances)} stretches of values, {low:.2g} over remainders modulo {modulus}."
        ),
        numbers={"draws": len(values), "sigma": sigma, "p_values": shape, "p_remainders": low},
    )


def _stretches(sigma: float) -> tuple[Floats, Floats]:
    """(edges between stretches of whole numbers, the chance of each), about evenly likely."""
    reach = int(12 * sigma) + 2
    if sigma > _EXACT_SIGMA:
        wide = np.linspace(-4, 4, _STRETCHES)
        edges: Floats = np.floor(wide * sigma) + 0.5
        return edges, np.diff(ndtr(np.concatenate([[-np.inf], edges / sigma, [np.inf]]))).astype(
            np.float64
        )
    values = np.arange(-reach, reach + 1)
    weights = np.exp(-(values.astype(np.float64) ** 2) / (2 * sigma**2))
    cumulative = np.cumsum(weights) / weights.sum()
    # The last value of each stretch; equal neighbours fall together where sigma is small.
    cuts = np.unique(np.searchsorted(cumulative, np.arange(1, _STRETCHES) / _STRETCHES))
    ends = np.concatenate([[0.0], cumulative[cuts], [1.0]])
    chances = np.diff(ends)
    return values[cuts].astype(np.float64) + 0.5, chances


def _remainder_chances(sigma: float, modulus: int) -> Floats:
    """Of each remainder; even to 2^-64 where sigma exceeds the modulus (Poisson summation)."""
    if sigma > _EXACT_SIGMA:
        return np.full(modulus, 1 / modulus)
    values = np.arange(-int(12 * sigma) - 2, int(12 * sigma) + 3)
    weights = np.exp(-(values.astype(np.float64) ** 2) / (2 * sigma**2))
    found = np.bincount(values % modulus, weights=weights / weights.sum())
    result: Floats = found.astype(np.float64)
    return result
