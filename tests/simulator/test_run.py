"""Whole runs: the same seed gives the same bits, however often broken off and with any workers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import holter
from holter.cli import calls, ledgers
from holter.cli.calls import Run, Stage
from holter.privacy import chain
from holter.rounds.journal import RoundRecord

RunSmall = Callable[..., Run]
BITS = ("model.safetensors", "journal.jsonl", "ledger.jsonl", "plan.json", "study.toml")


def bits(run: Run) -> dict[str, Any]:
    files: dict[str, Any] = {name: (run.path / name).read_bytes() for name in BITS}
    return files | {"result": {**run.result, "time": None}}


def test_a_run_folder_holds_what_is_promised(run_small: RunSmall) -> None:
    run = run_small()
    names = {path.name for path in run.path.iterdir()}
    assert names == {*BITS, "result.json", "report.html"}
    assert run.result["format"] == "holter.result/1"
    assert run.result["secure_aggregation"]["exact"] is True
    assert run.result["secure_aggregation"]["rounds_through_protocol"] == 1
    events = [line["event"] for line in run.journal]
    assert events == ["start", *["round"] * 6, "end"]
    model = load_file(run.path / "model.safetensors")
    assert sum(array.size for array in model.values()) == run.result["model"]["parameters"]


def test_the_same_seed_gives_the_same_bits_and_another_does_not(run_small: RunSmall) -> None:
    first, second = run_small(out="a"), run_small(out="b")
    assert bits(first) == bits(second)
    other = run_small("study.seed=4", out="c")
    assert bits(first)["model.safetensors"] != bits(other)["model.safetensors"]


def test_the_number_of_workers_changes_no_bit(run_small: RunSmall) -> None:
    alone, two = run_small(out="a"), run_small("simulation.workers=2", out="b")
    one, other = (load_file(run.path / "model.safetensors") for run in (alone, two))
    assert all(np.array_equal(one[name], other[name]) for name in one)
    ledgers = [(run.path / "ledger.jsonl").read_bytes().splitlines() for run in (alone, two)]
    # The last line names study.toml, which says how many workers there were.
    assert ledgers[0][:-1] == ledgers[1][:-1]
    assert alone.evaluation == two.evaluation


def test_the_ledger_is_a_chain_of_counts_without_devices(run_small: RunSmall) -> None:
    run = run_small()
    head = run.result["privacy"]["ledger_head"]
    entries = chain.verify(
        (run.path / "ledger.jsonl").read_bytes(),
        head,
        chain.checker(bytes.fromhex(run.result["privacy"]["ledger_key"])),
    )
    assert [entry["kind"] for entry in entries] == ["contract", *["round"] * 6, "published"]
    contract = entries[0]
    assert entries[-1]["most_spent_rho_units"] <= (
        contract["max_participations"] * contract["rho_units"]
    )
    assert all(isinstance(value, int | str) for entry in entries for value in entry.values())


def test_a_break_after_any_round_changes_no_bit(small: Path, tmp_path: Path) -> None:
    whole = holter.simulate(small, tmp_path / "whole")

    def stop_at(number: int) -> Callable[[RoundRecord, Stage], None]:
        def tell(record: RoundRecord, stage: Stage) -> None:
            if record.round == number:
                raise KeyboardInterrupt

        return tell

    for number in (1, 4, 6):
        folder = tmp_path / f"broken-{number}"
        with pytest.raises(calls.Interrupted, match=f"after {number} of 6 rounds"):
            holter.simulate(small, folder, on_round=stop_at(number))
        lines = (folder / "journal.jsonl").read_bytes().splitlines()
        assert json.loads(lines[-1]) == {"event": "interrupted", "rounds_done": number}
        assert not (folder / "result.json").exists()
        assert bits(calls.resume(folder)) == bits(whole)


def test_a_break_before_the_first_checkpoint_can_be_resumed_too(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from holter.simulator import run as simulator

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(simulator, "participants", interrupted)
        with pytest.raises(calls.Interrupted, match="after 0 of 6 rounds"):
            holter.simulate(small, tmp_path / "broken")
    whole = holter.simulate(small, tmp_path / "whole")
    assert bits(calls.resume(tmp_path / "broken")) == bits(whole)


def test_folds_test_everyone_once_and_resume_between_trainings(small: Path, tmp_path: Path) -> None:
    folds = ["evaluation.folds=3", "training.rounds=2", "training.clients_per_round=8"]
    whole = holter.simulate(small, tmp_path / "whole", overrides=folds)
    assert whole.evaluation["new_people"]["people"] == 60
    assert whole.result["people"] == {
        "total": 60, "training": 60, "new": 60, "folds": 3, "without_windows": 0, "left_out": [],
    }  # fmt: skip

    def stop(record: RoundRecord, stage: Stage) -> None:
        if stage.training == 2 and record.round == 1:
            raise KeyboardInterrupt

    with pytest.raises(calls.Interrupted, match="after 5 of 8 rounds"):
        holter.simulate(small, tmp_path / "broken", overrides=folds, on_round=stop)
    assert bits(calls.resume(tmp_path / "broken")) == bits(whole)


def test_abandoned_rounds_change_no_model_and_are_counted_with_their_reasons(
    run_small: RunSmall,
) -> None:
    run = run_small("simulation.availability=0.1", "evaluation.local_steps=1")
    rounds = run.result["rounds"]
    assert rounds["abandoned"] == 6 and rounds["closed"] == 0
    assert sum(rounds["abandoned_reasons"].values()) == 6
    assert run.result["traffic"]["upload_bytes_per_client_round"] is None


def test_without_privacy_every_output_says_so(run_small: RunSmall) -> None:
    run = run_small("privacy.mode=none")
    privacy = run.result["privacy"]
    assert privacy["epsilon"] is None and privacy["claimed"] is False
    assert "NOT PRIVATE" in privacy["statement"]
    assert "NOT PRIVATE" in run.report.read_text()
    assert "NOT PRIVATE" in run._repr_html_()


def test_a_simulation_claims_nothing_even_with_noise(run_small: RunSmall) -> None:
    privacy = run_small().result["privacy"]
    assert privacy["epsilon"] > privacy["epsilon_exact"] > 0
    assert privacy["claimed"] is False and "nobody is protected" in privacy["statement"]


def test_without_personalisation_there_is_no_such_block(run_small: RunSmall) -> None:
    run = run_small("personalisation.method=none")
    assert run.evaluation["personalised"] is None and run.evaluation["helped"] is None
    assert run.evaluation["local_only"]["people"] == 15


def test_the_three_arms_are_compared_on_the_same_windows(run_small: RunSmall) -> None:
    evaluation = run_small().evaluation
    arms = [evaluation[name] for name in ("global_later", "local_only", "personalised")]
    assert len({arm["windows"] for arm in arms}) == 1
    assert len({arm["people"] for arm in arms}) == 1
    truths = [{name: c["windows"] for name, c in arm["per_class"].items()} for arm in arms]
    assert truths[0] == truths[1] == truths[2]


def test_over_selection_asks_more_and_still_sizes_noise_for_the_floor(run_small: RunSmall) -> None:
    run = run_small("cohort.over_selection=1.3", "simulation.availability=0.85")
    rounds = [line for line in run.journal if line["event"] == "round"]
    assert all(line["asked"] == 13 for line in rounds)
    assert all(line["reported"] + line["dropped"] == 13 for line in rounds)
    contract = run.result["privacy"]
    assert contract["survivors_floor"] == 8 and contract["max_participations"] == 2


@pytest.mark.parametrize("optimiser", ["sgd", "momentum", "adam"])
def test_epochs_optimisers_and_weights_train(run_small: RunSmall, optimiser: str) -> None:
    run = run_small(
        "training.local_epochs=1", f"training.optimiser={optimiser}", "training.rounds=2",
        "training.learning_rate=0.01", "training.class_weights=0.5", "training.decay=cosine",
        "training.server_optimiser=adam", "training.server_learning_rate=0.01",
    )  # fmt: skip
    assert run.result["rounds"]["closed"] == 2
    assert run.result["training"]["local_steps"] is None


@pytest.mark.parametrize("model", ["softmax", "mlp", "spectral", "mixer", "cnn"])
def test_every_model_of_the_catalogue_takes_part(run_small: RunSmall, model: str) -> None:
    run = run_small(f"model.name={model}", "training.rounds=1", "evaluation.local_steps=1")
    assert run.result["model"]["name"] == model and run.result["rounds"]["closed"] == 1


@pytest.mark.long
@pytest.mark.parametrize("attempt", range(4))
def test_a_run_killed_at_any_moment_goes_on_to_the_same_bits(
    small: Path, tmp_path: Path, attempt: int
) -> None:
    slow = ["training.rounds=30", "simulation.workers=2"]
    whole = holter.simulate(small, tmp_path / "whole", overrides=slow)
    dice = np.random.default_rng(attempt)
    folder = tmp_path / "killed"
    holter_command = [sys.executable, "-m", "holter.cli", "simulate"]
    command = [*holter_command, str(small), "--out", str(folder)]
    for override in slow:
        command += ["--set", override]
    for _ in range(3):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _wait_for_checkpoint(process, folder)
        time.sleep(float(dice.random()) * 1.5)
        process.send_signal(signal.SIGKILL)
        process.wait()
        command = [*holter_command, "--resume", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=300)
    assert bits(holter.load_run(folder)) == bits(whole)


def _wait_for_checkpoint(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Until this process has written one of its own, or has ended; at most two minutes."""
    before = time.time()
    path = folder / "checkpoint.safetensors"
    while process.poll() is None and time.time() < before + 120:
        if path.exists() and path.stat().st_mtime > before:
            return
        time.sleep(0.01)


def test_the_populations_ledger_shows_contract_rounds_and_model(run_small: RunSmall) -> None:
    run = run_small()
    shown = dict(ledgers.rows(run.path, None))
    assert (
        shown["ledger"] == "of a population"
        and run.result["privacy"]["ledger_key"] in shown["signatures"]
    )
    assert shown["rounds held, closed"] == "6, 6"
    (run.path / "ledger.jsonl").write_bytes(b"")
    with pytest.raises(calls.CheckFailed):
        ledgers.rows(run.path, None)
