"""The messages, in the order of speaking. Up: from a client. Down: from the server.

    M0 up    Advertisement   "I am enrolled; here are my keys and my commitment"
    M1 down  Roster          "these are all who advertised"
    M2 up    Shares          "sealed shares of my two secrets for everyone"
    M3 down  Inbox           "this is the mask set U2; these were sealed for you"
    M4 up    Masked          "my masked vector; I masked with U2; these seals were unusable"
    M5 down  Survivors       "these vectors arrived (U3); here is what each of them signed"
    M6 up    Endorsement     "I stand by this U2, this U3 and these headers"
    M7 down  Quorum          "so do all of these"
    M8 up    Unmasking       "a seed share of each survivor, a key share of each other"
    M9 down  Result          "this is what came of it; forget your secrets"

Each class checks itself when it is parsed (Malformed names the message). Signatures are
made and checked by the machines, because the signing context differs from message to
message: the label, then ctx (M0, M1) or sid (all later ones).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from holter.crypto import agreement, shamir
from holter.crypto.aead import TAG_BYTES
from holter.secagg.session import COMPLETE_GRAPH_LIMIT, HASH_BYTES
from holter.wire.cbor import Malformed, encode
from holter.wire.fields import Fields

SEALED_BYTES = 2 * shamir.SHARE_BYTES + TAG_BYTES  # a seed share, a key share, a GCM tag
ADVERTISEMENT_LIMIT = 1024  # bytes; an honest one has about 430
HEADER_LIMIT = 512  # bytes; an honest one has about 200
SIGNED_LIMIT = 1024  # bytes of a small signed message of the server
_BITMAP_LIMIT = COMPLETE_GRAPH_LIMIT // 8
_ROSTER_LIMIT = COMPLETE_GRAPH_LIMIT * (ADVERTISEMENT_LIMIT + 8) + SIGNED_LIMIT
_CREDENTIAL_LIMIT = 256


@dataclass(frozen=True)
class Advertisement:
    """M0 payload. ``nonce`` makes every roster root fresh for the one who sent it."""

    credential: bytes
    channel_key: bytes
    mask_key: bytes
    commitment: bytes
    nonce: bytes

    def payload(self) -> bytes:
        keys = [self.channel_key, self.mask_key, self.commitment, self.nonce]
        return encode([self.credential, *keys])

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        fields = Fields.of(payload, "M0 advertisement", 5, limit_bytes=ADVERTISEMENT_LIMIT)
        return cls(
            fields.blob(_CREDENTIAL_LIMIT),
            fields.octets(agreement.KEY_BYTES),
            fields.octets(agreement.KEY_BYTES),
            fields.octets(HASH_BYTES),
            fields.octets(HASH_BYTES),
        )


@dataclass(frozen=True)
class Roster:
    """M1: the server's signature over the root, and every signed advertisement in order."""

    signed_root: bytes
    advertisements: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        return encode([self.signed_root, self.advertisements])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        fields = Fields.of(data, "M1 roster", 2, limit_bytes=_ROSTER_LIMIT)
        return cls(
            fields.blob(SIGNED_LIMIT), fields.blobs(COMPLETE_GRAPH_LIMIT, ADVERTISEMENT_LIMIT)
        )


@dataclass(frozen=True)
class Shares:
    """M2 payload: one sealed pair of shares for every other client, in roster order."""

    sealed: tuple[bytes, ...]

    def payload(self) -> bytes:
        return encode([b"".join(self.sealed)])

    @classmethod
    def parse(cls, payload: bytes, others: int) -> Self:
        limit = SEALED_BYTES * others
        fields = Fields.of(payload, "M2 shares", 1, limit_bytes=limit + 16)
        joined = fields.octets(limit)
        return cls(tuple(joined[i : i + SEALED_BYTES] for i in range(0, limit, SEALED_BYTES)))


@dataclass(frozen=True)
class Inbox:
    """M3: the server's signature over U2, and what each other member of U2 sealed for me."""

    signed_mask_set: bytes
    sealed: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        return encode([self.signed_mask_set, self.sealed])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        limit = SIGNED_LIMIT + COMPLETE_GRAPH_LIMIT * (SEALED_BYTES + 8)
        fields = Fields.of(data, "M3 inbox", 2, limit_bytes=limit)
        return cls(fields.blob(SIGNED_LIMIT), fields.blobs(COMPLETE_GRAPH_LIMIT, SEALED_BYTES))


@dataclass(frozen=True)
class MaskedHeader:
    """M4 signed header: which U2 was masked with, which vector, whose seals were unusable."""

    mask_set_hash: bytes
    vector_hash: bytes
    complaints: bytes

    def payload(self) -> bytes:
        return encode([self.mask_set_hash, self.vector_hash, self.complaints])

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        fields = Fields.of(payload, "M4 header", 3, limit_bytes=HEADER_LIMIT)
        return cls(fields.octets(HASH_BYTES), fields.octets(HASH_BYTES), fields.blob(_BITMAP_LIMIT))


@dataclass(frozen=True)
class Masked:
    """M4: the signed header and, beside it, the masked vector (8 bytes a word)."""

    signed_header: bytes
    vector: bytes

    def to_bytes(self) -> bytes:
        return encode([self.signed_header, self.vector])

    @classmethod
    def parse(cls, data: bytes, vector_bytes: int) -> Self:
        fields = Fields.of(data, "M4 vector", 2, limit_bytes=HEADER_LIMIT + vector_bytes + 32)
        return cls(fields.blob(HEADER_LIMIT), fields.octets(vector_bytes))


@dataclass(frozen=True)
class Survivors:
    """M5: the server's signature over (U3, root of headers), and every survivor's header."""

    signed_survivors: bytes
    headers: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        return encode([self.signed_survivors, self.headers])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        limit = SIGNED_LIMIT + COMPLETE_GRAPH_LIMIT * (HEADER_LIMIT + 8)
        fields = Fields.of(data, "M5 survivors", 2, limit_bytes=limit)
        return cls(fields.blob(SIGNED_LIMIT), fields.blobs(COMPLETE_GRAPH_LIMIT, HEADER_LIMIT))


@dataclass(frozen=True)
class Endorsement:
    """M6 payload: the one (U2, U3, headers) that a client stands by in this session."""

    mask_set_hash: bytes
    survivor_set_hash: bytes
    header_root: bytes

    def payload(self) -> bytes:
        return encode([self.mask_set_hash, self.survivor_set_hash, self.header_root])


@dataclass(frozen=True)
class Quorum:
    """M7: who endorsed (roster indices) and their bare signatures, in the same order."""

    endorsers: tuple[int, ...]
    signatures: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        indices = b"".join(index.to_bytes(2, "little") for index in self.endorsers)
        return encode([indices, self.signatures])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        fields = Fields.of(data, "M7 quorum", 2, limit_bytes=COMPLETE_GRAPH_LIMIT * 80 + 64)
        indices = fields.blob(2 * COMPLETE_GRAPH_LIMIT)
        signatures = fields.blobs(COMPLETE_GRAPH_LIMIT, 64)
        if len(indices) != 2 * len(signatures):
            raise Malformed("M7 quorum: one index and one signature an endorser")
        pairs = range(0, len(indices), 2)
        return cls(tuple(int.from_bytes(indices[i : i + 2], "little") for i in pairs), signatures)


@dataclass(frozen=True)
class Unmasking:
    """M8 payload: shares in roster order, 64 bytes each; never both kinds of one client."""

    seed_shares: tuple[bytes, ...] = field(repr=False)
    key_shares: tuple[bytes, ...] = field(repr=False)

    def payload(self) -> bytes:
        return encode([b"".join(self.seed_shares), b"".join(self.key_shares)])

    @classmethod
    def parse(cls, payload: bytes, survivors: int, dropped: int) -> Self:
        limit = shamir.SHARE_BYTES * (survivors + dropped)
        fields = Fields.of(payload, "M8 unmasking", 2, limit_bytes=limit + 32)
        return cls(_cut(fields, survivors), _cut(fields, dropped))


def _cut(fields: Fields, count: int) -> tuple[bytes, ...]:
    joined = fields.octets(shamir.SHARE_BYTES * count)
    return tuple(
        joined[i : i + shamir.SHARE_BYTES] for i in range(0, len(joined), shamir.SHARE_BYTES)
    )


def signed_list(parts: Sequence[bytes]) -> bytes:
    """Payload of a server's statement: byte strings in an array."""
    return encode(list(parts))


def parse_signed_list(payload: bytes, name: str, lengths: Sequence[int]) -> tuple[bytes, ...]:
    """Inverse of ``signed_list``; every part has the length given for it."""
    fields = Fields.of(payload, name, len(lengths), limit_bytes=SIGNED_LIMIT)
    return tuple(fields.octets(length) for length in lengths)
