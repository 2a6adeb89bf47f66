"""Shared secrets: X25519 (RFC 7748) and HKDF-SHA256 (RFC 5869)."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

KEY_BYTES = 32  # X25519 private and public keys, RFC 7748 section 5


class BadKey(ValueError):
    """A public key with which no secret can be agreed (a point of low order)."""


class AgreementKey:
    """A private X25519 key. ``repr`` shows nothing."""

    def __init__(self, private: bytes) -> None:
        self._key = X25519PrivateKey.from_private_bytes(private)
        self.public = self._key.public_key().public_bytes_raw()

    def agree(self, peer_public: bytes) -> bytes:
        """The 32-byte shared secret. Raises BadKey for a low-order point (all-zero result)."""
        try:
            return self._key.exchange(X25519PublicKey.from_public_bytes(peer_public))
        except ValueError:
            raise BadKey("a public key of low order; no secret can be agreed with it") from None

    def __repr__(self) -> str:
        return "AgreementKey(...)"


def derive(secret: bytes, *, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 extract and expand to 32 bytes."""
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(secret)


def expand(key: bytes, *, info: bytes, length: int = 32) -> bytes:
    """HKDF-SHA256 expand only; ``key`` must already be uniform (32 bytes)."""
    return HKDFExpand(algorithm=SHA256(), length=length, info=info).derive(key)
