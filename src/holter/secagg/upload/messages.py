"""The messages of a window, in the order of speaking.

    Offer      helper -> devices   "my key for this window"
    Report     device -> leader    "my masked vector; the seeds, sealed for the helpers"
    Proposal   leader -> helpers   "these reported" (without vectors)
    Verdict    helper -> leader    "these are valid"
    Request    leader -> helpers   "sum the masks of this list", with signatures of three of four
    Answer     helper -> leader    "the sums of masks"

Each class checks itself when it is parsed; signatures are the machines' matter.
Source: docs/protocol.md section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from holter.crypto.hpke import OVERHEAD_BYTES, PUBLIC_BYTES, Suite
from holter.crypto.signature import SIGNATURE_BYTES
from holter.secagg.messages import CREDENTIAL_LIMIT
from holter.secagg.session import HASH_BYTES
from holter.secagg.upload.window import (
    ENTRY_BYTES,
    LIST_LIMIT,
    REPLICATED,
    REPORT_ID_BYTES,
    SEED_BYTES,
    Window,
)
from holter.wire.cbor import Malformed, encode
from holter.wire.fields import Fields

OFFER_LIMIT = 2048  # bytes; a hybrid key has 1,216
REPORT_LIMIT = 8192  # bytes of a signed report without its vector; four hybrid seals have 4,928
MINUTES = 1 << 40  # minutes since 1970, to the year 2 million
_HELPERS = 8  # more than there can be


@dataclass(frozen=True)
class Offer:
    """A helper's HPKE key for one window; it is erased at ``closes_minute``."""

    helper: int
    suite: int
    public: bytes
    closes_minute: int

    def payload(self) -> bytes:
        return encode([self.helper, self.suite, self.public, self.closes_minute])

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        fields = Fields.of(payload, "offer", 4, limit_bytes=OFFER_LIMIT)
        numbers = (fields.uint(_HELPERS), fields.uint(1 << 8))
        return cls(*numbers, fields.blob(OFFER_LIMIT), fields.uint(MINUTES))


@dataclass(frozen=True)
class Claim:
    """A report's signed part: who, until when, which vector, and the sealed seeds."""

    device_key: bytes
    report_id: bytes
    expires_minute: int
    vector_hash: bytes
    commitments: tuple[bytes, ...]
    seals: tuple[bytes, ...]

    def payload(self) -> bytes:
        commitments = b"".join(self.commitments)
        named = (self.device_key, self.report_id, self.expires_minute, self.vector_hash)
        return encode([*named, commitments, self.seals])

    @classmethod
    def parse(cls, payload: bytes, window: Window) -> Self:
        """Whether the seals have the right lengths is ``check_seals``' question."""
        fields = Fields.of(payload, "report", 6, limit_bytes=REPORT_LIMIT)
        named = (fields.octets(HASH_BYTES), fields.octets(REPORT_ID_BYTES), fields.uint(MINUTES))
        vector_hash = fields.octets(HASH_BYTES)
        joined = fields.octets(HASH_BYTES * window.seeds)
        seals = fields.blobs(len(window.helpers), REPORT_LIMIT)
        if len(seals) != len(window.helpers):
            raise Malformed("report: one seal for each helper")
        commitments = tuple(
            joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)
        )
        return cls(*named, vector_hash, commitments, seals)

    def check_seals(self, window: Window) -> None:
        """The leader's check; a helper looks at its own seal alone, so that a device that spoils
        another's does not spoil this one's. Raises Malformed.
        """
        lengths = [seal_bytes(window, helper) for helper in range(len(window.helpers))]
        if [len(seal) for seal in self.seals] != lengths:
            raise Malformed("report: one seal of the right length for each helper")


def seal_bytes(window: Window, helper: int) -> int:
    """Length of the seal for one helper."""
    return OVERHEAD_BYTES[window.suite] + SEED_BYTES * len(window.held_by(helper))


def public_bytes(suite: Suite) -> int:
    """Length of a helper's HPKE key."""
    return PUBLIC_BYTES[suite]


@dataclass(frozen=True)
class Report:
    """What a device uploads: credential, signed claim, masked vector."""

    credential: bytes
    signed: bytes
    vector: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        return encode([self.credential, self.signed, self.vector])

    @classmethod
    def parse(cls, data: bytes, vector_bytes: int) -> Self:
        limit = CREDENTIAL_LIMIT + REPORT_LIMIT + vector_bytes + 32
        fields = Fields.of(data, "report", 3, limit_bytes=limit)
        return cls(
            fields.blob(CREDENTIAL_LIMIT), fields.blob(REPORT_LIMIT), fields.octets(vector_bytes)
        )


@dataclass(frozen=True)
class Proposal:
    """Every report without its vector, in the leader's order; signed by the leader."""

    credentials: tuple[bytes, ...]
    signed: tuple[bytes, ...]

    def payload(self) -> bytes:
        return encode([self.credentials, self.signed])

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        limit = LIST_LIMIT * (CREDENTIAL_LIMIT + REPORT_LIMIT + 16)
        fields = Fields.of(payload, "proposal", 2, limit_bytes=limit)
        credentials = fields.blobs(LIST_LIMIT, CREDENTIAL_LIMIT)
        signed = fields.blobs(LIST_LIMIT, REPORT_LIMIT)
        if len(credentials) != len(signed):
            raise Malformed("proposal: one credential for each report")
        return cls(credentials, signed)


@dataclass(frozen=True)
class Verdict:
    """Which reports of a proposal a helper found valid, as a bitmap in its order."""

    proposal_hash: bytes
    valid: bytes

    def payload(self) -> bytes:
        return encode([self.proposal_hash, self.valid])

    @classmethod
    def parse(cls, payload: bytes, reports: int) -> Self:
        fields = Fields.of(payload, "verdict", 2, limit_bytes=LIST_LIMIT // 8 + 64)
        return cls(fields.octets(HASH_BYTES), fields.octets(-(-reports // 8)))


@dataclass(frozen=True)
class Request:
    """A list, and with four helpers the signatures of those that stand by it; signed by the
    leader, so that nobody else can use reports up.
    """

    listed: bytes
    helpers: tuple[int, ...]
    signatures: tuple[bytes, ...]

    def payload(self) -> bytes:
        return encode([self.listed, bytes(self.helpers), b"".join(self.signatures)])

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        limit = ENTRY_BYTES * LIST_LIMIT
        fields = Fields.of(payload, "request", 3, limit_bytes=limit + 1024)
        listed, helpers = fields.blob(limit), fields.blob(REPLICATED)
        joined = fields.octets(SIGNATURE_BYTES * len(helpers))
        places = range(0, len(joined), SIGNATURE_BYTES)
        signatures = tuple(joined[at : at + SIGNATURE_BYTES] for at in places)
        return cls(listed, tuple(helpers), signatures)


@dataclass(frozen=True)
class Answer:
    """The sums of masks of one list, a vector for each seed that the helper holds."""

    signed: bytes
    vectors: tuple[bytes, ...] = field(repr=False)

    def to_bytes(self) -> bytes:
        return encode([self.signed, self.vectors])

    @classmethod
    def parse(cls, data: bytes, vectors: int, vector_bytes: int) -> Self:
        limit = vectors * (vector_bytes + 16) + 1024
        fields = Fields.of(data, "answer", 2, limit_bytes=limit)
        signed, found = fields.blob(1024), fields.blobs(vectors, vector_bytes)
        if [len(vector) for vector in found] != [vector_bytes] * vectors:
            raise Malformed("answer: one vector for each seed that this helper holds")
        return cls(signed, found)


def answer_payload(list_hash: bytes, digests: Sequence[bytes]) -> bytes:
    """What a helper signs of its answer."""
    return encode([list_hash, b"".join(digests)])


def list_payload(listed_or_hash: bytes) -> bytes:
    """What the leader signs of a list (the list itself) and what a helper signs (its hash)."""
    return encode([listed_or_hash])


def parse_list(payload: bytes) -> bytes:
    """The list that the leader signed. Raises Malformed."""
    limit = ENTRY_BYTES * LIST_LIMIT
    return Fields.of(payload, "list", 1, limit_bytes=limit + 16).blob(limit)
