"""Every seeded fault is found by the audit that is meant for it; the sound pipeline passes them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from holter.audit.canaries import canary_game, one_shot
from holter.audit.finding import AuditReport
from holter.audit.floor import floor
from holter.audit.noise_scale import draws, noise_scale
from holter.audit.pipe import Pipe, SourceOf
from holter.audit.quick import quick_audit
from holter.audit.sensitivity import sensitivity
from holter.audit.whiteness import whiteness
from holter.audit.zero_rounds import collect
from holter.privacy.source import Source
from holter.rounds.pipeline import ClientUpdate, contribution
from holter.rounds.plan import Plan
from holter.rounds.study import Study
from holter.simulator import direct, sums
from holter.simulator.dice import SeededSource, key
from holter.simulator.direct import Circle
from holter.simulator.population import Fate, virtual_ledger
from tests.audit import faults
from tests.audit.conftest import PlanOf, seeded, system_source, ticks

SMALL = (
    "training.clients_per_round=25", "cohort.survivors_floor=20", "privacy.colluders=1"
)  # fmt: skip


def audit(plan: Plan, seed: int, step: Any = contribution, **more: Any) -> AuditReport:
    return quick_audit(
        plan, source_of=seeded(seed), clock=ticks(), contribute=step, fast_source_of=seeded(-seed), **more
    )  # fmt: skip


def failed(report: AuditReport) -> set[str]:
    return {finding.name for finding in report.failed}


WIDE = {"draws", "noise_scale", "sampler_fit"}
CLEAR = [
    (lambda: faults.scaled_noise(1, 4), {*WIDE, "canary_game", "floor"}),
    (lambda: faults.missing_share(20), {*WIDE, "floor"}),
    (faults.reused_seed, {"whiteness", "noise_scale"}),
    (faults.clipping_off, {"sensitivity", "canary_game", "one_shot"}),
]
SUBTLE = [
    (lambda: faults.scaled_noise(1, 2), {*WIDE, "canary_game"}),
    (lambda: faults.scaled_noise(95, 100), {"noise_scale"}),
    (lambda: faults.scaled_noise(105, 100), {"noise_scale"}),
    (lambda: faults.missing_share(1000), {"draws"}),
    (lambda: faults.clipping_off(only_integers=True), {"sensitivity"}),
    (faults.unchecked, {"sensitivity"}),
]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [*CLEAR, *(pytest.param(*case, marks=pytest.mark.long) for case in SUBTLE)],
)
def test_a_fault_in_a_copy_of_the_pipeline_is_found(
    plan_of: PlanOf, fault: Callable[[], Any], expected: set[str]
) -> None:
    report = audit(plan_of(*SMALL, "privacy.noise_multiplier=1"), 1, fault().contribution)
    assert not report.passed and expected <= failed(report), failed(report)
    assert report.simulated


@pytest.mark.long
def test_an_unchanged_copy_of_the_pipeline_is_sound(plan_of: PlanOf) -> None:
    same = faults.copy_of(
        faults.pipeline, lambda node: node if isinstance(node, faults.ast.Module) else None
    )
    report = audit(plan_of(*SMALL), 2, same.contribution)
    assert report.passed, failed(report)


def test_central_and_correlated_noise_that_is_halved_is_found(plan_of: PlanOf) -> None:
    faulty = faults.scaled_noise(1, 4)
    central = Pipe(plan_of("privacy.mode=central"), central=faulty.central_noise)
    correlated = Pipe(
        plan_of("privacy.mode=central", 'aggregation.protocol="secagg"', "cohort.min_separation=3"),
        correlated=faulty.correlated_noise,
    )
    for pipe in (central, correlated):
        noise = collect(pipe, source_of=seeded(3), rounds=10, survivors=pipe.floor)
        assert not draws(pipe, noise).passed
        assert not noise_scale(pipe, noise, survivors=pipe.floor).passed
        assert not canary_game(pipe, noise, source_of=seeded(4)).passed


def test_shares_sized_for_all_who_may_report_are_found(plan_of: PlanOf) -> None:
    sound = plan_of(parameters=5000)
    for plan, passes in ((sound, True), (faults.sized_for_all(sound), False)):
        pipe = Pipe(plan)
        noise = collect(pipe, source_of=seeded(4), rounds=4, survivors=pipe.floor)
        assert noise_scale(pipe, noise, survivors=pipe.floor).passed == passes
        assert floor(pipe, [(pipe.floor, noise)]).passed == passes
        assert draws(pipe, noise).passed  # each device does what the plan says


def opener(driver: Any, plan: Plan) -> Callable[[int], bool]:
    """Whether the driver opens a round whose vectors arrive from so many of a full roster."""
    zero = ClientUpdate(np.zeros(plan.layout.size, dtype=np.float32))
    devices = range(plan.counts.largest_roster)

    def opens(arrived: int) -> bool:
        outcome = driver.add(
            plan,
            1,
            {device: zero for device in devices},
            {d: Fate.COMPLETE if d < arrived else Fate.SHARED for d in devices},
            {device: virtual_ledger(plan.contract) for device in devices},
            lambda device: SeededSource(key(5, "opens", device + 8)),
            lambda roster: Circle.drawn(plan, roster, bytes(32)),
            clip=plan.clip,
        )
        return bool(outcome.sums)

    return opens


@pytest.mark.parametrize("protocol", ["one-upload", "secagg"])
def test_a_driver_that_ignores_the_floor_is_found(plan_of: PlanOf, protocol: str) -> None:
    plan = plan_of(f'aggregation.protocol="{protocol}"', parameters=200)
    pipe = Pipe(plan)
    noise = [(60, collect(pipe, source_of=seeded(6), rounds=2, survivors=60))]
    assert floor(pipe, noise, opens=opener(direct, plan)).passed
    ignoring = floor(pipe, noise, opens=opener(faults.opens_below_the_floor(), plan))
    assert not ignoring.passed and ignoring.numbers["opened_below"] > 0


def test_a_run_that_closed_a_round_below_its_floor_is_found(plan_of: PlanOf) -> None:
    pipe = Pipe(plan_of(parameters=200))
    noise = [(60, collect(pipe, source_of=seeded(6), rounds=2, survivors=60))]
    assert floor(pipe, noise, reported=[75, 60, 61]).passed
    below = floor(pipe, noise, reported=[75, 59])
    assert not below.passed and "were 59" in below.what and below.bound == 59
    fewer = [(40, collect(pipe, source_of=seeded(6), rounds=20, survivors=40))]
    assert not floor(pipe, fewer).passed


def seeds_of(module: Any, plan: Plan) -> SourceOf:
    """How a run derives the seeds of contributions, by round and device."""
    study = Study.parse('[study]\nname = "s"\ntask = "activity"\n', ["privacy.noise_multiplier=1"])

    def source_of(round_number: int, who: int) -> Source:
        run = module.Sums(study, plan, 0, round_number, np.zeros(1, dtype=np.float32), plan.clip)
        source: Source = run._source_of(who)
        return source

    return source_of


def test_a_run_that_draws_every_round_from_one_seed_is_found(plan_of: PlanOf) -> None:
    pipe = Pipe(plan_of(*SMALL))
    sound = collect(pipe, source_of=seeds_of(sums, pipe.plan), rounds=4, survivors=20)
    assert whiteness(sound.opened, draws=sound.draws).passed
    same = seeds_of(faults.rounds_share_seeds(), pipe.plan)
    reused = collect(pipe, source_of=same, rounds=4, survivors=20)
    found = whiteness(reused.opened, draws=reused.draws)
    assert not found.passed and found.numbers["largest_rounds"] == pytest.approx(1)


def test_the_clip_holds_against_every_adversarial_update_in_every_kind_of_plan(
    plan_of: PlanOf,
) -> None:
    for overrides in (
        ("privacy.bound=clip",),
        ("privacy.bound=clip", "privacy.clipping=adaptive", "privacy.metrics_share=0.1"),
        ("compression.method=subset", "compression.share=0.3"),
        ("privacy.mode=local",),
    ):
        found = sensitivity(Pipe(plan_of(*overrides, parameters=400)), source_of=seeded(7))
        assert found.passed and found.bound is not None and found.claim is not None
        assert 0.95 * found.claim < found.bound <= found.claim


def test_a_canary_five_clips_long_shows_the_missing_clip_to_the_estimate_too(
    plan_of: PlanOf,
) -> None:
    plan = plan_of(*SMALL)
    for step, sound in ((contribution, True), (faults.clipping_off().contribution, False)):
        pipe = Pipe(plan, step)
        noise = collect(pipe, source_of=seeded(8), rounds=8, survivors=pipe.floor)
        assert one_shot(pipe, noise, source_of=seeded(9)).passed == sound


def test_a_report_holds_plan_verdict_figure_and_whether_randomness_was_real(
    plan_of: PlanOf,
) -> None:
    plan = plan_of(*SMALL)
    report = quick_audit(
        plan, source_of=system_source, clock=ticks(), fast_source_of=seeded(10), reported=[20, 22]
    )
    assert report.passed, failed(report)
    assert report.plan_hash == plan.hash.hex() and not report.simulated and report.seconds == 1
    assert [f.name for f in report.findings] == [
        "draws", "noise_scale", "sampler_fit", "whiteness", "sensitivity", "canary_game", "one_shot",
        "floor", "inversion",
    ]  # fmt: skip
    assert len(report.inversion.window) == report.inversion.channels * report.inversion.samples


@pytest.mark.long
def test_the_sound_pipeline_passes_a_hundred_times_in_a_hundred(plan_of: PlanOf) -> None:
    plan = plan_of(*SMALL, parameters=4000)
    for seed in range(1, 101):
        report = audit(plan, seed)
        assert report.passed, (seed, [finding.what for finding in report.failed])
