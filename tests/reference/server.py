"""The server of section 3 of docs/protocol.md, phases as in section 5; section 4 is opening.py.

It knows no clock: whoever calls the next step closes the phase before it. A message that breaks
a rule raises Refused and changes nothing. Abandoned ends the session.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tests.reference import cbor, graph, signed
from tests.reference import session as s
from tests.reference.opening import Dealt, Opening, Released
from tests.reference.primitives import (
    ed25519_public,
    low_order,
    require,
    sha256,
    unwords,
    words,
)
from tests.reference.session import Bounds, Session
from tests.reference.signed import label


class Server(Opening):
    """One session. `sparse`: (cycles, threshold) for a roster beyond 256, as the finder says."""

    def __init__(
        self,
        session: Session,
        bounds: Bounds,
        private: bytes,
        day: int,
        sparse: tuple[int, int] | None = None,
    ) -> None:
        require(ed25519_public(private) == session.server, "not the server of this session")
        self.session, self.bounds, self.private, self.day = session, bounds, private, day
        self.ctx, self.sparse, self.phase = session.ctx, sparse, "joining"
        self.joined: dict[bytes, tuple[bytes, bytes, bytes]] = {}  # credential, signed, payload
        self.m2: dict[int, Dealt] = {}
        self.m4: dict[int, tuple[bytes, bytes, list[int]]] = {}
        self.complaints: dict[int, set[int]] = {}
        self.m6: dict[int, bytes] = {}
        self.m8: dict[int, Released] = {}
        self.blamed: set[int] = set()
        self.closed: list[str] = []

    def _in(self, phase: str) -> None:
        require(self.phase == phase, f"a message for {phase} during {self.phase}")

    def _close(self, phase: str, after: str, arrived: int, least: int) -> None:
        self._in(phase)
        if arrived < least:
            self.abandon(f"{arrived} after {phase}, {least} needed")
        self.phase = after

    def _sign(self, name: str, bound: bytes, *values: object) -> bytes:
        return signed.sign(self.private, label(name), bound, cbor.encode(list(values)))

    def join(self, m0: bytes) -> None:
        self._in("joining")
        require(len(m0) <= s.M0_LIMIT, "M0 is too long")
        credential, data = cbor.fields(m0, bytes, bytes)
        device = s.check(self.session.registrar, credential, self.day)
        payload = signed.verify(device, label("m0"), self.ctx, data)
        named, channel, mask, *_ = s.hashes(payload, 5)
        require(named == device, "the credential of another device")
        require(not low_order(channel) and not low_order(mask), "a key of low order")
        if device in self.joined:
            require(self.joined[device][2] == payload, "another advertisement")
            return
        require(len(self.joined) < self.bounds.largest_roster, "the roster is full")
        self.joined[device] = credential, data, payload

    def roster(self, known: Mapping[int, set[bytes]] | None = None) -> list[bytes]:
        """M1 for each index; `known`: the device keys that a client said it has verified."""
        self._close("joining", "sharing", len(self.joined), self.bounds.smallest_roster)
        self.devices = sorted(self.joined)
        n = self.n = len(self.devices)
        payloads = [self.joined[d][2] for d in self.devices]
        digests = [sha256(p) for p in payloads]
        self.root = signed.merkle([s.leaf(d, x) for d, x in zip(self.devices, digests)])
        complete = n <= graph.COMPLETE
        self.cycles, self.threshold = (
            (0, self.bounds.quorum(n)) if complete else self.sparse or (0, 0)
        )
        self.sid = s.sid_of(self.ctx, n, self.cycles, self.threshold, self.root)
        if not self.bounds.accepts(n, self.cycles, self.threshold):
            self.abandon("no graph for this many")
        self.near = graph.neighbours(self.sid, n, self.cycles)
        self.parts = [cbor.fields(p, *[bytes] * 5)[1:] for p in payloads]
        head = self._sign("m1", self.ctx, self.cycles, self.threshold, self.root)
        rows = b"".join(d + x for d, x in zip(self.devices, digests))
        signatures = [signed.signature_of(self.joined[d][1]) for d in self.devices]
        out = []
        for i in range(n):
            skip = (known or {}).get(i, set())
            credentials = [b"" if d in skip else self.joined[d][0] for d in self.devices]
            around = b"".join(b"".join(self.parts[j]) + signatures[j] for j in self.near[i])
            out.append(cbor.encode([head, rows, around, credentials]))
        return out

    def shares(self, i: int, m2: bytes) -> None:
        self._in("sharing")
        require(0 <= i < self.n, "nobody on the roster")
        payload = signed.verify(self.devices[i], label("m2"), self.sid, m2)
        if i in self.m2:
            require(self.m2[i].message == payload, "other shares")
            return
        parts = cbor.fields(payload, *[bytes] * 4)
        sizes = s.SEAL, s.TAG, s.TAG, s.TAG
        cut = [signed.pieces(part, size) for part, size in zip(parts, sizes)]
        require(all(len(c) == len(self.near[i]) for c in cut), "not one for each neighbour")
        self.m2[i] = Dealt(payload, *cut)

    def inboxes(self) -> dict[int, bytes]:
        self._close("sharing", "masking", len(self.m2), self.bounds.survivors_floor)
        self.u2 = sorted(self.m2)
        self.u2_hash = signed.set_hash(self.sid, self.u2, self.n)
        head = self._sign("m3", self.sid, signed.bitmap(self.u2, self.n))
        out = {}
        for i in self.u2:
            places = []
            for j in self.near[i]:
                if j in self.m2:
                    dealt, at = self.m2[j], self.near[j].index(i)
                    places.append(dealt.seals[at] + dealt.seed_tags[at] + dealt.key_tags[at])
            out[i] = cbor.encode([head, places])
        return out

    def masked(self, i: int, m4: bytes) -> None:
        self._in("masking")
        require(i in self.u2, "not in U2")
        data, y = cbor.fields(m4, bytes, bytes)
        header = signed.verify(self.devices[i], label("m4"), self.sid, data)
        u2_hash, y_hash, complaints = cbor.fields(header, bytes, bytes, bytes)
        require(u2_hash == self.u2_hash, "another U2")
        require(sha256(y) == y_hash, "another vector than its header says")
        require(len(y) == 8 * self.bounds.words, "a vector of another length")
        about = {self.near[i][k] for k in signed.members(complaints, len(self.near[i]))}
        require(about <= set(self.u2), "a complaint about somebody outside U2")
        if i in self.m4:
            require(self.m4[i][1] == header, "another vector")
            return
        self.m4[i] = data, header, words(y)
        self.complaints[i] = about

    def survivors(self) -> dict[int, bytes]:
        floor = self.bounds.survivors_floor
        told = Counter(j for i in self.m4 for j in self.complaints[i])
        self.blamed |= {j for j, count in told.items() if count > self.bounds.borne}
        left = set(self.m4) - self.blamed
        while True:
            thin = {i for i in left if len(self.holders(i, left)) < self.threshold}
            if not thin:
                break
            left -= thin
        self._close("masking", "endorsing", len(left), floor)
        self.u3 = sorted(left)
        leaves = [s.leaf(self.devices[i], self.m4[i][1]) for i in self.u3]
        self.header_root = signed.merkle(leaves)
        u3_hash = signed.set_hash(self.sid, self.u3, self.n)
        self.endorsement = cbor.encode([self.u2_hash, u3_hash, self.header_root])
        head = self._sign("m5", self.sid, signed.bitmap(self.u3, self.n), self.header_root)
        around = {i: [self.m4[j][0] for j in self.near[i] if j in left] for i in self.u3}
        return {i: cbor.encode([head, around[i]]) for i in self.u3}

    def endorse(self, i: int, m6: bytes) -> None:
        self._in("endorsing")
        require(i in self.u3, "not in U3")
        payload = signed.verify(self.devices[i], label("m6"), self.sid, m6)
        require(payload == self.endorsement, "another endorsement")
        self.m6.setdefault(i, signed.signature_of(m6))

    def quorum(self) -> bytes:
        """M7, the same for everyone in U3."""
        least = self.bounds.quorum(self.n)
        self._close("endorsing", "unmasking", len(self.m6), least)
        chosen = self.endorsers = sorted(self.m6)[:least]
        signatures = b"".join(self.m6[i] for i in chosen)
        return cbor.encode([s.indices_bytes(chosen), signatures])

    def unmask(self, i: int, m8: bytes) -> None:
        self._in("unmasking")
        require(i in self.u3, "not in U3")
        payload = signed.verify(self.devices[i], label("m8"), self.sid, m8)
        seeds, edges, keys = cbor.fields(payload, bytes, bytes, bytes)
        heard = [j for j in self.near[i] if j not in self.complaints[i]]
        stayed = [j for j in heard if j in self.u3]
        gone = [j for j in self.near[i] if j in self.u2 and j not in self.u3]
        told = Released()
        for into, part, size, peers in (
            (told.seeds, seeds, 64, stayed),
            (told.edges, edges, 32, gone),
            (told.keys, keys, 64, [j for j in gone if j in heard]),
        ):
            require(len(part) == size * len(peers), "not one for each peer")
            into.update(zip(peers, signed.pieces(part, size)))
        require(self.m8.setdefault(i, told) == told, "other shares")

    def result(self, minute: int, accounting: bytes) -> tuple[list[int], bytes, bytes, list[int]]:
        """The sum, M9, the transcript and the blamed."""
        require(len(accounting) <= s.ACCOUNTING_LIMIT, "too long an accounting")
        self._close("unmasking", "done", 0, 0)
        w = self.bounds.words
        total = [0] * w
        for i in self.u3:
            total = s.combine(total, self.m4[i][2])
        seeds = {i: self.open(i, "seed-tag") for i in self.u3}
        edges = {i: self.edges(i) for i in sorted(set(self.u2) - set(self.u3))}
        if self.closed:
            self.abandon(self.closed[0])
        for seed in seeds.values():
            total = s.combine(total, s.mask_of(seed or b"", b"self", w), -1)
        for i, open_ in edges.items():
            for j, seed in open_.items():
                # j added the mask where i > j, and took it away otherwise
                total = s.combine(total, s.mask_of(seed, b"pair", w), -1 if i > j else 1)
        of_sum, endorsers = sha256(unwords(total)), self.endorsers
        counts = [self.n, len(self.u2), len(self.u3), len(endorsers), len(self.m8)]
        transcript = self._sign(
            "transcript", self.sid, *self.session.identity(), self.root, self.n, self.cycles,
            self.threshold, *cbor.fields(self.endorsement, bytes, bytes, bytes), counts,
            s.indices_bytes(endorsers), of_sum, accounting, s.indices_bytes(sorted(self.blamed)),
            minute,
        )  # fmt: skip
        m9 = self._sign("m9", self.sid, of_sum, sha256(transcript))
        return total, m9, transcript, sorted(self.blamed)
