"""Charts: well formed, named, small, and drawing what the numbers say."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import Any

import pytest

from holter.dash import charts, participation, timeline
from holter.dash.reading import ARMS, FEDERATED, FITTED

Journal = Callable[..., list[dict[str, Any]]]


def drawn(svg: str) -> ElementTree.Element:
    """The chart as a tree, once it is known to be named and to hold only finite numbers."""
    tree = ElementTree.fromstring(svg)
    assert tree.tag == "svg" and tree.get("role") == "img"
    assert tree.get("viewBox", "").startswith("0 0 ")
    assert [child.tag for child in tree[:2]] == ["title", "desc"]
    assert all((child.text or "").strip() for child in tree[:2])
    assert "nan" not in svg.lower().split("desc>")[-1] and "inf" not in svg.split("desc>")[-1]
    return tree


def words(tree: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in tree.iter("text")]


def dots_of(tree: ElementTree.Element) -> list[int]:
    """How many dots each arm has."""
    found = [path for path in tree.iter("path") if "dots" in path.get("class", "")]
    return [path.get("d", "").count("M") for path in found]


def spread(values: list[float], arm: Any = FEDERATED) -> charts.Spread:
    mean = sum(values) / len(values)
    return charts.Spread(arm, tuple(sorted(values)), mean, min(values), min(values))


def test_every_person_is_a_dot_while_they_are_few() -> None:
    rows = [spread([0.5 + 0.01 * place for place in range(40)], arm) for arm in ARMS]
    tree = drawn(charts.distribution(rows))
    assert dots_of(tree) == [40, 40, 40]
    assert "a dot: one person" in words(tree)


@pytest.mark.parametrize("people", [1_000, 100_000])
def test_distribution_stays_small_with_many_people(people: int) -> None:
    values = [((place * 7919) % people) / people for place in range(people)]
    svg = charts.distribution([spread(values, arm) for arm in ARMS])
    assert dots_of(drawn(svg)) == [charts.MOST_DOTS] * 3
    assert len(svg) < 12_000
    assert "about" in words(drawn(svg))[-1]


def test_worst_and_best_person_are_never_thinned_away() -> None:
    values = [0.01, *[0.8] * 5_000, 0.99]
    kept = charts.quantiles(values, 100)
    assert (kept[0], kept[-1], len(kept)) == (0.01, 0.99, 100)


@pytest.mark.parametrize("values", [[0.7], [0.7] * 300, [0.0, 1.0], [0.0], [1.0] * 12])
def test_distribution_of_few_or_equal_values_stays_inside_its_frame(values: list[float]) -> None:
    tree = drawn(charts.distribution([spread(values)]))
    assert dots_of(tree) == [min(len(values), charts.MOST_DOTS)]
    path = next(path for path in tree.iter("path") if "dots" in path.get("class", ""))
    marks = [mark.removesuffix("h0").split() for mark in path.get("d", "").split("M")[1:]]
    assert all(0 <= float(x) <= 700 and 20 <= float(y) <= 96 for x, y in marks)


def test_gains_put_the_hurt_below_the_line_and_name_both_signs() -> None:
    tree = drawn(charts.gains([0.05, -0.02, 0.0, 0.1]))
    assert "\u2212 worse for 1" in words(tree) and "+ better for 2" in words(tree)
    bars = {
        css: [p.get("d", "").count("M") for p in tree.iter("path") if p.get("class") == css]
        for css in ("hurt", "helped")
    }
    assert sorted(bars["hurt"]) == [1, 1]  # the bar and its key
    assert sorted(bars["helped"]) == [1, 2]


@pytest.mark.parametrize("differences", [[], [0.0], [-0.3], [0.001] * 5_000])
def test_gains_of_any_number_of_people_are_drawn_small(differences: list[float]) -> None:
    svg = charts.gains(differences)
    drawn(svg)
    assert len(svg) < 8_000


def test_class_without_windows_reads_not_available_and_long_names_are_cut() -> None:
    row = charts.ClassRecall("a name as long as a sentence", 0, ((FEDERATED, None), (FITTED, 0.5)))
    tree = drawn(charts.classes([row]))
    assert "n/a" in words(tree)
    cut = [word for word in words(tree) if word.endswith("\u2026")]
    assert len(cut) == 1 and len(cut[0]) == charts.LONGEST_NAME


def test_names_are_escaped_in_charts() -> None:
    row = charts.ClassRecall('<b>"&', 1, ((FEDERATED, 0.5),))
    assert '<b>"&' in words(drawn(charts.classes([row])))


def test_convergence_draws_a_faint_line_per_fold_and_one_mean(a_journal: Journal) -> None:
    rounds = timeline.rounds_of(a_journal(rounds=20, folds=6, abandoned=(4,)))
    tree = drawn(timeline.convergence(rounds))
    css = [line.get("class", "") for line in tree.iter("polyline")]
    assert css.count("line faint") == 6 and css.count("line federated-line") == 1
    assert css.count("line spent") == 1


def test_each_abandoned_round_is_crossed(a_journal: Journal) -> None:
    rounds = timeline.rounds_of(a_journal(rounds=20, abandoned=(4, 9)))
    for chart in (timeline.convergence(rounds), participation.participation(rounds)):
        crossed = [p for p in drawn(chart).iter("path") if p.get("class") == "crossed"]
        strokes = sum(path.get("d", "").count("M") for path in crossed)
        assert strokes == 2 * (2 + 1)  # two strokes each; one more cross explains them


def test_a_fold_holds_its_accuracy_through_an_abandoned_round(a_journal: Journal) -> None:
    journal = [
        {"event": "round", "fold": fold, "round": index, "outcome": "closed", "accuracy": value}
        for fold, values in enumerate(((0.5, 0.6), (0.7, None)))
        for index, value in enumerate(values, start=1)
    ]
    tree = drawn(timeline.convergence(timeline.rounds_of(journal)))
    assert "65.0\u00a0%" in words(tree)


def test_round_written_twice_by_a_resumed_run_counts_once() -> None:
    line = {"event": "round", "fold": 0, "round": 1, "asked": 10, "reported": 4}
    again = {**line, "reported": 9, "outcome": "closed"}
    rounds = timeline.rounds_of([line, {"event": "resumed"}, again])
    assert [(entry.reported, entry.closed) for entry in rounds] == [(9.0, True)]


def test_epsilon_never_falls_and_has_no_panel_where_nothing_is_spent(a_journal: Journal) -> None:
    journal = a_journal(rounds=5)
    assert "Epsilon spent so far" in timeline.convergence(timeline.rounds_of(journal))
    without = [{**line, "epsilon": None} for line in journal]
    assert "psilon" not in timeline.convergence(timeline.rounds_of(without))


@pytest.mark.parametrize("rounds", [0, 1, 2, 3_000])
def test_timelines_of_any_length_are_drawn_small(a_journal: Journal, rounds: int) -> None:
    for folds, abandoned in itertools.product((1, 6), ((), tuple(range(1, rounds + 1)))):
        found = timeline.rounds_of(a_journal(rounds=rounds, folds=folds, abandoned=abandoned))
        for svg in (timeline.convergence(found), participation.participation(found)):
            drawn(svg)
            assert len(svg) < 40_000
