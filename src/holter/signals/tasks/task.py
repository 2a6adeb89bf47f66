"""What a task is: words for people, what it needs of a recording, and how a recording is cut.

A task of your own is one small class: see ``examples/own_task.py`` and docs/tasks.md. Name it in
a study as ``task = "package.module:Class"``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from holter.signals.prepare import Recorded
from holter.signals.recording import SECOND_NS, Recording, Series, Waveform


@dataclass(frozen=True)
class Need:
    """A kind of channel that a task reads, with at least this rate.

    fast: True for waveforms alone, False for series alone, None for either.
    """

    kind: str
    least_rate_hz: float = 0.0
    optional: bool = False
    fast: bool | None = None


@dataclass(frozen=True)
class Published:
    """A number to be compared with: what was scored, the value, on which people, by whom."""

    what: str
    value: str
    source: str


class Task(ABC):
    """One task. Class attributes are its words; ``cut`` makes labelled windows.

    channels, samples, rate_hz: of a window that ``cut`` makes. extras: the numbers beside it.
    window_seconds: how long a window lasts, or how far apart windows are where they overlap.
    reach_seconds: how far apart the moments of two windows must be to share no
    sample, where that is more than ``window_seconds``. labels: where the truth comes from; label_kinds: its channels, none where the task
    makes its labels from its inputs. sets: real sets in a study's layout. alarm: the class
    whose false alarms an hour and misses are what matters, or None.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    inputs: ClassVar[str]
    labels: ClassVar[str]
    label_kinds: ClassVar[tuple[str, ...]] = ()
    classes: ClassVar[tuple[str, ...]]
    needs: ClassVar[tuple[Need, ...]]
    channels: ClassVar[tuple[str, ...]]
    samples: ClassVar[int]
    rate_hz: ClassVar[float]
    extras: ClassVar[tuple[str, ...]] = ()
    window_seconds: ClassVar[float]
    reach_seconds: ClassVar[float] = 0.0
    sets: ClassVar[tuple[str, ...]] = ()
    published: ClassVar[tuple[Published, ...]] = ()
    alarm: ClassVar[str | None] = None

    @abstractmethod
    def cut(self, recording: Recording) -> Recorded:
        """The labelled windows of a recording, in order of time; gaps are NaN.

        x: shape (n, channels, samples), float32. y: index in ``classes``. Windows without a
        label are left out. Raises DataError where there is none with one.
        """

    def why_not(self, recording: Recording) -> str | None:
        """Why this recording cannot feed the task's inputs; None where it can."""
        for need in self.needs:
            if need.optional:
                continue
            channels = recording.of_kind(need.kind)
            if not channels:
                return f"no {need.kind}"
            if need.fast is not None:
                channels = tuple(c for c in channels if isinstance(c, Waveform) == need.fast)
                if not channels:
                    return f"{need.kind} as {'single values' if need.fast else 'a waveform'} only"
            fastest = max(channel.rate_hz for channel in channels)
            # A device's own clock runs a little slow or fast: 5 % below the rate is the rate.
            if fastest < 0.95 * need.least_rate_hz:
                return f"{need.kind} {paced(fastest)}; {paced(need.least_rate_hz)} is needed"
            spans = [channel.span_ns for channel in channels]
            lasts = max(end - begin for begin, end in spans) / SECOND_NS
            if lasts < max(self.window_seconds, self.reach_seconds):
                return f"{need.kind} for {lasts:,.0f} s only, shorter than a window"
        return None

    def labelled(self, recording: Recording) -> bool:
        """Whether the recording has a channel of labels for the task, or it needs none."""
        return not self.label_kinds or any(recording.of_kind(kind) for kind in self.label_kinds)


def paced(rate_hz: float) -> str:
    """A rate in words: at 50 Hz, each 5 s, each 4.55 min, never."""
    if rate_hz <= 0:
        return "never"
    if rate_hz >= 1:
        return f"at {rate_hz:.3g} Hz"
    seconds = 1 / rate_hz
    for size, unit in ((86_400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size or (seconds >= size and unit == "min"):
            return f"each {seconds / size:.3g} {unit}"
    return f"each {seconds:.3g} s"


def waveform(recording: Recording, kind: str) -> Waveform | None:
    """The fastest waveform of a kind, or None."""
    found = [c for c in recording.of_kind(kind) if isinstance(c, Waveform)]
    return max(found, key=lambda channel: channel.rate_hz, default=None)


def series(recording: Recording, kind: str) -> Series | None:
    """The series of a kind with the most rows that are not masked, or None."""
    found = [c for c in recording.of_kind(kind) if isinstance(c, Series)]
    return max(found, key=lambda channel: int((~np.isnan(channel.value)).sum()), default=None)
