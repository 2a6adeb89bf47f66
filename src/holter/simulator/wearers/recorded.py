"""Whole recordings of synthetic people: every channel of one device, and the labels beside it.

``recording`` reads in order: who (``person``), what they do (``day.plan``), one train of heartbeats
(``heart.beats``), one device on them (``sensors.wear``), its channels, and the labels. ECG, pulse
wave, RR intervals and the reported heart rate all come from the same beats.

Each part has its own dice, so a channel is the same bits whether or not others are asked for, and
two devices of one person and session show the same heart and the same day.

Labels are those of ``labels``; knobs make them wrong or leave them out, as people do.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from holter.signals.readers.times import zone_of
from holter.signals.recording import SECOND_NS, Recording
from holter.simulator.wearers import activity
from holter.simulator.wearers.channels import Scene, device_channels
from holter.simulator.wearers.day import NOT_IN_BED, SESSIONS, plan
from holter.simulator.wearers.devices import CLASSES
from holter.simulator.wearers.heart import beats
from holter.simulator.wearers.labels import LABELS, labels
from holter.simulator.wearers.physiology import Physiology, draw_physiology
from holter.simulator.wearers.sensors import wear

POPULATION = 5  # part of every seed here, so that no other population shares its dice
CHANNELS = (
    "acceleration",
    "gyroscope",
    "ecg",
    "ppg",
    "rr_interval",
    "heart_rate",
    "eda",
    "skin_temperature",
    *LABELS,
)
USUAL: Mapping[str, tuple[float, float]] = {  # hours, start hour
    "day": (2.0, 8.0),
    "night": (8.0, 23.0),
    "stress": (1.0, 10.0),
    "falls": (0.25, 10.0),
    "ecg": (5.0 / 60.0, 10.0),
}
SHARES: Mapping[str, Mapping[str, float]] = {
    "day": {
        "band": 0.28,
        "watch": 0.30,
        "research wrist": 0.10,
        "chest strap": 0.12,
        "phone": 0.20,
    },
    "night": {"band": 0.35, "watch": 0.40, "ring": 0.25},
    "stress": {"research wrist": 0.4, "watch": 0.4, "band": 0.2},
    "falls": {"phone": 0.50, "watch": 0.30, "band": 0.20},
    "ecg": {"chest strap": 1.0},
}
SUPERVISED = ("stress", "falls", "ecg")  # sessions in which nobody takes the device off
FIRST_DAY = datetime.date(2025, 1, 6)


@dataclass(frozen=True)
class Knobs:
    """How hard a synthetic population is; the defaults are the plain one.

    label_skew: above 1 people differ more in what they do (the Dirichlet weight is
    activity.SKEW / label_skew). device_shift: 0 all devices alike and perfect, 1 as they are.
    label_noise, missing_labels: share of labels replaced, left out. arrhythmia: multiplies
    ectopic beats and episodes. Raises ValueError for a share outside 0 to 1 or a value below 0.
    """

    label_skew: float = 1.0
    device_shift: float = 1.0
    label_noise: float = 0.0
    missing_labels: float = 0.0
    arrhythmia: float = 1.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.label_noise <= 1.0 and 0.0 <= self.missing_labels <= 1.0):
            raise ValueError("label_noise and missing_labels are shares; write 0 to 1")
        if not (0.0 < self.label_skew <= 1000.0 and 0.0 <= self.device_shift <= 10.0):
            raise ValueError("label_skew must be above 0, device_shift 0 to 10")
        if not 0.0 <= self.arrhythmia <= 1000.0:
            raise ValueError("arrhythmia multiplies a share; write 0 or more")


PLAIN = Knobs()


def dice(*words: int) -> np.random.Generator:
    """The dice of one part of one person, named by numbers."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(list(words))))


def person(seed: int, index: int, *, session: str = "day", device: str | None = None) -> Physiology:
    """Who person ``index`` of population ``seed`` is: the same body in every session.

    Without ``device`` they wear what people of this session wear. Raises ValueError.
    """
    if session not in SESSIONS:
        raise ValueError(f"no synthetic session {session!r}; there are {', '.join(SESSIONS)}")
    if device is not None and device not in CLASSES:
        raise ValueError(f"no synthetic device {device!r}; there are {', '.join(CLASSES)}")
    if seed < 0 or index < 0:
        raise ValueError("seed and index of a synthetic person must not be negative")
    shares = SHARES[session] if device is None else {device: 1.0}
    return draw_physiology(dice(seed, POPULATION, index), shares)


def recording(
    seed: int,
    index: int,
    *,
    hours: float | None = None,
    start_hour: float | None = None,
    device: str | None = None,
    session: str = "day",
    knobs: Knobs = PLAIN,
    channels: Collection[str] | None = None,
) -> Recording:
    """What the device of synthetic person ``index`` recorded in one session.

    session: "day" (2 h from 8), "night" (8 h from 23), "stress" (1 h), "falls" (15 min of daily
    activities with falls), "ecg" (5 min with many ectopic beats); hours and start_hour change
    that. channels: only these of CHANNELS are made; those that the device lacks are not there.
    Guarantees: the same arguments give the same bits on one machine and numpy release, in any
    order; every number is finite. Edges: ValueError for what does not exist, for a ring outside
    the night, and for hours not above 0 or over 48.
    """
    body = person(seed, index, session=session, device=device)
    usual_hours, usual_start = USUAL[session]
    hours = usual_hours if hours is None else hours
    start_hour = usual_start if start_hour is None else start_hour
    if not 0.0 < hours <= 48.0 or not 0.0 <= start_hour < 24.0:
        raise ValueError("hours must be above 0 and at most 48, start_hour 0 to below 24")
    unknown = sorted(set(channels or ()) - set(CHANNELS))
    if unknown:
        raise ValueError(f"no channel {unknown[0]!r}; there are {', '.join(CHANNELS)}")
    wanted = set(CHANNELS if channels is None else channels)
    number = SESSIONS.index(session)

    def part(which: int) -> np.random.Generator:
        return dice(seed, POPULATION, index, number, which)

    day = plan(
        part(0),
        body,
        session,
        seconds=max(20, round(3600.0 * hours)),
        start_hour=start_hour,
        skew=activity.SKEW / knobs.label_skew,
        arrhythmia=knobs.arrhythmia,
    )
    if CLASSES[body.device].nights_only and not (day.stage != NOT_IN_BED).any():
        raise ValueError(f"a {body.device} records nights only; take session='night'")
    train = beats(part(1), body, day, many=session == "ecg", arrhythmia=knobs.arrhythmia)
    worn = wear(
        part(2), body, body.device, day, knobs.device_shift, supervised=session in SUPERVISED
    )
    zero_ns, offset = _start(part(3), body.traits.zone, start_hour, day.seconds)
    scene = Scene(body, day, train, worn, zero_ns, offset, part)
    made = device_channels(scene, wanted) | labels(
        scene, wanted, noise=knobs.label_noise, missing=knobs.missing_labels
    )
    kept = {name: made[name] for name in CHANNELS if name in made}
    source = f"synthetic {body.device}, {session}"
    return Recording(source, body.device, body.traits.zone, kept)


def _start(
    random: np.random.Generator, zone: str, start_hour: float, seconds: int
) -> tuple[int, int]:
    """(UTC nanoseconds, local time minus UTC in minutes) of a day whose clocks are not changed."""
    place = zone_of(zone)
    day = FIRST_DAY + datetime.timedelta(days=int(random.integers(364)))
    while True:
        midnight = datetime.datetime.combine(day, datetime.time())
        local = midnight + datetime.timedelta(seconds=round(3600.0 * start_hour))
        offsets = [
            (local + datetime.timedelta(seconds=later)).replace(tzinfo=place).utcoffset()
            for later in (0, seconds)
        ]
        if offsets[0] is not None and offsets[0] == offsets[1]:
            away = local - offsets[0] - datetime.datetime(1970, 1, 1)
            return round(away.total_seconds()) * SECOND_NS, int(offsets[0].total_seconds() // 60)
        day += datetime.timedelta(days=7)
