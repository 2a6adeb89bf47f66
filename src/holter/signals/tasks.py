"""What can be learnt: the tasks by name. A study names one; its data may be synthetic or a file.

The classes of a study come from its ``[data] labels``; those named here are of the synthetic
people, who exist for every task so that a study runs before there are any data.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """One task: what it tells apart, from what."""

    name: str
    about: str
    signals: str
    classes: tuple[str, ...]


TASKS = {
    task.name: task
    for task in (
        Task(
            "activity",
            "what a person is doing, a few seconds at a time",
            "acceleration of wrist, waist or phone, with heart rate where there is one; "
            "or features of it",
            ("lie", "sit", "stand", "walk", "stairs", "run"),
        ),
        Task(
            "sleep",
            "wake, NREM and REM, in epochs of 30 s",
            "heart rate of a watch around each epoch",
            ("wake", "NREM", "REM"),
        ),
        Task(
            "heartbeat",
            "normal, supraventricular and ventricular beats",
            "one-lead ECG around each beat, and the intervals beside it",
            ("N", "S", "V"),
        ),
        Task(
            "stress",
            "stress against rest, in windows of 30 s",
            "heart rate, skin conductance, temperature and motion at the wrist",
            ("rest", "stress"),
        ),
    )
}
