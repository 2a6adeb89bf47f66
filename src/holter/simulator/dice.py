"""Simulated randomness: every draw of a run follows from the study's seed.

One stream for each purpose, round and device, so that the clear loop and the direct sum
draw the same numbers in whatever order they visit devices. This is the opposite of what a
device needs: whoever knows the seed knows the noise. ``simulated`` says so, and the pipeline
of a deployment refuses it by type.
"""

from __future__ import annotations

import functools
import hashlib

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from holter.crypto import labels
from holter.crypto.prg import Stream
from holter.privacy.discrete_gaussian import LARGEST_SIGMA
from holter.wire.cbor import encode

_TAIL = 12  # standard deviations of the table; what lies beyond has probability 2^-107


def key(seed: int, purpose: str, *numbers: int) -> bytes:
    """32 bytes for one purpose: e.g. key(seed, "noise", fold, round, device)."""
    return hashlib.sha256(labels.SIMULATION + encode([seed, purpose, *numbers])).digest()


def generator(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """A numpy generator for draws that need no cryptography: orders, batches, fates."""
    words = np.frombuffer(key(seed, purpose, *numbers)[:16], dtype="<u8")
    return np.random.Generator(np.random.Philox(key=words))


class SeededSource:
    """``privacy.source.Source`` from a seed. Fast, repeatable, and protecting nobody."""

    simulated = True

    def __init__(self, stream_key: bytes) -> None:
        self._stream = Stream(stream_key)

    def read(self, length: int) -> bytes:
        """The next ``length`` bytes of the stream."""
        return self._stream.read(length)

    def discrete_gaussian(self, variance: int, count: int) -> npt.NDArray[np.int64]:
        """By table inversion with 64-bit thresholds: as good as exact for a simulation.

        Beyond LARGEST_SIGMA, where a table would not fit, a rounded normal of 53-bit uniforms:
        the two differ by less than a simulation could show.
        """
        if variance > LARGEST_SIGMA**2:
            uniform = (np.frombuffer(self.read(8 * count), dtype="<u8") >> 11) + 0.5
            normal: npt.NDArray[np.float64] = ndtri(uniform * 2.0**-53)
            found: npt.NDArray[np.int64] = np.rint(normal * variance**0.5).astype(np.int64)
            return found
        values, thresholds = _table(variance)
        draws = np.frombuffer(self.read(8 * count), dtype="<u8")
        return values[np.searchsorted(thresholds, draws, side="right")]


@functools.lru_cache(maxsize=8)
def _table(variance: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """Integers within 12 sigma and, for all but the last, P[X <= value] * 2^64."""
    reach = int(_TAIL * variance**0.5) + 2
    values = np.arange(-reach, reach + 1, dtype=np.int64)
    weights = np.exp(-(values.astype(np.longdouble) ** 2) / (2 * np.longdouble(variance)))
    below = np.cumsum(weights)[:-1] / np.sum(weights)
    scaled = np.minimum(below * np.longdouble(2.0**64), np.longdouble(2**64 - 1))
    return values, scaled.astype(np.uint64)
