"""Plans: what follows from a study, what is refused before training, what a device checks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from holter.privacy.accountant import epsilon_exact, epsilon_rdp
from holter.rounds.acceptance import SIMULATION, PlanRefused, check_plan
from holter.rounds.plan import Plan
from holter.rounds.tables import StudyError

PlanOf = Callable[..., Plan]


def test_participations_follow_from_rounds_and_people(plan_of: PlanOf) -> None:
    assert plan_of().max_participations == 2  # 10 rounds of 8 over 40 people
    assert plan_of(people=41).max_participations == 2
    assert plan_of(people=39).max_participations == 3


def test_epsilon_is_that_of_the_device_asked_most_often(plan_of: PlanOf) -> None:
    plan = plan_of("privacy.noise_multiplier=2")
    rho = plan.contract.rho_units * plan.max_participations / 1e9
    guarantee = plan.guarantee()
    assert guarantee is not None
    assert guarantee.epsilon == epsilon_rdp(rho, plan.delta)
    assert guarantee.epsilon_exact == epsilon_exact(rho, plan.delta) < guarantee.epsilon
    assert rho == pytest.approx(plan.max_participations / (2 * 2.0**2), rel=1e-3)


def test_a_target_epsilon_is_kept_and_nearly_used_up(plan_of: PlanOf) -> None:
    plan = plan_of("training.clients_per_round=20", "privacy.epsilon=8", people=400)
    guarantee = plan.guarantee()
    assert guarantee is not None
    assert 7.99 < guarantee.epsilon <= 8.0


def test_epsilon_after_grows_with_participations_and_is_none_without_privacy(
    plan_of: PlanOf,
) -> None:
    plan = plan_of("training.rounds=30", "privacy.noise_multiplier=3")
    values = [plan.epsilon_after(k) for k in range(plan.max_participations + 1)]
    assert values[0] == 0.0
    assert all(a < b for a, b in itertools.pairwise(values))  # type: ignore[operator]
    assert plan_of("privacy.mode=none").epsilon_after(3) is None


def test_noise_is_sized_for_the_fewest_honest_survivors(plan_of: PlanOf) -> None:
    plan = plan_of("privacy.noise_multiplier=2", "privacy.colluders=1", "cohort.survivors_floor=7")
    assert plan.honest_shares == 6
    assert plan.grid.norm_limit is not None
    least = plan.honest_shares * plan.grid.share_variance
    assert least >= (2 * plan.grid.norm_limit) ** 2


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.clients_per_round=50", "only 40 people"),
        ("training.clients_per_round=300", "only 40 people"),
        ("cohort.max_participations=1", "lower training.rounds to 5"),
        ("cohort.min_separation=6", "at most 5"),
        ("cohort.survivors_floor=3", "lies between 6 and 8"),
        ("cohort.survivors_floor=9", "lies between"),
        ("privacy.epsilon=0.5", "out of reach"),
    ],
)
def test_what_cannot_hold_is_refused_with_the_numbers_that_would(
    plan_of: PlanOf, override: str, words: str
) -> None:
    with pytest.raises(StudyError, match=words):
        plan_of(override, parameters=5000)


def test_cohorts_beyond_one_session_are_summed_in_groups_with_room_for_chance(
    plan_of: PlanOf,
) -> None:
    plan = plan_of("training.clients_per_round=5000", people=10_000)
    assert plan.groups == 3 and plan.asked_per_round == 5000
    assert 5000 / 3 < plan.counts.largest_roster <= 2048
    assert plan.counts.survivors_floor < 0.8 * 5000 / 3
    assert plan_of("training.clients_per_round=2048", people=10_000).groups == 1
    check_plan(plan)


def test_demands_that_no_graph_bears_are_refused_with_the_nearest_that_one_does(
    plan_of: PlanOf,
) -> None:
    with pytest.raises(StudyError, match="drop"):
        plan_of(
            "training.clients_per_round=1000", "cohort.survivors_floor=846", "privacy.colluders=690",
            people=4000,
        )  # fmt: skip


def test_the_advice_for_an_epsilon_out_of_reach_works(plan_of: PlanOf) -> None:
    with pytest.raises(StudyError) as caught:
        plan_of("privacy.epsilon=2", parameters=2000)
    advised = float(str(caught.value).split("What would work: epsilon ")[1].split(";")[0])
    assert plan_of(f"privacy.epsilon={advised}", parameters=2000).guarantee() is not None


def test_equal_plans_have_equal_hashes_and_any_change_shows(plan_of: PlanOf) -> None:
    plan = plan_of()
    assert plan.hash == plan_of().hash
    changed = [
        replace(plan, rounds=11),
        replace(plan, clip=math.nextafter(plan.clip, 2)),
        replace(plan, counts=replace(plan.counts, colluders=1)),
        replace(plan, protocol="one-upload"),
        replace(plan, groups=2),
        replace(plan, grid=replace(plan.grid, share_variance=plan.grid.share_variance - 1)),
        replace(plan, max_participations=99),
    ]
    assert len({plan.hash, *(p.hash for p in changed)}) == len(changed) + 1


def test_a_device_recomputes_the_grid_and_refuses_less_noise(plan_of: PlanOf) -> None:
    plan = plan_of()
    check_plan(plan, SIMULATION)
    weaker = replace(plan, grid=replace(plan.grid, share_variance=plan.grid.share_variance // 2))
    with pytest.raises(PlanRefused, match="grid"):
        check_plan(weaker, SIMULATION)


def test_a_device_refuses_small_cohorts_unless_told_otherwise(plan_of: PlanOf) -> None:
    with pytest.raises(PlanRefused, match="from 20 on"):
        check_plan(plan_of())


def test_a_device_refuses_an_unknown_mode_and_a_wrong_word_count(plan_of: PlanOf) -> None:
    plan = plan_of()
    with pytest.raises(PlanRefused, match="mode"):
        check_plan(replace(plan, mode="hidden"), SIMULATION)
    with pytest.raises(PlanRefused, match="word"):
        check_plan(replace(plan, counts=replace(plan.counts, words=3)), SIMULATION)


def test_a_device_takes_no_part_in_plain_sums_nor_in_central_noise_with_nobody_to_add_it(
    plan_of: PlanOf,
) -> None:
    plan = plan_of()
    with pytest.raises(PlanRefused, match="single contributions"):
        check_plan(replace(plan, protocol="plain"), SIMULATION)
    with pytest.raises(PlanRefused, match="grid"):
        check_plan(replace(plan, mode="central"), SIMULATION)
    four = plan_of('aggregation.protocol="one-upload"', "aggregation.helpers=4")
    with pytest.raises(PlanRefused, match="exactly one helper"):
        check_plan(replace(four, mode="central"), SIMULATION)


def test_a_plan_whose_counts_no_protocol_keeps_is_refused(plan_of: PlanOf) -> None:
    plan = plan_of()
    few = replace(plan.counts, survivors_floor=3, smallest_roster=3)
    with pytest.raises(PlanRefused, match="cannot be kept"):
        check_plan(replace(plan, counts=few), SIMULATION)
    corrupt = replace(plan.counts, colluders=plan.counts.survivors_floor)
    with pytest.raises(PlanRefused, match="cannot be kept"):
        check_plan(replace(plan, protocol="one-upload", counts=corrupt), SIMULATION)


@pytest.mark.parametrize(("clients", "bits"), [(8, 16), (256, 16), (259, 21), (9000, 32)])
def test_a_byte_an_entry_rides_in_the_narrowest_lane_that_holds_the_sum(
    plan_of: PlanOf, clients: int, bits: int
) -> None:
    plan = plan_of(
        "privacy.mode=none", "compression.bits=8", f"training.clients_per_round={clients}",
        'aggregation.protocol="one-upload"', people=20_000,
    )  # fmt: skip
    assert plan.grid.lane_bits == bits and plan.grid.coordinate_limit == 127
    assert plan.counts.largest_roster * 127 < 2 ** (bits - 1)
    check_plan(plan, SIMULATION)


def test_central_noise_is_whole_on_each_side_and_never_called_distributed(plan_of: PlanOf) -> None:
    central = plan_of("privacy.mode=central", 'aggregation.protocol="one-upload"')
    shares = plan_of()
    assert central.grid.share_variance == 0
    assert central.grid.central_variance >= central.grid.norm_limit**2
    promise, usual = central.guarantee(), shares.guarantee()
    assert promise is not None and usual is not None
    assert promise.epsilon == pytest.approx(usual.epsilon, rel=0.02)
    words = promise.in_words() + " ".join(promise.assumptions)
    assert "helper" in words and "believed" in words and "distributed" not in words


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (['aggregation.protocol="plain"'], "shows the server every contribution"),
        (["privacy.mode=central", 'aggregation.protocol="one-upload"', "aggregation.helpers=4"],
         "could not be compared"),
        (["aggregation.helpers=2"], "one of: 1, 4"),
        (["compression.bits=8"], "narrowest lane"),
    ],
)  # fmt: skip
def test_a_protocol_that_cannot_carry_the_promise_is_refused(
    plan_of: PlanOf, overrides: list[str], words: str
) -> None:
    with pytest.raises(StudyError, match=words):
        plan_of(*overrides)
