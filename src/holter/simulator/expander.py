"""A process that adds up masks: masks come in by a frame, their sum goes out.

    python -m holter.simulator.expander

The streams of masks do not depend on each other, so they spread over cores; threads do
not help, because each short addition asks for Python's lock again. ``Expanders`` starts and feeds them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType

from holter.algebra import ring
from holter.algebra.ring import Words
from holter.secagg.masking import Mask, added_up, masks_bytes, masks_of
from holter.simulator import frames


class Expanders:
    """Some such processes. ``add_up`` is a ``masking.AddUp``."""

    def __init__(self, processes: int) -> None:
        command = [sys.executable, "-m", "holter.simulator.expander"]
        self._processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(processes)
        ]

    def add_up(self, words: int, masks: Sequence[Mask]) -> Words:
        """The sum of the masks' streams, an even share by each process."""
        for number, process in enumerate(self._processes):
            assert process.stdin is not None
            share = masks[number :: len(self._processes)]
            frames.write(process.stdin, {"words": words}, masks_bytes(share))
        sums = []
        for process in self._processes:
            assert process.stdout is not None
            sums.append(ring.from_bytes(frames.read(process.stdout)[1]))
        return ring.total(sums, words)

    def __enter__(self) -> Expanders:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.close()  # the end of its input is its end
            process.wait()
            process.stdout.close()


def main() -> None:
    """Answer frames until the input ends."""
    while True:
        try:
            head, body = frames.read(sys.stdin.buffer)
        except frames.Closed:
            return
        total = added_up(head["words"], masks_of(body))
        frames.write(sys.stdout.buffer, {}, ring.to_bytes(total))


if __name__ == "__main__":
    main()
