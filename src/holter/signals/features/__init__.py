"""Numbers that the field computes from recordings, each from its published definition.

``beats`` where heartbeats are, in an ECG or a PPG, and which intervals between them can be
believed; ``variability`` of those intervals; ``counts`` how much a limb moves, and how it lies;
``night`` the context of an epoch of sleep. All take arrays or channels and give arrays; what is
not known is NaN.
"""
