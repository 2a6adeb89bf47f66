"""Seal and open: AES-256-GCM under a key that is used exactly once, so the nonce is zero."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TAG_BYTES = 16  # GCM tag, NIST SP 800-38D
_ZERO_NONCE = bytes(12)  # safe only because each key seals one plaintext (secagg.client, M2)


class Unopened(ValueError):
    """A ciphertext that does not open under this key and context."""


def seal_once(key: bytes, plaintext: bytes, *, context: bytes) -> bytes:
    """Encrypt and authenticate. ``key``: 32 bytes that never seal anything else."""
    return AESGCM(key).encrypt(_ZERO_NONCE, plaintext, context)


def open_once(key: bytes, ciphertext: bytes, *, context: bytes) -> bytes:
    """Inverse of ``seal_once``. Raises Unopened; nothing of the plaintext is revealed then."""
    try:
        return AESGCM(key).decrypt(_ZERO_NONCE, ciphertext, context)
    except InvalidTag:
        raise Unopened("a ciphertext does not open: changed, or meant for someone else") from None
