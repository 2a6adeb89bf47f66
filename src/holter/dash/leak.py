"""The leak demonstration as a drawing: one window, and what an attacker rebuilds in three arms.

A row for each arm, a panel for each channel: beneath, wide and pale, what the sensor saw; over it
what was rebuilt. Above each row a bar says how alike the two are, from 0 to 1, and a broken line
in it how alike the best of many random guesses is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from holter.dash.numbers import decimal
from holter.dash.svg import WIDTH, Scale, box, chart, label, line, path, polyline

SIDE: Final = 4.0  # units left free at both sides
GAP: Final = 14.0  # between the panels of a row
PANEL: Final = 84.0  # units high
ROW: Final = 132.0  # a title, a panel, and air
BAR: Final = (482.0, 636.0)  # where likeness 0 and 1 are
LEGEND: Final = 86.0


def names(inversion: Mapping[str, Any]) -> dict[str, str]:
    """What each arm is called on the page."""
    devices = inversion["devices"]
    return {
        "raw": "One device's update, unprotected",
        "sum": f"Sum of {devices:,} devices, no noise",
        "noised": f"Sum of {devices:,} devices, with noise",
    }


def leak(inversion: Mapping[str, Any]) -> Markup:
    """The figure. inversion: of audit.json."""
    channels, samples = inversion["channels"], inversion["samples"]
    true = _channels(inversion["window"], channels, samples)
    called, arms = names(inversion), inversion["arms"]
    windows = [inversion["window"], *(arm["window"] for arm in arms)]
    most = max((abs(value) for window in windows for value in window), default=0.0) or 1.0
    marks: list[str] = []
    for index, arm in enumerate(arms):
        top = 8 + ROW * index
        title = called.get(arm["arm"], arm["arm"])
        marks += _header(top, title, arm["cosine"], inversion["random_cosine"])
        rebuilt = _channels(arm["window"], channels, samples)
        for place, (seen, guessed) in enumerate(zip(true, rebuilt, strict=True)):
            marks += _panel(top + 26, place, channels, seen, guessed, most)
    bottom = 8 + ROW * len(arms)
    for place in range(channels):
        left, right = _sides(place, channels)
        where = ((left + right) / 2, bottom + 2)
        marks.append(label("tick", where, f"channel {place + 1}", "middle"))
    marks += _legend(bottom)
    said = "; ".join(
        f"{called.get(arm['arm'], arm['arm'])}: likeness {decimal(arm['cosine'])} of 1"
        for arm in arms
    )
    return chart(
        "A synthetic window, and what an attacker rebuilds of it",
        f"{said}; the best of many random guesses: {decimal(inversion['random_cosine'])}.",
        bottom + LEGEND,
        marks,
    )


def _channels(window: Sequence[float], channels: int, samples: int) -> list[Sequence[float]]:
    return [window[place * samples : (place + 1) * samples] for place in range(channels)]


def _header(top: float, title: str, cosine: float, random: float) -> list[str]:
    across = Scale(0.0, 1.0, *BAR)
    start, end = BAR
    return [
        label("name", (SIDE, top + 14), title),
        path("bed", [box(start, top + 4, end, top + 15)]),
        path("guessed", [box(start, top + 4, across(min(max(cosine, 0.0), 1.0)), top + 15)]),
        line("guide", (across(random), top), (across(random), top + 19)),
        label("name", (WIDTH - SIDE, top + 14), decimal(cosine), "end"),
    ]


def _sides(place: int, channels: int) -> tuple[float, float]:
    wide = (WIDTH - 2 * SIDE - GAP * (channels - 1)) / channels
    left = SIDE + place * (wide + GAP)
    return left, left + wide


def _panel(
    top: float,
    place: int,
    channels: int,
    seen: Sequence[float],
    guessed: Sequence[float],
    most: float,
) -> list[str]:
    """One channel of one arm. most: the largest value of all arms, so that heights compare."""
    left, right = _sides(place, channels)
    across = Scale(0, max(len(seen) - 1, 1), left, right)
    up = Scale(-most, most, top + PANEL, top)
    return [
        line("grid", (left, up(0)), (right, up(0))),
        polyline("line truth", [(across(n), up(value)) for n, value in enumerate(seen)]),
        polyline("line guess", [(across(n), up(value)) for n, value in enumerate(guessed)]),
    ]


def _legend(top: float) -> list[str]:
    half = WIDTH / 2 + 16
    first, second = top + 42, top + 70
    return [
        polyline("line truth", [(SIDE, first - 4), (SIDE + 26, first - 4)]),
        label("label", (SIDE + 36, first), "the synthetic window"),
        polyline("line guess", [(half, first - 4), (half + 26, first - 4)]),
        label("label", (half + 36, first), "rebuilt by the attacker"),
        path("guessed", [box(SIDE, second - 9, SIDE + 26, second)]),
        label("label", (SIDE + 36, second), "how alike, from 0 to 1"),
        line("guide", (half + 13, second - 13), (half + 13, second + 4)),
        label("label", (half + 36, second), "best of random guesses"),
    ]
