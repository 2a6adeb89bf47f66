"""Columns of wall-clock times in zones whose clocks change: against a clock that knows the truth."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from holter.signals.readers.times import (
    NO_TIME,
    WALL_CLOCK,
    in_zone,
    iso,
    local,
    nanoseconds,
    unheard,
)
from holter.signals.recording import DAY_NS, SECOND_NS

HOUR_NS = 3600 * SECOND_NS


def wall(*texts: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([nanoseconds(datetime.datetime.fromisoformat(text)) for text in texts])


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2023-10-27"), ("Europe/Berlin", "2024-03-29"),
        ("Australia/Lord_Howe", "2024-04-05"),  # half an hour
        ("America/Sao_Paulo", "2018-02-16"),  # back from midnight to 23:00
        ("America/Sao_Paulo", "2018-11-02"),  # on from midnight to 1:00
        ("America/Havana", "2022-11-04"),  # back from 1:00 to midnight
        ("America/St_Johns", "1995-10-27"),  # back from 0:01 to 23:01 of the day before
        ("Antarctica/Troll", "2023-10-27"),  # two hours
        ("Pacific/Apia", "2011-12-28"),  # a day that did not exist
        ("Asia/Kathmandu", "2024-05-01"),
    ],
)  # fmt: skip
def test_a_clock_that_runs_through_a_change_is_placed_exactly(zone: str, day: str) -> None:
    begin = nanoseconds(datetime.datetime.fromisoformat(day))
    true = begin + np.arange(1_000) * 7 * 60 * SECOND_NS
    clock = [datetime.datetime.fromtimestamp(t // SECOND_NS, ZoneInfo(zone)) for t in true.tolist()]
    naive = [moment.replace(tzinfo=None, fold=0) for moment in clock]
    shown = np.array([nanoseconds(moment) for moment in naive])
    times, away = in_zone(shown, zone, unheard)
    assert times.tolist() == true.tolist()
    assert (away.astype(np.int64) * 60 * SECOND_NS).tolist() == (shown - true).tolist()
    placed, offsets = local(naive, zone, unheard)
    assert (placed.tolist(), offsets.tolist()) == (times.tolist(), away.tolist())


def test_late_rows_of_the_second_pass_stay_in_it() -> None:
    shown = wall("2023-10-29T02:50", "2023-10-29T02:20", "2023-10-29T02:19:58",
                 "2023-10-29T03:00:01", "2023-10-29T02:59:59", "2023-10-29T03:00:03")  # fmt: skip
    assert in_zone(shown, "Europe/Berlin", unheard)[1].tolist() == [120] + [60] * 5


def test_the_next_person_in_a_column_begins_with_the_first_pass_again() -> None:
    night = ["2023-10-29T01:50", "2023-10-29T02:30", "2023-10-29T02:10", "2023-10-29T04:00"]
    away = in_zone(wall(*night, *night), "Europe/Berlin", unheard)[1]
    assert away.tolist() == [120, 120, 60, 60] * 2


def test_no_time_and_years_that_do_not_fit_stay_no_time_and_do_not_count() -> None:
    told: dict[str, int] = {}
    shown = np.array([NO_TIME, NO_TIME + 1, np.iinfo(np.int64).max, 0])
    times, away = in_zone(shown, "Europe/Berlin", told.__setitem__)
    assert times.tolist() == [NO_TIME] * 3 + [-HOUR_NS]
    assert away.tolist() == [0, 0, 0, 60]
    assert set(told.values()) == {0}


def test_without_a_zone_times_stay_and_the_possible_ones_are_counted() -> None:
    told: dict[str, int] = {}
    shown = np.array([NO_TIME, 20_000 * DAY_NS])
    times, away = in_zone(shown, None, told.__setitem__)
    assert (times.tolist(), away.tolist(), told) == (shown.tolist(), [0, 0], {WALL_CLOCK: 1})
    times[1] = 0
    assert shown[1] == 20_000 * DAY_NS, "the caller's column is not changed"


def test_utc_is_read_as_z_but_other_letters_are_no_zone() -> None:
    assert iso("2024-03-31 02:30:00 UTC") == iso("2024-03-31T02:30:00Z")
    assert iso("2024-03-31 02:30:00 CET") is None
    assert iso(" UTC") is None
