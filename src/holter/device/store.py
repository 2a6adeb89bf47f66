"""The wearer's local store: recordings of one person, from several sources, in one SQLite file.

The device agent reads its windows from here; ``holter data import`` fills it. Nothing in it ever
leaves. Exports overlap (each export of a phone holds all of its past), so what is there already is
told by its time and never added again:

- **Slow rows** (``store_rows``): a row is known where the same channel has the same value for the
  same time and until. Another value for a moment of an *earlier* import is a conflict: the first
  is kept, so that what was learnt from can be found again, and the conflict is counted. Sums
  (steps, energy) are the exception, because they grow while their interval goes on: the larger
  sum takes the place of the smaller, the longer interval that of the shorter with the same
  beginning, and is counted as grown. An older export that comes later changes nothing.
- **Fast samples** (``store_segments``): a sample is known where an earlier segment covers its
  time. Known samples whose values differ, at an equal rate, are counted as conflicts.

A time is part of a row, so a zone that was guessed differently would add each row twice: a source
read with a zone is not mixed with the same source read without one. Findings are kept with the
import that met them; what lies in two overlapping exports is counted in both.

**A power cut** at any moment costs at most the import in progress: one import is one transaction,
durable before ``add`` returns, and the file (``store_file``) holds all of it or nothing. Imports
are rare and short, so readers that wait for one cost nothing. Whoever finds the store in use
waits, at most ``WAIT_SECONDS``, and is then told why. The file is its owner's alone (0600), its
journal too.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from holter.device import store_file, store_rows, store_segments
from holter.signals.errors import DataError
from holter.signals.kinds import KINDS
from holter.signals.recording import SECOND_NS, Channel, Finding, Recording, Series, Waveform

WAIT_SECONDS = 10.0  # for another process; an import of a year of a phone takes about as long
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = "{} is damaged; take it from a backup, or import into a new store"
_ALL = (-(1 << 62), 1 << 62)


@dataclass(frozen=True)
class Added:
    """What one recording brought.

    rows_grown: sums that took the place of smaller ones. conflicts: rows and samples with another
    value than the one that is there, which is kept.
    """

    source: str
    rows_new: int = 0
    rows_grown: int = 0
    rows_known: int = 0
    samples_new: int = 0
    samples_known: int = 0
    conflicts: int = 0

    @property
    def anything(self) -> bool:
        """Whether the store is another one than before."""
        return self.rows_new + self.rows_grown + self.samples_new > 0


@dataclass(frozen=True)
class Stored:
    """A channel in the store, by what can be said without reading it. ``count``: rows or samples."""

    key: int
    source: str
    device_class: str
    zone: str
    name: str
    kind: str
    axes: tuple[str, ...] | None
    count: int
    span_ns: tuple[int, int]


class Store:
    """A store, open. Make it with ``create`` or ``open``; then ``close``.

    Every call raises DataError where the file is in use for longer than it waits, is damaged, or
    has no room; the store is then as it was before the call.
    """

    def __init__(
        self, file: Path, wait_seconds: float, *, only_reading: bool, path: Path | None = None
    ) -> None:
        self._path, self._wait = path or file, wait_seconds
        with self._mended():
            self._db = store_file.connected(file, wait_seconds, only_reading=only_reading)
        try:
            with self._mended():
                held = self._db.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
                if sorted(sql for (sql,) in held) != sorted(store_file.TABLES):
                    raise DataError(
                        f"{self._path} is not as holter made it; import into a new store"
                    )
        except DataError:
            self._db.close()
            raise

    @classmethod
    def create(cls, path: Path, *, wait_seconds: float = WAIT_SECONDS) -> Store:
        """A new, empty store. Raises FileExistsError where something is at ``path``, DataError."""
        with store_file.appearing(path, wait_seconds):
            pass
        return cls.open(path, wait_seconds=wait_seconds)

    @classmethod
    @contextmanager
    def appearing(cls, path: Path, *, wait_seconds: float = WAIT_SECONDS) -> Iterator[Store]:
        """A new store that is at ``path`` once the block has ended well, never before.

        So whoever is killed while it is filled for the first time leaves no empty store. Raises
        FileExistsError where something is at ``path`` by then, DataError.
        """
        with (
            store_file.appearing(path, wait_seconds) as file,
            cls(file, wait_seconds, only_reading=False, path=path) as store,
        ):
            yield store

    @classmethod
    def open(
        cls, path: Path, *, wait_seconds: float = WAIT_SECONDS, only_reading: bool = False
    ) -> Store:
        """The store at ``path``. Raises DataError where it is none.

        only_reading: the file stays untouched, its mode included, as in a folder of a study.
        """
        mode = store_file.check(path)
        if not only_reading:
            store_file.keep_to_its_owner(path, mode)
        return cls(path, wait_seconds, only_reading=only_reading)

    def close(self) -> None:
        """Closing twice does nothing."""
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add(self, recordings: Iterable[Recording], minute: int) -> tuple[Added, ...]:
        """All of an import, or, where anything is raised, nothing of it; durable when it returns.

        recordings: of one person; taken one after another, while other writers wait. minute: now,
        of UTC since 1970. An import that brings nothing new leaves the file as it is.
        """
        with self._mended("nothing of this was written"):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                added = tuple([self._add(recording, minute) for recording in recordings])
                self._db.execute("COMMIT" if any(a.anything for a in added) else "ROLLBACK")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
        return added

    @property
    def empty(self) -> bool:
        """Whether nothing was ever added: made and not filled, or its import was cut off."""
        with self._reading():
            (any_import,) = self._db.execute("SELECT EXISTS (SELECT 1 FROM import)").fetchone()
        return not any_import

    @property
    def people(self) -> frozenset[str]:
        """What the files that it was filled from call its person; "" where they do not say."""
        with self._reading():
            return frozenset(person for *_, person in self._sources())

    def channels(self) -> list[Stored]:
        """Every channel, by source and name. Rows are counted, samples are not read."""
        with self._reading():
            return [
                Stored(key, source, device_class, zone, name, kind, _axes(axes), *counted)
                for key, source, device_class, zone, name, kind, axes in self._db.execute(
                    "SELECT c.id, s.name, device_class, zone, c.name, kind, axes FROM channel c "
                    "JOIN source s ON s.id = c.source ORDER BY s.id, c.id"
                ).fetchall()
                if (counted := self._counted(key, axes is None))[0]
            ]

    def between(self, channel: Stored, start_ns: int, end_ns: int) -> Channel:
        """What a channel has from ``start_ns`` (included) to ``end_ns`` (excluded).

        Samples by their own time; rows that are spans also where they only reach into it.
        """
        with self._reading():
            return self._channel(channel.key, start_ns, end_ns)

    def recordings(self) -> list[Recording]:
        """All of it, one recording a source, as ``add`` was given them, but joined."""
        with self._reading():
            return [self._recording(*row) for row in self._sources()]

    # --- adding ---

    def _add(self, recording: Recording, minute: int) -> Added:
        source = self._source(recording)
        new = grown = known = conflicts = samples_new = samples_known = 0
        for name, channel in recording.channels.items():
            key, names = self._channel_key(source, name, channel)
            if isinstance(channel, Series):
                rows = store_rows.add_rows(self._db, key, store_rows.renamed(channel, names))
                new, grown, known = new + rows.new, grown + rows.grown, known + rows.known
                conflicts += rows.conflicts
            else:
                fresh, there, differing = store_segments.add_segments(self._db, key, channel)
                samples_new, samples_known = samples_new + fresh, samples_known + there
                conflicts += differing
        counts = (new, grown, known, samples_new, samples_known, conflicts)
        added = Added(recording.source, *counts)
        if added.anything:
            row = (None, source, minute, *counts)
            made = self._db.execute(
                "INSERT INTO import VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row
            ).lastrowid
            self._db.executemany(
                "INSERT INTO finding VALUES (?, ?, ?, ?)",
                [(made, f.what, f.channel, f.count) for f in recording.findings],
            )
        return added

    def _source(self, recording: Recording) -> int:
        wanted = (recording.source, recording.device_class, recording.zone)
        for key, device_class, zone, person in self._db.execute(
            "SELECT id, device_class, zone, person FROM source WHERE name = ?", wanted[:1]
        ).fetchall():
            if person != recording.person:
                raise DataError(
                    f"{self._path} holds {recording.source} of another person: a store holds one "
                    "person's recordings; name another store"
                )
            if bool(zone) != bool(recording.zone):
                how = f"in the zone {zone}" if zone else "without a zone"
                raise DataError(
                    f"{self._path} holds {recording.source} read {how}; read it so again (--zone), "
                    "or all of it would be there twice"
                )
            if (device_class, zone) == wanted[1:]:
                return int(key)
        made = self._db.execute(
            "INSERT INTO source VALUES (NULL, ?, ?, ?, ?)", (*wanted, recording.person)
        )
        return int(made.lastrowid or 0)

    def _channel_key(self, source: int, name: str, channel: Channel) -> tuple[int, list[str]]:
        """The channel's key and the names of its categories, those that are new added."""
        axes, facts, names = None, (None, None, None), []
        if isinstance(channel, Series):
            names = list(channel.names)
        else:
            axes = json.dumps(channel.axes)
            facts = (channel.nominal_rate_hz, *(channel.limits or (None, None)))
        held = self._db.execute(
            "SELECT id, kind, axes, names, nominal_rate_hz, lowest, highest FROM channel "
            "WHERE source = ? AND name = ?",
            (source, name),
        ).fetchone()
        if held is None:
            made = self._db.execute(
                "INSERT INTO channel VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (source, name, channel.kind, axes, json.dumps(names), *facts),
            )
            return int(made.lastrowid or 0), names
        key, kind, held_axes, held_names, *held_facts = held
        if (kind, held_axes) != (channel.kind, axes):
            raise DataError(
                f"{name} of this source has other axes, or another kind, than {self._path} holds: "
                "name another store"
            )
        all_names = list(json.loads(held_names))
        all_names += [new for new in names if new not in all_names]
        agreed = [old if old == new else None for old, new in zip(held_facts, facts)]
        self._db.execute(
            "UPDATE channel SET names = ?, nominal_rate_hz = ?, lowest = ?, highest = ? "
            "WHERE id = ?",
            (json.dumps(all_names), *agreed, key),
        )
        return int(key), all_names

    # --- reading ---

    def _sources(self) -> list[tuple[int, str, str, str, str]]:
        return self._db.execute(
            "SELECT id, name, device_class, zone, person FROM source ORDER BY id"
        ).fetchall()

    def _recording(
        self, key: int, name: str, device_class: str, zone: str, person: str
    ) -> Recording:
        findings = self._db.execute(
            "SELECT what, SUM(count), channel FROM finding f JOIN import i ON i.id = f.import "
            "WHERE source = ? GROUP BY what, channel ORDER BY MIN(f.rowid)",
            (key,),
        )
        keys = self._db.execute("SELECT name, id FROM channel WHERE source = ? ORDER BY id", (key,))
        channels = {name: self._channel(channel, *_ALL) for name, channel in keys.fetchall()}
        return Recording(
            name,
            device_class,
            zone,
            {label: channel for label, channel in channels.items() if channel.span_ns != (0, 0)},
            tuple(Finding(*row) for row in findings),
            person,
        )

    def _counted(self, key: int, slow: bool) -> tuple[int, tuple[int, int]]:
        if slow:
            count, start, end = self._db.execute(
                "SELECT COUNT(*), MIN(time_ns), MAX(until_ns) FROM slow WHERE channel = ?", (key,)
            ).fetchone()
            return count, (start or 0, end or 0)
        held = store_segments.held_segments(self._db, key)
        if not held:
            return 0, (0, 0)
        end = max(start + round(samples * SECOND_NS / rate) for start, rate, samples in held)
        return sum(samples for _, _, samples in held), (held[0][0], end)

    def _channel(self, key: int, start_ns: int, end_ns: int) -> Channel:
        kind, axes, names, nominal, lowest, highest, longest = self._db.execute(
            "SELECT kind, axes, names, nominal_rate_hz, lowest, highest, longest_ns FROM channel "
            "WHERE id = ?",
            (key,),
        ).fetchone()
        if kind not in KINDS:
            raise DataError(
                f"{self._path} holds {kind}, which this holter does not know: update it"
            )
        if axes is None:
            rows = store_rows.read_rows(self._db, key, start_ns, end_ns, longest)
            columns = (rows.time, rows.until, rows.value, rows.offset)
            return Series(kind, *columns, tuple(json.loads(names)))
        limits = None if lowest is None or highest is None else (lowest, highest)
        named = tuple(json.loads(axes))
        segments = store_segments.segments(self._db, key, start_ns, end_ns, len(named))
        return Waveform(kind, named, segments, nominal, limits)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """One state of the store for all that is read; what cannot be so is damage."""
        with self._mended():
            self._db.execute("BEGIN")
            try:
                yield
            except DataError:
                raise
            except (ValueError, TypeError, ArithmeticError):
                raise DataError(_DAMAGED.format(self._path)) from None
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _mended(self, outcome: str = "") -> Iterator[None]:
        """outcome: what an error means for what was to be written."""
        try:
            yield
        except store_segments.Damaged:
            raise DataError(_DAMAGED.format(self._path)) from None
        except sqlite3.Error as error:
            raise DataError(self._told(error, outcome)) from None

    def _told(self, error: sqlite3.Error, outcome: str) -> str:
        code = getattr(error, "sqlite_errorcode", 0)
        if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return _DAMAGED.format(self._path)
        if code & 0xFF in _BUSY:
            return (
                f"{self._path}: another process uses the store; waited {self._wait:g} s for it: "
                "try again later"
            )
        if code == sqlite3.SQLITE_READONLY_ROLLBACK:
            return (
                f"{self._path}: an import was cut off and must be undone first; holter data "
                "inspect of this file alone does that"
            )
        ending = f"; {outcome}" if outcome else ""
        return f"{self._path}: the store cannot be used: {store_file.reason(error)}{ending}"


def _axes(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(json.loads(text))
