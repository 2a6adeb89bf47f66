"""CSV exports of vendors: a mapping is found by the header and read as ``mapped`` reads any table.

Layouts of vendors move, so they are data: ``mappings/NAME.toml``, one a vendor, each table with
the columns that tell it and a mapping (``mapping_words``). The files are part of the
package and are read through importlib.resources, not from the holder's disk. All files of one
vendor in a folder are one person's and become one recording.

    title = "Oura"  device_class = "ring"
    [[table]]
    about = "what it is and where its layout is documented"
    header = ["timestamp", "bpm"]     # columns that must be there; a list: one of them
    not_header = ["confidence"]       # columns that must not be there
    banner = "com.samsung.health.hrv" # the first cell of the file
    file_name = "raw_tracker_hr"      # what its name must hold, where headers are all alike
    mapping = { ... }                 # see ``mapping_words``

A header is looked for after the rows that the mapping skips, with the mapping's delimiter.
"""

from __future__ import annotations

import csv
import importlib.resources
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from holter.signals.errors import DataError
from holter.signals.readers.files import Files, head
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.mapped import add_file
from holter.signals.readers.mapping_words import MappedTable, read_mapping
from holter.signals.readers.rows_by_person import RowsByPerson
from holter.signals.recording import Recording

VENDORS = ("oura", "whoop", "withings", "samsung")  # a format each; Fitbit's is in ``fitbit``
_TITLES = {"oura": "Oura account export (CSV)", "whoop": "WHOOP export (CSV)",
    "withings": "Withings export (CSV)", "samsung": "Samsung Health export (CSV)"}  # fmt: skip
_GZ = b"\x1f\x8b"


@dataclass(frozen=True)
class VendorTable:
    """One kind of table of a vendor: how it is told, and its mapping."""

    header: tuple[tuple[str, ...], ...]
    not_header: frozenset[str]
    banner: str
    file_name: str
    mapping: MappedTable

    def fits(self, name: str, lines: Sequence[str]) -> bool:
        """Whether a file of this name, with these first lines, is such a table."""
        if self.file_name not in name.rsplit("/", 1)[-1]:
            return False
        words = self.mapping.words
        row = words.get("skip_rows", 0)
        if len(lines) <= row or (self.banner and lines[0].split(",")[0].strip() != self.banner):
            return False
        try:
            cells = next(csv.reader([lines[row]], delimiter=words.get("delimiter", ",")), [])
        except csv.Error:
            return False
        there = {cell.strip() for cell in cells}
        return all(there.intersection(names) for names in self.header) and not (
            there & self.not_header
        )


@dataclass(frozen=True)
class Vendor:
    """A vendor's tables, in the order in which they are tried."""

    title: str
    device_class: str
    tables: tuple[VendorTable, ...]


@lru_cache
def vendor(name: str) -> Vendor:
    """The vendor's mappings. Raises DataError if a mapping does not hold together."""
    place = importlib.resources.files("holter.signals.readers") / "mappings" / f"{name}.toml"
    return parse(place.read_text(encoding="utf-8"))


def parse(text: str) -> Vendor:
    """A mappings file -> a vendor's tables. Raises DataError."""
    try:
        said = tomllib.loads(text)
        tables = tuple(_table(table) for table in said["table"])
        return Vendor(str(said["title"]), str(said["device_class"]), tables)
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise DataError(f"the mappings do not hold together: {error}") from None


def _table(said: Mapping[str, Any]) -> VendorTable:
    header = tuple((h,) if isinstance(h, str) else tuple(h) for h in said["header"])
    return VendorTable(
        header,
        frozenset(said.get("not_header", ())),
        str(said.get("banner", "")),
        str(said.get("file_name", "")),
        read_mapping(said["mapping"]),
    )


def first_lines(files: Files, name: str) -> list[str]:
    """The first lines of a text; none of a file that is no text."""
    start = head(files, name)
    if start[:2] == _GZ or not start:
        return []
    utf16 = start[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = start.decode("utf-16" if utf16 else "utf-8-sig", "ignore")
    if "\0" in text or text.lstrip()[:1] in ("", "<", "{", "["):
        return []
    return text.splitlines()[:4]


def table_of(files: Files, name: str, tables: Sequence[VendorTable]) -> VendorTable | None:
    """The first table that a file fits."""
    lines = first_lines(files, name)
    return next((t for t in tables if lines and t.fits(name, lines)), None)


def _claims(name: str, files: Files, names: Sequence[str]) -> Sequence[Group]:
    tables = vendor(name).tables
    return by_folder([n for n in names if table_of(files, n, tables) is not None])


def by_folder(names: Sequence[str], inner: Callable[[str], bool] = lambda _: False) -> list[Group]:
    """Files in groups, one a folder; a folder that is ``inner`` counts as part of the one above."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        folders = name.split("/")[:-1]
        while folders and inner(folders[-1]):
            folders.pop()
        groups.setdefault(tuple(folders), []).append(name)
    return [tuple(group) for _, group in sorted(groups.items())]


def _read(name: str, files: Files, names: Group, options: Options) -> list[Recording]:
    known = vendor(name)
    rows = RowsByPerson()
    for file in names:
        table = table_of(files, file, known.tables)
        if table is None:
            raise DataError(f"{file}: its header is no longer one of {known.title}")
        add_file(rows, files, file, table.mapping, options)
    (made,) = rows.gathered(known.title, known.device_class, rows.zone(options.zone))
    return [made.recording()]


def _format(name: str) -> Format:
    claims: Callable[[Files, Sequence[str]], Sequence[Group]] = partial(_claims, name)
    read: Callable[[Files, Group, Options], list[Recording]] = partial(_read, name)
    return Format(name, _TITLES[name], claims, read)


FORMATS = tuple(_format(name) for name in VENDORS)
