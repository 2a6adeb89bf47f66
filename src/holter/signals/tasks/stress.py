"""Stress against rest in half minutes, from four slow signals of a wrist."""

from __future__ import annotations

import numpy as np

from holter.signals.errors import DataError
from holter.signals.prepare import Recorded
from holter.signals.recording import SECOND_NS, Recording, Series, Times, Waveform
from holter.signals.resampling import interpolated, resampled
from holter.signals.tasks.cutting import Floats, Labels, kept, labels_of, recorded
from holter.signals.tasks.task import Need, Published, Task

WINDOW_SECONDS = 30
RATE_HZ = 4.0
SAMPLES = int(WINDOW_SECONDS * RATE_HZ)
_NEAR_SECONDS = 10.0


class Stress(Task):
    """Rest or stress."""

    name = "stress"
    about = "stress against rest, in windows of 30 s"
    inputs = "heart rate, skin conductance, temperature and motion at the wrist"
    labels = "blocks of a protocol, or the wearer's own report"
    label_kinds = ("stress",)
    classes = ("rest", "stress")
    needs = (
        Need("heart_rate", 0.1),
        Need("eda", 1.0),
        Need("skin_temperature", 0.1),
        Need("acceleration", 4.0, fast=True),
    )
    channels = (
        "heart rate: (bpm - 75) / 15",
        "skin conductance: ln(microsiemens) - 1",
        "skin temperature: (degrees Celsius - 33) / 1.5",
        "motion: ln(g without gravity) / 1.5 + 2",
    )
    samples = SAMPLES
    rate_hz = RATE_HZ
    window_seconds = float(WINDOW_SECONDS)
    sets = ("stress_predict", "wesad")
    published = (
        Published("Stress-Predict, macro-F1", ".682", "trees, scaled per person, 26 new people"),
        Published("the same without scaling per person", ".593", "trees"),
    )

    def cut(self, recording: Recording) -> Recorded:
        """Half minutes that follow one another, four channels at 4 Hz, scaled as named."""
        known = labels_of(recording, ("stress",), {"rest": ("baseline", "no stress"), "stress": ()})
        length = WINDOW_SECONDS * SECOND_NS
        labelled = Labels(
            known.start_ns[known.y >= 0], known.end_ns[known.y >= 0], known.y[known.y >= 0] * 0
        ).united()
        starts, parts = [], []
        for begin, end in zip(labelled.start_ns.tolist(), labelled.end_ns.tolist(), strict=True):
            count = (end - begin) // length
            if count:
                starts.append(begin + np.arange(count, dtype=np.int64) * length)
                parts.append(self._windows(recording, begin, count))
        if not starts:
            raise DataError("no labelled span is as long as a window of 30 s")
        start_ns, x = np.concatenate(starts), np.concatenate(parts)
        y = known.at(start_ns, start_ns + length)
        y[~kept(x)] = -1
        return recorded(recording, start_ns, x, y)

    def _windows(self, recording: Recording, begin: int, count: int) -> Floats:
        """Half minutes that follow one another from ``begin`` on: (count, 4, 120)."""
        grid = begin + (np.arange(count * SAMPLES) * (SECOND_NS / RATE_HZ)).astype(np.int64)
        channels = (
            (_slow(recording, "heart_rate", grid) - 75.0) / 15.0,
            np.log(np.maximum(_slow(recording, "eda", grid), 0.05)) - 1.0,
            (_slow(recording, "skin_temperature", grid) - 33.0) / 1.5,
            np.log(_motion(recording, grid)) / 1.5 + 2.0,
        )
        x = np.stack(channels).reshape(4, count, SAMPLES).transpose(1, 0, 2)
        return np.asarray(x, dtype=np.float32)


def _slow(recording: Recording, kind: str, grid: Times) -> Floats:
    """A slow signal at the moments of an even 4 Hz grid, NaN in gaps. Raises DataError."""
    for channel in recording.of_kind(kind):
        if isinstance(channel, Series):
            return interpolated(channel, grid, 2 * _NEAR_SECONDS).astype(np.float32)
        return _even(channel, grid)[:, 0]
    raise DataError(f"the recording has no {kind}")


def _motion(recording: Recording, grid: Times) -> Floats:
    """Size of the acceleration without gravity, in g, above zero."""
    for channel in recording.of_kind("acceleration"):
        if isinstance(channel, Waveform) and len(channel.axes) == 3:
            fine = resampled(channel, 16.0, start_ns=int(grid[0]), end_ns=_after(grid)).values
            away = np.abs(np.linalg.norm(fine, axis=1) - 1.0)
            mean = away[: 4 * len(grid)].reshape(-1, 4).mean(axis=1)
            return np.asarray(np.maximum(mean, 1e-3), dtype=np.float32)
    raise DataError("the recording has no acceleration of three axes")


def _even(channel: Waveform, grid: Times) -> Floats:
    values = resampled(channel, RATE_HZ, start_ns=int(grid[0]), end_ns=_after(grid)).values
    return values[: len(grid)]


def _after(grid: Times) -> int:
    return int(grid[0]) + round(len(grid) / RATE_HZ * SECOND_NS)
