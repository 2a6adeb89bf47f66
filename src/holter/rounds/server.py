"""The coordinator's part in one round: collect, close, and either a mean or a reason.

    begin -> Collecting --join, receive--> ... --close (five times)--> Closed
                                                     or, at any close, Abandoned

The driver (a simulator or a service) carries messages and decides when a phase is over;
this machine knows no clock. An abandoned round revealed nothing and changes no model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from holter.algebra.ring import Words
from holter.crypto.signature import SigningKey
from holter.rounds.plan import Plan
from holter.secagg import errors
from holter.secagg import server as secagg
from holter.secagg.masking import AddUp
from holter.secagg.roster import CheckCredential
from holter.secagg.session import Session
from holter.wire.cbor import Value, encode

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

    @property
    def seating(self) -> Seating | None:
        """The roster with its graph; None before it is fixed."""
        sharing = _sharing(self.protocol)
        if sharing is None:
            return None
        return Seating(sharing.roster.device_keys, sharing.neighbours, sharing.threshold)

    def index_of(self, device_key: bytes) -> int | None:
        """Where a device stands on the roster; None before it is fixed, or if it is not on it."""
        sharing = _sharing(self.protocol)
        return None if sharing is None else sharing.roster.places.get(device_key)


@dataclass(frozen=True)
class Seating:
    """Device keys by roster index, each one's neighbours, and the threshold."""

    device_keys: tuple[bytes, ...]
    neighbours: tuple[tuple[int, ...], ...]
    threshold: int


def _sharing(protocol: secagg.State) -> secagg.Sharing | None:
    match protocol:
        case secagg.Joining():
            return None
        case secagg.Sharing():
            return protocol
        case secagg.Masking(before=before) | secagg.Endorsing(before=before):
            return _sharing(before)
        case secagg.Unsealing(before=endorsing):
            return _sharing(endorsing)


@dataclass(frozen=True)
class Closed:
    """The round's exact sum and its counts. ``result``: M9 for every survivor; ``transcript``:
    what it names. ``blamed``: how many clients provably lied; they are left out next time.
    """

    words: Words
    on_roster: int
    survivors: int
    threshold: int
    blamed: int
    result: bytes
    transcript: bytes


@dataclass(frozen=True)
class Abandoned:
    """No sum. Nothing was revealed; ``phase`` and ``reason`` say what was missing, ``blamed``
    which clients (roster indices) provably lied.
    """

    phase: str
    reason: str
    blamed: tuple[int, ...] = ()


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


Messages = Mapping[int, bytes]
"""Roster index -> message for that client."""


def close(
    state: Collecting, *, minute: int, add_up: AddUp | None = None
) -> tuple[Collecting | Closed | Abandoned, Messages]:
    """End the phase: what to send to whom, by roster index; or how the round ended.

    minute: now, in minutes since 1970, for the transcript. add_up: who adds the masks
    up that are left in the sum; None is this process.
    """
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
                summed = secagg.close_unmasking(
                    unsealing, minute=minute, accounting=accounting(state.plan), add_up=add_up
                )
                closed = Closed(
                    summed.words,
                    len(summed.roster),
                    len(summed.survivors),
                    summed.threshold,
                    len(summed.blamed),
                    summed.result,
                    summed.transcript,
                )
                return closed, dict.fromkeys(sorted(summed.survivors), summed.result)
    except errors.Abandoned as reason:
        return Abandoned(state.phase, str(reason), reason.blamed), {}


def accounting(plan: Plan) -> bytes:
    """What a transcript says of a sum's grid and noise, so that it can be accounted for later."""
    grid = plan.grid
    named: dict[int | str, Value] = {
        "mode": plan.mode,
        "lane_bits": grid.lane_bits,
        "norm_limit": grid.norm_limit,
        "share_variance": grid.share_variance,
        "correlated_variance": grid.correlated_variance,
        "honest_shares": plan.honest_shares,
    }
    return encode(named)
