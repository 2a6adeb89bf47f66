"""What a device checks before it trusts a plan: its own floors, and the grid by its own sums.

The floors stand in a ``DevicePolicy`` that is compiled into a device build; a wearer may tighten
it, a plan cannot loosen it. A refusal has a reason that a machine can read; it is never sent, so
that to the server a device that refuses looks like one that is away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from holter.algebra.lanes import LANES_BY_BITS, words_needed
from holter.privacy.calibration import OutOfReach
from holter.privacy.contract import Refused
from holter.privacy.source import Source
from holter.rounds.plan import Plan, grid_for
from holter.secagg import finder
from holter.secagg.errors import Caller


@dataclass(frozen=True)
class DevicePolicy:
    """What a device takes part in, whatever a plan says.

    least_survivors: clients in the smallest sum that may open. least_noise_multiplier: noise on
    a sum over the clip. simulation: a virtual device, which protects nobody: it alone accepts
    simulated randomness, what-if noise, and small cohorts.
    """

    least_survivors: int = 20
    least_noise_multiplier: float = 0.3
    simulation: bool = False


DEPLOYED = DevicePolicy()
SIMULATION = DevicePolicy(least_survivors=2, least_noise_multiplier=0.0, simulation=True)


class PlanRefused(Refused):
    """A device does not take part under this plan."""


class SimulatedRandomness(ValueError):
    """A deployed device was handed randomness that somebody can draw again."""


def check_source(source: Source, policy: DevicePolicy) -> None:
    """Raises SimulatedRandomness unless the source is good enough for the device."""
    if source.simulated and not policy.simulation:
        raise SimulatedRandomness(
            "seeded randomness is for simulations: whoever knows the seed "
            "can take the noise off again"
        )


def check_plan(plan: Plan, policy: DevicePolicy = DEPLOYED) -> None:
    """Everything about a plan that a device can check by itself. Raises PlanRefused."""
    _check_floors(plan, policy)
    _check_ranges(plan)
    _check_mechanism(plan)
    try:
        # Both protocols check their counts when they are built.
        if plan.protocol == "secagg":
            finder.for_roster(plan.bounds, plan.counts.largest_roster)
        else:
            plan.limits  # noqa: B018
        expected = grid_for(
            plan.mode,
            plan.protocol,
            clip=plan.clip,
            noise_multiplier=plan.noise_multiplier,
            counts=plan.counts,
            coordinates=plan.coordinates,
            bands=plan.bands,
            joint=plan.joint,
            bits=plan.bits,
            largest_entry=plan.largest_entry,
        )
    except (Caller, OutOfReach) as error:
        raise PlanRefused("unknown_mechanism", f"the plan cannot be kept: {error}") from None
    if expected != plan.grid:
        raise PlanRefused("noise_below_floor", "the plan's grid is not what its promise needs")


def _check_floors(plan: Plan, policy: DevicePolicy) -> None:
    if plan.protocol not in ("secagg", "one-upload"):
        raise PlanRefused(
            "unknown_mechanism",
            f"protocol {plan.protocol} shows the server single contributions; it is for simulations",
        )
    if plan.counts.survivors_floor < policy.least_survivors:
        raise PlanRefused(
            "cohort_below_floor",
            f"a sum of {plan.counts.survivors_floor} may be opened; this device takes part from "
            f"{policy.least_survivors} on",
        )
    if plan.what_if and not policy.simulation:
        raise PlanRefused(
            "noise_below_floor", "the plan's noise is scaled for a what-if; it protects nobody"
        )
    noise = 0.0 if plan.mode == "none" else plan.noise_multiplier
    if noise < policy.least_noise_multiplier:
        raise PlanRefused(
            "noise_below_floor",
            f"noise of {noise:.3g} times the clip; this device takes part from "
            f"{policy.least_noise_multiplier:.3g} on",
        )


def _check_ranges(plan: Plan) -> None:
    """Numbers that planning never writes would break the sums that follow."""
    counted = (
        plan.rounds,
        plan.groups,
        plan.max_participations,
        plan.min_separation,
        plan.layout.size,
    )
    within = (
        min(counted) >= 1
        and 0 < plan.clip < math.inf
        and (0 < plan.noise_multiplier < math.inf or plan.mode == "none")
        and 0 < plan.delta < 1
        and 0 < plan.compression_share <= 1
        and plan.grid.lane_bits in LANES_BY_BITS
    )
    if not within:
        raise PlanRefused("unknown_mechanism", "the plan holds numbers that no planning writes")


def _check_mechanism(plan: Plan) -> None:
    if plan.counts.words != words_needed(plan.coordinates, plan.grid.lane_bits):
        raise PlanRefused(
            "unknown_mechanism", "the plan's word count does not follow from its layout and lane"
        )
    if plan.mode not in ("none", "distributed", "central", "local"):
        raise PlanRefused(
            "unknown_mechanism", f"privacy mode {plan.mode} is unknown to this device"
        )
    if plan.mode == "central" and plan.protocol == "one-upload" and plan.helpers != 1:
        raise PlanRefused("unknown_mechanism", "central noise needs exactly one helper")
    if plan.correlated and plan.clip_quantile is not None:
        raise PlanRefused("unknown_mechanism", "under correlated noise the clip must stay fixed")
    if plan.bands < 1 or (plan.bands > 1 and not plan.correlated):
        raise PlanRefused("unknown_mechanism", "bands belong to correlated noise")
    # Rows of the noise overlap within ``bands`` rounds: a device that came back sooner would
    # spend more than its ledger charges. A what-if charges nothing.
    if plan.bands > plan.min_separation and not plan.what_if:
        raise PlanRefused(
            "noise_below_floor",
            f"the noise reaches over {plan.bands} rounds, a device may be asked again after "
            f"{plan.min_separation}",
        )
