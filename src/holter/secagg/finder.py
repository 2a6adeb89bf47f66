"""The cheapest graph that bears a plan's colluders and drop-outs, or what it could bear.

``find`` is for whoever writes a plan or opens a session; a device never searches, it only
checks what it is told (``connectivity.accepts``). The result keeps ``SLACK`` of each bound,
so that rounding cannot make a device refuse what was found here.

Source: design of the protocol, section 1.2: the smallest H that works, then the smallest t
for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from holter.secagg import connectivity as bounds
from holter.secagg.connectivity import ETA, SIGMA, SLACK, Floats
from holter.secagg.errors import Caller
from holter.secagg.graph import COMPLETE_LIMIT
from holter.secagg.session import SESSION_LIMIT, Bounds

LEAST_THRESHOLD = 2  # with one, each holder's share would be the secret itself


class Infeasible(Caller, ValueError):
    """No graph bears these demands; the message names the nearest that one does.

    most_dropouts: with these colluders. most_colluders: with these drop-outs. smallest_size:
    of a larger roster that bears both. Each is None where there is none.
    """

    def __init__(
        self,
        message: str,
        *,
        most_dropouts: int | None = None,
        most_colluders: int | None = None,
        smallest_size: int | None = None,
    ) -> None:
        super().__init__(message)
        self.most_dropouts = most_dropouts
        self.most_colluders = most_colluders
        self.smallest_size = smallest_size


@dataclass(frozen=True)
class Graph:
    """What a plan's counts cost.

    cycles: H, 0 for the complete graph. threshold: t, shares that open a secret. quorum:
    endorsements. mean_degree: neighbours of a client, merged. log2_leak, log2_stuck: bounds
    on the two failures. smallest_separable: S_min; a server that chooses who drops out can
    cut off S_min - 1 clients, which stay closed; 1 where it can cut off none.
    """

    cycles: int
    threshold: int
    quorum: int
    mean_degree: float
    log2_leak: float
    log2_stuck: float
    smallest_separable: int


@lru_cache(maxsize=256)
def find(
    size: int, colluders: int, dropouts: int, *, sigma: float = SIGMA, eta: float = ETA
) -> Graph:
    """The smallest H for which some t works, with the smallest such t.

    size: 2 or more clients. colluders, dropouts: how many of them are borne, counts. sigma,
    eta: a leak has probability at most 2^-sigma, a stuck session 2^-eta. Raises Infeasible,
    which names the nearest demands that can be met, and ValueError for impossible counts.
    """
    demand = _Demand(size, colluders, dropouts, sigma, eta)
    if not demand.feasible():
        raise demand.refusal()
    quorum = bounds.quorum(size, colluders)
    if size <= COMPLETE_LIMIT:
        return Graph(0, quorum, quorum, size - 1.0, -math.inf, -math.inf, 1)
    cycles, threshold, chances = demand.search()
    return Graph(
        cycles=cycles,
        threshold=threshold,
        quorum=quorum,
        mean_degree=float(chances @ np.arange(size)),
        log2_leak=bounds.log2_leak(size, colluders, dropouts, cycles, threshold),
        log2_stuck=bounds.log2_stuck(size, dropouts, threshold, chances),
        smallest_separable=bounds.separation_start(size, colluders + dropouts, cycles, sigma=sigma),
    )


def for_roster(plan: Bounds, size: int) -> Graph:
    """The graph of a roster of ``size`` clients under the plan's counts. Raises as ``find``."""
    lost = plan.lost(size)
    return find(size, plan.colluders, lost, sigma=plan.sigma, eta=plan.eta)


@dataclass(frozen=True)
class _Demand:
    size: int
    colluders: int
    dropouts: int
    sigma: float
    eta: float

    def __post_init__(self) -> None:
        if self.size < 2 or min(self.colluders, self.dropouts) < 0:
            raise ValueError("a roster has two clients or more, and counts are not negative")

    def search(self) -> tuple[int, int, Floats]:
        """The smallest H, then the smallest t, and the degrees that H gives.

        Cycle by cycle: whether H works is not monotone in H, since t moves in whole steps.
        """
        chances = bounds.degrees(self.size, 0)
        for cycles in range(1, bounds.cycle_limit(self.size) + 1):
            chances = bounds.one_cycle_more(chances)
            fit = self._thresholds(cycles, chances)
            if fit:
                return cycles, fit[0], chances
        raise AssertionError("a feasible demand works at the limit of cycles")

    def feasible(self) -> bool:
        """Whether enough survive, and the most cycles bear it (more cycles are no graph)."""
        size = self.size
        if size - self.dropouts < bounds.fewest_survivors(size, self.colluders):
            return False
        most = bounds.cycle_limit(size)
        return size <= COMPLETE_LIMIT or bool(self._thresholds(most, bounds.degrees(size, most)))

    def refusal(self) -> Infeasible:
        """What to ask for instead: each count in turn, the others as they were asked for."""
        dropouts, colluders, size = self._most_dropouts(), self._most_colluders(), self._larger()
        nearest = {
            "with these colluders at most {} drop-outs": dropouts,
            "with these drop-outs at most {} colluders": colluders,
            "for both at least {} clients": size,
        }
        told = [text.format(count) for text, count in nearest.items() if count is not None]
        return Infeasible(
            f"no graph of {self.size} clients bears {self.colluders} colluders and "
            f"{self.dropouts} drop-outs: {'; '.join(told) or 'nor does one near it'}",
            most_dropouts=dropouts,
            most_colluders=colluders,
            smallest_size=size,
        )

    def _most_dropouts(self) -> int | None:
        edge = self.size - bounds.fewest_survivors(self.size, self.colluders)
        less = _first(lambda by: replace(self, dropouts=edge - by).feasible(), 0, edge + 1)
        return edge - less if less <= edge else None

    def _most_colluders(self) -> int | None:
        # the largest c for which n - e is at least fewest_survivors(n, c)
        edge = self.size - 2 * self.dropouts - (3 if self.size <= COMPLETE_LIMIT else 1)
        less = _first(lambda by: replace(self, colluders=edge - by).feasible(), 0, edge + 1)
        return edge - less if less <= edge else None

    def _larger(self) -> int | None:
        edge = self.colluders + 2 * self.dropouts + 1
        if edge + 2 <= COMPLETE_LIMIT and edge + 2 > self.size:
            return edge + 2
        edge = max(edge, self.size + 1, COMPLETE_LIMIT + 1)
        size = _first(lambda size: replace(self, size=size).feasible(), edge, SESSION_LIMIT + 1)
        return size if size <= SESSION_LIMIT else None

    def _thresholds(self, cycles: int, chances: Floats) -> range:
        """All t that work with H = cycles: empty or from the smallest to the largest."""
        size, colluders, dropouts = self.size, self.colluders, self.dropouts

        def alone(t: int) -> bool:
            return bounds.log2_open(size, colluders, cycles, t, 1) <= -self.sigma - SLACK

        def closed(t: int) -> bool:
            leak = bounds.log2_leak(size, colluders, dropouts, cycles, t)
            return leak <= -self.sigma - SLACK

        def stuck(t: int) -> bool:
            return bounds.log2_stuck(size, dropouts, t, chances) > -self.eta - SLACK

        # cheapest first: most H fall at the first two
        least = _first(alone, LEAST_THRESHOLD, size)
        if least == size or stuck(least):
            return range(0)
        most = _first(stuck, least + 1, size) - 1
        return range(_first(closed, least, most + 1), most + 1)


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The smallest number from ``low`` on that ``holds``; ``high`` or more if none below does.

    ``holds`` must stay true once it is.
    """
    if low < high and holds(low):
        return low  # often so, and the one test that is needed
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
