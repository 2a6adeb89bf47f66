"""The text of a study.toml and its values: everything a user may say, checked in one place.

The keys themselves stand in ``tables``. Unknown keys are errors that name the nearest known one.
No file is opened here: text in, values out.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import operator
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_type_hints

from holter.rounds.tables import (
    PLANNED,
    TABLES,
    AggregationTable,
    CohortTable,
    CompressionTable,
    DataTable,
    EvaluationTable,
    MeantForTable,
    ModelTable,
    PersonalisationTable,
    PrivacyTable,
    SignalTable,
    SimulationTable,
    StudyError,
    StudyTable,
    TrainingTable,
)
from holter.signals.tasks import TASKS


@dataclass(frozen=True)
class Study:
    """A whole study, checked. ``Study.parse`` is the only way in."""

    study: StudyTable
    data: DataTable
    model: ModelTable
    training: TrainingTable
    cohort: CohortTable
    aggregation: AggregationTable
    privacy: PrivacyTable
    compression: CompressionTable
    personalisation: PersonalisationTable
    evaluation: EvaluationTable
    simulation: SimulationTable

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
    if study.study.task not in TASKS and ":" not in study.study.task:
        raise _unknown("task", f"study.task = {study.study.task!r}", study.study.task, TASKS)
    if training.local_steps is not None and training.local_epochs is not None:
        raise StudyError("training: give local_steps or local_epochs, not both")
    if privacy.epsilon is not None and privacy.noise_multiplier is not None:
        raise StudyError("privacy: give epsilon or noise_multiplier, not both; the other follows")
    if privacy.mode != "none" and privacy.epsilon is privacy.noise_multiplier is None:
        raise StudyError(
            f"privacy.mode is {privacy.mode}: give privacy.epsilon or "
            'privacy.noise_multiplier (or mode = "none", which is NOT PRIVATE)'
        )
    _check_privacy(study)
    _check_protocol(study)
    _check_split(study)
    if data.source != "synthetic" and not data.path:
        raise StudyError(f"data.source is {data.source}: data.path must name the file")
    if data.source == "npz" and not data.signals:
        raise StudyError("data.source is npz: name the arrays of a window under [[data.signals]]")
    if data.source in ("csv", "parquet") and not data.columns:
        raise StudyError(f"data.source is {data.source}: name the feature columns in data.columns")
    if study.compression.method == "none" and study.compression.share != 1.0:
        raise StudyError('compression.share needs compression.method = "subset"')


def _check_split(study: Study) -> None:
    """Random windows are no test of new people, so they cannot be new in turn either."""
    if study.evaluation.split != "people" and study.evaluation.folds is not None:
        raise StudyError(
            "evaluation.folds makes every person new once; with random windows nobody is new: "
            "leave it out"
        )


def _check_privacy(study: Study) -> None:
    """What each mode of privacy can and cannot carry."""
    privacy = study.privacy
    extras = [
        name
        for name, asked in (
            ("stop_at_epsilon", privacy.stop_at_epsilon is not None),
            ("earlier_rho", privacy.earlier_rho > 0),
            ("metrics_share", privacy.metrics_share > 0),
            ("meant_for", privacy.meant_for is not None),
        )
        if asked
    ]
    if privacy.mode == "none" and extras:
        raise StudyError(
            f'privacy.{extras[0]} means nothing with privacy.mode = "none": leave it out, or '
            "choose a mode"
        )
    counted = privacy.stop_at_epsilon is not None or privacy.earlier_rho > 0
    if privacy.meant_for is not None and counted:
        raise StudyError(
            "privacy.stop_at_epsilon and privacy.earlier_rho are for runs whose own people are "
            "counted: leave them out of a what-if"
        )
    if privacy.clipping == "adaptive":
        if privacy.mode != "distributed":
            raise StudyError(
                'privacy.clipping = "adaptive" is for privacy.mode = "distributed": under '
                "correlated noise a clip that changes would change what earlier rounds promised, "
                "and under local noise nobody could read the quantile"
            )
        if privacy.bound != "clip":
            raise StudyError(
                'privacy.clipping = "adaptive" needs privacy.bound = "clip": normalised updates '
                "all have the clip's length, so there is no quantile to follow"
            )


def _check_protocol(study: Study) -> None:
    """What each way of summing can and cannot carry."""
    aggregation, mode = study.aggregation, study.privacy.mode
    if aggregation.protocol == "plain" and mode != "none":
        raise StudyError(
            'aggregation.protocol = "plain" shows the server every contribution, so no noise '
            "share protects anyone: use secagg or one-upload (simulation.protocol_rounds = 0 adds "
            'the same integers as fast), or privacy.mode = "none"'
        )
    single = aggregation.protocol == "one-upload" and aggregation.helpers == 1
    if mode == "central" and aggregation.protocol == "one-upload" and not single:
        raise StudyError(
            'privacy.mode = "central" needs aggregation.protocol = "secagg", or "one-upload" with '
            "helpers = 1, where helper and leader each add all of the noise; with four helpers "
            "their sums could not be compared"
        )
    if study.compression.bits == 8 and mode != "none":
        raise StudyError(
            'compression.bits = 8 is for privacy.mode = "none"; with noise the narrowest lane '
            "that holds it is chosen already"
        )


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
    if where == "privacy.meant_for" and isinstance(value, Mapping):
        return _table(MeantForTable, value, where)
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
        near = difflib.get_close_matches(
            str(value), [str(c) for c in limits["choices"]], n=1, cutoff=0.5
        )
        hint = f"did you mean {near[0]}? " if near else ""
        raise StudyError(
            f"{where} = {value!r} is not known; {hint}it is one of: "
            + ", ".join(map(str, limits["choices"]))
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
