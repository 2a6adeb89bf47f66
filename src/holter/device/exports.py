"""A folder of many people's exports and stores -> whose recording is whose, for a study.

A study's folder holds for each person a folder, a store, a zip or a file. Who it is: the first
folder of the path, or, of what lies at the top, the name without its ending. A file that names
several people itself (a Fitabase table) is taken at its word. So ``anna.store``, ``anna.zip`` and
all that lies in ``anna/`` are one person's, and are joined: two people need two names, and the
exports that a store was filled from do not lie beside it, or they would count twice.

Nobody is left out in silence: what is recognised and cannot be read, a damaged store, or a link
that is not followed ends it. Passed over are files that no format claims, as a README may lie
beside the data, kinds that holter does not read, and hidden files. Stores are read where they lie
and not changed. One export or store is in memory and open at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from holter.device.files import opened
from holter.device.store import Store
from holter.device.store_file import HEAD_BYTES, begins_a_store
from holter.signals.errors import DataError, Unsupported
from holter.signals.readers.files import Files, head
from holter.signals.readers.formats import Options
from holter.signals.readers.recognise import Found, read, recognise
from holter.signals.recording import Recording

_ZIP = b"PK\x03\x04"


def recordings_of(path: Path, options: Options) -> Iterator[tuple[str, Recording]]:
    """(person, recording) of everything under ``path``, as it is read. Raises DataError."""
    nothing = True
    with opened(path) as files:
        if files.left_out:
            why = ", ".join(f"{count:,} {what}" for what, count in sorted(files.left_out.items()))
            raise DataError(
                f"{path} holds what a study does not read ({why}), so somebody could be missing: "
                "move it away, or put the files themselves in its place"
            )
        for found in _within(files, options, zips=path.is_dir()):
            nothing = False
            yield found
    if nothing:
        raise DataError(f"{path} holds no recording that holter reads")


def _within(
    files: Files, options: Options, *, zips: bool, whose: str = ""
) -> Iterator[tuple[str, Recording]]:
    """Stores first, then exports in the order of the formats; zips, if asked for, among the last.

    whose: all that names nobody itself, instead of the person that the file's place names.
    """
    stores = [n for n in files.names if begins_a_store(head(files, n, HEAD_BYTES))]
    for name in stores:
        with Store.open(Path(files.path(name)), only_reading=True) as store:
            for recording in store.recordings():
                yield whose or _person(name), recording
    for group in recognise(_Without(files, stores), options):
        name = group.names[0]
        if group.format is not None:
            for recording in _read(files, group, options):
                yield recording.person or whose or _person(name), recording
        elif zips and head(files, name, len(_ZIP)) == _ZIP:
            with opened(Path(files.path(name))) as packed:
                yield from _within(packed, options, zips=False, whose=_person(name))


class _Without:
    """Files without some of them, so that no format tries to read a store."""

    def __init__(self, files: Files, absent: list[str]) -> None:
        gone = frozenset(absent)
        self.names = tuple(name for name in files.names if name not in gone)
        self.size, self.open, self.path = files.size, files.open, files.path


def _read(files: Files, group: Found, options: Options) -> list[Recording]:
    try:
        return read(files, group, options)
    except Unsupported:
        return []
    except DataError as error:
        name = group.names[0]
        raise DataError(str(error) if name in str(error) else f"{name}: {error}") from None


def _person(name: str) -> str:
    """The first folder of a name; of a file without one, its stem."""
    parts = PurePosixPath(name).parts
    return parts[0] if len(parts) > 1 else PurePosixPath(name).stem
