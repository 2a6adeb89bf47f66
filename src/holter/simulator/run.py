"""A whole study, from people to result: split, plan, train, compare, write.

    load people -> split them -> a plan for each training -> rounds -> arms -> result

With a share of new people there is one training. With folds there is one a fold, so that
everyone is new once, and a last one on everyone, whose model is kept. Whatever a user can
mend is refused before the run's folder is made.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from holter.crypto.signature import SigningKey
from holter.learning.client_update import Learner
from holter.learning.model import Vector, layout_of, parameters_of
from holter.privacy.chain import GENESIS, signer
from holter.rounds import journal
from holter.rounds.journal import RoundRecord
from holter.rounds.plan import Plan
from holter.rounds.planning import deployment, make_plan
from holter.rounds.record_form import result_digest
from holter.rounds.statement import privacy_block
from holter.rounds.study import Study
from holter.signals.splits import folds, new_people
from holter.signals.windows import InputShape
from holter.simulator import arms, result
from holter.simulator.dice import generator, key
from holter.simulator.participants import Participant, module_of, participants, shape_of
from holter.simulator.people import People, inputs_of, leaking
from holter.simulator.progress import Progress
from holter.simulator.store import JOURNAL, LEDGER, PLANS, RunFolder
from holter.simulator.training import Spent, Training, local_steps
from holter.simulator.workers import Workers

OnRound = Callable[[RoundRecord, "Stage"], None]
Report = Callable[[Mapping[str, Any], Sequence[Mapping[str, Any]]], str]


@dataclass(frozen=True)
class Stage:
    """Where a run is: which training of how many, and how many rounds each has."""

    training: int
    trainings: int
    rounds: int


@dataclass(frozen=True)
class Split:
    """Who trains and who is new, by number, in one training."""

    train: tuple[int, ...]
    new: tuple[int, ...]


class Interrupted(Exception):
    """Ctrl-C: the journal is valid, the last checkpoint whole. ``done`` rounds are in it."""

    def __init__(self, done: int, planned: int) -> None:
        super().__init__(f"interrupted after {done} of {planned} rounds")
        self.done = done
        self.planned = planned


@dataclass(frozen=True)
class Prepared:
    """A study that can run: everything that could be refused has been checked."""

    study: Study
    people: People
    shape: InputShape
    splits: tuple[Split, ...]
    plans: tuple[Plan, ...]
    fleet: Plan | None  # that a what-if is about

    @property
    def promised(self) -> Plan:
        """The plan whose promise is reported: the fleet's, or that of the last training."""
        return self.fleet or self.plans[-1]


def check(study: Study, people: People) -> Prepared:
    """Everything that a user could have to mend, before anything is written.

    Raises StudyError, DataError or ModelError.
    """
    shape = shape_of(people, inputs_of(study.data))
    layout = layout_of(module_of(study, shape))
    arms.event_of(study, people.classes)  # refuses an alarm whose class is merged with another
    if study.evaluation.split == "people":
        splits = _splits(study, len(people.recorded))
    else:  # the same people twice: the later ones are halves of the earlier ones
        count = len(people.recorded)
        people = leaking(people, study.evaluation.share, study.study.seed)
        splits = (Split(tuple(range(count)), tuple(range(count, len(people.recorded)))),)
    plans = tuple(make_plan(study, people=len(s.train), layout=layout) for s in splits)
    fleet = deployment(study, layout=layout) if study.privacy.meant_for else None
    return Prepared(study, people, shape, splits, plans, fleet)


def _splits(study: Study, count: int) -> tuple[Split, ...]:
    order = generator(study.study.seed, "split").permutation(count)
    everyone = range(count)
    wanted = study.evaluation.folds
    if wanted is None:
        groups = [new_people(order, study.evaluation.share)]
    else:
        groups = folds(order, min(wanted, count))
    splits = [
        Split(tuple(p for p in everyone if p not in group), tuple(int(p) for p in group))
        for group in (set(g.tolist()) for g in groups)
    ]
    return tuple(splits) if wanted is None else (*splits, Split(tuple(everyone), ()))


def run(
    prepared: Prepared,
    folder: RunFolder,
    *,
    resume: bool,
    on_round: OnRound,
    report: Report,
    version: str,
) -> dict[str, Any]:
    """Run it to the end and return the result. Raises Interrupted on Ctrl-C.

    version: of holter, for the result. report: makes the page from result and journal.
    """
    torch.set_num_threads(1)  # one thread a process: bits do not depend on the machine's load
    # Started first, so that they import torch while this process prepares everyone's windows.
    with Workers(_worker_count(prepared)) as workers:
        try:
            counts = [len(split.train) for split in prepared.splits]
            folder.write_plans(prepared.plans, counts, prepared.fleet)
            state = _State(prepared, folder)
            if resume and folder.has_checkpoint:
                state.restore()
            else:
                # Also a run that was broken off before its first checkpoint begins here again.
                folder.cut({JOURNAL: 0, LEDGER: 0})
                folder.append(JOURNAL, journal.event("start", **_about(prepared, folder)))
                state.begin_training(0)
            workers.brief(state.study, prepared.shape, state.learner, state.people)
            for number in range(state.number, len(prepared.splits)):
                if number > state.number:
                    state.begin_training(number)
                state.train(workers, on_round)
            return state.finish(report, version)
        except KeyboardInterrupt:
            if folder.finished:  # the last byte was written: nothing is left to go on with
                raise
            done = _rounds_kept(folder)
            folder.append(JOURNAL, journal.event("interrupted", rounds_done=done))
            planned = prepared.study.training.rounds * len(prepared.splits)
            raise Interrupted(done, planned) from None


def _rounds_kept(folder: RunFolder) -> int:
    """Rounds, over all trainings, that the last checkpoint holds."""
    if not folder.has_checkpoint:
        return 0
    _, facts = folder.read_checkpoint()
    before: int = facts["training"] * folder.study.training.rounds
    return before + int(facts["progress"]["rounds_done"])


def _worker_count(prepared: Prepared) -> int:
    return min(prepared.study.simulation.workers, prepared.study.training.clients_per_round)


def _about(prepared: Prepared, folder: RunFolder) -> dict[str, Any]:
    return {
        "format": "holter.journal/1",
        "study": prepared.study.study.name,
        "digest": folder.digest,
        "synthetic": prepared.people.synthetic,
        "simulation": True,
        "people": len(prepared.people.recorded),
        "trainings": len(prepared.splits),
        "rounds": prepared.study.training.rounds,
    }


class _State:
    """A run under way. The checkpoint after each round holds all of it."""

    def __init__(self, prepared: Prepared, folder: RunFolder) -> None:
        self.prepared, self.folder, self.study = prepared, folder, prepared.study
        module = module_of(self.study, prepared.shape)
        self.layout = layout_of(module)
        self.first_model: Vector = parameters_of(module)
        self.learner = Learner(module, prepared.shape.classes)
        self.people: Sequence[Participant] = participants(self.study, prepared.people, self.learner)
        self.key = SigningKey(key(self.study.study.seed, "server"))
        self.sign = signer(self.key)
        self.number = 0
        self.training: Training
        self.progress: Progress
        self.answers: dict[int, arms.Answers] = {}
        self.seconds_before = 0.0
        self.began = time.monotonic()

    def begin_training(self, number: int) -> None:
        """A fresh model, fresh ledgers under this training's contract; checkpointed."""
        head = GENESIS if number == 0 else self.progress.population.head
        plan, split = self.prepared.plans[number], self.prepared.splits[number]
        self.number = number
        self.training = Training(self.study, plan, number, split.train)
        self.progress = Progress.start(
            plan, self.first_model, len(split.train), head=head, sign=self.sign
        )
        population, line = self.progress.population.opening()
        self.progress = replace(self.progress, population=population)
        self.folder.append(LEDGER, line)
        self.save()

    def train(self, workers: Workers, on_round: OnRound) -> None:
        """All rounds that are left of this training, then the arms on its new people."""
        split, plan = self.prepared.splits[self.number], self.prepared.plans[self.number]
        stage = Stage(self.number, len(self.prepared.splits), plan.rounds)
        while self.progress.rounds_done < plan.rounds and self.progress.stopped is None:
            one = self.training.next_round(self.progress, workers)
            if isinstance(one, Spent):
                self.stop(one.reason)
                break
            clip = self.progress.clip if plan.clip_quantile is not None else None
            self.progress = one.progress
            number = one.progress.rounds_done
            accuracy = None
            if number % self.study.evaluation.every == 0 or number == plan.rounds:
                accuracy = arms.accuracy_on(
                    self.learner, one.progress.model, self.people, split.new
                )
            record = RoundRecord(
                fold=self.number,
                round=number,
                asked=one.outcome.reported + one.outcome.dropped,
                reported=one.outcome.reported,
                dropped=one.outcome.dropped,
                outcome="closed" if one.outcome.closed else "abandoned",
                reason=one.outcome.reason,
                via=one.via,
                epsilon=self.epsilon(),
                accuracy=accuracy,
                clip=clip,
                measures=one.extras.measures,
            )
            self.folder.append(LEDGER, one.ledger_line)
            self.folder.append(JOURNAL, record.line())
            self.save()
            on_round(record, stage)
        if not set(split.new) <= set(self.answers):
            self.answers |= arms.answers(
                self.study,
                self.number,
                self.progress.model,
                self.first_model,
                self.learner,
                workers,
                self.people,
                split.new,
                arms.event_of(self.study, self.prepared.people.classes),
            )
            self.save()

    def epsilon(self) -> float | None:
        """Of the device asked most often so far; in a what-if of one in the fleet."""
        plan, fleet = self.training.plan, self.prepared.fleet
        if fleet is None:
            return plan.epsilon_after(self.progress.participation.most)
        meant = self.study.privacy.meant_for
        assert meant is not None
        return fleet.epsilon_after_rounds(self.progress.rounds_done, population=meant.population)

    def stop(self, reason: str) -> None:
        """End this training before its last round; the last model stands."""
        population, line = self.progress.population.stopped(reason, self.progress.rounds_done)
        self.progress = replace(self.progress, stopped=reason, population=population)
        self.folder.append(LEDGER, line)
        self.folder.append(
            JOURNAL,
            journal.event(
                "stopped", fold=self.number, rounds_done=self.progress.rounds_done, reason=reason
            ),
        )
        self.save()

    def save(self) -> None:
        """Replace the checkpoint."""
        arrays = {f"progress.{name}": a for name, a in self.progress.arrays().items()}
        for person, mine in self.answers.items():
            arrays |= {f"answers.{person}.{arm}": a for arm, a in mine.items()}
        facts = {
            "training": self.number,
            "progress": self.progress.facts(),
            "sizes": self.folder.sizes(),
            "seconds": self.seconds(),
        }
        self.folder.write_checkpoint(arrays, facts)

    def restore(self) -> None:
        """Back to the last checkpoint, journal and ledger with it."""
        arrays, facts = self.folder.read_checkpoint()
        self.folder.cut(facts["sizes"])
        self.number = facts["training"]
        plan, split = self.prepared.plans[self.number], self.prepared.splits[self.number]
        self.training = Training(self.study, plan, self.number, split.train)
        own = {
            n.removeprefix("progress."): a for n, a in arrays.items() if n.startswith("progress.")
        }
        self.progress = Progress.restored(
            plan, len(split.train), own, facts["progress"], sign=self.sign
        )
        for name, array in arrays.items():
            if name.startswith("answers."):
                _, person, arm = name.split(".")
                self.answers.setdefault(int(person), {})[arm] = array  # type: ignore[index]
        self.seconds_before = facts["seconds"]

    def seconds(self) -> float:
        """Wall time over all sittings of this run."""
        return self.seconds_before + time.monotonic() - self.began

    def finish(self, report: Report, version: str) -> dict[str, Any]:
        """The result, the report and the model, written in this order, the result last."""
        prepared, study, plan = self.prepared, self.study, self.prepared.plans[-1]
        tally = self.progress.tally
        classes = prepared.people.classes
        verdicts = arms.verdicts(self.people, self.answers)
        found = arms.scores(verdicts, len(classes))
        outcome: dict[str, Any] = {
            "format": result.FORMAT,
            "holter": version,
            "study": {
                "name": study.study.name,
                "task": study.study.task,
                "seed": study.study.seed,
                "digest": self.folder.digest,
            },
            "synthetic": prepared.people.synthetic,
            "simulation": True,
            "people": {
                "total": len(set(prepared.splits[-1].train) | set(self.answers))
                if study.evaluation.split == "people"
                else len(prepared.splits[-1].train),  # the same people twice
                "training": len(prepared.splits[-1].train),
                "new": len(self.answers),
                "folds": max(1, len(prepared.splits) - 1),
                "without_windows": prepared.people.without_windows,
                "left_out": [{"why": w, "count": n} for w, n in prepared.people.left_out],
            },
            "classes": list(classes),
            "inputs": vars(prepared.shape),
            "model": {"name": study.model.name, "parameters": self.layout.size},
            "training": {
                "rounds": plan.rounds,
                "clients_per_round": study.training.clients_per_round,
                "local_steps": local_steps(study.training),
                "local_epochs": study.training.local_epochs,
                "learning_rate": study.training.learning_rate,
            },
            "rounds": result.rounds_block(plan, tally, self.progress.stopped),
            "split": study.evaluation.split,
            "evaluation": result.evaluation_blocks(
                found, classes, arms.alarm(study, classes, verdicts)
            ),
            "privacy": privacy_block(
                prepared.promised,
                self.progress.population.head,  # of the line before; the last one is not yet written
                self.key.public,
                study.privacy.meant_for,
            ),
            "secure_aggregation": result.secure_block(plan, tally),
            "traffic": result.traffic_block(plan, tally),
            "time": {"seconds": round(self.seconds(), 3)},
        }
        told = (self.folder.path / JOURNAL).read_bytes()
        outcome["privacy"]["ledger_head"] = self.publish(outcome, told)
        lines = journal.parse(told)
        facts = {
            "format": "holter.model/1",
            "study_digest": self.folder.digest,
            "classes": list(classes),
        }
        held = sum(line["event"] == "round" for line in lines)
        self.folder.append(JOURNAL, journal.event("end", rounds=held))
        self.folder.finish(
            outcome, dict(self.layout.split(self.progress.model)), facts, report(outcome, lines)
        )
        return outcome

    def publish(self, outcome: Mapping[str, Any], told: bytes) -> str:
        """The ledger's last line, which names everything that the run leaves; returns its hash.

        It is written before the files that it names: a run killed in between is resumed from its
        checkpoint, which cuts the line off, and writes the same one again.
        """
        population, line = self.progress.population.published(
            self.progress.rounds_done,
            hashlib.sha256(self.progress.model.tobytes()).hexdigest(),
            study=self.folder.digest,
            plans=hashlib.sha256((self.folder.path / PLANS).read_bytes()).hexdigest(),
            journal=hashlib.sha256(told).hexdigest(),
            result=result_digest(outcome),
        )
        self.progress = replace(self.progress, population=population)
        self.folder.append(LEDGER, line)
        return population.head
