"""The bounds of Appendix A, held against enumeration and exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from itertools import permutations, product
from math import comb, factorial

import numpy as np
import pytest

from holter.secagg import connectivity as bounds
from holter.secagg.connectivity import accepts

NEVER = -math.inf


def log2(exact: Fraction) -> float:
    """Of a fraction of any size: whole numbers of any length have a logarithm."""
    return math.log2(exact.numerator) - math.log2(exact.denominator) if exact else NEVER


def all_cycles(size: int) -> list[tuple[int, ...]]:
    return [(0, *rest) for rest in permutations(range(1, size))]


def enumerated(size: int, s: int, removed: int) -> Fraction:
    """The share of cycles without an edge between the first s and those after the removed."""

    def side(i: int) -> int:
        return 1 if i < s else 0 if i < s + removed else -1

    cycles = all_cycles(size)
    apart = sum(all(side(c[i - 1]) * side(c[i]) != -1 for i in range(size)) for c in cycles)
    return Fraction(apart, len(cycles))


@cache
def apart(size: int, s: int, removed: int) -> Fraction:
    """P(n, s, d) as Appendix A writes it, in integers."""
    rest = size - s - removed
    ways = sum(
        comb(removed, j) * comb(s - 1, j - 1) * comb(rest + removed - j - 1, rest)
        for j in range(1, min(removed, s) + 1)
    )
    return Fraction(ways * factorial(s) * factorial(rest) * factorial(removed - 1)) / factorial(
        size - 1
    )


def hypergeometric(population: int, marked: int, drawn: int, x: int) -> Fraction:
    if not 0 <= x <= drawn:
        return Fraction(0)
    ways = comb(marked, x) * comb(population - marked, drawn - x)
    return Fraction(ways, comb(population, drawn))


@pytest.mark.parametrize(
    ("size", "s", "removed", "expected"),
    [
        (7, 2, 2, Fraction(1, 30)),
        (8, 3, 3, Fraction(1, 14)),
        (8, 2, 4, Fraction(1, 5)),
    ],
)
def test_separation_is_what_the_design_names_and_what_enumeration_gives(
    size: int, s: int, removed: int, expected: Fraction
) -> None:
    assert enumerated(size, s, removed) == expected
    smaller = min(s, size - s - removed)  # the two sides may change places
    found = bounds.log2_apart(size, removed)[smaller - 1]
    assert found == pytest.approx(log2(expected), abs=1e-12)


@pytest.mark.parametrize("removed", range(7))
def test_separation_agrees_with_enumeration_of_seven_clients(removed: int) -> None:
    found = bounds.log2_apart(7, removed)
    assert len(found) == (7 - removed) // 2
    for s, value in enumerate(found, start=1):
        assert value == pytest.approx(log2(enumerated(7, s, removed)), abs=1e-12)


@pytest.mark.parametrize("size", [40, 41])
def test_separation_agrees_with_whole_numbers_for_every_set(size: int) -> None:
    for removed in range(1, size - 1):
        for s, value in enumerate(bounds.log2_apart(size, removed), start=1):
            assert value == pytest.approx(log2(apart(size, s, removed)), abs=1e-10)


@pytest.mark.parametrize(
    ("size", "removed", "cycles", "s"),
    [(1000, 400, 68, 1), (1000, 400, 68, 7), (1000, 400, 68, 300), (2048, 818, 2048, 615)],
)
def test_rounding_stays_below_the_slack_in_large_rosters(
    size: int, removed: int, cycles: int, s: int
) -> None:
    sets = comb(size, s) * comb(size - s, removed)
    exact = math.log2(sets) + cycles * log2(apart(size, s, removed))
    found = bounds.log2_separate(size, removed, cycles)[s - 1]
    assert abs(found - exact) < bounds.SLACK / 2


@pytest.mark.parametrize(
    ("size", "colluders", "cycles", "threshold"),
    [
        (1000, 100, 68, 57),
        (1000, 100, 68, 10),
        (300, 30, 200, 29),
        (300, 30, 200, 31),
        (300, 0, 9, 1),
    ],
)
def test_one_client_is_opened_with_an_exact_hypergeometric_tail(
    size: int, colluders: int, cycles: int, threshold: int
) -> None:
    drawn = min(2 * cycles, size - 1)
    terms = (hypergeometric(size - 1, colluders, drawn, x) for x in range(threshold, colluders + 1))
    found = bounds.log2_open(size, colluders, cycles, threshold, 1)
    assert found == pytest.approx(log2(size * sum(terms, Fraction(0))), abs=1e-9)


@pytest.mark.parametrize(
    ("size", "colluders", "cycles", "threshold", "s"),
    [(1000, 100, 68, 57, 2), (1000, 100, 68, 57, 7), (1000, 50, 26, 29, 5), (300, 30, 68, 50, 2)],
)
def test_larger_sets_are_opened_with_an_exact_binomial_tail(
    size: int, colluders: int, cycles: int, threshold: int, s: int
) -> None:
    trials, p = 2 * cycles * s, Fraction(colluders, size - 2 * s)
    least = s * (threshold - s + 1)
    yes, no, over = p.numerator, p.denominator - p.numerator, p.denominator
    ways = sum(comb(trials, x) * yes**x * no ** (trials - x) for x in range(least, trials + 1))
    exact = log2(Fraction(comb(size, s) * ways, over**trials))
    assert bounds.log2_open(size, colluders, cycles, threshold, s) == pytest.approx(exact, abs=1e-9)


def test_sets_that_hold_a_threshold_by_themselves_are_open_and_none_without_corrupt_are() -> None:
    every = math.log2(comb(300, 6))
    assert bounds.log2_open(300, 30, 10, 5, 6) == pytest.approx(every)
    assert bounds.log2_open(300, 0, 10, 5, 5) == NEVER
    assert bounds.log2_open(300, 30, 1, 5, 2) == NEVER  # eight edges are needed, four there
    # where the corrupt are many enough the binomial counts as one
    assert bounds.log2_open(300, 200, 60, 30, 2) == pytest.approx(math.log2(comb(300, 2)))


@pytest.mark.parametrize("cycles", [1, 2, 3])
def test_degrees_agree_with_enumeration_of_five_clients(cycles: int) -> None:
    expected = np.zeros(5)
    around = [{c[1], c[-1]} for c in all_cycles(5)]
    for chosen in product(around, repeat=cycles):
        expected[len(set().union(*chosen))] += 1
    assert bounds.degrees(5, cycles) == pytest.approx(expected / expected.sum(), abs=1e-15)


@pytest.mark.parametrize(("size", "cycles"), [(257, 65), (1000, 68), (300, 300)])
def test_degrees_are_a_distribution_with_the_mean_that_pairs_give(size: int, cycles: int) -> None:
    chances = bounds.degrees(size, cycles)
    assert chances.sum() == pytest.approx(1, abs=1e-12)
    apart_in_all = (1 - 2 / (size - 1)) ** cycles
    mean = (size - 1) * (1 - apart_in_all)
    assert float(chances @ np.arange(size)) == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize(
    ("size", "dropouts", "threshold", "cycles"),
    [(300, 90, 50, 68), (300, 90, 10, 68), (300, 0, 20, 12), (60, 40, 18, 30), (60, 40, 20, 30)],
)
def test_a_stuck_survivor_has_an_exact_hypergeometric_tail(
    size: int, dropouts: int, threshold: int, cycles: int
) -> None:
    chances = bounds.degrees(size, cycles)
    exact = Fraction(0)
    for degree in np.flatnonzero(chances).tolist():
        few = (hypergeometric(size - 1, size - dropouts - 1, degree, x) for x in range(threshold))
        exact += Fraction(chances[degree]) * sum(few, Fraction(0))
    found = bounds.log2_stuck(size, dropouts, threshold, chances)
    assert found == pytest.approx(log2(size * exact), abs=1e-9)


def test_all_sets_together_are_the_sum_of_their_smaller_bounds() -> None:
    size, colluders, dropouts, cycles, threshold = 300, 30, 90, 68, 50
    cut = bounds.log2_separate(size, colluders + dropouts, cycles)
    smaller = [
        min(bounds.log2_open(size, colluders, cycles, threshold, s), cut[s - 1])
        for s in range(2, (size - colluders - dropouts) // 2 + 1)
    ]
    alone = bounds.log2_open(size, colluders, cycles, threshold, 1)
    total = math.fsum(2.0**term for term in [alone, *smaller])
    found = bounds.log2_leak(size, colluders, dropouts, cycles, threshold)
    assert found == pytest.approx(math.log2(total), abs=1e-9)


@pytest.mark.parametrize(("size", "removed", "cycles"), [(257, 102, 65), (1000, 400, 68)])
def test_separation_suffices_from_its_start_and_not_one_earlier(
    size: int, removed: int, cycles: int
) -> None:
    chances = [Fraction(2) ** round(term) for term in bounds.log2_separate(size, removed, cycles)]
    start = bounds.separation_start(size, removed, cycles)
    assert sum(chances[start - 1 :]) <= Fraction(1, 2**80) < sum(chances[start - 2 :])


def test_where_separation_never_suffices_its_start_lies_beyond_all_sets() -> None:
    assert bounds.separation_start(300, 120, 1) == 91
    assert bounds.separation_start(300, 0, 1) == 1  # nobody removed: a cycle holds together


SOUND = (1000, 100, 300, 68, 57)


@pytest.mark.parametrize(
    "other",
    [
        (1000, 100, 300, 67, 57),  # too few edges for this threshold
        (1000, 100, 300, 72, 57),  # so many edges meet too many corrupt
        (1000, 100, 300, 68, 56),  # corrupt neighbours open a client
        (1000, 100, 300, 68, 58),  # some survivor is stuck
        (1000, 104, 300, 68, 57),
        (1000, 100, 310, 68, 57),
        (1000, 100, 450, 68, 57),  # fewer survivors than a quorum
        (1000, 100, 300, 0, 551),  # the complete graph of a roster too large for it
        (1000, 100, 300, 1001, 57),
        (1000, 100, 300, 68, 0),
        (1000, 100, 300, 68, 1000),
        (1000, -1, 300, 68, 57),
        (1000, 100, -1, 68, 57),
        (1, 0, 0, 0, 1),
    ],
)
def test_a_device_refuses_what_the_bounds_do_not_cover(other: tuple[int, ...]) -> None:
    assert accepts(*SOUND)
    assert not accepts(*other)


def test_a_device_accepts_what_needs_less_and_refuses_what_promises_more() -> None:
    assert accepts(1000, 99, 300, 68, 57)
    assert accepts(1000, 100, 299, 68, 57)
    assert accepts(*SOUND, sigma=82, eta=20.9)
    assert not accepts(*SOUND, sigma=83)
    assert not accepts(*SOUND, eta=21)


@pytest.mark.parametrize(
    ("size", "colluders", "dropouts", "cycles", "threshold", "verdict"),
    [
        (256, 25, 76, 0, 141, True),
        (256, 25, 76, 0, 142, False),
        (256, 25, 76, 0, 140, False),
        (256, 25, 76, 65, 141, False),
        (256, 25, 114, 0, 141, True),
        (256, 25, 115, 0, 141, False),
        (8, 1, 2, 0, 5, True),
        (3, 0, 0, 0, 2, True),
        (2, 0, 0, 0, 2, False),  # nobody else holds two shares
        (3, 0, -1, 0, 2, False),
    ],
)
def test_on_the_complete_graph_the_threshold_is_the_quorum_and_one_more_survives(
    size: int, colluders: int, dropouts: int, cycles: int, threshold: int, verdict: bool
) -> None:
    assert accepts(size, colluders, dropouts, cycles, threshold) is verdict


def test_a_verdict_is_computed_once() -> None:
    accepts.cache_clear()
    assert [accepts(*SOUND), accepts(*SOUND)] == [True, True]
    assert accepts.cache_info()[:2] == (1, 1)
