"""A helper's machine: it judges reports, stands by lists, and sums the masks of a list once.

    opened -> examine (any number of times) -> endorse (four helpers) -> answer

Plan, floors and the registrar's key are its own, not the leader's. What it accepts is durable
before anything leaves: ``Reply.records`` come first. No report, and no second report of one
device, is ever in two lists that it accepts; the same list asked again gets the same bytes.

Source: docs/protocol.md section 6; attack A24 of docs/threat-model.md.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from holter.algebra import ring
from holter.algebra.ring import Words, to_bytes
from holter.crypto import labels
from holter.crypto.aead import Unopened
from holter.crypto.hpke import OpeningKey
from holter.crypto.prg import Adder
from holter.crypto.signature import KEY_BYTES, SigningKey, assemble, payload_of, verify
from holter.secagg import records
from holter.secagg.errors import Caller, CoordinatorFault
from holter.secagg.roster import CheckCredential
from holter.secagg.session import set_bytes
from holter.secagg.upload.client import mask_key
from holter.secagg.upload.messages import (
    MINUTES,
    Answer,
    Claim,
    Offer,
    Proposal,
    Request,
    Verdict,
    answer_payload,
    list_payload,
    parse_list,
    seal_bytes,
)
from holter.secagg.upload.window import (
    ENTRY_BYTES,
    QUORUM,
    REPORT_ID_BYTES,
    SEED_BYTES,
    Window,
    entries_of,
    entry_of,
)
from holter.wire.cbor import Malformed
from holter.wire.fields import Fields

LISTED, ANSWERED = "listed", "answered"
_RECORD_LIMIT = 1 << 30  # bytes
_T = TypeVar("_T")


@dataclass(frozen=True)
class Seen:
    """A valid report: whose, until when, and the seeds that opened."""

    payload: bytes
    device_key: bytes
    expires_minute: int
    seeds: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True)
class Helper:
    """seen: report id -> what was valid. listed: list hash -> the list. answered: list hash -> the
    bytes that were given for it. closes_minute: when its key and this state are erased.
    """

    window: Window
    index: int
    identity: SigningKey
    key: OpeningKey = field(repr=False)
    closes_minute: int
    seen: Mapping[bytes, Seen] = field(default_factory=dict, repr=False)
    listed: Mapping[bytes, Listed] = field(default_factory=dict, repr=False)
    answered: Mapping[bytes, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Listed:
    """A list that a helper stands by: its entries, and whose reports they are, in that order."""

    entries: tuple[bytes, ...]
    device_keys: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        return b"".join(self.entries) + b"".join(self.device_keys)

    @classmethod
    def parse(cls, data: bytes) -> Listed:
        count, rest = divmod(len(data), ENTRY_BYTES + KEY_BYTES)
        if rest:
            raise Malformed("a list that is not a whole number of reports")
        listed, keys = data[: count * ENTRY_BYTES], data[count * ENTRY_BYTES :]
        places = range(0, len(keys), KEY_BYTES)
        return cls(entries_of(listed), tuple(keys[at : at + KEY_BYTES] for at in places))

    @property
    def ids(self) -> frozenset[bytes]:
        """Report ids."""
        return frozenset(entry[:REPORT_ID_BYTES] for entry in self.entries)


@dataclass(frozen=True)
class Reply:
    """Make ``records`` durable, in order, then send ``message``."""

    records: tuple[bytes, ...] = field(repr=False)
    message: bytes = field(repr=False)


def opened(
    window: Window, index: int, identity: SigningKey, private: bytes, *, closes_minute: int
) -> tuple[Helper, bytes]:
    """A helper for one window and its offer. private: an HPKE key made for this window alone."""
    if not 0 <= index < len(window.helpers) or window.helpers[index] != identity.public:
        raise Caller("this helper is not the one that the window names")
    if not 0 <= closes_minute < MINUTES:
        raise Caller(f"a closing minute lies between 0 and {MINUTES}")
    try:
        key = OpeningKey(window.suite, private)
    except ValueError as error:
        raise Caller(str(error)) from None
    offer = Offer(index, int(window.suite), key.public, closes_minute)
    signed = identity.sign(offer.payload(), context=labels.UPLOAD_OFFER + window.context)
    return Helper(window, index, identity, key, closes_minute), signed


def restored(helper: Helper, recorded: Sequence[bytes]) -> Helper:
    """The same helper after a restart, from the records that it made durable.

    Raises Caller for a torn or foreign record, or one that is missing: then the helper must not go
    on in this window.
    """
    listed, answered = dict(helper.listed), dict(helper.answered)
    for data in recorded:
        try:
            fields = Fields.of(data, "record", 3, limit_bytes=_RECORD_LIMIT)
            kind, list_hash = fields.text(8), fields.octets(32)
            content = fields.blob(_RECORD_LIMIT)
            if kind == LISTED:
                found = Listed.parse(content)
                if helper.window.list_hash(b"".join(found.entries)) != list_hash:
                    raise Malformed("a list of another window, or another list")
                listed[list_hash] = found
            elif kind == ANSWERED and list_hash in listed:
                answered[list_hash] = content
            else:
                raise Malformed(f"a record of kind {kind!r} without the one before it")
        except ValueError as error:
            raise Caller(f"a helper's records are not whole, its window is over: {error}") from None
    return replace(helper, listed=listed, answered=answered)


def examine(
    state: Helper, proposal: bytes, check: CheckCredential, *, minute: int
) -> tuple[Helper, bytes]:
    """A proposal -> the verdict on each report of it. Raises CoordinatorFault if malformed.

    Seeds of valid reports stay here; an invalid one is left out before any list is fixed.
    """
    _check_open(state, minute)
    given = _from_leader(state.window, proposal, labels.UPLOAD_PROPOSAL, Proposal.parse)
    seen = dict(state.seen)
    devices = {one.device_key: report_id for report_id, one in seen.items()}
    valid = []
    for position, (credential, signed) in enumerate(
        zip(given.credentials, given.signed, strict=True)
    ):
        try:
            claim, one = _read(state, credential, signed, check, minute)
        except ValueError:
            continue  # left out; whose fault it is the leader can see for itself
        known = seen.get(claim.report_id)
        if known is not None and known.payload != one.payload:
            continue
        if devices.setdefault(claim.device_key, claim.report_id) != claim.report_id:
            continue
        seen[claim.report_id] = one
        valid.append(position)
    digest = hashlib.sha256(proposal).digest()
    verdict = Verdict(digest, set_bytes(valid, len(given.signed))).payload()
    context = labels.UPLOAD_VERDICT + state.window.context
    return replace(state, seen=seen), state.identity.sign(verdict, context=context)


def _read(
    state: Helper, credential: bytes, signed: bytes, check: CheckCredential, minute: int
) -> tuple[Claim, Seen]:
    """Raises ValueError for anything that is not a valid report for this helper."""
    window = state.window
    payload = payload_of(signed)
    claim = Claim.parse(payload, window)
    if check(credential) != claim.device_key:
        raise ValueError("a report under another device's credential")
    context = labels.UPLOAD_REPORT + window.context
    verify(signed, public=claim.device_key, context=context)
    if claim.expires_minute <= minute:
        raise ValueError("a report that has expired")
    if len(claim.seals[state.index]) != seal_bytes(window, state.index):
        raise ValueError("a seal of the wrong length")
    info = window.seal_info(state.index, claim.report_id, claim.device_key)
    try:
        plain = state.key.open(claim.seals[state.index], info=info)
    except Unopened:
        raise ValueError("a seal that does not open") from None
    held = window.held_by(state.index)
    seeds = tuple(plain[at : at + SEED_BYTES] for at in range(0, len(plain), SEED_BYTES))
    for number, seed in zip(held, seeds, strict=True):
        promised = window.commitment(claim.device_key, claim.report_id, number, seed)
        if not hmac.compare_digest(promised, claim.commitments[number]):
            raise ValueError("a seed that is not the one promised")
    return claim, Seen(payload, claim.device_key, claim.expires_minute, seeds)


def _from_leader(window: Window, message: bytes, label: bytes, parser: Callable[[bytes], _T]) -> _T:
    try:
        context = label + window.context
        return parser(verify(message, public=window.leader_public, context=context))
    except ValueError as error:
        raise CoordinatorFault(f"a statement is not the leader's: {error}") from None


def endorse(state: Helper, message: bytes, *, minute: int) -> tuple[Helper, Reply]:
    """Four helpers: stand by the leader's list, once its record is durable.

    Raises CoordinatorFault.
    """
    if len(state.window.helpers) == 1:
        raise Caller("a single helper answers at once; there is nobody to agree with")
    listed = _from_leader(state.window, message, labels.UPLOAD_DRAFT, parse_list)
    state, made = _accept(state, listed, minute)
    list_hash = state.window.list_hash(listed)
    context = labels.UPLOAD_LIST + state.window.context
    signed = state.identity.sign(list_payload(list_hash), context=context)
    return state, Reply(made, signed)


def _check_open(state: Helper, minute: int) -> None:
    if minute >= state.closes_minute:
        raise CoordinatorFault("this window is over; its key is erased")


def _accept(state: Helper, listed: bytes, minute: int) -> tuple[Helper, tuple[bytes, ...]]:
    """The rules for a list; the record to make durable where it is new to this helper."""
    _check_open(state, minute)
    limits, list_hash = state.window.limits, state.window.list_hash(listed)
    if list_hash in state.listed:
        return state, ()
    try:
        entries = entries_of(listed)
    except ValueError as error:
        raise CoordinatorFault(f"the leader sent {error}") from None
    if not limits.survivors_floor <= len(entries) <= limits.largest_list:
        raise CoordinatorFault(
            f"a list of {len(entries)} reports; the plan allows {limits.survivors_floor} to "
            f"{limits.largest_list}"
        )
    chosen = _reports(state, entries)
    if chosen is None:
        raise CoordinatorFault("a list with a report that this helper did not find valid")
    if any(report.expires_minute <= minute for report in chosen):
        raise CoordinatorFault("a list with a report that has expired")
    accepted = Listed(entries, tuple(report.device_key for report in chosen))
    for earlier in state.listed.values():
        if accepted.ids & earlier.ids or set(accepted.device_keys) & set(earlier.device_keys):
            raise CoordinatorFault("a list with a report or a device that is in another list")
    record = records.record(LISTED, list_hash, accepted.to_bytes())
    return replace(state, listed={**state.listed, list_hash: accepted}), (record,)


def _reports(state: Helper, entries: tuple[bytes, ...]) -> list[Seen] | None:
    """What was found valid of a list, claim for claim; None where anything of it was not."""
    found = []
    for entry in entries:
        report = state.seen.get(entry[:REPORT_ID_BYTES])
        # The digest too: another device may bear the same report id before another helper.
        if report is None or entry_of(entry[:REPORT_ID_BYTES], report.payload) != entry:
            return None
        found.append(report)
    return found


def answer(
    state: Helper, request: bytes, *, minute: int, noise: Words | None = None
) -> tuple[Helper, Reply]:
    """The sums of masks of a list. noise: with central noise all of it, packed, shape (words,),
    uint64, drawn for this call from the operating system; otherwise None. A list that was answered
    gets the same bytes and ``noise`` is not used. Raises CoordinatorFault.
    """
    window = state.window
    given = _from_leader(window, request, labels.UPLOAD_REQUEST, Request.parse)
    list_hash = window.list_hash(given.listed)
    _check_quorum(window, given, list_hash)
    _check_open(state, minute)
    if list_hash in state.answered:
        return state, Reply((), state.answered[list_hash])
    window.check_noise(noise)
    state, made = _accept(state, given.listed, minute)
    chosen = _reports(state, state.listed[list_hash].entries)
    if chosen is None:
        raise CoordinatorFault("a list accepted before a restart; propose its reports again first")
    vectors = []
    for place in range(len(window.held_by(state.index))):
        total = _masks(window.limits.words, (report.seeds[place] for report in chosen))
        vectors.append(to_bytes(total if noise is None else total - noise))
    digests = [hashlib.sha256(vector).digest() for vector in vectors]
    signed = state.identity.sign(
        answer_payload(list_hash, digests), context=labels.UPLOAD_ANSWER + window.context
    )
    message = Answer(signed, tuple(vectors)).to_bytes()
    record = records.record(ANSWERED, list_hash, message)
    following = replace(state, answered={**state.answered, list_hash: message})
    return following, Reply((*made, record), message)


def _masks(words: int, seeds: Iterable[bytes]) -> Words:
    total = ring.zeros(words)
    adder = Adder(total)
    for seed in seeds:
        adder.add(mask_key(seed))
    return total


def _check_quorum(window: Window, given: Request, list_hash: bytes) -> None:
    if len(window.helpers) == 1:
        if given.helpers:
            raise CoordinatorFault("signatures under a list of the only helper")
        return
    if len(set(given.helpers)) != len(given.helpers) or len(given.helpers) < QUORUM:
        raise CoordinatorFault(
            f"a list that {len(set(given.helpers))} helpers stand by; {QUORUM} are needed"
        )
    context = labels.UPLOAD_LIST + window.context
    for helper, bare in zip(given.helpers, given.signatures, strict=True):
        if helper >= len(window.helpers):
            raise CoordinatorFault("a list that a helper stands by whom nobody knows")
        public = window.helpers[helper]
        try:
            signed = assemble(list_payload(list_hash), bare, public=public)
            verify(signed, public=public, context=context)
        except ValueError:
            raise CoordinatorFault("a helper's signature is not of this list") from None
