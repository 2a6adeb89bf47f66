"""A run's folder: what is written when, so that it is valid at every instant.

The journal and the ledger are appended and made durable line by line. The checkpoint is
replaced in one rename after each round; a run that was interrupted, by Ctrl-C or by the
plug, goes on from it and cuts journal and ledger back to what the checkpoint knew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
import tomli_w
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from holter.rounds import plan_text
from holter.rounds.plan import Plan
from holter.rounds.study import Study

Arrays = dict[str, npt.NDArray[Any]]

STUDY, PLANS, JOURNAL, LEDGER = "study.toml", "plan.json", "journal.jsonl", "ledger.jsonl"
RESULT, REPORT, MODEL, CHECKPOINT = (
    "result.json",
    "report.html",
    "model.safetensors",
    "checkpoint.safetensors",
)
AUDIT, AUDIT_REPORT = "audit.json", "audit.html"
_OURS = {
    STUDY, PLANS, JOURNAL, LEDGER, RESULT, REPORT, MODEL, CHECKPOINT, AUDIT, AUDIT_REPORT,
}  # fmt: skip


class RunFolderError(ValueError):
    """A run folder that cannot be used as asked; the message says what to do."""


class RunFolder:
    """One run on disk. Make it with ``create`` or ``open_existing``."""

    def __init__(self, path: Path, study: Study) -> None:
        self.path = path
        self.study = study

    @classmethod
    def create(cls, path: Path, study: Study, *, force: bool) -> RunFolder:
        """A new folder with the study in it. Raises RunFolderError where something is there."""
        check_free(path, force=force)
        if path.exists():
            _clear(path)
        path.mkdir(parents=True, exist_ok=True)
        run = cls(path, study)
        _replace(path / STUDY, study_text(study))
        for name in (JOURNAL, LEDGER):
            _replace(path / name, b"")
        return run

    @classmethod
    def open_existing(cls, path: Path) -> RunFolder:
        """A folder that holds a run, whole or interrupted. Raises RunFolderError."""
        try:
            text = (path / STUDY).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            raise RunFolderError(f"{path} holds no run (no {STUDY})") from None
        return cls(path, Study.parse(text))

    @property
    def digest(self) -> str:
        """SHA-256 of the study as run."""
        return hashlib.sha256((self.path / STUDY).read_bytes()).hexdigest()

    def write_plans(
        self, plans: Sequence[Plan], people: Sequence[int], meant_for: Plan | None
    ) -> None:
        """The plan of each training with how many train, and the fleet's plan of a what-if.

        Raises RunFolderError where others are there: the run was begun under other rules.
        """
        text = {
            "format": plan_text.FORMAT,
            "trainings": [
                {"people": count, "plan": plan_text.to_json(plan)}
                for plan, count in zip(plans, people, strict=True)
            ],
            "meant_for": None if meant_for is None else plan_text.to_json(meant_for),
        }
        data = (json.dumps(text, indent=1) + "\n").encode()
        path = self.path / PLANS
        if path.exists() and path.read_bytes() != data:
            raise RunFolderError(
                f"{path} is not what this version of holter plans for the study: begin a new run"
            )
        _replace(path, data)

    @property
    def finished(self) -> bool:
        """Whether the run reached its end."""
        return (self.path / RESULT).exists()

    def check_begun(self) -> None:
        """Raises RunFolderError where no run was ever begun, so that there is nothing to resume."""
        if not (self.path / JOURNAL).exists():
            raise RunFolderError(f"{self.path} has no journal and no checkpoint: nothing to resume")

    @property
    def has_checkpoint(self) -> bool:
        """Whether a resumed run goes on from somewhere, or begins again."""
        return (self.path / CHECKPOINT).exists()

    def append(self, name: str, lines: bytes) -> None:
        """Add whole lines to the journal or the ledger, durably."""
        with (self.path / name).open("ab") as stream:
            stream.write(lines)
            stream.flush()
            os.fsync(stream.fileno())

    def sizes(self) -> dict[str, int]:
        """Bytes of the journal and the ledger, for a checkpoint."""
        return {name: (self.path / name).stat().st_size for name in (JOURNAL, LEDGER)}

    def cut(self, sizes: Mapping[str, int]) -> None:
        """Journal and ledger back to the sizes that a checkpoint knew."""
        for name, size in sizes.items():
            with (self.path / name).open("r+b") as stream:
                stream.truncate(size)
                os.fsync(stream.fileno())

    def write_checkpoint(self, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Everything a resumed run needs, replaced in one step."""
        temporary = self.path / (CHECKPOINT + ".new")
        save_file(arrays, temporary, metadata={"facts": json.dumps(facts)})
        _sync_and_rename(temporary, self.path / CHECKPOINT)

    def read_checkpoint(self) -> tuple[Arrays, dict[str, Any]]:
        """The last checkpoint; there must be one."""
        path = self.path / CHECKPOINT
        with safe_open(path, framework="numpy") as opened:
            facts = json.loads(opened.metadata()["facts"])
        return load_file(path), facts

    def finish(
        self, result: Mapping[str, Any], model: Arrays, facts: Mapping[str, Any], report: str
    ) -> None:
        """Model, report and, last, the result: with it the run is whole."""
        temporary = self.path / (MODEL + ".new")
        # One key: the library writes several in an order that changes from run to run.
        save_file(model, temporary, metadata={"holter": json.dumps(facts)})
        _sync_and_rename(temporary, self.path / MODEL)
        _replace(self.path / REPORT, report.encode())
        _replace(self.path / RESULT, (json.dumps(result, indent=2) + "\n").encode())
        (self.path / CHECKPOINT).unlink(missing_ok=True)

    def write_audit(self, facts: Mapping[str, Any], page: str) -> None:
        """An audit of the finished run: its page and, last, its facts; they replace earlier ones."""
        _replace(self.path / AUDIT_REPORT, page.encode())
        text = json.dumps(facts, indent=1, allow_nan=False)
        _replace(self.path / AUDIT, (text + "\n").encode())


def study_text(study: Study) -> bytes:
    """The study with every key and its value, as it stands in a run folder."""
    return tomli_w.dumps(study.tables()).encode()


def check_free(path: Path, *, force: bool) -> None:
    """Raises RunFolderError where ``path`` cannot take a new run."""
    if not path.exists():
        return
    if not path.is_dir():
        raise RunFolderError(f"{path} is a file; name a folder that does not exist yet")
    # A kill in the middle of a write leaves a file of ours with this ending.
    names = {entry.name.removesuffix(".new") for entry in path.iterdir()}
    if not names:
        return
    if names - _OURS:
        raise RunFolderError(f"{path} holds other files; name a folder that does not exist yet")
    if not force:
        raise RunFolderError(f"{path} already holds a run; --force replaces it")


def _clear(path: Path) -> None:
    for entry in path.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(data)
    _sync_and_rename(temporary, path)


def _sync_and_rename(temporary: Path, path: Path) -> None:
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
