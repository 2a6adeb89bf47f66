"""The two halves of one sum, side by side. READ THIS FIRST.

    on the device                              on the server
    -------------                              -------------
    client update  (float32)                   mean update (float64)
      | subset       compression                 ^ restore     coordinates not sent: 0
      v bound        norm <= clip                | divide      by the survivors
    reals                                      reals
      | round        stochastically, to a grid   ^ scale       grid steps -> reals
      v check        integer norm <= D           |
    integers                                   integers
      | noise        exact discrete Gaussian     ^ unpack      sign of each lane
      v pack         2, 3 or 4 lanes a word      |
    words  ----- masked, summed modulo 2^64, masks cancel: ``secagg`` ----->  words

Everything between "round" and "unpack" is integers, so the noise is exact and a secure, a
plain and a simulated sum are equal to the last bit. The clip that bounds the sensitivity
is the integer check: nothing touches the values between it and the noise, and nothing
clips them after it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from holter.algebra import lanes
from holter.algebra.fixedpoint import round_stochastically, rounding_bytes, to_reals
from holter.algebra.ring import Words
from holter.compression import subset
from holter.privacy.clipping import bound_integers, bound_norm, target_norm
from holter.privacy.source import Source
from holter.rounds.plan import Plan


def contribution(
    update: npt.NDArray[np.float32], plan: Plan, round_number: int, *, source: Source
) -> Words:
    """The device's half: shape (plan.counts.words,), uint64, ready to be masked.

    update: shape (plan.layout.size,), float32, new parameters minus old. source: this device's
    randomness for this round, used here once. Guarantees: without noise, the integers have
    an L2 norm of at most plan.grid.norm_limit for every finite update. Raises NotFinite.
    """
    grid = plan.grid
    seed = plan.subset_seed(round_number)
    sent = update.astype(np.float64)[subset.chosen(plan.layout.size, plan.compression_share, seed)]
    if grid.norm_limit is None:
        most = grid.coordinate_limit / grid.scale
        bounded = np.clip(bound_norm(sent, np.inf, normalise=False), -most, most)
    else:
        aim = target_norm(grid.norm_limit, len(sent)) / grid.scale
        bounded = bound_norm(sent, aim, normalise=plan.normalise)
    random = source.read(rounding_bytes(len(bounded)))
    integers = round_stochastically(bounded, grid.scale, random=random)
    integers = np.clip(integers, -grid.coordinate_limit, grid.coordinate_limit)
    if grid.norm_limit is not None:
        integers = bound_integers(integers, grid.norm_limit)
    if grid.share_variance:
        integers = integers + source.discrete_gaussian(grid.share_variance, len(integers))
    return lanes.pack(integers, grid.lane_bits)


def central_noise(plan: Plan, *, source: Source) -> Words:
    """Noise of a whole sum, packed, as helper and leader each add it: shape (words,), uint64."""
    integers = source.discrete_gaussian(plan.grid.central_variance, plan.coordinates)
    return lanes.pack(integers, plan.grid.lane_bits)


def mean_update(
    sums: Sequence[Words], survivors: int, plan: Plan, round_number: int
) -> npt.NDArray[np.float64]:
    """The server's half: shape (plan.layout.size,), float64.

    sums: the opened sum of each group that closed, at least one. survivors: how many
    contributions are in all of them; dividing by it is allowed under zero-out adjacency, where
    it is the same in both worlds.
    """
    integers = np.zeros(plan.coordinates, dtype=np.int64)
    for words in sums:  # as plain integers: in lanes, sums of groups could overflow
        integers += lanes.unpack(words, plan.coordinates, plan.grid.lane_bits)
    mean = to_reals(integers, plan.grid.scale) / survivors
    seed = plan.subset_seed(round_number)
    return subset.restore(mean, plan.layout.size, plan.compression_share, seed)
