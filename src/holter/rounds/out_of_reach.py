"""A target that would teach nothing: what is refused, and the nearest that would work.

The signal of a round over its noise grows with sqrt(cohort * people) and with rho, and falls with
the square root of the parameters (privacy.md 7 of the design); the numbers named follow from that.
"""

from __future__ import annotations

import math

from holter.rounds.plan import Plan

LEAST_SIGNAL_TO_NOISE = 0.3  # of a round; below, a target epsilon is refused (privacy.md 9)


def refusal(plan: Plan, people: int, cohort: int, epsilon: float) -> str:
    """Why epsilon is out of reach of these people, and what would not be."""
    forecast = plan.signal_to_noise(cohort)
    factor = LEAST_SIGNAL_TO_NOISE / forecast
    units = math.ceil(plan.contract.rho_units * plan.max_participations * factor**2)
    return (
        f"epsilon {epsilon:g} is out of reach of {people} people: a round's signal would be "
        f"{forecast:.2g} of its noise, {LEAST_SIGNAL_TO_NOISE} is the least that teaches. "
        f"What would work: epsilon {round_up(plan.epsilon_of(units)):g}; or "
        f"{round_up(people * factor):,.0f} people with {round_up(cohort * factor):,.0f} a round; "
        f"or a model of {int(plan.update_coordinates / factor**2):,} parameters. To run it all "
        "the same, state privacy.noise_multiplier instead."
    )


def round_up(value: float) -> float:
    """To two significant digits, upwards."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / unit - 1e-9) * unit
