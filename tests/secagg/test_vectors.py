"""The session on file, byte for byte, and the same session by slow means written separately.

``reference`` reads only what the file says was drawn, and arrives at the file's results.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.secagg.reference import (
    LABEL,
    end,
    hkdf,
    mask,
    public_of,
    secret_of,
    shares_of,
    stream,
    words,
    x25519,
)
from tests.secagg.session_vectors import LOST, PATH, text

KEPT = range(LOST)


@pytest.fixture(scope="module")
def on_file() -> dict[str, Any]:
    return json.loads(PATH.read_text())


def test_no_byte_of_any_message_has_changed() -> None:
    remedy = "if that is meant: python -m tests.secagg.session_vectors, and a note in changes/"
    assert PATH.read_text() == text(), remedy


class Drawn:
    """What client i drew: channel key, mask key, self-mask seed."""

    def __init__(self, on_file: dict[str, Any], i: int) -> None:
        random = bytes.fromhex(on_file["clients"][i]["advertise_random"])
        self.channel, self.mask, self.seed = random[:32], random[32:64], random[64:96]


def pair_seed(one: Drawn, other: Drawn, low: int, high: int, sid: bytes) -> bytes:
    ends = end(low) + end(high) + public_of(one.mask) + public_of(other.mask)
    return hkdf(x25519(one.mask, public_of(other.mask)), sid, LABEL + b"pair" + ends)


def masked(on_file: dict[str, Any], i: int, drawn: list[Drawn]) -> list[int]:
    """y_i by the formula: everyone shared, so every pair mask is there."""
    sid = bytes.fromhex(on_file["session"]["sid"])
    vector = words(bytes.fromhex(on_file["clients"][i]["vector"]))
    total = [v + m for v, m in zip(vector, mask(drawn[i].seed, b"self", len(vector)))]
    for j, other in enumerate(drawn):
        if i == j:
            continue
        low, high = sorted((i, j))
        seed = pair_seed(drawn[low], drawn[high], low, high, sid)
        sign = 1 if i < j else -1
        total = [t + sign * m for t, m in zip(total, mask(seed, b"pair", len(vector)))]
        assert other is drawn[j]
    return [t % 2**64 for t in total]


@pytest.fixture(scope="module")
def drawn(on_file: dict[str, Any]) -> list[Drawn]:
    return [Drawn(on_file, i) for i in range(len(on_file["clients"]))]


def test_the_reference_knows_the_first_iteration_of_rfc_7748() -> None:
    nine = b"\x09" + bytes(31)
    after_one = "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
    assert x25519(nine, nine).hex() == after_one


def test_the_sum_on_file_is_the_sum_of_the_survivors(on_file: dict[str, Any]) -> None:
    assert on_file["survivors"] == list(KEPT)
    vectors = [words(bytes.fromhex(on_file["clients"][i]["vector"])) for i in KEPT]
    expected = [sum(column) % 2**64 for column in zip(*vectors)]
    assert words(bytes.fromhex(on_file["sum"])) == expected


def test_context_and_session_follow_from_what_was_agreed(on_file: dict[str, Any]) -> None:
    session = {k: bytes.fromhex(v) for k, v in on_file["session"].items() if k != "bounds"}
    names = ("task_id", "session_id", "model_hash", "plan_hash")
    heads = {16: b"\x50", 19: b"\x53", 32: b"\x58\x20"}  # CBOR byte strings
    fields = [LABEL + b"ctx", *(session[name] for name in names)]
    coded = [heads[len(value)] + value for value in fields]
    array = b"\x87" + coded[0] + b"\x01\x01" + b"".join(coded[1:])
    assert hashlib.sha256(array).digest() == session["context"]
    size = len(on_file["clients"]).to_bytes(4, "big")
    joined = LABEL + b"sid" + session["context"] + size + session["root"]
    assert hashlib.sha256(joined).digest() == session["sid"]


def test_every_masked_vector_follows_from_the_formula(
    on_file: dict[str, Any], drawn: list[Drawn]
) -> None:
    for i in KEPT:
        message = bytes.fromhex(on_file["clients"][i]["messages"]["M4"]["hex"])
        assert words(message[-24:]) == masked(on_file, i, drawn)


def test_every_seal_holds_both_shares_for_its_holder(
    on_file: dict[str, Any], drawn: list[Drawn]
) -> None:
    sid = bytes.fromhex(on_file["session"]["sid"])
    for i, dealer in enumerate(drawn):
        message = bytes.fromhex(on_file["clients"][i]["messages"]["M2"]["hex"])
        bulk = message[message.index(b"\x59\x02\x40") + 3 :]
        random = bytes.fromhex(on_file["clients"][i]["share_random"])
        for place, j in enumerate(k for k in range(len(drawn)) if k != i):
            mine, theirs = public_of(dealer.channel), public_of(drawn[j].channel)
            info = LABEL + b"chan" + end(i) + end(j) + mine + theirs
            key = hkdf(x25519(dealer.channel, theirs), sid, info)
            seal = bulk[144 * place : 144 * (place + 1)]
            opened = AESGCM(key).decrypt(bytes(12), seal, sid + end(i) + end(j))
            dealt = shares_of([dealer.seed, dealer.mask], j + 1, 3, random)
            assert opened == b"".join(dealt)


def test_commitments_and_set_hashes_follow_from_the_formulas(
    on_file: dict[str, Any], drawn: list[Drawn]
) -> None:
    ctx, sid = (bytes.fromhex(on_file["session"][name]) for name in ("context", "sid"))
    sets = (b"\x1f", b"\x0f")
    everyone, kept = (hashlib.sha256(LABEL + b"set" + sid + s).hexdigest() for s in sets)
    for i, client in enumerate(drawn):
        messages = on_file["clients"][i]["messages"]
        device = bytes.fromhex(on_file["keys"]["device_public"][i])
        promised = hashlib.sha256(LABEL + b"commit" + ctx + device + client.seed).hexdigest()
        assert promised in messages["M0"]["hex"]
        assert public_of(client.mask).hex() + "5820" + promised in messages["M0"]["hex"]
        if i in KEPT:
            assert everyone in messages["M4"]["hex"]
            assert everyone + "5820" + kept in messages["M6"]["hex"]


def test_released_shares_open_every_secret_that_the_sum_needs(
    on_file: dict[str, Any], drawn: list[Drawn]
) -> None:
    """M8: seed shares of 0..3 without one's own, then the key share of client 4."""
    threshold = on_file["session"]["bounds"]["threshold"]
    opened: dict[int, dict[int, bytes]] = {i: {} for i in range(len(drawn))}
    for holder in KEPT:
        message = bytes.fromhex(on_file["clients"][holder]["messages"]["M8"]["hex"])
        dealers = [i for i in range(len(drawn)) if i != holder]
        start = message.index(b"\x58\xc0") + 2  # three shares in one string
        keys_at = message.index(b"\x58\x40", start + 192) + 2
        bulk = message[start : start + 192] + message[keys_at : keys_at + 64]
        for place, dealer in enumerate(dealers):
            share = bulk[64 * place : 64 * place + 64]
            random = bytes.fromhex(on_file["clients"][dealer]["share_random"])
            both = [drawn[dealer].seed, drawn[dealer].mask]
            dealt = shares_of(both, holder + 1, threshold, random)
            assert share == dealt[dealer == LOST]
            opened[dealer][holder + 1] = share
    for dealer, shares in opened.items():
        some = dict(list(shares.items())[:threshold])
        expected = drawn[dealer].mask if dealer == LOST else drawn[dealer].seed
        assert secret_of(some) == expected


def test_single_steps_are_as_on_file(on_file: dict[str, Any]) -> None:
    sid, pieces = bytes.fromhex(on_file["session"]["sid"]), on_file["pieces"]
    seed = bytes.fromhex(pieces["seed"])
    assert stream(seed, 40).hex() == pieces["stream_of_seed"]
    own, pair = mask(seed, b"self", 3), mask(seed, b"pair", 3)
    assert words(bytes.fromhex(pieces["self_mask"])) == own
    both = [(a + b) % 2**64 for a, b in zip(own, pair)]
    assert words(bytes.fromhex(pieces["pair_mask_added"])) == both
    low, high = (bytes.fromhex(private) for private in pieces["pair_private_keys"])
    ends = end(1) + end(2) + public_of(low) + public_of(high)
    shared = x25519(high, public_of(low))
    assert hkdf(shared, sid, LABEL + b"pair" + ends).hex() == pieces["pair_seed_of_1_and_2"]
    assert hkdf(shared, sid, LABEL + b"chan" + ends).hex() == pieces["channel_key_1_to_2"]
    random, threshold = bytes.fromhex(pieces["share_random"]), pieces["share_threshold"]
    for holder, share in pieces["shares"].items():
        assert shares_of([seed], int(holder) + 1, threshold, random) == [bytes.fromhex(share)]
    given = {int(holder) + 1: bytes.fromhex(share) for holder, share in pieces["shares"].items()}
    assert secret_of(dict(list(given.items())[1:])) == seed
