"""The synthetic population at its two speeds: windows of 10,000 people, recordings of 50.

    python benchmarks/synthetic_people.py

Windows: 40 of the activity task a person, over two processes, each person drawn when asked for,
brought to int16 and dropped. Recordings: every channel of two hours a person, one process, each
dropped before the next. Prints wall and processor seconds and the peak memory of all processes.
A machine that others use as well shows it: wall seconds well above processor seconds.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: one thread a process
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from holter.simulator.wearers import activity
from holter.simulator.wearers.recorded import SHARES, recording

PEOPLE, WINDOWS, PROCESSES = 10_000, 40, 2
CHUNK = 250  # people a message between processes
RECORDED = 50
COUNTS_PER_G = 2048.0  # of int16: 16 g fit


def windows_of(first: int) -> tuple[float, int, int]:
    """Draw CHUNK people: (processor seconds, checksum of labels, peak memory in KiB)."""
    began, labels = time.process_time(), 0
    for index in range(first, first + CHUNK):
        source = np.random.SeedSequence([0, 1, index])  # as ``wearers`` seeds the activity task
        random = np.random.Generator(np.random.PCG64(source))
        shown = activity.draw(random, WINDOWS).examples
        counts = np.rint(shown.x * np.float32(COUNTS_PER_G)).astype(np.int16)
        labels += int(shown.y.sum()) + len(counts)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return time.process_time() - began, labels, peak + (os.getpid() << 32)


def main() -> None:
    """Both speeds."""
    began = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        parts = list(pool.map(windows_of, range(0, PEOPLE, CHUNK)))
    wall, busy = time.perf_counter() - began, sum(part[0] for part in parts)
    peaks = dict(sorted((part[2] >> 32, part[2] & 0xFFFFFFFF) for part in parts))
    mine = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    total = (sum(peaks.values()) + mine) / 1024
    print(
        f"{PEOPLE} synthetic people x {WINDOWS} windows, {PROCESSES} processes: {wall:.1f} s "
        f"({busy:.1f} s of processor, {1e3 * busy / PEOPLE:.2f} ms a person and core), "
        f"peak {total:.0f} MiB in {len(peaks) + 1} processes"
    )

    began, used = time.perf_counter(), time.process_time()
    samples = 0
    for index in range(RECORDED):
        made = recording(0, index, hours=2.0)
        samples += sum(getattr(channel, "samples", 0) for channel in made.channels.values())
    wall, busy = time.perf_counter() - began, time.process_time() - used
    print(
        f"{RECORDED} synthetic people x 2 h of {', '.join(SHARES['day'])}, every channel: "
        f"{wall:.1f} s ({busy:.1f} s of processor), {samples / 1e6:.0f} million samples"
    )
    for what, count, arguments in (
        ("a night of heart rate and stages", 40, {"session": "night"}),
        ("5 min of ECG and beats", 40, {"session": "ecg"}),
    ):
        wanted = ("heart_rate", "sleep_stage") if "night" in what else ("ecg", "beat")
        used = time.process_time()
        for index in range(count):
            recording(0, index, channels=wanted, **arguments)  # type: ignore[arg-type]
        each = (time.process_time() - used) / count
        print(f"{what}: {1e3 * each:.0f} ms of processor a person")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak of this process {peak:.0f} MiB")


if __name__ == "__main__":
    main()
