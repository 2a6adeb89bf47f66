"""What all parties of one window agree on: who leads, who helps, how much, and how.

One helper holds the one seed of every report. Four helpers share four seeds, each helper all
but one, so any one of them lacks a seed and any three of them know them all.

Source: docs/protocol.md section 6.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from holter.algebra.ring import Words
from holter.crypto import labels
from holter.crypto.hpke import Suite
from holter.secagg.errors import Caller
from holter.secagg.session import HASH_BYTES
from holter.wire.cbor import Value, encode

VERSION = 1
WINDOW_ID_BYTES = 16
REPORT_ID_BYTES = 16
SEED_BYTES = 32
LIST_LIMIT = 1 << 14  # reports in one list
ENTRY_BYTES = REPORT_ID_BYTES + HASH_BYTES  # of a list: a report's id and its claim's digest
REPLICATED = 4  # helpers with replicated seeds: 3 f + 1 with f = 1
QUORUM = 3  # of four helpers: two quorums share two, so at least one honest
WITNESSES = 2  # helpers that must agree on the sum of a seed's masks, of the three that know it


@dataclass(frozen=True)
class Limits:
    """The plan's counts. survivors_floor: fewest reports in a list; largest_list: most, for
    which the lanes are sized; colluders: corrupt ones among all reports of the window; words: of
    a vector.
    """

    survivors_floor: int
    largest_list: int
    colluders: int
    words: int

    def __post_init__(self) -> None:
        if not 2 <= self.survivors_floor <= self.largest_list <= LIST_LIMIT:
            raise Caller(f"2 <= survivors_floor <= largest_list <= {LIST_LIMIT} must hold")
        if not 0 <= self.colluders < self.survivors_floor or self.words < 1:
            raise Caller("0 <= colluders < survivors_floor and words >= 1 must hold")


@dataclass(frozen=True)
class Window:
    """helpers: identity keys, one or four. central_noise: helper and leader each add all of the
    noise, instead of the devices their shares; with one helper only.
    """

    task_id: bytes
    window_id: bytes
    model_hash: bytes
    plan_hash: bytes
    leader_public: bytes
    helpers: tuple[bytes, ...]
    suite: Suite
    limits: Limits
    central_noise: bool = False

    def __post_init__(self) -> None:
        # Keys stand side by side in ctx, so other lengths could mean another window.
        sizes = [len(key) for key in (self.leader_public, *self.helpers)]
        hashes = [len(self.model_hash), len(self.plan_hash)]
        if {*sizes, *hashes} != {HASH_BYTES} or len(self.window_id) != WINDOW_ID_BYTES:
            raise Caller("a window names keys and hashes of 32 bytes and an id of 16")
        if len(self.helpers) not in (1, REPLICATED) or len(set(self.helpers)) != len(self.helpers):
            raise Caller(f"a window has one helper or {REPLICATED} different ones")
        if self.leader_public in self.helpers:
            raise Caller("the leader cannot be its own helper: it would see every contribution")
        if self.central_noise and len(self.helpers) != 1:
            raise Caller(
                "central noise needs exactly one helper: that of four could not be compared"
            )

    @cached_property
    def context(self) -> bytes:
        """ctx: hash of everything agreed; it enters every seal, signature and commitment."""
        named = (self.task_id, self.window_id, self.model_hash, self.plan_hash)
        parties = self.leader_public + b"".join(self.helpers)
        fields: list[Value] = [labels.UPLOAD_CONTEXT, VERSION, int(self.suite), *named, parties]
        return hashlib.sha256(encode(fields)).digest()

    def check_noise(self, noise: Words | None) -> None:
        """Central noise is there exactly where it was agreed, whole. Raises Caller."""
        if (noise is not None) != self.central_noise:
            raise Caller("noise is given exactly where the window's noise is central")
        if noise is not None and (
            noise.shape != (self.limits.words,) or noise.dtype != np.uint64
        ):  # one word spread over all would hide nothing
            raise Caller(f"noise of {self.limits.words} words, uint64, is needed")

    @property
    def seeds(self) -> int:
        """Seeds, and masks, of one report."""
        return len(self.helpers)

    def held_by(self, helper: int) -> tuple[int, ...]:
        """Which seeds a helper is given: the only one, or all but its own."""
        return tuple(g for g in range(self.seeds) if self.seeds == 1 or g != helper)

    def seal_info(self, helper: int, report_id: bytes, device_key: bytes) -> bytes:
        """Binds a seal to helper, window, report and device."""
        header = labels.UPLOAD_SEAL + bytes([int(self.suite), helper])
        return header + self.context + report_id + device_key

    def commitment(self, device_key: bytes, report_id: bytes, number: int, seed: bytes) -> bytes:
        """A device's binding promise of seed ``number``."""
        header = labels.UPLOAD_COMMIT + self.context + device_key + report_id
        return hashlib.sha256(header + bytes([number]) + seed).digest()

    def list_hash(self, listed: bytes) -> bytes:
        """What stands for a list."""
        return hashlib.sha256(labels.UPLOAD_LIST + self.context + listed).digest()


def entry_of(report_id: bytes, claim_payload: bytes) -> bytes:
    """What stands for a report in a list: the digest names the very claim, so that two devices
    under one report id cannot be taken for each other.
    """
    return report_id + hashlib.sha256(claim_payload).digest()


def entries_of(listed: bytes) -> tuple[bytes, ...]:
    """The entries of a list. Raises ValueError unless their report ids strictly ascend."""
    if len(listed) % ENTRY_BYTES:
        raise ValueError("a list that is not a whole number of reports")
    entries = tuple(listed[at : at + ENTRY_BYTES] for at in range(0, len(listed), ENTRY_BYTES))
    ids = [entry[:REPORT_ID_BYTES] for entry in entries]
    if any(one >= other for one, other in pairwise(ids)):
        raise ValueError("a list whose report ids do not ascend")
    return entries
