"""The file of a store: its tables, how it is told from other files, how it is made and opened.

One SQLite file with a rollback journal, not a write-ahead log: at rest the store is this one file,
so that a copy of it is whole and removing it removes everything. ``synchronous = EXTRA`` makes a
transaction durable before COMMIT returns, the removal of the journal included. What the tables
mean stands in ``SCHEMA``, which SQLite keeps with its comments. ``store`` fills and reads them.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from holter.device import durable
from holter.signals.errors import DataError

APPLICATION_ID = 0x686F6C74  # "holt", at byte 68 of the file: SQLite file format, section 1.3
VERSION = 1
HEAD_BYTES = 72  # up to the application id and with it
_MAGIC = b"SQLite format 3\0"

SCHEMA = """\
CREATE TABLE source (            -- where recordings come from
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,          -- Recording.source
    device_class TEXT NOT NULL,
    zone TEXT NOT NULL,
    person TEXT NOT NULL,        -- as a file of several people names this one, or ''
    UNIQUE (name, device_class, zone)
);
CREATE TABLE import (            -- one for each recording that brought something new
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES source,
    minute INTEGER NOT NULL,     -- of UTC since 1970
    rows_new INTEGER NOT NULL,
    rows_grown INTEGER NOT NULL,
    rows_known INTEGER NOT NULL,
    samples_new INTEGER NOT NULL,
    samples_known INTEGER NOT NULL,
    conflicts INTEGER NOT NULL
);
CREATE TABLE finding (           -- Recording.findings of an import
    import INTEGER NOT NULL REFERENCES import,
    what TEXT NOT NULL,
    channel TEXT NOT NULL,
    count INTEGER NOT NULL
);
CREATE TABLE channel (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES source,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    axes TEXT,                   -- JSON, NULL where the channel is slow
    names TEXT NOT NULL,         -- JSON, of a category, in order of its values
    nominal_rate_hz REAL,        -- NULL where unknown, or where imports differ
    lowest REAL,                 -- limits of the sensor, likewise
    highest REAL,
    longest_ns INTEGER NOT NULL, -- of its rows: how far before a moment a row may begin
    UNIQUE (source, name)
);
CREATE TABLE slow (              -- rows of series
    channel INTEGER NOT NULL REFERENCES channel,
    time_ns INTEGER NOT NULL,    -- of UTC since 1970, as everywhere
    until_ns INTEGER NOT NULL,
    place INTEGER NOT NULL,      -- among the values of one moment, from 0
    value REAL,                  -- in the kind's unit, NULL where masked
    offset_minutes INTEGER NOT NULL,
    PRIMARY KEY (channel, time_ns, until_ns, place)
) WITHOUT ROWID;
CREATE TABLE fast (              -- segments of waveforms, in parts of at most 65,536 samples
    channel INTEGER NOT NULL REFERENCES channel,
    start_ns INTEGER NOT NULL,   -- of the segment, shared by its parts
    first INTEGER NOT NULL,      -- the part's first sample within the segment
    samples INTEGER NOT NULL,
    rate_hz REAL NOT NULL,
    data BLOB NOT NULL,          -- zlib of float32, little endian, sample by sample, its axes
    PRIMARY KEY (channel, start_ns, first)
)"""
TABLES = SCHEMA.split(";\n")


def is_store(path: Path) -> bool:
    """Whether a file is a store of any version, told by its first bytes."""
    try:
        _, head = _head(path)
    except OSError:
        return False
    return begins_a_store(head)


def begins_a_store(head: bytes) -> bool:
    """Whether the first ``HEAD_BYTES`` of a file are those of a store of any version."""
    if len(head) < HEAD_BYTES or not head.startswith(_MAGIC):
        return False
    return int.from_bytes(head[68:72], "big") == APPLICATION_ID


def check(path: Path) -> int:
    """The mode of the file of a store of this version. Raises DataError where it is none.

    Asked before SQLite sees it: opening another program's database could roll back its journal.
    """
    try:
        mode, head = _head(path)
    except FileNotFoundError:
        raise DataError(f"there is no store {path}; holter data import makes one") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if not head.startswith(_MAGIC):
        raise DataError(f"{path} is not a store of holter; name another file")
    version, application = struct.unpack(">I4xI", head[60:72])
    if application != APPLICATION_ID:
        raise DataError(f"{path} is a database, but not a store of holter; name another file")
    if version != VERSION:
        raise DataError(f"{path} is a store of version {version}; this holter reads {VERSION}")
    return mode


def keep_to_its_owner(path: Path, mode: int) -> None:
    """Mode 0600: a copy or a backup may have opened the file to others. Raises DataError."""
    if mode & 0o077:
        try:
            os.chmod(path, 0o600)
        except OSError as error:
            raise DataError(
                f"others may read {path}, and that cannot be changed ({error.strerror}): copy it "
                "to a folder of yours"
            ) from None


@contextmanager
def appearing(path: Path, wait_seconds: float) -> Iterator[Path]:
    """A new, empty store under a hidden name beside ``path``; at the end it gets that name.

    The file appears at once, with all that the caller did to it; where the caller raises, never.
    A crash leaves at most one beside it, ``.NAME.new...``, and its journal. Raises FileExistsError
    where something is at ``path`` by then, DataError.
    """
    with _making(path):
        file, name = tempfile.mkstemp(prefix=f".{path.name}.new", dir=path.parent)
    made = Path(name)
    try:
        with _making(path):
            os.close(file)  # 0600 from its first moment
            db = connected(made, wait_seconds)
            db.execute("BEGIN")
            for statement in TABLES:
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {VERSION}")
            db.execute("COMMIT")
            db.close()
        yield made
        with _making(path):
            os.link(made, path)  # refuses where something is, in one step
    finally:
        made.unlink(missing_ok=True)
        made.with_name(made.name + "-journal").unlink(missing_ok=True)
    with _making(path):
        durable.sync_folder(path.parent)


@contextmanager
def _making(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except (OSError, sqlite3.Error) as error:
        raise DataError(f"{path} cannot be made a store: {reason(error)}") from None


def connected(path: Path, wait_seconds: float, *, only_reading: bool = False) -> sqlite3.Connection:
    """A connection that waits for others and obeys nothing that the file itself says."""
    db = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={'ro' if only_reading else 'rw'}",
        uri=True,
        timeout=wait_seconds,
        isolation_level=None,
    )
    for pragma in ("trusted_schema = OFF", "foreign_keys = ON", "synchronous = EXTRA"):
        db.execute(f"PRAGMA {pragma}")
    return db


def reason(error: Exception) -> str:
    """Why something cannot be done, in a few words."""
    if isinstance(error, OSError):
        if error.errno in (errno.EPERM, errno.ENOTSUP):
            return "this disk has no hard links; name one of the system's own"
        return error.strerror or str(error)
    return str(error)


def _head(path: Path) -> tuple[int, bytes]:
    """The mode of a file and its first bytes, or none where it is shorter or not regular."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        mode = os.fstat(file).st_mode
        head = os.pread(file, HEAD_BYTES, 0) if stat.S_ISREG(mode) else b""
    finally:
        os.close(file)
    return mode, head if len(head) == HEAD_BYTES else b""
