"""The survivors' floor: nothing opens below it, and from it on the noise suffices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from holter.audit.estimators import square_shortfall
from holter.audit.finding import FALSE_ALARM, Finding
from holter.audit.pipe import Pipe
from holter.audit.zero_rounds import Noise

Opens = Callable[[int], bool]
"""Whether a round in which so many contributions arrived gives a sum; a refusal is False."""


def floor(
    pipe: Pipe,
    noise_of: Sequence[tuple[int, Noise]],
    *,
    reported: Sequence[int] = (),
    opens: Opens | None = None,
) -> Finding:
    """noise_of: (survivors, noise of such rounds), from the floor on. reported: contributions
    in each round that closed, as a run recorded them. opens: asked for counts around the floor.

    Of a cohort in several groups, ``reported`` counts all of them, so it is held to one floor.
    """
    least = pipe.floor
    promise = pipe.promised_deviation
    ratios = {n: _ratio(pipe, noise) for n, noise in noise_of}
    short = [
        n
        for n, noise in noise_of
        if square_shortfall((ratios[n] / promise) ** 2, noise.seen.size) < FALSE_ALARM
    ]
    below = sorted({n for n, _ in noise_of if n < least} | {n for n in reported if n < least})
    opened = [] if opens is None else [n for n in _too_few(least) if opens(n)]
    shut = opens is not None and not opens(least)
    parts = [
        f"noise at {', '.join(map(str, ratios))} survivors is at least "
        f"{min(ratios.values(), default=math.nan) / promise:.2%} of the promise"
    ]
    if reported:
        parts.append(
            f"the fewest contributions in {len(reported)} closed rounds were {min(reported)}"
        )
    if not reported and opens is None:
        parts.append("no rounds were given, so nothing is said of who was opened")
    if opens is not None:
        told = f"opened with {', '.join(map(str, opened))}" if opened else "refused all below it"
        parts.append(f"a round {told}" + (" and with as many as the floor too" if shut else ""))
    return Finding(
        name="floor",
        passed=not (short or below or opened or shut),
        what=f"The floor is {least}: " + "; ".join(parts) + ".",
        numbers={
            "floor": least,
            "fewest_reported": min(reported, default=math.nan),
            "opened_below": len(opened),
            "rounds_below": sum(n < least for n in reported),
        },
        claim=float(least),
        bound=float(min([*reported, *opened], default=least)),
    )


def _too_few(least: int) -> list[int]:
    """Counts below the floor that are tried: just below, half, and a single one."""
    return sorted({n for n in (least - 1, least // 2, 1) if 0 < n < least}, reverse=True)


def _ratio(pipe: Pipe, noise: Noise) -> float:
    """Deviation of the noise that the promise rests on, grid steps."""
    return math.sqrt(float(np.mean(noise.seen**2)))
