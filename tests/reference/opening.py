"""Section 4 of docs/protocol.md: what the server opens, and whom it blames."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from tests.reference import session as s
from tests.reference import sharing
from tests.reference.primitives import Refused, x25519
from tests.reference.session import Abandoned, Bounds


@dataclass
class Dealt:
    """One M2, cut up: each list in the order of the sender's neighbours."""

    message: bytes
    seals: list[bytes]
    seed_tags: list[bytes]
    key_tags: list[bytes]
    edge_tags: list[bytes]


@dataclass
class Released:
    """One M8, by peer."""

    seeds: dict[int, bytes] = field(default_factory=dict)
    edges: dict[int, bytes] = field(default_factory=dict)
    keys: dict[int, bytes] = field(default_factory=dict)


class Opening:
    """The part of the server that works after the last M8. server.py fills the attributes."""

    bounds: Bounds
    ctx: bytes
    sid: bytes
    threshold: int
    phase: str
    devices: list[bytes]
    near: list[list[int]]
    parts: list[list[bytes]]  # channel key, mask key, commitment, nonce
    u3: list[int]
    m2: dict[int, Dealt]
    m8: dict[int, Released]
    complaints: dict[int, set[int]]  # by the sender of M4
    blamed: set[int]
    closed: list[str]  # why a secret stays closed; all are looked at before giving up

    def abandon(self, reason: str) -> NoReturn:
        self.phase = "abandoned"
        raise Abandoned(reason, sorted(self.blamed))

    def holders(self, i: int, among: set[int]) -> list[int]:
        return [j for j in self.near[i] if j in among and i not in self.complaints[j]]

    def open(self, i: int, name: str) -> bytes | None:
        """Section 4: the self-mask seed or the mask key of dealer i, checked; None if closed."""
        of_seed = name == "seed-tag"
        tags = self.m2[i].seed_tags if of_seed else self.m2[i].key_tags
        shares = {
            j: self.m8[j].seeds[i] if of_seed else self.m8[j].keys[i]
            for j in self.holders(i, set(self.m8))
        }
        if len(shares) < self.threshold:
            self.closed.append("fewer shares than the threshold")
            return None
        found = self._try(i, of_seed, shares)
        if found is not None:
            return found
        for place, j in enumerate(self.near[i]):
            if j in shares and s.share_tag(name, self.sid, i, j, shares[j]) != tags[place]:
                self.blamed.add(j)
                del shares[j]
        if len(shares) < self.threshold:
            self.closed.append("fewer true shares than the threshold")
            return None
        found = self._try(i, of_seed, shares)
        if found is None:
            self.blamed.add(i)
            self.closed.append("a secret that does not open")
        return found

    def _try(self, i: int, of_seed: bool, shares: dict[int, bytes]) -> bytes | None:
        try:
            secret = sharing.recover({j: shares[j] for j in sorted(shares)[: self.threshold]})
        except Refused:
            return None
        _, mask, committed, _ = self.parts[i]
        if of_seed:
            fits = s.commitment(self.ctx, self.devices[i], secret) == committed
        else:
            fits = x25519(secret) == mask
        return secret if fits else None

    def edges(self, i: int) -> dict[int, bytes]:
        """s_ij of a dropped i with each neighbour j in U3."""
        out: dict[int, bytes] = {}
        others: dict[int, bytes | None] = {}  # what j sent, where it is no seed of this tag
        for place, j in enumerate(self.near[i]):
            if j not in self.u3:
                continue
            sent = self.m8[j].edges[i] if j in self.m8 else None
            if sent and s.edge_tag(self.sid, i, j, sent) == self.m2[i].edge_tags[place]:
                out[j] = sent
            else:
                others[j] = sent
        if sum(sent is not None for sent in others.values()) > self.bounds.borne:
            self.blamed.add(i)
        private: bytes | None = None
        for j, sent in others.items():
            private = private or self.open(i, "key-tag")
            if private is None:
                break
            keys = self.parts[i][1], self.parts[j][1]
            out[j] = s.pair_seed(self.sid, i, private, keys[0], j, keys[1])
            if sent is not None:
                self.blamed.add(i if sent == out[j] else j)
        return out
