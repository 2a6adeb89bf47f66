"""What ``holter data prepare`` does: a downloaded public set -> a file of windows for a study."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from holter.cli.calls import UserError
from holter.cli.inspecting import mendable
from holter.device.files import opened

if TYPE_CHECKING:  # only a name here: it comes with scipy
    from holter.signals.sets import PublishedSet

_PIECE = 1 << 20


def prepare(name: str, path: Path, into: Path, *, force: bool) -> tuple[PublishedSet, list[str]]:
    """A downloaded public set -> ``into``, an NPZ of windows: the set, and what was met on the way.

    The file appears whole or not at all. Raises UserError.
    """
    from holter.signals.sets import SETS

    if name not in SETS:
        raise UserError(f"there is no set {name}; there are: {', '.join(SETS)}")
    if into.suffix != ".npz":
        raise UserError(f"{into} must end in .npz, the format that a study reads")
    if os.path.lexists(into) and not force:
        raise UserError(f"{into} exists already; --force replaces it")
    if not os.path.isdir(into.parent):
        raise UserError(f"there is no folder {into.parent}")
    one, notes = SETS[name], []
    with mendable():
        notes += _checked(one, path)
        with opened(path) as files:
            columns = one.prepare(
                files, lambda what, n: notes.append(f"{n:,} {what}") if n else None
            )
    replaced(into, lambda file: np.savez_compressed(file, **columns))  # type: ignore[arg-type]
    return one, notes


def _checked(one: PublishedSet, path: Path) -> list[str]:
    """Archives that lie where the user points, against what was published. Raises DataError."""
    from holter.signals.sets import check_archive

    told = []
    for archive in one.archives:
        file = path if path.name == archive.name else path / archive.name
        if not os.path.isfile(file):
            continue
        found = {"sha256": hashlib.sha256(), "md5": hashlib.md5(usedforsecurity=False)}
        with file.open("rb") as stream:
            while piece := stream.read(_PIECE):
                for digest in found.values():
                    digest.update(piece)
        digests = {kind: digest.hexdigest() for kind, digest in found.items()}
        if check_archive(archive, file.stat().st_size, digests):
            by = f" by {archive.checksum_by}" if archive.checksum_by else ""
            told.append(f"{archive.name} is the published file (checksum{by})")
    return told


def replaced(path: Path, write: Callable[[Any], object]) -> None:
    """A file that is whole or not there: written beside, then renamed. Raises UserError."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        with temporary.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserError(f"{path} cannot be written: {error.strerror}") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
