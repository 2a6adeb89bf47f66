"""What ``holter data prepare`` does: a downloaded public set -> a file of windows for a study."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from holter.cli.calls import UserError
from holter.cli.inspecting import mendable
from holter.device.entries import reading
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
    check_writable(into, ".npz", "the format that a study reads")
    if os.path.lexists(into) and not force:
        raise UserError(f"{into} exists already; --force replaces it")
    one, notes = SETS[name], []
    with mendable(), reading(str(path)):
        notes += _checked(one, path)
        with opened(path) as files:
            columns = one.prepare(
                files, lambda what, n: notes.append(f"{what}: {n:,}") if n else None
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


def check_writable(path: Path, suffix: str, why: str) -> None:
    """Whether a file may be written, asked before anything long is done. Raises UserError."""
    if path.suffix.lower() != suffix:
        raise UserError(f"{path} must end in {suffix}, {why}")
    folder = path.parent
    if not os.path.isdir(folder):
        raise UserError(f"{path} cannot be written: there is no folder {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{path} cannot be written: the folder {folder} may not be written to")
    if os.path.isdir(path):
        raise UserError(f"{path} cannot be written: it is a folder")


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
        with suppress(OSError):  # where nothing may be written, nothing can be taken away either
            temporary.unlink(missing_ok=True)
        raise UserError(f"{path} cannot be written: {error.strerror}") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
