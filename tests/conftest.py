"""What all tests share: where real recordings lie, and what happens where they are missing.

On a machine without them, tests that need recordings are skipped and the closing lines say how
many and why. In CI (CI set) they fail instead, so that a missing mount cannot pass for green.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def _needed(path: Path, what: str) -> Path:
    if path.exists():
        return path
    reason = f"{what} are not on this machine (set HOLTER_DATA); tests that read them need them"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Root of the real recordings."""
    default = ROOT.parent / "shared" / "data"
    return _needed(Path(os.environ.get("HOLTER_DATA", default)), "the recordings")


@pytest.fixture(scope="session")
def reference_path(data_root: Path) -> Path:
    """The file of reference numbers for differential privacy, beside the recordings."""
    return _needed(data_root.parent / "reference" / "dp_reference.json", "the reference numbers")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say plainly how many tests did not run for want of recordings."""
    skipped = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if "not on this machine" in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.write_line(
            f"{len(skipped)} tests need recordings that are not on this machine and did not run"
        )
