"""EDF, EDF+ and BDF, the formats of sleep laboratories: signals of the body, stages and marks.

The container is read by pyedflib, which takes a path. Before it sees a file, the header's
numbers are checked here against the bytes that are there, so that neither a damaged header nor
a false one decides how much memory is taken. ``signal_kind`` says what a label and a unit mean;
``add_signals`` is also how the WFDB reader ends. Names of patients are never looked at.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError, ExtraMissing
from holter.signals.gathering import Gathered
from holter.signals.kinds import SLEEP_STAGES, conversion
from holter.signals.readers.files import Files, head
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.times import local
from holter.signals.recording import SECOND_NS, Recording

_EDF, _BDF = b"0       ", b"\xffBIOSEMI"
_MOST_SIGNALS = 512
_MOST_SAMPLES = 64 * 1024 * 1024  # of one signal: three days of ECG at 256 Hz, half a GB
_MOST_NAMES = 256  # what ``event`` can tell apart
_REMOVED = datetime.date(1985, 1, 1)  # EDF+ 2.1.3.3: the date of a recording without a date

_VOLT = ("mV", "uV", "V")
_ANY = ("*",)
_UNITS = {
    "µv": "uV", "μv": "uV", "uv": "uV", "mv": "mV", "v": "V", "degc": "degC", "deg c": "degC",
    "°c": "degC", "c": "degC", "celsius": "degC", "deg": "degC", "degf": "degF", "f": "degF",
    "bpm": "bpm", "beats/min": "bpm", "/min": "1/min", "1/min": "1/min", "brpm": "1/min",
    "br/min": "1/min", "rpm": "1/min", "%": "%", "percent": "%", "us": "uS", "µs": "uS",
    "μs": "uS", "usiemens": "uS", "microsiemens": "uS", "s": "S", "ms": "mS", "g": "g",
    "mg": "mg", "m/s2": "m/s2", "m/s^2": "m/s2", "m/s/s": "m/s2", "deg/s": "deg/s",
    "dps": "deg/s", "rad/s": "rad/s", "ut": "uT", "µt": "uT", "lux": "lux", "lx": "lux",
}  # fmt: skip
_LABELS: Sequence[tuple[str, str | None, Sequence[str]]] = (
    # The first that fits. Voltages of brain, eyes and muscles look like an ECG in their units.
    (r"eeg|eog|emg|chin|^(fp|af|[fcpot])[z\d]", None, ()),
    (r"^(lead )?(ecg|ekg|m?l?i{1,3}$|ml\d|av[rlf]$|v\d|mcl|d[1-6]$|c[cms]\d)|\becg\b|\bekg\b",
     "ecg", _VOLT),
    (r"pleth|ppg|\bbvp\b", "ppg", _ANY),
    (r"^s[ap]?o2\b|spo2|oxygen sat", "spo2", ("%", "")),
    (r"^(h\.?r\.?|heart ?rate|pulse( rate)?|pr)$", "heart_rate", ("bpm", "1/min", "")),
    (r"resp\w* ?rate|breathing rate|^rr$", "respiration_rate", ("1/min", "bpm")),
    (r"\beda\b|\bgsr\b|skin conduct|\bscl\b|electroderm", "eda", ("uS", "mS", "S")),
    (r"acc(el|\b|[ _]?[xyz]$)", "acceleration", ("g", "mg", "m/s2")),
    (r"gyro", "gyroscope", ("deg/s", "rad/s")),
    (r"temp (rect|core|body|oes|tymp)|body temp|core temp", "body_temperature", ("degC", "degF")),
    (r"\btemp", "skin_temperature", ("degC", "degF")),
    (r"^(ambient )?light$", "light", ("lux",)),
)  # fmt: skip
_SLOW = ("heart_rate", "spo2", "respiration_rate", "light")
_AXIS = re.compile(r"(.*?)[ _:.\-]?([xyz])", re.IGNORECASE)
_STAGES = {
    "w": "wake", "wake": "wake", "1": "N1", "n1": "N1", "2": "N2", "n2": "N2", "3": "deep",
    "4": "deep", "n3": "deep", "n4": "deep", "r": "REM", "rem": "REM", "n": "asleep",
}  # fmt: skip


@dataclass(frozen=True)
class Signal:
    """One labelled signal. parts: (start in ns, rate in Hz, values in ``unit``), as ``blocks``."""

    label: str
    unit: str
    parts: tuple[tuple[int, float, npt.NDArray[np.float64]], ...]
    limits: tuple[float, float] | None = None


def signal_kind(label: str, unit: str) -> tuple[str, str | None] | None:
    """(kind, unit that it is stored in; None: its own) of a signal; None: holter does not read it.

    Told by label and unit together: a label of an ECG in per cent is none.
    """
    words = " ".join(label.lower().replace("_", " ").split())
    stored = _UNITS.get(unit.strip().lower(), unit.strip())
    for pattern, kind, units in _LABELS:
        if re.search(pattern, words):
            if kind is None:
                return None
            if units is _ANY or (stored == "" and "" in units):
                return kind, None
            if stored not in units:
                return None
            return kind, "bpm" if kind == "heart_rate" else stored
    return None


def add_signals(
    gathered: Gathered, signals: Sequence[Signal], offset_minutes: int, unread: int = 0
) -> None:
    """Signals -> channels named by kind, and by label where there are several of a kind.

    Three axes of one sensor become one channel. Signals of no kind are counted, with ``unread``.
    """
    groups: list[tuple[str, str | None, list[Signal], tuple[str, ...]]] = []
    sensors: dict[tuple[str, str | None, str], dict[str, Signal]] = {}
    for signal in signals:
        found = signal_kind(signal.label, signal.unit)
        if found is None:
            unread += 1
            continue
        axis = _AXIS.fullmatch(signal.label.strip())
        if found[0] in ("acceleration", "gyroscope") and axis:
            sensor = sensors.setdefault((*found, axis[1].lower()), {})
            if axis[2].lower() not in sensor:
                sensor[axis[2].lower()] = signal
                continue
        groups.append((*found, [signal], (signal.label if found[0] == "ecg" else "",)))
    for (kind, unit, _), axes in sensors.items():
        together = [axes[letter] for letter in "xyz" if letter in axes]
        if len(together) == 3 and len({_shape(signal) for signal in together}) == 1:
            groups.append((kind, unit, together, ("x", "y", "z")))
        else:
            groups += [(kind, unit, [signal], (letter,)) for letter, signal in axes.items()]
    gathered.note("signals that are not of the heart, motion, skin or breath, not read", unread)
    kinds = [kind for kind, _, _, _ in groups]
    for kind, unit, parts, names in groups:
        name = kind if kinds.count(kind) == 1 else f"{kind}:{parts[0].label[:32]}"
        again = sum(other == name or other.startswith(f"{name}#") for other in gathered.channels)
        _channel(gathered, kind, unit, parts, names, f"{name}#{again + 1}" if again else name,
                 offset_minutes)  # fmt: skip


def _shape(signal: Signal) -> tuple[tuple[int, float, int], ...]:
    return tuple((start, rate, len(values)) for start, rate, values in signal.parts)


def _channel(
    gathered: Gathered, kind: str, unit: str | None, signals: Sequence[Signal],
    axes: tuple[str, ...], name: str, offset_minutes: int,
) -> None:  # fmt: skip
    first = signals[0]
    rates = [rate for _, rate, _ in first.parts]
    if kind in _SLOW and rates and max(rates) <= 4:
        times = [
            start + np.rint(np.arange(len(values)) * (SECOND_NS / rate)).astype(np.int64)
            for start, rate, values in first.parts
        ]
        joined = np.concatenate([values for _, _, values in first.parts])
        gathered.series(kind, np.concatenate(times), joined, unit=unit, name=name,
                        offset_minutes=offset_minutes)  # fmt: skip
        return
    parts = [
        (start, rate, np.stack([signal.parts[i][2] for signal in signals], axis=1))
        for i, (start, rate, _) in enumerate(first.parts)
    ]
    limits = first.limits
    if limits is not None:
        multiply, add = conversion(kind, unit) if unit is not None else (1.0, 0.0)
        low, high = sorted(value * multiply + add for value in limits)
        limits = (low, high)
    gathered.blocks(kind, parts, axes=axes, unit=unit, name=name, limits=limits,
                    nominal_rate_hz=rates[0] if rates else None)  # fmt: skip


def _claims(files: Files, names: Sequence[str]) -> list[Group]:
    found: list[Group] = []
    for name in names:
        data = head(files, name, 256)
        if data[:8] in (_EDF, _BDF) and len(data) >= 200 and _number(data[184:192]) is not None:
            found.append((name,))
    return found


def _number(field: bytes) -> int | None:
    """A whole number in ASCII, blanks around it; None if it is none."""
    text = field.strip(b" \0")
    return int(text) if re.fullmatch(rb"[+-]?\d{1,8}", text) else None


def _check(files: Files, name: str) -> int:
    """The header against the bytes that are there; its length. Raises DataError."""
    fixed = head(files, name, 256)
    signals = _number(fixed[252:256]) if len(fixed) == 256 else None
    if signals is None or not 1 <= signals <= _MOST_SIGNALS:
        raise DataError(f"{name} is a damaged EDF file (its header is cut off): export it again")
    length, blocks = _number(fixed[184:192]), _number(fixed[236:244])
    header = head(files, name, 256 * (signals + 1))
    if length != 256 * (signals + 1) or len(header) != length:
        raise DataError(f"{name} is a damaged EDF file (length of its header): export it again")
    if fixed[192:197] in (b"EDF+D", b"BDF+D"):
        raise DataError(
            f"{name} is a discontinuous EDF+ file (EDF+D), which is not read: export it as EDF+C"
        )
    if blocks == -1:
        raise DataError(f"{name} was never closed by its recorder (-1 blocks): export it again")
    place = 256 + signals * 216
    samples = [_number(header[place + 8 * i : place + 8 * i + 8]) for i in range(signals)]
    each = [count for count in samples if count is not None and count >= 1]
    if blocks is None or blocks < 0 or len(each) != signals:
        raise DataError(f"{name} is a damaged EDF file (numbers of its header): export it again")
    if max(each) * blocks > _MOST_SAMPLES:
        raise DataError(f"{name}: a signal has over {_MOST_SAMPLES:,} samples: split the file")
    width = 3 if fixed[:8] == _BDF else 2
    expected, there = length + blocks * sum(each) * width, files.size(name)
    if there != expected:
        raise DataError(
            f"{name} has {there:,} bytes and its header speaks of {expected:,}: it is cut off or "
            "damaged; export it again"
        )
    return length


def _read(files: Files, group: Group, options: Options) -> list[Recording]:
    name = group[0]
    try:
        import pyedflib
    except ImportError:
        raise ExtraMissing("EDF files", "edf") from None
    length = _check(files, name)
    gathered = Gathered("BDF" if head(files, name, 1) == b"\xff" else "EDF", "laboratory")
    # What pyedflib lets out: OSError for all that it finds wrong, the others for header fields
    # that it passes on unread (dates, texts that are no ASCII, empty scales).
    try:
        reader = pyedflib.EdfReader(
            files.path(name), annotations_mode=pyedflib.READ_ALL_ANNOTATIONS
        )
        with reader:
            begin: datetime.datetime = reader.getStartdatetime()
            signals, unread = _signals(reader, name)
            marks = _marks(reader)
    except (OSError, ValueError, TypeError, OverflowError, ZeroDivisionError) as error:
        if isinstance(error, DataError):
            raise
        if any(byte > 126 for byte in head(files, name, length)[8:]):
            raise DataError(
                f"{name} has letters in its header that EDF does not allow, such as µ, and is "
                "refused by its library: write the units in ASCII (uV)"
            ) from None
        why = " ".join(str(error).replace(f"{files.path(name)}: ", "").split())[:160]
        raise DataError(f"{name} is a damaged EDF file ({why}): export it again") from None
    times, offsets = local([begin], options.zone, gathered.note)
    gathered.zone = options.zone or ""
    start, offset = int(times[0]), int(offsets[0])
    if begin.date() == _REMOVED:
        gathered.note("dates that were removed from the file (1 January 1985), kept as they are", 1)
    placed = [
        Signal(label, unit, ((start, rate, values),), limits)
        for label, unit, rate, values, limits in signals
    ]
    add_signals(gathered, placed, offset, unread)
    _add_marks(gathered, marks, start, offset)
    return [gathered.recording()]


def _signals(reader: Any, name: str) -> tuple[list[Any], int]:
    """(label, unit, rate, values, limits) of the signals of a known kind; how many are of none."""
    found, unread = [], 0
    for channel in range(reader.signals_in_file):
        label = str(reader.getLabel(channel)).strip()
        unit = str(reader.getPhysicalDimension(channel)).strip()
        rate = float(reader.getSampleFrequency(channel))
        if signal_kind(label, unit) is None or not 0 < rate < 1e6:
            unread += 1
            continue
        low, high = reader.getPhysicalMinimum(channel), reader.getPhysicalMaximum(channel)
        found.append((label, unit, rate, reader.readSignal(channel), (float(low), float(high))))
    return found, unread


def _marks(reader: Any) -> list[tuple[float, float, str]]:
    """(onset in s, duration in s, text) of every annotation; a duration that is not said is 0."""
    found = []
    for onset, duration, text in reader.read_annotation():
        words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        found.append((float(onset) / 1e7, float(duration or 0), " ".join(words.split())))
    return found


def _add_marks(
    gathered: Gathered, marks: Sequence[tuple[float, float, str]], start: int, offset: int
) -> None:
    """Annotations -> stages of sleep; whatever else they say -> events."""
    sleep: list[tuple[int, int, float]] = []
    events: list[tuple[int, int, str]] = []
    unscored = far = 0
    for onset, seconds, text in marks:
        if not (abs(onset) < 1e9 and 0 <= seconds < 1e9):
            far += 1
            continue
        begin = start + round(onset * SECOND_NS)
        end = begin + round(seconds * SECOND_NS)
        words = text.lower()
        if words.startswith("sleep stage "):
            stage = _STAGES.get(words.removeprefix("sleep stage ").strip())
            unscored += stage is None
            sleep.append((begin, end, SLEEP_STAGES.index(stage) if stage else np.nan))
        elif text:
            events.append((begin, end, text[:40]))
    gathered.note("annotations at an impossible time, left out", far)
    gathered.note("stages that were not scored, masked", unscored, "sleep_stage")
    if sleep:
        sleep.sort(key=lambda row: row[0])
        begins = [row[0] for row in sleep]
        following = [*begins[1:], begins[-1]]  # an end that is not said is the next beginning
        ends = [end if end > begin else after
                for (begin, end, _), after in zip(sleep, following, strict=True)]  # fmt: skip
        gathered.series("sleep_stage", begins, [row[2] for row in sleep], until_ns=ends,
                        offset_minutes=offset)  # fmt: skip
    if events:
        names = sorted({text for _, _, text in events})[:_MOST_NAMES]
        number = {text: float(place) for place, text in enumerate(names)}
        codes = [number.get(text, np.nan) for _, _, text in events]
        more = int(np.isnan(codes).sum())
        gathered.note(f"marks beyond the first {_MOST_NAMES} different ones, masked", more, "event")
        gathered.series("event", [row[0] for row in events], codes, names=names,
                        until_ns=[row[1] for row in events], offset_minutes=offset)  # fmt: skip


FORMAT = Format("edf", "an EDF, EDF+ or BDF file", _claims, _read, "edf")
