"""Sessions and windows for test_reference.py: both sides of tests/reference, all dice fixed.

Implements nothing of docs/protocol.md itself; it carries messages from one side to the other and
lets a test lose or change them on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from tests.reference import five, upload
from tests.reference.primitives import ctr_stream, ed25519_public, sha256

DAY = 20000
MINUTE = DAY * 24 * 60
CLOSING = MINUTE + 120  # of a window; its reports expire an hour before
Change = Callable[[int, bytes], bytes]


def dice(name: str, count: int) -> bytes:
    return ctr_stream(sha256(name.encode()), count)


def as_sent(_: int, message: bytes) -> bytes:
    return message


class Cohort:
    """A registrar and devices in ascending order of their keys: device i has index i."""

    def __init__(self, n: int) -> None:
        self.registrar = dice("registrar", 32)
        keys = [dice(f"device {i}", 32) for i in range(n)]
        self.devices = sorted(keys, key=ed25519_public)
        self.publics = [ed25519_public(key) for key in self.devices]
        self.credentials = [five.issue(self.registrar, key, 1, DAY) for key in self.publics]

    def x(self, i: int, count: int) -> list[int]:
        return [1000 * (i + 1) + k - 2**40 * (i % 2) for k in range(count)]

    def sum(self, who: Collection[int], count: int) -> list[int]:
        return [sum(column) % 2**64 for column in zip(*(self.x(i, count) for i in who))]


class Bench:
    """One session, phase by phase; every phase can lose senders or change what they send."""

    def __init__(
        self,
        n: int,
        floor: int,
        colluders: int = 0,
        words: int = 3,
        sparse: tuple[int, int] | None = None,
    ) -> None:
        self.n, self.words, self.cohort = n, words, Cohort(n)
        server = dice("server", 32)
        self.server_private = server
        self.session = five.Session(
            "task",
            dice("session", 16),
            dice("model", 32),
            dice("plan", 32),
            ed25519_public(server),
            ed25519_public(self.cohort.registrar),
        )
        self.bounds = five.Bounds(2, max(n, 10), floor, colluders, words)
        self.server = five.Server(self.session, self.bounds, server, DAY, sparse)
        self.clients = [self.client(i) for i in range(n)]

    def client(self, i: int) -> five.Client:
        cohort = self.cohort
        return five.Client(self.session, self.bounds, cohort.devices[i], cohort.credentials[i], DAY)

    def join(self) -> list[bytes]:
        for i in reversed(range(self.n)):
            self.server.join(self.clients[i].advertise(dice(f"advertise {i}", 128)))
        return self.server.roster()

    def share(self, lost: Collection[int] = (), change: Change = as_sent) -> dict[int, bytes]:
        for i, m1 in enumerate(self.join()):
            m2 = self.clients[i].share(m1, dice(f"share {i}", 1 << 14))
            if i not in lost:
                self.server.shares(i, change(i, m2))
        return self.server.inboxes()

    def mask(
        self, inboxes: dict[int, bytes], lost: Collection[int] = (), change: Change = as_sent
    ) -> dict[int, bytes]:
        for i, m3 in inboxes.items():
            if i not in lost:
                m4 = self.clients[i].mask(change(i, m3), self.cohort.x(i, self.words))
                self.server.masked(i, m4)
        return self.server.survivors()

    def endorse(self, survivors: dict[int, bytes], lost: Collection[int] = ()) -> bytes:
        for i, m5 in survivors.items():
            m6 = self.clients[i].endorse(m5)
            if i not in lost:
                self.server.endorse(i, m6)
        return self.server.quorum()

    def unmask(
        self, m7: bytes, lost: Collection[int] = ()
    ) -> tuple[list[int], bytes, bytes, list[int]]:
        for i in self.server.u3:
            if i not in lost and self.clients[i].state == "endorsed":
                self.server.unmask(i, self.clients[i].unmask(m7))
        total, m9, transcript, blamed = self.server.result(MINUTE, b"accounting")
        for client in self.clients:
            if client.state == "released":
                client.result(m9, transcript)
        return total, m9, transcript, blamed


class Uploads:
    """One window with one helper or four."""

    def __init__(
        self, n: int, helpers: int, floor: int = 2, words: int = 3, largest: int = 12
    ) -> None:
        self.cohort, self.words = Cohort(n), words
        keys = [dice(f"helper {j}", 32) for j in range(helpers)]
        self.window = upload.Window(
            "task",
            dice("window", 16),
            dice("model", 32),
            dice("plan", 32),
            ed25519_public(dice("leader", 32)),
            tuple(ed25519_public(key) for key in keys),
            ed25519_public(self.cohort.registrar),
            floor,
            words,
            largest=largest,
        )
        self.helpers = [
            upload.Helper(self.window, j, key, dice(f"hpke {j}", 32), CLOSING)
            for j, key in enumerate(keys)
        ]
        self.leader = upload.Leader(self.window, dice("leader", 32))
        self.offers = [helper.offer() for helper in self.helpers]

    def report(self, i: int, name: str = "report") -> bytes:
        client = upload.Client(self.window, self.cohort.devices[i], self.cohort.credentials[i])
        random = dice(f"{name} {i}", 16 + 64 * len(self.helpers))
        x = self.cohort.x(i, self.words)
        return client.report(self.offers, x, random, MINUTE + 60, MINUTE)

    def judge(self, silent: Collection[int] = ()) -> bytes:
        for helper in self.helpers:
            if helper.j not in silent:
                verdict = helper.verdict(self.leader.proposal(), MINUTE)
                self.leader.verdict(helper.j, verdict)
        return self.leader.fix()

    def agree(self, listed: bytes, silent: Collection[int] = ()) -> bytes:
        for helper in self.helpers if len(self.helpers) == 4 else []:
            if helper.j not in silent:
                self.leader.agreed(helper.j, self.accept(helper.j, listed))
        return self.leader.request()

    def accept(self, j: int, listed: bytes) -> bytes:
        return self.helpers[j].accept(self.leader.sign("draft", listed), MINUTE)
