"""Variability: by definition on small numbers, against another library, and NaN where too short."""

from __future__ import annotations

import warnings
from dataclasses import astuple, replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.signals.features.beats import Intervals, rr_intervals
from holter.signals.features.variability import Variability, variability
from holter.signals.recording import SECOND_NS

NOON = 1_700_000_000 * SECOND_NS


def _intervals(seconds: npt.ArrayLike, good: npt.ArrayLike = True) -> Intervals:
    s = np.asarray(seconds, dtype=np.float64)
    time = NOON + np.round(np.cumsum(s) * 1e9).astype(np.int64)
    return Intervals(time, s, np.broadcast_to(np.asarray(good, dtype=bool), s.shape).copy())


def _breathing(minutes: float, hertz: float = 0.25, height: float = 0.03) -> Intervals:
    """Synthetic: intervals that a breath of ``hertz`` sways by ``height`` seconds."""
    at, seconds = 0.0, []
    while at < minutes * 60:
        seconds.append(0.8 + height * np.sin(2 * np.pi * hertz * at))
        at += seconds[-1]
    return _intervals(seconds)


def test_the_numbers_of_time_are_their_definitions() -> None:
    ms = np.array([800, 860, 790, 845, 800, 810, 870, 800, 815, 805, 880, 820.0])
    got = variability(_intervals(ms / 1000))
    step = np.diff(ms)
    assert got.mean_nn == pytest.approx(ms.mean())
    assert got.sdnn == pytest.approx(ms.std(ddof=1))
    assert got.rmssd == pytest.approx(np.sqrt((step**2).mean()))
    assert got.pnn50 == pytest.approx((np.abs(step) > 50).mean())
    assert got.heart_rate == pytest.approx(60_000 / ms.mean())


def test_differences_are_not_taken_across_a_rejected_interval() -> None:
    seconds = np.tile([0.8, 0.81], 20)
    seconds[20] = 1.9
    good = np.ones(40, dtype=bool)
    good[20] = False
    got = variability(_intervals(seconds, good))
    assert got.count == 39 and got.rmssd == pytest.approx(10.0)
    seconds[21:] += 0.3  # as after a change that the rejected interval hides
    assert variability(_intervals(seconds, good)).rmssd == pytest.approx(10.0)


@pytest.mark.parametrize(("hertz", "band"), [(0.1, "lf"), (0.25, "hf")])
def test_the_power_of_a_sway_is_half_its_height_squared_and_lies_in_its_band(
    hertz: float, band: str
) -> None:
    got = variability(_breathing(5, hertz))
    power = {"lf": got.lf, "hf": got.hf}
    assert power.pop(band) == pytest.approx(30**2 / 2, rel=0.1)
    assert next(iter(power.values())) < 30


def test_a_long_recording_has_the_mean_power_of_its_parts() -> None:
    assert variability(_breathing(31)).hf == pytest.approx(30**2 / 2, rel=0.1)


def test_rejected_intervals_hardly_change_the_spectrum() -> None:
    whole = _breathing(5)
    good = whole.good.copy()
    good[::11] = False
    assert variability(replace(whole, good=good)).hf == pytest.approx(30**2 / 2, rel=0.15)


@pytest.mark.parametrize(
    ("minutes", "lf", "hf"), [(0.9, False, False), (1.5, False, True), (2.5, True, True)]
)
def test_each_band_has_its_shortest_time(minutes: float, lf: bool, hf: bool) -> None:
    got = variability(_breathing(minutes))
    assert (not np.isnan(got.lf), not np.isnan(got.hf)) == (lf, hf)


def test_a_spectrum_of_which_a_third_is_missing_is_not_given() -> None:
    whole = _breathing(5)
    good = whole.good.copy()
    good[: len(good) // 3] = False
    got = variability(replace(whole, good=good))
    assert np.isnan(got.hf) and not np.isnan(got.sdnn)


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_too_few_intervals_give_no_number_and_no_warning(count: int) -> None:
    got = variability(_intervals(np.full(count, 0.8)))
    assert got.count == count
    assert np.isnan([got.mean_nn, got.sdnn, got.lf, got.hf, got.lf_hf, got.heart_rate]).all()


@given(st.lists(st.tuples(st.floats(0, 5) | st.just(float("nan")), st.booleans()), max_size=60))
@settings(deadline=None, max_examples=100)
def test_any_intervals_give_numbers_or_nan(rows: list[tuple[float, bool]]) -> None:
    seconds = np.array([s for s, _ in rows], dtype=np.float64)
    time = NOON + np.round(np.nancumsum(seconds) * 1e9).astype(np.int64)
    good = np.array([g for _, g in rows], dtype=bool)
    got = variability(Intervals(time, seconds, good))
    assert isinstance(got, Variability) and not np.isinf(astuple(got)).any()


def test_the_numbers_equal_those_of_neurokit2() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        neurokit = pytest.importorskip("neurokit2")
    dice = np.random.default_rng(4)
    sway = _breathing(5).seconds
    seconds = sway + dice.normal(0, 0.01, len(sway))
    beats = NOON + np.round(np.concatenate([[0], np.cumsum(seconds)]) * 1e9).astype(np.int64)
    ours = variability(rr_intervals(beats))
    peaks = np.round((beats - NOON) / 1e6).astype(int)  # at 1000 Hz
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        time = neurokit.hrv_time(peaks, sampling_rate=1000)
        plot = neurokit.hrv_nonlinear(peaks, sampling_rate=1000)
        power = neurokit.hrv_frequency(
            peaks, sampling_rate=1000, psd_method="welch", normalize=False
        )
    assert ours.count == len(seconds)
    assert ours.sdnn == pytest.approx(time["HRV_SDNN"][0], rel=2e-3)
    assert ours.rmssd == pytest.approx(time["HRV_RMSSD"][0], rel=5e-3)
    assert ours.mean_nn == pytest.approx(time["HRV_MeanNN"][0], rel=1e-4)
    assert 100 * ours.pnn50 == pytest.approx(time["HRV_pNN50"][0], abs=1.0)
    assert ours.sd1 == pytest.approx(plot["HRV_SD1"][0], rel=5e-3)
    assert ours.sd2 == pytest.approx(plot["HRV_SD2"][0], rel=5e-3)
    # Other method and other unit (s2): the share of HF must agree, not its size.
    share = power["HRV_HF"][0] / (power["HRV_HF"][0] + power["HRV_LF"][0])
    assert ours.hf / (ours.hf + ours.lf) == pytest.approx(share, abs=0.05)
