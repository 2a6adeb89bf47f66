"""Whole rounds of zero updates: what comes out is noise alone, as a device, a server, an attacker see it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from holter.algebra import ring
from holter.audit.pipe import SERVER, Floats, Pipe, SourceOf
from holter.privacy.correlated import Stream
from holter.privacy.source import Integers


@dataclass(frozen=True)
class Noise:
    """Rounds of zero updates, in grid steps.

    draws: shape (rounds, makers, size), int64, each maker's own draw, in units of
    ``Pipe.draw_unit``; makers is 0 where they were not kept. opened: shape (rounds, size), what the
    server decodes (correlated: before C is applied). seen: shape (rounds, size), the part of it
    that the promise rests on, independent in both directions.
    """

    draws: Integers = field(repr=False)
    opened: Floats = field(repr=False)
    seen: Floats = field(repr=False)


def collect(
    pipe: Pipe,
    *,
    source_of: SourceOf,
    rounds: int,
    survivors: int,
    keep_draws: bool = True,
) -> Noise:
    """``rounds`` rounds, from 1 on, in which ``survivors`` devices report updates of zero.

    keep_draws: off, memory does not grow with the number of devices.
    """
    collected = _correlated if pipe.plan.correlated else _independent
    noise = collected(pipe, source_of, rounds, survivors, keep_draws)
    return noise if keep_draws else Noise(noise.draws[:, :0], noise.opened, noise.seen)


def _independent(
    pipe: Pipe, source_of: SourceOf, rounds: int, survivors: int, keep_draws: bool
) -> Noise:
    plan = pipe.plan
    zero = np.zeros(plan.layout.size, dtype=np.float32)
    draws, opened, seen = [], [], []
    for number in range(1, rounds + 1):
        honest, others = ring.zeros(plan.counts.words), ring.zeros(plan.counts.words)
        drawn = [] if plan.grid.share_variance else pipe.central_draws(number, source_of)
        resting = drawn[:1]  # on one of them where there are two; else on honest shares
        others += ring.total(drawn, plan.counts.words)
        for who in range(survivors):
            words = pipe.words(zero, number, source=source_of(number, who))
            if who < plan.honest_shares:
                honest += words
            else:
                others += words
            if keep_draws and plan.grid.share_variance:
                drawn.append(words)
        kept = [pipe.unpacked(words) for words in drawn]
        draws.append(np.stack(kept) if kept else np.zeros((0, pipe.size), dtype=np.int64))
        seen.append(pipe.unpacked(resting[0] if resting else honest).astype(np.float64))
        opened.append(pipe.decoded([honest + others], survivors, number))
    return Noise(np.stack(draws), np.stack(opened), np.stack(seen))


def _correlated(
    pipe: Pipe, source_of: SourceOf, rounds: int, survivors: int, keep_draws: bool
) -> Noise:
    plan = pipe.plan
    zero = np.zeros(plan.layout.size, dtype=np.float32)
    stream = Stream(pipe.coefficients)
    draws, opened = [], []
    for number in range(1, rounds + 1):
        total = ring.total(
            (pipe.words(zero, number, source=source_of(number, who)) for who in range(survivors)),
            plan.counts.words,
        )
        stream, row, estimate = pipe.released(
            stream, total, survivors, number, source=source_of(number, SERVER)
        )
        draws.append(row[None, :])
        opened.append(estimate)
    published = np.stack(opened)
    return Noise(np.stack(draws), published, whitened(published, pipe.coefficients))


def whitened(rows: Floats, coefficients: tuple[int, ...]) -> Floats:
    """C times the rows, c_0 = 1 after scaling: what was correlated noise is white again.

    rows: shape (rounds, size), from the first round of a run on. coefficients: on the grid of
    ``privacy.matrix``.
    """
    result = np.zeros_like(rows)
    for lag, coefficient in enumerate(coefficients[: len(rows)]):
        result[lag:] += (coefficient / coefficients[0]) * rows[: len(rows) - lag]
    return result
