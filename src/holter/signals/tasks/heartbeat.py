"""Normal, supraventricular and ventricular beats: one lead of ECG, and the rhythm beside it.

Annotated symbols are grouped as AAMI EC57 does, with fusion beats among the ventricular ones;
paced and unclassifiable beats have no class. Not a medical device.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from holter.signals.errors import DataError
from holter.signals.kinds import KINDS
from holter.signals.prepare import Recorded
from holter.signals.recording import SECOND_NS, Recording, Segment, Waveform
from holter.signals.resampling import resampled
from holter.signals.tasks.cutting import kept, recorded
from holter.signals.tasks.task import Need, Published, Task, series, waveform

RATE_HZ = 180.0
SAMPLES = 128
USUAL_SECONDS = 0.8  # a public unit: 75 beats a minute; the person's own is for ``rr-ratios``
BEFORE_PEAK = 56  # 0.31 s: the P wave is inside; the T wave is in the 0.4 s after
_SYMBOLS: Mapping[str, int] = {
    **dict.fromkeys(("N", "L", "R", "e", "j", "n", "B"), 0),
    **dict.fromkeys(("S", "A", "a", "J"), 1),
    **dict.fromkeys(("V", "E", "F", "r"), 2),
}
_PACED = ("/", "f", "Q", "?", "P")  # beats all the same: their times count for the rhythm


class Heartbeat(Task):
    """N, S or V of each annotated beat, from 0.71 s of one lead at 180 Hz."""

    name = "heartbeat"
    about = "normal, supraventricular and ventricular beats"
    inputs = "one-lead ECG around each beat, and the intervals beside it"
    labels = "annotated beats"
    label_kinds = ("beat",)
    classes = ("N", "S", "V")
    needs = (Need("ecg", 100.0, fast=True),)
    channels = ("ecg",)
    samples = SAMPLES
    rate_hz = RATE_HZ
    extras = (
        "log of the interval before / 0.8 s, 0 where there is none",
        "log of the interval after / 0.8 s, 0 where there is none",
    )
    window_seconds = SAMPLES / RATE_HZ
    sets = ("mitbih_arrhythmia",)
    published = (
        Published(
            "N S V F of MIT-BIH, macro-F1", ".427", "trees, pooled, 22 patients, 2 new at a time"
        ),
    )

    def cut(self, recording: Recording) -> Recorded:
        """One window a beat, its annotated moment at sample 56, in mV; rr in seconds."""
        channel, beats = waveform(recording, "ecg"), series(recording, "beat")
        if channel is None:
            raise DataError("the recording has no ECG")
        if beats is None:
            raise DataError("the recording has no annotated beats")
        known = ~np.isnan(beats.value) & (beats.value < len(beats.names))
        symbols = np.array([beats.names[int(value)] for value in beats.value[known]], dtype=str)
        is_beat = np.isin(symbols, [*_SYMBOLS, *_PACED])
        moment, first_of = np.unique(beats.time_ns[known][is_beat], return_index=True)
        symbols = symbols[is_beat][first_of]
        if len(moment) < 3:
            raise DataError("the recording has fewer than three annotated beats")
        y = np.array([_SYMBOLS.get(symbol, -1) for symbol in symbols], dtype=np.int64)
        interval = np.diff(moment) / SECOND_NS
        interval[interval > KINDS["rr_interval"].highest] = np.nan  # a gap, and no heart
        rr = np.stack([np.append(np.nan, interval), np.append(interval, np.nan)], axis=1)
        x = np.full((len(y), 1, SAMPLES), np.nan, dtype=np.float32)
        for segment in channel.segments:
            lead = Segment(segment.start_ns, segment.rate_hz, segment.values[:, :1])
            grid = resampled(Waveform(channel.kind, channel.axes[:1], (lead,)), RATE_HZ)
            place = np.rint((moment - grid.start_ns) / SECOND_NS * RATE_HZ).astype(np.int64)
            first = place - BEFORE_PEAK
            inside = np.flatnonzero((first >= 0) & (first + SAMPLES <= len(grid.values)))
            x[inside, 0] = grid.values[first[inside, None] + np.arange(SAMPLES), 0]
        y[~kept(x)] = -1
        ratio = np.nan_to_num(np.log(rr / USUAL_SECONDS)).astype(np.float32)
        return recorded(recording, moment, x, y, given=ratio, rr=rr.astype(np.float32))
