"""Science, secure aggregation: a sum that opens, contributions that do not.

Read ``messages`` first: five up, five down, in order of speaking. ``client`` and ``server`` are the
two machines, ``client_states`` and ``server_states`` where they stand, ``recovery`` what the
server opens at the end and who lied. ``session``, ``roster``, ``graph`` are what is agreed;
``connectivity`` checks a graph, ``finder`` finds the cheapest. ``keys`` and ``masking`` are the
arithmetic, ``records`` and ``transcript`` what is kept, ``errors`` says who is at fault.
``upload`` is the other protocol: one message and gone, with helpers.
"""
