"""Studies on recordings: exports and stores of several people, cut by the task, split by person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import holter
from holter.cli.calls import UserError
from holter.device.store import Store
from holter.rounds.study import Study
from holter.simulator.people import load
from holter.simulator.wearers import recording

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.toml"))
NIGHTS = """
[study]
name = "nights"
task = "sleep-stages"
[data]
source = "recordings"
path = "nights"
missing = "mask"
normalise = "person"
[model]
name = "softmax"
[training]
rounds = 2
clients_per_round = 3
local_steps = 2
[privacy]
mode = "none"
[evaluation]
local_steps = 2
[simulation]
workers = 1
"""
SMALL = (
    "data.people=24", "data.windows=12", "training.rounds=2", "training.clients_per_round=8",
    "evaluation.folds=2", "evaluation.local_steps=2", "personalisation.steps=2",
    "simulation.workers=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five people's synthetic nights, each in the store of a device, under ``nights``."""
    root = tmp_path_factory.mktemp("data")
    (root / "nights").mkdir()
    for index in range(5):
        made = recording(
            3, index, session="night", hours=3.0, channels=("heart_rate", "sleep_stage")
        )
        with Store.create(root / "nights" / f"person-{index}.store") as store:
            store.add([made], minute=0)
    (root / "nights" / "README.txt").write_text("beside the data")
    return root


def _study(tmp_path: Path, text: str, *changes: tuple[str, str]) -> Path:
    for one, other in changes:
        text = text.replace(one, other)
    path = tmp_path / "study.toml"
    path.write_text(text)
    return path


def test_a_study_runs_on_the_stores_of_devices(nights: Path, tmp_path: Path) -> None:
    run = holter.simulate(_study(tmp_path, NIGHTS), tmp_path / "run", data=nights)
    assert run.result["people"]["total"] == 5
    assert run.result["classes"] == ["wake", "NREM", "REM"]
    assert run.result["synthetic"] is True  # they are, and their source says so
    assert run.evaluation["alarm"] is None


def test_classes_of_a_task_are_merged_by_the_studys_words(nights: Path, tmp_path: Path) -> None:
    words = '[data]\nlabels = { wake = ["wake"], sleep = ["NREM", "REM"] }'
    run = holter.simulate(
        _study(tmp_path, NIGHTS, ("[data]", words)), tmp_path / "run", data=nights
    )
    assert run.result["classes"] == ["wake", "sleep"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ([("sleep-stages", "heartbeat")], "finds windows of 0 people .* no ecg \\(5\\)"),
        ([('missing = "mask"', 'missing = "error"')], "windows have gaps: set data.missing"),
        ([('path = "nights"', 'path = "days"')], "no file or folder"),
        ([('path = "nights"', 'path = "nights/README.txt"')], "no recording that holter reads"),
        ([("[data]", '[data]\nleave_out = ["REM", "NREM", "wake"]')], "leaves no window"),
        ([("[data]", '[data]\nlabels = { wake = ["wake"] }')], "misses the task's classes NREM"),
        ([("[data]", '[data]\nmapping = "none.toml"')], "data.mapping = 'none.toml' cannot be"),
        ([("sleep-stages", "nowhere:Task")], "cannot be loaded"),
    ],
)
def test_recordings_that_do_not_fit_the_study_are_refused_before_anything_is_written(
    nights: Path, tmp_path: Path, changes: Sequence[tuple[str, str]], says: str
) -> None:
    study = _study(tmp_path, NIGHTS, *changes)
    with pytest.raises(UserError, match=says) as caught:
        holter.simulate(study, tmp_path / "run", data=nights)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_who_is_left_out_by_name_is_not_in_the_study(nights: Path, tmp_path: Path) -> None:
    run = holter.simulate(
        _study(tmp_path, NIGHTS), tmp_path / "run", data=nights,
        overrides=["data.leave_out_people=['person-1']"],
    )  # fmt: skip
    assert run.result["people"]["total"] == 4


@pytest.mark.recordings
def test_the_daily_tables_of_33_people_are_cut_into_weeks(data_root: Path, tmp_path: Path) -> None:
    study = next(path for path in STUDIES if path.stem == "fitbit_fitabase")
    run = holter.simulate(
        study, tmp_path / "run", data=data_root,
        overrides=["training.rounds=2", "evaluation.folds=2", "evaluation.local_steps=2",
                   "personalisation.steps=2", "simulation.workers=1"],
    )  # fmt: skip
    assert run.result["people"]["total"] == 32  # one wore it for four days
    assert run.evaluation["new_people"]["windows"] > 550
    assert run.result["synthetic"] is False


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_committed_study_runs_on_synthetic_people_too(path: Path, tmp_path: Path) -> None:
    run = holter.simulate(path, tmp_path / "run", overrides=["data.source=synthetic", *SMALL])
    assert run.result["synthetic"] is True
    alarm = run.evaluation["alarm"]
    assert (alarm is not None) == (run.result["study"]["task"] == "fall-alarm")


def test_an_alarm_counts_falls_and_hours_of_daily_life(tmp_path: Path) -> None:
    study = next(path for path in STUDIES if path.stem == "sisfall_alarm")
    run = holter.simulate(study, tmp_path / "run", overrides=["data.source=synthetic", *SMALL])
    people = load(Study.parse(study.read_text(), ["data.source=synthetic", *SMALL]), Path())
    y = np.concatenate([person.y for person in people.recorded])
    for level in run.evaluation["alarm"]:
        assert level["events"] == int((y == 1).sum())
        assert level["hours"] == pytest.approx(int((y == 0).sum()) * 2.56 / 3600)
    missed = [level["missed"] for level in run.evaluation["alarm"]]
    assert missed == sorted(missed)


LEAK = """
[study]
name = "leak"
task = "activity"
[data]
source = "npz"
path = "who.npz"
labels = { one = [0], other = [1] }
[[data.signals]]
array = "x"
[model]
name = "mlp"
hidden = 32
[training]
rounds = 40
clients_per_round = 10
local_steps = 10
optimiser = "adam"
learning_rate = 0.01
[privacy]
mode = "none"
[personalisation]
method = "none"
[evaluation]
local_steps = 2
share = 0.5
[simulation]
workers = 1
"""


def test_a_random_split_measures_memory_and_every_output_says_so(tmp_path: Path) -> None:
    """What each person does in either class is drawn anew: only memory can tell the two apart."""
    dice = np.random.default_rng(5)
    who, label = np.repeat(np.arange(40), 12), np.tile([0, 1], 240)
    habit = dice.normal(size=(40, 2, 1, 32))
    x = (habit[who, label] + 0.05 * dice.normal(size=(480, 1, 32))).astype(np.float32)
    np.savez(tmp_path / "who.npz", x=x, person=who, label=label)
    study = _study(tmp_path, LEAK)
    honest = holter.simulate(study, tmp_path / "honest", data=tmp_path)
    leaking = holter.simulate(
        study, tmp_path / "leaking", data=tmp_path,
        overrides=["evaluation.split=random-windows-that-leak"],
    )  # fmt: skip
    assert honest.evaluation["new_people"]["accuracy"] < 0.7
    assert leaking.evaluation["new_people"]["accuracy"] > 0.8
    assert honest.result["split"] == "people"
    assert leaking.result["split"] == "random-windows-that-leak"
    assert leaking.result["people"]["training"] == leaking.result["people"]["total"] == 40
    assert "LEAKING SPLIT" in leaking.report.read_text()
    assert "LEAKING SPLIT" not in honest.report.read_text()


@pytest.mark.parametrize("asked", ["random", "windows", "random-windows"])
def test_a_random_split_is_refused_by_any_other_name(tmp_path: Path, asked: str) -> None:
    with pytest.raises(UserError, match="random-windows-that-leak"):
        holter.simulate(
            _study(tmp_path, LEAK), tmp_path / "run", overrides=[f"evaluation.split={asked}"]
        )


@pytest.mark.recordings
def test_what_was_learnt_from_synthetic_nights_is_tested_on_real_ones(
    data_root: Path, tmp_path: Path
) -> None:
    study = next(path for path in STUDIES if path.stem == "walch_sleep")
    run = holter.simulate(study, tmp_path / "run", overrides=["data.source=synthetic", *SMALL])
    found = holter.evaluate(run, data_root / "format_samples" / "walch_text")
    assert found["new_people"]["people"] == 4
    assert 3_000 < found["new_people"]["windows"] < 4_000
    with pytest.raises(UserError, match="finds windows of 0 people"):
        holter.evaluate(run, data_root / "format_samples" / "fitbit_csv")
