"""Whether the final model fits those it was trained on better than others. A smoke test.

It guesses "member" where a person's mean loss is low (Yeom et al. 2018, arXiv 1709.01604). A
weak attack: passing it says little, and people differ, so an advantage may be no leak either. Only
an advantage above what (epsilon, delta) allows would say something.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from holter.audit.finding import FALSE_ALARM, Finding
from holter.audit.pipe import Floats

_CONFIDENCE = 0.95  # of the intervals that are reported
_NORMAL_QUANTILE = 1.959964  # of _CONFIDENCE, two-sided


@dataclass(frozen=True)
class Losses:
    """Mean loss of the final model on each person's windows: shapes (n,) and (m,), float64.

    members: trained on; outsiders: not. Raises ValueError for an empty group or a NaN.
    """

    members: Floats = field(repr=False)
    outsiders: Floats = field(repr=False)

    def __post_init__(self) -> None:
        for group in (self.members, self.outsiders):
            if group.ndim != 1 or len(group) == 0 or np.any(np.isnan(group)):
                raise ValueError("membership needs a loss of each person, in both groups")


def membership(losses: Losses, *, epsilon: float, delta: float) -> Finding:
    """AUC and best advantage (TPR - FPR over all thresholds) against (epsilon, delta)'s ceiling.

    Intervals at 95 %: the AUC's from the largest variance that it can have (Birnbaum and Klose
    1957), the advantage's from Dvoretzky, Kiefer, Wolfowitz and Massart, which allows for
    the choice of threshold. It fails only where the advantage is above the ceiling for sure.
    """
    members, outsiders = np.sort(losses.members), np.sort(losses.outsiders)
    below = np.searchsorted(outsiders, members, side="left")
    ties = np.searchsorted(outsiders, members, side="right") - below
    auc = float(np.mean(1 - (below + ties / 2) / len(outsiders)))
    fewest = min(len(members), len(outsiders))
    half = _NORMAL_QUANTILE * math.sqrt(max(auc * (1 - auc), 0.25 / fewest) / fewest)
    points = np.concatenate([members, outsiders])
    gap = _share_up_to(members, points) - _share_up_to(outsiders, points)
    advantage = max(0.0, float(np.max(gap)))
    margin = _margin(len(members), len(outsiders), 1 - _CONFIDENCE)
    ceiling = advantage_ceiling(epsilon, delta)
    surely = advantage - _margin(len(members), len(outsiders), FALSE_ALARM)
    return Finding(
        name="membership",
        passed=surely <= ceiling,
        what=(
            f"Told apart by their loss, {len(members)} members and {len(outsiders)} others give "
            f"an AUC of {auc:.3f} ({max(0, auc - half):.3f} to {min(1, auc + half):.3f}) and an "
            f"advantage of {advantage:.3f} ({max(0, advantage - margin):.3f} to "
            f"{min(1, advantage + margin):.3f}); the promise allows {ceiling:.3f} (a smoke test)."
        ),
        numbers={
            "auc": auc,
            "auc_low": max(0.0, auc - half),
            "auc_high": min(1.0, auc + half),
            "advantage": advantage,
            "advantage_low": max(0.0, advantage - margin),
            "advantage_high": min(1.0, advantage + margin),
        },
        claim=ceiling,
        bound=advantage,
    )


def advantage_ceiling(epsilon: float, delta: float) -> float:
    """The largest TPR - FPR under (epsilon, delta): (e^eps - 1 + 2 delta) / (e^eps + 1).

    Source: Kairouz, Oh, Viswanath 2015, arXiv 1311.0776, Theorem 2.1.
    """
    return math.tanh(min(epsilon, 700.0) / 2) + 2 * delta / (1 + math.exp(min(epsilon, 700.0)))


def _share_up_to(ordered: Floats, points: Floats) -> Floats:
    result: Floats = np.searchsorted(ordered, points, side="right") / len(ordered)
    return result


def _margin(members: int, outsiders: int, alpha: float) -> float:
    """By which both empirical distributions together are off, at most, with 1 - alpha."""
    each = math.log(4 / alpha) / 2
    return math.sqrt(each / members) + math.sqrt(each / outsiders)
