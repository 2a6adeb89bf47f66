"""Coverage-guided fuzzing of every parser of the protocol's bytes.

    make fuzz RUNS=2000000

Each input's first byte picks a parser of tests/secagg/parsers.py. A parser refuses with a
ValueError, or what it takes is written back as the same bytes; anything else is a crash: it is
kept under build/fuzz/crashes and fuzzing goes on. True messages of vectors/ are where it starts.
Needs atheris, which ``make fuzz`` installs into an environment of its own.
"""

from __future__ import annotations

import argparse
import atexit
import hashlib
import json
import os
import sys
import traceback
from pathlib import Path

import atheris

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
with atheris.instrument_imports(include=["holter"]):
    from tests.secagg.parsers import PARSERS, tried

    from holter.crypto.signature import payload_of
    from holter.wire.cbor import decode, encode

FOLDER = ROOT / "build" / "fuzz"
NAMES = tuple(PARSERS)
COUNTS = dict.fromkeys(("executions", "taken", "crashes"), 0)
TAKEN = dict.fromkeys(NAMES, 0)
SEEN: set[str] = set()


def one(data: bytes) -> None:
    """One input for one parser."""
    COUNTS["executions"] += 1
    if not data:
        return
    name = NAMES[data[0] % len(NAMES)]
    try:
        taken = tried(name, data[1:])
    except Exception as error:
        keep(name, data, error)
    else:
        COUNTS["taken"] += taken
        TAKEN[name] += taken


def keep(name: str, data: bytes, error: Exception) -> None:
    """A crash, once for each place in the code that it comes from."""
    COUNTS["crashes"] += 1
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{name} {type(error).__name__} {Path(last.filename).name}:{last.lineno}"
    if place not in SEEN:
        SEEN.add(place)
        path = FOLDER / "crashes" / hashlib.sha256(data).hexdigest()[:16]
        path.write_bytes(data)
        print(f"crash: {place}: {error!r}, kept as {path.relative_to(ROOT)}", flush=True)


def seeds(folder: Path) -> None:
    """True messages, their payloads and good CBOR, each for every parser that might know it."""
    content = json.loads((ROOT / "vectors" / "secagg_session.json").read_text())
    pieces = json.loads((ROOT / "vectors" / "secagg_pieces.json").read_text())
    found = [content["M9"], content["transcript"], content["clients"][0]["credential"]]
    for told in content["clients"][:2]:
        found += [*told["up"].values(), *told["down"].values()]
    messages = [bytes.fromhex(each) for each in found]
    messages += [bytes.fromhex(each["hex"]) for each in pieces["cbor"]]
    messages.append(encode(["M0", bytes(32), messages[3]]))
    for message in list(messages):
        messages += payloads(message)
    for message in messages:
        for number, name in enumerate(NAMES):
            if tried(name, message):
                data = bytes([number]) + message
                (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def payloads(message: bytes) -> list[bytes]:
    """What is signed in a message, and what is signed in its parts."""
    found = []
    parts = decode(message)
    for part in [message, *(parts if isinstance(parts, list) else [])]:
        if isinstance(part, bytes):
            try:
                found.append(payload_of(part))
            except ValueError:
                continue
    return found


def report() -> None:
    """The last lines."""
    print(", ".join(f"{count} {what}" for what, count in COUNTS.items()))
    print("taken: " + ", ".join(f"{name} {count}" for name, count in TAKEN.items()), flush=True)
    if COUNTS["crashes"]:
        os._exit(1)  # from here no other exit status can be set


def main() -> None:
    """Fuzz as often as was said."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for name in ("corpus", "crashes"):
        (FOLDER / name).mkdir(parents=True, exist_ok=True)
    seeds(FOLDER / "corpus")
    atexit.register(report)
    options = [
        f"-atheris_runs={arguments.runs}",
        f"-seed={arguments.seed}",
        "-max_len=4096",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(FOLDER / "corpus")], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
