"""A device in a round: what it refuses before it speaks, and what it writes before it sends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from holter.crypto.signature import SigningKey
from holter.privacy import chain
from holter.privacy.contract import Refused
from holter.privacy.device_ledger import DeviceLedger
from holter.rounds import client, server
from holter.rounds.acceptance import SIMULATION, DevicePolicy, PlanRefused
from holter.rounds.pipeline import ClientUpdate
from holter.rounds.plan import Plan
from holter.secagg.client import recover
from holter.secagg.session import Session
from holter.simulator.dice import SeededSource, key
from holter.simulator.population import MINUTE, Registrar, virtual_ledger

PlanOf = Callable[..., Plan]
UPDATE = ClientUpdate(np.ones(50, dtype=np.float32))
IDENTITIES = Registrar(1).enrol(range(8))
SERVER = SigningKey(key(1, "server"))


def joined(
    plan: Plan, device: int, own: DeviceLedger, *, policy: DevicePolicy = SIMULATION
) -> tuple[client.Taking, client.Say]:
    session = Session(b"t", bytes(16), bytes(32), plan.hash, SERVER.public, plan.bounds)
    dice = SeededSource(key(1, "contribution", device))
    return client.join(
        plan, session, 3, IDENTITIES[device], own, UPDATE,
        beacon=bytes(32), clip=1.0, minute=MINUTE, policy=policy, source=dice,
    )  # fmt: skip


def test_a_device_declines_before_it_has_said_a_word(plan_of: PlanOf) -> None:
    plan = plan_of("cohort.max_participations=2")
    spent = virtual_ledger(plan.contract)
    for number in (1, 2):
        spent, _ = spent.charge(plan.hash.hex(), number, MINUTE)
    with pytest.raises(Refused) as refusal:
        joined(plan, 0, spent)
    assert refusal.value.reason == "max_participations"
    plan = plan_of("cohort.max_participations=2", "cohort.min_separation=2")
    recent, _ = virtual_ledger(plan.contract).charge(plan.hash.hex(), 2, MINUTE)
    with pytest.raises(Refused) as refusal:
        joined(plan, 0, recent)
    assert refusal.value.reason == "min_separation"
    with pytest.raises(PlanRefused):
        joined(
            plan, 0, virtual_ledger(plan.contract), policy=replace(SIMULATION, least_survivors=20)
        )


def test_the_charge_is_written_with_the_vector_and_the_record_resends_it(plan_of: PlanOf) -> None:
    plan = plan_of()
    check = IDENTITIES[0].check_credential
    session = Session(b"t", bytes(16), bytes(32), plan.hash, SERVER.public, plan.bounds)
    round_: object = server.begin(plan, session, SERVER, check)
    devices = {}
    records: dict[int, list[bytes]] = {}
    for device in range(8):
        devices[device], say = joined(plan, device, virtual_ledger(plan.contract))
        assert say.ledger_line == b"" and recover([say.record]).message == say.message
        records[device] = [say.record]
        assert isinstance(round_, server.Collecting)
        round_ = server.join(round_, say.message)
    for phase in ("shares", "vector"):
        assert isinstance(round_, server.Collecting)
        round_, outbox = server.close(round_, minute=0)
        for device in range(8):
            assert isinstance(round_, server.Collecting)
            seat = round_.index_of(IDENTITIES[device].key.public)
            assert seat is not None
            state, reply = client.receive(
                devices[device],
                outbox[seat],
                minute=MINUTE,
                source=SeededSource(key(1, phase, device)),
            )
            assert isinstance(state, client.Taking) and reply is not None
            devices[device] = state
            records[device].append(reply.record)
            again = recover(records[device])
            assert again.message == reply.message
            if phase == "shares":
                assert reply.ledger_line == b"" and not state.ledger.spent_units
            else:
                assert again.kind == "M4" and state.ledger.spent_units == plan.contract.rho_units
                entry = chain.entry_of(reply.ledger_line)
                assert entry["round"] == 3
                assert entry["rho_units"] == plan.contract.rho_units
            round_ = server.receive(round_, seat, reply.message)
