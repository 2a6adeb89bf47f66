"""Pieces of a fast channel -> segments: which blocks follow one another, which samples overlap.

What ``gathering`` needs of clocks that drift, are set back, or write stamps in bursts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holter.signals.recording import LATEST_NS, SECOND_NS, Segment

TOGETHER = 0.5  # samples that a block may begin early or late and still follow the one before
_DRIFT = 1e-3  # by which clocks of sensors really differ from their label; more is another rate
_BESIDE = 0.75  # usual steps: nearer to a sample of an earlier pass, a sample overlaps it
_ROUNDING = 0.01  # samples: stamps are written to some digit
_AT_ONCE = 1 << 20  # samples


@dataclass
class Stretch:
    """Blocks that follow one another at one stated rate."""

    rate_hz: float
    first_ns: int
    last_ns: int  # start of its last block
    blocks: list[npt.NDArray[np.float32]]
    before: int = 0  # samples before the last block

    @property
    def end_ns(self) -> int:
        return self.last_ns + round(len(self.blocks[-1]) * SECOND_NS / self.rate_hz)

    def follows(self, start_ns: int, rate_hz: float) -> bool:
        """Whether a block goes on where the last one ends, and the clock's drift is believable."""
        if rate_hz != self.rate_hz:
            return False
        apart = abs(start_ns - self.end_ns) * rate_hz / SECOND_NS
        samples = self.before + len(self.blocks[-1])
        wandered = abs((start_ns - self.first_ns) * rate_hz / SECOND_NS - samples)
        return apart <= TOGETHER and wandered <= TOGETHER + _DRIFT * samples

    def add(self, start_ns: int, values: npt.NDArray[np.float32]) -> None:
        self.before += len(self.blocks[-1])
        self.blocks.append(values)
        self.last_ns = start_ns

    def segment(self) -> Segment:
        """One segment; its rate is the measured one, once that is better known than the label."""
        rate = self.rate_hz
        if self.before:
            measured = self.before * SECOND_NS / (self.last_ns - self.first_ns)
            wandered = abs(measured / rate - 1) * self.before
            # Starts are written to some digit: less than a hundredth of a sample is rounding.
            rate = measured if wandered > 0.01 else rate
        joined = np.concatenate(self.blocks) if self.before else self.blocks[0]
        return Segment(self.first_ns, rate, joined)


def times_of(time_ns: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Times as int64, shape (n,); what does not fit (NaN, years 1 and 9999) is 0, so left out."""
    given = np.asarray(time_ns).reshape(-1)
    if given.dtype.kind in "iu" and given.dtype != np.uint64:
        return given.astype(np.int64)
    if not len(given):
        return np.zeros(0, dtype=np.int64)
    if given.dtype.kind == "O":  # whole numbers that do not fit 64 bits
        return np.array(
            [int(t) if abs(t) <= LATEST_NS else 0 for t in given],
            dtype=np.int64,
        )
    fits = np.abs(given) <= LATEST_NS  # False for NaN
    return np.where(fits, given, 0).astype(np.int64)


def apart_from_earlier(
    time: npt.NDArray[np.int64], passes: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Which samples stay where passes of a clock that was set back overlap: those of the earlier.

    time: rising. A sample with a neighbour of an earlier pass nearer than 0.75 usual steps goes.
    """
    keep = np.arange(len(time))
    # The usual step must come from within passes: where two overlap, steps are halved.
    by_pass = np.lexsort((time, passes))
    own = np.diff(time[by_pass])[np.diff(passes[by_pass]) == 0]
    usual = float(np.median(own)) if len(own) else 0.0
    while len(keep) > 1:
        near = np.diff(time[keep]) < _BESIDE * usual
        step = np.diff(passes[keep])
        drop = np.zeros(len(keep), dtype=bool)
        drop[1:] |= near & (step > 0)
        drop[:-1] |= near & (step < 0)
        if not drop.any():
            break
        keep = keep[~drop]
    result = np.zeros(len(time), dtype=bool)
    result[keep] = True
    return result


def evenly(
    time: npt.NDArray[np.int64], values: npt.NDArray[np.float32], *, bursts: bool
) -> Segment:
    """Samples with uneven steps -> the same number of samples at their own mean rate.

    Uneven stamps are when samples were taken, and values are interpolated between them; stamps
    that come in bursts are when packets arrived, and the samples are taken as even.
    """
    rate = (len(time) - 1) * SECOND_NS / float(time[-1] - time[0])
    if bursts or _wandering(time, rate) <= _ROUNDING:
        return Segment(int(time[0]), rate, values)
    even = np.empty_like(values)
    for low in range(0, len(time), _AT_ONCE):
        places = np.arange(low, min(low + _AT_ONCE, len(time)))
        wanted = places * (SECOND_NS / rate)  # nanoseconds from the first stamp
        begin, end = time[0] + int(wanted[0]), time[0] + int(wanted[-1])
        first = max(int(np.searchsorted(time, begin, side="right")) - 1, 0)
        last = min(int(np.searchsorted(time, end, side="left")) + 2, len(time))
        known = (time[first:last] - time[0]).astype(np.float64)
        for axis in range(values.shape[1]):
            even[places, axis] = np.interp(wanted, known, values[first:last, axis])
    return Segment(int(time[0]), rate, even)


def _wandering(time: npt.NDArray[np.int64], rate_hz: float) -> float:
    """How far stamps stray from an even rate at most, in samples."""
    most = 0.0
    for low in range(0, len(time), _AT_ONCE):
        part = time[low : low + _AT_ONCE]
        places = (part - time[0]) * (rate_hz / SECOND_NS)
        most = max(most, float(np.abs(places - np.arange(low, low + len(part))).max()))
    return most
