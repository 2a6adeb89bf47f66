"""Labels as they really are: marks, gaps in a diary, two opinions, beats that nobody could read."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.signals.tasks.conftest import START_NS, labelled

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.kinds import SLEEP_STAGES
from holter.signals.recording import SECOND_NS, Recording
from holter.signals.tasks import TASKS
from holter.signals.tasks.fall_alarm import FallAlarm

MINUTE_NS = 60 * SECOND_NS


def _moving(seconds: int, spikes: np.ndarray | None = None) -> Gathered:
    gathered = Gathered("a test", "phone", "UTC")
    values = np.tile([0.0, 0.0, 1.0], (seconds * 50, 1))
    if spikes is not None:
        values[spikes] = (0.0, 0.0, 5.0)
    gathered.blocks("acceleration", [(START_NS, 50.0, values)], axes=("x", "y", "z"))
    return gathered


def test_a_mark_beside_spans_covers_nothing() -> None:
    gathered = _moving(600)
    labelled(gathered, "activity", [(10, 10, "run"), (500, 560, "walk")], ("run", "walk"))
    cut = TASKS["activity"].cut(gathered.recording())
    assert set(cut.y.tolist()) == {3}


def test_marks_alone_last_to_the_next_and_never_longer_than_an_hour() -> None:
    gathered = _moving(3 * 3600)
    moments = START_NS + np.array([0, 2 * 3600]) * SECOND_NS
    gathered.series("activity", moments, [0, 1], names=("run", "walk"))
    cut = TASKS["activity"].cut(gathered.recording())
    assert set(cut.y.tolist()) == {5} and cut.seconds.max() < 3600


def test_where_two_labels_cover_a_window_it_has_none() -> None:
    gathered = _moving(120)
    labelled(gathered, "activity", [(0, 120, "sit"), (60, 120, "run")], ("sit", "run"))
    cut = TASKS["activity"].cut(gathered.recording())
    assert set(cut.y.tolist()) == {1} and cut.seconds.max() < 60


def test_the_place_of_the_peak_in_a_window_does_not_tell_a_fall_from_daily_life() -> None:
    """The same jolts, half of them called a fall: nothing but the name differs."""
    dice = np.random.default_rng(4)
    spikes = np.arange(200) * 400 + dice.integers(100, 300, 200)
    gathered = _moving(200 * 8, spikes)
    falls = dice.permutation(200) < 100
    spans = []
    for spike, fall in zip(spikes / 50.0, falls, strict=True):
        spans.append((spike - 1.5, spike + 1.5, "fall" if fall else "walk"))
    gaps = [(a[1], b[0], "walk") for a, b in itertools.pairwise(spans)]
    labelled(gathered, "activity", sorted([*spans, *gaps]), ("walk", "fall"))
    cut = FallAlarm().cut(gathered.recording())
    size = np.linalg.norm(cut.x, axis=1)
    jolted = size.max(axis=1) > 3
    assert (cut.y == 1).sum() == 100 and (jolted & (cut.y == 0)).sum() > 60
    assert set(size[jolted].argmax(axis=1).tolist()) == {64}


def test_a_fall_that_is_a_mark_is_looked_for_around_it() -> None:
    gathered = _moving(120, np.array([3000]))
    labelled(gathered, "activity", [(0, 50, "walk"), (60.5, 60.5, "fall"), (70, 120, "walk")],
             ("walk", "fall"))  # fmt: skip
    cut = FallAlarm().cut(gathered.recording())
    assert (cut.y == 1).sum() == 1
    assert np.linalg.norm(cut.x[cut.y == 1], axis=1).argmax() == 64


def test_a_fall_at_the_very_start_of_a_stretch_is_not_lost() -> None:
    gathered = _moving(60, np.array([10]))
    labelled(gathered, "activity", [(0, 2, "fall"), (10, 60, "walk")], ("walk", "fall"))
    cut = FallAlarm().cut(gathered.recording())
    assert (cut.y == 1).sum() == 1
    assert np.linalg.norm(cut.x[cut.y == 1], axis=1).argmax() == 10


def test_spans_of_a_fall_that_touch_or_nest_are_one_fall() -> None:
    gathered = _moving(60, np.array([1500]))
    spans = [(0, 25, "walk"), (28, 30, "fall"), (29, 29.5, "fall"), (30, 32, "fall")]
    labelled(gathered, "activity", spans, ("walk", "fall"))
    assert (FallAlarm().cut(gathered.recording()).y == 1).sum() == 1


def test_a_label_that_is_masked_is_no_label() -> None:
    gathered = _moving(60)
    gathered.series(
        "activity", [START_NS], [np.nan], until_ns=[START_NS + MINUTE_NS], names=("walk", "fall")
    )
    with pytest.raises(DataError, match="no window of the recording has a label"):
        FallAlarm().cut(gathered.recording())


def _beats(value: np.ndarray, names: tuple[str, ...], moments: np.ndarray) -> Recording:
    gathered = Gathered("a test", "laboratory", "")
    wave = np.zeros(360 * 30)
    gathered.blocks("ecg", [(START_NS, 360.0, wave)])
    gathered.series("beat", START_NS + (moments * SECOND_NS).astype(np.int64), value, names=names)
    return gathered.recording()


def test_a_beat_that_nobody_could_read_has_no_class() -> None:
    value = np.where(np.arange(25) % 2, np.nan, 0.0)
    cut = TASKS["heartbeat"].cut(_beats(value, ("N", "V"), np.arange(1.0, 26.0)))
    assert len(cut.y) == 13


def test_beats_without_names_are_refused() -> None:
    with pytest.raises(DataError, match="fewer than three annotated beats"):
        TASKS["heartbeat"].cut(_beats(np.zeros(20), (), np.arange(1.0, 21.0)))


def test_two_beats_at_one_moment_and_a_gap_leave_finite_inputs() -> None:
    moments = np.concatenate([np.arange(1.0, 10.0), [5.0], np.arange(20.0, 28.0)])
    value = np.zeros(len(moments))
    value[9] = 1.0
    cut = TASKS["heartbeat"].cut(_beats(value, ("N", "V"), moments))
    assert np.isfinite(cut.given).all() and len(cut.y) == 17
    assert cut.rr is not None and np.nanmax(cut.rr) <= 4.0


def test_two_scorings_out_of_step_make_one_row_of_epochs() -> None:
    gathered = Gathered("a test", "watch", "")
    moments = START_NS + np.arange(0, 3600, 5) * SECOND_NS
    gathered.series("heart_rate", moments, 60.0 + np.arange(720) % 7)
    spans = [(30.0 * i, 30.0 * i + 30, "N2") for i in range(60)]
    spans += [(30.0 * i + 10, 30.0 * i + 40, "N2") for i in range(59)]
    labelled(gathered, "sleep_stage", sorted(spans), SLEEP_STAGES)
    cut = TASKS["sleep-stages"].cut(gathered.recording())
    assert (np.diff(cut.seconds) == 30).all() and len(cut.y) == 60


def test_epochs_of_another_length_are_cut_into_half_minutes() -> None:
    gathered = Gathered("a test", "watch", "")
    moments = START_NS + np.arange(0, 3600, 5) * SECOND_NS
    gathered.series("heart_rate", moments, 60.0 + np.arange(720) % 7)
    spans = [(20.0 * i, 20.0 * i + 20, "wake" if i < 90 else "REM") for i in range(180)]
    labelled(gathered, "sleep_stage", spans, SLEEP_STAGES)
    cut = TASKS["sleep-stages"].cut(gathered.recording())
    assert [int((cut.y == label).sum()) for label in (0, 2)] == [60, 60]
