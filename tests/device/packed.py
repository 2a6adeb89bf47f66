"""Folders and zips for tests; a crafted zip may say of itself whatever a test likes."""

from __future__ import annotations

import binascii
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from holter.device.files import opened
from holter.signals.errors import DataError

CONTENT = {"night/ACC.csv": b"1,2,3\n" * 5000, "night/HR.csv": b"60\n", "tags.csv": b""}


def folder_of(root: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def zip_of(path: Path, content: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def crafted(path: Path, members: list[dict[str, object]], *, zip64: bool = False) -> Path:
    """A zip whose directory says whatever a test likes; by default it says the truth."""
    body, directory = b"", b""
    for member in members:
        name, data = member.get("name", b"a.csv"), member.get("data", b"x" * 100)
        assert isinstance(name, bytes) and isinstance(data, bytes)
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(data) + packer.flush()
        facts = {
            "flags": 0, "method": 8, "crc": binascii.crc32(data), "packed": len(packed),
            "size": len(data), "offset": len(body), "mode": 0, **member,
        }  # fmt: skip
        sizes = (facts["crc"], facts["packed"], facts["size"])
        words = (facts["flags"], facts["method"], 0, 33, *sizes, len(name))
        body += struct.pack("<4s5H3L2H", b"PK\3\4", 20, *words, 0) + name + packed
        where = (0, 0, 0, 0, int(str(facts["mode"])) << 16, facts["offset"])
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", 3 << 8, 20, *words, *where) + name
    start, long, count = len(body), b"", len(members)
    if zip64:
        sizes64 = (44, 45, 45, 0, 0, count, count, len(directory), start)
        long = struct.pack("<4sQ2H2L4Q", b"PK\6\6", *sizes64)
        long += struct.pack("<4sLQL", b"PK\6\7", 0, start + len(directory), 1)
        count, start, shown = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF
    else:
        shown = len(directory)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, shown, start, 0)
    path.write_bytes(body + directory + long + end)
    return path


def refused(path: Path) -> str:
    """The one line with which it is refused before any member is read."""
    with pytest.raises(DataError) as error, opened(path):
        pass
    assert "\n" not in str(error.value)
    return str(error.value)
