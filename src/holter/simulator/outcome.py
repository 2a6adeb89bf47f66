"""What a simulated round came to, whichever way the sum was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from holter.algebra.ring import Words
from holter.privacy.device_ledger import DeviceLedger


@dataclass(frozen=True)
class Outcome:
    """The opened sums, one for each group that closed, or why there is none; and every device's
    ledger afterwards.

    reported: clients whose vector is in a sum (0 if abandoned). dropped: asked and in none.
    """

    sums: tuple[Words, ...]
    reason: str | None
    reported: int
    dropped: int
    ledgers: Mapping[int, DeviceLedger]

    @property
    def closed(self) -> bool:
        """Whether anything was summed."""
        return bool(self.sums)

    def equals(self, other: Outcome) -> bool:
        """Word for word, ledger for ledger."""
        same = len(self.sums) == len(other.sums) and all(
            np.array_equal(one, two) for one, two in zip(self.sums, other.sums, strict=True)
        )
        return same and self.ledgers == other.ledgers


def together(outcomes: Sequence[Outcome], ledgers: Mapping[int, DeviceLedger]) -> Outcome:
    """The outcome of groups that were summed beside each other. ledgers: of everyone before."""
    current = dict(ledgers)
    for outcome in outcomes:
        current |= outcome.ledgers
    sums = tuple(words for outcome in outcomes for words in outcome.sums)
    reasons = [outcome.reason for outcome in outcomes if outcome.reason is not None]
    return Outcome(
        sums,
        None if sums else reasons[0],
        sum(outcome.reported for outcome in outcomes),
        sum(outcome.dropped for outcome in outcomes),
        current,
    )


@dataclass(frozen=True)
class Traffic:
    """Bytes that one complete client of a carried round sent and received, on average.

    upload: its messages. download: the messages to it (the model is apart). helper: what passed
    between leader and all helpers, of one-upload, in the whole round. threshold: shares that open
    a secret, or with one-upload helpers that must answer.
    """

    upload_bytes: int
    download_bytes: int
    threshold: int
    on_roster: int
    helper_bytes: int = 0
