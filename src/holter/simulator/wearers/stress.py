"""A synthetic session with stressful blocks, as four slow signals of a wrist sensor.

``draw`` reads in order: blocks of rest and stress, movements that have nothing to do with
either, and then what heart, sweat glands and skin do about both, each in its own function.
Stress raises the heart rate by a few beats a minute, adds skin-conductance responses (SCR)
and cools the hand slowly. Moving does some of the same, which is what makes it hard; so do
people whose skin hardly responds, about one in fourteen (literature: 5 to 10 %).

Channels, with fixed public scaling: heart rate (bpm - 75) / 15; skin conductance
ln(microsiemens) - 1; skin temperature (degrees Celsius - 33) / 1.5; motion ln(g) / 1.5 + 2.
"""

from __future__ import annotations

import math

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

CLASSES = ("rest", "stress")
SAMPLES = 120
RATE_HZ = 4.0
EXTRAS = ("minutes since the start of the session / 20",)

SHARES = {"research wrist": 0.4, "watch": 0.4, "band": 0.2}
NOISE = {"research wrist": 0.7, "watch": 1.0, "band": 1.5}  # relative to the usual sensor
WINDOW_SECONDS = 30
NON_RESPONDERS = 0.07
BLOCK_WINDOWS = (9.0, 6.0)  # mean length of a block of rest and of stress: 4.5 and 3 min
LEAST_BLOCK_WINDOWS = 4
SCR_PER_MINUTE = (2.0, 7.0)  # spontaneous at rest; under stress
SCR_RISE_SECONDS, SCR_FALL_SECONDS = 0.8, 3.5


def draw(random: np.random.Generator, windows: int) -> Person:
    """``windows`` consecutive half minutes of a synthetic session, which begins with rest.

    Signal: shape (windows, 4, 120) at 4 Hz, channels as in the module docstring. Extra:
    shape (windows, 1). Labels: index in CLASSES. Edges: a session shorter than its first
    block holds rest alone.
    """
    body = draw_physiology(random, SHARES)
    label = _blocks(random, windows)
    seconds = windows * WINDOW_SECONDS
    strain = follow(
        np.repeat(label, WINDOW_SECONDS).astype(np.float64), 1.0
    )  # 0 to 1, lags as the heart
    effort = _moves(random, seconds)
    noise = NOISE[body.device]
    channels = (
        (_heart_bpm(random, body, strain, effort, noise) - 75.0) / 15.0,
        np.log(_conductance(random, label, strain, effort)) - 1.0,
        (_temperature(random, strain, noise) - 33.0) / 1.5,
        np.log(_motion(random, effort, noise)) / 1.5 + 2.0,
    )
    x = np.stack(channels).reshape(4, windows, SAMPLES).transpose(1, 0, 2).astype(np.float32)
    minutes = (np.arange(windows) * (WINDOW_SECONDS / 60.0 / 20.0)).astype(np.float32)
    return Person(Examples(np.ascontiguousarray(x), minutes[:, None], label), body.strata)


def _blocks(random: np.random.Generator, windows: int) -> Integers:
    """Labels of half minutes: blocks of rest and stress in turn, of random length."""
    parts: list[Integers] = []
    made, state = 0, 0
    while made < windows:
        extra = random.exponential(BLOCK_WINDOWS[state] - LEAST_BLOCK_WINDOWS)
        length = LEAST_BLOCK_WINDOWS + int(min(extra, 2.0 * BLOCK_WINDOWS[state]))
        parts.append(np.full(length, state, dtype=np.int64))
        made, state = made + length, 1 - state
    return np.concatenate(parts)[:windows]


def _moves(random: np.random.Generator, seconds: int) -> Reals:
    """Bodily effort, 0 to about 1, each second: short errands that occur in both states."""
    effort = np.zeros(seconds)
    for _ in range(int(random.poisson(seconds / 150.0))):
        start = int(random.random() * seconds)
        effort[start : start + 5 + int(random.exponential(25.0))] = 0.3 + 0.7 * random.random()
    return effort


def _heart_bpm(
    random: np.random.Generator, body: Physiology, strain: Reals, effort: Reals, noise: float
) -> Reals:
    """Heart rate at 4 Hz in bpm: level, stress, effort, breathing and optical error."""
    n = len(strain)
    own = 7.0 * math.exp(0.5 * random.standard_normal())  # bpm that stress adds
    slow = body.resting_bpm + 5.0 + own * strain + 2.5 * wandering(random, 1, n, 1.5)[0]
    slow = slow + follow(20.0 * effort, 1.0)
    quick = np.interp(np.arange(4 * n) / 4.0, np.arange(n), slow)
    breathing = 2.0 * math.exp(-0.012 * (body.age_years - 45.0))
    quick += breathing * np.sin(math.tau * 0.25 * np.arange(4 * n) / 4.0)
    return np.asarray(quick + noise * body.optical_error * wandering(random, 1, 4 * n, 0.6)[0])


def _conductance(
    random: np.random.Generator, label: Integers, strain: Reals, effort: Reals
) -> Reals:
    """Skin conductance at 4 Hz in microsiemens, above 0.05: a slow level and responses."""
    n = len(strain) * 4
    responds = random.random() >= NON_RESPONDERS
    tonic = (2.6 if responds else 0.6) * math.exp(0.5 * random.standard_normal())
    size = tonic * (0.09 if responds else 0.004) * math.exp(0.4 * random.standard_normal())
    rate = np.array(SCR_PER_MINUTE) * math.exp(0.3 * random.standard_normal())
    chance = np.repeat(rate[label], WINDOW_SECONDS) / 60.0 + 0.05 * (effort > 0.0)
    chance = np.repeat(chance, 4) / 4.0
    onset = (random.random(n) < chance) * (size * np.exp(0.5 * random.standard_normal(n)))
    time = np.arange(80) / RATE_HZ
    response = np.exp(-time / SCR_FALL_SECONDS) - np.exp(-time / SCR_RISE_SECONDS)
    level = 1.0 + 0.15 * np.repeat(strain, 4) * responds + 0.10 * wandering(random, 1, n, 2.0)[0]
    phasic = np.convolve(onset, response / response.max())[:n]
    sensed = tonic * level + phasic + 0.005 * random.standard_normal(n)
    return np.asarray(np.maximum(sensed, 0.05))


def _temperature(random: np.random.Generator, strain: Reals, noise: float) -> Reals:
    """Skin temperature at 4 Hz in degrees Celsius: cooler hands under stress, slowly."""
    n = len(strain)
    level = 33.0 + 1.2 * random.standard_normal() + 0.20 * wandering(random, 1, n, 2.0)[0]
    cooling = 0.7 * math.exp(0.5 * random.standard_normal())
    slow = np.repeat(level - cooling * follow(strain, 1.0), 4)
    return np.asarray(slow + 0.02 * noise * random.standard_normal(4 * n))


def _motion(random: np.random.Generator, effort: Reals, noise: float) -> Reals:
    """Size of the acceleration without gravity at 4 Hz in g, always above zero."""
    n = 4 * len(effort)
    still = 0.012 * noise * np.exp(0.4 * random.standard_normal())
    size = still + 0.25 * np.repeat(effort, 4)
    return np.asarray(size * np.exp(0.5 * random.standard_normal(n)))
