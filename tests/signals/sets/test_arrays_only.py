"""Pickles of arrays are read, and hostile ones are refused without running anything of them.

``python2`` writes pickles as Python 2 and the numpy of its days did, which is how the sets are
published; Python 3 cannot write them any more. All values are synthetic.
"""

from __future__ import annotations

import ast
import builtins
import os
import pickle
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from holter.signals.errors import DataError
from holter.signals.readers.files import MemoryFiles
from holter.signals.sets import arrays_only, pickle_arrays, pickle_machine


def python2(value: Any, protocol: int) -> bytes:
    """A pickle of ``value`` in protocol 0 or 2, with strings as bytes."""
    return (b"\x80\x02" if protocol else b"") + _item(value, protocol) + b"."


def _item(value: Any, protocol: int) -> bytes:
    text = protocol == 0
    if isinstance(value, dict):
        pairs = b"".join(_item(k, protocol) + _item(v, protocol) + b"s" for k, v in value.items())
        return (b"(d" if text else b"}") + pairs
    if isinstance(value, list):
        return (b"(l" if text else b"]") + b"".join(_item(v, protocol) + b"a" for v in value)
    if isinstance(value, tuple):
        return b"(" + b"".join(_item(v, protocol) for v in value) + b"t"
    if value is None:
        return b"N"
    if isinstance(value, str | bytes):
        raw = value.encode("latin-1") if isinstance(value, str) else value
        if text:
            return b"S" + repr(raw)[1:].encode() + b"\n"
        return b"T" + struct.pack("<i", len(raw)) + raw
    if isinstance(value, int):
        return b"I%d\n" % value if text else b"J" + struct.pack("<i", value)
    if isinstance(value, float):
        return (
            b"F%r\n".replace(b"%r", repr(value).encode())
            if text
            else b"G" + struct.pack(">d", value)
        )
    kind = value.dtype.str
    element = b"cnumpy\ndtype\n" + _item((kind[1:], 0, 1), protocol) + b"R"
    element += _item((3, kind[0], None, None, None, -1, -1, 0), protocol) + b"b"
    fortran = value.flags.f_contiguous and not value.flags.c_contiguous
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n"
        + _item((0,), protocol)
        + _item("b", protocol)
        + b"tR("
        + _item(1, protocol)
        + _item(value.shape, protocol)
        + element
        + _item(int(fortran), protocol)
        + _item(value.tobytes("F" if fortran else "C"), protocol)
        + b"tb"
    )


def read(data: bytes) -> Any:
    return arrays_only.read(MemoryFiles({"S2/S2.pkl": data}), "S2/S2.pkl")


RECORD = {
    "subject": "S2",
    "label": np.arange(7, dtype="<i4"),
    "signal": {
        "wrist": {
            "ACC": np.arange(12, dtype="<f8").reshape(4, 3),
            "BVP": np.asfortranarray(np.arange(6, dtype=">f4").reshape(3, 2)),
            "EMPTY": np.zeros((0, 1)),
        },
        "bytes": np.arange(256, dtype="|u1"),
    },
    "questionnaire": [1, -2.5, None, "\xe4\n'\\"],
}


def _check(result: Any) -> None:
    assert arrays_only.word(result, "", "subject") == "S2"
    for path in (("label",), ("signal", "bytes")):
        stored: Any = RECORD
        read_back = result
        for key in path:
            stored, read_back = stored[key], read_back[key]
        np.testing.assert_array_equal(read_back, stored)
    for name, stored in RECORD["signal"]["wrist"].items():
        back = result["signal"]["wrist"][name]
        np.testing.assert_array_equal(back, stored)
        assert back.dtype == stored.dtype and back.shape == stored.shape
    assert result["questionnaire"][:3] == [1, -2.5, None]


@pytest.mark.parametrize("protocol", [0, 2])
def test_what_python_2_wrote_is_read_in_both_of_its_protocols(protocol: int) -> None:
    result = read(python2(RECORD, protocol))
    _check(result)
    assert result["questionnaire"][3] == b"\xe4\n'\\"


@pytest.mark.parametrize("protocol", [3, 4])
def test_what_python_3_saved_again_is_read(protocol: int) -> None:
    _check(read(pickle.dumps(RECORD, protocol=protocol)))


def test_a_number_of_numpy_and_arrays_that_share_an_element_type_are_read() -> None:
    both = {"a": np.arange(3.0), "b": np.arange(5.0), "weight": np.float64(78.5), "n": 2**40}
    result = read(pickle.dumps(both, protocol=4))
    assert result["weight"] == 78.5 and type(result["weight"]) is float
    assert result["n"] == 2**40
    np.testing.assert_array_equal(result["b"], np.arange(5.0))


def test_a_pickle_agrees_with_unpickling_by_python_itself() -> None:
    data = python2({"x": np.arange(10, dtype="<i2").reshape(5, 2)}, 2)
    theirs = pickle.loads(data, encoding="latin1")
    np.testing.assert_array_equal(read(data)["x"], theirs["x"])


# what an attacker would write

_RUN = b"(S'touch /nowhere/holter-was-here'\ntR."


class _Calls:
    def __init__(self, called: Callable[..., Any], *arguments: Any) -> None:
        self._called, self._arguments = called, arguments

    def __reduce__(self) -> Any:
        return self._called, self._arguments


HOSTILE = {
    "os.system": b"cos\nsystem\n" + _RUN,
    "posix.system": b"cposix\nsystem\n" + _RUN,
    "eval": b"c__builtin__\neval\n" + _RUN,
    "python 3's eval": b"cbuiltins\neval\n" + _RUN,
    "getattr": b"cbuiltins\ngetattr\n(cnumpy\nndarray\nS'tofile'\ntR.",
    "a dotted name below numpy": b"\x80\x04\x8c\x05numpy\x8c\x0bcore.os.sys\x93.",
    "numpy.load": b"cnumpy\nload\n(S'/etc/passwd'\ntR.",
    "numpy.fromfile": b"cnumpy\nfromfile\n(S'/etc/passwd'\ntR.",
    "numpy.testing": b"cnumpy.testing._private.utils\nrunstring\n(S'1'\n(dtR.",
    "numpy.f2py": b"cnumpy.f2py.diagnose\nrun_command\n(S'id'\ntR.",
    "another class of numpy": b"cnumpy\nmatrix\n(S'1'\ntR.",
    "bytes by codec": b"c_codecs\nencode\n(Vabc\nVlatin1\ntR.",
    "copy_reg": b"ccopy_reg\n_reconstructor\n(cnumpy\nndarray\nc__builtin__\nobject\nNtR.",
    "INST": b"(S'id'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'id'\no.",
    "OBJ of a known name": b"(cnumpy\nndarray\nI4\no.",
    "NEWOBJ": b"\x80\x02cnumpy\nndarray\n(I4\nt\x81.",
    "NEWOBJ_EX": b"\x80\x04cnumpy\nndarray\n)}\x92.",
    "a persistent id": b"Pid\n.",
    "a persistent id of the stack": b"S'id'\nQ.",
    "extension registry, 1 byte": b"\x80\x02\x82\x01.",
    "extension registry, 2 bytes": b"\x80\x02\x83\x01\x00.",
    "extension registry, 4 bytes": b"\x80\x02\x84\x01\x00\x00\x00.",
    "an out-of-band buffer": b"\x80\x04\x97.",
    "a bytearray": b"\x80\x04\x96\x01\x00\x00\x00\x00\x00\x00\x00a.",
    "a call of a text": b"S'numpy.load'\n(tR.",
    "a call of ndarray": b"cnumpy\nndarray\n(I4\ntR.",
    "a call of an array": python2(np.arange(3.0), 0)[:-1] + b"(tR.",
    "BUILD on a name": b"cnumpy\nndarray\n(dS'shape'\nI1\nsb.",
    "BUILD with slots on a name": b"cnumpy.core.multiarray\n_reconstruct\n(N(dS'__code__'\nI1\nst"
    b"b.",
    "BUILD on a dictionary": b"(d(dS'a'\nI1\nsb.",
    "BUILD on a finished array": python2(np.arange(3.0), 0)[:-1] + b"(I1\n(I3\ntNI0\nS''\ntb.",
    "an array of objects": b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR.",
    "an array of records": b"cnumpy\ndtype\n(S'V16'\nI0\nI1\ntR.",
    "an element type by its text": b"cnumpy\ndtype\n(S'f8,O'\nI0\nI1\ntR.",
    "fields in a BUILD of an element type": (
        b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nN(S'a'\nt(dS'a'\nI1\nsI-1\nI-1\nI63\ntb."
    ),
    "a subarray in a BUILD of an element type": (
        b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\n(I1\nI2\ntNNI-1\nI-1\nI0\ntb."
    ),
    "an order of bytes that is none": (
        b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'O'\nNNNI-1\nI-1\nI0\ntb."
    ),
    "an array as an argument of dtype": (
        b"cnumpy\ndtype\n(S'f8'\n" + python2(np.arange(3.0), 0)[:-1] + b"I1\ntR."
    ),
    "an array as the name of a key": b"(d" + python2(np.arange(3.0), 0)[:-1] + b"I1\ns.",
}


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that the hostile files reach for is a trap for the time of a test."""

    def trap(*_: Any, **__: Any) -> Any:
        raise AssertionError("something of the file ran")

    for where, what in (
        (os, "system"),
        (builtins, "eval"),
        (builtins, "exec"),
        (np, "load"),
        (np, "fromfile"),
        (np, "matrix"),
        (pickle, "Unpickler"),
        (pickle, "load"),
        (pickle, "loads"),
    ):
        monkeypatch.setattr(where, what, trap)


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_pickle_is_refused_and_nothing_of_it_runs(attack: str) -> None:
    with pytest.raises(DataError, match=r"^S2/S2\.pkl is refused: [^\n]+$"):
        read(HOSTILE[attack])


@pytest.mark.parametrize(
    "code", [b"O8", b"O", b"V16", b"f8,O", b"M8[s]", b"S4", b"U4", b"c16", b"f16"]
)
def test_elements_that_are_not_plain_numbers_are_refused_when_they_are_named(code: bytes) -> None:
    with pytest.raises(DataError, match="something else than plain numbers"):
        read(b"cnumpy\ndtype\n(S'" + code + b"'\nI0\nI1\ntR.")


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_what_python_itself_writes_to_run_a_command_is_refused(protocol: int) -> None:
    written = pickle.dumps({"a": _Calls(os.system, "exit 1")}, protocol=protocol)
    with pytest.raises(DataError, match="refused"):
        read(written)


def test_a_name_is_shown_without_anything_that_could_trick_a_terminal() -> None:
    with pytest.raises(DataError) as caught:
        read(b"cos\x1b[2J\nsystem\n.")
    assert "\x1b" not in str(caught.value)


def test_an_array_in_a_pickle_whose_shape_does_not_fit_its_bytes_is_refused() -> None:
    good = python2(np.arange(6.0), 0)
    for shape in (
        b"(I7\nt",
        b"(I-6\nt",
        b"(I-2\nI-3\nt",
        b"(I6\nI1000000000\nt",
        b"(I1\nI1\nI1\nI1\nI6\nt",
        b"I6\n",
    ):
        with pytest.raises(DataError, match="refused"):
            read(b"(dS'x'\n" + good[:-1].replace(b"(I6\nt", shape) + b"s.")


def test_an_array_of_nothing_may_not_claim_endless_dimensions() -> None:
    good = python2(np.zeros((0, 1)), 0)[:-1]
    with pytest.raises(DataError, match="shape"):
        read(b"(dS'x'\n" + good.replace(b"(I0\nI1\nt", b"(I0\nI9000000000000000000\nt") + b"s.")


BOMBS = {
    "a length that is not there": b"\x80\x02T" + struct.pack("<i", 2**31 - 1) + b"a.",
    "a length below 0": b"\x80\x02T" + struct.pack("<i", -1) + b"a.",
    "a length of 8 bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"a.",
    "a text of 4 GB": b"\x80\x02X" + struct.pack("<I", 2**32 - 1) + b"a.",
    "an integer of 255 bytes": b"\x80\x02\x8a\xff" + b"\xff" * 255 + b".",
    "an integer of endless digits": b"I" + b"9" * 1_000_000 + b"\n.",
    "a name of endless length": b"c" + b"a" * 1_000_000 + b"\nb\n.",
    "a key of endless length": b"(dS'" + b"a" * 100_000 + b"'\nI1\ns.",
    "more instructions than any file needs": b"(" + b"N" * 300_000 + b"l.",
    "tuples within tuples": b")" + b"\x85" * 300_000 + b".",
    "the same text again and again": b"S'" + b"a" * 1000 + b"'\np0\n" + b"g0\n" * 250_000 + b".",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_before_it_takes_memory(bomb: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="refused"):
            read(BOMBS[bomb])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 64 * 1024 * 1024


def test_tuples_within_tuples_are_dropped_without_recursion() -> None:
    deep = b"(dS'x'\n)" + b"\x85" * 150_000 + b"s."
    assert list(read(deep)) == ["x"]


def test_a_dictionary_that_holds_itself_is_no_array() -> None:
    around = read(b"(dp0\nS'signal'\ng0\ns.")
    with pytest.raises(DataError, match="no array signal / signal / wrist"):
        arrays_only.array(around, "S2.pkl", "signal", "signal", "wrist", columns=1)


def test_a_file_larger_than_any_published_one_is_not_even_opened() -> None:
    class Large(MemoryFiles):
        def size(self, name: str) -> int:
            return arrays_only.MOST_BYTES + 1

        def open(self, name: str) -> Any:
            raise AssertionError("opened")

    with pytest.raises(DataError, match="no published file has"):
        arrays_only.read(Large({"S2.pkl": b""}), "S2.pkl")


def test_a_file_that_holds_more_than_it_says_is_read_to_what_it_says() -> None:
    class Lying(MemoryFiles):
        def size(self, name: str) -> int:
            return 50

    more = b"(dS'x'\n(" + b"N" * 100 + b"ls."
    assert len(read(more)["x"]) == 100
    with pytest.raises(DataError, match="cut short"):
        arrays_only.read(Lying({"S2.pkl": more}), "S2.pkl")


@pytest.mark.parametrize("protocol", [0, 2])
def test_a_pickle_that_is_cut_short_anywhere_is_refused(protocol: int) -> None:
    whole = python2({"x": np.arange(3.0), "subject": "S2"}, protocol)
    for length in range(len(whole)):
        with pytest.raises(DataError, match="refused"):
            read(whole[:length])


@pytest.mark.parametrize("protocol", [0, 2])
def test_a_pickle_with_any_one_byte_changed_is_read_or_refused_but_nothing_else(
    protocol: int,
) -> None:
    whole = python2({"x": np.arange(3, dtype="<i4"), "l": [1, 2.5], "subject": "S2"}, protocol)
    refused = 0
    for place in range(len(whole)):
        for byte in (0, 0x28, 0x2E, 0x30, 0x52, 0x62, 0x67, 0x80, 0x81, 0x94, 0xFF):
            try:
                read(whole[:place] + bytes([byte]) + whole[place + 1 :])
            except DataError:
                refused += 1
    assert refused > len(whole)


def test_a_root_that_is_no_dictionary_is_refused() -> None:
    with pytest.raises(DataError, match="no dictionary"):
        read(python2([1, 2], 2))


def test_an_escape_that_python_2_does_not_write_is_refused() -> None:
    for line in (rb"S'\d'", rb"S'\u1234'", rb"S'\x4'", b"S'a", b"S", b"Sabc"):
        with pytest.raises(DataError, match="refused"):
            read(b"(dS'x'\n" + line + b"\ns.")


def test_an_array_in_place_of_a_name_is_refused_and_not_compared() -> None:
    array = (b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
             b"(I1\n(I2\ntcnumpy\ndtype\n(S'i1'\nI0\nI1\ntR(I3\nS'|'\nNNNtbI00\nS'ab'\ntb")  # fmt: skip
    assert read(b"(dS'x'\n" + array + b"s.")["x"].tolist() == [97, 98]
    with pytest.raises(DataError, match="a call that numpy does not write"):
        read(b"(dS'x'\ncnumpy.core.multiarray\n_reconstruct\n(" + array + b"(I0\ntS'b'\ntRs.")


@pytest.mark.parametrize("module", [arrays_only, pickle_arrays, pickle_machine])
def test_the_modules_import_no_pickle_and_call_nothing_by_name(module: ModuleType) -> None:
    tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
    imported: set[str] = set()
    called: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called.add(node.func.id)
    assert imported <= {
        "__future__", "collections", "enum", "holter", "math", "numpy", "numpy.typing", "re",
        "struct", "typing", "warnings",
    }  # fmt: skip
    assert not called & {"eval", "exec", "getattr", "setattr", "__import__", "compile", "open"}
