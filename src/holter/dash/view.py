"""The report as a value: every sentence, table and chart, before any HTML.

``page_of`` turns a result and a journal into a frozen ``Page`` that the templates lay out.
``answer`` has the banners and the one-sentence answer, ``facts`` the definition lists, the
charts draw; here they meet the tables and the other sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from holter.dash import charts, facts, participation, promise, timeline
from holter.dash.alarm import Alarm, alarm_of
from holter.dash.answer import Banner, answer, banners
from holter.dash.facts import Fact
from holter.dash.numbers import (
    PLUS_MINUS,
    SPACE,
    count,
    counted,
    decimal,
    digits_for,
    margin,
    percent,
    points,
)
from holter.dash.reading import (
    Arm,
    arms_of,
    at,
    is_private,
    items,
    number,
    sorted_numbers,
    text,
)

Result = Mapping[str, Any]
MOST_REASONS: Final = 10  # each names its numbers, so a long run may have many


@dataclass(frozen=True)
class ArmRow:
    """One line of the comparison."""

    arm: Arm
    mean: str
    plus_minus: str
    tenth: str
    worst: str
    macro_f1: str


@dataclass(frozen=True)
class ClassRow:
    """One line of the class table: per arm recall and precision."""

    name: str
    windows: str
    recalls: tuple[str, ...]
    precisions: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """All that a report says. ``None`` for a chart that has nothing to draw."""

    name: str
    subtitle: str
    banners: tuple[Banner, ...]
    answer: str
    arms: tuple[ArmRow, ...]
    same_windows: bool
    tested_on: str
    new_people: str
    distribution: Markup | None
    helped: str
    gains: Markup | None
    convergence: Markup
    folds: int
    class_rows: tuple[ClassRow, ...]
    classes: Markup | None
    alarm: Alarm | None
    private: bool
    statement: str
    privacy: tuple[Fact, ...]
    assumptions: tuple[str, ...]
    traffic: tuple[Fact, ...]
    server_saw: str
    server: tuple[Fact, ...]
    rounds: tuple[Fact, ...]
    reasons: tuple[tuple[str, str], ...]
    participation: Markup | None
    setup: tuple[Fact, ...]
    digest: str
    version: str


def _arm_row(result: Result, arm: Arm) -> ArmRow:
    block = at(result, "evaluation", arm.key)
    digits = digits_for(number(block, "windows"))
    accuracy = at(block, "per_person", "accuracy")
    spread = margin(sorted_numbers(result, "evaluation", "distribution", arm.key))
    return ArmRow(
        arm,
        percent(number(accuracy, "mean"), digits),
        "" if spread is None else f"{PLUS_MINUS}{SPACE}{100 * spread:.1f}",
        percent(number(accuracy, "p10"), 0),
        percent(number(accuracy, "min"), 0),
        decimal(number(block, "macro_f1")),
    )


def _spread(result: Result, arm: Arm) -> charts.Spread:
    values = sorted_numbers(result, "evaluation", "distribution", arm.key)
    accuracy = at(result, "evaluation", arm.key, "per_person", "accuracy")
    return charts.Spread(arm, values, *(number(accuracy, key) for key in ("mean", "p10", "min")))


def _class_names(result: Result, arms: Sequence[Arm]) -> tuple[str, ...]:
    named = [item for item in items(result, "classes") if isinstance(item, str)]
    for arm in arms:
        table = at(result, "evaluation", arm.key, "per_class")
        named += [str(name) for name in table] if isinstance(table, Mapping) else []
    return tuple(dict.fromkeys(named))


def _class_rows(result: Result, arms: Sequence[Arm]) -> tuple[tuple[ClassRow, ...], Markup | None]:
    rows, drawn = [], []
    for name in _class_names(result, arms):
        found = [at(result, "evaluation", arm.key, "per_class", name) for arm in arms]
        recalls = [number(entry, "recall") for entry in found]
        windows = next((w for entry in found if (w := number(entry, "windows")) is not None), None)
        rows.append(
            ClassRow(
                name,
                count(windows),
                tuple(percent(recall, 0) for recall in recalls),
                tuple(percent(number(entry, "precision"), 0) for entry in found),
            )
        )
        drawn.append(charts.ClassRecall(name, windows, tuple(zip(arms, recalls, strict=True))))
    return tuple(rows), charts.classes(drawn) if drawn else None


def _helped(result: Result) -> str:
    tally = at(result, "evaluation", "helped")
    people = number(tally, "people")
    if not people:
        return ""
    helped, same, hurt = (count(number(tally, key)) for key in ("helped", "unchanged", "hurt"))
    changes = sorted_numbers(result, "evaluation", "distribution", "personalised_minus_global")
    middle = changes[len(changes) // 2] if changes else None
    said = (
        f"Of {counted(people, 'person', 'people')}, fitting made {helped} better off and {hurt} "
        f"worse off; {same} saw no change"
    )
    return (
        f"{said}. The middle person changed by {points(middle)} points." if changes else f"{said}."
    )


def _tested_on(result: Result, arms: Sequence[Arm]) -> str:
    block = at(result, "evaluation", arms[0].key) if arms else None
    people = counted(number(block, "people"), "person", "people")
    return f"{people}, {counted(number(block, 'windows'), 'window', 'windows')}"


def _new_people(result: Result) -> str:
    block = at(result, "evaluation", "new_people")
    if not isinstance(block, Mapping):
        return ""
    digits = digits_for(number(block, "windows"))
    return (
        f"over all {count(number(block, 'windows'))} windows of the new people, earlier ones "
        f"included, the federated model reaches an accuracy of "
        f"{percent(number(block, 'accuracy'), digits)}, a macro\u2011F1 of "
        f"{decimal(number(block, 'macro_f1'))} and a kappa of {decimal(number(block, 'kappa'))}."
    )


def _rounds(result: Result) -> tuple[tuple[Fact, ...], tuple[tuple[str, str], ...]]:
    told = (
        ("Planned", "planned", ""),
        ("Closed", "closed", "their sum was opened and applied"),
        ("Abandoned", "abandoned", "nothing was opened, nothing was learned from them"),
        ("Devices asked", "asked", "over all rounds; one device may be asked in several"),
        ("Reported", "reported", ""),
        ("Dropped out", "dropped", "asked, but gone before the round ended"),
    )
    stated = tuple(Fact(term, count(number(result, "rounds", key)), why) for term, key, why in told)
    stopped = text(result, "rounds", "stopped")
    if stopped:
        stated += (Fact("Stopped early", stopped, "the last model stands; nobody was asked again"),)
    reasons = at(result, "rounds", "abandoned_reasons")
    if not isinstance(reasons, Mapping):
        return stated, ()
    counted_reasons = [(str(reason), number(reasons, reason) or 0.0) for reason in reasons]
    counted_reasons.sort(key=lambda pair: -pair[1])
    rest = sum(times for _, times in counted_reasons[MOST_REASONS:])
    shown = [*counted_reasons[:MOST_REASONS], *([("other reasons", rest)] if rest else [])]
    return stated, tuple((reason, count(times)) for reason, times in shown)


def page_of(result: Result, journal: Sequence[Mapping[str, Any]]) -> Page:
    """Everything that the pages of this run say and draw."""
    arms = arms_of(result)
    spreads = [_spread(result, arm) for arm in arms]
    spreads = [spread for spread in spreads if spread.values]
    changes = sorted_numbers(result, "evaluation", "distribution", "personalised_minus_global")
    class_rows, class_chart = _class_rows(result, arms)
    entries = timeline.rounds_of(journal)
    round_facts, reasons = _rounds(result)
    total = counted(number(result, "people", "total"), "person", "people")
    task = text(result, "study", "task")
    return Page(
        name=text(result, "study", "name") or "Unnamed study",
        subtitle=f"{task} \u00b7 {total}" if task else total,
        banners=banners(result),
        answer=answer(result),
        arms=tuple(_arm_row(result, arm) for arm in arms),
        same_windows=len(arms) > 1,
        tested_on=_tested_on(result, arms),
        new_people=_new_people(result),
        distribution=charts.distribution(spreads) if spreads else None,
        helped=_helped(result),
        gains=charts.gains(changes) if changes else None,
        convergence=timeline.convergence(entries),
        folds=round(number(result, "people", "folds") or 1),
        class_rows=class_rows,
        classes=class_chart,
        alarm=alarm_of(result),
        private=is_private(result),
        statement=text(result, "privacy", "statement"),
        privacy=promise.privacy(result),
        assumptions=promise.assumptions(result),
        traffic=facts.traffic(result),
        server_saw=text(result, "secure_aggregation", "server_saw"),
        server=facts.server(result),
        rounds=round_facts,
        reasons=reasons,
        participation=participation.participation(entries) if entries else None,
        setup=facts.setup(result),
        digest=text(result, "study", "digest") or "n/a",
        version=text(result, "holter"),
    )
