"""A made-up run, as ``result.json`` and ``journal.jsonl`` would hold it."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest

Tree = dict[str, Any]
CLASSES = ("lying", "sitting", "walking", "running", "cycling", "stairs")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: opens pages in headless Chromium")


def _people(dice: random.Random, mean: float, spread: float, people: int) -> list[float]:
    drawn = (min(max(dice.gauss(mean, spread), 0.08), 1.0) for _ in range(people))
    return sorted(round(value * 40) / 40 for value in drawn)


def _block(values: list[float], windows: int) -> Tree:
    people = len(values)
    mean = sum(values) / people
    three = {"mean": mean, "p10": values[int(0.1 * people)], "min": values[0]}
    per_class = {}
    for place, name in enumerate(CLASSES):
        recall = min(mean + 0.05 - 0.03 * place, 1.0)
        share = {"recall": recall, "precision": recall + 0.01, "f1": recall + 0.005}
        per_class[name] = {**share, "windows": windows // len(CLASSES)}
    return {
        "people": people,
        "windows": windows,
        "accuracy": mean - 0.004123,
        "macro_f1": mean - 0.02345,
        "kappa": mean - 0.0712345,
        "per_class": per_class,
        "per_person": {"accuracy": three, "macro_f1": dict(three)},
    }


def _evaluation(people: int, seed: int = 7) -> Tree:
    dice = random.Random(seed)
    arms = {
        "local_only": _people(dice, 0.74, 0.11, people),
        "global_later": _people(dice, 0.85, 0.08, people),
        "personalised": _people(dice, 0.88, 0.065, people),
    }
    gains = sorted(round(dice.gauss(0.03, 0.045) * 40) / 40 for _ in range(people))
    everyone = _people(dice, 0.846, 0.075, people)
    found: Tree = {key: _block(values, 42 * people) for key, values in arms.items()}
    found["new_people"] = _block(everyone, 120 * people)
    found["distribution"] = {
        **arms,
        "new_people": everyone,
        "personalised_minus_global": gains,
    }
    found["helped"] = {
        "people": people,
        "helped": sum(gain > 0 for gain in gains),
        "unchanged": sum(gain == 0 for gain in gains),
        "hurt": sum(gain < 0 for gain in gains),
    }
    return found


def build_result(people: int = 250, **changes: Any) -> Tree:
    """A private, synthetic run; ``changes`` replace or, where both are mappings, update."""
    result: Tree = {
        "format": "holter.result/1",
        "holter": "0.1.0",
        "study": {
            "name": "Demo: activity from wrist and heart",
            "task": "activity",
            "seed": 1,
            "digest": "sha256:3f1c0a7be2c94d0d8e5a6b7c8d9e0f1122334455667788990011aabbccddeeff",
        },
        "synthetic": True,
        "people": {"total": 4 * people, "training": 3 * people, "new": people, "folds": 1},
        "classes": list(CLASSES),
        "model": {"name": "spectral", "parameters": 1062},
        "training": {
            "rounds": 60,
            "clients_per_round": 100,
            "local_steps": 20,
            "learning_rate": 0.1,
        },
        "rounds": {
            "planned": 60,
            "closed": 57,
            "abandoned": 3,
            "asked": 6000,
            "reported": 5689,
            "dropped": 311,
            "abandoned_reasons": {
                "78 of 100 clients reported; 80 are needed": 2,
                "71 of 100 clients reported; 80 are needed": 1,
            },
            "through_protocol": 1,
        },
        "evaluation": _evaluation(people),
        "privacy": {
            "mode": "distributed",
            "epsilon": 7.9991234,
            "epsilon_exact": 7.4312345,
            "delta": 1e-6,
            "unit": "one person, with all their recordings",
            "adjacency": "the same study with this person's contributions replaced by zero",
            "adversary": "anyone who sees every published model, and the server while it keeps "
            "to the protocol, with at most 10 colluding devices",
            "claimed": False,
            "statement": "On real devices, this study would be (8.0, 1e-6)-differentially private "
            "for each person. In this simulation nobody is protected.",
            "noise_multiplier": 1.2345678,
            "max_participations": 8,
            "min_separation": 5,
            "survivors_floor": 80,
            "colluders": 10,
            "clip": 0.5,
            "bound": "normalise",
            "rho_per_participation": 0.3281234,
            "assumptions": [
                "Each person has one device, and the registrar enrols no device twice.",
                "At least 80 devices survive a round, and at most 10 of them collude.",
                "Devices draw their noise from the operating system and keep it secret.",
            ],
            "randomness": "simulated",
        },
        "secure_aggregation": {
            "protocol": "secagg",
            "clients": 100,
            "dropped": 6,
            "exact": True,
            "rounds_through_protocol": 1,
            "threshold": 67,
            "lane_bits": 21,
            "server_saw": "The server saw the sum of the survivors of each closed round, who "
            "took part, and when; of no device a contribution of its own.",
        },
        "traffic": {
            "upload_bytes_per_client_round": 18934,
            "download_bytes_per_client_round": 21760,
            "vector_bytes": 2832,
            "bytes_per_parameter": 2.6667,
            "float32_bytes": 4248,
        },
        "time": {"seconds": 24.71234},
    }
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = {**result[key], **value} if both else value
    return copy.deepcopy(result)


def build_journal(
    rounds: int = 60, folds: int = 1, abandoned: tuple[int, ...] = (9, 31, 44)
) -> Any:
    """The lines of a run whose accuracy climbs; ``abandoned`` rounds leave it as it was."""
    dice = random.Random(3)
    lines: list[Tree] = [{"event": "start", "study": "demo"}]
    for fold in range(folds):
        accuracy, spent, limit = 0.31 + 0.02 * dice.random(), 0.0, 0.85 + 0.02 * dice.gauss(0, 1)
        for index in range(1, rounds + 1):
            lost = index in abandoned
            dropped = dice.randint(21, 30) if lost else dice.randint(0, 12)
            if not lost:
                accuracy += (limit - accuracy) * 0.09 + dice.gauss(0, 0.006)
                spent = 8.0 * (index / rounds) ** 0.55
            lines.append(
                {
                    "event": "round",
                    "fold": fold,
                    "round": index,
                    "asked": 100,
                    "reported": 100 - dropped,
                    "dropped": dropped,
                    "outcome": "abandoned" if lost else "closed",
                    "reason": f"{100 - dropped} of 100 clients reported; 80 are needed"
                    if lost
                    else None,
                    "accuracy": None if lost else accuracy,
                    "epsilon": spent,
                    "via": "protocol" if index == 1 else "sum",
                }
            )
    return [*lines, {"event": "end"}]


@pytest.fixture
def a_result() -> Callable[..., Tree]:
    """``a_result(people=250, **changes)``."""
    return build_result


@pytest.fixture
def a_journal() -> Callable[..., list[Tree]]:
    """``a_journal(rounds=60, folds=1, abandoned=(9, 31, 44))``."""
    return build_journal
