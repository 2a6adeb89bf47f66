"""What-if: the mean of a few has the noise of a fleet's, the fleet's promise, and protects nobody."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from holter.algebra import ring
from holter.algebra.layout import Layout
from holter.privacy.calibration import noise_deviation
from holter.rounds.acceptance import SIMULATION, DevicePolicy, PlanRefused, check_plan
from holter.rounds.pipeline import ClientUpdate, contribution, mean_update
from holter.rounds.plan import Plan
from holter.rounds.planning import deployment, make_plan
from holter.rounds.study import Study
from holter.rounds.tables import StudyError
from holter.simulator.dice import SeededSource, key

StudyOf = Callable[..., Study]
FEW, MANY = 30, 600
FLEET = f"privacy.meant_for={{population=20000, clients_per_round={MANY}}}"
UPLOAD = 'aggregation.protocol="one-upload"'
MODES = [
    (),
    ("privacy.mode=local", "privacy.noise_multiplier=0.5"),
    ("privacy.mode=central",),
    ("privacy.mode=central", UPLOAD),
    (UPLOAD,),
    ("privacy.bound=clip", "privacy.clipping=adaptive", "privacy.metrics_share=0.2"),
    ("cohort.survivors_floor=29", "privacy.colluders=0"),
    ("privacy.clip=0.05", "compression.method=subset", "compression.share=0.5"),
]


def _both(study_of: StudyOf, *overrides: str, parameters: int = 2000) -> tuple[Plan, Plan]:
    """The plan of the few that runs, and that of the fleet."""
    study = study_of(f"training.clients_per_round={FEW}", "training.rounds=50", FLEET, *overrides)
    layout = Layout((("w", (parameters,)),))
    return make_plan(study, people=40, layout=layout), deployment(study, layout=layout)


def _on_the_mean(plan: Plan, clients: int) -> float:
    steps = noise_deviation(plan.grid, survivors=clients)
    return steps / plan.scale_at(plan.clip) / clients


@pytest.mark.parametrize("overrides", MODES)
def test_the_mean_of_the_few_has_the_noise_of_the_mean_of_the_many(
    study_of: StudyOf, overrides: tuple[str, ...]
) -> None:
    few, fleet = _both(study_of, *overrides)
    noise = _on_the_mean(few, FEW)
    assert noise == pytest.approx(_on_the_mean(fleet, MANY), rel=0.01)
    # privacy.md 7: the fleet's own factor for its floor stays in.
    draws = MANY / fleet.honest_shares
    if fleet.mode == "central":
        draws = 2 if fleet.grid.central_variance else 1
    elif fleet.mode == "local":
        draws = MANY
    room = math.sqrt(fleet.joint.update)
    stated = fleet.noise_multiplier * fleet.clip * math.sqrt(draws) / MANY / room
    assert noise == pytest.approx(stated, rel=0.01)
    if fleet.mode == "distributed":
        assert draws > 1.2  # 80 % less 5 % colluders: not forgotten


@pytest.mark.parametrize("overrides", [(), ("privacy.mode=local",)])
def test_the_realised_noise_of_the_few_is_the_fleets(
    study_of: StudyOf, overrides: tuple[str, ...]
) -> None:
    few, fleet = _both(study_of, *overrides, parameters=200_000)
    zero = ClientUpdate(np.zeros(200_000, dtype=np.float32))
    words = ring.total(
        (
            contribution(zero, few, 1, clip=1.0, source=SeededSource(key(1, "what-if", i)))
            for i in range(FEW)
        ),
        few.counts.words,
    )
    found = np.std(mean_update([words], FEW, few, 1, clip=1.0).change)
    assert found == pytest.approx(_on_the_mean(fleet, MANY), rel=0.01)


@pytest.mark.parametrize("overrides", MODES)
def test_the_promise_is_the_fleets_and_the_few_have_none(
    study_of: StudyOf, overrides: tuple[str, ...]
) -> None:
    few, fleet = _both(study_of, *overrides)
    assert few.what_if and few.guarantee() is None and few.epsilon_after(5) is None
    assert few.contract.rho_units == 0
    # The fleet's plan is the one that a study of its own numbers would get.
    own = [one for one in overrides if "survivors_floor" not in one and "colluders" not in one]
    alone = make_plan(
        study_of(f"training.clients_per_round={MANY}", "training.rounds=50", *own),
        people=20_000,
        layout=few.layout,
    )
    assert not fleet.what_if and fleet == alone and fleet.guarantee() == alone.guarantee()
    assert fleet.max_participations == 2  # 50 rounds of 600 over 20,000: not over the 40
    assert (few.joint, few.clip_rate, few.bands) == (fleet.joint, fleet.clip_rate, fleet.bands)
    assert few.signal_to_noise(FEW) == pytest.approx(fleet.signal_to_noise(MANY), rel=0.06)


@pytest.mark.parametrize("overrides", MODES)
def test_no_device_takes_part_in_a_what_if_however_low_its_own_floors(
    study_of: StudyOf, overrides: tuple[str, ...]
) -> None:
    few, _ = _both(study_of, *overrides)
    lenient = DevicePolicy(least_survivors=2, least_noise_multiplier=0.0)
    with pytest.raises(PlanRefused, match="what-if") as refusal:
        check_plan(few, lenient)
    assert refusal.value.reason == "noise_below_floor"
    check_plan(few, SIMULATION)
    with pytest.raises(PlanRefused):  # nor does it help to leave the word out
        check_plan(replace(few, what_if=False))


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("privacy.meant_for={population=500, clients_per_round=600}",), "at most 500"),
        (("training.clients_per_round=41",), "at most 40"),
        (("cohort.min_separation=34",), "at most 33"),
        (("cohort.max_participations=1",), "lower training.rounds to 33"),
        (("privacy.epsilon=0.01",), "What would work"),
        (("privacy.stop_at_epsilon=8",), "leave them out"),
        (("privacy.meant_for={population=500}",), "clients_per_round is missing"),
        (("privacy.meant_for={population=3, clients_per_round=2}",), "at least 4"),
        (("privacy.mode=none",), "means nothing"),
    ],
)
def test_a_fleet_or_a_cohort_that_cannot_be_is_refused_with_a_remedy(
    study_of: StudyOf, overrides: tuple[str, ...], words: str
) -> None:
    with pytest.raises(StudyError, match=words):
        _both(study_of, *overrides)


def test_a_refusal_about_the_fleet_says_that_it_is_about_the_fleet(study_of: StudyOf) -> None:
    with pytest.raises(StudyError, match=r"fleet of privacy\.meant_for"):
        _both(study_of, "privacy.meant_for={population=500, clients_per_round=600}")
    with pytest.raises(StudyError) as own:
        _both(study_of, "training.clients_per_round=41")
    assert "fleet" not in str(own.value)


def test_without_a_fleet_there_is_no_deployment(study_of: StudyOf) -> None:
    with pytest.raises(StudyError, match="meant_for is missing"):
        deployment(study_of(), layout=Layout((("w", (50,)),)))
