"""Who masks with whom: the derivation, its uniformity, its degrees."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from holter.secagg import connectivity, graph
from holter.secagg.graph import all_neighbours, cycle, neighbours


def sid_of(seed: int) -> bytes:
    return hashlib.sha256(b"graph test" + seed.to_bytes(8, "big")).digest()


def slow_cycle(sid: bytes, size: int, number: int) -> list[int]:
    """The derivation in RFC 5869, AES and integers, with nothing of holter's."""
    info = b"holter/secagg/1/graph" + bytes(divmod(number, 256))
    key = hmac.digest(sid, info + b"\x01", "sha256")
    stream = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    while True:
        block = stream.update(bytes(8 * size))
        words = [int.from_bytes(block[8 * i : 8 * i + 8], "little") for i in range(size)]
        if len(set(words)) == size:
            return sorted(range(size), key=words.__getitem__)


def slow_neighbours(sid: bytes, size: int, cycles: int) -> list[tuple[int, ...]]:
    met: list[set[int]] = [set() for _ in range(size)]
    for number in range(cycles):
        order = slow_cycle(sid, size, number)
        for place, index in enumerate(order):
            met[index] |= {order[place - 1], order[place - size + 1]}
    return [tuple(sorted(those - {index})) for index, those in enumerate(met)]


@pytest.mark.parametrize(("size", "cycles"), [(257, 1), (257, 300), (300, 7), (1000, 68)])
def test_the_graph_is_the_one_that_the_document_describes(size: int, cycles: int) -> None:
    expected = slow_neighbours(sid_of(size), size, cycles)
    assert list(all_neighbours(sid_of(size), size, cycles)) == expected
    for me in range(0, size, 41):
        assert neighbours(sid_of(size), size, cycles, me) == expected[me]


def test_no_edge_is_one_sided() -> None:
    around = all_neighbours(sid_of(1), 500, 59)
    for me, those in enumerate(around):
        assert me not in those
        assert list(those) == sorted(set(those))
        assert all(me in around[other] for other in those)


def test_up_to_256_clients_everyone_masks_with_everyone() -> None:
    assert neighbours(sid_of(1), 2, 0, 1) == (0,)
    assert neighbours(sid_of(1), 256, 0, 3) == (0, 1, 2, *range(4, 256))
    around = all_neighbours(sid_of(1), 20, 0)
    assert around == tuple(neighbours(sid_of(1), 20, 0, me) for me in range(20))


@pytest.mark.parametrize(
    ("sid_bytes", "size", "cycles", "says"),
    [
        (31, 300, 5, "32 bytes"),
        (32, 1, 0, "2 to 65536 clients"),
        (32, 65_537, 5, "2 to 65536 clients"),
        (32, 300, 0, "up to 256"),
        (32, 256, 5, "up to 256"),
        (32, 300, -1, "cycles"),
        (32, 300, 65_536, "cycles"),
    ],
)
def test_what_is_no_graph_is_refused(sid_bytes: int, size: int, cycles: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        neighbours(bytes(sid_bytes), size, cycles, 0)
    with pytest.raises(ValueError, match=says):
        all_neighbours(bytes(sid_bytes), size, cycles)


@pytest.mark.parametrize("me", [-1, 300])
def test_nobody_off_the_roster_has_neighbours(me: int) -> None:
    with pytest.raises(ValueError, match="not on a roster of 300"):
        neighbours(bytes(32), 300, 5, me)


class Scripted:
    """A stream whose words are given."""

    words: tuple[int, ...] = ()

    def __init__(self, key: bytes) -> None:
        self.rest = np.array(self.words, dtype="<u8").tobytes()

    def read(self, length: int) -> bytes:
        piece, self.rest = self.rest[:length], self.rest[length:]
        assert len(piece) == length
        return piece


def test_two_equal_words_discard_the_whole_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    top = 2**64 - 1
    monkeypatch.setattr(graph, "Stream", Scripted)
    # 5 twice among the first four, the largest word twice among the next four
    Scripted.words = (5, 9, 5, 1, top, top, 3, 0, 4, 1, top, 2)
    assert cycle(bytes(32), 4, 0).tolist() == [1, 3, 0, 2]


def test_a_stream_without_a_tie_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "Stream", Scripted)
    Scripted.words = (2**63, 2**63 - 1, 0, 2**64 - 1)
    assert cycle(bytes(32), 4, 0).tolist() == [2, 1, 0, 3]


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_every_cycle_through_five_clients_is_equally_likely(seed: int) -> None:
    draws, kinds = 6000, 12  # (5 - 1)!/2 undirected cycles
    seen: Counter[frozenset[frozenset[int]]] = Counter()
    for number in range(draws):
        order = cycle(sid_of(seed), 5, number).tolist()
        seen[frozenset(frozenset((order[i - 1], order[i])) for i in range(5))] += 1
    assert len(seen) == kinds
    expected = draws / kinds
    distance = sum((count - expected) ** 2 / expected for count in seen.values())
    assert distance < 31.26  # chi-square with 11 degrees of freedom: one in a thousand


def test_every_client_is_met_equally_often() -> None:
    met = Counter(other for seed in range(200) for other in neighbours(sid_of(seed), 257, 10, 100))
    assert len(met) == 256
    expected = sum(met.values()) / 256
    distance = sum((count - expected) ** 2 / expected for count in met.values())
    assert distance < 330.5  # chi-square with 255 degrees of freedom: one in a thousand


def test_degrees_are_those_that_the_bounds_count_on() -> None:
    around = [len(those) for those in all_neighbours(sid_of(7), 1000, 66)]
    # the design saw 112 to 130 in one sample; a thousand clients reach a little further
    assert 108 <= min(around) <= 116
    assert 128 <= max(around) <= 132
    chances = connectivity.degrees(1000, 66)
    mean = float(chances @ np.arange(1000))
    spread = float(chances @ (np.arange(1000) - mean) ** 2) ** 0.5
    assert sum(around) / 1000 == pytest.approx(mean, abs=5 * spread / 1000**0.5)


def test_another_session_or_another_number_of_cycles_is_another_graph() -> None:
    first = neighbours(sid_of(1), 300, 5, 0)
    assert first != neighbours(sid_of(2), 300, 5, 0)
    assert set(first) < set(neighbours(sid_of(1), 300, 6, 0))
