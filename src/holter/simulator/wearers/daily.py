"""Daily tables of synthetic people: steps, sleep, resting heart rate, energy, day after day.

``daily_recording`` reads in order: three hidden moods of a body that change slowly (``_hidden``:
illness that comes and goes in a week, stress over weeks, training that builds up), a weekly rhythm
that belongs to the person, and the tables that follow from both. Because moods last, tomorrow is
partly predictable from today, and no more than partly. Days are missing in runs, as when a device
lies in a drawer. Rows are local days: from midnight to midnight of the person's zone.

Also ``event:tired``: how the person woke the next morning, rested or tired, by their own report.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass

import numpy as np

from holter.signals.readers.times import zone_of
from holter.signals.recording import SECOND_NS, Channel, Recording, Series
from holter.simulator.wearers.activity import mistaken
from holter.simulator.wearers.day import Flags
from holter.simulator.wearers.physiology import Integers, Physiology, Reals
from holter.simulator.wearers.recorded import FIRST_DAY, PLAIN, POPULATION, Knobs, dice, person

SESSION = 100  # in the seed, in place of a session's number
TIRED = ("rested", "tired")
ILL_PER_DAY = 1.0 / 70.0  # about five colds a year, generous so that 90 days show one
ILL_DAYS = 6.0
MISSING_RUNS_PER_DAY = 0.025
MISSING_DAYS = 3.0  # mean length of a run; about 7 % of days in all
DEVICES = ("band", "watch", "ring")
STRIDE_M = 0.73


@dataclass(frozen=True)
class _Hidden:
    """What no table shows, a value a day: illness 0 to 1, stress and training about -2 to 2."""

    illness: Reals
    stress: Reals
    training: Reals
    weekend: Flags


def daily_recording(
    seed: int, index: int, *, days: int = 90, device: str | None = None, knobs: Knobs = PLAIN
) -> Recording:
    """Tables of ``days`` local days of synthetic person ``index``, the same as in ``recording``.

    Channels: steps, distance, energy (kcal), active_minutes, sedentary_minutes (spans of a local
    day), sleep_duration (min, the night that ended that day), resting_heart_rate, hrv_rmssd,
    event:tired. Guarantees: same arguments, same bits; every number is finite; missing days have
    no row. Of the knobs, label_noise and missing_labels apply to event:tired, device_shift to
    what devices get wrong. Edges: days below 1 or above 4000 raise ValueError.
    """
    if not 1 <= days <= 4000:
        raise ValueError("days must be 1 to 4000")
    if seed < 0 or index < 0:
        raise ValueError("seed and index of a synthetic person must not be negative")
    random = dice(seed, POPULATION, index, SESSION)
    worn = device if device is not None else DEVICES[int(random.integers(len(DEVICES)))]
    body = person(seed, index, device=worn)
    first = FIRST_DAY + datetime.timedelta(days=int(random.integers(180)))
    hidden = _hidden(random, first, days)
    tables = _tables(random, body, hidden, days)
    error = knobs.device_shift * 0.04 * float(random.standard_normal())
    for name in ("steps", "distance", "energy", "active_minutes"):
        tables[name] *= 1.0 + error  # one device counts all its life too much, another too little
    tired = _tired(random, tables, hidden)
    kept = ~_missing(random, days)
    answered = kept & (random.random(days) >= knobs.missing_labels)
    answer = mistaken(random, tired, len(TIRED), knobs.label_noise)

    start, end, offset = _local_days(body.traits.zone, first, days)
    channels: dict[str, Channel] = {}
    for name, value in tables.items():
        whole = np.rint(value)
        channels[name] = Series(name, start[kept], end[kept], whole[kept], offset[kept])
    morning = start + 8 * 3600 * SECOND_NS
    channels["event:tired"] = Series(
        "event",
        morning[answered],
        morning[answered],
        answer[answered].astype(np.float64),
        offset[answered],
        TIRED,
    )
    return Recording(f"synthetic {worn}, daily tables", worn, body.traits.zone, channels)


def _hidden(random: np.random.Generator, first: datetime.date, days: int) -> _Hidden:
    illness = np.zeros(days + 60)
    for day in np.flatnonzero(random.random(days) < ILL_PER_DAY):
        length = 2.0 + random.exponential(ILL_DAYS - 2.0)
        course = np.arange(0.0, min(3.0 * length, 60.0))
        illness[day : day + len(course)] += (
            np.minimum((course + 1.0) / 2.0, 1.0) * np.exp(-np.maximum(course - length, 0.0) / 2.0)
        )[: len(illness) - day]
    weekday = (np.arange(days) + first.weekday()) % 7
    return _Hidden(
        np.minimum(illness[:days], 1.2),
        _lasting(random, days, 0.90),
        _lasting(random, days, 0.97),
        weekday >= 5,
    )


def _lasting(random: np.random.Generator, days: int, memory: float) -> Reals:
    """A value a day that keeps ``memory`` of yesterday's: mean 0, standard deviation 1."""
    now = float(random.standard_normal())
    fresh = math.sqrt(1.0 - memory**2) * random.standard_normal(days)
    answer = []
    for new in fresh.tolist():
        now = memory * now + new
        answer.append(now)
    return np.array(answer)


def _tables(
    random: np.random.Generator, body: Physiology, hidden: _Hidden, days: int
) -> dict[str, Reals]:
    """The day's numbers, before they are rounded and lost."""
    normal = random.standard_normal((6, days))
    own = random.standard_normal(6)
    weekend = hidden.weekend * (-0.08 + 0.18 * float(own[0]))
    usual = math.log(7000.0) + 0.15 * body.fitness - 0.004 * (body.age_years - 45.0)
    log_steps = usual + 0.30 * float(own[1]) + weekend + 0.16 * _lasting(random, days, 0.6)
    log_steps += 0.12 * hidden.training - 0.6 * hidden.illness + 0.22 * normal[0]
    steps = np.clip(np.exp(log_steps), 50.0, 45_000.0)
    late = hidden.weekend * (35.0 + 15.0 * float(own[2]))
    sleep = 418.0 + 28.0 * float(own[3]) + late - 16.0 * hidden.stress + 25.0 * hidden.illness
    sleep += 34.0 * normal[1]
    sleep[1:] -= 8.0 * normal[1, :-1]  # a short night is made up for, a little
    sleep = np.clip(sleep, 150.0, 720.0)
    effort = np.log(steps / math.exp(usual))
    active = np.clip(steps / 110.0 * (0.5 + 0.1 * hidden.training) + 6.0 * normal[2], 0.0, 420.0)
    resting = body.resting_bpm - 4.0 + 6.0 * hidden.illness + 1.6 * hidden.stress
    resting += -1.5 * hidden.training + 0.8 * effort - 0.010 * (sleep - 420.0) + 1.1 * normal[3]
    rmssd = body.traits.rmssd_ms * np.exp(
        -0.30 * hidden.illness - 0.08 * hidden.stress + 0.05 * hidden.training + 0.10 * normal[4]
    )
    weight = body.bmi * (1.62 if body.sex == "female" else 1.76) ** 2
    # Mifflin and St Jeor 1990, with the mean heights above
    height_cm = 162.0 if body.sex == "female" else 176.0
    shift = -161.0 if body.sex == "female" else 5.0
    at_rest = 10.0 * weight + 6.25 * height_cm - 5.0 * body.age_years + shift
    energy = 1.2 * at_rest + 0.00055 * weight * steps + 2.0 * active
    sedentary = 1440.0 - sleep - active - 180.0 - 0.012 * steps + 40.0 * normal[5]
    return {
        "steps": steps,
        "distance": steps * STRIDE_M,
        "energy": energy,
        "active_minutes": active,
        "sedentary_minutes": np.clip(sedentary, 60.0, 1200.0),
        "sleep_duration": sleep,
        "resting_heart_rate": np.clip(resting, 36.0, 110.0),
        "hrv_rmssd": np.clip(rmssd, 4.0, 220.0),
    }


def _tired(random: np.random.Generator, tables: dict[str, Reals], hidden: _Hidden) -> Integers:
    """Whether the person wakes tired: after short nights, in stress and illness, and by chance."""
    short = (420.0 - tables["sleep_duration"]) / 60.0
    score = -0.8 + 0.9 * short + 0.7 * hidden.stress + 1.5 * hidden.illness
    chance = 1.0 / (1.0 + np.exp(-score))
    return (random.random(len(chance)) < chance).astype(np.int64)


def _missing(random: np.random.Generator, days: int) -> Flags:
    """Days without a row, in runs; the first day is there."""
    gone = np.zeros(days, dtype=np.bool_)
    for day in np.flatnonzero(random.random(days) < MISSING_RUNS_PER_DAY):
        gone[day : day + int(random.geometric(1.0 / MISSING_DAYS))] = True
    gone[0] = False
    return gone


def _local_days(
    zone: str, first: datetime.date, days: int
) -> tuple[Integers, Integers, np.ndarray[tuple[int], np.dtype[np.int16]]]:
    """(start, end, offset in minutes) of local days; two a year have 23 or 25 hours."""
    place = zone_of(zone)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    midnights, offsets = [], []
    for day in range(days + 1):
        date = first + datetime.timedelta(days=day)
        midnight = datetime.datetime.combine(date, datetime.time(), tzinfo=place)
        away = midnight.utcoffset()
        offsets.append(int(away.total_seconds() // 60) if away is not None else 0)
        midnights.append(round((midnight - epoch).total_seconds()) * SECOND_NS)
    edges = np.array(midnights, dtype=np.int64)
    return edges[:-1], edges[1:], np.array(offsets[:-1], dtype=np.int16)
