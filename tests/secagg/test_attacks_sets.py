"""A coordinator that lies about U2 and U3 (attacks A2, A3, A4, A21, A22 of the threat model).

Eight clients, a floor of six, a threshold of five. Each attack is refused, and gets past that
point once the one rule that refuses it is taken out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import pytest

from holter.algebra.ring import Words, total
from holter.crypto import labels
from holter.crypto.signature import SigningKey, payload_of
from holter.secagg import client, masking
from holter.secagg.client_states import Endorsed, Opened, Sent
from holter.secagg.errors import CoordinatorFault
from holter.secagg.messages import Inbox, MaskedHeader, Survivors
from holter.secagg.session import set_of
from tests.secagg import forgery
from tests.secagg.cast import WORDS, Play, cast_of, rule_off, tape, to_phase

Patch = pytest.MonkeyPatch
ALL = range(8)
NEEDED = 5


def refused(attack: Callable[[], object], says: str) -> None:
    with pytest.raises(CoordinatorFault, match=says):
        attack()


def shared() -> Play:
    return to_phase(cast_of(8), 1)


def inboxes(play: Play, members: Collection[int], who: Collection[int]) -> None:
    for i in who:
        play.answer(i, forgery.inbox(play, i, members))


def see(play: Play, data: bytes, i: int = 0) -> Opened:
    return client.accept_inbox(play.clients[i], data)


def endorse(play: Play, data: bytes, i: int = 0) -> Endorsed:
    assert isinstance(play.clients[i], Sent)
    return client.endorse(play.clients[i], data)[0]


@pytest.mark.parametrize("minority", [{6}, {4, 5, 6}])
def test_A21_split_mask_sets_are_not_endorsed(monkeypatch: Patch, minority: set[int]) -> None:
    play = shared()
    inboxes(play, ALL, set(range(7)) - minority)
    inboxes(play, range(7), minority)
    data = forgery.survivors(play, range(7))
    refused(lambda: endorse(play, data), "split view")
    theirs = forgery.survivors(play, range(7), to=6)
    refused(lambda: endorse(play, theirs, 6), "beyond the mask set|split view")
    rule_off(monkeypatch, client, "endorse", "split view")
    assert endorse(play, data).survivors == set(range(7))


def test_A21_a_spoilt_seal_is_masked_against_all_the_same_and_complained_about() -> None:
    play = shared()
    play.answer(0, forgery.inbox(play, 0, ALL, spoil={3, 7}))
    signed = MaskedHeader.parse(payload_of(forgery.client_header(play.said[0][2].message)))
    assert set_of(signed.complaints, 7) == {2, 6}  # places among its neighbours 1..7
    assert set(play.held[0]) == {1, 2, 4, 5, 6}
    honest = shared()
    honest.answer(0, forgery.inbox(honest, 0, ALL))
    vectors = (forgery.masked_vectors(p)[0].tolist() for p in (play, honest))
    assert next(vectors) == next(vectors)


def censored_sum(play: Play, inside: set[int]) -> Words:
    """The attack: no seal crosses between ``inside`` and the rest, yet U2 and U3 are everyone.

    What the coordinator gets for ``inside``: their vectors less the self masks that open.
    """
    outside = set(ALL) - inside
    for i in ALL:
        play.answer(i, forgery.inbox(play, i, ALL, spoil=outside if i in inside else inside))
    for i in ALL:
        play.answer(i, forgery.survivors(play, ALL, to=i))
    quorum = forgery.endorsed_by(play, range(NEEDED), payload_of(play.said[0][3].message))
    for i in ALL:
        play.answer(i, quorum.to_bytes())
    seeds, _, _ = forgery.released(play, ALL, ALL)
    secrets = [forgery.opened(seeds[i], NEEDED) for i in sorted(inside)]
    assert all(secret is not None for secret in secrets)  # their own shares stayed inside
    got = forgery.masked_vectors(play)
    return masking.unmask(total([got[i] for i in inside], WORDS), [s for s in secrets if s], [])


def test_A21_a_censored_inbox_opens_no_part_of_the_sum(monkeypatch: Patch) -> None:
    inside = set(range(6))
    play = shared()
    assert censored_sum(play, inside).tolist() != play.plain(inside)

    play = shared()
    real = masking.masked

    def naive(vector: Words, me: int, seed: bytes, seeds: dict[int, bytes]) -> Words:
        return real(vector, me, seed, {j: s for j, s in seeds.items() if j in play.held[me]})

    monkeypatch.setattr(masking, "masked", naive)
    assert censored_sum(play, inside).tolist() == play.plain(inside)  # six of eight: a break


def test_A21_a_mask_set_without_me_is_refused(monkeypatch: Patch) -> None:
    play = shared()
    data = forgery.inbox(play, 0, range(1, 8))
    refused(lambda: see(play, data), "leaves me out")
    rule_off(monkeypatch, client, "accept_inbox", "leaves me out")
    assert see(play, data).mask_set == set(range(1, 8))


def test_A4_a_mask_set_below_the_floor_is_refused_by_two_rules(monkeypatch: Patch) -> None:
    play = shared()
    data = forgery.inbox(play, 0, range(5))
    floor, holders = "the plan's floor", "too few others"
    refused(lambda: see(play, data), f"a mask set of 5; {floor} is 6")
    with monkeypatch.context() as patch:
        rule_off(patch, client, "accept_inbox", floor)
        refused(lambda: see(play, data), holders)
    rule_off(monkeypatch, client, "accept_inbox", floor, holders)
    assert see(play, data).mask_set == set(range(5))


def test_A21_an_inbox_with_missing_or_more_places_is_refused(monkeypatch: Patch) -> None:
    play = shared()
    honest = Inbox.parse(forgery.inbox(play, 0, ALL))
    for places in (honest.places[:-1], (*honest.places, b""), ()):
        data = Inbox(honest.signed_mask_set, places).to_bytes()
        with monkeypatch.context() as patch:
            refused(lambda data=data: see(play, data), "one place for each")
            rule_off(patch, client, "accept_inbox", "one place for each")
            with pytest.raises(ValueError, match="zip"):  # past the rule, places are misplaced
                see(play, data)


def test_A21_seals_in_another_order_open_for_nobody_and_are_complained_about() -> None:
    play = shared()
    honest = Inbox.parse(forgery.inbox(play, 0, ALL))
    data = Inbox(honest.signed_mask_set, honest.places[::-1]).to_bytes()
    assert set(see(play, data).held) == {4}  # the middle one of 1..7 stayed in its place


@pytest.mark.parametrize("how", ["label", "session", "signer"])
def test_A11_a_mask_set_or_survivor_set_signed_for_something_else_is_refused(
    monkeypatch: Patch, how: str
) -> None:
    def forge(play: Play, label: bytes, signed: bytes) -> bytes:
        key = SigningKey(tape("stranger")) if how == "signer" else play.cast.server_key
        bound_to = b"another session, seen before...." if how == "session" else play.sid
        return key.sign(
            payload_of(signed), context=(labels.RESULT if how == "label" else label) + bound_to
        )

    play = shared()
    honest = Inbox.parse(forgery.inbox(play, 0, ALL))
    signed = forge(play, labels.INBOX, honest.signed_mask_set)
    mask_set = Inbox(signed, honest.places).to_bytes()
    refused(lambda: see(play, mask_set), "not the coordinator's")
    later = to_phase(cast_of(8), 2)
    given = Survivors.parse(forgery.survivors(later, ALL))
    statement = forge(later, labels.SURVIVORS, given.signed_survivors)
    survivor_set = Survivors(statement, given.headers).to_bytes()
    refused(lambda: endorse(later, survivor_set), "not the coordinator's")
    real = client.verify

    def lax(message: bytes, *, public: bytes, context: bytes) -> bytes:
        server_public = play.cast.server_key.public
        strict = public != server_public
        return real(message, public=public, context=context) if strict else payload_of(message)

    monkeypatch.setattr(client, "verify", lax)
    assert see(play, mask_set).mask_set == set(ALL)
    assert endorse(later, survivor_set).survivors == set(ALL)


def test_A2_a_vector_held_back_stays_closed_although_its_pair_masks_open() -> None:
    play = to_phase(cast_of(8), 2)
    victim, rest = 7, range(7)
    for i in rest:
        play.answer(i, forgery.survivors(play, rest, to=i))
    quorum = forgery.endorsed_by(play, range(NEEDED), payload_of(play.said[0][3].message))
    for i in rest:
        play.answer(i, quorum.to_bytes())
    seeds, edges, keys = forgery.released(play, ALL, rest)
    assert victim not in seeds and set(edges) == set(keys) == {victim}
    private = forgery.opened(keys[victim], NEEDED)
    assert private is not None
    pairs = forgery.pair_seeds_of(play, victim, private)
    assert dict(edges[victim]) == pairs  # edge seeds tell no more than the key does
    held_back = forgery.masked_vectors(play)[victim]
    without_pairs = masking.unmask(held_back, [], [(victim, j, s) for j, s in pairs.items()])
    assert not np.array_equal(without_pairs, play.vectors[victim])
    # If holders gave both shares of one client, its vector would lie open:
    both = [(i, play.held[i][victim][0]) for i in rest]
    seed = forgery.opened(both, NEEDED)
    assert seed is not None
    assert np.array_equal(masking.unmask(without_pairs, [seed], []), play.vectors[victim])
