"""Shared-seed subset: a whole round sends the same random share of coordinates.

Linear, so it commutes with the secure sum. The seed is public and fixed by the plan and
the round before anyone speaks. Coordinates that are not sent stay as they are this round;
the factor 1/share is not applied on the device, where it would raise the sensitivity.
Not here: error feedback (what was not sent is forgotten).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from holter.crypto.prg import stream


def size(coordinates: int, share: float) -> int:
    """How many of ``coordinates`` are sent, at least 1."""
    return max(1, round(coordinates * share))


def chosen(coordinates: int, share: float, seed: bytes) -> npt.NDArray[np.int64]:
    """Which coordinates are sent, in order: a uniformly random subset given the 32-byte seed."""
    count = size(coordinates, share)
    if count == coordinates:
        return np.arange(coordinates)
    # 64 random bits a coordinate: the smallest ``count`` of them win; ties have probability 2^-40.
    keys = np.frombuffer(stream(seed, 8 * coordinates), dtype="<u8")
    return np.sort(np.argsort(keys, kind="stable")[:count])


def restore(
    values: npt.NDArray[np.float64], coordinates: int, share: float, seed: bytes
) -> npt.NDArray[np.float64]:
    """The full vector: sent coordinates in place, zeros elsewhere. values: (size,)."""
    full = np.zeros(coordinates, dtype=np.float64)
    full[chosen(coordinates, share, seed)] = values
    return full
