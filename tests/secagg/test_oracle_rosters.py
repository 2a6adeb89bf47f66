"""What two rosters with one set of advertisements give away: one sum each, of different devices."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.secagg import client, server
from holter.secagg.client_states import Advertised
from holter.secagg.errors import Caller
from holter.secagg.session import Bounds
from tests.secagg import forgery
from tests.secagg.cast import Cast, Play, cast_of
from tests.secagg.oracle import Knowledge, Script, Set, carry, everyone, offered
from tests.secagg.test_oracle import line
from tests.secagg.verdict import breaks, determined

Patch = pytest.MonkeyPatch


def two_rosters(cast: Cast, rosters: tuple[Set, Set]) -> list[tuple[Play, tuple[int, ...]]]:
    """One M0 a device, and two rosters on which some of them stand both times."""
    whole = Play.of(cast)
    whole.advertise()
    plays = []
    for members in rosters:
        names = tuple(sorted(members))
        keys, held = ([those[i] for i in names] for those in (cast.keys, cast.credentials))
        play = Play.of(replace(cast, keys=tuple(keys), credentials=tuple(held)))
        for at, i in enumerate(names):
            play.clients[at], play.said[at] = whole.clients[i], list(whole.said[i])
            message = play.said[at][0].message
            play.server = server.join(play.server, message, play.cast.check)
        play.close()
        plays.append((play, names))
    return plays


def small(devices: int, roster: int, colluders: int) -> Cast:
    cast = cast_of(devices)
    least = (roster + colluders) // 2 + 2
    bounds = Bounds(least, roster, least, colluders, 1)
    return replace(cast, session=replace(cast.session, bounds=bounds))


def both(cast: Cast, rosters: tuple[Set, Set], corrupt: Set, order: dict[int, int]) -> Knowledge:
    """Two sessions at once. order: which roster each device is shown first."""
    known, plays = Knowledge(), two_rosters(cast, rosters)
    for turn in range(2):
        for number, (play, names) in enumerate(plays):
            for at, i in enumerate(names):
                first = order.get(i, 0) if i in rosters[0] & rosters[1] else number
                mine = isinstance(play.clients[at], Advertised) and (turn == 0) == (first == number)
                if mine:
                    shares(play, at, i in corrupt)
    for play, names in plays:
        size = len(names)
        inside = frozenset(forgery.sharing(play).sealed)
        ours = frozenset(at for at, i in enumerate(names) if i in corrupt)
        script = Script(everyone(size, inside), offered(size, inside), corrupt=ours)
        carry(known, play, script, devices=names)
    return known


def shares(play: Play, at: int, corrupt: bool) -> None:
    if corrupt:  # it may do what it likes
        state = play.clients[at]
        play.clients[at] = replace(state, secrets=replace(state.secrets, _made=set()))
    try:
        play.answer(at)
    except Caller:
        return  # shared before, on the other roster
    play.deliver(at)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_A11_two_rosters_with_one_advertisement_give_two_sums_at_most(data: st.DataObject) -> None:
    cast = small(9, 6, 1)
    members = st.frozensets(st.integers(0, 8), min_size=5, max_size=6)
    rosters = (data.draw(members), data.draw(members))
    corrupt = data.draw(st.frozensets(st.integers(0, 8), max_size=1))
    order = {i: data.draw(st.integers(0, 1)) for i in range(9)}
    assert breaks(both(cast, rosters, corrupt, order)) == []


def test_A11_without_the_rule_of_one_roster_the_oracle_finds_the_break(monkeypatch: Patch) -> None:
    cast = small(9, 6, 0)
    rosters = (frozenset(range(6)), frozenset(range(1, 6)))
    known = both(cast, rosters, frozenset(), dict.fromkeys(range(9), 0))
    assert determined(known) == line(range(6), 6) and breaks(known) == []
    monkeypatch.setattr(client.Secrets, "once", lambda self, kind: None)
    known = both(cast, rosters, frozenset(), dict.fromkeys(range(9), 0))
    assert len(determined(known)) > 1 and breaks(known)
