"""Bound an update, twice: as reals before rounding, as integers after it.

The clip that counts is the integer one: it is the last thing before the noise, so the
sensitivity of a contribution is exactly D = clip * scale grid steps whatever the rounding
did (privacy.md 2 of the design). The real clip aims a little lower so that the integer
check almost never has to act.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


class NotFinite(ValueError):
    """An update with NaN or infinite entries. It must not be sent."""


def target_norm(norm_limit: int, coordinates: int) -> float:
    """Where to clip reals (in grid steps) so that rounding stays below ``norm_limit``.

    sqrt(D^2 - d/4 - 5 D - 8 sqrt(d)); 0.0 where nothing is left. Source: privacy.md 2.
    """
    square = norm_limit**2 - coordinates / 4 - 5 * norm_limit - 8 * math.sqrt(coordinates)
    return math.sqrt(square) if square > 0 else 0.0


def bound_norm(
    update: npt.NDArray[np.float64], limit: float, *, normalise: bool
) -> npt.NDArray[np.float64]:
    """Scale an update to an L2 norm of at most ``limit``, or of exactly it if ``normalise``.

    update: shape (d,), float64. Guarantees: the norm of the result is at most limit up to
    rounding of floats, which the integer check catches. Edges: zero -> zero in both forms;
    NaN or infinite -> NotFinite.
    """
    if not np.all(np.isfinite(update)):
        raise NotFinite("a client update holds NaN or infinite values")
    largest = float(np.max(np.abs(update), initial=0.0))
    if largest == 0.0:
        return update
    # A power of two brings the largest entry near 1, exactly: squares of huge or tiny entries
    # neither overflow nor vanish.
    exponent = math.frexp(largest)[1]
    near_one = np.ldexp(update, -exponent)
    norm = float(np.linalg.norm(near_one))
    with np.errstate(over="ignore"):  # a limit that overflows is one that nothing exceeds
        allowed = float(np.ldexp(limit, -exponent))
    if norm <= allowed and not normalise:
        return update
    return near_one * (limit / norm)


def bound_integers(values: npt.NDArray[np.int64], norm_limit: int) -> npt.NDArray[np.int64]:
    """Guarantees: sum of squares of the result <= norm_limit^2, exactly, for every input.

    values: shape (d,), int64, |v| < 2^31. A vector that is too long is scaled down and
    truncated towards zero (never rounded, so it cannot grow back), again if need be.
    """
    result = values
    while (square := _square(result)) > norm_limit**2:
        factor = norm_limit / math.sqrt(square)
        result = np.trunc(result * factor).astype(np.int64)
        if _square(result) == square:  # truncation changed nothing: step down by force
            result = result - np.sign(result)
    return result


def _square(values: npt.NDArray[np.int64]) -> int:
    """Exact sum of squares as a Python integer: halves keep every partial sum inside int64."""
    high, low = values >> 16, values & 0xFFFF
    return (int(np.dot(high, high)) << 32) + (int(np.dot(high, low)) << 17) + int(np.dot(low, low))
