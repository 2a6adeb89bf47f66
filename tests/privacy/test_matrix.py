"""The banded square root: its price by brute force, its gain against the reference numbers."""

from __future__ import annotations

import itertools
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from dp_accounting import get_sigma_gaussian

from holter.privacy import matrix
from holter.privacy.accountant import epsilon_exact
from holter.privacy.matrix import (
    COEFFICIENT_BITS,
    column_square,
    equivalent_multiplier,
    errors,
    largest_prefix_noise,
    on_grid,
    sensitivity_square,
    square_of,
    square_root,
)

Floats = npt.NDArray[np.float64]
Entries = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def entries(reference_path: Path) -> Entries:
    by_mechanism: Entries = {}
    for entry in json.loads(reference_path.read_text())["entries"]:
        by_mechanism.setdefault(entry["mechanism"], []).append(entry)
    return by_mechanism


def _toeplitz(coefficients: Floats, rounds: int) -> Floats:
    result = np.zeros((rounds, rounds))
    for j, c in enumerate(coefficients[:rounds]):
        result += c * np.eye(rounds, k=-j)
    return result


def _by_brute_force(coefficients: Floats, rounds: int, separation: int, most: int) -> float:
    """Over every set of rounds that a device may take part in, all its updates being equal."""
    columns = _toeplitz(coefficients, rounds)
    return max(
        float((columns[:, list(pattern)].sum(axis=1) ** 2).sum())
        for count in range(1, most + 1)
        for pattern in itertools.combinations(range(rounds), count)
        if all(b - a >= separation for a, b in itertools.pairwise(pattern))
    )


def test_the_square_root_multiplied_by_itself_gives_running_sums() -> None:
    c = square_root(64)
    assert np.allclose(np.convolve(c, c)[:64], 1, rtol=0, atol=1e-14)
    exact = [Fraction(math.comb(2 * j, j), 4**j) for j in range(64)]
    assert np.allclose(c, [float(e) for e in exact], rtol=1e-14)


def test_one_band_is_independent_noise() -> None:
    assert square_root(1).tolist() == [1.0]
    assert equivalent_multiplier(square_root(1), 37) == 1.0
    assert square_of(1) == 1.0


@pytest.mark.parametrize(
    ("rounds", "bands", "separation", "most"),
    [
        (12, 3, 3, 4),
        (12, 3, 3, 9),
        (12, 3, 4, 3),
        (12, 5, 5, 3),
        (11, 4, 4, 3),
        (12, 1, 1, 12),
        (10, 7, 8, 2),
        (5, 5, 5, 1),
        (7, 12, 12, 2),
        (1, 3, 3, 2),
    ],
)
def test_sensitivity_is_that_of_the_worst_of_all_patterns(
    rounds: int, bands: int, separation: int, most: int
) -> None:
    c = square_root(bands)
    worst = _by_brute_force(c, rounds, separation, most)
    assert sensitivity_square(c, rounds, separation, most) == pytest.approx(worst, rel=1e-12)
    grid = on_grid(c)
    on_the_grid = _by_brute_force(np.array(grid, dtype=float), rounds, separation, most)
    assert sensitivity_square(grid, rounds, separation, most) == on_the_grid


def test_four_participations_in_twelve_rounds_cost_what_the_design_says() -> None:
    assert sensitivity_square(square_root(3), 12, 3, 4) == 5.5625
    assert sensitivity_square(on_grid(square_root(3)), 12, 3, 4) == 5.5625 * 4**COEFFICIENT_BITS


def test_coming_back_a_round_too_early_costs_forty_percent_more_and_is_refused() -> None:
    c = square_root(3)
    assert _by_brute_force(c, 12, 2, 4) / 5.5625 == pytest.approx(1.40, abs=0.005)
    with pytest.raises(ValueError, match="3 bands need 3 rounds between participations, not 2"):
        sensitivity_square(c, 12, 2, 4)


@pytest.mark.parametrize(("rounds", "most"), [(0, 1), (5, 0)])
def test_a_sensitivity_of_nothing_is_refused(rounds: int, most: int) -> None:
    with pytest.raises(ValueError, match="one round and one participation"):
        sensitivity_square(square_root(2), rounds, 2, most)


def test_no_band_and_no_round_are_refused() -> None:
    with pytest.raises(ValueError, match="one band"):
        square_root(0)
    with pytest.raises(ValueError, match="one round"):
        errors(square_root(2), 0)


@pytest.mark.parametrize("bands", [1, 2, 3, 20, 400, 2000])
def test_coefficients_on_the_grid_begin_with_one_fall_and_stay_within_half_a_step(
    bands: int,
) -> None:
    c = square_root(bands)
    grid = on_grid(c)
    assert grid[0] == 2**COEFFICIENT_BITS
    assert all(earlier >= later > 0 for earlier, later in itertools.pairwise(grid))
    assert np.max(np.abs(np.array(grid) / 2**COEFFICIENT_BITS - c)) <= 2.0 ** -(
        COEFFICIENT_BITS + 1
    )
    assert Fraction(column_square(grid), 4**COEFFICIENT_BITS) == Fraction(square_of(bands))


def test_a_strategy_that_does_not_begin_with_one_has_no_grid() -> None:
    with pytest.raises(ValueError, match="begins with c_0 = 1"):
        on_grid(np.array([0.5, 0.25]))
    with pytest.raises(ValueError, match="begins with c_0 = 1"):
        on_grid(np.zeros(0))


@pytest.mark.parametrize(
    ("rounds", "bands", "most"), [(200, 20, 10), (400, 48, 9), (1000, 100, 10), (2000, 400, 5)]
)
def test_the_grid_changes_the_error_at_equal_privacy_by_less_than_three_in_a_hundred_thousand(
    rounds: int, bands: int, most: int
) -> None:
    real = square_root(bands)
    grid = np.array(on_grid(real)) / 2**COEFFICIENT_BITS
    loss = [
        math.sqrt(errors(c, rounds).mean * sensitivity_square(c, rounds, bands, most))
        for c in (real, grid)
    ]
    assert loss[1] == pytest.approx(loss[0], rel=3e-5)


def test_errors_are_the_variances_of_rows_of_sums_times_the_inverse() -> None:
    c = square_root(4)
    noise = np.tril(np.ones((15, 15))) @ np.linalg.inv(_toeplitz(c, 15))
    variances = (noise**2).sum(axis=1)
    found = errors(c, 15)
    assert found.mean == pytest.approx(variances.mean(), rel=1e-12)
    assert found.largest == pytest.approx(variances.max(), rel=1e-12)


def _reference_sensitivity(coefficients: Floats, params: dict[str, Any]) -> float:
    """||sum over i < k of C[:, i b]||^2: the reference's definition, for overlapping columns too."""
    steps = params["steps"]
    total = np.zeros(steps)
    for i in range(params["max_participations"]):
        start = i * params["min_separation"]
        if start < steps:
            column = coefficients[: steps - start]
            total[start : start + len(column)] += column
    return float((total**2).sum())


def _coefficients(kind: str, entry: dict[str, Any]) -> Floats:
    params, expected = entry["params"], entry["expected"]
    match kind:
        case "identity":
            return square_root(1)
        case "bandsqrt":
            return square_root(params["min_separation"])
        case "sqrt":
            return square_root(params["steps"])
        case "blt":
            j = np.arange(params["steps"] - 1)
            tail = sum(
                scale * decay**j
                for scale, decay in zip(
                    expected["output_scale"], expected["buf_decay"], strict=True
                )
            )
            return np.concatenate([[1.0], np.asarray(tail)])
        case _:
            return np.array(expected["coefs"])


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("kind", "least"), [("identity", 2), ("bandsqrt", 2), ("sqrt", 2), ("blt", 1), ("bandopt", 1)]
)
def test_every_strategy_has_the_sensitivity_and_the_errors_of_the_reference(
    kind: str, least: int, entries: Entries
) -> None:
    found = [
        e for e in entries[f"mf_strategy_{kind}"] if kind != "bandopt" or "coefs" in e["expected"]
    ]
    assert len(found) >= least, "the reference has lost entries that this test is about"
    for entry in found:
        params, expected, tolerance = entry["params"], entry["expected"], entry["tolerance"]
        c = _coefficients(kind, entry)
        head = expected["coefs_head"]
        assert np.allclose(c[: len(head)], head, rtol=1e-9)
        square = _reference_sensitivity(c, params)
        assert square == pytest.approx(expected["sens_sq"], rel=tolerance["sens_rel"])
        pattern = params["steps"], params["min_separation"], params["max_participations"]
        if len(c) <= params["min_separation"]:
            assert sensitivity_square(c, *pattern) == pytest.approx(square, rel=1e-12)
        else:
            with pytest.raises(ValueError, match="bands need"):
                sensitivity_square(c, *pattern)
        error = errors(c, params["steps"])
        by_loss = {"rel": tolerance["loss_rel"]}
        assert error.mean == pytest.approx(expected["mean_err"], **by_loss)
        assert error.largest == pytest.approx(expected["max_err"], **by_loss)
        assert math.sqrt(error.mean * square) == pytest.approx(expected["rmse_loss"], **by_loss)
        assert math.sqrt(error.largest * square) == pytest.approx(expected["max_loss"], **by_loss)


@pytest.mark.recordings
def test_the_optimised_strategy_begins_lower_after_its_first_coefficient_and_gains_little(
    entries: Entries,
) -> None:
    """Only the head of its coefficients is known; losses are compared with the closed form's."""
    (entry,) = (
        e for e in entries["mf_strategy_bandopt"] if e["id"] == "strategy_bandopt_n2000_b400_k5"
    )
    params, head = entry["params"], np.array(entry["expected"]["coefs_head"])
    c = square_root(params["min_separation"])
    assert np.all(np.diff(head) < 0)
    assert np.allclose(head / head[0], c[: len(head)], atol=0.01)
    square = sensitivity_square(c, params["steps"], params["min_separation"], 5)
    loss = math.sqrt(errors(c, params["steps"]).mean * square)
    assert 1 < loss / entry["expected"]["rmse_loss"] < 1.046


@pytest.mark.recordings
def test_a_campaign_under_banded_noise_costs_the_reference_epsilon(entries: Entries) -> None:
    found = entries["matrix_mechanism_banded_sqrt"]
    assert len(found) >= 3, "the reference has lost entries that this test is about"
    for entry in found:
        params, expected, tolerance = entry["params"], entry["expected"], entry["tolerance"]
        square = sensitivity_square(
            square_root(params["bands"]),
            params["steps"],
            params["min_separation"],
            params["max_participations"],
        )
        assert square == pytest.approx(expected["sensitivity_squared"], rel=tolerance["sens_rel"])
        rho = square / (2 * params["noise_multiplier"] ** 2)
        assert rho == pytest.approx(expected["rho_zcdp"], rel=tolerance["sens_rel"])
        epsilon = epsilon_exact(rho, params["delta"])
        assert epsilon == pytest.approx(expected["epsilon_exact"], rel=tolerance["eps_rel"])


@pytest.mark.recordings
def test_the_worst_point_of_a_distribution_has_the_noise_of_the_reference(
    entries: Entries,
) -> None:
    found = entries["histogram_cdf_strategy"]
    assert len(found) >= 3, "the reference has lost entries that this test is about"
    for entry in found:
        expected = entry["expected"]["worst_cdf_std_sqrt_matrix_over_sigma"]
        bins = entry["params"]["bins"]
        assert largest_prefix_noise(bins) == pytest.approx(expected, rel=1e-9)
        flat = entry["expected"]["worst_cdf_std_flat_over_sigma"]
        assert math.sqrt(errors(square_root(1), bins).largest) == pytest.approx(flat, rel=1e-9)


def test_sixty_four_bins_have_a_noise_of_less_than_two_and_a_half() -> None:
    assert largest_prefix_noise(64) == pytest.approx(2.3888, abs=5e-5)
    columns = _toeplitz(square_root(64), 64)
    rows = np.sqrt((columns**2).sum(axis=1)).max()
    norms = np.sqrt((columns**2).sum(axis=0)).max()
    assert largest_prefix_noise(64) == pytest.approx(rows * norms, rel=1e-12)


# The planning grid of the design, delta 1e-6, 50 000 parameters: epsilon, population, cohort,
# rounds, bands, participations; z independent, z banded, SNR independent, SNR banded.
PLANNING_GRID = (
    (1, 1_000, 100, 100, 10, 10, 13.36, 17.88, 0.03, 0.08),
    (2, 1_000, 100, 100, 10, 10, 7.05, 9.44, 0.06, 0.15),
    (8, 300, 50, 100, 6, 17, 2.69, 3.43, 0.08, 0.17),
    (8, 1_000, 100, 100, 10, 10, 2.07, 2.76, 0.22, 0.51),
    (2, 10_000, 500, 200, 20, 10, 7.05, 10.02, 0.32, 0.97),
    (8, 10_000, 500, 200, 20, 10, 2.07, 2.93, 1.08, 3.32),
    (1, 100_000, 1000, 300, 100, 3, 7.32, 11.64, 0.61, 2.71),
    (1, 1_000_000, 2000, 500, 500, 1, 4.23, 7.37, 2.12, 11.63),
)


@pytest.mark.parametrize("row", PLANNING_GRID)
def test_the_planning_grid_of_the_design_is_met_in_the_digits_it_prints(
    row: tuple[float, ...],
) -> None:
    epsilon, _, cohort, rounds, bands, most, z_independent, z_banded, plain, banded = row
    root = math.sqrt(50_000)
    single = float(get_sigma_gaussian(epsilon, 1e-6))
    independent = single * math.sqrt(most)
    c = square_root(int(bands))
    correlated = single * math.sqrt(sensitivity_square(c, int(rounds), int(bands), int(most)))
    assert independent == pytest.approx(z_independent, rel=0.005)
    assert correlated == pytest.approx(z_banded, rel=0.005)
    assert cohort / (independent * root) == pytest.approx(plain, abs=0.005)
    equivalent = correlated * equivalent_multiplier(c, int(rounds))
    assert cohort / (equivalent * root) == pytest.approx(banded, abs=0.005)
    assert matrix.square_of(int(bands)) == pytest.approx(column_square(c), rel=1e-4)
