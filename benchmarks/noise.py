"""Exact noise against the simulator's tables: a ratio, one run. Masks: ``holter bench secagg``.

    python benchmarks/noise.py

Both sides run in turn, so that a machine whose speed drifts gives the same ratio. One thread.
"""

from __future__ import annotations

import os

from holter.crypto.prg import Stream
from holter.privacy import discrete_gaussian
from holter.simulator.bench.clock import interleaved
from holter.simulator.dice import SeededSource

RUNS = 9
SAMPLES, VARIANCE = 100_000, 500**2


def main() -> None:
    """The ratio, and how fast a device is."""
    stream, dice = Stream(bytes(32)), SeededSource(bytes(32))
    timed = interleaved(
        {
            "exact": lambda: discrete_gaussian.sample(VARIANCE, SAMPLES, stream.read),
            "table": lambda: dice.discrete_gaussian(VARIANCE, SAMPLES),
            "system": lambda: discrete_gaussian.sample(VARIANCE, SAMPLES, os.urandom),
        },
        RUNS,
    )
    exact, table = timed["exact"].median, timed["table"].median
    print(
        f"{SAMPLES} exact discrete Gaussians, sigma 500: {1e3 * exact:.1f} ms against "
        f"{1e3 * table:.1f} ms by the simulator's table, ratio {exact / table:.2f}"
    )
    rate = SAMPLES / timed["system"].median / 1e6
    print(f"exact, from the operating system: {rate:.2f} million samples a second")


if __name__ == "__main__":
    main()
