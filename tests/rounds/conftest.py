"""Small plans and updates, held in memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holter.algebra.layout import Layout
from holter.rounds.plan import Plan
from holter.rounds.planning import make_plan
from holter.rounds.study import Study

MINIMAL = '[study]\nname = "small"\ntask = "activity"\n'


@pytest.fixture
def study_of() -> Callable[..., Study]:
    """A study from overrides: study_of("privacy.epsilon=8")."""

    def make(*overrides: str) -> Study:
        return Study.parse(MINIMAL, ["privacy.noise_multiplier=1.0", *overrides])

    return make


@pytest.fixture
def plan_of(study_of: Callable[..., Study]) -> Callable[..., Plan]:
    """A plan for 8 clients a round and 40 people unless told otherwise."""

    def make(*overrides: str, people: int = 40, parameters: int = 50) -> Plan:
        study = study_of("training.clients_per_round=8", "training.rounds=10", *overrides)
        return make_plan(study, people=people, layout=Layout((("w", (parameters,)),)))

    return make
