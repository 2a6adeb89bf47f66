"""How much noise is really there: each draw by itself, and the sum that is opened.

The best test of all (privacy.md 6 of the design): n coordinates measure the standard deviation to
1/sqrt(2n), so 50,000 show an error of 2 % at more than six standard errors, and 200,000 one of 1 %.
A wrong scale, a missing share, a halved sensitivity and shares sized for the wrong floor all show.
"""

from __future__ import annotations

import math

import numpy as np

from holter.audit.estimators import square_shortfall, square_tail
from holter.audit.finding import FALSE_ALARM, Finding
from holter.audit.pipe import Pipe
from holter.audit.zero_rounds import Noise, whitened

TOLERANCE_ERRORS = 6.3  # standard errors: 2 % at 50,000 coordinates, 1 % at 200,000


def draws(pipe: Pipe, noise: Noise) -> Finding:
    """Each maker's own noise against the plan: one that is missing or too small shows at once.

    Two tests at FALSE_ALARM over all makers: each draw alone, and each maker's over all rounds.
    """
    rounds, makers, size = noise.draws.shape
    squares = np.mean(noise.draws.astype(np.float64) ** 2, axis=2) / pipe.draw_variance
    of_makers = squares.mean(axis=0)
    alone = min(square_tail(float(r), size) for r in (squares.min(), squares.max())) * squares.size
    pooled = min(square_tail(float(r), size * rounds) for r in (of_makers.min(), of_makers.max()))
    least, most = math.sqrt(of_makers.min()), math.sqrt(of_makers.max())
    return Finding(
        name="draws",
        passed=min(alone, pooled * makers) >= FALSE_ALARM,
        what=(
            f"Over {rounds} rounds the noise of each {pipe.makers} alone is between {least:.2%} "
            f"and {most:.2%} of what the plan says (standard deviation; {makers} of them, the "
            f"weakest single draw {math.sqrt(squares.min()):.2%})."
        ),
        numbers={
            "makers": makers,
            "rounds": rounds,
            "least_ratio": least,
            "greatest_ratio": most,
            "weakest_draw_ratio": math.sqrt(squares.min()),
        },
        claim=math.sqrt(pipe.draw_variance) * pipe.draw_unit,
        bound=least * math.sqrt(pipe.draw_variance) * pipe.draw_unit,
    )


def noise_scale(pipe: Pipe, noise: Noise, *, survivors: int) -> Finding:
    """The opened sum of the fewest survivors against what the planner predicts, and the promise.

    noise: of rounds with ``survivors`` devices. Fails if the prediction is off by more than
    TOLERANCE_ERRORS, if the plan's integers give less than z D, or if the noise on which the
    promise rests is significantly below it.
    """
    whole = whitened(noise.opened, pipe.coefficients) if pipe.plan.correlated else noise.opened
    count = whole.size
    predicted = pipe.opened_deviation(survivors)
    realised = math.sqrt(float(np.mean(whole**2)))
    tolerance = TOLERANCE_ERRORS / math.sqrt(2 * count)
    promise = pipe.promised_deviation
    honest = math.sqrt(float(np.mean(noise.seen**2)))
    enough = pipe.seen_deviation >= promise * (1 - 1e-12)
    short = square_shortfall((honest / promise) ** 2, noise.seen.size) < FALSE_ALARM
    ratio = realised / predicted
    return Finding(
        name="noise_scale",
        passed=abs(ratio - 1) <= tolerance and enough and not short,
        what=(
            f"A sum of {survivors} devices carries {realised:.5g} grid steps of noise where the "
            f"plan predicts {predicted:.5g} ({ratio:.2%}, over {count:,} coordinates, one error "
            f"{1 / math.sqrt(2 * count):.2%}); the part that the promise rests on is "
            f"{honest:.5g}, promised are {promise:.5g}."
        ),
        numbers={
            "survivors": survivors,
            "coordinates": count,
            "predicted": predicted,
            "realised": realised,
            "ratio": ratio,
            "tolerance": tolerance,
            "promised": promise,
            "honest": honest,
        },
        claim=promise,
        bound=honest,
    )
