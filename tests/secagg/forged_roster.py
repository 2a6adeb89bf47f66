"""Rosters and advertisements that a lying coordinator makes up, well signed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from holter.crypto import labels, merkle
from holter.crypto.signature import payload_of, signature_of
from holter.secagg import client, connectivity, graph, roster
from holter.secagg.messages import Advertised, Advertisement, Peer, Roster, Terms
from tests.secagg.cast import Cast, Play, roster_statement, tape


def advertised(message: bytes) -> Advertisement:
    """What an M0 says, taken on trust, as a lying coordinator's own code would."""
    return Advertisement.parse(payload_of(Advertised.parse(message).signed))


def forged_roster(
    play: Play,
    messages: Iterable[bytes],
    *,
    to: int = 0,
    sort: bool = True,
    cycles: int = 0,
    threshold: int | None = None,
    root: bytes | None = None,
    credentials: Sequence[bytes] | None = None,
) -> bytes:
    """M1 for the device of client ``to``: any rows, with the root that they have, well signed."""
    cast, both = play.cast, [(advertised(m), Advertised.parse(m)) for m in messages]
    if sort:
        both.sort(key=lambda each: each[0].device_key)
    rows = tuple((own.device_key, roster.digest_of(own)) for own, _ in both)
    real = merkle.root([merkle.leaf(key + digest) for key, digest in rows])
    root = real if root is None else root
    quorum = connectivity.quorum(len(rows), cast.session.bounds.colluders)
    terms = Terms(cycles, quorum if threshold is None else threshold, root)
    sid = cast.session.bound_to_roster(len(rows), cycles, terms.threshold, root)
    mine = [i for i, row in enumerate(rows) if row[0] == cast.keys[to].public]
    try:
        met = graph.neighbours(sid, len(rows), cycles, mine[0] if mine else 0)
    except ValueError:  # no such graph; then it shows everyone
        met = tuple(range(1, len(rows)))
    peers = tuple(peer(*both[i]) for i in met)
    shown = tuple(m0.credential for _, m0 in both) if credentials is None else tuple(credentials)
    return Roster(roster_statement(cast, terms), rows, peers, shown).to_bytes()


def peer(own: Advertisement, m0: Advertised) -> Peer:
    """A neighbour's entry, made of its M0."""
    both = (own.channel_key, own.mask_key, own.commitment, own.nonce)
    return Peer(*both, signature_of(m0.signed))


def advertisement_of(cast: Cast, i: int, held: bytes | None = None, **other: bytes) -> bytes:
    """M0 of client i, who helps or whose key was stolen, with anything in it changed."""
    random = tape(("forged", i), client.ADVERTISE_RANDOM_BYTES)
    state, _ = client.advertise(cast.session, cast.keys[i], cast.credentials[i], random=random)
    fields = {name: getattr(state.own, name) for name in Advertisement.__dataclass_fields__}
    signed = cast.keys[i].sign(
        Advertisement(**{**fields, **other}).payload(),
        context=labels.ADVERTISE + cast.session.context,
    )
    return Advertised(cast.credentials[i] if held is None else held, signed).to_bytes()
