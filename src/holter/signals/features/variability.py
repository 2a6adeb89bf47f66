"""Variability of the intervals between heartbeats, in time, in frequency and as a Poincaré plot.

Definitions: Task Force of the ESC and NASPE, Circulation 93 (1996) 1043-1065 (SDNN, RMSSD,
pNN50, bands of LF and HF); Brennan et al., IEEE Trans Biomed Eng 48 (2001) 1342-1347 (SD1, SD2).
The spectrum is Lomb's: intervals are uneven in time by nature and stay so, and rejected ones are
left out instead of being filled. Differences are taken between neighbours that are both believed.
A number whose minimum is not met is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from holter.signals.features.beats import Intervals
from holter.signals.recording import SECOND_NS

LF_HZ, HF_HZ = (0.04, 0.15), (0.15, 0.40)  # Task Force, table 2
LEAST_INTERVALS = 10  # below, a standard deviation says nothing
LEAST_PAIRS = 8
LEAST_LF_SECONDS, LEAST_HF_SECONDS = 120.0, 60.0  # Task Force: 2 minutes for LF, 1 for HF
_SPECTRUM_SECONDS = 300.0  # Task Force: short-term spectra are of 5 minutes; longer: their mean
_LEAST_BELIEVED = 0.8  # of a spectrum's time that believed intervals must cover
_OVERSAMPLED = 4  # frequencies per width of a spectral line

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Variability:
    """Numbers of one stretch; NaN where it is too short. Times in ms, powers in ms2.

    count: believed intervals. seconds: their sum. lf_hf: NaN too where HF is 0.
    """

    count: int
    seconds: float
    mean_nn: float
    sdnn: float
    rmssd: float
    pnn50: float
    sd1: float
    sd2: float
    lf: float
    hf: float

    @property
    def lf_hf(self) -> float:
        """LF over HF."""
        return self.lf / self.hf if self.hf > 0 else float("nan")

    @property
    def heart_rate(self) -> float:
        """60 over the mean interval, bpm."""
        return 60_000.0 / self.mean_nn


def variability(intervals: Intervals) -> Variability:
    """All numbers of a stretch of intervals. SDNN of a day and of 5 minutes are different things.

    Minima: 10 believed intervals for SDNN and the mean, 8 pairs for RMSSD, pNN50, SD1 and SD2;
    60 s for HF and 120 s for LF, of which 80 % are covered. pNN50 is a share, 0 to 1.
    """
    milliseconds = intervals.seconds * 1000.0
    good = intervals.good & np.isfinite(milliseconds)
    nn = milliseconds[good]
    pairs = good[1:] & good[:-1]
    first, second = milliseconds[:-1][pairs], milliseconds[1:][pairs]
    enough, paired = len(nn) >= LEAST_INTERVALS, len(first) >= LEAST_PAIRS
    step = second - first
    nan = float("nan")
    return Variability(
        count=len(nn),
        seconds=float(nn.sum() / 1000.0),
        mean_nn=float(nn.mean()) if enough else nan,
        sdnn=float(nn.std(ddof=1)) if enough else nan,
        rmssd=float(np.sqrt(np.mean(step**2))) if paired else nan,
        pnn50=float(np.mean(np.abs(step) > 50.0)) if paired else nan,
        sd1=float((step / np.sqrt(2)).std(ddof=1)) if paired else nan,
        sd2=float(((first + second) / np.sqrt(2)).std(ddof=1)) if paired else nan,
        lf=_power(intervals, good, LF_HZ, LEAST_LF_SECONDS),
        hf=_power(intervals, good, HF_HZ, LEAST_HF_SECONDS),
    )


def _power(
    intervals: Intervals, good: npt.NDArray[np.bool_], band: tuple[float, float], least: float
) -> float:
    """Power of a band, ms2: the mean over stretches of 5 minutes that are covered enough."""
    if not good.any():
        return float("nan")
    at = (intervals.time_ns - intervals.time_ns[0]) / SECOND_NS
    at = at + np.nan_to_num(intervals.seconds[0])  # the first interval began that much earlier
    length = float(at[-1])
    parts = max(1, int(length // _SPECTRUM_SECONDS))
    each = length / parts
    powers = []
    for part in range(parts):
        inside = good & (at > part * each) & (at <= (part + 1) * each)
        nn = intervals.seconds[inside]
        enough = len(nn) >= LEAST_INTERVALS and nn.sum() >= _LEAST_BELIEVED * each
        if each >= least and enough and np.ptp(at[inside]) > 0:
            powers.append(_lomb(at[inside], nn * 1000.0, band))
    return float(np.mean(powers)) if powers else float("nan")


def _lomb(seconds: Floats, milliseconds: Floats, band: tuple[float, float]) -> float:
    """Integral of the one-sided spectral density over a band: a sine of height a gives a²/2."""
    span = float(seconds[-1] - seconds[0])
    x = signal.detrend(milliseconds)
    steps = int(np.ceil((band[1] - band[0]) * span * _OVERSAMPLED)) + 1
    hertz = np.linspace(*band, max(steps, 2))
    periodogram = signal.lombscargle(seconds, x, 2 * np.pi * hertz)
    density = 2.0 * periodogram * span / len(x)
    return float(np.trapezoid(density, hertz))
