"""What can be computed from everything that a session gave away, and what of that is too much.

Unknown streams are unknowns of a linear system; ``determined`` lists all combinations of honest
inputs that the system determines, ``breaks`` those that the protocol must not give.
"""

from __future__ import annotations

from fractions import Fraction

from tests.secagg.oracle import Knowledge, Set

Row = dict[tuple[object, ...], Fraction]


def determined(known: Knowledge) -> list[list[Fraction]]:
    """A basis of the combinations of honest inputs that the coordinator can compute."""
    open_seeds = known.opened(known.seeds) | known.corrupt
    open_keys = known.opened(known.keys) | known.corrupt
    rows: list[Row] = []
    for (number, i), peers in known.masked.items():
        row: Row = {("input", i): Fraction(1)}
        if i not in open_seeds:
            row["self", i] = Fraction(1)
        for j in peers:
            low, high = sorted((i, j))
            if not {i, j} & open_keys and (number, low, high) not in known.edges:
                row["pair", number, low, high] = Fraction(1 if i < j else -1)
        rows.append(row)
    unknowns = {name for row in rows for name in row if name[0] != "input"}
    for unknown in sorted(unknowns, key=repr):
        pivot = next((row for row in rows if row.get(unknown)), None)
        if pivot is not None:
            rows = [less(row, pivot, unknown) for row in rows if row is not pivot]
    found = [[row.get(("input", i), Fraction(0)) for i in range(known.devices)] for row in rows]
    return [each for each in found if any(each)]


def less(row: Row, pivot: Row, unknown: tuple[object, ...]) -> Row:
    """``row`` without ``unknown``."""
    factor = row.get(unknown, Fraction(0)) / pivot[unknown]
    if not factor:
        return row
    mixed = {
        n: row.get(n, Fraction(0)) - factor * pivot.get(n, Fraction(0)) for n in {*row, *pivot}
    }
    return {name: value for name, value in mixed.items() if value}


def components(known: Knowledge, number: int, honest: Set) -> list[Set]:
    """Of the graph of honest survivors."""
    left, found, around = set(honest), [], known.around[number]
    while left:
        part, reach = set(), {min(left)}
        while reach:
            part |= reach
            reach = {j for i in reach for j in around[i] if j in honest} - part
        found.append(frozenset(part))
        left -= part
    return found


def allowed(known: Knowledge, number: int, survivors: Set) -> list[Set]:
    """Whose sum may open: components of which every member's shares lie with it or the corrupt.

    On the complete graph, and wherever the graph of honest survivors is connected, that is one
    set: all of them.
    """
    around, needed = known.around[number], known.thresholds[number]
    return [
        part
        for part in components(known, number, survivors - known.corrupt)
        if all(len(around[i] & (part | known.corrupt)) >= needed for i in part)
    ]


def breaks(known: Knowledge) -> list[str]:
    """Empty where the guarantee holds."""
    said = [f"{len(s)} sets endorsed on one roster" for s in known.endorsed.values() if len(s) > 1]
    lines = [
        part
        for r, sets in known.endorsed.items()
        for each in sets
        for part in allowed(known, r, each)
    ]
    twice = {i for at, one in enumerate(lines) for other in lines[:at] for i in one & other}
    said += [f"device {i} stands in two sums" for i in sorted(twice)]
    for found in determined(known):
        rest = list(found)
        for part in lines:
            values = {rest[i] for i in part}
            if len(values) == 1:
                rest = [Fraction(0) if i in part else each for i, each in enumerate(rest)]
        if any(rest):
            said.append(f"{[str(each) for each in found]} is determined")
    return said
