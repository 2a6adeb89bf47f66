"""Clients that lie (attack A23): messages that are not theirs, not of this session, not whole.

Every one is refused by name and changes nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from holter.algebra.ring import to_bytes
from holter.crypto import labels
from holter.crypto.signature import SigningKey, payload_of
from holter.secagg import client, server
from holter.secagg.errors import Caller, PeerFault
from holter.secagg.messages import (
    ADVERTISEMENT_LIMIT,
    Advertised,
    Masked,
    MaskedHeader,
    Shares,
    Unmasking,
)
from holter.secagg.session import set_hash
from holter.trust import credential
from tests.secagg import forgery
from tests.secagg.cast import TODAY, Play, cast_of, rule_off, tape, to_phase
from tests.secagg.forged_roster import advertised, advertisement_of
from tests.secagg.forgery import awaiting, resigned

Patch = pytest.MonkeyPatch


def refused(play: Play, i: int, message: bytes, says: str) -> None:
    before = play.server
    with pytest.raises(PeerFault, match=says) as caught:
        play.deliver(i, message)
    assert play.server is before
    assert caught.value.client in (i, None)


@pytest.mark.parametrize("phase", [1, 2, 3, 4])
def test_a_message_by_another_hand_is_refused(phase: int) -> None:
    play = awaiting(phase)
    other = play.said[1][phase].message
    refused(play, 0, other, "another key")
    refused(play, 8, other, "not on the roster|not in the mask set|not survive")
    refused(play, -1, other, "not on the roster|not in the mask set|not survive")


def test_a_message_after_the_sum_is_refused_by_name() -> None:
    play = to_phase(cast_of(8), 4)
    play.server = play.finish()
    for phase in range(5):
        refused(play, 3, play.said[3][phase].message, "client 3 comes after the session's end")


@pytest.mark.parametrize("phase", [1, 2, 3, 4])
def test_a_message_of_another_phase_or_session_is_refused(phase: int) -> None:
    play = awaiting(phase)
    for earlier in range(phase):
        refused(play, 0, play.said[0][earlier].message, "client 0")
    foreign = Play.of(cast_of(8, session_id=b"session-00000000")).join()
    for _ in range(phase):
        foreign.go()
    refused(play, 0, foreign.said[0][phase].message, "does not verify in this context")


@pytest.mark.parametrize("phase", [1, 2, 3, 4])
def test_a_client_that_says_two_things_is_held_to_the_first(phase: int) -> None:
    play = awaiting(phase)
    play.deliver(0)
    state = play.server
    play.deliver(0)  # the same again changes nothing
    assert repr(play.server) == repr(state)
    message = play.said[0][phase].message
    if phase == 2:
        header = MaskedHeader.parse(payload_of(forgery.client_header(message)))
        vector = to_bytes(np.ones(3, dtype=np.uint64))
        digest = client.hashlib.sha256(vector).digest()
        signed = resigned(play, 0, 2, replace(header, vector_hash=digest).payload())
        second = Masked(signed, vector).to_bytes()
    else:
        payload = payload_of(message)
        second = resigned(play, 0, phase, payload[:-1] + bytes([payload[-1] ^ 1]))
    refused(play, 0, second, "something else before|endorses another set")


@pytest.mark.parametrize("phase", [1, 2, 3, 4])
def test_a_message_too_long_is_refused_before_it_is_decoded(phase: int) -> None:
    play = awaiting(phase)
    refused(play, 0, b"\x9a\x00\x10\x00\x00" + b"\x80" * (1 << 20), "bytes")


def test_shares_and_tags_of_the_wrong_number_are_refused() -> None:
    play = awaiting(1)
    honest = Shares.parse(payload_of(play.said[0][1].message), 7)
    for name in ("sealed", "seed_tags", "key_tags", "edge_tags"):
        parts = getattr(honest, name)
        for wrong in (parts[:-1], (*parts, parts[0])):
            shares = replace(honest, **{name: wrong})
            refused(play, 0, resigned(play, 0, 1, shares.payload()), "must be|at most")


def test_A2_a_release_of_more_or_less_than_is_asked_for_is_refused() -> None:
    play = to_phase(cast_of(8), 1)
    play.go(range(7)).go()
    play.close()
    play.answer(0)
    honest = Unmasking.parse(payload_of(play.said[0][4].message), 6, 1, 1)
    seed, edge, key = honest.seed_shares[0], honest.edge_seeds[0], honest.key_shares[0]
    for wrong in (
        replace(honest, seed_shares=honest.seed_shares[:-1]),
        replace(honest, seed_shares=(*honest.seed_shares, seed)),  # of the one who is gone
        replace(honest, edge_seeds=()),
        replace(honest, edge_seeds=(edge, edge)),
        replace(honest, key_shares=()),
        replace(honest, key_shares=(key, key)),  # of one who survived
    ):
        refused(play, 0, resigned(play, 0, 4, wrong.payload()), "must be|at most")


def test_a_vector_that_is_not_the_signed_one_is_refused(monkeypatch: Patch) -> None:
    play = awaiting(2)
    message = play.said[0][2].message
    swapped = Masked(forgery.client_header(message), bytes(24)).to_bytes()
    refused(play, 0, swapped, "not the one that was signed")
    rule_off(monkeypatch, server, "_add_input", "not the one that was signed")
    play.deliver(0, swapped)
    assert play.server.vectors[0].tolist() == [0, 0, 0]


def test_a_vector_under_another_mask_set_is_refused(monkeypatch: Patch) -> None:
    play = awaiting(2)
    message = play.said[0][2].message
    header = MaskedHeader.parse(payload_of(forgery.client_header(message)))
    other = replace(header, mask_set_hash=set_hash(play.sid, range(7), 8))
    data = Masked(resigned(play, 0, 2, other.payload()), message[-24:]).to_bytes()
    refused(play, 0, data, "another mask set")
    rule_off(monkeypatch, server, "_add_input", "another mask set")
    play.deliver(0, data)


def test_a_complaint_about_someone_outside_the_mask_set_is_refused(monkeypatch: Patch) -> None:
    play = to_phase(cast_of(8), 0)
    play.go(range(7))
    play.close()
    play.answer(0)
    message = play.said[0][2].message
    header = MaskedHeader.parse(payload_of(forgery.client_header(message)))
    signed = resigned(play, 0, 2, replace(header, complaints=bytes([1 << 6])).payload())
    data = Masked(signed, message[-24:]).to_bytes()
    refused(play, 0, data, "complains about someone not in the mask set")
    rule_off(monkeypatch, server, "_add_input", "complains about someone")
    play.deliver(0, data)
    assert play.server.inputs[0].complaints == {7}


@pytest.mark.parametrize("complaints", [b"", b"\x00\x00", b"\x00" * 32])
def test_complaints_of_the_wrong_length_are_refused(complaints: bytes) -> None:
    play = awaiting(2)
    message = play.said[0][2].message
    header = MaskedHeader.parse(payload_of(forgery.client_header(message)))
    signed = resigned(play, 0, 2, replace(header, complaints=complaints).payload())
    refused(play, 0, Masked(signed, message[-24:]).to_bytes(), "wrong length")


def test_who_is_outside_the_set_of_a_phase_is_not_heard_in_it() -> None:
    play = to_phase(cast_of(8), 0)
    play.go(range(7)).go().go()
    play.close()
    unsealing, endorsing = play.server, play.server.before
    says = {
        labels.MASKED: (endorsing.before, "not in the mask set"),
        labels.ENDORSE: (endorsing, "did not survive"),
        labels.UNMASK: (unsealing, "did not survive"),
    }
    for label, (state, refusal) in says.items():
        outside = play.cast.keys[7].sign(b"", context=label + play.sid)
        with pytest.raises(PeerFault, match=refusal):
            server.receive(state, 7, outside)


def test_an_advertisement_too_long_or_by_a_stranger_is_refused() -> None:
    cast = cast_of(5)
    play = Play.of(cast)
    play.advertise()
    message = play.said[0][0].message
    assert len(message) < ADVERTISEMENT_LIMIT / 2
    with pytest.raises(PeerFault, match="bytes was refused"):
        server.join(play.server, b"\x80" * (1 << 20), cast.check)
    payload = advertised(message).payload()
    context = labels.ADVERTISE + cast.session.context
    for held in cast.credentials[:2]:
        signed = SigningKey(tape("stranger")).sign(payload, context=context)
        with pytest.raises(PeerFault, match=r"another key|another device's"):
            server.join(play.server, Advertised(held, signed).to_bytes(), cast.check)
    other = cast_of(5, model=b"another model").session.context
    signed = cast.keys[0].sign(payload, context=labels.ADVERTISE + other)
    with pytest.raises(PeerFault, match="does not verify in this context"):
        server.join(play.server, Advertised(cast.credentials[0], signed).to_bytes(), cast.check)


def test_A5_an_advertisement_without_a_valid_credential_is_refused() -> None:
    cast = cast_of(5)
    public = cast.keys[0].public
    fake, old = SigningKey(tape("fake registrar")), credential.Credential(public, 1, TODAY - 1)
    for held in (
        credential.issue(fake, replace(old, expires_day=TODAY)),
        credential.issue(cast.registrar, old),
        b"",
        b"\x80",
    ):
        with pytest.raises(PeerFault, match="an advertisement was refused"):
            server.join(Play.of(cast).server, advertisement_of(cast, 0, held), cast.check)


def test_advertisements_have_no_sender_and_go_nowhere_else() -> None:
    play = Play.of(cast_of(5))
    play.advertise()
    with pytest.raises(Caller, match=r"go to join"):
        play.deliver(0)


def test_a_device_that_advertises_twice_is_held_to_the_first() -> None:
    cast = cast_of(5)
    one, two = Play.of(cast), Play.of(cast, "again")
    one.advertise()
    two.advertise()
    state = server.join(one.server, one.said[0][0].message, cast.check)
    assert server.join(state, one.said[0][0].message, cast.check) is state
    with pytest.raises(PeerFault, match="advertised twice"):
        server.join(state, two.said[0][0].message, cast.check)


def test_a_full_roster_takes_nobody_else() -> None:
    large, small = cast_of(6), cast_of(5)
    play = Play.of(replace(large, session=small.session))
    play.advertise()
    for i in range(5):
        play.server = server.join(play.server, play.said[i][0].message, large.check)
    with pytest.raises(PeerFault, match="full"):
        server.join(play.server, play.said[5][0].message, large.check)
