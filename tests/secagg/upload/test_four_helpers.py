"""Four helpers: exact sums with any one of them silent or lying, and what stops a window."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.crypto.hpke import Suite
from holter.secagg.errors import Abandoned, CoordinatorFault
from holter.secagg.upload import leader
from tests.secagg.upload.window_cast import WindowPlay, id_of, judged, window_cast
from tests.secagg.upload.window_forgery import lie

HELPERS = range(4)
PAIRS = list(itertools.combinations(HELPERS, 2))


def stood(devices: int = 4, silent: tuple[int, ...] = ()) -> tuple[WindowPlay, bytes]:
    """All that speak have judged and signed; the request."""
    play = WindowPlay.of(window_cast(devices, 4)).gather().judge(silent)
    return play, play.stand(silent)


def close(
    play: WindowPlay, request: bytes, liars: dict[int, list[int]], silent: set[int]
) -> object:
    for j in HELPERS:
        if j not in silent:
            honest = play.answer(j, request)
            play.hear(j, lie(play, j, honest, liars[j]) if j in liars else honest)
    return leader.close_answering(play.leader)


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("devices", [3, 6])
def test_the_sum_is_exact(devices: int, suite: Suite) -> None:
    play = judged(devices, 4, suite=suite)
    found = play.open(play.stand())
    assert found.words.tolist() == play.cast.plain(range(devices))
    assert (found.reports, found.contradicted) == (devices, ())


@pytest.mark.parametrize("phase", ["from the start", "after its verdict", "after its signature"])
@pytest.mark.parametrize("j", HELPERS)
def test_any_one_helper_may_fall_silent(j: int, phase: str) -> None:
    play = WindowPlay.of(window_cast(4, 4)).gather()
    play.judge(silent=(j,) if phase == "from the start" else ())
    request = play.stand(silent=() if phase == "after its signature" else (j,))
    found = play.open(request, silent=(j,))
    assert found.words.tolist() == play.cast.plain(range(4))
    assert found.contradicted == ()


@pytest.mark.parametrize("pair", PAIRS)
def test_two_silent_helpers_end_the_window_wherever_they_fall_silent(pair: tuple[int, int]) -> None:
    play = WindowPlay.of(window_cast(4, 4)).gather().judge(silent=pair)
    with pytest.raises(Abandoned, match="2 helpers judged"):
        play.stand()
    with pytest.raises(Abandoned, match="2 helpers stand by"):
        judged(4, 4).stand(silent=pair)
    play, request = stood()
    with pytest.raises(Abandoned, match="not witnessed by 2 helpers"):
        play.open(request, silent=pair)


@pytest.mark.parametrize("j", HELPERS)
def test_a_helper_that_did_not_sign_answers_by_the_same_rules(j: int) -> None:
    play = judged(4, 4)
    request = play.stand(silent=(j,))
    for silent in [k for k in HELPERS if k != j]:
        again = WindowPlay(**vars(play))
        again.helpers = dict(play.helpers)
        found = again.open(request, silent=(silent,))
        assert found.words.tolist() == play.cast.plain(range(4))
    late = WindowPlay.of(play.cast)  # the same helper, but it has judged nothing
    with pytest.raises(CoordinatorFault, match="did not find valid"):
        late.answer(j, request)


@pytest.mark.parametrize("j", HELPERS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_lying_helper_is_outvoted_and_named(j: int, count: int) -> None:
    held = [g for g in HELPERS if g != j]
    for seeds in itertools.combinations(held, count):
        play, request = stood()
        found = close(play, request, {j: list(seeds)}, set())
        assert isinstance(found, leader.UploadSum)
        assert found.words.tolist() == play.cast.plain(range(4))
        assert found.contradicted == (j,)


@pytest.mark.parametrize("liar,silent", list(itertools.permutations(HELPERS, 2)))
def test_one_lying_and_one_silent_end_the_window_without_a_sum(liar: int, silent: int) -> None:
    play, request = stood()
    held = [g for g in HELPERS if g != liar]
    with pytest.raises(Abandoned, match="2 helpers that agree"):
        close(play, request, {liar: held}, {silent})


@pytest.mark.parametrize("pair", PAIRS)
def test_two_that_lie_apart_end_the_window_without_a_sum(pair: tuple[int, int]) -> None:
    play, request = stood()
    with pytest.raises(Abandoned, match="2 helpers that agree"):
        close(play, request, {j: list(HELPERS) for j in pair}, set())


@settings(max_examples=40, deadline=None)
@given(
    lies=st.dictionaries(st.integers(0, 3), st.lists(st.integers(0, 3), min_size=1), max_size=2),
    silent=st.sets(st.integers(0, 3), max_size=2),
)
def test_whatever_helpers_do_the_sum_is_right_or_there_is_none(
    lies: dict[int, list[int]], silent: set[int]
) -> None:
    """Liars here do not agree with each other; two that do are more than the one that is borne."""
    play, request = stood(3)
    try:
        found = close(play, request, lies, silent)
    except Abandoned:
        effective = {j for j, seeds in lies.items() if set(seeds) - {j}}
        assert len(effective - silent) + len(silent) > 1
    else:
        assert isinstance(found, leader.UploadSum)
        assert found.words.tolist() == play.cast.plain(range(3))


def test_two_that_lie_alike_spoil_the_sum_and_everyone_is_named() -> None:
    """f = 1: two corrupt helpers spoil the sum, as they could open every contribution."""
    play, request = stood()
    said = {j: play.answer(j, request) for j in HELPERS}
    for j in HELPERS:
        play.hear(j, alike(play, j, said[j]) if j in (0, 1) else said[j])
    found = leader.close_answering(play.leader)
    assert found.words.tolist() != play.cast.plain(range(4))
    assert found.contradicted == (0, 1, 2, 3)  # on some seed each is one against two


def alike(play: WindowPlay, j: int, message: bytes) -> bytes:
    from tests.secagg.upload import window_forgery

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_forgery, "tape", lambda name, length: bytes(length))
        return lie(play, j, message)


def test_the_list_that_everyone_can_sign_is_the_same_for_all_of_them() -> None:
    play = judged(5, 4)
    play.leader, listing = leader.close_proposing(play.leader)
    for j in HELPERS:
        play.endorse(j, listing)
    assert len({tuple(state.listed.items()) for state in play.helpers.values()}) == 1
    (listed,) = play.helpers[0].listed.values()
    assert listed.entries == tuple(play.entries(*range(5)))
    assert listed.ids == {id_of(i) for i in range(5)}
