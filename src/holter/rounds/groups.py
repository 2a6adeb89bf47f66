"""Cohorts beyond one session: groups that are summed beside each other.

Which group a device belongs to follows from its key and a public beacon, never from the
coordinator's wish, so it cannot gather its friends around one device. Group sizes then differ
by chance, and every count is taken with room for it. Each group carries all the noise, since
each group's sum is seen: G groups cost sqrt(G) in the noise of their total.

Source: docs/protocol.md section 2; design of the protocol, section 1.2.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

from holter.crypto import labels
from holter.secagg.session import SESSION_LIMIT

BEACON_BYTES = 32
_SPREAD = 6  # standard deviations of a group's size: beyond, one cohort in 10^8 groups is cut


@dataclass(frozen=True)
class Groups:
    """count: how many. smallest..largest: clients in one, but for one case in 10^8."""

    count: int
    smallest: int
    largest: int

    def most_of(self, total: int) -> int:
        """The most of ``total`` clients that may fall into one group."""
        if self.count == 1:
            return total
        mean = total / self.count
        return min(total, math.ceil(mean + _SPREAD * math.sqrt(mean)))

    def least_of(self, total: int) -> int:
        """The fewest of ``total`` clients that may fall into one group."""
        if self.count == 1:
            return total
        mean = total / self.count
        return max(0, math.floor(mean - _SPREAD * math.sqrt(mean)))


def groups_for(asked: int) -> Groups:
    """The fewest groups for a cohort of ``asked`` such that each fits one session."""
    if asked <= SESSION_LIMIT:
        return Groups(1, asked, asked)
    count = 2
    while asked / count + _SPREAD * math.sqrt(asked / count) > SESSION_LIMIT:
        count += 1
    mean = asked / count
    spread = _SPREAD * math.sqrt(mean)
    return Groups(count, math.floor(mean - spread), math.ceil(mean + spread))


def group_of(device_key: bytes, beacon: bytes, groups: int) -> int:
    """The group of a device this round. beacon: BEACON_BYTES, public and fixed beforehand."""
    if groups == 1:
        return 0
    lot = hashlib.sha256(labels.GROUP + beacon + device_key).digest()
    return int.from_bytes(lot[:8], "big") % groups
