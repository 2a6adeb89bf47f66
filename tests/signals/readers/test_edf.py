"""EDF and BDF: files written by pyedflib, then cut, falsified and changed byte by byte."""

from __future__ import annotations

import datetime
import random
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from holter.device.files import opened
from holter.signals.errors import DataError, ExtraMissing
from holter.signals.readers.edf import FORMAT, signal_kind
from holter.signals.readers.formats import Options
from holter.signals.recording import SECOND_NS, Recording, Series, Waveform

pyedflib = pytest.importorskip("pyedflib")

START = datetime.datetime(2021, 3, 4, 22, 30)
START_NS = 1_614_897_000 * SECOND_NS
SECONDS = 30
SIGNALS = [
    ("ECG", "mV", 128),
    ("EEG Fpz-Cz", "uV", 64),
    ("SaO2", "%", 1),
    ("Temp rectal", "degC", 1),
]
STAGES = [(0, 10, "Sleep stage W"), (10, 10, "Sleep stage N2"), (20, 10, "Sleep stage ?"),
          (12, 0, "Lights off")]  # fmt: skip


def written(
    path: Path,
    signals: list[tuple[str, str, int]] = SIGNALS,
    marks: list[tuple[float, float, str]] = STAGES,
    kind: int = pyedflib.FILETYPE_EDFPLUS,
    start: datetime.datetime = START,
    level: float = 50.0,
) -> Path:
    with pyedflib.EdfWriter(str(path), len(signals), file_type=kind) as writer:
        writer.setStartdatetime(start)
        writer.setPatientName("Somebody")
        for i, (label, unit, rate) in enumerate(signals):
            writer.setSignalHeader(i, {
                "label": label, "dimension": unit, "sample_frequency": rate,
                "physical_min": -100, "physical_max": 100, "digital_min": -32768,
                "digital_max": 32767, "transducer": "", "prefilter": "",
            })  # fmt: skip
        ramp = [
            np.linspace(-20, 20, SECONDS * rate) if rate > 1 else np.full(SECONDS, level)
            for _, _, rate in signals
        ]
        writer.writeSamples(ramp)
        for onset, duration, text in marks:
            writer.writeAnnotation(onset, duration, text)
    return path


def read(path: Path, options: Options | None = None) -> Recording:
    with opened(path) as files:
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


UNREAD = "signals that are not of the heart, motion, skin or breath, not read"


@pytest.mark.parametrize(
    ("label", "unit", "expected"),
    [
        ("ECG II", "uV", ("ecg", "uV")), ("EKG1-EKG2", "mV", ("ecg", "mV")),
        ("MLII", "mV", ("ecg", "mV")), ("V5", "mV", ("ecg", "mV")), ("aVR", "mV", ("ecg", "mV")),
        ("ECG", "%", None), ("EEG C4-M1", "uV", None), ("EOG left", "uV", None),
        ("EMG chin", "uV", None), ("Fp1-A2", "mV", None), ("Resp nasal", "mV", None),
        ("SpO2", "", ("spo2", None)), ("Pulse", "bpm", ("heart_rate", "bpm")),
        ("PLETH", "NU", ("ppg", None)), ("Temp rectal", "DegC", ("body_temperature", "degC")),
        ("Temp", "C", ("skin_temperature", "degC")), ("GSR", "uS", ("eda", "uS")),
        ("Acc X", "g", ("acceleration", "g")), ("Acc X", "counts", None), ("", "", None),
    ],
)  # fmt: skip
def test_a_signal_is_told_by_its_label_and_unit_together(
    label: str, unit: str, expected: tuple[str, str | None] | None
) -> None:
    assert signal_kind(label, unit) == expected


def test_signals_of_the_body_are_read_and_those_of_the_brain_are_counted(tmp_path: Path) -> None:
    recording = read(written(tmp_path / "night.edf"))
    ecg = waveform(recording, "ecg")
    assert (ecg.samples, ecg.segments[0].rate_hz, ecg.segments[0].start_ns) == (
        128 * SECONDS, 128.0, START_NS,
    )  # fmt: skip
    expected = np.linspace(-20, 20, 128 * SECONDS)
    assert np.abs(ecg.segments[0].values[:, 0] - expected).max() < 200 / 65535
    assert ecg.limits == (-100.0, 100.0)
    assert series(recording, "spo2").value == pytest.approx([50.0] * SECONDS, abs=0.01)
    assert found(recording)[UNREAD] == 1
    assert recording.zone == ""
    assert "Somebody" not in repr(recording)


def test_stages_of_sleep_are_spans_and_other_marks_are_events(tmp_path: Path) -> None:
    recording = read(written(tmp_path / "night.edf"))
    sleep = series(recording, "sleep_stage")
    told = [None if np.isnan(v) else sleep.names[int(v)] for v in sleep.value]
    assert told == ["wake", "N2", None]
    assert ((sleep.until_ns - sleep.time_ns) // SECOND_NS).tolist() == [10, 10, 10]
    assert found(recording)["stages that were not scored, masked"] == 1
    event = series(recording, "event")
    assert event.names == ("Lights off",)
    assert event.time_ns.tolist() == [START_NS + 12 * SECOND_NS]


def test_a_stage_without_a_duration_lasts_until_the_next(tmp_path: Path) -> None:
    marks: list[tuple[float, float, str]] = [(0, -1, "Sleep stage 1"), (20, -1, "Sleep stage R")]
    sleep = series(read(written(tmp_path / "night.edf", marks=marks)), "sleep_stage")
    assert [sleep.names[int(v)] for v in sleep.value] == ["N1", "REM"]
    assert ((sleep.until_ns - sleep.time_ns) // SECOND_NS).tolist() == [20, 0]


def test_a_zone_that_the_holder_names_turns_wall_clock_into_utc(tmp_path: Path) -> None:
    recording = read(written(tmp_path / "night.edf"), Options(zone="Europe/Berlin"))
    assert waveform(recording, "ecg").segments[0].start_ns == START_NS - 3600 * SECOND_NS
    assert recording.zone == "Europe/Berlin"
    assert set(series(recording, "spo2").offset_minutes) == {60}


def test_a_file_in_a_zip_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(written(tmp_path / "night.edf"), "inner/night.edf")
    assert waveform(read(tmp_path / "all.zip"), "ecg").samples == 128 * SECONDS


def test_bdf_is_read_too(tmp_path: Path) -> None:
    path = written(tmp_path / "night.bdf", kind=pyedflib.FILETYPE_BDFPLUS)
    assert waveform(read(path), "ecg").samples == 128 * SECONDS


def test_three_axes_of_one_sensor_become_one_channel(tmp_path: Path) -> None:
    signals = [("Acc X", "mg", 32), ("Acc Y", "mg", 32), ("Acc Z", "mg", 32)]
    acceleration = waveform(read(written(tmp_path / "a.edf", signals, [])), "acceleration")
    assert acceleration.axes == ("x", "y", "z")
    assert acceleration.segments[0].values[-1].tolist() == pytest.approx([0.02] * 3, abs=1e-4)
    assert acceleration.limits == pytest.approx((-0.1, 0.1))


def test_several_leads_are_named_by_their_labels(tmp_path: Path) -> None:
    signals = [("ECG I", "mV", 32), ("ECG II", "mV", 32), ("ECG I", "mV", 32)]
    recording = read(written(tmp_path / "a.edf", signals, []))
    assert sorted(recording.channels) == ["ecg:ECG I", "ecg:ECG I#2", "ecg:ECG II"]


def test_impossible_values_are_masked_and_counted(tmp_path: Path) -> None:
    recording = read(written(tmp_path / "a.edf", level=10.0))
    assert np.isnan(series(recording, "spo2").value).all()
    assert found(recording)["impossible values, masked"] == SECONDS


def test_a_date_that_was_removed_is_said(tmp_path: Path) -> None:
    path = written(tmp_path / "a.edf", start=datetime.datetime(1985, 1, 1, 22, 0))
    assert any("dates that were removed" in what for what in found(read(path)))


def test_a_file_of_nothing_but_brain_signals_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.edf", [("EEG C3", "uV", 64)], [])
    with pytest.raises(DataError, match="nothing that holter reads"):
        read(path)


@pytest.mark.parametrize("foreign", [b"", b"0       ", b"0       " + b"x" * 300, b"id,a\n" * 99])
def test_a_foreign_file_is_not_claimed(tmp_path: Path, foreign: bytes) -> None:
    (tmp_path / "a.edf").write_bytes(foreign)
    with opened(tmp_path / "a.edf") as files:
        assert not FORMAT.claims(files, files.names)


def patched(path: Path, place: int, text: bytes) -> Path:
    data = bytearray(path.read_bytes())
    data[place : place + len(text)] = text
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("place", "text", "why"),
    [
        (192, b"EDF+D", "EDF\\+D"), (236, b"-1      ", "never closed"),
        (236, b"99999999", "samples|cut off"), (252, b"9999", "damaged EDF file"),
        (252, b"   0", "damaged EDF file"), (184, b"512     ", "length of its header"),
        (236, b"31      ", "cut off"), (168, b"99.99.99", "damaged EDF file"),
    ],
)  # fmt: skip
def test_a_false_header_is_refused_before_anything_is_read(
    tmp_path: Path, place: int, text: bytes, why: str
) -> None:
    with pytest.raises(DataError, match=why) as caught:
        read(patched(written(tmp_path / "a.edf"), place, text))
    assert "\n" not in str(caught.value) and str(tmp_path) not in str(caught.value)


def test_a_unit_in_other_letters_than_ascii_is_said_to_be_the_reason(tmp_path: Path) -> None:
    path = written(tmp_path / "a.edf", [("ECG", "uV", 64)], [])
    place = path.read_bytes().index(b"uV      ")
    with pytest.raises(DataError, match="letters in its header"):
        read(patched(path, place, b"\xb5"))


@pytest.mark.parametrize("keep", [200, 300, 1500, 4000, -1])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, keep: int) -> None:
    path = written(tmp_path / "a.edf")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"cut off|length of its header"):
        read(path)


def test_a_missing_library_is_named_by_its_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = written(tmp_path / "a.edf")
    monkeypatch.setitem(sys.modules, "pyedflib", None)
    with pytest.raises(ExtraMissing) as caught:
        read(path)
    assert caught.value.extra == "edf"


def test_only_data_errors_come_out_of_changed_bytes_and_nothing_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = written(tmp_path / "a.edf").read_bytes()
    dice = random.Random(5)
    began, whole_ones = time.process_time(), 0
    path = tmp_path / "changed.edf"
    for turn in range(200):
        changed = bytearray(data)
        for _ in range(dice.randint(1, 4)):  # half of the changes hit the header
            changed[dice.randrange(1536 if turn % 2 else len(changed))] = dice.randrange(256)
        path.write_bytes(changed)
        with opened(path) as files:
            for group in FORMAT.claims(files, files.names):
                try:
                    FORMAT.read(files, group, Options())
                    whole_ones += 1
                except DataError as error:
                    assert "\n" not in str(error)
    assert whole_ones > 50
    assert time.process_time() - began < 20
    assert capfd.readouterr().out == ""
