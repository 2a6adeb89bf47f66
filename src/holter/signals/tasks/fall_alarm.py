"""Falls among daily life, scored as a wearer feels it: false alarms an hour, and falls missed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from holter.signals.prepare import Recorded
from holter.signals.recording import SECOND_NS, Recording, Times
from holter.signals.resampling import resampled
from holter.signals.tasks.activity import RATE_HZ, SAMPLES, acceleration_windows
from holter.signals.tasks.cutting import Floats, Labels, kept, labels_of, recorded
from holter.signals.tasks.task import Need, Published, Task, waveform

_FALLS: Mapping[str, tuple[str, ...]] = {
    "fall": ("falling", *(f"F{number:02d}" for number in range(1, 16))),
}


class FallAlarm(Task):
    """Fall or daily life, from three axes of acceleration at 50 Hz."""

    name = "fall-alarm"
    about = "falls among daily life: false alarms an hour and falls missed"
    inputs = "acceleration of waist, wrist or phone"
    labels = "labelled falls; every other labelled moment is daily life"
    classes = ("daily", "fall")
    needs = (Need("acceleration", 20.0),)
    channels = ("acceleration x", "acceleration y", "acceleration z")
    samples = SAMPLES
    rate_hz = RATE_HZ
    window_seconds = SAMPLES / RATE_HZ
    sets = ("sisfall",)
    published = (
        Published(
            "fall or daily in SisFall, macro-F1", ".993", "trees, pooled; near ceiling, so the "
            "false alarms an hour on daily trials are what tells"
        ),
    )  # fmt: skip
    alarm = "fall"

    def cut(self, recording: Recording) -> Recorded:
        """Daily windows that follow one another; of each fall one window around its impact."""
        start_ns, x = acceleration_windows(recording)
        length = round(self.window_seconds * SECOND_NS)
        spans = labels_of(recording, ("activity",), _FALLS)
        spans = _united(spans)
        falls = spans.y == 0
        # Daily: labelled as something else, and nowhere near a fall.
        other = Labels(spans.start_ns[~falls], spans.end_ns[~falls], np.zeros_like(spans.y[~falls]))
        daily = other.at(start_ns, start_ns + length) == 0
        for begin, end in zip(spans.start_ns[falls], spans.end_ns[falls], strict=True):
            daily &= (start_ns + length <= begin) | (start_ns >= end)
        daily &= kept(x)
        y = np.where(daily, 0, -1).astype(np.int64)
        fall_start, fall_x = _impacts(recording, spans.start_ns[falls], spans.end_ns[falls])
        return recorded(
            recording,
            np.concatenate([start_ns, fall_start]),
            np.concatenate([x, fall_x]),
            np.concatenate([y, np.where(kept(fall_x), 1, -1)]),
        )


def _united(spans: Labels) -> Labels:
    """Spans of one label that touch are one: a diary that begins anew each minute cuts a fall."""
    touch = (spans.start_ns[1:] <= spans.end_ns[:-1]) & (spans.y[1:] == spans.y[:-1])
    first = np.concatenate([[True], ~touch])
    ends = np.maximum.reduceat(spans.end_ns, np.flatnonzero(first))
    return Labels(spans.start_ns[first], ends, spans.y[first])


def _impacts(recording: Recording, begins: Times, ends: Times) -> tuple[Times, Floats]:
    """Of each fall the window around its highest acceleration: starts (n,), (n, 3, 128)."""
    channel = waveform(recording, "acceleration")
    assert channel is not None  # acceleration_windows has seen to it
    starts, windows = [], []
    half = round(SAMPLES / 2 / RATE_HZ * SECOND_NS)
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        grid = resampled(channel, RATE_HZ, start_ns=begin - half, end_ns=end + half)
        size = np.linalg.norm(grid.values, axis=1)
        inside = size[SAMPLES // 2 : len(size) - SAMPLES // 2]
        if not len(inside) or np.isnan(inside).all():
            continue
        first = int(np.nanargmax(inside))  # the peak stands SAMPLES / 2 into the window
        window = grid.values[first : first + SAMPLES]
        starts.append(grid.start_ns + round(first / RATE_HZ * SECOND_NS))
        windows.append(window.T)
    if not windows:
        return np.zeros(0, dtype=np.int64), np.zeros((0, 3, SAMPLES), dtype=np.float32)
    return np.array(starts, dtype=np.int64), np.stack(windows).astype(np.float32)
