"""A device that lies: its report is left out, by the leader or by the helper that it concerns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from holter.crypto import labels
from holter.crypto.signature import SigningKey, assemble, payload_of
from holter.secagg.errors import Abandoned, PeerFault
from holter.secagg.upload import helper, leader
from holter.secagg.upload.messages import Claim, Report
from holter.wire.cbor import encode
from tests.secagg.cast import TODAY, tape
from tests.secagg.upload.rules_helper import NotValid, last_is_valid
from tests.secagg.upload.window_cast import WindowPlay, id_of, window_cast
from tests.secagg.upload.window_forgery import (
    credential_of,
    forged,
    rule_off,
    seeds_of,
    spoilt_for,
    unverified,
)

Patch = pytest.MonkeyPatch


def stage(helpers: int = 1) -> WindowPlay:
    return WindowPlay.of(window_cast(5, helpers))


def refused(play: WindowPlay, report: bytes, says: str = "") -> None:
    """By the leader; the window goes on without."""
    before = play.leader
    with pytest.raises(PeerFault, match=says or None) as caught:
        play.take(report)
    assert caught.value.client is None and play.leader is before


def left_out(play: WindowPlay, report: bytes, *helpers: int) -> None:
    """By these helpers and by no other, in whatever company."""
    good = [play.report(i) for i in (3, 4)]
    for j in play.helpers:
        before = play.helpers[j]
        if j in helpers:
            with pytest.raises(NotValid):
                last_is_valid(play, *good, report, j=j)
            assert set(play.helpers[j].seen) == {id_of(3), id_of(4)}
        else:
            last_is_valid(play, *good, report, j=j)
        play.helpers[j] = before


CREDENTIALS: dict[str, Callable[[WindowPlay], bytes]] = {
    "of yesterday": lambda play: credential_of(play, 0, TODAY - 1, play.cast.registrar),
    "of another registrar": lambda play: credential_of(play, 0, TODAY, SigningKey(tape("other"))),
    "of its own": lambda play: credential_of(play, 0, TODAY, play.cast.keys[0]),
    "of another device": lambda play: play.cast.credentials[1],
    "empty": lambda play: b"",
    "of another kind": lambda play: play.cast.says(b"", b"\x83"),
}


@pytest.mark.parametrize("which", CREDENTIALS)
def test_a_report_without_a_credential_of_its_own_is_left_out(which: str) -> None:
    play = stage()
    report = forged(play, 0, credential=CREDENTIALS[which](play))
    refused(play, report)
    left_out(play, report, 0)


def test_a_credential_is_good_on_its_last_day() -> None:
    play = stage()
    report = forged(play, 0, credential=credential_of(play, 0, TODAY, play.cast.registrar))
    play.take(report)
    last_is_valid(play, report)


@pytest.mark.parametrize("how", ["another window", "another role", "another key", "bent"])
def test_a_report_that_its_device_did_not_sign_is_left_out(monkeypatch: Patch, how: str) -> None:
    play = stage()
    honest = Report.parse(play.report(0), 24)
    payload, public = payload_of(honest.signed), play.cast.keys[0].public
    report = {
        "another window": lambda: forged(play, 0, bound=tape("context")),
        "another role": lambda: forged(play, 0, label=labels.UPLOAD_ANSWER),
        "another key": lambda: replace(
            honest, signed=play.cast.says(labels.UPLOAD_REPORT, payload)
        ).to_bytes(),
        "bent": lambda: replace(
            honest, signed=assemble(payload, bytes(64), public=public)
        ).to_bytes(),
    }[how]()
    refused(play, report, "a report was refused")
    left_out(play, report, 0)
    unverified(monkeypatch, leader)
    unverified(monkeypatch, helper)
    play.take(report)
    last_is_valid(play, report)


CLAIMS: dict[str, Callable[[Claim], bytes]] = {
    "a seal too few": lambda c: replace(c, seals=c.seals[:-1]).payload(),
    "a seal too many": lambda c: replace(c, seals=(*c.seals, c.seals[0])).payload(),
    "no seals": lambda c: replace(c, seals=()).payload(),
    "a commitment too few": lambda c: replace(c, commitments=c.commitments[1:]).payload(),
    "a commitment too many": lambda c: replace(c, commitments=c.commitments[:1] * 5).payload(),
    "a short id": lambda c: replace(c, report_id=c.report_id[1:]).payload(),
    "a short key": lambda c: replace(c, device_key=c.device_key[1:]).payload(),
    "a minute below zero": lambda c: replace(c, expires_minute=-1).payload(),
    "a minute without end": lambda c: replace(c, expires_minute=1 << 40).payload(),
    "another field": lambda c: c.payload().replace(b"\x86", b"\x87", 1) + b"\0",
    "nothing": lambda c: b"",
    "a number": lambda c: encode(7),
}


@pytest.mark.parametrize("how", CLAIMS)
def test_a_report_of_another_shape_is_left_out(how: str) -> None:
    play = stage(4)
    report = forged(play, 0, change=CLAIMS[how])
    refused(play, report)
    left_out(play, report, 0, 1, 2, 3)


SEALS: dict[str, Callable[[bytes], bytes]] = {
    "longer": lambda seal: seal + b"!",
    "shorter": lambda seal: seal[:-1],
    "empty": lambda seal: b"",
    "twice as long": lambda seal: seal * 2,
}


@pytest.mark.parametrize("how", SEALS)
@pytest.mark.parametrize("j", range(4))
def test_a_seal_of_another_length_is_the_business_of_its_helper_and_the_leader(
    j: int, how: str
) -> None:
    play = stage(4)

    def change(c: Claim) -> bytes:
        seals = (SEALS[how](seal) if k == j else seal for k, seal in enumerate(c.seals))
        return replace(c, seals=tuple(seals)).payload()

    report = forged(play, 0, change=change)
    refused(play, report, "one seal of the right length")
    left_out(play, report, j)


def test_a_report_without_end_is_left_out() -> None:
    play = stage()
    honest = Report.parse(play.report(0), 24)
    for report in (
        replace(honest, credential=bytes(257)),
        replace(honest, signed=bytes(8193)),
        replace(honest, vector=bytes(32)),
        replace(honest, vector=bytes(16)),
    ):
        refused(play, report.to_bytes())
    refused(play, play.reports[0] + bytes(1 << 20))


# Seeds


@pytest.mark.parametrize("j", range(4))
def test_a_seal_that_opens_for_all_but_one_helper_is_left_out_by_that_one(j: int) -> None:
    play = stage(4)
    left_out(play, spoilt_for(play, 0, j), j)


@pytest.mark.parametrize("g", range(4))
def test_a_commitment_to_another_seed_is_found_by_each_helper_that_holds_it(g: int) -> None:
    play = stage(4)
    window, key = play.cast.window, play.cast.keys[0].public
    promised = [
        window.commitment(key, id_of(0), k, seed) for k, seed in enumerate(seeds_of(play.cast, 0))
    ]
    promised[g] = tape("something else")
    report = forged(play, 0, commitments=promised)
    left_out(play, report, *(j for j in range(4) if j != g))


def test_seeds_that_differ_between_helpers_would_set_them_against_each_other(
    monkeypatch: Patch,
) -> None:
    play = stage(4)
    other = seeds_of(play.cast, 0)[:3]
    other[0] = tape("for helper 3 alone")
    report = forged(play, 0, sealed={3: b"".join(other)})
    left_out(play, report, 3)
    rule_off(monkeypatch, helper, "_read", "not the one promised")
    play.gather(range(1, 5))
    play.take(report)
    request = play.judge().stand()
    found = play.open(request)
    assert found.contradicted == (3,)  # an honest helper is named
    play = stage(4)
    play.gather(range(1, 5)).take(report)
    with pytest.raises(Abandoned):  # and with one silent, one device ends the window
        play.open(play.judge().stand(), silent=(1,))


@pytest.mark.parametrize("what", ["seals", "seals and commitments", "seals, commitments and id"])
def test_a_copy_of_anothers_seals_opens_for_nobody(what: str) -> None:
    play = stage()
    theirs = Claim.parse(payload_of(Report.parse(play.report(1), 24).signed), play.cast.window)
    changes: dict[str, object] = {"seals": theirs.seals}
    if "commitments" in what:
        changes["commitments"] = theirs.commitments
    if "id" in what:
        changes["report_id"] = theirs.report_id
    report = forged(play, 0, change=lambda c: replace(c, **changes).payload())  # type: ignore[arg-type]
    left_out(play, report, 0)


def test_a_wrong_vector_pollutes_the_sum_and_opens_nothing() -> None:
    """It cannot be told from a right one; that is what clipping and noise are for."""
    play = stage().gather(range(1, 5))
    play.take(forged(play, 0, seeds=[tape("any")], sealed={0: tape("any")}))
    found = play.open(play.judge().stand())
    assert found.words.tolist() == play.cast.plain(range(5))
    play = stage().gather(range(1, 5))
    random = forged(
        play, 0, seeds=[tape("one")], sealed={0: tape("two")}, commitments=[promise(play)]
    )
    play.take(random)
    found = play.open(play.judge().stand())
    assert found.reports == 5 and found.words.tolist() != play.cast.plain(range(5))


def promise(play: WindowPlay) -> bytes:
    return play.cast.window.commitment(play.cast.keys[0].public, id_of(0), 0, tape("two"))


# Twice


def test_a_device_reports_once_whatever_id_it_takes() -> None:
    play = stage().gather([0])
    for report_id in (id_of(0), tape("another id", 16)):
        twin = forged(play, 0, report_id=report_id, seeds=[tape("another seed")])
        refused(play, twin, "a device reported twice")
        with pytest.raises(NotValid):
            last_is_valid(play, play.reports[0], twin)


def test_a_device_under_anothers_report_id_comes_too_late() -> None:
    play = stage().gather([0])
    twin = forged(play, 1, report_id=id_of(0))
    refused(play, twin, "bears another report's id")
    with pytest.raises(NotValid):
        last_is_valid(play, play.reports[0], twin)
    assert play.helpers[0].seen[id_of(0)].device_key == play.cast.keys[0].public
