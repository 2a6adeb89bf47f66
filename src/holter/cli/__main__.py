"""``python -m holter.cli`` is the ``holter`` command."""

from holter.cli.main import run

run()
