"""What the command line does, as Python calls: typed values, no printing.

This is where rooms of the world meet: the simulator is handed the page that becomes its
report. Whatever a user can mend is raised as UserError, whichever room found it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holter.cli.version import VERSION, code_digest
from holter.rounds import journal
from holter.rounds.journal import RoundRecord
from holter.rounds.study import Study
from holter.rounds.tables import DataTable, StudyError
from holter.signals.errors import DataError
from holter.simulator.store import (
    JOURNAL,
    MODEL,
    REPORT,
    RESULT,
    RunFolder,
    RunFolderError,
    check_free,
)

if TYPE_CHECKING:  # only a name here: most commands never report
    from holter.rounds.privacy_report import PrivacyReport
    from holter.signals.recording import Recording


class UserError(Exception):
    """Something its reader can mend; the message names cause and remedy. Nothing was written."""


class CheckFailed(Exception):
    """A check of ours found something that does not hold. ``differences``: one line each."""

    def __init__(self, what: str, differences: Sequence[str]) -> None:
        super().__init__(what)
        self.differences = tuple(differences)


class Interrupted(Exception):
    """Ctrl-C: the run's folder is valid and ``simulate(resume=True)`` goes on from it."""


@dataclass(frozen=True)
class Stage:
    """Where a run is: training number (from 0) of how many, and rounds in each."""

    training: int
    trainings: int
    rounds: int


OnRound = Callable[[RoundRecord, Stage], None]


@dataclass(frozen=True)
class Run:
    """A finished run. ``result`` is result.json, documented in docs/result.md."""

    path: Path
    result: Mapping[str, Any]

    @cached_property
    def journal(self) -> list[Mapping[str, Any]]:
        """The lines of journal.jsonl."""
        return journal.parse((self.path / JOURNAL).read_bytes())

    @property
    def report(self) -> Path:
        """The report, one file that opens offline."""
        return self.path / REPORT

    @property
    def evaluation(self) -> Mapping[str, Any]:
        """Blocks of scores by name."""
        evaluation: Mapping[str, Any] = self.result["evaluation"]
        return evaluation

    def _repr_html_(self) -> str:
        from holter.dash.report import run_fragment

        return run_fragment(self.result, self.journal)


def simulate(
    study: str | Path | Study,
    out: str | Path | None = None,
    *,
    data: str | Path | None = None,
    overrides: Sequence[str] = (),
    force: bool = False,
    on_round: OnRound | None = None,
) -> Run:
    """Run a study in this process and return the run.

    study: a path to study.toml, or a Study. out: the run's folder (default: a new one under
    the system's folder for temporary files). data: root of recordings (default: HOLTER_DATA,
    else ``data``). overrides: "table.key=value". on_round: called after each round.
    Raises UserError before anything is written; Interrupted on Ctrl-C.
    """
    with _mendable():
        values = _study(study, overrides)
        target = Path(out) if out is not None else None
        if target is not None:
            check_free(target, force=force)
        prepared = _prepare(values, data)
        if target is None:
            target = Path(tempfile.mkdtemp(prefix="holter-"))
        folder = RunFolder.create(target, values, force=force)
    return _run(folder, prepared, resume=False, on_round=on_round)


def resume(
    path: str | Path, *, data: str | Path | None = None, on_round: OnRound | None = None
) -> Run:
    """Go on with an interrupted run; it ends with the same bits as one without the break.

    A finished run is returned as it is. Raises UserError.
    """
    with _mendable():
        folder = RunFolder.open_existing(Path(path))
        if folder.finished:
            return load_run(path)
        folder.check_begun()
        prepared = _prepare(folder.study, data)
    return _run(folder, prepared, resume=True, on_round=on_round)


def load_run(path: str | Path) -> Run:
    """A finished run from its folder. Raises UserError."""
    with _mendable():
        folder = RunFolder.open_existing(Path(path))
        if not folder.finished:
            raise RunFolderError(f"{path} holds an unfinished run; go on with --resume {path}")
        return Run(folder.path, json.loads((folder.path / RESULT).read_text(encoding="utf-8")))


def evaluate(run: Run | str | Path, file: str | Path) -> Mapping[str, Any]:
    """A run's saved model on the people of another file of the same layout.

    Returns the ``evaluation`` part of a result. Raises UserError.
    """
    loaded = run if isinstance(run, Run) else load_run(run)
    with _mendable():
        from safetensors.numpy import load_file

        from holter.simulator.evaluate import evaluate as evaluated
        from holter.simulator.people import load

        folder = RunFolder.open_existing(loaded.path)
        people = load(folder.study, Path(), Path(file), _recordings)
        classes = loaded.result["classes"]
        if list(people.classes) != classes:
            raise DataError(
                f"the file's classes are {', '.join(people.classes)}; the run's are "
                f"{', '.join(classes)}: name them in data.labels"
            )
        return evaluated(folder, people, load_file(folder.path / MODEL), classes)


def privacy_report(run: Run | str | Path) -> PrivacyReport:
    """A run's promise, recomputed from its ledger, in fourteen points.

    Raises CheckFailed where anything differs, UserError where there is nothing to report.
    """
    from holter.rounds import privacy_report as reports
    from holter.rounds.recompute import recompute
    from holter.simulator import record as records

    path = run.path if isinstance(run, Run) else Path(run)
    try:
        with _mendable():
            folder = records.opened(path)
        record = records.read(folder)
        found = records.read_audit(folder, record.plans[-1])
        account = recompute(record)
        if not account.differences and record.promised.mode == "none":
            raise UserError(
                'this run promised nothing (privacy.mode = "none"), so there is no promise to '
                "report"
            )
        if not account.differences:
            return reports.build(record, account, audit=found, code_digest=code_digest())
    except (records.Unreadable, reports.Incomplete) as error:
        raise CheckFailed("the record of this run does not hold", [str(error)]) from error
    raise CheckFailed("the record of this run does not hold", account.differences)


def audit(
    run: Run | str | Path, *, quick: bool = False, data: str | Path | None = None
) -> Mapping[str, Any]:
    """Attack the pipeline under a finished run's plan; audit.json and audit.html are written there.

    Returns the former (docs/audit.schema.json); ``passed`` is in it. data: as for ``simulate``,
    to compare members with new people. Raises CheckFailed where the run's record is broken,
    UserError where there is nothing to audit.
    """
    from holter.audit.pipe import NothingPromised
    from holter.cli import auditing
    from holter.dash.audit_page import audit_html
    from holter.simulator import record as records

    path = run.path if isinstance(run, Run) else Path(run)
    try:
        with _mendable():
            folder = records.opened(path)
        record = records.read(folder)
        found = auditing.audit_facts(folder, record, data_root(data), quick=quick)
    except records.Unreadable as error:
        raise CheckFailed("the record of this run does not hold", [str(error)]) from error
    except NothingPromised as error:
        raise UserError(f"there is nothing to audit: {error}") from error
    try:
        folder.write_audit(found, audit_html(found))
    except OSError as error:
        raise UserError(f"{path} cannot be written to: {error.strerror}") from error
    return found


def data_root(data: str | Path | None) -> Path:
    """Where recordings lie: as given, else HOLTER_DATA, else ``data`` in the working folder."""
    return Path(data if data is not None else os.environ.get("HOLTER_DATA", "data"))


def _study(study: str | Path | Study, overrides: Sequence[str]) -> Study:
    if isinstance(study, Study):
        return Study.of(study.tables()) if not overrides else _overridden(study, overrides)
    path = Path(study)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StudyError(f"there is no study {path}; `holter init DIR` writes one") from None
    except (IsADirectoryError, PermissionError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} cannot be read as a study: {error}") from None
    return Study.parse(text, overrides)


def _overridden(study: Study, overrides: Sequence[str]) -> Study:
    from holter.simulator.store import study_text

    return Study.parse(study_text(study).decode(), overrides)


def _prepare(study: Study, data: str | Path | None) -> Any:
    """Load people and check everything; imports torch."""
    from holter.simulator import run as simulator
    from holter.simulator.people import load

    if ":" in study.study.task + study.model.name and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # the user's own module, after all that is installed
    people = load(study, data_root(data), read_recordings=_recordings)
    return simulator.check(study, people)


def _recordings(path: Path, data: DataTable, root: Path) -> Iterator[tuple[str, Recording]]:
    """What a study with data.source = "recordings" is on: exports and stores under its path."""
    import tomllib

    from holter.device.exports import recordings_of
    from holter.signals.readers.formats import Options

    mapping = None
    if data.mapping is not None:
        try:
            mapping = tomllib.loads((root / data.mapping).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"data.mapping = {data.mapping!r} cannot be read: {error}") from None
    return recordings_of(path, Options(data.zone, mapping))


def _run(folder: RunFolder, prepared: Any, *, resume: bool, on_round: OnRound | None) -> Run:
    from holter.dash.report import report_html
    from holter.simulator import run as simulator

    def tell(record: RoundRecord, stage: simulator.Stage) -> None:
        if on_round is not None:
            on_round(record, Stage(stage.training, stage.trainings, stage.rounds))

    try:
        with _mendable():
            result = simulator.run(
                prepared,
                folder,
                resume=resume,
                on_round=tell,
                report=report_html,
                version=VERSION,
            )
    except simulator.Interrupted as stopped:
        raise Interrupted(
            f"{stopped}; go on with: holter simulate --resume {folder.path}"
        ) from None
    return Run(folder.path, result)


@contextmanager
def _mendable() -> Iterator[None]:
    """Errors of any room that a user can mend, as UserError."""
    try:
        yield
    except (StudyError, DataError, RunFolderError) as error:
        raise UserError(str(error)) from error
    except ValueError as error:
        # ModelError lives beside torch, which the light commands never import: by name, then.
        if type(error).__name__ != "ModelError":
            raise
        raise UserError(str(error)) from error
