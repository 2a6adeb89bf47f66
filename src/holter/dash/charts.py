"""Charts over people and classes: how a run's result spreads, not only its mean.

Each function takes plain numbers and returns one SVG as text; ``timeline`` draws those
over rounds. However many people there are, at most ``MOST_DOTS`` dots an arm and
``MOST_BARS`` bars are drawn, at evenly spaced quantiles: the shape stays, the file stays
small, and nobody can be picked out of a crowd by position. The worst person has a mark of
their own, so thinning never hides them. No chart knows who anyone is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from markupsafe import Markup

from holter.dash.numbers import counted, percent, signed
from holter.dash.reading import Arm
from holter.dash.svg import LEFT, WIDTH, Scale, box, chart, dot, label, line, path, ticks

MOST_DOTS: Final = 100  # per arm; also the number of quantiles drawn beyond it
MOST_BARS: Final = 120  # bars of about four units each still show their height
STRIP_HEIGHT: Final = 64.0  # units for the tallest stack of dots
LARGEST_DOT: Final = 9.0  # units across
WIDEST_STACK: Final = 28.0  # units; wider, a stack would no longer point at its value
LONGEST_NAME: Final = 14  # letters of a class name beside its bars; the table has it whole
LETTER: Final = 11.0  # units across an average letter on a phone, where letters are larger
RIGHT: Final = WIDTH - 16.0


@dataclass(frozen=True)
class Spread:
    """One arm over people: every person's value, ascending, and the three numbers shown."""

    arm: Arm
    values: tuple[float, ...]
    mean: float | None
    tenth: float | None
    worst: float | None


@dataclass(frozen=True)
class ClassRecall:
    """One class: the share of its windows that each arm found."""

    name: str
    windows: float | None
    recalls: tuple[tuple[Arm, float | None], ...]


def quantiles(values: Sequence[float], most: int) -> tuple[float, ...]:
    """At most ``most`` of the ascending values, evenly spaced in rank, both ends among them."""
    if len(values) <= most:
        return tuple(values)
    last = len(values) - 1
    return tuple(values[round(rank / (most - 1) * last)] for rank in range(most))


@dataclass(frozen=True)
class Dots:
    """How dots stack. ``lattice``: the values lie apart, and each has a stack of its own.

    Otherwise stacks stand ``size`` apart and a dot is at most half its width off its value.
    """

    size: float
    abreast: int
    lattice: bool

    def stacks(self, positions: Sequence[float]) -> Counter[float]:
        if self.lattice:
            return Counter(round(x, 1) for x in positions)
        return Counter(round(x / self.size) * self.size for x in positions)

    def rows(self, positions: Sequence[float]) -> int:
        """Rows of dots in the tallest stack."""
        return -(-max(self.stacks(positions).values(), default=0) // self.abreast)

    def drawn(self, positions: Sequence[float], base: float) -> list[str]:
        """Path commands: each stack filled from below, row by row, centred on its value."""
        commands = []
        for centre, held in sorted(self.stacks(positions).items()):
            for place in range(held):
                level, across = divmod(place, self.abreast)
                in_row = min(held - level * self.abreast, self.abreast)
                x = centre + (across - (in_row - 1) / 2) * self.size
                commands.append(dot((x, base - (level + 0.5) * self.size - 1)))
        return commands


def _dots(rows: Sequence[Sequence[float]]) -> Dots:
    """The largest dots with which the tallest stack of any row fits its strip."""
    distinct = sorted({round(x, 1) for row in rows for x in row})
    gap = min((after - before for before, after in pairwise(distinct)), default=WIDEST_STACK)
    size = LARGEST_DOT
    while True:
        abreast = max(int(min(gap, WIDEST_STACK) / size), 1)
        dots = Dots(size, abreast, lattice=gap >= size)
        tallest = max((dots.rows(row) for row in rows), default=0)
        if tallest * size <= STRIP_HEIGHT or size < 1:
            return dots
        size -= 0.25


def _markers(spread: Spread, across: Scale, base: float) -> list[str]:
    """Below the baseline: a triangle at the mean, a bar at the tenth, a ring at the worst."""
    marks = []
    if spread.mean is not None:
        x = across(spread.mean)
        marks.append(path("mark", [f"M{x:.1f} {base + 2:.1f}l6 10h-12Z"]))
        marks.append(line("guide", (x, base - STRIP_HEIGHT), (x, base)))
    if spread.tenth is not None:
        x = across(spread.tenth)
        marks.append(path("mark", [box(x - 1.5, base + 2, x + 1.5, base + 12)]))
    if spread.worst is not None:
        marks.append(path("ring", [f"M{across(spread.worst) - 4:.1f} {base + 7:.1f}" + _RING]))
    return marks


_RING: Final = "a4 4 0 1 0 8 0a4 4 0 1 0 -8 0"


def distribution(spreads: Sequence[Spread]) -> Markup:
    """Accuracy of every person, one row of stacked dots per arm, on one shared axis."""
    shown = [quantiles(spread.values, MOST_DOTS) for spread in spreads]
    people = max((len(spread.values) for spread in spreads), default=0)
    known = [value for spread in spreads for value in (*spread.values, spread.worst, spread.mean)]
    lowest = min((value for value in known if value is not None), default=0.0)
    steps = ticks(min(lowest, 0.9), 1.0)
    across = Scale(steps[0], steps[-1], 18.0, RIGHT - 18)
    rows = [[across(value) for value in values] for values in shown]
    dots = _dots(rows)
    row_height = 22 + STRIP_HEIGHT + 34
    bottom = 8 + row_height * len(spreads)
    marks = [line("grid", (across(step), 8), (across(step), bottom)) for step in steps]
    for index, (spread, row) in enumerate(zip(spreads, rows, strict=True)):
        top = 8 + row_height * index
        base = top + 22 + STRIP_HEIGHT
        marks.append(line("axis", (across(steps[0]), base), (RIGHT, base)))
        drawn = path(f"dots {spread.arm.colour}", dots.drawn(row, base))
        marks.append(f'<g stroke-width="{dots.size * 0.88:.1f}">{drawn}</g>')
        marks.extend(_markers(spread, across, base))
        marks.append(label("name halo", (across(steps[0]), top + 14), spread.arm.name))
    marks.extend(
        label("tick", (across(step), bottom + 16), percent(step, 0), "middle") for step in steps
    )
    marks.extend(_distribution_legend(bottom + 44, f"a dot: {_each(people, MOST_DOTS)}"))
    said = "; ".join(
        f"{spread.arm.name}: mean {percent(spread.mean)}, 10th percentile "
        f"{percent(spread.tenth, 0)}, worst person {percent(spread.worst, 0)}"
        for spread in spreads
    )
    return chart("Accuracy of each person", f"{said or 'no values'}.", bottom + 58, marks)


def _each(people: int, most: int) -> str:
    """How many people one mark stands for."""
    return "one person" if people <= most else f"about {people / most:.2g} people"


def _distribution_legend(y: float, dots: str) -> list[str]:
    return [
        path("mark", [f"M24 {y - 11:.1f}l6 10h-12Z"]),
        label("tick", (36, y), "mean"),
        path("mark", [box(107, y - 11, 110, y - 1)]),
        label("tick", (117, y), "10th percentile"),
        path("ring", [f"M300 {y - 5:.1f}" + _RING]),
        label("tick", (315, y), "worst"),
        label("tick", (RIGHT, y), dots, "end"),
    ]


def gains(differences: Sequence[float]) -> Markup:
    """What fitting changed for each person, sorted: fitted minus federated, in points."""
    ordered = sorted(differences)
    shown = quantiles(ordered, MOST_BARS)
    in_points = [100 * value for value in shown]
    steps = ticks(min([0.0, *in_points]), max([0.0, *in_points]), about=4)
    up = Scale(steps[0], steps[-1], 216, 40)
    marks = []
    for step in steps:
        css = "axis" if step == 0 else "grid"
        marks.append(line(css, (LEFT, up(step)), (RIGHT, up(step))))
        marks.append(label("tick", (LEFT - 8, up(step) + 4), signed(step), "end"))
    pitch = min((RIGHT - LEFT) / max(len(shown), 1), 24.0)
    start = (LEFT + RIGHT - pitch * len(shown)) / 2
    bars: dict[bool, list[str]] = {True: [], False: []}
    for index, value in enumerate(in_points):
        left, edge = start + pitch * index, up(value)
        if value != 0:
            right = left + max(pitch * 0.82, 0.8)
            bars[value > 0].append(box(left, min(edge, up(0)), right, max(edge, up(0))))
    helped, hurt = sum(value > 0 for value in ordered), sum(value < 0 for value in ordered)
    marks += [path("hurt", bars[False]), path("helped", bars[True])]
    marks.append(path("hurt", [box(LEFT, 12, LEFT + 11, 23)]))
    marks.append(label("label", (LEFT + 18, 22), f"{signed(-1)[0]} worse for {hurt:,}"))
    words = f"+ better for {helped:,}"
    marks.append(label("label", (RIGHT - 18, 22), words, "end"))
    marks.append(path("helped", [box(RIGHT - 11, 12, RIGHT, 23)]))
    each = f"a bar: {_each(len(ordered), MOST_BARS)}"
    marks.append(label("tick", (RIGHT, 240), each, "end"))
    many = counted(len(ordered), "person", "people")
    said = f"{many}: better for {helped}, worse for {hurt}, unchanged for the rest"
    if ordered:
        said += f"; from {signed(100 * ordered[0], 1)} to {signed(100 * ordered[-1], 1)} points"
    return chart("What fitting changed for each person", f"{said}.", 248, marks)


def classes(rows: Sequence[ClassRecall]) -> Markup:
    """Recall of every class: a thin bar per arm."""
    first = LEFT + 90
    across = Scale(0.0, 1.0, first, RIGHT - 16)
    thick, gap = 9.0, 16.0
    tall = max((len(row.recalls) for row in rows), default=1) * thick
    bottom = 34 + len(rows) * (tall + gap)
    marks = []
    for step in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = across(step)
        marks.append(line("grid" if step else "axis", (x, 30), (x, bottom - 4)))
        marks.append(label("tick", (x, bottom + 14), percent(step, 0), "middle"))
    said = []
    for index, row in enumerate(rows):
        top = 38 + index * (tall + gap)
        cut = row.name if len(row.name) <= LONGEST_NAME else row.name[: LONGEST_NAME - 1] + "\u2026"
        marks.append(label("label", (first - 10, top + tall / 2 + 4), cut, "end"))
        for place, (arm, recall) in enumerate(row.recalls):
            y = top + place * thick
            if recall is None:
                marks.append(label("small", (first + 5, y + thick - 1), "n/a"))
            else:
                marks.append(path(arm.colour, [box(first, y, across(recall), y + thick - 2)]))
        found = ", ".join(f"{arm.name} {percent(recall, 0)}" for arm, recall in row.recalls)
        said.append(f"{row.name}: {found}")
    left = 2.0
    for arm, _ in rows[0].recalls if rows else ():
        marks.append(path(arm.colour, [box(left, 8, left + 11, 19)]))
        marks.append(label("label", (left + 17, 18), arm.name))
        left += 34 + LETTER * len(arm.name)
    return chart("Recall of each class", f"{'; '.join(said) or 'no classes'}.", bottom + 22, marks)
