"""Every domain-separation label, once. Two uses of a key never share one.

A label names the protocol, its version and the use; it enters a hash, an HKDF ``info``
or the ``external_aad`` of a signature, so a value made for one use is worthless for
another.
"""

from __future__ import annotations

CONTEXT = b"holter/secagg/1/ctx"
SESSION = b"holter/secagg/1/sid"
CHANNEL = b"holter/secagg/1/chan"
PAIR = b"holter/secagg/1/pair"
MASK = b"holter/secagg/1/mask"
COMMIT = b"holter/secagg/1/commit"
SET = b"holter/secagg/1/set"
ADVERTISE = b"holter/secagg/1/m0"
ROSTER = b"holter/secagg/1/m1"
SHARES = b"holter/secagg/1/m2"
INBOX = b"holter/secagg/1/m3"
MASKED = b"holter/secagg/1/m4"
SURVIVORS = b"holter/secagg/1/m5"
ENDORSE = b"holter/secagg/1/m6"
QUORUM = b"holter/secagg/1/m7"
UNMASK = b"holter/secagg/1/m8"
RESULT = b"holter/secagg/1/m9"
CREDENTIAL = b"holter/trust/1/credential"
PLAN = b"holter/rounds/1/plan"
SELECTION = b"holter/rounds/1/selection"
LEDGER = b"holter/privacy/1/ledger"
SIMULATION = b"holter/simulate/1/stream"
