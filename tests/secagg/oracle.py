"""A session under a coordinator's script, and all that the coordinator knows in the end.

It has every masked vector, every released share and edge seed, every secret of the corrupt.
What follows from that, ``verdict`` computes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import pytest

from holter.algebra.ring import Words
from holter.crypto.signature import payload_of, signature_of
from holter.secagg import client, masking
from holter.secagg.client_states import Endorsed, Sent, Shared
from holter.secagg.errors import Caller, CoordinatorFault
from holter.secagg.messages import Quorum
from tests.secagg import forgery
from tests.secagg.cast import Cast, Play, cast_of

Set = frozenset[int]


@dataclass
class Script:
    """What a coordinator does in one session. Sets are by client: each may see its own.

    offers: survivor sets that each client is asked to endorse, one after the other. spoilt:
    whose seals each client cannot open; moved: whether those are others' seals instead of zeros.
    """

    mask_sets: Mapping[int, Set]
    offers: Mapping[int, tuple[Set, ...]]
    spoilt: Mapping[int, Set] = field(default_factory=dict)
    corrupt: Set = frozenset()
    moved: bool = False


@dataclass
class Knowledge:
    """What the coordinator has in the end. Names are of devices; a roster has a number.

    masked: (roster, device) -> whose pair masks it applied. seeds, keys: (roster, dealer) -> who
    gave a share of that. edges: (roster, one, other) whose seed is known. endorsed: for each
    roster, the survivor sets for which shares were released.
    """

    corrupt: set[int] = field(default_factory=set)
    masked: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    seeds: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    keys: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    edges: set[tuple[int, int, int]] = field(default_factory=set)
    endorsed: dict[int, set[Set]] = field(default_factory=dict)
    thresholds: dict[int, int] = field(default_factory=dict)
    around: dict[int, dict[int, set[int]]] = field(default_factory=dict)
    devices: int = 0

    def opened(self, shares: Mapping[tuple[int, int], set[int]]) -> set[int]:
        """Devices whose secret of this kind enough shares, of one dealing, open."""
        return {d for (r, d), who in shares.items() if len(who) >= self.thresholds[r]}


def everyone(clients: int, members: Collection[int]) -> dict[int, Set]:
    """The same set for all."""
    return dict.fromkeys(range(clients), frozenset(members))


def offered(clients: int, *sets: Collection[int]) -> dict[int, tuple[Set, ...]]:
    """The same survivor sets for all, one after the other."""
    return dict.fromkeys(range(clients), tuple(frozenset(each) for each in sets))


def shared(cast: Cast, salt: object = "") -> Play:
    """Everyone who has as many neighbours as shares are needed has sent its shares."""
    play = Play.of(cast, salt).join()
    play.close()
    state = forgery.sharing(play)
    for i in play.outbox:
        if len(state.neighbours[i]) >= state.threshold:
            play.answer(i)
            play.deliver(i)
    return play


def session(clients: int, colluders: int, script: Script, *, naive: bool = False) -> Knowledge:
    """One session on the complete graph. naive: rule A21 is off."""
    known = Knowledge()
    carry(known, shared(cast_of(clients, colluders=colluders)), script, naive=naive)
    return known


def carry(
    known: Knowledge,
    play: Play,
    script: Script,
    *,
    devices: tuple[int, ...] | None = None,
    naive: bool = False,
) -> None:
    """From the mask set to the end. devices: who stands at each index. naive: rule A21 is off,
    seals that did not open are masked without.
    """
    number, state = len(known.thresholds), forgery.sharing(play)
    size = len(state.roster)
    names = tuple(range(size)) if devices is None else devices
    known.thresholds[number], known.endorsed[number] = state.threshold, set()
    known.devices = max(known.devices, 1 + max(names))
    known.corrupt |= {names[i] for i in script.corrupt}
    known.around[number] = {names[i]: {names[j] for j in state.neighbours[i]} for i in range(size)}
    real = masking.masked

    def spy(vector: Words, me: int, seed: bytes, pairs: dict[int, bytes]) -> Words:
        used = {j: s for j, s in pairs.items() if not naive or j in play.held[me]}
        known.masked[number, names[me]] = {names[j] for j in used}
        return real(vector, me, seed, used)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masking, "masked", spy)
        for i in range(size):
            if isinstance(play.clients.get(i), Shared):
                if i in script.corrupt:  # it is shown everything
                    play.held[i] = opened_by(play, i)
                    gave(known, number, names, i, play.held[i], play.held[i])
                else:
                    attempt(play, i, inbox(play, i, script))
    endorsed = endorsements(play, script)
    for endorsers in endorsed.values():
        release(known, number, names, play, script, endorsers)


def inbox(play: Play, i: int, script: Script) -> bytes:
    spoilt = script.spoilt.get(i, frozenset())
    if not script.moved:
        return forgery.inbox(play, i, script.mask_sets[i], spoilt)
    state = forgery.sharing(play)
    dealers = sorted(d for d in spoilt & state.sealed.keys() if d in state.neighbours[i])
    places = [state.sealed[d][1].place(state.position(i, d)) for d in dealers]
    turned = dict(zip(dealers, [*places[1:], *places[:1]], strict=True))
    return forgery.inbox(play, i, script.mask_sets[i], instead=turned)


def opened_by(play: Play, i: int) -> dict[int, tuple[bytes, bytes]]:
    """All that a corrupt client can open; it asks for no floor."""
    data = forgery.inbox(play, i, forgery.sharing(play).sealed)
    try:
        return dict(client.accept_inbox(play.clients[i], data).held)
    except CoordinatorFault:  # so few shared that no honest client goes on either
        return {}


def attempt(play: Play, i: int, data: bytes) -> None:
    """Hand a client something; if it refuses, that was its last word."""
    try:
        play.answer(i, data)
    except CoordinatorFault:
        pass


def gave(
    known: Knowledge,
    number: int,
    names: tuple[int, ...],
    holder: int,
    seeds: Collection[int],
    keys: Collection[int],
) -> None:
    for shares, dealers in ((known.seeds, seeds), (known.keys, keys)):
        for dealer in dealers:
            shares.setdefault((number, names[dealer]), set()).add(names[holder])


Endorsers = list[tuple[int, Endorsed, bytes]]


def endorsements(play: Play, script: Script) -> dict[bytes, Endorsers]:
    """Every set that anyone can be brought to endorse: payload -> (client, state, signature)."""
    found: dict[bytes, Endorsers] = {}
    for i, state in sorted(play.clients.items()):
        if not isinstance(state, Sent) or i in script.corrupt:
            continue
        helped = {j: forgery.header(play, j, script.mask_sets[i]) for j in script.corrupt}
        for members in script.offers[i]:
            try:
                data = forgery.survivors(play, members, to=i, headers=helped)
                following, step = client.endorse(state, data)
            except (CoordinatorFault, Caller):
                continue
            signed = (i, following, signature_of(step.message))
            found.setdefault(payload_of(step.message), []).append(signed)
    return found


def release(
    known: Knowledge,
    number: int,
    names: tuple[int, ...],
    play: Play,
    script: Script,
    endorsers: Endorsers,
) -> None:
    """Ask everyone who endorsed one set, and look through what they say for any secret."""
    _, first, _ = endorsers[0]
    payload = first.endorsement.payload()
    helping = forgery.endorsed_by(play, sorted(script.corrupt & first.survivors), payload)
    honest = tuple(i for i, _, _ in endorsers)
    bare = tuple(signature for _, _, signature in endorsers)
    quorum = Quorum((*honest, *helping.endorsers), (*bare, *helping.signatures)).to_bytes()
    for i, state, _ in endorsers:
        try:
            _, step = client.unmask(state, quorum)
        except (CoordinatorFault, Caller):
            continue
        # By value, wherever they stand: what a message holds is known, whatever it is called.
        message, held = step.message, state.opened.held
        seeds = [d for d, both in held.items() if both[0] in message]
        keys = [d for d, both in held.items() if both[1] in message]
        gave(known, number, names, i, seeds, keys)
        for j, seed in state.opened.pair_seeds.items():
            if seed in message:
                known.edges.add((number, *sorted((names[i], names[j]))))  # type: ignore[arg-type]
        known.endorsed[number].add(frozenset(names[j] for j in state.survivors))
