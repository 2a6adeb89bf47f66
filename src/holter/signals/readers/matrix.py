"""Parmay Matrix BIN: packets of acceleration, turning rate, temperature and heart rate.

A file begins with 512 bytes of remarks, which are free text about a person and are not read. A
header follows (mark, number of packets, ranges), then packets of different lengths::

    "MDTCPACK", CRC-32 of what follows, start and end in whole seconds, four counts (uint32)
    acceleration and turning rate: 3 x int16 a sample, full scale = the header's range
    temperature: 2 x int16, skin and surroundings, in 0.1 degC; heart rate: 2 x int16, raw and bpm

A packet whose checksum is wrong is left out and counted. Samples stand evenly between a packet's
start and end, as its maker means them: the true rate lies some percent beside the ordered one.
Stamps are whole seconds since 1970, read as UTC.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.readers.files import Files, head, whole
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.recording import EARLIEST_NS, LATEST_NS, SECOND_NS, Recording

_REMARKS_BYTES = 512
_HEADER = struct.Struct("<4sIHH")  # mark, packets, range in g, range in deg/s
_MARK = b"MDTC"
_PACKET_MARK = b"MDTCPACK"
_PACKET = struct.Struct("<8sIIIIIII")
_CHECKED_FROM = 12  # the checksum covers all after itself
_RANGES_G = (2, 4, 8, 16)
_FULL_SCALE = 32_768.0

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.floating]
Part = tuple[Times, Values]  # times and values of one packet


def _claims(files: Files, names: Sequence[str]) -> list[Group]:
    found: list[Group] = []
    for name in names:
        first = head(files, name, _REMARKS_BYTES + _HEADER.size + len(_PACKET_MARK))
        if first[_REMARKS_BYTES:][:4] == _MARK and first.endswith(_PACKET_MARK):
            found.append((name,))
    return found


def _read(files: Files, group: Group, options: Options) -> list[Recording]:
    """One file -> one recording. Raises DataError."""
    name = group[0]
    data = whole(files, name)
    if len(data) < _REMARKS_BYTES + _HEADER.size or data[_REMARKS_BYTES:][:4] != _MARK:
        raise DataError(f"{name} ends within its header: copy it from the device again")
    _, stated, range_g, range_dps = _HEADER.unpack_from(data, _REMARKS_BYTES)
    if range_g not in _RANGES_G:
        raise DataError(f"{name} states a range of {range_g} g, which the device does not have")
    gathered = Gathered("Parmay Matrix BIN", "research wrist", options.zone or "UTC")
    found: tuple[list[Part], ...] = ([], [], [], [])
    scales = (range_g / _FULL_SCALE, range_dps / _FULL_SCALE, 0.1, 1.0)
    damaged = timeless = seen = 0
    for start, end, parts in _packets(data):
        seen += 1
        if parts is None:
            damaged += 1
            continue
        lasts, start_ns = (end - start) * SECOND_NS, start * SECOND_NS
        if lasts <= 0 or start_ns < EARLIEST_NS or start_ns + lasts > LATEST_NS:
            timeless += 1
            continue
        for kept, raw, scale in zip(found, parts, scales, strict=True):
            if len(raw):
                within = np.round(np.arange(len(raw)) * (lasts / len(raw))).astype(np.int64)
                kept.append((start_ns + within, raw * np.float32(scale)))
    gathered.note("packets with a wrong checksum, left out", damaged)
    gathered.note("packets without a span of time, left out", timeless)
    gathered.note("packets that the header counts and the file lacks", max(0, stated - seen))
    motion, turning, warmth, beats = found
    for kind, parts_of, limit in (
        ("acceleration", motion, float(range_g)),
        ("gyroscope", turning, float(range_dps)),
    ):
        if parts_of:
            times, values = _joined(parts_of)
            gathered.stamped(kind, times, values, axes="xyz", limits=(-limit, limit))
    if warmth:
        times, values = _joined(warmth)
        gathered.series("skin_temperature", times, values[:, 0])
    if beats:  # 0 is how the device says that it found no rate
        times, values = _joined(beats)
        known = values[:, 1] > 0
        gathered.note("moments without a heart rate, left out", int((~known).sum()), "heart_rate")
        gathered.series("heart_rate", times[known], values[known, 1])
    return [gathered.recording()]


def _joined(parts: Sequence[Part]) -> Part:
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _packets(
    data: bytes,
) -> Iterator[tuple[int, int, tuple[npt.NDArray[np.int16], ...] | None]]:
    """(start, end, the four arrays) of each packet; None for arrays where the checksum is wrong."""
    starts: list[int] = []
    at = data.find(_PACKET_MARK, _REMARKS_BYTES + _HEADER.size)
    while at >= 0:
        starts.append(at)
        at = data.find(_PACKET_MARK, at + len(_PACKET_MARK))
    for at, until in zip(starts, [*starts[1:], len(data)], strict=True):
        if until - at < _PACKET.size:
            yield 0, 0, None
            continue
        _, checksum, start, end, *counts = _PACKET.unpack_from(data, at)
        widths = (3, 3, 2, 2)
        needed = _PACKET.size + sum(2 * w * count for w, count in zip(widths, counts, strict=True))
        body = memoryview(data)[at + _CHECKED_FROM : until]
        if needed > until - at or zlib.crc32(body) != checksum:
            yield start, end, None
            continue
        parts: list[npt.NDArray[np.int16]] = []
        place = at + _PACKET.size
        for width, count in zip(widths, counts, strict=True):
            raw = np.frombuffer(data, dtype="<i2", count=width * count, offset=place)
            parts.append(raw.reshape(count, width))
            place += 2 * width * count
        yield start, end, tuple(parts)


FORMAT = Format("matrix", "Parmay Matrix BIN", _claims, _read)
FORMATS = (FORMAT,)
