"""Lies about the end of a session, and sessions that must not go on (A3, A4, A7, A23)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from holter.crypto import labels
from holter.crypto.signature import SigningKey, payload_of
from holter.secagg import client, connectivity, server
from holter.secagg.client_states import Receipt
from holter.secagg.errors import Abandoned, Caller, CoordinatorFault
from holter.secagg.messages import SIGNED_LIMIT, Endorsement, statement
from holter.secagg.session import Bounds
from holter.secagg.transcript import ACCOUNTING_LIMIT, Transcript
from tests.secagg import forgery
from tests.secagg.cast import MINUTE, Play, cast_of, tape, to_phase

Patch = pytest.MonkeyPatch
N = 6
OTHER = Endorsement(bytes(32), bytes(32), bytes(32))


def refused(attack: Callable[[], object], says: str) -> None:
    with pytest.raises(CoordinatorFault, match=says):
        attack()


def over() -> Play:
    play = to_phase(cast_of(N), 4)
    play.finish()
    return play


def told(play: Play, transcript: bytes, sum_hash: bytes) -> Receipt:
    """M9 about any transcript and any sum."""
    parts = (sum_hash, hashlib.sha256(transcript).digest())
    return client.accept_result(play.clients[0], play.cast.says(labels.RESULT, play.sid, *parts))


def retold(play: Play, **other: Any) -> bytes:
    """The transcript with something else in it, signed by the coordinator."""
    assert play.summed is not None
    honest = Transcript.parse(payload_of(play.summed.transcript))
    told = replace(honest, **other).payload()
    return play.cast.server_key.sign(told, context=labels.TRANSCRIPT + play.sid)


def test_a_result_is_the_coordinators_and_of_this_session_or_refused() -> None:
    play = over()
    hashes = payload_of(play.summed.result)  # type: ignore[union-attr]
    key = play.cast.server_key
    for signed in (
        SigningKey(tape("stranger")).sign(hashes, context=labels.RESULT + play.sid),
        key.sign(hashes, context=labels.RESULT + bytes(32)),
        key.sign(hashes, context=labels.TRANSCRIPT + play.sid),
    ):
        refused(
            lambda signed=signed: client.accept_result(play.clients[0], signed), "coordinator's"
        )
    for parts in ([bytes(32)], [bytes(32), bytes(31)], [bytes(32)] * 3):
        signed = play.cast.says(labels.RESULT, play.sid, *parts)
        refused(lambda signed=signed: client.accept_result(play.clients[0], signed), "malformed")
    long = key.sign(statement([bytes(SIGNED_LIMIT)]), context=labels.RESULT + play.sid)
    refused(lambda: client.accept_result(play.clients[0], long), "a result of")


def test_A3_a_transcript_that_is_not_the_one_in_the_result_is_refused() -> None:
    play = over()
    honest, lie = play.summed.transcript, retold(play, minute=1)  # type: ignore[union-attr]
    found = Transcript.parse(payload_of(honest))
    receipt = told(play, honest, found.sum_hash)
    assert client.accept_transcript(receipt, honest) == found
    refused(lambda: client.accept_transcript(receipt, lie), "not the one that the result names")


STORIES: list[dict[str, Any]] = [
    {"root": bytes(32)},
    {"sum_hash": bytes(32)},
    {"endorsement": OTHER},
    {"session": (1, 1, b"another task", bytes(16), 7, bytes(32), bytes(32))},
    {"size": 2000, "counts": (2000, N, N, 4, N)},
    {"cycles": 9},
    {"threshold": 1},
]


@pytest.mark.parametrize("lie", STORIES, ids=lambda lie: next(iter(lie)))
def test_A1_A3_A7_a_transcript_of_another_story_is_refused(lie: dict[str, Any]) -> None:
    play = over()
    honest = Transcript.parse(payload_of(play.summed.transcript))  # type: ignore[union-attr]
    signed = retold(play, **lie)
    receipt = told(play, signed, honest.sum_hash)
    refused(lambda: client.accept_transcript(receipt, signed), "another story")


# What is true: six on the roster, in U2 and in U3, four endorsers (a quorum), a floor of five.
@pytest.mark.parametrize(
    ("lie", "says"),
    [
        ({"counts": (N + 1, N, N, 4, N)}, "counts cannot be"),
        ({"counts": (N, N - 1, N, 4, N)}, "counts cannot be"),
        ({"counts": (N, N, 4, 4, N)}, "counts cannot be"),
        ({"counts": (N, N, N, 3, N), "endorsers": (0, 1, 2)}, "fewer endorsers than a quorum"),
        ({"counts": (N, N, N, 4, N), "endorsers": (0, 1, 2, 2)}, "fewer endorsers than a quorum"),
        ({"counts": (N, N, N, 5, N), "endorsers": (0, 1, 2, 3)}, "fewer endorsers than a quorum"),
        ({"counts": (N, N + 1, N, 4, N)}, "counts cannot be"),
        ({"counts": (N, N, N, 4, N + 1)}, "who are not there"),
        ({"endorsers": (0, 1, 2, N)}, "who are not there"),
        ({"blamed": (N,)}, "who are not there"),
        ({"endorsers": ()}, "fewer endorsers than a quorum"),
    ],
)
def test_A3_a_transcript_of_counts_that_no_session_ends_with_is_refused(
    lie: dict[str, Any], says: str
) -> None:
    play = over()
    honest = Transcript.parse(payload_of(play.summed.transcript))  # type: ignore[union-attr]
    assert honest.counts == (N, N, N, 4, N) and honest.endorsers == (0, 1, 2, 3)
    signed = retold(play, **lie)
    receipt = told(play, signed, honest.sum_hash)
    refused(lambda: client.accept_transcript(receipt, signed), says)


def test_what_a_server_can_sign_its_clients_can_read() -> None:
    cast = cast_of(5)
    play = to_phase(replace(cast, session=replace(cast.session, task_id=b"t" * 256)), 4)
    longest = bytes(ACCOUNTING_LIMIT)
    summed = server.close_unmasking(play.server, minute=MINUTE, accounting=longest)
    receipt = client.accept_result(play.clients[0], summed.result)
    assert client.accept_transcript(receipt, summed.transcript).accounting == longest
    with pytest.raises(Caller, match="at most 4096 fit"):
        server.close_unmasking(play.server, minute=MINUTE, accounting=longest + b"x")


def test_A3_a_transcript_signed_by_another_or_for_another_session_is_refused() -> None:
    play = over()
    honest = payload_of(play.summed.transcript)  # type: ignore[union-attr]
    digest = Transcript.parse(honest).sum_hash
    for key, sid in (
        (SigningKey(tape("stranger")), play.sid),
        (play.cast.server_key, bytes(32)),
    ):
        signed = key.sign(honest, context=labels.TRANSCRIPT + sid)
        receipt = told(play, signed, digest)
        refused(lambda r=receipt, s=signed: client.accept_transcript(r, s), "not the coordinator's")


def test_A4_a_server_goes_on_with_no_set_below_the_floor() -> None:
    play = Play.of(cast_of(8)).join(range(5))
    with pytest.raises(Abandoned, match="5 clients advertised; 6 are needed"):
        play.close()
    play = Play.of(cast_of(8)).join().go(range(5))
    with pytest.raises(Abandoned, match="5 clients shared their secrets; 6 are needed"):
        play.close()
    play = Play.of(cast_of(8)).join().go().go(range(5))
    with pytest.raises(Abandoned, match="5 of 8 vectors arrived; 6 are needed"):
        play.close()
    play = Play.of(cast_of(8)).join().go().go().go(range(4))
    with pytest.raises(Abandoned, match="4 clients endorsed the survivors; a quorum is 5"):
        play.close()


def test_A23_with_too_few_releases_nothing_opens_and_nobody_is_blamed() -> None:
    play = Play.of(cast_of(8)).join().go().go().go().go(range(5))
    with pytest.raises(Abandoned, match="too few shares") as ended:
        play.finish()
    assert ended.value.blamed == ()


def test_A7_a_server_for_which_no_graph_is_safe_enough_abandons(monkeypatch: Patch) -> None:
    forgery.complete_up_to(monkeypatch, 4)
    play = Play.of(cast_of(8)).join()
    with pytest.raises(Abandoned, match="no graph bears what the plan demands"):
        play.close()


def test_A7_a_plan_whose_floor_is_no_quorum_is_no_plan() -> None:
    for size, corrupt in ((8, 0), (8, 3), (256, 20), (300, 30), (2048, 200)):
        least = connectivity.fewest_survivors(size, corrupt)
        Bounds(least, size, least, corrupt, 1)
        with pytest.raises(Caller, match=f"survivors_floor of at least {least}"):
            Bounds(least - 1, size, least - 1, corrupt, 1)


def test_randomness_of_another_length_is_refused_before_it_is_used() -> None:
    cast = cast_of(5)
    for length in (0, client.ADVERTISE_RANDOM_BYTES - 1, client.ADVERTISE_RANDOM_BYTES + 1):
        with pytest.raises(Caller, match="random bytes are needed"):
            client.advertise(cast.session, cast.keys[0], b"", random=bytes(length))
    play = Play.of(cast).join()
    play.close()
    seat = client.accept_roster(play.clients[0], play.outbox[0], cast.check)
    for length in (0, client.share_random_bytes(seat) - 1):
        with pytest.raises(Caller, match="random bytes are needed"):
            client.share(seat, random=bytes(length))
    assert client.share(seat, random=tape("r", client.share_random_bytes(seat)))


def test_bytes_that_are_no_message_are_the_coordinators_fault() -> None:
    play = Play.of(cast_of(N)).join()
    for step in (client.accept_roster, client.accept_inbox, client.endorse, client.unmask):
        play.close()
        for data in (b"", b"\xff", b"\x80", play.outbox[0][:-1], play.outbox[0] + b"\x00"):
            more = (play.cast.check,) if step is client.accept_roster else ()
            refused(
                lambda step=step, data=data, more=more: step(play.clients[0], data, *more),
                "sent something malformed",
            )
        for i in range(N):
            play.answer(i)
            play.deliver(i)


@pytest.mark.parametrize("bitmap", [b"", b"\x3f\x00", b"\xff"], ids=["short", "long", "beyond"])
def test_a_bitmap_that_names_nobody_on_the_roster_is_the_coordinators_fault(bitmap: bytes) -> None:
    play = to_phase(cast_of(N), 1)
    signed = play.cast.says(labels.INBOX, play.sid, bitmap)
    data = client.Inbox(signed, ()).to_bytes()
    refused(lambda: client.accept_inbox(play.clients[0], data), "malformed|not on the roster")


def test_a_vector_that_is_not_words_is_refused_before_it_is_masked() -> None:
    play = to_phase(cast_of(4), 1)
    opened = client.accept_inbox(play.clients[0], forgery.inbox(play, 0, range(4)))
    right = play.vectors[0]
    for wrong in (right[:-1], right.reshape(1, -1)):
        with pytest.raises(Caller, match="the plan says 3"):
            client.mask(opened, wrong)
    for dtype in ("float64", "int64", "uint32"):
        with pytest.raises(Caller, match="words are uint64"):
            client.mask(opened, right.astype(dtype))
