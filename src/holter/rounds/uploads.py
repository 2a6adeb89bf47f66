"""One upload in a round: the device's one step, and the leader's four with its helpers.

Device: ``contribute`` and be gone. Leader and helpers: the machines of ``secagg.upload`` do the
work; here stand the plan's window and the central noise, which needs the plan's grid.
"""

from __future__ import annotations

from holter.crypto.hpke import Suite
from holter.crypto.signature import SigningKey
from holter.privacy.device_ledger import DeviceLedger
from holter.privacy.source import Source
from holter.rounds.acceptance import DevicePolicy, check_plan, check_source
from holter.rounds.client import Identity, Say
from holter.rounds.pipeline import ClientUpdate, contribution
from holter.rounds.plan import Plan
from holter.secagg.errors import Caller
from holter.secagg.upload import client
from holter.secagg.upload.window import Window

SUITES = {"x25519": Suite.X25519, "ml-kem-768-x25519": Suite.HYBRID}  # aggregation.seal


def window_of(
    plan: Plan,
    window_id: bytes,
    *,
    task_id: bytes,
    model_hash: bytes,
    leader: SigningKey,
    helpers: tuple[bytes, ...],
) -> Window:
    """The window of one round under the plan. helpers: identity keys, as many as the plan says."""
    if len(helpers) != plan.helpers:
        raise Caller(f"the plan has {plan.helpers} helpers, not {len(helpers)}")
    return Window(
        task_id,
        window_id,
        model_hash,
        plan.hash,
        leader.public,
        helpers,
        SUITES[plan.seal],
        plan.limits,
        central_noise=plan.mode == "central",
    )


def contribute(
    plan: Plan,
    window: Window,
    round_number: int,
    identity: Identity,
    ledger: DeviceLedger,
    update: ClientUpdate,
    *,
    offers: tuple[bytes, ...],
    expires_minute: int,
    minute: int,
    clip: float,
    policy: DevicePolicy,
    source: Source,
) -> tuple[DeviceLedger, Say]:
    """The device's only message in this round; the ledger is charged with it.

    clip: of the round, public. policy: what this device accepts. Raises PlanRefused,
    SimulatedRandomness, contract.Refused, NotFinite, HelperFault.
    """
    check_source(source, policy)
    check_plan(plan, policy)
    if window.plan_hash != plan.hash or window.limits != plan.limits:
        raise Caller("the window is not of this plan")
    ledger.check(plan.hash.hex(), round_number, minute)
    words = contribution(update, plan, round_number, clip=clip, source=source)
    random = source.read(client.random_bytes_needed(window))
    step = client.report(
        window,
        offers,
        identity.key,
        identity.credential,
        words,
        expires_minute=expires_minute,
        minute=minute,
        random=random,
    )
    charged, line = ledger.charge(plan.hash.hex(), round_number, minute)
    return charged, Say(line, step.record, step.message)
