"""When a synthetic device has no data: spans of true seconds, in order and apart."""

from __future__ import annotations

import numpy as np

from holter.simulator.wearers.day import NOT_IN_BED, Day, Flags
from holter.simulator.wearers.devices import DeviceClass
from holter.simulator.wearers.physiology import Reals

Spans = tuple[tuple[float, float], ...]

LEAST_GAP_SECONDS = 2.0


def inside(spans: Spans, second: Reals) -> Flags:
    """Which moments lie in a span."""
    found = np.zeros(len(second), dtype=np.bool_)
    for start, end in spans:
        found[np.searchsorted(second, start) : np.searchsorted(second, end)] = True
    return found


def starts(random: np.random.Generator, seconds: int, per_hour: float) -> list[float]:
    """When something begins that comes by chance so often an hour."""
    return sorted(
        (seconds * random.random(int(random.poisson(per_hour * seconds / 3600.0)))).tolist()
    )


def gaps(random: np.random.Generator, device: DeviceClass, seconds: int, per_hour: float) -> Spans:
    """Spans without data: moments by chance, lengths Pareto, some very long."""
    begins = starts(random, seconds, per_hour)
    lengths = LEAST_GAP_SECONDS * (1.0 + random.pareto(device.tail, len(begins)))
    ends = np.minimum(lengths, device.longest_gap_s).tolist()
    return joined(tuple((s, min(s + e, float(seconds))) for s, e in zip(begins, ends, strict=True)))


def out_of_bed(day: Day) -> Spans:
    """Spans out of bed."""
    up = np.concatenate([[False], day.stage == NOT_IN_BED, [False]])
    edges = np.flatnonzero(np.diff(up.astype(np.int8)))
    return tuple(
        zip(edges[::2].astype(float).tolist(), edges[1::2].astype(float).tolist(), strict=True)
    )


def joined(spans: Spans) -> Spans:
    """The same spans in order, overlapping ones as one."""
    answer: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if answer and start <= answer[-1][1] + 1.0:
            answer[-1] = (answer[-1][0], max(answer[-1][1], end))
        else:
            answer.append((start, end))
    return tuple(answer)
