"""What a person is doing, a few seconds at a time: acceleration, with heart rate beside it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from holter.signals.errors import DataError
from holter.signals.prepare import Recorded
from holter.signals.recording import SECOND_NS, Recording, Times, Waveform
from holter.signals.resampling import Grid, held, resampled
from holter.signals.tasks.cutting import Floats, kept, labels_of, recorded
from holter.signals.tasks.task import Need, Published, Task, series, waveform

RATE_HZ = 50.0
SAMPLES = 128  # 2.56 s, a power of two: long enough for two steps
_HELD_SECONDS = 60.0  # how long a heart rate counts
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "lie": ("lying", "lay", "laying", "lie down"),
    "sit": ("sitting",),
    "stand": ("standing",),
    "walk": ("walking",),
    "stairs": ("climb_stairs", "descend_stairs", "upstairs", "downstairs", "stair climbing"),
    "run": ("running", "jog", "jogging"),
}


class Activity(Task):
    """Six activities from three axes of acceleration at 50 Hz."""

    name = "activity"
    about = "what a person is doing, a few seconds at a time"
    inputs = (
        "acceleration of wrist, waist or phone, with heart rate where there is one; "
        "or features of it"
    )
    labels = "labelled spans of activity, or workouts"
    label_kinds = ("activity", "workout")
    classes = ("lie", "sit", "stand", "walk", "stairs", "run")
    needs = (Need("acceleration", 20.0, fast=True), Need("heart_rate", optional=True))
    channels = ("acceleration x", "acceleration y", "acceleration z")
    samples = SAMPLES
    rate_hz = RATE_HZ
    extras = ("heart rate: (bpm - 80) / 40, 0 where there is none",)
    window_seconds = SAMPLES / RATE_HZ
    sets = ("sisfall", "hmp_wrist", "wisdm_v1_features", "aw_fitbit_activity", "uci-har", "pamap2")
    published = (
        Published("10 groups of SisFall, macro-F1", ".751", "trees on pooled data, 30 new people"),
        Published("14 of HMP at the wrist, macro-F1", ".382", "trees, pooled, 16 new people"),
        Published("6 of WISDM, accuracy", ".779", "trees, pooled, 36 new people"),
        Published("6 of two watches, macro-F1", ".556", "trees, pooled, 49 new people"),
    )

    def cut(self, recording: Recording) -> Recorded:
        """Windows of 2.56 s that follow one another, 50 Hz, in g."""
        start_ns, x = acceleration_windows(recording)
        length = round(self.window_seconds * SECOND_NS)
        known = labels_of(recording, ("activity", "workout"), _ALIASES)
        y = known.at(start_ns, start_ns + length)
        y[~kept(x)] = -1
        rate = series(recording, "heart_rate")
        given = np.zeros((len(x), 1), dtype=np.float32)
        if rate is not None:
            bpm = held(rate, start_ns + length // 2, _HELD_SECONDS)
            given[:, 0] = np.nan_to_num((bpm - 80.0) / 40.0)
        return recorded(recording, start_ns, x, y, given=given)


def acceleration_windows(recording: Recording) -> tuple[Times, Floats]:
    """Starts (n,) and windows (n, 3, 128) at 50 Hz that follow one another in each segment."""
    grids = acceleration_grids(recording)
    counts = [len(grid.values) // SAMPLES for grid in grids]
    x = np.empty((sum(counts), 3, SAMPLES), dtype=np.float32)
    starts, place = [], 0
    for grid, count in zip(grids, counts, strict=True):
        windows = grid.values[: count * SAMPLES].reshape(count, SAMPLES, 3)
        x[place : place + count] = windows.transpose(0, 2, 1)
        steps = np.arange(count) * round(SAMPLES / RATE_HZ * SECOND_NS)
        starts.append(grid.start_ns + steps)
        place += count
    return np.concatenate(starts), x


def acceleration_grids(recording: Recording) -> list[Grid]:
    """Each segment that is as long as a window, at 50 Hz: values of shape (samples, 3).

    Raises DataError where there is no acceleration or no stretch as long as a window.
    """
    channel = waveform(recording, "acceleration")
    if channel is None or len(channel.axes) != 3:
        raise DataError("the recording has no acceleration of three axes")
    grids = [
        resampled(Waveform(channel.kind, channel.axes, (segment,)), RATE_HZ)
        for segment in channel.segments
    ]
    grids = [grid for grid in grids if len(grid.values) >= SAMPLES]
    if not grids:
        raise DataError("no stretch of acceleration is as long as a window of 2.56 s")
    return grids
