"""Fitabase tables: people, dates in several orders, minutes, and what does not fit together."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from tests.signals.readers.shown import found, series, told

from holter.device.files import opened
from holter.signals.errors import DataError
from holter.signals.readers import fitabase
from holter.signals.readers.doubtful_dates import NO_DAY, DateTexts, resolve
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.formats import Options
from holter.signals.recording import DAY_NS, SECOND_NS, Recording

STEPS = "Id,ActivityHour,StepTotal\n"
DAILY = (
    "Id,ActivityDate,TotalSteps,TotalDistance,TrackerDistance,LoggedActivitiesDistance,"
    "VeryActiveDistance,ModeratelyActiveDistance,LightActiveDistance,SedentaryActiveDistance,"
    "VeryActiveMinutes,FairlyActiveMinutes,LightlyActiveMinutes,SedentaryMinutes,Calories\n"
)
SLEEP = "Id,SleepDay,TotalSleepRecords,TotalMinutesAsleep,TotalTimeInBed\n"
WEIGHT = "Id,Date,WeightKg,WeightPounds,Fat,BMI,IsManualReport,LogId\n"


def read(tables: Mapping[str, str], zone: str | None = None) -> list[Recording]:
    files = MemoryFiles({name: text.encode() for name, text in tables.items()})
    (group,) = fitabase.FORMAT.claims(files, files.names)
    return fitabase.FORMAT.read(files, group, Options(zone=zone))


def days(recording: Recording, name: str) -> list[str]:
    return [str(np.datetime64(int(t) // DAY_NS, "D")) for t in series(recording, name).time_ns]


def daily(person: str, day: str, steps: int = 100) -> str:
    return f"{person},{day},{steps},1.5,1.5,0,0,0,0,0,10,20,30,600,2000\n"


def resolved(*texts: str, people: list[int] | None = None) -> list[str]:
    made = DateTexts()
    made.add(texts)
    who = np.array(people or [0] * len(texts))
    return [str(np.datetime64(d, "D")) if d != NO_DAY else ""
            for d in resolve({"x.csv": (made, who)})["x.csv"].day.tolist()]  # fmt: skip


def test_a_field_above_twelve_decides_the_order_of_its_style() -> None:
    assert resolved("4/12/2016", "4/13/2016") == ["2016-04-12", "2016-04-13"]
    assert resolved("12.04.2016", "13.04.2016") == ["2016-04-12", "2016-04-13"]


def test_two_styles_in_one_file_may_have_two_orders() -> None:
    got = resolved("12/04/2016 12:00 AM", "4/13/2016 12:00:00 AM", "4/14/2016 12:00:00 AM")
    assert got == ["2016-04-12", "2016-04-13", "2016-04-14"]
    got = resolved("04/12/2016 00:00", "4/13/2016 12:00:00 AM", "04/12/2016 23:00")
    assert got == ["2016-04-12", "2016-04-13", "2016-04-12"]


def test_small_days_are_read_by_their_order_even_against_the_style_of_the_others() -> None:
    # one style, but a spreadsheet turned those rows round that it could read as dates
    assert resolved("12/4/2016", "4/13/2016", "4/14/2016", "1/5/2016")[0] == "2016-04-12"


def test_days_that_follow_one_another_are_read_so_that_they_do() -> None:
    assert resolved("01/04/2016", "02/04/2016", "03/04/2016")[-1] == "2016-04-03"
    assert resolved("04/01/2016", "04/02/2016", "04/03/2016")[-1] == "2016-04-03"


def test_the_order_of_days_is_looked_for_within_each_person() -> None:
    got = resolved("04/01/2016", "04/02/2016", "04/01/2016", "04/02/2016", people=[0, 0, 1, 1])
    assert got == ["2016-04-01", "2016-04-02"] * 2


def test_dates_that_nothing_decides_are_refused_with_the_remedy() -> None:
    with pytest.raises(DataError, match="year-month-day") as caught:
        resolved("04/05/2016")
    assert "x.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_dates_of_another_file_decide_where_the_own_file_does_not() -> None:
    weight = WEIGHT + "1,02/05/2016 11:59 PM,70,154.3,,22,TRUE,1\n"
    steps = STEPS + "1,4/30/2016 1:00:00 AM,5\n1,4/29/2016 1:00:00 AM,6\n"
    (got,) = read({"weightLogInfo_merged.csv": weight, "hourlySteps_merged.csv": steps})
    assert days(got, "weight") == ["2016-05-02"]
    assert "read day first" in told(got)
    with pytest.raises(DataError, match="year-month-day"):
        read({"weightLogInfo_merged.csv": weight})


def test_fitabases_own_way_of_writing_is_month_first_and_said_so() -> None:
    (got,) = read({"s.csv": STEPS + "1,4/5/2016 1:00:00 AM,5\n"})
    assert days(got, "steps:hour") == ["2016-04-05"]
    assert "as the source writes them" in told(got)


def test_year_first_dates_and_the_same_day_twice_need_no_evidence() -> None:
    assert resolved("2016-04-05", "05/05/2016") == ["2016-04-05", "2016-05-05"]
    assert resolved("2016-02-30", "31/31/2016", "next week", "4/13/2016 25:00") == [""] * 4


def test_noon_and_midnight_on_a_twelve_hour_clock() -> None:
    (got,) = read({"s.csv": STEPS + "1,4/13/2016 12:00:00 AM,1\n1,4/13/2016 12:00:00 PM,2\n"})
    assert (series(got, "steps:hour").time_ns % DAY_NS // (3600 * SECOND_NS)).tolist() == [0, 12]


def test_people_are_told_apart_and_their_tables_are_merged() -> None:
    got = read({
        "d.csv": DAILY + daily("8", "4/13/2016") + daily("9", "4/14/2016"),
        "s.csv": SLEEP + "9,4/14/2016 12:00:00 AM,1,400,450\n",
    })  # fmt: skip
    assert [r.person for r in got] == ["8", "9"]
    assert "sleep_duration" not in got[0].channels
    assert series(got[1], "sleep_duration").value.tolist() == [400]
    assert series(got[1], "distance:day").value.tolist() == [1500], "kilometres become metres"
    assert got[0].zone == ""


def test_each_folder_is_an_export_of_its_own() -> None:
    text = (STEPS + "1,4/13/2016 1:00:00 AM,5\n").encode()
    files = MemoryFiles({"march/s.csv": text, "april/s.csv": text, "april/t.csv": text})
    groups = fitabase.FORMAT.claims(files, files.names)
    assert groups == [("april/s.csv", "april/t.csv"), ("march/s.csv",)]


def test_minutes_in_sixty_columns_and_in_rows_are_the_same_series() -> None:
    header = "Id,ActivityHour," + ",".join(f"Steps{m:02d}" for m in range(60)) + "\n"
    wide = header + "1,4/13/2016 1:00:00 AM," + ",".join(map(str, range(60))) + "\n"
    narrow = "Id,ActivityMinute,Steps\n" + "".join(
        f"1,4/13/2016 1:{m:02d}:00 AM,{m}\n" for m in range(60)
    )
    (got,) = read({"w.csv": wide, "n.csv": narrow})
    steps = series(got, "steps")
    assert steps.value.tolist() == list(range(60))
    assert set((steps.until_ns - steps.time_ns).tolist()) == {60 * SECOND_NS}
    assert any(f.what == "rows there twice, left out" and f.count == 60 for f in got.findings)


def test_minutes_of_sleep_and_seconds_of_heart_rate() -> None:
    sleep = "Id,date,value,logId\n" + "".join(
        f"1,4/13/2016 2:{m:02d}:30 AM,{v},7\n" for m, v in enumerate((1, 2, 3, 9))
    )
    heart = "Id,Time,Value\n1,4/13/2016 7:21:00 AM,97\n1,4/13/2016 7:21:05 AM,999\n"
    (got,) = read({"minuteSleep.csv": sleep, "heartrate_seconds.csv": heart})
    stage = series(got, "sleep_stage")
    assert [stage.names[int(v)] if v == v else "" for v in stage.value] == [
        "asleep",
        "wake",
        "wake",
    ]
    assert np.isnan(series(got, "heart_rate").value).tolist() == [False, True]
    assert "stages that Fitabase does not name" in told(got)


def test_an_hour_that_comes_twice_and_a_day_of_23_hours_in_a_zone() -> None:
    rows = DAILY + daily("1", "3/13/2016") + daily("1", "3/14/2016")
    (got,) = read({"d.csv": rows}, zone="America/Chicago")
    steps = series(got, "steps:day")
    assert ((steps.until_ns - steps.time_ns) // (3600 * SECOND_NS)).tolist() == [23, 24]
    assert steps.offset_minutes.tolist() == [-360, -300]
    header = "Id,ActivityMinute,Steps\n"
    twice = "".join(f"1,11/6/2016 1:{m:02d}:00 AM,{v}\n" for v in (1, 2) for m in (0, 30))
    (got,) = read({"n.csv": header + "1,11/13/2016 1:00:00 AM,3\n" + twice}, zone="America/Chicago")
    steps = series(got, "steps")
    assert np.diff(steps.time_ns)[:3].tolist() == [1800 * SECOND_NS] * 3
    assert "comes twice" in told(got)


def test_two_different_rows_of_one_day_are_counted_and_equal_ones_left_out() -> None:
    text = (
        DAILY + daily("1", "4/13/2016") + daily("1", "4/13/2016", 7) + daily("1", "4/14/2016") * 2
    )
    (got,) = read({"d.csv": text})
    assert "days with several rows that differ, all kept (1)" in told(got)
    assert len(series(got, "steps:day").value) == 3


def test_oddities_count_for_the_person_whose_rows_they_are_about() -> None:
    text = (
        DAILY
        + daily("8", "4/13/2016") + daily("8", "4/13/2016", 7) + daily("8", "never")
        + daily("9", "4/5/2016") + daily("9", "4/6/2016") + daily("9", "4/14/2016")
        + daily("9", "4/15/2016").replace(",2000", ",many")
        + ",4/15/2016,1,1.5,1.5,0,0,0,0,0,10,20,30,600,2000\n9,4/16/2016\n"
    )  # fmt: skip
    eight, nine = read({"dailyActivity_of_anna.csv": text})
    wall = "times without a zone, kept as wall-clock times (name their zone)"
    assert found(eight) == {
        "rows with another number of cells than the header, left out": 1,
        "rows without a person, left out": 1,
        "daily activity table: rows whose date cannot be read, left out": 1,
        "daily activity table: days with several rows that differ, all kept": 1,
        "rows there twice, left out": found(eight)["rows there twice, left out"],
        wall: 2,
    }
    doubtful = [what for what in found(nine) if "read two ways" in what]
    assert found(nine) == {doubtful[0]: 2, "cells that are no numbers, left out": 1, wall: 4}
    assert doubtful[0].startswith("daily activity table: dates that can be read two ways")


def test_no_finding_holds_the_name_of_a_file() -> None:
    rows = daily("1", "04/05/2016") + daily("1", "04/13/2016") + daily("1", "04/13/2016", 7)
    (got,) = read({"anna_muster.csv": DAILY + rows})
    assert "read two ways" in told(got) and "several rows" in told(got)
    assert "anna" not in told(got)


def test_rows_out_of_order_are_sorted_and_dates_still_understood() -> None:
    order = [14, 3, 20, 9, 1, 25, 5, 17]
    (got,) = read({"d.csv": DAILY + "".join(daily("1", f"04/{d:02d}/2016") for d in order)})
    assert days(got, "steps:day") == [f"2016-04-{d:02d}" for d in sorted(order)]


def test_kilograms_and_pounds_that_disagree_are_left_out() -> None:
    text = (
        WEIGHT
        + "1,4/13/2016 1:00:00 AM,70,154.32,,22,TRUE,1\n1,4/14/2016 1:00:00 AM,154,70,,22,TRUE,1\n"
    )
    (got,) = read({"w.csv": text})
    assert series(got, "weight").value.tolist() == [70]
    assert "disagree" in told(got)


def test_negative_and_unreadable_cells_are_masked_and_broken_rows_counted() -> None:
    text = (
        STEPS
        + "1,4/13/2016 1:00:00 AM,-5\n1,4/13/2016 2:00:00 AM,many\n1,4/13/2016\n,4/13/2016,1\n1,4/13/20"
    )
    (got,) = read({"s.csv": text + "\n1,4/13/2016 3:00:00 AM,8\n"})
    assert series(got, "steps:hour").value[
        np.isfinite(series(got, "steps:hour").value)
    ].tolist() == [8]
    for what in ("impossible values", "no numbers", "another number of cells", "without a person"):
        assert what in told(got)


def test_ids_that_a_spreadsheet_shortened_are_refused() -> None:
    with pytest.raises(DataError, match="shortened"):
        read({"s.csv": STEPS + "1.50396E+09,4/13/2016 1:00:00 AM,5\n"})


def test_empty_truncated_foreign_and_wrongly_written_files() -> None:
    with pytest.raises(DataError, match="without any row"):
        read({"s.csv": STEPS})
    foreign = MemoryFiles({"a.csv": b"Id,Name\n1,x\n", "b.csv": b"", "c.bin": b"\xff\xd8\xff\xe0",
                           "d.json": b"[{}]"})  # fmt: skip
    assert fitabase.FORMAT.claims(foreign, foreign.names) == []
    for tail, said in ((b"\xff\xfe", "UTF-8"), (b"\0\0", "zero bytes")):
        files = MemoryFiles({"s.csv": STEPS.encode() + b"1,4/13/2016 1:00:00 AM,5" + tail})
        with pytest.raises(DataError, match=said):
            fitabase.FORMAT.read(files, ("s.csv",), Options())
    header = "Id,ActivityHour," + ",".join(f"Steps{m:02d}" for m in range(0, 60, 1) if m != 7)
    with pytest.raises(DataError, match="sixty"):
        read({"w.csv": header + "\n1,4/13/2016 1:00:00 AM" + ",1" * 59 + "\n"})


@pytest.mark.recordings
@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_the_public_set_gives_the_published_counts(data_root: Path, zone: str | None) -> None:
    with opened(data_root / "fitbit_fitabase") as files:
        (group,) = fitabase.FORMAT.claims(files, files.names)
        people = fitabase.FORMAT.read(files, group, Options(zone=zone))
    assert len(group) == 8
    assert len(people) == 33
    rows = {name: sum(len(series(p, name).value) for p in people if name in p.channels)
            for name in ("steps:day", "steps:hour", "energy:hour", "steps", "sleep_duration", "weight")}  # fmt: skip
    assert rows == {"steps:day": 940, "steps:hour": 22_099, "energy:hour": 22_099,
                    "steps": 21_645 * 60, "sleep_duration": 410, "weight": 67}  # fmt: skip
    twice = sum(f.count for p in people for f in p.findings
                if f.channel == "sleep_duration" and "twice" in f.what)  # fmt: skip
    assert rows["sleep_duration"] + twice == 413
    assert sum("sleep_duration" in p.channels for p in people) == 24
    assert sum("weight" in p.channels for p in people) == 8


@pytest.mark.recordings
def test_the_public_sets_doubtful_dates_agree_with_its_certain_ones(data_root: Path) -> None:
    with opened(data_root / "fitbit_fitabase") as files:
        people = fitabase.FORMAT.read(
            files, tuple(n for n in files.names if n.endswith("csv")), Options()
        )
    first, last = datetime.date(2016, 4, 12), datetime.date(2016, 5, 12)
    for name in ("steps:day", "steps:hour", "sleep_duration", "weight"):
        seen = {d for p in people if name in p.channels for d in days(p, name)}
        assert (min(seen), max(seen)) == (str(first), str(last)), name
        assert len(seen) == 31, "every day of the month was recorded by someone"
    # minutes and hours come from files with different spellings and must add up to the same days
    for person in people:
        by_hour, by_minute = series(person, "steps:hour"), series(person, "steps")
        hours = dict(zip(by_hour.time_ns.tolist(), by_hour.value.tolist(), strict=True))
        starts = by_minute.time_ns // (3600 * SECOND_NS) * (3600 * SECOND_NS)
        keys, codes = np.unique(starts, return_inverse=True)
        sums = np.bincount(codes, weights=by_minute.value)
        shared = [
            (hours[k], s) for k, s in zip(keys.tolist(), sums.tolist(), strict=True) if k in hours
        ]
        assert sum(a == b for a, b in shared) > 0.99 * len(shared)
