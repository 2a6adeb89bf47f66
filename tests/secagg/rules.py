"""Every rule that protects something in the machines, found in their source, to be switched off.

A site is one of these, named by its function and its own words:

    if A or B: raise      each of A and B (and each end of ``not low <= x <= high``) on its own;
                          likewise where the answer is ``return None``, or blame, or closing
    except E: raise F     the translation of an error into somebody's fault
    verify(...)           and whatever else vouches for bytes: it then takes them as they are
    x.once(kind)          a message that is made once
    ... for x if A        who is counted, masked with, or given a share
    raise                 where nothing guards it
"""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from holter.crypto import signature

MODULES = ("session", "client", "roster", "server", "recovery", "keys", "records")
SAID = ("self.closed.append", "self.blamed.setdefault")  # how recovery refuses
_FALSE, _TRUE = ast.Constant(False), ast.Constant(True)


def vouched(message: bytes) -> bytes:
    """The payload, whoever signed it."""
    return signature.payload_of(message)


def claimed(credential: bytes) -> bytes:
    """The device key of a credential, whoever issued it."""
    return vouched(credential)[3:35] if credential else b""  # array head, two of a string


LAX = {
    "verify": "vouched",
    "signature.verify": "vouched",
    "check": "claimed",
    "agreement.check_public": None,
    "hmac.compare_digest": True,
    "shamir.in_field": True,
}


@dataclass(frozen=True)
class Site:
    """Where a rule stands: module.function, and how it is switched off."""

    function: str
    words: str
    change: Callable[[], None]
    restore: Callable[[], None]

    @property
    def name(self) -> str:
        return f"{self.function}: {self.words}"


def words_of(node: ast.AST) -> str:
    return ast.unparse(node).replace("\n", " ")


class _Finder:
    """Collects the sites of one function; each change is done in place and undone again."""

    def __init__(self, function: str) -> None:
        self.function = function
        self.found: list[Site] = []

    def add(self, words: str, owner: Any, field: str, new: object, at: int | None = None) -> None:
        old = getattr(owner, field) if at is None else getattr(owner, field)[at]

        def put(value: object) -> None:
            if at is None:
                setattr(owner, field, value)
            else:
                getattr(owner, field)[at] = value

        self.found.append(Site(self.function, words, lambda: put(new), lambda: put(old)))

    def statements(self, owner: ast.AST, field: str, handler: bool, guarded: bool) -> None:
        body = getattr(owner, field)
        for at, each in enumerate(body):
            refusal = isinstance(each, ast.Raise) or words_of(each) == "return None"
            if refusal and handler:
                name = f"except {words_of(owner.type)} -> {words_of(each)[:60]}"  # type: ignore[attr-defined]
                self.add(name, owner, field, ast.Raise(), at)
            elif isinstance(each, ast.Raise) and not guarded:
                self.add(words_of(each)[:80], owner, field, ast.Pass(), at)
            elif isinstance(each, ast.Expr) and isinstance(each.value, ast.Call):
                called = words_of(each.value.func)
                if called in SAID or called.endswith(".once"):
                    self.add(words_of(each)[:80], owner, field, ast.Pass(), at)
            self.statement(each)

    def statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.If):
            self.guard(node)
            self.statements(node, "body", False, True)
            self.statements(node, "orelse", False, True)
            self.calls(node, "test")
            return
        if isinstance(node, ast.Try):
            self.statements(node, "body", False, False)
            for handler in node.handlers:
                self.statements(handler, "body", True, True)
            return
        if isinstance(node, ast.Match):
            for case in node.cases:
                self.statements(case, "body", False, False)
            return
        for field, value in ast.iter_fields(node):
            if field in ("body", "orelse"):
                self.statements(node, field, False, False)
            elif isinstance(value, ast.AST):
                self.calls(node, field)
            elif isinstance(value, list):
                for at, each in enumerate(value):
                    if isinstance(each, ast.AST):
                        self.calls(node, field, at)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Compare):
            self.add(words_of(node), node, "value", _TRUE)

    def guard(self, node: ast.If) -> None:
        first = node.body[0]
        refuses = isinstance(first, ast.Raise) or words_of(first) == "return None"
        if not refuses and not any(said in words_of(first) for said in (*SAID, "_open_by_tags")):
            return
        test = node.test
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
            for at, operand in enumerate(test.values):
                self.add(f"if {words_of(operand)}", test, "values", _FALSE, at)
        elif (
            isinstance(test, ast.UnaryOp)
            and isinstance(test.operand, ast.Compare)
            and len(test.operand.ops) == 2
        ):
            low, high = copy.deepcopy(test.operand), copy.deepcopy(test.operand)
            low.left, low.ops, low.comparators = (
                low.comparators[0],
                low.ops[1:],
                low.comparators[1:],
            )
            high.ops, high.comparators = high.ops[:1], high.comparators[:1]
            self.add(f"if not {words_of(high)}", test, "operand", low)
            self.add(f"if not {words_of(low)}", test, "operand", high)
        else:
            self.add(f"if {words_of(test)}", node, "test", _FALSE)

    def calls(self, owner: ast.AST, field: str, at: int | None = None) -> None:
        node = getattr(owner, field) if at is None else getattr(owner, field)[at]
        if isinstance(node, ast.Call) and words_of(node.func) in LAX:
            lax = LAX[words_of(node.func)]
            new: ast.expr = ast.Constant(lax)  # type: ignore[arg-type]
            if isinstance(lax, str):
                new = ast.Call(ast.Name(f"_{lax}_", ast.Load()), node.args[:1], [])
            self.add(words_of(node)[:80], owner, field, new, at)
        if isinstance(node, ast.comprehension):
            for place, each in enumerate(node.ifs):
                self.add(
                    f"for {words_of(node.target)} if {words_of(each)}", node, "ifs", _TRUE, place
                )
        for inner, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                self.calls(node, inner)
            elif isinstance(value, list):
                for place, each in enumerate(value):
                    if isinstance(each, ast.AST):
                        self.calls(node, inner, place)


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Top functions and methods, by qualified name."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner


@dataclass(frozen=True)
class Source:
    """One module, taken apart."""

    name: str
    tree: ast.Module
    sites: tuple[Site, ...]


def source_of(name: str) -> Source:
    module = importlib.import_module(f"holter.secagg.{name}")
    tree = ast.parse(inspect.getsource(module))
    sites: list[Site] = []
    for function, node in functions(tree):
        finder = _Finder(f"{name}.{function}")
        finder.statements(node, "body", False, False)
        sites += finder.found
    return Source(name, tree, tuple(sites))


SOURCES = {name: source_of(name) for name in MODULES}
SITES = {site.name: site for source in SOURCES.values() for site in source.sites}
assert len(SITES) == sum(len(source.sites) for source in SOURCES.values()), "two sites of one name"


def code_in(code: CodeType, name: str) -> CodeType:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if each.co_qualname == name:
                return each
            if name.startswith(f"{each.co_qualname}."):
                return code_in(each, name)
    raise AssertionError(f"{name} is not in the source")


@contextmanager
def off(name: str) -> Iterator[None]:
    """Inside, the rule of this name is not there, for whoever imported the function."""
    site = SITES[name]
    where, _, function = site.function.partition(".")
    module = importlib.import_module(f"holter.secagg.{where}")
    target: Any = module
    for part in function.split("."):
        target = getattr(target, part)
    assert isinstance(target, FunctionType)
    site.change()
    try:
        tree = ast.fix_missing_locations(copy.deepcopy(SOURCES[where].tree))
    finally:
        site.restore()
    changed = code_in(compile(tree, str(module.__file__), "exec"), function)
    before, names = target.__code__, {"_vouched_": vouched, "_claimed_": claimed}
    vars(module).update(names)
    target.__code__ = changed
    try:
        yield
    finally:
        target.__code__ = before
        for each in names:
            vars(module).pop(each)
