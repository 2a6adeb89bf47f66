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
    """What an import added, one entry a recording, and what it met."""

    store: Path
    made: bool
    added: tuple[Added, ...]
    met: Reading


def import_into(
    path: Path, store: Path, given: Options, *, person: str | None, minute: int
) -> Imported:
    """One person's recordings into a store, which is made where there is none.

    All of it or nothing. minute: now, of UTC since 1970. Raises UserError, among others where a
    file holds several people and ``person`` names none of them.
    """
    met = Reading()
    with mendable():
        if is_store(path):
            raise UserError(f"{path} is a store itself; import exports of devices and apps")
        made = not os.path.lexists(store)
        try:
            target = Store.create(store) if made else Store.open(store)
        except FileExistsError:  # another process made it meanwhile
            made, target = False, Store.open(store)
        try:
            with target, opened(path) as files:
                added = target.add(_of_one(path, readings(files, given, met), met, person), minute)
        except BaseException:
            if made:
                store.unlink(missing_ok=True)
            raise
    return Imported(store, made, added, met)


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
            f"{path} names nobody so; --list-people of holter data inspect prints its {len(people)}"
        )
    if person is None and len(people) > 1:
        raise UserError(
            f"{path} holds recordings of {len(people)} people and a store is one person's: choose "
            "with --person (holter data inspect --list-people prints the names)"
        )
