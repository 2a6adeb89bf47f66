"""Columns -> people: windows, channels, units, gaps and time, by the words of the study."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holter.signals.errors import DataError
from holter.signals.prepare import Mapped, Signal, people

MakeSignal = Callable[..., Signal]
MakeMapped = Callable[..., Mapped]
MakeColumns = Callable[..., dict[str, Any]]


def test_everyone_is_found_in_the_order_of_names_with_their_own_windows(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    (anna, bert), classes = people(columns(), mapped())
    assert (anna.name, bert.name) == ("anna", "bert")
    assert classes == ("run", "sit", "walk")
    assert anna.x[:, 0, 0].tolist() == [10, 30, 50] and bert.x[:, 0, 0].tolist() == [0, 20, 40]
    assert anna.y.tolist() == [2, 0, 2] and bert.y.tolist() == [2, 0, 1]
    assert (anna.x.dtype, anna.y.dtype) == (np.float32, np.int64)
    assert anna.given.shape == (3, 0) and anna.rr is None


def test_windows_stand_in_order_of_time_counted_from_the_first(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    (anna, bert), _ = people(columns(), mapped(time="start"))
    assert anna.x[:, 0, 0].tolist() == [10, 50, 30] and anna.seconds.tolist() == [0, 10, 60]
    assert bert.x[:, 0, 0].tolist() == [20, 40, 0] and bert.seconds.tolist() == [0, 10, 20]
    assert bert.y.tolist() == [0, 1, 2]


def test_windows_of_equal_time_stay_in_the_order_of_the_file(
    mapped: MakeMapped,
) -> None:
    stored = {  # many, because short arrays are sorted stably by any means
        "acc": np.arange(200.0).reshape(200, 1),
        "who": np.zeros(200, dtype=int),
        "activity": np.arange(200) % 2,
        "start": np.tile([1.0, 0.0], 100),
    }
    [person], _ = people(stored, mapped(time="start"))
    assert person.x[:, 0, 0].tolist() == [*range(1, 200, 2), *range(0, 200, 2)]


def test_values_get_their_scale_then_their_offset(
    columns: MakeColumns, mapped: MakeMapped, signal: MakeSignal
) -> None:
    (anna, _), _ = people(columns(), mapped(signals=(signal(scale=0.5, offset=-1.0),)))
    assert anna.x[0, 0].tolist() == [4.0, 4.5, 5.0, 5.5]


def test_channels_are_taken_in_the_order_named(
    columns: MakeColumns, mapped: MakeMapped, signal: MakeSignal
) -> None:
    (anna, _), _ = people(columns(), mapped(signals=(signal(channels=(1, 0, 1)),)))
    assert anna.x[0, :, 0].tolist() == [14, 10, 14]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"samples": 2}, [10.5, 12.5]),
        ({"samples": 1}, [11.5]),
        ({"samples": 2, "pool": "std"}, [0.5, 0.5]),
        ({"samples": 4}, [10, 11, 12, 13]),
        ({"samples": 8}, [10, 10, 11, 11, 12, 12, 13, 13]),
    ],
)
def test_samples_are_pooled_down_or_held_up_by_whole_numbers(
    columns: MakeColumns,
    mapped: MakeMapped,
    signal: MakeSignal,
    words: dict[str, Any],
    expected: list[float],
) -> None:
    (anna, _), _ = people(columns(), mapped(signals=(signal(**words),)))
    assert anna.x[0, 0].tolist() == expected


@pytest.mark.parametrize("samples", [3, 5, 6])
def test_any_other_number_of_samples_is_refused_and_not_approximated(
    columns: MakeColumns, mapped: MakeMapped, signal: MakeSignal, samples: int
) -> None:
    with pytest.raises(DataError, match=f"4 samples a window, .* no multiple or part of {samples}"):
        people(columns(), mapped(signals=(signal(samples=samples),)))


def test_signals_of_several_arrays_become_channels_side_by_side(
    columns: MakeColumns, mapped: MakeMapped, signal: MakeSignal
) -> None:
    stored = columns(hr=np.arange(6.0).reshape(6, 1))
    how = mapped(signals=(signal(), signal("hr", samples=4)))
    (anna, _), _ = people(stored, how)
    assert anna.x.shape == (3, 3, 4)
    assert anna.x[:, 2].tolist() == [[1] * 4, [3] * 4, [5] * 4]


def test_signals_of_unequal_length_are_refused_with_their_lengths(
    columns: MakeColumns, mapped: MakeMapped, signal: MakeSignal
) -> None:
    with pytest.raises(DataError, match=r"unequal samples \(acc: 4, hr: 1\); set samples"):
        people(columns(hr=np.ones((6, 1))), mapped(signals=(signal(), signal("hr"))))


def test_features_are_channels_of_one_sample_and_a_plain_window_is_one_channel(
    columns: MakeColumns, mapped: MakeMapped, signal: MakeSignal
) -> None:
    flat = columns(f=np.arange(18.0).reshape(6, 3))
    (as_features, _), _ = people(flat, mapped(signals=(signal("f", kind="features"),)))
    (as_signal, _), _ = people(flat, mapped(signals=(signal("f"),)))
    assert as_features.x.shape == (3, 3, 1) and as_signal.x.shape == (3, 1, 3)
    assert as_features.x[0, :, 0].tolist() == as_signal.x[0, 0].tolist() == [3, 4, 5]


def test_columns_of_a_table_are_features(columns: MakeColumns, mapped: MakeMapped) -> None:
    stored = columns(a=np.arange(6), b=np.arange(6) / 2)
    (anna, _), _ = people(stored, mapped(signals=(), columns=("b", "a")))
    assert anna.x[:, :, 0].tolist() == [[0.5, 1], [1.5, 3], [2.5, 5]]


def test_a_column_of_text_is_no_feature(columns: MakeColumns, mapped: MakeMapped) -> None:
    with pytest.raises(DataError, match="column who holds text; a feature column holds numbers"):
        people(columns(), mapped(signals=(), columns=("start", "who")))


def test_heartbeat_intervals_stay_beside_their_windows(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    rr = np.arange(12.0).reshape(6, 2)
    (anna, _), _ = people(columns(rr=rr), mapped(rr="rr", time="start"))
    assert anna.rr is not None and anna.rr.dtype == np.float32
    assert anna.rr.tolist() == [[2, 3], [10, 11], [6, 7]]


@pytest.mark.parametrize(
    ("changed", "words", "message"),
    [
        (
            {},
            {"person": "subject"},
            "no array or column 'subject'; it has: acc, activity, start, who",
        ),
        ({}, {"label": "y"}, "no array or column 'y'; it has: acc, activity, start, who"),
        ({}, {"time": "t"}, "no array or column 't'"),
        ({}, {"rr": "rr"}, "no array or column 'rr'"),
        ({"acc": np.ones((5, 2, 4))}, {}, r"acc has shape \(5, 2, 4\); 6 windows x samples"),
        ({"acc": np.ones(6)}, {}, r"acc has shape \(6,\); 6 windows x samples"),
        ({"acc": np.ones((6, 1, 1, 1))}, {}, "acc has shape"),
        ({"acc": np.full((6, 4), "x")}, {}, "acc holds <U1, not numbers"),
        ({"activity": np.array(["a", "b"])}, {}, r"activity has shape \(2,\); 6 windows are"),
        ({"activity": np.ones((6, 1))}, {}, r"activity has shape \(6, 1\)"),
        ({"start": np.ones(5)}, {"time": "start"}, r"start has shape \(5,\)"),
        ({"rr": np.ones(6)}, {"rr": "rr"}, r"rr has shape \(6,\); 6 windows and one more dim"),
        ({"rr": np.ones((6, 3))}, {"rr": "rr"}, "rr must be windows x 2"),
        ({"who": np.ones((6, 1))}, {}, "who must hold one person a window"),
        ({"who": np.array([], dtype=str)}, {}, "who must hold one person a window"),
    ],
)
def test_arrays_that_are_absent_or_of_another_shape_are_named(
    columns: MakeColumns,
    mapped: MakeMapped,
    changed: dict[str, Any],
    words: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(DataError, match=message):
        people(columns(**changed), mapped(**words))


@pytest.mark.parametrize(("stored", "channels"), [((6, 2, 4), (2,)), ((6, 4), (0,))])
def test_channels_that_do_not_exist_are_refused(
    columns: MakeColumns,
    mapped: MakeMapped,
    signal: MakeSignal,
    stored: tuple[int, ...],
    channels: tuple[int, ...],
) -> None:
    with pytest.raises(DataError, match=r"array acc of shape .* lacks those channels"):
        people(columns(acc=np.ones(stored)), mapped(signals=(signal(channels=channels),)))


@pytest.mark.parametrize("words", [{"time": "start"}, {"rr": "rr"}])
def test_text_where_numbers_are_due_is_refused(
    columns: MakeColumns, mapped: MakeMapped, words: dict[str, str]
) -> None:
    stored = columns(start=np.full(6, "noon"), rr=np.full((6, 2), "long"))
    with pytest.raises(DataError):
        people(stored, mapped(**words))


def test_a_time_that_is_missing_is_refused(columns: MakeColumns, mapped: MakeMapped) -> None:
    start = np.array([0.0, np.nan, 1.0, 2.0, 3.0, 4.0])
    with pytest.raises(DataError):
        people(columns(start=start), mapped(time="start"))
