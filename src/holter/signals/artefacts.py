"""Rules that tell samples of a fault from samples of a body, channel by channel.

    saturation     two or more successive samples within 0.2 % of a known limit of the sensor
    flat line      ECG and PPG: the same value for a second or more (a lead is off)
    spike          one sample far from both neighbours, which agree: _SPIKES says how far
    heart rate     50 bpm up and down again, or down and up, within 15 s of each
    ECG, PPG       each 10 s by the rules of Orphanidou et al., IEEE J Biomed Health Inform 19
                   (2015) 832-838: rate 40 to 180, no interval over 3 s, mean correlation with
                   the mean beat from 0.66 (ECG) or 0.86 (PPG); PPG also: longest over shortest
                   interval up to 2.2
    EDA            Kleckner et al., IEEE Trans Biomed Eng 65 (2018) 1460-1467: outside 0.05 to 60 uS,
                   steeper than 10 uS/s, the sensor off the skin by its temperature, and 5 s
                   around each of these; without the filter that they put before

Two deviations. Orphanidou et al. ask the ratio of intervals of an ECG too: one premature beat in
10 s of a clean ECG fails it, so here it is left out. Kleckner et al. take 30 to 40 degC for a
sensor that is worn, after children at home whose skin had 32 to 36; a hand at rest in a cool room
has less, and its EDA is no artefact. Here only what is colder than skin under a strap (25 degC,
as in ``wear``) or hotter than a body counts as off.

The rule for PPG refuses much of a wrist that moves, and rightly: of three recordings of an hour,
from a wrist in a stress protocol, it keeps 13, 53 and 39 %. The device itself gives intervals for
45 to 77 % of the kept time and for 3 to 21 % of the refused. Where both can be had, the heart
rate of the beats is off by more than 5 bpm from that of the device's intervals in 6 to 7 % of the
kept windows and in 36 to 58 % of the refused ones.

What becomes of the findings is for ``quality`` to say. All are pure functions of samples.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from holter.signals.features.beats import beat_times
from holter.signals.recording import SECOND_NS, Channel, Recording, Segment, Series, Times, Waveform
from holter.signals.resampling import grid_times, united
from holter.signals.wear import COLD_DEGC

_AT_LIMIT = 0.002  # of the sensor's range
_FLAT_SECONDS = 1.0
_SPIKES = {  # (least rate in Hz at which no body does it, unit of the kind)
    "acceleration": (80.0, 8.0),
    "ecg": (100.0, 5.0),
    "skin_temperature": (1.0, 1.0),
}
_HEART_JUMP_BPM, _HEART_JUMP_NS = 50.0, 15 * SECOND_NS  # up and down again within 15 s of each
_QUALITY_SECONDS = 10.0
_RATE_BPM, _LONGEST_RR_SECONDS = (40.0, 180.0), 3.0  # Orphanidou et al.
_RR_RATIO = {"ecg": float("inf"), "ppg": 2.2}
_LIKENESS = {"ecg": 0.66, "ppg": 0.86}  # Orphanidou et al.
BEATING = frozenset(_LIKENESS)  # kinds in which beats are sought
_EDA_US, _EDA_SLOPE, _EDA_AROUND_SECONDS = (0.05, 60.0), 10.0, 5.0  # Kleckner et al.
_ON_SKIN_DEGC = (COLD_DEGC, 40.0)

Flags = npt.NDArray[np.bool_]
Rows = list[tuple[int, int]]
"""Stretches of samples, [low, high)."""


def saturated(x: npt.NDArray[np.float32], limits: tuple[float, float]) -> Flags:
    """Samples, x: (n, axes), at a limit of the sensor beside another at it, on any axis."""
    near = _AT_LIMIT * (limits[1] - limits[0])
    result = np.zeros(len(x), dtype=bool)
    for full in (x >= limits[1] - near, x <= limits[0] + near):
        beside = np.zeros_like(full)
        beside[1:] |= full[:-1]
        beside[:-1] |= full[1:]
        result |= (full & beside).any(axis=1)
    return result


def spikes(x: npt.NDArray[np.float32], kind: str, rate_hz: float) -> Flags:
    """Samples far from both neighbours on one side, which agree to a quarter; (n, axes) -> (n,).

    None for kinds without a rule, and where samples are so rare that a body can do it.
    """
    result = np.zeros(len(x), dtype=bool)
    least_hz, most = _SPIKES.get(kind, (np.inf, 0.0))
    if len(x) < 3 or rate_hz < least_hz:
        return result
    before, after = x[1:-1] - x[:-2], x[1:-1] - x[2:]
    out = (np.minimum(before, after) > most) | (np.maximum(before, after) < -most)
    result[1:-1] = (out & (np.abs(x[2:] - x[:-2]) < most / 4)).any(axis=1)
    return result


def flat_lines(segment: Segment) -> Rows:
    """Stretches in which no axis changes for a second or more."""
    least = max(2, round(_FLAT_SECONDS * segment.rate_hz))
    same = (np.diff(segment.values, axis=0) == 0).all(axis=1)
    edges = np.diff(np.concatenate([[0], same.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) + 1
    long = ends - starts >= least
    return list(zip(starts[long].tolist(), ends[long].tolist(), strict=True))


def eda_faults(segment: Segment, recording: Recording) -> Rows:
    """EDA by the rules of Kleckner et al., and 5 s around."""
    x = segment.values[:, 0].astype(np.float64)
    wrong = (x < _EDA_US[0]) | (x > _EDA_US[1])
    steep = np.abs(np.diff(x)) * segment.rate_hz > _EDA_SLOPE
    wrong[1:] |= steep
    wrong[:-1] |= steep
    for channel in recording.of_kind("skin_temperature"):
        time = grid_times(segment.start_ns, segment.rate_hz, len(x))
        skin = _nearest(channel, time)
        wrong |= (skin < _ON_SKIN_DEGC[0]) | (skin > _ON_SKIN_DEGC[1])
    around = round(_EDA_AROUND_SECONDS * segment.rate_hz)
    rows = np.flatnonzero(wrong)
    low, high = united(np.maximum(rows - around, 0), np.minimum(rows + around + 1, len(x)))
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _nearest(channel: Channel, time: Times) -> npt.NDArray[np.float64]:
    """Values of a slow channel at the nearest of its samples within 5 s; NaN elsewhere."""
    if isinstance(channel, Series):
        own, value = channel.time_ns, channel.value
    else:
        parts = [(grid_times(s.start_ns, s.rate_hz, len(s.values)), s) for s in channel.segments]
        own = np.concatenate([np.zeros(0, dtype=np.int64), *(time for time, _ in parts)])
        value = np.concatenate([np.zeros(0), *(s.values[:, 0] for _, s in parts)])
    if not len(own):
        return np.full(len(time), np.nan)
    right = np.clip(np.searchsorted(own, time), 1, max(len(own) - 1, 1))
    left = right - 1
    right = np.minimum(right, len(own) - 1)
    best = np.where(np.abs(time - own[left]) <= np.abs(own[right] - time), left, right)
    near = np.abs(time - own[best]) <= _EDA_AROUND_SECONDS * SECOND_NS
    return np.where(near, value[best], np.nan)


def doubtful_beats(segment: Segment, wave: Waveform) -> Rows:
    """Windows of 10 s that fail Orphanidou's rules; windows without enough samples are passed."""
    rate, n = segment.rate_hz, len(segment.values)
    width = round(_QUALITY_SECONDS * rate)
    if n < width or rate < (50.0 if wave.kind == "ecg" else 20.0):
        return []
    beats = beat_times(replace(wave, segments=(segment,)))
    at = np.round((beats - segment.start_ns) * (rate / SECOND_NS)).astype(np.int64)
    doubtful = []
    for low in range(0, n - width // 2, width):
        high = n if n - low < 1.5 * width else low + width
        x = segment.values[low:high, 0].astype(np.float64)
        if np.isnan(x).mean() > 0.5:
            continue  # told as missing, saturated or flat already
        if not _good_beats(x, at[(at >= low) & (at < high)] - low, rate, wave.kind):
            doubtful.append((low, high))
    return doubtful


def _good_beats(
    x: npt.NDArray[np.float64], at: npt.NDArray[np.int64], rate: float, kind: str
) -> bool:
    if len(at) < 2:
        return False
    rr = np.diff(at) / rate
    beats_a_minute = 60.0 / rr.mean()
    if not _RATE_BPM[0] <= beats_a_minute <= _RATE_BPM[1]:
        return False
    if rr.max() > _LONGEST_RR_SECONDS or rr.max() / rr.min() > _RR_RATIO[kind]:
        return False
    half = int(np.median(np.diff(at)) // 2)
    whole = at[(at >= half) & (at + half < len(x))]
    if len(whole) < 2 or half < 2:
        return False
    waves = x[whole[:, None] + np.arange(-half, half + 1)[None, :]]
    waves = waves[~np.isnan(waves).any(axis=1)]
    if len(waves) < 2:
        return False
    waves = waves - waves.mean(axis=1, keepdims=True)
    template = waves.mean(axis=0)
    norms = np.linalg.norm(waves, axis=1) * np.linalg.norm(template)
    alike = np.where(norms > 0, waves @ template / np.where(norms > 0, norms, 1.0), 0.0)
    return bool(alike.mean() >= _LIKENESS[kind])


def heart_jumps(series: Series) -> Flags:
    """Rows of a heart rate that jumps up and down again, or down and up."""
    result = np.zeros(len(series.value), dtype=bool)
    if len(result) > 2:
        jump = np.diff(series.value)
        near = np.diff(series.time_ns) <= _HEART_JUMP_NS
        up = (jump > _HEART_JUMP_BPM) & near
        down = (jump < -_HEART_JUMP_BPM) & near
        result[1:-1] = (up[:-1] & down[1:]) | (down[:-1] & up[1:])
    return result
