"""Daily tables of synthetic people: local days, missing runs, and tomorrow partly in today."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest

from holter.signals.kinds import KINDS
from holter.signals.recording import DAY_NS, SECOND_NS, Recording, Series
from holter.simulator.wearers.daily import DEVICES, daily_recording
from holter.simulator.wearers.recorded import Knobs, person

DAYS = 120
NAMES = {
    "steps",
    "distance",
    "energy",
    "active_minutes",
    "sedentary_minutes",
    "sleep_duration",
    "resting_heart_rate",
    "hrv_rmssd",
    "event:tired",
}


@pytest.fixture(scope="session")
def tables() -> list[Recording]:
    """Four months of forty people, made once for all tests."""
    return [daily_recording(3, index, days=DAYS) for index in range(40)]


def _series(found: Recording, name: str) -> Series:
    channel = found.channels[name]
    assert isinstance(channel, Series)
    return channel


def _bits(found: Recording) -> list[bytes]:
    channels = [_series(found, name) for name in found.channels]
    return [c.time_ns.tobytes() + c.until_ns.tobytes() + c.value.tobytes() for c in channels]


def _local_day(rows: Series) -> npt.NDArray[np.int64]:
    """Days since 1970 of the person's own calendar."""
    local = rows.time_ns // SECOND_NS + rows.offset_minutes.astype(np.int64) * 60
    return local // 86_400


def test_a_table_is_the_same_bits_whoever_else_is_drawn(tables: list[Recording]) -> None:
    assert [_bits(daily_recording(3, i, days=DAYS)) for i in (2, 1, 0)] == [
        _bits(tables[i]) for i in (2, 1, 0)
    ]
    assert len({tuple(_bits(found)) for found in tables}) == len(tables)
    assert _bits(daily_recording(4, 0, days=DAYS)) != _bits(tables[0])


def test_every_number_is_a_possible_whole_one_and_the_source_says_synthetic(
    tables: list[Recording],
) -> None:
    for found in tables:
        assert set(found.channels) == NAMES
        assert found.source.startswith("synthetic")
        assert found.device_class in DEVICES
        for name in found.channels:
            channel = _series(found, name)
            kind = KINDS[channel.kind]
            assert (channel.value == np.rint(channel.value)).all(), name
            assert channel.value.min() >= kind.lowest, name
            assert channel.value.max() <= kind.highest, name
    assert {found.device_class for found in tables} == set(DEVICES)


def test_rows_are_local_days_of_the_persons_zone_and_two_a_year_are_odd(
    tables: list[Recording],
) -> None:
    lengths: set[float] = set()
    for index, found in enumerate(tables):
        zone = person(3, index).traits.zone
        assert found.zone == zone
        steps = _series(found, "steps")
        for moment in (*steps.time_ns[[0, -1]], *steps.until_ns[[0, -1]]):
            local = datetime.datetime.fromtimestamp(int(moment) // SECOND_NS, ZoneInfo(zone))
            assert local.time() == datetime.time()
        lengths |= set(((steps.until_ns - steps.time_ns) / DAY_NS * 24).tolist())
        assert (np.diff(_local_day(steps)) >= 1).all()
    assert lengths <= {23.0, 24.0, 25.0}
    assert len(lengths) > 1


def test_a_change_of_clocks_makes_days_of_23_and_25_hours() -> None:
    whole = {24.0}
    for index in range(40):
        if person(3, index).traits.zone == "Europe/Berlin":
            steps = _series(daily_recording(3, index, days=400), "steps")
            whole |= set(((steps.until_ns - steps.time_ns) / DAY_NS * 24).tolist())
    assert whole == {23.0, 24.0, 25.0}


def test_tomorrow_is_partly_in_today_and_no_more_than_partly(tables: list[Recording]) -> None:
    resting, steps = [], []
    for found in tables:
        for name, kept in (("resting_heart_rate", resting), ("steps", steps)):
            rows = _series(found, name)
            next_day = np.diff(_local_day(rows)) == 1
            pair = rows.value[:-1][next_day], rows.value[1:][next_day]
            kept.append(np.corrcoef(*pair)[0, 1])
    assert 0.35 < np.mean(resting) < 0.9
    assert 0.2 < np.mean(steps) < 0.8


def test_people_sleep_longer_on_weekends(tables: list[Recording]) -> None:
    longer = []
    for found in tables:
        rows = _series(found, "sleep_duration")
        weekend = (_local_day(rows) + 3) % 7 >= 5  # 1 January 1970 was a Thursday
        longer.append(rows.value[weekend].mean() - rows.value[~weekend].mean())
    assert 10.0 < np.mean(longer) < 60.0
    assert np.std(longer) > 5.0  # how much is the person's own


def test_days_are_missing_in_runs_and_the_first_is_there(tables: list[Recording]) -> None:
    kept = [len(_series(found, "steps").value) for found in tables]
    assert 0.02 < 1.0 - np.mean(kept) / DAYS < 0.15
    assert min(kept) < 110  # some lose weeks
    gaps = np.concatenate([np.diff(_local_day(_series(found, "steps"))) for found in tables]) - 1
    assert gaps[gaps > 0].mean() > 1.8  # by single days it would be little more than 1


def test_people_wake_tired_after_short_nights(tables: list[Recording]) -> None:
    nights: dict[int, list[float]] = {0: [], 1: []}
    for found in tables:
        sleep, tired = _series(found, "sleep_duration"), _series(found, "event:tired")
        assert tired.names == ("rested", "tired")
        assert np.array_equal(_local_day(tired), _local_day(sleep))
        usual = sleep.value.mean()
        for felt, minutes in zip(tired.value, sleep.value, strict=True):
            nights[int(felt)].append(float(minutes - usual))
    assert np.mean(nights[1]) < np.mean(nights[0]) - 8.0
    assert 0.2 < len(nights[1]) / (len(nights[0]) + len(nights[1])) < 0.5


def test_a_fast_resting_heart_goes_with_a_low_variability_within_a_person(
    tables: list[Recording],
) -> None:
    both = [
        np.corrcoef(
            _series(found, "resting_heart_rate").value, np.log(_series(found, "hrv_rmssd").value)
        )[0, 1]
        for found in tables
    ]
    assert np.mean(both) < -0.2


def test_knobs_change_only_what_they_name(tables: list[Recording]) -> None:
    for index in range(10):
        plain = _series(tables[index], "event:tired")
        noisy = daily_recording(3, index, days=DAYS, knobs=Knobs(label_noise=0.4))
        lacking = daily_recording(3, index, days=DAYS, knobs=Knobs(missing_labels=0.4))
        assert 0.25 < np.mean(plain.value != _series(noisy, "event:tired").value) < 0.55
        share = len(_series(lacking, "event:tired").value) / len(plain.value)
        assert 0.45 < share < 0.75
        for found in (noisy, lacking):
            steps = _series(found, "steps").value
            assert np.array_equal(steps, _series(tables[index], "steps").value)


def test_devices_miscount_unless_they_are_perfect() -> None:
    perfect = daily_recording(3, 5, days=30, knobs=Knobs(device_shift=0.0))
    ratio = [
        _series(daily_recording(3, 5, days=30, knobs=Knobs(device_shift=shift)), "steps").value
        / _series(perfect, "steps").value
        for shift in (1.0, 2.0)
    ]
    assert abs(ratio[0].mean() - 1.0) > 1e-3
    assert ratio[1].mean() - 1.0 == pytest.approx(2.0 * (ratio[0].mean() - 1.0), rel=0.02)
    assert ratio[0].std() < 0.01  # always in the same direction
    sleep = _series(daily_recording(3, 5, days=30), "sleep_duration").value
    assert np.array_equal(sleep, _series(perfect, "sleep_duration").value)


@pytest.mark.parametrize(
    ("says", "wrong"),
    [
        ("days", {"days": 0}),
        ("days", {"days": 4001}),
        ("device", {"device": "hat"}),
        ("negative", {"index": -1}),
        ("negative", {"seed": -1}),
    ],
)
def test_an_impossible_table_is_refused_with_a_reason(says: str, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=says):
        daily_recording(**{"seed": 1, "index": 1, **wrong})
