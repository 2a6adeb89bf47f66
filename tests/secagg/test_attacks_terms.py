"""A coordinator that wants another graph (attacks A5, A6, A7 of the threat model).

Three hundred clients, of which 15 may be corrupt and 60 may vanish: a sparse graph. A whole
session of that size takes long, so one client is driven, and the server answers for all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from holter.crypto import labels
from holter.crypto.signature import SigningKey
from holter.secagg import client, connectivity, finder, graph, roster
from holter.secagg.client_states import Seated
from holter.secagg.errors import CoordinatorFault
from holter.secagg.messages import Advertised, Terms
from holter.secagg.session import Bounds
from holter.trust import credential
from tests.secagg.cast import TODAY, Play, cast_of, rule_off, tape
from tests.secagg.forged_roster import advertisement_of, forged_roster

Patch = pytest.MonkeyPatch
N, CORRUPT, FLOOR = 300, 15, 240
LOST = N - FLOOR
FOUND = finder.find(N, CORRUPT, LOST)


@pytest.fixture(scope="module")
def big() -> Play:
    """Everyone has advertised; the server's part is still to be played."""
    play = Play.of(cast_of(N, colluders=CORRUPT, floor=FLOOR, words=1))
    play.advertise()
    return play


def rows_of(play: Play) -> list[bytes]:
    return [play.said[i][0].message for i in play.clients]


def offer(play: Play, *, to: int = 0, known: Iterable[bytes] = (), **forged: object) -> Seated:
    named = {"cycles": FOUND.cycles, "threshold": FOUND.threshold, **forged}
    data = forged_roster(play, named.pop("rows", rows_of(play)), to=to, **named)  # type: ignore[arg-type]
    return client.accept_roster(play.clients[to], data, play.cast.check, frozenset(known))


def refused(attack: Callable[[], object], says: str) -> None:
    with pytest.raises(CoordinatorFault, match=says):
        attack()


def known(play: Play) -> frozenset[bytes]:
    return frozenset(key.public for key in play.cast.keys)


def test_the_graph_that_the_finder_names_is_accepted(big: Play) -> None:
    seat = offer(big)
    assert seat.threshold == FOUND.threshold and seat.place.quorum == FOUND.quorum
    assert 2 * FOUND.cycles - 20 < len(seat.neighbours) <= 2 * FOUND.cycles


@pytest.mark.parametrize(
    ("cycles", "threshold"),
    [
        (0, FOUND.quorum),
        (0, FOUND.threshold),
        (FOUND.cycles - 1, FOUND.threshold),
        (FOUND.cycles, FOUND.threshold - 1),
        (FOUND.cycles, FOUND.threshold + 5),
        (FOUND.cycles, 1),
        (FOUND.cycles, 0),
        (1, 1),
        (1, 2),
        (N + 1, N // 2),
        (2047, 2047),
    ],
)
def test_A7_a_graph_too_weak_for_this_roster_is_refused(
    big: Play, monkeypatch: Patch, cycles: int, threshold: int
) -> None:
    weak = {"cycles": cycles, "threshold": threshold}
    says = "does not bear 60 lost and 15 corrupt" if cycles else "a graph that this roster does not"
    refused(lambda: offer(big, known=known(big), **weak), says)
    monkeypatch.setattr(connectivity, "accepts", lambda *args, **bounds: True)
    if cycles < 1:
        refused(lambda: offer(big, known=known(big), **weak), says)
    elif threshold >= N:
        refused(lambda: offer(big, known=known(big), **weak), "fewer neighbours than shares")
    else:
        assert offer(big, known=known(big), **weak).threshold == threshold


def test_A7_fewer_cycles_are_refused_with_every_threshold() -> None:
    bounds = cast_of(N, colluders=CORRUPT, floor=FLOOR).session.bounds
    for cycles in (1, 5, 15, FOUND.cycles - 1):
        for threshold in range(1, 2 * cycles + 2):
            with pytest.raises(CoordinatorFault):
                roster.check_terms(Terms(cycles, threshold, bytes(32)), N, bounds)


@pytest.mark.parametrize(("cycles", "threshold"), [(1, 3), (0, 2), (0, 4), (0, 1), (0, 0), (3, 2)])
def test_A7_a_small_roster_has_the_complete_graph_and_a_quorum_of_holders(
    cycles: int, threshold: int
) -> None:
    play = Play.of(cast_of(5))
    play.advertise()
    says = "a graph that this roster does not have" if cycles else "does not bear 1 lost"
    refused(lambda: offer(play, cycles=cycles, threshold=threshold), says)


def test_A7_a_small_roster_whose_floor_leaves_too_few_holders_is_refused() -> None:
    # A floor that is enough for 257 on a sparse graph is one short for 256 on the complete one.
    quorum = connectivity.quorum(256, 0)
    bounds = Bounds(130, 257, 130, 0, 1)
    roster.check_terms(Terms(0, quorum, bytes(32)), 256, bounds)
    object.__setattr__(bounds, "survivors_floor", 129)  # no plan says so: Bounds refuses it
    with pytest.raises(CoordinatorFault, match="does not bear 127 lost"):
        roster.check_terms(Terms(0, quorum, bytes(32)), 256, bounds)


def test_A7_a_roster_beyond_the_complete_graph_has_cycles(monkeypatch: Patch) -> None:
    bounds = cast_of(N, colluders=CORRUPT, floor=FLOOR).session.bounds
    monkeypatch.setattr(connectivity, "accepts", lambda *args, **given: True)
    for threshold in (1, FOUND.threshold, FOUND.quorum):
        with pytest.raises(CoordinatorFault, match="that this roster does not have"):
            roster.check_terms(Terms(0, threshold, bytes(32)), N, bounds)


def test_A7_a_shrunk_cohort_is_refused(monkeypatch: Patch) -> None:
    play = Play.of(cast_of(5))
    play.advertise()
    shrunk = {"rows": rows_of(play)[:3], "cycles": 0, "threshold": 2}
    refused(lambda: offer(play, **shrunk), "a roster of 3; the plan allows 4 to 5")
    rule_off(monkeypatch, client, "accept_roster", "the plan allows")
    assert offer(play, **shrunk).threshold == 2  # lower than any plan asked for


def test_A7_a_cohort_beyond_the_plan_is_refused(monkeypatch: Patch) -> None:
    small, large = cast_of(5), cast_of(7)
    play = Play.of(small)
    play.advertise()
    whole = replace(large, session=small.session)
    extra = [i for i in range(7) if large.keys[i].public not in {k.public for k in small.keys}]
    rows = {"rows": [*rows_of(play), *(advertisement_of(whole, i) for i in extra)]}
    refused(lambda: offer(play, cycles=0, threshold=4, **rows), "the plan allows 4 to 5")
    rule_off(monkeypatch, client, "accept_roster", "the plan allows")
    refused(lambda: offer(play, cycles=0, threshold=4, **rows), "does not bear 3 lost")
    monkeypatch.setattr(connectivity, "accepts", lambda *args, **bounds: True)
    assert len(offer(play, cycles=0, threshold=4, **rows).roster) == 7


def stranger_rows(play: Play) -> tuple[list[bytes], int]:
    """A roster on which an unenrolled device stands far from client 0; and where."""
    cast = play.cast
    for attempt in range(50):
        key = SigningKey(tape(("stranger", attempt)))
        signed = key.sign(
            replace(play.clients[1].own, device_key=key.public).payload(),
            context=labels.ADVERTISE + cast.session.context,
        )
        own = Advertised(cast.credentials[1], signed).to_bytes()
        rows = [*rows_of(play)[:-1], own]
        order = sorted([*(k.public for k in cast.keys[:-1]), key.public])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(roster, "_check_enrolled", lambda *args: None)
            seat = offer(play, rows=rows)
        if order.index(key.public) not in seat.neighbours:
            return rows, order.index(key.public)
    raise AssertionError("fifty strangers, and all of them neighbours")


@pytest.mark.parametrize("how", ["expired", "forged", "empty", "of another device", "uncertified"])
def test_A5_one_key_that_is_not_enrolled_sinks_the_roster_even_far_away(
    big: Play, monkeypatch: Patch, how: str
) -> None:
    cast = big.cast
    met = offer(big, known=known(big)).neighbours
    far = next(i for i in range(N - 1, 0, -1) if i not in met)
    shown = list(cast.credentials)
    rows = rows_of(big)
    fake = SigningKey(tape("fake registrar"))
    if how == "expired":
        old = credential.Credential(cast.keys[far].public, 1, TODAY - 1)
        shown[far] = credential.issue(cast.registrar, old)
    elif how == "forged":
        shown[far] = credential.issue(
            fake, credential.Credential(cast.keys[far].public, 1, TODAY + 9)
        )
    elif how == "uncertified":
        rows, far = stranger_rows(big)
        shown.insert(far, cast.credentials[1])
    else:
        shown[far] = b"" if how == "empty" else cast.credentials[met[0]]
    attack = {"rows": rows, "credentials": shown[:N]}
    verified = known(big) - {cast.keys[far].public}  # the credentials of all others are known
    refused(lambda: offer(big, **attack), "a row")
    if how in ("empty", "uncertified"):
        refused(lambda: offer(big, known=verified, **attack), "a row")
    monkeypatch.setattr(roster, "_check_enrolled", lambda *args: None)
    assert far not in offer(big, **attack).neighbours


def test_A6_one_nonce_changes_the_whole_graph(big: Play) -> None:
    edges = []
    for change in ({}, {"nonce": tape("another nonce")}):
        rows = rows_of(big)
        rows[7] = advertisement_of(big.cast, 7, **change)
        seat = offer(big, known=known(big), rows=rows)
        around = graph.all_neighbours(seat.roster.sid, N, FOUND.cycles)
        edges.append({(i, j) for i in range(N) for j in around[i] if i < j})
    pairs = N * (N - 1) / 2
    by_chance = len(edges[0]) * len(edges[1]) / pairs
    spread = (by_chance * (1 - len(edges[0]) / pairs)) ** 0.5
    assert abs(len(edges[0] & edges[1]) - by_chance) < 5 * spread


def test_A6_the_graph_of_a_roster_favours_nobody(big: Play) -> None:
    met = [0] * N
    for nonce in range(300):  # 300 rosters that differ in one nonce: who is next to client 0?
        sid = big.cast.session.bound_to_roster(N, FOUND.cycles, FOUND.threshold, tape(nonce))
        for neighbour in graph.neighbours(sid, N, 1, 0):
            met[neighbour] += 1
    expected = 600 / (N - 1)
    distance = sum((count - expected) ** 2 / expected for count in met[1:])
    assert distance < 380  # chi-square, 298 degrees of freedom: one in a thousand
