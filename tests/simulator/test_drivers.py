"""The clear loop and the direct sum: the same words, the same ledgers, the same reasons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.algebra.layout import Layout
from holter.crypto.signature import SigningKey
from holter.rounds import client as client_module
from holter.rounds.pipeline import ClientUpdate, mean_update
from holter.rounds.plan import Plan
from holter.rounds.planning import make_plan
from holter.rounds.study import Study
from holter.secagg import finder
from holter.secagg.session import Session
from holter.simulator import direct, loop
from holter.simulator import sums as sums_module
from holter.simulator.dice import SeededSource, key
from holter.simulator.direct import Circle
from holter.simulator.outcome import Outcome, Traffic
from holter.simulator.population import Fate, Registrar, virtual_ledger
from holter.simulator.sums import Sums

CLIENTS, PARAMETERS = 7, 11


def plan_of(mode: str, *more: str) -> Plan:
    privacy = "privacy.mode=none" if mode == "none" else "privacy.noise_multiplier=1.0"
    study = Study.parse(
        '[study]\nname="s"\ntask="activity"\n',
        [privacy, f"training.clients_per_round={CLIENTS}", "training.rounds=3",
         "cohort.survivors_floor=5", "cohort.max_participations=3", *more],
    )  # fmt: skip
    return make_plan(study, people=CLIENTS, layout=LAYOUT)


LAYOUT = Layout((("w", (PARAMETERS,)),))
UPLOAD = 'aggregation.protocol="one-upload"'
PLANS = {
    "none": plan_of("none"),
    "distributed": plan_of("distributed"),
    "bytes": plan_of("none", "compression.bits=8"),
    "one helper": plan_of("distributed", UPLOAD),
    "four helpers": plan_of("distributed", UPLOAD, "aggregation.helpers=4"),
    "central": plan_of("distributed", UPLOAD, "privacy.mode=central"),
}
UPDATES = {
    d: ClientUpdate(np.random.default_rng(d).normal(size=PARAMETERS).astype(np.float32))
    for d in range(CLIENTS)
}


def study_of(plan: Plan) -> Study:
    """Only what ``Sums`` reads of it."""
    return Study.parse('[study]\nname="s"\ntask="activity"\nseed=5\n', ["privacy.epsilon=1"])


def summed(plan: Plan, fates: dict[int, Fate], number: int = 1) -> tuple[Outcome, Traffic | None]:
    """A round through the protocol; it raises NotEqual where the direct sum differs."""
    ledgers = {device: virtual_ledger(plan.contract) for device in fates}
    sums = Sums(study_of(plan), plan, 0, number, np.zeros(PARAMETERS, dtype=np.float32), plan.clip)
    updates = UPDATES if len(fates) <= CLIENTS else {d: UPDATES[d % CLIENTS] for d in fates}
    return sums.of(updates, fates, ledgers)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(list(Fate)), min_size=CLIENTS, max_size=CLIENTS),
    st.sampled_from(list(PLANS)),
)
def test_both_drivers_agree_under_every_pattern_of_loss(drawn: list[Fate], name: str) -> None:
    fates = dict(enumerate(drawn))
    carried, traffic = summed(PLANS[name], fates)
    again, nothing = summed(PLANS[name], fates, number=2)  # directly alone
    assert nothing is None and (traffic is not None) == carried.closed
    assert (carried.reason, carried.reported) == (again.reason, again.reported)
    assert carried.dropped == again.dropped == len(fates) - carried.reported


def test_reasons_of_both_drivers_are_the_same_words() -> None:
    for name, plan in PLANS.items():
        for lost_at in Fate:
            fates = dict.fromkeys(range(4), Fate.COMPLETE) | dict.fromkeys(range(4, 7), lost_at)
            server_key = SigningKey(key(5, "server"))
            parties = loop.Parties(server_key, Registrar(5).enrol(list(fates)))
            ledgers = {device: virtual_ledger(plan.contract) for device in fates}
            if plan.protocol != "secagg":
                continue
            session = Session(b"s", bytes(16), bytes(32), plan.hash, server_key.public, plan.bounds)
            carried = loop.carry(
                plan,
                session,
                1,
                UPDATES,
                fates,
                ledgers,
                parties,
                source_of,
                beacon=bytes(32),
                clip=plan.clip,
            ).outcome
            added = direct.add(
                plan, 1, UPDATES, fates, ledgers, source_of,
                lambda devices, plan=plan: Circle.drawn(plan, devices, bytes(32)),
                clip=plan.clip,
            )  # fmt: skip
            assert carried.reason == added.reason, name


def source_of(device: int) -> SeededSource:
    return SeededSource(key(5, "contribution", device))


@pytest.mark.parametrize("lost_at", [Fate.AWAY, Fate.ADVERTISED, Fate.SHARED, Fate.SENT,
                                     Fate.ENDORSED])  # fmt: skip
def test_one_loss_at_any_message_leaves_an_exact_sum(lost_at: Fate) -> None:
    fates = dict.fromkeys(range(CLIENTS), Fate.COMPLETE) | {3: lost_at}
    carried, traffic = summed(PLANS["distributed"], fates)
    assert carried.closed and carried.reported == CLIENTS - (lost_at < Fate.SENT)
    assert traffic is not None and traffic.upload_bytes > traffic.threshold


def test_a_device_that_has_uploaded_is_never_needed_again() -> None:
    fates = dict.fromkeys(range(CLIENTS), Fate.SENT)  # all vanish after their one message
    carried, traffic = summed(PLANS["four helpers"], fates)
    assert carried.reported == CLIENTS and traffic is not None and traffic.helper_bytes > 0
    closed, _ = summed(PLANS["distributed"], fates)
    assert not closed.closed


def test_a_round_below_the_floor_is_abandoned_and_everyone_who_sent_stays_charged() -> None:
    fates = dict.fromkeys(range(4), Fate.COMPLETE) | dict.fromkeys(range(4, 7), Fate.SHARED)
    before = virtual_ledger(PLANS["distributed"].contract)
    carried, traffic = summed(PLANS["distributed"], fates)
    assert not carried.closed and traffic is None
    assert carried.reason == "4 of 7 vectors arrived; 5 are needed"
    charged = {d for d, ledger in carried.ledgers.items() if ledger.head != before.head}
    assert charged == {0, 1, 2, 3}


def test_a_plain_round_has_no_protocol_and_the_same_integers() -> None:
    fates = dict.fromkeys(range(CLIENTS), Fate.COMPLETE)
    plain, traffic = summed(plan_of("none", 'aggregation.protocol="plain"'), fates)
    masked, _ = summed(PLANS["none"], fates)
    assert traffic is None
    assert np.array_equal(plain.sums[0], masked.sums[0])


@pytest.mark.long
def test_both_drivers_agree_on_a_sparse_graph() -> None:
    study = Study.parse(
        '[study]\nname="s"\ntask="activity"\n',
        ["privacy.mode=none", "training.clients_per_round=262", "training.rounds=1"],
    )
    plan = make_plan(study, people=262, layout=LAYOUT)
    lost = {d: Fate.SHARED if d < 20 else Fate.ENDORSED if d < 30 else Fate.COMPLETE
            for d in range(262)}  # fmt: skip
    carried, traffic = summed(plan, lost)
    assert carried.reported == 242 and traffic is not None and traffic.threshold < 140


def test_groups_beside_each_other_add_to_the_sum_of_all_and_stand_alone_where_one_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = replace(PLANS["none"], groups=2)
    seat = {identity.key.public: d % 2 for d, identity in Registrar(5).enrol(range(14)).items()}
    for module in (sums_module, client_module):
        monkeypatch.setattr(module, "group_of", lambda public, beacon, groups: seat[public])
    everyone = dict.fromkeys(range(14), Fate.COMPLETE)
    whole, _ = summed(plan, everyone)
    assert len(whole.sums) == 2 and whole.reported == 14
    mean = mean_update(whole.sums, 14, plan, 1, clip=plan.clip).change
    true = np.mean([UPDATES[d % CLIENTS].change for d in range(14)], axis=0)
    assert mean == pytest.approx(true, abs=1e-6)
    half, _ = summed(plan, everyone | {1: Fate.AWAY, 3: Fate.SHARED, 5: Fate.ADVERTISED})
    assert len(half.sums) == 1 and half.reported == 7 and half.dropped == 7
    assert half.reason is None


def test_a_roster_that_no_graph_bears_is_abandoned_by_both_drivers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing(plan: object, size: int) -> None:
        raise finder.Infeasible(f"no graph of {size} clients")

    fates = dict.fromkeys(range(CLIENTS), Fate.COMPLETE)
    with monkeypatch.context() as patch:
        plan = PLANS["distributed"]
        patch.setattr(client_module, "check_plan", lambda *_, **__: None)
        patch.setattr(finder, "for_roster", nothing)
        carried, traffic = summed(plan, fates)
        again, _ = summed(plan, fates, number=2)
    assert not carried.closed and traffic is None
    assert carried.reason == again.reason
    assert carried.reason is not None and "no graph of 7 clients" in carried.reason
    before = virtual_ledger(plan.contract)
    assert all(ledger == before for ledger in carried.ledgers.values())


def test_the_sum_depends_on_each_devices_own_noise() -> None:
    fates = dict.fromkeys(range(CLIENTS), Fate.COMPLETE)
    plan = PLANS["distributed"]
    ledgers = {device: virtual_ledger(plan.contract) for device in fates}

    def added(swap: int) -> Outcome:
        return direct.add(
            plan, 1, UPDATES, fates, ledgers,
            lambda d: SeededSource(key(5, "contribution", d if d else swap)),
            lambda devices: Circle.drawn(plan, devices, bytes(32)), clip=plan.clip,
        )  # fmt: skip

    assert not added(0).equals(added(99))
