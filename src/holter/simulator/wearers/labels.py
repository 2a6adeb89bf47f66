"""The labels beside a synthetic recording, in true time and not on the device's clock.

``activity`` and ``stress`` are spans of at most a minute, as a diary has them; ``sleep_stage`` are
epochs of 30 s; ``beat`` are moments (N, S, V). These can be wrong or missing. ``worn`` and
``event:rhythm`` (sinus or atrial fibrillation) are what really was.
"""

from __future__ import annotations

import numpy as np

from holter.signals.kinds import SLEEP_STAGES
from holter.signals.recording import SECOND_NS, Channel, Series
from holter.simulator.wearers import activity
from holter.simulator.wearers.channels import Scene
from holter.simulator.wearers.day import EPOCH_SECONDS, NOT_IN_BED, STATES
from holter.simulator.wearers.heart import BEATS
from holter.simulator.wearers.physiology import Integers, Reals

LABELS = ("activity", "sleep_stage", "stress", "beat", "event:rhythm", "worn")
STRESS = ("rest", "stress")
LABEL_SECONDS = 60.0
FIRST_PART = 30  # of the scene's dice


def labels(scene: Scene, wanted: set[str], *, noise: float, missing: float) -> dict[str, Channel]:
    """The labels wanted. noise, missing: share of them replaced by another, left out."""
    day, beats, made = scene.day, scene.beats, dict[str, Channel]()
    every = np.arange(0.0, day.seconds, LABEL_SECONDS)
    rows: dict[str, tuple[Reals, Reals | None, Integers, tuple[str, ...]]] = {}
    start = np.unique(np.concatenate([every, day.bout_start]))
    start = start[start < day.seconds]
    rows["activity"] = (start, _ends(start, day.seconds), day.state[day.bout_at(start)], STATES)
    if (day.stage != NOT_IN_BED).any():
        start = np.arange(0.0, day.seconds, EPOCH_SECONDS)
        stage = day.stage[start.astype(np.int64)]
        end = _ends(start, day.seconds)
        bed = stage != NOT_IN_BED
        rows["sleep_stage"] = (start[bed], end[bed], stage[bed], SLEEP_STAGES)
    changes = np.flatnonzero(np.diff(day.stressed.astype(np.int8))) + 1.0
    start = np.unique(np.concatenate([every, changes]))
    felt = day.stressed[start.astype(np.int64)].astype(np.int64)
    rows["stress"] = (start, _ends(start, day.seconds), felt, STRESS)
    shown = (beats.time >= 0.0) & (beats.time < day.seconds)
    rows["beat"] = (beats.time[shown], None, beats.kind[shown], BEATS)
    for name, (start, until, value, names) in rows.items():
        if name not in wanted:
            continue
        random = scene.part(FIRST_PART + LABELS.index(name))
        if noise > 0.0:
            possible = np.unique(value) if name == "sleep_stage" else np.arange(len(names))
            at = np.searchsorted(possible, value)
            if len(possible) > 1:
                value = possible[activity.mistaken(random, at, len(possible), noise)]
        kept = random.random(len(value)) >= missing
        ends = start if until is None else until
        made[name] = _spans(scene, name, start[kept], ends[kept], value[kept], names)
    return made | _states(scene, wanted)


def _states(scene: Scene, wanted: set[str]) -> dict[str, Channel]:
    """Labels without error: when the device was worn, and the rhythm of the heart."""
    made: dict[str, Channel] = {}
    for name, spans, names, inside in (
        ("worn", scene.worn.off, ("off", "on"), 0),
        ("event:rhythm", scene.day.fibrillation, ("sinus", "AF"), 1),
    ):
        if name not in wanted:
            continue
        edges = np.array([0.0, *(edge for span in spans for edge in span)])
        value = np.array([1 - inside, *([inside, 1 - inside] * len(spans))], dtype=np.int64)
        ends = _ends(edges, scene.day.seconds)
        long = ends > edges
        made[name] = _spans(scene, name, edges[long], ends[long], value[long], names)
    return made


def _spans(
    scene: Scene, name: str, start: Reals, end: Reals, value: Integers, names: tuple[str, ...]
) -> Series:
    """A channel of labels from true seconds."""
    time, until = (
        scene.zero_ns + np.rint(edge * SECOND_NS).astype(np.int64) for edge in (start, end)
    )
    offset = np.full(len(time), scene.offset_minutes, dtype=np.int16)
    kind = name.partition(":")[0]
    return Series(kind, time, until, value.astype(np.float64), offset, names)


def _ends(start: Reals, seconds: int) -> Reals:
    """Each span ends where the next begins, the last with the recording."""
    return np.append(start[1:], float(seconds))
