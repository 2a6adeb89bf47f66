"""The two halves of one sum: exact integers, a norm that holds, a mean that is right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.algebra import lanes, ring
from holter.privacy.clipping import NotFinite
from holter.rounds.pipeline import ClientUpdate, contribution, mean_update
from holter.rounds.plan import Plan
from holter.simulator.dice import SeededSource, key

PlanOf = Callable[..., Plan]


class Quiet(SeededSource):
    """Source whose noise is zero, to look at the integers beneath it."""

    def discrete_gaussian(self, variance: int, count: int) -> np.ndarray:
        return np.zeros(count, dtype=np.int64)


def dice(number: int) -> SeededSource:
    return SeededSource(key(1, "test", number))


def sent(update: np.ndarray, plan: Plan, number: int, *, source: SeededSource) -> np.ndarray:
    """The contribution of a change at the plan's own clip."""
    return contribution(ClientUpdate(update), plan, number, clip=plan.clip, source=source)


def learnt(words: np.ndarray, clients: int, plan: Plan, number: int) -> np.ndarray:
    """The mean change of one opened sum."""
    return mean_update([words], clients, plan, number, clip=plan.clip).change


def test_the_mean_without_privacy_is_the_mean(plan_of: PlanOf) -> None:
    plan = plan_of("privacy.mode=none")
    updates = [np.random.default_rng(i).normal(size=50).astype(np.float32) for i in range(8)]
    total = ring.total(
        (sent(u, plan, 1, source=dice(i)) for i, u in enumerate(updates)), plan.counts.words
    )
    mean = learnt(total, 8, plan, 1)
    np.testing.assert_allclose(mean, np.mean(updates, axis=0), atol=1e-6)


def test_without_privacy_an_entry_beyond_the_grid_is_held_at_its_edge(plan_of: PlanOf) -> None:
    plan = plan_of("privacy.mode=none")
    wild = np.full(50, 1e30, dtype=np.float32)
    mean = learnt(sent(wild, plan, 1, source=dice(1)), 1, plan, 1)
    np.testing.assert_allclose(mean, 8.0, atol=1e-5)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.floats(-30, 30), st.integers(1, 50))
def test_the_integers_beneath_the_noise_never_exceed_the_clip(
    seed: int, magnitude: float, nonzero: int
) -> None:
    from holter.algebra.layout import Layout
    from holter.rounds.planning import make_plan
    from holter.rounds.study import Study

    study = Study.parse(
        '[study]\nname="s"\ntask="activity"\n',
        ["privacy.noise_multiplier=1", "training.clients_per_round=8", "training.rounds=1"],
    )
    plan = make_plan(study, people=40, layout=Layout((("w", (50,)),)))
    update = np.zeros(50, dtype=np.float32)
    update[:nonzero] = np.random.default_rng(seed).normal(size=nonzero) * 10.0**magnitude
    words = sent(update, plan, 1, source=Quiet(key(seed, "quiet")))
    integers = lanes.unpack(words, plan.coordinates, plan.grid.lane_bits)
    assert plan.grid.norm_limit is not None
    square = int(np.dot(integers, integers))
    assert square <= plan.grid.norm_limit**2
    if np.any(update):
        assert square >= (0.9 * plan.grid.norm_limit) ** 2  # normalised, not only clipped


def test_a_zero_update_stays_zero_but_for_its_noise(plan_of: PlanOf) -> None:
    plan = plan_of()
    words = sent(np.zeros(50, dtype=np.float32), plan, 1, source=Quiet(key(1, "q")))
    assert not words.any()


def test_the_noise_of_a_sum_is_what_the_plan_predicts(plan_of: PlanOf) -> None:
    plan = plan_of("privacy.noise_multiplier=2", parameters=25_000)
    zero = np.zeros(25_000, dtype=np.float32)
    total = ring.total((sent(zero, plan, 1, source=dice(i)) for i in range(8)), plan.counts.words)
    noise = lanes.unpack(total, plan.coordinates, plan.grid.lane_bits)
    predicted = 8 * plan.grid.share_variance
    assert np.var(noise) == pytest.approx(predicted, rel=0.04)  # standard error 0.9 %


def test_nan_is_refused_before_anything_is_drawn(plan_of: PlanOf) -> None:
    update = np.zeros(50, dtype=np.float32)
    update[7] = np.nan
    for mode in ("none", "distributed"):
        with pytest.raises(NotFinite):
            sent(update, plan_of(f"privacy.mode={mode}"), 1, source=dice(1))


def test_a_subset_sends_fewer_words_and_leaves_the_rest_untouched(plan_of: PlanOf) -> None:
    plan = plan_of(
        "privacy.mode=none", "compression.method=subset", "compression.share=0.2", parameters=500
    )
    assert plan.counts.words == 50
    update = np.ones(500, dtype=np.float32)
    mean = learnt(sent(update, plan, 3, source=dice(1)), 1, plan, 3)
    assert np.count_nonzero(mean) == 100
    np.testing.assert_allclose(mean[mean != 0], 1.0, atol=1e-6)
    other = learnt(sent(update, plan, 4, source=dice(1)), 1, plan, 4)
    assert np.any((mean != 0) != (other != 0))
