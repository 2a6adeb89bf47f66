"""What ``holter data inspect`` does, as calls: typed values and facts for JSON, nothing printed.

``inspect`` says what files hold; ``importing`` and ``preparing`` go on with what ``readings`` and
``mendable`` begin here. One export in a folder that cannot be read does not hide the others: it is
told of under ``not_read``. Whatever a user can mend is raised as UserError.
"""

from __future__ import annotations

import datetime
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from holter.cli.calls import UserError
from holter.device.entries import Opened, Some
from holter.device.files import FolderFiles, opened
from holter.device.store import Store
from holter.device.store_file import begins_a_store, is_store
from holter.device.zips import MAGIC, ZipFiles
from holter.signals.errors import DataError
from holter.signals.readers.files import head
from holter.signals.readers.formats import Options
from holter.signals.readers.times import zone_of
from holter.signals.recording import SECOND_NS, Channel, Recording, Series, Waveform

if TYPE_CHECKING:  # only a name here: it comes with scipy
    from holter.signals.quality import Usable

SYNTHETIC = "synthetic"  # how the source of a recording begins that nobody ever wore
_STORE = "store"
_STORES = "stores"
_MOST_SOURCES = 3  # in a title
_EMPTY = "{} is an empty store: import into it, or remove it"


@dataclass(frozen=True)
class NotRead:
    """A group of files that was recognised and could not be read: which, as what, why."""

    names: tuple[str, ...]
    format: str
    why: str

    @property
    def told(self) -> str:
        """Which and why, in one line that names the first file once."""
        if self.names[0] in self.why:
            return self.why
        known = f" ({self.format})" if self.format else ""
        return f"{self.names[0]}{known}: {self.why}"


@dataclass(frozen=True)
class Read:
    """One recording and the files it came from."""

    names: tuple[str, ...]
    format: str
    recording: Recording


@dataclass
class Reading:
    """What ``readings`` met besides recordings; whole once all of them were taken."""

    not_read: list[NotRead] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def nothing(self, path: Path) -> UserError:
        """Why no recording came at all, in one line."""
        if self.not_read:
            others = f" (and {len(self.not_read) - 1} more)" if len(self.not_read) > 1 else ""
            return UserError(f"{self.not_read[0].told}{others}")
        if self.left_out[_STORES]:
            return UserError(f"{path} holds stores only; import exports of devices and apps")
        if self.unknown:
            what = (
                f"{self.unknown[0]} is not of a format"
                if len(self.unknown) == 1
                else f"none of the {len(self.unknown):,} files of {path} is of a format"
            )
            return UserError(
                f"{what} that holter knows; a table of your own is read with --mapping (see "
                "docs/formats.md)"
            )
        return UserError(f"{path} holds no file that can be read")


@contextmanager
def mendable() -> Iterator[None]:
    """Errors of recordings, as UserError."""
    try:
        yield
    except DataError as error:
        raise UserError(str(error)) from error


def options(zone: str | None, mapping: Path | None) -> Options:
    """What the user adds to what files say. Raises UserError before any file is read."""
    with mendable():
        if zone is not None:
            zone_of(zone)
        if mapping is None:
            return Options(zone)
        from holter.signals.readers.mapping_words import read_mapping

        words = _toml(mapping)
        try:
            read_mapping(words)
        except DataError as error:
            raise UserError(f"{mapping}: {str(error).removeprefix('mapping: ')}") from None
        return Options(zone, words)


def _toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # of TOML and of UTF-8
        raise UserError(f"{path} is no TOML: {error}") from None


def readings(
    files: Opened, given: Options, met: Reading, *, stores: bool = True, within: str = ""
) -> Iterator[Read]:
    """Recordings one after another, so that one group at a time is in memory.

    As a study reads a folder (``device.exports``): stores and zips that lie in it are opened too.
    stores: or are they left out. within: the zip that ``files`` are of.
    """
    from holter.signals.readers import recognise  # with every reader: commands beside ours wait not

    met.left_out.update(files.left_out)
    place = f"{within}/" if within else ""
    sound = []
    for name in files.names:
        try:
            first = head(files, name)
        except DataError as error:
            met.not_read.append(NotRead((place + name,), "", str(error)))
            continue
        if not begins_a_store(first):
            sound.append(name)
        elif stores:
            yield from _stored(files, name, place + name, met)
        else:
            met.left_out[_STORES] += 1
    for found in recognise.recognise(Some(files, sound), given):
        names = tuple(place + name for name in found.names)
        if found.format is None:
            # Within a zip no other zip is opened: nothing unfolds twice.
            zipped = isinstance(files, FolderFiles) and head(files, names[0]).startswith(MAGIC)
            if zipped:
                yield from _packed(files, names[0], given, met, stores=stores)
            else:
                met.unknown += names
            continue
        try:
            recordings = recognise.read(files, found, given)
        except DataError as error:
            why = str(error).replace(found.names[0], names[0])
            met.not_read.append(NotRead(names, found.format.name, why))
            continue
        for recording in recordings:
            yield Read(names, found.format.name, recording)


def _stored(files: Opened, name: str, shown: str, met: Reading) -> Iterator[Read]:
    """What a store that lies in a folder or a zip holds; its file is not changed."""
    try:
        with Store.open(Path(files.path(name)), only_reading=True) as store:
            recordings = store.recordings()
    except DataError as error:
        met.not_read.append(NotRead((shown,), _STORE, str(error).replace(files.path(name), shown)))
        return
    if not recordings:
        met.not_read.append(NotRead((shown,), _STORE, _EMPTY.format(shown)))
    yield from (Read((shown,), _STORE, one) for one in recordings)


def _packed(
    files: Opened, name: str, given: Options, met: Reading, *, stores: bool
) -> Iterator[Read]:
    """What a zip that lies in a folder holds."""
    try:
        with opened(Path(files.path(name))) as packed:
            if isinstance(packed, ZipFiles):
                yield from readings(packed, given, met, stores=stores, within=name)
            else:  # a file that is a zip inside, such as a spreadsheet
                met.unknown.append(name)
    except DataError as error:
        met.not_read.append(NotRead((name,), "", str(error)))


@dataclass(frozen=True)
class Inspection:
    """What was found.

    recordings: facts of each (see ``recording_facts``). kept: if asked for, the values of each and
    what of its channels is usable.
    """

    path: Path
    recordings: list[dict[str, Any]]
    met: Reading
    kept: list[tuple[Recording, Mapping[str, Usable]]]

    def facts(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "path": str(self.path),
            "recordings": self.recordings,
            "not_read": [
                {"files": list(one.names), "format": one.format, "why": one.why}
                for one in self.met.not_read
            ],
            "unknown": self.met.unknown,
            "left_out": dict(self.met.left_out),
        }


def inspect(
    path: Path, given: Options, *, list_people: bool = False, keep: bool = False
) -> Inspection:
    """What a file, a folder, a zip or a store holds. Raises UserError where that cannot be said.

    list_people: whether the names that a file gives to people are among the facts.
    """
    from holter.signals.quality import usable

    met, facts, kept = Reading(), [], []
    with mendable():
        for read in _all(path, given, met):
            shares = usable(read.recording)
            facts.append(recording_facts(read, shares, list_people=list_people))
            if keep:
                kept.append((read.recording, shares))
    return Inspection(path, facts, met, kept)


def _all(path: Path, given: Options, met: Reading) -> Iterator[Read]:
    if is_store(path):
        with Store.open(path) as store:
            if store.empty:
                raise UserError(_EMPTY.format(path))
            yield from (Read((path.name,), _STORE, one) for one in store.recordings())
        return
    with opened(path) as files:
        yield from readings(files, given, met)


def recording_facts(
    read: Read, shares: Mapping[str, Usable], *, list_people: bool = False
) -> dict[str, Any]:
    """One recording in numbers: where from, when, what of it is usable, what it can feed."""
    from holter.signals.tasks import fed_by, learnt_from

    recording = read.recording
    learnt = learnt_from(recording)
    start, end = recording.span_ns
    facts = {
        "format": read.format,
        "files": list(read.names),
        "source": recording.source,
        "synthetic": recording.source.lower().startswith(SYNTHETIC),
        "device_class": recording.device_class,
        "zone": recording.zone,
        "start": iso(start),
        "end": iso(end),
        "hours": round((end - start) / SECOND_NS / 3600, 5),
        "channels": [
            channel_facts(name, channel, shares.get(name))
            for name, channel in recording.channels.items()
        ],
        "findings": [
            {"what": f.what, "count": f.count, "channel": f.channel} for f in recording.findings
        ],
        "tasks": [
            {"task": task, "why_not": why, "labels": task in learnt}
            for task, why in fed_by(recording)
        ],
        "one_of_several_people": recording.person != "",
    }
    if list_people:
        facts["person"] = recording.person
    return facts


def channel_facts(name: str, channel: Channel, shares: Usable | None) -> dict[str, Any]:
    """One channel: how much, how fast, and the shares of its time that are usable or why not."""
    start, end = channel.span_ns
    facts: dict[str, Any] = {
        "name": name,
        "kind": channel.kind,
        "unit": channel.unit,
        "start": iso(start),
        "end": iso(end),
        "rate_hz": float(f"{channel.rate_hz:.6g}"),
    }
    if isinstance(channel, Waveform):
        facts |= {
            "axes": list(channel.axes),
            "samples": channel.samples,
            "masked": sum(int(np.isnan(s.values).any(axis=1).sum()) for s in channel.segments),
            "segments": len(channel.segments),
            "nominal_rate_hz": channel.nominal_rate_hz,
        }
    if isinstance(channel, Series):
        facts |= {
            "rows": len(channel.time_ns),
            "masked": int(np.isnan(channel.value).sum()),
            "names": list(channel.names),
        }
    if shares is not None:
        facts["shares"] = {
            "usable": round(shares.share, 4),
            "gaps": round(shares.gaps_share, 4),
            "not worn": round(shares.non_wear_share, 4),
            "saturated": round(shares.saturated_share, 4),
            "artefacts": round(shares.artefact_share, 4),
        }
    return facts


def title(recordings: Sequence[Mapping[str, Any]]) -> str:
    """Recordings by source and day: a name of a file or a folder may be a person's."""
    sources = list(dict.fromkeys(facts["source"] for facts in recordings))
    more = f" and {len(sources) - _MOST_SOURCES} more" if len(sources) > _MOST_SOURCES else ""
    days = sorted({begun(facts).split()[0] for facts in recordings})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"{', '.join(sources[:_MOST_SOURCES])}{more}, {when}"


def iso(time_ns: int) -> str:
    """A moment of UTC as ISO 8601, to the second."""
    return _utc(time_ns).strftime("%Y-%m-%dT%H:%M:%SZ")


def _utc(time_ns: int) -> datetime.datetime:
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return epoch + datetime.timedelta(seconds=time_ns // SECOND_NS)


def spoken(facts: Mapping[str, Any]) -> str:
    """When a recording was, for people: in local time where its zone is known."""
    start, end = (datetime.datetime.fromisoformat(facts[key]) for key in ("start", "end"))
    zone = facts["zone"]
    if zone not in ("", "UTC"):
        there = ZoneInfo(zone)
        local = _from_to(start.astimezone(there), end.astimezone(there))
        return f"{local} {zone} ({_from_to(start, end)} UTC), {lasted(facts)}"
    where = "UTC" if zone else "by a clock whose zone is not known (--zone says it)"
    return f"{_from_to(start, end)} {where}, {lasted(facts)}"


def begun(facts: Mapping[str, Any]) -> str:
    """The local time of its first moment, or what its clock showed."""
    start = datetime.datetime.fromisoformat(facts["start"])
    return f"{start.astimezone(ZoneInfo(facts['zone'] or 'UTC')):%Y-%m-%d %H:%M}"


def lasted(facts: Mapping[str, Any]) -> str:
    """From its first moment to its last."""
    seconds = facts["hours"] * 3600
    lengths = ((172_800, 86_400, "days"), (3_600, 3_600, "h"), (60, 60, "min"), (1, 1, "s"))
    for least, length, unit in lengths:
        if seconds >= least:
            return f"{seconds / length:,.1f} {unit}"
    return "a moment"


def _from_to(start: datetime.datetime, end: datetime.datetime) -> str:
    same_day = start.date() == end.date()
    return f"{start:%Y-%m-%d %H:%M} to {end:{'%H:%M' if same_day else '%Y-%m-%d %H:%M'}}"
