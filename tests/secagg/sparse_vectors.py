"""What vectors/secagg_sparse.json holds: a session of 257 clients on the sparse graph.

Client 0 whole, every message that it said and heard; of all others what they drew (by rule) and a
hash of what they said. Two of its neighbours are lost: one after M2, one after M3. So an
implementation can be client 0, and one that is every client can compare hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import pytest

from holter.algebra.ring import to_bytes
from holter.crypto import shamir
from holter.crypto.signature import SigningKey, signature_of
from holter.secagg import server
from tests.secagg.cast import MINUTE, Play, tape
from tests.secagg.losses import remembered
from tests.secagg.session_vectors import DOWN, FOLDER, UP, session_of
from tests.secagg.sparse import FIRST, shared, sparse_cast

PATH = FOLDER / "secagg_sparse.json"
ME = 0
SALT = "sparse vectors"


def make() -> dict[str, Any]:
    """All that the file holds; byte strings as hexadecimal."""
    with pytest.MonkeyPatch.context() as patch:
        remembered(patch)
        return _make()


def _make() -> dict[str, Any]:
    play = shared(sparse_cast(), SALT)
    sharing = play.server
    around = sharing.neighbours
    down = {"M1": play.outbox[ME]}
    lost, left = around[ME][0], around[ME][-1]  # after M2, after M3
    everyone = set(range(FIRST))
    deliver(play, sorted(everyone))
    for heard, silent in (("M3", {lost, left}), ("M5", set()), ("M7", set())):
        down[heard] = play.close()[ME]
        speakers = sorted(set(play.outbox) - silent)
        for i in speakers:
            play.answer(i)
        deliver(play, speakers)
    summed = play.finish()
    down["M9"], down["transcript"] = summed.result, summed.transcript
    cast = play.cast
    return {
        "about": "holter secure aggregation, version 1, suite 1: client 0 of 257 on a sparse "
        "graph. Of every other client: the hash of its messages one after the other. Devices "
        "and what they draw: tests/secagg/sparse_vectors.py.",
        "session": session_of(cast),
        "root": summed.roster.root.hex(),
        "sid": summed.roster.sid.hex(),
        "cycles": sharing.terms.cycles,
        "threshold": summed.threshold,
        "quorum": sharing.quorum,
        "neighbours_of_0": list(around[ME]),
        "neighbours_of_256": list(around[-1]),
        "hash_of_all_neighbours": digest(
            b"".join(j.to_bytes(2, "big") for j in row) for row in around
        ),
        "lost": {"after M2": lost, "after M3": left},
        "survivors": len(summed.survivors),
        "client": {
            "device_seed": device_seed(cast.keys[ME].public).hex(),
            "credential": cast.credentials[ME].hex(),
            "advertise_random": tape((SALT, "advertise", ME), 128).hex(),
            "share_random": tape(
                (SALT, "share", ME), shamir.random_bytes_needed(2, summed.threshold)
            ).hex(),
            "vector": to_bytes(play.vectors[ME]).hex(),
            "up": {kind: step.message.hex() for kind, step in zip(UP, play.said[ME])},
            "down": {kind: down[kind].hex() for kind in (*DOWN, "M9", "transcript")},
        },
        "hashes": [digest(step.message for step in play.said[i]) for i in range(FIRST)],
        "advertisement_signatures_hash": digest(signature_of(row.signed) for row in sharing.rows),
        "minute": MINUTE,
        "sum": to_bytes(summed.words).hex(),
    }


def deliver(play: Play, who: Iterable[int]) -> None:
    for i in who:
        play.server = server.receive(play.server, i, play.said[i][-1].message)


def device_seed(public: bytes) -> bytes:
    """The private key of a device of the cast."""
    seeds = (tape(("device", i)) for i in range(FIRST))
    return next(seed for seed in seeds if SigningKey(seed).public == public)


def digest(parts: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()
