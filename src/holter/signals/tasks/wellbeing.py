"""Tomorrow from the days before: will the wearer move less, as usual, or more than usual?

Daily tables have gaps: days when the device lay in a drawer, nights without sleep recorded. A
gap stays a gap. What is usual is the wearer's own and of the past alone: the middle third of
the steps of all earlier days, so no label looks at a day that has not come.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.prepare import Recorded
from holter.signals.recording import DAY_NS, Recording, Series
from holter.signals.tasks.cutting import recorded
from holter.signals.tasks.task import Need, Published, Task

DAYS = 7  # a window is a week
LEAST_DAYS = 7  # earlier days with steps before «usual» means anything
WORN_STEPS = 100  # fewer steps on a whole day: it was not worn
_MINUTE_NS = 60_000_000_000
# What is read of a day: kind, how rows of a day become one number, and public scaling.
_DAILY: tuple[tuple[str, str, float, float], ...] = (
    ("steps", "sum", 8000.0, 5000.0),
    ("active_minutes", "sum", 200.0, 120.0),
    ("sedentary_minutes", "sum", 900.0, 250.0),
    ("energy", "sum", 2300.0, 700.0),
    ("sleep_duration", "sum", 420.0, 90.0),
    ("resting_heart_rate", "mean", 62.0, 8.0),
)


class Wellbeing(Task):
    """Less, usual or more steps tomorrow than the wearer's own past days had."""

    name = "wellbeing"
    about = "tomorrow's movement against the wearer's own usual, from the week before"
    inputs = "daily steps; active and sedentary minutes, energy, sleep, resting heart rate if any"
    labels = "the next day's steps, by thirds of the wearer's earlier days: nobody labels anything"
    classes = ("less", "usual", "more")
    needs = (Need("steps", fast=False),)
    channels = tuple(
        f"{kind}: ({'sum' if how == 'sum' else 'mean'} - {middle:g}) / {spread:g}"
        for kind, how, middle, spread in _DAILY
    )
    samples = DAYS
    rate_hz = 1 / 86_400
    extras = (
        "tomorrow's weekday, sine", "tomorrow's weekday, cosine", "tomorrow is a weekend",
        "today's steps among the earlier days, rank - 0.5",
        "share of earlier days of the same weekday with more than usual, less those with less",
    )  # fmt: skip
    window_seconds = 86_400.0
    reach_seconds = (DAYS + 1) * 86_400.0  # a week, and the day that is the label
    sets = ("fitbit_fitabase",)
    published = (
        Published("three thirds", ".33", "chance; nobody has published this question on this set"),
    )

    def cut(self, recording: Recording) -> Recorded:
        """One window a day, the seven days up to it; y tells of the day after."""
        days, table = daily_table(recording)
        steps = table[:, 0]
        rows, y, beside = [], [], []
        for today in range(DAYS - 1, len(days) - 1):
            earlier = steps[: today + 1]
            known = earlier[~np.isnan(earlier)]
            tomorrow = steps[today + 1]
            if len(known) < LEAST_DAYS or np.isnan(tomorrow):
                continue
            low, high = np.quantile(known, [1 / 3, 2 / 3])
            rows.append(today)
            y.append(int(tomorrow >= low) + int(tomorrow > high))
            beside.append(_beside(days, steps, today, low, high))
        if not rows:
            raise DataError(f"fewer than {DAYS + 1} days with steps follow one another")
        spread = np.array([[s] for _, _, _, s in _DAILY])
        middle = np.array([[m] for _, _, m, _ in _DAILY])
        windows = np.stack([table[today - DAYS + 1 : today + 1].T for today in rows])
        x = ((windows - middle) / spread).astype(np.float32)
        start = days[np.array(rows) - DAYS + 1] * DAY_NS
        return recorded(
            recording, start, x, np.array(y, dtype=np.int64), given=np.array(beside, np.float32)
        )


def daily_table(
    recording: Recording,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Local days (n,), without a hole, and (n, 6) numbers of each day, NaN where there is none.

    Rows belong to the local day in which they begin; a night to the day on which it ends, and
    where a table names a day for it, to that day. The last day with steps is left out: it may
    have been exported before its evening. Raises DataError where there are no steps.
    """
    found: dict[str, dict[int, float]] = {}
    for kind, how, _, _ in _DAILY:
        found[kind] = _of_kind(recording, kind, how)
    worn = {day for day, steps in found["steps"].items() if steps >= WORN_STEPS}
    worn.discard(max(worn, default=0))
    if not worn:
        raise DataError("the recording has no whole day with steps")
    days = np.arange(min(worn), max(worn) + 1, dtype=np.int64)
    table = np.full((len(days), len(_DAILY)), np.nan)
    for column, (kind, _, _, _) in enumerate(_DAILY):
        for day, value in found[kind].items():
            if day in worn or (kind == "sleep_duration" and days[0] <= day <= days[-1]):
                table[day - days[0], column] = value
    return days, table


def _of_kind(recording: Recording, kind: str, how: str) -> dict[int, float]:
    """A kind by day: from its daily channel, else the one named plainly, else the coarsest.

    An export may give the same steps by the minute, the hour and the day. Active minutes alone
    come in parts, light, moderate and vigorous, which are added.
    """
    named = {
        name: channel
        for name, channel in recording.channels.items()
        if channel.kind == kind and isinstance(channel, Series)
    }
    for name in (f"{kind}:day", kind, f"{kind}:hour"):
        if name in named:
            return _by_day(named[name], how)
    total: dict[int, float] = {}
    for channel in [*named.values()][: None if kind == "active_minutes" else 1]:
        for day, value in _by_day(channel, how).items():
            total[day] = total.get(day, 0.0) + value
    return total


def _by_day(channel: Series, how: str) -> dict[int, float]:
    """Local day (days since 1970) -> the sum or mean of its rows; absent where all are masked."""
    away = channel.offset_minutes.astype(np.int64) * _MINUTE_NS
    local, until = channel.time_ns + away, channel.until_ns + away
    if channel.kind == "sleep_duration":
        whole_day = (local % DAY_NS == 0) & (until - local >= 23 * 60 * _MINUTE_NS)
        local = np.where(whole_day, local, np.maximum(local, until - 1))
    known = ~np.isnan(channel.value)
    day, value = local[known] // DAY_NS, channel.value[known]
    unique, where = np.unique(day, return_inverse=True)
    total = np.bincount(where, weights=value, minlength=len(unique)).astype(np.float64)
    if how == "mean":
        total /= np.bincount(where, minlength=len(unique))
    return dict(zip(unique.tolist(), total.tolist(), strict=True))


def _beside(
    days: npt.NDArray[np.int64],
    steps: npt.NDArray[np.float64],
    today: int,
    low: float,
    high: float,
) -> list[float]:
    """The numbers beside a window, from the past alone but for tomorrow's weekday."""
    weekday = int(days[today + 1] + 3) % 7  # day 0 of 1970 was a Thursday; Monday is 0
    angle = math.tau * weekday / 7
    known = steps[: today + 1][~np.isnan(steps[: today + 1])]
    rank = 0.0 if np.isnan(steps[today]) else float(np.mean(known <= steps[today])) - 0.5
    alike = steps[: today + 1][(days[: today + 1] + 3) % 7 == weekday]
    alike = alike[~np.isnan(alike)]
    usual = float(np.mean((alike > high) * 1.0 - (alike <= low))) if len(alike) else 0.0
    return [math.sin(angle), math.cos(angle), float(weekday >= 5), rank, usual]
