"""Where random bytes come from: two types that nobody can confuse.

Randomness has no default: whoever needs it is handed a ``Source``. One whose ``simulated`` is
true can be drawn twice (whoever knows its seed can take the noise off again), so everything
deployed takes a ``SystemSource``, which a seeded one is not, by type and by value. The operating
system's dice themselves are on floor 5 (``device.system_source``), the seeded ones in ``simulator.dice``.
"""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


class Source(Protocol):
    """A source of randomness for one contribution, of either kind."""

    @property
    def simulated(self) -> bool:
        """Whether these draws can be repeated by someone."""
        ...

    def read(self, length: int) -> bytes:
        """``length`` uniform bytes."""
        ...

    def discrete_gaussian(self, variance: int, count: int) -> Integers:
        """``count`` independent samples, shape (count,), int64."""
        ...


class SystemSource(Source, Protocol):
    """The operating system's randomness, and exact samplers on it."""

    @property
    def simulated(self) -> Literal[False]:
        """Never."""
        ...
