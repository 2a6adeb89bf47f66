"""Who plays in the tests of secure aggregation, and the stage they play on.

``Cast`` is a registrar, a coordinator and n devices with fixed keys; device i stands at roster
index i. ``Play`` carries one session phase by phase, so that a test can stop anywhere, hand a
client something false and see what happens. ``rule_off`` takes one refusal out of one function:
an attack that is refused with the rule must get past it without.
"""

from __future__ import annotations
import __future__

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from holter.algebra.ring import Words
from holter.crypto import labels
from holter.crypto.signature import SigningKey
from holter.secagg import client, server
from holter.secagg.client_states import Step
from holter.secagg.connectivity import fewest_survivors
from holter.secagg.errors import Caller
from holter.secagg.messages import Terms, statement
from holter.secagg.session import Bounds, Session
from holter.trust import credential

WORDS = 3
TODAY = 20_000
MINUTE = TODAY * 24 * 60
WHOLE = 5  # messages a client delivers in a session that it finishes


def tape(name: object, length: int = 32) -> bytes:
    """Fixed randomness, a different stream for every name."""
    return hashlib.shake_256(repr(name).encode()).digest(length)


@dataclass(frozen=True)
class Cast:
    """A registrar, a coordinator and devices, sorted so that index i is on seat i."""

    session: Session
    server_key: SigningKey
    registrar: SigningKey
    keys: tuple[SigningKey, ...]
    credentials: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.keys)

    def check(self, message: bytes) -> bytes:
        """What every party asks of a credential."""
        public = self.registrar.public
        return credential.check(message, registrar_public=public, today=TODAY).device_key

    def vectors(self, salt: object = "") -> dict[int, Words]:
        """One vector a client, from the whole ring."""
        words = self.session.bounds.words
        return {
            i: np.frombuffer(tape((salt, "vector", i), 8 * words), dtype="<u8").astype(np.uint64)
            for i in range(len(self))
        }

    def says(self, label: bytes, bound_to: bytes, *parts: bytes) -> bytes:
        """A statement of the coordinator, true or not."""
        return self.server_key.sign(statement(parts), context=label + bound_to)


def cast_of(
    clients: int,
    *,
    colluders: int = 0,
    floor: int | None = None,
    smallest: int | None = None,
    words: int = WORDS,
    session_id: bytes = b"session-00000001",
    model: bytes = b"model",
) -> Cast:
    """A cast with the lowest floor that its bounds allow, unless told otherwise."""
    floor = fewest_survivors(clients, colluders) if floor is None else floor
    bounds = Bounds(floor if smallest is None else smallest, clients, floor, colluders, words)
    server_key, registrar = SigningKey(tape("coordinator")), SigningKey(tape("registrar"))
    model_hash, plan_hash = hashlib.sha256(model).digest(), hashlib.sha256(b"plan").digest()
    session = Session(
        b"task-00000000001", session_id, model_hash, plan_hash, server_key.public, bounds
    )
    keys = sorted((SigningKey(tape(("device", i))) for i in range(clients)), key=lambda k: k.public)
    issued = (
        credential.issue(registrar, credential.Credential(key.public, 1, TODAY + 30))
        for key in keys
    )
    return Cast(session, server_key, registrar, tuple(keys), tuple(issued))


@dataclass
class Play:
    """One session, carried by hand.

    said: what each client has sent, in order. held: the shares that each client opened.
    """

    cast: Cast
    vectors: Mapping[int, Words]
    salt: object = ""
    server: Any = None
    clients: dict[int, Any] = field(default_factory=dict)
    said: dict[int, list[Step]] = field(default_factory=dict)
    outbox: Mapping[int, bytes] = field(default_factory=dict)
    held: dict[int, dict[int, tuple[bytes, bytes]]] = field(default_factory=dict)
    summed: server.Summed | None = None

    @classmethod
    def of(cls, cast: Cast, salt: object = "") -> Play:
        """A play before anyone has spoken."""
        state = server.Joining(cast.session, cast.server_key)
        return cls(cast, cast.vectors(salt), salt, state)

    @property
    def sid(self) -> bytes:
        """The session once the roster is fixed."""
        state = self.server
        while not isinstance(state, server.Sharing):
            state = state.before
        return state.roster.sid

    def advertise(self, who: Iterable[int] | None = None) -> None:
        """M0 of everyone in ``who``; nothing reaches the server yet."""
        cast = self.cast
        for i in range(len(cast)) if who is None else who:
            random = tape((self.salt, "advertise", i), client.ADVERTISE_RANDOM_BYTES)
            self.clients[i], step = client.advertise(
                cast.session, cast.keys[i], cast.credentials[i], random=random
            )
            self.said[i] = [step]

    def join(self, who: Iterable[int] | None = None) -> Play:
        """M0 of everyone in ``who``, delivered."""
        self.advertise(who)
        for i in sorted(self.clients):
            self.server = server.join(self.server, self.said[i][0].message, self.cast.check)
        return self

    def close(self) -> Mapping[int, bytes]:
        """End the server's phase; its messages wait in ``outbox``."""
        closers: dict[type, Callable[[Any], Any]] = {
            server.Joining: server.close_joining,
            server.Sharing: server.close_sharing,
            server.Masking: server.close_masking,
            server.Endorsing: server.close_endorsing,
        }
        self.server, self.outbox = closers[type(self.server)](self.server)
        return self.outbox

    def answer(self, i: int, message: bytes | None = None) -> Step:
        """Client i answers what lies in its outbox, or ``message`` instead."""
        data = self.outbox[i] if message is None else message
        match self.clients[i]:
            case client.Advertised() as state:
                seated = client.accept_roster(state, data, self.cast.check)
                length = client.share_random_bytes(seated)
                random = tape((self.salt, "share", i), length)
                following, step = client.share(seated, random=random)
            case client.Shared() as state:
                opened = client.accept_inbox(state, data)
                self.held[i] = dict(opened.held)
                following, step = client.mask(opened, self.vectors[i])
            case client.Sent() as state:
                following, step = client.endorse(state, data)
            case client.Endorsed() as state:
                following, step = client.unmask(state, data)
            case _:
                raise Caller("this client has nothing more to say")
        self.clients[i] = following
        self.said[i].append(step)
        return step

    def deliver(self, i: int, message: bytes | None = None) -> None:
        """Client i's last message reaches the server, or ``message`` in its name."""
        data = self.said[i][-1].message if message is None else message
        self.server = server.receive(self.server, i, data)

    def go(self, who: Iterable[int] | None = None) -> Play:
        """One whole phase: close, answer and deliver for everyone in ``who``."""
        self.close()
        for i in sorted(self.outbox) if who is None else who:
            self.answer(i)
            self.deliver(i)
        return self

    def finish(self) -> server.Summed:
        """The sum; each client that is through accepts the result."""
        self.summed = server.close_unmasking(self.server, minute=MINUTE)
        for state in self.clients.values():
            if isinstance(state, client.Released):
                receipt = client.accept_result(state, self.summed.result)
                client.accept_transcript(receipt, self.summed.transcript)
        return self.summed

    def plain(self, who: Iterable[int]) -> list[int]:
        """The sum of some clients' vectors in Python's own integers."""
        words = self.cast.session.bounds.words
        chosen = list(who)
        return [sum(int(self.vectors[i][w]) for i in chosen) % 2**64 for w in range(words)]


def to_phase(cast: Cast, answers: int, salt: object = "") -> Play:
    """A play in which everyone has sent ``answers`` messages after M0."""
    play = Play.of(cast, salt).join()
    for _ in range(answers):
        play.go()
    return play


def roster_statement(cast: Cast, terms: Terms) -> bytes:
    """The coordinator's signature over any terms."""
    return cast.server_key.sign(terms.payload(), context=labels.ROSTER + cast.session.context)


class _Without(ast.NodeTransformer):
    def __init__(self, rules: tuple[str, ...]) -> None:
        self.rules, self.found = rules, list[str]()

    def visit_If(self, node: ast.If) -> ast.If:
        self.generic_visit(node)
        raised = ast.unparse(node.body[0]) if isinstance(node.body[0], ast.Raise) else ""
        for words in self.rules:
            if words in raised:
                node.test = ast.Constant(False)
                self.found.append(words)
        return node


def rule_off(patch: pytest.MonkeyPatch, module: ModuleType, name: str, *rules: str) -> None:
    """Take out of ``module.name`` each ``if ...: raise`` whose refusal says one of ``rules``."""
    remover = _Without(rules)
    source = textwrap.dedent(inspect.getsource(getattr(module, name)))
    tree = ast.fix_missing_locations(remover.visit(ast.parse(source)))
    assert sorted(remover.found) == sorted(rules), f"rules of {name} found: {remover.found}"
    flags = __future__.annotations.compiler_flag
    made: dict[str, Any] = {}
    exec(compile(tree, f"<{name} without a rule>", "exec", flags), vars(module), made)
    patch.setattr(module, name, made[name])
