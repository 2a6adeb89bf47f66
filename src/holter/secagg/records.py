"""Write-ahead records: what a device must have written before a message leaves it.

A record holds the kind, what the message is bound to, and the message itself, and no secret.
They follow one another in one order, so a device that died knows exactly how far it went:
it repeats the last message byte for byte, or abandons the session.

Source: docs/protocol.md section 5.
"""

from __future__ import annotations

from collections.abc import Sequence

from holter.secagg.errors import Caller
from holter.secagg.session import HASH_BYTES
from holter.wire.cbor import Malformed, encode
from holter.wire.fields import Fields

KINDS = ("M0", "M2", "M4", "M6", "M8")  # one for each message that leaves, in this order
_LIMIT = 1 << 28  # bytes: a record holds the message, the longest is M4


def record(kind: str, bound_to: bytes, message: bytes) -> bytes:
    """The bytes to append durably."""
    return encode([kind, bound_to, message])


def last(recorded: Sequence[bytes]) -> tuple[str, bytes]:
    """(kind, message) of the last record of one session.

    Raises Caller where there is none, one is torn, or they are not the first ones of KINDS in
    order: a later message without an earlier one means that records were lost.
    """
    if not recorded:
        raise Caller("no record of this session; it was never joined")
    found = []
    for data in recorded:
        try:
            fields = Fields.of(data, "record", 3, limit_bytes=_LIMIT)
            found.append((fields.text(2), fields.octets(HASH_BYTES), fields.blob(_LIMIT)))
        except Malformed:
            raise Caller("a record is torn; this session is abandoned") from None
    kinds = tuple(kind for kind, _, _ in found)
    if kinds != KINDS[: len(kinds)]:
        raise Caller(f"records of {', '.join(kinds)} do not follow each other; it is abandoned")
    if len(found) == len(KINDS) and found[KINDS.index("M4")][1] != found[-1][1]:
        raise Caller("records of two sessions are mixed; it is abandoned")
    return found[-1][0], found[-1][2]
