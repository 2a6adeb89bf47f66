"""Commands that begin: init writes a study that runs as it is, tasks says what there is."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from holter.cli.calls import UserError
from holter.cli.runs import demo_text
from holter.rounds.study import Study
from holter.rounds.tables import TABLES, StudyError
from holter.signals.errors import DataError
from holter.signals.inputs import EXTRAS
from holter.signals.tasks import TASKS, Need, paced, task_of

_FILE_HINT = """\
# To use your own recordings instead of synthetic people, name a file (see docs/study.md):
#   source = "npz"
#   path = "my/windows.npz"
#   person = "subject"
#   label = "activity"
#   labels = { walk = [0, 1], run = [2] }
#   [[data.signals]]
#   array = "acc"
#   scale = 0.001
"""


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(init)
    app.command()(tasks)


def init(
    folder: Path = typer.Argument(..., metavar="DIR", help="Folder for the study."),
    task: str = typer.Option("activity", "--task", help="What to learn; see holter tasks."),
) -> None:
    """Write a commented study.toml that runs as it is, on synthetic people.

    Example: holter init my-study --task sleep-stages
    """
    try:
        text = study_template(task, name=folder.resolve().name or "study")
    except (StudyError, DataError) as error:
        raise UserError(str(error)) from None
    path = folder / "study.toml"
    if path.exists():
        raise UserError(f"{path} exists already; name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise UserError(f"{folder} cannot be made: {error.strerror}") from None
    path.write_text(text, encoding="utf-8")
    typer.echo(f"wrote {path}; run it: holter simulate {path} --out {folder / 'run'}")


def study_template(task: str, *, name: str) -> str:
    """A study with every key: those of the demo as values, the others commented out."""
    study = Study.parse(
        demo_text(), [f"study.name={json.dumps(name)}", f"study.task={json.dumps(task)}"]
    )
    lines = [
        f"# A study of the task {task}: {task_of(task).about}.",
        "# It runs as it is, on synthetic people: holter simulate study.toml --out run",
        "# Keys that are commented out show their default.",
    ]
    for table, kind in TABLES.items():
        lines += ["", f"[{table}]"]
        if table == "data":
            lines += _FILE_HINT.splitlines()
        lines += _keys(kind, getattr(study, table))
    return "\n".join(lines) + "\n"


def _keys(kind: type, values: Any) -> list[str]:
    lines = []
    for entry in dataclasses.fields(kind):
        about = entry.metadata["about"]
        choices = entry.metadata["choices"]
        if choices:
            about += f" ({', '.join(map(str, choices))})"
        lines += [f"# {line}" for line in textwrap.wrap(about, 94)]
        value = getattr(values, entry.name)
        if value is None or value in ((), {}):
            lines.append(f"# {entry.name} =")
        else:
            lines.append(f"{entry.name} = {_toml(value)}")
    return lines


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)


def tasks() -> None:
    """List the tasks: inputs, labels, sets, published numbers; then extra inputs and models.

    Example: holter tasks
    """
    console = Console()
    for task in TASKS.values():
        console.print(f"[bold]{task.name}[/bold]  {task.about}", highlight=False)
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
        table.add_column(no_wrap=True, style="dim")
        table.add_column(overflow="fold")
        table.add_row("tells apart", ", ".join(task.classes))
        table.add_row("from", task.inputs)
        table.add_row("labels", task.labels)
        table.add_row("needs", ", ".join(_need(need) for need in task.needs))
        table.add_row("sets", ", ".join(task.sets))
        for number in task.published:
            table.add_row("published", f"{number.what}: {number.value} ({number.source})")
        console.print(table)
    extras = Table(
        title="\\[data] extra: inputs computed on the device",
        title_justify="left",
        title_style="bold",
    )
    extras.add_column("name")
    extras.add_column("what it is", overflow="fold")
    for name, about in EXTRAS.items():
        extras.add_row(name, about)
    console.print(extras)
    for line in (
        "Models: softmax, mlp, spectral, mixer, cnn, or your own as package.module:build",
        "A task of your own: package.module:Class, see docs/tasks.md",
        "Begin one on synthetic people: holter init DIR --task TASK",
        "What a file of yours can feed: holter data inspect PATH",
    ):
        console.print(line, highlight=False)


def _need(need: Need) -> str:
    rate = f" {paced(need.least_rate_hz)} or faster" if need.least_rate_hz else ""
    return f"{need.kind}{rate}{' (if there is one)' if need.optional else ''}"
