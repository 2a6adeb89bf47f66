"""A study that runs in a second or two: 60 synthetic people, a softmax, a handful of rounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import holter
from holter.cli.calls import Run

SMALL = """
[study]
name = "small"
task = "activity"
seed = 3
[data]
people = 60
windows = 24
[model]
name = "spectral"
hidden = 8
bands = 5
[training]
rounds = 6
clients_per_round = 10
local_steps = 5
server_optimiser = "momentum"
average_last = 0.5
[privacy]
noise_multiplier = 0.5
[evaluation]
later_split = "time"
every = 3
local_steps = 10
[simulation]
workers = 1
dropout = 0.1
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The small study as a file."""
    path = tmp_path / "study.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def run_small(small: Path, tmp_path: Path) -> Callable[..., Run]:
    """Run it: run_small("training.rounds=2", out="name")."""

    def run(*overrides: str, out: str = "run") -> Run:
        return holter.simulate(small, tmp_path / out, overrides=overrides)

    return run
