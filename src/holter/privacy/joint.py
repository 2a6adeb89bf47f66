"""One vector, one norm check, one charge: what else travels with an update, and at what price.

    [ update ... | clip indicator | accuracy, loss ]     integers, norm <= D together

The parts share the squared norm limit, so the noise on every coordinate is the same and one
participation costs what it costs without them; each part only gets less room (Andrew et al.
2021, arXiv 1905.03871, section 3, for the indicator; privacy.md 5 of the design). A part that a
plan does not ask for has share 0 and no coordinate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MEASURES = ("accuracy", "loss")  # of the model a device was given, on its own windows
_MEASURES_NORM = math.sqrt(len(MEASURES)) / 2  # each lies within +-1/2 of the middle


@dataclass(frozen=True)
class Joint:
    """Shares of the squared norm limit, each 0 where the part is absent; the update has the rest.

    indicator: of whether the update stayed below the clip. evaluation: of MEASURES.
    """

    indicator: float = 0.0
    evaluation: float = 0.0

    def __post_init__(self) -> None:
        if not (self.indicator >= 0 and self.evaluation >= 0 and self.update > 0):
            raise ValueError("the parts of a contribution must leave room for the update")

    @property
    def update(self) -> float:
        """What is left for the update."""
        return 1 - self.indicator - self.evaluation

    @property
    def extras(self) -> int:
        """Coordinates after the update's."""
        return (self.indicator > 0) + (self.evaluation > 0) * len(MEASURES)

    def encode(self, below: bool, measures: tuple[float, ...], limit: float) -> list[float]:
        """The extra coordinates, in grid steps, with an L2 norm of at most their parts of ``limit``.

        below: whether the update stayed within the clip. measures: each from 0 to 1, in the order
        of MEASURES. Values outside are brought to the nearest bound; a wrong count raises.
        """
        values = []
        if self.indicator:
            values.append(math.copysign(limit * math.sqrt(self.indicator), 1 if below else -1))
        if self.evaluation:
            if len(measures) != len(MEASURES):
                raise ValueError(f"the plan asks for {' and '.join(MEASURES)} of each client")
            step = limit * math.sqrt(self.evaluation) / _MEASURES_NORM
            values += [(min(max(value, 0.0), 1.0) - 0.5) * step for value in measures]
        return values

    def decode(self, sums: list[float], clients: int, limit: float) -> Extras:
        """Noisy means from the noisy sums of ``clients``; inverse of ``encode`` in the mean."""
        below: float | None = None
        measures: tuple[float, ...] = ()
        if self.indicator:
            below = (sums[0] / (limit * math.sqrt(self.indicator)) / clients + 1) / 2
        if self.evaluation:
            step = limit * math.sqrt(self.evaluation) / _MEASURES_NORM
            measures = tuple(value / step / clients + 0.5 for value in sums[-len(MEASURES) :])
        return Extras(below, measures)


@dataclass(frozen=True)
class Extras:
    """Noisy means over the clients of a round. below: share within the clip, or None.

    measures: in the order of MEASURES, or (). Noise may carry any of them outside 0 to 1.
    """

    below: float | None
    measures: tuple[float, ...]


NOTHING = Extras(None, ())
