"""Resampling: one even grid or intervals, gaps as gaps, nothing invented."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.signals.errors import DataError
from holter.signals.recording import SECOND_NS, Segment, Series, Waveform
from holter.signals.resampling import (
    grid_times,
    held,
    interpolated,
    resampled,
    shares,
    summed,
    united,
)

NOON = 1_700_000_000 * SECOND_NS


def _wave(*parts: tuple[float, float, Any]) -> Waveform:
    segments = tuple(
        Segment(
            NOON + round(s * SECOND_NS), hz, np.asarray(v, dtype=np.float32).reshape(len(v), -1)
        )
        for s, hz, v in parts
    )
    return Waveform("ecg", tuple("xyz")[: segments[0].values.shape[1]], segments)


def _series(
    rows: Sequence[tuple[float, float, float]], names: tuple[str, ...] = (), kind: str = "steps"
) -> Series:
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return Series(
        kind,
        NOON + np.round(table[:, 0] * 1e9).astype(np.int64),
        NOON + np.round(table[:, 1] * 1e9).astype(np.int64),
        table[:, 2],
        np.zeros(len(table), dtype=np.int16),
        names,
    )


def _at(*seconds: float) -> npt.NDArray[np.int64]:
    return NOON + np.round(np.array(seconds) * 1e9).astype(np.int64)


# --- fast channels


@pytest.mark.parametrize("rate", [1.0, 7.3, 32.0, 64.0, 64.0128, 200.0])
def test_a_constant_stays_constant_at_every_rate_also_at_the_edges(rate: float) -> None:
    grid = resampled(_wave((0, 64.0128, np.full(3000, 3.5))), rate)
    assert len(grid.values) == pytest.approx(3000 / 64.0128 * rate, abs=1)
    assert np.allclose(grid.values, 3.5, atol=1e-5)


@pytest.mark.parametrize("rate", [25.0, 32.0, 50.0, 100.0, 130.0])
def test_a_slow_wave_is_kept_in_height_and_in_phase(rate: float) -> None:
    t = np.arange(10_000) / 100.02
    grid = resampled(_wave((0, 100.02, np.sin(2 * np.pi * 1.5 * t))), rate)
    at = np.arange(len(grid.values)) / rate
    error = grid.values[:, 0] - np.sin(2 * np.pi * 1.5 * at)
    assert np.abs(error[50:-50]).max() < 3e-3


@pytest.mark.parametrize("hz", [14.0, 19.0, 27.0, 45.0])
def test_a_wave_above_the_new_band_does_not_fold_into_it(hz: float) -> None:
    t = np.arange(20_000) / 100
    grid = resampled(_wave((0, 100.0, np.sin(2 * np.pi * hz * t))), 25.0)
    assert np.abs(grid.values[20:-20]).max() < 5e-3


def test_the_result_does_not_depend_on_how_the_work_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(5000, 3))
    values[100:140] = np.nan
    wave = _wave((0, 100.0, values))
    once = resampled(wave, 20.0).values
    monkeypatch.setattr("holter.signals.resampling._CHUNK", 700)
    assert np.allclose(resampled(wave, 20.0).values, once, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("rate", [10.0, 40.0, 100.0])
def test_a_gap_holds_nothing_and_its_edges_are_where_samples_are(rate: float) -> None:
    grid = resampled(_wave((0, 40.0, np.ones(400)), (25, 40.0, np.full(400, 2.0))), rate)
    seconds = np.arange(len(grid.values)) / rate
    empty = np.isnan(grid.values[:, 0])
    assert empty[(seconds > 10.02) & (seconds < 24.98)].all()
    assert not empty[(seconds < 9.97) | (seconds > 25.02)].any()
    assert np.allclose(grid.values[seconds < 9.97], 1)  # nothing leaks over the gap
    assert np.allclose(grid.values[seconds > 25.02], 2)


def test_a_masked_sample_stays_missing_and_does_not_spread_to_the_filter_length() -> None:
    values = np.ones(1000)
    values[500] = np.nan
    down = resampled(_wave((0, 100.0, values)), 20.0).values[:, 0]
    assert np.flatnonzero(np.isnan(down)).tolist() == [100]
    same = resampled(_wave((0, 100.0, values)), 100.0).values[:, 0]
    assert np.flatnonzero(np.isnan(same)).tolist() == [500]
    up = resampled(_wave((0, 100.0, values)), 200.0).values[:, 0]
    assert np.flatnonzero(np.isnan(up)).tolist() == [999, 1000, 1001]


def test_a_grid_may_begin_before_and_end_after_the_channel() -> None:
    grid = resampled(
        _wave((10, 10.0, np.ones(100))), 5.0, start_ns=NOON, end_ns=NOON + 30 * SECOND_NS
    )
    assert len(grid.values) == 150 and grid.start_ns == NOON
    assert np.flatnonzero(~np.isnan(grid.values[:, 0]))[[0, -1]].tolist() == [50, 99]


def test_segments_with_rates_of_their_own_are_put_at_their_true_times() -> None:
    first, second = np.arange(500) / 49.0, np.arange(500) / 51.0
    grid = resampled(_wave((0, 49.0, first), (20, 51.0, 20 + second)), 10.0)
    seconds = np.arange(len(grid.values)) / 10
    there = ~np.isnan(grid.values[:, 0])
    inner = there & (np.abs(seconds - 20) > 1) & (seconds > 1) & (seconds < 9) | (
        there & (seconds > 21) & (seconds < 29)
    )
    assert np.allclose(grid.values[inner, 0], seconds[inner], atol=1e-3)


@pytest.mark.parametrize("rate", [0.0, -1.0, np.nan, np.inf, 1e7])
def test_an_impossible_rate_is_refused(rate: float) -> None:
    with pytest.raises(DataError, match="name a rate above 0"):
        resampled(_wave((0, 10.0, np.ones(10))), rate)


def test_a_grid_of_absurd_size_is_refused_before_memory_is_taken() -> None:
    year = NOON + 365 * 86_400 * SECOND_NS
    with pytest.raises(DataError, match=r"more than 200,000,000 values: cut the recording"):
        resampled(_wave((0, 10.0, np.ones(10))), 100.0, start_ns=NOON, end_ns=year)
    with pytest.raises(DataError, match="take means instead"):
        resampled(_wave((0, 1000.0, np.ones(10))), 1e-3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_segment_of_a_few_samples_is_no_special_case(count: int) -> None:
    wave = _wave((0, 10.0, np.full(count, 2.0)))
    for rate in (10.0, 33.0):
        values = resampled(wave, rate).values
        assert len(values) >= count and np.allclose(values, 2.0)
    assert np.isnan(resampled(wave, 0.5).values).all()  # of two seconds hardly any is known


def test_a_channel_without_segments_gives_an_empty_grid() -> None:
    assert resampled(Waveform("ecg", ("",), ()), 10.0).values.shape == (0, 1)


def test_the_times_of_a_long_grid_do_not_drift() -> None:
    times = grid_times(NOON, 3.0, 3 * 86_400 * 7 + 1)
    assert times[-1] - NOON == 7 * 86_400 * SECOND_NS


# --- slow channels at moments


def test_a_value_is_held_until_it_is_too_old_and_not_before_it_is_known() -> None:
    series = _series([(10, 10, 60), (20, 20, 70)], kind="heart_rate")
    got = held(series, _at(9.9, 10, 15, 16, 19.9, 20, 26), 5)
    assert np.array_equal(got, [np.nan, 60, 60, np.nan, np.nan, 70, np.nan], equal_nan=True)


def test_a_row_that_lasts_grows_old_from_its_end_and_a_masked_row_is_not_passed_over() -> None:
    series = _series([(0, 60, 1), (70, 70, np.nan)])
    got = held(series, _at(30, 63, 66, 71), 5)
    assert np.array_equal(got, [1, 1, np.nan, np.nan], equal_nan=True)


def test_values_are_interpolated_only_between_rows_that_are_near_enough() -> None:
    series = _series([(0, 0, 10), (10, 10, 20), (100, 100, 30)], kind="heart_rate")
    got = interpolated(series, _at(-1, 0, 5, 10, 50, 100, 101), 30)
    assert np.array_equal(got, [np.nan, 10, 15, 20, np.nan, 30, np.nan], equal_nan=True)


def test_a_masked_row_neither_bridges_nor_spoils_the_line() -> None:
    near = _series([(0, 0, 10), (5, 5, np.nan), (10, 10, 20)])
    assert interpolated(near, _at(5), 10).tolist() == [15]
    far = _series([(0, 0, 10), (20, 20, np.nan), (40, 40, 20)])
    assert np.isnan(interpolated(far, _at(15, 20), 30)).all()


@pytest.mark.parametrize("rows", [[], [(0, 0, np.nan)]])
def test_a_series_without_values_gives_nothing(rows: list[tuple[float, float, float]]) -> None:
    series = _series(rows)
    assert np.isnan(held(series, _at(0, 1), 10)).all()
    assert np.isnan(interpolated(series, _at(0, 1), 10)).all()
    assert np.isnan(summed(series, _at(0, 1, 2))).all()


# --- slow channels over intervals


def test_a_row_gives_each_interval_its_share() -> None:
    got = summed(_series([(0, 60, 60), (90, 210, 120)]), _at(0, 30, 60, 90, 120, 180, 240, 300))
    assert np.allclose(got, [30, 30, np.nan, 30, 60, 30, np.nan], equal_nan=True)


def test_a_moment_falls_into_the_interval_that_begins_with_it() -> None:
    got = summed(_series([(30, 30, 5), (60, 60, 7)]), _at(0, 30, 60))
    assert np.array_equal(got, [np.nan, 5], equal_nan=True)


def test_an_interval_with_no_steps_in_it_is_zero_and_one_without_rows_is_unknown() -> None:
    got = summed(_series([(0, 60, 0)]), _at(0, 60, 120))
    assert np.array_equal(got, [0, np.nan], equal_nan=True)


spans = st.lists(
    st.tuples(st.integers(0, 100), st.integers(0, 50), st.integers(0, 1000)), max_size=20
)


@given(spans, st.lists(st.integers(-10, 160), min_size=2, max_size=12, unique=True).map(sorted))
@settings(deadline=None, max_examples=200)
def test_sums_equal_the_sum_row_by_row(rows: list[tuple[int, int, int]], edges: list[int]) -> None:
    rows = sorted((a, a + d, v) for a, d, v in rows)
    got = summed(_series(rows), _at(*edges))
    for low, high, found in zip(edges, edges[1:], got, strict=False):
        total, touched = 0.0, False
        for a, b, v in rows:
            if a == b:
                part = float(low <= a < high)
            else:
                part = max(0, min(b, high) - max(a, low)) / (b - a)
            total += part * v
            touched |= part > 0
        assert (np.isnan(found) and not touched) or found == pytest.approx(total, abs=1e-6)


def test_shares_count_overlapping_rows_of_one_category_once() -> None:
    series = _series([(0, 40, 0), (20, 60, 0), (60, 90, 1)], ("sit", "walk"), "activity")
    got = shares(series, _at(0, 60, 120))
    assert np.allclose(got, [[1, 0], [0, 0.5]])


@given(spans)
@settings(deadline=None, max_examples=100)
def test_shares_are_shares(rows: list[tuple[int, int, int]]) -> None:
    table = sorted((a, a + d, v % 3) for a, d, v in rows)
    got = shares(_series(table, ("a", "b", "c"), "activity"), _at(*range(0, 160, 7)))
    assert got.shape == (22, 3) and (got >= 0).all() and (got <= 1).all()


def test_edges_that_do_not_rise_and_series_without_categories_are_refused() -> None:
    with pytest.raises(DataError, match="must rise"):
        summed(_series([(0, 1, 1)]), _at(0, 0))
    with pytest.raises(DataError, match="steps has no categories"):
        shares(_series([(0, 1, 1)]), _at(0, 1))


def test_spans_that_touch_are_one() -> None:
    time, until = united(_at(0, 5, 6, 20), _at(10, 7, 12, 30))
    assert time.tolist() == _at(0, 20).tolist() and until.tolist() == _at(12, 30).tolist()
