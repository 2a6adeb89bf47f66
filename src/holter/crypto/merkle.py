"""One hash for a list: the Merkle tree of RFC 6962 section 2.1 (leaves and nodes differ)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32  # SHA-256


def leaf(data: bytes) -> bytes:
    """Hash of one entry."""
    return hashlib.sha256(b"\x00" + data).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes; the empty list has the hash of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1  # largest power of two below the length
    return hashlib.sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:])).digest()
