"""Randomness by type and by place: nothing deployed draws from dice that can be drawn again.

The first test reads every source file; it is stricter than the linter, which exempts whole rooms.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from holter.device.system_source import OperatingSystemSource
from holter.rounds.acceptance import DEPLOYED, SIMULATION, SimulatedRandomness, check_source
from holter.simulator.dice import SeededSource

ROOT = Path(__file__).parents[1] / "src" / "holter"
SIMULATION_ROOMS = {"simulator"}
BANNED_MODULES = {"random", "numpy.random", "secrets"}
BANNED_TORCH = {
    "rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "poisson",
    "manual_seed", "seed", "rand_like", "randn_like", "randint_like", "dropout", "Dropout",
}  # fmt: skip
ALLOWED = {
    # First parameters, drawn from a generator seeded by the study: public, and no noise.
    "learning/model.py": {"manual_seed"},
}


def sources() -> list[Path]:
    found = [p for p in ROOT.rglob("*.py") if p.relative_to(ROOT).parts[0] not in SIMULATION_ROOMS]
    assert len(found) > 100
    return found


def drawn_in(tree: ast.AST) -> set[str]:
    """Names of non-cryptographic dice that a module imports or touches."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name in BANNED_MODULES}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{a.name}" for a in node.names} | {str(node.module)}
            found |= names & BANNED_MODULES
            if node.module == "torch":
                found |= {a.name for a in node.names} & BANNED_TORCH
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = node.value.id
            if (owner, node.attr) in {("np", "random"), ("numpy", "random")}:
                found.add("numpy.random")
            if owner in {"torch", "nn", "functional", "F"} and node.attr in BANNED_TORCH:
                found.add(node.attr)
    return found


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_seeded_dice_are_touched_outside_the_simulator(path: Path) -> None:
    allowed = ALLOWED.get(str(path.relative_to(ROOT)), set())
    assert drawn_in(ast.parse(path.read_text())) <= allowed


def test_the_search_would_find_them() -> None:
    for line in (
        "import random",
        "from numpy import random",
        "import numpy as np\nnp.random.default_rng(1)",
        "import torch\ntorch.randn(3)",
        "from torch import bernoulli",
        "from torch import nn\nnn.Dropout(0.1)",
    ):
        assert drawn_in(ast.parse(line)), line


def test_the_operating_system_is_asked_on_floor_five_alone() -> None:
    asking = {str(p.relative_to(ROOT)) for p in sources() if "urandom(" in p.read_text()}
    assert asking == {"device/system_source.py"}


def test_a_deployed_device_refuses_what_can_be_drawn_again() -> None:
    check_source(OperatingSystemSource(), DEPLOYED)
    check_source(SeededSource(bytes(32)), SIMULATION)
    with pytest.raises(SimulatedRandomness, match="seed"):
        check_source(SeededSource(bytes(32)), DEPLOYED)


@pytest.mark.long
def test_the_two_sources_are_different_types_to_the_type_checker(tmp_path: Path) -> None:
    asks = tmp_path / "asks.py"
    asks.write_text(
        "from holter.device.system_source import OperatingSystemSource\n"
        "from holter.privacy.source import SystemSource\n"
        "from holter.simulator.dice import SeededSource\n"
        "def deployed(source: SystemSource) -> None: ...\n"
        "deployed(OperatingSystemSource())\n"
        "deployed(SeededSource(bytes(32)))\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", str(asks)]
    said = subprocess.run(command, capture_output=True, text=True, cwd=ROOT.parents[1]).stdout
    assert "asks.py:6: error" in said and "asks.py:5" not in said
