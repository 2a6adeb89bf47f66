"""What synthetic recordings show: one heart behind all channels, plausible nights, stress, falls."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from holter.signals.kinds import SLEEP_STAGES
from holter.signals.recording import SECOND_NS, Recording, Series, Waveform
from holter.signals.windows import Examples
from holter.simulator.wearers import activity
from holter.simulator.wearers.day import STATES
from holter.simulator.wearers.recorded import Knobs, person, recording

PERFECT = Knobs(device_shift=0.0)


def _series(found: Recording, name: str) -> Series:
    channel = found.channels[name]
    assert isinstance(channel, Series)
    return channel


def _wave(found: Recording, name: str) -> Waveform:
    channel = found.channels[name]
    assert isinstance(channel, Waveform)
    return channel


def _samples(wave: Waveform) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
    """(times in ns, values) of all segments."""
    times = [s.start_ns + np.arange(len(s.values)) * (SECOND_NS / s.rate_hz) for s in wave.segments]
    return np.concatenate(times), np.concatenate([s.values for s in wave.segments])


def _label_at(labels: Series, time_ns: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    row = np.searchsorted(labels.time_ns, time_ns, side="right") - 1
    return labels.value[np.maximum(row, 0)]


def _fast(seed: int, index: int, windows: int, **knobs: float) -> Examples:
    """The fast windows of the demo's person."""
    source = np.random.SeedSequence([seed, 1, index])
    return activity.draw(np.random.Generator(np.random.PCG64(source)), windows, **knobs).examples


@pytest.mark.parametrize("session", ["day", "ecg"])
def test_ecg_rr_intervals_and_beats_are_one_heart(session: str) -> None:
    found = recording(2, 4, session=session, device="chest strap", hours=0.25, knobs=PERFECT)
    beats, rr = _series(found, "beat"), _series(found, "rr_interval")
    assert np.array_equal(rr.time_ns, beats.time_ns)
    true = np.diff(beats.time_ns) / SECOND_NS
    assert np.abs(rr.value[1:] - true).max() <= 0.6 / 1024
    (ecg,) = _wave(found, "ecg").segments
    early = []
    for moment in beats.time_ns[(beats.value == 0)][2:-2]:
        at = round((moment - ecg.start_ns) / SECOND_NS * ecg.rate_hz)
        near = ecg.values[at - 10 : at + 11, 0]
        early.append((int(near.argmax()) - 10) / ecg.rate_hz)
    assert np.abs(early).max() < 0.03  # the R peak, where every normal beat is


def test_pulse_peaks_follow_the_same_beats_by_the_persons_delay() -> None:
    strap = recording(2, 4, device="chest strap", hours=0.25, knobs=PERFECT)
    wrist = recording(2, 4, device="research wrist", hours=0.25, knobs=PERFECT)
    beats = _series(strap, "beat")
    assert np.array_equal(beats.time_ns, _series(wrist, "beat").time_ns)
    (pulse,) = _wave(wrist, "ppg").segments
    delay = person(2, 4).traits.pulse_delay_s
    late = []
    for moment in beats.time_ns[2:-2]:
        at = round(((moment - pulse.start_ns) / SECOND_NS + delay) * pulse.rate_hz)
        near = pulse.values[at - 12 : at + 13, 0]
        late.append((int(near.argmax()) - 12) / pulse.rate_hz)
    assert abs(np.median(late)) < 0.03
    assert np.quantile(np.abs(late), 0.95) < 0.07


@pytest.mark.parametrize("device", ["band", "watch", "research wrist", "chest strap"])
def test_the_reported_heart_rate_follows_the_beats(device: str) -> None:
    wrong = []
    for index in range(6):
        found = recording(2, index, device=device, channels=("beat", "heart_rate"))
        heart, beats = _series(found, "heart_rate"), _series(found, "beat")
        number = np.arange(len(beats.time_ns))
        end, window = heart.time_ns, 20 * SECOND_NS
        counted = np.interp(end, beats.time_ns, number)
        counted = counted - np.interp(end - window, beats.time_ns, number)
        late = end > beats.time_ns[0] + 2 * window
        wrong.append((heart.value - counted * 3.0)[late])
    assert np.median(np.abs(np.concatenate(wrong))) < 4.0
    assert np.corrcoef(heart.value[late], counted[late])[0, 1] > 0.9


def test_rmssd_falls_with_age_and_a_strap_sees_about_the_persons_own() -> None:
    people = [person(9, index) for index in range(300)]
    age = np.array([p.age_years for p in people])
    own = np.log([p.traits.rmssd_ms for p in people])
    assert np.corrcoef(age, own)[0, 1] < -0.4
    ratios = []
    for index in range(15):
        found = recording(9, index, session="day", device="chest strap", hours=0.5,
                          channels=("rr_interval", "activity"))  # fmt: skip
        rr = _series(found, "rr_interval")
        calm = np.isin(_label_at(_series(found, "activity"), rr.time_ns), (0, 1))[1:]
        step = np.diff(rr.value)
        calm &= np.abs(step) < 0.2  # an ectopic beat is no variability
        if calm.sum() > 200:
            seen = 1000.0 * np.sqrt(np.mean(step[calm] ** 2))
            ratios.append(seen / people[index].traits.rmssd_ms)
    assert len(ratios) >= 5
    assert 0.6 < np.median(ratios) < 1.5


def test_arrhythmia_can_be_switched_off_and_the_ecg_session_has_much_of_it() -> None:
    shown = ("beat", "event:rhythm")
    plain = [recording(5, i, session="ecg", channels=shown) for i in range(60)]
    values = [_series(found, "beat").value for found in plain[:30]]
    share = np.bincount(np.concatenate(values).astype(int), minlength=3)
    assert (share[1:] / share.sum() > 0.01).all() and share[0] / share.sum() > 0.7
    rhythms = [_series(found, "event:rhythm").value for found in plain]
    assert any((rhythm == 1).any() for rhythm in rhythms)
    for index in range(10):
        calm = recording(5, index, session="ecg", knobs=Knobs(arrhythmia=0.0), channels=shown)
        assert not _series(calm, "beat").value.any()
        assert not _series(calm, "event:rhythm").value.any()


def test_ectopic_beats_are_early_ventricular_ones_pause_and_fibrillation_is_irregular() -> None:
    early, pause, spread = [], [], {0: [], 1: []}
    for index in range(60):
        found = recording(5, index, session="ecg", channels=("beat", "event:rhythm"))
        beats, rhythm = _series(found, "beat"), _series(found, "event:rhythm")
        step = np.diff(beats.time_ns) / SECOND_NS / np.median(np.diff(beats.time_ns) / SECOND_NS)
        shaking = _label_at(rhythm, beats.time_ns)[1:] == 1
        kind = beats.value[1:]
        early += step[(kind > 0) & ~shaking].tolist()
        pause += step[1:][(kind[:-1] == 2) & ~shaking[1:]].tolist()
        quiet = (beats.value == 0).all()
        for state in (0, 1):
            here = shaking == bool(state)
            if here.sum() > 60 and (state or quiet):
                spread[state].append(step[here].std())
    assert np.mean(early) < 0.9
    assert np.mean(pause) > 1.1
    assert min(spread[1]) > 0.12 > np.median(spread[0])


def test_a_night_has_cycles_with_deep_sleep_early_and_rem_late() -> None:
    deep, rem, shares, heart = [], [], [], []
    names = np.array(SLEEP_STAGES)
    for index in range(20):
        found = recording(6, index, session="night", channels=("sleep_stage", "heart_rate"))
        stage = names[_series(found, "sleep_stage").value.astype(int)]
        assert len(stage) == 960 and set(stage) <= {"wake", "N1", "N2", "deep", "REM"}
        half = len(stage) // 2
        deep.append([(stage[:half] == "deep").mean(), (stage[half:] == "deep").mean()])
        rem.append([(stage[:half] == "REM").mean(), (stage[half:] == "REM").mean()])
        shares.append([(stage == name).mean() for name in ("wake", "N1", "N2", "deep", "REM")])
        bpm = _series(found, "heart_rate")
        at = names[_label_at(_series(found, "sleep_stage"), bpm.time_ns).astype(int)]
        heart.append([bpm.value[at == name].mean() for name in ("N2", "REM", "wake")])
    early, late = np.mean(deep, axis=0)
    assert early > 2.0 * late
    early, late = np.mean(rem, axis=0)
    assert late > 1.4 * early
    wake, n1, n2, n3, dreams = np.mean(shares, axis=0)
    assert 0.04 < wake < 0.22 and 0.03 < n1 < 0.15 and 0.35 < n2 < 0.60
    assert 0.05 < n3 < 0.25 and 0.15 < dreams < 0.30
    slow, faster, awake = np.nanmean(heart, axis=0)
    assert slow + 1.0 < faster < awake


def test_stress_raises_heart_rate_and_conductance() -> None:
    rises = []
    for index in range(25):
        found = recording(6, index, session="stress", device="research wrist",
                          channels=("stress", "heart_rate", "eda"))  # fmt: skip
        label, heart = _series(found, "stress"), _series(found, "heart_rate")
        at = _label_at(label, heart.time_ns)
        time, eda = _samples(_wave(found, "eda"))
        under = _label_at(label, time)
        assert (heart.value > 0).all() and (eda >= 0).all()
        rises.append(
            (
                heart.value[at == 1].mean() - heart.value[at == 0].mean(),
                np.log(eda[under == 1]).mean() - np.log(eda[under == 0]).mean(),
            )
        )
    assert (np.mean(rises, axis=0) > (1.5, 0.05)).all()
    assert (np.mean(np.array(rises) > 0, axis=0) > 0.7).all()


def test_a_fall_dips_hits_and_lies_still() -> None:
    falls = 0
    for index in range(8):
        found = recording(6, index, session="falls", device="phone",
                          channels=("activity", "acceleration"))  # fmt: skip
        what = _series(found, "activity")
        time, g = _samples(_wave(found, "acceleration"))
        size = np.linalg.norm(g, axis=1)
        for row in np.flatnonzero(what.value == STATES.index("fall")):
            during = (time >= what.time_ns[row]) & (time < what.until_ns[row])
            after = (time >= what.until_ns[row] + 2 * SECOND_NS) & (
                time < what.until_ns[row] + 7 * SECOND_NS
            )
            if during.sum() < 100 or after.sum() < 200:
                continue  # lost by the radio
            falls += 1
            assert size[during].max() > 2.0
            assert size[during].min() < 0.6
            assert size[during].argmin() < size[during].argmax()
            assert size[after].std() < 0.1
    assert falls > 20


def test_label_noise_replaces_its_share_and_missing_labels_are_left_out() -> None:
    wanted = ("activity", "stress", "sleep_stage")
    for name, session in (("activity", "day"), ("stress", "stress"), ("sleep_stage", "night")):
        plain = _series(recording(5, 2, session=session, channels=wanted), name)
        noisy = recording(5, 2, session=session, channels=wanted, knobs=Knobs(label_noise=0.4))
        assert 0.25 < np.mean(plain.value != _series(noisy, name).value) < 0.55
        assert set(_series(noisy, name).value) <= set(range(len(plain.names)))
        lacking = recording(5, 2, session=session, channels=wanted, knobs=Knobs(missing_labels=0.4))
        assert 0.45 < len(_series(lacking, name).value) / len(plain.value) < 0.75


def test_label_skew_makes_people_differ_more_in_what_they_do() -> None:
    def spread(skew: float) -> float:
        shares = []
        for index in range(15):
            found = recording(5, index, hours=6.0, start_hour=7.0, channels=("activity",),
                              knobs=Knobs(label_skew=skew))  # fmt: skip
            value = _series(found, "activity").value.astype(int)
            shares.append(np.bincount(value, minlength=len(STATES)) / len(value))
        return float(np.std(shares, axis=0).sum())

    assert spread(20.0) > 1.5 * spread(0.2)


def test_the_two_speeds_are_one_generator_in_how_much_a_wrist_moves() -> None:
    fast: dict[int, list[float]] = {}
    whole: dict[int, list[float]] = {}
    for index in range(10):
        shown = _fast(1, index, 60)
        for x, y in zip(shown.x, shown.y, strict=True):
            fast.setdefault(int(y), []).append(float(x.std(axis=1).mean()))
        found = recording(1, index, device="watch", channels=("activity", "acceleration"), hours=1)
        for segment in _wave(found, "acceleration").segments:
            count = len(segment.values) // 128
            windows = segment.values[: count * 128].reshape(count, 128, 3)
            middle = segment.start_ns + (np.arange(count) * 128 + 64) * (
                SECOND_NS / segment.rate_hz
            )
            label = _label_at(_series(found, "activity"), middle).astype(int)
            for y, deviation in zip(label, windows.std(axis=1).mean(axis=1), strict=True):
                whole.setdefault(int(y), []).append(float(deviation))
    for state, name in enumerate(activity.CLASSES):
        ratio = np.median(whole[state]) / np.median(fast[state])
        assert 0.5 < ratio < 2.0, name


def test_perfect_devices_are_alike_in_the_fast_windows_and_label_noise_replaces_its_share() -> None:
    def drawn(index: int, **knobs: float) -> Examples:
        return _fast(2, index, 200, **knobs)

    plain = drawn(1)
    assert 0.2 < np.mean(plain.y != drawn(1, label_noise=0.3).y) < 0.4
    assert np.array_equal(plain.x, drawn(1, label_noise=0.3).x)
    perfect = [activity.DEVICES[name].shifted(0.0) for name in activity.DEVICES]
    assert len(set(perfect)) == 1 and perfect[0].rate_hz == 50.0
    assert activity.DEVICES["band"].shifted(1.0) is activity.DEVICES["band"]
    share = [np.bincount(drawn(i, skew=1.0).y, minlength=6) / 200 for i in range(10)]
    usual = [np.bincount(drawn(i).y, minlength=6) / 200 for i in range(10)]
    assert np.std(share, axis=0).sum() > 1.3 * np.std(usual, axis=0).sum()


def test_activity_windows_are_bit_for_bit_what_they_were_before_the_knobs() -> None:
    made = hashlib.sha256()
    for seed in (0, 7):
        for index in range(12):
            shown = _fast(seed, index, 40)
            for rows in (shown.x, shown.extra, shown.y):
                made.update(rows.tobytes())
    stated = _fast(7, 11, 40, skew=activity.SKEW, device_shift=1.0, label_noise=0.0)
    assert np.array_equal(stated.x, shown.x) and np.array_equal(stated.y, shown.y)
    if np.__version__ != "2.4.6":
        pytest.skip("the digest was taken with numpy 2.4.6; another release may round differently")
    assert made.hexdigest() == "d374be0988a2d7b7383e79d0dab0c29b8cbd3a22cdd6ecffd803988bfe0a7b82"
