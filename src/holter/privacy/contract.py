"""What a device has agreed to: its limits, the contracts it accepted, and how it declines.

Values without a history; ``device_ledger`` holds them against what was done. Units are integers
of 1e-9 rho (``accountant.RHO_UNITS``): charges are rounded up, limits down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

LIFETIME_UNITS = 1_200_000_000  # rho 1.2: epsilon 8.64 at delta 1e-6, so one campaign at epsilon 8
TASK_UNITS = 500_000_000  # rho 0.5: epsilon 5.22 at delta 1e-6; two tasks fit into a lifetime

Reason: TypeAlias = Literal[
    "budget_exhausted",  # would not fit into the limits of the device
    "min_separation",  # too soon after the last participation in this campaign
    "max_participations",  # as often as the contract allows already
    "noise_below_floor",  # the plan adds less noise than this device asks for
    "cohort_below_floor",  # the plan sums fewer devices than this device asks for
    "unknown_mechanism",  # the plan names a mechanism that this device cannot charge
    "clock_rollback",  # the clock shows less than at the last entry
    "ledger_corrupt",  # missing, changed, torn or set back: everything counts as spent
    "ledger_in_use",  # another process holds it
    "unknown_round",  # not a round of the contract
    "round_repeated",  # this round, a later one, or this query, is charged already
    "unknown_plan",  # not joined, or joined already, or left for good
]


class Refused(Exception):
    """A device declines. ``reason`` is machine-readable.

    Neither reason nor text is for the server, to which a refusal looks like being away: it would
    tell that the device took part before. The text names rules, never what was spent or is left.
    """

    def __init__(self, reason: Reason, explanation: str) -> None:
        super().__init__(explanation)
        self.reason: Reason = reason


@dataclass(frozen=True)
class Limits:
    """The most that ever leaves this device, 1e-9 rho: in its lifetime, and for any one task.

    The wearer may lower both, at any time, and nobody may raise them.
    """

    lifetime_units: int = LIFETIME_UNITS
    task_units: int = TASK_UNITS

    def __post_init__(self) -> None:
        if self.lifetime_units < 0 or self.task_units < 0:
            raise ValueError("a limit is a whole number of 1e-9 rho, 0 or more")

    def lowered(
        self, *, lifetime_units: int | None = None, task_units: int | None = None
    ) -> Limits:
        """The same or lower limits. Raises ValueError where one would rise."""
        lower = Limits(
            self.lifetime_units if lifetime_units is None else lifetime_units,
            self.task_units if task_units is None else task_units,
        )
        if lower.lifetime_units > self.lifetime_units or lower.task_units > self.task_units:
            raise ValueError("the limits of a device can only be lowered")
        return lower


@dataclass(frozen=True)
class Contract:
    """What one campaign may ever ask of one device, from the signed plan.

    plan_hash: hex. rounds are numbered from 1. min_separation: rounds. rho_units: charge of one
    participation, 1e-9 rho, as the device itself works it out. task: what its limit is for.
    """

    plan_hash: str
    rounds: int
    max_participations: int
    min_separation: int
    rho_units: int
    task: str

    def __post_init__(self) -> None:
        if min(self.rounds, self.max_participations, self.min_separation) < 1:
            raise ValueError("rounds, participations and separation are counted from 1")
        if self.rho_units < 0:
            raise ValueError("a participation costs 0 or more units of 1e-9 rho")

    @property
    def campaign_units(self) -> int:
        """The charge of all participations, 1e-9 rho: what is reserved at joining."""
        return self.max_participations * self.rho_units


@dataclass(frozen=True)
class Campaign:
    """One contract that was accepted; the rounds charged under it, rising; whether it was left."""

    contract: Contract
    rounds: tuple[int, ...] = ()
    left: bool = False

    @property
    def spent_units(self) -> int:
        """Charged so far, 1e-9 rho."""
        return len(self.rounds) * self.contract.rho_units

    @property
    def committed_units(self) -> int:
        """Charged or still reserved, 1e-9 rho."""
        return self.spent_units if self.left else self.contract.campaign_units
