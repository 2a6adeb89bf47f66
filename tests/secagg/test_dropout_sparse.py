"""The matrix of losses on a sparse graph: 257 clients and more, each with some neighbours only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from holter.secagg import client, server
from holter.secagg.errors import Abandoned, PeerFault
from tests.secagg.cast import Play, tape
from tests.secagg.losses import MOMENTS, Fate, expected, fate, remembered
from tests.secagg.sparse import FIRST, Mark, carry_on, shared, sparse_cast

Stage = tuple[Play, Mark]
BORNE = 27


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """257 clients that have made their M2, and a mark to come back to."""
    with pytest.MonkeyPatch.context() as patch:
        remembered(patch)
        play = shared(sparse_cast(FIRST, lost=BORNE))
        yield play, Mark.of(play)


def chosen(count: int, salt: object, size: int = FIRST) -> list[int]:
    return sorted(range(size), key=lambda i: tape(("sparse", salt, i)))[:count]


def ends(play: Play, fates: dict[int, Fate]) -> bool:
    """As on the complete graph: the exact sum of whom the rules say, or Abandoned."""
    sharing = play.server
    arrives = {i: each.arrives for i, each in fates.items()}
    survivors = expected(play.cast, arrives, sharing.neighbours, sharing.threshold)
    try:
        summed = carry_on(play, fates).finish()
    except Abandoned as reason:
        assert survivors is None and reason.blamed == ()
        return False
    assert summed.survivors == survivors
    assert summed.words.tolist() == play.plain(summed.survivors)
    return True


def test_the_graph_is_sparse_and_bears_what_the_plan_says(stage: Stage) -> None:
    play, mark = stage
    degrees = [len(around) for around in mark.server.neighbours]
    assert mark.server.terms.cycles > 0 and max(degrees) < 100 < len(degrees)
    assert min(degrees) > mark.server.threshold > play.cast.session.bounds.colluders


def test_as_many_as_are_borne_lost_at_many_moments_leave_the_exact_sum(stage: Stage) -> None:
    play, mark = stage
    fates = dict.fromkeys(range(FIRST), Fate())
    moments = [moment for moment in MOMENTS if fate(moment).arrives and fate(moment) != Fate()]
    for place, i in enumerate(chosen(BORNE, "many")):
        fates[i] = fate(moments[place % len(moments)])
    assert ends(mark.back(play), fates)
    assert play.summed is not None
    assert 230 < len(play.summed.survivors) < len(play.summed.mask_set) < FIRST


@pytest.mark.parametrize("moment", ["before M2", "before M4"])
def test_one_more_than_is_borne_ends_it_before_the_survivors_are_fixed(
    stage: Stage, moment: str
) -> None:
    play, mark = stage
    lost = chosen(BORNE + 1, moment)
    fates = {i: fate(moment) if i in lost else Fate() for i in range(FIRST)}
    assert not ends(mark.back(play), fates)


@pytest.mark.long
@pytest.mark.parametrize("moment", [m for m in MOMENTS if fate(m).arrives])
def test_the_whole_matrix_of_losses_on_a_sparse_graph(stage: Stage, moment: str) -> None:
    play, mark = stage
    for count in (1, BORNE, BORNE + 1):
        lost = chosen(count, moment)
        fates = {i: fate(moment) if i in lost else Fate() for i in range(FIRST)}
        fixed = fate(moment).arrives > 2  # then a quorum and enough neighbours are all it takes
        assert ends(mark.back(play), fates) == (count <= BORNE or fixed)


@pytest.mark.long
@pytest.mark.parametrize("around", ["an arc", "neighbours"])
def test_a_client_that_loses_its_neighbours_is_left_out_and_the_others_sum(
    stage: Stage, around: str
) -> None:
    play, mark = stage
    near = mark.server.neighbours[5] if around == "neighbours" else range(100, 100 + BORNE)
    for count in (BORNE, BORNE + 1):
        lost = sorted(near)[:count] if around == "neighbours" else range(100, 100 + count)
        fates = {i: fate("before M4") if i in lost else Fate() for i in range(FIRST)}
        ends(mark.back(play), fates)


@pytest.mark.long
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_processes_that_are_killed_after_a_record_send_it_again_and_are_lost(
    stage: Stage, number: int
) -> None:
    play, mark = stage
    killed = chosen(BORNE, ("killed", number))
    fates = {i: Fate(number + 1, number + 1) if i in killed else Fate() for i in range(FIRST)}
    assert ends(mark.back(play), fates)
    for i in killed:
        records = [step.record for step in play.said[i][: number + 1]]
        again = client.recover(records).message
        assert again == play.said[i][number].message
        if number == 4:  # the others' phases are over, and a message for them is discarded
            assert repr(server.receive(play.server, i, again)) == repr(play.server)
        else:
            with pytest.raises(PeerFault):
                server.receive(play.server, i, again)


@pytest.mark.long
@pytest.mark.parametrize("clients", [287, 300])
def test_lost_before_the_roster_is_fixed_on_larger_rosters(clients: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        remembered(patch)
        cast = sparse_cast(clients, lost=30)
        for count in (0, 10, 30, 31):
            lost = set(chosen(count, clients, clients))
            some = replace(  # who never advertised is as if it had never been
                cast,
                keys=tuple(key for i, key in enumerate(cast.keys) if i not in lost),
                credentials=tuple(c for i, c in enumerate(cast.credentials) if i not in lost),
            )
            if count == 31:
                with pytest.raises(Abandoned, match="are needed"):
                    Play.of(some).join().close()
            else:
                assert ends(shared(some), dict.fromkeys(range(len(some)), Fate()))
