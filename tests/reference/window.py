"""Section 6 of docs/protocol.md up to the report: the window, its derivations and the client.

Suite 1 only, HPKE from tests/reference/hpke.py. Helpers and the leader are in upload.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.reference import cbor, hpke, signed
from tests.reference.primitives import (
    ed25519_public,
    expand,
    prg,
    require,
    sha256,
    unwords,
)
from tests.reference.session import check, combine
from tests.reference.signed import u8

MINUTES_A_DAY = 24 * 60
ENTRY = 16 + 32  # of a list: report id | H(payload)


def label(name: str) -> bytes:
    return b"holter/upload/1/" + name.encode()


@dataclass(frozen=True)
class Window:
    task: str
    window: bytes  # 16 bytes
    model: bytes
    plan: bytes
    leader: bytes  # Ed25519 public keys
    helpers: tuple[bytes, ...]
    registrar: bytes
    floor: int
    words: int
    suite: int = 1
    largest: int = 1 << 14  # largest_list

    @property
    def ctx(self) -> bytes:
        require(len(self.helpers) in (1, 4), "one helper or four")
        require(self.suite == 1, "another suite than 1")
        sizes = {len(v) for v in (self.model, self.plan, self.leader, *self.helpers)}
        require(len(self.window) == 16 and sizes == {32}, "a window of other lengths")
        keys = self.leader + b"".join(self.helpers)
        task = self.task.encode()
        names = [task, self.window, self.model, self.plan, keys]
        return sha256(cbor.encode([label("ctx"), 1, self.suite, *names]))

    @property
    def seeds(self) -> int:
        return len(self.helpers)

    def held(self, j: int) -> list[int]:
        """The seeds of helper j."""
        return [g for g in range(self.seeds) if self.seeds == 1 or g != j]

    def commitment(self, device: bytes, report: bytes, g: int, seed: bytes) -> bytes:
        return sha256(label("commit") + self.ctx + device + report + u8(g) + seed)

    def info(self, j: int, device: bytes, report: bytes) -> bytes:
        return label("seal") + u8(self.suite) + u8(j) + self.ctx + report + device

    def mask(self, seed: bytes) -> list[int]:
        return prg(expand(seed, label("mask")), self.words)

    def seal_bytes(self, j: int) -> int:
        """An encapsulated key, the seeds of helper j, a tag."""
        return 32 + 32 * len(self.held(j)) + 16

    def list_hash(self, listed: bytes) -> bytes:
        return sha256(label("list") + self.ctx + listed)


@dataclass(frozen=True)
class Report:
    """A signed payload, read and checked as far as everybody can."""

    device: bytes
    report: bytes
    expiry: int
    y_hash: bytes
    commitments: list[bytes]
    seals: list[bytes]
    payload: bytes

    @property
    def entry(self) -> bytes:
        """What stands for it in a list."""
        return self.report + sha256(self.payload)


def read(window: Window, credential: bytes, data: bytes, minute: int) -> Report:
    require(len(credential) <= 256 and len(data) <= 8192, "longer than it may be")
    device = check(window.registrar, credential, minute // MINUTES_A_DAY)
    payload = signed.verify(device, label("report"), window.ctx, data)
    named, report, expiry, y_hash, commitments, seals = cbor.fields(
        payload, bytes, bytes, int, bytes, bytes, list
    )
    require(named == device, "the credential of another device")
    require(len(report) == 16 and len(y_hash) == 32, "a byte string of another length")
    require(minute < expiry, "an expired report")
    require(len(commitments) == 32 * window.seeds, "not one commitment for each seed")
    require(len(seals) == len(window.helpers), "another number of helpers")
    require(all(type(seal) is bytes for seal in seals), "a seal that is no byte string")
    split = signed.pieces(commitments, 32)
    return Report(device, report, expiry, y_hash, split, seals, payload)


class Client:
    """One device in one window. It reports once; the record may be sent again."""

    def __init__(self, window: Window, device_private: bytes, credential: bytes) -> None:
        self.window, self.private, self.credential = window, device_private, credential
        self.records: list[bytes] = []

    def report(
        self, offers: Sequence[bytes], x: list[int], random: bytes, expiry: int, minute: int
    ) -> bytes:
        """random: report id 16 | seeds 32 each | one ephemeral HPKE key of 32 for each helper."""
        w, ctx = self.window, self.window.ctx
        require(not self.records, "reported already")
        require(len(x) == w.words, "an update of another length")
        require(len(random) == 16 + 32 * (w.seeds + len(w.helpers)), "other random bytes")
        device, report = ed25519_public(self.private), random[:16]
        parts = signed.pieces(random[16:], 32)
        seeds, ephemeral = parts[: w.seeds], parts[w.seeds :]
        y, seals = [v % 2**64 for v in x], []
        for seed in seeds:
            y = combine(y, w.mask(seed))
        for j, (helper, offer) in enumerate(zip(w.helpers, offers, strict=True)):
            body = signed.verify(helper, label("offer"), ctx, offer)
            index, suite, key, closing = cbor.fields(body, int, int, bytes, int)
            require((index, suite, len(key)) == (j, w.suite, 32), "another offer")
            require(minute < closing, "an offer that is closed")
            inside = b"".join(seeds[g] for g in w.held(j))
            info = w.info(j, device, report)
            seals.append(hpke.seal(key, inside, info=info, ephemeral=ephemeral[j]))
        commitments = [w.commitment(device, report, g, seed) for g, seed in enumerate(seeds)]
        data = unwords(y)
        payload = [device, report, expiry, sha256(data), b"".join(commitments), seals]
        body = signed.sign(self.private, label("report"), ctx, cbor.encode(payload))
        out = cbor.encode([self.credential, body, data])
        self.records.append(cbor.encode(["report", ctx, out]))
        return out
