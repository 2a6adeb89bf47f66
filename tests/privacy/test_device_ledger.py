"""One device's ledger: reserved whole, charged before, never given back, never lived otherwise."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import pairwise
from typing import get_args

import pytest
from dp_accounting import dp_event, rdp

from holter.crypto.signature import SigningKey
from holter.privacy.accountant import RHO_UNITS, epsilon_exact, epsilon_rdp, to_units
from holter.privacy.chain import GENESIS, chained, checker, signer
from holter.privacy.contract import Contract, Limits, Reason, Refused
from holter.privacy.device_ledger import DeviceLedger

KEY = SigningKey(bytes(range(32)))
CHECK = checker(KEY.public)
MINUTE = 29_000_000
LIMITS = Limits(lifetime_units=1000, task_units=600)
HAR = Contract(
    "aa" * 32, rounds=40, max_participations=4, min_separation=5, rho_units=125, task="har"
)
SLEEP = replace(HAR, plan_hash="bb" * 32, task="sleep")


def _opened(limits: Limits = LIMITS) -> DeviceLedger:
    return DeviceLedger.opened(limits, MINUTE)[0]


def _charged(*rounds: int) -> DeviceLedger:
    ledger = _opened().join(HAR, MINUTE)[0]
    for number in rounds:
        ledger, _ = ledger.charge(HAR.plan_hash, number, MINUTE)
    return ledger


def _whole() -> tuple[DeviceLedger, list[bytes]]:
    """A signed ledger with a line of every kind."""
    ledger, line = DeviceLedger.opened(LIMITS, MINUTE, signer(KEY), spent_before=10)
    lines = [line]

    def keep(step: tuple[DeviceLedger, bytes]) -> DeviceLedger:
        lines.append(step[1])
        return step[0]

    ledger = keep(ledger.join(HAR, MINUTE))
    ledger = keep(ledger.charge(HAR.plan_hash, 3, MINUTE + 1))
    ledger = keep(ledger.ask("steps", 40, MINUTE + 1))
    ledger = keep(ledger.charge(HAR.plan_hash, 9, MINUTE + 5))
    ledger = keep(ledger.leave(HAR.plan_hash, MINUTE + 6))
    ledger = keep(ledger.lower(Limits(900, 600), MINUTE + 7))
    return keep(ledger.join(SLEEP, MINUTE + 8)), lines


def _reason(call: object, *arguments: object) -> Reason:
    assert callable(call)
    with pytest.raises(Refused) as refusal:
        call(*arguments)
    assert refusal.value.reason in get_args(Reason)
    return refusal.value.reason


def test_a_charge_is_in_the_line_to_be_written_and_the_old_ledger_is_untouched() -> None:
    before = _opened().join(HAR, MINUTE)[0]
    after, line = before.charge(HAR.plan_hash, 3, MINUTE + 2)
    assert before.spent_units == 0 and after.spent_units == 125
    assert json.loads(line) == {
        "kind": "charge",
        "plan": HAR.plan_hash,
        "round": 3,
        "rho_units": 125,
        "minute": MINUTE + 2,
        "previous": before.head,
    }


def test_a_campaign_is_reserved_whole_and_its_charges_come_out_of_that() -> None:
    ledger = _opened()
    assert (ledger.spent_units, ledger.reserved_units, ledger.left_units) == (0, 0, 1000)
    ledger = _charged()
    assert (ledger.spent_units, ledger.reserved_units, ledger.left_units) == (0, 500, 500)
    ledger = _charged(1, 6, 11)
    assert (ledger.spent_units, ledger.reserved_units, ledger.left_units) == (375, 125, 500)


def test_a_campaign_that_does_not_fit_whole_is_refused_before_its_first_round() -> None:
    ledger = _charged().ask("steps", 1, MINUTE)[0]
    assert _reason(ledger.join, SLEEP, MINUTE) == "budget_exhausted"
    assert _charged().join(SLEEP, MINUTE)[0].left_units == 0


def test_a_second_campaign_of_one_task_must_fit_into_the_limit_of_that_task() -> None:
    again = replace(HAR, plan_hash="cc" * 32, max_participations=1)
    assert _reason(_charged().join, again, MINUTE) == "budget_exhausted"
    assert _charged().join(replace(again, rho_units=100), MINUTE)[0].reserved_units == 600


def test_a_campaign_once_joined_can_always_be_finished() -> None:
    """Whatever is asked beside it: other campaigns and queries get only what is left."""
    dice = random.Random(3)
    for _ in range(300):
        ledger, charged = _opened().join(HAR, MINUTE)[0], 0
        while charged < HAR.max_participations:
            try:
                if dice.random() < 0.5:
                    ledger, _ = ledger.ask(str(dice.random()), dice.randint(0, 400), MINUTE)
                else:
                    other = replace(HAR, plan_hash=str(dice.random()), task="other")
                    ledger, _ = ledger.join(replace(other, rho_units=dice.randint(1, 99)), MINUTE)
            except Refused as refusal:
                assert refusal.reason == "budget_exhausted"
            ledger, _ = ledger.charge(HAR.plan_hash, 1 + 5 * charged, MINUTE)
            charged += 1
        assert ledger.spent_units + ledger.reserved_units <= 1000


def test_a_single_answer_comes_out_of_the_same_budget_once() -> None:
    ledger = _charged(1).ask("steps", 200, MINUTE)[0]
    assert (ledger.spent_units, ledger.left_units) == (325, 300)
    assert _reason(ledger.ask, "steps", 1, MINUTE) == "round_repeated"
    assert _reason(ledger.ask, "sleep", 301, MINUTE) == "budget_exhausted"
    assert _reason(_opened().ask, "steps", 601, MINUTE) == "budget_exhausted"
    with pytest.raises(ValueError, match="0 or more"):
        ledger.ask("refund", -1, MINUTE)


def test_leaving_gives_back_what_was_reserved_and_never_a_charge() -> None:
    ledger = _charged(1, 6).leave(HAR.plan_hash, MINUTE)[0]
    assert (ledger.spent_units, ledger.reserved_units, ledger.left_units) == (250, 0, 750)
    for call in (ledger.charge, ledger.check):
        assert _reason(call, HAR.plan_hash, 11, MINUTE) == "unknown_plan"
    assert _reason(ledger.join, HAR, MINUTE) == "unknown_plan"
    assert _reason(ledger.leave, HAR.plan_hash, MINUTE) == "unknown_plan"


def test_what_a_campaign_spent_before_it_was_left_still_counts_for_its_task() -> None:
    ledger = _charged(1, 6).leave(HAR.plan_hash, MINUTE)[0]
    again = replace(HAR, plan_hash="cc" * 32, max_participations=3)
    assert _reason(ledger.join, again, MINUTE) == "budget_exhausted"
    assert ledger.join(replace(again, max_participations=2), MINUTE)[0].reserved_units == 250


def test_a_campaign_is_joined_once() -> None:
    cheaper = replace(HAR, rho_units=1)
    for contract in (HAR, cheaper):
        assert _reason(_charged().join, contract, MINUTE) == "unknown_plan"
    assert _reason(_opened().charge, HAR.plan_hash, 1, MINUTE) == "unknown_plan"


@pytest.mark.parametrize(
    ("rounds", "asked", "reason"),
    [
        ((7,), 7, "round_repeated"),
        ((20,), 2, "round_repeated"),
        ((1, 6, 11, 16), 30, "max_participations"),
        ((10,), 14, "min_separation"),
        ((), 0, "unknown_round"),
        ((), -1, "unknown_round"),
        ((), 41, "unknown_round"),
    ],
)
def test_a_round_outside_the_contract_is_refused(
    rounds: tuple[int, ...], asked: int, reason: Reason
) -> None:
    ledger = _charged(*rounds)
    assert _reason(ledger.check, HAR.plan_hash, asked, MINUTE) == reason
    assert _reason(ledger.charge, HAR.plan_hash, asked, MINUTE) == reason


def test_a_clock_that_goes_back_is_refused_everywhere_and_one_that_stands_is_not() -> None:
    ledger = _charged().charge(HAR.plan_hash, 1, MINUTE + 9)[0]
    earlier = MINUTE + 8
    assert _reason(ledger.check, HAR.plan_hash, 6, earlier) == "clock_rollback"
    assert _reason(ledger.charge, HAR.plan_hash, 6, earlier) == "clock_rollback"
    assert _reason(ledger.join, SLEEP, earlier) == "clock_rollback"
    assert _reason(ledger.ask, "steps", 1, earlier) == "clock_rollback"
    assert _reason(ledger.leave, HAR.plan_hash, earlier) == "clock_rollback"
    assert _reason(ledger.lower, Limits(1, 1), earlier) == "clock_rollback"
    assert ledger.charge(HAR.plan_hash, 6, MINUTE + 9)[0].spent_units == 250


def test_limits_can_only_be_lowered_and_then_hold_for_campaigns_under_way() -> None:
    ledger = _charged(1)
    for raised in (Limits(1001, 600), Limits(1000, 601), Limits(0, 601)):
        with pytest.raises(ValueError, match="only be lowered"):
            ledger.lower(raised, MINUTE)
    for lower in (Limits(250, 600), Limits(1000, 250)):
        lowered = ledger.lower(lower, MINUTE)[0].charge(HAR.plan_hash, 6, MINUTE)[0]
        assert _reason(lowered.charge, HAR.plan_hash, 11, MINUTE) == "budget_exhausted"
    lowered = ledger.lower(Limits(0, 0), MINUTE)[0]
    assert lowered.left_units == 0 and lowered.spent_units == 125
    assert _reason(lowered.ask, "steps", 0, MINUTE) == "budget_exhausted"


def test_the_contract_holds_over_ten_thousand_random_schedules() -> None:
    dice = random.Random(20)
    for _ in range(10_000):
        contract = Contract(
            "cd" * 32,
            rounds=dice.randint(1, 30),
            max_participations=dice.randint(1, 6),
            min_separation=dice.randint(1, 8),
            rho_units=dice.randint(0, 200),
            task="har",
        )
        fits = contract.max_participations * contract.rho_units <= 600
        try:
            ledger = _opened().join(contract, MINUTE)[0]
        except Refused:
            assert not fits
            continue
        assert fits
        accepted: list[int] = []
        # Rounds in order, repeated and out of order, as a confused or hostile server may ask.
        for asked in (dice.randint(-1, 32) for _ in range(20)):
            apart = not accepted or asked - accepted[-1] >= contract.min_separation
            room = len(accepted) < contract.max_participations and 1 <= asked <= contract.rounds
            try:
                ledger, _ = ledger.charge(contract.plan_hash, asked, MINUTE)
                accepted.append(asked)
                assert room and apart
            except Refused:
                assert not (room and apart)  # nothing is refused without a cause
        assert ledger.campaigns[contract.plan_hash].rounds == tuple(accepted)
        assert len(accepted) <= contract.max_participations
        gaps = [later - earlier for earlier, later in pairwise(accepted)]
        assert all(gap >= contract.min_separation for gap in gaps)
        assert ledger.spent_units == len(accepted) * contract.rho_units <= 600


def test_the_charges_are_never_below_what_an_accountant_says_of_the_same_participations() -> None:
    dice = random.Random(4)
    for _ in range(25):
        rho = dice.uniform(1e-9, 0.1)
        contract = replace(HAR, rho_units=to_units(rho), max_participations=5)
        ledger = DeviceLedger.opened(Limits(), MINUTE)[0].join(contract, MINUTE)[0]
        accountant, times = rdp.RdpAccountant(), dice.randint(1, 5)
        for turn in range(times):
            ledger, _ = ledger.charge(contract.plan_hash, 1 + 5 * turn, MINUTE)
            accountant.compose(dp_event.ZCDpEvent(rho))
        spent = ledger.spent_units / RHO_UNITS
        assert spent >= times * rho * (1 - 1e-15)
        assert epsilon_rdp(spent, 1e-6) >= accountant.get_epsilon(1e-6) * (1 - 1e-12)
        assert epsilon_rdp(spent, 1e-6) >= epsilon_exact(times * rho, 1e-6)


def test_a_ledger_is_restored_with_everything_in_it() -> None:
    ledger, lines = _whole()
    restored = DeviceLedger.restored(b"".join(lines), ledger.head, CHECK, signer(KEY))
    assert restored == ledger and restored.spent_units == 10 + 250 + 40
    assert restored.limits == Limits(900, 600) and restored.reserved_units == 500
    # and goes on in the same way, byte for byte
    assert (
        restored.charge(SLEEP.plan_hash, 4, MINUTE + 9)[1]
        == (ledger.charge(SLEEP.plan_hash, 4, MINUTE + 9)[1])
    )


def test_a_missing_cut_or_torn_ledger_is_corrupt() -> None:
    ledger, lines = _whole()
    data = b"".join(lines)
    for cut in (b"", *(b"".join(lines[:end]) for end in range(len(lines))), data[:-1], data[1:]):
        assert _reason(DeviceLedger.restored, cut, ledger.head, CHECK) == "ledger_corrupt"


def test_a_ledger_of_another_key_or_of_none_is_corrupt() -> None:
    ledger, lines = _whole()
    data, other = b"".join(lines), checker(SigningKey(bytes(32)).public)
    assert _reason(DeviceLedger.restored, data, ledger.head, other) == "ledger_corrupt"
    opened, line = DeviceLedger.opened(LIMITS, MINUTE)
    assert _reason(DeviceLedger.restored, line, opened.head, CHECK) == "ledger_corrupt"
    assert DeviceLedger.restored(line, opened.head, None) == opened


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "charge", "plan": HAR.plan_hash, "round": 7, "rho_units": 125, "minute": MINUTE},
        {"kind": "charge", "plan": HAR.plan_hash, "round": 9, "rho_units": 1, "minute": MINUTE},
        {
            "kind": "charge",
            "plan": HAR.plan_hash,
            "round": 9,
            "rho_units": 125,
            "minute": MINUTE - 1,
        },
        {"kind": "charge", "plan": HAR.plan_hash, "round": 9.0, "rho_units": 125, "minute": MINUTE},
        {"kind": "charge", "plan": HAR.plan_hash, "round": 9, "rho_units": 125},
        {"kind": "charge", "plan": "dd" * 32, "round": 9, "rho_units": 125, "minute": MINUTE},
        {"kind": "ask", "query": "refund", "rho_units": -100, "minute": MINUTE},
        {"kind": "ask", "query": "free", "rho_units": False, "minute": MINUTE},
        {"kind": "ask", "query": 7, "rho_units": 1, "minute": MINUTE},
        {"kind": "ask", "query": "dear", "rho_units": 501, "minute": MINUTE},
        {"kind": "ask", "query": "more", "rho_units": 1, "minute": MINUTE, "note": "x"},
        {"kind": "lower", "lifetime_units": 2000, "task_units": 600, "minute": MINUTE},
        {
            "kind": "opened",
            "lifetime_units": 9,
            "task_units": 9,
            "spent_before": 0,
            "minute": MINUTE,
        },
        {"kind": "leave", "plan": "dd" * 32, "minute": MINUTE},
        {"kind": "refund", "rho_units": 1, "minute": MINUTE},
        {"minute": MINUTE},
    ],
)
def test_a_line_that_the_rules_would_not_have_written_is_corrupt_even_if_signed(
    wrong: dict[str, object],
) -> None:
    ledger, opening = DeviceLedger.opened(LIMITS, MINUTE, signer(KEY))
    ledger, join = ledger.join(HAR, MINUTE)
    ledger, charge = ledger.charge(HAR.plan_hash, 3, MINUTE)
    line, head = chained(ledger.head, wrong, signer(KEY))
    assert _reason(ledger.followed, line, CHECK) == "ledger_corrupt"
    data = opening + join + charge
    assert _reason(DeviceLedger.restored, data + line, head, CHECK) == "ledger_corrupt"
    assert DeviceLedger.restored(data, ledger.head, CHECK) == ledger


def test_a_ledger_begins_by_being_opened() -> None:
    for entry in (
        {"kind": "lower", "lifetime_units": 0, "task_units": 0, "minute": MINUTE},
        {"kind": "ask", "query": "free", "rho_units": 0, "minute": MINUTE},
    ):
        line, head = chained(GENESIS, entry)
        assert _reason(DeviceLedger.restored, line, head, None) == "ledger_corrupt"


def test_a_device_enrolled_again_may_be_opened_with_everything_spent() -> None:
    ledger, _ = DeviceLedger.opened(LIMITS, MINUTE, spent_before=1000)
    assert ledger.left_units == 0
    assert _reason(ledger.join, HAR, MINUTE) == "budget_exhausted"


def test_a_refusal_never_says_what_was_spent_or_is_left() -> None:
    """Two devices with different pasts refuse in the same words."""
    little, much = _charged().ask("x", 437, MINUTE)[0], _charged(1).ask("x", 423, MINUTE)[0]
    texts = []
    for ledger in (little, much):
        with pytest.raises(Refused) as refusal:
            ledger.join(SLEEP, MINUTE)
        texts.append(str(refusal.value))
    assert texts[0] == texts[1] and not any(letter.isdigit() for letter in texts[0])


@pytest.mark.parametrize(
    "change", [{"rounds": 0}, {"max_participations": 0}, {"min_separation": 0}, {"rho_units": -1}]
)
def test_a_contract_that_asks_for_nonsense_cannot_be_built(change: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        replace(HAR, **change)
