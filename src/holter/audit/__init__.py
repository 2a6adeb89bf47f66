"""World, audit: attacks and measurements of a plan's own pipeline: what leaks, how much noise is there.

Audits call the pipeline's two halves as a device and a server do (``pipe`` is the only file that
knows how) and compare what comes out with what the plan promises. A sound pipeline passes each but
for one case in a million; the tests put known faults into copies of the pipeline, and each is found.
A pass is no proof: it says what was looked for, and how finely.

Read ``finding`` (what an audit says), ``quick`` (all of them in order), ``pipe`` (what is audited),
``zero_rounds`` (its noise alone).
Then, each alone: ``noise_scale``, ``sampler_fit``, ``whiteness`` (the noise); ``sensitivity`` (the
clip); ``canaries`` with ``estimators`` (the epsilon); ``floor`` (who may be opened);
``inversion`` and ``membership`` (what an attacker gets). Sources of randomness and the clock are
arguments; nothing here opens a file. Source of the selection: privacy.md 6 of the design.
"""
