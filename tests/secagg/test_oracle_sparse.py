"""What a session on a sparse graph gives away: sums of whole components, where those open.

Small graphs of two or three cycles, with thresholds that such graphs could not promise: so the
server has far more to choose from than any plan allows.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.secagg import forgery
from tests.secagg.cast import Play, cast_of
from tests.secagg.oracle import Knowledge, Script, Set, carry, everyone, offered, shared
from tests.secagg.test_oracle import line, scripts
from tests.secagg.verdict import allowed, breaks, components, determined

Patch = pytest.MonkeyPatch


def removed(play: Play, data: st.DataObject, most: int) -> Set:
    """Whom a server that sees the graph lets vanish: often the neighbourhood of somebody."""
    size = len(play.cast)
    start = data.draw(st.integers(0, size - 1))
    inside = {start, *data.draw(st.frozensets(st.integers(0, size - 1), max_size=2))}
    boundary = {j for i in inside for j in forgery.around(play, i)} - inside
    if data.draw(st.booleans()):
        return frozenset(sorted(boundary)[:most])
    return data.draw(st.frozensets(st.integers(0, size - 1), max_size=most))


def settled(play: Play, members: Set) -> Set:
    """Less, repeatedly, whoever would refuse because too few of its neighbours are left."""
    state = forgery.sharing(play)
    while True:
        kept = {i for i in members if len(members & set(state.neighbours[i])) >= state.threshold}
        if kept == members:
            return members
        members = frozenset(kept)


def few_enough(play: Play, corrupt: Set) -> Set:
    """So many of them that no client has as many corrupt neighbours as shares open a secret.

    That is what the bound on (cycles, threshold) promises, and what these small graphs do not.
    """
    state = forgery.sharing(play)
    while any(len(corrupt.intersection(met)) >= state.threshold for met in state.neighbours):
        corrupt = corrupt - {max(corrupt)}
    return corrupt


def sparse_session(data: st.DataObject, patch: Patch) -> Knowledge:
    """One session on a union of cycles, with a threshold that such a graph cannot promise."""
    size, cycles = data.draw(st.integers(8, 14)), data.draw(st.sampled_from([2, 3]))
    threshold, colluders = data.draw(st.integers(2, 3)), data.draw(st.integers(0, 2))
    salt = data.draw(st.integers(0, 30))
    forgery.sparse(patch, cycles, threshold)
    play = shared(cast_of(size, colluders=colluders), salt)
    lost = play.cast.session.bounds.lost(size)
    script = data.draw(scripts(size, colluders))
    corrupt = few_enough(play, script.corrupt)
    script = replace(script, corrupt=corrupt)
    if data.draw(st.sampled_from([True, True, False])):  # all see one set; what it is, is chosen
        everybody = frozenset(forgery.sharing(play).sealed)
        left = everybody - removed(play, data, lost) | corrupt
        if data.draw(st.booleans()):
            left = settled(play, left)
        script = replace(
            script, mask_sets=everyone(size, everybody), offers=offered(size, left), spoilt={}
        )
    known = Knowledge()
    carry(known, play, script)
    return known


def only_whole_components(data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        known = sparse_session(data, patch)
    assert breaks(known) == []
    for members in known.endorsed[0]:
        honest = members - known.corrupt
        if len(components(known, 0, honest)) == 1:
            assert len(determined(known)) <= 1


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_on_a_sparse_graph_only_sums_of_whole_components_are_determined(
    data: st.DataObject,
) -> None:
    only_whole_components(data)


@pytest.mark.long
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_on_many_sparse_graphs_only_sums_of_whole_components_are_determined(
    data: st.DataObject,
) -> None:
    only_whole_components(data)


def cut(size: int, threshold: int) -> tuple[Play, int, Set]:
    """A play on a graph from which the server can cut one client: it, and the other survivors."""
    for salt in range(100):
        play = shared(cast_of(size, floor=size // 2 + 1), salt)
        for victim in range(size):
            around = frozenset(forgery.around(play, victim))
            rest = frozenset(range(size)) - around
            others = rest - {victim}
            live = {i: len(others.intersection(forgery.around(play, i))) for i in others}
            if len(rest) > size // 2 and min(live.values()) >= threshold:
                return play, victim, rest
    raise AssertionError("no such graph")


def test_A4_a_set_that_a_sparse_graph_lets_go_stays_closed_for_want_of_shares(
    monkeypatch: Patch,
) -> None:
    forgery.sparse(monkeypatch, 2, 2)
    play, victim, rest = cut(14, 2)
    known = Knowledge()
    carry(known, play, Script(everyone(14, range(14)), offered(14, rest)))
    found = determined(known)
    assert (
        found
        == line(rest - {victim}, 14)
        == [[Fraction(i in part) for i in range(14)] for part in allowed(known, 0, rest)]
    )
    # The victim itself refuses, its shares are with nobody who answers, and so it is not in.
    assert victim not in known.opened(known.seeds) and breaks(known) == []
    known.seeds[0, victim] = set(range(14))
    known.edges |= {(0, *sorted((victim, j))) for j in known.around[0][victim]}  # type: ignore[misc]
    assert len(determined(known)) == 2 and breaks(known)  # or it would lie open


def halves(play: Play) -> tuple[dict[int, Set], list[Set]]:
    """Whose seals are spoilt for whom, if nothing crosses between two halves; and the halves."""
    size = len(play.cast)
    parts = [frozenset(range(size // 2)), frozenset(range(size // 2, size))]
    return {i: parts[i < size // 2] for i in range(size)}, parts


@pytest.mark.parametrize("naive", [False, True], ids=["the rule", "no rule"])
def test_A21_an_inbox_censored_on_a_sparse_graph(monkeypatch: Patch, naive: bool) -> None:
    forgery.sparse(monkeypatch, 3, 2)
    play = next(p for p in (shared(cast_of(12, floor=7), salt) for salt in range(50)) if whole(p))
    spoilt, parts = halves(play)
    known = Knowledge()
    carry(known, play, Script(everyone(12, range(12)), offered(12, range(12)), spoilt), naive=naive)
    if naive:  # each half masks among itself, nobody dropped out, and both sums lie open
        assert len(determined(known)) >= 2 and breaks(known)
        return
    # Masked across the cut: no half opens; all of it does, which is the sum that is allowed.
    assert determined(known) == line(range(12), 12) and breaks(known) == []
    assert all(len(part) == 6 for part in parts)


def whole(play: Play) -> bool:
    """Whether everyone has at least two neighbours in its own half, and so enough holders."""
    around = forgery.sharing(play).neighbours
    size = len(play.cast)
    return all(sum((i < size // 2) == (j < size // 2) for j in around[i]) >= 2 for i in range(size))
