"""What a lying coordinator, or a client that helps it, can make: any statement it likes.

It holds its own signing key and everything that it received, but no honest client's key.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from holter.algebra.ring import Words
from holter.crypto import labels, merkle, shamir
from holter.crypto.agreement import AgreementKey
from holter.crypto.signature import payload_of, signature_of
from holter.secagg import masking, server
from holter.secagg.messages import (
    SEALED_BYTES,
    Endorsement,
    Inbox,
    MaskedHeader,
    Quorum,
    Survivors,
    Unmasking,
)
from holter.secagg.session import set_bytes, set_hash
from holter.wire.cbor import decode
from tests.secagg.cast import Play

SPOILT = bytes(SEALED_BYTES)  # a seal that opens for nobody


def sharing(play: Play) -> server.Sharing:
    """The server's state when the shares were in, wherever the play is now."""
    state = play.server
    while not isinstance(state, server.Sharing):
        state = state.before
    return state


def inbox(play: Play, holder: int, members: Collection[int], spoil: Collection[int] = ()) -> bytes:
    """M3 for ``holder`` with any mask set; seals of the dealers in ``spoil`` are destroyed."""
    state = sharing(play)
    dealers = sorted(set(members) - {holder})
    seals = tuple(
        SPOILT if d in spoil else state.sealed[d][1].sealed[holder - (holder > d)] for d in dealers
    )
    bitmap = set_bytes(members, len(state.roster))
    return Inbox(play.cast.says(labels.INBOX, play.sid, bitmap), seals).to_bytes()


def survivors(
    play: Play,
    members: Collection[int],
    *,
    headers: Mapping[int, bytes] | None = None,
    root: bytes | None = None,
) -> bytes:
    """M5 with any survivor set. headers: signed ones to show instead of those that arrived."""
    shown = {i: step[2].message for i, step in play.said.items() if len(step) > 2}
    shown = {i: client_header(message) for i, message in shown.items()} | dict(headers or {})
    chosen = tuple(shown[i] for i in sorted(members))
    root = header_root(chosen) if root is None else root
    bitmap = set_bytes(members, len(play.cast))
    return Survivors(play.cast.says(labels.SURVIVORS, play.sid, bitmap, root), chosen).to_bytes()


def header_root(signed: Iterable[bytes]) -> bytes:
    """Merkle root over the payloads of signed headers."""
    return merkle.root([merkle.leaf(payload_of(each)) for each in signed])


def client_header(message: bytes) -> bytes:
    """The signed header of an M4."""
    fields = decode(message)
    assert isinstance(fields, list) and isinstance(fields[0], bytes)
    return fields[0]


def header(play: Play, i: int, members: Collection[int], *, sid: bytes | None = None) -> bytes:
    """A header that client i, who helps, signs for a vector it never sends."""
    sid = play.sid if sid is None else sid
    size = len(play.cast)
    payload = MaskedHeader(set_hash(sid, members, size), bytes(32), set_bytes((), size)).payload()
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


def released(
    play: Play, mask_set: Collection[int], members: Collection[int]
) -> tuple[dict[int, list[tuple[int, bytes]]], dict[int, list[tuple[int, bytes]]]]:
    """Shares by dealer out of every M8: (seed shares, key shares), as (holder, share)."""
    seeds: dict[int, list[tuple[int, bytes]]] = {i: [] for i in mask_set}
    keys: dict[int, list[tuple[int, bytes]]] = {i: [] for i in mask_set}
    for holder, steps in play.said.items():
        if len(steps) < 5:
            continue
        held = sorted(play.held[holder])
        live = [d for d in held if d in members]
        gone = [d for d in held if d not in members]
        shares = Unmasking.parse(payload_of(steps[4].message), len(live), len(gone))
        for dealer, share in zip(live, shares.seed_shares, strict=True):
            seeds[dealer].append((holder, share))
        for dealer, share in zip(gone, shares.key_shares, strict=True):
            keys[dealer].append((holder, share))
    return seeds, keys


def opened(shares: list[tuple[int, bytes]], needed: int) -> bytes | None:
    """The secret, if enough shares of it are there."""
    return shamir.recover(shares[:needed]) if len(shares) >= needed else None


def pair_seeds_of(play: Play, i: int, private: bytes) -> dict[int, bytes]:
    """Every pair seed of client i, for whoever holds its mask key."""
    rows = sharing(play).roster.rows
    key = AgreementKey(private)
    return {
        j: masking.pair_seed(key, i, j, row.advertisement.mask_key, play.sid)
        for j, row in enumerate(rows)
        if j != i
    }


def masked_vectors(play: Play) -> dict[int, Words]:
    """What arrived from each client: its masked vector."""
    out = {}
    for i, steps in play.said.items():
        if len(steps) > 2:
            out[i] = np.frombuffer(steps[2].message[-8 * play.cast.session.bounds.words :], "<u8")
    return out
