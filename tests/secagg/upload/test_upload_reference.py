"""Our machines and the reference, which was written from docs/protocol.md section 6 alone.

Everything but the seals is deterministic and compared byte for byte; seals are opened by the
other side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.crypto import labels
from holter.crypto.signature import payload_of
from holter.secagg.upload import leader
from holter.secagg.upload.messages import Claim, Request
from holter.wire.cbor import encode
from tests.secagg.cast import MINUTE, tape
from tests.secagg.upload.both import Both, outcome, words_of
from tests.secagg.upload.window_cast import CLOSES, EXPIRES, id_of, window_cast
from tests.secagg.upload.window_forgery import forged, spoilt_for

Make = Callable[[Both, int], bytes]

REPORTS: dict[str, Make] = {
    "ours": lambda both, i: both.ours.report(i),
    "theirs": lambda both, i: both.report(i),
    "spoilt for 0": lambda both, i: spoilt_for(both.ours, i, 0),
    "spoilt for all": lambda both, i: spoilt_for(both.ours, i, *range(4)),
    "expired": lambda both, i: forged(both.ours, i, expires=MINUTE - 1),
    "of another window": lambda both, i: forged(both.ours, i, bound=tape("context")),
    "of another role": lambda both, i: forged(both.ours, i, label=labels.UPLOAD_ANSWER),
    "with the credential of another": lambda both, i: forged(
        both.ours, i, credential=both.ours.cast.credentials[i - 1]
    ),
    "with a false promise": lambda both, i: forged(
        both.ours, i, commitments=[tape(("false", g)) for g in range(len(both.helpers))]
    ),
    "with a promise too few": lambda both, i: forged(both.ours, i, commitments=[]),
    "with a seal too few": lambda both, i: forged(
        both.ours, i, change=lambda c: replace(c, seals=c.seals[1:]).payload()
    ),
    "under the id of the first": lambda both, i: forged(both.ours, i, report_id=id_of(0)),
    "of other fields": lambda both, i: forged(
        both.ours, i, change=lambda c: encode([c.device_key])
    ),
}
GOOD = ("ours", "theirs")


@st.composite
def windows(draw: st.DrawFn) -> tuple[int, int, int, list[str], set[int]]:
    """Helpers, floor, words, how each device reports, who is silent."""
    helpers = draw(st.sampled_from([1, 4]))
    kinds = st.sampled_from([*GOOD, *GOOD, *GOOD, *GOOD, *REPORTS])
    devices = draw(st.lists(kinds, min_size=2, max_size=5))
    silent = draw(st.sets(st.integers(0, 3), max_size=1)) if helpers == 4 else set()
    return helpers, draw(st.integers(2, 3)), draw(st.integers(1, 5)), devices, silent


@settings(max_examples=20, deadline=None)
@given(windows())
def test_both_agree_on_every_byte_of_any_window(
    case: tuple[int, int, int, list[str], set[int]],
) -> None:
    helpers, floor, words, kinds, silent = case
    both = Both.of(window_cast(len(kinds), helpers, floor=floor, words=words))
    summed = []
    for i, kind in enumerate(kinds):
        taken = both.take(REPORTS[kind](both, i))
        assert taken or kind not in GOOD
        if taken and kind in GOOD:
            summed.append(i)
    found = both.run(silent)
    if found is not None and all(kind in GOOD for kind in kinds):
        assert found == both.ours.cast.plain(summed)


@settings(max_examples=8, deadline=None)
@given(st.sampled_from([1, 4]), st.integers(1, 9), st.integers(0, 2))
def test_a_report_of_ours_and_of_theirs_differ_in_the_seals_alone(
    helpers: int, words: int, i: int
) -> None:
    both = Both.of(window_cast(3, helpers, words=words))
    both.seals_agree(i, both.report(i))


@pytest.mark.parametrize("kind", REPORTS)
@pytest.mark.parametrize("helpers", [1, 4])
def test_both_judge_every_kind_of_report_alike_whatever_the_leader_took(
    helpers: int, kind: str
) -> None:
    both = Both.of(window_cast(3, helpers, floor=2))
    good = [both.report(0), both.ours.report(2)]
    bad = REPORTS[kind](both, 1)
    both.judge(both.ours.proposal([good[0], bad, good[1], bad, good[0]]))
    both.judge(both.ours.proposal([good[0]]))


@settings(max_examples=15, deadline=None)
@given(
    asks=st.lists(
        st.tuples(
            st.integers(0, 3),
            st.sampled_from(["draft", "request"]),
            st.sampled_from([(0, 1), (1, 0), (2, 3), (0, 1, 2), (0, 0), (0,), (3, 4), ()]),
        ),
        max_size=8,
    )
)
def test_both_accept_and_refuse_the_same_lists_in_any_order(
    asks: list[tuple[int, str, tuple[int, ...]]],
) -> None:
    both = Both.of(window_cast(4, 4, floor=2))
    play = both.ours.gather()
    both.judge(play.proposal(list(play.reports.values())))
    signed: dict[bytes, dict[int, bytes]] = {}
    for j, what, who in asks:
        listed = play.entries(*(i for i in who if i < 4))
        if len(who) > len(listed) or who == (1, 0):
            listed = [*listed, tape("invented", 48)] if who != (1, 0) else listed[::-1]
        joined = b"".join(listed)
        if what == "draft":
            said = both.agree_on(j, what, play.listing(listed))
            if said is not None:
                signed.setdefault(joined, {})[j] = said
        else:
            both.agree_on(j, what, play.request(listed, signed.get(joined, {})))


def test_both_add_central_noise_alike() -> None:
    both = Both.of(window_cast(3, central=True))
    for i in range(3):
        both.take(both.report(i))
    play, (helper,) = both.ours, both.helpers
    play.judge()
    both.leader.verdict(0, helper.verdict(both.leader.proposal(), MINUTE))
    both.leader.fix()
    request = play.stand()
    assert request == both.leader.request()
    noise, own = [1, 2**64 - 5, 2**63], [7, 2**64 - 1, 0]
    said = play.answer(0, request, noise=words_of(noise))
    assert said == helper.answer(request, MINUTE, noise) == helper.answer(request, MINUTE, own)
    both.leader.answer(0, said)
    play.hear(0, said)
    found = leader.close_answering(play.leader, noise=words_of(own))
    assert found.words.tolist() == both.leader.total(own)


# Corners that the two once took differently.

CORNERS = (
    "a report at its expiry minute",
    "an offer at its closing minute",
    "a window at its closing minute",
    "a list beyond the largest",
    "a list whose reports expired since",
    "a list of twins",
    "a seal of another length for one helper",
    "a request to one helper with signatures",
    "three helpers and one of them twice",
    "an answered list without its signatures",
    "a proposal with something that is no byte string",
    "a proposal with a credential that is too long",
)


def with_a_longer_seal(claim: Claim) -> bytes:
    return replace(claim, seals=(claim.seals[0] + b"!", *claim.seals[1:])).payload()


@pytest.mark.parametrize("which", CORNERS)
def test_both_agree_on(which: str) -> None:
    one = which == "a request to one helper with signatures"
    largest = 3 if which == "a list beyond the largest" else 12
    both = Both.of(window_cast(5, 1 if one else 4, floor=2, largest=largest))
    play = both.ours
    reports = [play.report(i) for i in range(4)]
    if which == "a report at its expiry minute":
        said = both.judge(play.proposal(reports), EXPIRES)
        assert said and None not in said and not any(h.seen for h in play.helpers.values())
    elif which == "an offer at its closing minute":
        for helper in both.helpers:
            helper.closing = MINUTE
        play.offers = [helper.offer() for helper in both.helpers]
        assert outcome(lambda: play.report(0)) is outcome(lambda: both.report(0)) is None
    elif which == "a window at its closing minute":
        assert both.judge(play.proposal(reports), CLOSES) == [None] * 4
    elif which == "a seal of another length for one helper":
        both.judge(play.proposal([forged(play, 0, change=with_a_longer_seal)]))
        assert [len(helper.seen) for helper in play.helpers.values()] == [0, 1, 1, 1]
    elif which == "a proposal with something that is no byte string":
        message = play.cast.says(labels.UPLOAD_PROPOSAL, encode([[b"", 7], [b"", b""]]))
        assert both.judge(message) == [None] * 4
    elif which == "a proposal with a credential that is too long":
        message = play.cast.says(labels.UPLOAD_PROPOSAL, encode([[bytes(257)], [b""]]))
        assert both.judge(message) == [None] * 4
    else:
        lists(both, which, reports)


def lists(both: Both, which: str, reports: list[bytes]) -> None:
    """Corners of lists and of requests; helper 3 is asked for one that it has not signed."""
    play, whole = both.ours, both.ours.entries(0, 1, 2, 3)
    both.judge(play.proposal(reports))
    if which == "a request to one helper with signatures":
        payload = Request(b"".join(whole), (0,), (bytes(64),)).payload()
        message = play.cast.says(labels.UPLOAD_REQUEST, payload)
        assert both.agree_on(0, "request", message) is None
        return
    if which == "a list of twins":
        twin = play.entry(forged(play, 4, report_id=id_of(0)))
        whole = sorted([twin, *play.entries(1, 2, 3)])
    minute = EXPIRES if "expired" in which else MINUTE
    said = [both.agree_on(j, "draft", play.listing(whole), minute) for j in range(3)]
    refused = which in ("a list beyond the largest", "a list of twins") or "expired" in which
    assert (said == [None] * 3) == refused
    signed = {j: one for j, one in enumerate(said) if one is not None}
    request = play.request(whole, signed)
    if which.startswith("three"):
        given = Request.parse(payload_of(request))
        twice = replace(
            given, helpers=(0, 1, 2, 2), signatures=(*given.signatures, given.signatures[2])
        )
        message = play.cast.says(labels.UPLOAD_REQUEST, twice.payload())
        assert both.agree_on(3, "request", message) is None
    assert (both.agree_on(3, "request", request, minute) is None) == refused
    assert both.agree_on(3, "request", play.request(whole)) is None
    assert both.agree_on(3, "request", request, CLOSES) is None
