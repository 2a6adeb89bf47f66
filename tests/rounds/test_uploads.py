"""One upload in a round: what a device checks and charges, and whom a window names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from holter.crypto.signature import SigningKey
from holter.privacy.contract import Refused
from holter.privacy.device_ledger import DeviceLedger
from holter.rounds.acceptance import SIMULATION, DevicePolicy, PlanRefused
from holter.rounds.pipeline import ClientUpdate
from holter.rounds.plan import Plan
from holter.rounds.uploads import contribute, window_of
from holter.secagg.errors import Caller, HelperFault
from holter.secagg.upload import helper
from holter.secagg.upload.window import Window
from holter.simulator.dice import SeededSource, key
from holter.simulator.population import MINUTE, Registrar, virtual_ledger

PlanOf = Callable[..., Plan]
LEADER, HELPER = SigningKey(key(1, "leader")), SigningKey(key(1, "helper"))
IDENTITY = Registrar(1).enrol([0])[0]
UPDATE = ClientUpdate(np.ones(50, dtype=np.float32))


@pytest.fixture
def plan(plan_of: PlanOf) -> Plan:
    return plan_of('aggregation.protocol="one-upload"', "cohort.max_participations=2")


def window(plan: Plan) -> tuple[Window, bytes]:
    agreed = window_of(
        plan, bytes(16), task_id=b"t", model_hash=bytes(32), leader=LEADER,
        helpers=(HELPER.public,),
    )  # fmt: skip
    _, offer = helper.opened(agreed, 0, HELPER, bytes(range(32)), closes_minute=MINUTE + 10)
    return agreed, offer


def upload(
    plan: Plan, own: DeviceLedger, *, minute: int = MINUTE, policy: DevicePolicy = SIMULATION
) -> DeviceLedger:
    agreed, offer = window(plan)
    charged, say = contribute(
        plan, agreed, 1, IDENTITY, own, UPDATE, offers=(offer,), expires_minute=MINUTE + 10,
        minute=minute, clip=1.0, policy=policy, source=SeededSource(key(1, "contribution", 0)),
    )  # fmt: skip
    assert say.message in say.record and say.ledger_line
    return charged


def test_the_one_message_is_charged_and_a_device_beyond_its_limits_stays_silent(plan: Plan) -> None:
    fresh = virtual_ledger(plan.contract)
    charged = upload(plan, fresh)
    assert charged.spent_units == plan.contract.rho_units and fresh.spent_units == 0
    with pytest.raises(Refused):
        upload(plan, charged)


def test_a_device_refuses_small_floors_late_helpers_and_windows_of_another_plan(
    plan: Plan,
) -> None:
    own = virtual_ledger(plan.contract)
    with pytest.raises(PlanRefused):
        upload(plan, own, policy=replace(SIMULATION, least_survivors=20))
    with pytest.raises(HelperFault, match="over"):
        upload(plan, own, minute=MINUTE + 10)
    agreed, offer = window(plan)
    with pytest.raises(Caller, match="not of this plan"):
        contribute(
            plan, replace(agreed, plan_hash=bytes(32)), 1, IDENTITY, own, UPDATE, offers=(offer,),
            expires_minute=MINUTE + 10, minute=MINUTE, clip=1.0, policy=SIMULATION,
            source=SeededSource(key(1, "contribution", 0)),
        )  # fmt: skip


def test_a_window_names_as_many_helpers_as_the_plan_and_never_the_leader(plan: Plan) -> None:
    for helpers in ((), (HELPER.public, LEADER.public), (LEADER.public,)):
        with pytest.raises(Caller):
            window_of(
                plan, bytes(16), task_id=b"t", model_hash=bytes(32), leader=LEADER,
                helpers=helpers,
            )  # fmt: skip
