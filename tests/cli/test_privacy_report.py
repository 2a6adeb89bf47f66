"""``holter privacy report``: 0 for a sound run, 2 where there is none, 3 where anything differs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holter.cli import calls
from holter.cli.main import main
from holter.rounds.privacy_report import TITLES
from holter.simulator.store import RunFolder
from tests.rounds import runs

Holter = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs.make(tmp_path_factory.mktemp("report") / "run")


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy of a finished run."""
    return runs.copy(made, tmp_path / "run")


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Holter:
    def call(*arguments: str | Path) -> tuple[int, str, str]:
        code = main(["privacy", "report", *map(str, arguments)])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return call


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("mode", runs.MODES)
def test_a_sound_run_of_each_mode_reports_with_exit_0(
    report: Holter, tmp_path: Path, mode: str
) -> None:
    code, out, complaint = report(runs.make(tmp_path / "made", *runs.MODES[mode]), "--json")
    assert (code, complaint) == (0, "")
    assert [point["title"] for point in json.loads(out)["points"]] == list(TITLES)


def test_every_fact_and_every_word_stands_in_the_text_in_order(report: Holter, run: Path) -> None:
    _, out, _ = report(run, "--json")
    _, text, complaint = report(run)
    facts, flat = json.loads(out), " ".join(text.split())
    assert complaint == "" and "small" in text.splitlines()[0]
    place = 0
    for banner in facts["banners"]:
        place = flat.index(banner, place)
    for point in facts["points"]:
        place = flat.index(f"{point['number']}. {point['title']}", place)
        for said in [f"{n}: {v}" for n, v in point["facts"].items()] + point["words"]:
            place = flat.index(said, place)


def test_golden_lines_of_a_small_run(report: Holter, run: Path) -> None:
    text = report(run)[1]
    for line in (
        "SYNTHETIC PEOPLE: the recordings were made by a program.",
        "1. Setting, and who is trusted for what",
        "   holds against: honest-but-curious server",
        "   adjacency: zero-out",
        "   epsilon: 17.8614",
        "   rho (zero-concentrated): 3.999981524",
        "   rounds planned / held / closed: 4 / 4 / 4",
        "   No audit of this run's pipeline was made: `holter audit RUN` makes one.",
        "14. In plain words",
    ):
        assert line in text.splitlines(), line


def test_a_report_writes_nothing_unless_it_is_asked_to(
    report: Holter, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    before = contents(tmp_path)
    for form in ([], ["--json"]):
        assert report(run, *form)[0] == 0
    assert contents(tmp_path) == before
    assert report(run, "--html", "page.html")[0] == 0
    after = contents(tmp_path)
    assert after.pop("elsewhere/page.html") and after == before


def test_a_page_that_cannot_be_written_is_one_line_and_exit_2(
    report: Holter, run: Path, tmp_path: Path
) -> None:
    for page in (tmp_path / "no" / "such" / "page.html", tmp_path):
        code, out, complaint = report(run, "--html", page)
        assert (code, out, len(complaint.splitlines())) == (2, "", 1)
        assert str(page) in complaint


def test_a_run_without_a_promise_is_one_line_and_exit_2(report: Holter, tmp_path: Path) -> None:
    run = runs.make(tmp_path / "made", "privacy.mode=none")
    code, out, complaint = report(run)
    assert (code, out, len(complaint.splitlines())) == (2, "", 1)
    assert "promised nothing" in complaint
    (run / "journal.jsonl").write_bytes((run / "journal.jsonl").read_bytes().replace(b"8", b"7"))
    assert report(run)[0] == 3  # a broken record is broken, whatever was promised


def test_a_promise_cannot_be_talked_away(report: Holter, run: Path) -> None:
    text = (run / "result.json").read_text()
    (run / "result.json").write_text(text.replace('"mode": "distributed"', '"mode": "none"'))
    assert report(run)[0] == 3


def test_where_there_is_no_finished_run_it_is_one_line_and_exit_2(
    report: Holter, run: Path, tmp_path: Path
) -> None:
    (run / "result.json").unlink()
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder in (empty, tmp_path / "absent", run / "plan.json", run):
        code, out, complaint = report(folder)
        assert (code, out, len(complaint.splitlines())) == (2, "", 1), folder
    assert "--resume" in complaint


def test_every_difference_has_a_line_that_names_its_part(report: Holter, run: Path) -> None:
    lines = (run / "journal.jsonl").read_text().replace('"reported": 9', '"reported": 8')
    (run / "journal.jsonl").write_text(lines.replace('"reported": 10', '"reported": 9'))
    (run / "study.toml").write_text((run / "study.toml").read_text() + "\n")
    code, out, complaint = report(run)
    assert (code, out) == (3, "")
    first, *differences = complaint.splitlines()
    assert first == "holter: the record of this run does not hold"
    named = [line.strip().split()[0] for line in differences]
    assert named == ["study.toml", "journal.jsonl"]


@pytest.mark.parametrize("name", [*runs.FILES, "audit.json"])
@pytest.mark.parametrize("garbage", [b"", b"{}", b"[" * 100_000, b"\xff", b"NaN", b"[1, {}]"])
def test_garbage_in_any_file_is_exit_3_and_never_a_traceback(
    report: Holter, run: Path, name: str, garbage: bytes
) -> None:
    (run / name).write_bytes(garbage)
    code, out, complaint = report(run)
    assert (code, out) == (3, "")
    assert name.split(".")[0] in complaint.splitlines()[1]


def test_a_missing_file_is_exit_3_and_named(report: Holter, made: Path, tmp_path: Path) -> None:
    for name in set(runs.FILES) - {"study.toml", "result.json"}:
        run = runs.copy(made, tmp_path / name)
        (run / name).unlink()
        code, _, complaint = report(run)
        assert code == 3 and f"{name} is missing" in complaint


def test_files_exchanged_between_two_runs_of_one_study_are_noticed(
    report: Holter, run: Path, tmp_path: Path
) -> None:
    other = runs.make(tmp_path / "other", "study.seed=4")
    for name in runs.FILES:
        here = runs.copy(run, tmp_path / f"with-{name}")
        shutil.copy(other / name, here / name)
        assert report(here)[0] == 3 or name == "plan.json"  # the plan does not depend on the seed


@pytest.mark.parametrize("point", ["append", "finish"])
def test_a_run_broken_off_at_its_last_line_ends_with_the_same_bytes_and_reports(
    report: Holter, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """The ledger's last line names files that are not there yet; a break right after it is mended."""
    done = getattr(RunFolder, point)

    def interrupted(self: RunFolder, *arguments: Any) -> None:
        last = point == "finish" or b'"published"' in arguments[1]
        if last:
            if point == "append":
                done(self, *arguments)
            raise KeyboardInterrupt
        done(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, point, interrupted)
        with pytest.raises(calls.Interrupted):
            runs.make(tmp_path / "broken")
    broken = tmp_path / "broken" / "run"
    assert report(broken)[0] == 2
    calls.resume(broken)
    for name in set(runs.FILES) - {"result.json"}:
        assert (broken / name).read_bytes() == (made / name).read_bytes(), name
    assert report(broken)[0] == 0
