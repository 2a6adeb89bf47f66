"""``holter bench secagg``: what secure aggregation costs on the machine at hand."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

from holter.cli.calls import UserError

_WHAT = ("secagg",)


def bench(
    what: str = typer.Argument(help="What to measure: secagg."),
    runs: int = typer.Option(5, min=1, help="Runs of each measurement; the median is printed."),
) -> None:
    """Measure on this machine, beside the floor of the cipher; some minutes.

    Example: holter bench secagg
    """
    if what not in _WHAT:
        raise UserError(f"nothing is called {what!r} here; it is one of: {', '.join(_WHAT)}")
    from holter.simulator.bench import clock, secagg  # numpy and the machines: only when asked

    console = Console()
    table = Table(
        title=f"{clock.machine()}\nmedians of {runs} interleaved runs; noise off, and apart"
    )
    table.title_justify = "left"
    for column in ("what", "measured", "held to"):
        table.add_column(column, overflow="fold", justify="left")
    with console.status("measuring") as status:
        for row in secagg.rows(runs):
            status.update(f"measured: {row.what}")
            verdict = {True: "reached", False: "MISSED", None: ""}[row.met]
            table.add_row(row.what, row.value, f"{row.reach} {verdict}".strip())
            if row.more:
                table.add_row(f"  {row.more}", style="dim")
    console.print(table)


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(bench)
