"""Sessions for timing: real machines with real keys, set up as far as a measurement needs.

``client_world`` gives one client of a large cohort every message that it would get, without
running the thousand others: their machines say only what this client hears of them. What
they would check is not timed here, and what this client checks is all real.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from holter.algebra import ring
from holter.algebra.ring import Words
from holter.crypto import labels, shamir
from holter.crypto.signature import SigningKey, payload_of, signature_of
from holter.secagg import client, keys, server
from holter.secagg.client_states import Advertised, Seated, Step
from holter.secagg.messages import (
    Endorsement,
    Inbox,
    MaskedHeader,
    Quorum,
    Shares,
    Survivors,
    Unmasking,
    statement,
)
from holter.secagg.roster import CheckCredential, Place
from holter.secagg.server_states import Endorsing, Input, Masking, Sharing, Unsealing
from holter.secagg.session import Bounds, Session, set_bytes, set_hash
from holter.trust import credential

_DAY = 20_000


@dataclass(frozen=True)
class Cohort:
    """Devices with keys and credentials, and a session for them."""

    session: Session
    server_key: SigningKey
    identities: tuple[SigningKey, ...]
    credentials: tuple[bytes, ...]
    check: CheckCredential

    @property
    def words(self) -> int:
        """Words of a vector."""
        return self.session.bounds.words


def cohort(clients: int, floor: int, colluders: int, words: int) -> Cohort:
    """``clients`` devices whose keys are drawn now."""
    registrar, server_key = SigningKey(os.urandom(32)), SigningKey(os.urandom(32))
    bounds = Bounds(floor, clients, floor, colluders, words)
    session = Session(b"bench", os.urandom(16), bytes(32), bytes(32), server_key.public, bounds)
    identities = tuple(SigningKey(os.urandom(32)) for _ in range(clients))
    issued = tuple(
        credential.issue(registrar, credential.Credential(key.public, 1, _DAY + 1))
        for key in identities
    )
    public = registrar.public

    def check(message: bytes) -> bytes:
        return credential.check(message, registrar_public=public, today=_DAY).device_key

    return Cohort(session, server_key, identities, issued, check)


@dataclass(frozen=True)
class ClientWorld:
    """One client, advertised, and the four messages that come to it. known: all device keys."""

    cohort: Cohort
    advertised: Advertised
    m0: bytes
    m1: bytes
    m1_cached: bytes
    known: frozenset[bytes]
    sharing: Sharing
    neighbours: int

    def inbox(self) -> bytes:
        """M3, with what every neighbour really sealed for this client."""
        sharing, roster = self.sharing, self.sharing.roster
        me = roster.places[self.advertised.own.device_key]
        everyone = set_bytes(range(len(roster)), len(roster))
        signed = self._says(labels.INBOX, [everyone])
        places = []
        for dealer in sharing.neighbours[me]:
            shares = sharing.sealed[dealer][1]
            places.append(shares.place(sharing.position(me, dealer)))
        return Inbox(signed, tuple(places)).to_bytes()

    def survivors(self) -> bytes:
        """M5: everyone survived; the signed header of each neighbour."""
        sharing, roster = self.sharing, self.sharing.roster
        me = roster.places[self.advertised.own.device_key]
        size = len(roster)
        signed = self._says(labels.SURVIVORS, [set_bytes(range(size), size), bytes(32)])
        headers = []
        for peer in sharing.neighbours[me]:
            nobody = set_bytes((), len(sharing.neighbours[peer]))
            mask_set = set_hash(roster.sid, range(size), size)
            payload = MaskedHeader(mask_set, bytes(32), nobody).payload()
            headers.append(self._key_of(peer).sign(payload, context=labels.MASKED + roster.sid))
        return Survivors(signed, tuple(headers)).to_bytes()

    def quorum(self, endorsement: Endorsement) -> bytes:
        """M7: as many endorsements as are needed, and no more."""
        chosen = tuple(range(self.sharing.quorum))
        context = labels.ENDORSE + self.sharing.roster.sid
        payload = endorsement.payload()
        bare = (signature_of(self._key_of(i).sign(payload, context=context)) for i in chosen)
        return Quorum(chosen, tuple(bare)).to_bytes()

    def _says(self, label: bytes, parts: list[bytes]) -> bytes:
        context = label + self.sharing.roster.sid
        return self.cohort.server_key.sign(statement(parts), context=context)

    def _key_of(self, index: int) -> SigningKey:
        public = self.sharing.roster.device_keys[index]
        return next(key for key in self.cohort.identities if key.public == public)


def client_world(one: Cohort) -> ClientWorld:
    """The world of the first device of a cohort."""
    joining, made = _advertised(one)
    states = {state.own.device_key: state for state, _ in made}
    sharing, outbox = server.close_joining(joining)
    roster = sharing.roster
    mine = one.identities[0].public
    me = roster.places[mine]
    sealed = {}
    for dealer in sharing.neighbours[me]:
        seat = _seat(sharing, states[roster.device_keys[dealer]], dealer)
        _, step = client.share(seat, random=os.urandom(client.share_random_bytes(seat)))
        payload = payload_of(step.message)
        sealed[dealer] = (payload, Shares.parse(payload, len(sharing.neighbours[dealer])))
    known = frozenset(roster.device_keys)
    return ClientWorld(
        one,
        states[mine],
        made[0][1].message,
        outbox[me],
        server.roster_message(sharing, me, known),
        known,
        replace(sharing, sealed=sealed),
        len(sharing.neighbours[me]),
    )


def _seat(sharing: Sharing, state: Advertised, index: int) -> Seated:
    """A neighbour's seat, without its checks: it is not the one who is timed."""
    peers = {j: sharing.rows[j].advertisement for j in sharing.neighbours[index]}
    place = Place(sharing.roster, index, sharing.threshold, sharing.quorum, peers)
    return Seated(state.session, state.identity, state.secrets, place)


def session_end(one: Cohort, dropped: int) -> Unsealing:
    """The end of a session in which ``dropped`` clients vanished after U2 and all others stayed.

    Shares, tags and seeds are dealt as clients deal them; nothing is sealed, since the server
    opens shares, not seals. The sum is of empty vectors.
    """
    world, _ = server.close_joining(_advertised(one)[0])
    roster, size = world.roster, len(world.roster)
    lost = frozenset(range(dropped))
    survivors = frozenset(range(dropped, size))
    seeds = [os.urandom(32) for _ in range(size)]
    sealed: dict[int, tuple[bytes, Shares]] = {}
    given: dict[int, dict[int, bytes]] = {i: {} for i in range(size)}
    edges: dict[tuple[int, int], bytes] = {}
    for dealer in range(size):
        around = world.neighbours[dealer]
        random = os.urandom(shamir.random_bytes_needed(1, world.threshold))
        (dealt,) = shamir.split([seeds[dealer]], around, world.threshold, random=random)
        tags, edge_tags = [], []
        for holder, share in zip(around, dealt, strict=True):
            given[holder][dealer] = share
            tags.append(keys.seed_tag(roster.sid, dealer, holder, share))
            ends = (min(dealer, holder), max(dealer, holder))
            seed = edges.setdefault(ends, os.urandom(32))
            edge_tags.append(keys.edge_tag(roster.sid, dealer, holder, seed))
        lists = ((), tuple(tags), tuple(tags), tuple(edge_tags))
        sealed[dealer] = (b"", Shares(*lists))
    rows = tuple(
        replace(row, advertisement=replace(row.advertisement, commitment=promised))
        for row, promised in zip(world.rows, _commitments(one.session, world, seeds), strict=True)
    )
    inputs, released = {}, {}
    for holder in sorted(survivors):
        around = world.neighbours[holder]
        nobody = set_bytes((), len(around))
        inputs[holder] = Input(b"", b"", MaskedHeader(bytes(32), bytes(32), nobody), frozenset())
        released[holder] = (
            b"",
            Unmasking(
                tuple(given[holder][d] for d in around if d in survivors),
                tuple(edges[min(d, holder), max(d, holder)] for d in around if d in lost),
                tuple(given[holder][d] for d in around if d in lost),
            ),
        )
    sharing = replace(world, rows=rows, sealed=sealed)
    masking = Masking(sharing, frozenset(range(size)), inputs)
    endorsing = Endorsing(
        masking, survivors, ring.zeros(one.words), Endorsement(bytes(32), bytes(32), bytes(32))
    )
    return Unsealing(endorsing, (), released)


def _advertised(one: Cohort) -> tuple[server.Joining, list[tuple[Advertised, Step]]]:
    """Everyone's M0, made and delivered; clients in the order of ``identities``."""
    joining = server.Joining(one.session, one.server_key)
    made = []
    for identity, issued in zip(one.identities, one.credentials, strict=True):
        random = os.urandom(client.ADVERTISE_RANDOM_BYTES)
        made.append(client.advertise(one.session, identity, issued, random=random))
        joining = server.join(joining, made[-1][1].message, one.check)
    return joining, made


def _commitments(session: Session, world: Sharing, seeds: list[bytes]) -> list[bytes]:
    keys_in_order = world.roster.device_keys
    return [session.commitment(key, seed) for key, seed in zip(keys_in_order, seeds, strict=True)]


def whole_session(one: Cohort, vectors: Mapping[int, Words]) -> Words:
    """Every message of every client, nobody lost, each client checking all for itself."""
    joining, made = _advertised(one)
    clients = [state for state, _ in made]
    state, outbox = server.close_joining(joining)
    seats = [state.roster.places[c.own.device_key] for c in clients]
    shared = []
    for seat, advertised in zip(seats, clients, strict=True):
        seated = client.accept_roster(advertised, outbox[seat], one.check)
        random = os.urandom(client.share_random_bytes(seated))
        following, step = client.share(seated, random=random)
        shared.append(following)
        state = _received(state, seat, step)
    masking, outbox = server.close_sharing(state)
    sent = []
    collecting: server.State = masking
    for number, (seat, before) in enumerate(zip(seats, shared, strict=True)):
        opened = client.accept_inbox(before, outbox[seat])
        after, step = client.mask(opened, vectors[number])
        sent.append(after)
        collecting = server.receive(collecting, seat, step.message)
    assert isinstance(collecting, server.Masking)
    endorsing, outbox = server.close_masking(collecting)
    endorsed = []
    collecting = endorsing
    for seat, earlier in zip(seats, sent, strict=True):
        standing, step = client.endorse(earlier, outbox[seat])
        endorsed.append(standing)
        collecting = server.receive(collecting, seat, step.message)
    assert isinstance(collecting, server.Endorsing)
    unsealing, outbox = server.close_endorsing(collecting)
    released = []
    collecting = unsealing
    for seat, stands in zip(seats, endorsed, strict=True):
        done, step = client.unmask(stands, outbox[seat])
        released.append(done)
        collecting = server.receive(collecting, seat, step.message)
    assert isinstance(collecting, server.Unsealing)
    summed = server.close_unmasking(collecting, minute=0)
    for done in released:
        client.accept_result(done, summed.result)
    return summed.words


def _received(state: Sharing, seat: int, step: Step) -> Sharing:
    following = server.receive(state, seat, step.message)
    assert isinstance(following, Sharing)
    return following
