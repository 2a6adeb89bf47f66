"""Recordings that the tests of the store add, and what a store gives back of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from holter.device.store import Store
from holter.device.store_segments import PART_SAMPLES
from holter.signals.gathering import Gathered
from holter.signals.recording import SECOND_NS, Recording, Series, Waveform

START = 1_700_000_000 * SECOND_NS
MINUTE = 28_333_333


def hearts(values: dict[int, float], **about: Any) -> Recording:
    """Heart rate at seconds after START."""
    made = Gathered(**{"source": "band", "zone": "UTC", **about})
    time_ns = [START + second * SECOND_NS for second in values]
    made.series("heart_rate", time_ns, list(values.values()))
    return made.recording()


def waves(first: int, count: int, rate: float = 50.0, *, offset_ns: int = 0) -> Recording:
    """Acceleration whose sample i of a common grid has the value i / 1e5."""
    made = Gathered("watch", zone="UTC")
    number = np.arange(first, first + count)
    values = np.stack([number / 1e5, -number / 1e5, np.ones(count)], axis=1)
    start = START + round(first * SECOND_NS / rate) + offset_ns
    made.blocks("acceleration", [(start, rate, values)], axes=("x", "y", "z"), limits=(-8, 8))
    return made.recording()


def heart(store: Store) -> dict[int, float]:
    (recording,) = store.recordings()
    rows = recording.channels["heart_rate"]
    assert isinstance(rows, Series)
    seconds = (rows.time_ns - START) // SECOND_NS
    return dict(zip(seconds.tolist(), rows.value.tolist(), strict=True))


def acceleration(store: Store) -> Waveform:
    (recording,) = store.recordings()
    found = recording.channels["acceleration"]
    assert isinstance(found, Waveform)
    return found


def same(one: Recording, other: Recording) -> None:
    assert list(one.channels) == list(other.channels)
    facts = ("source", "device_class", "zone", "findings", "person")
    assert all(getattr(one, fact) == getattr(other, fact) for fact in facts)
    for channel, again in zip(one.channels.values(), other.channels.values(), strict=True):
        assert type(channel) is type(again) and channel.kind == again.kind
        if isinstance(channel, Series) and isinstance(again, Series):
            for column in ("time_ns", "until_ns", "value", "offset_minutes"):
                np.testing.assert_array_equal(getattr(channel, column), getattr(again, column))
                assert getattr(channel, column).dtype == getattr(again, column).dtype
            assert channel.names == again.names
        if isinstance(channel, Waveform) and isinstance(again, Waveform):
            assert (channel.axes, channel.limits, channel.nominal_rate_hz) == (
                again.axes, again.limits, again.nominal_rate_hz
            )  # fmt: skip
            assert len(channel.segments) == len(again.segments)
            for segment, stored in zip(channel.segments, again.segments, strict=True):
                assert (segment.start_ns, segment.rate_hz) == (stored.start_ns, stored.rate_hz)
                np.testing.assert_array_equal(segment.values, stored.values)
                assert stored.values.dtype == np.float32


def rich() -> Recording:
    """Every shape of channel, with masked values, gaps, categories, spans and findings."""
    made = Gathered("everything", "watch", "Europe/Berlin", person="P07")
    seconds = np.arange(40)
    made.series("heart_rate", START + seconds * SECOND_NS, [*range(60, 99), 500], offset_minutes=60)
    nights = START + seconds * 300 * SECOND_NS
    made.series("sleep_stage", nights, seconds % 5, until_ns=nights + 300 * SECOND_NS)
    made.series("activity", nights, seconds % 2, until_ns=nights + 1, names=("walk", "run"))
    many = np.random.default_rng(1).normal(size=(PART_SAMPLES + 7, 3))
    blocks = [(START, 50.0, many), (START + 10**13, 50.0, many[:9])]
    made.blocks("acceleration", blocks, axes=("x", "y", "z"), nominal_rate_hz=50, limits=(-4, 4))
    made.blocks("ecg", [(START, 128.0, np.array([1.0, np.nan, 99, 2]))], name="ecg:V5")
    return made.recording()
