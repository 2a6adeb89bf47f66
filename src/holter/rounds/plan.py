"""The plan: the frozen, hashed part of a study that both sides agree on.

A device trusts nothing but its plan: counts, floors, grid, noise and participation limits
all stand here, and a coordinator's message can only name values that are checked against
it. ``check_plan`` is what a device does with a plan it is given; ``planning`` makes one from a
study.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from functools import cached_property

from holter.algebra.lanes import words_needed
from holter.algebra.layout import Layout
from holter.compression import subset
from holter.crypto import labels
from holter.privacy import calibration
from holter.privacy.accountant import RHO_UNITS, epsilon_exact, epsilon_rdp, to_units
from holter.privacy.calibration import Grid, OutOfReach
from holter.privacy.guarantee import ADJACENCY, UNIT, Guarantee
from holter.privacy.ledger import Contract
from holter.rounds import promise
from holter.secagg import finder
from holter.secagg.errors import Caller
from holter.secagg.session import Bounds
from holter.secagg.upload.window import Limits
from holter.wire.cbor import Value, encode

DEVICE_FLOOR = 20  # clients: a device build takes part in no smaller cohort


@dataclass(frozen=True)
class Counts:
    """How many, of every single sum: of each group where a cohort is summed in several.

    smallest_roster..largest_roster: who may be in it at first. survivors_floor: the fewest whose
    sum is opened, and for which noise shares are sized, less ``colluders``. words: of a vector.
    """

    smallest_roster: int
    largest_roster: int
    survivors_floor: int
    colluders: int
    words: int


@dataclass(frozen=True)
class Plan:
    """All that both sides agree on. Guarantees: it hashes to the same bytes on both sides.

    protocol: "secagg", "one-upload" or "plain". groups: sums of one round, beside each other.
    helpers, seal: of one-upload.
    """

    task: str
    layout: Layout
    rounds: int
    asked_per_round: int
    protocol: str
    groups: int
    helpers: int
    seal: str
    counts: Counts
    grid: Grid
    clip: float
    normalise: bool
    mode: str
    noise_multiplier: float
    delta: float
    max_participations: int
    min_separation: int
    compression_share: float
    bits: int
    largest_entry: float

    @property
    def bounds(self) -> Bounds:
        """The counts as the five-message protocol takes them. Raises Caller if it cannot."""
        counts = self.counts
        return Bounds(
            counts.smallest_roster,
            counts.largest_roster,
            counts.survivors_floor,
            counts.colluders,
            counts.words,
        )

    @property
    def limits(self) -> Limits:
        """The counts as the one-upload protocol takes them. Raises Caller if it cannot."""
        counts = self.counts
        return Limits(counts.survivors_floor, counts.largest_roster, counts.colluders, counts.words)

    @cached_property
    def hash(self) -> bytes:
        """SHA-256 over the plan's one encoding."""
        return hashlib.sha256(labels.PLAN + encode(_items(dataclasses.asdict(self)))).digest()

    @property
    def coordinates(self) -> int:
        """Integers in a contribution, after compression."""
        return subset.size(self.layout.size, self.compression_share)

    @property
    def honest_shares(self) -> int:
        """Noise shares that the fewest survivors, less colluders, bring."""
        return self.counts.survivors_floor - self.counts.colluders

    @property
    def rho_per_participation(self) -> float:
        """What one participation costs a device; 0 where nothing is accounted."""
        if self.mode == "none":
            return 0.0
        return calibration.rho_per_participation(
            self.grid, honest_shares=self.honest_shares, coordinates=self.coordinates
        )

    @property
    def contract(self) -> Contract:
        """What this plan may ever ask of one device."""
        return Contract(
            self.hash.hex(),
            self.rounds,
            self.max_participations,
            self.min_separation,
            to_units(self.rho_per_participation),
        )

    def epsilon_after(self, participations: int) -> float | None:
        """Reported epsilon of a device that took part this often; None in mode none."""
        if self.mode == "none":
            return None
        if participations == 0:
            return 0.0
        rho = self.contract.rho_units * participations / RHO_UNITS
        return epsilon_rdp(rho, self.delta)

    def guarantee(self) -> Guarantee | None:
        """What a fleet under this plan is promised; None in mode none."""
        if self.mode == "none":
            return None
        rho = self.contract.rho_units * self.max_participations / RHO_UNITS
        return Guarantee(
            epsilon=epsilon_rdp(rho, self.delta),
            epsilon_exact=epsilon_exact(rho, self.delta),
            delta=self.delta,
            rho=rho,
            unit=UNIT,
            adjacency=ADJACENCY,
            adversary=promise.adversary(self.protocol, self.mode, self.helpers),
            assumptions=promise.assumptions(
                self.protocol,
                self.mode,
                self.helpers,
                max_participations=self.max_participations,
                min_separation=self.min_separation,
                survivors_floor=self.counts.survivors_floor,
                colluders=self.counts.colluders,
            ),
        )

    def subset_seed(self, round_number: int) -> bytes:
        """Public seed of the round's coordinate subset, fixed before anyone speaks."""
        return hashlib.sha256(self.hash + round_number.to_bytes(8, "big")).digest()


def _items(value: object) -> Value:
    """Dataclass contents as CBOR values; a float is written as its exact hexadecimal text."""
    match value:
        case dict():
            return {str(name): _items(item) for name, item in value.items()}
        case list() | tuple():
            return [_items(item) for item in value]
        case bool() | int() | str() | None:
            return value
        case float():
            return value.hex()
        case _:
            raise TypeError(f"{type(value).__name__} does not belong into a plan")


def grid_for(
    mode: str,
    *,
    clip: float,
    noise_multiplier: float,
    counts: Counts,
    coordinates: int,
    bits: int,
    largest_entry: float,
) -> Grid:
    """The one rule for lane and scale, used by both sides. Raises OutOfReach."""
    if mode == "none":
        if bits == 8:
            return calibration.byte_grid(counts.largest_roster, largest_entry)
        return calibration.noiseless_grid(counts.largest_roster)
    honest = None if mode == "central" else counts.survivors_floor - counts.colluders
    return calibration.noisy_grid(
        clip=clip,
        noise_multiplier=noise_multiplier,
        largest_sum=counts.largest_roster,
        honest_shares=honest,
        coordinates=coordinates,
    )


class PlanRefused(ValueError):
    """A device does not take part under this plan."""


def check_plan(plan: Plan, *, device_floor: int = DEVICE_FLOOR) -> None:
    """What a device checks before it trusts a plan: floors, and the grid by its own sums.

    device_floor: compiled into a device build; tests and simulations of small groups pass a
    smaller one explicitly. Raises PlanRefused.
    """
    counts = plan.counts
    if plan.protocol not in ("secagg", "one-upload"):
        raise PlanRefused(
            f"protocol {plan.protocol} shows the server single contributions; it is for simulations"
        )
    if counts.survivors_floor < device_floor:
        raise PlanRefused(
            f"a sum of {counts.survivors_floor} may be opened; this device takes part from "
            f"{device_floor} on"
        )
    if counts.words != words_needed(plan.coordinates, plan.grid.lane_bits):
        raise PlanRefused("the plan's word count does not follow from its layout and lane")
    if plan.mode not in ("none", "distributed", "central"):
        raise PlanRefused(f"privacy mode {plan.mode} is unknown to this device")
    if plan.mode == "central" and (plan.protocol, plan.helpers) != ("one-upload", 1):
        raise PlanRefused("central noise needs one upload and exactly one helper")
    try:
        # Both protocols check their counts when they are built.
        if plan.protocol == "secagg":
            finder.for_roster(plan.bounds, counts.largest_roster)
        else:
            plan.limits  # noqa: B018
        expected = grid_for(
            plan.mode,
            clip=plan.clip,
            noise_multiplier=plan.noise_multiplier,
            counts=counts,
            coordinates=plan.coordinates,
            bits=plan.bits,
            largest_entry=plan.largest_entry,
        )
    except (Caller, OutOfReach) as error:
        raise PlanRefused(f"the plan cannot be kept: {error}") from None
    if expected != plan.grid:
        raise PlanRefused("the plan's grid is not the one that its promise needs")
