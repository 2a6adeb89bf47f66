"""Answers of one device alone: ratios by enumeration, estimates without bias, a price in rho."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest

from holter.crypto.prg import Stream
from holter.privacy import local_answers
from holter.privacy.discrete_gaussian import Read
from holter.privacy.local_answers import (
    debias_counts,
    discrete_laplace,
    randomised_response,
    rho_of,
    truth_probability,
)
from holter.privacy.source import Integers

LN_7 = Fraction(1_945_910, 1_000_000)
Booleans = npt.NDArray[np.bool_]


def _read(number: int) -> Read:
    return Stream(number.to_bytes(32, "big")).read


def _answer_weights(
    answer: int, options: int, coin: Fraction, monkeypatch: pytest.MonkeyPatch
) -> dict[int | None, Fraction]:
    """Probability of each result of one pass of two candidates, over every candidate and coin.

    None: nothing was kept, so the same begins anew. The coin has the probability it is given.
    """
    weights: dict[int | None, Fraction] = defaultdict(Fraction)
    monkeypatch.setattr(local_answers, "_TRIES", 2)
    for candidates in itertools.product(range(options), repeat=2):
        for coins in itertools.product((False, True), repeat=2):
            passes = iter((np.array(candidates),))

            def drawn(
                options: int, read: Read, passes: itertools.chain[Integers] = passes
            ) -> Integers:
                return next(passes)

            def thrown(
                numerator: Integers, denominator: int, read: Read, coins: tuple[bool, bool] = coins
            ) -> Booleans:
                assert numerator.tolist() == [LN_7.numerator] * 2
                assert denominator == LN_7.denominator
                return np.array(coins)

            monkeypatch.setattr(local_answers, "_candidates", drawn)
            monkeypatch.setattr(local_answers, "bernoulli_exp", thrown)
            result: int | None
            try:
                result = randomised_response(answer, options, LN_7, _read(0))
            except StopIteration:
                result = None
            chance = Fraction(1, options**2)
            for heads in coins:
                chance *= coin if heads else 1 - coin
            weights[result] += chance
    return weights


@pytest.mark.parametrize("options", [2, 3, 5])
@pytest.mark.parametrize("coin", [Fraction(1, 7), Fraction(2, 3)])
def test_two_answers_differ_by_exactly_the_coin_by_enumeration(
    options: int, coin: Fraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The coin is exp(-epsilon), exactly (``discrete_gaussian``), so the ratio is e^epsilon."""
    weights = [_answer_weights(a, options, coin, monkeypatch) for a in range(options)]
    assert len({w[None] for w in weights}) == 1, "how long it takes does not depend on the answer"
    for answer, found in enumerate(weights):
        again = 1 - found[None]
        assert sum(found.values()) == 1
        for result in range(options):
            expected = (1 if result == answer else coin) / (1 + (options - 1) * coin)
            assert found[result] / again == expected


def test_the_closed_form_of_the_reference_is_met() -> None:
    """p = 0.25 over 2 options: the truth with 0.875, epsilon ln 7 = 1.9459101."""
    assert truth_probability(2, LN_7) == pytest.approx(0.875, abs=1e-7)


def test_answers_come_with_their_probabilities_from_bytes() -> None:
    read, draws = _read(1), 6_000
    for answer in (0, 3):
        given = [randomised_response(answer, 4, Fraction(3, 2), read) for _ in range(draws)]
        truth = truth_probability(4, Fraction(3, 2))
        expected = np.full(4, (1 - truth) / 3 * draws)
        expected[answer] = truth * draws
        observed = np.bincount(given, minlength=4)
        assert ((observed - expected) ** 2 / expected).sum() < 21  # 3 degrees: one in 10 000


def test_estimates_are_unbiased_and_keep_the_total() -> None:
    epsilon, truth = Fraction(4, 5), truth_probability(3, Fraction(4, 5))
    holders = np.array([700, 250, 50])
    spread = np.full((3, 3), (1 - truth) / 2) + np.eye(3) * (truth - (1 - truth) / 2)
    expected_counts = holders @ spread  # not whole numbers: scaled up until rounding is nothing
    estimates = debias_counts(np.rint(expected_counts * 10**12).astype(np.int64), epsilon)
    assert np.allclose(estimates / 10**12, holders, rtol=1e-9)
    few = debias_counts(np.array([10, 0, 0]), epsilon)
    assert few.sum() == pytest.approx(10)
    assert few[1] < 0


def test_candidates_are_uniform_and_words_beyond_the_last_whole_multiple_are_rejected() -> None:
    whole = 2**32 // 3 * 3
    words = [whole, whole - 1, 2**32 - 1, *range(12)]
    served = iter(
        np.array(words[i : i + 8] + [0] * max(0, 8 - len(words[i:])), dtype="<u4").tobytes()
        for i in (0, 8)
    )
    drawn = local_answers._candidates(3, lambda length: next(served))
    assert drawn.tolist() == [2, 0, 1, 2, 0, 1, 2, 0]


@pytest.mark.parametrize(
    ("sensitivity", "epsilon"), [(1, Fraction(1, 2)), (3, Fraction(5, 4)), (10, Fraction(7, 3))]
)
def test_discrete_laplace_noise_has_its_probabilities(sensitivity: int, epsilon: Fraction) -> None:
    read, draws = _read(sensitivity), 4_000
    noise = np.array([discrete_laplace(50, sensitivity, epsilon, read) for _ in range(draws)]) - 50
    ratio = math.exp(-epsilon / sensitivity)
    values = np.arange(-4 * sensitivity, 4 * sensitivity + 1)
    pmf = (1 - ratio) / (1 + ratio) * ratio ** np.abs(values)
    expected = np.append(draws * pmf, draws * (1 - pmf.sum()))
    observed = np.array([np.count_nonzero(noise == v) for v in values])
    observed = np.append(observed, draws - observed.sum())
    kept = expected > 5
    statistic = ((observed - expected) ** 2 / expected)[kept].sum()
    assert statistic < kept.sum() + 4 * math.sqrt(2 * kept.sum())
    assert abs(noise.mean()) < 4 * noise.std() / math.sqrt(draws)


@pytest.mark.parametrize(("sensitivity", "epsilon"), [(3, Fraction(5, 4)), (2, Fraction(9))])
def test_the_scale_of_the_noise_is_sensitivity_over_epsilon_as_a_fraction(
    sensitivity: int, epsilon: Fraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """laplace(t, s) is exact for t / s (test_discrete_gaussian), so only t / s is left to see."""
    asked = []

    def laplace(scale: int, count: int, read: Read, divisor: int) -> Integers:
        asked.append(Fraction(scale, divisor))
        return np.array([-4])

    monkeypatch.setattr(local_answers, "laplace", laplace)
    assert discrete_laplace(10**30, sensitivity, epsilon, _read(0)) == 10**30 - 4
    assert asked == [sensitivity / epsilon]


def test_an_answer_costs_half_its_squared_epsilon_rounded_up() -> None:
    assert rho_of(Fraction(1)) == 0.5
    for epsilon in (Fraction(1, 3), Fraction(7, 9), Fraction(1, 1_000_003), LN_7):
        assert (
            epsilon**2 / 2 <= Fraction(rho_of(epsilon)) <= epsilon**2 / 2 * (1 + Fraction(1, 2**51))
        )


@pytest.mark.parametrize("epsilon", [Fraction(0), Fraction(-1), Fraction(65), Fraction(0.1)])
def test_an_epsilon_without_meaning_is_refused(epsilon: Fraction) -> None:
    for call in (
        lambda: randomised_response(0, 2, epsilon, _read(0)),
        lambda: discrete_laplace(0, 1, epsilon, _read(0)),
        lambda: rho_of(epsilon),
        lambda: debias_counts(np.array([1, 2]), epsilon),
    ):
        with pytest.raises(ValueError, match="epsilon must be a fraction above 0"):
            call()


def test_answers_options_counts_and_sensitivities_out_of_range_are_refused() -> None:
    half = Fraction(1, 2)
    for answer in (-1, 3):
        with pytest.raises(ValueError, match="an answer from 0 to 2"):
            randomised_response(answer, 3, half, _read(0))
    for options in (1, 1025):
        with pytest.raises(ValueError, match="options are needed"):
            randomised_response(0, options, half, _read(0))
    with pytest.raises(ValueError, match="counts are"):
        debias_counts(np.array([1, -1]), half)
    for sensitivity in (0, -1, 2**41):
        with pytest.raises(ValueError, match="sensitivity must be positive"):
            discrete_laplace(0, sensitivity, half, _read(0))
