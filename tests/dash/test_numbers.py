"""How numbers are written."""

from __future__ import annotations

import pytest

from holter.dash import numbers
from holter.dash.svg import coordinate, ticks


@pytest.mark.parametrize(
    ("value", "written"),
    [(7.9991, "8.0"), (8.0, "8.0"), (8.01, "8.1"), (0.0312, "0.032"), (0.0, "0.0"), (204.2, "205")],
)
def test_epsilon_is_rounded_up_never_down(value: float, written: str) -> None:
    assert numbers.epsilon(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1.2345, "1.23"),
        (0.01, "0.01"),
        (1e-6, "1e-6"),
        (12_345.6, "12,346"),
        (0.0, "0"),
        (100, "100"),
    ],
)
def test_three_digits_are_kept(value: float, written: str) -> None:
    assert numbers.short(value) == written


def test_what_is_missing_reads_not_available() -> None:
    for write in (numbers.count, numbers.percent, numbers.short, numbers.size, numbers.epsilon):
        assert write(None) == "n/a"
    assert numbers.duration(None) == numbers.points(None) == numbers.decimal(None) == "n/a"


def test_differences_carry_their_sign_and_zero_has_none() -> None:
    assert numbers.points(0.031) == "+3.1"
    assert numbers.points(-0.031) == "\u22123.1"
    assert numbers.points(-0.00001) == "0.0"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.42, "0.4 s"), (24.7, "25 s"), (185, "3 min 5 s"), (7_800, "2 h 10 min")],
)
def test_durations_read_like_speech(seconds: float, written: str) -> None:
    assert numbers.duration(seconds).replace("\u00a0", " ") == written


def test_bytes_take_the_largest_unit_that_fits() -> None:
    written = [numbers.size(value).replace("\u00a0", " ") for value in (12, 18_934, 4.2e6, 3e9)]
    assert written == ["12 bytes", "18.9 kB", "4.2 MB", "3.0 GB"]


def test_margin_needs_enough_people() -> None:
    assert numbers.margin([0.5] * 7) is None
    assert numbers.margin([0.5] * 8) == 0.0


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.31, 0.86), (-0.1, 0.2), (5, 5), (0, 1e6)])
def test_ticks_enclose_their_range_and_are_few(low: float, high: float) -> None:
    found = ticks(low, high)
    assert found[0] <= low and found[-1] >= high and 2 <= len(found) <= 8


def test_coordinates_have_no_minus_zero() -> None:
    assert coordinate(-0.01) == "0"
