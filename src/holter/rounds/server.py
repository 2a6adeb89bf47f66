"""The coordinator's part in one round: collect, close, and either a mean or a reason.

    begin -> Collecting --join, receive--> ... --close (five times)--> Closed
                                                     or, at any close, Abandoned

The driver (a simulator or a service) carries messages and decides when a phase is over;
this machine knows no clock. An abandoned round revealed nothing and changes no model.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from holter.algebra.ring import Words
from holter.crypto.signature import SigningKey
from holter.rounds.plan import Plan
from holter.secagg import errors
from holter.secagg import server as secagg
from holter.secagg.roster import CheckCredential
from holter.secagg.session import Session

PHASES = ("joining", "sharing", "masking", "endorsing", "unmasking")


@dataclass(frozen=True)
class Collecting:
    """A round under way. ``faults``: what was refused from clients, in words without names."""

    plan: Plan
    protocol: secagg.State
    check_credential: CheckCredential = field(repr=False)
    faults: tuple[str, ...] = ()

    @property
    def phase(self) -> str:
        """Which messages are awaited."""
        match self.protocol:
            case secagg.Joining():
                return PHASES[0]
            case secagg.Sharing():
                return PHASES[1]
            case secagg.Masking():
                return PHASES[2]
            case secagg.Endorsing():
                return PHASES[3]
            case secagg.Unsealing():
                return PHASES[4]

    def index_of(self, device_key: bytes) -> int | None:
        """Where a device stands on the roster; None before it is fixed, or if it is not on it."""
        match self.protocol:
            case secagg.Joining():
                return None
            case secagg.Sharing(roster=roster):
                pass
            case secagg.Masking(before=before):
                roster = before.roster
            case secagg.Endorsing(before=masking):
                roster = masking.before.roster
            case secagg.Unsealing(before=endorsing):
                roster = endorsing.before.before.roster
        keys = [row.device_key for row in roster.rows]
        return keys.index(device_key) if device_key in keys else None


@dataclass(frozen=True)
class Closed:
    """The round's exact sum and its counts. ``result``: M9 for every survivor."""

    words: Words
    on_roster: int
    survivors: int
    threshold: int
    result: bytes


@dataclass(frozen=True)
class Abandoned:
    """No sum. Nothing was revealed; ``phase`` and ``reason`` say what was missing."""

    phase: str
    reason: str


def begin(plan: Plan, session: Session, key: SigningKey, check: CheckCredential) -> Collecting:
    """A round that awaits advertisements."""
    return Collecting(plan, secagg.Joining(session, key), check)


def join(state: Collecting, message: bytes) -> Collecting:
    """M0 of a device. A refused one is noted and changes nothing else."""
    if not isinstance(state.protocol, secagg.Joining):
        return _noted(state, "an advertisement came after the roster was fixed")
    try:
        protocol = secagg.join(state.protocol, message, state.check_credential)
    except errors.PeerFault as fault:
        return _noted(state, str(fault))
    return replace(state, protocol=protocol)


def receive(state: Collecting, sender: int, message: bytes) -> Collecting:
    """A later message of the client at roster index ``sender``. Refusals are noted."""
    try:
        return replace(state, protocol=secagg.receive(state.protocol, sender, message))
    except errors.PeerFault as fault:
        return _noted(state, str(fault))


def _noted(state: Collecting, fault: str) -> Collecting:
    return replace(state, faults=(*state.faults, fault))


def close(state: Collecting) -> tuple[Collecting | Closed | Abandoned, secagg.Outbox]:
    """End the phase: what to send to whom, by roster index; or how the round ended."""
    try:
        match state.protocol:
            case secagg.Joining() as joining:
                following, outbox = secagg.close_joining(joining)
                return replace(state, protocol=following), outbox
            case secagg.Sharing() as sharing:
                masking, outbox = secagg.close_sharing(sharing)
                return replace(state, protocol=masking), outbox
            case secagg.Masking() as collecting:
                endorsing, outbox = secagg.close_masking(collecting)
                return replace(state, protocol=endorsing), outbox
            case secagg.Endorsing() as endorsements:
                unsealing, outbox = secagg.close_endorsing(endorsements)
                return replace(state, protocol=unsealing), outbox
            case secagg.Unsealing() as unsealing:
                summed, result = secagg.close_unmasking(unsealing)
                closed = Closed(
                    summed.words,
                    len(summed.roster),
                    len(summed.survivors),
                    summed.threshold,
                    result,
                )
                return closed, dict.fromkeys(sorted(summed.survivors), result)
    except errors.Abandoned as reason:
        return Abandoned(state.phase, str(reason)), {}
