"""Clients that lie about secrets (attacks A10, A19, A23): vectors, silence, seals, keys.

The session then ends in the exact sum or is abandoned; it never ends in a wrong one.
"""

from __future__ import annotations

import numpy as np
import pytest

from holter.crypto import aead, agreement, shamir
from holter.crypto.agreement import AgreementKey
from holter.crypto.signature import payload_of
from holter.secagg import keys, roster, server
from holter.secagg.client_states import Step
from holter.secagg.errors import Abandoned, CoordinatorFault, PeerFault
from holter.secagg.messages import Shares
from tests.secagg import forgery
from tests.secagg.cast import Play, cast_of, tape, to_phase
from tests.secagg.forged_roster import advertised, advertisement_of
from tests.secagg.test_attacks_roster import LOW_ORDER

Patch = pytest.MonkeyPatch


def test_A23_a_random_vector_pollutes_the_sum_and_reveals_nothing_else() -> None:
    play = to_phase(cast_of(8), 1)
    play.vectors = {**play.vectors, 3: np.full(3, 2**63 + 5, dtype=np.uint64)}
    play.go().go().go()
    assert play.finish().words.tolist() == play.plain(range(8))


@pytest.mark.parametrize("phase", [1, 2, 3, 4])
def test_A23_silence_ends_in_the_sum_of_the_others_or_in_none(phase: int) -> None:
    for silent in range(1, 4):
        play = to_phase(cast_of(8), 0)
        try:
            for now in range(1, 5):
                play.close()
                for i in [i for i in play.outbox if now < phase or i >= silent]:
                    play.answer(i)
                    play.deliver(i)
            assert play.finish().words.tolist() == play.plain(play.server.before.survivors)
            assert silent < 3
        except Abandoned as ended:
            assert silent == 3 and ended.blamed == ()


@pytest.mark.parametrize("key", LOW_ORDER, ids=["zero", "one", "minus one"])
@pytest.mark.parametrize("which", ["channel_key", "mask_key"])
def test_A19_a_key_of_low_order_costs_its_sender_a_place_and_nobody_else_anything(
    monkeypatch: Patch, which: str, key: bytes
) -> None:
    cast = cast_of(8)
    play = Play.of(cast)
    play.advertise()
    bad = advertisement_of(cast, 7, **{which: key})
    with pytest.raises(PeerFault, match="low order"):
        server.join(play.server, bad, cast.check)
    monkeypatch.setattr(roster.agreement, "check_public", lambda public: None)
    play.said[7][0] = Step(b"", bad)
    for i in range(8):
        play.server = server.join(play.server, play.said[i][0].message, cast.check)
    play.close()  # without the rule, every honest client meets the key and stops
    with pytest.raises((agreement.BadKey, CoordinatorFault), match="low order"):
        play.answer(0)


def test_A19_a_client_that_copies_the_keys_of_another_opens_nothing_of_it() -> None:
    cast = cast_of(8)
    play = Play.of(cast)
    play.advertise()
    honest, own = (advertised(play.said[i][0].message) for i in (0, 7))
    copied = {"channel_key": honest.channel_key, "mask_key": honest.mask_key}
    play.said[7][0] = Step(b"", advertisement_of(cast, 7, **copied))
    for i in range(8):
        play.server = server.join(play.server, play.said[i][0].message, cast.check)
    play.close()
    for i in range(7):
        play.answer(i)
    sealed = Shares.parse(payload_of(play.said[0][1].message), 7).sealed[6]
    agreed = AgreementKey(tape(("", "advertise", 7), 32)).agree(honest.channel_key)
    for theirs in (own.channel_key, honest.channel_key):
        key = keys.channel_key(agreed, 0, 7, honest.channel_key, theirs, play.sid)
        with pytest.raises(aead.Unopened):
            aead.open_once(key, sealed, context=play.sid + keys.ends(0, 7))


def test_A19_mask_key_and_channel_key_of_a_client_differ_and_one_does_not_open_the_other() -> None:
    play = to_phase(cast_of(5), 1)
    for i in range(5):
        own = forgery.sharing(play).rows[i].advertisement
        assert own.mask_key != own.channel_key
    rows = forgery.sharing(play).rows
    mask = AgreementKey(play.clients[1].seat.secrets.mask_private)  # what the server may recover
    sealed = forgery.sharing(play).sealed[0][1].sealed[0]
    dealer = rows[0].advertisement.channel_key
    key = keys.channel_key(mask.agree(dealer), 0, 1, dealer, mask.public, play.sid)
    with pytest.raises(aead.Unopened):
        aead.open_once(key, sealed, context=play.sid + keys.ends(0, 1))


def test_A10_a_share_stands_at_its_holder_and_nobody_stands_at_zero() -> None:
    play = to_phase(cast_of(8), 2)
    dealer = play.clients[0].opened.seat.secrets
    shares = [(i, play.held[i][0][0]) for i in range(1, 8)]
    assert shamir.recover(shares[:5]) == shamir.recover(shares[2:]) == dealer.self_seed
    moved = [(i - 1, s) for i, s in shares[:5]]  # x = index instead of index + 1
    assert shamir.recover_many([moved]) != [dealer.self_seed]
    raw = {bytes(s[at] for at in range(0, 64, 4)) for _, s in shares}
    assert dealer.self_seed[::2] not in raw  # the value at zero is no one's share
    with pytest.raises(shamir.BadShares, match="same index"):
        shamir.recover([*shares[:4], shares[0]])


def test_A10_a_seal_moved_to_another_holder_or_dealer_is_complained_about() -> None:
    play = to_phase(cast_of(8), 1)
    state = forgery.sharing(play)
    for_another = state.sealed[1][1].place(state.position(2, 1))
    of_another = state.sealed[2][1].place(state.position(0, 2))
    mirrored = state.sealed[0][1].place(state.position(1, 0))  # what client 0 itself sealed
    for moved in (for_another, of_another, mirrored):
        play.answer(0, forgery.inbox(play, 0, range(8), instead={1: moved}))
        assert set(play.held[0]) == set(range(2, 8))
        play = to_phase(cast_of(8), 1)


@pytest.mark.parametrize("length", [0, 1, 144, 159, 161, 200, 1000])
def test_A10_a_place_of_another_length_is_complained_about(length: int) -> None:
    play = to_phase(cast_of(8), 1)
    state = forgery.sharing(play)
    whole = state.sealed[1][1].place(state.position(0, 1))
    # A longer one holds the seal where it begins and the tags where it ends.
    other = whole[:length] if length < 160 else whole[:144] + bytes(length - 160) + whole[144:]
    assert len(other) == length
    play.answer(0, forgery.inbox(play, 0, range(8), instead={1: other}))
    assert set(play.held[0]) == set(range(2, 8))
