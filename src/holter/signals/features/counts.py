"""How much a limb moves and how it lies, from its acceleration, per epoch.

    ENMO     van Hees et al., PLoS ONE 8 (2013) e61691: |a| - 1 g, negative ones to 0
    MAD      Vähä-Ypyä et al., Clin Physiol Funct Imaging 35 (2015) 64-70: mean of ||a| - mean|a||
    z angle  van Hees et al., PLoS ONE 10 (2015) e0142533: of the arm, from rolling medians
    counts   holter's own, see ``activity_counts``; they are not ActiGraph's and not comparable

All in g and degrees. Sensors that are off by some mg shift ENMO and not MAD; calibrate first
where that matters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage, signal

from holter.signals.errors import DataError
from holter.signals.recording import SECOND_NS, Times, Waveform
from holter.signals.resampling import grid_times

Floats = npt.NDArray[np.float64]
Samples = npt.NDArray[np.floating]

LEAST_SHARE = 0.5  # of an epoch's samples that must be there
_MEDIAN_SECONDS = 5.0  # of the rolling median, van Hees et al. 2015
_COUNT_BAND_HZ = (0.25, 2.5)  # of wilful movement; keeps out gravity and shaking by vehicles
_COUNT_DEAD_G = 0.02  # below it is the sensor's noise
_COUNT_MOST_G = 2.0  # above it is a blow, not more activity
_COUNT_UNIT_G_SECONDS = 0.01  # one count
_CHUNK_EPOCH_SECONDS = 1800.0  # worked on at once: 2 MB of 100 Hz
_SETTLING_SECONDS = 10.0  # taken before and after a chunk, so that filters see no edge


@dataclass(frozen=True)
class Epochs:
    """One row an epoch, shape (n,); NaN where less than half of the epoch was measured.

    enmo, mad: g. z_angle: degrees, -90 to 90. counts: see ``activity_counts``. share: of the
    epoch that was measured.
    """

    start_ns: int
    seconds: float
    enmo: Floats
    mad: Floats
    z_angle: Floats
    counts: Floats
    share: Floats

    @property
    def time_ns(self) -> Times:
        """When each epoch begins."""
        return grid_times(self.start_ns, 1.0 / self.seconds, len(self.share))


def magnitude(xyz: Samples) -> Floats:
    """|a| of each sample, shape (n,), from (n, 3), g."""
    return np.asarray(np.sqrt(np.sum(np.square(xyz, dtype=np.float64), axis=1)))


def enmo(xyz: Samples) -> Floats:
    """Euclidean norm minus one of each sample, negative ones 0: (n, 3) g -> (n,) g."""
    return np.maximum(magnitude(xyz) - 1.0, 0.0)


def mad(xyz: Samples) -> float:
    """Mean amplitude deviation of one epoch: (n, 3) g -> g; NaN without samples."""
    size = magnitude(xyz)
    size = size[~np.isnan(size)]
    return float(np.mean(np.abs(size - size.mean()))) if len(size) else float("nan")


def z_angle(xyz: Samples) -> Floats:
    """Angle of the z axis to the horizontal, degrees: (n, 3) g -> (n,). NaN for no gravity."""
    x, y, z = np.asarray(xyz, dtype=np.float64).T
    flat = np.hypot(x, y)
    angle = np.degrees(np.arctan2(z, flat))
    return np.where((flat == 0) & (z == 0), np.nan, angle)


def activity_counts(xyz: Samples, rate_hz: float) -> Floats:
    """Counts that each sample adds: (n, 3) g, finite, in one piece -> (n,), summed over epochs.

    Each axis is band-passed, 0.25 to 2.5 Hz (Butterworth, 2nd order, both ways); its absolute
    value counts from 0.02 g on and up to 2 g; the three axes are joined as a vector; one count
    is 0.01 g s. The number is proportional to time and height, whatever the sampling rate.
    """
    if rate_hz <= 2.5 * _COUNT_BAND_HZ[1]:
        raise DataError(f"counts need more than 6.25 Hz; this channel has {rate_hz:g}")
    band = signal.butter(2, _COUNT_BAND_HZ, "bandpass", fs=rate_hz, output="sos")
    padding = min(len(xyz) - 1, round(4 * rate_hz))
    moving = signal.sosfiltfilt(band, np.asarray(xyz, dtype=np.float64), axis=0, padlen=padding)
    height = np.minimum(np.abs(moving), _COUNT_MOST_G)
    height = np.where(height < _COUNT_DEAD_G, 0.0, height)
    return np.asarray(np.sqrt(np.sum(height**2, axis=1)) / (_COUNT_UNIT_G_SECONDS * rate_hz))


def epochs(
    waveform: Waveform, seconds: float, *, start_ns: int | None = None, end_ns: int | None = None
) -> Epochs:
    """All numbers per epoch of acceleration, from ``start_ns`` (default: the first sample).

    Guarantees: memory for half an hour of samples at a time, whatever the length. Counts of an
    epoch that was measured in part are those of the measured part over its share; MAD of an
    epoch with a gap in it is that of its parts. Raises DataError for channels without three axes and for epochs shorter than a second.
    """
    if waveform.kind != "acceleration" or len(waveform.axes) != 3:
        raise DataError("epochs of movement need acceleration on three axes")
    if not seconds >= 1:
        raise DataError("an epoch lasts a second or more")
    first, last = waveform.span_ns
    first = first if start_ns is None else start_ns
    last = last if end_ns is None else end_ns
    width = seconds * SECOND_NS
    count = max(0, int(np.ceil((last - first) / width - 1e-9)))
    sums = _Sums(*(np.zeros(count) for _ in range(7)))
    for segment in waveform.segments:
        rate, n = segment.rate_hz, len(segment.values)
        settling = round(_SETTLING_SECONDS * rate)
        # Chunks begin where epochs do: the mean of an epoch must be known to MAD.
        chunk = max(1, int(_CHUNK_EPOCH_SECONDS // seconds)) * width
        offset = segment.start_ns - first
        for number in range(
            max(0, int(offset // chunk)), int((segment.end_ns - first) // chunk) + 1
        ):
            low = max(0, int(np.ceil((number * chunk - offset) * rate / SECOND_NS - 1e-6)))
            high = min(n, int(np.ceil(((number + 1) * chunk - offset) * rate / SECOND_NS - 1e-6)))
            if high <= low:
                continue
            before, after = max(0, low - settling), min(n, high + settling)
            at = offset + np.arange(low, high) * (SECOND_NS / rate)
            row = np.floor(at / width + 1e-9).astype(np.int64)
            inside = (row >= 0) & (row < count)
            _add(sums, segment.values[before:after], rate, before, low - before, row, inside)
    return _finished(sums, int(first), float(seconds))


@dataclass
class _Sums:
    """Sums over the measured seconds of each epoch; two of angle, whose samples may be fewer."""

    measured: Floats
    enmo: Floats
    deviation: Floats
    counts: Floats
    counted: Floats
    angle: Floats
    angled: Floats


def _add(
    sums: _Sums,
    values: npt.NDArray[np.float32],
    rate: float,
    start: int,
    skip: int,
    row: npt.NDArray[np.int64],
    inside: npt.NDArray[np.bool_],
) -> None:
    """Add a chunk, whose first value is sample ``start`` of its segment.

    row: the epoch of each of its own samples, which begin at ``skip``; before are others that
    filters need. inside: whether that epoch is wanted.
    """
    own = slice(skip, skip + len(row))
    size = magnitude(values)[own]
    there = inside & ~np.isnan(size)
    rows, size = row[there], size[there]
    second = 1.0 / rate
    length = len(sums.measured)

    def total(weights: Floats) -> Floats:
        return np.asarray(np.bincount(rows, weights, length), dtype=np.float64)

    samples = total(np.ones(len(rows)))
    mean = total(size) / np.maximum(samples, 1)
    sums.measured += samples * second
    sums.enmo += total(np.maximum(size - 1.0, 0.0)) * second
    sums.deviation += total(np.abs(size - mean[rows])) * second
    missing = np.isnan(values).any(axis=1)
    if missing.all():
        return
    if missing.any():  # a line bridges masked samples for filters; they are not counted
        at = np.arange(len(values))
        values = np.stack(
            [np.interp(at, at[~missing], column[~missing]) for column in values.T], axis=1
        )
    if rate > 2.5 * _COUNT_BAND_HZ[1]:
        sums.counts += total(activity_counts(values, rate)[own][there])
        sums.counted += samples * second
    # The median of 5 s hardly changes from sample to sample: five a second are enough. Which
    # ones does not depend on where a chunk begins.
    every = max(1, int(rate // 5))
    picks = np.arange(-start % every, len(values), every)
    window = max(1, round(_MEDIAN_SECONDS * rate / every))
    angles = z_angle(ndimage.median_filter(values[picks], size=(window, 1), mode="nearest"))
    mine = (picks >= skip) & (picks < skip + len(row)) & ~np.isnan(angles)
    mine[mine] = there[picks[mine] - skip]
    places = row[picks[mine] - skip]
    sums.angle += np.bincount(places, angles[mine], length)
    sums.angled += np.bincount(places, minlength=length)


def _finished(sums: _Sums, start_ns: int, seconds: float) -> Epochs:
    share = np.clip(sums.measured / seconds, 0.0, 1.0)
    enough = share >= LEAST_SHARE

    def mean(total: Floats, over: Floats) -> Floats:
        known = enough & (over > 0)
        return np.where(known, total / np.where(known, over, 1.0), np.nan)

    return Epochs(
        start_ns,
        seconds,
        enmo=mean(sums.enmo, sums.measured),
        mad=mean(sums.deviation, sums.measured),
        z_angle=mean(sums.angle, sums.angled),
        counts=mean(sums.counts, sums.counted) * seconds,
        share=share,
    )
