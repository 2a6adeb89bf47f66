"""Columns -> people: what was not measured is a gap, and the study says what to do with it."""

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


def test_stored_numbers_that_mean_missing_and_infinities_become_gaps_before_scaling(
    columns: MakeColumns, mapped: MakeMapped, signal: MakeSignal
) -> None:
    acc = np.ones((6, 1, 4))
    acc[1] = [[-1.0, np.inf, 2.0, -999.9]]
    how = mapped(
        missing="mask", missing_values=(-1.0, -999.9), signals=(signal(scale=2.0, offset=1.0),)
    )
    (anna, _), _ = people(columns(acc=acc), how)
    assert np.isnan(anna.x[0, 0]).tolist() == [True, True, False, True]
    assert anna.x[0, 0, 2] == 5.0


def test_gaps_are_refused_with_how_many_and_whose_unless_the_study_allows_them(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    acc = columns()["acc"]
    acc[[0, 1, 3], 0, 2] = np.nan
    expected = (
        r"3 windows hold missing or infinite samples, of person anna \(2\), bert \(1\); "
        "set data.missing to person-mean or mask"
    )
    with pytest.raises(DataError, match=expected):
        people(columns(acc=acc), mapped())
    for word in ("mask", "person-mean"):
        (anna, bert), _ = people(columns(acc=acc), mapped(missing=word))
        assert int(np.isnan(anna.x).sum()) == 2 and int(np.isnan(bert.x).sum()) == 1


def test_of_many_people_with_gaps_five_are_named_and_the_rest_counted(mapped: MakeMapped) -> None:
    stored = {
        "acc": np.full((14, 1, 2), np.nan),
        "who": np.repeat(np.arange(7), 2),
        "activity": np.tile([0, 1], 7),
    }
    with pytest.raises(DataError, match=r"14 windows .* 4 \(2\) and 2 more people; set"):
        people(stored, mapped())


def test_gaps_in_windows_that_are_left_out_do_not_matter(
    columns: MakeColumns, mapped: MakeMapped
) -> None:
    acc = columns()["acc"]
    acc[4] = np.nan  # bert sits
    (_, bert), _ = people(columns(acc=acc), mapped(leave_out=("sit",), labels=_two()))
    assert len(bert.y) == 2


def _two() -> dict[str, tuple[str, ...]]:
    return {"walk": ("walk",), "run": ("run",)}


def test_missing_heartbeat_intervals_are_gaps(columns: MakeColumns, mapped: MakeMapped) -> None:
    rr = np.ones((6, 2))
    rr[0, 0] = np.nan
    with pytest.raises(DataError, match=r"1 windows .* of person bert \(1\)"):
        people(columns(rr=rr), mapped(rr="rr"))


@pytest.mark.parametrize("missing", ["mask", "person-mean"])
def test_allowed_gaps_stay_gaps_until_a_model_is_shown_the_windows(
    columns: MakeColumns, mapped: MakeMapped, missing: str
) -> None:
    acc = columns()["acc"]
    acc[1] = np.nan
    (anna, _), _ = people(columns(acc=acc), mapped(missing=missing))
    assert np.isnan(anna.x[0]).all() and np.isfinite(anna.x[1:]).all()
