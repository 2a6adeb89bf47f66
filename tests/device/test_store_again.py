"""A moment that is imported again: the first value is kept, but a sum grows as its day goes on."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from holter.device.store import Added, Store
from holter.signals.gathering import Gathered
from holter.signals.recording import SECOND_NS, Recording, Series
from tests.device.stored import MINUTE, START, acceleration, heart, hearts, waves

HOUR_NS = 3_600 * SECOND_NS
Row = tuple[float, float, float]  # from hour, to hour, how many steps


def steps(*rows: Row, kind: str = "steps", **about: str) -> Recording:
    """Sums of spans that are given in hours after START."""
    made = Gathered("phone", zone="UTC")
    begin, end, value = (np.array(column) for column in zip(*rows, strict=True))
    time_ns = START + (begin * HOUR_NS).astype(np.int64)
    made.series(kind, time_ns, value, until_ns=START + (end * HOUR_NS).astype(np.int64), **about)
    return made.recording()


def rows_of(store: Store) -> list[Row]:
    (recording,) = store.recordings()
    (channel,) = recording.channels.values()
    assert isinstance(channel, Series)
    hours = ((times - START) / HOUR_NS for times in (channel.time_ns, channel.until_ns))
    return list(zip(*(column.tolist() for column in (*hours, channel.value)), strict=True))


def test_a_later_value_for_the_same_moment_is_a_conflict_and_the_first_is_kept(
    store: Store,
) -> None:
    store.add([hearts({0: 60, 60: np.nan, 120: 62})], MINUTE)
    (added,) = store.add([hearts({0: 99, 60: 61, 120: 62})], MINUTE)
    assert added == Added("band", rows_known=1, conflicts=2)
    kept = heart(store)
    assert kept[0] == 60 and np.isnan(kept[60])


def test_several_values_of_one_moment_in_one_import_are_kept_and_known_again(store: Store) -> None:
    made = Gathered("strap", zone="UTC")
    made.series("rr_interval", [START] * 3 + [START + 1], [0.8, 0.7, np.nan, 0.9])
    (added,) = store.add([made.recording()], MINUTE)
    assert added.rows_new == 4
    (added,) = store.add([made.recording()], MINUTE)
    assert added == Added("strap", rows_known=4)
    made = Gathered("strap", zone="UTC")
    made.series("rr_interval", [START] * 2, [0.8, 0.75])
    (added,) = store.add([made.recording()], MINUTE)
    assert added == Added("strap", rows_known=1, conflicts=1)


def test_known_samples_with_other_values_are_conflicts_and_the_first_are_kept(
    store: Store,
) -> None:
    store.add([waves(0, 100)], MINUTE)
    other = waves(50, 100)
    segment = other.channels["acceleration"].segments[0]  # type: ignore[union-attr]
    segment.values[10, 1] += 1
    segment.values[20, 2] = np.nan
    segment.values[70, 2] = np.nan
    (added,) = store.add([other], MINUTE)
    assert added == Added("watch", samples_new=50, samples_known=50, conflicts=2)
    values = acceleration(store).segments[0].values
    assert values[60, 1] == np.float32(-60 / 1e5) and np.isnan(values[120, 2])


# --- sums ---

NOON, NIGHT = (0, 24, 4_000), (0, 24, 9_000)


@pytest.mark.parametrize("kind", ["steps", "distance", "energy", "floors", "active_minutes"])
def test_a_days_sum_that_was_exported_at_noon_grows(store: Store, kind: str) -> None:
    noon, night = (0, 24, 400), (0, 24, 900)
    before = (-24, 0, 700)
    store.add([steps(before, noon, kind=kind)], MINUTE)
    (added,) = store.add([steps(before, night, (24, 48, 10), kind=kind)], MINUTE)
    assert added == Added("phone", rows_new=1, rows_grown=1, rows_known=1)
    assert rows_of(store) == [before, night, (24, 48, 10)]


def test_what_has_grown_is_known_the_second_time_and_stays_when_the_older_export_comes_again(
    store: Store, tmp_path: Path
) -> None:
    for row in (NOON, NIGHT):
        store.add([steps(row)], MINUTE)
    before = (tmp_path / "my.store").read_bytes()
    assert store.add([steps(NIGHT)], MINUTE) == (Added("phone", rows_known=1),)
    assert store.add([steps(NOON)], MINUTE) == (Added("phone", conflicts=1),)
    assert (tmp_path / "my.store").read_bytes() == before
    assert rows_of(store) == [NIGHT]


def test_a_part_of_a_day_makes_way_for_the_whole(store: Store, tmp_path: Path) -> None:
    part, whole, evening = (0, 12, 4_000), (0, 24, 9_000), (24, 30, 100)
    store.add([steps(part)], MINUTE)
    assert store.add([steps(whole, evening)], MINUTE) == (Added("phone", 1, rows_grown=1),)
    before = (tmp_path / "my.store").read_bytes()
    assert store.add([steps(part)], MINUTE) == (Added("phone", conflicts=1),)
    assert store.add([steps(whole)], MINUTE) == (Added("phone", rows_known=1),)
    assert (tmp_path / "my.store").read_bytes() == before
    assert rows_of(store) == [whole, evening]


@pytest.mark.parametrize("order", list(permutations(range(5))))
def test_the_order_of_imports_does_not_matter_for_sums(
    store: Store, order: tuple[int, ...]
) -> None:
    day = [(0, 24, np.nan), (0, 9, 3_000), (0, 18, 2_900), (0, 24, 5_000), (0, 24, 6_000)]
    for number in order:
        store.add([steps(day[number])], MINUTE)
    assert rows_of(store) == [(0, 24, 6_000)]
    (channel,) = store.channels()
    assert channel.count == 1


@pytest.mark.parametrize("order", list(permutations((9, 21, 30, 60))))
@pytest.mark.parametrize("whole_days", [True, False])
def test_exports_of_one_phone_in_any_order_end_in_the_last(
    store: Store, order: tuple[int, ...], whole_days: bool
) -> None:
    """Each holds all days since the first; the last day up to the hour of the export."""

    def export(hour: int) -> list[Row]:
        ends = [(day, hour if hour < day + 24 and not whole_days else day + 24)
                for day in range(0, hour, 24)]  # fmt: skip
        return [(day, end, 100 * min(hour - day, 24)) for day, end in ends]

    for hour in order:
        store.add([steps(*export(hour))], MINUTE)
    assert rows_of(store) == export(60)
    again = store.add([steps(*export(hour)) for hour in order], MINUTE)
    assert not any(added.anything for added in again)


def test_a_sum_without_a_value_takes_the_place_of_none(store: Store) -> None:
    store.add([steps((0, 12, 4_000))], MINUTE)
    assert store.add([steps((0, 24, np.nan))], MINUTE) == (Added("phone", conflicts=1),)
    assert rows_of(store) == [(0, 12, 4_000)]


def test_sums_of_minutes_and_of_days_in_one_channel_are_two_things(store: Store) -> None:
    minutes: list[Row] = [(n / 4, (n + 1) / 4, n) for n in range(8)]
    days: list[Row] = [(0, 24, 9_000), (24, 48, 8_000)]
    for first, second in ((minutes, days), (days, minutes)):
        with Store.create(store._path.with_name(f"{len(first)}.store")) as other:
            other.add([steps(*first)], MINUTE)
            (added,) = other.add([steps(*second)], MINUTE)
            assert added == Added("phone", rows_new=len(second))
            assert sorted(rows_of(other)) == sorted([*minutes, *days])


def test_a_day_is_not_taken_for_the_rest_of_a_minute_that_others_follow(store: Store) -> None:
    minutes: list[Row] = [(n / 4, (n + 1) / 4, n) for n in range(8)]
    store.add([steps(*minutes)], MINUTE)
    (added,) = store.add([steps((0, 24, 9_000))], MINUTE)  # alone in its import
    assert added == Added("phone", rows_new=1)
    with Store.create(store._path.with_name("days.store")) as other:
        other.add([steps((0, 24, 9_000), (1, 1.25, 4))], MINUTE)
        (added,) = other.add([steps((0, 0.25, 50))], MINUTE)
        assert added == Added("phone", rows_new=1)


def test_rows_of_one_beginning_that_one_export_holds_stay_two_rows(store: Store) -> None:
    short, long = (0, 1, 50), (0, 2, 300)
    for rows in ([long], [short, long], [short], [long], [long, short]):
        store.add([steps(*rows)], MINUTE)
    assert rows_of(store) == [short, long]
    (added,) = store.add([steps((0, 1, 60), (0, 2, 300))], MINUTE)
    assert added == Added("phone", rows_grown=1, rows_known=1)


def test_several_sums_of_one_span_are_not_told_apart_and_the_first_are_kept(store: Store) -> None:
    store.add([steps((0, 1, 50), (0, 1, 60))], MINUTE)
    (added,) = store.add([steps((0, 1, 70))], MINUTE)
    assert added == Added("phone", conflicts=1)
    assert rows_of(store) == [(0, 1, 50), (0, 1, 60)]


def test_what_is_no_sum_does_not_grow(store: Store) -> None:
    for row in ((0, 8, 400), (0, 8, 480), (0, 9, 500)):
        store.add([steps(row, kind="sleep_duration")], MINUTE)
    assert rows_of(store) == [(0, 8, 400), (0, 9, 500)]


def test_sums_of_two_channels_and_of_two_sources_stay_apart(store: Store) -> None:
    store.add([steps(NOON, name="steps:day")], MINUTE)
    (added,) = store.add([steps(NIGHT, name="steps:hour")], MINUTE)
    assert added == Added("phone", rows_new=1)


def test_growing_alone_is_an_import(store: Store) -> None:
    store.add([steps(NOON)], MINUTE)
    (added,) = store.add([steps(NIGHT)], MINUTE + 9)
    assert added.anything
    rows = store._db.execute("SELECT minute, rows_new, rows_grown FROM import").fetchall()
    assert rows == [(MINUTE, 1, 0), (MINUTE + 9, 0, 1)]
