"""Messages to the server that it has to refuse, each as a change of a true one of the session."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from holter.crypto import labels
from holter.crypto.signature import SigningKey, payload_of
from holter.secagg.messages import Advertised, Advertisement, Endorsement, Masked, MaskedHeader
from holter.secagg.session import set_bytes, set_hash
from holter.trust import credential
from holter.wire.cbor import encode
from tests.secagg.cast import TODAY, tape
from tests.secagg.mutations import Seal, everyway, fields_of, lengthwise, replaced
from tests.secagg.session_vectors import (
    CLIENTS,
    LEFT,
    LOST,
    SILENT,
    SPEAKERS,
    UP,
    Staged,
    staged,
)

LABELS = {
    "M0": labels.ADVERTISE, "M2": labels.SHARES, "M4": labels.MASKED, "M6": labels.ENDORSE,
    "M8": labels.UNMASK,
}  # fmt: skip
SENDER, OTHER = 2, 3
LOW_ORDER = (bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f")


@dataclass(frozen=True)
class Bad:
    """A message that must be refused. client: who sends it, or who is shown it. of: the client
    whose true message it is a change of. again: the true one had arrived before.
    """

    kind: str
    name: str
    client: int
    message: bytes
    of: int | None = None
    again: bool = False


def seal_of(made: Staged, kind: str, i: int) -> Seal:
    other = "M8" if kind == "M6" else "M6"
    bound = made.cast.session.context if kind == "M0" else made.sid
    where = {"M0": 1, "M4": 0}.get(kind)
    keys = made.cast.keys
    return Seal(where, keys[i], LABELS[kind], bound, keys[OTHER], LABELS[other], tape("elsewhere"))


def cases() -> Iterator[Bad]:
    made = staged()
    for kind in UP:
        true = made.said(kind, SENDER)
        for name, message in everyway(true, seal_of(made, kind, SENDER)):
            yield Bad(kind, name, SENDER, message)
        for other in UP:
            if other != kind:
                yield Bad(kind, f"{other} out of turn", SENDER, made.said(other, SENDER))
        if kind != "M0":
            yield from indices(made, kind, true)
    yield from advertisements(made)
    yield from shares(made)
    yield from vectors(made)
    yield from endorsements(made)
    yield from releases(made)


def indices(made: Staged, kind: str, true: bytes) -> Iterator[Bad]:
    """A true message in the name of someone else."""
    for index in (-1, CLIENTS, 1 << 16):
        yield Bad(kind, f"from index {index}, which is not on the roster", index, true, SENDER)
    yield Bad(kind, "of another client", OTHER, true, SENDER)
    for index, name in ((LEFT, "left after M3"), (LOST, "lost after M2"), (SILENT, "silent")):
        if index >= SPEAKERS[kind] and not (kind == "M4" and index != SILENT):
            yield Bad(kind, f"of another client, in the name of one {name}", index, true, SENDER)


def advertisements(made: Staged) -> Iterator[Bad]:
    cast, true = made.cast, made.said("M0", SENDER)
    seal, both = seal_of(made, "M0", SENDER), Advertised.parse(true)
    own = Advertisement.parse(payload_of(both.signed))
    registrar, key = cast.registrar, cast.keys[SENDER]
    late = credential.issue(registrar, credential.Credential(key.public, 1, TODAY - 1))
    stranger = credential.Credential(key.public, 1, TODAY + 30)
    self_made = credential.issue(SigningKey(tape("no registrar")), stranger)
    for name, given in (
        ("an expired credential", late),
        ("a credential of another registrar", self_made),
        ("the credential of another device", cast.credentials[OTHER]),
        ("no credential", b""),
        ("a credential cut by one byte", both.credential[:-1]),
        ("the longest message and one byte", bytes(1100)),
    ):
        yield Bad("M0", name, SENDER, replace(both, credential=given).to_bytes())
    for low in LOW_ORDER:
        for field in ("channel_key", "mask_key"):
            weak = replace(own, **{field: low}).payload()
            name = f"{field.replace('_', ' ')} of low order {low[:1].hex()}..{low[-1:].hex()}"
            yield Bad("M0", name, SENDER, seal.sign(true, weak))
    named = replace(own, device_key=cast.keys[OTHER].public).payload()
    yield Bad("M0", "the key of another device", SENDER, seal.sign(true, named))
    anew = seal.sign(true, replace(own, nonce=tape("another nonce")).payload())
    yield Bad("M0", "repeated with another nonce", SENDER, anew, again=True)


def again(made: Staged, kind: str, payload: bytes, name: str) -> Bad:
    """A second, other message, truly signed, after the first."""
    message = seal_of(made, kind, SENDER).sign(made.said(kind, SENDER), payload)
    return Bad(kind, f"repeated with {name}", SENDER, message, again=True)


def shares(made: Staged) -> Iterator[Bad]:
    fields = fields_of(payload_of(made.said("M2", SENDER)))
    seal, true = seal_of(made, "M2", SENDER), made.said("M2", SENDER)
    names = ("seal", "seed tag", "key tag", "edge tag")
    for place, (name, size) in enumerate(zip(names, (144, 8, 8, 8), strict=True)):
        joined = fields[place]
        assert isinstance(joined, bytes)
        other = bytes([joined[0] ^ 1]) + joined[1:]
        yield again(made, "M2", encode(replaced(fields, place, other)), f"another {name}")
        for more, changed in (("fewer", joined[size:]), ("more", joined + bytes(size))):
            payload = encode(replaced(fields, place, changed))
            yield Bad("M2", f"one {name} {more}", SENDER, seal.sign(true, payload))
    every = encode([value + bytes(s) for value, s in zip(fields, (144, 8, 8, 8))])  # type: ignore
    yield Bad("M2", "one neighbour more", SENDER, seal.sign(true, every))


def vectors(made: Staged) -> Iterator[Bad]:
    true, seal = made.said("M4", SENDER), seal_of(made, "M4", SENDER)
    whole = Masked.parse(true, 24)
    header = MaskedHeader.parse(payload_of(whole.signed_header))
    sid, other = made.sid, bytes([whole.vector[0] ^ 1]) + whole.vector[1:]
    yield Bad(
        "M4", "another vector than was signed", SENDER, replace(whole, vector=other).to_bytes()
    )
    for name, words in (("fewer", whole.vector[:-8]), ("more", whole.vector + bytes(8))):
        fitting = replace(header, vector_hash=hashlib.sha256(words).digest()).payload()
        message = Masked(seal.key.sign(fitting, context=seal.label + sid), words).to_bytes()
        yield Bad("M4", f"one word {name}", SENDER, message)
    for name, message in lengthwise(true):
        if name.startswith("field 1"):
            yield Bad("M4", f"the vector: {name[8:]}", SENDER, message)
    everyone = set(range(CLIENTS))
    for name, members in (
        ("the whole roster", everyone),
        ("itself left out", {0, 1, 3, 4, 5, 6, 7}),
    ):
        wrong = replace(header, mask_set_hash=set_hash(sid, members, CLIENTS)).payload()
        yield Bad("M4", f"masked with another set: {name}", SENDER, seal.sign(true, wrong))
    silent = set_bytes({CLIENTS - 2}, CLIENTS - 1)  # position of SILENT among the neighbours
    for name, bits in (
        ("about someone outside the mask set", silent),
        ("of the wrong length", b""),
        ("one byte longer", header.complaints + b"\x00"),
    ):
        payload = replace(header, complaints=bits).payload()
        yield Bad("M4", f"a complaint {name}", SENDER, seal.sign(true, payload))
    anew = replace(header, vector_hash=hashlib.sha256(other).digest()).payload()
    signed = seal.key.sign(anew, context=seal.label + sid)
    second = Masked(signed, other).to_bytes()
    yield Bad("M4", "repeated with another vector", SENDER, second, again=True)
    unsigned = replace(whole, vector=other).to_bytes()
    yield Bad(
        "M4", "repeated with another vector under the old header", SENDER, unsigned, again=True
    )
    yield again(made, "M4", replace(header, complaints=b"\x02").payload(), "a complaint more")


def endorsements(made: Staged) -> Iterator[Bad]:
    endorsement = made.full["M6"].endorsement
    seal, true = seal_of(made, "M6", SENDER), made.said("M6", SENDER)
    for field in ("mask_set_hash", "survivor_set_hash", "header_root"):
        other: Endorsement = replace(endorsement, **{field: tape("another")})
        name = f"another {field.replace('_', ' ')}"
        yield Bad("M6", name, SENDER, seal.sign(true, other.payload()))
        yield again(made, "M6", other.payload(), name)
    for index in (LEFT, LOST, SILENT):
        outside = seal_of(made, "M6", index).sign(true, endorsement.payload())
        yield Bad("M6", f"of client {index}, which did not survive", index, outside, SENDER)


def releases(made: Staged) -> Iterator[Bad]:
    seal, true = seal_of(made, "M8", SENDER), made.said("M8", SENDER)
    fields = fields_of(payload_of(true))
    sizes = (64, 32, 64)
    for place, (name, size) in enumerate(zip(("seed share", "edge seed", "key share"), sizes)):
        joined = fields[place]
        assert isinstance(joined, bytes)
        for more, changed in (("fewer", joined[size:]), ("more", joined + bytes(size))):
            payload = encode(replaced(fields, place, changed))
            yield Bad("M8", f"one {name} {more}", SENDER, seal.sign(true, payload))
        spoilt = encode(replaced(fields, place, bytes([joined[0] ^ 1]) + joined[1:]))
        yield again(made, "M8", spoilt, f"another {name}")
    swapped = encode([fields[2], fields[1], fields[0]])
    yield Bad(
        "M8", "seed shares and key shares in each other's place", SENDER, seal.sign(true, swapped)
    )
    for index in (LEFT, LOST, SILENT):
        outside = seal_of(made, "M8", index).sign(true, payload_of(true))
        yield Bad("M8", f"of client {index}, which did not survive", index, outside, SENDER)
