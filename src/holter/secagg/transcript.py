"""The transcript: what the server signs about a session that ended, for anyone to keep.

It names no device and holds no contribution: counts, hashes, who endorsed and who was
blamed by roster index. Its hash is in M9, so every survivor holds a promise of it.

Source: docs/protocol.md section 3, M9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from holter.secagg.messages import INDEX_BYTES, Endorsement, indices_bytes
from holter.secagg.session import (
    HASH_BYTES,
    SESSION_ID_BYTES,
    SESSION_LIMIT,
    TASK_ID_LIMIT,
)
from holter.wire.cbor import Malformed, Value, encode
from holter.wire.fields import Fields

_LIMIT = 4 * SESSION_LIMIT * INDEX_BYTES + 8192  # bytes
ACCOUNTING_LIMIT = 4096  # bytes
_COUNTS = 5  # on the roster, in U2, in U3, endorsers, released


@dataclass(frozen=True)
class Transcript:
    """session: version, suite, task, session, group, model and plan. counts: on the roster, in
    U2, in U3, endorsements counted, clients that released. accounting: bytes of the round above
    that say how much noise is in the sum. minute: since 1970, when it ended.
    """

    session: tuple[int | bytes, ...]
    root: bytes
    size: int
    cycles: int
    threshold: int
    endorsement: Endorsement
    counts: tuple[int, ...]
    endorsers: tuple[int, ...]
    sum_hash: bytes
    accounting: bytes
    blamed: tuple[int, ...]
    minute: int

    def payload(self) -> bytes:
        """The signed bytes."""
        sets = self.endorsement
        values: list[Value] = [
            *self.session,
            self.root,
            self.size,
            self.cycles,
            self.threshold,
            sets.mask_set_hash,
            sets.survivor_set_hash,
            sets.header_root,
            list(self.counts),
            indices_bytes(self.endorsers),
            self.sum_hash,
            self.accounting,
            indices_bytes(self.blamed),
            self.minute,
        ]
        return encode(values)

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Inverse of ``payload``. Raises Malformed."""
        fields = Fields.of(payload, "transcript", 20, limit_bytes=_LIMIT)
        below = SESSION_LIMIT + 1
        session = (fields.uint(1 << 16), fields.uint(1 << 16))
        named = (
            fields.blob(TASK_ID_LIMIT),
            fields.octets(SESSION_ID_BYTES),
            fields.uint(1 << 32),
        )
        hashes = (fields.octets(HASH_BYTES), fields.octets(HASH_BYTES))
        return cls(
            (*session, *named, *hashes),
            fields.octets(HASH_BYTES),
            fields.uint(below),
            fields.uint(below),
            fields.uint(below),
            Endorsement(*(fields.octets(HASH_BYTES) for _ in range(3))),
            fields.uints(_COUNTS, below),
            _indices(fields.blob(INDEX_BYTES * SESSION_LIMIT)),
            fields.octets(HASH_BYTES),
            fields.blob(ACCOUNTING_LIMIT),
            _indices(fields.blob(INDEX_BYTES * SESSION_LIMIT)),
            fields.uint(1 << 40),
        )


def _indices(joined: bytes) -> tuple[int, ...]:
    if len(joined) % INDEX_BYTES:
        raise Malformed("transcript: half an index")
    places = range(0, len(joined), INDEX_BYTES)
    return tuple(int.from_bytes(joined[at : at + INDEX_BYTES], "little") for at in places)
