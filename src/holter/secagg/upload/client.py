"""The device's machine: one report, and it is never needed again.

There is no answer to wait for and so nothing that a device could check about the cohort it is
summed in: that is what the helpers are for.

Source: docs/protocol.md section 6.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from holter.algebra.ring import Words, to_bytes
from holter.crypto import hpke, labels
from holter.crypto.agreement import BadKey, expand
from holter.crypto.prg import Adder
from holter.crypto.signature import SigningKey, verify
from holter.secagg import records
from holter.secagg.client_states import Step
from holter.secagg.errors import Caller, HelperFault
from holter.secagg.upload.messages import Claim, Offer, Report, public_bytes
from holter.secagg.upload.window import REPORT_ID_BYTES, SEED_BYTES, Window

RECORD = "report"


def random_bytes_needed(window: Window) -> int:
    """Random bytes for ``report``: an id and the seeds."""
    return REPORT_ID_BYTES + SEED_BYTES * window.seeds


def mask_key(seed: bytes) -> bytes:
    """The key of a seed's stream."""
    return expand(seed, info=labels.UPLOAD_MASK)


def read_offer(window: Window, helper: int, message: bytes, *, minute: int) -> Offer:
    """A helper's key for this window. Raises HelperFault if it is not its own, or is over."""
    try:
        public, context = window.helpers[helper], labels.UPLOAD_OFFER + window.context
        offer = Offer.parse(verify(message, public=public, context=context))
    except ValueError as error:
        raise HelperFault(f"helper {helper}'s offer fails: {error}") from None
    if (offer.helper, offer.suite) != (helper, window.suite):
        raise HelperFault(f"helper {helper} offers a key for something else")
    if len(offer.public) != public_bytes(window.suite):
        raise HelperFault(f"helper {helper} offers a key of the wrong length")
    if offer.closes_minute <= minute:
        raise HelperFault(f"helper {helper}'s key for this window is over")
    return offer


def report(
    window: Window,
    offers: Sequence[bytes],
    identity: SigningKey,
    credential: bytes,
    vector: Words,
    *,
    expires_minute: int,
    minute: int,
    random: bytes,
) -> Step:
    """The one message of a device. After its record is durable the update is spent.

    offers: of every helper, in order. vector: shape (limits.words,), uint64, noise included.
    random: ``random_bytes_needed(window)`` bytes from the operating system, used once; the seals
    draw their own from there too (``crypto.hpke``).
    """
    if len(random) != random_bytes_needed(window):
        raise Caller(f"{random_bytes_needed(window)} random bytes are needed, not {len(random)}")
    if vector.shape != (window.limits.words,) or vector.dtype != np.uint64:
        raise Caller(f"a vector of {window.limits.words} words, uint64, is needed")
    if len(offers) != len(window.helpers):
        raise Caller(f"{len(window.helpers)} offers are needed, not {len(offers)}")
    keys = [read_offer(window, j, offer, minute=minute) for j, offer in enumerate(offers)]
    report_id, device_key = random[:REPORT_ID_BYTES], identity.public
    places = range(REPORT_ID_BYTES, len(random), SEED_BYTES)
    seeds = [random[at : at + SEED_BYTES] for at in places]
    masked = vector.copy()
    adder = Adder(masked)
    for seed in seeds:
        adder.add(mask_key(seed))
    words = to_bytes(masked)
    seals = []
    for j, offer in enumerate(keys):
        info = window.seal_info(j, report_id, device_key)
        plain = b"".join(seeds[g] for g in window.held_by(j))
        try:
            seals.append(hpke.seal(window.suite, offer.public, plain, info=info))
        except BadKey as error:
            raise HelperFault(f"helper {j} offers {error}") from None
    commitments = tuple(
        window.commitment(device_key, report_id, g, seed) for g, seed in enumerate(seeds)
    )
    digest = hashlib.sha256(words).digest()
    claim = Claim(device_key, report_id, expires_minute, digest, commitments, tuple(seals))
    signed = identity.sign(claim.payload(), context=labels.UPLOAD_REPORT + window.context)
    message = Report(credential, signed, words).to_bytes()
    return Step(records.record(RECORD, window.context, message), message)
