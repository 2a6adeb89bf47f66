"""The messages, in the order of speaking. Up: from a client. Down: from the server.

    M0 up    Advertisement   "I am enrolled; here are my keys and my commitment"
    M1 down  Roster          "these are all who advertised; these are your neighbours' keys"
    M2 up    Shares          "sealed shares of my two secrets for each neighbour, and tags"
    M3 down  Inbox           "this is the mask set U2; these were sealed for you"
    M4 up    Masked          "my masked vector; I masked with U2; these seals were unusable"
    M5 down  Survivors       "these vectors arrived (U3); this is what your neighbours signed"
    M6 up    Endorsement     "I stand by this U2, this U3 and these headers"
    M7 down  Quorum          "so do all of these"
    M8 up    Unmasking       "a seed share of each survivor, edge seed and key share of others"
    M9 down  Result          "this is what came of it; forget your secrets"

Each class checks itself when it is parsed (Malformed names the message). Signatures are
made and checked by the machines, because the signing context differs from message to
message: the label, then ctx (M0, M1) or sid (all later ones). M9 and the server's other
short statements are lists of byte strings (``statement``).

Source: docs/protocol.md section 3, byte by byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from holter.crypto import agreement, merkle, shamir
from holter.crypto.aead import TAG_BYTES as SEAL_TAG_BYTES
from holter.crypto.signature import SIGNATURE_BYTES
from holter.secagg.keys import TAG_BYTES
from holter.secagg.session import HASH_BYTES, SESSION_LIMIT
from holter.wire.cbor import Malformed, encode
from holter.wire.fields import Fields

SEALED_BYTES = 2 * shamir.SHARE_BYTES + SEAL_TAG_BYTES  # a seed share, a key share, a GCM tag
PLACE_BYTES = SEALED_BYTES + 2 * TAG_BYTES  # what one dealer has for one holder
ROW_BYTES = 2 * HASH_BYTES  # a device key and the digest of its advertisement
PEER_BYTES = 2 * agreement.KEY_BYTES + 2 * HASH_BYTES + SIGNATURE_BYTES
INDEX_BYTES = 2  # roster indices, little-endian where they stand in arrays
ADVERTISEMENT_LIMIT = 1024  # bytes; an honest one has about 410
CREDENTIAL_LIMIT = 256  # bytes; an honest one has about 120
HEADER_LIMIT = 512  # bytes; an honest one has about 200 on a sparse graph
SIGNED_LIMIT = 1024  # bytes of a small signed message of the server
_ALL = SESSION_LIMIT


@dataclass(frozen=True)
class Advertisement:
    """M0 payload. ``nonce`` makes every roster root fresh for the one who sent it."""

    device_key: bytes
    channel_key: bytes
    mask_key: bytes
    commitment: bytes
    nonce: bytes

    def payload(self) -> bytes:
        keys = [self.channel_key, self.mask_key, self.commitment, self.nonce]
        return encode([self.device_key, *keys])

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        fields = Fields.of(payload, "M0 advertisement", 5, limit_bytes=ADVERTISEMENT_LIMIT)
        return cls(*(fields.octets(HASH_BYTES) for _ in range(5)))


@dataclass(frozen=True)
class Advertised:
    """M0: the credential, and the signed advertisement beside it."""

    credential: bytes
    signed: bytes

    def to_bytes(self) -> bytes:
        return encode([self.credential, self.signed])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        fields = Fields.of(data, "M0", 2, limit_bytes=ADVERTISEMENT_LIMIT)
        return cls(fields.blob(CREDENTIAL_LIMIT), fields.blob(ADVERTISEMENT_LIMIT))


@dataclass(frozen=True)
class Terms:
    """M1 statement: the graph's cycles (0: complete), the threshold, and the roster's root."""

    cycles: int
    threshold: int
    root: bytes

    def payload(self) -> bytes:
        return encode([self.cycles, self.threshold, self.root])

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        fields = Fields.of(payload, "M1 terms", 3, limit_bytes=SIGNED_LIMIT)
        return cls(fields.uint(_ALL), fields.uint(_ALL), fields.octets(HASH_BYTES))


@dataclass(frozen=True)
class Peer:
    """A neighbour's advertisement without what every row has, and its signature."""

    channel_key: bytes
    mask_key: bytes
    commitment: bytes
    nonce: bytes
    signature: bytes

    def to_bytes(self) -> bytes:
        return self.channel_key + self.mask_key + self.commitment + self.nonce + self.signature

    def advertisement(self, device_key: bytes) -> Advertisement:
        """The whole payload again, for the device key of the row."""
        keys = (self.channel_key, self.mask_key, self.commitment, self.nonce)
        return Advertisement(device_key, *keys)


@dataclass(frozen=True)
class Roster:
    """M1. rows: (device key, digest). peers: neighbours in order. credentials: one a row,
    empty for a device that this client has verified before.
    """

    signed_terms: bytes
    rows: tuple[tuple[bytes, bytes], ...]
    peers: tuple[Peer, ...]
    credentials: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        rows = b"".join(key + digest for key, digest in self.rows)
        peers = b"".join(peer.to_bytes() for peer in self.peers)
        return encode([self.signed_terms, rows, peers, self.credentials])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        limit = SIGNED_LIMIT + _ALL * (ROW_BYTES + PEER_BYTES + CREDENTIAL_LIMIT + 8)
        fields = Fields.of(data, "M1 roster", 4, limit_bytes=limit)
        signed = fields.blob(SIGNED_LIMIT)
        rows = _cut(fields.blob(ROW_BYTES * _ALL), ROW_BYTES, "M1 rows")
        peers = _cut(fields.blob(PEER_BYTES * _ALL), PEER_BYTES, "M1 neighbours")
        credentials = fields.blobs(_ALL, CREDENTIAL_LIMIT)
        if len(credentials) != len(rows):
            raise Malformed("M1 roster: one credential, or an empty one, for each row")
        found = tuple((row[:HASH_BYTES], row[HASH_BYTES:]) for row in rows)
        return cls(signed, found, tuple(Peer(*_parts(peer)) for peer in peers), credentials)


def _parts(peer: bytes) -> tuple[bytes, ...]:
    keys = tuple(peer[at : at + HASH_BYTES] for at in range(0, 4 * HASH_BYTES, HASH_BYTES))
    return (*keys, peer[4 * HASH_BYTES :])


@dataclass(frozen=True)
class Shares:
    """M2 payload: for each neighbour in order a seal, a tag of the seed share, of the key
    share, and of the edge seed.
    """

    sealed: tuple[bytes, ...]
    seed_tags: tuple[bytes, ...]
    key_tags: tuple[bytes, ...]
    edge_tags: tuple[bytes, ...]

    def payload(self) -> bytes:
        lists = (self.sealed, self.seed_tags, self.key_tags, self.edge_tags)
        return encode([b"".join(parts) for parts in lists])

    @classmethod
    def parse(cls, payload: bytes, neighbours: int) -> Self:
        limit = (SEALED_BYTES + 3 * TAG_BYTES) * neighbours
        fields = Fields.of(payload, "M2 shares", 4, limit_bytes=limit + 32)
        return cls(
            _exactly(fields, neighbours, SEALED_BYTES),
            *(_exactly(fields, neighbours, TAG_BYTES) for _ in range(3)),
        )

    def place(self, position: int) -> bytes:
        """What the neighbour at ``position`` is shown of this: its seal and its share tags."""
        return self.sealed[position] + self.seed_tags[position] + self.key_tags[position]


@dataclass(frozen=True)
class Inbox:
    """M3: the server's signature over U2, and a place for each neighbour in U2.

    A place holds seal, seed tag and key tag; one of another length is complained about.
    """

    signed_mask_set: bytes
    places: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        return encode([self.signed_mask_set, self.places])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        limit = SIGNED_LIMIT + _ALL * (PLACE_BYTES + 8)
        fields = Fields.of(data, "M3 inbox", 2, limit_bytes=limit)
        # Of any length: one that is wrong is complained about and is no reason to leave.
        return cls(fields.blob(SIGNED_LIMIT), fields.blobs(_ALL, limit))


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
        hashes = (fields.octets(HASH_BYTES), fields.octets(HASH_BYTES))
        return cls(*hashes, fields.blob(_ALL // 8))


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
    """M5: the server's signature over (U3, root of headers), and the signed header of each
    neighbour in U3.
    """

    signed_survivors: bytes
    headers: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        return encode([self.signed_survivors, self.headers])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        limit = SIGNED_LIMIT + _ALL * (HEADER_LIMIT + 8)
        fields = Fields.of(data, "M5 survivors", 2, limit_bytes=limit)
        return cls(fields.blob(SIGNED_LIMIT), fields.blobs(_ALL, HEADER_LIMIT))


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
        return encode([indices_bytes(self.endorsers), b"".join(self.signatures)])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        limit = _ALL * (INDEX_BYTES + SIGNATURE_BYTES)
        fields = Fields.of(data, "M7 quorum", 2, limit_bytes=limit + 32)
        indices = _cut(fields.blob(INDEX_BYTES * _ALL), INDEX_BYTES, "M7 indices")
        signatures = _cut(fields.blob(SIGNATURE_BYTES * _ALL), SIGNATURE_BYTES, "M7 signatures")
        if len(indices) != len(signatures):
            raise Malformed("M7 quorum: one index and one signature an endorser")
        return cls(tuple(int.from_bytes(index, "little") for index in indices), signatures)


@dataclass(frozen=True)
class Unmasking:
    """M8 payload, neighbours in order: seed shares of survivors, edge seeds and key shares of
    the others. Never a seed share and a key share of one neighbour.
    """

    seed_shares: tuple[bytes, ...] = field(repr=False)
    edge_seeds: tuple[bytes, ...] = field(repr=False)
    key_shares: tuple[bytes, ...] = field(repr=False)

    def payload(self) -> bytes:
        lists = (self.seed_shares, self.edge_seeds, self.key_shares)
        return encode([b"".join(parts) for parts in lists])

    @classmethod
    def parse(cls, payload: bytes, seeds: int, edges: int, keys: int) -> Self:
        limit = shamir.SHARE_BYTES * (seeds + keys) + HASH_BYTES * edges
        fields = Fields.of(payload, "M8 unmasking", 3, limit_bytes=limit + 32)
        return cls(
            _exactly(fields, seeds, shamir.SHARE_BYTES),
            _exactly(fields, edges, HASH_BYTES),
            _exactly(fields, keys, shamir.SHARE_BYTES),
        )


def header_root(headers: Mapping[int, bytes], device_keys: Sequence[bytes]) -> bytes:
    """Merkle root over M4 header payloads, in order of index, each bound to its device."""
    return merkle.root([merkle.leaf(device_keys[i] + headers[i]) for i in sorted(headers)])


def indices_bytes(indices: Sequence[int]) -> bytes:
    """Roster indices as an array, 2 bytes little-endian each."""
    return b"".join(index.to_bytes(INDEX_BYTES, "little") for index in indices)


def statement(parts: Sequence[bytes]) -> bytes:
    """Payload of a server's statement: byte strings in an array."""
    return encode(list(parts))


def parse_statement(payload: bytes, name: str, lengths: Sequence[int]) -> tuple[bytes, ...]:
    """Inverse of ``statement``; every part has the length given for it."""
    fields = Fields.of(payload, name, len(lengths), limit_bytes=SIGNED_LIMIT)
    return tuple(fields.octets(length) for length in lengths)


def _cut(joined: bytes, size: int, name: str) -> tuple[bytes, ...]:
    if len(joined) % size:
        raise Malformed(f"{name}: not a whole number of entries of {size} bytes")
    return tuple(joined[at : at + size] for at in range(0, len(joined), size))


def _exactly(fields: Fields, count: int, size: int) -> tuple[bytes, ...]:
    joined = fields.octets(size * count)
    return tuple(joined[at : at + size] for at in range(0, len(joined), size))
