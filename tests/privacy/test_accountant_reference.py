"""Every entry of the reference numbers, each by the path it names and within its tolerance.

One test per id; ``CHECKS`` says which function answers for which mechanism. Strategies of
correlated noise are answered for in ``test_matrix``. The entries with noise shares use the L2
bound of conditional rounding and integer orders; the product passes its exact integer clip.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dp_accounting import dp_event, pld
from tests.privacy import reference_forms as forms

from holter.privacy import renyi
from holter.privacy.accountant import (
    compose,
    epsilon_exact,
    epsilon_rdp,
    epsilons,
    rho_for_exact_epsilon,
)
from holter.privacy.adaptive_clip import next_clip, update_multiplier
from holter.privacy.events import (
    Adjacency,
    Method,
    NotAccountable,
    epsilon_of_event,
    fixed_size_gaussian,
)

pytestmark = pytest.mark.recordings

Entry = dict[str, Any]

ROOT = Path(__file__).parents[2]
PLACE = Path(os.environ.get("HOLTER_REFERENCE", ROOT.parent / "shared" / "reference"))
FILE = PLACE / "dp_reference.json"
WHOLE: Entry = json.loads(FILE.read_text()) if FILE.exists() else {}
ENTRIES: list[Entry] = WHOLE.get("entries", [])

IN_TEST_MATRIX = {
    "histogram_cdf_strategy",
    "matrix_mechanism_banded_sqrt",
    "mf_strategy_bandopt",
    "mf_strategy_bandsqrt",
    "mf_strategy_blt",
    "mf_strategy_identity",
    "mf_strategy_sqrt",
}

# What an entry lacks to be recomputed from its parameters alone, and what is done instead.
INCOMPLETE = {
    "adaclip_z8.0_sb50.0": "parameters are a name: z and sigma_b are read from the id",
    "adaptive_clip_noiseless_q80": "norms are a phrase: the lognormal is the normal of log C",
    "compose_tasks": "events are a phrase: counts and multipliers are read from it",
    "dg_sig4.0_sens1_T16_d1e-06": "parameters are a name: read from the id",
    "exact1d_dgsum_sig1.0_n50_shift4_d1e-06": "parameters are a name: read from the id",
    "exact1d_dgsum_sig2.0_n10_shift5_d1e-08": "parameters are a name: read from the id",
    "exact1d_skellam_mu400.0_shift20_d1e-06": "parameters are a name: read from the id",
    "exact1d_skellam_mu50.0_shift4_d1e-06": "parameters are a name: read from the id",
    "hist_onehot_sigma5.0_T1_d1e-08": "parameters are a name: read from the id",
    "shuffle_fmt21_e4.0_n1000000_d1e-06": "parameters are a name: read from the id",
    "strategy_bandopt_n2000_b400_k5": "only the head of its coefficients: see test_matrix",
    "xnoise_n100_D30": "component_k is a formula in words: it is built, and its total compared",
}

LEAST = 1 - 1e-6  # of the exact epsilon: no number of ours may lie further below


def _named(entry: Entry) -> dict[str, float]:
    """The numbers in an id: "dg_sig4.0_T16_d1e-06" -> {"sig": 4, "T": 16, "d": 1e-6}."""
    parts = entry["id"].split("_")
    found = (re.fullmatch(r"([A-Za-z]+?)(\d[\d.]*(?:e-?\d+)?)", part) for part in parts)
    return {match[1]: float(match[2]) for match in found if match}


def _of_event(
    event: Any,
    delta: float,
    method: Method = Method.PLD,
    adjacency: Adjacency = Adjacency.ADD_OR_REMOVE,
    *,
    loss_step: float = 1e-4,
) -> float:
    return epsilon_of_event(event, delta, adjacency=adjacency, method=method, loss_step=loss_step)


def _poisson(rate: float, multiplier: float, rounds: int) -> Any:
    once = dp_event.GaussianDpEvent(multiplier)
    if rate < 1:  # everybody every round is a plain Gaussian, which composes without a grid
        once = dp_event.PoissonSampledDpEvent(rate, once)
    return dp_event.SelfComposedDpEvent(once, rounds)


def _gaussian(entry: Entry) -> None:
    params, expected, tolerance = entry["params"], entry["expected"], entry["tolerance"]
    replaced = params["adjacency"] == "replace_one"
    delta = params["delta"]
    once = dp_event.GaussianDpEvent(params["sigma"])
    event = dp_event.SelfComposedDpEvent(once, params["rounds"])
    rho = compose([(2 if replaced else 1) ** 2 / (2 * params["sigma"] ** 2)] * params["rounds"])
    three = epsilons(rho, delta)
    assert three.exact == pytest.approx(expected["epsilon_exact"], rel=tolerance["exact_rel"])
    assert three.pld == pytest.approx(expected["epsilon_pld"], abs=tolerance["pld_abs"])
    assert three.pld >= expected["epsilon_exact"] * LEAST
    adjacency = Adjacency.REPLACE if replaced else Adjacency.ADD_OR_REMOVE
    by_event = _of_event(event, delta, adjacency=adjacency)
    assert by_event == pytest.approx(expected["epsilon_pld"], abs=tolerance["pld_abs"])
    zeroed = _of_event(event, delta, adjacency=Adjacency.ZERO_OUT)
    if replaced:
        special = expected["epsilon_pld_replace_special"]
        assert zeroed == pytest.approx(special, abs=tolerance["pld_abs"])
        assert by_event > 2 * zeroed
    else:
        assert zeroed == pytest.approx(by_event, rel=1e-12)
        assert rho == pytest.approx(expected["rho_zcdp"], rel=1e-12)
        assert three.rdp == pytest.approx(expected["epsilon_rdp"], abs=tolerance["rdp_abs"])


def _zero_concentrated(entry: Entry) -> None:
    params, expected, tolerance = entry["params"], entry["expected"], entry["tolerance"]
    rho, delta = params["rho"], params["delta"]
    three = epsilons(rho, delta)
    assert three.rdp == pytest.approx(expected["epsilon_rdp_conversion"], abs=tolerance["rdp_abs"])
    gaussian = expected["epsilon_if_gaussian"]
    assert three.exact == pytest.approx(gaussian, rel=tolerance["gaussian_rel"])
    textbook = rho + 2 * math.sqrt(rho * math.log(1 / delta))
    assert textbook == pytest.approx(expected["epsilon_textbook"], rel=tolerance["textbook_rel"])
    assert three.rdp <= textbook


def _tasks(entry: Entry) -> None:
    delta, expected, tolerance = entry["params"]["delta"], entry["expected"], entry["tolerance"]
    tasks = re.findall(r"(\d+) x Gaussian\(([\d.]+)\)", entry["params"]["events"])
    rhos = [int(count) / (2 * float(sigma) ** 2) for count, sigma in tasks]
    assert len(rhos) == 3
    three = epsilons(compose(rhos), delta)
    assert three.exact == pytest.approx(expected["epsilon_exact"], rel=tolerance["exact_rel"])
    assert three.pld == pytest.approx(expected["epsilon_pld"], abs=tolerance["pld_abs"])
    assert math.sqrt(2 * compose(rhos)) == pytest.approx(expected["mu_gdp"], rel=1e-9)
    # Basic composition adds deltas as well, so each task gets a third; the entry does not say so.
    naive = sum(epsilon_exact(rho, delta / len(rhos)) for rho in rhos)
    assert naive == pytest.approx(expected["naive_sum_of_epsilons"], rel=tolerance["exact_rel"])
    assert three.rdp < naive


def _poisson_sampled(entry: Entry) -> None:
    params, expected, tolerance = entry["params"], entry["expected"], entry["tolerance"]
    event = _poisson(params["q"], params["sigma"], params["rounds"])
    numerical = _of_event(event, params["delta"])
    by_renyi = _of_event(event, params["delta"], Method.RENYI)
    near = {"abs": tolerance["pld_abs"], "rel": tolerance["pld_rel"]}
    assert numerical == pytest.approx(expected["epsilon_pld"], **near)
    assert by_renyi == pytest.approx(expected["epsilon_rdp"], abs=tolerance["rdp_abs"])
    whole = epsilon_exact(params["rounds"] / (2 * params["sigma"] ** 2), params["delta"])
    assert whole == pytest.approx(expected["epsilon_without_amplification"], rel=1e-6)
    assert numerical <= by_renyi < whole


def _capped_poisson(entry: Entry) -> None:
    params, expected = entry["params"], entry["expected"]
    tolerance = entry["tolerance"]["pld_abs"]
    once = dp_event.TruncatedSubsampledGaussianDpEvent(
        params["population"], params["q"], params["max_cohort"], params["sigma"]
    )
    event = dp_event.SelfComposedDpEvent(once, params["rounds"])
    capped = _of_event(event, params["delta"], loss_step=1e-3)
    uncapped = _of_event(
        _poisson(params["q"], params["sigma"], params["rounds"]), params["delta"], loss_step=1e-3
    )
    assert capped == pytest.approx(expected["epsilon_pld"], abs=tolerance)
    assert uncapped == pytest.approx(expected["untruncated"], abs=tolerance)
    assert capped > uncapped
    with pytest.raises(NotAccountable):
        _of_event(event, params["delta"], Method.RENYI)


def _fixed_size(entry: Entry) -> None:
    params, expected, tolerance = entry["params"], entry["expected"], entry["tolerance"]
    delta = params["delta"]
    once = dp_event.SampledWithoutReplacementDpEvent(
        params["population"], params["sample"], dp_event.GaussianDpEvent(params["sigma"])
    )
    event = dp_event.SelfComposedDpEvent(once, params["rounds"])
    epsilon = _of_event(event, delta, Method.RENYI, Adjacency.REPLACE)
    assert epsilon == pytest.approx(expected["epsilon_rdp"], abs=tolerance["rdp_abs"])
    same_rate = _poisson(params["sample"] / params["population"], params["sigma"], params["rounds"])
    added = _of_event(same_rate, delta)
    replaced = _of_event(same_rate, delta, adjacency=Adjacency.REPLACE)
    # The entry states no tolerance for its Poisson numbers; that of the Poisson entries is taken.
    assert added == pytest.approx(expected["poisson_same_rate_pld_add_remove"], abs=0.005)
    assert replaced == pytest.approx(expected["poisson_same_rate_pld_replace_one"], abs=0.005)
    assert added < replaced < epsilon
    # The entry says that a factor of 2 for replacement is applied inside. The library applies
    # none: its multiplier is over that sensitivity. Over the clip, the same noise costs more.
    ours = fixed_size_gaussian(params["population"], params["sample"], params["sigma"])
    whole = dp_event.SelfComposedDpEvent(ours, params["rounds"])
    assert _of_event(whole, delta, Method.RENYI, Adjacency.REPLACE) > 2 * epsilon
    for adjacency in (Adjacency.ADD_OR_REMOVE, Adjacency.ZERO_OUT):
        for method in Method:
            with pytest.raises(NotAccountable, match="never another sampling"):
                _of_event(event, delta, method, adjacency)
    with pytest.raises(NotAccountable, match="never another sampling"):
        _of_event(event, delta, Method.PLD, Adjacency.REPLACE)


def _tree(entry: Entry) -> None:
    params, expected, tolerance = entry["params"], entry["expected"], entry["tolerance"]
    steps, trees, delta = params["steps_per_tree"], params["trees"], params["delta"]
    height = forms.tree_height(steps)
    assert height == expected["tree_height"]
    rho = height * trees * params["participations_per_tree"] / (2 * params["sigma"] ** 2)
    assert rho == pytest.approx(expected["rho_zcdp"], rel=1e-9)
    three = epsilons(rho, delta)
    exact = expected["epsilon_exact_gaussian"]
    assert three.exact == pytest.approx(exact, rel=tolerance["exact_rel"])
    once = dp_event.SingleEpochTreeAggregationDpEvent(params["sigma"], steps)
    event = dp_event.SelfComposedDpEvent(once, trees)
    by_event = _of_event(event, delta, Method.RENYI, Adjacency.ZERO_OUT)
    for found in (by_event, three.rdp):
        assert found == pytest.approx(expected["epsilon_rdp"], abs=tolerance["rdp_abs"])
    with pytest.raises(NotAccountable):
        _of_event(event, delta, Method.RENYI, Adjacency.ADD_OR_REMOVE)


def _calibration(entry: Entry) -> None:
    """A multiplier a tolerance larger meets the target, one a tolerance smaller misses it."""
    params, expected, rel = entry["params"], entry["expected"], entry["tolerance"]["sigma_rel"]
    target, delta, rounds = params["epsilon"], params["delta"], params["rounds"]
    multiplier = expected["noise_multiplier"]
    if params["q"] == 1:
        ours = math.sqrt(rounds / (2 * rho_for_exact_epsilon(target, delta)))
        assert ours == pytest.approx(multiplier, rel=rel)
        assert epsilon_exact(rounds / (2 * ours**2), delta) <= target * (1 + 1e-12)

    def epsilon(of: float) -> float:
        return _of_event(_poisson(params["q"], of, rounds), delta, loss_step=1e-3)

    assert epsilon(multiplier * (1 + rel)) < target < epsilon(multiplier * (1 - rel))
    assert epsilon(multiplier) <= target
    if "epsilon_check" in expected:
        assert expected["epsilon_check"] <= target
        assert epsilon(multiplier) == pytest.approx(expected["epsilon_check"], abs=1e-3)


def _share_sum(entry: Entry, survivors: int, multiplier: float) -> tuple[Any, ...]:
    """The L2 bound after rounding, variance of a share, shares, coordinates: in grid steps."""
    params = entry["params"]
    grid = params["scale"] * params.get("clip", 1.0)
    beta = params.get("beta", math.exp(-0.5))
    bound = forms.norm_after_rounding(grid, params["dim_padded"], beta)
    return bound, (multiplier * grid) ** 2 / params["clients"], survivors, params["dim_padded"]


def _discrete_gaussians(entry: Entry) -> None:
    params, expected = entry["params"], entry["expected"]
    rel, delta, rounds = entry["tolerance"]["eps_rel"], params["delta"], params["rounds"]
    shares = _share_sum(entry, params["clients"], params["central_noise_multiplier"])
    grid = params["scale"] * params["clip"]
    assert shares[0] / grid == pytest.approx(expected["infl_l2"], rel=1e-9)
    assert math.sqrt(shares[1]) == pytest.approx(expected["local_sigma"], rel=1e-9)
    rounded = renyi.epsilon_of_curve(renyi.discrete_gaussian_sum(*shares), delta, rounds=rounds)
    assert rounded == pytest.approx(expected["eps"], rel=rel)
    # The product clips integers, so it pays for the clip alone: what one Gaussian would cost.
    clipped = renyi.discrete_gaussian_sum(grid, *shares[1:])
    ours = renyi.epsilon_of_curve(clipped, delta, rounds=rounds)
    assert ours == pytest.approx(expected["central_gauss_rdp_same_orders"], rel=rel)
    assert _product_epsilon(entry, shares, grid) <= ours < rounded


def _product_epsilon(entry: Entry, shares: tuple[Any, ...], bound: float) -> float:
    """What the product reports: the library's orders, at this L2 bound."""
    curve = renyi.discrete_gaussian_sum(bound, *shares[1:])
    rho = curve.divergences[0] / curve.orders[0]
    return epsilon_rdp(compose([rho] * entry["params"]["rounds"]), entry["params"]["delta"])


def _skellam(entry: Entry) -> None:
    params, expected = entry["params"], entry["expected"]
    rel, delta, rounds = entry["tolerance"]["eps_rel"], params["delta"], params["rounds"]
    shares = _share_sum(entry, params["clients"], params["central_noise_multiplier"])
    assert shares[1] == pytest.approx(expected["local_var"], rel=1e-9)
    assert shares[0] / params["scale"] == pytest.approx(expected["infl_l2"], rel=1e-9)
    found = renyi.epsilon_of_curve(renyi.skellam_sum(*shares), delta, rounds=rounds)
    assert found == pytest.approx(expected["eps"], rel=rel)
    gaussian = renyi.epsilon_of_curve(renyi.discrete_gaussian_sum(*shares), delta, rounds=rounds)
    assert gaussian <= found


def _dropped_out(entry: Entry) -> None:
    params, expected = entry["params"], entry["expected"]
    rel, delta, rounds = entry["tolerance"]["eps_rel"], params["delta"], params["rounds"]
    survivors = round(params["survivor_fraction"] * params["clients"])
    multiplier = params["central_noise_multiplier_if_all"]
    shares = _share_sum(entry, survivors, multiplier)
    for build, name in (
        (renyi.discrete_gaussian_sum, "epsilon_ddg"),
        (renyi.skellam_sum, "epsilon_skellam"),
    ):
        found = renyi.epsilon_of_curve(build(*shares), delta, rounds=rounds)
        assert found == pytest.approx(expected[name], rel=rel)
    # Nobody may report what would hold if all had survived.
    everybody = renyi.discrete_gaussian_sum(
        params["scale"], *_share_sum(entry, params["clients"], multiplier)[1:]
    )
    naive = renyi.epsilon_of_curve(everybody, delta, rounds=rounds)
    assert naive == pytest.approx(expected["naive_claim_no_dropout"], rel=rel)
    assert (
        naive * 1.04
        < _product_epsilon(entry, shares, shares[0])
        <= expected["epsilon_ddg"] * (1 + rel)
    )


def _one_dimension(entry: Entry) -> None:
    found, expected = _named(entry), entry["expected"]
    shift, delta = int(found["shift"]), found["d"]
    if "mu" in found:
        noise, variance = forms.skellam(found["mu"]), found["mu"]
        curve = renyi.skellam_sum(shift, found["mu"], 1, 1)
        bound = renyi.epsilon_of_curve(curve, delta)
        assert bound == pytest.approx(expected["rdp_bound"], rel=1e-6)
    else:
        noise = forms.discrete_gaussian_sum(found["sig"], int(found["n"]))
        variance = found["n"] * found["sig"] ** 2
        curve = renyi.discrete_gaussian_sum(shift, found["sig"] ** 2, int(found["n"]), 1)
        bound = renyi.epsilon_of_curve(curve, delta)
        assert expected["dpacc"] is None, "the library has learned to sum discrete Gaussians"
    exact = forms.hockey_stick_epsilon(noise, shift, delta)
    assert exact == pytest.approx(expected["eps"], abs=entry["tolerance"]["eps_abs"])
    smooth = epsilon_exact(shift**2 / (2 * variance), delta)
    assert smooth == pytest.approx(expected["cont_gauss"], rel=1e-6)
    assert bound >= exact
    for order in (2, 3, 5, 8):
        at = curve.divergences[curve.orders.index(order)]
        assert forms.renyi_divergence(noise, shift, order) <= at * (1 + 1e-9)


def _discrete_gaussian_rounds(entry: Entry) -> None:
    found, expected = _named(entry), entry["expected"]
    sensitivity, rounds, delta = int(found["sens"]), int(found["T"]), found["d"]
    loss = pld.privacy_loss_distribution.from_discrete_gaussian_mechanism(
        found["sig"], sensitivity=sensitivity
    )
    numerical = loss.self_compose(rounds).get_epsilon_for_delta(delta)
    tolerance = entry["tolerance"]["pld_abs"]
    assert numerical == pytest.approx(expected["epsilon_pld"], abs=tolerance)
    # The sum of all rounds says all there is to say, so one dimension gives the exact number.
    noise = forms.discrete_gaussian_sum(found["sig"], rounds)
    exact = forms.hockey_stick_epsilon(noise, rounds * sensitivity, delta)
    assert exact * LEAST <= numerical
    assert exact == pytest.approx(expected["epsilon_pld"], abs=tolerance)
    rho = rounds * sensitivity**2 / (2 * found["sig"] ** 2)
    assert epsilon_exact(rho, delta) == pytest.approx(expected["continuous"], rel=1e-6)
    assert numerical <= epsilon_rdp(rho, delta)


def _laplace(entry: Entry) -> None:
    params, expected = entry["params"], entry["expected"]
    if "a" in params:
        once = dp_event.DiscreteLaplaceDpEvent(params["a"], params["sensitivity"])
        pure = params["rounds"] * params["a"] * params["sensitivity"]
    else:
        once = dp_event.LaplaceDpEvent(params["scale"])
        pure = params["rounds"] / params["scale"]
    assert pure == pytest.approx(expected["pure"], rel=1e-12)
    event = dp_event.SelfComposedDpEvent(once, params["rounds"])
    found = _of_event(event, params["delta"])
    assert found == pytest.approx(expected["epsilon_pld"], abs=entry["tolerance"]["pld_abs"])
    assert found <= pure


def _group(entry: Entry) -> None:
    params, tolerance = entry["params"], entry["tolerance"]["rel"]
    rho = params["contributions"] ** 2 / (2 * params["sigma"] ** 2)
    assert epsilon_exact(rho, params["delta"]) == pytest.approx(
        entry["expected"]["epsilon"], rel=tolerance
    )
    alone = rho / params["contributions"] ** 2
    assert epsilon_exact(rho, params["delta"]) > 5 * epsilon_exact(alone, params["delta"])


def _histogram(entry: Entry) -> None:
    found, expected, rel = _named(entry), entry["expected"], entry["tolerance"]["eps_rel"]
    rho = found["T"] / (2 * found["sigma"] ** 2)
    assert epsilon_exact(rho, found["d"]) == pytest.approx(expected["add_remove"], rel=rel)
    assert epsilon_exact(2 * rho, found["d"]) == pytest.approx(expected["replace"], rel=rel)


def _randomised_response(entry: Entry) -> None:
    params, expected = entry["params"], entry["expected"]
    event = dp_event.RandomizedResponseDpEvent(params["noise_parameter"], params["buckets"])
    found = _of_event(event, params["delta"], adjacency=Adjacency.REPLACE)
    assert found == pytest.approx(expected["epsilon_pld"], abs=entry["tolerance"]["pld_abs"])
    closed = forms.randomised_response_epsilon(params["noise_parameter"], params["buckets"])
    assert closed == pytest.approx(expected["closed_form"], rel=1e-12)
    assert closed * LEAST <= found


def _shuffle(entry: Entry) -> None:
    found = _named(entry)
    epsilon = forms.shuffled_epsilon(found["e"], int(found["n"]), found["d"])
    assert epsilon == pytest.approx(entry["expected"]["eps"], rel=entry["tolerance"]["rel"])
    assert entry["expected"]["valid"]
    with pytest.raises(ValueError, match="too few"):
        forms.shuffled_epsilon(found["e"], 1000, found["d"])


def _clip_split(entry: Entry) -> None:
    found, expected, rel = _named(entry), entry["expected"], entry["tolerance"]["rel"]
    update = update_multiplier(found["z"], found["sb"])
    assert update == pytest.approx(expected["z_delta"], rel=rel)
    whole = compose([1 / (2 * update**2), 1 / (2 * (2 * found["sb"]) ** 2)])
    assert 1 / math.sqrt(2 * whole) == pytest.approx(expected["check"], rel=rel)


def _clip_trajectory(entry: Entry) -> None:
    params, expected, rel = entry["params"], entry["expected"], entry["tolerance"]["rel"]
    assert params["norms"] == "lognormal(0,1)" and params["noise"] == 0
    clip, seen = params["initial_clip"], {}
    for step in range(1, 2001):
        below = 0.5 * (1 + math.erf(math.log(clip) / math.sqrt(2)))
        clip = next_clip(clip, below, quantile=params["target_quantile"], rate=params["eta"])
        seen[step] = clip
    for step in (10, 50, 100):
        assert seen[step] == pytest.approx(expected[f"after_{step}"], rel=rel)
    assert clip == pytest.approx(expected["limit"], rel=rel)


def _ring(entry: Entry) -> None:
    params, expected, rel = entry["params"], entry["expected"], entry["tolerance"]["rel"]
    clients, scale, d = params["clients"], params["scale"] * params["clip"], params["dim"]
    multiplier = params["noise_multiplier"]
    worst = forms.ring_bits_at_worst(clients, scale, d, multiplier)
    rotated = forms.ring_bits_rotated(clients, scale, d, multiplier)
    share = multiplier * scale / math.sqrt(clients)
    assert worst == pytest.approx(expected["bits_no_rotation_worst_case"], rel=rel)
    assert rotated == pytest.approx(expected["bits_with_rotation_6_sigma"], rel=rel)
    assert share == pytest.approx(expected["local_sigma_integer_units"], rel=rel)
    inflation = 1 + math.sqrt(d) / scale
    assert inflation == pytest.approx(expected["worst_rounding_inflation"], rel=rel)


def _removable(entry: Entry) -> None:
    params, expected, rel = entry["params"], entry["expected"], entry["tolerance"]["rel"]
    n, tolerated = params["clients"], params["tolerated_dropouts"]
    target = params["target_total_variance"]
    components = forms.removable_noise(n, tolerated)
    assert float(components[0] * target) == pytest.approx(expected["component_0"], rel=rel)
    total = float(sum(components) * target)
    assert total == pytest.approx(expected["per_client_total_variance"], rel=rel)
    for dropped in {*expected["checked_d"], *range(tolerated + 1)}:
        left = float(forms.remaining_noise(n, tolerated, dropped) * target)
        expected_left = expected["remaining_variance_after_d_dropouts"]
        assert left == pytest.approx(expected_left, rel=rel)


CHECKS: dict[str, Callable[[Entry], None]] = {
    "adaptive_clipping_split": _clip_split,
    "adaptive_clipping_trajectory": _clip_trajectory,
    "add_then_remove_noise": _removable,
    "calibration": _calibration,
    "cross_task_composition": _tasks,
    "discrete_gaussian_composed": _discrete_gaussian_rounds,
    "discrete_laplace": _laplace,
    "distributed_discrete_gaussian": _discrete_gaussians,
    "distributed_noise_dropout": _dropped_out,
    "exact_1d_hockey_stick": _one_dimension,
    "fixed_size_without_replacement_gaussian": _fixed_size,
    "gaussian_composed": _gaussian,
    "group_privacy": _group,
    "histogram_one_hot": _histogram,
    "laplace": _laplace,
    "poisson_subsampled_gaussian": _poisson_sampled,
    "randomized_response": _randomised_response,
    "ring_sizing": _ring,
    "shuffle_amplification_closed_form": _shuffle,
    "skellam_sum": _skellam,
    "tree_aggregation_restart": _tree,
    "truncated_poisson_gaussian": _capped_poisson,
    "zcdp_to_approx_dp": _zero_concentrated,
}

HERE = [entry for entry in ENTRIES if entry["mechanism"] not in IN_TEST_MATRIX]


@pytest.fixture(autouse=True)
def _present() -> None:
    if ENTRIES:
        return
    reason = f"the reference numbers are not on this machine (set HOLTER_REFERENCE): {FILE.name}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.mark.parametrize("entry", HERE or [None], ids=[entry["id"] for entry in HERE] or ["absent"])
def test_each_entry_is_met_by_its_own_path_and_within_its_tolerance(entry: Entry) -> None:
    assert entry["mechanism"] in CHECKS, "nothing answers for this mechanism"
    CHECKS[entry["mechanism"]](entry)


def test_every_entry_is_answered_for_here_or_beside_the_matrix_and_no_mechanism_is_unknown() -> (
    None
):
    assert not set(CHECKS) & IN_TEST_MATRIX
    found = {entry["mechanism"] for entry in ENTRIES}
    assert found == set(CHECKS) | IN_TEST_MATRIX
    ids = [entry["id"] for entry in ENTRIES]
    assert len(ids) == len(set(ids)) >= 70
    beside = (Path(__file__).parent / "test_matrix.py").read_text()
    for mechanism in IN_TEST_MATRIX:
        kind = mechanism.removeprefix("mf_strategy_")
        assert f'"{kind}"' in beside, f"test_matrix no longer names {mechanism}"


def test_the_entries_that_lack_parameters_are_exactly_those_of_the_table() -> None:
    def lacks(entry: Entry) -> bool:
        params = entry["params"]
        phrases = {"events", "norms"} & set(params)
        head_only = "coefs_head" in entry["expected"] and "bandopt" in entry["mechanism"]
        return bool(
            set(params) == {"name"}
            or phrases
            or isinstance(entry["expected"].get("component_k"), str)
            or (head_only and "coefs" not in entry["expected"])
        )

    assert {entry["id"] for entry in ENTRIES if lacks(entry)} == set(INCOMPLETE)


@pytest.mark.parametrize("row", range(15))
def test_the_planning_grid_asks_for_the_noise_that_we_would_add(row: int) -> None:
    grid = WHOLE["planning_grid"]
    found, rel = grid["rows"][row], grid["tolerance_rel"]
    epsilon, delta, rounds = found["eps"], found["delta"], found["T"]
    independent = math.sqrt(found["k"] / (2 * rho_for_exact_epsilon(epsilon, delta)))
    assert independent == pytest.approx(found["z_minsep_iid"], rel=rel)
    rate, sampled = found["cohort"] / found["N"], found["z_poisson"]
    assert _of_event(_poisson(rate, sampled * (1 + rel), rounds), delta, loss_step=1e-3) < epsilon
    assert _of_event(_poisson(rate, sampled * (1 - rel), rounds), delta, loss_step=1e-3) > epsilon


def test_the_audits_are_compared_with_the_epsilon_of_one_gaussian() -> None:
    for game in WHOLE["audit_expectations"]["single_canary_game"]:
        rho = 1 / (2 * game["sigma"] ** 2)
        assert epsilon_exact(rho, 1e-5) == pytest.approx(game["analytic"], abs=5e-4)
        lower = game.get("gdp_lower", game.get("gdp_lower_head"))
        assert game["clopper_pearson"] < lower < epsilon_exact(rho, 1e-5)
