"""A process that is killed at a write-ahead point: it sends those very bytes again, or is lost.

What a device had made durable is all that it knows after a restart. Nothing that it does with
that can change a sum, and nothing is sealed, masked, endorsed or released a second time.
"""

from __future__ import annotations

import pytest

from holter.secagg import client, server
from holter.secagg.client_states import Restarted
from holter.secagg.errors import Abandoned, Caller, PeerFault
from tests.secagg.cast import WHOLE, Cast, Play, cast_of, tape
from tests.secagg.losses import expected, remembered

KINDS = ("M0", "M2", "M4", "M6", "M8")
POINTS = ("before the record", "within the record", "after the record", "after the message")
COHORTS = [(8, 0), (9, 1), (10, 0), (11, 1), (12, 2)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered(monkeypatch)


class Killed:
    """One session in which some processes are killed at ``point`` of message ``number``."""

    def __init__(self, cast: Cast, killed: set[int], number: int, point: str) -> None:
        self.play, self.killed = Play.of(cast), killed
        self.number, self.point = number, point
        self.disk: dict[int, list[bytes]] = {i: [] for i in range(len(cast))}
        self.seats: list[int] = []
        self.sent: dict[int, list[bytes]] = {i: [] for i in range(len(cast))}

    def carry(self) -> server.Summed:
        """Every phase; whoever is killed never speaks again but for what it has on record."""
        play = self.play
        play.advertise()
        for device in list(play.clients):
            self.speak(device, device, 0)
        self.seats = [device for device in sorted(self.sent) if self.sent[device]]
        for number in range(1, WHOLE):
            play.close()
            for index in play.outbox:
                device = self.seats[index]
                if device not in self.killed or number <= self.number:
                    play.answer(device, play.outbox[index])
                    self.speak(device, index, number)
        return play.finish()

    def speak(self, device: int, index: int, number: int) -> None:
        """Record, then message; or killed on the way and started again."""
        step = self.play.said[device][number]
        if device not in self.killed or number != self.number:
            self.disk[device].append(step.record)
            self.post(device, index, number, step.message)
            return
        if self.point == "within the record":
            self.disk[device].append(step.record[: len(step.record) * device // 97])
        elif self.point != "before the record":
            self.disk[device].append(step.record)
        if self.point == "after the message":
            self.post(device, index, number, step.message)
        self.restart(device, index, number)

    def restart(self, device: int, index: int, number: int) -> None:
        play = self.play
        secrets = play.clients.pop(device)
        del secrets  # what was in memory is gone
        try:
            found = client.recover(self.disk[device])
        except Caller as reason:
            assert "torn" in str(reason) or "never joined" in str(reason)
            return
        assert type(found) is Restarted
        kept = len(self.disk[device]) - 1
        assert (found.kind, found.message) == (KINDS[kept], play.said[device][kept].message)
        if kept == number:
            self.post(device, index, number, found.message)
        elif number:
            before = play.server
            with pytest.raises(PeerFault):  # its last word was for a phase that is over
                server.receive(before, index, found.message)

    def post(self, device: int, index: int, number: int, message: bytes) -> None:
        play = self.play
        if number == 0:
            play.server = server.join(play.server, message, play.cast.check)
        else:
            play.server = server.receive(play.server, index, message)
        self.sent[device].append(message)


def survivors_of(cast: Cast, killed: set[int], number: int, point: str) -> set[int] | None:
    left = number + (point in POINTS[2:])
    arrives = {i: left if i in killed else WHOLE for i in range(len(cast))}
    return expected(cast, arrives)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("number", range(WHOLE), ids=KINDS)
@pytest.mark.parametrize(("clients", "colluders"), COHORTS)
def test_a_process_killed_at_any_write_ahead_point_never_changes_the_sum(
    clients: int, colluders: int, number: int, point: str
) -> None:
    cast = cast_of(clients, colluders=colluders)
    borne = clients - cast.session.bounds.survivors_floor
    for count in {1 if clients == 8 else borne, borne, borne + 1}:
        order = sorted(range(clients), key=lambda i: tape((number, point, clients, i)))
        killed = set(order[:count])
        survivors = survivors_of(cast, killed, number, point)
        recorded_to_the_end = number == WHOLE - 1 and point in POINTS[2:]
        assert (survivors is not None) == (count <= borne or recorded_to_the_end)
        session = Killed(cast, killed, number, point)
        try:
            summed = session.carry()
        except Abandoned as reason:
            assert survivors is None and reason.blamed == ()
        else:
            assert {session.seats[i] for i in summed.survivors} == survivors
            assert summed.words.tolist() == session.play.plain(survivors or ())
        for messages in session.sent.values():  # one message of a kind, whatever happened
            assert all(messages.count(each) <= 2 for each in messages)
            assert len(set(messages)) <= WHOLE


def test_a_record_of_a_restarted_process_stays_the_last_word_of_this_session() -> None:
    cast = cast_of(8)
    session = Killed(cast, {2}, 2, "after the record")
    session.carry()
    again = client.recover(session.disk[2])
    assert [again.kind, len(session.disk[2])] == ["M4", 3]
    for state in (again, session.play.said[2][2]):
        with pytest.raises((AttributeError, TypeError)):
            client.endorse(state, b"")  # type: ignore[arg-type]
