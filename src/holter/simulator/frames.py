"""Frames on a pipe between the simulator and its training processes: no pickle, no copies on disk.

A frame is a length (8 bytes, little-endian), a line of JSON and raw bytes behind it.
"""

from __future__ import annotations

import json
from typing import IO, Any

_LENGTH_BYTES = 8


class Closed(Exception):
    """The other end is gone."""


def write(stream: IO[bytes], head: dict[str, Any], body: bytes = b"") -> None:
    """Send one frame. Raises Closed."""
    line = json.dumps(head).encode() + b"\n"
    try:
        stream.write((len(line) + len(body)).to_bytes(_LENGTH_BYTES, "little"))
        stream.write(line)
        stream.write(body)
        stream.flush()
    except (BrokenPipeError, ValueError):
        raise Closed from None


def read(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Receive one frame. Raises Closed at the end of the pipe."""
    data = _exactly(stream, int.from_bytes(_exactly(stream, _LENGTH_BYTES), "little"))
    line, _, body = data.partition(b"\n")
    return json.loads(line), body


def _exactly(stream: IO[bytes], length: int) -> bytes:
    data = stream.read(length)
    if len(data) != length:
        raise Closed
    return data
