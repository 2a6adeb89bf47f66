"""A folder of many people's exports and stores -> whose recording is whose, for a study.

A study's folder holds for each person a folder, a store, a zip or a file. Who it is: the first
folder of the path, or, of what lies at the top, the name without its ending. So ``anna.store``,
``anna.zip`` and all that lies in ``anna/`` are one person's, and are joined: two people need two
names. Tables may name people themselves. One name in a folder, or beside anything that names
nobody, is the same human as the folder; several names keep their own, if nothing there is
nameless. Whatever could make two people of one human, or one of two, is refused.

Nobody is left out in silence: what is recognised and cannot be read, a damaged store, or a link
that is not followed ends it. Passed over are files that no format claims, as a README may lie
beside the data, kinds that holter does not read, and hidden files. Stores are read where they lie
and not changed. One export or store is in memory and open at a time, but for tables that name one
person: they wait for the end of their folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from holter.device.entries import Some
from holter.device.files import opened
from holter.device.store import Store
from holter.device.store_file import HEAD_BYTES, begins_a_store
from holter.device.zips import MAGIC
from holter.signals.errors import DataError, Unsupported
from holter.signals.readers.files import Files, head
from holter.signals.readers.formats import Options
from holter.signals.readers.recognise import Found, read, recognise
from holter.signals.recording import Recording

_TABLES = (".csv", ".csv.gz", ".tsv", ".parquet", ".npz")  # by name alone: a README is no table
_Named = tuple[str, Recording]  # whose it says it is, "" where it does not say
_Settled = dict[str, tuple[str, str]]  # name in a table -> where it was met, and who that is


@dataclass(frozen=True)
class _Part:
    """A store, an export, or a zip (``found.format`` is None); ``found`` is None for a store."""

    names: Sequence[str]
    found: Found | None = None

    @property
    def is_zip(self) -> bool:
        return self.found is not None and self.found.format is None

    @property
    def folders(self) -> list[str]:
        """First folders of its files; none if all lie at the top."""
        paths = [PurePosixPath(name).parts for name in self.names]
        return sorted({parts[0] for parts in paths if len(parts) > 1})

    @property
    def place(self) -> str:
        """Its only folder, or, at the top, the stem of its first file; "" of several folders."""
        folders = self.folders or [PurePosixPath(self.names[0]).stem]
        return folders[0] if len(folders) == 1 else ""


def recordings_of(path: Path, options: Options) -> Iterator[tuple[str, Recording]]:
    """(person, recording) of everything under ``path``, as it is read. Raises DataError."""
    nothing = True
    with opened(path) as files:
        if files.left_out:
            why = ", ".join(f"{what} ({count:,})" for what, count in sorted(files.left_out.items()))
            raise DataError(
                f"{path} holds what a study does not read ({why}), so somebody could be missing: "
                "move it away, or put the files themselves in its place"
            )
        places: dict[str, list[_Part]] = {}
        for part in _parts(files, options, zips=path.is_dir()):
            places.setdefault(part.place, []).append(part)
        settled: _Settled = {}
        for parts in places.values():
            for found in _whose(files, parts, options, settled):
                nothing = False
                yield found
    if nothing:
        raise DataError(f"{path} holds no recording that holter reads")


def _parts(files: Files, options: Options, *, zips: bool) -> Iterator[_Part]:
    """Stores first, then exports in the order of the formats; zips, if asked for, at the end."""
    stores = [n for n in files.names if begins_a_store(head(files, n, HEAD_BYTES))]
    yield from (_Part((name,)) for name in stores)
    for group in recognise(Some(files, [n for n in files.names if n not in set(stores)]), options):
        name = group.names[0]
        if group.format is None and options.mapping is not None and name.endswith(_TABLES):
            read(files, group, options)  # says what the mapping misses: somebody's table, perhaps
        if group.format is not None or (zips and head(files, name, len(MAGIC)) == MAGIC):
            yield _Part(group.names, group)


def _whose(
    files: Files, parts: Sequence[_Part], options: Options, settled: _Settled
) -> Iterator[tuple[str, Recording]]:
    """(person, recording) of one place. Raises DataError where it cannot be known."""
    place = parts[0].place
    own_folder = bool(place) and any(part.folders or part.is_zip for part in parts)
    names: set[str] = set()
    nameless = False
    waiting: list[_Named] = []
    for part in parts:
        for batch in _batches(files, part, options):
            names |= {name for name, _ in batch if name}
            nameless |= not all(name for name, _ in batch)
            if nameless and not place:
                raise DataError(
                    f"{' and '.join(part.folders[:2])} hold tables that are read as one and name "
                    "nobody: name the person in data.mapping"
                )
            if nameless and len(names) > 1:
                raise DataError(
                    f"{place} holds tables that name several people beside what names nobody, so "
                    "whose that is is not known: give each person a folder"
                )
            yield from ((place, recording) for name, recording in batch if not name)
            waiting += [named for named in batch if named[0]]
            if nameless or len(names) > 1:
                yield from _settle(waiting, place if nameless else "", parts[0], settled)
                waiting = []
    yield from _settle(waiting, place if own_folder and len(names) == 1 else "", parts[0], settled)


def _settle(
    waiting: Sequence[_Named], person: str, part: _Part, settled: _Settled
) -> Iterator[tuple[str, Recording]]:
    """Named recordings as ``person``'s, or, without one, as their own names say."""
    for name, recording in waiting:
        where, whose = part.place or part.folders[0], person or name
        before, known = settled.setdefault(name, (where, whose))
        if known != whose:
            raise DataError(
                f"{before} and {where} hold tables that name one and the same person, who would "
                "count as two: put all that is one person's into one folder"
            )
        yield whose, recording


def _batches(files: Files, part: _Part, options: Options) -> Iterator[list[_Named]]:
    """What a part holds: a store recording by recording, an export at once."""
    name = part.names[0]
    if part.found is None:
        with Store.open(Path(files.path(name)), only_reading=True) as store:
            if store.empty:
                raise DataError(f"{name} is an empty store: import into it, or remove it")
            for recording in store.recordings():  # one person's: whoever its place names
                yield [("", recording)]
    elif part.is_zip:
        with opened(Path(files.path(name))) as packed:
            for inner in _parts(packed, options, zips=False):
                yield from _batches(packed, inner, options)
    else:
        yield [(recording.person, recording) for recording in _read(files, part.found, options)]


def _read(files: Files, group: Found, options: Options) -> list[Recording]:
    try:
        return read(files, group, options)
    except Unsupported:
        return []
    except DataError as error:
        name = group.names[0]
        raise DataError(str(error) if name in str(error) else f"{name}: {error}") from None
