"""The server's machine: five collections, each closed once, ending in one exact sum.

    Joining --close--> Sharing --close--> Masking --close--> Endorsing --close--> Unsealing
                                                                     --close--> Summed

``receive(state, sender, message)`` takes one client's message: the same payload again
changes nothing, another one is refused. ``close(state)`` ends the phase, by time or because
all have spoken, and returns what to send to whom. It raises Abandoned where the plan's
floors are not met: then nothing opens, ever, because no client releases shares without a
quorum. The roster, U2, U3 and the quorum are fixed by ``close`` and never change.

The machine fails closed: a secret that does not match its commitment or public key ends
the session. Saying who lied (share tags) and cheaper recovery (edge seeds) are not here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

from holter.algebra.ring import WORD_BYTES, Words, from_bytes, to_bytes, total
from holter.crypto import labels, merkle, shamir
from holter.crypto.agreement import AgreementKey, BadKey
from holter.crypto.signature import SigningKey, payload_of, signature_of, verify
from holter.secagg import masking
from holter.secagg.errors import Abandoned, Caller, PeerFault
from holter.secagg.messages import (
    SEALED_BYTES,
    SIGNED_LIMIT,
    Endorsement,
    Inbox,
    Masked,
    MaskedHeader,
    Quorum,
    Roster,
    Shares,
    Survivors,
    Unmasking,
    signed_list,
)
from holter.secagg.roster import CheckCredential, RosterTable, Row, read_advertisement, table
from holter.secagg.session import Session, set_bytes, set_hash, set_of, threshold

Outbox: TypeAlias = dict[int, bytes]
"""Roster index -> message for that client."""


@dataclass(frozen=True)
class Joining:
    """M0 are coming in. ``rows``: by device key."""

    session: Session
    key: SigningKey
    rows: Mapping[bytes, Row] = field(default_factory=dict)


@dataclass(frozen=True)
class Sharing:
    """The roster is out; M2 are coming in. ``sealed``: dealer -> (message, seals)."""

    session: Session
    key: SigningKey
    roster: RosterTable
    threshold: int
    sealed: Mapping[int, tuple[bytes, Shares]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Masking:
    """U2 is out; M4 are coming in. ``inputs``: client -> (message header, header, words)."""

    before: Sharing
    mask_set: frozenset[int]
    inputs: Mapping[int, tuple[bytes, MaskedHeader, Words]] = field(
        default_factory=dict, repr=False
    )


@dataclass(frozen=True)
class Endorsing:
    """U3 is out; M6 are coming in."""

    before: Masking
    survivors: frozenset[int]
    payload: bytes
    endorsements: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Unsealing:
    """The quorum is out; M8 are coming in. ``released``: holder -> its shares, never shown."""

    before: Endorsing
    released: Mapping[int, tuple[bytes, Unmasking]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Summed:
    """The exact sum of the survivors' vectors, modulo 2^64 a word, and who they were."""

    words: Words
    roster: RosterTable
    mask_set: frozenset[int]
    survivors: frozenset[int]
    threshold: int


State: TypeAlias = Joining | Sharing | Masking | Endorsing | Unsealing
_S = TypeVar("_S")


def join(state: Joining, message: bytes, check: CheckCredential) -> Joining:
    """M0 from whoever holds a credential. Raises PeerFault; the state is then unchanged."""
    row = read_advertisement(message, state.session, check)
    known = state.rows.get(row.device_key)
    if known is not None:
        if known.message != message:
            raise PeerFault(None, "a device advertised twice with different keys")
        return state
    if len(state.rows) >= state.session.bounds.largest_roster:
        raise PeerFault(None, "the roster is full")
    return replace(state, rows={**state.rows, row.device_key: row})


def close_joining(state: Joining) -> tuple[Sharing, Outbox]:
    """The roster is fixed: M1 for everyone on it. Raises Abandoned below the plan's least."""
    bounds = state.session.bounds
    if len(state.rows) < bounds.smallest_roster:
        raise Abandoned(
            f"{len(state.rows)} clients advertised; {bounds.smallest_roster} are needed"
        )
    roster = table(list(state.rows.values()), state.session)
    context = labels.ROSTER + state.session.context
    signed = state.key.sign(signed_list([roster.root]), context=context)
    message = Roster(signed, tuple(row.message for row in roster.rows)).to_bytes()
    needed = threshold(len(roster), bounds.colluders)
    following = Sharing(state.session, state.key, roster, needed)
    return following, dict.fromkeys(range(len(roster)), message)


def receive(state: State, sender: int, message: bytes) -> State:
    """One message of client ``sender`` (roster index). Raises PeerFault, state unchanged."""
    try:
        match state:
            case Joining():
                raise Caller("advertisements go to join(), before there are indices")
            case Sharing():
                return _add_shares(state, sender, message)
            case Masking():
                return _add_input(state, sender, message)
            case Endorsing():
                return _add_endorsement(state, sender, message)
            case Unsealing():
                return _add_release(state, sender, message)
    except ValueError as error:  # Malformed and BadSignature: this client's message, its fault
        raise PeerFault(sender, f"client {sender}: {error}") from None


def _add_shares(state: Sharing, sender: int, message: bytes) -> Sharing:
    payload = _payload(state, sender, message, labels.SHARES)
    known = state.sealed.get(sender)
    if known is not None:
        return _same(state, sender, known[0], message)
    shares = Shares.parse(payload, len(state.roster) - 1)
    return replace(state, sealed={**state.sealed, sender: (message, shares)})


def close_sharing(state: Sharing) -> tuple[Masking, Outbox]:
    """U2 is fixed: everyone whose shares arrived. M3 for each of them."""
    mask_set = frozenset(state.sealed)
    floor = state.session.bounds.survivors_floor
    if len(mask_set) < floor:
        raise Abandoned(f"{len(mask_set)} clients shared their secrets; {floor} are needed")
    bitmap = set_bytes(mask_set, len(state.roster))
    signed = state.key.sign(signed_list([bitmap]), context=labels.INBOX + state.roster.sid)
    outbox = {}
    for holder in mask_set:
        dealers = sorted(mask_set - {holder})
        # A dealer's seals skip the dealer itself, so places after it move down by one.
        sealed = [state.sealed[d][1].sealed[holder - (holder > d)] for d in dealers]
        outbox[holder] = Inbox(signed, tuple(sealed)).to_bytes()
    return Masking(state, mask_set), outbox


def _add_input(state: Masking, sender: int, message: bytes) -> Masking:
    if sender not in state.mask_set:
        raise PeerFault(sender, f"client {sender} sent a vector but is not in the mask set")
    sharing = state.before
    session, roster = sharing.session, sharing.roster
    masked = Masked.parse(message, session.bounds.words * WORD_BYTES)
    header_payload = _payload(sharing, sender, masked.signed_header, labels.MASKED)
    header = MaskedHeader.parse(header_payload)
    set_of(header.complaints, len(roster))
    if header.mask_set_hash != set_hash(roster.sid, state.mask_set, len(roster)):
        raise PeerFault(sender, f"client {sender} masked with another mask set")
    if header.vector_hash != hashlib.sha256(masked.vector).digest():
        raise PeerFault(sender, f"client {sender}: the vector is not the one that was signed")
    known = state.inputs.get(sender)
    if known is not None:
        return _same(state, sender, known[0], masked.signed_header)
    entry = (masked.signed_header, header, from_bytes(masked.vector))
    return replace(state, inputs={**state.inputs, sender: entry})


def close_masking(state: Masking) -> tuple[Endorsing, Outbox]:
    """U3 is fixed: everyone whose vector arrived and whose shares enough survivors hold."""
    sharing = state.before
    roster, bounds = sharing.roster, sharing.session.bounds
    size = len(roster)
    if len(state.inputs) < bounds.survivors_floor:
        raise Abandoned(
            f"{len(state.inputs)} of {len(state.mask_set)} vectors arrived; "
            f"{bounds.survivors_floor} are needed"
        )
    survivors = _with_enough_holders(state)
    if len(survivors) < bounds.survivors_floor:
        raise Abandoned(
            f"only {len(survivors)} clients' secrets are held by enough others; "
            f"{bounds.survivors_floor} are needed"
        )
    order = sorted(survivors)
    headers = tuple(state.inputs[i][0] for i in order)
    root = merkle.root([merkle.leaf(payload_of(signed)) for signed in headers])
    statement = signed_list([set_bytes(survivors, size), root])
    signed = sharing.key.sign(statement, context=labels.SURVIVORS + roster.sid)
    payload = Endorsement(
        set_hash(roster.sid, state.mask_set, size), set_hash(roster.sid, survivors, size), root
    ).payload()
    message = Survivors(signed, headers).to_bytes()
    return Endorsing(state, survivors, payload), dict.fromkeys(order, message)


def _with_enough_holders(state: Masking) -> frozenset[int]:
    """Senders, less those whose shares too few of the others hold (complaints say which).

    Leaving a dealer out takes it away as a holder too, so this repeats until it rests.
    """
    size = len(state.before.roster)
    complaints = {i: set_of(entry[1].complaints, size) for i, entry in state.inputs.items()}
    survivors = frozenset(state.inputs)
    while True:
        kept = frozenset(
            dealer
            for dealer in survivors
            if sum(dealer not in complaints[holder] for holder in survivors - {dealer})
            >= state.before.threshold
        )
        if kept == survivors:
            return kept
        survivors = kept


def _add_endorsement(state: Endorsing, sender: int, message: bytes) -> Endorsing:
    if sender not in state.survivors:
        raise PeerFault(sender, f"client {sender} endorses but did not survive")
    sharing = state.before.before
    if _payload(sharing, sender, message, labels.ENDORSE) != state.payload:
        raise PeerFault(sender, f"client {sender} endorses another set")
    return replace(state, endorsements={**state.endorsements, sender: message})


def close_endorsing(state: Endorsing) -> tuple[Unsealing, Outbox]:
    """The quorum is fixed: M7 for every survivor."""
    needed = state.before.before.threshold
    if len(state.endorsements) < needed:
        raise Abandoned(
            f"{len(state.endorsements)} clients endorsed the survivors; a quorum is {needed}"
        )
    endorsers = tuple(sorted(state.endorsements)[:needed])
    signatures = tuple(signature_of(state.endorsements[i]) for i in endorsers)
    message = Quorum(endorsers, signatures).to_bytes()
    return Unsealing(state), dict.fromkeys(sorted(state.survivors), message)


def _add_release(state: Unsealing, sender: int, message: bytes) -> Unsealing:
    endorsing = state.before
    if sender not in endorsing.survivors:
        raise PeerFault(sender, f"client {sender} releases shares but did not survive")
    payload = _payload(endorsing.before.before, sender, message, labels.UNMASK)
    known = state.released.get(sender)
    if known is not None:
        return _same(state, sender, known[0], message)
    seeds, keys = _dealers(endorsing, sender)
    shares = Unmasking.parse(payload, len(seeds), len(keys))
    return replace(state, released={**state.released, sender: (message, shares)})


def _dealers(state: Endorsing, holder: int) -> tuple[list[int], list[int]]:
    """Whose seed shares and whose key shares ``holder`` releases, in order."""
    masking_state = state.before
    size = len(masking_state.before.roster)
    unusable = set_of(masking_state.inputs[holder][1].complaints, size)
    held = sorted(masking_state.mask_set - {holder} - unusable)
    return [d for d in held if d in state.survivors], [d for d in held if d not in state.survivors]


def close_unmasking(state: Unsealing) -> tuple[Summed, bytes]:
    """Open the secrets, take the masks off, sum. Raises Abandoned if any secret stays closed.

    Returns the sum and M9, the same for every survivor.
    """
    endorsing = state.before
    masking_state = endorsing.before
    sharing = masking_state.before
    session, roster, sid = sharing.session, sharing.roster, sharing.roster.sid
    seeds, keys = _collect(state)
    self_seeds = []
    for dealer in sorted(endorsing.survivors):
        row = roster.rows[dealer]
        seed = _open(dealer, seeds.get(dealer, []), sharing.threshold)
        if session.commitment(row.device_key, seed) != row.advertisement.commitment:
            raise Abandoned(f"the shares of client {dealer} do not open its commitment")
        self_seeds.append(seed)
    edges = []
    for dealer in sorted(masking_state.mask_set - endorsing.survivors):
        mask_key = AgreementKey(_open(dealer, keys.get(dealer, []), sharing.threshold))
        if mask_key.public != roster.rows[dealer].advertisement.mask_key:
            raise Abandoned(f"the shares of client {dealer} do not open its mask key")
        for survivor in sorted(endorsing.survivors):
            public = roster.rows[survivor].advertisement.mask_key
            try:
                edge = masking.pair_seed(mask_key, dealer, survivor, public, sid)
            except BadKey:
                raise Abandoned(f"client {survivor} advertised a key of low order") from None
            edges.append((survivor, dealer, edge))
    masked = (masking_state.inputs[i][2] for i in sorted(endorsing.survivors))
    words = masking.unmask(total(masked, session.bounds.words), self_seeds, edges)
    digest = hashlib.sha256(to_bytes(words)).digest()
    transcript = hashlib.sha256(sid + endorsing.payload + digest).digest()
    context = labels.RESULT + sid
    result = sharing.key.sign(signed_list([digest, transcript]), context=context)
    summed = Summed(words, roster, masking_state.mask_set, endorsing.survivors, sharing.threshold)
    return summed, result


def _collect(
    state: Unsealing,
) -> tuple[dict[int, list[tuple[int, bytes]]], dict[int, list[tuple[int, bytes]]]]:
    """Released shares by dealer: (holder, share) pairs of seeds and of keys."""
    seeds: dict[int, list[tuple[int, bytes]]] = {}
    keys: dict[int, list[tuple[int, bytes]]] = {}
    for holder in sorted(state.released):
        shares = state.released[holder][1]
        seed_dealers, key_dealers = _dealers(state.before, holder)
        for dealer, share in zip(seed_dealers, shares.seed_shares, strict=True):
            seeds.setdefault(dealer, []).append((holder, share))
        for dealer, share in zip(key_dealers, shares.key_shares, strict=True):
            keys.setdefault(dealer, []).append((holder, share))
    return seeds, keys


def _open(dealer: int, shares: list[tuple[int, bytes]], needed: int) -> bytes:
    if len(shares) < needed:
        raise Abandoned(f"too few shares of a client's secret were released; {needed} open it")
    try:
        return shamir.recover(shares[:needed])
    except shamir.BadShares as error:
        raise Abandoned(f"the shares of client {dealer} do not fit: {error}") from None


def _payload(state: Sharing, sender: int, message: bytes, label: bytes) -> bytes:
    if not 0 <= sender < len(state.roster):
        raise PeerFault(None, "a message from someone who is not on the roster")
    # Before it is decoded: a list takes far more memory than its bytes. M2 is the longest.
    if len(message) > SEALED_BYTES * len(state.roster) + SIGNED_LIMIT:
        raise PeerFault(sender, f"client {sender} sent {len(message)} bytes, more than any message")
    public = state.roster.rows[sender].device_key
    return verify(message, public=public, context=label + state.roster.sid)


def _same(state: _S, sender: int, known: bytes, message: bytes) -> _S:
    if known != message:
        raise PeerFault(sender, f"client {sender} said something else before")
    return state
