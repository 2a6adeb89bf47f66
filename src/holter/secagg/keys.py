"""The key schedule: every secret of a session, and the tags that say who lied about one.

Each derivation names both ends and is salted with the session, so a value made for one
edge, direction or session is worthless for another. Tags decide blame, never secrecy: what
they hash has over 250 bits that nobody can guess, so 8 bytes of a hash give nothing away.

Source: docs/protocol.md section 3, M2.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from holter.crypto import labels
from holter.crypto.agreement import AgreementKey, derive
from holter.secagg.errors import Caller

TAG_BYTES = 8


@dataclass(frozen=True)
class Secrets:
    """What dies with the session. ``repr`` shows nothing.

    ``once`` is the only thing that changes: it makes a second use of a session's secrets for
    the same message impossible within a process, as the records do across restarts.
    """

    channel: AgreementKey = field(repr=False)
    mask: AgreementKey = field(repr=False)
    mask_private: bytes = field(repr=False)
    self_seed: bytes = field(repr=False)
    _made: set[str] = field(default_factory=set, repr=False)

    def once(self, kind: str) -> None:
        """Raises Caller where a message of this kind was made with these secrets before."""
        if kind in self._made:
            raise Caller(f"{kind} was made before; send its recorded bytes again")
        self._made.add(kind)


def ends(one: int, other: int) -> bytes:
    """Two roster indices, in the order given."""
    return one.to_bytes(2, "big") + other.to_bytes(2, "big")


def pair_seed(key: AgreementKey, me: int, peer: int, peer_public: bytes, sid: bytes) -> bytes:
    """s_ij: the same 32 bytes at both ends, bound to the session and to who they are."""
    (low, low_public), (high, high_public) = sorted(((me, key.public), (peer, peer_public)))
    info = labels.PAIR + ends(low, high) + low_public + high_public
    return derive(key.agree(peer_public), salt=sid, info=info)


def channel_key(
    agreed: bytes, dealer: int, holder: int, dealer_public: bytes, holder_public: bytes, sid: bytes
) -> bytes:
    """K_dealer->holder: seals one dealer's shares for one holder, once. agreed: Z of both."""
    info = labels.CHANNEL + ends(dealer, holder) + dealer_public + holder_public
    return derive(agreed, salt=sid, info=info)


def seed_tag(sid: bytes, dealer: int, holder: int, share: bytes) -> bytes:
    """What a share of a self-mask seed must match."""
    return _tag(labels.SEED_TAG, sid, dealer, holder, share)


def key_tag(sid: bytes, dealer: int, holder: int, share: bytes) -> bytes:
    """What a share of a mask key must match."""
    return _tag(labels.KEY_TAG, sid, dealer, holder, share)


def edge_tag(sid: bytes, one: int, other: int, seed: bytes) -> bytes:
    """What a pair seed must match; both ends compute the same."""
    return _tag(labels.EDGE_TAG, sid, min(one, other), max(one, other), seed)


def _tag(label: bytes, sid: bytes, one: int, other: int, secret: bytes) -> bytes:
    return hashlib.sha256(label + sid + ends(one, other) + secret).digest()[:TAG_BYTES]
