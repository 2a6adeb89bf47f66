"""The operating system's dice: exact, never twice the same, and a type that seeded dice are not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from holter.device.system_source import OperatingSystemSource
from holter.privacy.source import SystemSource

ROOT = Path(__file__).parents[2]
SNIPPET = """
from holter.device.system_source import OperatingSystemSource
from holter.privacy.source import Source, SystemSource
from holter.simulator.dice import SeededSource

either: list[Source] = [OperatingSystemSource(), SeededSource(b"")]
deployed: SystemSource = OperatingSystemSource()
seeded: SystemSource = SeededSource(b"")  # the last line, and the only one that is wrong
"""


def test_nothing_is_drawn_twice_and_no_state_is_shared() -> None:
    one, other = OperatingSystemSource(), OperatingSystemSource()
    draws = {source.read(32) for source in (one, one, other)}
    assert len(draws) == 3 and all(len(draw) == 32 for draw in draws)
    assert not np.array_equal(one.discrete_gaussian(64, 200), one.discrete_gaussian(64, 200))


def test_it_is_a_system_source_that_nobody_can_call_simulated() -> None:
    source: SystemSource = OperatingSystemSource()
    assert source.simulated is False
    with pytest.raises(AttributeError):
        source.simulated = True  # type: ignore[misc, assignment]


def test_noise_is_made_of_the_operating_systems_bytes_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With os.urandom pinned the noise is pinned: there is no other source in it."""

    def draw() -> bytes:
        dice = np.random.Generator(np.random.Philox(5))
        monkeypatch.setattr(os, "urandom", dice.bytes)
        return OperatingSystemSource().discrete_gaussian(100, 500).tobytes()

    assert draw() == draw()


def test_the_noise_has_the_variance_that_was_asked_for() -> None:
    noise = OperatingSystemSource().discrete_gaussian(900, 40_000)
    assert noise.dtype == np.int64 and noise.shape == (40_000,)
    # Standard error of the variance: 900 * sqrt(2 / 40 000) = 6.4; of the mean: 0.15.
    assert abs(noise.var() - 900) < 6 * 6.4 and abs(noise.mean()) < 6 * 0.15


@pytest.mark.long
def test_seeded_dice_do_not_pass_for_the_systems(tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull]
    command += ["--cache-dir", str(tmp_path / "cache"), "--follow-imports", "silent", str(snippet)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=600,
    )
    last = SNIPPET.count("\n")
    assert f"snippet.py:{last}: error: Incompatible types in assignment" in done.stdout
    assert "Found 1 error in 1 file" in done.stdout, done.stdout + done.stderr
