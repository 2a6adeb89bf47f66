"""What can be computed from everything that a window gave away: at most one sum.

The oracle knows what a leader knows with its corrupt devices and helpers: every masked vector,
every answer it could get, the seeds of the corrupt. Masks of honest devices are unknowns of a
linear system; it lists the combinations of honest inputs that the system determines.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from holter.algebra.ring import from_bytes
from holter.crypto import labels
from holter.crypto.prg import add_stream
from holter.secagg.errors import CoordinatorFault
from holter.secagg.upload import client
from holter.secagg.upload.messages import Answer, list_payload
from holter.secagg.upload.window import ENTRY_BYTES
from tests.secagg.upload.window_cast import WindowPlay, id_of, window_cast
from tests.secagg.upload.window_forgery import forged

Consents = dict[bytes, dict[int, bytes]]  # a list -> helper -> its signature of it
Row = dict[tuple[object, ...], Fraction]


@dataclass(frozen=True)
class Script:
    """What a leader does in one window.

    lists: whose reports it wants summed, list by list. first: which list each helper is shown
    first. corrupt: devices with the leader; traitors: helpers with it. twins: helper -> (corrupt
    device, victim): this helper is shown the corrupt one's report under the victim's id.
    A list that holds a victim's id is asked for in both its meanings. restarts: helpers that die
    once they have signed, or answered first; then the leader shows them what it has not shown them
    before.
    """

    devices: int
    helpers: int
    floor: int
    lists: tuple[frozenset[int], ...]
    first: tuple[int, ...] = (0, 0, 0, 0)
    corrupt: frozenset[int] = frozenset()
    traitors: frozenset[int] = frozenset()
    twins: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    restarts: frozenset[int] = frozenset()


@dataclass
class Knowledge:
    """rows: what is known, each a combination of inputs and masks of honest devices."""

    script: Script
    rows: list[Row] = field(default_factory=list)
    lists: set[frozenset[int]] = field(default_factory=set)  # the devices of each


def carry(script: Script) -> Knowledge:
    """One window under ``script``, with the real machines of whoever is honest."""
    cast = window_cast(script.devices, script.helpers, floor=script.floor)
    play, known = WindowPlay.of(cast).gather(), Knowledge(script)
    honest = [i for i in range(script.devices) if i not in script.corrupt]
    for i in honest:
        masked: Row = {("mask", i, g): Fraction(1) for g in range(script.helpers)}
        known.rows.append({("input", i): Fraction(1), **masked})
        for j in script.traitors:
            known.rows += [{("mask", i, g): Fraction(1)} for g in cast.window.held_by(j)]
    plain = list(play.reports.values())
    shown = {j: plain for j in play.helpers}
    forgeries = {
        pair: forged(play, pair[0], report_id=id_of(pair[1]))
        for pair in sorted(set(script.twins.values()))
    }
    for j, pair in script.twins.items():
        shown[j] = [r for i, r in play.reports.items() if i not in pair] + [forgeries[pair]]
    lists = [meanings(play, listed, forgeries) for listed in script.lists]
    loyal = [j for j in play.helpers if j not in script.traitors]
    signed: Consents = {}
    for j in loyal:
        play.examine(j, play.proposal(shown[j]))
        for listed in orders(script, j, lists):
            if script.helpers > 1 and (said := stand(play, j, listed)):
                signed.setdefault(listed, {})[j] = said
        if j in script.restarts:
            if script.helpers == 1:
                for listed in lists[script.first[j]]:
                    ask(known, play, j, listed, signed)
            play.restart(j)
            play.examine(j, play.proposal(plain if j in script.twins else shown[j]))
    for j in loyal:
        for listed in orders(script, j, lists):
            ask(known, play, j, listed, signed)
    return known


def meanings(
    play: WindowPlay, listed: frozenset[int], forgeries: Mapping[tuple[int, int], bytes]
) -> list[bytes]:
    """Every list of these report ids: each is its owner's report, or one of its twins."""
    under = {i: [play.entry(play.reports[i])] for i in sorted(listed, key=id_of)}
    for (_, victim), twin in forgeries.items():
        under.get(victim, []).append(play.entry(twin))
    return [b"".join(each) for each in itertools.product(*under.values())]


def orders(script: Script, j: int, lists: list[list[bytes]]) -> list[bytes]:
    rest = [k for k in range(len(lists)) if k != script.first[j]]
    return [listed for k in (script.first[j], *rest) for listed in lists[k]]


def stand(play: WindowPlay, j: int, listed: bytes) -> bytes | None:
    try:
        return play.endorse(j, play.listing([listed]))
    except CoordinatorFault:
        return None


def ask(known: Knowledge, play: WindowPlay, j: int, listed: bytes, signed: Consents) -> None:
    """Ask helper j for a list, with all consents to it and the traitors' own."""
    cast = play.cast
    payload = list_payload(cast.window.list_hash(listed))
    traitors = {
        k: cast.says(labels.UPLOAD_LIST, payload, cast.helper_keys[k])
        for k in known.script.traitors
    }
    try:
        message = play.answer(j, play.request([listed], {**signed.get(listed, {}), **traitors}))
    except CoordinatorFault:
        return
    report_ids = [listed[at : at + 16] for at in range(0, len(listed), ENTRY_BYTES)]
    if all(report_id in play.helpers[j].seen for report_id in report_ids):
        enter(known, play, j, report_ids, message)
    # otherwise the same bytes as before a restart; their rows are there already


def enter(
    known: Knowledge, play: WindowPlay, j: int, report_ids: list[bytes], message: bytes
) -> None:
    """A row for each seed of an answer, held against the answer's own bytes."""
    held, seen = play.cast.window.held_by(j), play.helpers[j].seen
    number = {key.public: i for i, key in enumerate(play.cast.keys)}
    devices = [number[seen[report_id].device_key] for report_id in report_ids]
    for place, vector in enumerate(Answer.parse(message, len(held), 24).vectors):
        total = np.zeros(3, dtype=np.uint64)
        for report_id in report_ids:
            add_stream(total, client.mask_key(seen[report_id].seeds[place]))
        if from_bytes(vector).tolist() != total.tolist():
            assert known.script.helpers == 1 and j in known.script.restarts
            continue  # the bytes of before the restart again; they are known
        honest = [i for i in devices if i not in known.script.corrupt]
        known.lists.add(frozenset(devices))
        known.rows.append({("mask", i, held[place]): Fraction(1) for i in honest})


def determined(known: Knowledge) -> list[list[Fraction]]:
    """A basis, in reduced form, of the combinations of honest inputs that can be computed."""
    rows, basis = [row for row in known.rows if row], list[Row]()
    for unknown in {name for row in rows for name in row if name[0] == "mask"}:
        _, rows = without(rows, unknown)
    for i in range(known.script.devices):
        pivot, rows = without(rows, ("input", i))
        if pivot is not None:
            unit = {name: value / pivot["input", i] for name, value in pivot.items()}
            basis = [*(less(row, unit, ("input", i)) for row in basis), unit]
    assert not rows
    size = range(known.script.devices)
    return [[row.get(("input", i), Fraction(0)) for i in size] for row in basis]


def without(rows: list[Row], unknown: tuple[object, ...]) -> tuple[Row | None, list[Row]]:
    """A row with ``unknown``, if there is one, and the others cleared of it."""
    pivot = next((row for row in rows if row.get(unknown)), None)
    if pivot is None:
        return None, rows
    cleared = [less(row, pivot, unknown) for row in rows if row is not pivot]
    return pivot, [row for row in cleared if row]


def less(row: Row, pivot: Row, unknown: tuple[object, ...]) -> Row:
    """``row`` without ``unknown``."""
    factor = row.get(unknown, Fraction(0)) / pivot[unknown]
    names = {*row, *pivot} if factor else set(row)
    mixed = {n: row.get(n, Fraction(0)) - factor * pivot.get(n, Fraction(0)) for n in names}
    return {name: value for name, value in mixed.items() if value}


def breaks(known: Knowledge) -> list[str]:
    """Empty where the guarantee holds."""
    found = determined(known)
    if len(found) > 1:
        return [f"{len(found)} independent combinations are determined"]
    if found and not any(found[0] == line(known, listed) for listed in known.lists):
        return [f"{found[0]} is determined"]
    return []


def line(known: Knowledge, listed: frozenset[int]) -> list[Fraction]:
    """The sum of a list's honest reports."""
    assert len(listed) >= known.script.floor
    honest = listed - known.script.corrupt
    return [Fraction(i in honest) for i in range(known.script.devices)]
