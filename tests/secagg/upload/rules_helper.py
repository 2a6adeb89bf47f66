"""The rules of a helper, each with something that only it stops; see ``rules``."""

from __future__ import annotations

from dataclasses import replace

from holter.crypto import labels
from holter.crypto.signature import payload_of
from holter.secagg import records
from holter.secagg.errors import Caller, CoordinatorFault
from holter.secagg.session import set_of
from holter.secagg.upload import helper, messages
from holter.secagg.upload.messages import Verdict
from holter.wire.cbor import Malformed
from tests.secagg.cast import MINUTE, tape
from tests.secagg.upload.rules import Attempt, everyone, rule, twin_of
from tests.secagg.upload.window_cast import (
    CLOSES,
    EXPIRES,
    WindowPlay,
    private_of,
    window_cast,
)
from tests.secagg.upload.window_forgery import forged, seeds_of

FLOOR = "reports; the plan allows"


class NotValid(Exception):
    """The helper left the last report of a proposal out."""


def last_is_valid(play: WindowPlay, *reports: bytes, j: int = 0, minute: int = MINUTE) -> None:
    """Helper j judges these reports and must find the last one valid."""
    said = play.examine(j, play.proposal(reports), minute)
    verdict = Verdict.parse(payload_of(said), len(reports))
    if len(reports) - 1 not in set_of(verdict.valid, len(reports)):
        raise NotValid


@rule(helper, "Listed.parse", "not a whole number of reports", Malformed)
def a_record_of_a_list_that_is_cut_off() -> Attempt:
    return lambda: helper.Listed.parse(bytes(48 + 32 + 47))


@rule(helper, "opened", "not the one that the window names", Caller)
def a_helper_that_opens_a_window_in_anothers_place() -> Attempt:
    cast = window_cast(3, 4)
    key, private = cast.helper_keys[1], private_of(cast.window.suite, 0)
    return lambda: helper.opened(cast.window, 0, key, private, closes_minute=CLOSES)


@rule(helper, "opened", "a closing minute lies between", Caller)
def a_window_that_never_closes() -> Attempt:
    cast = window_cast(3)
    key, private = cast.helper_keys[0], private_of(cast.window.suite, 0)
    return lambda: helper.opened(cast.window, 0, key, private, closes_minute=messages.MINUTES)


@rule(helper, "restored", "a list of another window", Caller)
def a_record_of_a_list_under_another_hash() -> Attempt:
    play = everyone()
    play.answer(0, play.request(play.entries(0, 1, 2)))
    play.kept[0] = [records.record(helper.LISTED, tape("hash"), listed_of(play))]
    return lambda: play.restart(0)


def listed_of(play: WindowPlay) -> bytes:
    (listed,) = play.helpers[0].listed.values()
    return listed.to_bytes()


# Reports


@rule(helper, "examine", "known is not None and known.payload", None)
def a_second_report_under_an_id_that_was_seen() -> Attempt:
    play = WindowPlay.of(window_cast(4))
    twin = forged(play, 0, seeds=[tape("another seed")])
    return lambda: last_is_valid(play, play.report(0), twin)


@rule(helper, "examine", "devices.setdefault", None)
def a_second_report_of_one_device() -> Attempt:
    play = WindowPlay.of(window_cast(4))
    return lambda: last_is_valid(play, play.report(0), twin_of(play, 0))


@rule(helper, "_read", "under another device's credential", None)
def a_report_under_a_replayed_credential() -> Attempt:
    play = WindowPlay.of(window_cast(4))
    report = forged(play, 0, credential=play.cast.credentials[1])
    return lambda: last_is_valid(play, report)


@rule(helper, "_read", "a report that has expired", None)
def a_report_whose_minute_has_come() -> Attempt:
    play = WindowPlay.of(window_cast(4))
    return lambda: last_is_valid(play, play.report(0), minute=EXPIRES)


@rule(
    helper,
    "_read",
    "a seal of the wrong length",
    ValueError,
    without=ValueError,
)
def a_seal_with_a_seed_too_few() -> Attempt:
    play = WindowPlay.of(window_cast(4, 4))
    data = forged(play, 0, sealed={1: b"".join(seeds_of(play.cast, 0)[2:])})
    report = messages.Report.parse(data, 24)
    check = play.cast.check
    return lambda: helper._read(play.helpers[1], report.credential, report.signed, check, MINUTE)


@rule(helper, "_read", "not the one promised", None)
def a_commitment_to_another_seed() -> Attempt:
    play = WindowPlay.of(window_cast(4, 4))
    report = forged(play, 0, commitments=[tape(g) for g in range(4)])
    return lambda: last_is_valid(play, report, j=1)


# Lists


def asked(play: WindowPlay, *who: int, minute: int = MINUTE) -> Attempt:
    """The only helper is asked for the masks of the reports of some devices."""
    return lambda: play.answer(0, play.request(play.entries(*who)), minute=minute)


@rule(helper, "_check_open", "this window is over", CoordinatorFault)
def a_proposal_at_the_closing_minute() -> Attempt:
    play = everyone()
    return lambda: play.examine(0, play.leader.proposal, CLOSES)


@rule(helper, "endorse", "there is nobody to agree with", Caller)
def a_list_to_sign_for_a_single_helper() -> Attempt:
    play = everyone()
    return lambda: play.endorse(0, play.listing(play.entries(0, 1, 2)))


@rule(helper, "_accept", FLOOR, CoordinatorFault)
def a_list_below_the_floor() -> Attempt:
    return asked(everyone(), 0, 1)


@rule(helper, "_accept", FLOOR, CoordinatorFault)
def a_list_beyond_the_largest() -> Attempt:
    play = everyone()
    smaller = replace(play.cast.window, limits=replace(play.cast.window.limits, largest_list=4))
    play.helpers[0] = replace(play.helpers[0], window=smaller)
    return asked(play, 0, 1, 2, 3, 4)


@rule(helper, "_accept", "did not find valid", CoordinatorFault, without=TypeError)
def a_list_with_an_invented_report() -> Attempt:
    play = everyone()
    listed = sorted([*play.entries(0, 1, 2), tape("invented", 48)])
    return lambda: play.answer(0, play.request(listed))


@rule(helper, "_accept", "has expired", CoordinatorFault)
def a_list_with_a_report_that_expired_since() -> Attempt:
    return asked(everyone(), 0, 1, 2, minute=EXPIRES)


@rule(helper, "_accept", "in another list", CoordinatorFault)
def a_list_that_shares_a_report_with_another() -> Attempt:
    play = everyone()
    play.answer(0, play.request(play.entries(0, 1, 2)))
    return asked(play, 2, 3, 4)


@rule(helper, "answer", "accepted before a restart", CoordinatorFault, without=TypeError)
def a_list_of_before_a_restart_without_its_reports() -> Attempt:
    play = everyone(4)
    listing = play.listing(play.entries(0, 1, 2))
    signed = {j: play.endorse(j, listing) for j in range(3)}
    play.restart(0)
    return lambda: play.answer(0, play.request(play.entries(0, 1, 2), signed))


def by(play: WindowPlay, *helpers: int) -> dict[int, bytes]:
    listing = play.listing(play.entries(0, 1, 2))
    return {j: play.endorse(j, listing) for j in helpers}


@rule(helper, "_check_quorum", "signatures under a list of the only helper", CoordinatorFault)
def a_list_of_the_only_helper_with_a_signature() -> Attempt:
    play = everyone()
    signed = {0: play.cast.says(labels.UPLOAD_LIST, b"", play.cast.helper_keys[0])}
    return lambda: play.answer(0, play.request(play.entries(0, 1, 2), signed))


@rule(helper, "_check_quorum", "helpers stand by;", CoordinatorFault)
def a_list_that_two_helpers_stand_by() -> Attempt:
    play = everyone(4)
    return lambda: play.answer(0, play.request(play.entries(0, 1, 2), by(play, 0, 1)))


@rule(helper, "_check_quorum", "whom nobody knows", CoordinatorFault, without=IndexError)
def a_list_that_a_fifth_helper_stands_by() -> Attempt:
    play = everyone(4)
    signed = by(play, 0, 1)
    return lambda: play.answer(0, play.request(play.entries(0, 1, 2), {**signed, 4: signed[1]}))
