"""Databases of Gadgetbridge, made here with the tables that the app creates; nobody was measured."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.signals.readers.shown import found, series

from holter.device.files import opened
from holter.signals.errors import DataError
from holter.signals.readers import gadgetbridge
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.formats import Options
from holter.signals.recording import SECOND_NS, Recording

FORMAT = gadgetbridge.FORMAT
START = 1_709_582_400  # 2024-03-04 20:00 UTC
DEVICE = (
    'CREATE TABLE "DEVICE" ("_id" INTEGER PRIMARY KEY ,"NAME" TEXT NOT NULL ,'
    '"MANUFACTURER" TEXT NOT NULL ,"IDENTIFIER" TEXT NOT NULL UNIQUE ,"TYPE" INTEGER NOT NULL ,'
    '"MODEL" TEXT,"ALIAS" TEXT)'
)


def table(name: str, *columns: str, key: str = '"TIMESTAMP" ,"DEVICE_ID" ') -> str:
    """A table as the app's generator writes it: integers, one row a moment and device."""
    words = " ,".join(f'"{column}" INTEGER NOT NULL' for column in columns)
    return (
        f'CREATE TABLE IF NOT EXISTS "{name}" ("TIMESTAMP" INTEGER  NOT NULL ,'
        f'"DEVICE_ID" INTEGER  NOT NULL ,"USER_ID" INTEGER NOT NULL ,{words} ,'
        f"PRIMARY KEY ({key}) ON CONFLICT REPLACE) WITHOUT ROWID"
    )


MI_BAND = table("MI_BAND_ACTIVITY_SAMPLE", "RAW_INTENSITY", "STEPS", "RAW_KIND", "HEART_RATE")
BATTERY = (
    'CREATE TABLE "BATTERY_LEVEL" ("TIMESTAMP" INTEGER NOT NULL ,"DEVICE_ID" INTEGER NOT NULL ,'
    '"LEVEL" INTEGER NOT NULL ,"BATTERY_INDEX" INTEGER NOT NULL ,'
    'PRIMARY KEY ("TIMESTAMP" ,"DEVICE_ID" ,"BATTERY_INDEX" ))'
)


def database(path: Path, *schema: str, **rows: Sequence[Sequence[object]]) -> Path:
    base = sqlite3.connect(path)
    for statement in schema:
        base.execute(statement)
    for name, values in rows.items():
        marks = ",".join("?" * len(values[0]))
        base.executemany(f'INSERT INTO "{name}" VALUES ({marks})', values)
    base.commit()
    base.close()
    return path


def read(path: Path) -> list[Recording]:
    with opened(path) as files:
        (group,) = FORMAT.claims(files, [path.name])
        return FORMAT.read(files, group, Options())


def read_one(path: Path) -> Recording:
    (recording,) = read(path)
    return recording


def minutes(number: int) -> list[tuple[int, ...]]:
    """Rows of the Mi Band: pulses 60, 61, ... and ten steps a minute."""
    return [(START + 60 * n, 1, 1, 20, 10, 1, 60 + n) for n in range(number)]


def test_minutes_of_a_band_become_pulse_steps_and_intensity(tmp_path: Path) -> None:
    rows = [(*row[:6], pulse) for row, pulse in zip(minutes(5), (60, 255, -1, 0, 61), strict=True)]
    path = database(tmp_path / "Gadgetbridge.db", DEVICE, MI_BAND, MI_BAND_ACTIVITY_SAMPLE=rows)
    recording = read_one(path)
    assert (recording.source, recording.device_class) == ("Gadgetbridge, Mi Band", "band")
    pulse, steps = series(recording, "heart_rate"), series(recording, "steps")
    assert list(pulse.value) == [60, 61]
    assert list(pulse.time_ns) == [START * SECOND_NS, (START + 240) * SECOND_NS]
    assert list(pulse.until_ns) == list(pulse.time_ns)
    assert list(steps.value) == [10] * 5
    assert set(steps.until_ns - steps.time_ns) == {60 * SECOND_NS}
    assert list(series(recording, "activity_intensity").value) == [20] * 5
    assert found(recording) == {}


def test_tables_in_seconds_and_in_milliseconds_fall_on_the_same_clock(tmp_path: Path) -> None:
    schema = (
        DEVICE,
        BATTERY,
        table("HUAMI_EXTENDED_ACTIVITY_SAMPLE", "RAW_INTENSITY", "STEPS", "RAW_KIND",
              "HEART_RATE", "UNKNOWN1", "SLEEP", "DEEP_SLEEP", "REM_SLEEP"),
        table("HUAMI_STRESS_SAMPLE", "TYPE_NUM", "STRESS"),
        table("HUAMI_SPO2_SAMPLE", "TYPE_NUM", "SPO2"),
        table("HUAMI_HEART_RATE_RESTING_SAMPLE", "UTC_OFFSET", "HEART_RATE"),
        table("HUAMI_HEART_RATE_MAX_SAMPLE", "UTC_OFFSET", "HEART_RATE"),
        table("HUAMI_SLEEP_RESPIRATORY_RATE_SAMPLE", "UTC_OFFSET", "RATE"),
    )  # fmt: skip
    at = START * 1000
    path = database(
        tmp_path / "Gadgetbridge",
        *schema,
        DEVICE=[(7, "Amazfit GTS 3", "Huami", "C4:00:11:22:33:44", 30, None, "Maxines Uhr")],
        HUAMI_EXTENDED_ACTIVITY_SAMPLE=[
            (START + 60 * n, 7, 1, 5, 0, kind, 50, 0, 0, 0, 0)
            for n, kind in enumerate((120, 1, 115, 118, -1))
        ],
        HUAMI_STRESS_SAMPLE=[(at, 7, 1, 1, 33), (at + 1000, 7, 1, 1, 255)],
        HUAMI_SPO2_SAMPLE=[(at, 7, 1, 1, 97)],
        HUAMI_HEART_RATE_RESTING_SAMPLE=[(at, 7, 1, 4, 52)],
        HUAMI_HEART_RATE_MAX_SAMPLE=[(at, 7, 1, 4, 180)],
        HUAMI_SLEEP_RESPIRATORY_RATE_SAMPLE=[(at, 7, 1, 4, 14)],
        BATTERY_LEVEL=[(START, 7, 80, 0)],
    )
    recording = read_one(path)
    assert (recording.source, recording.device_class) == ("Gadgetbridge, Huami", "watch")
    values = {name: list(series(recording, name).value) for name in recording.channels}
    assert values == {
        "activity_intensity": [5] * 5,
        "battery": [80],
        "heart_rate": [50] * 5,
        "respiration_rate": [14],
        "resting_heart_rate": [52],
        "sleep_stage": [4],
        "spo2": [97],
        "steps": [0] * 5,
        "stress_score": [33],
        "worn": [1, 1, 0, 0],
    }
    starts = {series(recording, name).time_ns[0] for name in recording.channels}
    assert starts == {START * SECOND_NS}
    assert found(recording) == {"tables that holter does not read": 1}
    assert "Maxine" not in repr(recording) and "33:44" not in repr(recording)


def test_a_device_and_a_user_are_a_recording_each(tmp_path: Path) -> None:
    rows = [(START, device, user, 20, device, 1, 60) for device, user in ((1, 1), (2, 1), (2, 9))]
    rows[2] = (START + 60, *rows[2][1:])
    path = database(
        tmp_path / "g.db",
        DEVICE,
        MI_BAND,
        BATTERY,
        MI_BAND_ACTIVITY_SAMPLE=rows,
        BATTERY_LEVEL=[(START, 2, 50, 0)],
    )
    recordings = read(path)
    assert [(r.source, r.person) for r in recordings] == [
        ("Gadgetbridge, Mi Band, device 1", "user 1"),
        ("Gadgetbridge, Mi Band, device 2", "user 1"),
        ("Gadgetbridge, Mi Band, device 3", "user 2"),
    ]
    assert ["battery" in r.channels for r in recordings] == [False, True, False]


def test_huawei_marks_the_end_of_a_span_by_a_second_row(tmp_path: Path) -> None:
    columns = ("OTHER_TIMESTAMP", "SOURCE", "RAW_KIND", "RAW_INTENSITY", "STEPS", "CALORIES",
               "DISTANCE", "SPO", "HEART_RATE")  # fmt: skip
    end = START + 1800
    path = database(
        tmp_path / "g.db",
        table("HUAWEI_ACTIVITY_SAMPLE", *columns,
              key='"TIMESTAMP" ,"DEVICE_ID" ,"OTHER_TIMESTAMP" ,"SOURCE" '),
        HUAWEI_ACTIVITY_SAMPLE=[
            (START, 1, 1, end, 10, 7, 0, -1, -1, -1, -1, -1),
            (end, 1, 1, START, 10, 7, 0, -1, -1, -1, -1, -1),
            (end, 1, 1, end + 60, 11, 1, 0, 80, 3, 60, 97, -116),
            (end + 60, 1, 1, end, 11, 1, 0, -1, -1, -1, -1, -1),
        ],
    )  # fmt: skip
    recording = read_one(path)
    stages = series(recording, "sleep_stage")
    assert [stages.names[int(v)] for v in stages.value] == ["deep"]
    assert stages.until_ns[0] - stages.time_ns[0] == 1800 * SECOND_NS
    assert list(series(recording, "steps").value) == [80]
    assert list(series(recording, "heart_rate").value) == [140]
    assert found(recording) == {"rows that mark the end of another, left out": 2}


def test_stages_of_sleep_have_the_codes_and_spans_of_their_family(tmp_path: Path) -> None:
    at = START * 1000
    path = database(
        tmp_path / "g.db",
        table("COLMI_ACTIVITY_SAMPLE", "RAW_KIND", "STEPS", "HEART_RATE", "DISTANCE", "CALORIES"),
        table("COLMI_SLEEP_STAGE_SAMPLE", "DURATION", "STAGE"),
        table("CMF_SLEEP_STAGE_SAMPLE", "DURATION", "STAGE"),
        table("GARMIN_SLEEP_STAGE_SAMPLE", "STAGE"),
        COLMI_SLEEP_STAGE_SAMPLE=[(at, 1, 1, 30, 3), (at + 1, 1, 1, 5, 77)],
        CMF_SLEEP_STAGE_SAMPLE=[(at, 2, 1, 600, 3)],
        GARMIN_SLEEP_STAGE_SAMPLE=[(at, 3, 1, 1)],
    )
    ring, cmf, garmin = read(path)
    spans = []
    for recording in (ring, cmf, garmin):
        rows = series(recording, "sleep_stage")
        seconds = (rows.until_ns[0] - rows.time_ns[0]) // SECOND_NS
        spans.append((recording.device_class, rows.names[int(rows.value[0])], seconds))
    assert spans == [("ring", "deep", 1800), ("watch", "REM", 600), ("watch", "wake", 0)]
    assert found(ring) == {"stages of sleep that are not known, left out": 1}


def test_a_counter_of_the_day_is_not_read_as_steps_of_the_minute(tmp_path: Path) -> None:
    path = database(
        tmp_path / "g.db",
        table("CMF_ACTIVITY_SAMPLE", "RAW_INTENSITY", "STEPS", "RAW_KIND", "HEART_RATE"),
        CMF_ACTIVITY_SAMPLE=[(START, 1, 1, 5, 4000, 1, 60)],
    )
    assert set(read_one(path).channels) == {"activity_intensity", "heart_rate"}


def test_impossible_rows_and_double_rows_are_counted(tmp_path: Path) -> None:
    loose = (
        'CREATE TABLE "MI_BAND_ACTIVITY_SAMPLE" ("TIMESTAMP", "DEVICE_ID", "STEPS", "HEART_RATE")'
    )
    path = database(
        tmp_path / "g.db",
        loose,
        MI_BAND_ACTIVITY_SAMPLE=[
            (START, 1, 10, 60),
            (START, 1, 10, 60),
            (START + 60, 1, 9e9, 250),
            (0, 1, None, 61),
            (-5, 1, None, 61),
            (2**62, 1, None, 61),
            (90_000_000_000, 1, None, 61),
            ("2024-03-04", 1, None, 61),
            (START + 120, 1, "ten", b"\x00" * 10_000_000),
            (START + 180, 1, float("inf"), None),
        ],
    )
    recording = read_one(path)
    pulse, steps = series(recording, "heart_rate"), series(recording, "steps")
    assert list(pulse.value) == [60, 250]
    assert np.isnan(steps.value).tolist() == [False, True, True]
    by_channel = {(f.what, f.channel): f.count for f in recording.findings}
    assert by_channel == {
        ("rows with an impossible time, left out", "heart_rate"): 5,
        ("rows there twice, left out", "heart_rate"): 1,
        ("rows there twice, left out", "steps"): 1,
        ("impossible values, masked", "steps"): 2,
        ("values of steps that are no number, left out", ""): 1,
        ("values of heart_rate that are no number, left out", ""): 1,
    }


def test_views_and_computed_columns_are_never_asked_for(tmp_path: Path) -> None:
    rows = ",".join(f"({START + 60 * n}, 1, 60)" for n in range(3))
    endless = (
        'CREATE VIEW "HUAMI_STRESS_SAMPLE" AS WITH RECURSIVE n(i) AS '
        "(SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        'SELECT i AS "TIMESTAMP", 1 AS "DEVICE_ID", i AS "STRESS" FROM n'
    )
    path = database(
        tmp_path / "g.db",
        endless,
        'CREATE TABLE "MI_BAND_ACTIVITY_SAMPLE" ("TIMESTAMP", "DEVICE_ID", "HEART_RATE", '
        '"STEPS" AS (abs(7)))',
        'CREATE TRIGGER "a" AFTER INSERT ON "MI_BAND_ACTIVITY_SAMPLE" BEGIN '
        'DELETE FROM "MI_BAND_ACTIVITY_SAMPLE" WHERE 0; END',
        f'INSERT INTO "MI_BAND_ACTIVITY_SAMPLE" VALUES {rows}',
    )
    assert set(read_one(path).channels) == {"heart_rate"}


def test_names_that_break_out_of_a_query_are_not_asked_for(tmp_path: Path) -> None:
    path = database(
        tmp_path / "g.db",
        MI_BAND,
        'CREATE TABLE "x"" UNION SELECT 1 --_SAMPLE" ("TIMESTAMP", "DEVICE_ID")',
        MI_BAND_ACTIVITY_SAMPLE=minutes(2),
    )
    assert found(read_one(path)) == {}


def test_reading_changes_nothing_and_any_path_will_do(tmp_path: Path) -> None:
    folder = tmp_path / "100% of #1? äö"
    folder.mkdir()
    path = database(folder / "Gadget?bridge#.db", MI_BAND, MI_BAND_ACTIVITY_SAMPLE=minutes(2))
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    path.chmod(0o400)
    folder.chmod(0o500)
    try:
        assert len(series(read_one(path), "steps").value) == 2
        assert [found.name for found in folder.iterdir()] == [path.name]
        assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    finally:
        folder.chmod(0o700)


def test_a_log_beside_the_database_is_said_not_to_be_read(tmp_path: Path) -> None:
    path = database(tmp_path / "g.db", MI_BAND, MI_BAND_ACTIVITY_SAMPLE=minutes(2))
    (tmp_path / "g.db-wal").write_bytes(b"rows that were not exported")
    with opened(tmp_path) as files:
        (group,) = FORMAT.claims(files, files.names)
        (recording,) = FORMAT.read(files, group, Options())
    assert group == (path.name,)
    assert found(recording) == {"write-ahead log beside the database, not read": 1}


def test_a_database_without_rows_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="without any row"):
        read(database(tmp_path / "g.db", DEVICE, MI_BAND))
    rows = [(START, 1, 1, -1, -1, 1, 255)]
    with pytest.raises(DataError, match="nothing that holter reads"):
        read(database(tmp_path / "h.db", MI_BAND, MI_BAND_ACTIVITY_SAMPLE=rows))


def test_too_many_rows_and_too_much_work_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = database(tmp_path / "g.db", MI_BAND, MI_BAND_ACTIVITY_SAMPLE=minutes(100))
    monkeypatch.setattr(gadgetbridge, "MOST_ROWS", 99)
    with pytest.raises(DataError, match="more than 99 rows"):
        read(path)
    monkeypatch.setattr(gadgetbridge, "_STEPS_A_LOOK", 100)
    monkeypatch.setattr(gadgetbridge, "_MOST_STEPS", 500)
    with pytest.raises(DataError, match="more work than any export"):
        read(path)


def test_a_damaged_database_never_ends_in_another_error(tmp_path: Path) -> None:
    rows = [(START + 60 * n, 1, 1, 20, 10, 1, 60) for n in range(2000)]
    path = database(tmp_path / "g.db", DEVICE, MI_BAND, MI_BAND_ACTIVITY_SAMPLE=rows)
    whole = path.read_bytes()
    dice = np.random.default_rng(5)
    refused = 0
    for number in range(120):
        data = bytearray(whole)
        if number % 3 == 0:
            del data[int(dice.integers(200, len(data))) :]
        else:
            for at in dice.integers(100, len(data), 40):
                data[at] = int(dice.integers(256))
        path.write_bytes(data)
        try:
            with opened(path) as files:
                recordings = FORMAT.read(files, (path.name,), Options())
        except DataError as error:
            refused += 1
            assert "\n" not in str(error)
        else:
            assert recordings
    assert refused >= 40


def test_foreign_and_empty_files_are_not_claimed_and_memory_has_no_path(tmp_path: Path) -> None:
    other = database(tmp_path / "other.db", 'CREATE TABLE "songs" ("name")').read_bytes()
    mine = database(tmp_path / "g.db", MI_BAND).read_bytes()
    files = MemoryFiles(
        {"empty": b"", "notes.txt": b"MI_BAND_ACTIVITY_SAMPLE", "other.db": other, "g.db": mine}
    )
    assert FORMAT.claims(files, files.names) == [("g.db",)]
    with pytest.raises(DataError, match="from a file only"):
        FORMAT.read(files, ("g.db",), Options())


def test_junk_behind_the_mark_of_a_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    path.write_bytes(b"SQLite format 3\0" + b"MI_BAND_ACTIVITY_SAMPLE" * 500)
    with pytest.raises(DataError, match=r"g\.db") as caught:
        read(path)
    assert "\n" not in str(caught.value)
