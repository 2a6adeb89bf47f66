"""Fourteen points or none; what is written is what was recomputed, never rounded in our favour."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.conftest import ROOT
from tests.rounds import runs

from holter.privacy.guarantee import Guarantee
from holter.rounds import privacy_report
from holter.rounds.privacy_report import TITLES, Incomplete, Point, PrivacyReport
from holter.rounds.recompute import Record, recompute
from holter.simulator import record as records

SCHEMA = json.loads((ROOT / "docs" / "privacy-report.schema.json").read_text(encoding="utf-8"))
AUDIT = {"findings": [{"name": "noise scale", "passed": True, "what": "1.00 of what is promised"}]}
Report = Callable[..., PrivacyReport]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Record]:
    """The record of a run of one mode, made once."""
    folder, found = tmp_path_factory.mktemp("reports"), dict[str, Record]()

    def make(mode: str) -> Record:
        if mode not in found:
            run = runs.make(folder / mode.replace(" ", "-"), *runs.MODES[mode])
            found[mode] = records.read(records.opened(run))
        return found[mode]

    return make


@pytest.fixture
def report(made: Callable[[str], Record]) -> Report:
    def build(mode: str = "distributed", audit: Any = None) -> PrivacyReport:
        record = made(mode)
        account = recompute(record)
        assert account.differences == ()
        return privacy_report.build(record, account, audit=audit, code_digest="c0de")

    return build


def fact(report: PrivacyReport, number: int, name: str) -> str:
    return dict(report.points[number - 1].facts)[name]


def with_point(report: PrivacyReport, number: int, **changes: Any) -> PrivacyReport:
    points = list(report.points)
    points[number - 1] = replace(points[number - 1], **changes)
    return replace(report, points=tuple(points))


@pytest.mark.parametrize("mode", ["distributed", "what-if", "folds", "local beyond the library"])
def test_the_json_form_keeps_to_its_schema(report: Report, mode: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    facts = json.loads(json.dumps(report(mode, AUDIT).facts(), allow_nan=False))
    jsonschema.validate(facts, SCHEMA)
    assert [(p["number"], p["title"]) for p in facts["points"]] == list(enumerate(TITLES, start=1))


@pytest.mark.parametrize(
    "path, value",
    [
        (("more",), 1),
        (("promise", "more"), 1),
        (("points", 0, "more"), 1),
        (("points", 3, "title"), "Audit"),
        (("points", 3, "number"), 5),
        (("points", 3, "facts", "epsilon"), " "),
        (("points", 2, "facts", "adjacency"), 1),
        (("promise", "assumptions"), []),
        (("promise", "method"), "moments"),
        (("banners",), []),
    ],
)
def test_the_schema_refuses_what_no_report_says(
    report: Report, path: tuple[Any, ...], value: Any
) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(runs.put(report().facts(), path, value), SCHEMA)


def test_a_report_without_one_of_its_points_or_in_another_order_is_not_built(
    report: Report,
) -> None:
    whole = report()
    for number in range(14):
        with pytest.raises(Incomplete, match="fourteen"):
            replace(whole, points=whole.points[:number] + whole.points[number + 1 :])
    with pytest.raises(Incomplete, match="order"):
        replace(whole, points=(whole.points[1], whole.points[0], *whole.points[2:]))


def test_a_report_with_a_blank_a_lost_or_an_empty_point_is_not_built(report: Report) -> None:
    whole = report()
    for point in whole.points:
        for name, _ in point.facts:
            blank = tuple((n, " " if n == name else value) for n, value in point.facts)
            with pytest.raises(Incomplete, match="missing"):
                with_point(whole, TITLES.index(point.title) + 1, facts=blank)
    with pytest.raises(Incomplete, match="everything is missing"):
        with_point(whole, 3, facts=(), words=())
    with pytest.raises(Incomplete, match="sentence"):
        with_point(whole, 3, words=("\n",))
    with pytest.raises(Incomplete, match="bear one name"):
        with_point(whole, 3, facts=(("adjacency", "zero-out"), ("adjacency", "replace")))


def test_a_report_without_assumptions_banners_or_a_finite_epsilon_is_not_built(
    report: Report,
) -> None:
    whole = report()
    endless = replace(whole.promise, epsilon=float("inf"), epsilon_renyi=float("inf"))
    for lacking in ({"banners": ()}, {"banners": (" ",)}, {"promise": endless}):
        with pytest.raises(Incomplete):
            replace(whole, **lacking)


@pytest.mark.parametrize("assumptions", [(), ("",), ("a server that is honest", " ")])
def test_a_promise_without_its_assumptions_does_not_exist(
    report: Report, assumptions: tuple[str, ...]
) -> None:
    promise = report().promise
    with pytest.raises(ValueError, match="assumptions"):
        Guarantee(**{**vars(promise), "assumptions": assumptions})
    for name in ("unit", "adjacency", "adversary"):
        with pytest.raises(ValueError, match="names its"):
            Guarantee(**{**vars(promise), name: " "})


def test_nothing_that_was_promised_at_most_is_written_smaller_than_it_is(report: Report) -> None:
    for mode in ("distributed", "central by secagg", "what-if"):
        found = report(mode)
        promise = found.promise
        assert promise.epsilon <= float(fact(found, 4, "epsilon")) < promise.epsilon + 1.1e-4
        assert float(fact(found, 4, "rho (zero-concentrated)")) == promise.rho


def test_the_key_facts_of_a_small_run(report: Report) -> None:
    found = report()
    assert found.study == "small"
    assert found.banners[0] == "SYNTHETIC PEOPLE: the recordings were made by a program."
    assert found.banners[1].startswith("SIMULATION: nobody is protected by this run;")
    for number, name, value in (
        (1, "mode", "distributed"),
        (1, "holds against", "honest-but-curious server"),
        (2, "rounds it takes part in, at most", "2"),
        (3, "adjacency", "zero-out"),
        (4, "rho (zero-concentrated)", f"{found.promise.rho:.9f}"),
        (5, "noise multiplier", "0.5 on the sum, over the clip"),
        (6, "method of the reported epsilon", "Renyi conversion"),
        (6, "amplification by sampling", "none is claimed"),
        (7, "covered", "updates"),
        (8, "spent before, in other tasks of this population", "none"),
        (9, "rounds planned / held / closed", "4 / 4 / 4"),
        (9, "participations of the device asked most / allowed", "2 / 2"),
        (9, "stopped early", "no"),
        (12, "source", "simulated: every draw follows from the study's seed"),
    ):
        assert fact(found, number, name) == value
    assert all(f"Assumed: {one}." in found.points[0].words for one in found.promise.assumptions)
    assert "can sign another ledger" in found.points[11].words[0]
    assert "as the run wrote them" in found.points[10].words[0]


def test_identification_names_every_file_by_what_it_holds(
    report: Report, made: Callable[[str], Record]
) -> None:
    found, record = report("what-if"), made("what-if")
    facts = dict(found.points[12].facts)
    assert record.fleet is not None
    assert facts["plan of the fleet"] == record.fleet.hash.hex() != facts["plan"]
    assert facts["model"] == record.model_digest and facts["study"] == record.study_digest
    assert facts["ledger, key of its signatures"] == record.ledger_key.hex()


def test_central_noise_reports_the_exact_number_and_never_says_distributed(report: Report) -> None:
    found = report("central by secagg")
    assert found.promise.epsilon == found.promise.epsilon_exact
    assert "server itself excepted" in fact(found, 1, "holds against")
    assert "distributed" not in json.dumps(found.facts())


def test_an_epsilon_beyond_the_library_does_not_claim_to_have_been_checked(report: Report) -> None:
    found = report("local beyond the library")
    assert found.promise.epsilon > 700
    middle = fact(found, 6, "epsilon, privacy loss distribution")
    assert middle == "beyond what the library computes"
    assert "was checked" not in found.points[5].words[0]
    assert "was checked" in report().points[5].words[0]


def test_clips_are_those_of_the_training_whose_model_is_kept(
    report: Report, made: Callable[[str], Record]
) -> None:
    lines = [e for e in made("folds").journal if e["event"] == "round" and e["fold"] == 2]
    clips = [line["clip"] for line in lines]
    shown = fact(report("folds"), 9, "clip, first / least / greatest / last").split(" / ")
    wanted = [clips[0], min(clips), max(clips), clips[-1]]
    assert shown == [f"{clip:.4g}" for clip in wanted]
    assert "3 trainings over overlapping people" in report("folds").points[7].words[0]


def test_what_was_spent_before_and_in_other_trainings_is_added_up_in_rho(report: Report) -> None:
    before = "spent before, in other tasks of this population"
    found = report("earlier studies")
    assert fact(found, 8, before) == "0.250000000 rho"
    assert "this study alone" in found.points[7].words[0]
    folds = report("folds")
    whole = fact(folds, 8, "a device in all trainings of this run, at most")
    assert float(whole.split()[0]) > folds.promise.rho


def test_a_run_that_ended_early_and_rounds_that_were_given_up_are_told(report: Report) -> None:
    assert fact(report("budget"), 9, "stopped early").startswith("budget_exhausted")
    planned, held, closed = fact(
        report("abandoned rounds"), 9, "rounds planned / held / closed"
    ).split(" / ")
    assert planned == held == "4" and int(closed) < 4


def test_a_what_if_speaks_of_the_fleet_and_says_what_is_of_the_few(report: Report) -> None:
    found = report("what-if")
    assert found.banners[1].startswith("WHAT-IF: nobody whose recordings were used is protected")
    assert "N = 10,000" in fact(found, 4, "delta")
    assert any("few people of the what-if" in text for text in found.points[0].words)
    assert any("few people of the what-if" in text for text in found.points[8].words)


def test_private_metrics_and_the_clip_indicator_are_named_as_covered(report: Report) -> None:
    assert "accuracy and loss" in fact(report("private metrics"), 7, "covered")
    assert "indicator of the clip" in fact(report("adaptive clip"), 7, "covered")
    assert "in the same sums" in fact(report("adaptive clip"), 4, "covers")


def test_an_audit_is_repeated_with_its_verdicts(report: Report) -> None:
    failed = {"name": "canary", "passed": False, "what": "epsilon is 9 at least"}
    found = report(audit={"findings": [*AUDIT["findings"], failed]})
    assert fact(found, 10, "noise scale") == "passed: 1.00 of what is promised"
    assert fact(found, 10, "canary") == "FAILED: epsilon is 9 at least"
    assert "No audit" in report().points[9].words[0]


def test_two_findings_under_one_name_are_not_reported_as_one(report: Report) -> None:
    with pytest.raises(Incomplete, match="Audit"):
        report(audit={"findings": [AUDIT["findings"][0]] * 2})


def test_a_run_without_a_promise_has_no_report(tmp_path: Path) -> None:
    record = records.read(records.opened(runs.make(tmp_path / "none", "privacy.mode=none")))
    account = recompute(record)
    assert account.differences == () and account.privacy_loss is None
    with pytest.raises(Incomplete, match="nothing was promised"):
        privacy_report.build(record, account, audit=None, code_digest="c0de")


def test_a_point_says_something() -> None:
    assert Point("Audit", (), ("none",)).words == ("none",)
