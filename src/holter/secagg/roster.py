"""The roster: who advertised, in the order of their device keys, checked row by row.

``read_advertisement`` takes M0 in, ``table`` orders the rows, ``read_roster`` is what a client
does with M1. Client and server use the same checks, so no client accepts a row that another
would refuse. A row stands for a device key and the digest of what it advertised; a client
sees the advertisements of its neighbours whole, and the credential of everyone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from holter.crypto import agreement, labels, merkle, signature
from holter.secagg import connectivity
from holter.secagg.errors import CoordinatorFault, PeerFault
from holter.secagg.graph import COMPLETE_LIMIT, neighbours
from holter.secagg.messages import ADVERTISEMENT_LIMIT, Advertised, Advertisement, Roster, Terms
from holter.secagg.session import Bounds, Session

CheckCredential = Callable[[bytes], bytes]
"""Credential bytes -> the enrolled device's Ed25519 key; raises ValueError if not enrolled."""


@dataclass(frozen=True)
class Row:
    """One client as the server knows it: what it advertised and the very bytes it signed."""

    credential: bytes
    advertisement: Advertisement
    signed: bytes

    @property
    def device_key(self) -> bytes:
        return self.advertisement.device_key


@dataclass(frozen=True)
class RosterTable:
    """Device keys in order with the digests of their advertisements, and the session bound
    to them.
    """

    device_keys: tuple[bytes, ...]
    digests: tuple[bytes, ...]
    root: bytes
    sid: bytes

    def __len__(self) -> int:
        return len(self.device_keys)

    @cached_property
    def places(self) -> Mapping[bytes, int]:
        """Device key -> roster index."""
        return {key: index for index, key in enumerate(self.device_keys)}


def digest_of(advertisement: Advertisement) -> bytes:
    """What a row says of an advertisement."""
    return hashlib.sha256(advertisement.payload()).digest()


def read_advertisement(message: bytes, session: Session, check: CheckCredential) -> Row:
    """M0 -> Row. Raises PeerFault if it is malformed, not enrolled or not signed by its key.

    A key of low order is refused here, where it costs only its sender a place: on a roster it
    would stop everyone who tries to agree with it.
    """
    if len(message) > ADVERTISEMENT_LIMIT:
        raise PeerFault(None, f"an advertisement of {len(message)} bytes was refused")
    try:
        both = Advertised.parse(message)
        advertisement = Advertisement.parse(signature.payload_of(both.signed))
        if check(both.credential) != advertisement.device_key:
            raise PeerFault(None, "an advertisement under another device's credential was refused")
        context = labels.ADVERTISE + session.context
        signature.verify(both.signed, public=advertisement.device_key, context=context)
        agreement.check_public(advertisement.channel_key)
        agreement.check_public(advertisement.mask_key)
    except ValueError as error:
        raise PeerFault(None, f"an advertisement was refused: {error}") from None
    return Row(both.credential, advertisement, both.signed)


def table(
    rows: Sequence[tuple[bytes, bytes]], session: Session, cycles: int, threshold: int
) -> RosterTable:
    """(device key, digest) in order of device key -> the roster, bound to its graph.

    Raises PeerFault if a key stands twice or out of order.
    """
    keys = tuple(key for key, _ in rows)
    if any(one >= other for one, other in pairwise(keys)):
        raise PeerFault(None, "a device key stands twice on the roster, or out of order")
    root = merkle.root([merkle.leaf(key + digest) for key, digest in rows])
    digests = tuple(digest for _, digest in rows)
    sid = session.bound_to_roster(len(rows), cycles, threshold, root)
    return RosterTable(keys, digests, root, sid)


@dataclass(frozen=True)
class Place:
    """What a client knows once it accepts a roster: where it stands and who its peers are."""

    table: RosterTable
    me: int
    threshold: int
    quorum: int
    peers: Mapping[int, Advertisement]


def read_roster(
    message: Roster,
    terms: Terms,
    session: Session,
    own: Advertisement,
    check: CheckCredential,
    known: Collection[bytes],
) -> Place:
    """M1 -> a client's place, if everything on it holds. known: device keys verified before.

    Raises CoordinatorFault: the coordinator chose these rows, so it answers for them.
    """
    try:
        found = table(message.rows, session, terms.cycles, terms.threshold)
    except PeerFault as error:
        raise CoordinatorFault(f"the roster fails: {error}") from None
    if found.root != terms.root:
        raise CoordinatorFault("the roster's root is not the root of its rows")
    me = found.places.get(own.device_key)
    if me is None or found.digests[me] != digest_of(own):
        raise CoordinatorFault("the roster does not hold my advertisement as I sent it")
    check_terms(terms, len(found), session.bounds)
    for key, credential in zip(found.device_keys, message.credentials, strict=True):
        _check_enrolled(key, credential, check, known)
    around = neighbours(found.sid, len(found), terms.cycles, me)
    if len(around) < terms.threshold:
        raise CoordinatorFault("the graph leaves me fewer neighbours than shares are needed")
    if len(message.peers) != len(around):
        raise CoordinatorFault("the roster does not show exactly my neighbours")
    context = labels.ADVERTISE + session.context
    peers = {}
    for index, peer in zip(around, message.peers, strict=True):
        public = found.device_keys[index]
        advertisement = peer.advertisement(public)
        payload = advertisement.payload()
        if hashlib.sha256(payload).digest() != found.digests[index]:
            raise CoordinatorFault("a neighbour's advertisement is not the one on the roster")
        signed = signature.assemble(payload, peer.signature, public=public)
        try:
            signature.verify(signed, public=public, context=context)
            agreement.check_public(advertisement.channel_key)
            agreement.check_public(advertisement.mask_key)
        except ValueError as error:
            raise CoordinatorFault(f"a neighbour's advertisement fails: {error}") from None
        peers[index] = advertisement
    quorum = connectivity.quorum(len(found), session.bounds.colluders)
    return Place(found, me, terms.threshold, quorum, peers)


def check_terms(terms: Terms, size: int, bounds: Bounds) -> None:
    """The graph that the coordinator names bears what the plan demands, for this roster.

    It is checked, not searched for again, so rounding cannot split clients. Raises
    CoordinatorFault.
    """
    lost, cycles, threshold = bounds.lost(size), terms.cycles, terms.threshold
    if (cycles == 0) != (size <= COMPLETE_LIMIT):
        raise CoordinatorFault("the coordinator names a graph that this roster does not have")
    if not connectivity.accepts(
        size, bounds.colluders, lost, cycles, threshold, sigma=bounds.sigma, eta=bounds.eta
    ):
        raise CoordinatorFault(
            f"a graph of {cycles} cycles with threshold {threshold} does not bear {lost} lost and "
            f"{bounds.colluders} corrupt of {size} clients"
        )


def _check_enrolled(
    key: bytes, credential: bytes, check: CheckCredential, known: Collection[bytes]
) -> None:
    if not credential and key in known:
        return
    try:
        if check(credential) == key:
            return
    except ValueError as error:
        raise CoordinatorFault(f"the roster holds a row that fails: {error}") from None
    raise CoordinatorFault("the roster holds a row under another device's credential")
