"""Pictures of recordings: gaps stay gaps, no peak is lost, and what a title must say it says."""

from __future__ import annotations

import io
import itertools
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from holter.dash.recording_plot import COLOURS, COLUMNS, SHADE, envelope, figure_png
from holter.signals.errors import ExtraMissing
from holter.signals.gathering import Gathered
from holter.signals.recording import SECOND_NS, Recording

pytest.importorskip("matplotlib")
START = 1_700_000_000 * SECOND_NS


def waves(
    *stretches: tuple[float, float], rate: float = 50.0, **about: Any
) -> tuple[Gathered, Recording]:
    """EDA that swings, during stretches of seconds after START."""
    made = Gathered(**{"source": "band", "zone": "UTC", **about})
    blocks = []
    for begin, end in stretches:
        second = begin + np.arange(int((end - begin) * rate)) / rate
        blocks.append((START + int(begin * SECOND_NS), rate, 5 + np.sin(second)))
    made.blocks("eda", blocks)
    return made, made.recording()


def picture(recording: Recording | list[Recording]) -> npt.NDArray[np.int64]:
    from matplotlib.image import imread

    png = figure_png(recording if isinstance(recording, list) else [recording], "a night")
    return np.rint(imread(io.BytesIO(png), format="png")[:, :, :3] * 255).astype(np.int64)


def columns_of(
    pixels: npt.NDArray[np.int64], colour: str, tolerance: int = 24
) -> npt.NDArray[np.bool_]:
    """Which columns of pixels have something near a colour."""
    wanted = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])
    return np.asarray((np.abs(pixels - wanted).max(axis=2) <= tolerance).any(axis=0))


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that is written on the figures of a test, outside of their rows."""
    from matplotlib.figure import Figure

    found: list[str] = []
    real = Figure.text

    def text(self: Any, x: float, y: float, written: str, **how: Any) -> Any:
        found.append(written)
        return real(self, x, y, written, **how)

    monkeypatch.setattr(Figure, "text", text)
    return found


@pytest.mark.parametrize("rate", [50.0, 0.5])  # as an envelope, and sample by sample
def test_a_gap_is_seen_as_a_gap(rate: float) -> None:
    pixels = picture(waves((0, 600), (1200, 1800), rate=rate)[1])
    drawn = np.flatnonzero(columns_of(pixels, COLOURS[0]))
    left, right = drawn[0], drawn[-1]
    third = (right - left) / 3
    inside = (drawn > left + third * 1.05) & (drawn < left + third * 1.95)
    assert not inside.any()
    for begin, end in ((0.05, 0.95), (2.05, 2.95)):
        part = (drawn > left + third * begin) & (drawn < left + third * end)
        assert part.sum() > third * 0.5


def test_masked_samples_and_rows_far_apart_are_gaps_too() -> None:
    made = Gathered("band", zone="UTC")
    second = np.arange(0, 3000)
    second = second[(second < 1000) | (second >= 2000)]
    made.series("heart_rate", START + second * SECOND_NS, 60 + second % 20)
    drawn = np.flatnonzero(columns_of(picture(made.recording()), COLOURS[0]))
    middle = (drawn > np.quantile(drawn, 0) + 400) & (drawn < drawn[-1] - 400)
    assert not middle.any()
    values = np.array([1.0, np.nan, np.nan, 3.0, -2.0])
    lowest, highest = envelope([(np.linspace(0, 1, 5), values)], 0, 1)
    assert (~np.isnan(lowest)).sum() == 3
    assert (np.nanmin(lowest), np.nanmax(highest)) == (-2, 3)


def test_not_one_peak_of_a_million_samples_is_lost() -> None:
    value = np.zeros(1_000_000)
    value[123_457], value[900_001] = 9, -7
    time = np.linspace(0, 1, len(value))
    lowest, highest = envelope(
        [(time[:500_000], value[:500_000]), (time[500_000:], value[500_000:])], 0, 1
    )
    assert len(lowest) == COLUMNS and not np.isnan(lowest).any()
    assert highest[int(time[123_457] * COLUMNS)] == 9 and (highest == 9).sum() == 1
    assert lowest[int(time[900_001] * COLUMNS)] == -7 and (lowest == -7).sum() == 1


def test_what_was_not_worn_is_shaded_and_only_that() -> None:
    made, worn_always = waves((0, 1800))
    assert not columns_of(picture(worn_always)[100:], SHADE, 1).sum() > 20
    time_ns = START + np.array([0, 600]) * SECOND_NS
    made.series("worn", time_ns, [1, 0], until_ns=START + np.array([600, 1800]) * SECOND_NS)
    shaded = columns_of(picture(made.recording())[100:], SHADE, 1).sum()
    drawn = columns_of(picture(worn_always), COLOURS[0]).sum()
    assert 0.5 * drawn < shaded < 0.8 * drawn


def test_synthetic_is_said_and_so_are_day_and_zone(words: list[str]) -> None:
    figure_png([waves((0, 60), source="synthetic watch", zone="Asia/Tokyo")[1]], "mine")
    assert any(text.startswith("SYNTHETIC") for text in words)
    assert "Wednesday, 15 November 2023, Asia/Tokyo" in words and words[0] == "mine"
    del words[:]
    figure_png([waves((0, 60), zone="")[1]], "mine")
    assert not any("SYNTHETIC" in text for text in words)
    assert any("zone is not known" in text for text in words)


def test_axes_are_named_beside_the_name_of_their_row_and_not_over_the_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from matplotlib.figure import Figure

    kept: list[Any] = []
    real = Figure.savefig

    def savefig(self: Any, *to: Any, **how: Any) -> None:
        real(self, *to, **how)
        kept.append(self)

    monkeypatch.setattr(Figure, "savefig", savefig)
    made, _ = waves((0, 60))
    values = np.random.default_rng(0).normal(size=(900, 3))
    made.blocks("acceleration", [(START, 50.0, values)], axes=("x", "y", "z"))
    figure_png([made.recording()], "a")
    eda, acceleration = kept[0].axes
    assert not list(eda.texts) and eda.get_legend() is acceleration.get_legend() is None
    boxes = [text.get_window_extent() for text in acceleration.texts]
    assert [text.get_text()[-1] for text in acceleration.texts] == ["x", "y", "z"]
    assert all(one.x1 < other.x0 for one, other in itertools.pairwise(boxes))
    assert all(box.y0 >= acceleration.get_window_extent().y1 for box in boxes)


def test_more_channels_than_a_picture_has_rows_are_counted(words: list[str]) -> None:
    made, _ = waves((0, 60))
    for number in range(30):
        made.series("heart_rate", [START, START + SECOND_NS], [60, 61], name=f"heart_rate:{number}")
    figure_png([made.recording(), waves((0, 60))[1]], "many")
    assert words[0] == "many   (8 more channels are not shown)"


def test_every_shape_of_channel_is_drawn_whatever_its_names(words: list[str]) -> None:
    made, _ = waves((0, 60), source="a $band_ with 夜 $")
    nights = START + np.arange(9) * 300 * SECOND_NS
    until = nights + 300 * SECOND_NS
    made.series("steps", nights, np.arange(9) * 100, until_ns=until)
    made.series("resting_heart_rate", nights[:1], [50], until_ns=until[-1:])
    made.series("spo2", nights[:1], [97])
    made.series("sleep_stage", nights, np.arange(9) % 8, until_ns=until)
    made.series("event", nights, np.arange(9) % 3, names=("$x^$", "b" * 99, "夜"))
    made.series("workout", nights, np.arange(9), names=[f"sport {n}" for n in range(20)])
    made.series("stress", nights, np.full(9, np.nan), names=("calm", "stressed"))
    values = np.random.default_rng(0).normal(size=(9000, 3))
    made.blocks("acceleration", [(START, 50.0, values)], axes=("x", "y", "$z"), limits=(-2, 2))
    made.blocks("ecg", [(START, 250.0, np.full(9000, np.nan))], name="ecg:all masked")
    png = figure_png([made.recording()], "$every$ thing_")
    assert png.startswith(b"\x89PNG") and any("夜" in text for text in words)


def test_the_same_recording_gives_the_same_bytes_and_nothing_gives_a_picture_too() -> None:
    recording = waves((0, 600))[1]
    assert figure_png([recording], "a") == figure_png([recording], "a")
    assert figure_png([], "nothing").startswith(b"\x89PNG")


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ExtraMissing, match=r"holter\[plot\]"):
        figure_png([waves((0, 60))[1]], "a")
