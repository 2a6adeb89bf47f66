"""How much of one participation a strong attacker can tell: a bound by a game, and an estimate.

The attacker chooses the canary, sees the sum, and knows every other update and the colluders'
noise. Other devices send zero, since their updates would only hide the canary (privacy.md 6 of
the design). Both audits compare with the price of ONE participation.
"""

from __future__ import annotations

import math

import numpy as np

from holter.audit.draws import signs
from holter.audit.estimators import (
    epsilon_lower_bound,
    epsilon_of_mu,
    mu_estimate,
    mu_lower_bound,
)
from holter.audit.finding import Finding
from holter.audit.pipe import AUDITOR, Floats, Pipe, Silent, SourceOf, Vector
from holter.audit.zero_rounds import Noise

CONFIDENCE = 0.999  # that is reported
_VERDICT = 1 - 1e-9  # that a failure is judged with
_OVERSHOOT = 5.0  # times the clip: how long canaries are before the pipe bounds them
_CANARIES = 500  # in and out, of the one-shot estimate
_CROWDING = 20  # coordinates a canary of one sum: their cross-talk adds 1/20 of D^2 to the noise
_ERRORS = 6.5  # standard errors by which an estimate may exceed the claim


def canary_game(pipe: Pipe, noise: Noise, *, source_of: SourceOf, round_number: int = 1) -> Finding:
    """A lower bound on epsilon: is the canary in this sum or not, 2 x as many times as there is noise.

    The canary is five clips long and of random signs, so that nothing but the norm bound stops
    it. What it becomes in the pipe is its signal; the sums are projected on it, and as the noise
    is white (``whiteness``) one coordinate of it stands for the projection. Half of the seen
    noise plays each world. The threshold is halfway, fixed before any of it is seen.
    """
    delta = pipe.plan.delta
    source = source_of(round_number, AUDITOR)
    canary = _canaries(pipe, signs(source, 1, pipe.plan.layout.size))[0]
    signal = pipe.signal(pipe.integers(canary, round_number, source=Silent(source.read)))
    scores = noise.seen.reshape(-1)
    half = len(scores) // 2
    hits = int(np.count_nonzero(scores[:half] + signal > signal / 2))
    alarms = int(np.count_nonzero(scores[half : 2 * half] > signal / 2))
    claim = math.sqrt(2 * pipe.rho)
    mu = float(mu_lower_bound(hits, half, alarms, half, confidence=CONFIDENCE))
    surely = float(mu_lower_bound(hits, half, alarms, half, confidence=_VERDICT))
    bound, promised = epsilon_of_mu(mu, delta), epsilon_of_mu(claim, delta)
    shapeless = epsilon_lower_bound(hits, half, alarms, half, delta=delta, confidence=CONFIDENCE)
    return Finding(
        name="canary_game",
        passed=surely <= claim,
        what=(
            f"In 2 x {half:,} games an attacker finds epsilon {bound:.2f} or more for one "
            f"participation (99.9 % confidence); {pipe.claims} {promised:.2f} at delta {delta:g}."
        ),
        numbers={
            "games": 2 * half,
            "signal": signal,
            "true_positives": hits / half,
            "false_positives": alarms / half,
            "mu": mu,
            "mu_claimed": claim,
            "epsilon_any_mechanism": shapeless,
        },
        claim=promised,
        bound=bound,
    )


def one_shot(pipe: Pipe, noise: Noise, *, source_of: SourceOf, round_number: int = 1) -> Finding:
    """An estimate of epsilon, not a bound: many canaries in each of a few sums.

    500 canaries of random signs go in, in several sums where d is too small for one, 500 stay
    out; the cosines of both with the sum are taken for two normals. Source: Andrew et al. 2023,
    arXiv 2302.03098, Algorithm 1. The canaries' own cross-talk makes the estimate a little small.
    """
    plan, delta = pipe.plan, pipe.plan.delta
    source = source_of(round_number, AUDITOR)
    each = max(1, min(_CANARIES, pipe.size // _CROWDING))
    sums = min(-(-_CANARIES // each), len(noise.seen))
    inside: list[Floats] = []
    outside: list[Floats] = []
    for row in noise.seen[:sums]:
        went_in, stayed_out = (
            np.stack(
                [
                    pipe.integers(canary, round_number, source=Silent(source.read))[: pipe.size]
                    for canary in _canaries(pipe, signs(source, each, plan.layout.size))
                ]
            ).astype(np.float64)
            for _ in range(2)
        )
        total = row + went_in.sum(axis=0)
        inside.append(_along(went_in, total))
        outside.append(_along(stayed_out, total))
    mu, error = mu_estimate(np.concatenate(inside), np.concatenate(outside))
    claim = math.sqrt(2 * pipe.rho)
    estimate, promised = epsilon_of_mu(max(mu, 0.0), delta), epsilon_of_mu(claim, delta)
    return Finding(
        name="one_shot",
        passed=mu - _ERRORS * error <= claim,
        what=(
            f"From {each * sums} canaries in and as many out of {sums} sums, epsilon of one "
            f"participation is estimated at {estimate:.2f} (an estimate, not a bound); "
            f"{pipe.claims} {promised:.2f}."
        ),
        numbers={"canaries": each * sums, "mu": mu, "mu_error": error, "mu_claimed": claim},
        claim=promised,
        bound=estimate,
    )


def _canaries(pipe: Pipe, directions: Floats) -> list[Vector]:
    """Updates five clips long along ``directions``, shape (n, layout.size)."""
    length = _OVERSHOOT * pipe.plan.clip / math.sqrt(directions.shape[1])
    return list((directions * length).astype(np.float32))


def _along(canaries: Floats, total: Floats) -> Floats:
    """Length of ``total`` along each canary, grid steps."""
    result: Floats = canaries @ total / np.linalg.norm(canaries, axis=1)
    return result
