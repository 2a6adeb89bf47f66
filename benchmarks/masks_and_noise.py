"""Masks against the cipher alone, exact noise against the simulator's tables: ratios, one run.

    python benchmarks/masks_and_noise.py

Both sides of a ratio run in turn, A B A B ..., and the medians of RUNS such turns are compared, so
that a machine whose speed drifts gives the same ratio. One thread.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from holter.algebra import ring
from holter.crypto.prg import Stream
from holter.privacy import discrete_gaussian
from holter.secagg import masking
from holter.simulator.dice import SeededDice

RUNS = 9
PEERS, WORDS = 99, 33_334  # the complete graph of 100 clients, 100,000 parameters in 21-bit lanes
SAMPLES, VARIANCE = 100_000, 500**2


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def ratio(name: str, one: Callable[[], object], other: Callable[[], object]) -> None:
    """Print the medians of both and their ratio."""
    one(), other()  # warm-up, not counted
    pairs = [(seconds(one), seconds(other)) for _ in range(RUNS)]
    first, second = (statistics.median(side) for side in zip(*pairs, strict=True))
    spread = sorted(a / b for a, b in pairs)
    print(
        f"{name}: {1e3 * first:.1f} ms against {1e3 * second:.1f} ms, "
        f"ratio {first / second:.2f} ({spread[0]:.2f} to {spread[-1]:.2f})"
    )


def cipher_alone() -> None:
    """The keystream of all masks of one client into one buffer, added nowhere."""
    zeros, out = bytes(1 << 17), bytearray(1 << 17)
    for _ in range(PEERS + 1):
        encryptor = Cipher(algorithms.AES(bytes(32)), modes.CTR(bytes(16))).encryptor()
        left = WORDS * ring.WORD_BYTES
        while left > 0:
            part = min(left, len(zeros))
            encryptor.update_into(memoryview(zeros)[:part], memoryview(out)[:part])
            left -= part


def main() -> None:
    """Every ratio."""
    seeds = {peer: os.urandom(32) for peer in range(1, PEERS + 1)}
    vector = ring.zeros(WORDS)
    ratio(
        f"masks of one client, {PEERS} peers, {WORDS} words, against AES-CTR alone",
        lambda: masking.masked(vector, 0, bytes(32), seeds),
        cipher_alone,
    )
    stream = Stream(bytes(32))
    dice = SeededDice(bytes(32))
    ratio(
        f"{SAMPLES} exact discrete Gaussians, sigma 500, against the simulator's table",
        lambda: discrete_gaussian.sample(VARIANCE, SAMPLES, stream.read),
        lambda: dice.discrete_gaussian(VARIANCE, SAMPLES),
    )
    best = min(
        seconds(lambda: discrete_gaussian.sample(VARIANCE, SAMPLES, os.urandom))
        for _ in range(RUNS)
    )
    print(f"exact, from the operating system: {SAMPLES / best / 1e6:.2f} million samples a second")
    assert np.all(vector == 0)


if __name__ == "__main__":
    main()
