"""Interleaved timings: A B A B ..., medians, and the floor they are held against."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_CHUNK = 1 << 17  # bytes: plaintext and keystream stay in the second-level cache
_FLOOR_BYTES = 1 << 28  # enough that starting a cipher does not count


@dataclass(frozen=True)
class Timed:
    """Seconds of several runs of one thing."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> str:
        """Least and greatest, in words."""
        return f"{min(self.seconds):.4g} to {max(self.seconds):.4g} s"


def interleaved(
    works: Mapping[str, Callable[[], object]], runs: int, *, cpu: bool = False
) -> dict[str, Timed]:
    """Each work once, ``runs`` times over, after one round that is not counted.

    cpu: processor time of this process instead of wall time.
    """
    clock = time.process_time if cpu else time.perf_counter
    found: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(runs + 1):
        for name, work in works.items():
            began = clock()
            work()
            if turn:
                found[name].append(clock() - began)
    return {name: Timed(tuple(seconds)) for name, seconds in found.items()}


def cipher_alone() -> None:
    """``_FLOOR_BYTES`` of AES-256-CTR keystream into one buffer in cache, used for nothing."""
    encryptor = Cipher(algorithms.AES(bytes(32)), modes.CTR(bytes(16))).encryptor()
    zeros, out = bytes(_CHUNK), bytearray(_CHUNK)
    for _ in range(_FLOOR_BYTES // _CHUNK):
        encryptor.update_into(zeros, out)


def cipher_rate(seconds: float) -> float:
    """Bytes a second of ``cipher_alone`` that took ``seconds``."""
    return _FLOOR_BYTES / seconds


def machine() -> str:
    """What this is, for a table's caption."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    name = platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            models = [line for line in lines if line.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    except OSError:  # not Linux
        pass
    return f"{name}, {cores} cores, Python {platform.python_version()}"
