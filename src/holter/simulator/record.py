"""A finished run's folder as a ``rounds.recompute.Record``: read, and not believed.

Whatever a file can hold ends as a record or as ``Unreadable``, a sentence that names the file. The
key of the ledger is worked out from the study's seed, as the run did, and not taken from the
result: a ledger signed by anyone else shows. Whoever has study.toml can sign as the run did.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file

from holter.algebra.layout import Layout
from holter.crypto.signature import SigningKey
from holter.rounds import journal, plan_text, record_form
from holter.rounds.plan import Plan
from holter.rounds.recompute import Record
from holter.simulator.dice import key
from holter.simulator.progress import Tally
from holter.simulator.result import secure_block
from holter.simulator.store import (
    AUDIT,
    JOURNAL,
    LEDGER,
    MODEL,
    PLANS,
    RESULT,
    STUDY,
    RunFolder,
    RunFolderError,
)

# Of secure_block: what follows from the plan alone, whatever the rounds did.
_PLANNED = ("protocol", "groups", "helpers", "seal", "lane_bits", "server_saw")
_LONGEST = 300  # characters of another's message that are repeated
AUDIT_FORMAT = "holter.audit/1"


class Unreadable(ValueError):
    """A file of a run that does not hold what holter writes into it: the record is broken."""


def opened(path: Path) -> RunFolder:
    """The folder of a finished run. Raises RunFolderError where there is none, or Unreadable."""
    with _part(STUDY):
        folder = RunFolder.open_existing(path)
    if not folder.finished:
        raise RunFolderError(f"{path} holds an unfinished run; go on with --resume {path}")
    return folder


def read(folder: RunFolder) -> Record:
    """Everything that a report is recomputed from. Raises Unreadable, naming the file."""
    path = folder.path
    with _part(STUDY):
        signing = SigningKey(key(folder.study.study.seed, "server"))
    with _part(PLANS):
        data = (path / PLANS).read_bytes()
        written = json.loads(data)
        plans = tuple(plan_text.from_json(one["plan"]) for one in written["trainings"])
        people = tuple(_people(one["people"]) for one in written["trainings"])
        fleet = written["meant_for"]
        promised = None if fleet is None else plan_text.from_json(fleet)
        layout = plans[-1].layout
    with _part(RESULT):
        text = (path / RESULT).read_bytes()
        result = json.loads(text)
        if (json.dumps(result, indent=2) + "\n").encode() != text:
            raise Unreadable("its text is in another form")
        record_form.check_result(result)
    with _part(JOURNAL):
        lines = (path / JOURNAL).read_bytes()
        told = journal.parse(lines)
        held = sum(line.get("event") == "round" for line in told if isinstance(line, dict))
        ending = journal.event("end", rounds=held)
        if not lines.endswith(b"\n" + ending):
            raise Unreadable("it does not end as the journal of a finished run does")
    with _part(LEDGER):
        ledger = (path / LEDGER).read_bytes()
    with _part(MODEL):
        model, about = _model(path / MODEL, layout)
    secure = secure_block(plans[-1], Tally())
    return Record(
        study=folder.study,
        study_digest=folder.digest,
        plans=plans,
        people=people,
        fleet=promised,
        plans_digest=hashlib.sha256(data).hexdigest(),
        ledger=ledger,
        ledger_key=signing.public,
        journal=told,
        journal_digest=hashlib.sha256(lines.removesuffix(ending)).hexdigest(),
        result=result,
        model_digest=hashlib.sha256(model).hexdigest(),
        model_about=about,
        secure={name: secure[name] for name in _PLANNED},
    )


@contextmanager
def _part(name: str) -> Iterator[None]:
    """Whatever reading one file of a run can end in, as one sentence that names the file."""
    try:
        yield
    except RunFolderError:
        raise
    except FileNotFoundError:
        raise Unreadable(f"{name} is missing") from None
    except OSError as error:
        raise Unreadable(f"{name} cannot be read: {error.strerror}") from None
    except KeyError as error:
        raise Unreadable(f"{name} is not as holter writes it: {error} is missing") from None
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise Unreadable(_sentence(name, error)) from None
    except SafetensorError as error:
        raise Unreadable(_sentence(name, error)) from None


def _sentence(name: str, error: Exception) -> str:
    return f"{name} is not as holter writes it: {' '.join(str(error).split())[:_LONGEST]}"


def _people(count: Any) -> int:
    if type(count) is not int or not 1 <= count <= record_form.LARGEST_COUNT:
        raise Unreadable("people of a training are counted from 1")
    return count


def _model(path: Path, layout: Layout) -> tuple[bytes, dict[str, Any]]:
    """The model's parameters, flat, as its digest is taken, and what the file says beside them."""
    arrays = load_file(path)
    with safe_open(path, framework="numpy") as file:
        about = file.metadata()
    if about is None or about.keys() != {"holter"}:
        raise Unreadable("it says other things about itself")
    if arrays.keys() != {name for name, _ in layout.entries}:
        raise Unreadable("its arrays are not those of the plan")
    if any(array.dtype != np.float32 for array in arrays.values()):
        raise Unreadable("its numbers are not 32-bit floats")
    return layout.flatten(arrays).tobytes(), json.loads(about["holter"])


def read_audit(folder: RunFolder, plan: Plan) -> dict[str, Any] | None:
    """The last audit of the run, or None. plan: that it has to be of. Raises Unreadable."""
    path = folder.path / AUDIT
    if not path.exists():
        return None
    with _part(AUDIT):
        found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or found.get("format") != AUDIT_FORMAT or not _told(found):
        raise Unreadable(f"{path} is not as holter writes it: make it again with `holter audit`")
    if found.get("plan_hash") != plan.hash.hex():
        raise Unreadable(f"{path} is of another plan: audit this run with `holter audit`")
    return found


def _told(audit: dict[str, Any]) -> bool:
    """Whether there are findings, and each says what a report repeats."""
    findings = audit.get("findings")
    kinds = {"name": str, "passed": bool, "what": str}
    return isinstance(findings, list) and all(
        isinstance(one, dict) and all(isinstance(one.get(n), kind) for n, kind in kinds.items())
        for one in findings
    )
