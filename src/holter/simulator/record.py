"""A finished run's folder as a ``rounds.recompute.Record``: read, and not believed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load_file

from holter.rounds import journal, plan_text
from holter.rounds.plan_text import NotAPlan
from holter.rounds.recompute import Record
from holter.simulator.store import AUDIT, JOURNAL, LEDGER, MODEL, PLANS, RESULT, RunFolder


class Unreadable(ValueError):
    """A file of a run that does not hold what holter writes into it: the record is broken."""


def read(folder: RunFolder) -> Record:
    """Everything that a report is recomputed from. Raises Unreadable."""
    path = folder.path
    try:
        plans = json.loads((path / PLANS).read_text(encoding="utf-8"))
        trainings = [
            (one["people"], plan_text.from_json(one["plan"])) for one in plans["trainings"]
        ]
        fleet = plans["meant_for"]
        model = load_file(path / MODEL)
        flat = trainings[-1][1].layout.flatten(model)
        return Record(
            study=folder.study,
            study_digest=folder.digest,
            plans=tuple(plan for _, plan in trainings),
            people=tuple(int(people) for people, _ in trainings),
            fleet=None if fleet is None else plan_text.from_json(fleet),
            ledger=(path / LEDGER).read_bytes(),
            journal=journal.parse((path / JOURNAL).read_bytes()),
            result=json.loads((path / RESULT).read_text(encoding="utf-8")),
            model_digest=hashlib.sha256(flat.tobytes()).hexdigest(),
        )
    except FileNotFoundError as error:
        raise Unreadable(f"{error.filename} is missing") from None
    except (NotAPlan, SafetensorError, UnicodeDecodeError) as error:
        raise Unreadable(str(error)) from None
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise Unreadable(f"a file of the run is not as holter writes it: {error!r}") from None


def read_audit(folder: RunFolder) -> dict[str, Any] | None:
    """The last audit of the run, or None. Raises Unreadable."""
    path = folder.path / AUDIT
    if not path.exists():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Unreadable(f"{path}: {error}") from None
    return found
