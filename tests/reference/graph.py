"""Section 3 of docs/protocol.md, "Graph": who is a neighbour of whom.

Up to 256 clients everyone is everyone's neighbour. Above, the graph is the union of random
cycles through all clients, each drawn from a stream that the session id fixes.
"""

from __future__ import annotations

from tests.reference.primitives import ctr_stream, expand, require, words
from tests.reference.signed import label, u16

COMPLETE = 256  # the largest roster that has the complete graph


def cycle(sid: bytes, j: int, n: int) -> list[int]:
    """The indices in the order in which cycle j visits them."""
    key = expand(sid, label("graph") + u16(j))
    attempt = 0
    while True:
        # the stream goes on where the last n words ended
        stream = ctr_stream(key, 8 * n * (attempt + 1))
        keys = words(stream[8 * n * attempt :])
        if len(set(keys)) == n:
            return sorted(range(n), key=lambda i: keys[i])
        attempt += 1


def neighbours(sid: bytes, n: int, cycles: int) -> list[list[int]]:
    """For each index its neighbours, ascending."""
    require(n >= 1 and cycles >= 0, "no such graph")
    if cycles == 0:
        return [[j for j in range(n) if j != i] for i in range(n)]
    out: list[set[int]] = [set() for _ in range(n)]
    for j in range(cycles):
        order = cycle(sid, j, n)
        for place, i in enumerate(order):
            out[i] |= {order[place - 1], order[(place + 1) % n]}
    return [sorted(around - {i}) for i, around in enumerate(out)]


def degrees(around: list[list[int]]) -> tuple[int, int]:
    """The least and the largest number of neighbours, for reports."""
    sizes = [len(row) for row in around]
    return min(sizes), max(sizes)
