"""A format of recordings for tests of the data commands, and what a refusal looks like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.readers.files import Files, head, text
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.recording import SECOND_NS, Recording
from tests.cli.conftest import Bench

Toy = Callable[..., Path]
START = 1_700_000_000 * SECOND_NS  # 2023-11-14 22:13:20 UTC


def _claims(files: Files, names: Sequence[str]) -> list[Group]:
    return [(name,) for name in names if head(files, name).startswith(b"TOY")]


def _read(files: Files, names: Group, given: Options) -> list[Recording]:
    """Lines of ``person first count``: heart rate each second; acceleration if count > 99."""
    found = []
    for line in text(files, names[0]).splitlines()[1:]:
        try:
            person, first, count = line.split()
        except ValueError:
            raise DataError(f"{names[0]} has a line that is no toy: mend it") from None
        made = Gathered("Toy [red]band[/red]", "band", given.zone or "", person.strip("-"))
        second = np.arange(int(first), int(first) + int(count))
        rates = np.where(second == 7, 999, 60 + second % 9)
        made.series("heart_rate", START + second * SECOND_NS, rates)
        if int(count) > 99:
            start = START + int(first) * SECOND_NS
            values = np.random.default_rng(int(first)).normal(size=(50 * int(count), 3))
            made.blocks("acceleration", [(start, 50.0, values)], axes=("x", "y", "z"))
        found.append(made.recording())
    return found


TOY = Format("toy", "a toy", _claims, _read)
CLOSED = Format(
    "closed", "a closed thing",
    lambda files, names: [(n,) for n in names if head(files, n).startswith(b"CLOSED")], _read,
    unsupported="its makers keep it secret",
)  # fmt: skip


def left(bench: Bench) -> list[str]:
    return sorted(p.name for p in bench.folder.rglob("*") if "store" in p.name or "png" in p.name)


def refused(bench: Bench, *arguments: str | Path) -> str:
    """One line, exit code 2, no store and no picture, nothing half-written either."""
    before = left(bench)
    code, _, complaint = bench.holter("data", *arguments)
    assert code == 2, complaint
    assert complaint.startswith("holter: ") and "Traceback" not in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert left(bench) == before
    return complaint


def toys_in(folder: Path) -> Toy:
    """Writes a toy's lines into a file of ``folder``."""

    def made(*lines: str, name: str = "a.toy") -> Path:
        folder.mkdir(exist_ok=True)
        (folder / name).write_text("\n".join(["TOY", *lines]))
        return folder / name

    return made
