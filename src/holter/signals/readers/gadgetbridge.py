"""Gadgetbridge: the SQLite database that the app exports, with a table for each family of devices.

Layout: the tables that Gadgetbridge's schema generator writes (GBDaoGenerator): *_ACTIVITY_SAMPLE
with TIMESTAMP in seconds, others in milliseconds, DEVICE_ID and USER_ID in all. A table is read
by the columns that it has, so that a family of devices which came later is read as well. Read in
order: ``FORMAT``, ``_tables`` (what may be read), ``_plan`` (which columns mean what, see
``gadgetbridge_tables``), ``_read_table``.

The file is foreign, and SQLite runs what a schema says: only plain columns of plain tables are
selected, by a connection that cannot write, trusts nothing in the schema and ends after a bounded
amount of work. Left to others: FIT files and sessions of sleep in a device's own bytes, RAW_KIND
of devices other than Huami's and Huawei's, energy (its unit differs by device and is not said).
"""

from __future__ import annotations

# Elsewhere below the world nothing opens a database. Here SQLite reads the very path that the
# world opened (``Files.path``), as other readers hand that path to their library: it cannot read
# a stream. It is opened read-only and immutable, so that nothing is written, not even a lock.
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.kinds import SLEEP_STAGES
from holter.signals.readers.files import Files, head
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.gadgetbridge_tables import (
    ACTIVITY,
    CLASS_WORDS,
    COLUMNS,
    ENDINGS,
    FAMILIES,
    KINDS,
    NOT_MEASURED,
    OFF_WRIST,
    STAGES,
    STEPS_OF_THE_DAY,
)
from holter.signals.readers.rows import Rows
from holter.signals.readers.times import MINUTE_NS, NO_TIME
from holter.signals.recording import LATEST_NS, SECOND_NS, Recording

MOST_ROWS = 8_000_000  # of one table: fifteen years of minutes, some 200 MB a channel
_MOST_TABLES = 1_000  # the app has about 200
_MOST_DEVICES = 1_000
_MOST_STEPS = 2_000_000_000  # of SQLite's machine for one database; MOST_ROWS rows need a third
_STEPS_A_LOOK = 1_000_000
_BATCH_ROWS = 10_000
_LOOKED_AT_BYTES = 8 * 1024 * 1024  # the schema lies at the beginning of the file
_MILLISECONDS_FROM = 100_000_000_000  # as seconds the year 5138, as milliseconds 1973

_ODD = "\x01"  # what a text or blob in a column of numbers is replaced by


@dataclass
class _Column:
    """A column to read: its place in the row, what it is and how it is stored."""

    kind: str
    scale: float = 1.0
    missing: tuple[float, ...] = ()
    of_the_minute: bool = False
    stages: Mapping[int, str] | None = None
    seconds: int = 0  # what one of DURATION is; 0: there is no such column
    off_wrist: bool = False


@dataclass
class _Device:
    """What one device recorded of one user, and rows by family of tables."""

    rows: Rows = field(default_factory=Rows)
    families: dict[str, int] = field(default_factory=dict)


def _connected(path: str, name: str) -> sqlite3.Connection:
    """A connection that cannot write and trusts nothing in the schema. Raises DataError."""
    try:
        base = sqlite3.connect(f"file:{quote(path)}?mode=ro&immutable=1", uri=True)
        base.execute("PRAGMA query_only=ON")
        base.execute("PRAGMA trusted_schema=OFF")
        base.execute("PRAGMA cell_size_check=ON")
    except sqlite3.Error:
        raise DataError(f"{name} cannot be opened as an SQLite database") from None
    base.text_factory = bytes  # a text that is not UTF-8 is no reason to stop
    looks = 0

    def look() -> bool:
        nonlocal looks
        looks += 1
        return looks * _STEPS_A_LOOK > _MOST_STEPS  # True interrupts

    base.set_progress_handler(look, _STEPS_A_LOOK)
    return base


def _tables(base: sqlite3.Connection) -> Iterator[tuple[str, list[str]]]:
    """Plain tables of the app and their plain columns: no views, nothing that is computed."""
    named = base.execute("SELECT name FROM pragma_table_list WHERE type = 'table' ORDER BY name")
    names = [_word(row[0]) for row in named.fetchmany(_MOST_TABLES)]
    for name in names:
        if not (name.endswith("_SAMPLE") or name == "BATTERY_LEVEL"):
            continue
        found = base.execute("SELECT name, hidden FROM pragma_table_xinfo(?)", (name,)).fetchall()
        columns = [_word(column) for column, hidden in found if hidden == 0]
        if "TIMESTAMP" in columns and "DEVICE_ID" in columns:
            yield name, columns


def _word(name: object) -> str:
    """A name of the schema; "" where it is none that the app writes, so that it is not asked for."""
    text = name.decode("ascii", "replace") if isinstance(name, bytes) else ""
    return text if text.isascii() and text.replace("_", "").isalnum() else ""


def _plan(table: str, columns: Sequence[str]) -> dict[str, _Column]:
    """Which columns of a table are read, and as what."""
    if table.endswith(ACTIVITY) or table == "SONY_SWR12_SAMPLE":
        plan = {
            column: _Column(kind, 0.01 if unit == "cm" else 1.0, missing, minute)
            for column, (kind, unit, missing, minute) in COLUMNS.items()
            if column in columns and not (column == "STEPS" and table in STEPS_OF_THE_DAY)
        }
        if table in KINDS and "RAW_KIND" in columns:
            kind, stages = KINDS[table]
            off = table == "HUAMI_EXTENDED_ACTIVITY_SAMPLE"
            plan["RAW_KIND"] = _Column(
                kind, missing=NOT_MEASURED, of_the_minute=True, stages=stages, off_wrist=off
            )
        return plan
    if table in STAGES and "STAGE" in columns:
        stages, seconds = STAGES[table]
        seconds = seconds if "DURATION" in columns else 0
        return {"STAGE": _Column("sleep_stage", stages=stages, seconds=seconds)}
    for ending, (column, kind, missing) in ENDINGS.items():
        if table.endswith(ending) and column in columns:
            return {column: _Column(kind, missing=missing)}
    return {}


def _read_table(
    base: sqlite3.Connection,
    table: str,
    columns: Sequence[str],
    plan: Mapping[str, _Column],
    devices: dict[tuple[int, int], _Device],
) -> None:
    """The rows of a table -> channels of their devices. Raises DataError."""
    extra = [c for c in ("USER_ID", "OTHER_TIMESTAMP", "DURATION") if c in columns]
    wanted = ["TIMESTAMP", "DEVICE_ID", *extra, *plan]
    # typeof looks at a value's header alone: a text or a blob, however large, is never loaded
    words = ", ".join(
        f'CASE typeof("{c}") WHEN \'integer\' THEN "{c}" WHEN \'real\' THEN "{c}" '
        f"WHEN 'null' THEN NULL ELSE '{_ODD}' END"
        for c in wanted
    )
    rows = base.execute(f'SELECT {words} FROM "{table}"')
    place = {column: number for number, column in enumerate(wanted)}
    who_at, other_at = place.get("USER_ID"), place.get("OTHER_TIMESTAMP")
    values = [(place[column], about) for column, about in plan.items()]
    duration_at = place.get("DURATION", 0)
    family = table.partition("_")[0]
    known: dict[tuple[object, object], _Device] = {}  # the devices of this table
    count = 0
    while batch := rows.fetchmany(_BATCH_ROWS):
        count += len(batch)
        if count > MOST_ROWS:
            raise DataError(f"{table} has more than {MOST_ROWS:,} rows: export a shorter time")
        for row in batch:
            key = row[1], None if who_at is None else row[who_at]
            device = known.get(key)
            if device is None:
                device = known[key] = _device_of(key, devices)
                device.families.setdefault(family, 0)
            if family not in ("BATTERY", "GENERIC"):  # these say nothing of the family
                device.families[family] += 1
            other = None if other_at is None else row[other_at]
            _add(device, row, values, other_at is not None, other, duration_at)


def _device_of(key: tuple[object, object], devices: dict[tuple[int, int], _Device]) -> _Device:
    which, who = (number if isinstance(number, int) else -1 for number in key)
    place = which, who
    if key[1] is None:  # of the battery the app knows the device alone
        place = next((there for there in sorted(devices) if there[0] == which), place)
    found = devices.get(place)
    if found is None:
        if len(devices) >= _MOST_DEVICES:
            raise DataError(
                f"the database is of more than {_MOST_DEVICES:,} devices; it is refused"
            )
        found = devices[place] = _Device()
    return found


def _add(
    device: _Device,
    row: tuple[object, ...],
    values: Sequence[tuple[int, _Column]],
    spans: bool,
    other: object,
    duration_at: int,
) -> None:
    start = _nanoseconds(row[0])
    until = start if start == NO_TIME else start + MINUTE_NS
    if spans:  # Huawei: a row at the begin of a span and one at its end
        until = _nanoseconds(other)
        if NO_TIME < until < start:
            device.rows.count("rows that mark the end of another, left out")
            return
        until = max(until, start)
    for at, about in values:
        value = row[at]
        if isinstance(value, bytes):
            device.rows.count(f"values of {about.kind} that are no number, left out")
        elif not isinstance(value, (int, float)) or value in about.missing:
            continue
        elif about.stages is not None:
            if not about.of_the_minute:
                lasts = _span_ns(row[duration_at], start) if about.seconds else 0
                until = start + lasts * about.seconds
            _add_stage(device, about, start, until, value)
        else:
            if about.kind == "heart_rate" and -128 <= value < -1:
                value += 256  # Huawei's bytes have a sign
            device.rows.add(
                about.kind, start, until if about.of_the_minute else start, value * about.scale
            )


def _add_stage(device: _Device, about: _Column, start: int, until: int, stage: int | float) -> None:
    if about.off_wrist:
        device.rows.add("worn", start, until, 0.0 if stage in OFF_WRIST else 1.0)
    assert about.stages is not None
    name = about.stages.get(stage) if isinstance(stage, int) else None
    if name is not None:
        device.rows.add("sleep_stage", start, until, float(SLEEP_STAGES.index(name)))
    elif not about.of_the_minute:  # of the minute are kinds of activity too
        device.rows.count("stages of sleep that are not known, left out")


def _span_ns(seconds: object, start: int) -> int:
    """A DURATION of at most a day; 0 where it is none."""
    good = isinstance(seconds, int) and 0 <= seconds <= 86_400 and start != NO_TIME
    return seconds * SECOND_NS if good and isinstance(seconds, int) else 0


def _nanoseconds(stamp: object) -> int:
    """Seconds or milliseconds, told by their size -> nanoseconds."""
    if not isinstance(stamp, int) or not 0 < stamp < 100 * _MILLISECONDS_FROM:
        return NO_TIME
    if stamp >= _MILLISECONDS_FROM:
        return min(stamp * (SECOND_NS // 1000), LATEST_NS + 1)
    return min(stamp * SECOND_NS, LATEST_NS + 1)  # which gathering leaves out and counts


def _class_of(base: sqlite3.Connection, which: int, family: str) -> str:
    """What kind of device it is: by its family, else by a word in its name, which is not kept."""
    known = FAMILIES.get(family, ("", ""))[1]
    if known:
        return known
    try:
        found = base.execute('SELECT substr("NAME", 1, 100) FROM "DEVICE" WHERE _id = ?', (which,))
        row = found.fetchone()
    except sqlite3.Error:  # a database without the list of devices, or with another one
        return ""
    name = row[0].decode("utf-8", "replace").lower() if row and isinstance(row[0], bytes) else ""
    return next((is_ for word, is_ in CLASS_WORDS.items() if word in name), "")


def _read(files: Files, group: Group, options: Options) -> list[Recording]:
    (name,) = group
    devices: dict[tuple[int, int], _Device] = {}
    unread = 0
    base = _connected(files.path(name), name)
    try:
        # the battery last: its device is known by then
        for table, columns in sorted(_tables(base), key=lambda of: of[0] == "BATTERY_LEVEL"):
            if plan := _plan(table, columns):
                _read_table(base, table, columns, plan, devices)
            else:
                unread += base.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}")').fetchone()[0]
        classes = {
            key: _class_of(base, key[0], max(device.families, key=device.families.__getitem__))
            for key, device in devices.items()
        }
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            raise DataError(f"{name} takes more work than any export: it is refused") from None
        raise DataError(f"{name} is not a database of Gadgetbridge that can be read") from None
    except (sqlite3.Error, UnicodeDecodeError):  # SQLite's words about a damaged schema
        raise DataError(f"{name} is damaged or cut off: export the database again") from None
    finally:
        base.close()
    if not devices:
        raise DataError(f"{name}: a database of Gadgetbridge without any row that holter reads")
    users = sorted({who for _, who in devices})
    found = []
    for number, key in enumerate(sorted(devices), start=1):
        device = devices[key]
        family = max(device.families, key=device.families.__getitem__)
        words = FAMILIES.get(family, ("another device", ""))[0]
        source = f"Gadgetbridge, {words}" + (f", device {number}" if len(devices) > 1 else "")
        person = f"user {users.index(key[1]) + 1}" if len(users) > 1 else ""
        gathered = Gathered(source, classes[key], "UTC", person)
        device.rows.pour(gathered)
        found.append(gathered)
    full = [gathered for gathered in found if gathered.channels] or found[:1]
    full[0].note("tables that holter does not read", unread)
    full[0].note("write-ahead log beside the database, not read", int(f"{name}-wal" in files.names))
    return [gathered.recording() for gathered in full]


def _claims(files: Files, names: Sequence[str]) -> list[Group]:
    return [
        (name,)
        for name in names
        if head(files, name, 16) == b"SQLite format 3\0"
        and ACTIVITY.encode() in head(files, name, _LOOKED_AT_BYTES)
    ]


FORMAT = Format(
    name="gadgetbridge",
    title="a database of Gadgetbridge",
    claims=_claims,
    read=_read,
)
