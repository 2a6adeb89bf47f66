"""The clear loop and the direct sum: the same words, the same ledgers, the same reasons."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.algebra.layout import Layout
from holter.crypto.signature import SigningKey
from holter.privacy.ledger import DeviceLedger
from holter.rounds.plan import Plan, make_plan
from holter.rounds.study import Study
from holter.secagg.session import Session
from holter.simulator import direct, loop
from holter.simulator.dice import SeededDice, key
from holter.simulator.outcome import Outcome, Traffic
from holter.simulator.population import Fate, Registrar

CLIENTS, PARAMETERS = 7, 11


def plan_of(mode: str) -> Plan:
    privacy = "privacy.mode=none" if mode == "none" else "privacy.noise_multiplier=1.0"
    study = Study.parse(
        '[study]\nname="s"\ntask="activity"\n',
        [privacy, f"training.clients_per_round={CLIENTS}", "training.rounds=3",
         "cohort.survivors_floor=5", "cohort.max_participations=3"],
    )  # fmt: skip
    return make_plan(study, people=CLIENTS, layout=Layout((("w", (PARAMETERS,)),)))


PLANS = {mode: plan_of(mode) for mode in ("none", "distributed")}
UPDATES = {
    d: np.random.default_rng(d).normal(size=PARAMETERS).astype(np.float32) for d in range(CLIENTS)
}


def dice_of(device: int) -> SeededDice:
    return SeededDice(key(5, "contribution", device))


def both(plan: Plan, fates: dict[int, Fate]) -> tuple[Outcome, Outcome, Traffic | None]:
    server_key = SigningKey(key(5, "server"))
    session = Session(
        b"s", bytes(16), hashlib.sha256(b"model").digest(), plan.hash, server_key.public,
        plan.bounds,
    )  # fmt: skip
    ledgers = {device: DeviceLedger(plan.contract) for device in fates}
    parties = loop.Parties(server_key, Registrar(5).enrol(list(fates)))
    carried, traffic = loop.carry(plan, session, 1, UPDATES, fates, ledgers, parties, dice_of)
    return carried, direct.add(plan, 1, UPDATES, fates, ledgers, dice_of), traffic


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(list(Fate)), min_size=CLIENTS, max_size=CLIENTS),
    st.sampled_from(["none", "distributed"]),
)
def test_both_drivers_agree_under_every_pattern_of_loss(drawn: list[Fate], mode: str) -> None:
    carried, direct_sum, _ = both(PLANS[mode], dict(enumerate(drawn)))
    assert carried.reason == direct_sum.reason
    assert carried.reported == direct_sum.reported and carried.dropped == direct_sum.dropped
    assert carried.ledgers == direct_sum.ledgers
    assert (carried.words is None) == (direct_sum.words is None)
    if carried.words is not None and direct_sum.words is not None:
        assert np.array_equal(carried.words, direct_sum.words)


@pytest.mark.parametrize("lost_at", [Fate.AWAY, Fate.ADVERTISED, Fate.SHARED, Fate.SENT,
                                     Fate.ENDORSED])  # fmt: skip
def test_one_loss_at_any_message_leaves_an_exact_sum(lost_at: Fate) -> None:
    fates = dict.fromkeys(range(CLIENTS), Fate.COMPLETE) | {3: lost_at}
    carried, direct_sum, traffic = both(PLANS["distributed"], fates)
    assert carried.words is not None and direct_sum.words is not None
    assert np.array_equal(carried.words, direct_sum.words)
    assert carried.reported == CLIENTS - (lost_at < Fate.SENT)
    assert traffic is not None and traffic.upload_bytes > traffic.threshold


def test_a_round_below_the_floor_is_abandoned_and_everyone_who_sent_stays_charged() -> None:
    fates = dict.fromkeys(range(4), Fate.COMPLETE) | dict.fromkeys(range(4, 7), Fate.SHARED)
    carried, direct_sum, traffic = both(PLANS["distributed"], fates)
    assert carried.words is None and traffic is None
    assert carried.reason == "4 of 7 vectors arrived; 5 are needed" == direct_sum.reason
    charged = {d for d, ledger in carried.ledgers.items() if ledger.rounds}
    assert charged == {0, 1, 2, 3}


def test_the_sum_depends_on_each_devices_own_noise() -> None:
    fates = dict.fromkeys(range(CLIENTS), Fate.COMPLETE)
    plan = PLANS["distributed"]
    ledgers = {device: DeviceLedger(plan.contract) for device in fates}
    usual = direct.add(plan, 1, UPDATES, fates, ledgers, dice_of)
    other = direct.add(
        plan, 1, UPDATES, fates, ledgers,
        lambda d: SeededDice(key(5, "contribution", d if d else 99)),
    )  # fmt: skip
    assert usual.words is not None and other.words is not None
    assert not np.array_equal(usual.words, other.words)
