"""The plan: the frozen, hashed part of a study that both sides agree on.

A device trusts nothing but its plan: counts, floors, grid, noise and participation limits
all stand here, and a coordinator's message can only name values that are checked against
it. ``acceptance`` is what a device does with a plan it is given; ``planning`` makes one from a
study.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

from holter.algebra.layout import Layout
from holter.compression import subset
from holter.crypto import labels
from holter.privacy import calibration, matrix
from holter.privacy.accountant import RHO_UNITS, epsilon_exact, epsilon_rdp, to_units
from holter.privacy.calibration import Grid
from holter.privacy.contract import Contract
from holter.privacy.guarantee import ADJACENCY, EXACT, RENYI, UNIT, Guarantee
from holter.privacy.joint import Joint
from holter.rounds import promise
from holter.secagg.session import Bounds
from holter.secagg.upload.window import Limits
from holter.wire.cbor import Value, encode


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
    helpers, seal: of one-upload. bands: of the server's correlated noise, 1 where the noise of
    rounds is independent. clip: L2 bound of an update, in its unit; where it adapts, the first.
    joint: how the norm limit is shared out. clip_quantile, clip_rate: where the clip follows a
    quantile, else None and 0. budget_units: 1e-9 rho that no device may pass, earlier_units of
    earlier studies counted, or None; it limits max_participations, so training may end early.
    what_if: the noise is that of a larger fleet, scaled to these few people, so it protects
    nobody and no device takes part.
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
    bands: int
    joint: Joint
    clip_quantile: float | None
    clip_rate: float
    delta: float
    max_participations: int
    min_separation: int
    compression_share: float
    bits: int
    largest_entry: float
    budget_units: int | None = None
    earlier_units: int = 0
    what_if: bool = False

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

    @property
    def encoded(self) -> bytes:
        """The plan's one encoding (``plan_text`` reads it)."""
        return encode(_items(dataclasses.asdict(self)))

    @cached_property
    def hash(self) -> bytes:
        """SHA-256 over the plan's one encoding."""
        return hashlib.sha256(labels.PLAN + self.encoded).digest()

    @property
    def update_coordinates(self) -> int:
        """Integers of the update, after compression."""
        return subset.size(self.layout.size, self.compression_share)

    @property
    def coordinates(self) -> int:
        """Integers in a contribution: the update's and what travels with it (``privacy.joint``)."""
        return self.update_coordinates + self.joint.extras

    @property
    def honest_shares(self) -> int:
        """Noise shares that the fewest survivors, less colluders, bring; 1 where each is enough."""
        if self.mode == "local":
            return 1
        return self.counts.survivors_floor - self.counts.colluders

    @property
    def correlated(self) -> bool:
        """Whether the server adds noise that is correlated from round to round."""
        return self.grid.correlated_variance > 0

    def scale_at(self, clip: float) -> float:
        """Grid steps per unit of the update in a round whose clip is ``clip``."""
        return self.grid.scale * (self.clip / clip)

    @property
    def rho_per_participation(self) -> float:
        """What one participation costs a device; 0 where nothing is accounted."""
        return 0.0 if self.mode == "none" or self.what_if else self.rho_of_noise

    @property
    def rho_of_noise(self) -> float:
        """What one participation under this noise is worth, counted or not. Not for mode none."""
        return calibration.rho_per_participation(
            self.grid,
            honest_shares=self.honest_shares,
            coordinates=self.coordinates,
            bands=self.bands,
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
            self.task,
        )

    def epsilon_of(self, rho_units: int) -> float:
        """The reported epsilon of a device that spent this many 1e-9 rho under this plan.

        Correlated noise is one Gaussian over all rounds, on a lattice 10^3 times finer than its
        width at least, so the exact form is reported; shares on a lattice have only the Renyi bound.
        """
        rho = rho_units / RHO_UNITS
        if rho_units == 0:
            return 0.0
        return epsilon_exact(rho, self.delta) if self.correlated else epsilon_rdp(rho, self.delta)

    def epsilon_after(self, participations: int) -> float | None:
        """Reported epsilon of a device that took part this often; None where none is promised."""
        if self.mode == "none" or self.what_if:
            return None
        return self.epsilon_of(self.contract.rho_units * participations)

    def epsilon_after_rounds(self, rounds: int, *, population: int) -> float | None:
        """``epsilon_after`` of the device asked most, where all of ``population`` are asked evenly."""
        return self.epsilon_after(math.ceil(rounds * self.asked_per_round / population))

    def guarantee(self) -> Guarantee | None:
        """What a fleet under this plan is promised; None in mode none and of a what-if."""
        if self.mode == "none" or self.what_if:
            return None
        units = self.contract.rho_units * self.max_participations
        rho = units / RHO_UNITS
        return Guarantee(
            epsilon=self.epsilon_of(units),
            method=EXACT if self.correlated else RENYI,
            epsilon_exact=epsilon_exact(rho, self.delta),
            epsilon_renyi=epsilon_rdp(rho, self.delta),
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
                bands=self.bands,
            ),
        )

    def signal_to_noise(self, clients: int) -> float:
        """Forecast for a round of ``clients`` survivors (``calibration.signal_to_noise``)."""
        equivalent = 1.0
        if self.correlated:
            coefficients = matrix.square_root(self.bands)
            equivalent = matrix.equivalent_multiplier(coefficients, self.rounds)
        return calibration.signal_to_noise(
            self.grid,
            survivors=clients,
            coordinates=self.update_coordinates,
            update_share=self.joint.update,
            equivalent=equivalent,
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
    protocol: str,
    *,
    clip: float,
    noise_multiplier: float,
    counts: Counts,
    coordinates: int,
    bands: int,
    joint: Joint,
    bits: int,
    largest_entry: float,
) -> Grid:
    """The one rule for lane, scale and noise, used by both sides. Raises OutOfReach."""
    if mode == "none":
        if bits == 8:
            return calibration.byte_grid(counts.largest_roster, largest_entry)
        return calibration.noiseless_grid(counts.largest_roster)
    if promise.correlated(protocol, mode):
        return calibration.correlated_grid(
            clip=clip,
            noise_multiplier=noise_multiplier,
            largest_sum=counts.largest_roster,
            coordinates=coordinates,
            bands=bands,
            update_share=joint.update,
        )
    shares = {"distributed": counts.survivors_floor - counts.colluders, "local": 1, "central": None}
    return calibration.noisy_grid(
        clip=clip,
        noise_multiplier=noise_multiplier,
        largest_sum=counts.largest_roster,
        honest_shares=shares[mode],
        coordinates=coordinates,
        update_share=joint.update,
    )
