"""The operating system's dice, as ``privacy.source.SystemSource``. Nobody can draw them twice."""

from __future__ import annotations

import os
from typing import Literal, final

from holter.privacy import discrete_gaussian
from holter.privacy.source import Integers


@final
class OperatingSystemSource:
    """Bytes from ``os.urandom`` (about 230 MB/s), and the exact sampler on them.

    Without state: any number of them are as good as one. os.urandom waits, once after the start
    of the machine, until the kernel has gathered enough.
    """

    @property
    def simulated(self) -> Literal[False]:
        """Never."""
        return False

    def read(self, length: int) -> bytes:
        """``length`` uniform bytes."""
        return os.urandom(length)

    def discrete_gaussian(self, variance: int, count: int) -> Integers:
        """``count`` exact, independent samples, shape (count,), int64.

        variance: grid steps squared, 1 to discrete_gaussian.LARGEST_SIGMA^2; else ValueError.
        """
        return discrete_gaussian.sample(variance, count, os.urandom)
