"""Ground floor, numbers: rings, the prime field, fixed point, lanes and layouts.

Read ``ring`` first (what a sum is), then ``fixedpoint`` and ``lanes`` (how reals
travel in it), ``layout`` (named arrays and one flat vector) and ``field`` (for Shamir).
"""
