"""Would it work? Noise, lane and forecast from a few numbers, before there is any study.

A question becomes a study without data and goes through ``planning.derive``, so an answer here
is what a run with these numbers would get. ``solve`` turns the question round; ``alternatives``
changes one number at a time. The forecast is of a round: the norm of the mean of aligned, clipped
updates over the norm of its noise, so it is the most to hope for (privacy.md 7 of the design).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from holter.algebra.layout import Layout
from holter.privacy.calibration import noise_deviation
from holter.rounds.out_of_reach import LEAST_SIGNAL_TO_NOISE
from holter.rounds.plan import Plan
from holter.rounds.planning import derive
from holter.rounds.study import Study
from holter.rounds.tables import StudyError

UNKNOWNS = ("population", "rounds", "epsilon", "parameters")  # what ``solve`` can look for
_WEAK_EPSILON = 10.0  # above, a promise is weak (Ponomareva et al. 2023, arXiv 2303.00654)
_MANY_PARAMETERS = 5_000  # of a study of a few thousand people (privacy.md 0, item 10)
_MOST_PEOPLE, _MOST_EPSILON = 10**9, 1000.0  # where ``solve`` gives up
_LEAST_EPSILON = 0.001  # where it begins; less is nobody's wish


@dataclass(frozen=True)
class Question:
    """What is asked. Exactly one of epsilon and noise_multiplier; None elsewhere: the default.

    survival: share of those asked that earlier rounds kept, if it is known.
    """

    population: int
    cohort: int
    rounds: int
    parameters: int
    delta: float = 1e-6
    mode: str = "distributed"
    epsilon: float | None = None
    noise_multiplier: float | None = None
    survivors_floor: int | None = None
    colluders: int | None = None
    max_participations: int | None = None
    min_separation: int | None = None
    metrics_share: float = 0.0
    survival: float | None = None


@dataclass(frozen=True)
class Answer:
    """A question with its plan. Everything printed is derived from these two."""

    question: Question
    plan: Plan

    @property
    def epsilon(self) -> float:
        """The reported epsilon of the device asked most often."""
        return self.plan.epsilon_of(self.plan.contract.rho_units * self.plan.max_participations)

    @property
    def signal_to_noise(self) -> float:
        """The forecast of a round in which the whole cohort survives."""
        return self.plan.signal_to_noise(self.question.cohort)

    @property
    def teaches(self) -> bool:
        """Whether a round teaches anything to speak of."""
        return self.signal_to_noise >= LEAST_SIGNAL_TO_NOISE

    @property
    def noise_on_the_mean(self) -> float:
        """Standard deviation of one coordinate of the mean update over the clip."""
        steps = noise_deviation(self.plan.grid, survivors=self.question.cohort)
        return steps / (self.plan.grid.scale * self.plan.clip) / self.question.cohort

    @property
    def share_sigma(self) -> float | None:
        """Of one device's noise share, in grid steps; None where devices add none."""
        variance = self.plan.grid.share_variance
        return math.sqrt(variance) if variance else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a data protection officer would ask about."""
        return tuple(text for holds, text in _warnings(self) if holds)

    def facts(self) -> dict[str, Any]:
        """As JSON holds it: format holter.privacy-plan/1."""
        plan, grid = self.plan, self.plan.grid
        guarantee = plan.guarantee()
        assert guarantee is not None  # a question never asks for mode none
        return {
            "format": "holter.privacy-plan/1",
            "question": dict(vars(self.question)),
            "epsilon": guarantee.epsilon,
            "method": guarantee.method,
            "epsilon_exact": guarantee.epsilon_exact,
            "epsilon_renyi": guarantee.epsilon_renyi,
            "rho": guarantee.rho,
            "adversary": guarantee.adversary,
            "assumptions": list(guarantee.assumptions),
            "noise_multiplier": plan.noise_multiplier,
            "share_sigma": self.share_sigma,
            "bands": plan.bands,
            "max_participations": plan.max_participations,
            "min_separation": plan.min_separation,
            "survivors_floor": plan.counts.survivors_floor,
            "colluders": plan.counts.colluders,
            "groups": plan.groups,
            "lane_bits": grid.lane_bits,
            "norm_limit": grid.norm_limit,
            "upload_bytes": 8 * plan.counts.words,
            "noise_on_the_mean": self.noise_on_the_mean,
            "signal_to_noise": self.signal_to_noise,
            "teaches": self.teaches,
            "warnings": list(self.warnings),
        }


def answer(question: Question) -> Answer:
    """The plan of a question, however little it would teach. Raises StudyError."""
    if question.survival is not None and not 0 < question.survival <= 1:
        raise StudyError("survival is a share: above 0, at most 1")
    layout = Layout((("parameters", (question.parameters,)),))
    return Answer(question, derive(_study(question), people=question.population, layout=layout))


def _study(question: Question) -> Study:
    cohort = {
        "survivors_floor": question.survivors_floor,
        "max_participations": question.max_participations,
        "min_separation": question.min_separation,
    }
    privacy = {
        "mode": question.mode,
        "epsilon": question.epsilon,
        "noise_multiplier": question.noise_multiplier,
        "delta": question.delta,
        "colluders": question.colluders,
        "metrics_share": question.metrics_share,
    }
    return Study.of(
        {
            "study": {"name": "plan", "task": "activity"},
            "training": {"rounds": question.rounds, "clients_per_round": question.cohort},
            "cohort": {name: value for name, value in cohort.items() if value is not None},
            "privacy": {name: value for name, value in privacy.items() if value is not None},
        }
    )


def _warnings(found: Answer) -> list[tuple[bool, str]]:
    question, plan = found.question, found.plan
    reach = (plan.max_participations - 1) * plan.min_separation + 1
    kept = question.survival
    return [
        (
            plan.delta > 1 / question.population,
            f"delta {plan.delta:g} is above 1 / population: it should be far below",
        ),
        (found.epsilon > _WEAK_EPSILON, f"epsilon {found.epsilon:.3g} is a weak promise"),
        (
            reach > plan.rounds,
            f"{plan.max_participations} participations {plan.min_separation} rounds apart do not "
            f"fit into {plan.rounds} rounds: some are paid for and cannot happen",
        ),
        (
            kept is not None and plan.counts.survivors_floor > kept * question.cohort,
            f"the floor of {plan.counts.survivors_floor} survivors is above what earlier rounds "
            "kept: most rounds would be abandoned, and stay charged",
        ),
        (
            question.parameters > _MANY_PARAMETERS and found.signal_to_noise < 1,
            f"{question.parameters:,} parameters are many for so much noise: fixed public features "
            "and a small head lose less",
        ),
    ]


def alternatives(question: Question) -> list[tuple[str, Answer]]:
    """One number changed at a time, the best forecast first; what cannot be had is left out."""
    changes: list[tuple[str, dict[str, Any]]] = [
        ("half the rounds", {"rounds": max(1, question.rounds // 2)}),
        ("twice the cohort", {"cohort": 2 * question.cohort, "survivors_floor": None}),
        ("half the cohort", {"cohort": max(2, question.cohort // 2), "survivors_floor": None}),
        ("a fifth of the parameters", {"parameters": max(1, question.parameters // 5)}),
        ("twice the population", {"population": 2 * question.population}),
    ]
    for mode in ("distributed", "central"):
        if mode != question.mode:
            changes.append((f"mode {mode}", {"mode": mode, "min_separation": None}))
    found = []
    for name, change in changes:
        try:
            found.append((name, answer(replace(question, **change))))
        except StudyError:
            continue
    return sorted(found, key=lambda pair: -pair[1].signal_to_noise)


def solve(question: Question, unknown: str) -> Question:
    """The question with the nearest value of ``unknown`` that teaches: the smallest population or
    epsilon, the most rounds or parameters. Raises StudyError where there is none.
    """
    if unknown not in UNKNOWNS:
        raise StudyError(f"{unknown!r} cannot be solved for; it is one of: {', '.join(UNKNOWNS)}")
    if unknown == "epsilon":
        return replace(question, epsilon=_smallest_epsilon(question), noise_multiplier=None)

    def works(value: int) -> bool:
        try:
            return answer(_with(question, unknown, value)).teaches
        except StudyError:
            return False

    if unknown == "population":
        smallest = question.cohort * (question.min_separation or 1)
        return replace(question, population=_smallest(works, smallest, _MOST_PEOPLE, unknown))
    return _with(question, unknown, _largest(works, unknown))


def _with(question: Question, name: str, value: int) -> Question:
    changed: dict[str, Any] = {name: value}
    return replace(question, **changed)


def _smallest(works: Callable[[int], bool], least: int, most: int, name: str) -> int:
    high = least
    while not works(high):
        high *= 2
        if high > most:
            raise StudyError(f"no {name} up to {most:,} would do; change another number")
    low = high // 2 if high > least else least - 1
    while high - low > max(1, high // 1000):
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle) else (middle, high)
    return high


def _largest(works: Callable[[int], bool], name: str) -> int:
    low = 1
    while not works(low):  # of rounds under correlated noise, one may be too few
        low *= 2
        if low > _MOST_PEOPLE:
            raise StudyError(f"no number of {name} would do; change another number")
    while works(2 * low) and low < _MOST_PEOPLE:
        low *= 2
    high = 2 * low
    while high - low > max(1, high // 1000):
        middle = (low + high) // 2
        low, high = (middle, high) if works(middle) else (low, middle)
    return low


def _smallest_epsilon(question: Question) -> float:
    def works(epsilon: float) -> bool:
        try:
            return answer(replace(question, epsilon=epsilon, noise_multiplier=None)).teaches
        except StudyError:
            return False

    high = _LEAST_EPSILON
    while not works(high):
        high *= 2
        if high > _MOST_EPSILON:
            raise StudyError(f"no epsilon up to {_MOST_EPSILON:g} would do; change another number")
    low = high / 2
    while high - low > high / 500:
        middle = (low + high) / 2
        low, high = (low, middle) if works(middle) else (middle, high)
    unit = 10.0 ** (math.floor(math.log10(high)) - 2)  # three digits, upwards
    return float(f"{math.ceil(high / unit) * unit:.3g}")
