"""What can be computed from everything that a window gave away: at most one sum.

Guarantee to be tested: all that is determined lies on the one line spanned by the sum of the
honest reports of one list. The rules are switched off to show that the oracle finds the break.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from holter.secagg.upload import helper
from tests.secagg.upload.test_attacks_twins import digests_off
from tests.secagg.upload.upload_oracle import Script, breaks, carry, determined, line
from tests.secagg.upload.window_forgery import rule_off

ALL = frozenset(range(5))
HALVES = (frozenset({0, 1, 2}), frozenset({1, 2, 3, 4}))
TWO = Script(5, 4, 3, HALVES, first=(0, 0, 1, 1))


@pytest.mark.parametrize("helpers", [1, 4])
@pytest.mark.parametrize("devices", [4, 5, 6])
def test_an_honest_window_determines_the_sum_of_its_list_and_nothing_else(
    devices: int, helpers: int
) -> None:
    listed = frozenset(range(devices - 1))
    known = carry(Script(devices, helpers, 3, (listed,)))
    assert determined(known) == [[Fraction(i in listed) for i in range(devices)]]
    assert breaks(known) == []


@pytest.mark.parametrize("traitor", range(4))
def test_one_of_four_helpers_with_the_leader_learns_no_more(traitor: int) -> None:
    known = carry(Script(5, 4, 3, HALVES, traitors=frozenset({traitor})))
    assert determined(known) == [line(known, HALVES[0])]


def test_the_one_helper_with_the_leader_opens_every_contribution() -> None:
    known = carry(Script(5, 1, 3, (ALL,), traitors=frozenset({0})))
    assert len(determined(known)) == 5 and breaks(known)


@pytest.mark.parametrize("pair", [(0, 1), (0, 3), (2, 3)])
def test_two_of_four_helpers_with_the_leader_open_every_contribution(pair: tuple[int, int]) -> None:
    known = carry(Script(5, 4, 3, (ALL,), traitors=frozenset(pair)))
    assert len(determined(known)) == 5 and breaks(known)


@pytest.mark.parametrize("script", [Script(5, 1, 3, HALVES), TWO], ids=["one", "four"])
def test_without_the_overlap_rule_the_oracle_finds_the_break(
    monkeypatch: pytest.MonkeyPatch, script: Script
) -> None:
    assert breaks(carry(script)) == []
    rule_off(monkeypatch, helper, "_accept", "in another list")
    assert len(determined(carry(script))) == 2 and breaks(carry(script))


def test_without_the_quorum_one_traitor_is_enough_for_two_lists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = replace(TWO, traitors=frozenset({0}))
    assert determined(carry(script)) == [line(carry(script), HALVES[1])]  # signed by 0, 2, 3
    rule_off(monkeypatch, helper, "_check_quorum", "helpers stand by;")
    assert len(determined(carry(script))) == 2


@st.composite
def scripts(draw: st.DrawFn, twins: bool = False) -> Script:
    """Two lists, any order, one traitor of four, as many corrupt devices as the floor bears."""
    helpers = draw(st.sampled_from([1, 4, 4]))
    devices = draw(st.integers(4, 6))
    floor = devices // 2 + 1
    everyone = st.sets(st.integers(0, devices - 1), min_size=draw(st.sampled_from([1, floor])))
    lists = tuple(frozenset(draw(everyone)) for _ in range(2))
    corrupt = frozenset(draw(st.sets(st.integers(0, devices - 1), max_size=floor - 1)))
    first = tuple(draw(st.integers(0, 1)) for _ in range(4))
    traitor = draw(st.integers(-1, 3)) if helpers == 4 else -1
    restarts = frozenset(draw(st.sets(st.integers(0, helpers - 1))))
    shown = {}
    if twins and corrupt and len(corrupt) < devices:
        pairs = st.tuples(
            st.sampled_from(sorted(corrupt)),
            st.sampled_from(sorted(set(range(devices)) - corrupt)),
        )
        shown = draw(st.dictionaries(st.integers(0, helpers - 1), pairs))
    traitors = frozenset({traitor} - {-1})
    return Script(devices, helpers, floor, lists, first, corrupt, traitors, shown, restarts)


@settings(max_examples=60, deadline=None)
@given(scripts())
def test_no_script_of_a_lying_leader_determines_more_than_one_sum(script: Script) -> None:
    assert breaks(carry(script)) == []


TWINS = Script(
    5, 4, 4, (frozenset(range(4)),), corrupt=frozenset({4}), twins={3: (4, 0), 2: (4, 0)}
)


def test_without_the_digests_the_oracle_finds_two_reports_under_one_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert determined(carry(TWINS)) == []  # two helpers for each meaning, three for neither
    digests_off(monkeypatch)
    assert len(determined(carry(TWINS))) == 2 and breaks(carry(TWINS))


@pytest.mark.parametrize("traitor", range(4))
def test_with_a_traitor_one_meaning_at_most_is_summed(traitor: int) -> None:
    known = carry(replace(TWINS, traitors=frozenset({traitor})))
    assert len(determined(known)) == 1 and breaks(known) == []


@settings(max_examples=40, deadline=None)
@given(scripts(twins=True))
@example(TWINS)
@example(replace(TWINS, restarts=frozenset({1, 3})))
@example(replace(TWINS, traitors=frozenset({0}), restarts=frozenset({2})))
def test_nor_does_one_that_shows_two_reports_under_one_id(script: Script) -> None:
    assert breaks(carry(script)) == []
