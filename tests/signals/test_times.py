"""Times as the world writes them: zones, double hours, missing hours, «never», and garbage."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.readers.times import NO_TIME, iso, local, nanoseconds, parsed, zone_of
from holter.signals.recording import SECOND_NS

BERLIN, LORD_HOWE = "Europe/Berlin", "Australia/Lord_Howe"
TWICE = "times in an hour that comes twice (clocks set back), told apart by order"
ABSENT = "times in an hour that does not exist (clocks set forward), moved on"


def _utc(text: str) -> int:
    return nanoseconds(datetime.datetime.fromisoformat(text + "+00:00"))


def _local(texts: list[str], zone: str | None) -> tuple[list[int], list[int], dict[str, int]]:
    found: dict[str, int] = {}
    times, offsets = local(
        [datetime.datetime.fromisoformat(text) for text in texts],
        zone,
        lambda what, count: found.update({what: count}),
    )
    return times.tolist(), offsets.tolist(), {k: n for k, n in found.items() if n}


@pytest.mark.parametrize(
    ("text", "utc", "minutes"),
    [
        ("2024-03-31 02:30:00 +0200", "2024-03-31T00:30:00", 120),
        ("2024-03-31 02:30:00 +02:00", "2024-03-31T00:30:00", 120),
        ("2024-03-31T02:30:00Z", "2024-03-31T02:30:00", 0),
        ("2024-03-31 02:30:00 UTC", "2024-03-31T02:30:00", 0),
        ("2024-03-31T02:30:00.25-09:30", "2024-03-31T12:00:00.250000", -570),
        ("2024-03-31T02:30:00.123456789Z", "2024-03-31T02:30:00.123456", 0),
        ("2024-03-31T02:30:00,5+05:45", "2024-03-30T20:45:00.500000", 345),
        ("  2024-03-31T02:30:00-00:30\n", "2024-03-31T03:00:00", -30),
        ("2024-02-29", "2024-02-29T00:00:00", 0),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999", 0),
    ],
)
def test_an_iso_moment_is_read_exactly(text: str, utc: str, minutes: int) -> None:
    assert iso(text) == (_utc(utc), minutes)


@pytest.mark.parametrize(
    "text",
    ["", " ", "T", "now", "2024-02-30", "2024-13-01", "2024-03-31 25:00:00", "02:30", "\ud800",
     "2024-03-31 02:30:00 +2500", "1711852200", "2024-03-31" * 9, "\0", "2024-03-31 02:30:60Z",
     "٢٠٢٤-03-31", "+0200", " +0200", "-0001-01-01"],
)  # fmt: skip
def test_what_is_no_moment_is_none_and_never_an_error(text: str) -> None:
    assert iso(text) is None


@given(st.text(alphabet="0123456789-:+TZ. W", max_size=42))
@settings(deadline=None, max_examples=300)
def test_any_text_gives_a_time_of_64_bits_or_none(text: str) -> None:
    found = iso(text)
    assert found is None or (-(2**63) <= found[0] < 2**63 and -1440 < found[1] < 1440)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1600-01-01"])
def test_a_year_written_for_never_is_left_out_and_counted_and_does_not_overflow(text: str) -> None:
    found = iso(text)
    gathered = Gathered("a test")
    gathered.series(
        "heart_rate",
        [_utc("2024-01-01T00:00:00"), NO_TIME if found is None else found[0]],
        [60, 61],
    )
    assert [(f.what, f.count) for f in gathered.findings] == [
        ("rows with an impossible time, left out", 1)
    ]


@pytest.mark.parametrize("zone", [None, "UTC", BERLIN, "America/New_York", "Pacific/Kiritimati"])
def test_the_first_and_the_last_moment_of_the_calendar_are_no_time(zone: str | None) -> None:
    moments = [datetime.datetime.min, datetime.datetime.max, datetime.datetime(1600, 1, 1)]
    times, offsets = local(moments, zone, lambda what, count: None)
    assert times.tolist() == [NO_TIME] * 3 and offsets.tolist() == [0] * 3


def test_in_berlin_the_double_hour_is_told_apart_by_order() -> None:
    times, offsets, found = _local(
        ["2023-10-29T01:59", "2023-10-29T02:00", "2023-10-29T02:59",
         "2023-10-29T02:00", "2023-10-29T02:59", "2023-10-29T03:00"], BERLIN,
    )  # fmt: skip
    minutes = [(t - times[0]) // (60 * SECOND_NS) for t in times]
    assert minutes == [0, 1, 60, 61, 120, 121]
    assert offsets == [120, 120, 120, 60, 60, 60]
    assert found == {TWICE: 4}


def test_on_lord_howe_the_double_half_hour_is_told_apart_by_order() -> None:
    times, offsets, found = _local(
        ["2024-04-07T01:29", "2024-04-07T01:30", "2024-04-07T01:59",
         "2024-04-07T01:30", "2024-04-07T01:59", "2024-04-07T02:00"], LORD_HOWE,
    )  # fmt: skip
    minutes = [(t - times[0]) // (60 * SECOND_NS) for t in times]
    assert minutes == [0, 1, 30, 31, 60, 61]
    assert offsets == [660, 660, 660, 630, 630, 630]
    assert found == {TWICE: 4}


@pytest.mark.parametrize(
    ("zone", "texts", "moved"),
    [
        (BERLIN, ["2024-03-31T01:59", "2024-03-31T02:30", "2024-03-31T03:30"], "2024-03-31T01:30"),
        (LORD_HOWE, ["2024-10-06T01:59", "2024-10-06T02:15", "2024-10-06T02:45"], "2024-10-05T15:45"),
    ],
)  # fmt: skip
def test_an_hour_that_does_not_exist_is_moved_on_by_the_jump(
    zone: str, texts: list[str], moved: str
) -> None:
    times, _, found = _local(texts, zone)
    assert times[1] == _utc(moved + ":00") == times[2]
    assert found == {ABSENT: 1}


def test_the_next_autumn_begins_with_its_first_pass_again() -> None:
    times, offsets, _ = _local(
        ["2022-10-30T02:50", "2022-10-30T02:10", "2022-11-01T12:00",
         "2023-10-29T02:10", "2023-10-29T02:20"], BERLIN,
    )  # fmt: skip
    assert offsets == [120, 60, 60, 120, 120]
    assert times == sorted(times)


def test_rows_a_few_seconds_out_of_order_do_not_begin_the_second_pass() -> None:
    times, offsets, _ = _local(
        ["2023-10-29T02:10:00", "2023-10-29T02:12:00", "2023-10-29T02:11:59",
         "2023-10-29T02:13:00"], BERLIN,
    )  # fmt: skip
    assert offsets == [120, 120, 120, 120]
    assert max(times) - min(times) == 180 * SECOND_NS


def test_without_a_zone_times_stay_wall_clock_times() -> None:
    times, offsets, found = _local(["2023-10-29T02:30", "2023-10-29T02:30"], None)
    assert times == [_utc("2023-10-29T02:30:00")] * 2 and offsets == [0, 0] and found == {}


def test_a_moment_with_its_own_offset_keeps_it_whatever_zone_the_holder_names() -> None:
    for zone in (None, BERLIN):
        times, offsets, _ = _local(["2024-01-01T12:00:00+09:00"], zone)
        assert times == [_utc("2024-01-01T03:00:00")] and offsets == [540]


def test_a_missing_moment_is_no_time_and_does_not_disturb_the_order() -> None:
    moments = parsed(["29.10.2023 02:59", "?", "29.10.2023 02:00"], "%d.%m.%Y %H:%M")
    times, offsets = local(moments, BERLIN, lambda what, count: None)
    assert times[1] == NO_TIME and offsets.tolist() == [120, 0, 60]


@given(
    st.datetimes(datetime.datetime(1970, 1, 2), datetime.datetime(2100, 1, 1)),
    st.sampled_from([BERLIN, LORD_HOWE, "America/St_Johns", "Asia/Kathmandu", "Africa/Casablanca"]),
)
@settings(deadline=None, max_examples=200)
def test_outside_the_doubtful_hours_a_time_goes_to_the_zone_and_back(
    moment: datetime.datetime, zone: str
) -> None:
    times, _ = local([moment], zone, lambda what, count: None)
    back = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(
        microseconds=int(times[0]) // 1000
    )
    wall = back.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    early = moment.replace(tzinfo=ZoneInfo(zone), fold=0).utcoffset()
    late = moment.replace(tzinfo=ZoneInfo(zone), fold=1).utcoffset()
    assert early is not None and late is not None
    assert wall == moment.replace(fold=0) + max(
        late - early, datetime.timedelta(0)
    )  # moved on where absent


@pytest.mark.parametrize(
    "name",
    ["", "Berlin", "Europe", "../etc/passwd", "/etc/localtime", "a\0b", "x" * 5000, "CEST?", "é",
     "Europe/Berlin "],
)  # fmt: skip
def test_what_is_no_zone_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(DataError, match="is not a zone") as refused:
        zone_of(name)
    assert "\n" not in str(refused.value)


def test_texts_that_do_not_fit_the_pattern_are_none() -> None:
    assert parsed(["2024-01-01", "01/02/2024", ""], "%Y-%m-%d")[1:] == [None, None]
    assert parsed([" 2024-01-01 "], "%Y-%m-%d") == [datetime.datetime(2024, 1, 1)]


def test_nanoseconds_are_exact_to_the_microsecond_far_from_1970() -> None:
    moment = datetime.datetime(2099, 12, 31, 23, 59, 59, 999_999, tzinfo=datetime.UTC)
    assert nanoseconds(moment) == 4_102_444_799_999_999_000
    assert np.int64(nanoseconds(moment)) == nanoseconds(moment)
