"""Writes vectors/secagg_session.json: one session of nine clients from fixed randomness.

    python -m tests.secagg.session_vectors        writes all four files of vectors/secagg_*.json

Client 8 advertises and shares nothing, client 7 is lost after its M2, client 6 after its M3, and
client 1 finds the seal of client 7 missing: so every kind of secret is opened, and a complaint is
borne. With fewer clients the plan's bounds would not bear that. The file is for other
implementations, and so that no byte of any message changes unnoticed.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holter.algebra.ring import to_bytes
from holter.crypto import shamir
from holter.crypto.signature import SigningKey
from holter.secagg import client, server
from holter.secagg.messages import Inbox
from holter.wire.cbor import decode
from tests.secagg.cast import MINUTE, TODAY, Cast, Play, cast_of, tape

FOLDER = Path(__file__).parents[2] / "vectors"
PATH = FOLDER / "secagg_session.json"
CLIENTS, SILENT, LOST, LEFT = 9, 8, 7, 6
CENSORED = 1  # finds an empty place where the seal of LOST should be
SALT = "vectors"
UP = ("M0", "M2", "M4", "M6", "M8")
DOWN = ("M1", "M3", "M5", "M7")
ACCOUNTING = b"accounting of the round above"
SPEAKERS = {"M0": 9, "M2": 8, "M4": 6, "M6": 6, "M8": 6}  # clients 0 .. speak


@dataclass
class Staged:
    """A play and everything on the way. ``due``: the server before the first of these messages
    arrived; ``full``: after the last. ``states``: the clients before they heard this message.
    """

    play: Play
    due: dict[str, Any] = field(default_factory=dict)
    full: dict[str, Any] = field(default_factory=dict)
    states: dict[str, dict[int, Any]] = field(default_factory=dict)
    down: dict[str, dict[int, bytes]] = field(default_factory=dict)

    @property
    def cast(self) -> Cast:
        return self.play.cast

    @property
    def sid(self) -> bytes:
        return self.play.sid

    @property
    def summed(self) -> server.Summed:
        assert self.play.summed is not None
        return self.play.summed

    def said(self, kind: str, i: int) -> bytes:
        """What client i sent."""
        return self.play.said[i][UP.index(kind)].message


@functools.cache
def staged() -> Staged:
    """The session of the file; nobody may change it."""
    cast = cast_of(CLIENTS)
    made = Staged(Play.of(cast, SALT))
    play = made.play
    made.due["M0"] = play.server
    play.join()
    made.full["M0"] = play.server
    for heard, said in zip(DOWN, UP[1:], strict=True):
        outbox = dict(play.close())
        if heard == "M3":
            outbox[CENSORED] = censored(made, outbox[CENSORED])
        made.down[heard], made.states[heard] = outbox, dict(play.clients)
        made.due[said] = play.server
        for i in range(SPEAKERS[said]):
            play.answer(i, outbox[i])
            play.deliver(i)
        made.full[said] = play.server
    released = {i: s for i, s in play.clients.items() if isinstance(s, client.Released)}
    play.summed = server.close_unmasking(play.server, minute=MINUTE, accounting=ACCOUNTING)
    made.down["M9"] = dict.fromkeys(released, play.summed.result)
    made.states["M9"] = released
    receipts = {i: client.accept_result(s, play.summed.result) for i, s in released.items()}
    made.down["transcript"] = dict.fromkeys(receipts, play.summed.transcript)
    made.states["transcript"] = receipts
    return made


def censored(made: Staged, inbox: bytes) -> bytes:
    """M3 with nothing in the place of LOST."""
    around = made.play.server.before.neighbours[CENSORED]
    known = Inbox.parse(inbox)
    places = list(known.places)
    places[[i for i in around if i in made.play.server.mask_set].index(LOST)] = b""
    return Inbox(known.signed_mask_set, tuple(places)).to_bytes()


def session_of(cast: Cast) -> dict[str, Any]:
    """What is agreed before anyone speaks."""
    session = cast.session
    return {
        "task_id": session.task_id.hex(),
        "session_id": session.session_id.hex(),
        "group": session.group,
        "model_hash": session.model_hash.hex(),
        "plan_hash": session.plan_hash.hex(),
        "server_public": session.server_public.hex(),
        "bounds": dict(vars(session.bounds)),
        "context": session.context.hex(),
        "registrar_public": cast.registrar.public.hex(),
        "day": TODAY,
    }


def device_seeds(clients: int) -> list[bytes]:
    """Private keys of the devices, by roster index (``cast_of`` sorts by public key)."""
    seeds = [tape(("device", i)) for i in range(clients)]
    return sorted(seeds, key=lambda seed: SigningKey(seed).public)


def make() -> dict[str, Any]:
    """All that the file holds; byte strings as hexadecimal."""
    made = staged()
    play, summed = made.play, made.summed
    threshold = summed.threshold
    return {
        "about": "holter secure aggregation, version 1, suite 1: a session on the complete graph. "
        "Clients by roster index; what is missing was never said or never heard.",
        "session": session_of(made.cast),
        "keys": {
            "coordinator_seed": tape("coordinator").hex(),
            "registrar_seed": tape("registrar").hex(),
        },
        "root": summed.roster.root.hex(),
        "sid": summed.roster.sid.hex(),
        "cycles": 0,
        "threshold": threshold,
        "clients": [
            {
                "device_seed": seed.hex(),
                "credential": made.cast.credentials[i].hex(),
                "advertise_random": drawn(i).hex(),
                "share_random": dealt(i, threshold).hex(),
                "vector": to_bytes(play.vectors[i]).hex(),
                "up": {k: step.message.hex() for k, step in zip(UP, play.said[i])},
                "down": {k: made.down[k][i].hex() for k in DOWN if i in made.down[k]},
                "records_bound": [bound_of(step.record).hex() for step in play.said[i]],
            }
            for i, seed in enumerate(device_seeds(CLIENTS))
        ],
        "mask_set": sorted(summed.mask_set),
        "survivors": sorted(summed.survivors),
        "complaints": {str(CENSORED): [LOST]},
        "minute": MINUTE,
        "accounting": ACCOUNTING.hex(),
        "M9": summed.result.hex(),
        "transcript": summed.transcript.hex(),
        "sum": to_bytes(summed.words).hex(),
    }


def bound_of(record: bytes) -> bytes:
    """What a write-ahead record C[kind, bound, message] is bound to."""
    _, bound, _ = decode(record)  # type: ignore[misc]
    assert isinstance(bound, bytes)
    return bound


def drawn(i: int) -> bytes:
    return tape((SALT, "advertise", i), client.ADVERTISE_RANDOM_BYTES)


def dealt(i: int, threshold: int) -> bytes:
    return tape((SALT, "share", i), shamir.random_bytes_needed(2, threshold))


def text(content: dict[str, Any], lines: str = "") -> str:
    """A file's contents. lines: the entry whose items stand on a line each."""
    items = [json.dumps(item, sort_keys=True) for item in content.get(lines, ())]
    rest = {name: value for name, value in content.items() if name != lines}
    whole = json.dumps(rest, indent=1, sort_keys=True)
    if items:
        whole = whole[:-2] + f',\n "{lines}": [\n  ' + ",\n  ".join(items) + "\n ]\n}"
    return whole + "\n"


if __name__ == "__main__":
    from tests.secagg import bad_vectors, piece_vectors, sparse_vectors

    PATH.write_text(text(make()))
    sparse_vectors.PATH.write_text(text(sparse_vectors.make()))
    piece_vectors.PATH.write_text(text(piece_vectors.make()))
    bad_vectors.PATH.write_text(text(bad_vectors.make(), "cases"))
