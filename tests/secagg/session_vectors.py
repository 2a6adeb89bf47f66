"""Writes vectors/secagg_session.json: one session of five clients from fixed randomness.

    python -m tests.secagg.session_vectors

The fifth client drops out after its shares, so all kinds of secrets are opened. The file is
for other implementations, and so that no byte of any message changes unnoticed;
``test_vectors`` compares it and recomputes it by other means.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from holter.algebra.ring import to_bytes
from holter.crypto import prg, shamir
from holter.secagg import client, masking, server
from tests.secagg import forgery
from tests.secagg.cast import Play, cast_of, tape

PATH = Path(__file__).parents[2] / "vectors" / "secagg_session.json"
CLIENTS, LOST = 5, 4
_MESSAGES = ("M0", "M2", "M4", "M6", "M8")
_DOWN = ("M1", "M3", "M5", "M7")


def make() -> dict[str, Any]:
    """All that the file holds; byte strings as hexadecimal."""
    cast = cast_of(CLIENTS)
    session, bounds = cast.session, cast.session.bounds
    play = Play.of(cast, "vectors").join()
    down: list[dict[int, bytes]] = []
    for phase in range(4):
        down.append(play.close())
        for i in sorted(play.outbox):
            if i != LOST or phase == 0:
                play.answer(i)
                play.deliver(i)
    summed, result = server.close_unmasking(play.server)
    roster = forgery.sharing(play).roster
    shares = {
        str(i): tape(("vectors", "share", i), shamir.random_bytes_needed(2, 3)).hex()
        for i in range(CLIENTS)
    }
    return {
        "about": "holter secure aggregation, version 1, suite 1; see tests/secagg",
        "session": {
            "task_id": session.task_id.hex(),
            "session_id": session.session_id.hex(),
            "model_hash": session.model_hash.hex(),
            "plan_hash": session.plan_hash.hex(),
            "bounds": vars(bounds) | {"threshold": 3},
            "context": session.context.hex(),
            "root": roster.root.hex(),
            "sid": roster.sid.hex(),
        },
        "keys": {
            "coordinator_seed": tape("coordinator").hex(),
            "registrar_seed": tape("registrar").hex(),
            "device_public": [key.public.hex() for key in cast.keys],
        },
        "clients": [
            {
                "advertise_random": tape(
                    ("vectors", "advertise", i), client.ADVERTISE_RANDOM_BYTES
                ).hex(),
                "share_random": shares[str(i)],
                "vector": to_bytes(play.vectors[i]).hex(),
                "messages": {
                    kind: _bytes(step.message) for kind, step in zip(_MESSAGES, play.said[i])
                },
            }
            for i in range(CLIENTS)
        ],
        "coordinator": [
            {kind: _bytes(outbox[i]) for kind, outbox in zip(_DOWN, down) if i in outbox}
            for i in range(CLIENTS)
        ]
        + [{"M9": _bytes(result)}],
        "survivors": sorted(summed.survivors),
        "sum": to_bytes(summed.words).hex(),
        "pieces": pieces(roster.sid),
    }


def pieces(sid: bytes) -> dict[str, Any]:
    """Single steps: a stream, a mask, a pair seed, shares."""
    seed, low, high = tape("a seed"), tape("low key"), tape("high key")
    keys = [masking.AgreementKey(private) for private in (low, high)]
    random = tape("coefficients", shamir.random_bytes_needed(1, 3))
    dealt = shamir.split([seed], [0, 1, 5, 255], 3, random=random)
    zero = cast_of(CLIENTS).vectors()[0] * 0
    return {
        "seed": seed.hex(),
        "stream_of_seed": prg.stream(seed, 40).hex(),
        "self_mask": to_bytes(masking.masked(zero, 0, seed, {})).hex(),
        "pair_mask_added": to_bytes(masking.masked(zero, 0, seed, {1: seed})).hex(),
        "pair_private_keys": [low.hex(), high.hex()],
        "pair_seed_of_1_and_2": masking.pair_seed(keys[0], 1, 2, keys[1].public, sid).hex(),
        "channel_key_1_to_2": masking.channel_secret(
            keys[0], 1, 2, keys[0].public, keys[1].public, sid
        ).hex(),
        "share_random": random.hex(),
        "share_threshold": 3,
        "shares": {str(h): share.hex() for h, share in zip((0, 1, 5, 255), dealt[0])},
    }


def _bytes(message: bytes) -> dict[str, Any]:
    """Short messages whole; of long ones length and hash."""
    digest = hashlib.sha256(message).hexdigest()
    whole = {"hex": message.hex()} if len(message) <= 800 else {}
    return {"bytes": len(message), "sha256": digest, **whole}


def text() -> str:
    """The file's contents."""
    return json.dumps(make(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    PATH.write_text(text())
    print(PATH)
