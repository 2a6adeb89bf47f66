"""What a simulated round came to, whichever way the sum was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from holter.algebra.ring import Words
from holter.privacy.ledger import DeviceLedger


@dataclass(frozen=True)
class Outcome:
    """The opened sum, or why there is none; and every device's ledger afterwards.

    reported: clients whose vector is in the sum (0 if abandoned). dropped: asked and not in it.
    """

    words: Words | None
    reason: str | None
    reported: int
    dropped: int
    ledgers: Mapping[int, DeviceLedger]


@dataclass(frozen=True)
class Traffic:
    """Bytes that one complete client of a carried round sent and received, on average.

    upload: its five messages. download: the five messages to it (the model is apart).
    """

    upload_bytes: int
    download_bytes: int
    threshold: int
    on_roster: int
