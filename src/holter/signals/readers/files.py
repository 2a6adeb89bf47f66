"""The files of one export, opened by someone above: named streams, with bounds on what is read.

A file, a folder and a zip look the same to a reader. Below the world nothing opens files, so
``FolderFiles`` and ``ZipFiles`` live in ``device``; here are the interface, the bounds
that hold for everyone, and files held in memory.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import BinaryIO, Protocol

from holter.signals.errors import DataError

HEAD_BYTES = 8192  # enough to recognise any format by its content
MOST_BYTES_AT_ONCE = 512 * 1024 * 1024  # of one file that must be held whole in memory


class Files(Protocol):
    """Names are relative, with forward slashes, sorted; they may be shown to the holder."""

    @property
    def names(self) -> Sequence[str]:
        """Names of all files."""
        ...

    def size(self, name: str) -> int:
        """Bytes of a file, after decompression; of a zip's member as its directory states."""
        ...

    def open(self, name: str) -> BinaryIO:
        """A stream of the bytes. It raises DataError when more come than ``size`` states."""
        ...

    def path(self, name: str) -> str:
        """Where a library that takes nothing but a path finds the file. Siblings lie beside it."""
        ...


class MemoryFiles:
    """Files that are held in memory; they have no path."""

    def __init__(self, content: Mapping[str, bytes]) -> None:
        self._content = dict(sorted(content.items()))

    @property
    def names(self) -> Sequence[str]:
        """Names of all files."""
        return tuple(self._content)

    def size(self, name: str) -> int:
        """Bytes of a file."""
        return len(self._content[name])

    def open(self, name: str) -> BinaryIO:
        """A stream of the bytes."""
        return io.BytesIO(self._content[name])

    def path(self, name: str) -> str:
        """Never: a format whose library needs a path is read from a real file."""
        raise DataError(f"{name} is held in memory; its format is read from a file only")


def head(files: Files, name: str, most: int = HEAD_BYTES) -> bytes:
    """The first bytes of a file."""
    with files.open(name) as stream:
        return stream.read(most)


def whole(files: Files, name: str, most: int = MOST_BYTES_AT_ONCE) -> bytes:
    """All bytes of a file. Raises DataError if there are more than ``most``."""
    if files.size(name) > most:
        raise DataError(
            f"{name} has {files.size(name):,} bytes; at most {most:,} are read at once: split it"
        )
    with files.open(name) as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise DataError(f"{name} has more than {most:,} bytes: split it")
    return data


def text(files: Files, name: str, most: int = MOST_BYTES_AT_ONCE) -> str:
    """All of a file as text: UTF-8, or UTF-16 where it begins with that mark. Raises DataError."""
    data = whole(files, name, most)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is not {encoding[:6].upper()} text (byte {error.start}): save it as UTF-8"
        ) from None
