"""Replays, second askings and restarts (attacks A2, A3, A11, A13 of the threat model).

Nothing that was said in one session, or at one stage of it, is worth anything elsewhere; and a
device that died between any two messages does nothing that it did not do before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from holter.crypto import aead
from holter.secagg import client, server
from holter.secagg.client_states import Released, Restarted, Sent
from holter.secagg.errors import Caller, CoordinatorFault, PeerFault
from tests.secagg import forgery
from tests.secagg.cast import Play, cast_of, tape
from tests.secagg.forged_roster import forged_roster

Patch = pytest.MonkeyPatch
N = 6
ALL = range(N)


def stages(play: Play) -> Iterator[tuple[int, Play]]:
    """Before each of the five answers of everyone, with the phase that is awaited."""
    play.join()
    for phase in range(1, 5):
        play.close()
        yield phase, play
        for i in sorted(play.outbox):
            play.answer(i)
            play.deliver(i)
    yield 5, play


def corpus(session_id: bytes, salt: object = "") -> tuple[list[bytes], list[bytes]]:
    """Everything that was said in one session: by the server, and by clients."""
    down, up = [], []
    play = Play.of(cast_of(N, session_id=session_id), salt)
    for _, now in stages(play):
        down += now.outbox.values()
    play.finish()
    down += [play.summed.result, play.summed.transcript]  # type: ignore[union-attr]
    for steps in play.said.values():
        up += [step.message for step in steps]
    return sorted(set(down)), up


def listen(play: Play, i: int, data: bytes) -> object:
    state = play.clients[i]
    if isinstance(state, Released):
        return client.accept_result(state, data)
    if isinstance(state, client.Advertised):
        return client.accept_roster(state, data, play.cast.check)
    if isinstance(state, client.Shared):
        return client.accept_inbox(state, data)
    return client.endorse(state, data) if isinstance(state, Sent) else client.unmask(state, data)


@pytest.mark.parametrize("other", [b"session-00000000", b"session-00000001"])
def test_A11_nothing_out_of_another_session_is_taken_for_anything(other: bytes) -> None:
    # The second: the same session once more, with the same devices and other randomness.
    down, up = corpus(other, "an earlier run")
    for phase, play in stages(Play.of(cast_of(N))):
        before = {i: repr(state) for i, state in play.clients.items()}
        for message in down + up:
            with pytest.raises(CoordinatorFault):
                listen(play, 0, message)
        if phase < 5:
            for at, message in enumerate(up):
                with pytest.raises(PeerFault):
                    play.server = server.receive(play.server, at // 5, message)
        assert {i: repr(state) for i, state in play.clients.items()} == before


def test_A11_nothing_out_of_another_stage_or_for_another_client_is_taken() -> None:
    whole = Play.of(cast_of(N))
    said: list[dict[int, bytes]] = [dict(play.outbox) for _, play in stages(whole)]
    for phase, play in stages(Play.of(cast_of(N))):
        for stage, messages in enumerate(said[:4], start=1):
            for to, message in messages.items():
                if stage == phase and (to == 0 or stage == 4):
                    continue  # its own; a quorum is the same for everyone
                if stage == phase == 2:
                    opened = listen(play, 0, message)
                    assert opened.held == {}  # seals for another open for nobody else
                    continue
                with pytest.raises(CoordinatorFault):
                    listen(play, 0, message)


def test_A11_one_advertisement_is_good_for_one_roster() -> None:
    cast = cast_of(N)
    play = Play.of(cast)
    play.advertise()
    rows = [play.said[i][0].message for i in ALL]
    seats = [
        client.accept_roster(play.clients[0], forged_roster(play, offered), cast.check)
        for offered in (rows, rows[:5])
    ]
    assert seats[0].roster.sid != seats[1].roster.sid
    random = [tape(("r", i), client.share_random_bytes(seat)) for i, seat in enumerate(seats)]
    _, step = client.share(seats[0], random=random[0])
    for seat, bytes_ in zip(seats, random, strict=True):
        with pytest.raises(Caller, match="M2 was made before"):
            client.share(seat, random=bytes_)
    again = client.recover([play.said[0][0].record, step.record])
    assert again == Restarted("M2", step.message)  # and after a restart, that one or none


@pytest.mark.parametrize("change", ["fewer rows", "another nonce", "another model"])
def test_A11_seals_of_one_roster_do_not_open_under_another(change: str) -> None:
    model = b"another model" if change == "another model" else b"model"
    plays = [Play.of(cast_of(N)), Play.of(cast_of(N, model=model))]
    for play, who in zip(plays, (ALL, range(5) if change == "fewer rows" else ALL), strict=True):
        play.advertise(who)
    if change == "another nonce":
        own = replace(plays[1].clients[5].own, nonce=tape("another"))
        state = replace(plays[1].clients[5], own=own)
        context = client.labels.ADVERTISE + state.session.context
        signed = state.identity.sign(own.payload(), context=context)
        message = client.messages.Advertised(plays[1].cast.credentials[5], signed).to_bytes()
        plays[1].clients[5], plays[1].said[5] = state, [client.Step(b"", message)]
    for play in plays:
        for i in sorted(play.clients):
            play.server = server.join(play.server, play.said[i][0].message, play.cast.check)
        play.go()
        play.close()
    first, second = plays
    state = forgery.sharing(first)
    foreign = {j: state.sealed[j][1].place(state.position(0, j)) for j in range(1, 5)}
    second.answer(0, forgery.inbox(second, 0, sorted(second.clients), instead=foreign))
    assert not set(second.held[0]) & set(foreign)


def spied(patch: Patch) -> dict[bytes, set[bytes]]:
    """Key -> every plaintext and context that it ever seals from now on."""
    seen: dict[bytes, set[bytes]] = {}
    real = aead.seal_once

    def seal(key: bytes, plaintext: bytes, *, context: bytes) -> bytes:
        seen.setdefault(key, set()).add(plaintext + context)
        return real(key, plaintext, context=context)

    patch.setattr(aead, "seal_once", seal)
    return seen


def test_A11_no_key_ever_seals_two_plaintexts(monkeypatch: Patch) -> None:
    seen = spied(monkeypatch)
    for session_id in (b"session-00000000", b"session-00000001"):
        cast = cast_of(N, session_id=session_id)
        for salt in ("before", "after a restart"):  # the same session, joined anew
            for _, play in stages(Play.of(cast, salt)):
                for i in ALL:  # a crash at every stage: the records, and nothing else
                    client.recover([step.record for step in play.said[i]])
                    twice_refused(play, i)
    assert len(seen) == 2 * 2 * N * (N - 1)
    assert all(len(sealed) == 1 for sealed in seen.values())


def test_A11_the_spy_sees_a_second_sealing_where_the_rule_is_off(monkeypatch: Patch) -> None:
    seen = spied(monkeypatch)
    monkeypatch.setattr(client.Secrets, "once", lambda self, kind: None)
    play = Play.of(cast_of(N)).join()
    play.close()
    seat = client.accept_roster(play.clients[0], play.outbox[0], play.cast.check)
    for salt in range(2):
        client.share(seat, random=tape(salt, client.share_random_bytes(seat)))
    assert {len(sealed) for sealed in seen.values()} == {2}


def twice_refused(play: Play, i: int) -> None:
    """A client that shared is asked to share again, out of the state it had then."""
    state = play.clients[i]
    seat = {
        client.Shared: lambda: state.seat,
        Sent: lambda: state.opened.seat,
        client.Endorsed: lambda: state.opened.seat,
    }.get(type(state))
    if seat is not None:
        random = tape("once more", client.share_random_bytes(seat()))
        with pytest.raises(Caller, match="M2 was made before"):
            client.share(seat(), random=random)
