"""The leader's machine: it gathers reports and opens one sum of one list.

    Gathering --propose--> Proposing --close--> Listing --close--> Answering --close--> Summed

With one helper there is nothing to agree on and ``Listing`` is left at once. The leader is the
only one who holds masked vectors; it learns the sums of masks and nothing that opens one.

Source: docs/protocol.md section 6.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from holter.algebra.ring import WORD_BYTES, Words, from_bytes, total
from holter.crypto import labels
from holter.crypto.signature import SigningKey, payload_of, signature_of, verify
from holter.secagg.errors import Abandoned, HelperFault, PeerFault
from holter.secagg.roster import CheckCredential
from holter.secagg.session import set_of
from holter.secagg.upload.messages import (
    Answer,
    Claim,
    Proposal,
    Report,
    Request,
    Verdict,
    answer_payload,
    list_payload,
)
from holter.secagg.upload.window import QUORUM, WITNESSES, Window, entry_of


@dataclass(frozen=True)
class Entry:
    """One report as it lies at the leader."""

    credential: bytes
    signed: bytes
    claim: Claim
    vector: Words = field(repr=False)


@dataclass(frozen=True)
class Gathering:
    """Reports are coming in. ``entries``: by device key."""

    window: Window
    key: SigningKey
    entries: Mapping[bytes, Entry] = field(default_factory=dict, repr=False)
    ids: frozenset[bytes] = frozenset()


@dataclass(frozen=True)
class Proposing:
    """Helpers are judging. order: the entries as they stand in the proposal."""

    window: Window
    key: SigningKey
    order: tuple[Entry, ...] = field(repr=False)
    proposal: bytes = field(repr=False)
    verdicts: Mapping[int, frozenset[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """The list is fixed; of four helpers three must stand by it."""

    window: Window
    key: SigningKey
    chosen: tuple[Entry, ...] = field(repr=False)
    listed: bytes = field(repr=False)
    signatures: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Answering:
    """Sums of masks are coming in. answers: helper -> seed number -> vector bytes."""

    before: Listing
    answers: Mapping[int, Mapping[int, bytes]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class UploadSum:
    """The exact sum of the listed vectors (less central noise, where that was agreed), and how
    many there are. contradicted: helpers whose answer two others outvoted.
    """

    words: Words
    reports: int
    list_hash: bytes
    contradicted: tuple[int, ...]


def gather(state: Gathering, message: bytes, check: CheckCredential, *, minute: int) -> Gathering:
    """One report. The same again changes nothing. Raises PeerFault; the state is unchanged."""
    window = state.window
    try:
        report = Report.parse(message, WORD_BYTES * window.limits.words)
        claim = Claim.parse(payload_of(report.signed), window)
        claim.check_seals(window)
        if check(report.credential) != claim.device_key:
            raise PeerFault(None, "a report under another device's credential was refused")
        context = labels.UPLOAD_REPORT + window.context
        verify(report.signed, public=claim.device_key, context=context)
    except ValueError as error:
        raise PeerFault(None, f"a report was refused: {error}") from None
    if claim.expires_minute <= minute:
        raise PeerFault(None, "a report has expired")
    if hashlib.sha256(report.vector).digest() != claim.vector_hash:
        raise PeerFault(None, "a report's vector is not the one that was signed")
    known = state.entries.get(claim.device_key)
    if known is not None:
        if known.claim != claim:
            raise PeerFault(None, "a device reported twice in one window")
        return state
    if claim.report_id in state.ids:
        raise PeerFault(None, "a report bears another report's id")
    if len(state.entries) >= window.limits.largest_list:
        raise PeerFault(None, "the window is full")
    entry = Entry(report.credential, report.signed, claim, from_bytes(report.vector))
    entries = {**state.entries, claim.device_key: entry}
    return replace(state, entries=entries, ids=state.ids | {claim.report_id})


def propose(state: Gathering) -> tuple[Proposing, bytes]:
    """The proposal, the same for every helper. Raises Abandoned below the plan's floor."""
    floor = state.window.limits.survivors_floor
    if len(state.entries) < floor:
        raise Abandoned(f"{len(state.entries)} devices reported; {floor} are needed")
    order = tuple(sorted(state.entries.values(), key=lambda entry: entry.claim.report_id))
    proposal = Proposal(
        tuple(entry.credential for entry in order), tuple(entry.signed for entry in order)
    )
    context = labels.UPLOAD_PROPOSAL + state.window.context
    signed = state.key.sign(proposal.payload(), context=context)
    return Proposing(state.window, state.key, order, signed), signed


def take_verdict(state: Proposing, helper: int, message: bytes) -> Proposing:
    """What one helper finds. Raises HelperFault; the state is unchanged."""
    payload = _from_helper(state.window, helper, message, labels.UPLOAD_VERDICT)
    try:
        verdict = Verdict.parse(payload, len(state.order))
        valid = set_of(verdict.valid, len(state.order))
    except ValueError as error:
        raise HelperFault(f"helper {helper}: {error}") from None
    if verdict.proposal_hash != hashlib.sha256(state.proposal).digest():
        raise HelperFault(f"helper {helper} judges another proposal")
    return replace(state, verdicts={**state.verdicts, helper: valid})


def close_proposing(state: Proposing) -> tuple[Listing, bytes]:
    """The list: what the helper, or all that judged in common, found valid; signed for them.

    Raises Abandoned.
    """
    needed = 1 if len(state.window.helpers) == 1 else QUORUM
    if len(state.verdicts) < needed:
        raise Abandoned(f"{len(state.verdicts)} helpers judged the reports; {needed} are needed")
    floor = state.window.limits.survivors_floor
    # What all have in common, so that any of them may still fall silent. If that is too little,
    # a contrary helper is left out: then what the best three have in common.
    best = frozenset.intersection(*state.verdicts.values())
    if len(best) < floor:
        common = [
            frozenset.intersection(*(state.verdicts[j] for j in some))
            for some in itertools.combinations(sorted(state.verdicts), needed)
        ]
        best = max(common, key=len)
    if len(best) < floor:
        raise Abandoned(f"{len(best)} valid reports; {floor} are needed")
    chosen = tuple(state.order[position] for position in sorted(best))
    listed = b"".join(entry_of(entry.claim.report_id, payload_of(entry.signed)) for entry in chosen)
    context = labels.UPLOAD_DRAFT + state.window.context
    signed = state.key.sign(list_payload(listed), context=context)
    return Listing(state.window, state.key, chosen, listed), signed


def take_signature(state: Listing, helper: int, message: bytes) -> Listing:
    """One of four helpers stands by the list. Raises HelperFault; the state is unchanged."""
    payload = _from_helper(state.window, helper, message, labels.UPLOAD_LIST)
    if payload != list_payload(state.window.list_hash(state.listed)):
        raise HelperFault(f"helper {helper} stands by another list")
    return replace(state, signatures={**state.signatures, helper: signature_of(message)})


def close_listing(state: Listing) -> tuple[Answering, bytes]:
    """The request, the same for every helper. Raises Abandoned without three of four."""
    if len(state.window.helpers) == 1:
        return Answering(state), _signed(state, Request(state.listed, (), ()))
    if len(state.signatures) < QUORUM:
        raise Abandoned(f"{len(state.signatures)} helpers stand by the list; {QUORUM} are needed")
    order = tuple(sorted(state.signatures))
    request = Request(state.listed, order, tuple(state.signatures[j] for j in order))
    return Answering(state), _signed(state, request)


def _signed(state: Listing, request: Request) -> bytes:
    context = labels.UPLOAD_REQUEST + state.window.context
    return state.key.sign(request.payload(), context=context)


def take_answer(state: Answering, helper: int, message: bytes) -> Answering:
    """Sums of masks of one helper. Raises HelperFault; the state is unchanged."""
    window, listing = state.before.window, state.before
    held = window.held_by(helper) if 0 <= helper < len(window.helpers) else ()
    try:
        given = Answer.parse(message, len(held), WORD_BYTES * window.limits.words)
    except ValueError as error:
        raise HelperFault(f"helper {helper}: {error}") from None
    payload = _from_helper(window, helper, given.signed, labels.UPLOAD_ANSWER)
    digests = [hashlib.sha256(vector).digest() for vector in given.vectors]
    if payload != answer_payload(window.list_hash(listing.listed), digests):
        raise HelperFault(f"helper {helper} answers another list, or other vectors than it signed")
    found = dict(zip(held, given.vectors, strict=True))
    if state.answers.get(helper, found) != found:
        raise HelperFault(f"helper {helper} answered something else before")
    return replace(state, answers={**state.answers, helper: found})


def close_answering(state: Answering, *, noise: Words | None = None) -> UploadSum:
    """The sum. noise: with central noise the leader's own, all of it, packed; otherwise None.

    Raises Abandoned where a seed's masks are not witnessed by two helpers that agree.
    """
    window, listing = state.before.window, state.before
    window.check_noise(noise)
    words = total((entry.vector for entry in listing.chosen), window.limits.words)
    contradicted: set[int] = set()
    needed = 1 if len(window.helpers) == 1 else WITNESSES
    for seed in range(window.seeds):
        said = {j: found[seed] for j, found in state.answers.items() if seed in found}
        most = Counter(said.values()).most_common(1)
        if not most or most[0][1] < needed:
            raise Abandoned(
                f"the masks of a seed are not witnessed by {needed} "
                f"{'helpers that agree' if needed > 1 else 'helper'}"
            )
        contradicted |= {j for j, vector in said.items() if vector != most[0][0]}
        words = words - from_bytes(most[0][0])
    if noise is not None:
        words = words + noise
    list_hash = window.list_hash(listing.listed)
    return UploadSum(words, len(listing.chosen), list_hash, tuple(sorted(contradicted)))


def _from_helper(window: Window, helper: int, message: bytes, label: bytes) -> bytes:
    if not 0 <= helper < len(window.helpers):
        raise HelperFault("a message from a helper whom nobody knows")
    try:
        return verify(message, public=window.helpers[helper], context=label + window.context)
    except ValueError as error:
        raise HelperFault(f"a statement is not helper {helper}'s: {error}") from None
