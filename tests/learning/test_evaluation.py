"""Scores, against cases counted by hand and the usual definitions written out slowly."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.learning.evaluation import Labels, confusion, macro_f1, score

CLASSES = 3


def _labels(values: list[int]) -> Labels:
    return np.array(values, dtype=np.int64)


def _pair(truth: list[int], answer: list[int]) -> tuple[Labels, Labels]:
    return _labels(truth), _labels(answer)


def _f1(truth: list[int], answer: list[int], c: int) -> float:
    both = sum(t == c and a == c for t, a in zip(truth, answer, strict=True))
    answered, true = answer.count(c), truth.count(c)
    precision = both / answered if answered else 0.0
    recall = both / true if true else 0.0
    return 2 * precision * recall / (precision + recall) if both else 0.0


def _macro_f1(truth: list[int], answer: list[int]) -> float:
    occurring = sorted({*truth, *answer})
    return sum(_f1(truth, answer, c) for c in occurring) / len(occurring)


def _kappa(truth: list[int], answer: list[int]) -> float:
    n = len(truth)
    agreed = sum(t == a for t, a in zip(truth, answer, strict=True)) / n
    chance = sum(truth.count(c) * answer.count(c) for c in range(CLASSES)) / n**2
    return (agreed - chance) / (1 - chance) if chance < 1 else 0.0


labels = st.integers(0, CLASSES - 1)
windows = st.lists(st.tuples(labels, labels), min_size=1, max_size=25)
people = st.lists(windows, min_size=1, max_size=5)


def test_a_case_counted_by_hand() -> None:
    scores = score([_pair([0, 0, 0, 1], [0, 0, 1, 1]), _pair([1, 1, 2, 2], [1, 0, 2, 0])], CLASSES)
    assert (scores.people, scores.windows) == (2, 8)
    assert scores.accuracy == 5 / 8
    # Class 0: 2 of 3, answered 4. Class 1: 2 of 3, answered 3. Class 2: 1 of 2, answered 1.
    zero, one, two = scores.per_class
    assert (zero.recall, zero.precision, zero.windows) == (2 / 3, 2 / 4, 3)
    assert (one.recall, one.precision, one.windows) == (2 / 3, 2 / 3, 3)
    assert (two.recall, two.precision, two.windows) == (1 / 2, 1.0, 2)
    assert [c.f1 for c in scores.per_class] == pytest.approx([4 / 7, 2 / 3, 2 / 3])
    assert scores.macro_f1 == pytest.approx((4 / 7 + 2 / 3 + 2 / 3) / 3)
    chance = (3 * 4 + 3 * 3 + 2 * 1) / 64
    assert scores.kappa == pytest.approx((5 / 8 - chance) / (1 - chance))
    assert scores.accuracies == (3 / 4, 2 / 4)


@given(people)
@settings(deadline=None)
def test_scores_are_those_of_the_usual_definitions(given: list[list[tuple[int, int]]]) -> None:
    truths = [[t for t, _ in person] for person in given]
    answers = [[a for _, a in person] for person in given]
    scores = score([_pair(*both) for both in zip(truths, answers, strict=True)], CLASSES)
    truth, answer = list(chain(*truths)), list(chain(*answers))
    hits = [t == a for t, a in zip(truth, answer, strict=True)]
    assert scores.accuracy == pytest.approx(sum(hits) / len(hits))
    assert scores.macro_f1 == pytest.approx(_macro_f1(truth, answer))
    assert scores.kappa == pytest.approx(_kappa(truth, answer))
    per_person = [_macro_f1(t, a) for t, a in zip(truths, answers, strict=True)]
    assert scores.person_macro_f1.mean == pytest.approx(np.mean(per_person))
    assert scores.person_macro_f1.min == pytest.approx(min(per_person))
    for c, found in enumerate(scores.per_class):
        assert found.f1 == pytest.approx(_f1(truth, answer, c))
        assert found.windows == truth.count(c)


@given(windows)
def test_the_confusion_table_has_the_truth_in_rows(given: list[tuple[int, int]]) -> None:
    table = confusion(_labels([t for t, _ in given]), _labels([a for _, a in given]), CLASSES)
    assert table.tolist() == [
        [sum(pair == (t, a) for pair in given) for a in range(CLASSES)] for t in range(CLASSES)
    ]


def test_a_class_that_never_occurs_does_not_count_but_one_wrongly_answered_does() -> None:
    assert macro_f1(confusion(_labels([0, 1]), _labels([0, 1]), 3)) == 1.0
    assert macro_f1(confusion(_labels([0, 0, 1]), _labels([0, 2, 1]), 3)) == pytest.approx(5 / 9)


def test_a_class_without_windows_has_no_recall_and_one_never_answered_no_precision() -> None:
    scores = score([_pair([0, 0, 1], [0, 2, 0])], 4)
    assert scores.per_class[1].precision is None and scores.per_class[1].recall == 0.0
    assert scores.per_class[2].recall is None and scores.per_class[2].precision == 0.0
    assert scores.per_class[3].recall is None and scores.per_class[3].precision is None
    assert [c.f1 for c in scores.per_class[1:]] == [0.0, 0.0, 0.0]


def test_perfect_answers_have_kappa_one_and_chance_has_kappa_nought() -> None:
    assert score([_pair([0, 1, 2], [0, 1, 2])], 3).kappa == 1.0
    assert score([_pair([0, 0, 1, 1], [0, 1, 0, 1])], 3).kappa == 0.0
    assert score([_pair([0, 0, 1, 1], [1, 1, 0, 0])], 3).kappa == -1.0


def test_one_class_throughout_has_kappa_nought_and_not_a_division_by_nothing() -> None:
    assert score([_pair([1, 1], [1, 1])], 3).kappa == 0.0


def test_the_spread_over_people_weighs_everyone_alike() -> None:
    pairs = [_pair([0] * 10, [0] * hits + [1] * (10 - hits)) for hits in range(11)]
    pairs[0] = _pair([0] * 1000, [1] * 1000)  # many windows, still one person
    spread = score(pairs, 2).person_accuracy
    assert spread.mean == pytest.approx(0.5)
    assert spread.p10 == pytest.approx(0.1)  # the second of eleven, exactly
    assert spread.min == 0.0


def test_the_tenth_percentile_lies_between_people_by_linear_interpolation() -> None:
    pairs = [_pair([0] * 4, [0] * hits + [1] * (4 - hits)) for hits in (4, 0, 3)]
    scores = score(pairs, 2)
    assert scores.person_accuracy.p10 == pytest.approx(0.2 * 0.75)
    assert scores.accuracies == (1.0, 0.0, 0.75)


def test_the_order_of_people_and_windows_does_not_matter() -> None:
    pairs = [_pair([0, 1, 2, 2], [0, 2, 2, 1]), _pair([1, 0], [1, 1])]
    turned = [(t[::-1], a[::-1]) for t, a in pairs[::-1]]
    one, other = score(pairs, 3), score(turned, 3)
    assert (one.macro_f1, one.kappa, one.per_class) == (
        other.macro_f1,
        other.kappa,
        other.per_class,
    )
    assert one.accuracies == other.accuracies[::-1]


@pytest.mark.parametrize("pairs", [[], [_pair([], [])], [_pair([], [])] * 3])
def test_nothing_to_score_is_an_error_and_not_a_nought(pairs: list[tuple[Labels, Labels]]) -> None:
    with pytest.raises(ValueError, match="no window to score"):
        score(pairs, 3)


def test_a_person_without_windows_does_not_drag_the_mean_down() -> None:
    scores = score([_pair([0, 1], [0, 1]), _pair([], [])], 3)
    assert scores.people == 1
    assert scores.person_accuracy.mean == 1.0
