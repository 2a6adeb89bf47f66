"""Wake, NREM and REM of each half minute of a night, from the heart rate around it."""

from __future__ import annotations

import numpy as np

from holter.signals.errors import DataError
from holter.signals.prepare import Recorded
from holter.signals.recording import SECOND_NS, Recording
from holter.signals.resampling import interpolated
from holter.signals.tasks.cutting import Labels, labels_of, recorded
from holter.signals.tasks.task import Need, Published, Task, series

EPOCH_SECONDS = 30.0
STEP_SECONDS = 5.0
SAMPLES = 120  # ten minutes, the epoch in the middle
_NEAR_SECONDS = 60.0  # a moment farther than this from any reading is a gap
_NIGHTS_APART_HOURS = 2.0  # a longer break between epochs begins another night
_LEAST_SHARE = 0.5  # of the ten minutes that must be measured for an epoch to count


class SleepStages(Task):
    """Three stages of epochs of 30 s."""

    name = "sleep-stages"
    about = "wake, NREM and REM, in epochs of 30 s"
    inputs = "heart rate of a watch, band or ring around each epoch"
    labels = "stages scored in a laboratory, or what a device says they were"
    label_kinds = ("sleep_stage",)
    classes = ("wake", "NREM", "REM")
    needs = (Need("heart_rate", 1 / 60.0, fast=False),)
    channels = ("heart rate: (bpm - 60) / 20",)
    samples = SAMPLES
    rate_hz = 1.0 / STEP_SECONDS
    extras = ("hours since the first epoch of the night / 8",)
    window_seconds = EPOCH_SECONDS
    reach_seconds = SAMPLES * STEP_SECONDS
    sets = ("walch_sleep", "sleep-accel")
    published = (
        Published("W / NREM / REM of sleep-accel, accuracy", ".741", "trees, 23 new people"),
        Published("the same, kappa", ".46", "a first federated search; .47 was its goal"),
    )

    def cut(self, recording: Recording) -> Recorded:
        """One window an epoch, heart rate every 5 s over the ten minutes around it."""
        rate = series(recording, "heart_rate")
        if rate is None:
            raise DataError("the recording has no heart rate")
        stages = labels_of(
            recording,
            ("sleep_stage",),
            {"wake": ("awake",), "NREM": ("light", "deep", "N1", "N2", "N3"), "REM": ()},
        )
        length = round(EPOCH_SECONDS * SECOND_NS)
        scored = Labels(stages.start_ns, stages.end_ns, np.zeros_like(stages.y)).united()
        spans = zip(scored.start_ns.tolist(), scored.end_ns.tolist(), strict=True)
        runs = [np.arange(s, e - length // 2, length, dtype=np.int64) for s, e in spans]
        starts = np.concatenate([np.zeros(0, dtype=np.int64), *runs])
        if not len(starts):
            raise DataError("no run of sleep stages is as long as an epoch of 30 s")
        y = stages.at(starts, starts + length)
        middle = starts + length // 2
        offsets = ((np.arange(SAMPLES) - SAMPLES // 2) * STEP_SECONDS * SECOND_NS).astype(np.int64)
        bpm = interpolated(rate, (middle[:, None] + offsets).reshape(-1), 2 * _NEAR_SECONDS)
        x = ((bpm.reshape(len(starts), 1, SAMPLES) - 60.0) / 20.0).astype(np.float32)
        y[np.isnan(x).mean(axis=(1, 2)) > 1 - _LEAST_SHARE] = -1
        apart = np.diff(starts) > _NIGHTS_APART_HOURS * 3600 * SECOND_NS
        night = np.concatenate([[0], np.cumsum(apart)])
        begin = starts[np.searchsorted(night, np.arange(night[-1] + 1))]
        hours = (starts - begin[night]) / SECOND_NS / 3600.0 / 8.0
        return recorded(recording, starts, x, y, given=hours[:, None].astype(np.float32))
