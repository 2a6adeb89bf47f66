"""A seed becomes a stream: AES-256-CTR with the full 256-bit key, IV zero.

Each key makes one stream, so the fixed IV is safe. The stream is expanded in blocks that
stay in the processor's cache and is added to the accumulator at once, which runs at
about the speed of the cipher (performance.md of the design: AES-CTR is the floor).
"""

from __future__ import annotations

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from holter.algebra.ring import WORD_BYTES, Words

KEY_BYTES = 32  # AES-256
_BLOCK_WORDS = 16_384  # 128 KiB: two such buffers fit the second-level cache
_ZEROS = bytes(_BLOCK_WORDS * WORD_BYTES)


def _cipher(key: bytes) -> CipherContext:
    if len(key) != KEY_BYTES:
        raise ValueError("a stream needs a key of 32 bytes")
    return Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()


def stream(key: bytes, length: int) -> bytes:
    """The first ``length`` bytes of the stream of ``key``."""
    return _cipher(key).update(bytes(length))


class Stream:
    """The stream of a key, read piece by piece. The same key gives the same bytes."""

    def __init__(self, key: bytes) -> None:
        self._encryptor = _cipher(key)

    def read(self, length: int) -> bytes:
        """The next ``length`` bytes."""
        return self._encryptor.update(bytes(length))


def add_stream(accumulator: Words, key: bytes, *, subtract: bool = False) -> None:
    """Add (or subtract) the stream of ``key`` to ``accumulator`` in place, modulo 2^64.

    accumulator: shape (w,), uint64, contiguous. The stream's bytes are little-endian words.
    """
    encryptor = _cipher(key)
    block = np.empty(min(_BLOCK_WORDS, max(len(accumulator), 1)), dtype="<u8")
    view = memoryview(block.data).cast("B")
    combine = np.subtract if subtract else np.add
    for start in range(0, len(accumulator), _BLOCK_WORDS):
        part = accumulator[start : start + _BLOCK_WORDS]
        length = len(part) * WORD_BYTES
        encryptor.update_into(memoryview(_ZEROS)[:length], view[:length])
        combine(part, block[: len(part)], out=part)
