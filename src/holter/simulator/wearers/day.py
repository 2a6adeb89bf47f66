"""What a synthetic person does: bouts of activity, nights, stress, falls, and atrial fibrillation.

``plan`` is the whole story; each session has its own function below it. Days are semi-Markov:
the next bout comes from the person's own habits among the other activities and lasts a random
while, as in ``activity``, whose shares, lengths and Dirichlet weight are used here. Nights are
cycles of about 90 minutes, with deep sleep early and REM late. Stress lies over whatever is
done. Falls are scripted: loss of balance, impact, lying, getting up.

Nothing here knows a sensor: ``heart``, ``movement`` and ``skin`` follow the plan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holter.signals.kinds import SLEEP_STAGES
from holter.simulator.wearers import activity
from holter.simulator.wearers.physiology import Integers, Physiology, Reals, bounded_choice

Flags = npt.NDArray[np.bool_]
Random = np.random.Generator

SESSIONS = ("day", "night", "stress", "falls", "ecg")
STATES = (*activity.CLASSES, "transport", "fall")
LIE, SIT, STAND, WALK, STAIRS, RUN, TRANSPORT, FALL = range(len(STATES))
EFFORT = (*activity.EFFORT, 0.04, 0.15)  # share of the heart-rate reserve
BOUT_MINUTES = (*activity.BOUT_MINUTES, 20.0)
PRIOR = np.append(0.94 * activity.PRIOR, 0.06)  # of bouts by day; the last is transport

WAKE, DEEP, REM, N1, N2 = (SLEEP_STAGES.index(n) for n in ("wake", "deep", "REM", "N1", "N2"))
NOT_IN_BED = -1
EPOCH_SECONDS = 30
DEEP_SHARE = (0.42, 0.30, 0.14, 0.06, 0.03, 0.02)  # of the first, second, ... cycle, at age 30
REM_SHARE = (0.08, 0.21, 0.29, 0.36, 0.40, 0.42)  # likewise, at any age
BEDTIME_HOUR = 23.0

STRESS_PER_HOUR = 0.5  # episodes of a usual day, mean length STRESS_MINUTES
STRESS_MINUTES = 9.0
BLOCK_SECONDS = 30  # of a session with blocks of rest and stress in turn
BLOCKS, LEAST_BLOCKS = (9.0, 6.0), 4  # mean length of rest and of stress: 4.5 and 3 min; least
FALL_SECONDS, IMPACT_AFTER = 2.4, 1.2  # from losing balance; young adults, staged falls
FIBRILLATION = {"ecg": 0.12, "": 0.02}  # share of people under 65 in an episode; double above


@dataclass(frozen=True)
class Day:
    """What happened, in true seconds from the start; ``start_hour`` is local time.

    bout_start, state: shape (bouts,), a bout ends where the next begins. stage: shape (seconds,),
    index in SLEEP_STAGES or NOT_IN_BED. stressed: shape (seconds,). impacts: when falls hit the
    ground. fibrillation: (start, end) of episodes.
    """

    seconds: int
    start_hour: float
    bout_start: Reals
    state: Integers
    stage: Integers
    stressed: Flags
    impacts: tuple[float, ...] = ()
    fibrillation: tuple[tuple[float, float], ...] = ()

    @property
    def bout_end(self) -> Reals:
        """When each bout ends."""
        return np.append(self.bout_start[1:], float(self.seconds))

    @property
    def hour(self) -> Reals:
        """Local hour of every second, 0 to 24: shape (seconds,)."""
        return (self.start_hour + np.arange(self.seconds) / 3600.0) % 24.0

    def bout_at(self, second: npt.NDArray[np.floating]) -> Integers:
        """The number of the bout at each moment; the nearest one outside the recording."""
        found = np.searchsorted(self.bout_start, second, side="right") - 1
        return np.clip(found, 0, len(self.state) - 1)


def plan(
    random: Random,
    body: Physiology,
    session: str,
    *,
    seconds: int,
    start_hour: float,
    skew: float,
    arrhythmia: float,
) -> Day:
    """What the person does in ``session``. skew: Dirichlet weight of the habits."""
    stage = np.full(seconds, NOT_IN_BED, dtype=np.int64)
    stressed = np.zeros(seconds, dtype=np.bool_)
    impacts: tuple[float, ...] = ()
    if session == "night":
        bouts = [(0.0, LIE)]
        stage[:] = _night(random, body, seconds)
    elif session == "stress":
        bouts = _seated(random, seconds)
        windows = -(-seconds // BLOCK_SECONDS)
        stressed[:] = np.repeat(_blocks(random, windows), BLOCK_SECONDS)[:seconds]
    elif session == "falls":
        bouts, impacts = _falls(random, seconds)
    elif session == "ecg":
        bouts = [(0.0, (LIE, SIT, STAND)[int(random.integers(3))])]
    else:
        bouts = _bouts(random, body, stage, seconds, start_hour, skew)
        _episodes(random, stressed, stage)
    started, state = zip(*bouts, strict=True)
    return Day(
        seconds,
        start_hour,
        np.array(started, dtype=np.float64),
        np.array(state, dtype=np.int64),
        stage,
        stressed,
        impacts,
        _fibrillation(random, body, session, seconds, arrhythmia),
    )


def _bouts(
    random: Random, body: Physiology, stage: Integers, seconds: int, start_hour: float, skew: float
) -> list[tuple[float, int]]:
    """Bouts of a usual day; nights on the way are entered in ``stage``."""
    share = random.dirichlet(skew * PRIOR)
    bed = BEDTIME_HOUR + 0.6 * (body.acrophase_hour - 15.5)
    until_bed = 3600.0 * ((bed - start_hour + 4.0) % 24.0 - 4.0)  # up to 4 h late: bed at once
    bouts: list[tuple[float, int]] = []
    at, before = 0.0, -1
    while at < seconds:
        if at >= until_bed:
            length = int(min(3600.0 * random.uniform(6.5, 8.5), seconds - at))
            if length > 0:
                stage[int(at) : int(at) + length] = _night(random, body, length)
            bouts.append((at, LIE))
            at, before, until_bed = at + max(length, 1), LIE, until_bed + 86_400.0
            continue
        free = share.copy()
        if before >= 0:
            free[before] = 0.0
        state = bounded_choice(free / free.sum(), float(random.random()))
        bouts.append((at, state))
        usual = 60.0 * BOUT_MINUTES[state] * math.exp(0.4 * float(random.standard_normal()))
        at = min(at + usual, until_bed) if at < until_bed else at + usual
        before = state
    return bouts


def _episodes(random: Random, stressed: Flags, stage: Integers) -> None:
    """Stress of a usual day, never in bed."""
    for _ in range(int(random.poisson(STRESS_PER_HOUR * len(stressed) / 3600.0))):
        start = int(random.random() * len(stressed))
        stressed[start : start + 120 + int(random.exponential(60.0 * STRESS_MINUTES - 120.0))] = (
            True
        )
    stressed &= stage == NOT_IN_BED


def _seated(random: Random, seconds: int) -> list[tuple[float, int]]:
    """A session in a chair, with short errands that have nothing to do with stress."""
    bouts, at = [(0.0, SIT)], 0.0
    while True:
        at += 30.0 + random.exponential(240.0)
        if at >= seconds - 1.0:
            return bouts
        bouts.append((at, STAND if random.random() < 0.5 else WALK))
        at += 5.0 + random.exponential(25.0)
        if at >= seconds - 1.0:
            return bouts
        bouts.append((at, SIT))


def _blocks(random: Random, windows: int) -> Flags:
    """Rest and stress in turn, by half minutes; rest comes first."""
    parts: list[Flags] = []
    made, now = 0, 0
    while made < windows:
        mean = BLOCKS[now] - LEAST_BLOCKS
        length = LEAST_BLOCKS + int(random.exponential(mean))
        parts.append(np.full(length, now == 1))
        made, now = made + length, 1 - now
    return np.concatenate(parts)[:windows]


def _falls(random: Random, seconds: int) -> tuple[list[tuple[float, int]], tuple[float, ...]]:
    """Short daily activities; about one in six ends on the floor."""
    bouts: list[tuple[float, int]] = []
    impacts: list[float] = []
    at, before = 0.0, -1
    while at < seconds:
        state = int(random.choice([LIE, SIT, STAND, WALK, WALK, STAIRS, RUN]))
        if state == before:
            continue
        bouts.append((at, state))
        at, before = at + 8.0 + random.exponential(14.0), state
        room = at + FALL_SECONDS + 12.0 < seconds
        if room and state != LIE and random.random() < 0.20:
            bouts += [(at, FALL), (at + FALL_SECONDS, LIE)]
            impacts.append(at + IMPACT_AFTER)
            at, before = at + FALL_SECONDS + 8.0 + random.exponential(6.0), LIE
    return bouts, tuple(impacts)


def _fibrillation(
    random: Random, body: Physiology, session: str, seconds: int, arrhythmia: float
) -> tuple[tuple[float, float], ...]:
    """At most one episode; enriched where rhythms are what is asked for."""
    share = FIBRILLATION.get(session, FIBRILLATION[""]) * (2.0 if body.age_years >= 65 else 1.0)
    chance, begins, lasts = random.random(3)
    if chance >= share * arrhythmia:
        return ()
    start = 0.6 * begins * seconds
    return ((start, min(start + (0.2 + 0.5 * lasts) * seconds, float(seconds))),)


def _night(random: Random, body: Physiology, seconds: int) -> Integers:
    """Stage of every second from going to bed: shape (seconds,), index in SLEEP_STAGES."""
    epochs = -(-seconds // EPOCH_SECONDS)
    latency = int(2.0 * min(12.0 * np.exp(0.6 * random.standard_normal()), 60.0))
    parts = [np.full(latency, WAKE)]
    own_cycle = 180.0 + 14.0 * random.standard_normal()  # epochs; 180 are 90 minutes
    own_rem, own_deep = np.exp(0.2 * random.standard_normal(2))
    own_deep *= max(0.15, 1.0 - 0.011 * (body.age_years - 30.0))  # deep sleep fades with age
    made, cycle = latency, 0
    while made < epochs:
        length = int(max(120.0, own_cycle + 16.0 * random.standard_normal()))
        late = min(cycle, len(DEEP_SHARE) - 1)
        dreaming = int(min(REM_SHARE[late] * own_rem, 0.5) * length)
        deep = int(min(DEEP_SHARE[late] * own_deep, 0.45) * length)
        drowsy = int(0.05 * length)
        light = length - dreaming - deep - drowsy
        parts += [
            np.full(drowsy, N1),
            np.full(light // 2, N2),
            np.full(deep, DEEP),
            np.full(light - light // 2, N2),
            np.full(dreaming, REM),
        ]
        made, cycle = made + length, cycle + 1
    stage = np.concatenate(parts)[:epochs].astype(np.int64)
    per_hour = (0.8 + 0.025 * (body.age_years - 18.0)) * np.exp(0.4 * random.standard_normal())
    for _ in range(int(random.poisson(per_hour * epochs / 120.0))):
        start = int(random.random() * epochs)
        end = start + 2 + int(random.exponential(7.0))
        drowsy = end + 1 + int(random.exponential(3.0))
        stage[end:drowsy] = N1
        stage[start:end] = WAKE
    return np.repeat(stage, EPOCH_SECONDS)[:seconds]
