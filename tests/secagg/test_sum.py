"""A session ends in the exact sum of its survivors, or it is abandoned: never a third way."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.algebra.ring import to_bytes
from holter.secagg import client
from holter.secagg.errors import Abandoned, Caller
from holter.secagg.masking import masked, unmask
from tests.secagg.cast import WHOLE, WORDS, Cast, Play, cast_of, tape, to_phase
from tests.secagg.losses import Fate, carried, ends


def fates_of(delivers: Mapping[int, int]) -> dict[int, Fate]:
    """Clients that fall silent after so many messages."""
    return {i: Fate(count, count) for i, count in delivers.items()}


@st.composite
def sessions(draw: st.DrawFn) -> tuple[Cast, dict[int, int]]:
    clients = draw(st.integers(3, 8))
    colluders = draw(st.integers(0, max(0, clients - 4)))
    lowest = (clients + colluders) // 2 + 2
    if lowest > clients:
        lowest, colluders = clients // 2 + 2, 0
    floor = draw(st.integers(min(lowest, clients), clients))
    smallest = draw(st.integers(floor, clients))
    # Mostly whole, so that sums are as frequent as abandonments.
    ends = st.one_of(st.just(WHOLE), st.just(WHOLE), st.integers(0, WHOLE))
    delivers = {i: draw(ends) for i in range(clients)}
    return cast_of(clients, colluders=colluders, floor=floor, smallest=smallest), delivers


@settings(max_examples=60, deadline=None)
@given(case=sessions(), seed=st.one_of(st.none(), st.integers(0, 2**16)))
def test_sum_is_exact_or_the_session_is_abandoned_whoever_vanishes_wherever(
    case: tuple[Cast, dict[int, int]], seed: int | None
) -> None:
    cast, delivers = case
    ends(cast, fates_of(delivers), None if seed is None else random.Random(seed))


# One of eight vanishes before its message number ``at``: 1 is M0, 5 is M8.
@pytest.mark.parametrize("at", range(WHOLE))
@pytest.mark.parametrize("who", [0, 3, 7])
def test_sum_is_unchanged_when_a_client_vanishes_before_any_message(at: int, who: int) -> None:
    cast = cast_of(8)
    delivers = {i: at if i == who else WHOLE for i in range(8)}
    play = carried(cast, fates_of(delivers))
    survivors = set(range(8)) - ({who} if at < 3 else set())
    assert play.finish().words.tolist() == play.plain(survivors)


@pytest.mark.parametrize(
    ("at", "says"),
    [
        (0, "5 clients advertised; 6 are needed"),
        (1, "5 clients shared their secrets; 6 are needed"),
        (2, "5 of 8 vectors arrived; 6 are needed"),
        (3, "a quorum is 5"),
        (4, "too few shares"),
    ],
)
def test_an_abandoned_session_says_what_was_missing(at: int, says: str) -> None:
    lost = 4 if at >= 3 else 3
    delivers = {i: at if i < lost else WHOLE for i in range(8)}
    with pytest.raises(Abandoned, match=says):
        carried(cast_of(8), fates_of(delivers)).finish()


def test_vectors_at_the_ends_of_the_ring_sum_exactly() -> None:
    play = Play.of(cast_of(4))
    top = np.full(WORDS, 2**64 - 1, dtype=np.uint64)
    play.vectors = {0: top, 1: top, 2: top * 0, 3: top // 2}
    summed = play.join().go().go().go().go().finish()
    assert summed.words.tolist() == play.plain(range(4))


def test_a_cohort_of_three_and_one_of_thirty_sum_exactly() -> None:
    for clients in (3, 30):
        play = to_phase(cast_of(clients, words=1), 4)
        assert play.finish().words.tolist() == play.plain(range(clients))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 6), st.data())
def test_masks_cancel_for_any_survivors(clients: int, data: st.DataObject) -> None:
    survivors = data.draw(st.sets(st.integers(0, clients - 1), min_size=1))
    pairs = {frozenset(p): tape(("pair", p)) for p in itertools.combinations(range(clients), 2)}
    words = {i: np.frombuffer(tape(("x", i), 40), dtype="<u8") for i in range(clients)}
    sent = {
        i: masked(
            words[i], i, tape(("b", i)), {j: pairs[frozenset((i, j))] for j in words if j != i}
        )
        for i in survivors
    }
    edges = [(i, j, pairs[frozenset((i, j))]) for i in survivors for j in set(words) - survivors]
    total = np.sum([sent[i] for i in survivors], axis=0, dtype=np.uint64)
    opened = unmask(total, [tape(("b", i)) for i in survivors], edges)
    expected_sum = [sum(int(words[i][w]) for i in survivors) % 2**64 for w in range(5)]
    assert opened.tolist() == expected_sum


def test_masked_vectors_have_unbiased_bits() -> None:
    play = Play.of(cast_of(4, words=512))
    play.vectors = {i: np.zeros(512, dtype=np.uint64) for i in range(4)}
    play.join().go().go()
    assert sorted(play.server.vectors) == [0, 1, 2, 3]
    for words in play.server.vectors.values():
        bits = np.unpackbits(np.frombuffer(to_bytes(words), dtype=np.uint8)).reshape(512, 64)
        ones = bits.sum(axis=0, dtype=np.int64)  # binomial(512, 1/2): standard deviation 11.3
        assert np.all(np.abs(ones - 256) < 6 * 11.4)
        assert len(Counter(words.tolist())) == 512


def test_a_vector_that_is_not_words_is_refused_before_it_is_masked() -> None:
    play = to_phase(cast_of(4), 1)
    play.close()
    opened = client.accept_inbox(play.clients[0], play.outbox[0])
    right = play.vectors[0]
    for wrong in (right[:-1], np.append(right, right), right.reshape(1, -1)):
        with pytest.raises(Caller, match="the plan says 3"):
            client.mask(opened, wrong)
    for dtype in (np.float64, np.int64, np.uint32):
        with pytest.raises(Caller, match="words are uint64"):
            client.mask(opened, right.astype(dtype))
