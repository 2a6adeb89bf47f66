"""Readers: the bytes of a file -> columns, exactly as stored; anything else is a DataError."""

from __future__ import annotations

import gzip
import io
import sys
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.signals.columns import read, read_csv, read_npz, read_parquet
from holter.signals.errors import DataError


def _npz(compressed: bool = False, **arrays: Any) -> io.BytesIO:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)
    stream.seek(0)
    return stream


def _csv(text: str | bytes) -> io.BytesIO:
    return io.BytesIO(text.encode() if isinstance(text, str) else text)


def test_arrays_come_out_of_an_npz_as_they_went_in() -> None:
    stored = {
        "acc": np.arange(12, dtype=np.int16).reshape(2, 3, 2),
        "who": np.array(["a", "b"]),
        "label": np.array([1, 0], dtype=np.uint8),
    }
    found = read("npz", _npz(**stored))
    assert set(found) == set(stored)
    for name, array in stored.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


def test_an_npz_with_pickled_objects_is_refused_and_nothing_is_unpickled() -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (pytest.fail, ("a pickle was opened",))

    with pytest.raises(DataError, match="not a readable npz file: Object arrays cannot be loaded"):
        read_npz(_npz(a=np.arange(3), b=np.array([Trap(), {}], dtype=object)))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"hello", b"\x93NUMPY", bytes(100)])
def test_what_is_no_npz_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="not a readable npz file"):
        read_npz(io.BytesIO(data))


def test_an_npz_cut_short_anywhere_is_refused() -> None:
    data = _npz(compressed=True, a=np.random.default_rng(1).normal(size=200)).getvalue()
    for end in range(0, len(data), 41):
        with pytest.raises(DataError):
            read_npz(io.BytesIO(data[:end]))


def test_an_npz_with_a_byte_changed_in_its_data_is_refused() -> None:
    data = bytearray(_npz(a=np.arange(100)).getvalue())
    data[len(data) // 2] ^= 1
    with pytest.raises(DataError, match="Bad CRC"):
        read_npz(io.BytesIO(bytes(data)))


def test_a_damaged_compressed_npz_is_refused_or_read_as_it_was() -> None:
    """A flipped bit may lie where nothing is read (a time stamp); never is a wrong array given."""
    array = np.random.default_rng(0).normal(size=500)
    data = _npz(compressed=True, a=array).getvalue()
    for place in range(40, 400):
        damaged = data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]
        try:
            found = read_npz(io.BytesIO(damaged))
        except DataError:
            continue
        assert all(np.array_equal(column, array) for column in found.values())


def test_a_single_npy_array_is_refused() -> None:
    stream = io.BytesIO()
    np.save(stream, np.arange(3))
    stream.seek(0)
    with pytest.raises(DataError):
        read_npz(stream)


def test_an_archive_with_other_files_in_it_yields_arrays_only() -> None:
    stream = _npz(a=np.arange(3))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("readme.txt", "hello")
    stream.seek(0)
    assert all(isinstance(column, np.ndarray) for column in read_npz(stream).values())


TABLE = "who,hr,label\nanna,61.5,walk\nbert,,run\n"


@pytest.mark.parametrize(
    "data",
    [
        TABLE.encode(),
        gzip.compress(TABLE.encode(), mtime=0),
        b"\xef\xbb\xbf" + TABLE.encode(),
        TABLE.replace("\n", "\r\n").encode(),
        TABLE.replace("anna", '"anna"').encode(),
    ],
    ids=["plain", "gzipped", "byte order mark", "windows line ends", "quoted"],
)
def test_a_table_is_read_with_numbers_as_numbers_and_empty_cells_as_nan(data: bytes) -> None:
    columns = read("csv", io.BytesIO(data))
    assert columns["who"].tolist() == ["anna", "bert"]
    assert columns["label"].tolist() == ["walk", "run"]
    assert columns["hr"].dtype == np.float64
    assert columns["hr"][0] == 61.5 and np.isnan(columns["hr"][1])


def test_whole_numbers_stay_whole() -> None:
    columns = read_csv(_csv("n,x\n1,1.5\n-2,2\n"))
    assert columns["n"].dtype == np.int64 and columns["n"].tolist() == [1, -2]
    assert columns["x"].dtype == np.float64


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
@settings(deadline=None)
def test_numbers_survive_to_the_last_bit(values: list[float]) -> None:
    values = [v for v in values if abs(v) < 2**53]  # above, see the two defects below
    columns = read_csv(_csv("x\n" + "\n".join(map(repr, [0.5, *values])) + "\n"))
    assert columns["x"].tolist() == [0.5, *values]


@pytest.mark.parametrize("text", ["", "a,b", "a,b\n"])
def test_an_empty_table_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="a header at most, and no rows"):
        read_csv(_csv(text))


def test_a_table_of_blank_lines_is_refused_as_empty() -> None:
    with pytest.raises(DataError, match="no rows"):
        read_csv(_csv("a,b\n\n\n"))


@pytest.mark.parametrize(("row", "cells"), [("1", 1), ("1,2,3", 3)])
def test_a_ragged_table_is_refused_with_the_line(row: str, cells: int) -> None:
    with pytest.raises(DataError, match=f"csv line 3 has {cells} cells, the header 2"):
        read_csv(_csv(f"a,b\n1,2\n{row}\n"))


@pytest.mark.parametrize(
    "data", ["a\né\n".encode("latin-1"), gzip.compress(b"a\n1\n", mtime=0)[:-4]]
)
def test_a_table_that_cannot_be_decoded_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="not a readable csv file"):
        read_csv(io.BytesIO(data))


def test_a_damaged_gzip_is_refused() -> None:
    with pytest.raises(DataError):
        read_csv(io.BytesIO(gzip.compress(TABLE.encode())[:10] + b"\xff" * 20))


@pytest.mark.parametrize(
    ("one", "other"), [("1_11", "11_1"), ("9007199254740993", "9007199254740992")]
)
def test_two_people_with_different_names_stay_two_people(one: str, other: str) -> None:
    columns = read_csv(_csv(f"who\n{one}\n{other}\n"))
    assert len(np.unique(columns["who"])) == 2


def test_a_whole_number_beyond_64_bits_keeps_its_value() -> None:
    assert float(read_csv(_csv("x\n1e20\n1\n"))["x"][0]) == 1e20


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(DataError):
        read_csv(_csv("x,x\n1,2\n"))


def _parquet(**columns: Any) -> io.BytesIO:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    stream = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), stream)
    stream.seek(0)
    return stream


def test_columns_come_out_of_parquet_as_they_went_in() -> None:
    found = read("parquet", _parquet(who=["a", "b"], hr=[61.5, None], label=[1, 0]))
    assert found["who"].tolist() == ["a", "b"]
    assert found["hr"][0] == 61.5 and np.isnan(found["hr"][1])
    assert found["label"].dtype == np.int64 and found["label"].tolist() == [1, 0]


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + bytes(40) + b"PAR1", b"a,b\n1,2\n"])
def test_what_is_no_parquet_is_refused(data: bytes) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match="not a readable parquet file"):
        read_parquet(io.BytesIO(data))


def test_without_pyarrow_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"need the extra parquet: pip install 'holter\[parquet\]'"):
        read_parquet(io.BytesIO(b"PAR1"))
