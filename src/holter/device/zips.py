"""Zips of exports: read like a folder, after everything that no honest export holds was refused.

A zip is foreign: its names may lead elsewhere, its members may share their bytes, lie about their
size or unfold to more than any device records. Such a zip is refused whole, before any of it is
read. A zip within a zip is a file like others: nothing unfolds twice. A format that is a zip
inside (GT3X, a spreadsheet, arrays of numpy) stays one file.
"""

from __future__ import annotations

import io
import os
import stat
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from holter.device.entries import MOST_FILES, hidden, plain, reading, regular
from holter.signals.errors import DataError

MOST_DIRECTORY_BYTES = 16 * 1024**2  # of a zip's list of members: 160 bytes for each of MOST_FILES
MOST_UNFOLDED_BYTES = 64 * 1024**3  # of a whole zip, as its directory states
MOST_SCRATCH_BYTES = 16 * 1024**3  # of disk that one zip may take, for libraries that need paths
SIBLINGS_BYTES = 1024**3  # a folder of a zip up to this size is unfolded whole
MOST_RATIO = 1_100  # deflate cannot do more than 1,032 to 1: a higher claim is a lie
SUSPICIOUS_RATIO = 200  # of a whole zip; text of sensors packs 5 to 30 to 1
MAGIC = b"PK\x03\x04"  # how a zip begins that is not empty, APPNOTE.TXT 4.3.7
_PIECE = 1 << 20
_LOCAL_HEADER = 30  # bytes before a member's name, APPNOTE.TXT 4.3.7
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # flag bits: encrypted, strongly so, the directory too
_WHOLE = (  # formats that are zips inside and read as one file
    {"log.bin", "info.txt"},  # GT3X
    {"activity.bin", "info.txt"},  # GT3X of old devices
    {"[Content_Types].xml"},  # a spreadsheet
)


class ZipFiles:
    """The members of a zip. ``path`` unfolds a member and those beside it into ``scratch``, once."""

    def __init__(self, archive: zipfile.ZipFile, scratch: Path) -> None:
        _check(archive)
        self._archive = archive
        self._scratch = scratch
        self._members = {
            i.filename: i for i in archive.infolist() if not (i.is_dir() or hidden(i.filename))
        }
        self._unfolded: dict[str, Path] = {}
        self._folders: dict[str, Path] = {}
        self._scratch_bytes = 0
        self.names: Sequence[str] = tuple(sorted(self._members))
        self.left_out: Mapping[str, int] = {}

    def size(self, name: str) -> int:
        """Bytes after decompression, as the zip's directory states."""
        return self._member(name).file_size

    def open(self, name: str) -> BinaryIO:
        """A stream of the bytes; seeking back unfolds anew. Raises DataError."""
        member = self._member(name)
        try:
            return io.BufferedReader(_Member(self._archive.open(member), name, member.file_size))
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError) as error:
            raise DataError(f"{name} in the zip cannot be read: {error}") from None

    def path(self, name: str) -> str:
        """Where the unfolded member lies, its siblings beside it. Raises DataError.

        The whole folder, or, of a large one, the members that share the name up to its first dot.
        """
        if name not in self._unfolded:
            self._member(name)
            folder, _, last = name.rpartition("/")
            beside = [other for other in self.names if other.rpartition("/")[0] == folder]
            if sum(self.size(other) for other in beside) > SIBLINGS_BYTES:
                stem = last.split(".")[0]
                beside = [o for o in beside if o.rpartition("/")[2].split(".")[0] == stem]
            _check_distinct(beside)
            self._unfold(name, folder)
            for other in beside:
                with suppress(DataError):  # a damaged sibling is told of when it is asked for
                    self._unfold(other, folder)
        return str(self._unfolded[name])

    def _member(self, name: str) -> zipfile.ZipInfo:
        if name not in self._members:
            raise DataError(f"{name!r} is not among the files of this export")
        return self._members[name]

    def _unfold(self, name: str, folder: str) -> None:
        """Into a folder of ours under the member's last name alone: no path of the zip is made."""
        if name in self._unfolded:
            return
        self._scratch_bytes += self.size(name)
        if self._scratch_bytes > MOST_SCRATCH_BYTES:
            raise DataError(
                f"the zip needs more than {MOST_SCRATCH_BYTES:,} bytes of disk to be read: unpack "
                "it and name the folder"
            )
        if folder not in self._folders:
            self._folders[folder] = self._scratch / str(len(self._folders))
            self._folders[folder].mkdir(exist_ok=True)
        target = self._folders[folder] / name.rpartition("/")[2]
        try:
            with self.open(name) as stream, target.open("xb") as out:
                while piece := stream.read(_PIECE):
                    out.write(piece)
        except OSError as error:
            target.unlink(missing_ok=True)
            raise DataError(f"{name} cannot be unfolded: {error.strerror}") from None
        except DataError:
            target.unlink(missing_ok=True)
            raise
        self._unfolded[name] = target


class _Member(io.RawIOBase):
    """A member's stream; whatever is wrong with its packing, or its stated size, is a DataError."""

    def __init__(self, raw: IO[bytes], name: str, size: int) -> None:
        self._raw, self._name, self._size = raw, name, size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with self._mended():
            return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        with self._mended():
            data = self._raw.read(min(len(buffer), _PIECE))
            # zipfile stops at the stated size, and checks the sum there; of fewer it says nothing
            if not data and len(buffer) and self._raw.tell() != self._size:
                raise zipfile.BadZipFile(f"it ends before its {self._size:,} bytes")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._raw.close()
        super().close()

    @contextmanager
    def _mended(self) -> Iterator[None]:
        try:
            yield
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise DataError(f"{self._name} in the zip is damaged: {error}") from None


class _Bounded:
    """A zip's bytes for ``zipfile``, which would hold a directory of any size in memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def read(self, most: int = -1) -> bytes:
        """At most MOST_DIRECTORY_BYTES. Raises BadZipFile where more are asked for."""
        left = self._size - self._file.tell()
        if (left if most < 0 else min(most, left)) > MOST_DIRECTORY_BYTES:
            raise zipfile.BadZipFile("its list of files is too long")
        return self._file.read(most)

    def seekable(self) -> bool:
        return True


@contextmanager
def archive_at(path: Path) -> Iterator[zipfile.ZipFile | None]:
    """The zip at ``path`` if it is an archive of an export, not a format that is a zip inside."""
    with reading(path.name):
        file = regular(path, path.name)
    with file:
        if file.read(4) not in (MAGIC, b"PK\x05\x06"):
            yield None
            return
        try:
            archive = zipfile.ZipFile(_Bounded(file))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise DataError(f"{path.name} is a damaged zip: {error}") from None
        names = set(archive.namelist())
        if not names:
            raise DataError(f"{path.name} is an empty zip")
        whole = any(kept <= names for kept in _WHOLE)
        yield None if whole or all(name.endswith(".npy") for name in names) else archive


def _check(archive: zipfile.ZipFile) -> None:
    """Refuse what no honest export holds. Raises DataError."""
    members = archive.infolist()
    if len(members) > MOST_FILES:
        raise DataError(f"the zip holds more than {MOST_FILES:,} files: unpack a part of it")
    seen: set[str] = set()
    for member in members:
        name = member.orig_filename
        parts = name.removesuffix("/").split("/")
        if {"", ".", ".."} & set(parts) or "\\" in name or ":" in name or not plain(name):
            raise DataError(f"the zip holds a name that may lead elsewhere ({name!a:.99}): refused")
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise DataError(f"the zip holds a link or a device ({name!r}); it is refused")
        if member.filename in seen:
            raise DataError(f"the zip holds {name!r} twice; it is refused")
        seen.add(member.filename)
        if member.flag_bits & _ENCRYPTED:
            raise DataError(f"{name!r} in the zip is encrypted: unpack it and name the folder")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(f"{name!r} in the zip is packed unusually: unpack it, name the folder")
        stored = member.compress_type == zipfile.ZIP_STORED
        most = member.compress_size * (1 if stored else MOST_RATIO)
        if member.file_size > most:
            raise DataError(f"{name!r} in the zip unfolds impossibly far; the zip is refused")
    _check_apart(members, archive.start_dir)
    total, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    if total > MOST_UNFOLDED_BYTES or total > SUSPICIOUS_RATIO * max(packed, 1 << 20):
        raise DataError(
            f"the zip unfolds from {packed:,} to {total:,} bytes; no recording packs so well: refused"
        )


def _check_apart(members: Sequence[zipfile.ZipInfo], end: int) -> None:
    """Members that share bytes unfold to far more than the zip has. Raises DataError."""
    free = 0
    for member in sorted(members, key=lambda m: m.header_offset):
        if member.header_offset < free:
            raise DataError(f"{member.filename!r} in the zip shares bytes with another: refused")
        free = member.header_offset + _LOCAL_HEADER + member.compress_size
    if free > end:
        raise DataError("the zip's last file reaches into its list of files; it is refused")


def _check_distinct(names: Sequence[str]) -> None:
    """Names that one file on some disks would have to bear. Raises DataError."""
    alike = Counter(unicodedata.normalize("NFC", name).casefold() for name in names)
    if len(alike) < len(names):
        twice = next(name for name, count in alike.items() if count > 1)
        raise DataError(f"{twice!r} is in the zip in two spellings: unpack it and name the folder")
