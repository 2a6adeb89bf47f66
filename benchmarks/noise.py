"""Exact noise: how fast, at every size of it, and against the simulator's tables. One thread.

    python benchmarks/noise.py

All sides run in turn, so that a machine whose speed drifts gives the same ratios. Masks:
``holter bench secagg``. What bounds the exact sampler: some 55 bytes of randomness a sample (a
third of the time from the operating system) and comparing and compressing what they decide.
"""

from __future__ import annotations

import os
from functools import partial

from holter.crypto.prg import Stream
from holter.privacy import correlated, discrete_gaussian, matrix
from holter.privacy.source import Integers
from holter.simulator.bench.clock import interleaved
from holter.simulator.dice import SeededSource

RUNS = 5
SAMPLES, VARIANCE = 100_000, 500**2
SIGMAS = (5, 50, 500, 4000)  # of a device's share, grid steps
WIDE_SIGMA, COORDINATES, BANDS = 4_000_000, 50_000, 400  # of a server's row


def main() -> None:
    """The ratio, how fast a device is, and how long a server takes for a round."""
    stream, dice = Stream(bytes(32)), SeededSource(bytes(32))
    timed = interleaved(
        {
            "exact": partial(discrete_gaussian.sample, VARIANCE, SAMPLES, stream.read),
            "table": partial(dice.discrete_gaussian, VARIANCE, SAMPLES),
            **{
                f"sigma {sigma}": partial(discrete_gaussian.sample, sigma**2, SAMPLES, os.urandom)
                for sigma in SIGMAS
            },
            "wide": partial(discrete_gaussian.sample, WIDE_SIGMA**2, COORDINATES, os.urandom),
            "row": partial(correlated.release, *_row()),
        },
        RUNS,
    )
    exact, table = timed["exact"].median, timed["table"].median
    print(
        f"{SAMPLES} exact discrete Gaussians, sigma 500: {1e3 * exact:.1f} ms against "
        f"{1e3 * table:.1f} ms by the simulator's table, ratio {exact / table:.2f}"
    )
    for sigma in SIGMAS:
        rate = SAMPLES / timed[f"sigma {sigma}"].median / 1e6
        print(f"exact, from the operating system, sigma {sigma}: {rate:.2f} million samples/s")
    print(
        f"a row of correlated noise, {COORDINATES} coordinates: {1e3 * timed['wide'].median:.0f} ms "
        f"to draw at sigma {WIDE_SIGMA}, {1e3 * timed['row'].median:.0f} ms to release under "
        f"{BANDS} bands"
    )


def _row() -> tuple[correlated.Stream, Integers, Integers]:
    """A full stream, a sum and its noise."""
    coefficients = matrix.on_grid(matrix.square_root(BANDS))
    values = discrete_gaussian.sample(VARIANCE, COORDINATES, os.urandom)
    stream = correlated.Stream(coefficients)
    for _ in range(BANDS - 1):
        stream, _estimate = correlated.release(stream, values, values)
    return stream, values, values


if __name__ == "__main__":
    main()
