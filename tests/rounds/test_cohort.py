"""Selection: nobody above the limits, nobody forgotten, and a public draw."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from holter.privacy.contract import Contract
from holter.rounds.cohort import Participation, choose
from holter.simulator.population import MINUTE, virtual_ledger


@st.composite
def schedules(draw: st.DrawFn) -> tuple[int, int, int, int, int, bytes]:
    people = draw(st.integers(2, 40))
    asked = draw(st.integers(1, people))
    rounds = draw(st.integers(1, 25))
    most = draw(st.integers(1, 6))
    apart = draw(st.integers(1, 8))
    return people, asked, rounds, most, apart, draw(st.binary(min_size=4, max_size=4))


@settings(max_examples=10_000, deadline=None)
@given(schedules())
def test_limits_hold_over_random_schedules(
    schedule: tuple[int, int, int, int, int, bytes],
) -> None:
    people, asked, rounds, most, apart, beacon = schedule
    state = Participation(people, most, apart)
    history: dict[int, list[int]] = {}
    contract = Contract("plan", rounds, most, apart, 1, "task")
    ledgers = dict.fromkeys(range(people), virtual_ledger(contract))
    for number in range(1, rounds + 1):
        chosen = choose(state, number, asked, beacon=beacon)
        assert len(set(chosen)) == len(chosen) <= asked
        for device in chosen:
            history.setdefault(device, []).append(number)
            # The device's own ledger, which trusts no server, agrees.
            ledgers[device], _ = ledgers[device].charge("plan", number, MINUTE)
        state = state.after(chosen, number)
    for numbers in history.values():
        assert len(numbers) <= most
        assert all(b - a >= apart for a, b in itertools.pairwise(numbers))


def test_participations_stay_even_so_that_the_last_rounds_find_people() -> None:
    state = Participation(750, 4, 1)
    for number in range(1, 41):
        chosen = choose(state, number, 75, beacon=b"b")
        assert len(chosen) == 75
        state = state.after(chosen, number)
    assert set(state.times.values()) == {4}


def test_every_round_draws_anew_and_the_beacon_decides() -> None:
    state = Participation(100, 10, 1)
    first = choose(state, 1, 10, beacon=b"a")
    assert first == choose(state, 1, 10, beacon=b"a")
    assert set(first) != set(choose(state, 1, 10, beacon=b"b"))
    assert set(first) != set(choose(state, 2, 10, beacon=b"a"))


def test_each_person_is_equally_likely_in_a_first_round() -> None:
    counts = [0] * 20
    for draw in range(4000):
        for device in choose(Participation(20, 1, 1), 1, 5, beacon=draw.to_bytes(4, "big")):
            counts[device] += 1
    # 1,000 expected each, standard deviation 27.
    assert max(abs(count - 1000) for count in counts) < 5 * 27


def test_a_round_goes_without_those_who_may_not_be_asked() -> None:
    state = Participation(5, 1, 1).after((0, 1, 2), 1)
    assert set(choose(state, 2, 5, beacon=b"")) == {3, 4}
