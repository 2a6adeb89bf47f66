"""Every parser of the protocol's bytes beside its writer, for tests and for tools/fuzz_messages.py.

Nothing but ``holter`` is imported here, so that the fuzzer needs no test library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from holter.crypto import signature
from holter.secagg import messages, records, session, transcript
from holter.secagg.errors import Caller
from holter.trust import credential
from holter.wire import cbor

Parser = tuple[Callable[[bytes], Any], Callable[[Any], bytes] | None]


def signed(data: bytes) -> bytes:
    """The payload of a COSE_Sign1 message; its parts put together again are the message."""
    payload = signature.payload_of(data)
    parts = cbor.decode(data)
    assert isinstance(parts, list) and parts[1] == {} and parts[2] == payload
    assert signature.signature_of(data) == parts[3]
    return payload


def recorded(data: bytes) -> tuple[str, bytes]:
    """A write-ahead record; Caller is how it is refused."""
    try:
        return records.last([data])
    except Caller as refusal:
        raise ValueError(str(refusal)) from None


def credential_of(data: bytes) -> Any:
    """A credential that nobody signed is never one."""
    return credential.check(data, registrar_public=bytes(32), today=0)


PARSERS: dict[str, Parser] = {
    "cbor": (cbor.decode, cbor.encode),
    "COSE_Sign1": (signed, None),
    "credential": (credential_of, None),
    "record": (recorded, None),
    "bitmap": (lambda data: session.set_of(data, 11), lambda found: session.set_bytes(found, 11)),
    "M0": (messages.Advertised.parse, messages.Advertised.to_bytes),
    "M0 payload": (messages.Advertisement.parse, messages.Advertisement.payload),
    "M1 terms": (messages.Terms.parse, messages.Terms.payload),
    "M1": (messages.Roster.parse, messages.Roster.to_bytes),
    "M2 payload": (lambda data: messages.Shares.parse(data, 8), messages.Shares.payload),
    "M3": (messages.Inbox.parse, messages.Inbox.to_bytes),
    "M4 header": (messages.MaskedHeader.parse, messages.MaskedHeader.payload),
    "M4": (lambda data: messages.Masked.parse(data, 24), messages.Masked.to_bytes),
    "M5": (messages.Survivors.parse, messages.Survivors.to_bytes),
    "M7": (messages.Quorum.parse, messages.Quorum.to_bytes),
    "M8 payload": (
        lambda data: messages.Unmasking.parse(data, 5, 2, 2),
        messages.Unmasking.payload,
    ),
    "M9": (lambda data: messages.parse_statement(data, "M9", [32, 32]), messages.statement),
    "transcript": (transcript.Transcript.parse, transcript.Transcript.payload),
}


def tried(name: str, data: bytes) -> bool:
    """Whether the parser takes it; what it takes is written back as the same bytes.

    Raises whatever is neither a refusal (ValueError) nor sense.
    """
    parse, write = PARSERS[name]
    try:
        found = parse(data)
    except ValueError:
        return False
    if write is not None and write(found) != data:
        raise AssertionError(f"{name}: two encodings mean the same")
    return True
