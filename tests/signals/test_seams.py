"""Nothing of a person's later windows reaches the earlier ones, nor the other way round.

The test plants something in one part and looks for it, bit by bit, in the other.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from holter.signals.inputs import EXTRAS, Inputs, examples
from holter.signals.prepare import Recorded
from holter.signals.splits import earlier_and_later, random_windows_that_leak
from holter.signals.windows import Examples

WINDOWS = 60
DICE = np.random.default_rng(8)
WAYS = [
    Inputs("person", "mask", tuple(EXTRAS), (1, 2, 10)),
    Inputs("both", "person-mean", ("rr-ratios", "median-window"), (4,)),
    Inputs("none", "error", ("statistics", "hours"), (1,)),
]


def _person() -> Recorded:
    x = DICE.normal(size=(WINDOWS, 2, 16)).astype(np.float32)
    y = (np.arange(WINDOWS) // 5 % 3).astype(np.int64)
    rr = DICE.uniform(0.6, 1.1, size=(WINDOWS, 2)).astype(np.float32)
    return Recorded(x, y, np.arange(WINDOWS) * 30.0, rr, np.zeros((WINDOWS, 0), np.float32))


def _planted(person: Recorded, rows: np.ndarray) -> Recorded:
    """The same person with a shift, a scale and other heartbeats in some windows."""
    x, rr = person.x.copy(), person.rr.copy()  # type: ignore[union-attr]
    x[rows] = 40.0 + 7.0 * x[rows]
    rr[rows] = 2.0
    return replace(person, x=x, rr=rr)


def _parts(person: Recorded, how: Inputs, per_class: bool) -> tuple[Examples, Examples]:
    earlier, later = earlier_and_later(person.y, earlier_share=0.5, gap=1, per_class=per_class)
    return (
        examples(person, how, earlier, within=earlier),
        examples(person, how, earlier, within=later),
    )


def _same(one: Examples, other: Examples) -> bool:
    return one.x.tobytes() == other.x.tobytes() and one.extra.tobytes() == other.extra.tobytes()


@pytest.mark.parametrize("per_class", [True, False])
@pytest.mark.parametrize("how", WAYS, ids=lambda how: how.normalise)
def test_a_shift_planted_in_the_later_part_changes_no_bit_of_the_earlier_one(
    how: Inputs, per_class: bool
) -> None:
    person = _person()
    earlier, _ = earlier_and_later(person.y, earlier_share=0.5, gap=1, per_class=per_class)
    others = np.setdiff1d(np.arange(WINDOWS), earlier)
    before, after = _parts(person, how, per_class), _parts(_planted(person, others), how, per_class)
    assert _same(before[0], after[0])
    assert not _same(before[1], after[1])


@pytest.mark.parametrize("per_class", [True, False])
def test_a_shift_planted_in_the_earlier_part_reaches_the_later_one_by_its_scale_alone(
    per_class: bool,
) -> None:
    person = _person()
    earlier, later = earlier_and_later(person.y, earlier_share=0.5, gap=1, per_class=per_class)
    changed = _planted(person, earlier)
    unscaled = Inputs("none", "error", ("statistics", "hours"), ())
    before, after = (examples(one, unscaled, earlier, within=later) for one in (person, changed))
    assert _same(before, after)
    # With context, a later window sees its neighbours among later ones only, at their scale.
    how = Inputs("person", "mask", ("rr-ratios", "median-window"), (1, 5))
    given_scale = examples(person, how, later, within=later)
    assert _same(given_scale, examples(changed, how, later, within=later))


def test_the_windows_in_the_gap_are_seen_by_neither_part() -> None:
    person = _person()
    earlier, later = earlier_and_later(person.y, earlier_share=0.5, gap=3, per_class=False)
    gap = np.setdiff1d(np.arange(WINDOWS), np.concatenate([earlier, later]))
    assert len(gap) == 3
    how = WAYS[0]
    before, after = (
        [examples(one, how, earlier, within=rows) for rows in (earlier, later)]
        for one in (person, _planted(person, gap))
    )
    assert all(_same(*pair) for pair in zip(before, after, strict=True))


@pytest.mark.parametrize("how", WAYS, ids=lambda how: how.normalise)
def test_a_part_that_is_everything_is_the_whole(how: Inputs) -> None:
    person = _person()
    rows = np.arange(WINDOWS)
    assert _same(examples(person, how), examples(person, how, rows, within=rows))


def test_random_windows_put_every_window_on_one_side() -> None:
    order = DICE.permutation(20)
    train, test = random_windows_that_leak(order, 0.25)
    assert len(test) == 5 and sorted([*train, *test]) == list(range(20))
    assert (np.diff(train) > 0).all()
    only, none = random_windows_that_leak(np.array([0]), 0.9)
    assert only.tolist() == [0] and len(none) == 0
