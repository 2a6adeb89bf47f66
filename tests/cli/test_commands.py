"""The commands: what they print, what they write, and that Python gets the same."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from rich.console import Console

import holter
from holter.cli import show
from holter.cli.begin import study_template
from holter.rounds.study import Study
from holter.signals.tasks import TASKS
from tests.cli.conftest import Bench

RunOf = Callable[[], Path]
SCHEMA = Path(__file__).parents[2] / "docs" / "result.schema.json"


def test_help_is_complete_and_every_command_has_an_example(bench: Bench) -> None:
    code, text, _ = bench.holter("--help")
    assert code == 0
    for command in ("demo", "simulate", "evaluate", "init", "tasks"):
        assert command in text
        code, text_of, _ = bench.holter(command, "--help")
        assert code == 0 and f"Example: holter {command}" in text_of


def test_the_result_fits_its_schema(run_of: RunOf) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.validate(holter.load_run(run_of()).result, schema)


def test_plain_lines_and_one_screen_when_the_output_is_no_terminal(bench: Bench) -> None:
    code, printed, _ = bench.simulate()
    assert code == 0
    assert "round 2/2: asked 5, reported 5, dropped 0" in printed
    assert "NOT PRIVATE" in printed and "SIMULATION: nobody is protected" in printed
    assert "learning alone" in printed and "report.html" in printed
    assert "\x1b" not in printed


def test_an_alarm_shows_its_rates_over_all_and_over_people_in_eighty_columns() -> None:
    level = {
        "level": 0.9999, "events": 123_456, "missed": 16, "missed_share": 1.0, "hours": 123_456.7,
        "false_alarms": 8, "per_hour": 1401.25, "person_median_per_hour": 1402.25,
        "person_p90_per_hour": 1403.25, "person_most_per_hour": 1404.25,
    }  # fmt: skip
    nothing = dict.fromkeys(level, None) | {"level": 0.5}
    console = Console(file=io.StringIO(), width=80)
    console.print(show.alarm([level, nothing]))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    (row,) = [line for line in lines if "0.9999" in line]
    cells = ["0.9999", "100.0%", "1401.25", "1402.25", "1403.25", "1404.25"]
    assert row.replace("│", " ").split() == cells
    assert all(word in console.file.getvalue() for word in ("all", "median", "90th", "worst"))


def test_evaluate_prints_the_same_table_or_json(
    bench: Bench, run_of: RunOf, arrays: dict[str, Any]
) -> None:
    run = run_of()
    other = bench.folder / "others.npz"
    np.savez(other, **arrays)
    code, printed, _ = bench.holter("evaluate", run, "--data", other)
    assert code == 0 and "federated" in printed
    code, printed, _ = bench.holter("evaluate", run, "--data", other, "--json")
    blocks = json.loads(printed)
    assert blocks == json.loads(json.dumps(holter.evaluate(run, other)))
    assert blocks["new_people"]["people"] == 12


def test_evaluate_on_the_runs_own_new_people_gives_the_runs_own_scores(
    bench: Bench, run_of: RunOf, arrays: dict[str, Any]
) -> None:
    run = holter.load_run(run_of())
    scores = []
    for person in range(12):
        rows = arrays["subject"] == person
        path = bench.folder / f"{person}.npz"
        np.savez(path, **{name: array[rows] for name, array in arrays.items()})
        scores.append(holter.evaluate(run, path)["new_people"]["accuracy"])
    for accuracy in run.evaluation["distribution"]["new_people"]:
        assert any(abs(accuracy - score) < 1e-12 for score in scores)


def test_evaluate_refuses_a_missing_file_and_an_unfinished_run(bench: Bench, run_of: RunOf) -> None:
    run = run_of()
    assert bench.holter("evaluate", run, "--data", bench.folder / "no.npz")[0] == 2
    (run / "result.json").unlink()
    code, _, complaint = bench.holter("evaluate", run, "--data", bench.folder / "windows.npz")
    assert code == 2 and "--resume" in complaint


def test_csv_needs_no_code_either(bench: Bench) -> None:
    rows = ["who,what,a,b"]
    for person in range(12):
        for window in range(8):
            label = "walk" if window % 2 else "run"
            rows.append(f"p{person},{label},{window % 2 + 0.1 * person},{window}")
    (bench.folder / "windows.csv").write_text("\n".join(rows))
    bench.study.write_text(
        '[study]\nname = "csv"\ntask = "activity"\n[data]\nsource = "csv"\npath = "windows.csv"\n'
        'person = "who"\nlabel = "what"\ncolumns = ["a", "b"]\n[model]\nname = "softmax"\n'
        '[training]\nrounds = 2\nclients_per_round = 5\n[privacy]\nmode = "none"\n'
        "[simulation]\nworkers = 1\n"
    )
    code, _, complaint = bench.simulate()
    assert code == 0, complaint
    assert holter.load_run(bench.folder / "run").result["classes"] == ["run", "walk"]


@pytest.mark.parametrize("task", list(TASKS))
def test_init_writes_a_study_that_parses_for_every_task(bench: Bench, task: str) -> None:
    folder = bench.folder / task
    code, printed, _ = bench.holter("init", folder, "--task", task)
    assert code == 0 and "holter simulate" in printed
    study = Study.parse((folder / "study.toml").read_text())
    assert study.study.task == task and study.data.source == "synthetic"
    text = (folder / "study.toml").read_text()
    for key in ("rounds", "clients_per_round", "local_steps", "learning_rate"):
        assert f"\n{key} = " in text
    assert bench.holter("init", folder, "--task", task)[0] == 2


@pytest.mark.parametrize("task", list(TASKS))
def test_what_init_writes_runs_as_it_is_but_for_its_size(bench: Bench, task: str) -> None:
    bench.study.write_text(study_template(task, name="tiny"))
    code, _, complaint = bench.simulate(
        "data.people=24", "data.windows=12", "training.rounds=2", "training.clients_per_round=8",
        "cohort.survivors_floor=6", "privacy.noise_multiplier=1", "evaluation.local_steps=2",
        "simulation.workers=1", "simulation.dropout=0",
    )  # fmt: skip
    assert code == 0, complaint


def test_importing_holter_loads_no_torch_and_next_to_nothing() -> None:
    code = (
        "import sys, time; began = time.perf_counter(); import holter; "
        "took = time.perf_counter() - began; "
        "loaded = {'torch', 'numpy', 'scipy', 'dp_accounting', 'rich'} & set(sys.modules); "
        "print(loaded, holter.__all__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("set()")


@pytest.mark.parametrize("command", [["--help"], ["tasks"], ["init", "somewhere"]])
def test_light_commands_never_load_torch(tmp_path: Path, command: list[str]) -> None:
    code = (
        "import sys; from holter.cli.main import main; "
        f"code = main({command!r}); assert 'torch' not in sys.modules; sys.exit(code)"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=tmp_path, stdout=subprocess.DEVNULL
    )


def test_a_run_shows_itself_in_a_notebook(run_of: RunOf) -> None:
    html = holter.load_run(run_of())._repr_html_()
    assert "<svg" in html and "<table" in html and "<script" not in html


def test_python_and_the_command_line_make_the_same_run(bench: Bench, run_of: RunOf) -> None:
    shown = []
    run = holter.simulate(
        bench.study, bench.folder / "other", data=bench.folder,
        on_round=lambda record, stage: shown.append(record.round),
    )  # fmt: skip
    assert shown == [1, 2]
    assert run.evaluation == holter.load_run(run_of()).evaluation
