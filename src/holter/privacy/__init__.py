"""Science, privacy: bound an update, add noise to it, account for it, stop when it is spent.

Read ``guarantee`` (what can be promised), then by what you want to know:

- what one contribution holds: ``clipping``, ``joint`` (what travels with an update),
  ``adaptive_clip``;
- noise: ``source`` (whose randomness), ``discrete_gaussian`` (exact samplers), ``matrix`` and
  ``correlated`` (the server's, over many rounds), ``local_answers`` (one device alone);
- what it amounts to: ``accountant``, ``renyi`` (shares on a lattice), ``events`` (the library);
- lane, scale and noise of a plan: ``calibration``;
- what is spent: ``contract`` (limits and refusals), ``chain`` (lines that hold one another),
  ``device_ledger`` (enforces), ``population_ledger`` (records the worst case).
"""
