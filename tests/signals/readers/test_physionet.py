"""WFDB records: five real ones against wfdb itself; small ones, hostile and changed headers."""

from __future__ import annotations

import datetime
import random
import socket
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from holter.device.files import opened
from holter.signals.errors import DataError, ExtraMissing, Unsupported
from holter.signals.readers import physionet
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.formats import Options
from holter.signals.readers.physionet import FORMAT
from holter.signals.recording import SECOND_NS, Recording, Series, Waveform

wfdb = pytest.importorskip("wfdb")

RATE = 100
ROWS = 500
MILLENNIUM_NS = 946_684_800 * SECOND_NS


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a reader tried to reach the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def written(
    folder: Path,
    labels: list[str] | None = None,
    units: list[str] | None = None,
    name: str = "r1",
    when: tuple[datetime.time, datetime.date] | None = None,
) -> Path:
    labels, units = labels or ["II", "PLETH"], units or ["mV", "NU"]
    ramp = np.stack([np.linspace(-1, 1 + i, ROWS) for i in range(len(labels))], axis=1)
    wfdb.wrsamp(
        name, RATE, units, labels, p_signal=ramp, fmt=["16"] * len(labels), write_dir=str(folder),
        base_time=when and when[0], base_date=when and when[1],
    )  # fmt: skip
    wfdb.wrann(
        name, "atr", np.array([10, 110, 210, 300]), ["N", "V", "N", "+"], write_dir=str(folder),
        aux_note=["", "", "", "(AFIB"],
    )  # fmt: skip
    return folder


def read(folder: Path, options: Options | None = None) -> Recording:
    with opened(folder) as files:
        (group,) = FORMAT.claims(files, files.names)
        return FORMAT.read(files, group, options or Options())[0]


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


def header(folder: Path, old: str, new: str) -> Path:
    path = folder / "r1.hea"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return folder


def test_a_record_is_claimed_with_its_signals_and_annotations_and_nothing_else(
    tmp_path: Path,
) -> None:
    written(tmp_path)
    (tmp_path / "note.hea").write_text("Dear reader, this is a letter.\n")
    (tmp_path / "other.dat").write_bytes(b"x")
    with opened(tmp_path) as files:
        assert FORMAT.claims(files, files.names) == [("r1.hea", "r1.atr", "r1.dat")]


def test_signals_beats_and_rhythms_are_read_at_their_times(tmp_path: Path) -> None:
    when = (datetime.time(22, 30), datetime.date(2021, 3, 4))
    recording = read(written(tmp_path, when=when))
    start = 1_614_897_000 * SECOND_NS
    ecg = waveform(recording, "ecg")
    assert (ecg.axes, ecg.samples, ecg.segments[0].start_ns) == (("II",), ROWS, start)
    assert np.abs(ecg.segments[0].values[:, 0] - np.linspace(-1, 1, ROWS)).max() < 1e-3
    assert waveform(recording, "ppg").samples == ROWS
    beat = series(recording, "beat")
    assert [beat.names[int(v)] for v in beat.value] == ["N", "V", "N"]
    assert ((beat.time_ns - start) // (SECOND_NS // RATE)).tolist() == [10, 110, 210]
    assert series(recording, "event").names == ("+ (AFIB",)
    assert recording.findings == () and recording.zone == ""


def test_a_record_without_a_date_is_put_on_a_day_of_its_own_and_says_so(tmp_path: Path) -> None:
    recording = read(written(tmp_path))
    assert recording.span_ns[0] == MILLENNIUM_NS
    assert any("without a date" in what for what in found(recording))


def test_a_zone_that_the_holder_names_turns_wall_clock_into_utc(tmp_path: Path) -> None:
    when = (datetime.time(22, 30), datetime.date(2021, 3, 4))
    recording = read(written(tmp_path, when=when), Options(zone="Europe/Berlin"))
    assert recording.span_ns[0] == (1_614_897_000 - 3600) * SECOND_NS


def test_a_record_in_a_zip_is_read(tmp_path: Path) -> None:
    written(tmp_path)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for ending in ("hea", "dat", "atr"):
            archive.write(tmp_path / f"r1.{ending}", f"inner/r1.{ending}")
    recording = read(tmp_path / "all.zip")
    assert waveform(recording, "ecg").samples == ROWS
    assert len(series(recording, "beat").value) == 3


def test_signals_that_are_of_no_kind_are_counted(tmp_path: Path) -> None:
    recording = read(written(tmp_path, ["EEG", "BP", "V2"], ["mV", "mmHg", "mV"]))
    assert [n for n in recording.channels if n not in ("beat", "event")] == ["ecg"]
    assert 2 in found(recording).values()


def test_two_leads_of_one_name_are_both_kept(tmp_path: Path) -> None:
    folder = header(written(tmp_path, ["ECGa", "ECGb"], ["mV", "mV"]), "ECGa", "ECGb")
    recording = read(folder)
    assert waveform(recording, "ecg:ECGb").samples == ROWS
    assert waveform(recording, "ecg:ECGb#2").samples == ROWS


def test_a_changed_sample_is_noticed_by_the_checksum_and_read_all_the_same(tmp_path: Path) -> None:
    data = bytearray((written(tmp_path) / "r1.dat").read_bytes())
    data[40] ^= 1
    (tmp_path / "r1.dat").write_bytes(data)
    assert (
        found(read(tmp_path))["signals whose checksum is not the header's, read all the same"] == 1
    )


@pytest.mark.parametrize(
    "elsewhere",
    ["../../etc/passwd", "/etc/passwd", "sub/r1.dat", "..", "https://physionet.org/r1.dat",
     "s3://bucket/r1.dat", "file::r1.dat"],
)  # fmt: skip
def test_a_header_may_not_lead_outside_its_folder(tmp_path: Path, elsewhere: str) -> None:
    header(written(tmp_path), "r1.dat", elsewhere)
    with opened(tmp_path) as files:
        with pytest.raises(DataError, match=r"outside its folder|damaged|not there") as caught:
            FORMAT.read(files, ("r1.hea",), Options())
    assert "\n" not in str(caught.value)


def test_a_file_that_is_named_and_not_there_is_not_looked_for_elsewhere(tmp_path: Path) -> None:
    header(written(tmp_path), "r1.dat", "r2.dat")
    with pytest.raises(DataError, match=r"r2\.dat, which is not there"):
        read(tmp_path)


def test_a_record_that_is_cut_off_or_speaks_of_too_much_is_refused_before_reading(
    tmp_path: Path,
) -> None:
    header(written(tmp_path), f" {RATE} {ROWS}", f" {RATE} {ROWS + 9}")
    with pytest.raises(DataError, match="cut off"):
        read(tmp_path)
    header(tmp_path, f" {RATE} {ROWS + 9}", f" {RATE} 99999999999999")
    with pytest.raises(DataError, match="samples"):
        read(tmp_path)


def test_a_record_without_a_length_is_read_to_the_end_of_its_file(tmp_path: Path) -> None:
    header(written(tmp_path), f" {RATE} {ROWS}", f" {RATE}")
    assert waveform(read(tmp_path), "ecg").samples == ROWS


def test_compressed_signals_are_said_to_be_unsupported(tmp_path: Path) -> None:
    header(written(tmp_path), "r1.dat 16", "r1.dat 516")
    with pytest.raises(Unsupported, match="516"):
        read(tmp_path)


def test_segments_are_read_with_the_gap_between_them(tmp_path: Path) -> None:
    written(tmp_path, name="s1")
    written(tmp_path, name="s2")
    length = 2 * ROWS + 1000
    (tmp_path / "m.hea").write_text(f"m/3 2 {RATE} {length}\ns1 {ROWS}\n~ 1000\ns2 {ROWS}\n")
    recording = read(tmp_path)
    segments = waveform(recording, "ecg").segments
    assert [len(s.values) for s in segments] == [ROWS, ROWS]
    assert segments[1].start_ns - segments[0].start_ns == (ROWS + 1000) * SECOND_NS // RATE
    (tmp_path / "s2.hea").unlink()
    with opened(tmp_path) as files, pytest.raises(DataError, match="'s2', which is not beside"):
        FORMAT.read(files, FORMAT.claims(files, files.names)[0], Options())


def test_a_header_that_names_one_segment_over_and_over_does_not_exhaust_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(physionet, "_MOST_SAMPLES", 9 * 2 * ROWS)
    written(tmp_path, name="s1")
    for times, fits in ((9, True), (10, False)):
        lines = f"m/{times} 2 {RATE} {times * ROWS}\n" + f"s1 {ROWS}\n" * times
        (tmp_path / "m.hea").write_text(lines)
        if fits:
            assert waveform(read(tmp_path), "ecg").samples == times * ROWS
            continue
        with pytest.raises(DataError, match="read a part of it"):
            read(tmp_path)


def test_a_record_of_records_of_records_ends(tmp_path: Path) -> None:
    (tmp_path / "m.hea").write_text(f"m/1 2 {RATE} {ROWS}\nm {ROWS}\n")
    with pytest.raises(DataError):
        read(tmp_path)


@pytest.mark.parametrize(
    "foreign", [b"", b"\x89PNG\r\n\x1a\n", b"a,b\n1,2\n", b"# only a comment\n", b"r1 two\n"]
)
def test_a_foreign_header_is_not_claimed(foreign: bytes) -> None:
    files = MemoryFiles({"r1.hea": foreign})
    assert not FORMAT.claims(files, files.names)


def test_a_damaged_annotation_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (written(tmp_path) / "r1.atr").write_bytes(b"\x01\x02\x03")
    with pytest.raises(DataError, match="damaged annotation file"):
        read(tmp_path)


def test_a_missing_library_is_named_by_its_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = written(tmp_path)
    monkeypatch.setitem(sys.modules, "wfdb", None)
    with pytest.raises(ExtraMissing) as caught:
        read(folder)
    assert caught.value.extra == "wfdb"


def test_only_data_errors_come_out_of_changed_bytes(tmp_path: Path) -> None:
    written(tmp_path)
    content = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    dice = random.Random(3)
    began, outcomes = time.process_time(), Counter[bool]()
    for turn in range(200):
        name = ("r1.hea", "r1.atr", "r1.hea", "r1.dat")[turn % 4]
        changed = bytearray(content[name])
        for _ in range(dice.randint(1, 4)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        (tmp_path / name).write_bytes(changed)
        with opened(tmp_path) as files:
            for group in FORMAT.claims(files, files.names):
                try:
                    FORMAT.read(files, group, Options())
                    outcomes[True] += 1
                except DataError as error:
                    assert "\n" not in str(error) and str(tmp_path) not in str(error)
                    outcomes[False] += 1
        (tmp_path / name).write_bytes(content[name])
    assert outcomes[True] > 30 and outcomes[False] > 10
    assert time.process_time() - began < 30


@pytest.mark.recordings
def test_every_sample_and_annotation_of_five_real_records_is_there(data_root: Path) -> None:
    folder = data_root / "format_samples" / "wfdb_mitbih"
    with opened(folder) as files:
        groups = FORMAT.claims(files, files.names)
        assert [group[0] for group in groups] == [f"{n}.hea" for n in (101, 106, 109, 119, 208)]
        for group in groups:
            recording = FORMAT.read(files, group, Options())[0]
            for lead in ("MLII", "V1"):
                channel = waveform(recording, f"ecg:{lead}")
                assert (channel.samples, channel.rate_hz) == (650_000, 360.0)
            told = wfdb.rdann(str(folder / group[0][:-4]), "atr")
            beat, event = series(recording, "beat"), series(recording, "event")
            assert len(beat.value) + len(event.value) == len(told.sample)
            counts = Counter(beat.names[int(v)] for v in beat.value)
            assert counts == {s: n for s, n in Counter(told.symbol).items() if s in beat.names}
            assert len(found(recording)) == 1  # that the record has no date


@pytest.mark.recordings
def test_the_values_of_a_real_record_are_those_of_wfdb(data_root: Path) -> None:
    folder = data_root / "format_samples" / "wfdb_mitbih"
    expected = wfdb.rdrecord(str(folder / "208")).p_signal[:, 0]
    with opened(folder) as files:
        group = next(g for g in FORMAT.claims(files, files.names) if g[0] == "208.hea")
        recording = FORMAT.read(files, group, Options())[0]
    values = waveform(recording, "ecg:MLII").segments[0].values[:, 0]
    assert np.array_equal(values, expected.astype(np.float32))
