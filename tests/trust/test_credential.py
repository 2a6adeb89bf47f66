"""Credentials: the registrar's word, for one key, until one day."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.crypto import labels
from holter.crypto.signature import SigningKey
from holter.trust.credential import LIMIT_BYTES, Credential, NotEnrolled, check, issue
from holter.wire.cbor import Malformed, encode

REGISTRAR = SigningKey(hashlib.sha256(b"registrar").digest())
DEVICE = SigningKey(hashlib.sha256(b"device").digest())
HELD = Credential(DEVICE.public, 3, 20_000)
MESSAGE = issue(REGISTRAR, HELD)


def checked(message: bytes, today: int = 20_000) -> Credential:
    return check(message, registrar_public=REGISTRAR.public, today=today)


def signed(payload: object) -> bytes:
    """Anything, signed by the registrar as a credential."""
    return REGISTRAR.sign(encode(payload), context=labels.CREDENTIAL)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**20 - 1))
def test_what_the_registrar_issued_is_accepted_as_it_is(epoch: int, expires: int) -> None:
    credential = Credential(DEVICE.public, epoch, expires)
    message = issue(REGISTRAR, credential)
    assert checked(message, today=expires) == credential
    assert len(message) < LIMIT_BYTES


def test_a_credential_holds_on_its_last_day_and_not_on_the_next() -> None:
    assert checked(MESSAGE, today=20_000) == HELD
    with pytest.raises(NotEnrolled, match="expired"):
        checked(MESSAGE, today=20_001)


def test_a_credential_of_another_registrar_is_refused() -> None:
    stranger = SigningKey(hashlib.sha256(b"stranger").digest())
    with pytest.raises(NotEnrolled, match="not enrolled"):
        checked(issue(stranger, HELD))
    with pytest.raises(NotEnrolled, match="not enrolled"):
        checked(issue(DEVICE, HELD))  # a device cannot vouch for itself


@pytest.mark.parametrize("context", [b"", labels.ADVERTISE, labels.CREDENTIAL + b"\x00"])
def test_what_the_registrar_signed_for_another_purpose_is_no_credential(context: bytes) -> None:
    payload = encode([HELD.device_key, HELD.epoch, HELD.expires_day])
    with pytest.raises(NotEnrolled, match="not enrolled"):
        checked(REGISTRAR.sign(payload, context=context))


@pytest.mark.parametrize(
    "payload",
    [
        [],
        [DEVICE.public, 3],
        [DEVICE.public, 3, 20_000, 0],
        [DEVICE.public[:31], 3, 20_000],
        [DEVICE.public + b"\x00", 3, 20_000],
        [DEVICE.public.hex(), 3, 20_000],
        [DEVICE.public, -1, 20_000],
        [DEVICE.public, 2**32, 20_000],
        [DEVICE.public, True, 20_000],
        [DEVICE.public, 3, -1],
        [DEVICE.public, 3, 2**20],
        [DEVICE.public, 3, None],
        {0: DEVICE.public},
        [bytes(300), 3, 20_000],
    ],
)
def test_a_signed_statement_of_another_form_is_malformed(payload: object) -> None:
    with pytest.raises(Malformed):
        checked(signed(payload))


@settings(deadline=None, max_examples=150)
@given(st.integers(0, len(MESSAGE) * 8 - 1))
def test_no_flipped_bit_is_accepted(bit: int) -> None:
    changed = bytearray(MESSAGE)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises((NotEnrolled, Malformed)):
        checked(bytes(changed))


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_credential_are_refused_as_such(data: bytes) -> None:
    with pytest.raises((NotEnrolled, Malformed)):
        checked(data)


def test_refusals_name_the_remedy_and_no_device() -> None:
    with pytest.raises(NotEnrolled, match="renew") as caught:
        checked(MESSAGE, today=30_000)
    assert DEVICE.public.hex() not in str(caught.value)
