"""What a terminal shows: a live line while a run goes on, a screen at its end.

On a terminal the display is live (rich); into a pipe or a file it is plain lines.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from holter.cli.calls import OnRound, Run, Stage
from holter.dash.numbers import epsilon as shown_epsilon
from holter.rounds.journal import RoundRecord

ARMS = (
    ("local_only", "learning alone"),
    ("global_later", "federated"),
    ("personalised", "federated + fitted"),
)


@contextmanager
def watching(console: Console, *, synthetic: bool) -> Iterator[OnRound]:
    """A callback that shows each round, live or in plain lines."""
    began = time.monotonic()
    known: dict[str, float] = {}

    def words(record: RoundRecord, stage: Stage) -> tuple[int, int, str]:
        done = stage.training * stage.rounds + record.round
        total = stage.trainings * stage.rounds
        if record.accuracy is not None:
            known["accuracy"] = record.accuracy
        parts = [f"asked {record.asked}, reported {record.reported}, dropped {record.dropped}"]
        if record.reason is not None:
            parts.append(f"ABANDONED: {record.reason}")
        if "accuracy" in known:
            parts.append(f"new people {known['accuracy']:.1%}")
        if record.epsilon is None:
            parts.append("NOT PRIVATE")
        else:
            parts.append(f"epsilon {shown_epsilon(record.epsilon)} so far")
        left = (time.monotonic() - began) / done * (total - done)
        parts.append(f"{left:.0f} s left")
        return done, total, " · ".join(parts)

    kind = "synthetic people" if synthetic else "recorded people"
    if not console.is_terminal:

        def plain(record: RoundRecord, stage: Stage) -> None:
            done, total, text = words(record, stage)
            if record.accuracy is not None or record.reason is not None or done in (1, total):
                fold = f"training {stage.training + 1}/{stage.trainings}, "
                fold = fold if stage.trainings > 1 else ""
                console.print(
                    f"{fold}round {record.round}/{stage.rounds}: {text}",
                    highlight=False,
                    soft_wrap=True,
                )

        yield plain
        return
    columns = (
        TextColumn(f"[bold]simulating {kind}"),
        BarColumn(bar_width=24),
        TextColumn("round {task.completed}/{task.total}"),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("getting ready", total=None)

        def live(record: RoundRecord, stage: Stage) -> None:
            done, total, text = words(record, stage)
            progress.update(task, completed=done, total=total, description=text)

        yield live


def screen(console: Console, run: Run) -> None:
    """The end of a run on one screen."""
    result = run.result
    banner = Text()
    if result["synthetic"]:
        banner.append("SYNTHETIC PEOPLE. ", style="bold yellow")
    banner.append("SIMULATION: nobody is protected by this run.", style="bold")
    if result["privacy"]["mode"] == "none":
        banner.append(" NOT PRIVATE: privacy.mode is none.", style="bold red")
    console.print(banner)
    console.print(comparison(result["evaluation"]))
    for title, text in _facts(result):
        console.print(Panel(text, title=title, title_align="left", padding=(0, 1)))
    console.print(f"report: {run.report}", highlight=False, soft_wrap=True)


def comparison(evaluation: Mapping[str, Any]) -> Table:
    """Three arms on the same later windows, and new people on all of theirs."""
    table = Table(title="accuracy per person, new people", title_justify="left", title_style="bold")
    for column in ("", "mean", "10th pct", "worst", "macro-F1", "people"):
        table.add_column(column, justify="left" if not column else "right", no_wrap=True)
    rows = [(name, evaluation[key]) for key, name in ARMS if evaluation.get(key) is not None]
    if rows:
        table.add_row("on one and the same later windows", style="dim")
    for name, block in rows:
        table.add_row(f"  {name}", *_cells(block))
    table.add_section()
    table.add_row("on all their windows", style="dim")
    table.add_row("  federated", *_cells(evaluation["new_people"]))
    return table


def _cells(block: Mapping[str, Any]) -> tuple[str, ...]:
    people = block["per_person"]["accuracy"]
    shares = (f"{people[key]:.1%}" for key in ("mean", "p10", "min"))
    return (*shares, f"{block['macro_f1']:.3f}", str(block["people"]))


def _facts(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    traffic, secure, rounds = result["traffic"], result["secure_aggregation"], result["rounds"]
    if traffic["upload_bytes_per_client_round"] is not None:
        yield (
            "what left a device in a round",
            f"{traffic['upload_bytes_per_client_round']:,} bytes up, of which the masked update "
            f"{traffic['vector_bytes']:,} ({traffic['bytes_per_parameter']:.2f} a parameter; as "
            f"plain floats {traffic['float32_bytes']:,}); "
            f"{traffic['download_bytes_per_client_round']:,} bytes down with the model. "
            "No recording, no feature, no update in clear.",
        )
    yield (
        "what the server saw",
        f"{secure['server_saw'][0].upper()}{secure['server_saw'][1:]}. "
        f"{rounds['closed']} rounds closed, {rounds['abandoned']} abandoned; "
        f"{secure['rounds_through_protocol']} carried message by message through secure "
        "aggregation and compared: its sum equals the direct sum exactly, and was applied.",
    )
    yield "privacy", result["privacy"]["statement"]
