"""A coordinator that lies about a quorum, or asks twice (attacks A2, A3, A22).

Eight clients, a floor of six, a quorum of five; built as in ``test_attacks_sets``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

import pytest

from holter.crypto import labels
from holter.crypto.signature import payload_of, signature_of
from holter.secagg import client
from holter.secagg.client_states import Endorsed, Step
from holter.secagg.errors import Caller, CoordinatorFault
from holter.secagg.messages import Endorsement, Quorum
from tests.secagg import forgery
from tests.secagg.cast import Play, cast_of, rule_off, to_phase

Patch = pytest.MonkeyPatch
ALL = range(8)
NEEDED = 5


def refused(attack: Callable[[], object], says: str) -> None:
    with pytest.raises(CoordinatorFault, match=says):
        attack()


def masked_without(*absent: int) -> Play:
    """Everyone is in U2; those absent send no vector."""
    play = to_phase(cast_of(8), 1)
    play.go(i for i in ALL if i not in absent)
    return play


def endorsed() -> Play:
    """Everyone has endorsed the survivors 0..6."""
    play = masked_without(7)
    play.close()
    for i in range(7):
        play.answer(i)
    return play


def unmask(play: Play, quorum: Quorum, i: int = 0) -> Step:
    """What client i answers; by a copy of it, for the real one answers once."""
    state = play.clients[i]
    assert isinstance(state, Endorsed)
    return client.unmask(another(state), quorum.to_bytes())[1]


def another(state: Endorsed) -> Endorsed:
    """The same client, as if M8 had never been made."""
    seat = state.opened.seat
    fresh = replace(seat, secrets=replace(seat.secrets, _made=set()))
    return replace(state, opened=replace(state.opened, seat=fresh))


def honest_quorum(play: Play, endorsers: Collection[int] = range(NEEDED)) -> Quorum:
    bare = tuple(signature_of(play.said[i][3].message) for i in endorsers)
    return Quorum(tuple(endorsers), bare)


def test_A3_a_second_survivor_set_finds_nobody_to_endorse_it() -> None:
    play = endorsed()
    second = forgery.survivors(play, range(6))
    with pytest.raises(CoordinatorFault):
        client.unmask(play.clients[0], second)


def test_A3_a_quorum_for_another_set_than_i_endorsed_opens_nothing(monkeypatch: Patch) -> None:
    play = endorsed()
    other = forgery.endorsement(play, ALL, range(6))
    quorum = forgery.endorsed_by(play, range(1, 6), other)  # even if all of these are corrupt
    refused(lambda: unmask(play, quorum), "not of the set that I endorsed")
    monkeypatch.setattr(client, "verify", lambda message, *, public, context: payload_of(message))
    assert unmask(play, quorum).message


@pytest.mark.parametrize("wrong", ["mask set", "survivors", "headers"])
def test_A3_each_part_of_the_endorsement_counts(wrong: str) -> None:
    play = endorsed()
    honest = payload_of(play.said[0][3].message)
    parts = [honest[3:35], honest[37:69], honest[71:103]]
    assert Endorsement(*parts).payload() == honest
    parts[("mask set", "survivors", "headers").index(wrong)] = bytes(32)
    forged = forgery.endorsed_by(play, range(NEEDED), Endorsement(*parts).payload())
    refused(lambda: unmask(play, forged), "not of the set that I endorsed")


@pytest.mark.parametrize("how", ["by nobody here", "in another session", "in another role", "bent"])
def test_A3_a_quorum_with_signatures_that_do_not_hold_opens_nothing(
    monkeypatch: Patch, how: str
) -> None:
    play = endorsed()
    payload, honest = payload_of(play.said[0][3].message), honest_quorum(play)
    last = play.cast.keys[4]
    bad = {
        "by nobody here": signature_of(
            play.cast.server_key.sign(payload, context=labels.ENDORSE + play.sid)
        ),
        "in another session": signature_of(last.sign(payload, context=labels.ENDORSE + b"s" * 32)),
        "in another role": signature_of(last.sign(payload, context=labels.MASKED + play.sid)),
        "bent": honest.signatures[4][:-1] + bytes([honest.signatures[4][-1] ^ 1]),
    }[how]
    quorum = Quorum(honest.endorsers, (*honest.signatures[:4], bad))
    refused(lambda: unmask(play, quorum), "not of the set that I endorsed")
    monkeypatch.setattr(client, "verify", lambda message, *, public, context: b"")
    assert unmask(play, quorum).message


def test_A3_a_quorum_one_short_opens_nothing(monkeypatch: Patch) -> None:
    play = endorsed()
    quorum = honest_quorum(play, range(4))
    refused(lambda: unmask(play, quorum), "4 endorsements; a quorum is 5 of 8")
    rule_off(monkeypatch, client, "unmask", "a quorum is")
    assert unmask(play, quorum).message


def test_A3_an_endorsement_counted_twice_opens_nothing(monkeypatch: Patch) -> None:
    play = endorsed()
    quorum = honest_quorum(play, (0, 1, 2, 3, 3))
    refused(lambda: unmask(play, quorum), "counts someone twice")
    with monkeypatch.context() as patch:
        rule_off(patch, client, "unmask", "counts someone twice")
        refused(lambda: unmask(play, quorum), "4 endorsements")  # and is still counted once
    rule_off(monkeypatch, client, "unmask", "counts someone twice", "a quorum is")
    assert unmask(play, quorum).message


def test_A22_an_endorsement_by_someone_who_did_not_survive_opens_nothing(
    monkeypatch: Patch,
) -> None:
    play = endorsed()
    payload = payload_of(play.said[0][3].message)
    quorum = forgery.endorsed_by(play, (0, 1, 2, 3, 7), payload)
    refused(lambda: unmask(play, quorum), "did not survive")
    rule_off(monkeypatch, client, "unmask", "did not survive")
    assert unmask(play, quorum).message


@pytest.mark.parametrize("index", [8, 300, 65535])
def test_A3_an_endorser_who_is_not_on_the_roster_opens_nothing(index: int) -> None:
    play = endorsed()
    honest = honest_quorum(play)
    quorum = Quorum((*honest.endorsers[:4], index), honest.signatures)
    refused(lambda: unmask(play, quorum), "did not survive")


def test_A2_nobody_releases_both_secrets_of_one_client() -> None:
    play = endorsed()
    for i in range(7):
        play.answer(i, honest_quorum(play).to_bytes())
        seeds, edges, keys = forgery.unmasking_of(play, i, ALL, range(7))
        assert seeds == {j: play.held[i][j][0] for j in range(7) if j != i}
        assert set(edges) == {7}
        assert keys == {7: play.held[i][7][1]}
        payload = payload_of(play.said[i][4].message)
        assert len(payload) < 6 * 64 + 32 + 64 + 16  # and there is no room for anything else


def test_A2_a_second_quorum_is_not_answered_and_would_get_the_very_same_bytes() -> None:
    play = endorsed()
    quorums = (honest_quorum(play), honest_quorum(play, (6, 5, 4, 3, 2, 1)))
    answers = {unmask(play, quorum).message for quorum in quorums}
    assert len(answers) == 1
    state = play.clients[0]
    play.answer(0, quorums[0].to_bytes())
    with pytest.raises(Caller, match="M8 was made before"):
        client.unmask(state, quorums[1].to_bytes())
    with pytest.raises(CoordinatorFault):
        client.accept_result(play.clients[0], quorums[1].to_bytes())


def test_A3_a_corrupt_client_with_two_headers_splits_the_endorsements_and_no_quorum_forms() -> None:
    play = masked_without()
    headers = ({}, {7: forgery.header(play, 7, ALL)})
    for i in range(7):
        play.answer(i, forgery.survivors(play, ALL, to=i, headers=headers[i % 2]))
    said = {payload_of(play.said[i][3].message) for i in range(7)}
    assert len(said) == 2
    for i in range(7):  # four of seven stand on either side at most; five are needed
        side = [j for j in range(7) if j % 2 == i % 2]
        refused(lambda i=i, side=side: unmask(play, honest_quorum(play, side), i), "a quorum is 5")
