"""What an audit is told of a run: who was summed, whom its driver opens, how its model fits people.

Taken from a record that was read; the audits themselves are in ``audit``, which knows no run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file
from scipy.special import logsumexp

from holter.learning.client_update import Learner, Prepared
from holter.learning.model import ModelError, Vector
from holter.privacy.joint import MEASURES
from holter.rounds import record_form
from holter.rounds.pipeline import ClientUpdate
from holter.rounds.plan import Plan
from holter.rounds.recompute import Record
from holter.rounds.tables import StudyError
from holter.signals.errors import DataError
from holter.simulator import direct, people
from holter.simulator import run as simulator
from holter.simulator.dice import SeededSource, key
from holter.simulator.direct import Circle
from holter.simulator.participants import module_of, participants
from holter.simulator.population import Fate, virtual_ledger
from holter.simulator.record import Unreadable
from holter.simulator.store import MODEL, RunFolder

Losses = npt.NDArray[np.float64]
_ROSTERS = 3  # that are tried: by design a graph is stuck once in 2^20, and the audit is surer


class NotCompared(ValueError):
    """Members and others cannot be compared in this run; the message says why."""


def reported(record: Record) -> tuple[int, ...]:
    """Contributions of each closed round of the last training, from the journal. Raises Unreadable."""
    try:
        record_form.check_journal(record.journal)
    except record_form.Misshapen as error:
        raise Unreadable(str(error)) from None
    last = len(record.plans) - 1
    return tuple(
        line["reported"]
        for line in record.journal
        if line["event"] == "round" and line["fold"] == last and line["outcome"] == "closed"
    )


def opener(plan: Plan) -> Callable[[int], bool]:
    """Whether the simulator's driver opens a round in which so many contributions arrive.

    They come from a full roster, of which the others vanish before they send.
    """
    measures = (0.5,) * len(MEASURES) if plan.joint.evaluation else ()
    zero = ClientUpdate(np.zeros(plan.layout.size, dtype=np.float32), measures)
    devices = range(plan.counts.largest_roster)
    ledger = virtual_ledger(plan.contract)

    def opened(arrived: int, roster: int) -> bool:
        outcome = direct.add(
            plan,
            1,
            dict.fromkeys(devices, zero),
            {d: Fate.COMPLETE if d < arrived else Fate.SHARED for d in devices},
            dict.fromkeys(devices, ledger),
            lambda device: SeededSource(key(0, "audit-opens", roster, device - direct.LEADER)),
            lambda seated: Circle.drawn(plan, seated, key(0, "audit-roster", roster)),
            clip=plan.clip,
        )
        return bool(outcome.sums)

    return lambda arrived: any(opened(arrived, roster) for roster in range(_ROSTERS))


def person_losses(folder: RunFolder, record: Record, data_root: Path) -> tuple[Losses, Losses]:
    """Mean cross-entropy of the saved model on each person's windows: (members, new people).

    Members are all who could be asked in the last training. Shapes (n,) and (m,), float64, nats.
    Raises NotCompared where the data are gone or others, or where nobody is new.
    """
    try:
        prepared = simulator.check(folder.study, people.load(folder.study, data_root))
    except (DataError, StudyError, ModelError) as error:
        raise NotCompared(str(error)) from None
    split = prepared.splits[-1]
    if not split.new:
        raise NotCompared("everyone trained the saved model, so nobody is new to it")
    same_classes = list(prepared.people.classes) == record.result.get("classes")
    if prepared.plans[-1] != record.plans[-1] or not same_classes:
        raise NotCompared("the data that lie there now are not those of the run")
    model = record.plans[-1].layout.flatten(load_file(folder.path / MODEL))
    learner = Learner(module_of(folder.study, prepared.shape), prepared.shape.classes)
    everyone = participants(folder.study, prepared.people, learner)
    losses = np.array([_loss(learner, model, person.whole) for person in everyone])
    if not np.all(np.isfinite(losses)):
        raise NotCompared("the saved model gives no finite loss for someone")
    return losses[list(split.train)], losses[list(split.new)]


def _loss(learner: Learner, model: Vector, windows: Prepared) -> float:
    logits = learner.logits(model, windows).astype(np.float64)
    chosen = logits[np.arange(len(logits)), windows.y.numpy()]
    return float(np.mean(logsumexp(logits, axis=1) - chosen))
