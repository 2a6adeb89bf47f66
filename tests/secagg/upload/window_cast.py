"""Who plays in the tests of one upload, and the stage they play on.

``WindowCast`` is a registrar, a leader, one or four helpers and n devices with fixed keys.
``WindowPlay`` carries one window phase by phase, so that a test can stop anywhere, hand somebody
something false and see what happens; a helper or leader may be silent, lie, or be restarted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from holter.algebra.ring import Words
from holter.crypto import labels
from holter.crypto.hpke import PRIVATE_BYTES, Suite
from holter.crypto.signature import SigningKey, payload_of, signature_of
from holter.secagg.upload import client, helper, leader
from holter.secagg.upload.messages import Claim, Proposal, Report, Request, list_payload
from holter.secagg.upload.window import Limits, Window, entry_of
from holter.trust import credential
from tests.secagg.cast import MINUTE, TODAY, WORDS, tape

EXPIRES = MINUTE + 60  # a report
CLOSES = EXPIRES + 60  # the window: its key is erased


@dataclass(frozen=True)
class WindowCast:
    """Everyone of one window, and the keys they speak with."""

    window: Window
    leader_key: SigningKey
    registrar: SigningKey
    helper_keys: tuple[SigningKey, ...]
    keys: tuple[SigningKey, ...]
    credentials: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.keys)

    def check(self, message: bytes) -> bytes:
        """What leader and helpers ask of a credential."""
        public = self.registrar.public
        return credential.check(message, registrar_public=public, today=TODAY).device_key

    def vector(self, i: int) -> Words:
        """Device i's, from the whole ring."""
        words = self.window.limits.words
        return np.frombuffer(tape(("vector", i), 8 * words), dtype="<u8").astype(np.uint64)

    def plain(self, who: Iterable[int]) -> list[int]:
        """The sum of some devices' vectors in Python's own integers."""
        vectors = [self.vector(i).tolist() for i in who]
        return [sum(column) % 2**64 for column in zip(*vectors)]

    def says(self, label: bytes, payload: bytes, signer: SigningKey | None = None) -> bytes:
        """A statement for this window, of the leader unless told otherwise, true or not."""
        return (signer or self.leader_key).sign(payload, context=label + self.window.context)


def window_cast(
    devices: int,
    helpers: int = 1,
    *,
    floor: int = 3,
    largest: int = 12,
    words: int = WORDS,
    suite: Suite = Suite.X25519,
    central: bool = False,
    window_id: bytes = b"window-000000001",
    model: bytes = b"model",
    plan: bytes = b"plan",
) -> WindowCast:
    """A cast whose device i has the key of tape ("device", i)."""
    leader_key, registrar = SigningKey(tape("leader")), SigningKey(tape("registrar"))
    helper_keys = tuple(SigningKey(tape(("helper", j))) for j in range(helpers))
    keys = tuple(SigningKey(tape(("device", i))) for i in range(devices))
    window = Window(
        b"task-00000000001",
        window_id,
        hashlib.sha256(model).digest(),
        hashlib.sha256(plan).digest(),
        leader_key.public,
        tuple(key.public for key in helper_keys),
        suite,
        Limits(floor, largest, 0, words),
        central,
    )
    issued = (
        credential.issue(registrar, credential.Credential(key.public, 1, TODAY + 30))
        for key in keys
    )
    return WindowCast(window, leader_key, registrar, helper_keys, keys, tuple(issued))


def private_of(suite: Suite, j: int, name: object = "") -> bytes:
    """Helper j's HPKE key for one window."""
    return tape(("hpke", name, j), PRIVATE_BYTES[suite])


@dataclass
class WindowPlay:
    """One window, carried by hand. kept: the records that each helper made durable, in order."""

    cast: WindowCast
    leader: Any
    helpers: dict[int, helper.Helper] = field(default_factory=dict)
    offers: list[bytes] = field(default_factory=list)
    reports: dict[int, bytes] = field(default_factory=dict)
    kept: dict[int, list[bytes]] = field(default_factory=dict)

    @classmethod
    def of(cls, cast: WindowCast) -> WindowPlay:
        """Every helper has offered its key; nobody has reported."""
        play = cls(cast, leader.Gathering(cast.window, cast.leader_key))
        for j in range(len(cast.helper_keys)):
            play.helpers[j], offer = play.fresh(j)
            play.offers.append(offer)
            play.kept[j] = []
        return play

    def fresh(self, j: int) -> tuple[helper.Helper, bytes]:
        """Helper j as it was when it opened the window."""
        window, key = self.cast.window, self.cast.helper_keys[j]
        private = private_of(window.suite, j)
        return helper.opened(window, j, key, private, closes_minute=CLOSES)

    def restart(self, j: int) -> None:
        """Helper j dies and comes back with its key and its records."""
        self.helpers[j] = helper.restored(self.fresh(j)[0], self.kept[j])

    def report(self, i: int, expires: int = EXPIRES) -> bytes:
        """Device i's one message. Nothing of the device is kept but these bytes."""
        window = self.cast.window
        step = client.report(
            window,
            self.offers,
            self.cast.keys[i],
            self.cast.credentials[i],
            self.cast.vector(i),
            expires_minute=expires,
            minute=MINUTE,
            random=tape(("report", i), client.random_bytes_needed(window)),
        )
        self.reports[i] = step.message
        return step.message

    def gather(self, who: Iterable[int] | None = None) -> WindowPlay:
        """Reports of everyone in ``who``, delivered."""
        for i in range(len(self.cast)) if who is None else who:
            self.take(self.report(i))
        return self

    def take(self, message: bytes, minute: int = MINUTE) -> None:
        """One report reaches the leader."""
        self.leader = leader.gather(self.leader, message, self.cast.check, minute=minute)

    def examine(self, j: int, proposal: bytes, minute: int = MINUTE) -> bytes:
        """Helper j judges a proposal."""
        state = self.helpers[j]
        self.helpers[j], said = helper.examine(state, proposal, self.cast.check, minute=minute)
        return said

    def judge(self, silent: Collection[int] = ()) -> WindowPlay:
        """The leader proposes, all helpers that are not silent judge."""
        self.leader, proposal = leader.propose(self.leader)
        for j in self.speakers(silent):
            self.leader = leader.take_verdict(self.leader, j, self.examine(j, proposal))
        return self

    def speakers(self, silent: Collection[int]) -> list[int]:
        return [j for j in self.helpers if j not in silent]

    def endorse(self, j: int, listing: bytes, minute: int = MINUTE) -> bytes:
        """Helper j stands by a list; its records are kept."""
        self.helpers[j], reply = helper.endorse(self.helpers[j], listing, minute=minute)
        self.kept[j] += reply.records
        return reply.message

    def stand(self, silent: Collection[int] = ()) -> bytes:
        """The list is fixed and stood by; returns the request."""
        self.leader, listing = leader.close_proposing(self.leader)
        for j in self.speakers(silent) if len(self.helpers) > 1 else ():
            self.leader = leader.take_signature(self.leader, j, self.endorse(j, listing))
        self.leader, request = leader.close_listing(self.leader)
        return request

    def answer(
        self, j: int, request: bytes, *, minute: int = MINUTE, noise: Words | None = None
    ) -> bytes:
        """Helper j's sums of masks; its records are kept."""
        state = self.helpers[j]
        self.helpers[j], reply = helper.answer(state, request, minute=minute, noise=noise)
        self.kept[j] += reply.records
        return reply.message

    def hear(self, j: int, message: bytes) -> None:
        """An answer reaches the leader."""
        self.leader = leader.take_answer(self.leader, j, message)

    def open(self, request: bytes, silent: Collection[int] = ()) -> leader.UploadSum:
        """All helpers that are not silent answer; the sum."""
        for j in self.speakers(silent):
            self.hear(j, self.answer(j, request))
        return leader.close_answering(self.leader)

    # What a leader can say that an honest one would not.

    def proposal(self, reports: Sequence[bytes]) -> bytes:
        """Any reports, in any order."""
        words = 8 * self.cast.window.limits.words
        each = [Report.parse(report, words) for report in reports]
        payload = Proposal(
            tuple(one.credential for one in each), tuple(one.signed for one in each)
        ).payload()
        return self.cast.says(labels.UPLOAD_PROPOSAL, payload)

    def entry(self, report: bytes) -> bytes:
        """What stands for a report in a list, whoever made it."""
        payload = payload_of(Report.parse(report, 8 * self.cast.window.limits.words).signed)
        return entry_of(Claim.parse(payload, self.cast.window).report_id, payload)

    def entries(self, *who: int) -> list[bytes]:
        """Those of the reports that some devices made, in the order of a list."""
        return sorted(self.entry(self.reports[i]) for i in who)

    def listing(self, entries: Iterable[bytes]) -> bytes:
        """Any list."""
        return self.cast.says(labels.UPLOAD_DRAFT, list_payload(b"".join(entries)))

    def request(self, entries: Iterable[bytes], signed: Mapping[int, bytes] | None = None) -> bytes:
        """Any list, with any signed consents of helpers."""
        signed = signed or {}
        bare = tuple(signature_of(message) for message in signed.values())
        payload = Request(b"".join(entries), tuple(signed), bare).payload()
        return self.cast.says(labels.UPLOAD_REQUEST, payload)


def id_of(i: int) -> bytes:
    """The report id that device i draws in every play."""
    return tape(("report", i), 16)


def judged(devices: int, helpers: int = 1, **options: Any) -> WindowPlay:
    """Everyone has reported and every helper has found all of it valid."""
    return WindowPlay.of(window_cast(devices, helpers, **options)).gather().judge()
