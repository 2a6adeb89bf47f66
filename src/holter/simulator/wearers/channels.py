"""The channels of one device: a person, a day, a heart and a device -> what was recorded.

``device_channels`` makes only what is asked for. Each channel has its own dice (``PARTS``), so it
is the same bits whatever else is made; the movement of the body is made once, for acceleration,
turning rate and the light that it disturbs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from holter.signals.recording import Channel
from holter.simulator.wearers import sensors, skin, waves
from holter.simulator.wearers.day import Day
from holter.simulator.wearers.heart import Beats
from holter.simulator.wearers.losses import inside
from holter.simulator.wearers.movement import Movement, acceleration, move, turning
from holter.simulator.wearers.physiology import Physiology
from holter.simulator.wearers.sensors import Floats, Worn

MOVE, FEEL, SENSE, CLOCK, TURN, TURNED, PULSE, LIGHT, LEAD, ELECTRODE, HEART, SWEAT, WARMTH = range(
    10, 23
)  # of the dice; 0 to 9 are the recording's own
ELECTRODE_MV = 0.015  # rms, muscle and electrode together, of a chest strap
OFF_MV = 0.3  # of electrodes in the air
GYROSCOPE_DPS = 0.1  # rms noise
CLOCK_RR_HZ = 1024.0  # RR intervals come in 1/1024 s, as Bluetooth sends them
AMBIENT_C = 23.0  # where a device lies that is not worn
AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Scene:
    """One session of one person. part: the dice of one part of it. zero_ns: its start, UTC."""

    body: Physiology
    day: Day
    beats: Beats
    worn: Worn
    zero_ns: int
    offset_minutes: int
    part: Callable[[int], np.random.Generator]


def device_channels(scene: Scene, wanted: set[str]) -> dict[str, Channel]:
    """The channels that the device has, of those wanted."""
    return _fast(scene, wanted) | _slow(scene, wanted)


def _fast(scene: Scene, wanted: set[str]) -> dict[str, Channel]:
    """Acceleration, turning rate, light and ECG."""
    made: dict[str, Channel] = {}
    part, worn, body, day = scene.part, scene.worn, scene.body, scene.day
    device, seconds = worn.device, day.seconds
    light = "ppg" in wanted and device.ppg_hz > 0
    moved: Movement | None = None
    if light or "acceleration" in wanted or ("gyroscope" in wanted and device.gyroscope_hz):
        pocket = body.device == "phone" and body.traits.pocket
        moved = move(part(MOVE), body, day, "pocket" if pocket else device.place)
    if moved is not None and (light or "acceleration" in wanted):
        rate = worn.motion.rate_hz
        second = sensors.moments_of(worn, rate, seconds)
        felt = acceleration(part(FEEL), moved, second)
        if light:
            at = sensors.moments_of(worn, device.ppg_hz, seconds)
            pulse = waves.ppg(part(PULSE), body, scene.beats, device.ppg_hz * worn.speed, len(at))
            motion = np.interp(at, second, _size(felt)).astype(np.float32)
            seen = sensors.light_by(part(LIGHT), worn, body, pulse, motion, at)
            made["ppg"] = sensors.waveform(
                part(CLOCK), worn, scene.zero_ns, "ppg", ("",), seen[None], device.ppg_hz
            )
        if "acceleration" in wanted:
            sensed = sensors.felt_by(part(SENSE), worn, felt, second)
            limits = (-worn.motion.range_g, worn.motion.range_g)
            made["acceleration"] = sensors.waveform(
                part(CLOCK), worn, scene.zero_ns, "acceleration", AXES, sensed, rate, limits
            )
    if moved is not None and "gyroscope" in wanted and device.gyroscope_hz:
        at = sensors.moments_of(worn, device.gyroscope_hz, seconds)
        turned = sensors.turned(worn, turning(part(TURN), moved, at), at, (0.0, 0.0, 0.0))
        noise = part(TURNED).standard_normal(turned.shape, dtype=np.float32)
        made["gyroscope"] = sensors.waveform(
            part(CLOCK), worn, scene.zero_ns, "gyroscope", AXES,
            np.clip(turned + np.float32(GYROSCOPE_DPS) * noise, -2000.0, 2000.0),
            device.gyroscope_hz, (-2000.0, 2000.0),
        )  # fmt: skip
    if "ecg" in wanted and device.ecg_hz:
        at = sensors.moments_of(worn, device.ecg_hz, seconds)
        lead = waves.ecg_mv(part(LEAD), body, scene.beats, device.ecg_hz * worn.speed, len(at))
        noise = part(ELECTRODE).standard_normal(len(lead), dtype=np.float32)
        lead += np.float32(ELECTRODE_MV) * noise
        loose = inside(worn.off, at)
        lead[loose] = np.float32(OFF_MV) * noise[loose]
        lead = np.rint(lead * np.float32(1000.0)) * np.float32(0.001)  # microvolts, as counted
        made["ecg"] = sensors.waveform(
            part(CLOCK), worn, scene.zero_ns, "ecg", ("",), lead[None], device.ecg_hz
        )
    return made


def _size(felt: Floats) -> Floats:
    """Length of the acceleration without gravity's, in g: shape (n,)."""
    return np.asarray(np.sqrt(felt[0] ** 2 + felt[1] ** 2 + felt[2] ** 2) - np.float32(1.0))


def _slow(scene: Scene, wanted: set[str]) -> dict[str, Channel]:
    """RR intervals, heart rate, skin conductance and temperature."""
    made: dict[str, Channel] = {}
    part, worn, body, day = scene.part, scene.worn, scene.body, scene.day
    device, zero, offset = worn.device, scene.zero_ns, scene.offset_minutes
    if "rr_interval" in wanted and device.rr:
        time = scene.beats.time
        here = (time >= 0.0) & (time < day.seconds)
        here &= ~inside(worn.missing, time) & ~inside(worn.off, time)
        interval = np.rint(scene.beats.before[here] * CLOCK_RR_HZ) / CLOCK_RR_HZ
        made["rr_interval"] = sensors.moments(
            worn, zero, "rr_interval", time[here], np.clip(interval, 0.2, 4.0), offset
        )
    if "heart_rate" in wanted and device.heart_step_s:
        second, bpm = sensors.reported(part(HEART), worn, body, day, scene.beats)
        made["heart_rate"] = sensors.moments(worn, zero, "heart_rate", second, bpm, offset)
    if "eda" in wanted and device.eda_hz:
        rate = device.eda_hz
        at = sensors.moments_of(worn, rate, day.seconds)
        level = skin.conductance_us(part(SWEAT), body, day, rate)[: len(at)]
        level = np.interp(at, np.arange(len(level)) / rate, level)
        level[inside(worn.off, at)] = 0.0
        made["eda"] = sensors.waveform(
            part(CLOCK), worn, zero, "eda", ("",), level.astype(np.float32)[None], rate
        )
    if "skin_temperature" in wanted and device.temperature_hz:
        made["skin_temperature"] = _warmth(scene)
    return made


def _warmth(scene: Scene) -> Channel:
    """Skin temperature: a fast channel of a research wrist, a row a minute of a ring."""
    worn, day, rate = scene.worn, scene.day, scene.worn.device.temperature_hz
    random = scene.part(WARMTH)
    at = sensors.moments_of(worn, rate, day.seconds)
    each = skin.temperature_c(random, scene.body, day, 1.0)
    warm = np.interp(at, np.arange(len(each)), each)
    for off, on in worn.off:
        cooling = (at >= off) & (at < on)
        warm[cooling] += (AMBIENT_C - warm[cooling]) * (1.0 - np.exp((off - at[cooling]) / 300.0))
    warm = np.rint((warm + 0.02 * random.standard_normal(len(at))) * 50.0) / 50.0
    if rate >= 1.0:
        return sensors.waveform(
            scene.part(CLOCK), worn, scene.zero_ns, "skin_temperature", ("",),
            warm.astype(np.float32)[None], rate,
        )  # fmt: skip
    here = ~inside(worn.missing, at)
    return sensors.moments(
        worn, scene.zero_ns, "skin_temperature", at[here], warm[here], scene.offset_minutes
    )
