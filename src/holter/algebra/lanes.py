"""Lanes: 2, 3 or 4 small signed integers in one 64-bit word, added without unpacking.

word = sum of x_l * 2^(r l) modulo 2^64 with lanes of r = 32, 21 or 16 bits. The map is
linear, so the sum of packed words is the packed sum, negative lanes included: a borrow
that a negative lane takes from its upper neighbour is given back on decoding, because
the low lane is read first, sign-extended and subtracted. A lane sum that leaves
[-2^(r-1), 2^(r-1)) disturbs its own coordinate and the next; the plan's lane rule keeps
that below 2^-20 a round (``privacy.calibration``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from holter.algebra.ring import Words

LANES_BY_BITS = {16: 4, 21: 3, 32: 2}  # lane width in bits -> lanes in a 64-bit word


def words_needed(coordinates: int, lane_bits: int) -> int:
    """How many 64-bit words carry ``coordinates`` integers."""
    return -(-coordinates // LANES_BY_BITS[lane_bits])


def pack(values: npt.NDArray[np.int64], lane_bits: int) -> Words:
    """Integers -> words. values: shape (d,), int64, any range (the ring wraps).

    Returns shape (words_needed(d),), uint64; missing lanes of the last word are zero.
    """
    lanes = LANES_BY_BITS[lane_bits]
    padded = np.zeros(words_needed(len(values), lane_bits) * lanes, dtype=np.uint64)
    padded[: len(values)] = values.astype(np.int64).view(np.uint64)
    rows = padded.reshape(-1, lanes)
    words = np.zeros(len(rows), dtype=np.uint64)
    for lane in range(lanes):
        words += rows[:, lane] << np.uint64(lane * lane_bits)
    return words


def unpack(words: Words, coordinates: int, lane_bits: int) -> npt.NDArray[np.int64]:
    """Words -> integers in [-2^(r-1), 2^(r-1)), shape (coordinates,), int64.

    At 3 x 21 bits the 64th bit belongs to the top lane and is ignored.
    """
    lanes = LANES_BY_BITS[lane_bits]
    if len(words) != words_needed(coordinates, lane_bits):
        raise ValueError(f"{len(words)} words cannot hold {coordinates} lanes of {lane_bits} bits")
    rest = words.copy()
    rows = np.empty((len(words), lanes), dtype=np.int64)
    unused = np.int64(64 - lane_bits)
    for lane in range(lanes):
        # Sign extension: push the lane to the top of the word, then shift back arithmetically.
        low = (rest << np.uint64(unused)).view(np.int64) >> unused
        rows[:, lane] = low
        rest = (rest - low.view(np.uint64)) >> np.uint64(lane_bits)
    return rows.reshape(-1)[:coordinates]
