"""Signatures as hardware keys make them: ECDSA on P-256 with SHA-256 (ES256, RFC 9053).

A signature is r | s, 32 bytes each, big-endian (RFC 9053 section 2.1); a key store that gives
DER has it converted before it comes here. A public key is a compressed point, 33 bytes (SEC 1
section 2.3.3). Hardware does not choose the lower s, so for each (r, s) that verifies
(r, n - s) does too: a signature is evidence, never a name by which a message is known.

Not here: what is signed. The message bytes say by themselves what they are for (``labels``).
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from holter.crypto.signature import BadSignature

PRIVATE_BYTES = 32  # a scalar of P-256, big-endian, SEC 1 section 3.2.1
PUBLIC_BYTES = 33  # 02 or 03 and the x coordinate, SEC 1 section 2.3.3
SIGNATURE_BYTES = 64  # RFC 9053 section 2.1
_HALF = SIGNATURE_BYTES // 2


class SoftwareKey:
    """A P-256 key in memory: for tests and devices without hardware. ``repr`` shows nothing."""

    def __init__(self, private: bytes) -> None:
        if len(private) != PRIVATE_BYTES:
            raise ValueError(f"a private key of P-256 has {PRIVATE_BYTES} bytes")
        self._key = ec.derive_private_key(int.from_bytes(private, "big"), ec.SECP256R1())
        self.public = self._key.public_key().public_bytes(
            Encoding.X962, PublicFormat.CompressedPoint
        )

    def sign(self, message: bytes) -> bytes:
        """The signature, r | s; deterministic (RFC 6979), which hardware need not be."""
        r, s = decode_dss_signature(
            self._key.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))
        )
        return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")

    def __repr__(self) -> str:
        return "SoftwareKey(...)"


def public_of(private: bytes) -> bytes:
    """The public key, 33 bytes, of a private one; ValueError outside 1 .. n - 1."""
    return SoftwareKey(private).public


def verify(message: bytes, signature: bytes, public: bytes) -> None:
    """Returns if ``signature`` is ``public``'s over ``message``; raises BadSignature if not."""
    if len(signature) != SIGNATURE_BYTES:
        raise BadSignature(f"a hardware signature has {SIGNATURE_BYTES} bytes")
    r, s = (int.from_bytes(half, "big") for half in (signature[:_HALF], signature[_HALF:]))
    try:
        if len(public) != PUBLIC_BYTES:
            raise ValueError("not a compressed point")
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
    except ValueError:
        raise BadSignature("a hardware signature under what is no public key of P-256") from None
    try:
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise BadSignature("a hardware signature does not verify") from None
