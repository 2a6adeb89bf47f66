"""Who masks with whom: everyone up to 256 clients, a union of seeded random cycles above.

The graph follows from ``sid``, which binds the roster, so nobody chooses it and everybody
draws the same one. Cycle h visits the roster in ascending order of the words of a stream of
its own; a client's neighbours are those before and after it in every cycle. How many cycles
are enough is ``connectivity``'s question, how many are needed is ``finder``'s.

Sources: design of the protocol, sections 1.2 and 5.5; Bell et al. 2020 (CCS), who mask along
a sparse graph. Sorting fresh uniform words gives every order equally often; it stands in for
Fisher-Yates because it is exactly as uniform and one call.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from holter.algebra.ring import WORD_BYTES
from holter.crypto import labels
from holter.crypto.agreement import expand
from holter.crypto.prg import Stream

COMPLETE_LIMIT = 256  # clients: up to here everyone masks with everyone
SIZE_LIMIT = 1 << 16  # roster indices are 16 bits wherever they are written
CYCLE_LIMIT = 1 << 16  # the number of a cycle is 16 bits in the info of its key
SID_BYTES = 32

Order = npt.NDArray[np.int64]


def neighbours(sid: bytes, size: int, cycles: int, me: int) -> tuple[int, ...]:
    """Roster indices that client ``me`` masks with: ascending, without ``me``.

    sid: 32 bytes. size: 2..65,536 clients. cycles: 0 (the complete graph) exactly where size
    is at most 256, else 1..65,535. me: 0..size - 1. Raises ValueError for anything else.
    """
    _check(sid, size, cycles)
    if not 0 <= me < size:
        raise ValueError(f"index {me} is not on a roster of {size}")
    if not cycles:
        return _all_but(me, size)
    met: set[int] = set()
    for number in range(cycles):
        order = cycle(sid, size, number)
        place = int(np.flatnonzero(order == me)[0])
        met |= {int(order[place - 1]), int(order[(place + 1) % size])}
    return tuple(sorted(met))


def all_neighbours(sid: bytes, size: int, cycles: int) -> tuple[tuple[int, ...], ...]:
    """``neighbours`` of every client, by roster index; arguments and errors as there."""
    _check(sid, size, cycles)
    if not cycles:
        return tuple(_all_but(me, size) for me in range(size))
    met: list[set[int]] = [set() for _ in range(size)]
    for number in range(cycles):
        order = cycle(sid, size, number).tolist()
        for one, next_one in pairwise([*order, order[0]]):
            met[one].add(next_one)
            met[next_one].add(one)
    return tuple(tuple(sorted(those)) for those in met)


def cycle(sid: bytes, size: int, number: int) -> Order:
    """Cycle ``number`` (from 0): all roster indices in the order in which it visits them.

    Every order is equally likely, hence every undirected cycle. Two equal words would leave
    the order to the sorting; then all are drawn anew, which keeps it exactly uniform.
    """
    stream = Stream(expand(sid, info=labels.GRAPH + number.to_bytes(2, "big")))
    while True:
        words = np.frombuffer(stream.read(size * WORD_BYTES), dtype="<u8").astype(np.uint64)
        order = np.argsort(words)
        ascending = words[order]
        if not np.any(ascending[1:] == ascending[:-1]):
            return order


def _all_but(me: int, size: int) -> tuple[int, ...]:
    return (*range(me), *range(me + 1, size))


def _check(sid: bytes, size: int, cycles: int) -> None:
    if len(sid) != SID_BYTES:
        raise ValueError(f"a graph is drawn from a sid of {SID_BYTES} bytes")
    if not 2 <= size <= SIZE_LIMIT:
        raise ValueError(f"a roster has 2 to {SIZE_LIMIT} clients, not {size}")
    if not 0 <= cycles < CYCLE_LIMIT:
        raise ValueError(f"a graph has 0 to {CYCLE_LIMIT - 1} cycles, not {cycles}")
    if (cycles == 0) != (size <= COMPLETE_LIMIT):
        raise ValueError(
            f"no cycles (the complete graph) up to {COMPLETE_LIMIT} clients, at least one above; "
            f"not {cycles} for {size}"
        )
