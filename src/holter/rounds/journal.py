"""What happened, a line of JSON at a time: counts and means, never a person.

The journal is the run's memory for people: the report is drawn from it, and a run that
was interrupted still holds a valid one. It carries no clock and no host, so the same study
under the same seed writes the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class RoundRecord:
    """One round. asked >= reported + dropped; accuracy only where it was evaluated.

    via: "protocol" (every message carried) or "sum" (the same integers added directly).
    epsilon: of the device asked most often so far; None in mode none. clip: of this round, where
    it adapts. measures: accuracy and loss of the model that the round began with, as clients
    reported them under noise, where the plan pays for it.
    """

    fold: int
    round: int
    asked: int
    reported: int
    dropped: int
    outcome: str
    reason: str | None
    via: str
    epsilon: float | None
    accuracy: float | None
    clip: float | None = None
    measures: tuple[float, ...] = ()

    def line(self) -> bytes:
        return event("round", **asdict(self))


def event(name: str, **fields: Any) -> bytes:
    """One line: {"event": name, ...}, keys in the order given."""
    return (json.dumps({"event": name, **fields}) + "\n").encode()


def parse(data: bytes) -> list[Mapping[str, Any]]:
    """All whole lines; a torn last line (a crash while writing) is left out."""
    lines = data.split(b"\n")[:-1]
    return [json.loads(line) for line in lines]
