"""The parameter tables of the design, every number of every row, and what is infeasible."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from holter.secagg import connectivity as bounds
from holter.secagg.errors import Caller
from holter.secagg.finder import Graph, Infeasible, find
from tests.secagg.ring_finder import ring_neighbours

# Section 1.2: n, gamma %, delta % | H, mean degree, t, S_min, all sets together, quorum
CYCLES = [
    ((257, 10, 30), (65, 102.2, 26, 2, -83.8, 142)),
    ((300, 10, 30), (68, 109.6, 50, 3, -82.5, 166)),
    ((500, 10, 30), (59, 105.3, 46, 4, -80.2, 276)),
    ((1000, 5, 10), (26, 50.7, 29, 6, -82.1, 526)),
    ((1000, 10, 20), (49, 93.4, 49, 7, -81.2, 551)),
    ((1000, 10, 30), (68, 127.3, 57, 7, -82.1, 551)),
    ((1000, 20, 30), (124, 219.8, 113, 5, -80.1, 601)),
    ((2000, 10, 30), (71, 137.1, 62, 12, -81.0, 1101)),
    ((2048, 10, 30), (71, 137.3, 62, 12, -81.0, 1127)),
]

# Section 1.1: n, gamma %, delta % | (k, t) honest but curious, semi-malicious; eta = 30
RING = [
    ((100, 5, 10), (16, 6), (26, 16)),
    ((100, 10, 20), (30, 11), (52, 32)),
    ((100, 10, 30), (36, 11), (72, 42)),
    ((1000, 5, 5), (34, 18), (62, 43)),
    ((1000, 5, 10), (40, 19), (90, 58)),
    ((1000, 10, 20), (74, 33), (226, 142)),
    ((1000, 10, 30), (102, 39), (462, 273)),
    ((1000, 33, 33), (310, 159), (992, 662)),
    ((10_000, 5, 5), (38, 21), (74, 51)),
    ((10_000, 10, 20), (90, 40), (332, 209)),
    ((10_000, 10, 30), (126, 48), (936, 555)),
]

# Appendix A: n, gamma %, delta %, semi-malicious | (k, t); eta = 20
CHECKS = [
    ((100, 5, 5, False), (12, 6)),
    ((1000, 5, 5, False), (30, 17)),
    ((1000, 5, 33, False), (72, 24)),
    ((1000, 5, 33, True), (398, 223)),
    ((10_000, 5, 33, True), (746, 420)),
    ((1000, 33, 5, True), (132, 109)),
    ((1000, 45, 45, False), (822, 417)),
]


def counts(size: int, gamma: int, delta: int) -> tuple[int, int, int]:
    """n, c = floor(gamma n), e = floor(delta n), from whole per cents."""
    return size, size * gamma // 100, size * delta // 100


@pytest.mark.parametrize(("demand", "row"), CYCLES, ids=str)
def test_every_row_of_the_table_of_cycles_is_found(
    demand: tuple[int, int, int], row: tuple[int, float, int, int, float, int]
) -> None:
    found = find(*counts(*demand))
    assert row == (
        found.cycles,
        round(found.mean_degree, 1),
        found.threshold,
        found.smallest_separable,
        round(found.log2_leak, 1),
        found.quorum,
    )
    assert found.log2_stuck <= -20


@pytest.mark.parametrize(("demand", "curious", "semi_malicious"), RING, ids=str)
def test_every_row_of_the_table_of_rings_is_found(
    demand: tuple[int, int, int], curious: tuple[int, int], semi_malicious: tuple[int, int]
) -> None:
    size, gamma, delta = demand[0], Fraction(demand[1], 100), Fraction(demand[2], 100)
    assert ring_neighbours(size, gamma, delta, semi_malicious=False) == curious
    assert ring_neighbours(size, gamma, delta, semi_malicious=True) == semi_malicious


def test_a_third_corrupt_and_a_third_dropped_of_ten_thousand_need_nearly_the_complete_ring() -> (
    None
):
    third = Fraction(33, 100)
    assert ring_neighbours(10_000, third, third, semi_malicious=False) == (480, 246)
    found = ring_neighbours(10_000, third, third, semi_malicious=True)
    assert found is None or found[0] > 9_800


@pytest.mark.parametrize(("demand", "expected"), CHECKS, ids=str)
def test_the_check_rows_of_the_public_ring_finder_are_found(
    demand: tuple[int, int, int, bool], expected: tuple[int, int]
) -> None:
    size, gamma, delta, semi_malicious = demand
    shares = Fraction(gamma, 100), Fraction(delta, 100)
    assert ring_neighbours(size, *shares, semi_malicious=semi_malicious, eta=20) == expected


@pytest.mark.parametrize(("size", "share"), [(1000, 0.13), (2000, 0.28)])
def test_corrupt_clients_that_fall_silent_as_well_stop_some_sessions(
    size: int, share: float
) -> None:
    _, colluders, dropouts = counts(size, 10, 30)
    found = find(size, colluders, dropouts)
    chances = bounds.degrees(size, found.cycles)
    stuck = bounds.log2_stuck(size, colluders + dropouts, found.threshold, chances)
    assert 2.0**stuck == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize(("demand", "row"), CYCLES, ids=str)
def test_a_device_accepts_what_is_found_and_neither_less(
    demand: tuple[int, int, int], row: tuple[int, float, int, int, float, int]
) -> None:
    asked, (cycles, _, threshold, *_) = counts(*demand), row
    assert bounds.accepts(*asked, cycles, threshold)
    assert not bounds.accepts(*asked, cycles, threshold - 1)
    assert not bounds.accepts(*asked, cycles - 1, threshold)


@pytest.mark.parametrize("demand", [(257, 25, 77), (300, 10, 30), (400, 0, 150)], ids=str)
def test_no_smaller_graph_would_do(demand: tuple[int, int, int]) -> None:
    found = find(*demand)
    for cycles in range(1, found.cycles):
        for threshold in range(2, 2 * cycles + 1):
            assert not bounds.accepts(*demand, cycles, threshold)
    for threshold in range(2, found.threshold):
        assert not bounds.accepts(*demand, found.cycles, threshold)


def test_up_to_256_clients_the_graph_is_complete() -> None:
    assert find(256, 25, 76) == Graph(0, 141, 141, 255.0, -math.inf, -math.inf, 1)
    assert find(3, 0, 0).threshold == 2


def test_stricter_demands_cost_more() -> None:
    usual, private, live = (
        find(600, 60, 120, sigma=s, eta=e) for s, e in [(80, 20), (100, 20), (80, 40)]
    )
    assert usual.cycles < private.cycles
    assert usual.cycles < live.cycles
    assert private.log2_leak <= -100
    assert live.log2_stuck <= -40


@pytest.mark.parametrize(
    ("demand", "nearest"),
    [
        ((1000, 100, 450), (449, 99, 1001)),
        ((1000, 100, 500), (449, None, 1101)),
        ((1000, 700, 200), (127, 599, 1101)),
        ((2048, 600, 900), (723, 247, None)),
        ((256, 25, 120), (114, 13, 266)),
        ((100, 30, 40), (33, 17, 113)),
        ((5, 2, 2), (0, None, 9)),
        ((2, 0, 0), (None, None, 3)),
        ((3000, 2990, 20), (None, 2478, None)),
    ],
    ids=str,
)
def test_an_infeasible_demand_names_the_nearest_that_are_feasible(
    demand: tuple[int, int, int], nearest: tuple[int | None, int | None, int | None]
) -> None:
    size, colluders, dropouts = demand
    with pytest.raises(Infeasible) as refusal:
        find(*demand)
    told = refusal.value
    assert (told.most_dropouts, told.most_colluders, told.smallest_size) == nearest
    for count, ask in [
        (nearest[0], lambda by: (size, colluders, nearest[0] + by)),
        (nearest[1], lambda by: (size, nearest[1] + by, dropouts)),
        (nearest[2], lambda by: (max(nearest[2] - by, 2), colluders, dropouts)),
    ]:
        if count is not None:
            find(*ask(0))
            assert str(count) in str(told)
            with pytest.raises(Infeasible):
                find(*ask(1))


def test_the_refusal_is_one_clear_line_and_the_callers_fault() -> None:
    with pytest.raises(Infeasible) as refusal:
        find(1000, 100, 450)
    assert isinstance(refusal.value, Caller)
    assert isinstance(refusal.value, ValueError)
    assert str(refusal.value) == (
        "no graph of 1000 clients bears 100 colluders and 450 drop-outs: with these colluders at "
        "most 449 drop-outs; with these drop-outs at most 99 colluders; for both at least 1001 "
        "clients"
    )


def test_where_nothing_near_is_feasible_the_refusal_says_so() -> None:
    with pytest.raises(Infeasible, match="nor does one near it"):
        find(2000, 1990, 1500)


@pytest.mark.parametrize("demand", [(1, 0, 0), (300, -1, 0), (300, 0, -1)], ids=str)
def test_impossible_counts_are_no_demand(demand: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="two clients or more"):
        find(*demand)
