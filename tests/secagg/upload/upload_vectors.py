"""Writes vectors/upload_window.json: a window with one helper and one with four, good and bad.

    python -m tests.secagg.upload.upload_vectors

Seals cannot be made from fixed randomness; they are kept as they were made once, under the hash
of key, info and content. Everything else is made anew and compared by ``test_upload_vectors``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holter.algebra.ring import to_bytes
from holter.crypto import hpke
from holter.crypto.hpke import Suite
from holter.secagg import records
from holter.secagg.upload import client, leader
from tests.secagg.cast import MINUTE, tape
from tests.secagg.upload import bad_uploads
from tests.secagg.upload.bad_uploads import Bad
from tests.secagg.upload.window_cast import (
    CLOSES,
    EXPIRES,
    WindowCast,
    WindowPlay,
    judged,
    private_of,
    window_cast,
)
from tests.secagg.upload.window_forgery import spoilt_for

PATH = Path(__file__).parents[3] / "vectors" / "upload_window.json"
DEVICES, SPOILT = 5, 4  # nobody can open the seals of the last device
LARGEST = 3
Seals = dict[str, str]


def make(seals: Seals, *, anew: bool) -> dict[str, Any]:
    """All that the file holds; byte strings as hexadecimal. anew: seals that lack are made."""
    used: Seals = {}
    real = hpke.seal

    def seal(suite: Suite, public: bytes, plaintext: bytes, *, info: bytes) -> bytes:
        name = hashlib.sha256(public + info + plaintext).hexdigest()
        if name not in seals and not anew:
            raise LookupError("a seal is not on file")
        made = real(suite, public, plaintext, info=info)  # refuses what it must, every time
        used[name] = seals.get(name) or used.get(name) or made.hex()
        return bytes.fromhex(used[name])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hpke, "seal", seal)
        windows = [window(helpers) for helpers in (1, 4)]
    return {
        "about": "holter, one upload and gone: docs/protocol.md section 6; see tests/secagg/upload",
        "minute": MINUTE,
        "windows": windows,
        "seals": used,
    }


def window(helpers: int) -> dict[str, Any]:
    cast = window_cast(DEVICES, helpers, largest=DEVICES)
    play = WindowPlay.of(cast).gather(range(SPOILT))
    play.reports[SPOILT] = spoilt_for(play, SPOILT, *range(helpers))
    play.take(play.reports[SPOILT])
    play.leader, proposal = leader.propose(play.leader)
    verdicts = [play.examine(j, proposal) for j in range(helpers)]
    for j, verdict in enumerate(verdicts):
        play.leader = leader.take_verdict(play.leader, j, verdict)
    play.leader, draft = leader.close_proposing(play.leader)
    signers = range(3) if helpers == 4 else ()  # the fourth answers without having signed
    signatures = [play.endorse(j, draft) for j in signers]
    for j, signature in enumerate(signatures):
        play.leader = leader.take_signature(play.leader, j, signature)
    listed = play.leader.listed
    play.leader, request = leader.close_listing(play.leader)
    answers = [play.answer(j, request) for j in range(helpers)]
    for j, answer in enumerate(answers):
        play.hear(j, answer)
    good = {"answer": answers[0]} | ({"signature": signatures[0]} if signatures else {})
    return {
        **named(cast),
        "offers": hexed(play.offers),
        "devices": [device(play, i) for i in range(DEVICES)],
        "proposal": proposal.hex(),
        "verdicts": hexed(verdicts),
        "list": listed.hex(),
        "list_hash": cast.window.list_hash(listed).hex(),
        "draft": draft.hex() if signatures else "",
        "signatures": hexed(signatures),
        "request": request.hex(),
        "answers": hexed(answers),
        "records": [hexed(play.kept[j]) for j in range(helpers)],
        "sum": to_bytes(leader.close_answering(play.leader).words).hex(),
        "small": small(helpers),
        "bad": [vars(bad) | {"message": bad.message.hex()} for bad in bads(play, proposal, good)],
    }


def small(helpers: int) -> dict[str, Any]:
    """What the bad lists assume: a helper that judged all reports, and accepted one list."""
    play = lesser(helpers)
    ask = play.listing if helpers == 4 else play.request
    return {
        "largest_list": LARGEST,
        "judged": play.proposal(list(play.reports.values())).hex(),
        "accepted": ask(play.entries(0, 1, 2)).hex(),
    }


def lesser(helpers: int) -> WindowPlay:
    play = WindowPlay.of(window_cast(DEVICES, helpers, largest=LARGEST))
    for i in range(DEVICES):
        play.report(i)
    play.reports[SPOILT] = spoilt_for(play, SPOILT, *range(helpers))
    return play


def bads(play: WindowPlay, proposal: bytes, good: dict[str, bytes]) -> Iterator[Bad]:
    yield from bad_uploads.reports(play)
    yield from bad_uploads.offers(play)
    yield from bad_uploads.lists(lesser(len(play.helpers)))
    yield from bad_uploads.of_helpers(play, proposal, good)
    if len(play.helpers) == 4:
        apart = [judged(4, 4) for _ in range(2)]
        drafts = [
            stage.listing(stage.entries(*who)) for stage, who in zip(apart, ((0, 1, 2), (1, 2, 3)))
        ]
        signed, other = (
            {j: stage.endorse(j, draft) for j in range(3)} for stage, draft in zip(apart, drafts)
        )
        yield from bad_uploads.quorums(play, signed, other)


def named(cast: WindowCast) -> dict[str, Any]:
    agreed, limits = cast.window, cast.window.limits
    helpers = range(len(agreed.helpers))
    return {
        "window": {
            "task_id": agreed.task_id.hex(),
            "window_id": agreed.window_id.hex(),
            "model_hash": agreed.model_hash.hex(),
            "plan_hash": agreed.plan_hash.hex(),
            "suite": int(agreed.suite),
            "survivors_floor": limits.survivors_floor,
            "largest_list": limits.largest_list,
            "words": limits.words,
            "closes": CLOSES,
            "ctx": agreed.context.hex(),
        },
        "keys": {
            "leader": tape("leader").hex(),
            "registrar": tape("registrar").hex(),
            "helpers": hexed(tape(("helper", j)) for j in helpers),
            "hpke": hexed(private_of(agreed.suite, j) for j in helpers),
        },
    }


def device(play: WindowPlay, i: int) -> dict[str, Any]:
    """Randomness in: report id and seeds. The record holds the report, so it is hashed."""
    cast = play.cast
    record = records.record(client.RECORD, cast.window.context, play.reports[i])
    return {
        "key": tape(("device", i)).hex(),
        "credential": cast.credentials[i].hex(),
        "random": tape(("report", i), client.random_bytes_needed(cast.window)).hex(),
        "vector": to_bytes(cast.vector(i)).hex(),
        "expires": EXPIRES,
        "report": play.reports[i].hex(),
        "record_sha256": hashlib.sha256(record).hexdigest(),
    }


def hexed(values: Any) -> list[str]:
    return [value.hex() for value in values]


def text(seals: Seals, *, anew: bool = False) -> str:
    """The file's contents."""
    return json.dumps(make(seals, anew=anew), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    kept = json.loads(PATH.read_text())["seals"] if PATH.exists() else {}
    PATH.write_text(text(kept, anew=True))
    print(PATH.name)
