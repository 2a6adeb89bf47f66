"""What travels beside an update: nothing is lost in the mean, and no norm, noise or charge grows."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holter.privacy.calibration import correlated_grid, noisy_grid, rho_per_participation
from holter.privacy.joint import MEASURES, NOTHING, Extras, Joint

shares = st.sampled_from([0.0, 1e-6, 0.01, 0.0625, 0.2, 0.45])
limits = st.floats(1, 2**20)
numbers = st.floats(allow_nan=False)  # infinite ones among them
inside = st.floats(0, 1)
clients = st.lists(st.tuples(st.booleans(), inside, inside), min_size=1, max_size=30)


@given(shares, shares, limits, clients)
def test_decoding_the_sum_of_encodings_gives_the_means(
    indicator: float, evaluation: float, limit: float, each: list[tuple[bool, float, float]]
) -> None:
    joint = Joint(indicator, evaluation)
    encoded = [joint.encode(below, (one, two), limit) for below, one, two in each]
    assert all(len(values) == joint.extras for values in encoded)
    sums = [math.fsum(column) for column in zip(*encoded, strict=True)]
    found = joint.decode(sums, len(each), limit)
    below = sum(b for b, _, _ in each) / len(each)
    means = [sum(one[i] for one in each) / len(each) for i in (1, 2)]
    assert found.below == (pytest.approx(below, abs=1e-9) if indicator else None)
    assert found.measures == (pytest.approx(means, abs=1e-9) if evaluation else ())


@given(shares, shares, limits, st.booleans(), numbers, numbers)
def test_the_parts_beside_an_update_stay_within_their_parts_of_the_norm(
    indicator: float, evaluation: float, limit: float, below: bool, one: float, two: float
) -> None:
    joint = Joint(indicator, evaluation)
    values = joint.encode(below, (one, two), limit)
    bits = values[:1] if indicator else []
    rest = values[len(bits) :]
    assert math.hypot(*bits) == pytest.approx(math.sqrt(indicator) * limit)
    assert math.hypot(*rest) <= math.sqrt(evaluation) * limit * (1 + 1e-12)
    assert joint.update + indicator + evaluation == pytest.approx(1)


def test_measures_outside_their_range_count_as_its_bounds() -> None:
    joint, limit = Joint(evaluation=0.3), 500.0
    for value, bound in ((-math.inf, 0.0), (-0.1, 0.0), (1.1, 1.0), (math.inf, 1.0)):
        assert joint.encode(True, (value, value), limit) == joint.encode(True, (bound,) * 2, limit)
    # The farthest corner uses the whole part, so no room is given away.
    corner = math.hypot(*joint.encode(True, (1.0, 0.0), limit))
    assert corner == pytest.approx(limit * math.sqrt(0.3))


def test_a_part_that_is_not_asked_for_has_no_coordinate() -> None:
    assert Joint().extras == 0 and Joint().update == 1
    assert Joint().encode(False, (), 100.0) == []
    assert Joint().decode([], 7, 100.0) == NOTHING == Extras(None, ())
    assert Joint(indicator=0.1).extras == 1
    assert Joint(0.1, 0.1).extras == 1 + len(MEASURES)


@pytest.mark.parametrize("measures", [(), (0.5,), (0.5, 0.5, 0.5)])
def test_a_wrong_count_of_measures_is_refused(measures: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="accuracy and loss"):
        Joint(evaluation=0.1).encode(True, measures, 100.0)


@pytest.mark.parametrize(
    ("indicator", "evaluation"), [(-0.1, 0.0), (0.0, -1e-9), (0.5, 0.5), (1.0, 0.0), (math.nan, 0)]
)
def test_shares_that_leave_the_update_no_room_are_refused(
    indicator: float, evaluation: float
) -> None:
    with pytest.raises(ValueError, match="room for the update"):
        Joint(indicator, evaluation)


@given(st.floats(0.3, 8), st.floats(0.05, 1), st.sampled_from([1, 3]))
def test_what_travels_along_changes_the_scale_of_the_update_and_nothing_that_is_charged(
    multiplier: float, update_share: float, bands: int
) -> None:
    common = {"clip": 2.0, "noise_multiplier": multiplier, "largest_sum": 100, "coordinates": 2003}
    for shares_of, make in (
        (75, lambda share: noisy_grid(**common, honest_shares=75, update_share=share)),
        (None, lambda share: noisy_grid(**common, honest_shares=None, update_share=share)),
        (1, lambda share: correlated_grid(**common, bands=bands, update_share=share)),
    ):
        plain, joint = make(1.0), make(update_share)
        assert joint.norm_limit == plain.norm_limit
        assert joint.scale == pytest.approx(plain.scale * math.sqrt(update_share))
        charge = [
            rho_per_participation(g, honest_shares=shares_of or 1, coordinates=2003, bands=bands)
            for g in (plain, joint)
        ]
        assert charge[0] == charge[1]
