"""FHIR Observations, written here by hand in the form that HL7 publishes; nobody was measured."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.signals.readers.shown import found, series

from holter.signals.errors import DataError
from holter.signals.readers import fhir
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.formats import Options
from holter.signals.recording import SECOND_NS, Recording, Waveform

FORMAT = fhir.FORMAT
UCUM = "http://unitsofmeasure.org"
HEART_RATE = {
    "resourceType": "Observation",
    "id": "heart-rate",
    "status": "final",
    "code": {
        "coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}],
        "text": "Heart rate",
    },
    "subject": {"reference": "Patient/example"},
    "effectiveDateTime": "2024-07-02T08:00:00+02:00",
    "valueQuantity": {"value": 44, "unit": "beats/minute", "system": UCUM, "code": "/min"},
}
ECG = {
    "resourceType": "Observation",
    "id": "ekg",
    "status": "final",
    "code": {
        "coding": [
            {
                "system": "urn:oid:2.16.840.1.113883.6.24",
                "code": "131328",
                "display": "MDC_ECG_ELEC_POTL",
            }
        ]
    },
    "subject": {"reference": "Patient/example"},
    "effectiveDateTime": "2024-02-19T09:30:35+01:00",
    "component": [
        {
            "code": {
                "coding": [
                    {
                        "system": "urn:oid:2.16.840.1.113883.6.24",
                        "code": code,
                        "display": f"MDC_ECG_ELEC_POTL_{lead}",
                    }
                ]
            },
            "valueSampledData": {
                "origin": {"value": -2048, "unit": "uV", "system": UCUM, "code": "uV"},
                "period": 10,
                "factor": 2.0,
                "lowerLimit": -3300,
                "upperLimit": 3300,
                "dimensions": 1,
                "data": "1024 1524 E 2024 L U",
            },
        }
        for code, lead in (("131329", "I"), ("131389", "III"))
    ],
}


def changed(resource: dict[str, Any] = HEART_RATE, **words: Any) -> dict[str, Any]:
    """A resource with other words; ``None`` takes a word out."""
    return {key: word for key, word in {**resource, **words}.items() if word is not None}


def coded(code: str, value: float, unit: str, **words: Any) -> dict[str, Any]:
    return changed(
        code={"coding": [{"system": "http://loinc.org", "code": code}]},
        valueQuantity={"value": value, "unit": "of no use", "system": UCUM, "code": unit},
        **words,
    )


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in resources],
    }


def read(content: object, zone: str | None = None) -> list[Recording]:
    data = content if isinstance(content, bytes) else json.dumps(content, indent=1).encode()
    files = MemoryFiles({"bundle.json": data})
    assert FORMAT.claims(files, files.names) == [("bundle.json",)]
    return FORMAT.read(files, ("bundle.json",), Options(zone=zone))


def read_one(*resources: dict[str, Any], zone: str | None = None) -> Recording:
    (recording,) = read(bundle(*resources), zone)
    return recording


def test_codes_of_loinc_and_units_of_ucum_become_kinds() -> None:
    recording = read_one(
        HEART_RATE,
        coded("40443-4", 52, "{beats}/min"),
        coded("80404-7", 0.045, "s"),
        coded("55423-8", 8000, "{steps}"),
        coded("59408-5", 97, "%"),
        coded("2708-6", 96, "%", effectiveDateTime="2024-07-02T09:00:00+02:00"),
        coded("9279-1", 14, "/min"),
        coded("8310-5", 98.6, "[degF]"),
        coded("93832-4", 7.5, "h"),
        coded("29463-7", 185, "[lb_av]"),
    )
    assert {name: list(series(recording, name).value) for name in recording.channels} == {
        "heart_rate": [44],
        "resting_heart_rate": [52],
        "hrv_sdnn": [45],
        "steps": [8000],
        "spo2": [97, 96],
        "respiration_rate": [14],
        "body_temperature": [pytest.approx(37)],
        "sleep_duration": [450],
        "weight": [pytest.approx(83.91458845)],
    }
    assert series(recording, "heart_rate").offset_minutes[0] == 120
    assert found(recording) == {}


def test_the_unit_for_people_is_used_only_where_there_is_no_code() -> None:
    by_people = {"value": 61, "unit": "beats/minute"}
    recording = read_one(changed(valueQuantity=by_people), coded("29463-7", 80_000, "g"))
    assert list(series(recording, "heart_rate").value) == [61]
    assert list(series(recording, "weight").value) == [80]


def test_a_period_is_a_span_and_an_instant_a_moment() -> None:
    period = {"start": "2024-07-02T00:00:00Z", "end": "2024-07-03T00:00:00Z"}
    recording = read_one(
        coded("55423-8", 8000, "{steps}", effectiveDateTime=None, effectivePeriod=period),
        changed(effectiveDateTime=None, effectiveInstant="2024-07-02T06:00:00.250Z"),
    )
    steps, rate = series(recording, "steps"), series(recording, "heart_rate")
    assert steps.until_ns[0] - steps.time_ns[0] == 86_400 * SECOND_NS
    assert rate.until_ns[0] == rate.time_ns[0]
    assert rate.time_ns[0] % SECOND_NS == 250_000_000


def test_clocks_that_are_set_back_and_mixed_zones_keep_their_offsets() -> None:
    recording = read_one(
        changed(effectiveDateTime="2024-10-27T02:30:00+02:00"),
        changed(effectiveDateTime="2024-10-27T02:30:00+01:00"),
        changed(effectiveDateTime="2024-10-27T05:00:00-09:30"),
    )
    rows = series(recording, "heart_rate")
    assert list(rows.offset_minutes) == [120, 60, -570]
    assert rows.time_ns[1] - rows.time_ns[0] == 3600 * SECOND_NS


def test_dates_and_times_without_a_zone_are_read_in_the_one_that_is_named_and_counted() -> None:
    resources = (
        changed(effectiveDateTime="2024-03-31T02:30:00"),
        changed(effectiveDateTime="2024-07-02"),
        changed(effectiveDateTime="2024-07-02T08:00:00"),
    )
    without = series(read_one(*resources), "heart_rate")
    named = read_one(*resources, zone="Europe/Berlin")
    rows = series(named, "heart_rate")
    assert list(without.offset_minutes) == [0, 0, 0]
    assert list(rows.offset_minutes) == [60, 120, 120]
    assert without.time_ns[2] - rows.time_ns[2] == 7200 * SECOND_NS
    assert found(named) == {
        "dates without a time of day, read as their midnight": 1,
        "times without a zone, read in the zone that was named, else as UTC": 2,
        "times in an hour that does not exist (clocks set forward), moved on": 1,
    }


def test_people_and_devices_are_told_apart_and_not_named() -> None:
    other = {"reference": "Patient/somebody-else/_history/2"}
    watch = {"reference": "Device/watch"}
    recordings = read(
        bundle(
            HEART_RATE,
            changed(subject=other),
            changed(subject={"reference": "Patient/somebody-else"}, effectiveInstant="x"),
            changed(device=watch),
            changed(subject={"identifier": {"system": "urn:x", "value": "7"}}),
            changed(subject=None),
        )
    )
    assert [r.person for r in recordings] == [
        "",
        "Patient/example",
        "Patient/example",
        "Patient/somebody-else",
        "urn:x|7",
    ]
    assert "somebody" not in repr(recordings)


def test_observations_that_are_not_for_use_are_left_out_and_counted() -> None:
    recording = read_one(
        HEART_RATE,
        changed(status="entered-in-error", valueQuantity={"value": 45, "code": "/min"}),
        changed(status="cancelled"),
        changed(effectiveDateTime=None),
        changed(effectiveDateTime="2024"),
        changed(effectiveDateTime="last Tuesday"),
        changed(valueQuantity=None, dataAbsentReason={"text": "unknown"}),
        changed(valueQuantity={"value": "44", "code": "/min"}),
        changed(valueQuantity={"value": True, "code": "/min"}),
        changed(valueQuantity={"value": 40, "code": "/min", "comparator": "<"}),
        changed(valueQuantity={"value": 40, "code": "furlong"}),
        changed(valueQuantity={"value": 40}),
        coded("2339-0", 6.3, "mmol/L"),
        changed(code={"coding": [{"system": "http://example.org", "code": "8867-4"}]}),
        {"resourceType": "Patient", "id": "example", "name": [{"family": "Muster"}]},
    )
    assert list(series(recording, "heart_rate").value) == [44]
    assert found(recording) == {
        "observations entered in error or cancelled, left out": 2,
        "observations without a time, left out": 3,
        "observations of heart_rate without a value, left out": 3,
        "observations of heart_rate with a limit in place of a value, left out": 1,
        "observations of heart_rate in a unit that is not known, left out": 2,
        "observations of codes that holter does not read": 2,
        "resources of other types, not read": 1,
    }


def test_impossible_values_and_double_observations_are_counted() -> None:
    later = "2024-07-02T08:01:00+02:00"
    value = {"value": 900, "code": "/min"}
    recording = read_one(
        HEART_RATE,
        HEART_RATE,
        changed(effectiveDateTime=later, valueQuantity=value),
        changed(effectiveDateTime="9999-12-31T23:59:59Z"),
        changed(effectiveDateTime="0001-01-01"),
    )
    assert np.isnan(series(recording, "heart_rate").value).tolist() == [False, True]
    assert found(recording) == {
        "rows with an impossible time, left out": 2,
        "rows there twice, left out": 1,
        "impossible values, masked": 1,
    }


def test_sampled_data_become_a_lead_each_in_millivolts() -> None:
    recording = read_one(ECG)
    assert set(recording.channels) == {"ecg:I", "ecg:III"}
    waveform = recording.channels["ecg:I"]
    assert isinstance(waveform, Waveform)
    (segment,) = waveform.segments
    assert segment.rate_hz == 100
    values = segment.values[:, 0]
    assert values[[0, 1, 3]] == pytest.approx([0, 1.0, 2.0])
    assert np.isnan(values[[2, 4, 5]]).all()


@pytest.mark.parametrize(
    ("word", "value", "what"),
    [
        ("period", 0, "not whole"),
        ("period", "10", "not whole"),
        ("data", None, "not whole"),
        ("dimensions", 2, "not whole"),
        ("origin", {"value": 0}, "a unit that is not known"),
        ("origin", {"value": 0, "code": "mmHg"}, "a unit that is not known"),
    ],
)
def test_sampled_data_that_cannot_be_used_are_counted(word: str, value: Any, what: str) -> None:
    (component, _) = ECG["component"]
    data = {**component["valueSampledData"], word: value}
    broken = changed(ECG, component=[{**component, "valueSampledData": data}])
    recording = read_one(HEART_RATE, broken)
    assert set(recording.channels) == {"heart_rate"}
    assert any(what in words and count == 1 for words, count in found(recording).items())


def test_sampled_data_of_a_slow_kind_become_rows() -> None:
    data = {"origin": {"value": 0, "code": "/min"}, "period": 60_000, "data": "60 E 62"}
    recording = read_one(changed(valueQuantity=None, valueSampledData=data))
    rows = series(recording, "heart_rate")
    assert list(np.diff(rows.time_ns)) == [60 * SECOND_NS] * 2
    assert rows.value[[0, 2]].tolist() == [60, 62]
    assert np.isnan(rows.value[1])


def test_samples_beyond_all_measure_are_masked_without_a_warning() -> None:
    recording = read_one(
        changed(
            valueQuantity=None,
            valueSampledData={"origin": {"value": 0, "code": "/min"}, "period": 1000, "factor": 1e9,
                              "dimensions": 1, "data": "1e305 0.00000006 -1e305"},
        )
    )  # fmt: skip
    assert np.isnan(series(recording, "heart_rate").value).tolist() == [True, False, True]


def test_components_have_codes_of_their_own() -> None:
    pressure = changed(
        valueQuantity=None,
        code={"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        component=[
            {
                "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
                "valueQuantity": {"value": value, "unit": "mmHg", "code": "mm[Hg]"},
            }
            for code, value in (("8480-6", 107), ("8462-4", 60))
        ],
    )
    recording = read_one(pressure)
    assert list(series(recording, "blood_pressure_systolic").value) == [107]
    assert list(series(recording, "blood_pressure_diastolic").value) == [60]


def test_lines_of_observations_and_bundles_within_bundles_are_read() -> None:
    second = changed(effectiveDateTime="2024-07-02T08:01:00+02:00")
    lines = "\n".join(json.dumps(r) for r in (HEART_RATE, second)) + "\n\n"
    (from_lines,) = read(b"\xef\xbb\xbf" + lines.encode())
    (from_bundles,) = read(bundle(HEART_RATE, bundle(second)))
    assert len(series(from_lines, "heart_rate").time_ns) == 2
    assert len(series(from_bundles, "heart_rate").time_ns) == 2


def deep_bundle() -> bytes:
    nested: dict[str, Any] = bundle(HEART_RATE)
    for _ in range(10):
        nested = bundle(nested)
    return json.dumps(nested).encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (json.dumps(bundle(HEART_RATE)).encode()[:-30], "not whole JSON"),
        (json.dumps(bundle(HEART_RATE), indent=1).encode()[:-30], "not whole JSON"),
        (json.dumps(HEART_RATE).encode() + b"\n{broken\n", "line 2 is not whole JSON"),
        (json.dumps(HEART_RATE).encode() + b"\n[]\n", "line 2 is not a FHIR resource"),
        (json.dumps(HEART_RATE).replace("final", "f\xefnal").encode("latin-1"), "not UTF-8"),
        (json.dumps(HEART_RATE).replace("44", "NaN").encode(), "not whole JSON"),
        (b'{"resourceType":"Bundle","entry":' + b"[" * 100_000, "nested too deep"),
        (deep_bundle(), "Bundles within one another"),
        (json.dumps({"resourceType": "Bundle", "entry": 7}).encode(), "without any Observation"),
        (json.dumps(bundle(changed(code=None))).encode(), "nothing that holter reads"),
    ],
)
def test_a_damaged_or_empty_file_is_refused_in_one_line(data: bytes, why: str) -> None:
    with pytest.raises(DataError, match=why) as caught:
        read(data)
    assert "\n" not in str(caught.value)


def test_a_piece_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir, "MOST_BYTES_OF_A_BUNDLE", 200)
    with pytest.raises(DataError, match="one Observation a line"):
        read(bundle(HEART_RATE))


def test_foreign_and_empty_files_are_not_claimed() -> None:
    files = MemoryFiles(
        {
            "empty.json": b"",
            "patient.json": b'{"resourceType": "Patient"}',
            "list.json": b'[{"resourceType": "Observation"}]',
            "observation.txt": json.dumps(HEART_RATE).encode(),
        }
    )
    assert FORMAT.claims(files, files.names) == []


def test_words_of_the_wrong_type_never_end_in_another_error() -> None:
    odd: list[Any] = [None, 7, "x", [], {}, [7], {"coding": 7}, {"coding": [7]}, 10**400, True]
    words = ("status", "code", "subject", "device", "effectiveDateTime", "effectivePeriod",
             "valueQuantity", "valueSampledData", "component")  # fmt: skip
    resources = [{**HEART_RATE, word: value} for word in words for value in odd]
    quantities = [changed(valueQuantity={"value": v, "code": v, "unit": v}) for v in odd]
    samples = [
        changed(valueSampledData={"origin": v, "period": v, "factor": v, "data": v}) for v in odd
    ]
    for recording in read(bundle(HEART_RATE, *resources, *quantities, *samples)):
        assert set(recording.channels) == {"heart_rate"}


def test_a_reference_of_endless_length_is_refused() -> None:
    with pytest.raises(DataError, match="letters"):
        read_one(HEART_RATE, changed(subject={"reference": "Patient/" + "x" * 5_000}))
