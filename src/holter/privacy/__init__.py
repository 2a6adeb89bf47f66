"""Science, privacy: bound an update, add noise to it, account for it, stop when it is spent.

Read ``guarantee`` (what can be promised), ``clipping`` and ``discrete_gaussian`` (how),
``accountant`` (what it amounts to), ``calibration`` (lane, scale and noise of a plan),
``ledger`` (what a device has spent).
"""
