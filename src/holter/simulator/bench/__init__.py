"""Timings of the real machines: ``stage`` sets them up, ``clock`` times, ``secagg`` measures.

Every figure is a ratio to a floor that is measured on the spot, in the same interleaved run: the
speed of AES-256-CTR in cache on one core. Nothing here is part of a study.
"""
