"""One device on one synthetic person: what it makes of the truth, and what it loses.

``devices`` has the table of classes; ``wear`` draws one device (its clock, its fit, when it is
off, where its radio lost data); ``felt_by``, ``light_by`` and ``reported`` say what it makes of an
acceleration, a pulse wave and a heart; ``waveform`` and ``moments`` end in channels with gaps.

``device_shift`` scales every difference: 0 is the same perfect device for all (which channels a
class has, and how fast, stays; the acceleration comes at 50 Hz from all), 1 the table.

Clocks: a device samples at nominal rate x (1 + drift). Classes whose samples carry stamps show the
measured rate and drift no further; a research wrist states its nominal rate, so it drifts away
from the labels, which are in true time. Lost data leave gaps whose lengths are Pareto.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holter.signals.recording import SECOND_NS, Segment, Series, Waveform
from holter.simulator.wearers import activity, losses
from holter.simulator.wearers.activity import Accelerometer
from holter.simulator.wearers.day import RUN, STAIRS, WALK, Day
from holter.simulator.wearers.devices import CLASSES, DeviceClass
from holter.simulator.wearers.heart import Beats
from holter.simulator.wearers.losses import Spans
from holter.simulator.wearers.physiology import Physiology, Reals
from holter.simulator.wearers.waves import PULSE_SIZE

Floats = npt.NDArray[np.float32]

IDEAL_WINDOW_SECONDS = 4.0
LOCK_SHARE = 0.10  # of walks and runs in which a loose optical sensor counts steps for beats


@dataclass(frozen=True)
class Worn:
    """One device on one person, for one recording.

    speed: real over nominal sampling rate. loose: how much motion reaches its light; 0 none.
    missing, dark: (start, end) without any data, without a heart rate. off: not worn.
    """

    device: DeviceClass
    motion: Accelerometer
    speed: float
    offset_s: float
    jitter_s: float
    loose: float
    error_bpm: float
    window_s: float
    mounting: Reals
    missing: Spans
    dark: Spans
    off: Spans


def wear(
    random: np.random.Generator,
    body: Physiology,
    name: str,
    day: Day,
    device_shift: float,
    *,
    supervised: bool,
) -> Worn:
    """The person's device of class ``name`` through the day.

    supervised: somebody sees to it that the device is worn throughout.
    """
    device = CLASSES[name]
    share = device_shift
    motion = device.motion.shifted(device_shift)
    normal = random.standard_normal(5)
    turned = random.random() < motion.turned
    fit = 1.4 - 0.8 * body.traits.fit
    missing = losses.gaps(random, device, day.seconds, share * device.gaps_per_hour)
    dark = losses.gaps(random, device, day.seconds, share * device.light_gaps_per_hour * fit)
    off = tuple(
        (start, min(start + 60.0 + random.exponential(60.0 * device.off_minutes), day.seconds))
        for start in losses.starts(random, day.seconds, share * device.off_per_hour)
    )
    if device.nights_only:
        missing = losses.joined((*missing, *losses.out_of_bed(day)))
    return Worn(
        device,
        motion,
        speed=1.0 + 1e-6 * share * device.drift_ppm * float(normal[0]),
        offset_s=share * device.offset_s * float(normal[1]),
        jitter_s=share * device.jitter_s,
        loose=share * device.coupling * body.optical_error * fit,
        error_bpm=motion.heart_error_bpm * body.optical_error * fit,
        window_s=IDEAL_WINDOW_SECONDS * (device.heart_window_s / IDEAL_WINDOW_SECONDS) ** share
        if device.heart_window_s
        else 0.0,
        mounting=_rotation(motion.tilt * normal[2:], turned),
        missing=missing,
        dark=dark,
        off=() if supervised else losses.joined(off),
    )


def moments_of(worn: Worn, rate_hz: float, seconds: int) -> Reals:
    """When, in true seconds, a sensor of nominal ``rate_hz`` samples."""
    real = rate_hz * worn.speed
    return np.arange(int(seconds * real)) / real


def turned(worn: Worn, rows: Floats, second: Reals, lying: tuple[float, float, float]) -> Floats:
    """Rows (3, n) of the body's frame in the case's own; ``lying`` while it is not worn."""
    away = losses.inside(worn.off, second)
    answer = np.empty_like(rows)
    for row, out, still in zip(worn.mounting.astype(np.float32), answer, lying, strict=True):
        np.multiply(rows[0], row[0], out=out)
        out += row[1] * rows[1]
        out += row[2] * rows[2]
        out[away] = still
    return answer


def felt_by(random: np.random.Generator, worn: Worn, felt: Floats, second: Reals) -> Floats:
    """What the accelerometer makes of ``felt`` in g: fit, non-wear, noise, range and rounding."""
    sensor = worn.motion
    sensed = turned(worn, felt, second, (0.0, 0.0, 1.0))  # off: on a table, face up
    noise_g = np.float32(sensor.noise_g_per_root_hz * math.sqrt(sensor.rate_hz / 2.0))
    if noise_g > 0:
        sensed += noise_g * random.standard_normal(sensed.shape, dtype=np.float32)
    steps = 2 ** (sensor.bits - 1)
    sensed *= np.float32(steps / sensor.range_g)
    np.rint(sensed, out=sensed)
    np.clip(sensed, -steps, steps - 1, out=sensed)
    sensed *= np.float32(sensor.range_g / steps)
    return sensed


def light_by(
    random: np.random.Generator,
    worn: Worn,
    body: Physiology,
    pulse: Floats,
    motion: Floats,
    second: Reals,
) -> Floats:
    """What the optical sensor makes of ``pulse``; motion: shape (n,), g without gravity."""
    seen = pulse + np.float32(PULSE_SIZE * worn.loose) * motion
    seen[losses.inside(worn.off, second)] = 0.0
    noise = np.float32(1.5 * body.optical_error)
    seen += noise * random.standard_normal(len(seen), dtype=np.float32)
    return np.asarray(np.rint(seen * 10.0) / 10.0, dtype=np.float32)


def reported(
    random: np.random.Generator, worn: Worn, body: Physiology, day: Day, beats: Beats
) -> tuple[Reals, Reals]:
    """(moments in true seconds, heart rate in bpm): whole beats, the last seconds averaged.

    Optical sensors err for some seconds together, more when moving, and now and then count
    steps for beats. Rows are missing where the device, its light or its wearer is away.
    """
    step = worn.device.heart_step_s
    second = np.arange(step, day.seconds, step)
    bout = day.bout_at(second)
    moving = np.isin(day.state, (WALK, STAIRS, RUN))
    bpm = beats.rate_bpm(second, worn.window_s)
    kernel = np.exp(-np.arange(0.0, 30.0, step) / 8.0)
    white = random.standard_normal(len(second) + len(kernel) - 1)
    together = np.convolve(white, kernel / math.sqrt(float(np.sum(kernel**2))), "valid")
    bpm += worn.error_bpm * (0.5 + 0.7 * moving[bout]) * together
    locked = moving & (random.random(len(moving)) < LOCK_SHARE * worn.loose)
    cadence = 60.0 * body.cadence_hz * np.array([*activity.CADENCE, 0.0, 0.0])[day.state]
    bpm = np.where(locked[bout], 0.3 * bpm + 0.7 * cadence[bout], bpm)
    here = (
        ~losses.inside(worn.missing, second)
        & ~losses.inside(worn.dark, second)
        & ~losses.inside(worn.off, second)
    )
    return second[here], np.clip(np.rint(bpm[here]), 30.0, 225.0)


def waveform(
    random: np.random.Generator,
    worn: Worn,
    zero_ns: int,
    kind: str,
    axes: tuple[str, ...],
    values: Floats,
    rate_hz: float,
    limits: tuple[float, float] | None = None,
) -> Waveform:
    """A fast channel from ``values``, shape (axes, n), sampled at ``moments_of``.

    Gaps where the device lost data.
    """
    rows = np.ascontiguousarray(values.T)
    real = rate_hz * worn.speed
    shown = real if worn.device.stamped else rate_hz
    parts: list[Segment] = []
    first = 0
    for gone, back in (*worn.missing, (math.inf, math.inf)):
        last = min(math.ceil(gone * real) if gone < math.inf else len(rows), len(rows))
        if last - first >= 2:
            late = min(max(worn.jitter_s * float(random.standard_normal()), -0.3), 0.3)
            start = zero_ns + round((first / shown + worn.offset_s + late) * SECOND_NS)
            parts.append(Segment(start, shown, rows[first:last]))
        first = math.ceil(back * real) if back < math.inf else len(rows)
    return Waveform(kind, axes, tuple(parts), rate_hz, limits)


def moments(
    worn: Worn, zero_ns: int, kind: str, second: Reals, value: Reals, offset_minutes: int
) -> Series:
    """A slow channel of moments, on the device's clock."""
    shown = second if worn.device.stamped else second * worn.speed
    time = zero_ns + np.rint((shown + worn.offset_s) * SECOND_NS).astype(np.int64)
    offset = np.full(len(time), offset_minutes, dtype=np.int16)
    return Series(kind, time, time, np.asarray(value, dtype=np.float64), offset)


def _rotation(tilt: Reals, turned: bool) -> Reals:
    """How the case sits: three small turns, and half a turn about the face if worn the other way."""
    rotation = np.eye(3)
    for axis, angle in enumerate(tilt.tolist()):
        turn = np.eye(3)
        one, two = (axis + 1) % 3, (axis + 2) % 3
        turn[one, one] = turn[two, two] = math.cos(angle)
        turn[one, two], turn[two, one] = -math.sin(angle), math.sin(angle)
        rotation = turn @ rotation
    return np.asarray(np.diag([-1.0, -1.0, 1.0]) @ rotation if turned else rotation)
