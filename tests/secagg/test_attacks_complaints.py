"""Who complains about whose seals, who contradicts whose edge tags, and who is blamed (A9, A23).

A plan for c corrupt clients bears max(c, 1) that lie about one dealer; one more, and some of them
speak the truth. Eight clients for c = 0 (threshold five), ten for c = 2 (threshold seven).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from holter.crypto.signature import payload_of
from holter.secagg import server
from holter.secagg.client_states import Step
from holter.secagg.errors import Abandoned
from holter.secagg.messages import SEALED_BYTES, Masked, MaskedHeader, Shares, Unmasking
from holter.secagg.session import set_bytes
from tests.secagg import forgery
from tests.secagg.cast import Play
from tests.secagg.forgery import awaiting, resigned
from tests.secagg.test_attacks_blame import COUNTS, ends, fails, false_edge

plans = pytest.mark.parametrize(("clients", "colluders"), [(8, 0), (10, 2)])


def complaining(play: Play, who: Iterable[int], about: set[int]) -> None:
    """These clients complain about seals that were in order, and keep to it until the end."""
    for i in who:
        state, message = play.clients[i], play.said[i][2].message
        header = MaskedHeader.parse(payload_of(forgery.client_header(message)))
        met = forgery.around(play, i)
        bits = set_bytes([met.index(each) for each in about - {i}], len(met))
        payload = replace(header, complaints=bits).payload()
        held = {j: both for j, both in state.opened.held.items() if j not in about}
        opened = replace(state.opened, held=held)
        play.clients[i] = replace(state, opened=opened, header=payload)
        signed = resigned(play, i, 2, payload)
        play.said[i][2] = Step(b"", Masked(signed, message[-24:]).to_bytes())


def delivered(play: Play) -> Play:
    for i in play.said:
        play.deliver(i)
    return play


def shared_badly(play: Play, i: int, bad: int, **other: Any) -> Play:
    """Client i spoils its seals for its first ``bad`` neighbours; all M2 arrive."""
    met = len(forgery.around(play, i))
    honest = Shares.parse(payload_of(play.said[i][1].message), met)
    sealed = (bytes(SEALED_BYTES),) * bad + honest.sealed[bad:]
    payload = replace(honest, sealed=sealed, **other).payload()
    play.said[i][1] = Step(b"", resigned(play, i, 1, payload))
    return delivered(play)


def tags(clients: int, false: int) -> tuple[bytes, ...]:
    return (bytes(8),) * false + (b"not true",) * (clients - 1 - false)


@plans
def test_A23_as_many_liars_as_are_borne_cost_an_honest_dealer_nothing(
    clients: int, colluders: int
) -> None:
    play = awaiting(2, clients, colluders)
    complaining(play, range(max(colluders, 1)), {clients - 1})
    delivered(play).go().go()
    ends(play, range(clients), set())


@plans
@pytest.mark.parametrize("more", [0, 1])
def test_A23_a_dealer_about_whom_more_complain_than_may_lie_is_left_out_and_blamed(
    clients: int, colluders: int, more: int
) -> None:
    bad, dealer = max(colluders, 1) + more, clients - 1
    play = shared_badly(awaiting(1, clients, colluders), dealer, bad)
    play.go()
    assert [dealer not in play.held[i] for i in range(clients - 1)] == [
        i < bad for i in range(clients - 1)
    ]
    state = server.close_masking(play.server)[0]
    assert state.survivors == set(range(clients - more))
    play.close()
    for i in play.outbox:
        play.answer(i)
        play.deliver(i)
    play.go()
    ends(play, range(clients - more), {dealer} if more else set())


@pytest.mark.parametrize("silent", [0, 5], ids=["one who complained", "one who did not"])
def test_A23_a_dealer_with_as_few_holders_as_may_be_is_named_whoever_falls_silent(
    silent: int,
) -> None:
    play = shared_badly(awaiting(1, 10), 9, 3)  # six hold its shares, and six are needed
    play.go().go()
    play.close()
    for i in play.outbox:
        play.answer(i)
        if i != silent:
            play.deliver(i)
    if silent == 0:
        ends(play, range(9), {9})
    else:  # the edge of the silent one stays masked, and five hold the key that would open it
        fails(play, "too few shares", {9})


def test_A23_one_client_cannot_end_every_session_without_being_named() -> None:
    # Seals that open for nobody, edge tags that match nothing, and then silence.
    play = shared_badly(awaiting(1), 7, 7, edge_tags=tags(8, 7))
    play.go()
    play.go(range(7)).go()
    fails(play, "too few shares", {7})


def test_A23_a_dealer_whose_seals_open_for_nobody_costs_its_own_place_and_is_blamed() -> None:
    play = shared_badly(awaiting(1), 7, 7)
    play.go()
    play.go(range(7)).go()  # the edge seeds of the survivors take its pair masks off
    ends(play, range(7), {7})


def test_A23_too_few_holders_cost_a_place_without_blame() -> None:
    play = awaiting(2, 8, 3)  # seven holders a dealer, six needed
    complaining(play, range(2), {7})  # three may lie, two do
    assert server.close_masking(delivered(play).server)[0].survivors == set(range(7))
    play.go().go()
    ends(play, range(7), set())


def test_A23_leaving_out_a_dealer_can_take_another_below_the_threshold() -> None:
    play = awaiting(2, 11, 3)  # ten holders a dealer, eight needed
    complaining(play, range(3), {10})  # client 10 has seven left, and goes
    complaining(play, range(3, 5), {9})  # client 9 has eight left, and seven without client 10
    assert server.close_masking(delivered(play).server)[0].survivors == set(range(9))


def test_A23_false_complaints_about_everyone_abandon_the_session_and_blame_nobody() -> None:
    play = awaiting(2, 8, 3)
    complaining(play, range(3), set(range(8)))
    with pytest.raises(Abandoned, match="only 0 clients' secrets") as ended:
        server.close_masking(delivered(play).server)
    assert ended.value.blamed == ()  # who is right, dealer or holder, nobody can tell


def test_A23_a_false_complaint_about_one_who_drops_out_costs_nobody_the_sum() -> None:
    play = awaiting(2)
    complaining(play, range(1), {7})
    for i in range(7):
        play.deliver(i)
    play.go().go()
    ends(play, range(7), set())


def few_release(play: Play, liars: Iterable[int] = ()) -> Play:
    """The last client sent no vector; of the others one fewer than open a secret release, the
    first ones. Liars release a false edge seed.
    """
    play.go(range(len(play.cast) - 1)).go()
    play.close()
    for i in range(forgery.sharing(play).threshold - 1):
        play.answer(i)
        counts = (len(count(play.server, i)) for count in COUNTS)
        shares = Unmasking.parse(payload_of(play.said[i][4].message), *counts)
        said = false_edge(shares) if i in liars else shares
        play.deliver(i, resigned(play, i, 4, said.payload()))
    return play


@plans
@pytest.mark.parametrize("more", [0, 1])
def test_A9_edge_tags_that_more_contradict_than_may_lie_blame_their_dealer_without_its_key(
    clients: int, colluders: int, more: int
) -> None:
    false, dealer = max(colluders, 1) + more, clients - 1
    play = awaiting(1, clients, colluders)
    honest = Shares.parse(payload_of(play.said[dealer][1].message), clients - 1).edge_tags
    shared_badly(play, dealer, 0, edge_tags=tags(clients, false)[:false] + honest[false:])
    fails(few_release(play), "too few shares", {dealer} if more else set())


@plans
def test_A9_as_many_liars_as_are_borne_frame_nobody_whose_key_stays_closed(
    clients: int, colluders: int
) -> None:
    play = delivered(awaiting(1, clients, colluders))
    fails(few_release(play, range(max(colluders, 1))), "too few shares", set())


@plans
def test_A9_as_many_liars_as_are_borne_are_blamed_themselves_where_the_key_opens(
    clients: int, colluders: int
) -> None:
    liars = set(range(max(colluders, 1)))
    play = delivered(awaiting(1, clients, colluders))
    play.go(range(clients - 1)).go()
    play.close()
    for i in play.outbox:
        play.answer(i)
        counts = (len(count(play.server, i)) for count in COUNTS)
        shares = Unmasking.parse(payload_of(play.said[i][4].message), *counts)
        said = false_edge(shares) if i in liars else shares
        play.deliver(i, resigned(play, i, 4, said.payload()))
    ends(play, range(clients - 1), liars)
