"""holter data inspect: what it prints, and that one export that cannot be read hides no other."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from holter.dash import recording_plot
from holter.device.store import Store
from holter.signals import quality
from holter.signals.readers import recognise
from holter.signals.readers.catalogue import FORMATS
from holter.signals.readers.empatica_e4 import FORMAT as E4
from holter.signals.recording import Recording
from tests.cli.conftest import Bench
from tests.cli.toys import CLOSED, TOY, Toy, refused, toys_in


@pytest.fixture(autouse=True)
def formats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognise, "FORMATS", (CLOSED, TOY, E4))


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return toys_in(tmp_path / "export")


def test_inspect_says_what_is_in_a_file(bench: Bench, toy: Toy) -> None:
    code, printed, complaint = bench.holter("data", "inspect", toy("- 0 120"))
    assert code == 0 and complaint == ""
    assert "Toy [red]band[/red] (band)" in printed and "toy: a.toy" in printed
    assert "2023-11-14 22:13 to 22:15 by a clock whose zone is not known" in printed
    assert "heart_rate" in printed and "120" in printed and "6,000" in printed
    assert "50 Hz" in printed and "impossible values, masked (heart_rate): 1\n" in printed
    assert "can feed: " in printed and "heartbeat (no ecg)" in printed


def test_a_zone_gives_local_time_beside_utc(bench: Bench, toy: Toy) -> None:
    path = toy("- 0 12000")
    code, printed, _ = bench.holter("data", "inspect", path, "--zone", "Asia/Tokyo")
    assert code == 0
    assert "2023-11-15 07:13 to 10:33 Asia/Tokyo (2023-11-14 22:13 to 2023-11-15 01:33 UTC)" in (
        printed
    )
    assert "3.3 h" in printed
    assert "'Nowhere/Here' is not a zone" in refused(
        bench, "inspect", path, "--zone", "Nowhere/Here"
    )


def test_json_holds_the_same_and_no_name_of_a_person(bench: Bench, toy: Toy) -> None:
    path = toy("Anna 0 120", "Ben 0 10")
    code, printed, _ = bench.holter("data", "inspect", path, "--json")
    found = json.loads(printed)
    assert code == 0 and "Anna" not in printed
    one = found["recordings"][0]
    assert (one["format"], one["files"], one["synthetic"]) == ("toy", ["a.toy"], False)
    assert (one["start"], one["one_of_several_people"]) == ("2023-11-14T22:13:20Z", True)
    channels = {channel["name"]: channel for channel in one["channels"]}
    assert channels["acceleration"]["samples"] == 6000
    assert channels["acceleration"]["axes"] == ["x", "y", "z"]
    assert channels["acceleration"]["rate_hz"] == 50
    assert (channels["heart_rate"]["rows"], channels["heart_rate"]["masked"]) == (120, 1)
    assert 0 <= channels["heart_rate"]["shares"]["usable"] <= 1
    assert {task["task"]: task["why_not"] for task in one["tasks"]}["heartbeat"] == "no ecg"
    assert found["not_read"] == [] and found["unknown"] == []
    code, printed, _ = bench.holter("data", "inspect", path, "--list-people")
    assert "Anna" in printed and "Ben" in printed


def test_what_cannot_be_read_does_not_hide_what_can(bench: Bench, toy: Toy) -> None:
    folder = toy("- 0 20").parent
    toy("no toy", name="bad.toy")
    (folder / "x.closed").write_bytes(b"CLOSED")
    for number in range(6):
        (folder / f"notes{number}.txt").write_text("about it")
    (folder / "link").symlink_to("a.toy")
    code, printed, _ = bench.holter("data", "inspect", folder)
    assert code == 0 and "Toy" in printed
    assert "  bad.toy has a line that is no toy: mend it" in printed
    assert printed.count("bad.toy") == 1
    assert "  x.closed (closed): a closed thing is not read: its makers keep it secret" in printed
    assert "notes0.txt, notes1.txt, notes2.txt, notes3.txt and 2 more" in printed
    assert "left out: links (1)" in printed
    found = json.loads(bench.holter("data", "inspect", folder, "--json")[1])
    assert [one["format"] for one in found["not_read"]] == ["closed", "toy"]
    assert len(found["unknown"]) == 6 and found["left_out"] == {"links": 1}


def test_where_nothing_can_be_read_it_says_why_and_ends_with_2(bench: Bench, toy: Toy) -> None:
    bad = toy("no toy", name="bad.toy")
    assert "bad.toy has a line that is no toy" in refused(bench, "inspect", bad)
    (bad.parent / "also.closed").write_bytes(b"CLOSED")
    assert "(and 1 more)" in refused(bench, "inspect", bad.parent)
    code, printed, _ = bench.holter("data", "inspect", bad.parent)
    assert code == 2 and "bad.toy" in printed and "also.closed" in printed
    (bench.folder / "letter.txt").write_text("Dear diary")
    complaint = refused(bench, "inspect", bench.folder / "letter.txt")
    assert "letter.txt is not of a format that holter knows" in complaint
    assert "--mapping" in complaint and "docs/formats.md" in complaint
    (bench.folder / "empty").mkdir()
    assert "holds no file" in refused(bench, "inspect", bench.folder / "empty")
    assert "there is no file or folder" in refused(bench, "inspect", bench.folder / "absent")


def test_a_damaged_member_of_a_zip_does_not_hide_the_others(bench: Bench, toy: Toy) -> None:
    path = bench.folder / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", "1,2\n" * 5000)
        archive.write(toy("- 0 20"), "b.toy")
    data = bytearray(path.read_bytes())
    data[36:46] = b"\xff" * 10  # behind the header and name of the first member
    path.write_bytes(data)
    code, printed, _ = bench.holter("data", "inspect", path)
    assert code == 0 and "toy: b.toy" in printed
    assert "  a.csv in the zip is damaged" in printed


def test_a_mapping_that_is_no_toml_is_named(bench: Bench, toy: Toy) -> None:
    path = toy("- 0 20")
    (bench.folder / "map.toml").write_text("kind = ")
    assert "map.toml is no TOML" in refused(
        bench, "inspect", path, "--mapping", bench.folder / "map.toml"
    )
    (bench.folder / "map.toml").write_bytes(b"\xff\xfe")
    assert "is no TOML" in refused(bench, "inspect", path, "--mapping", bench.folder / "map.toml")
    assert "cannot be read" in refused(bench, "inspect", path, "--mapping", bench.folder / "no")


def test_wrong_words_of_a_mapping_and_a_zone_are_told_before_any_file_is_sought(
    bench: Bench, toy: Toy
) -> None:
    mapping, absent = bench.folder / "map.toml", bench.folder / "absent"
    mapping.write_text('soure = "x"')
    complaint = refused(bench, "inspect", absent, "--mapping", mapping)
    assert "map.toml: " in complaint and "'source'" in complaint and "absent" not in complaint
    assert "is not a zone" in refused(bench, "inspect", absent, "--zone", "Mars/X")
    store = bench.folder / "my.store"
    assert bench.holter("data", "import", toy("- 0 20"), "--into", store)[0] == 0
    code, _, complaint = bench.holter("data", "inspect", store, "--zone", "Asia/Tokyo")
    assert code == 0 and "mean nothing for a store" in complaint
    assert "mean nothing" not in bench.holter("data", "inspect", store)[2]


def test_many_recordings_get_one_line_each(bench: Bench, toy: Toy) -> None:
    path = toy(*[f"P{number} {number} 20" for number in range(12)])
    code, printed, _ = bench.holter("data", "inspect", path)
    assert code == 0 and "12 recordings" in printed and "--json" in printed
    assert printed.count("19.0 s") == 12 and "P7" not in printed
    assert printed.count("a.toy") == 1  # one file gave them all
    assert all(len(line) <= 80 for line in printed.splitlines())
    _, printed, _ = bench.holter("data", "inspect", path, "--list-people")
    assert "P7" in printed


def test_a_plot_is_written_whole_or_not_at_all(
    bench: Bench, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, plot = toy("- 0 120"), bench.folder / "night.png"
    code, _, complaint = bench.holter("data", "inspect", path, "--plot", plot)
    assert code == 0 and "night.png" in complaint
    assert plot.read_bytes().startswith(b"\x89PNG")
    before = plot.read_bytes()
    asked: list[Recording] = []
    real = quality.usable
    monkeypatch.setattr(quality, "usable", lambda one: asked.append(one) or real(one))
    assert bench.holter("data", "inspect", path, "--plot", plot)[0] == 0
    assert len(asked) == 1 and plot.read_bytes() == before  # judged once, drawn alike
    monkeypatch.setattr(os, "replace", _full)
    assert "No space left" in refused(bench, "inspect", path, "--plot", plot)
    assert plot.read_bytes() == before


def test_where_no_picture_can_be_written_nothing_is_read(
    bench: Bench, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, folder = toy("- 0 20"), bench.folder / "folder.png"
    folder.mkdir()
    monkeypatch.setattr(recognise, "FORMATS", None)  # whoever reads fails
    for plot, said in (
        (bench.folder / "no" / "night.png", "there is no folder"),
        (path / "night.png", "there is no folder"),
        (folder, "is a folder"),
        (bench.folder / "night.jpg", "must end in .png"),
        (Path("."), "must end in .png"),
        (Path("/"), "must end in .png"),
    ):
        assert said in refused(bench, "inspect", path, "--plot", plot)
    monkeypatch.setattr(os, "access", lambda place, how: place != bench.folder)
    plot = bench.folder / "night.png"
    assert "may not be written to" in refused(bench, "inspect", path, "--plot", plot)


def test_a_file_that_can_be_neither_written_nor_taken_away_is_one_line(
    bench: Bench, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*of: object, **how: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", locked)
    monkeypatch.setattr(Path, "unlink", locked)
    code, _, complaint = bench.holter(
        "data", "inspect", toy("- 0 20"), "--plot", bench.folder / "night.png"
    )
    assert code == 2 and complaint.endswith("night.png cannot be written: Permission denied\n")


def test_a_picture_is_named_by_source_and_day_not_by_a_file(
    bench: Bench, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = []

    def drawn(recordings: object, title: str, shares: object) -> bytes:
        titles.append(title)
        return b"drawn"

    monkeypatch.setattr(recording_plot, "figure_png", drawn)
    plot = bench.folder / "night.png"
    for lines in (("- 0 20",), ("A 0 20", "B 200000 20")):
        path = toy(*lines, name="Anna Smith.toy")
        assert bench.holter("data", "inspect", path, "--plot", plot)[0] == 0
    assert titles == [
        "Toy [red]band[/red], 2023-11-14",
        "Toy [red]band[/red], 2023-11-14 to 2023-11-17",
    ]


def test_a_folder_of_stores_and_zips_is_inspected_as_a_study_reads_it(
    bench: Bench, toy: Toy
) -> None:
    folder, store = bench.folder / "people", bench.folder / "people" / "anna.store"
    folder.mkdir()
    assert bench.holter("data", "import", toy("- 0 120"), "--into", store)[0] == 0
    with zipfile.ZipFile(folder / "ben.zip", "w") as archive:
        archive.write(toy("- 0 20"), "b.toy")
        archive.write(toy("bad"), "bad.toy")
        archive.write(store, "stores/c.store")
        archive.writestr("inner.zip", b"PK\3\4")
    with zipfile.ZipFile(folder / "table.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<a/>")
    (folder / "broken.zip").write_bytes(b"PK\3\4 and no more")
    Store.create(folder / "empty.store").close()
    (folder / "torn.store").write_bytes(store.read_bytes()[:5000])
    before = store.read_bytes()
    code, printed, _ = bench.holter("data", "inspect", folder, "--json")
    found = json.loads(printed)
    assert code == 0 and store.read_bytes() == before
    assert [(one["format"], one["files"]) for one in found["recordings"]] == [
        ("store", ["anna.store"]),
        ("store", ["ben.zip/stores/c.store"]),
        ("toy", ["ben.zip/b.toy"]),
    ]
    assert found["unknown"] == ["ben.zip/inner.zip", "table.xlsx"]
    why = {one["files"][0]: one["why"] for one in found["not_read"]}
    assert set(why) == {"empty.store", "torn.store", "ben.zip/bad.toy", "broken.zip"}
    assert "is an empty store" in why["empty.store"] and "a line" in why["ben.zip/bad.toy"]
    assert why["torn.store"].startswith("torn.store is damaged") and "written" not in printed
    printed = bench.holter("data", "inspect", folder)[1]
    assert str(folder) not in printed and "store: anna.store" in printed
    assert "is an empty store" in refused(bench, "inspect", folder / "empty.store")


@pytest.mark.parametrize(
    ("width", "lined", "head"),
    [(100, True, True), (66, False, True), (50, False, False), (40, False, False)],
)
def test_no_word_is_broken_on_a_narrow_terminal(
    bench: Bench, toy: Toy, monkeypatch: pytest.MonkeyPatch, width: int, lined: bool, head: bool
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    printed = bench.holter("data", "inspect", toy("- 0 120"))[1]
    table = printed.split("119.0 s\n")[-1].split("2.0 min\n")[-1].split("  impossible")[0]
    assert all(len(line) <= width for line in table.splitlines())
    assert ("│" in table, "why not all" in table) == (lined, head)
    for words in ("acceleration x, y, z", "heart_rate", "6,000", "50 Hz", "100 %"):
        assert words in table.replace("\u00a0", " ")
    for line in table.splitlines():
        assert "%" not in line.split(" ")  # it stands with its number


def _full(one: object, other: object) -> None:
    raise OSError(28, "No space left on device")


def test_the_table_and_the_mapping_of_the_page_on_formats_fit_each_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognise, "FORMATS", FORMATS)
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    for kind, name in (("csv", "mine.csv"), ("toml", "mine.toml")):
        (bench.folder / name).write_text(page.split(f"```{kind}\n")[1].split("```")[0])
    table, mapping = bench.folder / "mine.csv", bench.folder / "mine.toml"
    code, printed, complaint = bench.holter(
        "data", "inspect", table, "--mapping", mapping, "--json"
    )
    assert code == 0, complaint
    (facts,) = json.loads(printed)["recordings"]
    assert (facts["source"], facts["zone"]) == ("my logger", "Europe/Berlin")
    assert facts["start"] == "2026-03-01T07:00:00Z"
    channels = {channel["name"]: channel for channel in facts["channels"]}
    assert list(channels) == ["heart_rate", "sleep_stage", "acceleration"]
    assert (channels["heart_rate"]["rows"], channels["heart_rate"]["masked"]) == (3, 1)
    assert channels["acceleration"]["samples"] == 3


def test_every_command_has_an_example(bench: Bench) -> None:
    code, printed, _ = bench.holter("data", "--help")
    assert code == 0
    for command in ("inspect", "import", "prepare", "sets"):
        assert command in printed
        code, printed_of, _ = bench.holter("data", command, "--help")
        assert code == 0 and f"Example: holter data {command}" in printed_of


@pytest.mark.recordings
def test_a_record_of_several_files_is_inspected_by_any_of_them(
    bench: Bench, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wfdb")
    monkeypatch.setattr(recognise, "FORMATS", FORMATS)
    for ending in ("hea", "dat", "atr"):
        path = data_root / "format_samples" / "wfdb_mitbih" / f"101.{ending}"
        code, printed, complaint = bench.holter("data", "inspect", path)
        assert code == 0, complaint
        assert "101.hea, 101.atr, 101.dat" in printed and "1,865" in printed


@pytest.mark.recordings
@pytest.mark.parametrize("width", [80, 140])
def test_every_sample_has_its_line_within_the_width_of_the_terminal(
    bench: Bench, data_root: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(recognise, "FORMATS", FORMATS)
    monkeypatch.setenv("COLUMNS", str(width))
    code, printed, _ = bench.holter("data", "inspect", data_root / "format_samples")
    table, rest = printed.split("more of each: ")
    assert code == 0 and max(len(line) for line in table.splitlines()) <= width
    folders = [line for line in table.splitlines() if line.endswith("/")]
    assert "accelerometry/" in folders and "empatica_e4/S02/" in folders
    count = int(table.split(" recordings")[0])
    more = 6 if width == 80 else 0  # lines in which what three sessions feed goes on
    assert count > 60 and len(table.splitlines()) == 2 + len(folders) + count + more
    for line in rest.split("not read\n")[1].split("of no format")[0].splitlines():
        name = line.split()[0].strip(":").rpartition("/")[2]
        assert line.count(name) == 1
