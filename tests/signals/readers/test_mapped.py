"""Any table by a mapping: what is read, what is masked and counted, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.signals.readers.apple_export import Q, export, record
from tests.signals.readers.shown import found, series, waveform

from holter.device.exports import recordings_of
from holter.signals.errors import DataError
from holter.signals.readers import mapped, mapping_words, recognise
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.formats import Options
from holter.signals.recording import SECOND_NS, Recording

T0 = 1_772_352_000 * SECOND_NS  # 2026-03-01T08:00:00Z
PULSE = {"time": {"column": "t"}, "channels": [{"kind": "heart_rate", "column": "hr"}]}


def read_all(
    content: Mapping[str, bytes], mapping: Mapping[str, Any], zone: str | None = None
) -> list[Recording]:
    files, options = MemoryFiles(content), Options(zone=zone, mapping=mapping)
    return [
        recording
        for group in recognise.recognise(files, options)
        for recording in recognise.read(files, group, options)
    ]


def read(
    text: str | bytes, mapping: Mapping[str, Any] = PULSE, zone: str | None = None
) -> Recording:
    data = text if isinstance(text, bytes) else text.encode()
    (recording,) = read_all({"table.csv": data}, mapping, zone)
    return recording


def test_a_plain_table_becomes_a_series_in_order_of_time() -> None:
    got = read("t,hr\n2026-03-01T08:00:10Z,61\n2026-03-01T08:00:00Z,60\n")
    heart = series(got, "heart_rate")
    assert heart.time_ns.tolist() == [T0, T0 + 10 * SECOND_NS]
    assert heart.value.tolist() == [60.0, 61.0]
    assert got.zone == "UTC"
    assert found(got)["rows out of order, sorted"] == 1


def test_wall_clock_times_need_a_zone_or_stay_as_they_are_and_are_counted() -> None:
    text = "t,hr\n2026-03-01 09:00:00,60\n"
    assert series(read(text, zone="Europe/Berlin"), "heart_rate").time_ns.tolist() == [T0]
    plain = read(text)
    assert plain.zone == ""
    assert series(plain, "heart_rate").time_ns.tolist() == [T0 + 3600 * SECOND_NS]
    assert [f.count for f in plain.findings if "wall-clock" in f.what] == [1]


def test_an_hour_that_comes_twice_is_told_apart_by_order() -> None:
    rows = "".join(f"2026-10-25 0{h}:{m}:00,{v}\n" for h, m, v in
                   ((2, "10", 60), (2, "50", 61), (2, "10", 62), (3, "10", 63)))  # fmt: skip
    heart = series(read("t,hr\n" + rows, zone="Europe/Berlin"), "heart_rate")
    assert np.diff(heart.time_ns).tolist() == [2400 * SECOND_NS, 1200 * SECOND_NS, 3600 * SECOND_NS]
    assert heart.offset_minutes.tolist() == [120, 120, 60, 60]


def test_an_hour_that_does_not_exist_is_moved_on_and_counted() -> None:
    got = read("t,hr\n2026-03-29 02:30:00,60\n2026-03-29 03:40:00,61\n", zone="Europe/Berlin")
    assert np.diff(series(got, "heart_rate").time_ns).tolist() == [600 * SECOND_NS]
    assert any("does not exist" in what for what in found(got))


@pytest.mark.parametrize(
    ("form", "cell"),
    [("s", "1772352000"), ("ms", "1772352000000"), ("us", "1772352000000000"),
     ("ns", "1772352000000000000"), ("s", "1772352000.000"), ("%d.%m.%Y %H:%M", "01.03.2026 08:00"),
     ("%Y-%m-%dT%H:%M:%S%z", "2026-03-01T10:00:00+0200")],
)  # fmt: skip
def test_each_form_of_time_gives_the_same_moment(form: str, cell: str) -> None:
    mapping = {**PULSE, "time": {"column": "t", "as": form}}
    assert series(read(f"t,hr\n{cell},60\n", mapping, "UTC"), "heart_rate").time_ns.tolist() == [T0]


def test_date_and_time_in_two_columns_are_joined() -> None:
    mapping = {**PULSE, "time": {"columns": ["d", "t"], "as": "%d/%m/%Y %H:%M:%S"}}
    got = read("d,t,hr\n01/03/2026,08:00:00,60\n", mapping, "UTC")
    assert series(got, "heart_rate").time_ns.tolist() == [T0]


def test_a_column_of_offsets_places_wall_clock_times() -> None:
    mapping = {**PULSE, "offset": {"column": "z"}}
    text = ("t,z,hr\n2026-03-01 10:00:00,UTC+0200,60\n2026-03-01 03:00:00,-05:00,61\n"
            "2026-03-01 08:00:00,UTCZ,62\n2026-03-01 09:00:00,Europe/Berlin,63\n"
            "2026-03-01 09:00:00,PST,64\n")  # fmt: skip
    got = read(text, mapping)
    heart = series(got, "heart_rate")
    assert heart.time_ns.tolist() == [T0] * 4
    assert sorted(heart.offset_minutes.tolist()) == [-300, 0, 60, 120]
    assert found(got)["rows whose offset from UTC cannot be read, left out"] == 1


def test_an_hour_that_comes_twice_is_told_apart_in_a_column_of_zones_too() -> None:
    mapping = {**PULSE, "offset": {"column": "z"}}
    berlin = [f"2026-10-25 02:{m}:00,Europe/Berlin,{v}" for m, v in ((10, 60), (50, 61), (10, 62))]
    got = read("t,z,hr\n" + "\n".join(berlin) + "\n", mapping)
    heart = series(got, "heart_rate")
    assert np.diff(heart.time_ns).tolist() == [2400 * SECOND_NS, 1200 * SECOND_NS]
    assert heart.offset_minutes.tolist() == [120, 120, 60]
    assert any("comes twice" in what for what in found(got))


def test_utc_times_keep_their_moment_and_the_offset_says_which_day() -> None:
    mapping = {**PULSE, "time": {"column": "t", "utc": True}, "offset": {"column": "z"}}
    heart = series(read("t,z,hr\n2026-03-01 08:00:00,UTC+0200,60\n", mapping), "heart_rate")
    assert heart.time_ns.tolist() == [T0]
    assert heart.offset_minutes.tolist() == [120]


def test_days_end_at_the_next_midnight_also_when_clocks_change() -> None:
    mapping = {"time": {"column": "day"}, "until": {"days": 1},
               "channels": [{"kind": "steps", "column": "n"}]}  # fmt: skip
    steps = series(read("day,n\n2026-03-28,1\n2026-03-29,2\n", mapping, "Europe/Berlin"), "steps")
    hours = (steps.until_ns - steps.time_ns) // (3600 * SECOND_NS)
    assert hours.tolist() == [24, 23]


def test_durations_and_ends_are_read_and_open_ends_are_counted() -> None:
    lasting = {**PULSE, "until": {"column": "min", "unit": "min"}}
    heart = series(read("t,min,hr\n2026-03-01T08:00:00Z,1.5,60\n", lasting), "heart_rate")
    assert heart.until_ns.tolist() == [T0 + 90 * SECOND_NS]
    ends = {**PULSE, "until": {"column": "e"}}
    got = read("t,e,hr\n2026-03-01T08:00:00Z,,60\n", ends)
    assert series(got, "heart_rate").until_ns.tolist() == [T0]
    assert found(got)["rows without an end, taken as moments"] == 1


def test_units_are_brought_to_the_kinds_also_row_by_row() -> None:
    mapping = {"time": {"column": "t"}, "channels": [
        {"kind": "weight", "column": "w", "unit_column": "u"},
        {"kind": "distance", "column": "d", "unit": "mi"},
    ]}  # fmt: skip
    got = read("t,w,u,d\n2026-03-01T08:00:00Z,70,kg,1\n2026-03-02T08:00:00Z,154.3,lb,2\n"
               "2026-03-03T08:00:00Z,11,stone,3\n", mapping)  # fmt: skip
    weight = series(got, "weight").value
    assert weight[:2].tolist() == pytest.approx([70.0, 69.989], abs=1e-3)
    assert np.isnan(weight[2])
    assert series(got, "distance").value.tolist() == pytest.approx([1609.344, 3218.688, 4828.032])
    assert any("unit that cannot" in what for what in found(got))


def test_impossible_values_and_cells_that_are_no_numbers_are_masked_and_counted() -> None:
    got = read("t,hr\n" + "".join(f"2026-03-01T08:00:0{i}Z,{v}\n" for i, v in
               enumerate(("60", "-5", "9999", "abc", "1_0", "inf"))))  # fmt: skip
    assert np.isnan(series(got, "heart_rate").value).tolist() == [False] + [True] * 5
    assert found(got)["impossible values, masked"] == 2
    assert found(got)["cells that are no numbers, masked"] == 3


def test_empty_cells_are_no_rows_and_missing_marks_are_masked() -> None:
    mapping = {
        **PULSE,
        "channels": [{"kind": "heart_rate", "column": "hr", "missing": ["-1", "255"]}],
    }
    got = read("t,hr\n2026-03-01T08:00:00Z,\n2026-03-01T08:00:01Z,-1\n2026-03-01T08:00:02Z,60\n",
               mapping)  # fmt: skip
    assert np.isnan(series(got, "heart_rate").value).tolist() == [True, False]
    assert found(got) == {"values that mean not measured, masked": 1}


def test_missing_marks_are_counted_in_arrays_categories_axes_and_lists() -> None:
    def marks(data: bytes, name: str, mapping: Mapping[str, Any]) -> int:
        (got,) = read_all({name: data}, {"time": {"column": "t", "as": "s"}, **mapping})
        return found(got)["values that mean not measured, masked"]

    held = io.BytesIO()
    np.savez(held, t=np.arange(3) + 1_772_352_000, hr=np.array([60, 255, 255]))
    heart = {"kind": "heart_rate", "column": "hr", "missing": ["255", "none"]}
    assert marks(held.getvalue(), "a.npz", {"channels": [heart]}) == 2
    stage = {"kind": "sleep_stage", "column": "s", "names": {"1": "wake"}, "missing": ["9"]}
    assert marks(b"t,s\n1772352000,1\n1772352030,9\n", "a.csv", {"channels": [stage]}) == 1
    axes = {"kind": "acceleration", "columns": ["x", "y", "z"], "stamped": True, "missing": ["-9"]}
    text = b"t,x,y,z\n1772352000,0,-9,1\n1772352001,0,0,1\n1772352002,-9,-9,1\n"
    assert marks(text, "a.csv", {"channels": [axes]}) == 3
    lists = {"lists": True, "until": {"column": "d", "unit": "s"}, "channels": [heart]}
    assert marks(b't,d,hr\n1772352000,"[1,1,1]","[60,255,61]"\n', "a.csv", lists) == 1


def test_a_mark_counts_only_in_the_rows_of_its_channel() -> None:
    mapping = {"time": {"column": "t", "as": "s"}, "channels": [
        {"kind": "heart_rate", "column": "v", "missing": ["0"], "only": {"what": ["hr"]}}]}  # fmt: skip
    got = read("t,v,what\n1772352000,0,hr\n1772352001,0,steps\n1772352002,60,hr\n", mapping)
    assert found(got) == {"values that mean not measured, masked": 1}


def test_a_header_without_rows_and_an_empty_file_are_refused() -> None:
    with pytest.raises(DataError, match="nothing that holter reads"):
        read("t,hr\n")
    assert mapped.FORMAT.claims(MemoryFiles({"a": b" \n\n"}), ["a"]) == []
    with pytest.raises(DataError, match="is empty"):
        mapped.FORMAT.read(MemoryFiles({"a": b""}), ("a",), Options(mapping=PULSE))


def test_a_column_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(DataError, match="no column 'hr'; the nearest is 'hrt'"):
        read("t,hrt\n2026-03-01T08:00:00Z,60\n")


def test_years_that_no_clock_shows_are_left_out_and_counted() -> None:
    got = read("t,hr\n9999-12-31T23:59:59Z,60\n0001-01-01T00:00:00Z,61\n2026-03-01T08:00:00Z,62\n")
    assert series(got, "heart_rate").value.tolist() == [62]
    assert found(got)["rows with an impossible time, left out"] == 2


def test_times_that_do_not_fit_their_form_are_refused() -> None:
    with pytest.raises(DataError, match="column of times"):
        read("t,hr\n1772352000,60\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [({"tme": {}}, "nearest is 'time'"), ({"time": {"colum": "t"}}, "nearest is 'column'"),
     ({"channels": [{"kind": "heartrate", "column": "x"}]}, "nearest is 'heart_rate'"),
     ({"channels": [{"kind": "heart_rate", "column": "x", "unit": "furlong"}]}, "cannot be brought"),
     ({"channels": []}, "at least one"), ({"time": {"column": 3}}, "wrong type"),
     ({"encoding": "zip"}, "one of"), ({"delimiter": ";;"}, "one character"),
     ({"skip_rows": True}, "wrong type"), ({"until": {"days": 1, "seconds": 2}}, "one of"),
     ({"channels": [{"kind": "sleep_stage", "column": "s", "names": {"1": "rem"}}]}, "nearest is"),
     ({"channels": [{"kind": "acceleration", "columns": ["x", "y", "z"]}]}, "stamped or rate_hz"),
     ({"channels": ["heart_rate"]}, "table of words"), ({"lists": True}, "lists needs until")],
)  # fmt: skip
def test_a_wrong_word_in_a_mapping_is_named(words: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        mapping_words.read_mapping({**PULSE, **words})


def test_categories_are_named_and_unknown_ones_masked() -> None:
    mapping = {"time": {"column": "t"}, "channels": [
        {"kind": "sleep_stage", "column": "s", "names": {"1": "light", "5": "REM"}},
        {"kind": "activity", "column": "a", "names": "cells"}]}  # fmt: skip
    got = read("t,s,a\n2026-03-01T08:00:00Z,5,walk\n2026-03-01T08:01:00Z,9,sit\n", mapping)
    stage = series(got, "sleep_stage")
    assert stage.names[int(stage.value[0])] == "REM"
    assert np.isnan(stage.value[1])
    assert series(got, "activity").names == ("walk", "sit")
    assert any("does not name" in what for what in found(got))


def test_two_different_channels_of_one_name_are_refused() -> None:
    slow, fast = {"kind": "ppg", "column": "a"}, {"kind": "ppg", "column": "a", "stamped": True}
    other = {"kind": "heart_rate", "column": "a", "name": "ppg"}
    text = "t,a\n2026-03-01T08:00:00Z,60\n2026-03-01T08:00:01Z,60\n"
    for second in (fast, other):
        with pytest.raises(DataError, match="two different channels are called ppg"):
            read(text, {"time": {"column": "t"}, "channels": [slow, second]})


def test_an_optional_channel_without_its_unit_or_condition_is_not_read() -> None:
    mapping = {"time": {"column": "t"}, "channels": [
        {"kind": "heart_rate", "column": "hr"},
        {"kind": "weight", "column": "w", "unit_column": "u", "optional": True},
        {"kind": "spo2", "column": "w", "only": {"what": ["spo2"]}, "optional": True}]}  # fmt: skip
    text = "t,hr,w{}\n2026-03-01T08:00:00Z,60,95{}\n2026-03-01T08:00:01Z,60,70{}\n"
    assert set(read(text.format("", "", ""), mapping).channels) == {"heart_rate"}
    got = read(text.format(",what", ",spo2", ",other"), mapping)
    assert series(got, "spo2").value.tolist() == [95]


def test_several_people_become_several_recordings() -> None:
    mapping = {**PULSE, "person": {"column": "who"}}
    text = "who,t,hr\nb,2026-03-01T08:00:00Z,60\na,2026-03-01T08:00:00Z,70\nb,2026-03-01T08:01:00Z,61\n"
    people = {r.person: series(r, "heart_rate").value.tolist()
              for r in read_all({"x.csv": text.encode()}, mapping)}  # fmt: skip
    assert people == {"a": [70.0], "b": [60.0, 61.0]}


def test_one_very_long_cell_does_not_make_every_cell_as_long() -> None:
    mapping = {**PULSE, "person": {"column": "who"}, "offset": {"column": "who"}}
    rows = "".join(
        f"2026-03-01T08:00:00Z,60,{'x' * (130_000 if n == 7 else 1)}\n" for n in range(9_000)
    )
    tracemalloc.start()
    try:
        got = read_all({"x.csv": ("t,hr,who\n" + rows).encode()}, mapping)
        assert tracemalloc.get_traced_memory()[1] < 200e6, "as an array of texts they had 5 GB"
    finally:
        tracemalloc.stop()
    assert len(got) == 2


def test_each_file_may_be_a_person() -> None:
    one = b"t,hr\n2026-03-01T08:00:00Z,60\n"
    got = read_all({"p1.csv": one, "p2.csv": one}, {**PULSE, "person": {"file": True}})
    assert [r.person for r in got] == ["p1", "p2"]


def test_what_is_odd_counts_for_the_person_whose_rows_it_is_about() -> None:
    mapping = {"time": {"column": "t"}, "person": {"column": "who"},
               "channels": [{"kind": "heart_rate", "column": "hr", "missing": ["-1"]}]}  # fmt: skip
    text = ("who,t,hr\nb,2026-03-01 08:00:00,-1\na,2026-03-01 08:00:00,abc\n"
            "b,2026-03-01 08:01:00,61\na,broken\n")  # fmt: skip
    first, second = read_all({"x.csv": text.encode()}, mapping)
    wall = "times without a zone, kept as wall-clock times (name their zone)"
    assert found(first) == {wall: 1, "cells that are no numbers, masked": 1,
                            "rows with another number of cells than the header, left out": 1}  # fmt: skip
    assert found(second) == {wall: 2, "values that mean not measured, masked": 1}


def test_rows_without_times_keep_their_places_when_people_take_turns() -> None:
    mapping = {"start": "2026-03-01T08:00:00Z", "person": {"column": "who"},
               "channels": [{"kind": "ecg", "column": "v", "rate_hz": 100.0}]}  # fmt: skip
    first, second = read_all({"x.csv": b"who,v\na,0.1\na,0.2\nb,0.3\nb,0.4\n"}, mapping)
    assert waveform(first, "ecg").segments[0].start_ns == T0
    assert waveform(second, "ecg").segments[0].start_ns == T0 + 20_000_000


def test_the_same_day_in_two_files_is_counted_once() -> None:
    one = b"t,hr\n2026-03-01T08:00:00Z,60\n"
    (got,) = read_all({"anna/a.csv": one, "anna/b.csv": one}, PULSE)
    assert series(got, "heart_rate").value.tolist() == [60.0]
    assert found(got)["rows there twice, left out"] == 1


def test_stamped_samples_show_their_own_rate_and_keep_their_gap() -> None:
    mapping = {"time": {"column": "ms", "as": "ms"}, "channels": [
        {"kind": "acceleration", "columns": ["x", "y", "z"], "unit": "m/s2", "stamped": True}]}  # fmt: skip
    stamps = [T0 // 1_000_000 + i * 20 + (5000 if i >= 50 else 0) for i in range(100)]
    text = "ms,x,y,z\n" + "".join(f"{s},0,0,9.80665\n" for s in stamps)
    acceleration = waveform(read(text, mapping), "acceleration")
    assert [len(s.values) for s in acceleration.segments] == [50, 50]
    assert acceleration.segments[0].rate_hz == pytest.approx(50)
    assert acceleration.segments[0].values[0].tolist() == pytest.approx([0, 0, 1])


def test_coarse_stamps_with_a_rate_are_spread_and_the_true_rate_is_measured() -> None:
    mapping = {"time": {"column": "s", "as": "s"},
               "channels": [{"kind": "ppg", "column": "v", "rate_hz": 25.0}]}  # fmt: skip
    seconds = 400
    text = "s,v\n" + "".join(
        f"{1_772_352_000 + s},{i}\n" for s in range(seconds) for i in range(20)
    )
    got = read(text, mapping)
    ppg = waveform(got, "ppg")
    assert ppg.samples == 20 * seconds
    assert ppg.segments[0].rate_hz == pytest.approx(20, rel=0.01)
    assert any("another rate" in what for what in found(got))


def test_rows_without_times_begin_at_the_start_that_is_said() -> None:
    mapping = {"header": ["v"], "start": "2026-03-01T08:00:00Z",
               "channels": [{"kind": "ecg", "column": "v", "rate_hz": 100.0}]}  # fmt: skip
    ecg = waveform(read("0.1\n0.2\n0.3\n", mapping), "ecg")
    assert ecg.segments[0].start_ns == T0
    assert ecg.samples == 3


def claimed(content: Mapping[str, bytes], mapping: Mapping[str, Any] = PULSE) -> list[str]:
    groups = recognise.recognise(MemoryFiles(content), Options(mapping=mapping))
    return [n for g in groups if g.format and g.format.name == "mapped" for n in g.names]


def test_without_a_mapping_nothing_is_a_table_of_your_own() -> None:
    files = MemoryFiles({"a.csv": b"t,hr\n2026-03-01T08:00:00Z,60\n"})
    assert mapped.FORMAT.claims(files, files.names) == []


def test_only_tables_that_the_mapping_fits_are_claimed() -> None:
    fits = b"t,hr\n2026-03-01T08:00:00Z,60\n"
    npz, other = io.BytesIO(), io.BytesIO()
    np.savez(npz, t=np.arange(3), hr=np.arange(3))
    np.savez(other, t=np.arange(3))
    content = {
        "a.xml": b"<x/>", "b.json": b'{"a": 1}', "c.bin": b"\x00\x01", "d.csv": b"",
        "e.csv": b"t;hr\n1;2\n", "f.csv": fits, "g.csv": fits.decode().encode("utf-16"),
        "h.csv.gz": gzip.compress(fits), "i.gz": gzip.compress(b"\x00\x01"),
        "j.npz": npz.getvalue(), "k.npz": other.getvalue(), "l.txt": b"hr\n60\n",
        "m.csv": b"x" * (2 << 20), "n.zip": b"PK\x03\x04" + bytes(40),
    }  # fmt: skip
    assert claimed(content) == ["f.csv", "g.csv", "h.csv.gz", "j.npz"]
    assert claimed(content, {**PULSE, "files": "*.csv"}) == ["f.csv", "g.csv"]
    assert claimed(content, {**PULSE, "kind": "npz"}) == ["j.npz"]


def test_a_table_that_fits_and_is_damaged_is_claimed_so_that_it_is_not_lost_in_silence() -> None:
    fits = b"t,hr\n2026-03-01T08:00:00Z,60\n"
    npz = io.BytesIO()
    np.savez(npz, t=np.arange(3), hr=np.arange(3))
    content = {"a.csv": fits + b"\xff\xfe", "b.gz": gzip.compress(fits)[:-9],
               "c.parquet": b"PAR1 and no more", "d.npz": npz.getvalue()[:-30]}  # fmt: skip
    assert claimed(content) == list(content)
    for name, data in content.items():
        with pytest.raises(DataError, match=name):
            read_all({name: data}, PULSE)


def test_without_header_words_the_cells_and_numbers_of_the_first_rows_decide() -> None:
    mapping = {**PULSE, "header": ["t", "hr"]}
    content = {"a.csv": b"2026-03-01T08:00:00Z,60\n2026-03-01T08:00:01Z\n", "b.csv": b"1,2,3\n4,5,6\n",
               "readme.txt": b"Take the band off,\nthen charge it, for an hour\n",
               "d.csv": b"\n\n", "e.csv": b"2026-03-01T08:00:00Z,sixty\n"}  # fmt: skip
    assert claimed(content, mapping) == ["a.csv"]


@pytest.mark.parametrize(
    ("mapping", "text", "why"),
    [
        (PULSE, "t,pulse\n1,2\n", "no column 'hr'"),
        ({**PULSE, "files": "*.tsv"}, "t,hr\n1,2\n", r"not one of files = '\*.tsv'"),
        ({**PULSE, "kind": "npz"}, "t,hr\n1,2\n", "no npz"),
        ({**PULSE, "header": ["t", "hr"]}, "1,2,3\n", "have not the 2 cells"),
        ({**PULSE, "header": ["t", "hr"]}, "1,x\n", "column 'hr' holds no number"),
        (PULSE, "\n", "empty"),
        (PULSE, "a\0b", "no text of rows"),
    ],
)
def test_reading_a_table_that_the_mapping_does_not_fit_names_what_is_missing(
    mapping: Mapping[str, Any], text: str, why: str
) -> None:
    with pytest.raises(DataError, match=f"table.csv: .* does not fit it: .*{why}"):
        read(text, mapping)


def test_a_wrong_mapping_is_an_error_also_where_no_table_is() -> None:
    with pytest.raises(DataError, match="no word"):
        recognise.recognise(MemoryFiles({"a.xml": b"<x/>"}), Options(mapping={"chanels": []}))


def test_other_formats_are_read_beside_the_tables_of_a_mapping() -> None:
    apple = io.BytesIO()
    with zipfile.ZipFile(apple, "w") as archive:
        archive.writestr("export.xml", export(record(Q + "StepCount", "5")))
    minute = [{"dateTime": "06/08/24 10:00:00", "value": {"bpm": 61, "confidence": 3}}]
    files = MemoryFiles({
        "anna.zip": apple.getvalue(),
        "apple/export.xml": export(record(Q + "StepCount", "5")),
        "fitbit/heart_rate-2024-06-08.json": json.dumps(minute).encode(),
        "mine/a.csv": b"t,hr\n2026-03-01T08:00:00Z,60\n",
        "mine/readme.txt": b"charge it\n",
    })  # fmt: skip
    options = Options(mapping=PULSE)
    groups = recognise.recognise(files, options)
    names = {name: g.format.name if g.format else "" for g in groups for name in g.names}
    assert names == {
        "mine/a.csv": "mapped",
        "apple/export.xml": "apple-health",
        "fitbit/heart_rate-2024-06-08.json": "fitbit-archive",
        "anna.zip": "",  # opened by whoever opens files
        "mine/readme.txt": "",
    }
    got = [r for g in groups if g.format for r in recognise.read(files, g, options)]
    assert [set(r.channels) for r in got] == [{"heart_rate"}, {"steps"}, {"heart_rate"}]


def test_a_zip_and_a_folder_of_other_formats_are_people_beside_a_mapped_table(
    tmp_path: Path,
) -> None:
    with zipfile.ZipFile(tmp_path / "anna.zip", "w") as archive:
        archive.writestr("export.xml", export(record(Q + "StepCount", "5")))
    minute = [{"dateTime": "06/08/24 10:00:00", "value": {"bpm": 61, "confidence": 3}}]
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "heart_rate-2024-06-08.json").write_text(json.dumps(minute))
    (tmp_path / "carla.csv").write_text("t,hr\n2026-03-01T08:00:00Z,60\n")
    people = {who: set(r.channels) for who, r in recordings_of(tmp_path, Options(mapping=PULSE))}
    assert people == {"anna": {"steps"}, "bert": {"heart_rate"}, "carla": {"heart_rate"}}
