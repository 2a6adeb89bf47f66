"""The report of an alarm: a row a level, and no section for a task that is none."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from holter.dash.alarm import alarm_of
from holter.dash.report import report_html

LEVEL = {
    "level": 0.9999, "events": 1500, "missed": 16, "missed_share": 16 / 1500, "hours": 10.54,
    "false_alarms": 8, "per_hour": 0.759, "person_median_per_hour": 0.0,
    "person_p90_per_hour": 3.3, "person_most_per_hour": 13.2,
}  # fmt: skip


def test_a_level_reads_as_misses_and_rates_an_hour() -> None:
    alarm = alarm_of({"evaluation": {"alarm": [LEVEL]}})
    assert alarm is not None and (alarm.events, alarm.hours) == ("1,500", "10.5")
    row = alarm.rows[0]
    assert (row.level, row.missed, row.per_hour) == ("0.9999", "1.1\u00a0% (16 of 1,500)", "0.76")
    assert (row.median, row.tenth_worst, row.worst) == ("0.00", "3.30", "13.20")


def test_a_task_that_is_no_alarm_has_no_section() -> None:
    assert alarm_of({"evaluation": {"alarm": None}}) is None
    assert alarm_of({}) is None


def test_shares_of_nothing_read_not_available() -> None:
    alarm = alarm_of({"evaluation": {"alarm": [{**LEVEL, "per_hour": None}]}})
    assert alarm is not None and alarm.rows[0].per_hour == "n/a"


def test_the_page_of_an_alarm_has_its_table(
    a_result: Callable[..., dict[str, Any]], a_journal: Callable[..., list[Any]]
) -> None:
    calm = a_result()
    ringing = copy.deepcopy(calm)
    ringing["evaluation"]["alarm"] = [LEVEL]
    page = report_html(ringing, a_journal())
    assert "As an alarm" in page and "13.20" in page
    assert "As an alarm" not in report_html(calm, a_journal())
