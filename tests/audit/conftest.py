"""Plans and sources for audits: real randomness, and faster seeded tables for what is only summed."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest

from holter.algebra.layout import Layout
from holter.audit.pipe import SourceOf
from holter.privacy import discrete_gaussian
from holter.privacy.source import Source
from holter.rounds.plan import Plan
from holter.rounds.planning import make_plan
from holter.rounds.study import Study
from holter.simulator.dice import SeededSource, key

PlanOf = Callable[..., Plan]


class SystemDice:
    """The operating system's randomness with the exact sampler, as a device uses them."""

    @property
    def simulated(self) -> Literal[False]:
        return False

    def read(self, length: int) -> bytes:
        return os.urandom(length)

    def discrete_gaussian(self, variance: int, count: int) -> npt.NDArray[np.int64]:
        return discrete_gaussian.sample(variance, count, os.urandom)


def system_source(round_number: int, who: int) -> Source:
    return SystemDice()


def seeded(seed: int) -> SourceOf:
    """Tables on a seed, one stream for each round and maker."""

    def source_of(round_number: int, who: int) -> Source:
        return SeededSource(key(seed, "audit", round_number, who + 8))

    return source_of


def ticks() -> Callable[[], float]:
    """A clock that counts its readings."""
    counter = itertools.count()
    return lambda: float(next(counter))


@pytest.fixture
def plan_of() -> PlanOf:
    """A plan for 75 clients a round with a floor of 60, unless told otherwise."""

    def make(*overrides: str, parameters: int = 1500, people: int = 300) -> Plan:
        study = Study.parse(
            '[study]\nname = "audited"\ntask = "activity"\n',
            [
                "training.clients_per_round=75",
                "training.rounds=4",
                "cohort.survivors_floor=60",
                "privacy.noise_multiplier=2.0",
                'aggregation.protocol="one-upload"',
                *overrides,
            ],
        )
        return make_plan(study, people=people, layout=Layout((("w", (parameters,)),)))

    return make
