"""Synthetic wearers: people who do not exist, with the signals their devices would record.

A demonstration needs a thousand people and no health data may be shipped, so these are
drawn from simple physiology with numpy alone. Nothing is measured from anyone; every
figure reached on them must be called synthetic.

One generator at three speeds. Whole recordings, in which one train of heartbeats drives ECG,
pulse wave and heart rate, and which each task cuts as it cuts a real one; months of daily
tables; and windows of wrist acceleration alone, drawn when asked for, of which ten thousand
people can be made on a laptop.

* ``physiology``: the person; how a heart rate follows effort. Read first.
* ``day``, ``heart``, ``movement``, ``skin``, ``waves``, ``sensors``: what happens, the beats,
  the body's signals, and what a device makes of them. ``recorded`` puts them together.
* ``daily``: months of one row a day.
* ``activity``: the fast windows of the demo.

A person of the recordings and of the daily tables is one body; those of the fast windows are
other people. Person ``index`` of ``seed`` is always the same bits, whoever else is drawn and in whatever
order, so a simulator makes people only when it needs them.

This is for simulation only: its dice are fast, repeatable and useless for secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from holter.signals.errors import DataError
from holter.signals.prepare import Recorded
from holter.signals.tasks import Task
from holter.simulator.wearers import activity
from holter.simulator.wearers.daily import daily_recording
from holter.simulator.wearers.recorded import Knobs, person, recording

__all__ = ["Knobs", "daily_recording", "recorded_wearer", "recording"]


@dataclass(frozen=True)
class _Session:
    """How a task's people are recorded: what they do, for how long, on what, and which windows.

    hours: least, and more for each window. device: None for whatever people wear. spread: windows
    evenly over the session; otherwise those at its beginning.
    """

    name: str
    hours: tuple[float, float]
    channels: tuple[str, ...] | None
    device: str | None = None
    spread: bool = True


_SESSIONS: Mapping[str, _Session] = {
    "fall-alarm": _Session("falls", (0.05, 0.002), ("acceleration", "activity")),
    "heartbeat": _Session("ecg", (0.02, 0.0005), ("ecg", "beat"), spread=False),
    "sleep-stages": _Session("night", (8.0, 0.0), ("heart_rate", "sleep_stage")),
    "stress": _Session(
        "stress",
        (0.2, 1 / 100),
        ("heart_rate", "eda", "skin_temperature", "acceleration", "stress"),
        device="research wrist",  # no other class measures skin conductance
        spread=False,
    ),
}
_ANY = _Session("day", (2.0, 0.02), None)  # a task of the user's own
_OTHER_DEVICES = (
    "watch",
    "research wrist",
    "chest strap",
    "phone",
)  # where their own lacks a channel
_DAYS_MORE = 28  # than windows: a week to look back on, another to know what is usual, and gaps
_MOST_HOURS = 24.0
_FAST = 1  # part of the seed of the demo's windows: never reuse one


def recorded_wearer(task: Task, *, seed: int, index: int, windows: int, knobs: Knobs) -> Recorded:
    """Synthetic person ``index`` of the population ``seed``: up to ``windows`` windows of a task.

    Guarantees: the same arguments give the same bits on one machine and numpy release, whatever
    was drawn before. Windows come in the order of recording; gaps are NaN. Edges: a session may
    hold fewer windows than asked for; a negative seed or index, or windows < 1, raise ValueError.
    """
    if seed < 0 or index < 0:
        raise ValueError("seed and index of a synthetic person must not be negative")
    if windows < 1:
        raise ValueError("a synthetic person needs at least one window")
    if task.name == "activity":
        return _fast(seed, index, windows, knobs)
    if task.name == "wellbeing":
        days = daily_recording(seed, index, days=windows + _DAYS_MORE, knobs=knobs)
        body = person(seed, index, device=days.device_class)
        return _taken(task.cut(days), windows, body.strata, spread=False)
    session = _SESSIONS.get(task.name, _ANY)
    least, more = session.hours
    reasons = []
    for device in (session.device, *_OTHER_DEVICES) if session is _ANY else (session.device,):
        made = recording(
            seed,
            index,
            session=session.name,
            hours=min(least + more * windows, _MOST_HOURS),
            device=device,
            knobs=knobs,
            channels=session.channels,
        )
        why = task.why_not(made)
        if why is None:
            body = person(seed, index, session=session.name, device=device)
            return _taken(task.cut(made), windows, body.strata, spread=session.spread)
        reasons.append(why)
    said = "; ".join(dict.fromkeys(reasons))
    raise DataError(f"no synthetic device can do the task {task.name}: {said}")


def _fast(seed: int, index: int, windows: int, knobs: Knobs) -> Recorded:
    """Windows of the activity task, without a recording."""
    source = np.random.SeedSequence([seed, _FAST, index])
    drawn = activity.draw(
        np.random.Generator(np.random.PCG64(source)),
        windows,
        skew=activity.SKEW / knobs.label_skew,
        device_shift=knobs.device_shift,
        label_noise=knobs.label_noise,
    )
    shown, seconds = drawn.examples, np.arange(windows, dtype=np.float64)
    return Recorded(shown.x, shown.y, seconds, None, shown.extra, drawn.strata)


def _taken(cut: Recorded, windows: int, strata: Mapping[str, str], *, spread: bool) -> Recorded:
    """At most ``windows`` of the windows that a task cut, and the person's public facts."""
    count = len(cut.y)
    rows = np.arange(min(windows, count))
    if spread and count > windows:
        rows = np.unique(np.rint(np.linspace(0, count - 1, windows)).astype(np.int64))
    return replace(cut.take(rows), strata=strata)
