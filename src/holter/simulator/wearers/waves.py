"""ECG and PPG of a synthetic person, drawn beat by beat from one train of beats.

ECG: five Gaussians a beat, P, Q, R, S and T, after McSharry, Clifford, Tarassenko and Smith 2003,
ventricular beats have wide ones and no P, beats of atrial fibrillation no P. PPG: two Gaussians a pulse, the second for the reflected wave;
the pulse comes a delay after its R peak, is smaller after a short interval, and its size and
baseline follow breathing. What a device makes of either is for ``sensors``.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from holter.simulator.wearers.heart import SUPRAVENTRICULAR, VENTRICULAR, Beats
from holter.simulator.wearers.physiology import Physiology, Reals

Floats = npt.NDArray[np.float32]

P_WAVE, T_WAVE = 0, 4
# P, Q, R, S, T of a typical lead: height in mV, time after the R peak and width in seconds.
HEIGHT_MV = np.array([0.12, -0.10, 1.00, -0.22, 0.28])
CENTRE_S = np.array([-0.160, -0.028, 0.0, 0.030, 0.250])
WIDTH_S = np.array([0.022, 0.009, 0.011, 0.010, 0.045])
# The same for a ventricular beat: no P, a wide complex, a T wave against it.
WIDE_HEIGHT_MV = np.array([0.0, -0.15, 1.10, -0.45, -0.35])
WIDE_CENTRE_S = np.array([-0.160, -0.055, 0.0, 0.065, 0.270])
WIDE_WIDTH_S = np.array([0.022, 0.024, 0.030, 0.030, 0.055])
REACH = 3.5  # standard deviations of a Gaussian that are drawn
PULSE_SIZE = 100.0  # of a usual pulse, in the device's own unit
PULSE_CENTRE_S, PULSE_WIDTH_S = 0.0, 0.085  # at an interval of 1 s; both scale with its root
ECHO_SIZE, ECHO_CENTRE_S, ECHO_WIDTH_S = 0.38, 0.26, 0.10


def ecg_mv(
    random: np.random.Generator, body: Physiology, beats: Beats, rate_hz: float, samples: int
) -> Floats:
    """One lead in mV at ``rate_hz`` from 0 s: shape (samples,). The R peak lies on its beat."""
    beat_count = len(beats.time)
    gain = math.exp(0.30 * float(random.standard_normal()))
    own_shape = np.exp(0.30 * random.standard_normal((2, 5)))
    own_shift = 0.10 * random.standard_normal((2, 5))
    own_width = np.exp(0.12 * random.standard_normal((2, 5)))
    narrow = float(random.beta(1.2, 1.0))  # some foci conduct almost normally
    upward = 1.0 if random.random() < 0.7 else -1.0
    height = np.stack([HEIGHT_MV, WIDE_HEIGHT_MV * np.array([1.0, *[upward] * 4])]) * own_shape
    centre = np.stack([CENTRE_S, WIDE_CENTRE_S]) * (1.0 + own_shift)
    width = np.stack([WIDTH_S, WIDE_WIDTH_S]) * own_width
    height[1, 1:] += narrow * (height[0, 1:] - height[1, 1:])
    centre[1] += narrow * (centre[0] - centre[1])
    width[1] += narrow * (width[0] - width[1])

    wide = (beats.kind == VENTRICULAR).astype(np.int64)
    scale = np.sqrt(np.clip(beats.before, 0.4, 1.6))
    each = np.exp(0.06 * random.standard_normal((beat_count, 5)))
    elsewhere = float(random.uniform(-0.2, 1.1))  # a P wave from another place
    each[beats.kind == SUPRAVENTRICULAR, P_WAVE] *= elsewhere
    each[beats.no_p, P_WAVE] = 0.0
    wave = np.zeros(samples)
    for group in (0, 1):
        chosen = wide == group
        for part in range(5):
            if not chosen.any() or height[group, part] == 0.0:
                continue
            # T moves with the interval; the QRS does not stretch
            stretch = scale[chosen] if part in (P_WAVE, T_WAVE) else 1.0
            _add(
                wave,
                rate_hz,
                beats.time[chosen] + centre[group, part] * stretch,
                np.broadcast_to(width[group, part], int(chosen.sum())),
                height[group, part] * each[chosen, part],
            )
    breath = beats.breathing(np.arange(samples) / rate_hz)
    return np.asarray(gain * wave * (1.0 + 0.04 * breath) + 0.03 * breath, dtype=np.float32)


def ppg(
    random: np.random.Generator, body: Physiology, beats: Beats, rate_hz: float, samples: int
) -> Floats:
    """Pulse wave at ``rate_hz`` from 0 s, about zero: shape (samples,).

    The main peak of a pulse lies ``body.traits.pulse_delay_s`` after its R peak. Perfusion, 0.5
    to 2 of PULSE_SIZE, wanders slowly; stiffer arteries of older people bring the echo earlier.
    """
    perfusion = PULSE_SIZE * math.exp(0.35 * float(random.standard_normal()))
    slow = np.exp(0.15 * random.standard_normal(len(beats.time) // 40 + 2))
    level = np.interp(np.arange(len(beats.time)), np.arange(len(slow)) * 40.0, slow)
    scale = np.sqrt(np.clip(beats.before, 0.4, 1.6))
    typical = np.median(beats.before)
    filled = np.clip(beats.before / typical, 0.4, 1.3) ** 1.5  # less blood after a short interval
    filled *= np.where(beats.kind == VENTRICULAR, 0.7, 1.0)
    breath = beats.breathing(beats.time)
    size = perfusion * level * filled * (1.0 + 0.10 * breath)
    peak = beats.time + body.traits.pulse_delay_s
    echo_after = ECHO_CENTRE_S * (1.0 - 0.003 * (body.age_years - 45.0))
    wave = np.zeros(samples)
    _add(wave, rate_hz, peak + PULSE_CENTRE_S, PULSE_WIDTH_S * scale, size)
    _add(wave, rate_hz, peak + echo_after * scale, ECHO_WIDTH_S * scale, ECHO_SIZE * size)
    baseline = 0.12 * perfusion * beats.breathing(np.arange(samples) / rate_hz)
    return np.asarray(wave - wave.mean() + baseline, dtype=np.float32)


def _add(wave: Reals, rate_hz: float, centre: Reals, width: Reals, height: Reals) -> None:
    """Add Gaussians to ``wave``, each only where it is not nearly nothing."""
    reach = math.ceil(REACH * float(width.max()) * rate_hz) + 1
    middle = np.rint(centre * rate_hz).astype(np.int64)
    place = middle[:, None] + np.arange(-reach, reach + 1)
    away = (place / rate_hz - centre[:, None]) / width[:, None]
    bump = height[:, None] * np.exp(-0.5 * away * away)
    inside = (place >= 0) & (place < len(wave))
    wave += np.bincount(place[inside], bump[inside], minlength=len(wave))
