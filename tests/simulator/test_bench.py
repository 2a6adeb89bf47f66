"""The benchmark's stages: real sessions that end in real sums, whatever they cost."""

from __future__ import annotations

import numpy as np

from holter.algebra import ring
from holter.secagg import client, masking, recovery
from holter.simulator.bench import clock
from holter.simulator.bench.stage import client_world, cohort, session_end, whole_session
from holter.simulator.expander import Expanders


def test_a_whole_session_ends_in_the_sum_of_its_vectors() -> None:
    one = cohort(6, 5, 0, 4)
    vectors = {i: np.arange(4, dtype=np.uint64) * np.uint64(i + 1) for i in range(6)}
    assert np.array_equal(whole_session(one, vectors), ring.total(vectors.values(), 4))


def test_one_client_of_a_world_gets_through_with_every_check_of_its_own() -> None:
    world = client_world(cohort(40, 30, 2, 4))
    assert world.neighbours == 39 and len(world.m1_cached) < len(world.m1)
    seated = client.accept_roster(world.advertised, world.m1, world.cohort.check)
    random = bytes(client.share_random_bytes(seated))
    shared, _ = client.share(seated, random=random)
    opened = client.accept_inbox(shared, world.inbox())
    assert len(opened.held) == 39
    sent, _ = client.mask(opened, ring.zeros(4))
    assert len(sent.opened.masked_with) == 39


def test_the_end_of_a_session_opens_and_blames_nobody() -> None:
    masks = recovery.open_masks(session_end(cohort(12, 9, 0, 1), 2))
    assert len(masks.self_seeds) == 10 and len(masks.edges) == 20 and not masks.blamed


def test_interleaved_runs_are_counted_without_the_first() -> None:
    calls: list[str] = []
    works = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    timed = clock.interleaved(works, 3)
    assert calls == ["a", "b"] * 4 and len(timed["a"].seconds) == 3
    assert min(timed["b"].seconds) <= timed["b"].median and "to" in timed["b"].spread


def test_masks_added_up_by_two_processes_are_those_added_up_here() -> None:
    seeds = [bytes([i]) * 32 for i in range(9)]
    edges = [(i, 9 - i, bytes([99 - i]) * 32) for i in range(9)]
    total = np.arange(50, dtype=np.uint64)
    with Expanders(2) as both:
        twice = [masking.unmask(total, seeds, edges, add_up=both.add_up) for _ in range(2)]
        nothing = masking.unmask(total, [], [], add_up=both.add_up)
    here = masking.unmask(total, seeds, edges)
    assert np.array_equal(twice[0], here) and np.array_equal(twice[1], here)
    assert np.array_equal(nothing, total)
