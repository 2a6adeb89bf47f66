"""FIT files: real ones against fitdecode itself, and small ones written here byte by byte."""

from __future__ import annotations

import random
import struct
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from holter.signals.errors import DataError, ExtraMissing
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.fit import FORMAT
from holter.signals.readers.formats import Options
from holter.signals.recording import SECOND_NS, Recording, Series

fitdecode = pytest.importorskip("fitdecode")

EPOCH = 631_065_600
START = 1_000_000_000  # seconds of FIT: 2021
UINT8, SINT16, UINT16, UINT32, ENUM = 0x02, 0x83, 0x84, 0x86, 0x00
SIZES = {UINT8: "B", SINT16: "h", UINT16: "H", UINT32: "I", ENUM: "B"}
FILE_ID, RECORD, SESSION, ACTIVITY, HRV, MONITORING, INFO = 0, 20, 18, 34, 78, 55, 103
Row = tuple[int, list[tuple[int, int, int]]]  # message, fields (number, type, value)


def fit(rows: list[Row]) -> bytes:
    body = b""
    for message, fields in rows:
        body += struct.pack("<BBBHB", 0x40, 0, 0, message, len(fields))
        body += b"".join(struct.pack("BBB", n, struct.calcsize(SIZES[t]), t) for n, t, _ in fields)
        body += b"\0" + b"".join(struct.pack("<" + SIZES[t], v) for _, t, v in fields)
    return closed(body)


def closed(body: bytes) -> bytes:
    head = struct.pack("<BBHI4s", 12, 0x20, 2100, len(body), b".FIT")
    crc = fitdecode.utils.compute_crc(head + body)
    return head + body + struct.pack("<H", crc)


def file_id(kind: int = 4) -> Row:
    return FILE_ID, [(0, ENUM, kind), (1, UINT16, 1), (2, UINT16, 2697)]


def record(second: int, *fields: tuple[int, int, int]) -> Row:
    return RECORD, [(253, UINT32, second), *fields]


def monitoring(second: int, steps: int, sort: int = 6) -> Row:
    return MONITORING, [(253, UINT32, second), (3, UINT32, steps), (5, ENUM, sort)]


def read(data: bytes, options: Options | None = None) -> Recording:
    return FORMAT.read(MemoryFiles({"a.fit": data}), ("a.fit",), options or Options())[0]


def series(recording: Recording, name: str) -> Series:
    channel = recording.channels[name]
    assert isinstance(channel, Series)
    return channel


def found(recording: Recording) -> dict[str, int]:
    return {finding.what: finding.count for finding in recording.findings}


def test_a_fit_file_is_told_by_its_content_and_not_by_its_name() -> None:
    files = MemoryFiles({"photo.jpg": fit([file_id()]), "b.fit": b"id,value\n" * 9, "c": b""})
    assert list(FORMAT.claims(files, files.names)) == [("photo.jpg",)]


def test_records_become_channels_in_their_kinds_units() -> None:
    rows = [record(START + s, (3, UINT8, 60 + s), (6, UINT16, 2500)) for s in range(3)]
    recording = read(fit([file_id(), *rows]))
    rate = series(recording, "heart_rate")
    assert rate.value.tolist() == [60, 61, 62]
    assert rate.time_ns.tolist() == [(START + s + EPOCH) * SECOND_NS for s in range(3)]
    assert series(recording, "speed").value.tolist() == [2.5] * 3
    assert (recording.zone, recording.device_class) == ("UTC", "watch")


def test_a_running_total_of_distance_becomes_the_distance_of_each_interval() -> None:
    rows = [record(START + s, (5, UINT32, cm)) for s, cm in ((0, 0), (1, 300), (4, 1000))]
    distance = series(read(fit([file_id(), *rows])), "distance")
    assert distance.value.tolist() == [3, 7]
    assert ((distance.until_ns - distance.time_ns) / SECOND_NS).tolist() == [1, 3]


def test_a_distance_that_begins_anew_is_counted() -> None:
    rows = [record(START + s, (5, UINT32, cm)) for s, cm in ((0, 0), (1, 900), (2, 200))]
    recording = read(fit([file_id(), *rows]))
    assert series(recording, "distance").value.tolist() == [9, 2]
    assert found(recording)["running totals of distance that began anew"] == 1


def test_an_impossible_heart_rate_is_masked_and_counted() -> None:
    rows = [record(START + s, (3, UINT8, v)) for s, v in enumerate((70, 3, 71))]
    recording = read(fit([file_id(), *rows]))
    assert np.isnan(series(recording, "heart_rate").value).tolist() == [False, True, False]
    assert found(recording)["impossible values, masked"] == 1


def test_an_empty_field_is_no_value() -> None:
    rows = [record(START + s, (3, UINT8, v)) for s, v in enumerate((70, 255))]
    assert series(read(fit([file_id(), *rows])), "heart_rate").value.tolist() == [70]


def test_a_clock_that_is_set_back_is_sorted_and_counted() -> None:
    rows = [record(START + s, (3, UINT8, 70)) for s in (5, 6, 1, 2)]
    recording = read(fit([file_id(), *rows]))
    assert (np.diff(series(recording, "heart_rate").time_ns) > 0).all()
    assert found(recording)["rows out of order, sorted"] == 1


def test_local_time_of_the_activity_is_the_offset_of_every_row() -> None:
    activity: Row = ACTIVITY, [(253, UINT32, START), (5, UINT32, START - 5 * 3600 + 2)]
    recording = read(fit([file_id(), record(START, (3, UINT8, 70)), activity]))
    assert series(recording, "heart_rate").offset_minutes.tolist() == [-300]


def test_stamps_since_power_on_are_placed_by_the_local_time_and_stay_wall_clock_times() -> None:
    activity: Row = ACTIVITY, [(253, UINT32, 100), (5, UINT32, START)]
    data = fit([file_id(), record(90, (3, UINT8, 70)), activity])
    recording = read(data)
    rate = series(recording, "heart_rate")
    assert recording.zone == ""
    assert rate.time_ns.tolist() == [(START - 10 + EPOCH) * SECOND_NS]
    berlin = series(read(data, Options(zone="Europe/Berlin")), "heart_rate")  # summer time
    assert (rate.time_ns - berlin.time_ns).tolist() == [7200 * SECOND_NS]
    assert berlin.offset_minutes.tolist() == [120]


def test_stamps_since_power_on_without_a_local_time_are_left_out() -> None:
    with pytest.raises(DataError, match="impossible time"):
        read(fit([file_id(), record(90, (3, UINT8, 70))]))


def test_beats_follow_one_another_and_are_placed_anew_after_a_hole() -> None:
    def beats(milliseconds: int) -> Row:
        return HRV, [(0, UINT16, milliseconds)]

    rows = [record(START), beats(800), beats(900), record(START + 100), beats(1000)]
    recording = read(fit([file_id(), *rows]))
    interval = series(recording, "rr_interval")
    assert interval.value.tolist() == [0.8, 0.9, 1.0]
    seconds = interval.time_ns / SECOND_NS - EPOCH - START
    assert seconds.tolist() == pytest.approx([0, 0.9, 100], abs=1e-6)
    assert found(recording)["places where beats are missing, placed anew by the records"] == 1


def test_steps_are_counted_from_midnight_only_if_the_log_begins_there() -> None:
    midnight = START - (START + EPOCH) % 86_400
    for offset, expected in ((0, [100, 20]), (3600, [20])):
        info: Row = INFO, [(253, UINT32, midnight + offset), (0, UINT32, midnight + offset)]
        steps = [monitoring(midnight + 7200, 100), monitoring(midnight + 7260, 120)]
        recording = read(fit([file_id(32), info, *steps]))
        assert series(recording, "steps").value.tolist() == expected
        assert (offset > 0) == any("taken as the start" in what for what in found(recording))


def test_walking_and_running_within_one_interval_are_one_amount() -> None:
    day = START - (START + EPOCH) % 86_400
    info: Row = INFO, [(253, UINT32, day), (0, UINT32, day)]
    rows = [monitoring(day + 60, 10), monitoring(day + 120, 15), monitoring(day + 120, 5, sort=1)]
    steps = series(read(fit([file_id(32), info, *rows])), "steps")
    assert steps.value.tolist() == [10, 10]


def test_cycles_of_a_bicycle_are_no_steps() -> None:
    rows = [monitoring(START, 10, sort=2), monitoring(START + 60, 50, sort=2)]
    with pytest.raises(DataError, match="nothing is recorded"):
        read(fit([file_id(32), *rows]))


def test_short_stamps_wrap_around_after_eighteen_hours() -> None:
    base = START | 0xFFF0
    rows: list[Row] = [(MONITORING, [(253, UINT32, base), (27, UINT8, 60)])]
    rows += [
        (MONITORING, [(26, UINT16, s & 0xFFFF), (27, UINT8, 61)]) for s in (base + 9, base + 99)
    ]
    times = series(read(fit([file_id(32), *rows])), "heart_rate").time_ns
    assert (times // SECOND_NS - EPOCH - base).tolist() == [0, 9, 99]


def test_a_session_is_a_workout_that_lasts_its_elapsed_time() -> None:
    fields = [(253, UINT32, START + 500), (2, UINT32, START), (7, UINT32, 60_000), (5, ENUM, 2)]
    workout = series(read(fit([file_id(), (SESSION, fields)])), "workout")
    assert workout.names == ("cycling",)
    assert (workout.until_ns - workout.time_ns).tolist() == [60 * SECOND_NS]


def test_an_unmeasured_stress_level_is_masked() -> None:
    rows: list[Row] = [(227, [(0, SINT16, v), (1, UINT32, START + v + 9)]) for v in (-2, 40)]
    stress = series(read(fit([file_id(32), *rows])), "stress_score")
    assert np.isnan(stress.value).tolist() == [True, False]


def test_sleep_lasts_until_the_next_stage_and_the_last_end_is_unknown() -> None:
    rows: list[Row] = [
        (275, [(253, UINT32, START + s), (0, ENUM, level)])
        for s, level in ((0, 2), (60, 4), (90, 1))
    ]
    recording = read(fit([file_id(49), *rows]))
    sleep = series(recording, "sleep_stage")
    assert [sleep.names[int(v)] for v in sleep.value] == ["light", "REM", "wake"]
    assert ((sleep.until_ns - sleep.time_ns) // SECOND_NS).tolist() == [60, 30, 0]
    assert found(recording)["last stages of sleep, whose end is not said"] == 1


def test_a_file_of_settings_says_that_nothing_is_recorded_in_it() -> None:
    with pytest.raises(DataError, match="nothing is recorded in this FIT file of type settings"):
        read(fit([file_id(2)]))


@pytest.mark.parametrize("cut", [0, 5, 13, 30, -1])
def test_a_file_that_is_cut_off_is_refused_in_one_line(cut: int) -> None:
    data = fit([file_id(), record(START, (3, UINT8, 70))])[:cut]
    with pytest.raises(DataError) as caught:
        read(data)
    assert "\n" not in str(caught.value)


def test_a_byte_that_changed_is_noticed_by_the_checksum() -> None:
    data = bytearray(fit([file_id(), record(START, (3, UINT8, 70))]))
    data[-3] ^= 1
    with pytest.raises(DataError, match="damaged FIT file"):
        read(bytes(data))


def test_a_missing_library_is_named_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    data = fit([file_id()])
    monkeypatch.setitem(sys.modules, "fitdecode", None)
    with pytest.raises(ExtraMissing) as caught:
        read(data)
    assert caught.value.extra == "fit"


def test_only_data_errors_come_out_of_changed_bytes_even_with_a_right_checksum() -> None:
    activity: Row = ACTIVITY, [(253, UINT32, START), (5, UINT32, START + 3600)]
    rows = [record(START + s, (3, UINT8, 70), (5, UINT32, s)) for s in range(4)]
    beats: Row = HRV, [(0, UINT16, 800)]
    body = fit([file_id(), *rows, beats, monitoring(START + 9, 7), activity])[12:-2]
    dice = random.Random(7)
    outcomes: Counter[bool] = Counter()
    began = time.process_time()
    for _ in range(200):
        changed = bytearray(body)
        for _ in range(dice.randint(1, 4)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        try:
            read(closed(bytes(changed)))
            outcomes[True] += 1
        except DataError as error:
            assert "\n" not in str(error)
            outcomes[False] += 1
    assert outcomes[True] > 20 and outcomes[False] > 20
    assert time.process_time() - began < 20


def _sample(root: Path, name: str) -> bytes:
    return (root / "format_samples" / "fit" / name).read_bytes()


@pytest.mark.recordings
@pytest.mark.parametrize(
    "name",
    ["Activity.fit", "compressed-speed-distance.fit", "garmin-fenix-5-walk.fit",
     "sample-activity-indoor-trainer.fit"],
)  # fmt: skip
def test_every_heart_rate_speed_and_power_of_a_real_activity_is_there(
    data_root: Path, name: str
) -> None:
    counts: Counter[str] = Counter()
    with fitdecode.FitReader(_sample(data_root, name)) as reader:
        for frame in reader:
            if frame.frame_type == fitdecode.FIT_FRAME_DATA and frame.name == "record":
                for field in ("heart_rate", "power", "enhanced_speed", "enhanced_altitude"):
                    counts[field] += frame.get_value(field, fallback=None) is not None
    recording = read(_sample(data_root, name))
    for field, count in counts.items():
        kind = field.removeprefix("enhanced_")
        assert (len(series(recording, kind).value) if count else 0) == count


@pytest.mark.recordings
def test_a_real_day_of_monitoring_has_the_steps_of_its_last_totals(data_root: Path) -> None:
    recording = read(_sample(data_root, "MonitoringFile.fit"))
    steps = series(recording, "steps")
    assert np.nansum(steps.value) == 3142 + 31  # walked and run since local midnight
    assert set(steps.offset_minutes) == {-360}
    assert len(series(recording, "activity_intensity").value) == 335


@pytest.mark.recordings
def test_the_distances_of_a_real_run_add_up_to_what_the_watch_says(data_root: Path) -> None:
    recording = read(_sample(data_root, "compressed-speed-distance.fit"))
    assert np.nansum(series(recording, "distance").value) == pytest.approx(10_248.67, abs=0.1)
    assert recording.zone == ""


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "why"),
    [("activity-settings-corruptheader.fit", "damaged"), ("activity-unexpected-eof.fit", "damaged"),
     ("DeveloperData.fit", "without a time")],
)  # fmt: skip
def test_a_real_file_that_is_broken_or_without_times_is_refused(
    data_root: Path, name: str, why: str
) -> None:
    with pytest.raises(DataError, match=why):
        read(_sample(data_root, name))
