"""The many ways to write a time -> nanoseconds of UTC, with what is doubtful counted.

Wall-clock times without a zone are read in the zone that the holder names; without one they
stay wall-clock times (as if UTC) and the recording's zone is "". When clocks are set back, an
hour comes twice: its rows are told apart by their order. An hour that does not exist, when
clocks are set forward, is moved forward by the same hour; both are counted.

Read in order: ``in_zone`` (columns of wall-clock nanoseconds, the one way to place them) and
``local`` (the same for a few datetimes), then ``iso`` and ``parsed`` (texts). Whole columns of
texts, with offsets row by row, are read by ``time_columns``; dates that can be read month first
or day first by ``doubtful_dates``.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.recording import DAY_NS, EARLIEST_NS, LATEST_NS, SECOND_NS

Integers = npt.NDArray[np.int64]
Minutes = npt.NDArray[np.int16]
Note = Callable[[str, int], None]

WALL_CLOCK = "times without a zone, kept as wall-clock times (name their zone)"
NO_TIME = np.iinfo(np.int64).min  # what ``gathering`` leaves out and counts
MINUTE_NS = 60 * SECOND_NS
_MOST_NS = np.iinfo(np.int64).max
_FIRST_YEAR, _LAST_YEAR = 1701, 2261  # what fits 64 bits of nanoseconds, with a day to spare
_LATE_NS = 5 * MINUTE_NS  # rows this little out of order do not mean that the clock went back
_HOUR_NS = 60 * MINUTE_NS
_EPOCH = datetime.datetime(1970, 1, 1)
_UTC_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_FIRST_NS, _END_NS = (
    (datetime.datetime(year, 1, 1) - _EPOCH).days * DAY_NS for year in (_FIRST_YEAR, _LAST_YEAR + 1)
)


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises DataError."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise DataError(
            f"{name!r} is not a zone; write an IANA name such as Europe/Berlin"
        ) from None


def in_zone(wall_ns: Integers, zone: str | None, note: Note) -> tuple[Integers, Minutes]:
    """Wall-clock times, as if UTC, in the order of recording -> (UTC, offset in minutes).

    Without a zone they stay as they are. Of an hour that comes twice the second pass begins
    where the clock goes back by more than five minutes. NO_TIME stays NO_TIME, and so becomes
    what lies outside the years 1701 to 2261. note: told of doubtful rows and how many they are.
    """
    if not zone:
        note(WALL_CLOCK, int(((wall_ns >= EARLIEST_NS) & (wall_ns <= LATEST_NS)).sum()))
        return wall_ns.copy(), np.zeros(len(wall_ns), np.int16)
    where = zone_of(zone)
    times, away = np.full(len(wall_ns), NO_TIME), np.zeros(len(wall_ns), np.int16)
    rows = np.flatnonzero((wall_ns >= _FIRST_NS) & (wall_ns < _END_NS))
    wall = wall_ns[rows]
    seconds, twice, absent = _offsets_of(wall, where)
    note("times in an hour that comes twice (clocks set back), told apart by order", len(twice))
    note("times in an hour that does not exist (clocks set forward), moved on", absent)
    times[rows] = wall - seconds * SECOND_NS
    away[rows] = seconds // 60
    return times, away


def local(
    moments: Sequence[datetime.datetime | None], zone: str | None, note: Note
) -> tuple[Integers, Minutes]:
    """``in_zone`` for a few datetimes; None becomes NO_TIME, one with an offset keeps its own."""
    known = [m if m is not None and _FIRST_YEAR <= m.year <= _LAST_YEAR else None for m in moments]
    own = np.array([m is not None and m.tzinfo is not None for m in known], dtype=bool)
    times = np.array([NO_TIME if m is None else nanoseconds(m) for m in known], dtype=np.int64)
    away = np.array([0 if m is None else offset_minutes(m) for m in known], dtype=np.int16)
    if zone:
        placed, offsets = in_zone(np.where(own, NO_TIME, times), zone, note)
        times, away = np.where(own, times, placed), np.where(own, away, offsets)
    return times, away


def _offsets_of(wall: Integers, where: ZoneInfo) -> tuple[Integers, Integers, int]:
    """(seconds ahead of UTC, which rows are in an hour that comes twice, how many in none).

    Offsets are asked for once a day, and only on days on which they change once a minute.
    """
    days, codes = np.unique(wall // DAY_NS, return_inverse=True)
    first = np.array([_asked(int(day) * 86_400, where)[0] for day in days], dtype=np.int64)
    # the second pass of the next midnight: Newfoundland's clocks were set back at 00:01
    nexts = [_asked((int(day) + 1) * 86_400, where)[1] for day in days]
    changes = first != np.array(nexts, dtype=np.int64)
    seconds = first[codes]
    rows = np.flatnonzero(changes[codes])
    minutes, places = np.unique(wall[rows] // MINUTE_NS, return_inverse=True)
    asked = np.array([_asked(int(m) * 60, where) for m in minutes], dtype=np.int64).reshape(-1, 2)
    early, late = asked[places, 0], asked[places, 1]
    seconds[rows] = early  # of an hour that does not exist this one moves it on
    twice = rows[early > late]
    second_pass = _second_pass(wall, twice)
    seconds[twice[second_pass]] = late[early > late][second_pass]
    return seconds, twice, int((early < late).sum())


def _asked(wall_seconds: int, where: ZoneInfo) -> tuple[int, int]:
    """Seconds ahead of UTC at a wall-clock time, in its first and in its second pass."""
    moment = (_EPOCH + datetime.timedelta(seconds=wall_seconds)).replace(tzinfo=where)
    first, second = moment.utcoffset(), moment.replace(fold=1).utcoffset()
    assert first is not None and second is not None
    return int(first.total_seconds()), int(second.total_seconds())


def _second_pass(wall: Integers, twice: Integers) -> npt.NDArray[np.bool_]:
    """Which of the rows in an hour that comes twice are of its second pass.

    Rows that follow one another in the same hour are looked at together: from where the clock
    went back they are of the second pass. A stretch that begins with a row a little older than
    the one before, which was past the hour, is late rows of the second pass.
    """
    second = np.zeros(len(twice), dtype=bool)
    apart = (np.diff(twice) > 1) | (np.abs(np.diff(wall[twice])) > DAY_NS // 2)
    for part in np.split(np.arange(len(twice)), np.flatnonzero(apart) + 1):
        if not len(part):
            continue
        clock, before = wall[twice[part]], int(twice[part[0]]) - 1
        if before >= 0 and 0 < wall[before] - clock[0] <= _HOUR_NS:
            second[part] = True
            continue
        back = np.flatnonzero(clock < np.maximum.accumulate(clock) - _LATE_NS)
        if len(back):
            second[part[back[0] :]] = True
    return second


def offsets_in(utc_ns: Integers, zone: str | None) -> Minutes:
    """Local time minus UTC, in minutes, of moments in a zone; 0 without one."""
    away = np.zeros(len(utc_ns), np.int16)
    if zone:
        where = zone_of(zone)
        good = (utc_ns >= EARLIEST_NS) & (utc_ns <= LATEST_NS)
        quarter = 900 * SECOND_NS  # clocks change on quarters of an hour
        starts, codes = np.unique(utc_ns[good] // quarter, return_inverse=True)
        known = [datetime.datetime.fromtimestamp(int(s) * 900, where) for s in starts]
        away[good] = np.array([offset_minutes(m) for m in known], dtype=np.int16)[codes]
    return away


def nanoseconds(moment: datetime.datetime) -> int:
    """UTC nanoseconds of an aware moment; of a naive one, as if it were UTC."""
    away = moment - (_EPOCH if moment.tzinfo is None else _UTC_EPOCH)
    return (away.days * 86_400 + away.seconds) * SECOND_NS + away.microseconds * 1000


def offset_minutes(moment: datetime.datetime) -> int:
    """How far a moment's own clock is ahead of UTC; 0 where it does not say."""
    away = moment.utcoffset()
    return int(away.total_seconds() // 60) if away is not None else 0


def iso_moment(text: str) -> datetime.datetime | None:
    """An ISO 8601 moment; None if it is none.

    Takes a blank for the T, a blank before the offset, as Apple writes, and «UTC» for Z.
    """
    words = text.strip()
    if len(words) > 40:
        return None
    if len(words) >= 6 and words[-6] == " " and words[-5] in "+-":
        words = words[:-6] + words[-5:]
    elif words.endswith(" UTC"):
        words = words[:-4] + "Z"
    try:
        return datetime.datetime.fromisoformat(words)
    except ValueError:
        return None


def iso(text: str) -> tuple[int, int] | None:
    """(UTC nanoseconds, offset in minutes) of an ISO 8601 moment; None if it is none.

    Also None beyond the year 2262, where 64 bits of nanoseconds end.
    """
    moment = iso_moment(text)
    if moment is None or abs(since := nanoseconds(moment)) > _MOST_NS:
        return None
    return since, offset_minutes(moment)


def parsed(texts: Sequence[str], pattern: str) -> list[datetime.datetime | None]:
    """Each text by a strptime pattern; None where it does not fit."""
    return [_one(text, pattern) for text in texts]


@lru_cache(maxsize=100_000)
def _one(text: str, pattern: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(text.strip(), pattern)
    except ValueError:
        return None


def unheard(_what: str, _count: int) -> None:
    """A ``note`` for doubts that are counted elsewhere, such as those of a span's other end."""
