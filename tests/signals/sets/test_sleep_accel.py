"""sleep-accel, on small hand-made trees of the published layout; all values are synthetic."""

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


def heart(path: Path, times: np.ndarray, bpm: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{t:.5f},{b:g}\n" for t, b in zip(times, bpm, strict=True)))


def labels(path: Path, stages: list[int], start: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{start + 30 * i} {s}\n" for i, s in enumerate(stages)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Person 46343: 40 epochs, heart rate 60 + t / 100. Person 759667: 3 epochs from second 60."""
    root = tmp_path / "sleep-accel"
    times = np.arange(-900.0, 2000.0, 5)
    heart(root / "heart_rate" / "46343_heartrate.txt", times, 60 + times / 100)
    heart(root / "heart_rate" / "759667_heartrate.txt", times, np.full(len(times), 50.0))
    labels(root / "labels" / "46343_labeled_sleep.txt", [-1, 0, 1, 2, 3, 4, 5] + [2] * 33)
    labels(root / "labels" / "759667_labeled_sleep.txt", [5, 5, 0], start=60)
    (root / "steps").mkdir()
    (root / "steps" / "46343_steps.txt").write_text("-600.0,0\n")
    return root


def motion(root: Path, who: str, seconds: int = 900, shake_from: int = 0) -> Path:
    """1 g at 10 Hz from second -300; from ``shake_from`` on the axis swings by 0.1 g."""
    times = -300 + np.arange(seconds * 10) / 10
    x = 1 + np.where((times >= shake_from) & (np.arange(len(times)) % 2 == 0), 0.1, 0.0)
    path = root / "motion" / f"{who}_acceleration.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{t:.6f} {a:.7f} 0.0 0.0\n" for t, a in zip(times, x, strict=True)))
    return path


def run(root: Path) -> tuple[Columns, Counter[str]]:
    noted: Counter[str] = Counter()
    with opened(root) as files:
        columns = SETS["sleep-accel"].prepare(files, lambda what, n: noted.update({what: n}))
    return columns, +noted


def test_epochs_keep_person_stage_and_time_and_unscored_ones_are_left_out(root: Path) -> None:
    columns, noted = run(root)
    assert columns["subject"].tolist() == [46343] * 39 + [759667] * 3
    assert columns["stage"][:7].tolist() == [0, 1, 2, 3, 4, 5, 2]
    assert columns["stage"][-3:].tolist() == [5, 5, 0]
    assert columns["t"][:3].tolist() == [0, 30, 60] and columns["t"][-3:].tolist() == [0, 30, 60]
    assert noted == {"epochs that are not scored, left out": 1}
    assert "motion" not in columns


def test_the_arrays_have_the_form_of_the_file_that_studies_already_read(root: Path) -> None:
    columns, _ = run(root)
    assert columns["hr_x10"].shape == (42, 120) and columns["hr_x10"].dtype == np.int16
    assert columns["stage"].dtype == np.int8 and columns["subject"].dtype == np.int32


def test_the_ten_minutes_are_centred_on_the_epoch_and_step_by_5_s(root: Path) -> None:
    columns, _ = run(root)
    moments = 30 + 15 - 300 + 5 * np.arange(120)
    np.testing.assert_allclose(columns["hr_x10"][0], 600 + moments / 10, atol=0.51)
    assert columns["hr_x10"][0, 6:].tolist() == columns["hr_x10"][1, :-6].tolist()


def test_between_two_heart_rates_it_is_a_line_and_60_s_away_nothing(root: Path) -> None:
    path = root / "heart_rate" / "46343_heartrate.txt"
    heart(path, np.array([-200.0, -100.0, 100.0]), np.array([50.0, 70.0, 90.0]))
    rates = run(root)[0]["hr_x10"][0]
    moments = 30 + 15 - 300 + 5 * np.arange(120)
    at = dict(zip(moments.tolist(), rates.tolist(), strict=True))
    assert at[-200] == 500 and at[-150] == 600 and at[-100] == 700
    assert at[-40] == 760 and at[-35] == -1 and at[35] == -1 and at[40] == 840
    assert at[-255] == 500 and at[100] == at[160] == 900 and at[165] == -1


def test_impossible_odd_and_repeated_heart_rates_are_counted(root: Path) -> None:
    path = root / "heart_rate" / "759667_heartrate.txt"
    path.write_text("30,50\n35,5000\n30,51\n40\n40,x\n45,50\n4")
    columns, noted = run(root)
    assert set(columns["hr_x10"][-3:].ravel().tolist()) == {500, -1}
    assert noted["impossible values of heart_rate, masked"] == 1
    assert noted["lines of heart rate that are not two numbers, left out"] == 3
    assert noted["heart rates at the time of another, left out"] == 1


def test_someone_whose_heart_rates_are_all_impossible_keeps_the_epochs_without_any(
    root: Path,
) -> None:
    (root / "heart_rate" / "759667_heartrate.txt").write_text("30,0\n")
    assert (run(root)[0]["hr_x10"][-3:] == -1).all()


def test_odd_labels_are_left_out_and_counted(root: Path) -> None:
    path = root / "labels" / "759667_labeled_sleep.txt"
    path.write_text("0 2\n30 7\n30 2\n30 5\n60\nx y\n9999999 2\n60 0.5\n90 1")
    columns, noted = run(root)
    assert columns["stage"][-3:].tolist() == [2, 2, 1]
    assert noted["epochs with a stage that is not published, left out"] == 2
    assert noted["lines of labels that are not two numbers, left out"] == 2
    assert noted["epochs there twice, the first kept"] == 1
    assert noted["epochs more than a day after the first, left out"] == 1


def test_people_without_one_of_the_two_files_are_left_out_and_counted(root: Path) -> None:
    (root / "labels" / "759667_labeled_sleep.txt").unlink()
    labels(root / "labels" / "8_labeled_sleep.txt", [0, 0])
    columns, noted = run(root)
    assert set(columns["subject"].tolist()) == {46343}
    assert noted["people without labels, left out"] == 1
    assert noted["people without a heart rate, left out"] == 1


def test_nobody_with_both_files_is_an_error(root: Path) -> None:
    (root / "labels" / "759667_labeled_sleep.txt").unlink()
    (root / "labels" / "46343_labeled_sleep.txt").rename(root / "labels" / "1_labeled_sleep.txt")
    with pytest.raises(DataError, match="no person with both heart rate and labels"):
        run(root)


def test_a_copy_without_labels_is_refused(root: Path) -> None:
    for path in (root / "labels").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"no labels/ID_labeled_sleep\.txt"):
        run(root)


def test_motion_is_its_spread_in_each_half_minute_of_the_same_ten(root: Path) -> None:
    motion(root, "46343", shake_from=45)
    columns, noted = run(root)
    assert columns["motion"].shape == (42, 20)
    first = columns["motion"][0]  # around second 45, slots of 30 s from second -255
    np.testing.assert_allclose(first[:10], 0, atol=1e-4)
    np.testing.assert_allclose(first[10:], 0.05, atol=1e-4)
    np.testing.assert_array_equal(columns["motion"][1, :19], first[1:])
    assert np.isnan(columns["motion"][-3:]).all()
    assert noted["people without motion"] == 1


def test_half_minutes_with_hardly_any_motion_sample_are_gaps(root: Path) -> None:
    path = motion(root, "46343", seconds=300)  # up to second 0; then 29 samples, then 30
    few = "".join(f"{second} 1 0 0\n" for second in (*range(16, 45), *range(45, 75)))
    path.write_text(path.read_text() + few + "1.0 0.5\n")
    columns, noted = run(root)
    there = ~np.isnan(columns["motion"][0])
    assert there.tolist() == [True] * 9 + [False, True] + [False] * 9
    assert noted["lines of motion that are not four numbers, left out"] == 1


def test_bytes_that_are_no_text_are_refused(root: Path) -> None:
    (root / "heart_rate" / "46343_heartrate.txt").write_bytes(b"1,60\n2,\xff\n")
    with pytest.raises(DataError, match=r"46343_heartrate\.txt is not UTF-8 text"):
        run(root)


def test_a_study_reads_the_file_that_is_made(root: Path, tmp_path: Path) -> None:
    columns, _ = run(root)
    np.savez_compressed(tmp_path / "windows.npz", **columns)
    head, tail = '[study]\nname = "a"\ntask = "sleep-stages"\n', '[privacy]\nmode = "none"\n'
    people = load(Study.parse(head + SETS["sleep-accel"].study + tail), tmp_path)
    assert people.classes == ("wake", "NREM", "REM")
    assert [len(person.y) for person in people.recorded] == [39, 3]
    assert people.recorded[0].x.shape == (39, 2, 20)


@pytest.mark.recordings
def test_names_and_types_are_those_of_the_file_that_was_made_from_the_real_set(
    root: Path, data_root: Path
) -> None:
    columns, _ = run(root)
    with np.load(data_root / "walch_sleep" / "walch_hr_epochs.npz") as real:
        assert set(real.files) == set(columns)
        for name in set(columns) - {"t"}:  # whole seconds there
            assert real[name].dtype == columns[name].dtype
            assert real[name].shape[1:] == columns[name].shape[1:]
        assert set(np.unique(real["stage"]).tolist()) <= set(range(6))
