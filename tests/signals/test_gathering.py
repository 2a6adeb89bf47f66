"""Gathering under hostile rows and blocks: masked or left out and counted; never a crash."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.signals.errors import DataError
from holter.signals.gathering import EARLIEST_NS, LATEST_NS, Gathered
from holter.signals.readers.times import NO_TIME
from holter.signals.recording import SECOND_NS, Series, Waveform

NOON = 1_700_000_000 * SECOND_NS
MS = SECOND_NS // 1000


def _series(kind: str, time_ns: Any, value: Any, **more: Any) -> tuple[Series, dict[str, int]]:
    gathered = Gathered("a test")
    gathered.series(kind, time_ns, value, **more)
    (channel,) = gathered.channels.values()
    assert isinstance(channel, Series)
    return channel, {f.what: f.count for f in gathered.findings}


def _blocks(*parts: Any, kind: str = "ecg", **more: Any) -> tuple[Waveform, dict[str, int]]:
    gathered = Gathered("a test")
    gathered.blocks(kind, parts, **more)
    (channel,) = gathered.channels.values()
    assert isinstance(channel, Waveform)
    return channel, {f.what: f.count for f in gathered.findings}


def _stamped(time_ns: Any, value: Any, kind: str = "ecg", **more: Any) -> Any:
    gathered = Gathered("a test")
    gathered.stamped(kind, time_ns, value, **more)
    channel = gathered.channels.get(more.get("name") or kind)
    return channel, {f.what: f.count for f in gathered.findings}


def _ramp(count: int, first: int = 0) -> npt.NDArray[np.float64]:
    return (first + np.arange(count)) / 1000.0


# --- slow channels


def test_rows_in_any_order_come_out_in_the_order_of_time_and_that_is_counted() -> None:
    channel, found = _series("heart_rate", [NOON + 2, NOON, NOON + 1], [62, 60, 61])
    assert channel.time_ns.tolist() == [NOON, NOON + 1, NOON + 2]
    assert channel.value.tolist() == [60, 61, 62]
    assert found == {"rows out of order, sorted": 1}


def test_a_row_that_is_there_twice_is_kept_once_and_one_with_another_value_stays() -> None:
    channel, found = _series("heart_rate", [NOON, NOON, NOON], [60, 60, 61])
    assert channel.value.tolist() == [60, 61]
    assert found == {"rows there twice, left out": 1}


def test_missing_values_that_are_there_twice_are_one_missing_value() -> None:
    channel, found = _series("heart_rate", [NOON, NOON], [np.nan, np.nan])
    assert len(channel.value) == 1 and np.isnan(channel.value[0])
    assert found == {"rows there twice, left out": 1}


@pytest.mark.parametrize("value", [-1.0, 0.0, 261.0, np.inf, -np.inf, 1e308])
def test_a_value_that_nobody_can_have_is_masked_and_counted(value: float) -> None:
    channel, found = _series("heart_rate", [NOON, NOON + 1], [60, value])
    assert channel.value[0] == 60 and np.isnan(channel.value[1])
    assert found == {"impossible values, masked": 1}


def test_a_value_that_overflows_when_its_unit_is_converted_is_masked_without_a_warning() -> None:
    channel, found = _series("heart_rate", [NOON], [1e308], unit="Hz")
    assert np.isnan(channel.value[0])
    assert found == {"impossible values, masked": 1}


def test_a_category_between_two_names_is_masked() -> None:
    channel, found = _series("sleep_stage", [NOON, NOON + 1], [1.0, 1.5])
    assert channel.value[0] == 1 and np.isnan(channel.value[1])
    assert found == {"impossible values, masked": 1}


def test_a_category_beyond_the_names_of_the_source_is_masked() -> None:
    channel, _ = _series("activity", [NOON, NOON + 1], [1, 2], names=("sit", "walk"))
    assert channel.value[0] == 1 and np.isnan(channel.value[1])


@pytest.mark.parametrize(
    "time",
    [NO_TIME, 0, -1, EARLIEST_NS - 1, LATEST_NS + 1, 2**63 - 1, 2**64 - 1, 2**70, -(2**70)],
)
def test_a_row_with_an_impossible_time_is_left_out_and_counted(time: int) -> None:
    channel, found = _series("heart_rate", [NOON, time], [60, 61])
    assert channel.time_ns.tolist() == [NOON]
    assert found == {"rows with an impossible time, left out": 1}


@pytest.mark.parametrize("time", [np.nan, np.inf, -np.inf, 1e300])
def test_a_time_that_is_no_number_is_left_out_and_counted(time: float) -> None:
    channel, found = _series("heart_rate", np.array([float(NOON), time]), [60, 61])
    assert channel.time_ns.tolist() == [NOON]
    assert found == {"rows with an impossible time, left out": 1}


def test_a_span_that_ends_before_it_begins_is_left_out_and_one_of_no_length_stays() -> None:
    channel, found = _series(
        "steps", [NOON, NOON, NOON], [1, 2, 3], until_ns=[NOON - 1, NOON, NOON + 60 * SECOND_NS]
    )
    assert channel.value.tolist() == [2, 3]
    assert found == {"rows that end before they begin, left out": 1}


def test_offsets_stay_with_their_rows_when_rows_are_sorted() -> None:
    channel, _ = _series("heart_rate", [NOON + 1, NOON], [61, 60], offset_minutes=[120, -570])
    assert channel.offset_minutes.tolist() == [-570, 120]


@pytest.mark.parametrize("offsets", [[70_000, 60], np.array([70_000, 60]), [2000, 60]])
def test_an_offset_that_no_zone_has_does_not_wrap_around(offsets: Any) -> None:
    channel, found = _series("heart_rate", [NOON, NOON + 1], [60, 61], offset_minutes=offsets)
    assert channel.offset_minutes.tolist() == [0, 60]
    assert found == {"impossible offsets from UTC, taken as 0": 1}


def test_columns_of_different_lengths_are_refused_in_one_line() -> None:
    for more in ({"until_ns": [NOON]}, {"offset_minutes": [1, 2, 3]}):
        with pytest.raises(DataError, match="not equally many"):
            _series("heart_rate", [NOON, NOON + 1], [60, 61], **more)
    with pytest.raises(DataError, match="not equally many"):
        _series("heart_rate", [NOON, NOON + 1], [60])


def test_no_rows_make_no_channel_and_a_recording_without_channels_says_why() -> None:
    gathered = Gathered("a band")
    gathered.series("heart_rate", [], [])
    gathered.series("steps", [5], [1])
    with pytest.raises(DataError, match=r"a band: nothing .* impossible time, left out \(1\)"):
        gathered.recording()


def test_two_channels_of_one_name_are_refused() -> None:
    gathered = Gathered("a band")
    gathered.series("heart_rate", [NOON], [60])
    with pytest.raises(DataError, match="two channels are called heart_rate"):
        gathered.series("heart_rate", [NOON], [60])


rows = st.lists(
    st.tuples(
        st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(NOON, NOON + 5)),
        st.one_of(st.floats(width=64), st.integers(0, 300).map(float)),
    ),
    max_size=30,
)


@given(rows)
@settings(deadline=None, max_examples=150)
def test_every_row_is_kept_or_counted_and_the_order_of_rows_does_not_matter(
    rows: list[tuple[int, float]],
) -> None:
    def gathered(rows: list[tuple[int, float]]) -> tuple[Any, dict[str, int]]:
        g = Gathered("a test")
        g.series("heart_rate", [t for t, _ in rows], [v for _, v in rows])
        channel = g.channels.get("heart_rate")
        return channel, {f.what: f.count for f in g.findings}

    channel, found = gathered(rows)
    kept = 0 if channel is None else len(channel.value)
    assert kept + sum(n for what, n in found.items() if what.endswith("left out")) == len(rows)
    again, _ = gathered(rows[::-1])
    if channel is not None:
        assert np.all(np.diff(channel.time_ns) >= 0)
        assert np.array_equal(channel.value, again.value, equal_nan=True)


# --- fast channels from blocks


def test_blocks_that_follow_one_another_are_one_segment_and_a_gap_stays_a_gap() -> None:
    channel, found = _blocks(
        (NOON, 100.0, _ramp(100)),
        (NOON + SECOND_NS, 100.0, _ramp(100, 100)),
        (NOON + 3 * SECOND_NS, 100.0, _ramp(100, 200)),
    )
    assert [len(s.values) for s in channel.segments] == [200, 100]
    assert [s.start_ns for s in channel.segments] == [NOON, NOON + 3 * SECOND_NS]
    assert found == {}


def test_overlapping_samples_are_left_out_once_and_no_sample_moves_by_more_than_half() -> None:
    channel, found = _blocks((NOON, 100.0, _ramp(100)), (NOON + 900 * MS, 100.0, _ramp(100, 90)))
    (segment,) = channel.segments
    assert np.allclose(segment.values[:, 0], _ramp(190), atol=1e-6)
    assert found == {"samples that overlap earlier ones, left out": 10}


@pytest.mark.parametrize("early_ms", [1, 4, 5, 6, 9, 14, 16])
def test_an_overlap_of_fractions_of_a_sample_never_puts_two_samples_into_one_place(
    early_ms: int,
) -> None:
    channel, _ = _blocks(
        (NOON, 100.0, _ramp(100)), (NOON + SECOND_NS - early_ms * MS, 100.0, _ramp(100, 100))
    )
    times = np.concatenate(
        [s.start_ns + np.arange(len(s.values)) * 1e9 / s.rate_hz for s in channel.segments]
    )
    assert np.diff(times).min() >= 0.4 * 10 * MS


def test_a_slow_block_does_not_begin_before_the_last_samples_of_a_fast_one() -> None:
    channel, found = _blocks((NOON, 100.0, _ramp(100)), (NOON + 600 * MS, 1.0, _ramp(10, 500)))
    assert channel.segments[1].start_ns >= channel.segments[0].end_ns - 5 * MS
    assert found == {"samples that overlap earlier ones, left out": 1}


def test_a_block_inside_another_is_left_out_whole() -> None:
    channel, found = _blocks((NOON, 10.0, _ramp(100)), (NOON + SECOND_NS, 10.0, _ramp(20, 700)))
    assert channel.samples == 100
    assert found == {"samples that overlap earlier ones, left out": 20}


def test_blocks_out_of_order_are_sorted_and_that_is_counted() -> None:
    channel, found = _blocks((NOON + SECOND_NS, 100.0, _ramp(100, 100)), (NOON, 100.0, _ramp(100)))
    assert np.allclose(channel.segments[0].values[:, 0], _ramp(200), atol=1e-6)
    assert found == {"blocks out of order, sorted": 1}


@pytest.mark.parametrize("drift", [200e-6, -200e-6])
def test_a_clock_that_drifts_from_its_label_is_one_segment_at_the_measured_rate(
    drift: float,
) -> None:
    step = round(SECOND_NS * (1 + drift))
    parts = [(NOON + i * step, 64.0, _ramp(64, 64 * (i % 100))) for i in range(600)]
    channel, found = _blocks(*parts)
    assert found == {}
    assert len(channel.segments) == 1 and channel.samples == 64 * 600
    assert channel.rate_hz == pytest.approx(64 / (1 + drift), rel=2e-6)
    assert abs(channel.span_ns[1] - (NOON + 600 * step)) < SECOND_NS / 64


def test_a_label_that_is_wrong_by_more_than_a_drift_is_not_hidden_in_one_segment() -> None:
    step = round(SECOND_NS * 1.004)  # 0.26 samples late each time
    parts = [(NOON + i * step, 64.0, _ramp(64)) for i in range(20)]
    channel, _ = _blocks(*parts)
    assert len(channel.segments) > 1
    for segment in channel.segments:
        assert segment.rate_hz == pytest.approx(64.0, rel=8e-3)


@pytest.mark.parametrize(
    ("start", "rate"),
    [(0, 64.0), (NO_TIME, 64.0), (NOON, 0.0), (NOON, -1.0), (NOON, np.nan), (NOON, np.inf)],
)
def test_a_block_with_an_impossible_start_or_rate_is_left_out(start: int, rate: float) -> None:
    channel, found = _blocks((start, rate, _ramp(7)), (NOON + SECOND_NS, 64.0, _ramp(64)))
    assert channel.samples == 64
    assert found == {"samples with an impossible time or rate, left out": 7}


def test_a_week_of_short_blocks_is_joined_in_time_linear_in_their_number() -> None:
    small = np.zeros((30, 3), dtype=np.float32)
    parts = [(NOON + i * SECOND_NS, 30.0, small) for i in range(40_000)]
    channel, _ = _blocks(*parts, kind="acceleration", axes=("x", "y", "z"))
    assert channel.samples == 1_200_000 and len(channel.segments) == 1


def test_huge_values_are_masked_in_fast_channels_without_a_warning() -> None:
    channel, found = _blocks((NOON, 10.0, np.array([0.001, 1e308, np.inf, np.nan])), unit="V")
    assert np.isnan(channel.segments[0].values[:, 0]).tolist() == [False, True, True, True]
    assert found == {"impossible values, masked": 2}


def test_values_with_another_number_of_axes_are_refused() -> None:
    for shape in ((5,), (5, 2), (5, 1, 3)):
        with pytest.raises(DataError, match="axes"):
            _blocks((NOON, 10.0, np.zeros(shape)), kind="acceleration", axes=("x", "y", "z"))


# --- fast channels from stamps


def test_the_stamps_say_the_rate_and_not_the_label() -> None:
    step = 1 / (64 * (1 + 200e-6))
    stamps = NOON + np.round(np.arange(64 * 600) * step * 1e9).astype(np.int64)
    channel, found = _stamped(stamps, _ramp(len(stamps)) % 1, nominal_rate_hz=64.0)
    assert channel.rate_hz == pytest.approx(64 * (1 + 200e-6), rel=1e-8)
    assert len(channel.segments) == 1 and found == {}


@pytest.mark.parametrize("axes", [1, 3])
def test_no_stamps_make_no_channel(axes: int) -> None:
    channel, found = _stamped([], np.zeros((0, axes)), axes=("x", "y", "z")[:axes])
    assert channel is None and found == {}


def test_one_sample_has_no_rate_and_is_left_out_with_a_count() -> None:
    channel, found = _stamped([NOON], _ramp(1))
    assert channel is None
    assert found == {"samples too few for a rate, left out": 1}


def test_jitter_of_stamps_is_brought_to_an_even_grid_at_the_true_times() -> None:
    dice = np.random.default_rng(3)
    seconds = np.arange(1000) / 50 + dice.uniform(-0.002, 0.002, 1000)
    channel, found = _stamped(
        NOON + np.round(seconds * 1e9).astype(np.int64), np.sin(2 * np.pi * 0.5 * seconds)
    )
    (segment,) = channel.segments
    at = (segment.start_ns - NOON) / 1e9 + np.arange(1000) / segment.rate_hz
    assert np.abs(segment.values[:, 0] - np.sin(2 * np.pi * 0.5 * at)).max() < 2e-3
    assert found == {}


def test_a_gap_ends_a_segment_and_the_grid_does_not_bridge_it() -> None:
    stamps = NOON + np.concatenate([np.arange(50), 500 + np.arange(50)]) * 20 * MS
    channel, _ = _stamped(stamps, _ramp(100))
    assert [len(s.values) for s in channel.segments] == [50, 50]
    assert channel.rate_hz == pytest.approx(50.0)


def test_a_clock_that_is_set_back_does_not_mix_the_samples_of_two_moments() -> None:
    first = NOON + np.arange(1000) * 20 * MS
    second = NOON + (400 + np.arange(1000)) * 20 * MS + 7 * MS
    channel, found = _stamped(
        np.concatenate([first, second]), np.concatenate([np.full(1000, 1.0), np.full(1000, -1.0)])
    )
    for segment in channel.segments:
        assert len(np.unique(segment.values)) == 1  # of one pass only
        assert segment.rate_hz == pytest.approx(50.0)
    assert found["places where the clock is set back"] == 1
    assert found["samples that overlap earlier ones, left out"] == 600
    assert channel.samples == 1400


def test_a_clock_set_back_to_before_the_recording_loses_nothing() -> None:
    first = NOON + np.arange(100) * 20 * MS
    second = NOON - 3600 * SECOND_NS + np.arange(100) * 20 * MS
    channel, found = _stamped(np.concatenate([first, second]), _ramp(200))
    assert channel.samples == 200
    assert channel.segments[0].values[0, 0] == np.float32(0.1)
    assert found == {"places where the clock is set back": 1}


def test_a_packet_that_comes_late_is_put_where_it_belongs() -> None:
    order = np.r_[0:200, 220:240, 200:220, 240:400]
    channel, found = _stamped(NOON + order * 20 * MS, order / 1000)
    joined = np.concatenate([s.values[:, 0] for s in channel.segments])
    assert np.allclose(joined, np.arange(400) / 1000, atol=1e-6)
    assert found == {"places where the clock is set back": 1}


def test_rows_in_no_order_at_all_are_sorted() -> None:
    order = np.random.default_rng(0).permutation(500)
    channel, found = _stamped(NOON + order * 20 * MS, order / 1000)
    (segment,) = channel.segments
    assert np.allclose(segment.values[:, 0], np.arange(500) / 1000, atol=1e-6)
    assert list(found) == ["samples out of order, sorted"]


def test_two_samples_at_one_time_are_one_and_counted() -> None:
    stamps = NOON + np.array([0, 1, 1, 2, 3]) * 20 * MS
    channel, found = _stamped(stamps, _ramp(5))
    assert channel.samples == 4 and found == {"samples at the time of another, left out": 1}


def test_impossible_stamps_are_left_out_and_do_not_overflow() -> None:
    stamps = np.concatenate([[NO_TIME, 2**63 - 1], NOON + np.arange(10) * 20 * MS, [0]])
    channel, found = _stamped(stamps, _ramp(13))
    assert channel.samples == 10
    assert found == {"samples with an impossible time, left out": 3}


def test_a_masked_sample_stays_masked_and_its_neighbours_stay() -> None:
    values = _ramp(10)
    values[4] = np.nan
    channel, _ = _stamped(NOON + np.arange(10) * 20 * MS, values)
    assert np.isnan(channel.segments[0].values[:, 0]).tolist() == [i == 4 for i in range(10)]


@given(
    st.lists(
        st.one_of(
            st.integers(-(2**63), 2**63 - 1), st.integers(0, 40).map(lambda k: NOON + k * MS)
        ),
        max_size=40,
    )
)
@settings(deadline=None, max_examples=150)
def test_segments_are_in_order_apart_and_every_sample_is_kept_or_counted(stamps: list[int]) -> None:
    channel, found = _stamped(stamps, _ramp(len(stamps)))
    kept = 0 if channel is None else channel.samples
    assert kept + sum(n for what, n in found.items() if what.endswith("left out")) == len(stamps)
    if channel is not None:
        last = [s.start_ns + round((len(s.values) - 1) * 1e9 / s.rate_hz) for s in channel.segments]
        starts = [s.start_ns for s in channel.segments]
        assert all(b > a for a, b in zip(last, starts[1:], strict=False))


def test_stamps_that_come_in_bursts_are_one_stretch_at_their_mean_rate() -> None:
    """A radio sends ten samples at a time: nine short steps, then the wait for the next packet."""
    packets = np.repeat(np.arange(200) * 200_000_000, 10) + np.tile(np.arange(10) * 1_000_000, 200)
    gathered = Gathered("a test")
    gathered.stamped("ecg", 1_700_000_000 * SECOND_NS + packets, np.arange(2000) / 1000.0)
    channel = gathered.recording().channels["ecg"]
    assert isinstance(channel, Waveform) and len(channel.segments) == 1
    assert channel.samples == 2000
    assert channel.rate_hz == pytest.approx(50, rel=0.01)
    assert np.allclose(np.diff(channel.segments[0].values[:, 0]), 0.001, atol=1e-6)


def test_a_wait_of_seconds_between_bursts_is_still_a_gap() -> None:
    packets = np.repeat(np.arange(200) * 200_000_000, 10) + np.tile(np.arange(10) * 1_000_000, 200)
    packets[1000:] += 5 * SECOND_NS
    gathered = Gathered("a test")
    gathered.stamped("ecg", 1_700_000_000 * SECOND_NS + packets, np.zeros(2000))
    channel = gathered.recording().channels["ecg"]
    assert isinstance(channel, Waveform) and [len(s.values) for s in channel.segments] == [
        1000, 1000,
    ]  # fmt: skip
