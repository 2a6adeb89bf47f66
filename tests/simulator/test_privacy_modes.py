"""Adaptive clips, correlated noise, budgets that end, private metrics and what-ifs, in whole runs.

Where statistics need many rounds, trainings run with devices that answer without learning.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
from tests.simulator.conftest import SMALL

import holter
from holter.algebra.layout import Layout
from holter.cli import calls
from holter.cli.calls import Run
from holter.privacy import matrix
from holter.privacy.calibration import noise_deviation
from holter.privacy.chain import GENESIS
from holter.privacy.device_ledger import DeviceLedger
from holter.privacy.joint import NOTHING
from holter.rounds.plan import Plan
from holter.rounds.planning import make_plan
from holter.rounds.study import Study
from holter.rounds.tables import StudyError
from holter.simulator import run as simulator
from holter.simulator import training as trainings
from holter.simulator.progress import Progress
from holter.simulator.training import Round, Spent, Training
from holter.simulator.workers import Workers

RunSmall = Callable[..., Run]
Vector = npt.NDArray[np.float32]
ADAPTIVE = ("privacy.clipping=adaptive", "privacy.bound=clip", "privacy.noise_multiplier=0.5")
QUICK = (
    "evaluation.local_steps=1", "evaluation.every=50", "personalisation.method=none",
    "simulation.protocol_rounds=0",
)  # fmt: skip
CENTRAL = ("privacy.mode=central", "privacy.noise_multiplier=2")
BITS = ("model.safetensors", "journal.jsonl", "ledger.jsonl", "plan.json")


def bits(run: Run) -> dict[str, Any]:
    files: dict[str, Any] = {name: (run.path / name).read_bytes() for name in BITS}
    return files | {"result": {**run.result, "time": None}}


def lines(run: Run, event: str) -> list[Mapping[str, Any]]:
    return [line for line in run.journal if line["event"] == event]


class Still:
    """Devices that answer without learning: change and measures of a person are given."""

    def __init__(
        self,
        change: Callable[[int], Vector | float] = lambda _: 0.0,
        measures: Callable[[int], tuple[float, ...]] = lambda _: (0.0, 1.0),
    ) -> None:
        self._change, self._measures = change, measures

    def train(self, job: object, start: Vector, devices: Sequence[int]) -> dict[int, Vector]:
        return {d: (start + self._change(d)).astype(np.float32) for d in devices}

    def measure(self, model: Vector, devices: Sequence[int]) -> dict[int, tuple[float, ...]]:
        return {d: self._measures(d) for d in devices}


class Still45:
    """A training of 45 still people, round by round. parameters: of the model."""

    def __init__(self, *overrides: str, parameters: int = 40, workers: Still | None = None) -> None:
        quick = ("simulation.protocol_rounds=0", "training.server_optimiser=average", *overrides)
        study = Study.parse(SMALL, ["simulation.dropout=0.0", *quick])
        self.plan = make_plan(study, people=45, layout=Layout((("w", (parameters,)),)))
        self.training = Training(study, self.plan, 0, range(45))
        self.progress = self._start(np.zeros(parameters, dtype=np.float32))
        self._workers = cast(Workers, workers or Still())

    def _start(self, first: Vector) -> Progress:
        return Progress.start(self.plan, first, 45, head=GENESIS, sign=lambda _: bytes(64))

    def under(self, plan: Plan) -> Still45:
        """The same people under another plan, from the beginning."""
        self.plan, self.training = plan, replace(self.training, plan=plan)
        self.progress = self._start(np.zeros_like(self.progress.parameters))
        return self

    def next(self) -> Round | Spent:
        one = self.training.next_round(self.progress, self._workers)
        if isinstance(one, Round):
            self.progress = one.progress
        return one

    def all(self) -> list[Round]:
        """All rounds of the plan; none may be unaffordable."""
        found = [self.next() for _ in range(self.plan.rounds)]
        assert all(isinstance(one, Round) for one in found)
        return cast(list[Round], found)


def rounds_of(ledger: DeviceLedger) -> tuple[int, ...]:
    (campaign,) = ledger.campaigns.values()
    return campaign.rounds


# Adaptive clips.


def test_the_clip_moves_to_the_quantile_of_the_norms_and_the_promise_does_not_move(
    run_small: RunSmall, monkeypatch: pytest.MonkeyPatch
) -> None:
    norms: list[list[float]] = []
    plain = Training._updates

    def watched(self: Training, *args: Any) -> Any:
        updates = plain(self, *args)
        norms.append([float(np.linalg.norm(one.change)) for one in updates.values()])
        return updates

    monkeypatch.setattr(trainings.Training, "_updates", watched)
    promises = []
    for start in ("0.02", "8.0"):
        norms.clear()
        run = run_small(
            *ADAPTIVE, "training.rounds=16", "privacy.clip_rate=0.9", *QUICK,
            f"privacy.clip={start}", "simulation.dropout=0.0", out=start,
        )  # fmt: skip
        clips = [line["clip"] for line in lines(run, "round")]
        assert clips[0] == float(start) and len(set(clips)) == 16
        medians = [float(np.median(one)) for one in norms]
        before, after = (abs(math.log(clips[i] / medians[i])) for i in (0, -1))
        assert after < before / 2
        promises.append(
            (run.result["privacy"]["epsilon"], [line["epsilon"] for line in lines(run, "round")])
        )
        assert run.result["privacy"]["clip_quantile"] == 0.5
    assert promises[0] == promises[1]


@pytest.mark.parametrize("start", ["0.1", "3.0"])
def test_over_many_rounds_the_clip_stays_at_the_quantile_that_was_asked_for(start: str) -> None:
    sizes = np.exp(np.random.default_rng(8).normal(size=45)) * 0.5  # norms of the 45 people
    direction = np.ones(40) / math.sqrt(40)
    world = Still45(
        *ADAPTIVE, "training.rounds=150", "privacy.clip_quantile=0.7", "privacy.clip_rate=0.3",
        f"privacy.clip={start}", workers=Still(lambda d: (direction * sizes[d]).astype(np.float32)),
    )  # fmt: skip
    # In single steps a norm near the clip is off by rounding: the quantile is met on average.
    late = [float(np.mean(sizes <= one.progress.clip)) for one in world.all()[70:]]
    assert np.mean(late) == pytest.approx(0.7, abs=0.06)


def test_a_clip_that_does_not_adapt_never_moves() -> None:
    world = Still45("training.rounds=3", "privacy.clip=0.3")
    found = world.all()
    assert {one.progress.clip for one in found} == {0.3}
    assert all(one.extras == NOTHING for one in found)


# Central, correlated noise.


def test_no_device_comes_back_within_the_bands_of_the_noise() -> None:
    world = Still45(*CENTRAL, "training.rounds=18", "simulation.dropout=0.2")
    assert world.plan.bands == world.plan.min_separation == 4
    world.all()
    everyone = [rounds_of(ledger) for ledger in world.progress.devices.values()]
    gaps = [int(gap) for rounds in everyone for gap in np.diff(rounds)]
    assert gaps and min(gaps) >= 4
    assert max(map(len, everyone)) <= world.plan.max_participations


def test_noise_that_abandoned_rounds_leave_behind_is_taken_back_by_later_ones() -> None:
    world = Still45(
        *CENTRAL, "training.rounds=16", "simulation.dropout=0.22", "privacy.colluders=0",
        "cohort.survivors_floor=9", parameters=4000,
    )  # fmt: skip
    plan, path, abandoned = world.plan, [], 0
    before, stream = world.progress.parameters, world.progress.stream
    for one in world.all():
        assert one.progress.stream is not None and stream is not None
        if not one.outcome.closed:  # its row is the round's number: noise alone, and a step
            abandoned += 1
            assert np.all(one.progress.parameters != before)
            assert not one.progress.stream.sums[0].any()
            kept = zip(one.progress.stream.sums[1:], stream.sums, strict=False)
            assert all(new is old for new, old in kept)
        before, stream = one.progress.parameters, one.progress.stream
        path.append(float(np.var(before)))
    assert 3 <= abandoned <= 13
    row = noise_deviation(plan.grid, survivors=1) / plan.scale_at(plan.clip) / plan.asked_per_round
    errors = matrix.errors(matrix.square_root(plan.bands), plan.rounds)
    # Sums are divided by 9 or 10 survivors, so a little less cancels than with 10 throughout.
    assert np.mean(path) / row**2 == pytest.approx(errors.mean, rel=0.2)
    assert errors.mean < 0.65 * (plan.rounds + 1) / 2  # of independent noise


def test_a_run_with_abandoned_rounds_goes_where_its_closed_rounds_point() -> None:
    direction = np.linspace(-1, 1, 400).astype(np.float32)
    quiet = ("privacy.mode=central", "privacy.noise_multiplier=0.05", "training.rounds=16")
    world = Still45(
        *quiet, "simulation.dropout=0.4", parameters=400, workers=Still(lambda _: direction)
    )
    closed = sum(one.outcome.closed for one in world.all())
    assert 4 <= closed <= 13
    step = direction / np.linalg.norm(direction)
    wanted, found = closed * step, world.progress.parameters
    assert np.linalg.norm(found - wanted) < 0.1 * np.linalg.norm(wanted)


def test_a_central_run_resumes_to_the_same_bits(small: Path, tmp_path: Path) -> None:
    settings = (*CENTRAL, "training.rounds=7", "simulation.dropout=0.3", *QUICK)
    assert_same_after_breaks(small, tmp_path, settings, breaks=(2, 5), abandoned=True)


@pytest.mark.long
def test_an_adaptive_run_resumes_to_the_same_bits(small: Path, tmp_path: Path) -> None:
    settings = (*ADAPTIVE, "privacy.metrics_share=0.1", *QUICK)
    assert_same_after_breaks(small, tmp_path, settings, breaks=(3,), abandoned=False)


def assert_same_after_breaks(
    small: Path, tmp_path: Path, settings: tuple[str, ...], *, breaks: tuple[int, ...],
    abandoned: bool,
) -> None:  # fmt: skip
    whole = holter.simulate(small, tmp_path / "whole", overrides=settings)
    assert bool(whole.result["rounds"]["abandoned"]) == abandoned

    def tell(record: Any, _: Any) -> None:
        if record.round in breaks and record.round not in seen:
            seen.add(record.round)
            raise KeyboardInterrupt

    seen: set[int] = set()
    with pytest.raises(calls.Interrupted):
        holter.simulate(small, tmp_path / "broken", overrides=settings, on_round=tell)
    for _ in breaks[1:]:
        with pytest.raises(calls.Interrupted):
            calls.resume(tmp_path / "broken", on_round=tell)
    assert bits(calls.resume(tmp_path / "broken")) == bits(whole)


# A budget that ends.

STOP = (
    *QUICK, "privacy.stop_at_epsilon=5", "privacy.noise_multiplier=2", "training.rounds=20",
)  # fmt: skip


@pytest.fixture(scope="module")
def stopped_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of 20 rounds whose budget ends before."""
    folder = tmp_path_factory.mktemp("stopped")
    (folder / "study.toml").write_text(SMALL)
    return holter.simulate(folder / "study.toml", folder / "run", overrides=STOP)


def test_a_run_ends_cleanly_before_any_device_passes_the_limit(stopped_run: Run) -> None:
    run = stopped_run
    rounds = run.result["rounds"]
    assert rounds["planned"] == 20 and 0 < rounds["closed"] < 20
    assert rounds["stopped"].startswith("budget_exhausted")
    (stopped,) = lines(run, "stopped")
    assert stopped["reason"] == rounds["stopped"] and stopped["rounds_done"] == rounds["closed"]
    spent = [line["epsilon"] for line in lines(run, "round")]
    assert spent == sorted(spent) and 4 < max(spent) <= 5
    assert (run.path / "model.safetensors").stat().st_size > 0 and run.report.stat().st_size > 0
    assert run.result["evaluation"]["new_people"] is not None


def test_the_reported_promise_of_a_run_with_a_limit_is_within_it(stopped_run: Run) -> None:
    assert stopped_run.result["privacy"]["epsilon"] <= 5


def test_the_report_says_that_and_why_a_run_ended_early(stopped_run: Run) -> None:
    assert "stop_at_epsilon" in stopped_run.report.read_text()


def test_a_run_broken_off_after_its_budget_ended_resumes_to_the_same_bits(
    stopped_run: Run, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(simulator.arms, "answers", interrupted)
        with pytest.raises(calls.Interrupted):
            holter.simulate(small, tmp_path / "broken", overrides=STOP)
    events = [json.loads(line)["event"] for line in _journal(tmp_path / "broken")]
    assert events[-2:] == ["stopped", "interrupted"]
    assert bits(calls.resume(tmp_path / "broken")) == bits(stopped_run)


def _journal(folder: Path) -> list[bytes]:
    return (folder / "journal.jsonl").read_bytes().splitlines()


def test_a_training_ends_when_too_few_devices_may_still_be_asked() -> None:
    world = Still45("training.rounds=20")
    world.under(replace(world.plan, max_participations=2))
    found = [world.next() for _ in range(10)]
    assert all(isinstance(one, Round) for one in found[:9])  # 45 people twice, 10 a round
    assert isinstance(found[9], Spent) and "0 devices may still be asked" in found[9].reason
    assert max(len(rounds_of(ledger)) for ledger in world.progress.devices.values()) == 2


def test_a_limit_that_pays_for_no_round_is_refused_before_any() -> None:
    with pytest.raises(
        StudyError, match="does not pay for one round: it takes a device to epsilon"
    ):
        Still45("privacy.noise_multiplier=0.5", "privacy.stop_at_epsilon=1")


def test_what_earlier_studies_spent_counts_against_the_limit() -> None:
    limit = ("training.rounds=40", "privacy.noise_multiplier=2", "privacy.stop_at_epsilon=5")
    alone, after = Still45(*limit).plan, Still45(*limit, "privacy.earlier_rho=0.2").plan
    assert alone.max_participations > after.max_participations >= 1
    spent = after.earlier_units + after.max_participations * after.contract.rho_units
    assert after.epsilon_of(spent) <= 5 < after.epsilon_of(spent + after.contract.rho_units)


# Private metrics.


def _standard_error(plan: Plan, clients: int) -> float:
    """Of a private measure of a round: its noise over what a difference of 1 is worth."""
    steps = noise_deviation(plan.grid, survivors=clients)
    limit = plan.grid.norm_limit
    assert limit is not None
    return steps / (limit * math.sqrt(2 * plan.joint.evaluation)) / clients


def test_private_measures_are_the_true_means_within_their_noise() -> None:
    dice = np.random.default_rng(4)
    truth = {d: tuple(dice.uniform(size=2)) for d in range(45)}
    world = Still45(
        "privacy.metrics_share=0.2",
        "training.rounds=120",
        workers=Still(measures=truth.__getitem__),
    )
    error = _standard_error(world.plan, 10)
    off = []
    for one in world.all():
        asked = [
            d for d, ledger in one.progress.devices.items()
            if rounds_of(ledger)[-1:] == (one.progress.rounds_done,)
        ]  # fmt: skip
        means = np.mean([truth[d] for d in asked], axis=0)
        off.append((np.array(one.extras.measures) - means) / error)
    assert np.std(off) == pytest.approx(1, rel=0.2)  # 240 of them: standard error 4.6 %
    assert abs(np.mean(off)) < 4 / math.sqrt(240)


def test_a_journal_holds_private_measures_of_the_model_that_each_round_began_with(
    run_small: RunSmall, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[list[float]] = []
    plain = Workers.measure

    def watched(self: Workers, model: Vector, devices: Sequence[int]) -> Any:
        found = plain(self, model, devices)
        told.append(np.mean(list(found.values()), axis=0).tolist())
        return found

    monkeypatch.setattr(Workers, "measure", watched)
    run = run_small("privacy.metrics_share=0.5", "simulation.dropout=0.0", *QUICK)
    measured = [line["measures"] for line in lines(run, "round")]
    noise = 0.5 * math.sqrt(10 / 8) / 10 / math.sqrt(2 * 0.5) * 1.1
    assert len(told) == 6 and np.abs(np.array(measured) - told).max() < 4.5 * noise
    assert run.result["privacy"]["metrics_share"] == 0.5


# What-if.


def test_a_what_if_run_reports_the_fleets_promise_and_protects_nobody(
    run_small: RunSmall,
) -> None:
    fleet = "privacy.meant_for={population=20000, clients_per_round=500}"
    run = run_small(fleet, "privacy.noise_multiplier=1.5", *QUICK)
    alone = Study.parse(SMALL, ["privacy.noise_multiplier=1.5", "training.clients_per_round=500"])
    size = run.result["model"]["parameters"]
    plan = make_plan(alone, people=20_000, layout=Layout((("w", (size,)),)))
    promise = plan.guarantee()
    assert promise is not None
    privacy = run.result["privacy"]
    assert privacy["epsilon"] == pytest.approx(promise.epsilon, rel=1e-3)
    assert privacy["statement"].startswith("WHAT-IF: nobody") and privacy["claimed"] is False
    assert privacy["meant_for"] == {"population": 20_000, "clients_per_round": 500}
    # Of one device in the fleet, asked once in these rounds; not of the few, asked more often.
    assert lines(run, "round")[-1]["epsilon"] == pytest.approx(promise.epsilon, rel=1e-3)
    assert "WHAT-IF" in run.report.read_text()
