"""Small recordings made by hand, to be cut: what is in them is known to the sample."""

from __future__ import annotations

import numpy as np
import pytest

from holter.signals.gathering import Gathered
from holter.signals.recording import SECOND_NS, Recording

START_NS = 1_700_000_000 * SECOND_NS


@pytest.fixture
def start_ns() -> int:
    return START_NS


def labelled(
    gathered: Gathered, kind: str, spans: list[tuple[float, float, str]], names: tuple[str, ...]
) -> None:
    """Add a label series; spans in seconds from the start."""
    gathered.series(
        kind,
        [START_NS + round(begin * SECOND_NS) for begin, _, _ in spans],
        [names.index(name) for _, _, name in spans],
        until_ns=[START_NS + round(end * SECOND_NS) for _, end, _ in spans],
        names=names,
    )


@pytest.fixture
def walk_and_sit() -> Recording:
    """A minute of walking and one of sitting at 50 Hz, with a heart rate each five seconds."""
    gathered = Gathered("a test", "watch", "UTC", "anna")
    count = 120 * 50
    seconds = np.arange(count) / 50.0
    swing = np.where(seconds < 60, 0.4 * np.sin(2 * np.pi * 2.0 * seconds), 0.0)
    values = np.stack([swing, np.zeros(count), np.ones(count)], axis=1)
    gathered.blocks("acceleration", [(START_NS, 50.0, values)], axes=("x", "y", "z"))
    moments = START_NS + np.arange(0, 120, 5) * SECOND_NS
    gathered.series("heart_rate", moments, np.where(np.arange(24) < 12, 120.0, 80.0))
    labelled(gathered, "activity", [(0, 60, "Walking"), (60, 120, "sit")], ("Walking", "sit"))
    return gathered.recording()
