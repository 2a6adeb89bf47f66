"""Bad input: each ends with exit code 2, one or two lines, and nothing half-written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import holter.cli.main as entry
from tests.cli.conftest import Bench

Arrays = dict[str, Any]


def test_an_unknown_key_offers_the_nearest(bench: Bench) -> None:
    assert "did you mean rounds?" in bench.refused("training.roundz=3")


def test_an_unknown_task_offers_the_nearest(bench: Bench) -> None:
    assert "did you mean activity?" in bench.refused("study.task=activty")


def test_a_missing_file_says_where_it_was_sought(bench: Bench) -> None:
    complaint = bench.refused("data.path=absent.npz")
    assert "absent.npz" in complaint and "HOLTER_DATA" in complaint


def test_a_missing_study_is_named(bench: Bench, tmp_path: Path) -> None:
    code, _, complaint = bench.holter("simulate", tmp_path / "no.toml", "--out", tmp_path / "run")
    assert code == 2 and "no.toml" in complaint and not (tmp_path / "run").exists()


def test_a_wrong_array_name_lists_those_present(bench: Bench) -> None:
    complaint = bench.refused("data.label=lable")
    assert "acc, activity, subject" in complaint


def test_a_wrong_shape_is_shown(bench: Bench, arrays: Arrays) -> None:
    bench.save(**{**arrays, "activity": arrays["activity"][:-1]})
    assert "(119,)" in bench.refused()


def test_nan_and_infinite_samples_are_counted_and_located(bench: Bench, arrays: Arrays) -> None:
    acc = arrays["acc"].astype(np.float32)
    acc[33, 0, 2], acc[34, 1, 1], acc[90, 0, 0] = np.nan, np.inf, np.nan
    bench.save(**{**arrays, "acc": acc})
    complaint = bench.refused()
    assert "3 windows" in complaint and "3 (2)" in complaint and "9 (1)" in complaint
    assert bench.simulate("data.missing=person-mean")[0] == 0
    assert bench.simulate("data.missing=mask", out="masked")[0] == 0


def test_one_class_only_is_nothing_to_learn(bench: Bench, arrays: Arrays) -> None:
    bench.save(**{**arrays, "activity": np.zeros(120, dtype=np.int8)})
    assert "one class" in bench.refused()


def test_fewer_people_than_the_cohort_needs(bench: Bench) -> None:
    assert "only 9 people" in bench.refused("training.clients_per_round=10")


def test_a_person_without_data_is_named(bench: Bench, arrays: Arrays) -> None:
    activity = arrays["activity"].copy()
    activity[arrays["subject"] == 4] = 7
    bench.save(**{**arrays, "activity": activity})
    assert "person 4" in bench.refused("data.leave_out=[7]")
    assert bench.simulate("data.leave_out=[7]", "data.leave_out_people=[4]")[0] == 0


def test_labels_that_the_map_misses_are_counted(bench: Bench, arrays: Arrays) -> None:
    activity = arrays["activity"].copy()
    activity[:7] = 9
    bench.save(**{**arrays, "activity": activity})
    assert "9 (7 windows)" in bench.refused()


def test_a_model_whose_output_does_not_fit_the_classes(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mymodels.py").write_text(
        "from torch import nn\n"
        "class M(nn.Module):\n"
        "    def __init__(self, n):\n"
        "        super().__init__()\n"
        "        self.head = nn.Linear(48, n)\n"
        "    def forward(self, x, extra):\n"
        "        return self.head(x.flatten(1))\n"
        "def wrong(shape):\n"
        "    return M(5)\n"
        "def right(shape):\n"
        "    return M(shape.classes)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "(2, 5)" in bench.refused("model.name=mymodels:wrong")
    assert "cannot be imported" in bench.refused("model.name=mymodels:absent")
    assert bench.simulate("model.name=mymodels:right", "simulation.workers=2")[0] == 0
    sys.modules.pop("mymodels", None)


def test_an_epsilon_out_of_reach_says_what_would_work(bench: Bench) -> None:
    complaint = bench.refused("privacy.mode=distributed", "privacy.epsilon=0.1")
    assert "What would work" in complaint


def test_a_folder_that_holds_a_run_is_kept_unless_forced(bench: Bench) -> None:
    assert bench.simulate()[0] == 0
    before = (bench.folder / "run" / "result.json").read_bytes()
    code, _, complaint = bench.simulate()
    assert code == 2 and "--force" in complaint
    assert (bench.folder / "run" / "result.json").read_bytes() == before
    code, _, complaint = bench.holter(
        "simulate", bench.study, "--data", bench.folder, "--out", bench.folder / "run", "--force"
    )
    assert code == 0, complaint


def test_a_folder_with_other_files_is_never_touched(bench: Bench) -> None:
    (bench.folder / "run").mkdir()
    precious = bench.folder / "run" / "thesis.txt"
    precious.write_text("years of work")
    for force in ((), ("--force",)):
        code, _, complaint = bench.holter(
            "simulate", bench.study, "--data", bench.folder, "--out", bench.folder / "run", *force
        )
        assert code == 2 and "other files" in complaint
    assert precious.read_text() == "years of work"


def test_force_keeps_the_old_run_when_the_new_study_is_refused(bench: Bench) -> None:
    assert bench.simulate()[0] == 0
    code, _, _ = bench.holter(
        "simulate", bench.study, "--data", bench.folder, "--out", bench.folder / "run", "--force",
        "--set", "data.label=nothing",
    )  # fmt: skip
    assert code == 2 and (bench.folder / "run" / "result.json").exists()


def test_not_an_npz_file(bench: Bench) -> None:
    (bench.folder / "windows.npz").write_bytes(b"hello")
    assert "not a readable npz" in bench.refused()


@pytest.mark.parametrize("arguments", [["--bad"], ["simulate", "--bad"], ["nothing"]])
def test_wrong_options_and_commands_are_one_line(bench: Bench, arguments: list[str]) -> None:
    code, _, complaint = bench.holter(*arguments)
    assert code == 2 and len(complaint.strip().splitlines()) == 1 and "--help" in complaint


def test_a_task_that_cannot_be_loaded_and_a_full_disk_are_one_line(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, complaint = bench.holter("init", bench.folder / "new", "--task", "nowhere:Task")
    assert code == 2 and "nowhere:Task" in complaint and len(complaint.splitlines()) == 1
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        code, _, complaint = bench.holter("--help")
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space left"):
            full.close()
    assert code == 2 and complaint == "holter: the output is cut off: No space left on device\n"


def test_ctrl_c_while_the_commands_are_imported_is_one_line(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "_app", stopped)
    code, _, complaint = bench.holter("tasks")
    assert (code, complaint) == (130, "holter: interrupted before anything was written\n")


def test_the_whole_command_ends_with_2_where_its_output_cannot_be_written() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "holter.cli", "tasks"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "holter: the output is cut off: No space left on device\n"


def test_help_says_required_without_an_escape(bench: Bench) -> None:
    printed = bench.holter("data", "import", "--help")[1]
    assert " [required]" in printed and "\\" not in printed


def test_resuming_what_is_no_run_is_refused(bench: Bench) -> None:
    code, _, complaint = bench.holter("simulate", "--resume", bench.folder)
    assert code == 2 and "no checkpoint" in complaint
    code, _, complaint = bench.holter("simulate", "--resume", bench.folder / "absent")
    assert code == 2 and "holds no run" in complaint


def test_measuring_what_nobody_knows_is_one_line(bench: Bench) -> None:
    code, _, complaint = bench.holter("bench", "moonlight")
    assert code == 2 and "secagg" in complaint and len(complaint.strip().splitlines()) == 1
    code, _, complaint = bench.holter("bench", "secagg", "--runs", "0")
    assert code == 2 and len(complaint.strip().splitlines()) == 1
