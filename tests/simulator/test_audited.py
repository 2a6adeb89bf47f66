"""What an audit is told of a run: rounds, whom the driver opens, losses of members and others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from holter.cli.calls import Run
from holter.learning.client_update import Learner
from holter.rounds.recompute import Record
from holter.simulator import audited, record
from holter.simulator.participants import module_of, participants
from holter.simulator.people import load
from holter.simulator.record import Unreadable
from holter.simulator.run import check
from holter.simulator.store import MODEL, RunFolder

RunSmall = Callable[..., Run]


def read(run: Run) -> tuple[RunFolder, Record]:
    folder = RunFolder.open_existing(run.path)
    return folder, record.read(folder)


def test_reported_rounds_are_those_of_the_journal_and_of_the_last_training(
    run_small: RunSmall,
) -> None:
    _, found = read(run_small("evaluation.folds=2", "training.rounds=2"))
    assert len(found.plans) == 3
    told = [line for line in found.journal if line["event"] == "round" and line["fold"] == 2]
    assert audited.reported(found) == tuple(
        line["reported"] for line in told if line["outcome"] == "closed"
    )
    with pytest.raises(Unreadable, match="journal"):
        audited.reported(replace(found, journal=[{"event": "round"}]))


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ('aggregation.protocol="one-upload"',),
        ("privacy.mode=central", 'aggregation.protocol="one-upload"'),
        ("privacy.mode=central", "cohort.min_separation=2"),
        ("privacy.clipping=adaptive", "privacy.bound=clip", "privacy.metrics_share=0.1"),
    ],
)
def test_the_driver_opens_from_the_floor_on_and_nothing_below(
    run_small: RunSmall, overrides: tuple[str, ...]
) -> None:
    _, found = read(run_small(*overrides, "training.rounds=1"))
    plan = found.plans[-1]
    opens, floor = audited.opener(plan), plan.counts.survivors_floor
    opened = [opens(n) for n in (1, floor - 1, floor, plan.counts.largest_roster)]
    assert opened == [False, False, True, True]


def test_losses_are_those_of_the_saved_model_on_members_and_on_new_people(
    run_small: RunSmall,
) -> None:
    run = run_small()
    folder, found = read(run)
    members, others = audited.person_losses(folder, found, Path())
    assert (len(members), len(others)) == (
        run.result["people"]["training"], run.result["people"]["new"],
    )  # fmt: skip
    # The mean probability of the right class bounds the accuracy; guessing costs log(classes).
    assert np.all(members > 0) and members.mean() < np.log(len(run.result["classes"]))
    assert others.mean() == pytest.approx(members.mean(), rel=0.5)


def test_the_loss_of_a_person_is_the_one_that_devices_measure(run_small: RunSmall) -> None:
    folder, found = read(run_small("training.rounds=1"))
    losses = audited.person_losses(folder, found, Path())
    prepared = check(folder.study, load(folder.study, Path()))
    learner = Learner(module_of(folder.study, prepared.shape), prepared.shape.classes)
    everyone = participants(folder.study, prepared.people, learner)
    model = found.plans[-1].layout.flatten(load_file(folder.path / MODEL))
    split = prepared.splits[-1]
    unit = 2 * np.log(prepared.shape.classes)  # of ``Learner.measures``, which ends at 1
    for group, numbers in zip(losses, (split.train, split.new), strict=True):
        measured = [unit * learner.measures(model, everyone[p].whole)[1] for p in numbers]
        assert np.minimum(group, unit) == pytest.approx(measured, abs=1e-5)


def test_a_run_in_which_nobody_is_new_says_so(run_small: RunSmall) -> None:
    folder, found = read(run_small("evaluation.folds=2", "training.rounds=1"))
    with pytest.raises(audited.NotCompared, match="nobody is new"):
        audited.person_losses(folder, found, Path())


def test_data_that_are_not_those_of_the_run_are_not_compared(run_small: RunSmall) -> None:
    folder, found = read(run_small("training.rounds=1"))
    others = replace(found, result={**found.result, "classes": ["a", "b"]})
    with pytest.raises(audited.NotCompared, match="not those of the run"):
        audited.person_losses(folder, others, Path())
