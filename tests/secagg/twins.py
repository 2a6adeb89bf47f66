"""Both implementations in one session, message by message: the same bytes, the same refusals.

``Twins`` is a client and a server of each, fed with the same randomness. Whatever one side makes
the other has to make too, byte for byte; what one refuses the other has to refuse. So any mixture
of their clients and servers is one and the same session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from holter.algebra.ring import Words
from holter.crypto import shamir
from holter.secagg import client, server
from holter.secagg.errors import Abandoned, CoordinatorFault, PeerFault
from tests.reference import five
from tests.secagg.cast import MINUTE, TODAY, Cast, Play, tape

ACCOUNTING = b"accounting"
SEEDS: dict[bytes, bytes] = {}


def device_seed(cast: Cast, i: int) -> bytes:
    """The private key of device i, which the cast does not keep."""
    public = cast.keys[i].public
    if public not in SEEDS:
        seeds = (tape(("device", k)) for k in range(300))
        SEEDS.update((client.SigningKey(seed).public, seed) for seed in seeds)
    return SEEDS[public]


def session_of(cast: Cast) -> five.Session:
    own = cast.session
    return five.Session(
        own.task_id.decode(), own.session_id, own.model_hash, own.plan_hash, own.server_public,
        cast.registrar.public, own.group,
    )  # fmt: skip


def bounds_of(cast: Cast) -> five.Bounds:
    return five.Bounds(**vars(cast.session.bounds))


def client_of(cast: Cast, i: int) -> five.Client:
    """The reference's client of device i."""
    args = (session_of(cast), bounds_of(cast), device_seed(cast, i), cast.credentials[i], TODAY)
    return five.Client(*args)


def server_of(cast: Cast, sparse: tuple[int, int] | None = None) -> five.Server:
    args = (session_of(cast), bounds_of(cast), tape("coordinator"), TODAY, sparse)
    return five.Server(*args)


def integers(vector: Words) -> list[int]:
    return [int(value) for value in vector]


def said(call: Callable[[], Any], refusal: type[Exception] | tuple[type[Exception], ...]) -> Any:
    """What ``call`` returns, or None where it refuses."""
    try:
        return call()
    except refusal:
        return None


class Twins:
    """One session of both. shown, sent: how messages are changed on the way, by (kind, client)."""

    def __init__(self, cast: Cast, arrives: Mapping[int, int], change: Change) -> None:
        self.cast, self.arrives, self.change = cast, arrives, change
        self.play = Play.of(cast)
        self.clients = {i: client_of(cast, i) for i in range(len(cast))}
        self.server = server_of(cast)
        self.seats: list[int] = []
        self.refusals = 0

    def carry(self) -> tuple[list[int], bytes, bytes, list[int]] | list[int]:
        """(sum, M9, transcript, blamed) of both, or whom both blame where both abandon."""
        self.join()
        for number, close in enumerate(("roster", "inboxes", "survivors", "quorum"), start=1):
            if not self.phase(number, close):
                return []
        return self.end()

    def join(self) -> None:
        play = self.play
        play.advertise()
        for i, each in self.clients.items():
            random = tape((play.salt, "advertise", i), client.ADVERTISE_RANDOM_BYTES)
            assert each.advertise(random) == play.said[i][0].message
            if self.arrives[i] > 0:
                message = play.said[i][0].message
                play.server = server.join(play.server, message, self.cast.check)
                self.server.join(message)
        self.seats = [i for i in self.clients if self.arrives[i] > 0]

    def phase(self, number: int, close: str) -> bool:
        """Whether both go on; both servers' messages are the same, and so are the answers."""
        mine = said(self.play.close, Abandoned)
        theirs = said(getattr(self.server, close), five.Abandoned)
        assert (mine is None) == (theirs is None), f"one of both abandons in {close}"
        if mine is None:
            return False
        for index in sorted(mine):
            made = theirs if isinstance(theirs, bytes) else theirs[index]
            assert mine[index] == made, f"M{2 * number - 1} of client {index}"
            device = self.seats[index]
            if self.arrives[device] >= number:
                self.answer(number, index, device, mine[index])
        return True

    def answer(self, number: int, index: int, device: int, message: bytes) -> None:
        shown = self.change(2 * number - 1, index, message, self)
        mine = said(lambda: self.play.answer(device, shown), CoordinatorFault)
        theirs = said(lambda: self.other(number, device, shown), five.Refused)
        assert (mine is None) == (theirs is None), f"one client refuses M{2 * number - 1}"
        if mine is None:
            self.arrives = {**self.arrives, device: 0}  # it has left
            self.refusals += 1
            return
        assert mine.message == theirs, f"M{2 * number}"
        if self.arrives[device] > number:
            self.deliver(number, index, self.change(2 * number, index, theirs, self))

    def other(self, number: int, device: int, shown: bytes) -> bytes:
        """The reference's answer."""
        each = self.clients[device]
        if number == 1:
            random = tape((self.play.salt, "share", device), shamir.random_bytes_needed(2, 200))
            return each.share(shown, random)
        if number == 2:
            return each.mask(shown, integers(self.play.vectors[device]))
        return each.endorse(shown) if number == 3 else each.unmask(shown)

    def deliver(self, number: int, index: int, message: bytes) -> None:
        step = ("", "shares", "masked", "endorse", "unmask")[number]
        play = self.play
        mine = said(lambda: server.receive(play.server, index, message), PeerFault)
        theirs = said(lambda: getattr(self.server, step)(index, message) or True, five.Refused)
        assert (mine is None) == (theirs is None), f"one server refuses M{2 * number}"
        if mine is None:
            self.refusals += 1
        else:
            play.server = mine

    def end(self) -> tuple[list[int], bytes, bytes, list[int]] | list[int]:
        try:
            summed = server.close_unmasking(self.play.server, minute=MINUTE, accounting=ACCOUNTING)
        except Abandoned as reason:
            theirs = said(lambda: self.server.result(MINUTE, ACCOUNTING), five.Abandoned)
            assert theirs is None, "the reference ends in a sum"
            assert tuple(sorted(self.server.blamed)) == reason.blamed, "they blame differently"
            return list(reason.blamed)
        total, m9, transcript, blamed = self.server.result(MINUTE, ACCOUNTING)
        assert integers(summed.words) == total
        assert [blame.client for blame in summed.blamed] == blamed
        assert summed.transcript == transcript and summed.result == m9
        for i, state in self.play.clients.items():
            if isinstance(state, client.Released):
                hashes = self.clients[i].result(m9, transcript)
                receipt = client.accept_result(state, m9)
                assert hashes == (receipt.sum_hash, receipt.transcript_hash)
                client.accept_transcript(receipt, transcript)
        return total, m9, transcript, blamed


Change = Callable[[int, int, bytes, Twins], bytes]


def unchanged(_: int, __: int, message: bytes, ___: Twins) -> bytes:
    return message
