"""Apple Health: export.xml, whatever its name is in the phone's language, and the ECGs beside it.

Layout: an HKHealthStore export as the Health app writes it (HealthKit types, export versions 11
to 14). The XML is streamed; nothing of it is held but numbers, 26 bytes a row. Read in order:
``FORMAT``, ``_Export`` (one pass over the XML), then ``apple_types`` (what its names mean) and
``apple_ecg`` (the electrocardiograms beside it).

Several sources count the same steps, so there is one recording for each class of source: watch,
phone, and other apps. Names that people give their devices, their birth date and their name
never leave the file. Left to others: routes (GPX), clinical documents (CDA).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import BinaryIO
from xml.parsers import expat

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.readers.apple_ecg import add_ecgs, is_ecg
from holter.signals.readers.apple_types import (
    QUANTITIES,
    SDNN,
    SLEEP,
    STAGES,
    STAMP,
    scale_of,
    workout_name,
)
from holter.signals.readers.files import Files, head
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.rows import MOST_ROWS, Rows
from holter.signals.readers.times import NO_TIME, iso
from holter.signals.recording import LATEST_NS, SECOND_NS, Recording

_MOST_DEPTH = 32  # elements within elements; an export has five
_MOST_ELEMENT_BYTES = 1 << 20  # of one start tag, which the parser must hold whole
_MOST_PREAMBLE_BYTES = 1 << 18  # up to the end of the internal DTD, which has about 8 KB
_MOST_NAMES = 10_000  # of sources and of types that are told apart
_MOST_LETTERS = 100  # of a name that is kept while reading
_PIECE_BYTES = 1 << 18

_PHONE, _WATCH, _OTHER = "iPhone", "Apple Watch", "other apps"
_CLASSES = {_WATCH: "watch", _PHONE: "phone", _OTHER: ""}

_PAST_THE_HOUR = re.compile(r":([0-5]\d):([0-5]\d(?:[.,]\d{1,6})?)")


class _Source:
    """All channels of a class of source, and what was left out of them."""

    def __init__(self) -> None:
        self.rows = Rows(MOST_ROWS)
        self.unread: set[str] = set()
        self.workouts: dict[str, int] = {}

    def gathered(self, source: str, zone: str | None) -> Gathered:
        """Its channels; the rows are let go one channel after the other."""
        gathered = Gathered(f"Apple Health, {source}", _CLASSES[source], zone or "UTC")
        self.rows.pour(gathered, {"workout": tuple(self.workouts)})
        return gathered


class _Export:
    """One pass over an export: start and end tags in, rows out."""

    def __init__(self, name: str) -> None:
        self.sources: dict[str, _Source] = {}
        self._name = name
        self._depth = 0
        self._correlation = 0  # depth at which a correlation began, or 0
        self._beats: tuple[_Source, tuple[int, int], int] | None = None
        self._known: dict[str, str] = {}  # what a person calls a source: its class, if told

    def read(self, stream: BinaryIO) -> None:
        """Raises DataError for what is not a whole export."""
        parser = expat.ParserCreate("UTF-8")  # whatever it declares: the app writes no other
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.EntityDeclHandler = self._entity  # in a DTD that ``_preamble`` does not see
        fed = 0
        try:
            piece = _preamble(stream, self._name)
            while piece:
                parser.Parse(piece, False)
                fed += len(piece)
                if fed - parser.CurrentByteIndex > _MOST_ELEMENT_BYTES:
                    raise DataError(
                        f"{self._name}: one element of more than {_MOST_ELEMENT_BYTES:,} bytes; "
                        "no export has that: export it again"
                    )
                piece = stream.read(_PIECE_BYTES)
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise DataError(
                f"{self._name} is damaged or cut off in line {error.lineno} "
                f"({expat.ErrorString(error.code)}): export it again"
            ) from None

    def _entity(self, *_: object) -> None:
        raise DataError(f"{self._name} declares entities, which no export does; it is refused")

    def _start(self, tag: str, words: dict[str, str]) -> None:
        self._depth += 1
        if tag == "Record":
            if self._correlation:
                self._of(words).rows.count(
                    "rows within correlations, there a second time by themselves"
                )
            else:
                self._record(words)
        elif tag == "InstantaneousBeatsPerMinute":
            self._beat(words)
        elif tag == "Workout":
            self._workout(words)
        elif tag == "Correlation":
            self._correlation = self._correlation or self._depth
        elif self._depth == 1 and tag != "HealthData":
            raise DataError(f"{self._name} is not an export of Apple Health")
        if self._depth > _MOST_DEPTH:
            raise DataError(
                f"{self._name}: more than {_MOST_DEPTH} elements within one another; "
                "no export has that: export it again"
            )

    def _end(self, tag: str) -> None:
        if tag == "Record":
            self._beats = None
        elif self._depth == self._correlation:
            self._correlation = 0
        self._depth -= 1

    def _of(self, words: dict[str, str]) -> _Source:
        """The class of source that a row is of: what its device says, else its source's name."""
        device, called = words.get("device", ""), words.get("sourceName", "")[:_MOST_LETTERS]
        if "name:Apple Watch" in device or "model:Watch" in device:
            source = _WATCH
        elif "name:iPhone" in device or "model:iPhone" in device or "model:iPad" in device:
            source = _PHONE
        elif device:
            source = _OTHER
        elif "Watch" in called:
            return self._named(_WATCH)
        elif "iPhone" in called or "iPad" in called:
            return self._named(_PHONE)
        else:  # a watch that its owner called otherwise said so in earlier rows
            return self._named(self._known.get(called, _OTHER))
        if self._known.setdefault(called, source) != source:
            self._known[called] = _OTHER  # an app that writes for several devices
        if len(self._known) > _MOST_NAMES:
            raise DataError(f"{self._name} names more than {_MOST_NAMES:,} sources; it is refused")
        return self._named(source)

    def _named(self, source: str) -> _Source:
        found = self.sources.get(source)
        if found is None:
            found = self.sources[source] = _Source()
        return found

    def _record(self, words: dict[str, str]) -> None:
        source = self._of(words)
        type_ = words.get("type", "")
        known = QUANTITIES.get(type_)
        if known is None and type_ != SLEEP:
            source.rows.count(_UNREAD)
            if len(source.unread) < _MOST_NAMES:
                source.unread.add(type_[:_MOST_LETTERS])
            return
        start, end = _span(words)
        if known is None:
            stage = STAGES.get(words.get("value", ""))
            if stage is None:
                source.rows.count("rows of sleep with a stage that is not known, left out")
            else:
                source.rows.add("sleep_stage", start[0], end[0], stage, start[1])
            return
        kind, name = known
        try:
            value = float(words.get("value", ""))
            multiply, add = scale_of(kind, words.get("unit", "")[:_MOST_LETTERS])
        except DataError:
            source.rows.count(f"rows of {kind} in a unit that is not known, left out")
            return
        except ValueError:
            source.rows.count(f"rows of {kind} without a number, left out")
            return
        source.rows.add(kind, start[0], end[0], value * multiply + add, start[1], name)
        if type_ == SDNN:
            self._beats = source, start, end[0]

    def _beat(self, words: dict[str, str]) -> None:
        """One beat of a variability record -> the interval before it, good to half a bpm.

        It is written with the time of day alone, in the phone's language and in the zone of its
        day, which need not be the record's. Zones differ by quarter hours: the time past the
        last quarter is enough to place a beat in a record of a minute.
        """
        if self._beats is None:
            return
        source, start, until_ns = self._beats
        found = _PAST_THE_HOUR.search(words.get("time", ""))
        try:
            rate = float(words.get("bpm", ""))
        except ValueError:
            rate = 0.0
        if not found or not rate > 0 or start[0] == NO_TIME:
            source.rows.count("beats without a time or a rate, left out")
            return
        past_ns = int(found[1]) * 60 * SECOND_NS
        past_ns += round(float(found[2].replace(",", ".")) * SECOND_NS)
        after_ns = (past_ns - start[0]) % _QUARTER_NS  # an offset is whole quarters too
        if after_ns > _QUARTER_NS - 60 * SECOND_NS:
            after_ns -= _QUARTER_NS  # up to a minute before the record's own start
        if start[0] + after_ns > until_ns + 60 * SECOND_NS:
            source.rows.count("beats outside the time of their record, left out")
            return
        when = start[0] + after_ns
        source.rows.add("rr_interval", when, when, 60.0 / rate, start[1])

    def _workout(self, words: dict[str, str]) -> None:
        source = self._of(words)
        name = workout_name(words.get("workoutActivityType", ""))
        if name not in source.workouts and len(source.workouts) >= 255:
            source.rows.count("workouts of too many kinds, left out")
            return
        value = source.workouts.setdefault(name, len(source.workouts))
        start, end = _span(words)
        source.rows.add("workout", start[0], end[0], float(value), start[1])


_UNREAD = "rows of types that holter does not read"
_QUARTER_NS = 900 * SECOND_NS


@lru_cache(maxsize=10_000)
def _day(day: str, offset: str) -> tuple[int, int] | None:
    """The (UTC nanoseconds, offset in minutes) at which a day begins under a zone's offset."""
    found = iso(f"{day} 00:00:00 {offset}")
    return found if found is not None and abs(found[0]) < LATEST_NS else None  # fits 64 bits


def _moment(stamp: str) -> tuple[int, int]:
    """«2024-03-04 21:00:00 +0100» -> (UTC nanoseconds, offset in minutes).

    Days repeat and are remembered: five times as fast as parsing every moment whole.
    """
    day = _day(stamp[:10], stamp[20:]) if len(stamp) == 25 and STAMP.fullmatch(stamp) else None
    if day is None:
        return NO_TIME, 0
    hour, minute, second = int(stamp[11:13]), int(stamp[14:16]), int(stamp[17:19])
    if hour > 23 or minute > 59 or second > 59:
        return NO_TIME, 0
    return day[0] + ((hour * 60 + minute) * 60 + second) * SECOND_NS, day[1]


def _span(words: dict[str, str]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Start and end of a row; most rows are moments, parsed once."""
    start, end = words.get("startDate", ""), words.get("endDate", "")
    first = _moment(start)
    return first, first if start == end else _moment(end)


def _preamble(stream: BinaryIO, name: str) -> bytes:
    """The first bytes, without the internal DTD. Raises DataError.

    The DTD is taken out here and not left to the parser: some versions of the Health app write
    one that is not well-formed, and without a DTD no entity can unfold.
    """
    first = stream.read(_PIECE_BYTES)
    start = first.find(b"<!DOCTYPE", 0, 4096)
    if start < 0:
        return first
    end = first.find(b"]>", start, _MOST_PREAMBLE_BYTES)
    if end < 0:
        raise DataError(f"{name} is cut off within its first lines: export it again")
    if b"<!ENTITY" in first[start:end]:
        raise DataError(f"{name} declares entities, which no export does; it is refused")
    return first[:start] + b"\n" * first.count(b"\n", start, end) + first[end + 2 :]


def _read(files: Files, group: Group, options: Options) -> list[Recording]:
    exports = [name for name in group if name.lower().endswith(".xml")]
    found: dict[str, Gathered] = {}
    for name in exports:
        export = _Export(name)
        with files.open(name) as stream:
            export.read(stream)
        for source in (source for source in _CLASSES if source in export.sources):
            kept = export.sources.pop(source)
            gathered = kept.gathered(source, options.zone)
            gathered.note("types that holter does not read", len(kept.unread))
            found[source] = gathered
    ecgs = [name for name in group if name not in exports]
    if ecgs:
        watch = found.setdefault(
            _WATCH, Gathered(f"Apple Health, {_WATCH}", "watch", options.zone or "UTC")
        )
        add_ecgs(watch, files, ecgs)
    if not found:
        raise DataError(f"{group[0]}: an export of Apple Health without any record in it")
    full = [gathered for gathered in found.values() if gathered.channels]
    return [gathered.recording() for gathered in full or found.values()]


def _claims(files: Files, names: Sequence[str]) -> list[Group]:
    exports = [n for n in names if n.lower().endswith(".xml") and _is_export(files, n)]
    ecgs = [n for n in names if n.lower().endswith(".csv") and is_ecg(files, n)]
    groups: list[Group] = []
    for name in exports:
        folder = name.rpartition("/")[0]
        beside = [ecg for ecg in ecgs if not folder or ecg.startswith(folder + "/")]
        ecgs = [ecg for ecg in ecgs if ecg not in beside]
        groups.append((name, *beside))
    folders: dict[str, list[str]] = {}
    for name in ecgs:
        folders.setdefault(name.rpartition("/")[0], []).append(name)
    return groups + [tuple(found) for found in folders.values()]


def _is_export(files: Files, name: str) -> bool:
    first = head(files, name).removeprefix(b"\xef\xbb\xbf").lstrip()
    return first.startswith(b"<") and (b"<!DOCTYPE HealthData" in first or b"<HealthData" in first)


FORMAT = Format(
    name="apple-health",
    title="an export of Apple Health",
    claims=_claims,
    read=_read,
)
