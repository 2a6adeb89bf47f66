"""Layout: named arrays and one flat float32 vector, the same order on both sides.

The layout is part of the plan, so device and coordinator cannot disagree about which
coordinate is which parameter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Layout:
    """Names and shapes in order. Guarantees: names are distinct, no array is empty."""

    entries: tuple[tuple[str, tuple[int, ...]], ...]

    def __post_init__(self) -> None:
        names = [name for name, _ in self.entries]
        if len(set(names)) != len(names):
            raise ValueError("two arrays of a layout bear the same name")
        if any(side < 1 for _, shape in self.entries for side in shape):
            raise ValueError("an array of a layout is empty")

    @property
    def size(self) -> int:
        """Coordinates of the flat vector."""
        return sum(math.prod(shape) for _, shape in self.entries)

    def flatten(self, arrays: Mapping[str, npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        """Named arrays -> shape (size,), float32. Errors: a missing array or wrong shape."""
        parts = []
        for name, shape in self.entries:
            array = arrays[name]
            if tuple(array.shape) != shape:
                raise ValueError(f"{name} has shape {tuple(array.shape)}, the layout says {shape}")
            parts.append(np.asarray(array, dtype=np.float32).reshape(-1))
        return np.concatenate(parts)

    def split(self, vector: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float32]]:
        """Flat vector -> named arrays (copies). Errors: wrong length -> ValueError."""
        if vector.shape != (self.size,):
            raise ValueError(f"a vector of shape {vector.shape} for a layout of {self.size}")
        arrays, start = {}, 0
        for name, shape in self.entries:
            count = math.prod(shape)
            arrays[name] = vector[start : start + count].reshape(shape).astype(np.float32)
            start += count
        return arrays
