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
_BLOCK_WORDS = (
    16_384  # 128 KiB: zeros, block and a piece of the accumulator stay in the second-level cache
)
_FROM_ZERO = modes.CTR(bytes(16))


def _cipher(key: bytes) -> CipherContext:
    if len(key) != KEY_BYTES:
        raise ValueError("a stream needs a key of 32 bytes")
    return Cipher(algorithms.AES(key), _FROM_ZERO).encryptor()


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


class Adder:
    """Adds (or subtracts) whole streams to one accumulator in place, modulo 2^64.

    accumulator: shape (w,), uint64, contiguous. The stream's bytes are little-endian words.
    Buffers and slices are made once, for many streams: they would cost a third of the cipher.
    """

    def __init__(self, accumulator: Words) -> None:
        pieces = max(1, -(-len(accumulator) // _BLOCK_WORDS))
        size = max(1, -(-len(accumulator) // pieces))  # even pieces: no short one at the end
        block = np.empty(size, dtype="<u8")
        view, zeros = memoryview(block.data).cast("B"), memoryview(bytes(size * WORD_BYTES))
        self._parts = []
        for start in range(0, len(accumulator), size):
            part = accumulator[start : start + size]
            length = len(part) * WORD_BYTES
            self._parts.append((part, zeros[:length], view[:length], block[: len(part)]))

    def add(self, key: bytes, *, subtract: bool = False) -> None:
        """The stream of ``key``, from its beginning."""
        fill, combine = _cipher(key).update_into, np.subtract if subtract else np.add
        for part, zeros, view, block in self._parts:
            fill(zeros, view)
            combine(part, block, part)


def add_stream(accumulator: Words, key: bytes, *, subtract: bool = False) -> None:
    """Add (or subtract) the stream of one ``key``; for many, see ``Adder``."""
    Adder(accumulator).add(key, subtract=subtract)
