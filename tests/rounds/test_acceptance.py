"""What a device refuses: every rule with its reason, and randomness that others could draw again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast, get_args

import numpy as np
import pytest

from holter.algebra.layout import Layout
from holter.privacy.contract import Reason
from holter.rounds.acceptance import (
    DEPLOYED,
    SIMULATION,
    DevicePolicy,
    PlanRefused,
    SimulatedRandomness,
    check_plan,
    check_source,
)
from holter.rounds.client import join
from holter.rounds.pipeline import ClientUpdate
from holter.rounds.plan import Plan
from holter.rounds.uploads import contribute

PlanOf = Callable[..., Plan]
CENTRAL = "privacy.mode=central"
UPLOAD = 'aggregation.protocol="one-upload"'
NOISE, COHORT, MECHANISM = "noise_below_floor", "cohort_below_floor", "unknown_mechanism"


@pytest.fixture
def fleet_of(plan_of: PlanOf) -> PlanOf:
    """A plan that a deployed device takes part in: 30 clients a round of 400 people."""

    def make(*overrides: str) -> Plan:
        return plan_of("training.clients_per_round=30", *overrides, people=400)

    return make


def refusal(plan: Plan, policy: DevicePolicy = DEPLOYED) -> tuple[str, str]:
    """Reason and words of a plan that is refused."""
    with pytest.raises(PlanRefused) as caught:
        check_plan(plan, policy)
    return caught.value.reason, str(caught.value)


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        (CENTRAL,),
        (UPLOAD,),
        (UPLOAD, CENTRAL),
        (UPLOAD, "aggregation.helpers=4"),
        ("privacy.mode=local",),
        ("privacy.bound=clip", "privacy.clipping=adaptive", "privacy.metrics_share=0.1"),
        ("compression.method=subset", "compression.share=0.5"),
    ],
)
def test_a_deployed_device_takes_part_under_every_sound_plan(
    fleet_of: PlanOf, overrides: tuple[str, ...]
) -> None:
    check_plan(fleet_of(*overrides))
    check_plan(fleet_of(*overrides), SIMULATION)


Change = Callable[[Plan], Plan]


def _grid(**changes: Any) -> Change:
    return lambda plan: replace(plan, grid=replace(plan.grid, **changes))


def _counts(**changes: Any) -> Change:
    return lambda plan: replace(plan, counts=replace(plan.counts, **changes))


def _fields(**changes: Any) -> Change:
    return lambda plan: replace(plan, **changes)


RULES: list[tuple[tuple[str, ...], Change, str, str]] = [
    ((), _fields(protocol="plain"), MECHANISM, "single contributions"),
    ((), _fields(protocol="dice"), MECHANISM, "single contributions"),
    ((), _counts(survivors_floor=19), COHORT, "from 20 on"),
    ((), _fields(what_if=True), NOISE, "what-if"),
    ((), _fields(noise_multiplier=0.29), NOISE, "from 0.3 on"),
    (("privacy.mode=none",), _fields(), NOISE, "noise of 0 "),
    (("privacy.mode=none",), _fields(noise_multiplier=5.0), NOISE, "noise of 0 "),
    ((), _counts(words=3), MECHANISM, "word count"),
    ((), _fields(mode="hidden"), MECHANISM, "mode hidden"),
    ((UPLOAD, "aggregation.helpers=4"), _fields(mode="central"), MECHANISM, "exactly one helper"),
    ((CENTRAL,), _fields(clip_quantile=0.5), MECHANISM, "clip must stay fixed"),
    ((), _fields(bands=2), MECHANISM, "bands belong"),
    ((CENTRAL,), _fields(bands=0), MECHANISM, "bands belong"),
    ((CENTRAL,), _fields(min_separation=9), NOISE, "reaches over 10 rounds"),
    ((), _counts(colluders=24), MECHANISM, "cannot be kept"),
    ((UPLOAD,), _counts(colluders=24), MECHANISM, "cannot be kept"),
    ((), _fields(noise_multiplier=1e6), MECHANISM, "cannot be kept"),
    ((CENTRAL,), _fields(noise_multiplier=1e300), MECHANISM, "cannot be kept"),
    ((), _fields(noise_multiplier=1.01), NOISE, "grid"),
    ((), _fields(mode="local"), NOISE, "grid"),
    ((), _fields(clip=1.01), NOISE, "grid"),
    ((), _counts(colluders=2), NOISE, "grid"),
    (("privacy.mode=local",), _fields(mode="distributed"), NOISE, "grid"),
    ((CENTRAL,), _fields(mode="distributed", bands=1), MECHANISM, "bands|grid|word"),
    ((UPLOAD, CENTRAL), _grid(central_variance=1), NOISE, "grid"),
    ((CENTRAL,), _grid(correlated_variance=1), NOISE, "grid"),
    ((), _grid(share_variance=0), NOISE, "grid"),
    ((), _grid(scale=1e9), NOISE, "grid"),
    ((), _grid(norm_limit=10**6), NOISE, "grid"),
    ((), _grid(norm_limit=None), NOISE, "grid"),
    ((), _grid(coordinate_limit=1), NOISE, "grid"),
    ((), _grid(lane_bits=13), MECHANISM, "numbers"),
    *(((), _fields(**{name: 0}), MECHANISM, "numbers") for name in (
        "rounds", "groups", "max_participations", "min_separation")),
    *(((), _fields(clip=value), MECHANISM, "numbers") for value in (
        0.0, -1.0, float("nan"), float("inf"))),
    *(((), _fields(noise_multiplier=value), MECHANISM, "numbers") for value in (
        float("nan"), float("inf"))),
    *(((), _fields(delta=value), MECHANISM, "numbers") for value in (0.0, 1.0)),
    *(((), _fields(compression_share=value), MECHANISM, "numbers") for value in (0.0, 1.5)),
    ((), _fields(layout=Layout(())), MECHANISM, "numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "change", "reason", "words"), RULES)
def test_every_rule_refuses_with_its_reason(
    fleet_of: PlanOf, overrides: tuple[str, ...], change: Change, reason: str, words: str
) -> None:
    plan = change(fleet_of(*overrides))
    if plan.mode == "distributed" and overrides == (CENTRAL,):
        plan = replace(plan, grid=replace(plan.grid, correlated_variance=1))
        reason = NOISE  # the grid is not the mode's
    found, said = refusal(plan)
    assert found == reason and any(word in said for word in words.split("|"))
    assert reason in get_args(Reason)


def test_a_wearer_may_ask_for_more_and_a_plan_cannot_give_less(fleet_of: PlanOf) -> None:
    plan = fleet_of("privacy.noise_multiplier=1.2")
    check_plan(plan, DevicePolicy(least_noise_multiplier=1.2))
    assert refusal(plan, DevicePolicy(least_noise_multiplier=1.21))[0] == NOISE
    check_plan(plan, DevicePolicy(least_survivors=plan.counts.survivors_floor))
    above = DevicePolicy(least_survivors=plan.counts.survivors_floor + 1)
    assert refusal(plan, above)[0] == COHORT


def test_a_sum_without_noise_is_for_devices_whose_policy_says_so(fleet_of: PlanOf) -> None:
    plan = fleet_of("privacy.mode=none")
    assert refusal(plan)[0] == NOISE
    check_plan(plan, DevicePolicy(least_noise_multiplier=0.0))
    check_plan(plan, SIMULATION)


def test_a_what_if_alone_may_come_back_sooner_than_its_noise_reaches(fleet_of: PlanOf) -> None:
    plan = replace(fleet_of(CENTRAL), min_separation=1)
    assert refusal(plan, SIMULATION)[0] == NOISE
    check_plan(replace(plan, what_if=True), SIMULATION)


HOSTILE: dict[type, tuple[Any, ...]] = {
    bool: (True, False),
    int: (-(2**63), -1, 0, 1, 2, 255, 2**31, 2**63),  # larger ones have no encoding
    float: (-1e300, -1.0, 0.0, 5e-324, 1e-9, 0.5, 1e9, 1e300, float("inf"), float("nan")),
    str: ("", "x", "plain", "none", "central", "one-upload", "secagg"),
    type(None): (0, 1, 0.5),
}


def _with_one_change(value: Any) -> Iterator[Any]:
    """The dataclass with any one leaf replaced by something hostile, where it lets itself be."""
    for field in dataclasses.fields(value):
        old = getattr(value, field.name)
        nested = dataclasses.is_dataclass(old) and not isinstance(old, Layout)
        for new in _with_one_change(old) if nested else HOSTILE.get(type(old), ()):
            try:
                yield replace(value, **{field.name: new})
            except ValueError:
                continue  # a part that refuses by itself


@pytest.mark.parametrize("policy", [DEPLOYED, SIMULATION])
@pytest.mark.parametrize(
    "overrides",
    [(), (CENTRAL,), (UPLOAD, CENTRAL), ("privacy.mode=local",), ("privacy.mode=none",)],
)
def test_a_plan_with_one_hostile_number_is_taken_or_refused_and_never_breaks_a_device(
    fleet_of: PlanOf, overrides: tuple[str, ...], policy: DevicePolicy
) -> None:
    sound, refused = fleet_of(*overrides), 0
    for plan in _with_one_change(sound):
        try:
            check_plan(plan, policy)
        except PlanRefused as error:
            refused += 1
            assert error.reason in get_args(Reason)
        else:  # what a device accepts it can also account for
            free = plan.what_if or plan.mode == "none"
            assert (plan.contract.rho_units == 0) == free
    assert refused > 80


class Counting:
    """A source that owns up to being simulated, and counts what is drawn from it."""

    simulated = True

    def __init__(self) -> None:
        self.draws = 0

    def read(self, length: int) -> bytes:
        self.draws += 1
        return bytes(length)

    def discrete_gaussian(self, variance: int, count: int) -> np.ndarray:
        self.draws += 1
        return np.zeros(count, dtype=np.int64)


@pytest.mark.parametrize("policy", [DEPLOYED, DevicePolicy(0, 0.0), replace(DEPLOYED)])
def test_a_deployed_device_touches_nothing_when_its_dice_can_be_thrown_again(
    fleet_of: PlanOf, policy: DevicePolicy
) -> None:
    update = ClientUpdate(np.ones(50, dtype=np.float32))
    absent = cast(Any, None)  # session, identity and ledger: not even looked at
    source = Counting()
    with pytest.raises(SimulatedRandomness, match="whoever knows the seed"):
        join(
            fleet_of(), absent, 1, absent, absent, update,
            beacon=bytes(32), clip=1.0, minute=0, policy=policy, source=source,
        )  # fmt: skip
    with pytest.raises(SimulatedRandomness):
        contribute(
            fleet_of(UPLOAD), absent, 1, absent, absent, update, offers=(), expires_minute=0,
            minute=0, clip=1.0, policy=policy, source=source,
        )  # fmt: skip
    assert source.draws == 0
    check_source(source, SIMULATION)
