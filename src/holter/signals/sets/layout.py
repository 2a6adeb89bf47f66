"""What is common to published sets: how one is described, and how its files are found and read.

``PublishedSet`` is the entry of the registry in ``sets``: where a set comes from, under which
terms, and ``prepare``, which turns a downloaded folder into arrays with one row a window. The
loaders (``uci_har``, ``pamap2``, ``wesad``, ``ppg_dalia``, ``sleep_accel``) know one published
layout each. Nothing here downloads or opens files by itself: they come as ``Files``.

Published copies are cut short, unfolded twice or mixed up in practice. So lines that are not as
published become rows of NaN and are counted, values that nobody can have are masked and counted,
and a copy that lacks a part is refused with a line that says which.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from holter.signals.columns import Columns
from holter.signals.errors import DataError
from holter.signals.kinds import KINDS, conversion
from holter.signals.readers.files import Files

Note = Callable[[str, int], None]
"""Told what was odd and how often; the caller shows it to whoever holds the files."""

Numbers = npt.NDArray[np.float64]

BLOCK_BYTES = 4 * 1024 * 1024  # of text parsed at once
MOST_LINE_BYTES = 1024 * 1024  # the longest published line has 9 kB (561 features)


@dataclass(frozen=True)
class Archive:
    """A file as it is downloaded. A digest that nobody published is None, never made up.

    checksum_by: who says so, in words, where it is not the publisher.
    """

    name: str
    size_bytes: int | None
    sha256: str | None
    md5: str | None
    checksum_by: str = ""


@dataclass(frozen=True)
class PublishedSet:
    """One public set.

    task: a name of ``signals.tasks``. where: landing page and DOI. fetch: how to get it, line by
    line. people: as published. prepare: a downloaded folder -> arrays of one row a window; raises
    DataError. study: the ``[data]`` text of a study that reads these arrays from windows.npz.
    """

    name: str
    title: str
    task: str
    where: str
    licence: str
    citation: str
    fetch: str
    archives: tuple[Archive, ...]
    people: int
    prepare: Callable[[Files, Note], Columns] = field(repr=False)
    study: str = field(repr=False)


def check_archive(archive: Archive, size_bytes: int, digests: Mapping[str, str]) -> bool:
    """Whether the downloaded archive was checked: True if a published digest agrees.

    digests: "sha256" and "md5" of the file, in hexadecimal. False: none is published that the
    caller computed, so nothing is said. Raises DataError where size or digest differ.
    """
    again = f"{archive.name} is not the published file ({{}}); download it again"
    if archive.size_bytes is not None and archive.size_bytes != size_bytes:
        raise DataError(again.format(f"{size_bytes:,} bytes, published {archive.size_bytes:,}"))
    checked = False
    for kind, published in (("sha256", archive.sha256), ("md5", archive.md5)):
        if published is None or kind not in digests:
            continue
        if digests[kind].lower() != published:
            raise DataError(again.format(f"its {kind} differs"))
        checked = True
    return checked


def found(files: Files, pattern: str) -> dict[tuple[str, ...], str]:
    """Files whose path ends in ``pattern`` -> their names, by the pattern's groups.

    Raises DataError if two files have the same groups: then two copies lie in the folder.
    """
    ends = re.compile(rf"(?:^|.*/){pattern}")
    names: dict[tuple[str, ...], str] = {}
    for name in files.names:
        match = ends.fullmatch(name)
        if match is None or "__MACOSX/" in name:
            continue
        if match.groups() in names:
            raise DataError(
                f"{names[match.groups()]} and {name} are two copies of one file: "
                "name the folder of one copy"
            )
        names[match.groups()] = name
    return names


def absent(files: Files, what: str) -> DataError:
    """The error for a folder that lacks ``what``; says so if it is still packed."""
    packed = [name for name in files.names if name.lower().endswith(".zip")]
    if packed:
        return DataError(f"there is no {what} here, but {packed[0]}: unfold it and try again")
    return DataError(f"there is no {what} here: name the folder or zip that holds the set")


def blocks(
    files: Files, name: str, columns: int, separator: str | None = None
) -> Iterator[tuple[Numbers, npt.NDArray[np.bool_]]]:
    """Lines of numbers, a few megabytes at a time: (rows, columns) and which lines are odd.

    separator: None for blanks. A line that is not ``columns`` numbers is odd and all NaN. Empty
    lines do not count. Raises DataError if the file is not text.
    """
    done, rest = 0, b""
    with files.open(name) as stream:
        while piece := stream.read(BLOCK_BYTES):
            data = rest + piece
            cut = data.rfind(b"\n") + 1
            if len(data) - cut > MOST_LINE_BYTES:
                raise DataError(f"{name} has a line of more than {MOST_LINE_BYTES:,} bytes")
            rest = data[cut:]
            if cut:
                yield _rows(name, data[:cut], done, columns, separator)
                done += cut
    if rest.strip():
        yield _rows(name, rest, done, columns, separator)


def numbers(
    files: Files, name: str, columns: int, separator: str | None = None
) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """All of ``blocks``. Raises DataError if no line is as it should be."""
    parts = list(blocks(files, name, columns, separator))
    if not any((~odd).any() for _, odd in parts):
        raise DataError(f"{name} has no line of {columns} numbers: it is not as published")
    return np.concatenate([rows for rows, _ in parts]), np.concatenate([odd for _, odd in parts])


def _rows(
    name: str, data: bytes, begins: int, columns: int, separator: str | None
) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    try:
        text = data.decode("utf-8-sig" if begins == 0 else "utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is not UTF-8 text (byte {begins + error.start}): it is damaged, or another file"
        ) from None
    ends = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = [line for line in ends.split("\n") if line.strip()]
    if not lines:
        return np.zeros((0, columns)), np.zeros(0, dtype=bool)
    try:
        rows = np.loadtxt(lines, delimiter=separator, comments=None, ndmin=2)
    except ValueError:  # a line is odd: find out which
        rows = np.zeros((0, 0))
    if rows.shape != (len(lines), columns):
        rows = np.array([_one(line, columns, separator) for line in lines])
        return rows, np.array([_count(line, separator) != columns for line in lines])
    return rows, np.zeros(len(lines), dtype=bool)


def _one(line: str, columns: int, separator: str | None) -> list[float]:
    cells = line.split(separator)
    if _count(line, separator) != columns:
        return [np.nan] * columns
    return [float(cell) for cell in cells]


def _count(line: str, separator: str | None) -> int:
    """How many numbers a line holds; -1 if a cell is none."""
    cells = line.split(separator)
    for cell in cells:
        try:
            float(cell)
        except ValueError:
            return -1
        if "_" in cell:  # Python reads 1_0 as ten
            return -1
    return len(cells)


def believed(
    values: npt.ArrayLike, kind: str, note: Note, *, unit: str | None = None, kept: bool = False
) -> npt.NDArray[np.float32]:
    """Values in the kind's unit; those that nobody can have become NaN, and are counted.

    unit: as stored (default: the kind's). kept: the result stays in that unit.
    """
    stored = np.asarray(values, dtype=np.float64)
    multiply, add = conversion(kind, unit) if unit is not None else (1.0, 0.0)
    with np.errstate(over="ignore"):  # what overflows is masked in the next lines
        given = stored * multiply + add
    about = KINDS[kind]
    wrong = ~np.isnan(given) & ~((given >= about.lowest) & (given <= about.highest))
    note(f"impossible values of {kind}, masked", int(wrong.sum()))
    return np.where(wrong, np.nan, stored if kept else given).astype(np.float32)


def labels_of(values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Whole numbers of 0 to 1000; whatever else is stored becomes -1, which labels nothing."""
    stored = np.asarray(values, dtype=np.float64)
    good = (stored >= 0) & (stored <= 1000) & (stored == np.floor(stored))
    return np.where(good, stored, -1).astype(np.int64)


def runs(labels: npt.NDArray[np.int64], breaks: Sequence[int] = ()) -> list[tuple[int, int]]:
    """Stretches [start, stop) of one label; a new one also begins at each of ``breaks``."""
    if not len(labels):
        return []
    changes = np.flatnonzero(np.diff(labels)) + 1
    edges = np.unique(np.concatenate([[0, len(labels)], changes, np.asarray(breaks, np.int64)]))
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def stacked(parts: Sequence[Mapping[str, npt.NDArray[np.generic]]], what: str) -> Columns:
    """The same arrays of several people, one after the other. Raises DataError without any row."""
    if not sum(len(part["subject"]) for part in parts):
        raise DataError(f"no window is left of {what}: every recording is too short or unlabelled")
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
