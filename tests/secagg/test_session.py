"""What is agreed before anyone speaks: bounds, thresholds, sets, and what binds a session."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holter.secagg.connectivity import fewest_survivors, quorum
from holter.secagg.errors import Caller
from holter.secagg.graph import COMPLETE_LIMIT
from holter.secagg.session import (
    SESSION_LIMIT,
    Bounds,
    set_bytes,
    set_hash,
    set_of,
)
from tests.secagg.cast import cast_of

ROOT = b"r" * 32
cohorts = st.integers(2, SESSION_LIMIT).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))
sets = st.integers(1, 70).flatmap(
    lambda n: st.tuples(st.just(n), st.frozensets(st.integers(0, n - 1)))
)


@given(cohorts)
def test_any_two_quorums_share_more_clients_than_may_collude(cohort: tuple[int, int]) -> None:
    clients, colluders = cohort
    needed = quorum(clients, colluders)
    assert 2 * needed - clients > colluders
    assert 2 * (needed - 1) - clients <= colluders  # and one fewer would not do


@given(cohorts)
def test_colluders_alone_are_no_quorum_and_a_floor_at_the_least_is_accepted(
    cohort: tuple[int, int],
) -> None:
    clients, colluders = cohort
    least = fewest_survivors(clients, colluders)
    assert quorum(clients, colluders) > colluders or colluders == clients
    assert least == quorum(clients, colluders) + (clients <= COMPLETE_LIMIT)
    if least <= clients:  # bounds exist, with everyone but a few surviving
        bounds = Bounds(clients, clients, least, colluders, 1)
        assert bounds.lost(clients) == clients - least
        if least > 2:
            with pytest.raises(Caller, match="survivors_floor of at least"):
                Bounds(clients, clients, least - 1, colluders, 1)


@given(cohorts, st.integers(1, SESSION_LIMIT), st.integers(1, SESSION_LIMIT))
def test_bounds_that_are_accepted_leave_enough_holders_for_every_roster_within_them(
    cohort: tuple[int, int], floor: int, smallest: int
) -> None:
    largest, colluders = cohort
    try:
        bounds = Bounds(smallest, largest, floor, colluders, 1)
    except Caller:
        return
    for size in range(bounds.smallest_roster, bounds.largest_roster + 1):
        assert bounds.survivors_floor >= quorum(size, colluders)
        if size <= COMPLETE_LIMIT:  # everyone holds shares of everyone else
            assert bounds.survivors_floor - 1 >= quorum(size, colluders)
    assert 2 <= bounds.survivors_floor <= bounds.smallest_roster


@given(cohorts)
def test_a_roster_of_any_size_within_the_bounds_may_come_down_to_the_floor(
    cohort: tuple[int, int],
) -> None:
    largest, colluders = cohort
    complete = min(largest, COMPLETE_LIMIT)
    floor = max(fewest_survivors(size, colluders) for size in (complete, largest))
    for size in {COMPLETE_LIMIT, COMPLETE_LIMIT + 1, largest}:
        if floor <= size <= largest:
            bounds = Bounds(floor, largest, floor, colluders, 1)
            assert size - bounds.lost(size) >= fewest_survivors(size, colluders)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"survivors_floor": 1, "smallest_roster": 1, "largest_roster": 1}, "2 <= survivors"),
        ({"survivors_floor": 8}, "survivors_floor <= smallest_roster"),
        ({"smallest_roster": 9}, "smallest_roster <= largest_roster"),
        ({"largest_roster": SESSION_LIMIT + 1}, "a session ends at 2048 clients"),
        ({"colluders": -1}, "colluders >= 0"),
        ({"words": 0}, "words >= 1"),
        ({"survivors_floor": 5, "smallest_roster": 5}, "at least 6, not 5"),
        ({"colluders": 2}, "at least 7, not 6"),
        ({"smallest_roster": 256, "largest_roster": 257, "survivors_floor": 129}, "least 130, not"),
        ({"smallest_roster": 130, "largest_roster": 257, "survivors_floor": 129}, "least 130, not"),
        ({"sigma": 0}, "sigma lies between 1 and 128"),
        ({"sigma": 129}, "sigma lies between 1 and 128"),
        ({"eta": 0}, "eta between 1 and 64"),
        ({"eta": 65}, "eta between 1 and 64"),
    ],
)
def test_bounds_that_could_not_be_kept_are_refused(wrong: dict[str, int], says: str) -> None:
    right = {"smallest_roster": 7, "largest_roster": 8, "survivors_floor": 6, "colluders": 0}
    Bounds(**right, words=1)
    with pytest.raises(Caller, match=says):
        Bounds(**{**right, "words": 1, **wrong})


def test_the_largest_complete_graph_and_the_largest_session_are_allowed() -> None:
    Bounds(200, COMPLETE_LIMIT, 200, 12, 1)
    assert quorum(COMPLETE_LIMIT, 12) == 135
    bounds = Bounds(1800, SESSION_LIMIT, 1700, 100, 1)
    assert (bounds.sigma, bounds.eta, bounds.lost(2000)) == (80, 20, 300)
    assert bounds.lost(1600) == 0


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
    ("field", "value"),
    [
        ("task_id", b"another"),
        ("session_id", b"another session!"),
        ("model_hash", b"m" * 32),
        ("plan_hash", b"p" * 32),
        ("group", 1),
    ],
)
def test_everything_agreed_enters_the_context(field: str, value: object) -> None:
    session = cast_of(4).session
    other = replace(session, **{field: value})
    assert session.context != other.context
    assert session.commitment(b"k" * 32, b"s" * 32) != other.commitment(b"k" * 32, b"s" * 32)
    assert session.bound_to_roster(4, 0, 3, ROOT) != other.bound_to_roster(4, 0, 3, ROOT)


def test_a_floor_for_sparse_rosters_alone_need_not_do_for_the_complete_graph() -> None:
    assert Bounds(257, 257, 129, 0, 1).lost(257) == 128
    assert Bounds(130, 257, 130, 0, 1).lost(256) == 126


@pytest.mark.parametrize(("colluders", "borne"), [(0, 1), (1, 1), (2, 2), (30, 30)])
def test_one_complaint_is_borne_even_where_no_colluder_is(colluders: int, borne: int) -> None:
    assert Bounds(200, 200, 180, colluders, 1).tolerated_complaints == borne


def test_two_hashes_exchanged_make_another_context() -> None:
    session = cast_of(4).session
    model, plan = session.model_hash, session.plan_hash
    assert replace(session, model_hash=plan, plan_hash=model).context != session.context


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"session_id": b"x" * 15}, "an id of 16 bytes"),
        ({"session_id": b"x" * 17, "task_id": b"t"}, "an id of 16 bytes"),
        ({"model_hash": bytes(31)}, "hashes and a key of 32"),
        ({"plan_hash": bytes(33)}, "hashes and a key of 32"),
        ({"server_public": b""}, "hashes and a key of 32"),
        ({"model_hash": bytes(64), "plan_hash": b""}, "hashes and a key of 32"),
        ({"task_id": b""}, "1 to 256 bytes"),
        ({"task_id": b"t" * 257}, "1 to 256 bytes"),
        ({"group": -1}, "a number of 32 bits"),
        ({"group": 2**32}, "a number of 32 bits"),
    ],
)
def test_a_session_of_other_lengths_is_refused(wrong: dict[str, object], says: str) -> None:
    session = cast_of(4).session
    assert replace(session, task_id=b"t" * 256, group=2**32 - 1)
    with pytest.raises(Caller, match=says):
        replace(session, **wrong)  # type: ignore[arg-type]


def test_the_session_is_bound_to_size_graph_and_root_of_its_roster() -> None:
    session = cast_of(4).session
    cases = itertools.product((4, 5), (0, 1, 256), (3, 4, 768), (ROOT, b"a" * 32))
    sids = {session.bound_to_roster(*case) for case in cases}
    assert len(sids) == 2 * 3 * 3 * 2


def test_the_hash_of_a_set_is_worth_nothing_in_another_session() -> None:
    assert set_hash(b"a" * 32, {1, 2}, 8) != set_hash(b"b" * 32, {1, 2}, 8)
    assert set_hash(b"a" * 32, {1, 2}, 8) != set_hash(b"a" * 32, {1, 3}, 8)


def test_a_commitment_holds_one_seed_of_one_device() -> None:
    session = cast_of(4).session
    made = {session.commitment(d * 32, s * 32) for d in (b"d", b"e") for s in (b"s", b"t")}
    assert len(made) == 4
