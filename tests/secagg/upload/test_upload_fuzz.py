"""Anything at all may arrive: a machine answers with its own family of errors or with sense.

Damaged messages, messages for another step or of another window, random bytes and random values
under a valid signature. Whatever is refused leaves no trace, and no text of a state or of a
refusal shows a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.crypto.signature import payload_of
from holter.secagg.errors import Caller, CoordinatorFault
from holter.secagg.upload import client, helper, leader
from holter.secagg.upload.messages import Answer, Report
from holter.wire.cbor import decode, encode
from tests.secagg.cast import MINUTE, tape
from tests.secagg.test_fuzz import BOMBS, values, wrong_messages
from tests.secagg.upload.doors import Door, doors
from tests.secagg.upload.window_cast import WindowPlay, private_of, window_cast
from tests.secagg.upload.window_forgery import seeds_of

DOORS = ["report", "offer", "proposal", "verdict", "draft", "signature", "request", "answer"]


def trace(state: Any) -> object:
    """What a state holds, by identity, so that any change inside it shows."""
    held = [getattr(state, f.name) for f in fields(state)]
    return [
        [(key, id(value)) for key, value in one.items()] if isinstance(one, Mapping) else id(one)
        for one in held
    ]


@cache
def secrets() -> list[bytes]:
    """Everything that no text may show."""
    cast = window_cast(4, 4)
    made = [seed for i in range(4) for seed in seeds_of(cast, i)]
    made += [client.mask_key(seed) for seed in made]
    made += [private_of(cast.window.suite, j) for j in range(4)]
    made += [tape(who) for who in ("leader", "registrar", *(("device", i) for i in range(4)))]
    made += [cast.vector(i).tobytes() for i in range(4)]
    return made + [tape(("helper", j)) for j in range(4)]


def shows_nothing(text: str) -> None:
    for secret in secrets():
        for form in (repr(secret)[2:-1], secret.hex(), str(list(secret))[1:-1]):
            assert form not in text and form[: len(form) // 2] not in text


def refuse(door: Door, message: bytes) -> None:
    before = trace(door.state)
    with pytest.raises(door.family) as caught:
        door.enter(message)
    assert trace(door.state) == before
    shows_nothing(f"{caught.value} {caught.value!r}")
    assert type(caught.value) is door.family and str(caught.value)


@pytest.mark.parametrize("name", DOORS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_is_not_the_message_that_is_due_is_refused_by_its_own_family(
    name: str, data: st.DataObject
) -> None:
    true = [door.true for door in doors().values()]
    message = data.draw(wrong_messages(true))
    if message != doors()[name].true:
        refuse(doors()[name], message)


@pytest.mark.parametrize("other", [*DOORS, "record"])
@pytest.mark.parametrize("name", DOORS)
def test_the_message_of_another_step_is_refused(name: str, other: str) -> None:
    door = doors()[name]
    if name == other:
        assert door.enter(door.true)
    else:
        refuse(door, doors()[other].true)


@pytest.mark.parametrize("name", DOORS)
def test_the_message_of_another_window_is_refused(name: str) -> None:
    door = doors()[name]
    signed = decode(door.true)
    inner = signed[1] if name == "report" else signed[0] if name == "answer" else door.true
    elsewhere = door.signer.sign(payload_of(inner), context=door.label + tape("another window"))
    refuse(door, door.wrap(elsewhere))


@pytest.mark.parametrize("name", DOORS)
@settings(max_examples=40, deadline=None)
@given(value=st.one_of(values, st.lists(st.binary(max_size=34), max_size=6)), cut=st.booleans())
def test_nonsense_under_a_good_signature_is_refused(name: str, value: Any, cut: bool) -> None:
    door, play = doors()[name], window_cast(4, 4)
    payload = encode(value)[: -1 if cut else None]
    message = door.wrap(door.signer.sign(payload, context=door.label + play.window.context))
    if isinstance(value, list) and len(value) == 2 and name == "proposal":
        try:
            door.enter(message)
        except CoordinatorFault:
            return
        credentials, signed = value
        assert len(credentials) == len(signed)  # nothing in it is valid, which is no fault
    else:
        refuse(door, message)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_record_that_is_none_ends_the_window_for_its_helper(data: st.DataObject) -> None:
    door = doors()["record"]
    message = data.draw(wrong_messages([door.true]))
    try:
        found = door.enter(message)
    except Caller as error:
        shows_nothing(str(error))
    else:  # a damage inside of what was answered shows to whoever reads the answer
        kind, list_hash, content = decode(message)
        assert isinstance(found, helper.Helper) and found.answered[list_hash] == content
        assert kind == helper.ANSWERED


@pytest.mark.parametrize("bomb", range(len(BOMBS)))
@pytest.mark.parametrize("name", DOORS)
def test_nesting_and_claimed_lengths_exhaust_nobody(name: str, bomb: int) -> None:
    refuse(doors()[name], BOMBS[bomb]())


def test_no_text_of_any_state_shows_a_secret() -> None:
    play = WindowPlay.of(window_cast(4, 4)).gather()
    texts = [repr(play.leader), repr(list(play.leader.entries.values()))]
    play.judge()
    texts += [repr(play.leader), repr([Report.parse(m, 24) for m in play.reports.values()])]
    request = play.stand()
    texts += [repr(play.leader), repr(play.helpers), repr(play.leader.before)]
    answers = {j: play.answer(j, request) for j in range(4)}
    for j, message in answers.items():
        play.hear(j, message)
        texts += [repr(Answer.parse(message, 3, 24)), repr(play.helpers[j])]
    texts += [repr(play.leader), repr([list(h.seen.values()) for h in play.helpers.values()])]
    reply = helper.answer(play.helpers[0], request, minute=MINUTE)[1]
    texts += [repr(reply), repr(leader.close_answering(play.leader))]
    for text in texts:
        shows_nothing(text)
    masks = [v for j in range(4) for v in Answer.parse(answers[j], 3, 24).vectors]
    assert not any(repr(mask)[2:-1] in text for mask in masks for text in texts)
