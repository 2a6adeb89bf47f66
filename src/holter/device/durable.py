"""Bytes that are on disk when the call returns, after a crash and after a power cut.

fsync of a file makes its bytes durable, fsync of its folder its name. Calls of ``os`` only, one
by one, so that tests can let a process die before each of them.
"""

from __future__ import annotations

import os
from pathlib import Path


def overwrite(file: int, data: bytes, offset: int) -> None:
    """``data`` at ``offset`` of an open file, and nothing behind it."""
    end = offset + len(data)
    _write_all(file, data, offset)
    os.ftruncate(file, end)
    os.fsync(file)


def write_new(path: Path, data: bytes) -> None:
    """A file that only its owner may read; its name is durable after ``sync_folder``.

    Raises FileExistsError.
    """
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _write_all(file, data, 0)
        os.fsync(file)
    finally:
        os.close(file)


def replace(path: Path, data: bytes) -> None:
    """``data`` in place of the whole file at ``path``: the old or the new, never a mixture."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)  # of a process that died here
    write_new(temporary, data)
    os.replace(temporary, path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """The names in a folder, durable."""
    folder = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write_all(file: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(file, data, offset)
        data, offset = data[written:], offset + written
