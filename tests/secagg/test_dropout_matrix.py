"""Lost before and after every message, by every number of clients: the exact sum, or none.

As many as the plan bears may be lost at any moment and the session still ends in the exact sum of
its survivors; one more and it is abandoned. On the complete graph here; a sparse one is in
``test_dropout_sparse``, processes that are killed in ``test_dropout_kills``.
"""

from __future__ import annotations

import random

import pytest

from holter.secagg import client, server
from holter.secagg.errors import CoordinatorFault, PeerFault
from tests.secagg.cast import Cast, Play, cast_of, tape
from tests.secagg.losses import MOMENTS, Fate, ends, fate, remembered

COHORTS = [(8, 0), (9, 1), (10, 0), (11, 1), (12, 2)]
cohorts = pytest.mark.parametrize(("clients", "colluders"), COHORTS)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered(monkeypatch)


def chosen(cast: Cast, count: int, salt: object) -> list[int]:
    """``count`` clients, others for every salt."""
    return sorted(range(len(cast)), key=lambda i: tape(("lost", salt, i)))[:count]


@pytest.mark.parametrize("moment", MOMENTS)
@cohorts
def test_as_many_may_be_lost_at_any_moment_as_the_floor_says_and_one_more_ends_it(
    clients: int, colluders: int, moment: str
) -> None:
    cast = cast_of(clients, colluders=colluders)
    borne = clients - cast.session.bounds.survivors_floor
    assert borne >= 2
    for count in {0 if moment == MOMENTS[0] else 1, 1, borne, borne + 1}:
        lost = chosen(cast, count, (clients, moment))
        fates = {i: fate(moment) if i in lost else Fate() for i in range(clients)}
        whole = fate(moment) == Fate()  # lost after its last message: not lost at all
        assert ends(cast, fates) == (count <= borne or whole)


@pytest.mark.parametrize("seed", range(6))
@cohorts
def test_lost_at_different_moments_among_messages_that_come_late_twice_and_in_any_order(
    clients: int, colluders: int, seed: int
) -> None:
    dice = random.Random(f"{clients} {seed}")
    cast = cast_of(clients, colluders=colluders)
    borne = clients - cast.session.bounds.survivors_floor
    lost = dice.sample(range(clients), dice.choice([borne, borne, borne + 1, 1]))
    fates = {i: Fate() for i in range(clients)} | {i: fate(dice.choice(MOMENTS)) for i in lost}
    ended = ends(cast, fates, dice)
    assert ended or len(lost) > borne


@pytest.mark.parametrize("floor", [9, 10, 12])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_higher_floor_than_need_be_holds_until_the_survivors_are_fixed(
    moment: str, floor: int
) -> None:
    cast = cast_of(12, colluders=1, floor=floor)
    for count in (12 - floor, 13 - floor):
        lost = chosen(cast, count, moment)
        fates = {i: fate(moment) if i in lost else Fate() for i in range(12)}
        fixed = fate(moment).arrives > 2  # its vector is in: only quorum and shares are needed
        assert ends(cast, fates) == (count <= 12 - floor or fixed)


@cohorts
def test_a_message_again_changes_nothing_and_one_of_another_phase_is_refused(
    clients: int, colluders: int
) -> None:
    cast = cast_of(clients, colluders=colluders)
    play = Play.of(cast).join()
    for number in range(1, 5):
        play.close()
        for i in play.outbox:
            play.answer(i)
            play.deliver(i)
            before = play.server
            play.deliver(i)
            assert repr(play.server) == repr(before)
            for step in play.said[i][:number]:
                with pytest.raises(PeerFault):
                    server.receive(play.server, i, step.message)
            with pytest.raises(PeerFault):
                server.receive(play.server, (i + 1) % clients, play.said[i][number].message)
    assert play.finish().words.tolist() == play.plain(range(clients))


def test_a_client_refuses_messages_out_of_turn_and_then_takes_the_one_that_is_due() -> None:
    play = Play.of(cast_of(8)).join()
    shown: list[bytes] = []
    for _ in range(4):
        play.close()
        for early in shown:  # said again, or late
            state = play.clients[3]
            with pytest.raises(CoordinatorFault):
                play.answer(3, early)
            assert play.clients[3] is state
        shown.append(play.outbox[3])
        for i in play.outbox:
            play.answer(i)
            play.deliver(i)
    released = play.clients[3]
    for early in shown:
        with pytest.raises(CoordinatorFault):
            client.accept_result(released, early)
    assert play.finish().words.tolist() == play.plain(range(8))
