"""Raw recordings of the Empatica EmbracePlus: Avro files of 15 to 30 minutes, one folder of them.

An Avro file carries its own schema, so a foreign one may describe arrays that take no bytes, or
blocks that unfold without end. The container is therefore taken apart here, with bounds: the
schema is rebuilt from the few types that the device uses, blocks are unfolded up to a size, and
only then fastavro decodes them. Identifiers of people, studies and devices tell recordings
apart and are shown nowhere.
"""

from __future__ import annotations

import io
import itertools
import json
import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError, ExtraMissing
from holter.signals.gathering import Gathered
from holter.signals.kinds import KINDS
from holter.signals.readers.files import Files, head, whole
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.times import zone_of
from holter.signals.recording import SECOND_NS, Recording

_MAGIC = b"Obj\x01"
_MOST_FILE_BYTES = 64 * 1024 * 1024  # half an hour has about 2 MB
_MOST_UNFOLDED_BYTES = 16 * 1024 * 1024  # of all blocks of a file
_MOST_HEADER_BYTES = 256 * 1024
_MOST_NODES, _DEEPEST = 2_000, 24  # of a schema with its references written out
_LATE_SAMPLES, _LATE_SHARE = 2.0, 1e-4  # a next file this close follows on: clocks err by 50 ppm
_PRIMITIVES = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8,
               "bytes": 1, "string": 1}  # the fewest bytes that a value takes  # fmt: skip
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_EDA_LIMITS = (0.01, 100.0)  # range of the sensor, by its data sheet
_VALUES = (("eda", "eda"), ("temperature", "skin_temperature"), ("bvp", "ppg"))
_INERTIAL = (("accelerometer", "acceleration"), ("gyroscope", "gyroscope"))

Block = tuple[int, float, npt.NDArray[np.float64]]


def _claims(files: Files, names: Sequence[str]) -> list[Group]:
    folders: dict[str, list[str]] = {}
    for name in names:
        if head(files, name, 4) == _MAGIC and b'"rawData"' in head(files, name, 65_536):
            folders.setdefault(name.rpartition("/")[0], []).append(name)
    return [tuple(found) for found in folders.values()]


@dataclass
class _Wearer:
    """What the files of one person and device hold."""

    blocks: dict[str, list[Block]] = field(default_factory=dict)
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)
    steps: list[tuple[int, int, float, int]] = field(default_factory=list)
    peaks: list[tuple[int, int]] = field(default_factory=list)
    tags: list[tuple[int, int]] = field(default_factory=list)
    unscaled: int = 0


def _read(files: Files, group: Group, options: Options) -> list[Recording]:
    try:
        import fastavro
    except ImportError:
        raise ExtraMissing("EmbracePlus files", "embraceplus") from None
    if options.zone:
        zone_of(options.zone)
    wearers: dict[tuple[str, str], _Wearer] = {}
    damaged: list[DataError] = []
    for name in group:
        try:
            records = list(_records(fastavro, whole(files, name, _MOST_FILE_BYTES), name))
        except DataError as error:
            damaged.append(error)
            continue
        for record in records:
            person = str(_inside(record, "enrollment").get("participantID", ""))
            wearer = wearers.setdefault((person, str(record.get("deviceSn", ""))), _Wearer())
            _take(wearer, record)
    if len(damaged) == len(group):
        raise damaged[0]
    several = len({person for person, _ in wearers}) > 1
    recordings = []
    for (person, _), wearer in wearers.items():
        gathered = Gathered(
            "Empatica EmbracePlus",
            "research wrist",
            options.zone or "UTC",
            person if several else "",
        )
        gathered.note("files that are damaged, left out", len(damaged))
        _finish(gathered, wearer)
        if gathered.channels or len(wearers) == 1:
            recordings.append(gathered.recording())
    return recordings


def _records(fastavro: Any, data: bytes, name: str) -> Iterator[Mapping[str, Any]]:
    """Every record of an Avro file. Raises DataError."""
    # What comes out of damaged bytes: ends of data (EOFError, struct.error), texts and numbers
    # that are none, false schemas, schemas of JSON without end (RecursionError).
    damage = (EOFError, LookupError, TypeError, ValueError, OverflowError, RecursionError,
              struct.error, zlib.error, fastavro.schema.SchemaParseException)  # fmt: skip
    try:
        schema, deflated, sync, place = _header(data)
        parsed = fastavro.parse_schema(schema)
        left = _MOST_UNFOLDED_BYTES
        while place < len(data):
            count, place = _long(data, place)
            size, place = _long(data, place)
            block = data[place : place + size] if size >= 0 else b""
            place += size + 16
            if size < 0 or not 0 <= count <= size or data[place - 16 : place] != sync:
                raise ValueError("a block is cut off or changed")
            if deflated:
                unfolder = zlib.decompressobj(-15)
                block = unfolder.decompress(block, left + 1)
                if not unfolder.eof and len(block) <= left:
                    raise ValueError("a block is cut off")
            left -= len(block)
            if left < 0:
                raise ValueError("its blocks unfold too far")
            stream = io.BytesIO(block)
            for _ in range(count):
                record = fastavro.schemaless_reader(stream, parsed, None)
                if not isinstance(record, dict):
                    raise ValueError("its schema is no record")
                yield record
    except damage as error:
        why = " ".join(str(error).split())[:80] or "it is cut off"
        raise DataError(
            f"{name} is a damaged EmbracePlus file ({why}): download it again"
        ) from None


def _header(data: bytes) -> tuple[Any, bool, bytes, int]:
    """(schema rebuilt, whether blocks are deflated, sync marker, where the blocks begin)."""
    if data[:4] != _MAGIC:
        raise ValueError("it is no Avro file")
    words: dict[bytes, bytes] = {}
    place = 4
    while True:
        count, place = _long(data, place)
        if count == 0:
            break
        if count < 0:  # then the size of the map's part follows
            count, (_, place) = -count, _long(data, place)
        for _ in range(min(count, 1_000)):
            parts = []
            for _ in range(2):
                size, place = _long(data, place)
                if not 0 <= size <= _MOST_HEADER_BYTES or place + size > len(data):
                    raise ValueError("its header is cut off")
                parts.append(data[place : place + size])
                place += size
            words[parts[0]] = parts[1]
    codec = words.get(b"avro.codec", b"null")
    if codec not in (b"null", b"deflate"):
        raise ValueError(f"its packing is {codec[:20].decode('ascii', 'replace')}")
    schema = _rebuilt(json.loads(words.get(b"avro.schema", b"")), {}, "", 0)
    return schema[0], codec == b"deflate", data[place : place + 16], place + 16


def _long(data: bytes, place: int) -> tuple[int, int]:
    """(a zigzag integer of variable length, where it ends). Avro 1.11, «binary encoding»."""
    value = shift = 0
    while True:
        if place >= len(data) or shift > 63:
            raise EOFError("it is cut off")
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), place


def _rebuilt(
    schema: Any, known: dict[str, tuple[int, int]], space: str, depth: int
) -> tuple[Any, int, int]:
    """(schema of nothing but structure, nodes when written out, fewest bytes of a value).

    A name is known once its record is closed, so no record contains itself; an array's items
    take at least a byte, so the bytes that are there bound how many there can be.
    """
    if depth > _DEEPEST:
        raise ValueError("its schema is too deep")
    if isinstance(schema, str):
        if schema in _PRIMITIVES:
            return schema, 1, _PRIMITIVES[schema]
        full = schema if "." in schema or not space else f"{space}.{schema}"
        if full not in known:
            raise ValueError("its schema names a type that it does not describe")
        return full, *known[full]
    if isinstance(schema, list):
        branches = [_rebuilt(branch, known, space, depth + 1) for branch in schema]
        return [b[0] for b in branches], _bounded(1 + sum(b[1] for b in branches)), 1
    if not isinstance(schema, dict):
        raise ValueError("its schema is none")
    match schema.get("type"):
        case "array":
            items, nodes, fewest = _rebuilt(schema.get("items"), known, space, depth + 1)
            if fewest < 1:
                raise ValueError("its schema has items without a size")
            return {"type": "array", "items": items}, _bounded(1 + nodes), 1
        case "record":
            given, fields = schema.get("name"), schema.get("fields")
            inner = str(schema.get("namespace") or space)
            if not isinstance(given, str) or not isinstance(fields, list):
                raise ValueError("its schema has a record without a name")
            full = given if "." in given or not inner else f"{inner}.{given}"
            if not _NAME.fullmatch(full) or full in known:
                raise ValueError("its schema has a false name")
            inner = full.rpartition(".")[0]
            built, nodes, fewest = [], 1, 0
            for entry in fields:
                what, more, size = _rebuilt(entry["type"], known, inner, depth + 1)
                built.append({"name": entry["name"], "type": what})
                nodes, fewest = _bounded(nodes + more), fewest + size
            known[full] = nodes, fewest
            return {"type": "record", "name": full, "fields": built}, nodes, fewest
        case "enum":
            symbols = [str(symbol) for symbol in schema["symbols"]]
            name = f"{space}.{schema['name']}" if space else schema["name"]
            known[name] = 1, 1
            return {"type": "enum", "name": name, "symbols": symbols}, 1, 1
        case "map" | "fixed" | None:
            raise ValueError("its schema has a type that the device does not use")
        case inner_type:  # {"type": "int", "logicalType": ...}
            return _rebuilt(inner_type, known, space, depth + 1)


def _bounded(nodes: int) -> int:
    if nodes > _MOST_NODES:
        raise ValueError("its schema is too large")
    return nodes


def _inside(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A record within a record; empty if there is none."""
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def _numbers(record: Mapping[str, Any], name: str) -> npt.NDArray[np.float64]:
    """A list of numbers within a record; empty if there is none."""
    found = record.get(name)
    if not isinstance(found, list) or not all(isinstance(x, (int, float)) for x in found):
        return np.empty(0)
    return np.array(found, dtype=np.float64)


def _whole_numbers(record: Mapping[str, Any], name: str) -> list[int]:
    found = record.get(name)
    return [x for x in found if isinstance(x, int)] if isinstance(found, list) else []


def _number(record: Mapping[str, Any], name: str) -> float:
    found = record.get(name)
    return float(found) if isinstance(found, (int, float)) else float("nan")


def _rate(record: Mapping[str, Any]) -> float:
    """The rate in Hz; it is stored in single precision, where 0.2 is 0.200000003."""
    return round(_number(record, "samplingFrequency"), 6)


def _start(record: Mapping[str, Any]) -> int:
    found = record.get("timestampStart")
    return found * 1000 if isinstance(found, int) and 0 <= found < 2**52 else 0


def _take(wearer: _Wearer, record: Mapping[str, Any]) -> None:
    """The channels of one file."""
    raw = _inside(record, "rawData")
    away = _number(record, "timezone") / 60
    offset = round(away) if abs(away) <= 14 * 60 else 0
    for name, kind in _INERTIAL:
        sensor = _inside(raw, name)
        axes = [_numbers(sensor, axis) for axis in "xyz"]
        if not len(axes[0]) == len(axes[1]) == len(axes[2]) > 0:
            wearer.unscaled += max(len(axis) for axis in axes)
            continue
        scale = _scale(_inside(sensor, "imuParams"))
        if scale is None:
            wearer.unscaled += len(axes[0])
            continue
        params = _inside(sensor, "imuParams")
        low, high = _number(params, "physicalMin"), _number(params, "physicalMax")
        if low < high:
            wearer.limits[kind] = low, high
        block = _start(sensor), _rate(sensor), np.stack(axes, 1) * scale
        wearer.blocks.setdefault(kind, []).append(block)
    for name, kind in _VALUES:
        sensor = _inside(raw, name)
        values = _numbers(sensor, "values")
        if len(values):
            block = _start(sensor), _rate(sensor), values
            wearer.blocks.setdefault(kind, []).append(block)
    steps = _inside(raw, "steps")
    rate, first = _rate(steps), _start(steps)
    for i, count in enumerate(_numbers(steps, "values")):
        if 0 < rate < 1e3:
            begin = min(first + round(i * SECOND_NS / rate), 2**62)
            end = min(first + round((i + 1) * SECOND_NS / rate), 2**62)
            wearer.steps.append((begin, end, float(count), offset))
    peaks = _whole_numbers(_inside(raw, "systolicPeaks"), "peaksTimeNanos")
    wearer.peaks += [(time, offset) for time in peaks if 0 <= time < 2**62]
    tags = _whole_numbers(_inside(raw, "tags"), "tagsTimeMicros")
    wearer.tags += [(time * 1000, offset) for time in tags if 0 <= time < 2**52]


def _scale(params: Mapping[str, Any]) -> float | None:
    """Physical units a count; None if the file does not say it."""
    factor = _number(params, "conversionFactor")
    if np.isfinite(factor) and factor > 0:
        return factor
    physical = _number(params, "physicalMax") - _number(params, "physicalMin")
    digital = _number(params, "digitalMax") - _number(params, "digitalMin")
    return physical / digital if digital > 0 and physical > 0 else None


def _measured(blocks: Sequence[Block]) -> list[Block]:
    """Blocks in order; where one follows on another, the rate is what their starts show."""
    ordered = sorted(blocks, key=lambda block: block[0])
    found = []
    for (start, rate, values), after in itertools.zip_longest(ordered, ordered[1:]):
        count = len(values)
        if after is not None and 0 < rate < 1e6 and after[0] > start:
            expected = (after[0] - start) * rate / SECOND_NS
            if abs(expected - count) <= _LATE_SAMPLES + _LATE_SHARE * count:
                rate = count * SECOND_NS / (after[0] - start)
        found.append((start, rate, values))
    return found


def _finish(gathered: Gathered, wearer: _Wearer) -> None:
    for kind, blocks in sorted(wearer.blocks.items()):
        nominal = blocks[0][1]
        gathered.blocks(
            kind, _measured(blocks), axes=("x", "y", "z") if blocks[0][2].ndim == 2 else ("",),
            limits=_EDA_LIMITS if kind == "eda" else wearer.limits.get(kind),
            nominal_rate_hz=nominal if nominal > 0 else None,
        )  # fmt: skip
    gathered.note("samples without a scale or an axis, left out", wearer.unscaled)
    if wearer.steps:
        begin, end, count, offset = zip(*wearer.steps, strict=True)
        gathered.series("steps", begin, count, until_ns=end, offset_minutes=offset)
    if wearer.peaks:
        peaks = sorted(set(wearer.peaks))
        times = np.array([time for time, _ in peaks], dtype=np.int64)
        apart = np.diff(times) / SECOND_NS
        beats = apart <= KINDS["rr_interval"].highest  # a longer one is a gap, not an interval
        gathered.note("gaps between pulse peaks, without an interval", int((~beats).sum()),
                      "rr_interval")  # fmt: skip
        offsets = np.array([away for _, away in peaks], dtype=np.int16)[1:][beats]
        gathered.series("rr_interval", times[1:][beats], apart[beats], offset_minutes=offsets)
    if wearer.tags:
        moments, away = zip(*wearer.tags, strict=True)
        gathered.series("event", moments, np.zeros(len(moments)), names=("button",),
                        offset_minutes=away)  # fmt: skip


FORMAT = Format(
    "embraceplus", "raw files of the Empatica EmbracePlus", _claims, _read, "embraceplus"
)
