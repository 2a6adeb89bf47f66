"""A JSON tree read without trust: anything missing or not finite is None, never an error.

``result.json`` may come from a newer or older holter, from ``evaluate`` of a file whose
people have no later windows, or from a run that never closed a round. A page still has to
be written, and a gap in it has to read "n/a". So every read of the tree goes through here;
``ARMS`` names the three ways to learn that a run compares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Arm:
    """One way to learn: its key in ``result.json``, its colour class, and its words.

    ``short`` heads a column of a table.
    """

    key: str
    colour: str
    name: str
    short: str
    meaning: str


LOCAL: Final = Arm(
    "local_only",
    "local",
    "Local only",
    "alone",
    "each person's own earlier recordings, nothing shared",
)
FEDERATED: Final = Arm(
    "global_later",
    "federated",
    "Federated",
    "federated",
    "one model, learned from the sums of many devices",
)
FITTED: Final = Arm(
    "personalised",
    "fitted",
    "Federated + fitted",
    "fitted",
    "that model, then fitted on the device to its wearer's own earlier recordings",
)
ARMS: Final = (LOCAL, FEDERATED, FITTED)  # all three on the same later windows
NEW_PEOPLE: Final = Arm(
    "new_people",
    "federated",
    "Federated",
    "federated",
    "one model, on every window of people it never met",
)


def finite(value: object) -> float | None:
    """The number, or None for anything that is not a finite number (booleans included)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def at(tree: object, *path: str) -> Any:
    """What lies at ``path``; None where a step is missing or is not a mapping."""
    for step in path:
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(step)
    return tree


def number(tree: object, *path: str) -> float | None:
    """The finite number at ``path``, or None."""
    return finite(at(tree, *path))


def text(tree: object, *path: str) -> str:
    """The string at ``path``; empty where there is none."""
    value = at(tree, *path)
    return value.strip() if isinstance(value, str) else ""


def items(tree: object, *path: str) -> Sequence[Any]:
    """The list at ``path``; empty where there is none. A string is not a list."""
    value = at(tree, *path)
    return value if isinstance(value, list | tuple) else ()


def sorted_numbers(tree: object, *path: str) -> tuple[float, ...]:
    """The finite numbers of the list at ``path``, ascending."""
    found = (finite(value) for value in items(tree, *path))
    return tuple(sorted(value for value in found if value is not None))


def arms_of(result: Mapping[str, Any]) -> tuple[Arm, ...]:
    """The arms whose block is there; without any, the new people on all their windows."""
    evaluation = at(result, "evaluation")
    present = tuple(arm for arm in ARMS if isinstance(at(evaluation, arm.key), Mapping))
    if present:
        return present
    return (NEW_PEOPLE,) if isinstance(at(evaluation, "new_people"), Mapping) else ()


def is_private(result: Mapping[str, Any]) -> bool:
    """True only for a known private mode with a finite epsilon; whatever is unclear is not."""
    mode = text(result, "privacy", "mode")
    known = mode in ("distributed", "central", "local")
    return known and number(result, "privacy", "epsilon") is not None
