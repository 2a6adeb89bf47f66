"""The clear loop: one round, every message of every device, through real bytes and real keys.

Slow and plain: this is the documentation of a round and the reference that the direct sum
is compared with. It plays the network and the clock; the machines in ``rounds`` do the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from holter.crypto.signature import SigningKey
from holter.privacy.device_ledger import DeviceLedger
from holter.rounds import client, server
from holter.rounds.acceptance import SIMULATION
from holter.rounds.client import Identity
from holter.rounds.pipeline import ClientUpdate
from holter.rounds.plan import Plan
from holter.secagg.errors import CoordinatorFault
from holter.secagg.session import Session
from holter.simulator.dice import SeededSource
from holter.simulator.outcome import Outcome, Traffic
from holter.simulator.population import MINUTE, Fate

Updates = Mapping[int, ClientUpdate]


@dataclass(frozen=True)
class Parties:
    """The coordinator's key, and how devices are known."""

    server_key: SigningKey
    identities: Mapping[int, Identity]


@dataclass(frozen=True)
class Carried:
    """What came of a round. seating: the roster with its graph, once there was one."""

    outcome: Outcome
    traffic: Traffic | None
    seating: server.Seating | None


def carry(
    plan: Plan,
    session: Session,
    round_number: int,
    updates: Updates,
    fates: Mapping[int, Fate],
    ledgers: Mapping[int, DeviceLedger],
    parties: Parties,
    source_of: Callable[[int], SeededSource],
    *,
    beacon: bytes,
    clip: float,
) -> Carried:
    """Carry one whole round. updates: by device, for every device that is not away.

    A device whose client machine refuses (CoordinatorFault) is lost, as one that vanishes.
    """
    check = next(iter(parties.identities.values())).check_credential
    state: server.Collecting | server.Closed | server.Abandoned
    state = server.begin(plan, session, parties.server_key, check)
    current = dict(ledgers)
    seating: server.Seating | None = None
    taking: dict[int, client.Taking] = {}
    sources = {device: source_of(device) for device in fates}
    sent: dict[int, int] = {}
    got: dict[int, int] = {}
    for device, fate in fates.items():
        if fate < Fate.ADVERTISED:
            continue
        taking[device], say = client.join(
            plan,
            session,
            round_number,
            parties.identities[device],
            current[device],
            updates[device],
            beacon=beacon,
            clip=clip,
            minute=MINUTE,
            policy=SIMULATION,
            source=sources[device],
        )
        state = server.join(state, say.message)
        sent[device], got[device] = len(say.message), 0
    for delivered in range(Fate.SHARED, Fate.COMPLETE + 1):
        state, outbox = server.close(state, minute=MINUTE)
        if isinstance(state, server.Abandoned):
            return Carried(Outcome((), state.reason, 0, len(fates), current), None, seating)
        assert isinstance(state, server.Collecting)
        seating = seating or state.seating
        seats = {state.index_of(parties.identities[d].key.public): d for d in taking}
        for seat, message in outbox.items():
            if seat not in seats:
                continue  # vanished before: nobody is there to hear it
            device = seats[seat]
            if fates[device] < delivered:
                del taking[device]
                continue
            try:
                following, reply = client.receive(
                    taking[device], message, minute=MINUTE, source=sources[device]
                )
            except CoordinatorFault:
                taking.pop(device)
                continue
            assert isinstance(following, client.Taking) and reply is not None
            taking[device], current[device] = following, following.ledger
            state = server.receive(state, seat, reply.message)
            sent[device] += len(reply.message)
            got[device] += len(message)
    state, outbox = server.close(state, minute=MINUTE)
    if isinstance(state, server.Abandoned):
        return Carried(Outcome((), state.reason, 0, len(fates), current), None, seating)
    assert isinstance(state, server.Closed)
    for device in [seats[seat] for seat in outbox if seats.get(seat) in taking]:
        finished, _ = client.receive(
            taking[device], state.result, minute=MINUTE, source=sources[device]
        )
        current[device] = finished.ledger
        got[device] += len(state.result)
    lost = len(fates) - state.survivors
    outcome = Outcome((state.words,), None, state.survivors, lost, current)
    whole = list(taking)
    traffic = Traffic(
        round(sum(sent[d] for d in whole) / len(whole)),
        round(sum(got[d] for d in whole) / len(whole)),
        state.threshold,
        state.on_roster,
    )
    return Carried(outcome, traffic, seating)
