"""What a task is: words for people, what it needs of a recording, and how a recording is cut.

A task of your own is one small class: see ``examples/own_task.py`` and docs/tasks.md. Name it in
a study as ``task = "package.module:Class"``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from holter.signals.prepare import Recorded
from holter.signals.recording import Recording, Series, Waveform


@dataclass(frozen=True)
class Need:
    """A kind of channel that a task reads; of a waveform, with at least this rate."""

    kind: str
    least_rate_hz: float = 0.0
    optional: bool = False


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
    labels: where the truth comes from. sets: real sets in a study's layout. alarm: the class
    whose false alarms an hour and misses are what matters, or None.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    inputs: ClassVar[str]
    labels: ClassVar[str]
    classes: ClassVar[tuple[str, ...]]
    needs: ClassVar[tuple[Need, ...]]
    channels: ClassVar[tuple[str, ...]]
    samples: ClassVar[int]
    rate_hz: ClassVar[float]
    extras: ClassVar[tuple[str, ...]] = ()
    window_seconds: ClassVar[float]
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
            fastest = max(channel.rate_hz for channel in channels)
            # A device's own clock runs a little slow or fast: 5 % below the rate is the rate.
            if fastest < 0.95 * need.least_rate_hz:
                return f"{need.kind} at {fastest:.3g} Hz; {need.least_rate_hz:g} are needed"
        return None


def waveform(recording: Recording, kind: str) -> Waveform | None:
    """The fastest waveform of a kind, or None."""
    found = [c for c in recording.of_kind(kind) if isinstance(c, Waveform)]
    return max(found, key=lambda channel: channel.rate_hz, default=None)


def series(recording: Recording, kind: str) -> Series | None:
    """The series of a kind with the most rows, or None."""
    found = [c for c in recording.of_kind(kind) if isinstance(c, Series)]
    return max(found, key=lambda channel: len(channel.time_ns), default=None)
