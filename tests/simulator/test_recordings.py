"""Studies on recordings: exports and stores of several people, cut by the task, split by person."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import holter
from holter.cli.calls import UserError
from holter.cli.show import screen
from holter.device.store import Store
from holter.rounds.study import Study
from holter.rounds.tables import StudyError
from holter.signals.errors import DataError
from holter.signals.gathering import Gathered
from holter.signals.kinds import SLEEP_STAGES
from holter.signals.prepare import Recorded
from holter.signals.recording import SECOND_NS, Recording
from holter.signals.splits import earlier_and_later
from holter.signals.tasks import task_of
from holter.signals.tasks.fall_alarm import FallAlarm
from holter.simulator import arms
from holter.simulator.people import People, leaking, load
from holter.simulator.run import check
from holter.simulator.wearers import recording

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.toml"))
NIGHTS = """
[study]
name = "nights"
task = "sleep-stages"
[data]
source = "recordings"
path = "nights"
missing = "mask"
normalise = "person"
[model]
name = "softmax"
[training]
rounds = 2
clients_per_round = 3
local_steps = 2
[privacy]
mode = "none"
[evaluation]
local_steps = 2
[simulation]
workers = 1
"""
SMALL = (
    "data.people=24", "data.windows=12", "training.rounds=2", "training.clients_per_round=8",
    "evaluation.folds=2", "evaluation.local_steps=2", "personalisation.steps=2",
    "simulation.workers=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five people's synthetic nights, each in the store of a device, under ``nights``."""
    root = tmp_path_factory.mktemp("data")
    (root / "nights").mkdir()
    for index in range(5):
        made = recording(
            3, index, session="night", hours=3.0, channels=("heart_rate", "sleep_stage")
        )
        with Store.create(root / "nights" / f"person-{index}.store") as store:
            store.add([made], minute=0)
    (root / "nights" / "README.txt").write_text("beside the data")
    return root


def _study(tmp_path: Path, text: str, *changes: tuple[str, str]) -> Path:
    for one, other in changes:
        text = text.replace(one, other)
    path = tmp_path / "study.toml"
    path.write_text(text)
    return path


def test_a_study_runs_on_the_stores_of_devices(nights: Path, tmp_path: Path) -> None:
    run = holter.simulate(_study(tmp_path, NIGHTS), tmp_path / "run", data=nights)
    assert run.result["people"]["total"] == 5
    assert run.result["classes"] == ["wake", "NREM", "REM"]
    assert run.result["synthetic"] is True  # they are, and their source says so
    assert run.evaluation["alarm"] is None


def test_classes_of_a_task_are_merged_by_the_studys_words(nights: Path, tmp_path: Path) -> None:
    words = '[data]\nlabels = { wake = ["wake"], sleep = ["NREM", "REM"] }'
    run = holter.simulate(
        _study(tmp_path, NIGHTS, ("[data]", words)), tmp_path / "run", data=nights
    )
    assert run.result["classes"] == ["wake", "sleep"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ([("sleep-stages", "heartbeat")], "finds windows of 0 people .* no ecg \\(5\\)"),
        ([('missing = "mask"', 'missing = "error"')], "windows have gaps: set data.missing"),
        ([('path = "nights"', 'path = "days"')], "no file or folder"),
        ([('path = "nights"', 'path = "nights/README.txt"')], "no recording that holter reads"),
        ([("[data]", '[data]\nleave_out = ["REM", "NREM", "wake"]')], "leaves no window"),
        ([("[data]", '[data]\nlabels = { wake = ["wake"] }')], "misses the task's classes NREM"),
        ([("[data]", '[data]\nleave_out = ["rem"]')], "leave_out names rem, no class of the task"),
        ([("[data]", '[data]\nleave_out = ["REM", "NREM"]')], "leaves one class only"),
        ([("[data]", '[data]\nlabels = { all = ["REM", "NREM", "wake"] }')], "one class only"),
        ([("[data]", '[data]\nmapping = "none.toml"')], "data.mapping = 'none.toml' cannot be"),
        ([("sleep-stages", "nowhere:Task")], "cannot be loaded"),
    ],
)
def test_recordings_that_do_not_fit_the_study_are_refused_before_anything_is_written(
    nights: Path, tmp_path: Path, changes: Sequence[tuple[str, str]], says: str
) -> None:
    study = _study(tmp_path, NIGHTS, *changes)
    with pytest.raises(UserError, match=says) as caught:
        holter.simulate(study, tmp_path / "run", data=nights)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_who_is_left_out_by_name_is_not_in_the_study(nights: Path, tmp_path: Path) -> None:
    run = holter.simulate(
        _study(tmp_path, NIGHTS), tmp_path / "run", data=nights,
        overrides=["data.leave_out_people=['person-1']"],
    )  # fmt: skip
    assert run.result["people"]["total"] == 4


def test_people_whose_names_are_numbers_are_left_out_by_number(
    nights: Path, tmp_path: Path
) -> None:
    (tmp_path / "nights").mkdir()
    for index in range(5):
        store = (nights / "nights" / f"person-{index}.store").read_bytes()
        (tmp_path / "nights" / f"{101 + index}.store").write_bytes(store)
    text = NIGHTS.replace("[data]", "[data]\nleave_out_people = [101]")
    run = holter.simulate(_study(tmp_path, text), tmp_path / "run", data=tmp_path)
    assert run.result["people"]["total"] == 4


def test_what_is_in_no_window_is_counted_in_the_result_the_screen_and_the_report(
    nights: Path, tmp_path: Path
) -> None:
    for index, channels in ((6, ("heart_rate",)), (7, ("acceleration", "sleep_stage"))):
        made = recording(3, index, session="night", hours=0.5, channels=channels)
        with Store.create(tmp_path / f"more-{index}.store") as store:
            store.add([made], minute=0)
    for path in (nights / "nights").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    text = NIGHTS.replace('path = "nights"', 'path = "."')
    run = holter.simulate(_study(tmp_path, text), tmp_path / "run", data=tmp_path)
    people = run.result["people"]
    assert (people["total"], people["without_windows"]) == (5, 2)
    assert people["left_out"] == [
        {"why": "no heart_rate", "count": 1},
        {"why": "the recording has no labels: no channel sleep_stage", "count": 1},
    ]
    console = Console(file=io.StringIO(), width=80)
    screen(console, run)
    assert isinstance(console.file, io.StringIO)
    (line,) = [
        one for one in console.file.getvalue().splitlines() if one.startswith("left out: no heart")
    ]
    assert line.endswith("no channel sleep_stage (1); 2 people without any window")
    assert "no heart_rate (1)" in run.report.read_text()


BEGIN = 1_700_000_000 * SECOND_NS
EPOCH = 30 * SECOND_NS


def _night(device: str, seed: int, begin_ns: int = BEGIN, epochs: int = 240) -> Recording:
    """A night of one person as one device saw it; stages drawn anew each epoch, as a coin falls."""
    body, error = np.random.default_rng(seed), np.random.default_rng(len(device))
    time = begin_ns + np.arange(epochs * 6) * (EPOCH // 6)
    start = begin_ns + np.arange(epochs) * EPOCH
    rate = 60 + 15 * body.normal(size=len(time)) + error.normal(size=len(time))
    stage = body.choice([SLEEP_STAGES.index(s) for s in ("wake", "light", "REM")], size=epochs)
    made = Gathered(device, zone="UTC")
    made.series("heart_rate", time, rate)
    made.series(
        "sleep_stage", start, stage.astype(float), until_ns=start + EPOCH, names=SLEEP_STAGES
    )
    return made.recording()


def _people(found: Sequence[tuple[str, Recording]], text: str = NIGHTS) -> People:
    return load(Study.parse(text), Path(), read_recordings=lambda *_: found)


def _remembered(y: np.ndarray, x: np.ndarray) -> float:
    """Share of later windows whose label is that of the most similar earlier window."""
    earlier, later = earlier_and_later(y, earlier_share=0.5, gap=20, per_class=False)
    x = np.nan_to_num(x)
    apart = ((x[later, None] - x[None, earlier]) ** 2).sum(axis=(2, 3))
    return float(np.mean(y[earlier][apart.argmin(axis=1)] == y[later]))


def test_a_night_of_two_devices_is_one_night_and_nothing_is_remembered_of_it() -> None:
    both = [(who, _night(device, seed)) for who, seed in (("anna", 1), ("ben", 2))
            for device in ("watch", "a ring")]  # fmt: skip
    people = _people(both)
    assert [len(person.y) for person in people.recorded] == [len(_cut(1)), len(_cut(2))]
    assert people.left_out == (
        ("windows at a time that another recording of the person covers", 2 * 240),
    )
    twice = [task_of("sleep-stages").cut(made) for who, made in both if who == "anna"]
    leak = _remembered(np.concatenate([t.y for t in twice]), np.concatenate([t.x for t in twice]))
    assert leak > 0.9  # what it would be, one after the other
    assert _remembered(people.recorded[0].y, people.recorded[0].x) < 0.45


def _cut(seed: int) -> np.ndarray:
    return task_of("sleep-stages").cut(_night("watch", seed)).y


@pytest.mark.parametrize("late_ns", [0, EPOCH // 3, 100 * EPOCH, -100 * EPOCH - 7, 500 * EPOCH])
def test_recordings_are_joined_by_time_in_whatever_order_they_are_read(late_ns: int) -> None:
    parts = [
        _night("watch", 1), _night("a ring", 1, BEGIN + late_ns, 200),
        _night("band", 3, BEGIN + 2000 * EPOCH, 200),
    ]  # fmt: skip
    other = ("ben", _night("watch", 2))
    found = [
        _people([*(("anna", part) for part in order), other])
        for order in (parts, parts[::-1], [parts[1], parts[2], parts[0]])
    ]
    one = found[0].recorded[0]
    moment = one.begin_ns + np.rint(one.seconds * SECOND_NS).astype(np.int64)
    assert one.seconds[0] == 0.0 and np.diff(moment).min() >= EPOCH
    whole = [task_of("sleep-stages").cut(part) for part in parts]
    assert moment[0] == min(part.begin_ns for part in whole[: 2 if late_ns < 0 else 1])
    assert len(one.y) + sum(n for _, n in found[0].left_out) == sum(len(p.y) for p in whole)
    for again in found[1:]:
        assert again.left_out == found[0].left_out
        for name in ("x", "y", "seconds", "given", "begin_ns"):
            same = np.array_equal(
                getattr(one, name), getattr(again.recorded[0], name), equal_nan=True
            )
            assert same, name


class Timeless(FallAlarm):
    """A task of the user's own that says nothing of when, and has a third class."""

    classes = ("daily", "fall", "stumble")

    def cut(self, recording: Recording) -> Recorded:
        return replace(super().cut(recording), begin_ns=0)


OWN = NIGHTS.replace("sleep-stages", "tests.simulator.test_recordings:Timeless")


def _falls(index: int) -> Recording:
    return recording(
        3, index, session="falls", hours=0.1, channels=("acceleration", "activity")
    )  # fmt: skip


def test_recordings_without_a_time_are_not_joined_by_guessing() -> None:
    assert len(_people([("a", _falls(0)), ("b", _falls(1))], OWN).recorded) == 2
    with pytest.raises(DataError, match="does not say when the windows"):
        _people([("a", _falls(0)), ("a", _falls(1)), ("b", _falls(2))], OWN)


@pytest.mark.parametrize(
    ("source", "words", "classes", "event"),
    [
        ("recordings", "", ("daily", "fall"), 1),
        ("recordings", 'labels = { Fall = ["fall"], rest = ["daily"] }', ("Fall", "rest"), 0),
        ("recordings", 'labels = { fall = ["daily"], x = ["fall"] }', ("fall", "x"), 1),
        ("recordings", 'labels = { a = ["daily"], b = ["s"] }\nleave_out = ["fall"]', ("a", "b"),
         None),
        ("npz", "labels = { Fall = [1], fall = [0] }", ("Fall", "fall"), 1),
        ("npz", "labels = { a = [1], b = [0] }", ("a", "b"), None),
        ("synthetic", 'labels = { a = ["fall"], b = ["daily"] }', ("daily", "fall"), 1),
    ],
)  # fmt: skip
def test_the_class_that_alarms_is_found_under_the_studys_name_for_it(
    source: str, words: str, classes: tuple[str, ...], event: int | None
) -> None:
    text = NIGHTS.replace("sleep-stages", "fall-alarm").replace('"recordings"', f'"{source}"')
    signals = '[[data.signals]]\narray = "x"\n[model]' if source == "npz" else "[model]"
    text = text.replace("[data]", f"[data]\n{words}").replace("[model]", signals)
    assert arms.event_of(Study.parse(text), classes) == event


def test_an_alarm_whose_class_is_merged_is_refused_before_anything_runs() -> None:
    words = '[data]\nlabels = { rest = ["daily"], any = ["fall", "stumble"] }'
    text = OWN.replace("[data]", words)
    people = _people([(str(index), _falls(index)) for index in range(4)], text)
    assert people.classes == ("rest", "any")
    with pytest.raises(
        StudyError, match=r"class fall is merged with others into data\.labels\.any"
    ):
        check(Study.parse(text), people)


def test_words_may_not_leave_fewer_people_than_a_study_needs() -> None:
    awake = _night("watch", 1)
    stage = awake.channels["sleep_stage"]
    always = {**awake.channels, "sleep_stage": replace(stage, value=np.zeros_like(stage.value))}
    found = [("anna", replace(awake, channels=always)), ("ben", _night("watch", 2))]
    assert SLEEP_STAGES[0] == "wake"
    assert len(_people(found).recorded) == 2
    text = NIGHTS.replace("[data]", '[data]\nleave_out = ["wake"]')
    with pytest.raises(DataError, match="leaves windows of 1 people, and 2 or more"):
        _people(found, text)
    assert _people([*found, ("carl", _night("watch", 3))], text).without_windows == 1
    with pytest.raises(DataError, match="hold one class only"):
        _people([found[0], ("dora", found[0][1])])
    others = load(Study.parse(NIGHTS), Path(), Path("x"), lambda *_: found[:1])
    assert set(others.recorded[0].y.tolist()) == {0}  # a test on one calm night is a test


@pytest.mark.recordings
def test_the_daily_tables_of_33_people_are_cut_into_weeks(data_root: Path, tmp_path: Path) -> None:
    study = next(path for path in STUDIES if path.stem == "fitbit_fitabase")
    run = holter.simulate(
        study, tmp_path / "run", data=data_root,
        overrides=["training.rounds=2", "evaluation.folds=2", "evaluation.local_steps=2",
                   "personalisation.steps=2", "simulation.workers=1"],
    )  # fmt: skip
    assert run.result["people"]["total"] == 32  # one wore it for four days
    assert run.evaluation["new_people"]["windows"] > 550
    assert run.result["synthetic"] is False


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_committed_study_runs_on_synthetic_people_too(path: Path, tmp_path: Path) -> None:
    run = holter.simulate(path, tmp_path / "run", overrides=["data.source=synthetic", *SMALL])
    assert run.result["synthetic"] is True
    alarm = run.evaluation["alarm"]
    assert (alarm is not None) == (run.result["study"]["task"] == "fall-alarm")


def test_an_alarm_counts_falls_and_hours_of_daily_life(tmp_path: Path) -> None:
    study = next(path for path in STUDIES if path.stem == "sisfall_alarm")
    run = holter.simulate(study, tmp_path / "run", overrides=["data.source=synthetic", *SMALL])
    people = load(Study.parse(study.read_text(), ["data.source=synthetic", *SMALL]), Path())
    y = np.concatenate([person.y for person in people.recorded])
    for level in run.evaluation["alarm"]:
        assert level["events"] == int((y == 1).sum())
        assert level["hours"] == pytest.approx(int((y == 0).sum()) * 2.56 / 3600)
    missed = [level["missed"] for level in run.evaluation["alarm"]]
    assert missed == sorted(missed)


LEAK = """
[study]
name = "leak"
task = "activity"
[data]
source = "npz"
path = "who.npz"
labels = { one = [0], other = [1] }
[[data.signals]]
array = "x"
[model]
name = "mlp"
hidden = 32
[training]
rounds = 40
clients_per_round = 10
local_steps = 10
optimiser = "adam"
learning_rate = 0.01
[privacy]
mode = "none"
[personalisation]
method = "none"
[evaluation]
local_steps = 2
share = 0.5
[simulation]
workers = 1
"""


def test_a_random_split_measures_memory_and_every_output_says_so(tmp_path: Path) -> None:
    """What each person does in either class is drawn anew: only memory can tell the two apart."""
    dice = np.random.default_rng(5)
    who, label = np.repeat(np.arange(40), 12), np.tile([0, 1], 240)
    habit = dice.normal(size=(40, 2, 1, 32))
    x = (habit[who, label] + 0.05 * dice.normal(size=(480, 1, 32))).astype(np.float32)
    np.savez(tmp_path / "who.npz", x=x, person=who, label=label)
    study = _study(tmp_path, LEAK)
    honest = holter.simulate(study, tmp_path / "honest", data=tmp_path)
    leaking = holter.simulate(
        study, tmp_path / "leaking", data=tmp_path,
        overrides=["evaluation.split=random-windows-that-leak"],
    )  # fmt: skip
    assert honest.evaluation["new_people"]["accuracy"] < 0.7
    assert leaking.evaluation["new_people"]["accuracy"] > 0.8
    assert honest.result["split"] == "people"
    assert leaking.result["split"] == "random-windows-that-leak"
    assert leaking.result["people"]["training"] == leaking.result["people"]["total"] == 40
    assert "LEAKING SPLIT" in leaking.report.read_text()
    assert "LEAKING SPLIT" not in honest.report.read_text()


def test_people_with_too_few_windows_for_a_random_split_are_trained_on_only(
    tmp_path: Path,
) -> None:
    dice = np.random.default_rng(5)
    who = np.concatenate([np.repeat(np.arange(8), 6), np.arange(8, 16)])
    label = np.arange(len(who)) % 2
    x = dice.normal(size=(len(who), 1, 32)).astype(np.float32)
    np.savez(tmp_path / "who.npz", x=x, person=who, label=label)
    study = _study(tmp_path, LEAK, ("rounds = 40", "rounds = 2"))
    words = ["evaluation.split=random-windows-that-leak", "training.clients_per_round=4"]
    run = holter.simulate(study, tmp_path / "run", data=tmp_path, overrides=words)
    assert run.result["people"]["training"] == run.result["people"]["total"] == 16
    assert run.result["people"]["new"] == run.evaluation["new_people"]["people"] == 8
    journal = (tmp_path / "run" / "journal.jsonl").read_text()
    lines = [json.loads(line) for line in journal.splitlines()]
    accuracies = [line["accuracy"] for line in lines if line["event"] == "round"]
    assert "NaN" not in journal and accuracies[-1] is not None
    people = load(Study.parse(study.read_text()), tmp_path)
    with pytest.raises(DataError, match="nobody has enough windows to test on 50%"):
        leaking(replace(people, recorded=people.recorded[8:]), 0.5, 1)


@pytest.mark.parametrize("asked", ["random", "windows", "random-windows"])
def test_a_random_split_is_refused_by_any_other_name(tmp_path: Path, asked: str) -> None:
    with pytest.raises(UserError, match="random-windows-that-leak"):
        holter.simulate(
            _study(tmp_path, LEAK), tmp_path / "run", overrides=[f"evaluation.split={asked}"]
        )


@pytest.mark.recordings
def test_what_was_learnt_from_synthetic_nights_is_tested_on_real_ones(
    data_root: Path, tmp_path: Path
) -> None:
    study = next(path for path in STUDIES if path.stem == "walch_sleep")
    run = holter.simulate(study, tmp_path / "run", overrides=["data.source=synthetic", *SMALL])
    found = holter.evaluate(run, data_root / "format_samples" / "walch_text")
    assert found["new_people"]["people"] == 4
    assert 3_000 < found["new_people"]["windows"] < 4_000
    with pytest.raises(UserError, match="finds windows of 0 people"):
        holter.evaluate(run, data_root / "format_samples" / "fitbit_csv")
