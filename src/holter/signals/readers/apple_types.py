"""HealthKit's names of what is recorded -> kinds, channels, stages of sleep and units.

Plain data and what is computed from a name alone; ``apple_health`` reads the rows.
"""

from __future__ import annotations

import re
from functools import lru_cache

from holter.signals.kinds import SLEEP_STAGES, conversion

_QUANTITY = "HKQuantityTypeIdentifier"
SDNN = _QUANTITY + "HeartRateVariabilitySDNN"
SLEEP = "HKCategoryTypeIdentifierSleepAnalysis"
_FRACTION = "fraction"  # HealthKit writes % as the unit and a fraction of one as the value

QUANTITIES: dict[str, tuple[str, str]] = {  # type: (kind, name of the channel)
    _QUANTITY + type_: (name.partition(":")[0], name)
    for type_, name in {
        "HeartRate": "heart_rate",
        "RestingHeartRate": "resting_heart_rate",
        "HeartRateVariabilitySDNN": "hrv_sdnn",
        "StepCount": "steps",
        "DistanceWalkingRunning": "distance",
        "DistanceCycling": "distance:cycling",
        "DistanceSwimming": "distance:swimming",
        "DistanceWheelchair": "distance:wheelchair",
        "DistanceDownhillSnowSports": "distance:snow sports",
        "DistanceCrossCountrySkiing": "distance:skiing",
        "DistanceRowing": "distance:rowing",
        "DistancePaddleSports": "distance:paddling",
        "DistanceSkatingSports": "distance:skating",
        "ActiveEnergyBurned": "energy:active",
        "BasalEnergyBurned": "energy:basal",
        "FlightsClimbed": "floors",
        "AppleExerciseTime": "active_minutes",
        "OxygenSaturation": "spo2",
        "RespiratoryRate": "respiration_rate",
        "BodyTemperature": "body_temperature",
        "AppleSleepingWristTemperature": "skin_temperature",
        "ElectrodermalActivity": "eda",
        "BodyMass": "weight",
        "BodyFatPercentage": "body_fat",
        "BodyMassIndex": "bmi",
        "BloodPressureSystolic": "blood_pressure_systolic",
        "BloodPressureDiastolic": "blood_pressure_diastolic",
        "WalkingSpeed": "speed:walking",
        "RunningSpeed": "speed:running",
        "CyclingSpeed": "speed:cycling",
        "RunningPower": "power:running",
        "CyclingPower": "power:cycling",
        "CyclingCadence": "cadence:cycling",
    }.items()
}
STAGES = {  # what SleepAnalysis says: where in SLEEP_STAGES
    "HKCategoryValueSleepAnalysis" + value: float(SLEEP_STAGES.index(stage))
    for value, stage in {
        "InBed": "in bed",
        "Asleep": "asleep",
        "AsleepUnspecified": "asleep",
        "AsleepCore": "light",
        "AsleepDeep": "deep",
        "AsleepREM": "REM",
        "Awake": "wake",
    }.items()
}
STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}")  # how a moment is written
_WORKOUT = re.compile(r"HKWorkoutActivityType([A-Za-z]{1,60})")


def workout_name(type_: str) -> str:
    """HKWorkoutActivityTypeTraditionalStrengthTraining -> traditional strength training."""
    found = _WORKOUT.fullmatch(type_)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", found[1]).lower() if found else "other"


@lru_cache(maxsize=1_000)
def scale_of(kind: str, unit: str) -> tuple[float, float]:
    """What brings a row to the kind's unit. Raises DataError for a unit that is not known."""
    if unit == "%":
        unit = _FRACTION
    return (1.0, 0.0) if kind == "bmi" and unit == "count" else conversion(kind, unit)
