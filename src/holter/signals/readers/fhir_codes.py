"""The parts of a FHIR Observation: its codes, numbers, units and sampled data.

Text: HL7 FHIR R4 (4.0.1), datatypes CodeableConcept, Quantity and SampledData; codes of LOINC and
of ISO/IEEE 11073; units of UCUM. Each function takes a part as JSON holds it, of whatever type,
and gives None or "" where it is not what it should be. Whole resources are read by ``fhir``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from holter.signals.errors import DataError
from holter.signals.kinds import conversion

Json = Mapping[str, Any]

_LOINC = "http://loinc.org"
_KINDS: Mapping[str, str] = {  # LOINC: kind
    "8867-4": "heart_rate",
    "40443-4": "resting_heart_rate",
    "80404-7": "hrv_sdnn",
    "55423-8": "steps",
    "41950-7": "steps",  # of 24 hours
    "59408-5": "spo2",  # by pulse oximetry
    "2708-6": "spo2",
    "9279-1": "respiration_rate",
    "8310-5": "body_temperature",
    "93832-4": "sleep_duration",
    "29463-7": "weight",
    "39156-5": "bmi",
    "8480-6": "blood_pressure_systolic",
    "8462-4": "blood_pressure_diastolic",
    "11524-6": "ecg",
}
_MDC = "urn:oid:2.16.840.1.113883.6.24"  # ISO/IEEE 11073-10101, by which the leads are coded
_MDC_ECG = 131_328  # MDC_ECG_ELEC_POTL; a lead's number of 11073-10102 is added to it
_LEADS = {0: "", 1: "I", 2: "II", 61: "III", 62: "aVR", 63: "aVL", 64: "aVF"} | {
    2 + number: f"V{number}" for number in range(1, 7)
}
_UNITS = {  # UCUM, where ``kinds`` writes it otherwise
    "mm[Hg]": "mmHg",
    "[Cal]": "Cal",
    "[mi_i]": "mi",
    "[ft_i]": "ft",
    "{beats}/min": "/min",
    "bpm": "/min",
    "1": "",
    "%{saturation}": "%",
}


def _codings(code: object) -> list[Json]:
    codings = code.get("coding") if isinstance(code, dict) else None
    return [c for c in codings if isinstance(c, dict)] if isinstance(codings, list) else []


def kind_of(code: object) -> str:
    """What a CodeableConcept measures, by its LOINC coding; "" if holter does not read it."""
    for coding in _codings(code):
        if coding.get("system") == _LOINC and str(coding.get("code")) in _KINDS:
            return _KINDS[str(coding.get("code"))]
    return ""


def lead_of(code: object) -> str | None:
    """The lead of an ECG that is coded by ISO/IEEE 11073; "" for the ECG as such."""
    for coding in _codings(code):
        text = str(coding.get("code"))
        if coding.get("system") == _MDC and text.isdecimal() and len(text) < 9:
            return _LEADS.get(int(text) - _MDC_ECG)
    return None


def number_of(value: object) -> float | None:
    """A JSON number that is finite."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def unit_of(quantity: Json) -> str | None:
    """The unit of a Quantity; the code is preferred, for ``unit`` is meant for people."""
    for word in ("code", "unit"):
        if isinstance(quantity.get(word), str):
            return str(quantity[word])[:40]  # longer ones are no unit, and units are remembered
    return None


@lru_cache(maxsize=1_000)
def scale_of(kind: str, unit: str | None) -> tuple[float, float] | None:
    """What brings a value to the kind's unit; None for a unit that is not known."""
    if unit is None:
        return None
    plain = _UNITS.get(unit, unit)
    for word in (plain, _UNITS.get(bare := re.sub(r"\{[^{}]*\}", "", plain), bare)):
        try:
            return conversion(kind, word)
        except DataError:
            continue
    return None


def sampled_facts(data: object) -> tuple[float, float, float, list[str], str | None] | None:
    """(origin, factor, milliseconds a sample, samples, unit), or None if it is not whole."""
    if not isinstance(data, dict) or not isinstance(data.get("origin"), dict):
        return None
    origin, factor = number_of(data["origin"].get("value", 0)), number_of(data.get("factor", 1))
    period_ms, texts = number_of(data.get("period")), data.get("data")
    if origin is None or factor is None or period_ms is None or not isinstance(texts, str):
        return None
    if not 1e-3 <= period_ms <= 86_400_000 or data.get("dimensions", 1) != 1:
        return None
    return origin, factor, period_ms, texts.split(), unit_of(data["origin"])


def sample(text: str) -> float:
    """One sample as written; not a number for E (error), U (above) and L (below the limits)."""
    try:
        return float(text)
    except ValueError:
        return math.nan
