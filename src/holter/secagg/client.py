"""The client's machine: five messages out, each after a record that must be durable first.

    advertise -> Advertised --roster--> Seated -> share -> Shared --inbox--> Opened
              -> mask -> Sent --survivors--> Endorsed --quorum--> Released

Every step returns the next state and a ``Step``: the record to make durable (fsync), then
the message to send. A client that restarts calls ``recover`` with its records: it can send
the recorded bytes again and nothing else, so nothing is ever sealed, masked, endorsed or
released twice for one session. Secrets are in the states only; none is in a record.

Every step refuses rather than continues: CoordinatorFault means "leave this session and
forget its secrets". There is no state to go back to and no flag to ignore a check.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from holter.algebra.ring import Words, to_bytes
from holter.crypto import aead, agreement, labels, merkle, shamir
from holter.crypto.agreement import AgreementKey
from holter.crypto.signature import SigningKey, assemble, verify
from holter.secagg import masking
from holter.secagg.errors import Caller, CoordinatorFault
from holter.secagg.messages import (
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
    Unmasking,
    parse_signed_list,
)
from holter.secagg.roster import CheckCredential, RosterTable, read_roster
from holter.secagg.session import HASH_BYTES, Session, set_bytes, set_hash, set_of, threshold
from holter.wire.cbor import Malformed, encode
from holter.wire.fields import Fields

ADVERTISE_RANDOM_BYTES = 4 * 32  # channel key, mask key, self-mask seed, nonce
_SHARE = shamir.SHARE_BYTES
_RECORD_LIMIT = 1 << 28  # bytes: a record holds the message, the longest is M4
_KINDS = ("M0", "M2", "M4", "M6", "M8")  # of records: one for each message that leaves
_T = TypeVar("_T")


@dataclass(frozen=True)
class Step:
    """Make ``record`` durable, then send ``message``. Never the other way round.

    ``repr`` shows nothing: in M8 both hold shares of other clients' secrets.
    """

    record: bytes = field(repr=False)
    message: bytes = field(repr=False)


@dataclass(frozen=True)
class Secrets:
    """What dies with the session. ``repr`` shows nothing."""

    channel: AgreementKey = field(repr=False)
    mask: AgreementKey = field(repr=False)
    mask_private: bytes = field(repr=False)
    self_seed: bytes = field(repr=False)


@dataclass(frozen=True)
class Advertised:
    """M0 is out."""

    session: Session
    identity: SigningKey
    secrets: Secrets
    message: bytes


@dataclass(frozen=True)
class Seated:
    """One roster is accepted, for good: my place on it and the threshold that follows."""

    session: Session
    identity: SigningKey
    secrets: Secrets
    roster: RosterTable
    me: int
    threshold: int


@dataclass(frozen=True)
class Shared:
    """M2 is out."""

    seat: Seated


@dataclass(frozen=True)
class Opened:
    """The mask set is known. ``held``: both shares that each dealer sealed for me."""

    seat: Seated
    mask_set: frozenset[int]
    held: dict[int, bytes] = field(repr=False)


@dataclass(frozen=True)
class Sent:
    """M4 is out: the update is spent."""

    opened: Opened


@dataclass(frozen=True)
class Endorsed:
    """M6 is out: this client stands by one survivor set."""

    opened: Opened
    survivors: frozenset[int]
    payload: bytes


@dataclass(frozen=True)
class Released:
    """M8 is out. Nothing secret is left here."""

    session: Session
    sid: bytes


@dataclass(frozen=True)
class Restarted:
    """A client whose process died: it may repeat its last message, and no more."""

    kind: str
    message: bytes = field(repr=False)


def advertise(
    session: Session, identity: SigningKey, credential: bytes, *, random: bytes
) -> tuple[Advertised, Step]:
    """M0. random: ADVERTISE_RANDOM_BYTES from the operating system, used once."""
    if len(random) != ADVERTISE_RANDOM_BYTES:
        raise Caller(f"{ADVERTISE_RANDOM_BYTES} random bytes are needed, not {len(random)}")
    channel, mask, seed, nonce = (random[i : i + 32] for i in range(0, len(random), 32))
    secrets = Secrets(AgreementKey(channel), AgreementKey(mask), mask, seed)
    commitment = session.commitment(identity.public, seed)
    advertisement = Advertisement(
        credential, secrets.channel.public, secrets.mask.public, commitment, nonce
    )
    context = labels.ADVERTISE + session.context
    message = identity.sign(advertisement.payload(), context=context)
    state = Advertised(session, identity, secrets, message)
    return state, Step(_record("M0", session.context, message), message)


def accept_roster(state: Advertised, data: bytes, check: CheckCredential) -> Seated:
    """M1 -> the checked roster; ``share`` then needs randomness sized by its threshold.

    Raises CoordinatorFault: a wrong root, my entry missing or changed, a row that is not
    enrolled, a roster outside the plan's bounds.
    """
    session = state.session
    message = _parse(Roster.parse, data)
    bounds = session.bounds
    size = len(message.advertisements)
    if not bounds.smallest_roster <= size <= bounds.largest_roster:
        raise CoordinatorFault(
            f"a roster of {size}; the plan allows {bounds.smallest_roster} to "
            f"{bounds.largest_roster}"
        )
    context = labels.ROSTER + session.context
    payload = _from_server(message.signed_root, session, context)
    (root,) = _parse_list(payload, "M1 root", [HASH_BYTES])
    roster = read_roster(message.advertisements, root, session, check)
    mine = [i for i, row in enumerate(roster.rows) if row.message == state.message]
    if len(mine) != 1:
        raise CoordinatorFault("the roster does not hold my advertisement as I sent it")
    needed = threshold(size, bounds.colluders)
    return Seated(session, state.identity, state.secrets, roster, mine[0], needed)


def share_random_bytes(state: Seated) -> int:
    """Random bytes that ``share`` needs, for the Shamir coefficients of two secrets."""
    return shamir.random_bytes_needed(2, state.threshold)


def share(state: Seated, *, random: bytes) -> tuple[Shared, Step]:
    """M2: both secrets dealt to every other client, sealed.

    random: ``share_random_bytes(state)`` bytes from the operating system, used once.
    """
    if len(random) != share_random_bytes(state):
        raise Caller(f"{share_random_bytes(state)} random bytes are needed, not {len(random)}")
    roster, me, secrets = state.roster, state.me, state.secrets
    holders = roster.others(me)
    dealt = shamir.split(
        [secrets.self_seed, secrets.mask_private], holders, state.threshold, random=random
    )
    sealed = []
    for position, holder in enumerate(holders):
        key = _channel(state, dealer=me, holder=holder)
        plaintext = dealt[0][position] + dealt[1][position]
        context = _ends(roster.sid, me, holder)
        sealed.append(aead.seal_once(key, plaintext, context=context))
    payload = Shares(tuple(sealed)).payload()
    message = state.identity.sign(payload, context=labels.SHARES + roster.sid)
    # The record holds the root: one roster is accepted per advertisement, across restarts.
    return Shared(state), Step(_record("M2", roster.root, message), message)


def accept_inbox(state: Shared, data: bytes) -> Opened:
    """M3 -> the mask set and the shares that opened. Raises CoordinatorFault.

    A seal that is missing or does not open is no reason to leave: the pair mask needs only
    the peer's signed key, so it is applied all the same, and the seal is complained about
    (attack A21: an inbox that is censored must not split the cohort).
    """
    seat = state.seat
    session, roster, me = seat.session, seat.roster, seat.me
    message = _parse(Inbox.parse, data)
    payload = _from_server(message.signed_mask_set, session, labels.INBOX + roster.sid)
    mask_set = _parse_set(payload, len(roster))
    if me not in mask_set:
        raise CoordinatorFault("the mask set leaves me out although it was sent to me")
    if len(mask_set) < session.bounds.survivors_floor:
        raise CoordinatorFault(
            f"a mask set of {len(mask_set)}; the plan's floor is {session.bounds.survivors_floor}"
        )
    if len(mask_set) - 1 < seat.threshold:
        raise CoordinatorFault("too few others in the mask set to recover my secrets")
    others = sorted(mask_set - {me})
    if len(message.sealed) != len(others):
        raise CoordinatorFault("the inbox does not have one place for each other client")
    held = {}
    for dealer, sealed in zip(others, message.sealed, strict=True):
        try:
            key = _channel(seat, dealer=dealer, holder=me)
            context = _ends(roster.sid, dealer, me)
            opened = aead.open_once(key, sealed, context=context)
        except (aead.Unopened, agreement.BadKey):
            continue
        if len(opened) == 2 * _SHARE:
            held[dealer] = opened
    return Opened(seat, mask_set, held)


def mask(state: Opened, vector: Words) -> tuple[Sent, Step]:
    """M4: the vector under its masks. After the record is durable the update is spent.

    vector: shape (bounds.words,), uint64: already clipped, rounded and noised.
    """
    seat = state.seat
    session, roster, me = seat.session, seat.roster, seat.me
    if vector.shape != (session.bounds.words,):
        raise Caller(f"a vector of {vector.shape} words; the plan says {session.bounds.words}")
    if vector.dtype != np.uint64:  # a mask added to floats is rounded, and hides less
        raise Caller(f"a vector of {vector.dtype}; words are uint64")
    seeds = {}
    for peer in sorted(state.mask_set - {me}):
        public = roster.rows[peer].advertisement.mask_key
        try:
            seeds[peer] = masking.pair_seed(seat.secrets.mask, me, peer, public, roster.sid)
        except agreement.BadKey as error:
            raise CoordinatorFault(f"a client on the roster has {error}") from None
    words = to_bytes(masking.masked(vector, me, seat.secrets.self_seed, seeds))
    complaints = state.mask_set - {me} - set(state.held)
    header = MaskedHeader(
        set_hash(roster.sid, state.mask_set, len(roster)),
        hashlib.sha256(words).digest(),
        set_bytes(complaints, len(roster)),
    )
    signed = seat.identity.sign(header.payload(), context=labels.MASKED + roster.sid)
    message = Masked(signed, words).to_bytes()
    return Sent(state), Step(_record("M4", roster.sid, message), message)


def endorse(state: Sent, data: bytes) -> tuple[Endorsed, Step]:
    """M5 -> M6: stand by one (U2, U3, headers), after checking every survivor's header.

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
    bitmap, header_root = _parse_list(payload, "M5 survivors", [-(-size // 8), HASH_BYTES])
    survivors = _read_set(bitmap, size)
    if me not in survivors or not survivors <= opened.mask_set:
        raise CoordinatorFault("the survivor set leaves me out or goes beyond the mask set")
    if len(survivors) < session.bounds.survivors_floor:
        raise CoordinatorFault(
            f"{len(survivors)} survivors; the plan's floor is {session.bounds.survivors_floor}"
        )
    if len(survivors) - 1 < seat.threshold:
        raise CoordinatorFault("too few live holders of shares")
    if len(message.headers) != len(survivors):
        raise CoordinatorFault("a survivor's signed header is missing")
    mask_set_hash = set_hash(roster.sid, opened.mask_set, size)
    leaves = []
    for index, signed in zip(sorted(survivors), message.headers, strict=True):
        try:
            header_payload = verify(
                signed, public=roster.rows[index].device_key, context=labels.MASKED + roster.sid
            )
            header = MaskedHeader.parse(header_payload)
        except ValueError as error:
            raise CoordinatorFault(f"a survivor's header fails: {error}") from None
        if header.mask_set_hash != mask_set_hash:
            raise CoordinatorFault("a survivor masked with another mask set (split view)")
        leaves.append(merkle.leaf(header_payload))
    if merkle.root(leaves) != header_root:
        raise CoordinatorFault("the root of headers is not the root of the headers shown")
    endorsement = Endorsement(
        mask_set_hash, set_hash(roster.sid, survivors, size), header_root
    ).payload()
    signed = seat.identity.sign(endorsement, context=labels.ENDORSE + roster.sid)
    return Endorsed(opened, survivors, endorsement), Step(
        _record("M6", hashlib.sha256(endorsement).digest(), signed), signed
    )


def unmask(state: Endorsed, data: bytes) -> tuple[Released, Step]:
    """M7 -> M8: release one share of each member of U2, if a quorum stands by the same set.

    A seed share for a survivor, a key share for one who dropped out, never both.
    """
    seat = state.opened.seat
    session, roster = seat.session, seat.roster
    message = _parse(Quorum.parse, data)
    endorsers = set(message.endorsers)
    if len(endorsers) != len(message.endorsers) or not endorsers <= state.survivors:
        raise CoordinatorFault("the quorum counts someone twice, or someone who did not survive")
    if len(endorsers) < seat.threshold:
        raise CoordinatorFault(
            f"{len(endorsers)} endorsements; a quorum is {seat.threshold} of {len(roster)}"
        )
    context = labels.ENDORSE + roster.sid
    for index, bare in zip(message.endorsers, message.signatures, strict=True):
        public = roster.rows[index].device_key
        try:
            verify(assemble(state.payload, bare, public=public), public=public, context=context)
        except ValueError:
            raise CoordinatorFault("an endorsement is not of the set that I endorsed") from None
    held = state.opened.held
    holding = sorted(held)
    payload = Unmasking(
        tuple(held[i][:_SHARE] for i in holding if i in state.survivors),
        tuple(held[i][_SHARE:] for i in holding if i not in state.survivors),
    ).payload()
    released = seat.identity.sign(payload, context=labels.UNMASK + roster.sid)
    return Released(session, roster.sid), Step(_record("M8", roster.sid, released), released)


def accept_result(state: Released, message: bytes) -> bytes:
    """M9 -> hash of the aggregate, signed by the server; the client keeps it."""
    if len(message) > SIGNED_LIMIT:
        raise CoordinatorFault(f"a result of {len(message)} bytes")
    payload = _from_server(message, state.session, labels.RESULT + state.sid)
    digest, _ = _parse_list(payload, "M9 result", [HASH_BYTES, HASH_BYTES])
    return digest


def recover(records: list[bytes]) -> Restarted:
    """After a restart: the last recorded message, to be sent again byte for byte.

    Raises Caller if the record is torn; then the session is abandoned on this device.
    """
    if not records:
        raise Caller("no record of this session; it was never joined")
    try:
        fields = Fields.of(records[-1], "record", 3, limit_bytes=_RECORD_LIMIT)
        kind, _, message = fields.text(2), fields.octets(HASH_BYTES), fields.blob(_RECORD_LIMIT)
    except Malformed:
        raise Caller("the last record is torn; this session is abandoned") from None
    if kind not in _KINDS:
        raise Caller(f"a record of kind {kind!r}, which no session writes; it is abandoned")
    return Restarted(kind, message)


def _record(kind: str, bound_to: bytes, message: bytes) -> bytes:
    return encode([kind, bound_to, message])


def _channel(seat: Seated, *, dealer: int, holder: int) -> bytes:
    rows = seat.roster.rows
    return masking.channel_secret(
        seat.secrets.channel,
        dealer,
        holder,
        rows[dealer].advertisement.channel_key,
        rows[holder].advertisement.channel_key,
        seat.roster.sid,
    )


def _ends(sid: bytes, dealer: int, holder: int) -> bytes:
    return sid + dealer.to_bytes(2, "big") + holder.to_bytes(2, "big")


def _parse(parser: Callable[[bytes], _T], data: bytes) -> _T:
    try:
        return parser(data)
    except Malformed as error:
        raise CoordinatorFault(f"the coordinator sent something malformed: {error}") from None


def _parse_list(payload: bytes, name: str, lengths: list[int]) -> tuple[bytes, ...]:
    return _parse(lambda data: parse_signed_list(data, name, lengths), payload)


def _parse_set(payload: bytes, size: int) -> frozenset[int]:
    (bitmap,) = _parse_list(payload, "a set", [-(-size // 8)])
    return _read_set(bitmap, size)


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
