"""Synthetic ECG, one beat a window: normal, supraventricular and ventricular ectopics.

``draw`` reads in order: which beats come early and why (``_rhythm``), when each beat falls
(``_intervals``), and what it looks like (``_waves``): five Gaussians P, Q, R, S and T per
beat, after McSharry, Clifford, Tarassenko and Smith 2003, simplified to one beat at a time.

* N, normal: a P wave, a narrow QRS, a T wave; the rhythm breathes.
* S, supraventricular ectopic: early, almost the normal shape; the rhythm starts anew.
* V, ventricular ectopic: early, no P wave, a wide QRS and a T wave that points the other
  way; the pause afterwards makes up for the time.

Three things make it hard: breathing alone brings some normal beats early, everyone's
normal beat looks different, and some people's ectopics are barely early or barely wide.
"""

from __future__ import annotations

import numpy as np

from holter.signals.windows import Examples, Person
from holter.simulator.wearers.physiology import (
    Integers,
    Physiology,
    Reals,
    draw_physiology,
    wandering,
)

CLASSES = ("N", "S", "V")
SAMPLES = 128
RATE_HZ = 180.0
EXTRAS = ("log of RR before / median RR", "log of RR after / median RR")

SHARES = {"chest patch": 0.6, "watch": 0.4}
NOISE_MV = {"chest patch": 0.015, "watch": 0.030}  # rms, muscle and electrode together
BEFORE_PEAK_SAMPLES = 56  # 0.31 s: the P wave is inside; 0.4 s after it, so is the T wave
LOW_BURDEN = 0.25  # share of people with hardly any ectopics

# P, Q, R, S, T of a typical lead: height in mV, time after the R peak and width in seconds.
HEIGHT_MV = np.array([0.12, -0.10, 1.00, -0.22, 0.28])
CENTRE_S = np.array([-0.160, -0.028, 0.0, 0.030, 0.250])
WIDTH_S = np.array([0.022, 0.009, 0.011, 0.010, 0.045])
# The same for a ventricular beat: no P, a wide complex, a T wave against it.
WIDE_HEIGHT_MV = np.array([0.0, -0.15, 1.10, -0.45, -0.35])
WIDE_CENTRE_S = np.array([-0.160, -0.055, 0.0, 0.065, 0.270])
WIDE_WIDTH_S = np.array([0.022, 0.024, 0.030, 0.030, 0.055])


def draw(random: np.random.Generator, windows: int) -> Person:
    """``windows`` consecutive beats of a synthetic wearer.

    Signal: shape (windows, 1, 128), mV at 180 Hz, R peak at sample 56. Extra: shape
    (windows, 2), natural logarithms. Labels: index in CLASSES. Guarantees: no two ectopic
    beats in a row, so about half of the beats or more are N.
    """
    body = draw_physiology(random, SHARES)
    label = _rhythm(random, body, windows + 2)  # one neighbour on each side
    before = _intervals(random, body, label)
    after = np.append(before[1:], before[-1])
    x = _waves(random, body, label, before, after)[1:-1]
    ratio = np.log(np.stack([before, after], axis=1) / np.median(before))[1:-1]
    examples = Examples(x.astype(np.float32)[:, None, :], ratio.astype(np.float32), label[1:-1])
    return Person(examples, body.strata)


def _rhythm(random: np.random.Generator, body: Physiology, beats: int) -> Integers:
    """Classes of beats in a row: stretches that are quiet or irritable, never two ectopics.

    How irritable, and in which chamber, belongs to the person; it grows with age.
    """
    low = random.random() < LOW_BURDEN
    weight = np.exp(0.8 * random.standard_normal(2) + 0.012 * (body.age_years - 45.0))
    chance = np.minimum((0.004 if low else 0.30) * weight, 0.42)  # of S, of V, when irritable
    if chance.sum() > 0.6:
        chance *= 0.6 / chance.sum()
    dice = random.random((beats, 2))
    label = np.zeros(beats, dtype=np.int64)
    irritable = bool(dice[0, 1] < 0.5)
    for beat in range(1, beats):
        if dice[beat, 1] < 0.08:
            irritable = not irritable
        scale = 1.0 if irritable else 0.15
        if label[beat - 1] == 0:
            if dice[beat, 0] < scale * chance[0]:
                label[beat] = 1
            elif dice[beat, 0] < scale * (chance[0] + chance[1]):
                label[beat] = 2
    return label


def _intervals(random: np.random.Generator, body: Physiology, label: Integers) -> Reals:
    """Seconds from the previous beat to each beat: shape (beats,)."""
    n = len(label)
    usual = 60.0 / (body.resting_bpm + 6.0 + 4.0 * random.standard_normal())
    vary = 0.055 * np.exp(-0.012 * (body.age_years - 45.0) + 0.35 * random.standard_normal())
    breath = 2.0 * np.pi * random.random() + np.arange(n) * 2.0 * np.pi * usual * 0.25
    slow = wandering(random, 1, n, 1.0)[0]
    usual_now = usual * (1.0 + vary * (np.sin(breath) + 0.8 * slow))
    usual_now *= 1.0 + 0.01 * random.standard_normal(n)
    own_early = random.uniform(0.70, 0.92, 2)  # how early this person's S and V beats come
    spread = 0.07 * random.standard_normal(n)
    early = np.clip(own_early[np.maximum(label - 1, 0)] + spread, 0.48, 0.97)
    interval = np.where(label > 0, usual_now * early, usual_now)
    for beat in np.flatnonzero(label[:-1] > 0):
        if label[beat] == 1:
            interval[beat + 1] *= 1.04  # the sinus node starts anew, a little late
        else:
            interval[beat + 1] += usual_now[beat] - interval[beat]  # full compensation
    return np.asarray(interval)


def _waves(
    random: np.random.Generator, body: Physiology, label: Integers, before: Reals, after: Reals
) -> Reals:
    """Each beat's window in mV, with the ends of its neighbours in it: (beats, 128)."""
    n = len(label)
    own_gain = np.exp(0.30 * random.standard_normal())
    own_shape = np.exp(0.30 * random.standard_normal((2, 5)))
    own_shift = 0.10 * random.standard_normal((2, 5))
    own_width = np.exp(0.12 * random.standard_normal((2, 5)))
    narrow = random.beta(1.2, 1.0)  # some foci conduct almost normally
    upward = 1.0 if random.random() < 0.7 else -1.0  # where the ventricular focus sits
    height = np.stack([HEIGHT_MV, WIDE_HEIGHT_MV * np.array([1.0, upward, upward, upward, upward])])
    centre = np.stack([CENTRE_S, WIDE_CENTRE_S])
    width = np.stack([WIDTH_S, WIDE_WIDTH_S])
    height, centre, width = height * own_shape, centre * (1.0 + own_shift), width * own_width
    height[1, 1:] += narrow * (height[0, 1:] - height[1, 1:])
    centre[1] += narrow * (centre[0] - centre[1])
    width[1] += narrow * (width[0] - width[1])

    kind = (label == 2).astype(np.int64)
    each_height = height[kind] * np.exp(0.08 * random.standard_normal((n, 5)))
    each_height[label == 1, 0] *= random.uniform(-0.2, 1.1)  # a P wave from elsewhere
    each_centre = centre[kind] * np.sqrt(np.clip(before, 0.4, 1.6))[:, None]
    each_width = width[kind]
    time = (np.arange(SAMPLES) - BEFORE_PEAK_SAMPLES) / RATE_HZ
    wave = np.zeros((n, SAMPLES))
    for neighbour, offset in ((-1, -before), (0, np.zeros(n)), (1, after)):
        source = np.clip(np.arange(n) + neighbour, 0, n - 1)
        place = each_centre[source] + offset[:, None]
        inside = (place > time[0] - 0.2) & (place < time[-1] + 0.2)
        row, part = np.nonzero(inside)
        away = (time - place[row, part][:, None]) / each_width[source[row], part][:, None]
        bump = each_height[source[row], part][:, None] * np.exp(-0.5 * away**2)
        np.add.at(wave, row, bump)
    wave *= own_gain
    drift = 0.04 * random.standard_normal((n, 1)) + 0.04 * wandering(random, n, SAMPLES, 2.0)
    return np.asarray(wave + drift + NOISE_MV[body.device] * random.standard_normal(wave.shape))
