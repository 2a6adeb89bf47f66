"""One train of heartbeats for one synthetic person; every sensor that shows a heart shows these.

``beats`` reads in order: the rate that the plan asks for (``_rate``: rest, effort, time of day,
stress, stage of sleep, with first-order kinetics), its quick modulation (``_modulated``:
breathing, the 0.1 Hz wave of blood pressure, 1/f wandering), and integral pulse frequency
modulation (``_thresholds``): a beat falls wherever the integral of the rate passes the next
threshold. Thresholds are one apart; an early beat has a nearer one and a pause after it, so
ectopic beats and atrial fibrillation never shift the beats against the day.

Sources: integral pulse frequency modulation, Hyndman and Mohn 1975; respiratory and 0.1 Hz parts,
Task Force of the ESC and NASPE 1996; their sizes from the person's RMSSD.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from holter.simulator.wearers.day import DEEP, EFFORT, NOT_IN_BED, REM, WAKE, Day, Flags
from holter.simulator.wearers.physiology import Integers, Physiology, Reals, follow, wandering

GRID_HZ = 4.0  # of the rate and of breathing; the fastest part, breathing at effort, is 0.7 Hz
RATE_STEP = 3  # seconds between targets of the slow kinetics, whose constants are 45 s and more
BEATS = ("N", "S", "V")
NORMAL, SUPRAVENTRICULAR, VENTRICULAR = range(len(BEATS))
BURDEN = (0.0004, 0.0003)  # median share of S and V beats of a usual person; a few an hour
MANY = 0.30  # the same of people who come with ectopic beats, in irritable stretches
LOW_BURDEN = 0.25  # share of those people who hardly have any all the same
HIGH_BURDEN = 0.08  # share of people with one to five in a hundred
FIBRILLATING_BPM = 18.0  # what an episode adds
FIBRILLATING_SPREAD = 0.22  # standard deviation of an interval over its mean


@dataclass(frozen=True)
class Beats:
    """All beats of one recording, in true seconds.

    time: shape (beats,), R peaks, rising. kind: index in BEATS. no_p: shape
    (beats,), beats of atrial fibrillation. breath: phase of breathing in radians at GRID_HZ.
    """

    time: Reals
    kind: Integers
    no_p: Flags
    breath: Reals

    @property
    def before(self) -> Reals:
        """Seconds from the beat before to each beat; the first repeats the second's."""
        steps = np.diff(self.time)
        return np.concatenate([steps[:1] if len(steps) else [1.0], steps])[: len(self.time)]

    def rate_bpm(self, second: Reals, window_seconds: float) -> Reals:
        """Mean rate of the beats in the window that ends at each moment, as a device counts it."""
        number = np.arange(len(self.time), dtype=np.float64)
        start = np.maximum(second - window_seconds, self.time[0])
        end = np.clip(second, self.time[0] + 1.0, self.time[-1])
        start = np.minimum(start, end - 1.0)
        counted = np.interp(end, self.time, number) - np.interp(start, self.time, number)
        return np.asarray(60.0 * counted / (end - start))

    def breathing(self, second: Reals) -> Reals:
        """-1 to 1: out to in, at each moment."""
        grid = np.arange(len(self.breath)) / GRID_HZ
        return np.sin(np.interp(second, grid, self.breath))


def beats(
    random: np.random.Generator, body: Physiology, day: Day, *, many: bool, arrhythmia: float
) -> Beats:
    """The beats of a plan. many: ectopic beats as in a clinic for them, not as on a usual day.

    arrhythmia: multiplies the share of ectopic beats. Guarantees: times rise; about 3 s before
    the start and after the end are covered, so that waves and rates have no edge.
    """
    slow, effort = _rate(random, body, day)
    grid = np.arange(int((day.seconds + 6) * GRID_HZ)) / GRID_HZ - 3.0  # from 3 s before
    seconds = np.arange(day.seconds)
    bpm = np.interp(grid, seconds, slow)
    breaths = body.traits.breaths_per_minute * (1.0 + 1.2 * np.interp(grid, seconds, effort))
    breath = math.tau * (random.random() + np.cumsum(breaths) / 60.0 / GRID_HZ)
    shaken = np.zeros(len(grid), dtype=np.bool_)
    for start, end in day.fibrillation:
        shaken |= (grid >= start) & (grid < end)
    bpm += FIBRILLATING_BPM * shaken
    rate_hz = _modulated(random, body, bpm, breath, shaken)
    passed = np.cumsum(rate_hz) / GRID_HZ
    kind, threshold = _thresholds(random, body, float(passed[-1]), many=many, arrhythmia=arrhythmia)
    time = np.interp(threshold, passed, grid)
    inside = threshold < passed[-1]
    time, kind = time[inside], kind[inside]
    no_p = np.zeros(len(time), dtype=np.bool_)
    for start, end in day.fibrillation:
        no_p |= (time >= start) & (time < end)
    if no_p.any():
        time, kind = _irregular(random, time, kind, no_p)
    return Beats(time, kind, no_p, breath[int(3 * GRID_HZ) :])


def _rate(random: np.random.Generator, body: Physiology, day: Day) -> tuple[Reals, Reals]:
    """(heart rate in bpm without its quick parts, effort 0 to 1), every second."""
    n = day.seconds
    bouts = day.bout_at(np.arange(n, dtype=np.float64))
    each = np.array(EFFORT)[day.state] * np.exp(0.15 * random.standard_normal(len(day.state)))
    asked = each[bouts]
    knots = np.arange(0, n, RATE_STEP)
    reserve = (body.highest_bpm - body.resting_bpm) * (1.0 - 0.06 * body.fitness)
    target = body.resting_bpm + body.circadian(day.hour) + reserve * asked
    strain = day.stressed.astype(np.float64)
    target += body.traits.stress_bpm * strain
    restless = 2.5
    if (day.stage != NOT_IN_BED).any():
        wake, rem = (day.stage == WAKE) * 1.0, (day.stage == REM) * 1.0
        in_bed, deep = day.stage != NOT_IN_BED, (day.stage == DEEP) * 1.0
        own = np.exp(0.35 * random.standard_normal(3))
        # Stages differ by a few beats a minute; people differ in how much.
        target += in_bed * -4.0 + 6.0 * own[0] * wake + 3.5 * own[1] * rem + 1.0 * own[2] * deep
        tossing = (random.random(n) < 0.0010 + 0.006 * wake) * (8.0 + 8.0 * random.random(n))
        target += np.convolve(tossing, np.ones(25))[:n]
        restless = 2.2
    slow = np.interp(np.arange(n), knots, follow(target[knots], float(RATE_STEP)))
    slow += restless * wandering(random, 1, n, 1.2)[0]
    breathless = np.interp(np.arange(n), knots, follow(asked[knots], float(RATE_STEP)))
    return np.clip(slow, 36.0, body.highest_bpm + 4.0), breathless


def _modulated(
    random: np.random.Generator, body: Physiology, bpm: Reals, breath: Reals, shaken: Flags
) -> Reals:
    """Beats per second at GRID_HZ: ``bpm`` with breathing and the 0.1 Hz wave.

    The vagus makes both, and it lets go as the heart speeds up; fibrillation has neither. An
    RR interval that swings by A seconds at 0.25 Hz has an RMSSD near A, one at 0.1 Hz near
    0.4 A; white jitter in ``_thresholds`` adds the rest.
    """
    vagal = np.exp(-np.maximum(bpm - body.resting_bpm, -10.0) / 25.0) * ~shaken
    swing = 0.001 * body.traits.rmssd_ms * vagal * bpm / 60.0  # seconds over the interval
    knots = np.arange(0, len(bpm) + 16, 16)
    wave_hz = 0.095 + 0.01 * wandering(random, 1, len(knots), 0.5)[0]
    passed = np.cumsum(np.interp(np.arange(len(bpm)), knots, wave_hz)) / GRID_HZ
    wave = math.tau * (random.random() + passed)
    size = np.minimum(swing, 0.25)
    return np.asarray(bpm / 60.0 * (1.0 + 1.10 * size * np.sin(breath) + 0.9 * size * np.sin(wave)))


def _thresholds(
    random: np.random.Generator, body: Physiology, end: float, *, many: bool, arrhythmia: float
) -> tuple[Integers, Reals]:
    """(class of each beat, the integral at which it falls), to beyond ``end``."""
    count = int(1.4 * end) + 16
    weight = np.exp(0.8 * random.standard_normal(2) + 0.012 * (body.age_years - 45.0))
    dice = random.random(2)
    if many:
        chance = (0.004 if dice[0] < LOW_BURDEN else MANY) * weight
    else:
        chance = np.array(BURDEN) * weight * (60.0 if dice[0] < HIGH_BURDEN else 1.0)
    chance = np.minimum(arrhythmia * chance, 0.30)
    # Irritable and quiet stretches take turns.
    turns = np.cumsum(random.random(count) < 0.08) + int(dice[1] < 0.5)
    irritable = np.where(turns % 2 == 1, 1.0, 0.15)
    uniform = random.random(count)
    kind = np.where(uniform < irritable * chance[0], SUPRAVENTRICULAR, NORMAL)
    kind[(uniform >= irritable * chance[0]) & (uniform < irritable * chance.sum())] = VENTRICULAR
    kind[0] = NORMAL
    kind[1:][kind[:-1] != NORMAL] = NORMAL  # no two in a row
    jitter = 0.00025 * body.traits.rmssd_ms
    step = 1.0 + np.clip(jitter * random.standard_normal(count), -0.05, 0.05)
    own_early = random.uniform(0.70, 0.92, 2)
    early = np.clip(
        own_early[np.maximum(kind - 1, 0)] + 0.07 * random.standard_normal(count), 0.48, 0.97
    )
    ectopic = np.flatnonzero(kind[:-1] != NORMAL)
    step[ectopic] = early[ectopic]
    after = np.where(kind[ectopic] == VENTRICULAR, 2.0 - early[ectopic], 1.04)
    step[ectopic + 1] = after  # full compensation, or the sinus node starting anew
    return kind.astype(np.int64), np.cumsum(step)


def _irregular(
    random: np.random.Generator, time: Reals, kind: Integers, no_p: Flags
) -> tuple[Reals, Integers]:
    """The beats of an episode of fibrillation, irregularly irregular between its two ends."""
    first, last = int(np.flatnonzero(no_p)[0]), int(np.flatnonzero(no_p)[-1])
    if last - first < 4:
        return time, kind
    size = last - first
    step = np.clip(1.0 + FIBRILLATING_SPREAD * random.standard_normal(size), 0.55, 1.8)
    step *= np.diff(time[first : last + 1])
    span = time[last] - time[first]
    time, kind = time.copy(), kind.copy()
    time[first + 1 : last + 1] = time[first] + np.cumsum(step) * (span / step.sum())
    kind[first : last + 1] = NORMAL
    return time, kind
