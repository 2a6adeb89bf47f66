"""What ``holter data import`` does: one person's recordings into a store on this device."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from holter.cli.calls import UserError
from holter.cli.inspecting import Read, Reading, mendable, readings
from holter.device.files import opened
from holter.device.store import Added, Store
from holter.device.store_file import is_store
from holter.signals.readers.formats import Options
from holter.signals.recording import Recording


@dataclass(frozen=True)
class Imported:
    """What an import added, one entry a recording, and what it met.

    whose: a doubt whether all in the store is one person's, "" where there is none.
    """

    store: Path
    added: tuple[Added, ...]
    met: Reading
    whose: str = ""


def import_into(
    path: Path, store: Path, given: Options, *, person: str | None, minute: int
) -> Imported:
    """One person's recordings into a store, which is made where there is none.

    All of it or nothing. minute: now, of UTC since 1970. Raises UserError, among others where a
    file holds several people and ``person`` names none of them.
    """
    with mendable():
        if is_store(path):
            raise UserError(f"{path} is a store itself; import exports of devices and apps")

        def filled(target: Store) -> Imported:
            met, before = Reading(), target.people
            with opened(path) as files:
                found = readings(files, given, met, stores=False)
                added = target.add(_of_one(path, found, met, person), minute)
            return Imported(store, added, met, _doubt(before, target.people - before))

        if not os.path.lexists(store):
            try:
                with Store.appearing(store) as target:
                    return filled(target)
            except FileExistsError:  # another process made it meanwhile: into that one, then
                pass
        with Store.open(store) as target:
            return filled(target)


def _doubt(before: frozenset[str], new: frozenset[str]) -> str:
    """What is told where files name the person of a store in one way and another."""
    if not before or not new:
        return ""
    if new == {""}:
        held, added = "of a person whom a file names", "bear no name"
    elif before == {""}:
        held, added = "without a name", "are of a person whom the file names"
    else:
        held, added = "under another name", "are of a person whom the file names"
    return (
        f"this store held recordings {held}; those added now {added}: if that is not one and the "
        "same person, import them into another store"
    )


def _of_one(
    path: Path, found: Iterator[Read], met: Reading, person: str | None
) -> Iterator[Recording]:
    """The recordings of one person. Raises UserError, at the end, where they are of several."""
    people: set[str] = set()
    taken = False
    for read in found:
        people.add(read.recording.person)
        if read.recording.person == person or (person is None and len(people) == 1):
            taken = True
            yield read.recording
    if not people:
        raise met.nothing(path)
    if person is not None and not taken:
        raise UserError(
            f"{path} names nobody so; holter data inspect --list-people prints the names in it"
        )
    if person is None and len(people) > 1:
        raise UserError(
            f"{path} holds recordings of {len(people)} people and a store is one person's: choose "
            "with --person (holter data inspect --list-people prints the names)"
        )
