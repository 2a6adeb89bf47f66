"""What a format is to the rest of the house, and the words a user may add when reading.

A reader module holds one ``FORMAT``: how its files are recognised and how a group of them is
read. It never opens a file by itself (``files``) and ends in ``gathering``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from holter.signals.readers.files import Files
from holter.signals.recording import Recording

Group = tuple[str, ...]
"""Names of files that make up one export and are read together."""


@dataclass(frozen=True)
class Options:
    """What the holder of a file knows and the file does not say.

    zone: IANA name for wall-clock times without a zone. mapping: words about a table (see
    ``mapping_words``).
    """

    zone: str | None = None
    mapping: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Format:
    """One format.

    name: short, as ``inspect`` prints it. title: what it is, for people. extra: of holter, that
    brings its library, or None. claims: among the files not yet claimed, groups that are of this
    format, told by content. read: one group -> its recordings, one a person and device; raises
    DataError (ExtraMissing, Unsupported). unsupported: why a kind that is recognised is not read.
    """

    name: str
    title: str
    claims: Callable[[Files, Sequence[str]], Sequence[Group]]
    read: Callable[[Files, Group, Options], list[Recording]] = field(repr=False)
    extra: str | None = None
    unsupported: str | None = None
