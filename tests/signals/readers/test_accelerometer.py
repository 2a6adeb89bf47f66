"""Research accelerometers: the rate is measured, damage is counted, and a panic is an error."""

from __future__ import annotations

import io
import struct
import sys
import types
import zipfile
from pathlib import Path

import actfast
import numpy as np
import pytest

from holter.device.files import opened
from holter.signals.errors import DataError, ExtraMissing
from holter.signals.readers.accelerometer import AXIVITY, FORMATS, GENEACTIV, GT3X, fixed_zone
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.formats import Format, Options
from holter.signals.recording import Recording, Series, Waveform

BLOCK_SAMPLES = 80  # of three 16-bit numbers each


def _stamp(second: int) -> int:
    """2024-05-01, ``second`` of the day, as the device packs it."""
    hour, rest = divmod(second, 3600)
    return 24 << 26 | 5 << 22 | 1 << 17 | hour << 12 | rest // 60 << 6 | rest % 60


def _cwa(moments: list[float], *, damaged: tuple[int, ...] = (), short: int | None = None) -> bytes:
    """A synthetic file: one block of 80 samples at each moment, ordered at 100 Hz, +-8 g."""
    header = bytearray(1024)
    header[:4] = b"MD\xfc\x03"
    header[4] = 0x17
    header[36] = 0x4A  # 100 Hz, +-8 g
    parts = [bytes(header)]
    for place, moment in enumerate(moments):
        whole = int(moment)
        fraction = round((moment - whole) * 65536) >> 1
        count = BLOCK_SAMPLES if place != short else 50
        block = bytearray(512)
        block[:4] = b"AX\xfc\x01"
        struct.pack_into("<H", block, 4, 0x8000 | fraction)
        struct.pack_into("<I", block, 14, _stamp(whole))
        struct.pack_into("<H", block, 20, 256)  # 25 degC
        block[24] = 0x4A
        block[25] = 0x32  # three axes of 16 bits
        struct.pack_into("<h", block, 26, -((fraction << 1) * 100 >> 16))
        struct.pack_into("<H", block, 28, count)
        for sample in range(count):
            struct.pack_into("<3h", block, 30 + 6 * sample, place, sample, 256)
        words = struct.unpack("<255H", block[:510])
        struct.pack_into("<H", block, 510, -sum(words) & 0xFFFF)
        if place in damaged:
            block[40] ^= 0xFF
        parts.append(bytes(block))
    return b"".join(parts)


def _read(path: Path, form: Format, zone: str | None = None) -> Recording:
    with opened(path) as files:
        (group,) = form.claims(files, files.names)
        (recording,) = form.read(files, group, Options(zone=zone))
        return recording


def _written(tmp_path: Path, data: bytes, name: str = "a.cwa") -> Path:
    (tmp_path / name).write_bytes(data)
    return tmp_path / name


def _acceleration(recording: Recording) -> Waveform:
    channel = recording.channels["acceleration"]
    assert isinstance(channel, Waveform)
    return channel


def _said(recording: Recording) -> dict[str, int]:
    return {finding.what: finding.count for finding in recording.findings}


@pytest.mark.parametrize("true_hz", [97.0, 103.0])
def test_the_rate_is_that_of_the_stamps_and_not_the_ordered_one(
    tmp_path: Path, true_hz: float
) -> None:
    moments = [1000 + k * BLOCK_SAMPLES / true_hz for k in range(50)]
    channel = _acceleration(_read(_written(tmp_path, _cwa(moments)), AXIVITY))
    assert len(channel.segments) == 1
    assert channel.samples == 50 * BLOCK_SAMPLES
    assert channel.rate_hz == pytest.approx(true_hz, rel=2e-3)
    assert channel.nominal_rate_hz == 100
    assert channel.limits == (-8, 8)


def test_a_damaged_block_is_a_gap_and_is_counted(tmp_path: Path) -> None:
    moments = [1000 + k * 0.8 for k in range(50)]
    recording = _read(_written(tmp_path, _cwa(moments, damaged=(20,))), AXIVITY)
    channel = _acceleration(recording)
    assert [len(segment.values) for segment in channel.segments] == [1600, 29 * 80]
    apart = channel.segments[1].start_ns - channel.segments[0].start_ns
    assert apart / 1e9 == pytest.approx(21 * 0.8, abs=2e-3)
    assert _said(recording)["damaged parts of the file, left out"] == 1


def test_a_pause_between_blocks_stays_a_gap(tmp_path: Path) -> None:
    moments = [1000 + k * 0.8 + (30 if k >= 25 else 0) for k in range(50)]
    channel = _acceleration(_read(_written(tmp_path, _cwa(moments)), AXIVITY))
    assert [segment.seconds for segment in channel.segments] == pytest.approx([20, 20], rel=1e-3)


def test_a_block_that_is_not_full_does_not_shift_the_next(tmp_path: Path) -> None:
    moments = [1000 + k * 0.8 for k in range(50)]
    channel = _acceleration(_read(_written(tmp_path, _cwa(moments, short=10)), AXIVITY))
    assert channel.samples == 49 * 80 + 50
    second = channel.segments[1]
    assert (second.start_ns - channel.segments[0].start_ns) / 1e9 == pytest.approx(8.8, abs=2e-3)
    assert second.values[0, 0] == np.float32(11 / 256)


def test_the_clock_runs_on_through_a_change_of_clocks(tmp_path: Path) -> None:
    # 1 May in Berlin is two hours ahead; the file says nothing of it, the holder does
    path = _written(tmp_path, _cwa([1000 + k * 0.8 for k in range(10)]))
    bare, zoned = _read(path, AXIVITY), _read(path, AXIVITY, "Europe/Berlin")
    assert (bare.zone, zoned.zone) == ("", "Europe/Berlin")
    assert bare.span_ns[0] - zoned.span_ns[0] == 7200 * 10**9
    temperature = zoned.channels["skin_temperature"]
    assert isinstance(temperature, Series)
    assert set(temperature.offset_minutes) == {120}
    assert set(temperature.value) == {25.0}


def test_a_file_without_a_sound_block_is_an_error_in_one_line(tmp_path: Path) -> None:
    data = _cwa([1000 + k * 0.8 for k in range(5)], damaged=(0, 1, 2, 3, 4))
    with pytest.raises(DataError, match=r"^[^\n]*damaged parts of the file, left out \(5\)$"):
        _read(_written(tmp_path, data), AXIVITY)


def test_a_file_of_other_content_is_not_claimed_whatever_its_name() -> None:
    files = MemoryFiles({"a.cwa": b"MD is a country", "b.gt3x": b"PK\x03\x04", "c.bin": b"\0" * 99})
    assert [form.claims(files, files.names) for form in FORMATS] == [[], [], []]


def test_a_gt3x_that_unfolds_to_other_bytes_is_refused_before_the_library_sees_it(
    tmp_path: Path,
) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("info.txt", "Sample Rate: 30\n")
        archive.writestr("log.bin", b"\x1e" * 5000)
    data = bytearray(held.getvalue())
    data[data.index(b"\x1e" * 9)] ^= 1
    with pytest.raises(DataError, match="a damaged GT3X file"):
        _read(_written(tmp_path, bytes(data), "a.gt3x"), GT3X)


def test_a_header_that_counts_too_many_pages_is_refused(tmp_path: Path) -> None:
    header = [b"Device Identity"] + [b"Key:value"] * 57 + [b"Number of Pages:99999999999"]
    page = [b"Recorded Data"] + [b"Key:value"] * 8 + [b"0" * 3600]
    data = b"\r\n".join(header + page * 2 + [b""])
    with pytest.raises(DataError, match="more pages than a device holds"):
        _read(_written(tmp_path, data, "a.bin"), GENEACTIV)


def _library(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    fake = types.ModuleType("actfast")

    def read(path: str, lenient: bool = False) -> None:
        raise error

    fake.read = read  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "actfast", fake)


def test_a_panic_of_the_library_is_a_data_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})
    _library(monkeypatch, panic("index out of bounds"))
    with pytest.raises(DataError, match="damaged in a way that its library cannot name"):
        _read(_written(tmp_path, _cwa([1000.0])), AXIVITY)


def test_an_interrupt_is_not_taken_for_a_panic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _library(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        _read(_written(tmp_path, _cwa([1000.0])), AXIVITY)


def test_without_the_library_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "actfast", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'holter\[accelerometer\]'"):
        _read(_written(tmp_path, _cwa([1000.0])), AXIVITY)


def test_fixed_offsets_have_names_with_the_sign_the_other_way_round() -> None:
    assert [fixed_zone(away) for away in (0, 60, -300, 330)] == [
        "UTC",
        "Etc/GMT-1",
        "Etc/GMT+5",
        "UTC",
    ]


# (folder and file, format, samples, header's rate, measured rate, seconds of each segment)
SAMPLES = [
    ("accelerometry/ax3_testfile.cwa", AXIVITY, 17400, 100, 98.86, [176.0]),
    ("accelerometry/ax6_testfile.cwa", AXIVITY, 11320, 100, 99.04, [114.3]),
    ("accelerometry_cmi/axivity_ax3.cwa", AXIVITY, 3600, 100, 98.85, [36.4]),
    ("accelerometry_cmi/axivity_ax6.cwa", AXIVITY, 1200, 100, 99.11, [12.1]),
    ("accelerometry/GENEActiv_testfile.bin", GENEACTIV, 5031, 85.7, 85.714, [58.7]),
    ("accelerometry_cmi/geneactiv.bin", GENEACTIV, 6000, 60, 60.0, [100.0]),
    ("accelerometry_cmi/actigraph.gt3x", GT3X, 4860, 60, 60.0, [81.0]),
]


@pytest.mark.recordings
@pytest.mark.parametrize(("name", "form", "samples", "stated", "measured", "seconds"), SAMPLES)
def test_real_files_give_every_sample_at_the_measured_rate(
    data_root: Path,
    name: str,
    form: Format,
    samples: int,
    stated: float,
    measured: float,
    seconds: list[float],
) -> None:
    path = data_root / "format_samples" / name
    recording = _read(path, form)
    channel = _acceleration(recording)
    tables = actfast.read(str(path))["timeseries"]
    direct = tables.get("high_frequency", tables.get("acceleration"))["acceleration"]
    assert channel.samples == samples == len(direct)
    assert channel.nominal_rate_hz == stated
    assert channel.rate_hz == pytest.approx(measured, abs=0.01)
    assert [s.seconds for s in channel.segments] == pytest.approx(seconds, abs=0.1)
    assert channel.segments[0].values[0] == pytest.approx(direct[0], abs=1e-6)
    assert "damaged parts of the file, left out" not in _said(recording)


@pytest.mark.recordings
def test_the_corrupt_file_loses_its_six_damaged_blocks_and_nothing_else(data_root: Path) -> None:
    folder = data_root / "format_samples" / "accelerometry"
    recording = _read(folder / "ax3_testfile_corrupt_blocks_0_13_14_142_143_144.cwa", AXIVITY)
    sound = _read(folder / "ax3_testfile.cwa", AXIVITY)
    assert _said(recording)["damaged parts of the file, left out"] == 6
    assert _acceleration(sound).samples - _acceleration(recording).samples == 6 * 120
    assert len(_acceleration(recording).segments) == 2


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "form", "zone", "first"),
    [
        ("accelerometry_cmi/actigraph.gt3x", GT3X, "Etc/GMT+5", "2024-04-30T19:53:00"),
        ("accelerometry_cmi/geneactiv.bin", GENEACTIV, "Etc/GMT+5", "2024-04-30T20:13:30"),
        (
            "accelerometry/GENEActiv_testfile.bin",
            GENEACTIV,
            "Etc/GMT-1",
            "2013-05-30T09:12:54.500",
        ),
    ],
)
def test_the_headers_offset_brings_local_time_to_utc(
    data_root: Path, name: str, form: Format, zone: str, first: str
) -> None:
    recording = _read(data_root / "format_samples" / name, form)
    assert recording.zone == zone
    start = _acceleration(recording).segments[0].start_ns
    assert np.datetime64(start, "ns") == np.datetime64(first)


@pytest.mark.recordings
def test_no_serial_number_or_name_leaves_the_file(data_root: Path) -> None:
    path = data_root / "format_samples/accelerometry_cmi/actigraph.gt3x"
    about = actfast.read(str(path))["metadata"]["info"]
    shown = repr(_read(path, GT3X))
    assert about["Serial Number"] not in shown
    assert about["Subject Name"] not in shown
