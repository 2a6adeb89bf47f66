"""Raw recordings of research accelerometers, through actfast: GT3X, GENEActiv and Axivity CWA.

The library finds samples and the stamps that their blocks bear; what is done with them is here.
Two of the three devices stamp blocks only, and the library counts on inside a block at the rate
that was ordered. Real rates differ by a percent or more, so samples are spread anew between one
block's stamp and the next's. Damaged blocks are left out and counted. The devices' clocks show
the local time of the computer that set them up and run on through a change of clocks: one
offset holds for a whole recording, the header's where it states one.

Not read: the battery, of which these files state a voltage and no charge, and the light of
Axivity, whose maker calls it a relative scale. Start at ``_read``.
"""

from __future__ import annotations

import datetime
import io
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from holter.signals.errors import DataError, ExtraMissing
from holter.signals.gathering import Gathered
from holter.signals.readers.files import MOST_BYTES_AT_ONCE, Files, head, whole
from holter.signals.readers.formats import Format, Group, Options
from holter.signals.readers.times import local
from holter.signals.recording import EARLIEST_NS, LATEST_NS, SECOND_NS, Recording

_EXTRA = "accelerometer"
_AXES = ("x", "y", "z")
_NO_LUX = 65_535  # how a GT3X file says that there is no reading of light
_USUAL_BLOCK = 0.1  # of a block's usual duration: the stamps of steady blocks differ by less
_GENEACTIV_HEAD_BYTES = 65_536  # the header has 2 kB, a page 4 kB
_GENEACTIV_HEADER_LINES = 59
_GENEACTIV_PAGE_LINES = 10  # the last holds the samples in hexadecimal letters, 3,600 of them
_MOST_PAGE_LETTERS = 250_000 * 3_602
_OFFSET = re.compile(r"([+-])(\d{1,2}):(\d{2})")

Times = npt.NDArray[np.int64]


def _claim_gt3x(files: Files, names: Sequence[str]) -> list[Group]:
    found: list[Group] = []
    for name in names:
        first = head(files, name)
        # whole names in the directory at the start of each member, small members first or not
        if first[:4] == b"PK\x03\x04" and (b"log.bin" in first or b"info.txt" in first):
            found.append((name,))
    return found


def _claim_geneactiv(files: Files, names: Sequence[str]) -> list[Group]:
    return [(name,) for name in names if head(files, name, 15) == b"Device Identity"]


def _claim_axivity(files: Files, names: Sequence[str]) -> list[Group]:
    """Two letters are little to tell a format by: a length of 1,020 or a first block must follow."""
    found: list[Group] = []
    for name in names:
        first = head(files, name, 1026)
        if first[:2] == b"MD" and (first[2:4] == b"\xfc\x03" or first[1024:] == b"AX"):
            found.append((name,))
    return found


def _read(files: Files, group: Group, options: Options) -> list[Recording]:
    """One file -> one recording. Raises DataError, ExtraMissing."""
    name = group[0]
    if files.size(name) > MOST_BYTES_AT_ONCE:
        raise DataError(f"{name} has {files.size(name):,} bytes; export a shorter span")
    if head(files, name, 2) == b"PK":
        _check_unfolded(files, name)
    elif head(files, name, 15) == b"Device Identity":
        _check_pages(files, name)
    found = _parsed(files, name)
    about: Mapping[str, Mapping[str, str]] = found["metadata"]
    tables: Mapping[str, Mapping[str, npt.NDArray[Any]]] = found["timeseries"]
    gathered = Gathered(_source(found["format"], about), "research wrist")
    gathered.note("damaged parts of the file, left out", len(found["warnings"]))
    slow = tables.get("low_frequency", {})
    blocks = np.asarray(slow.get("datetime", ()), dtype=np.int64)
    away = _offset(about, blocks, tables, options, gathered)
    for label, table in tables.items():
        if not len(table["datetime"]):
            continue
        stamps = np.asarray(table["datetime"], dtype=np.int64)
        spread = _spread(blocks, stamps) if label == "high_frequency" else None
        times = (stamps if spread is None else spread) - away * 60 * SECOND_NS
        _add(gathered, table, times, away, about)
        if "light" in table and found["format"] == "Axivity CWA":
            gathered.note("light on a scale of its own, left out", len(times), "light")
        elif "light" in table:
            _add_light(gathered, times, table["light"], blocks - away * 60 * SECOND_NS, away)
    return [gathered.recording()]


def _parsed(files: Files, name: str) -> Any:
    """What the library finds. It may panic on wrong bytes, as Rust says; that is a DataError."""
    try:
        import actfast
    except ImportError:
        raise ExtraMissing("files of research accelerometers", _EXTRA) from None
    try:
        found: Any = actfast.read(files.path(name), lenient=True)
    except DataError:
        raise
    except (ValueError, OSError, OverflowError) as error:
        raise DataError(f"{name} is damaged: {str(error).splitlines()[0][:200]}") from None
    except BaseException as error:
        # a panic crosses into Python as a BaseException that no module exports by name; all
        # else, the keyboard's interrupt first, goes on
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise DataError(f"{name} is damaged in a way that its library cannot name") from None
    return found


def _check_unfolded(files: Files, name: str) -> None:
    """Unfold the parts of a GT3X file once, piece by piece, before the library does it at once."""
    with files.open(name) as stream:
        seekable = stream.seekable()
    with files.open(name) if seekable else io.BytesIO(whole(files, name)) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                for member in archive.infolist():
                    if member.file_size > MOST_BYTES_AT_ONCE:
                        raise DataError(f"{name} unfolds too far: export a shorter span")
                    with archive.open(member) as part:
                        while part.read(1 << 20):
                            pass
        except DataError:
            raise
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            ValueError,
            RuntimeError,
        ) as error:
            # RuntimeError: a password, or a way of packing that Python does not know
            raise DataError(f"{name} is a damaged GT3X file: {error}") from None


def _check_pages(files: Files, name: str) -> None:
    """Refuse a GENEActiv header that makes the library ask for more memory than there is.

    It asks at once for as many samples as the header counts pages of, and a request that fails
    ends the process. A device holds 222,048 pages; headers of shortened files still say so.
    """
    lines = head(files, name, _GENEACTIV_HEAD_BYTES).split(b"\n")
    stated = [
        line.partition(b":")[2].strip(b" +\r\0")
        for line in lines[:_GENEACTIV_HEADER_LINES]
        if line.lstrip().startswith(b"Number of Pages")
    ]
    pages = [int(text) for text in stated if re.fullmatch(rb"\d{1,20}", text)]
    first = lines[_GENEACTIV_HEADER_LINES:][: _GENEACTIV_PAGE_LINES + 1]
    if len(first) <= _GENEACTIV_PAGE_LINES:
        raise DataError(f"{name} ends before its first page: copy it from the device again")
    if max(pages, default=0) * len(first[-2]) > _MOST_PAGE_LETTERS:
        raise DataError(f"{name} counts more pages than a device holds: its header is damaged")


def _source(form: str, about: Mapping[str, Mapping[str, str]]) -> str:
    """The device in words, without what is unique to one of them."""
    model = {
        "Actigraph GT3X": about.get("info", {}).get("Device Type", ""),
        "GeneActiv BIN": about.get("Device Identity", {}).get("Device Model", ""),
        "Axivity CWA": about.get("device", {}).get("hardware_type", ""),
    }.get(form, "")
    maker = {"Actigraph GT3X": "ActiGraph GT3X", "GeneActiv BIN": "GENEActiv"}.get(form, "Axivity")
    plain = re.sub(r"[^\w.+-]", "", model)[:16]
    return f"{maker} ({plain})" if plain else maker


def _offset(
    about: Mapping[str, Mapping[str, str]],
    blocks: Times,
    tables: Mapping[str, Mapping[str, npt.NDArray[Any]]],
    options: Options,
    gathered: Gathered,
) -> int:
    """Minutes that the device's clock was ahead of UTC, and the recording's zone set to fit."""
    stated = about.get("info", {}).get("TimeZone", "") or about.get("Configuration Info", {}).get(
        "Time Zone", ""
    )
    if found := _OFFSET.search(stated):
        minutes = int(found[2]) * 60 + int(found[3])
        if minutes <= 14 * 60:
            away = -minutes if found[1] == "-" else minutes
            gathered.zone = options.zone or fixed_zone(away)
            return away
    if options.zone is None:
        return 0
    every = [blocks, *(np.asarray(table["datetime"]) for table in tables.values())]
    firsts = [int(part[0]) for part in every if len(part)]
    firsts = [first for first in firsts if EARLIEST_NS <= first <= LATEST_NS]
    if not firsts:
        return 0
    start = datetime.datetime.fromtimestamp(min(firsts) // SECOND_NS, datetime.UTC)
    _, offsets = local([start.replace(tzinfo=None)], options.zone, gathered.note)
    gathered.zone = options.zone
    return int(offsets[0])


def fixed_zone(away: int) -> str:
    """The IANA name of a fixed offset, whose sign is the other way round; UTC for half hours."""
    if away == 0 or away % 60 or away < -12 * 60:
        return "UTC"
    return f"Etc/GMT{-away // 60:+d}"


def _spread(blocks: Times, stamps: Times) -> Times | None:
    """Samples spread evenly from each block's stamp to the next's; None if they do not match.

    A block that lasted unlike the others (a gap follows, or the clock was set) or that is not
    full gets the usual step. Where the clock was set back the library's stamps stay.
    """
    blocks = blocks[np.isin(blocks, stamps)]  # damaged ones may be empty
    if len(blocks) < 3 or (np.diff(blocks) <= 0).any():
        return None
    # a fast sensor's samples reach into the next block, so the stamps themselves may go back
    starts = np.flatnonzero(np.isin(stamps, blocks))
    if starts[0] != 0 or not np.array_equal(stamps[starts], blocks):
        return None
    counts = np.diff(np.append(starts, len(stamps)))
    each = float(np.median(counts))
    lasted = np.diff(blocks).astype(np.float64)
    usual = float(np.median(lasted))
    steady = (np.abs(lasted - usual) <= _USUAL_BLOCK * usual) & (counts[:-1] == each)
    step = np.append(np.where(steady, lasted, usual), usual) / each
    within = np.arange(len(stamps)) - np.repeat(starts, counts)
    return np.repeat(blocks, counts) + np.round(np.repeat(step, counts) * within).astype(np.int64)


def _add(
    gathered: Gathered,
    table: Mapping[str, npt.NDArray[Any]],
    times: Times,
    away: int,
    about: Mapping[str, Mapping[str, str]],
) -> None:
    """The channels of one table, light left aside."""
    if "acceleration" in table:
        limits, rate = _configured(about)
        gathered.stamped(
            "acceleration",
            times,
            table["acceleration"],
            axes=_AXES,
            nominal_rate_hz=rate,
            limits=limits,
        )
    for kind in ("gyroscope", "magnetometer"):
        if kind in table:
            gathered.stamped(kind, times, table[kind], axes=_AXES)
    if "temperature" in table:
        gathered.series("skin_temperature", times, table["temperature"], offset_minutes=away)
    if "capsense" in table:
        worn = np.asarray(table["capsense"], dtype=np.float64)
        gathered.series("worn", times, worn, offset_minutes=away)
    if "button_state" in table:
        down = np.asarray(table["button_state"], dtype=bool)
        pressed = np.flatnonzero(down & ~np.concatenate([[False], down[:-1]]))
        gathered.series(
            "event", times[pressed], np.zeros(len(pressed)), offset_minutes=away, names=("button",)
        )


def _add_light(
    gathered: Gathered, times: Times, light: npt.NDArray[Any], blocks: Times, away: int
) -> None:
    """Light as it is stated, or the mean of each block where every sample bears it."""
    lux = np.asarray(light, dtype=np.float64)
    missing = lux == _NO_LUX
    gathered.note("readings of light without a value, masked", int(missing.sum()), "light")
    lux[missing] = np.nan
    starts = np.searchsorted(times, blocks)
    if len(lux) > 10 * len(blocks) > 0 and (np.diff(starts) > 0).all() and starts[-1] < len(lux):
        sums = np.add.reduceat(lux, starts)
        lux, times = sums / np.diff(np.append(starts, len(lux))), times[starts]
    gathered.series("light", times, lux, offset_minutes=away)


def _configured(
    about: Mapping[str, Mapping[str, str]],
) -> tuple[tuple[float, float] | None, float | None]:
    """Range in g and rate in Hz that the header states."""
    info, axivity = about.get("info", {}), about.get("configuration", {})
    ranges = about.get("Device Capabilities", {}).get("Accelerometer Range", "").split(" to ")
    high = _number(info.get("Acceleration Max") or axivity.get("accelerometer_range_g") or "")
    low = _number(info.get("Acceleration Min", "")) if info else (-high if high else None)
    if len(ranges) == 2:
        low, high = _number(ranges[0]), _number(ranges[1])
    rate = _number(
        info.get("Sample Rate")
        or axivity.get("sample_rate_hz")
        or about.get("Configuration Info", {}).get("Measurement Frequency", "")
    )
    limits = (low, high) if low is not None and high is not None and low < high else None
    return limits, rate if rate and 0 < rate < 10_000 else None


def _number(text: str) -> float | None:
    """The number that a header's text begins with."""
    found = re.match(r"\s*([+-]?\d{1,9}(?:\.\d{1,9})?)", text)
    return float(found[1]) if found else None


GT3X = Format("gt3x", "ActiGraph GT3X", _claim_gt3x, _read, extra=_EXTRA)
GENEACTIV = Format("geneactiv", "GENEActiv BIN", _claim_geneactiv, _read, extra=_EXTRA)
AXIVITY = Format("axivity", "Axivity CWA", _claim_axivity, _read, extra=_EXTRA)
FORMATS = (GT3X, GENEACTIV, AXIVITY)
