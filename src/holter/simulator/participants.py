"""People as the trainer sees them: tensors of all windows, of earlier ones, of later ones.

Training and the test on new people use all windows of a person, scaled by all of them
without labels. The comparison on later windows scales by the earlier ones alone, and neither
part looks at a window of the other: see ``signals.inputs``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from holter.learning.client_update import Learner, Prepared
from holter.learning.model import ModelSpec, build
from holter.rounds.study import Study
from holter.signals.inputs import Inputs, examples
from holter.signals.prepare import Recorded
from holter.signals.splits import Rows, earlier_and_later
from holter.signals.tasks import task_of
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
    splits = [_split(study, person) for person in people.recorded]
    wholes = learner.prepared_all(examples(person, how) for person in people.recorded)
    if not how.personal:
        return [
            Participant(whole, whole.take(earlier), whole.take(later))
            for whole, (earlier, later) in zip(wholes, splits, strict=True)
        ]
    both = list(zip(people.recorded, splits, strict=True))
    pasts = learner.prepared_all(
        examples(person, how, earlier, within=earlier) for person, (earlier, _) in both
    )
    futures = learner.prepared_all(
        examples(person, how, earlier, within=later) for person, (earlier, later) in both
    )
    return [Participant(*parts) for parts in zip(wholes, pasts, futures, strict=True)]


def _split(study: Study, person: Recorded) -> tuple[Rows, Rows]:
    """Earlier and later windows; none at all where there is nothing to be fitted on."""
    evaluation = study.evaluation
    cut = study.data.source in ("synthetic", "recordings")  # then the task knows what overlaps
    earlier, later = earlier_and_later(
        person.y,
        earlier_share=evaluation.earlier_share,
        gap=evaluation.gap_windows,
        per_class=evaluation.later_split == "per-class",
        seconds=person.seconds,
        reach_seconds=task_of(study.study.task).reach_seconds if cut else 0.0,
    )
    return earlier, later if len(earlier) else later[:0]
