"""Sessions of the Empatica E4, a research wrist: a folder of ACC BVP EDA HR IBI TEMP and tags.

Each file of samples says in its first row when it starts (seconds of UTC) and in its second how
many samples come each second; the rest are values, so drift cannot be seen within a file. What
can be checked is whether the files of one session end together; where they do not, it is noted.
A row that is damaged is masked and keeps its place, because the rows after it have no other
time than their number.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holter.signals.gathering import Gathered
from holter.signals.readers.files import Files, head, whole
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.times import NO_TIME, zone_of
from holter.signals.recording import EARLIEST_NS, SECOND_NS, Recording

_ACC_G = 1 / 64  # the unit of ACC.csv, by the info.txt of every session
_HIGHEST_RATE_HZ = 1000
_APART_SECONDS = 5.0  # files of one session end within two seconds of each other
_HEAD_BYTES = 256
_EARLIEST_SECONDS = EARLIEST_NS / SECOND_NS  # a smaller first number is a value, not a start


@dataclass(frozen=True)
class _Wave:
    kind: str
    axes: tuple[str, ...] = ("",)
    factor: float = 1.0
    limits: tuple[float, float] | None = None


_WAVES = {  # ranges of the sensors: E4 user's manual, «technical specifications»
    "ACC": _Wave("acceleration", ("x", "y", "z"), _ACC_G, (-2.0, 2.0)),
    "BVP": _Wave("ppg"),
    "EDA": _Wave("eda", limits=(0.01, 100.0)),
    "TEMP": _Wave("skin_temperature"),
}
_SAMPLED = (*_WAVES, "HR")
_COMPANIONS = ("IBI", "TAGS", "INFO")  # they belong to a session and do not make one


@dataclass(frozen=True)
class _Samples:
    start_ns: int
    rate_hz: float
    values: npt.NDArray[np.float64]  # (rows, columns); NaN where a row is damaged
    damaged: int
    cut: bool

    @property
    def end_seconds(self) -> float:
        return self.start_ns / SECOND_NS + len(self.values) / self.rate_hz


def _place(name: str) -> tuple[str, str, str]:
    """(folder, what, suffix): "S02/tags_S02.csv" -> ("S02", "TAGS", "_S02")."""
    folder, _, file = name.rpartition("/")
    stem, _, ending = file.rpartition(".")
    what = stem.split("_")[0]
    fits = ending.lower() == ("txt" if what.lower() == "info" else "csv")
    return folder, what.upper() if fits else "", stem[len(what) :]


def _claims(files: Files, names: Sequence[str]) -> list[Group]:
    sessions: dict[tuple[str, str], list[str]] = {}
    others: list[tuple[str, str, str]] = []
    for name in names:
        folder, what, suffix = _place(name)
        if what in _SAMPLED and _begin(head(files, name, _HEAD_BYTES), what):
            sessions.setdefault((folder, suffix), []).append(name)
        elif what in _SAMPLED or what in _COMPANIONS:
            others.append((folder, suffix, name))
    for folder, suffix, name in others:
        here = [key for key in sessions if key[0] == folder]
        if (folder, suffix) in sessions:
            sessions[folder, suffix].append(name)
        elif len(here) == 1:  # tags are also found as tags_S02.csv beside ACC.csv
            sessions[here[0]].append(name)
    return [tuple(sorted(found)) for found in sessions.values()]


def _begin(data: bytes, what: str) -> tuple[int, float] | None:
    """(start in ns, rate in Hz) of the first two rows; None if they are something else."""
    columns = len(_WAVES[what].axes) if what in _WAVES else 1
    rows = data.decode("utf-8", "replace").splitlines()[:2]
    numbers = [_numbers(row, columns) for row in rows]
    if len(numbers) < 2 or any(np.isnan(n).any() or len(set(n)) != 1 for n in numbers):
        return None
    start, rate = numbers[0][0], numbers[1][0]
    if not (_EARLIEST_SECONDS <= start < 1e10 and 0 < rate <= _HIGHEST_RATE_HZ):
        return None
    return round(start * 1e6) * 1000, rate


def _numbers(row: str, columns: int) -> list[float]:
    """The numbers of a row; NaN for all of them if it is not a row of ``columns`` numbers."""
    cells = row.split(",")
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return [np.nan] * columns
    whole_row = len(numbers) == columns and all(np.isfinite(numbers))
    return numbers if whole_row else [np.nan] * columns


def _read(files: Files, group: Group, options: Options) -> list[Recording]:
    if options.zone:
        zone_of(options.zone)
    gathered = Gathered("Empatica E4", "research wrist", options.zone or "UTC")
    ends: dict[str, float] = {}
    presses: list[float] = []
    for name in group:
        _, what, _ = _place(name)
        if what in _SAMPLED:
            samples = _samples(files, name, what)
            kind = _WAVES[what].kind if what in _WAVES else "heart_rate"
            if samples is None:
                gathered.note("files without a start and a rate in front, left out", 1, kind)
                continue
            gathered.note("damaged rows, masked", samples.damaged, kind)
            gathered.note("last rows that are cut off, masked", int(samples.cut), kind)
            if len(samples.values):
                ends[what] = samples.end_seconds
            _add(gathered, what, samples)
        elif what == "IBI":
            _intervals(gathered, files, name)
        elif what == "TAGS":
            presses += [_numbers(row, 1)[0] for row in _lines(files, name) if row.strip()]
    # Tags are the moments, in seconds of UTC, at which the wearer pressed the button.
    times = [round(s * 1e6) * 1000 if 0 <= s < 1e10 else NO_TIME for s in presses]
    gathered.series("event", times, np.zeros(len(times)), names=("button",))
    middle = float(np.median(list(ends.values()))) if ends else 0.0
    apart = sum(abs(end - middle) > _APART_SECONDS for end in ends.values())
    gathered.note(f"files that end over {_APART_SECONDS:.0f} s away from the others", apart)
    return [gathered.recording()]


def _samples(files: Files, name: str, what: str) -> _Samples | None:
    data = whole(files, name)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    begin = _begin(data[:_HEAD_BYTES], what)
    if begin is None:
        return None
    columns = len(_WAVES[what].axes) if what in _WAVES else 1
    body = data.split(b"\n", 2)[2] if data.count(b"\n", 0, _HEAD_BYTES) >= 2 else b""
    rows = body.count(b"\n") + (not body.endswith(b"\n") and body != b"")
    values = _fast(body, columns) if body else np.empty((0, columns))
    damaged = 0
    if values is None or len(values) != rows:  # a row is damaged: look at each by itself
        lines = body.decode("utf-8", "replace").split("\n")[:rows]
        values = np.array([_numbers(line, columns) for line in lines], dtype=np.float64)
    cut = body != b"" and not body.endswith(b"\n")
    if cut:
        values[-1] = np.nan
    damaged = int(np.isnan(values).any(axis=1).sum()) - int(cut)
    values[np.isnan(values).any(axis=1)] = np.nan
    return _Samples(*begin, values, damaged, cut)


def _fast(body: bytes, columns: int) -> npt.NDArray[np.float64] | None:
    """Rows of numbers, read by numpy; None if any is damaged. It skips empty rows."""
    if not body.strip():
        return None
    try:
        values = np.loadtxt(io.BytesIO(body), delimiter=",", ndmin=2, comments=None)
    except ValueError:
        return None
    if values.shape[1] != columns or not np.isfinite(values).all():
        return None
    return values


def _add(gathered: Gathered, what: str, samples: _Samples) -> None:
    if what == "HR":
        steps = np.arange(len(samples.values)) * (SECOND_NS / samples.rate_hz)
        times = samples.start_ns + np.rint(steps).astype(np.int64)
        gathered.series("heart_rate", times, samples.values[:, 0])
        return
    wave = _WAVES[what]
    gathered.blocks(
        wave.kind, [(samples.start_ns, samples.rate_hz, samples.values * wave.factor)],
        axes=wave.axes, nominal_rate_hz=samples.rate_hz, limits=wave.limits,
    )  # fmt: skip


def _intervals(gathered: Gathered, files: Files, name: str) -> None:
    """IBI: seconds since the start at which a beat came, and the time since the beat before."""
    first, *rows = _lines(files, name)
    start = _numbers(first.split(",")[0], 1)[0]
    if not 0 <= start < 1e10:
        gathered.note("files without a start in front, left out", 1, "rr_interval")
        return
    pairs = np.array([_numbers(row, 2) for row in rows], dtype=np.float64).reshape(-1, 2)
    good = ~np.isnan(pairs[:, 0]) & (np.abs(pairs[:, 0]) < 1e9)
    gathered.note("damaged rows, left out", int((~good).sum()), "rr_interval")
    times = round(start * 1e6) * 1000 + np.rint(pairs[good, 0] * 1e6).astype(np.int64) * 1000
    gathered.series("rr_interval", times, pairs[good, 1])


def _lines(files: Files, name: str) -> list[str]:
    """The rows of a small file; at least one, which may be empty."""
    rows = whole(files, name).decode("utf-8", "replace").split("\n")
    return rows[:-1] if len(rows) > 1 and rows[-1] == "" else rows


FORMAT = Format("empatica-e4", "a session of the Empatica E4", _claims, _read)
