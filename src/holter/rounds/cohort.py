"""Who is asked: a random subset each round in which no device's limits are passed.

Among the devices that may be asked, those asked least often come first and chance decides
between equals, so that participations stay even and the last rounds still find people.
Chance is a hash of a public beacon and the device, so a device can recompute its own place.
Epsilon is computed from the limits held here, never from a sampling rate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from holter.crypto import labels


@dataclass(frozen=True)
class Participation:
    """What selection remembers of each device: how often it was asked, and when last.

    devices are numbered 0..people-1. Asking counts, whether or not the device answered.
    """

    people: int
    max_participations: int
    min_separation: int
    times: Mapping[int, int] = field(default_factory=dict)
    last: Mapping[int, int] = field(default_factory=dict)

    def may_be_asked(self, device: int, round_number: int) -> bool:
        """Whether one more participation in ``round_number`` stays within both limits."""
        if self.times.get(device, 0) >= self.max_participations:
            return False
        previous = self.last.get(device)
        return previous is None or round_number - previous >= self.min_separation

    def after(self, chosen: tuple[int, ...], round_number: int) -> Participation:
        """With everyone in ``chosen`` counted."""
        times, last = dict(self.times), dict(self.last)
        for device in chosen:
            times[device] = times.get(device, 0) + 1
            last[device] = round_number
        return replace(self, times=times, last=last)

    @property
    def most(self) -> int:
        """Participations of the device asked most often."""
        return max(self.times.values(), default=0)


def choose(
    state: Participation, round_number: int, count: int, *, beacon: bytes
) -> tuple[int, ...]:
    """Up to ``count`` devices for the round, in random order. beacon: public, fixed beforehand.

    Fewer come back only where fewer may be asked at all.
    """
    eligible = [d for d in range(state.people) if state.may_be_asked(d, round_number)]
    ranked = sorted(eligible, key=lambda d: (state.times.get(d, 0), _lot(beacon, round_number, d)))
    return tuple(sorted(ranked[:count], key=lambda d: _lot(beacon, round_number, d)))


def _lot(beacon: bytes, round_number: int, device: int) -> bytes:
    numbers = round_number.to_bytes(8, "big") + device.to_bytes(8, "big")
    return hashlib.sha256(labels.SELECTION + beacon + numbers).digest()
