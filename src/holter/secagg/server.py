"""The server's machine: five collections, each closed once, ending in one exact sum.

    Joining --close--> Sharing --close--> Masking --close--> Endorsing --close--> Unsealing
                                                                     --close--> Summed

``receive(state, sender, message)`` takes one client's message: the same payload again
changes nothing, another one is refused. ``close(state)`` ends the phase, by time or because
all have spoken, and returns what to send to whom. It raises Abandoned where the plan's
floors are not met: then nothing opens, ever, because no client releases shares without a
quorum. The roster, U2, U3 and the quorum are fixed by ``close`` and never change.

The machine fails closed: a secret that does not match its commitment or public key ends
the session, and ``recovery`` says who lied.

Source: docs/protocol.md sections 3 and 4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace
from typing import TypeVar

from holter.algebra.ring import WORD_BYTES, from_bytes, to_bytes, total
from holter.crypto import labels
from holter.crypto.signature import signature_of, verify
from holter.secagg import connectivity, finder, masking, recovery
from holter.secagg.errors import Abandoned, Caller, PeerFault
from holter.secagg.graph import all_neighbours
from holter.secagg.keys import TAG_BYTES
from holter.secagg.messages import (
    PLACE_BYTES,
    SIGNED_LIMIT,
    Endorsement,
    Inbox,
    Masked,
    Peer,
    Quorum,
    Roster,
    Shares,
    Survivors,
    Terms,
    Unmasking,
    header_root,
    statement,
)
from holter.secagg.roster import CheckCredential, digest_of, read_advertisement, table
from holter.secagg.server_states import (
    Blame,
    Endorsing,
    Input,
    Joining,
    Masking,
    Outbox,
    Sharing,
    State,
    Summed,
    Unsealing,
)
from holter.secagg.session import Bounds, set_bytes, set_hash
from holter.secagg.transcript import ACCOUNTING_LIMIT, Transcript

__all__ = [
    "Blame", "Endorsing", "Joining", "Masking", "Outbox", "Sharing", "State", "Summed",
    "Unsealing", "close_endorsing", "close_joining", "close_masking", "close_sharing",
    "close_unmasking", "join", "receive", "roster_message",
]  # fmt: skip
_S = TypeVar("_S")


def join(state: Joining, message: bytes, check: CheckCredential) -> Joining:
    """M0 from whoever holds a credential. Raises PeerFault; the state is then unchanged."""
    row = read_advertisement(message, state.session, check)
    known = state.rows.get(row.device_key)
    if known is not None:
        if known.advertisement != row.advertisement:
            raise PeerFault(None, "a device advertised twice with different keys")
        return state
    if len(state.rows) >= state.session.bounds.largest_roster:
        raise PeerFault(None, "the roster is full")
    return replace(state, rows={**state.rows, row.device_key: row})


def close_joining(state: Joining) -> tuple[Sharing, Outbox]:
    """The roster is fixed: M1 for everyone on it. Raises Abandoned below the plan's least."""
    session, bounds = state.session, state.session.bounds
    if len(state.rows) < bounds.smallest_roster:
        raise Abandoned(
            f"{len(state.rows)} clients advertised; {bounds.smallest_roster} are needed"
        )
    rows = tuple(state.rows[key] for key in sorted(state.rows))
    size = len(rows)
    quorum = connectivity.quorum(size, bounds.colluders)
    cycles, threshold = _graph_for(size, bounds)
    pairs = [(row.device_key, digest_of(row.advertisement)) for row in rows]
    roster = table(pairs, session, cycles, threshold)
    terms = Terms(cycles, threshold, roster.root)
    around = all_neighbours(roster.sid, size, cycles)
    following = Sharing(session, state.key, rows, roster, terms, quorum, around)
    # Signed once; what is made for each client on demand is only put together.
    signed = state.key.sign(terms.payload(), context=labels.ROSTER + session.context)
    return following, Outbox(
        tuple(range(size)), lambda index: _roster(following, signed, index, ())
    )


def _graph_for(size: int, bounds: Bounds) -> tuple[int, int]:
    """(cycles, threshold) of this roster; raises Abandoned where no graph bears the plan."""
    try:
        found = finder.for_roster(bounds, size)
    except finder.Infeasible as error:
        raise Abandoned(f"no graph bears what the plan demands: {error}") from None
    return found.cycles, found.threshold


def roster_message(state: Sharing, index: int, known: Collection[bytes]) -> bytes:
    """M1 for one client, without the credentials of the device keys that it says it knows."""
    context = labels.ROSTER + state.session.context
    return _roster(state, state.key.sign(state.terms.payload(), context=context), index, known)


def _roster(state: Sharing, signed: bytes, index: int, known: Collection[bytes]) -> bytes:
    peers = []
    for neighbour in state.neighbours[index]:
        row = state.rows[neighbour]
        own = row.advertisement
        keys = (own.channel_key, own.mask_key, own.commitment, own.nonce)
        peers.append(Peer(*keys, signature_of(row.signed)))
    pairs = tuple(zip(state.roster.device_keys, state.roster.digests, strict=True))
    credentials = tuple(b"" if row.device_key in known else row.credential for row in state.rows)
    return Roster(signed, pairs, tuple(peers), credentials).to_bytes()


def receive(state: State | Summed, sender: int, message: bytes) -> State:
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
            case Summed():
                raise PeerFault(sender, f"client {sender} comes after the session's end")
    except ValueError as error:  # Malformed and BadSignature: this client's message, its fault
        raise PeerFault(sender, f"client {sender}: {error}") from None


def _add_shares(state: Sharing, sender: int, message: bytes) -> Sharing:
    payload = _payload(state, sender, message, labels.SHARES)
    known = state.sealed.get(sender)
    if known is not None:
        return _same(state, sender, known[0], payload)
    shares = Shares.parse(payload, len(state.neighbours[sender]))
    return replace(state, sealed={**state.sealed, sender: (payload, shares)})


def close_sharing(state: Sharing) -> tuple[Masking, Outbox]:
    """U2 is fixed: everyone whose shares arrived. M3 for each of them."""
    mask_set = frozenset(state.sealed)
    floor = state.session.bounds.survivors_floor
    if len(mask_set) < floor:
        raise Abandoned(f"{len(mask_set)} clients shared their secrets; {floor} are needed")
    bitmap = set_bytes(mask_set, len(state.roster))
    signed = state.key.sign(statement([bitmap]), context=labels.INBOX + state.roster.sid)

    def inbox(holder: int) -> bytes:
        dealers = [dealer for dealer in state.neighbours[holder] if dealer in mask_set]
        places = (state.sealed[d][1].place(state.position(holder, d)) for d in dealers)
        return Inbox(signed, tuple(places)).to_bytes()

    return Masking(state, mask_set), Outbox(tuple(sorted(mask_set)), inbox)


def _add_input(state: Masking, sender: int, message: bytes) -> Masking:
    if sender not in state.mask_set:
        raise PeerFault(sender, f"client {sender} sent a vector but is not in the mask set")
    sharing = state.before
    roster = sharing.roster
    masked = Masked.parse(message, sharing.session.bounds.words * WORD_BYTES)
    payload = _payload(sharing, sender, masked.signed_header, labels.MASKED)
    entry = Input.of(masked.signed_header, payload, sharing.neighbours[sender])
    if not entry.complaints <= state.mask_set:
        raise PeerFault(sender, f"client {sender} complains about someone not in the mask set")
    if entry.header.mask_set_hash != set_hash(roster.sid, state.mask_set, len(roster)):
        raise PeerFault(sender, f"client {sender} masked with another mask set")
    if entry.header.vector_hash != hashlib.sha256(masked.vector).digest():
        raise PeerFault(sender, f"client {sender}: the vector is not the one that was signed")
    known = state.inputs.get(sender)
    if known is not None:
        return _same(state, sender, known.payload, payload)
    return replace(
        state,
        inputs={**state.inputs, sender: entry},
        vectors={**state.vectors, sender: from_bytes(masked.vector)},
    )


def close_masking(state: Masking) -> tuple[Endorsing, Outbox]:
    """U3 is fixed: everyone whose vector arrived and whose shares enough survivors hold."""
    sharing = state.before
    roster, bounds = sharing.roster, sharing.session.bounds
    size = len(roster)
    blamed = tuple(sorted(recovery.distrusted(state)))
    if len(state.inputs) < bounds.survivors_floor:
        raise Abandoned(
            f"{len(state.inputs)} of {len(state.mask_set)} vectors arrived; "
            f"{bounds.survivors_floor} are needed",
            blamed,
        )
    survivors = _with_enough_holders(state)
    if len(survivors) < bounds.survivors_floor:
        raise Abandoned(
            f"only {len(survivors)} clients' secrets are held by enough others; "
            f"{bounds.survivors_floor} are needed",
            blamed,
        )
    order = sorted(survivors)
    root = header_root({i: state.inputs[i].payload for i in order}, roster.device_keys)
    signed = sharing.key.sign(
        statement([set_bytes(survivors, size), root]), context=labels.SURVIVORS + roster.sid
    )
    endorsement = Endorsement(
        set_hash(roster.sid, state.mask_set, size), set_hash(roster.sid, survivors, size), root
    )
    summed = total((state.vectors[i] for i in order), bounds.words)

    def shown(index: int) -> bytes:
        live = (peer for peer in sharing.neighbours[index] if peer in survivors)
        return Survivors(signed, tuple(state.inputs[peer].signed for peer in live)).to_bytes()

    kept = replace(state, vectors={})  # single vectors are needed no longer
    return Endorsing(kept, survivors, summed, endorsement), Outbox(tuple(order), shown)


def _with_enough_holders(state: Masking) -> frozenset[int]:
    """Senders, less those about whom too many complain, and those whose shares too few of the
    others hold.

    Leaving a dealer out takes it away as a holder too, so this repeats until it rests.
    """
    sharing, inputs = state.before, state.inputs
    survivors = frozenset(inputs) - recovery.distrusted(state)
    while True:
        kept = frozenset(
            dealer
            for dealer in survivors
            if sum(
                holder in survivors and dealer not in inputs[holder].complaints
                for holder in sharing.neighbours[dealer]
            )
            >= sharing.threshold
        )
        if kept == survivors:
            return kept
        survivors = kept


def _add_endorsement(state: Endorsing, sender: int, message: bytes) -> Endorsing:
    if sender not in state.survivors:
        raise PeerFault(sender, f"client {sender} endorses but did not survive")
    sharing = state.before.before
    if _payload(sharing, sender, message, labels.ENDORSE) != state.endorsement.payload():
        raise PeerFault(sender, f"client {sender} endorses another set")
    return replace(state, endorsements={**state.endorsements, sender: message})


def close_endorsing(state: Endorsing) -> tuple[Unsealing, Outbox]:
    """The quorum is fixed: M7 for every survivor."""
    needed = state.before.before.quorum
    if len(state.endorsements) < needed:
        raise Abandoned(
            f"{len(state.endorsements)} clients endorsed the survivors; a quorum is {needed}"
        )
    endorsers = tuple(sorted(state.endorsements)[:needed])
    signatures = tuple(signature_of(state.endorsements[i]) for i in endorsers)
    message = Quorum(endorsers, signatures).to_bytes()
    return Unsealing(state, endorsers), Outbox(tuple(sorted(state.survivors)), lambda _: message)


def _add_release(state: Unsealing, sender: int, message: bytes) -> Unsealing:
    endorsing = state.before
    if sender not in endorsing.survivors:
        raise PeerFault(sender, f"client {sender} releases shares but did not survive")
    payload = _payload(endorsing.before.before, sender, message, labels.UNMASK)
    known = state.released.get(sender)
    if known is not None:
        return _same(state, sender, known[0], payload)
    counts = (recovery.seed_dealers, recovery.gone, recovery.key_dealers)
    shares = Unmasking.parse(payload, *(len(count(state, sender)) for count in counts))
    return replace(state, released={**state.released, sender: (payload, shares)})


def close_unmasking(
    state: Unsealing, *, minute: int, accounting: bytes = b"", add_up: masking.AddUp | None = None
) -> Summed:
    """Open the secrets, take the masks off, sign. Raises Abandoned if any secret stays closed.

    minute: since 1970, for the transcript. accounting: what the round above says of the noise
    in the sum. add_up: who adds the masks up (``masking.unmask``); None is this process.
    """
    if len(accounting) > ACCOUNTING_LIMIT:
        raise Caller(f"accounting of {len(accounting)} bytes; at most {ACCOUNTING_LIMIT} fit")
    endorsing = state.before
    before = endorsing.before
    sharing = before.before
    session, roster, sid = sharing.session, sharing.roster, sharing.roster.sid
    masks = recovery.open_masks(state)
    words = masking.unmask(endorsing.total, masks.self_seeds, masks.edges, add_up=add_up)
    digest = hashlib.sha256(to_bytes(words)).digest()
    sizes = (len(roster), len(before.mask_set), len(endorsing.survivors))
    transcript = Transcript(
        session.fields,
        roster.root,
        len(roster),
        sharing.terms.cycles,
        sharing.threshold,
        endorsing.endorsement,
        (*sizes, len(state.endorsers), len(state.released)),
        state.endorsers,
        digest,
        accounting,
        tuple(blame.client for blame in masks.blamed),
        minute,
    )
    signed = sharing.key.sign(transcript.payload(), context=labels.TRANSCRIPT + sid)
    result = sharing.key.sign(
        statement([digest, hashlib.sha256(signed).digest()]), context=labels.RESULT + sid
    )
    return Summed(
        words,
        roster,
        before.mask_set,
        endorsing.survivors,
        sharing.threshold,
        masks.blamed,
        result,
        signed,
    )


def _payload(state: Sharing, sender: int, message: bytes, label: bytes) -> bytes:
    if not 0 <= sender < len(state.roster):
        raise PeerFault(None, "a message from someone who is not on the roster")
    # Before it is decoded: a list takes far more memory than its bytes. M2 is the longest.
    limit = (PLACE_BYTES + TAG_BYTES) * len(state.neighbours[sender]) + SIGNED_LIMIT
    if len(message) > limit:
        raise PeerFault(sender, f"client {sender} sent {len(message)} bytes, more than any message")
    public = state.roster.device_keys[sender]
    return verify(message, public=public, context=label + state.roster.sid)


def _same(state: _S, sender: int, known: bytes, payload: bytes) -> _S:
    if known != payload:
        raise PeerFault(sender, f"client {sender} said something else before")
    return state
