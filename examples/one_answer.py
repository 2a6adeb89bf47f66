"""One question to many devices, in mode local: each answer is private by itself, before it leaves.

2,000 synthetic wearers are asked on how many nights of a week they slept seven hours or more: 0 to
2, 3 to 5, 6 or 7. Each device charges its ledger, answers by randomised response, and sends one
number. Whoever reads the answers, the asker included, can tell little about any one of them; all
together they still say how the population sleeps. The devices stand in one process here, so this
run protects nobody.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from holter.device.system_source import OperatingSystemSource
from holter.privacy import local_answers
from holter.privacy.accountant import to_units
from holter.privacy.contract import Limits, Refused
from holter.privacy.device_ledger import DeviceLedger

DEVICES, OPTIONS, EPSILON = 2000, 3, Fraction(1)
SHARES = (0.2, 0.5, 0.3)

source = OperatingSystemSource()
price = to_units(local_answers.rho_of(EPSILON))
truth = np.random.default_rng(1).choice(OPTIONS, size=DEVICES, p=SHARES)
counts = np.zeros(OPTIONS, dtype=np.int64)
for night in truth:
    ledger, opening = DeviceLedger.opened(Limits(), minute=0)
    # A real device writes the line to its vault, durably, before the answer leaves.
    ledger, line = ledger.ask("nights-of-seven-hours", price, minute=0)
    counts[local_answers.randomised_response(int(night), OPTIONS, EPSILON, source.read)] += 1

# Asked the same thing once more, a device refuses: a second answer would tell more.
try:
    ledger.ask("nights-of-seven-hours", price, minute=1)
    raise AssertionError("a second answer was given")
except Refused as refusal:
    assert refusal.reason == "round_repeated"

estimate = local_answers.debias_counts(counts, EPSILON) / DEVICES
for option, name in enumerate(("0 to 2", "3 to 5", "6 or 7")):
    true = float(np.mean(truth == option))
    print(f"{name} nights: {estimate[option]:.1%} estimated, {true:.1%} true")
kept = local_answers.truth_probability(OPTIONS, EPSILON)
error = 0.5 / DEVICES**0.5 / (kept - (1 - kept) / (OPTIONS - 1))
print(f"an estimate is off by {error:.1%} or so; among ten times the devices by a third of that")
print(f"each answer: epsilon {float(EPSILON):g}, rho {price / 1e9:.2f} of the device's ledger")
