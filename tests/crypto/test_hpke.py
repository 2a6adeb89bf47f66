"""Sealing to a public key: held against the published vectors and a slow second writing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hpke import KEM
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reference import hpke as reference

from holter.crypto import hpke
from holter.crypto.aead import TAG_BYTES, Unopened
from holter.crypto.agreement import BadKey
from holter.crypto.hpke import OpeningKey, Suite, seal

h = bytes.fromhex
VECTORS: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("vectors_hpke.json").read_text()
)
HYBRID_VECTOR = VECTORS["mlkem768_x25519"]
PRIME = 2**255 - 19
LOW_ORDER = [
    h("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    h("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    *(value.to_bytes(32, "little") for value in (0, 1, PRIME - 1, PRIME, PRIME + 1)),
]


def tape(name: str, length: int) -> bytes:
    return hashlib.shake_256(name.encode()).digest(length)


def made(suite: Suite, name: str) -> OpeningKey:
    return OpeningKey(suite, tape(name, hpke.PRIVATE_BYTES[suite]))


KEYS = {suite: made(suite, "mine") for suite in Suite}
OTHERS = {suite: made(suite, "other") for suite in Suite}


def published_hybrid() -> OpeningKey:
    """The draft's recipient: its 32-byte seed is expanded to ML-KEM seed | X25519."""
    return OpeningKey(Suite.HYBRID, hashlib.shake_256(h(HYBRID_VECTOR["skRm"])).digest(96))


@pytest.mark.parametrize("name", ["x25519_aes_128_gcm", "x25519_aes_256_gcm"])
def test_the_second_writing_gives_the_published_numbers(name: str) -> None:
    vector = VECTORS[name]
    public, private, info = h(vector["pkRm"]), h(vector["skRm"]), h(vector["info"])
    assert (vector["kem_id"], vector["kdf_id"]) == (0x0020, 0x0001)
    assert reference.public_of(private) == public
    secret, encapsulated = reference.encapsulate(public, h(vector["skEm"]))
    assert secret.hex() == vector["shared_secret"]
    assert encapsulated.hex() == vector["enc"]
    assert reference.decapsulate(encapsulated, private) == secret
    sent = reference.setup_base_sender(
        public, info, ephemeral=h(vector["skEm"]), aead=vector["aead_id"]
    )
    received = reference.setup_base_receiver(encapsulated, private, info, aead=vector["aead_id"])
    assert sent == (encapsulated, received)
    assert received.key.hex() == vector["key"]
    assert received.base_nonce.hex() == vector["base_nonce"]
    assert received.exporter_secret.hex() == vector["exporter_secret"]
    assert [one["sequence"] for one in vector["encryptions"]] == [0, 1, 2, 4, 255, 256]
    for one in vector["encryptions"]:
        aad, plaintext, ciphertext = h(one["aad"]), h(one["pt"]), h(one["ct"])
        assert received.nonce(one["sequence"]).hex() == one["nonce"]
        assert received.seal(plaintext, aad=aad, sequence=one["sequence"]) == ciphertext
        assert received.open(ciphertext, aad=aad, sequence=one["sequence"]) == plaintext
        with pytest.raises(ValueError, match="tag"):
            received.open(ciphertext, aad=aad + b"\x00", sequence=one["sequence"])


def test_the_wrapper_opens_what_is_sealed_to_the_published_key_under_its_ephemeral_key() -> None:
    vector = VECTORS["x25519_aes_256_gcm"]
    key = OpeningKey(Suite.X25519, h(vector["skRm"]))
    assert key.public.hex() == vector["pkRm"]
    info, plaintext = h(vector["info"]), h(vector["encryptions"][0]["pt"])
    sealed = reference.seal(key.public, plaintext, info=info, ephemeral=h(vector["skEm"]))
    assert sealed[: reference.ENCAPSULATED_BYTES].hex() == vector["enc"]
    assert key.open(sealed, info=info) == plaintext


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=80), st.binary(max_size=80))
def test_what_the_wrapper_seals_the_second_writing_opens(plaintext: bytes, info: bytes) -> None:
    private = tape("mine", hpke.PRIVATE_BYTES[Suite.X25519])
    sealed = seal(Suite.X25519, KEYS[Suite.X25519].public, plaintext, info=info)
    assert reference.open_sealed(sealed, private, info=info) == plaintext


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=80), st.binary(max_size=80), st.binary(min_size=32, max_size=32))
def test_what_the_second_writing_seals_the_wrapper_opens(
    plaintext: bytes, info: bytes, ephemeral: bytes
) -> None:
    key = KEYS[Suite.X25519]
    sealed = reference.seal(key.public, plaintext, info=info, ephemeral=ephemeral)
    assert key.open(sealed, info=info) == plaintext


def test_a_message_with_aad_opens_for_nobody_here() -> None:
    key = KEYS[Suite.X25519]
    sealed = reference.seal(key.public, b"m", info=b"i", ephemeral=tape("e", 32), aad=b"a")
    with pytest.raises(Unopened):
        key.open(sealed, info=b"i")


def test_the_published_hybrid_key_is_written_as_we_write_it() -> None:
    assert published_hybrid().public.hex() == HYBRID_VECTOR["pkRm"]


def test_the_hybrid_suite_agrees_on_the_published_secret() -> None:
    """The draft's vector has another cipher; its secret goes through the schedule of ours."""
    secret, info = h(HYBRID_VECTOR["shared_secret"]), h(HYBRID_VECTOR["info"])
    kem = reference.KEM_MLKEM768_X25519
    published = reference.key_schedule(secret, info, kem=kem, aead=HYBRID_VECTOR["aead_id"])
    assert HYBRID_VECTOR["kem_id"] == kem
    assert HYBRID_VECTOR["aead_id"] == reference.CHACHA20_POLY1305
    assert published.key.hex() == HYBRID_VECTOR["key"]
    assert published.base_nonce.hex() == HYBRID_VECTOR["base_nonce"]
    assert published.exporter_secret.hex() == HYBRID_VECTOR["exporter_secret"]
    ours = reference.key_schedule(secret, info, kem=kem, aead=reference.AES_256_GCM)
    sealed = h(HYBRID_VECTOR["enc"]) + ours.seal(b"plaintext")
    assert published_hybrid().open(sealed, info=info) == b"plaintext"


@pytest.mark.parametrize("suite", Suite)
def test_lengths_are_as_declared(suite: Suite) -> None:
    assert len(KEYS[suite].public) == hpke.PUBLIC_BYTES[suite]
    for length in (0, 1, 15, 16, 17, 1000):
        sealed = seal(suite, KEYS[suite].public, bytes(length), info=b"")
        assert len(sealed) == length + hpke.OVERHEAD_BYTES[suite]
        assert KEYS[suite].open(sealed, info=b"") == bytes(length)


def test_declared_lengths_are_those_of_the_texts_and_of_the_library() -> None:
    assert hpke.PUBLIC_BYTES == {Suite.X25519: 32, Suite.HYBRID: 1216}
    assert hpke.PRIVATE_BYTES == {Suite.X25519: 32, Suite.HYBRID: 96}
    assert hpke.OVERHEAD_BYTES == {
        Suite.X25519: KEM.X25519.enc_length() + TAG_BYTES,
        Suite.HYBRID: KEM.MLKEM768_X25519.enc_length() + TAG_BYTES,
    }
    assert list(Suite) == [1, 2]


@pytest.mark.parametrize("suite", Suite)
def test_the_same_message_is_sealed_differently_every_time(suite: Suite) -> None:
    kept = {seal(suite, KEYS[suite].public, b"m", info=b"i") for _ in range(20)}
    assert len({sealed[:32] for sealed in kept}) == 20
    assert len({sealed[-TAG_BYTES - 33 :] for sealed in kept}) == 20


@pytest.mark.parametrize("suite", Suite)
def test_a_key_is_made_by_its_private_bytes_alone(suite: Suite) -> None:
    again = made(suite, "mine")
    assert again.public == KEYS[suite].public
    assert again.open(seal(suite, KEYS[suite].public, b"m", info=b""), info=b"") == b"m"


@pytest.mark.parametrize("suite", Suite)
def test_a_seal_opens_only_whole_for_its_key_and_with_its_info(suite: Suite) -> None:
    sealed = seal(suite, KEYS[suite].public, b"plaintext", info=b"info")
    assert KEYS[suite].open(sealed, info=b"info") == b"plaintext"
    for key, message, info in (
        (OTHERS[suite], sealed, b"info"),
        (KEYS[suite], sealed, b""),
        (KEYS[suite], sealed, b"info\x00"),
        (KEYS[suite], sealed[:-1], b"info"),
        (KEYS[suite], sealed[1:], b"info"),
        (KEYS[suite], sealed + b"\x00", b"info"),
    ):
        with pytest.raises(Unopened):
            key.open(message, info=info)


@pytest.mark.parametrize("suite", Suite)
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_no_seal_with_a_flipped_bit_opens(suite: Suite, data: st.DataObject) -> None:
    sealed = bytearray(seal(suite, KEYS[suite].public, b"plaintext", info=b"info"))
    ignored = 255 if suite == Suite.X25519 else 8 * (hpke.MLKEM_CIPHERTEXT_BYTES + 32) - 1
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unopened):  # the bit that X25519 ignores is bound by the schedule
        KEYS[suite].open(bytes(sealed), info=b"info")
    sealed[bit // 8] ^= 1 << bit % 8
    sealed[ignored // 8] ^= 1 << ignored % 8
    with pytest.raises(Unopened):
        KEYS[suite].open(bytes(sealed), info=b"info")


@pytest.mark.parametrize("suite", Suite)
def test_less_than_the_overhead_opens_for_nobody(suite: Suite) -> None:
    for length in (0, 1, 31, 32, 47, 48, hpke.OVERHEAD_BYTES[suite] - 1):
        with pytest.raises(Unopened):
            KEYS[suite].open(bytes(length), info=b"")


@pytest.mark.parametrize("point", LOW_ORDER, ids=lambda point: point.hex()[:8])
def test_an_encapsulated_key_of_low_order_opens_nothing(point: bytes) -> None:
    with pytest.raises(Unopened):
        KEYS[Suite.X25519].open(point + bytes(20), info=b"")
    sealed = seal(Suite.HYBRID, KEYS[Suite.HYBRID].public, b"", info=b"")
    with pytest.raises(Unopened):
        KEYS[Suite.HYBRID].open(sealed[:1088] + point + sealed[1120:], info=b"")


def test_a_seal_of_one_suite_does_not_open_in_the_other() -> None:
    private = tape("both", 96)
    one, two = OpeningKey(Suite.X25519, private[64:]), OpeningKey(Suite.HYBRID, private)
    assert two.public.endswith(one.public)
    plaintext = bytes(2000)  # long enough for either to have something to try
    for sealed, key in (
        (seal(Suite.X25519, one.public, plaintext, info=b""), two),
        (seal(Suite.HYBRID, two.public, plaintext, info=b""), one),
    ):
        with pytest.raises(Unopened):
            key.open(sealed, info=b"")


@pytest.mark.parametrize("suite", Suite)
def test_a_public_key_of_another_length_is_refused(suite: Suite) -> None:
    public = KEYS[suite].public
    for wrong in (b"", public[:-1], public + b"\x00", KEYS[Suite(3 - suite)].public):
        with pytest.raises(BadKey, match=f"{len(public)} bytes"):
            seal(suite, wrong, b"", info=b"")


@pytest.mark.parametrize("high", [0, 0x80])
@pytest.mark.parametrize("point", LOW_ORDER, ids=lambda point: point.hex()[:8])
@pytest.mark.parametrize("suite", Suite)
def test_a_public_key_of_low_order_is_refused(suite: Suite, point: bytes, high: int) -> None:
    public = KEYS[suite].public[:-32] + point[:31] + bytes([point[31] | high])
    with pytest.raises(BadKey, match="low order"):
        seal(suite, public, b"", info=b"")


@pytest.mark.parametrize("coefficient", [3329, 4095])
def test_a_hybrid_key_with_a_coefficient_out_of_range_is_refused(coefficient: int) -> None:
    public = KEYS[Suite.HYBRID].public
    high = coefficient >> 8 | public[1] & 0xF0  # twelve bits each, FIPS 203 section 4.2.1
    with pytest.raises(BadKey, match="ML-KEM"):
        seal(Suite.HYBRID, bytes([coefficient & 0xFF, high]) + public[2:], b"", info=b"")


@pytest.mark.parametrize("suite", Suite)
def test_a_private_key_of_another_length_is_refused(suite: Suite) -> None:
    length = hpke.PRIVATE_BYTES[suite]
    for wrong in (0, length - 1, length + 1, hpke.PRIVATE_BYTES[Suite(3 - suite)]):
        with pytest.raises(ValueError, match=f"{length} bytes"):
            OpeningKey(suite, bytes(wrong))


@pytest.mark.parametrize("suite", Suite)
def test_no_opening_key_shows_itself(suite: Suite) -> None:
    assert repr(KEYS[suite]) == "OpeningKey(...)"
