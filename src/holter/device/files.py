"""Files, folders and zips of exports, opened for reading: what lies on the wearer's machine.

A folder is the wearer's own, but links may lead out of it, a pipe blocks whoever opens it, and a
name may hold what a terminal obeys. Such entries are left out, and ``left_out`` says how many.
``entries`` says what is read at all, ``zips`` reads archives. Of a record that lies in several
files of one stem (WFDB), the wearer may name any: the others are found beside it.

``signals.readers`` gets the ``Files`` made here and opens nothing by itself. Begin at ``opened``.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from holter.device.entries import MOST_FILES, Opened, hidden, plain, reading, regular
from holter.device.zips import ZipFiles, archive_at
from holter.signals.errors import DataError

MOST_SEEN = 1_000_000  # entries of a folder that are looked at, those left out included
MOST_DEPTH = 40  # folders within folders
_HEADER = ".hea"  # what makes files of one stem a record
_OF_A_RECORD = (_HEADER, ".dat", ".atr", ".ari", ".ecg", ".qrs")


class FolderFiles:
    """A folder's files, or one file. No link is followed, nothing but a regular file is opened."""

    def __init__(self, root: Path, names: Sequence[str], left_out: Mapping[str, int]) -> None:
        self._root = root
        self._known = frozenset(names)
        self.names: Sequence[str] = tuple(sorted(names))
        self.left_out: Mapping[str, int] = dict(left_out)

    def size(self, name: str) -> int:
        """Bytes of a file."""
        with reading(name):
            return self._place(name).stat(follow_symlinks=False).st_size

    def open(self, name: str) -> BinaryIO:
        """A stream of the bytes. Raises DataError where it cannot be read."""
        with reading(name):
            return regular(self._place(name), name)

    def path(self, name: str) -> str:
        """Where it lies."""
        return str(self._place(name))

    def _place(self, name: str) -> Path:
        if name not in self._known:  # a header may name a file elsewhere; it gets none
            raise DataError(f"{name!r} is not among the files of this export")
        return self._root / name


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """The files of a file (with the rest of its record), a folder or a zip. Raises DataError."""
    with reading(str(path)):
        # What the wearer names may be a link; what lies within may not.
        real = path.resolve(strict=True)
        kind = real.stat().st_mode
    if stat.S_ISDIR(kind):
        yield _walked(real)
        return
    if not stat.S_ISREG(kind):
        raise DataError(f"{path} is neither a file nor a folder")
    with archive_at(real) as archive:
        if archive is None:
            yield FolderFiles(real.parent, _record_of(real), {})
            return
        with tempfile.TemporaryDirectory(prefix="holter-") as scratch:
            yield ZipFiles(archive, Path(scratch))


def _walked(root: Path) -> FolderFiles:
    """All that can be read under ``root``, without recursion: a folder may be deep."""
    names: list[str] = []
    left_out: Counter[str] = Counter()
    todo: list[tuple[str, int]] = [("", 0)]
    seen = 0
    while todo:
        folder, depth = todo.pop()
        try:
            entries = list(os.scandir(root / folder))
        except OSError:
            if not folder:
                raise DataError(f"{root} cannot be read: is it yours?") from None
            left_out["folders that cannot be read"] += 1
            continue
        seen += len(entries)
        for entry in entries:
            name = folder + entry.name
            if hidden(entry.name):
                continue
            why = _why_left_out(entry, name, depth)
            if why:
                left_out[why] += 1
            elif entry.is_dir(follow_symlinks=False):
                todo.append((name + "/", depth + 1))
            else:
                names.append(name)
        if len(names) > MOST_FILES or seen > MOST_SEEN:
            raise DataError(f"{root} holds more than {MOST_FILES:,} files: name a part of it")
    return FolderFiles(root, names, left_out)


def _why_left_out(entry: os.DirEntry[str], name: str, depth: int) -> str:
    """In the plural, for counting; "" where the entry is read."""
    try:
        if not plain(name):
            return "odd names"
        if entry.is_symlink():
            return "links"
        if entry.is_dir(follow_symlinks=False):
            return "" if depth < MOST_DEPTH else f"folders deeper than {MOST_DEPTH}"
        if not entry.is_file(follow_symlinks=False):
            return "pipes, sockets and devices"
        return "" if os.access(entry.path, os.R_OK) else "files that cannot be read"
    except OSError:
        return "files that cannot be read"


def _record_of(file: Path) -> list[str]:
    """Names of the files of one record, where ``file`` is of one; else its own name alone."""
    header = file.with_suffix(_HEADER)
    if file.suffix not in _OF_A_RECORD or not header.is_file():
        return [file.name]
    beside = [file.name]
    try:
        with os.scandir(file.parent) as entries:
            for entry in entries:
                if entry.name.startswith(f"{file.stem}.") and entry.name != file.name:
                    if not _why_left_out(entry, entry.name, 0) and not entry.is_dir():
                        beside.append(entry.name)
    except OSError:  # a folder that may be passed through, not listed
        return [file.name]
    return beside
