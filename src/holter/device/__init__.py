"""World, device: what lies on the wearer's own machine and never leaves it.

``files``, ``zips`` and ``entries`` open exports, with bounds; ``store`` keeps the wearer's
recordings, ``exports`` says whose they are, for a study on this machine; ``vault`` holds the privacy
ledger, durably; ``system_source`` is the operating system's randomness.
"""
