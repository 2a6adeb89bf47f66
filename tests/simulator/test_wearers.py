"""People for every task: the same every time, in the task's shapes, and like people, not noise."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from holter.signals.errors import DataError
from holter.signals.prepare import Recorded
from holter.signals.recording import Recording, Waveform
from holter.signals.tasks import TASKS, Need, Task
from holter.simulator.wearers import Knobs, recorded_wearer
from holter.simulator.wearers.recorded import person

PLAIN = Knobs()
COUNT = {"activity": 50, "wellbeing": 200}  # people of a task; others 50
WINDOWS = {"activity": 120}  # others 40
WORN = {
    "activity": {"band", "watch", "research wrist"},
    "fall-alarm": {"band", "watch", "phone"},
    "heartbeat": {"chest strap"},
    "sleep-stages": {"band", "watch", "ring"},
    "stress": {"research wrist"},
    "wellbeing": {"band", "watch", "ring"},
}
everyone = pytest.mark.parametrize("name", TASKS)


def made(name: str, index: int, windows: int, *, seed: int = 7, knobs: Knobs = PLAIN) -> Recorded:
    return recorded_wearer(TASKS[name], seed=seed, index=index, windows=windows, knobs=knobs)


@pytest.fixture(scope="session")
def people() -> Callable[[str], list[Recorded]]:
    """The people of one task, made once for all tests."""

    @functools.cache
    def of(name: str) -> list[Recorded]:
        windows = WINDOWS.get(name, 40)
        return [made(name, index, windows) for index in range(COUNT.get(name, 50))]

    return of


def _same(one: Recorded, other: Recorded) -> bool:
    def bits(shown: Recorded) -> list[bytes]:
        rr = b"" if shown.rr is None else shown.rr.tobytes()
        return [*(rows.tobytes() for rows in (shown.x, shown.y, shown.seconds, shown.given)), rr]

    return bits(one) == bits(other) and one.strata == other.strata


def _joined(shown: list[Recorded], column: str) -> np.ndarray:
    return np.concatenate([getattr(one, column) for one in shown])


@everyone
def test_a_wearer_is_the_same_bits_in_whatever_order_people_are_drawn(name: str) -> None:
    forwards = [made(name, index, 12) for index in range(3)]
    for other in TASKS:
        made(other, 0, 2)
    backwards = [made(name, index, 12) for index in (2, 1, 0)]
    assert all(_same(*pair) for pair in zip(forwards, reversed(backwards), strict=True))


@everyone
def test_other_people_and_other_seeds_are_different(name: str) -> None:
    one = made(name, 0, 12)
    assert not _same(one, made(name, 1, 12))
    assert not _same(one, made(name, 0, 12, seed=8))


@pytest.mark.parametrize("windows", [1, 3, 130])
@everyone
def test_windows_have_the_shape_that_the_task_states_and_come_in_order(
    name: str, windows: int
) -> None:
    stated = TASKS[name]
    shown = made(name, windows, windows, seed=1)
    count = len(shown.y)
    assert 0.5 * windows <= count <= windows
    assert shown.x.shape == (count, len(stated.channels), stated.samples)
    assert shown.given.shape == (count, len(stated.extras))
    assert (shown.rr is not None) == (name == "heartbeat")
    if shown.rr is not None:
        assert shown.rr.shape == (count, 2)
    assert (shown.x.dtype, shown.given.dtype, shown.y.dtype) == (np.float32, np.float32, np.int64)
    assert np.isfinite(shown.given).all()
    assert shown.y.min() >= 0 and shown.y.max() < len(stated.classes)
    assert shown.seconds[0] == 0.0 and (np.diff(shown.seconds) > 0.0).all()


@everyone
def test_signals_are_scaled_to_a_few_units_and_gaps_are_nan_and_few(
    name: str, people: Callable[[str], list[Recorded]]
) -> None:
    x = _joined(people(name), "x")
    assert not np.isinf(x).any()
    assert np.isnan(x).mean() < 0.10
    assert 0.1 < np.nanstd(x) < 3.0
    assert np.nanmax(np.abs(x)) < 17.0
    if name == "wellbeing":
        assert np.isnan(x).any()  # days when the device lay in a drawer


def test_strata_are_coarse_public_facts_and_every_group_occurs() -> None:
    strata = [made("activity", index, 1).strata for index in range(400)]
    groups = {key: Counter(one[key] for one in strata) for key in strata[0]}
    sizes = {"device": 3, "age": 3, "sex": 2, "bmi": 3, "skin tone": 3, "zone": 4}
    assert {key: len(counts) for key, counts in groups.items()} == sizes
    assert all(min(counts.values()) >= 40 for counts in groups.values())


@pytest.mark.parametrize("name", WORN)
def test_people_wear_what_can_record_the_task(
    name: str, people: Callable[[str], list[Recorded]]
) -> None:
    assert {one.strata["device"] for one in people(name)} == WORN[name]


def test_a_person_is_the_same_body_in_every_recorded_task(
    people: Callable[[str], list[Recorded]],
) -> None:
    tasks = ("fall-alarm", "heartbeat", "sleep-stages", "stress", "wellbeing")
    for shown in zip(*(people(name)[:50] for name in tasks), strict=True):
        assert len({tuple({**one.strata, "device": ""}.items()) for one in shown}) == 1


@everyone
def test_every_class_occurs_and_people_differ_in_how_often(
    name: str, people: Callable[[str], list[Recorded]]
) -> None:
    classes = len(TASKS[name].classes)
    counts = np.array([np.bincount(one.y, minlength=classes) for one in people(name)])
    rarest = 0.01 if name == "fall-alarm" else 0.03  # falls are rare, that is the difficulty
    assert (counts.sum(axis=0) > rarest * counts.sum()).all()
    assert (counts.std(axis=0) > 0.5).all()


def test_forty_windows_of_activity_hold_nearly_all_classes(
    people: Callable[[str], list[Recorded]],
) -> None:
    held = [len(set(one.y[:40].tolist())) for one in people("activity")]
    assert min(held) >= 4
    assert np.mean(held) > 5.5


def test_the_heart_beats_faster_when_running_than_when_lying(
    people: Callable[[str], list[Recorded]],
) -> None:
    classes, both = TASKS["activity"].classes, 0
    for one in people("activity"):
        bpm = 80.0 + 40.0 * one.given[:, 0]
        running, lying = one.y == classes.index("run"), one.y == classes.index("lie")
        if running.any() and lying.any():
            both += 1
            assert bpm[running].mean() > bpm[lying].mean() + 20.0
    assert both > 40


def test_the_heart_lags_behind_a_climb_of_stairs(people: Callable[[str], list[Recorded]]) -> None:
    classes = TASKS["activity"].classes
    stairs, rises = classes.index("stairs"), []
    for one in people("activity"):
        bpm = 40.0 * one.given[:, 0]
        pair = (one.y[1:-1] == stairs) & (one.y[2:] == stairs)  # two windows of one climb
        calm = one.y[:-2] <= classes.index("stand")  # which began from rest
        rises.extend((bpm[2:] - bpm[1:-1])[pair & calm].tolist())
    assert len(rises) > 50
    assert np.mean(rises) > 5.0


def test_a_resting_forearm_feels_about_one_g(people: Callable[[str], list[Recorded]]) -> None:
    for one in people("activity")[:20]:
        length = np.linalg.norm(one.x[one.y <= 2].mean(axis=2), axis=1)
        assert np.abs(length - 1.0).max() < 0.15


@pytest.mark.parametrize("name", ["activity", "sleep-stages", "stress"])
def test_neighbouring_windows_share_a_label_more_often_than_distant_ones(
    name: str, people: Callable[[str], list[Recorded]]
) -> None:
    near = np.concatenate([one.y[1:] == one.y[:-1] for one in people(name)])
    far = np.concatenate([one.y[20:] == one.y[:-20] for one in people(name)])
    assert near.mean() > far.mean() + 0.05


def test_a_night_begins_awake_runs_to_the_morning_and_keeps_most_of_rem_for_it(
    people: Callable[[str], list[Recorded]],
) -> None:
    nights = people("sleep-stages")
    assert all(night.y[0] == 0 for night in nights)
    assert all((np.diff(night.given[:, 0]) > 0).all() for night in nights)
    assert all(night.given[-1, 0] > 0.9 for night in nights)
    rem = np.stack([night.y == 2 for night in nights])
    assert rem[:, 20:].mean() > 1.5 * rem[:, :20].mean()


def test_the_heart_is_slowest_in_nrem(people: Callable[[str], list[Recorded]]) -> None:
    away: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for night in people("sleep-stages"):
        whole = np.isfinite(night.x[:, 0, 57:63]).all(axis=1)
        bpm = 20.0 * night.x[whole, 0, 57:63].mean(axis=1)
        for stage, found in away.items():
            mine = night.y[whole] == stage
            if mine.any():
                found.append(float(bpm[mine].mean() - bpm.mean()))
    wake, nrem, rem = (np.mean(found) for found in away.values())
    assert nrem + 1.0 < rem < wake


def test_most_beats_are_normal_ectopic_ones_are_early_and_the_heart_pauses_after_them(
    people: Callable[[str], list[Recorded]],
) -> None:
    shown = people("heartbeat")
    assert all((one.y == 0).mean() >= 0.5 for one in shown)
    assert 0.8 < np.mean([(one.y == 0).mean() for one in shown]) < 0.97
    assert sum(bool((one.y == 0).all()) for one in shown) >= 5  # some have none
    y, (before, after) = _joined(shown, "y"), _joined(shown, "given").T
    assert max(before[y == 1].mean(), before[y == 2].mean()) < before[y == 0].mean() - 0.1
    assert after[y == 2].mean() > after[y == 1].mean() + 0.1  # full compensation
    assert after[y == 1].mean() > after[y == 0].mean()


def test_a_session_begins_with_rest_and_stress_raises_heart_and_conductance(
    people: Callable[[str], list[Recorded]],
) -> None:
    sessions = people("stress")
    assert all(one.y[0] == 0 and set(one.y) == {0, 1} for one in sessions)
    change = np.array(
        [
            np.nanmean(one.x[one.y == 1], axis=(0, 2)) - np.nanmean(one.x[one.y == 0], axis=(0, 2))
            for one in sessions
        ]
    )
    heart, conductance = change[:, 0], change[:, 1]
    assert 15.0 * heart.mean() > 2.0 and (heart > 0).mean() > 0.8
    responds = np.array(
        [
            person(7, index, session="stress", device="research wrist").traits.responds
            for index in range(len(sessions))
        ]
    )
    assert 1 <= (~responds).sum() <= 8
    assert conductance[responds].mean() > 0.05 and (conductance[responds] > 0).mean() > 0.8
    assert conductance[~responds].max() < 0.03  # of some people the skin says nothing


def test_the_impact_of_a_fall_stands_in_the_middle_of_its_window(
    people: Callable[[str], list[Recorded]],
) -> None:
    shown = people("fall-alarm")
    size = np.linalg.norm(_joined(shown, "x"), axis=1)
    falls = size[_joined(shown, "y") == 1]
    middle = TASKS["fall-alarm"].samples // 2
    assert len(falls) >= 20
    assert (np.abs(falls.argmax(axis=1) - middle) <= 1).mean() >= 0.9
    daily = size[_joined(shown, "y") == 0].max(axis=1)
    assert np.median(falls.max(axis=1)) > np.quantile(daily, 0.95)


def test_tomorrow_is_partly_predictable_from_the_wearers_past(
    people: Callable[[str], list[Recorded]],
) -> None:
    shown = people("wellbeing")
    y, rank = _joined(shown, "y"), _joined(shown, "given")[:, 3]
    guess = np.digitize(rank, np.quantile(rank, [1 / 3, 2 / 3]))  # as today, so tomorrow
    recall = [(guess[y == label] == label).mean() for label in range(3)]
    assert 0.40 < np.mean(recall) < 0.70
    assert (guess == y).mean() > np.bincount(y).max() / len(y) + 0.04
    assert len(shown) == 200 and np.bincount(y).min() / len(y) > 0.25


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("activity", 0.25, 0.35),
        ("heartbeat", 0.25, 0.35),
        ("stress", 0.25, 0.35),
        ("sleep-stages", 0.15, 0.30),  # NREM has three stages: some of the noise stays inside
        ("wellbeing", 0.0, 0.0),  # nobody labels anything, so nobody errs
    ],
)
def test_label_noise_changes_about_its_share_of_labels_and_no_signal(
    name: str, low: float, high: float, people: Callable[[str], list[Recorded]]
) -> None:
    plain = people(name)[:20]
    knobs = Knobs(label_noise=0.3)
    noisy = [made(name, i, WINDOWS.get(name, 40), knobs=knobs) for i in range(20)]
    for one, other in zip(plain, noisy, strict=True):
        assert np.array_equal(one.x, other.x, equal_nan=True)
        assert np.array_equal(one.given, other.given)
    assert low <= (_joined(plain, "y") != _joined(noisy, "y")).mean() <= high
    assert set(_joined(noisy, "y")) == set(range(len(TASKS[name].classes)))


def test_without_device_shift_devices_are_alike(people: Callable[[str], list[Recorded]]) -> None:
    def highest(shown: list[Recorded]) -> dict[str, float]:
        most: dict[str, float] = {}
        for one in shown:
            device = one.strata["device"]
            most[device] = max(most.get(device, 0.0), float(np.abs(one.x).max()))
        return most

    ranges = highest(people("activity"))
    assert ranges["research wrist"] <= 2.0 and ranges["band"] <= 4.0  # where sensors saturate
    perfect = [made("activity", i, 60, knobs=Knobs(device_shift=0.0)) for i in range(50)]
    assert min(highest(perfect).values()) > 2.5
    counts = _joined(perfect, "x") * np.float32(2048)  # 16 bits over 16 g either way
    assert (counts == np.rint(counts)).all()


@pytest.mark.parametrize("name", ["fall-alarm", "stress", "sleep-stages"])
def test_perfect_devices_lose_nothing_inside_a_recording(name: str) -> None:
    for index in range(3):
        shown = made(name, index, 40, knobs=Knobs(device_shift=0.0))
        assert np.isfinite(shown.x[3:-3]).all()


def test_label_skew_spreads_people() -> None:
    def spread(skew: float) -> float:
        shown = [made("activity", i, 60, knobs=Knobs(label_skew=skew)) for i in range(25)]
        return float(np.std([np.bincount(one.y, minlength=6) / 60 for one in shown], axis=0).sum())

    assert spread(20.0) > 1.5 * spread(1.0)
    assert spread(1.0) > spread(0.1)


class Sampled(Task):
    """A task of a user's own: steady or shaken, two seconds of one axis."""

    name = "sampled"
    about = inputs = labels = "a test"
    classes = ("steady", "shaken")
    needs = (Need("acceleration", 20.0),)
    channels = ("acceleration x",)
    samples = 24
    rate_hz = 12.0
    window_seconds = 2.0

    def cut(self, recording: Recording) -> Recorded:
        channel = recording.channels["acceleration"]
        assert isinstance(channel, Waveform)
        segment = channel.segments[0]
        rows = segment.values[: len(segment.values) // 24 * 24, :1].reshape(-1, 1, 24)
        y = (rows.std(axis=2)[:, 0] > 0.1).astype(np.int64)
        none = np.zeros((len(y), 0), dtype=np.float32)
        return Recorded(rows, y, np.arange(len(y)) * 1.0, None, none)


class Pressed(Sampled):
    """A task that no synthetic device can feed."""

    name = "pressed"
    needs = (Need("blood_pressure_systolic"),)


def test_a_task_of_the_users_own_cuts_a_day_of_people_spread_over_it() -> None:
    for index in range(4):
        shown = recorded_wearer(Sampled(), seed=7, index=index, windows=20, knobs=PLAIN)
        assert shown.x.shape == (20, 1, 24)
        assert (np.diff(shown.seconds) > 1.0).all()  # not the first twenty
        assert shown.strata["device"]


def test_a_task_that_no_synthetic_device_can_feed_is_refused_with_the_reason() -> None:
    with pytest.raises(DataError, match=r"task pressed: no blood_pressure_systolic$"):
        recorded_wearer(Pressed(), seed=7, index=0, windows=2, knobs=PLAIN)


@pytest.mark.parametrize(
    ("seed", "index", "windows", "says"),
    [(-1, 0, 1, "negative"), (0, -1, 1, "negative"), (0, 0, 0, "at least one")],
)
@everyone
def test_an_impossible_wearer_is_refused_with_a_reason(
    name: str, seed: int, index: int, windows: int, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        made(name, index, windows, seed=seed)
