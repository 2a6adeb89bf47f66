"""The few names that a pickle of arrays may use, and the arrays that they stand for.

Part of ``arrays_only``, whose promises it keeps: no name is ever looked up, imported, called or
given attributes. ``Name`` is an enumeration with nothing behind it; ``called`` and ``built`` do
what numpy writes into a pickle with REDUCE and BUILD, on a ``Shell`` of this module, and check
every argument first. numpy's own ``__setstate__`` and ``_reconstruct`` are never reached.
"""

from __future__ import annotations

import enum
import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_NAME = 256  # bytes of a key or of a name: each use of one copies it
MOST_DIMENSIONS = 4
_ELEMENT = re.compile(r"[iu][1248]|f[248]")


class Refused(Exception):
    """Why a pickle is not read; ``arrays_only.read`` adds the file's name."""


class Name(enum.Enum):
    """The names that a file may use; nothing is behind them."""

    DTYPE = enum.auto()
    NDARRAY = enum.auto()
    RECONSTRUCT = enum.auto()
    SCALAR = enum.auto()


_NAMES = {
    ("numpy", "dtype"): Name.DTYPE,
    ("numpy", "ndarray"): Name.NDARRAY,
    ("numpy.core.multiarray", "_reconstruct"): Name.RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): Name.RECONSTRUCT,
    ("numpy.core.multiarray", "scalar"): Name.SCALAR,
    ("numpy._core.multiarray", "scalar"): Name.SCALAR,
}


class Shell:
    """An array or an element type that waits for its BUILD. ``places``: where the memo has it."""

    __slots__ = ("element", "places")

    def __init__(self, element: str | None) -> None:
        self.element = element  # of an element type its code, of an array None
        self.places: list[int] = []


def named(module: Any, name: Any) -> Name:
    """The name that a file asks for. Raises Refused for all but four."""
    key = short(module), short(name)
    if key not in _NAMES:
        shown = ascii(".".join(key))[1:-1][:60]
        raise Refused(f"it asks for {shown}, and a pickle of arrays needs nothing like it")
    return _NAMES[key]


def called(name: Any, arguments: Any) -> Any:
    """What REDUCE makes of a name and its arguments: a shell to be filled, or a number."""
    if not isinstance(name, Name) or not isinstance(arguments, tuple):
        raise Refused("a call that numpy does not write")
    match name, arguments:
        case Name.DTYPE, (str() | bytes() as code, int(), int()):
            element = short(code)
            if not _ELEMENT.fullmatch(element):
                raise Refused("an array of something else than plain numbers")
            return Shell(element)
        case Name.RECONSTRUCT, (Name() as kind, tuple(), str() | bytes()):
            if kind is not Name.NDARRAY:
                raise Refused("a call that numpy does not write")
            return Shell(None)  # the empty array that these describe is unused
        case Name.SCALAR, (np.dtype() as dtype, bytes() as data):
            return _filled(dtype, (1,), data, fortran=False)[0].item()
        case _:
            raise Refused("a call that numpy does not write")


def built(shell: Shell, state: Any) -> np.dtype[Any] | npt.NDArray[Any]:
    """What BUILD makes of a shell: an element type, or an array over bytes of the file."""
    match shell.element, state:
        case str() as code, (int(), str() | bytes() as order, None, None, None, *_):
            if short(order) not in ("<", ">", "|"):
                raise Refused("an element type that numpy does not write for numbers")
            return np.dtype(short(order) + code)
        case None, (int(), tuple() as shape, np.dtype() as dtype, int() as turned, bytes() as data):
            return _filled(dtype, shape, data, fortran=bool(turned))
        case _:
            raise Refused("an array that numpy does not write")


def short(value: Any) -> str:
    """A key or a name, which Python 2 wrote as bytes."""
    if not isinstance(value, str | bytes) or len(value) > MOST_NAME:
        raise Refused("a key or a name that is no short text")
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _filled(
    dtype: np.dtype[Any], shape: tuple[Any, ...], data: bytes, *, fortran: bool
) -> npt.NDArray[Any]:
    """An array over ``data``, which it must fit exactly."""
    most = max(len(data), 1)
    fits = len(shape) <= MOST_DIMENSIONS and all(
        type(length) is int and 0 <= length <= most for length in shape
    )
    if not fits or math.prod(shape) * dtype.itemsize != len(data):
        raise Refused("an array whose shape does not fit its bytes")
    if not data:
        return np.zeros(shape, dtype=dtype)
    return np.frombuffer(data, dtype=dtype).reshape(shape, order="F" if fortran else "C")
