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
from holter.privacy import adaptive_clip
from holter.privacy.joint import NOTHING, Extras
from holter.rounds.cohort import choose
from holter.rounds.pipeline import (
    ClientUpdate,
    MeanUpdate,
    correlated_noise,
    mean_update,
    released_update,
)
from holter.rounds.plan import Plan
from holter.rounds.study import Study
from holter.rounds.tables import TrainingTable
from holter.simulator.dice import SeededSource, key
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
    or "sum"), the line that the population ledger gains, and what travelled with the updates.
    """

    progress: Progress
    outcome: Outcome
    via: str
    ledger_line: bytes
    extras: Extras


@dataclass(frozen=True)
class Spent:
    """No further round can be paid for. Nobody was asked; the last model stands."""

    reason: str


@dataclass(frozen=True)
class Training:
    """One training of a study. people: whose windows train, numbered as devices 0, 1, ..."""

    study: Study
    plan: Plan
    fold: int
    people: Sequence[int]

    def next_round(self, progress: Progress, workers: Workers) -> Round | Spent:
        """One more round, from the progress before it, if the budget pays for it."""
        study, plan, number = self.study, self.plan, progress.rounds_done + 1
        seed = study.study.seed
        cohort = choose(
            progress.participation,
            number,
            plan.asked_per_round,
            beacon=key(seed, "beacon", self.fold),
        )
        reason = self._unaffordable(progress)
        if reason is not None:
            return Spent(reason)
        fate_of = fates(
            cohort,
            availability=study.simulation.availability,
            dropout=study.simulation.dropout,
            seed=seed,
            fold=self.fold,
            round_number=number,
        )
        updates = self._updates(progress.parameters, fate_of, number, workers)
        sums = Sums(study, plan, self.fold, number, progress.parameters, progress.clip)
        outcome, traffic = sums.of(updates, fate_of, progress.devices)
        via = "protocol" if sums.through else "sum"
        following, line, extras = self._apply(progress, number, cohort, outcome)
        tally = following.tally.after(outcome, len(cohort), traffic, via)
        return Round(replace(following, tally=tally), outcome, via, line, extras)

    def _unaffordable(self, progress: Progress) -> str | None:
        """Why no further round can be paid for, or None."""
        plan, so_far = self.plan, progress.participation
        left = so_far.people - sum(n >= plan.max_participations for n in so_far.times.values())
        if left < plan.counts.smallest_roster:
            return (
                f"budget_exhausted: {left} devices may still be asked, a round needs "
                f"{plan.counts.smallest_roster}; the others have taken part "
                f"{plan.max_participations} times"
                + ("" if plan.budget_units is None else ", which privacy.stop_at_epsilon pays for")
            )
        return None

    def _updates(
        self, parameters: Vector, fate_of: Mapping[int, Fate], number: int, workers: Workers
    ) -> dict[int, ClientUpdate]:
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
        measures: Mapping[int, tuple[float, ...]] = {}
        if self.plan.joint.evaluation:
            measures = workers.measure(parameters, [self.people[d] for d in answering])
        return {
            d: ClientUpdate(trained[self.people[d]] - parameters, measures.get(self.people[d], ()))
            for d in answering
        }

    def _apply(
        self, progress: Progress, number: int, cohort: tuple[int, ...], outcome: Outcome
    ) -> tuple[Progress, bytes, Extras]:
        """The server's step (none if the round was abandoned) and everyone's account.

        Under correlated noise an abandoned round is a step too: its row is noise alone, and later
        rows take it off again.
        """
        training = self.study.training
        parameters, server = progress.parameters, progress.server
        progress, mean = self._mean(progress, number, outcome)
        if mean is not None:
            rule = ServerOptimizer(
                training.server_optimiser,
                training.server_learning_rate,
                training.server_momentum,
            )
            server, parameters = step(rule, server, parameters, mean.change)
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
        extras = mean.extras if mean is not None and outcome.closed else NOTHING
        return replace(following, clip=self._next_clip(progress.clip, extras)), line, extras

    def _mean(
        self, progress: Progress, number: int, outcome: Outcome
    ) -> tuple[Progress, MeanUpdate | None]:
        """What the round taught, and the stream of correlated noise after it."""
        plan, clip = self.plan, progress.clip
        if progress.stream is not None:
            noise_key = key(self.study.study.seed, "correlated", self.fold, number)
            noise = correlated_noise(plan, source=SeededSource(noise_key))
            stream, mean = released_update(
                outcome.sums, outcome.reported, plan, number, progress.stream, noise=noise
            )
            return replace(progress, stream=stream), mean
        if not outcome.closed:
            return progress, None
        return progress, mean_update(outcome.sums, outcome.reported, plan, number, clip=clip)

    def _next_clip(self, clip: float, extras: Extras) -> float:
        plan = self.plan
        if plan.clip_quantile is None or extras.below is None:
            return clip
        return adaptive_clip.next_clip(
            clip, extras.below, quantile=plan.clip_quantile, rate=plan.clip_rate
        )


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
