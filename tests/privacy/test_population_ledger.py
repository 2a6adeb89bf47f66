"""The server's record: never below any device, counts and never names, signed."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.crypto.signature import SigningKey
from holter.privacy.chain import checker, signer, verify
from holter.privacy.contract import Contract, Limits, Refused
from holter.privacy.device_ledger import DeviceLedger
from holter.privacy.population_ledger import PopulationLedger

KEY = SigningKey(bytes(range(32)))
CONTRACT = Contract("ab" * 32, 40, 4, 5, 125, "activity")


def test_whoever_was_asked_is_counted_even_if_the_round_failed() -> None:
    ledger, data = PopulationLedger(CONTRACT, sign=signer(KEY)).opening()
    ledger, first = ledger.record(1, [3, 4, 5], reported=3, outcome="closed")
    ledger, second = ledger.record(2, [5, 6], reported=0, outcome="abandoned")
    contract, *rounds = verify(data + first + second, ledger.head, checker(KEY.public))
    assert contract["kind"] == "contract" and contract["task"] == "activity"
    assert [entry["asked"] for entry in rounds] == [3, 2]
    assert [entry["most_participations"] for entry in rounds] == [1, 2]
    assert [entry["most_spent_rho_units"] for entry in rounds] == [125, 250]
    assert ledger.most_participations == 2


def test_what_earlier_tasks_have_spent_is_added() -> None:
    ledger = PopulationLedger(CONTRACT, earlier_units=1000)
    ledger, opening = ledger.opening()
    assert json.loads(opening)["earlier_units"] == 1000
    ledger, line = ledger.record(1, [1, 2], reported=2, outcome="closed")
    assert json.loads(line)["most_spent_rho_units"] == ledger.most_spent_rho_units == 1125


def test_what_can_be_afforded_is_known_to_the_unit() -> None:
    ledger = PopulationLedger(CONTRACT, earlier_units=1000)
    assert ledger.affords(2, 1250) and not ledger.affords(2, 1249)
    assert not PopulationLedger(CONTRACT, earlier_units=1000).affords(0, 999)


def test_models_and_the_end_are_written_with_the_charge_they_stand_for() -> None:
    ledger, data = PopulationLedger(CONTRACT, sign=signer(KEY)).opening()
    ledger, line = ledger.record(1, [1], reported=1, outcome="closed")
    ledger, published = ledger.published(1, "0f" * 32)
    ledger, stopped = ledger.stopped("budget", 1)
    entries = verify(data + line + published + stopped, ledger.head, checker(KEY.public))
    assert [entry["kind"] for entry in entries] == ["contract", "round", "published", "stopped"]
    assert entries[2]["model_sha256"] == "0f" * 32 and entries[3]["reason"] == "budget"
    assert entries[2]["most_spent_rho_units"] == entries[3]["most_spent_rho_units"] == 125


@pytest.mark.parametrize("digest", ["", "0f" * 31, "0F" * 32, "zz" * 32])
def test_a_model_is_named_by_its_digest_or_not_at_all(digest: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        PopulationLedger(CONTRACT).published(1, digest)


def test_more_cannot_report_than_were_asked() -> None:
    with pytest.raises(ValueError, match="3 reported, but 2 were asked"):
        PopulationLedger(CONTRACT).record(1, [1, 2], reported=3, outcome="closed")


schedules = st.lists(st.lists(st.integers(0, 9), unique=True), max_size=6)


@given(schedules, st.permutations(range(10)))
@settings(deadline=None)
def test_lines_do_not_say_who(schedule: list[list[int]], names: list[int]) -> None:
    """Exchanging the devices for one another, or for large numbers, changes no byte."""
    one = other = PopulationLedger(CONTRACT)
    for number, asked in enumerate(schedule, start=1):
        strangers = [9_876_543_210 + names[device] for device in asked]
        one, line = one.record(number, asked, reported=len(asked), outcome="closed")
        other, same = other.record(number, strangers, reported=len(asked), outcome="closed")
        assert line == same and b"98765432" not in same


def test_the_record_is_never_below_any_device_whatever_becomes_of_rounds() -> None:
    dice = random.Random(5)
    population = PopulationLedger(CONTRACT)
    opened = [DeviceLedger.opened(Limits(), 0)[0].join(CONTRACT, 0)[0] for _ in range(12)]
    devices = dict(enumerate(opened))
    for number in range(1, 41):
        asked = dice.sample(range(12), 4)
        for device in asked:
            try:  # It may have gone, or refuse; it may charge and then drop out.
                if dice.random() < 0.8:
                    devices[device] = devices[device].charge(CONTRACT.plan_hash, number, number)[0]
            except Refused:
                pass
        outcome = dice.choice(["closed", "abandoned"])
        population, _ = population.record(number, asked, reported=0, outcome=outcome)
        spent = max(ledger.spent_units for ledger in devices.values())
        assert population.most_spent_rho_units >= spent
    assert max(ledger.spent_units for ledger in devices.values()) == 500
