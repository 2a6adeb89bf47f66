"""People as the trainer sees them: tensors of all windows, of earlier ones, of later ones.

Training and the test on new people use all windows of a person, scaled by all of them
without labels. The comparison on later windows scales by the earlier ones alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from holter.learning.client_update import Learner, Prepared
from holter.learning.model import ModelSpec, build
from holter.rounds.study import Study
from holter.signals.inputs import Inputs, examples
from holter.signals.prepare import Recorded
from holter.signals.splits import earlier_and_later
from holter.signals.windows import InputShape
from holter.simulator.dice import key
from holter.simulator.people import People, inputs_of


@dataclass(frozen=True)
class Participant:
    """One person, prepared for the model. earlier and later may be empty."""

    whole: Prepared
    earlier: Prepared
    later: Prepared


def module_of(study: Study, shape: InputShape) -> nn.Module:
    """The study's model with its first parameters, the same in every process."""
    model = study.model
    spec = ModelSpec(model.name, model.hidden, model.depth, model.patch, model.bands)
    return build(spec, shape, seed=int.from_bytes(key(study.study.seed, "model")[:4], "big"))


def shape_of(people: People, how: Inputs) -> InputShape:
    """What the model is given for a window; the same for everyone of a study."""
    first = examples(people.recorded[0], how)
    _, channels, samples = first.x.shape
    return InputShape(channels, samples, first.extra.shape[1], len(people.classes))


def participants(study: Study, people: People, learner: Learner) -> Sequence[Participant]:
    """Everyone, prepared once for all rounds."""
    how = inputs_of(study.data)
    return [_participant(study, person, how, learner) for person in people.recorded]


def _participant(study: Study, person: Recorded, how: Inputs, learner: Learner) -> Participant:
    evaluation = study.evaluation
    earlier, later = earlier_and_later(
        person.y,
        earlier_share=evaluation.earlier_share,
        gap=evaluation.gap_windows,
        per_class=evaluation.later_split == "per-class",
    )
    whole = learner.prepared(examples(person, how))
    if (
        how.normalise == "none"
        and "median-window" not in how.extra
        and "rr-ratios" not in how.extra
    ):
        return Participant(whole, whole.take(earlier), whole.take(later))
    if not len(earlier):
        return Participant(whole, whole.take(earlier), whole.take(np.zeros(0, dtype=np.int64)))
    past = learner.prepared(examples(person, how, earlier))
    return Participant(whole, past.take(earlier), past.take(later))
