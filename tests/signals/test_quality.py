"""Quality: what is not usable is found, what is usable is left, and shares are of all the time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.device.files import opened
from holter.signals.features.beats import beat_times, told_intervals
from holter.signals.quality import (
    ARTEFACT,
    MISSING,
    NON_WEAR,
    SATURATED,
    masked,
    masks,
    usable,
)
from holter.signals.readers import empatica_e4
from holter.signals.readers.formats import Options
from holter.signals.recording import SECOND_NS, Recording, Segment, Series, Waveform
from holter.signals.wear import non_wear

NOON = 1_700_000_000 * SECOND_NS
MINUTE, HOUR = 60 * SECOND_NS, 3600 * SECOND_NS


def _wave(kind: str, rate: float, *parts: tuple[float, Any], limits: Any = None) -> Waveform:
    segments = tuple(
        Segment(
            NOON + round(start * SECOND_NS), rate, np.asarray(x, np.float32).reshape(len(x), -1)
        )
        for start, x in parts
    )
    return Waveform(kind, tuple("xyz")[: segments[0].values.shape[1]], segments, rate, limits)


def _series(kind: str, seconds: Any, value: Any, lasting: float = 0.0) -> Series:
    time = NOON + np.round(np.asarray(seconds, dtype=float) * 1e9).astype(np.int64)
    value = np.asarray(value, dtype=np.float64)
    until = time + round(lasting * SECOND_NS)
    return Series(kind, time, until, value, np.zeros(len(time), dtype=np.int16))


def _recording(**channels: Any) -> Recording:
    return Recording("a test", "watch", "UTC", channels)


def _moving(hours: float, rate: float = 10.0, seed: int = 0) -> npt.NDArray[np.float32]:
    """Synthetic: a wrist that moves all the time."""
    dice = np.random.default_rng(seed)
    x = dice.normal(0, 0.2, (round(hours * 3600 * rate), 3)).astype(np.float32)
    x[:, 2] += 1
    return x


def _ecg(seconds: float, rate: float = 250.0, bpm: float = 60.0) -> npt.NDArray[np.float64]:
    """Synthetic: narrow R waves and low T waves, with noise."""
    t = np.arange(round(seconds * rate)) / rate
    phase = (t * bpm / 60 + 0.5) % 1 * 60 / bpm - 30 / bpm
    beat = np.exp(-((phase / 0.02) ** 2)) + 0.2 * np.exp(-(((phase - 0.25) / 0.06) ** 2))
    return np.asarray(beat + np.random.default_rng(5).normal(0, 0.01, len(t)))


# --- non-wear


def test_a_device_that_lies_still_is_not_worn_and_the_hours_around_are() -> None:
    x = _moving(6)
    x[2 * 36_000 : 4 * 36_000] = [0.01, 0.02, 1.0]
    (span,) = non_wear(_recording(acceleration=_wave("acceleration", 10.0, (0, x)))).tolist()
    # 60 minutes around each 15 must be still: half an hour less a step at each side at most.
    assert 2 * HOUR <= span[0] - NOON <= 2.75 * HOUR
    assert 3.25 * HOUR <= span[1] - NOON <= 4 * HOUR


def test_noise_of_the_sensor_is_still_and_breath_in_sleep_is_not() -> None:
    dice = np.random.default_rng(0)
    noise = dice.normal(0, 0.004, (36_000 * 2, 3))
    lying = _recording(acceleration=_wave("acceleration", 10.0, (0, noise)))
    assert usable(lying)["acceleration"].non_wear_share == pytest.approx(1.0)
    turning = noise.copy()
    turning[::6000] += 0.06  # a small movement every ten minutes
    asleep = _recording(acceleration=_wave("acceleration", 10.0, (0, turning)))
    assert usable(asleep)["acceleration"].non_wear_share == 0


def test_one_restless_axis_of_three_is_not_enough_to_be_worn() -> None:
    x = np.zeros((72_000, 3))
    x[:, 0] = np.sin(np.arange(72_000) / 20)
    rec = _recording(acceleration=_wave("acceleration", 10.0, (0, x)))
    assert usable(rec)["acceleration"].non_wear_share == pytest.approx(1.0)
    x[:, 1] = x[:, 0]
    rec = _recording(acceleration=_wave("acceleration", 10.0, (0, x)))
    assert usable(rec)["acceleration"].non_wear_share == 0


@pytest.mark.parametrize(("minutes", "share"), [(5, 0.0), (14, 0.0), (16, 1.0), (50, 1.0)])
def test_a_recording_shorter_than_an_hour_is_one_window_and_a_very_short_one_is_not_judged(
    minutes: int, share: float
) -> None:
    rec = _recording(acceleration=_wave("acceleration", 10.0, (0, np.zeros((minutes * 600, 3)))))
    assert usable(rec)["acceleration"].non_wear_share == pytest.approx(share)


def test_acceleration_says_nothing_of_a_window_that_is_mostly_a_gap() -> None:
    x = np.zeros((1200, 3))
    rec = _recording(acceleration=_wave("acceleration", 10.0, (0, x), (4 * 3600, x)))
    assert len(non_wear(rec)) == 0


def test_a_cold_and_still_device_is_not_worn_and_a_cold_and_moving_one_is() -> None:
    x = _moving(2)
    x[36_000 : 36_000 + 9000] = [0, 0, 1]  # 15 minutes: too short for acceleration alone
    cold = np.full(7200, 33.0)
    cold[3600:5400] = 20.0
    rec = _recording(
        acceleration=_wave("acceleration", 10.0, (0, x)),
        skin_temperature=_wave("skin_temperature", 1.0, (0, cold)),
    )
    assert non_wear(rec).tolist() == [[NOON + HOUR, NOON + HOUR + 15 * MINUTE]]
    slow = replace(rec, channels={**rec.channels, "skin_temperature": _series(
        "skin_temperature", np.arange(0, 7200, 60), cold[::60])})  # fmt: skip
    assert non_wear(slow).tolist() == [[NOON + HOUR, NOON + HOUR + 15 * MINUTE]]


def test_the_devices_own_word_overrules_stillness_and_marks_what_moves() -> None:
    x = _moving(6)
    x[2 * 36_000 : 4 * 36_000] = [0, 0, 1]
    worn = _series("worn", [0, 5 * 3600], [1, 0])
    rec = _recording(acceleration=_wave("acceleration", 10.0, (0, x)), worn=worn)
    assert non_wear(rec).tolist() == [[NOON + 5 * HOUR, NOON + 6 * HOUR]]
    assert usable(rec)["worn"].share == pytest.approx(1.0)  # it says so itself, so it is usable


def test_an_hour_without_a_heart_rate_is_not_worn_unless_something_moves() -> None:
    seconds = np.concatenate([np.arange(0, 7200, 300), np.arange(18_000, 25_200, 300)])
    rate = _series("heart_rate", seconds, np.full(len(seconds), 60.0))
    rec = _recording(heart_rate=rate)
    ((start, end),) = non_wear(rec).tolist()
    assert start == NOON + 6900 * SECOND_NS + SECOND_NS and end == NOON + 18_000 * SECOND_NS
    walked = _series("steps", [10_000], [80], lasting=60)
    assert len(non_wear(_recording(heart_rate=rate, steps=walked))) == 0
    shaken = _wave("acceleration", 10.0, (0, _moving(7)))
    assert len(non_wear(_recording(heart_rate=rate, acceleration=shaken))) == 0


def test_a_heart_rate_taken_now_and_then_says_nothing_of_wear() -> None:
    seconds = np.arange(0, 80_000, 4000)
    assert (
        len(non_wear(_recording(heart_rate=_series("heart_rate", seconds, seconds * 0 + 60)))) == 0
    )


def test_non_wear_masks_every_channel_of_the_recording() -> None:
    x = np.zeros((72_000, 3))
    rate = _series("heart_rate", np.arange(0, 7200, 5), np.full(1440, 60.0))
    rec = _recording(acceleration=_wave("acceleration", 10.0, (0, x)), heart_rate=rate)
    assert masks(rec)["heart_rate"][0].of(NON_WEAR).all()
    hidden = masked(rec).channels["heart_rate"]
    assert isinstance(hidden, Series) and np.isnan(hidden.value).all()
    assert not np.isnan(rate.value).any()  # the recording itself is as it was


# --- samples


def test_two_samples_at_the_limit_are_saturated_and_one_is_a_peak() -> None:
    x = np.zeros((1000, 3))
    x[100, 0] = x[200:202, 1] = 8.0
    x[300:305, 2] = -7.99
    x[400, 0] = x[401, 1] = 8.0  # one sample each on two axes
    rec = _recording(acceleration=_wave("acceleration", 50.0, (0, x), limits=(-8.0, 8.0)))
    got = np.flatnonzero(masks(rec)["acceleration"][0].of(SATURATED))
    assert got.tolist() == [200, 201, 300, 301, 302, 303, 304]
    without = _recording(acceleration=_wave("acceleration", 50.0, (0, x)))
    assert usable(without)["acceleration"].saturated_share == 0


def test_a_single_sample_beyond_physics_is_a_spike_and_a_blow_is_not() -> None:
    x = np.zeros((2000, 3))
    x[500, 1] = 12.0
    x[800:803, 0] = [6.0, 12.0, 5.0]
    rec = _recording(acceleration=_wave("acceleration", 100.0, (0, x)))
    assert np.flatnonzero(masks(rec)["acceleration"][0].of(ARTEFACT)).tolist() == [500]
    slow = _recording(acceleration=_wave("acceleration", 25.0, (0, x)))
    assert usable(slow)["acceleration"].artefact_share == 0  # a step can be that short at 25 Hz


def test_the_cut_into_chunks_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.zeros((1000, 3))
    x[[99, 100, 299, 400], 0] = 12.0
    x[[199, 200], 1] = 16.0
    rec = _recording(acceleration=_wave("acceleration", 100.0, (0, x), limits=(-16.0, 16.0)))
    once = masks(rec)["acceleration"][0].bits
    monkeypatch.setattr("holter.signals.quality._CHUNK", 100)
    assert np.array_equal(masks(rec)["acceleration"][0].bits, once)
    assert np.flatnonzero(once).tolist() == [199, 200, 299, 400]


def test_gaps_and_masked_samples_are_counted_in_the_share_of_all_time() -> None:
    x = _moving(100 / 3600)
    x[:250] = np.nan
    rec = _recording(acceleration=_wave("acceleration", 10.0, (0, x), (300, x)))
    got = usable(rec)["acceleration"]
    assert got.share == pytest.approx(150 / 400)
    assert got.gaps_share == pytest.approx(250 / 400)
    assert [(s.what, (s.end_ns - s.start_ns) // SECOND_NS) for s in got.spans] == [
        ("gap", 25), ("gap", 200), ("gap", 25),
    ]  # fmt: skip


# --- ECG and PPG


def test_a_clean_ecg_is_usable_and_a_lead_that_falls_off_is_not() -> None:
    x = _ecg(120)
    assert usable(_recording(ecg=_wave("ecg", 250.0, (0, x))))["ecg"].share == 1
    x[30 * 250 : 70 * 250] = 0.0
    got = usable(_recording(ecg=_wave("ecg", 250.0, (0, x))))["ecg"]
    assert got.artefact_share == pytest.approx(40 / 120, abs=0.01)
    assert got.share == pytest.approx(80 / 120, abs=0.01)


@pytest.mark.parametrize("kind", ["ecg", "ppg"])
def test_noise_without_beats_is_not_usable(kind: str) -> None:
    noise = np.random.default_rng(1).normal(0, 1, 250 * 120)
    got = usable(_recording(**{kind: _wave(kind, 250.0, (0, noise))}))[kind]
    assert got.artefact_share > 0.9


def test_a_burst_of_noise_spoils_its_own_seconds_and_no_others() -> None:
    x = _ecg(300)
    x[100 * 250 : 120 * 250] += np.random.default_rng(2).normal(0, 3, 20 * 250)
    got = usable(_recording(ecg=_wave("ecg", 250.0, (0, x))))["ecg"]
    assert 15 / 300 <= got.artefact_share <= 40 / 300
    for span in got.spans:
        assert 85 * SECOND_NS <= span.start_ns - NOON and span.end_ns - NOON <= 135 * SECOND_NS


def test_a_short_or_slow_ecg_is_not_judged_by_its_beats() -> None:
    for rec in (
        _recording(ecg=_wave("ecg", 250.0, (0, _ecg(5)))),
        _recording(ecg=_wave("ecg", 25.0, (0, _ecg(60, 25.0)))),
    ):
        assert usable(rec)["ecg"].share == 1


# --- EDA


def test_the_rules_for_eda_mask_five_seconds_around_each_fault() -> None:
    x = np.full(4 * 600, 2.0)
    x[400] = 0.01  # too low, and steep? 1.99 uS in a quarter second is under 10 uS/s
    x[1200:] += 3.0  # 12 uS/s
    got = masks(_recording(eda=_wave("eda", 4.0, (0, x))))["eda"][0].of(ARTEFACT)
    assert np.flatnonzero(got).tolist() == [*range(380, 421), *range(1179, 1221)]


@pytest.mark.parametrize(
    ("degrees", "off"), [(22.0, True), (25.5, False), (29.0, False), (42.0, True)]
)
def test_eda_is_an_artefact_where_the_temperature_says_off_the_skin_and_not_of_a_cold_hand(
    degrees: float, off: bool
) -> None:
    skin = np.full(600, 33.0)
    skin[300:] = degrees
    rec = _recording(
        eda=_wave("eda", 4.0, (0, np.full(2400, 2.0))),
        skin_temperature=_wave("skin_temperature", 1.0, (0, skin)),
    )
    got = masks(rec)["eda"][0].of(ARTEFACT)
    first = 4 * 295 if off else 2400  # 5 s before the first such temperature
    assert abs(int(got.sum()) - (2400 - first)) <= 4
    assert not got[: first - 4].any()


# --- slow channels


def test_a_silence_of_a_regular_channel_is_a_gap_and_of_steps_is_not() -> None:
    seconds = np.concatenate([np.arange(0, 600, 5), np.arange(1200, 1800, 5)])
    got = usable(_recording(heart_rate=_series("heart_rate", seconds, seconds * 0 + 70)))
    assert got["heart_rate"].gaps_share == pytest.approx(580 / 1795, abs=0.02)
    steps = usable(_recording(steps=_series("steps", seconds, seconds * 0 + 7)))
    assert steps["steps"].gaps_share == 0 and steps["steps"].share == pytest.approx(1.0)


def test_a_heart_rate_that_jumps_up_and_back_is_an_artefact_and_a_sprint_is_not() -> None:
    rate = np.full(200, 70.0)
    rate[50] = 180
    rate[100:] = 150
    got = masks(_recording(heart_rate=_series("heart_rate", np.arange(200) * 5, rate)))
    assert np.flatnonzero(got["heart_rate"][0].of(ARTEFACT)).tolist() == [50]


@pytest.mark.parametrize("value", [70.0, np.nan])
def test_a_channel_of_one_row_is_judged_by_that_row(value: float) -> None:
    got = usable(_recording(heart_rate=_series("heart_rate", [0], [value])))["heart_rate"]
    assert got.share == float(not np.isnan(value)) and got.gaps_share == float(np.isnan(value))


def test_empty_channels_have_nothing_usable_and_are_no_error() -> None:
    rec = _recording(ecg=Waveform("ecg", ("",), ()), heart_rate=_series("heart_rate", [], []))
    for got in usable(rec).values():
        assert got.share == 0 and got.spans == ()
    assert masked(rec).channels.keys() == rec.channels.keys()


@given(
    st.sampled_from(["acceleration", "ecg", "ppg", "eda", "skin_temperature"]),
    st.sampled_from([4.0, 31.7, 64.0, 130.0]),
    st.lists(st.integers(1, 4000), min_size=1, max_size=4),
    st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=60)
def test_shares_are_shares_and_agree_with_the_masks_whatever_the_signal(
    kind: str, rate: float, lengths: list[int], seed: int
) -> None:
    dice = np.random.default_rng(seed)
    axes = 3 if kind == "acceleration" else 1
    parts, at = [], 0.0
    for length in lengths:
        x = dice.normal(0, 10 ** dice.uniform(-3, 2), (length, axes))
        x[dice.random(length) < dice.choice([0, 0.02, 0.5, 1.0])] = np.nan
        if dice.random() < 0.3:
            x[: length // 2] = 0
        parts.append((at, x))
        at += length / rate + dice.uniform(0, 100)
    rec = _recording(**{kind: _wave(kind, rate, *parts, limits=(-50.0, 50.0))})
    got, found = usable(rec)[kind], masks(rec)[kind]
    values = (
        got.share,
        got.gaps_share,
        got.non_wear_share,
        got.saturated_share,
        got.artefact_share,
    )
    assert all(0 <= v <= 1 for v in values)
    assert sum(values) >= 1 - 2 / (rate * 0.01 + sum(lengths))  # everything is told
    start, end = rec.channels[kind].span_ns
    good = sum(int((~m.any).sum()) for m in found) / rate / ((end - start) / SECOND_NS)
    assert got.share == pytest.approx(good, abs=1e-6)
    for segment, mask, hidden in zip(
        rec.channels[kind].segments, found, masked(rec).channels[kind].segments, strict=True
    ):
        assert np.array_equal(np.isnan(hidden.values).any(axis=1), mask.any)
        assert np.array_equal(mask.of(MISSING), np.isnan(segment.values).any(axis=1))
        assert np.array_equal(hidden.values[~mask.any], segment.values[~mask.any])


@given(
    st.sampled_from(["heart_rate", "steps", "sleep_stage", "worn", "skin_temperature", "eda"]),
    st.lists(
        st.tuples(
            st.integers(0, 20_000), st.integers(0, 600), st.sampled_from([0.0, 1.0, 70.0, np.nan])
        ),
        max_size=40,
    ),
)
@settings(deadline=None, max_examples=100)
def test_shares_of_slow_channels_are_shares_whatever_the_rows(
    kind: str, rows: list[tuple[int, int, float]]
) -> None:
    table = np.array(sorted(rows), dtype=np.float64).reshape(-1, 3)
    series = _series(kind, table[:, 0], table[:, 2])
    series = replace(series, until_ns=series.time_ns + table[:, 1].astype(np.int64) * SECOND_NS)
    rec = _recording(**{kind: series}, eda_beside=_wave("eda", 4.0, (0, np.full(40, 2.0))))
    got = usable(rec)[kind]
    shares = (
        got.share,
        got.gaps_share,
        got.non_wear_share,
        got.saturated_share,
        got.artefact_share,
    )
    assert all(0 <= share <= 1 for share in shares)
    hidden = masked(rec).channels[kind]
    assert isinstance(hidden, Series)
    assert np.array_equal(np.isnan(hidden.value), masks(rec)[kind][0].any)


@pytest.mark.recordings
def test_the_ecgs_of_the_mit_bih_samples_are_usable_for_the_most_part(data_root: Any) -> None:
    wfdb = pytest.importorskip("wfdb")
    # 208 has beats of many shapes, which the rules take for artefacts: told in their docstring.
    for name, least in (("101", 0.99), ("106", 0.9), ("109", 0.99), ("119", 0.99), ("208", 0.5)):
        record = wfdb.rdrecord(str(data_root / "format_samples" / "wfdb_mitbih" / name))
        rec = _recording(ecg=_wave("ecg", float(record.fs), (0, record.p_signal[:, 0])))
        assert usable(rec)["ecg"].share > least, name


def _worn_wrist(root: Any, person: str) -> Recording:
    """A real recording of an hour, from a wrist in a stress protocol."""
    with opened(root / "format_samples" / "empatica_e4" / person) as files:
        (rec,) = empatica_e4.FORMAT.read(files, tuple(files.names), Options())
    return rec


@pytest.mark.recordings
def test_the_ppg_that_is_kept_agrees_with_the_device_and_what_is_refused_does_not(
    data_root: Any,
) -> None:
    rec = _worn_wrist(data_root, "S05")
    ppg, rr_channel = rec.channels["ppg"], rec.channels["rr_interval"]
    assert isinstance(ppg, Waveform) and isinstance(rr_channel, Series)
    ((segment,), (mask,)) = ppg.segments, masks(rec)["ppg"]
    beats, told = beat_times(ppg), told_intervals(rr_channel)
    wide = 10 * SECOND_NS
    wrong: dict[bool, list[bool]] = {True: [], False: []}
    believed: dict[bool, list[float]] = {True: [], False: []}
    for start in range(segment.start_ns, segment.end_ns - wide, wide):
        row = round((start - segment.start_ns) * segment.rate_hz / SECOND_NS)
        refused = bool(mask.of(ARTEFACT)[row : row + 640].mean() > 0.5)
        own = np.diff(beats[(beats >= start) & (beats < start + wide)]) / SECOND_NS
        rr = told.seconds[(told.time_ns >= start) & (told.time_ns < start + wide) & told.good]
        believed[refused].append(float(rr.sum()) / 10)
        if len(rr) >= 4:
            wrong[refused].append(abs(60 / own.mean() - 60 / float(np.median(rr))) > 5)
    assert np.mean(believed[False]) > 0.7 and np.mean(believed[True]) < 0.3
    assert np.mean(wrong[False]) < 0.1 and np.mean(wrong[True]) > 0.3


@pytest.mark.recordings
@pytest.mark.parametrize("person", ["S02", "S05", "S12"])
def test_skin_conductance_of_a_worn_wrist_is_usable_also_when_it_is_cool(
    data_root: Any, person: str
) -> None:
    assert usable(_worn_wrist(data_root, person))["eda"].share > 0.95
