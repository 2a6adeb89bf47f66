"""Sessions in which clients fall silent: who gets how far, and what has to come of it.

``carried`` plays a session in which each client makes so many messages, of which so many arrive.
``expected`` says from the rules alone who is in the sum, or that there is none. Signatures are
checked once for each (message, key, context) under ``remembered``: what is true stays true, and
a session of hundreds checks the same quorum hundreds of times.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pytest

from holter.crypto import signature
from holter.secagg import client, server
from holter.secagg.errors import Abandoned, PeerFault
from tests.secagg.cast import WHOLE, Cast, Play

_T = TypeVar("_T")


@dataclass(frozen=True)
class Fate:
    """How many of its five messages a client makes, and how many of them arrive."""

    makes: int = WHOLE
    arrives: int = WHOLE


MOMENTS = tuple(f"{when} M{number}" for number in range(9) for when in ("before", "after"))
"""Before an even message: it is made and lost. Before an odd one: the client never hears it.
After any: the client hears nothing more; after an odd one its answer is made and lost.
"""


def fate(moment: str) -> Fate:
    """What becomes of a client that is lost then."""
    when, message = moment.split()
    spoken, down = divmod(int(message[1:]), 2)
    if not down:
        return Fate(spoken + 1, spoken + (when == "after"))
    return Fate(spoken + 1 + (when == "after"), spoken + 1)


def remembered(patch: pytest.MonkeyPatch) -> None:
    """Check no signature twice."""
    quick = functools.cache(signature.verify)
    for module in (signature, client, server):
        patch.setattr(module, "verify", quick)


def carried(cast: Cast, fates: Mapping[int, Fate], shuffle: random.Random | None = None) -> Play:
    """A session in which these are the fates. Raises Abandoned.

    With ``shuffle`` every message arrives twice, in any order, and late ones arrive too.
    """
    play = Play.of(cast)
    play.advertise(i for i in range(len(cast)) if fates[i].makes)
    posts = [step[0].message for i, step in play.said.items() if fates[i].arrives]
    for message in mixed(posts, shuffle):
        play.server = server.join(play.server, message, cast.check)
    seats = [i for i in sorted(play.clients) if fates[i].arrives]
    for number in range(1, WHOLE):
        phase(play, seats, number, fates, shuffle)
    return play


def phase(
    play: Play,
    seats: Sequence[int],
    number: int,
    fates: Mapping[int, Fate],
    shuffle: random.Random | None = None,
) -> None:
    """Message ``number`` of everyone whose fate lets it speak. seats: device of each index."""
    play.close()
    posts = []
    for index in play.outbox:
        device = seats[index]
        if fates[device].makes > number:
            message = play.answer(device, play.outbox[index]).message
            if fates[device].arrives > number:
                posts.append((index, message))
    for index, message in mixed(posts, shuffle):
        play.server = server.receive(play.server, index, message)
    if shuffle:
        for index, device in enumerate(seats):
            late(play, index, [step.message for step in play.said[device][:number]])


def late(play: Play, index: int, messages: Iterable[bytes]) -> None:
    """Messages for phases that are over change nothing."""
    for message in messages:
        with pytest.raises(PeerFault):
            play.server = server.receive(play.server, index, message)


def mixed(posts: list[_T], shuffle: random.Random | None) -> list[_T]:
    """Everything twice and in any order; as it stands without ``shuffle``."""
    if shuffle is None:
        return posts
    twice = posts * 2
    shuffle.shuffle(twice)
    return twice


def expected(
    cast: Cast,
    arrives: Mapping[int, int],
    around: Sequence[Collection[int]] | None = None,
    threshold: int | None = None,
) -> set[int] | None:
    """Whose vectors are in the sum, or None where the plan's floors are not met.

    around, threshold: the graph by device; everyone's neighbours and the quorum if left out.
    """
    bounds = cast.session.bounds
    reached = [{i for i in arrives if arrives[i] > k} for k in range(WHOLE)]
    seated, masked = reached[:2]
    quorum = (len(seated) + bounds.colluders) // 2 + 1
    needed = quorum if threshold is None else threshold
    near = [seated - {i} for i in range(len(cast))] if around is None else [*map(set, around)]
    if len(seated) < bounds.smallest_roster or len(masked) < bounds.survivors_floor:
        return None
    left = set(reached[2])
    while thin := {i for i in left if len(near[i] & left) < needed}:
        left -= thin
    if len(left) < bounds.survivors_floor or len(reached[3] & left) < quorum:
        return None
    holders = reached[4] & left
    opens = all(len(near[i] & holders) >= needed for i in left)
    for i in masked - left:  # its edges: by the other end, or by its key
        silent = near[i] & left - holders
        opens = opens and (not silent or len(near[i] & holders) >= needed)
    return left if opens else None


def ends(cast: Cast, fates: Mapping[int, Fate], shuffle: random.Random | None = None) -> bool:
    """Whether it ended in a sum; then the exact one of whom the rules say. Never a third way."""
    survivors = expected(cast, {i: each.arrives for i, each in fates.items()})
    seats = [i for i in sorted(fates) if fates[i].arrives]
    try:
        play = carried(cast, fates, shuffle)
        summed = play.finish()
    except Abandoned as reason:
        assert survivors is None and reason.blamed == ()
        return False
    assert survivors is not None and {seats[i] for i in summed.survivors} == survivors
    assert summed.words.tolist() == play.plain(survivors)
    assert summed.blamed == ()
    return True
