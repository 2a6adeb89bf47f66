"""The pipeline as audits see it. The only file here that knows how its steps are called.

A ``Pipe`` carries a plan and the pipeline's own steps; a test hands it a faulty copy of a step.
Which noise a promise rests on depends on the plan's kind:

    shares      each device draws     promise: honest shares of the smallest sum that opens
    local       each device draws     promise: a single share
    central     helper and leader     promise: either draw, since either may know its own
    correlated  the server            promise: a row of C y, with y what was published

Everything is in grid steps at the plan's own clip, and of the update's coordinates alone: what
travels beside an update is not zero when the update is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from holter.algebra import lanes
from holter.algebra.ring import Words
from holter.compression import subset
from holter.privacy import calibration, matrix
from holter.privacy.correlated import Stream
from holter.privacy.joint import MEASURES
from holter.privacy.source import Integers, Source
from holter.rounds import pipeline
from holter.rounds.pipeline import ClientUpdate, MeanUpdate
from holter.rounds.plan import Plan

Floats = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float32]

SourceOf = Callable[[int, int], Source]
"""(round number, who) -> a fresh source. who: a device from 0 on, or one of the four below."""

HELPER, LEADER, SERVER, AUDITOR = -1, -2, -3, -4


class NothingPromised(ValueError):
    """A plan without privacy has no promise that an audit could hold it to."""


class Contribute(Protocol):
    """The device's half of a sum, as ``rounds.pipeline.contribution``."""

    def __call__(
        self, update: ClientUpdate, plan: Plan, round_number: int, *, clip: float, source: Source
    ) -> Words: ...


class CentralNoise(Protocol):
    """Noise of a helper or leader, as ``rounds.pipeline.central_noise``."""

    def __call__(self, plan: Plan, *, source: Source) -> Words: ...


class CorrelatedNoise(Protocol):
    """A row of the server's noise, as ``rounds.pipeline.correlated_noise``."""

    def __call__(self, plan: Plan, *, source: Source) -> Integers: ...


class Silent:
    """A source whose noise is zero, to see the integers beneath. Its bytes are another's."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.read = read

    @property
    def simulated(self) -> bool:
        """Always: it is no noise at all."""
        return True

    def discrete_gaussian(self, variance: int, count: int) -> Integers:
        """Zeros, shape (count,)."""
        return np.zeros(count, dtype=np.int64)


@dataclass(frozen=True)
class Pipe:
    """A plan and the steps that are audited. Raises NothingPromised."""

    plan: Plan
    contribute: Contribute = pipeline.contribution
    central: CentralNoise = pipeline.central_noise
    correlated: CorrelatedNoise = pipeline.correlated_noise

    def __post_init__(self) -> None:
        if self.plan.grid.norm_limit is None:
            raise NothingPromised("privacy.mode = none promises nothing; there is nothing to audit")

    @property
    def norm_limit(self) -> int:
        """D, grid steps."""
        assert self.plan.grid.norm_limit is not None  # __post_init__
        return self.plan.grid.norm_limit

    @property
    def size(self) -> int:
        """Coordinates of an update after compression."""
        return self.plan.update_coordinates

    @property
    def floor(self) -> int:
        """The fewest survivors whose sum is opened."""
        return self.plan.counts.survivors_floor

    @property
    def draw_variance(self) -> int:
        """Of one maker's draw, in its own unit squared."""
        grid = self.plan.grid
        return grid.share_variance or grid.central_variance or grid.correlated_variance

    @property
    def draw_unit(self) -> float:
        """Grid steps in the unit of a draw."""
        return 2.0**-matrix.COEFFICIENT_BITS if self.plan.correlated else 1.0

    @property
    def makers(self) -> str:
        """Who draws noise, in words."""
        if self.plan.grid.share_variance:
            return "device"
        return "server" if self.plan.correlated else "helper or leader"

    def maker_count(self, survivors: int) -> int:
        """How many draws a sum of ``survivors`` devices holds."""
        if self.plan.grid.share_variance:
            return survivors
        return 1 if self.plan.correlated else calibration.CENTRAL_DRAWS

    def opened_deviation(self, survivors: int) -> float:
        """What the plan predicts for ``zero_rounds.Noise.opened``, whitened: grid steps."""
        return calibration.noise_deviation(self.plan.grid, survivors=survivors)

    @property
    def seen_deviation(self) -> float:
        """What the plan predicts for ``zero_rounds.Noise.seen``: grid steps."""
        count = self.plan.honest_shares if self.plan.grid.share_variance else 1
        return math.sqrt(count * self.draw_variance) * self.draw_unit

    @property
    def promised_deviation(self) -> float:
        """z D: the least noise under which the plan's epsilon is true, grid steps."""
        return self.plan.noise_multiplier * self.norm_limit

    @property
    def rho(self) -> float:
        """Of one participation, from the integers really used; of a what-if, as if it counted."""
        return self.plan.rho_of_noise

    @property
    def claims(self) -> str:
        """How a report says whose number the epsilon of one participation is."""
        return "noise like this would be worth" if self.plan.what_if else "the plan claims"

    @property
    def coefficients(self) -> tuple[int, ...]:
        """First column of C on the grid; one entry where noise is independent."""
        return matrix.on_grid(matrix.square_root(self.plan.bands))

    def words(
        self, change: Vector, round_number: int, *, source: Source, clip: float | None = None
    ) -> Words:
        """The device's half. change: shape (plan.layout.size,), float32."""
        measures = (0.5,) * len(MEASURES) if self.plan.joint.evaluation else ()
        update = ClientUpdate(change, measures)
        clip = self.plan.clip if clip is None else clip
        return self.contribute(update, self.plan, round_number, clip=clip, source=source)

    def integers(
        self, change: Vector, round_number: int, *, source: Source, clip: float | None = None
    ) -> Integers:
        """All integers of one contribution, extras included: shape (plan.coordinates,), int64."""
        words = self.words(change, round_number, source=source, clip=clip)
        return lanes.unpack(words, self.plan.coordinates, self.plan.grid.lane_bits)

    def signal(self, integers: Integers) -> float:
        """How far noiseless integers of one participation move what is seen, grid steps.

        Their norm; under correlated noise of all the rows that they reach.
        """
        unit = 2.0**-matrix.COEFFICIENT_BITS
        reach = math.sqrt(sum(c * c for c in self.coefficients)) * unit
        return float(np.linalg.norm(integers.astype(np.float64))) * reach

    def decoded(self, sums: list[Words], survivors: int, round_number: int) -> Floats:
        """The server's half, back in grid steps of the sum: shape (size,), float64."""
        plan = self.plan
        mean = pipeline.mean_update(sums, survivors, plan, round_number, clip=plan.clip)
        return self._steps(mean, survivors, round_number)

    def central_draws(self, round_number: int, source_of: SourceOf) -> list[Words]:
        """What helper and leader add to a sum, each by itself; none where they add nothing."""
        if not self.plan.grid.central_variance:
            return []
        return [
            self.central(self.plan, source=source_of(round_number, who)) for who in (HELPER, LEADER)
        ]

    def released(
        self, stream: Stream, total: Words, survivors: int, round_number: int, *, source: Source
    ) -> tuple[Stream, Integers, Floats]:
        """Under correlated noise: the stream after this round, the server's draw, the estimate.

        The draw in units of ``draw_unit``, shape (size,); the estimate in grid steps of the sum.
        """
        row = self.correlated(self.plan, source=source)
        stream, mean = pipeline.released_update(
            [total], survivors, self.plan, round_number, stream, noise=row
        )
        return stream, row[: self.size], self._steps(mean, survivors, round_number)

    def unpacked(self, words: Words) -> Integers:
        """The update's integers in packed words: shape (size,), int64."""
        return lanes.unpack(words, self.plan.coordinates, self.plan.grid.lane_bits)[: self.size]

    def _steps(self, mean: MeanUpdate, survivors: int, round_number: int) -> Floats:
        plan = self.plan
        seed = plan.subset_seed(round_number)
        sent = mean.change[subset.chosen(plan.layout.size, plan.compression_share, seed)]
        return sent * (survivors * plan.grid.scale)
