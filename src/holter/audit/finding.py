"""What an audit says: one sentence, its numbers, and a verdict that nobody has to interpret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FALSE_ALARM = 1e-9  # probability that a sound pipeline fails one statistical check


@dataclass(frozen=True)
class Finding:
    """One audit's outcome. what: a sentence for a reader, with its numbers.

    claim: what the plan promises, in the unit that ``what`` names; bound: what was measured
    against it; None where the audit compares nothing. numbers: by name, for a table or a figure.
    """

    name: str
    passed: bool
    what: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    claim: float | None = None
    bound: float | None = None


@dataclass(frozen=True)
class Reconstruction:
    """What an attacker made of one arm of the inversion.

    arm: "raw", "sum" or "noised". cosine: of ``window`` with the true one, its sign removed.
    window: shape (channels * samples,), of norm 1.
    """

    arm: str
    cosine: float
    window: tuple[float, ...] = field(repr=False)


@dataclass(frozen=True)
class Inversion:
    """The demonstration: a synthetic window, and what is rebuilt from three kinds of upload.

    window: shape (channels * samples,), channel by channel, of norm 1; of the device that the sum
    exposes most. mean_cosine_of_sum: over all devices. random_cosine: the best of as many random
    guesses as the attacker has candidates. devices: in the sums.
    """

    channels: int
    samples: int
    devices: int
    noise_multiplier: float
    mean_cosine_of_sum: float
    random_cosine: float
    window: tuple[float, ...] = field(repr=False)
    arms: tuple[Reconstruction, ...]


@dataclass(frozen=True)
class AuditReport:
    """All findings of one audit of one plan.

    plan_hash: hexadecimal. simulated: whether the randomness could be drawn again by someone, so
    that the numbers are of a simulation. seconds: how long it took.
    """

    plan_hash: str
    simulated: bool
    findings: tuple[Finding, ...]
    inversion: Inversion
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether no audit failed."""
        return all(finding.passed for finding in self.findings)

    @property
    def failed(self) -> tuple[Finding, ...]:
        """Those that did."""
        return tuple(finding for finding in self.findings if not finding.passed)
