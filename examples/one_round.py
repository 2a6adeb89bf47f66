"""One whole round in under a hundred lines: from a client update to a published mean.

24 devices, 300 parameters, two devices lost on the way; real bytes under real keys. Only the
recordings are left out: the updates are drawn here. It protects nobody, because one process
holds every key. Read rounds/pipeline.py beside it.
"""

from __future__ import annotations

import os

import numpy as np

from holter.algebra.layout import Layout
from holter.crypto.signature import SigningKey
from holter.device.system_source import OperatingSystemSource
from holter.privacy.contract import LIFETIME_UNITS, Limits
from holter.privacy.device_ledger import DeviceLedger
from holter.rounds import client, server
from holter.rounds.acceptance import DEPLOYED
from holter.rounds.pipeline import ClientUpdate, mean_update
from holter.rounds.planning import make_plan
from holter.rounds.study import Study
from holter.secagg.session import Session
from holter.trust import credential

DEVICES, LOST = 24, (3, 11)

# 1. Both sides agree on a plan. Everything that limits anyone stands in it.
study = Study.parse(
    '[study]\nname = "one-round"\ntask = "activity"\n'
    "[training]\nrounds = 1\nclients_per_round = 24\n[cohort]\nsurvivors_floor = 20\n"
    "[privacy]\nnoise_multiplier = 1.0\n"
)
plan = make_plan(study, people=DEVICES, layout=Layout((("weights", (300,)),)))

# 2. A registrar enrols the devices; each has a key, a credential and a ledger of its own.
registrar, coordinator = SigningKey(os.urandom(32)), SigningKey(os.urandom(32))


def check(message: bytes) -> bytes:
    return credential.check(message, registrar_public=registrar.public, today=0).device_key


# A device joins the study once: that reserves all it may ever cost.
opened, _ = DeviceLedger.opened(Limits(task_units=LIFETIME_UNITS), minute=0)
ledger, _ = opened.join(plan.contract, minute=0)
identities = []
for _ in range(DEVICES):
    key = SigningKey(os.urandom(32))
    issued = credential.issue(registrar, credential.Credential(key.public, epoch=1, expires_day=1))
    identities.append(client.Identity(key, issued, check))

# 3. Each device has trained already. It clips, rounds, noises and packs, then advertises (M0).
updates = np.random.default_rng(1).normal(size=(DEVICES, 300)).astype(np.float32)
agreed = (plan.hash, coordinator.public, plan.bounds)
session = Session(b"one-round", os.urandom(16), bytes(32), *agreed)
source = OperatingSystemSource()
round_ = server.begin(plan, session, coordinator, check)
devices = {}
for number, identity in enumerate(identities):
    facts = (plan, session, 1, identity, ledger, ClientUpdate(updates[number]))
    state, say = client.join(
        *facts, beacon=bytes(32), clip=plan.clip, minute=0, policy=DEPLOYED, source=source
    )
    round_ = server.join(round_, say.message)  # a real device writes say.record first
    devices[number] = state

# 4. Four exchanges, each answered by the next message. Two devices never send their vector.
for exchange in ("roster", "mask set", "survivors", "quorum"):
    round_, outbox = server.close(round_, minute=0)
    seat_of = {round_.index_of(identities[n].key.public): n for n in devices}
    for seat, message in outbox.items():
        number = seat_of.get(seat)
        if number is None or (exchange == "mask set" and number in LOST):
            devices.pop(number, None)
            continue
        devices[number], say = client.receive(devices[number], message, minute=0, source=source)
        round_ = server.receive(round_, seat, say.message)

# 5. The masks cancel. The server learns one sum, exact to the last bit, and nothing else.
closed, _ = server.close(round_, minute=0)
assert isinstance(closed, server.Closed), closed
mean = mean_update([closed.words], closed.survivors, plan, 1, clip=plan.clip).change

survivors = [n for n in range(DEVICES) if n not in LOST]
length = np.linalg.norm(updates[survivors], axis=1, keepdims=True)
true = (updates[survivors] / length).mean(axis=0)  # normalised to the clip of 1
predicted = np.sqrt(plan.grid.share_variance / closed.survivors) / plan.grid.scale
print(f"{closed.survivors} of {DEVICES} devices are in the sum; one message would open nothing")
print(f"noise on the mean: {np.std(mean - true):.4f} a parameter, {predicted:.4f} predicted")
