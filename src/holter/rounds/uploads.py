"""One upload in a round: the device's one step, and the leader's four with its helpers.

Device: ``contribute`` and be gone. Leader and helpers: the machines of ``secagg.upload`` do the
work; here stand the plan's window and the central noise, which needs the plan's grid.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from holter.crypto.hpke import Suite
from holter.crypto.signature import SigningKey
from holter.privacy.ledger import DeviceLedger
from holter.privacy.source import Source
from holter.rounds.client import Identity, Say
from holter.rounds.pipeline import contribution
from holter.rounds.plan import Plan, check_plan
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
    update: npt.NDArray[np.float32],
    *,
    offers: tuple[bytes, ...],
    expires_minute: int,
    minute: int,
    device_floor: int,
    source: Source,
) -> tuple[DeviceLedger, Say]:
    """The device's only message in this round; the ledger is charged with it.

    Raises PlanRefused, privacy.ledger.Refused, privacy.clipping.NotFinite, HelperFault.
    """
    check_plan(plan, device_floor=device_floor)
    if window.plan_hash != plan.hash or window.limits != plan.limits:
        raise Caller("the window is not of this plan")
    ledger.check(round_number)
    words = contribution(update, plan, round_number, source=source)
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
    charged, line = ledger.charge(round_number)
    return charged, Say(line, step.record, step.message)
