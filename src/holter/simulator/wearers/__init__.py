"""Synthetic wearers: people who do not exist, with the signals their devices would record.

A demonstration needs a thousand people and no health data may be shipped, so these are
drawn from simple physiology with numpy alone. Nothing is measured from anyone; every
figure reached on them must be called synthetic.

Person ``index`` of ``seed`` is always the same bits, whoever else is drawn and in whatever
order, so a simulator makes people only when it needs them.

* ``physiology``: the person; how a heart rate follows effort. Read first.
* ``activity``: wrist acceleration and heart rate, six activities. The default demo.
* ``sleep``: heart rate of a night; wake, NREM, REM.
* ``heartbeat``: one lead of ECG, beat by beat; normal, supraventricular, ventricular.
* ``stress``: heart rate, skin conductance, skin temperature and motion; rest, stress.

This is for simulation only: its dice are fast, repeatable and useless for secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from holter.signals.windows import InputShape, Person
from holter.simulator.wearers import activity, heartbeat, sleep, stress

__all__ = ["SYNTHETIC_TASKS", "SyntheticTask", "wearer"]


@dataclass(frozen=True)
class SyntheticTask:
    """What one built-in synthetic task asks and shows.

    A window is ``channels`` x ``samples`` numbers at ``rate_hz``, with one more number for
    each name in ``extras``; the answer is the index of one of ``classes``.
    """

    name: str
    classes: tuple[str, ...]
    channels: int
    samples: int
    rate_hz: float
    extras: tuple[str, ...]
    description: str

    @property
    def shape(self) -> InputShape:
        """The sizes alone, as a model wants them."""
        return InputShape(self.channels, self.samples, len(self.extras), len(self.classes))


SYNTHETIC_TASKS: Mapping[str, SyntheticTask] = {
    "activity": SyntheticTask(
        "activity",
        activity.CLASSES,
        channels=3,
        samples=activity.SAMPLES,
        rate_hz=activity.RATE_HZ,
        extras=activity.EXTRAS,
        description="synthetic wrist acceleration in g, 2.56 s a window: six activities",
    ),
    "sleep": SyntheticTask(
        "sleep",
        sleep.CLASSES,
        channels=1,
        samples=sleep.SAMPLES,
        rate_hz=sleep.RATE_HZ,
        extras=sleep.EXTRAS,
        description="synthetic heart rate of a night, (bpm - 60) / 20, ten minutes around an "
        "epoch of 30 s: wake, NREM, REM",
    ),
    "heartbeat": SyntheticTask(
        "heartbeat",
        heartbeat.CLASSES,
        channels=1,
        samples=heartbeat.SAMPLES,
        rate_hz=heartbeat.RATE_HZ,
        extras=heartbeat.EXTRAS,
        description="synthetic single-lead ECG in mV, one beat a window: normal (N), "
        "supraventricular ectopic (S), ventricular ectopic (V)",
    ),
    "stress": SyntheticTask(
        "stress",
        stress.CLASSES,
        channels=4,
        samples=stress.SAMPLES,
        rate_hz=stress.RATE_HZ,
        extras=stress.EXTRAS,
        description="synthetic wrist heart rate, skin conductance, skin temperature and motion, "
        "30 s a window: rest, stress",
    ),
}

_DRAW: Mapping[str, tuple[int, Callable[[np.random.Generator, int], Person]]] = {
    "activity": (1, activity.draw),  # the numbers are part of the seed: never reuse one
    "sleep": (2, sleep.draw),
    "heartbeat": (3, heartbeat.draw),
    "stress": (4, stress.draw),
}


def wearer(task: str, *, seed: int, index: int, windows: int) -> Person:
    """Synthetic person ``index`` of the population ``seed``, with ``windows`` windows.

    Guarantees: the same four arguments give the same bits on one machine and numpy release,
    whatever was drawn before. Windows come in the order of recording. Shapes and units are
    those of ``SYNTHETIC_TASKS[task]``; every number is finite.
    Edges: an unknown task, a negative seed or index, or windows < 1 raise ValueError. People
    of two tasks with the same seed and index are not the same person; nor is a person with
    40 windows a longer cut of the same person with 20.
    """
    if task not in _DRAW:
        raise ValueError(f"no synthetic task {task!r}; there are {', '.join(sorted(_DRAW))}")
    if seed < 0 or index < 0:
        raise ValueError("seed and index of a synthetic person must not be negative")
    if windows < 1:
        raise ValueError("a synthetic person needs at least one window")
    number, draw = _DRAW[task]
    source = np.random.SeedSequence([seed, number, index])
    return draw(np.random.Generator(np.random.PCG64(source)), windows)
