"""Which formats a file, a folder or a zip holds: told by content, never by a name alone."""

from __future__ import annotations

from dataclasses import dataclass

from holter.signals.errors import DataError, Unsupported
from holter.signals.readers.catalogue import FORMATS
from holter.signals.readers.files import Files
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.recording import Recording


@dataclass(frozen=True)
class Found:
    """A group of files and its format; ``format`` is None where no format claims the file."""

    format: Format | None
    names: Group


def recognise(files: Files, options: Options) -> list[Found]:
    """Every file in exactly one group, in the order of the formats; unclaimed ones at the end.

    With a mapping in ``options`` every table is read by it and by nothing else.
    """
    left = list(files.names)
    found: list[Found] = []
    for form in FORMATS:
        if options.mapping is not None and form.name != "mapped":
            continue
        if form.name == "mapped" and options.mapping is None:
            continue
        groups = form.claims(files, left)
        taken = {name for names in groups for name in names}
        found += [Found(form, tuple(names)) for names in groups]
        left = [name for name in left if name not in taken]
    return found + [Found(None, (name,)) for name in left]


def read(files: Files, found: Found, options: Options) -> list[Recording]:
    """The recordings of one group. Raises DataError; Unsupported where holter does not read it."""
    if found.format is None:
        raise Unsupported(
            f"{found.names[0]}: not a format that holter knows; a table of your own is read "
            "with --mapping (see docs/formats.md)"
        )
    if found.format.unsupported is not None:
        raise Unsupported(f"{found.format.title} is not read: {found.format.unsupported}")
    recordings = found.format.read(files, found.names, options)
    if not recordings:
        raise DataError(f"{found.names[0]}: {found.format.title} without any recording in it")
    return recordings
