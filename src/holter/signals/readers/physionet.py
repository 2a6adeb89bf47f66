"""WFDB records, the format of PhysioNet: a header, its signal files and annotations of beats.

The library wfdb reads them from a path. A header names other files, and a foreign one may name
files elsewhere, more samples than there are, or a place in the network; so every field of it
that leads to a read is checked here first, as wfdb itself understood it. A record of several
segments is read segment by segment: what lies between them stays a gap.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from holter.signals.errors import DataError, ExtraMissing, Unsupported
from holter.signals.gathering import Gathered
from holter.signals.readers.edf import Signal, add_signals
from holter.signals.readers.files import Files, head
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.times import NO_TIME, local
from holter.signals.recording import SECOND_NS, Recording

_RECORD = re.compile(rb"[ \t]*([-\w]+)(/\d+)?[ \t]+\d+([ \t]+[\d.]+\S*([ \t]+\d+.*)?)?")
_SIGNAL = re.compile(rb"[ \t]*([^\s/\\]+)[ \t]+\d+(x\d+)?(:\d+)?(\+\d+)?([ \t].*)?")
_SEGMENT = re.compile(rb"[ \t]*([-\w]+|~)[ \t]+\d+[ \t]*")
_PLAIN = re.compile(r"[-\w]+(\.\w+)?")  # a name without a folder
_BITS = {"8": 8, "16": 16, "24": 24, "32": 32, "61": 16, "80": 8, "160": 16, "212": 12,
         "310": 32 / 3, "311": 32 / 3}  # fmt: skip
_COMPRESSED = ("508", "516", "524")
_ANNOTATORS = ("atr", "ari", "ecg", "qrs")  # what PhysioNet's databases call annotations of beats
_MOST_HEADER_BYTES = 1024 * 1024
_MOST_ANNOTATION_BYTES = 32 * 1024 * 1024  # two bytes a beat: 100 days
_MOST_SAMPLES = 128 * 1024 * 1024  # of all signals: a day of four at 360 Hz, 1 GB as wfdb holds it
_MOST_SEGMENTS = 10_000
_DATELESS = datetime.date(2000, 1, 1)  # where a record without a date is put, with a finding
_BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")  # WFDB's isqrs; other symbols are marks, not beats
_RHYTHM = re.compile(r"\([A-Z0-9]{1,8}")
# What wfdb lets out on damaged files: header syntax and sizes (ValueError), look-ups of formats
# and labels, fields that are missing (None), numbers beyond their type, files cut short.
_DAMAGE = (ValueError, LookupError, TypeError, AttributeError, OverflowError, ArithmeticError,
           OSError, EOFError, AssertionError, NameError)  # fmt: skip


def _claims(files: Files, names: Sequence[str]) -> list[Group]:
    here = set(names)
    headers = {
        name: named for name in names
        if name.lower().endswith(".hea") and (named := _named(files, name)) is not None
    }  # fmt: skip
    groups: list[Group] = []
    inside: set[str] = set()
    for name, (segments, _) in sorted(headers.items(), key=lambda item: -len(item[1][0])):
        if name in inside:
            continue
        folder = name.rpartition("/")[0]
        group = [name]
        parts = [f"{folder}/{part}.hea".lstrip("/") for part in segments]
        for header in (name, *(part for part in parts if part in headers and part != name)):
            stem = header[: -len(".hea")]
            group += [header, *(f"{stem}.{ending}" for ending in _ANNOTATORS)]
            group += [f"{folder}/{file}".lstrip("/") for file in headers[header][1]]
            inside.add(header)
        groups.append(tuple(dict.fromkeys(file for file in group if file in here)))
        here -= set(groups[-1])
    return groups


def _named(files: Files, name: str) -> tuple[list[str], list[str]] | None:
    """(segments, signal files) that a header names; None if it is no header."""
    lines = [line for line in head(files, name).splitlines()
             if line.strip() and not line.lstrip().startswith(b"#")]  # fmt: skip
    first = _RECORD.fullmatch(lines[0]) if lines else None
    if first is None:
        return None
    pattern = _SEGMENT if first[2] else _SIGNAL
    found = [match[1].decode("utf-8", "replace") for line in lines[1:]
             if (match := pattern.fullmatch(line)) is not None]  # fmt: skip
    if not found and len(lines) > 1:
        return None
    return (found, []) if first[2] else ([], found)


def _read(files: Files, group: Group, options: Options) -> list[Recording]:
    try:
        import wfdb
    except ImportError:
        raise ExtraMissing("WFDB records", "wfdb") from None
    name = group[0]
    record = _header(wfdb, files, name)
    gathered = Gathered("WFDB", "laboratory")
    start, offset = _start(record, gathered, options)
    total = 0
    found: dict[tuple[str, str, int], list[tuple[int, float, Any]]] = {}
    for begin, file, part in _segments(wfdb, files, name, record):
        begin_ns = start + round(begin * SECOND_NS)
        seen: list[tuple[str, str]] = []  # two signals of a record may have one label
        for label, unit, rate, values in _signals(wfdb, files, file, part, gathered):
            key = (label, unit, seen.count((label, unit)))
            seen.append((label, unit))
            found.setdefault(key, []).append((begin_ns, rate, values))
            total += len(values)
            if total > _MOST_SAMPLES:  # a header may name one segment ten thousand times
                raise DataError(f"{name} has over {_MOST_SAMPLES:,} samples: read a part of it")
    add_signals(
        gathered, [Signal(label, unit, tuple(parts)) for (label, unit, _), parts in found.items()],
        offset,
    )  # fmt: skip
    for place, ending in enumerate(e for e in _ANNOTATORS if f"{name[:-4]}.{e}" in group):
        kind_suffix = "" if place == 0 else f":{ending}"
        _annotations(wfdb, files, name, ending, record, gathered, start, offset, kind_suffix)
    return [gathered.recording()]


def _header(wfdb: Any, files: Files, name: str) -> Any:
    """The header as wfdb understands it. Raises DataError."""
    if files.size(name) > _MOST_HEADER_BYTES:
        raise DataError(f"{name} is too long for a header of a WFDB record: it is refused")
    path = files.path(name)
    if "::" in path or "://" in path:  # wfdb would take these for places in the network
        raise DataError(f"{name} lies in a folder whose name holds '::' or '://': rename it")
    try:
        record = wfdb.rdheader(path[: -len(".hea")])
        rate = float(record.fs)
    except _DAMAGE as error:
        raise DataError(f"{name} is a damaged WFDB header ({_why(error)})") from None
    if not 0 < rate < 1e6:
        raise DataError(f"{name} is a damaged WFDB header ({rate:g} samples a second)")
    return record


def _why(error: BaseException) -> str:
    """Words of an error in one line, without paths."""
    words = " ".join(str(error).split())
    return type(error).__name__ if "/" in words or not words else words[:100]


def _start(record: Any, gathered: Gathered, options: Options) -> tuple[int, int]:
    """(UTC nanoseconds, offset in minutes) of the first sample."""
    if record.base_date is None:
        gathered.note(f"records without a date, put on {_DATELESS} (times of day are kept)", 1)
    day = record.base_date or _DATELESS
    moment = datetime.datetime.combine(day, record.base_time or datetime.time())
    times, offsets = local([moment], options.zone, gathered.note)
    gathered.zone = options.zone or ""
    return int(times[0]), int(offsets[0])


def _segments(wfdb: Any, files: Files, name: str, record: Any) -> Iterator[tuple[float, str, Any]]:
    """(seconds since the start, header's file, header) of each segment; of a plain record one."""
    if not hasattr(record, "seg_name"):
        yield 0.0, name, record
        return
    rate = float(record.fs)
    folder = name[: name.rfind("/") + 1]
    if len(record.seg_name) != len(record.seg_len) or len(record.seg_name) > _MOST_SEGMENTS:
        raise DataError(f"{name} is a damaged WFDB header (its list of segments)")
    begin = 0
    for part, length in zip(record.seg_name, record.seg_len, strict=True):
        if length and part != "~":  # ~ is a gap; a first part without length is the layout
            file = f"{folder}{part}.hea"
            if not _PLAIN.fullmatch(part) or file not in files.names:
                raise DataError(f"{name} names the segment {part!r}, which is not beside it")
            header = _header(wfdb, files, file)
            if hasattr(header, "seg_name") or header.sig_len != length or header.fs != record.fs:
                raise DataError(f"{file} does not fit the record {name} that it is a segment of")
            yield begin / rate, file, header
        begin += int(length)


def _check(files: Files, name: str, record: Any) -> None:
    """Every field that leads to a read, before it is followed. Raises DataError."""
    folder = name[: name.rfind("/") + 1]
    needed: dict[str, float] = {}
    samples = 0.0
    for channel, file in enumerate(record.file_name):
        form = record.fmt[channel]
        if not isinstance(file, str) or not _PLAIN.fullmatch(file):
            raise DataError(f"{name} names a file outside its folder ({file!r}); it is refused")
        if folder + file not in files.names:
            raise DataError(f"{name} names {file}, which is not there: read the folder of both")
        if form in _COMPRESSED:
            raise Unsupported(f"{name}: signals in the compressed format {form} are not read")
        if form not in _BITS:
            raise DataError(f"{name} is a damaged WFDB header (format {form})")
        offset, frame = int(record.byte_offset[channel] or 0), record.samps_per_frame[channel] or 1
        skew = int(record.skew[channel] or 0)
        if not (0 <= offset and 1 <= frame <= 10_000 and 0 <= skew <= 1_000_000):
            raise DataError(f"{name} is a damaged WFDB header (offset, skew or samples a frame)")
        length = record.sig_len or 0
        needed.setdefault(file, offset)
        needed[file] += length * frame * _BITS[form] / 8
        # Without a length wfdb reads the whole file.
        samples += length * frame if length else files.size(folder + file) * 8 / _BITS[form]
    if samples > _MOST_SAMPLES:
        raise DataError(
            f"{name} speaks of {samples:,.0f} samples; at most {_MOST_SAMPLES:,} are read"
        )
    for file, size in needed.items():
        there = files.size(folder + file)
        if size > there + 1:  # the last sample of 212 may share a byte that is not written
            raise DataError(
                f"{file} has {there:,} bytes and {name} speaks of {round(size):,}: it is cut off"
            )


def _signals(
    wfdb: Any, files: Files, name: str, record: Any, gathered: Gathered
) -> list[tuple[str, str, float, Any]]:
    """(label, unit, rate, values) of every signal of a plain record. Raises DataError."""
    if not record.n_sig:
        return []
    if record.file_name is None or len(record.file_name) != record.n_sig:
        raise DataError(f"{name} is a damaged WFDB header (fewer signals than it says)")
    _check(files, name, record)
    try:
        full = wfdb.rdrecord(
            files.path(name)[: -len(".hea")], physical=False, smooth_frames=False, pn_dir=None
        )
        expected = [None if c is None else int(c) % 65536 for c in full.checksum]
        sums = [int(c) % 65536 for c in full.calc_checksum(expanded=True)]
        values = full.dac(expanded=True)
    except _DAMAGE as error:
        raise DataError(f"{name} cannot be read as a WFDB record ({_why(error)})") from None
    wrong = sum(e is not None and e != s for e, s in zip(expected, sums, strict=True))
    gathered.note("signals whose checksum is not the header's, read all the same", wrong)
    labels = full.sig_name or [None] * full.n_sig
    return [
        (str(labels[i] or ""), str(full.units[i] or ""),
         float(full.fs) * (full.samps_per_frame[i] or 1), values[i])
        for i in range(full.n_sig)
    ]  # fmt: skip


def _annotations(
    wfdb: Any, files: Files, name: str, ending: str, record: Any, gathered: Gathered,
    start: int, offset: int, suffix: str,
) -> None:  # fmt: skip
    """Beats by their own symbols; rhythms and other marks as events."""
    file = f"{name[:-4]}.{ending}"
    if files.size(file) > _MOST_ANNOTATION_BYTES or files.size(file) % 2:
        raise DataError(f"{file} is a damaged annotation file (it has {files.size(file):,} bytes)")
    try:
        found = wfdb.rdann(files.path(file)[: -len(ending) - 1], ending)
        rate = float(found.fs or record.fs)
        samples = np.asarray(found.sample, dtype=np.float64)
        symbols = [str(symbol) for symbol in found.symbol]
        notes = [str(note).strip("\0 ") for note in found.aux_note]
    except _DAMAGE as error:
        raise DataError(f"{file} is a damaged annotation file ({_why(error)})") from None
    if not 0 < rate < 1e6:
        raise DataError(f"{file} is a damaged annotation file ({rate:g} samples a second)")
    if not len(samples) == len(symbols) == len(notes):  # a symbol that wfdb does not know
        raise DataError(f"{file} is a damaged annotation file (annotations without a symbol)")
    seconds = samples / rate
    believed = np.abs(seconds) < 1e9
    away = np.rint(np.where(believed, seconds, 0) * SECOND_NS).astype(np.int64)
    times = np.where(believed, start + away, NO_TIME)
    words = [
        f"{symbol} {note}" if symbol == "+" and _RHYTHM.fullmatch(note) else symbol
        for symbol, note in zip(symbols, notes, strict=True)
    ]
    beats = np.array([word in _BEATS for word in words], dtype=bool)
    for kind, chosen in (("beat", beats), ("event", ~beats)):
        told = [word for word, take in zip(words, chosen, strict=True) if take]
        names = sorted(set(told))
        gathered.series(
            kind, times[chosen], [names.index(word) for word in told], names=names,
            offset_minutes=offset, name=kind + suffix,
        )  # fmt: skip


FORMAT = Format("wfdb", "a WFDB record, as PhysioNet has them", _claims, _read, "wfdb")
