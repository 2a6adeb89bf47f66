"""The text of a study.toml and its values: everything a user may say, in one place.

Each table is a frozen dataclass; each key is a field with its default, its limits and one
line about it. ``docs/study.md`` and ``holter init`` are written from these same lines, so
they cannot drift. Unknown keys are errors that name the nearest known one.

No file is opened here: text in, values out.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import operator
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args, get_type_hints

from holter.signals.tasks import TASKS


class StudyError(ValueError):
    """Something in a study that its author can mend; the message says what and how."""


def key(
    default: Any = dataclasses.MISSING,
    about: str = "",
    *,
    choices: Sequence[str] | None = None,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
) -> Any:
    """A key of a table: default (none means it must be given), limits, one line about it."""
    limits = {"about": about, "choices": choices, "least": least, "most": most, "above": above}
    if default == {}:
        return field(default_factory=dict, metadata=limits)
    return field(default=default, metadata=limits)


@dataclass(frozen=True)
class StudyTable:
    """What the study is called and what it learns."""

    name: str = key(about="what this study is called in reports")
    task: str = key(about="what is learnt; `holter tasks` lists the names")
    seed: int = key(1, "every draw of a simulation follows from it", least=0)


@dataclass(frozen=True)
class SignalTable:
    """One array of an npz file that is part of a window; several are set side by side."""

    array: str = key(
        about="array of an npz file: windows x samples, or windows x channels x samples"
    )
    scale: float = key(1.0, "multiplies the stored numbers, to get units such as g, mV or bpm")
    offset: float = key(0.0, "added after scaling")
    kind: str = key(
        "signal",
        "signal: samples in time; features: one number a channel",
        choices=("signal", "features"),
    )
    channels: tuple[int, ...] = key((), "of a three-dimensional array, only these channels")
    samples: int | None = key(
        None, "bring windows to this many samples by pooling or holding", least=1
    )
    pool: str = key("mean", "how samples are pooled", choices=("mean", "std"))


@dataclass(frozen=True)
class DataTable:
    """Whose recordings, how they are stored, what the labels mean, what gaps there are."""

    source: str = key(
        "synthetic", "where recordings come from", choices=("synthetic", "npz", "csv", "parquet")
    )
    path: str | None = key(None, "file, relative to the data root (--data or HOLTER_DATA)")
    people: int = key(1000, "synthetic people to make", least=4)
    windows: int = key(40, "windows of each synthetic person", least=4)
    person: str = key("person", "array or column that says whose window it is")
    label: str = key("label", "array or column with the label")
    time: str | None = key(
        None, "array or column with seconds; without it the file's order is time"
    )
    signals: tuple[SignalTable, ...] = key((), "arrays that make up a window, as [[data.signals]]")
    columns: tuple[str, ...] = key((), "csv and parquet: feature columns, one window a row")
    label_names: str | None = key(None, "array with the names of whole-number labels")
    labels: Mapping[str, tuple[int | str, ...]] = key(
        {}, "class name = raw labels merged into it; the order is the order of classes"
    )
    leave_out: tuple[int | str, ...] = key((), "raw labels whose windows are dropped")
    leave_out_people: tuple[int | str, ...] = key((), "people whose windows are dropped")
    extra: tuple[str, ...] = key((), "inputs computed on the device; `holter tasks` lists them")
    context: tuple[int, ...] = key(
        (), "offsets in windows, both ways, whose means are extra inputs"
    )
    rr: str = key("rr", "array of preceding and following beat intervals, for extra rr-ratios")
    normalise: str = key(
        "none",
        "scale each channel: not at all, by the person's own windows "
        "(no labels), or both forms side by side",
        choices=("none", "person", "both"),
    )
    missing: str = key(
        "error",
        "NaN and missing_values: refuse, put the person's mean, or mask",
        choices=("error", "person-mean", "mask"),
    )
    missing_values: tuple[float, ...] = key((), "stored numbers that mean «not measured»")


@dataclass(frozen=True)
class ModelTable:
    """Which network, and its sizes."""

    name: str = key("spectral", "softmax, mlp, spectral, mixer, cnn, or package.module:build")
    hidden: int = key(24, "width of the hidden layer or layers", least=1, most=4096)
    depth: int = key(2, "mixing or convolution layers", least=1, most=12)
    patch: int = key(16, "mixer: samples in one patch", least=1)
    bands: int = key(10, "spectral: frequency bands a channel", least=1, most=64)


@dataclass(frozen=True)
class TrainingTable:
    """What a device does in a round, and what the server does with the mean."""

    rounds: int = key(40, "how often a cohort is asked", least=1, most=100_000)
    clients_per_round: int = key(100, "clients that a round wants", least=2)
    local_steps: int | None = key(None, "gradient steps on a device in a round", least=1)
    local_epochs: int | None = key(
        None, "instead of local_steps: passes over the device's windows", least=1
    )
    batch_size: int = key(32, "windows in a step", least=1)
    learning_rate: float = key(0.1, "of the device's optimiser", above=0)
    optimiser: str = key(
        "sgd", "on the device, with fresh state each round", choices=("sgd", "momentum", "adam")
    )
    decay: str = key(
        "none", "of the device's learning rate over the rounds", choices=("none", "cosine")
    )
    class_weights: float = key(
        0.0,
        "rare classes count more: weight = frequency to minus this power, computed on the device",
        least=0,
        most=1,
    )
    label_smoothing: float = key(
        0.0, "share of each label spread over all classes", least=0, most=0.5
    )
    server_optimiser: str = key(
        "average", "how the mean update is applied", choices=("average", "momentum", "adam")
    )
    server_learning_rate: float = key(1.0, "step of the server's optimiser", above=0)
    server_momentum: float = key(0.9, "of momentum and adam", least=0, most=0.9999)
    average_last: float = key(
        0.0,
        "the model is the mean over this last share of rounds (0: the last round's)",
        least=0,
        most=1,
    )


@dataclass(frozen=True)
class CohortTable:
    """Who is asked, how often, and how few may survive."""

    selection: str = key("random", "how a round's cohort is drawn", choices=("random",))
    over_selection: float = key(1.0, "ask this many times clients_per_round", least=1, most=4)
    survivors_floor: int | None = key(
        None,
        "fewest survivors a sum is opened for, and what the noise is sized for "
        "(default: 80 % of clients_per_round, and what the threshold needs)",
        least=2,
    )
    max_participations: int | None = key(
        None, "rounds one device may take part in (default: what the rounds need)", least=1
    )
    min_separation: int = key(1, "rounds between two participations of a device", least=1)


@dataclass(frozen=True)
class AggregationTable:
    """How contributions become a sum."""

    protocol: str = key("secagg", "how contributions are summed", choices=("secagg",))


@dataclass(frozen=True)
class PrivacyTable:
    """What is promised, to whom, and the bound on one update."""

    mode: str = key(
        "distributed",
        "distributed: each device adds its share of the noise; none: NOT PRIVATE",
        choices=("distributed", "none"),
    )
    epsilon: float | None = key(None, "target for the whole study", above=0)
    noise_multiplier: float | None = key(
        None, "instead of epsilon: noise on the sum over the clip", above=0
    )
    delta: float = key(1e-6, "chance that the bound fails", above=0, most=0.1)
    clip: float = key(1.0, "L2 bound of one update", above=0)
    bound: str = key(
        "normalise",
        "bring every non-zero update to the clip, or only longer ones",
        choices=("normalise", "clip"),
    )
    colluders: int | None = key(
        None,
        "corrupt clients a round is sized to bear (default: 5 % of clients_per_round)",
        least=0,
    )


@dataclass(frozen=True)
class CompressionTable:
    """How much of an update is sent."""

    method: str = key(
        "none",
        "none, or subset: the same random share of coordinates for a whole round",
        choices=("none", "subset"),
    )
    share: float = key(1.0, "subset: share of coordinates sent", above=0, most=1)


@dataclass(frozen=True)
class PersonalisationTable:
    """How the global model is fitted to a person."""

    method: str = key(
        "fine-tune",
        "fit the global model to each new person's earlier windows",
        choices=("fine-tune", "none"),
    )
    steps: int = key(30, "gradient steps", least=1)
    learning_rate: float | None = key(None, "default: that of training", above=0)


@dataclass(frozen=True)
class EvaluationTable:
    """Who is new, which windows come later, and what is compared."""

    folds: int | None = key(
        None, "instead of a share: every person is new once, in this many trainings", least=2
    )
    share: float = key(0.25, "share of people who are new: never trained on", above=0, most=0.9)
    every: int = key(5, "rounds between evaluations during training", least=1)
    later_split: str = key(
        "per-class",
        "earlier and later windows of a person: by time within each class, or by time alone",
        choices=("per-class", "time"),
    )
    earlier_share: float = key(
        0.5, "share of a person's windows used for fitting", above=0, most=0.95
    )
    gap_windows: int = key(1, "windows left out at each seam between earlier and later", least=0)
    local_steps: int = key(200, "steps of the local-only comparison, from the first model", least=1)
    local_optimiser: str | None = key(
        None,
        "of the local-only comparison (default: that of training)",
        choices=("sgd", "momentum", "adam"),
    )
    local_learning_rate: float | None = key(
        None, "of the local-only comparison (default: that of training)", above=0
    )


@dataclass(frozen=True)
class SimulationTable:
    """How the simulated world behaves; a fleet ignores this table."""

    availability: float = key(1.0, "share of asked devices that answer at all", above=0, most=1)
    dropout: float = key(
        0.0, "share of those who answered that vanish before the round ends", least=0, most=0.9
    )
    protocol_rounds: int = key(
        1,
        "rounds carried through the full protocol, message by message; "
        "the others add the same integers directly",
        least=0,
    )
    workers: int = key(2, "processes that train", least=1, most=256)


TABLES: dict[str, type] = {
    "study": StudyTable, "data": DataTable, "model": ModelTable, "training": TrainingTable,
    "cohort": CohortTable, "aggregation": AggregationTable, "privacy": PrivacyTable,
    "compression": CompressionTable, "personalisation": PersonalisationTable,
    "evaluation": EvaluationTable, "simulation": SimulationTable,
}  # fmt: skip

PLANNED = {
    "privacy.meant_for": "what-if for a larger population",
    "schedule": "a schedule for real devices",
    "cohort.strata": "stratified selection",
}  # keys of the design that this version does not have; asking for one says so


@dataclass(frozen=True)
class Study:
    """A whole study, checked. ``Study.parse`` is the only way in."""

    study: StudyTable
    data: DataTable = DataTable()
    model: ModelTable = ModelTable()
    training: TrainingTable = TrainingTable()
    cohort: CohortTable = CohortTable()
    aggregation: AggregationTable = AggregationTable()
    privacy: PrivacyTable = PrivacyTable()
    compression: CompressionTable = CompressionTable()
    personalisation: PersonalisationTable = PersonalisationTable()
    evaluation: EvaluationTable = EvaluationTable()
    simulation: SimulationTable = SimulationTable()

    @classmethod
    def parse(cls, text: str, overrides: Sequence[str] = ()) -> Study:
        """TOML text and ``table.key=value`` overrides -> a checked study. Raises StudyError."""
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise StudyError(f"the study is not valid TOML: {error}") from None
        for override in overrides:
            _override(tables, override)
        return cls.of(tables)

    @classmethod
    def of(cls, tables: Mapping[str, Any]) -> Study:
        """Nested mappings, as TOML gives them -> a checked study. Raises StudyError."""
        for name in tables:
            if name not in TABLES:
                raise _unknown("table", name, name, TABLES)
        if "study" not in tables:
            raise StudyError("the study has no [study] table; it needs name and task")
        parts: dict[str, Any] = {}
        for name, table in TABLES.items():
            given = tables.get(name, {})
            if not isinstance(given, Mapping):
                raise StudyError(f"{name} must be a table: write [{name}]")
            parts[name] = _table(table, given, name)
        study = cls(**parts)
        _check_together(study)
        return study

    def tables(self) -> dict[str, dict[str, Any]]:
        """Every key with its value, defaults included, as TOML can hold it."""
        return {name: _plain(getattr(self, name)) for name in TABLES}


def _check_together(study: Study) -> None:
    """Rules that hold between keys."""
    training, privacy, data = study.training, study.privacy, study.data
    if study.study.task not in TASKS:
        raise _unknown("task", f"study.task = {study.study.task!r}", study.study.task, TASKS)
    if training.local_steps is not None and training.local_epochs is not None:
        raise StudyError("training: give local_steps or local_epochs, not both")
    if privacy.epsilon is not None and privacy.noise_multiplier is not None:
        raise StudyError("privacy: give epsilon or noise_multiplier, not both; the other follows")
    if privacy.mode == "distributed" and privacy.epsilon is privacy.noise_multiplier is None:
        raise StudyError(
            "privacy.mode is distributed: give privacy.epsilon or "
            'privacy.noise_multiplier (or mode = "none", which is NOT PRIVATE)'
        )
    if data.source != "synthetic" and not data.path:
        raise StudyError(f"data.source is {data.source}: data.path must name the file")
    if data.source == "npz" and not data.signals:
        raise StudyError("data.source is npz: name the arrays of a window under [[data.signals]]")
    if data.source in ("csv", "parquet") and not data.columns:
        raise StudyError(f"data.source is {data.source}: name the feature columns in data.columns")
    if study.compression.method == "none" and study.compression.share != 1.0:
        raise StudyError('compression.share needs compression.method = "subset"')


_T = TypeVar("_T")


def _table(table: type[_T], given: Mapping[str, Any], path: str) -> _T:
    fields = {f.name: f for f in dataclasses.fields(table)}  # type: ignore[arg-type]
    hints = get_type_hints(table)
    for name in given:
        if name not in fields:
            raise _unknown("key", f"{path}.{name}", name, fields)
    values = {}
    for name, entry in fields.items():
        where = f"{path}.{name}"
        if name not in given:
            if entry.default is entry.default_factory is dataclasses.MISSING:
                raise StudyError(f"{where} is missing: {entry.metadata['about']}")
            continue
        values[name] = _limited(_typed(given[name], hints[name], where), entry.metadata, where)
    return table(**values)


def _unknown(kind: str, where: str, name: str, known: Mapping[str, Any]) -> StudyError:
    if where in PLANNED:
        return StudyError(f"{where} ({PLANNED[where]}) is not built yet")
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else "known: " + ", ".join(sorted(known))
    return StudyError(f"unknown {kind} {where}; {hint}")


def _typed(value: Any, hint: Any, where: str) -> Any:
    """The value as its field's type, or StudyError. bool is not an int here."""
    options = [option for option in get_args(hint) if option is not type(None)]
    if type(None) in get_args(hint):
        hint = options[0]
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise StudyError(f"{where} must be a finite number")
        return float(value)
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if hint is str and isinstance(value, str):
        return value
    if where == "data.signals" and isinstance(value, list):
        return tuple(_table(SignalTable, _mapping(item, where), where) for item in value)
    if where == "data.labels" and isinstance(value, Mapping):
        return {name: _raw_labels(raw, f"{where}.{name}") for name, raw in value.items()}
    if where in ("data.leave_out", "data.leave_out_people"):
        return _raw_labels(value, where)
    if isinstance(value, list) and str(hint).startswith("tuple"):
        inner = get_args(hint)[0]
        return tuple(_typed(item, inner, where) for item in value)
    wanted = {int: "a whole number", float: "a number", str: "text"}.get(hint, "a list or table")
    raise StudyError(f"{where} must be {wanted}, not {value!r}")


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise StudyError(f"{where} must be written as [[{where}]] tables")
    return value


def _raw_labels(value: Any, where: str) -> tuple[int | str, ...]:
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, bool) or not isinstance(item, int | str) for item in items):
        raise StudyError(f"{where} must list whole numbers or text, as they stand in the file")
    return tuple(items)


def _limited(value: Any, limits: Mapping[str, Any], where: str) -> Any:
    if limits["choices"] and value is not None and value not in limits["choices"]:
        near = difflib.get_close_matches(str(value), limits["choices"], n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        raise StudyError(
            f"{where} = {value!r} is not known; {hint}it is one of: " + ", ".join(limits["choices"])
        )
    for bound, holds, word in (
        ("least", operator.ge, "at least"),
        ("most", operator.le, "at most"),
        ("above", operator.gt, "above"),
    ):
        given = value is not None and limits[bound] is not None
        if given and not holds(value, limits[bound]):
            raise StudyError(f"{where} = {value} must be {word} {limits[bound]:g}")
    return value


def _override(tables: dict[str, Any], override: str) -> None:
    path, equals, raw = override.partition("=")
    parts = path.strip().split(".")
    if not equals or len(parts) != 2 or not all(parts):
        raise StudyError(f"--set {override!r} must read table.key=value")
    try:
        value = tomllib.loads(f"value = {raw.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        value = raw.strip()  # bare words are text, so that --set privacy.mode=none works
    table = tables.setdefault(parts[0], {})
    if not isinstance(table, dict):
        raise StudyError(f"{parts[0]} must be a table")
    # The two ways of saying the same thing replace one another.
    for one, other in (("epsilon", "noise_multiplier"), ("local_steps", "local_epochs")):
        if parts[1] in (one, other):
            table.pop(one, None), table.pop(other, None)
    table[parts[1]] = value


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {name: _plain(item) for name, item in pairs if item is not None}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return value
