"""Known faults, each put into a copy of a step of the pipeline itself, never into an audit's input.

A copy is the module's own source with a few nodes of its tree changed, so it follows the pipeline
when that is rewritten; a change that finds nothing to change raises.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from holter.rounds import pipeline, plan
from holter.rounds.plan import Plan
from holter.simulator import direct, sums
from holter.simulator.dice import SeededSource, key

Rewrite = Callable[[ast.AST], ast.AST | None]
"""A node -> its replacement, or None to keep it."""


class _Rewriter(ast.NodeTransformer):
    def __init__(self, rewrite: Rewrite) -> None:
        self.rewrite, self.changes = rewrite, 0

    def visit(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        changed = self.rewrite(node)
        self.changes += changed is not None
        return node if changed is None else changed


def copy_of(module: ModuleType, rewrite: Rewrite, **names: object) -> Any:
    """A module executed from changed source. names: added to it. Raises where nothing changed."""
    rewriter = _Rewriter(rewrite)
    tree = rewriter.visit(ast.parse(inspect.getsource(module)))
    if not rewriter.changes:
        raise AssertionError(f"the fault does not fit {module.__name__} any more")
    copy = ModuleType(f"faulty_copy_of_{module.__name__.replace('.', '_')}")
    sys.modules[copy.__name__] = copy  # dataclasses look their module up
    exec(compile(ast.fix_missing_locations(tree), copy.__name__, "exec"), copy.__dict__)
    copy.__dict__.update(names)
    return copy


def _is_call(node: ast.AST, name: str) -> bool:
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    return name == (function.attr if isinstance(function, ast.Attribute) else ast.unparse(function))


def scaled_noise(numerator: int, denominator: int) -> Any:
    """The pipeline with every noise variance multiplied by a fraction."""

    def rewrite(node: ast.AST) -> ast.AST | None:
        if not _is_call(node, "discrete_gaussian"):
            return None
        assert isinstance(node, ast.Call)
        variance = ast.unparse(node.args[0])
        node.args[0] = ast.parse(f"({variance}) * {numerator} // {denominator}", mode="eval").body
        return node

    return copy_of(pipeline, rewrite)


def missing_share(every: int) -> Any:
    """The pipeline in which one contribution of ``every`` carries no noise."""
    calls = itertools.count()

    def dropped(noise: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return noise * (next(calls) % every != every // 2)

    def rewrite(node: ast.AST) -> ast.AST | None:
        if not _is_call(node, "discrete_gaussian"):
            return None
        return ast.Call(ast.Name("dropped", ast.Load()), [node], [])

    return copy_of(pipeline, rewrite, dropped=dropped)


def reused_seed() -> Any:
    """The pipeline in which every contribution draws its noise from one seed."""
    return _with_noise_of(lambda: SeededSource(key(0, "reused")))


def _with_noise_of(source: Callable[[], SeededSource]) -> Any:
    def rewrite(node: ast.AST) -> ast.AST | None:
        if not _is_call(node, "discrete_gaussian"):
            return None
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        node.func.value = ast.parse("fresh()", mode="eval").body
        return node

    return copy_of(pipeline, rewrite, fresh=source)


def clipping_off(*, only_integers: bool = False) -> Any:
    """The pipeline without its norm bounds, or without the last one alone."""

    def rewrite(node: ast.AST) -> ast.AST | None:
        if _is_call(node, "bound_integers"):
            assert isinstance(node, ast.Call)
            return node.args[0]
        if _is_call(node, "bound_norm") and not only_integers:
            assert isinstance(node, ast.Call)
            return node.args[0]
        return None

    return copy_of(pipeline, rewrite)


def unchecked() -> Any:
    """The pipeline in which a value that is not finite is made zero instead of refused."""

    def rewrite(node: ast.AST) -> ast.AST | None:
        if not _is_call(node, "bound_norm"):
            return None
        assert isinstance(node, ast.Call)
        node.args[0] = ast.parse(f"np.nan_to_num({ast.unparse(node.args[0])})", mode="eval").body
        return node

    return copy_of(pipeline, rewrite)


def opens_below_the_floor() -> Any:
    """The driver's own decisions, with every comparison to the floor left out."""

    def rewrite(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Compare) and ast.unparse(node.comparators[0]) == "floor":
            return ast.Constant(False)
        return None

    return copy_of(direct, rewrite)


def sized_for_all(sound: Plan) -> Plan:
    """A plan from the planner's own rule, but for noise shares sized for all who may report."""

    def rewrite(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "counts.survivors_floor":
            return ast.parse("counts.largest_roster", mode="eval").body
        return None

    wanted = inspect.signature(plan.grid_for).parameters
    grid = copy_of(plan, rewrite).grid_for(
        **{name: getattr(sound, name) for name in wanted if name != "coordinates"},
        coordinates=sound.coordinates,
    )
    return dataclasses.replace(sound, grid=grid)


def rounds_share_seeds() -> Any:
    """The simulator's derivation of seeds, with the round's number left out."""

    def rewrite(node: ast.AST) -> ast.AST | None:
        if not _is_call(node, "key") or not any(ast.unparse(a) == "self.number" for a in node.args):  # type: ignore[attr-defined]
            return None
        assert isinstance(node, ast.Call)
        node.args = [a for a in node.args if ast.unparse(a) != "self.number"]
        return node

    return copy_of(sums, rewrite)
