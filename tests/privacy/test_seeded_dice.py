"""The simulator's fast dice, held against the exact distribution: as good, and repeatable.

It stands here because it is the second implementation of ``source.Source``.
"""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy.special import chdtrc

from holter.crypto.prg import Stream
from holter.privacy.discrete_gaussian import sample
from holter.simulator import dice
from holter.simulator.dice import SeededSource

VARIANCES = (1, 2, 4, 64, 1000, 10**4)
KEY = bytes(range(32))


def _exact_probabilities(variance: int, reach: int) -> list[Decimal]:
    with localcontext(prec=50):
        one_side = [(Decimal(-x * x) / (2 * variance)).exp() for x in range(reach + 1)]
        total = one_side[0] + 2 * sum(one_side[1:])
        return [p / total for p in one_side[:0:-1] + one_side]


@pytest.mark.parametrize("variance", VARIANCES)
def test_the_table_holds_the_exact_probabilities(variance: int) -> None:
    values, thresholds = dice._table(variance)
    exact = _exact_probabilities(variance, int(values[-1]))
    assert values.tolist() == list(range(-len(exact) // 2 + 1, len(exact) // 2 + 1))
    below, worst = Decimal(0), Decimal(0)
    for threshold, probability in zip(thresholds.tolist(), exact, strict=False):
        below += probability
        worst = max(worst, abs(Decimal(threshold) / 2**64 - below))
    assert worst < Decimal(2) ** -58  # extended precision has 64 bits; 2,400 of them are summed


@pytest.mark.parametrize("variance", VARIANCES)
def test_the_table_rises_and_reaches_twelve_standard_deviations(variance: int) -> None:
    values, thresholds = dice._table(variance)
    assert values[-1] == -values[0] >= 12 * variance**0.5
    assert len(thresholds) == len(values) - 1
    assert (thresholds[1:] >= thresholds[:-1]).all()


@pytest.mark.parametrize("variance", [1, 64, 10**4])
def test_seeded_and_exact_draws_come_from_one_distribution(variance: int) -> None:
    count = 200_000
    fast = SeededSource(KEY).discrete_gaussian(variance, count)
    exact = sample(variance, count, Stream(bytes(32)).read)
    width = max(1, int(variance**0.5) // 4)  # boxes of a quarter of a standard deviation
    low = int(min(fast.min(), exact.min()))
    boxes = [np.bincount((d - low) // width, minlength=100) for d in (fast, exact)]
    length = min(len(b) for b in boxes)
    one, other = (b[:length].astype(float) for b in boxes)
    used = one + other >= 20
    statistic = ((one - other)[used] ** 2 / (one + other)[used]).sum()
    assert chdtrc(used.sum() - 1, statistic) > 1e-4


def test_the_same_key_draws_the_same_and_another_key_does_not() -> None:
    one, again, other = (SeededSource(k).discrete_gaussian(9, 500) for k in (KEY, KEY, bytes(32)))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_rounding_bytes_and_noise_are_different_parts_of_one_stream() -> None:
    together = SeededSource(KEY)
    first = together.read(16)
    noise = together.discrete_gaussian(9, 100)
    stream = Stream(KEY)
    assert stream.read(16) == first
    thresholds = np.frombuffer(stream.read(800), dtype="<u8")
    values, table = dice._table(9)
    assert np.array_equal(noise, values[np.searchsorted(table, thresholds, side="right")])


def test_seeded_dice_say_that_they_are_simulated() -> None:
    assert SeededSource(KEY).simulated is True


def test_every_purpose_and_every_device_has_a_stream_of_its_own() -> None:
    keys = {
        dice.key(seed, purpose, first, second)
        for seed in (0, 1)
        for purpose in ("noise", "order")
        for first in (0, 1, 2)
        for second in (0, 1, 2)
    }
    assert len(keys) == 2 * 2 * 3 * 3
    assert all(len(key) == 32 for key in keys)
    assert dice.key(1, "noise", 12, 3) != dice.key(1, "noise", 1, 23)
