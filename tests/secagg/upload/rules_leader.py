"""The rules of a leader, each with something that only it stops; see ``rules``."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from holter.crypto import labels
from holter.secagg.errors import Abandoned, HelperFault, PeerFault
from holter.secagg.session import set_bytes
from holter.secagg.upload import leader
from holter.secagg.upload.messages import Report, Verdict, list_payload
from tests.secagg.cast import tape
from tests.secagg.upload.rules import Attempt, everyone, rule, twin_of
from tests.secagg.upload.window_cast import EXPIRES, WindowPlay, id_of, window_cast
from tests.secagg.upload.window_forgery import forged, lie, spoilt_for


def opened(devices: int = 4, helpers: int = 1, **options: int) -> WindowPlay:
    return WindowPlay.of(window_cast(devices, helpers, **options))  # type: ignore[arg-type]


@rule(leader, "gather", "under another device's credential", PeerFault)
def a_report_under_anothers_credential() -> Attempt:
    play = opened()
    report = forged(play, 0, credential=play.cast.credentials[1])
    return lambda: play.take(report)


@rule(leader, "gather", "a report has expired", PeerFault)
def a_report_at_its_expiry_minute() -> Attempt:
    play = opened()
    report = play.report(0)
    return lambda: play.take(report, EXPIRES)


@rule(leader, "gather", "not the one that was signed", PeerFault)
def a_vector_that_was_not_signed() -> Attempt:
    play = opened()
    report = replace(Report.parse(play.report(0), 24), vector=bytes(24)).to_bytes()
    return lambda: play.take(report)


@rule(leader, "gather", "reported twice", PeerFault)
def another_report_of_one_device() -> Attempt:
    play = opened().gather([0])
    twin = twin_of(play, 0)
    return lambda: play.take(twin)


@rule(leader, "gather", "bears another report's id", PeerFault)
def a_report_under_anothers_id() -> Attempt:
    play = opened().gather([0])
    twin = forged(play, 1, report_id=id_of(0))
    return lambda: play.take(twin)


@rule(leader, "gather", "the window is full", PeerFault)
def a_report_more_than_fits() -> Attempt:
    play = opened(largest=3).gather(range(3))
    report = play.report(3)
    return lambda: play.take(report)


@rule(leader, "propose", "devices reported;", Abandoned)
def fewer_reports_than_the_floor() -> Attempt:
    play = opened().gather(range(2))
    return lambda: leader.propose(play.leader)


def verdict(play: WindowPlay, proposal: bytes, valid: range, j: int = 0) -> bytes:
    bits = set_bytes(valid, len(play.leader.order))
    payload = Verdict(hashlib.sha256(proposal).digest(), bits).payload()
    return play.cast.says(labels.UPLOAD_VERDICT, payload, play.cast.helper_keys[j])


@rule(leader, "take_verdict", "judges another proposal", HelperFault)
def a_verdict_on_another_proposal() -> Attempt:
    play = opened().gather()
    play.leader, proposal = leader.propose(play.leader)
    other = verdict(play, proposal + b"!", range(4))
    return lambda: leader.take_verdict(play.leader, 0, other)


@rule(leader, "_from_helper", "whom nobody knows", HelperFault, without=IndexError)
def a_verdict_of_a_second_helper_where_there_is_one() -> Attempt:
    play = opened().gather()
    play.leader, proposal = leader.propose(play.leader)
    said = verdict(play, proposal, range(4))
    return lambda: leader.take_verdict(play.leader, 1, said)


@rule(leader, "close_proposing", "helpers judged the reports;", Abandoned)
def verdicts_of_two_of_four() -> Attempt:
    play = opened(4, 4).gather().judge(silent=(1, 2))
    return lambda: leader.close_proposing(play.leader)


@rule(leader, "close_proposing", "valid reports;", Abandoned)
def fewer_valid_reports_than_the_floor() -> Attempt:
    play = opened()
    for i in range(4):
        play.take(spoilt_for(play, i, 0) if i < 2 else play.report(i))
    play.judge()
    return lambda: leader.close_proposing(play.leader)


@rule(leader, "take_signature", "stands by another list", HelperFault)
def a_signature_of_another_list() -> Attempt:
    play = everyone(4)
    play.leader, _ = leader.close_proposing(play.leader)
    other = play.cast.says(labels.UPLOAD_LIST, list_payload(tape("list")), play.cast.helper_keys[1])
    return lambda: leader.take_signature(play.leader, 1, other)


@rule(leader, "close_listing", "helpers stand by the list;", Abandoned)
def a_list_that_only_two_signed() -> Attempt:
    play = everyone(4)
    return lambda: play.stand(silent=(0, 3))


@rule(leader, "take_answer", "other vectors than it signed", HelperFault)
def vectors_that_were_not_signed() -> Attempt:
    play = everyone()
    honest = play.answer(0, play.stand())
    other = lie(play, 0, honest)
    signed = leader.Answer.parse(honest, 1, 24).signed
    mixed = replace(leader.Answer.parse(other, 1, 24), signed=signed).to_bytes()
    return lambda: play.hear(0, mixed)


@rule(leader, "take_answer", "answered something else before", HelperFault)
def a_second_answer_that_differs() -> Attempt:
    play = everyone()
    honest = play.answer(0, play.stand())
    play.hear(0, honest)
    other = lie(play, 0, honest)
    return lambda: play.hear(0, other)


@rule(leader, "close_answering", "are not witnessed by", Abandoned)
def one_silent_and_one_lying_helper() -> Attempt:
    play = everyone(4)
    request = play.stand()
    for j in (1, 2, 3):
        honest = play.answer(j, request)
        play.hear(j, lie(play, j, honest) if j == 2 else honest)
    return lambda: leader.close_answering(play.leader)
