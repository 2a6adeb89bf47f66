"""Six synthetic device classes: which sensors each has, how good they are, what it loses.

The wrist devices' accelerometers are those of ``activity``. ``sensors`` puts one on a person.
Rates and ranges are usual for each class; noise, drift and losses are plausible, not any vendor's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from holter.simulator.wearers import activity
from holter.simulator.wearers.activity import Accelerometer


@dataclass(frozen=True)
class DeviceClass:
    """One class. Rates in Hz, 0 where it has no such sensor; ``place`` in ``movement.PLACES``.

    heart_step_s, heart_window_s: a heart rate every so often, over the beats so long. coupling:
    of acceleration into light, in pulses per g. drift_ppm, offset_s, jitter_s: of its clock,
    standard deviations. gaps_per_hour: of its radio; light_gaps_per_hour: of its heart rate.
    tail: Pareto exponent of their lengths. off_per_hour, off_minutes: spells not worn.
    """

    motion: Accelerometer
    place: str
    gyroscope_hz: float = 0.0
    ecg_hz: float = 0.0
    ppg_hz: float = 0.0
    eda_hz: float = 0.0
    temperature_hz: float = 0.0
    heart_step_s: float = 0.0
    heart_window_s: float = 0.0
    rr: bool = False
    stamped: bool = True
    coupling: float = 0.0
    drift_ppm: float = 20.0
    offset_s: float = 0.3
    jitter_s: float = 0.02
    gaps_per_hour: float = 0.5
    light_gaps_per_hour: float = 0.0
    tail: float = 1.5
    longest_gap_s: float = 600.0
    off_per_hour: float = 0.05
    off_minutes: float = 12.0
    nights_only: bool = False


CLASSES: Mapping[str, DeviceClass] = {
    "band": DeviceClass(
        activity.DEVICES["band"], "wrist", heart_step_s=5.0, heart_window_s=20.0,
        drift_ppm=40.0, offset_s=1.0, jitter_s=0.10, gaps_per_hour=1.0, light_gaps_per_hour=2.0,
        off_per_hour=0.08,
    ),
    "watch": DeviceClass(
        activity.DEVICES["watch"], "wrist", ppg_hz=25.0, heart_step_s=5.0, heart_window_s=10.0,
        coupling=1.2, drift_ppm=15.0, gaps_per_hour=0.4, light_gaps_per_hour=1.2,
    ),
    "research wrist": DeviceClass(
        activity.DEVICES["research wrist"], "wrist", ppg_hz=64.0, eda_hz=4.0, temperature_hz=4.0,
        heart_step_s=1.0, heart_window_s=12.0, stamped=False, coupling=1.0, drift_ppm=60.0,
        offset_s=0.5, gaps_per_hour=0.1, light_gaps_per_hour=1.0,
    ),
    "chest strap": DeviceClass(
        Accelerometer(50.0, 8.0, 14, 150e-6, 0.06, 0.0, 0.5), "chest", ecg_hz=130.0,
        heart_step_s=1.0, heart_window_s=4.0, rr=True, drift_ppm=30.0, jitter_s=0.05,
        gaps_per_hour=1.5, off_per_hour=0.02,
    ),
    "phone": DeviceClass(
        Accelerometer(50.0, 8.0, 16, 120e-6, 0.35, 0.40, 0.0), "waist", gyroscope_hz=50.0,
        drift_ppm=10.0, offset_s=0.05, jitter_s=0.01, gaps_per_hour=0.6, off_per_hour=0.30,
        off_minutes=8.0,
    ),
    "ring": DeviceClass(
        Accelerometer(12.5, 4.0, 10, 300e-6, 0.25, 0.50, 1.8), "finger", ppg_hz=25.0,
        temperature_hz=1.0 / 60.0, heart_step_s=5.0, heart_window_s=15.0, coupling=0.8,
        drift_ppm=50.0, offset_s=1.0, gaps_per_hour=0.2, light_gaps_per_hour=0.8,
        off_per_hour=0.01, nights_only=True,
    ),
}  # fmt: skip
