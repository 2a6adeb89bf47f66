"""Every door of the three machines: where a message comes in, and what comes in when all is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from holter.crypto import labels
from holter.crypto.signature import SigningKey
from holter.secagg.errors import Caller, CoordinatorFault, HelperFault, PeerFault
from holter.secagg.upload import client, helper, leader
from holter.secagg.upload.messages import Answer, Report
from tests.secagg.cast import MINUTE
from tests.secagg.upload.window_cast import WindowPlay, window_cast


@dataclass(frozen=True)
class Door:
    """One place where a message comes in: in which state, by whose signature, whose fault."""

    state: Any
    enter: Callable[[bytes], object]
    true: bytes
    family: type[Exception]
    label: bytes
    signer: SigningKey
    wrap: Callable[[bytes], bytes] = lambda signed: signed


@cache
def doors() -> dict[str, Door]:
    """Every door of a window with four helpers, and what comes through it when all is well."""
    play = WindowPlay.of(window_cast(4, 4))
    cast, check, window = play.cast, play.cast.check, play.cast.window
    play.gather(range(3))
    found: dict[str, Door] = {}
    gathering, report = play.leader, play.report(3)
    parsed = Report.parse(report, 24)
    found["report"] = Door(
        gathering,
        lambda m: leader.gather(gathering, m, check, minute=MINUTE),
        report,
        PeerFault,
        labels.UPLOAD_REPORT,
        cast.keys[3],
        lambda signed: Report(parsed.credential, signed, parsed.vector).to_bytes(),
    )
    found["offer"] = Door(
        window,
        lambda m: client.read_offer(window, 2, m, minute=MINUTE),
        play.offers[2],
        HelperFault,
        labels.UPLOAD_OFFER,
        cast.helper_keys[2],
    )
    play.take(report)
    unjudged = play.helpers[2]
    play.leader, proposal = leader.propose(play.leader)
    found["proposal"] = Door(
        unjudged,
        lambda m: helper.examine(unjudged, m, check, minute=MINUTE),
        proposal,
        CoordinatorFault,
        labels.UPLOAD_PROPOSAL,
        cast.leader_key,
    )
    verdicts = {j: play.examine(j, proposal) for j in range(4)}
    proposing = play.leader
    found["verdict"] = Door(
        proposing,
        lambda m: leader.take_verdict(proposing, 2, m),
        verdicts[2],
        HelperFault,
        labels.UPLOAD_VERDICT,
        cast.helper_keys[2],
    )
    for j, verdict in verdicts.items():
        play.leader = leader.take_verdict(play.leader, j, verdict)
    judged = play.helpers[2]
    play.leader, draft = leader.close_proposing(play.leader)
    found["draft"] = Door(
        judged,
        lambda m: helper.endorse(judged, m, minute=MINUTE),
        draft,
        CoordinatorFault,
        labels.UPLOAD_DRAFT,
        cast.leader_key,
    )
    listing = play.leader
    signatures = {j: play.endorse(j, draft) for j in range(4)}
    found["signature"] = Door(
        listing,
        lambda m: leader.take_signature(listing, 2, m),
        signatures[2],
        HelperFault,
        labels.UPLOAD_LIST,
        cast.helper_keys[2],
    )
    for j, signature in signatures.items():
        play.leader = leader.take_signature(play.leader, j, signature)
    play.leader, request = leader.close_listing(play.leader)
    endorsed, answering = play.helpers[2], play.leader
    found["request"] = Door(
        endorsed,
        lambda m: helper.answer(endorsed, m, minute=MINUTE),
        request,
        CoordinatorFault,
        labels.UPLOAD_REQUEST,
        cast.leader_key,
    )
    answer = play.answer(2, request)
    vectors = Answer.parse(answer, 3, 24).vectors
    found["answer"] = Door(
        answering,
        lambda m: leader.take_answer(answering, 2, m),
        answer,
        HelperFault,
        labels.UPLOAD_ANSWER,
        cast.helper_keys[2],
        lambda signed: Answer(signed, vectors).to_bytes(),
    )
    stage = play.helpers[2]
    found["record"] = Door(
        stage,
        lambda m: helper.restored(play.fresh(2)[0], [*play.kept[2], m]),
        play.kept[2][1],
        Caller,
        labels.UPLOAD_ANSWER,
        cast.helper_keys[2],
    )
    return found
