"""Whether any update can leave the pipe longer than the clip: adversarial updates, no noise.

The integers beneath the noise are looked at, since their norm is what every epsilon rests on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from holter.audit.draws import signs, uniform
from holter.audit.finding import Finding
from holter.audit.pipe import AUDITOR, Floats, Pipe, Silent, SourceOf, Vector
from holter.privacy.source import Source

_EXPONENTS = (-42, -20, -6, -2, 0, 1, 3, 20, 38)  # powers of ten: all that a float32 holds
_CLIPS = (1.0, 1e-3, 1e3)  # times the plan's: the promise may not depend on a round's clip


def sensitivity(pipe: Pipe, *, source_of: SourceOf, round_number: int = 1) -> Finding:
    """No finite update exceeds D, in exact integers; none that is not finite passes."""
    source = source_of(round_number, AUDITOR)
    roundings = (source.read, lambda n: bytes(n), lambda n: b"\xff" * n)  # chance, up, down
    longest, tried, refused = 0, 0, ""
    for name, change in _adversarial(pipe.plan.layout.size, source):
        for factor in _CLIPS:
            for read in roundings:
                tried += 1
                try:
                    integers = pipe.integers(
                        change, round_number, source=Silent(read), clip=factor * pipe.plan.clip
                    )
                except ValueError as error:
                    refused = refused or f" A {name} update was refused: {error}."
                    continue
                longest = max(longest, sum(int(v) * int(v) for v in integers[integers != 0]))
    passing = sum(_passes(pipe, bad, source, round_number) for bad in (np.nan, np.inf, -np.inf))
    norm, limit = math.sqrt(longest), pipe.norm_limit
    return Finding(
        name="sensitivity",
        passed=longest <= limit**2 and not refused and passing == 0,
        what=(
            f"The longest of {tried} adversarial contributions is {norm:.6g} grid steps; the "
            f"bound is {limit}. Of 3 updates that are not finite {passing} passed.{refused}"
        ),
        numbers={"tried": tried, "longest": norm, "limit": limit, "not_finite_passed": passing},
        claim=float(limit),
        bound=norm,
    )


def _passes(pipe: Pipe, bad: float, source: Source, round_number: int) -> bool:
    # Everywhere: an entry that a subset does not send may be anything.
    change = np.full(pipe.plan.layout.size, bad, dtype=np.float32)
    try:
        pipe.integers(change, round_number, source=Silent(source.read))
    except ValueError:  # NotFinite, or a later step's refusal
        return False
    return True


def _adversarial(size: int, source: Source) -> Iterator[tuple[str, Vector]]:
    shapes = dict(_shapes(size, source))
    for exponent in _EXPONENTS:
        for name, shape in shapes.items():
            yield f"{name} (1e{exponent})", (shape * 10.0**exponent).astype(np.float32)
    yield "zero", np.zeros(size, dtype=np.float32)
    mixed = np.full(size, 1e-38, dtype=np.float32)
    mixed[0] = 3e38
    yield "huge among tiny", mixed


def _shapes(size: int, source: Source) -> Iterator[tuple[str, Floats]]:
    """Vectors with entries up to 1."""
    one = np.zeros(size)
    one[size // 2] = 1
    yield "one-hot", one
    yield "random", 2 * uniform(source, size) - 1
    yield "random sign", signs(source, 1, size)[0]
    # Equal entries have equal fractions after scaling, so that rounding moves all of them the
    # same way; each support gives another fraction.
    for share in (1, 2, 3, 7, 50):
        constant = np.zeros(size)
        constant[: max(1, size // share)] = 1
        yield f"constant over 1/{share}", constant
    yield "falling", 1 / np.arange(1, size + 1)
