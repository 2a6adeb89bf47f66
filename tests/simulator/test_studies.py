"""The committed studies on the real recordings: they read, they run, they tell people apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import holter
from holter.rounds.study import Study
from holter.signals.tasks import TASKS
from holter.simulator.people import load

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.toml"))
PEOPLE = {
    "walch_sleep": (23, ("wake", "NREM", "REM"), 19_998),
    "mitbih_arrhythmia": (22, ("N", "S", "V"), 50_992),
    "sisfall": (30, None, 16_322),
    "wisdm_v1_features": (36, None, 5_418),
    "stress_predict": (26, None, 2_714),
    "hmp_wrist": (16, None, 5_722),
    "sisfall_alarm": (30, ("daily", "fall"), 16_322),
}  # people, classes and windows as the READMEs of the sets count them

DAILY = "fitbit_fitabase"  # not windows: tables that the task cuts, see test_recordings
OF_WINDOWS = [path for path in STUDIES if path.stem != DAILY]
RUNS = [(name, False) for name in PEOPLE] + [("walch_sleep", True), ("wisdm_v1_features", True)]


def test_there_is_a_study_for_each_set_and_a_default_study_for_each_task() -> None:
    assert {path.stem for path in STUDIES} == {*PEOPLE, DAILY}
    assert {Study.parse(path.read_text()).study.task for path in STUDIES} == set(TASKS)


@pytest.mark.recordings
@pytest.mark.parametrize("path", OF_WINDOWS, ids=lambda path: path.stem)
def test_a_study_reads_everyone_of_its_set(path: Path, data_root: Path) -> None:
    study = Study.parse(path.read_text())
    assert study.privacy.mode == "none"
    people, classes, windows = PEOPLE[path.stem]
    found = load(study, data_root)
    assert len(found.recorded) == people and not found.synthetic
    assert sum(len(person.y) for person in found.recorded) == windows
    assert classes is None or found.classes == classes
    for person in found.recorded:
        assert np.all(np.diff(person.seconds) >= 0)


@pytest.mark.recordings
@pytest.mark.parametrize(("name", "noise"), RUNS)
def test_a_study_runs_on_its_recordings(
    name: str, noise: bool, data_root: Path, tmp_path: Path
) -> None:
    path = next(path for path in STUDIES if path.stem == name)
    overrides = ["training.rounds=2", "evaluation.folds=2", "evaluation.local_steps=2",
                 "personalisation.steps=2", "simulation.workers=1"]  # fmt: skip
    if noise:
        overrides += ["privacy.mode=distributed", "privacy.noise_multiplier=1.0"]
    run = holter.simulate(path, tmp_path / "run", data=data_root, overrides=overrides)
    assert run.result["synthetic"] is False
    assert run.evaluation["new_people"]["people"] == PEOPLE[name][0]
    assert (run.result["privacy"]["epsilon"] is not None) == noise
    assert run.result["secure_aggregation"]["exact"] is True


@pytest.mark.recordings
def test_a_saved_model_is_evaluated_on_a_file_of_the_same_layout(
    data_root: Path, tmp_path: Path
) -> None:
    study = next(path for path in STUDIES if path.stem == "walch_sleep")
    overrides = ["training.rounds=2", "evaluation.folds=2", "simulation.workers=1"]
    run = holter.simulate(study, tmp_path / "run", data=data_root, overrides=overrides)
    file = data_root / "walch_sleep" / "walch_hr_epochs.npz"
    evaluation = holter.evaluate(run, file)
    assert evaluation["new_people"]["people"] == 23
