"""Fitbit's account archive: what a file is, which clock it means, nights, and damaged files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.signals.readers.shown import series, told

from holter.device.files import opened
from holter.signals.errors import DataError
from holter.signals.readers import fitbit
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.formats import Options
from holter.signals.recording import SECOND_NS, Recording

HOUR_NS = 3600 * SECOND_NS
T0 = 1_717_840_800 * SECOND_NS  # 2024-06-08T10:00:00Z


def pulse(stamp: str, bpm: Any, confidence: int = 3) -> dict[str, Any]:
    return {"dateTime": stamp, "value": {"bpm": bpm, "confidence": confidence}}


def bare(stamp: str, value: Any) -> dict[str, Any]:
    return {"dateTime": stamp, "value": value}


def night(start: str, end: str, data: list[tuple[str, str, int]], short: list[tuple[str, str, int]] | None = None,
          log: int = 1, kind: str = "stages") -> dict[str, Any]:  # fmt: skip
    def pieces(said: list[tuple[str, str, int]]) -> list[dict[str, Any]]:
        return [{"dateTime": t, "level": level, "seconds": s} for t, level, s in said]

    levels: dict[str, Any] = {"summary": {}, "data": pieces(data)}
    if short is not None:
        levels["shortData"] = pieces(short)
    return {"logId": log, "dateOfSleep": end[:10], "startTime": start, "endTime": end,
            "minutesAsleep": 400, "timeInBed": 450, "type": kind, "levels": levels}  # fmt: skip


def packed(content: Mapping[str, Any]) -> MemoryFiles:
    return MemoryFiles({name: c if isinstance(c, bytes) else json.dumps(c).encode()
                        for name, c in content.items()})  # fmt: skip


def read(content: Mapping[str, Any], zone: str | None = None) -> Recording:
    files = packed(content)
    (group,) = fitbit.FORMAT.claims(files, files.names)
    (recording,) = fitbit.FORMAT.read(files, group, Options(zone=zone))
    return recording


def test_kinds_are_told_by_content_and_bare_ones_by_their_name() -> None:
    content = {
        "renamed.json": [pulse("06/08/24 10:00:05", 60)],
        "steps-2024-06-08.json": [bare("06/08/24 10:00:00", "7")],
        "other-2024-06-08.json": [bare("06/08/24 10:00:00", "7")],
        "zones.json": [{"dateTime": "06/08/24 00:00:00", "value": {"valuesInZones": {}}}],
        "profile.json": {"dateTime": 1},
        "list.json": [1, 2],
        "empty.json": b"",
        "sleep.json": [night("2024-06-07T23:00:00.000", "2024-06-08T07:00:00.000", [])],
    }
    files = packed(content)
    (group,) = fitbit.FORMAT.claims(files, files.names)
    assert group == ("renamed.json", "sleep.json", "steps-2024-06-08.json")


def test_the_archives_own_folders_belong_to_one_person_and_others_do_not() -> None:
    day = [pulse("06/08/24 10:00:00", 60)]
    files = packed({"a/Global Export Data/h.json": day, "a/Sleep/h.json": day, "b/h.json": day})
    groups = fitbit.FORMAT.claims(files, files.names)
    assert groups == [("a/Global Export Data/h.json", "a/Sleep/h.json"), ("b/h.json",)]


def test_pulse_without_confidence_is_masked_and_counted() -> None:
    got = read({"h.json": [pulse("06/08/24 10:00:00", 60), pulse("06/08/24 10:00:05", 70, 0)]})
    heart = series(got, "heart_rate")
    assert heart.time_ns.tolist() == [T0, T0 + 5 * SECOND_NS]
    assert np.isnan(heart.value).tolist() == [False, True]
    assert "confidence 0), masked (1)" in told(got)
    assert got.zone == "UTC"


def test_minutes_are_utc_and_brought_to_their_units() -> None:
    got = read({
        "steps-2024-06-08.json": [bare("06/08/24 10:00:00", "7")],
        "calories-2024-06-08.json": [bare("06/08/24 10:00:00", "1.48")],
        "distance-2024-06-08.json": [bare("06/08/24 10:00:00", "4120")],
        "altitude-2024-06-08.json": [bare("06/08/24 10:00:00", "20")],
    }, zone="Europe/Berlin")  # fmt: skip
    for name, value in (("steps", 7), ("energy", 1.48), ("distance", 41.2), ("floors", 2)):
        channel = series(got, name)
        assert channel.time_ns.tolist() == [T0]
        assert channel.until_ns.tolist() == [T0 + 60 * SECOND_NS]
        assert channel.value.tolist() == pytest.approx([value])
        assert channel.offset_minutes.tolist() == [120]
    assert got.zone == "Europe/Berlin"


def test_sums_of_days_and_resting_heart_rate_are_local_days() -> None:
    resting = [{"dateTime": f"03/{d}/24 00:00:00", "value": {"date": f"03/{d}/24", "value": v, "error": 6.8}}
               for d, v in ((30, 61.3), (31, 60.9))]  # fmt: skip
    resting.append(
        {"dateTime": "04/01/24 00:00:00", "value": {"date": None, "value": 0.0, "error": 0.0}}
    )
    got = read({
        "resting_heart_rate-2024-03-30.json": resting,
        "very_active_minutes-2024-03-30.json": [bare("03/31/24 00:00:00", "33")],
        "steps-2024-03.json": [bare("03/30/24 00:00:00", "9000"), bare("03/31/24 00:00:00", "8000")],
    }, zone="Europe/Berlin")  # fmt: skip
    rest = series(got, "resting_heart_rate")
    assert ((rest.until_ns - rest.time_ns) // HOUR_NS).tolist() == [24, 23]
    assert "days without a resting heart rate, left out (1)" in told(got)
    assert series(got, "active_minutes:very").value.tolist() == [33]
    assert series(got, "steps:day").value.tolist() == [9000, 8000]
    assert "steps" not in got.channels


def test_sleep_is_wall_clock_time_and_without_a_zone_it_is_said_so() -> None:
    log = night("2024-06-08T12:00:00.000", "2024-06-08T13:00:00.000",
                [("2024-06-08T12:00:00.000", "light", 3600)])  # fmt: skip
    plain, placed = read({"s.json": [log]}), read({"s.json": [log]}, zone="Europe/Berlin")
    assert plain.zone == ""
    assert "wall-clock" in told(plain)
    assert series(plain, "sleep_stage").time_ns.tolist() == [T0 + 2 * HOUR_NS]
    assert series(placed, "sleep_stage").time_ns.tolist() == [T0]
    assert series(placed, "sleep_duration").value.tolist() == [400]


def test_short_wakes_lie_over_the_stages_and_gaps_stay_gaps() -> None:
    log = night("2024-06-08T00:00:00.000", "2024-06-08T03:00:00.000",
                [("2024-06-08T00:00:00.000", "light", 3600), ("2024-06-08T02:00:00.000", "deep", 3600)],
                [("2024-06-08T00:10:00.000", "wake", 60), ("2024-06-08T02:59:30.000", "wake", 30)])  # fmt: skip
    stage = series(read({"s.json": [log]}), "sleep_stage")
    names = [stage.names[int(v)] for v in stage.value]
    assert names == ["light", "wake", "light", "deep", "wake"]
    lasting = ((stage.until_ns - stage.time_ns) // SECOND_NS).tolist()
    assert lasting == [600, 60, 2940, 3570, 30]
    assert (stage.time_ns[1:] >= stage.until_ns[:-1]).all()


def test_classic_sleep_knows_asleep_and_counts_restless_as_wake() -> None:
    log = night("2024-06-08T00:00:00.000", "2024-06-08T01:00:00.000",
                [("2024-06-08T00:00:00.000", "asleep", 60), ("2024-06-08T00:01:00.000", "restless", 60),
                 ("2024-06-08T00:02:00.000", "dreaming", 60)], kind="classic")  # fmt: skip
    got = read({"s.json": [log]})
    stage = series(got, "sleep_stage")
    assert [stage.names[int(v)] for v in stage.value] == ["asleep", "wake"]
    assert "pieces of sleep that cannot be read, left out (1)" in told(got)


def test_a_night_on_which_clocks_go_back_is_an_hour_longer() -> None:
    log = night("2024-10-26T23:00:00.000", "2024-10-27T07:00:00.000",
                [("2024-10-26T23:00:00.000", "light", 9 * 3600)])  # fmt: skip
    span = series(read({"s.json": [log]}, zone="Europe/Berlin"), "time_in_bed")
    assert ((span.until_ns - span.time_ns) // HOUR_NS).tolist() == [9]


def test_days_that_overlap_between_files_are_counted_once() -> None:
    day = [pulse("06/08/24 10:00:00", 60), pulse("06/08/24 10:00:05", 61)]
    log = night("2024-06-08T00:00:00.000", "2024-06-08T01:00:00.000",
                [("2024-06-08T00:00:00.000", "light", 3600)])  # fmt: skip
    csv = b"timestamp,beats per minute,data source\n2024-06-08T10:00:05Z,61.0,Watch\n2024-06-08T10:00:10Z,62,W\n"
    got = read({"a.json": day, "b.json": day[1:], "s1.json": [log], "s2.json": [log],
                "Physical Activity_GoogleData/heart_rate_2024-06-08.csv": csv})  # fmt: skip
    assert series(got, "heart_rate").value.tolist() == [60, 61, 62]
    assert len(series(got, "sleep_stage").value) == 1
    assert "sleep logs there twice, the last one kept (1)" in told(got)


def test_rows_out_of_order_and_impossible_values_and_stamps() -> None:
    got = read({"h.json": [pulse("06/08/24 10:00:05", 61), pulse("06/08/24 10:00:00", 60),
                           pulse("13/40/24 10:00:00", 60), pulse("06/08/24 10:00:10", -4),
                           pulse("06/08/24 10:00:15", "many"), pulse("06/08/24 10:00:20", True),
                           {"dateTime": "06/08/24 10:00:25"}, "junk", {"value": {"bpm": 60}}]})  # fmt: skip
    heart = series(got, "heart_rate")
    assert heart.value[~np.isnan(heart.value)].tolist() == [60, 61]
    for what in (
        "out of order",
        "impossible time",
        "impossible values",
        "without a number",
        "no objects",
    ):
        assert what in told(got), what


def test_four_digit_years_and_two_digit_years_of_both_centuries() -> None:
    got = read({"h.json": [pulse("06/24/95 16:00:10", 60), pulse("06/08/24 10:00:00", 61),
                           pulse("2024-06-08T10:00:05.000", 62)]})  # fmt: skip
    years = series(got, "heart_rate").time_ns.astype("datetime64[ns]").astype("datetime64[Y]")
    assert years.astype(str).tolist() == ["1995", "2024", "2024"]


def test_takeouts_tables_are_read_beside_the_json_files() -> None:
    got = read({
        "Heart Rate Variability/Heart Rate Variability Details - 2024-06-08.csv":
            b"timestamp,rmssd,coverage,low_frequency,high_frequency\n2024-06-08T03:00:00,40.5,0.9,100,200\n",
        "Heart Rate Variability/Daily Respiratory Rate Summary - 2024-06-08.csv":
            b"timestamp,daily_respiratory_rate\n2024-06-08T00:00:00,15.2\n",
        "Oxygen Saturation (SpO2)/Minute SpO2 - 2024-06-08.csv":
            b"timestamp,value\n2024-06-08T07:00:00Z,95\n2024-06-08T07:01:00Z,50.0\n",
        "Oxygen Saturation (SpO2)/Daily SpO2 - 2024-06-08.csv":
            b"timestamp,average_value,lower_bound,upper_bound\n2024-06-08T00:00:00Z,96.5,94,98\n",
        "steps-2024-06-08.json": [bare("06/08/24 10:00:00", "7")],
    }, zone="Europe/Berlin")  # fmt: skip
    assert series(got, "hrv_rmssd").value.tolist() == [40.5]
    assert series(got, "respiration_rate:day").value.tolist() == [15.2]
    assert np.isnan(series(got, "spo2").value).tolist() == [False, True], "50 means not measured"
    assert series(got, "spo2:day").value.tolist() == [96.5]
    assert series(got, "steps").value.tolist() == [7]


@pytest.mark.parametrize(
    "damage", [b'[{"dateTime" : "06/08/24 10:00:00", "value" : {"bpm" : 60, "conf',
               b'[{"dateTime":"06/08/24 10:00:00","value":{"bpm":60}}, \xff\xfe]',
               b'[{"dateTime":"06/08/24 10:00:00","value":{"bpm":60}}, ' + b"[" * 100_000,
               b'[{"dateTime":"06/08/24 10:00:00","value":{"bpm":60}}, ' + b"9" * 9_000 + b"]"],
    ids=["cut off", "not UTF-8", "nested without end", "a number without end"],
)  # fmt: skip
def test_damaged_files_are_refused_in_one_line(damage: bytes) -> None:
    with pytest.raises(DataError) as caught:
        read({"h.json": damage})
    assert "\n" not in str(caught.value)


def test_a_damaged_file_is_left_out_and_counted_and_the_others_are_read() -> None:
    cut_off = b'[{"dateTime" : "06/08/24 10:00:00", "value" : {"bpm" : 60, "conf'
    day = [pulse("06/08/24 10:00:00", 61)]
    got = read({"a.json": cut_off, "b.json": day, "c.json": cut_off})
    assert series(got, "heart_rate").value.tolist() == [61]
    assert "left out (2)" in told(got)
    one = read({"b.json": day, "c.json": cut_off})
    assert "left out (1)" in told(one)


def test_an_archive_of_nothing_but_damaged_files_is_refused_by_name() -> None:
    cut_off = b'[{"dateTime" : "06/08/24 10:00:00", "value" : {"bpm" : 60, "conf'
    with pytest.raises(DataError, match=r"a\.json and 1 more: damaged"):
        read({"a.json": cut_off, "b.json": cut_off})


def test_an_archive_without_any_value_is_refused() -> None:
    with pytest.raises(DataError, match="nothing that holter reads"):
        read({"h.json": [pulse("99/99/99 10:00:00", 60)]})


@pytest.mark.recordings
def test_the_sample_archive_gives_its_own_totals(data_root: Path) -> None:
    with opened(data_root / "format_samples" / "fitbit_json") as files:
        (group,) = fitbit.FORMAT.claims(files, files.names)
        (got,) = fitbit.FORMAT.read(files, group, Options(zone="America/Chicago"))
    assert len(group) == 4
    sizes = {name: len(series(got, name).value) for name in ("energy", "heart_rate", "steps")}
    assert sizes == {"energy": 47, "heart_rate": 201, "steps": 34}
    assert int(np.isnan(series(got, "heart_rate").value).sum()) == 4
    assert series(got, "sleep_duration").value.tolist() == [73, 236]
    stage = series(got, "sleep_stage")
    minutes = (stage.until_ns - stage.time_ns) / (60 * SECOND_NS)
    later = stage.time_ns > stage.time_ns[0] + 24 * HOUR_NS  # the log with stages
    assert float(minutes[~later].sum()) == 79
    assert float(minutes[later & (stage.value == stage.names.index("asleep"))].sum()) == 0
    sums = {n: float(minutes[later & (stage.value == stage.names.index(n))].sum())
            for n in ("deep", "light", "REM", "wake")}  # fmt: skip
    # Fitbit's summary: deep 59, light 143, rem 34, wake 32 minutes, each rounded down
    for name, summary in (("deep", 59), ("light", 143), ("REM", 34), ("wake", 32)):
        assert sums[name] == pytest.approx(summary, abs=1.5), sums
