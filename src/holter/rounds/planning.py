"""From a study and its people to a plan: every number derived, every refusal with a remedy.

All refusals happen here, before training, and name the numbers that would work.
"""

from __future__ import annotations

import math
from dataclasses import replace

from holter.algebra.lanes import words_needed
from holter.algebra.layout import Layout
from holter.compression import subset
from holter.privacy import calibration
from holter.privacy.accountant import RHO_UNITS, epsilon_rdp, rho_for_epsilon
from holter.privacy.calibration import OutOfReach
from holter.rounds.groups import Groups, groups_for
from holter.rounds.plan import Counts, Plan, grid_for
from holter.rounds.study import Study
from holter.rounds.tables import StudyError
from holter.secagg import finder
from holter.secagg.connectivity import fewest_survivors
from holter.secagg.errors import Caller
from holter.secagg.upload.window import LIST_LIMIT

LEAST_SIGNAL_TO_NOISE = 0.3  # of a round; below, a target epsilon is refused (privacy.md 9)
_FLOOR_SHARE = 0.8  # of clients_per_round, the default survivors_floor
_COLLUDER_SHARE = 0.05  # of clients_per_round, the default number of colluders


def make_plan(study: Study, *, people: int, layout: Layout) -> Plan:
    """Derive the plan. people: those who may be trained on. Raises StudyError.

    Every refusal happens here, before training, and names the numbers that would work.
    """
    training, privacy = study.training, study.privacy
    asked = math.ceil(training.clients_per_round * study.cohort.over_selection)
    _check_people(asked, people, study)
    participations = _participations(asked, people, study)
    protocol = study.aggregation.protocol
    groups = groups_for(asked) if protocol == "secagg" else Groups(1, asked, asked)
    floor, colluders = _floor(groups, study)
    coordinates = subset.size(layout.size, study.compression.share)
    private = privacy.mode != "none"
    multiplier = _multiplier(study, participations) if private else 0.0
    compression = study.compression
    counts = Counts(floor, groups.largest, floor, colluders, 0)
    try:
        grid = grid_for(
            privacy.mode,
            clip=privacy.clip,
            noise_multiplier=multiplier,
            counts=counts,
            coordinates=coordinates,
            bits=compression.bits,
            largest_entry=compression.largest,
        )
    except OutOfReach as error:
        raise StudyError(str(error)) from None
    plan = Plan(
        task=study.study.task,
        layout=layout,
        rounds=training.rounds,
        asked_per_round=asked,
        protocol=protocol,
        groups=groups.count,
        helpers=study.aggregation.helpers if protocol == "one-upload" else 0,
        seal=study.aggregation.seal if protocol == "one-upload" else "",
        counts=replace(counts, words=words_needed(coordinates, grid.lane_bits)),
        grid=grid,
        clip=privacy.clip,
        # Without privacy nothing is bounded but the grid: updates are averaged as they are.
        normalise=private and privacy.bound == "normalise",
        mode=privacy.mode,
        noise_multiplier=multiplier,
        delta=privacy.delta,
        max_participations=participations,
        min_separation=study.cohort.min_separation,
        compression_share=compression.share,
        bits=compression.bits,
        largest_entry=compression.largest,
    )
    _check_protocol(plan)
    if private and privacy.epsilon is not None:
        _check_reach(plan, people, training.clients_per_round, privacy.epsilon)
    return plan


def _check_people(asked: int, people: int, study: Study) -> None:
    if asked > people:
        raise StudyError(
            f"a round asks {asked} clients but only {people} people may be trained on: lower "
            f"training.clients_per_round to at most "
            f"{int(people / study.cohort.over_selection)}, or evaluate on fewer people"
        )
    if study.aggregation.protocol == "one-upload" and asked > LIST_LIMIT:
        raise StudyError(
            f"a round asks {asked} clients; one upload sums up to {LIST_LIMIT:,} at once: lower "
            "training.clients_per_round"
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


def _floor(groups: Groups, study: Study) -> tuple[int, int]:
    """(survivors_floor, colluders) of each single sum, given or by default. Raises StudyError."""
    wanted = study.training.clients_per_round
    colluders = study.privacy.colluders
    if colluders is None:
        colluders = int(wanted * _COLLUDER_SHARE)
    colluders = groups.most_of(colluders)
    secure = study.aggregation.protocol == "secagg"
    least = fewest_survivors(groups.largest, colluders) if secure else max(2, colluders + 1)
    floor = study.cohort.survivors_floor
    if floor is None:
        floor = max(math.ceil(groups.least_of(wanted) * _FLOOR_SHARE), least)
    if not least <= floor <= groups.smallest:
        raise StudyError(
            f"cohort.survivors_floor = {floor} cannot hold: with {groups.smallest} asked and "
            f"{colluders} colluders in a sum it lies between {least} and {groups.smallest}"
        )
    return floor, colluders


def _check_protocol(plan: Plan) -> None:
    """The counts can be kept by the protocol. Raises StudyError with the nearest that can."""
    try:
        if plan.protocol == "secagg":
            finder.for_roster(plan.bounds, plan.counts.largest_roster)
        elif plan.protocol == "one-upload":
            _ = plan.limits
    except Caller as error:
        raise StudyError(
            f"secure aggregation cannot be had so: {error}. Raise cohort.survivors_floor, or lower "
            "privacy.colluders"
        ) from None


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
