"""Splits: people are split, never windows; and what is later is never too near to the earlier."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.signals.splits import earlier_and_later, folds, new_people

orders = st.integers(2, 60).flatmap(lambda count: st.permutations(range(count))).map(np.array)
labels = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(np.array)
shares, gaps = st.floats(0.05, 0.95), st.integers(0, 8)


@given(orders, shares)
@settings(deadline=None)
def test_new_people_are_the_first_of_the_order_and_somebody_is_on_either_side(
    order: np.ndarray, share: float
) -> None:
    new = new_people(order, share)
    assert 1 <= len(new) <= len(order) - 1
    assert abs(len(new) - len(order) * share) <= 1
    assert new.tolist() == sorted(order[: len(new)].tolist())


@given(orders, shares)
@settings(deadline=None)
def test_nobody_is_new_and_known_at_once(order: np.ndarray, share: float) -> None:
    new = new_people(order, share)
    known = np.setdiff1d(order, new)
    assert len(np.unique(new)) == len(new)
    assert len(known) + len(new) == len(order)


@given(orders, st.data())
@settings(deadline=None)
def test_folds_partition_the_people_evenly(order: np.ndarray, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(order)))
    parts = folds(order, count)
    assert len(parts) == count
    assert sorted(np.concatenate(parts).tolist()) == sorted(order.tolist())
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    assert all(part.tolist() == sorted(part.tolist()) for part in parts)


def test_leaving_one_person_out_gives_everyone_a_fold_of_their_own() -> None:
    assert [part.tolist() for part in folds(np.array([2, 0, 1]), 3)] == [[2], [0], [1]]


@given(labels, shares, gaps, st.booleans())
@settings(deadline=None, max_examples=300)
def test_earlier_and_later_windows_are_never_closer_than_the_gap(
    y: np.ndarray, share: float, gap: int, per_class: bool
) -> None:
    earlier, later = earlier_and_later(y, earlier_share=share, gap=gap, per_class=per_class)
    assert not set(earlier) & set(later)
    if len(earlier) and len(later):
        assert np.abs(later[:, np.newaxis] - earlier).min() > gap
    for rows in (earlier, later):
        assert (np.diff(rows) > 0).all()
        assert all(0 <= row < len(y) for row in rows)


@given(labels, shares, gaps, st.booleans())
@settings(deadline=None)
def test_only_windows_within_the_gap_are_given_up(
    y: np.ndarray, share: float, gap: int, per_class: bool
) -> None:
    earlier, later = earlier_and_later(y, earlier_share=share, gap=gap, per_class=per_class)
    lost = np.setdiff1d(np.arange(len(y)), np.concatenate([earlier, later]))
    assert all(np.abs(earlier - row).min() <= gap for row in lost)


@given(labels, shares, gaps)
@settings(deadline=None)
def test_the_earlier_part_of_each_class_comes_before_its_later_part(
    y: np.ndarray, share: float, gap: int
) -> None:
    earlier, later = earlier_and_later(y, earlier_share=share, gap=gap, per_class=True)
    for label in np.unique(y):
        first, last = earlier[y[earlier] == label], later[y[later] == label]
        assert len(first) == round((y == label).sum() * share)
        if len(first) and len(last):
            assert first.max() < last.min()


@given(labels, shares, gaps)
@settings(deadline=None)
def test_without_regard_to_class_the_cut_is_one_moment(
    y: np.ndarray, share: float, gap: int
) -> None:
    earlier, later = earlier_and_later(y, earlier_share=share, gap=gap, per_class=False)
    count = round(len(y) * share)
    assert earlier.tolist() == list(range(count))
    assert later.tolist() == list(range(count + gap if count else 0, len(y)))


@pytest.mark.parametrize("gap", [0, 1, 3])
def test_blocks_of_classes_stand_on_both_sides(gap: int) -> None:
    y = np.repeat([0, 1, 2], 20)
    earlier, later = earlier_and_later(y, earlier_share=0.5, gap=gap, per_class=True)
    assert np.bincount(y[earlier]).tolist() == [10, 10, 10]
    # A block loses its first windows after the cut, and its last to the next block's first.
    assert np.bincount(y[later]).tolist() == [10 - 2 * gap, 10 - 2 * gap, 10 - gap]


def test_the_split_of_labels_does_not_depend_on_their_numbers() -> None:
    y = np.array([0, 1, 0, 1, 2, 2, 0, 1])
    one = earlier_and_later(y, earlier_share=0.5, gap=0, per_class=True)
    other = earlier_and_later(2 - y, earlier_share=0.5, gap=0, per_class=True)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_windows_nearer_in_time_than_they_reach_are_on_neither_side() -> None:
    seconds = np.array([0.0, 30, 60, 90, 120, 700, 730, 760])
    y = np.zeros(8, dtype=np.int64)
    earlier, later = earlier_and_later(
        y, earlier_share=0.5, gap=0, per_class=False, seconds=seconds, reach_seconds=600.0
    )
    assert earlier.tolist() == [0, 1, 2, 3] and later.tolist() == [5, 6, 7]
    without, rest = earlier_and_later(y, earlier_share=0.5, gap=0, per_class=False)
    assert without.tolist() == [0, 1, 2, 3] and rest.tolist() == [4, 5, 6, 7]


def test_a_later_window_between_two_earlier_ones_must_be_far_from_both() -> None:
    seconds = np.arange(12) * 100.0
    y = np.array([0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0])
    earlier, later = earlier_and_later(
        y, earlier_share=0.5, gap=0, per_class=True, seconds=seconds, reach_seconds=250.0
    )
    assert earlier.tolist() == [0, 1, 2, 3, 4, 5]
    assert later.tolist() == [8, 9, 10, 11]
