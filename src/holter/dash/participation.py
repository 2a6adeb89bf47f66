"""The chart of who took part: devices asked, reported and dropped out in each round.

All folds are added together. Beyond ``MOST_POINTS`` rounds a bar is the mean of a few
neighbouring rounds, and is crossed where any of them was abandoned. What was reported in an
abandoned round was thrown away unread, so it is drawn grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from holter.dash.numbers import count, counted
from holter.dash.svg import LEFT, WIDTH, Scale, box, chart, cross, label, line, path, ticks
from holter.dash.timeline import MOST_POINTS, Round

PLOT_TOP: Final = 48.0  # room for the crosses under the legend


def participation(rounds: Sequence[Round]) -> Markup:
    """Devices per round, all folds together: reported, dropped out; abandoned rounds grey."""
    indexes = sorted({entry.index for entry in rounds})
    group = max(-(-len(indexes) // MOST_POINTS), 1)  # rounds in one bar
    groups = [set(indexes[start : start + group]) for start in range(0, len(indexes), group)]
    by_index: dict[int, list[Round]] = {index: [] for index in indexes}
    for entry in rounds:
        by_index[entry.index].append(entry)
    bars: dict[str, list[str]] = {"federated": [], "idle": [], "dropped": []}
    tallest = 0.0
    heights = []
    for members in groups:
        entries = [entry for index in members for entry in by_index[index]]
        asked = sum(entry.asked for entry in entries) / len(members)
        kept = sum(e.reported for e in entries if e.closed) / len(members)
        idle = sum(e.reported for e in entries if not e.closed) / len(members)
        heights.append((kept, kept + idle, max(asked, kept + idle)))
        tallest = max(tallest, heights[-1][2])
    steps = ticks(0.0, tallest or 1.0, about=4)
    up = Scale(steps[0], steps[-1], 190, PLOT_TOP)
    right = WIDTH - 16
    pitch = (right - LEFT) / max(len(groups), 1)
    wide = min(pitch, 40.0)
    marks = []
    for step in steps:
        marks.append(line("grid" if step else "axis", (LEFT, up(step)), (right, up(step))))
        marks.append(label("tick", (LEFT - 8, up(step) + 4), f"{step:,g}", "end"))
    crosses = []
    for place, (kept, reported, asked) in enumerate(heights):
        middle = LEFT + (place + 0.5) * pitch
        sides = (middle - wide * 0.41, middle + wide * 0.41)
        layers = (("federated", 0.0, kept), ("idle", kept, reported), ("dropped", reported, asked))
        for css, low, high in layers:
            if high > low:
                bars[css].append(box(sides[0], up(high), sides[1], up(low)))
        if any(not entry.closed for index in groups[place] for entry in by_index[index]):
            crosses.append(cross((middle, up(asked) - 8), 3.5))
    marks += [path(css, commands) for css, commands in bars.items()]
    marks.append(path("crossed", crosses))
    every = max(-(-len(groups) // 10), 1)
    for place in range(0, len(groups), every):
        where = (LEFT + (place + 0.5) * pitch, 210.0)
        marks.append(label("tick", where, count(min(groups[place])), "middle"))
    for left, css, words in ((LEFT, "federated", "reported"), (196, "dropped", "dropped out")):
        marks.append(path(css, [box(left, 8, left + 11, 19)]))
        marks.append(label("label", (left + 17, 18), words))
    abandoned = sum(not entry.closed for entry in rounds)
    if abandoned:
        marks.append(path("idle", [box(366, 8, 377, 19)]))
        marks.append(path("crossed", [cross((390, 13.5))]))
        marks.append(label("label", (402, 18), "abandoned round"))
    said = (
        f"{counted(len(indexes), 'round', 'rounds')}: {count(sum(e.asked for e in rounds))} asked, "
        f"{count(sum(e.reported for e in rounds))} reported; {count(abandoned)} abandoned."
    )
    return chart("Devices in each round", said, 218, marks)
