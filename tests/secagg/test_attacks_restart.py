"""Second askings and restarts (attacks A2, A3, A11, A13 of the threat model).

A device that died between any two messages, or is asked once more, does nothing that it did not
do before.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holter.privacy.contract import Contract, Refused
from holter.secagg import client
from holter.secagg.client_states import Restarted
from holter.secagg.errors import Caller, CoordinatorFault, PeerFault
from holter.simulator.population import MINUTE, virtual_ledger
from tests.secagg import forgery
from tests.secagg.cast import Play, cast_of, to_phase

N = 6
ALL = range(N)


def made_before(kind: str, attack: Callable[[], object]) -> None:
    with pytest.raises(Caller, match=f"{kind} was made before; send its recorded bytes again"):
        attack()


def test_A13_an_update_that_was_masked_is_spent_whatever_becomes_of_the_session() -> None:
    play = to_phase(cast_of(N), 1)
    play.close()
    inboxes = [forgery.inbox(play, 0, ALL), forgery.inbox(play, 0, range(5))]
    views = [client.accept_inbox(play.clients[0], data) for data in inboxes]
    _, step = client.mask(views[0], play.vectors[0])
    for view in views:  # a second mask set, or the same one: difference would open the vector
        made_before("M4", lambda view=view: client.mask(view, play.vectors[0]))
    records = [*(each.record for each in play.said[0]), step.record]
    assert client.recover(records) == Restarted("M4", step.message)


def test_A13_what_was_charged_with_the_vector_is_not_charged_again_for_a_retry() -> None:
    # That charge and record are one write is the round's part: tests/rounds/test_client.py.
    ledger = virtual_ledger(Contract("plan", 10, 5, 1, rho_units=7, task="activity"))
    charged, line = ledger.charge("plan", 3, MINUTE)
    assert line
    for again in (3, 2):
        with pytest.raises(Refused) as refusal:
            charged.charge("plan", again, MINUTE)
        assert refusal.value.reason == "round_repeated"


def test_A2_a_vector_that_comes_late_is_discarded_and_its_sender_stays_dropped() -> None:
    play = to_phase(cast_of(8), 1)
    play.close()
    for i in range(8):
        play.answer(i)
    for i in range(7):
        play.deliver(i)
    late = play.said[7][2].message
    for _ in range(2):
        play.close()
        for i in range(7):
            play.answer(i)
            play.deliver(i)
        with pytest.raises(PeerFault):
            play.deliver(7, late)
    assert play.finish().words.tolist() == play.plain(range(7))
    seeds, edges, keys = forgery.released(play, range(8), range(7))
    assert 7 not in seeds and set(edges) == set(keys) == {7}


def test_A3_after_the_endorsement_another_survivor_set_is_offered_in_vain() -> None:
    play = to_phase(cast_of(8), 2)
    state = play.clients[0]
    first, second = forgery.survivors(play, range(7)), forgery.survivors(play, range(8))
    play.answer(0, first)
    made_before("M6", lambda: client.endorse(state, second))
    made_before("M6", lambda: client.endorse(state, first))
    with pytest.raises(CoordinatorFault):
        client.unmask(play.clients[0], second)
    # killed between M6 and M8: there is nothing left with which another set could be endorsed
    again = client.recover([step.record for step in play.said[0]])
    assert again == Restarted("M6", play.said[0][3].message)


@pytest.mark.parametrize("phase", [1, 2, 3, 4])
def test_A2_A3_a_client_killed_after_any_record_says_the_same_again_and_no_more(phase: int) -> None:
    play = to_phase(cast_of(8), phase)
    again = client.recover([step.record for step in play.said[0]])
    assert again.message == play.said[0][phase].message
    assert set(vars(again)) == {"kind", "message"}  # no key, no seed, no share
    for step in (client.share, client.mask, client.endorse, client.unmask):
        with pytest.raises((AttributeError, TypeError)):
            step(again, b"")  # type: ignore[arg-type,call-arg]


@pytest.mark.parametrize("kind", ["M2", "M4", "M6", "M8"])
def test_A11_every_message_is_made_once(kind: str) -> None:
    play = Play.of(cast_of(8)).join()
    for phase in range(1, 5):
        play.close()
        state, data = play.clients[0], play.outbox[0]
        play.answer(0)
        if kind == f"M{2 * phase}":
            play.clients[0] = state
            made_before(kind, lambda data=data: play.answer(0, data))
            return
        play.deliver(0)
        for i in range(1, 8):
            play.answer(i)
            play.deliver(i)


def test_A13_records_of_two_sessions_are_refused_where_they_meet() -> None:
    mine, foreign = (
        [step.record for step in to_phase(cast_of(N), 4, salt).said[0]] for salt in ("one", "other")
    )
    assert client.recover(mine).kind == client.recover(foreign).kind == "M8"
    with pytest.raises(Caller, match="records of two sessions are mixed"):
        client.recover([*mine[:4], foreign[4]])
