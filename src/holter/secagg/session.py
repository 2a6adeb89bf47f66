"""What all parties of one secure sum agree on before anyone speaks.

Every limit comes from the signed plan; a coordinator's message can only name values that
a client checks against these. The graph of this version is complete (everyone masks with
everyone), so cohorts end at 256; sparse graphs come with larger cohorts.

Source: design of the protocol, docs/protocol.md; the SecAgg family (Bonawitz et al. 2017)
with an endorsed mask set and survivor set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from holter.crypto import labels
from holter.secagg.errors import Caller
from holter.wire.cbor import encode

VERSION = 1
SUITE = 1  # X25519, Ed25519, AES-256-GCM, AES-256-CTR, SHA-256, GF(2^31 - 1)
COMPLETE_GRAPH_LIMIT = 256  # clients: beyond, a sparse graph is cheaper and not built yet
SESSION_ID_BYTES = 16
HASH_BYTES = 32


@dataclass(frozen=True)
class Bounds:
    """The plan's counts. Guarantees: a roster within them has a threshold that can be met.

    smallest_roster..largest_roster: clients that may stand on a roster. survivors_floor:
    the least survivor set that is unmasked. colluders: corrupt clients that are borne.
    words: 64-bit words of a contribution.
    """

    smallest_roster: int
    largest_roster: int
    survivors_floor: int
    colluders: int
    words: int

    def __post_init__(self) -> None:
        if not 2 <= self.survivors_floor <= self.smallest_roster <= self.largest_roster:
            raise Caller("2 <= survivors_floor <= smallest_roster <= largest_roster must hold")
        if self.largest_roster > COMPLETE_GRAPH_LIMIT:
            raise Caller(f"cohorts above {COMPLETE_GRAPH_LIMIT} need a sparse graph")
        if self.colluders < 0 or self.words < 1:
            raise Caller("colluders >= 0 and words >= 1 must hold")
        needed = threshold(self.largest_roster, self.colluders) + 1
        if self.survivors_floor < needed:
            raise Caller(
                f"a roster of {self.largest_roster} with {self.colluders} colluders needs a "
                f"survivors_floor of at least {needed}, not {self.survivors_floor}"
            )


def threshold(roster: int, colluders: int) -> int:
    """Shares that open a secret, and endorsements that make a quorum: floor((n + c)/2) + 1.

    Two sets of that size share more than ``colluders`` clients, so at least one honest
    client is in both and would have refused the second.
    """
    return (roster + colluders) // 2 + 1


@dataclass(frozen=True)
class Session:
    """One attempt at one sum: who serves it, over which model and plan, within which bounds."""

    task_id: bytes
    session_id: bytes
    model_hash: bytes
    plan_hash: bytes
    server_public: bytes
    bounds: Bounds

    @cached_property
    def context(self) -> bytes:
        """ctx: hash of everything agreed; it enters every key, signature and commitment."""
        fields: list[int | bytes] = [
            VERSION,
            SUITE,
            self.task_id,
            self.session_id,
            self.model_hash,
            self.plan_hash,
        ]
        return hashlib.sha256(encode([labels.CONTEXT, *fields])).digest()

    def bound_to_roster(self, size: int, root: bytes) -> bytes:
        """sid: the session once its roster is fixed; salt of every key that follows."""
        joined = labels.SESSION + self.context + size.to_bytes(4, "big") + root
        return hashlib.sha256(joined).digest()

    def commitment(self, device_key: bytes, seed: bytes) -> bytes:
        """A client's binding promise of its self-mask seed, opened by the server at the end."""
        return hashlib.sha256(labels.COMMIT + self.context + device_key + seed).digest()


def set_bytes(members: Collection[int], size: int) -> bytes:
    """A set of roster indices as a bitmap: bit i of byte i // 8, lowest bit first."""
    bitmap = bytearray(-(-size // 8))
    for index in members:
        bitmap[index // 8] |= 1 << (index % 8)
    return bytes(bitmap)


def set_of(bitmap: bytes, size: int) -> frozenset[int]:
    """Inverse of ``set_bytes``. Raises ValueError for a wrong length or a bit beyond ``size``."""
    if len(bitmap) != -(-size // 8):
        raise ValueError("a bitmap of the wrong length")
    members = frozenset(i for i in range(8 * len(bitmap)) if bitmap[i // 8] >> (i % 8) & 1)
    if members and max(members) >= size:
        raise ValueError("a bitmap names someone who is not on the roster")
    return members


def set_hash(sid: bytes, members: Collection[int], size: int) -> bytes:
    """H(U): 32 bytes that stand for a set within a session."""
    return hashlib.sha256(labels.SET + sid + set_bytes(members, size)).digest()
