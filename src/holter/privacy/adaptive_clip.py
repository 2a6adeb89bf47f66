"""A clip that follows a quantile of the updates' norms, learned from noised indicators alone.

Each client says whether its update stayed below the clip; the noised share of those who did
moves the clip for the next round. The indicator is a coordinate of the same vector (``joint``),
so the promise does not change; nor does it depend on the clip, which only sets the scale.

Source: Andrew, Thakkar, McMahan, Ramaswamy 2021, arXiv 1905.03871, Algorithm 1 and section 3.
"""

from __future__ import annotations

import math

_SHARE_OF_COHORT = 20  # indicator noise of m/20 is enough to follow a quantile (section 3.1 there)
_MOST_OF_COHORT = 4  # from m/4 on the noised share says next to nothing
_STEP_LIMIT = 4.0  # e-foldings at most in a step: noise far outside [0, 1] must not lose the clip


def indicator_noise(noise_multiplier: float, clients: int) -> float | None:
    """sigma_b: noise on the sum of indicators (each +-1/2), or None where none would do.

    max(m/20, 2 z): with it the update's own noise grows by 3.3 % at most (z >= 2 sigma_b would
    leave it no room at all). None where that exceeds m/4: the plan must fix its clip.
    """
    wanted = max(clients / _SHARE_OF_COHORT, 2 * noise_multiplier)
    return wanted if wanted <= clients / _MOST_OF_COHORT else None


def indicator_share(noise_multiplier: float, sigma_b: float) -> float:
    """Share of the squared norm limit that gives the indicator noise ``sigma_b``: (z / 2 sigma_b)^2."""
    return (noise_multiplier / (2 * sigma_b)) ** 2


def update_multiplier(noise_multiplier: float, sigma_b: float) -> float:
    """z_delta: the update's own noise multiplier beside the indicator's; above z.

    (z^-2 - (2 sigma_b)^-2)^(-1/2), Theorem 1 of the source. Raises ValueError where z >= 2 sigma_b.
    """
    left = noise_multiplier**-2 - (2 * sigma_b) ** -2
    if left <= 0:
        raise ValueError("the indicator's noise must exceed half the noise multiplier")
    return float(left**-0.5)


def following_rate(rate: float, clients: int, sigma_b: float) -> float:
    """The rate, shrunk as much as the indicator's noise had to grow beyond m/20."""
    return rate * min(1.0, clients / _SHARE_OF_COHORT / sigma_b)


def next_clip(clip: float, below: float, *, quantile: float, rate: float) -> float:
    """C exp(-rate (below - quantile)). below: noised share of clients within the clip, any number."""
    step = rate * (below - quantile)
    return clip * math.exp(-min(max(step, -_STEP_LIMIT), _STEP_LIMIT))
