"""A store of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from holter.device.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store, ``my.store`` in the folder of the test."""
    with Store.create(tmp_path / "my.store") as made:
        yield made
