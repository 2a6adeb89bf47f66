"""What can be computed from everything that a session gave away: at most one sum.

Guarantee to be tested: all that is determined lies on the one line spanned by the sum of all
honest survivors; on a sparse graph, of its one large component. The rules are switched off one
by one to show that the oracle would find the break.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.secagg import client
from tests.secagg.oracle import Script, Set, everyone, offered, session
from tests.secagg.verdict import breaks, determined

Patch = pytest.MonkeyPatch
ALL = frozenset(range(8))
INSIDE = frozenset(range(6))
CENSORED = {i: ALL - INSIDE if i in INSIDE else INSIDE for i in ALL}


def line(members: Set | range, size: int = 8) -> list[list[Fraction]]:
    return [[Fraction(i in members) for i in range(size)]]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_an_honest_session_determines_the_sum_of_its_survivors_and_nothing_else(lost: int) -> None:
    known = session(8, 0, Script(everyone(8, ALL), offered(8, range(8 - lost))))
    assert determined(known) == line(range(8 - lost))
    assert breaks(known) == []
    assert len(known.edges) == lost * (8 - lost)  # edge seeds are known, and tell no more


@pytest.mark.parametrize("moved", [False, True], ids=["destroyed", "moved"])
def test_A21_a_censored_inbox_determines_nothing(moved: bool) -> None:
    known = session(8, 0, Script(everyone(8, ALL), offered(8, ALL), CENSORED, moved=moved))
    assert len(known.opened(known.seeds)) == 6 and determined(known) == []


def test_without_the_rule_of_A21_the_oracle_finds_the_break() -> None:
    script = Script(everyone(8, ALL), offered(8, ALL), CENSORED)
    known = session(8, 0, script, naive=True)
    assert determined(known) == line(INSIDE)
    assert breaks(known)


def test_A2_with_both_shares_of_everyone_the_oracle_finds_every_single_input(
    monkeypatch: Patch,
) -> None:
    real = client.Unmasking

    def both(seeds: object, edges: object, keys: object) -> object:
        held = all_held["now"]
        return real(tuple(b[0] for b in held), edges, tuple(b[1] for b in held))  # type: ignore[arg-type]

    all_held: dict[str, list[tuple[bytes, bytes]]] = {}
    unmask = client.unmask

    def generous(state: client.Endorsed, data: bytes) -> object:
        all_held["now"] = list(state.opened.held.values())
        return unmask(state, data)

    script = Script(everyone(8, ALL), offered(8, range(7)))
    assert breaks(session(8, 0, script)) == []
    monkeypatch.setattr(client, "Unmasking", both)
    monkeypatch.setattr(client, "unmask", generous)
    known = session(8, 0, script)
    assert len(determined(known)) == 8 and breaks(known)


def test_A3_two_survivor_sets_are_one_too_many(monkeypatch: Patch) -> None:
    script = Script(everyone(8, ALL), offered(8, ALL, range(7)))
    known = session(8, 0, script)
    assert determined(known) == line(ALL) and breaks(known) == []
    once = client.Secrets.once
    monkeypatch.setattr(
        client.Secrets,
        "once",
        lambda self, kind: None if kind in ("M6", "M8") else once(self, kind),
    )
    known = session(8, 0, script)
    assert len(determined(known)) > 1
    assert {len(sets) for sets in known.endorsed.values()} == {2} and breaks(known)


def test_A3_a_quorum_for_each_of_two_halves_is_one_too_many(monkeypatch: Patch) -> None:
    low, high = frozenset(range(7)), frozenset(range(1, 8))
    offers = {i: ((low, high)[i > 3],) for i in range(8)}
    script = Script(everyone(8, ALL), offers)
    known = session(8, 0, script)
    assert determined(known) == [] and breaks(known) == []
    seats = client.accept_roster

    def hasty(*args: object) -> object:  # a quorum of three: two such need share nobody
        seat = seats(*args)  # type: ignore[arg-type]
        return replace(seat, place=replace(seat.place, quorum=3))

    monkeypatch.setattr(client, "accept_roster", hasty)
    assert breaks(session(8, 0, script))


def test_A22_a_corrupt_phantom_is_no_way_to_a_smaller_sum() -> None:
    script = Script(everyone(8, ALL), offered(8, ALL), corrupt=frozenset({7}))
    known = session(8, 1, script)
    assert determined(known) == line(range(7))
    assert breaks(known) == []


@st.composite
def scripts(draw: st.DrawFn, clients: int, colluders: int) -> Script:
    """Two mask sets, three survivor sets, any seals spoilt, as many corrupt as the plan bears."""
    indices = st.integers(0, clients - 1)
    corrupt = draw(st.frozensets(indices, max_size=colluders))
    missing = st.frozensets(indices, max_size=2)
    whole = frozenset(range(clients))
    masks = [whole - draw(missing), whole - draw(missing) if draw(st.booleans()) else whole]
    lives = [masks[0] - draw(missing), masks[-1] - draw(missing)]
    split = draw(st.sampled_from([False, False, True]))
    sides = [draw(st.sampled_from([0, 0, 1])) if split else 0 for _ in range(clients)]
    offers = st.sampled_from([(0,), (0,), (0, 1), (1, 0), (1,)] if split else [(0,), (0, 1)])
    return Script(
        {i: masks[sides[i]] for i in range(clients)},
        {i: tuple(lives[k] for k in draw(offers)) for i in range(clients)},
        draw(spoils(clients)),
        corrupt,
        draw(st.booleans()),
    )


@st.composite
def spoils(draw: st.DrawFn, clients: int) -> dict[int, Set]:
    """Whose seals nobody, anybody, or the other side of a split cannot open."""
    indices, whole = st.integers(0, clients - 1), frozenset(range(clients))
    how = draw(st.sampled_from(["nothing", "anything", "a split"]))
    if how == "anything":
        return {i: draw(st.frozensets(indices, max_size=3)) for i in range(clients)}
    part = draw(st.frozensets(indices, max_size=2)) if how == "a split" else frozenset()
    return {i: part if i not in part else whole - part for i in range(clients)}


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_script_of_a_lying_coordinator_determines_more_than_the_sum_of_honest_survivors(
    data: st.DataObject,
) -> None:
    clients, colluders = data.draw(st.sampled_from([(5, 0), (7, 0), (6, 1), (8, 1), (8, 2)]))
    known = session(clients, colluders, data.draw(scripts(clients, colluders)))
    assert breaks(known) == []
    assert len(determined(known)) <= 1


@pytest.mark.long
@settings(max_examples=1000, deadline=None)
@given(st.data())
def test_no_script_at_all(data: st.DataObject) -> None:
    clients, colluders = data.draw(st.sampled_from([(7, 0), (8, 1), (8, 2), (9, 2), (10, 3)]))
    known = session(clients, colluders, data.draw(scripts(clients, colluders)))
    assert breaks(known) == []
    assert len(determined(known)) <= 1
