"""Layouts: named arrays and one flat vector, the same order on both sides."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holter.algebra.layout import Layout

shapes = st.lists(st.integers(1, 4), max_size=3).map(tuple)
layouts = st.lists(
    st.tuples(st.text("abc.", min_size=1, max_size=6), shapes),
    min_size=1,
    max_size=5,
    unique_by=lambda entry: entry[0],
).map(lambda entries: Layout(tuple(entries)))


@given(layouts)
def test_the_size_is_the_number_of_all_coordinates(layout: Layout) -> None:
    assert layout.size == sum(math.prod(shape) for _, shape in layout.entries)


@given(layouts, st.integers(0, 99))
@settings(deadline=None)
def test_splitting_and_flattening_undo_each_other(layout: Layout, seed: int) -> None:
    vector = np.random.default_rng(seed).normal(size=layout.size).astype(np.float32)
    arrays = layout.split(vector)
    assert {name: array.shape for name, array in arrays.items()} == dict(layout.entries)
    again = layout.flatten(arrays)
    assert again.dtype == np.float32
    assert again.tobytes() == vector.tobytes()


def test_coordinates_stand_in_the_order_of_the_layout_and_not_of_the_mapping() -> None:
    layout = Layout((("bias", (2,)), ("weight", (2, 2))))
    arrays = {
        "weight": np.arange(4, dtype=np.float32).reshape(2, 2),
        "bias": np.array([8, 9], dtype=np.float32),
    }
    assert layout.flatten(arrays).tolist() == [8, 9, 0, 1, 2, 3]


def test_splitting_gives_copies() -> None:
    vector = np.zeros(4, dtype=np.float32)
    Layout((("a", (2, 2)),)).split(vector)["a"][:] = 1
    assert vector.tolist() == [0, 0, 0, 0]


def test_flattening_gives_a_copy() -> None:
    array = np.zeros(3, dtype=np.float32)
    Layout((("a", (3,)),)).flatten({"a": array})[:] = 1
    assert array.tolist() == [0, 0, 0]


def test_a_scalar_is_one_coordinate() -> None:
    layout = Layout((("scale", ()), ("bias", (2,))))
    assert layout.size == 3
    assert layout.split(np.arange(3, dtype=np.float32))["scale"].shape == ()


def test_one_name_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        Layout((("a", (1,)), ("a", (2,))))


def test_an_empty_array_is_refused() -> None:
    with pytest.raises(ValueError, match="is empty"):
        Layout((("a", (3, 0)),))


def test_an_array_of_the_wrong_shape_is_refused_by_name_even_if_the_count_fits() -> None:
    with pytest.raises(ValueError, match=r"a has shape \(3, 2\), the layout says \(2, 3\)"):
        Layout((("a", (2, 3)),)).flatten({"a": np.zeros((3, 2), dtype=np.float32)})


def test_a_missing_array_is_refused() -> None:
    with pytest.raises(KeyError, match="b"):
        Layout((("a", (1,)), ("b", (1,)))).flatten({"a": np.zeros(1, dtype=np.float32)})


@pytest.mark.parametrize("shape", [(5,), (7,), (6, 1), (2, 3), ()])
def test_a_vector_of_the_wrong_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="for a layout of 6"):
        Layout((("a", (2, 3)),)).split(np.zeros(shape, dtype=np.float32))
