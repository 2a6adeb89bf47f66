"""The command line: parse, call once, print. One file for each group of commands.

Exit codes: 0 done; 2 the user can mend it (one line says how, nothing was written); 3 a
check of ours failed; 130 interrupted, and the run can be resumed.
"""

from __future__ import annotations

import sys

import click
import typer
from rich.console import Console

from holter.cli import audit, begin, bench, data, privacy, runs
from holter.cli.calls import CheckFailed, Interrupted, UserError
from holter.cli.version import VERSION

app = typer.Typer(
    name="holter",
    help="Federated learning for wearables: learn from recordings without collecting them.\n\n"
    "Start with: holter demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
runs.register(app)
begin.register(app)
bench.register(app)
data.register(app)
privacy.register(app)
audit.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"holter {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


def run() -> None:
    """Entry point of the ``holter`` command."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """One command; returns the exit code. Everything a user can mend is one line on stderr."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        code = app(arguments, prog_name="holter", standalone_mode=False)
    except UserError as error:
        errors.print(f"holter: {error}", markup=False)
        return 2
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx is not None else "holter"
        what = error.format_message().rstrip(".").replace("\n", " ")
        errors.print(f"holter: {what}; see {where} --help", markup=False)
        return 2
    except CheckFailed as failed:
        errors.print(f"holter: {failed}", markup=False)
        for difference in failed.differences:
            errors.print(f"  {difference}", markup=False)
        return 3
    except Interrupted as error:
        errors.print(f"holter: {error}", markup=False)
        return 130
    except (click.Abort, KeyboardInterrupt):
        errors.print("holter: interrupted before anything was written")
        return 130
    return code if isinstance(code, int) else 0
