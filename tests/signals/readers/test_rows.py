"""Rows found one by one: channels by name, a bound on each, and what was left out."""

from __future__ import annotations

import pytest

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.readers.rows import Rows
from holter.signals.recording import SECOND_NS, Series

T0 = 1_717_840_800 * SECOND_NS  # 2024-06-08T10:00:00Z


def test_rows_of_two_channels_of_one_kind_keep_their_times_ends_and_offsets() -> None:
    rows = Rows()
    rows.add("distance", T0, T0 + SECOND_NS, 3.5, 120)
    rows.add("distance", T0, T0, 4.5, -330, name="distance:cycling")
    gathered = Gathered("a test")
    rows.pour(gathered)
    plain, cycling = gathered.channels.values()
    assert isinstance(plain, Series)
    assert isinstance(cycling, Series)
    assert list(gathered.channels) == ["distance", "distance:cycling"]
    assert (plain.until_ns - plain.time_ns).tolist() == [SECOND_NS]
    assert (plain.value.tolist(), cycling.value.tolist()) == ([3.5], [4.5])
    assert (plain.offset_minutes.tolist(), cycling.offset_minutes.tolist()) == ([120], [-330])


def test_a_category_gets_the_names_of_its_channel() -> None:
    rows = Rows()
    rows.add("workout", T0, T0 + SECOND_NS, 1.0)
    gathered = Gathered("a test")
    rows.pour(gathered, {"workout": ("rowing", "skiing"), "other": ("x",)})
    workout = gathered.channels["workout"]
    assert isinstance(workout, Series)
    assert workout.names[int(workout.value[0])] == "skiing"


def test_the_bound_holds_for_each_channel_by_itself() -> None:
    rows = Rows(2)
    for kind in ("steps", "heart_rate"):
        rows.add(kind, T0, T0, 60.0)
        rows.add(kind, T0 + 1, T0 + 1, 61.0)
    with pytest.raises(DataError, match="more than 2 rows of steps"):
        rows.add("steps", T0 + 2, T0 + 2, 62.0)


def test_what_is_left_out_is_added_up_and_nothing_is_no_finding() -> None:
    rows = Rows()
    rows.count("odd rows")
    rows.count("odd rows", 2)
    rows.count("never", 0)
    gathered = Gathered("a test")
    rows.pour(gathered)
    assert [(f.what, f.count) for f in gathered.findings] == [("odd rows", 3)]
    assert gathered.channels == {}
