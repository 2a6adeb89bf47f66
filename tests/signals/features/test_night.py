"""The context of an epoch: relative, rolling, since when; unknown stays unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.signals.errors import DataError
from holter.signals.features.night import (
    clock_proxy,
    hours_since,
    onset,
    relative,
    rolling_median,
    roughness,
    smoothed,
)
from holter.signals.recording import SECOND_NS

NIGHT = 1_700_000_000 * SECOND_NS
HOUR = 3600 * SECOND_NS
some_values = st.lists(st.floats(30, 200) | st.just(float("nan")), max_size=60)


def test_a_relative_heart_rate_is_the_same_for_a_fast_and_a_slow_heart() -> None:
    slow = 50 + np.random.default_rng(0).normal(0, 4, 500)
    assert np.allclose(relative(slow), relative(30 + 2 * slow))
    assert np.median(relative(slow)) == pytest.approx(0)
    assert np.std(relative(slow)) == pytest.approx(1, rel=0.15)


def test_a_heart_rate_that_never_changes_is_zero_and_not_an_error() -> None:
    assert relative(np.full(50, 60.0)).tolist() == [0] * 50
    assert np.isnan(relative([np.nan, np.nan])).all() and len(relative([])) == 0


@given(some_values, st.integers(0, 59))
@settings(deadline=None, max_examples=100)
def test_past_only_does_not_change_when_the_future_does(rate: list[float], at: int) -> None:
    early = relative(rate[: at + 1], past_only=True)
    assert np.array_equal(relative(rate, past_only=True)[: at + 1], early, equal_nan=True)
    known = np.cumsum(~np.isnan(np.array(rate, dtype=float)))
    assert np.isnan(relative(rate, past_only=True)[known < 10]).all()


def test_past_only_ends_where_the_whole_night_does() -> None:
    rate = 55 + np.random.default_rng(1).normal(0, 5, 300)
    assert relative(rate, past_only=True)[-1] == pytest.approx(relative(rate)[-1])


@given(some_values, st.integers(0, 8))
@settings(deadline=None, max_examples=100)
def test_rolling_numbers_equal_those_of_each_window(values: list[float], side: int) -> None:
    x = np.array(values, dtype=float)
    mean, middle = smoothed(x, side), rolling_median(x, side)
    assert len(mean) == len(middle) == len(x)
    for row in range(len(x)):
        window = x[max(0, row - side) : row + side + 1]
        window = window[~np.isnan(window)]
        if not len(window):
            assert np.isnan(mean[row]) and np.isnan(middle[row])
            continue
        assert mean[row] == pytest.approx(window.mean())
        assert middle[row] == pytest.approx(np.median(window))


def test_a_rough_heart_rate_is_rougher_than_an_even_one_of_the_same_level() -> None:
    rough = 60 + np.tile([0.0, 6.0], 20)
    assert np.allclose(roughness(rough, 3), 6) and np.allclose(roughness(np.full(40, 63.0), 3), 0)
    assert len(roughness([60.0], 3)) == 1 and np.isnan(roughness([60.0], 3)[0])


def test_sleep_begins_with_the_first_lasting_run_of_sleep() -> None:
    times = NIGHT + np.arange(40) * 30 * SECOND_NS
    asleep = np.zeros(40, dtype=bool)
    asleep[3:8] = True
    asleep[15:40] = True
    asleep[20] = False
    assert onset(times, asleep, 10) == times[21]
    assert onset(times, asleep, 5) == times[3]
    assert onset(times, asleep, 30) is None and onset(times[:3], asleep[:3]) is None
    with pytest.raises(DataError, match="one epoch or more"):
        onset(times, asleep, 0)


def test_hours_are_counted_from_the_start_and_negative_before_it() -> None:
    got = hours_since(NIGHT + np.array([-1, 0, 3]) * HOUR, NIGHT)
    assert got.tolist() == [-1, 0, 3]


def test_the_clock_is_lowest_at_five_in_the_morning_of_the_wearer() -> None:
    midnight = 19_700 * 86_400 * SECOND_NS
    utc = midnight + np.arange(24) * HOUR
    assert np.argmin(clock_proxy(utc)[0]) == 5 and clock_proxy(utc)[0][5] == pytest.approx(-1)
    berlin = clock_proxy(utc, 120)[0]
    assert np.argmin(berlin) == 3
    cosine, sine = clock_proxy(utc)
    assert np.allclose(cosine**2 + sine**2, 1)
    mixed = clock_proxy(np.array([utc[3], utc[5]]), np.array([120, 0], dtype=np.int16))[0]
    assert np.allclose(mixed, -1)


def test_a_window_of_less_than_nothing_is_refused() -> None:
    for function in (smoothed, rolling_median, roughness):
        with pytest.raises(DataError, match="0 epochs or more"):
            function([1.0, 2.0], -1)
