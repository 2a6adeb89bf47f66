"""Virtual devices: their keys, their ledgers, and how far each gets in a round.

A device's fate in a round is how many of its five messages it delivers before it vanishes.
The model is simple: a device answers with probability ``availability``; one that answers
vanishes with probability ``dropout``, at a message drawn evenly.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from holter.crypto.signature import SigningKey
from holter.privacy.contract import Contract, Limits
from holter.privacy.device_ledger import DeviceLedger
from holter.rounds.client import Identity
from holter.simulator.dice import generator, key
from holter.trust import credential

TODAY = 20_000  # the simulation's day (days since 1970); it has no clock
MINUTE = TODAY * 24 * 60  # the same, in minutes
_EXPIRES = TODAY + 365


class Fate(IntEnum):
    """How many messages a device delivers: it vanishes before the next one."""

    AWAY = 0
    ADVERTISED = 1
    SHARED = 2
    SENT = 3
    ENDORSED = 4
    COMPLETE = 5


def fates(
    devices: Sequence[int],
    *,
    availability: float,
    dropout: float,
    seed: int,
    fold: int,
    round_number: int,
) -> dict[int, Fate]:
    """The fate of each asked device in this round."""
    drawn = {}
    for device in devices:
        dice = generator(seed, "fate", fold, round_number, device)
        answers, vanishes, where = dice.random(), dice.random(), dice.integers(1, 5)
        if answers >= availability:
            drawn[device] = Fate.AWAY
        else:
            drawn[device] = Fate(int(where)) if vanishes < dropout else Fate.COMPLETE
    return drawn


_NO_LIMIT = Limits(1 << 62, 1 << 62)  # 1e-9 rho: virtual devices have nothing to lose


def virtual_ledger(contract: Contract) -> DeviceLedger:
    """The ledger of any virtual device that has joined a study; unsigned, for it protects nobody.

    A what-if asks its few people far more often than its fleet would, and charges nothing.
    """
    opened, _ = DeviceLedger.opened(_NO_LIMIT, MINUTE)
    joined, _ = opened.join(contract, MINUTE)
    return joined


@dataclass(frozen=True)
class Registrar:
    """Issues the credentials of virtual devices; its key follows from the seed."""

    seed: int

    @property
    def _key(self) -> SigningKey:
        return SigningKey(key(self.seed, "registrar"))

    def enrol(self, devices: Sequence[int]) -> dict[int, Identity]:
        """An identity for each device, checked against this registrar alone."""
        issuer = self._key
        public = issuer.public

        @functools.cache  # devices remember verdicts; virtual ones of one round share the memory
        def check(message: bytes) -> bytes:
            found = credential.check(message, registrar_public=public, today=TODAY)
            return found.device_key

        identities = {}
        for device in devices:
            own = SigningKey(key(self.seed, "device", device))
            issued = credential.issue(issuer, credential.Credential(own.public, 1, _EXPIRES))
            identities[device] = Identity(own, issued, check)
        return identities
