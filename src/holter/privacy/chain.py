"""Lines of JSON that hold one another: each names the hash of the line before it.

A line that is changed, exchanged, inserted or missing shows, all but the last: for that the
hash of the last line (the head) is kept apart from the ledger, or every line is signed. A chain
without signatures shows accidents only; whoever can write the file can write all of it anew.

Every line has one form (sorted keys, no spaces, ASCII), so that what is signed is what is hashed:
``signature``, where there is one, is Ed25519 over the line without it, in the label LEDGER.
Nothing here opens a file. ``device_ledger`` and ``population_ledger`` say what the lines mean.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from holter.crypto import labels, signature
from holter.crypto.signature import BadSignature, SigningKey

GENESIS = hashlib.sha256(labels.LEDGER).hexdigest()  # "previous" of the first line

Sign: TypeAlias = Callable[[bytes], bytes]
"""The body of a line -> its signature, 64 bytes."""
Check: TypeAlias = Callable[[bytes, bytes], None]
"""(the body of a line, its signature) -> nothing, or crypto.signature.BadSignature."""

# One encoder for all lines; json.dumps would build one for every call.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


class Tampered(ValueError):
    """A ledger whose chain does not hold. A device treats it as spent."""


def signer(key: SigningKey) -> Sign:
    """Signs lines with ``key``. Deterministic: the same line has the same signature."""
    return lambda body: signature.signature_of(key.sign(body, context=labels.LEDGER))


def checker(public: bytes) -> Check:
    """Accepts lines that were signed with the key whose public half (32 bytes) this is."""

    def check(body: bytes, signed: bytes) -> None:
        message = signature.assemble(body, signed, public=public)
        signature.verify(message, public=public, context=labels.LEDGER)

    return check


def chained(previous: str, entry: Mapping[str, Any], sign: Sign | None = None) -> tuple[bytes, str]:
    """A line that names the hash of the line before it; returns (line, its own hash).

    entry: of JSON values; its keys ``previous`` and ``signature``, if any, are replaced.
    """
    content = {**entry, "previous": previous}
    if sign is not None:
        content.pop("signature", None)
        content["signature"] = sign(_body(content)).hex()
    line = _body(content) + b"\n"
    return line, hash_of(line)


def hash_of(line: bytes) -> str:
    """SHA-256 of one line with its newline, as the next line names it."""
    return hashlib.sha256(line).hexdigest()


def entry_of(line: bytes, check: Check | None = None) -> dict[str, Any]:
    """The entry of one line in its one form; ``check`` demands a signature and checks it.

    What the line follows is for the caller to look at. Raises Tampered.
    """
    try:
        entry: dict[str, Any] = json.loads(line)
        same = isinstance(entry, dict) and _body(entry) + b"\n" == line
    except (ValueError, RecursionError):
        raise Tampered("is not JSON") from None
    if not same or not isinstance(entry.get("previous"), str):
        raise Tampered("is not a line in its one form, ending in a newline")
    if check is not None:
        body = _body({name: value for name, value in entry.items() if name != "signature"})
        try:
            signed = bytes.fromhex(entry["signature"])
            if signed.hex() != entry["signature"]:  # capitals, spaces: the same bytes, another line
                raise BadSignature
            check(body, signed)
        except (KeyError, TypeError, ValueError):  # BadSignature and Malformed are ValueErrors
            raise Tampered("is not signed by the ledger's key") from None
    return entry


def verify(data: bytes, head: str | None, check: Check | None = None) -> list[dict[str, Any]]:
    """The entries of a ledger, if its chain holds from the first line to ``head``.

    head: hash of the last line, kept apart from the ledger (a result, a signed record). With
    None the last line is only as good as its signature, and lines missing at the end do not
    show. check: every line must be signed, and so checked. Raises Tampered, naming the line;
    a last line without its newline is tampered with too (``device.vault`` knows what a crash
    leaves, and cuts it before it asks).
    """
    previous, entries = GENESIS, []
    for number, line in enumerate(data.splitlines(keepends=True), start=1):
        try:
            entry = entry_of(line, check)
        except Tampered as fault:
            raise Tampered(f"line {number} of the ledger {fault}") from None
        if entry["previous"] != previous:
            raise Tampered(f"line {number} of the ledger does not follow the line before it")
        previous = hash_of(line)
        entries.append(entry)
    if head is not None and previous != head:
        raise Tampered("the ledger does not end where it should: a last line changed or missing")
    return entries


def _body(content: Mapping[str, Any]) -> bytes:
    return _ENCODER.encode(content).encode()
