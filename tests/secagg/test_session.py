"""What is agreed before anyone speaks: bounds, thresholds, sets, and what binds a session."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holter.secagg.errors import Caller
from holter.secagg.session import (
    COMPLETE_GRAPH_LIMIT,
    Bounds,
    set_bytes,
    set_hash,
    set_of,
    threshold,
)
from tests.secagg.cast import cast_of

cohorts = st.integers(2, COMPLETE_GRAPH_LIMIT).flatmap(
    lambda n: st.tuples(st.just(n), st.integers(0, n))
)
sets = st.integers(1, 70).flatmap(
    lambda n: st.tuples(st.just(n), st.frozensets(st.integers(0, n - 1)))
)


@given(cohorts)
def test_any_two_quorums_share_more_clients_than_may_collude(cohort: tuple[int, int]) -> None:
    clients, colluders = cohort
    needed = threshold(clients, colluders)
    assert 2 * needed - clients > colluders
    assert 2 * (needed - 1) - clients <= colluders  # and one fewer would not do


@given(cohorts)
def test_colluders_alone_open_nothing_and_honest_clients_alone_open_everything(
    cohort: tuple[int, int],
) -> None:
    clients, colluders = cohort
    needed = threshold(clients, colluders)
    assert needed > colluders or colluders == clients
    if needed + 1 <= clients:  # bounds exist, with everyone but a few surviving
        Bounds(needed + 1, clients, needed + 1, colluders, 1)


@given(cohorts, st.integers(1, COMPLETE_GRAPH_LIMIT), st.integers(1, COMPLETE_GRAPH_LIMIT))
def test_bounds_that_are_accepted_leave_enough_holders_for_every_roster_within_them(
    cohort: tuple[int, int], floor: int, smallest: int
) -> None:
    largest, colluders = cohort
    try:
        bounds = Bounds(smallest, largest, floor, colluders, 1)
    except Caller:
        return
    for size in range(bounds.smallest_roster, bounds.largest_roster + 1):
        assert bounds.survivors_floor - 1 >= threshold(size, colluders)
    assert 2 <= bounds.survivors_floor <= bounds.smallest_roster


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"survivors_floor": 1, "smallest_roster": 1, "largest_roster": 1}, "2 <= survivors"),
        ({"survivors_floor": 8}, "survivors_floor <= smallest_roster"),
        ({"smallest_roster": 9}, "smallest_roster <= largest_roster"),
        ({"largest_roster": COMPLETE_GRAPH_LIMIT + 1}, "sparse graph"),
        ({"colluders": -1}, "colluders >= 0"),
        ({"words": 0}, "words >= 1"),
        ({"survivors_floor": 5, "smallest_roster": 5}, "at least 6, not 5"),
        ({"colluders": 2}, "at least 7, not 6"),
    ],
)
def test_bounds_that_could_not_be_kept_are_refused(wrong: dict[str, int], says: str) -> None:
    right = {"smallest_roster": 7, "largest_roster": 8, "survivors_floor": 6, "colluders": 0}
    Bounds(**right, words=1)
    with pytest.raises(Caller, match=says):
        Bounds(**{**right, "words": 1, **wrong})


def test_the_largest_complete_graph_is_allowed() -> None:
    bounds = Bounds(200, COMPLETE_GRAPH_LIMIT, 200, 12, 1)
    assert threshold(bounds.largest_roster, bounds.colluders) == 135


def test_a_bitmap_counts_from_the_lowest_bit() -> None:
    assert set_bytes({0, 3, 8}, 10) == bytes([0b1001, 0b1])
    assert set_bytes((), 8) == b"\x00"


@given(sets)
def test_a_set_survives_its_bitmap(case: tuple[int, frozenset[int]]) -> None:
    size, members = case
    bitmap = set_bytes(members, size)
    assert len(bitmap) == -(-size // 8)
    assert set_of(bitmap, size) == members


@given(sets)
def test_a_set_has_one_bitmap_only(case: tuple[int, frozenset[int]]) -> None:
    size, members = case
    bitmap = set_bytes(members, size)
    for wrong in (bitmap + b"\x00", bitmap[:-1]):
        with pytest.raises(ValueError, match="length"):
            set_of(wrong, size)
    for beyond in range(size, 8 * len(bitmap)):
        stray = bytearray(bitmap)
        stray[beyond // 8] |= 1 << beyond % 8
        with pytest.raises(ValueError, match="not on the roster"):
            set_of(bytes(stray), size)


@pytest.mark.parametrize(
    "field", ["task_id", "session_id", "model_hash", "plan_hash"], ids=lambda name: name
)
def test_everything_agreed_enters_the_context(field: str) -> None:
    session = cast_of(4).session
    other = replace(session, **{field: b"another"})
    assert session.context != other.context
    assert session.commitment(b"k" * 32, b"s" * 32) != other.commitment(b"k" * 32, b"s" * 32)
    assert session.bound_to_roster(4, b"r" * 32) != other.bound_to_roster(4, b"r" * 32)


def test_bytes_moved_from_one_field_to_the_next_make_another_context() -> None:
    session = cast_of(4).session
    left = replace(session, task_id=b"ab", session_id=b"c")
    right = replace(session, task_id=b"a", session_id=b"bc")
    assert left.context != right.context


def test_the_session_is_bound_to_size_and_root_of_its_roster() -> None:
    session = cast_of(4).session
    sids = {session.bound_to_roster(n, r * 32) for n in (4, 5) for r in (b"a", b"b")}
    assert len(sids) == 4


def test_the_hash_of_a_set_is_worth_nothing_in_another_session() -> None:
    assert set_hash(b"a" * 32, {1, 2}, 8) != set_hash(b"b" * 32, {1, 2}, 8)
    assert set_hash(b"a" * 32, {1, 2}, 8) != set_hash(b"a" * 32, {1, 3}, 8)


def test_a_commitment_holds_one_seed_of_one_device() -> None:
    session = cast_of(4).session
    made = {session.commitment(d * 32, s * 32) for d in (b"d", b"e") for s in (b"s", b"t")}
    assert len(made) == 4
