"""Shared secrets: X25519 (RFC 7748) and HKDF-SHA256 (RFC 5869)."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

KEY_BYTES = 32  # X25519 private and public keys, RFC 7748 section 5
# Encodings (top bit cleared) of every point of order 1, 2, 4 or 8 on the curve and its twist:
# 0, 1, the two of order 8, p - 1, and p and p + 1, which stand for 0 and 1 again. With any of
# these every agreement gives zero. Source: Bernstein, Curve25519 page; RFC 7748 section 6.1.
_PRIME = 2**255 - 19
_ORDER_EIGHT = (
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
)
_LOW_ORDER = frozenset(bytes.fromhex(point) for point in _ORDER_EIGHT) | {
    value.to_bytes(KEY_BYTES, "little") for value in (0, 1, _PRIME - 1, _PRIME, _PRIME + 1)
}


class BadKey(ValueError):
    """A public key with which no secret can be agreed (a point of low order)."""


def check_public(public: bytes) -> None:
    """Raises BadKey for a point of low order, with which nobody can agree on a secret.

    Whoever accepts a key for others to use checks it here, so that it fails for the one who
    sent it and not later for everyone who meets it.
    """
    if public[:-1] + bytes([public[-1] & 0x7F]) in _LOW_ORDER:
        raise BadKey("a public key of low order; no secret can be agreed with it")


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
