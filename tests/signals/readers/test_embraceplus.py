"""EmbracePlus files, written here by fastavro from the device's schema; all values synthetic."""

from __future__ import annotations

import io
import itertools
import json
import random
import sys
import time
import zlib
from typing import Any

import numpy as np
import pytest

from holter.signals.errors import DataError, ExtraMissing
from holter.signals.readers.embraceplus import FORMAT
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.formats import Options
from holter.signals.recording import SECOND_NS, Recording, Series, Waveform

fastavro = pytest.importorskip("fastavro")

START_US = 1_700_000_000_000_000
MINUTE = 60


def listed(kind: str) -> dict[str, Any]:
    return {"type": "array", "items": kind}


def record(name: str, **fields: Any) -> dict[str, Any]:
    entries = [{"name": key, "type": kind} for key, kind in fields.items()]
    return {"type": "record", "name": name, "fields": entries}


PARAMS = record(
    "imuParams", physicalMin="int", physicalMax="int", digitalMin="int", digitalMax="int"
)
AXES = {axis: listed("int") for axis in "xyz"}
TIMED = {"timestampStart": "long", "samplingFrequency": "float"}
RAW = record(
    "rawData",
    accelerometer=record("accelerometer", **TIMED, imuParams=PARAMS, **AXES),
    gyroscope=record("gyroscope", **TIMED, imuParams="imuParams", **AXES),  # by its name
    eda=record("eda", **TIMED, values=listed("float")),
    temperature=record("temperature", **TIMED, values=listed("float")),
    tags=record("tags", tagsTimeMicros=listed("long")),
    bvp=record("bvp", **TIMED, values=listed("float")),
    systolicPeaks=record("systolicPeaks", peaksTimeNanos=listed("long")),
    steps=record("steps", **TIMED, values=listed("int")),
)
SCHEMA = record(
    "Recording",
    timezone="int",
    enrollment=record("enrollment", participantID="string", studyID="string"),
    deviceSn="string",
    rawData=RAW,
) | {"namespace": "com.example.device"}


def content(start_us: int = START_US, seconds: int = MINUTE, person: str = "P-7") -> dict[str, Any]:
    def timed(rate: float, values: list[float], **more: Any) -> dict[str, Any]:
        return {"timestampStart": start_us, "samplingFrequency": rate, "values": values, **more}

    params = {"physicalMin": -16, "physicalMax": 16, "digitalMin": -32768, "digitalMax": 32767}
    rows = 64 * seconds
    inertial = {"timestampStart": start_us, "samplingFrequency": 64.0, "imuParams": params}
    return {
        "timezone": -18_000, "enrollment": {"participantID": person, "studyID": "S-1"},
        "deviceSn": "3YK0000000",
        "rawData": {
            "accelerometer": {**inertial, "x": [0] * rows, "y": [1024] * rows, "z": [2048] * rows},
            "gyroscope": {**inertial, "samplingFrequency": 0.0, "x": [], "y": [], "z": []},
            "eda": timed(4.0, [1.5] * 4 * seconds), "temperature": timed(1.0, [33.0] * seconds),
            "tags": {"tagsTimeMicros": [start_us + 5_000_000]},
            "bvp": timed(64.0, [0.25] * rows), "steps": timed(0.2, [3] * (seconds // 5)),
            "systolicPeaks": {"peaksTimeNanos": [start_us * 1000 + round(t * 1e9)
                                                 for t in (1, 1.8, 2.7, 30, 30.9)]},
        },
    }  # fmt: skip


def avro(value: dict[str, Any], schema: Any = SCHEMA, codec: str = "deflate") -> bytes:
    stream = io.BytesIO()
    fastavro.writer(stream, fastavro.parse_schema(json.loads(json.dumps(schema))), [value], codec,
                    sync_marker=b"0123456789abcdef")  # fmt: skip
    return stream.getvalue()


def hostile(schema: Any, count: int, block: bytes, codec: bytes = b"null") -> bytes:
    """A container by hand, around a schema and a block that fastavro would not write."""

    def number(value: int) -> bytes:
        value, out = value << 1, b""
        while value > 0x7F:
            out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
        return out + bytes([value])

    def text(value: bytes) -> bytes:
        return number(len(value)) + value

    words = text(b"avro.schema") + text(json.dumps(schema).encode())
    words += text(b"avro.codec") + text(codec)
    sync = b"0123456789abcdef"
    return b"Obj\x01" + number(2) + words + b"\0" + sync + number(count) + text(block) + sync


def recordings(content: dict[str, bytes], options: Options | None = None) -> list[Recording]:
    files = MemoryFiles(content)
    (group,) = FORMAT.claims(files, files.names)
    return FORMAT.read(files, group, options or Options())


def read(*data: bytes) -> Recording:
    return recordings({f"d/{i}.avro": piece for i, piece in enumerate(data)})[0]


def waveform(recording: Recording, name: str) -> Waveform:
    channel = recording.channels[name]
    assert isinstance(channel, Waveform)
    return channel


def series(recording: Recording, name: str) -> Series:
    channel = recording.channels[name]
    assert isinstance(channel, Series)
    return channel


def found(recording: Recording) -> dict[str, int]:
    return {finding.what: finding.count for finding in recording.findings}


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_every_channel_of_a_file_is_read_in_its_kinds_unit(codec: str) -> None:
    recording = read(avro(content(), codec=codec))
    acceleration = waveform(recording, "acceleration")
    assert acceleration.samples == 64 * MINUTE
    assert acceleration.segments[0].start_ns == START_US * 1000
    assert acceleration.segments[0].values[0].tolist() == pytest.approx([0, 0.5, 1], abs=1e-4)
    assert acceleration.limits == (-16.0, 16.0)
    assert {name: waveform(recording, name).samples for name in ("eda", "ppg", "skin_temperature")} == {
        "eda": 4 * MINUTE, "ppg": 64 * MINUTE, "skin_temperature": MINUTE,
    }  # fmt: skip
    steps = series(recording, "steps")
    assert steps.value.tolist() == [3.0] * 12
    assert set(steps.until_ns - steps.time_ns) == {5 * SECOND_NS}
    assert set(steps.offset_minutes) == {-300}
    assert series(recording, "event").time_ns.tolist() == [(START_US + 5_000_000) * 1000]
    assert "gyroscope" not in recording.channels


def test_intervals_of_the_pulse_do_not_reach_over_a_gap() -> None:
    recording = read(avro(content()))
    assert series(recording, "rr_interval").value.tolist() == pytest.approx([0.8, 0.9, 0.9])
    assert found(recording) == {"gaps between pulse peaks, without an interval": 1}


def test_nothing_of_the_recording_tells_who_wears_which_device() -> None:
    recording = read(avro(content()))
    words = repr(recording) + recording.source + recording.person
    assert not any(secret in words for secret in ("P-7", "S-1", "3YK"))


def test_files_of_a_folder_are_one_recording_and_a_missing_one_is_a_gap() -> None:
    starts = [START_US + MINUTE * 1_000_000 * k for k in (2, 0, 1, 5)]
    recording = read(*(avro(content(start)) for start in starts))
    segments = waveform(recording, "ppg").segments
    assert waveform(recording, "ppg").samples == 4 * 64 * MINUTE
    gaps = [b.start_ns - a.end_ns for a, b in itertools.pairwise(segments)]
    assert [gap for gap in gaps if gap > SECOND_NS] == [2 * MINUTE * SECOND_NS]


def test_the_rate_is_what_the_starts_of_two_files_show() -> None:
    late = START_US + MINUTE * 1_000_000 + 15_000  # 15 ms in a minute: the clock is 250 ppm slow
    recording = read(avro(content()), avro(content(late)))
    first = waveform(recording, "ppg").segments[0]
    assert first.rate_hz == pytest.approx(64 * MINUTE / (MINUTE + 0.015))
    assert waveform(recording, "ppg").nominal_rate_hz == 64.0


def test_a_file_that_is_there_twice_counts_once() -> None:
    recording = read(avro(content()), avro(content()))
    assert waveform(recording, "ppg").samples == 64 * MINUTE
    assert len(series(recording, "steps").value) == 12


def test_two_people_in_one_folder_are_two_recordings() -> None:
    both = {"a.avro": avro(content()), "b.avro": avro(content(person="P-8"))}
    assert sorted(recording.person for recording in recordings(both)) == ["P-7", "P-8"]


def test_a_damaged_file_among_good_ones_is_left_out_and_counted() -> None:
    recording = read(avro(content()), avro(content(START_US + 60_000_000))[:-40])
    assert waveform(recording, "ppg").samples == 64 * MINUTE
    assert found(recording)["files that are damaged, left out"] == 1


def test_samples_without_a_scale_are_left_out_and_counted() -> None:
    value = content()
    value["rawData"]["accelerometer"]["imuParams"]["digitalMax"] = -32768
    recording = read(avro(value))
    assert "acceleration" not in recording.channels
    assert found(recording)["samples without a scale or an axis, left out"] == 64 * MINUTE


def test_a_clock_that_was_reset_is_left_out_and_counted() -> None:
    recording = read(avro(content()), avro(content(1_000_000)))
    assert waveform(recording, "ppg").samples == 64 * MINUTE
    left_out = [f.count for f in recording.findings if "impossible time or rate" in f.what]
    assert sum(left_out) == (64 + 64 + 4 + 1) * MINUTE


def test_impossible_values_are_masked_and_counted() -> None:
    value = content()
    value["rawData"]["temperature"]["values"][3] = 200.0
    recording = read(avro(value))
    assert np.isnan(waveform(recording, "skin_temperature").segments[0].values).sum() == 1


@pytest.mark.parametrize("foreign", [b"", b"Obj\x01", b"PK\x03\x04", avro(1, "int")])  # type: ignore[arg-type]
def test_a_foreign_file_is_not_claimed(foreign: bytes) -> None:
    files = MemoryFiles({"a.avro": foreign})
    assert not FORMAT.claims(files, files.names)


@pytest.mark.parametrize("cut", [30, 900, 3_000, -1, -17])
def test_a_file_that_is_cut_off_is_refused_in_one_line(cut: int) -> None:
    files = MemoryFiles({"a.avro": avro(content())[:cut]})
    with pytest.raises(DataError, match="damaged EmbracePlus file") as caught:
        FORMAT.read(files, ("a.avro",), Options())
    assert "\n" not in str(caught.value)


NOTHING = record("nothing")
LAUGHS = record("l0", rawData="int")
for depth in range(1, 30):
    LAUGHS = record(f"l{depth}", rawData=LAUGHS, again=f"l{depth - 1}")


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (record("a", rawData=listed("null")), "items without a size"),
        (record("a", rawData={"type": "array", "items": NOTHING}), "items without a size"),
        (record("a", rawData="a"), "does not describe"),
        (record("a", rawData=["null", "a"]), "does not describe"),
        (LAUGHS, "too large|too deep"),
        (record("a", rawData={"type": "map", "values": "null"}), "does not use"),
        ({"rawData": 1}, "damaged"), ([], "damaged"), ("rawData", "damaged"),
        (record("a b", rawData="int"), "false name"),
    ],
)  # fmt: skip
def test_a_schema_made_to_exhaust_memory_is_refused(schema: Any, why: str) -> None:
    # 1 << 60 items, as an array's first block says it
    endless = b"\x80\x80\x80\x80\x80\x80\x80\x80\x20"
    files = MemoryFiles({"a.avro": hostile(schema, 1, endless)})
    began = time.process_time()
    with pytest.raises(DataError, match=why):
        FORMAT.read(files, ("a.avro",), Options())
    assert time.process_time() - began < 2


def test_a_block_that_unfolds_without_end_is_refused() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(packer.compress(b"\x02" * (1 << 20)) for _ in range(40)) + packer.flush()
    schema = record("a", rawData=listed("int"))
    files = MemoryFiles({"a.avro": hostile(schema, 1, bomb, b"deflate")})
    with pytest.raises(DataError, match="unfold too far"):
        FORMAT.read(files, ("a.avro",), Options())


def test_a_missing_library_is_named_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    data = avro(content())
    monkeypatch.setitem(sys.modules, "fastavro", None)
    with pytest.raises(ExtraMissing) as caught:
        read(data)
    assert caught.value.extra == "embraceplus"


def test_only_data_errors_come_out_of_changed_bytes() -> None:
    sound = avro(content(seconds=5), codec="null")
    dice = random.Random(2)
    began, whole_ones = time.process_time(), 0
    for _ in range(200):
        changed = bytearray(sound)
        for _ in range(dice.randint(1, 4)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        files = MemoryFiles({"a.avro": bytes(changed)})
        try:
            FORMAT.read(files, ("a.avro",), Options())
            whole_ones += 1
        except DataError as error:
            assert "\n" not in str(error)
    assert 20 < whole_ones < 200
    assert time.process_time() - began < 20
