"""Movement per epoch: by definition, in chunks, with gaps, at any rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from holter.signals.errors import DataError
from holter.signals.features.counts import activity_counts, enmo, epochs, mad, z_angle
from holter.signals.recording import SECOND_NS, Segment, Waveform

NOON = 1_700_000_000 * SECOND_NS
NUMBERS = ("enmo", "mad", "z_angle", "counts")


def _wave(rate: float, *parts: tuple[float, Any]) -> Waveform:
    segments = tuple(
        Segment(NOON + round(start * SECOND_NS), rate, np.asarray(x, dtype=np.float32))
        for start, x in parts
    )
    return Waveform("acceleration", ("x", "y", "z"), segments)


def _swinging(seconds: float, rate: float, hertz: float = 1.0, height: float = 0.5) -> Any:
    """Synthetic: gravity on z, a sway on x."""
    t = np.arange(round(seconds * rate)) / rate
    sway = height * np.sin(2 * np.pi * hertz * t)
    return np.stack([sway, np.zeros(len(t)), np.ones(len(t))], axis=1)


def test_enmo_is_the_norm_less_gravity_and_never_negative() -> None:
    assert enmo(np.array([[0, 0, 1], [0, 3, 4], [0.5, 0, 0], [np.nan, 0, 1]])).tolist()[:3] == [
        0,
        4,
        0,
    ]
    assert np.isnan(enmo(np.array([[np.nan, 0, 1.0]]))).all()


def test_mad_is_the_mean_distance_from_the_mean_norm() -> None:
    xyz = np.array([[0, 0, 1.0], [0, 0, 2.0], [0, 0, 3.0], [np.nan, 0, 0]])
    assert mad(xyz) == pytest.approx(2 / 3)
    assert np.isnan(mad(np.zeros((0, 3))))


def test_the_angle_is_ninety_when_z_points_up_and_unknown_without_gravity() -> None:
    got = z_angle(np.array([[0, 0, 1], [0, 0, -1], [1, 0, 0], [1, 0, 1], [0, 0, 0.0]]))
    assert np.allclose(got, [90, -90, 0, 45, np.nan], equal_nan=True)


def test_epochs_hold_the_same_numbers_as_the_plain_functions() -> None:
    dice = np.random.default_rng(0)
    x = dice.normal([0.6, 0, 0.8], 0.3, (100 * 60, 3))
    got = epochs(_wave(100.0, (0, x)), 10.0)
    stored = x.astype(np.float32).reshape(6, 1000, 3)
    assert np.allclose(got.enmo, [enmo(part).mean() for part in stored], atol=1e-9)
    assert np.allclose(got.mad, [mad(part) for part in stored], atol=1e-9)
    assert np.allclose(got.z_angle, np.degrees(np.arcsin(0.8)), atol=5)
    assert np.allclose(got.share, 1) and len(got.time_ns) == 6
    assert got.time_ns[1] - got.time_ns[0] == 10 * SECOND_NS


@pytest.mark.parametrize("rate", [20.0, 31.7, 50.0, 100.0, 130.0])
def test_counts_do_not_depend_on_the_sampling_rate(rate: float) -> None:
    got = epochs(_wave(rate, (0, _swinging(120, rate))), 30.0)
    # A sine of 0.5 g has a mean of 0.5 * 2 / pi; one count is 0.01 g s.
    assert np.allclose(got.counts[1:3], 0.5 * 2 / np.pi * 30 / 0.01, rtol=0.03)


@pytest.mark.parametrize("hertz", [0.02, 12.0])
def test_counts_leave_out_what_no_will_moves(hertz: float) -> None:
    got = epochs(_wave(100.0, (0, _swinging(300, 100.0, hertz, 0.1))), 30.0)
    assert got.counts[1:-1].max() < 20  # of 191 in the band


def test_stillness_counts_nothing_although_the_sensor_has_noise() -> None:
    x = np.random.default_rng(1).normal([0, 0, 1], 0.004, (6000, 3))
    assert epochs(_wave(50.0, (0, x)), 60.0).counts.tolist() == [0, 0]


def test_the_cut_into_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(2).normal([0, 0, 1], 0.3, (50 * 300, 3))
    x[2000:2100] = np.nan
    wave = _wave(50.0, (3.3, x), (400, x))
    once = epochs(wave, 7.0, start_ns=NOON)
    monkeypatch.setattr("holter.signals.features.counts._CHUNK_EPOCH_SECONDS", 21.0)
    again = epochs(wave, 7.0, start_ns=NOON)
    assert np.allclose(once.share, again.share)
    for name in NUMBERS:
        one, two = getattr(once, name), getattr(again, name)
        close = {"counts": 2.0, "z_angle": 0.5}.get(name, 1e-9)  # filters settle within 10 s
        assert np.allclose(one, two, atol=close, equal_nan=True), name


def test_epochs_in_gaps_and_masks_are_unknown_and_the_share_says_so() -> None:
    x = _swinging(60, 50.0)
    x[30 * 50 : 36 * 50, 1] = np.nan
    got = epochs(_wave(50.0, (0, x), (120, x)), 10.0)
    assert got.share.tolist() == pytest.approx(
        [1, 1, 1, 0.4, 1, 1] + [0] * 6 + [1, 1, 1, 0.4, 1, 1]
    )
    for name in NUMBERS:
        assert np.isnan(getattr(got, name)).tolist() == (got.share < 0.5).tolist(), name


def test_a_grid_of_epochs_may_reach_beyond_the_recording() -> None:
    wave = _wave(50.0, (15, _swinging(30, 50.0)))
    got = epochs(wave, 10.0, start_ns=NOON, end_ns=NOON + 60 * SECOND_NS)
    assert got.share.tolist() == pytest.approx([0, 0.5, 1, 1, 0.5, 0])


@pytest.mark.parametrize("samples", [1, 2, 7])
def test_a_segment_of_a_few_samples_is_no_special_case(samples: int) -> None:
    got = epochs(_wave(50.0, (0, np.tile([0, 0, 1.0], (samples, 1)))), 1.0)
    assert len(got.share) == 1 and got.share[0] == pytest.approx(samples / 50)
    assert np.isnan(got.mad[0])


def test_slow_channels_have_no_counts_but_the_rest() -> None:
    got = epochs(_wave(4.0, (0, np.tile([0, 0, 1.0], (400, 1)))), 10.0)
    assert np.isnan(got.counts).all() and np.allclose(got.z_angle, 90)
    with pytest.raises(DataError, match="counts need more"):
        activity_counts(np.zeros((10, 3)), 4.0)


def test_what_is_no_acceleration_on_three_axes_is_refused() -> None:
    ecg = Waveform("ecg", ("",), (Segment(NOON, 100.0, np.zeros((10, 1), np.float32)),))
    with pytest.raises(DataError, match="three axes"):
        epochs(ecg, 10.0)
    with pytest.raises(DataError, match="a second or more"):
        epochs(_wave(50.0, (0, _swinging(5, 50.0))), 0.0)


def test_an_empty_channel_has_no_epochs() -> None:
    empty: npt.NDArray[np.float64] = epochs(
        Waveform("acceleration", ("x", "y", "z"), ()), 10.0
    ).enmo
    assert len(empty) == 0
