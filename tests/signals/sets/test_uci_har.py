"""UCI HAR, on small hand-made trees of the published layout; all values are synthetic."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from holter.device.files import opened
from holter.rounds.study import Study
from holter.signals.columns import Columns
from holter.signals.errors import DataError
from holter.signals.sets import SETS
from holter.simulator.people import load

NAMES = b"1 WALKING\n2 WALKING_UPSTAIRS\n5 STANDING\n"


def line(values: np.ndarray) -> str:
    return " ".join(f"{value: .7e}" for value in values)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Train: persons 1, 1, 3; test: persons 2, 2. Sample s of window w is w + axis / 10 + s / 1000."""
    root = tmp_path / "UCI HAR Dataset"
    (root / "train" / "Inertial Signals").mkdir(parents=True)
    (root / "test" / "Inertial Signals").mkdir(parents=True)
    (root / "activity_labels.txt").write_bytes(NAMES)
    (root / "features.txt").write_text("1 tBodyAcc-mean()-X\n")
    for part, people, labels in (("train", [1, 1, 3], [5, 1, 2]), ("test", [2, 2], [1, 5])):
        folder = root / part
        (folder / f"subject_{part}.txt").write_text("".join(f"{p}\n" for p in people))
        (folder / f"y_{part}.txt").write_text("".join(f"{y}\n" for y in labels))
        (folder / f"X_{part}.txt").write_text(
            "".join(line(np.full(561, w / 10)) + "\n" for w in range(len(people)))
        )
        for signal, extra in (("body_acc", 0.0), ("body_gyro", 0.05), ("total_acc", 1.0)):
            for axis, letter in enumerate("xyz"):
                rows = [
                    line(w + axis / 10 + extra + np.arange(128) / 1000) for w in range(len(people))
                ]
                (folder / "Inertial Signals" / f"{signal}_{letter}_{part}.txt").write_text(
                    "".join(f"  {row}\n" for row in rows)
                )
    return root


def run(root: Path) -> tuple[Columns, Counter[str]]:
    noted: Counter[str] = Counter()
    with opened(root) as files:
        columns = SETS["uci-har"].prepare(files, lambda what, n: noted.update({what: n}))
    return columns, +noted


def test_train_and_test_are_put_together_with_person_and_label_kept(tree: Path) -> None:
    columns, noted = run(tree)
    assert columns["subject"].tolist() == [1, 1, 3, 2, 2]
    assert columns["activity"].tolist() == [
        "STANDING", "WALKING", "WALKING_UPSTAIRS", "WALKING", "STANDING",
    ]  # fmt: skip
    assert not noted


def test_every_sample_is_at_its_axis_and_in_its_window(tree: Path) -> None:
    columns, _ = run(tree)
    samples = np.arange(128) / 1000
    for name, extra in (("body_acc", 0.0), ("gyro", 0.05), ("total_acc", 1.0)):
        assert columns[name].shape == (5, 3, 128) and columns[name].dtype == np.float32
        np.testing.assert_allclose(columns[name][1, 2], 1.2 + extra + samples, rtol=1e-6)
        np.testing.assert_allclose(columns[name][4, 0], 1.0 + extra + samples, rtol=1e-6)
    assert columns["features"].shape == (5, 561)
    assert columns["features"][2, 0] == pytest.approx(0.2)


def test_the_folder_around_the_set_may_be_named_as_well(tree: Path) -> None:
    assert len(run(tree.parent)[0]["subject"]) == 5


def test_without_the_features_the_windows_are_read_all_the_same(tree: Path) -> None:
    (tree / "train" / "X_train.txt").unlink()
    columns, _ = run(tree)
    assert "features" not in columns and len(columns["subject"]) == 5


@pytest.mark.parametrize(
    "missing",
    [
        "activity_labels.txt",
        "test/y_test.txt",
        "train/subject_train.txt",
        "train/Inertial Signals/body_gyro_y_train.txt",
    ],
)
def test_a_copy_that_lacks_a_file_is_refused_and_the_file_named(tree: Path, missing: str) -> None:
    (tree / missing).unlink()
    with pytest.raises(DataError, match=f"there is no {missing}"):
        run(tree)


def test_a_truncated_last_line_costs_one_window_and_is_counted(tree: Path) -> None:
    path = tree / "train" / "Inertial Signals" / "total_acc_z_train.txt"
    path.write_bytes(path.read_bytes()[:-40])
    columns, noted = run(tree)
    assert columns["subject"].tolist() == [1, 1, 2, 2]
    assert noted == {"windows with a line that is not as published, left out": 1}


def test_files_of_unequal_lengths_are_refused_not_shifted(tree: Path) -> None:
    path = tree / "train" / "Inertial Signals" / "body_acc_y_train.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(DataError, match=r"unequal lines .*body_acc_y_train\.txt: 2\)"):
        run(tree)


def test_a_table_of_another_width_is_refused(tree: Path) -> None:
    (tree / "test" / "X_test.txt").write_text("0.1 0.2\n0.1 0.2\n")
    with pytest.raises(DataError, match=r"test/X_test\.txt has no line of 561 numbers"):
        run(tree)


def test_a_label_without_a_name_and_nobodys_window_are_left_out_and_counted(tree: Path) -> None:
    (tree / "train" / "y_train.txt").write_text("5\n9\n2\n")
    (tree / "test" / "subject_test.txt").write_text("2\n0.5\n")
    columns, noted = run(tree)
    assert columns["subject"].tolist() == [1, 3, 2]
    assert noted["windows whose label has no name, left out"] == 1
    assert noted["windows of nobody, left out"] == 1


def test_a_person_in_both_parts_is_one_person_and_counted(tree: Path) -> None:
    (tree / "test" / "subject_test.txt").write_text("3\n2\n")
    columns, noted = run(tree)
    assert columns["subject"].tolist() == [1, 1, 3, 3, 2]
    assert noted["people who are in train and in test, put together"] == 1


def test_an_impossible_acceleration_is_masked_and_counted(tree: Path) -> None:
    path = tree / "test" / "Inertial Signals" / "total_acc_x_test.txt"
    lines = path.read_text().splitlines()
    lines[0] = line(np.where(np.arange(128) == 7, 99.0, 1.0))
    path.write_text("\n".join(lines))
    columns, noted = run(tree)
    assert np.flatnonzero(np.isnan(columns["total_acc"][3, 0])).tolist() == [7]
    assert noted == {"impossible values of acceleration, masked": 1}


def test_bytes_that_are_no_text_are_refused(tree: Path) -> None:
    (tree / "train" / "y_train.txt").write_bytes(b"5\n\xfe\n2\n")
    with pytest.raises(DataError, match=r"y_train\.txt is not UTF-8"):
        run(tree)
    (tree / "activity_labels.txt").write_bytes(b"1 \xff\n")
    with pytest.raises(DataError, match=r"activity_labels\.txt is not UTF-8"):
        run(tree)


def test_names_of_labels_that_are_not_as_published_are_refused(tree: Path) -> None:
    (tree / "activity_labels.txt").write_text("WALKING 1\n")
    with pytest.raises(DataError, match="no number and name"):
        run(tree)


def test_a_study_reads_the_file_that_is_made(tree: Path, tmp_path: Path) -> None:
    columns, _ = run(tree)
    np.savez_compressed(tmp_path / "windows.npz", **columns)
    head, tail = '[study]\nname = "a"\ntask = "activity"\n', '[privacy]\nmode = "none"\n'
    people = load(Study.parse(head + SETS["uci-har"].study + tail), tmp_path)
    assert [len(person.y) for person in people.recorded] == [2, 2, 1]
    assert people.classes == ("STANDING", "WALKING", "WALKING_UPSTAIRS")
    assert people.recorded[0].x.shape == (2, 9, 128)
