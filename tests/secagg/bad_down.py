"""Messages to a client that it has to refuse: what a coordinator that errs or lies could send."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from holter.crypto import labels, merkle
from holter.crypto.signature import SigningKey, payload_of
from holter.secagg.messages import (
    Inbox,
    MaskedHeader,
    Peer,
    Quorum,
    Roster,
    Survivors,
    Terms,
    header_root,
    statement,
)
from holter.secagg.session import set_bytes, set_hash
from holter.trust import credential
from holter.wire.cbor import encode
from tests.secagg.bad_up import LOW_ORDER, Bad
from tests.secagg.cast import TODAY, tape
from tests.secagg.mutations import Seal, everyway, fields_of, lengthwise, replaced, signaturewise
from tests.secagg.session_vectors import CLIENTS, LEFT, LOST, SILENT, Staged, staged

LABELS = {
    "M1": labels.ROSTER, "M3": labels.INBOX, "M5": labels.SURVIVORS, "M9": labels.RESULT,
    "transcript": labels.TRANSCRIPT,
}  # fmt: skip
ME = 2
ALL = ("M1", "M3", "M5", "M7", "M9", "transcript")


def seal_of(made: Staged, kind: str) -> Seal | None:
    if kind == "M7":
        return None
    cast = made.cast
    other = "M5" if kind == "M3" else "M3"
    bound = cast.session.context if kind == "M1" else made.sid
    where = None if kind in ("M9", "transcript") else 0
    return Seal(
        where, cast.server_key, LABELS[kind], bound, cast.keys[0], LABELS[other], tape("elsewhere")
    )


def says(made: Staged, kind: str, payload: bytes) -> bytes:
    """A statement of the coordinator."""
    seal = seal_of(made, kind)
    assert seal is not None
    return seal.key.sign(payload, context=seal.label + seal.bound)


def cases() -> Iterator[Bad]:
    made = staged()
    for kind in ALL:
        true, seal = made.down[kind][ME], seal_of(made, kind)
        if kind == "transcript":  # anything else is not what M9 names; see transcripts()
            assert seal is not None
            variants = [*signaturewise(true, seal), ("cut by one byte", true[:-1])]
        else:
            variants = list(everyway(true, seal))
        for name, message in variants:
            yield Bad(kind, name, ME, message)
        for other in ALL:
            if other != kind:
                yield Bad(kind, f"{other} out of turn", ME, made.down[other][ME])
        yield from to_another(made, kind)
    yield from rosters(made)
    yield from inboxes(made)
    yield from survivors(made)
    yield from quorums(made)


def to_another(made: Staged, kind: str) -> Iterator[Bad]:
    if kind in ("M1", "M5"):
        yield Bad(kind, "what was meant for another client", ME, made.down[kind][3])
    if kind in ("M9", "transcript"):
        text = payload_of(made.down[kind][ME])
        yield Bad(kind, "the payload alone, unsigned", ME, text)


def rosters(made: Staged) -> Iterator[Bad]:
    cast, true = made.cast, Roster.parse(made.down["M1"][ME])
    terms = Terms.parse(payload_of(true.signed_terms))
    rows, root = list(true.rows), terms.root

    def bad(name: str, terms: Terms = terms, **change: Any) -> Bad:
        signed = says(made, "M1", terms.payload())
        return Bad("M1", name, ME, replace(true, signed_terms=signed, **change).to_bytes())

    def rerooted(rows: list[tuple[bytes, bytes]]) -> dict[str, Any]:
        found = merkle.root([merkle.leaf(key + digest) for key, digest in rows])
        return {"rows": tuple(rows), "terms": replace(terms, root=found)}

    yield bad("another root", replace(terms, root=bytes(32)))
    for cycles, threshold in ((0, 4), (0, 6), (1, 5), (0, 0), (2047, 5)):
        yield bad(f"{cycles} cycles and threshold {threshold}", Terms(cycles, threshold, root))
    swapped = [rows[1], rows[0], *rows[2:]]
    yield bad("rows out of order", **rerooted(swapped))
    yield bad("a row twice", **rerooted([rows[0], rows[0], *rows[2:]]))
    yield bad("rows out of order under the old root", rows=tuple(swapped))
    own = (rows[ME][0], bytes(32))
    yield bad("my row with another digest", **rerooted([*rows[:ME], own, *rows[ME + 1 :]]))
    without = [*rows[:ME], *rows[ME + 1 :]]
    mine = {"credentials": (*true.credentials[:ME], *true.credentials[ME + 1 :])}
    yield bad("my row missing", **rerooted(without), **mine)
    yield bad("too few rows", **rerooted(rows[:3]), credentials=true.credentials[:3])
    more = sorted([*rows, (tape("one more"), bytes(32))])
    yield bad("too many rows", **rerooted(more), credentials=(*true.credentials, b"x"))
    other = (rows[0][0], bytes(32))
    yield bad("a neighbour's row with another digest", **rerooted([other, *rows[1:]]))
    yield bad("a credential missing", credentials=true.credentials[:-1])
    yield bad("a credential more", credentials=(*true.credentials, b""))
    key = cast.keys[0].public
    late = credential.issue(cast.registrar, credential.Credential(key, 1, TODAY - 1))
    forged = credential.issue(
        SigningKey(tape("no registrar")), credential.Credential(key, 1, TODAY)
    )
    for name, given in (
        ("empty", b""), ("expired", late), ("of another registrar", forged),
        ("of another device", true.credentials[1]), ("cut by one byte", true.credentials[0][:-1]),
    ):  # fmt: skip
        yield bad(f"a credential {name}", credentials=(given, *true.credentials[1:]))
    yield from neighbours(made, true, bad)


def neighbours(made: Staged, true: Roster, bad: Any) -> Iterator[Bad]:
    first = true.peers[0]
    yield bad("a neighbour missing", peers=true.peers[1:])
    yield bad("a neighbour more", peers=(*true.peers, first))
    yield bad("two neighbours in each other's place", peers=(true.peers[1], first, *true.peers[2:]))
    for field in ("channel_key", "mask_key", "commitment", "nonce", "signature"):
        value: bytes = getattr(first, field)
        other = replace(first, **{field: bytes([value[0] ^ 1]) + value[1:]})
        yield bad(
            f"a neighbour's {field.replace('_', ' ')} changed", peers=(other, *true.peers[1:])
        )
    for low in LOW_ORDER[:2]:  # a device that helps signs it, and the roster names it
        own = replace(first, mask_key=low).advertisement(true.rows[0][0])
        signed = made.cast.keys[0].sign(
            own.payload(), context=labels.ADVERTISE + made.cast.session.context
        )
        peer = Peer(own.channel_key, low, own.commitment, own.nonce, fields_of(signed)[3])  # type: ignore[arg-type]
        rows = [(true.rows[0][0], hashlib.sha256(own.payload()).digest()), *true.rows[1:]]
        root = merkle.root([merkle.leaf(key + digest) for key, digest in rows])
        yield bad(
            f"a neighbour's mask key of low order {low[:1].hex()}", Terms(0, 5, root),
            rows=tuple(rows), peers=(peer, *true.peers[1:]),
        )  # fmt: skip


def inboxes(made: Staged) -> Iterator[Bad]:
    true = Inbox.parse(made.down["M3"][ME])
    everyone = set(range(SILENT))

    def bad(name: str, bitmap: bytes, places: tuple[bytes, ...] = true.places) -> Bad:
        message = Inbox(says(made, "M3", statement([bitmap])), places).to_bytes()
        return Bad("M3", name, ME, message)

    right = set_bytes(everyone, CLIENTS)
    yield bad("a mask set without me", set_bytes(everyone - {ME}, CLIENTS))
    yield bad("a mask set below the floor", set_bytes({0, 1, ME, 3, 4}, CLIENTS), true.places[:4])
    yield bad("a bitmap too short", right[:1])
    yield bad("a bitmap too long", right + b"\x00")
    yield bad("a bit beyond the roster", bytes([right[0], right[1] | 2]))
    yield bad("a place missing", right, true.places[1:])
    yield bad("a place more", right, (*true.places, b""))
    yield bad("no places", right, ())
    signed = encode([true.signed_mask_set, [*true.places[:-1], None]])
    yield Bad("M3", "a place that is no byte string", ME, signed)


def survivors(made: Staged) -> Iterator[Bad]:
    cast, true = made.cast, Survivors.parse(made.down["M5"][ME])
    headers = {i: made.full["M4"].inputs[i].payload for i in range(LEFT)}
    keys = made.play.server.before.before.before.roster.device_keys
    live, root = set(range(LEFT)), header_root(headers, keys)

    def bad(name: str, members: set[int], root: bytes, shown: tuple[bytes, ...]) -> Bad:
        signed = says(made, "M5", statement([set_bytes(members, CLIENTS), root]))
        return Bad("M5", name, ME, Survivors(signed, shown).to_bytes())

    def forged(name: str, **how: Any) -> Bad:
        """The first header shown is another, and the root fits it."""
        key, bound = how.get("key", cast.keys[0]), how.get("bound", made.sid)
        own = MaskedHeader.parse(headers[0])
        payload = how.get("payload") or replace(own, **how.get("change", {})).payload()
        signed = key.sign(payload, context=how.get("label", labels.MASKED) + bound)
        fitting = header_root({**headers, 0: payload}, keys)
        return bad(name, live, fitting, (signed, *true.headers[1:]))

    yield bad("a survivor set without me", live - {ME}, root, true.headers)
    yield bad("survivors below the floor", live - {0}, root, true.headers[1:])
    more = (*true.headers, true.headers[0])
    yield bad("a survivor outside the mask set", live | {SILENT}, root, more)
    yield bad("a survivor whose header is missing", live | {LEFT}, root, true.headers)
    yield bad("a header missing", live, root, true.headers[1:])
    yield bad("a header more", live, root, more)
    yield bad("another root of headers", live, bytes(32), true.headers)
    yield bad("headers in another order", live, root, true.headers[::-1])
    yield bad("an empty header", live, root, (b"", *true.headers[1:]))
    yield forged("a header signed by another", key=cast.keys[LOST])
    yield forged("a header of another session", bound=tape("elsewhere"))
    yield forged("a header signed for another purpose", label=labels.ENDORSE)
    split = set_hash(made.sid, set(range(SILENT)) - {LOST}, CLIENTS)
    yield forged("a header of another mask set (split view)", change={"mask_set_hash": split})
    yield forged("a header with a field less", payload=encode(fields_of(headers[0])[:-1]))
    yield forged("a header with a short hash", payload=next(iter(lengthwise(headers[0])))[1])
    signed = encode([true.signed_survivors, replaced(list(true.headers), 0, None)])
    yield Bad("M5", "a header that is no byte string", ME, signed)


def quorums(made: Staged) -> Iterator[Bad]:
    true = Quorum.parse(made.down["M7"][ME])
    who, bare = true.endorsers, true.signatures

    def bad(name: str, who: tuple[int, ...], bare: tuple[bytes, ...]) -> Bad:
        return Bad("M7", name, ME, Quorum(who, bare).to_bytes())

    yield bad("one endorsement too few", who[:-1], bare[:-1])
    yield bad("no endorsements", (), ())
    yield bad("one of them twice instead of another", (*who[:-1], who[0]), (*bare[:-1], bare[0]))
    yield bad("one of them twice beside a quorum", (*who, who[0]), (*bare, bare[0]))
    yield bad("one who did not survive", (*who[:-1], LEFT), bare)
    yield bad("one who is not on the roster", (*who[:-1], 2047), bare)
    yield bad("the largest index of 16 bits", (*who[:-1], 65535), bare)
    yield bad("signatures in another order", who, bare[::-1])
    yield bad("a damaged signature", who, (bytes([bare[0][0] ^ 1]) + bare[0][1:], *bare[1:]))
    yield Bad(
        "M7", "a signature missing", ME, encode([fields_of(true.to_bytes())[0], b"".join(bare[1:])])
    )
    endorsement = made.full["M6"].endorsement
    for field in ("mask_set_hash", "survivor_set_hash", "header_root"):
        payload = replace(endorsement, **{field: tape("another")}).payload()
        context = labels.ENDORSE + made.sid
        signed = made.cast.keys[who[0]].sign(payload, context=context)
        other = fields_of(signed)[3]
        assert isinstance(other, bytes)
        name = f"an endorsement of another {field.replace('_', ' ')}"
        yield bad(name, who, (other, *bare[1:]))
