"""What can be computed from everything that a session gave away: at most one sum.

The oracle knows all that a coordinator and its corrupt clients know: every masked vector,
every released share, every secret of the corrupt. Unknown streams are unknowns of a linear
system; it lists all combinations of honest inputs that the system determines. Guarantee to be
tested: they lie on the one line spanned by the sum of all honest survivors.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.algebra.ring import Words
from holter.crypto.signature import payload_of, signature_of
from holter.secagg import client, masking
from holter.secagg.errors import CoordinatorFault
from holter.secagg.messages import Quorum, Unmasking
from tests.secagg import forgery
from tests.secagg.cast import Play, cast_of, to_phase

Row = dict[object, Fraction]


@dataclass
class Script:
    """What a coordinator does in one session. Sets are by client: each may see its own."""

    mask_sets: dict[int, set[int]]
    survivor_sets: dict[int, set[int]]
    spoilt: dict[int, set[int]] = field(default_factory=dict)
    corrupt: set[int] = field(default_factory=set)


@dataclass
class Knowledge:
    """What the coordinator has in the end. masked_with: whose pair masks each client applied."""

    play: Play
    masked_with: dict[int, set[int]]
    corrupt: set[int]
    seeds: set[int] = field(default_factory=set)
    keys: set[int] = field(default_factory=set)
    survivors: set[frozenset[int]] = field(default_factory=set)


def carry(clients: int, colluders: int, script: Script, *, naive: bool = False) -> Knowledge:
    """One session under ``script``. naive: rule A21 is off, unopened seals are masked without."""
    play = to_phase(cast_of(clients, colluders=colluders), 1)
    known = Knowledge(play, {}, script.corrupt)
    real = masking.masked

    def spy(vector: Words, me: int, seed: bytes, pairs: dict[int, bytes]) -> Words:
        used = {j: s for j, s in pairs.items() if not naive or j in play.held[me]}
        known.masked_with[me] = set(used)
        return real(vector, me, seed, used)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masking, "masked", spy)
        for i in range(clients):
            if i in script.corrupt:
                data = forgery.inbox(play, i, range(clients))  # it is shown everything
                play.held[i] = client.accept_inbox(play.clients[i], data).held
            else:
                spoil = script.spoilt.get(i, set())
                attempt(play, i, forgery.inbox(play, i, script.mask_sets[i], spoil))
    endorsers: dict[bytes, list[int]] = {}
    for i in set(known.masked_with):
        members = script.survivor_sets[i]
        missing = members & script.corrupt
        helped = {j: forgery.header(play, j, script.mask_sets[i]) for j in missing}
        if members - missing <= set(known.masked_with):
            attempt(play, i, forgery.survivors(play, members, headers=helped))
            if len(play.said[i]) > 3:
                endorsers.setdefault(payload_of(play.said[i][3].message), []).append(i)
    for payload, honest in endorsers.items():
        for i in honest:
            helping = sorted(script.corrupt & script.survivor_sets[i])
            bare = [signature_of(play.said[j][3].message) for j in honest]
            more = forgery.endorsed_by(play, helping, payload)
            quorum = Quorum((*honest, *more.endorsers), (*bare, *more.signatures))
            attempt(play, i, quorum.to_bytes())
            if len(play.said[i]) > 4:
                known.survivors.add(frozenset(script.survivor_sets[i]))
    count_shares(known, script)
    return known


def attempt(play: Play, i: int, data: bytes) -> None:
    """Hand a client something; if it refuses, that was its last word."""
    try:
        play.answer(i, data)
    except CoordinatorFault:
        pass


def count_shares(known: Knowledge, script: Script) -> None:
    """Which secrets open: by shares that honest clients sent, and all that the corrupt hold."""
    play = known.play
    needed = forgery.sharing(play).threshold
    seeds: dict[int, set[bytes]] = {i: set() for i in range(len(play.cast))}
    keys: dict[int, set[bytes]] = {i: set() for i in range(len(play.cast))}
    for holder in script.corrupt:
        for dealer, both in play.held[holder].items():
            seeds[dealer].add(both[:64])
            keys[dealer].add(both[64:])
    for holder, steps in play.said.items():
        if len(steps) < 5:
            continue
        members = script.survivor_sets[holder]
        held = sorted(play.held[holder])
        live, gone = [d for d in held if d in members], [d for d in held if d not in members]
        sent = Unmasking.parse(payload_of(steps[4].message), len(live), len(gone))
        for dealer, share in zip(live, sent.seed_shares, strict=True):
            seeds[dealer].add(share)
        for dealer, share in zip(gone, sent.key_shares, strict=True):
            keys[dealer].add(share)
    known.seeds = {i for i, shares in seeds.items() if len(shares) >= needed}
    known.keys = {i for i, shares in keys.items() if len(shares) >= needed}


def determined(known: Knowledge) -> list[list[Fraction]]:
    """A basis of the combinations of honest inputs that the coordinator can compute."""
    open_pairs = known.keys | known.corrupt
    rows: list[Row] = []
    for i, peers in known.masked_with.items():
        row: Row = {("input", i): Fraction(1)}
        if i not in known.seeds:
            row["self", i] = Fraction(1)
        for j in peers:
            if not {i, j} & open_pairs:
                row["pair", min(i, j), max(i, j)] = Fraction(1 if i < j else -1)
        rows.append(row)
    for unknown in sorted({name for row in rows for name in row if name[0] != "input"}):  # type: ignore[index]
        pivot = next((row for row in rows if row.get(unknown)), None)
        if pivot is not None:
            rows = [less(row, pivot, unknown) for row in rows if row is not pivot]
    size = len(known.play.cast)
    return [[row.get(("input", i), Fraction(0)) for i in range(size)] for row in rows]


def less(row: Row, pivot: Row, unknown: object) -> Row:
    """``row`` without ``unknown``."""
    factor = row.get(unknown, Fraction(0)) / pivot[unknown]
    mixed = {
        n: row.get(n, Fraction(0)) - factor * pivot.get(n, Fraction(0)) for n in {*row, *pivot}
    }
    return {name: value for name, value in mixed.items() if value}


def breaks(known: Knowledge) -> list[str]:
    """Empty where the guarantee holds."""
    found = determined(known)
    if not found:
        return []
    if len(found) > 1:
        return [f"{len(found)} independent combinations are determined"]
    if len(known.survivors) != 1:
        return ["a combination is determined, but no one survivor set was endorsed"]
    honest = next(iter(known.survivors)) - known.corrupt
    values = {value for i, value in enumerate(found[0]) if i in honest}
    rest = {value for i, value in enumerate(found[0]) if i not in honest}
    if len(values) != 1 or rest - {Fraction(0)}:
        return [f"{found[0]} is determined"]
    return []


def everyone(clients: int, members: Collection[int]) -> dict[int, set[int]]:
    return {i: set(members) for i in range(clients)}


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_an_honest_session_determines_the_sum_of_its_survivors_and_nothing_else(lost: int) -> None:
    left = range(8 - lost)
    known = carry(8, 0, Script(everyone(8, range(8)), everyone(8, left)))
    assert determined(known) == [[Fraction(i in left) for i in range(8)]]
    assert breaks(known) == []


INSIDE = set(range(6))
CENSORED = Script(  # no seal crosses between six clients and the other two
    everyone(8, range(8)),
    everyone(8, range(8)),
    {i: set(range(8)) - INSIDE if i in INSIDE else INSIDE for i in range(8)},
)


def test_A21_a_censored_inbox_determines_nothing() -> None:
    known = carry(8, 0, CENSORED)
    assert len(known.seeds) == 6 and determined(known) == []


def test_without_the_rule_of_A21_the_oracle_finds_the_break() -> None:
    known = carry(8, 0, CENSORED, naive=True)
    assert determined(known) == [[Fraction(i in INSIDE) for i in range(8)]]
    assert breaks(known)


def test_without_the_rule_of_A2_the_oracle_finds_every_single_input() -> None:
    known = carry(8, 0, Script(everyone(8, range(8)), everyone(8, range(7))))
    known.seeds |= set(range(8))
    known.keys |= set(range(8))
    assert len(determined(known)) == 8 and breaks(known)


def test_a_corrupt_phantom_is_no_way_to_a_smaller_sum() -> None:
    script = Script(everyone(8, range(8)), everyone(8, range(8)), corrupt={7})
    known = carry(8, 1, script)
    assert determined(known) == [[Fraction(i < 7) for i in range(8)]]
    assert breaks(known) == []


@st.composite
def scripts(draw: st.DrawFn) -> tuple[int, int, Script]:
    """Two mask sets, two survivor sets, any seals spoilt, as many corrupt as the plan bears."""
    clients, colluders = draw(st.sampled_from([(5, 0), (7, 0), (6, 1), (8, 1), (8, 2)]))
    corrupt = draw(st.sets(st.integers(0, clients - 1), max_size=colluders))
    missing = st.sets(st.integers(0, clients - 1), max_size=2)
    whole = set(range(clients))
    masks = [whole - draw(missing), whole - draw(missing) if draw(st.booleans()) else whole]
    lives = [masks[0] - draw(missing), masks[-1] - draw(missing)]
    sides = [draw(st.sampled_from([0, 0, 1])) for _ in range(clients)]
    also = [draw(st.sampled_from([0, 0, 0, 1])) for _ in range(clients)]
    spoilt: dict[int, set[int]] = {}
    how = draw(st.sampled_from(["nothing", "anything", "a split"]))
    if how == "anything":
        spoilt = {i: draw(st.sets(st.integers(0, clients - 1), max_size=3)) for i in range(clients)}
    if how == "a split":
        part = draw(missing)
        spoilt = {i: part if i not in part else whole - part for i in range(clients)}
    mask_sets = {i: masks[sides[i]] for i in range(clients)}
    survivor_sets = {i: lives[also[i]] for i in range(clients)}
    return clients, colluders, Script(mask_sets, survivor_sets, spoilt, corrupt)


@settings(max_examples=70, deadline=None)
@given(scripts())
def test_no_script_of_a_lying_coordinator_determines_more_than_the_sum_of_honest_survivors(
    case: tuple[int, int, Script],
) -> None:
    clients, colluders, script = case
    known = carry(clients, colluders, script)
    assert breaks(known) == []
    assert len(known.survivors) <= 1
