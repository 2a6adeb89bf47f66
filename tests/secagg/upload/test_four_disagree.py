"""Four helpers that do not find the same reports valid: spoilt seals and contrary verdicts.

The list is what all that judged have in common, so that each of them can stand by it; if that is
too little, what the best three have in common.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from holter.crypto import labels
from holter.secagg.errors import Abandoned, CoordinatorFault, PeerFault
from holter.secagg.session import set_bytes
from holter.secagg.upload import leader
from holter.secagg.upload.messages import Verdict
from tests.secagg.upload.test_four_helpers import HELPERS, PAIRS
from tests.secagg.upload.window_cast import WindowPlay, id_of, window_cast
from tests.secagg.upload.window_forgery import forged, spoilt_for


def spoiling(devices: int, spoilt: dict[int, int], floor: int = 3) -> WindowPlay:
    """Device -> the one helper for whom its seal does not open."""
    play = WindowPlay.of(window_cast(devices, 4, floor=floor))
    for i in range(devices):
        play.take(spoilt_for(play, i, spoilt[i]) if i in spoilt else play.report(i))
    return play


@pytest.mark.parametrize("pair", PAIRS)
def test_two_devices_that_spoil_different_helpers_do_not_stop_the_window(
    pair: tuple[int, int],
) -> None:
    play = spoiling(5, {0: pair[0], 1: pair[1]}).judge()
    play.leader, listing = leader.close_proposing(play.leader)
    listed = {entry.claim.report_id for entry in play.leader.chosen}
    assert {id_of(i) for i in (2, 3, 4)} <= listed
    for j in HELPERS:
        try:
            play.leader = leader.take_signature(play.leader, j, play.endorse(j, listing))
        except CoordinatorFault:
            assert j in pair
    play.leader, request = leader.close_listing(play.leader)
    found = play.open(request, silent=set(HELPERS) - set(play.leader.before.signatures))
    assert found.words.tolist() == play.cast.plain(i for i in range(5) if id_of(i) in listed)


def test_devices_that_spoil_a_helper_each_cost_nobody_elses_report() -> None:
    play = spoiling(8, {0: 0, 1: 1, 2: 2, 3: 3}).judge()
    play.leader, _ = leader.close_proposing(play.leader)
    listed = {entry.claim.report_id for entry in play.leader.chosen}
    assert {id_of(i) for i in range(4, 8)} <= listed


@pytest.mark.parametrize("silent", HELPERS)
@pytest.mark.parametrize("spoilt", HELPERS)
def test_a_spoilt_seal_and_a_helper_silent_from_the_start_do_not_stop_it(
    silent: int, spoilt: int
) -> None:
    play = spoiling(5, {0: spoilt}).judge(silent=(silent,))
    found = play.open(play.stand(silent=(silent,)), silent=(silent,))
    rest = range(5) if silent == spoilt else range(1, 5)
    assert found.words.tolist() == play.cast.plain(rest)


@pytest.mark.parametrize("silent", HELPERS)
@pytest.mark.parametrize("spoilt", HELPERS)
def test_a_spoilt_seal_and_a_helper_silent_after_its_verdict_do_not_stop_it(
    silent: int, spoilt: int
) -> None:
    """The list is what all that judged have in common, so each of them can stand by it."""
    play = spoiling(5, {0: spoilt}).judge()
    found = play.open(play.stand(silent=(silent,)), silent=(silent,))
    assert found.words.tolist() == play.cast.plain(range(1, 5))
    assert found.contradicted == ()


def contrary(play: WindowPlay, j: int, valid: list[int]) -> None:
    """Helper j says that only these positions of the proposal are valid."""
    digest = hashlib.sha256(play.leader.proposal).digest()
    payload = Verdict(digest, set_bytes(valid, len(play.leader.order))).payload()
    said = play.cast.says(labels.UPLOAD_VERDICT, payload, play.cast.helper_keys[j])
    play.leader = leader.take_verdict(play.leader, j, said)


@pytest.mark.parametrize("j", HELPERS)
@pytest.mark.parametrize("valid", [[], [4], [0, 2], [0, 1, 4], [1, 2, 3, 4], [0, 1, 2, 3, 4]])
def test_a_contrary_helper_shortens_the_list_to_the_floor_and_no_further(
    j: int, valid: list[int]
) -> None:
    play = WindowPlay.of(window_cast(5, 4)).gather().judge(silent=(j,))
    contrary(play, j, valid)
    order = [entry.claim.report_id for entry in play.leader.order]
    number = {id_of(i): i for i in range(5)}
    listed = [number[report_id] for report_id in order]
    if len(valid) >= 3:
        listed = [listed[position] for position in valid]
    found = play.open(play.stand(silent=(j,)), silent=(j,))
    assert found.words.tolist() == play.cast.plain(listed) and found.reports == len(listed)


def test_a_contrary_helper_and_a_device_that_spoils_anothers_seal_leave_what_three_found() -> None:
    play = spoiling(5, {0: 2}).judge(silent=(1,))
    contrary(play, 1, [])
    found = play.open(play.stand(silent=(1,)), silent=(1,))
    assert found.words.tolist() == play.cast.plain(range(1, 5))


def test_a_contrary_helper_and_a_device_that_spoils_a_seal_for_another_can_end_the_window() -> None:
    """Two faults, and only one is borne: floor 3; the corrupt helper 0 leaves an honest one out."""
    play = spoiling(4, {0: 3}).judge(silent=(0,))
    order = [entry.claim.report_id for entry in play.leader.order]
    contrary(play, 0, sorted(order.index(id_of(i)) for i in (0, 1, 2)))
    play.leader, listing = leader.close_proposing(play.leader)
    for j in (1, 2, 3):
        try:
            play.leader = leader.take_signature(play.leader, j, play.endorse(j, listing))
        except CoordinatorFault:
            assert j == 3
    with pytest.raises(Abandoned, match="2 helpers stand by the list"):
        leader.close_listing(play.leader)
    assert not any(play.helpers[j].answered for j in HELPERS)  # nothing was opened


def test_two_contrary_helpers_end_the_window() -> None:
    play = WindowPlay.of(window_cast(5, 4)).gather().judge(silent=(1, 2))
    for j in (1, 2):
        contrary(play, j, [0, 1])
    with pytest.raises(Abandoned, match="2 valid reports; 3 are needed"):
        play.stand()


def test_a_device_that_spoils_the_length_of_one_seal_spoils_it_for_that_helper_alone() -> None:
    """The leader refuses such a report; one that does not takes it from one helper, not from all."""
    play = WindowPlay.of(window_cast(4, 4))
    report = forged(
        play, 0, change=lambda c: replace(c, seals=(*c.seals[:2], b"", c.seals[3])).payload()
    )
    with pytest.raises(PeerFault, match="one seal of the right length"):
        play.take(report)
    for j in HELPERS:
        play.examine(j, play.proposal([report]))
    assert [len(play.helpers[j].seen) for j in HELPERS] == [1, 1, 0, 1]
