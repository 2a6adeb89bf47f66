"""The arithmetic of masks: what a client adds, what the server takes away again.

    y_i = x_i + PRG(b_i) + sum over j in U2, j > i of PRG(s_ij) - sum over j < i of PRG(s_ij)

Summed over the survivors U3, the pair masks between survivors cancel. What is left are the
self masks of survivors and the pair masks towards those who dropped out after U2 was
fixed; the server learns exactly those seeds, never both seeds of one client.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from holter.algebra.ring import Words
from holter.crypto import labels
from holter.crypto.agreement import AgreementKey, derive, expand
from holter.crypto.prg import add_stream

_SELF, _PAIR = b"self", b"pair"
_FIRST_VECTOR = (0).to_bytes(2, "big")  # number of the vector within the session


def pair_info(label: bytes, i: int, j: int, public_i: bytes, public_j: bytes) -> bytes:
    """Names both ends in a key derivation, in the order given."""
    return label + i.to_bytes(2, "big") + j.to_bytes(2, "big") + public_i + public_j


def pair_seed(key: AgreementKey, me: int, peer: int, peer_public: bytes, sid: bytes) -> bytes:
    """s_ij: the same 32 bytes at both ends, bound to the session and to who they are."""
    ends = ((me, key.public), (peer, peer_public))
    (low, low_public), (high, high_public) = sorted(ends)
    info = pair_info(labels.PAIR, low, high, low_public, high_public)
    return derive(key.agree(peer_public), salt=sid, info=info)


def channel_secret(
    key: AgreementKey,
    dealer: int,
    holder: int,
    dealer_public: bytes,
    holder_public: bytes,
    sid: bytes,
) -> bytes:
    """K_dealer->holder: seals one dealer's shares for one holder, once."""
    peer_public = holder_public if key.public == dealer_public else dealer_public
    info = pair_info(labels.CHANNEL, dealer, holder, dealer_public, holder_public)
    return derive(key.agree(peer_public), salt=sid, info=info)


def _mask_key(seed: bytes, kind: bytes) -> bytes:
    return expand(seed, info=labels.MASK + kind + _FIRST_VECTOR)


def masked(vector: Words, me: int, self_seed: bytes, pair_seeds: Mapping[int, bytes]) -> Words:
    """y_i: the vector under the self mask and one pair mask for each other member of U2."""
    result = vector.copy()
    add_stream(result, _mask_key(self_seed, _SELF))
    for peer, seed in pair_seeds.items():
        add_stream(result, _mask_key(seed, _PAIR), subtract=peer < me)
    return result


def unmask(
    total: Words,
    self_seeds: Iterable[bytes],
    open_edges: Iterable[tuple[int, int, bytes]],
) -> Words:
    """Take the remaining masks off a sum of masked vectors.

    self_seeds: b_i of every survivor. open_edges: (survivor, dropped, s_ij) of every pair
    mask that a survivor added and whose other end never arrived.
    """
    result = total.copy()
    for seed in self_seeds:
        add_stream(result, _mask_key(seed, _SELF), subtract=True)
    for survivor, dropped, seed in open_edges:
        # The survivor added it if its index is the lower one, so now it is subtracted.
        add_stream(result, _mask_key(seed, _PAIR), subtract=survivor < dropped)
    return result
