"""The wearer's store: what is added comes back as it was, and overlapping exports add nothing twice."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.device.store import Added, Store
from holter.device.store_segments import PART_SAMPLES
from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.recording import SECOND_NS, Finding, Recording, Segment, Series, Waveform
from tests.device.stored import MINUTE, START, acceleration, heart, hearts, rich, same, waves


def test_what_is_added_comes_back_as_it_was(store: Store) -> None:
    recording = rich()
    (added,) = store.add([recording], MINUTE)
    samples = PART_SAMPLES + 7 + 9 + 4
    assert added == Added("everything", rows_new=120, samples_new=samples)
    (again,) = store.recordings()
    same(recording, again)
    assert Finding("impossible values, masked", 1, "ecg:V5") in again.findings


def test_the_same_import_again_adds_nothing_and_leaves_the_file_as_it_is(
    store: Store, tmp_path: Path
) -> None:
    recording = rich()
    store.add([recording], MINUTE)
    before = (tmp_path / "my.store").read_bytes()
    (added,) = store.add([recording], MINUTE + 1)
    assert added == Added("everything", rows_known=120, samples_known=PART_SAMPLES + 20)
    assert not added.anything and (tmp_path / "my.store").read_bytes() == before


def test_an_overlapping_export_adds_only_what_is_new(store: Store) -> None:
    store.add([hearts({0: 60, 60: 61, 120: 62})], MINUTE)
    (added,) = store.add([hearts({60: 61, 120: 62, 180: 63, -60: 59})], MINUTE)
    assert added == Added("band", rows_new=2, rows_known=2)
    assert heart(store) == {-60: 59, 0: 60, 60: 61, 120: 62, 180: 63}


def test_overlapping_waveforms_of_one_grid_are_cut_to_the_sample(store: Store) -> None:
    store.add([waves(100, 100)], MINUTE)
    (added,) = store.add([waves(150, 100)], MINUTE)
    assert added == Added("watch", samples_new=50, samples_known=50)
    (added,) = store.add([waves(0, 400)], MINUTE)
    assert added == Added("watch", samples_new=250, samples_known=150)
    (segment,) = acceleration(store).segments  # one grid: joined again where they meet
    np.testing.assert_array_equal(segment.values[:, 0], (np.arange(400) / 1e5).astype(np.float32))
    assert segment.start_ns == START and segment.rate_hz == 50


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40)), min_size=1, max_size=6),
    st.sampled_from([25.0, 31.25, 50.0, 64.0, 100 / 3, 128.003]),
)
def test_any_order_of_overlapping_parts_gives_each_sample_once(
    parts: list[tuple[int, int]], rate: float
) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"holter-test-{os.getpid()}.store"
    path.unlink(missing_ok=True)
    try:
        with Store.create(path) as store:
            covered: set[int] = set()
            for first, count in parts:
                wanted = set(range(first, first + count))
                (added,) = store.add([waves(first, count, rate)], MINUTE)
                assert added.samples_new == len(wanted - covered) and added.conflicts == 0
                assert added.samples_known == len(wanted & covered)
                covered |= wanted
            found = acceleration(store)
            values = np.concatenate([s.values[:, 0] for s in found.segments])
            expected = (np.array(sorted(covered)) / 1e5).astype(np.float32)
            np.testing.assert_array_equal(values, expected)
            gaps = int((np.diff(sorted(covered)) > 1).sum())
            assert len(found.segments) == gaps + 1
    finally:
        path.unlink(missing_ok=True)


def test_other_rates_and_grids_never_overlap(store: Store) -> None:
    for first, count, rate, offset in ((0, 100, 50.0, 0), (0, 130, 50.01, 7_000_000),
                                       (20, 90, 25.0, 0), (0, 3, 1.0, 0)):  # fmt: skip
        store.add([waves(first, count, rate, offset_ns=offset)], MINUTE)
    segments = acceleration(store).segments
    assert len(segments) > 2
    for one, other in pairwise(segments):
        assert other.start_ns >= one.end_ns - SECOND_NS / one.rate_hz / 2


def test_a_short_part_of_a_finer_grid_is_in_nobodys_way(store: Store) -> None:
    store.add([waves(0, 1, 1000.0)], MINUTE)
    (added,) = store.add([waves(0, 5, 1.0)], MINUTE)
    assert added.samples_new == 5


def test_between_gives_samples_by_their_own_time_and_spans_that_reach_in(store: Store) -> None:
    store.add([rich(), waves(0, 200_000)], MINUTE)
    named = {(c.source, c.name): c for c in store.channels()}
    for low, high in ((0, 10), (65_530, 65_540), (131_000, 140_000), (199_990, 300_000)):
        start, end = (START + round(n * SECOND_NS / 50) for n in (low, high))
        part = store.between(named["watch", "acceleration"], start, end)
        assert isinstance(part, Waveform) and part.segments[0].start_ns == start
        numbers = np.arange(low, min(high, 200_000))
        np.testing.assert_array_equal(
            part.segments[0].values[:, 0], (numbers / 1e5).astype(np.float32)
        )
    start, end = START + 450 * SECOND_NS, START + 900 * SECOND_NS
    stages = store.between(named["everything", "sleep_stage"], start, end)
    assert isinstance(stages, Series)
    assert ((stages.time_ns - START) // SECOND_NS).tolist() == [300, 600]
    rates = store.between(named["everything", "heart_rate"], START, START + 3 * SECOND_NS)
    assert isinstance(rates, Series) and rates.value.tolist() == [60, 61, 62]
    none = store.between(named["watch", "acceleration"], 0, START)
    assert isinstance(none, Waveform) and none.segments == ()


def test_a_summary_counts_without_reading_samples(store: Store) -> None:
    store.add([rich()], MINUTE)
    store._db.execute("UPDATE fast SET data = x'00'")
    found = {c.name: c for c in store.channels()}
    assert {name: c.count for name, c in found.items()} == {
        "heart_rate": 40, "sleep_stage": 40, "activity": 40,
        "acceleration": PART_SAMPLES + 16, "ecg:V5": 4,
    }  # fmt: skip
    assert found["acceleration"].span_ns == rich().channels["acceleration"].span_ns
    assert found["heart_rate"].span_ns == rich().channels["heart_rate"].span_ns
    assert found["acceleration"].axes == ("x", "y", "z") and found["heart_rate"].axes is None
    with pytest.raises(DataError, match="damaged"):
        store.recordings()


def test_categories_are_matched_by_name_whatever_their_number(store: Store) -> None:
    for names, values in ((("walk", "run"), [0, 1]), (("run", "sit", "walk"), [0, 1, 2, np.nan])):
        made = Gathered("labels", zone="UTC")
        first = 1 if len(names) == 3 else 0  # the second export begins with the first's last row
        time_ns = START + (np.arange(len(values)) + first) * SECOND_NS
        made.series("activity", time_ns, values, names=names)
        (added,) = store.add([made.recording()], MINUTE)
    assert added == Added("labels", rows_new=3, rows_known=1)
    (recording,) = store.recordings()
    rows = recording.channels["activity"]
    assert isinstance(rows, Series) and rows.names == ("walk", "run", "sit")
    np.testing.assert_array_equal(rows.value, [0, 1, 2, 0, np.nan])


def test_sources_stay_apart_and_facts_that_differ_become_unknown(store: Store) -> None:
    store.add([hearts({0: 60}), hearts({0: 70}, source="watch")], MINUTE)
    assert [r.source for r in store.recordings()] == ["band", "watch"]
    for limits in ((-8.0, 8.0), (-4.0, 4.0)):
        values = np.zeros((5, 1), dtype=np.float32)
        segment = Segment(START + round(limits[0]) * SECOND_NS, 1.0, values)
        channel = Waveform("eda", ("",), (segment,), 4.0, limits)
        store.add([Recording("ring", "ring", "UTC", {"eda": channel})], MINUTE)
    eda = store.recordings()[2].channels["eda"]
    assert isinstance(eda, Waveform) and eda.nominal_rate_hz == 4 and eda.limits is None


def test_a_finding_is_kept_with_its_import(store: Store) -> None:
    store.add([hearts({0: 60, 1: 999})], MINUTE)
    store.add([hearts({0: 60, 1: 999})], MINUTE)  # nothing new: not counted again
    store.add([hearts({0: 60, 1: 999, 2: 888})], MINUTE + 5)
    (recording,) = store.recordings()
    assert recording.findings == (Finding("impossible values, masked", 3, "heart_rate"),)
    rows = store._db.execute("SELECT minute, rows_new, rows_known FROM import").fetchall()
    assert rows == [(MINUTE, 2, 0), (MINUTE + 5, 1, 2)]
