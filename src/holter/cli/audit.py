"""``holter audit``: attack the pipeline under a run's own plan, and say what was found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from holter.cli import calls
from holter.cli.calls import CheckFailed, UserError
from holter.simulator.store import AUDIT, AUDIT_REPORT


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(audit)


def audit(
    run: Path = typer.Argument(..., help="Folder of a finished run."),
    quick: bool = typer.Option(
        False, "--quick", help="A fifth of the draws: half a minute instead of minutes."
    ),
    data: Path | None = typer.Option(
        None, "--data", help="Root of recordings, to compare members with new people."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print it as JSON."),
    html: Path | None = typer.Option(None, "--html", help="Write the page to this file as well."),
) -> None:
    """Attack the pipeline under a run's plan; write audit.json and audit.html into the run.

    Exit 3 where an audit fails. It finds gross faults; a passed one proves nothing.
    Example: holter audit runs/demo --quick
    """
    if html is not None and not html.resolve().parent.is_dir():
        raise UserError(f"there is no folder {html.resolve().parent} for the page")
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    errors.print(f"auditing the pipeline under the plan of {run}: {_takes(quick)}", markup=False)
    found = calls.audit(run, quick=quick, data=data)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        _print(Console(highlight=False, soft_wrap=True), found)
    written = [run / AUDIT, run / AUDIT_REPORT]
    if html is not None:
        try:
            html.write_bytes(written[1].read_bytes())
        except OSError as error:
            raise UserError(f"{html} cannot be written: {error.strerror}") from None
        written.append(html)
    errors.print(f"written: {', '.join(map(str, written))}", markup=False)
    failed = [one["name"] for one in found["findings"] if not one["passed"]]
    if failed:
        total = len(found["findings"])
        raise CheckFailed(f"{len(failed)} of {total} audits failed", [", ".join(failed)])


def _takes(quick: bool) -> str:
    if quick:
        return "about half a minute"
    return "one to five minutes, by the size of model and cohort (--quick: half a minute)"


def _print(console: Console, found: Mapping[str, Any]) -> None:
    for one in found["findings"]:
        verdict = "passed" if one["passed"] else "FAILED"
        console.print(f"{verdict} {one['name']}: {one['what']}", markup=False)
    for one in found["left_out"]:
        console.print(f"left out {one['name']}: {one['why']}", markup=False)
    console.print(
        "An audit finds gross faults; a passed one proves nothing. "
        "SIMULATION: nobody is protected by this run.",
        markup=False,
    )
