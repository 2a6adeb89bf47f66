"""Hardware signatures: only this key, only these bytes, only this form."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.crypto.hardware_signature import (
    PUBLIC_BYTES,
    SIGNATURE_BYTES,
    SoftwareKey,
    public_of,
    verify,
)
from holter.crypto.signature import BadSignature

SEED = hashlib.sha256(b"hardware").digest()
KEY, OTHER = SoftwareKey(SEED), SoftwareKey(hashlib.sha256(b"other").digest())
SIGNATURE = KEY.sign(b"message")
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # SP 800-186


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_what_is_signed_verifies_in_its_fixed_form(message: bytes) -> None:
    signature = KEY.sign(message)
    assert len(signature) == SIGNATURE_BYTES
    verify(message, signature, KEY.public)
    assert KEY.sign(message) == signature  # deterministic
    with pytest.raises(BadSignature):
        verify(message, signature, OTHER.public)


def test_a_public_key_is_a_compressed_point() -> None:
    assert public_of(SEED) == KEY.public
    assert len(KEY.public) == PUBLIC_BYTES
    assert KEY.public[0] in (2, 3)


def test_numbers_with_leading_zeros_keep_their_place() -> None:
    found = set()
    for count in range(3000):
        message = count.to_bytes(2, "big")
        signature = KEY.sign(message)
        verify(message, signature, KEY.public)
        found |= {half for half in (0, 32) if signature[half] == 0}
        if len(found) == 2:
            return
    pytest.fail("no signature with a leading zero in three thousand")


def test_the_other_s_verifies_too_so_a_signature_is_no_name() -> None:
    r, s = SIGNATURE[:32], int.from_bytes(SIGNATURE[32:], "big")
    verify(b"message", r + (ORDER - s).to_bytes(32, "big"), KEY.public)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 8 * SIGNATURE_BYTES - 1))
def test_no_signature_with_a_flipped_bit_verifies(bit: int) -> None:
    changed = bytearray(SIGNATURE)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadSignature):
        verify(b"message", bytes(changed), KEY.public)


@pytest.mark.parametrize("message", [b"", b"messag", b"message\x00", b"Message"])
def test_a_signature_is_worthless_for_other_bytes(message: bytes) -> None:
    with pytest.raises(BadSignature, match="does not verify"):
        verify(message, SIGNATURE, KEY.public)


@pytest.mark.parametrize(
    "signature", [b"", SIGNATURE[:-1], SIGNATURE + b"\x00", SIGNATURE[:32], b"\x30" + bytes(69)]
)
def test_a_signature_of_another_length_is_refused(signature: bytes) -> None:
    with pytest.raises(BadSignature, match="64 bytes"):
        verify(b"message", signature, KEY.public)


@pytest.mark.parametrize(
    "public",
    [
        b"",
        b"\x00",
        KEY.public[:-1],
        KEY.public + b"\x00",
        b"\x04" + KEY.public[1:],
        b"\x00" + KEY.public[1:],
        b"\x02" + b"\xff" * 32,
        b"\x02" + bytes(31) + b"\x01",
        b"\x04" + bytes(64),
    ],
)
def test_nothing_verifies_under_what_is_no_compressed_point(public: bytes) -> None:
    with pytest.raises(BadSignature, match="no public key"):
        verify(b"message", SIGNATURE, public)


def test_an_uncompressed_point_is_refused_even_if_it_is_the_key() -> None:
    uncompressed = bytes.fromhex(
        "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
    )  # of RFC 6979 appendix A.2.5
    private = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
    key = SoftwareKey(bytes.fromhex(private))
    assert key.public == b"\x03" + uncompressed[1:33]
    with pytest.raises(BadSignature, match="no public key"):
        verify(b"message", key.sign(b"message"), uncompressed)


@pytest.mark.parametrize(
    "private",
    [b"", SEED[:-1], SEED + b"\x00", bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32],
)
def test_a_private_key_out_of_range_or_length_is_refused(private: bytes) -> None:
    for attempt in (SoftwareKey, public_of):
        with pytest.raises(ValueError):
            attempt(private)


def test_no_software_key_shows_itself() -> None:
    assert repr(KEY) == "SoftwareKey(...)"
