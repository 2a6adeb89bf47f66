"""Section 6 of docs/protocol.md: one upload and gone, with one helper or four, suite 1.

The client (window.py) sends one report; helpers judge proposals, accept lists and answer with the
sums of the masks they know; the leader takes those from the sum of the masked vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, pairwise

from tests.reference import cbor, hpke, signed
from tests.reference.primitives import Refused, ed25519_public, require, sha256, unwords, words
from tests.reference.session import combine
from tests.reference.window import ENTRY, Client, Report, Window, label, read

__all__ = ["Client", "Helper", "Leader", "Window"]
SIGNERS = 3  # of four helpers


class Helper:
    """Helper j. Its HPKE key serves this window alone and is erased at the minute ``closing``."""

    def __init__(
        self, window: Window, j: int, private: bytes, hpke_private: bytes, closing: int
    ) -> None:
        require(ed25519_public(private) == window.helpers[j], "not this helper")
        self.window, self.j, self.private, self.hpke_private = window, j, private, hpke_private
        self.closing = closing
        self.valid: dict[bytes, tuple[Report, dict[int, bytes]]] = {}  # by report id
        self.lists: dict[bytes, bytes] = {}  # accepted, by list hash
        self.answers: dict[bytes, bytes] = {}
        self.records: list[bytes] = []

    def _sign(self, name: str, *values: object) -> bytes:
        payload = cbor.encode(list(values))
        return signed.sign(self.private, label(name), self.window.ctx, payload)

    def offer(self) -> bytes:
        key = hpke.public_of(self.hpke_private)
        return self._sign("offer", self.j, self.window.suite, key, self.closing)

    def _open(self, minute: int) -> None:
        require(minute < self.closing, "this window is over")

    def _judge(self, credential: bytes, data: bytes, minute: int) -> None:
        w = self.window
        found = read(w, credential, data, minute)
        for other, _ in self.valid.values():
            if other.payload == found.payload:
                return  # one object, however often it is proposed
            require(other.device != found.device, "a second report of one device")
            require(other.report != found.report, "a report id used twice")
        require(len(found.seals[self.j]) == w.seal_bytes(self.j), "a seal of another length")
        info = w.info(self.j, found.device, found.report)
        opened = hpke.open_sealed(found.seals[self.j], self.hpke_private, info=info)
        seeds = dict(zip(w.held(self.j), signed.pieces(opened, 32), strict=True))
        for g, seed in seeds.items():
            fits = w.commitment(found.device, found.report, g, seed) == found.commitments[g]
            require(fits, "a seed that does not match its commitment")
        self.valid[found.report] = found, seeds

    def _from_leader(self, name: str, message: bytes) -> bytes:
        return signed.verify(self.window.leader, label(name), self.window.ctx, message)

    def verdict(self, proposal: bytes, minute: int) -> bytes:
        self._open(minute)
        body = self._from_leader("proposal", proposal)
        credentials, payloads = cbor.fields(body, list, list)
        require(len(credentials) == len(payloads), "not one credential for each report")
        for values, most in ((credentials, 256), (payloads, 8192)):
            fine = all(type(v) is bytes and len(v) <= most for v in values)
            require(fine, "a proposal that is malformed itself")
        good = []
        for at, (credential, data) in enumerate(zip(credentials, payloads)):
            try:
                self._judge(credential, data, minute)
            except ValueError:
                continue
            good.append(at)
        return self._sign("verdict", sha256(proposal), signed.bitmap(good, len(payloads)))

    def _accept(self, listed: bytes, minute: int) -> bytes:
        """The list hash, if the list may be, or was, accepted."""
        self._open(minute)
        list_hash = self.window.list_hash(listed)
        if list_hash in self.lists:
            return list_hash
        entries = signed.pieces(listed, ENTRY)
        ids = [entry[:16] for entry in entries]
        require(all(a < b for a, b in pairwise(ids)), "ids not ascending")
        fits = self.window.floor <= len(ids) <= self.window.largest
        require(fits, "fewer reports than the floor, or more than the largest list")
        require(all(r in self.valid for r in ids), "a report that was not found valid")
        reports = [self.valid[r][0] for r in ids]
        require([r.entry for r in reports] == entries, "another report under an id")
        require(all(minute < r.expiry for r in reports), "a report that has expired")
        # One device has one valid report here, so a device in two lists is a report in two lists.
        for other in self.lists.values():
            twice = {*ids} & {entry[:16] for entry in signed.pieces(other, ENTRY)}
            require(not twice, "a report that another list holds")
        self.lists[list_hash] = listed
        devices = b"".join(r.device for r in reports)
        self.records.append(cbor.encode(["listed", list_hash, listed + devices]))
        return list_hash

    def accept(self, listing: bytes, minute: int) -> bytes:
        require(len(self.window.helpers) == 4, "one helper signs no list")
        (listed,) = cbor.fields(self._from_leader("draft", listing), bytes)
        return self._sign("list", self._accept(listed, minute))

    def answer(self, request: bytes, minute: int, noise: list[int] | None = None) -> bytes:
        """noise: central noise, packed in words; with one helper only."""
        w = self.window
        body = self._from_leader("request", request)
        listed, indices, signatures = cbor.fields(body, bytes, bytes, bytes)
        list_hash = w.list_hash(listed)
        split = signed.pieces(signatures, 64)
        require(len(split) == len(indices), "not one signature for each index")
        if len(w.helpers) == 4:
            payload = cbor.encode([list_hash])
            for j, signature in zip(indices, split):
                require(j < 4, "no such helper")
                fine = signed.holds(w.helpers[j], label("list"), w.ctx, payload, signature)
                require(fine, "a false signature under a list")
            require(len(set(indices)) == len(indices), "an index twice")
            require(len(indices) >= SIGNERS, "fewer than three signatures")
            require(noise is None, "central noise with four helpers")
        else:
            require(not indices, "signatures for the only helper")
        self._accept(listed, minute)
        if list_hash in self.answers:
            return self.answers[list_hash]
        sums = []
        for g in w.held(self.j):
            total = [0] * w.words
            for entry in signed.pieces(listed, ENTRY):
                total = combine(total, w.mask(self.valid[entry[:16]][1][g]))
            sums.append(unwords(combine(total, noise, -1) if noise else total))
        head = self._sign("answer", list_hash, b"".join(sha256(a) for a in sums))
        out = cbor.encode([head, sums])
        self.records.append(cbor.encode(["answered", list_hash, out]))
        self.answers[list_hash] = out
        return out


class Leader:
    """Takes reports, has them judged, fixes the list, sums. It signs all that it tells helpers."""

    def __init__(self, window: Window, private: bytes) -> None:
        self.window, self.private = window, private
        self.reports: dict[bytes, tuple[bytes, bytes, list[int]]] = {}  # by report id
        self.devices: dict[bytes, Report] = {}
        self.verdicts: dict[int, set[bytes]] = {}
        self.signatures: dict[int, bytes] = {}
        self.sums: dict[int, dict[int, bytes]] = {}  # by seed, by helper
        self.listed = b""

    def receive(self, report: bytes, minute: int) -> None:
        credential, data, y = cbor.fields(report, bytes, bytes, bytes)
        found = read(self.window, credential, data, minute)
        lengths = [self.window.seal_bytes(j) for j in range(len(self.window.helpers))]
        require([len(seal) for seal in found.seals] == lengths, "a seal of another length")
        require(sha256(y) == found.y_hash, "another vector than its payload says")
        require(len(y) == 8 * self.window.words, "a vector of another length")
        before = self.devices.get(found.device)
        if before is not None:
            require(before.payload == found.payload, "a second report of one device")
            return
        require(found.report not in self.reports, "a report id used twice")
        require(len(self.reports) < self.window.largest, "more reports than the largest list")
        self.devices[found.device] = found
        self.reports[found.report] = credential, data, words(y)

    def sign(self, name: str, *values: object) -> bytes:
        payload = cbor.encode(list(values))
        return signed.sign(self.private, label(name), self.window.ctx, payload)

    def proposal(self) -> bytes:
        order = [self.reports[r] for r in sorted(self.reports)]
        return self.sign("proposal", [r[0] for r in order], [r[1] for r in order])

    def verdict(self, j: int, data: bytes) -> None:
        w = self.window
        body = signed.verify(w.helpers[j], label("verdict"), w.ctx, data)
        of, good = cbor.fields(body, bytes, bytes)
        require(of == sha256(self.proposal()), "a verdict on another proposal")
        order = sorted(self.reports)
        self.verdicts[j] = {order[at] for at in signed.members(good, len(order))}

    def fix(self) -> bytes:
        """The list: what the helper, or all that judged, or else the best three found valid."""
        least = 1 if len(self.window.helpers) == 1 else SIGNERS
        require(len(self.verdicts) >= least, "too few verdicts")
        good = set.intersection(*self.verdicts.values())
        if len(good) < self.window.floor:
            some = combinations(sorted(self.verdicts), least)
            common = [set.intersection(*(self.verdicts[j] for j in js)) for js in some]
            good = max(common, key=len)
        require(len(good) >= self.window.floor, "fewer reports than the floor")
        entries = {found.report: found.entry for found in self.devices.values()}
        self.listed = b"".join(entries[report] for report in sorted(good))
        return self.listed

    def agreed(self, j: int, data: bytes) -> None:
        w = self.window
        body = signed.verify(w.helpers[j], label("list"), w.ctx, data)
        require(cbor.fields(body, bytes) == [w.list_hash(self.listed)], "another list")
        self.signatures[j] = signed.signature_of(data)

    def request(self) -> bytes:
        if len(self.window.helpers) == 1:
            return self.sign("request", self.listed, b"", b"")
        require(len(self.signatures) >= SIGNERS, "fewer than three signatures")
        chosen = sorted(self.signatures)
        joined = b"".join(self.signatures[j] for j in chosen)
        return self.sign("request", self.listed, bytes(chosen), joined)

    def answer(self, j: int, data: bytes) -> None:
        w = self.window
        head, sums = cbor.fields(data, bytes, list)
        body = signed.verify(w.helpers[j], label("answer"), w.ctx, head)
        list_hash, found = cbor.fields(body, bytes, bytes)
        require(list_hash == w.list_hash(self.listed), "an answer to another list")
        require(len(sums) == len(w.held(j)), "not one sum for each seed")
        require(all(type(a) is bytes and len(a) == 8 * w.words for a in sums), "another length")
        require(b"".join(sha256(a) for a in sums) == found, "other sums than signed")
        for g, a in zip(w.held(j), sums):
            self.sums.setdefault(g, {})[j] = a

    def _settled(self, g: int) -> bytes:
        answers: Mapping[int, bytes] = self.sums.get(g, {})
        least = 1 if len(self.window.helpers) == 1 else 2
        for a in answers.values():
            if sum(b == a for b in answers.values()) >= least:
                return a
        raise Refused("no two helpers agree")

    def total(self, noise: list[int] | None = None) -> list[int]:
        """noise: the leader's own central noise, with one helper only."""
        w = self.window
        require(noise is None or len(w.helpers) == 1, "central noise with four helpers")
        total = [0] * w.words
        for entry in signed.pieces(self.listed, ENTRY):
            total = combine(total, self.reports[entry[:16]][2])
        for g in range(w.seeds):
            total = combine(total, words(self._settled(g)), -1)
        return combine(total, noise) if noise else total
