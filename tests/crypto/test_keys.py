"""Agreement, sealing and streams: what each key is good for, and what it refuses."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.crypto import aead, agreement, labels, prg
from holter.crypto.agreement import AgreementKey, BadKey

PRIME = 2**255 - 19
ORDER_EIGHT = [
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
]
LOW_ORDER = [bytes.fromhex(point) for point in ORDER_EIGHT] + [
    value.to_bytes(32, "little") for value in (0, 1, PRIME - 1, PRIME, PRIME + 1)
]


def key(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def test_both_ends_agree_and_a_third_does_not() -> None:
    one, two, three = (AgreementKey(key(name)) for name in ("one", "two", "three"))
    assert one.agree(two.public) == two.agree(one.public)
    assert one.agree(two.public) != three.agree(two.public)


@pytest.mark.parametrize("high", [0, 0x80])
@pytest.mark.parametrize("point", LOW_ORDER, ids=lambda point: point.hex()[:8])
def test_no_point_of_low_order_is_accepted_in_any_encoding(point: bytes, high: int) -> None:
    encoded = point[:31] + bytes([point[31] | high])
    with pytest.raises(BadKey, match="low order"):
        agreement.check_public(encoded)
    with pytest.raises(BadKey, match="low order"):
        AgreementKey(key("mine")).agree(encoded)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(min_size=32, max_size=32), st.integers(0, 64).map(
    lambda u: u.to_bytes(32, "little"))))  # fmt: skip
def test_the_check_of_a_public_key_says_what_an_agreement_would(public: bytes) -> None:
    def outcome(attempt: object) -> bool:
        try:
            attempt(public)  # type: ignore[operator]
        except BadKey:
            return False
        return True

    assert outcome(agreement.check_public) == outcome(AgreementKey(key("mine")).agree)


@pytest.mark.parametrize("public", [b"", bytes(31), b"\x09" * 33])
def test_a_public_key_of_the_wrong_length_agrees_on_nothing(public: bytes) -> None:
    with pytest.raises(BadKey):
        AgreementKey(key("mine")).agree(public)


def test_derived_keys_differ_with_secret_salt_and_info() -> None:
    made = {
        agreement.derive(secret, salt=salt, info=info)
        for secret, salt, info in itertools.product(
            (key("a"), key("b")), (b"s", b"t"), (b"i", b"j")
        )
    }
    assert len(made) == 8


def test_no_key_shows_itself() -> None:
    assert repr(AgreementKey(key("mine"))) == "AgreementKey(...)"


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=40), st.data())
def test_a_sealed_message_opens_only_whole_and_in_its_context(
    plaintext: bytes, context: bytes, data: st.DataObject
) -> None:
    sealed = aead.seal_once(key("k"), plaintext, context=context)
    assert len(sealed) == len(plaintext) + aead.TAG_BYTES
    assert aead.open_once(key("k"), sealed, context=context) == plaintext
    place = data.draw(st.integers(0, len(sealed) - 1))
    changed = bytearray(sealed)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    for ciphertext, used, where in (
        (bytes(changed), key("k"), context),
        (sealed[:-1], key("k"), context),
        (sealed, key("l"), context),
        (sealed, key("k"), context + b"\x00"),
    ):
        with pytest.raises(aead.Unopened):
            aead.open_once(used, ciphertext, context=where)


@pytest.mark.parametrize("length", range(0, 17))
def test_less_than_a_tag_opens_for_nobody(length: int) -> None:
    with pytest.raises(aead.Unopened):
        aead.open_once(key("k"), bytes(length), context=b"")


def test_a_flip_of_any_seed_bit_gives_another_stream() -> None:
    seed = key("seed")
    streams = {prg.stream(seed, 32)}
    for bit in range(256):
        flipped = bytearray(seed)
        flipped[bit // 8] ^= 1 << bit % 8
        streams.add(prg.stream(bytes(flipped), 32))
    assert len(streams) == 257  # no bit of the seed is cut off


def test_a_flip_of_any_seed_bit_changes_about_half_of_the_stream() -> None:
    seed = key("seed")
    base = int.from_bytes(prg.stream(seed, 128), "big")
    for bit in range(256):
        flipped = bytearray(seed)
        flipped[bit // 8] ^= 1 << bit % 8
        changed = (base ^ int.from_bytes(prg.stream(bytes(flipped), 128), "big")).bit_count()
        assert abs(changed - 512) < 6 * 16  # binomial(1024, 1/2): standard deviation 16


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_key_of_any_other_length_is_refused(length: int) -> None:
    for attempt in (prg.stream, prg.Stream):
        with pytest.raises(ValueError, match="32 bytes"):
            attempt(*((bytes(length), 8) if attempt is prg.stream else (bytes(length),)))
    with pytest.raises(ValueError, match="32 bytes"):
        prg.add_stream(np.zeros(3, dtype=np.uint64), bytes(length))


@pytest.mark.parametrize("words", [0, 1, 16_383, 16_384, 16_385, 40_000])
def test_adding_a_stream_in_blocks_is_adding_the_stream(words: int) -> None:
    start = np.frombuffer(prg.stream(key("start"), 8 * words), dtype="<u8").astype(np.uint64)
    whole = np.frombuffer(prg.stream(key("k"), 8 * words), dtype="<u8")
    added = start.copy()
    prg.add_stream(added, key("k"))
    assert np.array_equal(added, start + whole)
    prg.add_stream(added, key("k"), subtract=True)
    assert np.array_equal(added, start)


def test_labels_are_distinct_and_none_begins_another() -> None:
    all_labels = [v for name, v in vars(labels).items() if name.isupper()]
    assert all(isinstance(label, bytes) for label in all_labels)
    assert len(set(all_labels)) == len(all_labels)
    for one, other in itertools.permutations(all_labels, 2):
        assert not other.startswith(one)
