"""What all parties of one secure sum agree on before anyone speaks.

Every limit comes from the signed plan; a coordinator's message can only name values that
a client checks against these. Who masks with whom follows from the roster (``graph``); how
many shares open a secret is checked against the plan's counts (``connectivity``).

Source: docs/protocol.md section 2; the SecAgg family (Bonawitz et al. 2017, Bell et al. 2020)
with an endorsed mask set and survivor set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from holter.crypto import labels
from holter.secagg.connectivity import ETA, SIGMA, fewest_survivors
from holter.secagg.errors import Caller
from holter.secagg.graph import COMPLETE_LIMIT
from holter.wire.cbor import encode

VERSION = 1
SUITE = 1  # X25519, Ed25519, AES-256-GCM, AES-256-CTR, SHA-256, GF(2^31 - 1)
SESSION_LIMIT = 2048  # clients: larger cohorts run as groups, each with noise of its own
SESSION_ID_BYTES = 16
TASK_ID_LIMIT = 256  # bytes
HASH_BYTES = 32


@dataclass(frozen=True)
class Bounds:
    """The plan's counts. Guarantees: the least survivor set is a quorum of every roster.

    smallest_roster..largest_roster: clients that may stand on a roster. survivors_floor:
    the least survivor set that is unmasked. colluders: corrupt clients that are borne.
    words: 64-bit words of a contribution. sigma, eta: a roster's graph leaks or fails with
    probability at most 2^-sigma, 2^-eta.
    """

    smallest_roster: int
    largest_roster: int
    survivors_floor: int
    colluders: int
    words: int
    sigma: int = SIGMA
    eta: int = ETA

    def __post_init__(self) -> None:
        if not 2 <= self.survivors_floor <= self.smallest_roster <= self.largest_roster:
            raise Caller("2 <= survivors_floor <= smallest_roster <= largest_roster must hold")
        if self.largest_roster > SESSION_LIMIT:
            raise Caller(f"a session ends at {SESSION_LIMIT} clients; larger cohorts are groups")
        if self.colluders < 0 or self.words < 1:
            raise Caller("colluders >= 0 and words >= 1 must hold")
        if not (1 <= self.sigma <= 128 and 1 <= self.eta <= 64):
            raise Caller("sigma lies between 1 and 128, eta between 1 and 64")
        # One more is needed on the complete graph, which a smaller roster may have.
        sizes = {
            self.largest_roster,
            min(self.largest_roster, max(self.smallest_roster, COMPLETE_LIMIT)),
        }
        needed = max(fewest_survivors(size, self.colluders) for size in sizes)
        if self.survivors_floor < needed:
            raise Caller(
                f"a roster of {self.largest_roster} with {self.colluders} colluders needs a "
                f"survivors_floor of at least {needed}, not {self.survivors_floor}"
            )

    @property
    def tolerated_complaints(self) -> int:
        """So many clients may complain about one dealer, and still be the ones who lie.

        One more than none, where no colluder is planned for: a lone complaint may be a fault.
        """
        return max(self.colluders, 1)

    def lost(self, roster: int) -> int:
        """e: how many of ``roster`` clients may drop out, so that the floor still stands."""
        return max(roster - self.survivors_floor, 0)


@dataclass(frozen=True)
class Session:
    """One attempt at one sum: who serves it, over which model and plan, within which bounds.

    group: which of several parallel sessions of one cohort this is; 0 where there is one.
    """

    task_id: bytes
    session_id: bytes
    model_hash: bytes
    plan_hash: bytes
    server_public: bytes
    bounds: Bounds
    group: int = 0

    def __post_init__(self) -> None:
        hashes = (self.model_hash, self.plan_hash, self.server_public)
        if {len(one) for one in hashes} != {HASH_BYTES} or len(self.session_id) != SESSION_ID_BYTES:
            raise Caller("a session has an id of 16 bytes, and hashes and a key of 32")
        if not 0 < len(self.task_id) <= TASK_ID_LIMIT or not 0 <= self.group < 1 << 32:
            raise Caller(
                f"a task id has 1 to {TASK_ID_LIMIT} bytes, a group is a number of 32 bits"
            )

    @cached_property
    def fields(self) -> tuple[int | bytes, ...]:
        """Version, suite and all that names this session, in order."""
        named = (self.task_id, self.session_id, self.group, self.model_hash, self.plan_hash)
        return (VERSION, SUITE, *named)

    @cached_property
    def context(self) -> bytes:
        """ctx: hash of everything agreed; it enters every key, signature and commitment."""
        return hashlib.sha256(encode([labels.CONTEXT, *self.fields])).digest()

    def bound_to_roster(self, size: int, cycles: int, threshold: int, root: bytes) -> bytes:
        """sid: the session once its roster and graph are fixed; salt of every key that follows.

        Clients that were told of different graphs have different sids and share nothing.
        """
        numbers = size.to_bytes(4, "big") + cycles.to_bytes(2, "big") + threshold.to_bytes(2, "big")
        return hashlib.sha256(labels.SESSION + self.context + numbers + root).digest()

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
