"""PAMAP2, on small hand-made trees of the published layout; all values are synthetic."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from holter.device.files import opened
from holter.rounds.study import Study
from holter.signals.columns import Columns
from holter.signals.errors import DataError
from holter.signals.sets import SETS
from holter.signals.sets.pamap2 import halved
from holter.simulator.people import load

G = 9.80665


def rows(seconds: float, activity: int, start: float = 8.0) -> np.ndarray:
    """Lines of 54 numbers at 100 Hz: sensor k stores k + 1 g on x, a slow sine on y, k rad/s on z."""
    count = round(seconds * 100)
    table = np.zeros((count, 54))
    table[:, 0] = start + np.arange(count) / 100
    table[:, 1] = activity
    table[:, 2] = np.where(np.arange(count) % 11 == 0, 100 + np.arange(count) // 100, np.nan)
    for place in range(3):
        base = 3 + 17 * place
        table[:, base] = 31.5
        table[:, base + 1] = (place + 1) * G
        table[:, base + 2] = G * np.sin(2 * np.pi * table[:, 0])
        table[:, base + 4 : base + 7] = 999.0  # the sensor up to 6 g: never read
        table[:, base + 9] = place
        table[:, base + 10 : base + 17] = 7.0
    return table


def write(path: Path, table: np.ndarray, extra: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [" ".join("NaN" if np.isnan(v) else f"{v:.8g}" for v in row) for row in table]
    path.write_text("\n".join(lines) + "\n" + extra)


def run(root: Path, name: str = "pamap2") -> tuple[Columns, Counter[str]]:
    noted: Counter[str] = Counter()
    with opened(root) as files:
        columns = SETS[name].prepare(files, lambda what, n: noted.update({what: n}))
    return columns, +noted


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Person 101: 6 s lying, 3 s between, 4 s walking. Person 102: 3 s running."""
    table = np.concatenate([rows(6, 1), rows(3, 0, 14.0), rows(4, 4, 17.0)])
    write(tmp_path / "PAMAP2_Dataset" / "Protocol" / "subject101.dat", table)
    write(tmp_path / "PAMAP2_Dataset" / "Protocol" / "subject102.dat", rows(3, 5))
    write(tmp_path / "PAMAP2_Dataset" / "Optional" / "subject101.dat", rows(3, 18, 5.0))
    return tmp_path / "PAMAP2_Dataset"


def test_windows_keep_person_label_and_time_and_the_time_between_is_left_out(root: Path) -> None:
    columns, noted = run(root)
    assert columns["subject"].tolist() == [101, 101, 101, 102]
    assert columns["activity"].tolist() == ["lying", "lying", "walking", "running"]
    np.testing.assert_allclose(columns["t"], [8.0, 10.56, 17.0, 8.0])
    assert noted == {
        "files of the optional session, not asked for": 1,
        "samples at the end of a stretch, shorter than a window, left out": 300 - 256 + 72 + 22,
    }


def test_the_sensor_up_to_16_g_is_read_in_g_and_the_turning_rate_as_stored(root: Path) -> None:
    columns, _ = run(root)
    for place, name in enumerate(("hand", "chest", "ankle")):
        acc, gyro = columns[f"{name}_acc"], columns[f"{name}_gyro"]
        assert acc.shape == gyro.shape == (4, 3, 128) and acc.dtype == np.float32
        np.testing.assert_allclose(acc[:, 0], place + 1, rtol=1e-5)
        np.testing.assert_allclose(gyro[:, 2], place, atol=1e-5)
        np.testing.assert_allclose(acc[:, 2], 0, atol=1e-6)


def test_slow_movement_survives_the_filter_at_its_moment(root: Path) -> None:
    columns, _ = run(root)
    expected = np.sin(2 * np.pi * (10.56 + np.arange(128) / 50))
    np.testing.assert_allclose(columns["hand_acc"][1, 1, :100], expected[:100], atol=0.01)


def test_what_50_hz_cannot_hold_is_filtered_out_before_it_is_halved() -> None:
    seconds = np.arange(1000) / 100
    fast = np.sin(2 * np.pi * 40 * seconds)[:, None].astype(np.float32)
    slow = np.sin(2 * np.pi * 3 * seconds)[:, None].astype(np.float32)
    assert np.abs(fast[::2]).max() > 0.9  # without a filter it would be there, as 10 Hz
    assert np.abs(halved(seconds, fast)[20:-20]).max() < 0.01
    np.testing.assert_allclose(halved(seconds, slow)[20:-20], slow[::2][20:-20], atol=0.01)


def test_stamps_that_jitter_are_read_at_their_own_moments() -> None:
    even = np.arange(1000) / 100
    seconds = even + 0.003 * np.sin(np.arange(1000.0))
    ramp = (2.0 * seconds)[:, None].astype(np.float32)
    made = halved(seconds, ramp)[20:-20, 0]
    np.testing.assert_allclose(
        made, 2.0 * (seconds[0] + np.arange(len(made)) / 50 + 0.4), atol=1e-3
    )


def test_the_heart_rate_is_held_but_not_for_longer_than_5_s(tmp_path: Path) -> None:
    table = rows(13, 4, 0.0)
    table[300:, 2] = np.nan
    write(tmp_path / "Protocol" / "subject105.dat", table)
    columns, _ = run(tmp_path)
    assert columns["heart_rate"].shape == (5, 4)
    assert columns["heart_rate"][0].tolist() == [100, 101, 101, 102]
    assert columns["heart_rate"][1, :2].tolist() == [102, 102]
    assert np.isnan(columns["heart_rate"][3:]).all()


def test_a_sensor_that_drops_out_is_a_gap_and_a_few_lost_samples_are_not(tmp_path: Path) -> None:
    table = rows(3, 4)
    table[50:53, 3 + 1] = np.nan  # three samples of the hand
    table[100:200, 3 + 17 + 1] = np.nan  # a second of the chest
    table[:, 3 + 34 + 7] = np.nan  # the ankle does not turn at all
    write(tmp_path / "Protocol" / "subject101.dat", table)
    columns, _ = run(tmp_path)
    assert not np.isnan(columns["hand_acc"]).any()
    gap = np.flatnonzero(np.isnan(columns["chest_acc"][0, 0]))
    assert 46 <= len(gap) <= 50 and 50 <= gap.min() and gap.max() <= 100
    assert not np.isnan(columns["chest_acc"][0, 1]).any()
    assert np.isnan(columns["ankle_gyro"][0, 0]).all()


def test_a_gap_in_the_stamps_ends_a_stretch_and_no_window_spans_it(tmp_path: Path) -> None:
    write(tmp_path / "Protocol" / "subject101.dat", np.concatenate([rows(3, 4), rows(3, 4, 12.0)]))
    columns, noted = run(tmp_path)
    np.testing.assert_allclose(columns["t"], [8.0, 12.0])
    assert noted["gaps in the time stamps"] == 1


def test_a_clock_that_is_set_back_ends_a_stretch_and_is_counted(tmp_path: Path) -> None:
    write(tmp_path / "Protocol" / "subject101.dat", np.concatenate([rows(3, 4), rows(3, 4, 9.0)]))
    columns, noted = run(tmp_path)
    np.testing.assert_allclose(columns["t"], [8.0, 9.0])
    assert noted["places where the clock is set back or stands still"] == 1


def test_the_optional_session_is_read_when_asked_for_and_comes_later(root: Path) -> None:
    columns, _ = run(root, "pamap2-optional")
    assert columns["subject"].tolist() == [101, 101, 101, 101, 102]
    assert columns["activity"][3] == "folding laundry"
    assert columns["t"][3] == 100_005.0


def test_lines_that_are_not_54_numbers_are_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "Protocol" / "subject101.dat", rows(3, 4), "1 2 3\n11.00 4 NaN 1.0")
    columns, noted = run(tmp_path)
    assert len(columns["t"]) == 1
    assert noted["lines that are not 54 numbers, left out"] == 2


def test_an_activity_without_a_name_and_impossible_values_are_counted(tmp_path: Path) -> None:
    table = np.concatenate([rows(3, 4), rows(1, 8, 11.0)])
    table[7, 2], table[9, 4] = 999.0, 9999.0
    write(tmp_path / "Protocol" / "subject101.dat", table)
    columns, noted = run(tmp_path)
    assert noted["samples of an activity without a name, left out"] == 100
    assert noted["impossible values of heart_rate, masked"] == 1
    assert noted["impossible values of acceleration, masked"] == 1
    assert not np.isnan(columns["hand_acc"]).any()


def test_a_person_without_a_whole_window_does_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path / "Protocol" / "subject101.dat", rows(1, 4))
    write(tmp_path / "Protocol" / "subject102.dat", rows(3, 4))
    columns, noted = run(tmp_path)
    assert columns["subject"].tolist() == [102]
    assert noted["files without a whole window"] == 1


def test_nobody_with_a_whole_window_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "Protocol" / "subject101.dat", rows(3, 0))
    with pytest.raises(DataError, match="no window is left of PAMAP2"):
        run(tmp_path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no line of 54 numbers"),
        (b"1 2 3\n", "no line of 54 numbers"),
        (b"NaN " * 54 + b"\n", "no line with a time and an activity"),
        (b"1 2 \xff\n", r"is not UTF-8 text \(byte 4\)"),
    ],
)
def test_a_file_that_is_not_as_published_is_refused(
    tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / "Protocol").mkdir()
    (tmp_path / "Protocol" / "subject101.dat").write_bytes(content)
    with pytest.raises(DataError, match=r"subject101\.dat.*" + why):
        run(tmp_path)


def test_another_rate_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "Protocol" / "subject101.dat", rows(9, 4)[::3])
    with pytest.raises(DataError, match=r"steps by 0\.03 s"):
        run(tmp_path)


def test_a_study_reads_the_file_that_is_made(root: Path, tmp_path: Path) -> None:
    columns, _ = run(root)
    np.savez_compressed(tmp_path / "windows.npz", **columns)
    head, tail = '[study]\nname = "a"\ntask = "activity"\n', '[privacy]\nmode = "none"\n'
    people = load(Study.parse(head + SETS["pamap2"].study + tail), tmp_path)
    assert [len(person.y) for person in people.recorded] == [3, 1]
    assert people.classes == ("lying", "running", "walking")
    assert people.recorded[0].x.shape == (3, 13, 128)
