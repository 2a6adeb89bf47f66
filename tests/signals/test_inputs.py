"""Inputs: what is promised of ``examples``, whatever the numbers it computes.

Finite values for missing ones; a person's statistics from the reference windows alone; never
a label; shapes that do not depend on the person.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.signals.errors import DataError
from holter.signals.inputs import EXTRAS, Inputs, examples
from holter.signals.prepare import Recorded

NORMALISE, MISSING = ("none", "person", "both"), ("person-mean", "mask")
every_way = st.builds(
    Inputs,
    normalise=st.sampled_from(NORMALISE),
    missing=st.sampled_from(MISSING),
    extra=st.lists(st.sampled_from(sorted(EXTRAS)), unique=True).map(tuple),
    context=st.lists(st.integers(1, 4), max_size=2, unique=True).map(tuple),
)
# Without neighbours' windows among the inputs, so that windows can be changed apart.
own_window_only = st.builds(
    Inputs,
    normalise=st.sampled_from(NORMALISE),
    missing=st.sampled_from(MISSING),
    extra=st.sampled_from([(), ("statistics",), ("median-window",), ("statistics", "hours")]),
    context=st.just(()),
)
lightly = settings(deadline=None, max_examples=60)


def _recorded(seed: int, count: int = 12, channels: int = 2, samples: int = 6) -> Recorded:
    dice = np.random.default_rng(seed)
    return Recorded(
        x=(50 + 9 * dice.normal(size=(count, channels, samples))).astype(np.float32),
        y=dice.integers(0, 3, size=count),
        seconds=30.0 * np.arange(count),
        rr=dice.uniform(0.6, 1.2, size=(count, 2)).astype(np.float32),
        given=dice.normal(size=(count, 1)).astype(np.float32),
    )


def _with_gaps(person: Recorded, share: float, seed: int) -> Recorded:
    dice = np.random.default_rng(seed)
    assert person.rr is not None
    x = np.where(dice.random(person.x.shape) < share, np.float32(np.nan), person.x)
    rr = np.where(dice.random(person.rr.shape) < share, np.float32(np.nan), person.rr)
    return replace(person, x=x, rr=rr)


def _finite(person: Recorded, how: Inputs, rows: npt.NDArray[np.int64] | None = None) -> bool:
    shown = examples(person, how, rows)
    return bool(np.isfinite(shown.x).all() and np.isfinite(shown.extra).all())


@given(every_way, st.integers(0, 99), st.floats(0, 1), st.integers(1, 12), st.integers(1, 6))
@lightly
def test_missing_samples_become_finite_inputs(
    how: Inputs, seed: int, share: float, count: int, samples: int
) -> None:
    person = _with_gaps(_recorded(seed, count, samples=samples), share, seed)
    assert _finite(person, how)


@given(every_way, st.integers(0, 9))
@lightly
def test_a_channel_that_was_never_worn_becomes_finite_inputs(how: Inputs, seed: int) -> None:
    person = _recorded(seed)
    person.x[:, 1] = np.nan
    assert _finite(person, how)
    person.x[:] = np.nan
    assert _finite(person, how)


@given(every_way, st.floats(-1e6, 1e6, width=32))
@lightly
def test_a_signal_that_never_moves_becomes_finite_inputs(how: Inputs, value: float) -> None:
    person = _recorded(1)
    person.x[:] = value
    assert _finite(person, how)


@given(every_way, st.floats(1e-30, 1e12))
@lightly
def test_values_of_any_usual_size_become_finite_inputs(how: Inputs, size: float) -> None:
    person = _recorded(2)
    assert _finite(replace(person, x=person.x * np.float32(size)), how)


@pytest.mark.parametrize("rr", [[0.0] * 6, [-1.0, -1.0, -1.0, -1.0, 0.8, 0.8]])
def test_intervals_that_no_heart_has_become_finite_inputs(rr: list[float]) -> None:
    intervals = np.array(rr, dtype=np.float32).reshape(3, 2)
    person = replace(_recorded(1, count=3), rr=intervals)
    assert _finite(person, Inputs("person", "mask", ("rr-ratios",), ()))


def test_the_largest_values_become_finite_inputs() -> None:
    person = replace(_recorded(1), x=_recorded(1).x * np.float32(1e30))
    assert _finite(person, Inputs("none", "mask", ("statistics",), ()))


@given(every_way, st.integers(0, 9))
@lightly
def test_shapes_depend_on_the_study_and_not_on_the_person(how: Inputs, seed: int) -> None:
    one = examples(_recorded(seed), how)
    other = examples(_with_gaps(_recorded(seed + 1, count=5), 0.5, seed), how)
    assert one.x.shape[1:] == other.x.shape[1:]
    assert one.extra.shape[1:] == other.extra.shape[1:]
    assert (one.x.dtype, one.extra.dtype) == (np.float32, np.float32)
    assert (len(one), len(other)) == (12, 5)


@given(every_way, st.integers(0, 9))
@lightly
def test_labels_are_handed_on_and_never_used(how: Inputs, seed: int) -> None:
    person = _recorded(seed)
    relabelled = replace(person, y=(person.y + 1) % 3)
    one, other = examples(person, how), examples(relabelled, how)
    assert one.x.tobytes() == other.x.tobytes()
    assert one.extra.tobytes() == other.extra.tobytes()
    assert np.array_equal(one.y, person.y) and np.array_equal(other.y, relabelled.y)


@given(own_window_only, st.integers(0, 9), st.floats(-1e3, 1e3))
@lightly
def test_a_window_outside_the_reference_changes_nothing_but_itself(
    how: Inputs, seed: int, value: float
) -> None:
    person = _recorded(seed)
    reference = np.arange(6)
    changed = replace(person, x=person.x.copy())
    changed.x[8] = value
    before, after = (examples(p, how, reference) for p in (person, changed))
    others = np.arange(12) != 8
    assert np.array_equal(before.x[others], after.x[others])
    assert np.array_equal(before.extra[others], after.extra[others])


@given(st.integers(0, 9), st.floats(0.5, 2.0, width=32))
@lightly
def test_intervals_outside_the_reference_do_not_move_the_persons_median(
    seed: int, value: float
) -> None:
    how = Inputs("person", "mask", ("rr-ratios",), ())
    person = _recorded(seed, count=80)
    assert person.rr is not None
    changed = replace(person, rr=person.rr.copy())
    changed.rr[-1] = value  # far from the first windows, whose neighbours do not reach it
    before, after = (examples(p, how, np.arange(20)) for p in (person, changed))
    assert np.array_equal(before.extra[:20], after.extra[:20])


@pytest.mark.parametrize("normalise", ["person", "both"])
def test_a_reference_window_does_scale_the_others(normalise: str) -> None:
    how = Inputs(normalise, "mask", (), ())
    person = _recorded(3)
    changed = replace(person, x=person.x.copy())
    changed.x[2] *= 5
    before, after = (examples(p, how, np.arange(6)) for p in (person, changed))
    assert not np.array_equal(before.x[8], after.x[8])


@given(own_window_only, st.integers(0, 9))
@lightly
def test_no_reference_means_all_windows(how: Inputs, seed: int) -> None:
    person = _recorded(seed)
    one, other = examples(person, how), examples(person, how, np.arange(12))
    assert one.x.tobytes() == other.x.tobytes() and one.extra.tobytes() == other.extra.tobytes()


@given(every_way)
@lightly
def test_the_recording_is_left_as_it_was(how: Inputs) -> None:
    person = _with_gaps(_recorded(4), 0.2, 4)
    assert person.rr is not None
    before = (person.x.tobytes(), person.rr.tobytes(), person.given.tobytes())
    examples(person, how)
    assert before == (person.x.tobytes(), person.rr.tobytes(), person.given.tobytes())


def test_an_extra_that_is_not_known_lists_the_known_ones() -> None:
    with pytest.raises(DataError, match="'moon' is not known; it is one of") as refusal:
        Inputs("person", "mask", ("moon",), ())
    assert all(name in str(refusal.value) for name in EXTRAS)


@pytest.mark.parametrize("offset", [0, -1])
def test_a_context_of_no_distance_is_refused(offset: int) -> None:
    with pytest.raises(DataError, match="offsets of 1 and more"):
        Inputs("person", "mask", (), (1, offset))


def test_interval_ratios_without_intervals_say_what_to_set() -> None:
    with pytest.raises(DataError, match=r"rr-ratios needs heartbeat intervals: set data\.rr"):
        examples(replace(_recorded(1), rr=None), Inputs("person", "mask", ("rr-ratios",), ()))
