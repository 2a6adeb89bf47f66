"""Nothing that a run says is believed: whatever is changed shows, whoever signed it."""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from tests.rounds import runs

from holter.crypto.signature import SigningKey
from holter.privacy.chain import GENESIS, chained, signer
from holter.rounds import record_form
from holter.rounds.recompute import Record, recompute
from holter.simulator import record as records

GARBAGE = (
    b"", b"\0" * 64, b"null", b"[]\n", b"{}\n", b'"text"', b"NaN", b"1e999", b"9" * 5000,
    b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"[[]]\n", b'{"trainings": [], "meant_for": 1}',
)  # fmt: skip
WRONG: tuple[Any, ...] = (None, "x", -1, 0.5, True, 10**30, math.nan, [], {})


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs.make(
        tmp_path_factory.mktemp("recompute") / "sound",
        "simulation.protocol_rounds=1",
        "simulation.dropout=0.1",
        *runs.MODES["adaptive clip"],
    )


@pytest.fixture(scope="module")
def record(sound: Path) -> Record:
    return records.read(records.opened(sound))


@pytest.fixture
def broken(sound: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    return runs.copy(sound, tmp_path / "broken")


def found(record: Record, ledger: bytes) -> tuple[str, ...]:
    return recompute(replace(record, ledger=ledger)).differences


def leaves(tree: Any) -> Iterator[tuple[Any, ...]]:
    return (path for path in runs.nodes(tree) if not isinstance(runs.at(tree, path), dict | list))


def others(value: Any) -> list[Any]:
    """Values as near as can be."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value - 1, value + 1]
    if isinstance(value, float):
        return [math.nextafter(value, -math.inf), math.nextafter(value, math.inf)]
    return [value + "x"] if isinstance(value, str) else [1]


def test_a_sound_run_differs_nowhere_and_its_three_paths_are_in_order(record: Record) -> None:
    account = recompute(record)
    promise = record.promised.guarantee()
    assert account.differences == () and promise is not None and account.privacy_loss is not None
    assert promise.epsilon_exact <= account.privacy_loss * (1 + 1e-6) <= promise.epsilon_renyi


def test_any_byte_of_the_ledger_that_changes_is_noticed(record: Record) -> None:
    for place in range(0, len(record.ledger), 3):  # all of them below, in the long tests
        bad = bytearray(record.ledger)
        bad[place] ^= 1
        assert found(record, bytes(bad)), place


@pytest.mark.long
def test_any_bit_of_the_ledger_that_changes_is_noticed(record: Record) -> None:
    for place in range(len(record.ledger)):
        for flip in (1, 2, 4, 8, 16, 32, 64, 128):
            bad = bytearray(record.ledger)
            bad[place] ^= flip
            assert found(record, bytes(bad)), (place, flip)


def test_lines_that_are_missing_repeated_exchanged_or_cut_are_noticed(record: Record) -> None:
    lines = record.ledger.splitlines(keepends=True)
    for number, line in enumerate(lines):
        assert found(record, b"".join(lines[:number] + lines[number + 1 :]))
        assert found(record, b"".join([*lines[:number], line, *lines[number:]]))
        assert found(record, b"".join(lines[:number]))
    for number in range(len(lines) - 1):
        swapped = [*lines[:number], lines[number + 1], lines[number], *lines[number + 2 :]]
        assert found(record, b"".join(swapped))
    for cut in (1, 2, 100):
        assert found(record, record.ledger[:-cut])
    assert found(record, record.ledger + b"\n") and found(record, b"\n" + record.ledger)


def test_a_null_head_does_not_excuse_a_ledger_that_was_cut(record: Record) -> None:
    for head in (None, "", GENESIS):
        result = runs.put(record.result, ("privacy", "ledger_head"), head)
        lines = record.ledger.splitlines(keepends=True)
        assert recompute(replace(record, result=result, ledger=b"".join(lines[:-1]))).differences
        assert recompute(replace(record, result=result, ledger=b"")).differences
        assert recompute(replace(record, result=result)).differences


def test_a_ledger_signed_by_another_is_noticed_even_if_the_result_names_that_key(
    broken: Path,
) -> None:
    stranger = SigningKey(bytes(32))

    def named(result: Any) -> Any:
        return runs.put(result, ("privacy", "ledger_key"), stranger.public.hex())

    runs.forge(broken, result=named)
    head, lines = GENESIS, []
    for entry in runs.lines_of(broken / "ledger.jsonl"):
        line, head = chained(head, entry, signer(stranger))
        lines.append(line)
    (broken / "ledger.jsonl").write_bytes(b"".join(lines))
    result = runs.put(
        json.loads((broken / "result.json").read_bytes()), ("privacy", "ledger_head"), head
    )
    (broken / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    assert runs.complaints(broken) == ("line 1 of the ledger is not signed by the ledger's key",)


def test_a_forger_with_the_key_of_a_simulation_can_write_the_same_run_again(broken: Path) -> None:
    """The docstring of ``simulator.record`` and points 12 and 13 of the report say so."""
    runs.forge(broken)
    assert runs.complaints(broken) == ()


def test_any_value_of_a_plan_that_changes_is_noticed_even_under_good_signatures(
    sound: Path, broken: Path
) -> None:
    plans = json.loads((sound / "plan.json").read_bytes())
    for path in leaves(plans):
        for other in others(runs.at(plans, path)):
            changed = runs.put(plans, path, other)
            (broken / "plan.json").write_text(json.dumps(changed, indent=1) + "\n")
            assert runs.complaints(broken), path
            if path != ("format",):
                runs.forge(broken)
                assert runs.complaints(broken), path
                (broken / "ledger.jsonl").write_bytes((sound / "ledger.jsonl").read_bytes())
                (broken / "result.json").write_bytes((sound / "result.json").read_bytes())


def test_a_plan_that_is_longer_shorter_or_written_otherwise_is_noticed(
    sound: Path, broken: Path
) -> None:
    plans = json.loads((sound / "plan.json").read_bytes())
    for path in runs.nodes(plans):
        if isinstance(runs.at(plans, path), list):
            here = runs.at(plans, path)
            for other in ([*here, here[-1]], here[:-1], []):
                (broken / "plan.json").write_text(
                    json.dumps(runs.put(plans, path, other), indent=1)
                )
                assert runs.complaints(broken), path
    (broken / "plan.json").write_text(json.dumps(plans))  # the same, on one line
    assert runs.complaints(broken) == ("plan.json is not the one that the ledger names",)


def test_any_value_of_the_result_that_changes_is_noticed_but_its_time(
    sound: Path, broken: Path
) -> None:
    result = json.loads((sound / "result.json").read_bytes())
    some = [path for path in leaves(result) if not {"distribution", "per_class"} & {*path[:-2]}]
    assert len(some) > 100 and ("time", "seconds") in some
    for path in some:
        changed = runs.put(result, path, others(runs.at(result, path))[-1])
        (broken / "result.json").write_text(json.dumps(changed, indent=2) + "\n")
        assert bool(runs.complaints(broken)) == (path != ("time", "seconds")), path


@pytest.mark.long
def test_any_score_that_changes_is_noticed(sound: Path, broken: Path) -> None:
    result = json.loads((sound / "result.json").read_bytes())
    for path in leaves(result["evaluation"]):
        path = ("evaluation", *path)
        changed = runs.put(result, path, others(runs.at(result, path))[-1])
        (broken / "result.json").write_text(json.dumps(changed, indent=2) + "\n")
        assert runs.complaints(broken), path


def test_two_values_under_one_name_are_noticed(sound: Path, broken: Path) -> None:
    text = (sound / "result.json").read_text()
    (broken / "result.json").write_text(text.replace('"mode"', '"mode": "none",\n    "mode"', 1))
    assert "another form" in runs.complaints(broken)[0]


PRIVATE = [
    ("privacy",), ("rounds", "closed"), ("rounds", "asked"), ("rounds", "reported"),
    ("rounds", "dropped"), ("rounds", "abandoned"), ("rounds", "planned"), ("rounds", "stopped"),
    ("study",), ("synthetic",), ("simulation",), ("people", "training"),
    ("secure_aggregation", "server_saw"), ("secure_aggregation", "protocol"),
]  # fmt: skip


def test_what_follows_from_ledger_and_plan_is_noticed_even_under_good_signatures(
    sound: Path, broken: Path
) -> None:
    result = json.loads((sound / "result.json").read_bytes())
    paths = [path for path in leaves(result) if any(path[: len(p)] == p for p in PRIVATE)]
    assert len(paths) > 40
    for path in paths:
        if path[-1] == "ledger_head":  # the forger puts the right one
            continue
        changed = runs.put(result, path, others(runs.at(result, path))[-1])
        runs.forge(broken, result=lambda _, changed=changed: changed)
        assert runs.complaints(broken), path


def test_any_value_of_the_journal_that_changes_is_noticed(sound: Path, broken: Path) -> None:
    told = runs.lines_of(sound / "journal.jsonl")
    for path in leaves(told):
        changed = runs.put(told, path, others(runs.at(told, path))[-1])
        (broken / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in changed))
        assert runs.complaints(broken), path


@pytest.mark.parametrize(
    "name", ["fold", "round", "asked", "reported", "dropped", "outcome", "epsilon"]
)
def test_a_round_that_the_journal_tells_otherwise_is_noticed_under_good_signatures(
    broken: Path, name: str
) -> None:
    def other(told: Any) -> Any:
        return runs.put(told, (2, name), "abandoned" if name == "outcome" else told[2][name] + 1)

    runs.forge(broken, journal=other)
    assert any("journal" in line for line in runs.complaints(broken))


@pytest.mark.parametrize(
    "name", ["asked", "reported", "round", "most_participations", "most_spent_rho_units"]
)
def test_a_count_of_the_ledger_that_changes_is_noticed_under_good_signatures(
    broken: Path, name: str
) -> None:
    runs.forge(broken, ledger=lambda entries: runs.put(entries, (2, name), entries[2][name] + 1))
    assert runs.complaints(broken)


def test_a_sum_opened_below_the_floor_is_noticed_in_ledger_journal_and_result_alike(
    broken: Path,
) -> None:
    def ledger(entries: Any) -> Any:
        return runs.put(entries, (2, "reported"), 3)

    def journal(told: Any) -> Any:
        return runs.put(runs.put(told, (2, "reported"), 3), (2, "dropped"), told[2]["asked"] - 3)

    runs.forge(broken, ledger=ledger, journal=journal)
    assert any("opened with 3 survivors, 8 are the floor" in one for one in runs.complaints(broken))


def test_fewer_participations_than_were_asked_for_are_noticed(broken: Path) -> None:
    """Four rounds of ten among thirty people: somebody took part twice, whatever the ledger says."""

    def ledger(entries: Any) -> Any:
        for entry in entries[1:]:
            entry["most_spent_rho_units"] //= entry["most_participations"]
            entry["most_participations"] = 1
        return entries

    runs.forge(broken, ledger=ledger)
    assert any("more than 1 times" in line for line in runs.complaints(broken))


def test_any_change_of_the_study_is_noticed(sound: Path, broken: Path) -> None:
    text = (sound / "study.toml").read_bytes()
    for place in range(0, len(text), 29):
        changed = bytearray(text)
        changed[place] ^= 1
        (broken / "study.toml").write_bytes(changed)
        assert runs.complaints(broken), place
    (broken / "study.toml").write_bytes(text + b"\n")
    assert "study.toml is not the one that the ledger names" in runs.complaints(broken)


def test_any_change_of_the_model_is_noticed(sound: Path, broken: Path) -> None:
    data = (sound / "model.safetensors").read_bytes()
    for place in range(0, len(data), 11):
        changed = bytearray(data)
        changed[place] ^= 1
        (broken / "model.safetensors").write_bytes(changed)
        assert runs.complaints(broken), place


def test_the_plan_of_a_fleet_is_derived_again(tmp_path: Path) -> None:
    run = runs.make(tmp_path / "fleet", *runs.MODES["what-if"])
    assert runs.complaints(run) == ()
    plans = json.loads((run / "plan.json").read_bytes())
    noise = ("meant_for", "noise_multiplier")
    less = runs.put(plans, noise, runs.at(plans, noise) / 2)
    for changed in (less, runs.put(plans, ("meant_for",), None)):
        runs.forge(run, plans=lambda _, changed=changed: changed)
        assert any("fleet" in line for line in runs.complaints(run))


@pytest.mark.parametrize("name", runs.FILES)
def test_garbage_in_a_file_ends_as_a_sentence_that_names_it(broken: Path, name: str) -> None:
    for garbage in GARBAGE:
        (broken / name).write_bytes(garbage)
        complaint = runs.complaints(broken)
        assert complaint, garbage
        assert name.split(".")[0] in complaint[0] and "\n" not in complaint[0]
        assert len(complaint[0]) < 500
    (broken / name).unlink()
    (broken / name).mkdir()
    assert name in runs.complaints(broken)[0]


def test_wrong_types_under_good_signatures_end_as_sentences(broken: Path) -> None:
    """Of every field that is read: of the ledger, the journal and the result."""
    entries = runs.lines_of(broken / "ledger.jsonl")
    told = runs.lines_of(broken / "journal.jsonl")
    for number in (0, 1, len(entries) - 1):
        for name in set(entries[number]) - {"previous", "signature"}:
            for wrong in WRONG[:1] + WRONG[5:6] if number else WRONG:
                if wrong is not math.nan:  # no ledger's line can hold it
                    runs.forge(
                        broken, ledger=lambda e, n=number, k=name, w=wrong: runs.put(e, (n, k), w)
                    )
                    assert runs.complaints(broken), (number, name, wrong)
    runs.forge(broken, ledger=lambda _: entries)
    for name in record_form.JOURNAL_LINES["round"]:
        for wrong in WRONG:
            runs.forge(broken, journal=lambda _, k=name, w=wrong: runs.put(told, (2, k), w))
            runs.complaints(broken)  # null may stand where null can; nothing is raised


@pytest.mark.long
def test_any_part_of_a_result_may_be_anything_under_good_signatures(
    sound: Path, broken: Path
) -> None:
    """What is accepted is also reported: nothing but Incomplete and Unreadable is ever raised."""
    from holter.rounds import privacy_report

    result = json.loads((sound / "result.json").read_bytes())
    parts = [p for p in runs.nodes(result) if "distribution" not in p and "per_class" not in p]
    for path in parts:
        for wrong in WRONG:
            changed = runs.put(result, path, wrong)
            runs.forge(broken, result=lambda _, changed=changed: changed)
            try:
                record = records.read(records.opened(broken))
            except records.Unreadable:
                continue
            account = recompute(record)
            if not account.differences:
                try:
                    privacy_report.build(record, account, audit=None, code_digest="c")
                except privacy_report.Incomplete:
                    pass


@pytest.mark.long
def test_any_number_of_a_study_may_be_anything_under_good_signatures(
    sound: Path, broken: Path
) -> None:
    """It ends as sentences, and soon: nothing is computed on a plan that the study does not give."""
    study = tomllib.loads((sound / "study.toml").read_text())
    extremes = (0, 1, 10**5, 2**63 - 1, 10**25, 5e-324, 1e-12, 1e12, 1.7e308)
    for path in leaves(study):
        number = runs.at(study, path)
        if type(number) not in (int, float) or path == ("study", "seed"):
            continue
        for extreme in extremes:
            text = tomli_w.dumps(runs.put(study, path, extreme)).encode()
            (broken / "study.toml").write_bytes(text)
            digest = hashlib.sha256(text).hexdigest()
            runs.forge(broken, result=lambda r, d=digest: runs.put(r, ("study", "digest"), d))
            if extreme != number:
                assert runs.complaints(broken), (path, extreme)
