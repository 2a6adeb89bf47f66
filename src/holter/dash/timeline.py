"""The journal as rounds, and the chart of how the model came along and what was spent.

The journal's round lines become ``Round`` values once; a round that a resumed run wrote
twice counts once, the later line. Several folds are several runs of the same rounds: each
is a faint line, their mean the strong one. An abandoned round leaves the model as it was,
so a fold's line runs on flat through it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from holter.dash.numbers import count, counted, epsilon, percent
from holter.dash.reading import number
from holter.dash.svg import (
    LEFT,
    WIDTH,
    Point,
    Scale,
    chart,
    cross,
    label,
    line,
    path,
    polyline,
    ticks,
)

MOST_POINTS: Final = 240  # per line, and bars: more is finer than the screen
RIGHT: Final = WIDTH - 80.0  # room for the last value of a line
PLOT_TOP: Final = 36.0


@dataclass(frozen=True)
class Round:
    """One round of one fold, as the journal tells it."""

    fold: int
    index: int
    asked: float
    reported: float
    closed: bool
    accuracy: float | None
    epsilon: float | None


def rounds_of(journal: Sequence[Mapping[str, Any]]) -> tuple[Round, ...]:
    """The round lines, in order of fold and round; lines without a round number are left out."""
    found: dict[tuple[int, int], Round] = {}
    for entry in journal:
        index = number(entry, "round")
        if entry.get("event") != "round" or index is None:
            continue
        fold = int(number(entry, "fold") or 0)
        found[fold, int(index)] = Round(
            fold,
            int(index),
            number(entry, "asked") or 0.0,
            number(entry, "reported") or 0.0,
            entry.get("outcome") == "closed",
            number(entry, "accuracy"),
            number(entry, "epsilon"),
        )
    return tuple(found[key] for key in sorted(found))


def thin(points: Sequence[Point], most: int = MOST_POINTS) -> tuple[Point, ...]:
    """At most about ``most`` of the points, the first and the last always among them."""
    if len(points) <= most:
        return tuple(points)
    stride = -(-len(points) // most)
    return (*points[:-1:stride], points[-1])


def _mean_line(lines: Sequence[Sequence[Point]]) -> list[Point]:
    """The mean over folds at each round from which on every fold has a value."""
    known: list[dict[float, float]] = [dict(points) for points in lines]
    latest: list[float | None] = [None] * len(lines)
    mean = []
    for index in sorted({index for points in known for index in points}):
        latest = [points.get(index, held) for points, held in zip(known, latest, strict=True)]
        values = [value for value in latest if value is not None]
        if len(values) == len(lines):
            mean.append((index, sum(values) / len(values)))
    return mean


def _place(points: Sequence[Point], across: Scale, up: Scale) -> list[Point]:
    return [(across(x), up(y)) for x, y in thin(points)]


def _spent(rounds: Sequence[Round]) -> list[Point]:
    """The largest epsilon of any fold after each round; it never falls."""
    highest, points = 0.0, []
    for index in sorted({entry.index for entry in rounds}):
        known = [e.epsilon for e in rounds if e.index == index and e.epsilon is not None]
        if known:
            highest = max(highest, *known)
            points.append((float(index), highest))
    return points


def convergence(rounds: Sequence[Round]) -> Markup:
    """Accuracy on new people after each round; abandoned rounds crossed; epsilon below."""
    folds = sorted({entry.fold for entry in rounds})
    lines = [
        [(float(e.index), e.accuracy) for e in rounds if e.fold == fold and e.accuracy is not None]
        for fold in folds
    ]
    lines = [points for points in lines if points]
    mean, spent = _mean_line(lines), _spent(rounds)
    last = max((entry.index for entry in rounds), default=1)
    across = Scale(min(min((e.index for e in rounds), default=1), last - 1), last, LEFT, RIGHT)
    values = [y for points in lines for _, y in points]
    steps = ticks(min(values, default=0.0), max(values, default=1.0))
    plot_bottom = 236.0
    up = Scale(steps[0], steps[-1], plot_bottom, PLOT_TOP)
    digits = 0 if len({round(100 * step) for step in steps}) == len(steps) else 1
    marks = _frame(steps, up, [percent(step, digits) for step in steps])
    marks.append(label("label", (LEFT, 16), "Accuracy on new people"))
    marks += (
        [polyline("line faint", _place(points, across, up)) for points in lines[:1000]]
        if (len(lines) > 1)
        else []
    )
    marks.append(polyline("line federated-line", _place(mean, across, up)))
    if mean:
        end = mean[-1]
        marks.append(label("name", (across(end[0]) + 8, up(end[1]) + 5), percent(end[1])))
    else:
        middle = ((LEFT + RIGHT) / 2, (PLOT_TOP + plot_bottom) / 2)
        marks.append(label("label", middle, "no accuracy was measured", "middle"))
    abandoned = sorted({entry.index for entry in rounds if not entry.closed})
    marks += _crosses(abandoned, across, plot_bottom - 9)
    bottom = plot_bottom
    if spent:
        marks += _epsilon_panel(spent, across, plot_bottom + 36)
        bottom = plot_bottom + 36 + 74
    marks += _round_axis(across, last, bottom + 16)
    said = f"{counted(max(len(lines), 1), 'fold', 'folds')}, {last} rounds"
    if mean:
        said += f"; accuracy from {percent(mean[0][1])} to {percent(mean[-1][1])}"
    if spent:
        said += f"; epsilon {epsilon(spent[-1][1])} at the end"
    said += f"; {counted(len(abandoned), 'round', 'rounds')} abandoned in some fold."
    return chart("Accuracy after each round", said, bottom + 26, marks)


def _frame(steps: Sequence[float], up: Scale, words: Sequence[str]) -> list[str]:
    marks = []
    for step, word in zip(steps, words, strict=True):
        marks.append(line("grid", (LEFT, up(step)), (RIGHT, up(step))))
        marks.append(label("tick", (LEFT - 8, up(step) + 4), word, "end"))
    return marks


def _round_axis(across: Scale, last: int, y: float) -> list[str]:
    inner = [step for step in ticks(across.low, last) if max(across.low, 1) <= step <= last]
    whole = [step for step in inner if step == int(step)]
    marks = [label("tick", (across(step), y), count(step), "middle") for step in whole]
    return [*marks, label("tick", (WIDTH - 4, y), "round", "end")]


def _crosses(abandoned: Sequence[int], across: Scale, y: float) -> list[str]:
    """A cross per abandoned round, at most ``MOST_POINTS``, and the words that explain them."""
    if not abandoned:
        return []
    where = thin([(across(index), y) for index in abandoned])
    words = label("label", (RIGHT - 14, 16), "abandoned", "end")
    sign = cross((RIGHT - 4, 12))
    return [path("crossed", [*(cross(point) for point in where), sign]), words]


def _epsilon_panel(spent: Sequence[Point], across: Scale, top: float) -> list[str]:
    steps = ticks(0.0, spent[-1][1], about=2)
    up = Scale(steps[0], steps[-1], top + 74, top + 12)
    stairs: list[Point] = []
    for x, y in thin(spent):
        stairs += [(x, stairs[-1][1]), (x, y)] if stairs else [(x, y)]
    marks = _frame(steps, up, [f"{step:g}" for step in steps])
    marks.append(label("label", (LEFT, top - 4), "Epsilon spent so far"))
    marks.append(polyline("line spent", [(across(x), up(y)) for x, y in stairs]))
    end = spent[-1]
    words = epsilon(end[1])
    return [*marks, label("name", (across(end[0]) + 8, up(end[1]) + 5), words)]
