"""FHIR R4: Observations in a Bundle (JSON), or one a line (NDJSON), as HL7 publishes them.

Text: HL7 FHIR R4 (4.0.1), resources Observation and Bundle. Read in order: ``FORMAT``,
``_resources`` (bytes to resources), ``_Reading.observation`` (one resource to rows); what its
codes, units and sampled data mean is in ``fhir_codes``.

A file may hold several people: one recording for each subject and device. Who they are stays in
``Recording.person`` and is in no message.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.readers.fhir_codes import (
    Json,
    kind_of,
    lead_of,
    number_of,
    sample,
    sampled_facts,
    scale_of,
    unit_of,
)
from holter.signals.readers.files import Files, head
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.rows import Rows
from holter.signals.readers.times import NO_TIME, iso, iso_moment, local
from holter.signals.recording import LATEST_NS, SECOND_NS, Recording

Floats = npt.NDArray[np.float64]

MOST_BYTES_OF_A_BUNDLE = 128 * 1024 * 1024  # JSON unfolds to about ten times that in memory
MOST_PEOPLE = 100_000  # and devices, of one file
_MOST_NESTED = 8  # Bundles within Bundles
_MOST_COMPONENTS = 1_000
_MOST_LETTERS = 4_000  # of references, which are kept for every person

_NOT_FOR_USE = ("entered-in-error", "cancelled")
_RESOURCE = re.compile(rb'"resourceType"\s*:\s*"(?:Bundle|Observation)"')
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_PARTS_OF_A_DATE = re.compile(r"\d{4}(-\d\d)?")


@dataclass
class _Subject:
    """What one person's device recorded."""

    rows: Rows = field(default_factory=Rows)
    blocks: dict[str, list[tuple[int, float, Floats]]] = field(default_factory=dict)

    def gathered(self, zone: str, person: str) -> Gathered:
        gathered = Gathered("FHIR R4 Observations", "", zone, person)
        self.rows.pour(gathered)
        for name, blocks in sorted(self.blocks.items()):
            gathered.blocks("ecg", blocks, name=name)
        return gathered


class _Reading:
    """The Observations of a file, told apart by person and device."""

    def __init__(self, name: str, zone: str | None) -> None:
        self.subjects: dict[tuple[str, str], _Subject] = {}
        self.others = 0
        self._name = name
        self._zone = zone

    def observation(self, resource: Json) -> None:
        """One Observation -> rows; what cannot be used is counted."""
        person = _reference(resource.get("subject"))
        subject = self._of(person, _reference(resource.get("device")))
        if resource.get("status") in _NOT_FOR_USE:
            subject.rows.count("observations entered in error or cancelled, left out")
            return
        when = self._when(resource, subject)
        if when is None:
            return
        components = resource.get("component")
        components = components[:_MOST_COMPONENTS] if isinstance(components, list) else []
        known = self._value(resource, when, subject)
        for component in components:
            if isinstance(component, dict):
                known |= self._value(component, when, subject)
        if not known:
            subject.rows.count("observations of codes that holter does not read")

    def _of(self, person: str, device: str) -> _Subject:
        if len(self.subjects) > MOST_PEOPLE:
            raise DataError(f"{self._name} is of more than {MOST_PEOPLE:,} people: split it")
        if len(person) + len(device) > _MOST_LETTERS:
            raise DataError(f"{self._name} refers to a person by more than {_MOST_LETTERS} letters")
        return self.subjects.setdefault((person, device), _Subject())

    def _when(self, resource: Json, subject: _Subject) -> tuple[int, int, int] | None:
        """(start, end, offset in minutes) of ``effective[x]``; None, counted, if it has none."""
        period = resource.get("effectivePeriod")
        if isinstance(period, dict):
            first, last = period.get("start"), period.get("end")
        else:
            first = resource.get("effectiveDateTime") or resource.get("effectiveInstant")
            last = None
        start = self._moment(first, subject)
        if start is None:
            subject.rows.count("observations without a time, left out")
            return None
        end = start if last is None else self._moment(last, subject)
        if end is None:
            subject.rows.count("observations without a time, left out")
            return None
        return start[0], end[0], start[1]

    def _moment(self, stamp: object, subject: _Subject) -> tuple[int, int] | None:
        """A FHIR dateTime -> (UTC nanoseconds, offset); a year or a month alone is no moment."""
        if not isinstance(stamp, str) or _PARTS_OF_A_DATE.fullmatch(stamp):
            return None
        moment = iso(stamp)
        if iso_moment(stamp) is not None and (moment is None or abs(moment[0]) > LATEST_NS):
            return NO_TIME, 0  # which gathering leaves out and counts; it must fit 64 bits
        if moment is None or (stamp[-1:] == "Z" or re.search(r"[+-]\d\d:\d\d$", stamp)):
            return moment
        if _DATE.fullmatch(stamp):
            subject.rows.count("dates without a time of day, read as their midnight")
        else:
            subject.rows.count("times without a zone, read in the zone that was named, else as UTC")
        if self._zone is None:
            return moment
        naive = datetime.datetime.fromisoformat(stamp)
        time_ns, offset = local([naive], self._zone, subject.rows.count)
        return int(time_ns[0]), int(offset[0])

    def _value(self, part: Json, when: tuple[int, int, int], subject: _Subject) -> bool:
        """An Observation or a component of it -> rows. False if its code is not known."""
        code = part.get("code")
        kind = kind_of(code)
        lead = lead_of(code)
        if not kind and lead is not None:
            kind = "ecg"
        if not kind:
            return False
        if "valueSampledData" in part:
            self._sampled(part["valueSampledData"], kind, lead or "", when, subject)
            return True
        quantity = part.get("valueQuantity")
        if quantity is None:
            if "component" not in part:
                subject.rows.count(f"observations of {kind} without a value, left out")
            return True
        value = number_of(quantity.get("value")) if isinstance(quantity, dict) else None
        if value is None or kind == "ecg":
            subject.rows.count(f"observations of {kind} without a value, left out")
        elif quantity.get("comparator"):
            subject.rows.count(f"observations of {kind} with a limit in place of a value, left out")
        elif (scale := scale_of(kind, unit_of(quantity))) is None:
            subject.rows.count(f"observations of {kind} in a unit that is not known, left out")
        else:
            start_ns, end_ns, offset = when
            subject.rows.add(kind, start_ns, end_ns, value * scale[0] + scale[1], offset)
        return True

    def _sampled(
        self, data: object, kind: str, lead: str, when: tuple[int, int, int], subject: _Subject
    ) -> None:
        """SampledData: value = origin + factor * sample; E, U and L are samples without a value."""
        facts = sampled_facts(data)
        if facts is None:
            subject.rows.count(f"sampled data of {kind} that are not whole, left out")
            return
        origin, factor, period_ms, texts, unit = facts
        scale = scale_of(kind, unit)
        if scale is None:
            subject.rows.count(f"sampled data of {kind} in a unit that is not known, left out")
            return
        with np.errstate(over="ignore", invalid="ignore"):  # impossible values are masked later
            values = (origin + factor * np.array([sample(text) for text in texts])) * scale[0]
            values += scale[1]
        start_ns, _, offset = when
        if kind == "ecg":
            name = f"ecg:{lead}" if lead else "ecg"
            subject.blocks.setdefault(name, []).append((start_ns, 1000.0 / period_ms, values))
            return
        step_ns = period_ms * SECOND_NS / 1000
        for number, value in enumerate(values):
            at = min(start_ns + round(number * step_ns), LATEST_NS + 1)  # fits 64 bits
            subject.rows.add(kind, at, at, float(value), offset)


def _reference(value: object) -> str:
    """The person or device that a Reference names, whatever version of it."""
    if not isinstance(value, dict):
        return ""
    if isinstance(value.get("reference"), str):
        return str(value["reference"]).partition("/_history/")[0]
    identifier = value.get("identifier")
    if isinstance(identifier, dict):
        return f"{identifier.get('system', '')}|{identifier.get('value', '')}"
    return ""


def _resources(files: Files, name: str) -> Iterator[Json]:
    """Bundles and other resources: of every line, or of the whole file. Raises DataError."""
    with files.open(name) as stream:
        first = stream.readline(MOST_BYTES_OF_A_BUNDLE + 1)
        while first and not first.strip(b"\xef\xbb\xbf \t\r\n"):
            first = stream.readline(MOST_BYTES_OF_A_BUNDLE + 1)
        try:
            yield _parsed(first, name, 1)
        except _NotWhole:
            rest = stream.read(MOST_BYTES_OF_A_BUNDLE + 1)
            yield _parsed(first + rest, name, 0)
            return
        number = 1
        while line := stream.readline(MOST_BYTES_OF_A_BUNDLE + 1):
            number += 1
            if line.strip():
                yield _parsed(line, name, number)


class _NotWhole(DataError):
    """A line that is not JSON by itself."""


def _parsed(data: bytes, name: str, line: int) -> Json:
    where = f"{name}, line {line}" if line > 1 else name
    if len(data) > MOST_BYTES_OF_A_BUNDLE:
        raise DataError(
            f"{where}: more than {MOST_BYTES_OF_A_BUNDLE:,} bytes in one piece; export one "
            "Observation a line (NDJSON)"
        )
    try:
        found = json.loads(data.decode("utf-8-sig"), parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise DataError(f"{where} is not UTF-8 (byte {error.start}): save it as UTF-8") from None
    except RecursionError:
        raise DataError(f"{where} is nested too deep for a FHIR resource; it is refused") from None
    except ValueError:
        raise _NotWhole(f"{where} is not whole JSON: export it again") from None
    if not isinstance(found, dict):
        raise DataError(f"{where} is not a FHIR resource")
    return found


def _constant(word: str) -> float:
    raise ValueError(word)  # NaN and Infinity are not JSON


def _read(files: Files, group: Group, options: Options) -> list[Recording]:
    (name,) = group
    reading = _Reading(name, options.zone)
    for resource in _resources(files, name):
        waiting = [(resource, 0)]
        while waiting:
            one, depth = waiting.pop()
            if one.get("resourceType") == "Observation":
                reading.observation(one)
            elif one.get("resourceType") == "Bundle":
                if depth >= _MOST_NESTED:
                    raise DataError(f"{name}: more than {_MOST_NESTED} Bundles within one another")
                entries = one.get("entry")
                inner = [
                    entry["resource"]
                    for entry in (entries if isinstance(entries, list) else [])
                    if isinstance(entry, dict) and isinstance(entry.get("resource"), dict)
                ]
                waiting += [(entry, depth + 1) for entry in reversed(inner)]
            else:
                reading.others += 1
    if not reading.subjects:
        raise DataError(f"{name}: FHIR without any Observation in it")
    found = []
    for (person, _), subject in sorted(reading.subjects.items()):
        found.append(subject.gathered(options.zone or "UTC", person))
    full = [gathered for gathered in found if gathered.channels] or found[:1]
    full[0].note("resources of other types, not read", reading.others)
    full[0].note("people and devices without a value that is read", len(found) - len(full))
    return [gathered.recording() for gathered in full]


def _claims(files: Files, names: Sequence[str]) -> list[Group]:
    return [
        (name,)
        for name in names
        if name.lower().endswith((".json", ".ndjson", ".jsonl"))
        and (first := head(files, name)).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
        and _RESOURCE.search(first)
    ]


FORMAT = Format(
    name="fhir",
    title="FHIR R4 Observations",
    claims=_claims,
    read=_read,
)
