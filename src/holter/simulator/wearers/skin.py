"""Skin conductance and skin temperature of a synthetic wrist, from the plan of the day.

Conductance is a slow level and responses (SCR): a few a minute at rest, more under stress and
when moving, with a rise of under a second and a fall of some seconds. About one person in fourteen hardly responds. Temperature is slow: warmer in
bed, cooler under stress and when the arm moves through air; the case itself warms up first.
"""

from __future__ import annotations

import math

import numpy as np

from holter.simulator.wearers.day import EFFORT, NOT_IN_BED, Day
from holter.simulator.wearers.physiology import Physiology, Reals, follow, wandering

SCR_PER_MINUTE = (2.0, 7.0)  # spontaneous at rest; under stress
SCR_RISE_SECONDS, SCR_FALL_SECONDS = 0.8, 3.5
SCR_PER_STEP_SECOND = 0.03  # extra responses a second while walking or running
WARM_UP_C, WARM_UP_SECONDS = 1.5, 600.0  # a device just put on is still cold
SLOW_SECONDS = 240.0  # time constant of the skin's temperature: some minutes


def conductance_us(
    random: np.random.Generator, body: Physiology, day: Day, rate_hz: float
) -> Reals:
    """Skin conductance in microsiemens, above 0.05: shape (seconds x rate_hz,)."""
    n = int(day.seconds * rate_hz)
    second = np.minimum((np.arange(n) / rate_hz).astype(np.int64), day.seconds - 1)
    traits = body.traits
    size = traits.tonic_us * (0.09 if traits.responds else 0.004)
    size *= math.exp(0.4 * float(random.standard_normal()))
    per_minute = np.array(SCR_PER_MINUTE) * math.exp(0.3 * float(random.standard_normal()))
    effort = _effort(day)
    chance = per_minute[day.stressed.astype(np.int64)] / 60.0
    chance += SCR_PER_STEP_SECOND * np.minimum(effort / 0.28, 1.5)
    chance *= np.where(day.stage == NOT_IN_BED, 1.0, 0.4)
    fires = random.random(n) < chance[second] / rate_hz
    onset = fires * size * np.exp(0.5 * random.standard_normal(n))
    time = np.arange(int(20 * rate_hz)) / rate_hz
    response = np.exp(-time / SCR_FALL_SECONDS) - np.exp(-time / SCR_RISE_SECONDS)
    strain = follow(day.stressed.astype(np.float64), 1.0)
    level = 1.0 + 0.15 * strain * traits.responds + 0.10 * wandering(random, 1, day.seconds, 2.0)[0]
    level += 0.25 * traits.responds * follow(np.minimum(effort, 0.7), 1.0)  # sweat
    level[day.stage != NOT_IN_BED] *= 0.7
    phasic = np.convolve(onset, response / response.max())[:n]
    slow = np.interp(np.arange(n) / rate_hz, np.arange(day.seconds), traits.tonic_us * level)
    return np.asarray(np.maximum(slow + phasic, 0.05))


def temperature_c(random: np.random.Generator, body: Physiology, day: Day, rate_hz: float) -> Reals:
    """Skin temperature in degrees Celsius: shape (seconds x rate_hz,)."""
    usual = 32.5 + 1.5 * float(random.standard_normal())
    cooling = 0.7 * math.exp(0.5 * float(random.standard_normal()))
    asked = -cooling * day.stressed - 1.2 * np.minimum(_effort(day), 0.6)
    asked += 1.8 * (day.stage != NOT_IN_BED)  # hands are warm in bed
    asked -= 0.3 * np.cos((day.hour - 4.0) * (math.tau / 24.0))
    slow = np.interp(
        np.arange(day.seconds), np.arange(0, day.seconds, 10), _lagging(asked[::10], 10.0)
    )
    slow -= WARM_UP_C * np.exp(-np.arange(day.seconds) / WARM_UP_SECONDS)
    slow += usual + 0.25 * wandering(random, 1, day.seconds, 2.0)[0]
    n = int(day.seconds * rate_hz)
    return np.interp(np.arange(n) / rate_hz, np.arange(day.seconds), slow)


def _lagging(target: Reals, step_seconds: float) -> Reals:
    """First-order lag of SLOW_SECONDS behind ``target``, settled at the start: same shape."""
    share = 1.0 - math.exp(-step_seconds / SLOW_SECONDS)
    now, answer = float(target[0]), []
    for asked in target.tolist():
        now += (asked - now) * share
        answer.append(now)
    return np.array(answer)


def _effort(day: Day) -> Reals:
    """Share of the heart-rate reserve that the plan asks for, every second."""
    return np.array(EFFORT)[day.state[day.bout_at(np.arange(day.seconds, dtype=np.float64))]]
