"""What the messages of a FIT file mean: rows of channels, in the file's own seconds.

Running totals become amounts of an interval, short time stamps become whole ones, beats are put
behind one another. Tables first say which field of which message gives which kind; then read
``Collected.take``, one message at a time. The bytes are parsed, and the rows given their times,
by ``fit``. Positions, names and serial numbers are never taken over.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

EPOCH_SECONDS = 631_065_600  # FIT counts from 1989-12-31 00:00 UTC
_BACKWARDS_SECONDS = 600  # a short stamp this little before the last one did not wrap around
_BEATS_BEHIND_SECONDS = 10.0  # beats this far behind the records: some are missing in between
_BEATS_AHEAD_SECONDS = 60.0  # records pause while beats go on; further ahead is a false interval

# field -> (kind, unit). Of two names for one thing the first that has a value is taken.
_OF_RECORDS: Sequence[tuple[tuple[str, ...], str, str | None]] = (
    (("heart_rate",), "heart_rate", None),
    (("cadence",), "cadence", "rpm"),
    (("enhanced_speed", "speed"), "speed", None),
    (("power",), "power", None),
    (("enhanced_altitude", "altitude"), "altitude", None),
    (("temperature",), "skin_temperature", "C"),
)
_OF_MESSAGES: Mapping[str, Sequence[tuple[str, str, str | None]]] = {
    "stress_level": (("stress_level_value", "stress_score", None),),
    "spo2_data": (("reading_spo2", "spo2", None),),
    "respiration_rate": (("respiration_rate", "respiration_rate", None),),
    "hrv_value": (("value", "hrv_rmssd", None),),
    "monitoring_hr_data": (("resting_heart_rate", "resting_heart_rate", None),),
    "weight_scale": (("weight", "weight", None), ("percent_fat", "body_fat", None)),
    "blood_pressure": (
        ("systolic_pressure", "blood_pressure_systolic", None),
        ("diastolic_pressure", "blood_pressure_diastolic", None),
    ),
}
_STAGES = {1: 0.0, 2: 1.0, 3: 2.0, 4: 3.0}  # FIT's awake, light, deep, rem -> SLEEP_STAGES
_STEP_TYPES = ("walking", "running")  # of these types a cycle is a step; of others a stroke
# Samples of sensors that could be read and are not, so that their absence is said:
_UNREAD = (
    "hr",
    "beat_intervals",
    "raw_bbi",
    "accelerometer_data",
    "gyroscope_data",
)


@dataclass
class Collected:
    """What the messages of one file said, in the file's own seconds."""

    rows: dict[str, list[tuple[float, float, float]]] = field(default_factory=dict)
    units: dict[str, str | None] = field(default_factory=dict)
    workouts: list[tuple[float, float, str]] = field(default_factory=list)
    laps: list[tuple[float, float, str]] = field(default_factory=list)
    stages: list[tuple[float, float]] = field(default_factory=list)
    totals: dict[str, float] = field(default_factory=dict)
    odd: Counter[str] = field(default_factory=Counter)
    file_type: str = ""
    maker: str = ""
    product: str = ""
    local_pair: tuple[int, int] | None = None  # (timestamp, local timestamp) of one moment
    begins_at_midnight: bool = False
    now: int | None = None  # the last stamp
    before: int | None = None  # the monitoring stamp before ``now``
    newest: int | None = None  # the last monitoring stamp
    beat: float | None = None  # when the last beat was

    def take(self, name: str, values: Mapping[str, Any], raws: Mapping[str, Any]) -> None:
        """One message. values: decoded; raws: as stored; both without fields that are empty."""
        time = self._stamp(raws)
        match name:
            case "file_id":
                self.file_type = str(values.get("type", ""))
                self.maker = str(values.get("manufacturer", ""))
                self.totals.clear()  # the next file of a chain counts anew
                self.newest = self.beat = None
                self.product = str(values.get("garmin_product", values.get("product", "")))
            case "record":
                for names, kind, unit in _OF_RECORDS:
                    value = next((values[n] for n in names if n in values), None)
                    self._moment(kind, time, value, unit)
                if time is not None and "distance" in values:
                    total = self._number(values["distance"])
                    self._amount("distance", "distance", total, time, time, known_start=False)
            case "monitoring":
                self._monitoring(time, values, raws)
            case "monitoring_info" | "activity":
                self._local(time, raws)
            case "hrv":
                self._beats(values.get("time"))
            case "session" | "lap":
                self._workout(name, time, values, raws)
            case "sleep_level":
                stage = _STAGES.get(raws.get("sleep_level", 0), float("nan"))
                if time is not None:
                    self.stages.append((time, stage))
            case "stress_level":
                self._moment("stress_score", raws.get("stress_level_time", time),
                             values.get("stress_level_value"), None)  # fmt: skip
            case _ if name in _OF_MESSAGES:
                for source, kind, unit in _OF_MESSAGES[name]:
                    self._moment(kind, time, values.get(source), unit)
            case _ if name in _UNREAD:
                self.odd["messages of sensors that are not read"] += 1

    def _stamp(self, raws: Mapping[str, Any]) -> int | None:
        """The message's time. A 16-bit stamp is the low half of one that follows the last."""
        whole_stamp, short = raws.get("timestamp"), raws.get("timestamp_16")
        if isinstance(whole_stamp, int):
            self.now = whole_stamp
            return whole_stamp
        if isinstance(short, int) and self.now is not None:
            ahead = (short - self.now) & 0xFFFF
            if ahead > 0x10000 - _BACKWARDS_SECONDS:
                ahead -= 0x10000
            self.now += ahead
            return self.now
        return None

    def _number(self, value: Any) -> float | None:
        """A decoded value as a number; None, counted, if it is something else."""
        if isinstance(value, (int, float)) and math.isfinite(value):
            return float(value)
        if value is not None:
            self.odd["values that are not numbers, left out"] += 1
        return None

    def _moment(self, kind: str, time: Any, value: Any, unit: str | None) -> None:
        if value is None:
            return
        number = self._number(value)
        if number is None:
            return
        if not isinstance(time, int):
            self.odd["values without a time, left out"] += 1
            return
        self._row(kind, time, time, number, unit)

    def _row(
        self, kind: str, begin: float, end: float, value: float, unit: str | None = None
    ) -> None:
        self.rows.setdefault(kind, []).append((begin, end, value))
        self.units[kind] = unit

    def _amount(
        self, kind: str, key: str, total: float | None, begin: float, end: float, *,
        known_start: bool,
    ) -> None:  # fmt: skip
        """A running total -> what came since the last one of ``key``, between begin and end."""
        if total is None:
            return
        last = self.totals.get(key, 0.0 if known_start else None)
        self.totals[key] = total
        if kind == "distance":  # its span begins at the last record that had a distance
            begin = self.totals.get("distance:time", begin)
            self.totals["distance:time"] = end
        if last is None:
            if total > 0:
                self.odd[f"first running totals of {kind}, taken as the start"] += 1
            return
        if total < last:
            self.odd[f"running totals of {kind} that began anew"] += 1
            last = 0.0
        if kind == "steps" or end > begin:
            self._row(kind, begin, end, total - last)

    def _monitoring(
        self, time: int | None, values: Mapping[str, Any], raws: Mapping[str, Any]
    ) -> None:
        if time is not None and time != self.newest:
            self.before, self.newest = self.newest, time
        self._moment("heart_rate", time, values.get("heart_rate"), None)
        self._moment("activity_intensity", time, raws.get("intensity"), None)
        sort = str(values.get("activity_type", ""))
        steps = raws.get("cycles")
        if steps is None or sort not in _STEP_TYPES:
            return
        if time is None:
            self.odd["values without a time, left out"] += 1
            return
        # A monitoring message speaks of the time since the monitoring message before it.
        begin = self.before if self.before is not None and self.before <= time else time
        self._amount(
            "steps", f"steps:{sort}", self._number(steps), begin, time,
            known_start=self.begins_at_midnight,
        )  # fmt: skip

    def _local(self, time: int | None, raws: Mapping[str, Any]) -> None:
        wall = raws.get("local_timestamp")
        if time is None or not isinstance(wall, int):
            return
        self.local_pair = (time, wall)
        # Totals count from local midnight; a file that begins later begins in their middle.
        self.begins_at_midnight = (wall + EPOCH_SECONDS) % 86_400 == 0 and not self.totals

    def _beats(self, times: Any) -> None:
        """Beats one after another; FIT gives them no time but their place among the records."""
        for seconds in times if isinstance(times, tuple) else (times,):
            interval = self._number(seconds)
            if interval is None:
                continue
            if self.now is None:
                self.odd["values without a time, left out"] += 1
                continue
            after = None if self.beat is None else self.beat + interval
            if (
                after is None
                or not -_BEATS_BEHIND_SECONDS <= after - self.now <= _BEATS_AHEAD_SECONDS
            ):
                if after is not None:
                    self.odd["places where beats are missing, placed anew by the records"] += 1
                after = float(self.now)
            self.beat = after
            self._row("rr_interval", after, after, interval)

    def _workout(
        self, name: str, time: int | None, values: Mapping[str, Any], raws: Mapping[str, Any]
    ) -> None:
        begin, seconds = raws.get("start_time"), values.get("total_elapsed_time")
        if not isinstance(begin, int):
            self.odd["workouts without a start, left out"] += 1
            return
        lasted = self._number(seconds)
        end = float(time if time is not None else begin) if lasted is None else begin + lasted
        sport = str(values.get("sport", "unknown"))[:40]
        (self.workouts if name == "session" else self.laps).append((begin, end, sport))
        if name == "session" and "total_calories" in values:
            energy = self._number(values["total_calories"])
            if energy is not None:
                self._row("energy", begin, end, energy)
