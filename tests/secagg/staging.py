"""One small session stopped before every message, for tests that hand in anything at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any

from hypothesis import strategies as st

from holter.secagg import client, server
from holter.wire.cbor import encode
from tests.secagg.cast import MINUTE, Play, cast_of, tape

STEPS = range(6)  # M1, M3, M5, M7, M9 and the transcript to a client
PHASES = range(5)  # M0, M2, M4, M6, M8 to the server
CLIENTS, LOST = 6, 5  # LOST hears nothing after its M2

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**64), 2**64 - 1),
    st.binary(max_size=40),
    st.text(max_size=8),
    st.sampled_from([bytes(n) for n in (1, 2, 8, 32, 33, 64, 144, 160, 161, 192, 1024, 1025)]),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.one_of(st.integers(-9, 9), st.text(max_size=3)), inner, max_size=3),
    ),
    max_leaves=12,
)


@dataclass
class Stage:
    """Client 0's state and the true message before each step, and the server's states."""

    play: Play
    states: list[Any] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    servers: list[Any] = field(default_factory=list)


@cache
def stage() -> Stage:
    play = Play.of(cast_of(CLIENTS))
    made = Stage(play, servers=[play.server])
    play.join()
    for number in range(4):
        play.close()
        made.servers.append(play.server)
        made.states.append(play.clients[0])
        made.messages.append(play.outbox[0])
        for i in play.outbox:
            if i != LOST or number == 0:
                play.answer(i)
                play.deliver(i)
    summed = server.close_unmasking(play.server, minute=MINUTE)
    receipt = client.accept_result(play.clients[0], summed.result)
    made.states += [play.clients[0], receipt]
    made.messages += [summed.result, summed.transcript]
    return made


def step(state: Any, data: bytes) -> object:
    """What client 0 does with ``data`` in ``state``."""
    if isinstance(state, client.Released):
        return client.accept_result(state, data)
    if isinstance(state, client.Receipt):
        return client.accept_transcript(state, data)
    play = stage().play
    return Play(play.cast, play.vectors, clients={0: fresh(state)}, said={0: []}).answer(0, data)


def fresh(state: Any) -> Any:
    """The state, its secrets unused again: a test tries one state many times."""
    for each in inside(state):
        if isinstance(each, client.Secrets):
            each._made.clear()
    return state


def receive(at: int, sender: int, message: bytes) -> object:
    """What the server of phase ``at`` says to it."""
    made = stage()
    if at == 0:
        return server.join(made.servers[0], message, made.play.cast.check)
    return server.receive(made.servers[at], sender, message)


def said(i: int) -> list[bytes]:
    """What client i truly sent."""
    return [each.message for each in stage().play.said[i]]


def inside(state: Any) -> Iterator[Any]:
    """Everything that a state holds, itself first."""
    yield state
    if is_dataclass(state):
        for each in fields(state):
            yield from inside(getattr(state, each.name))


def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """The message with a bit flipped, a piece cut out, doubled or replaced."""
    how = draw(st.sampled_from(["flip", "cut", "double", "replace", "head"]))
    at = draw(st.integers(0, len(data) - 1))
    end = min(len(data), at + draw(st.integers(1, 40)))
    if how == "flip":
        return data[:at] + bytes([data[at] ^ 1 << draw(st.integers(0, 7))]) + data[at + 1 :]
    if how == "cut":
        return data[:at] + data[end:]
    if how == "double":
        return data[:end] + data[at:]
    if how == "head":
        return bytes([draw(st.integers(0, 255))]) + data[1:]
    return data[:at] + draw(st.binary(max_size=40)) + data[end:]


@st.composite
def wrong_messages(draw: st.DrawFn, true: list[bytes]) -> bytes:
    """Damaged ones, true ones of another step, random bytes and random values."""
    kind = draw(st.sampled_from(["damaged", "damaged", "bytes", "value", "other"]))
    if kind == "damaged":
        return damaged(draw, draw(st.sampled_from(true)))
    if kind == "bytes":
        return draw(st.binary(max_size=200))
    if kind == "other":
        return draw(st.sampled_from(true))
    return encode(draw(values))


@cache
def secrets() -> dict[str, bytes]:
    """What no refusal and no state may show, of every client, by name."""
    play = stage().play
    found: dict[str, bytes] = {"coordinator's key": tape("coordinator")}
    for i in range(CLIENTS):
        random = tape((play.salt, "advertise", i), client.ADVERTISE_RANDOM_BYTES)
        found[f"channel key {i}"], found[f"mask key {i}"] = random[:32], random[32:64]
        found[f"seed {i}"], found[f"device key {i}"] = random[64:96], tape(("device", i))
        found[f"vector {i}"] = play.vectors[i].astype("<u8").tobytes()
        for dealer, both in play.held.get(i, {}).items():
            found[f"seed share {dealer} {i}"], found[f"key share {dealer} {i}"] = both
    shared: Any = stage().states[1]
    found |= {f"agreed {j}": agreed for j, agreed in shared.agreed.items()}
    found |= {f"edge {j}": seed for j, seed in shared.pair_seeds.items()}
    return found


def shown(text: str) -> list[str]:
    """Which secrets stand in a text, in part or whole, as hexadecimal, a literal or numbers."""
    found = []
    for name, value in secrets().items():
        part = value[:8]
        numbers = [str(int.from_bytes(value[i : i + 8], "little")) for i in range(0, len(value), 8)]
        if part.hex() in text or repr(part)[2:-1] in text or any(n in text for n in numbers):
            found.append(name)
    return found
