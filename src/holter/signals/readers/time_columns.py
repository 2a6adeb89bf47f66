"""Whole columns of times whose form is known -> nanoseconds of UTC and offsets.

``instants`` takes a column as a table holds it: text in ISO 8601 or by a pattern, numbers since
1970, arrays of moments; and, where a table has one, a column that says row by row how far from
UTC the row was recorded. Dates that can be read two ways are left to ``doubtful_dates``; zones
and clocks that change to ``times``.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.readers.tables import Cells, coded
from holter.signals.readers.times import (
    MINUTE_NS,
    NO_TIME,
    Integers,
    Minutes,
    Note,
    in_zone,
    iso_moment,
    nanoseconds,
    offset_minutes,
    offsets_in,
    parsed,
    zone_of,
)
from holter.signals.recording import DAY_NS, EARLIEST_NS, LATEST_NS, SECOND_NS

EPOCHS = {"s": SECOND_NS, "ms": 1_000_000, "us": 1_000, "ns": 1}  # nanoseconds in one
_OFFSET = re.compile(r"(?:UTC|GMT)?\s*(?:Z|([+-])(\d{1,2})(?::?(\d{2}))?)?")


def instants(
    cells: Cells,
    form: str,
    *,
    zone: str | None,
    offsets: Sequence[str] | None = None,
    utc: bool = False,
    note: Note,
) -> tuple[Integers, Minutes]:
    """A column of times -> (UTC nanoseconds, offset in minutes); NO_TIME where there is none.

    form: "iso", one of ``EPOCHS``, or a strptime pattern. zone: IANA name for wall-clock times.
    offsets: a cell a row, such as UTC+0200, +02:00 or Europe/Berlin. utc: the times are UTC,
    and zone and offsets only say which day it was there.
    """
    own = np.zeros(len(cells), bool)  # rows whose time says its offset itself
    away = np.zeros(len(cells), np.int16)
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "M":
        times = cells.astype("datetime64[ns]").astype(np.int64)
    elif form in EPOCHS:
        times, utc = _epochs(cells, EPOCHS[form]), True
    else:
        texts = [str(cell) for cell in cells]
        moments = [iso_moment(text) for text in texts] if form == "iso" else parsed(texts, form)
        times = np.array([NO_TIME if m is None else _moment_ns(m) for m in moments], dtype=np.int64)
        own = np.array([m is not None and m.tzinfo is not None for m in moments], dtype=bool)
        away = np.array([offset_minutes(m) if m else 0 for m in moments], dtype=np.int16)
    if offsets is not None:
        placed, said = _with_offsets(np.where(own, NO_TIME, times), offsets, utc, own, note)
        return np.where(own, times, placed), np.where(own, away, said)
    if utc:
        return times, offsets_in(times, zone)
    # «Z» says the moment, not where it was; the holder's zone does
    away = np.where(own & (away == 0), offsets_in(times, zone), away)
    placed, said = in_zone(np.where(own, NO_TIME, times), zone, note)
    return np.where(own, times, placed), np.where(own, away, said)


def _with_offsets(
    times: Integers, offsets: Sequence[str], utc: bool, own: npt.NDArray[np.bool_], note: Note
) -> tuple[Integers, Minutes]:
    """Times whose rows say how far from UTC, or in which zone, they were recorded."""
    out = times.copy() if utc else np.full(len(times), NO_TIME)
    away, unknown = np.zeros(len(times), np.int16), 0
    texts, codes = coded(offsets)
    for code, text in enumerate(texts):
        rows = np.flatnonzero((codes == code) & ~own)
        offset, told = _offset(text), times[rows]
        if offset is None:
            unknown += len(rows)
        elif isinstance(offset, str):
            out[rows], away[rows] = (
                (told, offsets_in(told, offset)) if utc else in_zone(told, offset, note)
            )
        else:
            away[rows] = offset
            if not utc:
                out[rows] = np.where(told == NO_TIME, NO_TIME, told - offset * MINUTE_NS)
    note(f"rows whose offset from UTC cannot be read, {'taken as UTC' if utc else 'left out'}",
         unknown)  # fmt: skip
    return out, away


def _offset(text: str) -> int | str | None:
    """Minutes of «UTC+0200», «+02:00», «UTCZ» or «Z»; an IANA name as it is; None: neither."""
    words = text.strip()
    if "/" in words and len(words) <= 64:
        try:
            zone_of(words)
        except DataError:
            return None
        return words
    found = _OFFSET.fullmatch(words) if words else None
    if found is None:
        return None
    if found[1] is None:
        return 0
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    return None if minutes > 15 * 60 else minutes * (-1 if found[1] == "-" else 1)


def _epochs(cells: Cells, unit_ns: int) -> Integers:
    """Numbers since 1970 -> nanoseconds; whole numbers exactly, others to the microsecond."""
    most = LATEST_NS // unit_ns
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "iu":
        good = (cells >= 0) & (cells <= most)
        return np.where(good, np.where(good, cells, 0).astype(np.int64) * unit_ns, NO_TIME)
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "f":
        good = (cells >= 0) & (cells <= most)
        microseconds = np.round(np.where(good, cells, 0) * (unit_ns / 1000)).astype(np.int64)
        return np.where(good, microseconds * 1000, NO_TIME)
    out = np.full(len(cells), NO_TIME, dtype=np.int64)
    for row, cell in enumerate(cells):
        text = str(cell).strip()
        try:
            number = int(text) if text.isdigit() and len(text) < 25 else float(text)
        except ValueError:
            continue
        if 0 <= number <= most:
            exact = isinstance(number, int)
            out[row] = number * unit_ns if exact else round(number * unit_ns / 1000) * 1000
    return out


def _moment_ns(moment: datetime.datetime) -> int:
    """Nanoseconds of a moment; NO_TIME where nobody recorded: year 9999 does not fit in 64 bits."""
    time = nanoseconds(moment)
    return time if EARLIEST_NS - DAY_NS <= time <= LATEST_NS + DAY_NS else NO_TIME
