"""Enrolment credentials: a registrar's word that a device key belongs to a real device.

A credential is a COSE_Sign1 message of the registrar over [device key, epoch, expiry].
It carries the device's Ed25519 key, with which the messages of secure aggregation are
signed. Not here yet: the P-256 key in hardware for request envelopes, renewal and
revocation; they come with the registrar's service.
"""

from __future__ import annotations

from dataclasses import dataclass

from holter.crypto import labels, signature
from holter.wire.cbor import encode
from holter.wire.fields import Fields

LIMIT_BYTES = 256  # a credential has about 150 bytes
_DAYS = 1 << 20  # days since 1970, to the year 4840


@dataclass(frozen=True)
class Credential:
    """Who: an Ed25519 public key. When: the registrar's epoch and the last valid day (UTC)."""

    device_key: bytes
    epoch: int
    expires_day: int


class NotEnrolled(ValueError):
    """A credential that this registrar did not issue, or that has run out."""


def issue(registrar: signature.SigningKey, credential: Credential) -> bytes:
    """The registrar's signed statement, about 150 bytes."""
    payload = encode([credential.device_key, credential.epoch, credential.expires_day])
    return registrar.sign(payload, context=labels.CREDENTIAL)


def check(message: bytes, *, registrar_public: bytes, today: int) -> Credential:
    """The credential, if the registrar signed it and it is valid ``today`` (days since 1970).

    Raises NotEnrolled, or Malformed for bytes that are no credential at all.
    """
    try:
        payload = signature.verify(message, public=registrar_public, context=labels.CREDENTIAL)
    except signature.BadSignature:
        raise NotEnrolled("a device is not enrolled with this study's registrar") from None
    fields = Fields.of(payload, "credential", 3, limit_bytes=LIMIT_BYTES)
    credential = Credential(
        fields.octets(signature.KEY_BYTES), fields.uint(1 << 32), fields.uint(_DAYS)
    )
    if credential.expires_day < today:
        raise NotEnrolled("a device's enrolment has expired; it must renew it first")
    return credential
