"""Normal, supraventricular and ventricular beats: one lead of ECG, and the rhythm beside it.

Annotated symbols are grouped as AAMI EC57 does, with fusion beats among the ventricular ones;
paced and unclassifiable beats have no class. Not a medical device.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from holter.signals.errors import DataError
from holter.signals.prepare import Recorded
from holter.signals.recording import SECOND_NS, Recording, Waveform
from holter.signals.resampling import resampled
from holter.signals.tasks.cutting import kept, recorded
from holter.signals.tasks.task import Need, Published, Task, series, waveform

RATE_HZ = 180.0
SAMPLES = 128
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
    classes = ("N", "S", "V")
    needs = (Need("ecg", 100.0),)
    channels = ("ecg",)
    samples = SAMPLES
    rate_hz = RATE_HZ
    extras = (
        "log of the interval before / the median interval",
        "log of the interval after / the median interval",
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
        symbols = np.array([beats.names[int(value)] for value in np.nan_to_num(beats.value)])
        is_beat = np.isin(symbols, [*_SYMBOLS, *_PACED])
        moment, symbols = beats.time_ns[is_beat], symbols[is_beat]
        if len(moment) < 3:
            raise DataError("the recording has fewer than three annotated beats")
        y = np.array([_SYMBOLS.get(symbol, -1) for symbol in symbols], dtype=np.int64)
        interval = np.diff(moment) / SECOND_NS
        rr = np.stack([np.append(np.nan, interval), np.append(interval, np.nan)], axis=1)
        lead = Waveform(
            channel.kind,
            channel.axes[:1],
            tuple(type(s)(s.start_ns, s.rate_hz, s.values[:, :1]) for s in channel.segments),
        )
        grid = resampled(lead, RATE_HZ)
        place = np.rint((moment - grid.start_ns) / SECOND_NS * RATE_HZ).astype(np.int64)
        first = place - BEFORE_PEAK
        y[(first < 0) | (first + SAMPLES > len(grid.values))] = -1
        inside = np.flatnonzero(y >= 0)
        x = np.full((len(y), 1, SAMPLES), np.nan, dtype=np.float32)
        x[inside, 0] = grid.values[first[inside, None] + np.arange(SAMPLES), 0]
        y[~kept(x)] = -1
        ratio = np.nan_to_num(np.log(rr / np.nanmedian(interval))).astype(np.float32)
        return recorded(recording, moment, x, y, given=ratio, rr=rr.astype(np.float32))
