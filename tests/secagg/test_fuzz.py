"""Anything at all may arrive: a machine answers with its own family of errors or with sense.

Damaged messages, messages for another step, random bytes and random values under a valid
signature. Whatever is refused leaves nothing behind, and no refusal says anything secret.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.crypto import labels
from holter.crypto.signature import payload_of
from holter.secagg import client, server
from holter.secagg.errors import Caller, CoordinatorFault, PeerFault
from holter.secagg.messages import Inbox, Masked, Quorum, Roster, Survivors
from holter.wire.cbor import MAX_DEPTH, encode
from tests.secagg.cast import Play, cast_of
from tests.secagg.staging import (
    CLIENTS,
    LOST,
    PHASES,
    STEPS,
    damaged,
    receive,
    said,
    shown,
    stage,
    step,
    values,
    wrong_messages,
)

steps, phases = pytest.mark.parametrize("at", STEPS), pytest.mark.parametrize("at", PHASES)


def refused(state: Any, at: int, message: bytes) -> bool:
    """Whether client 0 refuses; its state is then as it was."""
    before = repr(state)
    try:
        step(state, message)
    except CoordinatorFault as fault:
        assert str(fault) and not shown(f"{fault} {fault!r}")
        assert repr(state) == before
        return True
    return False


def turned_down(at: int, sender: int, message: bytes) -> None:
    """The server refuses; its state is then as it was."""
    state = stage().servers[at]
    before = repr(state)
    with pytest.raises(PeerFault) as fault:
        receive(at, sender, message)
    assert str(fault.value) and not shown(f"{fault.value} {fault.value!r}")
    assert fault.value.client in (None, sender) and repr(state) == before


@steps
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_a_client_refuses_whatever_is_not_the_message_that_is_due(
    at: int, data: st.DataObject
) -> None:
    true = stage().messages
    message = data.draw(wrong_messages(true))
    if message != true[at] and not refused(stage().states[at], at, message):
        # Only a place may be spoilt without a refusal (A21); everything else is signed.
        assert at == 1 and Inbox.parse(message).signed_mask_set


@pytest.mark.parametrize("sent", STEPS)
@steps
def test_a_client_refuses_the_messages_of_all_other_steps(at: int, sent: int) -> None:
    state, message = stage().states[at], stage().messages[sent]
    assert refused(state, at, message) == (at != sent)


def statements(payload: bytes) -> list[bytes]:
    """Messages of the coordinator, well formed outside, whose signed part is ``payload``."""
    made = stage()
    key, ctx, sid = made.play.cast.server_key, made.play.cast.session.context, made.play.sid
    inbox, whole = Inbox.parse(made.messages[1]), Survivors.parse(made.messages[2])
    roster = Roster.parse(made.messages[0])
    terms = key.sign(payload, context=labels.ROSTER + ctx)
    return [
        Roster(terms, roster.rows, roster.peers, roster.credentials).to_bytes(),
        Inbox(key.sign(payload, context=labels.INBOX + sid), inbox.places).to_bytes(),
        Survivors(key.sign(payload, context=labels.SURVIVORS + sid), whole.headers).to_bytes(),
        Quorum((0, 1), (payload[:64].ljust(64), bytes(64))).to_bytes(),
        key.sign(payload, context=labels.RESULT + sid),
        key.sign(payload, context=labels.TRANSCRIPT + sid),
    ]


@steps
@settings(max_examples=60, deadline=None)
@given(value=st.one_of(values, st.lists(st.binary(max_size=34), max_size=3)), raw=st.booleans())
def test_a_client_refuses_nonsense_that_the_coordinator_signed(
    at: int, value: Any, raw: bool
) -> None:
    payload = encode(value)[:900]
    message = statements(payload[:-1] if raw else payload)[at]
    assert message == stage().messages[at] or refused(stage().states[at], at, message)


@phases
@settings(max_examples=120, deadline=None)
@given(data=st.data(), sender=st.integers(-2, CLIENTS + 1))
def test_the_server_refuses_whatever_is_not_its_senders_due_message(
    at: int, data: st.DataObject, sender: int
) -> None:
    true = {i: said(i) for i in range(CLIENTS)}
    message = data.draw(wrong_messages([each for sent in true.values() for each in sent]))
    due = range(CLIENTS) if at == 0 else {sender} & set(true)
    if message not in [true[i][at] for i in due if len(true[i]) > at]:
        turned_down(at, sender, message)


@phases
@settings(max_examples=60, deadline=None)
@given(value=st.one_of(values, st.lists(st.binary(max_size=40), max_size=5)), raw=st.booleans())
def test_the_server_refuses_nonsense_that_a_client_signed(at: int, value: Any, raw: bool) -> None:
    cast = stage().play.cast
    payload = encode(value)[: -1 if raw else None]
    label = (labels.ADVERTISE, labels.SHARES, labels.MASKED, labels.ENDORSE, labels.UNMASK)[at]
    bound_to = cast.session.context if at == 0 else stage().play.sid
    signed = cast.keys[2].sign(payload, context=label + bound_to)
    message = signed
    if at == 0:
        message = encode([cast.credentials[2], signed])
    elif at == 2:
        message = Masked(signed, bytes(24)).to_bytes()
    turned_down(at, 2, message)


@phases
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_server_refuses_a_damaged_payload_that_its_sender_signed_or_takes_one_that_fits(
    at: int, data: st.DataObject
) -> None:
    """What is inside may be false, and blame is for later; the form is checked here."""
    cast, true = stage().play.cast, said(2)[at]
    label = (labels.ADVERTISE, labels.SHARES, labels.MASKED, labels.ENDORSE, labels.UNMASK)[at]
    bound_to = cast.session.context if at == 0 else stage().play.sid
    signed = Masked.parse(true, 24).signed_header if at == 2 else true
    payload = damaged(data.draw, payload_of(signed)) if at else damaged(data.draw, true)
    message = cast.keys[2].sign(payload, context=label + bound_to)
    if at == 2:
        message = Masked(message, Masked.parse(true, 24).vector).to_bytes()
    before = repr(stage().servers[at])
    try:
        following = receive(at, 2, message)
    except PeerFault as fault:
        assert not shown(str(fault))
    else:
        assert type(following) is type(stage().servers[at]) and not shown(repr(following))
    assert repr(stage().servers[at]) == before


BOMBS: list[Callable[[], bytes]] = [
    lambda: b"\x81" * 100_000,
    lambda: b"\x81" * (MAX_DEPTH + 1) + b"\x00",
    lambda: b"\x9b" + b"\xff" * 8,
    lambda: b"\x5b\x7f" + b"\xff" * 7,
    lambda: b"\xbb" + b"\xff" * 8,
    lambda: b"\x9a\x00\x01\x00\x00" + b"\x80" * 65_536,
    lambda: b"",
]


@pytest.mark.parametrize("bomb", BOMBS)
def test_nesting_and_claimed_lengths_exhaust_nobody(bomb: Callable[[], bytes]) -> None:
    for at in PHASES:
        turned_down(at, 0, bomb())
    for at in STEPS:
        assert refused(stage().states[at], at, bomb())


def test_a_result_too_long_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(CoordinatorFault, match="a result of 65541 bytes"):
        step(stage().states[4], b"\x9a\x00\x01\x00\x00" + b"\x80" * 65_536)


def test_no_state_of_either_machine_shows_a_secret() -> None:
    made = stage()
    for state in (*made.states, *made.servers, made.play.server):
        assert len(repr(state)) > 40 and not shown(repr(state)) and not shown(str(state))
    for steps_of in made.play.said.values():
        assert not any(shown(repr(each)) for each in steps_of)
    assert shown(repr(made.play.vectors[0].tolist())) == ["vector 0"]  # the test sees what it seeks


def test_a_machine_called_out_of_turn_by_its_own_program_says_so() -> None:
    play = Play.of(cast_of(4))
    with pytest.raises(Caller, match="join"):
        server.receive(play.server, 0, b"")
    for length in (0, 127, 129):
        with pytest.raises(Caller, match="128 random bytes"):
            client.advertise(play.cast.session, play.cast.keys[0], b"", random=bytes(length))
    play.join().close()
    seated = client.accept_roster(play.clients[0], play.outbox[0], play.cast.check)
    with pytest.raises(Caller, match="random bytes are needed"):
        client.share(seated, random=bytes(client.share_random_bytes(seated) - 1))
    random = bytes(client.share_random_bytes(seated))
    client.share(seated, random=random)
    with pytest.raises(Caller, match="M2 was made before"):
        client.share(seated, random=random)


def test_a_client_that_is_lost_says_nothing_and_holds_no_one_up() -> None:
    made = stage()
    assert [len(said(i)) for i in range(CLIENTS)] == [5] * LOST + [2]
    assert type(made.play.server) is server.Unsealing
