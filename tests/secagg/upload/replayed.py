"""Reads vectors/upload_window.json and takes our machines, or the reference, to any place in it.

The reference reads nothing but the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from holter.crypto.signature import payload_of
from holter.secagg.session import set_of
from holter.secagg.upload import client, leader
from holter.secagg.upload.messages import Verdict
from tests.reference import upload
from tests.reference.primitives import ed25519_public, words
from tests.secagg.cast import tape
from tests.secagg.upload.rules_helper import NotValid
from tests.secagg.upload.upload_vectors import DEVICES, LARGEST, PATH
from tests.secagg.upload.window_cast import WindowPlay, window_cast


@cache
def on_file() -> dict[str, Any]:
    found = json.loads(PATH.read_text())
    assert isinstance(found, dict)
    return found


def part(helpers: int) -> dict[str, Any]:
    found = on_file()["windows"][helpers == 4]
    assert isinstance(found, dict)
    return found


def raw(value: str) -> bytes:
    return bytes.fromhex(value)


def agreed(helpers: int, small: bool = False) -> upload.Window:
    """small: of the lists that the bad messages are about."""
    named, keys = part(helpers)["window"], part(helpers)["keys"]
    return upload.Window(
        raw(named["task_id"]).decode(),
        raw(named["window_id"]),
        raw(named["model_hash"]),
        raw(named["plan_hash"]),
        ed25519_public(raw(keys["leader"])),
        tuple(ed25519_public(raw(key)) for key in keys["helpers"]),
        ed25519_public(raw(keys["registrar"])),
        named["survivors_floor"],
        named["words"],
        largest=LARGEST if small else DEVICES,
    )


def helper_of(helpers: int, j: int, small: bool = False) -> upload.Helper:
    keys, closes = part(helpers)["keys"], part(helpers)["window"]["closes"]
    private, sealed = raw(keys["helpers"][j]), raw(keys["hpke"][j])
    return upload.Helper(agreed(helpers, small), j, private, sealed, closes)


def leader_of(helpers: int) -> upload.Leader:
    return upload.Leader(agreed(helpers), raw(part(helpers)["keys"]["leader"]))


def by_ours(helpers: int, bad: dict[str, Any]) -> Callable[[], object]:
    """What our machine does with a bad message, where the file says that it stands."""
    small = bad["at"] in ("judged", "accepted")
    play = WindowPlay.of(window_cast(DEVICES, helpers, largest=LARGEST if small else DEVICES))
    found, cast, j, minute = part(helpers), play.cast, bad["index"], bad["minute"]
    message = raw(bad["message"])
    if bad["to"] == "device":
        return lambda: client.report(
            cast.window,
            [message, *play.offers[1:]],
            cast.keys[0],
            cast.credentials[0],
            cast.vector(0),
            expires_minute=minute + 1,
            minute=minute,
            random=raw(found["devices"][0]["random"]),
        )
    if bad["to"] == "helper":
        if small:
            play.examine(j, raw(found["small"]["judged"]))
        if bad["at"] == "accepted":
            enter = play.endorse if helpers == 4 else play.answer
            enter(j, raw(found["small"]["accepted"]))
        return {
            "proposal": lambda: valid(play.examine(j, message, minute)),
            "draft": lambda: play.endorse(j, message, minute),
            "request": lambda: play.answer(j, message, minute=minute),
        }[bad["kind"]]
    if bad["at"] == "gathering":
        play.take(raw(found["devices"][0]["report"]))
        return lambda: play.take(message, minute)
    for device in found["devices"]:
        play.take(raw(device["report"]))
    state, _ = leader.propose(play.leader)
    if bad["at"] == "proposing":
        return lambda: leader.take_verdict(state, j, message)
    for k, verdict in enumerate(found["verdicts"]):
        state = leader.take_verdict(state, k, raw(verdict))
    listing, _ = leader.close_proposing(state)
    if bad["at"] == "listing":
        return lambda: leader.take_signature(listing, j, message)
    for k, signature in enumerate(found["signatures"]):
        listing = leader.take_signature(listing, k, raw(signature))
    return lambda: leader.take_answer(leader.close_listing(listing)[0], j, message)


def valid(said: bytes) -> None:
    """The first report of two is, and the second must be."""
    bits = Verdict.parse(payload_of(said), 2).valid
    assert 0 in set_of(bits, 2)
    if 1 not in set_of(bits, 2):
        raise NotValid


def by_reference(helpers: int, bad: dict[str, Any]) -> Callable[[], object]:
    """The same by the reference."""
    found, j, minute, message = part(helpers), bad["index"], bad["minute"], raw(bad["message"])
    small = bad["at"] in ("judged", "accepted")
    helper, lead = helper_of(helpers, j, small), leader_of(helpers)
    if bad["to"] == "device":
        device = found["devices"][0]
        teller = upload.Client(agreed(helpers), raw(device["key"]), raw(device["credential"]))
        offers = [message, *map(raw, found["offers"][1:])]
        random = raw(device["random"]) + tape("ephemeral", 32 * helpers)
        vector = words(raw(device["vector"]))
        return lambda: teller.report(offers, vector, random, minute + 1, minute)
    if bad["to"] == "helper":
        if small:
            helper.verdict(raw(found["small"]["judged"]), on_file()["minute"])
        if bad["at"] == "accepted":
            enter = helper.accept if helpers == 4 else helper.answer
            enter(raw(found["small"]["accepted"]), on_file()["minute"])
        return {
            "proposal": lambda: valid(helper.verdict(message, minute)),
            "draft": lambda: helper.accept(message, minute),
            "request": lambda: helper.answer(message, minute),
        }[bad["kind"]]
    devices = found["devices"][: 1 if bad["at"] == "gathering" else None]
    for device in devices:
        lead.receive(raw(device["report"]), on_file()["minute"])
    if bad["at"] == "gathering":
        return lambda: lead.receive(message, minute)
    if bad["at"] == "proposing":
        return lambda: lead.verdict(j, message)
    for k, verdict in enumerate(found["verdicts"]):
        lead.verdict(k, raw(verdict))
    lead.fix()
    return lambda: lead.agreed(j, message) if bad["at"] == "listing" else lead.answer(j, message)
