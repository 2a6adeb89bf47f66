"""Many recordings, one line each under the name of their folder, for a terminal of any width.

Columns are as wide as what is in them. Where that is more than the terminal has, columns that can
be missed go first; then, step by step (``_SHRINK``), names of files lose their middle, sources
their end, and what a recording can feed goes on in the next line. A group of files that gave
several recordings is named once.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from holter.cli.inspecting import begun, lasted

_FILES, _SOURCE, _FEEDS = "files", "source", "can feed"
_RIGHT = ("lasts", "channels", "findings")
_CAN_BE_MISSED = ("findings", "from")
_SHRINK = ((_FILES, 32), (_FEEDS, 20), (_SOURCE, 20), (_FILES, 20), (_SOURCE, 13))
_BETWEEN = "  "

Row = Mapping[str, str]


def lines(recordings: Sequence[Mapping[str, Any]], width: int) -> list[str]:
    """A head, the folders, and the recordings of each (see ``inspecting.recording_facts``).

    No line is longer than ``width``, if that is 80 or more; a folder's name may be.
    """
    rows = sorted((_row(facts) for facts in recordings), key=lambda row: (row["folder"], row["at"]))
    indent = _BETWEEN if any(row["folder"] for row in rows) else ""
    widths = _widths(rows, width - len(indent))
    told = [indent + line for line in _lines({name: name for name in widths}, widths)]
    folder, before = "", ("", "")
    for row in rows:
        if row["folder"] != folder:
            folder, before = row["folder"], ("", "")
            told.append(f"{folder}/")
        files, source = what = (row[_FILES], row[_SOURCE])
        if what == before:
            files = source = ""
        shown = {**row, _FILES: files, _SOURCE: source}
        told += [indent + line for line in _lines(shown, widths)]
        before = what
    return told


def _row(facts: Mapping[str, Any]) -> Row:
    names = facts["files"]
    folder, _, first = names[0].rpartition("/")
    return {
        "folder": folder,
        "at": first,
        _FILES: first + (f" +{len(names) - 1}" if len(names) > 1 else ""),
        _SOURCE: facts["source"],
        "person": facts.get("person", ""),
        "from": begun(facts),
        "lasts": lasted(facts),
        "channels": str(len(facts["channels"])),
        "findings": f"{sum(finding['count'] for finding in facts['findings']):,}",
        _FEEDS: ", ".join(task["task"] for task in facts["tasks"] if task["why_not"] is None),
    }


def _widths(rows: Sequence[Row], width: int) -> dict[str, int]:
    """Columns in order, and how wide each is."""
    named = any(row["person"] for row in rows)
    columns = [_FILES, _SOURCE, *(["person"] if named else []), "from", "lasts", "channels"]
    widths = {
        name: max(len(name), *(len(row[name]) for row in rows))
        for name in (*columns, "findings", _FEEDS)
    }

    def too_much() -> int:
        return sum(widths.values()) + len(_BETWEEN) * (len(widths) - 1) - width

    for name in _CAN_BE_MISSED:
        if too_much() > 0:
            del widths[name]
    for name, least in _SHRINK:
        if too_much() > 0:
            widths[name] = max(min(least, widths[name]), widths[name] - too_much())
    return widths


def _lines(row: Row, widths: Mapping[str, int]) -> list[str]:
    """One line; more where what it can feed is wider than its column."""
    cells = {name: _fitted(name, row[name], width) for name, width in widths.items()}
    first, *more = textwrap.wrap(row[_FEEDS], widths[_FEEDS], break_on_hyphens=False) or [""]
    line = _BETWEEN.join([*(cells[name] for name in cells if name != _FEEDS), first])
    return [line.rstrip(), *(" " * (len(line) - len(first)) + words for words in more)]


def _fitted(column: str, words: str, width: int) -> str:
    """Words in a width: a name of files is cut in its middle, for its end tells what it is."""
    if column in _RIGHT:
        return words.rjust(width)
    if len(words) <= width:
        return words.ljust(width)
    if column != _FILES:
        return words[: width - 1] + "…"
    tail = (width - 1) * 2 // 3
    return words[: width - 1 - tail] + "…" + words[len(words) - tail :]
