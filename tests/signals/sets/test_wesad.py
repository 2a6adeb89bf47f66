"""WESAD, on small hand-made trees of the published layout; all values are synthetic.

The pickles here are written by Python 3; those of Python 2 are tried in ``test_arrays_only``.
"""

from __future__ import annotations

import os
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
from holter.signals.sets.wesad import heart_rate
from holter.simulator.people import load


def record(who: str, conditions: list[tuple[int, int]]) -> dict[str, Any]:
    """A recording of (condition, seconds), with a pulse of 90 beats a minute."""
    label = np.concatenate([np.full(seconds * 700, c, dtype=np.int32) for c, seconds in conditions])
    total = len(label) // 700
    acc = np.zeros((total * 32, 3))
    acc[:, 0] = 64.0  # 1 g, as the wristband stores it
    wrist = {
        "ACC": acc,
        "BVP": 50 * np.sin(2 * np.pi * 1.5 * np.arange(total * 64) / 64)[:, None],
        "EDA": (np.arange(total * 4) / 400)[:, None],
        "TEMP": np.full((total * 4, 1), 33.5),
    }
    chest = {"ECG": np.zeros((len(label), 1)), "Temp": np.full((len(label), 1), 30, np.float32)}
    return {"subject": who, "label": label, "signal": {"wrist": wrist, "chest": chest}}


def write(root: Path, who: str, content: dict[str, Any]) -> None:
    (root / who).mkdir(parents=True)
    (root / who / f"{who}.pkl").write_bytes(pickle.dumps(content, protocol=4))
    (root / who / f"{who}_quest.csv").write_text(f"# Subj;{who};;\n# ORDER;Base;TSST;\n")
    (root / who / f"{who}_readme.txt").write_text("### Personal information ###\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "WESAD"
    write(root, "S2", record("S2", [(0, 10), (1, 95), (0, 5), (2, 60), (4, 40), (6, 40)]))
    write(root, "S10", record("S10", [(3, 45), (2, 30)]))
    return root


def run(root: Path) -> tuple[Columns, Counter[str]]:
    noted: Counter[str] = Counter()
    with opened(root) as files:
        columns = SETS["wesad"].prepare(files, lambda what, n: noted.update({what: n}))
    return columns, +noted


def test_windows_keep_person_condition_and_time(root: Path) -> None:
    columns, noted = run(root)
    assert columns["subject"].tolist() == ["S2"] * 5 + ["S10"] * 2
    assert columns["condition"].tolist() == [
        "baseline", "baseline", "baseline", "stress", "stress", "amusement", "stress",
    ]  # fmt: skip
    assert columns["t"].tolist() == [10, 40, 70, 110, 140, 0, 45]
    assert not noted


def test_each_signal_is_cut_at_its_own_rate_and_in_its_unit(root: Path) -> None:
    columns, _ = run(root)
    shapes = {name: columns[name].shape for name in ("bvp", "acc", "eda", "temp", "heart_rate")}
    assert shapes == {
        "bvp": (7, 1920), "acc": (7, 960), "eda": (7, 120), "temp": (7, 120), "heart_rate": (7, 30),
    }  # fmt: skip
    np.testing.assert_allclose(columns["acc"], 1.0)
    np.testing.assert_allclose(columns["eda"][3], (110 * 4 + np.arange(120)) / 400, rtol=1e-6)
    np.testing.assert_allclose(columns["temp"], 33.5)


def test_the_heart_rate_is_that_of_the_pulse_wave(root: Path) -> None:
    columns, _ = run(root)
    np.testing.assert_allclose(columns["heart_rate"][1], 90, atol=1.5)


def test_where_there_is_no_pulse_there_is_no_heart_rate() -> None:
    wave = np.sin(2 * np.pi * 1.2 * np.arange(64 * 60) / 64).astype(np.float32)
    wave[64 * 20 : 64 * 40] = np.nan
    rates = heart_rate(wave)
    assert np.isnan(rates[27:33]).all()
    np.testing.assert_allclose(rates[5:15], 72, atol=1.5)
    assert np.isnan(heart_rate(np.zeros(64 * 20, np.float32))).all()


def test_acceleration_in_g_is_told_from_counts_by_gravity(root: Path) -> None:
    content = record("S3", [(1, 30)])
    content["signal"]["wrist"]["ACC"] /= 64
    write(root, "S3", content)
    columns, _ = run(root)
    np.testing.assert_allclose(columns["acc"], 1.0)


@pytest.mark.parametrize("value", [0.0, 9.81, 1000.0, np.nan])
def test_acceleration_in_an_unknown_unit_is_refused(root: Path, value: float) -> None:
    content = record("S3", [(1, 30)])
    content["signal"]["wrist"]["ACC"][:, 0] = value
    write(root, "S3", content)
    with pytest.raises(DataError, match=r"S3/S3\.pkl: .* neither in g nor in 1/64 g"):
        run(root)


def test_a_signal_that_ends_early_costs_its_windows_and_is_counted(root: Path) -> None:
    content = record("S3", [(1, 60), (2, 30)])
    wrist = content["signal"]["wrist"]
    wrist["TEMP"] = wrist["TEMP"][: 4 * 59]
    write(root, "S3", content)
    columns, noted = run(root)
    assert (columns["subject"] == "S3").sum() == 1
    assert noted["windows after the end of a signal, left out"] == 2


def test_impossible_values_are_masked_and_counted(root: Path) -> None:
    content = record("S3", [(1, 30)])
    content["signal"]["wrist"]["EDA"][5] = -4
    content["signal"]["wrist"]["TEMP"][6] = 400
    write(root, "S3", content)
    columns, noted = run(root)
    mine = columns["subject"] == "S3"
    assert np.isnan(columns["eda"][mine]).sum() == np.isnan(columns["temp"][mine]).sum() == 1
    assert noted == {
        "impossible values of eda, masked": 1,
        "impossible values of skin_temperature, masked": 1,
    }


def test_a_label_that_is_not_published_is_left_out_and_counted(root: Path) -> None:
    write(root, "S3", record("S3", [(9, 40), (1, 30)]))
    columns, noted = run(root)
    assert (columns["subject"] == "S3").sum() == 1
    assert noted == {"labels that are not published, left out": 40 * 700}


def test_a_person_without_the_pickle_is_left_out_and_counted(root: Path) -> None:
    (root / "S10" / "S10.pkl").unlink()
    columns, noted = run(root)
    assert set(columns["subject"]) == {"S2"}
    assert noted == {"people without their pickle, left out": 1}


def test_a_pickle_of_another_person_is_refused(root: Path) -> None:
    write(root, "S3", record("S4", [(1, 30)]))
    with pytest.raises(DataError, match=r"S3/S3\.pkl says that it is of another person"):
        run(root)


@pytest.mark.parametrize("lost", ["label", "signal", "subject", "wrist", "EDA"])
def test_a_pickle_that_lacks_a_part_is_refused_and_the_part_named(root: Path, lost: str) -> None:
    content = record("S3", [(1, 30)])
    for place in (content, content["signal"], content["signal"]["wrist"]):
        place.pop(lost, None)
    write(root, "S3", content)
    with pytest.raises(DataError, match=rf"S3/S3\.pkl has no .*{lost}"):
        run(root)


def test_an_array_of_another_width_is_refused(root: Path) -> None:
    content = record("S3", [(1, 30)])
    content["signal"]["wrist"]["ACC"] = np.ones((960, 2))
    write(root, "S3", content)
    with pytest.raises(DataError, match=r"ACC has shape \(960, 2\); \(n, 3\) is published"):
        run(root)


def test_a_hostile_pickle_in_a_persons_folder_is_refused(root: Path) -> None:
    class Hostile:
        def __reduce__(self) -> Any:
            return os.system, ("exit 1",)

    write(root, "S3", {"subject": "S3", "signal": Hostile()})
    with pytest.raises(DataError, match=r"S3/S3\.pkl is refused: it asks for posix\.system"):
        run(root)


def test_nobody_with_a_whole_window_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "S2", record("S2", [(0, 40), (1, 20)]))
    with pytest.raises(DataError, match="no window is left of WESAD"):
        run(tmp_path)


def test_a_study_reads_the_file_that_is_made(root: Path, tmp_path: Path) -> None:
    columns, _ = run(root)
    np.savez_compressed(tmp_path / "windows.npz", **columns)
    head, tail = '[study]\nname = "a"\ntask = "stress"\n', '[privacy]\nmode = "none"\n'
    people = load(Study.parse(head + SETS["wesad"].study + tail), tmp_path)
    assert people.classes == ("rest", "stress")
    assert [person.y.tolist() for person in people.recorded] == [[0, 1], [0, 0, 0, 1, 1]]
    assert people.recorded[0].x.shape == (2, 5, 30)
