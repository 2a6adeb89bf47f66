"""``holter privacy``: plan a promise before a study, check one after a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from holter.cli import calls, ledgers
from holter.cli.calls import UserError
from holter.rounds import planner
from holter.rounds.out_of_reach import LEAST_SIGNAL_TO_NOISE
from holter.rounds.planner import Answer, Question
from holter.rounds.tables import StudyError

app = typer.Typer(help="Plan a privacy promise, check a run's.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add this group."""
    root.add_typer(app, name="privacy")


@app.command()
def plan(
    population: int = typer.Option(..., min=4, help="People who may be asked."),
    cohort: int = typer.Option(..., min=2, help="Clients that a round wants."),
    rounds: int = typer.Option(..., min=1, help="Rounds of training."),
    parameters: int = typer.Option(..., min=1, help="Parameters that are sent."),
    epsilon: float | None = typer.Option(None, help="Target for the whole study."),
    noise_multiplier: float | None = typer.Option(
        None, help="Instead: noise on the sum over the clip."
    ),
    delta: float = typer.Option(1e-6, help="Chance that the bound fails."),
    mode: str = typer.Option("distributed", help="distributed, central or local."),
    survivors_floor: int | None = typer.Option(None, help="Fewest whose sum is opened."),
    colluders: int | None = typer.Option(None, help="Corrupt clients to bear."),
    max_participations: int | None = typer.Option(None, help="Rounds of one device, at most."),
    min_separation: int | None = typer.Option(None, help="Rounds between two of one device."),
    metrics_share: float = typer.Option(0.0, help="Share of each charge for private metrics."),
    survival: float | None = typer.Option(None, help="Share that earlier rounds kept."),
    solve: str | None = typer.Option(
        None, help="Look for the nearest that works: population, rounds, epsilon, parameters."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print it as JSON."),
) -> None:
    """What a promise costs: noise, lane and forecast, before there is any data.

    Exit 2 where the forecast is below 0.3, with the nearest plan that works. Example: holter
    privacy plan --population 1000 --cohort 100 --rounds 100 --parameters 2000 --epsilon 8
    """
    question = Question(
        population=population,
        cohort=cohort,
        rounds=rounds,
        parameters=parameters,
        delta=delta,
        mode=mode,
        epsilon=epsilon,
        noise_multiplier=noise_multiplier,
        survivors_floor=survivors_floor,
        colluders=colluders,
        max_participations=max_participations,
        min_separation=min_separation,
        metrics_share=metrics_share,
        survival=survival,
    )
    if mode == "none":
        raise UserError("mode none adds no noise and promises nothing: there is nothing to plan")
    try:
        if solve is not None:
            question = planner.solve(_askable(question, solve), solve)
        found = planner.answer(question)
    except StudyError as error:
        raise UserError(str(error)) from error
    if as_json:
        typer.echo(json.dumps(found.facts(), indent=2))
    else:
        _show(Console(), found)
    if not found.teaches:
        raise UserError(_nearest(found))


@app.command()
def report(
    run: Path = typer.Argument(..., help="Folder of a finished run."),
    as_json: bool = typer.Option(False, "--json", help="Print it as JSON."),
    html: Path | None = typer.Option(None, "--html", help="Write it as a page to this file."),
) -> None:
    """Recompute a run's promise from its ledger and report it in fourteen points.

    Exit 3 where anything differs. Example: holter privacy report runs/demo --html privacy.html
    """
    found = calls.privacy_report(run).facts()
    if html is not None:
        from holter.dash.privacy_page import privacy_html

        try:
            html.write_text(privacy_html(found), encoding="utf-8")
        except OSError as error:
            raise UserError(f"{html} cannot be written: {error.strerror}") from error
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        _print_report(Console(), found)
    if html is not None:
        Console(stderr=True).print(f"page: {html}", highlight=False, soft_wrap=True)


@app.command()
def ledger(
    folder: Path = typer.Argument(..., help="Folder of a run, or of a device's vault."),
    key: str | None = typer.Option(None, help="Public key of its signatures, in hex."),
) -> None:
    """Check a ledger's chain and show what it says. Exit 3 where it does not hold.

    Example: holter privacy ledger runs/demo
    """
    table = Table(title="privacy ledger", title_justify="left", show_header=False)
    table.add_column("what", overflow="fold")
    table.add_column("value", overflow="fold")
    for what, value in ledgers.rows(folder, key):
        table.add_row(what, value)
    Console().print(table)


def _print_report(console: Console, found: Mapping[str, Any]) -> None:
    console.print(f"privacy report of {found['study']}", highlight=False, markup=False)
    for banner in found["banners"]:
        console.print(banner, style="bold", highlight=False, markup=False)
    for point in found["points"]:
        console.print(f"\n{point['number']}. {point['title']}", style="bold", highlight=False)
        for name, value in point["facts"].items():
            console.print(f"   {name}: {value}", highlight=False, markup=False)
        for text in point["words"]:
            console.print(f"   {text}", highlight=False, markup=False)


def _askable(question: Question, unknown: str) -> Question:
    """Without what is looked for, so that it need not be named twice."""
    if unknown == "epsilon" and question.noise_multiplier is not None:
        raise UserError("--solve epsilon looks for the noise: leave --noise-multiplier out")
    if unknown != "epsilon" and question.epsilon is question.noise_multiplier is None:
        raise UserError(f"--solve {unknown} needs --epsilon or --noise-multiplier")
    return question


def _nearest(found: Answer) -> str:
    """One line: why it would teach nothing, and the nearest plans that would."""
    ways = []
    for unknown in planner.UNKNOWNS:
        try:
            value = getattr(planner.solve(found.question, unknown), unknown)
        except StudyError:
            continue
        ways.append(f"{unknown} {value:,.4g}" if unknown == "epsilon" else f"{unknown} {value:,}")
    found_ways = "; or ".join(ways) if ways else "none that changes one number alone"
    return (
        f"a round's signal would be {found.signal_to_noise:.2g} of its noise, "
        f"{LEAST_SIGNAL_TO_NOISE} is the least that teaches. Nearest that works: {found_ways}"
    )


def _show(console: Console, found: Answer) -> None:
    question, plan, grid = found.question, found.plan, found.plan.grid
    table = Table(title="privacy plan", title_justify="left", show_header=False)
    table.add_column("what", no_wrap=True)
    table.add_column("value", overflow="fold")
    for what, value in _rows(found):
        table.add_row(what, value)
    console.print(table)
    others = Table(title="one number changed", title_justify="left")
    for column in ("change", "signal / noise", "epsilon", "noise multiplier", "bytes up"):
        others.add_column(column, justify="left" if column == "change" else "right")
    others.add_row("as asked", *_cells(found), style="bold")
    for name, other in planner.alternatives(question):
        others.add_row(name, *_cells(other))
    console.print(others)
    for warning in found.warnings:
        console.print(f"warning: {warning}", style="yellow", highlight=False)
    if plan.groups > 1:
        console.print(
            f"{plan.groups} sums beside each other, each with all of the noise", highlight=False
        )
    if grid.lane_bits == 32:
        console.print("32-bit lanes: 4 bytes a parameter", highlight=False)


def _cells(found: Answer) -> tuple[str, ...]:
    return (
        f"{found.signal_to_noise:.2f}",
        f"{found.epsilon:.2f}",
        f"{found.plan.noise_multiplier:.2f}",
        f"{8 * found.plan.counts.words:,}",
    )


def _rows(found: Answer) -> list[tuple[str, str]]:
    facts: dict[str, Any] = found.facts()
    plan, grid = found.plan, found.plan.grid
    sigma = found.share_sigma
    noise = (
        f"{sigma:.1f} grid steps on each device (clip {grid.norm_limit} steps)"
        if sigma is not None
        else f"{plan.noise_multiplier:.3g} times the clip, added by the server, correlated over "
        f"{plan.bands} rounds"
    )
    return [
        ("mode", f"{plan.mode}: holds against {facts['adversary']}"),
        (
            "epsilon",
            f"{facts['epsilon']:.3f} at delta {plan.delta:g} ({facts['method']}; exact Gaussian "
            f"{facts['epsilon_exact']:.3f}, Renyi {facts['epsilon_renyi']:.3f})",
        ),
        (
            "a device takes part",
            f"at most {plan.max_participations} times, at least {plan.min_separation} rounds apart",
        ),
        ("noise multiplier", f"{plan.noise_multiplier:.4g} on the sum, over the clip"),
        ("noise", noise),
        (
            "survivors",
            f"{plan.counts.survivors_floor} or more in each sum, of which "
            f"{plan.counts.colluders} may be corrupt",
        ),
        (
            "lane",
            f"{grid.lane_bits} bits, {facts['upload_bytes']:,} bytes of update a round",
        ),
        (
            "noise on the mean",
            f"{found.noise_on_the_mean:.3g} of the clip in each parameter",
        ),
        (
            "signal / noise",
            f"{found.signal_to_noise:.2f} of a round, all updates aligned (0.3 teaches little, "
            "1 well)",
        ),
    ]
