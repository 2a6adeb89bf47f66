"""What travels with an update, through both halves of a sum; and noise as every mode predicts it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.algebra import ring
from holter.algebra.layout import Layout
from holter.privacy import adaptive_clip, matrix
from holter.privacy.calibration import noise_deviation
from holter.privacy.correlated import Stream
from holter.rounds.pipeline import (
    ClientUpdate,
    MeanUpdate,
    bounded,
    central_noise,
    contribution,
    correlated_noise,
    mean_update,
    released_update,
)
from holter.rounds.plan import Plan
from holter.rounds.planning import make_plan
from holter.rounds.study import Study
from holter.rounds.tables import StudyError
from holter.simulator.dice import SeededSource, key

PlanOf = Callable[..., Plan]
ADAPTIVE = ("privacy.bound=clip", "privacy.clipping=adaptive")
METRICS = "privacy.metrics_share=0.1"
FINEST = 200_000  # coordinates that show 1 % of a deviation: standard error 0.16 %


class Quiet(SeededSource):
    """Source whose noise is zero, to look at the integers beneath it."""

    def discrete_gaussian(self, variance: int, count: int) -> npt.NDArray[np.int64]:
        return np.zeros(count, dtype=np.int64)


@functools.cache
def _plan(*overrides: str) -> Plan:
    """For 8 clients a round of 40 people, 50 parameters; all eight must survive."""
    study = Study.parse(
        '[study]\nname = "s"\ntask = "activity"\n',
        [
            "privacy.noise_multiplier=1",
            "training.clients_per_round=8",
            "training.rounds=10",
            "cohort.survivors_floor=8",
            "privacy.colluders=0",
            *overrides,
        ],
    )
    return make_plan(study, people=40, layout=Layout((("w", (50,)),)))


def dice(*numbers: int) -> SeededSource:
    return SeededSource(key(1, "joint", *numbers))


def one(plan: Plan, update: ClientUpdate, *, clip: float) -> MeanUpdate:
    """What the server would learn of a single client without noise."""
    words = contribution(update, plan, 1, clip=clip, source=Quiet(key(1, "quiet")))
    return mean_update([words], 1, plan, 1, clip=clip)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(
        [(*ADAPTIVE, METRICS), ADAPTIVE, (METRICS,), (METRICS, "privacy.mode=central")]
    ),
    st.integers(0, 2**32),
    st.floats(-37, 38),
    st.integers(0, 50),
    st.floats(-6, 6),
    st.tuples(*[st.floats(allow_nan=False)] * 2),
)
def test_the_joint_integers_never_exceed_the_norm_limit(
    overrides: tuple[str, ...],
    seed: int,
    magnitude: float,
    nonzero: int,
    clip: float,
    measures: tuple[float, float],
) -> None:
    plan = _plan(*overrides)
    change = np.zeros(50, dtype=np.float32)
    change[:nonzero] = np.random.default_rng(seed).uniform(-3, 3, nonzero) * 10.0**magnitude
    integers = bounded(ClientUpdate(change, measures), plan, 1, clip=10.0**clip, source=dice(seed))
    limit = plan.grid.norm_limit
    assert limit is not None and len(integers) == plan.coordinates == 50 + plan.joint.extras
    assert int(np.dot(integers, integers)) <= limit**2


class Upwards(Quiet):
    """Every rounding goes up, as one in 2^50 might: more than the room that is left for it."""

    def read(self, length: int) -> bytes:
        return bytes(length)


@pytest.mark.parametrize("overrides", [(*ADAPTIVE, METRICS), (METRICS, "privacy.mode=central")])
def test_the_integer_check_holds_the_limit_where_every_rounding_goes_up(
    overrides: tuple[str, ...],
) -> None:
    plan = _plan(*overrides, 'aggregation.protocol="one-upload"')
    limit = plan.grid.norm_limit
    assert limit is not None
    for seed in range(20):
        change = np.random.default_rng(seed).uniform(1, 1.2, 50).astype(np.float32)
        source = Upwards(key(1, "up"))
        update = ClientUpdate(change, (1.0, 1.0))
        integers = bounded(update, plan, 1, clip=1.0, source=source)
        assert 0.97 * limit < np.linalg.norm(integers) <= limit
        assert int(np.dot(integers, integers)) <= limit**2


@pytest.mark.parametrize("length", [0.0, 0.3, 0.9, 1.1, 40.0, 1e30])
def test_the_indicator_says_whether_the_update_stayed_below_the_clip_of_this_round(
    length: float,
) -> None:
    plan, clip = _plan(*ADAPTIVE), 0.02
    direction = np.random.default_rng(1).normal(size=50)
    change = (direction / np.linalg.norm(direction) * length * clip).astype(np.float32)
    found = one(plan, ClientUpdate(change), clip=clip)
    assert found.extras.below == pytest.approx(1.0 if length < 1 else 0.0, abs=0.02)
    kept = change.astype(np.float64) * min(1.0, 1 / length if length else 1.0)
    np.testing.assert_allclose(found.change, kept, atol=0.02 * clip)


def test_measures_arrive_as_their_mean_beside_an_update_that_keeps_its_length() -> None:
    plan = _plan(METRICS)
    change = np.full(50, 3.0, dtype=np.float32)
    told = [(1.0, 0.0), (1.0, 0.0), (0.9, 0.0), (0.7, 0.2)]  # near a corner: nothing to spare
    words = [
        contribution(ClientUpdate(change, m), plan, 1, clip=1.0, source=Quiet(key(1, "q", i)))
        for i, m in enumerate(told)
    ]
    found = mean_update([ring.total(words, plan.counts.words)], 4, plan, 1, clip=1.0)
    np.testing.assert_allclose(found.extras.measures, np.mean(told, axis=0), atol=0.01)
    assert found.extras.below is None
    assert np.linalg.norm(found.change) == pytest.approx(1.0, rel=0.03)


def test_measures_that_are_missing_or_no_numbers_are_refused_before_they_are_sent() -> None:
    plan, change = _plan(METRICS), np.ones(50, dtype=np.float32)
    for measures in ((), (0.5,), (math.nan, 0.5), (0.5, math.nan)):
        with pytest.raises(ValueError):
            contribution(ClientUpdate(change, measures), plan, 1, clip=1.0, source=dice(1))


@pytest.mark.parametrize("clip", [0.0, -1.0, math.nan, math.inf])
def test_a_clip_that_no_plan_can_mean_is_refused(clip: float) -> None:
    update = ClientUpdate(np.ones(50, dtype=np.float32))
    with pytest.raises(ValueError, match="clip"):
        contribution(update, _plan(*ADAPTIVE), 1, clip=clip, source=dice(1))


def test_the_indicator_of_a_sum_carries_the_noise_it_was_given() -> None:
    plan, rounds = _plan(*ADAPTIVE), 500
    sigma_b = adaptive_clip.indicator_noise(1.0, 8)
    assert sigma_b == 2.0
    update = ClientUpdate(np.zeros(50, dtype=np.float32))  # within any clip: the indicator is +1/2
    found = []
    for number in range(rounds):
        words = ring.total(
            (contribution(update, plan, 1, clip=1.0, source=dice(number, i)) for i in range(8)),
            plan.counts.words,
        )
        below = mean_update([words], 8, plan, 1, clip=1.0).extras.below
        assert below is not None
        found.append(8 * below)
    assert np.std(found) == pytest.approx(sigma_b, rel=0.12)  # standard error 3.2 %
    assert np.mean(found) == pytest.approx(8, abs=4 * sigma_b / math.sqrt(rounds))


@pytest.mark.parametrize("mode", ["distributed", "local", "central"])
def test_what_travels_along_costs_nothing_and_leaves_the_update_less_room(mode: str) -> None:
    plain, joint = _plan(f"privacy.mode={mode}"), _plan(f"privacy.mode={mode}", METRICS)
    assert joint.contract.rho_units == pytest.approx(plain.contract.rho_units, rel=2e-3)
    promises = plain.guarantee(), joint.guarantee()
    assert promises[0] is not None and promises[1] is not None
    assert promises[1].epsilon == pytest.approx(promises[0].epsilon, rel=2e-3)
    # 10 % of the charge costs the update 5 % of its signal.
    lost = joint.signal_to_noise(8) / plain.signal_to_noise(8)
    assert lost == pytest.approx(math.sqrt(0.9), rel=0.02)


def _realised(plan: Plan, clients: int, clip: float) -> float:
    """Deviation of a coordinate of the mean of zero updates."""
    zero = ClientUpdate(np.zeros(plan.layout.size, dtype=np.float32))
    words = ring.total(
        (contribution(zero, plan, 1, clip=clip, source=dice(i)) for i in range(clients)),
        plan.counts.words,
    )
    if plan.grid.central_variance:
        words = (
            words + central_noise(plan, source=dice(100)) + central_noise(plan, source=dice(101))
        )
    if plan.correlated:
        stream = Stream(matrix.on_grid(matrix.square_root(plan.bands)))
        noise = correlated_noise(plan, source=dice(100))
        _, mean = released_update([words], clients, plan, 1, stream, noise=noise)
    else:
        mean = mean_update([words], clients, plan, 1, clip=clip)
    return float(np.std(mean.change))


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ADAPTIVE,
        ("privacy.mode=local",),
        ("privacy.mode=central",),
        ("privacy.mode=central", 'aggregation.protocol="one-upload"'),
    ],
)
def test_realised_noise_is_the_predicted_within_one_percent(
    plan_of: PlanOf, overrides: tuple[str, ...]
) -> None:
    plan = plan_of("cohort.survivors_floor=7", *overrides, parameters=FINEST)
    clip = 0.3 if plan.clip_quantile is not None else plan.clip
    for clients in (7, 8):
        steps = noise_deviation(plan.grid, survivors=clients)
        predicted = steps / plan.scale_at(clip) / clients
        assert _realised(plan, clients, clip) == pytest.approx(predicted, rel=0.01)
    # In the words of privacy.md 7: z C over the shares that are counted on.
    draws = {"distributed": 8 / plan.honest_shares, "local": 8.0, "central": 1.0}[plan.mode]
    if plan.grid.central_variance:
        draws = 2.0  # the helper's and the leader's
    room = math.sqrt(plan.joint.update)
    stated = plan.noise_multiplier * clip * math.sqrt(draws) / 8 / room
    assert predicted == pytest.approx(stated, rel=0.01)


def _running_sums(plan: Plan, abandoned: tuple[int, ...]) -> list[float]:
    """Variance of the running sum of released estimates after each round, in rows' variances."""
    stream = Stream(matrix.on_grid(matrix.square_root(plan.bands)))
    zero = np.zeros(plan.counts.words, dtype=np.uint64)
    total, found = np.zeros(plan.layout.size), []
    row = noise_deviation(plan.grid, survivors=1) / plan.scale_at(plan.clip) / plan.asked_per_round
    for number in range(1, plan.rounds + 1):
        noise = correlated_noise(plan, source=dice(7, number))
        sums, survivors = ([], 0) if number in abandoned else ([zero], plan.asked_per_round)
        stream, mean = released_update(sums, survivors, plan, number, stream, noise=noise)
        total += mean.change
        found.append(float(np.var(total)) / row**2)
    return found


@pytest.mark.parametrize("abandoned", [(), (2, 3, 9)])
def test_the_noise_of_running_sums_is_what_the_strategy_predicts_through_abandoned_rounds_too(
    plan_of: PlanOf, abandoned: tuple[int, ...]
) -> None:
    plan = plan_of("privacy.mode=central", parameters=FINEST)
    assert plan.bands == 5
    errors = matrix.errors(matrix.square_root(5), plan.rounds)
    found = _running_sums(plan, abandoned)
    assert np.mean(found) == pytest.approx(errors.mean, rel=0.01)
    assert found[-1] == pytest.approx(errors.largest, rel=0.01)
    assert errors.mean < 0.7 * (plan.rounds + 1) / 2  # independent noise: (n + 1) / 2


def test_an_abandoned_row_is_noise_alone_and_moves_no_sum(plan_of: PlanOf) -> None:
    plan = plan_of("privacy.mode=central")
    stream = Stream(matrix.on_grid(matrix.square_root(plan.bands)))
    change = np.random.default_rng(3).normal(size=50).astype(np.float32)
    silent = np.zeros(50, dtype=np.int64)
    for number in range(1, 9):
        given_up = number in (3, 4)
        words = [] if given_up else [_eight(plan, change, number)]
        stream, mean = released_update(
            words, 0 if given_up else 8, plan, number, stream, noise=silent
        )
        if given_up:
            assert not mean.change.any()
        else:
            np.testing.assert_allclose(
                mean.change, change / np.linalg.norm(change), atol=4 / plan.grid.scale
            )


def _eight(plan: Plan, change: npt.NDArray[np.float32], number: int) -> npt.NDArray[np.uint64]:
    update = ClientUpdate(change)
    return ring.total(
        (contribution(update, plan, number, clip=1.0, source=dice(number, i)) for i in range(8)),
        plan.counts.words,
    )


def test_rounds_that_send_other_parameters_cannot_share_correlated_noise(plan_of: PlanOf) -> None:
    subset = ("privacy.mode=central", "compression.method=subset", "compression.share=0.5")
    with pytest.raises(StudyError, match="take back the noise of earlier ones"):
        plan_of(*subset)
    apart = plan_of(*subset, "cohort.min_separation=1")
    assert apart.bands == 1 and apart.correlated
    plan_of(*subset, 'aggregation.protocol="one-upload"')
