"""Messages of a window that somebody must refuse, and whose fault each is; for the vectors.

``left out``: a helper that judges the proposal finds its first report valid and not its last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from holter.crypto import labels
from holter.crypto.signature import SigningKey, assemble, payload_of
from holter.secagg.session import set_bytes
from holter.secagg.upload import messages
from holter.secagg.upload.messages import Answer, Claim, Offer, Report, Request, Verdict
from holter.wire.cbor import decode, encode
from tests.secagg.cast import MINUTE, TODAY, tape
from tests.secagg.upload.window_cast import CLOSES, EXPIRES, WindowPlay, id_of
from tests.secagg.upload.window_forgery import credential_of, forged, lie, spoilt_for


@dataclass(frozen=True)
class Bad:
    """to: device, leader or helper; at: where it stands; fault: peer, helper or coordinator."""

    name: str
    to: str
    at: str
    kind: str
    message: bytes
    fault: str
    minute: int = MINUTE
    index: int = 0


def reports(play: WindowPlay) -> Iterator[Bad]:
    """Reports that the leader refuses, a helper, or both."""
    cast = play.cast
    honest = Report.parse(play.reports[1], 24)
    payload, public = payload_of(honest.signed), cast.keys[1].public
    theirs = Claim.parse(payload_of(Report.parse(play.reports[0], 24).signed), cast.window)
    parts = decode(honest.signed)
    assert isinstance(parts, list)
    loud = encode([parts[0], {1: 2}, *parts[2:]])
    everyone: dict[str, bytes] = {
        "another's credential": forged(play, 1, credential=cast.credentials[2]),
        "a credential that ended yesterday": forged(
            play, 1, credential=credential_of(play, 1, TODAY - 1, cast.registrar)
        ),
        "a credential of another registrar": forged(
            play, 1, credential=credential_of(play, 1, TODAY, cast.keys[1])
        ),
        "a false signature": replace(
            honest, signed=assemble(payload, bytes(64), public=public)
        ).to_bytes(),
        "an unprotected header": replace(honest, signed=loud).to_bytes(),
        "the context of another window": forged(play, 1, bound=tape("context")),
        "the label of another message": forged(play, 1, label=labels.UPLOAD_ANSWER),
        "an expiry minute that has come": forged(play, 1, expires=MINUTE),
        "a seal too few": forged(play, 1, change=lambda c: replace(c, seals=c.seals[1:]).payload()),
        "a commitment too few": forged(
            play, 1, change=lambda c: replace(c, commitments=c.commitments[1:]).payload()
        ),
        "bytes after its payload": forged(play, 1, change=lambda c: c.payload() + b"\0"),
        "a second report of a device": forged(play, 0, report_id=tape("another", 16)),
        "another device's report id": forged(play, 1, report_id=id_of(0)),
    }
    helpers: dict[str, bytes] = {
        "a seal that does not open": spoilt_for(play, 1, 0),
        "a longer seal": forged(
            play, 1, change=lambda c: replace(c, seals=(c.seals[0] + b"!", *c.seals[1:])).payload()
        ),
        "a commitment to another seed": forged(
            play, 1, commitments=[tape(("false", g)) for g in range(cast.window.seeds)]
        ),
        "the seals of another device": forged(
            play, 1, change=lambda c: replace(c, seals=theirs.seals).payload()
        ),
    }
    leaders: dict[str, bytes] = {
        "a vector that was not signed": replace(honest, vector=bytes(24)).to_bytes(),
        "a vector of another length": replace(honest, vector=bytes(32)).to_bytes(),
        "bytes after the report": play.reports[1] + b"\0",
        "a longer seal for one helper": forged(
            play, 1, change=lambda c: replace(c, seals=(*c.seals[:-1], bytes(200))).payload()
        ),
    }
    for name, message in {**everyone, **leaders}.items():
        yield Bad(f"report: {name}", "leader", "gathering", "report", message, "peer")
    for name, message in {**everyone, **helpers}.items():
        proposal = play.proposal([play.reports[0], message])
        yield Bad(f"left out: {name}", "helper", "opened", "proposal", proposal, "peer")


def offers(play: WindowPlay) -> Iterator[Bad]:
    """Offers that no device seals to."""
    cast, offer = play.cast, Offer.parse(payload_of(play.offers[0]))
    own = cast.helper_keys[0]

    def said(signer: SigningKey = own, **changes: object) -> bytes:
        payload = replace(offer, **changes).payload()  # type: ignore[arg-type]
        return cast.says(labels.UPLOAD_OFFER, payload, signer)

    for name, message in {
        "signed by the leader": said(cast.leader_key),
        "of another helper's place": said(helper=1),
        "for another suite": said(suite=2),
        "of a key of low order": said(public=bytes(32)),
        "of a key of another length": said(public=offer.public[1:]),
        "whose closing minute has come": said(closes_minute=MINUTE),
        "with the label of another message": cast.says(labels.UPLOAD_LIST, offer.payload(), own),
    }.items():
        yield Bad(f"offer: {name}", "device", "", "offer", message, "helper")


def lists(play: WindowPlay) -> Iterator[Bad]:
    """Lists that a helper neither signs nor answers; it accepted that of the devices 0, 1, 2."""
    cast, four = play.cast, len(play.helpers) == 4
    kind = "draft" if four else "request"
    ask: Callable[[list[bytes]], bytes] = play.listing if four else play.request
    label = labels.UPLOAD_DRAFT if four else labels.UPLOAD_REQUEST
    first, *both = play.entries(0, 1, 2)
    other = [first[:16] + tape("another digest")]
    stranger = cast.says(label, payload_of(ask(play.entries(0, 1, 2))), cast.keys[0])
    for name, at, message, minute in (
        ("below the floor", "judged", ask(play.entries(0, 1)), MINUTE),
        ("with an id twice", "judged", ask([*play.entries(0, 1), play.entries(0, 1)[1]]), MINUTE),
        ("that descends", "judged", ask(play.entries(0, 1, 2)[::-1]), MINUTE),
        ("with an id under two digests", "judged", ask([first, *other, *both[:1]]), MINUTE),
        ("with another report under an id", "judged", ask([*other, *both]), MINUTE),
        ("with a piece of an entry", "judged", ask([*play.entries(0, 1, 2), b"\xff"]), MINUTE),
        ("of ids alone", "judged", ask([id_of(i) for i in (0, 1, 2)]), MINUTE),
        ("with an invented report", "judged", ask([*play.entries(0, 1), b"\xff" * 48]), MINUTE),
        ("of nothing", "judged", ask([]), MINUTE),
        ("with a report left out", "judged", ask(play.entries(0, 1, 4)), MINUTE),
        ("beyond the largest", "judged", ask(play.entries(0, 1, 2, 3)), MINUTE),
        ("whose reports expired since", "judged", ask(play.entries(0, 1, 2)), EXPIRES),
        ("that shares a report with another", "accepted", ask(play.entries(1, 2, 3)), MINUTE),
        ("at the closing minute", "judged", ask(play.entries(0, 1, 2)), CLOSES),
        ("accepted before the closing minute", "accepted", ask(play.entries(0, 1, 2)), CLOSES),
        ("that another than the leader sent", "judged", stranger, MINUTE),
    ):
        yield Bad(f"list: {name}", "helper", at, kind, message, "coordinator", minute)
    entries = payload_of(play.proposal([play.reports[0]]))
    for name, message in {
        "signed by a helper": cast.says(labels.UPLOAD_PROPOSAL, entries, cast.helper_keys[0]),
        "with a credential too few": cast.says(labels.UPLOAD_PROPOSAL, encode([[], [b""]])),
        "with a number": cast.says(labels.UPLOAD_PROPOSAL, encode([[b"", 7], [b"", b""]])),
        "with a credential that is too long": cast.says(
            labels.UPLOAD_PROPOSAL, encode([[bytes(257)], [b""]])
        ),
        "with the label of a request": cast.says(labels.UPLOAD_REQUEST, entries),
    }.items():
        yield Bad(f"proposal: {name}", "helper", "opened", "proposal", message, "coordinator")
    honest = play.proposal([play.reports[0]])
    name = "proposal: at the closing minute"
    yield Bad(name, "helper", "opened", "proposal", honest, "coordinator", CLOSES)
    if not four:
        signed = {0: cast.says(labels.UPLOAD_LIST, b"", cast.helper_keys[0])}
        message = play.request(play.entries(0, 1, 2), signed)
        name = "list: of the only helper with a signature"
        yield Bad(name, "helper", "judged", "request", message, "coordinator")


def quorums(play: WindowPlay, signed: dict[int, bytes], other: dict[int, bytes]) -> Iterator[Bad]:
    """Requests for the list of 0, 1, 2 without the consent of three. other: of another list."""
    listed = play.entries(0, 1, 2)
    given = Request.parse(payload_of(play.request(listed, signed)))

    def request(helpers: tuple[int, ...], bare: tuple[bytes, ...]) -> bytes:
        payload = replace(given, helpers=helpers, signatures=bare).payload()
        return play.cast.says(labels.UPLOAD_REQUEST, payload)

    bare = given.signatures
    for name, message in {
        "of two helpers": request((0, 1), bare[:2]),
        "of nobody": request((), ()),
        "of one helper thrice": request((1, 1, 1), (bare[1],) * 3),
        "of three helpers and one of them twice": request((0, 1, 2, 2), (*bare, bare[2])),
        "of a helper that there is not": request((0, 1, 4), bare),
        "in the wrong order": request((1, 0, 2), bare),
        "of another list": play.request(listed, other),
        "one signature short": play.cast.says(
            labels.UPLOAD_REQUEST, encode([given.listed, bytes((0, 1, 2)), b"".join(bare[:2])])
        ),
    }.items():
        yield Bad(f"quorum: {name}", "helper", "judged", "request", message, "coordinator", index=3)


def of_helpers(play: WindowPlay, proposal: bytes, good: dict[str, bytes]) -> Iterator[Bad]:
    """What helper 0 may not say to the leader. good: its honest words, by kind."""
    cast, key = play.cast, play.cast.helper_keys[0]
    held = len(cast.window.held_by(0))
    count = len(reports_in(proposal))
    digest = hashlib.sha256(proposal).digest()
    bits = set_bytes(range(count), count)

    def verdict(digest: bytes, bits: bytes, signer: SigningKey = key) -> bytes:
        return cast.says(labels.UPLOAD_VERDICT, Verdict(digest, bits).payload(), signer)

    for name, message in {
        "on another proposal": verdict(tape("proposal"), bits),
        "with a bit too far": verdict(digest, b"\xff"),
        "with a byte too many": verdict(digest, bits + b"\0"),
        "signed by the leader": verdict(digest, bits, cast.leader_key),
    }.items():
        yield Bad(f"verdict: {name}", "leader", "proposing", "verdict", message, "helper")
    honest = Answer.parse(good["answer"], held, 24)
    false = lie(play, 0, good["answer"])
    mixed = replace(Answer.parse(false, held, 24), signed=honest.signed).to_bytes()
    elsewhere = messages.answer_payload(
        tape("list"), [hashlib.sha256(vector).digest() for vector in honest.vectors]
    )
    for name, message in {
        "of vectors that it did not sign": mixed,
        "of a vector too few": replace(honest, vectors=honest.vectors[1:]).to_bytes(),
        "of a short vector": replace(
            honest, vectors=(honest.vectors[0][1:], *honest.vectors[1:])
        ).to_bytes(),
        "to another list": replace(
            honest, signed=cast.says(labels.UPLOAD_ANSWER, elsewhere, key)
        ).to_bytes(),
        "that it did not sign": replace(
            honest, signed=cast.says(labels.UPLOAD_ANSWER, payload_of(honest.signed))
        ).to_bytes(),
    }.items():
        yield Bad(f"answer: {name}", "leader", "answering", "answer", message, "helper")
    if "signature" in good:
        other = messages.list_payload(tape("list"))
        for name, message in {
            "of another list": cast.says(labels.UPLOAD_LIST, other, key),
            "with the label of a draft": cast.says(
                labels.UPLOAD_DRAFT, payload_of(good["signature"]), key
            ),
        }.items():
            yield Bad(f"signature: {name}", "leader", "listing", "signature", message, "helper")


def reports_in(proposal: bytes) -> tuple[bytes, ...]:
    return messages.Proposal.parse(payload_of(proposal)).signed
