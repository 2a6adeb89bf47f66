"""The accountant against the reference numbers, each within the tolerance it states.

The entries with noise shares use the L2 bound of conditional rounding (``infl_l2``) and
integer Renyi orders; the product passes its exact integer clip and the library's orders, so
it must come out at or below them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from holter.privacy.accountant import epsilon_exact, epsilon_rdp, rho_of_shares

pytestmark = pytest.mark.recordings

INTEGER_ORDERS = (*range(2, 129), 256)


@pytest.fixture(scope="module")
def entries(reference_path: Path) -> dict[str, list[dict[str, Any]]]:
    by_mechanism: dict[str, list[dict[str, Any]]] = {}
    for entry in json.loads(reference_path.read_text())["entries"]:
        by_mechanism.setdefault(entry["mechanism"], []).append(entry)
    return by_mechanism


def _at_integer_orders(rho: float, delta: float) -> float:
    from dp_accounting import rdp

    epsilon, _ = rdp.compute_epsilon(INTEGER_ORDERS, [rho * a for a in INTEGER_ORDERS], delta)
    return float(epsilon)


def _inflated(scale: float, coordinates: int) -> float:
    """L2 bound after conditional rounding with beta = exp(-1/2), clip 1, in grid steps."""
    root = math.sqrt(coordinates)
    conditional = scale**2 + coordinates / 4 + (scale + root / 2)
    return min(scale + root, math.sqrt(conditional))


def _rho(params: dict[str, Any], multiplier: float, survivors: int, bound: float) -> float:
    variance = (multiplier * params["scale"]) ** 2 / params["clients"]
    return params["rounds"] * rho_of_shares(bound, variance, survivors, params["dim_padded"])


def _some(found: Sequence[dict[str, Any]], count: int) -> Sequence[dict[str, Any]]:
    assert len(found) >= count, "the reference has lost entries that this test is about"
    return found


def test_composed_gaussians_cost_the_reference_epsilon_on_both_paths(
    entries: dict[str, list[dict[str, Any]]],
) -> None:
    added = [e for e in entries["gaussian_composed"] if e["params"]["adjacency"] == "add_remove"]
    for entry in _some(added, 2):
        params, expected, tolerance = entry["params"], entry["expected"], entry["tolerance"]
        rho = params["rounds"] / (2 * params["sigma"] ** 2)
        assert rho == pytest.approx(expected["rho_zcdp"], rel=1e-12)
        exact = epsilon_exact(rho, params["delta"])
        reported = epsilon_rdp(rho, params["delta"])
        assert exact == pytest.approx(expected["epsilon_exact"], rel=tolerance["exact_rel"])
        assert reported == pytest.approx(expected["epsilon_rdp"], abs=tolerance["rdp_abs"])
        assert reported >= expected["epsilon_exact"] * (1 - 1e-6)
        assert exact <= expected["epsilon_pld"] + tolerance["pld_abs"]
        assert expected["epsilon_pld"] <= reported


def test_replacing_a_person_costs_what_a_doubled_norm_costs(
    entries: dict[str, list[dict[str, Any]]],
) -> None:
    replaced = [
        e for e in entries["gaussian_composed"] if e["params"]["adjacency"] == "replace_one"
    ]
    for entry in _some(replaced, 1):
        params = entry["params"]
        rho = params["rounds"] * 2**2 / (2 * params["sigma"] ** 2)
        assert epsilon_exact(rho, params["delta"]) == pytest.approx(
            entry["expected"]["epsilon_exact"], rel=entry["tolerance"]["exact_rel"]
        )


def test_rho_becomes_the_reference_epsilon(entries: dict[str, list[dict[str, Any]]]) -> None:
    for entry in _some(entries["zcdp_to_approx_dp"], 3):
        rho, delta = entry["params"]["rho"], entry["params"]["delta"]
        expected, tolerance = entry["expected"], entry["tolerance"]
        reported, exact = epsilon_rdp(rho, delta), epsilon_exact(rho, delta)
        assert reported == pytest.approx(
            expected["epsilon_rdp_conversion"], abs=tolerance["rdp_abs"]
        )
        assert exact == pytest.approx(
            expected["epsilon_if_gaussian"], rel=tolerance["gaussian_rel"]
        )
        assert exact <= reported <= expected["epsilon_textbook"]


def test_sums_of_noise_shares_cost_the_reference_epsilon(
    entries: dict[str, list[dict[str, Any]]],
) -> None:
    for entry in _some(entries["distributed_discrete_gaussian"], 3):
        params, expected = entry["params"], entry["expected"]
        bound = _inflated(params["scale"] * params["clip"], params["dim_padded"])
        assert bound / params["scale"] == pytest.approx(expected["infl_l2"], rel=1e-9)
        rho = _rho(params, params["central_noise_multiplier"], params["clients"], bound)
        at_their_orders = _at_integer_orders(rho, params["delta"])
        rel = entry["tolerance"]["eps_rel"]
        assert at_their_orders == pytest.approx(expected["eps"], rel=rel)
        assert epsilon_rdp(rho, params["delta"]) <= expected["eps"] * (1 + rel)


def test_the_product_clips_integers_and_so_pays_for_the_clip_alone(
    entries: dict[str, list[dict[str, Any]]],
) -> None:
    for entry in _some(entries["distributed_discrete_gaussian"], 3):
        params, expected = entry["params"], entry["expected"]
        rho = _rho(params, params["central_noise_multiplier"], params["clients"], params["scale"])
        assert _at_integer_orders(rho, params["delta"]) == pytest.approx(
            expected["central_gauss_rdp_same_orders"], rel=entry["tolerance"]["eps_rel"]
        )


def test_shares_that_dropped_out_cost_the_reference_epsilon(
    entries: dict[str, list[dict[str, Any]]],
) -> None:
    for entry in _some(entries["distributed_noise_dropout"], 8):
        params, expected = entry["params"], entry["expected"]
        survivors = round(params["survivor_fraction"] * params["clients"])
        bound = _inflated(params["scale"], params["dim_padded"])
        multiplier = params["central_noise_multiplier_if_all"]
        rho = _rho(params, multiplier, survivors, bound)
        rel = entry["tolerance"]["eps_rel"]
        assert _at_integer_orders(rho, params["delta"]) == pytest.approx(
            expected["epsilon_ddg"], rel=rel
        )
        assert epsilon_rdp(rho, params["delta"]) <= expected["epsilon_ddg"] * (1 + rel)
        # Nobody may report what would hold if all had survived.
        assert epsilon_rdp(rho, params["delta"]) > expected["naive_claim_no_dropout"] * 1.04
