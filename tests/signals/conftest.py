"""A small file of two people, and the study's words about it, to be changed by each test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holter.signals.prepare import Mapped, Signal

MakeSignal = Callable[..., Signal]
MakeMapped = Callable[..., Mapped]
MakeColumns = Callable[..., dict[str, Any]]


@pytest.fixture
def signal() -> MakeSignal:
    def make(array: str = "acc", **changed: Any) -> Signal:
        words = {
            "kind": "signal",
            "channels": (),
            "scale": 1.0,
            "offset": 0.0,
            "samples": None,
            "pool": "mean",
        }
        return Signal(array, **{**words, **changed})

    return make


@pytest.fixture
def mapped(signal: MakeSignal) -> MakeMapped:
    def make(**changed: Any) -> Mapped:
        words: dict[str, Any] = {
            "signals": (signal(),),
            "columns": (),
            "person": "who",
            "label": "activity",
            "label_names": None,
            "time": None,
            "labels": {},
            "leave_out": (),
            "leave_out_people": (),
            "missing": "error",
            "missing_values": (),
            "rr": None,
        }
        return Mapped(**{**words, **changed})

    return make


@pytest.fixture
def columns() -> MakeColumns:
    """Six windows of 2 channels x 4 samples: window i of the file holds 10 i + 0 .. 7."""

    def make(**changed: Any) -> dict[str, Any]:
        acc = 10.0 * np.arange(6).reshape(6, 1, 1) + np.arange(8.0).reshape(1, 2, 4)
        stored: dict[str, Any] = {
            "acc": acc,
            "who": np.array(["bert", "anna", "bert", "anna", "bert", "anna"]),
            "activity": np.array(["walk", "walk", "run", "run", "sit", "walk"]),
            "start": np.array([50.0, 10.0, 30.0, 70.0, 40.0, 20.0]),
        }
        return {**stored, **changed}

    return make
