"""Sessions of the E4: real ones counted line by line, and small ones with damage put in."""

from __future__ import annotations

import random
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from holter.device.files import opened
from holter.signals.errors import DataError
from holter.signals.readers.empatica_e4 import FORMAT
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.formats import Options
from holter.signals.recording import SECOND_NS, Recording, Series, Waveform

START = 1_600_000_000


def acc(rows: int = 64, start: float = START) -> bytes:
    head = f"{start:.6f}, {start:.6f}, {start:.6f}\n32.000000, 32.000000, 32.000000\n"
    return (head + "".join(f"{i % 9},-3,64\n" for i in range(rows))).encode()


def one(values: list[float], rate: float = 4, start: float = START) -> bytes:
    return (f"{start:.6f}\n{rate:.6f}\n" + "".join(f"{v:.6f}\n" for v in values)).encode()


def session() -> dict[str, bytes]:
    return {
        "S/ACC.csv": acc(),
        "S/BVP.csv": one([0.5] * 128, 64),
        "S/EDA.csv": one([1.5] * 8),
        "S/HR.csv": one([70, 71, 72], 1, START + 1),
        "S/IBI.csv": f"{START:.6f}, IBI\n0.8,0.8\n1.7,0.9\n".encode(),
        "S/TEMP.csv": one([33.1] * 8),
        "S/tags_S.csv": f"{START + 1}\r\n".encode(),
    }


def read(content: dict[str, bytes]) -> Recording:
    files = MemoryFiles(content)
    groups = FORMAT.claims(files, files.names)
    assert len(groups) == 1
    return FORMAT.read(files, groups[0], Options())[0]


def waveform(recording: Recording, name: str) -> Waveform:
    channel = recording.channels[name]
    assert isinstance(channel, Waveform)
    return channel


def series(recording: Recording, name: str) -> Series:
    channel = recording.channels[name]
    assert isinstance(channel, Series)
    return channel


def found(recording: Recording, channel: str = "") -> dict[str, int]:
    return {f.what: f.count for f in recording.findings if f.channel == channel}


def test_a_session_is_one_recording_with_every_channel_and_nothing_odd() -> None:
    recording = read(session())
    assert recording.findings == ()
    assert recording.device_class == "research wrist"
    acceleration = waveform(recording, "acceleration")
    assert acceleration.axes == ("x", "y", "z")
    assert acceleration.segments[0].values[1].tolist() == [1 / 64, -3 / 64, 1.0]
    assert acceleration.limits == (-2.0, 2.0)
    assert series(recording, "heart_rate").time_ns.tolist() == [
        (START + 1 + i) * SECOND_NS for i in range(3)
    ]
    assert series(recording, "rr_interval").value.tolist() == [0.8, 0.9]
    assert series(recording, "event").time_ns.tolist() == [(START + 1) * SECOND_NS]


def test_a_zip_as_the_vendor_gives_it_is_a_session(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "1600000000_A00000.zip", "w") as archive:
        for name, data in session().items():
            archive.writestr(name.removeprefix("S/").replace("tags_S", "tags"), data)
    with opened(tmp_path / "1600000000_A00000.zip") as files:
        (group,) = FORMAT.claims(files, files.names)
        recording = FORMAT.read(files, group, Options())[0]
    assert recording.findings == () and len(recording.channels) == 7


def test_each_folder_is_a_session_and_a_stranger_among_them_is_not_claimed() -> None:
    content = session() | {"T/EDA.csv": one([1.0]), "T/notes.csv": b"a,b\n", "S/photo.jpg": b"x"}
    files = MemoryFiles(content)
    groups = FORMAT.claims(files, files.names)
    assert sorted(groups) == [tuple(sorted(session())), ("T/EDA.csv",)]


@pytest.mark.parametrize(
    "foreign",
    [b"", b"72\n73\n74\n", b"time,value\n1,2\n", b"1600000000.0\n", b"1600000000.0\n0\n1\n",
     b"\xff\xfe\x00", b"1600000000.0\n-4\n1\n", b"1600000000.0\nnan\n1\n"],
)  # fmt: skip
def test_a_file_with_the_right_name_and_foreign_content_is_not_claimed(foreign: bytes) -> None:
    files = MemoryFiles({"HR.csv": foreign, "tags.csv": b"1600000000\n"})
    assert not FORMAT.claims(files, files.names)


def test_a_file_that_lost_its_start_is_left_out_and_counted() -> None:
    recording = read(session() | {"S/TEMP.csv": b"33.1\n33.2\n33.3\n"})
    assert "skin_temperature" not in recording.channels
    left_out = {"files without a start and a rate in front, left out": 1}
    assert found(recording, "skin_temperature") == left_out


@pytest.mark.parametrize("damage", [b"oops", b"", b"1,2", b"nan", b"\xff\xff", b"inf"])
def test_a_damaged_row_is_masked_and_the_rows_after_it_keep_their_times(damage: bytes) -> None:
    rows = session()["S/EDA.csv"].split(b"\n")
    rows[4] = damage
    recording = read(session() | {"S/EDA.csv": b"\n".join(rows)})
    values = waveform(recording, "eda").segments[0].values[:, 0]
    assert np.isnan(values).tolist() == [False, False, True] + [False] * 5
    assert found(recording, "eda") == {"damaged rows, masked": 1}


def test_a_last_row_that_is_cut_off_is_masked_and_counted() -> None:
    recording = read(session() | {"S/ACC.csv": acc()[:-2]})
    values = waveform(recording, "acceleration").segments[0].values
    assert np.isnan(values[-1]).all() and not np.isnan(values[:-1]).any()
    assert found(recording, "acceleration") == {"last rows that are cut off, masked": 1}


def test_line_ends_of_other_systems_change_nothing() -> None:
    for end in (b"\r\n", b"\r"):
        changed = {name: data.replace(b"\n", end) for name, data in session().items()
                   if name != "S/IBI.csv" and "tags" not in name}  # fmt: skip
        recording = read(session() | changed)
        assert recording.findings == ()
        assert waveform(recording, "eda").samples == 8


def test_impossible_values_are_masked_and_counted() -> None:
    recording = read(session() | {"S/TEMP.csv": one([33.0, 382.21, 33.0, 33.0, 33, 33, 33, 33])})
    assert found(recording, "skin_temperature") == {"impossible values, masked": 1}


def test_files_that_do_not_end_together_are_noted() -> None:
    recording = read(session() | {"S/EDA.csv": one([1.5] * 80)})
    assert found(recording) == {"files that end over 5 s away from the others": 1}
    late = read(session() | {"S/EDA.csv": one([1.5] * 8, start=START + 86_400)})
    assert found(late) == {"files that end over 5 s away from the others": 1}


def test_a_session_without_any_samples_is_refused() -> None:
    with pytest.raises(DataError, match="nothing that holter reads"):
        read({"ACC.csv": acc(0)})


def test_damaged_tags_and_intervals_are_left_out_and_counted() -> None:
    recording = read(session() | {
        "S/tags_S.csv": f"{START}\nx\n".encode(),
        "S/IBI.csv": f"{START}, IBI\n0.8,0.8\n1.7\n2.6,9.0\n".encode(),
    })  # fmt: skip
    assert found(recording, "event") == {"rows with an impossible time, left out": 1}
    assert found(recording, "rr_interval") == {
        "damaged rows, left out": 1, "impossible values, masked": 1
    }  # fmt: skip


def test_only_data_errors_come_out_of_changed_bytes() -> None:
    dice = random.Random(11)
    began, whole_ones = time.process_time(), 0
    for _ in range(200):
        content = session()
        name = dice.choice(sorted(content))
        changed = bytearray(content[name])
        for _ in range(dice.randint(1, 4)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        content[name] = bytes(changed)
        try:
            read(content)
            whole_ones += 1
        except DataError as error:
            assert "\n" not in str(error)
    assert whole_ones > 100
    assert time.process_time() - began < 20


@pytest.mark.recordings
@pytest.mark.parametrize("person", ["S02", "S05", "S12"])
def test_a_real_session_has_a_sample_for_every_line(data_root: Path, person: str) -> None:
    folder = data_root / "format_samples" / "empatica_e4" / person
    with opened(folder) as files:
        (group,) = FORMAT.claims(files, files.names)
        assert len(group) == 8
        recording = FORMAT.read(files, group, Options())[0]

    def lines(name: str) -> int:
        return (folder / name).read_bytes().count(b"\n")

    assert recording.findings == ()
    for name, kind in (("ACC", "acceleration"), ("BVP", "ppg"), ("EDA", "eda"),
                       ("TEMP", "skin_temperature")):  # fmt: skip
        assert waveform(recording, kind).samples == lines(f"{name}.csv") - 2
    assert len(series(recording, "heart_rate").value) == lines("HR.csv") - 2
    assert len(series(recording, "rr_interval").value) == lines("IBI.csv") - 1
    assert len(series(recording, "event").value) == lines(f"tags_{person}.csv")
