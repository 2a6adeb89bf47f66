"""What of a folder or a zip is read at all: bounds, names, and how a file is opened.

``files`` walks folders, ``zips`` reads archives; both ask here. Nothing but a regular file is
opened, and no name is passed on that a terminal would obey.
"""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from holter.signals.errors import DataError
from holter.signals.readers.files import Files

MOST_FILES = 100_000
LONGEST_NAME = 1_000  # characters, folders included


class Opened(Files, Protocol):
    """``Files``, and what of the folder or zip is not among them."""

    @property
    def left_out(self) -> Mapping[str, int]:
        """Why entries were left out -> how many. Hidden files are not counted."""
        ...


class Some:
    """Files, only some of them: the others are passed over, or read in another way."""

    def __init__(self, files: Files, names: Iterable[str]) -> None:
        self.names: Sequence[str] = tuple(names)
        self.size, self.open, self.path = files.size, files.open, files.path


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Errors of the operating system, as DataError."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"there is no file or folder {what}") from None
    except RuntimeError:  # pathlib before 3.13
        raise DataError(f"{what} is a link that leads back to itself") from None
    except OSError as error:
        raise DataError(f"{what} cannot be read: {error.strerror or error}") from None


def regular(place: Path, name: str) -> BinaryIO:
    """A regular file, open: never a link, and never waiting for whoever writes to a pipe."""
    try:
        file = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO):
            raise
        raise DataError(f"{name} is not a regular file") from None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise DataError(f"{name} is not a regular file")
    return os.fdopen(file, "rb")


def hidden(name: str) -> bool:
    """Of the system, not of the export: ``.DS_Store``, and what a Mac adds to each zip."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def plain(name: str) -> bool:
    """Whether a name may be printed: no controls, no turned writing, no bytes that are no text."""
    return len(name) <= LONGEST_NAME and not any(
        unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") for sign in name
    )
