"""A helper that lies to devices or to the leader, and a key of a helper that is stolen later."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from holter.crypto import labels
from holter.crypto.aead import Unopened
from holter.crypto.agreement import AgreementKey
from holter.crypto.hpke import OpeningKey, Suite
from holter.crypto.signature import assemble, payload_of
from holter.secagg.errors import Caller, HelperFault
from holter.secagg.upload import client, helper, leader
from holter.secagg.upload.messages import (
    MINUTES,
    Answer,
    Claim,
    Offer,
    Report,
    Verdict,
    list_payload,
)
from tests.secagg.cast import tape
from tests.secagg.upload.window_cast import (
    EXPIRES,
    WindowPlay,
    judged,
    private_of,
    window_cast,
)
from tests.secagg.upload.window_forgery import lie, unverified

Patch = pytest.MonkeyPatch


def refused(attack: Callable[[], object], says: str) -> None:
    with pytest.raises(HelperFault, match=says):
        attack()


def claim_of(play: WindowPlay, i: int) -> Claim:
    return Claim.parse(payload_of(Report.parse(play.reports[i], 24).signed), play.cast.window)


# Keys


def test_a_stolen_key_of_one_window_does_not_open_the_next_windows_reports() -> None:
    cast = window_cast(3)
    first = WindowPlay.of(cast).gather()
    following = WindowPlay.of(window_cast(3, window_id=b"window-000000002"))
    fresh = private_of(Suite.X25519, 0, "next")
    window, identity = following.cast.window, cast.helper_keys[0]
    _, following.offers[0] = helper.opened(window, 0, identity, fresh, closes_minute=EXPIRES)
    following.gather()
    stolen = OpeningKey(Suite.X25519, private_of(Suite.X25519, 0))
    for i in range(3):
        claim = claim_of(following, i)
        info = window.seal_info(0, claim.report_id, claim.device_key)
        with pytest.raises(Unopened):
            stolen.open(claim.seals[0], info=info)
        old = claim_of(first, i)  # which is why it is erased with its window
        assert stolen.open(
            old.seals[0], info=cast.window.seal_info(0, old.report_id, old.device_key)
        )


def test_a_key_offered_for_two_windows_opens_no_seal_of_one_in_the_other() -> None:
    first = WindowPlay.of(window_cast(3)).gather()
    second = WindowPlay.of(window_cast(3, window_id=b"window-000000002"))
    said = second.examine(0, second.proposal(list(first.reports.values())))
    assert Verdict.parse(payload_of(said), 3).valid == b"\0"
    assert second.helpers[0].seen == {}
    claim = claim_of(first, 0)
    info = second.cast.window.seal_info(0, claim.report_id, claim.device_key)
    with pytest.raises(Unopened):
        second.helpers[0].key.open(claim.seals[0], info=info)


def test_a_seal_for_one_helper_opens_for_no_other_even_under_one_key() -> None:
    play = WindowPlay.of(window_cast(3, 4))
    private = private_of(Suite.X25519, 0)
    for j in range(4):
        offer = Offer(j, 1, AgreementKey(private).public, EXPIRES).payload()
        play.offers[j] = play.cast.says(labels.UPLOAD_OFFER, offer, play.cast.helper_keys[j])
    play.report(0)
    claim, key = claim_of(play, 0), OpeningKey(Suite.X25519, private)
    for j in range(4):
        for k in range(4):
            info = play.cast.window.seal_info(k, claim.report_id, claim.device_key)
            if j == k:
                assert key.open(claim.seals[j], info=info)
            else:
                with pytest.raises(Unopened):
                    key.open(claim.seals[j], info=info)


@pytest.mark.parametrize("how", ["another helper", "the leader", "another window", "another role"])
def test_a_device_seals_to_no_key_that_its_helper_did_not_offer(
    monkeypatch: Patch, how: str
) -> None:
    play = WindowPlay.of(window_cast(3, 4))
    cast, payload = play.cast, payload_of(play.offers[1])
    play.offers[1] = {
        "another helper": cast.says(labels.UPLOAD_OFFER, payload, cast.helper_keys[2]),
        "the leader": cast.says(labels.UPLOAD_OFFER, payload),
        "another window": cast.helper_keys[1].sign(
            payload, context=labels.UPLOAD_OFFER + tape("context")
        ),
        "another role": cast.says(labels.UPLOAD_ANSWER, payload, cast.helper_keys[1]),
    }[how]
    refused(lambda: play.report(0), "helper 1's offer fails")
    unverified(monkeypatch, client)
    assert play.report(0)


def test_a_helper_in_anothers_place_is_not_sealed_to() -> None:
    play = WindowPlay.of(window_cast(3, 4))
    payload = payload_of(play.offers[2])
    play.offers[1] = play.cast.says(labels.UPLOAD_OFFER, payload, play.cast.helper_keys[1])
    refused(lambda: play.report(0), "helper 1 offers a key for something else")


@pytest.mark.parametrize("suite", Suite)
def test_a_key_with_which_no_secret_can_be_agreed_is_the_helpers_fault(suite: Suite) -> None:
    play = WindowPlay.of(window_cast(3, suite=suite))
    offer = Offer.parse(payload_of(play.offers[0]))
    for public in (bytes(len(offer.public)), b"\xff" * (len(offer.public) - 32) + bytes(32)):
        payload = replace(offer, public=public).payload()
        play.offers[0] = play.cast.says(labels.UPLOAD_OFFER, payload, play.cast.helper_keys[0])
        refused(lambda: play.report(0), "helper 0 offers a public key")


@pytest.mark.parametrize("payload", [b"", b"\x80", list_payload(b"x"), b"\x84\0\1\x41\0\x20"])
def test_an_offer_that_is_none_is_the_helpers_fault(payload: bytes) -> None:
    play = WindowPlay.of(window_cast(3))
    play.offers[0] = play.cast.says(labels.UPLOAD_OFFER, payload, play.cast.helper_keys[0])
    refused(lambda: play.report(0), "helper 0's offer fails")


def test_a_helper_opens_a_window_in_its_own_place_with_a_whole_key_and_an_end() -> None:
    cast = window_cast(3, 4)
    own, private = cast.helper_keys[1], private_of(Suite.X25519, 1)

    def opens(index: int = 1, key: bytes = private, minute: int = EXPIRES) -> object:
        return helper.opened(cast.window, index, own, key, closes_minute=minute)

    assert opens() and opens(minute=0) and opens(minute=MINUTES - 1)
    attempts = [partial(opens, index) for index in (-3, -1, 0, 2, 4, 255)]
    attempts += [partial(opens, key=private[:n] * 2) for n in (0, 8, 31)]
    attempts += [partial(opens, minute=minute) for minute in (-1, MINUTES)]
    for attempt in attempts:
        with pytest.raises(Caller):
            attempt()


# What helpers tell the leader


@pytest.mark.parametrize("step", ["verdict", "signature", "answer"])
def test_nobody_speaks_in_a_helpers_name(monkeypatch: Patch, step: str) -> None:
    play = judged(4, 4)
    proposal = play.leader.proposal
    verdict = play.examine(2, proposal)
    proposing = play.leader
    play.leader, draft = leader.close_proposing(play.leader)
    listing, signature = play.leader, play.endorse(2, draft)
    for j in (0, 1, 3):
        play.leader = leader.take_signature(play.leader, j, play.endorse(j, draft))
    play.leader, request = leader.close_listing(play.leader)
    state, take, message = {
        "verdict": (proposing, leader.take_verdict, verdict),
        "signature": (listing, leader.take_signature, signature),
        "answer": (play.leader, leader.take_answer, play.answer(2, request)),
    }[step]
    for j in (0, 1, 3):
        refused(lambda j=j: take(state, j, message), f"not helper {j}'s|one vector for each")
    for j in (-1, 4, 255):
        refused(lambda j=j: take(state, j, message), "whom nobody knows|helper -?\\d+: answer")
    assert take(state, 2, message)
    unverified(monkeypatch, leader)
    assert take(state, 1, message)


def test_an_answer_to_another_list_is_refused() -> None:
    play = judged(6)
    other = play.answer(0, play.request(play.entries(3, 4, 5)))
    play.leader, _ = leader.close_proposing(play.leader)
    play.leader, _ = leader.close_listing(play.leader)
    refused(lambda: play.hear(0, other), "answers another list")


def test_a_helper_that_changes_its_mind_is_held_to_its_first_answer() -> None:
    play = judged(4, 4)
    request = play.stand()
    honest = play.answer(2, request)
    play.hear(2, honest)
    before = play.leader
    refused(lambda: play.hear(2, lie(play, 2, honest)), "answered something else before")
    play.hear(2, honest)
    assert play.leader == before


def test_one_helper_that_signs_thrice_is_no_quorum() -> None:
    play = judged(4, 4)
    play.leader, draft = leader.close_proposing(play.leader)
    for _ in range(3):
        play.leader = leader.take_signature(play.leader, 1, play.endorse(1, draft))
    assert set(play.leader.signatures) == {1}


@pytest.mark.parametrize("says", ["nothing is valid", "too many bits", "a bit too far", "no bits"])
def test_a_contrary_verdict_stops_nothing(says: str) -> None:
    play = WindowPlay.of(window_cast(5, 4)).gather().judge(silent=(2,))
    bits = {"nothing is valid": b"\0", "too many bits": b"\0\0", "a bit too far": b"\x20"}
    digest = hashlib.sha256(play.leader.proposal).digest()
    payload = Verdict(digest, bits.get(says, b"")).payload()
    said = play.cast.says(labels.UPLOAD_VERDICT, payload, play.cast.helper_keys[2])
    if says == "nothing is valid":
        play.leader = leader.take_verdict(play.leader, 2, said)
    else:
        refused(lambda: leader.take_verdict(play.leader, 2, said), "helper 2: ")
    found = play.open(play.stand(silent=(2,)), silent=(2,))
    assert found.words.tolist() == play.cast.plain(range(5))


def test_a_signature_over_the_list_itself_is_none_over_its_hash() -> None:
    play = judged(4, 4)
    play.leader, _ = leader.close_proposing(play.leader)
    whole = list_payload(play.leader.listed)
    said = play.cast.says(labels.UPLOAD_LIST, whole, play.cast.helper_keys[0])
    refused(lambda: leader.take_signature(play.leader, 0, said), "stands by another list")


def test_a_bent_signature_under_an_answer_is_refused() -> None:
    play = judged(4)
    given = Answer.parse(play.answer(0, play.stand()), 1, 24)
    payload, public = payload_of(given.signed), play.cast.window.helpers[0]
    bent = replace(given, signed=assemble(payload, bytes(64), public=public))
    refused(lambda: play.hear(0, bent.to_bytes()), "a statement is not helper 0's")
