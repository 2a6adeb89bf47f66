"""Matrix BIN: packets end to end, a wrong checksum counted, a rate that is measured."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from holter.device.files import opened
from holter.signals.errors import DataError
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.formats import Options
from holter.signals.readers.matrix import FORMAT
from holter.signals.recording import Recording, Series, Waveform

START = 1_700_000_000


def packet(
    start: int,
    end: int,
    motion: int = 0,
    turning: int = 0,
    warmth: tuple[tuple[int, int], ...] = (),
    beats: tuple[tuple[int, int], ...] = (),
) -> bytes:
    body = struct.pack("<6I", start, end, motion, turning, len(warmth), len(beats))
    body += struct.pack(f"<{3 * motion}h", *([0, 4096, -4096] * motion))
    body += struct.pack(f"<{3 * turning}h", *([0, 8192, -8192] * turning))
    for pair in (*warmth, *beats):
        body += struct.pack("<2h", *pair)
    return b"MDTCPACK" + struct.pack("<I", zlib.crc32(body)) + body


def whole(*packets: bytes, stated: int | None = None, range_g: int = 8) -> bytes:
    count = len(packets) if stated is None else stated
    header = struct.pack("<4sIHH", b"MDTC", count, range_g, 2000)
    return b"Private remarks".ljust(512, b"\0") + header + b"".join(packets)


def read(data: bytes) -> Recording:
    files = MemoryFiles({"m.bin": data})
    (group,) = FORMAT.claims(files, files.names)
    (recording,) = FORMAT.read(files, group, Options())
    return recording


def waveform(recording: Recording, name: str) -> Waveform:
    channel = recording.channels[name]
    assert isinstance(channel, Waveform)
    return channel


def series(recording: Recording, name: str) -> Series:
    channel = recording.channels[name]
    assert isinstance(channel, Series)
    return channel


def said(recording: Recording) -> dict[str, int]:
    return {finding.what: finding.count for finding in recording.findings}


def test_all_four_sensors_are_read_in_their_units() -> None:
    recording = read(
        whole(packet(START, START + 10, 256, 128, ((325, 240), (327, 241)), ((1500, 77),)))
    )
    motion, turning = waveform(recording, "acceleration"), waveform(recording, "gyroscope")
    assert motion.segments[0].values[5].tolist() == [0, 1, -1]
    assert turning.segments[0].values[5].tolist() == [0, 500, -500]
    assert motion.limits == (-8, 8)
    assert motion.rate_hz == pytest.approx(25.6)
    assert series(recording, "skin_temperature").value == pytest.approx([32.5, 32.7])
    assert series(recording, "heart_rate").value.tolist() == [77]


def test_packets_that_follow_one_another_are_one_stretch_and_a_pause_is_a_gap() -> None:
    recording = read(
        whole(
            packet(START, START + 10, 256),
            packet(START + 10, START + 20, 256),
            packet(START + 50, START + 60, 256),
        )
    )
    segments = waveform(recording, "acceleration").segments
    assert [len(segment.values) for segment in segments] == [512, 256]
    assert segments[1].start_ns == (START + 50) * 10**9


def test_a_packet_with_a_wrong_checksum_is_left_out_and_counted() -> None:
    bad = bytearray(packet(START + 10, START + 20, 256))
    bad[60] ^= 1
    recording = read(whole(packet(START, START + 10, 256), bytes(bad)))
    assert waveform(recording, "acceleration").samples == 256
    assert said(recording) == {"packets with a wrong checksum, left out": 1}


def test_a_packet_that_counts_more_samples_than_it_has_is_damaged() -> None:
    body = struct.pack("<6I", START, START + 10, 2**31, 0, 0, 0)
    liar = b"MDTCPACK" + struct.pack("<I", zlib.crc32(body)) + body
    recording = read(whole(packet(START, START + 10, 256), liar))
    assert said(recording) == {"packets with a wrong checksum, left out": 1}


def test_a_heart_rate_of_0_is_no_heart_rate() -> None:
    recording = read(whole(packet(START, START + 10, 256, beats=((0, 0), (900, 61)))))
    assert series(recording, "heart_rate").value.tolist() == [61]
    assert said(recording) == {"moments without a heart rate, left out": 1}


def test_packets_that_the_header_counts_and_the_file_lacks_are_noted() -> None:
    recording = read(whole(packet(START, START + 10, 256), stated=4))
    assert said(recording) == {"packets that the header counts and the file lacks": 3}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (whole(packet(START, START + 10, 256), range_g=7), "a range of 7 g"),
        (whole(packet(START + 10, START, 256)), "without a span of time"),
        (whole(packet(0, 10, 256)), "without a span of time"),
    ],
)
def test_what_the_device_cannot_have_written_is_an_error(data: bytes, why: str) -> None:
    with pytest.raises(DataError, match=why):
        read(data)


def test_remarks_are_not_shown() -> None:
    recording = read(whole(packet(START, START + 10, 256)))
    assert "Private" not in repr(recording)


def test_files_without_the_mark_are_not_claimed() -> None:
    data = whole(packet(START, START + 10, 256)).replace(b"MDTCPACK", b"MDTCPICK")
    files = MemoryFiles({"m.bin": data, "short.bin": b"MDTC"})
    assert FORMAT.claims(files, files.names) == []


@pytest.mark.recordings
def test_the_real_file_gives_every_sample_of_its_four_packets(data_root: Path) -> None:
    path = data_root / "format_samples/accelerometry/mtx_25Hz_acc_HR.BIN"
    with opened(path) as files:
        (recording,) = FORMAT.read(files, (path.name,), Options())
    motion = waveform(recording, "acceleration")
    assert motion.samples == 1536 + 12000 + 3360 + 8223
    assert [segment.seconds for segment in motion.segments] == pytest.approx([981.0], abs=0.01)
    assert motion.rate_hz == pytest.approx(25.605, abs=0.002)
    length = np.linalg.norm(motion.segments[0].values, axis=1)
    assert 0.95 < np.median(length) < 1.05  # gravity
    assert series(recording, "heart_rate").value.tolist() == [77, 76]
    assert recording.findings == ()
