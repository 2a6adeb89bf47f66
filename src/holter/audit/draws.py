"""Signs and uniform numbers from a source's bytes: for canaries and synthetic data, never for noise."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from holter.privacy.source import Source

Floats = npt.NDArray[np.float64]


def signs(source: Source, rows: int, columns: int) -> Floats:
    """Independent, uniform +-1: shape (rows, columns), float64."""
    count = rows * columns
    bits = np.unpackbits(np.frombuffer(source.read(-(-count // 8)), dtype=np.uint8))[:count]
    return 1.0 - 2.0 * bits.reshape(rows, columns).astype(np.float64)


def uniform(source: Source, *shape: int) -> Floats:
    """Independent, uniform on the open interval from 0 to 1, at 2^-53: float64."""
    words = np.frombuffer(source.read(8 * math.prod(shape)), dtype="<u8")
    values: Floats = ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return values.reshape(shape)
