"""Synthetic wrist acceleration of everyday activities, and the heart rate beside it.

Read in this order: ``draw`` is the whole story; ``_day`` makes the bouts, ``_heart_rate``
lets the heart follow them, ``_postures`` says where the forearm points, ``_movement`` adds
gait and fidgeting, ``Accelerometer`` is what the device makes of it.

What people share is physics: gravity, the arm that swings once a stride, the step twice
as fast, the heart that lags behind effort. What tells people apart is habit: where they
rest their hands, how they hold the arm when they run, their cadence. And a device turns,
limits, rounds and thins out what it senses.

Frame of a forearm with a watch on it: x points to the hand, y to the thumb, z out of the
watch face. A sensor at rest shows +1 g upwards, so a hanging arm reads (-1, 0, 0).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from holter.signals.windows import Examples, Person
from holter.simulator.wearers.physiology import (
    HARMONICS,
    Integers,
    Physiology,
    Reals,
    bounded_choice,
    draw_physiology,
    settle,
    wandering,
)

Counts = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]

CLASSES = ("lie", "sit", "stand", "walk", "stairs", "run")
SAMPLES = 128
RATE_HZ = 50.0  # the rate all devices are brought to
EXTRAS = ("heart rate: (bpm - 80) / 40",)


@dataclass(frozen=True)
class Accelerometer:
    """What one device class makes of an acceleration: rate, range, rounding, noise, fit.

    ``tilt`` is the spread, in radians, of how the case sits on the arm; ``turned`` the share
    of people who wear it the other way round; ``heart_error_bpm`` the optical error at rest.
    """

    rate_hz: float
    range_g: float
    bits: int
    noise_g_per_root_hz: float
    tilt: float
    turned: float
    heart_error_bpm: float

    def shifted(self, device_shift: float) -> Accelerometer:
        """This class, nearer to a perfect one (0: all classes alike) or farther (above 1)."""
        if device_shift == 1.0:
            return self
        share = max(device_shift, 0.0)
        return replace(
            self,
            rate_hz=RATE_HZ * (self.rate_hz / RATE_HZ) ** share,
            range_g=IDEAL_RANGE_G * (self.range_g / IDEAL_RANGE_G) ** share,
            bits=max(4, round(IDEAL_BITS + share * (self.bits - IDEAL_BITS))),
            noise_g_per_root_hz=self.noise_g_per_root_hz * share,
            tilt=self.tilt * share,
            turned=min(self.turned * share, 0.5),
            heart_error_bpm=self.heart_error_bpm * share,
        )


DEVICES: Mapping[str, Accelerometer] = {
    "band": Accelerometer(25.0, 4.0, 10, 400e-6, 0.20, 0.10, 4.0),
    "watch": Accelerometer(50.0, 8.0, 14, 150e-6, 0.12, 0.06, 2.5),
    "research wrist": Accelerometer(32.0, 2.0, 8, 300e-6, 0.15, 0.06, 3.0),
}
IDEAL_RANGE_G, IDEAL_BITS = 16.0, 16
SHARES = {"band": 0.40, "watch": 0.45, "research wrist": 0.15}

# Per class, in the order of CLASSES: share of bouts, length of a bout in minutes, share of
# the heart-rate reserve it asks for, size of slow movements (g), bounce at the step (g),
# swing at the stride (g), cadence relative to walking.
PRIOR = np.array([0.15, 0.21, 0.19, 0.20, 0.13, 0.12])
BOUT_MINUTES = (25.0, 18.0, 6.0, 6.0, 1.2, 12.0)
EFFORT = (0.00, 0.05, 0.10, 0.28, 0.46, 0.68)
FIDGET_G = np.array([0.008, 0.022, 0.030, 0.075, 0.085, 0.180])
BOUNCE_G = np.array([0.0, 0.0, 0.0, 0.20, 0.16, 0.75])
SWING_G = np.array([0.0, 0.0, 0.0, 0.26, 0.12, 0.50])
CADENCE = np.array([0.0, 0.0, 0.0, 1.0, 0.84, 1.42])

# Two usual positions of the forearm per class; which one a person prefers is a habit.
POSTURES = np.array(
    [
        [[0.15, 0.75, 0.65], [0.45, -0.70, 0.55]],  # lie: arm beside the body; under the head
        [[0.00, 0.00, 1.00], [-0.30, 0.10, 0.95]],  # sit: hands on a desk; in the lap
        [[-1.00, 0.10, 0.10], [-0.70, 0.60, 0.40]],  # stand: arm hanging; bent, holding
        [[-0.95, 0.15, 0.15], [-0.65, 0.65, 0.35]],  # walk: arm hanging; carrying
        [[-0.85, 0.30, 0.20], [-0.35, 0.60, 0.65]],  # stairs: arm hanging; on the rail
        [[-0.10, 0.95, 0.20], [-0.45, 0.80, 0.35]],  # run: elbow at a right angle; lower
    ]
)
# How far forearms stray from there: person to person, bout to bout, window to window.
HABIT_SPREAD = 0.27
BOUT_SPREAD = 0.05
WINDOW_SPREAD = 0.05
WINDOWS_PER_BOUT = 1.5  # mean; a label is asked for a few times in a bout, not all along
FIRST_POSITION = (0.4, 0.3)  # beta weights: most people nearly always take the same one
SKEW = 30.0  # Dirichlet weight of PRIOR; lower means that people differ more in what they do


def draw(
    random: np.random.Generator,
    windows: int,
    *,
    skew: float = SKEW,
    device_shift: float = 1.0,
    label_noise: float = 0.0,
) -> Person:
    """A synthetic wearer's windows, in the order of the day.

    Signal: shape (windows, 3, 128), g at 50 Hz. Extra: shape (windows, 1), heart rate as
    (bpm - 80) / 40. Labels: index in CLASSES. skew: Dirichlet weight, lower means that people
    differ more. device_shift: 0 all devices perfect and alike, 1 as they are. label_noise: the
    share of labels replaced by another class. Their defaults change no bit.
    """
    body = draw_physiology(random, SHARES)
    sensor = DEVICES[body.device].shifted(device_shift)
    label, bout, heart_bpm = _day(random, body, windows, skew)
    up = _postures(random, label, bout)
    sensed = _movement(random, body, sensor, label, bout, up)
    mounting = _mounting(random, body, sensor)
    counts = _sense(random, sensor, sensed @ mounting.T)
    heart_bpm = _optical(random, body, sensor, label, heart_bpm)
    extra = ((heart_bpm - 80.0) / 40.0).astype(np.float32)[:, None]
    if label_noise > 0.0:
        label = mistaken(random, label, len(CLASSES), label_noise)
    return Person(Examples(_to_grid(sensor, counts), extra, label), body.strata)


def mistaken(random: np.random.Generator, label: Integers, classes: int, share: float) -> Integers:
    """``label`` with about ``share`` of its entries replaced by another of ``classes``."""
    wrong = random.random(len(label)) < share
    other = (label + random.integers(1, classes, len(label))) % classes
    return np.where(wrong, other, label)


def _day(
    random: np.random.Generator, body: Physiology, windows: int, skew: float
) -> tuple[Integers, Integers, Reals]:
    """Labels, bout numbers and true heart rates of the windows: three arrays of (windows,).

    A semi-Markov day: the next bout is drawn from the person's own habits among the other
    activities, it lasts a random while, and the heart follows through windows shown or not.
    """
    share = random.dirichlet(skew * PRIOR)
    uniform = random.random((windows, 3))
    normal = random.standard_normal((windows, 2))
    reserve = (body.highest_bpm - body.resting_bpm) * (1.0 - 0.06 * body.fitness)
    rest = body.resting_bpm
    hour = 8.5 + 1.5 * float(random.standard_normal())
    label: list[int] = []
    bout: list[int] = []
    heart: list[float] = []
    before, number = -1, 0
    bpm = rest
    while len(label) < windows:
        free = share.copy()
        if before >= 0:
            free[before] = 0.0
        activity = bounded_choice(free / free.sum(), float(uniform[number, 0]))
        seconds = 60.0 * BOUT_MINUTES[activity] * math.exp(0.4 * float(normal[number, 0]))
        effort = EFFORT[activity] * math.exp(0.15 * float(normal[number, 1]))
        target = rest + float(body.circadian(hour % 24.0)) + reserve * effort
        shown = 1 + int(math.log1p(-float(uniform[number, 1])) / math.log1p(-1 / WINDOWS_PER_BOUT))
        shown = min(shown, windows - len(label))
        for part in range(shown):
            moment = seconds * (part + float(uniform[len(label), 2])) / shown
            label.append(activity)
            bout.append(number)
            heart.append(settle(bpm, target, moment))
        bpm = settle(bpm, target, seconds)
        hour += seconds / 3600.0
        before, number = activity, number + 1
    return np.array(label, dtype=np.int64), np.array(bout, dtype=np.int64), np.array(heart)


def _postures(random: np.random.Generator, label: Integers, bout: Integers) -> Reals:
    """Where up is in the forearm's frame, per window: shape (windows, 3), unit length."""
    classes = len(POSTURES)
    bouts = int(bout[-1]) + 1
    habit = POSTURES + HABIT_SPREAD * random.standard_normal(POSTURES.shape)
    first = random.beta(*FIRST_POSITION, classes)  # how often the person takes the first position
    position = (random.random(bouts)[bout] > first[label]).astype(np.int64)
    up = habit[label, position]
    up = up + BOUT_SPREAD * random.standard_normal((bouts, 3))[bout]
    up = up + WINDOW_SPREAD * random.standard_normal((len(label), 3))
    return np.asarray(up / np.linalg.norm(up, axis=1, keepdims=True))


def _movement(
    random: np.random.Generator,
    body: Physiology,
    sensor: Accelerometer,
    label: Integers,
    bout: Integers,
    up: Reals,
) -> Reals:
    """Acceleration of the forearm in g at the device's rate: shape (windows, samples, 3)."""
    n, bouts = len(label), int(bout[-1]) + 1
    samples = _samples(sensor)
    vigour = np.exp(0.20 * random.standard_normal((2, len(CLASSES))))
    vigour = vigour[:, label] * np.exp(0.15 * random.standard_normal((2, bouts)))[:, bout]
    busy = 1.0 if body.left_wrist else 1.3  # most wear it on the idle hand, the left one
    stir = busy * np.exp(
        0.7 * random.standard_normal(n) + 0.3 * random.standard_normal(bouts)[bout]
    )
    slow = wandering(random, 3 * n, samples, 1.2).reshape(n, 3, samples).transpose(0, 2, 1)
    felt = up[:, None, :] + (FIDGET_G[label] * stir)[:, None, None] * slow

    moving = np.flatnonzero(BOUNCE_G[label] > 0.0)
    kind = label[moving]
    cadence = body.cadence_hz * CADENCE * (1.0 + 0.03 * random.standard_normal(len(CLASSES)))
    stride_hz = 0.5 * cadence[kind] * (1.0 + 0.03 * random.standard_normal(len(moving)))
    seconds = np.arange(samples) / sensor.rate_hz
    start = math.tau * random.random((len(moving), HARMONICS))
    order = np.arange(1, HARMONICS + 1)
    turn = math.tau * stride_hz[:, None] * order  # radians a second
    waves = np.sin(turn[:, :, None] * seconds + start[:, :, None]) * body.harmonics[:, None]
    bounce = (BOUNCE_G[kind] * vigour[0, moving])[:, None] * (waves[:, 1] + 0.4 * waves[:, 3])
    swing = (SWING_G[kind] * vigour[1, moving])[:, None] * (waves[:, 0] + 0.3 * waves[:, 2])
    upward = up[moving]
    # The arm swings at right angles to gravity; less is felt where up lies along this axis.
    sideways = np.cross(upward, np.array([0.0, 0.45, 0.90]))
    felt[moving] += bounce[:, :, None] * upward[:, None, :] + swing[:, :, None] * sideways[:, None]
    return np.asarray(felt)


def _mounting(random: np.random.Generator, body: Physiology, sensor: Accelerometer) -> Reals:
    """How the case sits on the arm: a rotation, shape (3, 3), fixed for one person."""
    tilt = sensor.tilt * random.standard_normal(3)
    rotation = np.eye(3)
    for axis, angle in enumerate(tilt.tolist()):
        turn = np.eye(3)
        one, two = (axis + 1) % 3, (axis + 2) % 3
        turn[one, one] = turn[two, two] = math.cos(angle)
        turn[one, two], turn[two, one] = -math.sin(angle), math.sin(angle)
        rotation = turn @ rotation
    if random.random() < sensor.turned:  # crown to the elbow, and the settings do not know
        rotation = np.diag([-1.0, -1.0, 1.0]) @ rotation
    return np.asarray(rotation)


def _sense(random: np.random.Generator, sensor: Accelerometer, felt: Reals) -> Counts:
    """Noise, range and rounding: int16 counts of the device, same shape as ``felt``."""
    noise_g = sensor.noise_g_per_root_hz * math.sqrt(sensor.rate_hz / 2.0)
    noisy = felt + noise_g * random.standard_normal(felt.shape)
    steps = 2 ** (sensor.bits - 1)
    counts = np.clip(np.rint(noisy * (steps / sensor.range_g)), -steps, steps - 1)
    return np.asarray(counts, dtype=np.int16)


def _to_grid(sensor: Accelerometer, counts: Counts) -> Floats:
    """Counts (windows, samples, 3) to g at 50 Hz: (windows, 3, 128), float32, interpolated."""
    place = np.arange(SAMPLES) * (sensor.rate_hz / RATE_HZ)
    left = place.astype(np.int64)
    part = (place - left).astype(np.float32)
    g = counts.transpose(0, 2, 1).astype(np.float32)
    g *= np.float32(sensor.range_g / 2 ** (sensor.bits - 1))
    between = g[:, :, left] * (1 - part) + g[:, :, left + 1] * part
    return np.asarray(between, dtype=np.float32)


def _samples(sensor: Accelerometer) -> int:
    """Samples the device takes for one window of 2.56 s, and one more to interpolate to."""
    return int((SAMPLES - 1) * sensor.rate_hz / RATE_HZ) + 2


def _optical(
    random: np.random.Generator,
    body: Physiology,
    sensor: Accelerometer,
    label: Integers,
    heart_bpm: Reals,
) -> Reals:
    """The heart rate an optical sensor reports: errors grow with movement and darker skin."""
    shaken = 1.0 + 0.8 * (BOUNCE_G[label] > 0.0)
    error = sensor.heart_error_bpm * body.optical_error * shaken
    return np.asarray(np.clip(heart_bpm + error * random.standard_normal(len(label)), 35.0, 220.0))
