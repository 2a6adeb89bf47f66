"""A recording: what one person's device recorded, with gaps as gaps. The values, no more.

Two shapes of channel. A ``Waveform`` is fast (acceleration, ECG): stretches without a gap, each
with its own start and the rate that its time stamps really show. A ``Series`` is slow (heart
rate, steps, stages of sleep): a table of moments or spans. Times are nanoseconds of UTC since
1970. ``gathering`` makes both from what a reader found; ``quality`` says what of it is usable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from holter.signals.kinds import KINDS

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
EARLIEST_NS = 315_532_800 * SECOND_NS  # 1980: no wearable is older, and clocks that were reset
LATEST_NS = 4_102_444_800 * SECOND_NS  # to 1970 or run ahead to 2100 are not believed

Times = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Finding:
    """Something odd that was masked or left out: what, how often, on which channel ("": all)."""

    what: str
    count: int
    channel: str = ""


@dataclass(frozen=True)
class Segment:
    """A stretch of samples without a gap in their times.

    values: shape (n, axes), float32; NaN where a sample is masked. Sample i was taken at
    ``start_ns + i / rate_hz`` seconds; the rate is measured where the source has time stamps.
    """

    start_ns: int
    rate_hz: float
    values: npt.NDArray[np.float32]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.values) / self.rate_hz

    @property
    def end_ns(self) -> int:
        """The moment after its last sample."""
        return self.start_ns + round(self.seconds * SECOND_NS)


@dataclass(frozen=True)
class Waveform:
    """A fast channel. Segments are in order of time and do not overlap.

    kind: of ``KINDS``. axes: ("x", "y", "z"), or one name such as ("",) or ("MLII",).
    nominal_rate_hz: what the device says of itself. limits: where the sensor saturates, in the
    kind's unit, if known.
    """

    kind: str
    axes: tuple[str, ...]
    segments: tuple[Segment, ...]
    nominal_rate_hz: float | None = None
    limits: tuple[float, float] | None = None

    @property
    def unit(self) -> str:
        """Unit of its values."""
        return KINDS[self.kind].unit

    @property
    def samples(self) -> int:
        """Samples of one axis, masked ones included."""
        return sum(len(segment.values) for segment in self.segments)

    @property
    def rate_hz(self) -> float:
        """The measured rate: samples over the time they took; 0 without samples."""
        seconds = sum(segment.seconds for segment in self.segments)
        return self.samples / seconds if seconds else 0.0

    @property
    def span_ns(self) -> tuple[int, int]:
        """First moment and the moment after the last; (0, 0) without samples."""
        if not self.segments:
            return 0, 0
        return self.segments[0].start_ns, self.segments[-1].end_ns


@dataclass(frozen=True)
class Series:
    """A slow channel: rows in order of time.

    time_ns, until_ns: shape (n,), int64; equal where a row is a moment. value: shape (n,),
    float64, in the kind's unit, NaN where masked; of a category the index in ``names``.
    offset_minutes: shape (n,), int16, local time minus UTC as the source said, for «which day».
    """

    kind: str
    time_ns: Times
    until_ns: Times
    value: npt.NDArray[np.float64]
    offset_minutes: npt.NDArray[np.int16]
    names: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """Unit of its values; "" for categories."""
        return KINDS[self.kind].unit

    @property
    def span_ns(self) -> tuple[int, int]:
        """First moment and last moment; (0, 0) without rows."""
        if not len(self.time_ns):
            return 0, 0
        return int(self.time_ns[0]), int(max(self.until_ns.max(), self.time_ns[-1]))

    @property
    def rate_hz(self) -> float:
        """One over the usual distance of rows (median); 0 with fewer than two moments."""
        steps = np.diff(self.time_ns)
        steps = steps[steps > 0]
        return SECOND_NS / float(np.median(steps)) if len(steps) else 0.0


Channel = Waveform | Series


@dataclass(frozen=True)
class Recording:
    """One person's recording from one source.

    channels: by name; the name is the kind, with a suffix where there are two of a kind
    ("ecg:V5"). source: the format and device in words, without serial numbers. device_class:
    band, watch, ring, "research wrist", chest strap, phone, laboratory, or "" (unknown). zone:
    IANA name, "UTC", or "" where the source gives wall-clock times and does not say of where.
    person: whose, where one file holds several people; it never leaves the device.
    """

    source: str
    device_class: str
    zone: str
    channels: Mapping[str, Channel]
    findings: tuple[Finding, ...] = ()
    person: str = field(default="", repr=False)

    @property
    def span_ns(self) -> tuple[int, int]:
        """From the first moment of any channel to the last; (0, 0) if all are empty."""
        spans = [channel.span_ns for channel in self.channels.values()]
        spans = [span for span in spans if span != (0, 0)]
        return (min(s for s, _ in spans), max(e for _, e in spans)) if spans else (0, 0)

    def of_kind(self, kind: str) -> tuple[Channel, ...]:
        """Its channels of a kind, in order."""
        return tuple(c for c in self.channels.values() if c.kind == kind)
