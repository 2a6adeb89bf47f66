"""From a study and its people to a plan: every number derived, every refusal with a remedy.

All refusals happen here, before training, and name the numbers that would work. A what-if makes
two plans: ``deployment`` is the fleet's, whose promise is reported; the one that runs has the same
noise in its mean, though it sums a few people only (privacy.md 7 of the design).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from holter.algebra.lanes import words_needed
from holter.algebra.layout import Layout
from holter.compression import subset
from holter.privacy import adaptive_clip, matrix
from holter.privacy.accountant import (
    RHO_UNITS,
    rho_for_epsilon,
    rho_for_exact_epsilon,
    to_units,
)
from holter.privacy.calibration import OutOfReach
from holter.privacy.joint import Joint
from holter.rounds import promise
from holter.rounds.groups import Groups, groups_for
from holter.rounds.out_of_reach import LEAST_SIGNAL_TO_NOISE, refusal
from holter.rounds.plan import Counts, Plan, grid_for
from holter.rounds.study import Study
from holter.rounds.tables import StudyError
from holter.secagg import finder
from holter.secagg.connectivity import fewest_survivors
from holter.secagg.errors import Caller
from holter.secagg.upload.window import LIST_LIMIT

_FLOOR_SHARE = 0.8  # of clients_per_round, the default survivors_floor
_COLLUDER_SHARE = 0.05  # of clients_per_round, the default number of colluders


@dataclass(frozen=True)
class Terms:
    """How often, how far apart, and over how many rounds the noise reaches."""

    participations: int
    separation: int
    bands: int


def make_plan(study: Study, *, people: int, layout: Layout) -> Plan:
    """The plan that runs. people: those who may be trained on. Raises StudyError.

    Under ``privacy.meant_for`` its noise is the fleet's, rescaled, and ``what_if`` is true.
    """
    if study.privacy.meant_for is None:
        return _promised(study, people, layout)
    return _rescaled(study, people, layout, deployment(study, layout=layout))


def deployment(study: Study, *, layout: Layout) -> Plan:
    """The plan of the fleet that a what-if is about. Raises StudyError."""
    meant = study.privacy.meant_for
    if meant is None:
        raise StudyError("privacy.meant_for is missing: it names the fleet of a what-if")
    # The survivors' floor of the study is a count of its own few people: the fleet has its default.
    fleet = replace(
        study,
        training=replace(study.training, clients_per_round=meant.clients_per_round),
        cohort=replace(study.cohort, survivors_floor=None),
        privacy=replace(study.privacy, meant_for=None, colluders=None),
    )
    try:
        return _promised(fleet, meant.population, layout)
    except StudyError as error:
        raise StudyError(f"the fleet of privacy.meant_for: {error}") from None


def _promised(study: Study, people: int, layout: Layout) -> Plan:
    """A plan that keeps the study's promise, or the refusal of one that would teach nothing."""
    plan = derive(study, people=people, layout=layout)
    epsilon, cohort = study.privacy.epsilon, study.training.clients_per_round
    if epsilon is not None and plan.signal_to_noise(cohort) < LEAST_SIGNAL_TO_NOISE:
        raise StudyError(refusal(plan, people, cohort, epsilon))
    return plan


def derive(study: Study, *, people: int, layout: Layout) -> Plan:
    """The plan that keeps the study's promise, however little it would teach. Raises StudyError."""
    asked = _asked(study)
    _check_people(asked, people, study)
    terms = _terms(asked, people, study)
    multiplier = 0.0 if study.privacy.mode == "none" else _multiplier(study, terms)
    return _plan(study, layout, terms, multiplier)


def _rescaled(study: Study, people: int, layout: Layout, fleet: Plan) -> Plan:
    """The same noise in the mean of a few as the fleet has in the mean of many.

    A share of variance v on each of m devices leaves v / m in their mean, so on each of these few
    s it has v s / m. Noise that is added once to a sum has its deviation scaled by s / m.
    """
    meant = study.privacy.meant_for
    assert meant is not None
    asked = _asked(study)
    _check_people(asked, people, replace(study, cohort=replace(study.cohort, min_separation=1)))
    few, many = study.training.clients_per_round, meant.clients_per_round
    terms = Terms(study.training.rounds, 1, fleet.bands)  # nobody is protected, so nobody is spared
    multiplier = fleet.noise_multiplier * few / many
    if not fleet.correlated and not fleet.grid.central_variance:
        floor, colluders = _floor(_groups(study), study)
        own = 1 if study.privacy.mode == "local" else floor - colluders
        shares = math.sqrt(own / fleet.honest_shares)
        multiplier = fleet.noise_multiplier * shares * math.sqrt(few / many)
    plan = _plan(study, layout, terms, multiplier, joint=fleet.joint, rate=fleet.clip_rate)
    return replace(plan, what_if=True)


def _plan(
    study: Study,
    layout: Layout,
    terms: Terms,
    multiplier: float,
    *,
    joint: Joint | None = None,
    rate: float | None = None,
) -> Plan:
    """Everything else follows. joint, rate: those of a fleet, in a what-if."""
    privacy, compression, protocol = study.privacy, study.compression, study.aggregation.protocol
    if terms.bands > 1 and compression.share < 1:
        raise StudyError(
            'compression.method = "subset" sends other parameters in each round, so later rounds '
            "could not take back the noise of earlier ones, and it would add up to more than the "
            'forecast says: use compression.method = "none", or cohort.min_separation = 1'
        )
    groups = _groups(study)
    floor, colluders = _floor(groups, study)
    private = privacy.mode != "none"
    if joint is None:
        joint, rate = _joint(study, multiplier)
    counts = Counts(floor, groups.largest, floor, colluders, 0)
    coordinates = subset.size(layout.size, compression.share) + joint.extras
    try:
        grid = grid_for(
            privacy.mode,
            protocol,
            clip=privacy.clip,
            noise_multiplier=multiplier,
            counts=counts,
            coordinates=coordinates,
            bands=terms.bands,
            joint=joint,
            bits=compression.bits,
            largest_entry=compression.largest,
        )
    except OutOfReach as error:
        raise StudyError(str(error)) from None
    uploads = protocol == "one-upload"
    plan = Plan(
        task=study.study.task,
        layout=layout,
        rounds=study.training.rounds,
        asked_per_round=_asked(study),
        protocol=protocol,
        groups=groups.count,
        helpers=study.aggregation.helpers if uploads else 0,
        seal=study.aggregation.seal if uploads else "",
        counts=replace(counts, words=words_needed(coordinates, grid.lane_bits)),
        grid=grid,
        clip=privacy.clip,
        # Without privacy nothing is bounded but the grid: updates are averaged as they are.
        normalise=private and privacy.bound == "normalise",
        mode=privacy.mode,
        noise_multiplier=multiplier,
        bands=terms.bands,
        joint=joint,
        clip_quantile=privacy.clip_quantile if joint.indicator else None,
        clip_rate=rate if joint.indicator and rate is not None else 0.0,
        delta=privacy.delta,
        max_participations=terms.participations,
        min_separation=terms.separation,
        compression_share=compression.share,
        bits=compression.bits,
        largest_entry=compression.largest,
        budget_units=_budget(study),
        earlier_units=to_units(privacy.earlier_rho),
    )
    _check_protocol(plan)
    return _within_budget(plan)


def _within_budget(plan: Plan) -> Plan:
    """With as many participations as the budget pays for, so that devices hold to it themselves."""
    if plan.budget_units is None:
        return plan
    price = plan.contract.rho_units
    affordable = (plan.budget_units - plan.earlier_units) // price
    if affordable < 1:
        raise StudyError(
            f"privacy.stop_at_epsilon does not pay for one round: it takes a device to epsilon "
            f"{plan.epsilon_of(plan.earlier_units + price):.3g}: raise it, or add more noise"
        )
    return replace(plan, max_participations=min(plan.max_participations, affordable))


def _asked(study: Study) -> int:
    return math.ceil(study.training.clients_per_round * study.cohort.over_selection)


def _groups(study: Study) -> Groups:
    asked = _asked(study)
    return groups_for(asked) if study.aggregation.protocol == "secagg" else Groups(1, asked, asked)


def _joint(study: Study, multiplier: float) -> tuple[Joint, float | None]:
    """What travels with an update, and how fast the clip follows. Raises StudyError."""
    privacy, clients = study.privacy, study.training.clients_per_round
    if privacy.mode == "none":
        return Joint(), None
    if privacy.clipping == "fixed":
        return Joint(evaluation=privacy.metrics_share), None
    sigma_b = adaptive_clip.indicator_noise(multiplier, clients)
    if sigma_b is None:
        raise StudyError(
            f"a clip cannot follow {clients} clients a round under a noise multiplier of "
            f'{multiplier:.3g}: use privacy.clipping = "fixed", or {math.ceil(8 * multiplier)} '
            "clients a round"
        )
    share = adaptive_clip.indicator_share(multiplier, sigma_b)
    if share + privacy.metrics_share >= 1:
        raise StudyError("privacy.metrics_share leaves no room for the update: lower it")
    rate = adaptive_clip.following_rate(privacy.clip_rate, clients, sigma_b)
    return Joint(share, privacy.metrics_share), rate


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
    separation = study.cohort.min_separation or 1
    if asked * separation > people:
        raise StudyError(
            f"cohort.min_separation = {separation} with {asked} asked a round needs "
            f"{asked * separation} people, there are {people}: it can be at most {people // asked}"
        )


def _terms(asked: int, people: int, study: Study) -> Terms:
    """Participations and separation as given, or what the rounds need and the people allow."""
    correlated = promise.correlated(study.aggregation.protocol, study.privacy.mode)
    separation, rounds = study.cohort.min_separation, study.training.rounds
    if separation is None:
        separation = min(people // asked, rounds) if correlated else 1
    needed = math.ceil(rounds * asked / people)
    allowed = study.cohort.max_participations
    if allowed is not None and allowed < needed:
        raise StudyError(
            f"{rounds} rounds of {asked} need each of {people} people up to "
            f"{needed} times, cohort.max_participations is {allowed}: raise it, or lower "
            f"training.rounds to {people * allowed // asked}"
        )
    return Terms(
        needed if allowed is None else allowed, separation, separation if correlated else 1
    )


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
    if least > groups.smallest:
        raise StudyError(
            f"training.clients_per_round = {wanted} is too few: a sum is opened with {least} or more "
            f"where {colluders} may collude, and {groups.smallest} are asked; ask more, or lower "
            "privacy.colluders"
        )
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


def _largest_rho(study: Study, epsilon: float) -> float:
    """The largest rho whose reported epsilon stays at or below this one. Raises StudyError."""
    correlated = promise.correlated(study.aggregation.protocol, study.privacy.mode)
    largest_rho = rho_for_exact_epsilon if correlated else rho_for_epsilon
    try:
        return largest_rho(epsilon, study.privacy.delta)
    except ValueError:
        raise StudyError(
            f"epsilon {epsilon:g} cannot be reached at delta {study.privacy.delta:g}: raise it"
        ) from None


def _budget(study: Study) -> int | None:
    limit = study.privacy.stop_at_epsilon
    return None if limit is None else math.floor(_largest_rho(study, limit) * RHO_UNITS)


def _multiplier(study: Study, terms: Terms) -> float:
    """z as given, or such that all charges of a device, rounded up, stay within the target."""
    privacy = study.privacy
    if privacy.noise_multiplier is not None:
        return privacy.noise_multiplier
    if privacy.epsilon is None:
        raise StudyError("privacy: give epsilon or noise_multiplier")
    rho = _largest_rho(study, privacy.epsilon) - terms.participations / RHO_UNITS
    if rho <= 0:
        raise StudyError(
            f"privacy.epsilon = {privacy.epsilon:g} cannot be reached at delta "
            f"{privacy.delta:g}: raise epsilon"
        )
    rows = matrix.square_of(terms.bands)  # 1 where rounds are independent
    return math.sqrt(terms.participations * rows / (2 * rho))
