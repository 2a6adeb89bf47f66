"""The ledgers: charged before, never refunded, never overspent, and no quiet changes."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.privacy.accountant import to_units
from holter.privacy.ledger import (
    GENESIS,
    Contract,
    DeviceLedger,
    PopulationLedger,
    Refused,
    Tampered,
    verify,
)

CONTRACT = Contract("ab" * 32, rounds=40, max_participations=4, min_separation=5, rho_units=125)


def _reason(ledger: DeviceLedger, round_number: int) -> str:
    with pytest.raises(Refused) as refusal:
        ledger.charge(round_number)
    return refusal.value.reason


def _charged(*rounds: int) -> tuple[DeviceLedger, bytes]:
    ledger, data = DeviceLedger(CONTRACT), b""
    for round_number in rounds:
        ledger, line = ledger.charge(round_number)
        data += line
    return ledger, data


def test_a_charge_is_there_before_anything_leaves_and_the_old_ledger_is_untouched() -> None:
    before = DeviceLedger(CONTRACT)
    after, line = before.charge(3)
    assert before.spent_units == 0 and before.rounds == ()
    assert after.spent_units == 125 and after.rounds == (3,)
    assert json.loads(line) == {
        "kind": "charge",
        "plan": "ab" * 32,
        "round": 3,
        "rho_units": 125,
        "previous": GENESIS,
    }


def test_charges_follow_one_another_and_add_up() -> None:
    ledger, data = _charged(1, 6, 11, 40)
    entries = verify(data, ledger.head)
    assert [entry["round"] for entry in entries] == [1, 6, 11, 40]
    assert ledger.spent_units == sum(entry["rho_units"] for entry in entries) == 500


def test_a_round_that_is_replayed_is_refused() -> None:
    ledger, _ = _charged(7)
    assert _reason(ledger, 7) == "round_repeated"


def test_a_round_before_the_last_charged_one_is_refused() -> None:
    ledger, _ = _charged(20)
    assert _reason(ledger, 2) == "round_repeated"


def test_participations_are_limited() -> None:
    ledger, _ = _charged(1, 6, 11, 16)
    assert _reason(ledger, 30) == "max_participations"


def test_rounds_too_close_to_one_another_are_refused() -> None:
    ledger, _ = _charged(10)
    assert _reason(ledger, 14) == "min_separation"
    assert ledger.charge(15)[0].rounds == (10, 15)


@pytest.mark.parametrize("round_number", [0, -1, 41, 10**9])
def test_a_round_outside_the_plan_is_refused(round_number: int) -> None:
    assert _reason(DeviceLedger(CONTRACT), round_number) == "unknown_round"


def test_checking_alone_charges_nothing() -> None:
    ledger, _ = _charged(1)
    ledger.check(6)
    assert ledger.spent_units == 125


def test_the_contract_holds_over_ten_thousand_random_schedules() -> None:
    dice = random.Random(20)
    for _ in range(10_000):
        contract = Contract(
            "cd" * 32,
            rounds=dice.randint(1, 30),
            max_participations=dice.randint(1, 6),
            min_separation=dice.randint(1, 8),
            rho_units=to_units(dice.expovariate(10)),
        )
        ledger, accepted, refused = DeviceLedger(contract), [], []
        # Rounds in order, repeated and out of order, as a confused or hostile server may ask.
        for asked in (dice.randint(-1, 32) for _ in range(20)):
            try:
                ledger, _ = ledger.charge(asked)
                accepted.append(asked)
            except Refused:
                refused.append((asked, tuple(accepted)))
        assert ledger.rounds == tuple(accepted)
        assert len(accepted) <= contract.max_participations
        assert all(1 <= asked <= contract.rounds for asked in accepted)
        gaps = [b - a for a, b in pairwise(accepted)]
        assert all(gap >= contract.min_separation for gap in gaps)
        assert ledger.spent_units == len(accepted) * contract.rho_units
        for asked, before in refused:  # and nothing was refused without a cause
            room = len(before) < contract.max_participations and 1 <= asked <= contract.rounds
            apart = not before or asked - before[-1] >= contract.min_separation
            assert not (room and apart and (not before or asked > before[-1]))


@given(st.floats(1e-9, 10), st.integers(1, 1000))
def test_the_sum_of_charges_is_never_below_what_was_spent(rho: float, times: int) -> None:
    assert times * to_units(rho) >= math.floor(times * rho * 10**9 * (1 - 1e-12))


def test_any_one_byte_changed_before_the_last_line_shows() -> None:
    _, data = _charged(1, 6, 11, 16)
    last = data.rindex(b"\n", 0, -1) + 1
    for place in range(last):
        for flip in (1, 2, 0x20, 0x80, data[place] ^ 0x0A, data[place] ^ 0x20):
            if flip:
                changed = bytearray(data)
                changed[place] ^= flip
                with pytest.raises(Tampered):
                    verify(bytes(changed), GENESIS)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_line_missing_before_the_last_shows(missing: int) -> None:
    lines = _charged(1, 6, 11, 16)[1].splitlines(keepends=True)
    with pytest.raises(Tampered, match=f"line {missing + 1} of the ledger does not follow"):
        verify(b"".join(lines[:missing] + lines[missing + 1 :]), GENESIS)


def test_a_line_inserted_or_exchanged_shows() -> None:
    a, b, c = _charged(1, 6, 11)[1].splitlines(keepends=True)
    for tampered in (a + a + b + c, a + c + b, a + b + c + b, b"\n" + a):
        with pytest.raises(Tampered):
            verify(tampered, GENESIS)


@pytest.mark.parametrize("data", [b"x\n", b"\xff\n", b"[]\n", b"7\n", b"null\n", b"{}\n", b"{"])
def test_what_is_no_ledger_is_refused(data: bytes) -> None:
    with pytest.raises(Tampered, match="line 1 of the ledger"):
        verify(data, GENESIS)


def test_a_line_torn_by_a_crash_shows() -> None:
    _, data = _charged(1, 6)
    start = data.index(b"\n") + 1
    for end in range(start + 1, len(data) - 1):
        with pytest.raises(Tampered, match="line 2"):
            verify(data[:end], GENESIS)


def test_an_empty_ledger_is_whole() -> None:
    assert verify(b"", GENESIS) == []


@pytest.mark.parametrize("change", ["cheaper", "dropped", "newline lost"])
def test_a_last_line_that_is_changed_or_missing_shows(change: str) -> None:
    ledger, data = _charged(1, 6, 11)
    start = data.rindex(b"\n", 0, -1) + 1
    changed = {
        "cheaper": data[:start] + data[start:].replace(b'"rho_units":125', b'"rho_units":115'),
        "dropped": data[:start],
        "newline lost": data[:-1],
    }[change]
    assert changed != data
    with pytest.raises(Tampered):
        verify(changed, ledger.head)


def test_a_deeply_nested_line_is_tampered_and_not_a_crash() -> None:
    with pytest.raises(Tampered):
        verify(b"[" * 100_000, GENESIS)


def test_the_population_ledger_counts_whoever_was_asked_even_if_the_round_failed() -> None:
    ledger, opening = PopulationLedger(CONTRACT).opening()
    ledger, first = ledger.record(1, [3, 4, 5], reported=3, outcome="closed")
    ledger, second = ledger.record(2, [5, 6], reported=0, outcome="abandoned")
    contract, *rounds = verify(opening + first + second, ledger.head)
    assert contract["kind"] == "contract" and contract["max_participations"] == 4
    assert [entry["asked"] for entry in rounds] == [3, 2]
    assert [entry["most_participations"] for entry in rounds] == [1, 2]
    assert [entry["most_spent_rho_units"] for entry in rounds] == [125, 250]
    assert ledger.most_participations == 2


schedules = st.lists(st.lists(st.integers(0, 9), unique=True), max_size=6)


@given(schedules, st.permutations(range(10)))
@settings(deadline=None)
def test_the_lines_of_the_population_ledger_do_not_say_who(
    schedule: list[list[int]], names: list[int]
) -> None:
    """Exchanging the devices for one another, or for large numbers, changes no byte."""
    one, other = PopulationLedger(CONTRACT), PopulationLedger(CONTRACT)
    for number, asked in enumerate(schedule, start=1):
        strangers = [9_876_543_210 + names[device] for device in asked]
        one, line = one.record(number, asked, reported=len(asked), outcome="closed")
        other, same = other.record(number, strangers, reported=len(asked), outcome="closed")
        assert line == same
        assert b"98765432" not in same
        assert set(json.loads(line)) == {
            "kind",
            "round",
            "asked",
            "reported",
            "outcome",
            "most_participations",
            "most_spent_rho_units",
            "previous",
        }
    assert one.most_participations == other.most_participations


def test_ledgers_of_different_contents_have_different_heads() -> None:
    assert _charged(1)[0].head != _charged(2)[0].head
    dearer = DeviceLedger(replace(CONTRACT, rho_units=126)).charge(1)[0]
    assert dearer.head != _charged(1)[0].head
