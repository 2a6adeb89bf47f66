"""What vectors/secagg_bad.json holds: messages that must be refused, and whose fault each is.

Every one is a change of a true message of vectors/secagg_session.json, written as what is kept of
its head and tail and what stands between. The machine refuses each one when the file is made.
"""

from __future__ import annotations

import itertools
from typing import Any

from holter.secagg import client, server
from holter.secagg.errors import CoordinatorFault, PeerFault
from holter.wire.cbor import Malformed, decode
from tests.secagg import bad_down, bad_transcripts, bad_up
from tests.secagg.bad_up import Bad
from tests.secagg.cast import Play
from tests.secagg.session_vectors import FOLDER, UP, Staged, staged

PATH = FOLDER / "secagg_bad.json"

CBOR = (
    "", "1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", "3817", "5801ff", "780161", "9f00ff",
    "5f4101ff", "7f6161ff", "bf0102ff", "f97e00", "fb3ff0000000000000", "c100", "c249010000000000000000",
    "f7", "e0", "f820", "1c", "1f", "ff", "0000", "82", "8201", "4201", "61ff", "62eda0", "a201010102",
    "a202010101", "a1410001", "a1f501", "a1f601", "a18001", "7a00000001", "9bffffffffffffffff",
    "bbffffffffffffffff", "5bffffffffffffffff", "81" * 17 + "00", "a100" * 17 + "00", "d83500",
)  # fmt: skip


def make() -> dict[str, Any]:
    """All that the file holds; byte strings as hexadecimal."""
    return {
        "about": "Messages that must be refused, as changes of those in secagg_session.json: the "
        "first 'head' bytes of the true one, then 'middle', then its last 'tail' bytes. to: who "
        "must refuse. client: who sends it, or who is shown it, when 'kind' is due and all before "
        "went as in the session; nothing of this kind has arrived but, where again is true, the "
        "true one of this client. of: whose message was changed. fault: who answers for it.",
        "cases": [case(bad) for bad in itertools.chain(bad_up.cases(), bad_down.cases())],
        "transcripts": [
            {"name": name, "message": message.hex(), "fault": "coordinator"}
            for name, message in bad_transcripts.transcripts()
        ],
        "cbor": [refused_cbor(text) for text in CBOR],
    }


def refused_cbor(text: str) -> str:
    try:
        decode(bytes.fromhex(text))
    except Malformed:
        return text
    raise AssertionError(f"{text} is read")


def case(bad: Bad) -> dict[str, Any]:
    """One case, once it was refused."""
    made = staged()
    up = bad.kind in UP
    assert refused(made, bad) == ("peer" if up else "coordinator"), f"{bad.kind}: {bad.name}"
    of = bad.client if bad.of is None else bad.of
    true = made.said(bad.kind, of) if up else made.down[bad.kind][of]
    head = shared(true, bad.message)
    tail = min(shared(true[::-1], bad.message[::-1]), len(true) - head, len(bad.message) - head)
    return {
        "kind": bad.kind,
        "name": bad.name,
        "to": "server" if up else "client",
        "client": bad.client,
        "of": of,
        "again": bad.again,
        "head": head,
        "middle": bad.message[head : len(bad.message) - tail].hex(),
        "tail": tail,
        "fault": "peer" if up else "coordinator",
    }


def shared(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    pairs = zip(one, other)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def refused(made: Staged, bad: Bad) -> str:
    """At whose fault the machine refuses; "taken" where it does not."""
    try:
        shown(made, bad)
    except PeerFault:
        return "peer"
    except CoordinatorFault:
        return "coordinator"
    return "taken"


def shown(made: Staged, bad: Bad) -> object:
    """What the machine says to a message, the session being where it is due."""
    if bad.kind not in UP:
        return heard(made, bad.kind, bad.client, bad.message)
    state = made.due[bad.kind]
    if bad.kind == "M0":
        if bad.again:
            state = server.join(state, made.said("M0", bad.client), made.cast.check)
        return server.join(state, bad.message, made.cast.check)
    if bad.again:
        state = server.receive(state, bad.client, made.said(bad.kind, bad.client))
    return server.receive(state, bad.client, bad.message)


def heard(made: Staged, kind: str, i: int, message: bytes) -> object:
    """What client i makes of a message that comes when ``kind`` is due."""
    state: Any = made.states[kind][i]
    if kind == "M9":
        return client.accept_result(state, message)
    if kind == "transcript":
        return client.accept_transcript(state, message)
    play = Play(made.cast, made.play.vectors, clients={i: state}, said={i: []})
    return play.answer(i, message)


def message_of(case: dict[str, Any], true: bytes) -> bytes:
    """The spoilt message again."""
    middle = bytes.fromhex(case["middle"])
    return true[: case["head"]] + middle + true[len(true) - case["tail"] :]
