"""Groups of a cohort: by key and beacon, evenly, with room for chance."""

from __future__ import annotations

import hashlib
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from holter.rounds.groups import group_of, groups_for
from holter.secagg.session import SESSION_LIMIT

KEYS = [hashlib.sha256(bytes([i // 256, i % 256])).digest() for i in range(6000)]


@given(st.integers(2, 2_000_000))
def test_every_group_fits_a_session_and_none_is_larger_than_need_be(asked: int) -> None:
    groups = groups_for(asked)
    assert groups.largest <= SESSION_LIMIT
    assert (groups.count == 1) == (asked <= SESSION_LIMIT)
    assert groups.smallest <= asked / groups.count <= groups.largest
    assert groups.count <= -(-asked // (SESSION_LIMIT * 85 // 100)) + 1


def test_groups_really_drawn_stay_within_the_counts_that_were_planned() -> None:
    groups = groups_for(6000)
    for number in range(20):
        beacon = bytes([number]) * 32
        sizes = Counter(group_of(key, beacon, groups.count) for key in KEYS)
        assert set(sizes) == set(range(groups.count))
        assert all(groups.smallest <= size <= groups.largest for size in sizes.values())
        few = Counter(group_of(key, beacon, groups.count) for key in KEYS[:300])
        assert all(size <= groups.most_of(300) for size in few.values())
        assert all(few[g] >= groups.least_of(300) for g in range(groups.count))


def test_a_group_follows_from_key_and_beacon_and_both_matter() -> None:
    one, other = bytes(32), b"another beacon, 32 bytes long..."
    assert [group_of(k, one, 5) for k in KEYS[:50]] == [group_of(k, one, 5) for k in KEYS[:50]]
    assert [group_of(k, one, 5) for k in KEYS[:50]] != [group_of(k, other, 5) for k in KEYS[:50]]
    assert {group_of(key, one, 1) for key in KEYS[:50]} == {0}
