"""Who may propose and ask, for which window, and with whose consent (attack A24)."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from holter.crypto import labels
from holter.crypto.hpke import Suite
from holter.crypto.signature import SigningKey, payload_of
from holter.secagg.errors import Caller, CoordinatorFault
from holter.secagg.upload import helper
from holter.secagg.upload.messages import Request, list_payload
from holter.secagg.upload.window import ENTRY_BYTES, LIST_LIMIT
from holter.wire.cbor import encode
from tests.secagg.cast import tape
from tests.secagg.upload.rules_helper import NotValid, last_is_valid
from tests.secagg.upload.test_attacks_leader import Patch, refused
from tests.secagg.upload.window_cast import CLOSES, EXPIRES, WindowPlay, judged
from tests.secagg.upload.window_forgery import forged, rule_off, unverified

UPLOAD_LABELS = [value for name, value in vars(labels).items() if name.startswith("UPLOAD_")]

# Who asks


@pytest.mark.parametrize("what", ["proposal", "listing", "request"])
def test_only_the_leader_proposes_lists_and_asks(monkeypatch: Patch, what: str) -> None:
    play = judged(4, 4)
    reports = payload_of(play.proposal(list(play.reports.values())))
    signed = {j: play.endorse(j, play.listing(play.entries(0, 1, 2))) for j in range(3)}
    request = payload_of(play.request(play.entries(0, 1, 2), signed))
    label, payload, act = {
        "proposal": (labels.UPLOAD_PROPOSAL, reports, play.examine),
        "listing": (
            labels.UPLOAD_DRAFT,
            list_payload(b"".join(play.entries(0, 1, 2))),
            play.endorse,
        ),
        "request": (labels.UPLOAD_REQUEST, request, play.answer),
    }[what]
    for signer in (play.cast.helper_keys[1], play.cast.keys[0], SigningKey(tape("a stranger"))):
        message = play.cast.says(label, payload, signer)
        refused(lambda message=message: act(0, message), "not the leader's")
    for other in {*UPLOAD_LABELS} - {label}:
        message = play.cast.says(other, payload)
        refused(lambda message=message: act(0, message), "not the leader's")
    unverified(monkeypatch, helper)
    assert act(0, play.cast.says(label, payload, play.cast.keys[0]))


@pytest.mark.parametrize("other", ["window", "model", "plan", "suite", "task", "helpers"])
def test_nothing_of_another_window_is_taken(other: str) -> None:
    play = judged(4)
    cast = play.cast
    elsewhere = replace(
        cast.window,
        **{
            "window": {"window_id": b"window-000000002"},
            "model": {"model_hash": tape("model")},
            "plan": {"plan_hash": tape("plan")},
            "suite": {"suite": Suite.HYBRID},
            "task": {"task_id": b"task-00000000002"},
            "helpers": {"helpers": (SigningKey(tape("another helper")).public,)},
        }[other],
    )
    assert elsewhere.context != cast.window.context
    payload = payload_of(play.request(play.entries(0, 1, 2)))
    message = cast.leader_key.sign(payload, context=labels.UPLOAD_REQUEST + elsewhere.context)
    refused(lambda: play.answer(0, message), "not the leader's")
    report = forged(play, 0, bound=elsewhere.context)
    with pytest.raises(NotValid):
        last_is_valid(WindowPlay.of(cast), report)


def test_a_quorum_of_another_list_or_with_somebody_twice_opens_nothing(monkeypatch: Patch) -> None:
    play = judged(6, 4)
    listing = play.listing(play.entries(0, 1, 2))
    signed = {j: play.endorse(j, listing) for j in range(3)}
    refused(lambda: play.answer(3, play.request(play.entries(3, 4, 5), signed)), "not of this list")
    payload = payload_of(play.request(play.entries(0, 1, 2), signed))
    twice = Request.parse(payload)
    twice = replace(
        twice, helpers=(0, 1, 1), signatures=(*twice.signatures[:2], twice.signatures[1])
    )
    message = play.cast.says(labels.UPLOAD_REQUEST, twice.payload())
    refused(lambda: play.answer(3, message), "that 2 helpers stand by")
    with monkeypatch.context() as patch:
        rule_off(patch, helper, "_check_quorum", "helpers stand by;")
        assert replace(play, helpers=dict(play.helpers)).answer(2, message)
    unverified(monkeypatch, helper)
    assert play.answer(3, play.request(play.entries(3, 4, 5), signed))


@pytest.mark.parametrize("corrupt", range(4))
@pytest.mark.parametrize("restarts", [False, True])
def test_no_two_lists_that_overlap_both_get_a_quorum(corrupt: int, restarts: bool) -> None:
    """Every way to ask the honest three for one list or the other first; a corrupt one signs all."""
    base = judged(5, 4)
    lists = (base.entries(0, 1, 2), base.entries(2, 3, 4))
    for first in itertools.product((0, 1, None), repeat=3):
        play = replace(base, helpers=dict(base.helpers), kept={j: [] for j in range(4)})
        signed: list[set[int]] = [{corrupt}, {corrupt}]
        for j, which in zip((j for j in range(4) if j != corrupt), first):
            for number in (which, 0, 1) if which is not None else ():
                try:
                    play.endorse(j, play.listing(lists[number]))
                except CoordinatorFault:
                    continue
                signed[number].add(j)
                if restarts:
                    play.restart(j)
                    play.examine(j, play.proposal(list(play.reports.values())))
        assert sum(len(each) >= 3 for each in signed) <= 1
        assert not signed[0] & signed[1] - {corrupt}


def test_without_the_rule_two_lists_that_overlap_both_get_a_quorum(monkeypatch: Patch) -> None:
    rule_off(monkeypatch, helper, "_accept", "in another list")
    play = judged(5, 4)
    for listed in (play.entries(0, 1, 2), play.entries(2, 3, 4)):
        signed = {j: play.endorse(j, play.listing(listed)) for j in range(3)}
        assert play.answer(3, play.request(listed, signed))


def test_a_helper_asked_for_a_list_it_refused_to_sign_refuses_to_answer_it_too() -> None:
    play = judged(5, 4)
    play.endorse(3, play.listing(play.entries(2, 3, 4)))
    signed = {j: play.endorse(j, play.listing(play.entries(0, 1, 2))) for j in range(3)}
    refused(lambda: play.answer(3, play.request(play.entries(0, 1, 2), signed)), "in another list")


# Size


def test_a_huge_proposal_or_list_is_refused_as_the_leaders_fault() -> None:
    play = judged(3)
    many = [b""] * (LIST_LIMIT + 1)
    proposal = play.cast.says(labels.UPLOAD_PROPOSAL, encode([many, many]))
    refused(lambda: play.examine(0, proposal), "at most 16384")
    within = play.cast.says(labels.UPLOAD_PROPOSAL, encode([many[1:], many[1:]]))
    assert play.examine(0, within)  # none of it is valid, all of it is looked at
    long = play.cast.says(labels.UPLOAD_PROPOSAL, encode([[bytes(257)], [b""]]))
    refused(lambda: play.examine(0, long), "at most 256 bytes")
    listed = bytes(ENTRY_BYTES * (LIST_LIMIT + 1))
    refused(lambda: play.answer(0, play.request([listed])), "request: ")


# When


@pytest.mark.parametrize("helpers", [1, 4])
def test_a_helper_does_nothing_from_its_closing_minute_on(monkeypatch: Patch, helpers: int) -> None:
    """Not even what it did before: the same verdict, signature or answer is not given again."""
    play = judged(4, helpers)
    request = play.stand()
    acts = [
        lambda minute: play.examine(0, play.proposal(list(play.reports.values())), minute),
        lambda minute: play.answer(0, request, minute=minute),
    ]
    if helpers == 4:
        acts.append(lambda minute: play.endorse(0, play.listing(play.entries(0, 1, 2, 3)), minute))
    said = [act(EXPIRES - 1) for act in acts]
    assert [act(EXPIRES - 1) for act in acts] == said
    before, kept = play.helpers[0], list(play.kept[0])
    for minute in (CLOSES, CLOSES + 1, 1 << 39):
        for act in acts:
            refused(lambda act=act, minute=minute: act(minute), "this window is over")
    assert play.helpers[0] is before and play.kept[0] == kept
    assert [act(CLOSES - 1) for act in acts[1:]] == said[1:]
    play.restart(0)
    refused(lambda: play.answer(0, request, minute=CLOSES), "this window is over")
    rule_off(monkeypatch, helper, "_check_open", "this window is over")
    assert play.answer(0, request, minute=CLOSES) == said[1]


def test_a_stored_answer_is_not_given_without_the_consent_of_three() -> None:
    play = judged(4, 4)
    request = play.stand()
    first = play.answer(0, request)
    listed = play.entries(0, 1, 2, 3)
    signed = {j: play.endorse(j, play.listing(listed)) for j in range(3)}
    for fewer in ({}, {0: signed[0]}, {j: signed[j] for j in (1, 2)}):
        refused(lambda fewer=fewer: play.answer(0, play.request(listed, fewer)), "are needed")
    assert play.answer(0, play.request(listed, signed)) == first


@pytest.mark.parametrize("what", ["window_id", "model_hash", "plan_hash", "leader_public"])
def test_a_window_whose_names_have_other_lengths_could_be_taken_for_another(what: str) -> None:
    window = judged(3).cast.window
    for size in (0, 15, 31, 33, 64):
        with pytest.raises(Caller, match="of 32 bytes and an id of 16"):
            replace(window, **{what: bytes(size)})
    with pytest.raises(Caller, match="of 32 bytes and an id of 16"):  # ctx joins the keys
        joined = window.leader_public + window.helpers[0]
        replace(window, leader_public=joined[:31], helpers=(joined[31:],))
