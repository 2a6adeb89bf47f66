"""The transcript: what the server signs about a session, and which one a client takes for true."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holter.algebra.ring import to_bytes
from holter.crypto import labels
from holter.crypto.signature import SigningKey, payload_of
from holter.secagg import client, server
from holter.secagg.errors import CoordinatorFault
from holter.secagg.messages import Endorsement, statement
from holter.secagg.session import SESSION_LIMIT
from holter.secagg.transcript import Transcript
from holter.wire.cbor import Malformed, decode, encode
from tests.secagg.cast import MINUTE, Play, cast_of, tape

hashes = st.binary(min_size=32, max_size=32)
counts = st.integers(0, SESSION_LIMIT)
indices = st.lists(st.integers(0, SESSION_LIMIT - 1), max_size=20).map(tuple)
sessions = st.tuples(
    st.just(1), st.just(1), st.binary(max_size=256), st.binary(min_size=16, max_size=16),
    st.integers(0, 99), hashes, hashes,
)  # fmt: skip
transcripts = st.builds(
    Transcript, sessions, hashes, counts, counts, counts,
    st.builds(Endorsement, hashes, hashes, hashes), st.tuples(*[counts] * 5), indices, hashes,
    st.binary(max_size=60), indices, st.integers(0, 2**40 - 1),
)  # fmt: skip


@pytest.fixture(scope="module")
def play() -> Play:
    """Eleven seats, one without M2, one without M4; one survivor lies, one is silent at the end."""
    whole = Play.of(cast_of(12, floor=9)).join(range(11))
    whole.go(range(10)).go(range(9)).go(range(8)).close()
    for i in range(8):
        whole.answer(i)
        whole.deliver(i, lying(whole, i) if i == 2 else None)
    whole.finish()
    return whole


def lying(play: Play, i: int) -> bytes:
    """M8 of client i with its first seed share spoilt."""
    found = decode(payload_of(play.said[i][-1].message))
    assert isinstance(found, list) and isinstance(found[0], bytes)
    payload = encode([bytes(64) + found[0][64:], *found[1:]])
    return play.cast.keys[i].sign(payload, context=labels.UNMASK + play.sid)


def told(play: Play) -> Transcript:
    assert play.summed is not None
    return Transcript.parse(payload_of(play.summed.transcript))


@given(transcripts)
def test_what_is_written_is_read_again(transcript: Transcript) -> None:
    assert Transcript.parse(transcript.payload()) == transcript


@given(transcripts, st.data())
def test_a_field_more_or_less_or_of_another_type_is_malformed(
    transcript: Transcript, data: st.DataObject
) -> None:
    fields = decode(transcript.payload())
    assert isinstance(fields, list) and len(fields) == 20
    place = data.draw(st.integers(0, 19))
    for wrong in (fields[:-1], [*fields, 0], [*fields[:place], None, *fields[place + 1 :]]):
        with pytest.raises(Malformed):
            Transcript.parse(encode(wrong))
    for cut in (transcript.payload()[:-1], transcript.payload() + b"\x00", b""):
        with pytest.raises(Malformed):
            Transcript.parse(cut)


@pytest.mark.parametrize(
    "change",
    [
        {"endorsers": (SESSION_LIMIT,) * (SESSION_LIMIT + 1)},
        {"accounting": bytes(4097)},
        {"size": SESSION_LIMIT + 1},
        {"counts": (1, 1, 1, 1)},
        {"counts": (1, 1, 1, 1, SESSION_LIMIT + 1)},
        {"minute": 2**40},
        {"minute": -1},
        {"root": bytes(31)},
        {"sum_hash": bytes(33)},
    ],
)
def test_limits_are_kept(play: Play, change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        Transcript.parse(replace(told(play), **change).payload())


@pytest.mark.parametrize("field", [15, 18])
def test_half_an_index_is_malformed(play: Play, field: int) -> None:
    fields = decode(told(play).payload())
    assert isinstance(fields, list)
    fields[field] = b"\x00\x00\x01"
    with pytest.raises(Malformed, match="half an index"):
        Transcript.parse(encode(fields))


def test_it_says_who_was_there_and_who_lied_and_what_came_of_it(play: Play) -> None:
    found, summed = told(play), play.summed
    assert summed is not None
    assert found.session == play.cast.session.fields
    assert found.root == summed.roster.root
    assert (found.size, found.cycles, found.threshold) == (11, 0, 6)
    assert found.counts[:3] == (11, 10, 9) and found.counts[4] == 8
    assert found.counts[3] == len(found.endorsers)
    assert set(found.endorsers) <= set(range(8)) and len(found.endorsers) >= 6
    assert list(found.endorsers) == sorted(found.endorsers)
    assert found.blamed == (2,) == tuple(blame.client for blame in summed.blamed)
    assert found.sum_hash == hashlib.sha256(to_bytes(summed.words)).digest()
    assert (found.minute, found.accounting) == (MINUTE, b"")
    assert summed.words.tolist() == play.plain(range(9))


def test_the_accounting_and_the_minute_stand_in_it_and_change_its_hash(play: Play) -> None:
    state = play.server
    made = [
        server.close_unmasking(state, minute=minute, accounting=accounting)
        for minute, accounting in ((MINUTE, b""), (MINUTE + 1, b""), (MINUTE, b"noise"))
    ]
    assert len({summed.transcript for summed in made}) == 3
    assert len({summed.result for summed in made}) == 3  # M9 names the transcript
    parsed = [Transcript.parse(payload_of(summed.transcript)) for summed in made]
    assert [each.minute - MINUTE for each in parsed] == [0, 1, 0]
    assert [each.accounting for each in parsed] == [b"", b"", b"noise"]


def test_it_holds_no_device_key_and_no_contribution(play: Play) -> None:
    summed = play.summed
    assert summed is not None
    secret = [key.public for key in play.cast.keys]
    secret += [to_bytes(play.vectors[i]) for i in range(11)]
    secret += [to_bytes(summed.words), *(tape(("device", i)) for i in range(11))]
    assert not [each for each in secret if each in summed.transcript]


Change = Callable[[Transcript], Transcript]
OTHERS: list[Change] = [
    lambda t: replace(t, root=bytes(32)),
    lambda t: replace(t, size=12),
    lambda t: replace(t, cycles=1),
    lambda t: replace(t, threshold=5),
    *[
        lambda t, at=at, to=to: replace(t, session=(*t.session[:at], to, *t.session[at + 1 :]))  # type: ignore[misc]
        for at, to in enumerate((2, 2, b"another", bytes(16), 1, bytes(32), bytes(32)))
    ],
    lambda t: replace(t, sum_hash=bytes(32)),
    lambda t: replace(t, endorsement=replace(t.endorsement, mask_set_hash=bytes(32))),
    lambda t: replace(t, endorsement=replace(t.endorsement, survivor_set_hash=bytes(32))),
    lambda t: replace(t, endorsement=replace(t.endorsement, header_root=bytes(32))),
]


def receipt(play: Play, transcript: bytes) -> client.Receipt:
    """Client 0 after an M9 that names ``transcript``."""
    digest = hashlib.sha256(transcript).digest()
    key, sum_hash = play.cast.server_key, told(play).sum_hash
    result = key.sign(statement([sum_hash, digest]), context=labels.RESULT + play.sid)
    return client.accept_result(play.clients[0], result)


def test_a_client_takes_the_transcript_that_its_result_names(play: Play) -> None:
    assert play.summed is not None
    state = client.accept_result(play.clients[0], play.summed.result)
    assert client.accept_transcript(state, play.summed.transcript) == told(play)


def test_a_client_refuses_a_transcript_that_its_result_does_not_name(play: Play) -> None:
    summed = play.summed
    assert summed is not None
    state = client.accept_result(play.clients[0], summed.result)
    later = server.close_unmasking(play.server, minute=MINUTE + 1).transcript
    for other in (later, summed.transcript[:-1], summed.transcript + b"\x00", b"", summed.result):
        with pytest.raises(CoordinatorFault, match="not the one that the result names"):
            client.accept_transcript(state, other)


@pytest.mark.parametrize("change", OTHERS)
def test_a_client_refuses_a_transcript_of_another_story_even_if_its_result_names_it(
    play: Play, change: Change
) -> None:
    payload = change(told(play)).payload()
    signed = play.cast.server_key.sign(payload, context=labels.TRANSCRIPT + play.sid)
    with pytest.raises(CoordinatorFault, match="another story"):
        client.accept_transcript(receipt(play, signed), signed)


def test_a_client_refuses_a_transcript_that_is_malformed_or_signed_otherwise(play: Play) -> None:
    key, payload = play.cast.server_key, told(play).payload()
    context = labels.TRANSCRIPT + play.sid
    wrong = [
        key.sign(payload + b"\x00", context=context),
        key.sign(encode([1, 2, 3]), context=context),
        key.sign(payload, context=labels.RESULT + play.sid),
        key.sign(payload, context=labels.TRANSCRIPT + bytes(32)),
        SigningKey(tape("another server")).sign(payload, context=context),
        payload,
    ]
    for signed in wrong:
        with pytest.raises(CoordinatorFault):
            client.accept_transcript(receipt(play, signed), signed)
