"""One upload, message by message: devices, a leader and its helpers in one process.

The clear form of what ``direct`` adds at once. Helpers are machines with keys of their own; that
they stand in one process here is one more reason why a simulation protects nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from holter.crypto.hpke import PRIVATE_BYTES
from holter.crypto.signature import SigningKey
from holter.privacy.device_ledger import DeviceLedger
from holter.rounds.acceptance import SIMULATION
from holter.rounds.pipeline import central_noise
from holter.rounds.plan import Plan
from holter.rounds.uploads import SUITES, contribute, window_of
from holter.secagg.errors import Abandoned
from holter.secagg.upload import helper, leader
from holter.secagg.upload.helper import Helper
from holter.secagg.upload.window import QUORUM, Window
from holter.simulator.dice import SeededSource
from holter.simulator.direct import HELPER, LEADER
from holter.simulator.loop import Carried, Parties, Updates
from holter.simulator.outcome import Outcome, Traffic
from holter.simulator.population import MINUTE, Fate

_WINDOW_MINUTES = 60  # how long helpers' keys and reports are good for


def carry(
    plan: Plan,
    window_id: bytes,
    task_id: bytes,
    model_hash: bytes,
    round_number: int,
    updates: Updates,
    fates: Mapping[int, Fate],
    ledgers: Mapping[int, DeviceLedger],
    parties: Parties,
    source_of: Callable[[int], SeededSource],
    key_of: Callable[[str, int], bytes],
    *,
    clip: float,
) -> Carried:
    """Carry one whole window. key_of: 32 fresh bytes for a purpose and a helper."""
    identities = [SigningKey(key_of("helper", j)) for j in range(plan.helpers)]
    window = window_of(
        plan,
        window_id,
        task_id=task_id,
        model_hash=model_hash,
        leader=parties.server_key,
        helpers=tuple(identity.public for identity in identities),
    )
    helpers, offers = _opened(plan, window, identities, key_of)
    check = next(iter(parties.identities.values())).check_credential
    current = dict(ledgers)
    gathering = leader.Gathering(window, parties.server_key)
    sizes: list[int] = []
    for device, fate in fates.items():
        if fate < Fate.SENT:
            continue  # away, or gone before its one message
        current[device], say = contribute(
            plan,
            window,
            round_number,
            parties.identities[device],
            current[device],
            updates[device],
            offers=offers,
            expires_minute=MINUTE + _WINDOW_MINUTES,
            minute=MINUTE,
            clip=clip,
            policy=SIMULATION,
            source=source_of(device),
        )
        gathering = leader.gather(gathering, say.message, check, minute=MINUTE)
        sizes.append(len(say.message))
    try:
        summed, between = _sum(plan, gathering, helpers, parties, source_of)
    except Abandoned as reason:
        return Carried(Outcome((), str(reason), 0, len(fates), current), None, None)
    lost = len(fates) - summed.reports
    outcome = Outcome((summed.words,), None, summed.reports, lost, current)
    down = sum(len(offer) for offer in offers)
    needed = 1 if plan.helpers == 1 else QUORUM
    traffic = Traffic(round(sum(sizes) / len(sizes)), down, needed, len(sizes), between)
    return Carried(outcome, traffic, None)


def _opened(
    plan: Plan, window: Window, identities: list[SigningKey], key_of: Callable[[str, int], bytes]
) -> tuple[list[Helper], tuple[bytes, ...]]:
    helpers, offers = [], []
    length = PRIVATE_BYTES[SUITES[plan.seal]]
    for j, identity in enumerate(identities):
        private = b"".join(key_of(f"window {part}", j) for part in range(-(-length // 32)))
        machine, offer = helper.opened(
            window, j, identity, private[:length], closes_minute=MINUTE + _WINDOW_MINUTES
        )
        helpers.append(machine)
        offers.append(offer)
    return helpers, tuple(offers)


def _sum(
    plan: Plan,
    gathering: leader.Gathering,
    helpers: list[Helper],
    parties: Parties,
    source_of: Callable[[int], SeededSource],
) -> tuple[leader.UploadSum, int]:
    """The sum, and the bytes that passed between leader and helpers. Raises Abandoned."""
    check = next(iter(parties.identities.values())).check_credential
    central = plan.grid.central_variance > 0
    proposing, proposal = leader.propose(gathering)
    between = 0
    for j, machine in enumerate(helpers):
        helpers[j], verdict = helper.examine(machine, proposal, check, minute=MINUTE)
        proposing = leader.take_verdict(proposing, j, verdict)
        between += len(proposal) + len(verdict)
    listing, listed = leader.close_proposing(proposing)
    if len(helpers) > 1:
        for j, machine in enumerate(helpers):
            helpers[j], reply = helper.endorse(machine, listed, minute=MINUTE)
            listing = leader.take_signature(listing, j, reply.message)
            between += len(listed) + len(reply.message)
    answering, request = leader.close_listing(listing)
    for j, machine in enumerate(helpers):
        # The helper takes its noise off the masks, so that it is added to the sum.
        noise = central_noise(plan, source=source_of(HELPER)) if central else None
        helpers[j], reply = helper.answer(machine, request, minute=MINUTE, noise=noise)
        answering = leader.take_answer(answering, j, reply.message)
        between += len(request) + len(reply.message)
    own = central_noise(plan, source=source_of(LEADER)) if central else None
    return leader.close_answering(answering, noise=own), between
