"""Section 2 of docs/protocol.md (credentials, bounds, session) and what both sides derive.

The derivations of section 3 that client and server share, keys of edges and tags above all, are
here once, so that client.py and server.py read like the steps of the page.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.reference import bounds as appendix
from tests.reference import cbor, signed
from tests.reference.primitives import Refused, expand, hkdf, prg, require, sha256, x25519
from tests.reference.signed import label, u16, u32

CREDENTIAL = b"holter/trust/1/credential"
GROUP = b"holter/rounds/1/group"
M0_LIMIT = 1024
TASK_LIMIT = 256
ACCOUNTING_LIMIT = 4096
SEAL = 144  # two shares of 64 bytes and a tag of 16
TAG = 8
PLACE = SEAL + 2 * TAG
ROW = 64
NEIGHBOUR = 192


class Abandoned(Refused):
    """The server ends the session without a sum; `blamed` are indices, ascending."""

    def __init__(self, reason: str, blamed: list[int] | None = None) -> None:
        super().__init__(reason)
        self.blamed = sorted(blamed or [])


@dataclass(frozen=True)
class Bounds:
    smallest_roster: int
    largest_roster: int
    survivors_floor: int
    colluders: int
    words: int
    sigma: int = 80
    eta: int = 20

    @property
    def borne(self) -> int:
        """So many clients may all lie about one other."""
        return max(self.colluders, 1)

    def quorum(self, n: int) -> int:
        return appendix.quorum(n, self.colluders)

    def accepts(self, n: int, cycles: int, threshold: int) -> bool:
        e = max(n - self.survivors_floor, 0)
        return appendix.accepts(n, self.colluders, e, cycles, threshold, self.sigma, self.eta)


@dataclass(frozen=True)
class Session:
    task: str
    session: bytes  # 16 bytes
    model: bytes
    plan: bytes
    server: bytes  # Ed25519 public keys
    registrar: bytes
    group: int = 0

    def identity(self) -> list[object]:
        """Version, suite and the rest, as they stand in ctx and in the transcript."""
        task = self.task.encode()
        return [1, 1, task, self.session, self.group, self.model, self.plan]

    @property
    def ctx(self) -> bytes:
        sizes = len(self.session), len(self.model), len(self.plan), len(self.server)
        require(sizes == (16, 32, 32, 32), "a session of other sizes")
        require(1 <= len(self.task.encode()) <= TASK_LIMIT, "a task id of another length")
        return sha256(cbor.encode([label("ctx"), *self.identity()]))


def group_of(beacon: bytes, device: bytes, groups: int) -> int:
    require(len(beacon) == 32, "a beacon has 32 bytes")
    return int.from_bytes(sha256(GROUP + beacon + device)[:8], "big") % groups


def issue(registrar_private: bytes, device: bytes, epoch: int, expiry: int) -> bytes:
    payload = cbor.encode([device, epoch, expiry])
    return signed.sign(registrar_private, CREDENTIAL, b"", payload)


def check(registrar: bytes, credential: bytes, day: int) -> bytes:
    """The device key of a credential that is valid on this day."""
    payload = signed.verify(registrar, CREDENTIAL, b"", credential)
    device, _epoch, expiry = cbor.fields(payload, bytes, int, int)
    require(len(device) == 32, "a device key has 32 bytes")
    require(day <= expiry, "an expired credential")
    return bytes(device)


def hashes(data: bytes, count: int) -> list[bytes]:
    """The items of an array of `count` byte strings of 32 bytes each."""
    values = cbor.fields(data, *[bytes] * count)
    require(all(len(v) == 32 for v in values), "a byte string of another length")
    return values


def commitment(ctx: bytes, device: bytes, b: bytes) -> bytes:
    return sha256(label("commit") + ctx + device + b)


def mask_of(seed: bytes, kind: bytes, count: int) -> list[int]:
    return prg(expand(seed, label("mask") + kind + u16(0)), count)


def leaf(device: bytes, content: bytes) -> bytes:
    return sha256(b"\x00" + device + content)


def sid_of(ctx: bytes, n: int, cycles: int, threshold: int, root: bytes) -> bytes:
    return sha256(label("sid") + ctx + u32(n) + u16(cycles) + u16(threshold) + root)


def channel_info(i: int, j: int, key_i: bytes, key_j: bytes) -> bytes:
    """For what i, the dealer, seals to j."""
    return label("chan") + u16(i) + u16(j) + key_i + key_j


def pair_seed(sid: bytes, i: int, private_i: bytes, key_i: bytes, j: int, key_j: bytes) -> bytes:
    """s_ij, from one side's private key."""
    (low, key_low), (high, key_high) = sorted([(i, key_i), (j, key_j)])
    info = label("pair") + u16(low) + u16(high) + key_low + key_high
    return hkdf(sid, x25519(private_i, key_j), info)


def share_tag(name: str, sid: bytes, dealer: int, holder: int, share: bytes) -> bytes:
    """name: seed-tag or key-tag."""
    return sha256(label(name) + sid + u16(dealer) + u16(holder) + share)[:TAG]


def edge_tag(sid: bytes, i: int, j: int, seed: bytes) -> bytes:
    low, high = min(i, j), max(i, j)
    return sha256(label("edge-tag") + sid + u16(low) + u16(high) + seed)[:TAG]


def indices_bytes(indices: list[int]) -> bytes:
    return b"".join(i.to_bytes(2, "little") for i in indices)


def indices_of(data: bytes) -> list[int]:
    return [int.from_bytes(piece, "little") for piece in signed.pieces(data, 2)]


def combine(total: list[int], other: list[int], sign: int = 1) -> list[int]:
    require(len(total) == len(other), "vectors of different lengths")
    return [(a + sign * b) % 2**64 for a, b in zip(total, other)]
