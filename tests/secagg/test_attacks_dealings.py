"""Dealers that lie, and what they cannot put on others (attack A9).

As in ``test_attacks_blame``: the sum is exact where it can be, and whoever lied is named alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from holter.crypto.signature import payload_of
from holter.secagg import client
from holter.secagg.client_states import Step
from holter.secagg.messages import Shares
from tests.secagg.cast import Play, cast_of, tape, to_phase
from tests.secagg.forgery import resigned
from tests.secagg.test_attacks_blame import (
    BAD,
    N,
    ends,
    fails,
    false_edge,
    released,
    shifted,
    unsealing,
)


def dealing(change: Callable[[Shares], Shares], *, lost: int = 0) -> Play:
    """The last client's M2 is changed by itself."""
    play = to_phase(cast_of(N, floor=8), 0)
    play.close()
    for i in range(N):
        play.answer(i)
    honest = Shares.parse(payload_of(play.said[N - 1][1].message), N - 1)
    bad = resigned(play, N - 1, 1, change(honest).payload())
    play.said[N - 1][1] = Step(b"", bad)
    for i in range(N):
        play.deliver(i)
    return unsealing(play.go(range(N - lost)))


@pytest.mark.parametrize("false", [1, 9])
def test_A9_false_edge_tags_of_one_who_dropped_out_are_its_own_lie(false: int) -> None:
    def lie(s: Shares) -> Shares:
        return replace(s, edge_tags=(bytes(8),) * false + s.edge_tags[false:])

    ends(released(dealing(lie, lost=1), {}), range(N - 1), {N - 1})


def test_A9_false_edge_tags_and_false_edge_seeds_together_name_both() -> None:
    play = dealing(lambda s: replace(s, edge_tags=(bytes(8),) * (N - 1)), lost=1)
    ends(released(play, {2: false_edge}), range(N - 1), {2, N - 1})


def test_A9_edge_tags_of_survivors_are_not_looked_at() -> None:
    play = dealing(lambda s: replace(s, edge_tags=(bytes(8),) * (N - 1)))
    ends(released(play, {}), range(N), set())


def promised(**other: bytes) -> Play:
    """The last client deals good shares of another secret than it promised, with true tags."""
    play = Play.of(cast_of(N, floor=8)).join()
    liar = play.clients[N - 1]
    play.clients[N - 1] = replace(liar, secrets=replace(liar.secrets, **other))
    play.go()
    state = play.clients[N - 1]
    play.clients[N - 1] = replace(state, seat=replace(state.seat, secrets=liar.secrets))
    return play


def test_A9_a_dealer_that_dealt_another_seed_than_it_promised_is_blamed() -> None:
    play = promised(self_seed=tape("x"))
    play = released(unsealing(play.go()), {})
    fails(play, f"shares of client {N - 1} do not open what it promised", {N - 1})


def test_A9_a_dealer_that_dealt_another_key_than_it_promised_is_blamed_once_it_matters() -> None:
    play = promised(mask_private=tape("x"))
    before = unsealing(play.go(range(N - 1)))
    ends(released(before, {}), range(N - 1), set())  # the edge seeds do
    play = promised(mask_private=tape("x"))
    play = released(unsealing(play.go(range(N - 1))), {4: false_edge})
    fails(play, f"shares of client {N - 1} do not open what it promised", {N - 1})


def dealt_to_two(patch: pytest.MonkeyPatch, bad: Callable[[bytes], bytes], which: int = 0) -> Play:
    """The last client changes a share of client 2 (0: of its seed, 1: of its key), and seals and
    tags it as it is.
    """
    real = client.shamir.split

    def inconsistent(secrets: list[bytes], holders: tuple[int, ...], *rest: Any, **random: Any):
        dealt = real(secrets, holders, *rest, **random)
        if N - 1 not in holders:
            dealt[which][2] = bad(dealt[which][2])
        return dealt

    patch.setattr(client.shamir, "split", inconsistent)
    return to_phase(cast_of(N, floor=8), 1)


@pytest.mark.parametrize("by", [1, 1 << 20], ids=["to another secret", "to no secret at all"])
def test_A9_a_dealing_that_does_not_fit_itself_blames_its_dealer_and_no_holder(
    monkeypatch: pytest.MonkeyPatch, by: int
) -> None:
    play = dealt_to_two(monkeypatch, lambda share: shifted(share, by))
    play = released(unsealing(play.go()), {})
    assert len(play.held[2]) == N - 1  # its holder had nothing to complain about
    fails(play, f"shares of client {N - 1} do not open what it promised", {N - 1})


@pytest.mark.parametrize("which", [0, 1], ids=["seed share", "key share"])
def test_A9_a_share_dealt_out_of_the_field_is_complained_about_and_does_no_harm(
    monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    play = dealt_to_two(monkeypatch, lambda share: b"\xff" * 64, which)
    play = released(unsealing(play.go()), {})
    assert set(play.held[2]) == set(range(N - 1)) - {2}
    ends(play, range(N), set())


def test_A9_a_dealer_and_a_holder_that_lie_together_cannot_hide_the_dealer() -> None:
    play = promised(self_seed=tape("x"))
    play = released(unsealing(play.go()), {0: BAD["one dealer's only"]})
    fails(play, "do not open what it promised", {0, N - 1})


@pytest.mark.parametrize("framed", range(3))
def test_A9_nobody_who_is_honest_is_blamed_for_what_others_did(framed: int) -> None:
    # One that drops out spoils a seal and a tag for one neighbour; another releases false shares.
    def lie(s: Shares) -> Shares:
        spoilt = bytes(len(s.sealed[framed]))
        sealed = (*s.sealed[:framed], spoilt, *s.sealed[framed + 1 :])
        tags = (*s.edge_tags[:framed], bytes(8), *s.edge_tags[framed + 1 :])
        return replace(s, sealed=sealed, edge_tags=tags)

    play = dealing(lie, lost=1)
    released(play, {5: BAD["one limb shifted"]})
    ends(play, range(N - 1), {5, N - 1})


@pytest.mark.parametrize("which", ["seed_tags", "key_tags"])
def test_A9_shares_that_do_not_match_their_tags_are_complained_about(which: str) -> None:
    # Else a holder that releases what it was dealt would be blamed for it.
    play = dealing(lambda s: replace(s, **{which: (bytes(8), *getattr(s, which)[1:])}))
    assert set(play.held[0]) == set(range(1, N - 1))
    assert set(play.held[1]) == set(range(N)) - {1}
    ends(released(play, {}), range(N), set())
