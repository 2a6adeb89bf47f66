"""Vectors of words modulo 2^64: the one ring in which contributions are added.

A sum of masked contributions, a sum of plain integers and a simulated sum are all sums
in this ring, so they are compared with ``==`` and never with a tolerance.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

WORD_BYTES = 8  # one word of the ring, little-endian on the wire


def zeros(words: int) -> Words:
    """The neutral element: shape (words,), uint64."""
    return np.zeros(words, dtype=np.uint64)


def total(vectors: Iterable[Words], words: int) -> Words:
    """Sum modulo 2^64 of vectors of ``words`` words each; the empty sum is zero."""
    accumulator = zeros(words)
    for vector in vectors:
        if vector.shape != (words,):
            raise ValueError(f"a vector of {vector.shape} words in a sum of {words}")
        np.add(accumulator, vector, out=accumulator)
    return accumulator


def to_bytes(vector: Words) -> bytes:
    """Words as little-endian bytes, 8 a word."""
    return vector.astype("<u8", copy=False).tobytes()


def from_bytes(data: bytes) -> Words:
    """Inverse of ``to_bytes``. Errors: a length that is no multiple of 8 -> ValueError."""
    if len(data) % WORD_BYTES:
        raise ValueError(f"{len(data)} bytes are not a whole number of 64-bit words")
    return np.frombuffer(data, dtype="<u8").astype(np.uint64)
