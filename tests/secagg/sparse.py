"""A session on the sparse graph, fast enough to be carried often.

All but a few clients have verified every credential before, so they are shown none. ``shared``
carries a cast until everyone has made its M2; ``Mark`` goes back there, as often as one likes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from holter.secagg import client, server
from holter.secagg.client_states import Step
from tests.secagg.cast import WHOLE, Cast, Play, cast_of, tape
from tests.secagg.losses import Fate, phase

FIRST = 257  # the smallest roster with a sparse graph


@dataclass
class SparsePlay(Play):
    """wary: the clients that check every credential themselves."""

    wary: Collection[int] = (0,)

    def answer(self, i: int, message: bytes | None = None) -> Step:
        state = self.clients[i]
        if message is not None or not isinstance(state, client.Advertised) or i in self.wary:
            return super().answer(i, message)
        known = frozenset(key.public for key in self.cast.keys)
        data = server.roster_message(self.server, i, known)
        seated = client.accept_roster(state, data, self.cast.check, known)
        random = tape((self.salt, "share", i), client.share_random_bytes(seated))
        self.clients[i], step = client.share(seated, random=random)
        self.said[i].append(step)
        return step


def sparse_cast(clients: int = FIRST, *, lost: int = 27, colluders: int = 10) -> Cast:
    """A cast whose plan bears ``lost`` of ``clients``."""
    return cast_of(clients, colluders=colluders, floor=clients - lost)


@dataclass(frozen=True)
class Mark:
    """Where a play stood. Secrets remember what was made with them, so that is kept too."""

    server: Any
    clients: Mapping[int, Any]
    said: Mapping[int, list[Step]]
    made: Mapping[int, frozenset[str]]

    @classmethod
    def of(cls, play: Play) -> Mark:
        made = {i: frozenset(state.seat.secrets._made) for i, state in play.clients.items()}
        said = {i: list(steps) for i, steps in play.said.items()}
        return cls(play.server, dict(play.clients), said, made)

    def back(self, play: Play) -> Play:
        """The play as it was."""
        play.server, play.clients = self.server, dict(self.clients)
        play.said = {i: list(steps) for i, steps in self.said.items()}
        for i, state in play.clients.items():
            state.seat.secrets._made.intersection_update(self.made[i])
        return play


def shared(cast: Cast, salt: object = "") -> SparsePlay:
    """Everyone has advertised and made its M2; no M2 has arrived."""
    play = SparsePlay(cast, cast.vectors(salt), salt, server.Joining(cast.session, cast.server_key))
    play.join().close()
    for i in play.outbox:
        play.answer(i)
    return play


def carry_on(play: Play, fates: Mapping[int, Fate]) -> Play:
    """From ``shared`` to the last message. Raises Abandoned."""
    for i in play.clients:
        if fates[i].arrives > 1:
            play.server = server.receive(play.server, i, play.said[i][1].message)
    seats = range(len(play.cast))
    for number in range(2, WHOLE):
        phase(play, seats, number, fates)
    return play
