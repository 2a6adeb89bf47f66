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
from holter.privacy.source import Integers

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


@pytest.mark.parametrize("sigma", [LARGEST_SIGMA, LARGEST_SIGMA + 1, 4_000_000, 2**40])
def test_large_draws_fill_the_boxes_of_a_normal_distribution(sigma: int) -> None:
    draws = sample(sigma**2, DRAWS, _read(1))
    assert draws.dtype == np.int64
    assert abs(draws.mean()) < 4 * sigma / math.sqrt(DRAWS)
    assert abs(draws.var() / sigma**2 - 1) < 4 * math.sqrt(2 / DRAWS)
    boxes = np.linspace(-4, 4, 33) * sigma + 0.5
    cumulative = np.array([math.erf(b / sigma / math.sqrt(2)) for b in boxes]) / 2
    observed, _ = np.histogram(draws, boxes)
    assert _p_value(observed.astype(float), DRAWS * np.diff(cumulative)) > LEAST_P


def test_the_low_bits_of_wide_draws_are_uniform() -> None:
    """A rounded draw would leave gaps: the distribution is flat over neighbouring integers."""
    draws = sample((2**40) ** 2, DRAWS, _read(5))
    observed = np.bincount(draws & 63, minlength=64).astype(float)
    assert _p_value(observed, np.full(64, DRAWS / 64)) > LEAST_P


@pytest.mark.parametrize("variance", [1, 3, 64])
def test_the_wide_test_gives_the_same_exact_probabilities(
    variance: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discrete_gaussian, "LARGEST_SIGMA", 0)
    monkeypatch.setattr(discrete_gaussian, "_accept", None)
    draws = sample(variance, DRAWS, _read(6))
    values, pmf = _pmf(variance)
    observed = np.bincount(draws - values[0], minlength=len(values)).astype(float)
    assert _p_value(observed, DRAWS * pmf) > LEAST_P


def test_the_largest_intermediate_integers_fit_64_bits() -> None:
    variance, scale = LARGEST_SIGMA**2, LARGEST_SIGMA + 1
    assert (discrete_gaussian._FAR * scale * scale - variance) ** 2 < 2**63
    assert 2 * variance * scale * scale <= discrete_gaussian.LARGEST_DENOMINATOR
    assert discrete_gaussian.LARGEST_DENOMINATOR * 60 < 2**62
    assert discrete_gaussian._FAR * discrete_gaussian.LARGEST_SCALE < 2**48
    whole = (discrete_gaussian._FAR * discrete_gaussian.LARGEST_SCALE) ** 2 // 2**80 // 2
    assert whole < 2**63  # of the exponent of a wide candidate


@pytest.mark.parametrize("far", [177, 10_000])
def test_a_candidate_at_the_edge_is_tested_without_wrapping(far: int) -> None:
    """A numerator that wrapped could turn out small, and keep what is never to be kept."""
    for accept, sigma in (
        (discrete_gaussian._accept, LARGEST_SIGMA),
        (discrete_gaussian._accept_wide, 2**40),
    ):
        scale = sigma + 1
        edge = discrete_gaussian._FAR * scale
        candidates = np.repeat([edge, -edge, far * scale, -far * scale], 50)
        assert not accept(candidates, sigma**2, scale, _read(7)).any()


@pytest.mark.parametrize("variance", [0, -1, 2**80 + 1, 2**100])
def test_a_variance_out_of_range_is_refused(variance: int) -> None:
    with pytest.raises(ValueError, match="a variance from 1 to"):
        sample(variance, 10, _read(0))


def test_scales_and_denominators_out_of_range_are_refused() -> None:
    for scale, divisor in ((0, 1), (2**40 + 2, 1), (5, 0)):
        with pytest.raises(ValueError, match="a scale from 1"):
            discrete_gaussian.laplace(scale, 1, _read(0), divisor)
    for denominator in (0, 2**50 + 1):
        with pytest.raises(ValueError, match="a denominator from 1"):
            discrete_gaussian.bernoulli_exp(np.ones(1, dtype=np.int64), denominator, _read(0))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000])
def test_as_many_integers_come_as_were_asked_for(count: int) -> None:
    draws = sample(9, count, _read(2))
    assert draws.shape == (count,)
    assert draws.dtype == np.int64


def test_the_bytes_alone_determine_the_draws() -> None:
    assert np.array_equal(sample(50, 1000, _read(3)), sample(50, 1000, _read(3)))
    assert not np.array_equal(sample(50, 1000, _read(3)), sample(50, 1000, _read(4)))


@pytest.mark.parametrize(("scale", "divisor"), [(1, 1), (2, 1), (9, 1), (9, 2), (7, 3), (2, 5)])
def test_the_candidates_follow_the_discrete_laplace_distribution(scale: int, divisor: int) -> None:
    draws = discrete_gaussian.laplace(scale, DRAWS, _read(scale), divisor)
    reach = 40 * scale
    values = np.arange(-reach, reach + 1)
    pmf = np.exp(-np.abs(values) * divisor / scale)
    observed = np.bincount(draws + reach, minlength=len(values)).astype(float)
    assert _p_value(observed, DRAWS * pmf / pmf.sum()) > LEAST_P


@pytest.mark.parametrize(("numerator", "denominator"), [(5, 2), (0, 3), (7, 7), (30, 11)])
def test_an_exponent_beyond_one_is_a_product_of_coins(numerator: int, denominator: int) -> None:
    coins = discrete_gaussian.bernoulli_exp(
        np.full(DRAWS, numerator), denominator, _read(numerator)
    )
    p = math.exp(-numerator / denominator)
    assert abs(coins.mean() - p) <= 4 * math.sqrt(p * (1 - p) / DRAWS)


@pytest.mark.parametrize("variance", [1, 2, 3, 4])
def test_every_draw_has_exactly_the_weight_of_its_square_by_enumeration(
    variance: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exponents that the code asks of its coins, added up as fractions for each value.

    Coins are exact by the tests below, so P[y] is the exponential of minus their sum; it has
    to be y^2 / (2 sigma^2) up to one constant for all y.
    """
    scale = math.isqrt(variance) + 1
    asked: list[Fraction] = []

    def always(numerator: Integers, denominator: int, read: Read) -> npt.NDArray[np.bool_]:
        asked.extend(Fraction(int(n), denominator) for n in numerator)
        return np.ones(len(numerator), dtype=bool)

    def offsets(bound: int, count: int, read: Read) -> Integers:
        return np.arange(count, dtype=np.int64) % bound

    def signs(count: int) -> bytes:
        return bytes(i // scale % 2 for i in range(count))

    monkeypatch.setattr(discrete_gaussian, "bernoulli_exp", always)
    monkeypatch.setattr(discrete_gaussian, "_uniform_below", offsets)
    exponents: dict[int, Fraction] = {}
    for successes in range(5):
        asked.clear()
        monkeypatch.setattr(
            discrete_gaussian, "_geometric", lambda n, _, s=successes: np.full(n, s)
        )
        period = 2 * scale - (successes == 0)  # all offsets with both signs, but no minus zero
        for value in discrete_gaussian.laplace(scale, period, signs).tolist():
            assert value not in exponents
            exponents[value] = asked[abs(value) % scale] + successes
    assert sorted(exponents) == list(range(1 - 5 * scale, 5 * scale))
    values = np.array(sorted(exponents))
    asked.clear()
    assert discrete_gaussian._accept(values, variance, scale, signs).all()
    constants = {
        exponents[y] + accepted - Fraction(y * y, 2 * variance)
        for y, accepted in zip(values.tolist(), asked, strict=True)
    }
    assert len(constants) == 1


def test_a_wide_candidate_is_kept_with_exactly_the_exponent_of_the_paper(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[str, list[Fraction]] = {}

    def fractions(numerator: Integers, denominator: int, read: Read) -> npt.NDArray[np.bool_]:
        asked["rest"] = [Fraction(n, denominator) for n in numerator]
        return np.ones(len(numerator), dtype=bool)

    def units(result: npt.NDArray[np.bool_], whole: Integers, read: Read) -> npt.NDArray[np.bool_]:
        asked["whole"] = [Fraction(int(n)) for n in whole]
        return result

    monkeypatch.setattr(discrete_gaussian, "_wide_bernoulli_exp_below_one", fractions)
    monkeypatch.setattr(discrete_gaussian, "_all_units_too", units)
    variance = 2**80 - 12_345
    scale = math.isqrt(variance) + 1
    values = np.array([0, 1, -1, scale, -7 * scale + 3, 176 * scale])
    assert discrete_gaussian._accept_wide(values, variance, scale, _read(0)).all()
    for y, rest, whole in zip(values.tolist(), asked["rest"], asked["whole"], strict=True):
        assert whole + rest == (abs(y) - Fraction(variance, scale)) ** 2 / (2 * variance)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("numerator", "denominator", "depth"),
    [(1, 1, 7), (0, 1, 6), (1, 2, 6), (2, 2, 6), (1, 3, 5), (2, 3, 5), (3, 5, 4), (9, 10, 4)],
)
def test_the_coin_of_exp_minus_a_over_b_is_exact_by_enumeration(
    numerator: int, denominator: int, depth: int, wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every sequence of ``depth`` uniform draws once; whoever still runs then fails the next."""
    sequences = np.indices([denominator * k for k in range(1, depth + 1)]).reshape(depth, -1)
    running = np.arange(sequences.shape[1])

    def next_draws(bound: int, count: int, read: Read) -> Integers:
        nonlocal running
        assert count == len(running)
        k = bound // denominator
        assert bound == denominator * k
        if k > depth:
            return np.full(count, bound - 1)
        draws = sequences[k - 1][running]
        running = running[draws < numerator]
        return draws

    def next_fractions(numerators: Integers, denominator: int, read: Read) -> npt.NDArray[np.bool_]:
        return next_draws(denominator, len(numerators), read) < numerators

    monkeypatch.setattr(discrete_gaussian, "_uniform_below", next_draws)
    monkeypatch.setattr(discrete_gaussian, "_wide_bernoulli", next_fractions)
    coin = (
        discrete_gaussian._wide_bernoulli_exp_below_one
        if wide
        else discrete_gaussian._bernoulli_exp_below_one
    )
    coins = coin(np.full(sequences.shape[1], numerator), denominator, _read(0))
    x = Fraction(numerator, denominator)

    def still_running(k: int) -> Fraction:
        return x**k / math.factorial(k)

    fails_at = [still_running(k - 1) - still_running(k) for k in range(1, depth + 1)]
    fails_at.append(still_running(depth))
    assert Fraction(int(coins.sum()), len(coins)) == sum(fails_at[::2], Fraction(0))
    assert abs(float(sum(fails_at[::2])) - math.exp(-x)) <= float(still_running(depth))


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 7), (1, 3), (5, 8), (6, 7), (40, 41)])
def test_a_wide_fraction_is_exact_to_every_digit_by_enumeration(
    numerator: int, denominator: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Digits of two bits, every sequence of six; what is tied then draws the largest digit."""
    depth, bits = 6, 2
    sequences = np.indices([1 << bits] * depth).reshape(depth, -1)
    tied, level = np.arange(sequences.shape[1]), 0

    def digits(bound: int, count: int, read: Read) -> Integers:
        nonlocal tied, level
        assert (bound, count) == (1 << bits, len(tied))
        if level >= depth:
            return np.full(count, bound - 1)
        drawn = sequences[level][tied]
        of_fraction = (numerator << bits * (level + 1)) // denominator % bound
        tied, level = tied[drawn == of_fraction], level + 1
        return drawn

    monkeypatch.setattr(discrete_gaussian, "_DIGIT_BITS", bits)
    monkeypatch.setattr(discrete_gaussian, "_uniform_below", digits)
    numerators = np.full(sequences.shape[1], numerator, dtype=object)
    kept = discrete_gaussian._wide_bernoulli(numerators, denominator, _read(0))
    assert int(kept.sum()) == numerator * len(kept) // denominator


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
