"""The session on file, byte for byte, and the same session by slow means written separately.

The reference below knows nothing of ``holter``: Python integers, ``hashlib``, ``hmac`` and one
block cipher. It reads only what the file says was drawn, and arrives at the file's results.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.secagg.session_vectors import LOST, PATH, text

P25519, P31 = 2**255 - 19, 2**31 - 1
LABEL = b"holter/secagg/1/"
KEPT = range(LOST)


@pytest.fixture(scope="module")
def on_file() -> dict[str, Any]:
    return json.loads(PATH.read_text())


def test_no_byte_of_any_message_has_changed() -> None:
    remedy = "if that is meant: python -m tests.secagg.session_vectors, and a note in changes/"
    assert PATH.read_text() == text(), remedy


# The reference.


def x25519(private: bytes, public: bytes) -> bytes:
    """RFC 7748 section 5, the Montgomery ladder."""
    k = int.from_bytes(private, "little") & ~7 & ~(1 << 255) | 1 << 254
    u = int.from_bytes(public, "little") % (1 << 255)
    x2, z2, x3, z3 = 1, 0, u, 1
    for bit in range(254, -1, -1):
        if k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a, b * b, d * a, c * b
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P25519, u * (da - cb) ** 2 % P25519
        x2, z2 = aa * bb % P25519, e * (aa + 121665 * e) % P25519
        if k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, -1, P25519) % P25519).to_bytes(32, "little")


def public_of(private: bytes) -> bytes:
    return x25519(private, b"\x09" + bytes(31))


def mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """RFC 5869, one block."""
    return mac(mac(salt, secret), info + b"\x01")


def stream(key: bytes, length: int) -> bytes:
    """AES-256 in counter mode from zero, one block at a time."""
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    count = -(-length // 16)
    return b"".join(block.update(i.to_bytes(16, "big")) for i in range(count))[:length]


def words(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data), 8)]


def mask(seed: bytes, kind: bytes, count: int) -> list[int]:
    key = mac(seed, LABEL + b"mask" + kind + b"\x00\x00" + b"\x01")
    return words(stream(key, 8 * count))


def elements(random: bytes, count: int) -> list[int]:
    """Field elements out of random bytes, 31 bits at a time, p itself rejected."""
    draws = [int.from_bytes(random[i : i + 4], "little") & P31 for i in range(0, len(random), 4)]
    return [draw for draw in draws if draw != P31][:count]


def shares_of(secrets: list[bytes], x: int, threshold: int, random: bytes) -> list[bytes]:
    """The shares of one holder: each 16-bit limb has its own polynomial."""
    limbs = [
        int.from_bytes(secret[i : i + 2], "little") for secret in secrets for i in range(0, 32, 2)
    ]
    drawn = elements(random, len(limbs) * (threshold - 1))
    values = []
    for place, limb in enumerate(limbs):
        upper = drawn[place :: len(limbs)]
        values.append((limb + sum(a * x ** (k + 1) for k, a in enumerate(upper))) % P31)
    joined = b"".join(value.to_bytes(4, "little") for value in values)
    return [joined[i : i + 64] for i in range(0, len(joined), 64)]


def secret_of(shares: dict[int, bytes]) -> bytes:
    """Lagrange's interpolation at zero."""
    out = b""
    for at in range(0, 64, 4):
        limb = 0
        for x, share in shares.items():
            weight = int.from_bytes(share[at : at + 4], "little")
            for other in shares:
                if other != x:
                    weight = weight * other * pow(other - x, -1, P31) % P31
            limb += weight
        out += (limb % P31).to_bytes(2, "little")
    return out


def end(index: int) -> bytes:
    return index.to_bytes(2, "big")


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


def test_the_reference_knows_x25519() -> None:
    private = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c66d5a2e3d4c9f6f6e6a8a4c9bb2a")
    public = bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    assert x25519(private, public) == x25519(private, public)


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
