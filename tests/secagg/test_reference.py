"""The second implementation, written from docs/protocol.md alone, agrees on every byte.

It runs the vectors on file, as client and as server, and random sessions in which clients vanish
and lie. Where both could differ the page decides; nothing here is adapted to either of them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.crypto import labels
from holter.crypto.signature import payload_of
from holter.wire.cbor import decode, encode
from tests.reference import cbor, five, primitives
from tests.secagg import session_vectors, sparse_vectors
from tests.secagg.cast import WHOLE, Cast, cast_of
from tests.secagg.twins import Twins, unchanged

LABELS = {2: labels.SHARES, 4: labels.MASKED, 6: labels.ENDORSE, 8: labels.UNMASK}


def read(path: Any) -> Any:
    """A file of vectors; what is written as hexadecimal stays so."""
    return json.loads(path.read_text())


def agreed(content: dict[str, Any]) -> tuple[five.Session, five.Bounds, int]:
    told = content["session"]
    raw = {name: bytes.fromhex(value) for name, value in told.items() if isinstance(value, str)}
    session = five.Session(
        raw["task_id"].decode(), raw["session_id"], raw["model_hash"], raw["plan_hash"],
        raw["server_public"], raw["registrar_public"], told["group"],
    )  # fmt: skip
    assert session.ctx == raw["context"]
    return session, five.Bounds(**told["bounds"]), told["day"]


def carry(client: five.Client, told: dict[str, Any]) -> dict[str, str]:
    """Every message that the client says to what it heard."""
    down = {kind: bytes.fromhex(message) for kind, message in told["down"].items()}
    vector = primitives.words(bytes.fromhex(told["vector"]))
    up = {"M0": client.advertise(bytes.fromhex(told["advertise_random"]))}
    if "M2" in told["up"]:
        up["M2"] = client.share(down["M1"], bytes.fromhex(told["share_random"]))
    if "M4" in told["up"]:
        up["M4"] = client.mask(down["M3"], vector)
        up["M6"] = client.endorse(down["M5"])
        up["M8"] = client.unmask(down["M7"])
    return {kind: message.hex() for kind, message in up.items()}


@pytest.fixture(scope="module")
def on_file() -> dict[str, Any]:
    return read(session_vectors.PATH)


@pytest.mark.parametrize("i", range(session_vectors.CLIENTS))
def test_the_reference_client_says_every_byte_of_the_session_on_file(
    on_file: dict[str, Any], i: int
) -> None:
    session, bounds, day = agreed(on_file)
    told = on_file["clients"][i]
    seed, credential = bytes.fromhex(told["device_seed"]), bytes.fromhex(told["credential"])
    client = five.Client(session, bounds, seed, credential, day)
    assert carry(client, told) == told["up"]
    assert [cbor.decode(record)[1].hex() for record in client.records] == told["records_bound"]
    if "M8" in told["up"]:
        assert not client.secrets
        m9, transcript = bytes.fromhex(on_file["M9"]), bytes.fromhex(on_file["transcript"])
        of_sum, of_transcript = client.result(m9, transcript)
        assert of_sum == primitives.sha256(bytes.fromhex(on_file["sum"]))
        assert of_transcript == primitives.sha256(transcript)


def test_the_reference_server_says_every_byte_of_the_session_on_file(
    on_file: dict[str, Any],
) -> None:
    session, bounds, day = agreed(on_file)
    key = bytes.fromhex(on_file["keys"]["coordinator_seed"])
    server = five.Server(session, bounds, key, day)
    clients = on_file["clients"]
    up = [{k: bytes.fromhex(m) for k, m in told["up"].items()} for told in clients]
    for told in up:
        server.join(told["M0"])
    spoken = (("M1", "M2", server.roster, server.shares), ("M3", "M4", server.inboxes, server.masked),
              ("M5", "M6", server.survivors, server.endorse), ("M7", "M8", server.quorum, server.unmask))  # fmt: skip
    for down, said, close, receive in spoken:
        made = close()
        for i, told in enumerate(clients):
            if down in told["down"] and (down, i) != ("M3", session_vectors.CENSORED):
                assert (made if isinstance(made, bytes) else made[i]).hex() == told["down"][down]
            if said in told["up"]:
                receive(i, up[i][said])
    total, m9, transcript, blamed = server.result(
        on_file["minute"], bytes.fromhex(on_file["accounting"])
    )
    assert primitives.unwords(total).hex() == on_file["sum"] and blamed == []
    assert transcript.hex() == on_file["transcript"] and m9.hex() == on_file["M9"]
    assert (server.sid.hex(), server.u3) == (on_file["sid"], on_file["survivors"])


def test_the_reference_is_client_0_of_the_sparse_session_on_file() -> None:
    content = read(sparse_vectors.PATH)
    session, bounds, day = agreed(content)
    told = content["client"]
    seed, credential = bytes.fromhex(told["device_seed"]), bytes.fromhex(told["credential"])
    client = five.Client(session, bounds, seed, credential, day)
    assert carry(client, told) == told["up"]
    assert (client.near, client.sid.hex()) == (content["neighbours_of_0"], content["sid"])
    assert client.threshold == content["threshold"]
    gone = set(client.u2) - set(client.u3)
    assert gone == set(content["lost"].values())
    client.result(bytes.fromhex(told["down"]["M9"]), bytes.fromhex(told["down"]["transcript"]))


SHAPES = ((4, 0, 4), (5, 0, 4), (6, 0, 5), (6, 1, 5), (7, 0, 5))  # clients, colluders, floor


def spoilt(data: st.DataObject, kind: int, payload: bytes) -> bytes:
    """The payload of a client that lies: bytes changed within one of its strings."""
    fields = decode(payload)
    assert isinstance(fields, list)
    place = data.draw(st.integers(0, len(fields) - 1), label="field")
    value = fields[place]
    if not isinstance(value, bytes) or not value:
        return payload
    at = data.draw(st.integers(0, len(value) - 1), label="byte")
    xor = data.draw(st.sampled_from([1, 0x80, 0xFF]), label="xor")
    fields[place] = value[:at] + bytes([value[at] ^ xor]) + value[at + 1 :]
    return encode(fields)


def liars(data: st.DataObject, cast: Cast, who: set[int], kinds: set[int]) -> Any:
    """How messages change on the way: those of ``who`` lie in these kinds, truly signed."""

    def change(kind: int, index: int, message: bytes, twins: Twins) -> bytes:
        if index not in who or kind not in kinds:
            return message
        if kind == 3:
            signed, places = decode(message)  # type: ignore[misc]
            assert isinstance(places, list) and isinstance(places[0], bytes)
            sizes = st.sampled_from([places[0][:-1], b"", bytes(160), places[0][:30]])
            return encode([signed, [data.draw(sizes, label="place"), *places[1:]]])
        context = LABELS[kind] + twins.play.sid
        key = cast.keys[twins.seats[index]]
        if kind == 4:
            signed, vector = decode(message)  # type: ignore[misc]
            assert isinstance(signed, bytes)
            payload = spoilt(data, kind, payload_of(signed))
            return encode([key.sign(payload, context=context), vector])
        return key.sign(spoilt(data, kind, payload_of(message)), context=context)

    return change


@settings(max_examples=14, deadline=None)
@given(st.sampled_from(SHAPES), st.data())
def test_both_agree_on_every_message_and_every_sum_whoever_vanishes(
    shape: tuple[int, int, int], data: st.DataObject
) -> None:
    clients, colluders, floor = shape
    cast = cast_of(clients, colluders=colluders, floor=floor)
    ends = st.one_of(st.just(WHOLE), st.just(WHOLE), st.just(WHOLE), st.integers(0, WHOLE))
    twins = Twins(cast, {i: data.draw(ends) for i in range(clients)}, unchanged)
    twins.carry()
    assert twins.refusals == 0


@settings(max_examples=24, deadline=None)
@given(st.sampled_from(SHAPES), st.data())
def test_both_agree_on_every_refusal_and_on_whom_they_blame_whoever_lies(
    shape: tuple[int, int, int], data: st.DataObject
) -> None:
    clients, colluders, floor = shape
    cast = cast_of(clients, colluders=colluders, floor=floor)
    who = data.draw(st.sets(st.integers(0, clients - 1), min_size=1, max_size=2), label="liars")
    kinds = data.draw(st.sets(st.sampled_from([2, 3, 4, 6, 8]), min_size=1), label="kinds")
    lost = data.draw(st.sampled_from([None, None, *range(clients)]), label="lost")
    arrives = {i: 2 if i == lost else WHOLE for i in range(clients)}
    Twins(cast, arrives, liars(data, cast, who, kinds)).carry()
