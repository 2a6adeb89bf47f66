"""One federated training: choose, train, sum, step, record; round after round.

    choose a cohort -> fates -> train those who answer -> one sum -> server's step -> ledger

How a sum is made, message by message or directly, is in ``sums``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from holter.learning.client_update import LocalTraining
from holter.learning.model import Vector
from holter.learning.server_optimizer import ServerOptimizer, step
from holter.rounds.cohort import choose
from holter.rounds.pipeline import mean_update
from holter.rounds.plan import Plan
from holter.rounds.study import Study
from holter.rounds.tables import TrainingTable
from holter.simulator.dice import key
from holter.simulator.jobs import Job
from holter.simulator.outcome import Outcome
from holter.simulator.population import Fate, fates
from holter.simulator.progress import Progress
from holter.simulator.sums import Sums
from holter.simulator.workers import Workers

DEFAULT_LOCAL_STEPS = 20  # where a study names neither steps nor epochs


@dataclass(frozen=True)
class Round:
    """One round's end: where the training stands, the outcome, how it was summed ("protocol"
    or "sum"), and the line that the population ledger gains.
    """

    progress: Progress
    outcome: Outcome
    via: str
    ledger_line: bytes


@dataclass(frozen=True)
class Training:
    """One training of a study. people: whose windows train, numbered as devices 0, 1, ..."""

    study: Study
    plan: Plan
    fold: int
    people: Sequence[int]

    def next_round(self, progress: Progress, workers: Workers) -> Round:
        """One more round, from the progress before it."""
        study, plan, number = self.study, self.plan, progress.rounds_done + 1
        seed = study.study.seed
        cohort = choose(
            progress.participation,
            number,
            plan.asked_per_round,
            beacon=key(seed, "beacon", self.fold),
        )
        fate_of = fates(
            cohort,
            availability=study.simulation.availability,
            dropout=study.simulation.dropout,
            seed=seed,
            fold=self.fold,
            round_number=number,
        )
        updates = self._updates(progress.parameters, fate_of, number, workers)
        sums = Sums(study, plan, self.fold, number, progress.parameters)
        outcome, traffic = sums.of(updates, fate_of, progress.devices)
        via = "protocol" if sums.through else "sum"
        following, line = self._apply(progress, number, cohort, outcome)
        tally = following.tally.after(outcome, len(cohort), traffic, via)
        return Round(replace(following, tally=tally), outcome, via, line)

    def _updates(
        self, parameters: Vector, fate_of: Mapping[int, Fate], number: int, workers: Workers
    ) -> dict[int, Vector]:
        training = self.study.training
        rate = training.learning_rate
        if training.decay == "cosine":
            rate *= (1 + math.cos(math.pi * (number - 1) / training.rounds)) / 2
        job = Job(
            "update",
            self.study.study.seed,
            self.fold,
            number,
            local_steps(training),
            training.local_epochs,
            training.batch_size,
            local_training(training, rate),
        )
        answering = [device for device, fate in fate_of.items() if fate >= Fate.ADVERTISED]
        trained = workers.train(job, parameters, [self.people[d] for d in answering])
        return {d: trained[self.people[d]] - parameters for d in answering}

    def _apply(
        self, progress: Progress, number: int, cohort: tuple[int, ...], outcome: Outcome
    ) -> tuple[Progress, bytes]:
        """The server's step (none if the round was abandoned) and everyone's account."""
        training = self.study.training
        parameters, server = progress.parameters, progress.server
        if outcome.closed:
            mean = mean_update(outcome.sums, outcome.reported, self.plan, number)
            rule = ServerOptimizer(
                training.server_optimiser,
                training.server_learning_rate,
                training.server_momentum,
            )
            server, parameters = step(rule, server, parameters, mean)
        averaged, count = progress.averaged, progress.averaged_rounds
        if number > training.rounds * (1 - training.average_last):
            averaged, count = averaged + parameters, count + 1
        population, line = progress.population.record(
            number,
            cohort,
            reported=outcome.reported,
            outcome="closed" if outcome.closed else "abandoned",
        )
        following = replace(
            progress,
            rounds_done=number,
            parameters=parameters,
            server=server,
            averaged=averaged,
            averaged_rounds=count,
            participation=progress.participation.after(cohort, number),
            devices=outcome.ledgers,
            population=population,
        )
        return following, line


def local_steps(training: TrainingTable) -> int | None:
    """Steps of a round, or None where epochs were asked for."""
    if training.local_epochs is not None:
        return None
    return training.local_steps or DEFAULT_LOCAL_STEPS


def local_training(training: TrainingTable, learning_rate: float) -> LocalTraining:
    """How a device trains, at this learning rate."""
    return LocalTraining(
        training.optimiser, learning_rate, training.class_weights, training.label_smoothing
    )
