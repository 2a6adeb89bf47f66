"""Whether noise is independent of itself: across rounds, coordinates, and those who draw it.

A seed used twice gives the same noise twice, and a sum minus a sum then has none. Every pair of
rounds is compared, every pair of draws of the first rounds, and lags along both directions.
Under correlated noise the rows of C y must be white, where y is what was published.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from holter.audit.estimators import correlation_tail
from holter.audit.finding import FALSE_ALARM, Finding
from holter.audit.pipe import Floats
from holter.audit.zero_rounds import whitened
from holter.privacy.source import Integers

LAGS = 16
_DRAWS = 256  # vectors compared pair by pair
_ROWS = 1024  # rounds compared pair by pair


def whiteness(
    residuals: Floats, *, draws: Integers | None = None, coefficients: tuple[int, ...] = (1,)
) -> Finding:
    """residuals: shape (rounds, d), the noise of successive rounds, zero in the mean.

    draws: shape (rounds, makers, d), who drew what. coefficients: first column of C, applied to
    the residuals first. All checks together fail a sound pipe with FALSE_ALARM.
    """
    rows = whitened(residuals, coefficients)
    rounds, size = rows.shape
    checks: dict[str, tuple[float, float]] = {}  # name -> (largest correlation, probability)
    checks["rounds"] = _pairs(rows[:_ROWS])
    checks["round_lags"] = _lags((rows[lag:], rows[:-lag]) for lag in range(1, min(LAGS, rounds)))
    checks["coordinate_lags"] = _lags(
        (rows[:, lag:], rows[:, :-lag]) for lag in range(1, min(LAGS, size))
    )
    if draws is not None:
        vectors = draws.reshape(-1, draws.shape[2])[:_DRAWS].astype(np.float64)
        checks["draws"] = _pairs(vectors)
    worst = min(checks, key=lambda name: checks[name][1])
    correlation, chance = checks[worst]
    return Finding(
        name="whiteness",
        passed=chance * len(checks) >= FALSE_ALARM,
        what=(
            f"Over {rounds} rounds of {size:,} coordinates, the most telling correlation is "
            f"{correlation:+.3f}, between {worst.replace('_', ' ')} (p = {min(chance, 1):.2g}, "
            "all pairs counted)."
        ),
        numbers={f"largest_{name}": value for name, (value, _) in checks.items()}
        | {"p": min(1.0, chance * len(checks))},
    )


def _pairs(vectors: Floats) -> tuple[float, float]:
    """The largest correlation of any two rows, and its probability over all pairs."""
    count, size = vectors.shape
    if count < 2:
        return 0.0, 1.0
    norms = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-300)
    unit = vectors / norms
    found = (unit @ unit.T)[np.triu_indices(count, 1)]
    largest = float(found[np.argmax(np.abs(found))])
    # Two copies differ from 1 by rounding alone; call that 1, whose probability is 0.
    rounded = 1.0 if abs(largest) > 1 - 1e-9 and size > 1 else largest
    return largest, float(correlation_tail(rounded, size)) * len(found)


def _lags(pairs: Iterable[tuple[Floats, Floats]]) -> tuple[float, float]:
    largest, chance, tried = 0.0, 1.0, 0
    for ahead, behind in pairs:
        tried += 1
        scale = math.sqrt(float(np.sum(ahead**2)) * float(np.sum(behind**2))) or 1.0
        r = float(np.sum(ahead * behind)) / scale
        tail = float(correlation_tail(r, ahead.size))
        if tail < chance:
            largest, chance = r, tail
    return largest, chance * tried
