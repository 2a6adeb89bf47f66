"""Each task cuts a recording as it says: who, when, which label, in which units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.signals.tasks.conftest import START_NS, labelled

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.kinds import SLEEP_STAGES
from holter.signals.recording import DAY_NS, SECOND_NS, Recording, Series
from holter.signals.tasks import TASKS, Task, fed_by, learnt_from, paced, task_of
from holter.signals.tasks.fall_alarm import FallAlarm
from holter.signals.tasks.wellbeing import Wellbeing, daily_table
from holter.simulator.wearers import recording

MINUTE_NS = 60 * SECOND_NS


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_a_task_says_all_that_its_listing_needs(task: Task) -> None:
    for words in (task.about, task.inputs, task.labels):
        assert len(words) > 10
    assert len(task.classes) >= 2 and task.sets and task.published
    assert task.alarm is None or task.alarm in task.classes


def test_activity_windows_follow_one_another_with_label_time_and_heart_rate(
    walk_and_sit: Recording,
) -> None:
    cut = TASKS["activity"].cut(walk_and_sit)
    assert cut.x.shape[1:] == (3, 128) and cut.name == "anna"
    names = [TASKS["activity"].classes[label] for label in cut.y]
    assert names.count("walk") == 23 and names.count("sit") == 22  # one stands across the change
    assert np.allclose(np.diff(cut.seconds)[:20], 2.56)
    assert np.allclose(cut.x[:, 2], 1.0, atol=1e-3)
    walking, sitting = cut.x[cut.y == 3], cut.x[cut.y == 1]
    assert walking[:, 0].std() > 0.2 > 0.01 > sitting[:, 0].std()
    assert np.allclose(cut.given[cut.y == 3], (120 - 80) / 40)
    assert np.allclose(cut.given[cut.y == 1][1:], 0.0)


def test_a_heart_rate_that_is_not_there_is_no_reason_not_to_cut(walk_and_sit: Recording) -> None:
    channels = {n: c for n, c in walk_and_sit.channels.items() if n != "heart_rate"}
    cut = TASKS["activity"].cut(replace(walk_and_sit, channels=channels))
    assert (cut.given == 0).all() and len(cut.y) == 45


def test_what_a_recording_can_feed_is_said_with_the_reason(walk_and_sit: Recording) -> None:
    why = dict(fed_by(walk_and_sit))
    assert why["activity"] is None and why["fall-alarm"] is None
    assert why["sleep-stages"] == "heart_rate for 115 s only, shorter than a window"
    assert learnt_from(walk_and_sit) == ["activity", "fall-alarm"]
    assert why["heartbeat"] == "no ecg" and why["stress"] == "no eda"
    slow = Gathered("a test")
    slow.blocks("acceleration", [(START_NS, 10.0, np.zeros((600, 3)))], axes=("x", "y", "z"))
    assert dict(fed_by(slow.recording()))["activity"] == (
        "acceleration at 10 Hz; at 20 Hz is needed"
    )


@pytest.mark.parametrize(
    ("rate_hz", "words"),
    [(50.0, "at 50 Hz"), (0.2, "each 5 s"), (1 / 60, "each 1 min"), (1 / 273, "each 4.55 min"),
     (1 / 86_400, "each 24 h"), (1 / 400_000, "each 4.63 d"), (0.0, "never")],
)  # fmt: skip
def test_a_rate_reads_as_people_say_it(rate_hz: float, words: str) -> None:
    assert paced(rate_hz) == words


def test_a_fall_is_one_window_around_its_impact_and_daily_life_keeps_away() -> None:
    gathered = Gathered("a test", "phone", "UTC")
    values = np.tile([0.0, 0.0, 1.0], (60 * 100, 1))
    values[30 * 100 + 37] = (0.0, 0.0, 6.0)
    gathered.blocks("acceleration", [(START_NS, 100.0, values)], axes=("x", "y", "z"))
    spans = [(0, 29, "walk"), (29, 32, "fall"), (32, 60, "lie")]
    labelled(gathered, "activity", spans, ("walk", "fall", "lie"))
    cut = FallAlarm().cut(gathered.recording())
    assert cut.y.tolist().count(1) == 1
    fall = cut.x[cut.y == 1][0]
    size = np.linalg.norm(fall, axis=0)
    assert abs(int(size.argmax()) - 64) <= 1 and size.max() > 2
    assert np.linalg.norm(cut.x[cut.y == 0], axis=1).max() < 1.1
    moment = cut.seconds[cut.y == 1][0] + 1.28 + 0.0
    assert abs(moment - 30.37) < 0.05


def test_beats_are_cut_around_their_moment_with_intervals_and_aami_classes() -> None:
    gathered = Gathered("a test", "laboratory", "")
    count = 360 * 20
    wave = np.zeros((count, 2))
    beats = np.arange(1, 19)
    wave[beats * 360, 0] = 1.0
    gathered.blocks("ecg", [(START_NS, 360.0, wave)], axes=("MLII", "V5"))
    symbols = ("N", "A", "V", "/", "+")
    value = np.zeros(len(beats))
    value[4], value[6], value[8], value[10] = 1, 2, 3, 4
    gathered.series("beat", START_NS + beats * SECOND_NS, value, names=symbols)
    cut = TASKS["heartbeat"].cut(gathered.recording())
    assert cut.x.shape == (16, 1, 128)  # no class: the paced beat, and the mark that is no beat
    assert cut.y.tolist().count(1) == 1 and cut.y.tolist().count(2) == 1
    assert (cut.x[:, 0].argmax(axis=1) == 56).all()
    assert cut.rr is not None and np.isnan(cut.rr[0, 0]) and np.isnan(cut.rr[-1, 1])
    assert np.nanmax(cut.rr) == pytest.approx(2.0)  # around the mark, which is no beat
    assert np.isfinite(cut.given).all()


def test_epochs_of_a_night_take_the_ten_minutes_around_them() -> None:
    gathered = Gathered("a test", "watch", "")
    moments = START_NS + np.arange(0, 3600, 5) * SECOND_NS
    bpm = 60.0 + np.arange(720) / 720 * 20
    hole = (np.arange(720) > 400) & (np.arange(720) < 440)
    gathered.series("heart_rate", moments[~hole], bpm[~hole])
    stages = [(0, 600, "wake"), (600, 1800, "light"), (1800, 2700, "N2"), (2700, 3600, "REM")]
    labelled(gathered, "sleep_stage", stages, SLEEP_STAGES)
    task = TASKS["sleep-stages"]
    cut = task.cut(gathered.recording())
    assert len(cut.y) > 110 and cut.x.shape[1:] == (1, 120)
    assert [int((cut.y == label).sum()) for label in range(3)] == [20, 70, 30]
    middle = cut.x[60, 0, 60] * 20 + 60
    assert middle == pytest.approx(60 + (60 * 30 + 15) / 3600 * 20, abs=0.1)
    assert np.isnan(cut.x[70]).any() and not np.isnan(cut.x[60, 0, 60])
    assert cut.given[-1, 0] == pytest.approx(119 * 30 / 3600 / 8, rel=1e-3)


def test_stress_takes_four_slow_signals_in_half_minutes() -> None:
    gathered = Gathered("a test", "research wrist", "UTC")
    seconds = 600
    gathered.series("heart_rate", START_NS + np.arange(seconds) * SECOND_NS, np.full(seconds, 90.0))
    gathered.blocks("eda", [(START_NS, 4.0, np.full(4 * seconds, np.e))])
    gathered.blocks("skin_temperature", [(START_NS, 4.0, np.full(4 * seconds, 34.5))])
    still = np.tile([0.0, 0.0, 1.1], (32 * seconds, 1))
    gathered.blocks("acceleration", [(START_NS, 32.0, still)], axes=("x", "y", "z"))
    labelled(gathered, "stress", [(0, 300, "baseline"), (300, 600, "stress")],
             ("baseline", "stress"))  # fmt: skip
    cut = TASKS["stress"].cut(gathered.recording())
    assert cut.x.shape == (20, 4, 120) and cut.y.tolist() == [0] * 10 + [1] * 10
    assert np.allclose(cut.x[5, 0], 1.0) and np.allclose(cut.x[5, 1], 0.0, atol=1e-5)
    assert np.allclose(cut.x[5, 2], 1.0)
    assert np.allclose(cut.x[5, 3], np.log(0.1) / 1.5 + 2, atol=0.01)


def _daily(steps: dict[int, float], offset_minutes: int = 0) -> Recording:
    gathered = Gathered("a test", "band", "")
    begin = 19_700 * DAY_NS - offset_minutes * MINUTE_NS
    days = np.array(sorted(steps), dtype=np.int64)
    gathered.series(
        "steps",
        begin + days * DAY_NS,
        [steps[int(day)] for day in days],
        until_ns=begin + (days + 1) * DAY_NS,
        offset_minutes=offset_minutes,
    )
    return gathered.recording()


def test_tomorrow_is_judged_by_the_thirds_of_the_days_before_it() -> None:
    steps = {day: 5000.0 + 100 * day for day in range(21)}  # the last day may not have ended
    steps[12] = 1000.0
    cut = Wellbeing().cut(_daily(steps))
    assert cut.x.shape == (13, 6, 7)
    assert cut.y.tolist() == [2, 2, 2, 2, 2, 0, *[2] * 7]
    assert np.allclose(cut.x[0, 0] * 5000 + 8000, [steps[day] for day in range(7)])


def test_no_label_and_no_input_depends_on_a_later_day() -> None:
    steps = {day: 4000.0 + 997 * (day * 7 % 11) for day in range(30)}
    changed = {day: value if day <= 20 else 90_000.0 for day, value in steps.items()}
    before, after = Wellbeing().cut(_daily(steps)), Wellbeing().cut(_daily(changed))
    same = 20 - 6  # windows whose tomorrow is day 20 or earlier
    assert np.array_equal(before.x[:same], after.x[:same], equal_nan=True)
    assert np.array_equal(before.given[:same], after.given[:same])
    assert np.array_equal(before.y[:same], after.y[:same])


def test_a_day_in_the_drawer_is_a_gap_and_its_eve_has_no_label() -> None:
    steps = {day: 6000.0 + day for day in range(21)}
    steps[15] = 3.0
    days, table = daily_table(_daily(steps))
    assert len(days) == 20 and np.isnan(table[15]).all()
    cut = Wellbeing().cut(_daily(steps))
    assert len(cut.y) == 12 and np.isnan(cut.x[-1, 0]).sum() == 1


def test_a_daily_row_is_preferred_to_hours_and_parts_of_a_whole_are_added() -> None:
    gathered = Gathered("a test", "band", "")
    begin = 19_700 * DAY_NS + np.arange(4) * DAY_NS
    gathered.series("steps", begin, [100.0] * 4, name="steps:hour")
    gathered.series("steps", begin, [9000.0] * 4, name="steps:day")
    gathered.series("active_minutes", begin, [30.0] * 4, name="active_minutes:light")
    gathered.series("active_minutes", begin, [12.0] * 4, name="active_minutes:very")
    _, table = daily_table(gathered.recording())
    assert table[:, 0].tolist() == [9000.0] * 3 and table[:, 1].tolist() == [42.0] * 3


@pytest.mark.parametrize("offset_minutes", [-600, 0, 330, 840])
def test_a_day_is_the_wearers_own_wherever_they_are(offset_minutes: int) -> None:
    days, table = daily_table(_daily({day: 5000.0 for day in range(9)}, offset_minutes))
    assert days[0] == 19_700 and (table[:, 0] == 5000).all()


@pytest.mark.parametrize("name", [n for n in TASKS if n != "wellbeing"])
def test_a_recording_without_labels_is_refused_in_one_line(name: str) -> None:
    gathered = Gathered("a test")
    gathered.series("heart_rate", [START_NS, START_NS + SECOND_NS], [60, 61])
    with pytest.raises(DataError) as caught:
        TASKS[name].cut(gathered.recording())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("slepe", "no task 'slepe'"),
        ("nowhere.at.all:Thing", "cannot be loaded"),
        ("holter.signals.tasks:Nothing", "cannot be loaded"),
        ("holter.signals.errors:DataError", "no class made from"),
        ("holter.signals.tasks:Task", "cannot be made"),
    ],
)
def test_a_task_that_is_not_there_is_refused_with_the_reason(name: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        task_of(name)


def test_a_night_belongs_to_the_day_it_ends_on_or_to_the_day_that_its_table_names() -> None:
    gathered = Gathered("a test", "band", "")
    begin = 19_700 * DAY_NS + np.arange(5) * DAY_NS
    gathered.series("steps", begin, [9000.0] * 5, until_ns=begin + DAY_NS)
    gathered.series("sleep_duration", begin[1:3], [400.0, 410.0], until_ns=begin[1:3] + DAY_NS)
    _, named = daily_table(gathered.recording())
    assert named[:, 4].tolist()[1:3] == [400.0, 410.0] and np.isnan(named[[0, 3], 4]).all()
    gathered = Gathered("a test", "band", "")
    gathered.series("steps", begin, [9000.0] * 5, until_ns=begin + DAY_NS)
    evening, morning = begin[1] - 3600 * SECOND_NS, begin[1] + 7 * 3600 * SECOND_NS
    gathered.series("sleep_duration", [evening], [480.0], until_ns=[morning])
    _, slept = daily_table(gathered.recording())
    assert slept[1, 4] == 480.0 and np.isnan(slept[[0, 2, 3], 4]).all()


def test_who_walks_the_same_every_day_is_as_usual() -> None:
    cut = Wellbeing().cut(_daily({day: 7000.0 for day in range(15)}))
    assert set(cut.y.tolist()) == {1}


@pytest.mark.parametrize("name", ["activity", "heartbeat", "sleep-stages", "stress", "wellbeing"])
def test_a_cut_tells_nothing_of_what_comes_later(name: str) -> None:
    """The end of a recording is changed; windows that ended before it are the same bits."""
    before, after, seam_ns = CHANGED[name]()
    task = TASKS[name]
    one, other = task.cut(before), task.cut(after)
    reach = max(task.reach_seconds, task.window_seconds) + 1.0
    ended = one.begin_ns + one.seconds * SECOND_NS + reach * SECOND_NS < seam_ns
    rows = int(ended.sum())
    assert rows >= 5
    assert one.x[:rows].tobytes() == other.x[:rows].tobytes()
    assert one.given[:rows].tobytes() == other.given[:rows].tobytes()
    assert one.y[:rows].tolist() == other.y[:rows].tolist()
    assert one.x.tobytes() != other.x[: len(one.x)].tobytes()


def _changed_session(session: str, kinds: tuple[str, ...], **words: object) -> Changed:
    whole = recording(4, 2, session=session, channels=kinds, **words)  # type: ignore[arg-type]
    begin, end = whole.span_ns
    seam = begin + (end - begin) * 3 // 4
    channels = dict(whole.channels)
    for name, channel in whole.channels.items():
        if isinstance(channel, Series):
            value = np.where(channel.time_ns >= seam, channel.value * 1.3, channel.value)
            if not channel.names:
                channels[name] = replace(channel, value=value)
        else:
            channels[name] = replace(
                channel,
                segments=tuple(
                    replace(
                        segment,
                        values=np.where(
                            (
                                segment.start_ns
                                + np.arange(len(segment.values)) / segment.rate_hz * SECOND_NS
                                >= seam
                            )[:, None],
                            segment.values * np.float32(1.5),
                            segment.values,
                        ),
                    )
                    for segment in channel.segments
                ),
            )
    return whole, replace(whole, channels=channels), seam


def _changed_days() -> Changed:
    steps = {day: 4000.0 + 997 * (day * 7 % 11) for day in range(40)}
    changed = {day: value if day < 30 else 3 * value for day, value in steps.items()}
    return _daily(steps), _daily(changed), (19_700 + 30) * DAY_NS


Changed = tuple[Recording, Recording, int]
CHANGED: dict[str, Callable[[], Changed]] = {
    "activity": lambda: _changed_session(
        "day", ("acceleration", "heart_rate", "activity"), hours=0.5, device="watch"
    ),
    "heartbeat": lambda: _changed_session("ecg", ("ecg", "beat")),
    "sleep-stages": lambda: _changed_session("night", ("heart_rate", "sleep_stage")),
    "stress": lambda: _changed_session(
        "stress",
        ("heart_rate", "eda", "skin_temperature", "acceleration", "stress"),
        device="research wrist",
    ),
    "wellbeing": _changed_days,
}
