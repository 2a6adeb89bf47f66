"""Reals and integers on a grid: value = integer / scale, rounding without bias.

Floats exist before ``round_stochastically`` (private to the device) and after
``to_reals`` (post-processing of a sum). Between them there are only integers, so the
attacks on floating-point noise (Mironov 2012) have nothing to work on.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

GRID_LIMIT = 2**31  # |integer| below this: sums of 2,048 such squares stay inside int64 checks


class OffGrid(ValueError):
    """A value that the grid cannot hold: NaN, infinite, or beyond the limit."""


def rounding_bytes(coordinates: int) -> int:
    """Random bytes that ``round_stochastically`` needs: 4 a coordinate."""
    return 4 * coordinates


def round_stochastically(
    values: npt.NDArray[np.float64], scale: float, *, random: bytes
) -> npt.NDArray[np.int64]:
    """Round scale * values to a neighbouring integer, up with probability = the fraction.

    values: shape (d,), float64, finite. random: ``rounding_bytes(d)`` uniform bytes; the
    fraction is compared at a resolution of 2^-32. Expectation of the result is
    scale * values to that resolution. Raises OffGrid for NaN, infinity or overflow.
    """
    with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused below
        scaled = np.asarray(values, dtype=np.float64) * scale
    if not np.all(np.isfinite(scaled)):
        raise OffGrid("an update holds NaN or infinite values and cannot be put on the grid")
    if scaled.size and float(np.max(np.abs(scaled))) >= GRID_LIMIT:
        raise OffGrid(f"an update leaves the grid of +-{GRID_LIMIT} steps; clip it first")
    if len(random) != rounding_bytes(len(scaled)):
        raise ValueError(f"{len(random)} random bytes for {len(scaled)} coordinates")
    floor = np.floor(scaled)
    draw = np.frombuffer(random, dtype="<u4").astype(np.float64) * 2.0**-32
    result: npt.NDArray[np.int64] = floor.astype(np.int64) + (draw < scaled - floor)
    return result


def to_reals(
    steps: npt.NDArray[np.int64] | npt.NDArray[np.float64], scale: float
) -> npt.NDArray[np.float64]:
    """Grid steps -> reals: steps / scale, float64. Whole steps, or a mechanism's estimate of them."""
    return steps.astype(np.float64) / scale
