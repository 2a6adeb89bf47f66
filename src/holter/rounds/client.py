"""A device's part in one round: train first, aggregate later.

The update is already trained when ``join`` is called; no message waits for training. The
plan and the device's own ledger are checked before anything leaves, and the charge is made
durable before the masked vector's record is, and both before it is sent. A device that may not
take part raises Refused before it has said a word: to the server that looks like being away.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from holter.algebra.ring import Words
from holter.crypto.signature import SigningKey
from holter.privacy.device_ledger import DeviceLedger
from holter.privacy.source import Source
from holter.rounds.acceptance import DevicePolicy, check_plan, check_source
from holter.rounds.groups import group_of
from holter.rounds.pipeline import ClientUpdate, contribution
from holter.rounds.plan import Plan
from holter.secagg import client as secagg
from holter.secagg import client_states
from holter.secagg.errors import Caller
from holter.secagg.roster import CheckCredential
from holter.secagg.session import Session


@dataclass(frozen=True)
class Identity:
    """Who a device is: its signing key, its credential, and how it checks others'."""

    key: SigningKey
    credential: bytes
    check_credential: CheckCredential = field(repr=False)


@dataclass(frozen=True)
class Say:
    """Make the line durable, then the record, then send ``message``. Never the other way round.

    ledger_line: to append to the device's ledger (``device.vault``); empty but with the masked
    vector (M4): a crash between line and record wastes a charge and leaks nothing. record:
    to append to the session's records, from which ``secagg.client.recover`` resends.
    """

    ledger_line: bytes
    record: bytes = field(repr=False)
    message: bytes = field(repr=False)


@dataclass(frozen=True)
class Taking:
    """A device in a round: where its protocol machine stands, and its held contribution."""

    plan_hash: str
    round_number: int
    identity: Identity
    ledger: DeviceLedger
    words: Words = field(repr=False)
    protocol: Protocol


@dataclass(frozen=True)
class Finished:
    """The round is over for this device; its secrets are gone. ``digest``: of the sum."""

    ledger: DeviceLedger
    digest: bytes


Protocol: TypeAlias = (
    client_states.Advertised
    | client_states.Shared
    | client_states.Sent
    | client_states.Endorsed
    | client_states.Released
)


def join(
    plan: Plan,
    session: Session,
    round_number: int,
    identity: Identity,
    ledger: DeviceLedger,
    update: ClientUpdate,
    *,
    beacon: bytes,
    clip: float,
    minute: int,
    policy: DevicePolicy,
    source: Source,
) -> tuple[Taking, Say]:
    """Check plan and ledger, prepare the contribution, advertise (M0).

    beacon: of the round, public; it decides which of several groups this device is summed in.
    clip: of the round, public. ledger: of this device, which has joined the plan's campaign.
    minute: now, in minutes since 1970. policy: what this device accepts, compiled into it.
    The noise is drawn here, whole, before the first message, so that the time it takes tells
    nothing. Raises PlanRefused, SimulatedRandomness, contract.Refused, NotFinite.
    """
    check_source(source, policy)
    check_plan(plan, policy)
    if session.plan_hash != plan.hash or session.bounds != plan.bounds:
        raise Caller("the session is not of this plan")
    if session.group != group_of(identity.key.public, beacon, plan.groups):
        raise Caller("the session is of another group than the beacon puts this device in")
    ledger.check(plan.hash.hex(), round_number, minute)
    words = contribution(update, plan, round_number, clip=clip, source=source)
    random = source.read(secagg.ADVERTISE_RANDOM_BYTES)
    advertised, step = secagg.advertise(session, identity.key, identity.credential, random=random)
    state = Taking(plan.hash.hex(), round_number, identity, ledger, words, advertised)
    return state, Say(b"", step.record, step.message)


def receive(
    state: Taking, message: bytes, *, minute: int, source: Source
) -> tuple[Taking | Finished, Say | None]:
    """One message of the coordinator, whichever is due; the answer, except after the last.

    minute: now, for the charge. Raises CoordinatorFault, or contract.Refused where the ledger
    declines after all: leave the session, forget the state.
    """
    match state.protocol:
        case client_states.Advertised() as advertised:
            seated = secagg.accept_roster(advertised, message, state.identity.check_credential)
            random = source.read(secagg.share_random_bytes(seated))
            return _next(state, state.ledger, b"", *secagg.share(seated, random=random))
        case client_states.Shared() as shared:
            opened = secagg.accept_inbox(shared, message)
            # The charge comes with the vector, and is durable first: spent before it is sent.
            ledger, line = state.ledger.charge(state.plan_hash, state.round_number, minute)
            return _next(state, ledger, line, *secagg.mask(opened, state.words))
        case client_states.Sent() as sent:
            return _next(state, state.ledger, b"", *secagg.endorse(sent, message))
        case client_states.Endorsed() as endorsed:
            return _next(state, state.ledger, b"", *secagg.unmask(endorsed, message))
        case client_states.Released() as released:
            return Finished(state.ledger, secagg.accept_result(released, message).sum_hash), None


def _next(
    state: Taking, ledger: DeviceLedger, line: bytes, protocol: Protocol, step: client_states.Step
) -> tuple[Taking, Say]:
    following = replace(state, ledger=ledger, protocol=protocol)
    return following, Say(line, step.record, step.message)
