"""Heartbeats in an ECG or a PPG -> their times, and the intervals between them that hold.

``r_peaks`` follows Pan and Tompkins, IEEE Trans Biomed Eng 32 (1985) 230-236: band-pass, slope,
square, moving window, two adaptive levels, search back for a missed beat, a rule against T waves.
Two things differ: filters run forwards and backwards, so peaks are not late; levels begin with
the signal's own maxima instead of a learning phase. ``systolic_peaks`` follows Elgendi et al.,
PLoS ONE 8 (2013) e76585: two moving means, blocks of interest, one peak in each.
``beat_times`` does either for a channel, gaps and masks included. ``rr_intervals`` says which
intervals to believe, ``told_intervals`` the same of those that a device gives. No beat is ever put where none was seen.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage, signal

from holter.signals.errors import DataError
from holter.signals.recording import SECOND_NS, Segment, Series, Times, Waveform

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_ECG_BAND_HZ = (5.0, 15.0)  # Pan and Tompkins: most of a QRS complex, little of T waves and muscle
_ECG_LEAST_HZ = 50.0  # below, 15 Hz is too near half the rate
_WINDOW_SECONDS = 0.150  # of the moving window: the widest QRS complex
_REFRACTORY_SECONDS = 0.200  # no heart beats again so soon
_T_WAVE_SECONDS = 0.360  # until then a beat with less than half the slope is a T wave
_MISSED = 1.66  # usual intervals without a beat: search back
_RECENT = 8  # beats that make the usual interval
_PPG_BAND_HZ = (0.5, 8.0)  # Elgendi et al.
_PPG_LEAST_HZ = 20.0
_PPG_PEAK_SECONDS, _PPG_BEAT_SECONDS = 0.111, 0.667  # Elgendi et al.: W1 and W2
_PPG_OFFSET = 0.02  # Elgendi et al.: beta
_PPG_LEAST_APART_SECONDS = 0.3  # 200 beats a minute
_BRIDGED_SECONDS = 0.1  # masked samples up to this long are bridged by a line before filtering
_LEAST_SECONDS = 3.0  # of signal in one piece, so that levels mean something
_LONGEST_PIECE_SECONDS = 3600.0  # worked on at once
_OVERLAP_SECONDS = 10.0  # of two such pieces

SHORTEST_RR, LONGEST_RR = 0.3, 2.0  # seconds: 200 and 30 beats a minute
_UNLIKE = 0.20  # of the local median: an interval farther off is an artefact or no sinus beat
_NEIGHBOURS = 5  # intervals each side that make the local median


@dataclass(frozen=True)
class Intervals:
    """Intervals between successive beats.

    time_ns: of the later beat, shape (n,). seconds: shape (n,). good: which are believed.
    """

    time_ns: Times
    seconds: Floats
    good: npt.NDArray[np.bool_]

    @property
    def rejected_share(self) -> float:
        """Share of intervals that are not believed; NaN without any."""
        return float(1 - self.good.mean()) if len(self.good) else float("nan")


def r_peaks(ecg: npt.ArrayLike, rate_hz: float) -> Rows:
    """Rows of the R peaks of an ECG in one piece. ecg: shape (n,), finite, any unit or polarity.

    Edges: fewer than 3 s, or a flat line -> none. Raises DataError below 50 Hz.
    """
    if rate_hz < _ECG_LEAST_HZ:
        raise DataError(f"R peaks need {_ECG_LEAST_HZ:g} Hz; this ECG has {rate_hz:g}")
    filtered = _filtered(ecg, rate_hz, _ECG_BAND_HZ)
    if filtered is None:
        return np.zeros(0, dtype=np.int64)
    slope = np.gradient(filtered) * rate_hz
    energy = ndimage.uniform_filter1d(slope**2, max(1, round(_WINDOW_SECONDS * rate_hz)))
    near = max(1, round(_REFRACTORY_SECONDS * rate_hz))
    candidates = signal.find_peaks(energy, distance=near)[0]
    if not len(candidates):
        return np.zeros(0, dtype=np.int64)
    half = max(1, round(_WINDOW_SECONDS * rate_hz / 2))
    steepest = ndimage.maximum_filter1d(np.abs(slope), 2 * half + 1)[candidates]
    beats = _adaptive(energy, candidates, steepest, rate_hz)
    return _highest(np.abs(filtered), beats, half)


def systolic_peaks(ppg: npt.ArrayLike, rate_hz: float) -> Rows:
    """Rows of the systolic peaks of a PPG in one piece, blood volume upwards. ppg: (n,), finite.

    Edges: fewer than 3 s, or a flat line -> none. Raises DataError below 20 Hz.
    """
    if rate_hz < _PPG_LEAST_HZ:
        raise DataError(f"systolic peaks need {_PPG_LEAST_HZ:g} Hz; this PPG has {rate_hz:g}")
    filtered = _filtered(ppg, rate_hz, _PPG_BAND_HZ)
    if filtered is None:
        return np.zeros(0, dtype=np.int64)
    squared = np.maximum(filtered, 0.0) ** 2
    shortest = max(1, round(_PPG_PEAK_SECONDS * rate_hz))
    of_peak = ndimage.uniform_filter1d(squared, shortest)
    of_beat = ndimage.uniform_filter1d(squared, max(1, round(_PPG_BEAT_SECONDS * rate_hz)))
    # The mean of all would let one movement hide an hour of beats: it is taken over 10 s.
    level = ndimage.uniform_filter1d(squared, max(1, round(10 * rate_hz)))
    inside = of_peak > of_beat + _PPG_OFFSET * level
    edges = np.diff(np.concatenate([[0], inside.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    peaks: list[int] = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if end - start < shortest:
            continue
        peak = start + int(np.argmax(filtered[start:end]))
        if peaks and peak - peaks[-1] < _PPG_LEAST_APART_SECONDS * rate_hz:
            if filtered[peak] > filtered[peaks[-1]]:
                peaks[-1] = peak
            continue
        peaks.append(peak)
    return np.array(peaks, dtype=np.int64)


def beat_times(waveform: Waveform, axis: int = 0) -> Times:
    """Times of the beats of an ECG or PPG channel, shape (n,), int64, rising.

    Gaps stay gaps; masked stretches of more than 100 ms are gaps. A PPG's beats are at the
    sharper end of its pulse, peak or foot, whichever the channel has (``_sharper_side``), placed
    between samples by a parabola. Raises DataError for other kinds and for rates too low.
    """
    if waveform.kind not in ("ecg", "ppg"):
        raise DataError(f"{waveform.kind} shows no beats; name an ecg or a ppg channel")
    ecg = waveform.kind == "ecg"
    side = 1.0 if ecg else _sharper_side(waveform, axis)
    found = [
        segment.start_ns + np.round(at / segment.rate_hz * SECOND_NS).astype(np.int64)
        for segment in waveform.segments
        for at in _of_segment(segment, axis, side, ecg)
    ]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def rr_intervals(beat_ns: Times) -> Intervals:
    """Intervals between beats, with those that cannot be believed marked.

    Not believed: outside 0.3 to 2 s; more than 20 % from the median of the (up to) five
    plausible intervals each side, the common «20 % rule» against its neighbours instead of the
    one before, so that one artefact does not condemn the next. A gap of the recording is an
    interval too long. Edges: fewer than 2 beats -> none. A rhythm that is irregular by nature
    (atrial fibrillation) loses many intervals: ``rejected_share`` tells.
    """
    beats = np.asarray(beat_ns, dtype=np.int64)
    seconds = np.diff(beats) / SECOND_NS
    return Intervals(beats[1:], seconds, _believed(seconds))


def told_intervals(series: Series) -> Intervals:
    """Intervals that a device gives by itself (``rr_interval``), judged by the same rules.

    A row's time is that of its later beat. Where the time between two rows is longer than the
    second interval by half of it and more, beats are missing: an interval that is not believed
    stands for them, so that no difference is taken across. Masked rows are not believed.
    """
    if series.kind != "rr_interval":
        raise DataError(f"{series.kind} holds no intervals between beats; name an rr_interval")
    time, seconds = series.time_ns, series.value
    silent = np.diff(time) / SECOND_NS - seconds[1:]
    gaps = np.flatnonzero(silent > 0.5 * seconds[1:]) + 1
    begins = time[gaps] - np.round(seconds[gaps] * SECOND_NS).astype(np.int64)
    good = np.insert(_believed(seconds), gaps, False)
    return Intervals(
        np.insert(time, gaps, begins), np.insert(seconds, gaps, silent[gaps - 1]), good
    )


def _believed(seconds: Floats) -> npt.NDArray[np.bool_]:
    possible = (seconds >= SHORTEST_RR) & (seconds <= LONGEST_RR)
    good = possible.copy()
    if possible.any():
        plausible = np.where(possible, seconds, np.nan)
        padded = np.pad(plausible, _NEIGHBOURS, constant_values=np.nan)
        around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOURS + 1)
        middle = np.nanmedian(around[possible], axis=1)
        good[possible] = np.abs(seconds[possible] - middle) <= _UNLIKE * middle
    return np.asarray(good)


def _filtered(values: npt.ArrayLike, rate_hz: float, band_hz: tuple[float, float]) -> Floats | None:
    """The band of a signal in one piece; None where it is too short or flat to show beats."""
    x = np.asarray(values, dtype=np.float64).reshape(-1)
    if not np.isfinite(x).all():
        raise DataError("beats are sought in finite samples only: cut at the gaps (beat_times)")
    if len(x) < _LEAST_SECONDS * rate_hz or np.ptp(x) == 0:
        return None
    return _in_band(x, rate_hz, band_hz)


def _in_band(x: Floats, rate_hz: float, band_hz: tuple[float, float]) -> Floats:
    band = signal.butter(2, band_hz, "bandpass", fs=rate_hz, output="sos")
    return np.asarray(signal.sosfiltfilt(band, x))


def _adaptive(energy: Floats, candidates: Rows, steepest: Floats, rate_hz: float) -> Rows:
    """Candidates that are beats, by levels of signal and noise that follow the last ones."""
    heights = energy[candidates]
    each = max(1, round(2 * rate_hz))
    first = energy[: 10 * each]
    maxima = [first[i : i + each].max() for i in range(0, len(first), each)]
    beat_level, noise_level = float(np.median(maxima)), float(np.median(first))
    beats: list[int] = []  # places in ``candidates``
    usual = 0.0
    for i in range(len(candidates)):
        level = noise_level + 0.25 * (beat_level - noise_level)
        if usual and candidates[i] - candidates[beats[-1]] > _MISSED * usual:
            low, high = beats[-1] + 1, i
            missed = [
                k for k in range(low, high)
                if heights[k] > level / 2 and not _t_wave(candidates, steepest, beats[-1], k, rate_hz)
            ]  # fmt: skip
            if missed:
                best = max(missed, key=lambda k: float(heights[k]))
                beats.append(best)
                beat_level = 0.25 * heights[best] + 0.75 * beat_level
                usual = _usual(candidates, beats)
                level = noise_level + 0.25 * (beat_level - noise_level)
        if heights[i] > level and not (
            beats and _t_wave(candidates, steepest, beats[-1], i, rate_hz)
        ):
            beats.append(i)
            # One huge artefact must not lift the level out of reach: it counts as two beats.
            beat_level = 0.125 * min(heights[i], 4 * beat_level) + 0.875 * beat_level
            usual = _usual(candidates, beats)
        else:
            noise_level = 0.125 * min(heights[i], beat_level) + 0.875 * noise_level
        if usual and candidates[i] - candidates[beats[-1]] > 4 * usual:
            beat_level *= 0.5  # the signal became small: come down to it
    return candidates[beats] if beats else np.zeros(0, dtype=np.int64)


def _usual(candidates: Rows, beats: list[int]) -> float:
    recent = np.diff(candidates[beats[-_RECENT - 1 :]])
    return float(np.median(recent)) if len(recent) else 0.0


def _t_wave(candidates: Rows, steepest: Floats, last: int, this: int, rate_hz: float) -> bool:
    near = candidates[this] - candidates[last] < _T_WAVE_SECONDS * rate_hz
    return bool(near and steepest[this] < 0.5 * steepest[last])


def _highest(height: Floats, rows: Rows, half: int) -> Rows:
    """Each row moved to the highest sample within ``half`` samples."""
    found = [
        max(0, row - half) + int(np.argmax(height[max(0, row - half) : row + half + 1]))
        for row in rows.tolist()
    ]
    return np.unique(np.array(found, dtype=np.int64))


def _of_segment(segment: Segment, axis: int, side: float, ecg: bool) -> list[Floats]:
    """Places of beats, in samples, of each piece of a segment that is free of long masks."""
    rate = segment.rate_hz
    found: list[Floats] = []
    for start, end in _pieces(np.isnan(segment.values[:, axis]), round(_BRIDGED_SECONDS * rate)):
        step, overlap = round(_LONGEST_PIECE_SECONDS * rate), round(_OVERLAP_SECONDS * rate)
        for low in range(start, end, step):
            high = min(end, low + step)
            begin, stop = max(start, low - overlap), min(end, high + overlap)
            x = side * segment.values[begin:stop, axis].astype(np.float64)
            missing = np.isnan(x)
            if missing.any():
                rows = np.arange(len(x))
                x[missing] = np.interp(rows[missing], rows[~missing], x[~missing])
            at = (r_peaks if ecg else systolic_peaks)(x, rate)
            places = begin + (at if ecg else _between(x, at))
            mine = (at + begin >= low) & (at + begin < high)
            found.append(np.asarray(places[mine], dtype=np.float64))
    return [at for at in found if len(at)]


def _sharper_side(waveform: Waveform, axis: int) -> float:
    """1 where peaks are sharper than feet, else -1: the sign of the median skewness over 10 s.

    A sharp end has one place; a rounded one moves with noise and has a second, dicrotic top. On
    three recordings of a wrist device, beats at its sharp feet gave heart rates within 0.3 to
    1.1 bpm (median) of the device's own intervals, beats at its round peaks within 1.5 to 2.2.
    """
    skews: list[float] = []
    for segment in waveform.segments:
        each = round(10 * segment.rate_hz)
        if segment.rate_hz < _PPG_LEAST_HZ:
            continue
        windows = len(segment.values) // each
        for window in range(0, windows, max(1, windows // 200)):  # 200 tell as much as all
            x = segment.values[window * each : (window + 1) * each, axis].astype(np.float64)
            if np.isfinite(x).all() and np.ptp(x) > 0:
                filtered = _in_band(x, segment.rate_hz, _PPG_BAND_HZ)
                filtered = filtered / filtered.std()
                skews.append(float(np.mean(filtered**3)))
    return -1.0 if skews and float(np.median(skews)) < 0 else 1.0


def _pieces(missing: npt.NDArray[np.bool_], bridged: int) -> list[tuple[int, int]]:
    """(start, end) of stretches whose missing runs are at most ``bridged`` samples long."""
    there = np.flatnonzero(~missing)
    if not len(there):
        return []
    breaks = np.flatnonzero(np.diff(there) > bridged + 1) + 1
    edges = np.concatenate([[0], breaks, [len(there)]])
    return [(int(there[a]), int(there[b - 1]) + 1) for a, b in itertools.pairwise(edges.tolist())]


def _between(x: Floats, rows: Rows) -> Floats:
    """Peaks between samples: the top of the parabola through a peak and its neighbours."""
    inner = np.clip(rows, 1, len(x) - 2)
    before, at, after = x[inner - 1], x[inner], x[inner + 1]
    bend = before - 2 * at + after
    safe = np.where(bend < 0, bend, -1.0)
    shift = np.where((bend < 0) & (inner == rows), 0.5 * (before - after) / safe, 0.0)
    return np.asarray(rows + np.clip(shift, -0.5, 0.5), dtype=np.float64)
