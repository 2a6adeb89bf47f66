"""The sums of one simulated round: directly, and for the first rounds message by message too.

Where a round goes through the protocol it is computed directly as well, and the two must be equal
word for word. Cohorts beyond one session are split into groups by key and beacon; each group is a
round of its own, and their sums are added later as plain integers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from holter.crypto.signature import SigningKey
from holter.learning.model import Vector
from holter.privacy.device_ledger import DeviceLedger
from holter.rounds.groups import group_of
from holter.rounds.plan import Plan
from holter.rounds.server import Seating
from holter.rounds.study import Study
from holter.secagg.session import SESSION_ID_BYTES, Session
from holter.simulator import direct, loop, uploads
from holter.simulator.dice import SeededSource, key
from holter.simulator.direct import Circle
from holter.simulator.loop import Carried, Parties, Updates
from holter.simulator.outcome import Outcome, Traffic, together
from holter.simulator.population import Fate, Registrar

Fates = Mapping[int, Fate]
Ledgers = Mapping[int, DeviceLedger]


class NotEqual(AssertionError):
    """The protocol's sum and the direct sum differ: a fault of holter, never of a study."""


@dataclass(frozen=True)
class Sums:
    """One round of one training. parameters: the model that it starts from. clip: its bound."""

    study: Study
    plan: Plan
    fold: int
    number: int
    parameters: Vector
    clip: float

    @property
    def through(self) -> bool:
        """Whether this round goes through the protocol, message by message."""
        first = self.number <= self.study.simulation.protocol_rounds
        return first and self.plan.protocol != "plain"

    def of(
        self, updates: Updates, fates: Fates, ledgers: Ledgers
    ) -> tuple[Outcome, Traffic | None]:
        """The outcome, and the traffic of a round that went through. Raises NotEqual."""
        outcomes, traffic = [], None
        for group, members in self._groups(fates).items():
            own = {device: ledgers[device] for device in members}
            circle = self._circle_for(group)
            if self.through:
                carried = self._carry(group, updates, members, own)
                traffic = traffic or carried.traffic
                if carried.seating is not None:
                    circle = _circle_of(carried.seating, self._keys(members))
            outcome = direct.add(
                self.plan,
                self.number,
                updates,
                members,
                own,
                self._source_of,
                circle,
                clip=self.clip,
            )
            if self.through and not carried.outcome.equals(outcome):
                raise NotEqual(f"round {self.number}: the protocol's sum is not the direct sum")
            outcomes.append(outcome)
        return together(outcomes, ledgers), traffic

    def _source_of(self, device: int) -> SeededSource:
        if device < 0:  # the helper's and the leader's
            return SeededSource(self._key("central", -device))
        return SeededSource(self._key("contribution", device))

    def _key(self, purpose: str, *numbers: int) -> bytes:
        return key(self.study.study.seed, purpose, self.fold, self.number, *numbers)

    def _keys(self, devices: Collection[int]) -> dict[bytes, int]:
        seed = self.study.study.seed
        return {SigningKey(key(seed, "device", device)).public: device for device in devices}

    @property
    def _beacon(self) -> bytes:
        return self._key("groups")

    def _groups(self, fates: Fates) -> dict[int, Fates]:
        groups = self.plan.groups
        if groups == 1:
            return {0: fates}
        found: dict[int, dict[int, Fate]] = {group: {} for group in range(groups)}
        for public, device in self._keys(fates).items():
            found[group_of(public, self._beacon, groups)][device] = fates[device]
        return {group: members for group, members in found.items() if members}

    def _circle_for(self, group: int) -> direct.CircleOf:
        sid = self._key("sid", group)
        return lambda devices: Circle.drawn(self.plan, devices, sid)

    def _carry(self, group: int, updates: Updates, fates: Fates, ledgers: Ledgers) -> Carried:
        seed, plan = self.study.study.seed, self.plan
        parties = Parties(SigningKey(key(seed, "server")), Registrar(seed).enrol(list(fates)))
        task_id = self.study.study.name.encode()
        session_id = self._key("session")[:SESSION_ID_BYTES]
        model_hash = hashlib.sha256(self.parameters.tobytes()).digest()
        if plan.protocol == "one-upload":
            return uploads.carry(
                plan,
                session_id,
                task_id,
                model_hash,
                self.number,
                updates,
                fates,
                ledgers,
                parties,
                self._source_of,
                lambda purpose, helper: self._key(purpose, helper),
                clip=self.clip,
            )
        session = Session(
            task_id=task_id,
            session_id=session_id,
            model_hash=model_hash,
            plan_hash=plan.hash,
            server_public=parties.server_key.public,
            bounds=plan.bounds,
            group=group,
        )
        return loop.carry(
            plan,
            session,
            self.number,
            updates,
            fates,
            ledgers,
            parties,
            self._source_of,
            beacon=self._beacon,
            clip=self.clip,
        )


def _circle_of(seating: Seating, devices: Mapping[bytes, int]) -> direct.CircleOf:
    """The graph that the protocol really drew, by device."""
    order = [devices[public] for public in seating.device_keys]
    return lambda _: Circle.seated(order, seating.neighbours, seating.threshold)
