"""Our whole session of 50 clients against Flower's SecAgg+, turn by turn in one run.

    benchmarks/peers/environment
    .venv/bin/python benchmarks/against_flower.py

Both sides in one process each, clients one after another, no network, no noise; every client of
ours verifies every signature for itself. Flower at equal degree (49 neighbours) and with its
sparse graph (24). Prints medians, ratios and both clocks; see peers/README.md for what differs.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from holter.simulator.bench.clock import machine
from holter.simulator.bench.secagg import session_of_fifty

ROOT = Path(__file__).parents[1]
PEER = ROOT / "build" / "peers" / "flower" / "bin" / "python"
SCRIPT = ROOT / "benchmarks" / "peers" / "flower_secagg.py"
RUNS = 5


def flower(shares: int) -> dict[str, float]:
    """One session of Flower's; what its script printed."""
    command = [str(PEER), str(SCRIPT), "--clients", "50", "--parameters", "100000"]
    done = subprocess.run(
        [*command, "--shares", str(shares)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def ours() -> tuple[float, float]:
    """Wall and processor seconds of one session of ours, keys drawn outside the clock."""
    began = time.process_time()
    wall = session_of_fifty()
    return wall, time.process_time() - began


def main() -> int:
    """Every ratio."""
    if not PEER.exists():
        print("build the peer's environment first: benchmarks/peers/environment")
        return 2
    ours()  # not counted
    turns = [(ours(), flower(50), flower(25)) for _ in range(RUNS)]
    mine = statistics.median(own[0] for own, _, _ in turns)
    print(f"{machine()}; medians of {RUNS} turns; 50 clients, 100,000 values, noise off")
    print(f"ours, complete graph, every signature checked by every client: {mine:.2f} s")
    for name, index in (("49 neighbours", 1), ("24 neighbours", 2)):
        theirs = [turn[index] for turn in turns]
        wall = statistics.median(run["seconds"] for run in theirs)
        cpu = statistics.median(run["cpu_seconds"] for run in theirs)
        print(f"Flower, {name}: {wall:.1f} s ({cpu:.1f} s of processor), {wall / mine:.1f} x ours")
    return 0


if __name__ == "__main__":
    sys.exit(main())
