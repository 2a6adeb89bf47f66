"""Science, secure aggregation: a sum that opens, contributions that do not.

Five messages up, five down, in the order of ``messages``. ``masking`` is the arithmetic,
``client`` and ``server`` are the two machines, ``errors`` says who is at fault.
"""
