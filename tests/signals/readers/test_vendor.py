"""Vendors' CSV files, written here by hand after their documented header rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from tests.signals.readers.shown import series, told

from holter.signals.errors import DataError
from holter.signals.readers import vendor
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.formats import Format, Options
from holter.signals.recording import SECOND_NS, Recording

BY_NAME: Mapping[str, Format] = {form.name: form for form in vendor.FORMATS}
MINUTE_NS = 60 * SECOND_NS

CYCLES = (
    "Cycle start time,Cycle end time,Cycle timezone,Recovery score %,Resting heart rate (bpm),"
    "Heart rate variability (ms),Skin temp (celsius),Blood oxygen %,Day Strain,"
    "Energy burned (cal),Max HR (bpm),Average HR (bpm),Sleep onset,Wake onset,"
    "Sleep performance %,Respiratory rate (rpm),Asleep duration (min),In bed duration (min),"
    "Light sleep duration (min),Deep (SWS) duration (min),REM duration (min),"
    "Awake duration (min),Sleep need (min),Sleep debt (min),Sleep efficiency %,"
    "Sleep consistency %\n"
)
SLEEPS = (
    "Cycle start time,Cycle end time,Cycle timezone,Sleep onset,Wake onset,Sleep performance %,"
    "Respiratory rate (rpm),Asleep duration (min),In bed duration (min),"
    "Light sleep duration (min),Deep (SWS) duration (min),REM duration (min),"
    "Awake duration (min),Sleep need (min),Sleep debt (min),Sleep efficiency %,"
    "Sleep consistency %,Nap\n"
)
WORKOUTS = (
    "Cycle start time,Cycle end time,Cycle timezone,Workout start time,Workout end time,"
    "Duration (min),Activity name,Activity Strain,Energy burned (cal),Max HR (bpm),"
    "Average HR (bpm),HR Zone 1 %,HR Zone 2 %,HR Zone 3 %,HR Zone 4 %,HR Zone 5 %,GPS enabled\n"
)
TRENDS = (
    "date,Sleep Score,Total Sleep Score,REM Sleep Score,Deep Sleep Score,Total Bedtime,"
    "Total Sleep Time,Awake Time,Bedtime Start,Bedtime End,Average Resting Heart Rate,"
    "Lowest Resting Heart Rate,Average HRV,Temperature Deviation (°C),Respiratory Rate,"
    "Activity Score,Activity Burn,Total Burn,Steps,Readiness Score\n"
)


def read(name: str, tables: Mapping[str, str | bytes], zone: str | None = None) -> Recording:
    files = MemoryFiles({n: t if isinstance(t, bytes) else t.encode() for n, t in tables.items()})
    (group,) = BY_NAME[name].claims(files, files.names)
    (recording,) = BY_NAME[name].read(files, group, Options(zone=zone))
    return recording


def utc(recording: Recording, name: str) -> list[str]:
    times = series(recording, name).time_ns.astype("datetime64[ns]").astype("datetime64[s]")
    return [str(t) for t in times]


@pytest.mark.parametrize("name", [*vendor.VENDORS, "fitbit"])
def test_every_mapping_of_the_package_holds_together(name: str) -> None:
    known = vendor.vendor(name)
    assert known.title
    assert known.device_class in {"ring", "band", "watch"}
    assert all(table.header and table.mapping.channels for table in known.tables)


def test_whoop_cycles_and_sleeps_are_placed_by_their_own_offset() -> None:
    got = read("whoop", {
        "physiological_cycles.csv": CYCLES
        + "2026-07-26 23:52:10,,UTCZ,41,59,42,33.82,97.47,,,,,2026-07-26 23:52:10,2026-07-27 07:52:09,"
          "88,13.8,466,479,277,88,101,13,560,52,97,87\n"
        + "2026-07-26 00:10:39,2026-07-26 23:52:10,UTC+01:00,76,53,54,33.92,97.61,17.8,2725,183,75,"
          "2026-07-26 00:10:39,2026-07-26 07:39:40,86,14.0,427,449,239,110,78,22,508,49,95,81\n",
        "sleeps.csv": SLEEPS
        + "2026-07-26 00:10:39,2026-07-26 23:52:10,UTC+01:00,2026-07-26 00:10:39,2026-07-26 07:39:40,"
          "86,14.0,427,449,239,110,78,22,508,49,95,81,false\n",
    })  # fmt: skip
    assert got.device_class == "band"
    assert got.zone == "UTC"
    assert utc(got, "readiness_score") == ["2026-07-25T23:10:39", "2026-07-26T23:52:10"]
    assert series(got, "readiness_score").value.tolist() == [76, 41]
    assert series(got, "readiness_score").offset_minutes.tolist() == [60, 0]
    assert series(got, "energy:day").value.tolist() == [2725]
    assert series(got, "sleep_duration").value.tolist() == [427]
    assert "rows without an end, taken as moments (1)" in told(got)


def test_whoop_workouts_keep_their_names_even_with_commas() -> None:
    got = read("whoop", {"workouts.csv": WORKOUTS
        + '2026-07-26 00:10:39,,UTC-06:00,2026-07-26 17:47:03,2026-07-26 18:47:03,60,"Basket Weaving, '
          'Underwater",1.0,1137.0,183,147,17,16,42,23,1,false\n'})  # fmt: skip
    workout = series(got, "workout")
    assert workout.names == ("Basket Weaving, Underwater",)
    assert (workout.until_ns - workout.time_ns).tolist() == [60 * MINUTE_NS]
    assert series(got, "heart_rate:workout").value.tolist() == [147]


def test_oura_files_of_both_generations() -> None:
    got = read("oura", {
        "heartrate.csv": "timestamp;bpm;source\n2026-03-05T10:00:00Z;60;awake\n2026-03-05T10:05:00Z;62;rest\n",
        "temperature.csv": "timestamp;skin_temp\n2026-03-05T10:00:00+02:00;33.1\n",
        "sleepmodel.csv":
            "id;average_breath;average_heart_rate;average_hrv;awake_time;bedtime_end;bedtime_start;day;"
            "deep_sleep_duration;efficiency;light_sleep_duration;lowest_heart_rate;rem_sleep_duration;"
            "total_sleep_duration;type\n"
            "a1;14.2;54;65;900;2026-06-01T06:30:00+02:00;2026-05-31T23:15:00+02:00;2026-06-01;5400;92;"
            "13800;48;6000;25200;long_sleep\n"
            "a2;0;0;0;0;2026-06-02T01:00:00+02:00;2026-06-02T00:30:00+02:00;2026-06-02;0;0;0;0;0;0;deleted\n",
        "dailyactivity.csv": "id;active_calories;day;equivalent_walking_distance;score;steps;total_calories\n"
            "c1;432;2026-06-01;8000;80;9500;2400\n",
        "dailyreadiness.csv": "id;contributors;day;score;temperature_deviation;timestamp\n"
            'b1;"{""hrv"": 1, ""x"": 2}";2026-06-01;81;-0.2;2026-06-01T07:00:00+00:00\n',
        "dailysleep.csv": "id;contributors;day;score;timestamp\nd1;{};2026-06-01;79;x\n",
    }, zone="Europe/Berlin")  # fmt: skip
    assert got.device_class == "ring"
    assert series(got, "heart_rate").value.tolist() == [60, 62]
    assert utc(got, "skin_temperature") == ["2026-03-05T08:00:00"]
    assert series(got, "sleep_duration").value.tolist() == [420], "seconds become minutes"
    assert series(got, "sleep_duration").offset_minutes.tolist() == [120]
    assert series(got, "hrv_rmssd").value.tolist() == [65], "deleted sleep is no sleep"
    assert series(got, "steps:day").value.tolist() == [9500]
    assert utc(got, "readiness_score") == ["2026-05-31T22:00:00"]
    assert series(got, "sleep_score").value.tolist() == [79]
    old = read("oura", {"oura_trends.csv": TRENDS
        + "2020-03-04,74,74,34,99,27300,24690,2610,2020-03-03T22:14:42-08:00,2020-03-04T05:49:42-08:00,"
          "56.63,46,69,-0.29,13.75,87,278,2545,5703,67\n2020-03-05,,,,,,,,,,,,,,,,,,5000,\n"})  # fmt: skip
    assert series(old, "sleep_duration").value.tolist() == [411.5]
    assert series(old, "steps:day").value.tolist() == [5703, 5000]
    assert old.zone == ""


def test_withings_lists_of_durations_are_unfolded_in_order() -> None:
    got = read("withings", {
        "raw_tracker_hr.csv": 'start,duration,value\n2026-01-06T12:50:00+01:00,"[60,60,30]","[70,72,0]"\n'
            "2026-01-06T14:00:00+01:00,[60],[75]\n"
            '2026-01-06T15:00:00+01:00,"[60,60]",[75]\n2026-01-06T16:00:00+01:00,60,75\n',
        "raw_tracker_steps.csv": "start,duration,value\n2026-01-06T12:50:00+01:00,[60],[44]\n",
        "raw_tracker_sleep-state.csv": "start,duration,value\n"
            '2026-01-06T23:00:00+01:00,"[600,1200,300,60]","[0,1,2,9]"\n',
        "raw_location_latitude.csv": "start,duration,value\n2026-01-06T12:50:26+01:00,[60],[44.5]\n",
    })  # fmt: skip
    heart = series(got, "heart_rate")
    assert heart.value[:2].tolist() == [70, 72]
    assert np.isnan(heart.value[2])
    assert heart.value[3] == 75
    assert np.diff(heart.time_ns[:3]).tolist() == [MINUTE_NS, MINUTE_NS]
    assert heart.offset_minutes.tolist() == [60] * 4
    assert "lists of durations and values do not fit, left out (2)" in told(got)
    stage = series(got, "sleep_stage")
    assert [stage.names[int(v)] if v == v else "" for v in stage.value] == [
        "wake",
        "light",
        "deep",
        "",
    ]
    assert (stage.until_ns - stage.time_ns).tolist()[:3] == [
        10 * MINUTE_NS,
        20 * MINUTE_NS,
        5 * MINUTE_NS,
    ]
    assert set(got.channels) == {"heart_rate", "steps", "sleep_stage"}, (
        "where someone was is not read"
    )


@pytest.mark.parametrize(("unit", "cell"), [("kg", "80.9"), ("lb", "178.354")])
def test_withings_weight_comes_in_the_unit_that_its_header_names(unit: str, cell: str) -> None:
    text = (f'Date,"Weight ({unit})","Fat mass ({unit})","Bone mass ({unit})","Muscle mass ({unit})",'
            f'"Hydration ({unit})",Comments\n"2026-04-25 08:11:51",{cell},16.02,3.22,61.65,43.93,\n')  # fmt: skip
    got = read("withings", {"weight.csv": text}, zone="Europe/Paris")
    assert series(got, "weight").value.tolist() == pytest.approx([80.9], abs=1e-3)
    assert utc(got, "weight") == ["2026-04-25T06:11:51"]


def test_withings_nights_and_blood_pressure() -> None:
    got = read("withings", {
        "sleep.csv": 'from,to,"light (s)","deep (s)","rem (s)","awake (s)","wake up","Duration to sleep (s)",'
            '"Duration to wake up (s)","Snoring (s)","Snoring episodes","Average heart rate",'
            '"Heart rate (min)","Heart rate (max)","Night events",Notes\n'
            "2026-01-06T23:00:00+01:00,2026-01-07T07:00:00+01:00,12000,6000,6000,600,2,300,60,0,0,54,48,70,,\n",
        "bp.csv": 'Date,"Heart rate",Systolic,Diastolic,Comments\n"2026-01-06 08:15:00",58,121,79,\n'
            '"2026-01-07 08:15:00",58,,,\n',
    }, zone="Europe/Berlin")  # fmt: skip
    assert series(got, "sleep_duration").value.tolist() == [400]
    assert series(got, "blood_pressure_systolic").value.tolist() == [121]


def test_samsung_tables_are_told_by_their_banner_and_keep_utc() -> None:
    heart = (
        "com.samsung.shealth.tracker.heart_rate,7006003,9\n"
        "source,tag_id,com.samsung.health.heart_rate.heart_rate,com.samsung.health.heart_rate.start_time,"
        "com.samsung.health.heart_rate.end_time,com.samsung.health.heart_rate.time_offset,"
        "com.samsung.health.heart_rate.binning_data\n"
        ",21313,80.0,2024-11-20 23:30:00.000,2024-11-20 23:30:59.999,UTC+0100,,\n"
        ",21313,70.0,2024-11-20 23:31:00.000,2024-11-20 23:31:59.999,UTC+0100,,\n,,,,,,\n"
    )
    stages = (
        "com.samsung.health.sleep_stage,7006003,7\nstart_time,sleep_id,stage,time_offset,end_time,datauuid\n"
        "2024-12-22 23:00:00.000,s,40001,UTC+0100,2024-12-22 23:20:00.000,u\n"
        "2024-12-22 23:20:00.000,s,40004,UTC+0100,2024-12-22 23:40:00.000,u\n"
        "2024-12-22 23:40:00.000,s,99999,UTC+0100,2024-12-22 23:50:00.000,u\n"
    )
    weight = ("com.samsung.health.weight,6305010,2\nweight,body_fat,start_time,time_offset,datauuid,\n"
              "71.2,18.5,2026-10-03 05:30:00.000,UTC+0200,w1,\n"
              "74.0,16.0,1970-01-01 00:00:00.000,UTC+0900,w2,\n")  # fmt: skip
    histogram = "com.samsung.shealth.stress.histogram,7006003,2\nbase_hr,score,start_time\n60,1,x\n"
    got = read(
        "samsung", {"hr.csv": heart, "stage.csv": stages, "weight.csv": weight, "h.csv": histogram}
    )
    assert utc(got, "heart_rate") == ["2024-11-20T23:30:00", "2024-11-20T23:31:00"]
    assert series(got, "heart_rate").offset_minutes.tolist() == [60, 60]
    stage = series(got, "sleep_stage")
    assert [stage.names[int(v)] if v == v else "" for v in stage.value] == ["wake", "REM", ""]
    assert series(got, "weight").value.tolist() == [71.2]
    assert "rows with an impossible time, left out (1)" in told(got)
    assert got.zone == "UTC"


def test_tables_of_others_and_texts_and_empty_files_are_not_claimed() -> None:
    files = MemoryFiles({
        "a.csv": b"timestamp,value\n1,2\n", "raw_tracker_hr.csv": b"", "b.csv": b"start,duration,value\n",
        "c.csv": b"\xff\xd8\xff\xe0\0\x10JFIF;bpm", "d.json": b'["timestamp;bpm"]', "e.csv": b"x\0timestamp;bpm\n",
        "g.csv": b"Cycle start time,Cycle end time\n",
    })  # fmt: skip
    for form in vendor.FORMATS:
        assert form.claims(files, files.names) == [], form.name


def test_duplicated_files_and_broken_rows_and_wrong_bytes() -> None:
    text = "timestamp;bpm;source\n2026-03-05T10:00:00Z;60;awake\nbroken\n2026-03-05T10:05:00Z;-3;rest\n"
    got = read("oura", {"a/heartrate.csv": text, "a/heartrate (1).csv": text})
    assert series(got, "heart_rate").value[0] == 60
    for what in ("there twice", "another number of cells", "impossible values"):
        assert what in told(got), what
    for tail, said in (
        (b"\xff", "UTF-8"),
        (b"\0", "zero bytes"),
        (b";" + b"9" * (2 << 20), "no table"),
    ):
        with pytest.raises(DataError, match=said):
            read("oura", {"heartrate.csv": text.encode() + b" " * 9000 + b"\n" + tail})


def test_each_folder_is_one_person() -> None:
    text = b"timestamp;bpm;source\n2026-03-05T10:00:00Z;60;awake\n"
    files = MemoryFiles({"a/heartrate.csv": text, "b/heartrate.csv": text})
    assert BY_NAME["oura"].claims(files, files.names) == [
        ("a/heartrate.csv",),
        ("b/heartrate.csv",),
    ]


def test_a_table_without_rows_and_one_whose_header_changed_are_refused() -> None:
    with pytest.raises(DataError, match="nothing that holter reads"):
        read("oura", {"heartrate.csv": "timestamp;bpm;source\n"})
    files = MemoryFiles({"x.csv": b"a;b\n1;2\n"})
    with pytest.raises(DataError, match="no longer"):
        BY_NAME["oura"].read(files, ("x.csv",), Options())


@pytest.mark.parametrize(
    "text", ["title = 'x'", "not toml", "title='x'\ndevice_class='ring'\n[[table]]\nheader=['a']"]
)
def test_mappings_that_do_not_hold_together_are_refused(text: str) -> None:
    with pytest.raises(DataError):
        vendor.parse(text)
