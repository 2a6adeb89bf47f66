"""Commands about recordings: inspect says what files hold, import keeps them, prepare cuts a set."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from holter.cli import importing, inspecting, overview, preparing
from holter.cli.inspecting import Reading

MOST_SHOWN = 8  # recordings in full; of more, one line each
MOST_NAMES = 4  # of files, where many are meant
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
    found = inspecting.inspect(
        path, inspecting.options(zone, mapping), list_people=list_people, keep=plot is not None
    )
    if plot is not None and found.kept:
        from holter.dash.recording_plot import figure_png

        with inspecting.mendable():
            recordings = [recording for recording, _ in found.kept]
            drawn = figure_png(recordings, path.name, [shares for _, shares in found.kept])
        preparing.replaced(plot, lambda file: file.write(drawn))
    if as_json:
        typer.echo(json.dumps(found.facts(), indent=2))
    else:
        _show(Console(), found.recordings, found.met)
    if not found.recordings:
        raise found.met.nothing(path)
    if plot is not None:
        _note(f"plot: {plot}")


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
    table = Table(title="added" if done.made else f"added to {into}", title_justify="left")
    for column in ("source", "rows", "grown", "samples", "known already", "conflicts"):
        table.add_column(column, justify="left" if column == "source" else "right", overflow="fold")
    for one in done.added:
        table.add_row(
            escape(one.source),
            f"{one.rows_new:,}",
            f"{one.rows_grown:,}",
            f"{one.samples_new:,}",
            f"{one.rows_known + one.samples_known:,}",
            f"{one.conflicts:,}",
        )
    console.print(table)
    if not any(one.anything for one in done.added):
        _say(console, f"nothing new: {into} had all of it already")
    if any(one.conflicts for one in done.added):
        _say(console, "conflicts: another value for a time that was there; what is there is kept")
    if any(one.rows_grown for one in done.added):
        _say(console, "grown: a sum that was exported before its time was over; the larger is kept")
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
    table = Table()
    for column in ("channel", "unit", "values", "rate", "usable", "why not all"):
        right = column in ("values", "rate", "usable")
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for channel in facts["channels"]:
        table.add_row(*(escape(cell) for cell in _cells(channel)))
    console.print(table)
    for finding in facts["findings"]:
        where = f" ({finding['channel']})" if finding["channel"] else ""
        _say(console, f"  {finding['count']:,} {finding['what']}{where}")
    fed = [task["task"] for task in facts["tasks"] if task["why_not"] is None]
    _say(console, f"can feed: {', '.join(fed) if fed else 'no task'}")
    others = [f"{t['task']} ({t['why_not']})" for t in facts["tasks"] if t["why_not"] is not None]
    if others:
        _say(console, f"cannot feed: {', '.join(others)}")
    console.print()


def _cells(channel: Mapping[str, Any]) -> tuple[str, ...]:
    name = channel["name"]
    axes = [axis for axis in channel.get("axes", ()) if axis and not name.endswith(f":{axis}")]
    name += f" {', '.join(axes)}" if axes else ""
    shares = dict(channel.get("shares", {}))
    usable = shares.pop("usable", None)
    why = [f"{reason} {_percent(share)}" for reason, share in shares.items() if share > 0]
    return (
        name,
        channel["unit"],
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
        return "<0.1 %"
    if 0.999 < share < 1:
        return ">99.9 %"
    return f"{100 * share:.1f} %".replace(".0 ", " ")


def _show_met(console: Console, met: Reading) -> None:
    if met.not_read:
        console.print("not read", style="bold")
        for one in met.not_read:
            _say(console, f"  {one.told}")
    if met.unknown:
        _say(console, f"of no format that holter knows: {_named(met.unknown)}")
    for why, count in sorted(Counter(met.left_out).items()):
        _say(console, f"left out: {count:,} {why}")


def _named(names: Iterable[str], most: int = MOST_NAMES) -> str:
    """The first names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - most:,} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def _say(console: Console, words: str) -> None:
    console.print(words, markup=False, highlight=False, soft_wrap=True)


def _note(words: str) -> None:
    _say(Console(stderr=True), words)
