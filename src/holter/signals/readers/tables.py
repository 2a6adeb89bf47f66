"""Tables in bounded pieces: CSV, Parquet and NPZ -> chunks of columns, and cells -> numbers.

``csv_chunks``, ``parquet_chunks`` and ``npz_chunks`` each give pieces of a file: cells by the
name of their column, as text or as arrays. ``numbers`` makes numbers of cells, ``coded`` tells
different texts apart. What the columns mean is said by a mapping (``mapped``) or by the reader
of a format.

Files come in bounded pieces; what a header or a zip's directory claims is checked before memory
is given. An empty cell is no value. A row with too few cells is left out and counted.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError, ExtraMissing
from holter.signals.readers.files import Files, head, whole
from holter.signals.readers.times import NO_TIME

Cells = Sequence[str] | npt.NDArray[Any]
Chunk = Mapping[str, Cells]
Floats = npt.NDArray[np.float64]
Note = Callable[[str, int, str], None]

MOST_LINE = 1 << 20  # characters; a day of minute values in one line has 20,000
MOST_VALUES = 250_000_000  # of one reading: 2 GB of numbers
NOTHING = frozenset({"", "nan", "na", "n/a", "null", "none", "-", "--"})  # cells without a value
_CHUNK_ROWS, _CHUNK_CHARACTERS = 20_000, 8 << 20
_MOST_RATIO = 200  # unfolding of gz and npz, beyond the first 64 MiB
_FREE_BYTES = 64 << 20
_FIRST_ROWS = 20  # enough to see whether a file without a header has the columns of a mapping
_MOST_NUMBER = 1e100  # beyond it a cell is no number: its product with a scale might not be one


class DamagedPacking(DataError):
    """A gz file that cannot be unfolded."""


def csv_start(files: Files, name: str, words: Mapping[str, Any]) -> list[list[str]]:
    """The header of a CSV file, or that of a mapping, and the first rows. Raises DataError.

    For a first look: letters that are not of the encoding are replaced, not refused.
    """
    found = [[str(h) for h in words["header"]]] if "header" in words else []
    lines = _lines(files, name, words.get("encoding"), "replace")
    for _ in range(words.get("skip_rows", 0)):
        next(lines, None)
    try:
        for row in csv.reader(lines, delimiter=words.get("delimiter", ",")):
            if any(row):
                found.append(row if found else _header(row))
            if len(found) > _FIRST_ROWS:
                break
    except csv.Error:
        pass  # what is there so far says what it is; reading names the place
    return found


def csv_chunks(files: Files, name: str, words: Mapping[str, Any], note: Note) -> Iterator[Chunk]:
    """Pieces of a CSV file: cells by column, as text. The first piece comes even without rows.

    words: delimiter, encoding, skip_rows, header of a mapping. Rows with another number of cells
    than the header are left out and counted; one more that is empty is a trailing delimiter.
    """
    header: list[str] | None = [str(h) for h in words["header"]] if "header" in words else None
    skip = words.get("skip_rows", 0)
    lines = _lines(files, name, words.get("encoding"))
    for _ in range(skip):
        next(lines, None)
    reader = csv.reader(lines, delimiter=words.get("delimiter", ","))
    rows: list[list[str]] = []
    given = header is None
    line, size, odd = 0, 0, 0
    try:
        for row in reader:
            taken, line = reader.line_num - line, reader.line_num
            if not any(row):
                continue
            if header is None:
                header = _header(row)
                continue
            while len(row) > len(header) and not row[-1]:
                row.pop()
            if len(row) != len(header):
                odd += taken  # a quote that does not close swallows lines
                continue
            rows.append(row)
            size += sum(map(len, row))
            if len(rows) >= _CHUNK_ROWS or size > _CHUNK_CHARACTERS:
                yield _by_column(header, rows)
                rows, size, given = [], 0, False
    except csv.Error as error:
        raise DataError(
            f"{name}: line {skip + reader.line_num} is no row of a table ({error}): "
            "look for a quote that does not close"
        ) from None
    note("rows with another number of cells than the header, left out", odd, "")
    if header is None:
        raise DataError(f"{name} is empty: export it again")
    if rows or given:
        yield _by_column(header, rows)


def _header(row: Sequence[str]) -> list[str]:
    header = [cell.strip() for cell in row]
    while header and not header[-1]:
        header.pop()
    return header


def _by_column(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Chunk:
    found: dict[str, Cells] = {}
    for index, column in enumerate(header):
        if column not in found:  # a name that is there twice: its first column
            found[column] = [row[index] for row in rows]
    return found


def _lines(files: Files, name: str, encoding: str | None, errors: str = "strict") -> Iterator[str]:
    """Lines of text with their ends as one newline; at most MOST_LINE characters each."""
    number = 0
    with files.open(name) as raw:
        stream = _unfolded(raw, files, name)
        first = stream.read(1 << 16)
        marked = first[:2] in (b"\xff\xfe", b"\xfe\xff")
        encoding = encoding or ("utf-16" if marked else "utf-8")
        encoding = "utf-8-sig" if encoding == "utf-8" else encoding
        decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(errors), True)
        pending, data = "", first
        while True:
            try:
                text = decoder.decode(data, final=not data)
            except UnicodeError:  # of UTF-16 without its mark not even a UnicodeDecodeError
                raise DataError(
                    f"{name} is not {encoding[:6].upper().rstrip('-')} text: save it as UTF-8, "
                    "or name its encoding in a mapping"
                ) from None
            if "\0" in text:
                raise DataError(f"{name} holds zero bytes: the file was not written whole")
            *whole_lines, pending = (pending + text).split("\n")
            for line in whole_lines:
                number += 1
                if len(line) > MOST_LINE:
                    break
                yield line + "\n"
            if len(pending) > MOST_LINE or any(len(line) > MOST_LINE for line in whole_lines):
                raise DataError(
                    f"{name}: a line near {number + 1:,} has more than {MOST_LINE:,} characters: "
                    "it is no table of rows"
                )
            if not data:
                break
            data = stream.read(1 << 18)
    if pending:
        yield pending


class _Unfolded(io.RawIOBase):
    """What a gz file holds, up to what an honest one can hold."""

    def __init__(self, raw: BinaryIO, name: str, most: int) -> None:
        self._raw = gzip.GzipFile(fileobj=raw)
        self._name, self._left = name, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._raw.read(len(buffer))
        except (OSError, EOFError, zlib.error):
            raise DamagedPacking(f"{self._name} is a damaged gz file: export it again") from None
        self._left -= len(data)
        if self._left < 0:
            raise DataError(f"{self._name} unfolds further than any recording: refused")
        buffer[: len(data)] = data
        return len(data)


def _unfolded(raw: BinaryIO, files: Files, name: str) -> BinaryIO:
    """The stream itself, or what it holds if it is a gz file."""
    if head(files, name, 2) != b"\x1f\x8b":
        return raw
    most = max(_FREE_BYTES, _MOST_RATIO * files.size(name))
    return io.BufferedReader(_Unfolded(raw, name, most))


def parquet_chunks(files: Files, name: str, wanted: set[str]) -> Iterator[Chunk]:
    """Pieces of a Parquet file: first the names of all columns, then those that are wanted."""
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise ExtraMissing("Parquet files", "parquet") from None
    unreadable = (pyarrow.ArrowException, OSError, ValueError, KeyError)
    with files.open(name) as stream:
        source = stream if stream.seekable() else io.BytesIO(whole(files, name))
        try:
            table = parquet.ParquetFile(source)
            schema = table.schema_arrow
            texts = [f.name for f in schema if pyarrow.types.is_string(f.type)]
            # a text that comes a million times stays one text
            table = parquet.ParquetFile(source, read_dictionary=texts)
            columns = [f.name for f in schema if f.name in wanted]
            if table.metadata.num_rows * max(len(columns), 1) > MOST_VALUES:
                raise DataError(f"{name} holds more than {MOST_VALUES:,} values: split it")
            yield {n: np.zeros(0) for n in schema.names}
            for batch in table.iter_batches(batch_size=_CHUNK_ROWS, columns=columns):
                yield {n: _arrow(batch.column(n), pyarrow) for n in columns}
        except unreadable as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{name} is a damaged Parquet file: export it again") from None


def _arrow(column: Any, pyarrow: Any) -> Cells:
    """A column of a batch as text, or as an array of numbers or moments."""
    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        known = [_text(v) for v in column.dictionary.to_pylist()]
        return ["" if i is None else known[i] for i in column.indices.to_pylist()]
    if pyarrow.types.is_timestamp(kind):
        stamps = column.cast(pyarrow.timestamp("ns", tz=kind.tz), safe=False)
        numbers = stamps.cast(pyarrow.int64()).fill_null(NO_TIME).to_numpy(zero_copy_only=False)
        # with a zone the numbers are UTC since 1970, whatever the mapping says of the form
        return np.asarray(numbers if kind.tz else numbers.astype("datetime64[ns]"))
    if pyarrow.types.is_integer(kind) and column.null_count == 0:
        return np.asarray(column.to_numpy(zero_copy_only=False))
    if pyarrow.types.is_floating(kind) or pyarrow.types.is_integer(kind):
        filled = column.cast(pyarrow.float64(), safe=False)
        return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.float64)
    return [_text(v) for v in column.to_pylist()]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def npz_columns(files: Files, name: str) -> list[str]:
    """The names of the arrays of an NPZ file. Raises DataError."""
    try:
        with files.open(name) as stream:
            source = stream if stream.seekable() else io.BytesIO(whole(files, name))
            with zipfile.ZipFile(source) as archive:
                return [n[:-4] for n in archive.namelist() if n.endswith(".npy")]
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{name} is a damaged NPZ file: save it again") from None


def npz_chunks(files: Files, name: str) -> Iterator[Chunk]:
    """The arrays of an NPZ file of one or two axes, as one piece; text as lists."""
    unreadable = (ValueError, OSError, EOFError, KeyError, SyntaxError, tokenize.TokenError,
        NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)  # fmt: skip
    data = whole(files, name)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(".npy")]
            total = sum(m.file_size for m in members)
            if total > min(max(_FREE_BYTES, _MOST_RATIO * len(data)), 8 * MOST_VALUES):
                raise DataError(f"{name} unfolds further than any recording: refused")
            arrays: dict[str, Any] = {}
            for member in members:
                with archive.open(member) as stream:
                    _check_header(stream, member.file_size, name)
                with archive.open(member) as stream:
                    array = np.lib.format.read_array(stream, allow_pickle=False)
                arrays[member.filename[:-4]] = array
    except unreadable as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{name} is a damaged NPZ file, or holds objects: save plain arrays"
        ) from None
    yield {
        k: [str(v) for v in a.tolist()] if a.dtype.kind in "US" else a
        for k, a in arrays.items()
        if a.ndim in (1, 2)
    }


def _check_header(stream: Any, size: int, name: str) -> None:
    """Refuse an array whose header claims more than the zip's directory says is there."""
    version = np.lib.format.read_magic(stream)
    read = {(1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0}.get(version)  # fmt: skip
    if read is None:
        raise DataError(f"{name} holds an array of an unknown version: save it again")
    shape, _, dtype = read(stream)
    fits = all(0 <= length <= size for length in shape)  # also where another axis is empty
    if dtype.hasobject or not fits or math.prod(shape) * dtype.itemsize > size:
        raise DataError(f"{name} is a damaged NPZ file, or holds objects: save plain arrays")


def coded(texts: Sequence[str]) -> tuple[list[str], npt.NDArray[np.intp]]:
    """The different texts, and of each row which; an array of texts would be as wide as the widest."""
    known: dict[str, int] = {}
    codes = np.array([known.setdefault(text, len(known)) for text in texts], dtype=np.intp)
    return list(known), codes


def marked(cells: Cells, marks: frozenset[str]) -> npt.NDArray[np.bool_]:
    """Which cells hold one of a mapping's marks for «not measured»; an empty cell holds none."""
    if isinstance(cells, np.ndarray):
        found = np.zeros(cells.shape, dtype=bool)
        if cells.dtype.kind in "iufb":
            for value in numbers(sorted(marks))[0]:  # of a word that is no number NaN: nowhere
                found |= cells == value
        return found
    words = marks - NOTHING
    return np.array([cell.strip().lower() in words for cell in cells], dtype=bool)


def numbers(
    cells: Cells, decimal: str = ".", missing: frozenset[str] = frozenset()
) -> tuple[Floats, int]:
    """Cells -> (values, how many are no numbers). Empty and missing cells are NaN, uncounted."""
    if isinstance(cells, np.ndarray):
        if cells.dtype.kind not in "iufb":
            return np.full(len(cells), np.nan), len(cells)
        with np.errstate(invalid="ignore"):  # a damaged file may hold NaNs that signal
            values = cells.astype(np.float64)
        values = np.where(np.isnan(values), np.nan, values)  # all of them quiet from here on
        for text in missing:
            known, bad = numbers([text])
            if not bad:
                values = np.where(values == known[0], np.nan, values)
        return _finite(values)
    if decimal == "." and not missing and "_" not in "".join(cells):
        try:
            values = np.array(cells, dtype=np.float64)
        except ValueError:
            pass
        else:
            return _finite(values)
    values, odd = np.full(len(cells), np.nan), 0
    for row, cell in enumerate(cells):
        text = cell.strip()
        if text.lower() in NOTHING or text.lower() in missing:
            continue
        if decimal == ",":
            text = text.replace(",", ".") if "." not in text else ""
        try:
            value = float(text) if "_" not in text else math.inf
        except ValueError:
            value = math.inf
        if abs(value) > _MOST_NUMBER:
            odd += 1
        else:
            values[row] = value
    return values, odd


def _finite(values: Floats) -> tuple[Floats, int]:
    endless = np.abs(values) > _MOST_NUMBER
    return np.where(endless, np.nan, values), int(endless.sum())
