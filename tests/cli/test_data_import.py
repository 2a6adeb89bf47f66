"""holter data import: what is there is not added again, and a refusal leaves nothing behind."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from holter.cli import inspecting
from holter.device.files import opened
from holter.device.store import Store
from holter.signals.gathering import Gathered
from holter.signals.readers import recognise
from holter.signals.readers.catalogue import FORMATS
from holter.signals.readers.empatica_e4 import FORMAT as E4
from holter.signals.readers.files import Files
from holter.signals.readers.formats import Group, Options
from holter.signals.recording import DAY_NS, SECOND_NS, Recording, Series
from tests.cli.conftest import Bench
from tests.cli.toys import CLOSED, START, TOY, Toy, refused, toys_in
from tests.device.stored import hearts, same


@pytest.fixture(autouse=True)
def formats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognise, "FORMATS", (CLOSED, TOY, E4))


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return toys_in(tmp_path / "export")


def test_import_adds_and_the_second_time_adds_nothing_and_says_so(bench: Bench, toy: Toy) -> None:
    path, store = toy("- 0 120"), bench.folder / "my.store"
    code, printed, complaint = bench.holter("data", "import", path, "--into", store)
    assert code == 0 and complaint == ""
    assert "Toy [red]band[/red]" in printed and "120" in printed and "6,000" in printed
    before = store.read_bytes()
    code, printed, _ = bench.holter("data", "import", path, "--into", store)
    assert code == 0 and "nothing new" in printed and "6,120" in printed
    assert store.read_bytes() == before
    code, printed, _ = bench.holter(
        "data", "import", toy("- 60 120", name="b.toy"), "--into", store
    )
    assert code == 0 and "nothing new" not in printed
    with Store.open(store) as kept:
        assert [c.count for c in kept.channels()] == [180, 9000]


def test_a_store_is_inspected_like_an_export_but_not_imported(bench: Bench, toy: Toy) -> None:
    store = bench.folder / "my.store"
    bench.holter("data", "import", toy("- 0 120"), "--into", store)
    code, printed, _ = bench.holter("data", "inspect", store)
    assert code == 0 and "store: my.store" in printed and "6,000" in printed
    assert "is a store itself" in refused(
        bench, "import", store, "--into", bench.folder / "b.store"
    )


def test_conflicts_are_counted_and_explained(
    bench: Bench, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = bench.folder / "my.store"
    bench.holter("data", "import", toy("- 0 20"), "--into", store)

    def other(files: Files, names: Group, given: Options) -> list[Recording]:
        made = Gathered("Toy [red]band[/red]", "band")
        made.series("heart_rate", [START, START - SECOND_NS], [99, 98])
        return [made.recording()]

    monkeypatch.setattr(recognise, "FORMATS", (replace(TOY, read=other),))
    code, printed, _ = bench.holter("data", "import", toy("-"), "--into", store)
    assert code == 0 and "what is there is kept" in printed


def test_a_file_of_several_people_needs_one_of_them(bench: Bench, toy: Toy) -> None:
    path, store = toy("Anna 0 20", "Ben 5 20", "Anna 30 20"), bench.folder / "my.store"
    complaint = refused(bench, "import", path, "--into", store)
    assert "2 people" in complaint and "--person" in complaint and "--list-people" in complaint
    assert "Anna" not in complaint
    complaint = refused(bench, "import", path, "--into", store, "--person", "Carl")
    assert "names nobody so" in complaint and "Anna" not in complaint
    assert bench.holter("data", "import", path, "--into", store, "--person", "Anna")[0] == 0
    with Store.open(store) as kept:
        assert [c.count for c in kept.channels()] == [40]
    before = store.read_bytes()
    complaint = refused(bench, "import", path, "--into", store, "--person", "Ben")
    assert "another person" in complaint and "Ben" not in complaint
    assert store.read_bytes() == before


def test_what_is_refused_leaves_no_store_and_no_change(bench: Bench, toy: Toy) -> None:
    store = bench.folder / "my.store"
    assert "no toy" in refused(bench, "import", toy("no toy", name="bad.toy"), "--into", store)
    absent = bench.folder / "absent"
    assert "there is no file" in refused(bench, "import", absent, "--into", store)
    good = toy("- 0 20", name="good.toy")
    (bench.folder / "letter.store").write_text("Dear diary")
    complaint = refused(bench, "import", good, "--into", bench.folder / "letter.store")
    assert "not a store of holter" in complaint
    complaint = refused(bench, "import", good, "--into", bench.folder / "no" / "my.store")
    assert "cannot be made a store" in complaint
    code, printed, _ = bench.holter("data", "import", good.parent, "--into", store)
    assert code == 0 and "bad.toy has a line" in printed  # told, and the rest is kept
    assert "--zone" in refused(bench, "import", good, "--into", store, "--zone", "UTC")


def test_a_sum_that_grew_is_counted_and_explained(
    bench: Bench, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = bench.folder / "my.store"
    for steps, said in ((4_000, False), (9_000, True), (4_000, False)):

        def day(files: Files, names: Group, given: Options, steps: int = steps) -> list[Recording]:
            made = Gathered("phone", "phone")
            made.series("steps", [START], [steps], until_ns=[START + DAY_NS])
            return [made.recording()]

        monkeypatch.setattr(recognise, "FORMATS", (replace(TOY, read=day),))
        code, printed, _ = bench.holter("data", "import", toy("-"), "--into", store)
        assert code == 0 and ("the larger is kept" in printed) is said
    assert "the first is kept" not in printed and "what is there is kept" in printed
    with Store.open(store) as kept:
        (recording,) = kept.recordings()
    (channel,) = recording.channels.values()
    assert isinstance(channel, Series) and channel.value.tolist() == [9_000]


def test_a_store_is_there_only_once_it_holds_an_import(
    bench: Bench, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, seen = bench.folder / "my.store", []

    def watched(files: Files, names: Group, given: Options) -> list[Recording]:
        seen.append(store.exists())
        return TOY.read(files, names, given)

    monkeypatch.setattr(recognise, "FORMATS", (replace(TOY, read=watched),))
    code, printed, _ = bench.holter("data", "import", toy("- 0 20"), "--into", store)
    assert code == 0 and seen == [False] and store.stat().st_mode & 0o777 == 0o600
    assert printed.startswith(f"added to {store}\n")
    assert [p.name for p in bench.folder.iterdir() if "store" in p.name] == ["my.store"]


def test_whoever_makes_the_store_first_keeps_it_and_the_other_adds_to_it(
    bench: Bench, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = bench.folder / "my.store"

    def late(files: Files, names: Group, given: Options) -> list[Recording]:
        if not store.exists():
            with Store.create(store) as other:
                other.add([hearts({0: 60})], 1)
        return TOY.read(files, names, given)

    monkeypatch.setattr(recognise, "FORMATS", (replace(TOY, read=late),))
    assert bench.holter("data", "import", toy("- 0 20"), "--into", store)[0] == 0
    with Store.open(store) as kept:
        assert [r.source for r in kept.recordings()] == ["band", "Toy [red]band[/red]"]


@pytest.mark.parametrize(
    ("held", "added", "said"),
    [("", "Anna", "held recordings without a name"), ("P1", "", "bear no name"),
     ("P1", "Anna", "under another name"), ("", "", ""), ("Anna", "Anna", "")],
)  # fmt: skip
def test_names_that_differ_between_imports_are_told_of_and_not_shown(
    bench: Bench, toy: Toy, held: str, added: str, said: str
) -> None:
    store = bench.folder / "my.store"
    with Store.create(store) as made:
        made.add([hearts({0: 60}, person=held)], 1)
    path = toy(f"{added or '-'} 0 20")
    code, printed, _ = bench.holter("data", "import", path, "--into", store)
    assert code == 0 and said in printed and ("another store" in printed) is bool(said)
    assert "Anna" not in printed and "P1" not in printed
    assert "another store" not in bench.holter("data", "import", path, "--into", store)[1]


def test_stores_in_a_folder_are_not_imported_and_zips_are(bench: Bench, toy: Toy) -> None:
    folder = toy("- 0 20").parent
    store = folder / "my.store"
    with zipfile.ZipFile(folder / "z.zip", "w") as archive:
        archive.write(toy("- 500 20", name="b.toy"), "b.toy")
    (folder / "b.toy").unlink()
    for _ in range(2):
        code, printed, _ = bench.holter("data", "import", folder, "--into", store)
        assert code == 0
    assert "left out: stores (1)" in printed and "nothing new" in printed
    with Store.open(store) as kept:
        assert [c.count for c in kept.channels()] == [40]
    only = bench.folder / "only"
    only.mkdir()
    store.rename(only / "my.store")
    assert "holds stores only" in refused(bench, "import", only, "--into", bench.folder / "c.store")


def test_ctrl_c_is_told_and_leaves_nothing(
    bench: Bench, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(files: Files, names: Group, given: Options) -> list[Recording]:
        raise KeyboardInterrupt

    monkeypatch.setattr(recognise, "FORMATS", (replace(TOY, read=stopped),))
    path, store = toy("- 0 20"), bench.folder / "my.store"
    code, _, complaint = bench.holter("data", "import", path, "--into", store)
    assert (code, complaint) == (130, "holter: interrupted before anything was written\n")
    assert [p.name for p in bench.folder.iterdir() if "store" in p.name] == []


@pytest.mark.recordings
def test_real_sessions_of_a_wrist_device_from_folder_and_zip(bench: Bench, data_root: Path) -> None:
    folder, store = data_root / "format_samples" / "empatica_e4" / "S02", bench.folder / "my.store"
    code, printed, _ = bench.holter("data", "inspect", folder)
    assert code == 0 and "Empatica E4" in printed and "64 Hz" in printed
    assert bench.holter("data", "import", folder, "--into", store)[0] == 0
    packed = bench.folder / "session.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.iterdir():
            archive.write(file, f"S02/{file.name}")
    code, printed, _ = bench.holter("data", "import", packed, "--into", store)
    assert code == 0 and "nothing new" in printed
    given = inspecting.options(None, None)
    (stored,) = inspecting.inspect(store, given).recordings
    (read,) = inspecting.inspect(folder, given).recordings
    assert stored["channels"] == read["channels"] and stored["findings"] == read["findings"]


@pytest.mark.recordings
@pytest.mark.long
def test_every_sample_comes_back_from_a_store_as_it_was_and_is_known_the_second_time(
    bench: Bench, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognise, "FORMATS", FORMATS)
    given, count = inspecting.options(None, None), 0
    for folder in sorted(p for p in (data_root / "format_samples").iterdir() if p.is_dir()):
        with opened(folder) as files:
            for read in inspecting.readings(files, given, inspecting.Reading()):
                with Store.create(bench.folder / f"{count}.store") as store:
                    (first,) = store.add([read.recording], 1)
                    (second,) = store.add([read.recording], 2)
                    assert first.rows_known == first.samples_known == first.conflicts == 0
                    assert not second.anything and second.conflicts == 0
                    assert second.rows_known == first.rows_new
                    assert second.samples_known == first.samples_new
                    same(read.recording, store.recordings()[0])
                (bench.folder / f"{count}.store").unlink()
                count += 1
    assert count > 60
