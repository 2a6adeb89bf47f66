"""Beats: found where they are, against annotations and a device's own intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.signals.errors import DataError
from holter.signals.features.beats import (
    beat_times,
    r_peaks,
    rr_intervals,
    systolic_peaks,
    told_intervals,
)
from holter.signals.recording import SECOND_NS, Segment, Series, Waveform

NOON = 1_700_000_000 * SECOND_NS
ANNOTATED = set("NLRBAaJSVrFejnE/fQ?")  # of WFDB's symbols those that are beats
WITHIN_SECONDS = 0.150  # ANSI/AAMI EC57


def _ecg(beats: npt.NDArray[np.float64], seconds: float, rate: float) -> npt.NDArray[np.float64]:
    """Synthetic: R waves and T waves at given seconds, a wandering base line, noise."""
    t = np.arange(round(seconds * rate)) / rate
    x = 0.3 * np.sin(2 * np.pi * 0.2 * t) + np.random.default_rng(0).normal(0, 0.02, len(t))
    for beat in beats:
        x += np.exp(-(((t - beat) / 0.015) ** 2)) + 0.35 * np.exp(
            -(((t - beat - 0.28) / 0.05) ** 2)
        )
    return np.asarray(x)


def _wave(kind: str, rate: float, *parts: tuple[float, npt.NDArray[np.float64]]) -> Waveform:
    return Waveform(kind, ("",), tuple(
        Segment(NOON + round(s * SECOND_NS), rate, x.astype(np.float32)[:, None]) for s, x in parts
    ))  # fmt: skip


def _matched(true: Sequence[float], found: Sequence[float], within: float) -> tuple[int, int, int]:
    """(found, missed, invented), each beat matched once, in order."""
    i = j = hits = 0
    while i < len(true) and j < len(found):
        if abs(found[j] - true[i]) <= within:
            hits, i, j = hits + 1, i + 1, j + 1
        elif found[j] < true[i]:
            j += 1
        else:
            i += 1
    return hits, len(true) - hits, len(found) - hits


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("record", "sensitivity", "precision"),
    [("101", 0.999, 0.997), ("106", 0.998, 0.999), ("109", 0.998, 0.999), ("119", 0.999, 0.999),
     ("208", 0.994, 0.997)],
)  # fmt: skip
def test_r_peaks_agree_with_the_annotations_of_the_mit_bih_samples(
    data_root: Path, record: str, sensitivity: float, precision: float
) -> None:
    wfdb = pytest.importorskip("wfdb")
    path = str(data_root / "format_samples" / "wfdb_mitbih" / record)
    read, notes = wfdb.rdrecord(path), wfdb.rdann(path, "atr")
    true = [s for s, kind in zip(notes.sample, notes.symbol, strict=True) if kind in ANNOTATED]
    found = r_peaks(read.p_signal[:, 0], read.fs).tolist()
    hits, missed, invented = _matched(true, found, WITHIN_SECONDS * read.fs)
    assert hits / (hits + missed) >= sensitivity
    assert hits / (hits + invented) >= precision


@pytest.mark.recordings
@pytest.mark.parametrize("session", ["S02", "S05", "S12"])
def test_pulses_of_a_wrist_device_agree_with_its_own_intervals(
    data_root: Path, session: str
) -> None:
    folder = data_root / "format_samples" / "empatica_e4" / session
    bvp = np.loadtxt(folder / "BVP.csv")[2:]
    own = np.loadtxt(folder / "IBI.csv", delimiter=",", skiprows=1)
    found = rr_intervals(beat_times(_wave("ppg", 64.0, (0, bvp))))
    at = (found.time_ns - NOON) / SECOND_NS
    near = np.abs(own[:, 0][:, None] - at[None, :]).min(axis=1)
    assert (near < 0.1).mean() > 0.98  # the device's beats are among ours
    errors = []
    for start in np.arange(20, len(bvp) / 64 - 10, 10):
        ours = found.seconds[found.good & (at >= start) & (at < start + 10)]
        theirs = own[(own[:, 0] >= start) & (own[:, 0] < start + 10), 1]
        if len(ours) >= 5 and len(theirs) >= 5:
            errors.append(abs(60 / ours.mean() - 60 / theirs.mean()))
    assert len(errors) > 20 and np.median(errors) < 1.2  # bpm


@pytest.mark.parametrize("rate", [100.0, 130.0, 250.0, 512.0])
@pytest.mark.parametrize("bpm", [40, 75, 150])
def test_every_beat_of_a_synthetic_ecg_is_found_once_at_its_sample(rate: float, bpm: int) -> None:
    beats = np.arange(0.5, 59.5, 60 / bpm)
    found = r_peaks(_ecg(beats, 60, rate), rate) / rate
    assert len(found) == len(beats)
    assert np.abs(found - beats).max() <= 1.5 / rate + 0.004


def test_an_ecg_upside_down_or_in_another_unit_has_the_same_beats() -> None:
    x = _ecg(np.arange(0.5, 30, 0.8), 30, 250.0)
    assert np.array_equal(r_peaks(x, 250.0), r_peaks(-x, 250.0))
    assert np.array_equal(r_peaks(x, 250.0), r_peaks(1e3 * x + 5e4, 250.0))


def test_a_beat_that_is_half_as_high_is_searched_for_and_found() -> None:
    beats = np.arange(0.5, 60, 0.9)
    x = _ecg(beats, 60, 250.0)
    low = round(beats[30] * 250)
    x[low - 40 : low + 40] *= 0.5
    assert len(r_peaks(x, 250.0)) == len(beats)


def test_one_huge_artefact_does_not_blind_the_search_for_the_minutes_after() -> None:
    beats = np.arange(0.5, 120, 0.8)
    x = _ecg(beats, 120, 250.0)
    x[30 * 250 : 30 * 250 + 5] += 500
    found = r_peaks(x, 250.0) / 250
    after = beats[beats > 35]
    assert _matched(after.tolist(), found[found > 34.9].tolist(), 0.05) == (len(after), 0, 0)


@pytest.mark.parametrize("find", [r_peaks, systolic_peaks])
@pytest.mark.parametrize("x", [[], [0.0], np.zeros(10_000), np.ones(10_000), np.arange(300.0)])
def test_nothing_is_found_in_nothing(find: object, x: object) -> None:
    assert callable(find)
    assert find(x, 250.0).tolist() == []


@pytest.mark.parametrize("find", [r_peaks, systolic_peaks])
def test_rates_too_low_and_samples_that_are_missing_are_refused(find: object) -> None:
    assert callable(find)
    with pytest.raises(DataError, match="need"):
        find(np.zeros(1000), 10.0)
    with pytest.raises(DataError, match="finite samples only"):
        find(np.full(1000, np.nan), 100.0)


def test_beats_are_found_on_both_sides_of_a_gap_and_none_in_it() -> None:
    beats = np.arange(0.5, 60, 0.8)
    x = _ecg(beats, 60, 130.0)
    x[20 * 130 : 30 * 130] = np.nan
    times = (beat_times(_wave("ecg", 130.0, (0, x), (100, x))) - NOON) / SECOND_NS
    true = np.concatenate([beats, beats + 100])
    hidden = (true % 100 > 19.9) & (true % 100 < 30.1)
    _, missed, invented = _matched(true[~hidden].tolist(), times.tolist(), 0.05)
    assert missed == 0 and invented <= 2
    assert not (((times % 100) > 20.1) & ((times % 100) < 29.9)).any()


def test_a_few_masked_samples_are_bridged_and_move_no_beat() -> None:
    beats = np.arange(0.5, 60, 0.8)
    x = _ecg(beats, 60, 250.0)
    x[[137, 1400, 1401, 9000]] = np.nan
    times = (beat_times(_wave("ecg", 250.0, (0, x))) - NOON) / SECOND_NS
    assert _matched(beats.tolist(), times.tolist(), 0.02) == (len(beats), 0, 0)


def test_the_cut_into_hours_loses_and_doubles_no_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holter.signals.features.beats._LONGEST_PIECE_SECONDS", 20.0)
    beats = np.arange(0.5, 120, 0.77)
    times = (beat_times(_wave("ecg", 130.0, (0, _ecg(beats, 120, 130.0)))) - NOON) / SECOND_NS
    assert _matched(beats.tolist(), times.tolist(), 0.02) == (len(beats), 0, 0)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_pulses_are_found_whichever_way_up_a_device_gives_them(side: float) -> None:
    beats = np.arange(1.0, 60, 0.85)
    t = np.arange(60 * 64) / 64
    x = np.zeros(len(t))
    for beat in beats:
        x += np.exp(-(((t - beat) / 0.08) ** 2)) + 0.4 * np.exp(-(((t - beat - 0.3) / 0.1) ** 2))
    times = (beat_times(_wave("ppg", 64.0, (0, side * x))) - NOON) / SECOND_NS
    assert len(times) == len(beats) and np.abs(times - beats).max() < 0.02


def test_only_ecg_and_ppg_have_beats() -> None:
    with pytest.raises(DataError, match="acceleration shows no beats"):
        beat_times(_wave("acceleration", 100.0, (0, np.zeros(1000))))


def test_an_artefact_condemns_itself_and_not_its_neighbours() -> None:
    seconds = np.full(40, 0.8)
    seconds[20:22] = [0.35, 1.25]  # a beat far too early
    found = rr_intervals(NOON + np.round(np.cumsum(seconds) * 1e9).astype(np.int64))
    assert np.flatnonzero(~found.good).tolist() == [19, 20]
    assert found.rejected_share == pytest.approx(2 / 39)


def test_a_gap_is_no_interval_and_a_slow_change_of_rate_is_believed() -> None:
    seconds = np.linspace(0.5, 1.2, 100)
    at = np.cumsum(seconds)
    at[50:] += 30
    found = rr_intervals(NOON + np.round(at * 1e9).astype(np.int64))
    assert np.flatnonzero(~found.good).tolist() == [49]


@given(st.lists(st.integers(0, 10**10), max_size=30).map(sorted))
@settings(deadline=None, max_examples=100)
def test_intervals_of_any_beats_have_one_verdict_each(nanoseconds: list[int]) -> None:
    found = rr_intervals(NOON + np.array(nanoseconds, dtype=np.int64))
    assert (
        len(found.good) == len(found.seconds) == len(found.time_ns) == max(len(nanoseconds) - 1, 0)
    )
    assert (found.seconds[found.good] >= 0.3).all() and (found.seconds[found.good] <= 2.0).all()


def _told(times: Sequence[float], seconds: Sequence[float]) -> Series:
    time = NOON + np.round(np.array(times) * 1e9).astype(np.int64)
    value, offset = np.array(seconds, dtype=np.float64), np.zeros(len(time), dtype=np.int16)
    return Series("rr_interval", time, time, value, offset)


def test_beats_that_a_device_leaves_out_stand_between_its_intervals_and_are_not_believed() -> None:
    found = told_intervals(_told([0.8, 1.6, 2.4, 6.4, 7.2], [0.8] * 5))
    assert np.allclose(found.seconds, [0.8, 0.8, 0.8, 3.2, 0.8, 0.8])
    assert found.good.tolist() == [True, True, True, False, True, True]
    assert np.allclose((found.time_ns - NOON) / 1e9, [0.8, 1.6, 2.4, 5.6, 6.4, 7.2])


def test_intervals_of_a_device_are_judged_like_our_own() -> None:
    seconds = np.full(40, 0.8)
    seconds[20:22] = [0.35, 1.25]
    seconds[30] = np.nan
    times = np.cumsum(np.where(np.isnan(seconds), 0.8, seconds))
    found = told_intervals(_told(times.tolist(), seconds.tolist()))
    assert np.flatnonzero(~found.good).tolist() == [20, 21, 30]
    assert len(told_intervals(_told([], [])).good) == 0
    with pytest.raises(DataError, match="heart_rate holds no intervals"):
        told_intervals(replace(_told([1], [1]), kind="heart_rate"))
