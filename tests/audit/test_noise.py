"""The audits of noise: what a sound pipe looks like, and what each of them can see."""

from __future__ import annotations

import numpy as np
import pytest

from holter.audit.noise_scale import draws, noise_scale
from holter.audit.pipe import NothingPromised, Pipe
from holter.audit.sampler_fit import sampler_fit
from holter.audit.whiteness import whiteness
from holter.audit.zero_rounds import Noise, collect
from holter.privacy import discrete_gaussian, matrix
from tests.audit.conftest import PlanOf, seeded

CORRELATED = (
    "privacy.mode=central", 'aggregation.protocol="secagg"', "cohort.min_separation=3"
)  # fmt: skip


def zero_rounds(pipe: Pipe, coordinates: int, seed: int = 1) -> Noise:
    rounds = -(-coordinates // pipe.size)
    return collect(pipe, source_of=seeded(seed), rounds=rounds, survivors=pipe.floor)


def test_the_noise_of_a_sum_is_what_the_planner_predicts_within_one_per_cent(
    plan_of: PlanOf,
) -> None:
    pipe = Pipe(plan_of(parameters=5000))
    found = noise_scale(pipe, zero_rounds(pipe, 200_000), survivors=pipe.floor)
    assert found.passed and found.numbers["coordinates"] >= 200_000
    assert found.numbers["tolerance"] < 0.01
    assert found.numbers["ratio"] == pytest.approx(1, abs=0.01)
    assert found.bound == pytest.approx(found.claim, rel=0.01)


@pytest.mark.parametrize(
    "overrides",
    [("privacy.mode=local",), ("privacy.mode=central",), CORRELATED,
     ("compression.method=subset", "compression.share=0.3")],
)  # fmt: skip
def test_each_kind_of_noise_keeps_its_promise(plan_of: PlanOf, overrides: tuple[str, ...]) -> None:
    pipe = Pipe(plan_of(*overrides, parameters=2000))
    noise = zero_rounds(pipe, 20_000)
    assert noise_scale(pipe, noise, survivors=pipe.floor).passed
    assert draws(pipe, noise).passed
    assert pipe.seen_deviation == pytest.approx(pipe.promised_deviation, rel=1e-3)


def test_noise_is_counted_without_what_travels_beside_an_update(plan_of: PlanOf) -> None:
    plan = plan_of("privacy.bound=clip", "privacy.clipping=adaptive", "privacy.metrics_share=0.1")
    pipe = Pipe(plan)
    assert plan.coordinates == pipe.size + 3
    noise = zero_rounds(pipe, 20_000)
    assert noise.seen.shape[1] == pipe.size
    assert noise_scale(pipe, noise, survivors=pipe.floor).passed


def test_a_plan_that_promises_nothing_is_not_audited(plan_of: PlanOf) -> None:
    with pytest.raises(NothingPromised, match="nothing to audit"):
        Pipe(plan_of("privacy.mode=none"))


@pytest.mark.parametrize("variance", [2, 64, 10_000, 2**40])
def test_the_exact_sampler_fits_at_every_width(variance: int) -> None:
    rng = np.random.default_rng(variance)
    count = 200_000 if variance < 2**40 else 50_000
    found = sampler_fit(discrete_gaussian.sample(variance, count, rng.bytes), variance)
    assert found.passed, found.what


@pytest.mark.parametrize("what", ["even only", "two per cent too wide", "rounded to fours", "flat"])
def test_draws_that_do_not_fit_are_seen(what: str) -> None:
    rng = np.random.default_rng(8)
    good = np.rint(rng.normal(0, 100, 200_000)).astype(np.int64)
    bad = {
        "even only": good & ~1,
        "two per cent too wide": np.rint(good * 1.02).astype(np.int64),
        "rounded to fours": 4 * np.rint(good / 4).astype(np.int64),
        "flat": rng.integers(-173, 174, 200_000),
    }
    assert not sampler_fit(bad[what], 100**2).passed


def test_published_noise_is_white_once_the_strategy_is_applied_and_not_before(
    plan_of: PlanOf,
) -> None:
    pipe = Pipe(plan_of(*CORRELATED))
    noise = zero_rounds(pipe, 30_000)
    assert pipe.plan.bands == 3
    assert whiteness(noise.opened, coefficients=pipe.coefficients).passed
    assert not whiteness(noise.opened).passed
    other = matrix.on_grid(matrix.square_root(2))
    assert not whiteness(noise.opened, coefficients=other).passed


@pytest.mark.parametrize("lag", [1, 5])
def test_correlation_across_rounds_or_coordinates_is_seen_and_white_noise_is_not(lag: int) -> None:
    rows = np.random.default_rng(9).normal(size=(20, 2000))
    assert whiteness(rows).passed
    assert not whiteness(rows + 0.05 * np.roll(rows, lag, axis=1)).passed
    assert not whiteness(rows + 0.05 * np.roll(rows, lag, axis=0)).passed


def test_two_draws_that_are_equal_are_seen_among_many() -> None:
    draws = np.random.default_rng(10).integers(-50, 51, size=(4, 30, 200))
    rows = draws.sum(axis=1).astype(np.float64)
    assert whiteness(rows, draws=draws).passed
    draws[3, 7] = draws[1, 20]
    assert not whiteness(rows, draws=draws).passed
    draws[3, 7] = -draws[1, 20]  # taken off again elsewhere is as bad
    assert not whiteness(rows, draws=draws).passed
