"""The arithmetic of masks: what a client adds, what the server takes away again.

    y_i = x_i + PRG(b_i) + sum over j in U2, j > i of PRG(s_ij) - sum over j < i of PRG(s_ij)

j runs over the neighbours of i. Summed over the survivors U3, the pair masks between
survivors cancel. What is left are the self masks of survivors and the pair masks towards
those who dropped out after U2 was fixed; the server learns exactly those seeds, never both
seeds of one client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from holter.algebra import ring
from holter.algebra.ring import Words
from holter.crypto import labels
from holter.crypto.agreement import expand
from holter.crypto.prg import Adder

SELF, PAIR = b"self", b"pair"
_MASK_BYTES = 38  # seed 32, kind 4, sign 1, one to spare
_FIRST_VECTOR = (0).to_bytes(2, "big")  # number of the vector within the session

Mask: TypeAlias = tuple[bytes, bytes, bool]
"""(seed, SELF or PAIR, whether the stream is subtracted)."""

AddUp: TypeAlias = Callable[[int, Sequence[Mask]], Words]
"""(words, masks) -> the sum of their streams: ``added_up`` here, or the same work spread over
processes by whoever has any.
"""


def mask_key(seed: bytes, kind: bytes) -> bytes:
    """The key of a mask's stream."""
    return expand(seed, info=labels.MASK + kind + _FIRST_VECTOR)


def masked(vector: Words, me: int, self_seed: bytes, pair_seeds: Mapping[int, bytes]) -> Words:
    """y_i: the vector under the self mask and one pair mask for each neighbour in U2."""
    result = vector.copy()
    adder = Adder(result)
    adder.add(mask_key(self_seed, SELF))
    for peer, seed in pair_seeds.items():
        adder.add(mask_key(seed, PAIR), subtract=peer < me)
    return result


def unmask(
    total: Words,
    self_seeds: Iterable[bytes],
    open_edges: Iterable[tuple[int, int, bytes]],
    *,
    add_up: AddUp | None = None,
) -> Words:
    """Take the remaining masks off a sum of masked vectors.

    self_seeds: b_i of every survivor. open_edges: (survivor, dropped, s_ij) of every pair
    mask that a survivor added and whose other end never arrived. add_up: who does the work;
    None is this process.
    """
    masks: list[Mask] = [(seed, SELF, True) for seed in self_seeds]
    # The survivor added its mask if its index is the lower one, so then it is subtracted.
    masks += [(seed, PAIR, survivor < dropped) for survivor, dropped, seed in open_edges]
    return ring.total((total, (add_up or added_up)(len(total), masks)), len(total))


def added_up(words: int, masks: Iterable[Mask]) -> Words:
    """Sum of the streams of ``masks``, each with its sign: shape (words,), uint64."""
    result = ring.zeros(words)
    adder = Adder(result)
    for seed, kind, subtract in masks:
        adder.add(mask_key(seed, kind), subtract=subtract)
    return result


def masks_bytes(masks: Iterable[Mask]) -> bytes:
    """Masks as bytes, to hand them to another process: 38 each."""
    return b"".join(seed + kind + bytes([subtract]) + bytes(1) for seed, kind, subtract in masks)


def masks_of(data: bytes) -> list[Mask]:
    """Inverse of ``masks_bytes``."""
    places = range(0, len(data), _MASK_BYTES)
    return [(data[at : at + 32], data[at + 32 : at + 36], bool(data[at + 36])) for at in places]
