"""What the tables and columns of a Gadgetbridge database mean: plain data, no code.

From the tables that Gadgetbridge's schema generator writes (GBDaoGenerator). ``gadgetbridge``
reads by them; a table that is not here is read by its columns or by the end of its name.
"""

from __future__ import annotations

from collections.abc import Mapping

ACTIVITY = "_ACTIVITY_SAMPLE"
NOT_MEASURED = (-1.0,)
_NO_PULSE = (-1.0, 0.0, 255.0)

COLUMNS: Mapping[str, tuple[str, str | None, tuple[float, ...], bool]] = {
    # of activity tables: (kind, unit, values that mean missing, whether it is of the minute)
    "HEART_RATE": ("heart_rate", None, _NO_PULSE, False),
    "STEPS": ("steps", None, NOT_MEASURED, True),
    "RAW_INTENSITY": ("activity_intensity", None, NOT_MEASURED, True),
    "DISTANCE_METERS": ("distance", "m", NOT_MEASURED, True),
    "DISTANCE_CM": ("distance", "cm", NOT_MEASURED, True),
    "ACTIVE_TIME_MINUTES": ("active_minutes", None, NOT_MEASURED, True),
    "FLOORS_CLIMBED": ("floors", None, NOT_MEASURED, True),
    "STRESS": ("stress_score", None, (-1.0, 0.0, 255.0), False),
    "SPO2": ("spo2", None, (-1.0, 0.0, 255.0), False),
    "SPO2_PERCENT": ("spo2", None, (-1.0, 0.0, 255.0), False),
    "SPO": ("spo2", None, (-1.0, 0.0, 255.0), False),
    "PRESSURE_HIGH_MM_HG": ("blood_pressure_systolic", None, (-1.0, 0.0), False),
    "PRESSURE_LOW_MM_HG": ("blood_pressure_diastolic", None, (-1.0, 0.0), False),
}
ENDINGS: Mapping[str, tuple[str, str, tuple[float, ...]]] = {
    # of other tables: (column, kind, values that mean missing)
    "_HEART_RATE_SAMPLE": ("HEART_RATE", "heart_rate", _NO_PULSE),
    "_HEART_RATE_MANUAL_SAMPLE": ("HEART_RATE", "heart_rate", _NO_PULSE),
    "_HEART_RATE_RESTING_SAMPLE": ("HEART_RATE", "resting_heart_rate", _NO_PULSE),
    "_STRESS_SAMPLE": ("STRESS", "stress_score", (-1.0, 255.0)),
    "_SPO2_SAMPLE": ("SPO2", "spo2", (-1.0, 0.0, 255.0)),
    "_SLEEP_RESPIRATORY_RATE_SAMPLE": ("RATE", "respiration_rate", (-1.0, 0.0)),
    "_RESPIRATORY_RATE_SAMPLE": ("RESPIRATORY_RATE", "respiration_rate", (-1.0, 0.0)),
    "GARMIN_HRV_VALUE_SAMPLE": ("VALUE", "hrv_rmssd", (-1.0, 0.0)),  # of others it is not said
    "_TEMPERATURE_SAMPLE": ("TEMPERATURE", "skin_temperature", (-1.0, 0.0)),
    "BATTERY_LEVEL": ("LEVEL", "battery", NOT_MEASURED),
}
STAGES: Mapping[str, tuple[Mapping[int, str], int]] = {
    # of tables of sleep: what a stage is, and what one of DURATION is in seconds
    "XIAOMI_SLEEP_STAGE_SAMPLE": ({2: "deep", 3: "light", 4: "REM", 5: "wake"}, 0),
    "GARMIN_SLEEP_STAGE_SAMPLE": ({1: "wake", 2: "light", 3: "deep", 4: "REM"}, 0),
    "COLMI_SLEEP_STAGE_SAMPLE": ({2: "light", 3: "deep", 4: "REM", 5: "wake"}, 60),
    "CMF_SLEEP_STAGE_SAMPLE": ({1: "deep", 2: "light", 3: "REM"}, 1),
}
KINDS: Mapping[str, tuple[str, Mapping[int, str]]] = {
    # RAW_KIND where it means the same on every device of the family
    "HUAMI_EXTENDED_ACTIVITY_SAMPLE": ("sleep_stage", {120: "asleep"}),
    "HUAWEI_ACTIVITY_SAMPLE": (
        "sleep_stage",
        {6: "light", 7: "deep", 0x5656: "REM", 0x5658: "wake", 0x5659: "asleep"},
    ),
}
OFF_WRIST = (115, 118)  # RAW_KIND of Huami's extended table: not worn, charging
STEPS_OF_THE_DAY = ("CMF_ACTIVITY_SAMPLE",)  # its STEPS is a counter, not of the minute
FAMILIES = {  # first word of a table: (in words, device class if all of the family are one)
    "MI": ("Mi Band", "band"),
    "HUAMI": ("Huami", ""),
    "XIAOMI": ("Xiaomi", ""),
    "HUAWEI": ("Huawei", ""),
    "GARMIN": ("Garmin", "watch"),
    "COLMI": ("Colmi", "ring"),
    "CMF": ("CMF", "watch"),
    "PEBBLE": ("Pebble", "watch"),
    "PINE": ("PineTime", "watch"),
    "BANGLE": ("Bangle.js", "watch"),
    "WITHINGS": ("Withings", "watch"),
    "CASIO": ("Casio", "watch"),
    "HYBRID": ("Fossil Hybrid HR", "watch"),
}
CLASS_WORDS = {"ring": "ring", "band": "band", "watch": "watch"}
CLASS_WORDS |= dict.fromkeys(
    ("amazfit", "gts", "gtr", "bip", "t-rex", "fenix", "forerunner"), "watch"
)
