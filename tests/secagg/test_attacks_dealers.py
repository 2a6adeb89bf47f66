"""Clients that lie about secrets (attacks A9, A19, A23): bad shares, dealings, complaints, keys.

The session then ends in the exact sum or is abandoned; it never ends in a wrong one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from holter.crypto import agreement, labels, shamir
from holter.crypto.agreement import AgreementKey
from holter.crypto.signature import payload_of
from holter.secagg import client, roster, server
from holter.secagg.errors import Abandoned, CoordinatorFault, PeerFault
from holter.secagg.messages import (
    SEALED_BYTES,
    Advertisement,
    Masked,
    MaskedHeader,
    Shares,
    Unmasking,
)
from holter.secagg.session import set_bytes
from tests.secagg import forgery
from tests.secagg.cast import Play, cast_of, rule_off, tape, to_phase

Patch = pytest.MonkeyPatch
LABELS = (labels.SHARES, labels.MASKED, labels.ENDORSE, labels.UNMASK)
LOW_ORDER = [bytes(32), b"\x01" + bytes(31), bytes.fromhex("ec" + "ff" * 30 + "7f")]


def awaiting(phase: int) -> Play:
    """Everyone has an answer ready for ``phase`` (1 shares .. 4 unmasking); none is delivered."""
    play = to_phase(cast_of(8), phase - 1)
    play.close()
    for i in play.outbox:
        play.answer(i)
    return play


def resigned(play: Play, i: int, phase: int, payload: bytes) -> bytes:
    return play.cast.keys[i].sign(payload, context=LABELS[phase - 1] + play.sid)


def complaining(play: Play, who: range, about: set[int]) -> None:
    """These clients' vectors arrive with complaints about seals that were in order."""
    for i in who:
        message = play.said[i][2].message
        header = MaskedHeader.parse(payload_of(forgery.client_header(message)))
        bits = set_bytes(about - {i}, 8)
        signed = resigned(play, i, 2, replace(header, complaints=bits).payload())
        play.deliver(i, Masked(signed, message[-24:]).to_bytes())


def test_A23_false_complaints_by_few_change_nothing_and_by_many_cost_a_place() -> None:
    play = awaiting(2)
    complaining(play, range(2), {7})  # five others still hold shares of client 7
    for i in range(2, 8):
        play.deliver(i)
    assert server.close_masking(play.server)[0].survivors == set(range(8))
    play = awaiting(2)
    complaining(play, range(3), {7})
    for i in range(3, 8):
        play.deliver(i)
    assert server.close_masking(play.server)[0].survivors == set(range(7))


def test_A23_false_complaints_about_everyone_abandon_the_session() -> None:
    play = awaiting(2)
    complaining(play, range(3), set(range(8)))
    for i in range(3, 8):
        play.deliver(i)
    with pytest.raises(Abandoned, match="only 0 clients' secrets"):
        server.close_masking(play.server)


def released(play: Play, i: int, change: Callable[[Unmasking], Unmasking], lost: int = 0) -> None:
    payload = payload_of(play.said[i][4].message)
    shares = change(Unmasking.parse(payload, 7 - lost, lost))
    play.deliver(i, resigned(play, i, 4, shares.payload()))


def off_by_one(share: bytes) -> bytes:
    """A share with one limb shifted by one, still in the field: the range check may miss it.

    Not the first limb: X25519 ignores the lowest three bits of a private key.
    """
    limb = int.from_bytes(share[20:24], "little")
    return share[:20] + ((limb + 1) % (2**31 - 1)).to_bytes(4, "little") + share[24:]


@pytest.mark.parametrize("bad", ["shifted", "out of the field", "another client's"])
def test_A9_a_bad_share_abandons_the_session_and_never_gives_a_wrong_sum(bad: str) -> None:
    def spoil(shares: Unmasking) -> Unmasking:
        first, second, *rest = shares.seed_shares
        new = {
            "shifted": (off_by_one(first), second),
            "out of the field": (b"\xff" * 64, second),
            "another client's": (second, first),
        }[bad]
        return Unmasking((*new, *rest), ())

    play = awaiting(4)
    released(play, 0, spoil)
    for i in range(1, 8):
        play.deliver(i)
    with pytest.raises(Abandoned, match=r"do not open its commitment|do not fit"):
        play.finish()


def test_A9_a_bad_share_of_a_mask_key_abandons_the_session() -> None:
    play = to_phase(cast_of(8), 1)
    play.go(range(7)).go()
    play.close()
    for i in range(7):
        play.answer(i)
    released(play, 0, lambda s: Unmasking(s.seed_shares, (off_by_one(s.key_shares[0]),)), lost=1)
    for i in range(1, 7):
        play.deliver(i)
    with pytest.raises(Abandoned, match=r"do not open its mask key|do not fit"):
        play.finish()
    with pytest.MonkeyPatch.context() as patch:
        rule_off(patch, server, "close_unmasking", "do not open its mask key")
        try:
            assert play.finish().words.tolist() != play.plain(range(7))  # a third way
        except Abandoned as reason:
            assert "do not fit" in str(reason)


@pytest.mark.parametrize("wrong", ["seed", "mask_private"])
def test_A9_a_dealer_whose_secret_is_not_the_one_it_promised_abandons_the_session(
    monkeypatch: Patch, wrong: str
) -> None:
    play = Play.of(cast_of(8)).join()
    liar = play.clients[7]
    other = {"self_seed": tape("x")} if wrong == "seed" else {"mask_private": tape("x")}
    play.clients[7] = replace(liar, secrets=replace(liar.secrets, **other))
    play.go()
    liar_seat = play.clients[7].seat
    play.clients[7] = client.Shared(replace(liar_seat, secrets=liar.secrets))
    play.go(range(8) if wrong == "seed" else range(7)).go().go()
    says = "commitment" if wrong == "seed" else "mask key"
    with pytest.raises(Abandoned, match=f"client 7 do not open its {says}"):
        play.finish()
    rule_off(monkeypatch, server, "close_unmasking", f"do not open its {says}")
    assert play.finish().words.tolist() != play.plain(range(8 if wrong == "seed" else 7))


def test_A23_a_dealer_whose_seals_open_for_nobody_is_left_out_and_the_session_fails_closed() -> (
    None
):
    play = Play.of(cast_of(8)).join()
    play.close()
    for i in range(8):
        play.answer(i)
    garbage = Shares((bytes(SEALED_BYTES),) * 7).payload()
    play.said[7][1] = client.Step(b"", resigned(play, 7, 1, garbage))
    for i in range(8):
        play.deliver(i)
    play.go()
    play.go(range(7))
    assert play.server.survivors == set(range(7))
    play.go()
    with pytest.raises(Abandoned, match="too few shares"):
        play.finish()


def test_A23_a_random_vector_pollutes_the_sum_and_reveals_nothing_else() -> None:
    play = to_phase(cast_of(8), 1)
    play.vectors = {**play.vectors, 3: np.full(3, 2**63 + 5, dtype=np.uint64)}
    play.go().go().go()
    assert play.finish().words.tolist() == play.plain(range(8))


@pytest.mark.parametrize("key", LOW_ORDER, ids=["zero", "one", "minus one"])
@pytest.mark.parametrize("which", ["channel_key", "mask_key"])
def test_A19_a_key_of_low_order_costs_its_sender_a_place_and_nobody_else_anything(
    monkeypatch: Patch, which: str, key: bytes
) -> None:
    cast = cast_of(8)
    play = Play.of(cast)
    play.advertise()
    honest = Advertisement.parse(payload_of(play.said[7][0].message))
    context = labels.ADVERTISE + cast.session.context
    bad = cast.keys[7].sign(replace(honest, **{which: key}).payload(), context=context)
    with pytest.raises(PeerFault, match="low order"):
        server.join(play.server, bad, cast.check)
    monkeypatch.setattr(roster.agreement, "check_public", lambda public: None)
    play.said[7][0] = client.Step(b"", bad)
    for i in range(8):
        play.server = server.join(play.server, play.said[i][0].message, cast.check)
    play.close()  # without the rule, every honest client meets the key and stops
    with pytest.raises((agreement.BadKey, CoordinatorFault), match="low order"):
        play.answer(0)
        play.answer(0, forgery.inbox(to_inbox(play), 0, range(8)))


def to_inbox(play: Play) -> Play:
    for i in range(1, 7):
        play.answer(i)
    for i in range(7):
        play.deliver(i)
    filler = Shares((bytes(SEALED_BYTES),) * 7).payload()
    play.deliver(7, resigned(play, 7, 1, filler))
    return play


def test_a_client_that_copies_the_keys_of_another_opens_nothing_of_it() -> None:
    cast = cast_of(8)
    play = Play.of(cast)
    play.advertise()
    honest = Advertisement.parse(payload_of(play.said[0][0].message))
    own = Advertisement.parse(payload_of(play.said[7][0].message))
    copied = replace(own, channel_key=honest.channel_key, mask_key=honest.mask_key)
    context = labels.ADVERTISE + cast.session.context
    play.said[7][0] = client.Step(b"", cast.keys[7].sign(copied.payload(), context=context))
    for i in range(8):
        play.server = server.join(play.server, play.said[i][0].message, cast.check)
    play.close()
    for i in range(7):
        play.answer(i)
    sealed = Shares.parse(payload_of(play.said[0][1].message), 7).sealed[6]
    mine = AgreementKey(tape(("", "advertise", 7), 32))
    rows = forgery.sharing(play).roster.rows
    key = client.masking.channel_secret(
        mine, 0, 7, rows[0].advertisement.channel_key, own.channel_key, play.sid
    )
    with pytest.raises(client.aead.Unopened):
        client.aead.open_once(key, sealed, context=play.sid + b"\x00\x00\x00\x07")
    assert shamir.SHARE_BYTES * 2 + 16 == len(sealed)
