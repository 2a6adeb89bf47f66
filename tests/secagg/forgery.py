"""What a lying coordinator, or a client that helps it, can make: any statement it likes.

It holds its own signing key and everything that it received, but no honest client's key.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import SimpleNamespace

import numpy as np
import pytest

from holter.algebra.ring import Words
from holter.crypto import labels, shamir
from holter.crypto.agreement import AgreementKey
from holter.crypto.signature import payload_of, signature_of
from holter.secagg import connectivity, finder, graph, keys, roster, server
from holter.secagg import session as agreed
from holter.secagg.messages import (
    PLACE_BYTES,
    Endorsement,
    Inbox,
    MaskedHeader,
    Quorum,
    Survivors,
    Unmasking,
    header_root,
)
from holter.secagg.session import set_bytes, set_hash
from holter.wire.cbor import decode
from tests.secagg.cast import Play, cast_of, to_phase

SPOILT = bytes(PLACE_BYTES)  # a place that opens for nobody
Given = dict[int, list[tuple[int, bytes]]]
"""Dealer -> (holder, share) of everyone who gave one."""


def unsigned(message: bytes, *, public: bytes, context: bytes) -> bytes:
    """A ``verify`` that verifies nothing."""
    return payload_of(message)


def complete_up_to(patch: pytest.MonkeyPatch, limit: int) -> None:
    """From here on a roster above ``limit`` has no complete graph."""
    for module in (graph, connectivity, roster, agreed, finder):
        patch.setattr(module, "COMPLETE_LIMIT", limit)


def sparse(patch: pytest.MonkeyPatch, cycles: int, threshold: int, *, limit: int = 4) -> None:
    """From here on a roster above ``limit`` has a graph of this many cycles, bound or no bound."""
    complete_up_to(patch, limit)
    found = SimpleNamespace(cycles=cycles, threshold=threshold)
    patch.setattr(finder, "find", lambda *counts, **bounds: found)
    patch.setattr(connectivity, "accepts", lambda *counts, **bounds: True)


def awaiting(phase: int, clients: int = 8, colluders: int = 0) -> Play:
    """Everyone has an answer ready for ``phase`` (1 shares .. 4 unmasking); none is delivered."""
    play = to_phase(cast_of(clients, colluders=colluders), phase - 1)
    play.close()
    for i in play.outbox:
        play.answer(i)
    return play


def resigned(play: Play, i: int, phase: int, payload: bytes) -> bytes:
    """A payload of that phase's kind, signed by client i, who helps."""
    label = (labels.SHARES, labels.MASKED, labels.ENDORSE, labels.UNMASK)[phase - 1]
    return play.cast.keys[i].sign(payload, context=label + play.sid)


def sharing(play: Play) -> server.Sharing:
    """The server's state when the shares were in, wherever the play is now."""
    state = play.server
    while not isinstance(state, server.Sharing):
        state = state.before
    return state


def around(play: Play, i: int) -> tuple[int, ...]:
    """Whom client i masks with."""
    return sharing(play).neighbours[i]


def inbox(
    play: Play,
    holder: int,
    members: Collection[int],
    spoil: Collection[int] = (),
    instead: Mapping[int, bytes] | None = None,
) -> bytes:
    """M3 for ``holder`` with any mask set. spoil: dealers whose place is destroyed; instead: places
    to show for dealers in it.
    """
    state, given = sharing(play), dict(instead or {})
    places = []
    for dealer in around(play, holder):
        if dealer in members:
            sent = state.sealed.get(dealer)
            real = SPOILT if sent is None else sent[1].place(state.position(holder, dealer))
            places.append(given.get(dealer, SPOILT if dealer in spoil else real))
    bitmap = set_bytes(members, len(state.roster))
    return Inbox(play.cast.says(labels.INBOX, play.sid, bitmap), tuple(places)).to_bytes()


def headers_of(play: Play) -> dict[int, bytes]:
    """The signed header of everyone who has sent a vector."""
    return {i: client_header(s[2].message) for i, s in play.said.items() if len(s) > 2}


def survivors(
    play: Play,
    members: Collection[int],
    *,
    to: int = 0,
    headers: Mapping[int, bytes] | None = None,
    root: bytes | None = None,
) -> bytes:
    """M5 for ``to`` with any survivor set. headers: signed ones to show instead of those that
    arrived; a member that has none is shown without.
    """
    signed = headers_of(play) | dict(headers or {})
    shown = tuple(signed[i] for i in around(play, to) if i in members and i in signed)
    if root is None:
        root = root_of(play, {i: signed[i] for i in members if i in signed})
    bitmap = set_bytes(members, len(sharing(play).roster))
    return Survivors(play.cast.says(labels.SURVIVORS, play.sid, bitmap, root), shown).to_bytes()


def root_of(play: Play, signed: Mapping[int, bytes]) -> bytes:
    """The root over the payloads of signed headers."""
    payloads = {i: payload_of(each) for i, each in signed.items()}
    return header_root(payloads, sharing(play).roster.device_keys)


def client_header(message: bytes) -> bytes:
    """The signed header of an M4."""
    fields = decode(message)
    assert isinstance(fields, list) and isinstance(fields[0], bytes)
    return fields[0]


def header(play: Play, i: int, members: Collection[int], *, sid: bytes | None = None) -> bytes:
    """A header that client i, who helps, signs for a vector it never sends."""
    sid = play.sid if sid is None else sid
    size, met = len(sharing(play).roster), len(around(play, i))
    payload = MaskedHeader(set_hash(sid, members, size), bytes(32), set_bytes((), met)).payload()
    return play.cast.keys[i].sign(payload, context=labels.MASKED + sid)


def endorsed_by(
    play: Play, endorsers: Iterable[int], payload: bytes, *, sid: bytes | None = None
) -> Quorum:
    """M7 in which these clients (all of whom help) endorse ``payload``."""
    context = labels.ENDORSE + (play.sid if sid is None else sid)
    chosen = tuple(endorsers)
    bare = tuple(signature_of(play.cast.keys[i].sign(payload, context=context)) for i in chosen)
    return Quorum(chosen, bare)


def endorsement(play: Play, mask_set: Collection[int], members: Collection[int]) -> bytes:
    """M6 payload for any two sets, over headers that nobody has seen."""
    size = len(play.cast)
    return Endorsement(
        set_hash(play.sid, mask_set, size), set_hash(play.sid, members, size), bytes(32)
    ).payload()


def unmasking_of(
    play: Play, holder: int, mask_set: Collection[int], members: Collection[int]
) -> tuple[dict[int, bytes], dict[int, bytes], dict[int, bytes]]:
    """What one M8 gives away: seed shares, edge seeds, key shares, each by neighbour."""
    held, met = play.held[holder], around(play, holder)
    live = [d for d in met if d in held and d in members]
    gone = [d for d in met if d in mask_set and d not in members]
    known = [d for d in gone if d in held]
    payload = payload_of(play.said[holder][4].message)
    shares = Unmasking.parse(payload, len(live), len(gone), len(known))
    return (
        dict(zip(live, shares.seed_shares, strict=True)),
        dict(zip(gone, shares.edge_seeds, strict=True)),
        dict(zip(known, shares.key_shares, strict=True)),
    )


def released(
    play: Play, mask_set: Collection[int], members: Collection[int]
) -> tuple[Given, Given, Given]:
    """Out of every M8, by dealer: (seed shares, edge seeds, key shares), as (holder, value)."""
    lists: tuple[Given, Given, Given] = ({}, {}, {})
    for holder, steps in play.said.items():
        if len(steps) > 4:
            for into, found in zip(lists, unmasking_of(play, holder, mask_set, members)):
                for dealer, value in found.items():
                    into.setdefault(dealer, []).append((holder, value))
    return lists


def opened(shares: list[tuple[int, bytes]], needed: int) -> bytes | None:
    """The secret, if enough shares of it are there."""
    return shamir.recover(shares[:needed]) if len(shares) >= needed else None


def pair_seeds_of(play: Play, i: int, private: bytes) -> dict[int, bytes]:
    """Every pair seed of client i, for whoever holds its mask key."""
    rows, key = sharing(play).rows, AgreementKey(private)
    return {
        j: keys.pair_seed(key, i, j, rows[j].advertisement.mask_key, play.sid)
        for j in around(play, i)
    }


def masked_vectors(play: Play) -> dict[int, Words]:
    """What arrived from each client: its masked vector."""
    width = 8 * play.cast.session.bounds.words
    return {
        i: np.frombuffer(steps[2].message[-width:], "<u8")
        for i, steps in play.said.items()
        if len(steps) > 2
    }
