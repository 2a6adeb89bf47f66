"""Commands that make and use runs: demo, simulate, evaluate."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import typer
from rich.console import Console
from rich.panel import Panel

from holter.cli import calls, show
from holter.rounds.study import Study


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(demo)
    app.command()(simulate)
    app.command()(evaluate)


def demo(
    out: Path | None = typer.Option(None, "--out", help="Keep the run in this new folder."),
    force: bool = typer.Option(False, "--force", help="Replace a run that is there."),
) -> None:
    """The main job on 1,000 synthetic wearers, in half a minute.

    Example: holter demo --out runs/demo
    """
    console = Console()
    study = Study.parse(demo_text())
    console.print(
        Panel(
            "1,000 synthetic wearers learn to tell six activities apart from wrist acceleration and "
            "heart rate. 750 take part, 75 a round; 250 are new. Updates are clipped, noised and "
            "masked; the first round goes message by message through secure aggregation.",
            title="holter demo",
            title_align="left",
        )
    )
    with show.watching(console) as tell:
        run = calls.simulate(study, out, force=force, on_round=tell)
    show.screen(console, run)


def demo_text() -> str:
    """The demo's study.toml."""
    return resources.files("holter.cli").joinpath("demo.toml").read_text(encoding="utf-8")


def simulate(
    study: Path | None = typer.Argument(None, help="A study.toml."),
    out: Path | None = typer.Option(None, "--out", help="New folder for the run."),
    data: Path | None = typer.Option(
        None, "--data", help="Root of recordings (default: HOLTER_DATA, else ./data)."
    ),
    overrides: list[str] = typer.Option(
        [], "--set", metavar="TABLE.KEY=VALUE", help="Override one key; may be repeated."
    ),
    resume: Path | None = typer.Option(None, "--resume", help="Go on with an interrupted run."),
    force: bool = typer.Option(False, "--force", help="Replace a run that is there."),
) -> None:
    """Run a study in one process and write its folder.

    Example: holter simulate studies/walch_sleep.toml --data ../shared/data --out runs/sleep
    """
    console = Console()
    if resume is not None:
        if study is not None or out is not None or overrides:
            raise calls.UserError("--resume takes the run's folder alone: its study is in it")
        with show.watching(console) as tell:
            run = calls.resume(resume, data=data, on_round=tell)
    else:
        if study is None or out is None:
            raise calls.UserError("name a study and a folder: holter simulate study.toml --out RUN")
        with show.watching(console) as tell:
            run = calls.simulate(
                study, out, data=data, overrides=overrides, force=force, on_round=tell
            )
    show.screen(console, run)


def evaluate(
    run: Path = typer.Argument(..., help="Folder of a finished run."),
    data: Path = typer.Option(
        ...,
        "--data",
        help="Another file of the study's layout; of a run on synthetic people, recordings "
        "that its task cuts.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the evaluation as JSON."),
) -> None:
    """Test a run's model on the people of another file, or on real recordings.

    Example: holter evaluate runs/sleep --data other_people.npz --json
    """
    evaluation = calls.evaluate(run, data)
    if as_json:
        typer.echo(json.dumps(evaluation, indent=2))
    else:
        Console().print(show.comparison(evaluation))
