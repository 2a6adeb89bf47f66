"""The fast driver: the same integers, added directly, noise shares included.

It takes the protocol's decisions from fates and graph alone (who is in which set, whether a
quorum and enough shares exist) and adds each survivor's own contribution, drawn from the same
stream as in the clear loop. A test holds both equal, word for word and ledger for ledger, under
every pattern of loss.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from holter.algebra import ring
from holter.privacy.device_ledger import DeviceLedger
from holter.rounds.pipeline import central_noise, contribution
from holter.rounds.plan import Plan
from holter.secagg import finder
from holter.secagg.connectivity import quorum
from holter.secagg.graph import all_neighbours
from holter.simulator.dice import SeededSource
from holter.simulator.loop import Updates
from holter.simulator.outcome import Outcome
from holter.simulator.population import MINUTE, Fate

SourceOf = Callable[[int], SeededSource]
Ledgers = Mapping[int, DeviceLedger]

CircleOf = Callable[[Collection[int]], "Circle"]
"""Devices on a roster -> their graph."""

HELPER, LEADER = -1, -2  # whose dice: those of devices are 0, 1, ...


@dataclass(frozen=True)
class Circle:
    """Who masks with whom, by device, and how many shares open a secret."""

    around: Mapping[int, Collection[int]]
    threshold: int

    @classmethod
    def drawn(cls, plan: Plan, devices: Collection[int], sid: bytes) -> Circle:
        """The graph of a roster of ``devices``, from any ``sid``: as likely as the protocol's.

        Raises Infeasible where no graph bears what the plan demands of so many.
        """
        found = finder.for_roster(plan.bounds, len(devices))
        near = all_neighbours(sid, len(devices), found.cycles)
        return cls.seated(list(devices), near, found.threshold)

    @classmethod
    def seated(cls, order: Sequence[int], near: Sequence[Sequence[int]], threshold: int) -> Circle:
        """From roster indices to devices. order: the device at each index; near: its neighbours."""
        around = {device: frozenset(order[j] for j in near[i]) for i, device in enumerate(order)}
        return cls(around, threshold)

    def held_by(self, device: int, among: Collection[int]) -> int:
        """How many of ``among`` hold shares of the device's secrets."""
        return sum(peer in among for peer in self.around[device])


def add(
    plan: Plan,
    round_number: int,
    updates: Updates,
    fates: Mapping[int, Fate],
    ledgers: Ledgers,
    source_of: SourceOf,
    circle_of: CircleOf,
    *,
    clip: float,
) -> Outcome:
    """The outcome of a round without its messages, under the plan's protocol.

    circle_of: the graph of those who advertised, asked for only where there is one.
    """
    if plan.protocol == "secagg":
        ended = _secagg(plan, round_number, fates, ledgers, circle_of)
    else:
        ended = _uploads(plan, round_number, fates, ledgers)
    if isinstance(ended, Outcome):
        return ended
    survivors, current = ended
    return _summed(
        plan, round_number, updates, fates, sorted(survivors), current, source_of, clip=clip
    )


Survivors = tuple[Collection[int], Ledgers]
"""Whose contributions are summed, and every device's ledger afterwards."""


def _secagg(
    plan: Plan,
    round_number: int,
    fates: Mapping[int, Fate],
    ledgers: Ledgers,
    circle_of: CircleOf,
) -> Outcome | Survivors:
    for device, fate in fates.items():
        if fate >= Fate.ADVERTISED:
            ledgers[device].check(plan.hash.hex(), round_number, MINUTE)
    current = dict(ledgers)
    bounds = plan.bounds
    reached = {fate: frozenset(d for d in fates if fates[d] >= fate) for fate in Fate}
    roster = reached[Fate.ADVERTISED]

    def abandoned(reason: str) -> Outcome:
        return Outcome((), reason, 0, len(fates), current)

    if len(roster) < bounds.smallest_roster:
        return abandoned(f"{len(roster)} clients advertised; {bounds.smallest_roster} are needed")
    try:
        circle = circle_of(sorted(roster))
    except finder.Infeasible as error:
        return abandoned(f"no graph bears what the plan demands: {error}")
    floor = bounds.survivors_floor
    needed = quorum(len(roster), bounds.colluders)
    shared = reached[Fate.SHARED]
    if len(shared) < floor:
        return abandoned(f"{len(shared)} clients shared their secrets; {floor} are needed")
    # A client with too few neighbours in U2 leaves before it has charged anything.
    sent = frozenset(d for d in reached[Fate.SENT] if circle.held_by(d, shared) >= circle.threshold)
    for device in sent:
        current[device], _ = current[device].charge(plan.hash.hex(), round_number, MINUTE)
    if len(sent) < floor:
        return abandoned(f"{len(sent)} of {len(shared)} vectors arrived; {floor} are needed")
    survivors = _with_enough_holders(circle, sent)
    if len(survivors) < floor:
        return abandoned(
            f"only {len(survivors)} clients' secrets are held by enough others; {floor} are needed"
        )
    endorsed = len(survivors & reached[Fate.ENDORSED])
    if endorsed < needed:
        return abandoned(f"{endorsed} clients endorsed the survivors; a quorum is {needed}")
    released = survivors & reached[Fate.COMPLETE]
    if not _opens(circle, shared, survivors, released):
        return abandoned(
            f"too few shares of a client's secret were released; {circle.threshold} open it"
        )
    return survivors, current


def _with_enough_holders(circle: Circle, sent: frozenset[int]) -> frozenset[int]:
    survivors = sent
    while True:
        kept = frozenset(d for d in survivors if circle.held_by(d, survivors) >= circle.threshold)
        if kept == survivors:
            return kept
        survivors = kept


def _opens(
    circle: Circle, shared: frozenset[int], survivors: frozenset[int], released: frozenset[int]
) -> bool:
    """Whether every mask can be taken off with what was released."""
    if any(circle.held_by(d, released) < circle.threshold for d in survivors):
        return False
    silent = survivors - released
    for gone in shared - survivors:
        # An edge to a survivor that released is open; the others need the key of the one gone.
        disputed = any(peer in silent for peer in circle.around[gone])
        if disputed and circle.held_by(gone, released) < circle.threshold:
            return False
    return True


def _uploads(
    plan: Plan, round_number: int, fates: Mapping[int, Fate], ledgers: Ledgers
) -> Outcome | Survivors:
    """One upload, or plain: who uploaded is in the sum, whatever becomes of the device."""
    current = dict(ledgers)
    uploaded = sorted(d for d, fate in fates.items() if fate >= Fate.SENT)
    for device in uploaded:
        current[device], _ = current[device].charge(plan.hash.hex(), round_number, MINUTE)
    floor = plan.counts.survivors_floor
    if len(uploaded) < floor:
        reason = f"{len(uploaded)} devices reported; {floor} are needed"
        return Outcome((), reason, 0, len(fates), current)
    return uploaded, current


def _summed(
    plan: Plan,
    round_number: int,
    updates: Updates,
    fates: Mapping[int, Fate],
    survivors: Collection[int],
    current: Ledgers,
    source_of: SourceOf,
    *,
    clip: float,
) -> Outcome:
    contributions = (
        contribution(updates[device], plan, round_number, clip=clip, source=source_of(device))
        for device in survivors
    )
    words = ring.total(contributions, plan.counts.words)
    if plan.grid.central_variance:
        words = words + central_noise(plan, source=source_of(HELPER))
        words = words + central_noise(plan, source=source_of(LEADER))
    return Outcome((words,), None, len(survivors), len(fates) - len(survivors), current)
