"""Opcodes of a pickle in, one value out: the interpreter of ``arrays_only``, protocols 0 to 4.

A pickle is a program for a machine with a stack and a memo. ``Machine`` knows the few opcodes
that dictionaries, lists, text, numbers and arrays need; ``_HANDLERS``, at the end, lists them
all, and every other one is refused. Names and arrays are left to ``pickle_arrays``. What it is
designed to resist is said in ``arrays_only``.
"""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from holter.signals.sets.pickle_arrays import Refused, Shell, built, called, named, short

MOST_OPCODES = 200_000  # published files need a few hundred
MOST_LINE_BYTES = 1024  # of all lines but those that hold text


class _Mark:
    """Where a group of items on the stack begins."""


_MARK = _Mark()


class Machine:
    """Opcodes in, one value out. Every opcode that is handled is in ``_HANDLERS``."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._left = size
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _ in range(MOST_OPCODES):
            opcode = self._bytes(1)
            if opcode == b".":
                if len(self._stack) != 1:
                    raise Refused("it ends with more or less than one value")
                return self._stack[0]
            handler = _HANDLERS.get(opcode)
            if handler is None:
                raise Refused(f"the instruction 0x{opcode[0]:02x} is of no use for arrays")
            handler(self)
        raise Refused(f"more than {MOST_OPCODES:,} instructions")

    # reading

    def _bytes(self, count: int) -> bytes:
        if count > self._left:
            raise Refused("it is cut short, or states lengths that it does not have")
        data = self._stream.read(count)
        if len(data) != count:
            raise Refused("it is cut short")
        self._left -= count
        return data

    def _line(self, most: int = MOST_LINE_BYTES) -> bytes:
        line = self._stream.readline(most + 1)
        self._left -= len(line)
        if not line.endswith(b"\n"):
            raise Refused("a line is cut short or longer than any published one")
        return line[:-1].removesuffix(b"\r")

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._bytes(struct.calcsize(form)))[0]

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise Refused("an instruction lacks its value")
        return self._stack.pop()

    def _group(self) -> list[Any]:
        """Everything above the last mark, which goes too."""
        for place in range(len(self._stack) - 1, -1, -1):
            if self._stack[place] is _MARK:
                items = self._stack[place + 1 :]
                del self._stack[place:]
                return items
        raise Refused("an instruction lacks its mark")

    def _top(self, kind: type) -> Any:
        if not self._stack or not isinstance(self._stack[-1], kind):
            raise Refused("an instruction fills what is not there")
        return self._stack[-1]

    # values

    def integer(self, form: str) -> None:
        self._stack.append(self._number(form))

    def short_long(self) -> None:
        count = self._number("<B")
        if count > 8:
            raise Refused("an integer of more than 8 bytes")
        self._stack.append(int.from_bytes(self._bytes(count), "little", signed=True))

    def integer_line(self) -> None:
        line = self._line(32).removesuffix(b"L")
        if line in (b"00", b"01"):
            self._stack.append(line == b"01")
        elif re.fullmatch(rb"-?[0-9]{1,19}", line):
            self._stack.append(int(line))
        else:
            raise Refused("an integer that is none")

    def float_line(self) -> None:
        line = self._line(64)
        try:
            self._stack.append(float(line))
        except ValueError:
            raise Refused("a number that is none") from None

    def string_line(self) -> None:
        """Text of Python 2 as its source form, in protocol 0; arrays' bytes are among these."""
        line = self._line(self._left)
        if len(line) < 2 or line[:1] not in b"'\"" or line[-1:] != line[:1]:
            raise Refused("text without quotes")
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an unknown escape is only a warning to Python
            try:
                self._stack.append(line[1:-1].decode("unicode_escape").encode("latin-1"))
            except (UnicodeError, DeprecationWarning):
                raise Refused("text with an escape that Python 2 does not write") from None

    def raw(self, form: str) -> None:
        count = self._number(form)
        if count < 0:
            raise Refused("a length below 0")
        self._stack.append(self._bytes(count))

    def unicode(self, form: str) -> None:
        try:
            self._stack.append(self._bytes(self._number(form)).decode("utf-8"))
        except UnicodeDecodeError:
            raise Refused("text that is not UTF-8") from None

    def unicode_line(self) -> None:
        try:
            self._stack.append(self._line().decode("ascii"))
        except UnicodeDecodeError:
            raise Refused("text that is not ASCII") from None

    def push(self, make: Callable[[], Any]) -> None:
        self._stack.append(make())

    def frame(self) -> None:
        self._bytes(8)  # a hint for buffers, of no use here

    # collections

    def tuple_of(self, count: int | None) -> None:
        items = self._group() if count is None else [self._pop() for _ in range(count)][::-1]
        self._stack.append(tuple(items))

    def list_of_group(self) -> None:
        self._stack.append(self._group())

    def append(self) -> None:
        item = self._pop()
        self._top(list).append(item)

    def appends(self) -> None:
        items = self._group()
        self._top(list).extend(items)

    def dict_of_group(self) -> None:
        items = self._group()
        self._stack.append({})
        self._set(items)

    def set_one(self) -> None:
        value, key = self._pop(), self._pop()
        self._set([key, value])

    def set_group(self) -> None:
        self._set(self._group())

    def _set(self, items: list[Any]) -> None:
        target = self._top(dict)
        if len(items) % 2:
            raise Refused("a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[short(key)] = value

    # the memo

    def put(self, place: int) -> None:
        if not self._stack or self._stack[-1] is _MARK:
            raise Refused("an instruction lacks its value")
        self._memo[place] = self._stack[-1]
        if isinstance(self._stack[-1], Shell):
            self._stack[-1].places.append(place)

    def put_line(self) -> None:
        self.put(self._place())

    def get(self, place: int) -> None:
        if place not in self._memo:
            raise Refused("a reference to what is not there")
        self._stack.append(self._memo[place])

    def get_line(self) -> None:
        self.get(self._place())

    def _place(self) -> int:
        line = self._line(16)
        if not re.fullmatch(rb"[0-9]{1,9}", line):
            raise Refused("a reference that is none")
        return int(line)

    # names and arrays

    def name_lines(self) -> None:
        module, name = self._line(), self._line()
        self._stack.append(named(module, name))

    def name_of_stack(self) -> None:
        name, module = self._pop(), self._pop()
        self._stack.append(named(module, name))

    def reduce(self) -> None:
        arguments, name = self._pop(), self._pop()
        self._stack.append(called(name, arguments))

    def build(self) -> None:
        state = self._pop()
        shell: Shell = self._top(Shell)
        made = built(shell, state)
        self._stack[-1] = made
        for place in shell.places:
            self._memo[place] = made
        shell.places.clear()


_HANDLERS: Mapping[bytes, Callable[[Machine], None]] = {
    b"\x80": lambda m: _version(m._number("<B")),  # PROTO
    b"\x95": Machine.frame,
    b"(": lambda m: m._stack.append(_MARK),
    b"N": lambda m: m._stack.append(None),
    b"\x88": lambda m: m._stack.append(True),
    b"\x89": lambda m: m._stack.append(False),
    b"I": Machine.integer_line,
    b"L": Machine.integer_line,
    b"J": lambda m: m.integer("<i"),
    b"K": lambda m: m.integer("<B"),
    b"M": lambda m: m.integer("<H"),
    b"\x8a": Machine.short_long,
    b"F": Machine.float_line,
    b"G": lambda m: m.integer(">d"),  # BINFLOAT
    b"S": Machine.string_line,
    b"T": lambda m: m.raw("<i"),
    b"U": lambda m: m.raw("<B"),
    b"B": lambda m: m.raw("<I"),
    b"C": lambda m: m.raw("<B"),
    b"\x8e": lambda m: m.raw("<Q"),
    b"V": Machine.unicode_line,
    b"X": lambda m: m.unicode("<I"),
    b"\x8c": lambda m: m.unicode("<B"),
    b"}": lambda m: m.push(dict),
    b"d": Machine.dict_of_group,
    b"s": Machine.set_one,
    b"u": Machine.set_group,
    b"]": lambda m: m.push(list),
    b"l": Machine.list_of_group,
    b"a": Machine.append,
    b"e": Machine.appends,
    b")": lambda m: m.push(tuple),
    b"t": lambda m: m.tuple_of(None),
    b"\x85": lambda m: m.tuple_of(1),
    b"\x86": lambda m: m.tuple_of(2),
    b"\x87": lambda m: m.tuple_of(3),
    b"p": Machine.put_line,
    b"q": lambda m: m.put(m._number("<B")),
    b"r": lambda m: m.put(m._number("<I")),
    b"\x94": lambda m: m.put(len(m._memo)),  # MEMOIZE
    b"g": Machine.get_line,
    b"h": lambda m: m.get(m._number("<B")),
    b"j": lambda m: m.get(m._number("<I")),
    b"c": Machine.name_lines,
    b"\x93": Machine.name_of_stack,
    b"R": Machine.reduce,
    b"b": Machine.build,
}


def _version(protocol: int) -> None:
    if protocol > 4:
        raise Refused(f"protocol {protocol}; holter reads 0 to 4, and 0 or 2 are published")
