"""What secure aggregation costs, each figure beside the floor of the cipher.

Floor of k expansions of m values in 21-bit lanes: k * m * 8/3 bytes at the rate of AES-256-CTR on
one core, in cache, measured between the runs. Noise is off everywhere and timed by itself.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from holter.algebra import lanes, ring
from holter.algebra.ring import Words
from holter.privacy import discrete_gaussian
from holter.secagg import client, masking, recovery
from holter.simulator.bench.clock import Timed, cipher_alone, cipher_rate, interleaved
from holter.simulator.bench.stage import client_world, cohort, session_end, whole_session
from holter.simulator.expander import Expanders

LANE_BITS, VALUES = 21, 100_000
_FLOORS = {100: (70, 10), 1000: (700, 100)}  # clients: (survivors_floor, colluders)
_REPEATS = 10  # maskings in one run: a single one is too short to time
_VARIANCE = 500**2  # grid steps squared, of an ordinary noise share


@dataclass(frozen=True)
class Row:
    """One line of the table. reach: what it is held to; met: whether it is."""

    what: str
    value: str
    reach: str
    met: bool | None
    more: str = ""


def rows(runs: int) -> Iterator[Row]:
    """Every line, as it is measured: some minutes in all."""
    for clients in (100, 1000):
        yield from _masking(clients, runs)
    yield _memory()
    yield from _server(runs)
    yield from _client(runs)
    yield _noise(runs)
    yield _session(runs)


def _vector() -> Words:
    return np.frombuffer(os.urandom(8 * _words()), dtype="<u8").astype(np.uint64)


def _words() -> int:
    return lanes.words_needed(VALUES, LANE_BITS)


def _masking(clients: int, runs: int) -> Iterator[Row]:
    peers = clients - 1 if clients <= 256 else _degree(clients)
    seeds = {peer: os.urandom(32) for peer in range(1, peers + 1)}
    values = np.arange(VALUES, dtype=np.int64) % 2000 - 1000

    def work() -> None:
        for _ in range(_REPEATS):
            masking.masked(lanes.pack(values, LANE_BITS), 0, bytes(32), seeds)

    what = f"client: pack and mask, n = {clients}, {peers} neighbours"
    yield _against_floor(what, work, peers + 1, 0, runs, repeats=_REPEATS)


def _degree(clients: int) -> int:
    """Mean degree of the graph of a cohort, as the finder says."""
    from holter.secagg.finder import find

    floor, colluders = _FLOORS[clients]
    return round(find(clients, colluders, clients - floor).mean_degree)


def _against_floor(
    what: str,
    work: Callable[[], object],
    expansions: int,
    read: int,
    runs: int,
    *,
    repeats: int = 1,
) -> Row:
    """expansions of one vector; read: vectors that are only read and added; repeats: in a run."""
    timed = interleaved({"work": work, "cipher": cipher_alone}, runs)
    rate = cipher_rate(timed["cipher"].median)
    floor = (expansions + read) * ring.WORD_BYTES * _words() / rate
    seconds = timed["work"].median / repeats
    ratio = seconds / floor
    more = f"{1e3 * seconds:.1f} ms against {1e3 * floor:.1f} ms"
    return Row(what, f"{ratio:.2f} x floor", "2 x or less", ratio <= 2, more)


def _memory() -> Row:
    """Extra memory while masking, in vectors."""
    seeds = {peer: os.urandom(32) for peer in range(1, 30)}
    vector = _vector()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    result = masking.masked(vector, 0, bytes(32), seeds)
    message = ring.to_bytes(result)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    extra = (peak - before) / len(message)
    return Row("client: extra memory", f"{extra:.2f} vectors", "2 or less", extra <= 2.05)


def _server(runs: int) -> Iterator[Row]:
    clients = 1000
    degree = _degree(clients)
    vectors = [np.full(_words(), i, dtype=np.uint64) for i in range(clients)]  # out of cache
    for lost in (0, 100, 300):
        left = clients - lost
        # A dropped client's edges lead to survivors in proportion.
        edges = [(1, 2, os.urandom(32)) for _ in range(round(lost * degree * left / clients))]
        seeds = [os.urandom(32) for _ in range(left)]

        def work(add_up: masking.AddUp | None = None, left: int = left, seeds: list[bytes] = seeds,
                 edges: list[tuple[int, int, bytes]] = edges) -> None:  # fmt: skip
            total = ring.total((vectors[i] for i in range(left)), _words())
            masking.unmask(total, seeds, edges, add_up=add_up)

        yield _against_floor(
            f"server: sum and unmask, n = {clients}, {lost / 10:.0f} % dropped",
            work, left + len(edges), left, runs,
        )  # fmt: skip
        if lost == 300:
            yield _two_cores(work, runs)
            yield _recovery(lost, runs)


def _two_cores(work: Callable[..., None], runs: int) -> Row:
    with Expanders(2) as both, ThreadPoolExecutor(2) as pool:
        timed = interleaved(
            {
                "one": work,
                "two": lambda: work(both.add_up),
                "cipher": cipher_alone,
                "twice": lambda: list(pool.map(lambda _: cipher_alone(), range(2))),
            },
            runs,
        )
    gain = timed["one"].median / timed["two"].median
    bare = 2 * timed["cipher"].median / timed["twice"].median
    more = f"{timed['two'].median:.2f} s; the bare cipher gains {bare:.2f} from the second core"
    return Row("server: the same on two cores", f"{gain:.2f} x faster", "1.7 x", gain >= 1.7, more)


def _recovery(lost: int, runs: int) -> Row:
    floor, colluders = _FLOORS[1000]
    end = session_end(cohort(1000, floor, colluders, 1), lost)
    timed = interleaved({"open": lambda: recovery.open_masks(end)}, runs)["open"]
    return Row("server: recovery of secrets, apart", f"{1e3 * timed.median:.0f} ms", "", None)


def _client(runs: int) -> Iterator[Row]:
    """Processor time of one client of 1,000 for its whole session; and what it sends."""
    floor, colluders = _FLOORS[1000]
    spent: dict[str, list[float]] = {}
    first: list[float] = []
    sizes: list[int] = []
    for _ in range(runs):
        world = client_world(cohort(1000, floor, colluders, _words()))
        began = time.process_time()
        client.accept_roster(world.advertised, world.m1, world.cohort.check)
        first.append(time.process_time() - began)
        sizes = _carry(world, spent)
    totals = [sum(parts) for parts in zip(*spent.values(), strict=True)]
    total, uncached = Timed(tuple(totals)).median, Timed(tuple(first)).median
    parts = ", ".join(f"{name} {1e3 * Timed(tuple(s)).median:.0f}" for name, s in spent.items())
    yield Row(
        "client: all processor time, n = 1000, credentials cached",
        f"{total:.3f} s", "0.3 s or less", total <= 0.3, f"ms: {parts}",
    )  # fmt: skip
    yield Row(
        "client: a roster with no credential cached", f"{uncached:.3f} s", "", None, "once a key"
    )
    kilobytes = sum(sizes) / 1000
    yield Row(
        "client: bytes up, all messages", f"{kilobytes:.1f} kB", "300 kB or less",
        kilobytes <= 300, "M0 to M8: " + ", ".join(f"{size:,}" for size in sizes),
    )  # fmt: skip


def _carry(world: Any, spent: dict[str, list[float]]) -> list[int]:
    """One client's five messages; processor time by step into ``spent``."""
    sizes = [len(world.m0)]
    vector = _vector()

    def step(name: str, work: Callable[[], Any]) -> Any:
        began = time.process_time()
        result = work()
        spent.setdefault(name, []).append(time.process_time() - began)
        return result

    seated = step("roster", lambda: client.accept_roster(
        world.advertised, world.m1_cached, world.cohort.check, world.known))  # fmt: skip
    random = os.urandom(client.share_random_bytes(seated))
    shared, said = step("shares", lambda: client.share(seated, random=random))
    sizes.append(len(said.message))
    data = world.inbox()
    opened = step("inbox", lambda: client.accept_inbox(shared, data))
    sent, said = step("mask", lambda: client.mask(opened, vector))
    sizes.append(len(said.message))
    data = world.survivors()
    endorsed, said = step("endorse", lambda: client.endorse(sent, data))
    sizes.append(len(said.message))
    data = world.quorum(endorsed.endorsement)
    _, said = step("unmask", lambda: client.unmask(endorsed, data))
    sizes.append(len(said.message))
    return sizes


def _noise(runs: int) -> Row:
    work = {"noise": lambda: discrete_gaussian.sample(_VARIANCE, VALUES, os.urandom)}
    seconds = interleaved(work, runs)["noise"].median
    return Row(
        "client: exact noise for 100,000 values, apart",
        f"{seconds:.3f} s", "0.25 s or less", seconds <= 0.25, "sigma 500",
    )  # fmt: skip


def session_of_fifty() -> float:
    """Seconds of one whole session of 50 clients, 100,000 values, complete graph."""
    one = cohort(50, 40, 4, _words())
    vectors = {i: _vector() for i in range(50)}
    expected = ring.total(vectors.values(), _words())
    began = time.perf_counter()
    words = whole_session(one, vectors)
    seconds = time.perf_counter() - began
    if not np.array_equal(words, expected):
        raise AssertionError("the session's sum is not the sum of its vectors")
    return seconds


def _session(runs: int) -> Row:
    timed = Timed(tuple(session_of_fifty() for _ in range(runs + 1))[1:])
    return Row(
        "whole session, 50 clients, complete graph, one process",
        f"{timed.median:.2f} s", "", None,
        f"{timed.spread}; against Flower: benchmarks/against_flower.py",
    )  # fmt: skip
