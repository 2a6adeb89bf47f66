"""Columns -> people: whose windows, which label, in which order, with gaps as NaN.

This is where a file meets the study's words. Every disagreement is a DataError that names
cause and remedy; nothing is guessed and no window is dropped unasked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from holter.signals.columns import Columns
from holter.signals.errors import DataError

RawLabel = int | str


@dataclass(frozen=True)
class Signal:
    """One array of a window: how it is stored and what units it gets (value * scale + offset)."""

    array: str
    kind: str
    channels: tuple[int, ...]
    scale: float
    offset: float
    samples: int | None
    pool: str


@dataclass(frozen=True)
class Mapped:
    """The study's words about a file."""

    signals: tuple[Signal, ...]
    columns: tuple[str, ...]
    person: str
    label: str
    label_names: str | None
    time: str | None
    labels: Mapping[str, tuple[RawLabel, ...]]
    leave_out: tuple[RawLabel, ...]
    leave_out_people: tuple[RawLabel, ...]
    missing: str
    missing_values: tuple[float, ...]
    rr: str | None


@dataclass(frozen=True)
class Recorded:
    """One person's windows as recorded, in order of time; gaps are NaN.

    x: shape (n, channels, samples), float32. y: (n,), int64. seconds: (n,), float64, since
    the first window. rr: (n, 2), float32, seconds, or None. given: (n, k), float32, inputs
    that came with the windows. name: only for messages to whoever holds the file. begin_ns: UTC
    of the first window, where it was cut from a recording; it never leaves the device.
    """

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.int64]
    seconds: npt.NDArray[np.float64]
    rr: npt.NDArray[np.float32] | None
    given: npt.NDArray[np.float32]
    strata: Mapping[str, str] = field(default_factory=dict)
    name: str = field(default="", repr=False)
    begin_ns: int = field(default=0, repr=False)

    def take(self, rows: npt.NDArray[np.int64]) -> Recorded:
        """The windows of these rows, in their order; times still count from the first of all."""
        return replace(
            self,
            x=self.x[rows],
            y=self.y[rows],
            seconds=self.seconds[rows],
            rr=None if self.rr is None else self.rr[rows],
            given=self.given[rows],
        )


def regrouped(
    found: Sequence[Recorded],
    classes: tuple[str, ...],
    labels: Mapping[str, tuple[RawLabel, ...]],
    leave_out: tuple[RawLabel, ...],
    *,
    one_class: bool = False,
) -> tuple[list[Recorded], tuple[str, ...]]:
    """A task's windows under the study's words: classes merged and left out. Raises DataError.

    With neither, everyone stays as cut. Who has no window left is gone. one_class: windows of a
    single class will do, as for a test on other people; nothing could be learnt from them.
    """
    dropped = set(_text(leave_out))
    mapping = labels or {c: (c,) for c in classes if c not in dropped}
    merged = {raw: i for i, raws in enumerate(mapping.values()) for raw in _text(raws)}
    _check_words(classes, labels, set(merged), dropped)
    table = np.array([-1 if c in dropped else merged[c] for c in classes], dtype=np.int64)
    kept = list(found)
    if labels or leave_out:
        rows = [np.flatnonzero(table[person.y] >= 0) for person in found]
        kept = [
            replace(person.take(mine), y=table[person.y[mine]])
            for person, mine in zip(found, rows, strict=True)
            if len(mine)
        ]
    if not kept:
        raise DataError("data.leave_out leaves no window of anyone")
    if not one_class:
        _check_classes(kept, tuple(mapping), named=False)
    return kept, tuple(mapping)


def _check_words(
    classes: tuple[str, ...],
    labels: Mapping[str, tuple[RawLabel, ...]],
    merged: set[str],
    dropped: set[str],
) -> None:
    """The study's words against a task's classes. Raises DataError."""
    there = f"it has: {', '.join(classes)}"
    for key, words in (("labels", merged), ("leave_out", dropped)):
        unknown = sorted(words - set(classes))
        if unknown:
            raise DataError(f"data.{key} names {', '.join(unknown)}, no class of the task; {there}")
    missed = [name for name in classes if name not in merged | dropped]
    if missed:
        raise DataError(
            f"data.labels misses the task's classes {', '.join(missed)}; {there}; map them or "
            "name them in data.leave_out"
        )
    named = [raw for raws in labels.values() for raw in set(_text(raws))]
    if len(named) > len(merged):
        raise DataError("data.labels puts one class of the task into two of its own")
    if len(labels) == 1:
        raise DataError("data.labels names one class only; at least two are needed")
    if len(classes) - len(dropped) == 1:
        raise DataError("data.leave_out leaves one class only; at least two are needed")


def people(columns: Columns, how: Mapped) -> tuple[list[Recorded], tuple[str, ...]]:
    """Everyone in the file, in the order of their names, and the class names."""
    owner = _named(_column(columns, how.person), how.person)
    if owner.ndim != 1 or not len(owner):
        raise DataError(f"array {how.person} must hold one person a window")
    count = len(owner)
    raw_label = _named(_rows(_column(columns, how.label), how.label, count, 1), how.label)
    x = _windows(columns, how, count)
    rr = None
    if how.rr is not None:
        intervals = _rows(_column(columns, how.rr), how.rr, count, 2)
        rr = _numbers(intervals, how.rr).astype(np.float32)
        if rr.shape[1] != 2:
            raise DataError(f"array {how.rr} must be windows x 2: intervals before and after")
    seconds = np.zeros(count)
    if how.time is not None:
        seconds = _numbers(_rows(_column(columns, how.time), how.time, count, 1), how.time)
        if not np.isfinite(seconds).all():
            raise DataError(
                f"array {how.time} has missing times; without data.time the order counts"
            )
    y, classes = _labels(raw_label, columns, how)
    absent = np.isin(owner.astype(str), _text(how.leave_out_people))
    keep = (y >= 0) & ~absent
    _check_gaps(x, rr, owner, keep, how)
    found = []
    for name in np.unique(owner[~absent]):
        rows = np.flatnonzero(keep & (owner == name))
        if not len(rows):
            raise DataError(
                f"person {name} has no windows left: name the person in data.leave_out_people, "
                "or leave out fewer labels"
            )
        rows = rows[np.argsort(seconds[rows], kind="stable")]
        found.append(
            Recorded(
                x[rows],
                y[rows],
                seconds[rows] - seconds[rows[0]],
                None if rr is None else rr[rows],
                np.zeros((len(rows), 0), dtype=np.float32),
                name=str(name),
            )
        )
    _check_classes(found, classes, named=bool(how.labels))
    return found, classes


def _text(values: Sequence[RawLabel]) -> list[str]:
    return [str(value) for value in values]


def _column(columns: Columns, name: str) -> npt.NDArray[Any]:
    if name not in columns:
        raise DataError(
            f"the file has no array or column {name!r}; it has: " + ", ".join(sorted(columns))
        )
    return columns[name]


def _rows(array: npt.NDArray[Any], name: str, count: int, dimensions: int) -> npt.NDArray[Any]:
    if array.ndim != dimensions or len(array) != count:
        raise DataError(
            f"array {name} has shape {array.shape}; {count} windows"
            f"{' and one more dimension' if dimensions == 2 else ''} are expected"
        )
    return array


def _named(array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """Labels or people as whole numbers or text. A missing one is refused, not given a name."""
    if array.dtype.kind == "O":
        if any(item is None or item != item for item in array.reshape(-1)):
            raise DataError(f"array {name} has empty entries; every window needs one")
        return array.astype(str)
    if array.dtype.kind == "f":
        if not np.all(np.isfinite(array)) or np.any(array != np.round(array)):
            raise DataError(f"array {name} holds numbers that are no whole numbers")
        return array.astype(np.int64)
    return array


def _numbers(array: npt.NDArray[Any], name: str) -> npt.NDArray[np.float64]:
    if array.dtype.kind not in "iufb":
        raise DataError(f"array {name} holds {array.dtype}, not numbers")
    return array.astype(np.float64)


def _windows(columns: Columns, how: Mapped, count: int) -> npt.NDArray[np.float32]:
    if how.columns:
        parts = [_rows(_column(columns, name), name, count, 1) for name in how.columns]
        texts = [n for n, part in zip(how.columns, parts, strict=True) if part.dtype.kind in "USO"]
        if texts:
            raise DataError(f"column {texts[0]} holds text; a feature column holds numbers")
        stored = np.stack([part.astype(np.float64) for part in parts], axis=1)
        return _without(stored, how.missing_values)[:, :, np.newaxis]
    parts3 = [_signal(columns, signal, how, count) for signal in how.signals]
    lengths = {part.shape[2] for part in parts3}
    if len(lengths) > 1:
        shown = ", ".join(
            f"{s.array}: {p.shape[2]}" for s, p in zip(how.signals, parts3, strict=True)
        )
        raise DataError(f"the signals have unequal samples ({shown}); set samples in each")
    return np.concatenate(parts3, axis=1)


def _signal(columns: Columns, signal: Signal, how: Mapped, count: int) -> npt.NDArray[np.float32]:
    stored = _column(columns, signal.array)
    if stored.dtype != np.float32 and stored.dtype.itemsize > 2:
        stored = _numbers(
            stored, signal.array
        )  # small integers and float32 need no room of 64 bits
    elif stored.dtype.kind not in "iufb":
        raise DataError(f"array {signal.array} holds {stored.dtype}, not numbers")
    if stored.ndim not in (2, 3) or len(stored) != count:
        raise DataError(
            f"array {signal.array} has shape {stored.shape}; {count} windows x samples, or "
            "x channels x samples, are expected"
        )
    if signal.channels:
        if stored.ndim != 3 or max(signal.channels) >= stored.shape[1]:
            raise DataError(f"array {signal.array} of shape {stored.shape} lacks those channels")
        stored = stored[:, list(signal.channels)]
    values = _without(stored, how.missing_values)
    values = values * np.float32(signal.scale) + np.float32(signal.offset)
    if values.ndim == 2:
        values = values[:, :, np.newaxis] if signal.kind == "features" else values[:, np.newaxis]
    return _resampled(values, signal)


def _without(
    values: npt.NDArray[Any], missing_values: tuple[float, ...]
) -> npt.NDArray[np.float32]:
    """Stored numbers that mean «not measured», and what no float32 holds, become NaN."""
    gaps = ~(np.abs(values) < np.finfo(np.float32).max)
    for number in missing_values:
        gaps |= values == number
    return np.where(gaps, np.nan, values).astype(np.float32)


def _resampled(values: npt.NDArray[np.float32], signal: Signal) -> npt.NDArray[np.float32]:
    """Whole-number pooling down or holding up; anything else is refused, not approximated."""
    have, want = values.shape[2], signal.samples
    if want is None or want == have:
        return values
    if have % want == 0:
        groups = values.reshape(*values.shape[:2], want, have // want)
        pooled = groups.mean(axis=3) if signal.pool == "mean" else groups.std(axis=3)
        result: npt.NDArray[np.float32] = pooled.astype(np.float32)
        return result
    if want % have == 0:
        return np.repeat(values, want // have, axis=2)
    raise DataError(
        f"array {signal.array} has {have} samples a window, which is no multiple or part of {want}"
    )


def _labels(
    raw: npt.NDArray[Any], columns: Columns, how: Mapped
) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Class numbers (-1: left out) and class names."""
    text = raw.astype(str)
    if how.label_names is not None:
        names = _column(columns, how.label_names).astype(str)
        if raw.dtype.kind not in "iu" or raw.min() < 0 or raw.max() >= len(names):
            raise DataError(f"array {how.label} does not number the {len(names)} label names")
        text = names[raw]
    mapping = how.labels or {str(name): (str(name),) for name in np.unique(text)}
    classes = tuple(mapping)
    y = np.full(len(text), -2, dtype=np.int64)
    for number, merged in enumerate(mapping.values()):
        y[np.isin(text, _text(merged))] = number
    y[np.isin(text, _text(how.leave_out))] = -1
    if np.any(y == -2):
        missed, counts = np.unique(text[y == -2], return_counts=True)
        shown = ", ".join(f"{m} ({c} windows)" for m, c in zip(missed[:5], counts[:5], strict=True))
        raise DataError(
            f"data.labels misses labels that occur: {shown}; map them or name them in "
            "data.leave_out"
        )
    return y, classes


def _check_gaps(
    x: npt.NDArray[np.float32],
    rr: npt.NDArray[np.float32] | None,
    owner: npt.NDArray[Any],
    keep: npt.NDArray[np.bool_],
    how: Mapped,
) -> None:
    if how.missing != "error":
        return
    gaps = np.isnan(x).any(axis=(1, 2))
    if rr is not None:
        gaps |= ~np.isfinite(rr).all(axis=1)
    gaps &= keep
    if not gaps.any():
        return
    whose, counts = np.unique(owner[gaps], return_counts=True)
    shown = ", ".join(f"{w} ({c})" for w, c in zip(whose[:5], counts[:5], strict=True))
    more = f" and {len(whose) - 5} more people" if len(whose) > 5 else ""
    raise DataError(
        f"{int(gaps.sum())} windows hold missing or infinite samples, of person {shown}{more}; "
        "set data.missing to person-mean or mask, or mend the file"
    )


def _check_classes(found: Sequence[Recorded], classes: tuple[str, ...], *, named: bool) -> None:
    if named and len(classes) < 2:
        raise DataError("data.labels names one class only; at least two are needed")
    present = {int(label) for person in found for label in np.unique(person.y)}
    if len(present) < 2:
        raise DataError("the data hold one class only; there is nothing to tell apart")
