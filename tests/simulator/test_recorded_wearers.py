"""Whole synthetic recordings: the same bits every time, on devices that differ and lose data."""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from holter.signals.kinds import KINDS
from holter.signals.recording import SECOND_NS, Recording, Series, Waveform
from holter.simulator.wearers.day import STATES
from holter.simulator.wearers.devices import CLASSES
from holter.simulator.wearers.labels import LABELS
from holter.simulator.wearers.recorded import CHANNELS, Knobs, person, recording

DEVICES = tuple(CLASSES)
PERFECT = Knobs(device_shift=0.0)
SESSIONS = [
    ("day", "band"),
    ("day", "watch"),
    ("day", "research wrist"),
    ("day", "chest strap"),
    ("day", "phone"),
    ("night", "ring"),
    ("stress", None),
    ("falls", None),
    ("ecg", None),
]


def _series(found: Recording, name: str) -> Series:
    channel = found.channels[name]
    assert isinstance(channel, Series)
    return channel


def _wave(found: Recording, name: str) -> Waveform:
    channel = found.channels[name]
    assert isinstance(channel, Waveform)
    return channel


def _digest(found: Recording) -> str:
    made = hashlib.sha256()
    for name, channel in found.channels.items():
        made.update(name.encode())
        if isinstance(channel, Waveform):
            for segment in channel.segments:
                made.update(f"{segment.start_ns} {segment.rate_hz}".encode())
                made.update(segment.values.tobytes())
        else:
            for rows in (channel.time_ns, channel.until_ns, channel.value, channel.offset_minutes):
                made.update(rows.tobytes())
    return made.hexdigest()


def _samples(wave: Waveform) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
    """(times in ns, values) of all segments."""
    times = [s.start_ns + np.arange(len(s.values)) * (SECOND_NS / s.rate_hz) for s in wave.segments]
    return np.concatenate(times), np.concatenate([s.values for s in wave.segments])


def _label_at(labels: Series, time_ns: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    row = np.searchsorted(labels.time_ns, time_ns, side="right") - 1
    return labels.value[np.maximum(row, 0)]


@pytest.fixture(scope="session")
def recordings() -> Callable[[str, str | None], list[Recording]]:
    """Three people of a session and device, made once for all tests."""

    @functools.cache
    def of(session: str, device: str | None) -> list[Recording]:
        return [recording(3, i, session=session, device=device, hours=0.2) for i in (0, 1, 2)]

    return of


@pytest.mark.parametrize(("session", "device"), SESSIONS)
def test_a_recording_is_the_same_bits_in_whatever_order_and_whatever_else_is_made(
    session: str,
    device: str | None,
    recordings: Callable[[str, str | None], list[Recording]],
) -> None:
    made = recordings(session, device)
    again = [recording(3, i, session=session, device=device, hours=0.2) for i in (1, 0)]
    assert [_digest(r) for r in made[:2]] == [_digest(r) for r in reversed(again)]
    assert len({_digest(r) for r in made}) == 3
    assert _digest(made[0]) != _digest(recording(4, 0, session=session, device=device, hours=0.2))
    for name in made[0].channels:
        alone = recording(3, 0, session=session, device=device, hours=0.2, channels=(name,))
        whole = Recording("", "", "", {name: made[0].channels[name]})
        assert _digest(alone) == _digest(whole), name


@pytest.mark.parametrize(("session", "device"), SESSIONS)
def test_every_number_is_finite_possible_and_in_order_of_time(
    session: str,
    device: str | None,
    recordings: Callable[[str, str | None], list[Recording]],
) -> None:
    for index, found in enumerate(recordings(session, device)):
        assert found.source.startswith("synthetic")
        assert found.zone == person(3, index).traits.zone
        for name, channel in found.channels.items():
            kind = KINDS[channel.kind]
            if isinstance(channel, Waveform):
                ends = [s.end_ns for s in channel.segments]
                starts = [s.start_ns for s in channel.segments]
                assert all(e < s for e, s in zip(ends, starts[1:], strict=False)), name
                values = np.concatenate([s.values for s in channel.segments])
                assert values.shape[1] == len(channel.axes)
                assert values.dtype == np.float32
            else:
                assert (np.diff(channel.time_ns) >= 0).all(), name
                assert (channel.until_ns >= channel.time_ns).all(), name
                values = channel.value
            assert np.isfinite(values).all(), name
            assert values.min() >= kind.lowest and values.max() <= kind.highest, name


HAS = {
    "band": {"acceleration": 25.0, "heart_rate": 1 / 5},
    "watch": {"acceleration": 50.0, "ppg": 25.0, "heart_rate": 1 / 5},
    "research wrist": {
        "acceleration": 32.0,
        "ppg": 64.0,
        "eda": 4.0,
        "skin_temperature": 4.0,
        "heart_rate": 1.0,
    },
    "chest strap": {"acceleration": 50.0, "ecg": 130.0, "rr_interval": None, "heart_rate": 1.0},
    "phone": {"acceleration": 50.0, "gyroscope": 50.0},
    "ring": {"acceleration": 12.5, "ppg": 25.0, "skin_temperature": 1 / 60, "heart_rate": 1 / 5},
}


@pytest.mark.parametrize("device", DEVICES)
def test_a_device_class_has_its_channels_at_its_rates(device: str) -> None:
    session = "night" if device == "ring" else "day"
    found = recording(6, 1, device=device, session=session, hours=1.0)
    assert found.device_class == device
    own = set(found.channels) - set(LABELS)
    assert own == set(HAS[device])
    for name, rate in HAS[device].items():
        if rate is not None:
            assert found.channels[name].rate_hz == pytest.approx(rate, rel=1e-3)


def test_a_research_wrist_states_its_nominal_rate_and_others_a_measured_one() -> None:
    stated = _wave(recording(6, 1, device="research wrist", hours=0.1), "ppg")
    assert {segment.rate_hz for segment in stated.segments} == {64.0}
    measured = _wave(recording(6, 1, device="watch", hours=0.1), "ppg")
    assert 0 < abs(measured.segments[0].rate_hz - 25.0) < 0.01


def test_a_ring_outside_the_night_is_refused_and_by_day_and_night_records_only_in_bed() -> None:
    with pytest.raises(ValueError, match="night"):
        recording(1, 1, device="ring")
    found = recording(1, 1, device="ring", hours=20.0, start_hour=16.0, channels=("heart_rate",
                      "sleep_stage"))  # fmt: skip
    stages, heart = _series(found, "sleep_stage"), _series(found, "heart_rate")
    slack = 35 * SECOND_NS  # an epoch and the clock
    assert heart.time_ns[0] > stages.time_ns[0] - slack
    assert heart.time_ns[-1] < stages.until_ns[-1] + slack
    assert 6.0 < (stages.until_ns[-1] - stages.time_ns[0]) / SECOND_NS / 3600 < 9.0


def test_devices_lose_data_in_gaps_and_a_few_gaps_are_long() -> None:
    gaps: list[float] = []
    for index in range(12):
        found = recording(4, index, device="chest strap", channels=("ecg", "rr_interval"))
        parts = _wave(found, "ecg").segments
        for one, two in pairwise(parts):
            gaps.append((two.start_ns - one.end_ns) / SECOND_NS)
            inside = _series(found, "rr_interval").time_ns
            assert not (
                (inside > one.end_ns + SECOND_NS) & (inside < two.start_ns - SECOND_NS)
            ).any()
    assert 15 < len(gaps) < 70
    assert min(gaps) > 1.0
    assert max(gaps) > 5.0 * np.median(gaps)


def test_a_device_that_is_not_worn_lies_still_and_reports_no_heart_rate() -> None:
    spells = 0
    for index in range(60):
        made = functools.partial(recording, 4, index, device="band")
        worn = _series(made(channels=("worn",)), "worn")
        if not (worn.value == 0).any() or spells >= 5:
            continue
        found = made(channels=("acceleration", "heart_rate"))
        time, g = _samples(_wave(found, "acceleration"))
        heart = _series(found, "heart_rate").time_ns
        for start, end, on in zip(worn.time_ns, worn.until_ns, worn.value, strict=True):
            lying = (time > start + 5 * SECOND_NS) & (time < end - 5 * SECOND_NS)
            if on == 0 and lying.sum() > 100:
                spells += 1
                assert g[lying].std(axis=0).max() < 0.02
                within = (heart > start + 5 * SECOND_NS) & (heart < end - 5 * SECOND_NS)
                assert not within.any()
    assert spells >= 3


def test_nobody_takes_a_device_off_in_a_supervised_session() -> None:
    for index in range(20):
        for session in ("stress", "falls"):
            found = recording(4, index, session=session, channels=("worn",))
            assert _series(found, "worn").value.tolist() == [1.0]


def test_strata_hold_every_group_and_people_are_the_same_in_every_session() -> None:
    strata = [person(9, index).strata for index in range(200)]
    groups = {key: Counter(one[key] for one in strata) for key in strata[0]}
    assert set(groups) == {"device", "age", "sex", "bmi", "skin tone", "zone"}
    assert set(groups["bmi"]) == {"under 25", "25 to 30", "30 and over"}
    assert set(groups["skin tone"]) == {"I-II", "III-IV", "V-VI"}
    assert len(groups["zone"]) == 4
    assert set(groups["device"]) == set(DEVICES) - {"ring"}
    assert all(min(count.values()) >= 8 for count in groups.values())
    night = [person(9, index, session="night").strata for index in range(200)]
    for day, later in zip(strata, night, strict=True):
        assert {**day, "device": ""} == {**later, "device": ""}


def test_perfect_devices_lose_nothing_and_agree_on_the_clock() -> None:
    for device in ("band", "watch", "research wrist", "chest strap", "phone"):
        found = recording(4, 3, device=device, hours=0.5, knobs=PERFECT)
        assert _wave(found, "acceleration").rate_hz == 50.0
        for channel in found.channels.values():
            if isinstance(channel, Waveform):
                assert len(channel.segments) == 1
                assert channel.span_ns[0] == _series(found, "activity").time_ns[0]
        assert set(_series(found, "worn").value) == {1.0}


def test_a_short_and_a_long_recording_are_possible() -> None:
    for session in ("day", "night", "stress", "falls", "ecg"):
        brief = recording(1, 1, session=session, hours=0.001)
        assert brief.span_ns[1] - brief.span_ns[0] < 30 * SECOND_NS
    found = recording(1, 1, hours=30.0, channels=("activity", "sleep_stage", "heart_rate"),
                      device="band")  # fmt: skip
    stages = _series(found, "sleep_stage")
    assert len(stages.value) > 6 * 120
    lying = _label_at(_series(found, "activity"), stages.time_ns)
    assert (lying == STATES.index("lie")).all()


@pytest.mark.parametrize(
    ("says", "wrong"),
    [
        ("session", {"session": "party"}),
        ("device", {"device": "hat"}),
        ("negative", {"index": -1}),
        ("hours", {"hours": 0.0}),
        ("hours", {"hours": 49.0}),
        ("start_hour", {"start_hour": 24.0}),
        ("channel", {"channels": ("colour",)}),
    ],
)
def test_an_impossible_recording_is_refused_with_a_reason(says: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=says):
        recording(1, **{"index": 1, **wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        {"label_noise": 1.5},
        {"missing_labels": -0.1},
        {"label_skew": 0.0},
        {"device_shift": -1.0},
        {"arrhythmia": -1.0},
        {"label_noise": float("nan")},
    ],
)
def test_an_impossible_knob_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"shares|above 0|multiplies"):
        Knobs(**wrong)


def test_every_channel_name_begins_with_a_kind() -> None:
    assert all(name.partition(":")[0] in KINDS for name in CHANNELS)
