"""Commands about recordings: inspect says what files hold, import keeps them, prepare cuts a set."""

from __future__ import annotations

import json
import textwrap
import time
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from holter.cli import importing, inspecting, overview, preparing
from holter.cli.inspecting import Reading
from holter.dash.numbers import SPACE
from holter.device.store_file import is_store

MOST_SHOWN = 8  # recordings in full; of more, one line each
MOST_NAMES = 4  # of files, where many are meant
Row = tuple[str, ...]
app = typer.Typer(
    no_args_is_help=True,
    help="Look into recordings of devices and apps, keep them in a store, prepare public sets.",
)
_ZONE = typer.Option(
    None, "--zone", help="IANA zone of wall-clock times, such as Europe/Berlin, where none is told."
)
_MAPPING = typer.Option(
    None, "--mapping", help="A TOML file that says what the columns of a table are."
)


def register(to: typer.Typer) -> None:
    """Add this group's commands."""
    to.add_typer(app, name="data")


@app.command()
def inspect(
    path: Path = typer.Argument(..., help="A file, a folder, a zip or a store."),
    zone: str | None = _ZONE,
    mapping: Path | None = _MAPPING,
    plot: Path | None = typer.Option(None, "--plot", help="Draw it into this PNG."),
    list_people: bool = typer.Option(
        False, "--list-people", help="Print the names that files give to people."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print it as JSON."),
) -> None:
    """Say what files hold: channels, times, what of them is usable and what they can feed.

    Example: holter data inspect export.zip --zone Europe/Berlin --plot night.png
    """
    if plot is not None:
        preparing.check_writable(plot, ".png", "the only kind of picture that is drawn")
    found = inspecting.inspect(
        path, inspecting.options(zone, mapping), list_people=list_people, keep=plot is not None
    )
    if plot is not None and found.kept:
        from holter.dash.recording_plot import figure_png

        with inspecting.mendable():
            recordings = [recording for recording, _ in found.kept]
            shares = [shares for _, shares in found.kept]
            drawn = figure_png(recordings, inspecting.title(found.recordings), shares)
        preparing.replaced(plot, lambda file: file.write(drawn))
    if as_json:
        typer.echo(json.dumps(found.facts(), indent=2))
    else:
        _show(Console(), found.recordings, found.met)
    if not found.recordings:
        raise found.met.nothing(path)
    if plot is not None:
        _note(f"plot: {plot}")
    if is_store(path) and (zone is not None or mapping is not None):
        _note("--zone and --mapping mean nothing for a store: it is as it was imported")


@app.command(name="import")
def import_(
    path: Path = typer.Argument(..., help="A file, a folder or a zip."),
    into: Path = typer.Option(..., "--into", help="The store; made where there is none."),
    person: str | None = typer.Option(
        None, "--person", help="Whose recordings, where files hold several people."
    ),
    zone: str | None = _ZONE,
    mapping: Path | None = _MAPPING,
) -> None:
    """Keep one person's recordings in a store on this device; what is there is not added again.

    Example: holter data import export.zip --into my.store
    """
    done = importing.import_into(
        path,
        into,
        inspecting.options(zone, mapping),
        person=person,
        minute=int(time.time() // 60),
    )
    console = Console()
    columns = ("source", "rows", "grown", "samples", "known already", "conflicts")
    rows = [
        (
            one.source,
            f"{one.rows_new:,}",
            f"{one.rows_grown:,}",
            f"{one.samples_new:,}",
            f"{one.rows_known + one.samples_known:,}",
            f"{one.conflicts:,}",
        )
        for one in done.added
    ]
    _tabled(console, columns, rows, set(columns[1:]), f"added to {into}")
    if not any(one.anything for one in done.added):
        _say(console, f"nothing new: {into} had all of it already")
    if any(one.conflicts for one in done.added):
        _say(console, "conflicts: another value for a time that was there; what is there is kept")
    if any(one.rows_grown for one in done.added):
        _say(console, "grown: a sum that was exported before its time was over; the larger is kept")
    if done.whose:
        _say(console, f"whose: {done.whose}")
    _show_met(console, done.met)


@app.command()
def prepare(
    name: str = typer.Argument(..., metavar="SET", help="Its name; see holter data sets."),
    folder: Path = typer.Argument(..., help="Where it was downloaded to: a folder or a zip."),
    into: Path = typer.Option(..., "--into", help="The file of windows to write, windows.npz."),
    force: bool = typer.Option(False, "--force", help="Replace a file that is there."),
) -> None:
    """Turn a public set that you have downloaded into a file of windows that a study reads.

    Example: holter data prepare uci-har "UCI HAR Dataset.zip" --into windows.npz
    """
    one, notes = preparing.prepare(name, folder, into, force=force)
    for line in notes:
        _note(line)
    _note(f"wrote {into}; a study reads it with this [data]:")
    typer.echo(one.study.rstrip())


@app.command()
def sets() -> None:
    """List the public sets that holter prepares, where they come from and under which terms.

    Example: holter data sets
    """
    from holter.signals.sets import SETS

    console = Console()
    for one in SETS.values():
        table = Table(title=one.name, title_justify="left", title_style="bold", show_header=False)
        table.add_column("what", no_wrap=True)
        table.add_column("value", overflow="fold")
        rows = {
            "what": one.title,
            "task": one.task,
            "people": f"{one.people:,}",
            "where": one.where,
            "licence": one.licence,
            "cite": one.citation,
            "get it": one.fetch,
        }
        for what, value in rows.items():
            table.add_row(what, escape(value.strip()))
        console.print(table)


# --- printing ---


def _show(console: Console, recordings: list[dict[str, Any]], met: Reading) -> None:
    if len(recordings) > MOST_SHOWN:
        _say(console, f"{len(recordings):,} recordings")
        for line in overview.lines(recordings, console.width):
            _say(console, line)
        _say(console, "more of each: name one file or folder, or --json")
    else:
        for facts in recordings:
            _show_one(console, facts)
    if recordings or len(met.not_read) > 1:  # otherwise the error says it
        _show_met(console, met)


def _show_one(console: Console, facts: Mapping[str, Any]) -> None:
    title = facts["source"] + (f" ({facts['device_class']})" if facts["device_class"] else "")
    console.print(title, style="bold", markup=False, highlight=False)
    if facts["synthetic"]:
        console.print("SYNTHETIC: nobody ever wore this", style="bold yellow")
    if "person" in facts:
        _say(console, f"person {facts['person'] or 'not named'}")
    _say(console, f"{facts['format']}: {_named(facts['files'])}")
    _say(console, inspecting.spoken(facts))
    columns = ("channel", "unit", "values", "rate", "usable", "why not all")
    rows = [_cells(channel) for channel in facts["channels"]]
    _tabled(console, columns, rows, {"values", "rate", "usable"})
    for finding in facts["findings"]:
        where = f" ({finding['channel']})" if finding["channel"] else ""
        _say(console, f"  {finding['what']}{where}: {finding['count']:,}")
    fed = [task["task"] for task in facts["tasks"] if task["why_not"] is None]
    _say(console, f"can feed: {', '.join(fed) if fed else 'no task'}")
    if fed:
        learnt = [task["task"] for task in facts["tasks"] if task["labels"]]
        _say(console, f"with labels to learn from: {', '.join(learnt) if learnt else 'none'}")
    others = [f"{t['task']} ({t['why_not']})" for t in facts["tasks"] if t["why_not"] is not None]
    if others:
        _say(console, f"cannot feed: {', '.join(others)}")
    console.print()


def _tabled(
    console: Console, columns: Sequence[str], rows: Sequence[Row], right: Set[str], title: str = ""
) -> None:
    """A table; on a narrow terminal without lines, its first column wrapped between words and its
    last between reasons. Where words would break even so, each row goes on in a line below.
    """
    heads = list(columns)
    lined = _breadth([heads, *rows], 3) + 1 <= console.width
    if not lined and _breadth([heads, *rows], 2) > console.width:
        rows = [(*row[:-1], row[-1].replace(", ", ",\n")) for row in rows]
        needed = [_breadth([(cell,) for cell in cells], 0) for cells in zip(*rows, strict=True)]
        heads = [
            head if len(head) <= least else head.replace(" ", "\n")
            for head, least in zip(heads, needed, strict=True)
        ]
    if title:
        _say(console, title)
    firsts = [heads[0], *(row[0] for row in rows)]
    rest = _breadth([("", *heads[1:]), *(("", *row[1:]) for row in rows)], 3 if lined else 2)
    room = console.width - rest - lined
    if room < max(len(word) for first in firsts for word in first.split()):
        _stacked(console, columns, rows)
        return
    style: dict[str, Any] = {} if lined else {"box": None, "padding": (0, 2, 0, 0)}
    table = Table(**style)
    for number, (column, head) in enumerate(zip(columns, heads, strict=True)):
        table.add_column(
            head,
            justify="right" if column in right else "left",
            no_wrap=number > 0,
            width=None if number else min(room, max(map(len, firsts))),
        )
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console.print(table)


def _stacked(console: Console, columns: Sequence[str], rows: Sequence[Row]) -> None:
    for first, *others in rows:
        _say(console, first)
        told = ", ".join(
            f"{column} {cell}".replace(" ", SPACE).replace("\n", " ")
            for column, cell in zip(columns[1:], others, strict=True)
            if cell
        )
        for line in textwrap.wrap(told, max(console.width - 2, 20), break_long_words=False):
            _say(console, f"  {line}")


def _breadth(rows: Iterable[Sequence[str]], between: int) -> int:
    """Of a table: its columns, each as wide as its widest line, and what is between them."""
    columns = list(zip(*rows, strict=True))
    return sum(
        between + max(len(line) for cell in cells for line in cell.split("\n")) for cells in columns
    )


def _cells(channel: Mapping[str, Any]) -> tuple[str, ...]:
    name = channel["name"]
    axes = [axis for axis in channel.get("axes", ()) if axis and not name.endswith(f":{axis}")]
    name += f" {', '.join(axes)}" if axes else ""
    shares = dict(channel.get("shares", {}))
    usable = shares.pop("usable", None)
    why = [f"{reason} {_percent(share)}" for reason, share in shares.items() if share > 0]
    return (
        name,
        "" if channel["unit"] == "1" else channel["unit"],
        f"{channel.get('rows', channel.get('samples')):,}",
        rate(channel),
        "" if usable is None else _percent(usable),
        ", ".join(why),
    )


def rate(channel: Mapping[str, Any]) -> str:
    """How often a channel is measured, and what the device says of itself where that differs."""
    measured, nominal = channel["rate_hz"], channel.get("nominal_rate_hz")
    if not measured:
        return ""
    if measured < 1:
        seconds = 1 / measured
        for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
            if seconds >= length:
                return f"each {seconds / length:.3g} {unit}"
    told = f"{measured:.4g} Hz"
    return told if nominal is None or f"{nominal:.4g} Hz" == told else f"{told} ({nominal:g})"


def _percent(share: float) -> str:
    """Never 100 % or 0 % of what is not all or nothing."""
    if 0 < share < 0.001:
        return f"<0.1{SPACE}%"
    if 0.999 < share < 1:
        return f">99.9{SPACE}%"
    return f"{100 * share:.1f}{SPACE}%".replace(f".0{SPACE}", SPACE)


def _show_met(console: Console, met: Reading) -> None:
    if met.not_read:
        console.print("not read", style="bold")
        for one in met.not_read:
            _say(console, f"  {one.told}")
    if met.unknown:
        _say(console, f"of no format that holter knows: {_named(met.unknown)}")
    for why, count in sorted(met.left_out.items()):
        _say(console, f"left out: {why} ({count:,})")


def _named(names: Iterable[str], most: int = MOST_NAMES) -> str:
    """The first names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - most:,} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def _say(console: Console, words: str) -> None:
    console.print(words, markup=False, highlight=False, soft_wrap=True)


def _note(words: str) -> None:
    _say(Console(stderr=True), words)
