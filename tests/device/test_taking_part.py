"""A device and a plan that is signed: everything unplanned is refused with its reason, nothing is
spent twice, and nothing leaves.

Real parts throughout: a signed plan, a vault on disk, the operating system's randomness, a session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from holter.algebra.layout import Layout
from holter.crypto.signature import BadSignature, SigningKey
from holter.device.system_source import OperatingSystemSource
from holter.device.vault import LEDGER, Vault
from holter.privacy.contract import LIFETIME_UNITS, Limits, Refused
from holter.rounds import client, plan_text, server
from holter.rounds.acceptance import DEPLOYED, check_plan
from holter.rounds.pipeline import ClientUpdate
from holter.rounds.plan import Plan
from holter.rounds.planning import make_plan
from holter.rounds.study import Study
from holter.secagg.session import Session
from holter.simulator.population import Registrar

MINUTE = 30_000_000
DEVICES = 24
IDENTITIES = Registrar(1).enrol(range(DEVICES))
PUBLISHER, SERVER, OWN = SigningKey(b"p" * 32), SigningKey(b"s" * 32), SigningKey(b"o" * 32)
UPDATE = ClientUpdate(np.ones(40, dtype=np.float32))
LIMITS = Limits(LIFETIME_UNITS, LIFETIME_UNITS)


def planned(*overrides: str) -> Plan:
    study = Study.parse(
        '[study]\nname="s"\ntask="activity"\n',
        ["privacy.noise_multiplier=2.0", f"training.clients_per_round={DEVICES}",
         "training.rounds=4", "cohort.survivors_floor=20", "cohort.min_separation=2",
         "cohort.max_participations=2", *overrides],
    )  # fmt: skip
    return make_plan(study, people=4 * DEVICES, layout=Layout((("w", (40,)),)))


class Device:
    """What an agent does with these parts: check, join, take part, and send only what is durable."""

    def __init__(self, folder: Path, plan: bytes) -> None:
        self.plan = plan_text.opened(plan, publisher=PUBLISHER.public)
        self.folder, self.sent = folder, list[bytes]()

    def take_part(self, vault: Vault, round_number: int, minute: int) -> None:
        """To the masked vector, among DEVICES - 1 others who never speak up again."""
        plan = self.plan
        check_plan(plan, DEPLOYED)
        session = Session(b"t", bytes(16), bytes(32), plan.hash, SERVER.public, plan.bounds)
        round_: object = server.begin(plan, session, SERVER, IDENTITIES[0].check_credential)
        takings, source = {}, OperatingSystemSource()
        for device, identity in IDENTITIES.items():
            takings[device], say = client.join(
                plan, session, round_number, identity, vault.ledger, UPDATE, beacon=bytes(32),
                clip=plan.clip, minute=minute, policy=DEPLOYED, source=source,
            )  # fmt: skip
            if device == 0:
                self.sent.append(say.message)
            assert isinstance(round_, server.Collecting)
            round_ = server.join(round_, say.message)
        for phase in ("shares", "vector"):
            assert isinstance(round_, server.Collecting)
            round_, outbox = server.close(round_, minute=minute)
            assert isinstance(round_, server.Collecting)
            for device in IDENTITIES if phase == "shares" else [0]:
                seat = round_.index_of(IDENTITIES[device].key.public)
                assert seat is not None
                state, reply = client.receive(
                    takings[device], outbox[seat], minute=minute, source=source
                )
                assert isinstance(state, client.Taking) and reply is not None
                takings[device] = state
                if device == 0:
                    if reply.ledger_line:
                        vault.append(reply.ledger_line)
                    self.sent.append(reply.message)
                if phase == "shares":
                    round_ = server.receive(round_, seat, reply.message)


@pytest.fixture
def device(tmp_path: Path) -> Callable[..., Device]:
    def make(plan: Plan, key: SigningKey = PUBLISHER) -> Device:
        return Device(tmp_path / "vault", plan_text.signed(plan, key))

    return make


@pytest.fixture
def own(tmp_path: Path, device: Callable[..., Device]) -> Device:
    """A device that has joined a sound study."""
    made = device(planned())
    with Vault.create(made.folder, LIMITS, OWN, MINUTE) as vault:
        vault.join(made.plan.contract, MINUTE)
    return made


def refused(reason: str, act: Callable[[], object]) -> None:
    with pytest.raises(Refused) as caught:
        act()
    assert caught.value.reason == reason


def test_a_charge_is_on_disk_before_the_vector_is_sent(own: Device) -> None:
    with Vault.open(own.folder, OWN) as vault:
        own.take_part(vault, 1, MINUTE)
    with Vault.open(own.folder, OWN) as vault:
        assert len(own.sent) == 3  # advertisement, shares, masked vector
        assert vault.ledger.spent_units == own.plan.contract.rho_units


def test_the_same_round_and_one_too_soon_are_refused_before_a_word(own: Device) -> None:
    with Vault.open(own.folder, OWN) as vault:
        own.take_part(vault, 1, MINUTE)
        spent, said = vault.ledger.spent_units, len(own.sent)
        refused("round_repeated", lambda: own.take_part(vault, 1, MINUTE))
        refused("min_separation", lambda: own.take_part(vault, 2, MINUTE))
        assert (vault.ledger.spent_units, len(own.sent)) == (spent, said)


def test_a_clock_set_back_is_refused_before_a_word(own: Device) -> None:
    with Vault.open(own.folder, OWN) as vault:
        refused("clock_rollback", lambda: own.take_part(vault, 1, MINUTE - 1))
    assert not own.sent


def test_a_truncated_ledger_counts_as_spent(own: Device) -> None:
    lines = (own.folder / LEDGER).read_bytes()
    (own.folder / LEDGER).write_bytes(lines[: len(lines) // 2])
    refused("ledger_corrupt", lambda: Vault.open(own.folder, OWN))
    assert not own.sent


def test_a_second_process_on_one_ledger_is_refused(own: Device) -> None:
    with Vault.open(own.folder, OWN):
        refused("ledger_in_use", lambda: Vault.open(own.folder, OWN))


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (planned("privacy.noise_multiplier=0.2"), "noise_below_floor"),
        (planned("privacy.mode=none"), "noise_below_floor"),
        (planned("cohort.survivors_floor=15"), "cohort_below_floor"),
        (planned('aggregation.protocol="plain"', "privacy.mode=none"), "unknown_mechanism"),
    ],
)
def test_a_signed_plan_that_promises_less_than_the_device_asks_for_is_refused(
    device: Callable[..., Device], plan: Plan, reason: str, tmp_path: Path
) -> None:
    weak = device(plan)
    with Vault.create(weak.folder, LIMITS, OWN, MINUTE) as vault:
        refused(reason, lambda: weak.take_part(vault, 1, MINUTE))
        assert vault.ledger.spent_units == 0 and not weak.sent


def test_a_grid_with_less_noise_than_the_plan_says_is_refused(
    device: Callable[..., Device],
) -> None:
    plan = planned()
    halved = replace(plan, grid=replace(plan.grid, share_variance=plan.grid.share_variance // 2))
    weak = device(halved)
    with Vault.create(weak.folder, LIMITS, OWN, MINUTE) as vault:
        refused("noise_below_floor", lambda: weak.take_part(vault, 1, MINUTE))
    assert not weak.sent


def test_a_plan_that_another_key_signed_is_no_plan(device: Callable[..., Device]) -> None:
    with pytest.raises(BadSignature):
        device(planned(), SERVER)


def test_a_study_that_was_not_joined_or_costs_more_than_is_left_is_refused(
    device: Callable[..., Device],
) -> None:
    made = device(planned())
    with Vault.create(made.folder, Limits(1000, 1000), OWN, MINUTE) as vault:
        refused("budget_exhausted", lambda: vault.join(made.plan.contract, MINUTE))
        refused("unknown_plan", lambda: made.take_part(vault, 1, MINUTE))
    assert not made.sent
