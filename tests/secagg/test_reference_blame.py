"""Both implementations agree where a rule is about how many may lie, and about whose graph it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from holter.crypto import labels, shamir
from holter.crypto.signature import payload_of
from holter.secagg import client
from holter.secagg.errors import CoordinatorFault
from holter.secagg.messages import SEALED_BYTES, Shares
from tests.reference import five
from tests.secagg import forgery
from tests.secagg.cast import WHOLE, Play, cast_of, tape
from tests.secagg.forged_roster import forged_roster
from tests.secagg.twins import Change, Twins, client_of, said

plans = pytest.mark.parametrize(("clients", "colluders"), [(8, 0), (10, 2)])


def dealt(clients: int, change: Callable[[Shares], Shares]) -> Change:
    """The last client's M2 is changed by itself."""

    def changed(kind: int, index: int, message: bytes, twins: Twins) -> bytes:
        if (kind, index) != (2, clients - 1):
            return message
        payload = change(Shares.parse(payload_of(message), clients - 1)).payload()
        context = labels.SHARES + twins.play.sid
        return twins.cast.keys[twins.seats[index]].sign(payload, context=context)

    return changed


def blamed(twins: Twins) -> list[int]:
    """By both, in a sum or without one."""
    end = twins.carry()
    return end[3] if isinstance(end, tuple) else end


@plans
@pytest.mark.parametrize("more", [0, 1])
def test_both_blame_a_dealer_about_whom_more_complain_than_may_lie(
    clients: int, colluders: int, more: int
) -> None:
    bad = max(colluders, 1) + more

    def spoil(shares: Shares) -> Shares:
        return replace(shares, sealed=(bytes(SEALED_BYTES),) * bad + shares.sealed[bad:])

    cast = cast_of(clients, colluders=colluders)
    twins = Twins(cast, dict.fromkeys(range(clients), WHOLE), dealt(clients, spoil))
    assert blamed(twins) == ([clients - 1] if more else [])
    assert twins.server.u3 == list(range(clients - more))


@plans
@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("opens", [True, False], ids=["its key opens", "its key stays closed"])
def test_both_blame_a_dealer_whose_edge_tags_more_contradict_than_may_lie(
    clients: int, colluders: int, more: int, opens: bool
) -> None:
    false = max(colluders, 1) + more

    def lie(shares: Shares) -> Shares:
        return replace(shares, edge_tags=(bytes(8),) * false + shares.edge_tags[false:])

    cast = cast_of(clients, colluders=colluders)
    needed = (clients + colluders) // 2 + 1
    arrives = {i: WHOLE if opens or i < needed - 1 else WHOLE - 1 for i in range(clients - 1)}
    twins = Twins(cast, {**arrives, clients - 1: 2}, dealt(clients, lie))
    assert blamed(twins) == ([clients - 1] if opens or more else [])


@pytest.mark.parametrize("threshold", [2, 3])
def test_both_refuse_a_graph_that_leaves_fewer_neighbours_than_shares(
    monkeypatch: pytest.MonkeyPatch, threshold: int
) -> None:
    forgery.sparse(monkeypatch, 1, threshold)  # one cycle: two neighbours each
    monkeypatch.setattr(five.Bounds, "accepts", lambda *given: True)
    play = Play.of(cast_of(9)).join()
    m1 = forged_roster(play, [s[0].message for s in play.said.values()], cycles=1, threshold=threshold)  # fmt: skip
    other = client_of(play.cast, 0)
    other.advertise(tape((play.salt, "advertise", 0), client.ADVERTISE_RANDOM_BYTES))
    random = tape((play.salt, "share", 0), shamir.random_bytes_needed(2, threshold))
    mine = said(lambda: play.answer(0, m1).message, CoordinatorFault)
    theirs = said(lambda: other.share(m1, random), five.Refused)
    assert mine == theirs and (mine is None) == (threshold > 2)
