"""docs/figures: one real and one synthetic person side by side, drawn as ``data inspect`` draws.

    python tools/figures.py

Reads the recordings under HOLTER_DATA. Of real people only pictures are kept: the heart rate of a
day and a night (Walch et al. 2019, sleep-accel, ODC-By 1.0), and an hour of a wristband
(Iqbal et al. 2022, Stress-Predict, MIT).
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from holter.dash.recording_plot import figure_png
from holter.device.files import opened
from holter.signals.readers.formats import Options
from holter.signals.readers.recognise import read, recognise
from holter.signals.recording import SECOND_NS, Recording, Series
from holter.simulator.wearers import recording

ROOT = Path(__file__).parents[1]
SAMPLES = Path(os.environ.get("HOLTER_DATA", "data")) / "format_samples"
HOUR_NS = 3600 * SECOND_NS


def first(path: Path) -> Recording:
    """The first recording in a file or folder."""
    with opened(path) as files:
        options = Options()
        group = next(g for g in recognise(files, options) if g.format is not None)
        return read(files, group, options)[0]


def last_hours(source: Recording, hours: float) -> Recording:
    """The end of a recording's slow channels."""
    end = source.span_ns[1]
    kept = {}
    for name, channel in source.channels.items():
        if isinstance(channel, Series):
            rows = np.flatnonzero(channel.time_ns >= end - hours * HOUR_NS)
            kept[name] = Series(
                channel.kind,
                channel.time_ns[rows],
                channel.until_ns[rows],
                channel.value[rows],
                channel.offset_minutes[rows],
                channel.names,
            )
    return replace(source, channels=kept)


def main() -> None:
    figures = ROOT / "docs" / "figures"
    real = last_hours(first(SAMPLES / "walch_text"), 24.0)
    made = recording(
        1, 3, session="day", hours=24.0, start_hour=9.0, device="watch",
        channels=("heart_rate", "sleep_stage"),
    )  # fmt: skip
    (figures / "day.png").write_bytes(
        figure_png([real, made], "A real day and night (above) and a synthetic one (below)")
    )
    real = first(SAMPLES / "empatica_e4" / "S05")
    made = recording(
        1, 5, session="stress", device="research wrist",
        channels=("acceleration", "ppg", "eda", "heart_rate", "rr_interval", "skin_temperature"),
    )  # fmt: skip
    kept = {name: real.channels[name] for name in made.channels if name in real.channels}
    (figures / "hour.png").write_bytes(
        figure_png(
            [replace(real, channels=kept), made],
            "A real hour at the wrist (above) and a synthetic one (below)",
        )
    )


if __name__ == "__main__":
    main()
