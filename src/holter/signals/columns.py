"""An open byte stream -> columns by name. One function a format; no file is opened here.

A column is an array with one row a window. Everything is read as stored: units, labels
and gaps get their meaning in ``prepare``, by the words of the study. Whole recordings, not yet
cut into windows, are read in ``readers``.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError, ExtraMissing

Columns = Mapping[str, npt.NDArray[Any]]

# numpy parses an array's header as Python text, so a damaged one fails as Python does.
_UNREADABLE = (
    ValueError,
    OSError,
    EOFError,
    KeyError,
    SyntaxError,
    tokenize.TokenError,
    UnicodeDecodeError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
_GZIP_MAGIC = b"\x1f\x8b"
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")  # up to 18 digits: inside int64
_NUMBER = re.compile(
    r"([+-]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][+-]?[0-9]+)?|[+-]?(nan|inf|infinity))", re.IGNORECASE
)


def read(source: str, stream: BinaryIO) -> Columns:
    """Columns of a file of kind ``source``: "npz", "csv" or "parquet". Raises DataError."""
    return {"npz": read_npz, "csv": read_csv, "parquet": read_parquet}[source](stream)


def read_npz(stream: BinaryIO) -> Columns:
    """All arrays of a NumPy archive; objects (pickles) are refused."""
    try:
        opened = np.load(stream, allow_pickle=False)
        if not isinstance(opened, np.lib.npyio.NpzFile):
            raise DataError("not a readable npz file: it is a single array without a name")
        with opened as archive:
            found = {name: archive[name] for name in archive.files}
    except _UNREADABLE as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"not a readable npz file: {error}") from None
    return {name: array for name, array in found.items() if isinstance(array, np.ndarray)}


def read_csv(stream: BinaryIO) -> Columns:
    """A table with a header row, plain or gzipped. Numbers become float64, empty cells NaN."""
    data = stream.read()
    try:
        if data[:2] == _GZIP_MAGIC:
            data = gzip.decompress(data)
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        raise DataError(f"not a readable csv file: {error}") from None
    header = rows[0] if rows else []
    numbered = [(number, row) for number, row in enumerate(rows[1:], start=2) if row]
    if not numbered:
        raise DataError("the csv file has a header at most, and no rows")
    twice = {name for name in header if header.count(name) > 1}
    if twice:
        raise DataError(f"two columns of the csv file are called {sorted(twice)[0]!r}")
    for number, row in numbered:
        if len(row) != len(header):
            raise DataError(f"csv line {number} has {len(row)} cells, the header {len(header)}")
    body = [row for _, row in numbered]
    return {name: _numbers_or_text([row[i] for row in body]) for i, name in enumerate(header)}


def _numbers_or_text(cells: list[str]) -> npt.NDArray[Any]:
    """Numbers where every cell is one and none would change its name by it, else text.

    007 and 1_11 are names, not numbers: as numbers two people could become one.
    """
    if all(_WHOLE.fullmatch(cell) for cell in cells):
        return np.array([int(cell) for cell in cells], dtype=np.int64)
    if all(_NUMBER.fullmatch(cell.strip()) for cell in cells):
        return np.array([float(cell) if cell.strip() else np.nan for cell in cells])
    return np.array(cells)


def read_parquet(stream: BinaryIO) -> Columns:
    """Columns of a Parquet file; needs the extra ``parquet`` (pyarrow)."""
    try:
        import pyarrow  # noqa: F401
        from pyarrow import parquet
    except ImportError:
        raise ExtraMissing("Parquet files", "parquet") from None
    try:
        table = parquet.read_table(io.BytesIO(stream.read()))
    except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
        raise DataError(f"not a readable parquet file: {error}") from None
    return {
        name: np.asarray(table.column(name).to_numpy(zero_copy_only=False))
        for name in table.column_names
    }
