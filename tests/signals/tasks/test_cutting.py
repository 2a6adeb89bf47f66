"""Labels that belong to a window, and those that do not."""

from __future__ import annotations

import numpy as np
import pytest
from tests.signals.tasks.conftest import START_NS, labelled

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.recording import SECOND_NS
from holter.signals.tasks.cutting import Labels, kept, labels_of


def _at(spans: list[tuple[float, float, int]], windows: list[tuple[float, float]]) -> list[int]:
    start, end, y = zip(*spans, strict=True)
    labels = Labels(
        np.array(start, dtype=np.int64), np.array(end, dtype=np.int64), np.array(y, dtype=np.int64)
    )
    begin, until = (np.array(side, dtype=np.int64) for side in zip(*windows, strict=True))
    return labels.at(begin, until).tolist()


def test_a_window_takes_the_label_that_covers_nine_tenths_of_it() -> None:
    spans = [(0, 100, 0), (100, 200, 1)]
    windows = [(0, 10), (91, 101), (90, 110), (99, 109), (199, 209), (300, 310)]
    assert _at(spans, windows) == [0, 0, -1, 1, -1, -1]


def test_pieces_of_one_label_count_together_and_overlaps_count_once() -> None:
    assert _at([(0, 5, 1), (5, 10, 1)], [(0, 10)]) == [1]
    assert _at([(0, 6, 1), (2, 6, 1), (3, 5, 1)], [(0, 10)]) == [-1]
    assert _at([(0, 100, 1), (10, 20, 1)], [(30, 40), (95, 105)]) == [1, -1]


def test_labels_are_renamed_in_any_case_and_others_have_no_class() -> None:
    gathered = Gathered("a test")
    names = ("JOGGING", "eat")
    labelled(gathered, "activity", [(0, 10, "JOGGING"), (10, 20, "eat")], names)
    found = labels_of(gathered.recording(), ("activity",), {"walk": (), "run": ("jogging",)})
    assert found.y.tolist() == [1, -1]


def test_a_label_that_is_a_moment_lasts_to_the_next() -> None:
    gathered = Gathered("a test")
    moments = START_NS + np.array([0, 30, 60]) * SECOND_NS
    gathered.series("activity", moments, [0, 1, 0], names=("walk", "run"))
    found = labels_of(gathered.recording(), ("activity",), {"walk": (), "run": ()})
    assert ((found.end_ns - found.start_ns) / SECOND_NS).tolist() == [30, 30, 0]


def test_without_any_label_series_the_error_names_the_channels() -> None:
    gathered = Gathered("a test")
    gathered.series("heart_rate", [START_NS], [60.0])
    with pytest.raises(DataError, match="no channel activity or workout"):
        labels_of(gathered.recording(), ("activity", "workout"), {"walk": ()})


def test_a_window_that_misses_more_than_a_fifth_of_any_channel_is_not_kept() -> None:
    x = np.zeros((3, 2, 10), dtype=np.float32)
    x[1, 0, :2] = np.nan
    x[2, 1, :3] = np.nan
    assert kept(x).tolist() == [True, True, False]
