"""The synthetic wearers: the same every time, and shaped like people rather than noise."""

from __future__ import annotations

import numpy as np
import pytest

from holter.signals.windows import Person
from holter.simulator.wearers import SYNTHETIC_TASKS, wearer

TASKS = tuple(SYNTHETIC_TASKS)


def _people(task: str, count: int = 50, windows: int = 40) -> list[Person]:
    return [wearer(task, seed=7, index=index, windows=windows) for index in range(count)]


def _same(one: Person, other: Person) -> bool:
    return (
        one.examples.x.tobytes() == other.examples.x.tobytes()
        and one.examples.extra.tobytes() == other.examples.extra.tobytes()
        and one.examples.y.tobytes() == other.examples.y.tobytes()
        and one.strata == other.strata
    )


@pytest.mark.parametrize("task", TASKS)
def test_a_wearer_is_the_same_bits_in_whatever_order_people_are_drawn(task: str) -> None:
    forwards = [wearer(task, seed=3, index=index, windows=12) for index in range(4)]
    backwards = [wearer(task, seed=3, index=index, windows=12) for index in (3, 2, 1, 0)]
    assert all(_same(*pair) for pair in zip(forwards, reversed(backwards), strict=True))


@pytest.mark.parametrize("task", TASKS)
def test_other_people_and_other_seeds_are_different(task: str) -> None:
    one = wearer(task, seed=3, index=0, windows=12)
    assert not _same(one, wearer(task, seed=3, index=1, windows=12))
    assert not _same(one, wearer(task, seed=4, index=0, windows=12))


@pytest.mark.parametrize("windows", [1, 2, 3, 40, 130])
@pytest.mark.parametrize("task", TASKS)
def test_windows_have_the_shape_that_the_task_states_and_are_finite(
    task: str, windows: int
) -> None:
    stated = SYNTHETIC_TASKS[task]
    shown = wearer(task, seed=1, index=windows, windows=windows).examples
    assert shown.x.shape == (windows, stated.channels, stated.samples)
    assert shown.extra.shape == (windows, len(stated.extras))
    assert shown.y.shape == (windows,)
    assert (shown.x.dtype, shown.extra.dtype, shown.y.dtype) == (np.float32, np.float32, np.int64)
    assert np.isfinite(shown.x).all() and np.isfinite(shown.extra).all()
    assert shown.y.min() >= 0 and shown.y.max() < len(stated.classes)
    assert stated.shape.classes == len(stated.classes)


@pytest.mark.parametrize("task", TASKS)
def test_signals_are_scaled_to_a_few_units(task: str) -> None:
    x = np.stack([person.examples.x for person in _people(task)])
    assert 0.1 < x.std() < 3.0
    assert np.abs(x).max() < 17.0


@pytest.mark.parametrize("task", TASKS)
def test_strata_are_coarse_public_facts_and_every_group_occurs(task: str) -> None:
    strata = [person.strata for person in _people(task)]
    assert all(set(one) == {"device", "age", "sex"} for one in strata)
    assert {one["age"] for one in strata} == {"under 40", "40 to 64", "65 and over"}
    assert {one["sex"] for one in strata} == {"female", "male"}
    assert 2 <= len({one["device"] for one in strata}) <= 3


@pytest.mark.parametrize("task", TASKS)
def test_every_class_occurs_and_people_differ_in_how_often(task: str) -> None:
    classes = len(SYNTHETIC_TASKS[task].classes)
    counts = np.array(
        [np.bincount(person.examples.y, minlength=classes) for person in _people(task)]
    )
    assert (counts.sum(axis=0) > 0.02 * counts.sum()).all()
    assert (counts.std(axis=0) > 1.0).all()


@pytest.mark.parametrize("task", TASKS)
def test_every_description_says_that_it_is_synthetic(task: str) -> None:
    assert "synthetic" in SYNTHETIC_TASKS[task].description


def test_forty_windows_of_activity_hold_nearly_all_classes() -> None:
    held = [len(set(person.examples.y.tolist())) for person in _people("activity")]
    assert min(held) >= 4
    assert np.mean(held) > 5.5


def test_the_heart_beats_faster_when_running_than_when_lying() -> None:
    classes = SYNTHETIC_TASKS["activity"].classes
    for person in _people("activity", 20, 120):
        bpm = 80.0 + 40.0 * person.examples.extra[:, 0]
        running = person.examples.y == classes.index("run")
        lying = person.examples.y == classes.index("lie")
        if running.any() and lying.any():
            assert bpm[running].mean() > bpm[lying].mean() + 20.0


def test_the_heart_lags_behind_a_climb_of_stairs() -> None:
    classes = SYNTHETIC_TASKS["activity"].classes
    stairs = classes.index("stairs")
    rises = []
    for person in _people("activity", 40, 120):
        y, bpm = person.examples.y, 40.0 * person.examples.extra[:, 0]
        pair = (y[1:-1] == stairs) & (y[2:] == stairs)  # two windows of one climb
        calm = y[:-2] <= classes.index("stand")  # which began from rest
        rises.extend((bpm[2:] - bpm[1:-1])[pair & calm].tolist())
    assert len(rises) > 50
    assert np.mean(rises) > 5.0


def test_a_resting_forearm_feels_about_one_g() -> None:
    for person in _people("activity", 20):
        still = person.examples.y <= 2
        length = np.linalg.norm(person.examples.x[still].mean(axis=2), axis=1)
        assert np.abs(length - 1.0).max() < 0.15


@pytest.mark.parametrize("task", ["activity", "sleep", "stress"])
def test_neighbouring_windows_share_a_label_more_often_than_distant_ones(task: str) -> None:
    labels = np.stack([person.examples.y for person in _people(task)])
    near = (labels[:, 1:] == labels[:, :-1]).mean()
    far = (labels[:, 20:] == labels[:, :-20]).mean()
    assert near > far + 0.05


def test_a_night_begins_awake_runs_forwards_and_keeps_most_of_rem_for_the_morning() -> None:
    nights = [person.examples for person in _people("sleep", 50, 80)]
    assert all(night.y[0] == 0 for night in nights)
    assert all((np.diff(night.extra[:, 0]) >= 0).all() for night in nights)
    assert all(night.extra[-1, 0] > 0.75 for night in nights)
    rem = np.stack([night.y == 2 for night in nights])
    assert rem[:, 40:].mean() > 1.3 * rem[:, :40].mean()


def test_the_heart_is_slowest_in_nrem() -> None:
    nights = [person.examples for person in _people("sleep")]
    bpm = np.concatenate([n.x[:, 0, 57:63].mean(axis=1) - n.x.mean() for n in nights])
    y = np.concatenate([n.y for n in nights])
    assert bpm[y == 1].mean() < min(bpm[y == 0].mean(), bpm[y == 2].mean())


def test_most_beats_are_normal_and_ectopic_ones_come_early() -> None:
    people = [person.examples for person in _people("heartbeat")]
    assert all((beats.y == 0).mean() >= 0.5 for beats in people)
    assert np.mean([(beats.y == 0).mean() for beats in people]) > 0.8
    before = np.concatenate([beats.extra[:, 0] for beats in people])
    after = np.concatenate([beats.extra[:, 1] for beats in people])
    y = np.concatenate([beats.y for beats in people])
    assert max(before[y == 1].mean(), before[y == 2].mean()) < before[y == 0].mean() - 0.1
    assert after[y == 2].mean() > after[y == 1].mean() + 0.1  # the compensatory pause


def test_a_session_begins_with_rest_and_stress_warms_the_heart_and_cools_the_hand() -> None:
    sessions = [person.examples for person in _people("stress")]
    assert all(session.y[0] == 0 for session in sessions)
    change = []
    for session in sessions:
        mean = session.x.mean(axis=2)
        change.append(mean[session.y == 1].mean(axis=0) - mean[session.y == 0].mean(axis=0))
    heart, conductance, temperature, _ = np.nanmean(change, axis=0)
    assert heart > 0.1 and conductance > 0.05 and temperature < -0.05


@pytest.mark.parametrize(
    ("task", "seed", "index", "windows", "says"),
    [
        ("flying", 0, 0, 1, "activity"),
        ("activity", -1, 0, 1, "negative"),
        ("activity", 0, -1, 1, "negative"),
        ("activity", 0, 0, 0, "at least one"),
    ],
)
def test_an_impossible_wearer_is_refused_with_a_reason(
    task: str, seed: int, index: int, windows: int, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        wearer(task, seed=seed, index=index, windows=windows)
