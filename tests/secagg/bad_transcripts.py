"""Transcripts that a client has to refuse although its M9 names them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from holter.crypto.signature import payload_of
from holter.secagg.transcript import Transcript
from holter.wire.cbor import Value
from tests.secagg.bad_down import ME, says
from tests.secagg.mutations import replaced
from tests.secagg.session_vectors import staged


def transcripts() -> Iterator[tuple[str, bytes]]:
    """Transcripts that tell another story; the M9 of the test names them."""
    made = staged()
    told = Transcript.parse(payload_of(made.down["transcript"][ME]))
    sets, who, floor = told.endorsement, told.endorsers, made.cast.session.bounds.survivors_floor
    fields: tuple[tuple[str, Value], ...] = (
        ("version", 2), ("suite", 2), ("task id", b"another"), ("session id", bytes(16)),
        ("group", 1), ("model hash", bytes(32)), ("plan hash", bytes(32)),
    )  # fmt: skip

    def counted(at: int, number: int) -> Transcript:
        return replace(told, counts=(*told.counts[:at], number, *told.counts[at + 1 :]))

    def endorsed(by: tuple[int, ...]) -> Transcript:
        return replace(counted(3, len(by)), endorsers=by)

    for name, other in (
        ("root", replace(told, root=bytes(32))),
        ("sum", replace(told, sum_hash=bytes(32))),
        ("mask set", replace(told, endorsement=replace(sets, mask_set_hash=bytes(32)))),
        ("survivor set", replace(told, endorsement=replace(sets, survivor_set_hash=bytes(32)))),
        ("header root", replace(told, endorsement=replace(sets, header_root=bytes(32)))),
        *(
            (name, replace(told, session=tuple(replaced(list(told.session), at, other))))  # type: ignore[arg-type]
            for at, (name, other) in enumerate(fields)
        ),
        ("size", replace(told, size=told.size + 1, counts=(told.size + 1, *told.counts[1:]))),
        ("number of cycles", replace(told, cycles=1)),
        ("threshold", replace(told, threshold=told.threshold - 1)),
        ("count on the roster", counted(0, told.size - 1)),
        ("count in U2, below U3", counted(1, told.counts[2] - 1)),
        ("count in U3, below the floor", counted(2, floor - 1)),
        ("count of endorsers", counted(3, told.counts[3] + 1)),
        ("set of endorsers, one named twice", endorsed((*who[:-1], who[0]))),
        ("set of endorsers, below a quorum", endorsed(who[:-1])),
    ):
        yield f"a transcript with another {name}", says(made, "transcript", other.payload())
