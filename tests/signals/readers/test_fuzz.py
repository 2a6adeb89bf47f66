"""Every reader against damaged files: only a DataError may come out, in bounded memory and time.

Sound files, real ones and small ones made here, are changed in seeded ways: bits and runs of
bytes, cuts, insertions, blocks there twice, numbers grown huge. Where a format guards its bytes
with checksums, half of the changes mend them, so that damage gets past the guard. Each format is
read by a child process (this file run as a script) that may take 1.5 GB beyond what it began
with, so that a reader which trusts a length in the file ends by MemoryError, and is told on.

A failure names the format and the number of the change; ``python test_fuzz.py FORMAT NUMBER 1
FOLDER 60`` makes that change alone, of the sound files in FOLDER.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

resource = pytest.importorskip("resource", reason="limits of memory are those of Unix")

MORE_BYTES = 1536 * 1024**2
# actfast asks for up to 4 GB of addresses before it reads a GT3X, and uses what the file fills
MORE_ADDRESSES = {"gt3x": 8 * 1024**3, "geneactiv": 8 * 1024**3}
SECONDS_A_CHANGE = 15  # of this process alone, whatever else the machine does
QUICK, LONG, LONG_SECONDS = 24, 4_000, 6.0

Change = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Case:
    """Sound files of one format; ``guarded`` changes bytes and mends what guards them."""

    module: str
    content: Mapping[str, bytes]
    guarded: Change | None = None
    mapping: Mapping[str, Any] | None = None


# ------------------------------------------------------------------------------------- changes

NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
HUGE = (b"9" * 30, b"1e308", b"-1e308", b"2147483648", b"-9223372036854775809", b"1" + b"0" * 400,
        b"18446744073709551616", b"NaN", b"inf", b"0", b"-1", b"1e-320", b"")  # fmt: skip
WORDS = (b"\xff" * 8, b"\0" * 8, b"\xff\xff\xff\x7f" * 2, b"\0\0\0\x80" * 2, b"\0\0\xf0\x7f" * 2)


def changed(data: bytes, dice: random.Random) -> bytes:
    """One to four changes of different kinds."""
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        at = dice.randrange(len(out) + 1)
        if dice.random() < 0.4:  # headers are short and matter most
            at = min(at, dice.randrange(1024))
        many = dice.choice((1, 2, 4, 16, 64, 512))
        kind = dice.randrange(9)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            out[at : at + many] = bytes([dice.choice((0, 0x20, 0x41, 0x80, 0xFF))]) * many
        elif kind == 2:
            del out[at:]
        elif kind == 3:
            out[at:at] = dice.randbytes(many)
        elif kind == 4:
            place = dice.randrange(len(out) + 1)
            out[at:at] = out[place : place + many * 8]
        elif kind == 5:
            del out[at : at + many]
        elif kind == 6:
            word = dice.choice(WORDS)[: dice.choice((2, 4, 8))]
            out[at : at + len(word)] = word
        elif kind == 7:
            found = list(NUMBER.finditer(bytes(out[at : at + 4096])))
            if found:
                match = dice.choice(found)
                out[at + match.start() : at + match.end()] = dice.choice(HUGE)
        elif kind == 8:
            place = dice.randrange(len(out) + 1)
            out[at : at + many] = out[place : place + many]
    return bytes(out)


def changed_in_place(data: bytes, dice: random.Random) -> bytes:
    """Bits and words changed, and no byte more or less, so that lengths and marks still fit."""
    out = bytearray(data)
    for _ in range(dice.choice((1, 2, 4, 16))):
        at = dice.randrange(len(out) if dice.random() < 0.7 else min(len(out), 512))
        if dice.random() < 0.5:
            out[at] ^= 1 << dice.randrange(8)
        else:
            word = dice.choice(WORDS)[: dice.choice((1, 2, 4, 8))]
            out[at : at + len(word)] = word[: len(out) - at]
    return bytes(out)


def changed_numbers(data: bytes, dice: random.Random) -> bytes:
    """Text whose numbers became huge, negative, none or other numbers, its marks as they were."""
    found = list(NUMBER.finditer(data))
    for match in sorted(dice.sample(found, min(len(found), dice.choice((1, 2, 8, 64)))), reverse=True,
                        key=lambda match: match.start()):  # fmt: skip
        word = dice.choice(HUGE) if dice.random() < 0.7 else b"%d" % dice.randrange(-9, 70_000)
        data = data[: match.start()] + word + data[match.end() :]
    return data


def changed_member(data: bytes, dice: random.Random) -> bytes:
    """A zip with one member changed and packed anew."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(held, "w") as target:
        chosen = dice.choice(source.namelist())
        for name in source.namelist():
            inside = source.read(name)
            target.writestr(name, changed(inside, dice) if name == chosen else inside)
    return held.getvalue()


def changed_sectors(data: bytes, dice: random.Random) -> bytes:
    """A CWA file whose sectors sum up to 0 again."""
    out = bytearray(changed(data, dice))
    for at in range(1024, len(out) - 511, 512):
        words = struct.unpack_from("<255H", out, at)
        struct.pack_into("<H", out, at + 510, -sum(words) & 0xFFFF)
    return bytes(out)


def changed_packets(data: bytes, dice: random.Random) -> bytes:
    """A Matrix file whose packets have their checksums again."""
    out = bytearray(changed(data, dice))
    starts = [match.start() for match in re.finditer(b"MDTCPACK", out)]
    for at, end in zip(starts, [*starts[1:], len(out)]):
        if end - at >= 12:
            struct.pack_into("<I", out, at + 8, zlib.crc32(out[at + 12 : end]))
    return bytes(out)


def changed_messages(data: bytes, dice: random.Random) -> bytes:
    """A FIT file with its length and both checksums again."""
    out = bytearray(changed(data, dice))
    if len(out) < 16:
        return bytes(out)
    out[0], out[8:12] = 14, b".FIT"
    struct.pack_into("<I", out, 4, len(out) - 16)
    struct.pack_into("<H", out, 12, fit_checksum(out[:12]))
    struct.pack_into("<H", out, len(out) - 2, fit_checksum(out[:-2]))
    return bytes(out)


def fit_checksum(data: bytes) -> int:
    """CRC-16 with the polynomial 0xA001, low bit first, as the FIT protocol has it."""
    total = 0
    for byte in data:
        total ^= byte
        for _ in range(8):
            total = total >> 1 ^ (0xA001 if total & 1 else 0)
    return total


# ----------------------------------------------------------------------------------- real files


def _real(root: Path, *patterns: str, lines: int | None = None) -> dict[str, bytes]:
    """Files by patterns, text cut after some lines."""
    found = {}
    for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
        data = path.read_bytes()
        if lines is not None:
            data = b"".join(data.splitlines(keepends=True)[:lines])
        found[path.name] = data
    return found


REAL: dict[str, Callable[[Path], Case]] = {
    "gt3x": lambda r: Case("accelerometer", _real(r, "*/actigraph.gt3x"), changed_member),
    "geneactiv": lambda r: Case("accelerometer", _real(r, "*/geneactiv.bin"), changed_in_place),
    "axivity": lambda r: Case("accelerometer", _real(r, "*_cmi/*.cwa"), changed_sectors),
    "actigraph-csv": lambda r: Case(
        "actigraph_csv", _real(r, "*/ActiGraph*.csv", lines=120), changed_numbers
    ),
    "actiware-csv": lambda r: Case(
        "actiwatch", _real(r, "*/Actiwatch.csv", lines=240), changed_numbers
    ),
    "awd": lambda r: Case("actiwatch", _real(r, "*/Actiwatch.AWD")),
    "matrix": lambda r: Case("matrix", _real(r, "*/mtx*.BIN"), changed_packets),
    "sisfall": lambda r: Case(
        "research_text", _real(r, "sisfall_txt/*_S*.txt", lines=200), changed_numbers
    ),
    "hmp": lambda r: Case("research_text", _real(r, "hmp_txt/Acc*stairs*.txt"), changed_numbers),
    "walch": lambda r: Case(
        "research_text", _real(r, "walch_text/*/1*.txt", lines=100), changed_numbers
    ),
    "apple-health": lambda r: Case(
        "apple_health", _real(r, "apple_health*/*.xml"), changed_numbers
    ),
    "fitbit-archive": lambda r: Case("fitbit", _real(r, "fitbit_json/*.json"), changed_numbers),
    "fitabase": lambda r: Case("fitabase", _real(r, "fitbit_csv/*.csv", lines=60), changed_numbers),
    "fit": lambda r: Case("fit", _real(r, "fit/[DM]*.fit", "fit/Activity.fit"), changed_messages),
    "empatica-e4": lambda r: Case(
        "empatica_e4", _real(r, "empatica_e4/S02/*.*", lines=300), changed_numbers
    ),
    "wfdb": lambda r: Case("physionet", _real(r, "wfdb_mitbih/208.*"), changed_in_place),
}

# ----------------------------------------------------------------------------------- made files


def _embraceplus() -> Case:
    import fastavro

    def record(name: str, fields: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        return {
            "type": "record",
            "name": name,
            "fields": [{"name": field, "type": kind} for field, kind in fields],
        }

    imu = record("imu", [("physicalMin", "int"), ("physicalMax", "int"),
                         ("digitalMin", "int"), ("digitalMax", "int")])  # fmt: skip
    longs = {"type": "array", "items": "int"}
    floats = {"type": "array", "items": "float"}
    clock = [("timestampStart", "long"), ("samplingFrequency", "float")]
    raw = record("raw", [
        ("accelerometer", record("acc", [*clock, ("imuParams", imu), ("x", longs), ("y", longs),
                                         ("z", longs)])),
        ("eda", record("eda", [*clock, ("values", floats)])),
        ("tags", record("tags", [("tagsTimeMicros", {"type": "array", "items": "long"})])),
        ("steps", record("steps", [*clock, ("values", longs)])),
    ])  # fmt: skip
    enrolled = record("enrolled", [("participantID", "string"), ("siteID", "string")])
    schema = record("file", [("timezone", "int"), ("enrollment", enrolled),
                             ("deviceSn", "string"), ("rawData", raw)])  # fmt: skip
    start = {"timestampStart": 1_700_000_000_000_000, "samplingFrequency": 64.0}
    row = {
        "timezone": 3600,
        "enrollment": {"participantID": "x", "siteID": "1"},
        "deviceSn": "y",
        "rawData": {
            "accelerometer": {
                **start,
                "imuParams": {"physicalMin": -16, "physicalMax": 16, "digitalMin": -32768,
                              "digitalMax": 32767},
                "x": [100] * 640, "y": [2000] * 640, "z": [-3] * 640,
            },
            "eda": {**start, "samplingFrequency": 4.0, "values": [0.5] * 40},
            "tags": {"tagsTimeMicros": [1_700_000_002_000_000]},
            "steps": {**start, "samplingFrequency": 0.2, "values": [3, 4]},
        },
    }  # fmt: skip
    held = io.BytesIO()
    fastavro.writer(held, schema, [row])
    return Case("embraceplus", {"1-1-x_1700000000.avro": held.getvalue()}, changed_in_place)


def _edf() -> Case:
    import numpy as np
    import pyedflib

    header = {"label": "ECG", "dimension": "mV", "sample_frequency": 100, "physical_min": -5,
              "physical_max": 5, "digital_min": -32768, "digital_max": 32767, "transducer": "",
              "prefilter": ""}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.edf"
        with pyedflib.EdfWriter(str(path), 1, file_type=pyedflib.FILETYPE_EDFPLUS) as writer:
            writer.setSignalHeader(0, header)
            writer.writeSamples([np.linspace(-1, 1, 1000)])
            writer.writeAnnotation(0, 30, "Sleep stage W")
        return Case("edf", {"a.edf": path.read_bytes()}, changed_in_place)


def _fhir() -> Case:
    def observation(code: str, minute: int, value: float, unit: str) -> dict[str, Any]:
        return {
            "resourceType": "Observation", "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "subject": {"reference": "Patient/1"},
            "effectiveDateTime": f"2024-03-01T10:{minute:02}:00+01:00",
            "valueQuantity": {"value": value, "unit": unit, "code": unit,
                              "system": "http://unitsofmeasure.org"},
        }  # fmt: skip

    entries = [observation("8867-4", minute, 60 + minute, "/min") for minute in range(20)]
    entries += [observation("55423-8", 30, 900, "{steps}")]
    bundle = {"resourceType": "Bundle", "type": "collection",
              "entry": [{"resource": entry} for entry in entries]}  # fmt: skip
    return Case("fhir", {"bundle.json": json.dumps(bundle, indent=1).encode()}, changed_numbers)


def _gadgetbridge() -> Case:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Gadgetbridge"
        with contextlib.closing(sqlite3.connect(path)) as base, base:
            base.execute("CREATE TABLE DEVICE (_id INTEGER PRIMARY KEY, NAME TEXT, TYPE INTEGER)")
            base.execute("INSERT INTO DEVICE VALUES (1, 'band', 11)")
            base.execute(
                "CREATE TABLE MI_BAND_ACTIVITY_SAMPLE (TIMESTAMP INTEGER NOT NULL, DEVICE_ID INTEGER"
                " NOT NULL, USER_ID INTEGER NOT NULL, RAW_INTENSITY INTEGER, STEPS INTEGER,"
                " RAW_KIND INTEGER, HEART_RATE INTEGER, PRIMARY KEY (TIMESTAMP, DEVICE_ID))"
            )
            base.executemany(
                "INSERT INTO MI_BAND_ACTIVITY_SAMPLE VALUES (?, 1, 1, 20, 5, 1, 70)",
                [(1_700_000_000 + 60 * minute,) for minute in range(200)],
            )
        return Case("gadgetbridge", {"Gadgetbridge": path.read_bytes()}, changed_in_place)


MAPPING = {
    "time": {"column": "t", "as": "s"},
    "channels": [{"kind": "heart_rate", "column": "hr"}, {"kind": "steps", "column": "n"}],
}


def _csv() -> Case:
    rows = "".join(f"{1_700_000_000 + k},{60 + k % 9},{k}\n" for k in range(200))
    return Case("mapped", {"a.csv": ("t,hr,n\n" + rows).encode()}, changed_numbers, MAPPING)


def _npz() -> Case:
    import numpy as np

    held = io.BytesIO()
    count = np.arange(200)
    np.savez_compressed(held, t=1_700_000_000 + count, hr=60.0 + count % 9, n=count)
    return Case("mapped", {"a.npz": held.getvalue()}, changed_member, MAPPING)


def _parquet() -> Case:
    import pyarrow as pa
    import pyarrow.parquet

    count = list(range(200))
    table = pa.table({"t": [1_700_000_000 + k for k in count], "hr": [60.0] * 200, "n": count})
    held = io.BytesIO()
    pyarrow.parquet.write_table(table, held)
    return Case("mapped", {"a.parquet": held.getvalue()}, changed_in_place, MAPPING)


def _oura() -> Case:
    rows = "".join(f"2024-03-01T10:{k % 60:02}:00+01:00;{60 + k % 9};awake\n" for k in range(60))
    return Case(
        "vendor", {"heartrate.csv": ("timestamp;bpm;source\n" + rows).encode()}, changed_numbers
    )


def _whoop() -> Case:
    header = ("Sleep onset,Wake onset,Cycle timezone,Asleep duration (min),"
              "In bed duration (min),Nap\n")  # fmt: skip
    rows = "".join(
        f"2024-03-{d:02} 23:10:39,2024-03-{d + 1:02} 07:39:40,UTC+01:00,{400 + d},{430 + d},false\n"
        for d in range(1, 30)
    )
    return Case("vendor", {"sleeps.csv": (header + rows).encode()}, changed_numbers)


def _withings() -> Case:
    rows = "".join(
        f'2024-03-01T{h:02}:00:00+01:00,"[60,60,60]","[{60 + h},{61 + h},0]"\n' for h in range(24)
    )
    content = {f"raw_tracker_{what}.csv": ("start,duration,value\n" + rows).encode()
               for what in ("hr", "steps")}  # fmt: skip
    return Case("vendor", content, changed_numbers)


def _samsung() -> Case:
    header = "com.samsung.health.sleep_stage,6310001,3\nstart_time,end_time,time_offset,stage\n"
    rows = "".join(
        f"2024-03-01 01:{m:02}:00.000,2024-03-01 01:{m + 1:02}:00.000,UTC+0100,{40001 + m % 4},\n"
        for m in range(59)
    )
    return Case("vendor", {"stages.csv": (header + rows).encode()}, changed_numbers)


MADE: dict[str, Callable[[], Case]] = {
    "embraceplus": _embraceplus,
    "edf": _edf,
    "fhir": _fhir,
    "gadgetbridge": _gadgetbridge,
    "mapped-csv": _csv,
    "mapped-npz": _npz,
    "mapped-parquet": _parquet,
    "oura": _oura,
    "whoop": _whoop,
    "withings": _withings,
    "samsung": _samsung,
}

# -------------------------------------------------------------------------------- in the child


class TooSlow(BaseException):
    """A change takes longer to read than any file of its size may."""


def _late(signum: int, frame: object) -> None:
    raise TooSlow


def _folder(case: Case, name: str, number: int, root: Path) -> Path:
    """A folder with the case's files, one of them changed; number 0 changes nothing."""
    dice = random.Random(f"{name}/{number}")
    folder = root / str(number)
    folder.mkdir()
    chosen = dice.choice(sorted(case.content))
    for file, data in case.content.items():
        if file == chosen and number:
            guarded = case.guarded if dice.random() < 0.5 else None
            data = (guarded or changed)(data, dice)
        (folder / file).write_bytes(data)
    return folder


def _read(case: Case, folder: Path) -> tuple[int, list[str]]:
    """How many recordings are in a folder, and what readers said of the rest."""
    from holter.device.files import opened
    from holter.signals.errors import DataError
    from holter.signals.readers import recognise
    from holter.signals.readers.formats import Options

    module = importlib.import_module(f"holter.signals.readers.{case.module}")
    formats = getattr(module, "FORMATS", None) or (module.FORMAT,)
    options = Options(mapping=case.mapping)
    recordings, refused = 0, []
    try:
        with opened(folder) as files:
            if case.mapping is not None:  # all formats are asked, for some may claim what is left
                groups = recognise.recognise(files, options)
            else:
                groups = [recognise.Found(form, tuple(group)) for form in formats
                          for group in form.claims(files, files.names)]  # fmt: skip
            for group in groups:
                try:
                    recordings += len(recognise.read(files, group, options))
                except DataError as error:
                    refused.append(str(error))
    except DataError as error:
        refused.append(str(error))
    return recordings, refused


def _crash(case: Case, folder: Path) -> tuple[int, int, str]:
    """(recordings, refusals, what went wrong)."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS_A_CHANGE)
    try:
        recordings, refused = _read(case, folder)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # whatever it is, it is what is looked for
        return 0, 0, traceback.format_exc()[-3000:]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    for words in refused:
        if "\n" in words or len(words) > 600:
            return recordings, len(refused), f"an error of more than one line: {words[:300]!r}"
    return recordings, len(refused), ""


def _limit(more: int | None) -> None:
    """Let this process take so many bytes of addresses beyond what it has; None: all it wants."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft = hard if more is None else pages * os.sysconf("SC_PAGE_SIZE") + more
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _most_bytes() -> int:
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * 1024


def _child(names: str, first: int, count: int, root: str, seconds: float) -> None:
    """Make changes of each case in turn; a line of JSON for each."""
    warnings.simplefilter("error")
    signal.signal(signal.SIGPROF, _late)
    for name in names.split(","):
        case = MADE[name]() if name in MADE else REAL[name](Path(root))
        with tempfile.TemporaryDirectory() as scratch:
            _crash(case, _folder(case, name, 0, Path(scratch)))  # loads libraries: no limit yet
            shutil.rmtree(Path(scratch) / "0")
            _limit(MORE_ADDRESSES.get(name, MORE_BYTES))
            begun, before = time.process_time(), _most_bytes()
            for number in range(first, first + count):
                print(f"{name} {number}", flush=True)  # the last word, should the process end
                folder = _folder(case, name, number, Path(scratch))
                recordings, refused, wrong = _crash(case, folder)
                print(json.dumps([name, number, recordings, refused, wrong]), flush=True)
                shutil.rmtree(folder)
                if time.process_time() - begun > seconds:
                    break
            _limit(None)
            print(json.dumps({name: _most_bytes() - before}), flush=True)


# ------------------------------------------------------------------------------- in the parent


def _told(names: Sequence[str], first: int, count: int, root: Path, seconds: float) -> None:
    """Changes made in a child process; fails with all that went wrong."""
    done = subprocess.run(
        [sys.executable, __file__, ",".join(names), str(first), str(count), root, str(seconds)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120 + 4 * seconds * len(names),
        env={**os.environ, "RUST_BACKTRACE": "0"},
        check=False,
    )
    lines = done.stdout.splitlines()
    last = lines[-1] if lines else "its start"
    assert done.returncode == 0, f"ended ({done.returncode}) at {last}: {done.stderr[-2000:]}"
    outcomes = [json.loads(line) for line in lines if line.startswith("[")]
    wrong = [f"{name} {number}:\n{what}" for name, number, _, _, what in outcomes if what]
    assert not wrong, "\n".join(wrong)
    grown = [json.loads(line) for line in lines if line.startswith("{")]
    assert [next(iter(one)) for one in grown] == list(names)
    assert max(bytes_more for one in grown for bytes_more in one.values()) < MORE_BYTES
    for name in names:
        found = [recordings for which, _, recordings, _, _ in outcomes if which == name]
        assert len(found) == count or len(found) > QUICK, f"{name}: too few changes in the time"
        assert any(found), f"{name}: no recording at all, so nothing was tried"
        if first == 0:
            assert found[0] > 0, f"{name}: the sound files give no recording"


def _by_four(names: Mapping[str, object]) -> list[list[str]]:
    """Four formats a process: starting one takes as long as reading a dozen changes."""
    every = list(names)
    return [every[at : at + 4] for at in range(0, len(every), 4)]


@pytest.mark.recordings
@pytest.mark.parametrize("names", _by_four(REAL), ids=" ".join)
def test_damaged_real_files_give_a_recording_or_a_data_error(
    names: list[str], data_root: Path
) -> None:
    _told(names, 0, QUICK, data_root / "format_samples", 60.0)


@pytest.mark.parametrize("names", _by_four(MADE), ids=" ".join)
def test_damaged_made_files_give_a_recording_or_a_data_error(
    names: list[str], tmp_path: Path
) -> None:
    _told(names, 0, QUICK, tmp_path, 60.0)


@pytest.mark.long
@pytest.mark.recordings
@pytest.mark.parametrize("names", _by_four(REAL), ids=" ".join)
def test_many_changes_of_real_files(names: list[str], data_root: Path) -> None:
    _told(names, QUICK, LONG, data_root / "format_samples", LONG_SECONDS)


@pytest.mark.long
@pytest.mark.parametrize("names", _by_four(MADE), ids=" ".join)
def test_many_changes_of_made_files(names: list[str], tmp_path: Path) -> None:
    _told(names, QUICK, LONG, tmp_path, LONG_SECONDS)


if __name__ == "__main__":
    _child(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], float(sys.argv[5]))
