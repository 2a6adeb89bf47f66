"""Tables in bounded pieces, read by a mapping: CSV, gz, Parquet and NPZ, whole and damaged."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tests.signals.readers.shown import found, series, waveform

from holter.signals.errors import DataError
from holter.signals.readers import mapped, tables
from holter.signals.readers.files import MemoryFiles
from holter.signals.readers.formats import Options
from holter.signals.recording import SECOND_NS, Recording

T0 = 1_772_352_000 * SECOND_NS  # 2026-03-01T08:00:00Z
PULSE = {"time": {"column": "t"}, "channels": [{"kind": "heart_rate", "column": "hr"}]}


def read(
    text: str | bytes, mapping: Mapping[str, Any] = PULSE, zone: str | None = None
) -> Recording:
    files = MemoryFiles({"table.csv": text if isinstance(text, bytes) else text.encode()})
    (recording,) = mapped.FORMAT.read(files, ("table.csv",), Options(zone=zone, mapping=mapping))
    return recording


def test_decimal_commas_are_read_when_said_and_named_when_not() -> None:
    text = "t;w\n2026-03-01T08:00:00Z;71,5\n2026-03-02T08:00:00Z;71.5\n"
    mapping = {"delimiter": ";", "decimal": ",", "time": {"column": "t"},
               "channels": [{"kind": "weight", "column": "w"}]}  # fmt: skip
    got = read(text, mapping)
    assert series(got, "weight").value.tolist()[0] == 71.5
    assert np.isnan(series(got, "weight").value[1]), "a point under a decimal comma is no number"
    with pytest.raises(DataError, match="decimal"):
        read(text.replace("71.5", "71,6"), {**mapping, "decimal": "."})


def test_rows_with_another_number_of_cells_are_left_out_and_counted() -> None:
    got = read("t,hr\n2026-03-01T08:00:00Z,60,\nlonely\n\n,\n2026-03-01T08:00:01Z,61,9\n"
               "2026-03-01T08:00:02Z,62\n2026-03-01T08:00:0")  # fmt: skip
    assert series(got, "heart_rate").value.tolist() == [60.0, 62.0]
    assert found(got)["rows with another number of cells than the header, left out"] == 3


def test_quotes_may_hold_delimiters_and_a_quote_that_swallows_lines_is_counted() -> None:
    got = read('t,hr,note\n2026-03-01T08:00:00Z,60,"a, ""b""\nc"\n2026-03-01T08:00:01Z,61,x\n'
               '2026-03-01T08:00:02Z,"62,x\n2026-03-01T08:00:03Z,63,x\n')  # fmt: skip
    assert series(got, "heart_rate").value.tolist() == [60.0, 61.0]
    assert found(got)["rows with another number of cells than the header, left out"] == 2


def test_a_cell_of_ten_megabytes_is_refused_in_one_line() -> None:
    huge = "t,hr\n2026-03-01T08:00:00Z," + "9" * (10 << 20) + "\n"
    with pytest.raises(DataError, match="no table of rows") as caught:
        read(huge)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="quote"):
        read('t,hr\n2026-03-01T08:00:00Z,"' + ("9" * 70 + "\n") * 5000)


def test_zero_bytes_and_other_encodings_are_refused_with_their_remedy() -> None:
    with pytest.raises(DataError, match="zero bytes"):
        read(b"t,hr\n" + b"x" * 600 + b"\n2026-03-01T08:00:00Z,6\0\0\n")
    latin = "t,hr,wo\n2026-03-01T08:00:00Z,60,Köln\n".encode("latin-1")
    with pytest.raises(DataError, match="encoding"):
        read(latin)
    assert series(read(latin, {**PULSE, "encoding": "latin-1"}), "heart_rate").value.tolist() == [
        60
    ]


def test_utf16_and_marks_and_old_line_ends_are_read() -> None:
    text = "t,hr\r\n2026-03-01T08:00:00Z,60\r\n"
    for data in (text.encode("utf-16"), text.encode("utf-8-sig"), text.replace("\n", "").encode()):
        assert series(read(data), "heart_rate").value.tolist() == [60.0]


def test_gz_tables_are_read_and_those_that_unfold_too_far_or_are_cut_off_are_refused() -> None:
    packed = gzip.compress(b"t,hr\n2026-03-01T08:00:00Z,60\n")
    assert series(read(packed), "heart_rate").value.tolist() == [60.0]
    with pytest.raises(DataError, match="damaged gz"):
        read(packed[:-12])
    line = b"2026-03-01T08:00:00Z,60," + b" " * 120_000 + b"\n"
    bomb = gzip.compress(b"t,hr,more\n" + line * 700)  # 84 MB from under a hundred kilobytes
    with pytest.raises(DataError, match="unfolds further"):
        read(bomb)


def test_parquet_columns_of_every_type_give_the_same_series() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    for times, form in (
        (pyarrow.array([T0], pyarrow.timestamp("ns", tz="UTC")), "iso"),
        (pyarrow.array([T0 // 1000], pyarrow.timestamp("us")), "iso"),
        (pyarrow.array(["2026-03-01T08:00:00Z"]), "iso"),
        (pyarrow.array([T0 // SECOND_NS]), "s"),
    ):
        table = pyarrow.table({"t": times, "hr": pyarrow.array([60]), "more": ["x"]})
        out = io.BytesIO()
        parquet.write_table(table, out)
        mapping = {**PULSE, "time": {"column": "t", "as": form}}
        heart = series(read(out.getvalue(), mapping, "UTC"), "heart_rate")
        assert (heart.time_ns.tolist(), heart.value.tolist()) == ([T0], [60.0])
        with pytest.raises(DataError, match="damaged Parquet"):
            read(out.getvalue()[:-9], mapping)


def _npz(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def test_npz_arrays_are_read_with_their_axes() -> None:
    mapping = {"time": {"column": "t", "as": "ns"}, "channels": [
        {"kind": "acceleration", "column": "acc", "axes": ["x", "y", "z"], "stamped": True}]}  # fmt: skip
    stamps = T0 + np.arange(10) * 20_000_000
    got = read(_npz(t=stamps, acc=np.ones((10, 3)), meta=np.arange(2)), mapping)
    assert waveform(got, "acceleration").segments[0].values.shape == (10, 3)


@pytest.mark.parametrize("kind", ["f8", "i8", "u4", "M8[ns]", "U"])
def test_times_in_arrays_may_be_numbers_or_moments_or_text(kind: str) -> None:
    seconds = np.array([T0 // SECOND_NS])
    form = "s" if kind in ("f8", "i8", "u4") else "iso"
    times = (seconds * SECOND_NS).astype("M8[ns]") if form == "iso" else seconds.astype(kind)
    times = np.array(["2026-03-01T08:00:00Z"]) if kind == "U" else times
    mapping = {**PULSE, "time": {"column": "t", "as": form}}
    got = read(_npz(t=times, hr=np.array([60])), mapping, "UTC")
    assert series(got, "heart_rate").time_ns.tolist() == [T0]


def test_npz_with_objects_or_lying_headers_or_bombs_is_refused() -> None:
    mapping = {"time": {"column": "t", "as": "ns"}, "channels": PULSE["channels"]}
    with pytest.raises(DataError, match="objects"):
        read(_npz(t=np.array([{}], dtype=object), hr=np.ones(1)), mapping)
    for shape in (b"9000000000,", b"0, 99999999999999999999", b"-1, 3"):
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + shape + b"), }\n"
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            begin = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header))
            archive.writestr("t.npy", begin + header)
        with pytest.raises(DataError, match="damaged NPZ"):
            read(out.getvalue(), mapping)
    with pytest.raises(DataError, match="unfolds further"):
        read(_npz(t=np.zeros(20_000_000), hr=np.zeros(1)), mapping)
    with pytest.raises(DataError, match="damaged NPZ"):
        read(_npz(t=np.zeros(3), hr=np.zeros(3))[:-30], mapping)


def test_arrays_of_unequal_length_are_refused() -> None:
    mapping = {"time": {"column": "t", "as": "ns"}, "channels": PULSE["channels"]}
    with pytest.raises(DataError, match="equally long"):
        read(_npz(t=np.full(3, T0), hr=np.ones(2)), mapping)


def test_numbers_counts_what_is_no_number_in_text_and_in_arrays() -> None:
    values, odd = tables.numbers(["1", " 2.5 ", "", "x"])
    assert (values[:2].tolist(), odd) == ([1.0, 2.5], 1)
    values, odd = tables.numbers(np.array([1.0, np.inf, 255.0]), missing=frozenset({"255"}))
    assert odd == 1
    assert np.isnan(values).tolist() == [False, True, True]


def test_a_damaged_array_whose_nans_signal_is_masked_without_a_warning() -> None:
    signalling = np.array([0x7FF0000000000001, 0x404E000000000000], dtype="u8").view("f8")
    values, odd = tables.numbers(signalling)
    assert (np.isnan(values).tolist(), values[1], odd) == ([True, False], 60.0, 0)
    small = np.array([0x7F800001], dtype="u4").view("f4")
    assert np.isnan(tables.numbers(small)[0] * 2.0).all()


def test_numbers_beyond_all_measure_are_no_numbers_as_text_and_in_arrays() -> None:
    for cells in (["1e307", "60"], ["1e307", "60", "-"], np.array([1e307, 60.0])):
        values, odd = tables.numbers(cells)
        assert (np.isnan(values[0]), values[1], odd) == (True, 60.0, 1)
    mapping = {
        **PULSE,
        "channels": [{"kind": "weight", "column": "hr", "unit": "kg", "scale": 1e6}],
    }
    got = read("t,hr\n2026-03-01T08:00:00Z,1e307\n2026-03-01T08:00:01Z,0.00006\n", mapping)
    assert np.isnan(series(got, "weight").value).tolist() == [True, False]


def test_utf_16_without_its_mark_is_an_error_that_names_the_encoding() -> None:
    text = "t,hr\n2026-03-01T08:00:00Z,60\n"
    mapping = {**PULSE, "encoding": "utf-16"}
    assert series(read(text.encode("utf-16"), mapping), "heart_rate").value.tolist() == [60]
    with pytest.raises(DataError, match="not UTF-16 text"):
        read(text.encode("utf-16-be"), mapping)
