"""Every rule of the machines of a window, with something that only it stops.

A scenario sets the stage and returns what somebody then tries. ``test_upload_rules`` sees that it
is refused, that it is not refused with the rule out, and that no rule lacks a scenario. Here: what
is agreed, the messages and the device; ``rules_helper`` and ``rules_leader`` have the rest.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np

from holter.crypto import labels
from holter.crypto.hpke import Suite
from holter.crypto.signature import payload_of
from holter.secagg.errors import Caller, HelperFault
from holter.secagg.upload import client, messages, window
from holter.secagg.upload.messages import Answer, Claim, Offer, Proposal, Report
from holter.secagg.upload.window import Limits, Window
from holter.wire.cbor import Malformed
from tests.secagg.cast import MINUTE, tape
from tests.secagg.upload.window_cast import EXPIRES, WindowPlay, judged, window_cast
from tests.secagg.upload.window_forgery import forged

Attempt = Callable[[], object]


@dataclass(frozen=True)
class Rule:
    """module.function refuses with an error that says ``says``, or passes over (no error).

    without: how the attempt ends when the rule is out; None: it succeeds. also: another rule
    (function, words) that has to be out in any case, because it stops the same before.
    """

    module: ModuleType
    function: str
    says: str
    error: type[Exception] | None
    without: type[Exception] | None
    also: tuple[ModuleType, str, str] | None
    scenario: Callable[[], Attempt]

    def __str__(self) -> str:
        return self.scenario.__name__


RULES: list[Rule] = []


def rule(
    module: ModuleType,
    function: str,
    says: str,
    error: type[Exception] | None,
    *,
    without: type[Exception] | None = None,
    also: tuple[ModuleType, str, str] | None = None,
) -> Callable[[Callable[[], Attempt]], Callable[[], Attempt]]:
    """Enter a scenario for one rule."""

    def enter(scenario: Callable[[], Attempt]) -> Callable[[], Attempt]:
        assert inspect.getattr_static(module, function.split(".")[0])
        RULES.append(Rule(module, function, says, error, without, also, scenario))
        return scenario

    return enter


# What is agreed


@rule(window, "Limits.__post_init__", "survivors_floor <= largest_list", Caller)
def a_floor_of_one() -> Attempt:
    return lambda: Limits(1, 12, 0, 3)


@rule(window, "Limits.__post_init__", "colluders < survivors_floor", Caller)
def as_many_colluders_as_the_floor() -> Attempt:
    return lambda: Limits(3, 12, 3, 3)


@rule(window, "Window.__post_init__", "of 32 bytes and an id of 16", Caller)
def a_window_id_that_is_too_long() -> Attempt:
    agreed = window_cast(3).window
    return lambda: replace(agreed, window_id=bytes(17))


@rule(window, "Window.__post_init__", "different ones", Caller)
def one_helper_four_times() -> Attempt:
    agreed = window_cast(3, 4).window
    return lambda: replace(agreed, helpers=agreed.helpers[:1] * 4)


@rule(window, "Window.__post_init__", "cannot be its own helper", Caller)
def a_leader_that_helps_itself() -> Attempt:
    agreed = window_cast(3).window
    return lambda: replace(agreed, helpers=(agreed.leader_public,))


@rule(window, "Window.__post_init__", "central noise needs exactly one helper", Caller)
def central_noise_with_four_helpers() -> Attempt:
    return lambda: window_cast(3, 4, central=True)


@rule(window, "Window.check_noise", "exactly where the window's noise is central", Caller)
def noise_where_devices_add_theirs() -> Attempt:
    agreed = window_cast(3).window
    return lambda: agreed.check_noise(np.ones(3, dtype=np.uint64))


@rule(window, "Window.check_noise", "words, uint64, is needed", Caller)
def noise_of_one_word_for_all() -> Attempt:
    agreed = window_cast(3, central=True).window
    return lambda: agreed.check_noise(np.ones(1, dtype=np.uint64))


@rule(window, "entries_of", "not a whole number of reports", ValueError)
def a_list_with_a_piece_of_an_entry() -> Attempt:
    return lambda: window.entries_of(bytes(48) + b"\xff" * 47)


@rule(window, "entries_of", "do not ascend", ValueError)
def a_list_that_holds_one_id_under_two_digests() -> Attempt:
    return lambda: window.entries_of(bytes(48 + 16) + b"\xff" * 32)


# The bytes


def claim_with(seals: tuple[bytes, ...]) -> tuple[bytes, Window]:
    play = WindowPlay.of(window_cast(3, 4))
    payload = payload_of(Report.parse(play.report(0), 24).signed)
    claim = Claim.parse(payload, play.cast.window)
    return replace(claim, seals=(*claim.seals[:1], *seals)).payload(), play.cast.window


@rule(messages, "Claim.parse", "one seal for each helper", Malformed)
def a_report_with_a_seal_too_few() -> Attempt:
    payload, agreed = claim_with((bytes(144), bytes(144)))
    return lambda: Claim.parse(payload, agreed)


@rule(messages, "Claim.check_seals", "one seal of the right length", Malformed)
def a_report_with_a_seal_that_is_too_short() -> Attempt:
    payload, agreed = claim_with((bytes(144), bytes(144), bytes(143)))
    return lambda: Claim.parse(payload, agreed).check_seals(agreed)


@rule(messages, "Proposal.parse", "one credential for each report", Malformed)
def a_proposal_with_more_reports_than_credentials() -> Attempt:
    payload = Proposal((b"",), (b"", b"")).payload()
    return lambda: Proposal.parse(payload)


@rule(messages, "Answer.parse", "one vector for each seed", Malformed)
def an_answer_with_a_short_vector() -> Attempt:
    data = Answer(b"", (bytes(24), bytes(23), bytes(24))).to_bytes()
    return lambda: Answer.parse(data, 3, 24)


# The device


def offered(change: Callable[[Offer], Offer], helpers: int = 1, signer: int = 0) -> Attempt:
    play = WindowPlay.of(window_cast(3, helpers))
    cast = play.cast
    offer = change(Offer.parse(payload_of(play.offers[0])))
    play.offers[0] = cast.says(labels.UPLOAD_OFFER, offer.payload(), cast.helper_keys[signer])
    return lambda: play.report(0)


@rule(client, "read_offer", "for something else", HelperFault)
def an_offer_for_another_suite() -> Attempt:
    return offered(lambda offer: replace(offer, suite=int(Suite.HYBRID)))


@rule(client, "read_offer", "of the wrong length", HelperFault, without=HelperFault)
def an_offer_of_a_key_that_is_too_long() -> Attempt:
    return offered(lambda offer: replace(offer, public=offer.public + b"!"))


@rule(client, "read_offer", "is over", HelperFault)
def an_offer_whose_minute_has_come() -> Attempt:
    return offered(lambda offer: replace(offer, closes_minute=MINUTE))


def reporting(words: int = 3, dtype: str = "uint64", random: int = 0, offers: int = 0) -> Attempt:
    play = WindowPlay.of(window_cast(3))
    cast, needed = play.cast, client.random_bytes_needed(play.cast.window)
    return lambda: client.report(
        cast.window,
        [*play.offers, *play.offers[:offers]],
        cast.keys[0],
        cast.credentials[0],
        np.zeros(words, dtype=dtype),
        expires_minute=EXPIRES,
        minute=MINUTE,
        random=tape("r", needed + random),
    )


@rule(client, "report", "random bytes are needed", Caller)
def a_byte_of_randomness_too_few() -> Attempt:
    return reporting(random=-1)


@rule(client, "report", "uint64, is needed", Caller)
def a_vector_of_another_length() -> Attempt:
    return reporting(words=4)


@rule(client, "report", "offers are needed", Caller, without=IndexError)
def an_offer_too_many() -> Attempt:
    return reporting(offers=1)


def twin_of(play: WindowPlay, i: int) -> bytes:
    """Another report of device i, under an id of its own."""
    return forged(play, i, report_id=tape(("second id", i), 16))


def everyone(helpers: int = 1, devices: int = 5, floor: int = 3) -> WindowPlay:
    return judged(devices, helpers, floor=floor)
