"""The command line: parse, call once, print. One file for each group of commands.

Exit codes: 0 done; 2 the user can mend it (one line says how, nothing was written); 3 a
check of ours failed; 130 interrupted, and the run can be resumed.

The commands are imported within ``main``: they bring numpy, and Ctrl-C may come meanwhile.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # see above
    import typer

INTERRUPTED = 130


@cache
def _app() -> typer.Typer:
    """All commands."""
    import typer
    import typer.core

    from holter.cli import audit, begin, bench, data, privacy, runs
    from holter.cli.version import VERSION

    # Help is plain, but where rich is there typer escapes its brackets all the same: \\[required].
    typer.core.HAS_RICH = False
    app = typer.Typer(
        name="holter",
        help="Federated learning for wearables: learn from recordings without collecting them.\n\n"
        "Start with: holter demo",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for group in (runs, begin, bench, data, privacy, audit):
        group.register(app)

    def told(wanted: bool) -> None:
        if wanted:
            typer.echo(f"holter {VERSION}")
            raise typer.Exit

    @app.callback()
    def _options(
        version: bool = typer.Option(
            False, "--version", callback=told, is_eager=True, help="Print the version."
        ),
    ) -> None:
        pass

    return app


def __getattr__(name: str) -> Any:
    """``app``, for tools that list the commands."""
    if name == "app":
        return _app()
    raise AttributeError(name)


def run() -> None:
    """Entry point of the ``holter`` command."""
    try:
        code = main(sys.argv[1:])
    except KeyboardInterrupt:  # a second one, while the first was told
        code = INTERRUPTED
    try:
        sys.stdout.flush()
    except OSError:
        # What could not be written would be tried again, and complained of, when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not code:
            _complain("the output is cut off")
            code = 2
    sys.exit(code)


def main(arguments: list[str]) -> int:
    """One command; returns the exit code. Everything a user can mend is one line on stderr."""
    try:
        code = _told(arguments)
    except KeyboardInterrupt:
        code = INTERRUPTED
        _complain("interrupted before anything was written")
    return code


def _told(arguments: list[str]) -> int:
    import click

    app = _app()
    from holter.cli.calls import CheckFailed, Interrupted, UserError
    from holter.rounds.tables import StudyError
    from holter.signals.errors import DataError
    from holter.simulator.store import RunFolderError

    try:
        code = app(arguments, prog_name="holter", standalone_mode=False)
    except (UserError, DataError, StudyError, RunFolderError) as error:
        _complain(str(error))
        return 2
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx is not None else "holter"
        what = error.format_message().rstrip(".").replace("\n", " ")
        _complain(f"{what}; see {where} --help")
        return 2
    except CheckFailed as failed:
        _complain(str(failed), *failed.differences)
        return 3
    except Interrupted as error:
        _complain(str(error))
        return INTERRUPTED
    except click.Abort:
        raise KeyboardInterrupt from None
    except OSError as error:
        what = f"{error.filename} cannot be used" if error.filename else "the output is cut off"
        _complain(f"{what}: {error.strerror or error}")
        return 2
    if code == INTERRUPTED:  # click makes an exit code of Ctrl-C
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _complain(what: str, *more: str) -> None:
    from rich.console import Console

    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    errors.print(f"holter: {what}", markup=False)
    for line in more:
        errors.print(f"  {line}", markup=False)
