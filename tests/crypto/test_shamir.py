"""Shamir's sharing: any threshold of shares is the secret, one fewer is nothing at all."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.algebra.field import PRIME
from holter.crypto import shamir
from holter.crypto.shamir import (
    SHARE_BYTES,
    BadShares,
    random_bytes_needed,
    recover,
    recover_many,
    split,
)

SECRET = hashlib.sha256(b"secret").digest()


def tape(name: object, length: int) -> bytes:
    return hashlib.shake_256(repr(name).encode()).digest(length)


def dealt(threshold: int, holders: list[int], name: object = "") -> list[tuple[int, bytes]]:
    random = tape(name, random_bytes_needed(1, threshold))
    return list(zip(holders, split([SECRET], holders, threshold, random=random)[0], strict=True))


def test_every_subset_of_threshold_size_gives_the_secret() -> None:
    shares = dealt(3, [0, 1, 4, 7, 255, 65535])
    for some in itertools.permutations(shares, 3):
        assert recover(some) == SECRET


def test_more_shares_than_needed_give_the_secret_too() -> None:
    assert recover(dealt(3, list(range(9)))) == SECRET


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_t_of_k_shares_of_any_secrets_give_them_back(data: st.DataObject) -> None:
    holders = data.draw(st.lists(st.integers(0, 65535), min_size=1, max_size=20, unique=True))
    threshold = data.draw(st.integers(1, len(holders)))
    secrets = data.draw(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=3))
    random = tape(data.draw(st.integers()), random_bytes_needed(len(secrets), threshold))
    shares = split(secrets, holders, threshold, random=random)
    chosen = data.draw(st.permutations(range(len(holders))))[:threshold]
    for secret, row in zip(secrets, shares, strict=True):
        assert recover([(holders[i], row[i]) for i in chosen]) == secret
        assert all(len(share) == SHARE_BYTES for share in row)


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32])
def test_the_smallest_and_the_largest_secret_are_shared(secret: bytes) -> None:
    random = tape("x", random_bytes_needed(1, 5))
    row = split([secret], range(9), 5, random=random)[0]
    assert recover(list(enumerate(row))[2:7]) == secret


def test_a_threshold_of_135_among_255_works() -> None:
    shares = dealt(135, list(range(255)))
    assert recover(shares[100:235]) == SECRET
    with pytest.raises(BadShares):
        recover(shares[100:234])


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32, SECRET])
def test_one_share_fewer_than_the_threshold_is_uniform_whatever_the_secret(secret: bytes) -> None:
    """Chi-square over 32 bins, jointly for each of t - 1 shares: 99.9 % quantile at 31 is 61.1."""
    threshold, rounds = 3, 400
    for holder in range(threshold - 1):
        counts: Counter[int] = Counter()
        for number in range(rounds):
            random = tape((number, "chi"), random_bytes_needed(1, threshold))
            share = split([secret], range(4), threshold, random=random)[0][holder]
            values = np.frombuffer(share, dtype="<u4")
            assert np.all(values < PRIME)
            counts.update((values.astype(np.uint64) * 32 // PRIME).tolist())
        expected = rounds * shamir.LIMBS / 32
        square = sum((counts[bin_] - expected) ** 2 / expected for bin_ in range(32))
        assert square < 61.1


def test_two_of_three_shares_fit_every_secret_equally_well() -> None:
    """For any other secret there is a third share that would open it: so two say nothing."""
    shares = dealt(3, [0, 1, 2])
    values = [np.frombuffer(share, dtype="<u4").astype(object) for _, share in shares[:2]]
    for other in (bytes(32), b"\xff" * 32, hashlib.sha256(b"other").digest()):
        limbs = np.frombuffer(other, dtype="<u2").astype(object)
        # f(3) from f(0), f(1), f(2): 1, -3 and 3 are Lagrange's weights at 3.
        third = (limbs - 3 * values[0] + 3 * values[1]) % PRIME
        made = b"".join(int(v).to_bytes(4, "little") for v in third)
        assert recover([shares[0], shares[1], (2, made)]) == other


def wrong_or_refused(shares: list[tuple[int, bytes]]) -> None:
    try:
        assert recover(shares) != SECRET
    except BadShares:
        pass


def test_a_share_under_another_holders_index_does_not_open_the_secret() -> None:
    (a, one), (b, two), (_, three) = dealt(3, [0, 1, 2])
    wrong_or_refused([(a, two), (b, one), (2, three)])
    wrong_or_refused([(a, one), (b, two), (3, three)])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2), st.integers(0, SHARE_BYTES * 8 - 1))
def test_a_flipped_bit_in_any_share_never_opens_the_secret(which: int, bit: int) -> None:
    shares = dealt(3, [0, 1, 2])
    index, share = shares[which]
    changed = bytearray(share)
    changed[bit // 8] ^= 1 << bit % 8
    shares[which] = (index, bytes(changed))
    wrong_or_refused(shares)


def test_shares_of_two_dealings_do_not_mix() -> None:
    wrong_or_refused([*dealt(3, [0, 1, 2], "one")[:2], dealt(3, [0, 1, 2], "two")[2]])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda s: [s[0], s[0], s[1]], "same index"),
        (lambda s: [s[0], (s[0][0], s[1][1]), s[1]], "same index"),
        (lambda s: [(-1, s[0][1]), *s[1:]], "cannot be on a roster"),
        (lambda s: [(-2, s[0][1]), *s[1:]], "cannot be on a roster"),
        (lambda s: [(PRIME, s[0][1]), *s[1:]], "cannot be on a roster"),
        (lambda s: [(0, s[0][1][:-1]), *s[1:]], "wrong length"),
        (lambda s: [(0, s[0][1] + b"\x00"), *s[1:]], "wrong length"),
        (
            lambda s: [(0, PRIME.to_bytes(4, "little") + s[0][1][4:]), *s[1:]],
            "do not belong to one secret",
        ),
        (lambda s: [(0, b"\xff" * SHARE_BYTES), *s[1:]], "do not belong to one secret"),
        (lambda s: [], "no shares"),
    ],
)
def test_shares_that_cannot_be_are_refused(spoil: object, says: str) -> None:
    with pytest.raises(BadShares, match=says):
        recover(spoil(dealt(3, [0, 1, 2])))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("secrets", "holders", "threshold", "more", "says"),
    [
        ([SECRET], [0, 1], 3, 0, "a threshold of 3 with 2"),
        ([SECRET], [0, 1], 0, 0, "a threshold of 0"),
        ([SECRET], [], 1, 0, "with 0 holders"),
        ([SECRET], [0, 0, 1], 2, 0, "distinct"),
        ([SECRET], [-1, 0, 1], 2, 0, "roster indices"),
        ([SECRET], [65536, 0, 1], 2, 0, "roster indices"),
        ([SECRET[:30]], [0, 1], 2, 0, "32 bytes"),
        ([SECRET[:30], SECRET + b"xy"], [0, 1], 2, 0, "32 bytes"),
        ([SECRET], [0, 1], 2, -4, "number of random bytes"),
        ([SECRET], [0, 1], 2, 4, "number of random bytes"),
    ],
)
def test_a_dealing_that_would_not_keep_its_promise_is_refused(
    secrets: list[bytes], holders: list[int], threshold: int, more: int, says: str
) -> None:
    length = random_bytes_needed(len(secrets), max(threshold, 1)) + more
    with pytest.raises(ValueError, match=says):
        split(secrets, holders, threshold, random=tape("r", length))


def test_no_share_is_the_secret_itself() -> None:
    limbs = np.frombuffer(SECRET, dtype="<u2").astype("<u4").tobytes()
    assert all(share != limbs for _, share in dealt(2, list(range(200))))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_many_secrets_open_at_once_as_each_does_alone_and_a_spoilt_one_spoils_no_other(
    data: st.DataObject,
) -> None:
    threshold = data.draw(st.integers(1, 6))
    groups = []
    for number in range(data.draw(st.integers(1, 5))):
        members = st.lists(st.integers(0, 65535), min_size=threshold, max_size=9, unique=True)
        holders = data.draw(members)
        groups.append(dealt(threshold, holders, number)[:threshold])
    spoilt = data.draw(st.sets(st.integers(0, len(groups) - 1)))
    for number in spoilt:
        groups[number][0] = (groups[number][0][0], b"\xff" * SHARE_BYTES)
    expected = [None if number in spoilt else SECRET for number in range(len(groups))]
    assert recover_many(groups) == expected


def test_secrets_with_different_numbers_of_shares_are_not_opened_together() -> None:
    shares = dealt(3, [0, 1, 2])
    with pytest.raises(BadShares, match="different numbers"):
        recover_many([shares, shares[:2]])
    for nothing in ([], [[]], [[], []]):
        with pytest.raises(BadShares, match="no shares"):
            recover_many(nothing)


@pytest.mark.parametrize("place", [0, 1])
def test_one_share_that_cannot_be_is_refused_wherever_it_stands(place: int) -> None:
    for wrong in ((-1, bytes(SHARE_BYTES)), (0, bytes(SHARE_BYTES - 1)), (65536, SECRET * 2)):
        groups = [dealt(2, [3, 9]), dealt(2, [3, 9])]
        groups[place][1] = wrong
        with pytest.raises(BadShares):
            recover_many(groups)
