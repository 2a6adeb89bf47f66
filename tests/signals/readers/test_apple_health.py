"""Exports of Apple Health: the synthetic sample, and small ones that are wrong in one place each."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.signals.readers.apple_export import ECG, FORMAT, PHONE, Q, export, read, read_one, record
from tests.signals.readers.shown import found, series

from holter.device.files import opened
from holter.signals.errors import DataError
from holter.signals.kinds import SLEEP_STAGES
from holter.signals.readers import apple_health
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.formats import Options
from holter.signals.recording import SECOND_NS


@pytest.mark.recordings
def test_the_sample_has_as_many_rows_as_a_tree_of_its_elements(data_root: Path) -> None:
    folder = data_root / "format_samples" / "apple_health_synthetic"
    root = ElementTree.parse(folder / "export.xml").getroot()
    expected = Counter(element.get("type") for element in root.iter("Record"))
    beats = sum(1 for _ in root.iter("InstantaneousBeatsPerMinute"))
    unique_rates = {
        (e.get("startDate"), e.get("value"))
        for e in root.iter("Record")
        if e.get("type") == Q + "HeartRate"
    }
    with opened(folder) as files:
        (group,) = FORMAT.claims(files, files.names)
        (recording,) = FORMAT.read(files, group, Options())
    assert recording.device_class == "watch"
    assert recording.source == "Apple Health, Apple Watch"
    sizes = {name: len(series(recording, name).time_ns) for name in recording.channels}
    assert sizes == {
        "heart_rate": len(unique_rates),
        "hrv_sdnn": expected[Q + "HeartRateVariabilitySDNN"],
        "resting_heart_rate": expected[Q + "RestingHeartRate"],
        "rr_interval": beats,
        "sleep_stage": expected["HKCategoryTypeIdentifierSleepAnalysis"],
        "spo2": expected[Q + "OxygenSaturation"],
        "steps": expected[Q + "StepCount"],
        "workout": sum(1 for _ in root.iter("Workout")),
    }
    mean = np.mean([float(rate or "") for _, rate in unique_rates])
    assert series(recording, "heart_rate").value.mean() == pytest.approx(mean)
    variability = [
        float(e.get("value", ""))
        for e in root.iter("Record")
        if e.get("type") == Q + "HeartRateVariabilitySDNN"
    ]
    assert sorted(series(recording, "hrv_sdnn").value) == sorted(variability)


def test_units_are_brought_to_those_of_the_kind() -> None:
    recording = read_one(
        record(Q + "OxygenSaturation", "0.97", "%"),
        record(Q + "BodyFatPercentage", "0.21", "%"),
        record(Q + "BodyMass", "100", "lb"),
        record(Q + "BodyMass", "50", "kg", at="2024-03-05 08:00:00 +0100"),
        record(Q + "BodyMassIndex", "22.5", "count"),
        record(Q + "DistanceCycling", "2", "km"),
        record(Q + "ActiveEnergyBurned", "4184", "J"),
        record(Q + "BodyTemperature", "98.6", "degF"),
    )
    values = {name: list(series(recording, name).value) for name in recording.channels}
    assert values["spo2"] == [pytest.approx(97)]
    assert values["body_fat"] == [pytest.approx(21)]
    assert values["weight"] == [pytest.approx(45.359237), 50]
    assert values["bmi"] == [22.5]
    assert values["distance:cycling"] == [2000]
    assert values["energy:active"] == [pytest.approx(1)]
    assert values["body_temperature"] == [pytest.approx(37)]


def test_every_row_keeps_its_own_zone_and_the_hour_that_comes_twice_is_told_apart() -> None:
    rate = Q + "HeartRate"
    recording = read_one(
        record(rate, "60", "count/min", at="2024-10-27 02:30:00 +0200"),
        record(rate, "61", "count/min", at="2024-10-27 02:30:00 +0100"),
        record(rate, "62", "count/min", at="2024-10-27 09:00:00 -0930"),
        record(rate, "63", "count/min", at="2024-10-28 05:00:00 +0545"),
    )
    rows = series(recording, "heart_rate")
    assert list(rows.value) == [60, 61, 62, 63]
    assert list(rows.offset_minutes) == [120, 60, -570, 345]
    assert rows.time_ns[1] - rows.time_ns[0] == 3600 * SECOND_NS
    assert recording.zone == "UTC"
    assert found(recording) == {}


def test_watch_phone_and_other_apps_are_recordings_of_their_own() -> None:
    step = Q + "StepCount"
    recordings = read(
        {
            "apple_health_export/exportación.xml": export(
                record(step, "10", source="Uhr von Maxine"),
                record(step, "11", device=PHONE, source="Maxines iPhone"),
                record(step, "12", device="", source="Schrittzähler von Maxine"),
                '<Workout workoutActivityType="HKWorkoutActivityTypeTraditionalStrengthTraining" '
                'sourceName="Uhr von Maxine" startDate="2024-03-05 10:00:00 +0100" '
                'endDate="2024-03-05 10:32:30 +0100"/>',
            )
        }
    )
    assert [(r.source, r.device_class) for r in recordings] == [
        ("Apple Health, Apple Watch", "watch"),
        ("Apple Health, iPhone", "phone"),
        ("Apple Health, other apps", ""),
    ]
    assert [list(series(r, "steps").value) for r in recordings] == [[10], [11], [12]]
    workout = series(recordings[0], "workout")
    assert workout.names == ("traditional strength training",)
    assert workout.until_ns[0] - workout.time_ns[0] == 1950 * SECOND_NS
    assert "Maxine" not in repr(recordings)


def test_stages_of_sleep_are_told_by_name() -> None:
    asleep = "HKCategoryValueSleepAnalysis"
    recording = read_one(
        *(
            record(
                "HKCategoryTypeIdentifierSleepAnalysis",
                asleep + stage,
                at=f"2024-03-04 2{hour}:00:00 +0100",
                until=f"2024-03-04 2{hour}:30:00 +0100",
            )
            for hour, stage in enumerate(("InBed", "AsleepDeep", "AsleepUnspecified", "Dreaming"))
        )
    )
    stages = series(recording, "sleep_stage")
    assert [stages.names[int(v)] for v in stages.value] == ["in bed", "deep", "asleep"]
    assert stages.names == SLEEP_STAGES
    assert found(recording) == {"rows of sleep with a stage that is not known, left out": 1}


@pytest.mark.parametrize(
    "times",
    [
        ("21:00:01.50", "21:00:02.50"),
        ("9:00:01,50 PM", "9:00:02,50 PM"),
        ("20:00:01.50", "20:00:02.50"),  # written in the winter zone of a day in summer
        ("9:00:01.50\u202fPM", "9:00:02.50\u202fPM"),
    ],
)
def test_beats_are_placed_whatever_the_language_and_zone_of_their_clock(
    times: tuple[str, str],
) -> None:
    beats = "".join(
        f'<InstantaneousBeatsPerMinute bpm="{rate}" time="{time}"/>'
        for rate, time in zip((60, 75), times, strict=True)
    )
    row = record(Q + "HeartRateVariabilitySDNN", "44", "ms", until="2024-03-04 21:01:00 +0100")
    recording = read_one(
        row.replace("/>", f"><HeartRateVariabilityMetadataList>{beats}"
                          "</HeartRateVariabilityMetadataList></Record>")
    )  # fmt: skip
    start = series(recording, "hrv_sdnn").time_ns[0]
    intervals = series(recording, "rr_interval")
    assert list((intervals.time_ns - start) / SECOND_NS) == [1.5, 2.5]
    assert list(intervals.value) == [1.0, 0.8]
    assert set(intervals.offset_minutes) == {60}


def test_beats_that_are_not_of_their_record_are_counted() -> None:
    beats = "".join(
        f'<InstantaneousBeatsPerMinute bpm="{bpm}" time="{time}"/>'
        for bpm, time in (("60", "21:07:00.00"), ("0", "21:00:01.00"), ("60", ""))
    )
    row = record(Q + "HeartRateVariabilitySDNN", "44", "ms", until="2024-03-04 21:01:00 +0100")
    recording = read_one(row.replace("/>", f">{beats}</Record>"))
    assert set(recording.channels) == {"hrv_sdnn"}
    assert found(recording) == {
        "beats outside the time of their record, left out": 1,
        "beats without a time or a rate, left out": 2,
    }


def test_what_is_not_read_is_counted_by_rows_and_by_types() -> None:
    recording = read_one(
        record(Q + "StepCount", "10"),
        record(Q + "AppleWalkingSteadiness", "0.9", "%"),
        record(Q + "AppleWalkingSteadiness", "0.8", "%"),
        record("HKCategoryTypeIdentifierAppleStandHour", "HKCategoryValueAppleStandHourStood"),
    )
    assert found(recording) == {
        "rows of types that holter does not read": 3,
        "types that holter does not read": 2,
    }


def test_impossible_values_double_rows_and_odd_rows_are_counted() -> None:
    rate = Q + "HeartRate"
    recording = read_one(
        record(rate, "60", "count/min"),
        record(rate, "60", "count/min"),
        record(rate, "900", "count/min", at="2024-03-04 21:01:00 +0100"),
        record(rate, "much", "count/min"),
        record(rate, "60", "furlong"),
        record(rate, "60", "count/min", at="yesterday"),
        record(rate, "60", "count/min", at="2024-13-04 21:00:00 +0100"),
        record(rate, "60", "count/min", at="2024-03-04 24:00:00 +0100"),
        record(rate, "60", "count/min", at="9999-03-04 21:00:00 +0100"),
        record(rate, "60", "count/min", until="2024-03-04 20:00:00 +0100"),
    )
    assert [value for value in series(recording, "heart_rate").value if value == value] == [60]
    assert found(recording) == {
        "rows of heart_rate without a number, left out": 1,
        "rows of heart_rate in a unit that is not known, left out": 1,
        "rows with an impossible time, left out": 4,
        "rows that end before they begin, left out": 1,
        "rows there twice, left out": 1,
        "impossible values, masked": 1,
    }


def test_rows_within_a_correlation_are_not_read_a_second_time() -> None:
    pressure = record(Q + "BloodPressureSystolic", "120", "mmHg")
    again = pressure.replace('value="120"', 'value="121"')
    after = record(Q + "BloodPressureSystolic", "122", "mmHg", at="2024-03-05 21:00:00 +0100")
    recording = read_one(
        f'<Correlation type="HKCorrelationTypeIdentifierBloodPressure">{again}</Correlation>',
        pressure,
        after,
    )
    assert list(series(recording, "blood_pressure_systolic").value) == [120, 122]
    assert found(recording) == {"rows within correlations, there a second time by themselves": 1}


def test_entities_are_refused_wherever_they_are_declared() -> None:
    bomb = '<!DOCTYPE HealthData [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    with pytest.raises(DataError, match="entities"):
        read_one(record(Q + "StepCount", "1"), dtd=bomb)
    with pytest.raises(DataError, match="entities"):
        read_one(record(Q + "StepCount", "1"), dtd="<!-- HealthData" + " " * 5_000 + "-->" + bomb)
    wide = export(dtd=bomb).decode().encode("utf-16")
    with pytest.raises(DataError, match="entities"):
        FORMAT.read(MemoryFiles({"export.xml": wide}), ("export.xml",), Options())


def test_a_dtd_that_is_not_well_formed_does_not_matter() -> None:
    broken = "<!DOCTYPE HealthData [\n<!ATTLIST Audiogram\n  device CDATA #IMPLIED\n  >>\n]>"
    assert len(series(read_one(record(Q + "StepCount", "1"), dtd=broken), "steps").time_ns) == 1


def test_depth_and_the_size_of_one_element_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="within one another"):
        read_one("<Deep>" * 100_000)
    with pytest.raises(DataError, match="one element of more than"):
        read_one(record(Q + "StepCount", "1" * 4_000_000))
    monkeypatch.setattr(apple_health, "MOST_ROWS", 2)
    minutes = [record(Q + "StepCount", str(n)) for n in range(3)]
    with pytest.raises(DataError, match="more than 2 rows of steps"):
        read_one(*minutes)


@pytest.mark.parametrize(
    "damaged",
    [
        export(record(Q + "StepCount", "1"))[:-20],
        export(record(Q + "StepCount", "1"))[:60],
        export(record(Q + "StepCount", "1")).replace(b"Maxines", b"Maxin\xe9s"),
        export(record(Q + "StepCount", "1")) + b"<more/>",
        b"<?xml version='1.0'?><!-- <HealthData --><ClinicalDocument/>",
    ],
    ids=["cut off", "cut off in its DTD", "not UTF-8", "goes on", "another root"],
)
def test_a_damaged_export_is_refused_in_one_line(damaged: bytes) -> None:
    with pytest.raises(DataError, match="export") as caught:
        FORMAT.read(MemoryFiles({"export.xml": damaged}), ("export.xml",), Options())
    assert "\n" not in str(caught.value)


def test_an_export_without_rows_says_so() -> None:
    with pytest.raises(DataError, match="without any record"):
        read_one("<ExportDate/>")
    with pytest.raises(DataError, match="nothing that holter reads"):
        read_one(record(Q + "AppleWalkingSteadiness", "0.9", "%"))


def test_foreign_and_empty_files_are_not_claimed() -> None:
    files = MemoryFiles(
        {
            "empty.xml": b"",
            "export_cda.xml": b"<?xml version='1.0'?><ClinicalDocument/>",
            "notes.txt": export(),
            "route.gpx": b"<gpx/>",
            "steps.csv": b"date,steps\n2024-01-01,17\n",
            "half.csv": b"Name,Maxine\nSample Rate,512 hertz\nUnit,mV\n1\n",
        }
    )
    assert FORMAT.claims(files, files.names) == []


def test_a_zip_as_the_phone_writes_it_is_read(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("apple_health_export/Export.xml", export(record(Q + "StepCount", "7")))
        archive.writestr("apple_health_export/export_cda.xml", "<ClinicalDocument/>")
        archive.writestr("apple_health_export/electrocardiograms/ecg.csv", ECG)
        archive.writestr("apple_health_export/workout-routes/route.gpx", "<gpx/>")
    (tmp_path / "export.zip").write_bytes(packed.getvalue())
    with opened(tmp_path / "export.zip") as files:
        (group,) = FORMAT.claims(files, files.names)
        (watch,) = FORMAT.read(files, group, Options())
    assert set(watch.channels) == {"steps", "ecg"}
