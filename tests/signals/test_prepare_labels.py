"""Columns -> people: labels, classes, and who or what is left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holter.signals.errors import DataError
from holter.signals.prepare import Mapped, Recorded, people, regrouped

MakeMapped = Callable[..., Mapped]
MakeColumns = Callable[..., dict[str, Any]]

MOVING = {"still": ("sit",), "moving": ("walk", "run")}


def test_labels_are_merged_into_the_classes_of_the_study_in_its_order(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    (anna, bert), classes = people(columns(), mapped(labels=MOVING))
    assert classes == ("still", "moving")
    assert anna.y.tolist() == [1, 1, 1] and bert.y.tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    "stored",
    [
        np.array([3, 1, 3, 1, 3, 1]),
        np.array([3, 1, 3, 1, 3, 1], dtype=np.uint8),
        np.array([3.0, 1.0, 3.0, 1.0, 3.0, 1.0]),
        np.array(["3", "1", "3", "1", "3", "1"]),
    ],
    ids=["int64", "uint8", "float64", "text"],
)
@pytest.mark.parametrize("words", [{"one": (1,), "three": (3,)}, {"one": ("1",), "three": ("3",)}])
def test_numbers_as_labels_are_found_however_they_are_stored(
    columns: MakeColumns, mapped: MakeMapped, stored: Any, words: dict[str, Any]
) -> None:
    (anna, bert), _ = people(columns(activity=stored), mapped(labels=words))
    assert anna.y.tolist() == [0, 0, 0] and bert.y.tolist() == [1, 1, 1]


def test_labels_that_are_no_whole_numbers_are_refused(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    for odd in (0.5, np.nan):
        stored = np.array([0, 1, 0, 1, 0, odd])
        with pytest.raises(DataError, match="activity holds numbers that are no whole numbers"):
            people(columns(activity=stored), mapped())


def test_labels_that_the_study_misses_are_named_with_their_count(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    expected = r"misses labels that occur: run \(2 windows\), sit \(1 windows\); map them or name"
    with pytest.raises(DataError, match=expected):
        people(columns(), mapped(labels={"walk": ("walk",), "swim": ("swim",)}))


def test_labels_left_out_take_their_windows_with_them(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    how = mapped(labels={"walk": ("walk",), "run": ("run",)}, leave_out=("sit",))
    (anna, bert), classes = people(columns(), how)
    assert classes == ("walk", "run")
    assert len(anna.y) == 3
    assert bert.x[:, 0, 0].tolist() == [0, 20] and bert.y.tolist() == [0, 1]


def test_leaving_out_wins_over_mapping(columns: MakeColumns, mapped: MakeMapped) -> None:
    (_, bert), _ = people(columns(), mapped(leave_out=("sit",)))
    assert bert.y.tolist() == [2, 0]


def test_people_left_out_are_gone_with_all_their_windows(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    found, _ = people(columns(), mapped(leave_out_people=("bert",)))
    assert [person.name for person in found] == ["anna"]


def test_people_who_are_numbers_are_left_out_by_number_and_stand_in_numeric_order(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    stored = columns(who=np.array([10, 9, 10, 9, 2, 2]))
    found, _ = people(stored, mapped(leave_out_people=(2,)))
    assert [person.name for person in found] == ["9", "10"]


def test_people_stored_as_floats_are_left_out_by_number_too(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    stored = columns(who=np.array([1.0, 2.0, 1.0, 2.0, 1.0, 2.0]))
    found, _ = people(stored, mapped(leave_out_people=(1,)))
    assert len(found) == 1


def test_leaving_out_someone_who_is_not_in_this_file_is_allowed(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    """The same study reads other files of its layout, with other people in them."""
    assert len(people(columns(), mapped(leave_out_people=("brt",)))[0]) == 2


def test_gaps_of_people_left_out_do_not_matter(columns: MakeColumns, mapped: MakeMapped) -> None:
    acc = columns()["acc"]
    acc[0] = np.nan
    assert len(people(columns(acc=acc), mapped(leave_out_people=("bert",)))[0]) == 1


def test_a_person_without_windows_left_is_named_and_not_dropped(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    stored = columns(activity=np.array(["sit", "walk", "sit", "run", "sit", "walk"]))
    with pytest.raises(DataError, match="person bert has no windows left: name the person in"):
        people(stored, mapped(leave_out=("sit",)))
    found, _ = people(stored, mapped(leave_out=("sit",), leave_out_people=("bert",)))
    assert len(found) == 1


def test_one_class_only_is_refused(columns: MakeColumns, mapped: MakeMapped) -> None:
    with pytest.raises(DataError, match="hold one class only; there is nothing to tell apart"):
        people(columns(activity=np.full(6, "walk")), mapped())


def test_a_study_that_names_one_class_only_is_told_so(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    with pytest.raises(DataError, match=r"data\.labels names one class only; at least two"):
        people(columns(), mapped(labels={"all": ("walk", "run", "sit")}))


def test_names_of_labels_come_from_an_array_of_the_file(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    stored = columns(
        activity=np.array([0, 1, 1, 1, 2, 0], dtype=np.int8),
        names=np.array(["sit", "walk", "run"]),
    )
    (anna, bert), classes = people(stored, mapped(label_names="names", labels=MOVING))
    assert classes == ("still", "moving")
    assert anna.y.tolist() == [1, 1, 0] and bert.y.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    "stored", [np.array([0, 1, 2, 0, 1, 3]), np.array([0, 1, 2, 0, 1, -1]), np.full(6, "sit")]
)
def test_labels_that_do_not_number_the_names_are_refused(
    columns: MakeColumns, mapped: MakeMapped, stored: Any
) -> None:
    given = columns(activity=stored, names=np.array(["sit", "walk", "run"]))
    with pytest.raises(DataError, match="activity does not number the 3 label names"):
        people(given, mapped(label_names="names"))


@pytest.mark.parametrize("column", ["activity", "who"])
def test_a_label_or_person_that_is_missing_is_refused(
    columns: MakeColumns, mapped: MakeMapped, column: str
) -> None:
    """As Parquet gives them: an array of objects with None in it."""
    stored = columns()[column].astype(object)
    stored[2] = None
    with pytest.raises(DataError):
        people(columns(**{column: stored}), mapped())


def test_a_persons_name_does_not_show_when_the_person_is_printed(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    (anna, _), _ = people(columns(), mapped())
    assert "anna" not in repr(anna)


STAGES = ("wake", "NREM", "REM")


def _cut(*y: int) -> Recorded:
    rows = np.arange(len(y), dtype=np.float32).reshape(-1, 1, 1)
    return Recorded(
        rows, np.array(y), rows[:, 0, 0] * 30.0, None, np.zeros((len(y), 0), np.float32), begin_ns=7
    )


def test_classes_of_a_task_are_merged_in_the_studys_order_and_moments_survive() -> None:
    words = {"asleep": ("REM", "NREM"), "wake": ("wake",)}
    (one, other), classes = regrouped([_cut(0, 1, 2), _cut(2, 0)], STAGES, words, ())
    assert classes == ("asleep", "wake")
    assert one.y.tolist() == [1, 0, 0] and other.y.tolist() == [0, 1]
    (one,), classes = regrouped([_cut(0, 1, 2), _cut(0, 0)], STAGES, {}, ("wake",))
    assert classes == ("NREM", "REM") and one.y.tolist() == [0, 1]
    assert one.x.ravel().tolist() == [1, 2] and one.seconds.tolist() == [30, 60]
    assert one.begin_ns == 7


def test_without_words_everyone_stays_as_cut() -> None:
    found = [_cut(0, 1), _cut(1)]
    kept, classes = regrouped(found, STAGES, {}, ())
    assert classes == STAGES and all(a is b for a, b in zip(kept, found, strict=True))


@pytest.mark.parametrize(
    ("labels", "leave_out", "says"),
    [
        ({"all": STAGES}, (), "labels names one class only; at least two"),
        ({}, ("wake", "REM"), "leave_out leaves one class only; at least two"),
        ({"a": ("wake", "NREM"), "b": ("REM",)}, ("REM",), "the data hold one class only"),
        ({}, STAGES, "leaves no window of anyone"),
        ({}, ("rem",), "leave_out names rem, no class of the task; it has: wake, NREM, REM"),
        ({}, (3,), "leave_out names 3, no class of the task"),
        ({"a": ("wake", "N1"), "b": ("NREM", "REM")}, (), "labels names N1, no class of the task"),
        ({"a": ("wake",), "b": ("REM",)}, (), "labels misses the task's classes NREM"),
        ({"a": ("wake", "REM"), "b": ("NREM", "REM")}, (), "puts one class of the task into two"),
    ],
)
def test_words_that_do_not_fit_a_tasks_classes_are_refused_in_one_line(
    labels: dict[str, tuple[str, ...]], leave_out: tuple[str, ...], says: str
) -> None:
    with pytest.raises(DataError, match=says) as error:
        regrouped([_cut(0, 1, 2), _cut(2, 0)], STAGES, labels, leave_out)
    assert "\n" not in str(error.value)


def test_recordings_of_one_class_can_be_tested_on_and_not_learnt_from() -> None:
    with pytest.raises(DataError, match="the data hold one class only"):
        regrouped([_cut(1), _cut(1)], STAGES, {}, ())
    assert regrouped([_cut(1)], STAGES, {}, (), one_class=True)[1] == STAGES
