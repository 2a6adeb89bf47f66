"""The exact discrete Gaussian: its distribution, its limits, and exactness by enumeration."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import chdtrc

from holter.crypto.prg import Stream
from holter.privacy import discrete_gaussian
from holter.privacy.discrete_gaussian import LARGEST_SIGMA, Read, sample

VARIANCES = (1, 4, 64, 10**4)
DRAWS = 200_000
LEAST_P = 1e-4  # the seeds are fixed, so this is tried once and for all

Floats = npt.NDArray[np.float64]


def _read(number: int) -> Read:
    return Stream(number.to_bytes(32, "big")).read


def _pmf(variance: int) -> tuple[npt.NDArray[np.int64], Floats]:
    reach = 9 * math.isqrt(variance) + 9
    values = np.arange(-reach, reach + 1)
    weights = np.exp(-(values.astype(float) ** 2) / (2 * variance))
    return values, weights / weights.sum()


def _p_value(observed: Floats, expected: Floats) -> float:
    """Chi-square; boxes with fewer than ten expected draws are thrown together."""
    few = expected < 10
    o = np.append(observed[~few], observed[few].sum())
    e = np.append(expected[~few], expected[few].sum())
    kept = e > 0
    statistic = ((o[kept] - e[kept]) ** 2 / e[kept]).sum()
    return float(chdtrc(kept.sum() - 1, statistic))


@pytest.fixture(scope="module", params=VARIANCES)
def drawn(request: pytest.FixtureRequest) -> tuple[int, npt.NDArray[np.int64]]:
    return request.param, sample(request.param, DRAWS, _read(request.param))


def test_draws_follow_the_exact_probabilities(drawn: tuple[int, npt.NDArray[np.int64]]) -> None:
    variance, draws = drawn
    values, pmf = _pmf(variance)
    observed = np.bincount(draws - values[0], minlength=len(values)).astype(float)
    assert len(observed) == len(values), "a draw beyond nine standard deviations"
    assert _p_value(observed, DRAWS * pmf) > LEAST_P


def test_mean_and_variance_are_those_of_the_distribution(
    drawn: tuple[int, npt.NDArray[np.int64]],
) -> None:
    variance, draws = drawn
    values, pmf = _pmf(variance)
    exact = float((pmf * values**2).sum())
    assert abs(draws.mean()) < 4 * math.sqrt(exact / DRAWS)
    assert abs(draws.var() / exact - 1) < 4 * math.sqrt(2 / DRAWS)


def test_one_draw_says_nothing_about_the_next(drawn: tuple[int, npt.NDArray[np.int64]]) -> None:
    _, draws = drawn
    for lag in (1, 2, 7):
        assert abs(np.corrcoef(draws[:-lag], draws[lag:])[0, 1]) < 4 / math.sqrt(DRAWS)
    halves = draws[: DRAWS // 2].mean() - draws[DRAWS // 2 :].mean()
    assert abs(halves) < 4 * draws.std() * 2 / math.sqrt(DRAWS)


def test_at_the_largest_sigma_nothing_overflows() -> None:
    draws = sample(LARGEST_SIGMA**2, DRAWS, _read(1))
    assert abs(draws.mean()) < 4 * LARGEST_SIGMA / math.sqrt(DRAWS)
    assert abs(draws.var() / LARGEST_SIGMA**2 - 1) < 4 * math.sqrt(2 / DRAWS)
    boxes = np.linspace(-4, 4, 33) * LARGEST_SIGMA + 0.5
    cumulative = np.array([math.erf(b / LARGEST_SIGMA / math.sqrt(2)) for b in boxes]) / 2
    observed, _ = np.histogram(draws, boxes)
    assert _p_value(observed.astype(float), DRAWS * np.diff(cumulative)) > LEAST_P


def test_the_largest_intermediate_integers_fit_64_bits() -> None:
    variance, scale = LARGEST_SIGMA**2, LARGEST_SIGMA + 1
    assert (176 * scale * scale - variance) ** 2 < 2**63
    assert 2 * variance * scale * scale * 60 < 2**62


@pytest.mark.parametrize("variance", [0, -1, LARGEST_SIGMA**2 + 1, 2**63])
def test_a_variance_out_of_range_is_refused(variance: int) -> None:
    with pytest.raises(ValueError, match="a variance from 1 to 4096"):
        sample(variance, 10, _read(0))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000])
def test_as_many_integers_come_as_were_asked_for(count: int) -> None:
    draws = sample(9, count, _read(2))
    assert draws.shape == (count,)
    assert draws.dtype == np.int64


def test_the_bytes_alone_determine_the_draws() -> None:
    assert np.array_equal(sample(50, 1000, _read(3)), sample(50, 1000, _read(3)))
    assert not np.array_equal(sample(50, 1000, _read(3)), sample(50, 1000, _read(4)))


@pytest.mark.parametrize("scale", [1, 2, 9])
def test_the_candidates_follow_the_discrete_laplace_distribution(scale: int) -> None:
    draws = discrete_gaussian._discrete_laplace(scale, DRAWS, _read(scale))
    reach = 40 * scale
    values = np.arange(-reach, reach + 1)
    pmf = np.exp(-np.abs(values) / scale)
    observed = np.bincount(draws + reach, minlength=len(values)).astype(float)
    assert _p_value(observed, DRAWS * pmf / pmf.sum()) > LEAST_P


@pytest.mark.parametrize(("numerator", "denominator"), [(5, 2), (0, 3), (7, 7), (30, 11)])
def test_an_exponent_beyond_one_is_a_product_of_coins(numerator: int, denominator: int) -> None:
    coins = discrete_gaussian._bernoulli_exp(
        np.full(DRAWS, numerator), denominator, _read(numerator)
    )
    p = math.exp(-numerator / denominator)
    assert abs(coins.mean() - p) <= 4 * math.sqrt(p * (1 - p) / DRAWS)


@pytest.mark.parametrize(
    ("numerator", "denominator", "depth"),
    [(1, 1, 7), (0, 1, 6), (1, 2, 6), (2, 2, 6), (1, 3, 5), (2, 3, 5), (3, 5, 4), (9, 10, 4)],
)
def test_the_coin_of_exp_minus_a_over_b_is_exact_by_enumeration(
    numerator: int, denominator: int, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every sequence of ``depth`` uniform draws once; whoever still runs then fails the next."""
    sequences = np.indices([denominator * k for k in range(1, depth + 1)]).reshape(depth, -1)
    running = np.arange(sequences.shape[1])

    def next_draws(bound: int, count: int, read: Read) -> npt.NDArray[np.int64]:
        nonlocal running
        assert count == len(running)
        k = bound // denominator
        assert bound == denominator * k
        if k > depth:
            return np.full(count, bound - 1)
        draws = sequences[k - 1][running]
        running = running[draws < numerator]
        return draws

    monkeypatch.setattr(discrete_gaussian, "_uniform_below", next_draws)
    coins = discrete_gaussian._bernoulli_exp_below_one(
        np.full(sequences.shape[1], numerator), denominator, _read(0)
    )
    x = Fraction(numerator, denominator)

    def still_running(k: int) -> Fraction:
        return x**k / math.factorial(k)

    fails_at = [still_running(k - 1) - still_running(k) for k in range(1, depth + 1)]
    fails_at.append(still_running(depth))
    assert Fraction(int(coins.sum()), len(coins)) == sum(fails_at[::2], Fraction(0))
    assert abs(float(sum(fails_at[::2])) - math.exp(-x)) <= float(still_running(depth))


@pytest.mark.parametrize("bound", [1, 2, 3, 5, 200, 65_536, 65_537, 2**32, 2**33 + 1])
def test_uniform_draws_keep_the_low_bits_below_the_bound_and_reject_the_rest(bound: int) -> None:
    served: list[bytes] = []

    def read(length: int) -> bytes:
        served.append(_read(len(served))(length))
        return served[-1]

    drawn = discrete_gaussian._uniform_below(bound, 300, read)
    bits = max((bound - 1).bit_length(), 1)
    width = 2 if bits <= 16 else 4 if bits <= 32 else 8
    kept: list[int] = []
    for block in served:
        words = [
            int.from_bytes(block[i : i + width], "little") for i in range(0, len(block), width)
        ]
        kept += [w % 2**bits for w in words if w % 2**bits < bound]
    assert drawn.tolist() == kept[:300]
