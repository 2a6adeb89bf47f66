"""A coordinator that chooses who drops out, on a sparse graph (attacks A4, A21, A22).

Three hundred clients, of which 15 may be corrupt and 60 may vanish. One of them is driven; the
server answers for all others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from holter.crypto.signature import payload_of
from holter.secagg import client, graph, server
from holter.secagg.client_states import Sent
from holter.secagg.messages import MaskedHeader, Roster
from holter.secagg.session import set_hash
from tests.secagg import forgery
from tests.secagg.cast import Cast, Play, cast_of, rule_off, tape, to_phase
from tests.secagg.forged_roster import forged_roster
from tests.secagg.test_attacks_terms import CORRUPT, FLOOR, FOUND, LOST, N, known, offer, refused


@pytest.fixture(scope="module")
def big() -> Play:
    """Everyone has advertised; the server's part is still to be played."""
    play = Play.of(cast_of(N, colluders=CORRUPT, floor=FLOOR, words=1))
    play.advertise()
    return play


def cheapest_cuts(around: list[set[int]], most: int) -> list[set[int]]:
    """Sets of honest clients whose whole boundary an optimiser can remove: greedy from each seed.

    The next member is always the one that adds the least to the boundary.
    """
    found = []
    for start in range(len(around)):
        inside, boundary = {start}, set(around[start])
        while len(boundary) <= most:
            found.append(set(inside))
            best = min(boundary, key=lambda v: len(around[v] - boundary - inside))
            inside.add(best)
            boundary = (boundary | around[best]) - inside
    return found


def test_A4_an_optimiser_that_sees_the_graph_cuts_off_no_set_that_matters(big: Play) -> None:
    seat = offer(big, known=known(big))
    around = [set(those) for those in graph.all_neighbours(seat.roster.sid, N, FOUND.cycles)]
    cuts = cheapest_cuts(around, LOST + CORRUPT)
    assert cuts  # single clients can be cut off, and that is allowed for:
    assert max(len(cut) for cut in cuts) < FOUND.smallest_separable
    for cut in cuts:  # even if every corrupt client is a neighbour, such a set stays closed
        assert all(CORRUPT + len(cut & around[i]) < FOUND.threshold for i in cut)


def sent(big: Play) -> tuple[Play, Sent]:
    """Client 0 of a copy of the play has sent its vector; everyone is in U2."""
    play = Play.of(big.cast)
    play.clients, play.said = dict(big.clients), {i: list(s) for i, s in big.said.items()}
    state = play.clients[0]
    play.clients[0] = replace(state, secrets=replace(state.secrets, _made=set()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cast, "check", lambda self, message: payload_of(message)[3:35])
        for steps in play.said.values():
            play.server = server.join(play.server, steps[0].message, play.cast.check)
        play.close()
        play.answer(0)
    play.answer(0, forgery.inbox(play, 0, range(N)))
    return play, play.clients[0]


def test_A4_drop_outs_chosen_after_seeing_the_graph_are_refused_beyond_the_plan(big: Play) -> None:
    play, state = sent(big)
    met = forgery.around(play, 0)
    far = [i for i in range(1, N) if i not in met]
    headers = {i: forgery.header(play, i, range(N)) for i in range(1, N)}

    def endorse(gone: Iterable[int]) -> object:
        members = set(range(N)) - set(gone)
        return client.endorse(state, forgery.survivors(play, members, headers=headers))

    refused(lambda: endorse(far[: LOST + 1]), f"{FLOOR - 1} survivors; the plan's floor is {FLOOR}")
    refused(lambda: endorse(met[: len(met) - FOUND.threshold + 1]), "too few live holders")
    assert endorse(far[:LOST])  # as many as the plan bears


@pytest.mark.parametrize("who", ["a neighbour", "someone far away"])
def test_A21_A22_on_a_sparse_graph_each_client_answers_for_its_neighbours(
    big: Play, who: str
) -> None:
    play, state = sent(big)
    met = forgery.around(play, 0)
    liar = met[3] if who == "a neighbour" else next(i for i in range(1, N) if i not in met)
    headers = {i: forgery.header(play, i, range(N)) for i in range(1, N)}
    phantom = {i: each for i, each in headers.items() if i != liar}
    split = {**headers, liar: forgery.header(play, liar, range(N - 1))}
    root = forgery.root_of(play, headers)
    shown = [
        forgery.survivors(play, range(N), headers=given, root=root) for given in (phantom, split)
    ]
    if who == "a neighbour":
        refused(lambda: client.endorse(state, shown[0]), "header is missing")
        refused(lambda: client.endorse(state, shown[1]), "split view")
        return
    endorsed, _ = client.endorse(state, shown[1])  # its own neighbours refuse, not this client
    seen = MaskedHeader.parse(state.header).mask_set_hash
    assert endorsed.endorsement.mask_set_hash == seen == set_hash(play.sid, range(N), N)


def small(patch: pytest.MonkeyPatch, phase: int) -> Play:
    """Twelve clients on a graph of three cycles; any two shares open a secret."""
    forgery.sparse(patch, 3, 2)
    return to_phase(cast_of(12, floor=7), phase)


def without_most_of(play: Play, i: int) -> set[int]:
    """All but so many neighbours of client i that one is left."""
    return set(range(12)) - set(forgery.around(play, i)[1:])


def test_A4_a_mask_set_with_too_few_of_my_neighbours_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    play = small(monkeypatch, 1)
    data = forgery.inbox(play, 0, without_most_of(play, 0))
    refused(lambda: client.accept_inbox(play.clients[0], data), "too few others in the mask set")
    rule_off(monkeypatch, client, "accept_inbox", "too few others")
    assert len(client.accept_inbox(play.clients[0], data).held) == 1


def test_A4_a_survivor_set_with_too_few_of_my_neighbours_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    play = small(monkeypatch, 2)
    data = forgery.survivors(play, without_most_of(play, 0))
    refused(lambda: client.endorse(play.clients[0], data), "too few live holders")
    rule_off(monkeypatch, client, "endorse", "too few live holders")
    assert client.endorse(play.clients[0], data)


def test_A7_a_graph_that_leaves_me_fewer_neighbours_than_shares_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Of a fair graph that happens once in a million sessions; a server that tries many rosters
    # finds one.
    forgery.sparse(monkeypatch, 2, 5)
    play = Play.of(cast_of(12)).join()
    data = forged_roster(play, [s[0].message for s in play.said.values()], cycles=2, threshold=5)
    assert len(Roster.parse(data).peers) < 5

    def share() -> object:
        seat = client.accept_roster(play.clients[0], data, play.cast.check)
        return client.share(seat, random=tape("r", client.share_random_bytes(seat)))

    refused(share, "leaves me fewer neighbours than shares are needed")


@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_a_sparse_session_ends_in_the_exact_sum_of_its_survivors(
    monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    play = small(monkeypatch, 1).go(range(12 - lost))
    survivors = server.close_masking(play.server)[0].survivors
    play.go().go()
    assert play.finish().words.tolist() == play.plain(survivors)
