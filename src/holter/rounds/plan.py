"""The plan: the frozen, hashed part of a study that both sides agree on.

A device trusts nothing but its plan: bounds, floors, grid, noise and participation limits
all stand here, and a coordinator's message can only name values that are checked against
it. ``make_plan`` derives a plan from a study and the number of people, or refuses with the
numbers that would work; ``check_plan`` is what a device does with a plan it is given.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

from holter.algebra.lanes import words_needed
from holter.algebra.layout import Layout
from holter.compression import subset
from holter.crypto import labels
from holter.privacy import calibration
from holter.privacy.accountant import (
    RHO_UNITS,
    epsilon_exact,
    epsilon_rdp,
    rho_for_epsilon,
    to_units,
)
from holter.privacy.calibration import Grid, OutOfReach
from holter.privacy.guarantee import ADJACENCY, ADVERSARY, UNIT, Guarantee
from holter.privacy.ledger import Contract
from holter.rounds.study import Study
from holter.rounds.tables import StudyError
from holter.secagg.session import COMPLETE_GRAPH_LIMIT, Bounds, threshold
from holter.wire.cbor import Value, encode

DEVICE_FLOOR = 20  # clients: a device build takes part in no smaller cohort
LEAST_SIGNAL_TO_NOISE = 0.3  # of a round; below, a target epsilon is refused (privacy.md 9)
_FLOOR_SHARE = 0.8  # of clients_per_round, the default survivors_floor
_COLLUDER_SHARE = 0.05  # of clients_per_round, the default number of colluders


@dataclass(frozen=True)
class Plan:
    """All that both sides agree on. Guarantees: it hashes to the same bytes on both sides."""

    task: str
    layout: Layout
    rounds: int
    asked_per_round: int
    bounds: Bounds
    grid: Grid
    clip: float
    normalise: bool
    mode: str
    noise_multiplier: float
    delta: float
    max_participations: int
    min_separation: int
    compression_share: float

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
        return self.bounds.survivors_floor - self.bounds.colluders

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
        corrupt = self.bounds.colluders
        return Guarantee(
            epsilon=epsilon_rdp(rho, self.delta),
            epsilon_exact=epsilon_exact(rho, self.delta),
            delta=self.delta,
            rho=rho,
            unit=UNIT,
            adjacency=ADJACENCY,
            adversary=ADVERSARY,
            assumptions=(
                f"no device takes part more than {self.max_participations} times, at least "
                f"{self.min_separation} rounds apart (each device enforces it by its own ledger)",
                f"at least {self.bounds.survivors_floor} clients survive in every sum that opens, "
                f"and at most {corrupt} of them are corrupt"
                if corrupt
                else f"at least {self.bounds.survivors_floor} clients survive in every sum that "
                "opens; no colluding client is tolerated",
                "the server follows the protocol and the registrar enrols real devices",
                "who was asked, who dropped out and how many survived are public",
                "no amplification by sampling is claimed",
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


def make_plan(study: Study, *, people: int, layout: Layout) -> Plan:
    """Derive the plan. people: those who may be trained on. Raises StudyError.

    Every refusal happens here, before training, and names the numbers that would work.
    """
    training, privacy = study.training, study.privacy
    asked = math.ceil(training.clients_per_round * study.cohort.over_selection)
    _check_people(asked, people, study)
    participations = _participations(asked, people, study)
    floor, colluders = _floor(asked, study)
    coordinates = subset.size(layout.size, study.compression.share)
    private = privacy.mode != "none"
    multiplier = _multiplier(study, participations) if private else 0.0
    try:
        grid = _grid(privacy.mode, privacy.clip, multiplier, asked, floor - colluders, coordinates)
    except OutOfReach as error:
        raise StudyError(str(error)) from None
    plan = Plan(
        task=study.study.task,
        layout=layout,
        rounds=training.rounds,
        asked_per_round=asked,
        bounds=Bounds(
            smallest_roster=floor,
            largest_roster=asked,
            survivors_floor=floor,
            colluders=colluders,
            words=words_needed(coordinates, grid.lane_bits),
        ),
        grid=grid,
        clip=privacy.clip,
        # Without privacy nothing is bounded but the grid: updates are averaged as they are.
        normalise=private and privacy.bound == "normalise",
        mode=privacy.mode,
        noise_multiplier=multiplier,
        delta=privacy.delta,
        max_participations=participations,
        min_separation=study.cohort.min_separation,
        compression_share=study.compression.share,
    )
    if private and privacy.epsilon is not None:
        _check_reach(plan, people, training.clients_per_round, privacy.epsilon)
    return plan


def _grid(
    mode: str,
    clip: float,
    multiplier: float,
    largest_sum: int,
    honest_shares: int,
    coordinates: int,
) -> Grid:
    """The one rule, used by both sides."""
    if mode == "none":
        return calibration.noiseless_grid(largest_sum)
    return calibration.noisy_grid(
        clip=clip,
        noise_multiplier=multiplier,
        largest_sum=largest_sum,
        honest_shares=honest_shares,
        coordinates=coordinates,
    )


def _check_people(asked: int, people: int, study: Study) -> None:
    if asked > people:
        raise StudyError(
            f"a round asks {asked} clients but only {people} people may be trained on: lower "
            f"training.clients_per_round to at most "
            f"{int(people / study.cohort.over_selection)}, or evaluate on fewer people"
        )
    if asked > COMPLETE_GRAPH_LIMIT:
        raise StudyError(
            f"a round asks {asked} clients; secure aggregation is built for cohorts up to "
            f"{COMPLETE_GRAPH_LIMIT} so far: lower training.clients_per_round"
        )
    if asked * study.cohort.min_separation > people:
        raise StudyError(
            f"cohort.min_separation = {study.cohort.min_separation} with {asked} asked a round "
            f"needs {asked * study.cohort.min_separation} people, there are {people}: it can be "
            f"at most {people // asked}"
        )


def _participations(asked: int, people: int, study: Study) -> int:
    needed = math.ceil(study.training.rounds * asked / people)
    allowed = study.cohort.max_participations
    if allowed is None:
        return needed
    if allowed < needed:
        raise StudyError(
            f"{study.training.rounds} rounds of {asked} need each of {people} people up to "
            f"{needed} times, cohort.max_participations is {allowed}: raise it, or lower "
            f"training.rounds to {people * allowed // asked}"
        )
    return allowed


def _floor(asked: int, study: Study) -> tuple[int, int]:
    """(survivors_floor, colluders), given or by default. Raises StudyError."""
    wanted = study.training.clients_per_round
    colluders = study.privacy.colluders
    if colluders is None:
        colluders = int(wanted * _COLLUDER_SHARE)
    least = threshold(asked, colluders) + 1
    floor = study.cohort.survivors_floor
    if floor is None:
        floor = max(math.ceil(wanted * _FLOOR_SHARE), least)
    if not least <= floor <= asked:
        raise StudyError(
            f"cohort.survivors_floor = {floor} cannot hold: with {asked} asked and {colluders} "
            f"colluders it lies between {least} and {asked}"
        )
    return floor, colluders


def _multiplier(study: Study, participations: int) -> float:
    """z as given, or such that all charges of a device, rounded up, stay within the target."""
    privacy = study.privacy
    if privacy.noise_multiplier is not None:
        return privacy.noise_multiplier
    if privacy.epsilon is None:
        raise StudyError("privacy: give epsilon or noise_multiplier")
    try:
        rho = rho_for_epsilon(privacy.epsilon, privacy.delta) - participations / RHO_UNITS
        return math.sqrt(participations / (2 * rho))
    except ValueError:
        raise StudyError(
            f"privacy.epsilon = {privacy.epsilon:g} cannot be reached at delta "
            f"{privacy.delta:g}: raise epsilon"
        ) from None


def _check_reach(plan: Plan, people: int, cohort: int, epsilon: float) -> None:
    forecast = calibration.signal_to_noise(
        plan.grid, survivors=cohort, coordinates=plan.coordinates
    )
    if forecast >= LEAST_SIGNAL_TO_NOISE:
        return
    factor = LEAST_SIGNAL_TO_NOISE / forecast
    rho = plan.rho_per_participation * plan.max_participations * factor**2
    raise StudyError(
        f"epsilon {epsilon:g} is out of reach of {people} people: a round's signal would be "
        f"{forecast:.2g} of its noise, {LEAST_SIGNAL_TO_NOISE} is the least that teaches. "
        f"What would work: epsilon {_round_up(epsilon_rdp(rho, plan.delta)):g}; or "
        f"{_round_up(people * factor):,.0f} people with {_round_up(cohort * factor):,.0f} a round; "
        f"or a model of {int(plan.coordinates / factor**2):,} parameters. To run it all the "
        "same, state privacy.noise_multiplier instead."
    )


def _round_up(value: float) -> float:
    """To two significant digits, upwards."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / unit - 1e-9) * unit


class PlanRefused(ValueError):
    """A device does not take part under this plan."""


def check_plan(plan: Plan, *, device_floor: int = DEVICE_FLOOR) -> None:
    """What a device checks before it trusts a plan: floors, and the grid by its own sums.

    device_floor: compiled into a device build; tests and simulations of small groups pass a
    smaller one explicitly. Raises PlanRefused.
    """
    if plan.bounds.survivors_floor < device_floor:
        raise PlanRefused(
            f"a sum of {plan.bounds.survivors_floor} may be opened; this device takes part from "
            f"{device_floor} on"
        )
    if plan.bounds.words != words_needed(plan.coordinates, plan.grid.lane_bits):
        raise PlanRefused("the plan's word count does not follow from its layout and lane")
    if plan.mode not in ("none", "distributed"):
        raise PlanRefused(f"privacy mode {plan.mode} is unknown to this device")
    expected = _grid(
        plan.mode,
        plan.clip,
        plan.noise_multiplier,
        plan.bounds.largest_roster,
        plan.honest_shares,
        plan.coordinates,
    )
    if expected != plan.grid:
        raise PlanRefused("the plan's grid is not the one that its promise needs")
