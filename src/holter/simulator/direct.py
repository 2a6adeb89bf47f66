"""The fast driver: the same integers, added directly, noise shares included.

It takes the protocol's decisions from fates alone (who is in which set, whether a quorum and
enough shares exist) and adds each survivor's own contribution, drawn from the same stream
as in the clear loop. A test holds both equal, word for word and ledger for ledger, under
every pattern of loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from holter.algebra import ring
from holter.privacy.ledger import DeviceLedger
from holter.rounds.pipeline import contribution
from holter.rounds.plan import Plan
from holter.secagg.session import threshold
from holter.simulator.dice import SeededDice
from holter.simulator.loop import Updates
from holter.simulator.outcome import Outcome
from holter.simulator.population import Fate


def add(
    plan: Plan,
    round_number: int,
    updates: Updates,
    fates: Mapping[int, Fate],
    ledgers: Mapping[int, DeviceLedger],
    dice_of: Callable[[int], SeededDice],
) -> Outcome:
    """The outcome of a round without its messages."""
    for device, fate in fates.items():
        if fate >= Fate.ADVERTISED:
            ledgers[device].check(round_number)
    current = dict(ledgers)
    bounds = plan.bounds
    reached = {fate: [d for d in fates if fates[d] >= fate] for fate in Fate}
    roster = len(reached[Fate.ADVERTISED])
    needed = threshold(roster, bounds.colluders)

    def abandoned(reason: str) -> Outcome:
        return Outcome(None, reason, 0, len(fates), current)

    if roster < bounds.smallest_roster:
        return abandoned(f"{roster} clients advertised; {bounds.smallest_roster} are needed")
    shared = len(reached[Fate.SHARED])
    if shared < bounds.survivors_floor:
        return abandoned(
            f"{shared} clients shared their secrets; {bounds.survivors_floor} are needed"
        )
    survivors = reached[Fate.SENT]
    for device in survivors:
        current[device], _ = current[device].charge(round_number)
    if len(survivors) < bounds.survivors_floor:
        return abandoned(
            f"{len(survivors)} of {shared} vectors arrived; {bounds.survivors_floor} are needed"
        )
    endorsed = len(reached[Fate.ENDORSED])
    if endorsed < needed:
        return abandoned(f"{endorsed} clients endorsed the survivors; a quorum is {needed}")
    released = len(reached[Fate.COMPLETE])
    # A dealer holds no share of itself, so a survivor that released needs one holder more.
    if released - 1 < needed:
        return abandoned(f"too few shares of a client's secret were released; {needed} open it")
    words = ring.total(
        (
            contribution(updates[device], plan, round_number, dice=dice_of(device))
            for device in survivors
        ),
        bounds.words,
    )
    return Outcome(words, None, len(survivors), len(fates) - len(survivors), current)
