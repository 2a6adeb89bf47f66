"""The tables of a study.toml: every key with its default, its limits and one line about it.

Each table is a frozen dataclass; each key is a field. ``docs/study.md`` and ``holter init`` are
written from these same lines, so they cannot drift. ``study`` turns text into these values.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class StudyError(ValueError):
    """Something in a study that its author can mend; the message says what and how."""


def key(
    default: Any = dataclasses.MISSING,
    about: str = "",
    *,
    choices: Sequence[str | int] | None = None,
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
        "synthetic",
        "where windows come from: synthetic people, a table of windows, or recordings that the "
        "task cuts (exports of devices and apps, or stores that `holter data import` made)",
        choices=("synthetic", "npz", "csv", "parquet", "recordings"),
    )
    path: str | None = key(
        None,
        "file, or folder of recordings with a folder or a store for each person, relative to the "
        "data root (--data or HOLTER_DATA)",
    )
    people: int = key(1000, "synthetic people to make", least=4)
    windows: int = key(40, "windows of each synthetic person", least=4)
    label_skew: float = key(
        1.0,
        "synthetic: how much people differ in what they do (activity, and tasks of your own)",
        above=0,
        most=1000,
    )
    device_shift: float = key(
        1.0, "synthetic: how much devices differ and err; 0: all are ideal", least=0, most=10
    )
    label_noise: float = key(
        0.0,
        "synthetic: share of labels that are replaced by another one (not in wellbeing, whose "
        "labels follow from the tables)",
        least=0,
        most=1,
    )
    zone: str | None = key(
        None, "recordings: IANA zone of wall-clock times that do not say of where"
    )
    mapping: str | None = key(
        None, "recordings: file with the words about your own tables, relative to the data root"
    )
    window_seconds: float | None = key(
        None, "what a window stands for in time, for rates an hour (default: the task's)", above=0
    )
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
        (), "offsets in windows, both ways, whose mean, spread and roughness are extra inputs"
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
        "NaN and missing_values: refuse, put the person's median, or mask",
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
    min_separation: int | None = key(
        None,
        "rounds between two participations of a device (default: 1; with correlated noise, what "
        "the people allow)",
        least=1,
    )


@dataclass(frozen=True)
class AggregationTable:
    """How contributions become a sum."""

    protocol: str = key(
        "secagg",
        "secagg: five messages, one server; one-upload: one message, a leader and helpers; "
        "plain: NOT SECURE, the server sees every contribution (simulation only)",
        choices=("secagg", "one-upload", "plain"),
    )
    helpers: int = key(
        1,
        "one-upload: 1, or 4 of which one may be corrupt or silent",
        choices=(1, 4),
    )
    seal: str = key(
        "x25519",
        "one-upload: how seeds are sealed for helpers; the hybrid also resists quantum "
        "computers (experimental)",
        choices=("x25519", "ml-kem-768-x25519"),
    )


@dataclass(frozen=True)
class MeantForTable:
    """The fleet that a what-if is about: its noise, scaled to the few people of the study."""

    population: int = key(about="people of the fleet", least=4)
    clients_per_round: int = key(about="clients a round of the fleet wants", least=2)


@dataclass(frozen=True)
class PrivacyTable:
    """What is promised, to whom, and the bound on one update."""

    mode: str = key(
        "distributed",
        "distributed: each device adds its share of the noise, against the server; central: the "
        "server adds correlated noise, against those who see models (one-upload with one helper: "
        "helper and leader each add all of it); local: each device adds all it needs; "
        "none: NOT PRIVATE",
        choices=("distributed", "central", "local", "none"),
    )
    epsilon: float | None = key(None, "target for the whole study", above=0)
    noise_multiplier: float | None = key(
        None, "instead of epsilon: noise on the sum over the clip", above=0
    )
    stop_at_epsilon: float | None = key(
        None, "training ends, with the last model, before any device would pass this", above=0
    )
    earlier_rho: float = key(
        0.0, "rho that the same people spent in earlier studies; stop_at_epsilon counts it", least=0
    )
    delta: float = key(1e-6, "chance that the bound fails", above=0, most=0.1)
    clip: float = key(1.0, "L2 bound of one update; where it adapts, the first", above=0)
    bound: str = key(
        "normalise",
        "bring every non-zero update to the clip, or only longer ones",
        choices=("normalise", "clip"),
    )
    clipping: str = key(
        "fixed",
        "whether the clip follows a quantile of the updates' norms from round to round",
        choices=("fixed", "adaptive"),
    )
    clip_quantile: float = key(
        0.5, "adaptive: share of clients whose update is to stay below the clip", above=0, most=0.99
    )
    clip_rate: float = key(0.2, "adaptive: how fast the clip follows", above=0, most=1)
    metrics_share: float = key(
        0.0,
        "share of each charge that pays for accuracy and loss on the clients' own windows",
        least=0,
        most=0.5,
    )
    colluders: int | None = key(
        None,
        "corrupt clients a round is sized to bear (default: 5 % of clients_per_round)",
        least=0,
    )
    meant_for: MeantForTable | None = key(  # noqa: RUF009  (a field, as all keys are)
        None, "what-if: `[privacy.meant_for]` with `population` and `clients_per_round` of a fleet"
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
    bits: int = key(
        32,
        "without noise: bits of one entry of an update; with noise the grid follows from it",
        choices=(8, 32),
    )
    largest: float = key(
        0.5, "8 bits: largest entry of an update, larger ones are clamped to it", above=0
    )


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
    split: str = key(
        "people",
        "people are split, never windows; random-windows-that-leak exists to show what a random "
        "split measures, and every output says so",
        choices=("people", "random-windows-that-leak"),
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
    "schedule": "a schedule for real devices",
    "cohort.strata": "stratified selection",
}  # keys of the design that this version does not have; asking for one says so
