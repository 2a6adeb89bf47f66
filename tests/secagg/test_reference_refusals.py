"""What the machine refuses the second implementation refuses too: every bad vector on file."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

import pytest

from holter.crypto.signature import payload_of
from holter.secagg import client
from holter.secagg.errors import CoordinatorFault
from holter.secagg.messages import statement
from holter.secagg.transcript import Transcript
from tests.reference import cbor, five
from tests.secagg import bad_down, bad_vectors
from tests.secagg.session_vectors import (
    ACCOUNTING,
    CENSORED,
    CLIENTS,
    SPEAKERS,
    UP,
    Staged,
    dealt,
    drawn,
    staged,
)
from tests.secagg.twins import client_of, integers, server_of

STEPS = {"M2": "shares", "M4": "masked", "M6": "endorse", "M8": "unmask"}


@pytest.fixture(scope="module")
def bad() -> dict[str, Any]:
    return json.loads(bad_vectors.PATH.read_text())


def servers(made: Staged) -> dict[str, five.Server]:
    """The reference's server when each kind is due and none of it has arrived."""
    server = server_of(made.cast)
    found = {"M0": copy.deepcopy(server)}
    for i in range(CLIENTS):
        server.join(made.said("M0", i))
    closers = (server.roster, server.inboxes, server.survivors, server.quorum)
    for (kind, step), close in zip(STEPS.items(), closers, strict=True):
        close()
        found[kind] = copy.deepcopy(server)
        for i in range(SPEAKERS[kind]):
            getattr(server, step)(i, made.said(kind, i))
    return found


def clients(made: Staged, i: int) -> dict[str, five.Client]:
    """The reference's client i when each message to it is due."""
    each = client_of(made.cast, i)
    each.advertise(drawn(i))
    found = {"M1": copy.deepcopy(each)}
    each.share(made.down["M1"][i], dealt(i, made.summed.threshold))
    found["M3"] = copy.deepcopy(each)
    each.mask(made.down["M3"][i], integers(made.play.vectors[i]))
    found["M5"] = copy.deepcopy(each)
    each.endorse(made.down["M5"][i])
    found["M7"] = copy.deepcopy(each)
    each.unmask(made.down["M7"][i])
    found["M9"] = each
    return found


def hear(made: Staged, each: five.Client, kind: str, i: int, message: bytes) -> object:
    if kind == "M1":
        return each.share(message, dealt(i, made.summed.threshold))
    if kind == "M3":
        return each.mask(message, integers(made.play.vectors[i]))
    if kind == "M5":
        return each.endorse(message)
    if kind == "M7":
        return each.unmask(message)
    if kind == "M9":
        return each.result(message)
    return each.result(made.down["M9"][i], message)


def send(server: five.Server, kind: str, i: int, message: bytes) -> None:
    if kind == "M0":
        server.join(message)
    else:
        getattr(server, STEPS[kind])(i, message)


def taken(case: dict[str, Any], at: five.Server | five.Client) -> bool:
    """Whether the reference takes what must be refused."""
    made, kind, i = staged(), case["kind"], case["client"]
    true = made.said(kind, case["of"]) if kind in UP else made.down[kind][case["of"]]
    message, trial = bad_vectors.message_of(case, true), copy.deepcopy(at)
    try:
        if isinstance(trial, five.Client):
            hear(made, trial, kind, i, message)
        else:
            if case["again"]:
                send(trial, kind, i, made.said(kind, i))
            send(trial, kind, i, message)
    except five.Refused:
        return False
    return True


def test_the_reference_server_refuses_every_bad_message_on_file(bad: dict[str, Any]) -> None:
    due = servers(staged())
    cases = [case for case in bad["cases"] if case["to"] == "server"]
    wrong = [f"{c['kind']}: {c['name']}" for c in cases if taken(c, due[c["kind"]])]
    assert wrong == []


def test_the_reference_client_refuses_every_bad_message_on_file(bad: dict[str, Any]) -> None:
    cases = [case for case in bad["cases"] if case["to"] == "client"]
    due = {i: clients(staged(), i) for i in {case["client"] for case in cases}}
    wrong = []
    for case in cases:
        kind = "M9" if case["kind"] == "transcript" else case["kind"]
        if taken(case, due[case["client"]][kind]):
            wrong.append(f"{case['kind']}: {case['name']}")
    assert wrong == []


def test_both_refuse_transcripts_of_another_story_although_a_result_names_them(
    bad: dict[str, Any],
) -> None:
    made, i = staged(), bad_down.ME
    each = clients(made, i)["M9"]
    assert len(bad["transcripts"]) == 21
    for case in bad["transcripts"]:
        transcript = bytes.fromhex(case["message"])
        told = Transcript.parse(payload_of(made.summed.transcript))
        named = statement([told.sum_hash, hashlib.sha256(transcript).digest()])
        m9 = bad_down.says(made, "M9", named)
        copy.deepcopy(each).result(m9)
        with pytest.raises(five.Refused):
            copy.deepcopy(each).result(m9, transcript)
        receipt = client.accept_result(made.states["M9"][i], m9)
        with pytest.raises(CoordinatorFault):
            client.accept_transcript(receipt, transcript)


def test_the_reference_refuses_bad_cbor_and_nothing_that_is_good(bad: dict[str, Any]) -> None:
    for hexed in bad["cbor"]:
        with pytest.raises(five.Refused):
            cbor.decode(bytes.fromhex(hexed))


def test_true_messages_are_taken_where_the_bad_ones_are_refused() -> None:
    made = staged()
    for kind, server in servers(made).items():
        send(server, kind, 2, made.said(kind, 2))
    for i in (2, CENSORED):
        for kind, each in clients(made, i).items():
            hear(made, each, kind, i, made.down[kind][i])
    assert ACCOUNTING in made.summed.transcript
