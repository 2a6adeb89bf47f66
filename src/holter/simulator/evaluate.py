"""A run's saved model on other people: the same arms and scores as in the run itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from holter.learning.client_update import Learner
from holter.learning.model import layout_of, parameters_of
from holter.simulator import arms, result
from holter.simulator.participants import module_of, participants, shape_of
from holter.simulator.people import People, inputs_of
from holter.simulator.store import RunFolder
from holter.simulator.workers import Workers


def evaluate(
    folder: RunFolder, people: People, model: Mapping[str, np.ndarray], classes: Sequence[str]
) -> dict[str, Any]:
    """The ``evaluation`` part for other people, with a run's saved model.

    model: arrays by name as saved. classes: of the run. Raises DataError.
    """
    torch.set_num_threads(1)
    study = folder.study
    shape = shape_of(people, inputs_of(study.data))
    module = module_of(study, shape)
    first = parameters_of(module)
    parameters = layout_of(module).flatten(model)
    learner = Learner(module, shape.classes)
    everyone = participants(study, people, learner)
    new = list(range(len(everyone)))
    with Workers(study.simulation.workers) as workers:
        workers.brief(study, shape, learner, everyone)
        event = arms.event_of(study, classes)
        found = arms.answers(study, 0, parameters, first, learner, workers, everyone, new, event)
    verdicts = arms.verdicts(everyone, found)
    blocks = arms.scores(verdicts, shape.classes)
    return result.evaluation_blocks(blocks, classes, arms.alarm(study, classes, verdicts))
