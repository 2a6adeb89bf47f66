"""Small files of windows that a user might have, and the command line in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holter.cli.main import main

STUDY = """
[study]
name = "mine"
task = "activity"
[data]
source = "npz"
path = "windows.npz"
person = "subject"
label = "activity"
labels = { walk = [0, 1], run = [2] }
[[data.signals]]
array = "acc"
scale = 0.001
[model]
name = "softmax"
[training]
rounds = 2
clients_per_round = 5
local_steps = 2
[privacy]
mode = "none"
[evaluation]
local_steps = 2
[simulation]
workers = 1
"""


@pytest.fixture
def arrays() -> dict[str, Any]:
    """Twelve people, ten windows each, three channels of 16 samples."""
    dice = np.random.default_rng(0)
    label = np.tile(np.arange(10) % 3, 12)
    acc = dice.normal(size=(120, 3, 16)) * (200 + 300 * label[:, None, None])
    return {
        "acc": acc.astype(np.int16),
        "activity": label.astype(np.int8),
        "subject": np.repeat(np.arange(12), 10),
    }


class Bench:
    """A folder with a study and its data, and the command line on it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.study = folder / "study.toml"
        self.study.write_text(STUDY)

    def save(self, **arrays: Any) -> Path:
        path = self.folder / "windows.npz"
        np.savez(path, **arrays)
        return path

    def holter(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Exit code, what it printed, what it complained."""
        code = main([str(argument) for argument in arguments])
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err

    def simulate(self, *overrides: str, out: str = "run") -> tuple[int, str, str]:
        sets = [part for override in overrides for part in ("--set", override)]
        return self.holter(
            "simulate", self.study, "--data", self.folder, "--out", self.folder / out, *sets
        )

    def refused(self, *overrides: str) -> str:
        """The one line of a refusal: exit code 2, no traceback, nothing written."""
        code, _, complaint = self.simulate(*overrides)
        assert code == 2, complaint
        assert not (self.folder / "run").exists()
        assert complaint.startswith("holter: ") and "Traceback" not in complaint
        assert len(complaint.strip().splitlines()) <= 2
        return complaint


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str], arrays: dict[str, Any]) -> Bench:
    made = Bench(tmp_path, capsys)
    made.save(**arrays)
    return made


@pytest.fixture
def run_of(bench: Bench) -> Callable[[], Path]:
    """A finished run of the bench's study."""

    def run() -> Path:
        assert bench.simulate()[0] == 0
        return bench.folder / "run"

    return run
