"""An open byte stream -> columns by name. One function a format; no file is opened here.

A column is an array with one row a window. Everything is read as stored: units, labels
and gaps get their meaning in ``prepare``, by the words of the study.
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Columns = Mapping[str, npt.NDArray[Any]]

_GZIP_MAGIC = b"\x1f\x8b"


class DataError(ValueError):
    """Recordings that do not fit what the study says of them; the message says what and how."""


def read(source: str, stream: BinaryIO) -> Columns:
    """Columns of a file of kind ``source``: "npz", "csv" or "parquet". Raises DataError."""
    return {"npz": read_npz, "csv": read_csv, "parquet": read_parquet}[source](stream)


def read_npz(stream: BinaryIO) -> Columns:
    """All arrays of a NumPy archive; objects (pickles) are refused."""
    try:
        with np.load(stream, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"not a readable npz file: {error}") from None


def read_csv(stream: BinaryIO) -> Columns:
    """A table with a header row, plain or gzipped. Numbers become float64, empty cells NaN."""
    data = stream.read()
    try:
        if data[:2] == _GZIP_MAGIC:
            data = gzip.decompress(data)
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"not a readable csv file: {error}") from None
    if len(rows) < 2:
        raise DataError("the csv file has a header at most, and no rows")
    header, body = rows[0], [row for row in rows[1:] if row]
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise DataError(f"csv line {number} has {len(row)} cells, the header {len(header)}")
    return {name: _numbers_or_text([row[i] for row in body]) for i, name in enumerate(header)}


def _numbers_or_text(cells: list[str]) -> npt.NDArray[Any]:
    try:
        numbers = np.array([float(cell) if cell.strip() else np.nan for cell in cells])
    except ValueError:
        return np.array(cells)
    whole = np.isfinite(numbers).all() and bool(np.all(numbers == np.round(numbers)))
    return numbers.astype(np.int64) if whole else numbers


def read_parquet(stream: BinaryIO) -> Columns:
    """Columns of a Parquet file; needs the extra ``parquet`` (pyarrow)."""
    try:
        import pyarrow  # noqa: F401
        from pyarrow import parquet
    except ImportError:
        raise DataError("Parquet files need pyarrow: pip install 'holter[parquet]'") from None
    try:
        table = parquet.read_table(io.BytesIO(stream.read()))
    except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
        raise DataError(f"not a readable parquet file: {error}") from None
    return {
        name: np.asarray(table.column(name).to_numpy(zero_copy_only=False))
        for name in table.column_names
    }
