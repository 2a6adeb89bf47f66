"""Small finished runs, copies of them that were tampered with, and a forger who holds the key."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.simulator.conftest import SMALL

import holter
from holter.crypto.signature import SigningKey
from holter.privacy.chain import GENESIS, chained, signer
from holter.rounds import record_form
from holter.rounds.recompute import Account, recompute
from holter.simulator import record as records
from holter.simulator.dice import key
from holter.simulator.store import RunFolder

QUICK = (
    "data.people=40", "data.windows=8", "training.rounds=4", "training.local_steps=1",
    "evaluation.local_steps=1", "personalisation.steps=1", "simulation.protocol_rounds=0",
    "evaluation.every=50",
)  # fmt: skip
MODES: dict[str, tuple[str, ...]] = {
    "distributed": ("simulation.protocol_rounds=1",),
    "central by secagg": ("privacy.mode=central", "privacy.noise_multiplier=2"),
    "central by one-upload": (
        "privacy.mode=central", "privacy.noise_multiplier=2", "aggregation.protocol=one-upload",
    ),
    "four helpers": ("aggregation.protocol=one-upload", "aggregation.helpers=4"),
    "local": ("privacy.mode=local", "privacy.noise_multiplier=5"),
    "local beyond the library": ("privacy.mode=local", "privacy.noise_multiplier=0.02"),
    "what-if": (
        "privacy.meant_for={population=10000,clients_per_round=1000}", "privacy.noise_multiplier=4",
    ),
    "adaptive clip": ("privacy.clipping=adaptive", "privacy.bound=clip"),
    "private metrics": ("privacy.metrics_share=0.1",),
    "folds": ("evaluation.folds=2", "privacy.clipping=adaptive", "privacy.bound=clip"),
    "earlier studies": ("privacy.earlier_rho=0.25",),
    "budget": ("privacy.stop_at_epsilon=12", "training.rounds=12"),
    "abandoned rounds": ("simulation.availability=0.8",),
}  # fmt: skip
FILES = (
    "study.toml", "plan.json", "journal.jsonl", "ledger.jsonl", "result.json", "model.safetensors",
)  # fmt: skip
Change = Callable[[Any], Any]


def make(folder: Path, *overrides: str) -> Path:
    """A finished run in half a second."""
    folder.mkdir()
    study = folder / "study.toml"
    study.write_text(SMALL)
    holter.simulate(study, folder / "run", overrides=[*QUICK, *overrides])
    return folder / "run"


def copy(run: Path, folder: Path) -> Path:
    shutil.copytree(run, folder)
    return folder


def account(run: Path) -> Account:
    return recompute(records.read(RunFolder.open_existing(run)))


def complaints(run: Path) -> tuple[str, ...]:
    """What a report says is wrong; nothing of a sound run."""
    try:
        return recompute(records.read(records.opened(run))).differences
    except records.Unreadable as error:
        return (str(error),)


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def nodes(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of everything inside, branches too."""
    if path:
        yield path
    inner = (
        tree.items() if isinstance(tree, dict) else enumerate(tree if type(tree) is list else ())
    )
    for name, value in inner:
        yield from nodes(value, (*path, name))


def at(tree: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        tree = tree[name]
    return tree


def put(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value there."""
    found = json.loads(json.dumps(tree))
    at(found, path[:-1])[path[-1]] = value
    return found


def forge(
    run: Path,
    *,
    ledger: Change | None = None,
    plans: Change | None = None,
    journal: Change | None = None,
    result: Change | None = None,
    seed: int = 3,
) -> None:
    """Change parts and make every digest, signature and hash good again, as whoever has the
    study's seed can. Each change takes the parsed part and returns another.
    """
    signing = SigningKey(key(seed, "server"))
    if plans is not None:
        found = plans(json.loads((run / "plan.json").read_bytes()))
        (run / "plan.json").write_bytes((json.dumps(found, indent=1) + "\n").encode())
    if journal is not None:
        told = journal(lines_of(run / "journal.jsonl"))
        (run / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in told))
    said = json.loads((run / "result.json").read_bytes())
    if result is not None:
        said = result(said)
    entries = lines_of(run / "ledger.jsonl")
    if isinstance(said, dict) and isinstance(said.get("privacy"), dict):
        entries[-1]["result_sha256"] = record_form.result_digest(said)
    last = (run / "journal.jsonl").read_bytes().splitlines(keepends=True)
    entries[-1]["journal_sha256"] = hashlib.sha256(b"".join(last[:-1])).hexdigest()
    for name, file in (("study", "study.toml"), ("plans", "plan.json")):
        entries[-1][f"{name}_sha256"] = hashlib.sha256((run / file).read_bytes()).hexdigest()
    head, lines = GENESIS, []
    for entry in ledger(entries) if ledger is not None else entries:
        line, head = chained(head, entry, signer(signing))
        lines.append(line)
    (run / "ledger.jsonl").write_bytes(b"".join(lines))
    if isinstance(said, dict) and isinstance(said.get("privacy"), dict):
        if "ledger_head" in said["privacy"] and isinstance(said["privacy"]["ledger_head"], str):
            said["privacy"]["ledger_head"] = head
    (run / "result.json").write_text(json.dumps(said, indent=2) + "\n")
