"""The two halves of one sum, side by side. READ THIS FIRST.

    on the device                              on the server
    -------------                              -------------
    client update  (float32)                   mean update (float64)
      | subset       compression                 ^ restore     coordinates not sent: 0
      v bound        norm <= clip                | divide      by the survivors
    reals, clip indicator, measures            reals
      | round        stochastically, to a grid   ^ scale       grid steps -> reals
      v check        integer norm <= D           | release     correlated noise, mode central
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

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from holter.algebra import lanes
from holter.algebra.fixedpoint import round_stochastically, rounding_bytes, to_reals
from holter.algebra.ring import Words
from holter.compression import subset
from holter.privacy import correlated
from holter.privacy.clipping import bound_integers, bound_norm, target_norm
from holter.privacy.correlated import Stream
from holter.privacy.joint import NOTHING, Extras
from holter.privacy.source import Source
from holter.rounds.plan import Plan


@dataclass(frozen=True)
class ClientUpdate:
    """What a device learned in a round.

    change: shape (plan.layout.size,), float32, new parameters minus old. measures: of the model
    it was given, on its own windows, in the order of ``joint.MEASURES``, each from 0 to 1; ()
    where the plan does not ask.
    """

    change: npt.NDArray[np.float32] = field(repr=False)
    measures: tuple[float, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class MeanUpdate:
    """What the server learns from a round. change: shape (plan.layout.size,), float64."""

    change: npt.NDArray[np.float64]
    extras: Extras = NOTHING


def contribution(
    update: ClientUpdate, plan: Plan, round_number: int, *, clip: float, source: Source
) -> Words:
    """The device's half: shape (plan.counts.words,), uint64, ready to be masked.

    clip: this round's L2 bound of a change; plan.clip where it does not adapt. The promise does
    not depend on it. source: this device's randomness for this round, used here once. Guarantees:
    without noise, the integers have an L2 norm of at most plan.grid.norm_limit for every finite
    update. Raises NotFinite, and ValueError for a clip or measures that no plan can mean.
    """
    integers = bounded(update, plan, round_number, clip=clip, source=source)
    if plan.grid.share_variance:
        integers = integers + source.discrete_gaussian(plan.grid.share_variance, len(integers))
    return lanes.pack(integers, plan.grid.lane_bits)


def bounded(
    update: ClientUpdate, plan: Plan, round_number: int, *, clip: float, source: Source
) -> npt.NDArray[np.int64]:
    """The integers before noise: shape (plan.coordinates,), int64, norm <= plan.grid.norm_limit."""
    if not 0 < clip < math.inf:
        raise ValueError("a round's clip is a finite number above 0")
    grid = plan.grid
    seed = plan.subset_seed(round_number)
    where = subset.chosen(plan.layout.size, plan.compression_share, seed)
    sent = update.change.astype(np.float64)[where]
    scale = plan.scale_at(clip)
    if grid.norm_limit is None:
        most = grid.coordinate_limit / grid.scale
        reals = np.clip(bound_norm(sent, np.inf, normalise=False), -most, most)
        extras: list[float] = []
    else:
        limit = target_norm(grid.norm_limit, plan.coordinates)
        aim = limit * math.sqrt(plan.joint.update) / scale
        reals = bound_norm(sent, aim, normalise=plan.normalise)
        below = reals is sent  # untouched: its norm was within the clip
        extras = plan.joint.encode(below, update.measures, limit)
    steps = np.concatenate([reals * scale, extras]) if extras else reals * scale
    random = source.read(rounding_bytes(len(steps)))
    integers = round_stochastically(steps, 1.0, random=random)
    integers = np.clip(integers, -grid.coordinate_limit, grid.coordinate_limit)
    if grid.norm_limit is not None:
        integers = bound_integers(integers, grid.norm_limit)
    return integers


def central_noise(plan: Plan, *, source: Source) -> Words:
    """Noise of a whole sum, packed, as helper and leader each add it: shape (words,), uint64."""
    integers = source.discrete_gaussian(plan.grid.central_variance, plan.coordinates)
    return lanes.pack(integers, plan.grid.lane_bits)


def correlated_noise(plan: Plan, *, source: Source) -> npt.NDArray[np.int64]:
    """One row of the server's noise: shape (plan.coordinates,), int64, units of ``correlated``."""
    return source.discrete_gaussian(plan.grid.correlated_variance, plan.coordinates)


def opened(sums: Sequence[Words], plan: Plan) -> npt.NDArray[np.int64]:
    """All groups' opened sums together: shape (plan.coordinates,), grid steps. None: zeros."""
    integers = np.zeros(plan.coordinates, dtype=np.int64)
    for words in sums:  # as plain integers: in lanes, sums of groups could overflow
        integers += lanes.unpack(words, plan.coordinates, plan.grid.lane_bits)
    return integers


def mean_update(
    sums: Sequence[Words], survivors: int, plan: Plan, round_number: int, *, clip: float
) -> MeanUpdate:
    """The server's half, where noise is in the sums already (or nowhere).

    sums: the opened sum of each group that closed, at least one. survivors: how many
    contributions are in all of them; dividing by it is allowed under zero-out adjacency, where
    it is the same in both worlds. clip: as for ``contribution``.
    """
    steps = opened(sums, plan).astype(np.float64)
    return _decoded(steps, survivors, plan, round_number, clip)


def released_update(
    sums: Sequence[Words],
    survivors: int,
    plan: Plan,
    round_number: int,
    stream: Stream,
    *,
    noise: npt.NDArray[np.int64],
) -> tuple[Stream, MeanUpdate]:
    """The server's half in mode central: its correlated noise on the sum, and the stream after it.

    sums: empty for an abandoned round, whose row is noise alone (the row is the round's number).
    survivors: 0 then; the noise is divided by the cohort that was asked.
    """
    stream, estimate = correlated.release(stream, opened(sums, plan), noise)
    clients = survivors or plan.asked_per_round
    return stream, _decoded(estimate, clients, plan, round_number, plan.clip)


def _decoded(
    steps: npt.NDArray[np.float64], clients: int, plan: Plan, round_number: int, clip: float
) -> MeanUpdate:
    size = plan.update_coordinates
    mean = to_reals(steps[:size], plan.scale_at(clip)) / clients
    seed = plan.subset_seed(round_number)
    change = subset.restore(mean, plan.layout.size, plan.compression_share, seed)
    if plan.grid.norm_limit is None:
        return MeanUpdate(change)
    limit = target_norm(plan.grid.norm_limit, plan.coordinates)
    return MeanUpdate(change, plan.joint.decode(list(steps[size:]), clients, limit))
