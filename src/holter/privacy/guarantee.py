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
RENYI = "Renyi conversion"  # of zero-concentrated DP: what is proved for shares on a lattice
EXACT = "exact Gaussian"  # of one Gaussian over all rounds


@dataclass(frozen=True)
class Guarantee:
    """(epsilon, delta) differential privacy, and everything it rests on.

    epsilon: the number that is reported, by ``method`` (RENYI or EXACT); the other stands beside
    it. epsilon_exact: of the Gaussian with the same rho, always the smaller one. rho:
    zero-concentrated, over the whole study.
    """

    epsilon: float
    method: str
    epsilon_exact: float
    epsilon_renyi: float
    delta: float
    rho: float
    unit: str
    adjacency: str
    adversary: str
    assumptions: tuple[str, ...]

    def __post_init__(self) -> None:
        named = (self.unit, self.adjacency, self.adversary, *self.assumptions)
        if not self.assumptions or not all(text.strip() for text in named):
            raise ValueError("a guarantee names its unit, adjacency, adversary and assumptions")
        if not (0 < self.delta < 1 and self.epsilon > 0):
            raise ValueError("epsilon must be above 0 and delta between 0 and 1")
        if not (0 <= self.epsilon_exact <= self.epsilon_renyi and self.rho >= 0):
            raise ValueError("the exact epsilon lies between 0 and the Renyi one, rho above 0")
        beside = {EXACT: self.epsilon_exact, RENYI: self.epsilon_renyi}
        if self.epsilon != beside.get(self.method):
            raise ValueError("the reported epsilon is the one that its method gives")

    def in_words(self) -> str:
        """One paragraph for a reader who is no specialist."""
        odds = advantage(self.epsilon, self.delta)
        return (
            f"Epsilon {math.ceil(self.epsilon * 100) / 100:.2f} at delta {self.delta:g} for a whole {self.unit} in this "
            f"study, against {article(self.adversary)} ({self.adjacency} adjacency; "
            f"{self.method}). Someone who guesses evenly whether a given device's data were used "
            f"would, after seeing everything that this adversary sees of the study, be right at "
            f"most {odds:.2%} of the time. No amplification by "
            "sampling is claimed; the bound rests on each device limiting its participations."
        )


@dataclass(frozen=True)
class NoGuarantee:
    """Nobody is protected, and why. ``would_be``: what a fleet under the same plan would get."""

    reason: str
    would_be: Guarantee | None


def article(adversary: str) -> str:
    """The adversary with its article, where it takes one: "an honest-but-curious server"."""
    if adversary.startswith(("everyone", "anyone")):
        return adversary
    return f"{'an' if adversary[0] in 'aeioh' else 'a'} {adversary}"


def advantage(epsilon: float, delta: float) -> float:
    """Greatest chance of a correct guess from even odds: e^eps / (1 + e^eps) + delta, at most 1."""
    if epsilon > 700:  # exp would overflow; the chance is 1 to double precision
        return 1.0
    return min(1.0, 1.0 / (1.0 + math.exp(-epsilon)) + delta)
