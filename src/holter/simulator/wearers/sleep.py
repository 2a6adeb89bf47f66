"""A synthetic night: the heart rate that a band or ring sees, and the stages behind it.

``draw`` reads in order: a hypnogram of 30-second epochs, the heart rate that it asks for,
what the device reports of it, and windows of ten minutes around epochs spread over the
night. Sleep comes in cycles of about 90 minutes; REM is short at first and long towards
morning; older people wake more often. The heart is slow and steady in NREM, a little
faster and restless in REM, and jumps when its owner wakes.

The person's own level is left in: two people differ by more than two stages do.
"""

from __future__ import annotations

import numpy as np

from holter.signals.windows import Examples, Person
from holter.simulator.wearers.physiology import (
    Integers,
    Physiology,
    Reals,
    draw_physiology,
    follow,
    wandering,
)

CLASSES = ("wake", "NREM", "REM")
SAMPLES = 120
STEP_SECONDS = 5.0
RATE_HZ = 1.0 / STEP_SECONDS
EXTRAS = ("hours since the start of the night / 8",)

SHARES = {"band": 0.4, "watch": 0.4, "ring": 0.2}
ERROR_BPM = {"band": 2.0, "watch": 1.4, "ring": 0.9}  # of one reading, at usual fit
EPOCH_SECONDS = 30.0
STEPS_PER_EPOCH = int(EPOCH_SECONDS / STEP_SECONDS)
MOST_HOURS = 9.0
LEAST_HOURS = 6.5
REM_SHARE = (0.08, 0.21, 0.29, 0.36, 0.40, 0.42)  # of the first, second, ... cycle
GAPS_PER_HOUR = 1.5  # readings lost to a loose strap; the last one is held
LONGEST_GAP_STEPS = 60


def draw(random: np.random.Generator, windows: int) -> Person:
    """One synthetic night, seen through ``windows`` epochs spread evenly from start to end.

    Signal: shape (windows, 1, 120), heart rate as (bpm - 60) / 20, every 5 s, the epoch in
    the middle. Extra: shape (windows, 1). Labels: index in CLASSES. Edges: beyond either
    end of the night the nearest reading is repeated; more windows than epochs repeat epochs.
    """
    body = draw_physiology(random, SHARES)
    stage = _hypnogram(random, body)
    bpm = _reported(random, body, _heart_rate(random, body, stage))
    epoch = np.rint(np.linspace(0, len(stage) - 1, windows)).astype(np.int64)
    middle = epoch * STEPS_PER_EPOCH + STEPS_PER_EPOCH // 2
    place = middle[:, None] + np.arange(-SAMPLES // 2, SAMPLES // 2)
    seen = bpm[np.clip(place, 0, len(bpm) - 1)]
    x = ((seen - 60.0) / 20.0).astype(np.float32)[:, None, :]
    hours = (epoch * (EPOCH_SECONDS / 3600.0) / 8.0).astype(np.float32)[:, None]
    return Person(Examples(x, hours, stage[epoch]), body.strata)


def _hypnogram(random: np.random.Generator, body: Physiology) -> Integers:
    """Stages of a night, one index in CLASSES per epoch of 30 s."""
    wake, nrem, rem = range(3)
    hours = LEAST_HOURS + (MOST_HOURS - LEAST_HOURS) * random.random()
    epochs = int(hours * 3600.0 / EPOCH_SECONDS)
    latency = int(2.0 * min(12.0 * np.exp(0.6 * random.standard_normal()), 60.0))
    parts = [np.full(latency, wake)]
    own_cycle = 180.0 + 14.0 * random.standard_normal()  # epochs; 180 are 90 minutes
    own_rem = np.exp(0.2 * random.standard_normal())
    made, cycle = latency, 0
    while made < epochs:
        length = int(max(120.0, own_cycle + 16.0 * random.standard_normal()))
        share = min(REM_SHARE[min(cycle, len(REM_SHARE) - 1)] * own_rem, 0.6)
        dreaming = int(share * length)
        parts += [np.full(length - dreaming, nrem), np.full(dreaming, rem)]
        made, cycle = made + length, cycle + 1
    stage = np.concatenate(parts)[:epochs].astype(np.int64)
    per_hour = (0.8 + 0.025 * (body.age_years - 18.0)) * np.exp(0.4 * random.standard_normal())
    for _ in range(int(random.poisson(per_hour * hours))):
        start = int(random.random() * epochs)
        stage[start : start + 2 + int(random.exponential(7.0))] = wake
    return stage


def _heart_rate(random: np.random.Generator, body: Physiology, stage: Integers) -> Reals:
    """True heart rate in bpm every 5 s: level by stage, drift of the night, restlessness."""
    step = np.repeat(stage, STEPS_PER_EPOCH)
    n = len(step)
    wake, rem = step == 0, step == 2
    own = np.exp(0.35 * random.standard_normal(3))  # this person's contrast between stages
    drift = -5.0 * np.sin(np.linspace(0.0, 0.8 * np.pi, n)) + 2.0 * wandering(random, 1, n, 1.8)[0]
    level = body.resting_bpm - 4.0 + drift + 6.0 * own[0] * wake + 3.5 * own[1] * rem
    tossing = (random.random(n) < 0.004 + 0.05 * wake) * (8.0 + 6.0 * random.random(n))
    level = level + np.convolve(tossing, np.ones(6), mode="full")[:n]
    restless = 0.7 + (1.3 * own[1]) * rem + (1.3 * own[2]) * wake
    return np.asarray(follow(level, STEP_SECONDS) + restless * wandering(random, 1, n, 0.7)[0])


def _reported(random: np.random.Generator, body: Physiology, bpm: Reals) -> Reals:
    """What the device reports: an error, whole beats per minute, held values where it lost."""
    error = 0.5 * ERROR_BPM[body.device] * body.optical_error
    said = np.rint(bpm + error * random.standard_normal(len(bpm)))
    source = np.arange(len(bpm))
    for _ in range(int(random.poisson(GAPS_PER_HOUR * len(bpm) * STEP_SECONDS / 3600.0))):
        start = int(random.random() * len(bpm))
        steps = min(2 + int(4.0 * random.pareto(1.5)), LONGEST_GAP_STEPS)
        source[start : start + steps] = source[start]
    return np.clip(said[source], 30.0, 200.0)
