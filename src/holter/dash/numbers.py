"""How a number is written: no more digits than mean something, "n/a" for what is not there.

Every function takes None and answers ``NOT_AVAILABLE``. A space before a unit never breaks
a line, a minus sign is a minus sign, and an epsilon is rounded up, never down: a rounded
promise must not promise more than the run keeps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

NOT_AVAILABLE: Final = "n/a"
SPACE: Final = "\u00a0"  # no-break space
MINUS: Final = "\u2212"
PLUS_MINUS: Final = "\u00b1"
DECIMALS_FROM_WINDOWS: Final = 1_000.0  # below it, one window weighs more than 0.1 %
NORMAL_95: Final = 1.96  # two-sided 95 % quantile of the normal distribution
FEWEST_FOR_A_MARGIN: Final = 8  # people; with fewer, a normal margin says too little


def count(value: float | None) -> str:
    """A whole number with thousands set apart: 1,000."""
    return NOT_AVAILABLE if value is None else f"{round(value):,}".replace("-", MINUS)


def counted(value: float | None, one: str, many: str) -> str:
    """ "1 person", "250 people"."""
    return f"{count(value)} {one if value == 1 else many}"


def decimal(value: float | None, digits: int = 2) -> str:
    """A number with a fixed count of decimals."""
    return NOT_AVAILABLE if value is None else f"{value:,.{digits}f}".replace("-", MINUS)


def short(value: float | None) -> str:
    """Three significant digits, without trailing zeros: 0.0123, 1.5, 12,300."""
    if value is None:
        return NOT_AVAILABLE
    if value != 0 and abs(value) < 0.001:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"  # as a study.toml would have it
    whole = max(len(str(int(abs(value)))), 1) if abs(value) >= 1 else 0
    digits = 3 - whole if abs(value) >= 1 else 2 - math.floor(math.log10(abs(value) or 1.0))
    written = f"{value:,.{max(digits, 0)}f}"
    return (written.rstrip("0").rstrip(".") if "." in written else written).replace("-", MINUS)


def digits_for(windows: float | None) -> int:
    """Decimals that a percentage over so many windows deserves."""
    return 1 if windows is not None and windows >= DECIMALS_FROM_WINDOWS else 0


def percent(share: float | None, digits: int = 1) -> str:
    """A share in [0, 1] as a percentage: 85.0 %."""
    return NOT_AVAILABLE if share is None else f"{100 * share:.{digits}f}{SPACE}%"


def points(difference: float | None, digits: int = 1) -> str:
    """A difference of two shares in percentage points, always with its sign: +3.1."""
    if difference is None:
        return NOT_AVAILABLE
    return signed(round(100 * difference, digits), digits)


def signed(value: float, digits: int = 0) -> str:
    """A number with its sign; zero has none."""
    if value == 0:
        return f"{0:.{digits}f}"
    return f"{'+' if value > 0 else MINUS}{abs(value):.{digits}f}"


def margin(values: Sequence[float]) -> float | None:
    """Half the 95 % interval of the mean over people; None for too few of them."""
    people = len(values)
    if people < FEWEST_FOR_A_MARGIN:
        return None
    mean = math.fsum(values) / people
    variance = math.fsum((value - mean) ** 2 for value in values) / (people - 1)
    return NORMAL_95 * math.sqrt(variance / people)


def epsilon(value: float | None) -> str:
    """An epsilon, rounded up to one decimal (above 100 to a whole number)."""
    if value is None:
        return NOT_AVAILABLE
    if value > 100:
        return f"{math.ceil(value - 1e-9):,}"
    steps = 10 if value >= 0.1 or value == 0 else 1_000
    return f"{math.ceil(value * steps - 1e-6) / steps:.{1 if steps == 10 else 3}f}"


def size(byte_count: float | None) -> str:
    """Bytes in the largest unit that keeps the number above one; 1 kB is 1,000 bytes."""
    if byte_count is None:
        return NOT_AVAILABLE
    for unit, weight in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if byte_count >= weight:
            amount = byte_count / weight
            return f"{amount:.{1 if amount < 100 else 0}f}{SPACE}{unit}"
    return f"{count(byte_count)} bytes"


def duration(seconds: float | None) -> str:
    """Seconds, then minutes, then hours: 0.4 s, 27 s, 3 min 5 s, 2 h 10 min."""
    if seconds is None:
        return NOT_AVAILABLE
    if seconds < 10:
        return f"{seconds:.1f}{SPACE}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{SPACE}s"
    if whole < 3600:
        return f"{whole // 60}{SPACE}min {whole % 60}{SPACE}s"
    return f"{whole // 3600}{SPACE}h {whole % 3600 // 60}{SPACE}min"
