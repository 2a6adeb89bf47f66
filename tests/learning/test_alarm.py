"""An alarm is judged by what its wearer notices: false alarms an hour, and events missed."""

from __future__ import annotations

import numpy as np
import pytest

from holter.learning.evaluation import ALARM_LEVELS, alarm_scores

HOUR = 3600.0


def _person(daily: list[float], events: list[float]) -> tuple[np.ndarray, np.ndarray]:
    truth = np.array([0] * len(daily) + [1] * len(events))
    return truth, np.array(daily + events)


def test_rates_are_alarms_over_hours_without_an_event() -> None:
    calm = _person([0.1] * 9 + [0.6], [0.95, 0.4])
    restless = _person([0.1] * 8 + [0.85, 0.95], [0.99999])
    scores = alarm_scores([calm, restless], 1, HOUR / 2)
    half = scores[0]
    assert (half.level, half.events, half.missed) == (0.5, 3, 1)
    assert half.hours == pytest.approx(10.0)
    assert half.false_alarms == 3 and half.per_hour == pytest.approx(0.3)
    assert half.person_most_per_hour == pytest.approx(2 / 5)
    assert half.person_median_per_hour == pytest.approx((1 / 5 + 2 / 5) / 2)
    assert half.missed_share == pytest.approx(1 / 3)


def test_a_higher_level_never_rings_more_often_and_never_misses_less() -> None:
    dice = np.random.default_rng(3)
    people = [
        (dice.integers(0, 2, 200), dice.uniform(size=200).astype(np.float32)) for _ in range(5)
    ]
    scores = alarm_scores(people, 1, 2.56)
    assert [score.level for score in scores] == list(ALARM_LEVELS)
    rung, missed = ([getattr(s, name) for s in scores] for name in ("false_alarms", "missed"))
    assert rung == sorted(rung, reverse=True) and missed == sorted(missed)


def test_people_without_events_or_without_quiet_hours_give_none_instead_of_a_share() -> None:
    quiet = alarm_scores([_person([0.1] * 4, [])], 1, HOUR)[0]
    assert quiet.missed_share is None and quiet.per_hour == 0.0
    falling = alarm_scores([_person([], [0.9])], 1, HOUR)[0]
    assert falling.per_hour is None and falling.person_most_per_hour is None
    assert falling.missed_share == 0.0
