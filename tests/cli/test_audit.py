"""`holter audit`: what it prints and writes, its exit codes, and a fault that it finds in its path."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from holter.audit import quick
from holter.cli.main import main
from holter.rounds import pipeline
from tests.audit import faults
from tests.cli.conftest import STUDY, Bench

SCHEMA = Path(__file__).parents[2] / "docs" / "audit.schema.json"
NAMES = [
    "draws", "noise_scale", "sampler_fit", "whiteness", "sensitivity", "canary_game", "one_shot",
    "floor", "inversion",
]  # fmt: skip
SYNTHETIC = """
[study]
name = "small"
task = "activity"
[data]
people = 24
windows = 12
[model]
name = "spectral"
hidden = 6
bands = 3
[training]
rounds = 2
clients_per_round = 8
local_steps = 2
[cohort]
survivors_floor = 6
[privacy]
noise_multiplier = 1.0
[evaluation]
local_steps = 2
[simulation]
workers = 1
dropout = 0.0
protocol_rounds = 0
"""
FLEET = "meant_for = { population = 20000, clients_per_round = 500 }"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on synthetic people, under noise. To be copied, not changed."""
    folder = tmp_path_factory.mktemp("audited")
    (folder / "study.toml").write_text(SYNTHETIC)
    assert main(["simulate", str(folder / "study.toml"), "--out", str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the run, to do with as one likes."""
    return Path(shutil.copytree(finished, tmp_path / "audited"))


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A tenth of what a quick audit draws: verdicts are as sure, only small faults are missed."""
    for name in ("EXACT_COORDINATES", "FAST_COORDINATES", "_FLOOR_COORDINATES", "DRAWS"):
        monkeypatch.setattr(quick, name, getattr(quick, name) // 10)
    yield


def lines(printed: str) -> dict[str, str]:
    """Verdict of each finding that was printed."""
    words = [line.split(maxsplit=2) for line in printed.splitlines()]
    return {w[1].rstrip(":"): w[0] for w in words if w[0] in ("passed", "FAILED")}


def test_a_sound_run_passes_and_its_audit_shows_in_the_privacy_report(
    bench: Bench, run: Path
) -> None:
    page = bench.folder / "page.html"
    code, printed, complaint = bench.holter("audit", run, "--quick", "--html", page)
    assert code == 0, complaint
    assert lines(printed) == dict.fromkeys([*NAMES, "membership"], "passed")
    assert "audit.json" in complaint and "audit.html" in complaint and "page.html" in complaint
    assert page.read_bytes() == (run / "audit.html").read_bytes()
    found = json.loads((run / "audit.json").read_text())
    jsonschema.validate(found, json.loads(SCHEMA.read_text()))
    assert found["passed"] and found["quick"] and found["left_out"] == []
    assert found["randomness"]["draws"] == "operating system"
    floor = next(one for one in found["findings"] if one["name"] == "floor")
    assert floor["numbers"]["fewest_reported"] == 8 and "refused all below" in floor["what"]

    code, printed, complaint = bench.holter("privacy", "report", run, "--json")
    assert code == 0, complaint
    facts = json.loads(printed)["points"][9]["facts"]
    assert list(facts) == [*NAMES, "membership"]
    assert facts["noise_scale"].startswith("passed: ")


def test_an_audit_of_another_plan_is_refused_by_the_privacy_report(bench: Bench, run: Path) -> None:
    other = {"format": "holter.audit/1", "plan_hash": "00" * 32, "findings": []}
    for text, said in ((json.dumps(other), "another plan"), ("[]", "not as holter writes it")):
        (run / "audit.json").write_text(text)
        code, _, complaint = bench.holter("privacy", "report", run)
        assert code == 3 and said in complaint and "Traceback" not in complaint


def test_a_fault_in_the_pipeline_that_the_command_runs_is_named_and_the_files_are_written(
    bench: Bench, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every device's share of the noise has a quarter of its variance, wherever it is called from.
    faulty: Any = faults.scaled_noise(1, 4).contribution
    monkeypatch.setattr(pipeline.contribution, "__code__", faulty.__code__)
    code, printed, complaint = bench.holter("audit", run, "--quick", "--json")
    assert code == 3 and "audits failed" in complaint and "noise_scale" in complaint
    found = json.loads(printed)
    assert found == json.loads((run / "audit.json").read_text()) and not found["passed"]
    jsonschema.validate(found, json.loads(SCHEMA.read_text()))
    assert "FAILED" in (run / "audit.html").read_text()


@pytest.mark.long
def test_a_run_that_opened_a_round_below_its_floor_fails_by_name(bench: Bench, run: Path) -> None:
    path = run / "journal.jsonl"
    path.write_text(path.read_text().replace('"reported": 8', '"reported": 2', 1))
    code, printed, _ = bench.holter("audit", run, "--quick")
    assert code == 3 and lines(printed)["floor"] == "FAILED"
    assert [name for name, verdict in lines(printed).items() if verdict == "FAILED"] == ["floor"]


@pytest.mark.long
def test_a_run_whose_recordings_are_gone_is_audited_without_membership(bench: Bench) -> None:
    assert bench.simulate("privacy.mode=distributed", "privacy.noise_multiplier=1")[0] == 0
    (bench.folder / "windows.npz").unlink()
    code, printed, complaint = bench.holter(
        "audit", bench.folder / "run", "--quick", "--data", bench.folder
    )
    assert code == 0, complaint
    assert list(lines(printed)) == NAMES and "left out membership: there is no file" in printed
    (left_out,) = json.loads((bench.folder / "run" / "audit.json").read_text())["left_out"]
    assert left_out["name"] == "membership"


def test_what_promises_nothing_or_is_no_finished_run_is_refused(bench: Bench, run: Path) -> None:
    assert 'mode = "none"' in STUDY and bench.simulate()[0] == 0
    silent = bench.folder / "run"
    (run / "result.json").unlink()
    for folder, said in (
        (silent, "nothing to audit"), (run, "--resume"), (bench.folder / "no", "holds no run"),
    ):  # fmt: skip
        code, _, complaint = bench.holter("audit", folder, "--quick")
        assert code == 2 and said in complaint and "Traceback" not in complaint
        assert not (folder / "audit.json").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plan.json", "{"),
        ("plan.json", '{"trainings": []}'),
        ("plan.json", None),
        ("result.json", "[]"),
        ("journal.jsonl", "[]\n"),
        ("model.safetensors", "no model"),
    ],
)
def test_a_broken_run_ends_with_one_clear_reason(
    bench: Bench, run: Path, name: str, text: str | None
) -> None:
    if text is None:
        (run / name).unlink()
    else:
        (run / name).write_text(text)
    code, _, complaint = bench.holter("audit", run, "--quick")
    assert code == 3 and "does not hold" in complaint and "Traceback" not in complaint
    assert name in complaint.splitlines()[-1] and not (run / "audit.json").exists()


def test_a_page_that_cannot_be_written_is_refused_before_the_audit(bench: Bench, run: Path) -> None:
    code, _, complaint = bench.holter("audit", run, "--html", bench.folder / "no" / "page.html")
    assert code == 2 and "no folder" in complaint and not (run / "audit.json").exists()


def test_a_what_if_is_audited_and_compares_no_members(bench: Bench) -> None:
    study = bench.folder / "what_if.toml"
    study.write_text(
        SYNTHETIC.replace("noise_multiplier = 1.0", "noise_multiplier = 1.0\n" + FLEET)
    )
    assert bench.holter("simulate", study, "--out", bench.folder / "fleet")[0] == 0
    code, printed, _ = bench.holter("audit", bench.folder / "fleet", "--quick")
    assert code == 0 and list(lines(printed)) == NAMES
    assert "left out membership: a what-if" in printed and "would be worth" in printed


@pytest.mark.long
def test_a_quick_audit_of_the_demo_takes_less_than_a_minute(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # all draws
    assert bench.holter("demo", "--out", bench.folder / "demo")[0] == 0
    began = time.process_time()
    code, _, complaint = bench.holter("audit", bench.folder / "demo", "--quick")
    assert code == 0, complaint
    assert time.process_time() - began < 60


@pytest.mark.long
def test_without_quick_more_is_drawn(bench: Bench, run: Path) -> None:
    coordinates = []
    for options in (["--quick"], []):
        assert bench.holter("audit", run, *options)[0] == 0
        found = json.loads((run / "audit.json").read_text())
        scale = next(one for one in found["findings"] if one["name"] == "noise_scale")
        coordinates.append(scale["numbers"]["coordinates"])
    assert 4.9 < coordinates[1] / coordinates[0] < 5.1
