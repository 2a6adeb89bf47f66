"""Scores as values: over all windows, over classes, and over people. Numpy alone.

The mean over windows says how good a model is; the tenth percentile and the least over
people say who is left behind. Both always stand together. An alarm is judged by what its wearer
notices: false alarms an hour, and events missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClassScore:
    """Of one class. recall is sensitivity, precision is positive predictivity; None if 0/0."""

    recall: float | None
    precision: float | None
    f1: float
    windows: int


@dataclass(frozen=True)
class Spread:
    """Over people: mean, 10th percentile (linear interpolation) and least."""

    mean: float
    p10: float
    min: float


@dataclass(frozen=True)
class Scores:
    """One block of a result. ``accuracies``: one per person, in the order given."""

    people: int
    windows: int
    accuracy: float
    macro_f1: float
    kappa: float
    per_class: tuple[ClassScore, ...]
    person_accuracy: Spread
    person_macro_f1: Spread
    accuracies: tuple[float, ...]


def confusion(truth: Labels, answer: Labels, classes: int) -> npt.NDArray[np.int64]:
    """Counts, shape (classes, classes): rows are the truth, columns the answer."""
    flat = np.bincount(truth * classes + answer, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


def score(pairs: Sequence[tuple[Labels, Labels]], classes: int) -> Scores:
    """Scores of (truth, answer) for each person. Raises ValueError if there is no window at all."""
    pairs = [pair for pair in pairs if len(pair[0])]
    if not pairs:
        raise ValueError("there is no window to score")
    tables = [confusion(truth, answer, classes) for truth, answer in pairs]
    pooled = np.sum(tables, axis=0)
    total = int(pooled.sum())
    accuracy = float(np.trace(pooled) / total)
    by_chance = float(pooled.sum(axis=0) @ pooled.sum(axis=1)) / total**2
    accuracies = tuple(float(np.trace(table) / table.sum()) for table in tables)
    return Scores(
        people=len(pairs),
        windows=total,
        accuracy=accuracy,
        macro_f1=macro_f1(pooled),
        kappa=(accuracy - by_chance) / (1 - by_chance) if by_chance < 1 else 0.0,
        per_class=tuple(_class_score(pooled, c) for c in range(classes)),
        person_accuracy=_spread(accuracies),
        person_macro_f1=_spread([macro_f1(table) for table in tables]),
        accuracies=accuracies,
    )


def macro_f1(table: npt.NDArray[np.int64]) -> float:
    """Mean F1 over the classes that occur as truth or answer; a class never hit counts 0."""
    hits, truth, answers = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    occurs = truth + answers > 0
    return float(np.mean(2 * hits[occurs] / (truth + answers)[occurs]))


def _class_score(table: npt.NDArray[np.int64], c: int) -> ClassScore:
    hits, truth, answers = int(table[c, c]), int(table[c].sum()), int(table[:, c].sum())
    return ClassScore(
        recall=hits / truth if truth else None,
        precision=hits / answers if answers else None,
        f1=2 * hits / (truth + answers) if truth + answers else 0.0,
        windows=truth,
    )


def _spread(values: Sequence[float]) -> Spread:
    array = np.asarray(values)
    return Spread(float(array.mean()), float(np.percentile(array, 10)), float(array.min()))


ALARM_LEVELS = (0.5, 0.8, 0.9, 0.99, 0.999, 0.9999)  # probabilities from which an alarm is raised


@dataclass(frozen=True)
class AlarmScore:
    """What an alarm does if it is raised from a probability of ``level`` on.

    hours: of windows without an event. per_hour: false alarms an hour, over all people, and the
    median, 90th percentile and most over people with such windows. Shares are None if 0/0.
    """

    level: float
    events: int
    missed: int
    missed_share: float | None
    hours: float
    false_alarms: int
    per_hour: float | None
    person_median_per_hour: float | None
    person_p90_per_hour: float | None
    person_most_per_hour: float | None


def alarm_scores(
    people: Sequence[tuple[Labels, npt.NDArray[np.floating]]], event: int, window_seconds: float
) -> tuple[AlarmScore, ...]:
    """One score for each of ``ALARM_LEVELS``. people: (truth, probability of ``event``) each.

    Every window with a false alarm counts as one, though a device would hold back a second alarm
    a moment after the first.
    """
    return tuple(_alarm_score(people, event, window_seconds, level) for level in ALARM_LEVELS)


def _alarm_score(
    people: Sequence[tuple[Labels, npt.NDArray[np.floating]]],
    event: int,
    window_seconds: float,
    level: float,
) -> AlarmScore:
    events = missed = false = 0
    hours, rates = 0.0, []
    for truth, probability in people:
        raised, happened = probability >= level, truth == event
        events += int(happened.sum())
        missed += int((happened & ~raised).sum())
        wrong, own = (
            int((raised & ~happened).sum()),
            float((~happened).sum()) * window_seconds / 3600,
        )
        false, hours = false + wrong, hours + own
        if own > 0:
            rates.append(wrong / own)
    return AlarmScore(
        level=level,
        events=events,
        missed=missed,
        missed_share=missed / events if events else None,
        hours=hours,
        false_alarms=false,
        per_hour=false / hours if hours else None,
        person_median_per_hour=float(np.median(rates)) if rates else None,
        person_p90_per_hour=float(np.percentile(rates, 90)) if rates else None,
        person_most_per_hour=max(rates) if rates else None,
    )
