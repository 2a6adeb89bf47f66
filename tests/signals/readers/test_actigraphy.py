"""Exports of actigraphs: which number is the month, how long an epoch is, what «1» means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from holter.device.files import opened
from holter.signals.errors import DataError
from holter.signals.readers.actigraph_csv import FORMAT as ACTIGRAPH
from holter.signals.readers.actiwatch import ACTIWARE, AWD
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.formats import Format, Options
from holter.signals.recording import Recording, Series, Waveform

FORMATS = (ACTIGRAPH, ACTIWARE, AWD)


def read(
    data: str | bytes, form: Format, zone: str | None = None, name: str = "a.csv"
) -> Recording:
    files = MemoryFiles({name: data.encode() if isinstance(data, str) else data})
    claimed = [f for f in FORMATS if f.claims(files, files.names)]
    assert claimed == [form]
    (recording,) = form.read(files, (name,), Options(zone=zone))
    return recording


def values(recording: Recording, name: str) -> list[float]:
    return list(series(recording, name).value)


def series(recording: Recording, name: str) -> Series:
    channel = recording.channels[name]
    assert isinstance(channel, Series)
    return channel


def start(recording: Recording) -> str:
    return str(np.datetime64(recording.span_ns[0], "ns").astype("datetime64[s]"))


def said(recording: Recording) -> dict[str, int]:
    return {finding.what: finding.count for finding in recording.findings}


# -------------------------------------------------------------------------------- ActiGraph CSV


def actigraph(
    rows: str,
    *,
    stated: str = "date format M/d/yyyy ",
    begin: str = "8/5/2013",
    taken: str = "8/20/2013",
    mode: int = 13,
    epoch: str = "00:00:15",
    extra: str = "",
) -> str:
    dashes = "-" * 12
    return (
        f"{dashes} Data File Created By ActiGraph wGT3X ActiLife v6 {stated}{extra}Filter {dashes}\n"
        f"Serial Number: SECRET1\nStart Time 09:00:00\nStart Date {begin}\n"
        f"Epoch Period (hh:mm:ss) {epoch}\nDownload Time 12:00:00\nDownload Date {taken}\n"
        f"Current Memory Address: 0\nCurrent Battery Voltage: 4.03     Mode = {mode}\n"
        f"{'-' * 40}\n{rows}"
    )


def test_columns_without_names_are_told_by_the_mode() -> None:
    recording = read(actigraph("1,2,3,4,70,5,0,15,0,0\n" * 3, mode=63), ACTIGRAPH)
    assert list(recording.channels) == [
        "activity_count:axis1",
        "activity_count:axis2",
        "activity_count:axis3",
        "steps",
        "heart_rate",
        "light",
        "worn",
    ]
    assert [values(recording, name)[0] for name in recording.channels] == [1, 2, 3, 4, 70, 5, 1]
    steps = series(recording, "steps")
    assert set(steps.until_ns - steps.time_ns) == {15 * 10**9}


def test_the_device_is_not_worn_where_it_says_off_for_most_of_an_epoch() -> None:
    rows = "0,0,0,0,0,15,0,0,0\n0,0,0,0,0,8,7,0,0\n0,0,0,0,0,7,8,0,0\n"
    assert values(read(actigraph(rows, mode=61), ACTIGRAPH), "worn") == [0, 0, 1]


@pytest.mark.parametrize(
    ("stated", "begin", "taken", "expected"),
    [
        ("date format M/d/yyyy ", "8/5/2013", "8/9/2013", "2013-08-05T09:00:00"),
        ("date format dd/MM/yyyy ", "08/05/2013", "09/05/2013", "2013-05-08T09:00:00"),
        ("date format dd/MM/yyyy ", "09-12-2017", "09-19-2017", "2017-09-12T09:00:00"),
        ("", "8/5/2013", "8/20/2013", "2013-08-05T09:00:00"),
        ("", "30/5/2013", "4/6/2013", "2013-05-30T09:00:00"),
        ("", "9/10/2013", "1/11/2013", "2013-10-09T09:00:00"),  # not September to January
        ("date format yyyy-MM-dd ", "2013-08-05", "2013-08-09", "2013-08-05T09:00:00"),
    ],
)
def test_day_and_month_are_told_by_the_header_or_by_what_is_possible(
    stated: str, begin: str, taken: str, expected: str
) -> None:
    data = actigraph("1,2,3,4\n" * 3, stated=stated, begin=begin, taken=taken)
    assert start(read(data, ACTIGRAPH)) == expected


def test_dates_that_can_be_read_in_two_ways_are_not_guessed() -> None:
    data = actigraph("1,2,3,4\n" * 3, stated="", begin="8/5/2013", taken="8/9/2013")
    with pytest.raises(DataError, match="is the month or the day first"):
        read(data, ACTIGRAPH)


def test_dates_against_the_headers_word_are_noted() -> None:
    data = actigraph("1,2,3,4\n" * 3, stated="date format dd/MM/yyyy ", begin="8/25/2013")
    noted = "dates in another order than the header says, read as they must be"
    assert said(read(data, ACTIGRAPH)) == {noted: 1}


def test_columns_with_names_and_dates_keep_their_own_times() -> None:
    rows = "Date,Time,Axis1,Steps,Foo\n8/5/2013,09:00:00,7,1,x\n8/5/2013,09:00:30,8,2,y\n"
    recording = read(actigraph(rows), ACTIGRAPH)
    counts = series(recording, "activity_count:axis1")
    assert list(np.diff(counts.time_ns)) == [30 * 10**9]
    assert list(recording.channels) == ["activity_count:axis1", "steps"]


@pytest.mark.parametrize(
    ("first", "zone", "expected", "ahead"),
    [
        ("09:00:00", "America/New_York", "2013-08-05T13:00:00", -240),  # the header's own start
        ("09:00:00", None, "2013-08-05T09:00:00", 0),
        ("13:00:00", "America/New_York", "2013-08-05T13:00:00", 0),
    ],
)
def test_stamps_that_end_in_z_are_local_where_they_begin_as_the_local_start_does(
    first: str, zone: str | None, expected: str, ahead: int
) -> None:
    rows = f"TimeStamp,Axis1\n2013-08-05T{first}Z,7\n2013-08-05T{first[:-2]}15Z,8\n"
    recording = read(actigraph(rows), ACTIGRAPH, zone)
    assert start(recording) == expected
    assert set(series(recording, "activity_count:axis1").offset_minutes) == {ahead}
    local = "stamps marked as UTC that begin as the local start, read as local"
    utc = "stamps in UTC beside a start without a zone, read as UTC"
    assert said(recording) == {local if first == "09:00:00" else utc: 1}
    if zone is None:
        assert recording.zone == ""  # a wall-clock time of nowhere


def test_a_zone_moves_all_epochs_by_one_offset() -> None:
    recording = read(actigraph("1,2,3,4\n" * 3), ACTIGRAPH, "America/New_York")
    assert start(recording) == "2013-08-05T13:00:00"
    assert set(series(recording, "steps").offset_minutes) == {-240}
    assert recording.zone == "America/New_York"


def test_rows_of_another_kind_are_counted_and_cells_that_are_no_number_left_out() -> None:
    recording = read(actigraph("1,2,3,4\nend of file\n\n5,x,7,8\n"), ACTIGRAPH)
    assert values(recording, "activity_count:axis1") == [1, 5]
    assert values(recording, "activity_count:axis2") == [2]
    assert said(recording) == {
        "rows that are no row of this table, left out": 1,
        "epochs without a value, left out": 1,
    }


def test_semicolons_and_decimal_commas_are_read() -> None:
    recording = read(actigraph("1,5;2;3;4\n" * 3), ACTIGRAPH)
    assert values(recording, "activity_count:axis1") == [1.5, 1.5, 1.5]


def test_raw_acceleration_is_a_waveform_at_the_stated_rate() -> None:
    rows = "Accelerometer X,Accelerometer Y,Accelerometer Z\n" + "0.1,-0.2,0.97\n" * 60
    recording = read(actigraph(rows, epoch="00:00:00", extra="at 30 Hz "), ACTIGRAPH)
    channel = recording.channels["acceleration"]
    assert isinstance(channel, Waveform)
    assert channel.samples == 60
    assert channel.rate_hz == 30
    assert channel.segments[0].values[0] == pytest.approx([0.1, -0.2, 0.97])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (actigraph("")[:300], "ends within its header"),
        (actigraph(""), "a header and no data"),
        (actigraph("1,2,3,4\n", epoch="often"), "no length of its epochs"),
        (actigraph("1,2,3,4\n", begin="soon", taken="late"), "no date that can be read"),
        (actigraph("1,2,3,4\n").replace("Start Time 09", "Start Time 29"), "when it begins"),
    ],
)
def test_a_broken_header_is_an_error_that_names_the_remedy(data: str, why: str) -> None:
    with pytest.raises(DataError, match=why) as caught:
        read(data, ACTIGRAPH)
    assert "\n" not in str(caught.value)
    assert "SECRET1" not in str(caught.value)


# --------------------------------------------------------------------------------- Actiware CSV


def actiware(
    days: tuple[str, ...] = ("23/11/2019", "24/11/2019"),
    *,
    offset: str = "+01:00",
    columns: str = "Line,Date,Time,Off-Wrist Status,Activity,Marker,White Light,Sleep/Wake,Status",
) -> str:
    head = (
        "Actiware Export File (Version 06.00)\nIdentity:,Jane Doe\n"
        f"Time Zone Offset:,{offset},hours:minutes\n\n"
        "Line,Date,Time,Marker,Interval Status\n1,28/11/2019,08:09:00,Marker!,ACTIVE\n\n"
        f"{columns}\n\n"
    )
    clocks = ("23:59:00", "23:59:30") if len(days) > 1 else ("10:00:00", "10:00:30")
    rows = [
        f'1,{days[0]},{clocks[0]},0,12,0,"1,5",1,ACTIVE',
        f"2,{days[0]},{clocks[1]},0,3,1,2.5,0,REST",
    ]
    if len(days) > 1:
        rows += [f"3,{days[1]},00:00:00,1,NaN,NaN,NaN,NaN,EXCLUDED"]
    return head + "\n".join(rows) + "\n"


def test_epochs_are_read_with_wear_light_marks_and_sleep() -> None:
    recording = read(actiware(), ACTIWARE)
    assert values(recording, "activity_count") == [12, 3]
    assert values(recording, "worn") == [1, 1, 0]
    assert values(recording, "light") == [1.5, 2.5]
    stages = series(recording, "sleep_stage")
    assert [stages.names[int(stage)] for stage in stages.value] == ["wake", "asleep"]
    assert len(series(recording, "event").time_ns) == 1
    assert said(recording)["epochs without a value, left out"] == 1
    counts = series(recording, "activity_count")
    assert set(counts.until_ns - counts.time_ns) == {30 * 10**9}


def test_the_files_own_offset_brings_its_times_to_utc() -> None:
    recording = read(actiware(), ACTIWARE)
    assert start(recording) == "2019-11-23T22:59:00"
    assert recording.zone == "Etc/GMT-1"


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (("05/11/2019", "06/11/2019"), "2019-11-05T22:59:00"),
        (("05/11/2019", "05/12/2019"), "2019-05-11T22:59:00"),
        (("2019-11-05", "2019-11-06"), "2019-11-05T22:59:00"),
    ],
)
def test_days_that_follow_one_another_tell_which_number_is_the_month(
    days: tuple[str, ...], expected: str
) -> None:
    assert start(read(actiware(days), ACTIWARE)) == expected


def test_one_day_that_can_be_two_dates_is_not_guessed() -> None:
    with pytest.raises(DataError, match="is the month or the day first"):
        read(actiware(("05/11/2019",)), ACTIWARE)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_exports_in_other_languages_and_encodings_are_read(encoding: str) -> None:
    columns = "Zeile,Datum,Uhrzeit,Nicht am Handgelenk,Aktivität,Markierung,x,Schlaf/Wach,y"
    data = actiware(columns=columns).replace("Export File", "Exportdatei für").encode(encoding)
    recording = read(data, ACTIWARE)
    assert values(recording, "activity_count") == [12, 3]
    assert values(recording, "sleep_stage") == [0, 4]


def test_columns_in_an_unknown_language_are_an_error_with_a_remedy() -> None:
    with pytest.raises(DataError, match="export it with its epochs, in English"):
        read(actiware(columns="Rivi,Päivä,Aika,Ranne,Liike,Merkki,Valo,Uni,Tila"), ACTIWARE)


def test_whose_it_is_stays_in_the_file() -> None:
    assert "Jane" not in repr(read(actiware(), ACTIWARE))


# --------------------------------------------------------------------------------- Actiwatch AWD


def awd(rows: str, *, day: str = "01-Oct-2009", code: str = " 4 ") -> str:
    return f"Jane Doe\n{day}\n17:00\n{code}\n0\nV012345\nF\n{rows}"


def test_awd_counts_light_and_marks_are_read() -> None:
    recording = read(awd("0 , 0,00\n498 , 12,50 M\n3 , 1,00\n"), AWD)
    assert values(recording, "activity_count") == [0, 498, 3]
    assert values(recording, "light") == [0, 12.5, 1]
    assert start(recording) == "2009-10-01T17:00:00"
    marks = series(recording, "event")
    assert (marks.time_ns - recording.span_ns[0]).tolist() == [60 * 10**9]
    assert "Jane" not in repr(recording)


@pytest.mark.parametrize(
    ("code", "seconds"),
    [("1", 15), ("2", 30), ("4", 60), ("8", 120), ("20", 300), ("81", 2), ("C1", 5), ("C2", 10)],
)
def test_the_code_tells_how_long_an_epoch_is(code: str, seconds: int) -> None:
    counts = series(read(awd("1\n2\n3 M\n", code=code), AWD), "activity_count")
    assert set(np.diff(counts.time_ns)) == {seconds * 10**9}


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("10-dic-2009", "2009-12-10"),
        ("01-mrt-2009", "2009-03-01"),
        ("01-Mär-2009", "2009-03-01"),
        ("01-juin-2009", "2009-06-01"),
        ("01-juil-2009", "2009-07-01"),
    ],
)
def test_months_are_named_in_the_programs_languages(day: str, expected: str) -> None:
    assert start(read(awd("1\n2\n", day=day), AWD)).startswith(expected)


def test_an_odd_row_still_stands_for_an_epoch() -> None:
    recording = read(awd("1\nten\n3\n"), AWD)
    counts = series(recording, "activity_count")
    assert list(np.diff(counts.time_ns)) == [120 * 10**9]
    assert said(recording) == {
        "rows that are no row of this table, masked": 1,
        "epochs without a value, left out": 1,
    }


# ---------------------------------------------------------------------------------- real exports


def real(data_root: Path, name: str, form: Format) -> Recording:
    with opened(data_root / "format_samples/accelerometry" / name) as files:
        assert [f for f in FORMATS if f.claims(files, files.names)] == [form]
        (recording,) = form.read(files, tuple(files.names), Options())
        return recording


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "form", "channel", "rows", "seconds", "begins"),
    [
        ("ActiGraph13.csv", ACTIGRAPH, "activity_count:axis1", 990, 15, "2013-08-26T09:00:00"),
        ("ActiGraph61.csv", ACTIGRAPH, "worn", 990, 5, "2016-08-15T21:35:00"),
        (
            "ActiGraph13_timestamps_headers.csv",
            ACTIGRAPH,
            "activity_count:magnitude",
            1000,
            1,
            "2017-09-12T15:00:00",
        ),
        ("Actiwatch.AWD", AWD, "activity_count", 329, 60, "2009-10-01T17:00:00"),
        ("Actiwatch.csv", ACTIWARE, "worn", 860, 15, "2019-11-23T05:00:00"),
    ],
)
def test_real_exports_give_every_epoch(
    data_root: Path, name: str, form: Format, channel: str, rows: int, seconds: int, begins: str
) -> None:
    recording = real(data_root, name, form)
    found = series(recording, channel)
    assert len(found.value) == rows
    assert set(np.diff(found.time_ns)) == {seconds * 10**9}
    assert start(recording) == begins


@pytest.mark.recordings
def test_the_magnitude_of_a_real_export_fits_its_three_axes(data_root: Path) -> None:
    recording = real(data_root, "ActiGraph13_timestamps_headers.csv", ACTIGRAPH)
    axes = np.array([values(recording, f"activity_count:axis{axis}") for axis in (1, 2, 3)])
    off = np.sqrt((axes**2).sum(axis=0)) - np.array(values(recording, "activity_count:magnitude"))
    assert -1 < off.min() and off.max() <= 0  # brought up to whole counts


@pytest.mark.recordings
def test_the_real_actiware_export_is_off_the_wrist_where_it_has_no_counts(data_root: Path) -> None:
    recording = real(data_root, "Actiwatch.csv", ACTIWARE)
    assert len(values(recording, "activity_count")) == 63
    assert values(recording, "worn").count(0) == 860 - 63
    assert values(recording, "sleep_stage").count(4) == 4
