"""Windows of one person: what a model is shown, in the order in which it was recorded.

The unit of splitting is a person, never a window (see docs/study.md): windows of one
person resemble one another, and a random split would measure memory, not learning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class InputShape:
    """What a model is given for one window.

    ``channels`` x ``samples`` numbers of signal and ``extras`` numbers beside it; the
    answer is one of ``classes``.
    """

    channels: int
    samples: int
    extras: int
    classes: int


@dataclass(frozen=True)
class Examples:
    """Windows of one person in order of recording.

    x: shape (n, channels, samples), float32. extra: shape (n, extras), float32.
    y: shape (n,), int64, 0 <= y < classes.
    """

    x: npt.NDArray[np.float32]
    extra: npt.NDArray[np.float32]
    y: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        if not len(self.x) == len(self.extra) == len(self.y):
            raise ValueError("x, extra and y must have one row per window")

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Examples:
        """The chosen windows, in the order given."""
        return Examples(self.x[rows], self.extra[rows], self.y[rows])


@dataclass(frozen=True)
class Person:
    """One person's windows and the public strata the person belongs to.

    ``strata`` holds coarse public facts such as the device class; it never leaves the
    process that made it and no report prints it beside a person.
    """

    examples: Examples
    strata: Mapping[str, str] = field(default_factory=dict)
