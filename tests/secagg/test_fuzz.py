"""Anything at all may arrive: a machine answers with its own family of errors or with sense.

Damaged messages, messages for another step, random bytes and random values under a valid
signature. Whatever is refused leaves no state behind: the states are frozen values.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
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

STEPS = range(5)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**64), 2**64 - 1),
    st.binary(max_size=40),
    st.text(max_size=8),
    st.sampled_from([bytes(n) for n in (1, 2, 32, 33, 64, 144, 1024, 1025)]),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.one_of(st.integers(-9, 9), st.text(max_size=3)), inner, max_size=3),
    ),
    max_leaves=12,
)


@cache
def stage() -> tuple[Play, list[Any], list[bytes], list[Any]]:
    """Client 0's state and the true message before each step, and the server's states."""
    play = Play.of(cast_of(5)).join()
    states, messages, servers = [], [], []
    for _ in range(4):
        play.close()
        servers.append(play.server)
        states.append(play.clients[0])
        messages.append(play.outbox[0])
        for i in play.outbox:
            play.answer(i)
            play.deliver(i)
    _, result = server.close_unmasking(play.server)
    states.append(play.clients[0])
    messages.append(result)
    return play, states, messages, servers


def step(state: Any, data: bytes) -> object:
    """What client 0 does with ``data`` in ``state``."""
    play = stage()[0]
    if isinstance(state, client.Released):
        return client.accept_result(state, data)
    trial = Play(play.cast, play.vectors, clients={0: state}, said={0: []})
    return trial.answer(0, data)


def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """The message with a bit flipped, a piece cut out, doubled or replaced."""
    how = draw(st.sampled_from(["flip", "cut", "double", "replace", "head"]))
    at = draw(st.integers(0, len(data) - 1))
    end = min(len(data), at + draw(st.integers(1, 40)))
    if how == "flip":
        return data[:at] + bytes([data[at] ^ 1 << draw(st.integers(0, 7))]) + data[at + 1 :]
    if how == "cut":
        return data[:at] + data[end:]
    if how == "double":
        return data[:end] + data[at:]
    if how == "head":
        return bytes([draw(st.integers(0, 255))]) + data[1:]
    return data[:at] + draw(st.binary(max_size=40)) + data[end:]


@st.composite
def wrong_messages(draw: st.DrawFn, true: list[bytes]) -> bytes:
    kind = draw(st.sampled_from(["damaged", "damaged", "bytes", "value", "other"]))
    if kind == "damaged":
        return damaged(draw, draw(st.sampled_from(true)))
    if kind == "bytes":
        return draw(st.binary(max_size=200))
    if kind == "other":
        return draw(st.sampled_from(true))
    return encode(draw(values))


@pytest.mark.parametrize("at", STEPS)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_a_client_refuses_whatever_is_not_the_message_that_is_due(
    at: int, data: st.DataObject
) -> None:
    _, states, messages, _ = stage()
    message = data.draw(wrong_messages(messages))
    if message == messages[at]:
        return
    try:
        step(states[at], message)
    except CoordinatorFault as fault:
        assert str(fault)
    else:
        # Only a seal may be spoilt without a refusal (A21); everything else is signed.
        assert at == 1 and Inbox.parse(message).signed_mask_set


@pytest.mark.parametrize("sent", STEPS)
@pytest.mark.parametrize("at", STEPS)
def test_a_client_refuses_the_messages_of_all_other_steps(at: int, sent: int) -> None:
    _, states, messages, _ = stage()
    if at == sent:
        assert step(states[at], messages[at])
    else:
        with pytest.raises(CoordinatorFault):
            step(states[at], messages[sent])


def statements(play: Play, payload: bytes) -> list[bytes]:
    """Messages of the coordinator, well formed outside, whose signed part is ``payload``."""
    _, _, messages, _ = stage()
    key, ctx, sid = play.cast.server_key, play.cast.session.context, play.sid
    inbox, shown = Inbox.parse(messages[1]), Survivors.parse(messages[2])
    rows = Roster.parse(messages[0]).advertisements
    return [
        Roster(key.sign(payload, context=labels.ROSTER + ctx), rows).to_bytes(),
        Inbox(key.sign(payload, context=labels.INBOX + sid), inbox.sealed).to_bytes(),
        Survivors(key.sign(payload, context=labels.SURVIVORS + sid), shown.headers).to_bytes(),
        Quorum((0, 1), (payload[:64], bytes(64))).to_bytes(),
        key.sign(payload, context=labels.RESULT + sid),
    ]


@pytest.mark.parametrize("at", STEPS)
@settings(max_examples=60, deadline=None)
@given(value=st.one_of(values, st.lists(st.binary(max_size=34), max_size=3)), raw=st.booleans())
def test_a_client_refuses_nonsense_that_the_coordinator_signed(
    at: int, value: Any, raw: bool
) -> None:
    play, states, messages, _ = stage()
    payload = encode(value)[:900]
    message = statements(play, payload[:-1] if raw else payload)[at]
    if message == messages[at]:
        return
    with pytest.raises(CoordinatorFault):
        step(states[at], message)


def receive(at: int, sender: int, message: bytes) -> object:
    play, _, _, servers = stage()
    if at == 0:
        return server.join(Play.of(play.cast).server, message, play.cast.check)
    return server.receive(servers[at - 1], sender, message)


@pytest.mark.parametrize("at", STEPS)
@settings(max_examples=120, deadline=None)
@given(data=st.data(), sender=st.integers(-2, 7))
def test_the_server_refuses_whatever_is_not_its_senders_due_message(
    at: int, data: st.DataObject, sender: int
) -> None:
    play = stage()[0]
    true = [each.message for steps in play.said.values() for each in steps]
    message = data.draw(wrong_messages(true))
    due = at == 0 or sender in play.said
    if due and message in [s[at].message for i, s in play.said.items() if at == 0 or i == sender]:
        return
    with pytest.raises(PeerFault):
        receive(at, sender, message)


@pytest.mark.parametrize("at", STEPS)
@settings(max_examples=60, deadline=None)
@given(value=st.one_of(values, st.lists(st.binary(max_size=40), max_size=5)), raw=st.booleans())
def test_the_server_refuses_nonsense_that_a_client_signed(at: int, value: Any, raw: bool) -> None:
    play = stage()[0]
    payload = encode(value)[: -1 if raw else None]
    label = (labels.ADVERTISE, labels.SHARES, labels.MASKED, labels.ENDORSE, labels.UNMASK)[at]
    bound_to = play.cast.session.context if at == 0 else play.sid
    signed = play.cast.keys[2].sign(payload, context=label + bound_to)
    message = Masked(signed, bytes(24)).to_bytes() if at == 2 else signed
    if payload == payload_of(play.said[2][at].message if at != 2 else signed):
        return
    with pytest.raises(PeerFault):
        receive(at, 2, message)


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
@pytest.mark.parametrize("at", STEPS)
def test_nesting_and_claimed_lengths_exhaust_nobody(at: int, bomb: Callable[[], bytes]) -> None:
    with pytest.raises(PeerFault):
        receive(at, 0, bomb())
    with pytest.raises(CoordinatorFault):
        step(stage()[1][at], bomb())


def test_a_result_too_long_is_refused_before_it_is_decoded() -> None:
    _, states, _, _ = stage()
    with pytest.raises(CoordinatorFault, match="a result of 65541 bytes"):
        step(states[4], b"\x9a\x00\x01\x00\x00" + b"\x80" * 65_536)


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
