"""What can be promised, in full or not at all.

A Guarantee cannot be built without unit, adjacency, adversary and assumptions, because an
epsilon without them means nothing. A simulation yields NoGuarantee by type: the same
numbers, said of people who do not exist.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

UNIT = "device lifetime"
ADJACENCY = "zero-out"
ADVERSARY = "honest-but-curious server"


@dataclass(frozen=True)
class Guarantee:
    """(epsilon, delta) differential privacy, and everything it rests on.

    epsilon: by Renyi conversion, the number that is reported. epsilon_exact: of the Gaussian
    with the same rho, always the smaller one. rho: zero-concentrated, over the whole study.
    """

    epsilon: float
    epsilon_exact: float
    delta: float
    rho: float
    unit: str
    adjacency: str
    adversary: str
    assumptions: tuple[str, ...]

    def __post_init__(self) -> None:
        if not (self.unit and self.adjacency and self.adversary and self.assumptions):
            raise ValueError("a guarantee names its unit, adjacency, adversary and assumptions")
        if not (0 < self.delta < 1 and self.epsilon > 0):
            raise ValueError("epsilon must be above 0 and delta between 0 and 1")
        if not (0 <= self.epsilon_exact <= self.epsilon and self.rho >= 0):
            raise ValueError("the exact epsilon lies between 0 and the reported one, rho above 0")

    def in_words(self) -> str:
        """One paragraph for a reader who is no specialist."""
        odds = advantage(self.epsilon, self.delta)
        return (
            f"Epsilon {self.epsilon:.2f} at delta {self.delta:g} for a whole {self.unit} in this "
            f"study, against an {self.adversary} ({self.adjacency} adjacency). Someone who "
            f"guesses evenly whether a given device's data were used would, after seeing every "
            f"sum of the study, be right at most {odds:.2%} of the time. No amplification by "
            "sampling is claimed; the bound rests on each device limiting its participations."
        )


@dataclass(frozen=True)
class NoGuarantee:
    """Nobody is protected, and why. ``would_be``: what a fleet under the same plan would get."""

    reason: str
    would_be: Guarantee | None


def advantage(epsilon: float, delta: float) -> float:
    """Greatest chance of a correct guess from even odds: e^eps / (1 + e^eps) + delta, at most 1."""
    if epsilon > 700:  # exp would overflow; the chance is 1 to double precision
        return 1.0
    return min(1.0, 1.0 / (1.0 + math.exp(-epsilon)) + delta)
