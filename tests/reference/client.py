"""The client of section 3 of docs/protocol.md, and its write-ahead records (section 5).

One method a step. All randomness is handed in. A check that fails raises Refused, erases what is
secret and ends the session; a step out of its order is refused and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tests.reference import cbor, graph, sharing, signed
from tests.reference import session as s
from tests.reference.primitives import (
    Refused,
    ed25519_public,
    gcm_open,
    gcm_seal,
    hkdf,
    low_order,
    require,
    sha256,
    unwords,
    x25519,
)
from tests.reference.session import Bounds, Session
from tests.reference.signed import label, u16

Step = TypeVar("Step", bound=Callable[..., Any])


def step(before: str, after: str) -> Callable[[Step], Step]:
    def around(method: Step) -> Step:
        def run(self: Client, *args: Any, **more: Any) -> Any:
            require(self.state == before, f"not now: {self.state}")
            self.state = "left"  # until the step is through
            try:
                answer = method(self, *args, **more)
            except ValueError as error:
                self.secrets.clear()
                raise Refused(str(error)) from error
            self.state = after
            return answer

        return run  # type: ignore[return-value]

    return around


class Client:
    """One device in one session. `known`: credentials by device key that it verified before."""

    def __init__(
        self,
        session: Session,
        bounds: Bounds,
        device_private: bytes,
        credential: bytes,
        day: int,
        known: Mapping[bytes, bytes] | None = None,
    ) -> None:
        self.session, self.bounds, self.day = session, bounds, day
        self.private, self.device = device_private, ed25519_public(device_private)
        self.credential, self.known = credential, dict(known or {})
        self.ctx, self.state = session.ctx, "new"
        self.records: list[bytes] = []
        self.secrets: dict[str, Any] = {}

    def _record(self, kind: str, bound: bytes, message: bytes) -> bytes:
        self.records.append(cbor.encode([kind, bound, message]))
        return message

    def _from_server(self, name: str, bound: bytes, data: bytes) -> bytes:
        return signed.verify(self.session.server, label(name), bound, data)

    @step("new", "advertised")
    def advertise(self, random: bytes) -> bytes:
        require(len(random) == 128, "M0 takes 128 random bytes")
        channel, mask, b, nonce = signed.pieces(random, 32)
        self.secrets.update(channel=channel, mask=mask, b=b)
        self.channel_key, self.mask_key = x25519(channel), x25519(mask)
        committed = s.commitment(self.ctx, self.device, b)
        payload = cbor.encode([self.device, self.channel_key, self.mask_key, committed, nonce])
        self.digest = sha256(payload)
        body = signed.sign(self.private, label("m0"), self.ctx, payload)
        m0 = cbor.encode([self.credential, body])
        require(len(m0) <= s.M0_LIMIT, "M0 is too long")
        return self._record("M0", self.ctx, m0)

    @step("advertised", "shared")
    def share(self, m1: bytes, random: bytes) -> bytes:
        self._check_roster(m1)
        i, sid, channel, mask = self.i, self.sid, self.secrets["channel"], self.secrets["mask"]
        dealt = sharing.deal([self.secrets["b"], mask], self.threshold, random, self.near)
        agreed = self.secrets["agreed"] = {}
        edges = self.secrets["edges"] = {}
        seals, seed_tags, key_tags, edge_tags = [], [], [], []
        for j in self.near:
            z = agreed[j] = x25519(channel, self.channel_keys[j])
            key = hkdf(sid, z, s.channel_info(i, j, self.channel_key, self.channel_keys[j]))
            aad = sid + u16(i) + u16(j)
            seals.append(gcm_seal(key, bytes(12), b"".join(dealt[j]), aad))
            seed_tags.append(s.share_tag("seed-tag", sid, i, j, dealt[j][0]))
            key_tags.append(s.share_tag("key-tag", sid, i, j, dealt[j][1]))
            edges[j] = s.pair_seed(sid, i, mask, self.mask_key, j, self.mask_keys[j])
            edge_tags.append(s.edge_tag(sid, i, j, edges[j]))
        payload = cbor.encode([b"".join(x) for x in (seals, seed_tags, key_tags, edge_tags)])
        m2 = signed.sign(self.private, label("m2"), sid, payload)
        return self._record("M2", self.root, m2)

    def _check_roster(self, m1: bytes) -> None:
        head, rows, neighbours, credentials = cbor.fields(m1, bytes, bytes, bytes, list)
        table = signed.pieces(rows, s.ROW)
        n = self.n = len(table)
        most = self.bounds.largest_roster
        require(self.bounds.smallest_roster <= n <= most, "a roster of another size")
        body = self._from_server("m1", self.ctx, head)
        cycles, self.threshold, self.root = cbor.fields(body, int, int, bytes)
        self.devices = [row[:32] for row in table]
        require(all(a < b for a, b in zip(self.devices, self.devices[1:])), "rows not ascending")
        leaves = [s.leaf(row[:32], row[32:]) for row in table]
        require(signed.merkle(leaves) == self.root, "another root")
        require(self.device + self.digest in table, "own row is missing or another")
        self.i = self.devices.index(self.device)
        require(len(credentials) == n, "a credential is missing")
        for device, credential in zip(self.devices, credentials):
            require(type(credential) is bytes, "a credential that is no byte string")
            credential = credential or self.known.get(device, b"")
            require(credential != b"", "a device that was never verified")
            holder = s.check(self.session.registrar, credential, self.day)
            require(holder == device, "the credential of another device")
            self.known[device] = credential
        require(self.bounds.accepts(n, cycles, self.threshold), "a graph outside the bounds")
        self.sid, self.complete = (
            s.sid_of(self.ctx, n, cycles, self.threshold, self.root),
            cycles == 0,
        )
        self.near = graph.neighbours(self.sid, n, cycles)[self.i]
        require(len(self.near) >= self.threshold, "fewer neighbours than shares are needed")
        self.channel_keys, self.mask_keys = {}, {}
        parts = signed.pieces(neighbours, s.NEIGHBOUR)
        for j, part in zip(self.near, parts, strict=True):
            keys, signature = signed.pieces(part[:128], 32), part[128:]
            device = self.devices[j]
            payload = cbor.encode([device, *keys])
            require(sha256(payload) == table[j][32:], "a neighbour of another digest")
            fine = signed.holds(device, label("m0"), self.ctx, payload, signature)
            require(fine, "a neighbour's false signature")
            require(not low_order(keys[0]) and not low_order(keys[1]), "a key of low order")
            self.channel_keys[j], self.mask_keys[j] = keys[0], keys[1]

    def _check_set(self, data: bytes) -> list[int]:
        """U2 or U3: I am in it, it is large enough, and enough of my neighbours are in it."""
        who = signed.members(data, self.n)
        require(self.i in who, "left out")
        require(len(who) >= self.bounds.survivors_floor, "fewer than the floor")
        around = len(set(who) & set(self.near))
        require(around >= self.threshold, "too few neighbours")
        return who

    @step("shared", "masked")
    def mask(self, m3: bytes, x: list[int]) -> bytes:
        require(len(x) == self.bounds.words, "an update of another length")
        head, places = cbor.fields(m3, bytes, list)
        body = self._from_server("m3", self.sid, head)
        self.u2 = self._check_set(cbor.fields(body, bytes)[0])
        self.u2_hash = signed.set_hash(self.sid, self.u2, self.n)
        peers = [j for j in self.near if j in self.u2]
        require(len(places) == len(peers), "not one place for each neighbour")
        held = self.secrets["held"] = {}
        for j, place in zip(peers, places):
            require(type(place) is bytes, "a place that is no byte string")
            try:
                held[j] = self._open(j, place)
            except Refused:
                continue  # complained about, and no reason to leave
        self.complained = [j for j in peers if j not in held]
        y = s.combine([v % 2**64 for v in x], s.mask_of(self.secrets["b"], b"self", len(x)))
        for j in peers:
            sign = 1 if j > self.i else -1
            y = s.combine(y, s.mask_of(self.secrets["edges"][j], b"pair", len(x)), sign)
        data = unwords(y)
        spots = [self.near.index(j) for j in self.complained]
        header = [self.u2_hash, sha256(data), signed.bitmap(spots, len(self.near))]
        self.header = cbor.encode(header)
        m4 = [signed.sign(self.private, label("m4"), self.sid, self.header), data]
        return self._record("M4", self.sid, cbor.encode(m4))

    def _open(self, j: int, place: bytes) -> tuple[bytes, bytes]:
        """The seed share and the key share that j dealt to me."""
        require(len(place) == s.PLACE, "a place of another length")
        seal, (seed_tag, key_tag) = place[: s.SEAL], signed.pieces(place[s.SEAL :], s.TAG)
        info = s.channel_info(j, self.i, self.channel_keys[j], self.channel_key)
        key = hkdf(self.sid, self.secrets["agreed"][j], info)
        both = gcm_open(key, bytes(12), seal, self.sid + u16(j) + u16(self.i))
        seed, mask = signed.pieces(both, 64)
        for name, share, tag in (("seed-tag", seed, seed_tag), ("key-tag", mask, key_tag)):
            fits = s.share_tag(name, self.sid, j, self.i, share) == tag
            require(fits, "a share that does not match its tag")
            require(sharing.in_field(share), "a share outside the field")
        return seed, mask

    @step("masked", "endorsed")
    def endorse(self, m5: bytes) -> bytes:
        head, headers = cbor.fields(m5, bytes, list)
        body = self._from_server("m5", self.sid, head)
        survivors, self.header_root = cbor.fields(body, bytes, bytes)
        self.u3 = self._check_set(survivors)
        require(set(self.u3) <= set(self.u2), "U3 reaches beyond U2")
        peers = [j for j in self.near if j in self.u3]
        require(len(headers) == len(peers), "not one header for each neighbour")
        found = {self.i: self.header}
        for j, data in zip(peers, headers):
            found[j] = signed.verify(self.devices[j], label("m4"), self.sid, data)
            theirs = cbor.fields(found[j], bytes, bytes, bytes)[0]
            require(theirs == self.u2_hash, "a neighbour was shown another U2")
        if self.complete:
            root = signed.merkle([s.leaf(self.devices[j], found[j]) for j in self.u3])
            require(root == self.header_root, "another header root")
        u3_hash = signed.set_hash(self.sid, self.u3, self.n)
        self.endorsed = cbor.encode([self.u2_hash, u3_hash, self.header_root])
        m6 = signed.sign(self.private, label("m6"), self.sid, self.endorsed)
        return self._record("M6", sha256(self.endorsed), m6)

    @step("endorsed", "released")
    def unmask(self, m7: bytes) -> bytes:
        indices, signatures = cbor.fields(m7, bytes, bytes)
        who = s.indices_of(indices)
        for j, signature in zip(who, signed.pieces(signatures, 64), strict=True):
            require(j in self.u3, "an endorsement from outside U3")
            key = self.devices[j]
            fine = signed.holds(key, label("m6"), self.sid, self.endorsed, signature)
            require(fine, "a false endorsement")
        require(len(set(who)) == len(who), "an endorser named twice")
        require(len(who) >= self.bounds.quorum(self.n), "fewer than the quorum")
        held, edges = self.secrets["held"], self.secrets["edges"]
        stayed = [j for j in self.near if j in self.u3]
        gone = [j for j in self.near if j in self.u2 and j not in self.u3]
        seeds = b"".join(held[j][0] for j in stayed if j in held)
        keys = b"".join(held[j][1] for j in gone if j in held)
        payload = cbor.encode([seeds, b"".join(edges[j] for j in gone), keys])
        m8 = signed.sign(self.private, label("m8"), self.sid, payload)
        self.secrets.clear()
        return self._record("M8", self.sid, m8)

    @step("released", "done")
    def result(self, m9: bytes, transcript: bytes | None = None) -> tuple[bytes, bytes]:
        """H(sum) and H(transcript)."""
        body = self._from_server("m9", self.sid, m9)
        of_sum, of_transcript = s.hashes(body, 2)
        if transcript is not None:
            require(sha256(transcript) == of_transcript, "another transcript")
            self._check_transcript(self._from_server("transcript", self.sid, transcript), of_sum)
        return of_sum, of_transcript

    def _check_transcript(self, payload: bytes, of_sum: bytes) -> None:
        types = [int, int, bytes, bytes, int, bytes, bytes, bytes, int, int, int, *[bytes] * 3]
        types += [list, bytes, bytes, bytes, bytes, int]
        fields = cbor.fields(payload, *types)
        root, n, cycles, threshold = fields[7:11]
        counts, endorsers, found, accounting, blamed, minute = fields[14:]
        require(fields[:7] == self.session.identity(), "a transcript of another session")
        sizes = max(n, cycles, threshold) < 2**16 and min(n, cycles, threshold) >= 0
        fits = sizes and s.sid_of(self.ctx, n, cycles, threshold, root) == self.sid
        require(fits, "a transcript of another roster")
        told = [*fields[11:14], found]
        require(told == [*cbor.fields(self.endorsed, bytes, bytes, bytes), of_sum], "other sets")
        require(len(counts) == 5 and all(type(c) is int and c >= 0 for c in counts), "no counts")
        on_roster, masked, survived, endorsed, _ = counts
        require(on_roster == n, "another size of the roster")
        require(self.bounds.survivors_floor <= survived <= masked, "counts of no session")
        who = s.indices_of(endorsers)
        require(len(set(who)) == len(who) == endorsed, "other endorsers than their count")
        require(endorsed >= self.bounds.quorum(n), "fewer endorsers than a quorum")
        s.indices_of(blamed)
        require(len(accounting) <= s.ACCOUNTING_LIMIT and minute >= 0, "no transcript")
