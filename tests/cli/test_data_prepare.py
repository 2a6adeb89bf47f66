"""holter data prepare and sets: a file of windows that is whole or not there."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import holter.signals.sets as sets
from holter.signals.columns import Columns
from holter.signals.errors import DataError
from holter.signals.readers.files import Files
from holter.signals.sets import Archive, Note, PublishedSet
from tests.cli.conftest import Bench
from tests.cli.toys import refused


def _prepared(files: Files, note: Note) -> Columns:
    if "data.txt" not in files.names:
        raise DataError("there is no data.txt here: name the folder that holds the set")
    note("lines left out", 3)
    note("nothing odd", 0)
    return {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "subject": np.array([1, 2])}


CONTENT = b"published"
TINY = PublishedSet(
    name="tiny", title="A tiny set", task="activity", where="example.org", licence="CC0",
    citation="Somebody [2020]", fetch="fetch it", people=2, prepare=_prepared,
    archives=(Archive("tiny.zip", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), None),),
    study='[data]\nsource = "npz"\npath = "windows.npz"\n',
)  # fmt: skip


@pytest.fixture
def tiny(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sets, "SETS", {"tiny": TINY})
    folder = bench.folder / "downloaded"
    folder.mkdir()
    (folder / "data.txt").write_text("1 2 3")
    return folder


def test_prepare_writes_windows_and_prints_the_data_of_a_study(bench: Bench, tiny: Path) -> None:
    into = bench.folder / "tiny.npz"
    (tiny / "tiny.zip").write_bytes(CONTENT)
    code, printed, told = bench.holter("data", "prepare", "tiny", tiny, "--into", into)
    assert code == 0 and printed.strip() == TINY.study.strip()
    assert "lines left out: 3" in told and "nothing odd" not in told
    assert "tiny.zip is the published file" in told
    with np.load(into) as arrays:
        assert set(arrays.files) == {"x", "subject"} and arrays["x"].dtype == np.float32
    code, _, complaint = bench.holter("data", "prepare", "tiny", tiny, "--into", into)
    assert code == 2 and "--force" in complaint
    assert bench.holter("data", "prepare", "tiny", tiny, "--into", into, "--force")[0] == 0


@pytest.mark.parametrize(
    ("set_name", "into", "said"),
    [
        ("tinny", "a.npz", "there are: tiny"),
        ("tiny", "a.csv", ".npz"),
        ("tiny", "no/a.npz", "there is no folder"),
        ("tiny", "a.npz", "there is no data.txt here"),
    ],
)
def test_prepare_refuses_and_writes_nothing(
    bench: Bench, tiny: Path, set_name: str, into: str, said: str
) -> None:
    (tiny / "data.txt").unlink()
    before = sorted(bench.folder.rglob("*"))
    assert said in refused(bench, "prepare", set_name, tiny, "--into", bench.folder / into)
    assert sorted(bench.folder.rglob("*")) == before


def test_a_download_that_is_not_the_published_file_is_refused(bench: Bench, tiny: Path) -> None:
    (tiny / "tiny.zip").write_bytes(CONTENT[::-1])
    complaint = refused(bench, "prepare", "tiny", tiny, "--into", bench.folder / "a.npz")
    assert "sha256 differs" in complaint


def test_a_disk_that_is_full_leaves_the_old_file(
    bench: Bench, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into = bench.folder / "a.npz"
    into.write_bytes(b"old")

    def full(file: Any, **columns: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    complaint = refused(bench, "prepare", "tiny", tiny, "--into", into, "--force")
    assert "No space left" in complaint and into.read_bytes() == b"old"
    assert not list(bench.folder.glob(".*"))


def test_sets_lists_where_each_comes_from(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    code, printed, _ = bench.holter("data", "sets")
    assert code == 0
    for name in sets.SETS:
        assert name in printed
    monkeypatch.setattr(sets, "SETS", {"tiny": TINY})
    assert "Somebody [2020]" in bench.holter("data", "sets")[1]
