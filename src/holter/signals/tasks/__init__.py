"""What can be learnt: the tasks by name, and what a recording can feed.

``task`` says what a task is; ``cutting`` what all share; then one module each. A study names
one, or ``package.module:Class`` of its own.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from holter.signals.errors import DataError
from holter.signals.recording import Recording
from holter.signals.tasks.activity import Activity
from holter.signals.tasks.fall_alarm import FallAlarm
from holter.signals.tasks.heartbeat import Heartbeat
from holter.signals.tasks.sleep_stages import SleepStages
from holter.signals.tasks.stress import Stress
from holter.signals.tasks.task import Need, Published, Task, paced
from holter.signals.tasks.wellbeing import Wellbeing

__all__ = ["TASKS", "Need", "Published", "Task", "fed_by", "learnt_from", "paced", "task_of"]

TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (Activity(), FallAlarm(), Heartbeat(), SleepStages(), Stress(), Wellbeing())
}


def task_of(name: str) -> Task:
    """A task by its name, or one of the user's own by ``package.module:Class``.

    Raises DataError where the class is not there, or is no Task.
    """
    if name in TASKS:
        return TASKS[name]
    module, _, attribute = name.partition(":")
    if not attribute:
        raise DataError(f"no task {name!r}; there are: {', '.join(TASKS)}, or package.module:Class")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise DataError(
            f"the task {name} cannot be loaded: {error}; its module must lie in the working folder "
            "or be installed"
        ) from None
    if not (isinstance(found, type) and issubclass(found, Task)):
        raise DataError(f"{name} is no class made from holter.signals.tasks.Task")
    try:
        return found()
    except TypeError as error:
        raise DataError(f"the task {name} cannot be made: {error}") from None


def fed_by(recording: Recording) -> list[tuple[str, str | None]]:
    """Each task, and why the recording cannot feed its inputs (None where it can)."""
    return [(name, task.why_not(recording)) for name, task in TASKS.items()]


def learnt_from(recording: Recording) -> list[str]:
    """Tasks that can learn from the recording: it feeds their inputs and has labels for them."""
    return [
        name
        for name, task in TASKS.items()
        if task.why_not(recording) is None and task.labelled(recording)
    ]
