"""Coordinates and marks: the little SVG that the charts need, written by hand.

A chart is 700 units wide and as tall as it needs; the page scales it. Colours and letter
sizes come from style-sheet classes, so one drawing serves light, dark, print and a phone.
There are no ids and no links inside, so any number of charts may share one document. Text
is escaped here and nowhere else. Coordinates keep one decimal: a tenth of a unit is less
than a screen pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

WIDTH: Final = 700.0  # units of every viewBox
LEFT: Final = 58.0  # room for "100 %" in the larger letters of a phone
Point = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """Maps [low, high] to [start, end], linearly; a range of no length maps to its middle."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def coordinate(value: float) -> str:
    """A coordinate with at most one decimal."""
    written = f"{value:.1f}".removesuffix(".0")
    return "0" if written == "-0" else written


def ticks(low: float, high: float, about: int = 5) -> tuple[float, ...]:
    """Round numbers whose first is <= low and last >= high; steps of 1, 2 or 5 times 10^k."""
    if high <= low:
        high = low + 1.0
    rough = (high - low) / about
    power: float = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(index * step, 10) for index in range(first, last + 1))


def element(name: str, css: str, **attributes: float | str) -> str:
    """One empty element; an underscore in an attribute's name becomes a hyphen."""
    written = "".join(
        f' {key.replace("_", "-")}="{value if isinstance(value, str) else coordinate(value)}"'
        for key, value in attributes.items()
    )
    return f'<{name} class="{css}"{written}/>'


def line(css: str, start: Point, end: Point) -> str:
    """A straight line."""
    return element("line", css, x1=start[0], y1=start[1], x2=end[0], y2=end[1])


def label(css: str, where: Point, words: str, anchor: str = "start") -> str:
    """Words; ``anchor`` is start, middle or end."""
    x, y = coordinate(where[0]), coordinate(where[1])
    return f'<text class="{css}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def path(css: str, commands: Iterable[str]) -> str:
    """One path of many marks: a hundred dots cost a few bytes each. Empty: nothing."""
    joined = "".join(commands)
    return element("path", css, d=joined) if joined else ""


def dot(centre: Point) -> str:
    """A path command for a dot; its size is the stroke width of the path."""
    return f"M{coordinate(centre[0])} {coordinate(centre[1])}h0"


def box(left: float, top: float, right: float, bottom: float) -> str:
    """A path command for a filled rectangle."""
    return f"M{coordinate(left)} {coordinate(top)}H{coordinate(right)}V{coordinate(bottom)}" + (
        f"H{coordinate(left)}Z"
    )


def cross(centre: Point, reach: float = 4.0) -> str:
    """A path command for a cross: the mark of an abandoned round."""
    x, y = centre
    strokes = (
        (x - reach, y - reach, x + reach, y + reach),
        (x - reach, y + reach, x + reach, y - reach),
    )
    return "".join(
        f"M{coordinate(a)} {coordinate(b)}L{coordinate(c)} {coordinate(d)}"
        for a, b, c, d in strokes
    )


def polyline(css: str, points: Sequence[Point]) -> str:
    """A line through the points; a single point becomes a dot."""
    if len(points) == 1:
        return path(f"{css} single", [dot(points[0])])
    written = " ".join(f"{coordinate(x)},{coordinate(y)}" for x, y in points)
    return element("polyline", css, points=written) if points else ""


def chart(title: str, description: str, height: float, marks: Iterable[str]) -> Markup:
    """The whole drawing, with a name and a description for those who do not see it."""
    opening = (
        f'<svg class="chart" role="img" viewBox="0 0 {coordinate(WIDTH)} {coordinate(height)}">'
    )
    words = f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
    return Markup(opening + words + "".join(marks) + "</svg>")
