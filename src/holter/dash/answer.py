"""The banners and the one-sentence answer: what a reader takes away from a report.

Which banners stand above is a rule, not a choice; the answer claims a gain only where the
printed numbers show one, and says so just as plainly where learning together did not pay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holter.dash.numbers import counted, digits_for, epsilon, percent
from holter.dash.reading import (
    FEDERATED,
    FITTED,
    LOCAL,
    NEW_PEOPLE,
    Arm,
    at,
    is_private,
    number,
    text,
)

Result = Mapping[str, Any]


@dataclass(frozen=True)
class Banner:
    """What nobody may overlook: a kind for its colour, the word, the rest of the sentence."""

    kind: str
    word: str
    rest: str


def banners(result: Result) -> tuple[Banner, ...]:
    """SYNTHETIC where it is; SIMULATION always; NOT PRIVATE unless a finite epsilon is kept."""
    found = []
    if at(result, "synthetic"):
        found.append(Banner("calm", "SYNTHETIC DATA", "a program made these people up"))
    found.append(Banner("calm", "SIMULATION", "nobody is protected by this run"))
    meant_for = number(result, "privacy", "meant_for", "population")
    if meant_for is not None:
        people = counted(meant_for, "person", "people")
        found.append(Banner("calm", "WHAT-IF", f"a few people with the noise of {people}"))
    if text(result, "split") == "random-windows-that-leak":
        rest = "windows were split at random, so the model has seen these people: no score is real"
        found.append(Banner("loud", "LEAKING SPLIT", rest))
    if not is_private(result):
        found.append(Banner("loud", "NOT PRIVATE", "no noise hides what one person added"))
    if text(result, "secure_aggregation", "protocol") == "plain":
        found.append(
            Banner("loud", "NO SECURE AGGREGATION", "the server saw every single contribution")
        )
    return tuple(found)


def _mean(result: Result, arm: Arm) -> float | None:
    return number(result, "evaluation", arm.key, "per_person", "accuracy", "mean")


def _step(before: float | None, after: float | None, digits: int) -> int:
    """Whether ``after`` reads higher (1), the same (0) or lower (-1) as printed."""
    if before is None or after is None:
        return 0
    first, second = round(100 * before, digits), round(100 * after, digits)
    return (second > first) - (second < first)


def answer(result: Result) -> str:
    """The run in one sentence; it claims a gain only where the printed numbers show one."""
    promise = (
        f", at epsilon {epsilon(number(result, 'privacy', 'epsilon'))}."
        if is_private(result)
        else ". This run is NOT PRIVATE."
    )
    if number(result, "rounds", "closed") == 0:
        return "No round closed, so nothing was learned together: what follows is the first model."
    alone, together, fitted = (_mean(result, arm) for arm in (LOCAL, FEDERATED, FITTED))
    digits = digits_for(number(result, "evaluation", "global_later", "windows"))
    if together is None:
        people = counted(number(result, "people", "new"), "new person", "new people")
        mean = _mean(result, NEW_PEOPLE)
        if mean is None:
            return f"Nothing was measured on new people{promise}"
        digits = digits_for(number(result, "evaluation", NEW_PEOPLE.key, "windows"))
        reached = percent(mean, digits)
        return f"On {people} the federated model was right {reached} of the time{promise}"
    said = f"Federated learning reached {percent(together, digits)} on new people"
    if alone is not None:
        first, second = percent(alone, digits), percent(together, digits)
        said = {
            1: f"Federated learning brought new people from {first} (learning alone) to {second}",
            0: f"Federated learning left new people at {second}, no better than learning alone",
            -1: f"Federated learning did not pay: new people reach {first} learning alone and "
            f"{second} with it",
        }[_step(alone, together, digits)]
    if fitted is not None:
        third = percent(fitted, digits)
        said += {
            1: f"; fitting to the person to {third}"
            if _step(alone, together, digits) > 0
            else f"; fitting to the person brought {third}",
            0: "; fitting to the person changed nothing",
            -1: f"; fitting to the person lowered it to {third}",
        }[_step(together, fitted, digits)]
    return said + promise
