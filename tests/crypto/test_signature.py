"""Signed messages: only this key, only this context, only these bytes."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.crypto.signature import (
    OVERHEAD_BYTES,
    BadSignature,
    SigningKey,
    assemble,
    payload_of,
    signature_of,
    verify,
)
from holter.wire.cbor import Malformed, decode, encode

SEED = hashlib.sha256(b"seed").digest()
KEY, OTHER = SigningKey(SEED), SigningKey(hashlib.sha256(b"other").digest())
MESSAGE = KEY.sign(b"payload", context=b"context")
ORDER = 2**252 + 27742317777372353535851937790883648493  # of the base point, RFC 8032


@given(st.binary(max_size=300), st.binary(max_size=60))
@settings(deadline=None)
def test_what_is_signed_verifies_and_is_returned(payload: bytes, context: bytes) -> None:
    message = KEY.sign(payload, context=context)
    assert verify(message, public=KEY.public, context=context) == payload
    assert payload_of(message) == payload
    assert len(message) <= len(payload) + OVERHEAD_BYTES
    assert KEY.sign(payload, context=context) == message  # deterministic


def test_the_bytes_that_are_signed_are_those_of_rfc_9052() -> None:
    """Sig_structure = ["Signature1", protected, external_aad, payload], written by hand."""
    key_id = hashlib.sha256(KEY.public).digest()[:8]
    protected = b"\xa2\x01\x27\x04\x48" + key_id  # {1: -8 (EdDSA), 4: key id}
    structure = b"\x84\x6aSignature1" + b"\x4d" + protected + b"\x47context" + b"\x47payload"
    signature = Ed25519PrivateKey.from_private_bytes(SEED).sign(structure)
    assert MESSAGE == b"\x84\x4d" + protected + b"\xa0\x47payload\x58\x40" + signature


@pytest.mark.parametrize("context", [b"", b"contex", b"context\x00", b"Context"])
def test_a_signature_is_worthless_in_another_context(context: bytes) -> None:
    with pytest.raises(BadSignature, match="context"):
        verify(MESSAGE, public=KEY.public, context=context)


def test_bytes_moved_between_context_and_payload_do_not_verify() -> None:
    moved = assemble(b"tpayload", signature_of(MESSAGE), public=KEY.public)
    with pytest.raises(BadSignature):
        verify(moved, public=KEY.public, context=b"contex")


def test_a_signature_of_another_key_is_refused_whatever_its_header_says() -> None:
    with pytest.raises(BadSignature, match="another key"):
        verify(MESSAGE, public=OTHER.public, context=b"context")
    dressed = assemble(b"payload", signature_of(MESSAGE), public=OTHER.public)
    with pytest.raises(BadSignature, match="does not verify"):
        verify(dressed, public=OTHER.public, context=b"context")


def parts() -> list[object]:
    items = decode(MESSAGE)
    assert isinstance(items, list)
    return items


@pytest.mark.parametrize(
    "protected",
    [
        {},
        {1: -8},
        {1: -7, 4: hashlib.sha256(KEY.public).digest()[:8]},
        {1: -8, 4: b"12345678"},
        {1: -8, 4: hashlib.sha256(KEY.public).digest()[:8], 3: 0},
        {1: -8, 4: hashlib.sha256(KEY.public).digest()},
    ],
)
def test_other_headers_are_refused_even_if_they_are_what_was_signed(
    protected: dict[int | str, int | bytes],
) -> None:
    header = encode(protected)
    structure = encode(["Signature1", header, b"context", b"payload"])
    signature = Ed25519PrivateKey.from_private_bytes(SEED).sign(structure)
    message = encode([header, {}, b"payload", signature])
    with pytest.raises(BadSignature, match="other headers"):
        verify(message, public=KEY.public, context=b"context")


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p[:3],
        lambda p: [*p, b""],
        lambda p: [p[0], {4: b"k"}, *p[2:]],
        lambda p: [p[0], [], *p[2:]],
        lambda p: [p[0], p[1], None, p[3]],
        lambda p: [p[0], p[1], "payload", p[3]],
        lambda p: [*p[:3], p[3][:-1]],
        lambda p: [*p[:3], p[3] + b"\x00"],
        lambda p: [{}, *p[1:]],
        lambda p: {},
        lambda p: 0,
    ],
)
def test_a_message_of_another_form_is_malformed(change: object) -> None:
    message = encode(change(parts()))  # type: ignore[operator]
    for attempt in (payload_of, signature_of):
        with pytest.raises(Malformed):
            attempt(message)
    with pytest.raises(Malformed):
        verify(message, public=KEY.public, context=b"context")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(MESSAGE) * 8 - 1))
def test_no_flipped_bit_verifies(bit: int) -> None:
    changed = bytearray(MESSAGE)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises((BadSignature, Malformed)):
        verify(bytes(changed), public=KEY.public, context=b"context")


def test_a_tagged_message_and_one_with_more_behind_it_are_malformed() -> None:
    for message in (b"\xd2" + MESSAGE, MESSAGE + b"\x00", MESSAGE[:-1], b""):
        with pytest.raises(Malformed):
            verify(message, public=KEY.public, context=b"context")


def test_the_same_signature_with_a_larger_scalar_is_refused() -> None:
    signature = signature_of(MESSAGE)
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    malleated = signature[:32] + scalar.to_bytes(32, "little")
    with pytest.raises(BadSignature):
        verify(
            assemble(b"payload", malleated, public=KEY.public),
            public=KEY.public,
            context=b"context",
        )


def test_a_bare_signature_and_its_payload_are_the_message_again() -> None:
    assert assemble(b"payload", signature_of(MESSAGE), public=KEY.public) == MESSAGE


def test_no_signing_key_shows_itself() -> None:
    assert repr(KEY) == "SigningKey(...)"
