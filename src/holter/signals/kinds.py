"""What a channel can measure: names, units, and the values that a living person can have.

One word per idea: whatever a vendor calls it, a heart rate is ``heart_rate`` in ``bpm``. The
limits are wide on purpose. A value outside them is a fault of the sensor or of the file, so it
is masked and counted; a value inside them may still be wrong, which is for ``quality`` to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from holter.signals.errors import DataError


@dataclass(frozen=True)
class Kind:
    """One thing that is measured: its unit and the lowest and highest value that is believed.

    ``counts_over_time``: the value belongs to an interval and doubles with it (steps, energy),
    so overlapping sources must not be added. ``names``: of a category, in order of its values.
    """

    unit: str
    lowest: float
    highest: float
    about: str
    counts_over_time: bool = False
    names: tuple[str, ...] = ()


SLEEP_STAGES = ("wake", "light", "deep", "REM", "asleep", "in bed", "N1", "N2")
# «asleep» is a source that does not tell stages; N1 and N2 are of a laboratory, N3 is deep.

KINDS: Mapping[str, Kind] = {
    # the heart
    "heart_rate": Kind("bpm", 20, 260, "heart rate"),
    "resting_heart_rate": Kind("bpm", 20, 160, "resting heart rate of a day"),
    "rr_interval": Kind("s", 0.2, 4.0, "time between two heartbeats"),
    "hrv_sdnn": Kind("ms", 0, 500, "heart rate variability, SDNN"),
    "hrv_rmssd": Kind("ms", 0, 500, "heart rate variability, RMSSD"),
    "ecg": Kind("mV", -30, 30, "electrocardiogram"),
    "ppg": Kind("1", -1e12, 1e12, "photoplethysmogram, in the device's own unit"),
    "beat": Kind("", 0, 63, "annotated heartbeats"),
    # motion
    "acceleration": Kind("g", -32, 32, "acceleration, gravity included"),
    "gyroscope": Kind("deg/s", -4000, 4000, "turning rate"),
    "magnetometer": Kind("uT", -5000, 5000, "magnetic field"),
    "activity_count": Kind("1", 0, 1e7, "counts of an interval, as an actigraph gives them"),
    "activity_intensity": Kind("1", 0, 255, "how active, on the device's own scale"),
    "steps": Kind("1", 0, 500_000, "steps of an interval", counts_over_time=True),
    "distance": Kind("m", 0, 1e6, "distance of an interval", counts_over_time=True),
    "energy": Kind("kcal", 0, 30_000, "energy of an interval, at rest or active",
                   counts_over_time=True),
    "floors": Kind("1", 0, 5_000, "floors climbed in an interval", counts_over_time=True),
    "active_minutes": Kind("min", 0, 1_440, "active minutes of an interval",
                           counts_over_time=True),
    "sedentary_minutes": Kind("min", 0, 1_440, "sedentary minutes of an interval",
                              counts_over_time=True),
    "speed": Kind("m/s", 0, 150, "speed over ground"),
    "cadence": Kind("1/min", 0, 300, "revolutions or strides a minute"),
    "power": Kind("W", 0, 3_000, "mechanical power"),
    "altitude": Kind("m", -500, 10_000, "altitude"),
    # skin, breath, body
    "eda": Kind("uS", 0, 200, "skin conductance"),
    "skin_temperature": Kind("degC", 5, 50, "temperature at the skin or inside the case"),
    "body_temperature": Kind("degC", 25, 45, "temperature of the body"),
    "spo2": Kind("%", 40, 100, "oxygen saturation"),
    "respiration_rate": Kind("1/min", 2, 90, "breaths a minute"),
    "stress_score": Kind("1", 0, 100, "stress on the vendor's scale"),
    "readiness_score": Kind("1", 0, 100, "readiness or recovery on the vendor's scale"),
    "sleep_score": Kind("1", 0, 100, "sleep on the vendor's scale"),
    "weight": Kind("kg", 1, 500, "weight"),
    "body_fat": Kind("%", 1, 80, "body fat"),
    "bmi": Kind("kg/m2", 5, 120, "body mass index"),
    "blood_pressure_systolic": Kind("mmHg", 40, 300, "upper blood pressure"),
    "blood_pressure_diastolic": Kind("mmHg", 20, 200, "lower blood pressure"),
    # night and day
    "sleep_stage": Kind("", 0, len(SLEEP_STAGES) - 1, "stages of sleep", names=SLEEP_STAGES),
    "sleep_duration": Kind("min", 0, 1_440, "time asleep of a night"),
    "time_in_bed": Kind("min", 0, 1_440, "time in bed of a night"),
    "light": Kind("lux", 0, 200_000, "light"),
    "worn": Kind("", 0, 1, "whether the device was on the body", names=("off", "on")),
    "workout": Kind("", 0, 255, "workouts and other spans of exercise"),
    "activity": Kind("", 0, 255, "labelled activities"),
    "stress": Kind("", 0, 255, "labelled stress or affect"),
    "event": Kind("", 0, 255, "marks that the wearer or the device set"),
    "battery": Kind("%", 0, 100, "charge of the battery"),
}  # fmt: skip

_TO = {  # (stored unit, kind's unit): multiply, then add
    ("count/min", "bpm"): (1.0, 0.0),
    ("/min", "bpm"): (1.0, 0.0),
    ("1/min", "bpm"): (1.0, 0.0),
    ("{beats}/min", "bpm"): (1.0, 0.0),
    ("beats/min", "bpm"): (1.0, 0.0),
    ("beats/minute", "bpm"): (1.0, 0.0),
    ("Hz", "bpm"): (60.0, 0.0),
    ("count/s", "bpm"): (60.0, 0.0),
    ("count/min", "1/min"): (1.0, 0.0),
    ("/min", "1/min"): (1.0, 0.0),
    ("{breaths}/min", "1/min"): (1.0, 0.0),
    ("breaths/min", "1/min"): (1.0, 0.0),
    ("breaths/minute", "1/min"): (1.0, 0.0),
    ("rpm", "1/min"): (1.0, 0.0),
    ("count", "1"): (1.0, 0.0),
    ("{steps}", "1"): (1.0, 0.0),
    ("steps", "1"): (1.0, 0.0),
    ("", "1"): (1.0, 0.0),
    ("ms", "s"): (1e-3, 0.0),
    ("us", "s"): (1e-6, 0.0),
    ("min", "s"): (60.0, 0.0),
    ("s", "ms"): (1e3, 0.0),
    ("s", "min"): (1 / 60.0, 0.0),
    ("ms", "min"): (1 / 60_000.0, 0.0),
    ("hr", "min"): (60.0, 0.0),
    ("h", "min"): (60.0, 0.0),
    ("uV", "mV"): (1e-3, 0.0),
    ("V", "mV"): (1e3, 0.0),
    ("m/s2", "g"): (1 / 9.80665, 0.0),  # standard gravity, CGPM 1901
    ("m/s^2", "g"): (1 / 9.80665, 0.0),
    ("mg", "g"): (1e-3, 0.0),
    ("milli-g", "g"): (1e-3, 0.0),
    ("rad/s", "deg/s"): (57.29577951308232, 0.0),
    ("mdps", "deg/s"): (1e-3, 0.0),
    ("G", "uT"): (100.0, 0.0),
    ("km", "m"): (1e3, 0.0),
    ("mi", "m"): (1609.344, 0.0),
    ("[mi_i]", "m"): (1609.344, 0.0),
    ("[ft_i]", "m"): (0.3048, 0.0),
    ("mm[Hg]", "mmHg"): (1.0, 0.0),
    ("ft", "m"): (0.3048, 0.0),
    ("yd", "m"): (0.9144, 0.0),
    ("cm", "m"): (1e-2, 0.0),
    ("Cal", "kcal"): (1.0, 0.0),
    ("kJ", "kcal"): (1 / 4.184, 0.0),  # thermochemical calorie
    ("J", "kcal"): (1 / 4184.0, 0.0),
    ("cal", "kcal"): (1e-3, 0.0),
    ("km/hr", "m/s"): (1 / 3.6, 0.0),
    ("km/h", "m/s"): (1 / 3.6, 0.0),
    ("mi/hr", "m/s"): (0.44704, 0.0),
    ("mph", "m/s"): (0.44704, 0.0),
    ("degF", "degC"): (5 / 9, -160 / 9),
    ("[degF]", "degC"): (5 / 9, -160 / 9),
    ("F", "degC"): (5 / 9, -160 / 9),
    ("C", "degC"): (1.0, 0.0),
    ("Cel", "degC"): (1.0, 0.0),
    ("K", "degC"): (1.0, -273.15),
    ("lb", "kg"): (0.45359237, 0.0),
    ("[lb_av]", "kg"): (0.45359237, 0.0),
    ("st", "kg"): (6.35029318, 0.0),
    ("g", "kg"): (1e-3, 0.0),
    ("fraction", "%"): (100.0, 0.0),
    ("mcS", "uS"): (1.0, 0.0),
    ("S", "uS"): (1e6, 0.0),
    ("mS", "uS"): (1e3, 0.0),
    ("µS", "uS"): (1.0, 0.0),
    ("kPa", "mmHg"): (7.50061683, 0.0),
}  # fmt: skip


def conversion(kind: str, stored_unit: str) -> tuple[float, float]:
    """(multiply, add) that bring ``stored_unit`` to the kind's unit. Raises DataError."""
    unit = KINDS[kind].unit
    if stored_unit == unit:
        return 1.0, 0.0
    found = _TO.get((stored_unit, unit))
    if found is None:
        raise DataError(f"{kind} in {stored_unit!r} cannot be brought to {unit}")
    return found
