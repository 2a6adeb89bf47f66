"""Plans: what follows from a study, what is refused before training, what a device checks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from holter.privacy.accountant import epsilon_exact, epsilon_rdp
from holter.rounds.plan import Plan, PlanRefused, check_plan
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


def test_cohorts_beyond_the_complete_graph_are_refused(plan_of: PlanOf) -> None:
    with pytest.raises(StudyError, match="up to 256"):
        plan_of("training.clients_per_round=300", people=4000)


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
        replace(plan, bounds=replace(plan.bounds, colluders=1)),
        replace(plan, grid=replace(plan.grid, share_variance=plan.grid.share_variance - 1)),
        replace(plan, max_participations=99),
    ]
    assert len({plan.hash, *(p.hash for p in changed)}) == len(changed) + 1


def test_a_device_recomputes_the_grid_and_refuses_less_noise(plan_of: PlanOf) -> None:
    plan = plan_of()
    check_plan(plan, device_floor=2)
    weaker = replace(plan, grid=replace(plan.grid, share_variance=plan.grid.share_variance // 2))
    with pytest.raises(PlanRefused, match="grid"):
        check_plan(weaker, device_floor=2)


def test_a_device_refuses_small_cohorts_unless_told_otherwise(plan_of: PlanOf) -> None:
    with pytest.raises(PlanRefused, match="from 20 on"):
        check_plan(plan_of())


def test_a_device_refuses_an_unknown_mode_and_a_wrong_word_count(plan_of: PlanOf) -> None:
    plan = plan_of()
    with pytest.raises(PlanRefused, match="mode"):
        check_plan(replace(plan, mode="central"), device_floor=2)
    with pytest.raises(PlanRefused, match="word"):
        check_plan(replace(plan, bounds=replace(plan.bounds, words=3)), device_floor=2)
