"""Finding and reading the files of a set, and checking what was downloaded."""

from __future__ import annotations

import tomllib
from collections import Counter

import numpy as np
import pytest

from holter.rounds.study import Study
from holter.signals.errors import DataError
from holter.signals.readers.files import MemoryFiles
from holter.signals.sets import SETS, Archive, check_archive, layout
from holter.signals.tasks import TASKS

OPEN = '[privacy]\nmode = "none"\n'
ARCHIVE = Archive("set.zip", 10, "ab" * 32, "cd" * 16)


def test_an_archive_with_the_published_digest_is_checked() -> None:
    assert check_archive(ARCHIVE, 10, {"sha256": "AB" * 32})
    assert check_archive(ARCHIVE, 10, {"md5": "cd" * 16})


def test_an_archive_without_a_published_digest_is_not_called_checked() -> None:
    assert not check_archive(Archive("set.zip", None, None, None), 10, {"sha256": "ab" * 32})
    assert not check_archive(ARCHIVE, 10, {})


@pytest.mark.parametrize(
    ("size", "digests", "why"),
    [
        (11, {"sha256": "ab" * 32}, "11 bytes, published 10"),
        (10, {"sha256": "00" * 32}, "its sha256 differs"),
        (10, {"sha256": "ab" * 32, "md5": "00" * 16}, "its md5 differs"),
    ],
)
def test_another_archive_is_refused(size: int, digests: dict[str, str], why: str) -> None:
    with pytest.raises(DataError, match=why):
        check_archive(ARCHIVE, size, digests)


@pytest.mark.parametrize("name", SETS)
def test_every_set_says_where_it_is_and_under_which_terms(name: str) -> None:
    one = SETS[name]
    assert one.name == name and one.people > 0 and one.archives
    assert "doi:10." in one.where and one.licence and one.citation
    assert one.task in TASKS
    assert len(one.fetch.splitlines()) >= 3
    for archive in one.archives:
        for digest, length in ((archive.sha256, 64), (archive.md5, 32)):
            assert digest is None or (len(digest) == length and digest == digest.lower())
        if archive.sha256 is not None:
            assert archive.checksum_by  # none of the publishers states one


@pytest.mark.parametrize("name", SETS)
def test_the_study_of_every_set_is_a_valid_study(name: str) -> None:
    one = SETS[name]
    assert set(tomllib.loads(one.study)) == {"data"}
    study = Study.parse(f'[study]\nname = "{name}"\ntask = "{one.task}"\n{one.study}\n{OPEN}')
    assert study.data.source == "npz"


@pytest.mark.parametrize("name", SETS)
def test_a_folder_without_the_set_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(DataError, match=r"^there is no .+: name the folder or zip") as caught:
        SETS[name].prepare(MemoryFiles({"notes.txt": b"nothing"}), lambda *_: None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", SETS)
def test_a_set_that_is_still_packed_is_named(name: str) -> None:
    with pytest.raises(DataError, match=r"but inner\.zip: unfold it"):
        SETS[name].prepare(MemoryFiles({"inner.zip": b"PK"}), lambda *_: None)


def test_two_copies_in_one_folder_are_refused() -> None:
    files = MemoryFiles({"a/x1.txt": b"", "b/x1.txt": b""})
    with pytest.raises(DataError, match="two copies"):
        layout.found(files, r"x(\d)\.txt")


def test_what_a_mac_adds_to_a_zip_is_not_a_copy() -> None:
    files = MemoryFiles({"__MACOSX/a/x1.txt": b"", "a/x1.txt": b""})
    assert layout.found(files, r"x(\d)\.txt") == {("1",): "a/x1.txt"}


def test_a_name_that_only_ends_alike_is_not_taken() -> None:
    assert layout.found(MemoryFiles({"a/notx1.txt": b"", "x1.txt.bak": b""}), r"x(\d)\.txt") == {}


def read(data: bytes, columns: int = 2, separator: str | None = None) -> tuple[list, list]:
    rows, odd = layout.numbers(MemoryFiles({"t.txt": data}), "t.txt", columns, separator)
    return rows.tolist(), odd.tolist()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\n\n"])
def test_lines_of_numbers_are_read_whatever_ends_them(end: bytes) -> None:
    assert read(b"1 2" + end + b" 3e0  4") == ([[1, 2], [3, 4]], [False, False])


@pytest.mark.parametrize("bad", [b"5", b"5 6 7", b"5 x", b"5 1_0", b"5,6", b"#5 6"])
def test_an_odd_line_is_nan_and_marked_and_the_others_stay(bad: bytes) -> None:
    rows, odd = read(b"1 2\n" + bad + b"\n3 4\n")
    assert odd == [False, True, False]
    assert rows[0] == [1, 2] and rows[2] == [3, 4] and np.isnan(rows[1]).all()


def test_nan_is_a_number_of_these_files() -> None:
    rows, odd = read(b"1 NaN\n")
    assert odd == [False] and np.isnan(rows[0][1])


def test_commas_divide_where_they_should() -> None:
    assert read(b"1,2\n3, 4\n", separator=",") == ([[1, 2], [3, 4]], [False, False])


@pytest.mark.parametrize("data", [b"", b"\n\n", b"a b\n", b"1\n2\n"])
def test_a_file_without_any_good_line_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match=r"t\.txt has no line of 2 numbers"):
        read(data)


def test_a_file_that_is_not_text_is_refused_with_the_byte() -> None:
    with pytest.raises(DataError, match=r"t\.txt is not UTF-8 text \(byte 5\)"):
        read(b"1 2\n3\xff4\n")


def test_a_byte_order_mark_does_not_cost_the_first_line() -> None:
    assert read(b"\xef\xbb\xbf1 2\n") == ([[1, 2]], [False])


def test_a_long_file_is_read_in_blocks_and_nothing_is_lost_between_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(layout, "BLOCK_BYTES", 7)
    data = b"".join(b"%d %d\n" % (i, -i) for i in range(100)) + b"broken"
    parts = list(layout.blocks(MemoryFiles({"t": data}), "t", 2))
    rows = np.concatenate([rows for rows, _ in parts])
    assert len(parts) > 10
    assert rows[:100].tolist() == [[i, -i] for i in range(100)]
    assert np.concatenate([odd for _, odd in parts]).tolist() == [False] * 100 + [True]


def test_a_file_that_is_one_endless_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "MOST_LINE_BYTES", 100)
    with pytest.raises(DataError, match="line of more than"):
        read(b"1 " * 200)


def test_impossible_values_are_masked_and_counted_in_either_unit() -> None:
    noted: Counter[str] = Counter()
    stored = np.array([9.80665, np.nan, 1e308, -5000.0])
    g = layout.believed(stored, "acceleration", lambda w, n: noted.update({w: n}), unit="m/s2")
    assert g[0] == pytest.approx(1) and np.isnan(g[1:]).all()
    assert noted == {"impossible values of acceleration, masked": 2}
    kept = layout.believed([1.5, 500.0], "gyroscope", lambda *_: None, unit="rad/s", kept=True)
    assert kept[0] == 1.5 and np.isnan(kept[1])


def test_runs_part_where_the_label_changes_and_where_they_are_told_to() -> None:
    labels = np.array([1, 1, 1, 0, 0, 1])
    assert layout.runs(labels) == [(0, 3), (3, 5), (5, 6)]
    assert layout.runs(labels, [1, 3]) == [(0, 1), (1, 3), (3, 5), (5, 6)]
    assert layout.runs(labels[:0]) == []
    assert layout.runs(np.array([7, 7])) == [(0, 2)]


def test_a_label_that_is_no_whole_number_labels_nothing() -> None:
    stored = np.array([3, 0.5, np.nan, np.inf, -2, 1e300])
    assert layout.labels_of(stored).tolist() == [3, -1, -1, -1, -1, -1]
