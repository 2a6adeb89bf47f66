"""Secure aggregation for devices that speak once: one masked vector, sealed seeds, helpers.

A report holds the vector under one mask for each seed, and the seeds sealed for helpers; a
helper gives the sum of masks for one list of reports, ever. ``window`` is what is agreed,
``messages`` the bytes, ``client``, ``helper`` and ``leader`` the three machines. With one helper
a contribution is open to leader and helper together; with four, to the leader and two of them.
"""
