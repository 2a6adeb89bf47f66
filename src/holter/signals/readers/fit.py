"""FIT files of watches, bands and bicycle computers: activities and all-day monitoring.

The container is Garmin's «Flexible and Interoperable Data Transfer» protocol; fitdecode parses
its bytes (checksums included) and knows the names of messages and fields. What these mean is in
``fit_messages``: read ``Collected`` there first; ``_finish`` here gives times to its rows.
"""

from __future__ import annotations

import datetime
import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError, ExtraMissing
from holter.signals.gathering import Gathered
from holter.signals.readers.files import Files, head, whole
from holter.signals.readers.fit_messages import EPOCH_SECONDS, Collected
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.times import NO_TIME, local, zone_of
from holter.signals.recording import SECOND_NS, Recording

MOST_BYTES = 16 * 1024 * 1024  # a day of a record each second has 4 MB, and takes a minute
_SINCE_POWER_ON = 0x10000000  # smaller stamps count from when the device was switched on
_WIDEST_OFFSET_SECONDS = 14 * 3600
_BANDS = ("vivo_fit", "vivofit", "vivo_smart", "vivosmart", "vivoki")
_NOT_WORN = ("edge", "oregon", "gpsmap", "etrex", "index", "tacx", "virb", "rally", "vector")
_WATCHMAKERS = ("garmin", "suunto", "coros", "polar_electro", "amazfit", "timex")


def _claims(files: Files, names: Sequence[str]) -> list[Group]:
    return [(name,) for name in names if head(files, name, 12)[8:12] == b".FIT"]


def _read(files: Files, group: Group, options: Options) -> list[Recording]:
    name = group[0]
    collected = Collected()
    for message in _messages(whole(files, name, MOST_BYTES), name):
        collected.take(*message)
    return [_finish(collected, name, options)]


def _messages(data: bytes, name: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(name, values, raw values) of every data message. Raises DataError."""
    try:
        import fitdecode
    except ImportError:
        raise ExtraMissing("FIT files", "fit") from None
    # What fitdecode lets out on damaged bytes: its own errors, and those of the steps that
    # trust a definition message (sizes, look-ups, asserts, numbers beyond their type).
    damage = (fitdecode.FitError, struct.error, AssertionError, AttributeError, LookupError,
              OverflowError, TypeError, ValueError)  # fmt: skip
    try:
        # No processor: dates stay the integers that are stored, so short ones are seen.
        with fitdecode.FitReader(
            data, processor=None, check_crc=fitdecode.CrcCheck.RAISE,
            error_handling=fitdecode.ErrorHandling.IGNORE,
        ) as reader:  # fmt: skip
            for frame in reader:
                if frame.frame_type != fitdecode.FIT_FRAME_DATA:
                    continue
                values: dict[str, Any] = {}
                raws: dict[str, Any] = {}
                for part in frame.fields:
                    known = part.field is not None and part.field.field_type != "devfield"
                    if known and part.value is not None:  # an app's field may have any unit
                        values.setdefault(part.name, part.value)
                        raws.setdefault(part.field.name, part.raw_value)
                        if part.parent_field is not None:  # «steps» is a reading of «cycles»
                            raws.setdefault(part.parent_field.name, part.raw_value)
                yield frame.name, values, raws
    except damage as error:
        why = " ".join(str(error).split())[:120] or type(error).__name__
        raise DataError(f"{name} is a damaged FIT file ({why}): export it again") from None


def _finish(found: Collected, name: str, options: Options) -> Recording:
    worn = _device_class(found)
    if worn == "":
        outside = len(found.rows.pop("skin_temperature", ()))
        found.odd["temperatures of a device that is not on the skin, left out"] += outside
    workouts = found.workouts or found.laps
    if not found.rows and not workouts and not found.stages:
        left = "; ".join(f"{what} ({count})" for what, count in found.odd.items() if count)
        raise DataError(
            f"{name}: nothing is recorded in this FIT file of type {found.file_type or 'unknown'}"
            f"{f' ({left})' if left else ''}; export the activity or the monitoring files"
        )
    words = " ".join(word for word in (found.maker, found.product) if word and word.isascii())
    gathered = Gathered(f"FIT, {words}" if words else "FIT", worn, options.zone or "UTC")
    shift, offset = _clock(found, gathered, options)

    def at(seconds: Sequence[float]) -> npt.NDArray[np.int64]:
        stamps = np.asarray(seconds, dtype=np.float64)
        early = stamps < _SINCE_POWER_ON
        moved = np.where(early, stamps + (shift or 0), stamps)
        full = np.floor(moved)
        times = (full.astype(np.int64) + EPOCH_SECONDS) * SECOND_NS
        times += np.rint((moved - full) * SECOND_NS).astype(np.int64)
        return np.where(early & (shift is None), NO_TIME, times)

    for kind, rows in sorted(found.rows.items()):
        if kind in ("steps", "distance"):  # walked and run in one interval: one amount
            amounts: dict[tuple[float, float], float] = defaultdict(float)
            for start, stop, amount in rows:
                amounts[start, stop] += amount
            rows = [(start, stop, amount) for (start, stop), amount in amounts.items()]
        begin, end, value = zip(*rows, strict=True)
        gathered.series(
            kind, at(begin), value, until_ns=at(end), unit=found.units.get(kind),
            offset_minutes=offset,
        )  # fmt: skip
    if workouts:
        names = sorted({sport for _, _, sport in workouts})[:256]
        codes = [float(names.index(s)) if s in names else float("nan") for _, _, s in workouts]
        gathered.series(
            "workout", at([w[0] for w in workouts]), codes, until_ns=at([w[1] for w in workouts]),
            offset_minutes=offset, names=names,
        )  # fmt: skip
    if found.stages:  # a stage lasts until the next one; of the last the end is not said
        stages = sorted(found.stages, key=lambda row: row[0])
        begins = [row[0] for row in stages]
        gathered.series(
            "sleep_stage", at(begins), [row[1] for row in stages],
            until_ns=at([*begins[1:], begins[-1]]), offset_minutes=offset,
        )  # fmt: skip
        gathered.note("last stages of sleep, whose end is not said", 1, "sleep_stage")
    for what, count in sorted(found.odd.items()):
        gathered.note(what, count)
    return gathered.recording()


def _clock(found: Collected, gathered: Gathered, options: Options) -> tuple[int | None, int]:
    """(seconds to add to stamps since power-on, or None; local time minus UTC in minutes)."""
    if options.zone:
        zone_of(options.zone)
    if found.local_pair is None:
        return None, 0
    stamp, wall = found.local_pair
    if wall < _SINCE_POWER_ON:
        return None, 0
    if stamp < _SINCE_POWER_ON:
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=wall + EPOCH_SECONDS)
        notes: dict[str, int] = defaultdict(int)
        utc, offsets = local([moment], options.zone, notes.__setitem__)
        for what, count in notes.items():
            gathered.note(what, count)
        gathered.zone = options.zone or ""
        gathered.note("times since the device was switched on, placed by its local time", 1)
        return int(utc[0]) // SECOND_NS - EPOCH_SECONDS - stamp, int(offsets[0])
    away = wall - stamp
    if abs(away) > _WIDEST_OFFSET_SECONDS:
        gathered.note("local times that are impossibly far from UTC, left out", 1)
        return None, 0
    return None, round(away / 900) * 15  # zones differ from UTC by quarters of an hour


def _device_class(found: Collected) -> str:
    product = found.product.lower()
    if product.startswith("hrm"):
        return "chest strap"
    if product.startswith(_BANDS):
        return "band"
    if product.startswith(_NOT_WORN):
        return ""
    wrist = found.maker in _WATCHMAKERS or found.file_type.startswith("monitoring")
    return "watch" if wrist else ""


FORMAT = Format("fit", "a FIT file of a watch or a bicycle computer", _claims, _read, "fit")
