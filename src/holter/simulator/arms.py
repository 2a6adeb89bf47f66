"""The three arms of a comparison, on one and the same later windows of new people.

    global    the federated model as it is
    local     the same model, never federated: trained on the person's earlier windows alone
    personal  the federated model, fitted to the person's earlier windows

and, apart from them, the federated model on all windows of new people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from holter.learning.client_update import Learner, LocalTraining
from holter.learning.evaluation import AlarmScore, Labels, Scores, alarm_scores, score
from holter.learning.model import Vector
from holter.rounds.study import Study
from holter.rounds.tables import StudyError
from holter.signals.tasks import task_of
from holter.simulator.jobs import Job
from holter.simulator.participants import Participant
from holter.simulator.training import local_training
from holter.simulator.workers import Workers

Answers = Mapping[str, npt.NDArray[Any]]
"""Arm -> answers of one person: "whole", and "global", "local", "personal" on later windows.

For an alarm also "probability": of the alarm's class, on all windows.
"""

LATER_ARMS = ("global", "local", "personal")


@dataclass(frozen=True)
class Verdict:
    """A person's truth and the arms' answers."""

    whole: Labels
    later: Labels
    answers: Answers


def answers(
    study: Study,
    fold: int,
    model: Vector,
    first_model: Vector,
    learner: Learner,
    workers: Workers,
    people: Sequence[Participant],
    new: Sequence[int],
    event: int | None,
) -> dict[int, Answers]:
    """Every arm's answers for each new person. ``new``: numbers of people. event: an alarm's class."""
    fitting = study.personalisation
    rate = fitting.learning_rate or study.training.learning_rate

    def job(kind: str, steps: int, how: LocalTraining) -> Job:
        batch = study.training.batch_size
        return Job(kind, study.study.seed, fold, 0, steps, None, batch, how)

    testable = [p for p in new if len(people[p].earlier) and len(people[p].later)]
    local_job = job("local", study.evaluation.local_steps, _alone(study))
    local = workers.train(local_job, first_model, testable)
    personal: Mapping[int, Vector] = {}
    if fitting.method != "none":
        fit = job("fit", fitting.steps, local_training(study.training, rate))
        personal = workers.train(fit, model, testable)
    found: dict[int, Answers] = {}
    for p in new:
        person = people[p]
        mine: dict[str, npt.NDArray[Any]] = {}
        mine["whole"] = _argmax(learner, model, person, later=False)
        if event is not None:
            chances = softmax(learner.logits(model, person.whole), axis=1)
            mine["probability"] = chances[:, event].astype(np.float32)
        if p in local:
            mine["global"] = _argmax(learner, model, person, later=True)
            mine["local"] = _argmax(learner, local[p], person, later=True)
        if p in personal:
            mine["personal"] = _argmax(learner, personal[p], person, later=True)
        found[p] = mine
    return found


def _alone(study: Study) -> LocalTraining:
    """How the local-only comparison trains: as the study says, else as devices do."""
    alone, training = study.evaluation, study.training
    how = local_training(training, alone.local_learning_rate or training.learning_rate)
    return replace(how, optimiser=alone.local_optimiser or how.optimiser)


def _argmax(
    learner: Learner, model: Vector, person: Participant, *, later: bool
) -> npt.NDArray[np.int64]:
    logits = learner.logits(model, person.later if later else person.whole)
    chosen: npt.NDArray[np.int64] = np.argmax(logits, axis=1).astype(np.int64)
    return chosen


def accuracy_on(
    learner: Learner, model: Vector, people: Sequence[Participant], new: Sequence[int]
) -> float | None:
    """Mean accuracy per person on all windows of new people; None where there are none."""
    shares = [
        float(np.mean(_argmax(learner, model, people[p], later=False) == people[p].whole.y.numpy()))
        for p in new
        if len(people[p].whole)
    ]
    return float(np.mean(shares)) if shares else None


def verdicts(people: Sequence[Participant], found: Mapping[int, Answers]) -> dict[int, Verdict]:
    """Truth beside answers, for everyone who was new once."""
    return {
        p: Verdict(people[p].whole.y.numpy(), people[p].later.y.numpy(), mine)
        for p, mine in sorted(found.items())  # one order, so that sums of floats are one sum
    }


def scores(found: Mapping[int, Verdict], classes: int) -> dict[str, Scores | None]:
    """Scores of each arm over everyone who has its answers; None for an arm without any."""
    blocks: dict[str, Scores | None] = {}
    for arm in ("whole", *LATER_ARMS):
        pairs = [
            (v.whole if arm == "whole" else v.later, v.answers[arm])
            for v in found.values()
            if arm in v.answers
        ]
        blocks[arm] = score(pairs, classes) if pairs else None
    return blocks


def event_of(study: Study, classes: Sequence[str]) -> int | None:
    """The number of the task's alarm among the classes.

    None where the task is no alarm, or its class is not there. Recordings have the task's classes,
    which data.labels may rename; a file of windows calls them what it likes, so there the name
    counts. Raises StudyError where the alarm's class is merged with another.
    """
    event, data = task_of(study.study.task).alarm, study.data
    if event is None or data.source != "recordings" or not data.labels:
        return classes.index(event) if event in classes else None
    dropped = {str(raw) for raw in data.leave_out}
    for name, raws in data.labels.items():
        merged = {str(raw) for raw in raws} - dropped
        if merged > {event}:
            raise StudyError(
                f"the alarm's class {event} is merged with others into data.labels.{name}: give "
                "it a class of its own, or leave it out"
            )
        if merged == {event}:
            return classes.index(name)
    return None


def alarm(
    study: Study, classes: Sequence[str], found: Mapping[int, Verdict]
) -> tuple[AlarmScore, ...] | None:
    """What the alarm does on all windows of new people, by level; None where there is none."""
    event = event_of(study, classes)
    pairs = [
        (v.whole, v.answers["probability"])
        for v in found.values()
        if len(v.whole) and "probability" in v.answers
    ]
    if event is None or not pairs:
        return None
    seconds = study.data.window_seconds or task_of(study.study.task).window_seconds
    return alarm_scores(pairs, event, seconds)
