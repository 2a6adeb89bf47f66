"""What an alarm would do to its wearers: false alarms an hour against events missed, by level.

For tasks whose answer rings a bell, such as a fall. Rates, not shares: 99 % right, a window at a
time, is still a false alarm every few minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holter.dash.numbers import count, decimal, percent
from holter.dash.reading import at, items, number


@dataclass(frozen=True)
class AlarmRow:
    """One level of probability from which the alarm is raised, as printed."""

    level: str
    missed: str
    per_hour: str
    median: str
    tenth_worst: str
    worst: str


@dataclass(frozen=True)
class Alarm:
    """The section: how much was seen, and a row for each level."""

    events: str
    hours: str
    rows: tuple[AlarmRow, ...]


def alarm_of(result: Mapping[str, Any]) -> Alarm | None:
    """The alarm of a result; None for a task that is none."""
    levels = items(result, "evaluation", "alarm")
    if not levels:
        return None
    return Alarm(
        count(number(levels[0], "events")),
        decimal(number(levels[0], "hours"), 1),
        tuple(
            AlarmRow(
                f"{number(level, 'level') or 0:g}",
                percent(number(level, "missed_share"))
                + f" ({count(number(level, 'missed'))} of {count(number(level, 'events'))})",
                decimal(number(level, "per_hour")),
                decimal(number(level, "person_median_per_hour")),
                decimal(number(level, "person_p90_per_hour")),
                decimal(number(level, "person_most_per_hour")),
            )
            for level in levels
            if isinstance(at(level), Mapping)
        ),
    )
