"""The client's machine: five messages out, each after a record that must be durable first.

    advertise -> Advertised --roster--> Seated -> share -> Shared --inbox--> Opened
              -> mask -> Sent --survivors--> Endorsed --quorum--> Released --result--> Receipt

Every step returns the next state (``client_states``) and a ``Step``: the record to make
durable (fsync), then the message to send. A client that restarts calls ``recover`` with its
records: it can send the recorded bytes again and nothing else, so nothing is ever sealed,
masked, endorsed or released twice for one session.

Every step refuses rather than continues: CoordinatorFault means "leave this session and
forget its secrets". There is no state to go back to and no flag to ignore a check.

Source: docs/protocol.md section 3; what each refusal is for: docs/threat-model.md.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection
from typing import TypeVar

import numpy as np

from holter.algebra.ring import Words, to_bytes
from holter.crypto import aead, labels, shamir
from holter.crypto.agreement import AgreementKey
from holter.crypto.signature import SigningKey, assemble, verify
from holter.secagg import keys, masking, messages, records, transcript
from holter.secagg.client_states import (
    Advertised,
    Endorsed,
    Opened,
    Receipt,
    Released,
    Restarted,
    Seated,
    Sent,
    Shared,
    Step,
)
from holter.secagg.connectivity import quorum
from holter.secagg.errors import Caller, CoordinatorFault
from holter.secagg.keys import TAG_BYTES, Secrets
from holter.secagg.messages import (
    PLACE_BYTES,
    SEALED_BYTES,
    SIGNED_LIMIT,
    Advertisement,
    Endorsement,
    Inbox,
    Masked,
    MaskedHeader,
    Quorum,
    Roster,
    Shares,
    Survivors,
    Terms,
    Unmasking,
    header_root,
    parse_statement,
)
from holter.secagg.roster import CheckCredential, read_roster
from holter.secagg.session import HASH_BYTES, Session, set_bytes, set_hash, set_of
from holter.wire.cbor import Malformed

ADVERTISE_RANDOM_BYTES = 4 * 32  # channel key, mask key, self-mask seed, nonce
_SHARE = shamir.SHARE_BYTES
_T = TypeVar("_T")


def advertise(
    session: Session, identity: SigningKey, credential: bytes, *, random: bytes
) -> tuple[Advertised, Step]:
    """M0. random: ADVERTISE_RANDOM_BYTES from the operating system, used once."""
    if len(random) != ADVERTISE_RANDOM_BYTES:
        raise Caller(f"{ADVERTISE_RANDOM_BYTES} random bytes are needed, not {len(random)}")
    channel, mask_private, seed, nonce = (random[i : i + 32] for i in range(0, len(random), 32))
    secrets = Secrets(AgreementKey(channel), AgreementKey(mask_private), mask_private, seed)
    commitment = session.commitment(identity.public, seed)
    own = Advertisement(
        identity.public, secrets.channel.public, secrets.mask.public, commitment, nonce
    )
    signed = identity.sign(own.payload(), context=labels.ADVERTISE + session.context)
    message = messages.Advertised(credential, signed).to_bytes()
    state = Advertised(session, identity, secrets, own)
    return state, Step(records.record("M0", session.context, message), message)


def accept_roster(
    state: Advertised, data: bytes, check: CheckCredential, known: Collection[bytes] = ()
) -> Seated:
    """M1 -> the checked roster; ``share`` then needs randomness sized by its threshold.

    known: device keys whose credentials this client verified before and that are still valid.
    Raises CoordinatorFault: a wrong root, my entry missing or changed, a row that is not
    enrolled, a roster or a graph outside the plan's bounds.
    """
    session = state.session
    message = _parse(Roster.parse, data)
    bounds = session.bounds
    size = len(message.rows)
    if not bounds.smallest_roster <= size <= bounds.largest_roster:
        raise CoordinatorFault(
            f"a roster of {size}; the plan allows {bounds.smallest_roster} to "
            f"{bounds.largest_roster}"
        )
    payload = _from_server(message.signed_terms, session, labels.ROSTER + session.context)
    terms = _parse(Terms.parse, payload)
    place = read_roster(message, terms, session, state.own, check, known)
    return Seated(session, state.identity, state.secrets, place)


def share_random_bytes(state: Seated) -> int:
    """Random bytes that ``share`` needs, for the Shamir coefficients of two secrets."""
    return shamir.random_bytes_needed(2, state.threshold)


def share(state: Seated, *, random: bytes) -> tuple[Shared, Step]:
    """M2: both secrets dealt to every neighbour, sealed, with tags that later say who lied.

    random: ``share_random_bytes(state)`` bytes from the operating system, used once.
    """
    if len(random) != share_random_bytes(state):
        raise Caller(f"{share_random_bytes(state)} random bytes are needed, not {len(random)}")
    state.secrets.once("M2")
    sid, me, secrets, peers = state.roster.sid, state.me, state.secrets, state.place.peers
    both = [secrets.self_seed, secrets.mask_private]
    dealt = shamir.split(both, state.neighbours, state.threshold, random=random)
    agreed, pair_seeds = {}, {}
    sealed, seed_tags, key_tags, edge_tags = [], [], [], []
    for (holder, peer), seed_share, key_share in zip(peers.items(), *dealt, strict=True):
        agreed[holder] = secrets.channel.agree(peer.channel_key)
        pair_seeds[holder] = keys.pair_seed(secrets.mask, me, holder, peer.mask_key, sid)
        key = keys.channel_key(
            agreed[holder], me, holder, secrets.channel.public, peer.channel_key, sid
        )
        context = sid + keys.ends(me, holder)
        sealed.append(aead.seal_once(key, seed_share + key_share, context=context))
        seed_tags.append(keys.seed_tag(sid, me, holder, seed_share))
        key_tags.append(keys.key_tag(sid, me, holder, key_share))
        edge_tags.append(keys.edge_tag(sid, me, holder, pair_seeds[holder]))
    lists = (tuple(sealed), tuple(seed_tags), tuple(key_tags), tuple(edge_tags))
    message = state.identity.sign(Shares(*lists).payload(), context=labels.SHARES + sid)
    # The record holds the root: one roster is accepted per advertisement, across restarts.
    record = records.record("M2", state.roster.root, message)
    return Shared(state, agreed, pair_seeds), Step(record, message)


def accept_inbox(state: Shared, data: bytes) -> Opened:
    """M3 -> the mask set and the shares that opened. Raises CoordinatorFault.

    A seal that is missing, does not open or does not hold shares that match its tags is no reason
    to leave: the pair mask needs only the peer's signed key, so it is applied all the same, and
    the seal is complained about (attack A21: an inbox that is censored must not split the cohort).
    """
    seat = state.seat
    session, roster, me = seat.session, seat.roster, seat.me
    message = _parse(Inbox.parse, data)
    payload = _from_server(message.signed_mask_set, session, labels.INBOX + roster.sid)
    (bitmap,) = _parse_statement(payload, "a set", [-(-len(roster) // 8)])
    mask_set = _read_set(bitmap, len(roster))
    if me not in mask_set:
        raise CoordinatorFault("the mask set leaves me out although it was sent to me")
    if len(mask_set) < session.bounds.survivors_floor:
        raise CoordinatorFault(
            f"a mask set of {len(mask_set)}; the plan's floor is {session.bounds.survivors_floor}"
        )
    dealers = [peer for peer in seat.neighbours if peer in mask_set]
    if len(dealers) < seat.threshold:
        raise CoordinatorFault("too few others in the mask set to recover my secrets")
    if len(message.places) != len(dealers):
        raise CoordinatorFault("the inbox does not have one place for each neighbour")
    held = {}
    for dealer, place in zip(dealers, message.places, strict=True):
        shares = _open_place(state, dealer, place)
        if shares is not None:
            held[dealer] = shares
    return Opened(seat, mask_set, held, state.pair_seeds)


def _open_place(state: Shared, dealer: int, place: bytes) -> tuple[bytes, bytes] | None:
    """Both shares that ``dealer`` sealed for me; None where there is something to complain of."""
    if len(place) != PLACE_BYTES:
        return None
    seat = state.seat
    sid, me = seat.roster.sid, seat.me
    theirs, mine = seat.place.peers[dealer].channel_key, seat.secrets.channel.public
    key = keys.channel_key(state.agreed[dealer], dealer, me, theirs, mine, sid)
    try:
        plain = aead.open_once(key, place[:SEALED_BYTES], context=sid + keys.ends(dealer, me))
    except aead.Unopened:
        return None
    seed_share, key_share = plain[:_SHARE], plain[_SHARE:]
    expected = keys.seed_tag(sid, dealer, me, seed_share) + keys.key_tag(sid, dealer, me, key_share)
    if not hmac.compare_digest(expected, place[-2 * TAG_BYTES :]):
        return None
    if not (shamir.in_field(seed_share) and shamir.in_field(key_share)):
        return None
    return seed_share, key_share


def mask(state: Opened, vector: Words) -> tuple[Sent, Step]:
    """M4: the vector under its masks. After the record is durable the update is spent.

    vector: shape (bounds.words,), uint64: already clipped, rounded and noised.
    """
    seat = state.seat
    session, roster = seat.session, seat.roster
    if vector.shape != (session.bounds.words,):
        raise Caller(f"a vector of {vector.shape} words; the plan says {session.bounds.words}")
    if vector.dtype != np.uint64:  # a mask added to floats is rounded, and hides less
        raise Caller(f"a vector of {vector.dtype}; words are uint64")
    seat.secrets.once("M4")
    seeds = {peer: state.pair_seeds[peer] for peer in state.masked_with}
    words = to_bytes(masking.masked(vector, seat.me, seat.secrets.self_seed, seeds))
    complaints = [
        position
        for position, peer in enumerate(seat.neighbours)
        if peer in state.mask_set and peer not in state.held
    ]
    header = MaskedHeader(
        set_hash(roster.sid, state.mask_set, len(roster)),
        hashlib.sha256(words).digest(),
        set_bytes(complaints, len(seat.neighbours)),
    ).payload()
    signed = seat.identity.sign(header, context=labels.MASKED + roster.sid)
    message = Masked(signed, words).to_bytes()
    return Sent(state, header), Step(records.record("M4", roster.sid, message), message)


def endorse(state: Sent, data: bytes) -> tuple[Endorsed, Step]:
    """M5 -> M6: stand by one (U2, U3, headers), after checking every neighbour's header.

    Raises CoordinatorFault: not in U3, U3 not within U2 or below the floor, too few live
    holders, a header missing, badly signed, or of another session or mask set.
    """
    opened = state.opened
    seat = opened.seat
    session, roster, me = seat.session, seat.roster, seat.me
    size = len(roster)
    message = _parse(Survivors.parse, data)
    context = labels.SURVIVORS + roster.sid
    payload = _from_server(message.signed_survivors, session, context)
    bitmap, shown_root = _parse_statement(payload, "M5 survivors", [-(-size // 8), HASH_BYTES])
    survivors = _read_set(bitmap, size)
    if me not in survivors or not survivors <= opened.mask_set:
        raise CoordinatorFault("the survivor set leaves me out or goes beyond the mask set")
    if len(survivors) < session.bounds.survivors_floor:
        raise CoordinatorFault(
            f"{len(survivors)} survivors; the plan's floor is {session.bounds.survivors_floor}"
        )
    live = [peer for peer in seat.neighbours if peer in survivors]
    if len(live) < seat.threshold:
        raise CoordinatorFault("too few live holders of shares")
    if len(message.headers) != len(live):
        raise CoordinatorFault("a survivor's signed header is missing")
    mask_set_hash = set_hash(roster.sid, opened.mask_set, size)
    headers = {me: state.header}
    for index, signed in zip(live, message.headers, strict=True):
        try:
            headers[index] = verify(
                signed, public=roster.device_keys[index], context=labels.MASKED + roster.sid
            )
            header = MaskedHeader.parse(headers[index])
        except ValueError as error:
            raise CoordinatorFault(f"a survivor's header fails: {error}") from None
        if header.mask_set_hash != mask_set_hash:
            raise CoordinatorFault("a survivor masked with another mask set (split view)")
    # On a sparse graph a client sees its neighbours' headers only; the root still binds the
    # server, because one quorum stands by one root.
    if len(headers) == len(survivors) and header_root(headers, roster.device_keys) != shown_root:
        raise CoordinatorFault("the root of headers is not the root of the headers shown")
    seat.secrets.once("M6")
    endorsement = Endorsement(mask_set_hash, set_hash(roster.sid, survivors, size), shown_root)
    payload = endorsement.payload()
    signed = seat.identity.sign(payload, context=labels.ENDORSE + roster.sid)
    record = records.record("M6", hashlib.sha256(payload).digest(), signed)
    return Endorsed(opened, survivors, endorsement), Step(record, signed)


def unmask(state: Endorsed, data: bytes) -> tuple[Released, Step]:
    """M7 -> M8: release what opens one mask of each neighbour, if a quorum stands by the set.

    A seed share for a survivor; the edge's seed and a key share for one who dropped out; never
    a seed share and a key share of one neighbour.
    """
    opened = state.opened
    seat = opened.seat
    session, roster = seat.session, seat.roster
    message = _parse(Quorum.parse, data)
    endorsers = set(message.endorsers)
    if len(endorsers) != len(message.endorsers) or not endorsers <= state.survivors:
        raise CoordinatorFault("the quorum counts someone twice, or someone who did not survive")
    if len(endorsers) < seat.place.quorum:
        raise CoordinatorFault(
            f"{len(endorsers)} endorsements; a quorum is {seat.place.quorum} of {len(roster)}"
        )
    context, payload = labels.ENDORSE + roster.sid, state.endorsement.payload()
    for index, bare in zip(message.endorsers, message.signatures, strict=True):
        public = roster.device_keys[index]
        try:
            verify(assemble(payload, bare, public=public), public=public, context=context)
        except ValueError:
            raise CoordinatorFault("an endorsement is not of the set that I endorsed") from None
    seat.secrets.once("M8")
    gone = [peer for peer in opened.masked_with if peer not in state.survivors]
    released = Unmasking(
        tuple(both[0] for peer, both in opened.held.items() if peer in state.survivors),
        tuple(opened.pair_seeds[peer] for peer in gone),
        tuple(both[1] for peer, both in opened.held.items() if peer not in state.survivors),
    ).payload()
    signed = seat.identity.sign(released, context=labels.UNMASK + roster.sid)
    following = Released(session, roster.root, roster.sid, state.endorsement)
    return following, Step(records.record("M8", roster.sid, signed), signed)


def accept_result(state: Released, message: bytes) -> Receipt:
    """M9 -> hashes of the sum and the transcript, signed by the server; the client keeps them."""
    if len(message) > SIGNED_LIMIT:
        raise CoordinatorFault(f"a result of {len(message)} bytes")
    payload = _from_server(message, state.session, labels.RESULT + state.sid)
    return Receipt(state, *_parse_statement(payload, "M9 result", [HASH_BYTES, HASH_BYTES]))


def accept_transcript(state: Receipt, message: bytes) -> transcript.Transcript:
    """The transcript, if it is the one in M9 and speaks of the sets that this client endorsed.

    Raises CoordinatorFault.
    """
    released = state.released
    if hashlib.sha256(message).digest() != state.transcript_hash:
        raise CoordinatorFault("the transcript is not the one that the result names")
    context = labels.TRANSCRIPT + released.sid
    payload = _from_server(message, released.session, context)
    found = _parse(transcript.Transcript.parse, payload)
    session = released.session
    bound = session.bound_to_roster(found.size, found.cycles, found.threshold, found.root)
    mine = (session.fields, released.sid, released.endorsement, state.sum_hash)
    if (found.session, bound, found.endorsement, found.sum_hash) != mine:
        raise CoordinatorFault("the transcript tells another story than the session that I saw")
    on_roster, masked, survived, endorsed, sharers = found.counts
    floor, needed = session.bounds.survivors_floor, quorum(found.size, session.bounds.colluders)
    in_order = (found.size, masked, survived, floor)
    if on_roster != found.size or list(in_order) != sorted(in_order, reverse=True):
        raise CoordinatorFault("the transcript's counts cannot be those of a session that ended")
    if not endorsed == len(set(found.endorsers)) == len(found.endorsers) >= needed:
        raise CoordinatorFault("the transcript names fewer endorsers than a quorum")
    named = (*found.endorsers, *found.blamed)
    if sharers > survived or any(index >= found.size for index in named):
        raise CoordinatorFault("the transcript counts or names clients who are not there")
    return found


def recover(recorded: list[bytes]) -> Restarted:
    """After a restart: the last recorded message, to be sent again byte for byte.

    Raises Caller if a record is torn or out of order; then the session is abandoned here.
    """
    return Restarted(*records.last(recorded))


def _parse(parser: Callable[[bytes], _T], data: bytes) -> _T:
    try:
        return parser(data)
    except Malformed as error:
        raise CoordinatorFault(f"the coordinator sent something malformed: {error}") from None


def _parse_statement(payload: bytes, name: str, lengths: list[int]) -> tuple[bytes, ...]:
    return _parse(lambda data: parse_statement(data, name, lengths), payload)


def _read_set(bitmap: bytes, size: int) -> frozenset[int]:
    try:
        return set_of(bitmap, size)
    except ValueError as error:
        raise CoordinatorFault(f"the coordinator sent {error}") from None


def _from_server(message: bytes, session: Session, context: bytes) -> bytes:
    try:
        return verify(message, public=session.server_public, context=context)
    except ValueError as error:
        raise CoordinatorFault(f"a statement is not the coordinator's: {error}") from None
