"""PPG-DaLiA, on small hand-made trees of the published layout; all values are synthetic."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holter.device.files import opened
from holter.rounds.study import Study
from holter.signals.columns import Columns
from holter.signals.errors import DataError
from holter.signals.sets import SETS
from holter.simulator.people import load


def record(who: str, activities: list[tuple[int, int]]) -> dict[str, Any]:
    """A recording of (activity, seconds); heart rate k of its window k is 60 + k."""
    activity = np.concatenate([np.full((seconds * 4, 1), a) for a, seconds in activities]) * 1.0
    total = len(activity) // 4
    acc = np.zeros((total * 32, 3))
    acc[:, 1] = 1.0
    acc[:, 2] = np.arange(total * 32) / 1e5
    wrist = {"ACC": acc, "BVP": np.arange(total * 64.0)[:, None], "EDA": np.ones((total * 4, 1))}
    return {
        "subject": who,
        "label": 60.0 + np.arange((total - 8) // 2 + 1),
        "activity": activity,
        "signal": {"wrist": wrist, "chest": {"ECG": np.zeros((total * 700, 1))}},
        "questionnaire": {"AGE": 34, "Gender": " m", "WEIGHT": 78.0},
        "rpeaks": np.arange(10),
    }


def write(root: Path, who: str, content: dict[str, Any]) -> None:
    (root / who).mkdir(parents=True)
    (root / who / f"{who}.pkl").write_bytes(pickle.dumps(content, protocol=4))
    (root / who / f"{who}_activity.csv").write_text("# SUBJECT_ID; " + who + "\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "PPG_FieldStudy"
    write(root, "S1", record("S1", [(0, 8), (1, 20), (7, 21)]))
    write(root, "S12", record("S12", [(4, 16)]))
    return root


def run(root: Path) -> tuple[Columns, Counter[str]]:
    noted: Counter[str] = Counter()
    with opened(root) as files:
        columns = SETS["ppg-dalia"].prepare(files, lambda what, n: noted.update({what: n}))
    return columns, +noted


def test_windows_keep_person_activity_time_and_their_heart_rate(root: Path) -> None:
    columns, noted = run(root)
    assert columns["subject"].tolist() == ["S1"] * 4 + ["S12"] * 2
    assert columns["activity"].tolist() == [
        "sitting", "sitting", "walking", "walking", "cycling", "cycling",
    ]  # fmt: skip
    assert columns["t"].tolist() == [8, 16, 32, 40, 0, 8]
    assert columns["heart_rate"][:, 0].tolist() == [64, 68, 76, 80, 60, 64]
    assert noted == {"windows of more than one activity, left out": 1}


def test_each_signal_is_cut_at_its_own_rate(root: Path) -> None:
    columns, _ = run(root)
    assert columns["acc"].shape == (6, 3, 256) and columns["bvp"].shape == (6, 512)
    np.testing.assert_allclose(columns["acc"][1, 2], (16 * 32 + np.arange(256)) / 1e5, rtol=1e-6)
    np.testing.assert_allclose(columns["acc"][:, 1], 1.0)
    np.testing.assert_array_equal(columns["bvp"][2], 32 * 64 + np.arange(512))


def test_more_heart_rates_than_signals_are_left_out_and_counted(root: Path) -> None:
    content = record("S2", [(8, 16)])
    content["label"] = np.full(13, 70.0)  # of 32 s
    write(root, "S2", content)
    columns, noted = run(root)
    assert (columns["subject"] == "S2").sum() == 2
    assert noted["windows after the end of a signal, left out"] == 2


def test_an_activity_without_a_name_and_one_that_is_no_number_are_left_out(root: Path) -> None:
    content = record("S2", [(9, 8), (1, 8), (1, 8)])
    content["activity"][-1] = np.nan
    write(root, "S2", content)
    columns, noted = run(root)
    assert (columns["subject"] == "S2").sum() == 1
    assert noted["windows of an activity without a name, left out"] == 1
    assert noted["windows of more than one activity, left out"] == 2


def test_an_impossible_heart_rate_is_masked_and_counted(root: Path) -> None:
    content = record("S2", [(1, 8)])
    content["label"][0] = 0.0
    write(root, "S2", content)
    columns, noted = run(root)
    assert np.isnan(columns["heart_rate"]).sum() == 1
    assert noted["impossible values of heart_rate, masked"] == 1


def test_a_person_without_the_pickle_is_left_out_and_counted(root: Path) -> None:
    (root / "S12" / "S12.pkl").unlink()
    columns, noted = run(root)
    assert set(columns["subject"]) == {"S1"}
    assert noted["people without their pickle, left out"] == 1


@pytest.mark.parametrize("lost", ["label", "activity", "ACC", "BVP"])
def test_a_pickle_that_lacks_a_part_is_refused_and_the_part_named(root: Path, lost: str) -> None:
    content = record("S2", [(1, 8)])
    content.pop(lost, None)
    content["signal"]["wrist"].pop(lost, None)
    write(root, "S2", content)
    with pytest.raises(DataError, match=rf"S2/S2\.pkl has no array .*{lost}"):
        run(root)


def test_a_study_reads_the_file_that_is_made(root: Path, tmp_path: Path) -> None:
    columns, _ = run(root)
    np.savez_compressed(tmp_path / "windows.npz", **columns)
    head, tail = '[study]\nname = "a"\ntask = "activity"\n', '[privacy]\nmode = "none"\n'
    people = load(Study.parse(head + SETS["ppg-dalia"].study + tail), tmp_path)
    assert people.classes == ("cycling", "sitting", "walking")
    assert [person.y.tolist() for person in people.recorded] == [[1, 1, 2, 2], [0, 0]]
    assert people.recorded[0].x.shape == (4, 4, 128)
