"""Text files of published sets: told by their rows, labelled by their names, dated honestly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from holter.device.files import opened
from holter.signals.errors import DataError, Unsupported
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.research_text import FORMATS, HMP, SISFALL, WALCH, WISDM
from holter.signals.recording import Recording, Series, Waveform

MILLENNIUM_NS = 946_684_800 * 10**9


def groups(content: dict[str, str]) -> list[tuple[Format, Group]]:
    files = MemoryFiles({name: text.encode() for name, text in content.items()})
    return [(form, group) for form in FORMATS for group in form.claims(files, files.names)]


def read(content: dict[str, str], zone: str | None = None) -> Recording:
    files = MemoryFiles({name: text.encode() for name, text in content.items()})
    ((form, group),) = groups(content)
    (recording,) = form.read(files, group, Options(zone=zone))
    return recording


def waveform(recording: Recording, name: str) -> Waveform:
    channel = recording.channels[name]
    assert isinstance(channel, Waveform)
    return channel


def series(recording: Recording, name: str) -> Series:
    channel = recording.channels[name]
    assert isinstance(channel, Series)
    return channel


def labels(recording: Recording, name: str) -> list[str]:
    channel = series(recording, name)
    return [channel.names[int(value)] for value in channel.value]


def said(recording: Recording) -> dict[str, int]:
    return {finding.what: finding.count for finding in recording.findings}


SISFALL_ROWS = "  256,-256,   0, 16384,   0,   0,1024,   0,-1024;\r\n" * 100
HMP_ROWS = "00 63 21\r\n" * 64


def test_sisfall_readings_become_g_and_degrees_a_second() -> None:
    recording = read({"F03_SA07_R02.txt": SISFALL_ROWS})
    assert waveform(recording, "acceleration").segments[0].values[0].tolist() == [1, -1, 0]
    assert waveform(recording, "gyroscope").segments[0].values[0].tolist() == [1000, 0, 0]
    second = waveform(recording, "acceleration:mma8451q")
    assert second.segments[0].values[0].tolist() == [1, 0, -1]
    assert (second.rate_hz, second.limits) == (200, (-8, 8))
    assert (recording.person, labels(recording, "activity")) == ("SA07", ["F03"])


def test_sisfall_trials_of_one_person_follow_one_another_with_pauses() -> None:
    names = ("D01_SA07_R01.txt", "F03_SA07_R02.txt")
    recording = read(dict.fromkeys(names, SISFALL_ROWS))
    first, second = waveform(recording, "acceleration").segments
    assert first.start_ns == MILLENNIUM_NS
    assert second.start_ns - first.end_ns > 60 * 10**9
    activity = series(recording, "activity")
    assert activity.time_ns.tolist() == [first.start_ns, second.start_ns]
    assert activity.until_ns.tolist() == [first.end_ns, second.end_ns]
    told = "trials without a date, laid one after another from 2000-01-01"
    assert said(recording)[told] == 2


def test_people_are_kept_apart() -> None:
    names = ("D01_SA07_R01.txt", "a/D02_SE01_R01.txt", "D03_SA07_R01.txt", "b/nobody.txt")
    assert [group for _, group in groups(dict.fromkeys(names, SISFALL_ROWS))] == [
        ("D01_SA07_R01.txt", "D03_SA07_R01.txt"),
        ("a/D02_SE01_R01.txt",),
        ("b/nobody.txt",),
    ]


def test_a_name_that_tells_nothing_costs_the_label_and_no_more() -> None:
    recording = read({"trial.txt": SISFALL_ROWS})
    assert "activity" not in recording.channels
    assert recording.person == ""
    assert said(recording)["trials whose names tell no activity"] == 1


def test_a_broken_row_is_masked_and_the_rest_stays_in_time() -> None:
    rows = SISFALL_ROWS.splitlines(keepends=True)
    rows[60] = "  256,-25\r\n"
    recording = read({"D01_SA07_R01.txt": "".join(rows)})
    channel = waveform(recording, "acceleration").segments[0].values
    assert np.isnan(channel[60]).all()
    assert np.isfinite(np.delete(channel, 60, axis=0)).all()
    assert said(recording)["rows that are no row of this table, masked"] == 1


def test_hmp_codes_become_g_at_the_time_in_the_name() -> None:
    recording = read({"Accelerometer-2011-03-24-09-51-07-walk-f1.txt": HMP_ROWS}, "Europe/Rome")
    channel = waveform(recording, "acceleration")
    assert channel.segments[0].values[0] == pytest.approx([-1.5, 1.5, -0.5])
    assert str(np.datetime64(channel.segments[0].start_ns, "ns"))[:19] == "2011-03-24T08:51:07"
    activity = series(recording, "activity")
    assert activity.until_ns[0] - activity.time_ns[0] == 2 * 10**9
    assert (recording.person, labels(recording, "activity")) == ("f1", ["walk"])
    assert set(activity.offset_minutes) == {60}


def test_hmp_without_a_date_in_the_name_is_put_at_2000_and_noted() -> None:
    recording = read({"trial.txt": HMP_ROWS})
    assert recording.span_ns[0] == MILLENNIUM_NS
    assert said(recording)["trials without a date, put at 2000-01-01"] == 1


def test_hmp_codes_beyond_six_bits_are_masked() -> None:
    recording = read({"trial.txt": HMP_ROWS * 8 + "64 1 2\n"})
    assert said(recording)["codes outside 0 to 63, masked"] == 1


def walch(separator: str = ",") -> dict[str, str]:
    rate = "".join(f"{k * 5 - 100 + 0.25},{60 + k % 7}\n" for k in range(40))
    codes = [-1, -1, 0, 1, 2, 3, 4, 5, 2, 0]
    return {
        "heart_rate/77_heartrate.txt": rate,
        "labels/77_labeled_sleep.txt": "".join(
            f"{30 * k}{separator}{code}\n" for k, code in enumerate(codes)
        ),
    }


@pytest.mark.parametrize("separator", [",", " "])
def test_heart_rate_and_stages_of_one_person_are_one_recording(separator: str) -> None:
    recording = read(walch(separator))
    assert recording.person == "77"
    assert len(series(recording, "heart_rate").value) == 40
    expected = ["wake", "N1", "N2", "deep", "deep", "REM", "N2", "wake"]
    assert labels(recording, "sleep_stage") == expected
    stages = series(recording, "sleep_stage")
    assert stages.time_ns[0] == MILLENNIUM_NS + 60 * 10**9
    assert set(stages.until_ns - stages.time_ns) == {30 * 10**9}
    assert said(recording)["epochs without a stage, left out"] == 2


def test_people_of_the_sleep_study_are_kept_apart() -> None:
    content = walch()
    content["heart_rate/8_heartrate.txt"] = content["heart_rate/77_heartrate.txt"]
    assert [len(group) for _, group in groups(content)] == [2, 1]


@pytest.mark.parametrize(
    "text",
    [
        "time,heart_rate\n" + "1.5,60\n" * 20,
        "".join(f"{k},60\n" for k in range(20)),  # whole seconds: any table might have them
        "".join(f"{k}.5,600\n" for k in range(20)),
        "1 2 3\n" * 5,
        "1 2 64\n" * 20,
        "1,2,3,4,5,6,7,8,9\n" * 20,
        "Readme\n" * 20,
        "",
        "\0" * 4000,
    ],
)
def test_tables_of_other_kinds_are_left_to_others(text: str) -> None:
    assert groups({"77_heartrate.txt": text}) == []


def test_a_table_of_features_is_named_and_not_read() -> None:
    content = {"w.arff": "@relation x\n\n@attribute X0 numeric\n\n@data\n1\n"}
    assert groups(content) == [(WISDM, ("w.arff",))]
    assert WISDM.unsupported is not None
    with pytest.raises(Unsupported, match="feature table of a study"):
        read(content)


def test_a_file_that_changed_since_it_was_claimed_is_an_error() -> None:
    files = MemoryFiles({"77_heartrate.txt": b"1,2\n"})
    with pytest.raises(DataError, match="neither heart rates nor stages"):
        WALCH.read(files, ("77_heartrate.txt",), Options())


def test_the_same_id_in_two_folder_trees_is_two_people() -> None:
    night = {name.rpartition("/")[2]: text for name, text in walch().items()}
    rate, stages = sorted(night)
    content = {f"{place}/{name}": night[name] for place in ("p1", "p2") for name in (rate, stages)}
    content |= {f"set/heart_rate/{rate}": night[rate], f"set/labels/{stages}": night[stages]}
    assert [group for _, group in groups(content)] == [
        (f"p1/{rate}", f"p1/{stages}"),
        (f"p2/{rate}", f"p2/{stages}"),
        (f"set/heart_rate/{rate}", f"set/labels/{stages}"),
    ]


# ------------------------------------------------------------------------------------- real files


def real(data_root: Path, folder: str, form: Format) -> dict[str, Recording]:
    with opened(data_root / "format_samples" / folder) as files:
        found = [form.read(files, group, Options()) for group in form.claims(files, files.names)]
    return {recording.person: recording for (recording,) in found}


@pytest.fixture(scope="module")
def nights(data_root: Path) -> dict[str, Recording]:
    return real(data_root, "walch_text", WALCH)


@pytest.mark.recordings
def test_real_trials_of_sisfall_stand_upright_in_one_g(data_root: Path) -> None:
    people = real(data_root, "sisfall_txt", SISFALL)
    assert list(people) == ["SA03", "SE05"]
    assert labels(people["SA03"], "activity") == ["D01", "D07", "F01"]
    for recording, samples in ((people["SA03"], 25398), (people["SE05"], 22398)):
        for name in ("acceleration", "acceleration:mma8451q"):
            channel = waveform(recording, name)
            assert channel.samples == samples
            length = np.linalg.norm(np.concatenate([s.values for s in channel.segments]), axis=1)
            assert 0.93 < np.median(length) < 1.07
        assert list(said(recording)) == [
            "trials without a date, laid one after another from 2000-01-01"
        ]


@pytest.mark.recordings
def test_real_trials_of_hmp_do_not_overlap(data_root: Path) -> None:
    people = real(data_root, "hmp_txt", HMP)
    recording = people["f1"]
    channel = waveform(recording, "acceleration")
    assert channel.samples == 1170 + 956 + 562 + 818 + 270 + 270
    assert len(channel.segments) == 6
    expected = ["walk", "walk", "drink_glass", "drink_glass", "climb_stairs", "climb_stairs"]
    assert labels(recording, "activity") == expected
    assert recording.findings == ()


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("person", "rates", "stages"),
    [
        ("1360686", 6967, 948),
        ("1449548", 12878, 953),
        ("1455390", 6930, 955),
        ("2598705", 6916, 954),
    ],
)
def test_real_nights_give_every_row(
    nights: dict[str, Recording], person: str, rates: int, stages: int
) -> None:
    recording = nights[person]
    assert len(series(recording, "heart_rate").value) == rates
    assert len(series(recording, "sleep_stage").value) == stages
    assert {"wake", "N1", "N2", "REM"} <= set(labels(recording, "sleep_stage"))


@pytest.mark.recordings
def test_each_real_text_file_has_one_format_or_none(data_root: Path) -> None:
    with opened(data_root / "format_samples") as files:
        claimed = [
            n for form in FORMATS for group in form.claims(files, files.names) for n in group
        ]
    assert len(claimed) == len(set(claimed)) == 5 + 6 + 8 + 1
