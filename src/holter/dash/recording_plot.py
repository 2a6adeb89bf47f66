"""Recordings as one picture: a row a channel, gaps as gaps, what was not worn shaded.

However long a recording is, no more is drawn than there are pixels: of the samples that fall
into one column, the lowest and the highest, so that no peak is lost. Times are local where the
zone is known. It needs matplotlib (the extra ``plot``) and opens no window: a picture is bytes.
"""

from __future__ import annotations

import datetime
import io
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from holter.signals.errors import ExtraMissing
from holter.signals.kinds import KINDS
from holter.signals.recording import DAY_NS, SECOND_NS, Channel, Recording, Series, Waveform

if TYPE_CHECKING:
    from holter.signals.quality import Usable

WIDTH: Final = 11.0  # inches, as all sizes below
ROW: Final = 0.92
BETWEEN: Final = 0.22
HEAD: Final = 0.62  # over a recording's first row, for its name
FOOT: Final = 0.62  # under its last row, for the times
TOP: Final = 0.5
LEFT, RIGHT = 1.0, 0.25
DPI: Final = 120
COLUMNS: Final = 1_100  # of pixels, about, that a row has
MOST_ROWS: Final = 24  # a taller picture is not looked at; the rest is said in words
MOST_BARS: Final = 2_000
MOST_NAMES: Final = 8  # of a category beside its row
UNITS: Final = {"uS": "µS", "uT": "µT", "degC": "°C", "1": "", "kg/m2": "kg/m²"}
SUMS: Final = ("activity_count", "activity_intensity")  # drawn from zero, as sums are
GAP_STEPS: Final = 5  # usual steps without a row of a series, before its line is broken
# As in templates/run.css; three axes stay apart in print and for colour-blind eyes.
INK, SOFT, GRID, AXIS = "#1b2430", "#566171", "#e6e9ee", "#9aa4b0"
SHADE, DOUBT = "#e9ecf1", "#cf8450"
COLOURS: Final = ("#2f6fb3", "#c65a1e", "#2a7f93", "#6a5496", "#7f8c9b", "#133f6d")

Floats = npt.NDArray[np.float64]


def figure_png(
    recordings: Sequence[Recording],
    title: str,
    judged: Sequence[Mapping[str, Usable]] | None = None,
) -> bytes:
    """One picture of some recordings, as PNG. Raises ExtraMissing.

    Channels beyond ``MOST_ROWS`` are left out, and the picture says how many. judged: what of
    each recording is usable, where the caller has asked already.
    """
    try:
        from matplotlib.figure import Figure  # no pyplot: nothing global, no window
    except ImportError:
        raise ExtraMissing("pictures of recordings", "plot") from None
    from holter.signals.quality import usable

    shown, left_out = _shown(recordings)
    rows = sum(len(channels) for _, channels in shown)
    height = TOP + sum(HEAD + FOOT + len(c) * (ROW + BETWEEN) - BETWEEN for _, c in shown)
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white")
    many = "channel is" if left_out == 1 else "channels are"
    more = f"   ({left_out:,} more {many} not shown)" if left_out else ""
    at = height - 0.34
    figure.text(
        LEFT / WIDTH, at / height, _plain(title + more), color=INK, fontsize=14, fontweight="bold"
    )
    at = height - TOP
    for number, channels in shown:
        shares = usable(recordings[number]) if judged is None else judged[number]
        at = _draw_recording(figure, recordings[number], channels, shares, at, height)
    if not rows:
        figure.text(LEFT / WIDTH, 0.3 / height, "nothing to draw", color=SOFT, fontsize=10)
    out = io.BytesIO()
    with warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; nothing is wrong with it.
        warnings.filterwarnings("ignore", message="Glyph ", category=UserWarning)
        figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _shown(
    recordings: Sequence[Recording],
) -> tuple[list[tuple[int, Mapping[str, Channel]]], int]:
    """Of which recordings which channels fit, in order, and how many channels do not."""
    shown: list[tuple[int, Mapping[str, Channel]]] = []
    left = MOST_ROWS
    everything = sum(len(recording.channels) for recording in recordings)
    for number, recording in enumerate(recordings):
        channels = dict(list(recording.channels.items())[:left])
        if channels:
            shown.append((number, channels))
            left -= len(channels)
    return shown, everything - (MOST_ROWS - left)


def _draw_recording(
    figure: Any,
    recording: Recording,
    channels: Mapping[str, Channel],
    shares: Mapping[str, Usable],
    top: float,
    height: float,
) -> float:
    """Head, rows and times of one recording, from ``top`` inches down; where it ends."""
    zone, where = _zone(recording.zone)
    start, end = recording.span_ns
    words = recording.source + (f", {recording.device_class}" if recording.device_class else "")
    if recording.source.lower().startswith("synthetic"):
        words = f"SYNTHETIC, nobody ever wore this: {words}"
    figure.text(LEFT / WIDTH, (top - 0.2) / height, _plain(words), color=INK, fontsize=10.5)
    day = datetime.datetime.fromtimestamp(start / SECOND_NS, zone)
    figure.text(
        1 - RIGHT / WIDTH, (top - 0.2) / height, _plain(f"{day:%A, %-d %B %Y}, {where}"),
        color=SOFT, fontsize=9, ha="right",
    )  # fmt: skip
    at, rows = top - HEAD, []
    low, high = _days(start), _days(max(end, start + SECOND_NS))
    room = (high - low) * 0.006
    for name, channel in channels.items():
        box = (LEFT / WIDTH, (at - ROW) / height, 1 - (LEFT + RIGHT) / WIDTH, ROW / height)
        axes = figure.add_axes(box)
        _plain_axes(axes)
        axes.set_xlim(low - room, high + room)
        _draw(axes, channel, low, high)
        _describe(axes, name, channel, shares.get(name))
        rows.append(axes)
        at -= ROW + BETWEEN
    _times(rows, zone)
    return at + BETWEEN - FOOT


def _plain_axes(axes: Any) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(AXIS)
    axes.tick_params(colors=SOFT, labelsize=8, length=0)
    axes.grid(axis="both", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)


def _times(rows: Sequence[Any], zone: datetime.tzinfo) -> None:
    """The same lines in every row, their times under the last."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    for axes in rows:
        locator = AutoDateLocator(tz=zone, minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
        written = ConciseDateFormatter(locator, tz=zone, show_offset=False)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(written)
        axes.tick_params(labelbottom=axes is rows[-1])


def _describe(axes: Any, name: str, channel: Channel, shares: Usable | None) -> None:
    before = axes.set_title(
        _plain(name.replace("_", " ")), loc="left", fontsize=9, color=INK, pad=3
    )
    for number, axis in enumerate(_named_axes(channel)):  # beside the title: over the data it hides
        before = axes.annotate(
            _plain(f"\u25a0 {axis}"), (1, 0), xycoords=before, xytext=(7, 0),
            textcoords="offset points", va="bottom", fontsize=8, annotation_clip=False,
            color=COLOURS[number % len(COLOURS)],
        )  # fmt: skip
    told = []
    if isinstance(channel, Waveform):
        told.append(f"{channel.rate_hz:.4g} Hz")
    if shares is not None:
        told.append(f"{100 * shares.share:.1f} % usable".replace(".0 ", " "))
        told += _shade(axes, shares)
    axes.set_title(", ".join(told), loc="right", fontsize=8, color=SOFT, pad=3)
    axes.set_ylabel(UNITS.get(channel.unit, channel.unit), fontsize=8, color=SOFT)
    axes.yaxis.set_label_coords(-0.055, 0.5)


def _named_axes(channel: Channel) -> tuple[str, ...]:
    """Axes that must be told apart; one alone is what the row is called."""
    named = channel.axes if isinstance(channel, Waveform) else ()
    return named if len(named) > 1 else ()


def _shade(axes: Any, shares: Usable) -> list[str]:
    """Not worn: behind the row, grey. Saturated or an artefact: a strip at its foot."""
    worst, told = [], []
    for span in shares.spans:
        begin, end = _days(span.start_ns), _days(span.end_ns)
        if span.what == "non-wear":
            axes.axvspan(begin, end, color=SHADE, zorder=0, linewidth=0)
        elif span.what != "gap":
            worst.append((begin, end - begin))
    if shares.non_wear_share > 0:
        told.append("grey: not worn")
    if worst:
        told.append("strip: artefact or saturated")
        axes.broken_barh(
            worst, (0, 0.06), facecolors=DOUBT, linewidth=0, transform=axes.get_xaxis_transform()
        )
    return told


def _draw(axes: Any, channel: Channel, low: float, high: float) -> None:
    if isinstance(channel, Waveform):
        for number in range(len(channel.axes)):
            parts = [
                (_days(s.start_ns) + np.arange(len(s.values)) / (s.rate_hz * 86_400),
                 s.values[:, number].astype(np.float64))
                for s in channel.segments
            ]  # fmt: skip
            _curve(axes, parts, low, high, COLOURS[number % len(COLOURS)])
    elif channel.names:
        _categories(axes, channel)
    else:
        _rows(axes, channel, low, high)
    if isinstance(channel, Waveform) or not channel.names:
        axes.locator_params(axis="y", nbins=4)


def _rows(axes: Any, series: Series, low: float, high: float) -> None:
    time, value = series.time_ns / DAY_NS, series.value
    long = series.until_ns > series.time_ns
    if long.all() and len(time) <= MOST_BARS:
        until = series.until_ns / DAY_NS
        if KINDS[series.kind].counts_over_time or series.kind in SUMS:
            axes.bar(time, value, until - time, align="edge", color=COLOURS[0], linewidth=0)
        else:
            axes.hlines(value, time, until, color=COLOURS[0], linewidth=2.4, capstyle="round")
        return
    steps = np.diff(time)
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    ends = np.flatnonzero(steps > GAP_STEPS * usual) + 1
    parts = list(zip(np.split(time, ends), np.split(value, ends), strict=True))
    _curve(axes, parts, low, high, COLOURS[0])
    if len(time) <= COLUMNS // 4:
        axes.plot(time, value, "o", color=COLOURS[0], markersize=2.5, markeredgewidth=0)


def _categories(axes: Any, series: Series) -> None:
    """Spans as bars at the height of their category, the first on top; moments as marks."""
    good = ~np.isnan(series.value)
    time, until = series.time_ns[good] / DAY_NS, series.until_ns[good] / DAY_NS
    value = series.value[good].astype(np.int64)
    used = np.unique(value)
    place = np.searchsorted(used, value)
    for number, index in enumerate(used):
        rows = place == number
        colour = COLOURS[index % len(COLOURS)]  # the same in every recording
        spans = rows & (until > time)
        pairs = list(zip(time[spans], (until - time)[spans], strict=True))
        axes.broken_barh(pairs, (-number - 0.38, 0.76), facecolors=colour, linewidth=0)
        axes.plot(time[rows & ~spans], -place[rows & ~spans], "|", color=colour, markersize=6)
    every = max(1, -(-len(used) // MOST_NAMES))
    axes.set_yticks(
        -np.arange(len(used))[::every],
        [_plain(series.names[index][:16]) for index in used[::every]],
    )
    axes.set_ylim(-len(used) + 0.4, 0.6)


def _curve(
    axes: Any,
    parts: Sequence[tuple[Floats, Floats]],
    low: float,
    high: float,
    colour: str,
) -> None:
    """A line that is broken between parts; of many samples the lowest and highest of a column."""
    if sum(len(time) for time, _ in parts) <= 2 * COLUMNS:
        apart = [np.array([np.nan])]
        time = np.concatenate([piece for t, _ in parts for piece in (t, apart[0])] or apart)
        value = np.concatenate([piece for _, v in parts for piece in (v, apart[0])] or apart)
        axes.plot(time, value, color=colour, linewidth=0.9)
        return
    lowest, highest = envelope(parts, low, high)
    middle = low + (np.arange(COLUMNS) + 0.5) / COLUMNS * (high - low)
    axes.fill_between(middle, lowest, highest, color=colour, alpha=0.8, linewidth=0.5, zorder=2)


def envelope(
    parts: Sequence[tuple[Floats, Floats]], low: float, high: float
) -> tuple[Floats, Floats]:
    """The lowest and highest value in each of ``COLUMNS`` equal spans; NaN where there is none."""
    lowest, highest = np.full(COLUMNS, np.nan), np.full(COLUMNS, np.nan)
    for time, value in parts:
        if not len(time):
            continue
        column = np.clip((time - low) / (high - low) * COLUMNS, 0, COLUMNS - 1).astype(np.int64)
        begins = np.concatenate([[0], np.flatnonzero(np.diff(column)) + 1])
        which = column[begins]
        lowest[which] = np.fmin(lowest[which], np.fmin.reduceat(value, begins))
        highest[which] = np.fmax(highest[which], np.fmax.reduceat(value, begins))
    return lowest, highest


def _zone(name: str) -> tuple[datetime.tzinfo, str]:
    if name in ("", "UTC"):
        return datetime.UTC, "UTC" if name else "by a clock whose zone is not known"
    return ZoneInfo(name), name


def _days(time_ns: int) -> float:
    return time_ns / DAY_NS


def _plain(words: str) -> str:
    """A dollar sign begins a formula in matplotlib."""
    return words.replace("$", r"\$")
