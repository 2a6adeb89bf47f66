"""Who is blamed (attack A9): false shares, false edge seeds, false tags, false dealings.

The sum is exact where enough honest shares are left; where they are not, the session fails
closed. Either way whoever lied is named, in the end state and in the transcript, and nobody else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from holter.algebra import field
from holter.crypto.signature import payload_of
from holter.secagg import recovery
from holter.secagg.errors import Abandoned, PeerFault
from holter.secagg.messages import Unmasking
from holter.secagg.transcript import Transcript
from tests.secagg import forgery
from tests.secagg.cast import Play, cast_of, tape, to_phase
from tests.secagg.forgery import resigned

Change = Callable[[Unmasking], Unmasking]
PRIME = 2**31 - 1
COUNTS = (recovery.seed_dealers, recovery.gone, recovery.key_dealers)  # of what an M8 holds
N = 10  # a quorum and threshold of six: three of the nine holders of a secret may lie
NEEDED = 6


def shifted(share: bytes, by: int = 1, limb: int = 5) -> bytes:
    """A share with one limb shifted, still in the field: the range check may miss it.

    Not the first limb: X25519 ignores the lowest three bits of a private key.
    """
    at = 4 * limb
    value = int.from_bytes(share[at : at + 4], "little")
    return share[:at] + ((value + by) % PRIME).to_bytes(4, "little") + share[at + 4 :]


def masked(lost: int = 0) -> Play:
    """N clients in U2, the last ``lost`` of which sent no vector."""
    play = to_phase(cast_of(N, floor=8), 1)
    return play.go(range(N - lost))


def unsealing(play: Play) -> Play:
    """Everyone who survived has endorsed, and has an M8 ready."""
    play.go()
    play.close()
    for i in play.outbox:
        play.answer(i)
    return play


def released(play: Play, changes: dict[int, Change]) -> Play:
    """Every M8 arrives, those in ``changes`` changed by their senders."""
    for i in sorted(play.server.before.survivors):
        counts = (len(count(play.server, i)) for count in COUNTS)
        shares = Unmasking.parse(payload_of(play.said[i][4].message), *counts)
        play.deliver(i, resigned(play, i, 4, changes.get(i, lambda s: s)(shares).payload()))
    return play


def ends(play: Play, survivors: range, blamed: set[int]) -> None:
    """In the exact sum, with exactly these blamed."""
    summed = play.finish()
    assert summed.words.tolist() == play.plain(survivors)
    assert {blame.client for blame in summed.blamed} == blamed
    assert Transcript.parse(payload_of(summed.transcript)).blamed == tuple(sorted(blamed))


def fails(play: Play, says: str, blamed: set[int]) -> None:
    """Closed, with exactly these blamed."""
    with pytest.raises(Abandoned, match=says) as ended:
        play.finish()
    assert ended.value.blamed == tuple(sorted(blamed))


def seeds(change: Callable[[int, bytes], bytes]) -> Change:
    return lambda s: replace(
        s, seed_shares=tuple(change(at, each) for at, each in enumerate(s.seed_shares))
    )


BAD: dict[str, Change] = {
    "one limb shifted": seeds(lambda at, s: shifted(s)),
    "shifted far": seeds(lambda at, s: shifted(s, by=1 << 30, limb=15)),
    "out of the field": seeds(lambda at, s: b"\xff" * 64),
    "the same value, written otherwise": seeds(
        lambda at, s: (int.from_bytes(s[:4], "little") + PRIME).to_bytes(4, "little") + s[4:]
    ),
    "all zero": seeds(lambda at, s: bytes(64)),
    "one dealer's only": seeds(lambda at, s: shifted(s) if at == 4 else s),
    "in another order": lambda s: replace(s, seed_shares=s.seed_shares[::-1]),
    "twice the same": lambda s: replace(s, seed_shares=s.seed_shares[:1] * len(s.seed_shares)),
}


@pytest.mark.parametrize("liars", [{0}, {2, 5}, {0, 1, 2}], ids=str)
@pytest.mark.parametrize("bad", BAD)
def test_A9_false_seed_shares_are_dropped_their_holders_blamed_and_the_sum_exact(
    bad: str, liars: set[int]
) -> None:
    play = released(unsealing(masked()), dict.fromkeys(liars, BAD[bad]))
    ends(play, range(N), liars)


def test_A9_more_false_shares_than_are_borne_fail_closed_and_blame_them_all() -> None:
    liars = {0, 3, 4, 9}
    play = released(unsealing(masked()), dict.fromkeys(liars, BAD["one limb shifted"]))
    fails(play, "too few true shares", liars)


def test_A9_a_shift_that_the_range_check_cannot_see_is_seen_by_the_tags() -> None:
    # The liar knows which six shares will be used, so it can move a limb by exactly one.
    play = unsealing(masked())
    weights = field.weights_at_zero(np.array([range(2, 2 + NEEDED)], dtype=np.uint64))[0]
    by = pow(int(weights[0]), -1, PRIME)  # client 1 is the first of client 0's holders
    play = released(play, {1: seeds(lambda at, s: shifted(s, by=by) if at == 0 else s)})
    held = [(i, forgery.unmasking_of(play, i, range(N), range(N))[0][0]) for i in range(1, N)]
    lied = [(1, shifted(held[0][1], by=by)), *held[1:NEEDED]]
    assert recovery.shamir.recover_many([lied]) != [None]  # every limb is in range
    ends(play, range(N), {1})


@pytest.mark.parametrize("silent", [set(), {8}], ids=["all answer", "one survivor is silent"])
@pytest.mark.parametrize("liars", [{0}, {0, 4}], ids=str)
def test_A9_false_key_shares_are_dropped_where_the_key_is_needed(
    liars: set[int], silent: set[int]
) -> None:
    play = unsealing(masked(lost=1))
    before = play.server
    released(
        play, dict.fromkeys(liars, lambda s: replace(s, key_shares=(shifted(s.key_shares[0]),)))
    )
    kept = {i: each for i, each in play.server.released.items() if i not in silent}
    play.server = replace(before, released=kept)
    ends(play, range(N - 1), liars if silent else set())  # else edge seeds do, and nobody looks


def false_edge(s: Unmasking) -> Unmasking:
    return replace(s, edge_seeds=(tape("a false seed"), *s.edge_seeds[1:]))


def swapped_edges(s: Unmasking) -> Unmasking:
    return replace(s, edge_seeds=s.edge_seeds[::-1])


@pytest.mark.parametrize("lie", [false_edge, swapped_edges])
def test_A9_a_false_edge_seed_is_computed_anew_and_its_sender_blamed(lie: Change) -> None:
    play = released(unsealing(masked(lost=2)), {3: lie})
    ends(play, range(N - 2), {3})


def test_A9_a_false_edge_seed_with_false_key_shares_blames_both_liars() -> None:
    lies: dict[int, Change] = {
        3: false_edge,
        0: lambda s: replace(s, key_shares=(shifted(s.key_shares[0]), *s.key_shares[1:])),
    }
    ends(released(unsealing(masked(lost=2)), lies), range(N - 2), {0, 3})


def test_A9_a_wrong_index_has_no_place_where_it_could_stand() -> None:
    # Shares come without an index: who released them and for whom follows from the roster.
    play = unsealing(masked())
    message = play.said[0][4].message
    with pytest.raises(PeerFault, match="another key"):
        play.deliver(1, message)
    assert forgery.unmasking_of(play, 0, range(N), range(N))[0].keys() == set(range(1, N))
