"""One helper: exact sums, floors, noise on both sides, and devices that speak once."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.crypto.hpke import Suite
from holter.secagg.client_states import Step
from holter.secagg.errors import Abandoned, Caller, PeerFault
from holter.secagg.upload import client, leader
from holter.secagg.upload.messages import Report
from holter.wire.cbor import decode
from tests.secagg.cast import MINUTE, tape
from tests.secagg.upload.window_cast import (
    EXPIRES,
    WindowPlay,
    id_of,
    judged,
    window_cast,
)
from tests.secagg.upload.window_forgery import lie, spoilt_for


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("devices", [3, 7])
def test_the_sum_is_exact(devices: int, suite: Suite) -> None:
    play = judged(devices, suite=suite)
    found = play.open(play.stand())
    assert found.words.tolist() == play.cast.plain(range(devices))
    assert (found.reports, found.contradicted) == (devices, ())
    assert set(play.helpers[0].listed) == {found.list_hash}


@pytest.mark.parametrize("words", [1, 2, 16_384, 16_385])
def test_vectors_of_any_length_are_summed(words: int) -> None:
    play = judged(3, words=words)
    assert play.open(play.stand()).words.tolist() == play.cast.plain(range(3))


@settings(max_examples=25, deadline=None)
@given(
    who=st.sets(st.integers(0, 7), min_size=3),
    spoilt=st.sets(st.integers(0, 7), max_size=4),
    order=st.randoms(use_true_random=False),
)
def test_whoever_reports_well_is_in_the_sum_and_nobody_else(
    who: set[int], spoilt: set[int], order: object
) -> None:
    play = WindowPlay.of(window_cast(8))
    arriving = sorted(who)
    order.shuffle(arriving)  # type: ignore[attr-defined]
    for i in arriving:
        play.take(spoilt_for(play, i, 0) if i in spoilt else play.report(i))
    play.judge()
    if len(who - spoilt) < 3:
        with pytest.raises(Abandoned, match="valid reports; 3 are needed"):
            play.stand()
    else:
        assert play.open(play.stand()).words.tolist() == play.cast.plain(who - spoilt)


def test_the_order_of_arrival_changes_no_byte_of_the_proposal() -> None:
    play, other = (WindowPlay.of(window_cast(5)) for _ in range(2))
    play.gather()
    for i in reversed(range(5)):
        other.take(play.reports[i])
    assert leader.propose(play.leader)[1] == leader.propose(other.leader)[1]


def test_two_lists_that_share_nothing_are_both_summed() -> None:
    play = judged(6)
    for who in (play.entries(0, 1, 2), play.entries(3, 4, 5)):
        assert play.answer(0, play.request(who))
    assert len(play.helpers[0].listed) == len(play.helpers[0].answered) == 2


def test_below_the_floor_nothing_is_proposed() -> None:
    play = WindowPlay.of(window_cast(4)).gather(range(2))
    with pytest.raises(Abandoned, match="2 devices reported; 3 are needed"):
        leader.propose(play.leader)


def test_a_silent_helper_ends_the_window_before_the_list_or_after() -> None:
    play = WindowPlay.of(window_cast(4)).gather().judge(silent=(0,))
    with pytest.raises(Abandoned, match="0 helpers judged the reports; 1 are needed"):
        play.stand()
    play = judged(4)
    play.stand()
    with pytest.raises(Abandoned, match="are not witnessed by 1 helper"):
        leader.close_answering(play.leader)


def test_a_lying_helper_spoils_the_sum_and_nothing_shows_it() -> None:
    play = judged(4)
    request = play.stand()
    play.hear(0, lie(play, 0, play.answer(0, request)))
    found = leader.close_answering(play.leader)
    assert found.words.tolist() != play.cast.plain(range(4))
    assert found.contradicted == ()  # with one helper there is nobody to contradict it


# The device


def test_a_device_speaks_once_and_leaves_nothing_behind() -> None:
    play = WindowPlay.of(window_cast(4))
    assert isinstance(play.report(0), bytes)  # a play keeps these bytes of a device, no more
    assert [f.name for f in dataclasses.fields(Step)] == ["record", "message"]
    made = [name for name, value in vars(client).items() if callable(value)]
    assert not {"answer", "accept", "finish", "close"} & set(made)


def test_the_record_holds_the_very_bytes_of_the_report() -> None:
    cast = window_cast(3)
    play = WindowPlay.of(cast)
    random = tape(("report", 0), client.random_bytes_needed(cast.window))
    step = client.report(
        cast.window,
        play.offers,
        cast.keys[0],
        cast.credentials[0],
        cast.vector(0),
        expires_minute=EXPIRES,
        minute=MINUTE,
        random=random,
    )
    assert decode(step.record) == ["report", cast.window.context, step.message]
    assert random[16:48] not in step.message and tape(("device", 0)) not in step.message
    assert cast.vector(0).tobytes() not in step.message


def test_making_a_report_leaves_the_vector_as_it_was() -> None:
    cast = window_cast(3)
    play, vector = WindowPlay.of(cast), cast.vector(0)
    vector.setflags(write=False)
    made = [
        client.report(
            cast.window,
            play.offers,
            cast.keys[0],
            cast.credentials[0],
            given,
            expires_minute=EXPIRES,
            minute=MINUTE,
            random=tape(("report", 0), 48),
        ).message
        for given in (vector, np.repeat(vector, 2)[::2], np.repeat(vector, 2).reshape(3, 2)[:, 0])
    ]
    assert len({Report.parse(message, 24).vector for message in made}) == 1
    assert vector.tolist() == cast.vector(0).tolist()


def test_the_same_bytes_again_change_nothing() -> None:
    play = WindowPlay.of(window_cast(4)).gather()
    before = play.leader
    for message in play.reports.values():
        play.take(message)
        assert play.leader is before
    play.judge()
    proposal = play.leader.proposal
    assert play.examine(0, proposal) == play.examine(0, proposal)
    assert len(play.helpers[0].seen) == 4


def test_a_report_that_comes_again_when_the_window_is_full_is_no_refusal() -> None:
    play = WindowPlay.of(window_cast(4, largest=3)).gather(range(3))
    play.take(play.reports[1])
    with pytest.raises(PeerFault, match="the window is full"):
        play.gather([3])


# Central noise

OURS = np.array([5, 2**64 - 7, 0], dtype=np.uint64)
THEIRS = np.array([1, 1, 2**63], dtype=np.uint64)


def central() -> WindowPlay:
    return judged(4, central=True)


def test_noise_of_helper_and_leader_are_both_in_the_sum() -> None:
    play = central()
    request = play.stand()
    play.hear(0, play.answer(0, request, noise=THEIRS))
    found = leader.close_answering(play.leader, noise=OURS)
    noise = [int(a) + int(b) for a, b in zip(OURS, THEIRS)]
    plain = play.cast.plain(range(4))
    assert found.words.tolist() == [(p + n) % 2**64 for p, n in zip(plain, noise)]


def test_central_noise_that_is_missing_on_either_side_is_refused() -> None:
    play = central()
    request = play.stand()
    with pytest.raises(Caller, match="exactly where"):
        play.answer(0, request)
    assert not play.helpers[0].listed and not play.helpers[0].answered
    play.hear(0, play.answer(0, request, noise=THEIRS))
    with pytest.raises(Caller, match="exactly where"):
        leader.close_answering(play.leader)


def test_noise_of_either_side_is_refused_where_devices_add_theirs() -> None:
    play = judged(4)
    request = play.stand()
    with pytest.raises(Caller, match="exactly where"):
        play.answer(0, request, noise=THEIRS)
    play.hear(0, play.answer(0, request))
    with pytest.raises(Caller, match="exactly where"):
        leader.close_answering(play.leader, noise=OURS)


def test_noise_is_central_with_one_helper_only() -> None:
    with pytest.raises(Caller, match="exactly one helper"):
        window_cast(4, 4, central=True)


WRONG = {
    "one word for all": OURS[:1],
    "one number for all": OURS[0].reshape(()),
    "a word too few": OURS[:2],
    "a word too many": np.concatenate([OURS, OURS[:1]]),
    "no words": OURS[:0],
    "a row": OURS.reshape(1, 3),
    "a column": OURS.reshape(3, 1),
    "signed words": OURS.astype(np.int64),
    "half words": OURS.astype(np.uint32),
    "numbers with a point": OURS.astype(np.float64),
    "words the other way round": OURS.astype(">u8"),
    "yes and no": OURS.astype(bool),
}


@pytest.mark.parametrize("what", WRONG)
def test_noise_that_is_no_vector_of_words_is_refused_on_either_side(what: str) -> None:
    play = central()
    request, wrong = play.stand(), WRONG[what]
    before = play.helpers[0]
    with pytest.raises(Caller, match="noise of 3 words, uint64, is needed"):
        play.answer(0, request, noise=wrong)
    assert play.helpers[0] is before and not play.kept[0]
    play.hear(0, play.answer(0, request, noise=THEIRS))
    with pytest.raises(Caller, match="noise of 3 words, uint64, is needed"):
        leader.close_answering(play.leader, noise=wrong)
    assert leader.close_answering(play.leader, noise=OURS).reports == 4


@pytest.mark.parametrize("restarted", [False, True])
def test_A24_one_list_never_gets_noise_twice(restarted: bool) -> None:
    play = central()
    request = play.stand()
    first = play.answer(0, request, noise=THEIRS)
    if restarted:
        play.restart(0)
        assert not play.helpers[0].seen  # not even its reports are needed again
    for noise in (THEIRS, OURS, None):
        assert play.answer(0, request, noise=noise) == first
        assert play.answer(0, play.request(play.entries(*range(4))), noise=noise) == first
    assert len(play.kept[0]) == 2


def test_a_report_id_is_the_devices_own_randomness() -> None:
    play = WindowPlay.of(window_cast(3)).gather()
    found = {entry.claim.report_id for entry in play.leader.entries.values()}
    assert found == {id_of(i) for i in range(3)}
