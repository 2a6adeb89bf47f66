"""Device and server identity: COSE_Sign1 (RFC 9052) with Ed25519 (RFC 8032).

A signed message is the untagged COSE_Sign1 array [protected, {}, payload, signature].
The protected header is exactly algorithm and key id; the unprotected header is empty;
``context`` (a label and the session) is the external_aad, so a signature made for one
message of one session verifies nowhere else.
"""

from __future__ import annotations

import functools
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from holter.wire.cbor import Malformed, Value, byte_string, decode, encode

KEY_BYTES = 32  # Ed25519 private seeds and public keys, RFC 8032 section 5.1
SIGNATURE_BYTES = 64  # RFC 8032 section 5.1
KEY_ID_BYTES = 8  # enough to pick a key by; a signature is checked under the whole key
OVERHEAD_BYTES = 96  # signature, protected header and CBOR heads, rounded up
_SIGNATURE1 = b"\x84" + encode("Signature1")  # an array of four, and its first item
_ALGORITHM, _EDDSA, _KEY_ID = 1, -8, 4  # COSE header labels and algorithm, RFC 9053


class BadSignature(ValueError):
    """A signed message that does not verify under the expected key and context."""


@functools.lru_cache(maxsize=4096)  # the same few thousand keys, again and again
def _protected(public: bytes) -> bytes:
    key_id = hashlib.sha256(public).digest()[:KEY_ID_BYTES]
    return encode({_ALGORITHM: _EDDSA, _KEY_ID: key_id})


def _to_be_signed(protected: bytes, payload: bytes, context: bytes) -> bytes:
    return _SIGNATURE1 + byte_string(protected) + byte_string(context) + byte_string(payload)


class SigningKey:
    """A private Ed25519 key. ``repr`` shows nothing."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()
        self._header = _protected(self.public)

    def sign(self, payload: bytes, *, context: bytes) -> bytes:
        """COSE_Sign1 over ``payload``; deterministic (RFC 8032)."""
        signature = self._key.sign(_to_be_signed(self._header, payload, context))
        empty: dict[int | str, Value] = {}
        return encode([self._header, empty, payload, signature])

    def __repr__(self) -> str:
        return "SigningKey(...)"


def payload_of(message: bytes) -> bytes:
    """The payload of a signed message, NOT verified: only to learn whose key to check with."""
    return _open(message)[1]


def verify(message: bytes, *, public: bytes, context: bytes) -> bytes:
    """The payload, if the signature is ``public``'s over it in ``context``.

    Raises Malformed (not such a message) or BadSignature.
    """
    protected, payload, signature = _open(message)
    if protected != _protected(public):
        raise BadSignature("a message is signed by another key, or with other headers")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(
            signature, _to_be_signed(protected, payload, context)
        )
    except InvalidSignature:
        raise BadSignature("a signature does not verify in this context") from None
    return payload


def _open(message: bytes) -> tuple[bytes, bytes, bytes]:
    match decode(message):
        case [bytes(protected), dict(unprotected), bytes(payload), bytes(signature)] if (
            not unprotected and len(signature) == SIGNATURE_BYTES
        ):
            return protected, payload, signature
        case _:
            raise Malformed("not a COSE_Sign1 message of this profile")


def signature_of(message: bytes) -> bytes:
    """The bare signature (64 bytes) of a signed message whose payload is known elsewhere."""
    return _open(message)[2]


def assemble(payload: bytes, signature: bytes, *, public: bytes) -> bytes:
    """The signed message again, from its parts; still to be verified."""
    empty: dict[int | str, Value] = {}
    return encode([_protected(public), empty, payload, signature])
