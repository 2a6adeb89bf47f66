"""World, device: what a real device adds to the machines of ``rounds``: its dice and its files.

Read ``vault`` (what never leaves, the privacy ledger's file among it), then ``system_source``
(the operating system's randomness, the only kind that noise of a deployment is drawn from).
"""
