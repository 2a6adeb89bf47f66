"""A leader that asks for what it may not have (attack A24): lists, windows, second answers.

Each attack is refused, and shown to work once the one rule against it is out. Single refusals
are in ``rules_helper``, quorums and who asks in ``test_attacks_quorums``; here are the attacks
that take more than one message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from holter.algebra.ring import Words, from_bytes
from holter.crypto import labels
from holter.crypto.prg import add_stream
from holter.crypto.signature import SigningKey, payload_of
from holter.secagg.errors import CoordinatorFault
from holter.secagg.upload import client, helper, window
from holter.secagg.upload.messages import Answer, Report
from tests.secagg.cast import tape
from tests.secagg.upload.rules_helper import NotValid, last_is_valid
from tests.secagg.upload.window_cast import WindowPlay, id_of, judged, window_cast
from tests.secagg.upload.window_forgery import forged, rule_off, seeds_of, unverified

Patch = pytest.MonkeyPatch
UPLOAD_LABELS = [value for name, value in vars(labels).items() if name.startswith("UPLOAD_")]


def refused(attack: Callable[[], object], says: str) -> None:
    with pytest.raises(CoordinatorFault, match=says):
        attack()


def masks(message: bytes, seeds: int = 1) -> list[Words]:
    return [from_bytes(vector) for vector in Answer.parse(message, seeds, 24).vectors]


def masked(play: WindowPlay, *who: int) -> Words:
    """What the leader holds of some devices, added up."""
    vectors = [from_bytes(Report.parse(play.reports[i], 24).vector) for i in who]
    return np.sum(vectors, axis=0, dtype=np.uint64)


# Lists


def test_A24_two_lists_that_differ_by_one_report_would_open_it(monkeypatch: Patch) -> None:
    play = judged(5)
    whole, less = play.request(play.entries(0, 1, 2, 3)), play.request(play.entries(0, 1, 2))
    first = masks(play.answer(0, whole))[0]
    refused(lambda: play.answer(0, less), "in another list")
    play.restart(0)
    refused(lambda: play.answer(0, less), "did not find valid")
    play.examine(0, play.proposal(list(play.reports.values())))
    refused(lambda: play.answer(0, less), "in another list")
    rule_off(monkeypatch, helper, "_accept", "in another list")
    second = masks(play.answer(0, less))[0]
    opened = masked(play, 0, 1, 2, 3) - first - (masked(play, 0, 1, 2) - second)
    assert opened.tolist() == play.cast.plain([3])


def test_A24_a_device_whose_second_report_comes_after_a_restart_is_still_in_one_list(
    monkeypatch: Patch,
) -> None:
    play = judged(5)
    play.answer(0, play.request(play.entries(0, 1, 2)))
    second_id = tape("second id", 16)
    twin = forged(play, 0, report_id=second_id, seeds=[tape("second seed")])
    with pytest.raises(NotValid):
        last_is_valid(play, play.reports[0], twin)
    play.restart(0)
    last_is_valid(play, play.reports[3], play.reports[4], twin)  # it remembers lists, not reports
    request = play.request(sorted([play.entry(twin), *play.entries(3, 4)]))
    refused(lambda: play.answer(0, request), "a report or a device that is in another list")
    rule_off(monkeypatch, helper, "_accept", "in another list")
    assert play.answer(0, request)


def test_A24_one_report_twice_in_a_list_does_not_reach_the_floor(monkeypatch: Patch) -> None:
    play = judged(5)
    one, other = play.entries(0, 1)
    again = one[:16] + tape("another digest")
    for listed in ([one, other, other], [one] * 3, play.entries(0, 1, 2)[::-1]):
        refused(lambda listed=listed: play.answer(0, play.request(listed)), "do not ascend")
        with monkeypatch.context() as patch:
            rule_off(patch, window, "entries_of", "do not ascend")
            assert replace(play, helpers=dict(play.helpers)).answer(0, play.request(listed))
    for listed in ([one, again, other], [again, one, other]):
        refused(lambda listed=listed: play.answer(0, play.request(listed)), "do not ascend")


def test_A24_a_report_proposed_twice_is_one_report() -> None:
    play = WindowPlay.of(window_cast(4)).gather()
    play.examine(0, play.proposal([play.reports[0]] * 5))
    assert len(play.helpers[0].seen) == 1
    refused(lambda: play.answer(0, play.request(play.entries(0, 1, 2))), "did not find valid")


def test_A24_invented_reports_need_a_device_that_is_enrolled(monkeypatch: Patch) -> None:
    """The leader makes devices up to fill a list around one honest report."""
    play = WindowPlay.of(window_cast(4)).gather([0])
    made_up = replace(play.cast, keys=tuple(SigningKey(tape(("made up", i))) for i in range(4)))
    stage = replace(play, cast=made_up)
    invented = [forged(stage, i, report_id=id_of(i)) for i in (1, 2)]
    play.examine(0, play.proposal([play.reports[0], *invented]))
    listed = sorted(map(play.entry, [play.reports[0], *invented]))
    refused(lambda: play.answer(0, play.request(listed)), "did not find valid")
    rule_off(monkeypatch, helper, "_read", "another device's credential")
    play.examine(0, play.proposal([play.reports[0], *invented]))
    first = masks(play.answer(0, play.request(listed)))[0]
    for i in (1, 2):
        negative = np.zeros(3, dtype=np.uint64)
        add_stream(negative, client.mask_key(seeds_of(play.cast, i)[0]))
        first = first - negative
    assert (masked(play, 0) - first).tolist() == play.cast.plain([0])


def test_A24_a_report_whose_seals_the_leader_replaced_is_not_the_devices(
    monkeypatch: Patch,
) -> None:
    """Chosen seeds under a device's name: the signature covers seals and commitments."""
    play = WindowPlay.of(window_cast(4)).gather()
    chosen = forged(play, 0, seeds=[tape("chosen by the leader")])
    resealed = Report.parse(chosen, 24)
    signer = SigningKey(tape("leader"))
    context = labels.UPLOAD_REPORT + play.cast.window.context
    signed = signer.sign(payload_of(resealed.signed), context=context)
    attack = replace(resealed, signed=signed).to_bytes()
    with pytest.raises(NotValid):
        last_is_valid(play, attack)
    unverified(monkeypatch, helper)
    last_is_valid(play, attack)
    assert play.helpers[0].seen[id_of(0)].seeds == (tape("chosen by the leader"),)
