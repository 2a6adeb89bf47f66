"""Pickles of arrays, numbers and text -> values, without unpickling. Read this as an attacker would.

WESAD and PPG-DaLiA are published as pickles of Python 2. A pickle is a program, and whoever wrote
the file chose it: to load one is to run it. Here ``pickle`` is not even imported. The reader is
our own, for the few opcodes that such files need, in protocols 0 to 4: ``pickle_machine`` is the
interpreter, ``pickle_arrays`` the four names that it knows (``numpy.dtype``, ``numpy.ndarray``,
numpy's array reconstruction and its scalar). They are members of an enumeration: no name is ever
looked up, imported, called or given attributes.

What it is designed to resist:

* running code: every other name is refused when it is read, before anything uses it; so are the
  opcodes that make or find objects in other ways (INST, OBJ, NEWOBJ, persistent ids, the
  extension registry, out-of-band buffers), and every opcode that is not listed;
* BUILD and REDUCE with hostile arguments: they work on shells of ours, whose arguments are
  checked field by field; numpy's own ``__setstate__`` and ``_reconstruct`` are never reached.
  Only plain numbers of 1 to 8 bytes are elements; arrays of objects, of records and of dates are
  refused; an array's shape must fit its bytes exactly;
* bombs: the file, the opcodes, a line, an integer, the dimensions have limits; a length is
  compared with what is left of the file before it is read; nothing recurses; what is unfolded is
  never larger than the file;
* surprises for the caller: keys are short text, the result is a dictionary, text that Python 2
  wrote stays bytes (``word`` reads it), and values are compared only once their type is known.

What it does not resist: false numbers. A file may hold any signal and any label, may hold itself
as one of its values, and may need as much memory as its size (a published file: about 1 GB).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError
from holter.signals.readers.files import Files
from holter.signals.sets.pickle_arrays import MOST_NAME, Refused
from holter.signals.sets.pickle_machine import Machine

MOST_BYTES = 3 * 1024**3  # of a file; published ones have about 1 GB


def read(files: Files, name: str) -> Mapping[str, Any]:
    """The dictionary in a pickle: text, numbers, arrays, lists, tuples and dictionaries of them.

    Raises DataError for everything else, and never runs anything of the file.
    """
    size = files.size(name)
    if size > MOST_BYTES:
        raise DataError(f"{name} has {size:,} bytes; no published file has {MOST_BYTES:,}")
    with files.open(name) as stream:
        try:
            result = Machine(stream, size).run()
        except Refused as refused:
            raise DataError(f"{name} is refused: {refused}") from None
    if not isinstance(result, dict):
        raise DataError(f"{name} is refused: it holds no dictionary at its root")
    return result


def array(record: Mapping[str, Any], name: str, *keys: str, columns: int) -> npt.NDArray[Any]:
    """The array under ``keys``, shape (n, columns); a flat one counts as one column."""
    value: Any = record
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    shown = " / ".join(keys)
    if not isinstance(value, np.ndarray):
        raise DataError(f"{name} has no array {shown}: it is not as published")
    stored: npt.NDArray[Any] = value
    if stored.ndim == 1 and columns == 1:
        stored = stored[:, np.newaxis]
    if stored.ndim != 2 or stored.shape[1] != columns or not len(stored):
        raise DataError(f"{name}: {shown} has shape {stored.shape}; (n, {columns}) is published")
    return stored


def word(record: Mapping[str, Any], name: str, key: str) -> str:
    """The short text under ``key``."""
    value = record.get(key)
    if not isinstance(value, str | bytes) or len(value) > MOST_NAME:
        raise DataError(f"{name} has no text {key}: it is not as published")
    return value.decode("latin-1") if isinstance(value, bytes) else value
