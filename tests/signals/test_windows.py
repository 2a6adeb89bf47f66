"""Windows of one person: rows that belong together stay together."""

from __future__ import annotations

import numpy as np
import pytest

from holter.signals.windows import Examples, Person


def _examples(count: int = 4) -> Examples:
    return Examples(
        np.arange(count * 6, dtype=np.float32).reshape(count, 2, 3),
        np.arange(count, dtype=np.float32).reshape(count, 1),
        np.arange(count),
    )


@pytest.mark.parametrize("rows", [np.array([3, 0, 0]), np.array([True, False, False, True])])
def test_windows_are_taken_with_their_numbers_and_labels_in_the_order_given(
    rows: np.ndarray,
) -> None:
    taken = _examples().take(rows)
    assert taken.y.tolist() == np.arange(4)[rows].tolist()
    assert taken.extra[:, 0].tolist() == taken.y.tolist()
    assert taken.x[:, 0, 0].tolist() == [6 * y for y in taken.y]


def test_the_length_is_the_number_of_windows() -> None:
    assert len(_examples(5)) == 5
    assert len(_examples().take(np.array([], dtype=np.int64))) == 0


@pytest.mark.parametrize("short", ["x", "extra", "y"])
def test_rows_that_do_not_belong_together_are_refused(short: str) -> None:
    whole = _examples()
    parts = {"x": whole.x, "extra": whole.extra, "y": whole.y}
    with pytest.raises(ValueError, match="one row per window"):
        Examples(**{**parts, short: parts[short][:3]})


def test_a_person_belongs_to_no_stratum_unless_told() -> None:
    assert Person(_examples()).strata == {}
