"""Every example runs as its reader would run it, and stays short."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SAYS = {"one_round": "devices are in the sum", "one_answer": "of the device's ledger",
        "own_task": "on new SYNTHETIC people"}  # fmt: skip
EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 100
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert SAYS[path.stem] in done.stdout
